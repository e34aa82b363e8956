// SPDX-License-Identifier: Apache-2.0
#include "agent/command/explain.h"

#include <errno.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/utf8.h"
#include "docker/api/route.h"
#include "fields/line.h"
#include "host/host.h"
#include "state/state.h"

#define ID_SHOWN 12
#define NAME_COLUMNS 60
#define PATH_COLUMNS 108
#define COMMAND_COLUMNS 60
#define DETAIL_COLUMNS 160
#define ACTION_COLUMNS 24

/* The explanation, which is printed after the state is closed: a slow reader of stdout must not
 * hold the state. */
struct explanation {
	const struct record_context *context;
	struct text *out;
	unsigned int containers;
	unsigned int deeds; /* of the last container */
	uint64_t dropped;   /* deeds of the last container that were not kept */
};

/* Appends REAL as 2026-03-01 12:03:44. */
static void add_time(struct text *out, uint64_t real)
{
	_cleanup_(text_free) struct text time = {0};

	clock_add_rfc3339(&time, real);
	if (time.error) {
		out->error = time.error;
		return;
	}
	text_add(out, time.data, strlen("2026-03-01"));
	text_add_char(out, ' ');
	text_add(out, time.data + strlen("2026-03-01T"), strlen("12:03:44"));
}

static void explain_add_part(struct text *out, const char *before, struct bytes part,
			     size_t columns)
{
	if (!part.size)
		return;
	text_add_string(out, before);
	text_add_visible(out, part, columns);
}

static void explain_add_findings(struct text *out, const struct origin *creator)
{
	for (unsigned int i = 0; creator && i < creator->finding_count; i++) {
		const struct finding *finding = &creator->findings[i];
		const struct finding_kind *kind = finding_kind(finding->id);
		enum finding_severity severity =
			finding->severity ? finding->severity : kind->severity;

		text_add_string(out, "    ! ");
		text_add_string(out, finding_severity_name(severity));
		text_add_char(out, ' ');
		text_add_string(out, kind->id);
		explain_add_part(out, ": ", finding->detail, DETAIL_COLUMNS);
		text_add_char(out, '\n');
	}
}

static void on_container(void *data, const struct state_container *container)
{
	struct explanation *explanation = data;
	const struct owned *owned = container->owned;
	struct text *out = explanation->out;

	if (explanation->containers++)
		text_add_char(out, '\n');
	explanation->deeds = 0;
	explanation->dropped = container->dropped;
	text_add(out, owned->id.data, ID_SHOWN);
	explain_add_part(out, "  ", owned->name, NAME_COLUMNS);
	explain_add_part(out, "  from ", owned->image, NAME_COLUMNS);
	explain_add_part(out, "  on ", container->socket, PATH_COLUMNS);
	if (owned->created) {
		text_add_string(out, "  created ");
		add_time(out, owned->created);
		text_add_string(out, " UTC");
	}
	if (container->removed) {
		text_add_string(out, "  removed ");
		add_time(out, container->removed);
		text_add_string(out, " UTC");
	}
	text_add_char(out, '\n');
	explain_add_findings(out, owned->creator);
}

/* Appends the caller as USER | COMMAND | TERMINAL. */
static void add_caller(struct explanation *explanation, const struct deed *deed)
{
	const struct origin *origin = deed->origin;
	const struct record record = {
		.action = RECORD_DOCKER_EVENT,
		.caller = origin->caller,
		.container_name = origin->container_name,
		.container_image = origin->container_image,
		.cause = {.kind = deed->kind},
		/* Joined by time alone, it may be another one's in that container. */
		.makers[MAKER_BEHIND] = {.caller =
						 deed->basis != BASIS_TIME ? origin->behind : NULL},
		.relayed = deed->basis != BASIS_TIME ? origin->relayed : (struct record_relayed){0},
	};
	struct text *out = explanation->out;
	_cleanup_(text_free) struct text command = {0};
	_cleanup_(view_free) struct view view = {0};

	if (view_init(&view, &record, explanation->context))
		return;
	line_add_who(out, &view);
	line_add_command(&command, &view);
	explain_add_part(out, " | ", text_since(&command, 0), SIZE_MAX);
	if (origin->caller)
		explain_add_part(out, " | ", bytes_of(origin->caller->tty), NAME_COLUMNS);
}

/* Appends the name of the request that the deed goes back to. */
static void add_beginning(struct text *out, enum operation operation)
{
	const struct route *route = route_of(operation);

	text_add_string(out, !route ? "begun" : route->shown ?: operation_name(operation));
	text_add_string(out, " by ");
}

static void explain_add_cause(struct explanation *explanation, const struct deed *deed)
{
	struct text *out = explanation->out;

	if (deed->kind == CAUSE_DAEMON)
		line_add_daemon(out, deed->reason);
	if (deed->kind == CAUSE_UNKNOWN || (deed->kind != CAUSE_DAEMON && !deed->origin))
		text_add_string(out, "unknown");
	if (!deed->origin)
		return;
	if (deed->kind == CAUSE_REQUEST) {
		text_add_string(out, "by ");
	} else {
		text_add_string(out, deed->kind == CAUSE_INHERITED ? "inherited: " : "; ");
		add_beginning(out, deed->origin->operation);
	}
	add_caller(explanation, deed);
	if (deed->basis == BASIS_NAME)
		text_add_string(out, "  [matched by name]");
	if (deed->basis == BASIS_TIME)
		text_add_string(out, "  [matched by time alone]");
}

static void add_action(struct text *out, const struct deed *deed)
{
	struct bytes action;
	size_t start = out->size, used;

	text_add_string(out, engine_action_words[deed->action].word ?: "?");
	explain_add_part(out, ": ", deed->command, COMMAND_COLUMNS);
	if (deed->has_exit_code) {
		text_add_string(out, " (exit code ");
		text_add_signed(out, deed->exit_code);
		text_add_char(out, ')');
	}
	if (out->error)
		return;
	action = text_since(out, start);
	for (used = utf8_columns(action.data, action.size); used < ACTION_COLUMNS; used++)
		text_add_char(out, ' ');
}

static void on_deed(void *data, const struct deed *deed)
{
	struct explanation *explanation = data;
	struct text *out = explanation->out;

	if (explanation->dropped && explanation->deeds++ == STATE_DEEDS_MAX / 2) {
		text_add_string(out, "    … ");
		text_add_number(out, explanation->dropped);
		text_add_string(out, " more, not kept …\n");
	}
	text_add_string(out, "    ");
	add_time(out, deed->time);
	text_add_string(out, "  ");
	add_action(out, deed);
	text_add_string(out, "  ");
	explain_add_cause(explanation, deed);
	text_add_char(out, '\n');
}

static int explain_collect(const char *path, const char *container, struct explanation *explanation)
{
	struct sentence why;
	struct state *state;
	int error = state_open_readonly(path, explanation->context, &state, &why);

	if (error) {
		fprintf(stderr, "callerd: %s\n", why.text);
		return error;
	}
	error = state_explain(state, bytes_of(container), explanation, on_container, on_deed);
	state_close(state);
	if (!error)
		error = explanation->out->error;
	if (error == -EBADMSG)
		fprintf(stderr, "callerd: the state file %s is damaged\n", path);
	else if (error)
		fprintf(stderr, "callerd: the state file %s: %s\n", path, strerror(-error));
	return error;
}

static enum exit_code explain_print(const struct text *text)
{
	if (fwrite(text->data, 1, text->size, stdout) == text->size && !fflush(stdout))
		return EXIT_OK;
	fprintf(stderr, "callerd: stdout: %s\n", strerror(errno));
	return EXIT_OUTPUT;
}

enum exit_code explain(const struct options *options, const char *container)
{
	_cleanup_(host_drop) struct host *host = NULL;
	_cleanup_(text_free) struct text out = {0};
	struct explanation explanation = {.out = &out};
	enum exit_code code = EXIT_FAILED;
	int error;

	if (!options->state_path) {
		fprintf(stderr, "callerd: no state is kept (state = none): nothing to explain\n");
		return EXIT_FAILED;
	}
	error = host_new(&host);
	if (error) {
		fprintf(stderr, "callerd: %s\n", strerror(-error));
		return EXIT_FAILED;
	}
	explanation.context = host_context(host);
	error = explain_collect(options->state_path, container, &explanation);
	/* The collected part is sound, even if the rest could not be read. */
	if (out.size)
		code = explain_print(&out);
	else if (!error)
		fprintf(stderr, "callerd: the state file %s knows no container \"%s\"\n",
			options->state_path, container);
	return error ? EXIT_FAILED : code;
}
