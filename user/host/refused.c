// SPDX-License-Identifier: Apache-2.0
#include "host/refused.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "host/resolve.h"

#define PATIENCE 8000000000ull /* ns; the loop does not wait meanwhile */

struct refused {
	struct refused_options options;
};

/* A refused connect that a thread resolves. The thread alone uses RESOLVE, the loop everything
 * else. */
struct waiting_connect {
	struct job job;
	struct refused *refused;
	struct event event; /* points into .bytes */
	void *bytes;
	struct resolve resolve;
};

int refused_new(const struct refused_options *options, struct refused **ret)
{
	struct refused *refused = calloc(1, sizeof(*refused));

	if (!refused)
		return -ENOMEM;
	refused->options = *options;
	*ret = refused;
	return 0;
}

void refused_free(struct refused *refused)
{
	free(refused);
}

static void refused_run(struct job *job)
{
	resolve_walk(&((struct waiting_connect *)job)->resolve);
}

/* Calls the callback that fits what is known of WAITING's socket, and lets go of the event. WALKED:
 * the walk ended, and its result counts. */
static void refused_tell(struct waiting_connect *waiting, bool walked)
{
	const struct refused_options *options = &waiting->refused->options;
	struct event *event = &waiting->event;
	int socket = resolve_end(&waiting->resolve, walked, options->capture, event,
				 options->sockets, options->socket_count);

	if (socket >= 0) {
		options->resolved(options->data, event, socket);
	} else {
		if (socket == -ESRCH)
			options->unresolved(options->data, event->header->account);
		caller_unref(event->caller);
	}
	free(waiting->bytes);
	waiting->bytes = NULL;
}

static void refused_done(struct job *job, bool came, void *data)
{
	(void)data;
	refused_tell((struct waiting_connect *)job, came);
}

static void refused_free_job(struct job *job)
{
	resolve_close(&((struct waiting_connect *)job)->resolve);
	free(job);
}

/* Copies EVENT, and the bytes that it points into. */
static bool refused_keep(struct waiting_connect *waiting, const struct event *event)
{
	const char *bytes = (const char *)event->header;

	waiting->bytes = malloc(event->header->size);
	if (!waiting->bytes)
		return false;
	memcpy(waiting->bytes, bytes, event->header->size);
	waiting->event = *event;
	waiting->event.header = waiting->bytes;
	waiting->event.address.data = (char *)waiting->bytes + (event->address.data - bytes);
	waiting->event.mounted.data = (char *)waiting->bytes + (event->mounted.data - bytes);
	return true;
}

static void refused_ask(struct refused *refused, const struct event *event,
			const struct resolve *resolve, uint64_t now)
{
	struct waiting_connect *waiting = calloc(1, sizeof(*waiting));

	if (!waiting || !refused_keep(waiting, event)) {
		free(waiting);
		refused->options.unresolved(refused->options.data, event->header->account);
		caller_unref(event->caller);
		return;
	}
	waiting->refused = refused;
	waiting->resolve = *resolve;
	waiting->job = (struct job){
		.run = refused_run,
		.done = refused_done,
		.free = refused_free_job,
		.account = event->header->account,
		.patience = PATIENCE,
	};
	if (beside_put(refused->options.beside, &waiting->job, now)) {
		refused_tell(waiting, false);
		refused_free_job(&waiting->job);
	}
}

void refused_event(struct refused *refused, const struct event *event, uint64_t now)
{
	const struct refused_options *options = &refused->options;
	int socket = (int)event->header->socket;
	struct resolve resolve;
	bool known = event->header->flags & CALLERD_FLAG_RESOLVED;

	if (!known && resolve_begin(event, &resolve)) {
		caller_unref(event->caller);
		return;
	}
	if (!known)
		socket = resolve_at_once(&resolve, options->capture);
	if (socket >= 0 && (unsigned int)socket < options->socket_count) {
		options->resolved(options->data, event, socket);
	} else if (known) { /* not a watched socket, and no path to walk */
		options->unresolved(options->data, event->header->account);
		caller_unref(event->caller);
	} else {
		refused_ask(refused, event, &resolve, now);
	}
}
