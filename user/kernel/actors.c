// SPDX-License-Identifier: Apache-2.0
#include "kernel/actors.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <sched.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kernel/walk.h"

#define INITIAL_PID_NS 0xEFFFFFFC /* PROC_PID_INIT_INO */
#define DEPARTURES_SIZE (CALLERD_DEPARTED_MAX * sizeof(struct callerd_departed))

struct actors {
	struct bpf_program *describe;
	int queue;
	bool initial; /* the agent is in the initial PID namespace */
	struct callerd_control *control;
	const struct callerd_departed *departures;
};

int actors_new(struct bpf_program *describe, int queue, int departures,
	       struct callerd_control *control, struct actors **ret)
{
	struct actors *actors = calloc(1, sizeof(*actors));
	void *memory = MAP_FAILED;
	struct stat space;

	if (!actors)
		return -ENOMEM;
	if (describe && queue >= 0 && departures >= 0)
		memory = mmap(NULL, DEPARTURES_SIZE, PROT_READ, MAP_SHARED, departures, 0);
	if (memory == MAP_FAILED) {
		free(actors);
		return -ENOMEM;
	}
	actors->describe = describe;
	actors->queue = queue;
	actors->initial = !stat("/proc/self/ns/pid", &space) && space.st_ino == INITIAL_PID_NS;
	actors->control = control;
	actors->departures = memory;
	*ret = actors;
	return 0;
}

void actors_free(struct actors *actors)
{
	if (!actors)
		return;
	actors->control->guarding = 0;
	munmap((void *)actors->departures, DEPARTURES_SIZE);
	free(actors);
}

void actors_guard(struct actors *actors, const uint32_t *owners, unsigned int count)
{
	for (unsigned int i = 0; i < CALLERD_GUARD_OWNERS_MAX; i++)
		__atomic_store_n(&actors->control->guard_owners[i], i < count ? owners[i] : 0,
				 __ATOMIC_RELAXED);
	__atomic_store_n(&actors->control->guarding, 1, __ATOMIC_RELEASE);
}

void actors_guard_queues(struct actors *actors, const int *fds, unsigned int count)
{
	memset(actors->control->guard_queues, 0, sizeof(actors->control->guard_queues));
	for (unsigned int i = 0; i < count && i < CALLERD_GUARD_QUEUES; i++) {
		struct callerd_queue request = {.fd = (__u32)fds[i], .index = i};
		LIBBPF_OPTS(bpf_test_run_opts, run, .ctx_in = &request,
			    .ctx_size_in = sizeof(request));

		/* Where the queue stays unknown, the processes of its events are not known. */
		if (fds[i] >= 0)
			bpf_prog_test_run_opts(actors->queue, &run);
	}
}

void actors_begin(struct actors *actors)
{
	__atomic_store_n(&actors->control->guard_reading, 1, __ATOMIC_SEQ_CST);
}

void actors_end(struct actors *actors)
{
	__atomic_store_n(&actors->control->guard_reading, 0, __ATOMIC_SEQ_CST);
}

/* Reads the output of the iterator for one process. */
static ssize_t read_description(struct bpf_link *link, struct callerd_caller_event *ret)
{
	int fd = bpf_iter_create(bpf_link__fd(link));
	ssize_t got = 0, size = 0;

	if (fd < 0)
		return -errno;
	while ((size_t)size < sizeof(*ret) &&
	       (got = read(fd, (char *)ret + size, sizeof(*ret) - size)) > 0)
		size += got;
	if (got < 0)
		size = -errno;
	close(fd);
	return size;
}

int actors_living(struct actors *actors, uint32_t pid, struct callerd_caller_event *ret)
{
	struct bpf_link *link = walk_attach(actors->describe, pid);
	ssize_t size;

	if (!link)
		return -errno;
	size = read_description(link, ret);
	bpf_link__destroy(link);
	if (size < 0)
		return (int)size;
	return (size_t)size < offsetof(struct callerd_caller_event, text) ? -ESRCH : 0;
}

/* Copies the description in SLOT, which the kernel programs may write at this moment. */
static bool copy_departed(const struct callerd_departed *slot, struct callerd_caller_event *ret)
{
	uint64_t number = __atomic_load_n(&slot->number, __ATOMIC_ACQUIRE);
	uint32_t size = slot->event.header.size;

	if (!number || size > sizeof(*ret) || size < offsetof(struct callerd_caller_event, text))
		return false;
	memcpy(ret, &slot->event, size);
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	return __atomic_load_n(&slot->number, __ATOMIC_RELAXED) == number;
}

/* As copy_departed(), for a slot that is being written: the kernel programs need some µs. */
static bool wait_departed(const struct callerd_departed *slot, struct callerd_caller_event *ret)
{
	for (int tries = 0; tries < 100; tries++) {
		if (copy_departed(slot, ret))
			return true;
		sched_yield();
	}
	return false;
}

static bool is_unused(const struct callerd_departed *slot)
{
	return !__atomic_load_n(&slot->number, __ATOMIC_ACQUIRE) &&
	       !__atomic_load_n(&slot->busy, __ATOMIC_ACQUIRE);
}

/* Whether SLOT has another process than PID, and is not being written; then *OLDEST is set to the
 * time of its end, if that is earlier. */
static bool is_other(const struct callerd_departed *slot, uint32_t pid, uint64_t *oldest)
{
	uint64_t number = __atomic_load_n(&slot->number, __ATOMIC_ACQUIRE);
	uint64_t time = slot->event.header.time;
	bool other = slot->event.pid != pid;

	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	if (!number || !other || __atomic_load_n(&slot->number, __ATOMIC_RELAXED) != number)
		return false;
	if (time < *oldest)
		*oldest = time;
	return true;
}

int actors_departed(struct actors *actors, uint32_t pid, uint64_t start, uint64_t since,
		    struct callerd_caller_event *ret)
{
	static struct callerd_caller_event copy;
	unsigned int found = 0, kept = 0;
	uint64_t oldest = UINT64_MAX;

	if (!actors->initial)
		return -ESRCH;
	for (unsigned int i = 0; i < CALLERD_DEPARTED_MAX; i++) {
		const struct callerd_departed *slot = &actors->departures[i];

		if (is_unused(slot))
			continue;
		kept++;
		if (is_other(slot, pid, &oldest))
			continue;
		if (!wait_departed(slot, &copy))
			return -EOVERFLOW;
		if (copy.header.time < oldest)
			oldest = copy.header.time;
		if (copy.pid != pid || copy.header.time < since || (start && copy.start != start))
			continue;
		/* Threads that end at once are all the last one: the process was kept by each. */
		if (found && copy.start == ret->start)
			continue;
		found++;
		memcpy(ret, &copy, copy.header.size);
	}
	if (found > 1)
		return -ENOTUNIQ;
	if (found)
		return 0;
	return kept == CALLERD_DEPARTED_MAX && oldest > since ? -EOVERFLOW : -ESRCH;
}
