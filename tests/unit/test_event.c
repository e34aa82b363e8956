// SPDX-License-Identifier: Apache-2.0
/*
 * Every case is what an engine sends and what is told of it, as one line of text. It is read whole, byte by byte,
 * and split in two at every position. The lines of Docker are from 20.10.24, those of Podman from 4.3.1 where
 * nothing else is said.
 */
#include "transcript.h"

#include "docker/cause/engine_event.h"
#include "json/body.h"

#define SPLIT_MAX 2000 /* larger inputs are split at fewer positions */

/* --- what is told --------------------------------------------------------------------------------- */

static void say_text(struct transcript *transcript, const char *name, struct bytes text)
{
	assert_true(text.data || !text.size);
	if (!text.data)
		return;
	say(transcript, " %s=", name);
	for (size_t i = 0; i < text.size; i++) {
		if ((unsigned char)text.data[i] < ' ')
			say(transcript, "\\%02x", text.data[i]);
		else
			say(transcript, "%c", text.data[i]);
	}
}

static void say_attributes(struct transcript *transcript, const char *name, unsigned int attributes)
{
	static const char *const names[] = {"exitCode", "signal", "execID", "name", "image"};

	assert_true(!(attributes >> ATTRIBUTES) && COUNT(names) == ATTRIBUTES);
	if (attributes)
		say(transcript, " %s", name);
	for (unsigned int i = 0; i < ATTRIBUTES; i++)
		if (attributes >> i & 1)
			say(transcript, ":%s", names[i]);
}

static void say_event(void *data, const struct engine_event *event)
{
	struct transcript *transcript = data;

	say(transcript, "%s%.*s %.*s", transcript->size ? "\n" : "", (int)event->type.size,
	    event->type.data, (int)event->action.size, event->action.data);
	assert_int_equal(event->kind, engine_type_by_name(event->type));
	assert_int_equal(event->act, engine_action_by_name(event->action));
	say_text(transcript, "id", event->id);
	say_text(transcript, "name", event->name);
	say_text(transcript, "image", event->image);
	say_text(transcript, "container", event->container);
	say_text(transcript, "exec", event->exec_id);
	say_text(transcript, "command", event->program);
	say_text(transcript, "health", event->health);
	say_text(transcript, "signal", event->signal);
	if (event->has_exit_code)
		say(transcript, " code=%lld", (long long)event->exit_code);
	say(transcript, "%s", event->swarm_task ? " swarm" : "");
	say_attributes(transcript, "has", event->attributes);
	say_attributes(transcript, "labels", event->labels);
	say(transcript, " at=%llu", (unsigned long long)event->time);
}

static void feed(struct engine_event_reader *reader, const char *bytes, size_t size)
{
	char *piece = guarded_piece(bytes, size);

	assert_int_equal(engine_event_reader_feed(reader, piece, size), 0);
	memset(piece, 0xa5, size); /* nobody may keep a pointer into it */
}

static void feed_text(struct engine_event_reader *reader, const char *text)
{
	feed(reader, text, strlen(text));
}

static struct engine_event_reader *
new_reader(void (*callback)(void *data, const struct engine_event *event), void *data)
{
	struct engine_event_reader *reader;

	assert_int_equal(engine_event_reader_new(callback, data, &reader), 0);
	return reader;
}

/* Reads in pieces of FIRST, then of THEN bytes. */
static void check_reading(struct bytes input, size_t first, size_t then, const char *expected)
{
	static struct transcript transcript;
	struct engine_event_reader *reader = new_reader(say_event, &transcript);

	transcript_begin(&transcript);
	for (size_t at = 0, piece = first; at < input.size; at += piece, piece = then)
		feed(reader, input.data + at, piece < input.size - at ? piece : input.size - at);
	if (engine_event_reader_malformed(reader))
		say(&transcript, "%s%llu malformed", transcript.size ? "\n" : "",
		    (unsigned long long)engine_event_reader_malformed(reader));
	engine_event_reader_free(reader);
	if (strcmp(transcript.text, expected))
		print_error("%.*s\n in pieces of %zu, then %zu\n",
			    (int)(input.size < 900 ? input.size : 900), input.data, first, then);
	assert_string_equal(transcript.text, expected);
}

static void check_bytes(struct bytes input, const char *expected)
{
	check_reading(input, input.size, input.size, expected);
	check_reading(input, 1, 1, expected);
	for (size_t at = 1; at<input.size; at += input.size> SPLIT_MAX ? input.size / 97 : 1)
		check_reading(input, at, input.size, expected);
}

static void check(const char *input, const char *expected)
{
	check_bytes((struct bytes){input, strlen(input)}, expected);
}

struct a_case {
	const char *input, *expected;
};

static void check_cases(const struct a_case *cases, size_t count)
{
	for (size_t i = 0; i < count; i++)
		check(cases[i].input, cases[i].expected);
}

/* --- Docker --------------------------------------------------------------------------------------- */

#define PLAIN "06e69e78faf15b696e862a240b9b06ebed616b4d330f4eb205b3fd00c8055a7e"
#define SICK "d35be29c7cd6c6b28c9a27935440834f6b62fa9d1fd83354c2a70699786c83bb"
#define LIAR "cb0405c01407456d1224bc20381ccc9d8b409b40ca1d7a77cd4980c865e976fe"
#define EXEC "529e1316246475dde35bb637905b5fccd3fb45b98143897e6e8d6d9893588773"
#define NONE "c2d84627ef52e2e4a55c6c003f5f05d0d4a1aecad0b7f0d6e69953b8533e31aa"
#define IMAGE "sha256:b05541bb6715177f9ee7ccc08f28756f72d2169a671dabff9bb93b77ac295a2e"

/* As Docker 20.10 writes an event of a container. ACTION is JSON already. */
#define DOCKER(action, id, attributes, time)                                                       \
	"{\"status\":\"" action "\",\"id\":\"" id "\",\"from\":\"bb\",\"Type\":\"container\","     \
	"\"Action\":\"" action "\",\"Actor\":{\"ID\":\"" id "\",\"Attributes\":{" attributes       \
	"}},\"scope\":\"local\",\"time\":1795331015,\"timeNano\":" time "}\n"
#define OTHER(type, action, id, attributes)                                                        \
	"{\"Type\":\"" type "\",\"Action\":\"" action "\",\"Actor\":{\"ID\":\"" id                 \
	"\",\"Attributes\":{" attributes                                                           \
	"}},\"scope\":\"local\",\"time\":1795331015,\"timeNano\":1795331015087651596}\n"

static const struct a_case docker_cases[] = {
	{DOCKER("create", PLAIN, "\"image\":\"bb\",\"name\":\"plain\"", "1795331015127570214"),
	 "container create id=" PLAIN " name=plain image=bb has:name:image at=1795331015127570214"},
	{DOCKER("start", PLAIN, "\"image\":\"bb\",\"name\":\"plain\"", "1795331015249563696"),
	 "container start id=" PLAIN " name=plain image=bb has:name:image at=1795331015249563696"},
	{DOCKER("exec_create: sh -c echo hi; exit 3", PLAIN,
		"\"execID\":\"" EXEC "\",\"image\":\"bb\",\"name\":\"plain\"",
		"1795331015270187924"),
	 "container exec_create id=" PLAIN " name=plain image=bb exec=" EXEC
	 " command=sh has:execID:name:image at=1795331015270187924"},
	{DOCKER("exec_start: sh -c echo hi; exit 3", PLAIN,
		"\"execID\":\"" EXEC "\",\"image\":\"bb\",\"name\":\"plain\"",
		"1795331015271136822"),
	 "container exec_start id=" PLAIN " name=plain image=bb exec=" EXEC
	 " command=sh has:execID:name:image at=1795331015271136822"},
	{DOCKER("exec_die", PLAIN,
		"\"execID\":\"" EXEC "\",\"exitCode\":\"3\",\"image\":\"bb\",\"name\":\"plain\"",
		"1795331015334230723"),
	 "container exec_die id=" PLAIN " name=plain image=bb exec=" EXEC
	 " code=3 has:exitCode:execID:name:image at=1795331015334230723"},
	{DOCKER("exec_detach", PLAIN, "\"execID\":\"" EXEC "\",\"image\":\"bb\",\"name\":\"plain\"",
		"1795331015334230723"),
	 "container exec_detach id=" PLAIN " name=plain image=bb exec=" EXEC
	 " has:execID:name:image at=1795331015334230723"},
	{DOCKER("kill", PLAIN, "\"image\":\"bb\",\"name\":\"plain\",\"signal\":\"10\"",
		"1795331015815425402"),
	 "container kill id=" PLAIN
	 " name=plain image=bb signal=10 has:signal:name:image at=1795331015815425402"},
	{DOCKER("rename", PLAIN, "\"image\":\"bb\",\"name\":\"other\",\"oldName\":\"/plain\"",
		"1795331015887519199"),
	 "container rename id=" PLAIN " name=other image=bb has:name:image at=1795331015887519199"},
	{DOCKER("die", PLAIN, "\"exitCode\":\"137\",\"image\":\"bb\",\"name\":\"other\"",
		"1795331016956081110"),
	 "container die id=" PLAIN
	 " name=other image=bb code=137 has:exitCode:name:image at=1795331016956081110"},
	{DOCKER("health_status: unhealthy", SICK, "\"image\":\"bb\",\"name\":\"sick\"",
		"1795331018783243931"),
	 "container health_status id=" SICK
	 " name=sick image=bb health=unhealthy has:name:image at=1795331018783243931"},
	{OTHER("volume", "create", "v1", "\"driver\":\"local\""),
	 "volume create id=v1 at=1795331015087651596"},
	{OTHER("volume", "mount", "v1",
	       "\"container\":\"" PLAIN "\",\"destination\":\"/v\",\"driver\":\"local\","
	       "\"propagation\":\"\",\"read/write\":\"true\""),
	 "volume mount id=v1 container=" PLAIN " at=1795331015087651596"},
	{OTHER("volume", "prune", "", "\"reclaimed\":\"0\""),
	 "volume prune at=1795331015087651596"},
	{OTHER("network", "connect", NONE,
	       "\"container\":\"" PLAIN "\",\"name\":\"none\",\"type\":\"null\""),
	 "network connect id=" NONE " name=none container=" PLAIN
	 " has:name at=1795331015087651596"},
	{OTHER("network", "remove", NONE, "\"name\":\"swarmed\""),
	 "network remove id=" NONE " name=swarmed has:name at=1795331015087651596"},
	{"{\"status\":\"tag\",\"id\":\"" IMAGE
	 "\",\"Type\":\"image\",\"Action\":\"tag\",\"Actor\":{\"ID\":\"" IMAGE
	 "\",\"Attributes\":{\"exitCode\":\"1\",\"name\":\"lab:two\"}},\"scope\":\"local\","
	 "\"time\":1795331022,\"timeNano\":1795331022630108841}\n",
	 "image tag id=" IMAGE
	 " name=lab:two has:exitCode:name labels:exitCode at=1795331022630108841"},
	{OTHER("daemon", "reload", "ABCD:EFGH", "\"labels\":\"[]\",\"name\":\"host\""),
	 "daemon reload id=ABCD:EFGH name=host has:name at=1795331015087651596"},
	/* Docker 29, of an API from 1.52 on: without the fields of old. */
	{OTHER("container", "die", PLAIN,
	       "\"execDuration\":\"3\",\"exitCode\":\"0\",\"image\":\"bb\",\"name\":\"plain\""),
	 "container die id=" PLAIN
	 " name=plain image=bb code=0 has:exitCode:name:image at=1795331015087651596"},
};

static void test_docker(void **state)
{
	check_cases(docker_cases, COUNT(docker_cases));
}

/* Before 1.10 there was no type; only containers had "from". */
static void test_old(void **state)
{
	check("{\"status\":\"exec_start: sh -c ls\",\"id\":\"" PLAIN
	      "\",\"from\":\"bb\",\"time\":1448000000}\n"
	      "{\"status\":\"die\",\"id\":\"" PLAIN "\",\"from\":\"bb\",\"time\":1448000001,"
	      "\"timeNano\":1448000001000000007}\n"
	      "{\"status\":\"pull\",\"id\":\"bb:latest\",\"time\":1448000002}\n",
	      "container exec_start id=" PLAIN " image=bb command=sh at=1448000000000000000\n"
	      "container die id=" PLAIN " image=bb at=1448000001000000007\n"
	      "1 malformed");
}

/* --- labels --------------------------------------------------------------------------------------- */

#define LABELS                                                                                     \
	"\"EXITCODE\":\"98\",\"com.docker.swarm.task.id\":\"t\",\"container\":\"c0ffee\","         \
	"\"containerExitCode\":\"7\",\"execID\":\"fake\",\"exitCode\":\"99\",\"image\":\"bb\","    \
	"\"name\":\"labelled\",\"podId\":\"p\",\"signal\":\"9\""
#define TOLD " swarm has:exitCode:signal:execID:name:image labels:"

static const struct a_case label_cases[] = {
	{DOCKER("create", LIAR, LABELS, "1795331017016868260"),
	 "container create id=" LIAR " name=labelled image=bb" TOLD
	 "exitCode:signal:execID at=1795331017016868260"},
	{DOCKER("die", LIAR, LABELS, "1795331017145671982"),
	 "container die id=" LIAR " name=labelled image=bb code=99" TOLD
	 "signal:execID at=1795331017145671982"},
	{DOCKER("kill", LIAR, LABELS, "1795331017145671982"),
	 "container kill id=" LIAR " name=labelled image=bb signal=9" TOLD
	 "exitCode:execID at=1795331017145671982"},
	{DOCKER("exec_create: sh -c exit 4", LIAR, LABELS, "1795331017437125622"),
	 "container exec_create id=" LIAR " name=labelled image=bb exec=fake command=sh" TOLD
	 "exitCode:signal at=1795331017437125622"},
	{DOCKER("exec_die", LIAR, LABELS, "1795331017437125622"),
	 "container exec_die id=" LIAR " name=labelled image=bb exec=fake code=99" TOLD
	 "signal at=1795331017437125622"},
	{DOCKER("destroy", LIAR, LABELS, "1795331017598150226"),
	 "container destroy id=" LIAR " name=labelled image=bb" TOLD
	 "exitCode:signal:execID at=1795331017598150226"},
	/* Keys are exact, without their escapes. */
	{DOCKER("die", LIAR,
		"\"EXITCODE\":\"1\",\"ExitCode\":\"2\",\"Name\":\"x\",\"exitCode \":\"3\","
		"\"\\u0065xitCode\":\"4\",\"exit\":\"5\",\"exitCodes\":\"6\",\"\":\"7\"",
		"1"),
	 "container die id=" LIAR " image=bb code=4 has:exitCode at=1"},
	{DOCKER("die", LIAR, "\"EXITCODE\":\"1\",\"NAME\":\"x\",\"Signal\":\"x\",\"EXECID\":\"x\"",
		"1"),
	 "container die id=" LIAR " image=bb at=1"},
	/* One that cannot be the engine's does not bring "from" back in. */
	{DOCKER("start", LIAR, "\"image\":\"\",\"name\":\"\"", "1"),
	 "container start id=" LIAR " has:name:image at=1"},
	{OTHER("image", "pull", "bb:latest", LABELS),
	 "image pull id=bb:latest name=labelled" TOLD "exitCode:signal:execID"
	 " at=1795331015087651596"},
};

static void test_labels(void **state)
{
	check_cases(label_cases, COUNT(label_cases));
}

static char *repeated(const char *before, char c, size_t count, const char *after)
{
	size_t size = strlen(before);
	char *text = malloc(size + count + strlen(after) + 1);

	assert_non_null(text);
	memcpy(text, before, size);
	memset(text + size, c, count);
	strcpy(text + size + count, after);
	return text;
}

/* An attribute that is too long is absent, and there. */
static void check_long(const char *key, size_t size, const char *expected)
{
	char before[512], *line;

	snprintf(before, sizeof(before),
		 "{\"Type\":\"container\",\"Action\":\"exec_die\",\"Actor\":{\"ID\":\"c\","
		 "\"Attributes\":{\"%s\":\"",
		 key);
	line = repeated(before, '1', size, "\",\"zz\":\"x\"}},\"timeNano\":1}\n");
	check(line, expected);
	free(line);
}

static void test_long_attributes(void **state)
{
	check_long("exitCode", 19,
		   "container exec_die id=c code=1111111111111111111 has:exitCode at=1");
	check_long("exitCode", 20, "container exec_die id=c has:exitCode at=1");
	check_long("exitCode", 100000, "container exec_die id=c has:exitCode at=1");
	check_long("execID", 5, "container exec_die id=c exec=11111 has:execID at=1");
	check_long("execID", 1000, "container exec_die id=c has:execID at=1");
	check_long("name", 3000, "container exec_die id=c has:name at=1");
	check_long("image", BODY_STRING_MAX + 1, "container exec_die id=c has:image at=1");
	check_long("signal", 40, "container exec_die id=c has:signal labels:signal at=1");
	check_long("com.docker.swarm.task.id", 2 << 20, "container exec_die id=c swarm at=1");
}

/* Whatever labels there are, what comes after them is told. */
static void test_many_labels(void **state)
{
	static struct transcript transcript;
	struct engine_event_reader *reader = new_reader(say_event, &transcript);
	char *key = repeated("\"", 'a', BODY_STRING_MAX, "\":\"");
	char *value = repeated("", 'b', 100000, "\",");
	char *long_action = repeated("exec_start: sh ", 'c', 50000, "");
	char *from = repeated("", 'd', 50000, "");

	feed_text(reader, "{\"status\":\"");
	feed_text(reader, long_action);
	feed_text(reader, "\",\"from\":\"");
	feed_text(reader, from);
	feed_text(reader, "\",\"Type\":\"container\",\"Action\":\"");
	feed_text(reader, long_action);
	feed_text(reader, "\",\"Actor\":{\"ID\":\"c\",\"Attributes\":{");
	for (int i = 0; i < 20; i++) {
		feed_text(reader, key);
		feed_text(reader, value);
	}
	for (int i = 0; i < 100000; i++)
		feed_text(reader, "\"execid\":\"x\",");
	feed_text(reader, "\"execID\":\"e\",\"image\":\"");
	value[2000] = '\0';
	feed(reader, value, 2000);
	feed_text(reader, "\",\"name\":\"n\",\"signal\":\"");
	feed_text(reader, from);
	feed_text(reader, "\"}},\"timeNano\":1}\n");
	assert_int_equal(engine_event_reader_malformed(reader), 0);
	memmove(strstr(transcript.text, "bbb"), strstr(transcript.text, "b exec"),
		strlen(strstr(transcript.text, "b exec")) + 1);
	assert_string_equal(transcript.text,
			    "container exec_start id=c name=n image=b exec=e command=sh"
			    " has:signal:execID:name:image labels:signal at=1");
	engine_event_reader_free(reader);
	free(key);
	free(value);
	free(long_action);
	free(from);
}

/* --- Podman --------------------------------------------------------------------------------------- */

#define POD "882f50687ed4a18e5dde924f6d845514b372a3ce21b599cda8d03bd99571190c"

#define PODMAN(status, type, action, id, attributes, rest)                                         \
	"{\"status\":\"" status "\",\"id\":\"" id "\",\"from\":\"localhost/bb:latest\","           \
	"\"Type\":\"" type "\",\"Action\":\"" action "\",\"Actor\":{\"ID\":\"" id                  \
	"\",\"Attributes\":{" attributes                                                           \
	"}},\"scope\":\"local\",\"time\":1795331043,\"timeNano\":1795331043200914649" rest "}\n"
#define POD_CONTAINER(action, attributes)                                                          \
	PODMAN(action, "container", action, POD,                                                   \
	       attributes "\"image\":\"localhost/bb:latest\",\"name\":\"plain\",\"podId\":\"\"", )
#define POD_OTHER(type, action, id, name)                                                          \
	PODMAN(action, type, action, id,                                                           \
	       "\"containerExitCode\":\"0\",\"image\":\"\",\"name\":\"" name                       \
	       "\",\"podId\":\"\"", )
#define POD_TOLD " id=" POD " name=plain image=localhost/bb:latest"
#define POD_AT " at=1795331043200914649"
#define POD_LABELS                                                                                 \
	"\"EXITCODE\":\"98\",\"container\":\"c0ffee\",\"containerExitCode\":\"4\","                \
	"\"execID\":\"fake\",\"exitCode\":\"99\",\"signal\":\"9\","

static const struct a_case podman_cases[] = {
	{POD_CONTAINER("create", "\"containerExitCode\":\"0\","),
	 "container create" POD_TOLD " has:name:image" POD_AT},
	{POD_CONTAINER("init", "\"containerExitCode\":\"0\","),
	 "container init" POD_TOLD " has:name:image" POD_AT},
	{POD_CONTAINER("exec", "\"containerExitCode\":\"0\","),
	 "container exec_start" POD_TOLD " has:name:image" POD_AT},
	{POD_CONTAINER("exec_died", "\"containerExitCode\":\"3\","),
	 "container exec_die" POD_TOLD " code=3 has:exitCode:name:image" POD_AT},
	{POD_CONTAINER("kill", "\"containerExitCode\":\"0\","),
	 "container kill" POD_TOLD " has:name:image" POD_AT},
	{POD_CONTAINER("die", "\"containerExitCode\":\"137\",\"exitCode\":\"137\","),
	 "container die" POD_TOLD " code=137 has:exitCode:name:image" POD_AT},
	{POD_CONTAINER("remove", "\"containerExitCode\":\"0\","),
	 "container destroy" POD_TOLD " has:name:image" POD_AT},
	/* From /libpod/events. */
	{POD_CONTAINER("died", "\"containerExitCode\":\"137\","),
	 "container die" POD_TOLD " code=137 has:exitCode:name:image" POD_AT},
	/* 3.4 */
	{PODMAN("die", "container", "died", POD,
		"\"containerExitCode\":\"5\",\"image\":\"localhost/"
		"bb:latest\",\"name\":\"plain\"", ),
	 "container die" POD_TOLD " code=5 has:exitCode:name:image" POD_AT},
	/* 5.8: there only where something ended. */
	{POD_CONTAINER("start", ""), "container start" POD_TOLD " has:name:image" POD_AT},
	{PODMAN("health_status", "container", "health_status", POD,
		"\"containerExitCode\":\"0\",\"image\":\"localhost/bb:latest\",\"name\":\"plain\","
		"\"podId\":\"\"",
		",\"HealthStatus\":\"unhealthy\""),
	 "container health_status" POD_TOLD " health=unhealthy has:name:image" POD_AT},
	{PODMAN("health_status", "container", "health_status", POD, "\"name\":\"plain\"",
		",\"HealthStatus\":\"container is not running\""),
	 "container health_status id=" POD " name=plain image=localhost/bb:latest has:name" POD_AT},
	/* Labels, that Podman's own ones replace. */
	{POD_CONTAINER("create", POD_LABELS),
	 "container create" POD_TOLD " has:exitCode:signal:execID:name:image"
	 " labels:exitCode:signal:execID" POD_AT},
	{POD_CONTAINER("exec", POD_LABELS),
	 "container exec_start" POD_TOLD " has:exitCode:signal:execID:name:image"
	 " labels:exitCode:signal:execID" POD_AT},
	{POD_CONTAINER("exec_died", POD_LABELS),
	 "container exec_die" POD_TOLD " exec=fake code=4 has:exitCode:signal:execID:name:image"
	 " labels:signal" POD_AT},
	/* Others. */
	{POD_OTHER("image", "delete", POD, "bb:two"),
	 "image delete id=" POD " name=bb:two has:name:image" POD_AT},
	{POD_OTHER("image", "remove", POD, "bb:two"),
	 "image delete id=" POD " name=bb:two has:name:image" POD_AT},
	{POD_OTHER("image", "loadfromarchive", "", "/var/tmp/x"),
	 "image load name=/var/tmp/x has:name:image" POD_AT},
	{POD_OTHER("volume", "create", "", "v1"),
	 "volume create id=v1 name=v1 has:name:image" POD_AT},
	{POD_OTHER("volume", "remove", "", "v1"),
	 "volume destroy id=v1 name=v1 has:name:image" POD_AT},
	{POD_OTHER("network", "disconnect", POD, "net"),
	 "network disconnect container=" POD " has:name:image" POD_AT},
	/* 5.8 */
	{PODMAN("connect", "network", "connect", POD,
		"\"image\":\"\",\"name\":\"net\",\"network\":\"n1\",\"podId\":\"\"", ),
	 "network connect name=n1 container=" POD " has:name:image" POD_AT},
	{PODMAN("remove", "network", "remove", NONE,
		"\"driver\":\"bridge\",\"image\":\"\",\"name\":\"\",\"network\":\"n1\",\"podId\":"
		"\"\"", ),
	 "network destroy id=" NONE " name=n1 has:name:image" POD_AT},
	{POD_OTHER("pod", "create", POD, "p1"),
	 "pod create id=" POD " name=p1 has:name:image" POD_AT},
};

static void test_podman(void **state)
{
	check_cases(podman_cases, COUNT(podman_cases));
}

/* --- commands ------------------------------------------------------------------------------------- */

#define EXECUTED(command)                                                                          \
	"{\"Type\":\"container\",\"Action\":\"exec_create:" command                                \
	"\",\"Actor\":{\"ID\":\"c\"},\"timeNano\":1}\n"
#define COMMAND(masked) "container exec_create id=c command=" masked " at=1"

static const struct a_case command_cases[] = {
	{EXECUTED(" sh "), COMMAND("sh")},
	{EXECUTED(" /bin/sh   "), COMMAND("/bin/sh")},
	{EXECUTED("sh"), COMMAND("sh")},
	{EXECUTED("  sh"), COMMAND("")},
	{EXECUTED(" "), COMMAND("")},
	{EXECUTED(""), COMMAND("")},
	{EXECUTED(" a: b:c"), COMMAND("a:")},
	{EXECUTED(" sh -c echo one\\necho \\ttwo \\u0001"), COMMAND("sh")},
	{EXECUTED(" sh\\nhunter2"), COMMAND("sh")},
	{EXECUTED(" a\\u0000b"), COMMAND("a")},
	{EXECUTED(" mysql -psecret -e \\\"x\\\""), COMMAND("mysql")},
	{EXECUTED(" PASSWORD=hunter2 true"), COMMAND("PASSWORD")},
	{EXECUTED(" https://bob:hunter2@example.org/ x"), COMMAND("https://bob:***@example.org/")},
	{EXECUTED(" curl -H Authorization: Bearer hunter2 http://x/"), COMMAND("curl")},
	/* Only an exec has one. */
	{"{\"Type\":\"container\",\"Action\":\"start: PASSWORD=hunter2\",\"Actor\":{\"ID\":\"c\"},"
	 "\"timeNano\":1}\n",
	 "container start id=c at=1"},
	{"{\"Type\":\"container\",\"Action\":\"exec_start\",\"timeNano\":1}\n",
	 "container exec_start at=1"},
	{"{\"Type\":\"container\",\"Action\":\"health_status: running\",\"timeNano\":1}\n",
	 "container health_status health=running at=1"},
	{"{\"Type\":\"container\",\"Action\":\"health_status: PASSWORD=hunter2\",\"timeNano\":1}\n",
	 "container health_status at=1"},
	{"{\"Type\":\"container\",\"Action\":\"health_status: \",\"timeNano\":1}\n",
	 "container health_status at=1"},
};

static void test_commands(void **state)
{
	check_cases(command_cases, COUNT(command_cases));
}

/* The last word of a command that was cut may be the front of a secret. */
static void test_cut_command(void **state)
{
	char *line =
		repeated("{\"Type\":\"container\",\"Action\":\"exec_start: curl https://bob:", 'x',
			 BODY_STRING_MAX, "@example.org\",\"timeNano\":1}\n");

	check(line, "container exec_start command=curl at=1");
	free(line);
	line = repeated("{\"Type\":\"container\",\"Action\":\"exec_start: ", 'x', 1 << 20,
			"\",\"timeNano\":1}\n");
	check(line, "container exec_start command= at=1");
	free(line);
}

static void take_hash(void *data, const struct engine_event *event)
{
	*(uint64_t *)data = event->command_hash;
}

static uint64_t hash_of(const char *line)
{
	uint64_t hash = 7;
	struct engine_event_reader *reader = new_reader(take_hash, &hash);

	feed_text(reader, line);
	engine_event_reader_free(reader);
	return hash;
}

static uint64_t hash(const char *command)
{
	uint64_t result = engine_event_command_hash((struct bytes){command, strlen(command)});

	assert_int_not_equal(result, 0);
	return result;
}

static void test_hash(void **state)
{
	char *line;

	assert_int_equal(hash_of(EXECUTED(" env PASSWORD=a x")), hash("env PASSWORD=a x"));
	assert_int_not_equal(hash("env PASSWORD=a x"), hash("env PASSWORD=b x"));
	assert_int_equal(hash_of(EXECUTED(" sh ")), hash("sh"));
	assert_int_equal(hash("sh "), hash("sh"));
	assert_int_not_equal(hash(" sh"), hash("sh"));
	assert_int_equal(hash_of(EXECUTED(" echo \\u003c\\n")), hash("echo <\n"));
	assert_int_equal(hash_of(EXECUTED(" ")), hash(""));
	assert_int_equal(engine_event_command_hash((struct bytes){0}), hash(""));
	assert_int_equal(hash_of(OTHER("container", "start", "c", "")), 0);
	assert_int_equal(hash_of(OTHER("container", "exec_start", "c", "")), 0);
	line = repeated("{\"Type\":\"container\",\"Action\":\"exec_start: a ", 'x', BODY_STRING_MAX,
			"\"}\n");
	assert_int_equal(hash_of(line), 0);
	free(line);
}

/* --- numbers -------------------------------------------------------------------------------------- */

static const struct {
	const char *text, *told;
} codes[] = {
	{"0", " code=0"},
	{"255", " code=255"},
	{"-1", " code=-1"},
	{"9223372036854775807", " code=9223372036854775807"},
	{"-9223372036854775808", " code=-9223372036854775808"},
	{"9223372036854775808", ""},
	{"-9223372036854775809", ""},
	{"99999999999999999999", ""},
	{"", ""},
	{"-", ""},
	{"+1", ""},
	{" 1", ""},
	{"1 ", ""},
	{"01", ""},
	{"-0", ""},
	{"--1", ""},
	{"1.0", ""},
	{"1e3", ""},
	{"0x1", ""},
	{"1\\u0000", ""},
	{"a", ""},
};

static void test_exit_codes(void **state)
{
	for (size_t i = 0; i < COUNT(codes); i++) {
		char line[256], expected[256];

		snprintf(line, sizeof(line),
			 "{\"Type\":\"container\",\"Action\":\"die\",\"Actor\":{\"Attributes\":"
			 "{\"exitCode\":\"%s\"}}}\n",
			 codes[i].text);
		snprintf(expected, sizeof(expected), "container die%s has:exitCode at=0",
			 codes[i].told);
		check(line, expected);
	}
}

#define TIMED(time) "{\"Type\":\"t\",\"Action\":\"a\"" time "}\n"

static const struct a_case time_cases[] = {
	{TIMED(""), "t a at=0"},
	{TIMED(",\"time\":5"), "t a at=5000000000"},
	{TIMED(",\"time\":5,\"timeNano\":7"), "t a at=7"},
	{TIMED(",\"time\":5,\"timeNano\":0"), "t a at=5000000000"},
	{TIMED(",\"time\":-5"), "t a at=0"},
	{TIMED(",\"timeNano\":-6795364578871345152"), "t a at=0"},
	{TIMED(",\"time\":9223372036854775807"), "t a at=0"},
	{TIMED(",\"timeNano\":9223372036854775807"), "t a at=9223372036854775807"},
	{TIMED(",\"timeNano\":9223372036854775808"), "1 malformed"},
	{TIMED(",\"time\":1.5"), "1 malformed"},
	{TIMED(",\"time\":null"), "t a at=0"},
};

static void test_times(void **state)
{
	check_cases(time_cases, COUNT(time_cases));
}

/* --- the stream ----------------------------------------------------------------------------------- */

static const struct a_case malformed_cases[] = {
	{"\n", "1 malformed"},
	{"\r\n", "1 malformed"},
	{"garbage\n", "1 malformed"},
	{"{}\n", "1 malformed"},
	{"[]\n", "1 malformed"},
	{"null\n", "1 malformed"},
	{"{\"Type\":\"container\"\n", "1 malformed"},
	{"{\"Type\":\"container\"}\n", "1 malformed"},
	{"{\"Action\":\"start\",\"Actor\":{\"ID\":\"c\"}}\n", "1 malformed"},
	{"{\"Type\":\"\",\"Action\":\"start\"}\n", "1 malformed"},
	{"{\"Type\":\"container\",\"Action\":\"\"}\n", "1 malformed"},
	{"{\"Type\":\"container\",\"Action\":\":x\"}\n", "1 malformed"},
	{"{\"Type\":\"container\",\"Action\":7}\n", "1 malformed"},
	{"{\"Type\":\"container\",\"Action\":\"start\",\"Actor\":[]}\n", "1 malformed"},
	{"{\"Type\":\"container\",\"Action\":\"start\",\"Actor\":{\"Attributes\":{\"a\":1}}}\n",
	 "1 malformed"},
	{"{\"Type\":\"t\",\"Action\":\"a\"} x\n", "1 malformed"},
	{"{\"Type\":\"t\",\"Action\":\"a\"}{\"Type\":\"t\",\"Action\":\"a\"}\n", "1 malformed"},
	{"{\"Type\":\"t\",\n\"Action\":\"a\"}\n", "2 malformed"},
	{"{\"message\":\"page not found\"}\n", "1 malformed"},
	{"\x1e{\"Type\":\"t\",\"Action\":\"a\"}\n", "1 malformed"},
	/* What is odd, and an event. */
	{"{\"Type\":\"t\",\"Action\":\"a\"}\r\n", "t a at=0"},
	{" { \"Type\" : \"t\" , \"Action\" : \"a\", \"x\":[{}] } \n", "t a at=0"},
	{"{\"Type\":\"t\",\"Action\":\"a\",\"Actor\":null}\n", "t a at=0"},
	{"{\"Type\":\"t\",\"Action\":\"a\",\"Actor\":{\"ID\":\"i\",\"Attributes\":null}}\n",
	 "t a id=i at=0"},
	{"{\"Type\":\"t\xff\",\"Action\":\"a\"}\n", "t\xef\xbf\xbd a at=0"},
};

static void test_malformed(void **state)
{
	check_cases(malformed_cases, COUNT(malformed_cases));
}

/* What says which event it is must be whole. */
static void test_cut(void **state)
{
	static const char *const fronts[] = {
		"{\"Action\":\"start\",\"Type\":\"",
		"{\"Type\":\"container\",\"Action\":\"",
		"{\"Type\":\"container\",\"Action\":\"start\",\"Actor\":{\"ID\":\"",
		"{\"from\":\"x\",\"status\":\"",
		"{\"from\":\"x\",\"status\":\"start\",\"id\":\"",
	};

	for (size_t i = 0; i < COUNT(fronts); i++) {
		char *line =
			repeated(fronts[i], 'x', BODY_STRING_MAX + 1, i == 2 ? "\"}}\n" : "\"}\n");

		check(line, "1 malformed");
		free(line);
	}
}

#define ONE TIMED(",\"timeNano\":1")
#define TWO TIMED(",\"timeNano\":2")

static void test_lines(void **state)
{
	check("", "");
	check("{\"Type\":\"t\",\"Action\":\"a\"}", ""); /* its end has not come */
	check(ONE TWO, "t a at=1\nt a at=2");
	check("half\":\"x\"}\n" ONE "{\"Type\"\n" TWO "\n", "t a at=1\nt a at=2\n3 malformed");
	/* Nothing of an event stays for the next one. */
	check(DOCKER("die", LIAR, LABELS, "1") DOCKER("die", PLAIN, "", "2"),
	      "container die id=" LIAR " name=labelled image=bb code=99" TOLD "signal:execID at=1\n"
	      "container die id=" PLAIN " image=bb at=2");
	check("{\"Actor\":{\"Attributes\":{\"exitCode\":\"1\"},\n" DOCKER("die", PLAIN, "", "2"),
	      "container die id=" PLAIN " image=bb at=2\n1 malformed");
}

static void test_long_lines(void **state)
{
	char *garbage = repeated("", 'x', 2 << 20, "\n" ONE);
	char *label =
		repeated("{\"Type\":\"t\",\"Action\":\"a\",\"Actor\":{\"Attributes\":{\"x\":\"",
			 'x', 2 << 20, "\",\"name\":\"n\"}},\"timeNano\":1}\n");
	char *deep = repeated("{\"x\":", '[', 2 << 20, "\n" ONE);

	check_reading((struct bytes){garbage, strlen(garbage)}, 4096, 4096,
		      "t a at=1\n1 malformed");
	check_reading((struct bytes){label, strlen(label)}, 4096, 4096, "t a name=n has:name at=1");
	check_reading((struct bytes){deep, strlen(deep)}, 4096, 4096, "t a at=1\n1 malformed");
	free(garbage);
	free(label);
	free(deep);
}

static void test_reset(void **state)
{
	static struct transcript transcript;
	struct engine_event_reader *reader = new_reader(say_event, &transcript);

	engine_event_reader_reset(reader);
	feed_text(reader, "{\"Type\":\"t\",\"Actor\":{\"Attributes\":{\"name\":\"n\"");
	engine_event_reader_reset(reader);
	feed_text(reader, ONE);
	assert_string_equal(transcript.text, "t a at=1");
	feed_text(reader, "x\n{\"Type\"");
	engine_event_reader_reset(reader);
	assert_int_equal(engine_event_reader_malformed(reader), 1);
	feed_text(reader, "{");
	engine_event_reader_free(reader);
	engine_event_reader_free(NULL);
}

/* --- copies --------------------------------------------------------------------------------------- */

static void copy_event(void *data, const struct engine_event *event)
{
	*(struct engine_event **)data = engine_event_copy(event);
}

static void check_copy(const char *line, const char *expected)
{
	static struct transcript transcript;
	struct engine_event *copy = NULL;
	struct engine_event_reader *reader = new_reader(copy_event, &copy);

	feed_text(reader, line);
	engine_event_reader_free(reader);
	transcript_begin(&transcript);
	assert_non_null(copy);
	say_event(&transcript, copy);
	assert_string_equal(transcript.text, expected);
	free(copy);
}

static void test_copy(void **state)
{
	for (size_t i = 0; i < COUNT(docker_cases); i++)
		check_copy(docker_cases[i].input, docker_cases[i].expected);
	for (size_t i = 0; i < COUNT(label_cases); i++)
		check_copy(label_cases[i].input, label_cases[i].expected);
	check_copy(EXECUTED(" "), COMMAND(""));
	check_copy(podman_cases[0].input, podman_cases[0].expected);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_docker),	    cmocka_unit_test(test_old),
		cmocka_unit_test(test_labels),	    cmocka_unit_test(test_long_attributes),
		cmocka_unit_test(test_many_labels), cmocka_unit_test(test_podman),
		cmocka_unit_test(test_commands),    cmocka_unit_test(test_cut_command),
		cmocka_unit_test(test_hash),	    cmocka_unit_test(test_exit_codes),
		cmocka_unit_test(test_times),	    cmocka_unit_test(test_malformed),
		cmocka_unit_test(test_cut),	    cmocka_unit_test(test_lines),
		cmocka_unit_test(test_long_lines),  cmocka_unit_test(test_reset),
		cmocka_unit_test(test_copy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
