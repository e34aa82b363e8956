// SPDX-License-Identifier: Apache-2.0
#include "host/watcher.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "kernel/doors.h"

/* ns; long, since the sockets of a busy, slow host must be watched too. */
#define PATIENCE 8000000000ull

/* The account of the looks at socket 0; each further socket has the next lower account, so that no
 * look hangs on another socket's account. */
#define ACCOUNT (UINT64_MAX - 2)

struct watcher {
	struct capture *capture;
	const char *const *sockets;
	unsigned int count, settled;
	struct {
		bool asked, settled;
	} state[];
};

/* The thread alone uses PATH and LOOK, the loop everything else. */
struct watcher_look {
	struct job job;
	struct watcher *watcher;
	uint32_t index;
	char path[PATH_MAX];
	struct watches_look look;
};

int watcher_new(struct capture *capture, const char *const *sockets, unsigned int count,
		unsigned int room, struct watcher **ret)
{
	struct watcher *watcher = calloc(1, sizeof(*watcher) + room * sizeof(*watcher->state));

	if (!watcher)
		return -ENOMEM;
	watcher->capture = capture;
	watcher->sockets = sockets;
	watcher->count = count;
	*ret = watcher;
	return 0;
}

void watcher_add(struct watcher *watcher)
{
	watcher->count++;
}

void watcher_free(struct watcher *watcher)
{
	free(watcher);
}

static void watcher_look(struct job *job)
{
	struct watcher_look *asked = (struct watcher_look *)job;

	watches_look(asked->path, &asked->look);
}

static void watcher_settle(struct watcher *watcher, uint32_t index)
{
	watcher->state[index].asked = false;
	watcher->settled += !watcher->state[index].settled;
	watcher->state[index].settled = true;
}

static void watcher_watch(struct job *job, bool came, void *data)
{
	struct watcher_look *asked = (struct watcher_look *)job;

	(void)data;
	watcher_settle(asked->watcher, asked->index);
	if (came)
		watches_watch(capture_watches(asked->watcher->capture), asked->index, &asked->look);
}

static void watcher_free_job(struct job *job)
{
	struct watcher_look *asked = (struct watcher_look *)job;

	watches_look_close(&asked->look);
	free(asked);
}

static void watcher_ask(struct watcher *watcher, struct beside *beside, uint32_t index,
			uint64_t now)
{
	struct watcher_look *asked = calloc(1, sizeof(*asked));

	if (!asked)
		return;
	asked->job = (struct job){
		.run = watcher_look,
		.done = watcher_watch,
		.free = watcher_free_job,
		.account = ACCOUNT - index,
		.patience = PATIENCE,
	};
	asked->watcher = watcher;
	asked->index = index;
	asked->look.node = -1;
	snprintf(asked->path, sizeof(asked->path), "%s", watcher->sockets[index]);
	watcher->state[index].asked = true;
	if (beside_put(beside, &asked->job, now)) {
		watcher_settle(watcher, index);
		watcher_free_job(&asked->job);
	}
}

void watcher_run(struct watcher *watcher, struct beside *beside, uint64_t now)
{
	for (unsigned int i = 0; i < watcher->count; i++)
		if (watcher->state[i].asked)
			continue;
		else if (doors_is_port(watcher->sockets[i]))
			watcher_settle(watcher, i);
		else
			watcher_ask(watcher, beside, i, now);
}

bool watcher_settled(const struct watcher *watcher)
{
	return watcher->settled == watcher->count;
}
