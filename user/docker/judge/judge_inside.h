/* SPDX-License-Identifier: Apache-2.0 */
/* What judge.c and its parts share: judge_security.c what protects a container, judge_known.c what is known to be
 * harmless, judge_log.c where its output goes, judge_network.c, judge_build.c and judge_checkpoint.c the rest; judge_spec.c has Podman's own
 * description of a container. */
#ifndef CALLERD_JUDGE_INSIDE_H
#define CALLERD_JUDGE_INSIDE_H

#include "base/text.h"
#include "docker/host/binds.h"
#include "docker/host/host_paths.h"
#include "docker/host/volumes.h"
#include "docker/judge/judge.h"

#define PRINTED(bytes) (int)(bytes).size, (bytes).data ? (bytes).data : ""

#define ADD(judging, id, severity, ...) verdict_add((judging)->verdict, id, severity, __VA_ARGS__)

/* --- judge.c */

/* A place of the host in a container; HOW it gets there, for a person. */
struct place {
	struct bytes source, destination;
	bool read_only;
	const char *through; /* "volume x: "; "" */
	bool is_volume;
	bool writable_below; /* though it is read-only itself, what is mounted below it is not */
};

void judge_place(struct judging *judging, const struct place *place);
void judge_bind(struct judging *judging, struct bytes text);
/* Whether SOURCE is a path: Podman takes relative ones, too. */
bool judge_is_host_source(struct bytes source);
void judge_named_volume(struct judging *judging, struct bytes name, struct bytes destination,
			bool read_only);
/* A volume that stands for PATH. NAME and DESTINATION may be empty. */
void judge_host_path_volume(struct judging *judging, struct bytes name, struct bytes path,
			    struct bytes destination, bool read_only);
/* SPEC: a container, and perhaps options behind a colon. */
void judge_volumes_from(struct judging *judging, struct bytes spec);
/* MODE of the namespace that Docker's FIELD, as "PidMode", is about. */
void judge_namespace(struct judging *judging, const char *field, struct bytes mode);
void judge_capabilities(struct judging *judging, const struct value *list);
void judge_other_runtime(struct judging *judging, struct bytes runtime, struct bytes cgroup_parent,
			 const struct value *sysctls);
enum finding_severity judge_capability_severity(struct bytes name);

/* --- judge_oci.c */

#define JUDGE_ITEMS_MAX 128

/* Items as the list that a body has; a value's .string and .key are both the item's text. */
struct judge_items {
	struct value list;
	struct value elements[JUDGE_ITEMS_MAX];
};

void judge_list_items(const struct containerd *containerd, enum containerd_kind kind,
		      struct judge_items *ret);

/* --- judge_known.c */

/* Adds the finding that VALUE of FIELD can matter and is not understood. SEVERITY_NONE: the usual severity. */
void judge_not_judged(struct judging *judging, enum finding_severity severity, const char *field,
		      struct bytes value);

/* MODE, of a namespace, is neither empty, nor the host's, nor another container's. HOST_FINDING is what it
 * would be if it was the host's; WHAT "PID namespace". */
void judge_other_mode(struct judging *judging, const char *field, const char *what,
		      enum finding_id host_finding, struct bytes mode);

/* TEXT, split into BIND, which Docker refuses. */
void judge_refused_bind(struct judging *judging, struct bytes text, const struct bind *bind);

/* The type of a mount, and what Podman reads in its texts. */
void judge_mount_words(struct judging *judging, const struct value *mount);

/* Podman mounts each file that the pattern SOURCE names. */
void judge_glob(struct judging *judging, struct bytes source, struct bytes target);

void judge_annotations(struct judging *judging, const struct value *annotations);
void judge_annotation(struct judging *judging, struct bytes key);

/* The rest of the host's part of a container. */
void judge_rest(struct judging *judging, const struct value *host);

/* Options of a volume that is made (docker/host/volumes.h). */
struct volume_settings {
	struct bytes type, device, options;
};

void judge_volume_settings(struct judging *judging, struct bytes name, struct bytes driver,
			   const struct volume_settings *settings);
void judge_volume_driver(struct judging *judging, struct bytes driver, const struct value *options);

/* --- judge_network.c */

void judge_network_options(struct judging *judging, const struct value *body);

/* --- judge_build.c */

void judge_build_query(struct judging *judging);

/* --- judge_checkpoint.c */

void judge_checkpoint_start(struct judging *judging);

/* --- judge_log.c */

void judge_log(struct judging *judging, struct bytes driver, const struct value *options);

/* --- judge_security.c */

void judge_security_options(struct judging *judging, const struct value *host);
void judge_security_option(struct judging *judging, struct bytes option);
/* The option that is the text NAME, with its separator, and VALUE behind it. */
void judge_security_setting(struct judging *judging, const char *name, struct bytes value);
/* Judges a LIST of paths that are hidden, or else read-only, where there is no other one: those that it lacks are open. OTHER hides
 * some as well. */
void judge_open_paths(struct judging *judging, const char *field, bool hidden,
		      const struct value *list, const struct value *other);
void judge_system_paths(struct judging *judging, const struct value *host);
void judge_privileges(struct judging *judging, const struct value *privileges);

#endif
