// SPDX-License-Identifier: Apache-2.0
/*
 * Not by libmicrohttpd: that brings GnuTLS, nettle, p11-kit and libunistring into a process with these capabilities, beside
 * the OpenSSL that it has, for two resources without a body. Requests are read by http/http1, which is there and fuzzed.
 */
#include "health/endpoint.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "broker/broker.h"
#include "http/http1.h"
#include "system/own_file.h"
#include "system/thread.h"

#define CLIENTS_MAX 16
#define CLIENTS_OF_USER 4
#define CLIENTS_OF_USERS (CLIENTS_MAX - CLIENTS_OF_USER) /* of all but root, who has places left */
#define PACE 5						 /* ms from one accept to the next */
#define HEAD_MAX 4096					 /* bytes of a request */
#define REQUEST_TIME 5000 /* ms for the whole request, and for the whole answer */
#define LOOP_TIME 3000	  /* ms for the loop to publish */
#define TEST_TIME 20000	  /* ms for a self-test */
#define ANSWER_MAX (1u << 20)
#define FRESH 1000	     /* ms that what was published is served */
#define LIVE_SIZE (1u << 20) /* bytes of records that a slow reader may be behind */
#define LIVE_PIECE (64u << 10)
#define STACK_SIZE (256u << 10)

enum resource {
	RESOURCE_NONE,
	RESOURCE_METRICS,
	RESOURCE_HEALTH,
	RESOURCE_DETAILS,
	RESOURCE_TEST,
	/* From here on those of the control socket. */
	RESOURCE_RECORDS,
	RESOURCE_WHO,
};

enum client_state {
	CLIENT_FREE,
	CLIENT_READS,
	CLIENT_WAITS, /* for the loop */
	CLIENT_WRITES,
	CLIENT_WATCHES, /* gets records until it goes */
};

struct served {
	int fd;
	enum client_state state;
	enum resource resource;
	uid_t uid;
	bool head;	   /* of a HEAD: no body */
	uint64_t deadline; /* ms */
	uint64_t asked;	   /* ms */
	struct http1_parser parser;
	struct text answer;
	size_t sent;
	uint64_t position; /* of CLIENT_WATCHES: in .live */
};

/* What a client asks the loop about a process. */
struct posed {
	enum { POSED_NOT, POSED_ASKED, POSED_TAKEN, POSED_ANSWERED } state;
	uint64_t number; /* tells it from what the client of this place asked before */
	uint32_t pid;
	bool root;
	int status; /* of the answer */
	struct text answer;
};

struct endpoint {
	int listener, wake; /* wake: an eventfd */
	struct sockaddr_un address;
	pthread_t thread;
	bool ending;		  /* atomic */
	bool wanted, test_wanted; /* atomic */
	struct served *clients;	  /* the thread's, CLIENTS_MAX */
	uint64_t accept_at;	  /* ms; the thread's */
	bool records;		  /* it serves them and who processes are, and nothing else */
	unsigned int watchers;	  /* atomic */
	unsigned int asked;	  /* atomic: how many of .posed are POSED_ASKED */

	pthread_mutex_t lock; /* for what follows */
	struct text metrics, health, details, report;
	bool healthy, passed;
	uint64_t published, tested; /* ms; 0: never */
	char *live;	   /* the last LIVE_SIZE bytes of records; NULL: nobody watched so far */
	uint64_t live_end; /* bytes of them, ever */
	struct posed posed[CLIENTS_MAX]; /* by client */
	uint64_t posed_count;		 /* ever */
	unsigned int taken_last;	 /* whose question of another than root was taken last */
};

static bool get_flag(const bool *flag)
{
	return __atomic_load_n(flag, __ATOMIC_ACQUIRE);
}

/* --- answers ---------------------------------------------------------------------------------- */

static const char *reason_of(int status)
{
	switch (status) {
	case 200:
		return "OK";
	case 400:
		return "Bad Request";
	case 403:
		return "Forbidden";
	case 404:
		return "Not Found";
	case 405:
		return "Method Not Allowed";
	case 410:
		return "Gone";
	case 431:
		return "Request Header Fields Too Large";
	default:
		return "Service Unavailable";
	}
}

static void begin_answer(struct served *client, int status, struct bytes body)
{
	const char *type = client->resource == RESOURCE_METRICS && status == 200
				   ? "text/plain; version=0.0.4; charset=utf-8"
				   : "text/plain; charset=utf-8";
	char head[256];

	snprintf(head, sizeof(head),
		 "HTTP/1.1 %d %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n"
		 "Cache-Control: no-store\r\n%sConnection: close\r\n\r\n",
		 status, reason_of(status), type, body.size,
		 status != 405			     ? ""
		 : client->resource == RESOURCE_TEST ? "Allow: POST\r\n"
						     : "Allow: GET, HEAD\r\n");
	text_add_string(&client->answer, head);
	if (!client->head)
		text_add_bytes(&client->answer, body);
	client->state = CLIENT_WRITES;
	client->deadline = clock_now_ms() + REQUEST_TIME;
}

static void answer_error(struct served *client, int status, const char *body)
{
	begin_answer(client, status, bytes_of(body));
}

/* Answers from what was published; false: it is too old. */
static bool answer_published(struct endpoint *endpoint, struct served *client)
{
	thread_guard(&endpoint->lock);
	if (!endpoint->published || endpoint->published + FRESH < client->asked)
		return false;
	if (client->resource == RESOURCE_METRICS)
		begin_answer(client, 200, text_since(&endpoint->metrics, 0));
	else if (client->resource == RESOURCE_DETAILS)
		begin_answer(client, 200, text_since(&endpoint->details, 0));
	else
		begin_answer(client, endpoint->healthy ? 200 : 503,
			     text_since(&endpoint->health, 0));
	return true;
}

static bool answer_tested(struct endpoint *endpoint, struct served *client)
{
	thread_guard(&endpoint->lock);
	if (endpoint->tested < client->asked)
		return false;
	begin_answer(client, endpoint->passed ? 200 : 503, text_since(&endpoint->report, 0));
	return true;
}

/* --- questions about processes ---------------------------------------------------------------- */

static struct posed *posed_by(struct endpoint *endpoint, const struct served *client)
{
	return &endpoint->posed[client - endpoint->clients];
}

static void drop_posed(struct endpoint *endpoint, struct posed *posed)
{
	if (posed->state == POSED_ASKED)
		__atomic_fetch_sub(&endpoint->asked, 1, __ATOMIC_RELEASE);
	text_free(&posed->answer);
	*posed = (struct posed){0};
}

/* The PID in QUERY, which is "pid=NUMBER" and nothing else; 0: it is not. */
static uint32_t pid_of_query(struct bytes query)
{
	uint64_t pid = 0;

	if (!bytes_begin(query, "pid=") || query.size > sizeof("pid=4294967295") - 1)
		return 0;
	query = bytes_from(query, 4);
	for (size_t i = 0; i < query.size; i++) {
		if (query.data[i] < '0' || query.data[i] > '9')
			return 0;
		pid = 10 * pid + (uint64_t)(query.data[i] - '0');
	}
	return pid <= INT32_MAX ? (uint32_t)pid : 0;
}

static void pose_question(struct endpoint *endpoint, struct served *client, struct bytes query)
{
	struct posed *posed = posed_by(endpoint, client);
	uint32_t pid = pid_of_query(query);

	if (!pid) {
		answer_error(client, 400, "it is /who?pid=NUMBER\n");
		return;
	}
	client->asked = clock_now_ms();
	client->state = CLIENT_WAITS;
	client->deadline = client->asked + LOOP_TIME;
	thread_guard(&endpoint->lock);
	drop_posed(endpoint, posed);
	*posed = (struct posed){.state = POSED_ASKED,
				.number = ++endpoint->posed_count,
				.pid = pid,
				.root = client->uid == 0};
	__atomic_fetch_add(&endpoint->asked, 1, __ATOMIC_RELEASE);
}

static bool answer_question(struct endpoint *endpoint, struct served *client)
{
	struct posed *posed = posed_by(endpoint, client);

	thread_guard(&endpoint->lock);
	if (posed->state != POSED_ANSWERED)
		return false;
	begin_answer(client, posed->status, text_since(&posed->answer, 0));
	drop_posed(endpoint, posed);
	return true;
}

/* --- requests --------------------------------------------------------------------------------- */

static void set_wanted(struct endpoint *endpoint, struct served *client)
{
	bool test = client->resource == RESOURCE_TEST;

	client->asked = clock_now_ms();
	client->state = CLIENT_WAITS;
	client->deadline = client->asked + (test ? TEST_TIME : LOOP_TIME);
	if (!test && answer_published(endpoint, client))
		return;
	__atomic_store_n(test ? &endpoint->test_wanted : &endpoint->wanted, true, __ATOMIC_RELEASE);
}

/* *RET_QUERY: what is behind the path. */
static enum resource find_resource(const struct endpoint *endpoint, struct bytes target,
				   struct bytes *ret_query)
{
	static const struct {
		const char *path;
		enum resource resource;
	} resources[] = {
		{"/records", RESOURCE_RECORDS}, {"/metrics", RESOURCE_METRICS},
		{"/healthz", RESOURCE_HEALTH},	{"/details", RESOURCE_DETAILS},
		{"/self-test", RESOURCE_TEST},	{"/who", RESOURCE_WHO},
	};
	struct bytes path = {0};

	bytes_take(&target, '?', &path);
	*ret_query = target;
	for (size_t i = 0; i < COUNT(resources); i++)
		if (bytes_are(path, resources[i].path) &&
		    endpoint->records == (resources[i].resource >= RESOURCE_RECORDS))
			return resources[i].resource;
	return RESOURCE_NONE;
}

/* From here on CLIENT gets each record. */
static void begin_watching(struct endpoint *endpoint, struct served *client)
{
	thread_guard(&endpoint->lock);
	if (!endpoint->live)
		endpoint->live = malloc(LIVE_SIZE);
	if (!endpoint->live) {
		answer_error(client, 503, "no memory\n");
		return;
	}
	text_add_string(&client->answer, "HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\n"
					 "Cache-Control: no-store\r\nConnection: close\r\n\r\n");
	client->position = endpoint->live_end;
	client->state = CLIENT_WATCHES;
	__atomic_fetch_add(&endpoint->watchers, 1, __ATOMIC_RELEASE);
}

static void heed_request(struct endpoint *endpoint, struct served *client)
{
	const struct http1_parser *parser = &client->parser;
	enum method verb = parser->head.verb;
	bool reads = verb == METHOD_GET || verb == METHOD_HEAD;
	struct bytes target = {parser->target, parser->head.target_size}, query;

	client->head = verb == METHOD_HEAD;
	client->resource = find_resource(endpoint, target, &query);
	if (client->resource == RESOURCE_NONE)
		answer_error(client, 404,
			     endpoint->records ? "there are /records and /who\n"
					       : "there are /metrics and /healthz\n");
	else if (client->resource == RESOURCE_TEST ? verb != METHOD_POST : !reads)
		answer_error(client, 405, "not by this method\n");
	else if (client->resource == RESOURCE_TEST && client->uid != 0)
		answer_error(client, 403, "only root may ask for a self-test\n");
	else if (client->resource == RESOURCE_RECORDS && !client->head)
		begin_watching(endpoint, client);
	else if (client->resource == RESOURCE_WHO)
		pose_question(endpoint, client, query);
	else
		set_wanted(endpoint, client);
}

static void end_client(struct endpoint *endpoint, struct served *client)
{
	if (client->state == CLIENT_WATCHES)
		__atomic_fetch_sub(&endpoint->watchers, 1, __ATOMIC_RELEASE);
	pthread_mutex_lock(&endpoint->lock);
	drop_posed(endpoint, posed_by(endpoint, client));
	pthread_mutex_unlock(&endpoint->lock);
	close(client->fd);
	text_free(&client->answer);
	client->answer = (struct text){0};
	client->state = CLIENT_FREE;
}

static void receive_request(struct endpoint *endpoint, struct served *client)
{
	char bytes[1024];
	ssize_t size = recv(client->fd, bytes, sizeof(bytes), MSG_DONTWAIT);
	size_t used, body_size;
	const char *body;

	if (size <= 0) {
		if (!size || (errno != EAGAIN && errno != EINTR))
			end_client(endpoint, client);
		return;
	}
	switch (http1_next(&client->parser, bytes, (size_t)size, &used, &body, &body_size)) {
	case HTTP1_MORE:
		if (client->parser.message_bytes > HEAD_MAX)
			answer_error(client, 431, "the request is too long\n");
		break;
	case HTTP1_ERROR:
		answer_error(client, 400, "this is no request\n");
		break;
	default:
		heed_request(endpoint, client);
		break;
	}
}

/* Takes what is new of the records. False: CLIENT was so slow that some are gone. */
static bool take_records(struct endpoint *endpoint, struct served *client)
{
	size_t at, size;

	thread_guard(&endpoint->lock);
	if (endpoint->live_end - client->position > LIVE_SIZE)
		return false;
	text_cut(&client->answer, 0);
	client->sent = 0;
	while (client->position < endpoint->live_end && client->answer.size < LIVE_PIECE) {
		at = client->position % LIVE_SIZE;
		size = (size_t)(endpoint->live_end - client->position);
		if (size > LIVE_SIZE - at)
			size = LIVE_SIZE - at;
		if (size > LIVE_PIECE)
			size = LIVE_PIECE;
		text_add(&client->answer, endpoint->live + at, size);
		client->position += size;
	}
	return !client->answer.error;
}

/* Whether there is something to be written to CLIENT, which watches. */
static bool is_behind(struct endpoint *endpoint, const struct served *client)
{
	thread_guard(&endpoint->lock);
	return client->sent < client->answer.size || client->position < endpoint->live_end;
}

/* What the reader misses is not left out in silence: the connection ends. */
static void write_records(struct endpoint *endpoint, struct served *client)
{
	ssize_t size;

	if (client->sent == client->answer.size && !take_records(endpoint, client)) {
		end_client(endpoint, client);
		return;
	}
	if (client->sent == client->answer.size)
		return;
	size = send(client->fd, client->answer.data + client->sent,
		    client->answer.size - client->sent, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (size > 0)
		client->sent += (size_t)size;
	else if (errno != EAGAIN && errno != EINTR)
		end_client(endpoint, client);
}

static void write_answer(struct endpoint *endpoint, struct served *client)
{
	ssize_t size = client->answer.error ? 0
					    : send(client->fd, client->answer.data + client->sent,
						   client->answer.size - client->sent,
						   MSG_DONTWAIT | MSG_NOSIGNAL);

	if (size > 0)
		client->sent += (size_t)size;
	else if (size < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (size <= 0 || client->sent == client->answer.size)
		end_client(endpoint, client);
}

/* --- the thread ------------------------------------------------------------------------------- */

/* Whether one more connection of UID is served. Then a client is free. */
static bool has_place(const struct endpoint *endpoint, uid_t uid)
{
	unsigned int own = 0, users = 0;

	for (int i = 0; i < CLIENTS_MAX; i++) {
		const struct served *client = &endpoint->clients[i];

		own += client->state != CLIENT_FREE && client->uid == uid;
		users += client->state != CLIENT_FREE && client->uid != 0;
	}
	return own < CLIENTS_OF_USER && (uid == 0 || users < CLIENTS_OF_USERS);
}

static struct served *find_free_client(struct endpoint *endpoint)
{
	for (int i = 0; i < CLIENTS_MAX; i++)
		if (endpoint->clients[i].state == CLIENT_FREE)
			return &endpoint->clients[i];
	return NULL;
}

static void accept_client(struct endpoint *endpoint)
{
	int fd = accept4(endpoint->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct served *client = find_free_client(endpoint);
	struct ucred peer = {.uid = (uid_t)-1};
	socklen_t size = sizeof(peer);

	endpoint->accept_at = clock_now_ms() + PACE;
	if (fd < 0)
		return;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) ||
	    !has_place(endpoint, peer.uid)) {
		close(fd);
		return;
	}
	client->fd = fd;
	client->state = CLIENT_READS;
	client->uid = peer.uid;
	client->head = false;
	client->resource = RESOURCE_NONE;
	client->sent = 0;
	client->deadline = clock_now_ms() + REQUEST_TIME;
	http1_init(&client->parser, HTTP1_REQUEST);
}

/* Answers CLIENT, if there is an answer. */
static bool answer_client(struct endpoint *endpoint, struct served *client)
{
	switch (client->resource) {
	case RESOURCE_TEST:
		return answer_tested(endpoint, client);
	case RESOURCE_WHO:
		return answer_question(endpoint, client);
	default:
		return answer_published(endpoint, client);
	}
}

/* What is due without a byte from or for CLIENT. */
static void run_client(struct endpoint *endpoint, struct served *client, uint64_t now)
{
	bool late = now >= client->deadline;

	if (client->state == CLIENT_WATCHES)
		return;
	if (client->state == CLIENT_WAITS) {
		if (answer_client(endpoint, client))
			return;
		if (late)
			answer_error(client, 503, "the main loop of callerd does not answer\n");
	} else if (late) {
		end_client(endpoint, client);
	}
}

static void serve_client(struct endpoint *endpoint, struct served *client, short events)
{
	if (client->state == CLIENT_READS && events)
		receive_request(endpoint, client);
	else if (client->state == CLIENT_WRITES && events)
		write_answer(endpoint, client);
	else if (client->state == CLIENT_WATCHES && !(events & (POLLHUP | POLLERR)))
		write_records(endpoint, client);
	else if (events & (POLLHUP | POLLERR)) /* it does not wait any more */
		end_client(endpoint, client);
}

/* Sets what to wait for; returns for how many ms. */
static int plan_wait(struct endpoint *endpoint, struct pollfd fds[2 + CLIENTS_MAX])
{
	static const short events[] = {
		[CLIENT_FREE] = 0,	   [CLIENT_READS] = POLLIN,
		[CLIENT_WAITS] = 0, /* one that is gone is told all the same */
		[CLIENT_WRITES] = POLLOUT, [CLIENT_WATCHES] = 0,
	};
	uint64_t now = clock_now_ms(), next = UINT64_MAX;

	fds[0] = (struct pollfd){.fd = endpoint->wake, .events = POLLIN};
	fds[1] = (struct pollfd){.fd = endpoint->listener, .events = POLLIN};
	if (now < endpoint->accept_at) {
		fds[1].fd = -1;
		next = endpoint->accept_at;
	}
	for (int i = 0; i < CLIENTS_MAX; i++) {
		const struct served *client = &endpoint->clients[i];

		fds[2 + i] = (struct pollfd){.fd = -1};
		if (client->state == CLIENT_FREE)
			continue;
		fds[2 + i] = (struct pollfd){.fd = client->fd, .events = events[client->state]};
		if (client->state == CLIENT_WATCHES) {
			if (is_behind(endpoint, client))
				fds[2 + i].events = POLLOUT;
			continue;
		}
		if (client->deadline < next)
			next = client->deadline;
	}
	if (next == UINT64_MAX)
		return -1;
	return next > now ? (int)(next - now) : 0;
}

static void *serve_all(void *data)
{
	struct endpoint *endpoint = data;
	struct pollfd fds[2 + CLIENTS_MAX];

	thread_be_nice();
	while (!get_flag(&endpoint->ending)) {
		int milliseconds = plan_wait(endpoint, fds);
		eventfd_t count;

		if (poll(fds, COUNT(fds), milliseconds) < 0)
			continue;
		if (fds[0].revents)
			eventfd_read(endpoint->wake, &count);
		for (int i = 0; i < CLIENTS_MAX; i++) {
			struct served *client = &endpoint->clients[i];

			if (client->state != CLIENT_FREE)
				serve_client(endpoint, client, fds[2 + i].revents);
			if (client->state != CLIENT_FREE)
				run_client(endpoint, client, clock_now_ms());
		}
		if (fds[1].revents)
			accept_client(endpoint);
	}
	return NULL;
}

/* --- records ---------------------------------------------------------------------------------- */

bool endpoint_watched(const struct endpoint *endpoint)
{
	return endpoint && __atomic_load_n(&endpoint->watchers, __ATOMIC_ACQUIRE);
}

void endpoint_put(struct endpoint *endpoint, struct bytes lines)
{
	pthread_mutex_lock(&endpoint->lock);
	for (size_t done = 0; endpoint->live && done < lines.size;) {
		size_t at = endpoint->live_end % LIVE_SIZE, size = lines.size - done;

		if (size > LIVE_SIZE - at)
			size = LIVE_SIZE - at;
		memcpy(endpoint->live + at, lines.data + done, size);
		endpoint->live_end += size;
		done += size;
	}
	pthread_mutex_unlock(&endpoint->lock);
	eventfd_write(endpoint->wake, 1);
}

/* --- for the loop ----------------------------------------------------------------------------- */

bool endpoint_wants(const struct endpoint *endpoint)
{
	return endpoint && get_flag(&endpoint->wanted);
}

static void replace_text(struct text *old, struct text *text)
{
	text_free(old);
	*old = *text;
	*text = (struct text){0};
}

void endpoint_publish(struct endpoint *endpoint, struct text *metrics, struct text *health,
		      bool healthy, struct text *details)
{
	if (metrics->error || health->error || details->error)
		return;
	pthread_mutex_lock(&endpoint->lock);
	replace_text(&endpoint->metrics, metrics);
	replace_text(&endpoint->health, health);
	replace_text(&endpoint->details, details);
	endpoint->healthy = healthy;
	endpoint->published = clock_now_ms();
	pthread_mutex_unlock(&endpoint->lock);
	__atomic_store_n(&endpoint->wanted, false, __ATOMIC_RELEASE);
	eventfd_write(endpoint->wake, 1);
}

bool endpoint_take_test(struct endpoint *endpoint)
{
	return endpoint && __atomic_exchange_n(&endpoint->test_wanted, false, __ATOMIC_ACQ_REL);
}

void endpoint_tested(struct endpoint *endpoint, const char *report, bool passed)
{
	pthread_mutex_lock(&endpoint->lock);
	text_cut(&endpoint->report, 0);
	text_add_string(&endpoint->report, report);
	endpoint->passed = passed;
	endpoint->tested = clock_now_ms();
	pthread_mutex_unlock(&endpoint->lock);
	eventfd_write(endpoint->wake, 1);
}

static bool is_takeable(const struct endpoint *endpoint, unsigned int client, bool root)
{
	const struct posed *posed = &endpoint->posed[client];

	return posed->state == POSED_ASKED && posed->root == root;
}

/* The question that is next, of root or of others, one client after the other; CLIENTS_MAX: there is none. */
static unsigned int next_posed(const struct endpoint *endpoint, bool root)
{
	for (unsigned int i = 1; i <= CLIENTS_MAX; i++) {
		unsigned int client = (endpoint->taken_last + i) % CLIENTS_MAX;

		if (is_takeable(endpoint, client, root))
			return client;
	}
	return CLIENTS_MAX;
}

bool endpoint_take_question(struct endpoint *endpoint, bool others, struct endpoint_question *ret)
{
	struct posed *posed;
	unsigned int client;

	if (!endpoint || !__atomic_load_n(&endpoint->asked, __ATOMIC_ACQUIRE))
		return false;
	thread_guard(&endpoint->lock);
	client = next_posed(endpoint, true);
	if (client == CLIENTS_MAX && others) {
		client = next_posed(endpoint, false);
		endpoint->taken_last = client < CLIENTS_MAX ? client : endpoint->taken_last;
	}
	if (client == CLIENTS_MAX)
		return false;
	posed = &endpoint->posed[client];
	posed->state = POSED_TAKEN;
	__atomic_fetch_sub(&endpoint->asked, 1, __ATOMIC_RELEASE);
	*ret = (struct endpoint_question){posed->number, client, posed->pid, posed->root};
	return true;
}

void endpoint_answer(struct endpoint *endpoint, const struct endpoint_question *question,
		     int status, struct bytes body)
{
	struct posed *posed = &endpoint->posed[question->client];

	pthread_mutex_lock(&endpoint->lock);
	if (posed->state == POSED_TAKEN && posed->number == question->number) {
		posed->state = POSED_ANSWERED;
		posed->status = status;
		text_add_bytes(&posed->answer, body);
		if (posed->answer.error)
			posed->status = 503;
	}
	pthread_mutex_unlock(&endpoint->lock);
	eventfd_write(endpoint->wake, 1);
}

/* --- its life --------------------------------------------------------------------------------- */

static int set_address(const char *path, struct sockaddr_un *ret)
{
	*ret = (struct sockaddr_un){.sun_family = AF_UNIX};
	if (strlen(path) >= sizeof(ret->sun_path))
		return -ENAMETOOLONG;
	memcpy(ret->sun_path, path, strlen(path) + 1);
	return 0;
}

/* Makes way for a socket where an agent that is no more had one. */
static int clear_way(const struct sockaddr_un *address)
{
	_close_ int fd = -1;
	struct stat info;

	if (broker_stat(AT_FDCWD, address->sun_path, &info, AT_SYMLINK_NOFOLLOW))
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(info.st_mode))
		return -EEXIST;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (!connect(fd, (const struct sockaddr *)address, sizeof(*address)) ||
	    errno != ECONNREFUSED)
		return -EADDRINUSE;
	return broker_unlink(AT_FDCWD, address->sun_path, 0) ? -errno : 0;
}

/* The node is root's alone from its beginning on: bind() makes it with the mode of the socket's own inode. */
static int bind_closed(int fd, const struct sockaddr_un *address, gid_t group)
{
	if (fchmod(fd, 0600) || bind(fd, (const struct sockaddr *)address, sizeof(*address)))
		return -errno;
	if (group == (gid_t)-1)
		return 0;
	if (lchown(address->sun_path, (uid_t)-1, group) || chmod(address->sun_path, 0660))
		return -errno;
	return 0;
}

static int open_listener(struct endpoint *endpoint, const char *path, gid_t group)
{
	int error = set_address(path, &endpoint->address) ?: clear_way(&endpoint->address);

	if (error)
		return error;
	endpoint->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (endpoint->listener < 0)
		return -errno;
	error = bind_closed(endpoint->listener, &endpoint->address, group);
	if (!error && listen(endpoint->listener, CLIENTS_MAX))
		error = -errno;
	if (error && error != -EADDRINUSE)
		unlink(path);
	return error;
}

static void free_endpoint(struct endpoint *endpoint)
{
	for (int i = 0; endpoint->clients && i < CLIENTS_MAX; i++)
		if (endpoint->clients[i].state != CLIENT_FREE)
			end_client(endpoint, &endpoint->clients[i]);
	free(endpoint->clients);
	cleanup_close(&endpoint->listener);
	cleanup_close(&endpoint->wake);
	text_free(&endpoint->metrics);
	text_free(&endpoint->health);
	text_free(&endpoint->details);
	text_free(&endpoint->report);
	free(endpoint->live);
	pthread_mutex_destroy(&endpoint->lock);
	free(endpoint);
}

CLEANUP_DEFINE(drop_endpoint, struct endpoint *, free_endpoint)

int endpoint_open(const char *path, gid_t group, bool records, struct endpoint **ret, char *why,
		  size_t size)
{
	_cleanup_(drop_endpoint) struct endpoint *endpoint = calloc(1, sizeof(*endpoint));
	struct sentence sentence = {0};
	int error;

	if (!endpoint)
		return -ENOMEM;
	endpoint->listener = -1;
	endpoint->records = records;
	pthread_mutex_init(&endpoint->lock, NULL);
	endpoint->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	endpoint->clients = calloc(CLIENTS_MAX, sizeof(*endpoint->clients));
	if (endpoint->wake < 0 || !endpoint->clients)
		return -ENOMEM;
	error = own_file_prepare_directory(path, &sentence);
	if (error) {
		snprintf(why, size, "%s", sentence.text);
		return error;
	}
	error = open_listener(endpoint, path, group);
	if (!error) {
		error = thread_start(&endpoint->thread, STACK_SIZE, serve_all, endpoint);
		if (error)
			unlink(path);
	}
	if (error) {
		snprintf(why, size, "cannot listen on %s: %s", path,
			 error == -EADDRINUSE ? "another callerd does" : strerror(-error));
		return error;
	}
	*ret = take_ptr(endpoint);
	return 0;
}

void endpoint_close(struct endpoint *endpoint)
{
	if (!endpoint)
		return;
	broker_unlink(AT_FDCWD, endpoint->address.sun_path, 0);
	__atomic_store_n(&endpoint->ending, true, __ATOMIC_RELEASE);
	eventfd_write(endpoint->wake, 1);
	pthread_join(endpoint->thread, NULL); /* it waits in poll() only */
	free_endpoint(endpoint);
}

/* --- the other side --------------------------------------------------------------------------- */

/* Adds the body of the answer in BYTES, and in *STATUS its status. */
static int parse_answer(struct bytes bytes, int *status, struct text *body)
{
	struct http1_parser parser;

	http1_init(&parser, HTTP1_RESPONSE);
	while (bytes.size) {
		const char *piece;
		size_t used, size;

		switch (http1_next(&parser, bytes.data, bytes.size, &used, &piece, &size)) {
		case HTTP1_HEAD:
			*status = parser.head.status;
			break;
		case HTTP1_BODY:
			text_add(body, piece, size);
			break;
		case HTTP1_END:
			return body->error;
		case HTTP1_ERROR:
			return -EPROTO;
		default:
			break;
		}
		bytes = bytes_from(bytes, used);
	}
	return *status && parser.body_bytes == parser.head.content_length ? body->error : -EPROTO;
}

static int send_own_request(int fd, const char *method, const char *target, struct text *answer)
{
	char bytes[1024];
	ssize_t size;
	int length = snprintf(bytes, sizeof(bytes),
			      "%s %s HTTP/1.1\r\nHost: callerd\r\nContent-Length: 0\r\n"
			      "Connection: close\r\n\r\n",
			      method, target);

	if (send(fd, bytes, (size_t)length, MSG_NOSIGNAL) != length)
		return -errno;
	while ((size = recv(fd, bytes, sizeof(bytes), 0)) > 0 && answer->size < ANSWER_MAX)
		text_add(answer, bytes, (size_t)size);
	return size < 0 ? -errno : answer->error;
}

static int ask_endpoint(const char *path, const char *method, const char *target, int *status,
			struct text *body)
{
	_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct timeval patience = {.tv_sec = 2 * TEST_TIME / 1000};
	_cleanup_(text_free) struct text answer = {0};
	struct sockaddr_un address;
	int error = fd < 0 ? -errno : set_address(path, &address);

	*status = 0;
	if (error)
		return error;
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience,
		   sizeof(patience)); /* of connect(), too */
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	if (connect(fd, (const struct sockaddr *)&address, sizeof(address)))
		return -errno;
	return send_own_request(fd, method, target, &answer)
		       ?: parse_answer(text_since(&answer, 0), status, body);
}

int endpoint_watch(const char *path)
{
	static const char request[] = "GET /records HTTP/1.1\r\nHost: callerd\r\n\r\n";
	_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_un address;
	int error = fd < 0 ? -errno : set_address(path, &address);

	if (error)
		return error;
	if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) ||
	    send(fd, request, sizeof(request) - 1, MSG_NOSIGNAL) != sizeof(request) - 1)
		return -errno;
	return take_fd(fd);
}

int endpoint_ask(const char *path, const char *target, struct text *body)
{
	int status;

	return ask_endpoint(path, "GET", target, &status, body);
}

int endpoint_ask_who(const char *path, uint32_t pid, int *status, struct text *body)
{
	char target[32];

	snprintf(target, sizeof(target), "/who?pid=%" PRIu32, pid);
	return ask_endpoint(path, "GET", target, status, body);
}

int endpoint_ask_test(const char *path, struct text *report)
{
	int status, error = ask_endpoint(path, "POST", "/self-test", &status, report);

	if (error)
		return error;
	if (status == 403)
		return -EACCES;
	return status == 200 ? 0 : -EIO;
}
