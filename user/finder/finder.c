// SPDX-License-Identifier: Apache-2.0
#include "finder/finder.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/hash.h"
#include "finder/ask.h"
#include "finder/scan.h"

/* Accounts of no user. Whoever has many accounts of users has one here. */
#define SCAN_ACCOUNT (UINT64_MAX - 3000)
#define ASK_ACCOUNT (UINT64_MAX - 3001)
#define ASK_USERS_ACCOUNT (UINT64_MAX - 3002)
#define PATIENCE (10 * NS_PER_S)

/* An engine that has just begun to listen may take a while to answer. A user's own one must not keep
 * the threads from others. */
#define ASK_TIME (5 * NS_PER_S)
#define ASK_TIME_OF_USER (2 * NS_PER_S)
#define ASK_AGAIN (5 * NS_PER_S) /* and twice as long each further time */
#define TRIES_MAX 8
#define TRIES_OF_USER_MAX 2

#define LOOK_INTERVAL (30 * NS_PER_S)
#define LOOK_GAP (2 * NS_PER_S) /* between looks, at least */
/* Whoever may start programs can give reasons to look: so many looks follow each other, and then one
 * may in that time. */
#define LOOKS_MAX 8
#define LOOKS_REFILL (10 * NS_PER_S)
/* An engine that was started listens some seconds later: looks after 1, 3, 7 and 15 s. */
#define FOLLOW_UPS 4
#define FOLLOW_UP_FIRST NS_PER_S

#define EVENTS_READ 16 /* of 4 KiB, in one finder_run() */

/* A door that was found. */
struct known_door {
	struct door door;
	struct ask_answer answer;
	uint64_t serial;    /* 0: free */
	bool present;	    /* at the last look */
	bool asking, asked; /* the engine */
	bool again;	    /* it changed while it was asked */
	unsigned int tries;
	uint64_t ask_at; /* once more; 0: not again */
	int unwatched;	 /* why it is not watched, as -errno; 0: it is */
	uint64_t told;	 /* a hash of what was told; 0: nothing */
};

struct finder {
	struct finder_options options;
	int watches; /* inotify; -1: none */
	struct known_door *known[SCAN_DOORS_MAX];
	uint64_t last_serial;
	unsigned int left_out;
	bool looking, settled, due;
	unsigned int follow_ups;
	unsigned int looks_left;
	uint64_t started, next_look, next_interval, next_refill, follow_up_at, follow_up_gap;
};

struct finder_look {
	struct job job;
	struct finder *finder;
	const char *const *sockets;
	int watches;
	struct scan scan;
};

struct finder_question {
	struct job job;
	struct finder *finder;
	uint64_t serial;
	char socket[LISTENING_SIZE];
	uint64_t time;
	struct ask_answer answer;
};

/* --- records ---------------------------------------------------------------------------------- */

static const char *word_of_tls(const struct door *door)
{
	static const char *const words[] = {
		[TOLD_TLS_UNKNOWN] = "unknown",
		[TOLD_TLS_NONE] = "none",
		[TOLD_TLS_ENCRYPTED] = "encrypted",
		[TOLD_TLS_VERIFIED] = "client-certificates",
	};

	return door->tcp ? words[door->tls] : NULL;
}

static const char *why_unanswered(const struct finder *finder, const struct known_door *known)
{
	if (known->door.tcp)
		return "callerd asks no engine over TCP";
	if (!finder->options.ask)
		return "callerd is told not to ask engines";
	if (!known->asked)
		return "the engine does not run: it is asked when it does";
	if (known->answer.error)
		return strerrordesc_np(-known->answer.error) ?: "it did not answer";
	return known->answer.has_info ? NULL : "it did not answer /info";
}

static const char *why_unwatched(const struct known_door *known)
{
	switch (known->unwatched) {
	case 0:
		return NULL;
	case -EOPNOTSUPP:
		return "callerd's kernel programs do not see TCP on this kernel";
	case -ENOENT:
		return "the kernel has not shown the socket that listens there";
	case -EPROTONOSUPPORT:
		return "the engine listens by MPTCP, which callerd does not see yet";
	case -EADDRINUSE:
		return "an engine in another network namespace listens at the same address";
	case -ENOSPC:
		return "there are more sockets than callerd can watch";
	}
	return strerrordesc_np(-known->unwatched)
		       ?: "the socket that listens there could not be marked";
}

/* How grave it is that an engine listens on TCP. The account of one user is less than the host. */
static enum finding_severity gravity_of_door(const struct door *door)
{
	bool verified = door->tls == TOLD_TLS_VERIFIED;

	if (door->uid)
		return verified ? SEVERITY_LOW : SEVERITY_MEDIUM;
	if (door->tls == TOLD_TLS_UNKNOWN)
		return SEVERITY_HIGH;
	return verified ? SEVERITY_LOW : SEVERITY_CRITICAL;
}

static const char *detail_of(const struct door *door)
{
	switch (door->tls) {
	case TOLD_TLS_NONE:
		return "without TLS, to everybody who reaches the port";
	case TOLD_TLS_ENCRYPTED:
		return "with TLS, but clients need no certificate";
	case TOLD_TLS_VERIFIED:
		return "with TLS, to clients with a certificate";
	default:
		return "it is not known whether clients need a certificate";
	}
}

static void point_to(const struct ask_list *list, struct bytes to[ASK_LIST_MAX])
{
	for (unsigned int i = 0; i < list->count; i++)
		to[i] = bytes_of(list->texts[i]);
}

static void describe_answer(const struct ask_answer *answer, struct record_engine *engine)
{
	engine->brand = answer->has_version ? answer->brand : engine->brand;
	engine->version = bytes_of(answer->version);
	engine->api_version = bytes_of(answer->api_version);
	engine->root_directory = bytes_of(answer->root_directory);
	engine->cgroup_driver = bytes_of(answer->cgroup_driver);
	engine->plugin_count = answer->plugins.count;
	engine->security_count = answer->security.count;
	engine->rootless = ask_has_option(answer, "rootless");
	engine->userns_remap = ask_has_option(answer, "userns");
	engine->live_restore = answer->live_restore;
}

static void tell_door(struct finder *finder, const struct known_door *known,
		      enum record_action action)
{
	const struct finder_options *options = &finder->options;
	const struct door *door = &known->door;
	char address[LISTENING_SIZE + 8], detail[512];
	struct bytes plugins[ASK_LIST_MAX], security[ASK_LIST_MAX];
	struct record_server server = {
		.pid = door->pid,
		.uid = door->uid,
		.start = door->start,
		.executable = bytes_of(door->executable),
	};
	struct record_engine engine = {
		.found = door->found,
		.watched = !known->unwatched,
		.unwatched = why_unwatched(known),
		.tls = word_of_tls(door),
		.foreign_program = door->foreign_program,
		.unconfirmed = door->unconfirmed,
		.unanswered = why_unanswered(finder, known),
		.brand = door->brand,
		.plugins = plugins,
		.security = security,
	};
	struct finding finding = {.id = FINDING_ENGINE_TCP, .severity = gravity_of_door(door)};
	struct record record = {
		.action = action,
		.time = clock_now(CLOCK_BOOTTIME),
		.engine = &engine,
		.server = door->pid ? &server : NULL,
		.api = {.findings = &finding},
	};

	snprintf(address, sizeof(address), "%s://%s", door->tcp ? "tcp" : "unix", door->text);
	engine.address = bytes_of(address);
	point_to(&known->answer.plugins, plugins);
	point_to(&known->answer.security, security);
	describe_answer(&known->answer, &engine);
	if (!door->tcp)
		record.connection.socket = bytes_of(door->text);
	if (door->tcp && action == RECORD_ENGINE_FOUND) {
		snprintf(detail, sizeof(detail), "%s, %s", address, detail_of(door));
		finding.detail = bytes_of(detail);
		finding.severity = options->severity(options->data, finding.id, finding.severity);
		record.api.finding_count = finding.severity != SEVERITY_NONE;
	}
	options->record(options->data, &record);
}

static uint64_t hash_of(const struct known_door *known)
{
	uint64_t hash = hash_add(HASH_START, &known->answer, sizeof(known->answer));
	bool watched = !known->unwatched;

	hash = hash_add(hash, &known->door.pid, sizeof(known->door.pid));
	hash = hash_add(hash, &known->door.start, sizeof(known->door.start));
	hash = hash_add(hash, &known->door.tls, sizeof(known->door.tls));
	hash = hash_add(hash, &watched, sizeof(watched));
	return hash ?: 1;
}

static void tell_found(struct finder *finder, struct known_door *known)
{
	uint64_t hash = hash_of(known);

	if (known->told == hash)
		return;
	known->told = hash;
	tell_door(finder, known, RECORD_ENGINE_FOUND);
}

static void tell_gone(struct finder *finder, struct known_door *known)
{
	if (known->told)
		tell_door(finder, known, RECORD_ENGINE_GONE);
	known->told = 0;
}

/* --- questions -------------------------------------------------------------------------------- */

static void run_asking(struct job *job)
{
	struct finder_question *question = (struct finder_question *)job;

	ask_engine(question->socket, question->time, &question->answer);
}

static void free_asking(struct job *job)
{
	free(job);
}

static struct known_door *find_serial(struct finder *finder, uint64_t serial)
{
	for (unsigned int i = 0; i < SCAN_DOORS_MAX; i++)
		if (finder->known[i] && finder->known[i]->serial == serial)
			return finder->known[i];
	return NULL;
}

static void ask_door(struct finder *finder, struct known_door *known, uint64_t now);

/* Has an engine that did not answer asked again. */
static void plan_another(struct known_door *known)
{
	unsigned int most = known->door.uid ? TRIES_OF_USER_MAX : TRIES_MAX;
	bool answered = !known->answer.error && known->answer.has_info;

	known->ask_at = 0;
	if (!answered && known->door.pid && ++known->tries < most)
		known->ask_at = clock_now(CLOCK_BOOTTIME) + (ASK_AGAIN << (known->tries - 1));
}

static void ask_again(struct finder *finder, uint64_t now)
{
	for (unsigned int i = 0; i < SCAN_DOORS_MAX; i++) {
		struct known_door *known = finder->known[i];

		if (!known || !known->ask_at || now < known->ask_at)
			continue;
		known->ask_at = 0;
		ask_door(finder, known, now);
	}
}

static void end_asking(struct job *job, bool came, void *data)
{
	const struct finder_question *question = (struct finder_question *)job;
	struct finder *finder = question->finder;
	struct known_door *known = find_serial(finder, question->serial);

	(void)data;
	if (!known)
		return;
	known->asking = false;
	if (known->again) {
		known->again = false;
		ask_door(finder, known, clock_now(CLOCK_BOOTTIME));
		return;
	}
	known->asked = true;
	memset(&known->answer, 0, sizeof(known->answer));
	if (came)
		known->answer = question->answer;
	else
		known->answer.error = -ETIMEDOUT;
	plan_another(known);
	/* What nobody listens at is no door, unless a process was seen that does. */
	if (!known->door.pid &&
	    (known->answer.error == -ECONNREFUSED || known->answer.error == -ENOENT))
		tell_gone(finder, known);
	else
		tell_found(finder, known);
}

static void ask_door(struct finder *finder, struct known_door *known, uint64_t now)
{
	const struct door *door = &known->door;
	struct finder_question *question;

	if (known->asking) {
		known->again = true;
		return;
	}
	/* A connect would start an engine that systemd listens for. For those of root the inventory
	 * connects all the same. */
	if (door->tcp || !finder->options.ask || (!door->pid && door->uid)) {
		known->asked = false;
		memset(&known->answer, 0, sizeof(known->answer));
		tell_found(finder, known);
		return;
	}
	question = calloc(1, sizeof(*question));
	if (!question)
		return;
	question->job = (struct job){
		.run = run_asking,
		.done = end_asking,
		.free = free_asking,
		.account = door->uid ? ASK_USERS_ACCOUNT : ASK_ACCOUNT,
		.patience = PATIENCE,
	};
	question->finder = finder;
	question->serial = known->serial;
	question->time = door->uid ? ASK_TIME_OF_USER : ASK_TIME;
	memcpy(question->socket, door->text, sizeof(question->socket));
	known->asking = !beside_put(finder->options.beside, &question->job, now);
	if (known->asking)
		return;
	free_asking(&question->job);
	known->asked = true;
	memset(&known->answer, 0, sizeof(known->answer));
	known->answer.error = -EBUSY;
	plan_another(known);
	tell_found(finder, known);
}

/* --- looks ------------------------------------------------------------------------------------ */

static struct known_door *find_known(struct finder *finder, const struct door *door)
{
	for (unsigned int i = 0; i < SCAN_DOORS_MAX; i++) {
		struct known_door *known = finder->known[i];

		if (known && known->door.tcp == door->tcp &&
		    !strcmp(known->door.text, door->text) &&
		    (!door->tcp || known->door.pid == door->pid))
			return known;
	}
	return NULL;
}

static struct known_door *add_known(struct finder *finder)
{
	for (unsigned int i = 0; i < SCAN_DOORS_MAX; i++) {
		if (finder->known[i])
			continue;
		finder->known[i] = calloc(1, sizeof(*finder->known[i]));
		if (finder->known[i])
			finder->known[i]->serial = ++finder->last_serial;
		return finder->known[i];
	}
	return NULL;
}

static bool is_same_door(const struct door *a, const struct door *b)
{
	return a->pid == b->pid && a->start == b->start && a->uid == b->uid &&
	       a->device == b->device && a->inode == b->inode && a->found == b->found &&
	       a->tls == b->tls;
}

static int watch_port(const struct finder *finder, const struct door *door, const struct scan *scan)
{
	struct finder_port port = {
		.text = door->text,
		.pid = door->pid,
		.owner = door->uid,
		.brand = door->brand,
		.tls = door->tls == TOLD_TLS_ENCRYPTED || door->tls == TOLD_TLS_VERIFIED,
	};

	for (unsigned int i = 0; i < scan->count && !port.socket; i++)
		if (!scan->doors[i].tcp && door->pid && scan->doors[i].pid == door->pid)
			port.socket = scan->doors[i].text;
	return finder->options.watch_port(finder->options.data, &port);
}

/* A port is watched again at each look: connections that waited to be accepted when it was found are among the files of the
 * process later, and where it could not be watched there may be room by now. */
static void take_door(struct finder *finder, const struct door *door, const struct scan *scan,
		      uint64_t now)
{
	const struct finder_options *options = &finder->options;
	struct known_door *known = find_known(finder, door);

	if (!door->listens || (known && !door->tcp && is_same_door(&known->door, door)))
		return;
	known = known ?: add_known(finder);
	if (!known) {
		finder->left_out++;
		return;
	}
	known->door = *door;
	known->tries = 0;
	known->unwatched =
		door->tcp ? watch_port(finder, door, scan)
			  : options->watch(options->data, door->text, door->uid, door->brand);
	ask_door(finder, known, now);
}

static void drop_absent(struct finder *finder, const struct scan *scan)
{
	for (unsigned int i = 0; i < SCAN_DOORS_MAX; i++)
		if (finder->known[i])
			finder->known[i]->present = false;
	for (unsigned int i = 0; i < scan->count; i++) {
		struct known_door *known = find_known(finder, &scan->doors[i]);

		if (known)
			known->present = scan->doors[i].listens;
	}
	for (unsigned int i = 0; i < SCAN_DOORS_MAX; i++) {
		struct known_door *known = finder->known[i];

		if (!known || known->present)
			continue;
		tell_gone(finder, known);
		if (known->door.tcp && !known->unwatched)
			finder->options.leave_port(finder->options.data, known->door.text,
						   known->door.uid);
		free(known);
		finder->known[i] = NULL;
	}
}

static void take_scan(struct finder *finder, const struct scan *scan, uint64_t now)
{
	finder->left_out = scan->left_out;
	drop_absent(finder, scan); /* makes room for the others */
	/* Sockets first: what listens on TCP as well is one of their engines. */
	for (unsigned int i = 0; i < scan->count; i++)
		if (!scan->doors[i].tcp)
			take_door(finder, &scan->doors[i], scan, now);
	for (unsigned int i = 0; i < scan->count; i++)
		if (scan->doors[i].tcp)
			take_door(finder, &scan->doors[i], scan, now);
}

static void run_scan(struct job *job)
{
	struct finder_look *look = (struct finder_look *)job;

	scan_host(&look->scan, look->sockets, look->watches);
}

static void end_scan(struct job *job, bool came, void *data)
{
	const struct finder_look *look = (struct finder_look *)job;
	struct finder *finder = look->finder;
	uint64_t now = clock_now(CLOCK_BOOTTIME);

	(void)data;
	finder->looking = false;
	if (came)
		take_scan(finder, &look->scan, now);
	finder->settled = true;
	finder->next_look = now + LOOK_GAP;
	finder->next_interval = now + LOOK_INTERVAL;
}

static void free_scan(struct job *job)
{
	free(job);
}

static void look_around(struct finder *finder, uint64_t now)
{
	struct finder_look *look = calloc(1, sizeof(*look));

	if (!look)
		return;
	look->job = (struct job){
		.run = run_scan,
		.done = end_scan,
		.free = free_scan,
		.account = SCAN_ACCOUNT,
		.patience = PATIENCE,
	};
	look->finder = finder;
	look->sockets = finder->options.sockets;
	look->watches = finder->watches;
	finder->looking = !beside_put(finder->options.beside, &look->job, now);
	if (!finder->looking) {
		free_scan(&look->job);
		return;
	}
	finder->due = false;
	finder->looks_left--;
}

/* Whether a name has changed that counts. Users can change names as often as they like: that many
 * are read, and the rest a second later. */
static bool has_changes(const struct finder *finder)
{
	union {
		struct inotify_event event;
		char bytes[4096];
	} buffer;
	bool counts = false;

	for (int i = 0; finder->watches >= 0 && i < EVENTS_READ; i++) {
		ssize_t size = read(finder->watches, &buffer, sizeof(buffer));

		for (ssize_t at = 0; at < size;) {
			const struct inotify_event *event = (const void *)(buffer.bytes + at);

			counts |= event->mask & (IN_Q_OVERFLOW | IN_IGNORED) ||
				  (event->len && scan_name_counts(event->name));
			at += (ssize_t)(sizeof(*event) + event->len);
		}
		if (size <= 0)
			break;
	}
	return counts;
}

void finder_run(struct finder *finder, uint64_t now)
{
	uint64_t started;

	if (!finder)
		return;
	started = finder->options.started(finder->options.data);
	if (started != finder->started) {
		finder->started = started;
		finder->follow_ups = FOLLOW_UPS;
		finder->follow_up_gap = FOLLOW_UP_FIRST;
		finder->follow_up_at = now + FOLLOW_UP_FIRST;
	}
	ask_again(finder, now);
	if (finder->follow_ups && now >= finder->follow_up_at) {
		finder->follow_ups--;
		finder->follow_up_gap *= 2;
		finder->follow_up_at = now + finder->follow_up_gap;
		finder->due = true;
	}
	finder->due |= has_changes(finder) || now >= finder->next_interval;
	if (finder->looks_left < LOOKS_MAX && now >= finder->next_refill) {
		finder->looks_left++;
		finder->next_refill = now + LOOKS_REFILL;
	}
	if (finder->due && finder->looks_left && !finder->looking && now >= finder->next_look)
		look_around(finder, now);
}

/* --- the whole -------------------------------------------------------------------------------- */

int finder_new(const struct finder_options *options, struct finder **ret)
{
	struct finder *finder = calloc(1, sizeof(*finder));

	if (!finder)
		return -ENOMEM;
	finder->options = *options;
	finder->watches = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	finder->started = options->started(options->data);
	finder->looks_left = LOOKS_MAX;
	*ret = finder;
	return 0;
}

void finder_free(struct finder *finder)
{
	if (!finder)
		return;
	for (unsigned int i = 0; i < SCAN_DOORS_MAX; i++)
		free(finder->known[i]);
	cleanup_close(&finder->watches);
	free(finder);
}

bool finder_settled(const struct finder *finder)
{
	return !finder || finder->settled;
}

unsigned int finder_left_out(const struct finder *finder)
{
	return finder ? finder->left_out : 0;
}
