// SPDX-License-Identifier: Apache-2.0
#include "host/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "broker/broker.h"
#include "secret/mask.h"

#define LABEL_MAX 256

struct proc {
	struct capture *capture;
	bool labels; /* an LSM with labels is active */
	char label[LABEL_MAX];
	char name[CALLERD_COMM_SIZE + 1];
	char executable[PATH_MAX];
	struct text args; /* the arguments that proc_peer() found */
};

ssize_t proc_read(int process, const char *name, char *data, size_t size)
{
	_close_ int fd = broker_open(process, name, O_RDONLY | O_CLOEXEC, 0);
	ssize_t got, total = 0;

	if (fd < 0)
		return -errno;
	while ((size_t)total < size && (got = read(fd, data + total, size - total)) > 0)
		total += got;
	return total;
}

/* The start time is field 22 of stat. The second field, comm, may contain anything, but ends in the
 * last parenthesis of the line. */
uint64_t proc_start_ticks(int process)
{
	char stat[1024], *at;
	ssize_t size = proc_read(process, "stat", stat, sizeof(stat) - 1);
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
	_close_ int fd = -1;
	char path[32];

	snprintf(path, sizeof(path), "/proc/%u", pid);
	fd = broker_open(AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	return start && proc_start_ticks(fd) != start / tick ? -ESRCH : take_fd(fd);
}

ssize_t proc_read_args(uint32_t pid, uint64_t start, char args[CALLERD_ARGV_MAX],
		       bool *ret_truncated)
{
	_close_ int fd = proc_open(pid, start);
	char whole[CALLERD_ARGV_MAX + 1];
	ssize_t size = fd < 0 ? fd : proc_read(fd, "cmdline", whole, sizeof(whole));

	if (size < 0)
		return size;
	*ret_truncated = size > CALLERD_ARGV_MAX;
	size = *ret_truncated ? CALLERD_ARGV_MAX : size;
	memcpy(args, whole, size);
	explicit_bzero(whole, sizeof(whole));
	return size;
}

/* Unlike cmdline, the label of a process can be read without a lock that the process may hold. */
static struct bytes proc_label(void *data, uint32_t pid, uint64_t start)
{
	struct proc *proc = data;
	_close_ int fd = proc->labels ? proc_open(pid, start) : -1;
	ssize_t size =
		fd < 0 ? fd : proc_read(fd, "attr/current", proc->label, sizeof(proc->label));

	while (size > 0 && (proc->label[size - 1] == '\n' || !proc->label[size - 1]))
		size--;
	return size > 0 ? (struct bytes){proc->label, size} : (struct bytes){};
}

/* Sets the arguments of PROCESS as the kernel programs know them, without their secrets. */
static void describe_args(struct proc *proc, struct process *process)
{
	char raw[CALLERD_ARGV_MAX];
	ssize_t size = capture_args(proc->capture, process->pid, process->start, raw,
				    &process->args_truncated);

	text_free(&proc->args);
	if (size <= 0)
		return;
	mask_args(&proc->args, (struct bytes){raw, size});
	/* The last argument has no NUL where the list was cut short or its end was overwritten.
	 * mask_args() adds one, which is taken back. */
	if (proc->args.size && raw[size - 1])
		text_cut(&proc->args, proc->args.size - 1);
	if (proc->args.error)
		text_free(&proc->args);
	explicit_bzero(raw, size);
	process->args = text_since(&proc->args, 0);
}

/* Describes the process as it is now, not as it was when it connected: the record says so by its
 * basis. Neither comm nor exe is read from the memory of the process, which the process may have
 * locked. */
static void proc_peer(void *data, struct process *process)
{
	struct proc *proc = data;
	_close_ int fd = proc_open(process->pid, process->start);
	ssize_t size;

	if (fd < 0)
		return;
	size = proc_read(fd, "comm", proc->name, CALLERD_COMM_SIZE);
	if (size > 1)
		process->name = (struct bytes){proc->name, size - 1};
	size = broker_readlink(fd, "exe", proc->executable, sizeof(proc->executable));
	if (size > 0)
		process->executable = (struct bytes){proc->executable, size};
	describe_args(proc, process);
}

struct decode_detail proc_detail(struct proc *proc)
{
	return (struct decode_detail){.data = proc, .label = proc_label, .peer = proc_peer};
}

int proc_new(struct capture *capture, struct proc **ret)
{
	struct proc *proc = calloc(1, sizeof(*proc));

	if (!proc)
		return -ENOMEM;
	proc->capture = capture;
	proc->labels = capture_has_labels();
	*ret = proc;
	return 0;
}

void proc_free(struct proc *proc)
{
	if (proc)
		text_free(&proc->args);
	free(proc);
}
