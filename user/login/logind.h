/* SPDX-License-Identifier: Apache-2.0 */
/* What logind says of a session, in /run/systemd/sessions. Its files are root's; what users and those who log in choose stands in
 * them escaped. */
#ifndef CALLERD_LOGIND_H
#define CALLERD_LOGIND_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"

#define LOGIND_SESSIONS "/run/systemd/sessions"
#define LOGIND_FILE_MAX 8192 /* bytes */

/* data NULL, CALLERD_UNSET_ID, 0: not told. */
struct logind_session {
	uint32_t user, audit;
	uint32_t leader; /* PID */
	uint64_t time;	 /* when it began: ns of CLOCK_REALTIME */
	struct bytes service, host, terminal, scope;
	bool closing; /* it has ended, but processes of it go on */
};

/* Reads TEXT, a file that may be cut off, into RET, which points into it. False: no user of it is told, as in no such file. */
bool logind_read(struct bytes text, struct logind_session *ret);

#endif
