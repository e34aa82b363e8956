// SPDX-License-Identifier: Apache-2.0
/* What calls of BuildKit say: the facts of a build, and what it may do outside of its steps. */
#include "docker/buildkit/build.h"
#include "docker/judge/judge_inside.h"
#include "secret/mask.h"

/* --- facts ---------------------------------------------------------------------------------------- */

typedef bool (*masker)(struct text *out, struct bytes text);

static void add_fact(struct judging *judging, const char *name, struct bytes text, masker mask)
{
	struct record_fact *fact =
		text.size ? verdict_fact(judging->verdict, name, FACT_TEXT) : NULL;
	struct text *masked = verdict_scratch(judging->verdict);

	if (!fact)
		return;
	if (mask(masked, text))
		text = text_since(masked, 0);
	fact->text = pool_copy(&judging->verdict->pool, text);
}

static void add_attribute(struct judging *judging, const char *name, const char *key, masker mask)
{
	add_fact(judging, name, build_value(judging->build, BUILD_ATTRIBUTE, key), mask);
}

static void add_true(struct judging *judging, const char *name, bool is)
{
	if (is)
		verdict_fact(judging->verdict, name, FACT_TRUE);
}

/* The next output that is pushed. The flag is set without a value as well; what Go takes for no flag, BuildKit refuses. */
static const struct build_item *next_push(const struct build *build, const struct build_item *last)
{
	static const char *const words[] = {"", "1", "t", "T", "true", "TRUE", "True"};

	do
		last = build_next_output(build, last, "push");
	while (last && !bytes_are_any(last->value, words, COUNT(words)));
	return last;
}

static bool is_listed(const struct build_item *item, enum build_kind kind, const char *prefix)
{
	return item->kind == kind && (!*prefix || bytes_begin(item->name, prefix));
}

/* The items of a kind whose names begin with PREFIX, which is not told; with their values: NAME=VALUE. */
static void add_items(struct judging *judging, const char *name, enum build_kind kind,
		      const char *prefix)
{
	struct record_fact *fact = NULL;
	size_t count = 0;

	for (const struct build_item *one = build_items(judging->build); one; one = one->next)
		count += is_listed(one, kind, prefix);
	if (count)
		fact = verdict_fact(judging->verdict, name, FACT_LIST);
	if (!fact || !verdict_list(judging->verdict, fact, count))
		return;
	for (const struct build_item *one = build_items(judging->build); one; one = one->next) {
		struct text *text = verdict_scratch(judging->verdict);

		if (!is_listed(one, kind, prefix))
			continue;
		mask_url(text, bytes_from(one->name, strlen(prefix)));
		if (one->value.size) {
			text_add_char(text, '=');
			mask_url(text, one->value);
		}
		verdict_append(judging->verdict, fact, text_since(text, 0));
	}
}

static void add_images(struct judging *judging)
{
	_cleanup_(text_free) struct text all = {0};
	struct record_fact *fact = NULL;
	struct bytes names, name;

	build_add_names(judging->build, &all);
	names = text_since(&all, 0);
	if (names.size)
		fact = verdict_fact(judging->verdict, "images", FACT_LIST);
	if (!fact || !verdict_list(judging->verdict, fact, VERDICT_LIST_MAX))
		return;
	while (bytes_take(&names, ',', &name)) {
		struct text *text = verdict_scratch(judging->verdict);

		if (!name.size)
			continue;
		mask_reference(text, name);
		verdict_append(judging->verdict, fact, text_since(text, 0));
	}
}

static void add_build_reference(struct judging *judging)
{
	struct bytes own = build_reference(judging->build);

	add_fact(judging, "reference", own.size ? own : judging->of_build, mask_text);
}

static void add_facts(struct judging *judging)
{
	const struct build *build = judging->build;
	const struct build_item *destination = build_next_output(build, NULL, "dest");

	add_build_reference(judging);
	add_images(judging);
	add_items(judging, "outputs", BUILD_OUTPUT, "");
	add_true(judging, "push", next_push(build, NULL));
	add_fact(judging, "destination", destination ? destination->value : (struct bytes){0},
		 mask_text);
	add_fact(judging, "frontend", build_frontend(build), mask_text);
	add_attribute(judging, "frontend_image", "source", mask_reference);
	add_attribute(judging, "syntax", "build-arg:BUILDKIT_SYNTAX", mask_reference);
	add_attribute(judging, "dockerfile", "filename", mask_text);
	add_attribute(judging, "stage", "target", mask_text);
	add_attribute(judging, "platform", "platform", mask_text);
	add_attribute(judging, "remote", "context", mask_url);
	add_items(judging, "contexts", BUILD_ATTRIBUTE, "context:");
	add_attribute(judging, "namespaces.network", "force-network-mode", mask_text);
	add_attribute(judging, "extra_hosts", "add-hosts", mask_text);
	add_attribute(judging, "cgroup_parent", "cgroup-parent", mask_text);
	add_items(judging, "entitlements", BUILD_ENTITLEMENT, "");
	add_items(judging, "build_arguments", BUILD_ARGUMENT, "");
	add_items(judging, "labels", BUILD_LABEL, "");
	add_items(judging, "cache_from", BUILD_CACHE_FROM, "");
	add_items(judging, "cache_to", BUILD_CACHE_TO, "");
	add_items(judging, "attestations", BUILD_ATTRIBUTE, "attest:");
	add_attribute(judging, "vcs.source", "vcs:source", mask_url);
	add_attribute(judging, "vcs.revision", "vcs:revision", mask_text);
	add_true(judging, "own_steps", build_flags(build) & BUILD_OWN_STEPS);
	add_items(judging, "sources", BUILD_SOURCE, "");
	add_items(judging, "secrets", BUILD_SECRET, "");
	add_items(judging, "ssh", BUILD_SSH, "");
	add_true(judging, "source_policy", build_flags(build) & BUILD_POLICY);
}

/* --- findings ------------------------------------------------------------------------------------- */

static void judge_entitlement(struct judging *judging, struct bytes entitlement)
{
	if (bytes_are(entitlement, "security.insecure"))
		ADD(judging, FINDING_BUILD_INSECURE, SEVERITY_NONE,
		    "the build may run steps with all capabilities");
	else if (bytes_are(entitlement, "network.host"))
		ADD(judging, FINDING_BUILD_HOST_NETWORK, SEVERITY_NONE,
		    "steps of the build may use the host's network");
	else if (bytes_begin(entitlement, "device"))
		ADD(judging, FINDING_DEVICE, SEVERITY_NONE, "%.*s of a build",
		    PRINTED(entitlement));
	else
		judge_not_judged(judging, SEVERITY_NONE, "Entitlements", entitlement);
}

static void judge_item(struct judging *judging, const struct build_item *item)
{
	switch (item->kind) {
	case BUILD_ENTITLEMENT:
		judge_entitlement(judging, item->name);
		break;
	case BUILD_DEVICE:
		ADD(judging, FINDING_DEVICE, SEVERITY_NONE, "device %.*s of a build",
		    PRINTED(item->name));
		break;
	case BUILD_CGROUP_PARENT:
		ADD(judging, FINDING_OTHER_RUNTIME, SEVERITY_NONE, "cgroup parent %.*s",
		    PRINTED(item->name));
		break;
	default:
		break;
	}
}

/* The name of an image without registry, tag and digest is one of those that BuildKit itself uses. */
static bool is_usual_frontend(struct bytes image)
{
	static const char *const usual[] = {"docker/dockerfile", "docker.io/docker/dockerfile",
					    "docker/dockerfile-upstream",
					    "docker.io/docker/dockerfile-upstream"};
	size_t end = 0;

	/* A digest fixes it; a tag says which version it is. */
	while (end < image.size && image.data[end] != ':' && image.data[end] != '@')
		end++;
	return bytes_are_any((struct bytes){image.data, end}, usual, COUNT(usual));
}

static void judge_frontend(struct judging *judging, const char *key)
{
	struct bytes image = build_value(judging->build, BUILD_ATTRIBUTE, key);
	const char *space = image.size ? memchr(image.data, ' ', image.size) : NULL;

	if (space) /* the rest of the line # syntax= */
		image.size = (size_t)(space - image.data);
	if (image.size && !is_usual_frontend(image))
		ADD(judging, FINDING_BUILD_FRONTEND, SEVERITY_NONE, "frontend %.*s",
		    PRINTED(image));
}

static void judge_steps(struct judging *judging)
{
	unsigned int flags = build_flags(judging->build);
	struct bytes parent = build_value(judging->build, BUILD_ATTRIBUTE, "cgroup-parent");
	struct bytes network = build_value(judging->build, BUILD_ATTRIBUTE, "force-network-mode");

	if (flags & BUILD_INSECURE)
		ADD(judging, FINDING_BUILD_INSECURE, SEVERITY_NONE,
		    "a step runs with all capabilities");
	if (flags & BUILD_HOST_NETWORK)
		ADD(judging, FINDING_BUILD_HOST_NETWORK, SEVERITY_NONE,
		    "a step uses the host's network");
	if (bytes_are(network, "host"))
		ADD(judging, FINDING_BUILD_HOST_NETWORK, SEVERITY_NONE,
		    "the build uses the host's network");
	if (parent.size)
		ADD(judging, FINDING_OTHER_RUNTIME, SEVERITY_NONE, "cgroup parent %.*s",
		    PRINTED(parent));
	for (const struct build_item *one = build_items(judging->build); one; one = one->next)
		judge_item(judging, one);
}

void judge_solve(struct judging *judging)
{
	const struct build *build = judging->build;
	const struct build_item *push = NULL;

	if (!build)
		return;
	add_facts(judging);
	judge_steps(judging);
	judge_frontend(judging, "source");
	judge_frontend(judging, "cmdline");
	judge_frontend(judging, "build-arg:BUILDKIT_SYNTAX");
	while ((push = next_push(build, push)))
		ADD(judging, FINDING_IMAGE_PUSH, SEVERITY_NONE, "pushes %.*s",
		    PRINTED(build_output_name(build, push->output)));
}

void judge_build_container(struct judging *judging)
{
	if (!judging->build)
		return;
	add_build_reference(judging);
	judge_steps(judging);
}

void judge_build_history(struct judging *judging)
{
	if (!judging->build)
		return;
	add_fact(judging, "reference", build_reference(judging->build), mask_text);
	if (build_flags(judging->build) & BUILD_DELETES)
		ADD(judging, FINDING_BUILD_HISTORY_REMOVED, SEVERITY_NONE, "build %.*s",
		    PRINTED(build_reference(judging->build)));
}

/* What the engine asks a session for. */
void judge_session(struct judging *judging)
{
	const struct build_item *item = judging->build ? build_items(judging->build) : NULL;

	add_fact(judging, "asked_for", item ? item->name : judging->asked_for, mask_text);
	if (!item)
		return;
	ADD(judging, FINDING_BUILD_SECRET, SEVERITY_NONE, "%.*s", PRINTED(item->name));
}
