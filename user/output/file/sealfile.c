// SPDX-License-Identifier: Apache-2.0
/*
 * Two slots, a page apart, each with a generation and a hash over itself. A save goes to the older one; the other
 * is there until that is done, and is then overwritten as well where it holds an older key. A write that is torn
 * leaves one.
 *
 * The log is written first and saved then, so that it may be ahead of us after a crash. Its end is followed from
 * what was saved, line by line and seal by seal, and believed only as far as each fits: whoever can write to the
 * log could put there what they like while nobody looked.
 */
#include "output/file/sealfile.h"

#include <assert.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "base/wipe.h"
#include "broker/broker.h"
#include "chain/lines.h"
#include "chain/link.h"
#include "system/disk.h"
#include "system/own_file.h"

#define SLOTS 2
#define SLOT_DISTANCE 4096
#define MAGIC "callerd seals 1"

/* What is read of the log's end, in turn, until what was saved is found in it. */
#ifndef TAIL_MIN
#define TAIL_MIN (64ull << 10)
#define TAIL_MAX (256ull << 20)
#endif
#define TAIL_GROWTH 64

/* What hostile seals may cost, counted in keys that are made on the way to theirs: about a second. */
#ifndef WORK_MAX
#define WORK_MAX (8ll << 20)
#endif
#define WORK_OF_SEAL 1000 /* a public key and a signature */

/* On disk; little-endian. */
struct seal_slot {
	char magic[16];
	uint64_t generation, lines, seals, unsealed;
	unsigned char last[CHAIN_HASH_SIZE], seed[CHAIN_KEY_SIZE], first_key[CHAIN_KEY_SIZE];
	unsigned char hash[CHAIN_HASH_SIZE]; /* of all before */
};

static_assert(sizeof(MAGIC) == sizeof(((struct seal_slot *)0)->magic), "the NUL counts");
static_assert(sizeof(struct seal_slot) == 176, "no padding");

struct sealfile {
	int fd;
	unsigned int newest; /* slot */
	uint64_t generation;
	unsigned char seed[CHAIN_KEY_SIZE]; /* in the newest slot */
	bool old_key;			    /* the other slot may hold an older one */
};

/* A sentence for the administrator. */
struct say {
	char *text;
	size_t size;
};

__attribute__((format(printf, 2, 3))) static void sealfile_say(struct say *to, const char *format,
							       ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(to->text, to->size, format, arguments);
	va_end(arguments);
}

/* --- slots ------------------------------------------------------------------------------------ */

static int hash_slot(const struct seal_slot *slot, unsigned char ret[CHAIN_HASH_SIZE])
{
	return key_hash((struct bytes){(const char *)slot, offsetof(struct seal_slot, hash)}, ret);
}

static void wipe_slot(struct seal_slot *slot)
{
	explicit_bzero(slot, sizeof(*slot));
}

static int write_slot(struct sealfile *file, unsigned int index, uint64_t generation,
		      const struct chain *chain)
{
	_cleanup_(wipe_slot) struct seal_slot slot = {
		.magic = MAGIC,
		.generation = htole64(generation),
		.lines = htole64(chain->lines),
		.seals = htole64(chain->seals),
		.unsealed = htole64(chain->unsealed),
	};
	ssize_t size;
	int error;

	memcpy(slot.last, chain->last, sizeof(slot.last));
	memcpy(slot.seed, chain->seed, sizeof(slot.seed));
	if (!key_get_hex(chain->first_key, slot.first_key, sizeof(slot.first_key)))
		return -EINVAL;
	error = hash_slot(&slot, slot.hash);
	if (error)
		return error;
	size = pwrite(file->fd, &slot, sizeof(slot), index * SLOT_DISTANCE);
	return size == sizeof(slot) ? 0 : size < 0 ? -errno : -EIO;
}

static void chain_of_slot(const struct seal_slot *slot, struct chain *ret)
{
	*ret = (struct chain){
		.lines = le64toh(slot->lines),
		.seals = le64toh(slot->seals),
		.unsealed = le64toh(slot->unsealed),
	};
	memcpy(ret->last, slot->last, sizeof(ret->last));
	memcpy(ret->seed, slot->seed, sizeof(ret->seed));
	*key_put_hex(ret->first_key, slot->first_key, sizeof(slot->first_key)) = '\0';
}

static bool is_slot(const struct seal_slot *slot)
{
	unsigned char hash[CHAIN_HASH_SIZE];

	return !memcmp(slot->magic, MAGIC, sizeof(MAGIC)) && !hash_slot(slot, hash) &&
	       !memcmp(hash, slot->hash, sizeof(hash));
}

/* The newest of the slots that are whole; -EBADMSG where there is none. */
static int read_slots(struct sealfile *file, struct chain *ret)
{
	_cleanup_(wipe_slot) struct seal_slot slot = {0};
	int found = -EBADMSG;

	/* What the other one holds, and whether the last save came to it, is not known. */
	file->old_key = true;
	for (unsigned int i = 0; i < SLOTS; i++) {
		ssize_t size = pread(file->fd, &slot, sizeof(slot), i * SLOT_DISTANCE);

		if (size < 0)
			return -errno;
		if (size != sizeof(slot) || !is_slot(&slot) ||
		    (!found && le64toh(slot.generation) <= file->generation))
			continue;
		found = 0;
		file->newest = i;
		file->generation = le64toh(slot.generation);
		memcpy(file->seed, slot.seed, sizeof(file->seed));
		chain_of_slot(&slot, ret);
	}
	return found;
}

static int sealfile_sync_file(struct sealfile *file, bool sync)
{
	return sync && fdatasync(file->fd) ? -errno : 0;
}

int sealfile_save(struct sealfile *file, const struct chain *chain, bool sync)
{
	unsigned int older = (file->newest + 1) % SLOTS;
	int error = write_slot(file, older, file->generation + 1, chain);

	if (!error)
		error = sealfile_sync_file(file, sync);
	if (error)
		return error;
	if (memcmp(file->seed, chain->seed, sizeof(file->seed)) != 0)
		file->old_key = true;
	memcpy(file->seed, chain->seed, sizeof(file->seed));
	file->newest = older;
	file->generation++;
	if (!file->old_key)
		return 0;
	error = write_slot(file, (older + 1) % SLOTS, file->generation, chain);
	if (!error)
		error = sealfile_sync_file(file, sync);
	file->old_key = error != 0;
	return error;
}

/* --- the log's end ---------------------------------------------------------------------------- */

struct seal_walk {
	int fd;
	off_t at;
	struct chain *chain; /* as it was saved, and then as far as the log could be followed */
	bool found;	     /* what was saved, or something after it */
	uint64_t strange;    /* lines since, that are not of this chain */
	struct chain_link last;
	uint64_t lines;
	bool any_link;
	long long work;
};

static ssize_t read_log(void *data, char *to, size_t size)
{
	struct seal_walk *walk = data;
	ssize_t got = pread(walk->fd, to, size, walk->at);

	if (got < 0)
		return -errno;
	walk->at += got;
	return got;
}

static void sealfile_step(struct chain *chain, uint64_t line,
			  const unsigned char hash[CHAIN_HASH_SIZE])
{
	chain->lines = line;
	chain->unsealed++;
	memcpy(chain->last, hash, CHAIN_HASH_SIZE);
}

/* The key of seal number SEAL, which is not before the next one. */
static int seed_of(const struct chain *chain, uint64_t seal, unsigned char ret[CHAIN_KEY_SIZE])
{
	int error = 0;

	memcpy(ret, chain->seed, CHAIN_KEY_SIZE);
	for (uint64_t i = chain->seals; i < seal && !error; i++)
		error = key_evolve(ret);
	return error;
}

/* Whether SEED made the seal LINK of LINE. */
static bool made_by(const unsigned char seed[CHAIN_KEY_SIZE], const struct chain_link *link,
		    struct bytes line)
{
	unsigned char key[CHAIN_KEY_SIZE];

	return !key_public(seed, key) && !memcmp(key, link->key, sizeof(key)) &&
	       link_is_signed(link, line);
}

/* Goes on behind LINE if it is a seal of this chain and later than what is known: then all before it is, too,
 * whatever was in between. */
static bool follow_seal(struct seal_walk *walk, const struct chain_link *link, struct bytes line,
			const unsigned char hash[CHAIN_HASH_SIZE])
{
	struct chain *chain = walk->chain;
	unsigned char seed[CHAIN_KEY_SIZE];
	uint64_t distance = link->seal - chain->seals;
	bool good;

	if (link->line <= chain->lines || link->seal < chain->seals ||
	    distance > (uint64_t)(walk->work > 0 ? walk->work : 0))
		return false;
	good = !seed_of(chain, link->seal, seed) && made_by(seed, link, line) && !key_evolve(seed);
	if (good) {
		sealfile_step(chain, link->line, hash);
		chain->seals = link->seal + 1;
		chain->unsealed = 0;
		memcpy(chain->seed, seed, sizeof(seed));
	} else {
		walk->work -= (long long)distance + WORK_OF_SEAL;
	}
	explicit_bzero(seed, sizeof(seed));
	return good;
}

/* Whether LINE is of this chain, where it is known. */
static bool sealfile_follow(struct seal_walk *walk, const struct chain_link *link,
			    struct bytes line, const unsigned char hash[CHAIN_HASH_SIZE])
{
	struct chain *chain = walk->chain;

	if (link->kind == LINK_IS_SEAL)
		return follow_seal(walk, link, line, hash);
	/* The first line of a chain is a seal. */
	if (!chain->lines || !link_follows(link, chain->lines, chain->last))
		return false;
	sealfile_step(chain, link->line, hash);
	return true;
}

static int walk_line(struct seal_walk *walk, struct bytes line)
{
	struct chain *chain = walk->chain;
	unsigned char hash[CHAIN_HASH_SIZE];
	int error = key_hash(line, hash);

	if (error)
		return error;
	walk->lines++;
	walk->strange++;
	walk->last = (struct chain_link){0};
	if (line.size <= VERIFY_LINE_MAX)
		walk->last = link_read(line);
	if (walk->last.kind == LINK_IS_NONE)
		return 0;
	walk->any_link = true;
	if (sealfile_follow(walk, &walk->last, line, hash) ||
	    (walk->last.line == chain->lines && !memcmp(hash, chain->last, sizeof(hash)))) {
		walk->found = true;
		walk->strange = 0;
	}
	return 0;
}

/* Follows the chain through what the log has from the byte START on. */
static int walk_from(struct seal_walk *walk, off_t start)
{
	_cleanup_(lines_free) struct lines lines = {.read = read_log, .data = walk};
	bool complete, first = start > 0; /* of a line that began before */
	struct bytes line;
	int result;

	walk->at = start;
	walk->lines = walk->strange = 0;
	while ((result = lines_next(&lines, &line, &complete)) > 0 && complete) {
		if (!first)
			result = walk_line(walk, line);
		first = false;
		if (result < 0)
			break;
	}
	return result < 0 ? result : 0;
}

static int walk_log(struct seal_walk *walk)
{
	uint64_t tail = TAIL_MIN;
	struct stat info;
	int error;

	if (fstat(walk->fd, &info))
		return -errno;
	for (;; tail *= TAIL_GROWTH) {
		uint64_t size = (uint64_t)info.st_size < tail ? (uint64_t)info.st_size : tail;

		error = walk_from(walk, info.st_size - (off_t)size);
		if (error || walk->found || size == (uint64_t)info.st_size || tail >= TAIL_MAX)
			return error;
	}
}

/* Writes to TEXT how the log differs from what callerd left, if it does. */
static void say_what_is_wrong(const struct seal_walk *walk, uint64_t saved, const char *path,
			      struct say *text)
{
	if (!walk->strange || (!saved && !walk->any_link))
		return;
	if (!walk->found && walk->last.kind != LINK_IS_NONE && walk->last.line < walk->chain->lines)
		sealfile_say(text,
			     "%s ends with line %llu of its chain, before line %llu that was "
			     "written: it "
			     "was cut, or "
			     "the power failed",
			     path, (unsigned long long)walk->last.line,
			     (unsigned long long)walk->chain->lines);
	else
		sealfile_say(
			text,
			"%s does not end as callerd left it, with line %llu of its chain: `callerd "
			"verify` "
			"tells more",
			path, (unsigned long long)walk->chain->lines);
}

static int sealfile_find_end(const char *log_path, int log_fd, struct chain *chain,
			     struct say *text)
{
	struct seal_walk walk = {.fd = log_fd, .chain = chain, .work = WORK_MAX};
	uint64_t saved = chain->lines;
	int error = walk_log(&walk);

	if (error)
		sealfile_say(text, "cannot read %s: %s", log_path, strerror(-error));
	else
		say_what_is_wrong(&walk, saved, log_path, text);
	return error;
}

/* --- opening ---------------------------------------------------------------------------------- */

static int sealfile_check_file(int fd, const char *path, struct say *text)
{
	struct stat info;
	const char *fault;

	if (fstat(fd, &info))
		return -errno;
	fault = own_file_fault(&info, S_IFREG);
	if (fault) {
		sealfile_say(text, "the seal file %s %s", path, fault);
		return -EPERM;
	}
	if (info.st_mode & (S_IRGRP | S_IROTH) && broker_chmod(fd, 0600))
		return -errno;
	if (flock(fd, LOCK_EX | LOCK_NB)) {
		if (errno != EWOULDBLOCK)
			return -errno;
		sealfile_say(text, "the seal file %s is in use by another callerd", path);
		return -EBUSY;
	}
	return 0;
}

/* A descriptor; or -errno with the sentence in TEXT. */
static int sealfile_open_file(const char *path, struct say *text)
{
	_close_ int fd = broker_open(AT_FDCWD, path,
				     O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0600);
	int error = fd < 0 ? -errno : sealfile_check_file(fd, path, text);

	if (!error)
		return take_fd(fd);
	if (error == -ELOOP)
		sealfile_say(text, "the seal file %s is a symbolic link", path);
	else if (!*text->text)
		sealfile_say(text, "the seal file %s: %s", path, strerror(-error));
	return error;
}

/* Whether the log ends in a chain, which then is one that we know nothing of. */
static int has_chain(int log_fd, bool *ret)
{
	struct chain none = {0};
	struct seal_walk walk = {.fd = log_fd, .chain = &none};
	struct stat info;
	int error = fstat(log_fd, &info) ? -errno : 0;

	if (!error)
		error = walk_from(&walk, (uint64_t)info.st_size > TAIL_MIN
						 ? info.st_size - (off_t)TAIL_MIN
						 : 0);
	*ret = walk.any_link;
	return error;
}

static int sealfile_begin(struct sealfile *file, const char *path, bool damaged, int log_fd,
			  struct chain *chain, struct say *text)
{
	bool chained = false;
	int error = has_chain(log_fd, &chained);

	if (!error)
		error = chain_begin(chain);
	if (!error)
		error = sealfile_save(file, chain, true);
	if (error) {
		sealfile_say(text, "the seal file %s: %s", path, strerror(-error));
		return error;
	}
	disk_sync_name(path);
	if (damaged)
		sealfile_say(text, "the seal file %s is damaged: a new chain begins", path);
	else if (chained)
		sealfile_say(
			text,
			"the log has a chain, but its seal file %s is gone: a new chain begins",
			path);
	return 0;
}

/* Overwrites the older key at once: an earlier life may have ended before that. */
static int go_on(struct sealfile *file, const char *path, const char *log_path, int log_fd,
		 struct chain *chain, struct say *text)
{
	int error = sealfile_find_end(log_path, log_fd, chain, text);

	if (error)
		return error;
	error = sealfile_save(file, chain, true);
	if (error)
		sealfile_say(text, "cannot write the seal file %s: %s", path, strerror(-error));
	return error;
}

static int find_chain(struct sealfile *file, const char *path, const char *log_path, int log_fd,
		      struct chain *chain, struct say *text)
{
	struct stat info;
	int error = read_slots(file, chain);

	if (!error)
		return go_on(file, path, log_path, log_fd, chain, text);
	if (error == -EBADMSG && !fstat(file->fd, &info))
		return sealfile_begin(file, path, info.st_size > 0, log_fd, chain, text);
	sealfile_say(text, "cannot read the seal file %s: %s", path, strerror(-error));
	return error;
}

CLEANUP_DEFINE(drop_sealfile, struct sealfile *, sealfile_close)

int sealfile_open(const char *log_path, int log_fd, struct sealfile **ret, struct chain *chain,
		  bool *fresh, char *text, size_t text_size)
{
	_cleanup_(drop_sealfile) struct sealfile *file = NULL;
	struct say sentence = {text, text_size};
	char path[PATH_MAX];
	int error;

	*text = '\0';
	if ((size_t)snprintf(path, sizeof(path), "%s.seal", log_path) >= sizeof(path)) {
		sealfile_say(&sentence,
			     "there can be no seal file beside the log, whose path is too long: %s",
			     log_path);
		return -ENAMETOOLONG;
	}
	file = calloc(1, sizeof(*file));
	if (!file)
		return -ENOMEM;
	file->fd = sealfile_open_file(path, &sentence);
	error = file->fd < 0 ? file->fd
			     : find_chain(file, path, log_path, log_fd, chain, &sentence);
	if (error) {
		chain_wipe(chain);
		return error;
	}
	*fresh = !chain->lines;
	*ret = take_ptr(file);
	return 0;
}

void sealfile_close(struct sealfile *file)
{
	if (!file)
		return;
	cleanup_close(&file->fd);
	wipe_free(file, sizeof(*file));
}

int sealfile_peek(const char *path, struct chain *ret)
{
	_close_ int fd =
		broker_open(AT_FDCWD, path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0);
	struct sealfile file = {.fd = fd};
	int error = fd < 0 ? -errno : read_slots(&file, ret);

	explicit_bzero(&file, sizeof(file));
	if (!error)
		explicit_bzero(ret->seed, sizeof(ret->seed));
	return error;
}
