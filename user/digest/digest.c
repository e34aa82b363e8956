// SPDX-License-Identifier: Apache-2.0
#include "digest/digest.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/hash.h"
#include "broker/broker.h"
#include "chain/key.h"

#define KEPT 1024
#define PATIENCE (10 * NS_PER_S)
#define RETRY (60 * NS_PER_S) /* until a file that could not be read is tried again */
#define ACCOUNTS 64
#define RELATIVES 3 /* processes above the caller that may have its root directory */

/* What is executed: a file as it was at a time. */
struct digest_key {
	struct callerd_node_key node;
	uint64_t changed;
};

struct kept_digest {
	struct digest_key key;
	bool asked;
	uint64_t due; /* CLOCK_BOOTTIME: when to try again, where it is not known */
	char digest[DIGEST_TEXT_SIZE]; /* empty: not known */
};

/* How much was read for one account in the present minute. */
struct digest_account {
	uint64_t account, bytes;
};

struct digests {
	struct beside *beside; /* NULL: nothing is read yet */
	bool reading;	       /* one file at a time: other work has the other threads beside */
	uint64_t seed;	       /* of the places: a user chooses what is hashed */
	struct digest_identity identity;
	uint64_t news;
	uint64_t minute, bytes; /* the present one, and what was read in it */
	struct digest_account accounts[ACCOUNTS];
	struct kept_digest kept[KEPT];
};

struct digest_question {
	struct job job;
	struct digests *digests; /* the loop alone uses it */
	struct digest_key key;
	uint32_t pid, relatives[RELATIVES]; /* 0: none */
	int fd;				    /* of the file, O_PATH */
	uint64_t tried;			    /* bytes of the file that was opened */
	struct broker_digest result;	    /* .size 0: there is none */
	char path[PATH_MAX];		    /* from the caller's root directory; empty: not known */
};

int digests_new(struct digests **ret)
{
	*ret = calloc(1, sizeof(**ret));
	if (*ret && getrandom(&(*ret)->seed, sizeof((*ret)->seed), 0) < 0)
		(*ret)->seed = clock_now(CLOCK_BOOTTIME);
	return *ret ? 0 : -ENOMEM;
}

void digests_free(struct digests *digests)
{
	free(digests);
}

void digests_read_beside(struct digests *digests, struct beside *beside,
			 struct digest_identity identity)
{
	digests->beside = beside;
	digests->identity = identity;
}

uint64_t digests_news(const struct digests *digests)
{
	return digests->news;
}

/* --- how much is read -------------------------------------------------------------------------- */

static void begin_minute(struct digests *digests, uint64_t now)
{
	uint64_t minute = now / (60 * NS_PER_S);

	if (minute == digests->minute)
		return;
	digests->minute = minute;
	digests->bytes = 0;
	memset(digests->accounts, 0, sizeof(digests->accounts));
}

/* The place of ACCOUNT; NULL: so many others have theirs that it can have none in this minute. */
static struct digest_account *digests_account(struct digests *digests, uint64_t account)
{
	for (unsigned int i = 0; i < ACCOUNTS; i++) {
		struct digest_account *place = &digests->accounts[i];

		if (place->bytes && place->account != account)
			continue;
		place->account = account;
		return place;
	}
	return NULL;
}

/* Before a file is read: whether ACCOUNT may have one more. */
static bool may_read(struct digests *digests, uint64_t account, uint64_t now)
{
	const struct digest_account *place;

	begin_minute(digests, now);
	place = digests_account(digests, account);
	return place && place->bytes < DIGEST_OF_ONE && digests->bytes < DIGEST_BUDGET;
}

static void count_read(struct digests *digests, uint64_t account, uint64_t bytes, uint64_t now)
{
	struct digest_account *place;

	begin_minute(digests, now);
	place = digests_account(digests, account);
	digests->bytes += bytes;
	if (place)
		place->bytes += bytes;
}

/* --- reading ----------------------------------------------------------------------------------- */

static uint64_t ns_of(struct timespec time)
{
	return (uint64_t)time.tv_sec * NS_PER_S + (uint64_t)time.tv_nsec;
}

/* The file, if it is one that seems to be meant: the kernel's word on that is asked for in the loop. */
static int open_meant(const struct digest_question *question, const char *path)
{
	_close_ int fd = broker_open(-1, path, O_PATH | O_CLOEXEC, 0);
	struct stat info;

	if (fd < 0 || fstat(fd, &info) || !S_ISREG(info.st_mode) ||
	    info.st_size > BROKER_DIGEST_MAX || info.st_ino != question->key.node.inode ||
	    ns_of(info.st_ctim) != question->key.changed)
		return -1;
	return take_fd(fd);
}

/* The process may have ended meanwhile; then the path is tried, of the host and from where those above it are. Whatever stands there, the
 * kernel says whether it is the file. */
static void run_digest(struct job *job)
{
	struct digest_question *question = (struct digest_question *)job;
	char link[32 + PATH_MAX];
	struct stat info;

	snprintf(link, sizeof(link), "/proc/%u/exe", question->pid);
	question->fd = open_meant(question, link);
	if (question->fd < 0 && question->path[0])
		question->fd = open_meant(question, question->path);
	for (int i = 0; question->fd < 0 && question->path[0] && i < RELATIVES; i++) {
		if (!question->relatives[i])
			continue;
		snprintf(link, sizeof(link), "/proc/%u/root%s", question->relatives[i],
			 question->path);
		question->fd = open_meant(question, link);
	}
	if (question->fd < 0)
		return;
	question->tried = fstat(question->fd, &info) ? BROKER_DIGEST_MAX : (uint64_t)info.st_size;
	if (broker_digest(question->fd, &question->result))
		question->result.size = 0;
}

static struct kept_digest *kept_place(struct digests *digests, const struct digest_key *key)
{
	return &digests->kept[hash_add_fast(digests->seed, key, sizeof(*key)) % KEPT];
}

static void take_digest(struct job *job, bool came, void *data)
{
	struct digest_question *question = (struct digest_question *)job;
	struct digests *digests = question->digests;
	struct kept_digest *kept = kept_place(digests, &question->key);
	struct callerd_node_key node = {0};
	uint64_t now = clock_now(CLOCK_BOOTTIME);

	(void)data;
	digests->reading = false;
	/* In vain, too: else whoever changes his file meanwhile has as much read as he likes. */
	if (!came || question->tried)
		count_read(digests, question->job.account,
			   came ? question->tried : BROKER_DIGEST_MAX, now);
	if (memcmp(&kept->key, &question->key, sizeof(kept->key)) != 0)
		return; /* another file has taken its place */
	kept->asked = false;
	if (!came || !question->result.size ||
	    ns_of(question->result.changed) != question->key.changed ||
	    digests->identity.identify(digests->identity.data, question->fd, &node) ||
	    memcmp(&node, &question->key.node, sizeof(node)) != 0)
		return;
	key_put_hex(kept->digest, question->result.digest, sizeof(question->result.digest));
	digests->news++;
}

static void free_digest_question(struct job *job)
{
	struct digest_question *question = (struct digest_question *)job;

	cleanup_close(&question->fd);
	free(question);
}

static void digests_ask(struct digests *digests, struct kept_digest *kept,
			const struct caller *caller, uint64_t now)
{
	struct digest_question *question;
	struct bytes path = caller->process.executable;

	kept->due = now + RETRY;
	if (digests->reading)
		kept->due = now + NS_PER_S / 4;
	if (digests->reading || !may_read(digests, caller->account, now))
		return;
	question = calloc(1, sizeof(*question));
	if (!question)
		return;
	question->job = (struct job){
		.run = run_digest,
		.done = take_digest,
		.free = free_digest_question,
		.account = caller->account,
		.patience = PATIENCE,
	};
	question->digests = digests;
	question->key = kept->key;
	question->pid = caller->process.pid;
	for (unsigned int i = 0; i < RELATIVES && i < caller->ancestor_count; i++)
		question->relatives[i] = caller->ancestors[i].pid;
	question->fd = -1;
	if (path.size < sizeof(question->path) && !memchr(path.data, '\0', path.size))
		memcpy(question->path, path.data, path.size);
	if (beside_put(digests->beside, &question->job, now))
		free_digest_question(&question->job);
	else
		kept->asked = digests->reading = true;
}

/* A change's time is that of the kernel's tick, or on some file systems of its second: two changes within one look like one. */
static uint64_t grain_of(uint64_t changed)
{
	return changed % NS_PER_S ? 20 * NS_PER_MS : 2 * NS_PER_S;
}

/* --- asking ------------------------------------------------------------------------------------ */

bool digests_find(struct digests *digests, const struct caller *caller, int64_t boot_to_real,
		  char ret[DIGEST_TEXT_SIZE])
{
	struct digest_key key;
	struct kept_digest *kept;
	uint64_t now;

	memset(&key, 0, sizeof(key)); /* padding is compared, too */
	key.node = caller_file(caller);
	key.changed = caller->executable_changed;
	if (!key.node.inode || !key.changed || !caller->process.start || caller->boot_id.size ||
	    key.changed + grain_of(key.changed) > clock_real(boot_to_real, caller->process.start))
		return false;
	kept = kept_place(digests, &key);
	if (memcmp(&kept->key, &key, sizeof(key)) != 0) {
		memset(kept, 0, sizeof(*kept));
		memcpy(&kept->key, &key, sizeof(key));
	}
	if (!kept->digest[0]) {
		now = clock_now(CLOCK_BOOTTIME);
		if (digests->beside && !kept->asked && now >= kept->due)
			digests_ask(digests, kept, caller, now);
		return false;
	}
	memcpy(ret, kept->digest, sizeof(kept->digest));
	return true;
}
