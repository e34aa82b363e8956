/* SPDX-License-Identifier: Apache-2.0 */
/* What kube_judge.c and kube_facts.c share: where things stand in the documents. */
#ifndef CALLERD_KUBE_INSIDE_H
#define CALLERD_KUBE_INSIDE_H

#include "docker/judge/verdict.h"
#include "json/body.h"

/* The pod that a DOCUMENT describes, or the template of it; NULL: none. *RET_METADATA has its annotations. */
const struct value *kube_pod(const struct value *document, const struct value **ret_metadata);

/* A list of containers of a pod. */
#define KUBE_CONTAINER_LISTS 2
const struct value *kube_containers(const struct value *pod, unsigned int list);

/* The volume of POD that MOUNT is of; NULL: none. */
const struct value *kube_volume(const struct value *pod, const struct value *mount);

/* Where MOUNT is mounted, and the options behind a colon, which Podman takes there. */
struct bytes kube_mount_path(const struct value *mount, struct bytes *ret_options);

/* A flag, which is a text here (json/yaml_body.h). */
bool kube_is_true(const struct value *value, const char *name);

void kube_tell(struct verdict *verdict, const struct value *documents);

#endif
