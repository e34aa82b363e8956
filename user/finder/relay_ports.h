/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Relays that listen on TCP: who holds the listener that the configuration names. A relay calls its engine, so each process of
 * root's that calls one is looked at, which no address has to be compared for: its listener may be in any network namespace.
 */
#ifndef CALLERD_RELAY_PORTS_H
#define CALLERD_RELAY_PORTS_H

#include "kernel/doors.h"
#include "process/caller.h"

#define RELAY_PORTS_MAX 8

struct relay_ports;

/* PORTS are COUNT names as "tcp://0.0.0.0:2375", and the watched sockets from FIRST on. 0 or -ENOMEM. Free with
 * relay_ports_free(). */
int relay_ports_new(const char *const *ports, unsigned int count, uint32_t first,
		    struct relay_ports **ret);

/* NULL is fine. */
void relay_ports_free(struct relay_ports *ports);

/* CALLER calls an engine. NOW: ns of CLOCK_BOOTTIME. */
void relay_ports_look(struct relay_ports *ports, struct doors *doors, const struct caller *caller,
		      uint64_t now);

/* The process that holds the listener of the watched SOCKET since before TIME; pid 0: not known. */
struct process relay_ports_holder(const struct relay_ports *ports, uint32_t socket, uint64_t time);

#endif
