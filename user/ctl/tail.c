// SPDX-License-Identifier: Apache-2.0
/* callerctl tail: deeds as they come. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/table.h"
#include "ctl/ctl.h"

#define NOTE_INTERVAL (60 * NS_PER_S)
#define POLLERS_MAX 256

/* Who only looks, and does it again and again. */
struct poller {
	char name[112];
	uint64_t told, count; /* count: since it was told */
	UT_hash_handle hh;
};

struct tail {
	struct ctl *ctl;
	struct screen screen;
	struct deeds *deeds;
	struct poller *pollers;
	uint64_t noted;
	/* The last lines, of which as many are shown as were asked for; then NULL. */
	struct deed *ring;
	uint64_t held;
	bool live;
};

/* --- what is only counted --------------------------------------------------------------------- */

static void note_pollers(struct tail *tail, uint64_t now)
{
	struct poller *poller, *next;
	char text[200];

	if (now < tail->noted + NOTE_INTERVAL)
		return;
	tail->noted = now;
	HASH_ITER(hh, tail->pollers, poller, next)
	{
		if (poller->count) {
			snprintf(text, sizeof(text), "         · %s looked %" PRIu64 " more times",
				 poller->name, poller->count);
			screen_note(&tail->screen, text);
		} else {
			HASH_DEL(tail->pollers, poller);
			free(poller);
			continue;
		}
		poller->count = 0;
	}
}

/* Whether DEED is one more of what was shown already. */
static bool is_repetition(struct tail *tail, const struct deed *deed)
{
	struct poller *poller;
	char name[sizeof(poller->name)];

	if (tail->ctl->all)
		return false;
	if (deed->main->weight == WEIGHT_NOISE && deed->severity <= SEVERITY_INFO)
		return true;
	if (deed->later && deed->main->weight < WEIGHT_CHANGE)
		return true;
	if (!deed_only_looks(deed))
		return false;
	snprintf(name, sizeof(name), "%s %s", deed->who, deed->program);
	HASH_FIND_STR(tail->pollers, name, poller);
	if (poller) {
		poller->count += deed->requests ?: 1;
		return true;
	}
	if (HASH_COUNT(tail->pollers) >= POLLERS_MAX)
		return false;
	poller = calloc(1, sizeof(*poller));
	if (!poller)
		return false;
	memcpy(poller->name, name, sizeof(name));
	HASH_ADD_STR(tail->pollers, name, poller);
	if (!poller->hh.tbl)
		free(poller);
	return false;
}

/* --- deeds ------------------------------------------------------------------------------------ */

static void show_held(struct tail *tail)
{
	uint64_t lines = tail->ctl->lines, from = tail->held > lines ? tail->held - lines : 0;

	for (uint64_t i = from; tail->ring && i < tail->held; i++) {
		struct deed *deed = &tail->ring[i % lines];

		deed->main = &deed->acts[deed->main - deed->acts];
		screen_deed(&tail->screen, deed);
	}
	free(tail->ring);
	tail->ring = NULL;
}

static void on_deed(void *data, const struct deed *deed)
{
	struct tail *tail = data;

	if (is_repetition(tail, deed))
		return;
	if (tail->ring) {
		struct deed *copy = &tail->ring[tail->held++ % tail->ctl->lines];

		*copy = *deed;
		copy->main = copy->acts + (deed->main - deed->acts);
		return;
	}
	screen_deed(&tail->screen, deed);
}

static int on_record(void *data, const struct reread *record, uint64_t time, struct bytes line)
{
	struct tail *tail = data;

	if (tail->ctl->json) {
		fwrite(line.data, 1, line.size, stdout);
		putchar('\n');
		return 0;
	}
	deeds_run(tail->deeds, time);
	return deeds_take(tail->deeds, record, time);
}

/* All that there was is read; from here on it is live. */
static void on_idle(void *data)
{
	struct tail *tail = data;
	uint64_t now = clock_now(CLOCK_REALTIME);

	if (!tail->ctl->json) {
		deeds_run(tail->deeds, now);
		if (!tail->live && tail->ring)
			show_held(tail);
		tail->live = true;
		note_pollers(tail, now);
	}
	if (fflush(stdout))
		exit(CTL_OK); /* whoever read it has gone */
}

static int start(struct tail *tail)
{
	struct ctl *ctl = tail->ctl;

	tail->deeds = deeds_new(tail, on_deed);
	if (!tail->deeds)
		return -ENOMEM;
	if (ctl->since_text)
		return 0;
	tail->ring = ctl->lines ? calloc(ctl->lines, sizeof(*tail->ring)) : NULL;
	return ctl->lines && !tail->ring ? -ENOMEM : 0;
}

enum ctl_exit ctl_tail(struct ctl *ctl)
{
	struct tail tail = {.ctl = ctl, .noted = clock_now(CLOCK_REALTIME)};
	struct ctl_records records = {
		.data = &tail,
		.take = on_record,
		.idle = ctl->no_follow || ctl->until ? NULL : on_idle,
	};
	struct poller *poller, *next;
	int error;

	screen_open(&tail.screen, ctl);
	error = start(&tail) ?: ctl_read(ctl, &records);
	if (tail.deeds)
		deeds_run(tail.deeds, UINT64_MAX);
	show_held(&tail);
	note_pollers(&tail, UINT64_MAX - NOTE_INTERVAL);
	HASH_ITER(hh, tail.pollers, poller, next)
	{
		HASH_DEL(tail.pollers, poller);
		free(poller);
	}
	deeds_free(tail.deeds);
	screen_close(&tail.screen);
	return error ? CTL_UNREAD : CTL_OK;
}
