// SPDX-License-Identifier: Apache-2.0
/*
 * Messages after each other on a connection: each with its length before it (octet counting, RFC 6587, 3.4.1),
 * plain or by TLS (RFC 5425).
 *
 * Syslog has no answers: what was sent is not what has arrived, and a kernel's acknowledgement says that the
 * bytes have reached the server's machine, not its program. So this is how a record comes to count as arrived:
 *
 * - Linux ends a connection with a reset, not with an orderly end (FIN), if its program closes it with bytes
 *   unread, and answers with a reset what arrives after that. An orderly end with all our bytes acknowledged thus
 *   says that the program has read them all. At our own end of the connection all that was sent has arrived then.
 * - Else the program may have ended, and what it had read a moment before may have died with it: what was
 *   written in the last GRACE is sent again, but only once more, lest a server that closes after each message
 *   gets the same one for ever. That TLS says goodbye proves no more: rsyslog, where it is ended in good order,
 *   throws away what OpenSSL had decrypted for it, and then says so.
 * - On a connection that goes on, a record has arrived once as many bytes after it were acknowledged as the
 *   server's end can hold unread: RESEND_MAX, or the largest window that it announced. A receive buffer holds 6
 *   MiB, if Linux has its defaults.
 * - After a reset, a timeout, or an end with bytes on their way, all else is sent again, and what was sent in part
 *   is sent whole. A server may so get a record twice; event.id tells.
 *
 * What a server's program has read and kept in memory when its machine loses power is lost; so is what something
 * between us and the server has acknowledged in its name. No sender of syslog can know that.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/text.h"
#include "output/syslog/syslog.h"
#include "output/syslog/syslog_channel.h"
#include "output/syslog/syslog_flight.h"
#include "output/syslog/syslog_message.h"
#include "output/syslog/syslog_socket.h"
#include "output/heard.h"

#define RESEND_MAX (8ull << 20)
#define GRACE 5000	    /* milliseconds that a program may take for what it has read */
#define SLICE 1000	    /* milliseconds that a slow server is waited for at a time */
#define SLOW_AFTER 5000	    /* milliseconds without a byte taken, until it is told */
#define STAGED_BYTES 65536  /* of messages that are made at a time, or of one that is larger */
#define STAGED_MAX 256	    /* messages */
#define WRITE_MAX 16384	    /* bytes at a time: a record of TLS */
#define FINISH_TIMEOUT 2000 /* milliseconds */
/* A server that breaks so many connections in a row gets one record at a time, and time to do it again: else
 * the same records could go there again and again, and none be known to have arrived. */
#define WARY_AFTER 2
#define CALM_AFTER 16 /* records on one connection */
#define REACTION 100  /* milliseconds */

struct syslog_tcp {
	struct driver driver;
	SSL_CTX *context; /* NULL: plain */
	bool reload;	  /* the certificates may be others by now */
	struct channel channel;
	struct flight flight; /* those that were written whole */
	uint64_t unconfirmed; /* records that count as sent */
	uint64_t doubtful;    /* of the oldest unconfirmed: read before, as far as one can know */
	unsigned int breaks;  /* connections that broke, since CALM_AFTER records went well */
	unsigned int calm;    /* records of this connection */
	uint64_t progress;    /* ms: when a byte was taken, or the first one waited */

	/* Messages on their way: [written, out.size) is still to be written. The first COUNTED of the STAGED
	 * ones count as sent. */
	struct text out;
	size_t written;
	size_t pending; /* bytes after WRITTEN that TLS has, and wants to see again */
	size_t ends[STAGED_MAX];
	bool tells
		[STAGED_MAX]; /* the line before it is among them, and was added to .heard for it */
	unsigned char keys[STAGED_MAX][ENTRY_KEY_SIZE]; /* that line's */
	struct heard heard;				/* to the server, on this connection */
	unsigned int staged, counted, whole;
	struct syslog_message message;
};

/* --- the messages on their way ---------------------------------------------------------------- */

static void forget_staged(struct syslog_tcp *stream)
{
	text_cut(&stream->out, 0);
	stream->out.error = 0;
	stream->written = stream->pending = 0;
	stream->staged = stream->counted = stream->whole = 0;
}

/* Appends the message of ENTRY alone. 0 or -ENOMEM. */
static int stage_message(struct syslog_tcp *stream, const struct entry *entry)
{
	struct text *out = &stream->out;
	struct syslog_message *message = &stream->message;

	if (syslog_message_make(message, stream->driver.options, entry))
		return -ENOMEM;
	text_add_number(out, message->head.size + message->body.size);
	text_add_char(out, ' ');
	text_add_bytes(out, text_since(&message->head, 0));
	text_add_bytes(out, message->body);
	return out->error;
}

/* Appends the message of ENTRY, and before it what the server does not have yet. 0 or -ENOMEM. */
static int stage_one(struct syslog_tcp *stream, const struct entry *entry)
{
	uint64_t now = clock_now_ms();
	const struct entry *before = heard_missing(&stream->heard, entry, now);
	int error = (before ? stage_message(stream, before) : 0) ?: stage_message(stream, entry);

	if (error)
		return error;
	stream->tells[stream->staged] = before;
	if (before) {
		memcpy(stream->keys[stream->staged], before->key, sizeof(*stream->keys));
		heard_add(&stream->heard, entry, now);
	}
	stream->ends[stream->staged++] = stream->out.size;
	return 0;
}

/* Stages as many of ENTRIES as go at a time. 0; -ENOMEM: not even one. */
static int syslog_stream_stage(struct syslog_tcp *stream, struct entry *const *entries,
			       unsigned int count)
{
	forget_staged(stream);
	for (unsigned int i = 0; i < count && i < STAGED_MAX && stream->out.size < STAGED_BYTES;
	     i++) {
		size_t before = stream->out.size;
		int error = stage_one(stream, entries[i]);

		if (!error)
			continue;
		stream->out.error = 0;
		text_cut(&stream->out, before);
		return i ? 0 : error;
	}
	return 0;
}

/* SIZE more bytes were written. */
static void syslog_stream_advance(struct syslog_tcp *stream, size_t size)
{
	uint64_t now = clock_now_ms(), end = syslog_channel_written(&stream->channel);

	stream->written += size;
	stream->pending = 0;
	stream->progress = now;
	while (stream->whole < stream->staged && stream->ends[stream->whole] <= stream->written) {
		syslog_flight_add(&stream->flight, end, now);
		stream->whole++;
	}
}

/* Counts as sent those of which the connection has any byte, and forgets the others: who drops records for want
 * of room may drop those. Returns how many count newly. */
static unsigned int count_begun(struct syslog_tcp *stream)
{
	size_t given = stream->written + stream->pending;
	unsigned int begun = stream->counted, before = stream->counted;

	while (begun < stream->staged && (begun ? stream->ends[begun - 1] : 0) < given)
		begun++;
	text_cut(&stream->out, begun ? stream->ends[begun - 1] : 0);
	for (unsigned int i = begun; i < stream->staged; i++)
		if (stream->tells[i])
			heard_remove(&stream->heard, stream->keys[i]);
	stream->staged = stream->counted = begun;
	stream->unconfirmed += begun - before;
	return begun - before;
}

/* --- what has arrived ------------------------------------------------------------------------- */

static void syslog_stream_confirm(struct syslog_tcp *stream, uint64_t records)
{
	if (!records)
		return;
	stream->driver.confirmed += records;
	stream->unconfirmed -= records;
	stream->doubtful -= records < stream->doubtful ? records : stream->doubtful;
}

/* Confirms what so much was acknowledged after that the server's program must have read it. */
static void confirm_passed(struct syslog_tcp *stream)
{
	uint64_t acknowledged = syslog_channel_acknowledged(&stream->channel);
	uint64_t held = stream->channel.window;

	if (held < RESEND_MAX)
		held = RESEND_MAX;
	if (acknowledged > held)
		syslog_stream_confirm(stream,
				      syslog_flight_take(&stream->flight, acknowledged - held));
}

static void syslog_stream_disconnect(struct syslog_tcp *stream)
{
	syslog_channel_close(&stream->channel);
	syslog_flight_clear(&stream->flight);
	forget_staged(stream);
	heard_forget(&stream->heard);
	stream->driver.rewind |= stream->unconfirmed != 0;
	stream->unconfirmed = 0;
	stream->calm = 0;
}

/* The connection is gone, and it is not known which records have arrived. */
static void break_off(struct syslog_tcp *stream, int error)
{
	const char *detail = syslog_channel_error(&stream->channel, error);

	stream->breaks++;
	stream->reload = true;
	driver_fail(&stream->driver, error == CHANNEL_ENDED ? -ECONNRESET : error, detail);
	syslog_stream_disconnect(stream);
}

/* How many of the records that were written whole have arrived, now that the server has ended the connection. */
static uint64_t arrived_at_end(const struct syslog_tcp *stream)
{
	uint64_t now = clock_now_ms(), arrived;

	if (stream->channel.finished) /* it has read up to our own end */
		return stream->flight.records;
	arrived = now > GRACE ? syslog_flight_until(&stream->flight, now - GRACE) : 0;
	if (arrived < stream->doubtful)
		arrived = stream->doubtful;
	return arrived < stream->flight.records ? arrived : stream->flight.records;
}

/* The server has ended the connection. */
static void syslog_stream_end(struct syslog_tcp *stream)
{
	uint64_t arrived;
	bool all_read = syslog_channel_acknowledged(&stream->channel) ==
			syslog_channel_written(&stream->channel);

	if (!all_read) {
		break_off(stream, CHANNEL_ENDED);
		return;
	}
	arrived = arrived_at_end(stream);
	syslog_stream_confirm(stream, arrived);
	if (stream->unconfirmed || !arrived) {
		stream->doubtful = stream->flight.records - arrived;
		break_off(stream, CHANNEL_ENDED);
		return;
	}
	syslog_stream_disconnect(stream);
}

/* What to do about RESULT, of syslog_channel_check() or an -errno. */
static void syslog_stream_settle(struct syslog_tcp *stream, int result)
{
	if (result == CHANNEL_ENDED)
		syslog_stream_end(stream);
	else if (result < 0)
		break_off(stream, result);
	else
		confirm_passed(stream);
}

/* --- the connection --------------------------------------------------------------------------- */

/* Certificates are made anew from time to time; whether ours were, a connection that failed may tell. The old ones
 * stay where the new ones cannot be read: we may have dropped the right to. */
static void syslog_stream_reload(struct syslog_tcp *stream)
{
	char reason[256];
	SSL_CTX *context;

	if (stream->reload && stream->context &&
	    !syslog_tls_context_new(stream->driver.options, &context, reason, sizeof(reason))) {
		SSL_CTX_free(stream->context);
		stream->context = context;
	}
	stream->reload = false;
}

/* Gives the server the time to end the connection, as some do without a word: TLS 1.3 lets a server refuse our
 * certificate only after the handshake. 0, CHANNEL_ENDED or -errno. */
static int await_reaction(struct syslog_tcp *stream)
{
	int seen = driver_poll(&stream->driver, stream->channel.fd, POLLIN | POLLRDHUP, REACTION);

	return seen > 0 ? syslog_channel_check(&stream->channel, &stream->driver) : 0;
}

static bool connect_anew(struct syslog_tcp *stream)
{
	int result;

	syslog_stream_reload(stream);
	result = syslog_channel_open(&stream->channel, &stream->driver, stream->context);
	if (result == -ECANCELED)
		driver_fail(&stream->driver, -EAGAIN, "it is to give up");
	if (result) {
		stream->reload = true;
		return false;
	}
	stream->progress = clock_now_ms();
	if (!stream->breaks)
		return true;
	result = await_reaction(stream);
	if (result)
		syslog_stream_settle(stream, result);
	return !result;
}

/* Whether there is a connection, and nothing that must be sent again before what comes now. */
static bool is_ready(struct syslog_tcp *stream)
{
	int result;

	if (stream->channel.fd >= 0) {
		result = syslog_channel_check(&stream->channel, &stream->driver);
		if (!result)
			return true;
		syslog_stream_settle(stream, result);
		if (stream->driver.rewind)
			return false;
	}
	return connect_anew(stream);
}

/* --- sending ---------------------------------------------------------------------------------- */

/* Waits until the connection takes more, until UNTIL. 0; -EAGAIN: it does not; CHANNEL_ENDED or -errno. */
static int syslog_stream_wait_room(struct syslog_tcp *stream, uint64_t until)
{
	uint64_t now = clock_now_ms();
	int seen;

	if (now >= until)
		return -EAGAIN;
	seen = driver_poll(&stream->driver, stream->channel.fd,
			   (short)(stream->channel.wants | POLLIN | POLLRDHUP), (int)(until - now));
	if (seen < 0)
		return -EAGAIN; /* it is to give up */
	return seen & ~POLLOUT ? syslog_channel_check(&stream->channel, &stream->driver) : 0;
}

/* Nothing can be written any more, for ERROR; an alert of TLS that came before tells more. */
static int last_word(struct syslog_tcp *stream, int error)
{
	int said = syslog_channel_check(&stream->channel, &stream->driver);

	return said == -EPROTO ? said : error;
}

/* Writes what is staged, until UNTIL. As syslog_stream_wait_room(). */
static int syslog_stream_drain(struct syslog_tcp *stream, uint64_t until)
{
	while (stream->written < stream->out.size) {
		const char *data = stream->out.data + stream->written;
		size_t size = stream->out.size - stream->written;
		ssize_t written;
		int result;

		if (stream->pending)
			size = stream->pending;
		else if (size > WRITE_MAX)
			size = WRITE_MAX;
		written = syslog_channel_write(&stream->channel, data, size);
		if (written >= 0) {
			syslog_stream_advance(stream, (size_t)written);
			continue;
		}
		if (written != -EAGAIN)
			return last_word(stream, (int)written);
		stream->pending = stream->channel.session ? size : 0;
		result = syslog_stream_wait_room(stream, until);
		if (result)
			return result;
	}
	return 0;
}

/* Sends ENTRIES until UNTIL; *DONE is how many of them count as sent. As syslog_stream_wait_room(). */
static int send_until(struct syslog_tcp *stream, struct entry *const *entries, unsigned int count,
		      unsigned int *done, uint64_t until)
{
	int result = syslog_stream_drain(stream, until); /* what an earlier call has left */

	while (!result && *done < count) {
		result = syslog_stream_stage(stream, entries + *done, count - *done);
		if (result)
			break;
		result = syslog_stream_drain(stream, until);
		*done += count_begun(stream);
		if (!result)
			result = syslog_channel_check(&stream->channel, &stream->driver);
	}
	return result;
}

static void tell_slow(struct syslog_tcp *stream)
{
	if (clock_now_ms() - stream->progress >= SLOW_AFTER)
		driver_fail(&stream->driver, -ETIMEDOUT, "its server takes nothing");
	else
		driver_fail(&stream->driver, -EAGAIN, "its server is slow");
}

static unsigned int syslog_stream_send_entries(struct driver *driver, struct entry *const *entries,
					       unsigned int count)
{
	struct syslog_tcp *stream = (struct syslog_tcp *)driver;
	unsigned int done = 0;
	bool wary;
	int result;

	if (!is_ready(stream))
		return 0;
	wary = stream->breaks >= WARY_AFTER;
	result = send_until(stream, entries, wary ? 1 : count, &done, clock_now_ms() + SLICE);
	if (!result && wary)
		result = await_reaction(stream);
	if (result == -EAGAIN) {
		confirm_passed(stream);
		tell_slow(stream);
		return done;
	}
	if (result == -ENOMEM) {
		driver_fail(driver, result, NULL);
		return done;
	}
	driver_works(driver);
	syslog_stream_settle(stream, result);
	stream->calm += done;
	if (stream->calm >= CALM_AFTER && !result)
		stream->breaks = 0;
	if (done < count && !driver->error) /* there is nothing to wait for */
		driver_fail(driver, -EAGAIN, "its server closes connections");
	return done;
}

/* --- its life --------------------------------------------------------------------------------- */

static void syslog_stream_run(struct driver *driver)
{
	struct syslog_tcp *stream = (struct syslog_tcp *)driver;
	int result;

	if (stream->channel.fd < 0)
		return;
	result = syslog_channel_check(&stream->channel, &stream->driver);
	if (!result)
		result = syslog_stream_drain(stream, 0);
	syslog_stream_settle(stream, result == -EAGAIN ? 0 : result);
}

static void syslog_stream_finish(struct driver *driver)
{
	struct syslog_tcp *stream = (struct syslog_tcp *)driver;
	int result;

	if (stream->channel.fd < 0 || !stream->unconfirmed)
		return;
	result = syslog_stream_drain(stream, clock_now_ms() + FINISH_TIMEOUT);
	if (!result)
		result = syslog_channel_finish(&stream->channel, driver, FINISH_TIMEOUT);
	if (result && result != -EAGAIN)
		syslog_stream_settle(stream, result);
}

static void syslog_stream_close_driver(struct driver *driver)
{
	struct syslog_tcp *stream = (struct syslog_tcp *)driver;

	if (stream->channel.session)
		syslog_tls_end(stream->channel.session);
	syslog_channel_close(&stream->channel);
	SSL_CTX_free(stream->context);
	syslog_message_free(&stream->message);
	text_free(&stream->out);
	free(stream);
}

static const struct driver_ops ops = {
	.send = syslog_stream_send_entries,
	.run = syslog_stream_run,
	.finish = syslog_stream_finish,
	.close = syslog_stream_close_driver,
};

int syslog_stream_open(const struct sink_options *options, int stop, struct driver **ret,
		       char *reason, size_t size)
{
	struct syslog_tcp *stream = calloc(1, sizeof(*stream));
	int error = 0;

	if (!stream)
		return -ENOMEM;
	stream->driver = (struct driver){.ops = &ops, .options = options, .stop = stop};
	stream->channel.fd = -1;
	if (options->transport == TRANSPORT_TLS)
		error = syslog_tls_context_new(options, &stream->context, reason, size);
	if (error) {
		free(stream);
		return error;
	}
	*ret = &stream->driver;
	return 0;
}
