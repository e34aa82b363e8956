// SPDX-License-Identifier: Apache-2.0
#include "agent/losses.h"

static const char *const names[LOSS_COUNT] = {
	[CALLERD_LOSS_CONNECT] = "ring-full-connect",
	[CALLERD_LOSS_REFUSED] = "ring-full-refused",
	[CALLERD_LOSS_SENDER] = "ring-full-sender",
	[CALLERD_LOSS_REQUEST] = "ring-full-request",
	[CALLERD_LOSS_RESPONSE] = "ring-full-response",
	[CALLERD_LOSS_END] = "ring-full-end",
	[CALLERD_LOSS_TABLE] = "connection-table-full",
	[CALLERD_LOSS_SCRATCH] = "no-scratch-buffer",
	[CALLERD_LOSS_UNREADABLE] = "buffer-unreadable",
	[CALLERD_LOSS_AWAY_REQUEST] = "agent-away-request",
	[CALLERD_LOSS_AWAY_RESPONSE] = "agent-away-response",
	[CALLERD_LOSS_AWAY_CALLER] = "agent-away-caller",
	[CALLERD_LOSS_SESSION] = "session-table-full",
	[LOSS_PROGRAM_MISSED] = "program-missed",
	[LOSS_MALFORMED] = "event-malformed",
	[LOSS_NO_MEMORY] = "no-memory",
	[LOSS_EVICTED] = "connection-evicted",
	[LOSS_UNRESOLVED] = "refused-unresolved",
	[LOSS_KILLED] = "agent-killed",
	[LOSS_REPLACED] = "programs-replaced",
	[LOSS_ENGINE_EVENTS] = "engine-events",
	[LOSS_STATE] = "state-full",
	[LOSS_GUARD_EVENTS] = "guard-events",
	[LOSS_OUTPUTS + SINK_LOSS_FULL] = "output-full",
	[LOSS_OUTPUTS + SINK_LOSS_TOO_LARGE] = "output-too-large",
	[LOSS_OUTPUTS + SINK_LOSS_DAMAGED] = "spool-damaged",
	[LOSS_OUTPUTS + SINK_LOSS_TORN] = "line-torn",
	[LOSS_OUTPUTS + SINK_LOSS_UNCONFIRMED] = "output-unconfirmed",
	[LOSS_OUTPUTS + SINK_LOSS_KILLED] = "output-killed",
};

const char *losses_name(enum loss loss)
{
	return names[loss];
}

void losses_charge(struct losses *losses, enum loss loss, uint64_t account, uint64_t count)
{
	struct loss_charge *charge = losses->charges;

	for (unsigned int i = 0; i < losses->charge_count; i++, charge++) {
		if (charge->loss != loss || charge->account != account)
			continue;
		charge->count += count;
		return;
	}
	if (losses->charge_count < LOSSES_CHARGED_MAX)
		losses->charges[losses->charge_count++] =
			(struct loss_charge){loss, account, count};
}

bool losses_take_charge(struct losses *losses, struct loss_charge *ret)
{
	if (!losses->charge_count)
		return false;
	*ret = losses->charges[--losses->charge_count];
	losses->reported[ret->loss] += ret->count;
	return true;
}

uint64_t losses_take(struct losses *losses, enum loss loss)
{
	uint64_t count = losses->now[loss] - losses->reported[loss];

	losses->reported[loss] = losses->now[loss];
	return count;
}

uint64_t losses_total(const struct losses *losses)
{
	uint64_t total = 0;

	for (int loss = 0; loss < LOSS_COUNT; loss++)
		total += losses->now[loss];
	return total;
}
