// SPDX-License-Identifier: Apache-2.0
#include "host/programs.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "host/hostfiles.h"

#define KEPT 64

/* The file that was found at a path. Where the path led to no file, the node is all zeros. */
struct host_program {
	char path[PATH_MAX];
	struct callerd_node_key node;
	uint64_t looked; /* time of the last look */
};

struct programs {
	struct host_program kept[KEPT];
	unsigned int count;
};

int programs_new(struct programs **ret)
{
	*ret = calloc(1, sizeof(**ret));
	return *ret ? 0 : -ENOMEM;
}

void programs_free(struct programs *programs)
{
	free(programs);
}

static struct host_program *find_program(struct programs *programs, struct bytes path)
{
	for (unsigned int i = 0; i < programs->count; i++)
		if (bytes_equal(
			    (struct bytes){programs->kept[i].path, strlen(programs->kept[i].path)},
			    path))
			return &programs->kept[i];
	return NULL;
}

/* Returns a free entry, else the entry whose path was looked at longest ago. */
static struct host_program *programs_take_place(struct programs *programs)
{
	struct host_program *oldest = programs->kept;

	if (programs->count < KEPT)
		return &programs->kept[programs->count++];
	for (unsigned int i = 1; i < KEPT; i++)
		if (programs->kept[i].looked < oldest->looked)
			oldest = &programs->kept[i];
	return oldest;
}

static void programs_look(struct capture *capture, struct host_program *program)
{
	_close_ int fd = hostfiles_open(program->path);

	program->node = (struct callerd_node_key){0};
	if (fd >= 0)
		watches_identify(capture_watches(capture), fd, &program->node);
}

bool programs_is(struct programs *programs, struct capture *capture, struct bytes path,
		 const struct callerd_node_key *file, uint64_t now)
{
	struct host_program *program;

	if (!path.size || path.size >= PATH_MAX || memchr(path.data, '\0', path.size) ||
	    !file->inode)
		return false;
	program = find_program(programs, path);
	if (!program || now - program->looked >= NS_PER_S) {
		program = program ?: programs_take_place(programs);
		memcpy(program->path, path.data, path.size);
		program->path[path.size] = '\0';
		program->looked = now;
		programs_look(capture, program);
	}
	return !memcmp(&program->node, file, sizeof(*file));
}
