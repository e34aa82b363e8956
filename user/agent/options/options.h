/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CALLERD_OPTIONS_H
#define CALLERD_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "docker/judge/policy.h"
#include "docker/known/labels.h"
#include "finder/relay_ports.h"
#include "guard/guard.h"
#include "kernel/capture.h"
#include "process/environment.h"
#include "secret/mask.h"
#include "setting/setting.h"

#define OUTPUTS_MAX 16
#define OPTIONS_WHY_SIZE 6000 /* of a sentence that says what is wrong, and where */

/* The directory of the files that are read when --config names none. It need not exist. */
#define CONFIG_PATH "/etc/callerd"

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

enum discover { DISCOVER_AUTO, DISCOVER_YES, DISCOVER_NO };
enum confine_what { CONFINE_ALL, CONFINE_NONE };

struct options {
	/* NULL-terminated. */
	const char *sockets[CALLERD_SOCKETS_MAX + 1];
	unsigned int socket_count;
	const char *containerds[CALLERD_SOCKETS_MAX + 1]; /* the same: of containerd */
	unsigned int containerd_count;
	const char *relays[CALLERD_SOCKETS_MAX +
			   1]; /* the same: of relays before engines, or their ports: "tcp://…" */
	unsigned int relay_count, relay_port_count; /* all of them, and the ports */
	enum discover discover;
	bool discovers; /* what .discover means here */
	const char *outputs[OUTPUTS_MAX + 1];
	unsigned int output_count;
	bool human; /* stdout gets lines for a person */
	enum guard_what guard;
	enum confine_what confine;
	bool engine_calls; /* calls of dockerd and kubelet to containerd get records, too */
	bool own_calls;	   /* callerd's own calls to the engines get records, too */
	enum log_level log_level;
	enum capture_backend backend;
	unsigned int status_interval;		    /* seconds; 0: no agent-status records */
	const char *metrics_socket, *metrics_file;  /* NULL: none */
	const char *control_socket, *control_group; /* for callerctl; the same */
	gid_t control_gid;
	const char *metrics_group; /* NULL: root only */
	gid_t metrics_gid;	   /* the same; (gid_t)-1 */
	bool count_runs;	   /* of the kernel programs */
	bool test_at_start;
	bool self_test; /* test, and exit */
	uint32_t connections;
	uint32_t callers_ring, payload_ring;	  /* bytes */
	uint64_t request_budget, response_budget; /* bytes copied of each message */
	const char
		*pin; /* directory that keeps the kernel programs while no agent runs; NULL: none */
	unsigned int away_limit; /* seconds without an agent until only counts are kept */
	bool detach;		 /* end what is pinned, and exit */
	/* Containers, images and volumes remembered, of each kind and engine; 0: engines are not asked. */
	unsigned int inventory;
	unsigned int event_wait; /* seconds that an event waits for the request behind it */
	const char *state_path;	 /* NULL: no state is kept in a file */
	const char *explain;	 /* the container to explain before exit; NULL: run */
	const char *event_file;	 /* gets the raw events, for tools/replay; NULL: none */
	const char *mask_names[MASK_SITE_MAX + 1], *mask_patterns[MASK_SITE_MAX + 1];
	unsigned int mask_name_count, mask_pattern_count;
	/* variables of callers' environments that are read beside those known, or "none" */
	const char *environment[ENVIRONMENT_SITE_MAX + 1];
	unsigned int environment_count;
	const char *labels[LABELS_SITE_MAX + 1]; /* patterns of those that are told, too */
	unsigned int label_count;
	const char *config_path;    /* NULL: no file was read */
	bool check_config;	    /* say whether it is right, and exit */
	bool print_config;	    /* print what is in force, and exit */
	struct setting_notes notes; /* what was given; owned */
	struct policy *policy;	    /* never NULL; owned */
	struct levels *levels;	    /* the same */
	int full_from;		    /* see options_full_from() */
	unsigned int fold;	    /* see options_fold() */
	struct config *config;	    /* owns the strings that come from the file */
};

/* Parses the command line and the configuration files, and gives mask.h the names and patterns of the site. Returns 0; 1
 * when there is nothing more to do (--help, --version, --check-config, --print-config); -EINVAL with one sentence on
 * stderr. What may be a mistake is told on stderr, as the log level says. Free with options_free(). */
int options_parse(int argc, char **argv, struct options *ret);

/* The same, but all is read into RET alone, and what is wrong goes to WHY. */
int options_read(int argc, char **argv, struct options *ret, struct setting_why why);

/* For so long (ns) equal reads are told by one record; 0: each has its own. */
uint64_t options_fold(const struct options *options);

/* Records with a finding of that severity tell all. */
enum finding_severity options_full_from(const struct options *options);

void options_free(struct options *options);

/* The setting that the table has under NAME. */
const struct setting *options_setting(const char *name);

/* The same; NULL: there is no such one. */
const struct setting *options_find_setting(struct bytes name);

/* Adds OPTIONS in the form of a configuration file that sets all of them. 0 or -ENOMEM. */
int options_write(const struct options *options, struct text *out);

/* The next setting behind LAST (NULL: the first) that A and B have different values of, and that an agent takes over at its
 * start only; NULL: there is none. */
const struct setting *options_next_restart(const struct options *a, const struct options *b,
					   const struct setting *last);

/* Reads the options in ARGV into READER, whose table may have 64: a setting without .meta takes no value and becomes
 * "yes"; -h is --help. *RET_REST: the index of the first argument that is no option. 0, -EINVAL with a sentence in WHY, or
 * what .take returns. */
int options_read_arguments(struct setting_reader *reader, int argc, char **argv, int *ret_rest,
			   struct setting_why why);

/* Prints the settings of TABLE up to the first one without .help. */
void options_print_help(const struct setting *table);

#endif
