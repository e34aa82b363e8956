/* SPDX-License-Identifier: Apache-2.0 */
/* What makes a request dangerous: findings.def has the ids, their usual severity and technique. */
#ifndef CALLERD_FINDING_H
#define CALLERD_FINDING_H

#include <stdbool.h>
#include <stddef.h>

#include "base/bytes.h"

enum finding_severity {
	SEVERITY_NONE, /* where a finding is added: as the table says */
	SEVERITY_INFO,
	SEVERITY_LOW,
	SEVERITY_MEDIUM,
	SEVERITY_HIGH,
	SEVERITY_CRITICAL,
};

/* Techniques of MITRE ATT&CK. */
enum finding_technique {
	TECHNIQUE_NONE, /* none fits */
	TECHNIQUE_T1036,
	TECHNIQUE_T1098_007,
	TECHNIQUE_T1222_002,
	TECHNIQUE_T1485,
	TECHNIQUE_T1525,
	TECHNIQUE_T1548_003,
	TECHNIQUE_T1552_007,
	TECHNIQUE_T1554,
	TECHNIQUE_T1609,
	TECHNIQUE_T1610,
	TECHNIQUE_T1611,
	TECHNIQUE_T1612,
	TECHNIQUES,
};

/* clang-format off */
enum finding_id {
	FINDING_NONE,
#define FINDING(id, ...) FINDING_##id,
#include "record/findings.def"
	FINDINGS,
};
/* clang-format on */

struct finding_kind {
	const char *id;			/* "host-root-mount" */
	enum finding_severity severity; /* unless the case says otherwise */
	enum finding_technique technique;
	const char *meaning; /* one line for documentation and --list-findings */
	const char *advice;  /* what to do about it */
};

struct finding {
	enum finding_id id;
	enum finding_severity severity;
	struct bytes detail; /* for a person, no secrets; owned by the finding's owner */
};

const struct finding_kind *finding_kind(enum finding_id id);

/* Writes the MESSAGE_ID of ID for the journal, which packaging's catalog explains: 32 hexadecimal digits and a NUL. */
void finding_message_id(enum finding_id id, char ret[33]);

/* FINDING_NONE: there is no such id. */
enum finding_id finding_by_name(const char *id, size_t size);

/* Whether it is of something of the host that is mounted in a container. */
bool finding_is_mount(enum finding_id id);

/* "info" … "critical"; NULL for SEVERITY_NONE. */
const char *finding_severity_name(enum finding_severity severity);
enum finding_severity finding_severity_by_name(const char *name, size_t size);

/* "T1611"; NULL for TECHNIQUE_NONE. */
const char *finding_technique_name(enum finding_technique technique);

/* As event.severity has it: 20, 40, 60, 80, 100; 0 for SEVERITY_NONE. */
unsigned int finding_severity_number(enum finding_severity severity);

#endif
