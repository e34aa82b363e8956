// SPDX-License-Identifier: Apache-2.0
/*
 * What an engine says while it pulls, pushes, loads or builds: one object of JSON a line, behind an answer that was 200 before it was known
 * how that ends. An object that begins with "error", or "errorDetail", is its failure; all others are passed over.
 */
#include <stdlib.h>

#include "base/wipe.h"
#include "docker/api/shapes.h"
#include "docker/call/call_inside.h"
#include "secret/mask.h"

#define LINE_MAX 4096	 /* of a longer one it is only known that it is a failure */
#define FAILURE_MAX 1024 /* of its text */
#define BEGINNING "{\"error"

struct progress {
	size_t size; /* of the line so far */
	char line[LINE_MAX];
};

bool call_follows(const void *content)
{
	const struct call *call = content;
	const struct route *route = call->match.route;

	return route && route->progress && call->status == 200 && !call->uncertain;
}

void call_free_progress(struct call *call)
{
	wipe_free(call->progress, sizeof(*call->progress));
	call->progress = NULL;
}

size_t call_progress_memory(const struct call *call)
{
	return call->progress ? sizeof(*call->progress) : 0;
}

static bool progress_is_failure(const struct progress *progress)
{
	size_t size = sizeof(BEGINNING) - 1;

	return progress->size >= size && !memcmp(progress->line, BEGINNING, size);
}

static void keep_failure(struct call *call, struct bytes text)
{
	struct text masked = {0};

	mask_text(&masked, text);
	text = text_since(&masked, 0);
	if (text.size > FAILURE_MAX)
		text.size = FAILURE_MAX;
	call->failure = call_keep(call, text);
	text_free(&masked);
}

static void take_reason(struct call *call)
{
	const struct progress *progress = call->progress;
	struct body *body = NULL;
	struct bytes text = {0};

	if (progress->size <= LINE_MAX && !body_new(&shape_failure, LINE_MAX * 2, NULL, &body) &&
	    !body_feed(body, progress->line, progress->size) && body_state(body) == BODY_DONE) {
		text = body_string(body_value(body), "error");
		if (!text.size)
			text = body_string(body_get(body_value(body), "errorDetail"), "message");
	}
	keep_failure(call, text.size ? text : bytes_of("an error that is not understood"));
	body_free(body);
}

static void take_failure(struct call *call)
{
	enum operation operation = call->match.route->operation;

	/* The engine says the step that failed, as its Dockerfile has it: commands of steps are not told. */
	if (operation == OPERATION_ImageBuild || operation == OPERATION_ImageBuildLibpod)
		call->failure = call_keep(call, bytes_of("the build failed"));
	else
		take_reason(call);
}

static void end_line(struct call *call)
{
	struct progress *progress = call->progress;

	if (progress_is_failure(progress))
		take_failure(call);
	explicit_bzero(progress->line, progress->size < LINE_MAX ? progress->size : LINE_MAX);
	progress->size = 0;
}

bool call_progress(void *content, const char *bytes, size_t size)
{
	struct call *call = content;
	struct progress *progress;

	if (!call->progress)
		call->progress = calloc(1, sizeof(*call->progress));
	progress = call->progress;
	if (!progress || call->failure.size)
		return false;
	while (size) {
		const char *end = memchr(bytes, '\n', size);
		size_t part = end ? (size_t)(end - bytes) : size;
		size_t room = progress->size < LINE_MAX ? LINE_MAX - progress->size : 0;

		memcpy(progress->line + LINE_MAX - room, bytes, part < room ? part : room);
		progress->size += part;
		bytes += part;
		size -= part;
		if (!end)
			break;
		end_line(call);
		bytes++;
		size--;
	}
	return call->failure.size;
}
