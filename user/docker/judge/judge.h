/* SPDX-License-Identifier: Apache-2.0 */
/* What the contents of a request mean: its findings. One function per kind of body; the table of routes
 * (route.c) says which. */
#ifndef CALLERD_JUDGE_H
#define CALLERD_JUDGE_H

#include "docker/buildkit/build.h"
#include "docker/containerd/containerd.h"
#include "docker/judge/verdict.h"
#include "json/body.h"

#define KEPT_MAX 4096 /* bytes of each of what is kept */

/* What a container depends on and others may change, to be judged again whenever it is started; packed. */
struct kept {
	/* Of each namespace of another container, or its volumes: the kind and its name, as judge_join() has them. */
	struct text joins;
	/* Of each path of the host: how it is mounted, what it comes through, the path, where it is mounted. */
	struct text places;
	bool more; /* than is kept */
};

/* The part of another container that a container joins. */
enum join_kind {
	JOIN_PID = 'p',
	JOIN_NETWORK = 'n',
	JOIN_IPC = 'i',
	JOIN_UTS = 'u',
	JOIN_USER = 's',
	JOIN_CGROUP = 'c',
	JOIN_VOLUMES = 'v',
};

/* What the caller of an operation gets of a container that is dangerous by itself. */
enum judge_entry {
	ENTRY_NONE, /* nothing; or the operation's judge says it, as of a start */
	ENTRY_BESIDE, /* its name, its memory, the files of its own: nothing that it has of the host */
	ENTRY_FILES, /* to read what is mounted in it */
	ENTRY_ALL,   /* to act in its place */
};

/* A request while it is judged. */
struct judging {
	struct inventory *inventory;	/* of the engine; NULL: none */
	const struct host_files *files; /* NULL: nobody to ask */
	struct bytes name,
		path; /* the target's name in the path, decoded, and the path itself (route.h); may be absent */
	enum judge_entry entry; /* what the operation gives of the container */
	struct bytes query;	/* as sent */
	const struct build
		*build;	       /* what a call asks of BuildKit; NULL: it is none, or is not known */
	struct bytes of_build; /* that a call names in its head; may be absent */
	struct bytes asked_for;		     /* the same of what the engine asks a session for */
	const struct containerd *containerd; /* the same of containerd */
	struct bytes namespace;		     /* of containerd's */
	const struct value *body;	     /* NULL: none, or none that the daemon takes */
	const struct inventory_container
		*container;		   /* target, or that of the exec; NULL: unknown */
	const struct inventory_exec *exec; /* target; NULL: unknown */
	struct verdict *verdict;
	struct kept *kept; /* to be added to; NULL: nobody keeps it */
	bool refused;	   /* the engine did not do it */
	bool inspected;	   /* as the engine tells it, with defaults of its own */
};

void judge_container_create(struct judging *judging);
/* As Podman's own API has them. */
void judge_spec(struct judging *judging); /* a container */
void judge_pod(struct judging *judging);
void judge_limits(struct judging *judging);
void judge_network_spec(struct judging *judging);
void judge_network_join(struct judging *judging);
void judge_container_start(struct judging *judging);
void judge_container_update(struct judging *judging);
void judge_archive_read(struct judging *judging);
void judge_archive_write(struct judging *judging);
void judge_checkpoint_create(struct judging *judging);
void judge_checkpoint_list(struct judging *judging);
void judge_checkpoint_delete(struct judging *judging);
void judge_exec_create(struct judging *judging);
void judge_exec_start(struct judging *judging);
void judge_image_create(struct judging *judging);
void judge_platform(struct judging *judging); /* of an image, in the query */
void judge_commit(struct judging *judging);
void judge_build(struct judging *judging);
void judge_solve(struct judging *judging);
void judge_build_container(struct judging *judging);
void judge_build_history(struct judging *judging);
void judge_session(struct judging *judging);
void judge_oci_create(struct judging *judging); /* a container of containerd's */
void judge_oci_run(struct judging *judging);
void judge_oci_exec(struct judging *judging);
void judge_oci_update(struct judging *judging);
void judge_oci_mounted(struct judging *judging); /* by containerd itself */
void judge_cri_pod(struct judging *judging);	 /* of Kubernetes' interface */
void judge_cri_container(struct judging *judging);
void judge_cri_exec(struct judging *judging);
void judge_cri_checkpoint(struct judging *judging);
void judge_volume_create(struct judging *judging);
void judge_network_create(struct judging *judging);
void judge_network_connect(struct judging *judging);
void judge_plugin(struct judging *judging);
void judge_plugin_set(struct judging *judging);
void judge_service(struct judging *judging);
void judge_swarm(struct judging *judging);
void judge_swarm_update(struct judging *judging);
void judge_secret(struct judging *judging);
void judge_node(struct judging *judging);

/* Adds the findings of the container that the operation acts on, as far as the operation gives the caller what they
 * are about. */
void judge_entry(struct judging *judging);

/* Whether the findings of the operation's container are known; if not, that is a finding. */
bool judge_container_known(struct judging *judging);

/* Judges that the new container joins KIND of the container KEY: it gets what KEY has of the host. */
void judge_join(struct judging *judging, enum join_kind kind, struct bytes key);

/* Adds to TO what CONTAINER has through others that it joins, as they are now. */
void judge_joined(struct judging *judging, const struct inventory_container *container,
		  struct verdict *to);

/* A container as the engine describes it (shape_container_inspect): what its creation would be found to be. */
void judge_inspected(struct judging *judging, const struct value *inspect);

/* Whether a mount, a capability … must not be dropped where memory is short (body.h). DATA is NULL or a
 * struct judging. */
bool judge_matters(void *data, const struct value *element);
bool judge_spec_mount_matters(void *data, const struct value *element);
bool judge_oci_mount_matters(void *data, const struct value *element);
bool judge_oci_capability_matters(void *data, const struct value *element);
bool judge_oci_rule_matters(void *data, const struct value *element);
bool judge_bind_matters(void *data, const struct value *element);
bool judge_mount_matters(void *data, const struct value *element);
bool judge_capability_matters(void *data, const struct value *element);
bool judge_security_option_matters(void *data, const struct value *element);
bool judge_log_option_matters(void *data, const struct value *element);
bool judge_volume_key_matters(void *data, const struct value *element);
bool judge_sysctl_matters(void *data, const struct value *element);

/* Whether NAME is an option of a log driver that callerd has heard of. */
bool judge_log_option_is_known(struct bytes name);

#endif
