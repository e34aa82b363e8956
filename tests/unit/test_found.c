/* SPDX-License-Identifier: Apache-2.0 */
/* What an engine was told of its doors, and where systemd listens for it. */
#include "unit.h"

#include "files.h"
#include "finder/told.h"
#include "finder/units.h"

#define ARGUMENTS(literal)                                                                         \
	{                                                                                          \
		literal, sizeof(literal)                                                           \
	}

static void test_dockerd(void **state)
{
	static const struct {
		struct bytes arguments;
		const char *hosts, *config;
		enum told_tls tls;
	} cases[] = {
		{ARGUMENTS("dockerd"), "", "", TOLD_TLS_NONE},
		{ARGUMENTS("dockerd\0-H\0fd://\0--containerd=/run/c.sock"), "fd://", "",
		 TOLD_TLS_NONE},
		{ARGUMENTS("dockerd\0-H=tcp://:1\0-Hunix:///a\0--host\0tcp://b\0--host=tcp://c"),
		 "tcp://:1 unix:///a tcp://b tcp://c", "", TOLD_TLS_NONE},
		{ARGUMENTS("dockerd\0-DHtcp://a\0-DH\0tcp://b\0-lH\0-H\0x"), "tcp://a tcp://b x",
		 "", TOLD_TLS_NONE},
		{ARGUMENTS("dockerd\0--config-file\0/c\0--tlsverify\0-H\0a"), "a", "/c",
		 TOLD_TLS_VERIFIED},
		{ARGUMENTS("dockerd\0--config-file=/c\0--tls"), "", "/c", TOLD_TLS_VERIFIED},
		{ARGUMENTS("dockerd\0--tls=false"), "", "", TOLD_TLS_NONE},
		{ARGUMENTS("dockerd\0--tlsverify=false"), "", "", TOLD_TLS_ENCRYPTED},
		{ARGUMENTS("dockerd\0--tlsverify=0\0--tls"), "", "", TOLD_TLS_ENCRYPTED},
		{ARGUMENTS("dockerd\0--tlsverify=1\0--tls=0"), "", "", TOLD_TLS_VERIFIED},
		{ARGUMENTS("dockerd\0--tlsverify\0--tlscacert\0--host=b"), "b", "",
		 TOLD_TLS_VERIFIED},
		{ARGUMENTS("dockerd\0--label\0-H\0a"), "a", "", TOLD_TLS_NONE},
		{ARGUMENTS("dockerd\0--label\0--host=x\0--\0-H\0a"), "x", "", TOLD_TLS_NONE},
		{ARGUMENTS("-H\0a\0-H"), "", "", TOLD_TLS_NONE}, /* the program's name */
		{{"dockerd\0-H\0not ended", 20}, "", "", TOLD_TLS_NONE},
		{{NULL, 0}, "", "", TOLD_TLS_NONE},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct told_daemon told = {0};
		char hosts[512] = "";

		told_take_dockerd(&told, cases[i].arguments);
		for (unsigned int j = 0; j < told.host_count; j++)
			snprintf(hosts + strlen(hosts), sizeof(hosts) - strlen(hosts), "%s%s",
				 j ? " " : "", told.hosts[j].text);
		assert_string_equal(hosts, cases[i].hosts);
		assert_string_equal(told.config, cases[i].config);
		assert_int_equal(told_tls(&told), cases[i].tls);
	}
}

static void test_limits(void **state)
{
	char text[64 * TOLD_HOST_SIZE] = "dockerd";
	struct told_daemon told = {0};
	size_t size = strlen(text) + 1;

	for (int i = 0; i < TOLD_HOSTS_MAX + 3; i++)
		size += (size_t)sprintf(text + size, "--host=unix:///%d", i) + 1;
	told_take_dockerd(&told, (struct bytes){text, size});
	assert_int_equal(told.host_count, TOLD_HOSTS_MAX);
	assert_true(told.hosts_cut);

	told = (struct told_daemon){0};
	size = strlen("dockerd") + 1;
	size += (size_t)sprintf(text + size, "-H%0*d", TOLD_HOST_SIZE, 0) + 1;
	told_take_dockerd(&told, (struct bytes){text, size});
	assert_int_equal(told.host_count, 0);
	assert_true(told.hosts_cut);
}

static void test_environment(void **state)
{
	static const char some[] = "A=B\0DOCKER_TLS_VERIFY=1\0C=D", none[] = "DOCKER_TLS_VERIFY=";
	struct told_daemon told = {0};

	told_take_environment(&told, (struct bytes){none, sizeof(none)});
	assert_int_equal(told_tls(&told), TOLD_TLS_NONE);
	told_take_environment(&told, (struct bytes){some, sizeof(some)});
	assert_int_equal(told_tls(&told), TOLD_TLS_UNKNOWN);
	told.tls = TOLD_ON;
	assert_int_equal(told_tls(&told), TOLD_TLS_VERIFIED);
	told.tls_verify = TOLD_OFF;
	assert_int_equal(told_tls(&told), TOLD_TLS_ENCRYPTED);
}

static void test_config(void **state)
{
	static const struct {
		const char *text;
		bool good;
		unsigned int hosts;
		enum told_tls tls;
	} cases[] = {
		{"{}", true, 0, TOLD_TLS_NONE},
		{"{\"hosts\": [\"fd://\", \"tcp://0.0.0.0:2375\"]}", true, 2, TOLD_TLS_NONE},
		{"{\"Hosts\": [\"tcp://h:1\"], \"tls\": true}", true, 1, TOLD_TLS_VERIFIED},
		{"{\"tls\": false}", true, 0, TOLD_TLS_NONE},
		{"{\"tls\": true, \"tlsverify\": false}", true, 0, TOLD_TLS_ENCRYPTED},
		{"{\"tls\": false, \"tlsverify\": true}", true, 0, TOLD_TLS_VERIFIED},
		{"{\"tlsverify\": true}", true, 0, TOLD_TLS_VERIFIED},
		{"{\"tlsverify\": false}", true, 0, TOLD_TLS_ENCRYPTED},
		{"{\"tls\": null, \"debug\": true}", true, 0, TOLD_TLS_NONE},
		{"{\"hosts\": \"a\"}", false, 0, TOLD_TLS_NONE},
		{"{\"hosts\": [", false, 0, TOLD_TLS_NONE},
		{"", false, 0, TOLD_TLS_NONE},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct told_daemon told = {0};

		assert_int_equal(told_take_config(&told, bytes_of(cases[i].text)), cases[i].good);
		assert_int_equal(told.host_count, cases[i].hosts);
		assert_int_equal(told_tls(&told), cases[i].tls);
		for (unsigned int j = 0; j < told.host_count; j++)
			assert_true(told.hosts[j].in_file);
	}
}

static void test_doors(void **state)
{
	static const char text[] =
		"dockerd\0-Htcp://127.0.0.1:99\0-Hunix:///a\0-Htcp://\0-Hfd://\0-H0.0.0.0:77";
	struct told_daemon told = {0};

	told_take_dockerd(&told, (struct bytes){text, sizeof(text)});
	assert_ptr_equal(told_find_port(&told, 99), &told.hosts[0]);
	assert_ptr_equal(told_find_path(&told, "/a"), &told.hosts[1]);
	assert_ptr_equal(told_find_port(&told, 2375), &told.hosts[2]);
	assert_ptr_equal(told_find_port(&told, 77), &told.hosts[4]);
	assert_null(told_find_port(&told, 2376));
	assert_null(told_find_path(&told, "/ab"));
	told.tls = TOLD_ON;
	assert_ptr_equal(told_find_port(&told, 2376), &told.hosts[2]);
	assert_null(told_find_port(&told, 2375));

	assert_int_equal(told_port("2375"), 2375);
	assert_int_equal(told_port("[::1]:80"), 80);
	assert_int_equal(told_port("a:"), 0);
	assert_int_equal(told_port("a:70000"), 0);
	assert_int_equal(told_port("a:1b"), 0);
	assert_int_equal(told_port(""), 0);
}

static void test_podman(void **state)
{
	static const char serves[] =
		"podman\0--root\0/r\0system\0service\0--time=0\0tcp://localhost:8080";
	static const char runs[] = "podman\0run\0service\0tcp://x:1";
	static const char encrypts[] = "podman\0system\0service\0--tls-cert=a\0--tls-key=b";
	static const char verifies[] = "podman\0system\0service\0--tls-cert=a\0--tls-client-ca=b";
	struct told_daemon told = {0};

	told_take_podman(&told, (struct bytes){serves, sizeof(serves)});
	assert_true(told.service);
	assert_non_null(told_find_port(&told, 8080));
	assert_int_equal(told_tls(&told), TOLD_TLS_NONE);
	told = (struct told_daemon){0};
	told_take_podman(&told, (struct bytes){runs, sizeof(runs)});
	assert_false(told.service);
	told_take_podman(&told, (struct bytes){encrypts, sizeof(encrypts)});
	assert_int_equal(told_tls(&told), TOLD_TLS_ENCRYPTED);
	told = (struct told_daemon){0};
	told_take_podman(&told, (struct bytes){verifies, sizeof(verifies)});
	assert_int_equal(told_tls(&told), TOLD_TLS_VERIFIED);
}

/* --- units ------------------------------------------------------------------------------------ */

static void test_streams(void **state)
{
	struct units_streams streams = {0};

	units_take(&streams, bytes_of("ListenStream=/before\n[Unit]\nListenStream=/unit\n[Socket]\n"
				      "ListenStream=%t/docker.sock\n  ListenStream = 2375 \n"
				      "#ListenStream=/no\nListenDatagram=/no\nListenStream"));
	assert_int_equal(streams.count, 2);
	assert_true(units_have_path(&streams, "/run/docker.sock"));
	assert_true(units_have_port(&streams, 2375));
	assert_false(units_have_port(&streams, 2376));
	units_take(&streams, bytes_of("[Socket]\nListenStream=\nListenStream=[::1]:99\n"));
	assert_int_equal(streams.count, 1);
	assert_true(units_have_port(&streams, 99));
	for (int i = 0; i < UNITS_STREAMS_MAX + 1; i++)
		units_take(&streams, bytes_of("[Socket]\nListenStream=/x\n"));
	assert_int_equal(streams.count, UNITS_STREAMS_MAX);
	assert_true(streams.cut);
}

static void put_unit(const char *path, const char *text)
{
	char whole[512], *slash = whole;

	snprintf(whole, sizeof(whole), "%s%s", directory, path);
	while ((slash = strchr(slash + 1, '/'))) {
		*slash = '\0';
		mkdir(whole, 0700);
		*slash = '/';
	}
	files_write(whole, text, strlen(text));
}

static void test_units(void **state)
{
	struct units_streams streams;

	units_read(directory, "docker.socket", &streams);
	assert_int_equal(streams.count, 0);
	put_unit("/usr/lib/systemd/system/docker.socket",
		 "[Socket]\nListenStream=/run/docker.sock\n");
	units_read(directory, "docker.socket", &streams);
	assert_string_equal(streams.list[0], "/run/docker.sock");
	put_unit("/usr/lib/systemd/system/docker.socket.d/20.conf",
		 "[Socket]\nListenStream=2375\n");
	put_unit("/etc/systemd/system/docker.socket.d/10.conf",
		 "[Socket]\nListenStream=\nListenStream=/a\n");
	put_unit("/etc/systemd/system/docker.socket.d/no", "[Socket]\nListenStream=/no\n");
	units_read(directory, "docker.socket", &streams);
	assert_int_equal(streams.count, 2);
	assert_string_equal(streams.list[0], "/a");
	assert_string_equal(streams.list[1], "2375");
	/* One of the same name goes before it; and so does a whole unit. */
	put_unit("/etc/systemd/system/docker.socket.d/20.conf", "");
	put_unit("/etc/systemd/system/docker.socket", "[Socket]\nListenStream=/b\n");
	units_read(directory, "docker.socket", &streams);
	assert_int_equal(streams.count, 1);
	assert_string_equal(streams.list[0], "/a");
}

static int prepare(void **state)
{
	return files_prepare("/tmp");
}

static int clean_up(void **state)
{
	return files_remove(directory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_dockerd),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_environment),
		cmocka_unit_test(test_config),
		cmocka_unit_test(test_doors),
		cmocka_unit_test(test_podman),
		cmocka_unit_test(test_streams),
		cmocka_unit_test_setup_teardown(test_units, prepare, clean_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
