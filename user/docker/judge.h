/* SPDX-License-Identifier: Apache-2.0 */
/* What the contents of a request mean: its findings. One function per kind of body; the table of routes
 * (route.c) says which. */
#ifndef CALLERD_JUDGE_H
#define CALLERD_JUDGE_H

#include "docker/body.h"
#include "docker/route.h"
#include "docker/verdict.h"

/* A request while it is judged. */
struct judging {
	struct inventory *inventory;	/* of the engine; NULL: none */
	const struct host_files *files; /* NULL: nobody to ask */
	const struct route_match *match;
	struct bytes query;	  /* as sent */
	const struct value *body; /* NULL: none, or none that the daemon takes */
	const struct inventory_container
		*container;		   /* target, or that of the exec; NULL: unknown */
	const struct inventory_exec *exec; /* target; NULL: unknown */
	struct verdict *verdict;
	bool refused;	/* the engine did not do it */
	bool inspected; /* as the engine tells it, with defaults of its own */
};

void judge_container_create(struct judging *judging);
void judge_container_start(struct judging *judging);
void judge_container_update(struct judging *judging);
void judge_archive_read(struct judging *judging);
void judge_archive_write(struct judging *judging);
void judge_exec_create(struct judging *judging);
void judge_exec_start(struct judging *judging);
void judge_image_create(struct judging *judging);
void judge_commit(struct judging *judging);
void judge_build(struct judging *judging);
void judge_volume_create(struct judging *judging);
void judge_network_create(struct judging *judging);
void judge_network_connect(struct judging *judging);
void judge_plugin(struct judging *judging);
void judge_plugin_set(struct judging *judging);
void judge_service(struct judging *judging);
void judge_swarm(struct judging *judging);
void judge_secret(struct judging *judging);
void judge_node(struct judging *judging);

/* What the container that the operation acts on, or in, has, as far as the operation gives it to the caller. */
void judge_entry(struct judging *judging);

/* Whether somebody looked at what the container of the operation may do; else that is a finding. */
bool judge_container_known(struct judging *judging);

/* A container as the engine describes it (shape_container_inspect): what its creation would be found to be. */
void judge_inspected(struct judging *judging, const struct value *inspect);

/* Whether a mount, a capability … must not be dropped where memory is short (body.h). DATA is NULL or a
 * struct judging. */
bool judge_matters(void *data, const struct value *element);
bool judge_bind_matters(void *data, const struct value *element);
bool judge_mount_matters(void *data, const struct value *element);
bool judge_capability_matters(void *data, const struct value *element);
bool judge_security_option_matters(void *data, const struct value *element);
bool judge_log_option_matters(void *data, const struct value *element);
bool judge_volume_key_matters(void *data, const struct value *element);
bool judge_sysctl_matters(void *data, const struct value *element);

#endif
