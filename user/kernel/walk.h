/* SPDX-License-Identifier: Apache-2.0 */
/* Programs of the kind "iter", which the kernel runs for each object of a kind. */
#ifndef CALLERD_WALK_H
#define CALLERD_WALK_H

#include <stdint.h>

struct bpf_link;
struct bpf_program;

/* Attaches PROGRAM, which is then run for what the process PID has alone. NULL: errno says why. Free the link with
 * bpf_link__destroy(). */
struct bpf_link *walk_attach(const struct bpf_program *program, uint32_t pid);

/* Runs a program that writes nothing: it puts what it finds into a map. 0 or -errno. */
int walk_run(const struct bpf_link *link);

#endif
