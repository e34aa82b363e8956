/* SPDX-License-Identifier: Apache-2.0 */
/* `callerd bugreport`: what somebody who looks for a mistake wants to know, in one text on stdout. Nothing in it is of a caller;
 * paths, names and what else a site chooses are withheld unless they are asked for. */
#ifndef CALLERD_BUGREPORT_H
#define CALLERD_BUGREPORT_H

#include "agent/options/options.h"

/* ARGV[0] is "bugreport"; the options of callerd follow, and --with-names. */
enum exit_code bugreport(int argc, char **argv);

/* Adds CONFIG, which is what --print-config prints, without what a site chooses. */
void bugreport_add_config(struct text *out, struct bytes config);

/* Adds METRICS without the names of outputs and sockets. */
void bugreport_add_metrics(struct text *out, struct bytes metrics);

/* Adds what /healthz says, without names. */
void bugreport_add_health(struct text *out, struct bytes health);

/* Adds DETAILS without the paths in them: the one where programs are pinned, which the site may have chosen, and what else
 * is there. */
void bugreport_add_details(struct text *out, struct bytes details);

#endif
