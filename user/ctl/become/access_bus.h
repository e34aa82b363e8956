/* SPDX-License-Identifier: Apache-2.0 */
/* What is used of sd-bus, by the names that libsystemd.so.0 has for it. It is loaded when it is wanted: where polkitd is it is, too, and callerctl
 * runs where neither is. */
#ifndef CALLERD_ACCESS_BUS_H
#define CALLERD_ACCESS_BUS_H

#include <stdbool.h>
#include <stdint.h>

struct sd_bus;
struct sd_bus_message;

typedef int access_bus_handler(struct sd_bus_message *message, void *data, void *error);

struct access_bus {
	int (*open_system)(struct sd_bus **ret);
	void *(*flush_close_unref)(struct sd_bus *bus);
	int (*process)(struct sd_bus *bus, struct sd_bus_message **ret);
	int (*wait)(struct sd_bus *bus, uint64_t microseconds);
	int (*call_async)(struct sd_bus *bus, void **slot, struct sd_bus_message *call,
			  access_bus_handler *handler, void *data, uint64_t microseconds);
	int (*add_object)(struct sd_bus *bus, void **slot, const char *path,
			  access_bus_handler *handler, void *data);
	int (*reply_error)(struct sd_bus_message *call, const char *name, const char *format, ...);
	int (*new_call)(struct sd_bus *bus, struct sd_bus_message **ret, const char *destination,
			const char *path, const char *interface, const char *member);
	struct sd_bus_message *(*ref)(struct sd_bus_message *message);
	struct sd_bus_message *(*unref)(struct sd_bus_message *message);
	const char *(*sender)(struct sd_bus_message *message);
	int (*is_call)(struct sd_bus_message *message, const char *interface, const char *member);
	int (*is_error)(struct sd_bus_message *message, const char *name);
	int (*append)(struct sd_bus_message *message, const char *types, ...);
	int (*read)(struct sd_bus_message *message, const char *types, ...);
	int (*skip)(struct sd_bus_message *message, const char *types);
	int (*enter)(struct sd_bus_message *message, char type, const char *contents);
	int (*exit)(struct sd_bus_message *message);
};

/* False: there is no such library. It stays loaded. */
bool access_bus_load(struct access_bus *ret);

#endif
