// SPDX-License-Identifier: Apache-2.0
#include "ctl/subject.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/utf8.h"
#include "errand/who.h"
#include "log/moment.h"

#define FACT_COLUMNS 400
#define FACT_INDENT 15
#define RING_FIRST 8

/* --- entity ids ------------------------------------------------------------------------------- */

static int hex_of(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* 0: it is no hexadecimal number, as callerd writes them. */
static uint64_t hex_number(struct bytes digits)
{
	uint64_t number = 0;

	for (size_t i = 0; i < digits.size; i++) {
		int digit = hex_of(digits.data[i]);

		if (digit < 0 || digits.size > 16)
			return 0;
		number = number << 4 | (unsigned int)digit;
	}
	return number;
}

uint64_t subject_start(struct bytes entity)
{
	const char *dash = entity.size ? memrchr(entity.data, '-', entity.size) : NULL;

	return dash ? hex_number(bytes_from(entity, (size_t)(dash + 1 - entity.data))) : 0;
}

bool subject_same_boot(struct bytes entity, struct bytes other)
{
	struct bytes boot = {0}, others = {0};

	return bytes_take(&entity, '-', &boot) && bytes_take(&other, '-', &others) && boot.size &&
	       bytes_equal(boot, others);
}

void subject_put_time(char *to, size_t size, uint64_t time, bool utc)
{
	struct tm tm;

	ctl_split_time(utc, time, &tm);
	strftime(to, size, utc ? "%Y-%m-%d %H:%M:%S UTC" : "%Y-%m-%d %H:%M:%S", &tm);
}

/* --- what is known of it ---------------------------------------------------------------------- */

static void begin_fact(struct subject *subject, const char *name)
{
	text_add_string(&subject->facts, "  ");
	text_add_string(&subject->facts, name);
	for (size_t used = strlen(name); used < FACT_INDENT - 2; used++)
		text_add_char(&subject->facts, ' ');
}

static void add_said(struct text *out, const char *before, struct bytes text, const char *after)
{
	if (!text.size)
		return;
	text_add_string(out, before);
	text_add_visible(out, text, FACT_COLUMNS);
	text_add_string(out, after);
}

static void add_aspect(struct subject *subject, const char *name, struct bytes text)
{
	if (!text.size)
		return;
	begin_fact(subject, name);
	add_said(&subject->facts, "", text, "\n");
}

static void say_when(struct text *out, const char *before, uint64_t time, const struct ctl *ctl)
{
	char text[40];

	if (!time)
		return;
	subject_put_time(text, sizeof(text), time, ctl->utc);
	text_add_string(out, before);
	text_add_string(out, text);
}

/* WHO of the record's message. */
static struct bytes who_of(const struct reread *record)
{
	struct bytes who = reread_text(record, "message");
	const char *bar = who.size ? memmem(who.data, who.size, " | ", 3) : NULL;

	if (bar)
		who.size = (size_t)(bar - who.data);
	return who;
}

/* An event.id begins with its time. */
static uint64_t record_id_time(struct bytes id)
{
	return id.size > 16 && id.data[16] == '-' ? hex_number((struct bytes){id.data, 16}) : 0;
}

static void say_user(struct text *out, const struct reread *record, const char *path,
		     const struct ctl *ctl)
{
	char at[128];
	struct bytes name, id;

	snprintf(at, sizeof(at), "%s.user.name", path);
	name = reread_text(record, at);
	snprintf(at, sizeof(at), "%s.user.id", path);
	id = reread_text(record, at);
	if (!id.size)
		return;
	add_said(out, name.size ? "" : "uid ", name.size ? name : id, "");
	snprintf(at, sizeof(at), "%s.via", path);
	add_said(out, " (", reread_text(record, at), ")");
	snprintf(at, sizeof(at), "%s.behind.user.name", path);
	add_said(out, ", behind that ", reread_text(record, at), "");
	snprintf(at, sizeof(at), "%s.event_id", path);
	id = reread_text(record, at);
	say_when(out, ", at ", record_id_time(id), ctl);
	add_said(out, ", record ", id, "");
}

static void add_maker(struct subject *subject, const struct reread *record, const char *name,
		      const char *path)
{
	_cleanup_(text_free) struct text text = {0};

	say_user(&text, record, path, subject->ctl);
	add_aspect(subject, name, text_since(&text, 0));
}

/* web (2e8785bb9714) from busybox */
static void say_container(struct text *out, const struct reread *record)
{
	struct bytes id = reread_text(record, "container.id");
	struct bytes name = reread_text(record, "container.name");

	if (id.size > 12)
		id.size = 12;
	add_said(out, "", name, " ");
	add_said(out, name.size ? "(" : "", id, name.size ? ")" : "");
	add_said(out, " from ", reread_text(record, "container.image.name"), "");
}

static void describe_container(struct subject *subject, const struct reread *record)
{
	_cleanup_(text_free) struct text text = {0};

	if (!reread_text(record, "container.id").size)
		return;
	say_container(&text, record);
	if (subject->kind != SUBJECT_CONTAINER)
		add_aspect(subject, "container", text_since(&text, 0));
	add_maker(subject, record, "created by", "callerd.caller.container.created_by");
	add_maker(subject, record, "started by", "callerd.caller.container.started_by");
	if (subject->kind != SUBJECT_CONTAINER)
		add_maker(subject, record, "exec by", "callerd.caller.container.exec_by");
}

static void describe_login(struct subject *subject, const struct reread *record)
{
	struct bytes service = reread_text(record, "callerd.session.service");
	struct bytes basis;
	_cleanup_(text_free) struct text text = {0};
	const char *separator = "; known by: ";

	if (!service.size)
		return;
	add_said(&text, "by ", service, "");
	add_said(&text, " from ", reread_text(record, "source.ip"), "");
	if (reread_number(record, "source.port")) {
		text_add_string(&text, " port ");
		text_add_number(&text, reread_number(record, "source.port"));
	}
	add_said(&text, ", terminal ", reread_text(record, "callerd.session.tty"), "");
	add_said(&text, ", at ", reread_text(record, "callerd.session.start"), "");
	if (reread_true(record, "callerd.session.ended"))
		text_add_string(&text, ", and has logged out");
	for (unsigned int i = 0; (basis = reread_text_at(record, "callerd.session.basis", i)).data;
	     i++) {
		add_said(&text, separator, basis, "");
		separator = ", ";
	}
	add_said(&text, "; otherwise by ", reread_text(record, "callerd.session.contradictions"),
		 "");
	add_aspect(subject, "logged in", text_since(&text, 0));
}

static void say_job(struct text *out, const struct reread *record)
{
	struct bytes job = reread_text(record, "callerd.ci.job");
	struct bytes pipeline = reread_text(record, "callerd.ci.pipeline");

	add_said(out, "", reread_text(record, "callerd.ci.system"), "");
	add_said(out, " job ", job, "");
	add_said(out, job.size ? " in pipeline " : " pipeline ", pipeline, "");
	add_said(out, " of ", reread_text(record, "callerd.ci.repository"), "");
	add_said(out, " (", reread_text(record, "callerd.ci.actor"), ")");
}

static void describe_claims(struct subject *subject, const struct reread *record)
{
	uint64_t pid = reread_number(record, "callerd.caller.environment.pid");
	_cleanup_(text_free) struct text text = {0};
	struct bytes agent;

	if (reread_text(record, "callerd.ci.system").size) {
		if (subject->kind != SUBJECT_JOB)
			say_job(&text, record);
		add_said(&text, text.size ? ", " : "", reread_text(record, "callerd.ci.url"), "");
		text_add_string(&text, text.size ? "; its own word" : "its own word");
		if (pid && subject->kind == SUBJECT_PROCESS) {
			text_add_string(&text, ", of process ");
			text_add_number(&text, pid);
			text_add_string(&text, " above it");
		}
		add_aspect(subject, "job", text_since(&text, 0));
	}
	for (unsigned int i = 0; (agent = reread_text_at(record, "callerd.ai.agent", i)).data; i++)
		add_aspect(subject, "AI agent", agent);
}

/* When it began; of this boot, unless the record has it. 0: not known. */
static uint64_t began_at(const struct subject *subject, const struct reread *record)
{
	struct bytes told = reread_text(record, "process.start");
	uint64_t start = subject_start(text_since(&subject->key, 0));

	if (told.size)
		return moment_rfc3339(told.data, told.size);
	if (!bytes_are(reread_text(record, "event.action"), "caller-seen") || !start)
		return 0;
	return clock_real((int64_t)(clock_now(CLOCK_REALTIME) - clock_now(CLOCK_BOOTTIME)), start);
}

static void describe_program(struct subject *subject, const struct reread *record)
{
	struct bytes digest = reread_text(record, "process.hash.sha256");
	struct bytes tty = reread_text(record, "callerd.caller.tty");
	_cleanup_(text_free) struct text began = {0};

	say_when(&began, "", began_at(subject, record), subject->ctl);
	add_aspect(subject, "since", text_since(&began, 0));
	add_aspect(subject, "program", reread_text(record, "process.executable"));
	add_aspect(subject, "sha256", digest);
	add_aspect(subject, "command", reread_text(record, "process.command_line"));
	add_aspect(subject, "above it", reread_text(record, "callerd.lineage"));
	add_aspect(subject, "unit", reread_text(record, "callerd.caller.unit"));
	add_aspect(subject, "terminal", tty);
}

/* How much a record tells that another one of the same may not. */
static unsigned int richness_of(const struct reread *record)
{
	static const char *const paths[] = {
		"callerd.session.service",
		"source.ip",
		"process.command_line",
		"process.hash.sha256",
		"container.name",
		"callerd.lineage",
		"callerd.ci.system",
		"callerd.ai.agent",
		"user.name",
		"callerd.caller.container.created_by.user.id",
		"callerd.caller.container.started_by.user.id",
		"callerd.caller.container.exec_by.user.id",
	};
	unsigned int richness = 1;

	for (size_t i = 0; i < COUNT(paths); i++)
		richness += reread_text(record, paths[i]).size > 0;
	return richness;
}

static void set_title(struct subject *subject, const struct reread *record)
{
	struct text *title = &subject->title;

	switch (subject->kind) {
	case SUBJECT_PROCESS:
		text_add_string(title, "process ");
		text_add_number(title, reread_number(record, "process.pid"));
		add_said(title, " (", reread_text(record, "process.name"), ")");
		break;
	case SUBJECT_BELOW:
		text_add_string(title, "what it started");
		break;
	case SUBJECT_JOB:
		say_job(title, record);
		break;
	case SUBJECT_LOGIN:
		text_add_string(title, "login of ");
		add_said(title, "", reread_text(record, "user.name"), "");
		break;
	case SUBJECT_TCP:
		text_add_string(title, "over TCP");
		break;
	case SUBJECT_CONTAINER:
		text_add_string(title, "container ");
		say_container(title, record);
		break;
	}
}

int subject_describe(struct subject *subject, const struct reread *record)
{
	unsigned int richness = richness_of(record);

	if (richness <= subject->known)
		return 0;
	subject->known = richness;
	text_cut(&subject->title, 0);
	text_cut(&subject->facts, 0);
	set_title(subject, record);
	if (subject->kind == SUBJECT_BELOW)
		return subject->title.error;
	if (subject->kind == SUBJECT_PROCESS || subject->kind == SUBJECT_LOGIN)
		add_aspect(subject, "who", who_of(record));
	if (subject->kind == SUBJECT_PROCESS)
		describe_program(subject, record);
	if (subject->kind == SUBJECT_PROCESS || subject->kind == SUBJECT_LOGIN)
		describe_login(subject, record);
	if (subject->kind == SUBJECT_PROCESS || subject->kind == SUBJECT_JOB)
		describe_claims(subject, record);
	if (subject->kind == SUBJECT_PROCESS || subject->kind == SUBJECT_CONTAINER)
		describe_container(subject, record);
	return subject->facts.error ?: subject->title.error;
}

/* --- what it asked for ------------------------------------------------------------------------ */

static int make_room(struct subject *subject)
{
	unsigned int room = subject->room ? 2 * subject->room : RING_FIRST;
	struct errand *ring;

	if (room > subject->size)
		room = subject->size;
	ring = reallocarray(subject->ring, room, sizeof(*ring));
	if (!ring)
		return -ENOMEM;
	/* What is behind moved with its errand. */
	for (unsigned int i = 0; i < subject->held; i++)
		ring[i].main = errand_main(&ring[i]);
	subject->ring = ring;
	subject->room = room;
	return 0;
}

static void keep_errand(void *data, const struct errand *errand)
{
	struct subject *subject = data;
	struct errand *copy;

	if (!subject->ctl->all && errand_is_minor(errand))
		return;
	if (!subject->size ||
	    (subject->held == subject->room && subject->room < subject->size && make_room(subject)))
		return;
	copy = &subject->ring[subject->held++ % subject->room];
	*copy = *errand;
	copy->main = errand_main(copy);
}

struct subject *subject_new(enum subject_kind kind, struct bytes key, const struct ctl *ctl)
{
	struct subject *subject = calloc(1, sizeof(*subject));

	if (!subject)
		return NULL;
	subject->kind = kind;
	subject->ctl = ctl;
	subject->size = ctl->lines;
	text_add_bytes(&subject->key, key);
	subject->errands = errands_new(subject, keep_errand);
	if (subject->errands && !subject->key.error)
		return subject;
	subject_free(subject);
	return NULL;
}

void subject_free(struct subject *subject)
{
	if (!subject)
		return;
	errands_free(subject->errands);
	text_free(&subject->key);
	text_free(&subject->title);
	text_free(&subject->facts);
	free(subject->ring);
	free(subject);
}

bool subject_is(const struct subject *subject, enum subject_kind kind, struct bytes key)
{
	return subject->kind == kind && bytes_equal(text_since(&subject->key, 0), key);
}

int subject_take(struct subject *subject, const struct reread *record, uint64_t time)
{
	enum record_action action = record->record.action;
	enum finding_severity severity = reread_gravest(record);
	int error = subject_describe(subject, record);

	if (error)
		return error;
	if (!subject->records++)
		subject->first = time;
	subject->last = time > subject->last ? time : subject->last;
	if (action == RECORD_API_REQUEST)
		subject->requests += reread_times(record);
	if (action == RECORD_SOCKET_REFUSED)
		subject->refused += reread_times(record);
	if (severity > subject->gravest)
		subject->gravest = severity;
	errands_run(subject->errands, time);
	return errands_take(subject->errands, record, time);
}

/* --- showing it ------------------------------------------------------------------------------- */

/* "12 requests, from 15:00 to 16:00; the gravest finding is critical" */
static void say_deeds(struct subject *subject, struct text *out)
{
	if (!subject->records) {
		text_add_string(out, "nothing that a log knows of");
		return;
	}
	text_add_number(out, subject->requests);
	text_add_string(out, subject->requests == 1 ? " request" : " requests");
	if (subject->refused) {
		text_add_string(out, ", refused ");
		text_add_number(out, subject->refused);
		text_add_string(out, subject->refused == 1 ? " time" : " times");
	}
	say_when(out, ", the first one at ", subject->first, subject->ctl);
	if (subject->last > subject->first)
		say_when(out, ", the last one at ", subject->last, subject->ctl);
	if (subject->gravest >= SEVERITY_LOW) {
		text_add_string(out, "; found: ");
		text_add_string(out, finding_severity_name(subject->gravest));
	}
}

/* How many bytes of LINE fit COLUMNS: whole words of it, or else whole characters. */
static size_t fitting_size(struct bytes line, size_t columns)
{
	size_t word = 0, at = 0;

	while (at < line.size) {
		size_t next = at + 1;

		while (next < line.size && ((unsigned char)line.data[next] & 0xc0) == 0x80)
			next++;
		if (utf8_columns(line.data, next) > columns)
			return word ?: at ?: next;
		at = next;
		if (at < line.size && line.data[at] == ' ')
			word = at;
	}
	return line.size;
}

/* Lines of facts; what is longer than the screen is wide goes on below. */
static void show_facts(struct screen *screen, struct bytes facts)
{
	_cleanup_(text_free) struct text text = {0};
	struct bytes line;

	while (facts.size && bytes_take(&facts, '\n', &line)) {
		size_t room = screen->columns > 2 * FACT_INDENT ? screen->columns
								: line.size + FACT_INDENT;
		size_t indent = 0;

		while (line.size) {
			size_t size = fitting_size(line, room - indent);

			text_cut(&text, 0);
			for (size_t i = 0; i < indent; i++)
				text_add_char(&text, ' ');
			text_add(&text, line.data, size);
			screen_plain(screen, text.data ?: "");
			line = bytes_from(line, size);
			while (line.size && *line.data == ' ')
				line = bytes_from(line, 1);
			indent = FACT_INDENT;
		}
	}
}

void subject_show_facts(struct subject *subject, struct screen *screen, const char *standing)
{
	_cleanup_(text_free) struct text text = {0};

	text_add_bytes(&text, text_since(&subject->title, 0));
	text_add_string(&text, standing);
	screen_heading(screen, text.data ?: "");
	show_facts(screen, text_since(&subject->facts, 0));
}

void subject_show(struct subject *subject, struct screen *screen, const struct ctl *ctl,
		  const char *standing)
{
	_cleanup_(text_free) struct text text = {0};
	uint64_t from;

	errands_run(subject->errands, UINT64_MAX);
	from = subject->held > subject->room ? subject->held - subject->room : 0;
	subject_show_facts(subject, screen, standing);
	text_add_string(&text, "  asked for    ");
	say_deeds(subject, &text);
	show_facts(screen, text_since(&text, 0));
	if (from) {
		text_cut(&text, 0);
		text_add_string(&text, "         · ");
		text_add_number(&text, from);
		text_add_string(&text, " commands before these (--lines)");
		screen_note(screen, text.data ?: "");
	}
	for (uint64_t i = from; i < subject->held; i++) {
		const struct errand *errand = &subject->ring[i % subject->room];

		screen_errand(screen, errand);
		for (unsigned int k = 0; k < errand->act_count; k++)
			if (&errand->acts[k] != errand->main &&
			    (ctl->all || errand->acts[k].weight >= WEIGHT_READ))
				screen_act(screen, &errand->acts[k]);
	}
}
