// SPDX-License-Identifier: Apache-2.0
/* callerctl tail: errands as they come. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/table.h"
#include "ctl/ctl.h"

#define NOTE_INTERVAL (60 * NS_PER_S)
#define POLLERS_MAX 256

/* Who only looks, and does it again and again. */
struct poller {
	char name[112];
	uint64_t count; /* since it was told */
	UT_hash_handle hh;
};

struct tail {
	struct ctl *ctl;
	struct screen screen;
	struct errands *errands;
	struct poller *pollers;
	uint64_t noted;
	/* The last lines, of which as many are shown as were asked for; then NULL. */
	struct errand *ring;
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

/* Whether ERRAND is one more of what was shown already. */
static bool is_repetition(struct tail *tail, const struct errand *errand)
{
	bool same = !strcmp(errand->who, errand->program);
	struct poller *poller;
	char name[sizeof(poller->name)];

	if (tail->ctl->all)
		return false;
	if (errand_is_minor(errand))
		return true;
	if (!errand_only_looks(errand))
		return false;
	snprintf(name, sizeof(name), "%s%s%s", errand->who, same ? "" : " ",
		 same ? "" : errand->program);
	HASH_FIND_STR(tail->pollers, name, poller);
	if (poller) {
		poller->count += errand->requests ?: 1;
		return true;
	}
	if (HASH_COUNT(tail->pollers) >= POLLERS_MAX)
		return false;
	poller = calloc(1, sizeof(*poller));
	if (!poller)
		return false;
	memcpy(poller->name, name, sizeof(name));
	poller->count = errand->repeated ? errand->requests : 0;
	HASH_ADD_STR(tail->pollers, name, poller);
	if (!poller->hh.tbl) {
		free(poller);
		return false;
	}
	return errand->repeated;
}

/* --- errands ------------------------------------------------------------------------------------ */

static void show_held(struct tail *tail)
{
	uint64_t lines = tail->ctl->lines, from = tail->held > lines ? tail->held - lines : 0;

	for (uint64_t i = from; tail->ring && i < tail->held; i++)
		screen_errand(&tail->screen, &tail->ring[i % lines]);
	free(tail->ring);
	tail->ring = NULL;
}

static void tail_errand(void *data, const struct errand *errand)
{
	struct tail *tail = data;

	if (is_repetition(tail, errand))
		return;
	if (tail->ring) {
		struct errand *copy = &tail->ring[tail->held++ % tail->ctl->lines];

		*copy = *errand;
		copy->main = copy->acts + (errand->main - errand->acts);
		return;
	}
	screen_errand(&tail->screen, errand);
}

static int tail_record(void *data, const struct reread *record, uint64_t time, struct bytes line)
{
	struct tail *tail = data;

	if (tail->ctl->json) {
		fwrite(line.data, 1, line.size, stdout);
		putchar('\n');
		return 0;
	}
	errands_run(tail->errands, time);
	return errands_take(tail->errands, record, time);
}

/* All that there was is read; from here on it is live. */
static int tail_idle(void *data)
{
	struct tail *tail = data;
	uint64_t now = clock_now(CLOCK_REALTIME);

	if (!tail->ctl->json) {
		errands_run(tail->errands, now);
		if (!tail->live && tail->ring)
			show_held(tail);
		tail->live = true;
		note_pollers(tail, now);
	}
	return fflush(stdout) ? -ECANCELED : 0; /* whoever read it has gone */
}

static int tail_start(struct tail *tail)
{
	struct ctl *ctl = tail->ctl;

	tail->errands = errands_new(tail, tail_errand);
	if (!tail->errands)
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
		.take = tail_record,
		.idle = ctl->no_follow || ctl->until ? NULL : tail_idle,
	};
	struct poller *poller, *next;
	int error;

	screen_open(&tail.screen, ctl);
	error = tail_start(&tail) ?: ctl_read(ctl, &records);
	if (tail.errands)
		errands_run(tail.errands, UINT64_MAX);
	show_held(&tail);
	note_pollers(&tail, UINT64_MAX - NOTE_INTERVAL);
	HASH_ITER(hh, tail.pollers, poller, next)
	{
		HASH_DEL(tail.pollers, poller);
		free(poller);
	}
	errands_free(tail.errands);
	screen_close(&tail.screen);
	return error ? CTL_UNREAD : CTL_OK;
}
