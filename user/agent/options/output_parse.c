// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/options/output.h"
#include "base/cleanup.h"
#include "record/finding.h"
#include "record/names.h"
#include "setting/setting.h"

#define FACILITY_DEFAULT 13 /* log audit */
#define KEEP_DEFAULT 5
#define KEEP_MAX 10000
#define SEAL_LINES_DEFAULT 10000
#define SEAL_INTERVAL_DEFAULT 10
#define GROUP_BUFFER (64u << 10) /* of a group's members, too */
#define YEAR (366ull * 86400)

bool output_next_word(const char **rest, char separator, struct bytes *ret)
{
	size_t size;

	if (!*rest || !**rest)
		return false;
	size = strchrnul(*rest, separator) - *rest;
	*ret = (struct bytes){*rest, size};
	*rest += size + ((*rest)[size] == separator);
	return true;
}

/* --- values that the table cannot describe ---------------------------------------------------- */

static bool find_action(struct bytes name, unsigned int *ret)
{
	for (unsigned int i = 0; i < RECORD_ACTION_MAX; i++) {
		if (!bytes_are(name, name_action(i)->action))
			continue;
		*ret = i;
		return true;
	}
	return false;
}

static int take_actions(struct setting_reader *reader, const char *value)
{
	struct output *output = reader->target;
	struct bytes word;
	unsigned int action;

	while (output_next_word(&value, '+', &word)) {
		if (!find_action(word, &action))
			return setting_refuse(reader->why, "there is no such action");
		output->actions |= 1u << action;
	}
	return output->actions ? 0 : setting_refuse(reader->why, "it names no action");
}

static int take_findings(struct setting_reader *reader, const char *value)
{
	struct output *output = reader->target;
	const char *rest = value;
	struct bytes word;

	output->findings = 0;
	while (output_next_word(&rest, '+', &word)) {
		enum finding_id id = finding_by_name(word.data, word.size);

		if (!id)
			return setting_refuse(reader->why, "there is no such finding");
		output->findings |= 1ull << id;
	}
	return output->findings ? 0 : setting_refuse(reader->why, "it names no finding");
}

static int take_format(struct setting_reader *reader, const char *value)
{
	struct output *output = reader->target;

	return format_by_name(bytes_of(value), &output->format)
		       ? 0
		       : setting_refuse(reader->why, "it is ecs, human, ocsf, cef or rfc5424");
}

static int take_min_severity(struct setting_reader *reader, const char *value)
{
	struct output *output = reader->target;
	enum finding_severity named = finding_severity_by_name(value, strlen(value));
	uint64_t number;

	if (named)
		number = finding_severity_number(named);
	else if (!setting_number(value, 0, 100, &number))
		return setting_refuse(reader->why,
				      "it is 0 to 100, or info, low, medium, high, critical");
	output->min_severity = (unsigned int)number;
	return 0;
}

static int take_where(struct setting_reader *reader, const char *value)
{
	struct output *output = reader->target;

	where_free(take_ptr(output->where));
	return where_parse(value, &output->where, reader->why.text, reader->why.size);
}

static int take_mode(struct setting_reader *reader, const char *value)
{
	struct output *output = reader->target;
	char *end;
	unsigned long mode = strtoul(value, &end, 8);

	if (*value < '0' || *value > '7' || *end || mode > 0777 || (mode & 0600) != 0600)
		return setting_refuse(reader->why, "it is octal, at least 0600 and at most 0777");
	if (mode & 02)
		return setting_refuse(reader->why, "everybody could write to it");
	output->sink.mode = (mode_t)mode;
	return 0;
}

int output_find_group(const char *value, gid_t *ret)
{
	_free_ char *buffer = malloc(GROUP_BUFFER);
	struct group entry, *group = NULL;
	uint64_t number;

	if (!buffer)
		return -ENOMEM;
	if (!getgrnam_r(value, &entry, buffer, GROUP_BUFFER, &group) && group)
		*ret = group->gr_gid;
	else if (setting_number(value, 0, UINT32_MAX - 1, &number))
		*ret = (gid_t)number;
	else
		return -ENOENT;
	return 0;
}

static int take_group(struct setting_reader *reader, const char *value)
{
	struct output *output = reader->target;
	int error = output_find_group(value, &output->sink.group);

	return error == -ENOENT ? setting_refuse(reader->why, "there is no such group") : error;
}

/* --- the table -------------------------------------------------------------------------------- */

static const char *const details[] = {[DETAIL_LINEAGE] = "lineage",
				      [DETAIL_FULL] = "full",
				      [DETAIL_REFERENCE] = "reference",
				      NULL};
static const char *const overflows[] = {[OVERFLOW_DROP_NEWEST] = "drop-newest",
					[OVERFLOW_DROP_OLDEST] = "drop-oldest",
					[OVERFLOW_SPOOL] = "spool",
					NULL};
static const char *const fsyncs[] = {
	[FSYNC_INTERVAL] = "interval", [FSYNC_NONE] = "none", [FSYNC_ALWAYS] = "always", NULL};
static const char *const headers[] = {[HEADER_RFC5424] = "rfc5424", [HEADER_LOCAL] = "local", NULL};
static const char *const facilities[] = {
	"kern",	  "user",     "mail",	"daemon", "auth",   "syslog", "lpr",   "news",	 "uucp",
	"cron",	  "authpriv", "ftp",	"ntp",	  "audit",  "alert",  "clock", "local0", "local1",
	"local2", "local3",   "local4", "local5", "local6", "local7", NULL,
};

enum {
	FOR_FILE = 1 << SINK_FILE,
	FOR_SYSLOG = 1 << SINK_SYSLOG,
	FOR_LINES = 1 << SINK_STDOUT | FOR_FILE | FOR_SYSLOG,
	FOR_ALL = FOR_LINES | 1 << SINK_JOURNAL,
};

#define OPTION(text, kinds, type, member)                                                          \
	.name = (text), .places = (kinds), .kind = (type), SETTING_AT(struct output, member)
#define LIMITS(lowest, highest) .min = (lowest), .max = (highest)

static const struct setting settings[] = {
	{OPTION("format", FOR_LINES, SETTING_OTHER, format), .take = take_format},
	{OPTION("detail", FOR_LINES, SETTING_CHOICE, detail), .words = details,
	 .wanted = "it is lineage, full or reference"},
	{OPTION("min-severity", FOR_ALL, SETTING_OTHER, min_severity), .take = take_min_severity},
	{OPTION("actions", FOR_ALL, SETTING_OTHER, actions), .take = take_actions},
	{OPTION("findings", FOR_ALL, SETTING_OTHER, findings), .take = take_findings},
	{OPTION("users", FOR_ALL, SETTING_TEXT, users), .wanted = "it names no user"},
	{OPTION("where", FOR_ALL, SETTING_OTHER, where), .take = take_where},
	{OPTION("overflow", FOR_ALL, SETTING_CHOICE, sink.overflow), .words = overflows,
	 .wanted = "it is drop-newest, drop-oldest or spool"},
	{OPTION("queue-size", FOR_ALL, SETTING_SIZE, sink.queue_size), LIMITS(64 << 10, 1 << 30),
	 .wanted = "it is 64K to 1G"},
	{OPTION("spool", FOR_ALL, SETTING_PATH, sink.spool),
	 .wanted = "it is the absolute path of a directory"},
	{OPTION("spool-size", FOR_ALL, SETTING_SIZE, sink.spool_size), LIMITS(1 << 20, UINT64_MAX),
	 .wanted = "it is 1M or more"},
	{OPTION("mode", FOR_FILE, SETTING_OTHER, sink.mode), .take = take_mode},
	{OPTION("group", FOR_FILE, SETTING_OTHER, sink.group), .take = take_group},
	{OPTION("rotate-size", FOR_FILE, SETTING_SIZE, sink.rotate_size),
	 LIMITS(64 << 10, INT64_MAX), .wanted = "it is 64K or more"},
	{OPTION("rotate-interval", FOR_FILE, SETTING_SECONDS, sink.rotate_interval),
	 LIMITS(1, YEAR), .wanted = "it is a number of seconds, or one with s, m, h or d"},
	{OPTION("keep", FOR_FILE, SETTING_NUMBER, sink.keep), LIMITS(1, KEEP_MAX),
	 .wanted = "it is 1 to 10000"},
	{OPTION("fsync", FOR_FILE, SETTING_CHOICE, sink.fsync), .words = fsyncs,
	 .wanted = "it is none, interval or always"},
	{OPTION("chain", FOR_FILE, SETTING_FLAG, sink.chain), .wanted = "it is yes or no"},
	{OPTION("seal-lines", FOR_FILE, SETTING_NUMBER, sink.seal_lines), LIMITS(1, UINT32_MAX),
	 .wanted = "it is 1 or more"},
	{OPTION("seal-interval", FOR_FILE, SETTING_SECONDS, sink.seal_interval), LIMITS(1, 86400),
	 .wanted = "it is a number of seconds, or one with s, m, h or d, up to a day"},
	{OPTION("facility", FOR_SYSLOG, SETTING_NUMBER, sink.facility), LIMITS(0, 23),
	 .words = facilities, .wanted = "it is 0 to 23 or a name such as audit, authpriv, local0"},
	{OPTION("header", FOR_SYSLOG, SETTING_CHOICE, sink.header), .words = headers,
	 .wanted = "it is rfc5424 or local"},
	{OPTION("ca", FOR_SYSLOG, SETTING_TEXT, sink.ca), .wanted = "it names no file"},
	{OPTION("cert", FOR_SYSLOG, SETTING_TEXT, sink.cert), .wanted = "it names no file"},
	{OPTION("key", FOR_SYSLOG, SETTING_TEXT, sink.key), .wanted = "it names no file"},
	{OPTION("server-name", FOR_SYSLOG, SETTING_TEXT, sink.server_name),
	 .wanted = "it names no server"},
	{.name = NULL},
};

/* Whether the option for the member at OFFSET was given. */
static bool output_parse_is_given(const struct output *output, size_t offset)
{
	for (size_t i = 0; settings[i].name; i++)
		if (settings[i].offset == offset && output->given >> i & 1)
			return true;
	return false;
}

#define IS_GIVEN(member) output_parse_is_given(output, offsetof(struct output, member))

static void list_names(unsigned int place, struct text *out)
{
	for (const struct setting *setting = settings; setting->name; setting++) {
		if (!(setting->places & place))
			continue;
		text_add_string(out, out->size ? ", " : "");
		text_add_string(out, setting->name);
	}
}

/* Its commas belong to it: it is the last option. */
static bool output_parse_is_where(const char *rest)
{
	return bytes_begin(bytes_of(rest), "where=");
}

/* WORD is NAME=VALUE, and NUL-terminated in the output's own words. */
static int output_parse_read_option(struct setting_reader *reader, const char *word,
				    const char *output, char *reason, size_t size)
{
	const char *equals = strchr(word, '=');
	_cleanup_(text_free) struct text names = {0};
	int error = -ENOENT;

	if (equals)
		error = setting_read(reader, (struct bytes){word, (size_t)(equals - word)},
				     equals + 1);
	if (error == -EINVAL)
		snprintf(reason, size, "\"%s\": %s", word, reader->why.text);
	if (error != -ENOENT)
		return error;
	list_names(reader->place, &names);
	snprintf(reason, size, "\"%s\": there is no such option of %s: %s", word, output,
		 names.data ? names.data : "");
	return -EINVAL;
}

/* --- places ----------------------------------------------------------------------------------- */

/* The host and the port of WHERE: host, host:port, [::1]:port. */
static bool set_server(struct sink_options *sink, char *where, const char *port)
{
	char *end, *colon;

	if (*where == '[') {
		sink->host = where + 1;
		end = strchr(where, ']');
		if (!end || (end[1] && end[1] != ':'))
			return false;
		colon = end[1] ? end + 1 : NULL;
		*end = '\0';
	} else {
		sink->host = where;
		colon = strchr(where, ':');
	}
	if (colon)
		*colon = '\0';
	sink->port = colon ? colon + 1 : port;
	return sink->host[0] && sink->port[0] && !strchr(sink->port, ':');
}

/* What KIND[:WHERE] can be. */
static const struct output_place {
	const char *prefix; /* the whole of it; or it ends in a colon, and WHERE follows */
	enum sink_kind kind;
	enum sink_transport transport;
	const char *path; /* where none follows */
	const char *port; /* WHERE is a server, and may name another port */
} places[] = {
	{"stdout", SINK_STDOUT},
	{"file:", SINK_FILE},
	{"journal", SINK_JOURNAL, .path = "/run/systemd/journal/socket"},
	{"journal:", SINK_JOURNAL},
	{"syslog", SINK_SYSLOG, TRANSPORT_UNIX, .path = "/dev/log"},
	{"syslog:unix:", SINK_SYSLOG, TRANSPORT_UNIX},
	{"syslog:udp:", SINK_SYSLOG, TRANSPORT_UDP, .port = "514"},
	{"syslog:tcp:", SINK_SYSLOG, TRANSPORT_TCP, .port = "514"},
	{"syslog:tls:", SINK_SYSLOG, TRANSPORT_TLS, .port = "6514"},
};

static bool is_place(const struct output_place *place, const char *word)
{
	size_t size = strlen(place->prefix);

	if (place->prefix[size - 1] != ':')
		return !strcmp(word, place->prefix);
	return !strncmp(word, place->prefix, size) && word[size];
}

/* WORD: KIND[:WHERE]. */
static bool set_place(struct sink_options *sink, char *word)
{
	for (const struct output_place *place = places; place < places + COUNT(places); place++) {
		char *where = word + strlen(place->prefix);

		if (!is_place(place, word))
			continue;
		sink->kind = place->kind;
		sink->transport = place->transport;
		if (place->port)
			return set_server(sink, where, place->port);
		sink->path = place->path ?: where;
		sink->header = sink->kind == SINK_SYSLOG ? HEADER_LOCAL : HEADER_RFC5424;
		return true;
	}
	return false;
}

/* --- what goes together ----------------------------------------------------------------------- */

static bool output_parse_is_json(const struct output *output)
{
	return output->format == FORMAT_ECS || output->format == FORMAT_ECS_WHOLE ||
	       output->format == FORMAT_ECS_REFERENCE || output->format == FORMAT_OCSF;
}

static const char *settle_file(struct output *output)
{
	struct sink_options *sink = &output->sink;

	if (!IS_GIVEN(sink.chain))
		sink->chain = output_parse_is_json(output);
	sink->ocsf = output->format == FORMAT_OCSF;
	if (sink->chain && !output_parse_is_json(output))
		return "chain=yes goes with format=ecs and format=ocsf";
	if (!IS_GIVEN(sink.mode) && IS_GIVEN(sink.group))
		sink->mode = 0640;
	if (IS_GIVEN(sink.keep) && !sink->rotate_size && !sink->rotate_interval)
		return "keep= goes with rotate-size= or rotate-interval=";
	return NULL;
}

static const char *settle_syslog(struct output *output)
{
	struct sink_options *sink = &output->sink;

	sink->complete = output->format == FORMAT_RFC5424;
	if (sink->complete && IS_GIVEN(sink.header) && sink->header == HEADER_LOCAL)
		return "format=rfc5424 has a header of its own";
	if (sink->complete && sink->transport == TRANSPORT_UNIX && !IS_GIVEN(sink.header))
		return "format=rfc5424 has a header that local sockets seldom expect: say "
		       "header=rfc5424 if this one does";
	if (sink->transport != TRANSPORT_TLS &&
	    (sink->ca || sink->cert || sink->key || sink->server_name))
		return "ca=, cert=, key= and server-name= go with syslog:tls:";
	if (!sink->cert != !sink->key)
		return "cert= and key= go together";
	return NULL;
}

static const char *settle_values(struct output *output, bool human)
{
	struct sink_options *sink = &output->sink;

	if (sink->kind == SINK_JOURNAL)
		output->format = FORMAT_JOURNAL;
	if (sink->kind == SINK_STDOUT && human && !IS_GIVEN(format))
		output->format = FORMAT_HUMAN;
	if (IS_GIVEN(detail) && output->format != FORMAT_ECS)
		return "detail= goes with format=ecs";
	if (output->detail == DETAIL_FULL)
		output->format = FORMAT_ECS_WHOLE;
	if (output->detail == DETAIL_REFERENCE && sink->kind == SINK_SYSLOG &&
	    sink->transport <= TRANSPORT_UDP)
		return "detail=reference goes with file:, stdout, syslog:tcp: and syslog:tls:, as "
		       "nobody knows which datagrams arrive";
	if (output->detail == DETAIL_REFERENCE)
		output->format = FORMAT_ECS_REFERENCE;
	if (sink->spool && !IS_GIVEN(sink.overflow))
		sink->overflow = OVERFLOW_SPOOL;
	if (sink->overflow == OVERFLOW_SPOOL && !sink->spool)
		return "overflow=spool needs spool=DIRECTORY";
	if (sink->overflow != OVERFLOW_SPOOL && (sink->spool || IS_GIVEN(sink.spool_size)))
		return "spool= and spool-size= go with overflow=spool";
	if (sink->kind == SINK_FILE)
		return settle_file(output);
	return sink->kind == SINK_SYSLOG ? settle_syslog(output) : NULL;
}

int output_parse(const char *spec, bool human, struct output *ret, char *reason, size_t size)
{
	size_t length = strcspn(spec, ",");
	char *word, *rest, *name, wrong[128];
	struct setting_reader reader = {
		.table = settings, .target = ret, .why = {wrong, sizeof(wrong)}};
	const char *why;
	int error = 0;

	*ret = (struct output){
		.format = FORMAT_ECS,
		.sink = {.queue_size = SINK_QUEUE_SIZE,
			 .spool_size = SINK_SPOOL_SIZE,
			 .mode = 0600,
			 .group = (gid_t)-1,
			 .keep = KEEP_DEFAULT,
			 .seal_lines = SEAL_LINES_DEFAULT,
			 .seal_interval = SEAL_INTERVAL_DEFAULT,
			 .facility = FACILITY_DEFAULT},
		/* KIND:WHERE as it is, for messages; behind it all of SPEC, to be cut into words. */
		.words = malloc(length + 1 + strlen(spec) + 1),
	};
	if (!ret->words)
		return -ENOMEM;
	name = memcpy(ret->words, spec, length);
	name[length] = '\0';
	rest = memcpy(name + length + 1, spec, strlen(spec) + 1);
	ret->sink.name = name;
	word = strsep(&rest, ",");
	if (!set_place(&ret->sink, word)) {
		snprintf(
			reason, size,
			"unknown output \"%s\": it is stdout, file:PATH, journal[:SOCKET], syslog, "
			"syslog:unix:PATH, or syslog:udp:, tcp: or tls: and HOST[:PORT]",
			name);
		return -EINVAL;
	}
	reader.place = 1u << ret->sink.kind;
	while (!error && rest && *rest) {
		word = output_parse_is_where(rest) ? take_ptr(rest) : strsep(&rest, ",");
		error = output_parse_read_option(&reader, word, name, reason, size);
	}
	ret->given = reader.given;
	why = error ? NULL : settle_values(ret, human);
	if (why) {
		snprintf(reason, size, "\"%s\": %s", spec, why);
		error = -EINVAL;
	}
	return error;
}

bool output_is_same_place(const char *a, const char *b)
{
	size_t size = strcspn(a, ",");

	return size == strcspn(b, ",") && !memcmp(a, b, size);
}

/* Takes the next word off *REST that matters to a sink. */
static bool next_sink_word(const char **rest, bool has_format, struct bytes *ret)
{
	static const char *const others[] = {"min-severity=", "actions=", "findings=", "users=",
					     "detail=",	      "format="}; /* and where= */
	size_t count = COUNT(others) - has_format, i;

	while (!(*rest && output_parse_is_where(*rest)) && output_next_word(rest, ',', ret)) {
		for (i = 0; i < count; i++)
			if (ret->size >= strlen(others[i]) &&
			    !memcmp(ret->data, others[i], strlen(others[i])))
				break;
		if (i == count)
			return true;
	}
	return false;
}

bool output_is_same_sink(const char *a, const char *b)
{
	bool has_format = !output_is_same_place(a, "stdout"), more, same;
	struct bytes one, other;

	do {
		more = next_sink_word(&a, has_format, &one);
		same = next_sink_word(&b, has_format, &other) == more;
	} while (same && more && (same = bytes_equal(one, other)));
	return same;
}

void output_free(struct output *output)
{
	free(output->words);
	where_free(output->where);
	*output = (struct output){0};
}
