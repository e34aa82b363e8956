/* SPDX-License-Identifier: Apache-2.0 */
/* The methods of requests as values. */
#ifndef CALLERD_METHOD_H
#define CALLERD_METHOD_H

#include "base/bytes.h"

enum method {
	METHOD_NONE,  /* not known */
	METHOD_OTHER, /* of any other name */
	METHOD_CONNECT,
	METHOD_DELETE,
	METHOD_GET,
	METHOD_HEAD,
	METHOD_OPTIONS,
	METHOD_PATCH,
	METHOD_POST,
	METHOD_PRI, /* of HTTP/2's preface: no method */
	METHOD_PUT,
	METHOD_TRACE,
	METHODS,
};

/* Methods are case-sensitive. METHOD_NONE for no bytes. */
enum method method_by_name(struct bytes name);

#endif
