// SPDX-License-Identifier: Apache-2.0
#include "ctl/become/access_bus.h"

#include <dlfcn.h>
#include <stddef.h>
#include <string.h>

#include "base/bytes.h"

#define LIBRARY "libsystemd.so.0"

#define ACCESS_BUS(member, symbol)                                                                 \
	{                                                                                          \
		"sd_bus_" symbol, offsetof(struct access_bus, member)                              \
	}

bool access_bus_load(struct access_bus *ret)
{
	static const struct {
		const char *symbol;
		size_t offset;
	} functions[] = {
		ACCESS_BUS(open_system, "open_system"),
		ACCESS_BUS(flush_close_unref, "flush_close_unref"),
		ACCESS_BUS(process, "process"),
		ACCESS_BUS(wait, "wait"),
		ACCESS_BUS(call_async, "call_async"),
		ACCESS_BUS(add_object, "add_object"),
		ACCESS_BUS(reply_error, "reply_method_errorf"),
		ACCESS_BUS(new_call, "message_new_method_call"),
		ACCESS_BUS(ref, "message_ref"),
		ACCESS_BUS(unref, "message_unref"),
		ACCESS_BUS(sender, "message_get_sender"),
		ACCESS_BUS(is_call, "message_is_method_call"),
		ACCESS_BUS(is_error, "message_is_method_error"),
		ACCESS_BUS(append, "message_append"),
		ACCESS_BUS(read, "message_read"),
		ACCESS_BUS(skip, "message_skip"),
		ACCESS_BUS(enter, "message_enter_container"),
		ACCESS_BUS(exit, "message_exit_container"),
	};
	void *library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);

	_Static_assert(sizeof(functions) / sizeof(*functions) * sizeof(void *) ==
			       sizeof(struct access_bus),
		       "each function is looked up");
	for (size_t i = 0; library && i < COUNT(functions); i++) {
		void *function = dlsym(library, functions[i].symbol);

		if (!function)
			return false;
		memcpy((char *)ret + functions[i].offset, &function, sizeof(function));
	}
	return library;
}
