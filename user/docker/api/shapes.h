/* SPDX-License-Identifier: Apache-2.0 */
/* The Go types that the daemon reads bodies into, as far as they matter (body.h). Those of
 * containers gather labels where the body's data is a struct labels (known/labels.h). */
#ifndef CALLERD_SHAPES_H
#define CALLERD_SHAPES_H

#include "json/body.h"

/* Requests. */
extern const struct shape shape_container_create, shape_container_start, shape_container_update,
	shape_container_copy, shape_exec_create, shape_volume_create, shape_network_create,
	shape_network_connect, shape_service_spec, shape_swarm_init, shape_swarm_join,
	shape_node_spec, shape_secret_spec, shape_plugin_privileges, shape_plugin_settings,
	shape_checkpoint_create, shape_swarm_spec;

/* The same of Podman's own API. */
extern const struct shape shape_spec, shape_pod, shape_limits, shape_volume_options,
	shape_network_options, shape_network_join, shape_kube;

/* Of the OCI: a container, a process, limits. */
extern const struct shape shape_oci_spec, shape_oci_process, shape_oci_resources;

/* Responses. */
extern const struct shape
	shape_failure; /* a line of what an engine says while it pulls and the like */
extern const struct shape shape_created;	   /* what was created: "Id", "Name" */
extern const struct shape shape_pruned;		   /* what a prune removed: lists of ids, by kind */
extern const struct shape shape_removed_images;	   /* a list: "Untagged", "Deleted" */
extern const struct shape shape_container_inspect; /* GET /containers/{id}/json */

#endif
