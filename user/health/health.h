/* SPDX-License-Identifier: Apache-2.0 */
/* How callerd itself does, at one moment, and whether that is well. */
#ifndef CALLERD_HEALTH_H
#define CALLERD_HEALTH_H

#include "record/record.h"

#define HEALTH_OUTPUTS_MAX 16
#define HEALTH_PROGRAMS_MAX 32
#define HEALTH_ENGINES_MAX 64
#define HEALTH_LOSSES_MAX 40

struct health_ring {
	const char *name;
	uint64_t waiting, size; /* bytes */
};

enum health_test { HEALTH_UNTESTED, HEALTH_PASSED, HEALTH_FAILED, HEALTH_TESTS };

/* All counts are since the start, but for those of the programs. */
struct health {
	const char *version, *backend;
	uint64_t started, now; /* ns since 1970 */
	uint64_t records[RECORD_ACTION_MAX], record_count;
	uint64_t levels[RECORD_LEVELS]; /* of the records; LEVEL_NONE: they were not written */
	uint64_t folded, folded_into;	/* records that others tell with a count, and those */
	uint64_t kernel_events;
	uint64_t connections; /* open now */
	uint64_t unpaired, engine_events, engine_events_unknown, details_missed;
	struct record_counter losses[HEALTH_LOSSES_MAX]; /* by reason, those without a loss, too */
	unsigned int loss_count;
	/* The first of them are of what happened at the sockets: so many. */
	unsigned int capture_losses;
	struct health_ring rings[2];
	struct record_program programs[HEALTH_PROGRAMS_MAX];
	unsigned int program_count;
	bool timed; /* the kernel keeps count of the programs' runs */
	struct record_output outputs[HEALTH_OUTPUTS_MAX];
	unsigned int output_count;
	struct record_watched engines[HEALTH_ENGINES_MAX];
	unsigned int engine_count;
	uint64_t cpu_user, cpu_system; /* ns */
	uint64_t memory;	       /* bytes of anonymous memory that are resident */
	enum health_test test;	       /* of the last self-test */
	uint64_t tested;	       /* ns since 1970; 0: never */
	const char *test_fault;	       /* what was wrong */
	uint64_t unseen; /* connections to watched sockets that no kernel program saw */
};

/* What is to be remembered between two looks. Zeroed at the start. */
struct health_memory {
	uint64_t lost,
		lost_at; /* the losses at the sockets, and when there were new ones (ns); 0: never */
	uint64_t unseen, unseen_at;
	struct {
		char name[128];
		uint64_t written, lost;
		uint64_t moved_at; /* when nothing waited, or something was written */
		uint64_t lost_at;
	} outputs[HEALTH_OUTPUTS_MAX];
};

/* Compares HEALTH with what MEMORY has of the last look, about once a second. */
void health_note(struct health_memory *memory, const struct health *health);

/* Adds a line for each thing that is wrong, or "ok". Returns whether all is well. After health_note(). */
bool health_judge(const struct health_memory *memory, const struct health *health,
		  struct text *out);

#endif
