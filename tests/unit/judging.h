/* SPDX-License-Identifier: Apache-2.0 */
/* Calls, each with what is found in it or told of it, and words of findings that many have. */
#ifndef CALLERD_TEST_JUDGING_H
#define CALLERD_TEST_JUDGING_H

#include "calling.h"

/* A call and what is told of it, in one of the parts of the line. */
struct told_case {
	const char *what, *body;
	const char *told;
	int status; /* 0: 200 */
};

/* Plays each case in a world of its own, in which some things are known. */
static inline void check_told(const struct told_case *cases, size_t count, unsigned int part)
{
	unsigned int wrong = 0;

	for (size_t i = 0; i < count; i++) {
		for (enum split split = SPLIT_NOT; split < SPLITS; split++) {
			const struct told_case *it = &cases[i];
			struct world world = {.split = split};
			struct asked request = {
				.what = it->what, .body = it->body, .status = it->status};

			world_open(&world);
			know_some(world.inventories[0]);
			make_call(&world, &request);
			if (strcmp(part_told(&world, part), it->told) != 0) {
				print_error("%s %s\nsays   %s\nwanted %s\n", it->what,
					    it->body ?: "", part_told(&world, part), it->told);
				wrong++;
			}
			world_close(&world);
		}
	}
	assert_int_equal(wrong, 0);
}

#define VOLUME_HOST "volume-host-path critical: "
#define ROOT "host-root-mount critical: "
#define PATH "host-path-mount "
#define SOCKET "engine-socket-mount critical: "
#define JOIN "join-container-namespace medium: "
#define UNJUDGED "not-judged medium: "
#define DISABLED "security-disabled high: "

#endif
