// SPDX-License-Identifier: Apache-2.0
/* Checkpoints in a directory of the caller's choice: DIRECTORY/CONTAINER/checkpoints/NAME, which the engine makes,
 * reads and removes as root, wherever the links in it lead. */
#include "docker/judge/judge_inside.h"
#include "http/query.h"

/* The worse of DIRECTORY and what it leads to now; what it leads to at the time is the caller's to say. */
static void judge_directory(struct judging *judging, const char *what, bool read_only,
			    enum finding_severity least, struct bytes directory, struct bytes name)
{
	const struct inventory_container *container = judging->container;
	struct host_source source, inner;
	_cleanup_(text_free) struct text text = {0}, path = {0}, inner_text = {0};

	text_add_bytes(&path, directory);
	text_add_char(&path, '/');
	text_add_bytes(&path, container ? container->id : (struct bytes){0});
	text_add_string(&path, "/checkpoints/");
	text_add_bytes(&path, name);
	host_paths_judge(directory, read_only, judging->files, &text, &source);
	host_paths_judge(text_since(&path, 0), read_only, judging->files, &inner_text, &inner);
	if (inner.severity > source.severity)
		source = inner;
	ADD(judging, FINDING_CHECKPOINT_DIRECTORY,
	    source.severity > least ? source.severity : least, "%s %.*s%s%.*s%s%s%s", what,
	    PRINTED(source.cleaned), source.resolved.data ? " (that is " : "",
	    PRINTED(source.resolved), source.resolved.data ? ")" : "", source.reason ? ": " : "",
	    source.reason ?: "");
}

static void judge_query(struct judging *judging, const char *key, const char *what, bool read_only,
			enum finding_severity least, struct bytes name)
{
	_cleanup_(text_free) struct text directory = {0};

	if (query_value(judging->query, key, &directory) && directory.data && directory.size)
		judge_directory(judging, what, read_only, least, text_since(&directory, 0), name);
}

/* The checkpoint's name follows the last slash of the path. */
void judge_checkpoint_delete(struct judging *judging)
{
	judge_query(judging, "dir", "the engine removes what is below", false, SEVERITY_HIGH,
		    bytes_basename(judging->path));
}

void judge_checkpoint_list(struct judging *judging)
{
	judge_query(judging, "dir", "the engine lists what is below", true, SEVERITY_MEDIUM,
		    (struct bytes){0});
}

void judge_checkpoint_create(struct judging *judging)
{
	struct bytes directory = body_string(judging->body, "CheckpointDir");

	if (directory.data && directory.size)
		judge_directory(judging, "the engine writes below", false, SEVERITY_HIGH, directory,
				body_string(judging->body, "CheckpointID"));
}

/* A start that restores a checkpoint runs what the checkpoint's files say. */
void judge_checkpoint_start(struct judging *judging)
{
	judge_query(judging, "checkpoint-dir", "restored from what is below", true, SEVERITY_HIGH,
		    (struct bytes){0});
}
