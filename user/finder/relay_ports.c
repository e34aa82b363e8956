// SPDX-License-Identifier: Apache-2.0
#include "finder/relay_ports.h"

#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "host/proc.h"

#define LOOKS_KEPT 64
#define LOOKS_MAX 8		   /* in a second */
#define LOOK_AGAIN (10 * NS_PER_S) /* one that held none may listen by then */
#define PROGRAM_MAX 3		   /* processes of one program, above the one that calls */
#define YOUNG NS_PER_S		   /* a client that was started for one call is none */

/* The listener of a relay. */
struct relay_port {
	struct callerd_endpoint end;
	struct process holder; /* .pid 0: not known */
	uint64_t since;
};

struct relay_look {
	uint32_t pid;
	uint64_t start, at;
};

struct relay_ports {
	uint32_t first;
	unsigned int count;
	struct relay_look looks[LOOKS_KEPT];
	uint64_t second;
	unsigned int looks_now; /* in that second */
	struct relay_port list[];
};

int relay_ports_new(const char *const *names, unsigned int count, uint32_t first,
		    struct relay_ports **ret)
{
	struct relay_ports *ports = calloc(1, sizeof(*ports) + count * sizeof(*ports->list));

	if (!ports)
		return -ENOMEM;
	ports->first = first;
	ports->count = count;
	for (unsigned int i = 0; i < count; i++)
		if (doors_parse(names[i] + strlen(DOORS_SCHEME), &ports->list[i].end))
			ports->list[i].end.port = 0; /* the options have none such */
	*ret = ports;
	return 0;
}

void relay_ports_free(struct relay_ports *ports)
{
	free(ports);
}

/* Whether PROCESS is to be looked at: not if it was a moment ago, or too many are. */
static bool takes_look(struct relay_ports *ports, const struct process *process, uint64_t now)
{
	struct relay_look *look = &ports->looks[process->pid % LOOKS_KEPT];

	if (look->pid == process->pid && look->start == process->start &&
	    now < look->at + LOOK_AGAIN)
		return false;
	if (ports->second != now / NS_PER_S)
		ports->looks_now = 0;
	ports->second = now / NS_PER_S;
	if (ports->looks_now++ >= LOOKS_MAX)
		return false;
	*look = (struct relay_look){process->pid, process->start, now};
	return true;
}

static bool holder_lives(const struct relay_port *port)
{
	_close_ int process =
		port->holder.pid ? proc_open(port->holder.pid, port->holder.start) : -1;

	return process >= 0;
}

static void look_for_port(struct relay_ports *ports, struct doors *doors, unsigned int index,
			  const struct process *process, uint64_t now)
{
	struct relay_port *port = &ports->list[index];
	struct doors_listener listener = {
		.pid = process->pid, .end = port->end, .socket = ports->first + index};

	if (holder_lives(port))
		return;
	if (port->holder.pid)
		doors_leave(doors, listener.socket);
	port->holder.pid = 0;
	if (doors_watch(doors, &listener))
		return;
	port->holder.pid = process->pid;
	port->holder.start = process->start;
	port->since = now;
}

static void look_for_ports(struct relay_ports *ports, struct doors *doors,
			   const struct process *process, uint64_t now)
{
	_close_ int directory = -1;

	if (process->euid || !process->start || now < process->start + YOUNG ||
	    !takes_look(ports, process, now))
		return;
	directory = proc_open(process->pid, process->start);
	for (unsigned int i = 0; i < ports->count && directory >= 0; i++)
		look_for_port(ports, doors, i, process, now);
}

void relay_ports_look(struct relay_ports *ports, struct doors *doors, const struct caller *caller,
		      uint64_t now)
{
	unsigned int depth = caller_program_depth(caller);

	/* What somebody else listens to is none of the site's relays. */
	if (!doors_are_seen(doors) || caller->basis != CALLER_FROM_KERNEL || caller->process.euid ||
	    caller_in_user_namespace(caller))
		return;
	/* Who began it for a client listens, or, as haproxy's workers, it does so itself. */
	for (unsigned int i = depth < PROGRAM_MAX ? depth : PROGRAM_MAX; i > 0; i--)
		look_for_ports(ports, doors, &caller->ancestors[i - 1], now);
	look_for_ports(ports, doors, &caller->process, now);
}

struct process relay_ports_holder(const struct relay_ports *ports, uint32_t socket, uint64_t time)
{
	const struct relay_port *port =
		socket >= ports->first && socket < ports->first + ports->count
			? &ports->list[socket - ports->first]
			: NULL;

	return port && time >= port->since ? port->holder : (struct process){0};
}
