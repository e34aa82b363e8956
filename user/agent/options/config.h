/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration files. Reading them changes nothing: each time gives a struct config of its own, so that a
 * running agent can read them anew and swap what it got, or keep what it had. */
#ifndef CALLERD_CONFIG_H
#define CALLERD_CONFIG_H

#include "docker/judge/policy.h"
#include "where/levels.h"

#define CONFIG_SIZE_MAX (1u << 20)
#define CONFIG_SETTINGS_MAX 256 /* lines of [callerd] */
#define CONFIG_FILES_MAX 64

/* A line of [callerd]. KEY is a long option without its dashes. */
struct config_setting {
	struct setting_source source;
	const char *key, *value; /* lie in the file's text */
};

struct config_file {
	char *name;
	char *text; /* cut into names, keys and values */
};

struct config {
	struct config_setting settings[CONFIG_SETTINGS_MAX]; /* in the order of the files */
	unsigned int setting_count;
	struct policy *policy; /* owned; a caller that takes it over sets this to NULL */
	struct levels *levels; /* the same */
	struct config_file files[CONFIG_FILES_MAX];
	unsigned int file_count;
};

/* What is wrong, and where. */
struct config_error {
	char file[512];
	unsigned int line; /* 0: no single line is */
	char what[256];	   /* one sentence */
};

/* Reads and checks the file at PATH; or, where PATH is a directory, its callerd.conf and then each *.conf in its conf.d,
 * by name. The settings of [callerd] are for the caller to judge. 0 or -errno (-ENOENT, -ENOTDIR: there is none) with
 * ERROR filled in. Free with config_free(). */
int config_load(const char *path, struct config **ret, struct config_error *error);

/* The same of SIZE bytes in memory, as a file NAME. 0, -EINVAL or -ENOMEM. */
int config_parse(const char *name, const char *data, size_t size, struct config **ret,
		 struct config_error *error);

void config_free(struct config *config);

#endif
