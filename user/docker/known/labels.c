// SPDX-License-Identifier: Apache-2.0
#include "docker/known/labels.h"

#include <errno.h>
#include <string.h>

#include "base/utf8.h"
#include "secret/mask.h"
#include "setting/wildcard.h"

/* Without patterns: each is a field's name, of which an index takes so many, and whoever makes a container chooses its labels.
 * Not all of com.docker.compose.*: hashes and versions say nothing of who asked for what. Not devcontainer.metadata, which has
 * settings of the environment. */
static const char *const known[] = {
	"com.buildkite.agent_id",
	"com.buildkite.agent_name",
	"com.buildkite.branch",
	"com.buildkite.build_number",
	"com.buildkite.job_id",
	"com.buildkite.job_label",
	"com.buildkite.job_url",
	"com.buildkite.pipeline_name",
	"com.buildkite.pipeline_slug",
	"com.buildkite.step_key",
	"com.docker.compose.container-number",
	"com.docker.compose.oneoff",
	"com.docker.compose.project",
	"com.docker.compose.project.config_files",
	"com.docker.compose.project.working_dir",
	"com.docker.compose.service",
	"com.docker.swarm.node.id",
	"com.docker.swarm.service.id",
	"com.docker.swarm.service.name",
	"com.docker.swarm.task",
	"com.docker.swarm.task.id",
	"com.docker.swarm.task.name",
	"com.gitlab.gitlab-runner.job.before_sha",
	"com.gitlab.gitlab-runner.job.id",
	"com.gitlab.gitlab-runner.job.ref",
	"com.gitlab.gitlab-runner.job.sha",
	"com.gitlab.gitlab-runner.job.url",
	"com.gitlab.gitlab-runner.pipeline.id",
	"com.gitlab.gitlab-runner.project.id",
	"com.gitlab.gitlab-runner.project.runner_id",
	"com.gitlab.gitlab-runner.runner.id",
	"com.gitlab.gitlab-runner.runner.local_id",
	"com.gitlab.gitlab-runner.type",
	"devcontainer.config_file",
	"devcontainer.local_folder",
	"io.kubernetes.container.name",
	"io.kubernetes.docker.type",
	"io.kubernetes.pod.name",
	"io.kubernetes.pod.namespace",
	"io.kubernetes.pod.uid",
	"io.kubernetes.sandbox.id",
	"org.opencontainers.image.revision",
	"org.opencontainers.image.source",
};

static const char *site[LABELS_SITE_MAX];
static unsigned int site_count;

/* Letters of keys: those of fields' names, too. */
static bool is_key(struct bytes key, const char *more)
{
	if (!key.size || key.size > LABEL_KEY_MAX)
		return false;
	for (size_t i = 0; i < key.size; i++) {
		char c = key.data[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		      (c && strchr("._-/", c)) || (c && strchr(more, c))))
			return false;
	}
	return true;
}

int labels_check_pattern(const char *pattern)
{
	return is_key(bytes_of(pattern), "*?") ? 0 : -EINVAL;
}

int labels_add_pattern(const char *pattern)
{
	if (labels_check_pattern(pattern))
		return -EINVAL;
	if (site_count == LABELS_SITE_MAX)
		return -E2BIG;
	site[site_count++] = pattern;
	return 0;
}

void labels_forget_site(void)
{
	site_count = 0;
}

static bool matches_any(struct bytes key, const char *const *patterns, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (wildcard_matches(bytes_of(patterns[i]), key, false))
			return true;
	return false;
}

static bool is_told_label(struct bytes key)
{
	return is_key(key, "") &&
	       (matches_any(key, known, COUNT(known)) || matches_any(key, site, site_count));
}

/* Whether a label has the name of a field that KEY would have. */
static bool has_field(const struct labels *labels, struct bytes key)
{
	struct bytes packed = text_since(&labels->text, 0), other, value;
	char names[2][LABEL_KEY_MAX + 1];

	labels_field(key, names[0]);
	while (labels_next(&packed, &other, &value))
		if (!strcmp(names[0], labels_field(other, names[1])))
			return true;
	return false;
}

/* Adds VALUE without its secrets, and its NUL. What stands behind a NUL of its own is left out. */
static void add_value(struct text *out, struct bytes key, struct bytes value)
{
	size_t start = out->size;
	const char *end = value.size ? memchr(value.data, '\0', value.size) : NULL;

	if (end)
		value.size = (size_t)(end - value.data);
	if (mask_is_secret_name(key))
		text_add_string(out, "***");
	else
		mask_text(out, value);
	if (!out->error && out->size - start > LABEL_VALUE_MAX)
		text_cut(out,
			 start + utf8_fit(out->data + start, out->size - start, LABEL_VALUE_MAX));
	text_add_char(out, '\0');
}

/* Of a key that comes twice Go takes the last one. */
static void forget_label(struct labels *labels, struct bytes key)
{
	struct bytes packed = text_since(&labels->text, 0), other, value;

	while (labels_next(&packed, &other, &value)) {
		size_t at = (size_t)(other.data - labels->text.data);
		size_t size = other.size + value.size + 2;

		if (!bytes_equal(other, key))
			continue;
		memmove(labels->text.data + at, labels->text.data + at + size,
			labels->text.size - at - size);
		text_cut(&labels->text, labels->text.size - size);
		labels->count--;
		return;
	}
}

bool labels_gather(void *data, const struct value *label)
{
	struct labels *labels = data;
	size_t start;

	if (!labels || !is_told_label(label->key))
		return false;
	forget_label(labels, label->key);
	if (labels->cut || !label->string.size)
		return false;
	start = labels->text.size;
	if (labels->count == LABELS_MAX || has_field(labels, label->key)) {
		labels->cut = true;
		return false;
	}
	text_add_bytes(&labels->text, label->key);
	text_add_char(&labels->text, '\0');
	add_value(&labels->text, label->key, label->string);
	labels->count++;
	if (labels->text.error || labels->text.size > LABELS_SIZE) {
		text_cut(&labels->text, start);
		labels->count--;
		labels->cut = true;
	}
	return false;
}

struct bytes labels_packed(struct labels *labels)
{
	struct bytes packed;

	if (labels->cut && !labels->text.error) /* a label without a key */
		text_add(&labels->text, "\0", 2);
	packed = text_since(&labels->text, 0);
	return packed.data && !labels->text.error ? packed : (struct bytes){"", 0};
}

void labels_clear(struct labels *labels)
{
	if (labels->text.error)
		text_free(&labels->text);
	text_cut(&labels->text, 0);
	labels->count = 0;
	labels->cut = false;
}

void labels_free(struct labels *labels)
{
	text_free(&labels->text);
}

/* The bytes up to the next NUL, taken off PACKED with it. */
static struct bytes take_piece(struct bytes *packed)
{
	const char *end = packed->size ? memchr(packed->data, '\0', packed->size) : NULL;
	struct bytes piece = {packed->data, end ? (size_t)(end - packed->data) : packed->size};

	*packed = bytes_from(*packed, piece.size + (end != NULL));
	return piece;
}

bool labels_next(struct bytes *packed, struct bytes *ret_key, struct bytes *ret_value)
{
	if (!packed->size || !*packed->data)
		return false;
	*ret_key = take_piece(packed);
	*ret_value = take_piece(packed);
	return true;
}

bool labels_are_cut(struct bytes packed)
{
	struct bytes key, value;

	while (labels_next(&packed, &key, &value))
		;
	return packed.size;
}

const char *labels_field(struct bytes key, char ret[LABEL_KEY_MAX + 1])
{
	size_t size = key.size < LABEL_KEY_MAX ? key.size : LABEL_KEY_MAX;

	for (size_t i = 0; i < size; i++)
		ret[i] = key.data[i] == '.' ? '_' : key.data[i];
	ret[size] = '\0';
	return ret;
}
