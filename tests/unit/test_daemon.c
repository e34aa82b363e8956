/* SPDX-License-Identifier: Apache-2.0 */
/* What a dockerd is told at its start, and what is made of it. */
#include "unit.h"

#include "engine/places.h"
#include "host/daemon.h"

#define ARGUMENTS(literal)                                                                         \
	{                                                                                          \
		literal, sizeof(literal)                                                           \
	}

static void test_arguments(void **state)
{
	static const struct {
		struct bytes arguments;
		const char *data, *exec, *containerd, *config;
	} cases[] = {
		{ARGUMENTS("dockerd"), "", "", "", ""},
		{ARGUMENTS("dockerd\0--data-root\0/d\0--exec-root=/e\0--containerd\0/c.sock"), "/d",
		 "/e", "/c.sock", ""},
		{ARGUMENTS("dockerd\0--graph=/d\0-H\0fd://\0--config-file=/x/y.json"), "/d", "", "",
		 "/x/y.json"},
		{ARGUMENTS("dockerd\0-g\0/d\0--exec-root=/a\0--exec-root=/b\0--config-file\0/x"),
		 "/d", "/b", "", "/x"},
		{ARGUMENTS("--exec-root=/e"), "", "", "", ""}, /* the program's name */
		{ARGUMENTS("dockerd\0--containerd-namespace=/n\0--exec-rooted\0/e"), "", "", "",
		 ""},
		{ARGUMENTS("dockerd\0--exec-root=e\0--data-root=\0--\0--containerd=/c"), "", "", "",
		 ""},
		{ARGUMENTS("dockerd\0--exec-root"), "", "", "", ""},
		{{"dockerd\0--exec-root\0/not-ended", 30}, "", "", "", ""},
		{{NULL, 0}, "", "", "", ""},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct daemon daemon = {0};
		char config[DAEMON_PATH_MAX] = "";

		daemon_take_arguments(&daemon, cases[i].arguments, config);
		assert_string_equal(daemon.paths[DAEMON_DATA_ROOT], cases[i].data);
		assert_string_equal(daemon.paths[DAEMON_EXEC_ROOT], cases[i].exec);
		assert_string_equal(daemon.paths[DAEMON_CONTAINERD], cases[i].containerd);
		assert_string_equal(config, cases[i].config);
	}
}

static void test_long_arguments(void **state)
{
	char text[2 * DAEMON_PATH_MAX] = "dockerd", config[DAEMON_PATH_MAX] = "/kept";
	struct daemon daemon = {0};
	size_t size = strlen(text) + 1;

	size += (size_t)sprintf(text + size, "--config-file=/%0*d", DAEMON_PATH_MAX - 1, 0) + 1;
	daemon_take_arguments(&daemon, (struct bytes){text, size}, config);
	assert_string_equal(config, "/kept");
	size = strlen("dockerd") + 1;
	size += (size_t)sprintf(text + size, "--exec-root=/%0*d", DAEMON_PATH_MAX - 1, 0) + 1;
	daemon_take_arguments(&daemon, (struct bytes){text, size}, config);
	assert_string_equal(daemon.paths[DAEMON_EXEC_ROOT], "");
}

static void test_config(void **state)
{
	struct daemon daemon = {.paths[DAEMON_DATA_ROOT] = "/told"};

	daemon_take_config(&daemon, bytes_of("{\"debug\": true, \"hosts\": [\"fd://\"],\n"
					     "\"data-root\": \"/d\", \"Exec-Root\": \"/e\","
					     "\"containerd\": \"c.sock\"}\n"));
	assert_string_equal(daemon.paths[DAEMON_DATA_ROOT], "/told");
	assert_string_equal(daemon.paths[DAEMON_EXEC_ROOT], "/e");
	assert_string_equal(daemon.paths[DAEMON_CONTAINERD], "");
	daemon = (struct daemon){0};
	daemon_take_config(&daemon, bytes_of("{\"graph\": \"/g\", \"exec-root\": \"/a\\u0000b\"}"));
	assert_string_equal(daemon.paths[DAEMON_DATA_ROOT], "/g");
	assert_string_equal(daemon.paths[DAEMON_EXEC_ROOT], "");
	daemon_take_config(&daemon, bytes_of("not JSON"));
	daemon_take_config(&daemon, (struct bytes){0});
}

static enum host_path_end resolve_link(void *data, const char *path, char *out, size_t size)
{
	snprintf(out, size, "%s", strcmp(path, "/link") ? path : "/where/it/leads");
	return !strcmp(path, "/lost") ? HOST_PATH_LOST : HOST_PATH_KNOWN;
}

static void test_places(void **state)
{
	static const struct host_files files = {.resolve = resolve_link};
	static const struct host_place wanted[] = {
		{"/link", "/var/lib/docker"},
		{"/where/it/leads", "/var/lib/docker"},
		{"/c.sock", "/run/containerd/containerd.sock"},
		{"/c.sock.ttrpc", "/run/containerd/containerd.sock.ttrpc"},
		{"/lost", "/run/docker"},
		{"/run/mine", "/var/lib/docker"},
	};
	struct daemon daemons[] = {
		{{"//link/", "/run/docker", "/c.sock"}},
		{{"/var/lib/docker", "/lost", "/c.sock"}},
		{{"/var/run/mine", "/var/run/docker", ""}},
		{{"/", "", ""}},
		{{"/x/..", "", ""}},
	};
	struct places places = {0};

	for (size_t i = 0; i < COUNT(daemons); i++)
		places_add(&places, &daemons[i], &files);
	assert_int_equal(places.count, COUNT(wanted));
	for (size_t i = 0; i < COUNT(wanted); i++) {
		assert_string_equal(places.list[i].path, wanted[i].path);
		assert_string_equal(places.list[i].usual, wanted[i].usual);
	}
	assert_null(places.list[places.count].path);
	places_clear(&places);
	assert_null(places.list);
	places_clear(&places);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_arguments),
		cmocka_unit_test(test_long_arguments),
		cmocka_unit_test(test_config),
		cmocka_unit_test(test_places),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
