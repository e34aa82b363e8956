/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CALLERD_AGENT_H
#define CALLERD_AGENT_H

#include <stdbool.h>

#include "agent/options/options.h"

struct agent;

/* Opens the outputs, attaches to the kernel, begins to watch. EXIT_OK, or the exit code, with one
 * sentence on stderr; nothing is left half-started. OPTIONS are what ARGV and the files that it names say, and both outlive
 * the agent: SIGHUP has them read anew. Free with agent_free(). */
enum exit_code agent_new(const struct options *options, int argc, char **argv, struct agent **ret);

/* Runs until SIGTERM or SIGINT. */
enum exit_code agent_run(struct agent *agent);

/* False: a thread hangs in what somebody else does not let go on. The process must end by _exit(). */
bool agent_free(struct agent *agent);

#endif
