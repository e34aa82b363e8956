// SPDX-License-Identifier: Apache-2.0
#include "guard/touches.h"

#include <string.h>

#include "base/clock.h"
#include "base/hash.h"

#define END_TIME (100 * NS_PER_MS) /* far less than PIDs need to come around */

uint64_t touches_name(struct bytes name)
{
	return name.size ? hash_add(HASH_START, name.data, name.size) | 1 : 0;
}

/* The same process may be described twice: while it lived, and when it had ended. */
static bool is_same_process(const struct caller *a, const struct caller *b)
{
	return a == b ||
	       (a->process.pid == b->process.pid && a->process.start == b->process.start &&
		bytes_equal(a->process.executable, b->process.executable));
}

static void touches_add_caller(struct touches *touches, struct caller *caller, uint64_t name)
{
	for (unsigned int i = 0; i < touches->count; i++)
		if (touches->names[i] == name && is_same_process(touches->callers[i], caller))
			return;
	if (touches->count == TOUCHES_MAX) {
		touches->cut = true;
		return;
	}
	touches->names[touches->count] = name;
	touches->callers[touches->count++] = caller_ref(caller);
}

static void touches_add_unknown(struct touches *touches, uint32_t pid)
{
	touches->unknown = true;
	touches->pid = pid;
}

/* Mounts have no name: a number that is no name's. */
static uint64_t name_of_event(const struct marks_event *event)
{
	return event->directory == MARKS_MOUNTS ? MARKS_MOUNTS
						: touches_name(bytes_of(event->name));
}

void touches_add(struct touches *touches, const struct marks_event *event, struct caller *caller,
		 bool own)
{
	if (own) {
		touches->any = true;
		touches->what |= event->what;
	}
	if (caller)
		touches_add_caller(touches, caller, name_of_event(event));
	else
		touches_add_unknown(touches, event->pid);
}

void touches_add_name(struct touches *touches, struct bytes name)
{
	struct bytes rest = text_since(&touches->came, 0), line;
	unsigned int count = 0;

	if (memchr(name.data, '\n', name.size))
		return; /* it stands under another name in what was looked at */
	while (bytes_take(&rest, '\n', &line)) {
		if (bytes_equal(line, name))
			return;
		count += !!line.size;
	}
	if (count == TOUCHES_CAME_MAX) {
		touches->cut = true;
		return;
	}
	text_add_bytes(&touches->came, name);
	text_add_char(&touches->came, '\n');
}

void touches_join(struct touches *touches, const struct touches *more)
{
	struct bytes rest = text_since(&more->came, 0), line;

	while (bytes_take(&rest, '\n', &line))
		if (line.size)
			touches_add_name(touches, line);
	for (unsigned int i = 0; i < more->count; i++)
		touches_add_caller(touches, more->callers[i], more->names[i]);
	if (more->unknown)
		touches_add_unknown(touches, more->pid);
	touches->any |= more->any;
	touches->what |= more->what;
	touches->cut |= more->cut;
	touches->away |= more->away;
}

/* Those of TOUCHES whose name is WANTED, or, if not SAME, is not. */
static void select_touches(const struct touches *touches, uint64_t wanted, bool same,
			   struct touches *ret)
{
	*ret = (struct touches){
		.any = touches->any,
		.what = touches->what,
		.cut = touches->cut,
		.away = touches->away,
		.unknown = touches->unknown,
		.pid = touches->pid,
	};
	for (unsigned int i = 0; i < touches->count; i++)
		if ((touches->names[i] == wanted) == same)
			touches_add_caller(ret, touches->callers[i], wanted); /* once each */
}

void touches_select(const struct touches *touches, struct bytes name, struct touches *ret)
{
	select_touches(touches, touches_name(name), true, ret);
}

void touches_select_mounts(const struct touches *touches, bool mounts, struct touches *ret)
{
	select_touches(touches, MARKS_MOUNTS, mounts, ret);
}

void touches_clear(struct touches *touches)
{
	for (unsigned int i = 0; i < touches->count; i++)
		caller_unref(touches->callers[i]);
	text_free(&touches->came);
	*touches = (struct touches){0};
}

/* Describes the process that the event names, as the kernel programs know it. */
static bool find_process(struct actors *actors, const struct marks_event *event, uint64_t since,
			 struct callerd_caller_event *ret)
{
	static struct callerd_caller_event living;

	/* The descriptor keeps the PID from passing on to another process. */
	if (event->process < 0 || actors_living(actors, event->pid, &living))
		return !actors_departed(actors, event->pid, 0, since, ret);
	if (living.exe.length) {
		memcpy(ret, &living, living.header.size);
		return true;
	}
	/* A process that ends has no executable any more, and was kept before that. */
	return !actors_departed(actors, event->pid, living.start, 0, ret);
}

struct caller *touches_describe(struct actors *actors, const struct decode_detail *detail,
				const struct marks_event *event, uint64_t since)
{
	static struct callerd_caller_event described;
	struct event decoded = {0};

	/* A process was kept before its end closed its files, which may have caused the event. */
	since = since > END_TIME ? since - END_TIME : 0;
	if (!event->pid || !find_process(actors, event, since, &described))
		return NULL;
	if (decode_event(&described, described.header.size, detail, &decoded))
		return NULL;
	return decoded.caller;
}
