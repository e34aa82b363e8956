// SPDX-License-Identifier: Apache-2.0
#include "fold/fold.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/hash.h"
#include "base/table.h"
#include "chain/key.h"
#include "docker/api/route.h"

#define HASH_SIZE 16
#define SEEN_SETS 1024
#define SEEN_WAYS 4
#define IDENTITIES 64
#define KNOWN 64
#define KNOWN_SIZE 512

enum fold_kind {
	FOLD_NOT,
	FOLD_READ,
	FOLD_CHECK, /* an event of a health check */
	FOLD_CONNECT,
	FOLD_REFUSED,
};

/* SHA-256 with a secret before it: whoever chooses what is hashed cannot make two texts collide, nor choose their set. */
struct fold_hash {
	unsigned char bytes[HASH_SIZE];
};

/* What was hashed: most records equal one of the last ones, and to compare them costs a tenth. */
struct fold_known {
	size_t common, size; /* of .text, what a group has in common, and all; 0: none */
	struct fold_hash group, hash;
	char text[KNOWN_SIZE];
};

/* A record that was told whole. */
struct fold_seen {
	struct fold_hash hash;
	uint64_t time;	/* 0: free */
	uint64_t group; /* the last one that counted an equal record */
};

/* A record that borrows nothing: its texts lie behind it. */
struct folded {
	struct record record;
	char texts[];
};

struct group {
	struct fold_hash hash;
	enum fold_kind kind;
	uint64_t number;
	uint64_t owed; /* records that were taken for it */
	uint64_t opened;
	bool begun; /* FOLD_REFUSED: what came within a moment of the first one was told */
	struct folded *kept;
	UT_hash_handle hh; /* in the order of opening */
};

/* A connect that is told unless its request is folded. */
struct held {
	uint64_t connection, since;
	struct folded *kept; /* NULL: the place is free */
};

struct fold {
	struct fold_options options;
	uint64_t pause;
	unsigned char secret[CHAIN_KEY_SIZE];
	struct fold_seen seen[SEEN_SETS][SEEN_WAYS];
	struct {
		uint64_t number; /* of the caller; 0: none */
		struct fold_hash hash;
	} identities[IDENTITIES];
	struct fold_known known[KNOWN];
	struct group *groups;
	uint64_t group_number;
	struct held held
		[FOLD_HELD_MAX]; /* by the numbers of the connections, which follow each other */
	unsigned int held_count;
	uint64_t held_last; /* the highest number that waited */
	struct text scratch;
	uint64_t taken, told;
};

CLEANUP_DEFINE(drop_fold, struct fold *, fold_free)

int fold_new(const struct fold_options *options, struct fold **ret)
{
	_cleanup_(drop_fold) struct fold *fold = calloc(1, sizeof(*fold));
	int error = fold ? key_random(fold->secret) : -ENOMEM;

	if (error)
		return error;
	fold->options = *options;
	*ret = take_ptr(fold);
	return 0;
}

/* --- what is alike ---------------------------------------------------------------------------- */

/* Of the first SIZE bytes of what was put. */
static bool fold_hash_first(struct fold *fold, size_t size, struct fold_hash *ret)
{
	unsigned char hash[CHAIN_HASH_SIZE];

	if (fold->scratch.error || key_hash((struct bytes){fold->scratch.data, size}, hash)) {
		text_free(&fold->scratch);
		return false;
	}
	memcpy(ret->bytes, hash, sizeof(ret->bytes));
	return true;
}

static bool fold_hash(struct fold *fold, struct fold_hash *ret)
{
	return fold_hash_first(fold, fold->scratch.size, ret);
}

static void fold_begin(struct fold *fold)
{
	text_cut(&fold->scratch, 0);
	text_add(&fold->scratch, (const char *)fold->secret, sizeof(fold->secret));
}

static void fold_put(struct fold *fold, const void *value, size_t size)
{
	text_add(&fold->scratch, value, size);
}

static void fold_put_number(struct fold *fold, uint64_t number)
{
	fold_put(fold, &number, sizeof(number));
}

/* With its size before it: what follows cannot be taken for a part of it. */
static void fold_put_text(struct fold *fold, struct bytes text)
{
	fold_put_number(fold, text.data ? text.size : UINT64_MAX);
	text_add_bytes(&fold->scratch, text);
}

/* What CALLER is. Most callers are asked for again and again. */
static bool fold_identity(struct fold *fold, const struct caller *caller, struct fold_hash *ret)
{
	uint64_t number = caller ? caller->shared.number : 0;
	unsigned int at = number % IDENTITIES;

	*ret = (struct fold_hash){0};
	if (!caller)
		return true;
	if (number && fold->identities[at].number == number) {
		*ret = fold->identities[at].hash;
		return true;
	}
	fold_begin(fold);
	caller_add_content(caller, &fold->scratch);
	if (!fold_hash(fold, ret))
		return false;
	fold->identities[at].number = number;
	fold->identities[at].hash = *ret;
	return true;
}

/* Whether EVENT is of an exec that did not end well, as far as is known. */
static bool is_failure(const struct record_event *event)
{
	return event->act == ACTION_EXEC_DIE && (!event->has_exit_code || event->exit_code);
}

/* Who is behind the caller: most callers are in no container. */
static void fold_put_makers(struct fold *fold, const struct record *record)
{
	unsigned int known = 0;

	for (unsigned int i = 0; i < RECORD_MAKERS; i++)
		known |= (unsigned int)(record->makers[i].caller != NULL) << i;
	fold_put_number(fold, known);
	for (unsigned int i = 0; known >> i; i++) {
		if (!(known >> i & 1))
			continue;
		fold_put_text(fold, record->makers[i].event_id);
		fold_put_text(fold, record->makers[i].behind_id);
	}
}

/* What all that is told in one record has in common. */
static void fold_put_common(struct fold *fold, enum fold_kind kind, const struct record *record,
			    const struct fold_hash callers[3])
{
	fold_begin(fold);
	fold_put_number(fold, kind);
	fold_put(fold, callers, 3 * sizeof(*callers));
	fold_put_number(fold, record->action);
	fold_put_number(fold, record->level);
	fold_put_number(fold, record->connection.preexisting);
	fold_put_text(fold, record->connection.socket);
	fold_put_text(fold, record->container_name);
	fold_put_text(fold, record->container_image);
	fold_put_makers(fold, record);
	fold_put_number(fold, record->relayed.certainty);
	fold_put_number(fold, record->relayed.basis);
	fold_put_number(fold, record->relayed.askers);
	fold_put_text(fold, bytes_of(record->relayed.source));
	fold_put_text(fold, bytes_of(record->api.expected_rule));
	fold_put_number(fold, record->api.engine);
	fold_put_number(fold, record->api.operation);
	fold_put_number(fold, record->api.target_type);
	fold_put_text(fold, record->http.method);
	fold_put_number(fold, (uint64_t)record->http.version_minor);
	fold_put_number(fold, record->http.http2);
	fold_put_number(fold, (uint64_t)record->http.status);
	fold_put_number(fold, (uint64_t)record->error);
	fold_put_text(fold, record->address);
	if (kind != FOLD_CHECK)
		return;
	fold_put_text(fold, record->event.id);
	fold_put_text(fold, record->event.name);
	fold_put_text(fold, record->event.image);
	fold_put_number(fold, is_failure(&record->event));
	fold_put_number(fold, (uint64_t)record->event.exit_code);
}

/* What else makes two records equal. */
static void fold_put_rest(struct fold *fold, const struct record *record)
{
	const struct record_http *http = &record->http;
	const struct record_api *api = &record->api;
	const struct record_event *event = &record->event;

	fold_put_text(fold, http->target);
	fold_put_text(fold, http->user_agent);
	fold_put_text(fold, http->mime_type);
	fold_put_text(fold, api->version);
	fold_put_text(fold, api->target_id);
	fold_put_text(fold, api->target_name);
	fold_put_text(fold, api->target_image);
	fold_put_text(fold, api->container_id);
	fold_put_text(fold, api->container_name);
	fold_put_number(fold, event->act);
	fold_put_text(fold, event->action);
	fold_put_text(fold, event->command);
	fold_put_number(fold, event->has_exit_code);
	fold_put_number(fold, (uint64_t)event->exit_code);
}

/* Hashes what was put, of which the first COMMON bytes are those of a group. */
static bool fold_hash_both(struct fold *fold, size_t common, struct fold_hash *ret_group,
			   struct fold_hash *ret)
{
	struct bytes text = text_since(&fold->scratch, 0);
	struct fold_known *place;

	place = &fold->known[hash_add_fast(0, text.data, text.size) % KNOWN];
	if (!fold->scratch.error && text.size == place->size && common == place->common &&
	    !memcmp(text.data, place->text, text.size)) {
		*ret_group = place->group;
		*ret = place->hash;
		return true;
	}
	if (!fold_hash_first(fold, common, ret_group) || !fold_hash(fold, ret))
		return false;
	if (text.size > sizeof(place->text))
		return true;
	place->common = common;
	place->size = text.size;
	place->group = *ret_group;
	place->hash = *ret;
	memcpy(place->text, text.data, text.size);
	return true;
}

/* *RET_GROUP: of all that is told in one record; *RET: of equal records. */
static bool fold_hashes(struct fold *fold, enum fold_kind kind, const struct record *record,
			struct fold_hash *ret_group, struct fold_hash *ret)
{
	const struct caller *connector =
		record->connector == record->caller ? NULL : record->connector;
	struct fold_hash callers[3];
	size_t common;

	if (!fold_identity(fold, record->caller, &callers[0]) ||
	    !fold_identity(fold, connector, &callers[1]) ||
	    !fold_identity(fold, record->relayed.caller, &callers[2]))
		return false;
	fold_put_common(fold, kind, record, callers);
	common = fold->scratch.size;
	fold_put_rest(fold, record);
	return fold_hash_both(fold, common, ret_group, ret);
}

/* --- what may be folded ----------------------------------------------------------------------- */

/* Whether RECORD tells nothing but who did what: no finding, no doubt. */
static bool is_foldable(const struct record *record)
{
	return !record->incomplete && !record->candidate_count && !record->api.finding_count &&
	       !record->api.fact_count && !record->cause.finding_count && !record->server;
}

static bool is_polled(enum operation operation)
{
	const struct route *route = route_of(operation_docker(operation));

	return route && route->polled;
}

/* Whether RECORD is of an answer that came soon enough to be no news, or of a request that has none yet. */
static bool is_timely(const struct record *record)
{
	const struct record_http *http = &record->http;

	if (record->action == RECORD_API_STARTED)
		return !http->status;
	return http->status >= 200 && http->status != 401 && http->status != 403 &&
	       !http->status_unsure && http->has_duration && http->duration < FOLD_SLOW;
}

static bool is_read(const struct record *record)
{
	const struct record_http *http = &record->http;

	return record->caller && record->connection.request &&
	       (http->verb == METHOD_GET || http->verb == METHOD_HEAD) &&
	       is_polled(record->api.operation) && is_timely(record) && !http->request_bytes &&
	       !http->anomalies && !http->parse_error && !http->target_truncated &&
	       !http->upgraded && !http->grpc && !http->by_engine;
}

static bool is_check(const struct record *record)
{
	const struct record_event *event = &record->event;

	return !record->caller && record->cause.kind == CAUSE_DAEMON &&
	       record->cause.reason == REASON_HEALTH_CHECK && !record->cause.operation &&
	       !event->recovered && event->id.size &&
	       (event->act == ACTION_EXEC_CREATE || event->act == ACTION_EXEC_START ||
		event->act == ACTION_EXEC_DIE);
}

static enum fold_kind kind_of(const struct record *record)
{
	if (!is_foldable(record))
		return FOLD_NOT;
	switch (record->action) {
	case RECORD_API_STARTED:
	case RECORD_API_REQUEST:
		return is_read(record) ? FOLD_READ : FOLD_NOT;
	case RECORD_DOCKER_EVENT:
		return is_check(record) ? FOLD_CHECK : FOLD_NOT;
	case RECORD_SOCKET_CONNECTED:
		return record->caller && record->connection.id ? FOLD_CONNECT : FOLD_NOT;
	case RECORD_SOCKET_REFUSED:
		return record->caller && !record->refused_count ? FOLD_REFUSED : FOLD_NOT;
	default:
		return FOLD_NOT;
	}
}

/* --- records that are kept -------------------------------------------------------------------- */

#define KEPT(member) offsetof(struct record, member)
#define KEPT_MAKER(at)                                                                             \
	KEPT(makers[at].event_id), KEPT(makers[at].container_name), KEPT(makers[at].behind_id)

static const size_t kept_texts[] = {
	KEPT(connection.socket),   KEPT(http.method),
	KEPT(http.target),	   KEPT(http.user_agent),
	KEPT(http.mime_type),	   KEPT(api.version),
	KEPT(api.target_id),	   KEPT(api.target_name),
	KEPT(api.target_image),	   KEPT(api.container_id),
	KEPT(api.container_name),  KEPT(event.type),
	KEPT(event.action),	   KEPT(event.id),
	KEPT(event.name),	   KEPT(event.image),
	KEPT(event.command),	   KEPT(container_name),
	KEPT(container_image),	   KEPT(address),
	KEPT(container_labels),	   KEPT(api.target_labels),
	KEPT_MAKER(MAKER_CREATED), KEPT_MAKER(MAKER_STARTED),
	KEPT_MAKER(MAKER_EXEC),	   KEPT_MAKER(MAKER_BEHIND),
};
static_assert(RECORD_MAKERS == 4, "all are kept");

/* Those of them that the records of a group need not have in common. */
static const size_t texts_of_one[] = {
	KEPT(http.target),	  KEPT(http.user_agent),   KEPT(http.mime_type),
	KEPT(api.version),	  KEPT(api.target_id),	   KEPT(api.target_name),
	KEPT(api.target_image),	  KEPT(api.target_labels), KEPT(api.container_id),
	KEPT(api.container_name), KEPT(event.command),
};

static struct bytes *folded_text(const struct record *record, size_t offset)
{
	return (struct bytes *)((char *)record + offset);
}

/* What RECORD tells, but for what is of that one alone. */
static struct record common_of(const struct record *record)
{
	struct record common = {
		.action = record->action,
		.level = record->level,
		.time = record->time,
		.caller = record->caller,
		.connector = record->connector,
		.described = record->described,
		.connection = record->connection,
		.http = record->http,
		.api = record->api,
		.event = record->event,
		.cause.kind = record->cause.kind,
		.cause.basis = record->cause.basis,
		.cause.reason = record->cause.reason,
		.container_name = record->container_name,
		.container_image = record->container_image,
		.container_labels = record->container_labels,
		.error = record->error,
		.address = record->address,
		.account = record->account,
	};

	memcpy(common.makers, record->makers, sizeof(common.makers));
	common.relayed = record->relayed;
	common.relayed.source_port = 0; /* each has its own */
	common.connection.tcp = NULL;	/* each has its own port */
	/* Of a read there are none of these. */
	common.http.service = common.http.method_name = common.http.namespace = (struct bytes){0};
	common.event.container_id = common.event.container_name = common.event.exec_id =
		common.event.health = common.event.signal = (struct bytes){0};
	common.api.facts = NULL;
	common.api.findings = NULL;
	common.api.techniques = NULL;
	common.api.technique_count = 0;
	return common;
}

static void refer_to_callers(const struct record *record, struct caller *(*refer)(struct caller *))
{
	refer((struct caller *)record->caller);
	refer((struct caller *)record->connector);
	refer((struct caller *)record->relayed.caller);
	for (unsigned int i = 0; i < RECORD_MAKERS; i++) {
		refer((struct caller *)record->makers[i].caller);
		refer((struct caller *)record->makers[i].behind);
	}
}

/* A copy; NULL: no memory. */
static struct folded *keep_folded(const struct record *record)
{
	struct bytes rule = bytes_of(record->api.expected_rule);
	size_t size = rule.size + 1;
	struct folded *kept;
	char *at;

	for (size_t i = 0; i < COUNT(kept_texts); i++)
		size += folded_text(record, kept_texts[i])->size;
	kept = malloc(sizeof(*kept) + size);
	if (!kept)
		return NULL;
	kept->record = common_of(record);
	at = kept->texts;
	for (size_t i = 0; i < COUNT(kept_texts); i++) {
		struct bytes *text = folded_text(&kept->record, kept_texts[i]);

		if (text->size)
			memcpy(at, text->data, text->size);
		*text = (struct bytes){text->size ? at : NULL, text->size};
		at += text->size;
	}
	if (rule.data)
		kept->record.api.expected_rule = memcpy(at, rule.data, rule.size + 1);
	refer_to_callers(&kept->record, caller_ref);
	return kept;
}

static void folded_free(struct folded *kept)
{
	if (!kept)
		return;
	refer_to_callers(&kept->record, caller_unref);
	free(kept);
}

/* --- groups ----------------------------------------------------------------------------------- */

static void fold_tell(struct fold *fold, struct record *record, uint64_t owed)
{
	fold->told++;
	fold->options.tell(fold->options.data, record, owed);
}

/* What the ones that GROUP stands for do not have in common is not told. */
static void tell_group(struct fold *fold, struct group *group)
{
	struct record *record = &group->kept->record;

	/* A single one is told as it was. */
	if (record->refused_count == 1)
		record->refused_count = record->refused_first = record->refused_last = 0;
	record->connection.id = record->connection.request = 0;
	record->http.has_request_bytes = record->http.has_response_bytes = false;
	record->event.time = 0;
	if (record->fold_different > 1)
		for (size_t i = 0; i < COUNT(texts_of_one); i++)
			*folded_text(record, texts_of_one[i]) = (struct bytes){0};
	if (record->fold_different > 1 && !is_failure(&record->event)) {
		record->event.act = ACTION_OTHER;
		record->event.action = (struct bytes){0};
		record->event.has_exit_code = false;
	}
	fold_tell(fold, record, group->owed);
}

/* Writes what GROUP, of refused connects, has so far. More may follow. */
static void tell_begun(struct fold *fold, struct group *group, uint64_t now)
{
	struct record *record = &group->kept->record;

	tell_group(fold, group);
	record->refused_count = record->refused_first = record->refused_last = 0;
	group->owed = 0;
	group->begun = true;
	group->opened = now;
}

/* Writes GROUP, which is no more. */
static void group_end(struct fold *fold, struct group *group)
{
	HASH_DEL(fold->groups, group);
	if (group->owed)
		tell_group(fold, group);
	folded_free(group->kept);
	free(group);
}

static struct group *group_find(struct fold *fold, const struct fold_hash *hash)
{
	struct group *group;

	HASH_FIND(hh, fold->groups, hash, sizeof(*hash), group);
	return group;
}

/* Returns NULL where there is no memory. */
static struct group *group_new(struct fold *fold, const struct fold_hash *hash, enum fold_kind kind,
			       const struct record *record, uint64_t now)
{
	struct group *group;

	if (HASH_COUNT(fold->groups) == FOLD_GROUPS_MAX)
		group_end(fold, fold->groups);
	group = calloc(1, sizeof(*group));
	if (!group)
		return NULL;
	group->hash = *hash;
	group->kind = kind;
	group->number = ++fold->group_number;
	group->opened = now;
	group->kept = keep_folded(record);
	if (group->kept)
		HASH_ADD(hh, fold->groups, hash, sizeof(group->hash), group);
	if (!group->kept || !group->hh.tbl) {
		folded_free(group->kept);
		free(group);
		return NULL;
	}
	return group;
}

/* From FIRST to LAST, with TIME. Records need not come in the order of their times: rings are read one after the other, and what
 * began first may end last. */
static void extend_span(uint64_t *first, uint64_t *last, uint64_t time)
{
	if (!*first || time < *first)
		*first = time;
	if (time > *last)
		*last = time;
}

static void group_count(struct fold *fold, struct group *group, const struct record *record)
{
	struct record *told = &group->kept->record;

	fold->taken++;
	group->owed++;
	if (group->kind == FOLD_REFUSED) {
		told->refused_count++;
		extend_span(&told->refused_first, &told->refused_last, record->time);
	} else {
		told->fold_count++;
		extend_span(&told->fold_first, &told->fold_last, record->time);
	}
	if (record->time > told->time || (group->owed == 1))
		told->time = record->time;
	told->described = record->described;
	if (record->http.duration > told->http.duration)
		told->http.duration = record->http.duration;
}

/* --- connects --------------------------------------------------------------------------------- */

/* The place of the connect of CONNECTION. */
static struct held *held_place(struct fold *fold, uint64_t connection)
{
	return &fold->held[connection % FOLD_HELD_MAX];
}

/* The connect of CONNECTION, where it waits: it does no longer. */
static struct folded *take_connect(struct fold *fold, uint64_t connection)
{
	struct held *held = held_place(fold, connection);

	if (!held->kept || held->connection != connection)
		return NULL;
	fold->held_count--;
	return take_ptr(held->kept);
}

static void release_connect(struct fold *fold, uint64_t connection)
{
	struct folded *kept = take_connect(fold, connection);

	if (!kept)
		return;
	fold_tell(fold, &kept->record, 1);
	folded_free(kept);
}

/* Those that came at SINCE or before it, in the order of the connections. */
static void release_connects(struct fold *fold, uint64_t since)
{
	uint64_t last = fold->held_last;

	for (uint64_t ago = FOLD_HELD_MAX; fold->held_count && ago--;) {
		const struct held *held = held_place(fold, last - ago);

		if (held->kept && held->since <= since)
			release_connect(fold, held->connection);
	}
}

static bool hold_connect(struct fold *fold, const struct record *record, uint64_t now)
{
	uint64_t connection = record->connection.id;
	struct held *held = held_place(fold, connection);

	if (held->kept)
		return false;
	*held = (struct held){connection, now, keep_folded(record)};
	if (!held->kept)
		return false;
	if (connection > fold->held_last)
		fold->held_last = connection;
	fold->held_count++;
	fold->taken++;
	return true;
}

/* --- taking ----------------------------------------------------------------------------------- */

/* The entry of HASH; *KNOWN: an equal record was told within the hour. Else it is told now. */
static struct fold_seen *seen_find(struct fold *fold, const struct fold_hash *hash, uint64_t now,
				   bool *known)
{
	struct fold_seen *set = fold->seen[(hash->bytes[0] | hash->bytes[1] << 8) % SEEN_SETS];
	struct fold_seen *oldest = set;

	*known = false;
	for (unsigned int i = 0; i < SEEN_WAYS; i++) {
		struct fold_seen *seen = &set[i];

		if (seen->time && !memcmp(&seen->hash, hash, sizeof(*hash))) {
			*known = now < seen->time + FOLD_AGAIN;
			if (!*known)
				seen->time = now;
			return seen;
		}
		if (seen->time < oldest->time)
			oldest = seen;
	}
	*oldest = (struct fold_seen){.hash = *hash, .time = now};
	return oldest;
}

/* A refused connect is told a moment later, with those that came in that moment and equal it but for the thread: a client
 * tries several times. Those that go on to follow it are told when they end. */
static bool take_refused(struct fold *fold, const struct fold_hash *hash,
			 const struct record *record, uint64_t now)
{
	struct group *group =
		group_find(fold, hash) ?: group_new(fold, hash, FOLD_REFUSED, record, now);

	if (group)
		group_count(fold, group, record);
	return group;
}

/* Counts RECORD, which equals one that SEEN stands for, and the connect that waits for it. */
static bool take_equal(struct fold *fold, enum fold_kind kind, const struct fold_hash *hash,
		       struct fold_seen *seen, const struct record *record, uint64_t now)
{
	struct group *group = group_find(fold, hash) ?: group_new(fold, hash, kind, record, now);
	struct folded *connect;

	if (!group)
		return false;
	group_count(fold, group, record);
	if (seen->group != group->number)
		group->kept->record.fold_different++;
	seen->group = group->number;
	connect = take_connect(fold, record->connection.id);
	if (connect) {
		group->kept->record.fold_connections++;
		group->owed++;
		folded_free(connect);
	}
	return true;
}

static bool take_alike(struct fold *fold, enum fold_kind kind, const struct record *record,
		       uint64_t now)
{
	struct fold_hash group, hash;
	struct fold_seen *seen;
	bool known;

	if (!fold_hashes(fold, kind, record, &group, &hash))
		return false;
	if (kind == FOLD_REFUSED)
		return take_refused(fold, &hash, record, now);
	seen = seen_find(fold, &hash, now, &known);
	if (!known)
		return false;
	return kind == FOLD_CONNECT ? hold_connect(fold, record, now)
				    : take_equal(fold, kind, &group, seen, record, now);
}

bool fold_take(struct fold *fold, const struct record *record, uint64_t now)
{
	enum fold_kind kind = fold->pause ? kind_of(record) : FOLD_NOT;

	if (kind != FOLD_NOT && take_alike(fold, kind, record, now))
		return true;
	release_connect(fold, record->connection.id);
	return false;
}

/* --- writing ---------------------------------------------------------------------------------- */

/* Whether GROUP has come to its end. */
static bool is_group_over(const struct fold *fold, const struct group *group, uint64_t now)
{
	if (group->kind == FOLD_REFUSED)
		return now >= group->kept->record.time + FOLD_BURST;
	return now >= group->opened + fold->pause;
}

/* Whether refused connects that may go on are to be told now. */
static bool is_begun(const struct fold *fold, const struct group *group, uint64_t now)
{
	return group->kind == FOLD_REFUSED && group->owed &&
	       now >= group->opened + (group->begun ? fold->pause : FOLD_BURST);
}

void fold_forget(struct fold *fold)
{
	memset(fold->seen, 0, sizeof(fold->seen));
}

void fold_run(struct fold *fold, uint64_t now)
{
	struct group *group, *next;

	if (now >= FOLD_HOLD)
		release_connects(fold, now - FOLD_HOLD);
	HASH_ITER(hh, fold->groups, group, next)
	{
		if (is_group_over(fold, group, now))
			group_end(fold, group);
		else if (is_begun(fold, group, now))
			tell_begun(fold, group, now);
	}
}

void fold_flush(struct fold *fold)
{
	fold_forget(fold);
	release_connects(fold, UINT64_MAX);
	while (fold->groups)
		group_end(fold, fold->groups);
}

void fold_set(struct fold *fold, uint64_t pause)
{
	if (fold->pause == pause)
		return;
	fold_flush(fold);
	fold->pause = pause;
}

uint64_t fold_taken(const struct fold *fold)
{
	return fold->taken;
}

uint64_t fold_told(const struct fold *fold)
{
	return fold->told;
}

void fold_free(struct fold *fold)
{
	if (!fold)
		return;
	for (unsigned int i = 0; i < FOLD_HELD_MAX; i++)
		folded_free(fold->held[i].kept);
	while (fold->groups) {
		struct group *group = fold->groups;

		HASH_DEL(fold->groups, group);
		folded_free(group->kept);
		free(group);
	}
	text_free(&fold->scratch);
	free(fold);
}
