/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CALLERD_OPTIONS_H
#define CALLERD_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "docker/judge/policy.h"
#include "kernel/capture.h"

#define OUTPUTS_MAX 16

#ifndef CONFIG_PATH
#define CONFIG_PATH "/etc/callerd/callerd.conf" /* read where there is one */
#endif

struct config;

/* Exit codes; documented in --help and docs/usage.md. */
enum exit_code {
	EXIT_OK = 0,
	EXIT_FAILED = 1,    /* something failed while running */
	EXIT_USAGE = 2,	    /* the command line or the configuration is wrong */
	EXIT_PRIVILEGE = 3, /* a capability is missing */
	EXIT_BACKEND = 4,   /* this kernel offers no usable backend */
	EXIT_OUTPUT = 5,    /* an output cannot be written */
};

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO };

struct options {
	const char *sockets[CALLERD_SOCKETS_MAX + 1]; /* NULL-terminated */
	unsigned int socket_count;
	const char *outputs[OUTPUTS_MAX + 1]; /* the same */
	unsigned int output_count;
	bool human;	/* readable lines on stdout */
	bool own_calls; /* are told as those of others */
	enum log_level log_level;
	enum capture_backend backend;
	unsigned int status_interval; /* seconds; 0: off */
	uint32_t connections;
	uint32_t callers_ring, payload_ring;	  /* bytes */
	uint64_t request_budget, response_budget; /* bytes per turn */
	unsigned int inventory;	 /* entries of each kind per engine; 0: engines are not asked */
	unsigned int event_wait; /* seconds; of an engine's event, for the request behind it */
	const char *state_path;	 /* NULL: nothing is kept beyond our own life */
	const char *explain;	 /* say what is known of this container, and no more; NULL: run */
	const char *event_file;	 /* raw events for tools/replay; NULL: none */
	const char *config_path; /* NULL: no file was read */
	bool check_config;	 /* say what is in force, and no more */
	struct policy *policy;	 /* never NULL; to be swapped for that of a newer file */
	struct config *config;	 /* what the strings of the file live in */
};

/* Parses the command line and the configuration file. Returns 0; 1 when there is nothing more to do (--help,
 * --version, --check-config); -EINVAL with one sentence on stderr. Free with options_free(). */
int options_parse(int argc, char **argv, struct options *ret);

/* Frees the policy too. */
void options_free(struct options *options);

#endif
