/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The same request, sent in every way that there is.
 *
 *	--mode M	write writev send sendto sendmsg sendmmsg splice tee vmsplice sendfile
 *bytes, or all of them, one connection each (default)
 *
 * The request target is T?mode=M; mode.M=STATUS says how it ended, or skip.M=REASON.
 */
#include <sys/sendfile.h>
#include <sys/uio.h>

#include "client.h"

static int whole(ssize_t n, size_t size)
{
	if (n < 0)
		return -errno;
	return (size_t)n == size ? 0 : -EIO;
}

static int send_write(int fd, char *text, size_t size)
{
	return whole(write(fd, text, size), size);
}

static int send_send(int fd, char *text, size_t size)
{
	return whole(send(fd, text, size, MSG_NOSIGNAL), size);
}

static int send_sendto(int fd, char *text, size_t size)
{
	return whole(sendto(fd, text, size, MSG_NOSIGNAL, NULL, 0), size);
}

/* Cuts TEXT into COUNT pieces, the first one empty. */
static void cut(char *text, size_t size, struct iovec *iov, int count)
{
	size_t piece = size / (count - 1);

	iov[0] = (struct iovec){text, 0};
	for (int i = 1; i < count; i++)
		iov[i] = (struct iovec){text + (i - 1) * piece,
					i + 1 < count ? piece : size - (i - 1) * piece};
}

static int send_writev(int fd, char *text, size_t size)
{
	struct iovec iov[5];

	cut(text, size, iov, 5);
	return whole(writev(fd, iov, 5), size);
}

static int send_sendmsg(int fd, char *text, size_t size)
{
	struct iovec iov[7];
	struct msghdr message = {.msg_iov = iov, .msg_iovlen = 7};

	cut(text, size, iov, 7);
	return whole(sendmsg(fd, &message, MSG_NOSIGNAL), size);
}

static int send_sendmmsg(int fd, char *text, size_t size)
{
	struct iovec iov[4];
	struct mmsghdr messages[2] = {{.msg_hdr = {.msg_iov = iov, .msg_iovlen = 2}},
				      {.msg_hdr = {.msg_iov = iov + 2, .msg_iovlen = 2}}};
	int n;

	cut(text, size, iov, 4);
	n = sendmmsg(fd, messages, 2, MSG_NOSIGNAL);
	return n < 0 ? -errno : whole(messages[0].msg_len + messages[1].msg_len, size);
}

static int send_through_pipe(int fd, char *text, size_t size, int way)
{
	struct iovec iov = {text, size};
	int pipes[2], other[2];
	ssize_t n;

	if (pipe(pipes) || pipe(other))
		return -errno;
	n = way == 'v' ? vmsplice(pipes[1], &iov, 1, 0) : write(pipes[1], text, size);
	if (n == (ssize_t)size && way == 't') {
		n = tee(pipes[0], other[1], size, 0);
		dup2(other[0], pipes[0]);
	}
	if (n == (ssize_t)size)
		n = splice(pipes[0], NULL, fd, NULL, size, 0);
	close(pipes[0]);
	close(pipes[1]);
	close(other[0]);
	close(other[1]);
	return whole(n, size);
}

static int send_splice(int fd, char *text, size_t size)
{
	return send_through_pipe(fd, text, size, 's');
}

static int send_tee(int fd, char *text, size_t size)
{
	return send_through_pipe(fd, text, size, 't');
}

static int send_vmsplice(int fd, char *text, size_t size)
{
	return send_through_pipe(fd, text, size, 'v');
}

static int send_sendfile(int fd, char *text, size_t size)
{
	FILE *file = tmpfile();
	off_t offset = 0;
	int result;

	if (!file)
		return -errno;
	fwrite(text, 1, size, file);
	fflush(file);
	result = whole(sendfile(fd, fileno(file), &offset, size), size);
	fclose(file);
	return result;
}

static int send_bytes(int fd, char *text, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		if (write(fd, text + i, 1) != 1)
			return -errno;
		if (i % 8 == 0)
			usleep(500); /* so that the daemon reads in between */
	}
	return 0;
}

static const struct mode {
	const char *name;
	int (*send)(int fd, char *text, size_t size);
} modes[] = {
	{"write", send_write},	     {"writev", send_writev},	{"send", send_send},
	{"sendto", send_sendto},     {"sendmsg", send_sendmsg}, {"sendmmsg", send_sendmmsg},
	{"splice", send_splice},     {"tee", send_tee},		{"vmsplice", send_vmsplice},
	{"sendfile", send_sendfile}, {"bytes", send_bytes},
};

int main(int argc, char **argv)
{
	const char *path = client_socket(argc, argv, "[--mode M|all] [--target T]");
	const char *target = client_option(argc, argv, "--target", "/_ping");
	const char *wanted = client_option(argc, argv, "--mode", "all");
	int good = 0, bad = 0;

	client_say_self("sender");
	for (size_t i = 0; i < sizeof(modes) / sizeof(*modes); i++) {
		const struct mode *mode = &modes[i];
		char text[9216], own[8192];
		int fd, result, status;

		if (strcmp(wanted, "all") && strcmp(wanted, mode->name))
			continue;
		snprintf(own, sizeof(own), "%s%cmode=%s", target, client_separator(target),
			 mode->name);
		fd = client_connect(path);
		result = mode->send(fd, text, client_request(text, sizeof(text), "GET", own));
		if (result == -EINVAL || result == -ENOSYS) {
			client_say("skip.%s=%s", mode->name, strerror(-result));
			close(fd);
			continue;
		}
		errno = -result;
		if (result)
			client_die("%s", mode->name);
		status = client_response(fd, false);
		client_say("mode.%s=%d", mode->name, status);
		good += status == 200;
		bad += status != 200;
		close(fd);
	}
	client_say("requests=%d", good);
	return bad || !good;
}
