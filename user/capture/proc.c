// SPDX-License-Identifier: Apache-2.0
#include "capture/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "record/mask.h"

#define CACHE_SIZE 256
#define CACHE_AGE 100000000ull /* ns; a process may exec at any time */
#define LABEL_MAX 256

/* The arguments of a process, read a moment ago and masked: shells call docker again and again. */
struct cached_args {
	uint32_t pid;
	uint64_t start, read;
	bool truncated;
	struct text text;
};

struct proc {
	bool labels; /* an LSM with labels is active */
	char label[LABEL_MAX];
	char name[CALLERD_COMM_SIZE + 1];
	char executable[PATH_MAX];
	char raw[CALLERD_ARGV_MAX + 1]; /* wiped after use */
	struct text args;		/* of peer() */
	struct cached_args cache[CACHE_SIZE];
};

static ssize_t read_at(int directory, const char *name, char *data, size_t size)
{
	int fd = openat(directory, name, O_RDONLY | O_CLOEXEC);
	ssize_t got, total = 0;

	if (fd < 0)
		return -errno;
	while ((size_t)total < size && (got = read(fd, data + total, size - total)) > 0)
		total += got;
	close(fd);
	return total;
}

/* Field 22 of stat, in clock ticks; the second one, comm, may contain anything but ends in the last
 * parenthesis. */
static unsigned long long start_ticks(int directory)
{
	char stat[1024], *at;
	ssize_t size = read_at(directory, "stat", stat, sizeof(stat) - 1);
	unsigned long long ticks = 0;

	if (size <= 0)
		return 0;
	stat[size] = '\0';
	at = strrchr(stat, ')');
	if (!at || sscanf(at + 1,
			  " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d "
			  "%*d %*d %*d %*d %llu",
			  &ticks) != 1)
		return 0;
	return ticks;
}

int proc_open(uint32_t pid, uint64_t start)
{
	uint64_t tick = 1000000000ull / sysconf(_SC_CLK_TCK);
	char path[32];
	int fd;

	snprintf(path, sizeof(path), "/proc/%u", pid);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (start && start_ticks(fd) != start / tick) {
		close(fd);
		return -ESRCH;
	}
	return fd;
}

static uint64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_BOOTTIME, &time);
	return time.tv_sec * 1000000000ull + time.tv_nsec;
}

/* Reads the arguments of the process of DIRECTORY and puts them, without their secrets, into TEXT. */
static void read_args(struct proc *proc, int directory, struct text *text, bool *ret_truncated)
{
	ssize_t size = read_at(directory, "cmdline", proc->raw, sizeof(proc->raw));
	struct bytes raw = {proc->raw, size > 0 ? (size_t)size : 0};

	*ret_truncated = raw.size > CALLERD_ARGV_MAX;
	if (*ret_truncated)
		raw.size = CALLERD_ARGV_MAX;
	text_free(text);
	mask_args(text, raw);
	/* The last one has no NUL where they are cut short, or it was overwritten: so it stays. */
	if (text->size && raw.data[raw.size - 1])
		text_cut(text, text->size - 1);
	if (text->error)
		text_free(text);
	explicit_bzero(proc->raw, size > 0 ? (size_t)size : 0);
}

static struct bytes args(void *data, uint32_t pid, uint64_t start, bool *ret_truncated)
{
	struct proc *proc = data;
	struct cached_args *cached = &proc->cache[(pid ^ start) % CACHE_SIZE];
	int fd;

	if (!cached->text.size || cached->pid != pid || cached->start != start ||
	    now() - cached->read >= CACHE_AGE) {
		fd = proc_open(pid, start);
		if (fd < 0)
			return (struct bytes){};
		read_args(proc, fd, &cached->text, &cached->truncated);
		close(fd);
		cached->pid = pid;
		cached->start = start;
		cached->read = now();
	}
	*ret_truncated = cached->truncated;
	return text_since(&cached->text, 0);
}

static struct bytes label(void *data, uint32_t pid, uint64_t start)
{
	struct proc *proc = data;
	ssize_t size;
	int fd;

	if (!proc->labels)
		return (struct bytes){};
	fd = proc_open(pid, start);
	if (fd < 0)
		return (struct bytes){};
	size = read_at(fd, "attr/current", proc->label, sizeof(proc->label));
	close(fd);
	while (size > 0 && (proc->label[size - 1] == '\n' || !proc->label[size - 1]))
		size--;
	return size > 0 ? (struct bytes){proc->label, size} : (struct bytes){};
}

/* The process as it is now, not as it was when it connected: the record says so by its basis. */
static void peer(void *data, struct process *process)
{
	struct proc *proc = data;
	int fd = proc_open(process->pid, process->start);
	ssize_t size;

	if (fd < 0)
		return;
	size = read_at(fd, "comm", proc->name, CALLERD_COMM_SIZE);
	if (size > 1)
		process->name = (struct bytes){proc->name, size - 1};
	size = readlinkat(fd, "exe", proc->executable, sizeof(proc->executable));
	if (size > 0)
		process->executable = (struct bytes){proc->executable, size};
	read_args(proc, fd, &proc->args, &process->args_truncated);
	process->args = text_since(&proc->args, 0);
	close(fd);
}

struct decode_detail proc_detail(struct proc *proc)
{
	return (struct decode_detail){.data = proc, .args = args, .label = label, .peer = peer};
}

int proc_new(struct proc **ret)
{
	struct proc *proc = calloc(1, sizeof(*proc));
	int fd;

	if (!proc)
		return -ENOMEM;
	fd = proc_open(getpid(), 0);
	if (fd >= 0) {
		proc->labels = read_at(fd, "attr/current", proc->label, sizeof(proc->label)) > 0;
		close(fd);
	}
	*ret = proc;
	return 0;
}

void proc_free(struct proc *proc)
{
	for (size_t i = 0; proc && i < CACHE_SIZE; i++)
		text_free(&proc->cache[i].text);
	if (proc)
		text_free(&proc->args);
	free(proc);
}
