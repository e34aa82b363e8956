// SPDX-License-Identifier: Apache-2.0
#include "guard/marks.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fanotify.h>
#include <sys/inotify.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/hash.h"
#include "broker/broker.h"

#ifndef AT_HANDLE_FID
#define AT_HANDLE_FID 0x200 /* Linux 6.5: a handle that only identifies */
#endif
#ifndef FAN_REPORT_PIDFD
#define FAN_REPORT_PIDFD 0x80 /* Linux 5.15 */
#endif
#ifndef FAN_EVENT_INFO_TYPE_PIDFD
#define FAN_EVENT_INFO_TYPE_PIDFD 4
#endif

/* Linux 6.14: events of a mount namespace. */
#ifndef FAN_REPORT_MNT
#define FAN_REPORT_MNT 0x4000
#define FAN_MARK_MNTNS 0x110
#define FAN_MNT_ATTACH 0x01000000
#define FAN_MNT_DETACH 0x02000000
#endif

#define HANDLE_MAX 128
#define BUFFER_SIZE 65536

#define FAN_MASK                                                                                   \
	(FAN_CREATE | FAN_DELETE | FAN_MOVED_FROM | FAN_MOVED_TO | FAN_ATTRIB | FAN_DELETE_SELF |  \
	 FAN_MOVE_SELF | FAN_ONDIR | FAN_EVENT_ON_CHILD)
#define IN_MASK                                                                                    \
	(IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_ATTRIB | IN_DELETE_SELF |        \
	 IN_MOVE_SELF | IN_ONLYDIR)

struct marks {
	int fanotify; /* -1: there is none */
	int inotify;  /* opened where fanotify, or a directory's file system, does not do */
	int mounts;   /* fanotify for mounts; -1: this kernel does not have it */
	_Atomic int limit;
	char buffer[BUFFER_SIZE] __attribute__((aligned(8)));
};

/* Bits of fanotify and inotify have the same values where they have the same meaning. */
static const struct {
	uint64_t bit;
	unsigned int what;
} meanings[] = {
	{FAN_CREATE, MARKS_CREATED},	    {FAN_DELETE, MARKS_DELETED},
	{FAN_MOVED_FROM, MARKS_MOVED_FROM}, {FAN_MOVED_TO, MARKS_MOVED_TO},
	{FAN_ATTRIB, MARKS_ATTRIBUTES},	    {FAN_CLOSE_WRITE, MARKS_WRITTEN},
	{FAN_DELETE_SELF, MARKS_GONE},	    {FAN_MOVE_SELF, MARKS_GONE},
	{FAN_MNT_ATTACH, MARKS_MOUNTED},    {FAN_MNT_DETACH, MARKS_MOUNTED},
};
_Static_assert(FAN_CREATE == IN_CREATE && FAN_DELETE == IN_DELETE && FAN_ATTRIB == IN_ATTRIB &&
		       FAN_MOVED_FROM == IN_MOVED_FROM && FAN_MOVED_TO == IN_MOVED_TO &&
		       FAN_CLOSE_WRITE == IN_CLOSE_WRITE && FAN_DELETE_SELF == IN_DELETE_SELF &&
		       FAN_MOVE_SELF == IN_MOVE_SELF && FAN_Q_OVERFLOW == IN_Q_OVERFLOW,
	       "the values of both are the same");

static unsigned int what_of(uint64_t mask)
{
	unsigned int what = 0;

	for (size_t i = 0; i < COUNT(meanings); i++)
		if (mask & meanings[i].bit)
			what |= meanings[i].what;
	return what;
}

static int open_fanotify(void)
{
	return fanotify_init(FAN_CLASS_NOTIF | FAN_CLOEXEC | FAN_NONBLOCK | FAN_REPORT_DFID_NAME |
				     FAN_REPORT_PIDFD,
			     O_RDONLY | O_CLOEXEC);
}

static int open_mounts(void)
{
	int group = fanotify_init(FAN_CLASS_NOTIF | FAN_CLOEXEC | FAN_NONBLOCK | FAN_REPORT_MNT |
					  FAN_REPORT_PIDFD,
				  O_RDONLY | O_CLOEXEC);
	int namespace = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);

	if (group >= 0 && fanotify_mark(group, FAN_MARK_ADD | FAN_MARK_MNTNS,
					FAN_MNT_ATTACH | FAN_MNT_DETACH, namespace, NULL)) {
		close(group);
		group = -1;
	}
	if (namespace >= 0)
		close(namespace);
	return group;
}

int marks_new(struct marks **ret)
{
	struct marks *marks = calloc(1, sizeof(*marks));

	if (!marks)
		return -ENOMEM;
	marks->fanotify = open_fanotify();
	if (marks->fanotify < 0)
		marks->limit = errno;
	marks->inotify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (marks->fanotify < 0 && marks->inotify < 0) {
		int error = -errno;

		free(marks);
		return error;
	}
	marks->mounts = open_mounts();
	*ret = marks;
	return 0;
}

void marks_free(struct marks *marks)
{
	if (!marks)
		return;
	if (marks->fanotify >= 0)
		close(marks->fanotify);
	if (marks->inotify >= 0)
		close(marks->inotify);
	if (marks->mounts >= 0)
		close(marks->mounts);
	free(marks);
}

int marks_limit(const struct marks *marks)
{
	return marks->limit;
}

void marks_fds(const struct marks *marks, int fds[MARKS_FDS])
{
	fds[0] = marks->fanotify;
	fds[1] = marks->inotify;
	fds[2] = marks->mounts;
}

static uint64_t key_of_handle(const void *fsid, const struct file_handle *handle)
{
	uint64_t key = hash_add(HASH_START, fsid, sizeof(fsid_t));

	key = hash_add(key, &handle->handle_type, sizeof(handle->handle_type));
	key = hash_add(key, handle->f_handle, handle->handle_bytes);
	return key | 1; /* never 0, and never the key of a watch of inotify */
}

static uint64_t key_of_watch(int watch)
{
	return ((uint64_t)watch + 1) << 1; /* above MARKS_MOUNTS */
}

static uint64_t key_of_directory(int fd)
{
	union {
		struct file_handle handle;
		char room[sizeof(struct file_handle) + HANDLE_MAX];
	} file = {.handle.handle_bytes = HANDLE_MAX};
	struct statfs info;
	int mount;

	if (name_to_handle_at(fd, "", &file.handle, &mount, AT_EMPTY_PATH | AT_HANDLE_FID)) {
		file.handle.handle_bytes = HANDLE_MAX;
		if (name_to_handle_at(fd, "", &file.handle, &mount, AT_EMPTY_PATH))
			return 0;
	}
	return fstatfs(fd, &info) ? 0 : key_of_handle(&info.f_fsid, &file.handle);
}

uint64_t marks_add(struct marks *marks, int fd, bool contents)
{
	int watch;

	if (marks->fanotify >= 0) {
		if (!broker_mark(marks->fanotify, FAN_MARK_ADD | FAN_MARK_ONLYDIR,
				 FAN_MASK | (contents ? FAN_CLOSE_WRITE : 0), fd))
			return key_of_directory(fd);
		marks->limit = errno;
	}
	watch = broker_watch(marks->inotify, fd,
			     IN_MASK | IN_MASK_ADD | (contents ? IN_CLOSE_WRITE : 0));
	return watch < 0 ? 0 : key_of_watch(watch);
}

/* --- fanotify --------------------------------------------------------------------------------- */

/* Reads the parts that follow the head of an event. */
static void take_parts(const char *at, const char *end, struct marks_event *event)
{
	while ((size_t)(end - at) >= sizeof(struct fanotify_event_info_header)) {
		const struct fanotify_event_info_header *head = (const void *)at;

		if (head->len < sizeof(*head) || head->len > end - at)
			return;
		if (head->info_type == FAN_EVENT_INFO_TYPE_DFID_NAME) {
			const struct fanotify_event_info_fid *part = (const void *)at;
			const struct file_handle *handle = (const void *)part->handle;
			const char *name = (const char *)handle->f_handle + handle->handle_bytes;

			event->directory = key_of_handle(&part->fsid, handle);
			snprintf(event->name, sizeof(event->name), "%s",
				 strcmp(name, ".") != 0 ? name : "");
		} else if (head->info_type == FAN_EVENT_INFO_TYPE_PIDFD) {
			event->process = *(const int *)(head + 1);
		}
		at += head->len;
	}
}

static void take_fanotify_event(const struct fanotify_event_metadata *head,
				const struct marks_calls *calls)
{
	struct marks_event event = {.process = -1};
	const char *start = (const char *)head;

	if (head->mask & FAN_Q_OVERFLOW) {
		calls->overflow(calls->data);
		return;
	}
	event.what = what_of(head->mask);
	event.pid = head->pid > 0 ? (uint32_t)head->pid : 0;
	if (event.what & MARKS_MOUNTED)
		event.directory = MARKS_MOUNTS;
	take_parts(start + head->metadata_len, start + head->event_len, &event);
	if (event.directory)
		calls->event(calls->data, &event);
	if (event.process >= 0)
		close(event.process);
}

static bool read_fanotify(struct marks *marks, int fd, const struct marks_calls *calls)
{
	const struct fanotify_event_metadata *head = (const void *)marks->buffer;
	ssize_t size = fd >= 0 ? read(fd, marks->buffer, sizeof(marks->buffer)) : -1;

	if (size <= 0)
		return false;
	for (; FAN_EVENT_OK(head, size); head = FAN_EVENT_NEXT(head, size))
		if (head->vers == FANOTIFY_METADATA_VERSION)
			take_fanotify_event(head, calls);
	return true;
}

/* --- inotify ---------------------------------------------------------------------------------- */

static bool read_inotify(struct marks *marks, const struct marks_calls *calls)
{
	ssize_t size = read(marks->inotify, marks->buffer, sizeof(marks->buffer));
	const struct inotify_event *head;

	for (ssize_t at = 0; at < size; at += (ssize_t)(sizeof(*head) + head->len)) {
		struct marks_event event = {.process = -1};

		head = (const void *)(marks->buffer + at);
		if (head->mask & IN_Q_OVERFLOW) {
			calls->overflow(calls->data);
			continue;
		}
		event.directory = key_of_watch(head->wd);
		event.what = what_of(head->mask);
		if (head->len)
			snprintf(event.name, sizeof(event.name), "%s", head->name);
		if (event.what)
			calls->event(calls->data, &event);
	}
	return size > 0;
}

bool marks_read(struct marks *marks, const struct marks_calls *calls)
{
	bool more = read_fanotify(marks, marks->fanotify, calls);

	more |= read_fanotify(marks, marks->mounts, calls);
	if (marks->inotify >= 0)
		more |= read_inotify(marks, calls);
	return more;
}
