// SPDX-License-Identifier: Apache-2.0
#include "kernel/attach.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/perf_event.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "kernel/kernelfs.h"

static struct bpf_link *attach_cgroup(const struct bpf_program *program, const char **why)
{
	_close_ int cgroup = kernelfs_open("cgroup2");

	if (cgroup < 0) {
		*why = "cannot open cgroup2";
		errno = -cgroup;
		return NULL;
	}
	return bpf_program__attach_cgroup(program, cgroup);
}

static long tracepoint_id(const char *path, const char **why)
{
	_close_ int root = kernelfs_open("tracefs"), fd = -1;
	char text[32] = "";
	long id = -1;

	if (root < 0) {
		*why = "cannot open tracefs";
		return root;
	}
	fd = openat(root, path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0 && read(fd, text, sizeof(text) - 1) > 0)
		id = strtol(text, NULL, 10);
	return id < 0 ? -ENOENT : id;
}

/* libbpf's own attach needs a mounted tracefs, which not every host has. */
static struct bpf_link *attach_tracepoint(const struct bpf_program *program, const char **why)
{
	struct perf_event_attr attributes = {
		.type = PERF_TYPE_TRACEPOINT,
		.size = sizeof(attributes),
		.sample_period = 1,
	};
	struct bpf_link *link;
	long id = tracepoint_id("events/syscalls/sys_exit_connect/id", why);
	int fd;

	if (id < 0) {
		errno = -id;
		return NULL;
	}
	attributes.config = id;
	fd = syscall(SYS_perf_event_open, &attributes, -1, 0, -1, PERF_FLAG_FD_CLOEXEC);
	if (fd < 0)
		return NULL;
	link = bpf_program__attach_perf_event(program, fd);
	if (!link)
		close(fd);
	return link; /* the link owns fd */
}

struct bpf_link *attach_program(const struct bpf_program *program, const char **why)
{
	*why = NULL;
	switch (bpf_program__type(program)) {
	case BPF_PROG_TYPE_CGROUP_SOCK_ADDR:
		return attach_cgroup(program, why);
	case BPF_PROG_TYPE_TRACEPOINT:
		return attach_tracepoint(program, why);
	default:
		return bpf_program__attach(program);
	}
}
