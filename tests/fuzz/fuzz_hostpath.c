/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Judges the input as a source, and takes it for a bind and for a volume's options, each a line.
 * Cleaning twice is cleaning once, a cleaned path is judged as the one it came from, and read-only
 * is never worse.
 */
#include "fuzz.h"

#include "docker/host/binds.h"
#include "docker/host/host_paths.h"
#include "docker/host/volumes.h"

/* A host where what begins with /l is a link to the rest of its path, and all of /b are block
 * devices. */
static enum host_path_end resolve(void *data, const char *path, char *out, size_t size)
{
	size_t length = strlen(path);

	MUST(path[0] == '/' && (length == 1 || path[length - 1] != '/'));
	MUST(!strstr(path, "//") && !strstr(path, "/./") && !strstr(path, "/../"));
	if (strncmp(path, "/l/", 3) != 0 || length >= size)
		return length % 7 ? HOST_PATH_UNKNOWN : HOST_PATH_LOST;
	strcpy(out, path + 2);
	return length % 5 ? HOST_PATH_KNOWN : HOST_PATH_FOREIGN;
}

static bool is_block_device(void *data, const char *path)
{
	return !strncmp(path, "/b/", 3);
}

/* What is below /a is also below /b, and its beginning is somewhere else. */
static void aliases(void *data, const char *path, void (*found)(void *context, const char *alias),
		    void *context)
{
	char other[8192];

	MUST(path[0] == '/');
	if (strncmp(path, "/a/", 3) != 0 || strlen(path) >= sizeof(other))
		return;
	strcpy(other, path);
	other[1] = 'b';
	found(context, other);
	found(context, path + 2);
}

static const struct host_place places[] = {
	{"/l/run/docker", "/var/lib/docker"},
	{"/l/e", "/run/docker"},
	{0},
};
static const char *const sockets[] = {"/srv/e.sock", "/l/run/x", "@a", "", NULL};
static const struct host_files host = {
	.resolve = resolve,
	.is_block_device = is_block_device,
	.aliases = aliases,
	.places = places,
	.sockets = sockets,
};

static bool is_part_of(struct bytes bytes, const struct text *text)
{
	return !bytes.data ||
	       (bytes.data >= text->data && bytes.data + bytes.size <= text->data + text->size);
}

static void judge(struct bytes path, bool read_only, struct host_source *ret)
{
	struct text text = {};

	host_paths_judge(path, read_only, &host, &text, ret);
	MUST(!text.error);
	MUST(!ret->finding == !ret->severity);
	MUST(ret->severity <= SEVERITY_CRITICAL);
	MUST(is_part_of(ret->cleaned, &text) && is_part_of(ret->resolved, &text));
	MUST(!path.size || ret->cleaned.data[0] == '/');
	text_free(&text);
}

static void check_source(struct bytes path)
{
	struct text once = {}, twice = {};
	struct host_source sent, cleaned, read_only;

	host_paths_clean(&once, path);
	host_paths_clean(&twice, text_since(&once, 0));
	MUST(once.size && bytes_equal(text_since(&once, 0), text_since(&twice, 0)));
	MUST(once.size <= path.size || !path.size);
	judge(path, false, &sent);
	judge(path, true, &read_only);
	judge(path.size ? text_since(&once, 0) : path, false, &cleaned);
	MUST(sent.finding == cleaned.finding && sent.severity == cleaned.severity);
	MUST(sent.reason == cleaned.reason);
	MUST(read_only.severity <= sent.severity);
	text_free(&once);
	text_free(&twice);
}

static void check_bind(struct bytes text)
{
	struct bind bind;

	if (!binds_split(text, &bind))
		return;
	MUST(bind.destination.size && (!bind.source.data || bind.source.size));
	MUST(!bind.mode.data || bind.mode.data + bind.mode.size == text.data + text.size);
	MUST(bind.destination.data + bind.destination.size + (bind.mode.data ? 1 : 0) +
		     bind.mode.size ==
	     text.data + text.size);
}

static struct bytes take_line(struct bytes *text)
{
	const char *end = text->size ? memchr(text->data, '\n', text->size) : NULL;
	struct bytes line = *text;

	if (end)
		line.size = (size_t)(end - text->data);
	*text = bytes_from(*text, end ? line.size + 1 : text->size);
	return line;
}

static void check_volume(struct bytes text)
{
	struct bytes type = take_line(&text), device = take_line(&text);
	struct text path = {};
	bool found = volumes_host_path(type, device, text, &host, &path);

	MUST(!path.error && found == (path.size > 0));
	MUST(!found || path.data[0] == '/');
	text_free(&path);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *copy = exact_copy(data, size);

	check_source((struct bytes){copy, size});
	check_bind((struct bytes){copy, size});
	check_volume((struct bytes){copy, size});
	free(copy);
	return 0;
}
