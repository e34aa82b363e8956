// SPDX-License-Identifier: Apache-2.0
/*
 * Which request made an event of the engine happen. By hand, case by case; and with an engine that is played, in which
 * the truth of each event is known: a wrong name must never come out of that.
 */
#include "calling.h"
#include "naming.h"

#include <signal.h>

#include "docker/api/route.h"
#include "docker/cause/causes.h"

#define MS NS_PER_MS
#define BOOT (1000 * 1000 * MS)	      /* of our clock, at the beginning */
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
	struct text told, kept,
		inspected; /* a line each: records, deeds, containers that it asks for */
	uint64_t connections;
	void (*record)(void *data, const struct record *record); /* NULL: into .told */
	void *data;
};

static const struct record_context stage_context = {.boot_to_real = (int64_t)AHEAD};
static const char *const user_names[USERS] = {"alice", "bob", "carol", "dave", "erin"};
static const char *const stage_sockets[] = {"/run/docker.sock", "/run/other.sock"};

static uint64_t at(unsigned int ms)
{
	return BOOT + ms * MS;
}

static bool stage_is_stopping; /* the engine */

static bool stage_stopping(void *data, unsigned int socket)
{
	return stage_is_stopping;
}

static void add_word(struct text *line, struct bytes word)
{
	if (!word.size)
		return;
	if (line->size && line->data[line->size - 1] != '\n')
		text_add_char(line, ' ');
	text_add_bytes(line, word);
}

static void __attribute__((format(printf, 2, 3)))
add_format(struct text *line, const char *format, ...)
{
	char word[128];
	va_list values;

	va_start(values, format);
	vsnprintf(word, sizeof(word), format, values);
	va_end(values);
	text_add_string(line, word);
}

static void add_start_of_id(struct text *line, struct bytes id)
{
	add_word(line, id.size > 4 ? (struct bytes){id.data, 4} : id);
}

/* "create aaaa request id r1 alice expected ci", "start aaaa daemon restart-policy", "die aaaa =137 unknown". */
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
		add_format(told, " =%d", (int)record->event.exit_code);
	if (record->event.recovered)
		text_add_string(told, " recovered");
	add_word(told, bytes_of(cause_kind_name(record->cause.kind)));
	add_word(told, bytes_of(cause_basis_name(record->cause.basis)));
	add_word(told, bytes_of(cause_reason_name(record->cause.reason)));
	add_word(told, record->cause.event_id);
	add_word(told, record->caller ? record->caller->process.name : (struct bytes){0});
	if (record->api.expected_rule)
		add_format(told, " expected %s", record->api.expected_rule);
	text_add_char(told, '\n');
}

static void stage_inspect(void *data, unsigned int socket, struct bytes container)
{
	struct stage *stage = data;

	add_start_of_id(&stage->inspected, container);
	text_add_char(&stage->inspected, '\n');
}

static void stage_inspect_exec(void *data, unsigned int socket, struct bytes exec)
{
	struct stage *stage = data;

	add_word(&stage->inspected, bytes_of("exec"));
	stage_inspect(data, socket, exec);
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

	add_word(&stage->kept, bytes_of(engine_action_words[deed->action].word));
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

static struct caller *make_user(const char *name, unsigned int uid)
{
	struct caller draft;

	memset(&draft, 0, sizeof(draft)); /* it is compared byte by byte */
	draft.process.pid = 100;
	draft.process.name = bytes_of(name);
	draft.uid = draft.process.euid = draft.login_uid = uid;
	return caller_new(&draft, NULL, name, strlen(name));
}

static void stage_open_with(struct stage *stage, const struct causes_options *options, uint64_t now)
{
	assert_int_equal(inventory_new(64, &stage->inventory), 0);
	assert_int_equal(causes_new(options, now, &stage->causes), 0);
	for (unsigned int i = 0; i < USERS; i++)
		assert_non_null(stage->users[i] = make_user(user_names[i], 1000 + i));
}

static void stage_open_at(struct stage *stage, uint64_t now)
{
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
		.inspect_exec = stage_inspect_exec,
		.stopping = stage_stopping,
	};

	stage_open_with(stage, &options, now);
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
			     operation_named(operation), bytes_of(event_id));

	assert_non_null(request);
	ledger_request_set_sender(request, stage->users[user], (struct bytes){0},
				  (struct bytes){0});
	return request;
}

/* The same of the container (the exec, the image …) ID. */
static struct request *begin_of(struct stage *stage, unsigned int user, const char *operation,
				const char *event_id, const char *id, unsigned int ms)
{
	struct request *request = begin_request(stage, user, operation, event_id, ms);

	ledger_request_set_target(request, bytes_of(id), (struct bytes){0}, (struct bytes){0});
	return request;
}

/* The response is over as well. */
static void answer(struct stage *stage, struct request *request, int status, unsigned int ms)
{
	uint64_t connection = request->connection;

	ledger_request_answered(request, status, at(ms));
	ledger_request_end(request);
	ledger_over(causes_ledger(stage->causes), connection, false, at(ms));
}

/* Nobody waits for an answer any more. */
static void fall_silent(struct stage *stage, struct request *request, unsigned int ms)
{
	uint64_t connection = request->connection;

	ledger_request_answered(request, 0, 0);
	ledger_request_end(request);
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
	event.kind = engine_type_by_name(event.type);
	event.act = engine_action_by_name(event.action);
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

	text_add_string(&json, "{'Id':'");
	text_add_string(&json, id);
	text_add_string(&json, *members ? "'," : "'");
	text_add_string(&json, members);
	text_add_char(&json, '}');
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

	ledger_request_set(create, &create->made, bytes_of(id));
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
	ledger_request_answered(other, 201, at(22));
	EXPECT_AT(&stage, 23, "");
	ledger_request_set(other, &other->made, bytes_of(B_ID));
	EXPECT_AT(&stage, 24, "create bbbb request id r2 bob\n");
	/* The other way round. */
	ledger_request_answered(one, 201, at(30));
	ledger_request_set(one, &one->made, bytes_of(A_ID));
	run_at(&stage, 31);
	happens(&stage, "create", A_ID, 29);
	EXPECT_AT(&stage, 32, "create aaaa request id r1 alice\n");
	ledger_request_end(one);
	ledger_request_end(other);
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
		requests[i] = begin_request(&stage, i % USERS, "ContainerCreate", event_id, 10 + i);
	}
	for (unsigned int i = 0; i < ALL; i++) {
		unsigned int made = i * 7 % ALL;

		make_id(id, made);
		happens(&stage, "create", id, 100 + i);
		add_format(&wanted, "create 0000 request id r%u %s\n", made,
			   user_names[made % USERS]);
	}
	for (unsigned int i = 0; i < ALL; i++) {
		unsigned int made = i * 11 % ALL;

		run_at(&stage, 200 + i);
		make_id(id, made);
		ledger_request_set(requests[made], &requests[made]->made, bytes_of(id));
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
	ledger_request_set(other, &other->result, bytes_of("web"));
	tell_event(&stage, OF_CONTAINER("create", C_ID, .name = bytes_of("web")), 6000);
	EXPECT_AT(&stage, 8001, "create cccc request name r2 bob\n");
	/* It has the name of neither, and one asked for another image. */
	ledger_request_set(one, &one->image, bytes_of("busybox"));
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

/* What goes back to a request is as expected as that; but not by time alone, when it may be somebody else's. */
static void test_expected_causes(void **state)
{
	struct stage stage = {0};
	struct request *request;

	stage_open(&stage);
	request = begin_request(&stage, 0, "ContainerCreate", "r1", 10);
	ledger_request_set(request, &request->made, bytes_of(A_ID));
	ledger_request_set(request, &request->expected_rule, bytes_of("ci"));
	answer(&stage, request, 201, 20);
	happens(&stage, "create", A_ID, 15);
	EXPECT_AT(&stage, 30, "create aaaa request id r1 alice expected ci\n");
	request = begin_of(&stage, 0, "ContainerStart", "r2", A_ID, 40);
	ledger_request_set(request, &request->expected_rule, bytes_of("ci"));
	answer(&stage, request, 204, 50);
	happens(&stage, "start", A_ID, 45);
	EXPECT_AT(&stage, 60, "start aaaa request id r2 alice expected ci\n");
	/* The same caller, but no rule expects this of him. */
	make_request(&stage, 0, "ContainerPause", "r3", A_ID, 70);
	happens(&stage, "pause", A_ID, 70);
	EXPECT_AT(&stage, 80, "pause aaaa request id r3 alice\n");
	dies(&stage, A_ID, 1, 90);
	EXPECT_AT(&stage, 100, "die aaaa =1 inherited id r2 alice expected ci\n");
	/* Nobody's answer says that it is this one's. */
	request = begin_request(&stage, 0, "ContainerCreate", "r5", 1000);
	ledger_request_set(request, &request->expected_rule, bytes_of("ci"));
	happens(&stage, "create", B_ID, 1010);
	EXPECT_AT(&stage, 3011, "create bbbb request time r5 alice\n");
	ledger_request_end(request);
	stage_close(&stage);
}

/* A sender who comes to be known late is waited for; the engine's order stays. */
static void test_late_sender(void **state)
{
	struct stage stage = {0};
	struct request *request;

	stage_open(&stage);
	live_once(&stage, A_ID, false);
	request = ledger_begin(causes_ledger(stage.causes), 0, 99, at(100),
			       OPERATION_ContainerPause, bytes_of("p1"));
	ledger_request_set_target(request, bytes_of(A_ID), (struct bytes){0}, (struct bytes){0});
	ledger_request_answered(request, 204, at(120));
	happens(&stage, "pause", A_ID, 110);
	make_request(&stage, 2, "ContainerUnpause", "u1", A_ID, 130);
	happens(&stage, "unpause", A_ID, 130);
	EXPECT_AT(&stage, 500, "");
	ledger_request_set_sender(request, stage.users[3], bytes_of("box"), bytes_of("alpine"));
	EXPECT_AT(&stage, 501, "pause aaaa request id p1 dave\nunpause aaaa request id u1 carol\n");
	ledger_request_end(request);
	/* Not for ever: the request is known all the same. */
	request = ledger_begin(causes_ledger(stage.causes), 0, 98, at(600),
			       OPERATION_ContainerPause, bytes_of("p2"));
	ledger_request_set_target(request, bytes_of(A_ID), (struct bytes){0}, (struct bytes){0});
	ledger_request_answered(request, 204, at(620));
	happens(&stage, "pause", A_ID, 610);
	EXPECT_AT(&stage, 2600, "");
	EXPECT_AT(&stage, 2611, "pause aaaa request id p2\n");
	ledger_request_end(request);
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
		EXPECT_AT(&stage, 41,
			  winner ? "start aaaa request id r2 bob\n"
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
		bool in_doubt; /* whose volume that was */
	} cases[] = {
		{"ContainerArchive", 200, true}, {"ContainerStart", 400, true},
		{"ContainerStop", 304}, /* there was nothing left to do */
		{"ContainerStop", 204},		 {"ContainerDelete", 204},
		{"ContainerDelete", 409},	 {"ContainerKill", 409},
		{"ContainerRestart", 204},	 {"ContainerStart", 204},
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
		EXPECT_AT(&stage, 130,
			  cases[i].in_doubt
				  ? "die aaaa =137 inherited id s1 bob\nunmount v unknown\n"
				  : "die aaaa =137 inherited id s1 bob\n"
				    "unmount v inherited id s1 bob\n");
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
		  "kill aaaa 1 request id k1 carol\ndie aaaa =137 unknown\n"
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
	EXPECT_AT(&stage, 701, "kill aaaa 15 request id k1 carol\ndie aaaa =143 unknown\n");
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
					"die aaaa =137 unknown\n"
				      : "kill aaaa 9 request id k1 carol\n"
					"kill aaaa 9 request id k2 dave\n"
					"die aaaa =137 unknown\n");
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
		  "die aaaa =143 unknown\nstop aaaa unknown\n");
	stage_close(&stage);
}

/* A request that sends only SIGNAL. */
static void signal_it(struct stage *stage, unsigned int user, const char *event_id, int signal,
		      unsigned int ms)
{
	struct request *request = begin_of(stage, user, "ContainerKill", event_id, A_ID, ms - 5);

	request->signal = signal;
	answer(stage, request, 204, ms + 5);
}

/* Whoever sends harmless signals all the time does not hide who kills it, and is not taken for him. */
static void test_loop_of_signals(void **state)
{
	static const int signals[] = {SIGCONT, SIGWINCH, SIGHUP, SIGTERM};

	for (size_t i = 0; i < COUNT(signals); i++) {
		struct stage stage = {0};
		char number[8];

		snprintf(number, sizeof(number), "%d", signals[i]);
		stage_open(&stage);
		live_once(&stage, A_ID, false);
		for (unsigned int j = 0; j < 8; j++)
			signal_it(&stage, 2 + j % 2, "k0", signals[i], 100 + j);
		signal_it(&stage, 4, "k9", SIGKILL, 104);
		is_killed(&stage, A_ID, number, 103);
		is_killed(&stage, A_ID, "9", 104);
		is_killed(&stage, A_ID, number, 105);
		dies(&stage, A_ID, 137, 106);
		tell_event(&stage,
			   EVENT("network", "disconnect", B_ID, .container = bytes_of(A_ID)), 107);
		run_at(&stage, 130);
		assert_non_null(strstr(stage.told.data, "kill aaaa 9 request id k9 erin\n"));
		assert_non_null(strstr(stage.told.data, "die aaaa =137 request id k9 erin\n"));
		assert_null(strstr(stage.told.data, "bob"));
		stage_close(&stage);
	}
}

/* It ends by itself while somebody sends it harmless signals: that is not his. */
static void test_end_among_harmless_signals(void **state)
{
	struct stage stage = {0};

	stage_open(&stage);
	live_once(&stage, A_ID, false);
	signal_it(&stage, 2, "k1", SIGCONT, 100);
	is_killed(&stage, A_ID, "18", 100);
	dies(&stage, A_ID, 3, 102);
	EXPECT_AT(&stage, 130,
		  "kill aaaa 18 request id k1 carol\ndie aaaa =3 inherited id s1 bob\n");
	stage_close(&stage);
}

/* Requests of one user are one candidate; the first of them is told, and that it is so by time. */
static void test_two_of_one_user(void **state)
{
	struct stage stage = {0};

	stage_open(&stage);
	live_once(&stage, A_ID, false);
	signal_it(&stage, 2, "k1", SIGKILL, 100);
	signal_it(&stage, 2, "k2", SIGKILL, 101);
	is_killed(&stage, A_ID, "9", 101);
	is_killed(&stage, A_ID, "9", 102);
	dies(&stage, A_ID, 137, 200);
	EXPECT_AT(&stage, 210,
		  "kill aaaa 9 request time k1 carol\nkill aaaa 9 request time k1 carol\n"
		  "die aaaa =137 request time k1 carol\n");
	stage_close(&stage);
}

/* A label hides the signal: what the request asked for counts. */
static void test_hidden_signal(void **state)
{
	struct stage stage = {0};

	stage_open(&stage);
	live_once(&stage, A_ID, false);
	inspected(&stage, A_ID, "'Config':{'Labels':{'signal':'18'}}", 90);
	signal_it(&stage, 2, "k1", SIGKILL, 100);
	is_killed(&stage, A_ID, "18", 100);
	dies(&stage, A_ID, 137, 200);
	EXPECT_AT(&stage, 210,
		  "kill aaaa request id k1 carol\ndie aaaa =137 request id k1 carol\n");
	stage_close(&stage);
}

static void tell_at_both(struct stage *stage, const char *action, unsigned int ms)
{
	struct engine_event event = OF_CONTAINER(action, A_ID);

	event.kind = engine_type_by_name(event.type);
	event.act = engine_action_by_name(event.action);
	event.time = at(ms) + AHEAD;
	for (unsigned int socket = 0; socket < 2; socket++)
		causes_event(stage->causes, socket, &event, at(ms));
}

/* By way of SOCKET. */
static void request_at(struct stage *stage, unsigned int socket, const char *operation,
		       const char *event_id, unsigned int ms)
{
	struct request *request = begin_of(stage, socket, operation, event_id, A_ID, ms - 5);

	request->socket = socket;
	answer(stage, request, 204, ms + 5);
}

/* What a daemon tells at two sockets is one event, and requests at either may have made it. */
static void test_two_sockets(void **state)
{
	struct stage stage = {0};
	struct inventory *inventories[2];
	struct causes_options options = {
		.socket_count = 2,
		.sockets = stage_sockets,
		.inventories = inventories,
		.context = &stage_context,
		.wait = WAIT,
		.keeper = {&stage, stage_put, stage_deed, stage_put_exec, stage_end_exec,
			   stage_remove},
		.data = &stage,
		.record = stage_record,
	};
	struct engine_event event = OF_CONTAINER("pause", A_ID);

	stage_open_with(&stage, &options, BOOT - 1);
	inventories[0] = inventories[1] = stage.inventory;
	for (unsigned int socket = 0; socket < 2; socket++)
		causes_set_same(stage.causes, socket, socket, false);
	/* as long as it is not known whether it is one daemon, nothing is told */
	request_at(&stage, 1, "ContainerPause", "p1", 100);
	tell_at_both(&stage, "pause", 100);
	EXPECT_AT(&stage, 200, "");
	for (unsigned int socket = 0; socket < 2; socket++)
		causes_set_same(stage.causes, socket, 0, true);
	EXPECT_AT(&stage, 210, "pause aaaa request id p1 bob\n");
	expect_text(&stage.kept,
		    "put aaaa nobody\npause aaaa request\nput aaaa nobody\npause aaaa request\n",
		    __LINE__);
	/* by way of the first one; and an effect that a request has once is known at both */
	request_at(&stage, 0, "ContainerUnpause", "u1", 300);
	tell_at_both(&stage, "unpause", 300);
	request_at(&stage, 1, "ContainerAttach", "a1", 400);
	tell_at_both(&stage, "attach", 400);
	EXPECT_AT(&stage, 500, "unpause aaaa request id u1 alice\nattach aaaa request id a1 bob\n");
	expect_text(&stage.kept,
		    "put aaaa nobody\nunpause aaaa request\nput aaaa nobody\nattach aaaa request\n"
		    "put aaaa nobody\nunpause aaaa request\nput aaaa nobody\nattach aaaa request\n",
		    __LINE__);
	/* where the first one does not tell it, the other one does, in the end */
	event.kind = ENGINE_CONTAINER;
	event.act = ACTION_PAUSE;
	event.time = at(600) + AHEAD;
	request_at(&stage, 0, "ContainerPause", "p2", 600);
	causes_event(stage.causes, 1, &event, at(600));
	EXPECT_AT(&stage, 700, "");
	EXPECT_AT(&stage, 2700, "pause aaaa request id p2 alice\n");
	/* two daemons: what was asked for at one did nothing to the other */
	causes_set_same(stage.causes, 1, 1, true);
	request_at(&stage, 1, "ContainerUnpause", "u2", 2800);
	tell_at_both(&stage, "unpause", 2800);
	EXPECT_AT(&stage, 2900, "unpause aaaa unknown\nunpause aaaa request id u2 bob\n");
	/* what an earlier life told at the first socket */
	causes_set_same(stage.causes, 1, 0, true);
	causes_restore_position(stage.causes, 0, at(3000) + AHEAD);
	event.time = at(3000) + AHEAD;
	causes_event(stage.causes, 1, &event, at(3100));
	EXPECT_AT(&stage, 6000, "");
	stage_close(&stage);
}

/* Out of memory after somebody took that away, or may have. */
static void test_out_of_memory(void **state)
{
	static const struct {
		int updater; /* a user; -1: unseen, -2: none */
		bool limits;
		const char *told;
	} cases[] = {
		{-2, false, "oom aaaa inherited id s1 bob\ndie aaaa =137 inherited id s1 bob\n"},
		{2, false, "oom aaaa inherited id s1 bob\ndie aaaa =137 inherited id s1 bob\n"},
		{2, true, "oom aaaa inherited id u1 carol\ndie aaaa =137 inherited id u1 carol\n"},
		{-1, false, "oom aaaa unknown\ndie aaaa =137 unknown\n"},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		for (unsigned int behind = 0; behind < 2; behind++) {
			struct stage stage = {0};
			struct request *update;

			stage_open(&stage);
			live_once(&stage, A_ID, false);
			if (cases[i].updater >= 0) {
				update = begin_of(&stage, (unsigned int)cases[i].updater,
						  "ContainerUpdate", "u1", A_ID, 95);
				update->limits = cases[i].limits;
				answer(&stage, update, 200, 105);
			}
			if (cases[i].updater > -2)
				happens(&stage, "update", A_ID, 100);
			run_at(&stage, 110);
			text_cut(&stage.told, 0);
			if (!behind)
				happens(&stage, "oom", A_ID, 200);
			dies(&stage, A_ID, 137, 201);
			run_at(&stage, 202);
			if (behind)
				happens(&stage, "oom", A_ID, 203);
			run_at(&stage, 204);
			if (!behind)
				EXPECT(&stage, cases[i].told);
			else if (cases[i].limits)
				EXPECT(&stage, "die aaaa =137 inherited id u1 carol\n"
					       "oom aaaa inherited id u1 carol\n");
			stage_close(&stage);
		}
	}
}

/* Killed by nobody known, after somebody took its memory away: perhaps of that. */
static void test_killed_after_update(void **state)
{
	struct stage stage = {0};
	struct request *update;

	stage_open(&stage);
	live_once(&stage, A_ID, false);
	update = begin_of(&stage, 2, "ContainerUpdate", "u1", A_ID, 95);
	update->limits = true;
	happens(&stage, "update", A_ID, 100);
	answer(&stage, update, 200, 105);
	dies(&stage, A_ID, 137, 201);
	EXPECT_AT(&stage, 202, "update aaaa request id u1 carol\n");
	EXPECT_AT(&stage, 2300, "die aaaa =137 unknown\n");
	stage_close(&stage);
}

static void test_podman_tells_no_signals(void **state)
{
	struct stage stage = {0};
	struct request *stop;

	stage_open(&stage);
	causes_set_engine(stage.causes, 0, BRAND_PODMAN, false);
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

/* --- what the engine does by itself ----------------------------------------------------------- */

static void test_restart_policy(void **state)
{
	struct stage stage = {0};

	stage_open(&stage);
	live_once(&stage, A_ID, true);
	/* It is asked for first: unless inspected nothing is claimed. */
	tell_event(&stage, EVENT("network", "connect", B_ID, .container = bytes_of(A_ID)), 160);
	happens(&stage, "start", A_ID, 161);
	EXPECT_AT(&stage, 165, "");
	assert_string_equal(stage.inspected.data, "aaaa\n");
	inspected(&stage, A_ID, POLICY("always"), 170);
	EXPECT_AT(&stage, 171,
		  "connect bbbb daemon restart-policy\nstart aaaa daemon restart-policy\n");
	/* What it started goes back to who started it last. */
	dies(&stage, A_ID, 3, 180);
	EXPECT_AT(&stage, 181, "die aaaa =3 inherited id s1 bob\n");
	/* The engine does not wait for so long. */
	happens(&stage, "start", A_ID, 180 + 91000);
	EXPECT_AT(&stage, 180 + 91001, "start aaaa unknown\n");
	stage_close(&stage);
}

/* What the engine ends when it stops; not what somebody had killed by then, or kills meanwhile. */
static void test_engine_stops(void **state)
{
	struct stage stage = {0};
	struct request *kill;

	stage_open(&stage);
	live_once(&stage, A_ID, false);
	/* Somebody unseen kills it, just before. */
	is_killed(&stage, A_ID, "9", 100);
	EXPECT_AT(&stage, 101, "kill aaaa 9 unknown\n");
	stage_is_stopping = true;
	dies(&stage, A_ID, 137, 102);
	EXPECT_AT(&stage, 103, "die aaaa =137 unknown\n");
	make_request(&stage, 1, "ContainerStart", "s2", A_ID, 200);
	happens(&stage, "start", A_ID, 200);
	is_killed(&stage, A_ID, "15", 300);
	is_killed(&stage, A_ID, "9", 310);
	dies(&stage, A_ID, 137, 320);
	tell_event(&stage, EVENT("network", "disconnect", B_ID, .container = bytes_of(A_ID)), 321);
	happens(&stage, "stop", A_ID, 322);
	EXPECT_AT(&stage, 330,
		  "start aaaa request id s2 bob\nkill aaaa 15 daemon engine-stopped\n"
		  "kill aaaa 9 daemon engine-stopped\ndie aaaa =137 daemon engine-stopped\n"
		  "disconnect bbbb daemon engine-stopped\nstop aaaa daemon engine-stopped\n");
	/* Somebody who was there already kills it. */
	inspected(&stage, A_ID, POLICY("no"), 350);
	make_request(&stage, 1, "ContainerStart", "s3", A_ID, 400);
	happens(&stage, "start", A_ID, 400);
	is_killed(&stage, A_ID, "15", 410);
	kill = begin_of(&stage, 2, "ContainerKill", "k1", A_ID, 415);
	is_killed(&stage, A_ID, "9", 420);
	answer(&stage, kill, 204, 425);
	dies(&stage, A_ID, 137, 430);
	EXPECT_AT(&stage, 440,
		  "start aaaa request id s3 bob\nkill aaaa 15 daemon engine-stopped\n"
		  "kill aaaa 9 request id k1 carol\ndie aaaa =137 request id k1 carol\n");
	/* One that ends by itself then. */
	make_request(&stage, 1, "ContainerStart", "s4", A_ID, 500);
	happens(&stage, "start", A_ID, 500);
	dies(&stage, A_ID, 0, 510);
	EXPECT_AT(&stage, 520, "start aaaa request id s4 bob\ndie aaaa =0 inherited id s4 bob\n");
	stage_is_stopping = false;
	stage_close(&stage);
}

static void test_no_inspection(void **state)
{
	struct stage stage = {0};

	stage_open(&stage);
	live_once(&stage, A_ID, true);
	happens(&stage, "start", A_ID, 160);
	EXPECT_AT(&stage, 2159, "");
	EXPECT_AT(&stage, 2161, "start aaaa unknown\n");
	stage_close(&stage);
}

/* Whether a start 100 ms after the end is the policy's. */
static void test_restart_policies(void **state)
{
	static const struct {
		const char *policy;
		int exit_code;
		const char *before; /* happens while the engine waits; NULL: nothing */
		bool restarts;
	} cases[] = {
		{POLICY("always"), 0, NULL, true},
		{POLICY("unless-stopped"), 0, NULL, true},
		{POLICY("on-failure"), 1, NULL, true},
		{POLICY("on-failure"), 0, NULL, false},
		{POLICY("no"), 1, NULL, false},
		{"", 1, NULL, false},
		{POLICY("always"), 1, "stop", false},
		{POLICY("always"), 1, "update", false}, /* to another one, perhaps */
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct stage stage = {0};

		stage_open(&stage);
		live_once(&stage, A_ID, false);
		inspected(&stage, A_ID, cases[i].policy, 90);
		dies(&stage, A_ID, cases[i].exit_code, 100);
		if (cases[i].before)
			happens(&stage, cases[i].before, A_ID, 110);
		run_at(&stage, 150);
		text_cut(&stage.told, 0);
		happens(&stage, "start", A_ID, 200);
		run_at(&stage, 210);
		EXPECT_AT(&stage, 2201,
			  cases[i].restarts ? "start aaaa daemon restart-policy\n"
					    : "start aaaa unknown\n");
		stage_close(&stage);
	}
}

/* Not after it was told to end, by whomever, with any signal: it may have been that. */
static void test_no_policy_after_signals(void **state)
{
	for (unsigned int unseen = 0; unseen < 2; unseen++) {
		struct stage stage = {0};

		stage_open(&stage);
		live_once(&stage, A_ID, false);
		inspected(&stage, A_ID, POLICY("always"), 90);
		if (!unseen)
			make_request(&stage, 2, "ContainerKill", "k1", A_ID, 100);
		is_killed(&stage, A_ID, "15", 100);
		dies(&stage, A_ID, 0, 200);
		run_at(&stage, 210);
		text_cut(&stage.told, 0);
		happens(&stage, "start", A_ID, 300);
		EXPECT_AT(&stage, 310, "start aaaa unknown\n");
		/* The next end is none of that. */
		dies(&stage, A_ID, 0, 400);
		happens(&stage, "start", A_ID, 500);
		EXPECT_AT(&stage, 510, "die aaaa =0 unknown\nstart aaaa daemon restart-policy\n");
		stage_close(&stage);
	}
}

/* A restart, while the policy is about to start it: the first start may be the policy's. */
static void test_restart_and_policy(void **state)
{
	struct stage stage = {0};
	struct request *restart;

	stage_open(&stage);
	live_once(&stage, A_ID, true);
	inspected(&stage, A_ID, POLICY("always"), 90);
	restart = begin_of(&stage, 2, "ContainerRestart", "r1", A_ID, 100);
	happens(&stage, "start", A_ID, 160);
	is_killed(&stage, A_ID, "15", 161);
	dies(&stage, A_ID, 143, 165);
	happens(&stage, "stop", A_ID, 166);
	happens(&stage, "start", A_ID, 170);
	happens(&stage, "restart", A_ID, 171);
	answer(&stage, restart, 204, 172);
	EXPECT_AT(&stage, 180,
		  "start aaaa unknown\nkill aaaa 15 request id r1 carol\n"
		  "die aaaa =143 request id r1 carol\nstop aaaa request id r1 carol\n"
		  "start aaaa request id r1 carol\nrestart aaaa request id r1 carol\n");
	/* The policy is called off first: then it is the restart's. */
	dies(&stage, A_ID, 1, 200);
	restart = begin_of(&stage, 3, "ContainerRestart", "r2", A_ID, 210);
	happens(&stage, "stop", A_ID, 211);
	happens(&stage, "start", A_ID, 212);
	answer(&stage, restart, 204, 220);
	EXPECT_AT(&stage, 230,
		  "die aaaa =1 inherited id r1 carol\nstop aaaa request id r2 dave\n"
		  "start aaaa request id r2 dave\n");
	stage_close(&stage);
}

#define HEALTH "'Config':{'Healthcheck':{'Test':['CMD','test','-f','/x']}}"

static struct engine_event exec_event(const char *action, const char *exec_id, const char *command)
{
	return OF_CONTAINER(action, A_ID, .exec_id = bytes_of(exec_id),
			    .program = bytes_of(command), .attributes = ATTRIBUTE_EXEC_ID,
			    .command_hash =
				    *command ? engine_event_command_hash(bytes_of(command)) : 0);
}

static void test_health_check(void **state)
{
	struct stage stage = {0};

	stage_open(&stage);
	live_once(&stage, A_ID, false);
	inspected(&stage, A_ID, HEALTH, 90);
	tell_event(&stage, exec_event("exec_create", EXEC_1, "test -f /x"), 100);
	tell_event(&stage, exec_event("exec_start", EXEC_1, "test -f /x"), 101);
	tell_event(&stage, exec_event("exec_die", EXEC_1, ""), 110);
	tell_event(&stage, exec_event("exec_create", EXEC_2, "test -f /y"), 120);
	EXPECT_AT(&stage, 130,
		  "exec_create aaaa 1111 daemon health-check\n"
		  "exec_start aaaa 1111 daemon health-check\n"
		  "exec_die aaaa 1111 daemon health-check\n"
		  "exec_create aaaa 2222 unknown\n");
	/* They are no part of the container's story. */
	assert_null(strstr(stage.kept.data, "exec_start"));
	stage_close(&stage);
}

static void test_swarm(void **state)
{
	struct stage stage = {0};
	struct request *request;
	struct engine_event create =
		OF_CONTAINER("create", A_ID, .name = bytes_of("task"), .swarm_task = true);

	stage_open(&stage);
	tell_event(&stage, create, 10); /* a label, no more */
	EXPECT_AT(&stage, 11, "create aaaa unknown\n");
	causes_set_engine(stage.causes, 0, BRAND_DOCKER, true);
	create.id = bytes_of(B_ID);
	tell_event(&stage, create, 20);
	happens(&stage, "start", B_ID, 30);
	is_killed(&stage, B_ID, "15", 40);
	inspected(&stage, B_ID, "", 45);
	tell_event(&stage, OF_CONTAINER("exec_create", B_ID, .exec_id = bytes_of(EXEC_1)), 50);
	inspected(&stage, B_ID, "", 55);
	EXPECT_AT(&stage, 60,
		  "create bbbb daemon swarm\nstart bbbb daemon swarm\nkill bbbb 15 daemon swarm\n"
		  "exec_create bbbb 1111 unknown\n");
	/* Somebody's create was under way, and is not answered: by time it would be his. */
	request = begin_request(&stage, 0, "ContainerCreate", "r1", 65);
	create.id = bytes_of(C_ID);
	tell_event(&stage, create, 70);
	EXPECT_AT(&stage, 2071, "create cccc unknown\n");
	ledger_request_end(request);
	stage_close(&stage);
}

/* --- execs ------------------------------------------------------------------------------------ */

/* An exec in the container A, of which its own start is answered with 101. */
static struct request *start_exec(struct stage *stage, unsigned int user, const char *event_id,
				  const char *exec_id, unsigned int ms)
{
	struct request *start = begin_request(stage, user, "ExecStart", event_id, ms);

	ledger_request_set_target(start, bytes_of(exec_id), (struct bytes){0}, bytes_of(A_ID));
	ledger_request_answered(start, 101, at(ms + 2));
	return start;
}

static void create_exec(struct stage *stage, unsigned int user, const char *event_id,
			const char *exec_id, const char *command, unsigned int ms)
{
	struct request *create = begin_of(stage, user, "ContainerExec", event_id, A_ID, ms);

	tell_event(stage, exec_event("exec_create", exec_id, command), ms + 1);
	ledger_request_set(create, &create->made, bytes_of(exec_id));
	answer(stage, create, 201, ms + 2);
}

static void test_exec(void **state)
{
	struct stage stage = {0};
	struct request *one, *other;

	stage_open(&stage);
	live_once(&stage, A_ID, false);
	create_exec(&stage, 0, "e1", EXEC_1, "sh", 100);
	create_exec(&stage, 2, "e2", EXEC_2, "sh", 110);
	one = start_exec(&stage, 3, "x1", EXEC_1, 120);
	other = start_exec(&stage, 0, "x2", EXEC_2, 121);
	tell_event(&stage, exec_event("exec_start", EXEC_2, "sh"), 125);
	tell_event(&stage, exec_event("exec_start", EXEC_1, "sh"), 126);
	tell_event(&stage, exec_event("exec_die", EXEC_1, ""), 500);
	run_at(&stage, 501);
	tell_event(&stage, exec_event("exec_die", EXEC_2, ""), 60500);
	EXPECT_AT(&stage, 60501,
		  "exec_create aaaa 1111 request id e1 alice\n"
		  "exec_create aaaa 2222 request id e2 carol\n"
		  "exec_start aaaa 2222 request id x2 alice\n"
		  "exec_start aaaa 1111 request id x1 dave\n"
		  "exec_die aaaa 1111 inherited id x1 dave\n"
		  "exec_die aaaa 2222 inherited id x2 alice\n");
	/* By nobody known: nor is its end. */
	create_exec(&stage, 0, "e3", EXEC_1, "sh", 61000);
	inspected(&stage, A_ID, "", 61010);
	tell_event(&stage, exec_event("exec_start", EXEC_1, "sh"), 61020);
	tell_event(&stage, exec_event("exec_die", EXEC_1, ""), 61030);
	EXPECT_AT(&stage, 61040,
		  "exec_create aaaa 1111 request id e3 alice\nexec_start aaaa 1111 unknown\n"
		  "exec_die aaaa 1111 unknown\n");
	ledger_request_end(one);
	ledger_request_end(other);
	stage_close(&stage);
}

/* A detached one that cannot be started: it was begun all the same. */
static void test_exec_that_fails(void **state)
{
	struct stage stage = {0};
	struct request *start;

	stage_open(&stage);
	live_once(&stage, A_ID, false);
	start = begin_of(&stage, 2, "ExecStart", "x1", EXEC_1, 100);
	tell_event(&stage, exec_event("exec_start", EXEC_1, "nothing"), 101);
	answer(&stage, start, 400, 105);
	EXPECT_AT(&stage, 110, "exec_start aaaa 1111 request id x1 carol\n");
	stage_close(&stage);
}

/* A label of the container stands where the exec's id would. */
static void test_exec_behind_a_label(void **state)
{
	struct stage stage = {0};
	struct request *create, *one, *other;

	stage_open(&stage);
	create = begin_request(&stage, 0, "ContainerCreate", "c1", 10);
	ledger_request_set(create, &create->made, bytes_of(A_ID));
	tell_event(&stage,
		   OF_CONTAINER("create", A_ID, .attributes = ATTRIBUTE_EXEC_ID,
				.labels = ATTRIBUTE_EXEC_ID),
		   20);
	answer(&stage, create, 201, 30);
	inspected(&stage, A_ID, HEALTH, 35);
	one = start_exec(&stage, 2, "x1", EXEC_1, 100);
	tell_event(&stage, exec_event("exec_start", EXEC_2, "sh"), 105);
	EXPECT_AT(&stage, 110,
		  "create aaaa request id c1 alice\nexec_start aaaa request time x1 carol\n");
	/* It has had its event: while it goes on, others are not taken for it. */
	tell_event(&stage, exec_event("exec_start", EXEC_2, "sh"), 200);
	EXPECT_AT(&stage, 210, "exec_start aaaa unknown\n");
	/* What the engine does at that moment by itself is not taken for somebody's. */
	other = start_exec(&stage, 3, "x2", EXEC_1, 300);
	tell_event(&stage, exec_event("exec_start", EXEC_2, "test -f /x"), 305);
	EXPECT_AT(&stage, 310, "exec_start aaaa unknown\n");
	tell_event(&stage, exec_event("exec_die", EXEC_2, ""), 400);
	EXPECT_AT(&stage, 410, "exec_die aaaa unknown\n");
	ledger_request_end(one);
	ledger_request_end(other);
	stage_close(&stage);
}

/* Labels that stand where the exit code and the signal would, known from the creation or from an inspection. */
static void test_labels(void **state)
{
	struct stage stage = {0};
	struct engine_event create =
		OF_CONTAINER("create", A_ID, .labels = ATTRIBUTE_EXIT_CODE | ATTRIBUTE_SIGNAL);

	stage_open(&stage);
	tell_event(&stage, create, 10);
	is_killed(&stage, A_ID, "9", 20);
	dies(&stage, A_ID, 77, 30);
	EXPECT_AT(&stage, 40, "create aaaa unknown\nkill aaaa unknown\ndie aaaa unknown\n");
	/* A container that was there before: asked for, and not believed where nobody answers. */
	dies(&stage, B_ID, 78, 50);
	EXPECT_AT(&stage, 60, "");
	inspected(&stage, B_ID, "'Config':{'Labels':{'signal':'9'}}", 61);
	EXPECT_AT(&stage, 62, "die bbbb =78 unknown\n");
	is_killed(&stage, B_ID, "9", 63);
	EXPECT_AT(&stage, 64, "kill bbbb unknown\n");
	dies(&stage, C_ID, 79, 70);
	EXPECT_AT(&stage, 2071, "die cccc unknown\n");
	stage_close(&stage);
}

/* --- attached ones ---------------------------------------------------------------------------- */

static struct request *attach(struct stage *stage, unsigned int user, const char *event_id,
			      unsigned int ms)
{
	struct request *request = begin_of(stage, user, "ContainerAttach", event_id, A_ID, ms);

	ledger_request_answered(request, 101, at(ms + 2));
	return request;
}

static void test_attach(void **state)
{
	struct stage stage = {0};
	struct request *requests[5];

	stage_open(&stage);
	requests[0] = attach(&stage, 0, "a1", 10);
	happens(&stage, "attach", A_ID, 13);
	requests[1] = attach(&stage, 1, "a2", 100);
	happens(&stage, "attach", A_ID, 103);
	EXPECT_AT(&stage, 110, "attach aaaa request id a1 alice\nattach aaaa request id a2 bob\n");
	/* A third one by another door. */
	happens(&stage, "attach", A_ID, 120);
	EXPECT_AT(&stage, 130, "attach aaaa unknown\n");
	/* Two at once. */
	requests[2] = attach(&stage, 2, "a3", 200);
	requests[3] = attach(&stage, 3, "a4", 201);
	happens(&stage, "attach", A_ID, 205);
	happens(&stage, "attach", A_ID, 206);
	EXPECT_AT(&stage, 210, "attach aaaa unknown\nattach aaaa unknown\n");
	/* They go on, but have begun long ago. */
	requests[4] = attach(&stage, 4, "a5", 9000);
	happens(&stage, "attach", A_ID, 9003);
	EXPECT_AT(&stage, 9010, "attach aaaa request id a5 erin\n");
	for (size_t i = 0; i < COUNT(requests); i++)
		ledger_request_end(requests[i]);
	stage_close(&stage);
}

/* --- several at once: prunes, images, builds -------------------------------------------------- */

static struct request *remove_some(struct stage *stage, const char *operation, const char *event_id,
				   const char *removed, bool all, unsigned int ms)
{
	struct request *request = begin_request(stage, 2, operation, event_id, ms);

	ledger_request_answered(request, 200, at(ms + 100));
	if (!removed)
		return request;
	ledger_request_set_removed(request, 1, all);
	ledger_request_add_removed(request, bytes_of(removed));
	answer(stage, request, 200, ms + 100);
	return request;
}

static void test_prune(void **state)
{
	struct stage stage = {0};
	struct request *prune;

	stage_open(&stage);
	prune = remove_some(&stage, "ContainerPrune", "p1", NULL, false, 100);
	happens(&stage, "destroy", A_ID, 110);
	happens(&stage, "destroy", B_ID, 111);
	tell_event(&stage, EVENT("container", "prune", "", .swarm_task = false), 112);
	EXPECT_AT(&stage, 120, "");
	ledger_request_set_removed(prune, 1, true);
	ledger_request_add_removed(prune, bytes_of(A_ID));
	answer(&stage, prune, 200, 200);
	EXPECT_AT(&stage, 210,
		  "destroy aaaa request id p1 carol\ndestroy bbbb unknown\n"
		  "prune request time p1 carol\n");
	/* Of a list that was cut it may be any. */
	remove_some(&stage, "ContainerPrune", "p2", A_ID, false, 1000);
	happens(&stage, "destroy", C_ID, 1010);
	EXPECT_AT(&stage, 1200, "destroy cccc request time p2 carol\n");
	stage_close(&stage);
}

/* Not one that goes by itself at that moment. */
static void test_prune_and_auto_removal(void **state)
{
	struct stage stage = {0};
	struct request *create;

	stage_open(&stage);
	create = begin_request(&stage, 0, "ContainerCreate", "c1", 10);
	ledger_request_set(create, &create->made, bytes_of(A_ID));
	create->auto_remove = true;
	happens(&stage, "create", A_ID, 20);
	answer(&stage, create, 201, 30);
	make_request(&stage, 1, "ContainerStart", "s1", A_ID, 40);
	happens(&stage, "start", A_ID, 40);
	remove_some(&stage, "ContainerPrune", "p1", B_ID, false, 90);
	/* A volume that goes with it is not that of the removal under way. */
	make_request(&stage, 3, "ContainerDelete", "d1", C_ID, 110);
	dies(&stage, A_ID, 0, 100);
	tell_event(&stage, EVENT("volume", "destroy", "v", .swarm_task = false), 110);
	happens(&stage, "destroy", A_ID, 111);
	EXPECT_AT(&stage, 300,
		  "create aaaa request id c1 alice\nstart aaaa request id s1 bob\n"
		  "die aaaa =0 inherited id s1 bob\ndestroy v unknown\n"
		  "destroy aaaa unknown\n");
	make_request(&stage, 3, "ContainerDelete", "d2", C_ID, 20000);
	tell_event(&stage, EVENT("volume", "destroy", "v", .swarm_task = false), 20000);
	EXPECT_AT(&stage, 20100, "destroy v request time d2 dave\n");
	stage_close(&stage);
}

static void test_images(void **state)
{
	struct stage stage = {0};
	struct request *tag;

	stage_open(&stage);
	tag = begin_request(&stage, 0, "ImageTag", "t1", 10);
	ledger_request_set_target(tag, (struct bytes){0}, bytes_of("busybox"), (struct bytes){0});
	ledger_request_set(tag, &tag->result, bytes_of("com:3"));
	tell_event(&stage, EVENT("image", "tag", IMAGE_ID, .name = bytes_of("com:3")), 15);
	tell_event(&stage, EVENT("image", "tag", IMAGE_ID, .name = bytes_of("com:4")), 16);
	answer(&stage, tag, 201, 20);
	EXPECT_AT(&stage, 21, "tag sha2 request name t1 alice\ntag sha2 unknown\n");
	remove_some(&stage, "ImageDelete", "d1", IMAGE_ID, true, 100);
	tell_event(&stage, EVENT("image", "untag", IMAGE_ID, .name = bytes_of(IMAGE_ID)), 110);
	tell_event(&stage, EVENT("image", "delete", "sha256:" ID_OF("e")), 111);
	EXPECT_AT(&stage, 210, "untag sha2 request id d1 carol\ndelete sha2 unknown\n");
	/* Which image the name was of is not known; where it is, the event is of no other. */
	remove_some(&stage, "ImageDelete", "d2", "busybox:2", true, 220);
	remove_some(&stage, "ImageDelete", "d3", "sha256:" ID_OF("e"), true, 230);
	tell_event(&stage, EVENT("image", "untag", IMAGE_ID, .name = bytes_of(IMAGE_ID)), 240);
	tell_event(&stage, EVENT("image", "delete", IMAGE_ID, .name = bytes_of(IMAGE_ID)), 241);
	EXPECT_AT(&stage, 290, "untag sha2 request time d2 carol\ndelete sha2 unknown\n");
	tag = begin_request(&stage, 0, "ImageCreate", "p1", 300);
	ledger_request_set_target(tag, (struct bytes){0},
				  bytes_of("docker.io/library/busybox:latest"), (struct bytes){0});
	ledger_request_answered(tag, 200, at(305));
	tell_event(&stage, EVENT("image", "pull", "busybox:latest", .name = bytes_of("busybox")),
		   9000);
	EXPECT_AT(&stage, 9001, "pull busy request name p1 alice\n");
	ledger_request_end(tag);
	stage_close(&stage);
}

/* Its steps come after the response's head. */
static void test_build(void **state)
{
	struct stage stage = {0};
	struct request *build;

	stage_open(&stage);
	build = begin_request(&stage, 0, "ImageBuild", "b1", 10);
	ledger_request_answered(build, 200, at(50));
	tell_event(&stage, OF_CONTAINER("create", A_ID, .image = bytes_of(IMAGE_ID)), 100);
	happens(&stage, "attach", A_ID, 101);
	happens(&stage, "start", A_ID, 102);
	dies(&stage, A_ID, 0, 110);
	happens(&stage, "destroy", A_ID, 120);
	tell_event(&stage, OF_CONTAINER("create", B_ID, .image = bytes_of(IMAGE_ID)), 130);
	happens(&stage, "attach", B_ID, 131);
	/* These are of another image, and by somebody else. */
	tell_event(&stage, OF_CONTAINER("create", C_ID, .image = bytes_of("busybox")), 132);
	EXPECT_AT(&stage, 140,
		  "create aaaa request time b1 alice\nattach aaaa request time b1 alice\n"
		  "start aaaa request time b1 alice\ndie aaaa =0 request time b1 alice\n"
		  "destroy aaaa request time b1 alice\ncreate bbbb request time b1 alice\n"
		  "attach bbbb request time b1 alice\ncreate cccc unknown\n");
	ledger_request_end(build);
	stage_close(&stage);
}

/* --- networks and volumes --------------------------------------------------------------------- */

static void test_networks(void **state)
{
	struct stage stage = {0};
	struct request *connect;
	struct engine_event event = EVENT("network", "connect", D_ID, .name = bytes_of("net"));

	stage_open(&stage);
	connect = begin_request(&stage, 0, "NetworkConnect", "n1", 10);
	ledger_request_set_target(connect, bytes_of(D_ID), (struct bytes){0}, bytes_of(A_ID));
	event.container = bytes_of(B_ID);
	tell_event(&stage, event, 15);
	inspected(&stage, B_ID, "", 15);
	event.container = bytes_of(A_ID);
	tell_event(&stage, event, 16);
	answer(&stage, connect, 200, 20);
	EXPECT_AT(&stage, 21, "connect dddd unknown\nconnect dddd request id n1 alice\n");
	/* Of which container it is, is not known; and by the network's name. */
	connect = begin_request(&stage, 1, "NetworkConnect", "n2", 30);
	ledger_request_set_target(connect, (struct bytes){0}, bytes_of("net"), (struct bytes){0});
	tell_event(&stage, event, 35);
	inspected(&stage, A_ID, "", 36);
	answer(&stage, connect, 200, 40);
	EXPECT_AT(&stage, 41, "connect dddd request time n2 bob\n");
	/* By a door that is not seen: not of whoever started the container, as long as that runs. */
	make_request(&stage, 2, "ContainerStart", "s1", A_ID, 50);
	happens(&stage, "start", A_ID, 50);
	event.action = bytes_of("disconnect");
	tell_event(&stage, event, 70);
	EXPECT_AT(&stage, 80, "start aaaa request id s1 carol\n");
	EXPECT_AT(&stage, 70 + 2001, "disconnect dddd unknown\n"); /* no end came */
	stage_close(&stage);
}

/* Docker from 26 on tells that a container leaves its network, and then that it ended: both go back to the same. */
static void test_network_before_end(void **state)
{
	static const struct {
		const char *operation, *signal, *between;
		int exit_code;
		const char *told;
	} cases[] = {
		{NULL, NULL, NULL, 0,
		 "disconnect dddd inherited id s1 bob\ndie aaaa =0 inherited id s1 bob\n"},
		{NULL, NULL, "exec_die", 0,
		 "disconnect dddd inherited id s1 bob\nexec_die aaaa unknown\n"
		 "die aaaa =0 inherited id s1 bob\n"},
		/* Something else happens to it before its end. */
		{NULL, NULL, "pause", 0,
		 "disconnect dddd unknown\npause aaaa unknown\ndie aaaa =0 inherited id s1 bob\n"},
		{"ContainerStop", "15", NULL, 143,
		 "kill aaaa 15 request id k1 carol\ndisconnect dddd request id k1 carol\n"
		 "die aaaa =143 request id k1 carol\n"},
		/* It was under way, and had sent no signal. */
		{"ContainerStop", NULL, NULL, 0,
		 "disconnect dddd inherited id s1 bob\ndie aaaa =0 inherited id s1 bob\n"},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct stage stage = {0};
		struct request *request = NULL;

		stage_open(&stage);
		live_once(&stage, A_ID, false);
		if (cases[i].operation)
			request = begin_of(&stage, 2, cases[i].operation, "k1", A_ID, 100);
		if (cases[i].signal)
			is_killed(&stage, A_ID, cases[i].signal, 102);
		tell_event(&stage,
			   EVENT("network", "disconnect", D_ID, .container = bytes_of(A_ID)), 105);
		if (cases[i].between)
			happens(&stage, cases[i].between, A_ID, 106);
		dies(&stage, A_ID, cases[i].exit_code, 107);
		if (request)
			answer(&stage, request, 204, 110);
		EXPECT_AT(&stage, 120, cases[i].told);
		stage_close(&stage);
	}
}

/* The same of its volumes, but for those that a copy mounts while it runs. */
static void test_volume_before_end(void **state)
{
	struct stage stage = {0};
	struct request *copy;

	stage_open(&stage);
	live_once(&stage, A_ID, false);
	copy = begin_of(&stage, 2, "ContainerArchive", "k1", A_ID, 100);
	tell_event(&stage, EVENT("volume", "mount", "v", .container = bytes_of(A_ID)), 105);
	inspected(&stage, A_ID, "", 106);
	tell_event(&stage, EVENT("volume", "unmount", "v", .container = bytes_of(A_ID)), 107);
	answer(&stage, copy, 200, 110);
	EXPECT_AT(&stage, 111, "mount v request id k1 carol\nunmount v request id k1 carol\n");
	copy = begin_of(&stage, 2, "ContainerArchive", "k2", A_ID, 200);
	tell_event(&stage, EVENT("volume", "unmount", "v", .container = bytes_of(A_ID)), 205);
	happens(&stage, "stop", A_ID, 206);
	dies(&stage, A_ID, 0, 207);
	answer(&stage, copy, 200, 210);
	EXPECT_AT(&stage, 211,
		  "unmount v inherited id s1 bob\nstop aaaa unknown\ndie aaaa =0 inherited id s1 "
		  "bob\n");
	stage_close(&stage);
}

/* By SIGKILL, long after the request was answered; and an end that only the next event tells of. */
static void test_network_before_slow_end(void **state)
{
	struct stage stage = {0};

	stage_open(&stage);
	live_once(&stage, A_ID, false);
	make_request(&stage, 2, "ContainerKill", "k1", A_ID, 100);
	is_killed(&stage, A_ID, "9", 101);
	tell_event(&stage, EVENT("network", "disconnect", D_ID, .container = bytes_of(A_ID)), 5000);
	EXPECT_AT(&stage, 5010, "kill aaaa 9 request id k1 carol\n");
	dies(&stage, A_ID, 137, 5020);
	EXPECT_AT(&stage, 5030,
		  "disconnect dddd inherited id k1 carol\ndie aaaa =137 request id k1 carol\n");
	stage_close(&stage);
}

/* A create that fails undoes what it did: the engine tells only that. */
static void test_failed_create(void **state)
{
	struct stage stage = {0};
	struct request *create;

	stage_open(&stage);
	create = begin_request(&stage, 0, "ContainerCreate", "c1", 10);
	ledger_request_set(create, &create->result, bytes_of("web"));
	tell_event(&stage, OF_CONTAINER("destroy", A_ID, .name = bytes_of("web")), 15);
	inspected(&stage, B_ID, "", 15);
	answer(&stage, create, 500, 20);
	EXPECT_AT(&stage, 21, "destroy aaaa request name c1 alice\n");
	/* Of another name; and one that was made. */
	create = begin_request(&stage, 0, "ContainerCreate", "c2", 30);
	ledger_request_set(create, &create->result, bytes_of("web"));
	tell_event(&stage, OF_CONTAINER("destroy", C_ID, .name = bytes_of("else")), 35);
	happens(&stage, "create", B_ID, 36);
	tell_event(&stage, OF_CONTAINER("destroy", B_ID, .name = bytes_of("web")), 37);
	answer(&stage, create, 500, 40);
	EXPECT_AT(&stage, 41, "destroy cccc unknown\ncreate bbbb unknown\ndestroy bbbb unknown\n");
	stage_close(&stage);
}

/* Podman's events of secrets have no name, those of the start of an exec no id of that exec. */
static void test_podman_tells_less(void **state)
{
	struct stage stage = {0};
	struct request *request;

	stage_open(&stage);
	causes_set_engine(stage.causes, 0, BRAND_PODMAN, false);
	live_once(&stage, A_ID, false);
	request = begin_request(&stage, 2, "SecretDeleteLibpod", "d1", 100);
	ledger_request_set_target(request, (struct bytes){0}, bytes_of("mine"), (struct bytes){0});
	tell_event(&stage, EVENT("secret", "remove", "0123"), 105);
	answer(&stage, request, 204, 110);
	EXPECT_AT(&stage, 120, "remove 0123 request time d1 carol\n");
	inspected(&stage, A_ID, "", 150);
	request = start_exec(&stage, 3, "x1", EXEC_1, 200);
	tell_event(&stage, OF_CONTAINER("exec_start", A_ID), 205);
	tell_event(&stage, exec_event("exec_die", EXEC_1, ""), 900);
	tell_event(&stage, exec_event("exec_die", EXEC_2, ""), 901);
	EXPECT_AT(&stage, 910,
		  "exec_start aaaa request time x1 dave\n"
		  "exec_die aaaa 1111 inherited id x1 dave\nexec_die aaaa 2222 unknown\n");
	ledger_request_end(request);
	stage_close(&stage);
}

/* Of execs that two users began at once the events are nobody's, each exec is of whoever named it. One that was refused began
 * none, and one that nobody answered yet may be. */
static void test_podman_execs_at_once(void **state)
{
	struct stage stage = {0};
	struct request *one, *other, *refused, *open;

	stage_open(&stage);
	causes_set_engine(stage.causes, 0, BRAND_PODMAN, false);
	live_once(&stage, A_ID, false);
	inspected(&stage, A_ID, "", 50);
	one = start_exec(&stage, 1, "x1", EXEC_1, 200);
	other = start_exec(&stage, 2, "x2", EXEC_2, 201);
	refused = begin_request(&stage, 3, "ExecStartLibpod", "x3", 202);
	ledger_request_set_target(refused, bytes_of(EXEC_1), (struct bytes){0}, bytes_of(A_ID));
	answer(&stage, refused, 409, 203);
	open = begin_request(&stage, 0, "ExecStartLibpod", "x4", 204);
	ledger_request_set_target(open, bytes_of(ID_OF("3")), (struct bytes){0}, bytes_of(A_ID));
	tell_event(&stage, OF_CONTAINER("exec_start", A_ID), 300);
	tell_event(&stage, OF_CONTAINER("exec_start", A_ID), 301);
	EXPECT_AT(&stage, 60500, "exec_start aaaa unknown\nexec_start aaaa unknown\n");
	tell_event(&stage, exec_event("exec_die", EXEC_1, ""), 61000);
	tell_event(&stage, exec_event("exec_die", EXEC_2, ""), 61001);
	tell_event(&stage, exec_event("exec_die", ID_OF("3"), ""), 61002);
	EXPECT_AT(&stage, 61100,
		  "exec_die aaaa 1111 inherited id x1 bob\n"
		  "exec_die aaaa 2222 inherited id x2 carol\nexec_die aaaa 3333 unknown\n");
	ledger_request_end(one);
	ledger_request_end(other);
	ledger_request_end(open);
	stage_close(&stage);
}

static void test_volumes(void **state)
{
	struct stage stage = {0};
	struct request *one, *other;

	stage_open(&stage);
	one = begin_request(&stage, 0, "VolumeCreate", "v1", 10);
	ledger_request_set(one, &one->result, bytes_of("data"));
	other = begin_request(&stage, 1, "ContainerCreate", "c1", 11);
	tell_event(&stage, EVENT("volume", "create", ID_OF("9"), .swarm_task = false), 15);
	tell_event(&stage, EVENT("volume", "create", "data", .swarm_task = false), 16);
	ledger_request_set(one, &one->made, bytes_of("data"));
	answer(&stage, one, 201, 20);
	ledger_request_set(other, &other->made, bytes_of(A_ID));
	answer(&stage, other, 201, 20);
	EXPECT_AT(&stage, 21, "");
	inspected(&stage, A_ID,
		  "'Mounts':[{'Type':'bind'},{'Type':'volume','Name':'" ID_OF("9") "'}]", 22);
	EXPECT_AT(&stage, 23, "create 9999 request id c1 bob\ncreate data request id v1 alice\n");
	make_request(&stage, 2, "VolumeDelete", "d1", "data", 30);
	tell_event(&stage, EVENT("volume", "destroy", "data", .swarm_task = false), 30);
	EXPECT_AT(&stage, 40, "destroy data request id d1 carol\n");
	stage_close(&stage);
}

static struct request *create_one(struct stage *stage, unsigned int user, const char *event_id,
				  const char *id, unsigned int ms)
{
	struct request *create = begin_request(stage, user, "ContainerCreate", event_id, ms - 5);

	ledger_request_set(create, &create->made, bytes_of(id));
	answer(stage, create, 201, ms + 5);
	return create;
}

#define VOLUME(action, name) EVENT("volume", action, name, .swarm_task = false)

/* The volumes of a build, while others make and remove containers. */
static void test_volumes_of_builds(void **state)
{
	struct stage stage = {0};
	struct request *build, *other;

	stage_open(&stage);
	build = begin_request(&stage, 0, "ImageBuild", "b1", 10);
	ledger_request_answered(build, 200, at(15));
	/* It is known that the container has no volumes. */
	create_one(&stage, 1, "c1", A_ID, 100);
	inspected(&stage, A_ID, "'Mounts':[]", 110);
	tell_event(&stage, VOLUME("create", "v1"), 100);
	EXPECT_AT(&stage, 120, "create v1 request time b1 alice\n");
	/* It went before it could be looked at: it may be either's. */
	create_one(&stage, 1, "c2", B_ID, 200);
	tell_event(&stage, VOLUME("create", "v2"), 200);
	EXPECT_AT(&stage, 205, "");
	causes_gone(stage.causes, 0, bytes_of(B_ID));
	EXPECT_AT(&stage, 210, "create v2 unknown\n");
	/* It has that volume, and another one. */
	create_one(&stage, 1, "c3", C_ID, 300);
	inspected(&stage, C_ID, "'Mounts':[{'Name':'v3'},{'Name':'v4'}]", 310);
	tell_event(&stage, VOLUME("create", "v4"), 300);
	EXPECT_AT(&stage, 320, "create v4 request id c3 bob\n");
	/* A removal takes its own volumes, and none without v=1. */
	make_request(&stage, 1, "ContainerDelete", "d1", C_ID, 400);
	tell_event(&stage, VOLUME("destroy", "v4"), 400);
	tell_event(&stage, VOLUME("destroy", "v1"), 401);
	EXPECT_AT(&stage, 420, "destroy v4 request id d1 bob\ndestroy v1 request time b1 alice\n");
	other = begin_of(&stage, 1, "ContainerDelete", "d2", D_ID, 495);
	other->volumeless = true;
	tell_event(&stage, VOLUME("destroy", "v2"), 500);
	answer(&stage, other, 204, 505);
	EXPECT_AT(&stage, 510, "destroy v2 request time b1 alice\n");
	/* Of a container that nobody knows. */
	make_request(&stage, 1, "ContainerDelete", "d3", E_ID, 600);
	tell_event(&stage, VOLUME("destroy", "v5"), 600);
	EXPECT_AT(&stage, 610, "destroy v5 unknown\n");
	/* Two builds, of which one is by BuildKit, and then of two users. */
	other = begin_request(&stage, 1, "ImageBuild", "b2", 700);
	ledger_request_answered(other, 200, at(705));
	other->volumeless = true;
	tell_event(&stage, VOLUME("create", "v6"), 710);
	tell_event(&stage, OF_CONTAINER("create", D_ID, .image = bytes_of(IMAGE_ID)), 711);
	EXPECT_AT(&stage, 720,
		  "create v6 request time b1 alice\ncreate dddd request time b1 alice\n");
	other->volumeless = false;
	tell_event(&stage, VOLUME("create", "v7"), 730);
	EXPECT_AT(&stage, 740, "create v7 unknown\n");
	ledger_request_end(other);
	ledger_request_end(build);
	stage_close(&stage);
}

/* By another door: what a start that fails connects and leaves again is not that of the end before. */
static void test_failing_start_unseen(void **state)
{
	struct stage stage = {0};
	struct engine_event event = EVENT("network", "disconnect", D_ID, .name = bytes_of("net"));

	stage_open(&stage);
	live_once(&stage, A_ID, true);
	inspected(&stage, A_ID, POLICY("no"), 90);
	event.container = bytes_of(A_ID);
	tell_event(&stage, event, 95);
	event.action = bytes_of("connect");
	tell_event(&stage, event, 200);
	event.action = bytes_of("disconnect");
	tell_event(&stage, event, 201);
	EXPECT_AT(&stage, 210,
		  "disconnect dddd inherited id s1 bob\nconnect dddd unknown\n"
		  "disconnect dddd unknown\n");
	stage_close(&stage);
}

/* A request that named it by the name that it had then is one of those that fit, whatever it is called by now. */
static void test_renamed_meanwhile(void **state)
{
	struct stage stage = {0};
	struct request *rename, *one, *other;
	struct bytes none = {0};

	stage_open(&stage);
	tell_event(&stage, OF_CONTAINER("create", A_ID, .name = bytes_of("web")), 10);
	one = begin_request(&stage, 0, "ContainerStop", "k1", 20);
	ledger_request_set_target(one, none, bytes_of("web"), none);
	rename = begin_request(&stage, 1, "ContainerRename", "n1", 30);
	ledger_request_set_target(rename, none, bytes_of("web"), none);
	ledger_request_set(rename, &rename->result, bytes_of("new"));
	tell_event(&stage, OF_CONTAINER("rename", A_ID, .name = bytes_of("new")), 35);
	answer(&stage, rename, 204, 40);
	other = begin_of(&stage, 2, "ContainerStop", "k2", A_ID, 45);
	tell_event(&stage, OF_CONTAINER("stop", A_ID, .name = bytes_of("new")), 50);
	answer(&stage, other, 204, 60);
	EXPECT_AT(&stage, 2051,
		  "create aaaa unknown\nrename aaaa request name n1 bob\nstop aaaa unknown\n");
	answer(&stage, one, 204, 2060);
	stage_close(&stage);
}

/* A start that fails takes what was made with --rm away; somebody's removal by another door is not taken for that. */
static void test_auto_removal(void **state)
{
	static const struct {
		int status; /* of the start; 0: there is none */
		const char *told;
	} cases[] = {
		{400, "destroy aaaa request id s1 bob\n"},
		{204, "destroy aaaa unknown\n"},
		{0, "destroy aaaa unknown\n"},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct stage stage = {0};
		struct request *request;

		stage_open(&stage);
		request = begin_request(&stage, 0, "ContainerCreate", "c1", 10);
		ledger_request_set(request, &request->made, bytes_of(A_ID));
		request->auto_remove = true;
		happens(&stage, "create", A_ID, 20);
		answer(&stage, request, 201, 30);
		EXPECT_AT(&stage, 35, "create aaaa request id c1 alice\n");
		if (cases[i].status)
			request = begin_of(&stage, 1, "ContainerStart", "s1", A_ID, 40);
		happens(&stage, "destroy", A_ID, 45);
		if (cases[i].status) {
			EXPECT_AT(&stage, 46, "");
			answer(&stage, request, cases[i].status, 50);
		}
		EXPECT_AT(&stage, 60, cases[i].told);
		stage_close(&stage);
	}
}

/* --- what callerd does not see ---------------------------------------------------------------- */

/* The engine goes on for whoever does not wait for the answer; for how long, nobody knows. */
static void test_silent_clients(void **state)
{
	struct stage stage = {0};
	struct request *request;

	stage_open(&stage);
	live_once(&stage, A_ID, false);
	request = begin_of(&stage, 2, "ContainerStop", "k1", A_ID, 100);
	fall_silent(&stage, request, 150);
	is_killed(&stage, A_ID, "15", 101);
	is_killed(&stage, A_ID, "9", 10101);
	dies(&stage, A_ID, 137, 10110);
	EXPECT_AT(&stage, 12150,
		  "kill aaaa 15 request id k1 carol\nkill aaaa 9 request id k1 carol\n"
		  "die aaaa =137 request id k1 carol\n");
	/* A start may have been none, and a create any one. */
	inspected(&stage, A_ID, "", 12200);
	fall_silent(&stage, begin_of(&stage, 3, "ContainerStart", "s2", A_ID, 13000), 13001);
	happens(&stage, "start", A_ID, 13100);
	EXPECT_AT(&stage, 15101, "start aaaa unknown\n");
	/* After a while it is not its any more. */
	request = begin_of(&stage, 2, "ContainerPause", "p1", A_ID, 16000);
	fall_silent(&stage, request, 16001);
	happens(&stage, "pause", A_ID, 16100);
	happens(&stage, "pause", A_ID, 31100);
	EXPECT_AT(&stage, 33200, "pause aaaa request id p1 carol\npause aaaa unknown\n");
	stage_close(&stage);
}

/* Where requests were lost, time proves nothing, and nothing proves that the engine did it by itself. */
static void test_lost(void **state)
{
	struct stage stage = {0};
	struct ledger *ledger;

	stage_open(&stage);
	ledger = causes_ledger(stage.causes);
	live_once(&stage, A_ID, true);
	inspected(&stage, A_ID, POLICY("always"), 90);
	make_request(&stage, 2, "BuildPrune", "p1", "", 1000);
	make_request(&stage, 2, "BuildPrune", "p2", "", 9000);
	ledger_lost(ledger, at(1500));
	ledger_lost(ledger, at(8000));
	tell_event(&stage, EVENT("builder", "prune", "", .swarm_task = false), 1000);
	happens(&stage, "start", A_ID, 1100);
	dies(&stage, A_ID, 1, 8500);
	happens(&stage, "stop", A_ID, 8600);
	make_request(&stage, 3, "ContainerStart", "s2", A_ID, 8990);
	happens(&stage, "start", A_ID, 8990);
	tell_event(&stage, EVENT("builder", "prune", "", .swarm_task = false), 9000);
	EXPECT_AT(&stage, 9100,
		  "prune unknown\nstart aaaa unknown\ndie aaaa =1 unknown\nstop aaaa unknown\n"
		  "start aaaa request id s2 dave\nprune unknown\n");
	make_request(&stage, 2, "BuildPrune", "p3", "", 14000);
	tell_event(&stage, EVENT("builder", "prune", "", .swarm_task = false), 14000);
	dies(&stage, A_ID, 1, 14100);
	happens(&stage, "start", A_ID, 14200);
	EXPECT_AT(&stage, 14300,
		  "prune request time p3 carol\ndie aaaa =1 inherited id s2 dave\n"
		  "start aaaa daemon restart-policy\n");
	stage_close(&stage);
}

/* Too many requests: those that were over first go, and long ones stay. */
static void test_full_ledger(void **state)
{
	struct stage stage = {0};
	struct request *attached, *build;

	stage_open(&stage);
	attached = attach(&stage, 0, "a1", 10);
	make_request(&stage, 1, "BuildPrune", "p1", "", 20);
	for (unsigned int i = 0; i < LEDGER_MAX; i++)
		make_request(&stage, 2, "ContainerPause", "x", B_ID, 100 + i);
	assert_int_equal(causes_ledger(stage.causes)->count, LEDGER_MAX);
	tell_event(&stage, EVENT("builder", "prune", "", .swarm_task = false), 20);
	happens(&stage, "attach", A_ID, 30);
	EXPECT_AT(&stage, 9000, "prune unknown\nattach aaaa request id a1 alice\n");
	/* All are forgotten in time, though the first one goes on. */
	run_at(&stage, 100000);
	assert_int_equal(causes_ledger(stage.causes)->count, 1);
	ledger_request_end(attached);
	/* Where all are under way, the oldest goes, and with it what is known of the time to come. */
	build = begin_request(&stage, 0, "ImageBuild", "b1", 200000);
	for (unsigned int i = 0; i < LEDGER_MAX; i++)
		ledger_request_end(begin_of(&stage, 1, "ContainerTop", "t", B_ID, 200001));
	make_request(&stage, 2, "BuildPrune", "p2", "", 200100);
	tell_event(&stage, EVENT("builder", "prune", "", .swarm_task = false), 200100);
	EXPECT_AT(&stage, 202200, "prune unknown\n");
	ledger_request_end(build);
	stage_close(&stage);
}

/* Events from before the first request that callerd can know. */
static void test_before_its_time(void **state)
{
	struct stage stage = {0};

	stage_open_at(&stage, at(1000));
	make_request(&stage, 2, "BuildPrune", "p1", "", 1000);
	tell_event(&stage, EVENT("builder", "prune", "", .swarm_task = false), 999);
	EXPECT_AT(&stage, 1100, "prune unknown\n");
	make_request(&stage, 2, "BuildPrune", "p2", "", 2000);
	tell_event(&stage, EVENT("builder", "prune", "", .swarm_task = false), 2000);
	EXPECT_AT(&stage, 2100, "prune request time p2 carol\n");
	stage_close(&stage);
}

/* Requests of another socket, and events that nothing is known of. */
static void test_strangers(void **state)
{
	struct stage stage = {0};

	stage_open(&stage);
	assert_null(ledger_begin(causes_ledger(stage.causes), 0, 1, at(10), OPERATION_ContainerList,
				 bytes_of("l1")));
	tell_event(&stage, EVENT("daemon", "reload", "x", .swarm_task = false), 10);
	tell_event(&stage, EVENT("container", "start", "no id", .swarm_task = false), 11);
	ledger_request_end(NULL);
	EXPECT_AT(&stage, 12, "reload x unknown\nstart no i unknown\n");
	stage_close(&stage);
}

/* What a request is called by its route is what the table of effects knows it by, of Podman's own, too. */
static void test_operations(void **state)
{
	static const struct {
		const char *method, *path;
		bool causes;
	} cases[] = {
		{"POST", "/v1.41/containers/create", true},
		{"POST", "/containers/a/start", true},
		{"POST", "/containers/a/stop", true},
		{"POST", "/containers/a/kill", true},
		{"POST", "/containers/a/restart", true},
		{"POST", "/containers/a/pause", true},
		{"POST", "/containers/a/unpause", true},
		{"POST", "/containers/a/rename", true},
		{"POST", "/containers/a/update", true},
		{"POST", "/containers/a/attach", true},
		{"GET", "/containers/a/attach/ws", true},
		{"POST", "/containers/a/resize", true},
		{"GET", "/containers/a/top", true},
		{"GET", "/containers/a/export", true},
		{"GET", "/containers/a/archive", true},
		{"HEAD", "/containers/a/archive", true},
		{"PUT", "/containers/a/archive", true},
		{"POST", "/containers/a/exec", true},
		{"POST", "/exec/a/start", true},
		{"DELETE", "/containers/a", true},
		{"POST", "/containers/prune", true},
		{"POST", "/commit", true},
		{"POST", "/build", true},
		{"POST", "/images/create", true},
		{"POST", "/images/load", true},
		{"POST", "/images/a/tag", true},
		{"DELETE", "/images/a", true},
		{"POST", "/images/prune", true},
		{"POST", "/volumes/create", true},
		{"DELETE", "/volumes/a", true},
		{"POST", "/networks/create", true},
		{"POST", "/networks/a/connect", true},
		{"POST", "/networks/a/disconnect", true},
		{"DELETE", "/networks/a", true},
		{"POST", "/services/create", true},
		{"POST", "/swarm/init", true},
		{"POST", "/v4.0.0/libpod/containers/create", true},
		{"POST", "/v4.0.0/libpod/containers/a/start", true},
		{"POST", "/v4.0.0/libpod/pods/a/stop", true},
		{"POST", "/v4.0.0/libpod/play/kube", true},
		{"GET", "/containers/json", false},
		{"POST", "/containers/a/wait", false},
		{"GET", "/events", false},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct text path = {0};
		struct route_match match;

		route_find(method_by_name(bytes_of(cases[i].method)), bytes_of(cases[i].path),
			   &path, &match);
		assert_non_null(match.route);
		if (effect_has_cause(match.route->operation) != cases[i].causes)
			fail_msg("%s", operation_name(match.route->operation));
		text_free(&path);
	}
}

/* --- gaps ------------------------------------------------------------------------------------- */

#define STATE(running, started, finished)                                                          \
	"'Created':'2023-11-14T22:13:20.010Z','State':{'Running':" running                         \
	",'ExitCode':3,'StartedAt':'" started "','FinishedAt':'" finished "'}"
#define MOMENT(ms) "2023-11-14T22:30:" ms "Z"
#define ZERO "0001-01-01T00:00:00Z"

static void refreshed(struct stage *stage, unsigned int ms)
{
	causes_refreshed(stage->causes, 0, true, at(ms));
}

/* What happened meanwhile is concluded from what the engine has now, and joined with the requests of then. */
static void test_gap(void **state)
{
	struct stage stage = {0};
	struct request *create;

	stage_open(&stage);
	live_once(&stage, A_ID, false);
	text_cut(&stage.kept, 0);
	causes_gap(stage.causes, 0, at(80) + AHEAD);
	/* It ended, and carol started it again. */
	make_request(&stage, 2, "ContainerStart", "s2", A_ID, 200);
	/* dave made another one meanwhile. */
	create = begin_request(&stage, 3, "ContainerCreate", "c2", 295);
	ledger_request_set(create, &create->made, bytes_of(B_ID));
	answer(&stage, create, 201, 305);
	inspected(&stage, A_ID, STATE("true", MOMENT("00.200"), MOMENT("00.150")), 400);
	inspected(&stage, B_ID,
		  "'Created':'" MOMENT("00.300") "','State':{'StartedAt':'" ZERO
						 "','FinishedAt':'" ZERO "'}",
		  400);
	refreshed(&stage, 410);
	EXPECT_AT(&stage, 2399, "");
	assert_true(causes_waiting(stage.causes));
	EXPECT_AT(&stage, 2401,
		  "die aaaa recovered unknown\n" /* of which start it was the end, nobody knows */
		  "start aaaa recovered request id s2 carol\n"
		  "create bbbb recovered request id c2 dave\n");
	assert_false(causes_waiting(stage.causes));
	dies(&stage, A_ID, 0, 3000);
	EXPECT_AT(&stage, 3001, "die aaaa =0 inherited id s2 carol\n");
	assert_true(causes_position(stage.causes, 0) == at(3000) + AHEAD);
	stage_close(&stage);
}

/* The engine tells it after all: then it is told once. */
static void test_gap_and_replay(void **state)
{
	struct stage stage = {0};

	stage_open(&stage);
	live_once(&stage, A_ID, false);
	causes_gap(stage.causes, 0, at(80) + AHEAD);
	make_request(&stage, 2, "ContainerStart", "s2", A_ID, 200);
	inspected(&stage, A_ID, STATE("true", MOMENT("00.200"), MOMENT("00.150")), 400);
	dies(&stage, A_ID, 3, 151);
	happens(&stage, "start", A_ID, 201);
	refreshed(&stage, 410);
	run_at(&stage, 500);
	text_cut(&stage.told, 0);
	EXPECT_AT(&stage, 5000, "");
	dies(&stage, A_ID, 3, 5001);
	EXPECT_AT(&stage, 5002, "die aaaa =3 inherited id s2 carol\n");
	stage_close(&stage);
}

/* Until it was looked at, whoever started it before is not taken for who started it last. */
static void test_doubt_in_gap(void **state)
{
	struct stage stage = {0};

	stage_open(&stage);
	live_once(&stage, A_ID, false);
	causes_gap(stage.causes, 0, at(500) + AHEAD);
	happens(&stage, "oom", A_ID, 600);
	EXPECT_AT(&stage, 610, "");
	inspected(&stage, A_ID, STATE("true", MOMENT("00.039"), ZERO), 620);
	EXPECT_AT(&stage, 630, "oom aaaa inherited id s1 bob\n");
	/* Another gap, and nobody answers. */
	causes_gap(stage.causes, 0, at(640) + AHEAD);
	happens(&stage, "oom", A_ID, 650);
	EXPECT_AT(&stage, 2651, "oom aaaa unknown\n");
	/* It was started anew in the very moment before. */
	inspected(&stage, A_ID, STATE("true", MOMENT("00.600"), ZERO), 2700);
	happens(&stage, "oom", A_ID, 2710);
	EXPECT_AT(&stage, 2720, "oom aaaa unknown\n");
	stage_close(&stage);
}

/* It went meanwhile; and one that was made after the gap did not, though no list had it. */
static void test_gone_in_gap(void **state)
{
	struct stage stage = {0};

	stage_open(&stage);
	live_once(&stage, A_ID, true);
	text_cut(&stage.kept, 0);
	causes_gap(stage.causes, 0, at(80) + AHEAD);
	happens(&stage, "create", B_ID, 90);
	run_at(&stage, 91);
	causes_refreshed(stage.causes, 0, false, at(95)); /* not all were looked at */
	refreshed(&stage, 100);
	run_at(&stage, 2101);
	EXPECT_AT(&stage, 2101, "create bbbb unknown\ndestroy aaaa recovered unknown\n");
	assert_non_null(strstr(stage.kept.data, "remove aaaa\n"));
	stage_close(&stage);
}

/* Both were missed: a creation that is told after the start does not undo it, nor a start the end. */
static void test_recovered_late(void **state)
{
	struct stage stage = {0};

	stage_open(&stage);
	causes_gap(stage.causes, 0, at(5) + AHEAD);
	inspected(&stage, A_ID,
		  "'Created':'" MOMENT("00.010") "','State':{'StartedAt':'" ZERO
						 "','FinishedAt':'" ZERO "'}," POLICY("always"),
		  100);
	inspected(&stage, B_ID,
		  "'Created':'" MOMENT("00.010") "','State':{'Running':true,'StartedAt':'" MOMENT(
			  "00.020") "','FinishedAt':'" ZERO "'}," POLICY("always"),
		  100);
	refreshed(&stage, 101);
	make_request(&stage, 2, "ContainerStart", "s1", B_ID, 20);
	make_request(&stage, 2, "ContainerStart", "s2", A_ID, 200);
	happens(&stage, "start", A_ID, 200);
	dies(&stage, B_ID, 1, 300);
	EXPECT_AT(&stage, 310, "start aaaa request id s2 carol\ndie bbbb =1 unknown\n");
	EXPECT_AT(&stage, 2101,
		  "create aaaa recovered unknown\ncreate bbbb recovered unknown\n"
		  "start bbbb recovered request id s1 carol\n");
	dies(&stage, A_ID, 1, 2200);
	happens(&stage, "start", B_ID, 2300);
	EXPECT_AT(&stage, 2400,
		  "die aaaa =1 inherited id s2 carol\nstart bbbb daemon restart-policy\n");
	stage_close(&stage);
}

/* --- who is behind a process in a container ---------------------------------------------------- */

#define SHIM "/usr/bin/containerd-shim-runc-v2"

/* A process in a container: itself, one in between, one that the engine's runtime began, what holds the container, and init. */
static struct caller *make_contained(uint32_t pid, unsigned int ms, unsigned int held_ms,
				     const char *holder)
{
	struct process ancestors[] = {
		{.pid = 3000, .start = at(90)},
		{.pid = 2000, .start = at(ms)},
		{.pid = 1500, .start = at(held_ms), .executable = bytes_of(holder)},
		{.pid = 1, .start = 1},
	};
	struct caller draft;

	memset(&draft, 0, sizeof(draft));
	draft.process.pid = pid;
	draft.process.start = at(ms + 1);
	return caller_new(&draft,
			  caller_lineage_new(ancestors, COUNT(ancestors), holder, strlen(holder)),
			  "", 0);
}

/* The user of each maker by his process's name, "-" for nobody: of the creation, the start, the exec, and at the end. */
static void add_makers(struct stage *stage, const char *container, const struct caller *caller)
{
	struct record_maker makers[RECORD_MAKERS];

	causes_makers(stage->causes, bytes_of(container), caller, makers);
	for (unsigned int i = 0; i < RECORD_MAKERS; i++) {
		add_word(&stage->told,
			 makers[i].caller ? makers[i].caller->process.name : bytes_of("-"));
		if (!makers[i].behind)
			continue;
		add_word(&stage->told, bytes_of("behind"));
		add_word(&stage->told, makers[i].behind->process.name);
	}
	text_add_char(&stage->told, '\n');
}

static void expect_makers(struct stage *stage, const char *container, struct caller *caller,
			  const char *wanted, int line)
{
	text_cut(&stage->told, 0);
	add_makers(stage, container, caller);
	expect_text(&stage->told, wanted, line);
	caller_unref(caller);
}

#define EXPECT_MAKERS(stage, container, caller, wanted)                                            \
	expect_makers(stage, container, caller, wanted "\n", __LINE__)

/* The users are not in containers, as their cgroups say. */
static void be_outside(struct stage *stage)
{
	for (unsigned int i = 0; i < USERS; i++) {
		struct caller draft = *stage->users[i];
		char text[64];
		int size = snprintf(text, sizeof(text), "%s/user.slice", user_names[i]);

		memset(&draft.shared, 0, sizeof(draft.shared));
		draft.process.name = (struct bytes){text, strlen(user_names[i])};
		draft.cgroup = (struct bytes){text + draft.process.name.size,
					      (size_t)size - draft.process.name.size};
		caller_unref(stage->users[i]);
		stage->users[i] = caller_new(&draft, NULL, text, (size_t)size);
		assert_false(caller_may_be_contained(stage->users[i]));
	}
}

static void runs_as(struct stage *stage, const char *exec, const char *container, uint32_t pid,
		    unsigned int ms)
{
	causes_exec_runs(stage->causes, 0, bytes_of(exec), bytes_of(container), pid, at(ms));
}

/* alice makes A and starts it at 20; bob's exec EXEC_1 begins at 120. */
static void begin_makers(struct stage *stage)
{
	struct request *create;

	stage_open(stage);
	be_outside(stage);
	create = begin_request(stage, 0, "ContainerCreate", "r1", 5);
	ledger_request_set(create, &create->made, bytes_of(A_ID));
	answer(stage, create, 201, 12);
	happens(stage, "create", A_ID, 10);
	make_request(stage, 0, "ContainerStart", "s1", A_ID, 20);
	happens(stage, "start", A_ID, 20);
	create_exec(stage, 1, "e1", EXEC_1, "sh", 100);
	ledger_request_end(start_exec(stage, 1, "x1", EXEC_1, 120));
	tell_event(stage, exec_event("exec_start", EXEC_1, "sh"), 125);
	run_at(stage, 130);
	assert_string_equal(stage->inspected.data, "exec 1111\n");
}

static void test_makers(void **state)
{
	struct stage stage = {0};

	begin_makers(&stage);
	/* The exec's process is not known yet. */
	EXPECT_MAKERS(&stage, A_ID, make_contained(4000, 130, 15, SHIM), "alice alice - -");
	runs_as(&stage, EXEC_1, B_ID, 2000,
		140); /* of another container: it is no answer of ours */
	EXPECT_MAKERS(&stage, A_ID, make_contained(4000, 130, 15, SHIM), "alice alice - -");
	runs_as(&stage, EXEC_1, A_ID, 2000, 140);
	EXPECT_MAKERS(&stage, A_ID, make_contained(4000, 130, 15, SHIM), "alice alice bob bob");
	EXPECT_MAKERS(&stage, B_ID, make_contained(4000, 130, 15, SHIM), "- - - -");
	EXPECT_MAKERS(&stage, A_ID, NULL, "alice - - -");
	/* Another process had the PID before the exec began, or has it after its process was seen. */
	EXPECT_MAKERS(&stage, A_ID, make_contained(4000, 110, 15, SHIM), "alice alice - -");
	EXPECT_MAKERS(&stage, A_ID, make_contained(4000, 141, 15, SHIM), "alice alice - -");
	/* The exec's process itself. */
	EXPECT_MAKERS(&stage, A_ID, make_contained(2000, 128, 15, SHIM), "alice alice bob bob");
	/* It was seen once more, and then it ended: what it did before may be told later. */
	runs_as(&stage, EXEC_1, A_ID, 2000, 142);
	tell_event(&stage, exec_event("exec_die", EXEC_1, ""), 160);
	run_at(&stage, 170);
	EXPECT_MAKERS(&stage, A_ID, make_contained(4000, 141, 15, SHIM), "alice alice bob bob");
	EXPECT_MAKERS(&stage, A_ID, make_contained(4000, 161, 15, SHIM), "alice alice - -");
	/* Another exec has the PID now. */
	create_exec(&stage, 2, "e2", EXEC_2, "sh", 200);
	ledger_request_end(start_exec(&stage, 2, "x2", EXEC_2, 210));
	tell_event(&stage, exec_event("exec_start", EXEC_2, "sh"), 215);
	run_at(&stage, 220);
	runs_as(&stage, EXEC_2, A_ID, 2000, 230);
	EXPECT_MAKERS(&stage, A_ID, make_contained(4000, 220, 15, SHIM), "alice alice carol carol");
	EXPECT_MAKERS(&stage, A_ID, make_contained(4000, 130, 15, SHIM), "alice alice - -");
	stage_close(&stage);
}

/* The starter is that of the run that the process is of. */
static void test_makers_of_a_run(void **state)
{
	struct stage stage = {0};

	begin_makers(&stage);
	/* Begun again: the engine has not told that yet. */
	EXPECT_MAKERS(&stage, A_ID, make_contained(4000, 60, 50, SHIM), "alice - - -");
	EXPECT_MAKERS(&stage, A_ID, make_contained(4000, 16, 15, "/usr/bin/conmon"),
		      "alice alice - -");
	/* What holds the container is not known. */
	EXPECT_MAKERS(&stage, A_ID, make_contained(4000, 16, 15, "/usr/lib/systemd/systemd"),
		      "alice - - -");
	make_request(&stage, 3, "ContainerRestart", "s2", A_ID, 300);
	is_killed(&stage, A_ID, "15", 296);
	dies(&stage, A_ID, 0, 297);
	happens(&stage, "start", A_ID, 300);
	run_at(&stage, 310);
	EXPECT_MAKERS(&stage, A_ID, make_contained(4000, 299, 298, SHIM), "alice dave - -");
	/* Of the run before: it is told late. */
	EXPECT_MAKERS(&stage, A_ID, make_contained(4000, 16, 15, SHIM), "alice - - -");
	/* By nobody who is known. */
	is_killed(&stage, A_ID, "15", 400);
	dies(&stage, A_ID, 0, 401);
	happens(&stage, "start", A_ID, 410);
	run_at(&stage, 2500);
	EXPECT_MAKERS(&stage, A_ID, make_contained(4000, 405, 404, SHIM), "alice - - -");
	/* Starts may have been missed. */
	make_request(&stage, 3, "ContainerRestart", "s3", A_ID, 2600);
	happens(&stage, "start", A_ID, 2600);
	run_at(&stage, 2610);
	EXPECT_MAKERS(&stage, A_ID, make_contained(4000, 2599, 2598, SHIM), "alice dave - -");
	causes_gap(stage.causes, 0, 0);
	EXPECT_MAKERS(&stage, A_ID, make_contained(4000, 2599, 2598, SHIM), "alice - - -");
	stage_close(&stage);
}

/* What somebody's exec makes goes back to him, unless another one of the container's may have. */
static void test_makers_of_makers(void **state)
{
	struct stage stage = {0};
	struct request *create;

	begin_makers(&stage);
	create = begin_request(&stage, 4, "ContainerCreate", "r2", 300);
	ledger_request_set_behind(create, stage.users[1], bytes_of("x1"));
	ledger_request_set(create, &create->made, bytes_of(B_ID));
	answer(&stage, create, 201, 310);
	happens(&stage, "create", B_ID, 305);
	run_at(&stage, 320);
	EXPECT_MAKERS(&stage, B_ID, NULL, "erin behind bob - - -");
	create = begin_request(&stage, 4, "ContainerCreate", "r3", 400);
	ledger_request_set_behind(create, stage.users[1], bytes_of("x1"));
	ledger_request_end(create);
	answer(&stage, begin_request(&stage, 4, "ContainerCreate", "r4", 401), 201, 410);
	happens(&stage, "create", C_ID, 405);
	run_at(&stage, 2500);
	EXPECT_MAKERS(&stage, C_ID, NULL, "erin - - -");
	stage_close(&stage);
}

/* --- beyond our life -------------------------------------------------------------------------- */

static void test_restore(void **state)
{
	struct stage stage = {0};
	struct origin draft = {.event_id = bytes_of("s0"), .operation = OPERATION_ContainerStart};
	struct origin *origin;
	struct owned owned = {.id = bytes_of(A_ID),
			      .name = bytes_of("web"),
			      .creator_basis = BASIS_ID,
			      .starter_basis = BASIS_ID,
			      .starter_known = true,
			      .created = AHEAD,
			      .started = AHEAD + 1,
			      .labels_known = true};
	struct owned_exec exec = {
		.id = bytes_of(EXEC_1), .container_id = bytes_of(A_ID), .starter_basis = BASIS_ID};

	stage_open(&stage);
	draft.caller = stage.users[4];
	origin = origin_new(&draft, NULL, 0);
	owned.creator = owned.starter = exec.starter = origin;
	assert_int_equal(causes_restore(stage.causes, 0, &owned), 0);
	assert_int_equal(causes_restore_exec(stage.causes, 0, &exec), 0);
	assert_int_equal(causes_restore_exec(stage.causes, 0, &exec), 0);
	owned.id = exec.id = bytes_of("short");
	assert_int_equal(causes_restore(stage.causes, 0, &owned), -EINVAL);
	assert_true(causes_restore_exec(stage.causes, 0, &exec) < 0);
	origin_unref(origin);
	tell_event(&stage, exec_event("exec_die", EXEC_1, ""), 10);
	dies(&stage, A_ID, 0, 11);
	EXPECT_AT(&stage, 20,
		  "exec_die aaaa 1111 inherited id s0 erin\ndie aaaa =0 inherited id s0 erin\n");
	stage_close(&stage);
}

/* A container is put before what happened to it, so that there is something to keep that with. */
static void test_keeper(void **state)
{
	struct stage stage = {0};
	struct request *start;

	stage_open(&stage);
	live_once(&stage, A_ID, false);
	create_exec(&stage, 0, "e1", EXEC_1, "sh", 100);
	start = start_exec(&stage, 3, "x1", EXEC_1, 120);
	tell_event(&stage, exec_event("exec_start", EXEC_1, "sh"), 125);
	tell_event(&stage, exec_event("exec_die", EXEC_1, ""), 130);
	dies(&stage, A_ID, 0, 140);
	make_request(&stage, 2, "ContainerDelete", "d1", A_ID, 150);
	happens(&stage, "destroy", A_ID, 150);
	run_at(&stage, 160);
	ledger_request_end(start);
	expect_text(&stage.kept,
		    "put aaaa nobody\ncreate aaaa request\nput aaaa s1\nstart aaaa request\n"
		    "put aaaa s1\nexec_create aaaa request\nput_exec 1111 x1\nput aaaa s1\n"
		    "exec_start aaaa request\nend_exec 1111\nput aaaa s1\ndie aaaa inherited\n"
		    "put aaaa s1\ndestroy aaaa request\nremove aaaa\n",
		    __LINE__);
	stage_close(&stage);
}

/* What waits is told at the end as it stands; what was only concluded is for the next life. */
static void test_close(void **state)
{
	struct stage stage = {0};
	struct request *create;

	stage_open(&stage);
	causes_gap(stage.causes, 0, 0);
	inspected(&stage, B_ID, STATE("true", MOMENT("00.005"), ZERO), 8);
	create = begin_request(&stage, 0, "ContainerCreate", "r1", 10);
	happens(&stage, "create", A_ID, 20);
	happens(&stage, "rename", A_ID, 21);
	EXPECT_AT(&stage, 22, "");
	causes_close(stage.causes);
	EXPECT(&stage, "create aaaa request time r1 alice\nrename aaaa unknown\n");
	ledger_request_end(create);
	stage_close(&stage);
}

/* Freed with all that waits; requests outlive it as long as who reads them has them. */
static void test_freed_while_it_waits(void **state)
{
	struct stage stage = {0};
	struct request *create;

	stage_open(&stage);
	create = begin_request(&stage, 0, "ContainerCreate", "r1", 10);
	happens(&stage, "create", A_ID, 20);
	stage_close(&stage);
	ledger_request_answered(create, 201, at(30));
	ledger_request_set(create, &create->made, bytes_of(A_ID));
	ledger_request_end(create);
	causes_free(NULL);
}

/* --- an engine that is played ----------------------------------------------------------------- */

#define REQUESTS 64 /* so that a set of them is a number */
#define CONTAINERS 24
#define EXECS 32
#define HAPPENINGS 1024
#define STEPS 512
#define NOBODY (-1)
#define UNSEEN (USERS - 1) /* the user of another door */
#define US 1000ull

enum op {
	OP_CREATE,
	OP_START,
	OP_STOP,
	OP_KILL,
	OP_TERM,
	OP_RESTART,
	OP_REMOVE,
	OP_REMOVE_FORCED,
	OP_EXEC,
	OP_EXEC_START,
	OP_EXEC_DETACHED,
	OP_ATTACH,
	OP_PAUSE,
	OP_UNPAUSE,
	OP_RENAME,
	OP_COMMIT,
	OPS,
};

static const char *const op_names[OPS] = {
	"ContainerCreate", "ContainerStart",   "ContainerStop",	  "ContainerKill",
	"ContainerKill",   "ContainerRestart", "ContainerDelete", "ContainerDelete",
	"ContainerExec",   "ExecStart",	       "ExecStart",	  "ContainerAttach",
	"ContainerPause",  "ContainerUnpause", "ContainerRename", "ImageCommit",
};

/* A request, as it truly was. */
struct deal {
	enum op op;
	unsigned int user;
	int container, exec; /* that it acts on; of a create, that it makes */
	char event_id[8], name[16];
	bool by_name, silent;
	uint64_t started, answered, over; /* 0: never */
	int status;
	struct request *request; /* once callerd has it */
};

struct vessel {
	char id[ID_DIGITS + 1], name[16];
	bool exists, gone, running, paused, removing, auto_remove, stopped;
	bool pending;	   /* the policy is about to start it */
	bool called_off;   /* that was, by a signal that made no event */
	unsigned int life; /* how often it was started */
	int exit_code;	   /* of its last end */
	const char *policy;
	unsigned int restarts;
	int creator, starter;	 /* requests */
	uint64_t termed, killed; /* sets of requests that sent it signals, in this life */
	bool signalled;		 /* it will obey */
	uint64_t busy;		 /* until then */
	uint64_t destroyed;
};

struct run_of_exec {
	char id[ID_DIGITS + 1];
	int container, starter;
	bool made, started, ended;
};

enum truth { TRUTH_REQUEST, TRUTH_ITSELF, TRUTH_POLICY };

/* An event, as it truly was. */
struct happening {
	const char *type, *action, *signal;
	int container, exec, exit_code;
	char name[16];
	uint64_t time;
	enum truth truth;
	int request;	  /* that made it */
	int heir;	  /* request that it goes back to otherwise */
	uint64_t killers; /* of an end: requests that any of may have brought it about */
	bool called_off;
};

enum step_kind { STEP_ACT, STEP_TIMEOUT, STEP_DEATH, STEP_POLICY, STEP_GOES, STEP_EXEC_ENDS };

struct step {
	uint64_t time;
	enum step_kind kind;
	int index; /* of the request, the container or the exec */
	unsigned int life;
	int exit_code;
};

struct play {
	unsigned int seed;
	bool unseen,
		slow; /* somebody uses another door; callerd learns some things late, or never */
	bool newer;   /* Docker from 26 on tells that it leaves its network before its end */
	uint32_t random;
	uint64_t now;
	struct deal deals[REQUESTS];
	struct vessel vessels[CONTAINERS];
	struct run_of_exec execs[EXECS];
	struct happening happenings[HAPPENINGS];
	struct step steps[STEPS];
	unsigned int deal_count, vessel_count, exec_count, happening_count, step_count;
	/* What callerd told. */
	struct stage stage;
	unsigned int told, unknown;
	uint64_t tainted;	 /* containers whose last start may be unknown */
	uint64_t misled;	 /* that were taken for the policy's */
	uint64_t mistaken;	 /* of which something unseen was rightly taken for a request's */
	int excused[CONTAINERS]; /* requests that are rightly taken for who started it last */
	struct {
		uint64_t time;
		int container;
	} inspections[HAPPENINGS];
	unsigned int inspection_count;
};

static uint32_t roll(struct play *play, uint32_t sides)
{
	play->random ^= play->random << 13;
	play->random ^= play->random >> 17;
	play->random ^= play->random << 5;
	return play->random % sides;
}

static bool one_in(struct play *play, uint32_t sides)
{
	return !roll(play, sides);
}

static void plan(struct play *play, uint64_t in, enum step_kind kind, int index, int exit_code)
{
	struct step *step = &play->steps[play->step_count++];

	assert_true(play->step_count <= STEPS);
	*step = (struct step){play->now + in, kind, index, 0, exit_code};
	if (kind == STEP_DEATH || kind == STEP_POLICY || kind == STEP_GOES)
		step->life = play->vessels[index].life;
}

/* The next event of CONTAINER; events never share their time. */
static struct happening *happen(struct play *play, const char *action, int container,
				enum truth truth, int request)
{
	struct happening *happening = &play->happenings[play->happening_count++];
	struct vessel *vessel = &play->vessels[container];

	assert_true(play->happening_count <= HAPPENINGS);
	play->now += 20 * US + roll(play, 100) * US;
	*happening = (struct happening){
		.type = "container",
		.action = action,
		.container = container,
		.exec = NOBODY,
		.time = play->now,
		.truth = truth,
		.request = request,
		.heir = NOBODY,
	};
	memcpy(happening->name, vessel->name, sizeof(vessel->name));
	vessel->busy = play->now + 2 * MS;
	return happening;
}

static struct happening *happen_in_network(struct play *play, const char *action, int container,
					   enum truth truth, int request)
{
	struct happening *happening = happen(play, action, container, truth, request);

	happening->type = "network";
	return happening;
}

static void finish(struct play *play, struct deal *deal, int status)
{
	play->now += 50 * US + roll(play, 200) * US;
	deal->status = status;
	deal->answered = deal->over = play->now;
}

static int number_of(const struct play *play, const struct deal *deal)
{
	return (int)(deal - play->deals);
}

/* --- what it does ----------------------------------------------------------------------------- */

static void send_signal(struct play *play, int container, int request, const char *signal)
{
	struct vessel *vessel = &play->vessels[container];

	happen(play, "kill", container, TRUTH_REQUEST, request)->signal = signal;
	*(*signal == '9' ? &vessel->killed : &vessel->termed) |= UINT64_C(1) << request;
	vessel->stopped = true;
}

static void obey(struct play *play, int container, unsigned int within_ms, int exit_code)
{
	play->vessels[container].signalled = true;
	plan(play, 200 * US + roll(play, within_ms * 1000) * US, STEP_DEATH, container, exit_code);
}

static void start_it(struct play *play, int container, enum truth truth, int request)
{
	struct vessel *vessel = &play->vessels[container];

	happen_in_network(play, "connect", container, truth, request)->called_off =
		vessel->called_off;
	happen(play, "start", container, truth, request)->called_off = vessel->called_off;
	vessel->life++;
	vessel->running = true;
	vessel->pending = vessel->paused = vessel->stopped = vessel->signalled = false;
	vessel->called_off = false;
	vessel->termed = vessel->killed = 0;
	if (truth == TRUTH_REQUEST) {
		vessel->starter = request;
		vessel->restarts = 0;
	}
	if (!one_in(play, 3) && play->deal_count < REQUESTS)
		plan(play, MS * (1 + roll(play, one_in(play, 2) ? 30 : 1000)), STEP_DEATH,
		     container, (int)roll(play, 2));
}

static void destroy_it(struct play *play, int container, enum truth truth, int request)
{
	struct vessel *vessel = &play->vessels[container];

	happen(play, "destroy", container, truth, request)->heir = vessel->creator;
	vessel->gone = true;
	vessel->destroyed = play->now;
}

/* Whoever waits for its end goes on. */
static void go_on(struct play *play, struct deal *deal)
{
	int number = number_of(play, deal);

	if (deal->op == OP_STOP || deal->op == OP_RESTART)
		happen(play, "stop", deal->container, TRUTH_REQUEST, number);
	if (deal->op == OP_RESTART) {
		if (!play->vessels[deal->container].running) /* two may have waited */
			start_it(play, deal->container, TRUTH_REQUEST, number);
		happen(play, "restart", deal->container, TRUTH_REQUEST, number);
	} else if (deal->op == OP_REMOVE_FORCED) {
		destroy_it(play, deal->container, TRUTH_REQUEST, number);
	}
	finish(play, deal, 204);
}

static void end_exec(struct play *play, int exec)
{
	struct run_of_exec *one = &play->execs[exec];
	struct happening *happening;

	if (!one->started || one->ended)
		return;
	one->ended = true;
	happening = happen(play, "exec_die", one->container, TRUTH_ITSELF, NOBODY);
	happening->exec = exec;
	happening->heir = one->starter;
	for (unsigned int i = 0; i < play->deal_count; i++)
		if (play->deals[i].op == OP_EXEC_START && play->deals[i].exec == exec &&
		    play->deals[i].status == 101)
			play->deals[i].over = play->now;
}

static bool is_waiting(const struct deal *deal, int container)
{
	return deal->container == container && deal->over == UINT64_MAX;
}

static void settle(struct play *play, int container)
{
	struct vessel *vessel = &play->vessels[container];

	vessel->pending = !vessel->stopped && vessel->policy &&
			  (strcmp(vessel->policy, "on-failure") != 0 || vessel->exit_code);
	if (vessel->pending)
		plan(play, (100 * MS) << vessel->restarts++ % 4, STEP_POLICY, container, 0);
	/* Restarts go on in the end, so that those who stop it find what they wait for. */
	for (unsigned int pass = 0; pass < 2; pass++)
		for (unsigned int i = 0; i < play->deal_count; i++)
			if (!is_waiting(&play->deals[i], container) ||
			    (play->deals[i].op == OP_RESTART) != pass)
				continue;
			else if (vessel->gone)
				finish(play, &play->deals[i], 500);
			else
				go_on(play, &play->deals[i]);
	if (vessel->auto_remove && !vessel->running && !vessel->pending && !vessel->gone &&
	    !vessel->removing) {
		vessel->removing = true;
		plan(play, 8 * MS, STEP_GOES, container, 0);
	}
}

static void die_it(struct play *play, const struct step *step)
{
	struct vessel *vessel = &play->vessels[step->index];
	struct happening *happening;

	if (!vessel->running || vessel->life != step->life || vessel->gone ||
	    (vessel->signalled && step->exit_code < 2)) /* it ends of the signal */
		return;
	for (unsigned int i = 0; i < play->exec_count; i++)
		if (play->execs[i].container == step->index)
			end_exec(play, (int)i);
	vessel->running = vessel->paused = false;
	vessel->exit_code = step->exit_code;
	for (unsigned int i = 0; i < 2; i++) {
		bool ends = i == play->newer;

		happening = happen(play, ends ? "die" : "disconnect", step->index, TRUTH_ITSELF,
				   NOBODY);
		if (ends)
			happening->exit_code = step->exit_code;
		else
			happening->type = "network";
		happening->heir = vessel->starter;
		happening->killers = vessel->killed ?: vessel->termed;
		if (step->exit_code != 137)
			happening->killers |= vessel->termed;
	}
	settle(play, step->index);
}

/* Returns whether it is to wait for the end. */
static bool stop_it(struct play *play, struct deal *deal)
{
	struct vessel *vessel = &play->vessels[deal->container];
	int number = number_of(play, deal);

	if (!vessel->running)
		return false;
	if (deal->op == OP_KILL || deal->op == OP_REMOVE_FORCED) {
		send_signal(play, deal->container, number, "9");
		obey(play, deal->container, 3, 137);
	} else {
		send_signal(play, deal->container, number, "15");
		if (one_in(play, 4))
			plan(play, (deal->silent ? 3000 : 50) * MS, STEP_TIMEOUT, number, 0);
		else
			obey(play, deal->container, 20, 143);
	}
	if (vessel->paused)
		happen(play, "unpause", deal->container, TRUTH_REQUEST, number);
	vessel->paused = false;
	deal->over = UINT64_MAX;
	return true;
}

static void act_start(struct play *play, struct deal *deal)
{
	struct vessel *vessel = &play->vessels[deal->container];
	int number = number_of(play, deal);

	if (vessel->running || vessel->pending) {
		finish(play, deal, 304);
	} else if (vessel->removing) {
		finish(play, deal, 409);
	} else if (one_in(play, 10)) { /* it cannot be */
		happen_in_network(play, "connect", deal->container, TRUTH_REQUEST, number)
			->called_off = vessel->called_off;
		happen_in_network(play, "disconnect", deal->container, TRUTH_REQUEST, number);
		if (vessel->auto_remove && !vessel->removing)
			destroy_it(play, deal->container, TRUTH_REQUEST, number);
		finish(play, deal, 400);
	} else {
		start_it(play, deal->container, TRUTH_REQUEST, number);
		finish(play, deal, 204);
	}
}

static void act_end(struct play *play, struct deal *deal)
{
	struct vessel *vessel = &play->vessels[deal->container];

	if (vessel->removing && (deal->op == OP_REMOVE_FORCED || !vessel->running)) {
		finish(play, deal, 409);
		return;
	}
	vessel->removing |= deal->op == OP_REMOVE_FORCED;
	if (stop_it(play, deal))
		return;
	/* What the policy was about to do is called off; only a stop says so. */
	if (vessel->pending && deal->op == OP_KILL) {
		vessel->pending = false;
		vessel->called_off = true;
		finish(play, deal, 204);
	} else if (vessel->pending) {
		vessel->pending = false;
		go_on(play, deal);
	} else if (deal->op == OP_RESTART) {
		start_it(play, deal->container, TRUTH_REQUEST, number_of(play, deal));
		happen(play, "restart", deal->container, TRUTH_REQUEST, number_of(play, deal));
		finish(play, deal, 204);
	} else if (deal->op == OP_REMOVE_FORCED) {
		go_on(play, deal);
	} else {
		finish(play, deal, deal->op == OP_STOP ? 304 : 409);
	}
}

static void act_exec(struct play *play, struct deal *deal)
{
	struct vessel *vessel = &play->vessels[deal->container];
	struct run_of_exec *exec = &play->execs[deal->exec];
	bool starts = deal->op != OP_EXEC;

	if (!vessel->running || vessel->paused || (starts && (!exec->made || exec->started))) {
		finish(play, deal, 409);
		return;
	}
	if (deal->op == OP_EXEC_START) {
		finish(play, deal, 101);
		deal->over = 0;
	}
	happen(play, starts ? "exec_start" : "exec_create", deal->container, TRUTH_REQUEST,
	       number_of(play, deal))
		->exec = deal->exec;
	exec->made = true;
	exec->started |= starts;
	if (starts) {
		exec->starter = number_of(play, deal);
		plan(play, 40 * US + roll(play, 500) * MS, STEP_EXEC_ENDS, deal->exec, 0);
	}
	if (deal->op != OP_EXEC_START)
		finish(play, deal, starts ? 200 : 201);
}

static void act_other(struct play *play, struct deal *deal)
{
	struct vessel *vessel = &play->vessels[deal->container];
	int number = number_of(play, deal);
	bool running = vessel->running && !vessel->paused;

	if (deal->op == OP_RENAME) {
		memcpy(vessel->name, deal->name, sizeof(vessel->name));
		happen(play, "rename", deal->container, TRUTH_REQUEST, number);
	} else if (deal->op == OP_COMMIT) {
		if (running)
			happen(play, "pause", deal->container, TRUTH_REQUEST, number);
		happen(play, "commit", deal->container, TRUTH_REQUEST, number);
		if (running)
			happen(play, "unpause", deal->container, TRUTH_REQUEST, number);
	} else if (deal->op == OP_ATTACH && vessel->running) {
		finish(play, deal, 101);
		happen(play, "attach", deal->container, TRUTH_REQUEST, number);
		deal->over = play->now + roll(play, 1000) * MS;
		return;
	} else if (deal->op == OP_TERM && vessel->running) {
		send_signal(play, deal->container, number, "15");
		if (one_in(play, 2))
			obey(play, deal->container, 300, 143);
	} else if (vessel->running && deal->op == (running ? OP_PAUSE : OP_UNPAUSE)) {
		vessel->paused = running;
		happen(play, running ? "pause" : "unpause", deal->container, TRUTH_REQUEST, number);
	} else if (deal->op == OP_REMOVE && !vessel->running && !vessel->pending &&
		   !vessel->removing) {
		destroy_it(play, deal->container, TRUTH_REQUEST, number);
	} else {
		finish(play, deal, 409);
		return;
	}
	finish(play, deal, 204);
}

static void act(struct play *play, struct deal *deal)
{
	struct vessel *vessel = &play->vessels[deal->container];

	if (deal->op == OP_CREATE) {
		vessel->exists = true;
		happen(play, "create", deal->container, TRUTH_REQUEST, number_of(play, deal));
		finish(play, deal, 201);
	} else if (!vessel->exists || vessel->gone ||
		   (deal->by_name && strcmp(deal->name, vessel->name) != 0)) {
		finish(play, deal, 404);
	} else if (deal->op == OP_START) {
		act_start(play, deal);
	} else if (deal->op == OP_STOP || deal->op == OP_KILL || deal->op == OP_RESTART ||
		   deal->op == OP_REMOVE_FORCED) {
		act_end(play, deal);
	} else if (deal->op == OP_EXEC || deal->op == OP_EXEC_START ||
		   deal->op == OP_EXEC_DETACHED) {
		act_exec(play, deal);
	} else {
		act_other(play, deal);
	}
}

/* It did not obey in time. */
static void time_out(struct play *play, struct deal *deal)
{
	struct vessel *vessel = &play->vessels[deal->container];
	uint64_t self = UINT64_C(1) << number_of(play, deal);

	if (deal->over != UINT64_MAX || !vessel->running || !(vessel->termed & self))
		return;
	send_signal(play, deal->container, number_of(play, deal), "9");
	obey(play, deal->container, 3, 137);
}

static void take_step_of(struct play *play, const struct step *step)
{
	struct vessel *vessel = &play->vessels[step->index];

	if (step->kind == STEP_DEATH)
		die_it(play, step);
	else if (vessel->gone)
		return;
	else if (step->kind == STEP_GOES)
		destroy_it(play, step->index, TRUTH_ITSELF, NOBODY);
	else if (vessel->pending && vessel->life == step->life)
		start_it(play, step->index, TRUTH_POLICY, NOBODY);
}

static void take_step(struct play *play, const struct step *step)
{
	if (step->kind == STEP_ACT)
		act(play, &play->deals[step->index]);
	else if (step->kind == STEP_TIMEOUT)
		time_out(play, &play->deals[step->index]);
	else if (step->kind == STEP_EXEC_ENDS)
		end_exec(play, step->index);
	else
		take_step_of(play, step);
}

/* --- the play --------------------------------------------------------------------------------- */

static void make_vessel(struct play *play, struct deal *deal)
{
	static const char *const policies[] = {NULL, NULL, "always", "on-failure"};
	struct vessel *vessel = &play->vessels[play->vessel_count];

	deal->container = (int)play->vessel_count++;
	*vessel = (struct vessel){.creator = number_of(play, deal), .starter = NOBODY};
	make_id(vessel->id, 1000 + (unsigned int)deal->container);
	snprintf(vessel->name, sizeof(vessel->name), "c%d", deal->container);
	vessel->policy = policies[roll(play, COUNT(policies))];
	vessel->auto_remove = !vessel->policy && one_in(play, 3);
}

/* Somebody asks for something, of one of the latest containers. */
static void make_deal(struct play *play)
{
	struct deal *deal = &play->deals[play->deal_count];
	unsigned int latest = play->vessel_count < 4 ? play->vessel_count : 4;

	*deal = (struct deal){.op = roll(play, OPS), .exec = NOBODY, .started = play->now};
	snprintf(deal->event_id, sizeof(deal->event_id), "r%u", play->deal_count);
	deal->user = roll(play, play->unseen ? USERS : UNSEEN);
	deal->silent = play->slow && one_in(play, 10);
	if (one_in(play, 3))
		deal->op = OP_START;
	if (!latest || (one_in(play, 6) && play->vessel_count < CONTAINERS))
		deal->op = OP_CREATE;
	if (deal->op == OP_CREATE && play->vessel_count == CONTAINERS)
		deal->op = OP_START;
	if (deal->op == OP_CREATE)
		make_vessel(play, deal);
	else
		deal->container = (int)(play->vessel_count - 1 - roll(play, latest));
	if (deal->op == OP_EXEC && play->exec_count < EXECS) {
		deal->exec = (int)play->exec_count++;
		play->execs[deal->exec] =
			(struct run_of_exec){.container = deal->container, .starter = NOBODY};
		make_id(play->execs[deal->exec].id, 2000 + (unsigned int)deal->exec);
	} else if (deal->op == OP_EXEC || deal->op == OP_EXEC_START ||
		   deal->op == OP_EXEC_DETACHED) {
		if (!play->exec_count)
			return;
		deal->op = deal->op == OP_EXEC ? OP_EXEC_START : deal->op;
		deal->exec = (int)roll(play, play->exec_count);
		deal->container = play->execs[deal->exec].container;
	}
	deal->by_name = deal->exec == NOBODY && deal->op != OP_RENAME && one_in(play, 5);
	if (deal->op == OP_RENAME)
		snprintf(deal->name, sizeof(deal->name), "n%u", play->deal_count);
	else
		memcpy(deal->name, play->vessels[deal->container].name, sizeof(deal->name));
	plan(play, (2 + roll(play, 10)) * MS, STEP_ACT, (int)play->deal_count++, 0);
}

static int next_step(const struct play *play)
{
	int next = NOBODY;

	for (unsigned int i = 0; i < play->step_count; i++)
		if (next < 0 || play->steps[i].time < play->steps[next].time)
			next = (int)i;
	return next;
}

/* Plays until everything is done. */
static void play_out(struct play *play)
{
	uint64_t next_deal = play->now;
	int next;

	while ((next = next_step(play)) >= 0 || play->deal_count < REQUESTS) {
		struct step step;

		if (play->deal_count < REQUESTS &&
		    (next < 0 || next_deal <= play->steps[next].time)) {
			play->now = next_deal > play->now ? next_deal : play->now;
			make_deal(play);
			next_deal = play->now + roll(play, one_in(play, 8) ? 300 : 6) * MS;
			continue;
		}
		step = play->steps[next];
		play->steps[next] = play->steps[--play->step_count];
		play->now = step.time > play->now ? step.time : play->now;
		if (step.kind == STEP_ACT) { /* one at a time, as under a lock */
			uint64_t busy = play->vessels[play->deals[step.index].container].busy;

			if (busy > play->now) {
				plan(play, busy - play->now, STEP_ACT, step.index, 0);
				continue;
			}
		}
		take_step(play, &step);
	}
}

/* --- what callerd sees of it ------------------------------------------------------------------ */

enum sight { SEE_REQUEST, SEE_SENDER, SEE_ANSWER, SEE_MADE, SEE_END, SEE_OVER, SEE_EVENT };

struct seen_thing {
	uint64_t time;
	enum sight sight;
	int index;
};

struct view {
	struct seen_thing things[REQUESTS * 6 + HAPPENINGS];
	unsigned int count;
};

static void see(struct view *view, uint64_t time, enum sight sight, int index)
{
	view->things[view->count++] = (struct seen_thing){time, sight, index};
}

/* Up to some ms; where callerd is slow, now and then seconds. */
static uint64_t late_by(struct play *play)
{
	if (play->slow && one_in(play, 6))
		return roll(play, 4000) * MS;
	return roll(play, 30) * MS / 2;
}

static uint64_t later(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static int by_time(const void *left, const void *right)
{
	const struct seen_thing *a = left, *b = right;

	if (a->time != b->time)
		return a->time < b->time ? -1 : 1;
	return a->sight != b->sight ? (int)a->sight - (int)b->sight : a->index - b->index;
}

static void see_deal(struct play *play, struct view *view, int index, uint64_t begun)
{
	const struct deal *deal = &play->deals[index];
	uint64_t sent = begun + late_by(play), answered, made, over;

	see(view, begun, SEE_REQUEST, index);
	see(view, sent, SEE_SENDER, index);
	answered = later(begun, deal->answered) + late_by(play);
	made = answered + (deal->silent ? 0 : late_by(play));
	over = later(made, deal->over) + roll(play, 3) * MS;
	assert_true(deal->over != UINT64_MAX && deal->answered && deal->over);
	see(view, answered, SEE_ANSWER, index);
	see(view, made, SEE_MADE, index);
	see(view, over, SEE_OVER, index);
	see(view, later(over, sent), SEE_END, index);
}

/* Events come in their order, and a request is there before any event that came after its first byte. */
static void look(struct play *play, struct view *view)
{
	uint64_t told[HAPPENINGS], last = 0;

	view->count = 0;
	for (unsigned int i = 0; i < play->happening_count; i++) {
		told[i] = last = later(last, play->happenings[i].time + roll(play, 10) * MS / 2);
		see(view, told[i], SEE_EVENT, (int)i);
	}
	for (unsigned int i = 0; i < play->deal_count; i++) {
		uint64_t begun = play->deals[i].started + late_by(play);

		if (play->deals[i].user == UNSEEN)
			continue;
		for (unsigned int j = 0; j < play->happening_count; j++)
			if (play->happenings[j].time >= play->deals[i].started && told[j] < begun)
				begun = told[j];
		see_deal(play, view, (int)i, begun);
	}
	qsort(view->things, view->count, sizeof(*view->things), by_time);
}

static void enter_deal(struct play *play, struct deal *deal)
{
	const struct vessel *vessel = &play->vessels[deal->container];
	struct bytes id = bytes_of(vessel->id), none = {0};
	struct request *request;

	deal->request = request = ledger_begin(
		causes_ledger(play->stage.causes), 0, 1 + (uint64_t)number_of(play, deal),
		deal->started, operation_named(op_names[deal->op]), bytes_of(deal->event_id));
	assert_non_null(request);
	if (deal->op == OP_CREATE) {
		request->auto_remove = vessel->auto_remove;
		if (deal->by_name)
			ledger_request_set(request, &request->result, bytes_of(deal->name));
	} else if (deal->op == OP_EXEC_START || deal->op == OP_EXEC_DETACHED) {
		ledger_request_set_target(request, bytes_of(play->execs[deal->exec].id), none, id);
	} else {
		ledger_request_set_target(request, deal->by_name ? none : id,
					  deal->by_name ? bytes_of(deal->name) : none, none);
	}
	if (deal->op == OP_RENAME)
		ledger_request_set(request, &request->result, bytes_of(deal->name));
}

static void see_answer(struct play *play, struct deal *deal)
{
	struct request *request = deal->request;
	struct bytes none = {0};

	if (deal->silent) {
		ledger_request_answered(request, 0, 0);
		return;
	}
	ledger_request_answered(request, deal->status, deal->answered);
	if (deal->by_name && deal->op != OP_CREATE && deal->status < 400)
		ledger_request_set_target(request, bytes_of(play->vessels[deal->container].id),
					  none, none);
}

static void see_made(struct play *play, struct deal *deal)
{
	if (deal->silent || deal->status != 201)
		return;
	ledger_request_set(deal->request, &deal->request->made,
			   bytes_of(deal->op == OP_CREATE ? play->vessels[deal->container].id
							  : play->execs[deal->exec].id));
}

static void see_event(struct play *play, const struct happening *happening, uint64_t now)
{
	const char *id = play->vessels[happening->container].id;
	bool network = !strcmp(happening->type, "network");
	struct engine_event event = {
		.kind = engine_type_by_name(bytes_of(happening->type)),
		.act = engine_action_by_name(bytes_of(happening->action)),
		.type = bytes_of(happening->type),
		.action = bytes_of(happening->action),
		.id = bytes_of(network ? ID_OF("9") : id),
		.name = bytes_of(network ? "net" : happening->name),
		.container = bytes_of(network ? id : NULL),
		.image = bytes_of(network ? NULL : "busybox"),
		.exec_id = bytes_of(happening->exec < 0 ? NULL : play->execs[happening->exec].id),
		.signal = bytes_of(happening->signal),
		.has_exit_code = !strcmp(happening->action, "die"),
		.exit_code = happening->exit_code,
		.time = happening->time + AHEAD,
	};

	causes_event(play->stage.causes, 0, &event, now);
}

static void see_more(struct play *play, const struct seen_thing *thing)
{
	struct ledger *ledger = causes_ledger(play->stage.causes);
	struct deal *deal = &play->deals[thing->index];
	struct bytes none = {0};

	switch (thing->sight) {
	case SEE_REQUEST:
		enter_deal(play, deal);
		break;
	case SEE_SENDER:
		ledger_request_set_sender(deal->request, play->stage.users[deal->user], none, none);
		break;
	case SEE_ANSWER:
		see_answer(play, deal);
		break;
	case SEE_MADE:
		see_made(play, deal);
		break;
	case SEE_OVER:
		ledger_over(ledger, 1 + (uint64_t)thing->index, deal->silent,
			    deal->silent ? deal->started + MS : deal->over);
		break;
	case SEE_END:
		ledger_request_end(deal->request);
		deal->request = NULL;
		break;
	case SEE_EVENT:
		break;
	}
}

static void see_thing(struct play *play, const struct seen_thing *thing)
{
	if (thing->sight == SEE_EVENT)
		see_event(play, &play->happenings[thing->index], thing->time);
	else
		see_more(play, thing);
}

static uint64_t play_clock; /* for whoever is called back */

/* The engine answers for containers that it has, as they are called by then. */
static void answer_inspection(struct play *play, const struct vessel *vessel, const char *name)
{
	char members[128];

	snprintf(members, sizeof(members),
		 "'Name':'/%s','HostConfig':{'RestartPolicy':{'Name':'%s'},'AutoRemove':%s}", name,
		 vessel->policy ?: "no", vessel->auto_remove ? "true" : "false");
	inspected(&play->stage, vessel->id, members, (unsigned int)((play_clock - BOOT) / MS));
}

static const char *name_at(const struct play *play, int container, uint64_t time)
{
	const char *name = "";

	for (unsigned int i = 0; i < play->happening_count; i++)
		if (play->happenings[i].container == container && play->happenings[i].time <= time)
			name = play->happenings[i].name;
	return name;
}

static void answer_inspections(struct play *play)
{
	for (unsigned int i = 0; i < play->inspection_count; i++) {
		int container = play->inspections[i].container;
		const struct vessel *vessel = &play->vessels[container];
		uint64_t time = play->inspections[i].time;

		if (time > play_clock)
			continue;
		play->inspections[i--] = play->inspections[--play->inspection_count];
		if (!vessel->destroyed || vessel->destroyed > time)
			answer_inspection(play, vessel, name_at(play, container, time));
	}
}

static int vessel_of(const struct play *play, struct bytes id)
{
	for (unsigned int i = 0; i < play->vessel_count; i++)
		if (bytes_equal(id, bytes_of(play->vessels[i].id)))
			return (int)i;
	return NOBODY;
}

static void play_inspect(void *data, unsigned int socket, struct bytes container)
{
	struct play *play = data;
	int index = vessel_of(play, container);

	assert_true(index >= 0 && play->inspection_count < HAPPENINGS);
	play->inspections[play->inspection_count].time = play_clock + roll(play, 5) * MS;
	play->inspections[play->inspection_count++].container = index;
}

/* --- whether it is true ----------------------------------------------------------------------- */

static int deal_of(const struct record *record)
{
	return record->cause.event_id.size ? atoi(record->cause.event_id.data + 1) : NOBODY;
}

static bool is_one_of(const char *word, const char *const *words)
{
	while (*words && strcmp(word, *words) != 0)
		words++;
	return *words;
}

/* What somebody else did unseen, while a request was under way that does the very same, nobody can tell. */
static bool is_alike(const struct play *play, const struct happening *happening,
		     const struct deal *deal)
{
	static const char *const alike[] = {
		"kill",	   "stop",    "pause", "unpause",    "commit",	"attach",     "start",
		"restart", "connect", "die",   "disconnect", "destroy", "exec_start", NULL};

	if (deal->container != happening->container || !is_one_of(happening->action, alike) ||
	    happening->time + MS < deal->started)
		return false;
	if (strcmp(happening->action, "connect") == 0)
		return deal->op == OP_RESTART || deal->op == OP_START;
	if (strcmp(happening->action, "start") == 0) /* and it ended before the other start */
		return deal->status == 204;
	if (strcmp(happening->action, "destroy") == 0)
		return play->slow;
	if (play->mistaken >> happening->container & 1)
		return true; /* whose signal it was taken for */
	return play->slow || deal->op == OP_ATTACH || happening->time <= deal->answered + MS;
}

static bool is_unseen(const struct play *play, const struct happening *happening)
{
	if (happening->truth == TRUTH_REQUEST)
		return play->deals[happening->request].user == UNSEEN;
	for (unsigned int i = 0; i < play->deal_count; i++)
		if (happening->killers >> i & 1 && play->deals[i].user == UNSEEN)
			return true;
	return false;
}

/* Whether a request of USER made it happen, or may have: those of one user are one candidate. */
static bool is_of_user(const struct play *play, const struct happening *happening,
		       unsigned int user)
{
	if (happening->truth == TRUTH_REQUEST)
		return play->deals[happening->request].user == user;
	for (unsigned int i = 0; i < play->deal_count; i++)
		if (happening->killers >> i & 1 && play->deals[i].user == user)
			return true;
	return false;
}

static bool is_request_true(const struct play *play, const struct happening *happening,
			    const struct record *record)
{
	int number = deal_of(record);
	const struct deal *deal = &play->deals[number];

	assert_int_not_equal(deal->user, UNSEEN);
	if (happening->truth == TRUTH_REQUEST && happening->request == number)
		return true;
	if (happening->killers >> number & 1)
		return true;
	if (record->cause.basis == BASIS_TIME && is_of_user(play, happening, deal->user))
		return true;
	if (!is_unseen(play, happening) && !(play->mistaken >> happening->container & 1))
		return false;
	return record->cause.basis == BASIS_TIME || is_alike(play, happening, deal);
}

static bool is_true(const struct play *play, const struct happening *happening,
		    const struct record *record)
{
	switch (record->cause.kind) {
	case CAUSE_REQUEST:
		return is_request_true(play, happening, record);
	case CAUSE_INHERITED:
		return deal_of(record) == happening->heir ||
		       happening->killers >> deal_of(record) & 1 || /* of its end */
		       (record->cause.basis == BASIS_TIME &&
			(is_of_user(play, happening, play->deals[deal_of(record)].user) ||
			 (happening->heir >= 0 && play->deals[happening->heir].user ==
							  play->deals[deal_of(record)].user))) ||
		       (play->unseen && record->cause.basis == BASIS_TIME) ||
		       deal_of(record) == play->excused[happening->container] ||
		       ((play->misled | play->mistaken) >> happening->container & 1);
	case CAUSE_DAEMON:
		return happening->truth == TRUTH_POLICY || happening->called_off;
	default:
		return true;
	}
}

/* A start while somebody else's is under way; of what went before the engine could be asked. */
static bool is_unknowable(const struct play *play, const struct happening *happening)
{
	uint64_t destroyed = play->vessels[happening->container].destroyed;

	/* It stood behind one that waited in vain for what the engine has no more. */
	if (happening->called_off || play_clock >= happening->time + WAIT)
		return true;
	for (unsigned int i = 0; i < play->deal_count; i++)
		if ((play->deals[i].op == OP_RESTART || play->deals[i].op == OP_START) &&
		    happening->request != (int)i && play->deals[i].status == 204 &&
		    play->deals[i].container == happening->container &&
		    play->deals[i].started <= happening->time + MS &&
		    play->deals[i].answered >= happening->time)
			return true;
	return destroyed && destroyed < happening->time + 100 * MS;
}

/* Whether somebody else than who began it may have ended it: he sent it a signal, or does so by now. */
static bool is_ended_by_others(const struct play *play, const struct happening *happening)
{
	for (unsigned int i = 0; i < play->deal_count; i++) {
		const struct deal *deal = &play->deals[i];
		bool ends = deal->op >= OP_STOP && deal->op <= OP_REMOVE_FORCED &&
			    deal->container == happening->container &&
			    deal->started <= happening->time && deal->answered >= happening->time;

		if ((happening->killers >> i & 1 || ends) &&
		    (happening->heir < 0 || deal->user != play->deals[happening->heir].user))
			return true;
	}
	return false;
}

/* Where everything is seen in time, nobody is missing. */
static bool is_complete(struct play *play, const struct happening *happening,
			const struct record *record)
{
	static const char *const complete[] = {"create",     "start",	 "die", "exec_create",
					       "exec_start", "exec_die", NULL};
	uint64_t self = UINT64_C(1) << happening->container;
	bool unknown = record->cause.kind == CAUSE_UNKNOWN;

	play->unknown += unknown;
	if (play->slow || play->unseen || !is_one_of(happening->action, complete))
		return true;
	if (strcmp(happening->action, "start") == 0) {
		if (record->cause.kind == CAUSE_REQUEST)
			play->tainted &= ~self;
		if (unknown && is_unknowable(play, happening))
			play->tainted |= self;
	}
	return !unknown || (play->tainted & self) || is_ended_by_others(play, happening);
}

/* What follows from an event whose cause nobody could tell. */
static void excuse(struct play *play, const struct happening *happening,
		   const struct record *record)
{
	uint64_t self = UINT64_C(1) << happening->container;

	if (record->cause.kind == CAUSE_REQUEST && is_unseen(play, happening))
		play->mistaken |= self; /* which has had its event then */
	if (strcmp(happening->action, "start") != 0)
		return;
	if (record->cause.kind != CAUSE_DAEMON)
		play->misled &= ~self;
	else if (happening->truth != TRUTH_POLICY)
		play->misled |= self;
	play->excused[happening->container] = deal_of(record);
}

static void play_record(void *data, const struct record *record)
{
	struct play *play = data;
	const struct happening *happening = &play->happenings[play->told];

	assert_true(play->told++ < play->happening_count);
	assert_true(bytes_equal(record->event.action, bytes_of(happening->action)));
	assert_true(record->event.time == happening->time + AHEAD);
	excuse(play, happening, record);
	if (!is_true(play, happening, record) || !is_complete(play, happening, record))
		fail_msg("seed %u: event %u, %s of container %d at %.3f ms, truly of request r%d "
			 "(goes back to r%d, truth %d), is told as %s %.8s by %s",
			 play->seed, play->told - 1, happening->action, happening->container,
			 (double)(happening->time - BOOT) / MS, happening->request, happening->heir,
			 (int)happening->truth, cause_kind_name(record->cause.kind),
			 record->cause.event_id.data ?: "-",
			 cause_basis_name(record->cause.basis) ?: "-");
}

/* Runs now and then while something waits, as the agent does. */
static void wait_until(struct play *play, uint64_t time)
{
	while (causes_waiting(play->stage.causes) && play_clock + 100 * MS < time) {
		play_clock += 100 * MS;
		answer_inspections(play);
		causes_run(play->stage.causes, play_clock);
	}
	play_clock = time;
	answer_inspections(play);
}

static void show(struct play *play, const struct view *view)
{
	struct causes *causes = play->stage.causes;

	play_clock = BOOT;
	for (unsigned int i = 0; i < view->count; i++) {
		wait_until(play, view->things[i].time);
		see_thing(play, &view->things[i]);
		if (view->things[i].sight == SEE_EVENT || one_in(play, 4))
			causes_run(causes, play_clock);
	}
	wait_until(play, play_clock + 2 * WAIT);
	assert_false(causes_waiting(causes));
	assert_int_equal(play->told, play->happening_count);
}

/* Plays once. Returns how many events were told as unknown; *RET_TOLD: of how many. */
static unsigned int play_once(unsigned int seed, bool unseen, bool slow, unsigned int *ret_told)
{
	static struct play play;
	static struct view view;
	struct causes_options options = {
		.socket_count = 1,
		.sockets = stage_sockets,
		.inventories = &play.stage.inventory,
		.context = &stage_context,
		.wait = WAIT,
		.data = &play.stage,
		.record = stage_record,
		.inspect_data = &play,
		.inspect = play_inspect,
	};

	memset(&play, 0, sizeof(play));
	play.seed = seed;
	play.unseen = unseen;
	play.slow = slow;
	play.newer = seed % 2;
	play.random = 2654435769u * (seed + 1);
	play.now = BOOT;
	play_out(&play);
	look(&play, &view);
	stage_open_with(&play.stage, &options, BOOT - 1);
	play.stage.record = play_record;
	play.stage.data = &play;
	show(&play, &view);
	stage_close(&play.stage);
	*ret_told += play.told;
	return play.unknown;
}

#define PLAYS 300

static void play_all(bool unseen, bool slow)
{
	unsigned int told = 0, unknown = 0;

	for (unsigned int i = 0; i < PLAYS; i++)
		unknown += play_once(i, unseen, slow, &told);
	print_message("%u of %u events are unknown\n", unknown, told);
}

static void test_play(void **state)
{
	play_all(false, false);
}

static void test_play_slowly(void **state)
{
	play_all(false, true);
}

static void test_play_with_another_door(void **state)
{
	play_all(true, false);
}

static void test_play_with_another_door_slowly(void **state)
{
	play_all(true, true);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_create_by_its_answer),
		cmocka_unit_test(test_fifty_creates),
		cmocka_unit_test(test_create_without_answer),
		cmocka_unit_test(test_expected_causes),
		cmocka_unit_test(test_late_sender),
		cmocka_unit_test(test_two_starts),
		cmocka_unit_test(test_start_needs_its_answer),
		cmocka_unit_test(test_starter_by_another_door),
		cmocka_unit_test(test_stop),
		cmocka_unit_test(test_long_stop),
		cmocka_unit_test(test_end_by_itself),
		cmocka_unit_test(test_end_in_another_request),
		cmocka_unit_test(test_signals),
		cmocka_unit_test(test_killers),
		cmocka_unit_test(test_two_stops),
		cmocka_unit_test(test_loop_of_signals),
		cmocka_unit_test(test_end_among_harmless_signals),
		cmocka_unit_test(test_two_of_one_user),
		cmocka_unit_test(test_hidden_signal),
		cmocka_unit_test(test_two_sockets),
		cmocka_unit_test(test_out_of_memory),
		cmocka_unit_test(test_killed_after_update),
		cmocka_unit_test(test_podman_tells_no_signals),
		cmocka_unit_test(test_failures),
		cmocka_unit_test(test_restart_policy),
		cmocka_unit_test(test_engine_stops),
		cmocka_unit_test(test_no_inspection),
		cmocka_unit_test(test_restart_policies),
		cmocka_unit_test(test_no_policy_after_signals),
		cmocka_unit_test(test_restart_and_policy),
		cmocka_unit_test(test_health_check),
		cmocka_unit_test(test_swarm),
		cmocka_unit_test(test_exec),
		cmocka_unit_test(test_exec_that_fails),
		cmocka_unit_test(test_exec_behind_a_label),
		cmocka_unit_test(test_labels),
		cmocka_unit_test(test_attach),
		cmocka_unit_test(test_prune),
		cmocka_unit_test(test_prune_and_auto_removal),
		cmocka_unit_test(test_images),
		cmocka_unit_test(test_build),
		cmocka_unit_test(test_networks),
		cmocka_unit_test(test_network_before_end),
		cmocka_unit_test(test_network_before_slow_end),
		cmocka_unit_test(test_volume_before_end),
		cmocka_unit_test(test_failed_create),
		cmocka_unit_test(test_podman_tells_less),
		cmocka_unit_test(test_podman_execs_at_once),
		cmocka_unit_test(test_volumes),
		cmocka_unit_test(test_volumes_of_builds),
		cmocka_unit_test(test_failing_start_unseen),
		cmocka_unit_test(test_renamed_meanwhile),
		cmocka_unit_test(test_auto_removal),
		cmocka_unit_test(test_silent_clients),
		cmocka_unit_test(test_lost),
		cmocka_unit_test(test_full_ledger),
		cmocka_unit_test(test_before_its_time),
		cmocka_unit_test(test_strangers),
		cmocka_unit_test(test_operations),
		cmocka_unit_test(test_gap),
		cmocka_unit_test(test_gap_and_replay),
		cmocka_unit_test(test_doubt_in_gap),
		cmocka_unit_test(test_gone_in_gap),
		cmocka_unit_test(test_recovered_late),
		cmocka_unit_test(test_makers),
		cmocka_unit_test(test_makers_of_a_run),
		cmocka_unit_test(test_makers_of_makers),
		cmocka_unit_test(test_restore),
		cmocka_unit_test(test_keeper),
		cmocka_unit_test(test_close),
		cmocka_unit_test(test_freed_while_it_waits),
		cmocka_unit_test(test_play),
		cmocka_unit_test(test_play_slowly),
		cmocka_unit_test(test_play_with_another_door),
		cmocka_unit_test(test_play_with_another_door_slowly),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
