// SPDX-License-Identifier: Apache-2.0
/*
 * agent → queue → [spooler → spool →] sender → driver
 *
 * The sender is a thread that takes from the queue, or from the spool, and lives in its driver while that waits
 * for a disk or a network. The spooler is another one: the spool takes records while the sender waits.
 */
#include "output/sink.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "output/driver.h"
#include "output/store/queue.h"
#include "output/store/spool.h"
#include "record/record.h"
#include "system/thread.h"
#include "system/wake.h"

#define BATCH 128		/* entries at a time */
#define RUN_INTERVAL 1000	/* milliseconds */
#define PAUSE_FIRST 100		/* milliseconds after a failure; each next one twice as long */
#define PAUSE_MAX 5000		/* … up to here */
#define GRACE 1000		/* milliseconds for a thread to return in that is told to give up */
#define FLUSH_SIZE (256u << 10) /* bytes that are put before the sender is woken */
#define TELL_INTERVAL 60000	/* milliseconds between two messages about the same trouble */
#define STACK_SIZE (512u << 10)

struct thread {
	pthread_t id;
	bool running;
	bool ending; /* atomic: nothing more comes */
	struct wake wake;
};

/* Why something does not go; told once, and once that it goes again. */
struct trouble {
	char why[300];	  /* empty: it does */
	char untold[300]; /* a new reason; empty: none */
	bool told;	  /* the trouble was told, and its end was not */
	uint64_t told_at; /* ms; 0: never */
};

struct sink {
	struct sink_options options;
	struct driver *driver;
	struct queue *queue;
	struct spool *spool; /* NULL: none */
	struct store *store; /* what the sender takes from */
	struct thread sender, spooler;
	int stop;		       /* eventfd: give up */
	bool given_up, reopen, closed; /* atomic */
	uint64_t put;		       /* bytes, since the last flush */
	int spool_error;	       /* the spooler's: of the last sync */
	struct stat file;	       /* that it was opened with; st_ino 0: none */
	char seal_key[80];
	uint64_t started_run;	      /* ms: the sender's last run */
	struct callerd_output *tally; /* atomic; NULL: nobody wants to know */

	pthread_mutex_t lock; /* for what follows */
	uint64_t written, too_large, torn;
	struct trouble trouble, spool_trouble;
	char news[300]; /* something else to be told; empty: nothing */
};

static bool read_flag(const bool *flag)
{
	return __atomic_load_n(flag, __ATOMIC_ACQUIRE);
}

static void set_flag(bool *flag, bool value)
{
	__atomic_store_n(flag, value, __ATOMIC_RELEASE);
}

static void unref_all(struct entry **entries, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++)
		entry_unref(entries[i]);
}

/* Waits after a failure, each time longer. */
static void pause_after_failure(struct sink *sink, struct thread *thread, int *pause)
{
	uint64_t end = clock_now_ms() + *pause, now;

	*pause = *pause * 2 < PAUSE_MAX ? *pause * 2 : PAUSE_MAX;
	while ((now = clock_now_ms()) < end && !read_flag(&thread->ending) &&
	       !read_flag(&sink->reopen))
		wake_wait(&thread->wake, (unsigned int)(end - now));
	if (read_flag(&thread->ending) && !read_flag(&sink->given_up))
		wake_wait(&thread->wake, PAUSE_FIRST);
}

void sink_keep_tally(struct sink *sink, struct callerd_output *tally)
{
	__atomic_store_n(&sink->tally, tally, __ATOMIC_RELEASE);
}

/* COUNT records are where they outlive us, or their loss was told. */
void sink_settle(struct sink *sink, uint64_t count)
{
	struct callerd_output *tally = __atomic_load_n(&sink->tally, __ATOMIC_ACQUIRE);

	if (tally)
		__atomic_fetch_add(&tally->settled, count, __ATOMIC_RELAXED);
}

/* --- the sender ------------------------------------------------------------------------------- */

static void set_trouble(struct trouble *trouble, const char *why)
{
	if (!strcmp(trouble->why, why))
		return;
	snprintf(trouble->why, sizeof(trouble->why), "%s", why);
	if (*why)
		memcpy(trouble->untold, trouble->why, sizeof(trouble->untold));
}

/* Takes over what the driver says. */
static void take_word(struct sink *sink, unsigned int sent)
{
	struct driver *driver = sink->driver;
	const struct store_ops *ops = sink->store->ops;

	if (sent && !sink->spool) /* others were settled when they came into the spool */
		sink_settle(sink, sent);
	if (sent)
		ops->sent(sink->store, sent);
	if (driver->confirmed)
		ops->confirm(sink->store, driver->confirmed);
	if (driver->rewind)
		ops->rewind(sink->store);
	thread_guard(&sink->lock);
	sink->written += sent - driver->too_large;
	sink->too_large += driver->too_large;
	sink->torn += driver->torn;
	set_flag(&sink->closed, driver->error == -EPIPE);
	if (driver->error != -EAGAIN && driver->error != -EPIPE)
		set_trouble(&sink->trouble, driver->error ? driver->why : "");
	if (driver->news[0] && !sink->news[0]) {
		memcpy(sink->news, driver->news, sizeof(sink->news));
		driver->news[0] = '\0';
	}
	driver->confirmed = driver->too_large = driver->torn = 0;
	driver->rewind = false;
}

/* --- a place that the host does not have now -------------------------------------------------- */

/* Whether ERROR, of opening an output, may go while callerd runs: the disk's, not a mistake of whoever asked for the output. */
static bool may_go(int error)
{
	return error == -EROFS || error == -ENOSPC || error == -EDQUOT || error == -EIO;
}

static unsigned int closed_send(struct driver *driver, struct entry *const *entries,
				unsigned int count)
{
	return 0;
}

static void closed_close(struct driver *driver)
{
	free(driver);
}

/* In place of a driver that cannot be opened yet. */
static const struct driver_ops closed_ops = {.send = closed_send, .close = closed_close};

static int open_closed(struct sink *sink, int why, const char *reason)
{
	struct driver *driver = calloc(1, sizeof(*driver));

	if (!driver)
		return -ENOMEM;
	*driver = (struct driver){.ops = &closed_ops, .options = &sink->options, .error = why};
	snprintf(driver->why, sizeof(driver->why), "%s", reason);
	sink->driver = driver;
	return 0;
}

/* Calls the opener of the sink's kind. */
static int call_opener(struct sink *sink, struct driver **ret, char *reason, size_t size)
{
	static int (*const openers[])(const struct sink_options *, int, struct driver **, char *,
				      size_t) = {
		[SINK_STDOUT] = stdout_open,
		[SINK_FILE] = file_open,
		[SINK_SYSLOG] = syslog_open,
		[SINK_JOURNAL] = journald_open,
	};

	assert(sink->options.kind < COUNT(openers));
	return openers[sink->options.kind](&sink->options, sink->stop, ret, reason, size);
}

/* Keeps what the agent asks for later, when the driver is another thread's. */
static void sink_describe(struct sink *sink)
{
	const struct driver_ops *ops = sink->driver->ops;
	const char *key = ops->seal_key ? ops->seal_key(sink->driver) : NULL;

	thread_guard(&sink->lock);
	if (!ops->file || fstat(ops->file(sink->driver), &sink->file) ||
	    !S_ISREG(sink->file.st_mode))
		sink->file.st_ino = 0;
	if (key)
		snprintf(sink->seal_key, sizeof(sink->seal_key), "%s", key);
}

static void open_again(struct sink *sink)
{
	struct driver *closed = sink->driver;
	char reason[sizeof(closed->why)] = "";
	int error = call_opener(sink, &sink->driver, reason, sizeof(reason));

	if (error) {
		sink->driver = closed;
		closed->error = error;
		snprintf(closed->why, sizeof(closed->why), "%s", reason);
		return;
	}
	closed_close(closed);
	sink_describe(sink);
	if (sink->seal_key[0] && !sink->driver->news[0]) /* agent-started could not say it */
		snprintf(sink->driver->news, sizeof(sink->driver->news),
			 "%.200s is sealed from key %s", sink->options.name, sink->seal_key);
}

/* Has the driver do what is due about once a second, and what was asked for. */
static void run_driver(struct sink *sink)
{
	const struct driver_ops *ops = sink->driver->ops;
	uint64_t now = clock_now_ms();
	bool reopen = __atomic_exchange_n(&sink->reopen, false, __ATOMIC_ACQ_REL);

	if (reopen && ops->reopen)
		ops->reopen(sink->driver);
	else if (!reopen && now < sink->started_run + RUN_INTERVAL)
		return;
	sink->started_run = now;
	if (ops == &closed_ops)
		open_again(sink);
	else if (ops->run)
		ops->run(sink->driver);
	take_word(sink, 0);
}

/* Sends a batch; returns whether there is more to do at once. */
static bool sink_send_batch(struct sink *sink, int *pause)
{
	struct entry *batch[BATCH];
	unsigned int sent, count = sink->store->ops->peek(sink->store, batch, BATCH);

	if (!count)
		return false;
	sent = sink->driver->ops->send(sink->driver, batch, count);
	take_word(sink, sent);
	unref_all(batch, count);
	if (sent)
		*pause = PAUSE_FIRST;
	if ((!sent || sink->driver->error) && sink->driver->error != -EAGAIN &&
	    !read_flag(&sink->given_up))
		pause_after_failure(sink, &sink->sender, pause);
	return true;
}

/* Whether the sender has to leave what still waits. */
static bool is_over(const struct sink *sink)
{
	int error = sink->driver->error;

	if (read_flag(&sink->given_up))
		return true;
	return read_flag(&sink->sender.ending) && sink->spool && error && error != -EAGAIN;
}

static void *send_all(void *data)
{
	struct sink *sink = data;
	int pause = PAUSE_FIRST;

	thread_be_nice();
	for (;;) {
		bool ending = read_flag(&sink->sender.ending);

		run_driver(sink);
		if (is_over(sink))
			break;
		if (sink_send_batch(sink, &pause))
			continue;
		if (ending)
			break;
		wake_wait(&sink->sender.wake, RUN_INTERVAL);
	}
	if (sink->driver->ops->finish)
		sink->driver->ops->finish(sink->driver);
	take_word(sink, 0);
	return NULL;
}

/* --- the spooler ------------------------------------------------------------------------------ */

static void take_spool_word(struct sink *sink, int error)
{
	char why[256] = "";

	if (error)
		snprintf(why, sizeof(why), "cannot write the spool %s: %s", sink->options.spool,
			 strerror(-error));
	thread_guard(&sink->lock);
	set_trouble(&sink->spool_trouble, why);
}

/* Moves a batch; returns whether there is more to do at once. */
static bool spool_batch(struct sink *sink, int *pause)
{
	struct store *store = queue_store(sink->queue);
	struct entry *batch[BATCH];
	unsigned int done, count = store->ops->peek(store, batch, BATCH);
	int error = 0;

	if (!count)
		return false;
	done = spool_append(sink->spool, batch, count, &error);
	if (error == -EMSGSIZE) {
		pthread_mutex_lock(&sink->lock);
		sink->too_large++;
		pthread_mutex_unlock(&sink->lock);
		done++;
		error = 0;
	}
	sink_settle(sink, done);
	unref_all(batch, count);
	store->ops->sent(store, done);
	store->ops->confirm(store, done);
	take_spool_word(sink, error ?: sink->spool_error);
	if (done) {
		*pause = PAUSE_FIRST;
		wake_call(&sink->sender.wake);
	} else if (error) {
		pause_after_failure(sink, &sink->spooler, pause);
	} else { /* full: what comes waits in the queue, which drops what it has no room for */
		wake_wait(&sink->spooler.wake, PAUSE_FIRST);
	}
	return true;
}

/* Nothing more comes to THREAD. */
static void end_thread(struct thread *thread)
{
	set_flag(&thread->ending, true);
	wake_call(&thread->wake);
}

static void *spool_all(void *data)
{
	struct sink *sink = data;
	int pause = PAUSE_FIRST;
	uint64_t synced = clock_now_ms();

	thread_be_nice();
	while (!read_flag(&sink->given_up)) {
		bool ending = read_flag(&sink->spooler.ending);

		if (clock_now_ms() >= synced + RUN_INTERVAL) {
			synced = clock_now_ms();
			sink->spool_error = spool_sync(sink->spool);
			take_spool_word(sink, sink->spool_error);
		}
		if (spool_batch(sink, &pause))
			continue;
		if (ending)
			break;
		wake_wait(&sink->spooler.wake, RUN_INTERVAL);
	}
	end_thread(&sink->sender); /* nothing is moved to it any more */
	return NULL;
}

/* --- for the agent ---------------------------------------------------------------------------- */

void sink_put(struct sink *sink, struct entry *entry)
{
	if (sink->tally)
		sink->tally->handed++;
	queue_put(sink->queue, entry, entry->action == RECORD_RECORDS_LOST);
	sink->put += entry_bytes(entry);
	if (sink->put >=
	    FLUSH_SIZE) /* a burst must not fill the queue before anybody looks at it */
		sink_flush(sink);
}

bool sink_can_tell(struct sink *sink)
{
	return queue_has_urgent_room(sink->queue);
}

void sink_flush(struct sink *sink)
{
	if (!sink->put)
		return;
	sink->put = 0;
	wake_call(sink->spool ? &sink->spooler.wake : &sink->sender.wake);
}

void sink_reopen(struct sink *sink)
{
	set_flag(&sink->reopen, true);
	wake_call(&sink->sender.wake);
}

bool sink_is_closed(const struct sink *sink)
{
	return read_flag(&sink->closed);
}

void sink_stats(struct sink *sink, struct sink_stats *ret)
{
	struct store *queued = queue_store(sink->queue);

	pthread_mutex_lock(&sink->lock);
	*ret = (struct sink_stats){
		.lost[SINK_LOSS_TOO_LARGE] = sink->too_large,
		.lost[SINK_LOSS_TORN] = sink->torn,
		.written = sink->written,
	};
	pthread_mutex_unlock(&sink->lock);
	ret->lost[SINK_LOSS_FULL] = queue_dropped(sink->queue);
	ret->lost[SINK_LOSS_UNCONFIRMED] = sink->store->ops->unconfirmed(sink->store);
	ret->waiting = queued->ops->waiting(queued);
	if (sink->spool) {
		ret->lost[SINK_LOSS_DAMAGED] = spool_damaged(sink->spool);
		ret->waiting += sink->store->ops->waiting(sink->store);
	}
}

bool sink_take_loss(struct sink *sink, uint64_t *ret_account, uint64_t *ret_count)
{
	return queue_take_loss(sink->queue, ret_account, ret_count);
}

/* Writes to TEXT what is new of TROUBLE with NAME. A trouble that comes and goes is not told each time. */
static bool tell_trouble(struct trouble *trouble, const char *name, uint64_t queue_size, char *text,
			 size_t size)
{
	uint64_t now = clock_now_ms();

	if (trouble->told && !trouble->why[0]) {
		snprintf(text, size, "%s can be written again", name);
		trouble->told = false;
		trouble->untold[0] = '\0';
		return true;
	}
	if (!trouble->untold[0] || (trouble->told_at && now < trouble->told_at + TELL_INTERVAL))
		return false;
	snprintf(text, size, "%s; keeping up to %llu KiB of records in memory", trouble->untold,
		 (unsigned long long)(queue_size >> 10));
	trouble->told = true;
	trouble->told_at = now;
	trouble->untold[0] = '\0';
	return true;
}

bool sink_news(struct sink *sink, char *text, size_t size)
{
	uint64_t queue_size = sink->options.queue_size;

	thread_guard(&sink->lock);
	if (tell_trouble(&sink->trouble, sink->options.name, queue_size, text, size) ||
	    tell_trouble(&sink->spool_trouble, sink->options.spool, queue_size, text, size))
		return true;
	if (!sink->news[0])
		return false;
	snprintf(text, size, "%s", sink->news);
	sink->news[0] = '\0';
	return true;
}

bool sink_trouble(struct sink *sink, char *text, size_t size)
{
	const char *why;

	thread_guard(&sink->lock);
	why = sink->trouble.why[0] ? sink->trouble.why : sink->spool_trouble.why;
	snprintf(text, size, "%s", why);
	return *why;
}

const char *sink_seal_key(const struct sink *sink)
{
	thread_guard(&((struct sink *)sink)->lock);

	return sink->seal_key[0] ? sink->seal_key : NULL;
}

static struct stat file_of(const struct sink *sink)
{
	thread_guard(&((struct sink *)sink)->lock);

	return sink->file;
}

bool sink_same_file(const struct sink *a, const struct sink *b)
{
	struct stat of_a = file_of(a), of_b = file_of(b);

	/* Those that are not open yet are known by their names alone. */
	if (a->options.kind == SINK_FILE && b->options.kind == SINK_FILE &&
	    !strcmp(a->options.path, b->options.path))
		return true;
	return of_a.st_ino && of_a.st_dev == of_b.st_dev && of_a.st_ino == of_b.st_ino;
}

const char *sink_name(const struct sink *sink)
{
	return sink->options.name;
}

/* --- its life --------------------------------------------------------------------------------- */

static int open_driver(struct sink *sink, char *reason, size_t size)
{
	int error = call_opener(sink, &sink->driver, reason, size);

	if (may_go(error)) {
		error = open_closed(sink, error, reason);
		reason[0] = '\0';
	}
	if (error)
		return error;
	sink_describe(sink);
	take_word(sink, 0);
	return 0;
}

static int open_stores(struct sink *sink, char *reason, size_t size)
{
	const struct sink_options *options = &sink->options;
	int error;

	sink->queue = queue_new(options->queue_size, options->overflow == OVERFLOW_DROP_OLDEST);
	if (!sink->queue)
		return -ENOMEM;
	sink->store = queue_store(sink->queue);
	if (options->overflow != OVERFLOW_SPOOL)
		return 0;
	error = spool_open(options->spool, options->spool_size, &sink->spool, reason, size);
	if (may_go(error)) {
		snprintf(sink->spool_trouble.why, sizeof(sink->spool_trouble.why),
			 "%.200s; it is not tried again before a restart", reason);
		memcpy(sink->spool_trouble.untold, sink->spool_trouble.why,
		       sizeof(sink->spool_trouble.untold));
		sink->spool = NULL;
		reason[0] = '\0';
		return 0;
	}
	if (error)
		return error;
	sink->store = spool_store(sink->spool);
	snprintf(sink->news, sizeof(sink->news), "%s", reason); /* not as it was left */
	reason[0] = '\0';
	return 0;
}

static int sink_start(struct sink *sink, struct thread *thread, void *(*run)(void *))
{
	int error = thread_start(&thread->id, STACK_SIZE, run, sink);

	thread->running = !error;
	return error;
}

static void drop_sink(struct sink **sink)
{
	uint64_t left;

	sink_close(*sink, 0, &left);
}

int sink_open(const struct sink_options *options, struct sink **ret, char *reason,
	      size_t reason_size)
{
	_cleanup_(drop_sink) struct sink *sink = calloc(1, sizeof(*sink));
	int error;

	if (!sink)
		return -ENOMEM;
	sink->options = *options;
	pthread_mutex_init(&sink->lock, NULL);
	wake_init(&sink->sender.wake);
	wake_init(&sink->spooler.wake);
	sink->stop = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (sink->stop < 0)
		return -errno;
	error = open_stores(sink, reason, reason_size)
			?: open_driver(sink, reason, reason_size)
			?: sink_start(sink, &sink->sender, send_all);
	if (!error && sink->spool)
		error = sink_start(sink, &sink->spooler, spool_all);
	if (!error)
		*ret = take_ptr(sink);
	return error;
}

/* Whether THREAD ended, until UNTIL in ms. */
static bool sink_join(struct thread *thread, uint64_t until)
{
	uint64_t now = clock_now_ms();
	struct timespec end = thread_deadline(now < until ? (unsigned int)(until - now) : 0);

	if (!thread->running)
		return true;
	thread->running = pthread_clockjoin_np(thread->id, NULL, CLOCK_MONOTONIC, &end) != 0;
	return !thread->running;
}

/* Tells the threads that nothing more comes; the spooler tells the sender. */
static void sink_end(struct sink *sink)
{
	end_thread(sink->spooler.running ? &sink->spooler : &sink->sender);
}

static void sink_give_up(struct sink *sink)
{
	set_flag(&sink->given_up, true);
	eventfd_write(sink->stop, 1);
	wake_call(&sink->spooler.wake);
	wake_call(&sink->sender.wake);
}

/* Whether the threads ended, until UNTIL in ms. */
static bool sink_has_ended(struct sink *sink, uint64_t until)
{
	return sink_join(&sink->spooler, until) && sink_join(&sink->sender, until);
}

/* Ends the threads of all: side by side, so that those that wait do so at the same time. ENDED: false where one of them hangs in
 * a disk that does not answer. */
static void end_threads(struct sink *const *sinks, unsigned int count, int milliseconds,
			bool *ended)
{
	uint64_t end = clock_now_ms() + (milliseconds > 0 ? milliseconds : 0);

	for (unsigned int i = 0; i < count; i++)
		if (sinks[i])
			sink_end(sinks[i]);
	for (unsigned int i = 0; i < count; i++)
		ended[i] = !sinks[i] || sink_has_ended(sinks[i], end);
	for (unsigned int i = 0; i < count; i++)
		if (!ended[i])
			sink_give_up(sinks[i]);
	end = clock_now_ms() + GRACE;
	for (unsigned int i = 0; i < count; i++)
		ended[i] = ended[i] || sink_has_ended(sinks[i], end);
}

static void free_sink(struct sink *sink)
{
	if (sink->driver)
		sink->driver->ops->close(sink->driver);
	if (sink->spool)
		spool_close(sink->spool);
	queue_free(sink->queue);
	cleanup_close(&sink->stop);
	wake_destroy(&sink->spooler.wake);
	wake_destroy(&sink->sender.wake);
	pthread_mutex_destroy(&sink->lock);
	free(sink);
}

void sink_close_all(struct sink *const *sinks, unsigned int count, int milliseconds, uint64_t *left,
		    bool *ended)
{
	end_threads(sinks, count, milliseconds, ended);
	for (unsigned int i = 0; i < count; i++) {
		struct sink *sink = sinks[i];

		left[i] = 0;
		if (sink && sink->queue)
			left[i] = queue_store(sink->queue)->ops->waiting(queue_store(sink->queue));
		if (sink && ended[i])
			free_sink(sink);
	}
}

bool sink_close(struct sink *sink, int milliseconds, uint64_t *left)
{
	bool ended;

	sink_close_all(&sink, 1, milliseconds, left, &ended);
	return ended;
}
