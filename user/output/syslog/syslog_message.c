// SPDX-License-Identifier: Apache-2.0
#include "output/syslog/syslog_message.h"

#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"
#include "format/rfc5424.h"
#include "record/names.h"

#define APP_NAME "callerd"
#define NIL "-"
#define PRI_DIGITS 3

static void add_pri(struct text *out, const struct sink_options *options, const struct entry *entry)
{
	text_add_char(out, '<');
	text_add_number(out, options->facility * 8 + (entry->severity & 7));
	text_add_char(out, '>');
}

/*
 * No byte order mark before the text. The RFC wants one before any text in UTF-8, so that it is not taken for
 * text in who knows which code; but what follows here is JSON, CEF, a line of a known format, and receivers hand
 * it on as it is: parsers of JSON refuse a mark (RFC 8259, 8.1).
 */
static void add_rfc5424(struct text *out, const struct sink_options *options,
			const struct entry *entry)
{
	/* An entry may have come from a disk, written by a later version. */
	const char *action =
		entry->action <= RECORD_CALLER_SEEN ? name_action(entry->action)->action : NULL;

	rfc5424_add_header(out, entry->time, options->host_name, options->run_id, action);
	text_add_string(out, NIL " ");
}

/* As syslog(3) does it: local time, and no host, since there is but one. */
static void add_local(struct text *out, const struct entry *entry)
{
	time_t seconds = (time_t)(entry->time / NS_PER_S);
	struct tm local;
	char stamp[32] = "";

	if (localtime_r(&seconds, &local))
		strftime(stamp, sizeof(stamp), "%b %e %T ", &local);
	text_add_string(out, stamp);
	text_add_string(out, APP_NAME "[");
	text_add_number(out, (uint64_t)getpid());
	text_add_string(out, "]: ");
}

/* Bytes of the <PRI> that DATA begins with; 0: with none. */
static size_t pri_size(struct bytes data)
{
	size_t digits = 0;

	if (!data.size || data.data[0] != '<')
		return 0;
	while (1 + digits < data.size && data.data[1 + digits] >= '0' &&
	       data.data[1 + digits] <= '9')
		digits++;
	if (!digits || digits > PRI_DIGITS || 1 + digits >= data.size ||
	    data.data[1 + digits] != '>')
		return 0;
	return digits + 2;
}

int syslog_message_make(struct syslog_message *message, const struct sink_options *options,
			const struct entry *entry)
{
	struct bytes data = {entry->data, entry->size};
	struct text *head = &message->head;
	size_t pri = 0;

	head->error = 0;
	text_cut(head, 0);
	if (data.size && data.data[data.size - 1] == '\n')
		data.size--;
	if (options->complete)
		pri = pri_size(data);
	add_pri(head, options, entry);
	if (pri)
		data = bytes_from(data, pri);
	else if (options->header == HEADER_LOCAL)
		add_local(head, entry);
	else
		add_rfc5424(head, options, entry);
	message->body = data;
	return head->error;
}

void syslog_message_free(struct syslog_message *message)
{
	text_free(&message->head);
}
