// SPDX-License-Identifier: Apache-2.0
/*
 * Which request made an event of the engine happen. By hand, case by case; and with an engine that is played, in which
 * the truth of each event is known: a wrong name must never come out of that.
 */
#include "calling.h"
#include "docker/causes.h"

#define MS 1000000ull
#define BOOT (1000 * 1000 * MS)		/* of our clock, at the beginning */
#define AHEAD (1700000000000ull * MS) /* of the engine's clock */
#define WAIT (2000 * MS)
#define USERS 5
#define EXEC_1 ID_OF("1")
#define EXEC_2 ID_OF("2")
#define IMAGE_ID "sha256:" ID_OF("f")

/* --- the stage -------------------------------------------------------------------------------- */

/* What callerd sees: requests, events and inspections, at times in ms since the beginning; and what it tells. */
struct stage {
	struct inventory *inventory;
	struct causes *causes;
	struct caller *users[USERS];
	struct text told, kept, inspected; /* a line each: records, deeds, containers that it asks for */
	uint64_t connections;
	void (*record)(void *data, const struct record *record); /* NULL: into .told */
	void *data;
};

static const struct record_context stage_context = {.boot_to_real = (int64_t)AHEAD};
static const char *const stage_sockets[] = {"/run/docker.sock"};

static uint64_t at(unsigned int ms)
{
	return BOOT + ms * MS;
}

static void add_word(struct text *line, struct bytes word)
{
	if (!word.size)
		return;
	if (line->size && line->data[line->size - 1] != '\n')
		text_add_char(line, ' ');
	text_add_bytes(line, word);
}

static void add_start_of_id(struct text *line, struct bytes id)
{
	add_word(line, id.size > 4 ? (struct bytes){id.data, 4} : id);
}

/* "create aaaa request id r1 alice", "start aaaa daemon restart-policy", "die aaaa =137 unknown". */
static void stage_record(void *data, struct record *record)
{
	struct stage *stage = data;
	struct text *told = &stage->told;

	assert_int_equal(record->action, RECORD_DOCKER_EVENT);
	if (stage->record) {
		stage->record(stage->data, record);
		return;
	}
	add_word(told, record->event.action);
	add_start_of_id(told, record->event.id);
	add_start_of_id(told, record->event.exec_id);
	add_word(told, record->event.signal);
	if (record->event.has_exit_code)
		text_add_format(told, " =%d", (int)record->event.exit_code);
	if (record->event.recovered)
		text_add_string(told, " recovered");
	add_word(told, bytes_of(record->cause.kind));
	add_word(told, bytes_of(record->cause.basis));
	add_word(told, bytes_of(record->cause.reason));
	add_word(told, record->cause.event_id);
	add_word(told, record->caller ? record->caller->process.name : (struct bytes){0});
	text_add_char(told, '\n');
}

static void stage_inspect(void *data, unsigned int socket, struct bytes container)
{
	struct stage *stage = data;

	add_start_of_id(&stage->inspected, container);
	text_add_char(&stage->inspected, '\n');
}

static void stage_put(void *data, unsigned int socket, const struct owned *owned)
{
	struct stage *stage = data;

	add_word(&stage->kept, bytes_of("put"));
	add_start_of_id(&stage->kept, owned->id);
	add_word(&stage->kept, owned->starter ? owned->starter->event_id : bytes_of("nobody"));
	text_add_char(&stage->kept, '\n');
}

static void stage_deed(void *data, unsigned int socket, struct bytes id, const struct deed *deed)
{
	struct stage *stage = data;

	add_word(&stage->kept, deed->action);
	add_start_of_id(&stage->kept, id);
	add_word(&stage->kept, bytes_of(cause_kind_name(deed->kind)));
	text_add_char(&stage->kept, '\n');
}

static void stage_put_exec(void *data, unsigned int socket, const struct owned_exec *exec)
{
	struct stage *stage = data;

	add_word(&stage->kept, bytes_of("put_exec"));
	add_start_of_id(&stage->kept, exec->id);
	add_word(&stage->kept, exec->starter->event_id);
	text_add_char(&stage->kept, '\n');
}

static void stage_end_exec(void *data, unsigned int socket, struct bytes id)
{
	struct stage *stage = data;

	add_word(&stage->kept, bytes_of("end_exec"));
	add_start_of_id(&stage->kept, id);
	text_add_char(&stage->kept, '\n');
}

static void stage_remove(void *data, unsigned int socket, struct bytes id, uint64_t time)
{
	struct stage *stage = data;

	assert_true(time >= AHEAD);
	add_word(&stage->kept, bytes_of("remove"));
	add_start_of_id(&stage->kept, id);
	text_add_char(&stage->kept, '\n');
}

static struct caller *make_user(const char *name)
{
	struct caller draft;

	memset(&draft, 0, sizeof(draft)); /* it is compared byte by byte */
	draft.process.pid = 100;
	draft.process.name = bytes_of(name);
	return caller_new(&draft, NULL, name, strlen(name));
}

static void stage_open_at(struct stage *stage, uint64_t now)
{
	static const char *const names[USERS] = {"alice", "bob", "carol", "dave", "erin"};
	struct causes_options options = {
		.socket_count = 1,
		.sockets = stage_sockets,
		.inventories = &stage->inventory,
		.context = &stage_context,
		.wait = WAIT,
		.keeper = {stage, stage_put, stage_deed, stage_put_exec, stage_end_exec,
			   stage_remove},
		.data = stage,
		.record = stage_record,
		.inspect_data = stage,
		.inspect = stage_inspect,
	};

	assert_int_equal(inventory_new(64, &stage->inventory), 0);
	assert_int_equal(causes_new(&options, now, &stage->causes), 0);
	for (unsigned int i = 0; i < USERS; i++)
		assert_non_null(stage->users[i] = make_user(names[i]));
}

static void stage_open(struct stage *stage)
{
	stage_open_at(stage, BOOT - 1);
}

static void stage_close(struct stage *stage)
{
	causes_free(stage->causes);
	inventory_free(stage->inventory);
	for (unsigned int i = 0; i < USERS; i++)
		caller_unref(stage->users[i]);
	text_free(&stage->told);
	text_free(&stage->kept);
	text_free(&stage->inspected);
	*stage = (struct stage){0};
}

/* USER's request, on a connection of its own, whose number is kept in the request. */
static struct request *begin_request(struct stage *stage, unsigned int user, const char *operation,
				     const char *event_id, unsigned int ms)
{
	struct request *request =
		ledger_begin(causes_ledger(stage->causes), 0, ++stage->connections, at(ms),
			     operation, bytes_of(event_id));

	assert_non_null(request);
	request_set_sender(request, stage->users[user], (struct bytes){0}, (struct bytes){0});
	return request;
}

/* The same of the container (the exec, the image …) ID. */
static struct request *begin_of(struct stage *stage, unsigned int user, const char *operation,
				const char *event_id, const char *id, unsigned int ms)
{
	struct request *request = begin_request(stage, user, operation, event_id, ms);

	request_set_target(request, bytes_of(id), (struct bytes){0}, (struct bytes){0});
	return request;
}

/* The response is over as well. */
static void answer(struct stage *stage, struct request *request, int status, unsigned int ms)
{
	uint64_t connection = request->connection;

	request_answered(request, status, at(ms));
	request_end(request);
	ledger_over(causes_ledger(stage->causes), connection, false, at(ms));
}

/* Nobody waits for an answer any more. */
static void fall_silent(struct stage *stage, struct request *request, unsigned int ms)
{
	uint64_t connection = request->connection;

	request_answered(request, 0, 0);
	request_end(request);
	ledger_over(causes_ledger(stage->causes), connection, true, at(ms));
}

/* A whole request, whose event was told or is to be, in its middle. */
static void make_request(struct stage *stage, unsigned int user, const char *operation,
			 const char *event_id, const char *id, unsigned int ms)
{
	answer(stage, begin_of(stage, user, operation, event_id, id, ms - 5), 204, ms + 5);
}

static void tell_event(struct stage *stage, struct engine_event event, unsigned int ms)
{
	event.time = at(ms) + AHEAD;
	causes_event(stage->causes, 0, &event, at(ms));
}

#define EVENT(type_of, action_of, id_of, ...)                                                      \
	((struct engine_event){.type = bytes_of(type_of),                                          \
			       .action = bytes_of(action_of),                                      \
			       .id = bytes_of(id_of),                                              \
			       __VA_ARGS__})
#define OF_CONTAINER(action, id, ...) EVENT("container", action, id, ##__VA_ARGS__)

static void happens(struct stage *stage, const char *action, const char *id, unsigned int ms)
{
	tell_event(stage, OF_CONTAINER(action, id), ms);
}

/* The end by SIGKILL or not; a container's labels are known from its creation. */
static void dies(struct stage *stage, const char *id, int exit_code, unsigned int ms)
{
	tell_event(stage,
		   OF_CONTAINER("die", id, .has_exit_code = true, .exit_code = exit_code,
				.attributes = ATTRIBUTE_EXIT_CODE),
		   ms);
}

static void is_killed(struct stage *stage, const char *id, const char *signal, unsigned int ms)
{
	tell_event(stage,
		   OF_CONTAINER("kill", id, .signal = bytes_of(signal),
				.attributes = ATTRIBUTE_SIGNAL),
		   ms);
}

static void run_at(struct stage *stage, unsigned int ms)
{
	causes_run(stage->causes, at(ms));
}

static void expect_text(struct text *text, const char *wanted, int line)
{
	const char *is = text->data ?: "";

	if (strcmp(is, wanted) != 0)
		fail_msg("line %d says\n%swanted\n%s", line, is, wanted);
	text_cut(text, 0);
}

#define EXPECT(stage, wanted) expect_text(&(stage)->told, wanted, __LINE__)

/* What it tells at MS is WANTED. */
#define EXPECT_AT(stage, ms, wanted)                                                               \
	do {                                                                                       \
		run_at(stage, ms);                                                                 \
		EXPECT(stage, wanted);                                                             \
	} while (0)

/* The engine tells of a container, with these members. */
static void inspected(struct stage *stage, const char *id, const char *members, unsigned int ms)
{
	struct text json = {0};
	struct body *body;
	size_t size;
	char *text;

	text_add_format(&json, "{'Id':'%s','Name':'/web'%s%s}", id, *members ? "," : "", members);
	text = quoted(json.data, &size);
	assert_int_equal(body_new(&shape_container_inspect, AMPLE, NULL, &body), 0);
	assert_int_equal(body_feed(body, text, size), 0);
	assert_int_equal(body_state(body), BODY_DONE);
	causes_inspected(stage->causes, 0, body_value(body), at(ms));
	body_free(body);
	free(text);
	text_free(&json);
}

#define POLICY(name) "'HostConfig':{'RestartPolicy':{'Name':'" name "'}}"

/* The container ID, which alice created as c1 and bob started as s1, ended by itself if ENDED; at 20, 40, 60 ms. */
static void live_once(struct stage *stage, const char *id, bool ended)
{
	struct request *create = begin_request(stage, 0, "ContainerCreate", "c1", 10);

	request_set_made(create, bytes_of(id));
	happens(stage, "create", id, 20);
	answer(stage, create, 201, 30);
	make_request(stage, 1, "ContainerStart", "s1", id, 40);
	happens(stage, "start", id, 40);
	if (ended)
		dies(stage, id, 1, 60);
	run_at(stage, 80);
	EXPECT(stage, !ended ? "create aaaa request id c1 alice\n"
			       "start aaaa request id s1 bob\n"
			     : "create aaaa request id c1 alice\n"
			       "start aaaa request id s1 bob\n"
			       "die aaaa =1 inherited id s1 bob\n");
}

/* --- creations -------------------------------------------------------------------------------- */

static void test_create_by_its_answer(void **state)
{
	struct stage stage = {0};
	struct request *one, *other;

	stage_open(&stage);
	one = begin_request(&stage, 0, "ContainerCreate", "r1", 10);
	other = begin_request(&stage, 1, "ContainerCreate", "r2", 11);
	/* The event comes first; then the answer. */
	happens(&stage, "create", B_ID, 20);
	EXPECT_AT(&stage, 21, "");
	request_answered(other, 201, at(22));
	EXPECT_AT(&stage, 23, "");
	request_set_made(other, bytes_of(B_ID));
	EXPECT_AT(&stage, 24, "create bbbb request id r2 bob\n");
	/* The other way round. */
	request_answered(one, 201, at(30));
	request_set_made(one, bytes_of(A_ID));
	run_at(&stage, 31);
	happens(&stage, "create", A_ID, 29);
	EXPECT_AT(&stage, 32, "create aaaa request id r1 alice\n");
	request_end(one);
	request_end(other);
	stage_close(&stage);
}

static void make_id(char id[ID_DIGITS + 1], unsigned int number)
{
	snprintf(id, ID_DIGITS + 1, "%064x", number);
}

/* All under way at once, answered in an order of their own. */
static void test_fifty_creates(void **state)
{
	enum { ALL = 50 };

	struct stage stage = {0};
	struct request *requests[ALL];
	struct text wanted = {0};
	char id[ID_DIGITS + 1], event_id[8];

	stage_open(&stage);
	for (unsigned int i = 0; i < ALL; i++) {
		snprintf(event_id, sizeof(event_id), "r%u", i);
		requests[i] =
			begin_request(&stage, i % USERS, "ContainerCreate", event_id, 10 + i);
	}
	for (unsigned int i = 0; i < ALL; i++) {
		unsigned int made = i * 7 % ALL;

		make_id(id, made);
		happens(&stage, "create", id, 100 + i);
		text_add_format(&wanted, "create 0000 request id r%u %s\n", made,
				stage.users[made % USERS]->process.name.data);
	}
	for (unsigned int i = 0; i < ALL; i++) {
		unsigned int made = i * 11 % ALL;

		run_at(&stage, 200 + i);
		make_id(id, made);
		request_set_made(requests[made], bytes_of(id));
		answer(&stage, requests[made], 201, 200 + i);
	}
	EXPECT_AT(&stage, 300, wanted.data);
	text_free(&wanted);
	stage_close(&stage);
}

/* Answers that never come, or that nobody could read. */
static void test_create_without_answer(void **state)
{
	struct stage stage = {0};
	struct request *one, *other;
	struct causes_stats stats;

	stage_open(&stage);
	/* The only one. */
	one = begin_request(&stage, 0, "ContainerCreate", "r1", 10);
	happens(&stage, "create", A_ID, 20);
	EXPECT_AT(&stage, 2019, "");
	EXPECT_AT(&stage, 2021, "create aaaa request time r1 alice\n");
	EXPECT_AT(&stage, 2022, "");
	/* One of two. */
	other = begin_request(&stage, 1, "ContainerCreate", "r2", 3000);
	happens(&stage, "create", B_ID, 3010);
	EXPECT_AT(&stage, 5011, "create bbbb unknown\n");
	/* It has the name that one of them asked for. */
	request_set_result(other, bytes_of("web"));
	tell_event(&stage, OF_CONTAINER("create", C_ID, .name = bytes_of("web")), 6000);
	EXPECT_AT(&stage, 8001, "create cccc request name r2 bob\n");
	/* It has the name of neither, and one asked for another image. */
	request_set_image(one, bytes_of("busybox"));
	tell_event(&stage,
		   OF_CONTAINER("create", D_ID, .name = bytes_of("x"), .image = bytes_of("alpine")),
		   9000);
	EXPECT_AT(&stage, 11001, "create dddd unknown\n");
	/* They fail. */
	answer(&stage, one, 409, 13000);
	answer(&stage, other, 500, 13000);
	happens(&stage, "create", E_ID, 12500);
	EXPECT_AT(&stage, 13001, "create eeee unknown\n");
	causes_stats(stage.causes, &stats);
	assert_int_equal(stats.events, 5);
	assert_int_equal(stats.kinds[CAUSE_UNKNOWN], 3);
	assert_int_equal(stats.late, 4);
	assert_int_equal(stats.waiting, 0);
	stage_close(&stage);
}

/* A sender who comes to be known late is waited for; the engine's order stays. */
static void test_late_sender(void **state)
{
	struct stage stage = {0};
	struct request *request;

	stage_open(&stage);
	live_once(&stage, A_ID, false);
	request = ledger_begin(causes_ledger(stage.causes), 0, 99, at(100), "ContainerPause",
			       bytes_of("p1"));
	request_set_target(request, bytes_of(A_ID), (struct bytes){0}, (struct bytes){0});
	request_answered(request, 204, at(120));
	happens(&stage, "pause", A_ID, 110);
	make_request(&stage, 2, "ContainerUnpause", "u1", A_ID, 130);
	happens(&stage, "unpause", A_ID, 130);
	EXPECT_AT(&stage, 500, "");
	request_set_sender(request, stage.users[3], bytes_of("box"), bytes_of("alpine"));
	EXPECT_AT(&stage, 501,
		  "pause aaaa request id p1 dave\nunpause aaaa request id u1 carol\n");
	request_end(request);
	/* Not for ever: the request is known all the same. */
	request = ledger_begin(causes_ledger(stage.causes), 0, 98, at(600), "ContainerPause",
			       bytes_of("p2"));
	request_set_target(request, bytes_of(A_ID), (struct bytes){0}, (struct bytes){0});
	request_answered(request, 204, at(620));
	happens(&stage, "pause", A_ID, 610);
	EXPECT_AT(&stage, 2600, "");
	EXPECT_AT(&stage, 2611, "pause aaaa request id p2\n");
	request_end(request);
	stage_close(&stage);
}

/* --- starts ----------------------------------------------------------------------------------- */

/* Of two at once, the one that is answered with 204 did it. */
static void test_two_starts(void **state)
{
	for (unsigned int order = 0; order < 4; order++) {
		struct stage stage = {0};
		struct request *starts[2];
		unsigned int first = order & 1, winner = order >> 1;

		stage_open(&stage);
		starts[0] = begin_of(&stage, 0, "ContainerStart", "r1", A_ID, 10);
		starts[1] = begin_of(&stage, 1, "ContainerStart", "r2", A_ID, 12);
		happens(&stage, "start", A_ID, 20);
		EXPECT_AT(&stage, 25, "");
		answer(&stage, starts[first], first == winner ? 204 : 304, 30);
		EXPECT_AT(&stage, 35, "");
		answer(&stage, starts[!first], first == winner ? 304 : 204, 40);
		EXPECT_AT(&stage, 41, winner ? "start aaaa request id r2 bob\n"
					     : "start aaaa request id r1 alice\n");
		stage_close(&stage);
	}
}

/* A start that is not answered may be answered with 304 yet, and one that failed started nothing. */
static void test_start_needs_its_answer(void **state)
{
	struct stage stage = {0};
	struct request *request;

	stage_open(&stage);
	request = begin_of(&stage, 0, "ContainerStart", "r1", A_ID, 10);
	happens(&stage, "start", A_ID, 20);
	inspected(&stage, A_ID, POLICY("always"), 25);
	EXPECT_AT(&stage, 2000, "");
	EXPECT_AT(&stage, 2021, "start aaaa unknown\n");
	answer(&stage, request, 500, 3010);
	happens(&stage, "start", A_ID, 3005);
	EXPECT_AT(&stage, 3020, "start aaaa unknown\n");
	/* What it did before it failed is its own. */
	tell_event(&stage, EVENT("network", "connect", B_ID, .container = bytes_of(A_ID)), 3006);
	EXPECT_AT(&stage, 3021, "connect bbbb request id r1 alice\n");
	stage_close(&stage);
}

static void test_starter_by_another_door(void **state)
{
	struct stage stage = {0};

	stage_open(&stage);
	live_once(&stage, A_ID, true);
	inspected(&stage, A_ID, POLICY("no"), 90);
	happens(&stage, "start", A_ID, 100);
	dies(&stage, A_ID, 0, 200);
	happens(&stage, "oom", A_ID, 201);
	EXPECT_AT(&stage, 210, "start aaaa unknown\ndie aaaa =0 unknown\noom aaaa unknown\n");
	make_request(&stage, 2, "ContainerStart", "s2", A_ID, 300);
	happens(&stage, "start", A_ID, 300);
	tell_event(&stage, OF_CONTAINER("health_status", A_ID, .health = bytes_of("healthy")), 400);
	EXPECT_AT(&stage, 410,
		  "start aaaa request id s2 carol\nhealth_status aaaa inherited id s2 carol\n");
	stage_close(&stage);
}

/* --- ends ------------------------------------------------------------------------------------- */

static void test_stop(void **state)
{
	struct stage stage = {0};
	struct request *stop;

	stage_open(&stage);
	live_once(&stage, A_ID, false);
	stop = begin_of(&stage, 2, "ContainerStop", "k1", A_ID, 100);
	is_killed(&stage, A_ID, "15", 101);
	dies(&stage, A_ID, 143, 110);
	tell_event(&stage, EVENT("network", "disconnect", B_ID, .container = bytes_of(A_ID)), 111);
	happens(&stage, "stop", A_ID, 112);
	answer(&stage, stop, 204, 113);
	EXPECT_AT(&stage, 114,
		  "kill aaaa 15 request id k1 carol\ndie aaaa =143 request id k1 carol\n"
		  "disconnect bbbb request id k1 carol\nstop aaaa request id k1 carol\n");
	stage_close(&stage);
}

/* It takes its ten seconds: each event is told in time, as that request's. */
static void test_long_stop(void **state)
{
	struct stage stage = {0};
	struct request *stop;

	stage_open(&stage);
	live_once(&stage, A_ID, false);
	stop = begin_of(&stage, 2, "ContainerStop", "k1", A_ID, 100);
	is_killed(&stage, A_ID, "15", 101);
	EXPECT_AT(&stage, 2102, "kill aaaa 15 request id k1 carol\n");
	is_killed(&stage, A_ID, "9", 10101);
	dies(&stage, A_ID, 137, 10110);
	answer(&stage, stop, 204, 10113);
	EXPECT_AT(&stage, 10114,
		  "kill aaaa 9 request id k1 carol\ndie aaaa =137 request id k1 carol\n");
	stage_close(&stage);
}

/* Whoever waits for the end with a request of his own did not cause it, though it was under way. */
static void test_end_by_itself(void **state)
{
	static const struct {
		const char *operation;
		int status;
	} cases[] = {
		{"ContainerStop", 304}, /* there was nothing left to do */
		{"ContainerStop", 204}, {"ContainerDelete", 204}, {"ContainerDelete", 409},
		{"ContainerKill", 409}, {"ContainerRestart", 204},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct stage stage = {0};
		struct request *request;

		stage_open(&stage);
		live_once(&stage, A_ID, false);
		request = begin_of(&stage, 2, cases[i].operation, "k1", A_ID, 100);
		dies(&stage, A_ID, 137, 105);
		tell_event(&stage, EVENT("volume", "unmount", "v", .container = bytes_of(A_ID)),
			   107);
		answer(&stage, request, cases[i].status, 120);
		run_at(&stage, 130);
		EXPECT(&stage, strcmp(cases[i].operation, "ContainerRestart") != 0
				       ? "die aaaa =137 inherited id s1 bob\n"
					 "unmount v inherited id s1 bob\n"
				       /* this one mounts again */
				       : "die aaaa =137 inherited id s1 bob\n"
					 "unmount v request id k1 carol\n");
		stage_close(&stage);
	}
}

/* A signal sent before does not make the request that happens to be under way the cause. */
static void test_end_in_another_request(void **state)
{
	struct stage stage = {0};
	struct request *request;

	stage_open(&stage);
	live_once(&stage, A_ID, false);
	make_request(&stage, 2, "ContainerKill", "k1", A_ID, 100);
	is_killed(&stage, A_ID, "1", 100);
	request = begin_of(&stage, 3, "ContainerDelete", "d1", A_ID, 500);
	dies(&stage, A_ID, 137, 510);
	happens(&stage, "destroy", A_ID, 520);
	answer(&stage, request, 204, 530);
	EXPECT_AT(&stage, 540,
		  "kill aaaa 1 request id k1 carol\ndie aaaa =137 inherited id s1 bob\n"
		  "destroy aaaa request id d1 dave\n");
	stage_close(&stage);
}

static void test_signals(void **state)
{
	struct stage stage = {0};

	stage_open(&stage);
	live_once(&stage, A_ID, false);
	/* SIGTERM, which it obeys when it likes to. */
	make_request(&stage, 2, "ContainerKill", "k1", A_ID, 100);
	is_killed(&stage, A_ID, "15", 100);
	dies(&stage, A_ID, 143, 700);
	EXPECT_AT(&stage, 701,
		  "kill aaaa 15 request id k1 carol\ndie aaaa =143 inherited id s1 bob\n");
	/* SIGKILL, and it takes longer than the request. */
	make_request(&stage, 1, "ContainerStart", "s2", A_ID, 800);
	happens(&stage, "start", A_ID, 800);
	make_request(&stage, 2, "ContainerKill", "k2", A_ID, 900);
	is_killed(&stage, A_ID, "9", 900);
	dies(&stage, A_ID, 137, 1500);
	EXPECT_AT(&stage, 1501,
		  "start aaaa request id s2 bob\nkill aaaa 9 request id k2 carol\n"
		  "die aaaa =137 request id k2 carol\n");
	/* Its exit code says that it did not die of that. */
	make_request(&stage, 1, "ContainerStart", "s3", A_ID, 1600);
	happens(&stage, "start", A_ID, 1600);
	make_request(&stage, 2, "ContainerKill", "k3", A_ID, 1700);
	is_killed(&stage, A_ID, "9", 1700);
	dies(&stage, A_ID, 0, 1800);
	EXPECT_AT(&stage, 1801,
		  "start aaaa request id s3 bob\nkill aaaa 9 request id k3 carol\n"
		  "die aaaa =0 inherited id s3 bob\n");
	stage_close(&stage);
}

/* Two send SIGKILL, or one of them is not known: whose it was cannot be told. */
static void test_killers(void **state)
{
	for (unsigned int unseen = 0; unseen < 2; unseen++) {
		struct stage stage = {0};
		struct request *kill;

		stage_open(&stage);
		live_once(&stage, A_ID, false);
		if (!unseen)
			make_request(&stage, 2, "ContainerKill", "k1", A_ID, 100);
		is_killed(&stage, A_ID, "9", 100);
		kill = begin_of(&stage, 3, "ContainerKill", "k2", A_ID, 150);
		is_killed(&stage, A_ID, "9", 155);
		dies(&stage, A_ID, 137, 160);
		answer(&stage, kill, 204, 165);
		run_at(&stage, 170);
		EXPECT(&stage, unseen ? "kill aaaa 9 unknown\n"
					"kill aaaa 9 request id k2 dave\n"
					"die aaaa =137 inherited id s1 bob\n"
				      : "kill aaaa 9 request id k1 carol\n"
					"kill aaaa 9 request id k2 dave\n"
					"die aaaa =137 inherited id s1 bob\n");
		stage_close(&stage);
	}
}

/* Both wait for the same end. */
static void test_two_stops(void **state)
{
	struct stage stage = {0};
	struct request *one, *other;

	stage_open(&stage);
	live_once(&stage, A_ID, false);
	one = begin_of(&stage, 2, "ContainerStop", "k1", A_ID, 100);
	is_killed(&stage, A_ID, "15", 101);
	other = begin_of(&stage, 3, "ContainerStop", "k2", A_ID, 110);
	is_killed(&stage, A_ID, "15", 111);
	dies(&stage, A_ID, 143, 120);
	happens(&stage, "stop", A_ID, 121);
	answer(&stage, one, 204, 122);
	answer(&stage, other, 204, 122);
	EXPECT_AT(&stage, 130,
		  "kill aaaa 15 request id k1 carol\nkill aaaa 15 unknown\n"
		  "die aaaa =143 inherited id s1 bob\nstop aaaa unknown\n");
	stage_close(&stage);
}

static void test_podman_tells_no_signals(void **state)
{
	struct stage stage = {0};
	struct request *stop;

	stage_open(&stage);
	causes_set_engine(stage.causes, 0, "podman", false);
	live_once(&stage, A_ID, false);
	stop = begin_of(&stage, 2, "ContainerStopLibpod", "k1", A_ID, 100);
	dies(&stage, A_ID, 143, 105);
	answer(&stage, stop, 204, 110);
	EXPECT_AT(&stage, 120, "die aaaa =143 request id k1 carol\n");
	stage_close(&stage);
}

/* Whoever fails did not do it, where the engine would have said so only afterwards. */
static void test_failures(void **state)
{
	static const struct {
		const char *operation, *action;
		int status;
		bool counts;
	} cases[] = {
		{"ContainerPause", "pause", 204, true},	  {"ContainerPause", "pause", 409, false},
		{"ContainerRename", "rename", 204, true}, {"ContainerRename", "rename", 500, false},
		{"ContainerUpdate", "update", 200, true}, {"ContainerUpdate", "update", 400, false},
		{"ContainerAttach", "attach", 101, true}, {"ContainerAttach", "attach", 500, false},
		{"ImageCommit", "unpause", 500, true},	  {"ContainerStop", "kill", 500, true},
		{"ContainerKill", "kill", 404, false},	  {"ImageCommit", "commit", 500, false},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct stage stage = {0};
		struct request *request;

		stage_open(&stage);
		request = begin_of(&stage, 0, cases[i].operation, "r1", A_ID, 10);
		happens(&stage, cases[i].action, A_ID, 20);
		answer(&stage, request, cases[i].status, 30);
		run_at(&stage, 40);
		if (!strstr(stage.told.data, cases[i].counts ? "request id r1" : "unknown"))
			fail_msg("%s of %s with %d: %s", cases[i].action, cases[i].operation,
				 cases[i].status, stage.told.data);
		stage_close(&stage);
	}
}
