// SPDX-License-Identifier: Apache-2.0
#include "log/ahead.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "log/logfile.h"
#include "system/thread.h"

#define BLOCKS 6
#define BLOCK_SIZE ((size_t)256 << 10)
#define BLOCK_MAX (LINES_TAKEN_MAX + BLOCK_SIZE)
#define STACK_SIZE ((size_t)256 << 10)

/* Lines as they stand in the file. */
struct ahead_block {
	char *data;
	size_t size, room;
	bool torn; /* the file ends within the last one */
};

struct ahead {
	struct ahead_options options;
	struct logfile log;
	pthread_t reader, seer;
	pthread_mutex_t lock;
	pthread_cond_t moved;
	struct ahead_block blocks[BLOCKS];
	/* Under .lock. Blocks that were filled, those of them that were seen, and those of these that are free again: the others
	 * belong to who comes next. */
	unsigned int filled, seen, freed;
	bool unwanted; /* nobody wants more */
	bool over;     /* no more is filled */
	int error;     /* then: why it ended before the last line */
	/* Of the reader. */
	struct text rest; /* the beginning of a line, for the next block */
	bool overlong;	  /* the rest of the line is to be skipped */
	/* Of who takes the lines. */
	bool has_block;
	size_t at;
};

/* The line at *AT, which goes on behind it, as lines_next() has it. False: there is no more in BLOCK. */
static bool ahead_line(const struct ahead_block *block, size_t *at, struct bytes *ret,
		       bool *complete)
{
	const char *begin = block->data + *at, *end;
	size_t left = block->size - *at;

	if (!left)
		return false;
	end = memchr(begin, '\n', left);
	*complete = end || !block->torn;
	*ret = (struct bytes){begin, end ? (size_t)(end - begin) : left};
	*at += ret->size + (end != NULL);
	if (ret->size > LINES_TAKEN_MAX)
		ret->size = LINES_TAKEN_MAX;
	return true;
}

/* --- who reads -------------------------------------------------------------------------------- */

/* Waits until all but MAX of the filled blocks are free. False: nobody wants more. */
static bool ahead_await_room(struct ahead *ahead, unsigned int max)
{
	thread_guard(&ahead->lock);
	while (!ahead->unwanted && ahead->filled - ahead->freed > max)
		pthread_cond_wait(&ahead->moved, &ahead->lock);
	return !ahead->unwanted;
}

static void ahead_hand_over(struct ahead *ahead)
{
	thread_guard(&ahead->lock);
	ahead->filled++;
	if (!ahead->options.see)
		ahead->seen++;
	pthread_cond_broadcast(&ahead->moved);
}

/* 0; -ECANCELED: nobody wants it; -ENOMEM. */
static int ahead_make_room(struct ahead *ahead, struct ahead_block *block)
{
	size_t room = block->room ? 2 * block->room : BLOCK_SIZE;
	char *data;

	if (block->size < block->room)
		return 0;
	/* Of huge lines there is one at a time. */
	if (room > BLOCK_SIZE && !ahead_await_room(ahead, 0))
		return -ECANCELED;
	data = realloc(block->data, room < BLOCK_MAX ? room : BLOCK_MAX);
	if (!data)
		return -ENOMEM;
	block->data = data;
	block->room = room < BLOCK_MAX ? room : BLOCK_MAX;
	return 0;
}

/* Reads on to the end of BLOCK. Bytes that were read; 0: the end; -errno. */
static ssize_t ahead_read(struct ahead *ahead, struct ahead_block *block)
{
	int error = ahead_make_room(ahead, block);
	size_t room = block->room - block->size;
	ssize_t size;

	if (error)
		return error;
	/* Of what is behind a line little has to be kept. */
	size = ahead->log.lines.read(&ahead->log, block->data + block->size,
				     room < BLOCK_SIZE ? room : BLOCK_SIZE);
	if (size > 0)
		block->size += (size_t)size;
	return size;
}

/* Drops of BLOCK what belongs to the line that is too long. */
static void ahead_skip(struct ahead *ahead, struct ahead_block *block)
{
	const char *end = memchr(block->data, '\n', block->size);
	size_t gone = end ? (size_t)(end - block->data) + 1 : block->size;

	ahead->overlong = !end;
	block->size -= gone;
	memmove(block->data, block->data + gone, block->size);
}

/* Cuts BLOCK behind its last line, of which there is no end among the first OLD bytes. 1: it is one to hand over; 0; -ENOMEM. */
static int ahead_cut(struct ahead *ahead, struct ahead_block *block, size_t old)
{
	const char *end;
	size_t size;

	if (ahead->overlong)
		ahead_skip(ahead, block);
	end = block->size > old ? memrchr(block->data + old, '\n', block->size - old) : NULL;
	if (!end) {
		ahead->overlong |= block->size >= LINES_TAKEN_MAX;
		return block->size >= LINES_TAKEN_MAX;
	}
	size = (size_t)(end - block->data) + 1;
	text_add(&ahead->rest, block->data + size, block->size - size);
	block->size = size;
	return ahead->rest.error ?: 1;
}

/* Fills the next block. 1; 0: there are no more lines; -ECANCELED: nobody wants more; another -errno. */
static int ahead_fill(struct ahead *ahead)
{
	struct ahead_block *block = &ahead->blocks[ahead->filled % BLOCKS];
	ssize_t result;

	if (!ahead_await_room(ahead, BLOCKS - 1))
		return -ECANCELED;
	block->size = 0;
	result = ahead_make_room(ahead, block);
	if (result)
		return (int)result;
	if (ahead->rest.size) /* less than what was read at once */
		memcpy(block->data, ahead->rest.data, ahead->rest.size);
	block->size = ahead->rest.size;
	text_cut(&ahead->rest, 0);
	for (;;) {
		size_t old = block->size;
		int cut;

		result = ahead_read(ahead, block);
		if (result <= 0)
			break;
		cut = ahead_cut(ahead, block, old);
		if (cut)
			return cut;
	}
	block->torn = true;
	return result ? (int)result : block->size > 0;
}

static void *ahead_run(void *data)
{
	struct ahead *ahead = data;
	int result;

	while ((result = ahead_fill(ahead)) > 0)
		ahead_hand_over(ahead);
	thread_guard(&ahead->lock);
	ahead->over = true;
	ahead->error = result;
	pthread_cond_broadcast(&ahead->moved);
	return NULL;
}

/* --- who sees the lines ----------------------------------------------------------------------- */

/* Waits for a block that nobody saw. False: there will be none, or nobody wants it. */
static bool ahead_await_unseen(struct ahead *ahead)
{
	thread_guard(&ahead->lock);
	while (!ahead->unwanted && !ahead->over && ahead->filled == ahead->seen)
		pthread_cond_wait(&ahead->moved, &ahead->lock);
	return !ahead->unwanted && ahead->filled != ahead->seen;
}

static void *ahead_see(void *data)
{
	struct ahead *ahead = data;

	while (ahead_await_unseen(ahead)) {
		const struct ahead_block *block = &ahead->blocks[ahead->seen % BLOCKS];
		struct bytes line;
		bool complete;

		for (size_t at = 0; ahead_line(block, &at, &line, &complete);)
			ahead->options.see(ahead->options.data, line, complete);
		thread_guard(&ahead->lock);
		ahead->seen++;
		pthread_cond_broadcast(&ahead->moved);
	}
	return NULL;
}

/* --- who takes the lines ---------------------------------------------------------------------- */

bool ahead_suits(const char *path)
{
	struct stat info;

	return !(strcmp(path, "-") != 0 ? stat(path, &info) : fstat(STDIN_FILENO, &info)) &&
	       S_ISREG(info.st_mode);
}

/* The reader ends, wherever it is. */
static void ahead_end(struct ahead *ahead)
{
	pthread_mutex_lock(&ahead->lock);
	ahead->unwanted = true;
	pthread_cond_broadcast(&ahead->moved);
	pthread_mutex_unlock(&ahead->lock);
	pthread_join(ahead->reader, NULL);
}

static int ahead_start(struct ahead *ahead)
{
	int error = thread_start(&ahead->reader, STACK_SIZE, ahead_run, ahead);

	if (error || !ahead->options.see)
		return error;
	error = thread_start(&ahead->seer, STACK_SIZE, ahead_see, ahead);
	if (error)
		ahead_end(ahead);
	return error;
}

static void ahead_free(struct ahead *ahead)
{
	for (unsigned int i = 0; i < BLOCKS; i++)
		free(ahead->blocks[i].data);
	text_free(&ahead->rest);
	pthread_cond_destroy(&ahead->moved);
	pthread_mutex_destroy(&ahead->lock);
	logfile_close(&ahead->log);
	free(ahead);
}

int ahead_open(struct ahead **ret, const char *path, const struct ahead_options *options)
{
	struct ahead *ahead = calloc(1, sizeof(*ahead));
	int error = ahead ? logfile_open(&ahead->log, path, false) : -ENOMEM;

	if (error) {
		free(ahead);
		return error;
	}
	ahead->options = *options;
	pthread_mutex_init(&ahead->lock, NULL);
	pthread_cond_init(&ahead->moved, NULL);
	error = ahead_start(ahead);
	if (error)
		ahead_free(ahead);
	else
		*ret = ahead;
	return error;
}

/* Gives the block back whose lines were taken. */
static void ahead_free_block(struct ahead *ahead)
{
	struct ahead_block *block = &ahead->blocks[ahead->freed % BLOCKS];

	if (!ahead->has_block)
		return;
	if (block->room > BLOCK_SIZE) {
		free(block->data);
		*block = (struct ahead_block){0};
	}
	ahead->at = 0;
	ahead->has_block = false;
	thread_guard(&ahead->lock);
	ahead->freed++;
	pthread_cond_broadcast(&ahead->moved);
}

/* As ahead_next(): whether there is another block. */
static int ahead_take_block(struct ahead *ahead)
{
	ahead_free_block(ahead);
	thread_guard(&ahead->lock);
	while (ahead->seen == ahead->freed && !(ahead->over && ahead->filled == ahead->seen))
		pthread_cond_wait(&ahead->moved, &ahead->lock);
	ahead->has_block = ahead->seen != ahead->freed;
	return ahead->has_block ? 1 : ahead->error;
}

int ahead_next(struct ahead *ahead, struct bytes *ret)
{
	const struct ahead_block *block = &ahead->blocks[ahead->freed % BLOCKS];
	bool complete;
	int result = 1;

	while (result > 0 && !(ahead->has_block && ahead_line(block, &ahead->at, ret, &complete))) {
		result = ahead_take_block(ahead);
		block = &ahead->blocks[ahead->freed % BLOCKS];
	}
	return result;
}

struct bytes ahead_rest(struct ahead *ahead)
{
	const struct ahead_block *block = &ahead->blocks[ahead->freed % BLOCKS];
	struct bytes rest = {0};

	if (!ahead->has_block || block->size > LINES_TAKEN_MAX)
		return rest;
	rest = (struct bytes){block->data + ahead->at, block->size - ahead->at};
	ahead->at = block->size;
	return rest;
}

const char *ahead_error(const struct ahead *ahead)
{
	return ahead->log.error;
}

void ahead_close(struct ahead *ahead)
{
	if (!ahead)
		return;
	ahead_end(ahead);
	if (ahead->options.see)
		pthread_join(ahead->seer, NULL);
	ahead_free(ahead);
}
