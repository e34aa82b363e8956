// SPDX-License-Identifier: Apache-2.0
/* Whose request a relay passed on: by what it was asked, by whom, and when. */
#include "unit.h"

#include <arpa/inet.h>

#include "conversation/exchange.h"
#include "relayed/relayed.h"

#define ENGINE 0
#define RELAY 1
#define OTHER_RELAY 2
#define SECOND NS_PER_S

struct played {
	struct relayed *relayed;
	const struct reader *reader;
	unsigned int begun, ended; /* contents of the engines' reader */
	unsigned int told;	   /* that it was told who is behind */
	struct record_relayed last;
};

/* What was asked, of somebody, on CONNECTION. */
struct asked {
	uint64_t connection, at;
	const char *what;
	const char *body;
	bool cut; /* not all of it was seen */
	bool by_engine;
	uint64_t stream; /* of HTTP/2, in that connection; 0: it is no stream */
	/* The rest is filled in. */
	struct exchange exchange;
	void *content;
};

static void *begin_played(void *data, const struct exchange *exchange, uint32_t socket)
{
	assert_int_equal(socket, ENGINE);
	((struct played *)data)->begun++;
	return data;
}

static void read_played(void *content, const char *bytes, size_t size)
{
}

static void end_played(void *content)
{
	((struct played *)content)->ended++;
}

static void note_played(void *content, struct caller *caller)
{
}

static void take_told(void *content, const struct record_relayed *relayed)
{
	struct played *played = content;

	played->told++;
	played->last = *relayed;
}

static void describe_played(void *content, bool complete, struct record *record)
{
}

static bool answer_played(void *content, int status, bool complete, bool certain, uint64_t time)
{
	return false;
}

static void over_played(void *data, uint64_t connection, bool ended, uint64_t time)
{
}

static void gap_played(void *content)
{
}

static struct played *begin_play(void)
{
	static struct played played;
	static struct reader engines = {
		.data = &played,
		.begin = begin_played,
		.request = read_played,
		.request_gap = gap_played,
		.sent = note_played,
		.relayed = take_told,
		.answered = answer_played,
		.describe = describe_played,
		.over = over_played,
		.end = end_played,
	};
	struct relayed_options options = {.engines = &engines, .first = RELAY, .count = 2};

	played = (struct played){0};
	assert_int_equal(relayed_new(&options, &played.relayed), 0);
	played.reader = relayed_reader(played.relayed);
	assert_false(relayed_has(played.relayed, ENGINE));
	assert_true(relayed_has(played.relayed, OTHER_RELAY));
	return &played;
}

static void end_play(struct played *played)
{
	relayed_free(played->relayed);
	assert_int_equal(played->begun, played->ended);
}

/* Callers are their own: their references are counted, and nobody frees them. */
#define SOMEBODY(own, who)                                                                         \
	{                                                                                          \
		.shared = {.references = 1000, .number = (own)}, .basis = CALLER_FROM_KERNEL,      \
		.process = {.pid = (own),                                                          \
			    .start = (own)*10,                                                     \
			    .euid = (who),                                                         \
			    .executable = {"/usr/sbin/relay", 15}},                                \
		.login_uid = (who), .uid = (who)                                                   \
	}

static void ask(struct played *played, struct asked *asked, uint32_t socket)
{
	struct exchange *exchange = &asked->exchange;

	*exchange =
		(struct exchange){.connection = asked->stream ? asked->stream : asked->connection,
				  .carrier = asked->connection,
				  .started = asked->at,
				  .http.by_engine = asked->by_engine};
	strcpy(exchange->method, asked->body ? "POST" : "GET");
	exchange->target = (char *)asked->what;
	exchange->target_size = strlen(asked->what);
	asked->content = played->reader->begin(played->reader->data, exchange, socket);
	assert_non_null(asked->content);
	if (asked->body)
		played->reader->request(asked->content, asked->body, strlen(asked->body));
	if (asked->cut)
		played->reader->request_gap(asked->content);
	exchange->complete = !asked->cut;
}

static void end_asked(struct played *played, struct asked *asked, uint64_t answered)
{
	if (answered)
		played->reader->answered(asked->content, 200, true, true, answered);
	played->reader->end(asked->content);
	asked->content = NULL;
}

/* BY asks RELAY, where SERVER listens. */
static void ask_relay(struct played *played, struct asked *asked, struct caller *by,
		      const struct caller *server)
{
	if (server)
		relayed_connected(played->relayed, asked->connection, server->process.pid,
				  server->process.start);
	ask(played, asked, RELAY);
	if (by)
		played->reader->sent(asked->content, by);
}

/* What the record of ASKED, which BY sent to the engine, says of who is behind it. */
static struct record_relayed told_of(struct played *played, struct asked *asked, struct caller *by)
{
	struct record record = {.action = RECORD_API_REQUEST, .caller = by};

	ask(played, asked, ENGINE);
	played->reader->describe(asked->content, asked->exchange.complete, &record);
	end_asked(played, asked, asked->at + 1);
	return record.relayed;
}

#define TOLD(played, asked_by, ...) told_of(played, &(struct asked){__VA_ARGS__}, asked_by)

static void expect_told(struct record_relayed told, enum relayed_certainty certainty,
			const struct caller *caller)
{
	assert_int_equal(told.certainty, certainty);
	assert_ptr_equal(told.caller, caller);
}

#define NOBODY(told) expect_told(told, RELAYED_NONE, NULL)
#define UNKNOWN(told) expect_told(told, RELAYED_UNKNOWN, NULL)
#define CERTAIN(told, by) expect_told(told, RELAYED_CERTAIN, by)

static struct caller relay = SOMEBODY(100, 0), bob = SOMEBODY(7, 1001), alice = SOMEBODY(8, 1000);

static void test_what_is_compared(void **state)
{
	struct played *played = begin_play();
	struct asked asked = {1, 10, "/a?x=1"}, with_body = {2, 11, "/b", "one and all"};

	ask_relay(played, &asked, &bob, &relay);
	NOBODY(TOLD(played, &relay, 9, 20, "/a?x=2"));
	NOBODY(TOLD(played, &relay, 9, 20, "/a?x=1", "body"));
	CERTAIN(TOLD(played, &relay, 9, 20, "/a?x=1"), &bob);
	/* Once. */
	NOBODY(TOLD(played, &relay, 9, 21, "/a?x=1"));
	end_asked(played, &asked, 30);
	ask_relay(played, &with_body, &alice, &relay);
	NOBODY(TOLD(played, &relay, 9, 20, "/b", "one and ALL"));
	NOBODY(TOLD(played, &relay, 9, 20, "/b", "one and all of it"));
	expect_told(TOLD(played, &relay, 9, 20, "/b", "one and", .cut = true), RELAYED_LIKELY,
		    &alice);
	CERTAIN(TOLD(played, &relay, 9, 21, "/b", "one and all"), &alice);
	end_asked(played, &with_body, 40);
	end_play(played);
}

static void test_when(void **state)
{
	struct played *played = begin_play();
	struct asked asked = {1, 10, "/a"}, again = {1, 50, "/a"}, left = {1, 60, "/b"};

	/* Not before the relay was asked, nor behind its answer. */
	ask_relay(played, &asked, &bob, &relay);
	NOBODY(TOLD(played, &relay, 9, 9, "/a"));
	end_asked(played, &asked, 30);
	NOBODY(TOLD(played, &relay, 9, 31, "/a"));
	/* The record may be written later. */
	CERTAIN(TOLD(played, &relay, 9, 20, "/a"), &bob);
	/* He has gone: the relay may pass it on all the same. */
	ask_relay(played, &again, &bob, &relay);
	end_asked(played, &again, 0);
	CERTAIN(TOLD(played, &relay, 9, 50 + 200 * SECOND, "/a"), &bob);
	ask_relay(played, &left, &bob, &relay);
	end_asked(played, &left, 0);
	NOBODY(TOLD(played, &relay, 9, 60 + 600 * SECOND, "/c"));
	/* The next one that is asked finds that it is too old. */
	asked = (struct asked){2, 60 + 600 * SECOND, "/c"};
	ask_relay(played, &asked, &bob, &relay);
	NOBODY(TOLD(played, &relay, 9, 60 + 601 * SECOND, "/b"));
	end_asked(played, &asked, 60 + 602 * SECOND);
	end_play(played);
}

static void test_several(void **state)
{
	struct played *played = begin_play();
	struct asked of_bob = {1, 10, "/a"}, of_alice = {2, 11, "/a"}, more = {3, 12, "/a"};
	struct caller bobs = bob;
	struct record_relayed told;

	ask_relay(played, &of_bob, &bob, &relay);
	ask_relay(played, &of_alice, &alice, &relay);
	told = TOLD(played, &relay, 9, 20, "/a");
	UNKNOWN(told);
	assert_int_equal(told.askers, 2);
	/* It stays so: the first one may have been either's. */
	UNKNOWN(TOLD(played, &relay, 9, 21, "/a"));
	/* Once hers was answered, what the engine reads is his. */
	end_asked(played, &of_alice, 30);
	UNKNOWN(TOLD(played, &relay, 9, 29, "/a"));
	CERTAIN(TOLD(played, &relay, 9, 31, "/a"), &bob);
	end_asked(played, &of_bob, 40);
	/* Of one user: which of his processes is not known. */
	bobs.process.pid = 70;
	bobs.shared.number = 70;
	of_bob.at = 50;
	ask_relay(played, &of_bob, &bob, &relay);
	more.at = 51;
	ask_relay(played, &more, &bobs, &relay);
	told = TOLD(played, &relay, 9, 60, "/a");
	assert_int_equal(told.certainty, RELAYED_CERTAIN);
	assert_int_equal(told.caller->process.euid, 1001);
	assert_int_equal(told.askers, 2);
	end_asked(played, &of_bob, 70);
	end_asked(played, &more, 70);
	end_play(played);
}

static void test_of_whom_nothing_is_known(void **state)
{
	struct played *played = begin_play();
	struct asked first = {1, 10, "/a"}, second = {2, 11, "/a"};

	/* Who sent it is not certain. */
	ask_relay(played, &first, NULL, &relay);
	UNKNOWN(TOLD(played, &relay, 9, 20, "/a"));
	/* A connection that is older than callerd: to whom is not known. */
	ask_relay(played, &second, &bob, NULL);
	UNKNOWN(TOLD(played, &relay, 9, 20, "/a"));
	end_asked(played, &first, 30);
	NOBODY(TOLD(played, &relay, 9, 31, "/a"));
	end_asked(played, &second, 40);
	end_play(played);
}

/* What an engine does before it answers is told of who is behind it, too; where that is in doubt, more may be known by the answer. */
static void test_before_the_answer(void **state)
{
	struct played *played = begin_play();
	struct asked asked = {1, 10, "/a"}, passed = {9, 20, "/a"}, cut = {9, 21, "/b", "one"};
	struct asked first = {2, 30, "/c"}, second = {3, 31, "/c"}, doubtful = {9, 40, "/c"};
	struct record record = {.action = RECORD_API_REQUEST, .caller = &relay};

	ask_relay(played, &asked, &bob, &relay);
	ask(played, &passed, ENGINE);
	played->reader->sent(passed.content, &relay);
	assert_int_equal(played->told, 1);
	CERTAIN(played->last, &bob);
	played->reader->describe(passed.content, true, &record);
	CERTAIN(record.relayed, &bob);
	assert_int_equal(played->told, 1);
	end_asked(played, &passed, 25);
	end_asked(played, &asked, 26);
	/* Not all of it is there. */
	ask(played, &cut, ENGINE);
	played->reader->sent(cut.content, &relay);
	end_asked(played, &cut, 28);
	assert_int_equal(played->told, 1);
	/* Who asked first is not known yet. */
	ask_relay(played, &first, NULL, &relay);
	ask_relay(played, &second, &bob, &relay);
	ask(played, &doubtful, ENGINE);
	played->reader->sent(doubtful.content, &relay);
	assert_int_equal(played->told, 1);
	played->reader->sent(first.content, &bob);
	played->reader->describe(doubtful.content, true, &record);
	CERTAIN(record.relayed, &bob);
	assert_int_equal(played->told, 2);
	end_asked(played, &doubtful, 50);
	end_asked(played, &first, 51);
	end_asked(played, &second, 52);
	end_play(played);
}

/* BY has an engine's connection 9 upgraded, for whom bob had asked it. */
static void upgrade(struct played *played, struct caller *by)
{
	struct asked asked = {1, 10, "/grpc"}, passed = {9, 20, "/grpc"};
	struct record record = {.action = RECORD_API_REQUEST, .caller = by};

	ask_relay(played, &asked, &bob, &relay);
	ask(played, &passed, ENGINE);
	played->reader->answered(passed.content, 101, true, true, 21);
	played->reader->describe(passed.content, true, &record);
	CERTAIN(record.relayed, &bob);
	end_asked(played, &passed, 0);
	end_asked(played, &asked, 22);
}

static void test_within_an_upgraded_connection(void **state)
{
	struct played *played = begin_play();
	struct asked same = {2, 40, "/Solve", .stream = 200}, other = {3, 41, "/Solve"};
	struct caller child = SOMEBODY(101, 0);
	struct record_relayed told;

	upgrade(played, &relay);
	told = TOLD(played, &relay, 9, 30, "/Status", .stream = 900);
	expect_told(told, RELAYED_LIKELY, &bob);
	assert_int_equal(told.basis, RELAYED_BY_CONNECTION);
	told = TOLD(played, &relay, 9, 30, "/DiffCopy", .stream = 902, .by_engine = true);
	expect_told(told, RELAYED_LIKELY, &bob);
	/* Not what another process sends there, nor what comes by another connection. */
	NOBODY(TOLD(played, &child, 9, 31, "/Status", .stream = 903));
	NOBODY(TOLD(played, &relay, 8, 31, "/Status", .stream = 800));
	/* What was asked of the relay counts first, by streams, too. */
	ask_relay(played, &same, &alice, &relay);
	told = TOLD(played, &relay, 9, 42, "/Solve", .stream = 905);
	CERTAIN(told, &alice);
	ask_relay(played, &other, &bob, &relay);
	CERTAIN(TOLD(played, &relay, 9, 43, "/Solve", .stream = 907), &bob);
	end_asked(played, &same, 50);
	end_asked(played, &other, 50);
	played->reader->over(played->reader->data, 9, true, 60);
	NOBODY(TOLD(played, &relay, 9, 61, "/Status", .stream = 909));
	end_play(played);
}

static void test_who_is_the_relay(void **state)
{
	struct played *played = begin_play();
	struct asked asked = {1, 10, "/a"};
	struct process above[2];
	struct caller direct = SOMEBODY(9, 1001), forked = SOMEBODY(101, 0), reused = relay;
	struct caller systemd = SOMEBODY(1, 0);

	reused.process.start++;
	forked.ancestors = above;
	forked.ancestor_count = 2;
	above[0] = direct.process;
	above[1] = relay.process;
	ask_relay(played, &asked, &bob, &relay);
	/* Somebody else, and who has its PID by now. */
	NOBODY(TOLD(played, &direct, 9, 20, "/a"));
	NOBODY(TOLD(played, &reused, 9, 20, "/a"));
	/* What it began is the relay where all are of the same program. */
	above[0].executable = (struct bytes){"/bin/sh", 7};
	NOBODY(TOLD(played, &forked, 9, 20, "/a"));
	above[0] = direct.process;
	forked.process.executable = (struct bytes){"/bin/sh", 7};
	NOBODY(TOLD(played, &forked, 9, 20, "/a"));
	forked.process.executable = above[1].executable;
	CERTAIN(TOLD(played, &forked, 9, 20, "/a"), &bob);
	end_asked(played, &asked, 30);
	/* Where systemd listens for others, all are below it. */
	asked.at = 40;
	asked.connection = 2;
	ask_relay(played, &asked, &bob, &systemd);
	forked.ancestor_count = 1;
	above[0] = systemd.process;
	NOBODY(TOLD(played, &forked, 9, 50, "/a"));
	end_asked(played, &asked, 60);
	end_play(played);
}

/* CONNECTION comes from ADDRESS of IPv4. */
static void accept_from(struct played *played, uint64_t connection, uint32_t address, uint32_t port,
			uint32_t flags)
{
	struct callerd_accept_event accept = {
		.header = {.connection = connection, .flags = flags},
		.from = {.address = {0, 0, htonl(0xffff), htonl(address)}, .port = port},
		.to = {.address = {0, 0, htonl(0xffff), htonl(0x0a010101)}, .port = 2375},
	};

	relayed_accepted(played->relayed, &accept, relay.process.pid, relay.process.start);
}

static void test_over_tcp(void **state)
{
	static const struct {
		uint32_t address, flags;
	} hidden[] = {{0x7f000001, 0}, {0x0a010101, 0}, {0x0a010203, CALLERD_FLAG_LOCAL}};
	struct played *played = begin_play();
	struct asked one = {1, 10, "/a"}, two = {2, 11, "/a"}, three = {3, 12, "/a"};
	struct record_relayed told;

	/* From elsewhere there is the address alone. */
	accept_from(played, 1, 0x0a010203, 40000, 0);
	ask_relay(played, &one, NULL, NULL);
	told = TOLD(played, &relay, 9, 20, "/a");
	CERTAIN(told, NULL);
	assert_string_equal(told.source, "10.1.2.3");
	assert_int_equal(told.source_port, 40000);
	end_asked(played, &one, 30);
	/* Of two from one address that is told, of others nothing. */
	one.at = two.at = three.at = 40;
	ask_relay(played, &one, NULL, NULL);
	accept_from(played, 2, 0x0a010203, 40001, 0);
	ask_relay(played, &two, NULL, NULL);
	told = TOLD(played, &relay, 9, 50, "/a");
	CERTAIN(told, NULL);
	assert_string_equal(told.source, "10.1.2.3");
	assert_int_equal(told.source_port, 0);
	assert_int_equal(told.askers, 2);
	accept_from(played, 3, 0x0a010204, 40001, 0);
	ask_relay(played, &three, NULL, NULL);
	told = TOLD(played, &relay, 9, 50, "/a");
	UNKNOWN(told);
	assert_string_equal(told.source, "");
	end_asked(played, &one, 60);
	end_asked(played, &two, 60);
	end_asked(played, &three, 60);
	/* Who connected from this host is named, but not known to send. */
	one.at = 70;
	one.connection = 4;
	accept_from(played, 4, 0x7f000001, 40000, 0);
	ask_relay(played, &one, &bob, NULL);
	told = TOLD(played, &relay, 9, 80, "/a");
	expect_told(told, RELAYED_LIKELY, &bob);
	assert_int_equal(told.source_port, 40000);
	end_asked(played, &one, 90);
	/* Where it is not known who that was, the address says nothing. */
	for (unsigned int i = 0; i < COUNT(hidden); i++) {
		struct asked local = {10 + i, 100 + 20 * i, "/a"};

		accept_from(played, local.connection, hidden[i].address, 40000, hidden[i].flags);
		ask_relay(played, &local, NULL, NULL);
		UNKNOWN(TOLD(played, &relay, 9, 105 + 20 * i, "/a"));
		end_asked(played, &local, 110 + 20 * i);
	}
	end_play(played);
}

/* What had to be forgotten may be anybody's. */
static void test_room(void **state)
{
	struct played *played = begin_play();
	struct asked kept = {1, 10, "/kept"};

	ask_relay(played, &kept, &bob, &relay);
	for (uint64_t i = 0; i < 5000; i++) {
		struct asked asked = {2, 20, "/many"};

		ask_relay(played, &asked, &alice, &relay);
		end_asked(played, &asked, i < 1000 ? 30 : 0);
	}
	UNKNOWN(TOLD(played, &relay, 9, 40, "/kept"));
	CERTAIN(TOLD(played, &relay, 9, 40 + 400 * SECOND, "/kept"), &bob);
	end_asked(played, &kept, 50 + 400 * SECOND);
	end_play(played);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_compared),
		cmocka_unit_test(test_when),
		cmocka_unit_test(test_several),
		cmocka_unit_test(test_of_whom_nothing_is_known),
		cmocka_unit_test(test_before_the_answer),
		cmocka_unit_test(test_within_an_upgraded_connection),
		cmocka_unit_test(test_who_is_the_relay),
		cmocka_unit_test(test_over_tcp),
		cmocka_unit_test(test_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
