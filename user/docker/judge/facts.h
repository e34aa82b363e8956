/* SPDX-License-Identifier: Apache-2.0 */
/* The facts of a body that a record tells as callerd.request.*. BODY may be NULL: then there are none. */
#ifndef CALLERD_FACTS_H
#define CALLERD_FACTS_H

#include "docker/containerd/containerd.h"
#include "docker/judge/verdict.h"
#include "json/body.h"

/* HOST is the part of BODY that describes the host's side. */
void facts_container_create(struct verdict *verdict, const struct value *body,
			    const struct value *host);
/* BODY is Podman's own description of a container. */
void facts_spec(struct verdict *verdict, const struct value *body);
void facts_pod(struct verdict *verdict, const struct value *body);
void facts_limits(struct verdict *verdict, const struct value *body);
void facts_network_spec(struct verdict *verdict, const struct value *body);
void facts_network_join(struct verdict *verdict, const struct value *body);
void facts_host(struct verdict *verdict, const struct value *host);
void facts_exec(struct verdict *verdict, const struct value *body);
/* Adds the command of an exec's BODY as a shell would take it, without secrets. */
void facts_spell_exec(struct text *out, const struct value *body);
/* The same of a command in two lists, of which each may be NULL. */
void facts_spell_command(struct text *out, const struct value *entrypoint,
			 const struct value *command);
void facts_platform(struct verdict *verdict, struct bytes query);
void facts_build(struct verdict *verdict, struct bytes query);
void facts_containerd(struct verdict *verdict, const struct containerd *containerd);
/* A container, and a process, of the OCI. */
void facts_oci(struct verdict *verdict, const struct value *body);
void facts_oci_process(struct verdict *verdict, const struct value *body);
/* Adds the command of a hook, without secrets. */
void facts_spell_hook(struct text *out, const struct value *hook);
void facts_volume(struct verdict *verdict, const struct value *body);
void facts_network(struct verdict *verdict, const struct value *body);
void facts_network_connect(struct verdict *verdict, const struct value *body);
void facts_service(struct verdict *verdict, const struct value *body);
void facts_swarm(struct verdict *verdict, const struct value *body);
void facts_node(struct verdict *verdict, const struct value *body);
void facts_plugin(struct verdict *verdict, const struct value *body);
void facts_plugin_set(struct verdict *verdict, const struct value *body);
/* Adds a device request as `docker run --gpus` has it, more or less. */
void facts_spell_device_request(struct text *out, const struct value *request);

void facts_named(struct verdict *verdict, const struct value *body); /* its name alone */

#endif
