// SPDX-License-Identifier: Apache-2.0
/* The facts of the documents of `podman kube play`, all in one. Values of environments, ConfigMaps and Secrets are not even
 * kept. */
#include "base/bytes.h"
#include "docker/host/binds.h"
#include "docker/judge/facts.h"
#include "docker/kube/kube_inside.h"
#include "secret/mask.h"

/* Spells one of them, of a POD, into OUT. */
typedef void (*kube_spelling)(struct text *out, const struct value *pod, const struct value *one);

static struct record_fact *kube_list(struct verdict *verdict, const char *name)
{
	struct record_fact *fact = verdict_fact(verdict, name, FACT_LIST);

	return fact && verdict_list(verdict, fact, VERDICT_LIST_MAX) ? fact : NULL;
}

static void kube_add_objects(struct verdict *verdict, const struct value *documents)
{
	struct record_fact *fact = body_first(documents) ? kube_list(verdict, "objects") : NULL;

	if (!fact)
		return;
	EACH (one, documents) {
		struct text *text = verdict_scratch(verdict);

		mask_text(text, body_string(one, "kind"));
		text_add_char(text, '/');
		mask_text(text, body_string(body_get(one, "metadata"), "name"));
		verdict_append(verdict, fact, text_since(text, 0));
	}
}

/* NAME=IMAGE: and the command as a shell would take it. */
static void kube_spell_container(struct text *out, const struct value *pod, const struct value *one)
{
	struct bytes image = body_string(one, "image");
	const struct value *command = body_get(one, "command"), *args = body_get(one, "args");

	mask_text(out, body_string(one, "name"));
	text_add_char(out, '=');
	mask_reference(out, image);
	if (!body_first(command) && !body_first(args))
		return;
	text_add_string(out, ": ");
	facts_spell_command(out, command, args);
}

static void kube_spell_mount(struct text *out, const struct value *pod, const struct value *one)
{
	const struct value *volume = kube_volume(pod, one), *host = body_get(volume, "hostPath");
	const struct value *claim = body_get(volume, "persistentVolumeClaim");
	struct bytes options, path = kube_mount_path(one, &options);

	text_add_string(out, host ? "type=bind,source=" : "type=volume,source=");
	mask_text(out, host    ? body_string(host, "path")
		       : claim ? body_string(claim, "claimName")
			       : body_string(one, "name"));
	text_add_string(out, ",target=");
	mask_text(out, path);
	if (kube_is_true(one, "readOnly") || binds_has_word(options, "ro"))
		text_add_string(out, ",readonly");
}

/* [HOST-IP:]HOST-PORT:PORT[/PROTOCOL]; nothing of one that is not published. */
static void kube_spell_port(struct text *out, const struct value *pod, const struct value *one)
{
	struct bytes ip = body_string(one, "hostIP"), protocol = body_string(one, "protocol");

	if (!body_string(one, "hostPort").size)
		return;
	mask_text(out, ip);
	if (ip.size)
		text_add_char(out, ':');
	mask_text(out, body_string(one, "hostPort"));
	text_add_char(out, ':');
	mask_text(out, body_string(one, "containerPort"));
	if (protocol.size)
		text_add_char(out, '/');
	mask_text(out, protocol);
}

/* Appends what SPELL makes of ONE to FACT, which is added to the record with the first. */
static void kube_append(struct verdict *verdict, struct record_fact **fact, const char *name,
			struct bytes spelled)
{
	if (spelled.size && !*fact)
		*fact = kube_list(verdict, name);
	if (spelled.size && *fact)
		verdict_append(verdict, *fact, spelled);
}

/* FIELD: the list of each container that is told; NULL: the container itself. */
static void add_of_containers(struct verdict *verdict, const struct value *documents,
			      const char *name, const char *field, kube_spelling spell)
{
	struct record_fact *fact = NULL;

	EACH (document, documents) {
		const struct value *metadata, *pod = kube_pod(document, &metadata);

		for (unsigned int i = 0; i < KUBE_CONTAINER_LISTS; i++)
			EACH (container, kube_containers(pod, i)) {
				_cleanup_(text_free) struct text text = {0};

				if (!field) {
					spell(&text, pod, container);
					kube_append(verdict, &fact, name, text_since(&text, 0));
				}
				EACH (one, field ? body_get(container, field) : NULL) {
					text_cut(&text, 0);
					spell(&text, pod, one);
					kube_append(verdict, &fact, name, text_since(&text, 0));
				}
			}
	}
}

static void kube_spell_variable(struct text *out, const struct value *pod, const struct value *one)
{
	mask_text(out, body_string(one, "name"));
}

void kube_tell(struct verdict *verdict, const struct value *documents)
{
	kube_add_objects(verdict, documents);
	add_of_containers(verdict, documents, "containers", NULL, kube_spell_container);
	add_of_containers(verdict, documents, "mounts", "volumeMounts", kube_spell_mount);
	add_of_containers(verdict, documents, "ports", "ports", kube_spell_port);
	add_of_containers(verdict, documents, "environment", "env", kube_spell_variable);
}
