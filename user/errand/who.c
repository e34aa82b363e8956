// SPDX-License-Identifier: Apache-2.0
#include "errand/who.h"

#include "secret/command.h"

#define NAME_COLUMNS 24
#define UNIT_SUFFIX ".service"
#define WORD(text)                                                                                 \
	{                                                                                          \
		text, sizeof(text) - 1                                                             \
	}

/* The next name of a callerd.lineage, as "sudo" of "sudo[4700] < bash[4368]". It is one of a file that root alone may have put
 * where it is, if it has no slash: docs/record.md. */
static bool next_above(struct bytes *lineage, struct bytes *ret)
{
	struct bytes one = *lineage;
	const char *end = bytes_find_spaced(*lineage, '<');
	size_t size = 0;

	if (!lineage->size)
		return false;
	if (end) {
		one.size = (size_t)(end - lineage->data);
		*lineage = bytes_from(*lineage, one.size + 3);
	} else {
		*lineage = (struct bytes){0};
	}
	while (size < one.size && one.data[size] != '[' && one.data[size] != '(')
		size++;
	*ret = (struct bytes){one.data, size};
	return true;
}

/* By which program somebody became another one, or was started: of those in WORDS the nearest above the process. */
static const char *find_above(const struct reread *record, const struct bytes *words)
{
	struct bytes lineage = reread_text(record, "callerd.lineage"), name;

	if (!lineage.size) { /* detail=full */
		for (unsigned int i = 0;; i++) {
			name = reread_text_at(record, "callerd.ancestors.executable", i);
			if (!name.size)
				return NULL;
			if (!bytes_begin(name, "/usr/bin/") && !bytes_begin(name, "/usr/sbin/"))
				continue;
			name = bytes_basename(name);
			for (const struct bytes *word = words; word->size; word++)
				if (bytes_equal(name, *word))
					return word->data;
		}
	}
	while (next_above(&lineage, &name))
		for (const struct bytes *word = words; word->size; word++)
			if (bytes_equal(name, *word))
				return word->data;
	return NULL;
}

static bool has_suffix(struct bytes bytes, const char *suffix)
{
	size_t size = strlen(suffix);

	return bytes.size >= size && !memcmp(bytes.data + bytes.size - size, suffix, size);
}

static void add_contained(struct text *out, const struct reread *record, bool behind)
{
	struct bytes name = reread_text(record, "container.name");
	struct bytes id = reread_text(record, "container.id");

	if (!id.size)
		return;
	text_add_string(out, out->size ? " [" : "[");
	if (!name.size && id.size > 12)
		id.size = 12;
	text_add_visible(out, name.size ? name : id, NAME_COLUMNS);
	text_add_string(out, behind ? ", exec]" : "]");
}

static const struct bytes elevators[] = {WORD("sudo"),	 WORD("su"),	  WORD("doas"),
					 WORD("pkexec"), WORD("runuser"), {0}};

/* What stands between who and the call: sudo, cron, a unit. */
static void add_way(struct text *out, const struct reread *record, struct bytes user)
{
	static const struct bytes starters[] = {
		WORD("cron"), WORD("crond"), WORD("anacron"), WORD("atd"), {0}};
	struct bytes unit = reread_text(record, "callerd.caller.unit");
	const char *way = NULL;

	if (reread_text(record, "user.effective.id").size)
		way = find_above(record, elevators);
	if (!way)
		way = find_above(record, starters);
	if (way) {
		text_add_string(out, " (");
		text_add_string(out, way);
		text_add_char(out, ')');
		return;
	}
	if (reread_text(record, "callerd.caller.tty").size || !has_suffix(unit, UNIT_SUFFIX) ||
	    bytes_begin(unit, "user@"))
		return;
	unit.size -= sizeof(UNIT_SUFFIX) - 1;
	if (bytes_equal(unit, user) || bytes_begin(unit, "ssh") || bytes_begin(unit, "docker-"))
		return;
	text_add_string(out, " (");
	text_add_visible(out, unit, NAME_COLUMNS);
	text_add_char(out, ')');
}

/* Who asked a relay: bob (via haproxy). False: nobody is known to have. */
static bool add_who_asked(struct text *out, const struct reread *record)
{
	struct bytes id = reread_text(record, "callerd.relayed_for.user.id");
	struct bytes user = reread_text(record, "callerd.relayed_for.user.name");
	struct bytes relay = bytes_basename(reread_text(record, "process.executable"));

	if (!id.size)
		user = reread_text(record, "callerd.relayed_for.source.ip");
	if (!id.size && !user.size)
		return false;
	if (!user.size)
		text_add_string(out, "uid ");
	text_add_visible(out, user.size ? user : id, NAME_COLUMNS);
	if (bytes_are(reread_text(record, "callerd.relayed_for.certainty"), "likely"))
		text_add_char(out, '?');
	text_add_string(out, " (via ");
	text_add_visible(out, relay.size ? relay : reread_text(record, "process.name"),
			 NAME_COLUMNS);
	text_add_char(out, ')');
	return true;
}

void who_add(struct text *out, const struct reread *record)
{
	struct bytes user = reread_text(record, "user.name"), id = reread_text(record, "user.id");
	bool contained = reread_text(record, "container.id").size;
	struct bytes behind = reread_text(record, "callerd.caller.behind.user.id");
	struct bytes kind = reread_text(record, "callerd.cause.kind");

	if (!id.size) {
		bool engine = bytes_are(kind, "daemon");

		if (reread_find(record, "callerd.candidates.pid") || bytes_are(kind, "request"))
			text_add_string(out, "somebody");
		else
			text_add_string(out, engine ? "the engine" : "unknown");
		return;
	}
	if (add_who_asked(out, record))
		return;
	if (behind.size) {
		id = behind;
		user = reread_text(record, "callerd.caller.behind.user.name");
	}
	/* Of root in a container the container says more, unless somebody logged in there. */
	if (!contained || behind.size || !bytes_are(id, "0")) {
		if (!user.size)
			text_add_string(out, "uid ");
		text_add_visible(out, user.size ? user : id, NAME_COLUMNS);
	}
	if (contained)
		add_contained(out, record, behind.size);
	else
		add_way(out, record, user);
}

/* --- and from where --------------------------------------------------------------------------- */

/* Adds a word that the caller chose: as a shell would take it, so that it is no other part of the line. */
static void add_claim(struct text *out, const char *before, struct bytes word, const char *after)
{
	_cleanup_(text_free) struct text quoted = {0};

	if (!word.size)
		return;
	text_add_string(out, before);
	command_add_argument(&quoted, word);
	text_add_visible(out, text_since(&quoted, 0), NAME_COLUMNS);
	text_add_string(out, after);
}

static void who_say_job(struct text *out, const struct reread *record, bool brief)
{
	struct bytes job = reread_text(record, "callerd.ci.job");
	struct bytes pipeline = reread_text(record, "callerd.ci.pipeline");
	struct bytes repository = reread_text(record, "callerd.ci.repository");

	text_add_visible(out, reread_text(record, "callerd.ci.system"), NAME_COLUMNS);
	if (brief) {
		add_claim(out, " ", job.size ? job : pipeline, "");
		return;
	}
	add_claim(out, " job ", job, "");
	add_claim(out, " of ", repository.size ? repository : pipeline, "");
	add_claim(out, " (", reread_text(record, "callerd.ci.actor"), ")");
}

/* What it says of itself: of which job and which AI agent it is. */
static void say_claims(struct text *out, const struct reread *record, bool brief)
{
	const char *before = brief ? ": " : " [";
	struct bytes agent;
	size_t start = out->size;

	if (reread_text(record, "callerd.ci.system").size) {
		text_add_string(out, before);
		who_say_job(out, record, brief);
		before = ", ";
	}
	for (unsigned int i = 0; (agent = reread_text_at(record, "callerd.ai.agent", i)).size;
	     i++) {
		add_claim(out, before, agent, "");
		before = ", ";
	}
	if (!brief && out->size > start)
		text_add_char(out, ']');
}

/* alice (ssh from 10.1.2.3) → root (sudo), or alice (10.1.2.3, sudo) */
static void say_login(struct text *out, const struct reread *record, bool brief)
{
	struct bytes service = reread_text(record, "callerd.session.service");
	struct bytes became = reread_text(record, "user.effective.id");
	struct bytes name = reread_text(record, "user.effective.name");
	const char *way = became.size ? find_above(record, elevators) : NULL;

	text_add_string(out, " (");
	if (!brief) {
		text_add_visible(out, bytes_are(service, "sshd") ? bytes_of("ssh") : service,
				 NAME_COLUMNS);
		text_add_string(out, " from ");
	}
	text_add_visible(out, reread_text(record, "source.ip"), NAME_COLUMNS * 2);
	if (brief && way) {
		text_add_string(out, ", ");
		text_add_string(out, way);
	}
	text_add_char(out, ')');
	if (brief || !became.size)
		return;
	text_add_string(out, name.size ? " → " : " → uid ");
	text_add_visible(out, name.size ? name : became, NAME_COLUMNS);
	if (!way)
		return;
	text_add_string(out, " (");
	text_add_string(out, way);
	text_add_char(out, ')');
}

bool who_has_origin(const struct reread *record)
{
	return reread_text(record, "callerd.session.service").size;
}

void who_add_origin(struct text *out, const struct reread *record, bool brief)
{
	struct bytes id = reread_text(record, "user.id"), user = reread_text(record, "user.name");
	struct bytes address = reread_text(record, "callerd.connection.source.ip");
	struct bytes place = reread_text(record, "container.name");
	bool contained = reread_text(record, "container.id").size;
	bool behind = reread_text(record, "callerd.caller.behind.user.id").size;

	/* From where its caller came, and what that says of itself, is the relay's. */
	if (id.size && add_who_asked(out, record))
		return;
	if (!id.size && address.size && !reread_find(record, "callerd.candidates.pid")) {
		text_add_visible(out, address, NAME_COLUMNS * 2);
		return;
	}
	if (contained && behind && place.size && !brief) {
		struct bytes who = reread_text(record, "callerd.caller.behind.user.name");

		text_add_string(out, who.size ? "" : "uid ");
		text_add_visible(
			out, who.size ? who : reread_text(record, "callerd.caller.behind.user.id"),
			NAME_COLUMNS);
		text_add_string(out, ", in container ");
		text_add_visible(out, place, NAME_COLUMNS);
		text_add_string(out, " (exec)");
	} else if (id.size && !contained && who_has_origin(record) &&
		   reread_text(record, "source.ip").size) {
		text_add_string(out, user.size ? "" : "uid ");
		text_add_visible(out, user.size ? user : id, NAME_COLUMNS);
		say_login(out, record, brief);
	} else {
		who_add(out, record);
	}
	if (id.size)
		say_claims(out, record, brief);
}
