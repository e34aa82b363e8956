// SPDX-License-Identifier: Apache-2.0
#include "inquiry/inquiries.h"

#include <errno.h>
#include <stdlib.h>

#include "format/format.h"

#define WAITING_MAX 16
#define PATIENCE NS_PER_S /* for what is looked up beside */
#define PATIENCE_EXEC                                                                              \
	(NS_PER_S / 4) /* for the engine: most processes in containers are of no exec */
#define PAUSE_OF_OTHERS (NS_PER_S / 2) /* from one question of others than root to the next */

struct waiting {
	struct endpoint_question question;
	struct caller *caller;
	uint64_t until;
};

struct inquiries {
	struct inquiries_options options;
	struct waiting waiting[WAITING_MAX];
	unsigned int count;
	uint64_t others_at; /* the next question of others than root may be taken */
};

int inquiries_new(const struct inquiries_options *options, struct inquiries **ret)
{
	struct inquiries *inquiries = calloc(1, sizeof(*inquiries));

	if (!inquiries)
		return -ENOMEM;
	inquiries->options = *options;
	*ret = inquiries;
	return 0;
}

void inquiries_free(struct inquiries *inquiries)
{
	if (!inquiries)
		return;
	while (inquiries->count)
		caller_unref(inquiries->waiting[--inquiries->count].caller);
	free(inquiries);
}

bool inquiries_is_waiting(const struct inquiries *inquiries)
{
	return inquiries->count;
}

/* Describes the process PID. 0, -ESRCH where there is none, or -errno. */
static int inquiries_describe(struct inquiries *inquiries, uint32_t pid, struct caller **ret)
{
	static struct callerd_caller_event described;
	struct decode_detail detail = proc_detail(inquiries->options.proc);
	struct event event = {0};
	int error = actors_living(capture_actors(inquiries->options.capture), pid, &described);

	if (!error)
		error = described.pid == pid ? 0 : -ESRCH; /* it is a thread of another one */
	if (!error)
		error = decode_event(&described, described.header.size, &detail, &event);
	if (!error && !event.caller)
		error = -ESRCH;
	if (!error)
		*ret = event.caller;
	return error;
}

/* Whether the process that CALLER is goes on. */
static bool lives_on(struct inquiries *inquiries, const struct caller *caller)
{
	struct caller *now = NULL;
	bool same = !inquiries_describe(inquiries, caller->process.pid, &now) &&
		    now->process.start == caller->process.start;

	caller_unref(now);
	return same;
}

/* 0 or -ENOMEM. */
static int write_process(struct inquiries *inquiries, struct caller *caller, struct text *out)
{
	struct record record = {
		.action = RECORD_CALLER_SEEN,
		.level = LEVEL_FULL,
		.time = clock_now(CLOCK_BOOTTIME),
		.caller = caller,
	};

	engines_describe_caller(inquiries->options.engines, &record);
	return ecs_write(&record, host_context(inquiries->options.host), out);
}

/* Who may read records may not read what others keep to themselves: of a process that never called there is no record. */
static int write_for(struct inquiries *inquiries, const struct waiting *waiting, struct text *out)
{
	struct caller *public;
	int error;

	if (waiting->question.root)
		return write_process(inquiries, waiting->caller, out);
	public = caller_in_public(waiting->caller);
	error = public ? write_process(inquiries, public, out) : -ENOMEM;
	caller_unref(public);
	return error;
}

static void answer_waiting(struct inquiries *inquiries, const struct waiting *waiting)
{
	_cleanup_(text_free) struct text line = {0};
	int status = 503;

	if (!write_for(inquiries, waiting, &line))
		status = lives_on(inquiries, waiting->caller) ? 200 : 410;
	endpoint_answer(inquiries->options.endpoint, &waiting->question, status,
			status == 503 ? bytes_of("no memory\n") : text_since(&line, 0));
}

static void take_question(struct inquiries *inquiries, const struct endpoint_question *question,
			  uint64_t now)
{
	struct waiting *waiting = &inquiries->waiting[inquiries->count];
	struct caller *caller = NULL;
	int error = inquiries_describe(inquiries, question->pid, &caller);

	if (error) {
		bool none = error == -ESRCH;

		endpoint_answer(inquiries->options.endpoint, question, none ? 404 : 503,
				bytes_of(none ? "there is no such process\n"
					      : "the kernel does not say\n"));
		return;
	}
	host_expect(inquiries->options.host, caller);
	logins_expect(inquiries->options.logins, caller);
	*waiting = (struct waiting){*question, caller, now + PATIENCE};
	inquiries->count++;
}

/* Whether somebody's exec may be what the process comes from, and is not known. */
static bool is_exec_asked(struct inquiries *inquiries, struct caller *caller)
{
	struct record record = {.action = RECORD_CALLER_SEEN, .caller = caller};

	if (!caller_container_id(caller).size)
		return false;
	engines_describe_caller(inquiries->options.engines, &record);
	return !record.makers[MAKER_EXEC].caller;
}

static bool is_answerable(struct inquiries *inquiries, const struct waiting *waiting, uint64_t now)
{
	bool looked_up = false;

	logins_find(inquiries->options.logins, waiting->caller, &looked_up);
	if (looked_up && now < waiting->until)
		return false;
	return now >= waiting->until - PATIENCE + PATIENCE_EXEC ||
	       !is_exec_asked(inquiries, waiting->caller);
}

void inquiries_run(struct inquiries *inquiries, uint64_t now)
{
	struct endpoint_question question;

	while (inquiries->count < WAITING_MAX &&
	       endpoint_take_question(inquiries->options.endpoint, now >= inquiries->others_at,
				      &question)) {
		if (!question.root)
			inquiries->others_at = now + PAUSE_OF_OTHERS;
		take_question(inquiries, &question, now);
	}
	for (unsigned int i = 0; i < inquiries->count;) {
		if (!is_answerable(inquiries, &inquiries->waiting[i], now)) {
			i++;
			continue;
		}
		answer_waiting(inquiries, &inquiries->waiting[i]);
		caller_unref(inquiries->waiting[i].caller);
		inquiries->waiting[i] = inquiries->waiting[--inquiries->count];
	}
}
