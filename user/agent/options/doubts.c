// SPDX-License-Identifier: Apache-2.0
#include "agent/options/doubts.h"

#include <errno.h>
#include <glob.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "agent/options/output.h"
#include "base/cleanup.h"
#include "broker/broker.h"
#include "kernel/doors.h"

#define USER_BUFFER 16384
#define DOUBT_SIZE 768

struct doubts {
	const struct options *options;
	void *data;
	void (*tell)(void *data, const char *doubt);
};

static void tell_doubt(const struct doubts *doubts, const struct setting_source *source,
		       const char *name, const char *value, const char *what)
{
	char doubt[DOUBT_SIZE];

	if (source->file)
		snprintf(doubt, sizeof(doubt), "%s:%u: %s \"%.200s\": %s", source->file,
			 source->line, name, value, what);
	else
		snprintf(doubt, sizeof(doubt), "--%s \"%.200s\": %s", name, value, what);
	doubts->tell(doubts->data, doubt);
}

/* The same for VALUE of a setting of the options; nothing where that is the default. */
static void doubt_option(const struct doubts *doubts, const char *name, const char *value,
			 const char *what)
{
	const struct setting_note *note =
		setting_find_note(&doubts->options->notes, options_setting(name), value);

	if (note)
		tell_doubt(doubts, &note->source, name, value, what);
}

/* Whether it is certain that no user has NAME. */
static bool is_nobody(const char *name)
{
	_free_ char *buffer = malloc(USER_BUFFER);
	struct passwd entry, *found = NULL;
	int error = buffer ? getpwnam_r(name, &entry, buffer, USER_BUFFER, &found) : ENOMEM;

	return !found && (!error || error == ENOENT || error == ESRCH);
}

static bool is_number(const char *text)
{
	return !text[strspn(text, "0123456789")];
}

/* Whether no file matches PATTERN, of which the wildcards are those of a policy. */
static bool matches_no_file(const char *pattern)
{
	glob_t found = {0};
	int error = glob(pattern, GLOB_NOSORT | GLOB_NOESCAPE | GLOB_PERIOD, NULL, &found);

	globfree(&found);
	return error == GLOB_NOMATCH;
}

static void doubt_policy(void *data, const struct policy_value *value)
{
	const char *what = NULL;

	switch (value->key) {
	case POLICY_USER:
	case POLICY_LOGIN_USER:
		if (!is_number(value->text) && is_nobody(value->text))
			what = "there is no such user";
		break;
	case POLICY_EXE:
		if (matches_no_file(value->text))
			what = "there is no such file now";
		break;
	default:
		break;
	}
	if (what)
		tell_doubt(data, &value->source, value->name, value->text, what);
}

static void doubt_output(const struct doubts *doubts, const char *spec)
{
	_cleanup_(output_free) struct output output = {0};
	char what[DOUBT_SIZE / 2];
	struct bytes word;
	const char *rest;

	if (output_parse(spec, doubts->options->human, &output, what, sizeof(what)))
		return;
	for (rest = output.users; output_next_word(&rest, '+', &word);) {
		_free_ char *name = strndup(word.data, word.size);

		if (!name || is_number(name) || !is_nobody(name))
			continue;
		snprintf(what, sizeof(what), "there is no user \"%.100s\"", name);
		doubt_option(doubts, "output", spec, what);
	}
}

static void doubt_sockets(const struct doubts *doubts, const char *name, const char *const *sockets)
{
	struct stat info;

	for (; *sockets; sockets++)
		if (!doors_is_port(*sockets) && broker_stat(AT_FDCWD, *sockets, &info, 0) &&
		    errno == ENOENT)
			doubt_option(doubts, name, *sockets,
				     "it is not there yet: callerd watches it once it is");
}

void doubts_tell(const struct options *options, void *data,
		 void (*tell)(void *data, const char *doubt))
{
	struct doubts doubts = {options, data, tell};

	doubt_sockets(&doubts, "socket", options->sockets);
	doubt_sockets(&doubts, "containerd", options->containerds);
	doubt_sockets(&doubts, "relay", options->relays);
	for (unsigned int i = 0; i < options->output_count; i++)
		doubt_output(&doubts, options->outputs[i]);
	policy_walk(options->policy, &doubts, doubt_policy);
}
