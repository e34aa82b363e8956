// SPDX-License-Identifier: Apache-2.0
/*
 * Daemons with several sockets that are watched. Each of the sockets tells all that happens, whichever the request came by. What is
 * known of containers is kept for each socket, as if it were alone, so that nothing is lost where one of them goes. But requests count
 * for all sockets of their daemon, and an event is told once: at the first socket, and at another where that does not tell it in time.
 */
#include <stdlib.h>

#include "docker/cause/causes_inside.h"

#define KNOWN_EVENTS 4096

static bool is_known_event(const struct causes *causes, uint64_t identity)
{
	for (unsigned int i = 0; i < KNOWN_EVENTS; i++)
		if (causes->known[i] == identity)
			return true;
	return false;
}

/* Whether EVENT was told at another socket of the daemon. */
static bool is_told(const struct causes *causes, unsigned int socket,
		    const struct engine_event *event)
{
	const struct engine_side *engine = causes_side(causes, socket);
	uint64_t before = causes_side(causes, engine->first)->told_before;

	if (!engine->shared)
		return false;
	return (engine->first != socket && event->time && event->time <= before) ||
	       is_known_event(causes, engine_event_identity(event));
}

bool causes_is_held(const struct causes *causes, unsigned int socket,
		    const struct waiting_event *waiting)
{
	const struct engine_side *engine = causes_side(causes, socket);

	if (engine->undecided)
		return true;
	return engine->shared && engine->first != socket &&
	       !is_told(causes, socket, waiting->event);
}

bool causes_tell_once(struct causes *causes, unsigned int socket,
		      const struct waiting_event *waiting)
{
	if (!causes->known)
		return true;
	if (is_told(causes, socket, waiting->event))
		return false;
	causes->known[causes->known_next++ % KNOWN_EVENTS] = engine_event_identity(waiting->event);
	return true;
}

void causes_set_same(struct causes *causes, unsigned int socket, unsigned int first, bool certain)
{
	if (!causes->known)
		causes->known = calloc(KNOWN_EVENTS, sizeof(*causes->known));
	if (!causes->known)
		return;
	causes_side(causes, socket)->first = first;
	causes_side(causes, socket)->undecided = !certain;
	for (unsigned int i = 0; i < causes->options.socket_count; i++) {
		bool shared = false;

		for (unsigned int j = 0; j < causes->options.socket_count; j++)
			shared |= i != j && causes_is_same(causes, i, j);
		causes->engines[i].shared = shared;
	}
}
