// SPDX-License-Identifier: Apache-2.0
#include "login/logind.h"

#include <string.h>

#include "base/clock.h"
#include "callerd/event.h"

/* The number that TEXT is, all of it, below LIMIT; else OTHERWISE. */
static uint64_t logind_number(struct bytes text, uint64_t limit, uint64_t otherwise)
{
	uint64_t number = 0;

	if (!text.size || text.size > 19)
		return otherwise;
	for (size_t i = 0; i < text.size; i++) {
		if (text.data[i] < '0' || text.data[i] > '9')
			return otherwise;
		number = number * 10 + (uint64_t)(text.data[i] - '0');
	}
	return number < limit ? number : otherwise;
}

static void logind_take(struct bytes key, struct bytes value, struct logind_session *ret)
{
	if (bytes_are(key, "UID"))
		ret->user = (uint32_t)logind_number(value, CALLERD_UNSET_ID, CALLERD_UNSET_ID);
	else if (bytes_are(key, "AUDIT"))
		ret->audit = (uint32_t)logind_number(value, CALLERD_UNSET_ID, CALLERD_UNSET_ID);
	else if (bytes_are(key, "LEADER"))
		ret->leader = (uint32_t)logind_number(value, INT32_MAX, 0);
	else if (bytes_are(key, "REALTIME"))
		ret->time = logind_number(value, UINT64_MAX / NS_PER_US, 0) * NS_PER_US;
	else if (bytes_are(key, "SERVICE"))
		ret->service = value;
	else if (bytes_are(key, "REMOTE_HOST"))
		ret->host = value;
	else if (bytes_are(key, "TTY"))
		ret->terminal = value;
	else if (bytes_are(key, "SCOPE"))
		ret->scope = value;
	else if (bytes_are(key, "STATE"))
		ret->closing = bytes_are(value, "closing");
}

bool logind_read(struct bytes text, struct logind_session *ret)
{
	const char *end, *equals;

	*ret = (struct logind_session){.user = CALLERD_UNSET_ID, .audit = CALLERD_UNSET_ID};
	/* A last line without an end may be cut off. */
	while (text.size && (end = memchr(text.data, '\n', text.size))) {
		struct bytes line = {text.data, (size_t)(end - text.data)};

		equals = memchr(line.data, '=', line.size);
		text = bytes_from(text, line.size + 1);
		if (equals && equals + 1 < end)
			logind_take((struct bytes){line.data, (size_t)(equals - line.data)},
				    (struct bytes){equals + 1, (size_t)(end - equals - 1)}, ret);
	}
	return ret->user != CALLERD_UNSET_ID;
}
