// SPDX-License-Identifier: Apache-2.0
/* callerctl what: what somebody did, and callerctl who: who did something to an object. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/table.h"
#include "ctl/ctl.h"

#define IDS_MAX 32

struct asked {
	struct ctl *ctl;
	struct screen screen;
	struct deeds *deeds;
	struct bytes name; /* whom or what is asked for; data NULL: all */
	/* Of who: what the name stood for so far. */
	char ids[IDS_MAX][72];
	unsigned int id_count;
	uint64_t shown, looks, requests;
	enum finding_severity gravest;
};

static int asked_start(struct asked *asked, struct ctl *ctl,
		       void (*tell)(void *data, const struct deed *deed))
{
	*asked = (struct asked){.ctl = ctl, .deeds = deeds_new(asked, tell)};
	if (ctl->argument_count)
		asked->name = bytes_of(ctl->arguments[0]);
	screen_open(&asked->screen, ctl);
	return asked->deeds ? 0 : -ENOMEM;
}

static enum ctl_exit asked_end(struct asked *asked, int error)
{
	if (!error)
		deeds_run(asked->deeds, UINT64_MAX);
	deeds_free(asked->deeds);
	screen_close(&asked->screen);
	return error ? CTL_UNREAD : CTL_OK;
}

static bool holds_name(void *data, struct bytes line)
{
	const struct asked *asked = data;

	if (!asked->name.size || memmem(line.data, line.size, asked->name.data, asked->name.size))
		return true;
	for (unsigned int i = 0; i < asked->id_count; i++)
		if (memmem(line.data, line.size, asked->ids[i], strlen(asked->ids[i])))
			return true;
	return false;
}

static int asked_take(struct asked *asked, const struct reread *record, uint64_t time,
		      struct bytes line)
{
	if (asked->ctl->json) {
		fwrite(line.data, 1, line.size, stdout);
		putchar('\n');
		asked->shown++;
		return 0;
	}
	deeds_run(asked->deeds, time);
	return deeds_take(asked->deeds, record, time);
}

static void show_deed(struct asked *asked, const struct deed *deed)
{
	asked->requests += deed->requests;
	if (!asked->ctl->all && deed_only_looks(deed)) {
		asked->looks++;
		return;
	}
	if (!asked->ctl->all && deed->later && deed->main->weight < WEIGHT_CHANGE)
		return;
	asked->shown++;
	if (deed->severity > asked->gravest)
		asked->gravest = deed->severity;
	screen_deed(&asked->screen, deed);
	for (unsigned int i = 0; i < deed->act_count; i++)
		if (&deed->acts[i] != deed->main &&
		    (asked->ctl->all || deed->acts[i].weight >= WEIGHT_READ))
			screen_act(&asked->screen, &deed->acts[i]);
}

static void show_looks(struct asked *asked)
{
	char text[160];

	if (!asked->looks)
		return;
	snprintf(text, sizeof(text), "         · and %" PRIu64 " commands that only looked (--all shows them)",
		 asked->looks);
	screen_note(&asked->screen, text);
}

static enum ctl_exit answer(struct asked *asked, enum ctl_exit code, const char *none)
{
	if (code == CTL_OK && !asked->shown && !asked->looks) {
		fprintf(stderr, "callerctl: %s\n", none);
		return CTL_FOUND;
	}
	return code;
}

/* --- what did somebody do? -------------------------------------------------------------------- */

static bool is_by(const struct reread *record, struct bytes name)
{
	static const char *const paths[] = {
		"user.name",	 "user.id",	   "user.effective.name",  "process.name",
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
	if (unit.size == name.size + 8 && !memcmp(unit.data, name.data, name.size))
		return true;
	return name.size >= 12 && bytes_begin(reread_text(record, "container.id"), name.data);
}

static int take_of_somebody(void *data, const struct reread *record, uint64_t time,
			    struct bytes line)
{
	struct asked *asked = data;

	if (asked->name.size && !is_by(record, asked->name))
		return 0;
	return asked_take(asked, record, time, line);
}

static void tell_deed(void *data, const struct deed *deed)
{
	show_deed(data, deed);
}

enum ctl_exit ctl_what(struct ctl *ctl)
{
	struct asked asked;
	struct ctl_records records = {
		.data = &asked,
		.take = take_of_somebody,
		.may_matter = holds_name,
	};
	enum ctl_exit code;
	int error = asked_start(&asked, ctl, tell_deed) ?: ctl_read(ctl, &records);

	code = asked_end(&asked, error);
	if (!ctl->json)
		show_looks(&asked);
	return answer(&asked, code, "nothing of that sort is in the log");
}

/* --- who did it? ------------------------------------------------------------------------------ */

static void learn_id(struct asked *asked, struct bytes id)
{
	if (!id.size || id.size >= sizeof(asked->ids[0]) || asked->id_count == IDS_MAX)
		return;
	for (unsigned int i = 0; i < asked->id_count; i++)
		if (bytes_are(id, asked->ids[i]))
			return;
	memcpy(asked->ids[asked->id_count], id.data, id.size);
	asked->ids[asked->id_count++][id.size] = '\0';
}

static bool is_named(const struct asked *asked, struct bytes id, struct bytes name)
{
	if (bytes_equal(name, asked->name))
		return true;
	if (asked->name.size >= 6 && bytes_begin(id, asked->name.data))
		return true;
	for (unsigned int i = 0; i < asked->id_count; i++)
		if (bytes_are(id, asked->ids[i]))
			return true;
	return false;
}

/* Whether RECORD is about what was asked for; learns the ids that its name stands for. */
static bool is_about(struct asked *asked, const struct reread *record)
{
	static const char *const objects[][2] = {
		{"callerd.target.id", "callerd.target.name"},
		{"callerd.target.container.id", "callerd.target.container.name"},
		{"callerd.docker_event.id", "callerd.docker_event.name"},
	};
	bool about = false;

	for (size_t i = 0; i < COUNT(objects); i++) {
		struct bytes id = reread_text(record, objects[i][0]);
		struct bytes name = reread_text(record, objects[i][1]);

		if (!is_named(asked, id, name))
			continue;
		learn_id(asked, id);
		about = true;
	}
	return about || bytes_equal(reread_text(record, "callerd.target.image"), asked->name) ||
	       bytes_equal(reread_text(record, "callerd.change.path"), asked->name);
}

static int take_of_object(void *data, const struct reread *record, uint64_t time,
			  struct bytes line)
{
	struct asked *asked = data;

	return is_about(asked, record) ? asked_take(asked, record, time, line) : 0;
}

enum ctl_exit ctl_who(struct ctl *ctl)
{
	struct asked asked;
	struct ctl_records records = {
		.data = &asked,
		.take = take_of_object,
		.may_matter = holds_name,
	};
	enum ctl_exit code;
	int error = asked_start(&asked, ctl, tell_deed) ?: ctl_read(ctl, &records);

	code = asked_end(&asked, error);
	if (!ctl->json)
		show_looks(&asked);
	return answer(&asked, code, "nobody is in the log who did something to it");
}
