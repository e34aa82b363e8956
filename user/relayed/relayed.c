// SPDX-License-Identifier: Apache-2.0
#include "relayed/relayed.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <sys/queue.h>

#include "base/clock.h"
#include "base/table.h"
#include "conversation/connection.h"
#include "conversation/exchange.h"

#define BUCKETS 1024
#define SERVERS_MAX 16384
#define UPGRADES_MAX 1024
#define STATUS_UPGRADED 101
#define DIGEST_SIZE 32
/* So many requests are kept that are over: an engine's record may be written after the relay has answered. */
#define ANSWERED_MAX 4096
#define ANSWERED_AGE (10 * NS_PER_S)
/* A relay may pass on what nobody waits for any more. */
#define LEFT_MAX 1024
#define LEFT_AGE (300 * NS_PER_S)
#define ASKERS_MAX 64 /* that are looked at */

/* Who listened where a connection to a relay went. */
struct relayed_server {
	uint64_t connection;
	uint32_t pid;
	uint64_t start;
	bool tcp, local; /* a process of this host connected, which may be known */
	struct callerd_endpoint from;
	UT_hash_handle hh;
};

/* A connection of a relay to an engine, upgraded for somebody: from then on it carries what he sends. */
struct relayed_upgrade {
	uint64_t connection;
	struct process relay;	     /* that had it upgraded */
	struct record_relayed found; /* its caller is a reference */
	UT_hash_handle hh;
};

TAILQ_HEAD(passing_queue, passing);
LIST_HEAD(passing_list, passing);

/* A request: one to a relay, or one to an engine, which has the rest of its contents. */
struct passing {
	struct relayed *relayed;
	void *inner;			 /* the engines' reader's; NULL: none */
	const struct exchange *exchange; /* NULL: it is over */
	uint64_t connection, started;
	uint64_t answered; /* 0: not, as far as was seen */
	unsigned char head[DIGEST_SIZE], body[DIGEST_SIZE];
	EVP_MD_CTX *hash; /* of the body; NULL: there is none yet, or it was all */
	bool has_body, gap;
	bool to_relay;
	/* To a relay. */
	bool complete;	       /* it was seen to its end; set when it is over */
	bool taken;	       /* an engine's request is this one for certain */
	struct caller *caller; /* who sent it; a reference; NULL: not known */
	uint32_t server_pid;   /* who listens there; 0: not known */
	uint64_t server_start;
	bool tcp, local;
	struct callerd_endpoint from; /* over TCP */
	LIST_ENTRY(passing) in_bucket;
	TAILQ_ENTRY(passing) in_queue; /* of those that are over */
	/* To an engine. */
	bool by_engine; /* it is the engine that asks, by a session that the relay lends it */
	bool decided;
	bool upgrades;
	struct record_relayed found; /* its caller is a reference */
};

struct relayed {
	struct relayed_options options;
	struct reader reader;
	struct passing_list
		buckets[BUCKETS]; /* of requests to relays, by the digest of their heads */
	struct passing_queue answered, left; /* those that are over; the first one is the oldest */
	unsigned int answered_count, left_count;
	struct relayed_server *servers;	  /* the oldest first */
	struct relayed_upgrade *upgrades; /* the same */
	uint64_t now;			  /* ns of CLOCK_BOOTTIME: the latest time that was seen */
	/* Whatever engines read until then may be of a request that had to be forgotten. */
	uint64_t doubtful_until;
};

/* --- digests ---------------------------------------------------------------------------------- */

static bool digest_text(EVP_MD_CTX *hash, const char *text, size_t size)
{
	return EVP_DigestUpdate(hash, &size, sizeof(size)) == 1 &&
	       EVP_DigestUpdate(hash, text, size) == 1;
}

static bool digest_string(EVP_MD_CTX *hash, const char *text)
{
	return digest_text(hash, text ? text : "", text ? strlen(text) : 0);
}

/* What relays leave as it is: they add headers, and write them in other ways. */
static bool digest_head(const struct exchange *exchange, unsigned char ret[DIGEST_SIZE])
{
	EVP_MD_CTX *hash = EVP_MD_CTX_new();
	bool done = hash && EVP_DigestInit_ex(hash, EVP_sha256(), NULL) == 1 &&
		    digest_string(hash, exchange->method) &&
		    digest_text(hash, exchange->target, exchange->target_size) &&
		    digest_string(hash, exchange->mime_type) &&
		    digest_string(hash, exchange->user_agent) &&
		    EVP_DigestFinal_ex(hash, ret, NULL) == 1;

	EVP_MD_CTX_free(hash);
	return done;
}

static void leave_hash(struct passing *passing)
{
	EVP_MD_CTX_free(passing->hash);
	passing->hash = NULL;
}

static void take_body(struct passing *passing, const char *bytes, size_t size)
{
	if (passing->gap || !size)
		return;
	if (!passing->has_body) {
		passing->has_body = true;
		passing->hash = EVP_MD_CTX_new();
		if (passing->hash && EVP_DigestInit_ex(passing->hash, EVP_sha256(), NULL) != 1)
			leave_hash(passing);
	}
	if (!passing->hash || EVP_DigestUpdate(passing->hash, bytes, size) != 1)
		passing->gap = true;
}

/* Nothing more of its body comes. */
static void end_body(struct passing *passing)
{
	if (passing->hash && EVP_DigestFinal_ex(passing->hash, passing->body, NULL) != 1)
		passing->gap = true;
	leave_hash(passing);
}

/* Whether it was seen to its end. */
static bool passing_is_whole(struct passing *passing)
{
	bool complete = passing->exchange ? passing->exchange->complete : passing->complete;

	if (complete)
		end_body(passing);
	return complete && !passing->gap;
}

static bool same_head(const struct passing *a, const struct passing *b)
{
	return !memcmp(a->head, b->head, DIGEST_SIZE);
}

static bool same_body(const struct passing *a, const struct passing *b)
{
	return a->has_body == b->has_body &&
	       (!a->has_body || !memcmp(a->body, b->body, DIGEST_SIZE));
}

/* --- who serves a relay ----------------------------------------------------------------------- */

static void forget_server(struct relayed *relayed, struct relayed_server *server)
{
	HASH_DEL(relayed->servers, server);
	free(server);
}

static struct relayed_server *find_relay_server(struct relayed *relayed, uint64_t connection)
{
	struct relayed_server *server;

	HASH_FIND(hh, relayed->servers, &connection, sizeof(connection), server);
	return server;
}

static void keep_server(struct relayed *relayed, const struct relayed_server *found)
{
	struct relayed_server *server = find_relay_server(relayed, found->connection);

	/* systemd listens for others: who has the socket is not known. */
	if (server || found->pid <= 1 || !found->start)
		return;
	if (HASH_COUNT(relayed->servers) >= SERVERS_MAX)
		forget_server(relayed, relayed->servers);
	server = malloc(sizeof(*server));
	if (!server)
		return;
	*server = *found;
	HASH_ADD(hh, relayed->servers, connection, sizeof(server->connection), server);
	if (!server->hh.tbl)
		free(server);
}

void relayed_connected(struct relayed *relayed, uint64_t connection, uint32_t pid, uint64_t start)
{
	keep_server(relayed,
		    &(struct relayed_server){.connection = connection, .pid = pid, .start = start});
}

static bool is_loopback(const struct callerd_endpoint *end)
{
	const unsigned char *bytes = (const unsigned char *)end->address;
	bool narrow = !end->address[0] && !end->address[1];

	return narrow &&
	       ((bytes[10] == 0xff && bytes[12] == 127) || (!end->address[2] && !end->address[3]) ||
		(!end->address[2] && bytes[15] == 1));
}

void relayed_accepted(struct relayed *relayed, const struct callerd_accept_event *accept,
		      uint32_t pid, uint64_t start)
{
	const struct callerd_endpoint *from = &accept->from;
	bool local = accept->header.flags & CALLERD_FLAG_LOCAL || is_loopback(from) ||
		     !memcmp(from->address, accept->to.address, sizeof(from->address));

	keep_server(relayed, &(struct relayed_server){.connection = accept->header.connection,
						      .pid = pid,
						      .start = start,
						      .tcp = true,
						      .local = local,
						      .from = *from});
}

static void note_server(struct passing *passing)
{
	const struct relayed_server *server =
		passing->server_pid ? NULL
				    : find_relay_server(passing->relayed, passing->connection);

	if (!server)
		return;
	passing->server_pid = server->pid;
	passing->server_start = server->start;
	passing->tcp = server->tcp;
	passing->local = server->local;
	passing->from = server->from;
}

static bool is_relay_server(const struct passing *passing, const struct process *process)
{
	return process->pid == passing->server_pid && process->start == passing->server_start;
}

/* Whether CALLER is who listens where PASSING went, or one that it forked for a client: of the same program throughout. */
static bool is_by_server(const struct passing *passing, const struct caller *caller)
{
	unsigned int depth = caller_program_depth(caller);

	for (unsigned int i = 0; i < depth; i++)
		if (is_relay_server(passing, &caller->ancestors[i]))
			return true;
	return is_relay_server(passing, &caller->process);
}

/* --- requests to relays ----------------------------------------------------------------------- */

static struct passing_list *bucket_of(struct relayed *relayed, const struct passing *passing)
{
	uint32_t number;

	memcpy(&number, passing->head, sizeof(number));
	return &relayed->buckets[number % BUCKETS];
}

static void forget_passing(struct passing *passing)
{
	LIST_REMOVE(passing, in_bucket);
	leave_hash(passing);
	caller_unref(passing->caller);
	free(passing);
}

static void forget_answered(struct relayed *relayed, bool in_time)
{
	struct passing *passing = TAILQ_FIRST(&relayed->answered);

	if (!in_time && passing->answered > relayed->doubtful_until)
		relayed->doubtful_until = passing->answered;
	TAILQ_REMOVE(&relayed->answered, passing, in_queue);
	relayed->answered_count--;
	forget_passing(passing);
}

static void forget_left(struct relayed *relayed, bool in_time)
{
	struct passing *passing = TAILQ_FIRST(&relayed->left);
	uint64_t until = passing->started + LEFT_AGE;

	if (!in_time && !passing->taken && until > relayed->doubtful_until)
		relayed->doubtful_until = until;
	TAILQ_REMOVE(&relayed->left, passing, in_queue);
	relayed->left_count--;
	forget_passing(passing);
}

static void forget_old(struct relayed *relayed)
{
	const struct passing *passing;

	while ((passing = TAILQ_FIRST(&relayed->answered)) &&
	       (relayed->answered_count > ANSWERED_MAX ||
		relayed->now > passing->answered + ANSWERED_AGE))
		forget_answered(relayed, relayed->answered_count <= ANSWERED_MAX);
	while ((passing = TAILQ_FIRST(&relayed->left)) &&
	       (relayed->left_count > LEFT_MAX || relayed->now > passing->started + LEFT_AGE))
		forget_left(relayed, relayed->left_count <= LEFT_MAX);
}

/* It is over. It may have been passed on, and the engine's record of it may come yet. */
static void keep_over(struct passing *passing)
{
	struct relayed *relayed = passing->relayed;

	note_server(passing);
	passing->complete = passing->exchange->complete;
	passing_is_whole(passing);
	passing->exchange = NULL;
	if (passing->answered) {
		TAILQ_INSERT_TAIL(&relayed->answered, passing, in_queue);
		relayed->answered_count++;
	} else {
		TAILQ_INSERT_TAIL(&relayed->left, passing, in_queue);
		relayed->left_count++;
	}
	forget_old(relayed);
}

/* --- who it is of ----------------------------------------------------------------------------- */

/* What was asked of a relay and may be what ENGINE, a request to an engine that the relay sent, is. */
struct askers {
	struct passing *first;
	unsigned int requests;	/* equal ones */
	unsigned int processes; /* that sent them */
	bool whole;		/* all of each was compared */
	bool doubtful; /* of one it is not known who sent it; or they are of different users */
};

static bool may_be(struct passing *asked, struct passing *engine)
{
	if (asked->taken || !same_head(asked, engine) || asked->started > engine->started ||
	    (asked->answered && asked->answered < engine->started))
		return false;
	return !(passing_is_whole(asked) && passing_is_whole(engine)) || same_body(asked, engine);
}

static bool same_process(const struct caller *a, const struct caller *b)
{
	return a->process.pid == b->process.pid && a->process.start == b->process.start;
}

/* Over the network the address is all that there is to know. */
static bool has_address(const struct passing *asked)
{
	return asked->tcp && !asked->local && !asked->caller;
}

/* Whether the same asks for both, as far as can be told of who asks. */
static bool same_asker(const struct passing *a, const struct passing *b)
{
	if (a->caller && b->caller)
		return caller_same_user(a->caller, b->caller);
	return has_address(a) && has_address(b) &&
	       !memcmp(a->from.address, b->from.address, sizeof(a->from.address));
}

static bool same_process_asks(const struct passing *a, const struct passing *b)
{
	return a->caller && b->caller ? same_process(a->caller, b->caller)
				      : a->connection == b->connection;
}

static void count_asker(struct askers *askers, struct passing *asked, struct passing *engine)
{
	const struct passing *first = askers->first;

	askers->whole &= passing_is_whole(asked) && passing_is_whole(engine);
	askers->requests++;
	if (!(asked->caller || has_address(asked)) || !asked->server_pid ||
	    askers->requests > ASKERS_MAX || (first && !same_asker(first, asked)))
		askers->doubtful = true;
	askers->processes += !first || !same_process_asks(first, asked);
	if (!first)
		askers->first = asked;
}

/* One of whom the relay is not known may be this one's. */
static bool may_be_relay(struct passing *asked, const struct caller *relay)
{
	note_server(asked);
	return !asked->server_pid || is_by_server(asked, relay);
}

static struct askers find_askers(struct passing *engine, const struct caller *relay)
{
	struct askers askers = {.whole = true};
	struct passing *asked;

	LIST_FOREACH(asked, bucket_of(engine->relayed, engine), in_bucket)
	{
		if (askers.requests > ASKERS_MAX)
			break;
		if (may_be(asked, engine) && may_be_relay(asked, relay))
			count_asker(&askers, asked, engine);
	}
	return askers;
}

static bool is_of_any_relay(const struct askers *askers)
{
	return askers->first && (askers->first->server_pid || askers->requests > 1);
}

static void name_asker(const struct askers *askers, struct record_relayed *ret)
{
	const struct passing *first = askers->first;

	/* Over TCP it is known who connected, not who sends. */
	ret->certainty =
		askers->whole && !(first->tcp && first->caller) ? RELAYED_CERTAIN : RELAYED_LIKELY;
	if (first->caller)
		ret->caller = caller_ref(first->caller);
	if (first->tcp && (has_address(first) || askers->requests == 1))
		connection_write_endpoint(&first->from, ret->source, sizeof(ret->source));
	if (first->tcp && askers->requests == 1)
		ret->source_port = first->from.port;
}

static bool is_in_doubt(const struct passing *engine, const struct askers *askers)
{
	return askers->doubtful || engine->started <= engine->relayed->doubtful_until;
}

static bool names_asker(const struct record_relayed *found)
{
	return found->certainty == RELAYED_CERTAIN || found->certainty == RELAYED_LIKELY;
}

static void forget_upgrade(struct relayed *relayed, struct relayed_upgrade *upgrade)
{
	HASH_DEL(relayed->upgrades, upgrade);
	caller_unref((struct caller *)upgrade->found.caller);
	free(upgrade);
}

static struct relayed_upgrade *find_upgrade(struct relayed *relayed, uint64_t connection)
{
	struct relayed_upgrade *upgrade;

	HASH_FIND(hh, relayed->upgrades, &connection, sizeof(connection), upgrade);
	return upgrade;
}

static void keep_upgrade(struct passing *passing, const struct caller *relay)
{
	struct relayed *relayed = passing->relayed;
	struct relayed_upgrade *upgrade;

	if (!passing->upgrades || !names_asker(&passing->found) ||
	    find_upgrade(relayed, passing->connection))
		return;
	if (HASH_COUNT(relayed->upgrades) >= UPGRADES_MAX)
		forget_upgrade(relayed, relayed->upgrades);
	upgrade = calloc(1, sizeof(*upgrade));
	if (!upgrade)
		return;
	upgrade->connection = passing->connection;
	upgrade->relay = (struct process){.pid = relay->process.pid, .start = relay->process.start};
	upgrade->found = passing->found;
	upgrade->found.certainty = RELAYED_LIKELY;
	upgrade->found.basis = RELAYED_BY_CONNECTION;
	HASH_ADD(hh, relayed->upgrades, connection, sizeof(upgrade->connection), upgrade);
	if (upgrade->hh.tbl)
		caller_ref((struct caller *)upgrade->found.caller);
	else
		free(upgrade);
}

/* What the upgraded connection carries is his, as far as the relay does not pass on by it what others ask. */
static void take_upgrade(struct passing *engine, const struct caller *relay)
{
	const struct relayed_upgrade *upgrade = find_upgrade(engine->relayed, engine->connection);

	if (!upgrade || upgrade->relay.pid != relay->process.pid ||
	    upgrade->relay.start != relay->process.start)
		return;
	engine->found = upgrade->found;
	caller_ref((struct caller *)engine->found.caller);
}

/* RELAY sent ENGINE, which ASKERS may have asked for. */
static void decide_by_askers(struct passing *engine, const struct caller *relay,
			     const struct askers *askers)
{
	struct record_relayed *found = &engine->found;

	engine->decided = true;
	if (!is_of_any_relay(askers)) {
		take_upgrade(engine, relay);
		return;
	}
	found->basis = askers->whole ? RELAYED_BY_REQUEST : RELAYED_BY_HEAD;
	found->askers = askers->processes;
	if (is_in_doubt(engine, askers)) {
		found->certainty = RELAYED_UNKNOWN;
		return;
	}
	name_asker(askers, found);
	askers->first->taken = askers->whole && askers->requests == 1;
}

static void decide_whose(struct passing *engine, const struct caller *relay)
{
	struct askers askers = {0};

	if (!engine->by_engine)
		askers = find_askers(engine, relay);
	decide_by_askers(engine, relay, &askers);
}

static void tell_whose(const struct passing *passing)
{
	const struct reader *engines = passing->relayed->options.engines;

	if (passing->inner && passing->found.certainty)
		engines->relayed(passing->inner, &passing->found);
}

/* Of what was sent to its end the engine may tell what came of it before it answers. Where it is in doubt whose it is, more may be
 * known when it is answered. */
static void decide_early(struct passing *passing, const struct caller *relay)
{
	struct askers askers;

	if (passing->decided || passing->by_engine || !passing_is_whole(passing))
		return;
	askers = find_askers(passing, relay);
	if (!is_of_any_relay(&askers) || !askers.whole || is_in_doubt(passing, &askers))
		return;
	decide_by_askers(passing, relay, &askers);
	tell_whose(passing);
}

static void describe_relayed(struct passing *passing, bool complete, struct record *record)
{
	bool sent = record->caller && !record->candidate_count &&
		    record->caller->basis == CALLER_FROM_KERNEL;

	/* What is not there to its end when it begins may be so when it is answered. */
	if (sent && (complete || record->action != RECORD_API_STARTED) && !passing->decided) {
		decide_whose(passing, record->caller);
		tell_whose(passing);
	}
	if (sent)
		keep_upgrade(passing, record->caller);
	record->relayed = passing->found;
}

/* --- the reader ------------------------------------------------------------------------------- */

static void *begin_passing(void *data, const struct exchange *exchange, uint32_t socket)
{
	struct relayed *relayed = data;
	const struct reader *engines = relayed->options.engines;
	bool to_relay = relayed_has(relayed, socket);
	struct passing *passing;

	if (exchange->started > relayed->now)
		relayed->now = exchange->started;
	if (to_relay && (exchange->unseen || exchange->http.by_engine))
		return NULL;
	passing = calloc(1, sizeof(*passing));
	if (!passing)
		return NULL;
	*passing = (struct passing){.relayed = relayed,
				    .exchange = exchange,
				    .connection = exchange->carrier,
				    .started = exchange->started,
				    .to_relay = to_relay,
				    .by_engine = exchange->http.by_engine};
	passing->decided = exchange->unseen || !digest_head(exchange, passing->head);
	if (!to_relay) {
		passing->inner = engines->begin(engines->data, exchange, socket);
		return passing;
	}
	if (passing->decided) {
		free(passing);
		return NULL;
	}
	note_server(passing);
	LIST_INSERT_HEAD(bucket_of(relayed, passing), passing, in_bucket);
	forget_old(relayed);
	return passing;
}

static void read_passing(void *content, const char *bytes, size_t size)
{
	struct passing *passing = content;

	take_body(passing, bytes, size);
	if (passing->inner)
		passing->relayed->options.engines->request(passing->inner, bytes, size);
}

static void note_passing_gap(void *content)
{
	struct passing *passing = content;

	passing->gap = true;
	if (passing->inner)
		passing->relayed->options.engines->request_gap(passing->inner);
}

static bool passing_lends(const void *content)
{
	const struct passing *passing = content;

	return passing->inner && passing->relayed->options.engines->lends(passing->inner);
}

static void note_passing_sender(void *content, struct caller *caller)
{
	struct passing *passing = content;

	if (passing->to_relay && caller && !passing->caller)
		passing->caller = caller_ref(caller);
	if (passing->inner)
		passing->relayed->options.engines->sent(passing->inner, caller);
	if (!passing->to_relay && caller && caller->basis == CALLER_FROM_KERNEL)
		decide_early(passing, caller);
}

static bool note_passing_answer(void *content, int status, bool complete, bool certain,
				uint64_t time)
{
	struct passing *passing = content;

	if (certain && !passing->answered)
		passing->answered = time;
	passing->upgrades |= certain && status == STATUS_UPGRADED;
	return passing->inner && passing->relayed->options.engines->answered(
					 passing->inner, status, complete, certain, time);
}

static void read_passing_outcome(void *content, int outcome, bool complete, uint64_t time)
{
	struct passing *passing = content;

	if (passing->inner)
		passing->relayed->options.engines->outcome(passing->inner, outcome, complete, time);
}

static void read_passing_answer(void *content, const char *bytes, size_t size)
{
	struct passing *passing = content;

	if (passing->inner)
		passing->relayed->options.engines->response(passing->inner, bytes, size);
}

static bool passing_follows(const void *content)
{
	const struct passing *passing = content;

	return passing->inner && passing->relayed->options.engines->follows(passing->inner);
}

static bool note_passing_progress(void *content, const char *bytes, size_t size)
{
	struct passing *passing = content;

	return passing->inner &&
	       passing->relayed->options.engines->progress(passing->inner, bytes, size);
}

static void describe_passing(void *content, bool complete, struct record *record)
{
	struct passing *passing = content;

	if (passing->inner)
		passing->relayed->options.engines->describe(passing->inner, complete, record);
	if (!passing->to_relay)
		describe_relayed(passing, complete, record);
}

static void note_passing_written(void *content, enum record_action action)
{
	struct passing *passing = content;

	if (passing->inner)
		passing->relayed->options.engines->written(passing->inner, action);
}

static void describe_unread_passing(void *data, struct record *record)
{
	const struct reader *engines = ((struct relayed *)data)->options.engines;

	engines->describe_unread(engines->data, record);
}

static void note_passing_over(void *data, uint64_t connection, bool ended, uint64_t time)
{
	struct relayed *relayed = data;
	struct relayed_server *server = ended ? find_relay_server(relayed, connection) : NULL;
	struct relayed_upgrade *upgrade = ended ? find_upgrade(relayed, connection) : NULL;

	if (server)
		forget_server(relayed, server);
	if (upgrade)
		forget_upgrade(relayed, upgrade);
	relayed->options.engines->over(relayed->options.engines->data, connection, ended, time);
}

static size_t passing_memory(const void *content)
{
	const struct passing *passing = content;

	return sizeof(*passing) +
	       (passing->inner ? passing->relayed->options.engines->memory(passing->inner) : 0);
}

static void end_passing(void *content)
{
	struct passing *passing = content;

	if (passing->to_relay) {
		keep_over(passing);
		return;
	}
	if (passing->inner)
		passing->relayed->options.engines->end(passing->inner);
	leave_hash(passing);
	caller_unref((struct caller *)passing->found.caller);
	free(passing);
}

/* --- all of it -------------------------------------------------------------------------------- */

bool relayed_has(const struct relayed *relayed, uint32_t socket)
{
	return socket >= relayed->options.first &&
	       socket - relayed->options.first < relayed->options.count;
}

const struct reader *relayed_reader(const struct relayed *relayed)
{
	return &relayed->reader;
}

int relayed_new(const struct relayed_options *options, struct relayed **ret)
{
	struct relayed *relayed = calloc(1, sizeof(*relayed));

	if (!relayed)
		return -ENOMEM;
	relayed->options = *options;
	TAILQ_INIT(&relayed->answered);
	TAILQ_INIT(&relayed->left);
	relayed->reader = (struct reader){
		.data = relayed,
		.begin = begin_passing,
		.request = read_passing,
		.request_gap = note_passing_gap,
		.lends = passing_lends,
		.sent = note_passing_sender,
		.answered = note_passing_answer,
		.outcome = read_passing_outcome,
		.response = read_passing_answer,
		.follows = passing_follows,
		.progress = note_passing_progress,
		.describe = describe_passing,
		.written = note_passing_written,
		.describe_unread = describe_unread_passing,
		.over = note_passing_over,
		.memory = passing_memory,
		.end = end_passing,
	};
	*ret = relayed;
	return 0;
}

void relayed_free(struct relayed *relayed)
{
	if (!relayed)
		return;
	while (!TAILQ_EMPTY(&relayed->answered))
		forget_answered(relayed, true);
	while (!TAILQ_EMPTY(&relayed->left))
		forget_left(relayed, true);
	while (relayed->servers) /* NOLINTNEXTLINE: the analyzer loses track of the table */
		forget_server(relayed, relayed->servers);
	while (relayed->upgrades) /* NOLINTNEXTLINE: the same */
		forget_upgrade(relayed, relayed->upgrades);
	free(relayed);
}
