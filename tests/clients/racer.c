/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Changes under the kernel's hands what a connect(2) is made of, while it runs, and counts exactly
 * what came of it: each round's sockets are asked for their peer afterwards.
 *
 *	--mode descriptor  two threads connect the same descriptor, to the socket and to a decoy,
 *while others put one or the other socket behind it (dup2) or close it (default)
 *	--mode address	   another thread rewrites the address between the socket's and the decoy's
 *	--mode argv	   another thread rewrites argv between A… and B…, of the same length
 *	--rounds N	   1000
 *	--target T	   /_ping; the request of round I has the target T?round=I
 *
 * connects: sockets that have the daemon as their peer in the end, each with one request; decoys:
 * sockets that have the decoy, of which nothing may be reported.
 */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>

#include "client.h"

static struct sockaddr_un daemon_address, decoy_address, shared_address;
static socklen_t daemon_size, decoy_size;
static atomic_int slot = -1, running = 1;
static int originals[2];
static atomic_long swaps;
static pthread_barrier_t start, end;
static char decoy_dir[PATH_MAX], decoy_path[sizeof(decoy_address.sun_path)];

/* A listener of our own with a path as long as the daemon's, where that is possible. */
static int open_decoy(const char *path)
{
	const char *tmp = getenv("TMPDIR");
	size_t wanted = strlen(path), size;
	int fd;

	snprintf(decoy_dir, sizeof(decoy_dir), "%s/racer.XXXXXX", tmp ? tmp : "/tmp");
	if (!mkdtemp(decoy_dir))
		client_die("%s", decoy_dir);
	size = snprintf(decoy_path, sizeof(decoy_path), "%s/d", decoy_dir);
	while (size < wanted && size < sizeof(decoy_path) - 1)
		decoy_path[size++] = 'd';
	decoy_path[size] = 0;
	decoy_size = client_address(&decoy_address, decoy_path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&decoy_address, decoy_size) || listen(fd, 4096))
		client_die("%s", decoy_path);
	return fd;
}

/* Takes the decoy's connections off its queue, so that none of them waits for room. A process, not
 * a thread: its descriptors must not get in the way of those that the threads fight about. */
static pid_t drain_decoy(int listener)
{
	pid_t pid = fork();
	int fd;

	if (pid < 0)
		client_die("fork");
	if (pid) {
		close(listener);
		return pid;
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	while ((fd = accept(listener, NULL, NULL)) >= 0)
		close(fd);
	_exit(1);
}

static void *connect_slot(void *to_daemon)
{
	for (;;) {
		pthread_barrier_wait(&start);
		if (!running)
			return NULL;
		if (to_daemon)
			connect(slot, (struct sockaddr *)&daemon_address, daemon_size);
		else
			connect(slot, (struct sockaddr *)&decoy_address, decoy_size);
		pthread_barrier_wait(&end);
	}
}

static void *swap_slot(void *which)
{
	for (;;) {
		pthread_barrier_wait(&start);
		if (!running)
			return NULL;
		for (int i = 0; i < 20; i++) {
			if (which)
				dup2(originals[i & 1], slot);
			else if (i % 7 == 6)
				close(slot);
			else
				dup2(originals[~i & 1], slot);
			swaps++;
		}
		pthread_barrier_wait(&end);
	}
}

static void *rewrite_address(void *unused)
{
	(void)unused;
	while (running) {
		memcpy(shared_address.sun_path, decoy_address.sun_path,
		       sizeof(shared_address.sun_path));
		__atomic_signal_fence(__ATOMIC_SEQ_CST);
		memcpy(shared_address.sun_path, daemon_address.sun_path,
		       sizeof(shared_address.sun_path));
		__atomic_signal_fence(__ATOMIC_SEQ_CST);
		swaps++;
	}
	return NULL;
}

static void *rewrite_argv(void *last)
{
	char *text = last;
	size_t size = strlen(text);

	while (running) {
		memset(text, 'B', size);
		__atomic_signal_fence(__ATOMIC_SEQ_CST);
		memset(text, 'A', size);
		__atomic_signal_fence(__ATOMIC_SEQ_CST);
		swaps++;
	}
	return NULL;
}

/* Counts FD by its peer; a request goes to the daemon. Returns 1 where the daemon is the peer. */
static int settle(int fd, const char *target, long round, long *decoys)
{
	struct sockaddr_un peer = {0};
	socklen_t size = sizeof(peer);
	char own[8200];

	if (getpeername(fd, (struct sockaddr *)&peer, &size)) {
		close(fd);
		return 0;
	}
	if (!strcmp(peer.sun_path, decoy_address.sun_path)) {
		(*decoys)++;
		close(fd);
		return 0;
	}
	snprintf(own, sizeof(own), "%s%cround=%ld", target, client_separator(target), round);
	if (client_get(fd, own) || client_response(fd, false) != 200)
		client_die("request of round %ld", round);
	close(fd);
	return 1;
}

int main(int argc, char **argv)
{
	const char *path = client_socket(
		argc, argv, "[--mode descriptor|address|argv] [--rounds N] [--target T]");
	const char *mode = client_option(argc, argv, "--mode", "descriptor");
	const char *target = client_option(argc, argv, "--target", "/_ping");
	long rounds = client_number(argc, argv, "--rounds", 1000), connects = 0, decoys = 0;
	bool descriptor = !strcmp(mode, "descriptor"), address = !strcmp(mode, "address");
	pthread_t thread[4];
	pid_t drain = 0;
	int threads = 0;

	if (!strcmp(mode, "argv") && !client_flag(argc, argv, "--fill")) {
		static char fill[2049];

		memset(fill, 'A', sizeof(fill) - 1);
		execl("/proc/self/exe", argv[0], path, "--mode", mode, "--rounds",
		      client_option(argc, argv, "--rounds", "1000"), "--target", target, "--fill",
		      fill, NULL);
		client_die("exec");
	}
	client_say_self("sender");
	daemon_size = client_address(&daemon_address, path);
	if (descriptor || address)
		drain = drain_decoy(open_decoy(path));
	if (descriptor) {
		pthread_barrier_init(&start, NULL, 5);
		pthread_barrier_init(&end, NULL, 5);
		pthread_create(&thread[threads++], NULL, connect_slot, "daemon");
		pthread_create(&thread[threads++], NULL, connect_slot, NULL);
		pthread_create(&thread[threads++], NULL, swap_slot, "dup2");
		pthread_create(&thread[threads++], NULL, swap_slot, NULL);
	} else {
		if (address && decoy_size != daemon_size) {
			client_say("skip=no decoy path as long as %s", path);
			rounds = 0;
		}
		shared_address = daemon_address;
		pthread_create(&thread[threads++], NULL, address ? rewrite_address : rewrite_argv,
			       argv[argc - 1]);
	}
	for (long i = 0; i < rounds; i++) {
		int fd = socket(AF_UNIX, SOCK_STREAM, 0), other;

		if (fd < 0)
			client_die("socket");
		if (!descriptor) {
			/* A half-written address names neither: that connect fails, and is not
			 * counted. */
			if (!connect(fd,
				     (struct sockaddr *)(address ? &shared_address
								 : &daemon_address),
				     daemon_size))
				connects += settle(fd, target, i, &decoys);
			else
				close(fd);
			continue;
		}
		other = socket(AF_UNIX, SOCK_STREAM, 0);
		originals[0] = fd;
		originals[1] = other;
		slot = dup(fd);
		pthread_barrier_wait(&start);
		pthread_barrier_wait(&end);
		close(slot);
		connects += settle(fd, target, i, &decoys);
		connects += settle(other, target, i, &decoys);
	}
	running = 0;
	if (descriptor)
		pthread_barrier_wait(&start);
	for (int i = 0; i < threads; i++)
		pthread_join(thread[i], NULL);
	if (drain) {
		kill(drain, SIGKILL);
		client_wait(drain);
		unlink(decoy_path);
		rmdir(decoy_dir);
	}
	client_say("mode=%s", mode);
	client_say("connects=%ld", connects);
	client_say("requests=%ld", connects);
	client_say("decoys=%ld", decoys);
	client_say("swaps=%ld", swaps);
	return 0;
}
