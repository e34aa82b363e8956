// SPDX-License-Identifier: Apache-2.0
#include "http/url.h"

#include "base/percent.h"
#include "secret/mask.h"

#define NO_PART SIZE_MAX

static bool is_scheme_char(char c, bool first)
{
	bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');

	return letter || (!first && ((c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.'));
}

/* Bytes of TARGET before its path: the scheme and host of an absolute form. The path is missing
 * where that is all, and in the form host:port of CONNECT. */
static size_t path_start(struct bytes target)
{
	size_t scheme = 0, start;
	const char *slash;

	if (target.data[0] == '/' || target.data[0] == '*')
		return 0;
	while (scheme < target.size && is_scheme_char(target.data[scheme], !scheme))
		scheme++;
	if (target.size - scheme < 2 || !scheme || memcmp(target.data + scheme, ":/", 2))
		return target.size;
	start = scheme + 1;
	if (target.size - start < 2 || target.data[start + 1] != '/')
		return start;
	start += 2;
	slash = memchr(target.data + start, '/', target.size - start);
	return slash ? (size_t)(slash - target.data) : target.size;
}

struct url url_split(struct bytes target)
{
	struct url url = {.original = target};
	const char *question = target.size ? memchr(target.data, '?', target.size) : NULL;
	struct bytes before = {target.data, target.size};
	size_t start;

	if (question) {
		before.size = (size_t)(question - target.data);
		url.query = bytes_from(target, before.size + 1);
	}
	if (!before.size)
		return url;
	start = path_start(before);
	if (start < before.size)
		url.path = bytes_from(before, start);
	return url;
}

void url_decode_path(struct text *out, struct bytes path)
{
	percent_decode(out, path, false);
}

/* Whether the element of PATH from FROM to TO is NAME. */
static bool is_element(const char *path, size_t from, size_t to, const char *name)
{
	return to - from == strlen(name) && !memcmp(path + from, name, to - from);
}

/* What is left of PATH's first SIZE bytes without their last element. */
static size_t parent_size(const char *path, size_t size)
{
	while (size > 1 && path[size - 1] != '/')
		size--;
	return size > 1 ? size - 1 : size;
}

/* Cleans PATH, which begins with a slash, in place; returns its new size. It never grows. Go: path.Clean(),
 * and mux's cleanPath(), which puts the slash at the end back. */
static size_t clean_rooted(char *path, size_t size)
{
	bool slash_at_end = path[size - 1] == '/';
	size_t done = 1;

	for (size_t at = 1, end; at < size; at = end + 1) {
		for (end = at; end < size && path[end] != '/';)
			end++;
		if (end == at || is_element(path, at, end, "."))
			continue;
		if (is_element(path, at, end, "..")) {
			done = parent_size(path, done);
			continue;
		}
		if (done > 1)
			path[done++] = '/';
		memmove(path + done, path + at, end - at);
		done += end - at;
	}
	if (slash_at_end && done > 1)
		path[done++] = '/';
	return done;
}

bool url_clean_path(struct text *out, struct bytes path)
{
	bool rooted = path.size && *path.data == '/';
	size_t start = out->size, size;

	if (!rooted)
		text_add_char(out, '/');
	url_decode_path(out, path);
	if (out->error)
		return false;
	size = out->size - start;
	text_cut(out, start + clean_rooted(out->data + start, size));
	return rooted && out->size - start == size;
}

/* Adds PATH, encoded as it was unless something in it had to be masked: a name may be a URL. */
static void mask_path(struct text *out, struct bytes path)
{
	_cleanup_(text_free) struct text decoded = {0}, masked = {0};
	struct bytes plain = path;
	size_t start = out->size;

	if (memchr(path.data, '%', path.size)) {
		percent_decode(&decoded, path, false);
		plain = text_since(&decoded, 0);
	}
	if (mask_reference(out, plain)) {
		text_add_bytes(&masked, text_since(out, start));
		text_cut(out, start);
		percent_encode(out, text_since(&masked, 0), false);
	} else {
		text_cut(out, start);
		text_add_bytes(out, path);
	}
	if (decoded.error || masked.error)
		out->error = decoded.error ? decoded.error : masked.error;
}

void url_mask(struct text *out, struct bytes target, struct url *ret_url)
{
	struct url url = url_split(target);
	size_t start = out->size, before = target.size;
	size_t path_at = NO_PART, query_at = NO_PART;

	if (url.query.data)
		before = (size_t)(url.query.data - target.data) - 1;
	if (url.path.data) {
		size_t prefix = (size_t)(url.path.data - target.data);

		mask_url(out, (struct bytes){target.data, prefix});
		path_at = out->size;
		mask_path(out, url.path);
	} else {
		mask_url(out, (struct bytes){target.data, before});
	}
	if (url.query.data) {
		text_add_char(out, '?');
		query_at = out->size;
		mask_query(out, url.query);
	}
	url = (struct url){.original = text_since(out, start)};
	if (!out->error && path_at != NO_PART)
		url.path =
			(struct bytes){out->data + path_at,
				       (query_at == NO_PART ? out->size : query_at - 1) - path_at};
	if (!out->error && query_at != NO_PART)
		url.query = text_since(out, query_at);
	*ret_url = url;
}
