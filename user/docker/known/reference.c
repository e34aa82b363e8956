// SPDX-License-Identifier: Apache-2.0
#include "docker/known/reference.h"

struct bytes reference_bare_id(struct bytes id)
{
	return bytes_begin(id, REFERENCE_DIGEST) ? bytes_from(id, strlen(REFERENCE_DIGEST)) : id;
}

/* What stands before the first slash, if that is a registry; else nothing. */
static struct bytes registry_of(struct bytes reference)
{
	const char *slash = memchr(reference.data, '/', reference.size);
	struct bytes first = {reference.data, slash ? (size_t)(slash - reference.data) : 0};

	if (memchr(first.data, '.', first.size) || memchr(first.data, ':', first.size) ||
	    bytes_equal(first, bytes_of("localhost")))
		return first;
	return (struct bytes){};
}

/* Whether it is one of Docker's own, library/…, which goes without saying. */
static bool is_official(struct bytes path)
{
	return bytes_begin(path, "library/") && !memchr(path.data + 8, '/', path.size - 8);
}

size_t reference_familiar(struct bytes reference, char out[REFERENCE_SIZE])
{
	struct bytes registry, digest = {};
	const char *mark;
	char *at = out;

	if (!reference.size || reference.size > REFERENCE_MAX)
		return 0;
	mark = memchr(reference.data, '@', reference.size);
	if (mark) {
		digest = bytes_from(reference, (size_t)(mark - reference.data));
		reference.size -= digest.size;
	}
	registry = registry_of(reference);
	if (bytes_equal(registry, bytes_of("docker.io")) ||
	    bytes_equal(registry, bytes_of("index.docker.io"))) {
		reference = bytes_from(reference, registry.size + 1);
		registry.size = 0;
	}
	if (!registry.size && is_official(reference))
		reference = bytes_from(reference, strlen("library/"));
	mark = memchr(bytes_basename(reference).data, ':', bytes_basename(reference).size);
	if (mark && digest.size) /* takes precedence over the tag */
		reference.size = (size_t)(mark - reference.data);
	if (!digest.size && !mark)
		digest = bytes_of(":latest");
	memcpy(at, reference.data, reference.size);
	memcpy(at + reference.size, digest.data ?: "", digest.size);
	at += reference.size + digest.size;
	return reference.size ? (size_t)(at - out) : 0;
}

bool reference_equal(struct bytes a, struct bytes b)
{
	char familiar_a[REFERENCE_SIZE], familiar_b[REFERENCE_SIZE];
	size_t size = reference_familiar(a, familiar_a);

	return size && size == reference_familiar(b, familiar_b) &&
	       !memcmp(familiar_a, familiar_b, size);
}
