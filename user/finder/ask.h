/* SPDX-License-Identifier: Apache-2.0 */
/* Asks an engine what it is: GET /version and GET /info, once. What it answers is its own word. */
#ifndef CALLERD_ASK_H
#define CALLERD_ASK_H

#include <stdbool.h>
#include <stdint.h>

#include "record/record.h"

#define ASK_LIST_MAX 8

struct ask_list {
	char texts[ASK_LIST_MAX][128];
	unsigned int count;
};

struct ask_answer {
	int error; /* negative: it could not be asked, or did not answer */
	bool has_version, has_info;
	enum engine_brand brand;
	char version[64], api_version[16], root_directory[256], cgroup_driver[32];
	struct ask_list plugins, security; /* authorization plugins, security options */
	bool live_restore;
};

/* Asks the engine at SOCKET, for TIME_MAX ns at most. No file system that another program serves is
 * entered on the way. */
void ask_engine(const char *socket, uint64_t time_max, struct ask_answer *ret);

/* Whether one of the security options is NAME, "rootless". */
bool ask_has_option(const struct ask_answer *answer, const char *name);

#endif
