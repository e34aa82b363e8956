// SPDX-License-Identifier: Apache-2.0
#include "conversation/tracker.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/table.h"
#include "conversation/handover.h"
#include "conversation/multiplex.h"
#include "secret/mask.h"

/* The connections of one account. It is freed with the last of them. */
struct holder {
	uint64_t account;
	size_t memory;			    /* bytes that its connections are charged with */
	unsigned int count;		    /* of its connections */
	struct connection *newest, *oldest; /* of them, by activity */
	UT_hash_handle hh;
};

struct tracker {
	struct tracker_options options;
	struct holder *holders;		    /* by account */
	struct connection *table;	    /* by id */
	struct connection *newest, *oldest; /* by activity */
	struct connection *listed,
		**listed_end; /* connections that have a record to write, or ended, in that order */
	struct connection *first_open,
		*last_open; /* connections whose request has no answer yet, the oldest first */
	unsigned int count;
	struct tracker_stats stats; /* memory: of the connections alone */
	uint64_t inherited;	    /* connections up to this one may have been seen earlier */
};

void tracker_inherit(struct tracker *tracker, uint64_t last)
{
	tracker->inherited = last;
}

int tracker_new(const struct tracker_options *options, struct tracker **ret)
{
	struct tracker *tracker = calloc(1, sizeof(*tracker));

	if (!tracker)
		return -ENOMEM;
	tracker->options = *options;
	tracker->listed_end = &tracker->listed;
	*ret = tracker;
	return 0;
}

/* --- accounts --------------------------------------------------------------------------------- */

/* NULL: there is no memory. */
static struct holder *find_or_add_holder(struct tracker *tracker, uint64_t account)
{
	struct holder *holder;

	HASH_FIND(hh, tracker->holders, &account, sizeof(account), holder);
	if (holder)
		return holder;
	holder = calloc(1, sizeof(*holder));
	if (!holder)
		return NULL;
	holder->account = account;
	HASH_ADD(hh, tracker->holders, account, sizeof(holder->account), holder);
	if (holder->hh.tbl)
		return holder;
	free(holder);
	return NULL;
}

static void link_newest_of_holder(struct connection *connection)
{
	struct holder *holder = connection->holder;

	connection->older_of_holder = holder->newest;
	*(holder->newest ? &holder->newest->newer_of_holder : &holder->oldest) = connection;
	holder->newest = connection;
}

static void unlink_of_holder(struct connection *connection)
{
	struct connection *newer = connection->newer_of_holder,
			  *older = connection->older_of_holder;
	struct holder *holder = connection->holder;

	*(newer ? &newer->older_of_holder : &holder->newest) = older;
	*(older ? &older->newer_of_holder : &holder->oldest) = newer;
	connection->newer_of_holder = connection->older_of_holder = NULL;
}

static void take_from_holder(struct tracker *tracker, struct connection *connection)
{
	struct holder *holder = connection->holder;

	unlink_of_holder(connection);
	holder->memory -= connection->charge;
	connection->holder = NULL;
	if (--holder->count)
		return;
	HASH_DEL(tracker->holders, holder);
	free(holder);
}

static void give_to_holder(struct connection *connection, struct holder *holder)
{
	connection->holder = holder;
	connection->account = holder->account;
	holder->memory += connection->charge;
	holder->count++;
	link_newest_of_holder(connection);
}

/* Charges ACCOUNT for the connection from now on: that account acted on it last. */
static void change_holder(struct tracker *tracker, struct connection *connection, uint64_t account)
{
	struct holder *holder;

	if (!account || connection->holder->account == account)
		return;
	holder = find_or_add_holder(tracker, account);
	if (!holder)
		return;
	take_from_holder(tracker, connection);
	give_to_holder(connection, holder);
}

/* --- activity --------------------------------------------------------------------------------- */

static void unlink_activity(struct tracker *tracker, struct connection *connection)
{
	*(connection->newer ? &connection->newer->older : &tracker->newest) = connection->older;
	*(connection->older ? &connection->older->newer : &tracker->oldest) = connection->newer;
	connection->newer = connection->older = NULL;
}

static void tracker_link_newest(struct tracker *tracker, struct connection *connection)
{
	connection->older = tracker->newest;
	*(tracker->newest ? &tracker->newest->newer : &tracker->oldest) = connection;
	tracker->newest = connection;
}

/* Makes CONNECTION the most recently active one, of all and of its account. */
static void note_activity(struct tracker *tracker, struct connection *connection, uint64_t time)
{
	connection->active = time;
	unlink_activity(tracker, connection);
	tracker_link_newest(tracker, connection);
	unlink_of_holder(connection);
	link_newest_of_holder(connection);
}

static void tracker_list(struct tracker *tracker, struct connection *connection)
{
	if (connection->listed)
		return;
	connection->listed = true;
	connection->next_listed = NULL;
	*tracker->listed_end = connection;
	tracker->listed_end = &connection->next_listed;
}

static void tracker_unlist(struct tracker *tracker, struct connection *connection)
{
	struct connection **link = &tracker->listed;

	while (*link && *link != connection)
		link = &(*link)->next_listed;
	if (!*link)
		return;
	*link = connection->next_listed;
	if (tracker->listed_end == &connection->next_listed)
		tracker->listed_end = link;
	connection->listed = false;
}

/* Puts CONNECTION on the list of those whose request has no answer yet, if that is so. */
static void open_connection(struct tracker *tracker, struct connection *connection)
{
	const struct exchange *exchange = connection_unanswered(connection);

	if (connection->open || !exchange)
		return;
	connection->open = true;
	connection->open_since = exchange->started;
	connection->next_open = NULL;
	connection->previous_open = tracker->last_open;
	*(tracker->last_open ? &tracker->last_open->next_open : &tracker->first_open) = connection;
	tracker->last_open = connection;
}

static void close_connection(struct tracker *tracker, struct connection *connection)
{
	struct connection *next = connection->next_open, *previous = connection->previous_open;

	if (!connection->open)
		return;
	*(next ? &next->previous_open : &tracker->last_open) = previous;
	*(previous ? &previous->next_open : &tracker->first_open) = next;
	connection->open = false;
}

static void tracker_account(struct tracker *tracker, struct connection *connection)
{
	size_t size = connection_memory(connection);
	size_t charge = size + connection_callers_memory(connection);

	tracker->stats.memory += size - connection->memory;
	connection->memory = size;
	connection->holder->memory += charge - connection->charge;
	connection->charge = charge;
}

static void remove_connection(struct tracker *tracker, struct connection *connection)
{
	HASH_DEL(tracker->table, connection);
	unlink_activity(tracker, connection);
	close_connection(tracker, connection);
	take_from_holder(tracker, connection);
	tracker->stats.memory -= connection->memory;
	tracker->count--;
	if (connection->request.state == STREAM_OPAQUE && tracker->options.mute)
		tracker->options.mute(tracker->options.data, connection->id, 0);
	if (tracker->options.forgotten)
		tracker->options.forgotten(tracker->options.data, connection->id);
	connection_free(connection);
}

void tracker_free(struct tracker *tracker)
{
	if (!tracker)
		return;
	while (tracker->oldest)
		remove_connection(tracker, tracker->oldest);
	free(tracker);
}

static struct bytes tracker_socket_path(const struct tracker *tracker, uint32_t socket)
{
	const char *path;

	if (socket >= tracker->options.socket_count)
		return (struct bytes){};
	path = tracker->options.sockets[socket];
	return bytes_of(path);
}

/* Of TCP, where the connector is known the kernel says that it connected, not that it sends. */
static struct record_connection describe_connection(const struct connection *connection)
{
	struct record_connection described = {
		.id = connection->id,
		.preexisting = connection->flags & CALLERD_FLAG_PREEXISTING,
		.tcp = connection->tcp,
	};

	if (connection->tcp)
		described.basis = connection->connector		    ? "connected"
				  : connection_is_local(connection) ? NULL
								    : "address";
	return described;
}

static void write_record(struct tracker *tracker, struct record *record, uint32_t socket)
{
	record->connection.socket = tracker_socket_path(tracker, socket);
	tracker->options.record(tracker->options.data, record);
}

static void write_accept(struct tracker *tracker, struct connection *connection)
{
	struct record record = {
		.action = RECORD_SOCKET_CONNECTED,
		.time = connection->accepted,
		.caller = connection->connector,
		.account = connection->connector ? 0 : connection->holder->account,
		.connection = describe_connection(connection),
	};

	connection->accepted = 0;
	if (!connection->connector && connection_is_local(connection))
		record.incomplete |= RECORD_INCOMPLETE_CONNECTOR_LOST;
	write_record(tracker, &record, connection->door);
}

/* Writes that a connection over TCP came about, once what is first said there tells whether it can be read. */
static void write_accepted(struct tracker *tracker, struct connection *connection)
{
	if (connection->accepted)
		write_accept(tracker, connection);
}

/* Writes one of the records of EXCHANGE: ACTION says which. CALLER sent it; NULL: that is not known. */
static void write_exchange(struct tracker *tracker, struct connection *connection,
			   struct exchange *exchange, enum record_action action,
			   struct caller *caller)
{
	struct senders_found found;
	struct record record = {
		.action = action,
		.caller = caller,
		.account = caller ? 0 : connection->holder->account,
		.connection = describe_connection(connection),
	};

	if (!exchange->written) { /* a record of its end has the caller that was kept */
		connection_find_senders(connection, exchange, &found);
		if (found.count > 1 || (found.count && !caller)) {
			record.candidates = (const struct caller *const *)found.caller;
			record.candidate_count = found.count;
			record.candidates_cut = found.more;
		}
		exchange->described = found.time ?: connection->connected;
	}
	if (caller)
		record.described = exchange->described;
	if (!connection->connector && connection_is_local(connection))
		record.incomplete |= RECORD_INCOMPLETE_CONNECTOR_LOST;
	else if (connection->connector && !caller_same_image(record.caller, connection->connector))
		record.connector = connection->connector;
	exchange_describe(exchange, &record);
	write_record(tracker, &record, connection->door);
}

static void write_request(struct tracker *tracker, struct connection *connection,
			  struct exchange *exchange)
{
	struct caller *caller = connection_sender(connection, exchange);

	if (connection_sender_certain(connection, exchange))
		exchange_sent(exchange, caller);
	write_exchange(tracker, connection, exchange, RECORD_API_REQUEST, caller);
	exchange_written(exchange, RECORD_API_REQUEST, caller);
}

/* Writes that a request began. The marks of what is incomplete are taken back: the record of the answer may know better. */
static void write_start(struct tracker *tracker, struct connection *connection,
			struct exchange *exchange)
{
	unsigned int incomplete = exchange->incomplete;
	struct caller *caller = connection_sender(connection, exchange);

	if (!exchange->complete)
		exchange->incomplete |= RECORD_INCOMPLETE_UNFINISHED;
	write_exchange(tracker, connection, exchange, RECORD_API_STARTED, caller);
	exchange_written(exchange, RECORD_API_STARTED, caller);
	exchange->incomplete = incomplete;
	exchange->start_told = true;
}

/* Writes the beginning of each request that has waited for its answer longer than EXCHANGE_LONG. */
static void write_starts(struct tracker *tracker, uint64_t now)
{
	struct connection *connection;
	struct exchange *exchange;

	while ((connection = tracker->first_open) && now > connection->open_since + EXCHANGE_LONG) {
		close_connection(tracker, connection);
		exchange = connection_unanswered(connection);
		if (exchange && now > exchange->started + EXCHANGE_LONG)
			write_start(tracker, connection, exchange);
		open_connection(tracker, connection); /* its next request may be unanswered, too */
	}
}

/* Writes each finished request whose senders are known, or were waited for long enough. */
static void flush_connection(struct tracker *tracker, struct connection *connection, uint64_t now)
{
	struct exchange *exchange;

	while ((exchange = connection->finished)) {
		bool open = exchange->awaits_content || exchange->awaits_outcome ||
			    exchange->follows || !connection_sender_certain(connection, exchange);

		if (!exchange->written) {
			if (open && !connection->ended &&
			    now < exchange->finished + tracker->options.sender_wait)
				return;
			write_request(tracker, connection, exchange);
		}
		if (exchange_has_end(exchange))
			write_exchange(tracker, connection, exchange, RECORD_API_ENDED,
				       exchange->caller);
		connection_written(connection);
	}
}

static void tracker_mute(struct tracker *tracker, uint64_t connection, uint32_t bits)
{
	if (tracker->options.mute)
		tracker->options.mute(tracker->options.data, connection, bits);
}

/* The account with the most memory, or with the most connections. */
static const struct holder *find_greatest_holder(const struct tracker *tracker, bool by_memory)
{
	const struct holder *greatest = tracker->holders;

	for (const struct holder *one = greatest; one; one = one->hh.next)
		if (by_memory ? one->memory > greatest->memory : one->count > greatest->count)
			greatest = one;
	return greatest;
}

/* The connection to evict: the longest silent one of the account that takes most. Not KEEP, which is in use; KEEP may
 * be NULL. */
static struct connection *find_victim(const struct tracker *tracker, const struct connection *keep)
{
	bool by_memory = tracker->count <= tracker->options.connections_max;
	const struct holder *holder = find_greatest_holder(tracker, by_memory);
	struct connection *victim = holder ? holder->oldest : NULL;

	if (victim && victim == keep)
		victim = victim->newer_of_holder;
	if (victim)
		return victim;
	victim = tracker->oldest; /* KEEP is the only connection of that account */
	return victim && victim == keep ? victim->newer : victim;
}

static void tracker_evict(struct tracker *tracker, const struct connection *keep, uint64_t now)
{
	struct connection *victim = find_victim(tracker, keep);
	uint32_t bits = CALLERD_FORGOTTEN;
	uint64_t id;

	if (!victim)
		return;
	tracker->stats.evicted++;
	write_accepted(tracker, victim);
	connection_end(victim, now, RECORD_INCOMPLETE_EVICTED, NULL);
	if (tracker->options.evicted)
		tracker->options.evicted(tracker->options.data, victim->holder->account);
	flush_connection(tracker, victim, now);
	tracker_unlist(tracker, victim);
	if (victim->request.state == STREAM_OPAQUE) /* its bytes are not copied anyway */
		bits = CALLERD_MUTE_REQUEST | CALLERD_MUTE_RESPONSE;
	id = victim->id;
	remove_connection(tracker, victim);
	tracker_mute(tracker, id, bits);
}

static size_t tracker_memory(const struct tracker *tracker)
{
	return tracker->stats.memory + callers_memory();
}

static void tracker_make_room(struct tracker *tracker, const struct connection *keep, uint64_t now)
{
	while (tracker->count > 1 && (tracker->count > tracker->options.connections_max ||
				      tracker_memory(tracker) > tracker->options.memory_max))
		tracker_evict(tracker, keep, now);
}

/* Before any record: who sent what to a relay is known before what the relay passed on is told. */
static void tell_senders(struct connection *listed)
{
	for (struct connection *one = listed; one; one = one->next_listed) {
		connection_tell_sender(one);
		for (struct exchange *exchange = one->finished; exchange; exchange = exchange->next)
			if (!exchange->sender_told && !exchange->written &&
			    connection_sender_certain(one, exchange))
				exchange_sent(exchange, connection_sender(one, exchange));
	}
}

void tracker_flush(struct tracker *tracker, uint64_t now)
{
	struct connection *connection, *listed = tracker->listed;

	tracker->listed = NULL;
	tracker->listed_end = &tracker->listed;
	tell_senders(listed);
	while ((connection = listed)) {
		listed = connection->next_listed;
		connection->listed = false;
		flush_connection(tracker, connection, now);
		tracker_account(tracker, connection);
		if (connection->ended)
			remove_connection(tracker, connection);
		else if (connection->finished)
			tracker_list(tracker, connection);
	}
	write_starts(tracker, now);
	tracker_make_room(tracker, NULL,
			  now); /* the written records added rendered callers to the memory */
}

static struct connection *tracker_find(const struct tracker *tracker, uint64_t id)
{
	struct connection *connection;

	HASH_FIND(hh, tracker->table, &id, sizeof(id), connection);
	return connection;
}

static struct connection *find_or_add(struct tracker *tracker,
				      const struct callerd_event_header *header, uint32_t socket)
{
	struct connection *connection = tracker_find(tracker, header->connection);
	struct holder *holder;

	if (connection || !header->connection)
		return connection;
	connection = connection_new(header->connection, socket, header->flags, header->time);
	holder = connection ? find_or_add_holder(tracker, header->account) : NULL;
	if (!holder) {
		connection_free(connection);
		return NULL;
	}
	if (header->flags & CALLERD_FLAG_TCP) /* the ACCEPT event may be lost */
		connection->door = header->socket;
	if (header->type != CALLERD_EVENT_CONNECT && connection->id <= tracker->inherited)
		connection->inherited = 1U << CALLERD_REQUEST | 1U << CALLERD_RESPONSE;
	connection->unpaired = &tracker->stats.unpaired;
	connection->begun = tracker->options.begun;
	connection->data = tracker->options.data;
	connection->reader = tracker->options.reader;
	give_to_holder(connection, holder);
	HASH_ADD(hh, tracker->table, id, sizeof(connection->id), connection);
	if (!connection->hh.tbl) {
		take_from_holder(tracker, connection);
		connection_free(connection);
		return NULL;
	}
	tracker_link_newest(tracker, connection);
	tracker->count++;
	return connection;
}

void tracker_resume(struct tracker *tracker, uint64_t id, const struct callerd_handed *handed,
		    const struct callerd_handed_http2 *http2, struct caller *caller, uint64_t now)
{
	struct callerd_event_header header = {
		.connection = id,
		.account = handed->account,
		.socket = handed->socket,
		.flags = handed->flags,
	};
	struct connection *connection;

	connection = handover_is_sound(handed) && handed->socket < tracker->options.socket_count &&
				     !tracker_find(tracker, id)
			     ? find_or_add(tracker, &header, handed->socket)
			     : NULL;
	if (!connection) {
		caller_unref(caller);
		return;
	}
	connection->inherited = 0;
	connection->active = now;
	if (handover_take(connection, handed, http2, caller) == -ENOMEM)
		tracker->stats.no_memory++;
	tracker_account(tracker, connection);
}

void tracker_hand_over(struct tracker *tracker, uint64_t now,
		       void (*give)(void *data, uint64_t id, const struct callerd_handed *handed,
				    const struct callerd_handed_http2 *http2))
{
	static struct callerd_handed_http2 http2; /* large */
	struct connection *next;

	for (struct connection *one = tracker->oldest; one; one = next) {
		struct callerd_handed handed;

		next = one->newer;
		write_accepted(tracker, one);
		if (one->multiplex)
			multiplex_end(one, now, RECORD_INCOMPLETE_AGENT_STOPPED,
				      RECORD_END_AGENT_STOPPED);
		flush_connection(tracker, one, UINT64_MAX);
		if (!handover_give(one, &handed, &http2))
			continue;
		give(tracker->options.data, one->id, &handed, handed.http2 ? &http2 : NULL);
		tracker_unlist(tracker, one);
		one->request.state = STREAM_READ; /* it stays muted */
		remove_connection(tracker, one);
	}
	explicit_bzero(&http2, sizeof(http2)); /* header tables */
}

static void write_connected(struct tracker *tracker, const struct event *event, uint32_t socket)
{
	struct record record = {
		.action = RECORD_SOCKET_CONNECTED,
		.time = event->header->time,
		.caller = event->caller,
		.connection = {.id = event->header->connection},
	};

	write_record(tracker, &record, socket);
}

static void write_refused(struct tracker *tracker, const struct event *event, uint32_t socket)
{
	struct text masked = {0};
	struct record record = {
		.action = RECORD_SOCKET_REFUSED,
		.time = event->header->time,
		.caller = event->caller,
		.error = event->error,
		.address = event->address,
	};

	if (mask_text(&masked, event->address))
		record.address = text_since(&masked, 0);
	write_record(tracker, &record, socket);
	text_free(&masked);
}

static void mute_opaque(struct tracker *tracker, struct connection *connection, bool was_opaque)
{
	if (!was_opaque && connection->request.state == STREAM_OPAQUE && tracker->options.mute)
		tracker->options.mute(tracker->options.data, connection->id,
				      CALLERD_MUTE_REQUEST | CALLERD_MUTE_RESPONSE);
}

static void set_connector(struct connection *connection, const struct event *event)
{
	connection_set_connector(connection, caller_ref(event->caller));
	connection->connected = event->header->time;
}

static int add_sender(struct connection *connection, const struct event *event)
{
	struct sender sender = {
		.offset = event->offset,
		.span = event->span,
		.joins = event->header->flags & CALLERD_FLAG_OVERLAP,
		.caller = caller_ref(event->caller),
		.time = event->header->time,
	};

	connection->flags |= event->header->flags & (CALLERD_FLAG_OUT_OF_BAND | CALLERD_FLAG_CROWD);
	if (!connection->connector && event->header->flags & CALLERD_FLAG_CONNECTOR)
		set_connector(connection, event);
	return connection_add_sender(connection, sender);
}

static int connection_event(struct tracker *tracker, struct connection *connection,
			    const struct event *event)
{
	bool was_opaque = connection->request.state == STREAM_OPAQUE;
	int error = 0;

	switch (event->header->type) {
	case CALLERD_EVENT_CONNECT:
	case CALLERD_EVENT_PEER:
		set_connector(connection, event);
		break;
	case CALLERD_EVENT_ACCEPT:
		error = connection_accept(connection, event->accept);
		break;
	case CALLERD_EVENT_SENDER:
		error = add_sender(connection, event);
		break;
	case CALLERD_EVENT_DATA:
		error = connection_data(connection, event->data);
		mute_opaque(tracker, connection, was_opaque);
		break;
	case CALLERD_EVENT_SENT:
		if (event->sent->offset > connection->confirmed)
			connection->confirmed = event->sent->offset;
		break;
	case CALLERD_EVENT_END:
		connection_end(connection, event->header->time, 0, event->end);
		break;
	}
	return error;
}

static void take_in(struct tracker *tracker, const struct event *event, uint32_t socket)
{
	const struct callerd_event_header *header = event->header;
	struct connection *connection;

	/* An end or a count of bytes adds no connection: there is nothing to tell of one that was never seen. */
	connection = header->type == CALLERD_EVENT_END || header->type == CALLERD_EVENT_SENT
			     ? tracker_find(tracker, header->connection)
			     : find_or_add(tracker, header, socket);
	if (!connection) {
		tracker->stats.no_memory +=
			header->type != CALLERD_EVENT_END && header->type != CALLERD_EVENT_SENT;
		if (header->type == CALLERD_EVENT_END) /* the connection was evicted */
			tracker_mute(tracker, header->connection, 0);
		return;
	}
	if (header->type == CALLERD_EVENT_DATA || header->type == CALLERD_EVENT_END)
		write_accepted(tracker, connection);
	if (connection_event(tracker, connection, event))
		tracker->stats.no_memory++;
	if (connection->flags & CALLERD_FLAG_TLS)
		write_accepted(tracker, connection);
	change_holder(tracker, connection, header->account);
	note_activity(tracker, connection, header->time);
	if (connection->finished || connection->ended || connection_has_untold(connection))
		tracker_list(tracker, connection);
	open_connection(tracker, connection);
	tracker_account(tracker, connection);
	tracker_make_room(tracker, connection, header->time);
}

void tracker_event(struct tracker *tracker, const struct event *event, uint32_t socket)
{
	if (event->header->type == CALLERD_EVENT_REFUSED)
		write_refused(tracker, event, socket);
	else if (event->header->type == CALLERD_EVENT_CONNECT &&
		 !(event->header->flags & CALLERD_FLAG_TCP))
		write_connected(tracker, event, socket);
	if (event->header->type != CALLERD_EVENT_REFUSED && event->header->connection)
		take_in(tracker, event, socket);
	caller_unref(event->caller);
}

bool tracker_is_waiting(const struct tracker *tracker)
{
	return tracker->listed;
}

bool tracker_has_idle(const struct tracker *tracker, uint64_t now, uint64_t age)
{
	return tracker->oldest && tracker->oldest->active + age < now;
}

void tracker_survey_begin(struct tracker *tracker)
{
	/* Connections of another network namespace cannot be listed: only the kernel's event of their end counts. */
	for (struct connection *one = tracker->newest; one; one = one->older)
		one->surveyed = one->flags & CALLERD_FLAG_FOREIGN &&
				(!(one->flags & CALLERD_FLAG_TCP) || one->tcp);
}

void tracker_survey_seen(struct tracker *tracker, uint64_t id)
{
	struct connection *connection = tracker_find(tracker, id);

	if (connection)
		connection->surveyed = true;
}

/* Ends a connection whose end was not seen. Its time is not known: the daemon's last write stands for it. */
static void end_unnoticed(struct tracker *tracker, struct connection *connection, uint64_t now)
{
	struct callerd_totals totals = {.connection = connection->id};
	struct callerd_end_event end = {.header.time = now};

	write_accepted(tracker, connection);
	if (tracker->options.unnoticed)
		tracker->options.unnoticed(tracker->options.data, connection->id);
	if (!connection->current || !tracker->options.totals ||
	    !tracker->options.totals(tracker->options.data, &totals)) {
		connection_end(connection, now, 0, NULL);
		return;
	}
	end.received = totals.received;
	end.answered = totals.answered;
	end.answered_at = totals.answered_at;
	connection_end(connection, totals.answered_at ?: now, 0, &end);
}

void tracker_survey_end(struct tracker *tracker, uint64_t now)
{
	for (struct connection *one = tracker->oldest; one; one = one->newer) {
		if (one->surveyed || one->ended)
			continue;
		end_unnoticed(tracker, one, now);
		tracker_list(tracker, one);
	}
}

void tracker_close(struct tracker *tracker, uint64_t now)
{
	for (struct connection *one = tracker->oldest; one; one = one->newer) {
		write_accepted(tracker, one);
		if (!one->ended)
			connection_end(one, now, RECORD_INCOMPLETE_AGENT_STOPPED, NULL);
		tracker_list(tracker, one);
	}
	tracker_flush(tracker, now);
}

void tracker_stats(const struct tracker *tracker, struct tracker_stats *ret)
{
	*ret = tracker->stats;
	ret->memory = tracker_memory(tracker);
	ret->connections = tracker->count;
}
