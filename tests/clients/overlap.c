/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Processes whose sends on one connection overlap. All of them are children of the one that connected.
 *
 *	--mode block	A's write(2) blocks in its middle, in a page fault that nobody serves, behind a whole POST; B and C send
 *			a whole request each; then A's write goes on, with the end of another request; then B sends one
 *			more. Needs a userfaultfd that serves the kernel's faults (root). (default)
 *	--mode oob	A sends a byte with MSG_OOB by sendmmsg(2), then a whole request; then B sends one
 *	--target T	requests are T, followed by &a, &b, …
 *
 * pid.NAME says who sent the request that ends in &NAME. Where there is no userfaultfd it prints skip=REASON and ends with 77.
 */
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "client.h"

#define PAGE 4096
#define MISSING                                                                                    \
	(15 * PAGE) /* where the page begins that is not there; behind the kernel's first piece */
#define SIZE (MISSING + PAGE)

static const char *target;
static int connection;

/* Two pipes to a child: what it is to do, and that it was done. */
struct child {
	int order, report;
};

static void tell(int fd, char what)
{
	if (write(fd, &what, 1) != 1)
		client_die("write");
}

static char hear(int fd)
{
	char what;

	if (read(fd, &what, 1) != 1)
		exit(1);
	return what;
}

static void say_sender(char name)
{
	client_say("pid.%c=%d", name, getpid());
}

/* --- a write that blocks ---------------------------------------------------------------------- */

struct blocker {
	char *memory;
	int fault; /* userfaultfd */
	int order, report;
	size_t first; /* bytes of the first piece that the kernel puts into the queue */
};

static int open_fault(struct blocker *blocker)
{
	struct uffdio_api api = {.api = UFFD_API};
	struct uffdio_register range;

	blocker->memory =
		mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (blocker->memory == MAP_FAILED)
		client_die("mmap");
	memset(blocker->memory, 'x', MISSING);
	blocker->fault = syscall(SYS_userfaultfd, O_CLOEXEC);
	if (blocker->fault < 0)
		return -errno;
	range = (struct uffdio_register){
		.range = {(uintptr_t)blocker->memory + MISSING, PAGE},
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};
	if (ioctl(blocker->fault, UFFDIO_API, &api) ||
	    ioctl(blocker->fault, UFFDIO_REGISTER, &range))
		return -errno;
	return 0;
}

/* Waits for the fault, tells that the write is blocked, and serves it when it is told to. */
static void *serve_fault(void *data)
{
	struct blocker *blocker = data;
	struct uffd_msg message;
	struct uffdio_copy copy = {.dst = (uintptr_t)blocker->memory + MISSING, .len = PAGE};
	char page[PAGE];

	if (read(blocker->fault, &message, sizeof(message)) != sizeof(message))
		client_die("read of the userfaultfd");
	tell(blocker->report, 'b');
	hear(blocker->order);
	memset(page, 'x', sizeof(page));
	memcpy(page + sizeof(page) - 4, "\r\n\r\n", 4);
	copy.src = (uintptr_t)page;
	if (ioctl(blocker->fault, UFFDIO_COPY, &copy))
		client_die("UFFDIO_COPY");
	return NULL;
}

/* Blocks a write to FD, waits until it does, and lets it go on once RELEASE says so. */
static void blocked_write(struct blocker *blocker, int fd)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, serve_fault, blocker))
		client_die("pthread_create");
	if (write(fd, blocker->memory, SIZE) != SIZE)
		client_die("write");
	pthread_join(thread, NULL);
}

/* How many bytes the kernel takes at once. Prints why it cannot be told, and exits. */
static size_t first_piece(void)
{
	int pair[2], order[2], report[2], queued = 0, error;
	struct blocker blocker = {0};
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) || pipe(order) || pipe(report))
		client_die("socketpair");
	pid = fork();
	if (!pid) {
		error = open_fault(&blocker);
		if (error) {
			client_say("skip=userfaultfd: %s", strerror(-error));
			exit(77);
		}
		blocker.order = order[0];
		blocker.report = report[1];
		blocked_write(&blocker, pair[0]);
		exit(0);
	}
	close(report[1]);
	if (hear(report[0]) != 'b' || ioctl(pair[1], FIONREAD, &queued))
		client_die("FIONREAD");
	kill(pid, SIGKILL);
	client_wait(pid);
	return queued;
}

/* A whole POST that ends with the kernel's first piece, and a GET behind it that ends with the missing page. */
static void fill(struct blocker *blocker)
{
	char head[8192];
	int n = snprintf(head, sizeof(head),
			 "POST /v1.41/nowhere%s%ca HTTP/1.1\r\nHost: docker\r\nContent-Length: "
			 "%06zu\r\n\r\n",
			 strchr(target, '?'), client_separator(target), (size_t)0);

	snprintf(head, sizeof(head),
		 "POST /v1.41/nowhere%s%ca HTTP/1.1\r\nHost: docker\r\nContent-Length: "
		 "%06zu\r\n\r\n",
		 strchr(target, '?'), client_separator(target), blocker->first - n);
	memcpy(blocker->memory, head, n);
	n = snprintf(head, sizeof(head), "GET %s%cA HTTP/1.1\r\nHost: docker\r\nX-Filler: ", target,
		     client_separator(target));
	memcpy(blocker->memory + blocker->first, head, n);
}

static void block(int order, int report, size_t first)
{
	struct blocker blocker = {.order = order, .report = report, .first = first};

	if (open_fault(&blocker))
		client_die("userfaultfd");
	fill(&blocker);
	say_sender('a');
	say_sender('A');
	blocked_write(&blocker, connection);
	tell(report, 'd');
	pause();
}

/* --- whole requests --------------------------------------------------------------------------- */

static void send_request(char name)
{
	char text[8200];

	snprintf(text, sizeof(text), "%s%c%c", target, client_separator(target), name);
	say_sender(name);
	if (client_get(connection, text))
		client_die("send");
}

static void send_out_of_band(void)
{
	struct iovec byte = {"!", 1};
	struct mmsghdr message = {.msg_hdr = {.msg_iov = &byte, .msg_iovlen = 1}};

	if (sendmmsg(connection, &message, 1, MSG_OOB) != 1)
		client_die("sendmmsg");
}

/* Sends a request for each name that it is told. */
static void obey(int order, int report)
{
	for (;;) {
		char name = hear(order);

		if (name == '!')
			send_out_of_band();
		else
			send_request(name);
		tell(report, name);
	}
}

static struct child start(size_t first)
{
	int order[2], report[2];

	if (pipe(order) || pipe(report))
		client_die("pipe");
	if (!fork()) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (first)
			block(order[0], report[1], first);
		obey(order[0], report[1]);
	}
	return (struct child){order[1], report[0]};
}

static void order(struct child child, char name, int wanted)
{
	tell(child.order, name);
	if (hear(child.report) != name)
		client_die("the child does not do %c", name);
	if (wanted && client_response(connection, false) != wanted)
		client_die("no answer of %d to %c", wanted, name);
}

int main(int argc, char **argv)
{
	const char *path = client_socket(argc, argv, "[--mode block|oob] [--target T]");
	bool oob = !strcmp(client_option(argc, argv, "--mode", "block"), "oob");
	size_t first = 0;
	struct child a, b, c;

	target = client_option(argc, argv, "--target", "/_ping?overlap");
	if (!oob)
		first = first_piece();
	connection = client_connect(path);
	client_say("connector.pid=%d", getpid());
	a = start(first);
	b = start(0);
	c = start(0);
	if (oob) {
		order(a, '!', 0);
		order(a, 'a', 200);
	} else if (hear(a.report) != 'b' || client_response(connection, false) != 404) {
		client_die("the write does not block");
	}
	order(b, 'b', 200);
	order(c, 'c', 200);
	if (!oob) {
		tell(a.order, 'g');
		if (hear(a.report) != 'd' || client_response(connection, false) != 200)
			client_die("the write does not go on");
		order(b, 'B', 200);
	}
	return 0;
}
