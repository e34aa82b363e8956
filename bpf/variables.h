/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Keeps, of the environment that a process gets at its exec, the variables that user space has named. Nothing else of it
 * leaves the stack of these programs.
 *
 * What is equal is kept once: all processes of a job have the same variables in most cases.
 */
#ifndef CALLERD_BPF_VARIABLES_H
#define CALLERD_BPF_VARIABLES_H

#include "maps.h"

/* Pieces of an environment that are looked at: as many variables, or fewer where some are longer. */
#define LOOKS_MAX 512
#define LOOK_SIZE 192
#define HASHED_SIZE 64 /* bytes that are mixed at a time */

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, CALLERD_VARIABLES_MAX);
	__type(key, struct callerd_variable);
	__type(value, __u32); /* not used */
} variables SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 2048);
	__type(key, __u64); /* of the content */
	__type(value, struct callerd_environment);
} environments SEC(".maps");

/* An entry is built here: a program is never re-entered on its CPU. */
struct environment_reading {
	struct callerd_environment kept;
	char zeros[HASHED_SIZE]; /* behind what is hashed */
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct environment_reading);
} environment_readings SEC(".maps");

struct environment_walk {
	struct callerd_environment *kept;
	unsigned long from, end; /* user addresses */
	__u64 inside;		 /* the look before did not end its variable */
	__u64 key;
};

/* The beginning of a variable. */
struct env_look {
	union {
		char text[LOOK_SIZE];
		__u64 words[LOOK_SIZE / sizeof(__u64)];
	};
};

#define EACH_BYTE(value) (0x0101010101010101ull * (value))
/* The highest bit of each byte of WORD that is 0; behind the first one others may be there as well. */
#define ZERO_BYTES(word) (((word)-EACH_BYTE(1)) & ~(word)&EACH_BYTE(0x80))
#define LOWEST_BIT(word) ((word) & -(word))

/* Whether LOOK begins with the name of a variable that is kept. */
static __always_inline bool is_wanted(const struct env_look *look)
{
	struct callerd_variable name = {};

#pragma unroll
	for (int i = 0; i < CALLERD_VARIABLE_NAME_MAX / (int)sizeof(__u64); i++) {
		__u64 word = look->words[i], equals = word ^ EACH_BYTE('=');
		__u64 found = LOWEST_BIT(ZERO_BYTES(equals)), ends = LOWEST_BIT(ZERO_BYTES(word));

		bool is_last = found && (!ends || found < ends);

		if (is_last)
			word &= (found >> 7) - 1;
		else if (ends)
			return false;
		if (!i &&
		    !(control.variables[CALLERD_VARIABLE_WORD(word)] & CALLERD_VARIABLE_BIT(word)))
			return false;
		name.words[i] = word;
		if (is_last)
			return bpf_map_lookup_elem(&variables, &name);
	}
	return false;
}

static __always_inline void keep_variable(struct environment_walk *walk)
{
	struct callerd_environment *kept = walk->kept;
	__u32 at = kept->size;
	long size;

	if (at > CALLERD_ENVIRONMENT_MAX - CALLERD_VARIABLE_MAX) {
		kept->flags |= CALLERD_TEXT_TRUNCATED;
		return;
	}
	size = bpf_probe_read_user_str(kept->text + at, CALLERD_VARIABLE_MAX, (void *)walk->from);
	if (size > 0)
		kept->size = at + size;
	else
		kept->flags |= CALLERD_TEXT_FAULT;
}

static long look_step(__u32 index, void *context)
{
	struct environment_walk *walk = context;
	struct env_look look;
	long size;

	if (walk->from >= walk->end)
		return 1;
	size = bpf_probe_read_user_str(look.text, sizeof(look.text), (void *)walk->from);
	if (size < 0) {
		walk->kept->flags |= CALLERD_TEXT_FAULT;
		return 1;
	}
	size = size ?: 1; /* Linux before 6.13 says 0 of an empty string */
	if (!walk->inside && is_wanted(&look))
		keep_variable(walk);
	/* One that fills the look exactly has its end in the next one, which is empty then. */
	walk->inside = size == sizeof(look.text);
	walk->from += size - walk->inside;
	return 0;
}

static long hash_step(__u32 index, void *context)
{
	struct environment_walk *walk = context;
	__u32 at;

	barrier_var(index); /* Linux 6.1 tracks no copies: check the register that is used */
	if (index > CALLERD_ENVIRONMENT_MAX / HASHED_SIZE)
		return 1;
	at = index * HASHED_SIZE;
	if (at >= walk->kept->size)
		return 1;
	for (int i = 0; i < HASHED_SIZE; i += sizeof(__u64))
		MIX(walk->key, *(__u64 *)(walk->kept->text + at + i));
	return 0;
}

/* The key of what was read. Never 0. */
static __always_inline __u64 environment_key(struct environment_walk *walk)
{
	__u32 size = walk->kept->size;

	walk->key = settings.seed;
	MIX(walk->key, size | (__u64)walk->kept->flags << 32);
	barrier_var(size);
	if (size > CALLERD_ENVIRONMENT_MAX)
		return 0;
	__builtin_memset(walk->kept->text + size, 0, HASHED_SIZE);
	bpf_loop(CALLERD_ENVIRONMENT_MAX / HASHED_SIZE + 1, hash_step, walk, 0);
	return walk->key ?: 1;
}

/* Keeps what is wanted of the environment in MM, a struct mm_struct of the current process at its exec. Returns its key in
 * environments; 0: there is nothing. */
CHECKED_ONCE __u64 keep_environment(__u64 address)
{
	struct mm_struct *mm = (struct mm_struct *)address;
	__u32 zero = 0;
	struct environment_reading *reading = bpf_map_lookup_elem(&environment_readings, &zero);
	struct environment_walk walk = {};
	__u64 key;

	if (!settings.variables || !reading)
		return 0;
	walk.kept = &reading->kept;
	walk.from = BPF_CORE_READ(mm, env_start);
	walk.end = BPF_CORE_READ(mm, env_end);
	reading->kept.size = reading->kept.flags = 0;
	bpf_loop(LOOKS_MAX, look_step, &walk, 0);
	if (walk.from < walk.end)
		reading->kept.flags |= CALLERD_TEXT_TRUNCATED;
	if (!reading->kept.size && !reading->kept.flags)
		return 0;
	key = environment_key(&walk);
	if (!bpf_map_lookup_elem(&environments, &key))
		bpf_map_update_elem(&environments, &key, &reading->kept, BPF_ANY);
	return key;
}

#endif
