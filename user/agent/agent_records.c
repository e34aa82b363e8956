// SPDX-License-Identifier: Apache-2.0
/* What becomes of records and losses. */
#include "agent/agent_parts.h"

#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "broker/broker.h"

static void put_record(struct agent *agent, struct record *record)
{
	record->sequence = ++capture_legacy(agent->capture)->sequence;
	status_count(agent->status, record->action);
	self_test_note(agent->self_test, record);
	if (outputs_put(agent->outputs, record, host_context(agent->host)))
		agent->no_memory++;
	status_show(agent->status, record);
}

/* Whether the engine at a watched socket speaks Docker's API. */
bool agent_is_docker(void *data, unsigned int socket)
{
	const struct agent *agent = data;

	return socket < agent->options.socket_count || socket >= agent->given;
}

/* Whether the caller is the program NAME in the unit UNIT: root named that, and the host has the program where it seems to be. */
static bool agent_is_service(struct agent *agent, const struct caller *caller, const char *unit,
			     const char *name)
{
	struct callerd_node_key file = caller_file(caller);
	const struct process *process = &caller->process;

	return bytes_are(caller_unit(caller), unit) &&
	       bytes_are(bytes_basename(process->executable), name) &&
	       !process->executable_deleted && !process->executable_exchanged &&
	       programs_is(agent->programs, agent->capture, process->executable, &file,
			   clock_now(CLOCK_BOOTTIME));
}

/* Whether CALLER is an engine that works by way of containerd. What it is called proves nothing: it is the process that serves a
 * watched socket of root's, or a service of systemd's. */
static bool agent_is_engine(struct agent *agent, const struct caller *caller)
{
	if (!caller || caller->basis != CALLER_FROM_KERNEL || caller->process.euid || caller->uid ||
	    caller_may_be_contained(caller) || !engines_is_beside(agent->engines, caller))
		return false;
	for (unsigned int i = 0; i < agent->socket_count; i++)
		if (agent_is_docker(agent, i) && !agent->owners[i] &&
		    servers_has(agent->servers, i, caller->process.pid, caller->process.start))
			return true;
	return agent_is_service(agent, caller, "docker.service", "dockerd") ||
	       agent_is_service(agent, caller, "kubelet.service", "kubelet");
}

unsigned int agent_first_relay(const struct agent *agent)
{
	return agent->options.socket_count + agent->options.containerd_count;
}

/* Whether RECORD is of what an engine does with containerd, all day long. Who asked the engine for it has records of his own. */
static bool agent_is_routine(struct agent *agent, const struct record *record)
{
	bool of_containerd = false;

	if (agent->options.engine_calls || !record_is_request(record) || record->candidate_count)
		return false;
	for (unsigned int i = agent->options.socket_count; i < agent_first_relay(agent); i++)
		of_containerd |= bytes_are(record->connection.socket, agent->sockets[i]);
	return of_containerd && agent_is_engine(agent, record->caller);
}

/* Whether RECORD is of what a relay was asked, which the records of what it passed on tell. */
static bool agent_is_of_relay(const struct agent *agent, const struct record *record)
{
	bool found = false;

	if (!record_is_request(record) && record->action != RECORD_SOCKET_CONNECTED)
		return false;
	for (unsigned int i = agent_first_relay(agent); i < agent->given; i++)
		found |= bytes_are(record->connection.socket, agent->sockets[i]);
	return found;
}

/* How CALLER serves others. Who asked an engine has records of his own; and we ask for ourselves. */
enum relayed_basis agent_serves(void *data, const struct caller *caller)
{
	struct agent *agent = data;
	enum relayed_basis how;

	if (caller->process.pid == (uint32_t)(broker_pid() ?: getpid()))
		return RELAYED_BY_NOTHING;
	how = servants_find(agent->servants, caller, clock_now(CLOCK_BOOTTIME));
	return how && agent_is_engine(agent, caller) ? RELAYED_BY_NOTHING : how;
}

/* Of what a caller asks that serves others it is told that it may be somebody else's. */
static void agent_tell_servant(struct agent *agent, struct record *record)
{
	enum relayed_basis how = RELAYED_BY_NOTHING;

	if (record->caller && !record->relayed.certainty && record_is_request(record))
		how = agent_serves(agent, record->caller);
	if (how)
		record->relayed =
			(struct record_relayed){.certainty = RELAYED_UNKNOWN, .basis = how};
}

void agent_on_record(void *data, struct record *record)
{
	struct agent *agent = data;
	struct callerd_legacy *legacy = capture_legacy(agent->capture);
	bool is_test;

	if (agent_is_of_relay(agent, record)) {
		legacy->told += record->action == RECORD_API_REQUEST && record->connection.request;
		return;
	}
	if (record->action == RECORD_SOCKET_CONNECTED)
		record->server = agent->news;
	is_test = self_test_is_call(agent->self_test, record);
	agent_tell_servant(agent, record);
	if (record->action !=
	    RECORD_DOCKER_EVENT) /* a docker-event has its caller as described with the request */
		engines_describe_caller(agent->engines, record);
	if (!is_test)
		record->level = levels_of(agent->levels, options_full_from(&agent->options), record,
					  host_context(agent->host));
	if (agent_is_routine(agent, record))
		record->level = LEVEL_NONE;
	fold_set(agent->fold, options_fold(&agent->options));
	if (record->level != LEVEL_NONE && !is_test &&
	    fold_take(agent->fold, record, clock_now(CLOCK_BOOTTIME))) {
		legacy->begun += record->action != RECORD_API_REQUEST;
		return;
	}
	status_count_level(agent->status, record->level);
	if (record->level != LEVEL_NONE)
		put_record(agent, record);
	if (record->action == RECORD_API_REQUEST && record->connection.request)
		legacy->told++;
}

/* A record that stands for COUNT others: an agent that is killed before owes them. */
void agent_on_folded(void *data, struct record *record, uint64_t count)
{
	struct agent *agent = data;

	status_count_level(agent->status, record->level);
	put_record(agent, record);
	capture_legacy(agent->capture)->told += count;
}

/* Writes what is told by a count. */
void agent_unfold(struct agent *agent)
{
	fold_flush(agent->fold);
	status_note_folded(agent->status, fold_taken(agent->fold), fold_told(agent->fold));
}

void agent_on_begun(void *data, bool taken_back)
{
	((struct agent *)data)->begun += taken_back ? -1 : 1;
}

/* Counts the requests that began with the events that were read. An event that is at hand when the agent is killed is read
 * by the next one. */
void agent_note_begun(struct agent *agent)
{
	capture_legacy(agent->capture)->begun += agent->begun;
	agent->begun = 0;
}

void agent_write_started(struct agent *agent)
{
	struct record_output outputs[OUTPUTS_MAX];
	struct record record = {
		.action = RECORD_AGENT_STARTED,
		.time = clock_now(CLOCK_BOOTTIME),
		.backend = capture_backend_name(agent->capture),
		.backend_reason = agent->backend_reason,
		.sockets = agent->sockets,
		.outputs = outputs,
		.output_count = outputs_describe(agent->outputs, outputs),
	};

	agent_on_record(agent, &record);
}

static bool is_of_refused(enum loss loss)
{
	return loss == LOSS_UNRESOLVED || loss == (enum loss)CALLERD_LOSS_REFUSED;
}

/* ACCOUNT: that of the lost records; 0: not known, or several accounts. */
static void write_lost(struct agent *agent, uint64_t account, enum loss loss, uint64_t count,
		       const char *output)
{
	const char *reason = losses_name(loss);
	struct record record = {
		.action = RECORD_RECORDS_LOST,
		.time = clock_now(CLOCK_BOOTTIME),
		.account = account,
		.lost_reason = reason,
		.lost_count = count,
		.lost_refused = is_of_refused(loss),
		.lost_output = output,
	};

	status_note_loss(agent->status, reason, count);
	agent_on_record(agent, &record);
}

void agent_on_output_loss(void *data, const char *output, enum sink_loss reason, uint64_t account,
			  uint64_t count)
{
	fold_forget(((struct agent *)data)->fold);
	write_lost(data, account, LOSS_OUTPUTS + reason, count, output);
}

static void on_account_losses(void *data, uint64_t account, const uint64_t counts[CALLERD_LOSS_MAX])
{
	struct agent *agent = data;

	for (int loss = 0; loss < CALLERD_LOSS_MAX; loss++)
		if (counts[loss])
			losses_charge(&agent->losses, (enum loss)loss, account, counts[loss]);
}

void agent_on_evicted(void *data, uint64_t account)
{
	struct agent *agent = data;

	losses_charge(&agent->losses, LOSS_EVICTED, account, 1);
}

/* The last component of the sockets' paths, if it is the same in all. */
static struct bytes watched_name(const struct agent *agent)
{
	const char *const *sockets = agent->sockets;

	for (unsigned int i = 1; i < agent->socket_count; i++)
		if (strcmp(basename(sockets[i]), basename(sockets[0])) != 0)
			return (struct bytes){};
	return bytes_of(basename(sockets[0]));
}

static void on_account_refused(void *data, uint64_t account, enum callerd_refused_kind kind,
			       uint64_t count, const struct callerd_refused *refused)
{
	struct agent *agent = data;
	struct record record = {
		.action = RECORD_SOCKET_REFUSED,
		.time = refused->last,
		.account = account,
		.error = (int)refused->error,
		.refused_count = count,
		.refused_first = refused->first,
		.refused_last = refused->last,
	};

	if (kind == CALLERD_REFUSED_OTHER) {
		agent->losses.now[LOSS_UNRESOLVED] += count;
		losses_charge(&agent->losses, LOSS_UNRESOLVED, account, count);
		return;
	}
	if (refused->socket < agent->socket_count)
		record.connection.socket = bytes_of(agent->sockets[refused->socket]);
	else
		record.refused_name = watched_name(agent);
	agent_on_record(agent, &record);
}

/* Whether LOSS may include a request that changed an engine. */
static bool may_have_changed(enum loss loss)
{
	return loss < LOSS_ENGINE_EVENTS && !is_of_refused(loss);
}

static void tell_loss(struct agent *agent, enum loss loss, uint64_t account, uint64_t count)
{
	if (!count)
		return;
	write_lost(agent, account, loss, count, NULL);
	if (may_have_changed(loss))
		engines_lost(agent->engines, clock_now(CLOCK_BOOTTIME));
}

/* Takes over what the kernel programs counted, and tells of the refused connects that were too many to have records of their own. */
void agent_count_kernel_losses(struct agent *agent)
{
	uint64_t *now = agent->losses.now;

	capture_accounts(agent->capture,
			 &(struct accounts_calls){agent, on_account_losses, on_account_refused});
	capture_losses(agent->capture, now, &now[LOSS_PROGRAM_MISSED]);
}

/* Writes records of the losses that are known. */
void agent_tell_losses(struct agent *agent)
{
	uint64_t *now = agent->losses.now;
	struct tracker_stats stats;
	struct loss_charge charge;
	struct engines_stats engines;

	tracker_stats(agent->tracker, &stats);
	engines_stats(agent->engines, &engines);
	now[LOSS_EVICTED] = stats.evicted;
	now[LOSS_NO_MEMORY] = agent->no_memory + stats.no_memory + engines.causes.dropped;
	now[LOSS_ENGINE_EVENTS] = engines.missed;
	now[LOSS_GUARD_EVENTS] = guard_overflows(agent->guard);
	now[LOSS_STATE] = agent->state ? state_dropped(agent->state) : 0;
	while (losses_take_charge(&agent->losses, &charge))
		tell_loss(agent, charge.loss, charge.account, charge.count);
	for (int loss = 0; loss < LOSS_OUTPUTS; loss++)
		tell_loss(agent, loss, 0, losses_take(&agent->losses, loss));
	outputs_losses(agent->outputs, now + LOSS_OUTPUTS, agent, agent_on_output_loss);
}

void agent_write_losses(struct agent *agent)
{
	agent_count_kernel_losses(agent);
	agent_tell_losses(agent);
}
