/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration file. Reading it changes nothing: each time gives a struct config of its own, so that a
 * running agent can read it anew and swap what it got, or keep what it had. */
#ifndef CALLERD_CONFIG_H
#define CALLERD_CONFIG_H

#include "docker/judge/policy.h"

#define CONFIG_SIZE_MAX (1u << 20)
#define CONFIG_SETTINGS_MAX 256 /* lines of [callerd] */

/* A line of [callerd]. KEY is a long option without its dashes. */
struct config_setting {
	unsigned int line;
	const char *key, *value; /* lie in config->text */
};

struct config {
	struct config_setting settings[CONFIG_SETTINGS_MAX]; /* in the order of the file */
	unsigned int setting_count;
	struct policy *policy; /* owned; a caller that takes it over sets this to NULL */
	char *text;	       /* of the file, cut into names, keys and values */
};

/* What is wrong with the file. */
struct config_error {
	unsigned int line; /* 0: no single line is */
	char what[256];	   /* one sentence */
};

/* Reads and checks the file at PATH; the settings of [callerd] are for the caller to judge. 0 or -errno
 * (-ENOENT, -ENOTDIR: there is none) with ERROR filled in. Free with config_free(). */
int config_load(const char *path, struct config **ret, struct config_error *error);

/* The same of SIZE bytes in memory. 0, -EINVAL or -ENOMEM. */
int config_parse(const char *data, size_t size, struct config **ret, struct config_error *error);

void config_free(struct config *config);

#endif
