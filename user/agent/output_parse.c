// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/output.h"
#include "base/bytes.h"
#include "base/text.h"
#include "docker/known/finding.h"
#include "record/names.h"

#define DEV_LOG "/dev/log"
#define JOURNAL_SOCKET "/run/systemd/journal/socket"
#define FACILITY_DEFAULT 13 /* log audit */
#define KEEP_DEFAULT 5
#define KEEP_MAX 10000
#define SEAL_LINES_DEFAULT 10000
#define SEAL_INTERVAL_DEFAULT 10
#define QUEUE_SIZE_MIN (64u << 10)
#define QUEUE_SIZE_MAX (1ull << 30)
#define SPOOL_SIZE_MIN (1u << 20)

/* --- values ----------------------------------------------------------------------------------- */

/* A number followed by nothing, or by one of the letters in UNITS, which stand for FACTORS. */
static bool read_number(const char *value, const char *units, const uint64_t *factors, uint64_t min,
			uint64_t max, uint64_t *ret)
{
	char *end;
	const char *unit;
	unsigned long long number;
	uint64_t factor = 1;

	if (*value < '0' || *value > '9')
		return false;
	errno = 0;
	number = strtoull(value, &end, 10);
	if (errno)
		return false;
	if (*end) {
		unit = strchr(units, *end);
		if (!unit || end[1])
			return false;
		factor = factors[unit - units];
	}
	if (number > max / factor || number * factor < min)
		return false;
	*ret = number * factor;
	return true;
}

static bool read_size(const char *value, uint64_t min, uint64_t max, uint64_t *ret)
{
	static const uint64_t factors[] = {1u << 10, 1u << 20, 1u << 30, 1ull << 40};

	return read_number(value, "KMGT", factors, min, max, ret);
}

static bool read_seconds(const char *value, uint64_t max, uint64_t *ret)
{
	static const uint64_t factors[] = {1, 60, 3600, 86400};

	return read_number(value, "smhd", factors, 1, max, ret);
}

static bool read_plain(const char *value, uint64_t min, uint64_t max, uint64_t *ret)
{
	return read_number(value, "", NULL, min, max, ret);
}

/* The place of VALUE in the list of COUNT NAMES; -1: it has none. */
static int find_name(const char *value, const char *const *names, int count)
{
	for (int i = 0; i < count; i++)
		if (!strcmp(value, names[i]))
			return i;
	return -1;
}

#define FIND_NAME(value, names) find_name(value, names, (int)(COUNT(names)))

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

/* --- what goes there -------------------------------------------------------------------------- */

/* Each setter returns NULL, or why VALUE is none. VALUE lives as long as OUTPUT. */
typedef const char *setter(struct output *output, const char *value);

static bool action_by_name(struct bytes name, unsigned int *ret)
{
	for (unsigned int i = 0; i < RECORD_ACTION_MAX; i++) {
		if (!bytes_equal(name, bytes_of(name_action(i)->action)))
			continue;
		*ret = i;
		return true;
	}
	return false;
}

static const char *set_actions(struct output *output, const char *value)
{
	struct bytes word;
	unsigned int action;

	while (output_next_word(&value, '+', &word)) {
		if (!action_by_name(word, &action))
			return "there is no such action";
		output->actions |= 1u << action;
	}
	return output->actions ? NULL : "it names no action";
}

static const char *set_findings(struct output *output, const char *value)
{
	const char *rest = value;
	struct bytes word;

	while (output_next_word(&rest, '+', &word))
		if (!finding_by_name(word.data, word.size))
			return "there is no such finding";
	output->findings = value;
	return *value ? NULL : "it names no finding";
}

static const char *set_users(struct output *output, const char *value)
{
	output->users = value;
	return *value ? NULL : "it names no user";
}

static const char *set_format(struct output *output, const char *value)
{
	return format_by_name(bytes_of(value), &output->format)
		       ? NULL
		       : "it is ecs, human, ocsf, cef or rfc5424";
}

static const char *set_min_severity(struct output *output, const char *value)
{
	enum finding_severity named = finding_severity_by_name(value, strlen(value));
	uint64_t number;

	if (named)
		number = finding_severity_number(named);
	else if (!read_plain(value, 0, 100, &number))
		return "it is 0 to 100, or info, low, medium, high, critical";
	output->min_severity = (unsigned int)number;
	return NULL;
}

/* --- what waits ------------------------------------------------------------------------------- */

static const char *set_overflow(struct output *output, const char *value)
{
	static const char *const names[] = {
		[OVERFLOW_DROP_NEWEST] = "drop-newest",
		[OVERFLOW_DROP_OLDEST] = "drop-oldest",
		[OVERFLOW_SPOOL] = "spool",
	};
	int found = FIND_NAME(value, names);

	output->sink.overflow = found < 0 ? OVERFLOW_DROP_NEWEST : (enum sink_overflow)found;
	return found < 0 ? "it is drop-newest, drop-oldest or spool" : NULL;
}

static const char *set_queue_size(struct output *output, const char *value)
{
	return read_size(value, QUEUE_SIZE_MIN, QUEUE_SIZE_MAX, &output->sink.queue_size)
		       ? NULL
		       : "it is 64K to 1G";
}

static const char *set_spool(struct output *output, const char *value)
{
	output->sink.spool = value;
	return *value == '/' ? NULL : "it is the absolute path of a directory";
}

static const char *set_spool_size(struct output *output, const char *value)
{
	return read_size(value, SPOOL_SIZE_MIN, UINT64_MAX, &output->sink.spool_size)
		       ? NULL
		       : "it is 1M or more";
}

/* --- files ------------------------------------------------------------------------------------ */

static const char *set_mode(struct output *output, const char *value)
{
	char *end;
	unsigned long mode = strtoul(value, &end, 8);

	if (*value < '0' || *value > '7' || *end || mode > 0777 || (mode & 0600) != 0600)
		return "it is octal, at least 0600 and at most 0777";
	if (mode & 02)
		return "everybody could write to it";
	output->sink.mode = (mode_t)mode;
	return NULL;
}

static const char *set_group(struct output *output, const char *value)
{
	const struct group *group = getgrnam(value);
	uint64_t number;

	if (group)
		output->sink.group = group->gr_gid;
	else if (read_plain(value, 0, UINT32_MAX - 1, &number))
		output->sink.group = (gid_t)number;
	else
		return "there is no such group";
	return NULL;
}

static const char *set_rotate_size(struct output *output, const char *value)
{
	return read_size(value, 64 << 10, INT64_MAX, &output->sink.rotate_size)
		       ? NULL
		       : "it is 64K or more";
}

static const char *set_rotate_interval(struct output *output, const char *value)
{
	return read_seconds(value, 366ull * 86400, &output->sink.rotate_interval)
		       ? NULL
		       : "it is a number of seconds, or one with s, m, h or d";
}

static const char *set_keep(struct output *output, const char *value)
{
	uint64_t number;

	if (!read_plain(value, 1, KEEP_MAX, &number))
		return "it is 1 to 10000";
	output->sink.keep = (unsigned int)number;
	return NULL;
}

static const char *set_fsync(struct output *output, const char *value)
{
	static const char *const names[] = {
		[FSYNC_INTERVAL] = "interval",
		[FSYNC_NONE] = "none",
		[FSYNC_ALWAYS] = "always",
	};
	int found = FIND_NAME(value, names);

	output->sink.fsync = found < 0 ? FSYNC_INTERVAL : (enum sink_fsync)found;
	return found < 0 ? "it is none, interval or always" : NULL;
}

static const char *set_chain(struct output *output, const char *value)
{
	output->sink.chain = !strcmp(value, "yes");
	return output->sink.chain || !strcmp(value, "no") ? NULL : "it is yes or no";
}

static const char *set_seal_lines(struct output *output, const char *value)
{
	return read_plain(value, 1, UINT32_MAX, &output->sink.seal_lines) ? NULL
									  : "it is 1 or more";
}

static const char *set_seal_interval(struct output *output, const char *value)
{
	return read_seconds(value, 86400, &output->sink.seal_interval)
		       ? NULL
		       : "it is a number of seconds, or one with s, m, h or d, up to a day";
}

/* --- syslog ----------------------------------------------------------------------------------- */

static const char *set_facility(struct output *output, const char *value)
{
	static const char *const names[] = {
		"kern",	  "user",   "mail",	"daemon", "auth",   "syslog", "lpr",	"news",
		"uucp",	  "cron",   "authpriv", "ftp",	  "ntp",    "audit",  "alert",	"clock",
		"local0", "local1", "local2",	"local3", "local4", "local5", "local6", "local7",
	};
	int found = FIND_NAME(value, names);
	uint64_t number;

	if (found >= 0)
		number = (uint64_t)found;
	else if (!read_plain(value, 0, 23, &number))
		return "it is 0 to 23 or a name such as audit, authpriv, local0";
	output->sink.facility = (unsigned int)number;
	return NULL;
}

static const char *set_header(struct output *output, const char *value)
{
	static const char *const names[] = {
		[HEADER_RFC5424] = "rfc5424",
		[HEADER_LOCAL] = "local",
	};
	int found = FIND_NAME(value, names);

	output->sink.header = found < 0 ? HEADER_RFC5424 : (enum sink_header)found;
	return found < 0 ? "it is rfc5424 or local" : NULL;
}

static const char *set_path(const char **path, const char *value)
{
	*path = value;
	return *value ? NULL : "it names no file";
}

static const char *set_ca(struct output *output, const char *value)
{
	return set_path(&output->sink.ca, value);
}

static const char *set_cert(struct output *output, const char *value)
{
	return set_path(&output->sink.cert, value);
}

static const char *set_key(struct output *output, const char *value)
{
	return set_path(&output->sink.key, value);
}

static const char *set_server_name(struct output *output, const char *value)
{
	output->sink.server_name = value;
	return *value ? NULL : "it names no server";
}

/* --- options ---------------------------------------------------------------------------------- */

enum {
	FOR_FILE = 1 << SINK_FILE,
	FOR_SYSLOG = 1 << SINK_SYSLOG,
	FOR_LINES = 1 << SINK_STDOUT | FOR_FILE | FOR_SYSLOG,
	FOR_ALL = FOR_LINES | 1 << SINK_JOURNAL,
};

enum choice {
	CHOICE_FORMAT,
	CHOICE_MIN_SEVERITY,
	CHOICE_ACTIONS,
	CHOICE_FINDINGS,
	CHOICE_USERS,
	CHOICE_OVERFLOW,
	CHOICE_QUEUE_SIZE,
	CHOICE_SPOOL,
	CHOICE_SPOOL_SIZE,
	CHOICE_MODE,
	CHOICE_GROUP,
	CHOICE_ROTATE_SIZE,
	CHOICE_ROTATE_INTERVAL,
	CHOICE_KEEP,
	CHOICE_FSYNC,
	CHOICE_CHAIN,
	CHOICE_SEAL_LINES,
	CHOICE_SEAL_INTERVAL,
	CHOICE_FACILITY,
	CHOICE_HEADER,
	CHOICE_CA,
	CHOICE_CERT,
	CHOICE_KEY,
	CHOICE_SERVER_NAME,
	CHOICES,
};

static const struct {
	const char *name;
	unsigned int kinds;
	setter *set;
} choices[CHOICES] = {
	[CHOICE_FORMAT] = {"format", FOR_LINES, set_format},
	[CHOICE_MIN_SEVERITY] = {"min-severity", FOR_ALL, set_min_severity},
	[CHOICE_ACTIONS] = {"actions", FOR_ALL, set_actions},
	[CHOICE_FINDINGS] = {"findings", FOR_ALL, set_findings},
	[CHOICE_USERS] = {"users", FOR_ALL, set_users},
	[CHOICE_OVERFLOW] = {"overflow", FOR_ALL, set_overflow},
	[CHOICE_QUEUE_SIZE] = {"queue-size", FOR_ALL, set_queue_size},
	[CHOICE_SPOOL] = {"spool", FOR_ALL, set_spool},
	[CHOICE_SPOOL_SIZE] = {"spool-size", FOR_ALL, set_spool_size},
	[CHOICE_MODE] = {"mode", FOR_FILE, set_mode},
	[CHOICE_GROUP] = {"group", FOR_FILE, set_group},
	[CHOICE_ROTATE_SIZE] = {"rotate-size", FOR_FILE, set_rotate_size},
	[CHOICE_ROTATE_INTERVAL] = {"rotate-interval", FOR_FILE, set_rotate_interval},
	[CHOICE_KEEP] = {"keep", FOR_FILE, set_keep},
	[CHOICE_FSYNC] = {"fsync", FOR_FILE, set_fsync},
	[CHOICE_CHAIN] = {"chain", FOR_FILE, set_chain},
	[CHOICE_SEAL_LINES] = {"seal-lines", FOR_FILE, set_seal_lines},
	[CHOICE_SEAL_INTERVAL] = {"seal-interval", FOR_FILE, set_seal_interval},
	[CHOICE_FACILITY] = {"facility", FOR_SYSLOG, set_facility},
	[CHOICE_HEADER] = {"header", FOR_SYSLOG, set_header},
	[CHOICE_CA] = {"ca", FOR_SYSLOG, set_ca},
	[CHOICE_CERT] = {"cert", FOR_SYSLOG, set_cert},
	[CHOICE_KEY] = {"key", FOR_SYSLOG, set_key},
	[CHOICE_SERVER_NAME] = {"server-name", FOR_SYSLOG, set_server_name},
};

static int refuse_word(char *reason, size_t size, const char *word, const char *why)
{
	snprintf(reason, size, "\"%s\": %s", word, why);
	return -EINVAL;
}

static bool is_given(const struct output *output, enum choice choice)
{
	return output->given >> choice & 1;
}

static int refuse_name(const struct output *output, char *reason, size_t size, const char *word)
{
	char names[400] = "";
	size_t used = 0;

	for (int i = 0; i < CHOICES; i++)
		if (choices[i].kinds >> output->sink.kind & 1)
			used += (size_t)snprintf(names + used, sizeof(names) - used, "%s%s",
						 used ? ", " : "", choices[i].name);
	snprintf(reason, size, "\"%s\": there is no such option of %s: %s", word, output->sink.name,
		 names);
	return -EINVAL;
}

/* WORD is NAME=VALUE, and NUL-terminated in the output's own words. */
static int set_choice(struct output *output, char *word, char *reason, size_t size)
{
	const char *equals = strchr(word, '=');

	for (int i = 0; equals && i < CHOICES; i++) {
		const char *why;

		if (!bytes_equal((struct bytes){word, (size_t)(equals - word)},
				 bytes_of(choices[i].name)) ||
		    !(choices[i].kinds >> output->sink.kind & 1))
			continue;
		if (is_given(output, (enum choice)i))
			return refuse_word(reason, size, word, "given twice");
		output->given |= 1u << i;
		why = choices[i].set(output, equals + 1);
		return why ? refuse_word(reason, size, word, why) : 0;
	}
	return refuse_name(output, reason, size, word);
}

/* --- kinds ------------------------------------------------------------------------------------ */

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

static bool set_syslog(struct sink_options *sink, char *where)
{
	static const struct {
		const char *name, *port;
	} transports[] = {
		[TRANSPORT_UNIX] = {"unix", NULL},
		[TRANSPORT_UDP] = {"udp", "514"},
		[TRANSPORT_TCP] = {"tcp", "514"},
		[TRANSPORT_TLS] = {"tls", "6514"},
	};
	char *rest = where ? strchr(where, ':') : NULL;

	sink->kind = SINK_SYSLOG;
	if (!where) {
		sink->path = DEV_LOG;
		sink->header = HEADER_LOCAL;
		return true;
	}
	if (!rest || !rest[1])
		return false;
	*rest++ = '\0';
	for (int i = TRANSPORT_UNIX; i <= TRANSPORT_TLS; i++) {
		if (strcmp(where, transports[i].name) != 0)
			continue;
		sink->transport = (enum sink_transport)i;
		if (i != TRANSPORT_UNIX)
			return set_server(sink, rest, transports[i].port);
		sink->header = HEADER_LOCAL;
		sink->path = rest;
		return true;
	}
	return false;
}

/* WORD: KIND[:WHERE]. */
static bool set_kind(struct sink_options *sink, char *word)
{
	char *where = strchr(word, ':');

	if (where)
		*where++ = '\0';
	sink->path = where;
	if (!strcmp(word, "stdout")) {
		sink->kind = SINK_STDOUT;
		return !where;
	}
	if (!strcmp(word, "file")) {
		sink->kind = SINK_FILE;
		return where && *where;
	}
	if (!strcmp(word, "journal")) {
		sink->kind = SINK_JOURNAL;
		sink->path = where ?: JOURNAL_SOCKET;
		return *sink->path;
	}
	return !strcmp(word, "syslog") && set_syslog(sink, where);
}

/* --- what goes together ----------------------------------------------------------------------- */

static bool is_json(const struct output *output)
{
	return output->format == FORMAT_ECS || output->format == FORMAT_OCSF;
}

static const char *settle_file(struct output *output)
{
	struct sink_options *sink = &output->sink;

	if (!is_given(output, CHOICE_CHAIN))
		sink->chain = is_json(output);
	sink->ocsf = output->format == FORMAT_OCSF;
	if (sink->chain && !is_json(output))
		return "chain=yes goes with format=ecs and format=ocsf";
	if (!is_given(output, CHOICE_MODE) && is_given(output, CHOICE_GROUP))
		sink->mode = 0640;
	if (is_given(output, CHOICE_KEEP) && !sink->rotate_size && !sink->rotate_interval)
		return "keep= goes with rotate-size= or rotate-interval=";
	return NULL;
}

static const char *settle_syslog(struct output *output)
{
	struct sink_options *sink = &output->sink;

	sink->complete = output->format == FORMAT_RFC5424;
	if (sink->complete && is_given(output, CHOICE_HEADER) && sink->header == HEADER_LOCAL)
		return "format=rfc5424 has a header of its own";
	if (sink->complete && sink->transport == TRANSPORT_UNIX && !is_given(output, CHOICE_HEADER))
		return "format=rfc5424 has a header that local sockets seldom expect: say "
		       "header=rfc5424 if this one does";
	if (sink->transport != TRANSPORT_TLS &&
	    output->given & (1u << CHOICE_CA | 1u << CHOICE_CERT | 1u << CHOICE_KEY |
			     1u << CHOICE_SERVER_NAME))
		return "ca=, cert=, key= and server-name= go with syslog:tls:";
	if (!sink->cert != !sink->key)
		return "cert= and key= go together";
	return NULL;
}

static const char *settle(struct output *output, bool human)
{
	struct sink_options *sink = &output->sink;

	if (sink->kind == SINK_JOURNAL)
		output->format = FORMAT_JOURNAL;
	if (sink->kind == SINK_STDOUT && human && !is_given(output, CHOICE_FORMAT))
		output->format = FORMAT_HUMAN;
	if (sink->spool && !is_given(output, CHOICE_OVERFLOW))
		sink->overflow = OVERFLOW_SPOOL;
	if (sink->overflow == OVERFLOW_SPOOL && !sink->spool)
		return "overflow=spool needs spool=DIRECTORY";
	if (sink->overflow != OVERFLOW_SPOOL &&
	    output->given & (1u << CHOICE_SPOOL | 1u << CHOICE_SPOOL_SIZE))
		return "spool= and spool-size= go with overflow=spool";
	if (sink->kind == SINK_FILE)
		return settle_file(output);
	return sink->kind == SINK_SYSLOG ? settle_syslog(output) : NULL;
}

int output_parse(const char *spec, bool human, struct output *ret, char *reason, size_t size)
{
	size_t length = strcspn(spec, ",");
	char *word, *rest, *name;
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
		/* KIND:WHERE once as it is, for messages, and all to be cut into words */
		.words = malloc(length + 1 + strlen(spec) + 1),
	};
	if (!ret->words)
		return -ENOMEM;
	name = memcpy(ret->words, spec, length);
	name[length] = '\0';
	rest = memcpy(name + length + 1, spec, strlen(spec) + 1);
	ret->sink.name = name;
	word = strsep(&rest, ",");
	if (!set_kind(&ret->sink, word)) {
		snprintf(
			reason, size,
			"unknown output \"%s\": it is stdout, file:PATH, journal[:SOCKET], syslog, "
			"syslog:unix:PATH, or syslog:udp:, tcp: or tls: and HOST[:PORT]",
			name);
		return -EINVAL;
	}
	while (!error && rest && *rest) {
		word = strsep(&rest, ",");
		error = set_choice(ret, word, reason, size);
	}
	if (error)
		return error;
	why = settle(ret, human);
	return why ? refuse_word(reason, size, spec, why) : 0;
}

void output_free(struct output *output)
{
	free(output->words);
	*output = (struct output){0};
}
