// SPDX-License-Identifier: Apache-2.0
#include "docker/api/route.h"

#include <assert.h>
#include <limits.h>
#include <pthread.h>
#include <string.h>

#include "base/bytes.h"
#include "base/percent.h"
#include "docker/api/shapes.h"
#include "docker/kube/kube.h"
#include "docker/judge/judge.h"
#include "http/grpc.h"
#include "http/query.h"
#include "http/url.h"

#define METHOD_ANY METHOD_NONE

#define NO_MATCH SIZE_MAX

/* clang-format off */
static const struct route routes[] = {
#define OPERATION(method, path, name, target, ...) {OPERATION_##name, METHOD_##method, path, TARGET_##target, __VA_ARGS__},
#define LIBPOD(method, path, name, target, ...) OPERATION(method, path, name##Libpod, target, __VA_ARGS__)
#define ALSO OPERATION
#include "record/operations.def"
};
/* clang-format on */

/* Where a {name} ends that has REST behind it, which may end in another {name}: as far as it can. */
static size_t name_size(const char *rest, struct bytes path)
{
	size_t rest_size = strcspn(rest, "{"), size = path.size;

	if (size < rest_size)
		return NO_MATCH;
	size -= rest_size;
	while (rest[rest_size] && memcmp(path.data + size, rest, rest_size) != 0)
		if (!size--)
			return NO_MATCH;
	return memchr(path.data, '\n', size) ? NO_MATCH : size;
}

/* Bytes of PATH that a variable takes, with REST behind it in the pattern. The daemon has {name:.*}, where
 * the dot is no line feed, and {id}, which stands for [^/]+. */
static size_t variable_size(const char *variable, const char *rest, struct bytes path)
{
	const char *slash;
	size_t size;

	if (!strncmp(variable, "{name}", 6))
		return name_size(rest, path);
	slash = memchr(path.data, '/', path.size);
	size = slash ? (size_t)(slash - path.data) : path.size;
	return size ? size : NO_MATCH;
}

static bool path_matches(const char *pattern, struct bytes path, struct bytes *ret_name)
{
	struct bytes name = {0};

	assert(path.data);
	while (*pattern) {
		const char *rest;
		size_t size;

		if (*pattern != '{') {
			if (!path.size || *path.data != *pattern++)
				return false;
			path = bytes_from(path, 1);
			continue;
		}
		rest = strchr(pattern, '}') + 1;
		size = variable_size(pattern, rest, path);
		if (size == NO_MATCH)
			return false;
		if (!name.data)
			name = (struct bytes){path.data, size};
		path = bytes_from(path, size);
		pattern = rest;
	}
	*ret_name = name;
	return !path.size;
}

static bool goes_for(const struct route *route, struct bytes query)
{
	struct bytes value;

	return !route->when || (query_find(query, route->when, &value) && value.size);
}

/* The routes that are no calls, by the character behind the first slash of their paths, in the order of the table. What has a
 * variable there is to be looked at for each path. */
#define NO_ROUTE UINT_MAX
#define ROUTES COUNT(routes)
static unsigned int first_alike[256], next_alike[ROUTES];

static void sort_routes(void)
{
	for (size_t c = 0; c < COUNT(first_alike); c++)
		first_alike[c] = NO_ROUTE;
	for (unsigned int i = ROUTES; i-- > 0;) {
		unsigned int *first = &first_alike[(unsigned char)routes[i].path[1]];

		if (routes[i].grpc)
			continue;
		next_alike[i] = *first;
		*first = i;
	}
}

/* PATH has no version. */
static const struct route *find_route(enum method method, struct bytes path, struct bytes query,
				      struct bytes *ret_name)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	unsigned int exact, any;

	pthread_once(&once, sort_routes);
	exact = first_alike[path.size > 1 ? (unsigned char)path.data[1] : '\0'];
	any = first_alike['{'];
	while (exact != NO_ROUTE || any != NO_ROUTE) {
		unsigned int i = exact < any ? exact : any;

		if (i == exact)
			exact = next_alike[i];
		if (i == any)
			any = next_alike[i];
		if ((!routes[i].method || routes[i].method == method) &&
		    path_matches(routes[i].path, path, ret_name) && goes_for(&routes[i], query))
			return &routes[i];
	}
	return NULL;
}

static bool route_is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* [0-9.]+ for Docker; Podman, for Docker's operations and its own, takes [0-9][0-9A-Za-z.-]*. */
static bool is_version(struct bytes text)
{
	bool podman = text.size && route_is_digit(*text.data);

	for (size_t i = 0; i < text.size; i++) {
		char c = text.data[i], letter = c | 0x20;
		bool other = c == '-' || (letter >= 'a' && letter <= 'z');

		if (!route_is_digit(c) && c != '.' && !(podman && other))
			return false;
	}
	return text.size > 0;
}

/* Takes the version that PATH, which is clean, may begin with: /vVERSION and a slash. */
static struct bytes route_take_version(struct bytes *path)
{
	struct bytes version;
	const char *end;

	if (path->size < 2 || path->data[1] != 'v')
		return (struct bytes){0};
	version = bytes_from(*path, 2);
	end = memchr(version.data, '/', version.size);
	if (!end)
		return (struct bytes){0};
	version.size = (size_t)(end - version.data);
	if (!is_version(version))
		return (struct bytes){0};
	*path = bytes_from(*path, version.size + 2);
	return version;
}

/* Go's server answers OPTIONS * by itself, in the way of the route for all other OPTIONS. */
static bool is_options_star(enum method method, struct bytes target)
{
	return target.size == 1 && *target.data == '*' && method == METHOD_OPTIONS;
}

void route_find(enum method method, struct bytes target, struct text *out,
		struct route_match *ret_match)
{
	struct url url = url_split(target);
	struct route_match match = {0};
	size_t start = out->size;
	struct bytes path, name;

	match.redirected = !url_clean_path(out, url.path) && !is_options_star(method, target);
	if (out->error || !out->data) {
		*ret_match = (struct route_match){0};
		return;
	}
	match.path = path = text_since(out, start);
	match.version = route_take_version(&path);
	if (!match.redirected)
		match.route = find_route(method, path, url.query, &name);
	if (match.route && match.route->target != TARGET_NONE)
		match.name = name;
	*ret_match = match;
}

void route_find_call(struct bytes target, struct text *out, struct route_match *ret_match)
{
	size_t start = out->size;
	struct bytes service, method, other, other_method;

	*ret_match = (struct route_match){0};
	percent_decode(out, target, false);
	if (out->error)
		return;
	ret_match->path = text_since(out, start);
	grpc_split(ret_match->path, &service, &method);
	for (size_t i = 0; i < COUNT(routes) && !ret_match->route; i++) {
		if (!routes[i].grpc)
			continue;
		grpc_split(bytes_of(routes[i].path), &other, &other_method);
		if (bytes_equal(service, other) && bytes_equal(method, other_method))
			ret_match->route = &routes[i];
	}
}

bool route_knows_service(struct bytes service)
{
	struct bytes other, method;

	for (size_t i = 0; i < COUNT(routes); i++) {
		grpc_split(bytes_of(routes[i].path), &other, &method);
		if (routes[i].grpc && bytes_equal(service, other))
			return true;
	}
	return false;
}

/* What REFERENCE, of an image, has from its '@' on. */
static struct bytes digest_of(struct bytes reference)
{
	const char *at = reference.size ? memchr(reference.data, '@', reference.size) : NULL;

	return at ? bytes_from(reference, (size_t)(at - reference.data)) : (struct bytes){0};
}

/* REFERENCE without tag and digest. */
static struct bytes repository_of(struct bytes reference)
{
	struct bytes name;
	const char *colon;

	reference.size -= digest_of(reference).size;
	name = bytes_basename(reference);
	colon = name.size ? memchr(name.data, ':', name.size) : NULL;
	if (colon)
		reference.size = (size_t)(colon - reference.data);
	return reference;
}

/* Puts TAG into the reference that OUT has from START on, as the daemon does: a digest takes the
 * place of tag and digest, a tag that of the tag. */
static void add_tag(struct text *out, size_t start, struct text *tag)
{
	struct bytes reference = text_since(out, start);
	bool is_digest = memchr(tag->data, ':', tag->size);

	if (!is_digest)
		text_add_bytes(tag, digest_of(reference));
	if (tag->error || !tag->data)
		return;
	text_cut(out, start + repository_of(reference).size);
	text_add_char(out, is_digest ? '@' : ':');
	text_add_bytes(out, text_since(tag, 0));
}

void route_query_tag(const struct route *route, struct bytes query, struct text *out, size_t start)
{
	struct text tag = {0};

	if (route->tag_key && query_value(query, route->tag_key, &tag) && tag.data)
		add_tag(out, start, &tag);
	if (tag.error)
		out->error = tag.error;
	text_free(&tag);
}

bool route_query_name(const struct route *route, struct bytes query, struct text *out)
{
	size_t start = out->size;

	if (!route->name_key || !query_value(query, route->name_key, out) || out->size == start)
		return false;
	route_query_tag(route, query, out, start);
	return !out->error;
}

const struct route *route_of(enum operation operation)
{
	assert(operation < OPERATIONS);
	for (size_t i = 0; i < COUNT(routes); i++)
		if (routes[i].operation == operation)
			return &routes[i];
	return NULL;
}

bool route_reads(const struct route *route, enum method method)
{
	if (route && (route->opaque || route->reads))
		return route->reads;
	return method == METHOD_GET || method == METHOD_HEAD || method == METHOD_OPTIONS;
}
