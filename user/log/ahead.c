// SPDX-License-Identifier: Apache-2.0
#include "log/ahead.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "log/logfile.h"
#include "system/thread.h"

#define BLOCKS 4
#define BLOCK_SIZE ((size_t)256 << 10)
#define STACK_SIZE ((size_t)256 << 10)

/* Lines, each behind its size. */
struct ahead_block {
	char *data;
	size_t size, room;
};

struct ahead {
	struct ahead_options options;
	struct logfile log;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t moved;
	struct ahead_block blocks[BLOCKS];
	/* Under .lock. Blocks that were filled, and those of them that are free again: the others belong to the reader. */
	unsigned int filled, freed;
	bool unwanted; /* nobody wants more */
	bool over;     /* no more is filled */
	int error;     /* then: why it ended before the last line */
	bool filling;  /* of the thread: there is something in the next block */
	/* Of who takes the lines. */
	bool has_block;
	size_t at;
};

/* --- the thread ------------------------------------------------------------------------------- */

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
	ahead->filling = false;
	thread_guard(&ahead->lock);
	ahead->filled++;
	pthread_cond_signal(&ahead->moved);
}

static int ahead_make_room(struct ahead_block *block, size_t size)
{
	size_t room = block->size + size > BLOCK_SIZE ? block->size + size : BLOCK_SIZE;
	char *data;

	if (block->room >= block->size + size)
		return 0;
	data = realloc(block->data, room);
	if (!data)
		return -ENOMEM;
	block->data = data;
	block->room = room;
	return 0;
}

/* 0; -ECANCELED: nobody wants it; -ENOMEM. */
static int ahead_put(struct ahead *ahead, struct bytes line)
{
	size_t size = sizeof(line.size) + line.size;
	struct ahead_block *block;

	if (ahead->filling && ahead->blocks[ahead->filled % BLOCKS].size + size > BLOCK_SIZE)
		ahead_hand_over(ahead);
	/* Of huge lines there is one at a time. */
	if (!ahead->filling && !ahead_await_room(ahead, size > BLOCK_SIZE ? 0 : BLOCKS - 1))
		return -ECANCELED;
	ahead->filling = true;
	block = &ahead->blocks[ahead->filled % BLOCKS];
	if (ahead_make_room(block, size))
		return -ENOMEM;
	memcpy(block->data + block->size, &line.size, sizeof(line.size));
	if (line.size)
		memcpy(block->data + block->size + sizeof(line.size), line.data, line.size);
	block->size += size;
	return 0;
}

static void *ahead_run(void *data)
{
	struct ahead *ahead = data;
	struct bytes line;
	bool complete;
	int result;

	while ((result = lines_next(&ahead->log.lines, &line, &complete)) > 0) {
		if (ahead->options.see)
			ahead->options.see(ahead->options.data, line, complete);
		result = ahead_put(ahead, line);
		if (result)
			break;
	}
	if (ahead->filling)
		ahead_hand_over(ahead);
	thread_guard(&ahead->lock);
	ahead->over = true;
	ahead->error = result;
	pthread_cond_signal(&ahead->moved);
	return NULL;
}

/* --- who takes the lines ---------------------------------------------------------------------- */

bool ahead_suits(const char *path)
{
	struct stat info;

	return !(strcmp(path, "-") != 0 ? stat(path, &info) : fstat(STDIN_FILENO, &info)) &&
	       S_ISREG(info.st_mode);
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
	error = thread_start(&ahead->thread, STACK_SIZE, ahead_run, ahead);
	if (error) {
		logfile_close(&ahead->log);
		free(ahead);
		return error;
	}
	*ret = ahead;
	return 0;
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
	block->size = ahead->at = 0;
	ahead->has_block = false;
	thread_guard(&ahead->lock);
	ahead->freed++;
	pthread_cond_signal(&ahead->moved);
}

/* As ahead_next(): whether there is another block. */
static int ahead_take_block(struct ahead *ahead)
{
	ahead_free_block(ahead);
	thread_guard(&ahead->lock);
	while (ahead->filled == ahead->freed && !ahead->over)
		pthread_cond_wait(&ahead->moved, &ahead->lock);
	ahead->has_block = ahead->filled != ahead->freed;
	return ahead->has_block ? 1 : ahead->error;
}

int ahead_next(struct ahead *ahead, struct bytes *ret)
{
	const struct ahead_block *block;

	if (!ahead->has_block || ahead->at == ahead->blocks[ahead->freed % BLOCKS].size) {
		int result = ahead_take_block(ahead);

		if (result <= 0)
			return result;
	}
	block = &ahead->blocks[ahead->freed % BLOCKS];
	memcpy(&ret->size, block->data + ahead->at, sizeof(ret->size));
	ret->data = block->data + ahead->at + sizeof(ret->size);
	ahead->at += sizeof(ret->size) + ret->size;
	return 1;
}

const char *ahead_error(const struct ahead *ahead)
{
	return ahead->log.error;
}

void ahead_close(struct ahead *ahead)
{
	if (!ahead)
		return;
	pthread_mutex_lock(&ahead->lock);
	ahead->unwanted = true;
	pthread_cond_signal(&ahead->moved);
	pthread_mutex_unlock(&ahead->lock);
	pthread_join(ahead->thread, NULL);
	for (unsigned int i = 0; i < BLOCKS; i++)
		free(ahead->blocks[i].data);
	pthread_cond_destroy(&ahead->moved);
	pthread_mutex_destroy(&ahead->lock);
	logfile_close(&ahead->log);
	free(ahead);
}
