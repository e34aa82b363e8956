// SPDX-License-Identifier: Apache-2.0
#include "http/method.h"

#include <assert.h>

static const char *const methods[] = {
	[METHOD_CONNECT] = "CONNECT", [METHOD_DELETE] = "DELETE",   [METHOD_GET] = "GET",
	[METHOD_HEAD] = "HEAD",	      [METHOD_OPTIONS] = "OPTIONS", [METHOD_PATCH] = "PATCH",
	[METHOD_POST] = "POST",	      [METHOD_PRI] = "PRI",	    [METHOD_PUT] = "PUT",
	[METHOD_TRACE] = "TRACE",
};
static_assert(COUNT(methods) == METHODS, "each has its name");

enum method method_by_name(struct bytes name)
{
	for (size_t i = METHOD_OTHER + 1; i < COUNT(methods); i++)
		if (bytes_are(name, methods[i]))
			return (enum method)i;
	return name.size ? METHOD_OTHER : METHOD_NONE;
}
