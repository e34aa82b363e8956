// SPDX-License-Identifier: Apache-2.0
/*
 * What the contents of a request cost, on one core: finding its route, reading and judging the body of a
 * `docker create`, writing the record. Medians of ROUNDS rounds, in microseconds of CPU time, a line each.
 *
 *	build/bench_call [ROUNDS]	default: 15
 */
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "conversation/exchange.h"
#include "docker/call/call.h"
#include "docker/api/route.h"
#include "docker/api/shapes.h"
#include "base/text.h"

#define TURNS 5000
#define ROUNDS_MAX 1000

/* As Docker's command line 28 sends it, for API 1.41; ' stands for ". */
static const char create_body[] =
	"{'Hostname':'','Domainname':'','User':'','AttachStdin':false,'AttachStdout':true,"
	"'AttachStderr':true,'ExposedPorts':{'80/tcp':{}},'Tty':false,'OpenStdin':false,"
	"'StdinOnce':false,'Env':['POSTGRES_PASSWORD=hunter2','TZ=Europe/Berlin'],'Cmd':['nginx',"
	"'-g','daemon off;'],'Image':'nginx:1.25','Volumes':{},'WorkingDir':'','Entrypoint':null,"
	"'OnBuild':null,'Labels':{'com.example.team':'web'},"
	"'HostConfig':{'Binds':['/srv/data:/data',"
	"'/var/run/docker.sock:/var/run/docker.sock:ro'],'ContainerIDFile':'',"
	"'LogConfig':{'Type':'','Config':{}},'NetworkMode':'default',"
	"'PortBindings':{'80/tcp':[{'HostIp':'127.0.0.1','HostPort':'8080'}]},"
	"'RestartPolicy':{'Name':'unless-stopped','MaximumRetryCount':0},'AutoRemove':false,"
	"'VolumeDriver':'','VolumesFrom':null,'ConsoleSize':[0,0],'CapAdd':['CAP_NET_ADMIN'],"
	"'CapDrop':null,'CgroupnsMode':'','Dns':[],'DnsOptions':[],'DnsSearch':[],"
	"'ExtraHosts':null,'GroupAdd':null,'IpcMode':'','Cgroup':'','Links':null,'OomScoreAdj':0,"
	"'PidMode':'','Privileged':false,'PublishAllPorts':false,'ReadonlyRootfs':false,"
	"'SecurityOpt':['no-new-privileges'],'UTSMode':'','UsernsMode':'','ShmSize':0,"
	"'Isolation':'','CpuShares':0,'Memory':536870912,'NanoCpus':0,'CgroupParent':'',"
	"'BlkioWeight':0,'BlkioWeightDevice':[],'BlkioDeviceReadBps':[],'BlkioDeviceWriteBps':[],"
	"'BlkioDeviceReadIOps':[],'BlkioDeviceWriteIOps':[],'CpuPeriod':0,'CpuQuota':0,"
	"'CpuRealtimePeriod':0,'CpuRealtimeRuntime':0,'CpusetCpus':'','CpusetMems':'',"
	"'Devices':[],'DeviceCgroupRules':null,'DeviceRequests':null,'MemoryReservation':0,"
	"'MemorySwap':0,'MemorySwappiness':-1,'OomKillDisable':false,'PidsLimit':0,'Ulimits':[],"
	"'CpuCount':0,'CpuPercent':0,'IOMaximumIOps':0,'IOMaximumBandwidth':0,"
	"'Mounts':[{'Type':'bind','Source':'/etc/ssl/certs','Target':'/certs','ReadOnly':true}],"
	"'MaskedPaths':null,'ReadonlyPaths':null},"
	"'NetworkingConfig':{'EndpointsConfig':{'default':{'IPAMConfig':null,'Links':null,"
	"'Aliases':null,'MacAddress':'','DriverOpts':null,'GwPriority':0,'NetworkID':'',"
	"'EndpointID':'','Gateway':'','IPAddress':'','IPPrefixLen':0,'IPv6Gateway':'',"
	"'GlobalIPv6Address':'','GlobalIPv6PrefixLen':0,'DNSNames':null}}}}\n";

static const char create_target[] = "/v1.41/containers/create?name=web";
static const char answer[] =
	"{\"Id\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\",\"Warnings\":"
	"[]}\n";

struct bench {
	struct calls *calls;
	char body[sizeof(create_body)];
	struct exchange *exchange; /* described, for what writes its record */
	struct record record;
	struct text text;
};

static void die(const char *what)
{
	fprintf(stderr, "bench_call: %s\n", what);
	exit(1);
}

static double microseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

/* --- what is measured ------------------------------------------------------------------------- */

static void find_route(struct bench *bench)
{
	struct route_match match;

	text_cut(&bench->text, 0);
	route_find(METHOD_POST, bytes_of(create_target), &bench->text, &match);
	if (!match.route)
		die("there is no such route");
}

/* The body alone. */
static void read_body(struct bench *bench)
{
	struct body *body;

	if (body_new(&shape_container_create, 65536, NULL, &body) ||
	    body_feed(body, bench->body, sizeof(create_body) - 1))
		die("out of memory");
	if (body_state(body) != BODY_DONE)
		die("the body is not taken");
	body_free(body);
}

/* To the record's description, which is not written yet. */
static struct exchange *read_call(struct bench *bench)
{
	struct exchange *exchange = exchange_new(1, 1, 0, 1, calls_reader(bench->calls));
	struct http1_head head = {
		.status = 201, .framing = HTTP1_BODY_LENGTH, .content_length = sizeof(answer) - 1};

	if (!exchange)
		die("out of memory");
	memcpy(exchange->method, "POST", 5);
	exchange->http.verb = METHOD_POST;
	exchange->target = strdup(create_target);
	exchange->target_size = sizeof(create_target) - 1;
	exchange->mime_type = strdup("application/json");
	exchange->has_head = exchange->complete = exchange->http.has_request_bytes = true;
	exchange->http.request_bytes = sizeof(create_body) - 1;
	exchange->http.version_minor = 1;
	exchange_read(exchange, 0);
	exchange_body(exchange, bench->body, sizeof(create_body) - 1);
	exchange_answer(exchange, &head, 2);
	exchange_answer_body(exchange, answer, sizeof(answer) - 1);
	exchange_describe(exchange, &bench->record);
	if (bench->record.api.finding_count != 3)
		die("it was not judged as it is to be");
	return exchange;
}

static void read_and_judge(struct bench *bench)
{
	bench->record = (struct record){.action = RECORD_API_REQUEST};
	exchange_free(read_call(bench));
}

static void write_record(struct bench *bench)
{
	static const struct record_context context = {
		.host_name = "host",
		.boot_id = "0b5d2c5e-58a5-4d39-a1c4-3f7a9e1f2b60",
		.run_id = "run"};

	text_cut(&bench->text, 0);
	if (ecs_write(&bench->record, &context, &bench->text))
		die("out of memory");
}

/* --- how -------------------------------------------------------------------------------------- */

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

/* The median of ROUNDS rounds, for one turn of WORK. */
static double measure(struct bench *bench, unsigned int rounds, void (*work)(struct bench *bench))
{
	static double times[ROUNDS_MAX];

	for (unsigned int turn = 0; turn < TURNS; turn++)
		work(bench); /* warm */
	for (unsigned int i = 0; i < rounds; i++) {
		double start = microseconds();

		for (unsigned int turn = 0; turn < TURNS; turn++)
			work(bench);
		times[i] = (microseconds() - start) / TURNS;
	}
	qsort(times, rounds, sizeof(*times), compare);
	return times[rounds / 2];
}

static void stay_on_one_core(void)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(sched_getcpu() < 0 ? 0 : sched_getcpu(), &one);
	sched_setaffinity(0, sizeof(one), &one);
}

static void set_up(struct bench *bench, struct inventory **inventory)
{
	static const char *const sockets[] = {"/run/docker.sock", NULL};
	static const struct host_files files = {.sockets = sockets};
	struct calls_options options = {.socket_count = 1,
					.inventories = inventory,
					.files = &files,
					.memory_max = 1 << 20};

	for (size_t i = 0; i < sizeof(create_body); i++)
		bench->body[i] = (char)(create_body[i] == '\'' ? '"' : create_body[i]);
	if (inventory_new(100, inventory) || calls_new(&options, &bench->calls))
		die("out of memory");
}

int main(int argc, char **argv)
{
	unsigned int rounds = argc > 1 ? (unsigned int)strtoul(argv[1], NULL, 10) : 15;
	struct inventory *inventory;
	struct bench bench = {0};
	double route, body, read, write;

	if (!rounds || rounds > ROUNDS_MAX)
		die("ROUNDS is from 1 to 1000");
	stay_on_one_core();
	set_up(&bench, &inventory);
	route = measure(&bench, rounds, find_route);
	body = measure(&bench, rounds, read_body);
	read = measure(&bench, rounds, read_and_judge);
	bench.record = (struct record){.action = RECORD_API_REQUEST};
	bench.exchange = read_call(&bench);
	write = measure(&bench, rounds, write_record);
	printf("create_bytes %zu\nroute %.2f\nbody %.2f\njudged %.2f\nrecord_bytes %zu\nrecord "
	       "%.2f\n",
	       sizeof(create_body) - 1, route, body, read, bench.text.size, write);
	exchange_free(bench.exchange);
	calls_free(bench.calls);
	inventory_free(inventory);
	text_free(&bench.text);
	return 0;
}
