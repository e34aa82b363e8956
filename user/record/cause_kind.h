/* SPDX-License-Identifier: Apache-2.0 */
/* What an engine's event goes back to, in words that records and the state have. */
#ifndef CALLERD_CAUSE_KIND_H
#define CALLERD_CAUSE_KIND_H

#include "base/bytes.h"

enum cause_kind {
	CAUSE_UNKNOWN,
	CAUSE_REQUEST,	 /* this very request made it happen */
	CAUSE_INHERITED, /* a later event of something that this caller began */
	CAUSE_DAEMON,	 /* the engine by itself */
	CAUSE_KINDS,
};

/* What the join rests on. */
enum cause_basis { BASIS_NONE, BASIS_ID, BASIS_NAME, BASIS_TIME, CAUSE_BASES };

/* Why the engine did it by itself. */
enum cause_reason {
	REASON_NONE,
	REASON_RESTART_POLICY,
	REASON_HEALTH_CHECK,
	REASON_SWARM,
	REASON_ENGINE_STOPPED,
	CAUSE_REASONS,
};

/* "request", …; NULL for BASIS_NONE and REASON_NONE. The words are a contract: records and the state have them. */
const char *cause_kind_name(enum cause_kind kind);
const char *cause_basis_name(enum cause_basis basis);
const char *cause_reason_name(enum cause_reason reason);

#endif
