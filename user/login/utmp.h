/* SPDX-License-Identifier: Apache-2.0 */
/* What utmp says of who is logged in. Root and programs of the group utmp write it: it is no proof. */
#ifndef CALLERD_UTMP_H
#define CALLERD_UTMP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"

#define UTMP_PATH "/run/utmp"
#define UTMP_OLD_PATH "/var/run/utmp"
#define UTMP_SIZE_MAX (2u << 20) /* bytes: 5,000 logins */

struct utmp_process {
	uint32_t pid;
	uint64_t time; /* of its start: ns of CLOCK_REALTIME */
};

struct utmp_login {
	struct bytes terminal, host; /* in the file */
	bool has_address;
	bool v6;
	unsigned char address[16];
	uint64_t time; /* ns of CLOCK_REALTIME */
};

/* Finds in FILE, the contents of utmp, the first login that one of the COUNT processes did: whoever it logged in may have had others
 * entered in its name. An older one with the same PID is another process's. False: there is none. */
bool utmp_find(struct bytes file, const struct utmp_process *processes, unsigned int count,
	       struct utmp_login *ret);

#endif
