// SPDX-License-Identifier: Apache-2.0
#include "broker/broker.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fanotify.h>
#include <sys/inotify.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/descriptor.h"
#include "broker/hashing.h"
#include "broker/message.h"
#include "broker/relay.h"
#include "broker/serve.h"
#include "confine/filter.h"
#include "confine/privilege.h"

static int broker_first = -1; /* the first channel, over which others are asked for */
static pid_t broker_child;
static pthread_mutex_t first_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_key_t broker_key; /* the channel of a thread, plus 1 */

/* --- the broker ------------------------------------------------------------------------------- */

/* Signals to the whole service are for callerd, whose end is the broker's. */
static void ignore_signals(void)
{
	static const int ignored[] = {SIGTERM, SIGINT, SIGHUP, SIGPIPE, SIGXFSZ, SIGUSR1, SIGUSR2};

	for (size_t i = 0; i < COUNT(ignored); i++)
		signal(ignored[i], SIG_IGN);
}

/* The broker holds nothing open of callerd's, whose readers wait for its end. */
static void close_others(int channel)
{
	int none = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (none >= 0) {
		dup2(none, STDIN_FILENO);
		dup2(none, STDOUT_FILENO);
	}
	close_range(3, (unsigned int)channel - 1, 0);
	close_range((unsigned int)channel + 1, ~0u, 0);
}

static _Noreturn void run_broker(int channel, pid_t agent, const struct broker_options *options)
{
	int error;

	prctl(PR_SET_NAME, "callerd-broker");
	ignore_signals();
	close_others(channel);
	serve_reload(options); /* callerd says itself what is wrong with the configuration */
	privilege_keep_broker();
	prctl(PR_SET_PDEATHSIG, SIGKILL); /* whose setting a change of capabilities ends */
	if (getppid() != agent)
		_exit(EXIT_FAILURE);
	error = filter_install(FILTER_BROKER);
	if (error)
		fprintf(stderr,
			"callerd: warning: the broker can make any system call: seccomp: %s\n",
			strerror(-error));
	serve_channel(channel, options);
	_exit(EXIT_SUCCESS);
}

static void drop_channel(void *data)
{
	close((int)(intptr_t)data - 1);
}

int broker_start(const struct broker_options *options)
{
	int ends[2], error;
	pid_t agent = getpid(), child;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends))
		return -errno;
	error = pthread_key_create(&broker_key, drop_channel);
	child = error ? -1 : fork();
	if (!child)
		run_broker(ends[1], agent, options);
	error = error ? -error : child < 0 ? -errno : 0;
	close(ends[1]);
	if (error)
		close(ends[0]);
	else
		broker_first = ends[0];
	broker_child = error ? 0 : child;
	return error;
}

pid_t broker_pid(void)
{
	return broker_child;
}

bool broker_has_ended(void)
{
	char byte;

	return broker_first >= 0 && recv(broker_first, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

/* --- asking ----------------------------------------------------------------------------------- */

struct question {
	struct message_request request;
	size_t size;
	int fds[MESSAGE_FDS];
	unsigned int count; /* of .fds */
};

static void begin_question(struct question *question, enum message_act act)
{
	memset(&question->request, 0, MESSAGE_HEAD);
	question->request.act = act;
	question->size = MESSAGE_HEAD;
	question->count = 0;
}

static bool add_text(struct question *question, int index, const char *text)
{
	size_t size = strlen(text) + 1;

	if (size > PATH_MAX) {
		errno = ENAMETOOLONG;
		return false;
	}
	memcpy((char *)&question->request + question->size, text, size);
	question->request.text_sizes[index] = (uint32_t)size;
	question->size += size;
	return true;
}

/* Adds PATH, from the directory AT. The broker's descriptors are others. */
static bool add_path(struct question *question, int at, const char *path)
{
	if (!strncmp(path, DESCRIPTOR_FILES, strlen(DESCRIPTOR_FILES))) {
		char *end;

		at = (int)strtol(path + strlen(DESCRIPTOR_FILES), &end, 10);
		path = *end ? end + 1 : NULL;
	} else if (*path == '/') {
		at = -1;
	}
	if (at >= 0)
		question->fds[question->count++] = at;
	return !path || add_text(question, 0, path);
}

/* One message and its answer. Returns its descriptor, 0 where it has none, or -1. */
static int exchange_messages(int channel, const struct question *question,
			     struct message_answer *answer)
{
	int fds[MESSAGE_FDS];
	ssize_t size = message_send(channel, &question->request, question->size, question->fds,
				    question->count);

	if (!size)
		size = message_receive(channel, answer, sizeof(*answer), fds);
	if (size < (ssize_t)offsetof(struct message_answer, text)) {
		errno = size < 0 ? (int)-size : EPIPE;
		return -1;
	}
	cleanup_close(&fds[1]);
	if (answer->error) {
		cleanup_close(&fds[0]);
		errno = answer->error;
		return -1;
	}
	return fds[0] >= 0 ? fds[0] : 0;
}

static int open_channel(void)
{
	struct question question;
	struct message_answer answer;
	int ends[2], result;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends))
		return -1;
	begin_question(&question, ACT_CHANNEL);
	question.fds[question.count++] = ends[1];
	pthread_mutex_lock(&first_lock);
	result = exchange_messages(broker_first, &question, &answer);
	pthread_mutex_unlock(&first_lock);
	cleanup_close(&ends[1]);
	if (result < 0)
		cleanup_close(&ends[0]);
	return ends[0];
}

/* Asks over the channel of this thread. Returns as exchange_messages(). */
static int broker_ask(const struct question *question, struct message_answer *answer)
{
	int channel;

	if (broker_first < 0) {
		errno = EPERM;
		return -1;
	}
	channel = (int)(intptr_t)pthread_getspecific(broker_key) - 1;
	if (channel < 0) {
		channel = open_channel();
		if (channel < 0)
			return -1;
		pthread_setspecific(broker_key, (void *)(intptr_t)(channel + 1));
	}
	return exchange_messages(channel, question, answer);
}

/* Whether the broker may be able to do what ended in errno. */
static bool is_refused(void)
{
	return broker_first >= 0 && (errno == EACCES || errno == EPERM);
}

int broker_reload(void)
{
	struct question question;
	struct message_answer answer;

	if (broker_first < 0)
		return 0;
	begin_question(&question, ACT_RELOAD);
	return broker_ask(&question, &answer) < 0 ? -errno : 0;
}

/* --- files ------------------------------------------------------------------------------------ */

/* Asks for a descriptor of PATH. */
static int ask_open(int at, const char *path, int flags, mode_t mode, uint64_t resolve)
{
	struct question question;
	struct message_answer answer;
	int fd;

	begin_question(&question, ACT_OPEN);
	question.request.flags = (uint32_t)flags;
	question.request.mode = mode;
	question.request.mask = resolve;
	if (!add_path(&question, at, path))
		return -1;
	fd = broker_ask(&question, &answer);
	if (fd < 0 || flags & (O_PATH | O_NONBLOCK))
		return fd;
	fcntl(fd, F_SETFL, flags & O_APPEND); /* the broker does not wait for a FIFO */
	return fd;
}

int broker_open(int at, const char *path, int flags, mode_t mode)
{
	/* What is made is root's, also where this process might make it. */
	bool makes = flags & O_CREAT && broker_first >= 0;
	int fd = makes ? -1 : openat(at, path, flags, mode);

	return fd < 0 && (makes || is_refused()) ? ask_open(at, path, flags, mode, 0) : fd;
}

int broker_openat2(int at, const char *path, const struct open_how *how)
{
	int fd = (int)syscall(SYS_openat2, at, path, how, sizeof(*how));

	return fd < 0 && is_refused()
		       ? ask_open(at, path, (int)how->flags, (mode_t)how->mode, how->resolve)
		       : fd;
}

int broker_stat(int at, const char *path, struct stat *ret, int flags)
{
	_close_ int fd = -1;

	if (!fstatat(at, path, ret, flags))
		return 0;
	if (!is_refused())
		return -1;
	fd = ask_open(at, path, O_PATH | (flags & AT_SYMLINK_NOFOLLOW ? O_NOFOLLOW : 0), 0, 0);
	return fd < 0 ? -1 : fstat(fd, ret);
}

ssize_t broker_readlink(int at, const char *path, char *ret, size_t size)
{
	ssize_t got = readlinkat(at, path, ret, size);
	struct question question;
	struct message_answer answer;

	if (got >= 0 || !is_refused())
		return got;
	begin_question(&question, ACT_LINK);
	if (!add_path(&question, at, path) || broker_ask(&question, &answer) < 0)
		return -1;
	got = answer.text_size < size ? answer.text_size : (ssize_t)size;
	memcpy(ret, answer.text, (size_t)got);
	return got;
}

int broker_rename(int at, const char *from, const char *to)
{
	int result = renameat(at, from, at, to);
	struct question question;
	struct message_answer answer;

	if (!result || !is_refused())
		return result;
	begin_question(&question, ACT_RENAME);
	return add_path(&question, at, from) && add_text(&question, 1, to)
		       ? broker_ask(&question, &answer)
		       : -1;
}

int broker_unlink(int at, const char *path, int flags)
{
	int result = unlinkat(at, path, flags);
	struct question question;
	struct message_answer answer;

	if (!result || !is_refused())
		return result;
	begin_question(&question, ACT_UNLINK);
	question.request.flags = (uint32_t)flags;
	return add_path(&question, at, path) ? broker_ask(&question, &answer) : -1;
}

int broker_mkdir(const char *path, mode_t mode)
{
	struct question question;
	struct message_answer answer;

	if (broker_first < 0)
		return mkdir(path, mode);
	begin_question(&question, ACT_MKDIR);
	question.request.mode = mode;
	return add_path(&question, -1, path) ? broker_ask(&question, &answer) : -1;
}

static int ask_attributes(enum message_act act, int fd, uint32_t value)
{
	struct question question;
	struct message_answer answer;

	begin_question(&question, act);
	question.request.mode = value;
	question.fds[question.count++] = fd;
	return broker_ask(&question, &answer);
}

int broker_chmod(int fd, mode_t mode)
{
	int result = fchmod(fd, mode);

	return result && is_refused() ? ask_attributes(ACT_CHMOD, fd, mode) : result;
}

int broker_chgrp(int fd, gid_t group)
{
	int result = fchown(fd, (uid_t)-1, group);

	return result && is_refused() ? ask_attributes(ACT_CHGRP, fd, group) : result;
}

DIR *broker_opendir(int at, const char *path)
{
	_close_ int fd = broker_open(at, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	DIR *ret = fd < 0 ? NULL : fdopendir(fd);

	if (ret)
		(void)take_fd(fd);
	return ret;
}

FILE *broker_fopen(const char *path)
{
	_close_ int fd = broker_open(AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
	FILE *ret = fd < 0 ? NULL : fdopen(fd, "r");

	if (ret)
		(void)take_fd(fd);
	return ret;
}

int broker_digest(int fd, struct broker_digest *ret)
{
	int error = hashing_file(fd, ret);
	struct question question;
	struct message_answer answer;

	errno = -error;
	if (!error || !is_refused())
		return error ? -1 : 0;
	begin_question(&question, ACT_DIGEST);
	question.fds[question.count++] = fd;
	if (broker_ask(&question, &answer) < 0)
		return -1;
	*ret = answer.digest;
	return 0;
}

/* --- watching --------------------------------------------------------------------------------- */

int broker_mark(int fanotify, unsigned int flags, uint64_t mask, int fd)
{
	struct question question;
	struct message_answer answer;
	char path[DESCRIPTOR_PATH_SIZE];

	descriptor_path(fd, path);
	if (!fanotify_mark(fanotify, flags, mask, AT_FDCWD, path))
		return 0;
	if (!is_refused())
		return -1;
	begin_question(&question, ACT_MARK);
	question.request.flags = flags;
	question.request.mask = mask;
	question.fds[question.count++] = fanotify;
	question.fds[question.count++] = fd;
	return broker_ask(&question, &answer);
}

int broker_watch(int inotify, int fd, uint32_t mask)
{
	struct question question;
	struct message_answer answer;
	char path[DESCRIPTOR_PATH_SIZE];
	int watch;

	descriptor_path(fd, path);
	watch = inotify_add_watch(inotify, path, mask);
	if (watch >= 0 || !is_refused())
		return watch;
	begin_question(&question, ACT_WATCH);
	question.request.mask = mask;
	question.fds[question.count++] = inotify;
	question.fds[question.count++] = fd;
	return broker_ask(&question, &answer) < 0 ? -1 : (int)answer.value;
}

/* --- sockets ---------------------------------------------------------------------------------- */

/* Of FD, a copy that the caller keeps. */
static void describe_socket(int fd, struct broker_socket *ret)
{
	socklen_t wide = sizeof(int);
	int accepts = 0;

	ret->is_socket = !getsockopt(fd, SOL_SOCKET, SO_TYPE, &ret->type, &wide);
	wide = sizeof(accepts);
	ret->accepts = ret->is_socket &&
		       !getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &accepts, &wide) && accepts;
	ret->size = sizeof(ret->address);
	if (!ret->is_socket || getsockname(fd, (struct sockaddr *)&ret->address, &ret->size))
		ret->size = 0;
	ret->peer_size = sizeof(ret->peer);
	if (!ret->is_socket || getpeername(fd, (struct sockaddr *)&ret->peer, &ret->peer_size))
		ret->peer_size = 0;
}

int broker_socket(int pidfd, int number, struct broker_socket *ret)
{
	_close_ int fd = (int)syscall(SYS_pidfd_getfd, pidfd, number, 0);
	struct question question;
	struct message_answer answer;

	memset(ret, 0, sizeof(*ret));
	if (fd >= 0) {
		describe_socket(fd, ret);
		return 0;
	}
	if (!is_refused())
		return -1;
	begin_question(&question, ACT_SOCKET);
	question.request.mode = (uint32_t)number;
	question.fds[question.count++] = pidfd;
	if (broker_ask(&question, &answer) < 0)
		return -1;
	*ret = answer.socket;
	return 0;
}

/* --- engines ---------------------------------------------------------------------------------- */

static int ask_engine(enum message_act act, const char *path, struct ucred *peer)
{
	struct question question;
	struct message_answer answer;
	struct stat node;
	int result;

	if (stat(path, &node) && errno == ENOENT) /* as where no engine runs, each few seconds */
		return -1;
	begin_question(&question, act);
	if (!add_path(&question, -1, path))
		return -1;
	result = broker_ask(&question, &answer);
	if (result >= 0)
		*peer = answer.peer;
	return result;
}

int broker_connect(const char *path, struct ucred *peer)
{
	int fd;

	if (broker_first >= 0)
		return ask_engine(ACT_ENGINE, path, peer);
	fd = relay_connect(path, peer);
	errno = fd < 0 ? -fd : errno;
	return fd < 0 ? -1 : fd;
}

int broker_connect_output(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	_close_ int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	struct question question;
	struct message_answer answer;

	if (strlen(path) >= sizeof(address.sun_path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(address.sun_path, path, strlen(path));
	if (fd >= 0 && !connect(fd, (const struct sockaddr *)&address, sizeof(address)))
		return take_fd(fd);
	if (fd < 0 || !is_refused())
		return -1;
	begin_question(&question, ACT_OUTPUT);
	return add_path(&question, -1, path) ? broker_ask(&question, &answer) : -1;
}

int broker_peer(const char *path, struct ucred *peer)
{
	_close_ int fd = -1;

	if (broker_first >= 0)
		return ask_engine(ACT_PEER, path, peer);
	fd = broker_connect(path, peer);
	return fd < 0 ? -1 : 0;
}

uint32_t broker_thread(void)
{
	struct question question;
	struct message_answer answer;

	begin_question(&question, ACT_THREAD);
	return broker_first >= 0 && broker_ask(&question, &answer) >= 0 ? answer.value
									: (uint32_t)gettid();
}
