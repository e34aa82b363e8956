// SPDX-License-Identifier: Apache-2.0
#include "kernel/walk.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <unistd.h>

#include "base/cleanup.h"

struct bpf_link *walk_attach(const struct bpf_program *program, uint32_t pid)
{
	union bpf_iter_link_info info = {.task.pid = pid};
	LIBBPF_OPTS(bpf_iter_attach_opts, options, .link_info = &info,
		    .link_info_len = sizeof(info));

	return bpf_program__attach_iter(program, &options);
}

int walk_run(const struct bpf_link *link)
{
	_close_ int fd = bpf_iter_create(bpf_link__fd(link));
	ssize_t size = -1;
	char nothing[8];

	do /* the kernel pauses after a million objects */
		size = fd < 0 ? -1 : read(fd, nothing, sizeof(nothing));
	while (fd >= 0 && size < 0 && errno == EAGAIN);
	return size < 0 ? -errno : 0;
}
