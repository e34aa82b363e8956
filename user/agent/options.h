/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CALLERD_OPTIONS_H
#define CALLERD_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "capture/capture.h"

#define SOCKETS_MAX 64
#define OUTPUTS_MAX 16

/* Exit codes; documented in --help and README.md. */
enum exit_code {
	EXIT_OK = 0,
	EXIT_FAILED = 1,    /* something failed while running */
	EXIT_USAGE = 2,	    /* the command line is wrong */
	EXIT_PRIVILEGE = 3, /* a capability is missing */
	EXIT_BACKEND = 4,   /* this kernel offers no usable backend */
	EXIT_OUTPUT = 5,    /* an output cannot be written */
};

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO };

struct options {
	const char *sockets[SOCKETS_MAX + 1]; /* NULL-terminated */
	unsigned int socket_count;
	const char *outputs[OUTPUTS_MAX];
	unsigned int output_count;
	bool human; /* readable lines on stdout */
	enum log_level log_level;
	enum capture_backend backend;
	unsigned int status_interval; /* seconds; 0: off */
	uint32_t connections;
	uint32_t callers_ring, payload_ring;	  /* bytes */
	uint64_t request_budget, response_budget; /* bytes per turn */
	const char *event_file;			  /* raw events for tools/replay; NULL: none */
};

/* Parses the command line. Returns 0; 1 when there is nothing more to do (--help, --version); -EINVAL
 * with one sentence on stderr. */
int options_parse(int argc, char **argv, struct options *ret);

#endif
