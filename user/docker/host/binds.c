// SPDX-License-Identifier: Apache-2.0
#include "docker/host/binds.h"

#include "docker/host/host_paths.h"

enum mode_kind { MODE_ACCESS, MODE_LABEL, MODE_PROPAGATION, MODE_COPY, MODE_CONSISTENCY, MODES };

static const char *const mode_words[MODES][7] = {
	[MODE_ACCESS] = {"ro", "rw"},
	[MODE_LABEL] = {"Z", "z"},
	[MODE_PROPAGATION] = {"private", "rprivate", "rshared", "rslave", "shared", "slave"},
	[MODE_COPY] = {"nocopy"},
	[MODE_CONSISTENCY] = {"cached", "consistent", "delegated"},
};

/* The kind of WORD; MODES: Docker has no such word. */
static enum mode_kind find_mode(struct bytes word)
{
	for (unsigned int kind = 0; kind < MODES; kind++)
		for (const char *const *known = mode_words[kind]; *known; known++)
			if (bytes_are(word, *known))
				return kind;
	return MODES;
}

/* Whether the daemon takes MODE, which has one word of a kind at most. Fills SEEN with the kinds that it has. */
static bool mode_is_valid(struct bytes mode, bool seen[MODES])
{
	struct bytes word;

	memset(seen, 0, MODES * sizeof(*seen));
	while (mode.size && bytes_take(&mode, ',', &word)) {
		enum mode_kind kind = find_mode(word);

		if (kind == MODES || seen[kind] || (mode.data && !mode.size))
			return false;
		seen[kind] = true;
	}
	return true;
}

bool binds_has_word(struct bytes list, const char *wanted)
{
	struct bytes word;

	while (bytes_take(&list, ',', &word))
		if (bytes_are(word, wanted))
			return true;
	return false;
}

/* Whether DESTINATION is an absolute path other than the root, where backslashes count as slashes. */
static bool destination_is_valid(struct bytes destination)
{
	_cleanup_(text_free) struct text slashes = {0}, clean = {0};

	text_add_bytes(&slashes, destination);
	for (size_t i = 0; i < slashes.size; i++)
		if (slashes.data[i] == '\\')
			slashes.data[i] = '/';
	host_paths_clean(&clean, text_since(&slashes, 0));
	return !slashes.error && !clean.error && clean.data[0] == '/' && clean.size > 1;
}

bool binds_split(struct bytes text, struct bind *ret)
{
	struct bytes first = {0}, second = {0}, third = {0}, rest = text;
	bool seen[MODES], two, three, is_path;

	bytes_take(&rest, ':', &first);
	two = bytes_take(&rest, ':', &second);
	three = bytes_take(&rest, ':', &third);
	*ret = (struct bind){.destination = first};
	if (two)
		*ret = (struct bind){first, second, third, binds_has_word(third, "ro")};
	if (!first.size || rest.data || (two && !three && mode_is_valid(second, seen)))
		return false;
	/* The daemon wants no option of a volume for a path, and none of a path for a volume. */
	is_path = ret->source.size && ret->source.data[0] == '/';
	return mode_is_valid(third, seen) && !seen[is_path ? MODE_COPY : MODE_PROPAGATION] &&
	       destination_is_valid(ret->destination);
}
