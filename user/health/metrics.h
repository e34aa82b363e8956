/* SPDX-License-Identifier: Apache-2.0 */
/* How callerd does, in the text format of Prometheus. */
#ifndef CALLERD_METRICS_H
#define CALLERD_METRICS_H

#include "health/health.h"
#include "system/beside.h"

/* Adds all metrics. HEALTHY: what health_judge() said. */
void metrics_add(struct text *out, const struct health *health, bool healthy);

/* A file that is replaced as a whole, for node_exporter's textfile collector. */
struct metrics_file;

/* PATH: absolute, in a directory that is there. 0, or -errno with a sentence in WHY. */
int metrics_file_open(const char *path, struct metrics_file **ret, char *why, size_t size);

/* Removes the file: what it says is over. */
void metrics_file_close(struct metrics_file *file);

/* Whether it is time to write, about each quarter of a minute. */
bool metrics_file_is_due(const struct metrics_file *file, uint64_t now);

/* Has TEXT written, which is taken over, beside the loop. */
void metrics_file_write(struct metrics_file *file, struct beside *beside, struct text *text,
			uint64_t now);

/* A sentence, once, where it cannot be written, and once that it can again; NULL: nothing new. */
const char *metrics_file_news(struct metrics_file *file);

#endif
