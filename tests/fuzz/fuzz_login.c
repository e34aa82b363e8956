// SPDX-License-Identifier: Apache-2.0
/* A session's file of logind, and behind its first NUL utmp: what is read of a file that is cut off is what the whole one says, and
 * lies in it. */
#include "fuzz.h"

#include "callerd/event.h"
#include "login/logind.h"
#include "login/utmp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool lies_in(struct bytes part, struct bytes whole)
{
	return !part.size ||
	       (part.data >= whole.data && part.data + part.size <= whole.data + whole.size);
}

static void check_logind(struct bytes file)
{
	struct logind_session session;
	bool found = logind_read(file, &session);

	MUST(found == (session.user != CALLERD_UNSET_ID));
	MUST(lies_in(session.host, file) && lies_in(session.service, file) &&
	     lies_in(session.terminal, file) && lies_in(session.scope, file));
	MUST(!session.host.size || !memchr(session.host.data, '\n', session.host.size));
}

static void check_utmp(struct bytes file)
{
	static const struct utmp_process processes[] = {{812, 0}, {900, 1000}};
	struct utmp_login found;

	if (!utmp_find(file, processes, 2, &found))
		return;
	MUST(lies_in(found.host, file) && lies_in(found.terminal, file));
	MUST(found.host.size <= 256 && found.terminal.size <= 32);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes input = {(const char *)data, size};
	const char *end = size ? memchr(data, '\0', size) : NULL;
	struct bytes file = {input.data, end ? (size_t)(end - input.data) : size};

	check_logind(file);
	check_utmp(bytes_from(input, end ? file.size + 1 : size));
	return 0;
}
