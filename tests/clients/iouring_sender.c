/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connects, sends and receives by io_uring alone, in raw system calls.
 *
 *	--mode plain	done within io_uring_enter (default)
 *	--mode async	IOSQE_ASYNC: by a worker thread of the kernel
 *	--mode sqpoll	by the kernel's polling thread
 *	--then-tcp	at the end the same thread is refused by connect(2) to a TCP port of 127.0.0.1
 *
 * Where io_uring is not available it prints skip=REASON and ends with 77.
 */
#include <linux/io_uring.h>
#include <netinet/in.h>
#include <sys/mman.h>

#include "client.h"

struct ring {
	int fd;
	unsigned int flags;
	unsigned int *sq_head, *sq_tail, *sq_mask, *sq_flags, *sq_array;
	unsigned int *cq_head, *cq_tail, *cq_mask;
	struct io_uring_sqe *sqes;
	struct io_uring_cqe *cqes;
};

static void *map(struct ring *ring, size_t size, off_t offset)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ring->fd,
		       offset);

	if (p == MAP_FAILED)
		client_die("mmap");
	return p;
}

static int ring_open(struct ring *ring, unsigned int flags)
{
	struct io_uring_params p = {.flags = flags, .sq_thread_idle = 2000};
	char *sq, *cq;

	ring->flags = flags;
	ring->fd = syscall(__NR_io_uring_setup, 4, &p);
	if (ring->fd < 0)
		return -errno;
	sq = map(ring, p.sq_off.array + p.sq_entries * sizeof(unsigned int), IORING_OFF_SQ_RING);
	cq = map(ring, p.cq_off.cqes + p.cq_entries * sizeof(*ring->cqes), IORING_OFF_CQ_RING);
	ring->sqes = map(ring, p.sq_entries * sizeof(*ring->sqes), IORING_OFF_SQES);
	ring->sq_head = (void *)(sq + p.sq_off.head);
	ring->sq_tail = (void *)(sq + p.sq_off.tail);
	ring->sq_mask = (void *)(sq + p.sq_off.ring_mask);
	ring->sq_flags = (void *)(sq + p.sq_off.flags);
	ring->sq_array = (void *)(sq + p.sq_off.array);
	ring->cq_head = (void *)(cq + p.cq_off.head);
	ring->cq_tail = (void *)(cq + p.cq_off.tail);
	ring->cq_mask = (void *)(cq + p.cq_off.ring_mask);
	ring->cqes = (void *)(cq + p.cq_off.cqes);
	return 0;
}

/* Runs one operation to its end; returns its result. */
static int ring_do(struct ring *ring, struct io_uring_sqe sqe)
{
	unsigned int tail = *ring->sq_tail, i = tail & *ring->sq_mask,
		     enter = IORING_ENTER_GETEVENTS;
	unsigned int head = *ring->cq_head, submit = 1;
	int result;

	ring->sqes[i] = sqe;
	ring->sq_array[i] = i;
	__atomic_store_n(ring->sq_tail, tail + 1, __ATOMIC_SEQ_CST);
	if (ring->flags & IORING_SETUP_SQPOLL) {
		submit = 0;
		if (__atomic_load_n(ring->sq_flags, __ATOMIC_SEQ_CST) & IORING_SQ_NEED_WAKEUP)
			enter |= IORING_ENTER_SQ_WAKEUP;
	}
	while (__atomic_load_n(ring->cq_tail, __ATOMIC_ACQUIRE) == head) {
		if (syscall(__NR_io_uring_enter, ring->fd, submit, 1, enter, NULL, 0) < 0 &&
		    errno != EINTR)
			client_die("io_uring_enter");
		submit = 0;
	}
	result = ring->cqes[head & *ring->cq_mask].res;
	__atomic_store_n(ring->cq_head, head + 1, __ATOMIC_RELEASE);
	return result;
}

static void be_refused(void)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_port = htons(1), .sin_addr = {htonl(INADDR_LOOPBACK)}};

	if (!connect(socket(AF_INET, SOCK_STREAM, 0), (struct sockaddr *)&address,
		     sizeof(address)) ||
	    errno != ECONNREFUSED)
		client_die("connect to port 1");
}

int main(int argc, char **argv)
{
	const char *path =
		client_socket(argc, argv, "[--mode plain|async|sqpoll] [--target T] [--then-tcp]");
	const char *mode = client_option(argc, argv, "--mode", "plain");
	struct io_uring_sqe sqe;
	struct sockaddr_un address;
	socklen_t address_size = client_address(&address, path);
	struct ring ring = {0};
	char text[9216], answer[4096];
	size_t size = client_request(text, sizeof(text), "GET",
				     client_option(argc, argv, "--target", "/_ping"));
	uint8_t flags = strcmp(mode, "async") ? 0 : IOSQE_ASYNC;
	int fd, n = ring_open(&ring, strcmp(mode, "sqpoll") ? 0 : IORING_SETUP_SQPOLL), status = 0;

	if (n < 0) {
		client_say("skip=io_uring_setup: %s", strerror(-n));
		return 77;
	}
	client_say("mode=%s", mode);
	client_say_self("sender");
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	sqe = (struct io_uring_sqe){.opcode = IORING_OP_CONNECT,
				    .flags = flags,
				    .fd = fd,
				    .addr = (uintptr_t)&address,
				    .off = address_size};
	n = ring_do(&ring, sqe);
	if (n == -EINVAL || n == -EOPNOTSUPP) {
		client_say("skip=IORING_OP_CONNECT: %s", strerror(-n));
		return 77;
	}
	errno = -n;
	if (n < 0)
		client_die("connect %s", path);
	sqe = (struct io_uring_sqe){.opcode = IORING_OP_SEND,
				    .flags = flags,
				    .fd = fd,
				    .addr = (uintptr_t)text,
				    .len = size,
				    .msg_flags = MSG_NOSIGNAL};
	n = ring_do(&ring, sqe);
	errno = n < 0 ? -n : EIO;
	if (n != (int)size)
		client_die("send");
	sqe = (struct io_uring_sqe){.opcode = IORING_OP_RECV,
				    .flags = flags,
				    .fd = fd,
				    .addr = (uintptr_t)answer,
				    .len = sizeof(answer) - 1};
	n = ring_do(&ring, sqe);
	if (n > (int)sizeof("HTTP/1.1 200"))
		status = atoi(answer + sizeof("HTTP/1.1"));
	client_say("status=%d", status);
	if (client_flag(argc, argv, "--then-tcp"))
		be_refused();
	return status == 200 ? 0 : 1;
}
