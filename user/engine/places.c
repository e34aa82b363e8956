// SPDX-License-Identifier: Apache-2.0
#include "engine/places.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define RESOLVED_MAX (2 * PATH_MAX)

void places_clear(struct places *places)
{
	for (unsigned int i = 0; i < places->count; i++)
		free((char *)places->list[i].path);
	free(places->list);
	*places = (struct places){0};
}

/* Adds PATH as a place that means the same as USUAL. The root directory is never added: everything is below it. */
static void add_place(struct places *places, const char *path, const char *usual)
{
	_free_ char *copy = NULL;
	struct host_place *list;

	if (!strncmp(path, "/var/run/", strlen("/var/run/")))
		path += strlen("/var");
	if (path[0] != '/' || !path[1] || !strcmp(path, usual))
		return;
	for (unsigned int i = 0; i < places->count; i++)
		if (!strcmp(places->list[i].path, path) && !strcmp(places->list[i].usual, usual))
			return;
	copy = strdup(path);
	list = copy ? realloc(places->list, (places->count + 2) * sizeof(*list)) : NULL;
	if (!list)
		return;
	list[places->count++] = (struct host_place){take_ptr(copy), usual};
	list[places->count] = (struct host_place){0};
	places->list = list;
}

/* Adds PATH with SUFFIX, as it is and with its links resolved. */
static void add_both(struct places *places, const char *path, const char *suffix, const char *usual,
		     const struct host_files *files)
{
	_cleanup_(text_free) struct text whole = {0}, clean = {0};
	char resolved[RESOLVED_MAX] = "";
	enum host_path_end end;

	text_add_string(&whole, path);
	text_add_string(&whole, suffix);
	host_paths_clean(&clean, text_since(&whole, 0));
	if (!path[0] || whole.error || clean.error)
		return;
	add_place(places, clean.data, usual);
	end = files->resolve(files->data, clean.data, resolved, sizeof(resolved));
	if (end != HOST_PATH_UNKNOWN && end != HOST_PATH_LOST)
		add_place(places, resolved, usual);
}

void places_add(struct places *places, const struct daemon *daemon, const struct host_files *files)
{
	const char *containerd = daemon->paths[DAEMON_CONTAINERD];

	add_both(places, daemon->paths[DAEMON_DATA_ROOT], "", "/var/lib/docker", files);
	add_both(places, daemon->paths[DAEMON_EXEC_ROOT], "", "/run/docker", files);
	add_both(places, containerd, "", "/run/containerd/containerd.sock", files);
	if (containerd[0])
		add_both(places, containerd, ".ttrpc", "/run/containerd/containerd.sock.ttrpc",
			 files);
}
