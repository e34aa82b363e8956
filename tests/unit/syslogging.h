/* SPDX-License-Identifier: Apache-2.0 */
/* Before a driver of syslog: a store that is an array of entries. */
#ifndef CALLERD_TEST_SYSLOGGING_H
#define CALLERD_TEST_SYSLOGGING_H

#include "unit.h"

#include <signal.h>
#include <sys/eventfd.h>

#include "base/clock.h"
#include "output/driver.h"
#include "record/record.h"

/* --- the clock --------------------------------------------------------------------------------- */

static uint64_t skipped; /* ms that passed without being waited for */

uint64_t __real_clock_now(clockid_t id);

uint64_t __wrap_clock_now(clockid_t id)
{
	return __real_clock_now(id) + skipped * NS_PER_MS;
}

/* --- random numbers, the same ones each time -------------------------------------------------- */

static uint32_t next_random(uint32_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state;
}

/* --- the store -------------------------------------------------------------------------------- */

struct world {
	struct sink_options options;
	struct driver *driver;
	int stop;
	struct entry **entries;
	unsigned int count, next, confirmed, rewinds;
	uint64_t too_large;
};

/* Where records name their callers: another one after so many records. */
static unsigned int caller_each;

#define CALLERS_MAX 1000

static inline unsigned int caller_of(unsigned int number)
{
	return number / caller_each % CALLERS_MAX;
}

/* The line that tells of CALLER. */
static struct entry *numbered_caller(unsigned int caller)
{
	char line[24];
	int size = snprintf(line, sizeof(line), "{\"seen\":%u}\n", caller);
	struct entry *entry = entry_new(line, (size_t)size);

	entry->key[0] = (unsigned char)caller;
	entry->key[1] = (unsigned char)(caller >> 8);
	entry->action = RECORD_CALLER_SEEN;
	entry->severity = 6;
	return entry;
}

/* The record NUMBER: as text its number, and SIZE more bytes. */
static struct entry *numbered(unsigned int number, size_t size)
{
	char *data = malloc(size + 32);
	int begun = snprintf(data, 32, "{\"n\":%u,\"x\":\"", number);
	struct entry *entry;

	memset(data + begun, 'a' + number % 26, size);
	memcpy(data + begun + size, "\"}\n", 3);
	entry = entry_new(data, (size_t)begun + size + 3);
	entry->severity = 6;
	entry->sequence = number;
	entry->time = 1767225600123456789ull; /* 2026-01-01T00:00:00 */
	if (caller_each)
		entry->before = numbered_caller(caller_of(number));
	free(data);
	return entry;
}

static void world_fill(struct world *world, unsigned int count, size_t size)
{
	uint32_t state = 4711;

	world->entries = calloc(count, sizeof(*world->entries));
	world->count = count;
	for (unsigned int i = 0; i < count; i++)
		world->entries[i] =
			numbered(i, i % 500 == 499 ? 300000 : next_random(&state) % (size + 1));
}

static void world_begin(struct world *world, enum sink_transport transport)
{
	*world = (struct world){
		.options = {.name = "syslog:test",
			    .kind = SINK_SYSLOG,
			    .transport = transport,
			    .host = "127.0.0.1",
			    .facility = 13,
			    .host_name = "host",
			    .run_id = "run"},
		.stop = eventfd(0, EFD_CLOEXEC),
	};
}

static void world_open(struct world *world)
{
	char reason[256] = "";

	if (syslog_open(&world->options, world->stop, &world->driver, reason, sizeof(reason)))
		fail_msg("%s", reason);
	assert_string_equal(reason, "");
}

/* What the sink does with the driver's word, after SENT were sent. */
static void world_take(struct world *world, unsigned int sent)
{
	struct driver *driver = world->driver;

	world->next += sent;
	world->confirmed += driver->confirmed;
	world->too_large += driver->too_large;
	if (world->confirmed > world->next || world->next > world->count)
		fail_msg("%u confirmed of %u of %u", world->confirmed, world->next, world->count);
	if (driver->rewind) {
		world->rewinds++;
		world->next = world->confirmed;
	}
	driver->confirmed = driver->too_large = 0;
	driver->rewind = false;
}

/* One call with at most MAX entries; returns how many were sent. */
static unsigned int world_send(struct world *world, unsigned int max)
{
	unsigned int sent, count = world->count - world->next;

	if (count > max)
		count = max;
	sent = world->driver->ops->send(world->driver, world->entries + world->next, count);
	if (sent > count)
		fail_msg("%u sent of %u", sent, count);
	if (sent < count && !world->driver->error)
		fail_msg("%u sent of %u, and no word why", sent, count);
	world_take(world, sent);
	return sent;
}

static void world_run(struct world *world)
{
	world->driver->ops->run(world->driver);
	world_take(world, 0);
}

static void world_finish(struct world *world)
{
	world->driver->ops->finish(world->driver);
	world_take(world, 0);
}

static void world_end(struct world *world)
{
	if (world->driver)
		world->driver->ops->close(world->driver);
	for (unsigned int i = 0; i < world->count; i++)
		entry_unref(world->entries[i]);
	free(world->entries);
	close(world->stop);
}

static void assert_why(const struct world *world, const char *words)
{
	if (!world->driver->error || !strstr(world->driver->why, words))
		fail_msg("%d \"%s\" does not say \"%s\"", world->driver->error, world->driver->why,
			 words);
	assert_int_not_equal(world->driver->error, -EPIPE); /* would be for good */
}

#endif
