/* SPDX-License-Identifier: Apache-2.0 */
/* The main thread connects, another thread sends. --gone: the main thread has ended before. */
#include <pthread.h>

#include "client.h"

static const char *target;
static int fd;

static void *send_it(void *gone)
{
	int status;

	prctl(PR_SET_NAME, "side-thread");
	if (gone)
		usleep(50000);
	client_say_self("sender");
	if (client_get(fd, target))
		client_die("send");
	status = client_response(fd, false);
	client_say("status=%d", status);
	exit(status == 200 ? 0 : 1);
}

int main(int argc, char **argv)
{
	const char *path = client_socket(argc, argv, "[--target T] [--gone]");
	bool gone = client_flag(argc, argv, "--gone");
	pthread_t thread;

	target = client_option(argc, argv, "--target", "/_ping");
	client_say_self("connector");
	fd = client_connect(path);
	errno = pthread_create(&thread, NULL, send_it, gone ? "gone" : NULL);
	if (errno)
		client_die("pthread_create");
	if (gone)
		pthread_exit(NULL);
	pthread_join(thread, NULL);
	return 1;
}
