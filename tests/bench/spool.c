// SPDX-License-Identifier: Apache-2.0
/*
 * How many records a second the spool takes and gives, in the batches that a sink uses: one thread appends and
 * syncs once a second, another one peeks, sends and confirms. Medians of ROUNDS rounds, each with a new spool in
 * TMPDIR.
 *
 *	build/bench_spool [ROUNDS [RECORDS]]	default: 7 rounds of 200000 records
 *
 * append: nothing is taken, as while a server is down; drain: what was appended is taken; both: at the same time.
 * A line of each: records a second, and microseconds of CPU time of all threads for one.
 */
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "output/store/spool.h"

#define BATCH 128	 /* records: as in sink.c */
#define RECORD_SIZE 1500 /* bytes, on average */
#define SPOOL_SIZE (UINT64_C(4) << 30)
#define ROUNDS_MAX 100

enum phase { APPEND, DRAIN, BOTH, PHASES };

static const char *const phase_names[] = {"append", "drain", "both"};

static struct {
	double rate, cpu; /* records a second; microseconds of each record */
} results[PHASES][ROUNDS_MAX];

static struct spool *spool;
static unsigned int records;
static bool taken; /* atomic: all records were */

static void sync_if_due(uint64_t *last)
{
	uint64_t now = clock_now(CLOCK_MONOTONIC);

	if (now < *last + NS_PER_S)
		return;
	*last = now;
	if (spool_sync(spool))
		abort();
}

static void *append_all(void *data)
{
	struct entry *entries[BATCH];
	uint64_t synced = clock_now(CLOCK_MONOTONIC);
	unsigned int sequence = 0;

	for (unsigned int i = 0; i < BATCH; i++) {
		entries[i] = entry_new(NULL, RECORD_SIZE + i - BATCH / 2);
		if (!entries[i])
			abort();
		for (size_t j = 0; j < entries[i]->size; j++)
			entries[i]->data[j] = (char)(' ' + (i * 7 + j * 31) % 90);
	}
	while (sequence < records) {
		unsigned int count = records - sequence < BATCH ? records - sequence : BATCH;
		int error;

		for (unsigned int i = 0; i < count; i++)
			entries[i]->sequence = sequence++;
		if (spool_append(spool, entries, count, &error) != count)
			abort();
		sync_if_due(&synced);
	}
	for (unsigned int i = 0; i < BATCH; i++)
		entry_unref(entries[i]);
	return NULL;
}

static void *take_all(void *data)
{
	struct store *store = spool_store(spool);
	uint64_t sequence = 0;

	while (sequence < records) {
		struct entry *entries[BATCH];
		unsigned int count = store->ops->peek(store, entries, BATCH);

		for (unsigned int i = 0; i < count; i++) {
			if (entries[i]->sequence != sequence++)
				abort();
			entry_unref(entries[i]);
		}
		store->ops->sent(store, count);
		store->ops->confirm(store, count);
		if (!count)
			usleep(1000);
	}
	__atomic_store_n(&taken, true, __ATOMIC_RELEASE);
	return NULL;
}

/* Once nothing is left to append: what is confirmed goes from the disk. */
static void sync_until_taken(void)
{
	uint64_t synced = clock_now(CLOCK_MONOTONIC);

	while (!__atomic_load_n(&taken, __ATOMIC_ACQUIRE)) {
		usleep(1000);
		sync_if_due(&synced);
	}
}

static void run_phase(enum phase phase, unsigned int round)
{
	uint64_t began = clock_now(CLOCK_MONOTONIC), used = clock_now(CLOCK_PROCESS_CPUTIME_ID);
	pthread_t consumer;

	taken = phase == APPEND;
	if (phase != APPEND && pthread_create(&consumer, NULL, take_all, NULL))
		abort();
	if (phase != DRAIN)
		append_all(NULL);
	sync_until_taken();
	if (phase != APPEND)
		pthread_join(consumer, NULL);
	if (spool_sync(spool))
		abort();
	used = clock_now(CLOCK_PROCESS_CPUTIME_ID) - used;
	results[phase][round].rate =
		records * (double)NS_PER_S / (double)(clock_now(CLOCK_MONOTONIC) - began);
	results[phase][round].cpu = (double)used / records / (double)NS_PER_US;
}

static void open_spool(const char *path)
{
	char reason[256];

	if (!spool_open(path, SPOOL_SIZE, &spool, reason, sizeof(reason)))
		return;
	fprintf(stderr, "%s\n", reason);
	exit(1);
}

static void run_round(unsigned int round)
{
	const char *parent = getenv("TMPDIR") ?: "/tmp";
	char path[256], command[300];

	snprintf(path, sizeof(path), "%s/bench-spool.XXXXXX", parent);
	if (!mkdtemp(path)) {
		perror(path);
		exit(1);
	}
	open_spool(path);
	run_phase(APPEND, round);
	run_phase(DRAIN, round);
	run_phase(BOTH, round);
	spool_close(spool);
	snprintf(command, sizeof(command), "rm -rf '%s'", path);
	if (system(command))
		exit(1);
}

static int compare(const void *a, const void *b)
{
	const double *first = a, *second = b;

	return (*first > *second) - (*first < *second);
}

static double find_median(double *values, unsigned int count)
{
	qsort(values, count, sizeof(*values), compare);
	return values[count / 2];
}

int main(int count, char **arguments)
{
	unsigned int rounds = count > 1 ? (unsigned int)atoi(arguments[1]) : 7;
	double rates[ROUNDS_MAX], cpu[ROUNDS_MAX];

	records = count > 2 ? (unsigned int)atoi(arguments[2]) : 200000;
	if (!rounds || rounds > ROUNDS_MAX || !records) {
		fprintf(stderr, "usage: bench_spool [ROUNDS [RECORDS]]\n");
		return 2;
	}
	for (unsigned int i = 0; i < rounds; i++)
		run_round(i);
	for (enum phase phase = 0; phase < PHASES; phase++) {
		for (unsigned int i = 0; i < rounds; i++) {
			rates[i] = results[phase][i].rate;
			cpu[i] = results[phase][i].cpu;
		}
		printf("%s %.0f %.1f\n", phase_names[phase], find_median(rates, rounds),
		       find_median(cpu, rounds));
	}
	return 0;
}
