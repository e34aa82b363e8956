// SPDX-License-Identifier: Apache-2.0
/* callerctl what: what somebody did, and callerctl who: who did something to an object. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/table.h"
#include "ctl/ctl.h"

#define IDS_SOUGHT 12 /* to look for more in a line takes longer than to read it */

struct ctl_question {
	struct ctl *ctl;
	struct screen screen;
	struct errands *errands;
	struct bytes name; /* whom or what is asked for; data NULL: all */
	uint64_t shown, looks;
	/* Of explain: the gravest request so far, of those the one that does most, of those the first; "": none. */
	unsigned int rank;
	char gravest[64];
};

static bool holds_name(void *data, struct bytes line)
{
	const struct ctl_question *ctl_question = data;

	if (ctl_question->ctl->id_count > IDS_SOUGHT || ctl_may_hold(line, ctl_question->name))
		return true;
	if (bytes_begin(ctl_question->name, "/") &&
	    (bytes_find(line, bytes_of("\"binds\"")) || bytes_find(line, bytes_of("\"mounts\""))))
		return true; /* a directory above it may be among them */
	for (unsigned int i = 0; i < ctl_question->ctl->id_count; i++)
		if (bytes_find(line, bytes_of(ctl_question->ctl->ids[i])))
			return true;
	return false;
}

static int question_take(struct ctl_question *ctl_question, const struct reread *record,
			 uint64_t time, struct bytes line)
{
	if (ctl_question->ctl->json) {
		fwrite(line.data, 1, line.size, stdout);
		putchar('\n');
		ctl_question->shown++;
		return 0;
	}
	errands_run(ctl_question->errands, time);
	return errands_take(ctl_question->errands, record, time);
}

static void show_errand(void *data, const struct errand *errand)
{
	struct ctl_question *ctl_question = data;

	if (!ctl_question->ctl->all && errand_only_looks(errand)) {
		ctl_question->looks++;
		return;
	}
	if (!ctl_question->ctl->all && errand_is_minor(errand))
		return;
	ctl_question->shown++;
	screen_errand(&ctl_question->screen, errand);
	for (unsigned int i = 0; i < errand->act_count; i++)
		if (&errand->acts[i] != errand->main &&
		    (ctl_question->ctl->all || errand->acts[i].weight >= WEIGHT_READ))
			screen_act(&ctl_question->screen, &errand->acts[i]);
}

static void show_looks(struct ctl_question *ctl_question)
{
	char text[160];

	if (!ctl_question->looks)
		return;
	snprintf(text, sizeof(text),
		 "         · and %" PRIu64 " commands that only looked (--all shows them)",
		 ctl_question->looks);
	screen_note(&ctl_question->screen, text);
}

/* Shows what TAKE lets through of the log; NONE: what to say where that is nothing. */
static enum ctl_exit question_ask(struct ctl *ctl,
				  int (*take)(void *data, const struct reread *record,
					      uint64_t time, struct bytes line),
				  const char *none, char *gravest, size_t size)
{
	struct ctl_question question = {.ctl = ctl};
	struct ctl_records records = {.data = &question, .take = take, .may_matter = holds_name};
	int error = -ENOMEM;

	if (ctl->argument_count)
		question.name = bytes_of(ctl->arguments[0]);
	screen_open(&question.screen, ctl);
	question.errands = errands_new(&question, show_errand);
	if (question.errands)
		error = ctl_read(ctl, &records);
	if (!error)
		errands_run(question.errands, UINT64_MAX);
	errands_free(question.errands);
	if (!ctl->json)
		show_looks(&question);
	screen_close(&question.screen);
	if (error)
		return CTL_UNREAD;
	if (gravest)
		snprintf(gravest, size, "%s", question.gravest);
	if (question.shown || question.looks)
		return CTL_OK;
	fprintf(stderr, "callerctl: %s\n", none);
	return CTL_FOUND;
}

/* --- what did somebody do? -------------------------------------------------------------------- */

bool ctl_is_by(const struct reread *record, struct bytes name)
{
	static const char *const paths[] = {
		"user.name",	  "user.id",	  "user.effective.name", "process.name",
		"container.name", "container.id", "callerd.caller.unit",
	};
	struct bytes program = reread_text(record, "process.executable");
	struct bytes unit = reread_text(record, "callerd.caller.unit");

	for (size_t i = 0; i < COUNT(paths); i++)
		if (bytes_equal(reread_text(record, paths[i]), name))
			return true;
	if (bytes_equal(program, name) || bytes_equal(bytes_basename(program), name))
		return true;
	/* The unit without its suffix; a container by the beginning of its id. */
	if (unit.size > name.size && !memcmp(unit.data, name.data, name.size) &&
	    bytes_are(bytes_from(unit, name.size), ".service"))
		return true;
	return name.size >= 12 && bytes_begin(reread_text(record, "container.id"), name.data);
}

/* Whether NAME is who is behind the caller: behind a container, or a relay. */
static bool stands_behind(const struct reread *record, struct bytes name)
{
	static const char *const paths[] = {
		"callerd.caller.behind.user.name", "callerd.caller.behind.user.id",
		"callerd.relayed_for.user.name",   "callerd.relayed_for.user.id",
		"callerd.relayed_for.source.ip",
	};

	for (size_t i = 0; i < COUNT(paths); i++)
		if (bytes_equal(reread_text(record, paths[i]), name))
			return true;
	return false;
}

static int take_of_somebody(void *data, const struct reread *record, uint64_t time,
			    struct bytes line)
{
	struct ctl_question *ctl_question = data;

	if (ctl_question->name.size && !ctl_is_by(record, ctl_question->name) &&
	    !stands_behind(record, ctl_question->name))
		return 0;
	return question_take(ctl_question, record, time, line);
}

enum ctl_exit ctl_what(struct ctl *ctl)
{
	return question_ask(ctl, take_of_somebody, "nothing of that sort is in the log", NULL, 0);
}

/* --- who did it? ------------------------------------------------------------------------------ */

static void learn_id(struct ctl_question *ctl_question, struct bytes id)
{
	if (!id.size || id.size >= sizeof(ctl_question->ctl->ids[0]) ||
	    ctl_question->ctl->id_count == CTL_IDS_MAX)
		return;
	for (unsigned int i = 0; i < ctl_question->ctl->id_count; i++)
		if (bytes_are(id, ctl_question->ctl->ids[i]))
			return;
	memcpy(ctl_question->ctl->ids[ctl_question->ctl->id_count], id.data, id.size);
	ctl_question->ctl->ids[ctl_question->ctl->id_count++][id.size] = '\0';
}

static bool is_named(const struct ctl_question *ctl_question, struct bytes id, struct bytes name)
{
	if (bytes_equal(name, ctl_question->name))
		return true;
	if (ctl_question->name.size >= 6 && bytes_begin(id, ctl_question->name.data))
		return true;
	for (unsigned int i = 0; i < ctl_question->ctl->id_count; i++)
		if (bytes_are(id, ctl_question->ctl->ids[i]))
			return true;
	return false;
}

/* Whether the path that was asked for is SOURCE, of a mount, or below it. */
static bool is_mounted(const struct ctl_question *ctl_question, struct bytes source)
{
	struct bytes name = ctl_question->name;

	while (source.size > 1 && source.data[source.size - 1] == '/')
		source.size--;
	if (!source.size || source.size > name.size || memcmp(source.data, name.data, source.size))
		return false;
	return source.size == name.size || bytes_are(source, "/") || name.data[source.size] == '/';
}

/* Whether a container was given the path of the host. */
static bool gives_path(const struct ctl_question *ctl_question, const struct reread *record)
{
	static const char of_mount[] = "source=";
	struct bytes text;

	if (!bytes_begin(ctl_question->name, "/"))
		return false;
	for (unsigned int i = 0; (text = reread_text_at(record, "callerd.request.binds", i)).data;
	     i++) {
		const char *end = text.size ? memchr(text.data, ':', text.size) : NULL;

		if (end &&
		    is_mounted(ctl_question, (struct bytes){text.data, (size_t)(end - text.data)}))
			return true;
	}
	for (unsigned int i = 0; (text = reread_text_at(record, "callerd.request.mounts", i)).data;
	     i++) {
		const char *at =
			text.size ? memmem(text.data, text.size, of_mount, sizeof(of_mount) - 1)
				  : NULL;
		struct bytes source;

		if (!at || !memmem(text.data, text.size, "type=bind", 9))
			continue;
		source = bytes_from(text, (size_t)(at - text.data) + sizeof(of_mount) - 1);
		at = source.size ? memchr(source.data, ',', source.size) : NULL;
		if (at)
			source.size = (size_t)(at - source.data);
		if (is_mounted(ctl_question, source))
			return true;
	}
	return false;
}

/* Whether IMAGE is the one that was asked for, which may be given without its tag. */
static bool is_image(const struct ctl_question *ctl_question, struct bytes image)
{
	struct bytes name = ctl_question->name;

	return bytes_equal(image, name) ||
	       (image.size > name.size && !memcmp(image.data, name.data, name.size) &&
		(image.data[name.size] == ':' || image.data[name.size] == '@'));
}

/* Whether what RECORD has at PATH is the id of a container. */
static bool is_container(const struct reread *record, const char *path)
{
	const char *type = !strcmp(path, "callerd.target.id")	      ? "callerd.target.type"
			   : !strcmp(path, "callerd.docker_event.id") ? "callerd.docker_event.type"
								      : NULL;

	return !type || bytes_are(reread_text(record, type), "container");
}

/* Whether RECORD is about what was asked for; learns the ids that its name stands for. */
static bool is_about(struct ctl_question *ctl_question, const struct reread *record)
{
	static const char *const objects[][2] = {
		{"callerd.target.id", "callerd.target.name"},
		{"callerd.target.container.id", "callerd.target.container.name"},
		{"callerd.docker_event.id", "callerd.docker_event.name"},
		{"container.id", "container.name"}, /* it calls by itself */
	};
	bool about = false, containers = ctl_question->ctl->containers;

	for (size_t i = 0; i < COUNT(objects); i++) {
		struct bytes id = reread_text(record, objects[i][0]);
		struct bytes name = reread_text(record, objects[i][1]);

		if (!is_named(ctl_question, id, name) ||
		    (containers && !is_container(record, objects[i][0])))
			continue;
		learn_id(ctl_question, id);
		about = true;
	}
	if (containers)
		return about;
	if (gives_path(ctl_question, record)) {
		learn_id(ctl_question, reread_text(record, "callerd.target.id"));
		about = true;
	}
	return about || is_image(ctl_question, reread_text(record, "callerd.target.image")) ||
	       (bytes_are(reread_text(record, "callerd.target.type"), "image") &&
		is_image(ctl_question, reread_text(record, "callerd.target.name"))) ||
	       bytes_equal(reread_text(record, "callerd.change.path"), ctl_question->name);
}

static void keep_gravest(struct ctl_question *ctl_question, const struct reread *record)
{
	struct bytes id = reread_text(record, "event.id");
	unsigned int rank = 1 + 10 * reread_gravest(record) + verb_of_record(record, NULL).weight;

	if (record->record.action != RECORD_API_REQUEST || rank <= ctl_question->rank || !id.size ||
	    id.size >= sizeof(ctl_question->gravest))
		return;
	ctl_question->rank = rank;
	memcpy(ctl_question->gravest, id.data, id.size);
	ctl_question->gravest[id.size] = '\0';
}

static int take_of_object(void *data, const struct reread *record, uint64_t time, struct bytes line)
{
	struct ctl_question *ctl_question = data;

	if (!is_about(ctl_question, record))
		return 0;
	keep_gravest(ctl_question, record);
	return question_take(ctl_question, record, time, line);
}

enum ctl_exit ctl_who_and_gravest(struct ctl *ctl, char *gravest, size_t size)
{
	return question_ask(ctl, take_of_object, "nobody is in the log who did something to it",
			    gravest, size);
}

enum ctl_exit ctl_who_of_object(struct ctl *ctl, const char *object)
{
	ctl->arguments = &object;
	ctl->argument_count = 1;
	return ctl_who_and_gravest(ctl, NULL, 0);
}
