// SPDX-License-Identifier: Apache-2.0
/*
 * callerctl who: who is behind a process, an address or a job, and what that asked for: by the agent that runs, of a process that
 * lives, and by logs. Two processes that had one PID are told apart by when they began.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "ctl/ctl.h"
#include "ctl/subject.h"
#include "health/endpoint.h"
#include "log/moment.h"

#define SUBJECTS_MAX 16
#define ID_SIZE 64
#define ID_SHORTEST 12

struct inquest {
	struct ctl *ctl;
	struct who_question question;
	struct screen screen;
	struct reread live; /* what the agent says of the process; .count 0: nothing */
	struct text told;   /* its line */
	int status;	    /* of the agent's answer; 0: there was none */
	int error;	    /* why there was none; 0: nobody was to be asked */
	const char *agent;
	struct bytes entity; /* of the process that lives, in .live */
	uint64_t start;	     /* of that, as its entity id has it */
	struct subject *subjects[SUBJECTS_MAX];
	unsigned int count;
	struct subject *below; /* what processes below the one that lives asked for */
	uint64_t left_out;     /* records of more subjects */
	bool took;	       /* the record at hand */
	uint64_t shown;	       /* lines, with --json */
	uint64_t since;	       /* ns since 1970: the first line of the logs; 0: there is none */
	bool begins;	       /* a file of them */
	bool reads;	       /* logs */
};

/* --- the agent -------------------------------------------------------------------------------- */

/* Takes the agent out of the logs: returns where it listens. */
static const char *take_agent(struct ctl *ctl)
{
	const char *agent = CTL_SOCKET;
	unsigned int count = 0;

	for (unsigned int i = 0; i < ctl->log_count; i++) {
		const char *log = ctl->logs[i];

		if (strncmp(log, CTL_AGENT, strlen(CTL_AGENT)) != 0)
			ctl->logs[count++] = log;
		else if (log[strlen(CTL_AGENT)])
			agent = log + strlen(CTL_AGENT);
	}
	if (!count)
		ctl->logs[count++] = CTL_LOG;
	ctl->log_count = count;
	return agent;
}

static void ask_the_agent(struct inquest *inquest)
{
	struct text *told = &inquest->told;

	if (!inquest->question.pid)
		return;
	inquest->error =
		endpoint_ask_who(inquest->agent, inquest->question.pid, &inquest->status, told);
	if (inquest->error)
		inquest->status = 0;
	if (inquest->status != 200 && inquest->status != 410)
		return;
	while (told->size && told->data[told->size - 1] == '\n')
		text_cut(told, told->size - 1);
	if (reread_read(&inquest->live, text_since(told, 0)) != -EINVAL ||
	    !reread_is_own(&inquest->live)) {
		inquest->error = -EPROTO;
		inquest->status = 0;
		return;
	}
	inquest->entity = reread_text(&inquest->live, "process.entity_id");
	inquest->start = subject_start(inquest->entity);
}

static bool is_live(const struct inquest *inquest)
{
	return inquest->entity.size;
}

/* --- subjects --------------------------------------------------------------------------------- */

static struct subject *find_subject(struct inquest *inquest, enum subject_kind kind,
				    struct bytes key, int *error)
{
	struct subject *subject;

	for (unsigned int i = 0; i < inquest->count; i++)
		if (subject_is(inquest->subjects[i], kind, key))
			return inquest->subjects[i];
	if (inquest->count == SUBJECTS_MAX) {
		inquest->left_out++;
		return NULL;
	}
	subject = subject_new(kind, key, inquest->ctl);
	if (!subject)
		*error = -ENOMEM;
	else
		inquest->subjects[inquest->count++] = subject;
	return subject;
}

/* Gives RECORD to SUBJECT; NULL: it is nobody's, or there was an ERROR. */
static int give_record(struct inquest *inquest, struct subject *subject,
		       const struct reread *record, uint64_t time, int error)
{
	inquest->took |= subject != NULL;
	return subject ? subject_take(subject, record, time) : error;
}

/* Whether the process that lives is above the caller of RECORD: whoever began later, and had that PID above, came from it. */
static bool came_from_it(const struct inquest *inquest, const struct reread *record)
{
	struct bytes own = reread_text(record, "process.entity_id"), above;
	struct bytes lineage = reread_text(record, "callerd.lineage");
	char name[32];
	int size = snprintf(name, sizeof(name), "[%s", inquest->question.text);

	if (!is_live(inquest) || !subject_same_boot(own, inquest->entity) ||
	    subject_start(own) < inquest->start || bytes_equal(own, inquest->entity))
		return false;
	for (unsigned int i = 0;; i++) {
		above = reread_text_at(record, "callerd.ancestors.entity_id", i);
		if (!above.data)
			break;
		if (bytes_equal(above, inquest->entity))
			return true;
	}
	while (lineage.size) {
		const char *at = memmem(lineage.data, lineage.size, name, (size_t)size);

		if (!at)
			return false;
		lineage = bytes_from(lineage, (size_t)(at - lineage.data) + (size_t)size);
		if (lineage.size && (*lineage.data == ']' || *lineage.data == ' '))
			return true;
	}
	return false;
}

static int take_of_process(struct inquest *inquest, const struct reread *record, uint64_t time)
{
	struct bytes entity = reread_text(record, "process.entity_id");
	struct subject *subject;
	int error = 0;

	if (reread_number(record, "process.pid") == inquest->question.pid) {
		subject = find_subject(inquest, SUBJECT_PROCESS,
				       entity.size ? entity : bytes_of("?"), &error);
		return give_record(inquest, subject, record, time, error);
	}
	if (!came_from_it(inquest, record))
		return 0;
	if (!inquest->below)
		inquest->below = subject_new(SUBJECT_BELOW, bytes_of(""), inquest->ctl);
	return give_record(inquest, inquest->below, record, time, -ENOMEM);
}

static int take_of_job(struct inquest *inquest, const struct reread *record, uint64_t time)
{
	struct bytes system = reread_text(record, "callerd.ci.system");
	struct bytes pipeline = reread_text(record, "callerd.ci.pipeline");
	struct bytes job = reread_text(record, "callerd.ci.job");
	struct bytes url = reread_text(record, "callerd.ci.url");
	_cleanup_(text_free) struct text key = {0};
	struct subject *subject;
	int error = 0;

	if (!question_is_job(&inquest->question, system, pipeline, job, url))
		return 0;
	/* Jobs of other systems and places have the same numbers. */
	text_add_bytes(&key, system);
	text_add_char(&key, '\n');
	text_add_bytes(&key, reread_text(record, "callerd.ci.repository"));
	text_add_char(&key, '\n');
	text_add_bytes(&key, pipeline);
	text_add_char(&key, '\n');
	text_add_bytes(&key, job);
	if (key.error)
		return -ENOMEM;
	subject = find_subject(inquest, SUBJECT_JOB, text_since(&key, 0), &error);
	return give_record(inquest, subject, record, time, error);
}

static int take_of_address(struct inquest *inquest, const struct reread *record, uint64_t time)
{
	const char *text = inquest->question.text;
	struct bytes leader = reread_text(record, "callerd.session.leader.entity_id");
	struct bytes service = reread_text(record, "callerd.session.service");
	bool here = bytes_are(reread_text(record, "source.ip"), text), tcp;
	struct subject *subject;
	int error = 0;

	tcp = bytes_are(reread_text(record, "callerd.connection.source.ip"), text) ||
	      (here && !service.size);
	if (!tcp && !here)
		return 0;
	if (tcp)
		subject = find_subject(inquest, SUBJECT_TCP, bytes_of("tcp"), &error);
	else
		subject = find_subject(
			inquest, SUBJECT_LOGIN,
			leader.size ? leader : reread_text(record, "callerd.session.id"), &error);
	return give_record(inquest, subject, record, time, error);
}

static bool is_sought(void *data, struct bytes line)
{
	struct inquest *inquest = data;

	return ctl_may_hold(line, bytes_of(inquest->question.text));
}

static int inquest_take(void *data, const struct reread *record, uint64_t time, struct bytes line)
{
	struct inquest *inquest = data;
	int error = 0;

	inquest->took = false;
	if (inquest->question.pid)
		error = take_of_process(inquest, record, time);
	if (!error &&
	    (inquest->question.kind == QUESTION_JOB || inquest->question.kind == QUESTION_NUMBER))
		error = take_of_job(inquest, record, time);
	if (!error && inquest->question.kind == QUESTION_IP)
		error = take_of_address(inquest, record, time);
	if (error || !inquest->ctl->json || !inquest->took)
		return error;
	fwrite(line.data, 1, line.size, stdout);
	putchar('\n');
	inquest->shown++;
	return 0;
}

static void note_file(void *data, const char *log, bool first)
{
	((struct inquest *)data)->begins = true;
}

/* The first line of each file: from the earliest one on they tell. */
static void note_beginning(void *data, struct bytes line, bool complete)
{
	struct inquest *inquest = data;
	uint64_t time;

	if (!inquest->begins || !complete)
		return;
	time = moment_of_line(line.data, line.size);
	inquest->begins = !time;
	if (time && (!inquest->since || time < inquest->since))
		inquest->since = time;
}

/* --- the answer ------------------------------------------------------------------------------- */

static void inquest_note(struct inquest *inquest, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void inquest_note(struct inquest *inquest, const char *format, ...)
{
	char text[512];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	screen_note(&inquest->screen, text);
}

static const char *standing_of(const struct inquest *inquest, const struct subject *subject)
{
	if (subject->kind != SUBJECT_PROCESS)
		return "";
	if (is_live(inquest) && subject_is(subject, SUBJECT_PROCESS, inquest->entity))
		return inquest->status == 200 ? ", runs now" : ", has just ended";
	if (is_live(inquest))
		return ", is not the process that has this PID here now";
	return inquest->status == 404 ? ", does not run here any more"
				      : ", perhaps it runs: no agent could be asked";
}

/* What the answer rests on, and what is not known. */
static void show_basis(struct inquest *inquest)
{
	char since[40];

	if (is_live(inquest))
		inquest_note(inquest, "What it is now is the kernel's word, by the agent at %s.",
			     inquest->agent);
	if (is_live(inquest) && geteuid())
		inquest_note(inquest,
			     "Its arguments, directory, job and AI agent that agent tells root "
			     "alone; what has called has them in "
			     "its records.");
	if (inquest->question.pid && !inquest->status)
		inquest_note(inquest, "The agent at %s could not be asked whether it runs: %s.",
			     inquest->agent, strerror(-inquest->error));
	else if (inquest->question.pid && inquest->status != 200 && inquest->status != 410 &&
		 inquest->status != 404)
		inquest_note(inquest, "The agent at %s did not say whether it runs.",
			     inquest->agent);
	if (!inquest->reads) {
		inquest_note(inquest,
			     "What it asked for is not known: there is no log that may be read "
			     "(--read).");
		return;
	}
	subject_put_time(since, sizeof(since), inquest->since, inquest->ctl->utc);
	inquest_note(inquest, "What it asked for is known since %s: the logs begin then.",
		     inquest->since ? since : "never");
	if (inquest->left_out)
		inquest_note(inquest,
			     "%" PRIu64 " records are of more such that had this number: --since",
			     inquest->left_out);
}

static unsigned int count_kind(const struct inquest *inquest, enum subject_kind kind)
{
	unsigned int count = 0;

	for (unsigned int i = 0; i < inquest->count; i++)
		count += inquest->subjects[i]->kind == kind;
	return count;
}

/* Whether the number is a process's and a job's. */
static bool is_ambiguous(const struct inquest *inquest)
{
	return inquest->question.kind == QUESTION_NUMBER &&
	       (is_live(inquest) || count_kind(inquest, SUBJECT_PROCESS)) &&
	       count_kind(inquest, SUBJECT_JOB);
}

static enum ctl_exit show_ambiguous(const struct inquest *inquest)
{
	const char *text = inquest->question.text;

	fprintf(stderr, "callerctl: %s is a process and a job: callerctl who pid:%s, or job:%s\n",
		text, text, text);
	return CTL_USAGE;
}

static enum ctl_exit show_none(const struct inquest *inquest)
{
	const char *text = inquest->question.text;

	switch (inquest->question.kind) {
	case QUESTION_IP:
		fprintf(stderr, "callerctl: nobody is in the log who came from %s\n", text);
		break;
	case QUESTION_JOB:
		fprintf(stderr, "callerctl: no job %s is in the log\n", text);
		break;
	case QUESTION_PID:
		fprintf(stderr, "callerctl: no process %s is in the log%s\n", text,
			inquest->status == 404 ? ", and none runs" : "");
		break;
	default:
		fprintf(stderr, "callerctl: no process %s and no such job is in the log%s\n", text,
			inquest->status == 404 ? ", and no such process runs" : "");
	}
	return CTL_FOUND;
}

static void show_subjects(struct inquest *inquest)
{
	/* What lives comes first, then what came last. */
	for (unsigned int turn = 0; turn < 2; turn++)
		for (unsigned int i = inquest->count; i--;) {
			struct subject *subject = inquest->subjects[i];
			bool live = is_live(inquest) &&
				    subject_is(subject, SUBJECT_PROCESS, inquest->entity);

			if (live == !turn)
				subject_show(subject, &inquest->screen, inquest->ctl,
					     standing_of(inquest, subject));
			if (live && !turn && inquest->below)
				subject_show(inquest->below, &inquest->screen, inquest->ctl, "");
		}
}

static enum ctl_exit show_inquest(struct inquest *inquest)
{
	if (is_ambiguous(inquest))
		return show_ambiguous(inquest);
	if (inquest->ctl->json)
		return inquest->shown ? CTL_OK : show_none(inquest);
	if (!inquest->count) {
		show_none(inquest);
		show_basis(inquest);
		return CTL_FOUND;
	}
	show_subjects(inquest);
	show_basis(inquest);
	return CTL_OK;
}

/* --- all of it -------------------------------------------------------------------------------- */

/* The log that is there if no other one is named need not be. */
static bool has_logs(const struct ctl *ctl)
{
	return ctl->log_count > 1 || strcmp(ctl->logs[0], CTL_LOG) != 0 || !access(CTL_LOG, R_OK);
}

static int inquest_run(struct inquest *inquest)
{
	struct ctl_records records = {.data = inquest,
				      .take = inquest_take,
				      .may_matter = is_sought,
				      .file = note_file,
				      .line = note_beginning};
	struct subject *live;
	int error = 0;

	ask_the_agent(inquest);
	if (is_live(inquest)) {
		live = find_subject(inquest, SUBJECT_PROCESS, inquest->entity, &error);
		error = live ? subject_describe(live, &inquest->live) : error;
		if (!error && inquest->ctl->json) {
			puts(inquest->told.data);
			inquest->shown++;
		}
	}
	inquest->reads = has_logs(inquest->ctl);
	return error || !inquest->reads ? error : ctl_read(inquest->ctl, &records);
}

static enum ctl_exit ctl_inquire(struct ctl *ctl, const struct who_question *question)
{
	struct inquest *inquest = calloc(1, sizeof(*inquest));
	enum ctl_exit code = CTL_UNREAD;

	if (!inquest)
		return CTL_UNREAD;
	inquest->ctl = ctl;
	inquest->question = *question;
	inquest->agent = take_agent(ctl);
	screen_open(&inquest->screen, ctl);
	if (!inquest_run(inquest))
		code = show_inquest(inquest);
	for (unsigned int i = 0; i < inquest->count; i++)
		subject_free(inquest->subjects[i]);
	subject_free(inquest->below);
	screen_close(&inquest->screen);
	reread_free(&inquest->live);
	text_free(&inquest->told);
	free(inquest);
	return code;
}

/* --- a container that runs -------------------------------------------------------------------- */

/* Whether the container of ID is meant: by what the log knows, or as it was given. */
static bool is_meant(const struct ctl *ctl, const char *object, struct bytes id)
{
	for (unsigned int i = 0; i < ctl->id_count; i++)
		if (bytes_are(id, ctl->ids[i]))
			return true;
	return strlen(object) >= ID_SHORTEST && bytes_begin(id, object);
}

/* Whether the cgroup of the process PID may be that of a container that is meant. What it is called proves nothing. */
static bool may_be_in(const struct ctl *ctl, const char *object, const char *pid)
{
	char path[64], text[4096];
	struct bytes left;
	ssize_t size;
	_close_ int fd = -1;

	snprintf(path, sizeof(path), "/proc/%.20s/cgroup", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	size = fd >= 0 ? read(fd, text, sizeof(text)) : -1;
	left = (struct bytes){text, size > 0 ? (size_t)size : 0};
	for (unsigned int i = 0; i < ctl->id_count; i++)
		if (strlen(ctl->ids[i]) == ID_SIZE &&
		    memmem(left.data, left.size, ctl->ids[i], ID_SIZE))
			return true;
	return strlen(object) >= ID_SHORTEST &&
	       memmem(left.data, left.size, object, strlen(object));
}

/* The lowest PID that may be in it; 0: none. */
static uint32_t find_process_in(const struct ctl *ctl, const char *object)
{
	DIR *processes = opendir("/proc");
	const struct dirent *entry;
	uint32_t lowest = 0;

	while (processes && (entry = readdir(processes))) {
		uint32_t pid = (uint32_t)strtoul(entry->d_name, NULL, 10);

		if (pid && (!lowest || pid < lowest) && may_be_in(ctl, object, entry->d_name))
			lowest = pid;
	}
	if (processes)
		closedir(processes);
	return lowest;
}

/* Who made and started a container that runs, as the agent knows it of a process in there: that may be older than the log. */
static void tell_of_container(struct inquest *inquest, const char *object)
{
	struct ctl *ctl = inquest->ctl;
	struct subject *subject;
	struct bytes id;

	inquest->question.pid = find_process_in(ctl, object);
	ask_the_agent(inquest);
	id = reread_text(&inquest->live, "container.id");
	if (!is_live(inquest) || inquest->status != 200 || !is_meant(ctl, object, id))
		return;
	subject = subject_new(SUBJECT_CONTAINER, id, ctl);
	if (subject && !subject_describe(subject, &inquest->live)) {
		subject_show_facts(subject, &inquest->screen, ", runs now");
		inquest_note(inquest, "Who made and started it is what the agent at %s knows.",
			     inquest->agent);
		inquest->shown++;
	}
	subject_free(subject);
}

static enum ctl_exit inquire_of_object(struct ctl *ctl, const struct who_question *question)
{
	struct inquest inquest = {.ctl = ctl, .agent = take_agent(ctl)};
	enum ctl_exit code;

	ctl->containers = question->kind == QUESTION_CONTAINER;
	code = ctl_who_of_object(ctl, question->text);
	if (ctl->json || (code != CTL_OK && code != CTL_FOUND))
		return code;
	screen_open(&inquest.screen, ctl);
	tell_of_container(&inquest, question->text);
	screen_close(&inquest.screen);
	reread_free(&inquest.live);
	text_free(&inquest.told);
	return inquest.shown ? CTL_OK : code;
}

enum ctl_exit ctl_who(struct ctl *ctl)
{
	struct who_question question;

	if (question_parse(ctl->arguments, ctl->argument_count, &question)) {
		fprintf(stderr, "callerctl: it is callerctl who pid:NUMBER, container:NAME, "
				"ip:ADDRESS, job:ID, "
				"\"gitlab 4711\", a URL or a name\n");
		return CTL_USAGE;
	}
	if (question.kind != QUESTION_OBJECT && question.kind != QUESTION_CONTAINER)
		return ctl_inquire(ctl, &question);
	return inquire_of_object(ctl, &question);
}
