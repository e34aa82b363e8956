// SPDX-License-Identifier: Apache-2.0
#include "health/health.h"

#include <stdio.h>
#include <string.h>

#include "record/view.h"

#define RECENT (60 * NS_PER_S)	 /* a loss is told for so long */
#define PATIENCE (10 * NS_PER_S) /* without a record written, while some wait: it is behind */
#define COLUMNS 500

static uint64_t sum_capture_losses(const struct health *health)
{
	uint64_t sum = 0;

	for (unsigned int i = 0; i < health->capture_losses; i++)
		sum += health->losses[i].value;
	return sum;
}

void health_note(struct health_memory *memory, const struct health *health)
{
	uint64_t lost = sum_capture_losses(health);

	if (lost > memory->lost)
		memory->lost_at = health->now;
	memory->lost = lost;
	if (health->unseen > memory->unseen)
		memory->unseen_at = health->now;
	memory->unseen = health->unseen;
	for (unsigned int i = 0; i < health->output_count; i++) {
		const struct record_output *now = &health->outputs[i];
		__typeof__(*memory->outputs) *then = &memory->outputs[i];
		char name[sizeof(then->name)];

		snprintf(name, sizeof(name), "%s", now->name);
		if (strcmp(name, then->name) != 0) { /* another one is in its place */
			memset(then, 0, sizeof(*then));
			memcpy(then->name, name, sizeof(name));
			then->moved_at = health->now;
		}
		if (!now->waiting || now->written != then->written)
			then->moved_at = health->now;
		if (now->lost > then->lost)
			then->lost_at = health->now;
		then->written = now->written;
		then->lost = now->lost;
	}
}

static bool is_recent(const struct health *health, uint64_t time)
{
	return time && health->now < time + RECENT;
}

static void judge_programs(const struct health *health, struct text *out)
{
	if (!health->program_count)
		text_add_string(out, "not attached: there is no kernel program\n");
	for (unsigned int i = 0; i < health->program_count; i++) {
		if (!health->programs[i].detached)
			continue;
		text_add_string(out, "not attached: ");
		text_add_string(out, health->programs[i].name);
		text_add_string(out, " was taken off its hook\n");
	}
}

static void judge_unseen(const struct health_memory *memory, const struct health *health,
			 struct text *out)
{
	if (!is_recent(health, memory->unseen_at))
		return;
	text_add_string(out, "hooks do not fire: ");
	text_add_number(out, memory->unseen);
	text_add_string(out, " connections since the start were not seen, the last within the last "
			     "minute\n");
}

static void judge_losses(const struct health_memory *memory, const struct health *health,
			 struct text *out)
{
	const char *separator = " (";

	if (!is_recent(health, memory->lost_at))
		return;
	text_add_string(out,
			"lost within the last minute of what happened at the sockets; since the "
			"start ");
	text_add_number(out, memory->lost);
	for (unsigned int i = 0; i < health->capture_losses; i++) {
		if (!health->losses[i].value)
			continue;
		text_add_string(out, separator);
		text_add_string(out, health->losses[i].name);
		separator = ", ";
	}
	text_add_string(out, ")\n");
}

static void begin_output(const struct record_output *output, struct text *out)
{
	text_add_string(out, "output ");
	text_add_visible(out, bytes_of(output->name), COLUMNS);
	text_add_string(out, ": ");
}

static void judge_one_output(const struct health_memory *memory, const struct health *health,
			     unsigned int index, struct text *out)
{
	const struct record_output *output = &health->outputs[index];

	if (output->trouble) {
		begin_output(output, out);
		text_add_visible(out, bytes_of(output->trouble), COLUMNS);
		text_add_char(out, '\n');
	} else if (health->now >= memory->outputs[index].moved_at + PATIENCE) {
		begin_output(output, out);
		text_add_string(out, "is behind: ");
		text_add_number(out, output->waiting);
		text_add_string(out, " records wait, and none is written\n");
	}
	if (is_recent(health, memory->outputs[index].lost_at)) {
		begin_output(output, out);
		text_add_string(out, "lost records within the last minute, ");
		text_add_number(out, output->lost);
		text_add_string(out, " since the start\n");
	}
}

static void judge_engine(const struct record_watched *engine, struct text *out)
{
	if (engine->state != ENGINE_UNREACHABLE)
		return;
	text_add_string(out, "engine ");
	text_add_visible(out, bytes_of(engine->socket), COLUMNS);
	text_add_string(out, ": cannot be asked: ");
	view_add_error(out, engine->error);
	text_add_char(out, '\n');
}

bool health_judge(const struct health_memory *memory, const struct health *health, struct text *out)
{
	size_t start = out->size;

	judge_programs(health, out);
	judge_unseen(memory, health, out);
	judge_losses(memory, health, out);
	for (unsigned int i = 0; i < health->output_count; i++)
		judge_one_output(memory, health, i, out);
	for (unsigned int i = 0; i < health->engine_count; i++)
		judge_engine(&health->engines[i], out);
	if (health->test == HEALTH_FAILED) {
		text_add_string(out, "self-test: ");
		text_add_visible(out, bytes_of(health->test_fault), COLUMNS);
		text_add_char(out, '\n');
	}
	if (out->size > start)
		return false;
	text_add_string(out, "ok\n");
	return true;
}
