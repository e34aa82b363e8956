// SPDX-License-Identifier: Apache-2.0
/*
 * Finds the route of whatever target: what is told lies within the path that was written, the path
 * is as a second, simpler cleaner has it, the route's pattern matches it in a second, simpler matcher, and
 * the cleaned path, spelled in escapes, leads to the same. The input's first byte chooses the method.
 */
#include "fuzz.h"

#include "docker/api/route.h"
#include "http/query.h"
#include "http/url.h"

static const char *const methods[] = {"GET",	"POST",	   "HEAD",  "PUT",
				      "DELETE", "OPTIONS", "PATCH", ""};

static void must_equal(struct bytes a, struct bytes b)
{
	MUST(!a.data == !b.data);
	MUST(a.size == b.size && (!a.size || !memcmp(a.data, b.data, a.size)));
}

static void must_lie_in(struct bytes part, struct bytes whole)
{
	if (part.data)
		MUST(part.data >= whole.data && part.data + part.size <= whole.data + whole.size);
}

/* --- the second cleaner --------------------------------------------------------------------------- */

static bool is_element(struct bytes element, const char *name)
{
	return element.size == strlen(name) && !memcmp(element.data, name, element.size);
}

/* The last element that counts, of PATH's first *SIZE bytes: going backwards, ".." undoes one. */
static struct bytes last_element(struct bytes path, size_t *size)
{
	size_t undone = 0;

	while (*size) {
		size_t start = *size;
		struct bytes element;

		while (start && path.data[start - 1] != '/')
			start--;
		element = (struct bytes){path.data + start, *size - start};
		*size = start ? start - 1 : 0;
		if (!element.size || is_element(element, "."))
			continue;
		if (is_element(element, ".."))
			undone++;
		else if (undone)
			undone--;
		else
			return element;
	}
	return (struct bytes){0};
}

/* Compares from the end. */
static void must_be_cleaned(struct bytes decoded, struct bytes cleaned)
{
	size_t left = decoded.size, at = cleaned.size;
	bool slash = decoded.size && decoded.data[decoded.size - 1] == '/';
	struct bytes element;

	MUST(cleaned.size && cleaned.data[0] == '/');
	if (cleaned.size > 1 && slash)
		MUST(cleaned.data[--at] == '/');
	while ((element = last_element(decoded, &left)).data) {
		MUST(at > element.size);
		at -= element.size;
		MUST(!memcmp(cleaned.data + at, element.data, element.size));
		MUST(cleaned.data[--at] == '/');
	}
	MUST(at == (cleaned.size == 1));
}

static void check_path(struct bytes target, const struct route_match *match)
{
	struct text decoded = {0};
	struct url url = url_split(target);
	struct bytes path;

	url_decode_path(&decoded, url.path);
	path = text_since(&decoded, 0);
	must_be_cleaned(path, match->path);
	if (path.size && *path.data == '/')
		MUST(match->redirected == (path.size != match->path.size ||
					   memcmp(path.data, match->path.data, path.size) != 0));
	text_free(&decoded);
}

/* --- the second matcher --------------------------------------------------------------------------- */

static bool fits(const char *pattern, struct bytes path);

static bool variable_fits(const char *pattern, struct bytes path)
{
	bool name = !strncmp(pattern, "{name}", 6);

	pattern = strchr(pattern, '}') + 1;
	for (size_t i = name ? 0 : 1; i <= path.size; i++) {
		if (i && path.data[i - 1] == (name ? '\n' : '/'))
			return false;
		if (fits(pattern, bytes_from(path, i)))
			return true;
	}
	return false;
}

static bool fits(const char *pattern, struct bytes path)
{
	if (*pattern == '{')
		return variable_fits(pattern, path);
	if (!*pattern || !path.size)
		return !*pattern && !path.size;
	return *pattern == *path.data && fits(pattern + 1, bytes_from(path, 1));
}

static void check_match(const char *method, const struct route_match *match)
{
	struct bytes path = match->path;

	if (match->version.data) {
		MUST(match->version.data == path.data + 2 && match->version.size);
		path = bytes_from(path, 2 + match->version.size);
		MUST(*path.data == '/');
	}
	MUST(!match->redirected || !match->route);
	MUST(!match->name.data || match->route);
	if (!match->route)
		return;
	MUST(!match->route->method || match->route->method == method_by_name(bytes_of(method)));
	MUST(fits(match->route->path, path));
	MUST(!match->name.data ==
	     !(match->route->target != TARGET_NONE && strchr(match->route->path, '{')));
}

/* --- the same, cleaned ---------------------------------------------------------------------------- */

static void check_again(const char *method, struct bytes query, const struct route_match *match)
{
	struct text target = {0}, out = {0};
	struct route_match again;

	text_add_char(&target, '/');
	for (size_t i = 1; i < match->path.size; i++) {
		text_add_char(&target, '%');
		text_add_hex(&target, (unsigned char)match->path.data[i], 2);
	}
	text_add_char(&target, '?');
	text_add_bytes(&target, query);
	route_find(method_by_name(bytes_of(method)), text_since(&target, 0), &out, &again);
	MUST(!again.redirected);
	must_equal(again.path, match->path);
	must_equal(again.version, match->version);
	if (!match->redirected) {
		MUST(again.route == match->route);
		must_equal(again.name, match->name);
	}
	text_free(&target);
	text_free(&out);
}

static void check_query(struct bytes query, const struct route *route)
{
	static const char *const keys[] = {"name", "fromImage", "tag", "t", ""};

	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
		struct text value = {0};

		if (!query_value(query, keys[i], &value))
			MUST(!value.size);
		MUST(value.size <= query.size);
		text_free(&value);
	}
	if (route) {
		struct text name = {0};

		route_query_name(route, query, &name);
		MUST(name.size <= query.size + 2);
		text_free(&name);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct text out = {0};
	struct route_match match;
	struct bytes target;
	const char *method;
	char *copy;

	if (!size || size > 4096)
		return 0;
	method = methods[*data % (sizeof(methods) / sizeof(*methods))];
	target.size = size - 1;
	target.data = copy = malloc(size); /* of its own size, so that ASan sees a read beyond it */
	MUST(copy);
	memcpy(copy, data + 1, size - 1);
	route_find(method_by_name(bytes_of(method)), target, &out, &match);
	must_equal(match.path, text_since(&out, 0));
	must_lie_in(match.version, match.path);
	must_lie_in(match.name, match.path);
	check_path(target, &match);
	check_match(method, &match);
	check_again(method, url_split(target).query, &match);
	check_query(url_split(target).query, match.route);
	text_free(&out);
	free(copy);
	return 0;
}
