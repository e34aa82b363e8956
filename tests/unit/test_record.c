// SPDX-License-Identifier: Apache-2.0
#include "unit.h"

#include <jansson.h>

#include "base/clock.h"
#include "base/utf8.h"
#include "format/journal_fields.h"
#include "format/ocsf.h"
#include "http/http1.h"
#include "http/url.h"
#include "json/json.h"
#include "record/names.h"
#include "secret/command.h"
#include "secret/mask.h"
#include "naming.h"
#include "recording.h"

#define FFFD "\xef\xbf\xbd"

/* --- the world ------------------------------------------------------------------------------- */

static const struct process above_alice[] = {
	{.pid = 4700,
	 .start = 90000000,
	 .name = BYTES("sudo"),
	 .executable = BYTES("/usr/bin/sudo"),
	 .args = BYTES("sudo\0docker\0login\0-p\0hunter2\0")},
	{.pid = 4600,
	 .euid = 1000,
	 .start = 80000000,
	 .name = BYTES("bash"),
	 .executable = BYTES("/usr/bin/bash")},
	{.pid = 1, .start = 1, .name = BYTES("systemd")},
};

/* alice, who is root by way of sudo. */
static struct caller alice(void)
{
	return (struct caller){
		.basis = CALLER_FROM_KERNEL,
		.process =
			{
				.pid = 4711,
				.euid = 0,
				.start = 100000000,
				.name = BYTES("docker"),
				.executable = BYTES("/usr/bin/docker"),
				.args = BYTES("docker\0run\0-v\0/:/host\0bb\0"),
			},
		.tid = 4712,
		.uid = 0,
		.gid = 0,
		.login_uid = 1000,
		.session = 3,
		.capabilities = 1ull << 0 | 1ull << 21 | 1ull << 40 | 1ull << 41 | 1ull << 63,
		.working_directory = BYTES("/home/alice"),
		.root = BYTES("/"),
		.cgroup = BYTES("/user.slice/user-1000.slice/session-3.scope"),
		.label = BYTES("unconfined"),
		.tty = "pts/3",
		.has_node = true,
		.in_node_group = true,
		.node_uid = 42,
		.node_gid = 998,
		.node_mode = 0140660,
		.ancestor_count = 3,
		.ancestors = above_alice,
	};
}

/* bob, of whom little is known. */
static struct caller bob(void)
{
	return (struct caller){
		.basis = CALLER_FROM_PEER,
		.process = {.pid = 99, .euid = 1001},
		.uid = 1001,
		.gid = 1001,
		.egid = 1001,
		.has_node = true,
		.node_mode = 0140666,
	};
}

/* --- looking into the JSON ------------------------------------------------------------------ */

/* The line, checked to be one line of JSON without an empty object, array or string of its own. */
static json_t *parse_line(const struct text *text)
{
	json_error_t error;
	json_t *root;

	assert_int_equal(text->error, 0);
	assert_true(text->size > 1);
	assert_int_equal(strlen(text->data), text->size);
	assert_ptr_equal(strchr(text->data, '\n'), text->data + text->size - 1);
	root = json_loadb(text->data, text->size, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
	if (!root)
		fail_msg("%s at %d: %s", error.text, error.position, text->data);
	return root;
}

static json_t *written_by(int (*write)(const struct record *record,
				       const struct record_context *context, struct text *out),
			  const struct record *record, const struct record_context *with)
{
	struct text text = {0};
	json_t *root;

	assert_int_equal(write(record, with, &text), 0);
	root = parse_line(&text);
	text_free(&text);
	return root;
}

static json_t *written(const struct record *record, const struct record_context *with)
{
	return written_by(ecs_write_whole, record, with);
}

/* As outputs have it unless told otherwise. */
static json_t *brief(const struct record *record, const struct record_context *with)
{
	return written_by(ecs_write, record, with);
}

/* The member at PATH, "a.b.0.c"; NULL: there is none. */
static json_t *at(json_t *root, const char *path)
{
	char part[128];
	json_t *found;

	while (root && *path) {
		size_t size = strcspn(path, ".");

		assert_true(size < sizeof(part));
		memcpy(part, path, size);
		part[size] = '\0';
		found = json_is_array(root) ? json_array_get(root, (size_t)atoi(part))
					    : json_object_get(root, part);
		root = found;
		path += size + (path[size] == '.');
	}
	return root;
}

static void assert_text(json_t *root, const char *path, const char *wanted)
{
	json_t *found = at(root, path);

	if (!json_is_string(found))
		fail_msg("%s is no string", path);
	assert_string_equal(json_string_value(found), wanted);
}

static void assert_number(json_t *root, const char *path, json_int_t wanted)
{
	json_t *found = at(root, path);

	if (!json_is_integer(found))
		fail_msg("%s is no number", path);
	assert_int_equal(json_integer_value(found), wanted);
}

static void assert_true_at(json_t *root, const char *path, bool wanted)
{
	json_t *found = at(root, path);

	if (!json_is_boolean(found))
		fail_msg("%s is no boolean", path);
	assert_int_equal(json_is_true(found), wanted);
}

static void assert_absent(json_t *root, const char *const *paths, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (at(root, paths[i]))
			fail_msg("%s is there", paths[i]);
}

#define ASSERT_ABSENT(root, ...)                                                                   \
	assert_absent(root, (const char *const[]){__VA_ARGS__},                                    \
		      COUNT(((const char *const[]){__VA_ARGS__})))

static void assert_texts(json_t *root, const char *path, const char *const *wanted, size_t count)
{
	json_t *array = at(root, path);

	assert_true(json_is_array(array));
	assert_int_equal(json_array_size(array), count);
	for (size_t i = 0; i < count; i++)
		assert_string_equal(json_string_value(json_array_get(array, i)), wanted[i]);
}

#define ASSERT_TEXTS(root, path, ...)                                                              \
	assert_texts(root, path, (const char *const[]){__VA_ARGS__},                               \
		     COUNT(((const char *const[]){__VA_ARGS__})))

/* Whether any object or array below ROOT is empty, or a string outside of an array. */
static void assert_nothing_empty(json_t *root)
{
	const char *key;
	json_t *value;
	size_t index;

	if (json_is_object(root)) {
		assert_true(json_object_size(root) > 0);
		json_object_foreach(root, key, value)
		{
			assert_true(!json_is_string(value) || json_string_length(value) > 0);
			assert_nothing_empty(value);
		}
	} else if (json_is_array(root)) {
		assert_true(json_array_size(root) > 0);
		json_array_foreach(root, index, value)
		{
			assert_nothing_empty(value);
		}
	}
}

/* --- text ----------------------------------------------------------------------------------- */

static void assert_is(struct text *text, const char *wanted)
{
	assert_int_equal(text->error, 0);
	assert_string_equal(text->data ? text->data : "", wanted);
	assert_int_equal(text->size, strlen(wanted));
	text_free(text);
}

static void test_text(void **state)
{
	static const struct {
		uint64_t number;
		const char *decimal, *hex;
	} numbers[] = {
		{0, "0", "0000"},	   {9, "9", "0009"},
		{10, "10", "000a"},	   {65535, "65535", "ffff"},
		{65536, "65536", "10000"}, {UINT64_MAX, "18446744073709551615", "ffffffffffffffff"},
	};
	struct text text = {0};

	for (size_t i = 0; i < COUNT(numbers); i++) {
		text_add_number(&text, numbers[i].number);
		assert_is(&text, numbers[i].decimal);
		text_add_hex(&text, numbers[i].number, 4);
		assert_is(&text, numbers[i].hex);
	}
	text_add_signed(&text, INT64_MAX);
	text_add_signed(&text, -1);
	text_add_signed(&text, 0);
	text_add_signed(&text, INT64_MIN);
	assert_is(&text, "9223372036854775807-10-9223372036854775808");
	for (size_t i = 0; i < 10000; i++)
		text_add_char(&text, 'x');
	assert_int_equal(text.size, 10000);
	assert_int_equal(strspn(text.data, "x"), 10000);
	text_cut(&text, 3);
	assert_is(&text, "xxx");
}

static void test_text_without_memory(void **state)
{
	struct text text = {0};
	struct caller caller = alice();
	struct record record = plain_request(&caller);

	text_add_string(&text, "kept");
	assert_int_equal(text_grow(&text, SIZE_MAX - 8), -ENOMEM);
	text_add_string(&text, "not added");
	assert_string_equal(text.data, "kept");
	assert_int_equal(ecs_write(&record, &context, &text), -ENOMEM);
	assert_int_equal(human_write(&record, &context, &text), -ENOMEM);
	assert_string_equal(text.data, "kept");
	text_free(&text);
	assert_int_equal(text.error, 0);
}

static void test_visible(void **state)
{
	static const struct {
		struct bytes bytes;
		size_t columns;
		const char *shown;
	} cases[] = {
		{BYTES("plain"), 5, "plain"},
		{BYTES("plain"), 4, "pla…"},
		{BYTES("plain"), 1, "…"},
		{BYTES("a\nb\tc\rd\033[1m"), 99, "a\\nb\\tc\\rd\\e[1m"},
		{BYTES("\0\001\177"), 99, "\\x00\\x01\\x7f"},
		{BYTES("\xc2\x80\xc2\x9b"), 99, "\\u0080\\u009b"},
		{BYTES("\xe2\x80\xa8\xe2\x80\xae\xe2\x81\xa9"), 99, "\\u2028\\u202e\\u2069"},
		{BYTES("\xf3\xa0\x81\x81"), 99, "\\U000e0041"},
		{BYTES("grün 中"), 7, "grün 中"},
		{BYTES("grün 中"), 6, "grün …"},
		{BYTES("\xff\xc0\x80z"), 99, FFFD FFFD FFFD "z"},
		{BYTES("ab\n"), 3, "ab…"},
		{BYTES("ab\n"), 4, "ab\\n"},
		{{NULL, 0}, 9, ""},
	};
	struct text text = {0};

	for (size_t i = 0; i < COUNT(cases); i++) {
		text_add_visible(&text, cases[i].bytes, cases[i].columns);
		assert_is(&text, cases[i].shown);
	}
	assert_int_equal(utf8_columns("grün 中…", strlen("grün 中…")), 8);
}

/* --- JSON ----------------------------------------------------------------------------------- */

/* VALUE written, and checked to come back through another JSON reader as WANTED. */
static void check_string(struct bytes value, struct bytes wanted)
{
	struct text text = {0};
	struct json json = {.out = &text};
	json_error_t error;
	json_t *root;

	json_open_array(&json, NULL);
	json_put_element(&json, value);
	json_close(&json);
	for (size_t i = 0; i < text.size; i++)
		assert_true((unsigned char)text.data[i] >= 0x20 && text.data[i] != 0x7f);
	root = json_loadb(text.data, text.size, JSON_ALLOW_NUL, &error);
	assert_non_null(root);
	assert_int_equal(json_string_length(json_array_get(root, 0)), wanted.size);
	assert_memory_equal(json_string_value(json_array_get(root, 0)), wanted.data, wanted.size);
	json_decref(root);
	text_free(&text);
}

static void test_json_every_byte(void **state)
{
	for (int c = 0; c < 256; c++) {
		char value[] = {'a', (char)c, 'b'};
		struct bytes bytes = {value, sizeof(value)};

		if (c < 0x80)
			check_string(bytes, bytes);
		else
			check_string(bytes, (struct bytes)BYTES("a" FFFD "b"));
	}
}

static void test_json_invalid(void **state)
{
	static const struct {
		struct bytes value, wanted;
	} cases[] = {
		{BYTES("\x80"), BYTES(FFFD)}, /* continuation alone */
		{BYTES("\xbf\x80"), BYTES(FFFD FFFD)},
		{BYTES("\xc0\x80"), BYTES(FFFD FFFD)}, /* overlong NUL */
		{BYTES("\xc1\xbf"), BYTES(FFFD FFFD)},
		{BYTES("\xe0\x80\x80"), BYTES(FFFD FFFD FFFD)},
		{BYTES("\xe0\x9f\xbf"), BYTES(FFFD FFFD FFFD)},
		{BYTES("\xf0\x80\x80\x80"), BYTES(FFFD FFFD FFFD FFFD)},
		{BYTES("\xed\xa0\x80"), BYTES(FFFD FFFD FFFD)}, /* surrogates */
		{BYTES("\xed\xbf\xbf"), BYTES(FFFD FFFD FFFD)},
		{BYTES("\xf4\x90\x80\x80"), BYTES(FFFD FFFD FFFD FFFD)}, /* above U+10FFFF */
		{BYTES("\xf5\x80\x80\x80"), BYTES(FFFD FFFD FFFD FFFD)},
		{BYTES("\xfe\xff"), BYTES(FFFD FFFD)},
		{BYTES("\xc2"), BYTES(FFFD)}, /* cut off */
		{BYTES("\xe2\x82"), BYTES(FFFD)},
		{BYTES("\xf0\x9f\x98"), BYTES(FFFD)},
		{BYTES("\xe2\x82z"), BYTES(FFFD "z")},
		{BYTES("\xf0\x9f\x98\xe2\x82\xac"), BYTES(FFFD "€")},
		{BYTES("\xc2\xc2\xa9"), BYTES(FFFD "©")},
		{BYTES("\xe2\"\\"), BYTES(FFFD "\"\\")},
		/* Table 3-8 of the Unicode Standard */
		{BYTES("\x61\xf1\x80\x80\xe1\x80\xc2\x62\x80\x63\x80\xbf\x64"),
		 BYTES("a" FFFD FFFD FFFD "b" FFFD "c" FFFD FFFD "d")},
		/* valid at the borders */
		{BYTES("\xc2\xa0\xdf\xbf\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf"),
		 BYTES("\xc2\xa0\xdf\xbf\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf")},
		{BYTES("\xf0\x90\x80\x80\xf4\x8f\xbf\xbf"),
		 BYTES("\xf0\x90\x80\x80\xf4\x8f\xbf\xbf")},
	};

	for (size_t i = 0; i < COUNT(cases); i++)
		check_string(cases[i].value, cases[i].wanted);
}

static void test_json_escapes(void **state)
{
	static const struct {
		struct bytes value;
		const char *text;
	} cases[] = {
		{BYTES("\"\\/"), "\"\\\"\\\\/\""},
		{BYTES("\0\n\t\033\177"), "\"\\u0000\\u000a\\u0009\\u001b\\u007f\""},
		{BYTES("\xc2\x80\xc2\x9f\xc2\xa0"), "\"\\u0080\\u009f\xc2\xa0\""},
		{BYTES("\xe2\x80\xa8\xe2\x80\xa9"), "\"\\u2028\\u2029\""},
		{BYTES("\xe2\x80\xaa\xe2\x80\xae\xe2\x81\xa6\xe2\x81\xa9"),
		 "\"\\u202a\\u202e\\u2066\\u2069\""},
		{BYTES("\xef\xbb\xbf\xe2\x80\x8b"), "\"\\ufeff\\u200b\""},
		{BYTES("\xf3\xa0\x81\x81"), "\"\\udb40\\udc41\""},
		{BYTES("grün € 😀"), "\"grün € 😀\""},
	};
	struct text text = {0};
	struct json json = {.out = &text};

	for (size_t i = 0; i < COUNT(cases); i++) {
		json_put_element(&json, cases[i].value);
		assert_is(&text, cases[i].text);
	}
}

static void test_json_structure(void **state)
{
	struct text text = {0};
	struct json json = {.out = &text};

	text_add_string(&text, "before\n");
	json_open_object(&json, NULL);
	json_open_object(&json, "dropped");
	json_open_array(&json, "too");
	json_close(&json);
	json_close(&json);
	json_put_number(&json, "n", 1);
	json_open_object(&json, "dropped");
	json_close(&json);
	json_open_array(&json, "a");
	json_open_object(&json, NULL);
	json_close(&json);
	json_put_element(&json, (struct bytes)BYTES("["));
	json_put_element(&json, (struct bytes)BYTES(""));
	json_open_object(&json, NULL);
	json_put_bool(&json, "t", true);
	json_put_bool(&json, "f", false);
	json_close(&json);
	json_close(&json);
	json_put_string(&json, "absent", (struct bytes){NULL, 0});
	json_put_string(&json, "absent", (struct bytes)BYTES(""));
	json_put_id(&json, "id", 7);
	json_put_word(&json, "absent", NULL);
	json_put_signed(&json, "less", -7);
	json_put_word(&json, "word", "w");
	json_put_time(&json, "time", 1);
	json_close(&json);
	assert_is(&text,
		  "before\n{\"n\":1,\"a\":[\"[\",\"\",{\"t\":true,\"f\":false}],\"id\":\"7\","
		  "\"less\":-7,\"word\":\"w\",\"time\":\"1970-01-01T00:00:00.000000001Z\"}");
}

/* --- times ---------------------------------------------------------------------------------- */

static void test_clock(void **state)
{
	static const struct {
		uint64_t seconds;
		const char *date;
	} dates[] = {
		{0, "1970-01-01T00:00:00.000000007Z"},
		{951782399, "2000-02-28T23:59:59.000000007Z"},
		{951782400, "2000-02-29T00:00:00.000000007Z"},
		{951868800, "2000-03-01T00:00:00.000000007Z"},
		{1709164800, "2024-02-29T00:00:00.000000007Z"},
		{1772366624, "2026-03-01T12:03:44.000000007Z"},
		{1798761599, "2026-12-31T23:59:59.000000007Z"},
		{4107542400, "2100-03-01T00:00:00.000000007Z"},
		{18446744073, "2554-07-21T23:34:33.000000007Z"},
	};
	static const struct {
		uint64_t ns;
		const char *said;
	} durations[] = {
		{0, "0 µs"},
		{999, "0 µs"},
		{120000, "120 µs"},
		{999999, "999 µs"},
		{1000000, "1.0 ms"},
		{3190000, "3.1 ms"},
		{120000000, "120 ms"},
		{1250000000, "1.2 s"},
		{61000000000, "61 s"},
		{300000000000, "5.0 min"},
		{UINT64_MAX, "307445734 min"},
	};
	struct record_context back = {.boot_to_real = -5};
	struct text text = {0};

	for (size_t i = 0; i < COUNT(dates); i++) {
		clock_add_rfc3339(&text, dates[i].seconds * 1000000000 + 7);
		assert_is(&text, dates[i].date);
	}
	for (size_t i = 0; i < COUNT(durations); i++) {
		clock_add_duration(&text, durations[i].ns);
		assert_is(&text, durations[i].said);
	}
	clock_add_time_of_day(&text, 1772366624120999999);
	assert_is(&text, "12:03:44.120");
	assert_int_equal(record_time(&back, 4), 0);
	assert_int_equal(record_time(&back, 7), 2);
	assert_int_equal(clock_real(-9, 8), 0);
	assert_int_equal(clock_real(-9, 11), 2);
}

/* --- commands ------------------------------------------------------------------------------- */

static void test_command(void **state)
{
	static const struct {
		struct bytes args;
		const char *line;
	} cases[] = {
		{BYTES("docker\0ps\0"), "docker ps"},
		{BYTES("docker\0ps"), "docker ps"},
		{BYTES("a\0\0b\0"), "a '' b"},
		{BYTES("\0"), "''"},
		{BYTES(""), ""},
		{{NULL, 0}, ""},
		{BYTES("a b\0it's\0\"q\"\0$x\0"), "'a b' \"it's\" '\"q\"' '$x'"},
		{BYTES("it's \"$x\"\0"), "'it'\\''s \"$x\"'"},
		{BYTES("two\nlines\0\033[0m\0"), "$'two\\nlines' $'\\e[0m'"},
		{BYTES("it's\ta\\b\0"), "$'it\\'s\\ta\\\\b'"},
		{BYTES("\xe2\x80\xae\0"), "$'\\u202e'"},
		{BYTES("grün\0"), "'grün'"},
		{BYTES("{{.ID}}\0--a=b,c:d/e@f%g\0"), "{{.ID}} --a=b,c:d/e@f%g"},
		{BYTES("--token=***\0*\0a***b\0"), "--token=*** '*' a***b"},
		{BYTES("a;b\0~\0#\0"), "'a;b' '~' '#'"},
		{BYTES("| → 200\0"), "'| → 200'"},
	};
	struct text text = {0};

	for (size_t i = 0; i < COUNT(cases); i++) {
		command_add(&text, cases[i].args);
		assert_is(&text, cases[i].line);
	}
}

/* --- secrets -------------------------------------------------------------------------------- */

/* Arguments are parted by ~. WANTED of NULL: nothing is a secret. */
static const struct {
	const char *args, *wanted;
} masked[] = {
	{"docker~login~-p~hunter2~reg", "docker~login~-p~***~reg"},
	{"docker~login~-phunter2~reg", "docker~login~-p***~reg"},
	{"docker~login~-p=hunter2", "docker~login~-p=***"},
	{"docker~login~-u~bob~--password~hunter2", "docker~login~-u~bob~--password~***"},
	{"docker~login~--password=hunter2", "docker~login~--password=***"},
	{"docker~login~--password~-hunter2", "docker~login~--password~***"},
	{"/usr/bin/podman~--context~x~login~-p~h", "/usr/bin/podman~--context~x~login~-p~***"},
	{"docker~login~--password-stdin~reg.example", NULL},
	{"docker~run~-p~8080:80~-u~0:0~bb~login", NULL},
	{"docker~run~-e~FOO=bar~--env~A=b=c~--env=C=d~--env~NAME~-eX=y~-ite~Q=w~-v~/:/host~bb",
	 "docker~run~-e~FOO=***~--env~A=***~--env=C=***~--env~NAME~-eX=***~-ite~Q=***~-v~/:/host~"
	 "bb"},
	{"docker~run~-e~FOO=two words~bb", "docker~run~-e~FOO=***~bb"},
	{"docker~run~-e~FOO=~bb", NULL},
	{"docker~service~update~--env-add~A=b~s", "docker~service~update~--env-add~A=***~s"},
	{"docker~build~--build-arg~A=b~--build-arg=C=d~.",
	 "docker~build~--build-arg~A=***~--build-arg=C=***~."},
	{"buildctl~build~--opt~build-arg:A=b", "buildctl~build~--opt~build-arg:A=***"},
	{"docker~build~--secret~id=x,src=/k~.", "docker~build~--secret~***~."},
	{"docker~buildx~build~--cache-to~type=s3,secret_access_key=XXX",
	 "docker~buildx~build~--cache-to~type=s3,secret_access_key=***"},
	{"docker~swarm~join~--token~SWMTKN-1-abc~h", "docker~swarm~join~--token~***~h"},
	{"x~SWMTKN-1-0123456789abcdef", "x~SWMTKN-***"},
	{"docker~service~create~--with-registry-auth~img", NULL},
	{"docker~run~-l~api.token=x~--label=foo=bar~bb",
	 "docker~run~-l~api.token=***~--label=foo=bar~bb"},
	{"docker~run~--env-file=/x~--log-opt=splunk-token=abc~bb",
	 "docker~run~--env-file=/x~--log-opt=splunk-token=***~bb"},
	{"docker~volume~create~--opt~o=addr=1.2.3.4,username=u,password=p",
	 "docker~volume~create~--opt~o=addr=1.2.3.4,username=u,password=***"},
	{"docker~commit~--author~Bob~-c~ENV A=b~c", "docker~commit~--author~Bob~-c~ENV A=***~c"},
	{"docker~run~-v~secret-vol:/data~auth-service:1.2", NULL},
	{"docker~run~-v~/run/secrets:/run/secrets~--mount~type=bind,source=/root/.ssh,target=/x~b",
	 NULL},
	{"docker~pull~redis:7@sha256:abcd", NULL},
	{"docker~run~--name~x~-w~/a~bb~--format={{.ID}}", NULL},
	{"docker~run~--health-cmd=curl -u a:b http://x~bb",
	 "docker~run~--health-cmd=curl -u a:*** http://x~bb"},
	/* curl */
	{"curl~-H~Authorization: Bearer abc~-H~Content-Type: text/plain~http://x",
	 "curl~-H~Authorization: ***~-H~Content-Type: text/plain~http://x"},
	{"curl~-HX-Registry-Auth: abc~--header=Cookie:a=b~-H~X-Registry-Config: {}",
	 "curl~-HX-Registry-Auth: ***~--header=Cookie:***~-H~X-Registry-Config: ***"},
	{"curl~-sSu~bob:pw~-u~bob~--user~bob:pw~--user=bob:pw~-x~u:p@proxy:1~x",
	 "curl~-sSu~bob:***~-u~bob~--user~bob:***~--user=bob:***~-x~u:***@proxy:1~x"},
	{"curl~https://u:p@h/x?token=abc&y=z#f", "curl~https://u:***@h/x?token=***&y=z#f"},
	{"curl~https://u:pa/ss@h/x", "curl~https://u:***@h/x"},
	{"curl~http://h:80/a@b~http://[::1]:80/a@b", NULL},
	{"curl~-d~{\"Env\":[\"A=b]c\",\"D=e\"],\"Image\":\"bb\",\"Privileged\":true}",
	 "curl~-d~{\"Env\":[***],\"Image\":\"bb\",\"Privileged\":true}"},
	{"curl~-d~{\"Labels\":{\"token\":\"a \\\" b\"}, \"Cmd\":[\"PASSWORD=x y\"], \"User\": "
	 "\"0\"}",
	 "curl~-d~{\"Labels\":{\"token\":\"***\"}, \"Cmd\":[***], \"User\": \"0\"}"},
	{"curl~-d~{\"Cmd\":[\"x\",\"hunter2\"],\"Healthcheck\":{\"Test\":[\"CMD\",\"hunter2\"]},"
	 "\"User\":\"0\"}",
	 "curl~-d~{\"Cmd\":[***],\"Healthcheck\":{***},\"User\":\"0\"}"},
	{"curl~--json~{\"\\u0045nv\":[\"A=hunter2\"],\"Image\":\"bb\"}",
	 "curl~--json~{\"\\u0045nv\":[***],\"Image\":\"bb\"}"},
	{"curl~--data-binary~[\"KEY=hunter2\"]~http://d/plugins/x/set",
	 "curl~--data-binary~***~http://d/plugins/x/set"},
	{"curl~-d~@body.json~http://x", NULL},
	{"http~POST~http://d/containers/create~Image=bb~Env:=[\"A=hunter2\"]",
	 "http~POST~http://d/containers/create~Image=bb~Env:=***"},
	/* clients of engines */
	{"podman~pull~--creds~bob:hunter2~reg/x", "podman~pull~--creds~bob:***~reg/x"},
	{"podman~pull~--creds=bob:hunter2~reg/x", "podman~pull~--creds=bob:***~reg/x"},
	{"skopeo~copy~--src-creds~bob:hunter2~--dest-creds=ann:hunter2~docker://a~docker://b",
	 "skopeo~copy~--src-creds~bob:***~--dest-creds=ann:***~docker://a~docker://b"},
	{"skopeo~copy~--src-registry-token~hunter2~--dest-password=hunter2~a~b",
	 "skopeo~copy~--src-registry-token~***~--dest-password=***~a~b"},
	{"podman~pull~--decryption-key~/k:hunter2~x", "podman~pull~--decryption-key~***~x"},
	{"docker~plugin~set~vieux/sshfs~sshkey.source=hunter2~DEBUG=1",
	 "docker~plugin~set~vieux/sshfs~sshkey.source=***~DEBUG=***"},
	{"docker~plugin~install~--grant-all-permissions~x:1~A=hunter2",
	 "docker~plugin~install~--grant-all-permissions~x:1~A=***"},
	{"docker~run~--log-opt~x=y~bb~A=b", NULL},
	/* tokens by their form */
	{"x~hvs.CAESIJ0123456789abcdef", "x~hvs.***"},
	{"x~glrt-0123456789abcdefghij", "x~glrt-***"},
	{"x~--from=glpat-0123456789abcdefghij", "x~--from=glpat-***"},
	{"x~(ghp_0123456789abcdefghij)", "x~(ghp_***)"},
	{"x~sk_live_0123456789abcdef", "x~sk_live_***"},
	{"x~npm_0123456789abcdefghijklmnop", "x~npm_***"},
	{"npm~config~npm_config_userconfig=/etc/npmrc", NULL},
	{"x~AKIA0123456789ABCDEF~ASIAN-CUISINE-RECIPES", "x~AKIA***~ASIAN-CUISINE-RECIPES"},
	{"x~eyJhbGciOiJIUzI1NiJ9.eyJzdWIi/iIxIn0.c2ln", "x~eyJ***"},
	{"x~https://h.blob.core.windows.net/c?sv=2022&sig=hunter2%3D&se=1",
	 "x~https://h.blob.core.windows.net/c?sv=2022&sig=***&se=1"},
	{"x~DefaultEndpointsProtocol=https;AccountName=a;AccountKey=hunter2==;E=x",
	 "x~DefaultEndpointsProtocol=https;AccountName=a;AccountKey=***"},
	{"x~-----BEGIN OPENSSH PRIVATE KEY----- hunter2", "x~-----BEGIN ***"},
	{"curl~https://hooks.slack.com/services/T0/B0/hunter2",
	 "curl~https://hooks.slack.com/services/***"},
	{"x~Bearer~hunter2~y", "x~Bearer~***~y"},
	/* queries of URLs */
	{"curl~http://d/build?buildargs={\"A\":\"hunter2\"}~-g",
	 "curl~http://d/build?buildargs=***~-g"},
	{"curl~http://d/build?t=x&labels={\"a\": \"hunter2 x\"}&q=1~-g",
	 "curl~http://d/build?t=x&labels=***&q=1~-g"},
	{"curl~http://d/build?%62uild%61rgs=%7B%22A%22:%22hunter2%22%7D&t=x",
	 "curl~http://d/build?%62uild%61rgs=***&t=x"},
	{"curl~http://d/build?remote=http%3A%2F%2Fu%3Atiger%40h%2Fx&t=x:1",
	 "curl~http://d/build?remote=http://u:***@h/x&t=x:1"},
	{"curl~http://d/commit?changes=ENV+A%3Dhunter2", "curl~http://d/commit?changes=ENV+A=***"},
	{"curl~http://d/x?registryconfig=hunter2&X-Registry-Config=hunter2;registryauth=hunter2",
	 "curl~http://d/x?registryconfig=***&X-Registry-Config=***;registryauth=***"},
	{"curl~--url=http://d/build?buildargs={\"A\": \"hunter2\"}&t=x~-g",
	 "curl~--url=http://d/build?buildargs=***&t=x~-g"},
	{"curl~http://d/build?buildargs={\"A\":\"x&hunter2;b=hunter2\"}&t=hunter2",
	 "curl~http://d/build?buildargs=***&***;b=***&t=***"},
	{"curl~-d~a=b&%70assword=hunter2~http://d", "curl~-d~a=b&%70assword=***~http://d"},
	{"curl~https://u:ti?ger@h/y?a=b", "curl~https://u:***@h/y?a=b"},
	{"curl~https://d/x?y=a@b:c", NULL},
	{"curl~https://d/x?y=a#token=hunter2", "curl~https://d/x?y=a%23token=***"},
	{"curl~http://d/containers/json?filters={\"label\":[\"a=b\"]}&all=1~-g", NULL},
	{"curl~http://d/x?a=?a=?a=?a=?a=?a=hunter2", "curl~http://d/x?a=?a=?a=?a=?a=***"},
	{"sh~-c~curl 'http://d/build?buildargs={\"A\": \"hunter2\"}' -g; true",
	 "sh~-c~curl 'http://d/build?buildargs=***' -g; true"},
	{"sh~-c~curl \"http://d/build?buildargs={\\\"A\\\": \\\"hunter2\\\"}\" -g",
	 "sh~-c~curl \"http://d/build?buildargs=***\" -g"},
	{"sh~-c~curl http://d/build?buildargs={\"A\":\"hunter2\"} -g",
	 "sh~-c~curl http://d/build?buildargs=*** -g"},
	{"x~see http://d/x?token=hunter2 for more? no=yes",
	 "x~see http://d/x?token=*** for more? no=yes"},
	{"docker~-H~unix:///run/docker.sock~ps", NULL},
	{"docker~-H~tcp://u:p@h:1~ps", "docker~-H~tcp://u:***@h:1~ps"},
	/* git */
	{"git~clone~https://ghp_0123456789abcdef@github.com/x",
	 "git~clone~https://***@github.com/x"},
	{"git~clone~git@github.com:x/y~ssh://git@h/x", NULL},
	/* shells */
	{"sh~-c~echo tiger | docker login --password-stdin reg",
	 "sh~-c~echo *** | docker login --password-stdin reg"},
	{"bash~-c~docker login --password-stdin <<< hunter2",
	 "bash~-c~docker login --password-stdin <<< ***"},
	{"sh~-c~PGPASSWORD=foo psql -h x", "sh~-c~PGPASSWORD=*** psql -h x"},
	{"-bash~-lc~sh -c \"docker login -p 'a b' x\"; docker run -p 80:80 bb",
	 "-bash~-lc~sh -c \"docker login -p '***' x\"; docker run -p 80:80 bb"},
	{"sh~-c~sh -c \"sh -c \\\"docker login -p x\\\"\"",
	 "sh~-c~sh -c \"sh -c \\\"docker login -p ***\\\"\""},
	{"sh~-c~curl -d \"{\\\"Env\\\": [\\\"A=b\\\"], \\\"Image\\\": \\\"x\\\"}\" http://x",
	 "sh~-c~curl -d \"{\\\"Env\\\": [***], \\\"Image\\\": \\\"x\\\"}\" http://x"},
	{"sh~-c~curl -u a:b x && docker run -u 0:0 bb",
	 "sh~-c~curl -u a:*** x && docker run -u 0:0 bb"},
	{"sh~-c~[ -n x ] && docker login -p y", "sh~-c~[ -n x ] && docker login -p ***"},
	{"sh~-c~{ docker login -p y; }", "sh~-c~{ docker login -p ***; }"},
	{"sh~-c~X=\"a b\"; Y=\"docker login -p z\" eval \"$Y\"",
	 "sh~-c~X=\"a b\"; Y=\"docker login -p ***\" eval \"$Y\""},
	{"sh~-c~curl -sH \"Authorization: Bearer x\" http://x 2>&1 -u a:b",
	 "sh~-c~curl -sH \"Authorization: ***\" http://x 2>&1 -u a:***"},
	{"ssh~host~docker login -p x", "ssh~host~docker login -p ***"},
	{"ssh~host~PASSWORD=x docker run", "ssh~host~PASSWORD=***"},
	/* others */
	{"mysql~-psecret~-p~db", "mysql~-p***~-p~db"},
	{"sshpass~-p~x~ssh~-p~22~host", "sshpass~-p~***~ssh~-p~22~host"},
	{"usermod~-aG~docker~-p~$6$x~bob", "usermod~-aG~docker~-p~***~bob"},
	{"sudo~/usr/sbin/useradd~--password~$6$x~bob", "sudo~/usr/sbin/useradd~--password~***~bob"},
	{"groupmod~-p$6$x~docker", "groupmod~-p***~docker"},
	{"redis-cli~-a~pw", "redis-cli~-a~***"},
	{"openssl~rsa~-passin~pass:foo", "openssl~rsa~-passin~***"},
	{"foo~--api-key~abc~--token-file~/x~--use-auth~-v~/:/h",
	 "foo~--api-key~***~--token-file~/x~--use-auth~-v~/:/h"},
	{"foo~-password~abc~-password=abc", "foo~-password~***~-password=***"},
	{"env~PASSWORD=foo~HOME=/x~docker~ps", "env~PASSWORD=***~HOME=/x~docker~ps"},
	{"echo~Authorization:~Bearer~abc", "echo~Authorization:~***~***"},
	{"it's password=a'b", "it's password=***"},
	{"nc~X-Auth-Token: hunter2 x~h", "nc~X-Auth-Token: ***~h"},
	{"echo~it says password: hunter2", "echo~it says password: ***"},
	{"curl~-d~{\"password\": 12, \"a\":1}", "curl~-d~{\"password\": ***, \"a\":1}"},
	{"curl~-d~[ {\"token\": \"a b\"} ]", "curl~-d~[ {\"token\": \"***\"} ]"},
	{"x~{\\\"token\\\":\\\"a\\\",\\\"b\\\":1}", "x~{\\\"token\\\":\\\"***\\\",\\\"b\\\":1}"},
	{"x~{\\\"Env\\\":[\\\"A=b\\\"]}", "x~{\\\"Env\\\":***"},
	{"sh~-c~X=1 password=\"a b\" y", "sh~-c~X=1 password=*** y"},
	{"sed~-e~s/a=b/c/", NULL},
	{"nginx: worker process", NULL},
	{"-~--~=~-=~--=~-e~:~::~a:~\"~'~\\", NULL},
	{"docker~exec~-e", NULL},
	{"", NULL},
};

static void to_args(char *args)
{
	for (; *args; args++)
		if (*args == '~')
			*args = '\0';
}

/* What is masked stays as it is, its arguments parted by ~; from the second time on it is remembered. */
static void check_masked_again(struct bytes wanted)
{
	char *args = strndup(wanted.data, wanted.size);

	to_args(args);
	for (int i = 0; i < 3; i++) {
		struct text text = {0};

		mask_args(&text, (struct bytes){args, wanted.size});
		assert_int_equal(text.size, wanted.size);
		assert_memory_equal(text.data, args, text.size);
		text_free(&text);
	}
	free(args);
}

static void test_mask_args(void **state)
{
	for (size_t i = 0; i < COUNT(masked); i++) {
		char *args = strdup(masked[i].args);
		struct bytes bytes = {args, strlen(args) + 1};
		struct text text = {0};
		bool any;

		to_args(args);
		any = mask_args(&text, bytes);
		for (size_t j = 0; j + 1 < text.size; j++)
			if (!text.data[j])
				text.data[j] = '~';
		assert_string_equal(text.data,
				    masked[i].wanted ? masked[i].wanted : masked[i].args);
		assert_int_equal(text.size, strlen(text.data) + 1);
		assert_int_equal(any, masked[i].wanted != NULL);
		check_masked_again(text_since(&text, 0));
		text_free(&text);
		free(args);
	}
}

/* However a command is cut, what was a secret does not come back: that rests on what stands before
 * it, except where a password is piped. */
static void test_mask_cut(void **state)
{
	for (size_t i = 0; i < COUNT(masked); i++) {
		size_t size = strlen(masked[i].args);

		for (size_t cut = 1; cut <= size; cut++) {
			char *args = strndup(masked[i].args, cut);
			struct text text = {0};

			to_args(args);
			mask_args(&text, (struct bytes){args, cut});
			if (memmem(text.data, text.size, "hunter2", 7))
				fail_msg("%s, cut to %zu", masked[i].args, cut);
			text_free(&text);
			free(args);
		}
	}
}

/* TEXT as one argument of a command for a shell. */
static void nest(struct text *text)
{
	struct text outer = {0};

	text_add_string(&outer, "sh -c \"");
	for (size_t i = 0; i < text->size; i++) {
		if (text->data[i] == '"' || text->data[i] == '\\')
			text_add_char(&outer, '\\');
		text_add_char(&outer, text->data[i]);
	}
	text_add_char(&outer, '"');
	text_free(text);
	*text = outer;
}

/* Shells within shells are read to some depth; what is deeper is gone as a whole. */
static void test_mask_nesting(void **state)
{
	for (unsigned int depth = 0; depth < 8; depth++) {
		struct text text = {0}, out = {0};

		text_add_string(&text, "docker login -p hunter2 registry");
		for (unsigned int i = 0; i < depth; i++)
			nest(&text);
		assert_true(mask_text(&out, text_since(&text, 0)));
		assert_null(strstr(out.data, "hunter2"));
		assert_int_equal(strstr(out.data, "registry") != NULL, depth < 4);
		text_free(&text);
		text_free(&out);
	}
}

/* What a site adds, everywhere where something is masked. */
static void test_mask_site(void **state)
{
	static const struct {
		const char *text, *wanted;
	} cases[] = {
		{"acme-0123abcd", "acme-***"},
		{"x acme-0123abcd,acme-9999ffff y", "x acme-***,acme-*** y"},
		{"badge 12345 and badge 1", "*** and badge 1"},
		{"tag 111 tag 222 tag 33", "****** ****** tag 33"},
		{"--house_word=x y", "--house_word=***"},
		{"{\"my-HOUSE-WORD\":\"x\",\"a\":1}", "{\"my-HOUSE-WORD\":\"***\",\"a\":1}"},
		{"acme-***", "acme-***"},
		{"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaacb", "***"},
		{"acme-", "acme-"},
	};
	char reason[256] = "", many[16];

	assert_int_equal(mask_add_pattern("(", reason, sizeof(reason)), -EINVAL);
	assert_string_not_equal(reason, "");
	assert_int_equal(mask_add_name(""), -EINVAL);
	assert_int_equal(mask_add_pattern("acme-([0-9a-f]{8})", reason, sizeof(reason)), 0);
	assert_int_equal(mask_add_pattern("(?<=(tag ))[0-9]{3}", reason, sizeof(reason)), 0);
	assert_int_equal(mask_add_pattern("badge \\d{5}", reason, sizeof(reason)), 0);
	assert_int_equal(mask_add_pattern("^(?:a+)+(?:a+)+b", reason, sizeof(reason)),
			 0); /* slow */
	assert_int_equal(mask_add_name("House-Word"), 0);
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct text text = {0}, again = {0};

		assert_int_equal(mask_text(&text, bytes_of(cases[i].text)),
				 strcmp(cases[i].text, cases[i].wanted) != 0);
		assert_is(&text, cases[i].wanted);
		mask_text(&again, bytes_of(cases[i].wanted));
		assert_is(&again, cases[i].wanted);
	}
	{
		struct text text = {0};

		mask_args(&text, (struct bytes)BYTES("x\0acme-0123abcd\0y\0"));
		assert_true(
			bytes_equal(text_since(&text, 0), (struct bytes)BYTES("x\0acme-***\0y\0")));
		text_cut(&text, 0);
		mask_query(&text, bytes_of("a=acme%2d0123abcd&b=acme-0123abcd&houseword=x&"
					   "house-word=y"));
		assert_is(&text, "a=acme-***&b=acme-***&houseword=x&house-word=***");
		mask_url(&text, bytes_of("http://h/acme-0123abcd"));
		assert_is(&text, "http://h/acme-***");
	}
	assert_int_equal(mask_add_name("House-Word"), 0); /* once is enough */
	for (unsigned int i = 1; i < MASK_SITE_MAX; i++) {
		snprintf(many, sizeof(many), "name%u", i);
		assert_int_equal(mask_add_name(many), 0);
	}
	assert_int_equal(mask_add_name("one"), -E2BIG);
	mask_forget_site();
	assert_false(mask_is_secret_name(bytes_of("house-word")));
}

/* Where the name of an image is expected. */
static void test_mask_reference(void **state)
{
	static const struct {
		const char *text, *wanted; /* NULL: as it is */
	} cases[] = {
		{"u:hunter2@h/x", "u:***@h/x"},
		{"u:hunter2@h:5000/x:1", "u:***@h:5000/x:1"},
		{"u:hunter:2@h@i/x", "u:***@i/x"},
		{"u:/hunter2@h/x", "u:***@h/x"},
		{"https://u:hunter2@h/x", "https://u:***@h/x"},
		{"https://u:hun/ter2@h/x", "https://u:***@h/x"},
		{"https://hunter2@h/x", "https://***@h/x"},
		{"https:/u:hunter2@h/x", "https:***@h/x"},
		{"u:hunter2@h/x@sha256:0123", "u:***@h/x@sha256:0123"},
		{"/v1.41/images/u:hunter2@h/x/json", "/v1.41/images/u:***@h/x/json"},
		{"x --password=hunter2", "x --password=***"},
		{"h:5000/x:1@sha256:0123", NULL},
		{"/images/h:5000/x@sha512:0123/json", NULL},
		{"h:5000/x:1", NULL},
		{"git@github.com:a/b.git#c:d", NULL},
		{"http://h:80/x.tar", NULL},
		{"a@b", NULL},
		{":@", NULL},
		{"@", NULL},
		{"", NULL},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct text text = {0}, again = {0};
		const char *wanted = cases[i].wanted ? cases[i].wanted : cases[i].text;

		assert_int_equal(mask_reference(&text, bytes_of(cases[i].text)),
				 cases[i].wanted != NULL);
		assert_is(&text, wanted);
		mask_reference(&again, bytes_of(wanted));
		assert_is(&again, wanted);
		text_free(&text);
	}
}

static void test_secret_names(void **state)
{
	static const char *const secret[] = {
		"token",
		"TOKEN",
		"X-Auth-Token",
		"DB_PASS",
		"MYSQL_PWD",
		"password",
		"my.Secret",
		"apikey",
		"api-key",
		"API_KEY",
		"authorization",
		"X-Registry-Auth",
		"X-Registry-Config",
		"aws_access_key_id",
		"cookie",
		"credentials",
		"passphrase",
	};
	static const char *const harmless[] = {
		"", "name", "image", "author", "AUTHORS", "PWD", "OLDPWD", "tok", "passw", "target",
	};

	char long_name[300];

	memset(long_name, 'x', sizeof(long_name));
	assert_true(mask_is_secret_name((struct bytes){long_name, sizeof(long_name)}));
	for (size_t i = 0; i < COUNT(secret); i++)
		assert_true(mask_is_secret_name(bytes_of(secret[i])));
	for (size_t i = 0; i < COUNT(harmless); i++)
		assert_false(mask_is_secret_name(bytes_of(harmless[i])));
}

/* --- URLs ----------------------------------------------------------------------------------- */

static void test_url(void **state)
{
	static const struct {
		const char *target, *original, *path, *query; /* original of NULL: the target */
	} cases[] = {
		{"/_ping", NULL, "/_ping", NULL},
		{"/v1.41/containers/json?all=1", NULL, "/v1.41/containers/json", "all=1"},
		{"/a%2fb%41%zz%4", NULL, "/a/bA%zz%4", NULL},
		{"/a%252f+b", NULL, "/a%2f+b", NULL},
		{"//x/../y", NULL, "//x/../y", NULL},
		{"/x?", NULL, "/x", NULL},
		{"/x?a?b=c", NULL, "/x", "a?b=c"},
		{"/x#y?z", NULL, "/x#y", "z"},
		{"*", NULL, "*", NULL},
		{"host:80", NULL, NULL, NULL},
		{"http://docker/v1.41/info?a=b", NULL, "/v1.41/info", "a=b"},
		{"http://docker", NULL, NULL, NULL},
		{"http://docker?token=x", "http://docker?token=***", NULL, "token=***"},
		{"http:/x", NULL, "/x", NULL},
		{"http://u:p@docker/x", "http://u:***@docker/x", "/x", NULL},
		{"?token=x", "?token=***", NULL, "token=***"},
		{"", NULL, NULL, NULL},
		/* secret keys */
		{"/x?a=1&token=abc&b=2", "/x?a=1&token=***&b=2", "/x", "a=1&token=***&b=2"},
		{"/x?%74oken=abc", "/x?%74oken=***", "/x", "%74oken=***"},
		{"/x?a=1;PassWord=abc", "/x?a=1;PassWord=***", "/x", "a=1;PassWord=***"},
		{"/x?token=&secret", NULL, "/x", "token=&secret"},
		{"/x?X-Registry-Auth=e30&registryauth=y&accesskey=z",
		 "/x?X-Registry-Auth=***&registryauth=***&accesskey=***", "/x",
		 "X-Registry-Auth=***&registryauth=***&accesskey=***"},
		{"/build?buildargs=%7B%22A%22%3A%22b%22%7D&labels=%7B%7D&t=a:b",
		 "/build?buildargs=***&labels=***&t=a:b", "/build",
		 "buildargs=***&labels=***&t=a:b"},
		/* secrets in values */
		{"/build?remote=https%3A%2F%2Fu%3Ap%40h%2Fx%3Ftoken%3Dy%26a%3Db&t=z",
		 "/build?remote=https://u:***@h/x?token=***%26a=b&t=z", "/build",
		 "remote=https://u:***@h/x?token=***%26a=b&t=z"},
		{"/build?remote=https://u:p@h/x", "/build?remote=https://u:***@h/x", "/build",
		 "remote=https://u:***@h/x"},
		{"/commit?changes=ENV+A%3Db&author=Bob", "/commit?changes=ENV+A=***&author=Bob",
		 "/commit", "changes=ENV+A=***&author=Bob"},
		{"/events?filters=%7B%22label%22%3A%7B%22a%3Db%22%3Atrue%7D%7D", NULL, "/events",
		 "filters=%7B%22label%22%3A%7B%22a%3Db%22%3Atrue%7D%7D"},
		{"/images/create?fromImage=alpine&tag=3.19@sha256:ab", NULL, "/images/create",
		 "fromImage=alpine&tag=3.19@sha256:ab"},
		{"/x?&&=&=a&b", NULL, "/x", "&&=&=a&b"},
		/* secrets in the path, which may name an image */
		{"/images/http://u:p@h/x/json", "/images/http://u:***@h/x/json",
		 "/images/http://u:***@h/x/json", NULL},
		{"/images/http%3a%2F%2Fu%3Ap%40h%2Fx%20y/push?tag=1",
		 "/images/http://u:***@h/x%20y/push?tag=1", "/images/http://u:***@h/x y/push",
		 "tag=1"},
		{"/images/h:5000/a%2fb:1@sha256:ab/json", NULL,
		 "/images/h:5000/a/b:1@sha256:ab/json", NULL},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		const char *original = cases[i].original ? cases[i].original : cases[i].target;
		struct text text = {0}, path = {0}, again = {0};
		struct url url;

		url_mask(&text, bytes_of(cases[i].target), &url);
		assert_int_equal(url.original.size, strlen(original));
		assert_true(bytes_equal(url.original, bytes_of(original)));
		url_decode_path(&path, url.path);
		assert_is(&path, cases[i].path ? cases[i].path : "");
		assert_true(bytes_equal(url.query, bytes_of(cases[i].query)));
		url_mask(&again, bytes_of(original), &url);
		assert_is(&again, original);
		text_free(&text);
	}
}

/* --- records -------------------------------------------------------------------------------- */

static void check_common(json_t *root, const char *action, const char *kind, const char *category,
			 int severity)
{
	assert_nothing_empty(root);
	assert_text(root, "@timestamp", "2026-03-01T12:03:44.120000001Z");
	assert_text(root, "event.action", action);
	assert_text(root, "event.kind", kind);
	ASSERT_TEXTS(root, "event.category", category);
	assert_text(root, "event.id", "1898b60de26e4e01-c0ffee12-0000002a");
	assert_number(root, "event.sequence", 42);
	assert_text(root, "event.module", "callerd");
	assert_text(root, "event.dataset", "callerd.audit");
	assert_number(root, "event.severity", severity);
	assert_text(root, "host.name", "build7");
	assert_text(root, "host.boot.id", context.boot_id);
	assert_text(root, "agent.type", "callerd");
	assert_text(root, "agent.version", "0.1.0");
	assert_text(root, "agent.ephemeral_id", "c0ffee12");
	assert_true(json_is_string(at(root, "message")));
	assert_true(json_is_string(at(root, "ecs.version")));
}

static void check_alice(json_t *root)
{
	assert_number(root, "process.pid", 4711);
	assert_text(root, "process.entity_id", "5a1c0b527c594ad99a5e0f8a1b2c3d4e-4711-5f5e100");
	assert_text(root, "process.name", "docker");
	assert_text(root, "process.executable", "/usr/bin/docker");
	ASSERT_TEXTS(root, "process.args", "docker", "run", "-v", "/:/host", "bb");
	assert_number(root, "process.args_count", 5);
	assert_text(root, "process.command_line", "docker run -v /:/host bb");
	assert_text(root, "process.working_directory", "/home/alice");
	assert_text(root, "process.start", "2026-03-01T12:03:44.100000000Z");
	assert_number(root, "process.parent.pid", 4700);
	assert_text(root, "process.parent.name", "sudo");
	assert_text(root, "process.parent.executable", "/usr/bin/sudo");
	ASSERT_TEXTS(root, "process.parent.args", "sudo", "docker", "login", "-p", "***");
	assert_text(root, "process.parent.command_line", "sudo docker login -p ***");
	assert_text(root, "process.parent.start", "2026-03-01T12:03:44.090000000Z");
	assert_text(root, "process.parent.user.id", "0");
	assert_text(root, "user.id", "1000");
	assert_text(root, "user.name", "alice");
	assert_text(root, "user.effective.id", "0");
	assert_text(root, "user.effective.name", "root");
	assert_text(root, "user.effective.group.id", "0");
	ASSERT_ABSENT(root, "user.group");
	ASSERT_TEXTS(root, "related.user", "alice", "root");
	assert_number(root, "callerd.caller.session", 3);
	assert_text(root, "callerd.caller.tty", "pts/3");
	assert_text(root, "callerd.caller.cgroup", "/user.slice/user-1000.slice/session-3.scope");
	assert_text(root, "callerd.caller.unit", "session-3.scope");
	assert_text(root, "callerd.caller.label", "unconfined");
	ASSERT_TEXTS(root, "process.thread.capabilities.effective", "CAP_CHOWN", "CAP_SYS_ADMIN",
		     "CAP_CHECKPOINT_RESTORE", "CAP_41", "CAP_63");
	assert_int_equal(json_array_size(at(root, "callerd.ancestors")), 3);
	assert_number(root, "callerd.ancestors.0.pid", 4700);
	assert_text(root, "callerd.ancestors.0.command_line", "sudo docker login -p ***");
	assert_text(root, "callerd.ancestors.1.name", "bash");
	assert_text(root, "callerd.ancestors.1.executable", "/usr/bin/bash");
	assert_text(root, "callerd.ancestors.1.user.id", "1000");
	assert_text(root, "callerd.ancestors.1.start", "2026-03-01T12:03:44.080000000Z");
	assert_text(root, "callerd.ancestors.2.name", "systemd");
	ASSERT_ABSENT(root, "process.real_user", "process.parent.working_directory", "container",
		      "callerd.caller.args_truncated", "callerd.caller.executable_deleted",
		      "callerd.caller.root", "callerd.ancestors.1.command_line",
		      "callerd.ancestors.2.executable");
}

static void test_api_request(void **state)
{
	struct caller caller = alice();
	struct record record = plain_request(&caller);
	json_t *root = written(&record, &context);

	check_common(root, "api-request", "event", "api", 20);
	check_alice(root);
	ASSERT_TEXTS(root, "event.type", "change");
	assert_text(root, "event.outcome", "success");
	assert_number(root, "event.duration", 3100000);
	assert_text(root, "callerd.caller.access", "group:docker");
	assert_text(root, "callerd.connection.id", "77");
	assert_text(root, "callerd.connection.socket", "/run/docker.sock");
	assert_number(root, "callerd.connection.request", 2);
	assert_text(root, "http.version", "1.1");
	assert_text(root, "http.request.method", "POST");
	assert_text(root, "http.request.mime_type", "application/json");
	assert_number(root, "http.request.body.bytes", 1500);
	assert_number(root, "http.response.status_code", 201);
	assert_number(root, "http.response.body.bytes", 88);
	assert_text(root, "url.original", "/v1.41/containers/create?name=a%20b&token=***");
	assert_text(root, "url.path", "/v1.41/containers/create");
	assert_text(root, "url.query", "name=a%20b&token=***");
	assert_text(root, "user_agent.original", "Docker-Client/20.10.24 (linux)");
	assert_true_at(root, "callerd.capture.complete", true);
	assert_text(root, "message",
		    "alice → root (sudo) | docker run -v /:/host bb | "
		    "POST /v1.41/containers/create?name=a%20b&token=*** → 201 (3.1 ms)");
	ASSERT_ABSENT(root, "callerd.capture.reason", "callerd.capture.anomalies", "error",
		      "callerd.connector", "callerd.connection.preexisting",
		      "callerd.connection.address", "callerd.lost", "callerd.status",
		      "callerd.sockets", "callerd.capture.backend");
	json_decref(root);
}

static void test_request_types(void **state)
{
	static const struct {
		struct bytes method;
		int status;
		const char *type, *denied, *outcome;
	} cases[] = {
		{BYTES("GET"), 200, "access", NULL, "success"},
		{BYTES("HEAD"), 399, "access", NULL, "success"},
		{BYTES("OPTIONS"), 101, "access", NULL, "success"},
		{BYTES("POST"), 400, "change", NULL, "failure"},
		{BYTES("PUT"), 403, "change", "denied", "failure"},
		{BYTES("DELETE"), 401, "deletion", "denied", "failure"},
		{BYTES("get"), 500, "info", NULL, "failure"},
		{{NULL, 0}, 0, "info", NULL, "unknown"},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct record record = plain_request(NULL);
		json_t *root;

		record.http.method = cases[i].method;
		record.http.verb = method_by_name(cases[i].method);
		record.http.status = cases[i].status;
		root = written(&record, &context);
		assert_text(root, "event.type.0", cases[i].type);
		if (cases[i].denied)
			assert_text(root, "event.type.1", cases[i].denied);
		else
			ASSERT_ABSENT(root, "event.type.1");
		assert_text(root, "event.outcome", cases[i].outcome);
		json_decref(root);
	}
}

/* One of several sent it: nobody is the caller. */
static void test_candidates(void **state)
{
	struct caller a = alice(), b = bob();
	const struct caller *candidates[] = {&a, &b};
	struct record record = plain_request(NULL);
	json_t *root;

	b.login_uid = CALLERD_UNSET_ID;
	record.candidates = candidates;
	record.candidate_count = 2;
	record.candidates_cut = true;
	record.incomplete = RECORD_INCOMPLETE_SENDER_AMBIGUOUS;
	root = written(&record, &context);
	ASSERT_ABSENT(root, "process", "user");
	assert_number(root, "callerd.candidates.0.pid", a.process.pid);
	assert_number(root, "callerd.candidates.1.pid", b.process.pid);
	assert_text(root, "callerd.candidates.1.user.name", "bob");
	assert_true_at(root, "callerd.candidates_truncated", true);
	assert_non_null(
		strstr(json_string_value(at(root, "message")), " or bob (PID 99) or another | "));
	json_decref(root);
}

/* Described long before. */
static void test_described(void **state)
{
	struct caller caller = alice();
	struct record record = plain_request(&caller);
	json_t *root;

	record.described = record.time - 1000000000;
	root = written(&record, &context);
	ASSERT_ABSENT(root, "callerd.capture.caller_described");
	json_decref(root);
	record.described--;
	root = written(&record, &context);
	assert_true(json_is_string(at(root, "callerd.capture.caller_described")));
	json_decref(root);
}

static void test_incomplete_request(void **state)
{
	struct caller caller = alice(), connector = bob();
	struct record record = plain_request(&caller);
	json_t *root;

	record.connector = &connector;
	record.connection.preexisting = true;
	record.incomplete = ~0u;
	record.http = (struct record_http){
		.version_minor = -1,
		.target = BYTES("/x"),
		.target_truncated = true,
		.parse_error = "no such version",
		.anomalies = HTTP1_ANOMALY_BARE_LF | HTTP1_ANOMALY_OVERSIZED | 1u << 31,
	};
	root = written(&record, &context);
	check_common(root, "api-request", "event", "api", 40);
	assert_text(root, "event.outcome", "unknown");
	assert_true_at(root, "callerd.capture.complete", false);
	assert_text(root, "callerd.capture.reason.0", "budget");
	assert_text(root, "callerd.capture.reason.1", "lost");
	assert_text(root, "callerd.capture.reason.2", "unparsed");
	assert_text(root, "callerd.capture.reason.3", "resynchronised");
	assert_text(root, "callerd.capture.reason.4", "sender-unconfirmed");
	assert_text(root, "callerd.capture.reason.5", "several-senders");
	assert_text(root, "callerd.capture.reason.6", "connector-lost");
	assert_text(root, "callerd.capture.reason.7", "agent-stopped");
	assert_text(root, "callerd.capture.reason.8", "evicted");
	assert_text(root, "callerd.capture.reason.9", "unreadable");
	assert_text(root, "callerd.capture.reason.10", "sender-ambiguous");
	assert_text(root, "callerd.capture.reason.11", "sender-lost");
	assert_text(root, "callerd.capture.reason.12", "unfinished");
	assert_text(root, "callerd.capture.reason.13", "agent-away");
	assert_text(root, "callerd.capture.reason.14", "14");
	assert_text(root, "callerd.capture.reason.32", "target-truncated");
	ASSERT_TEXTS(root, "callerd.capture.anomalies", "bare-lf", "oversized-line", "31");
	assert_text(root, "error.message", "no such version");
	assert_true_at(root, "callerd.connection.preexisting", true);
	assert_number(root, "callerd.connector.pid", 99);
	assert_text(root, "callerd.connector.user.id", "1001");
	assert_text(root, "callerd.connector.user.name", "bob");
	assert_int_equal(json_object_size(at(root, "http")), 1); /* its id */
	assert_int_equal(json_object_size(at(root, "http.request")), 1);
	ASSERT_ABSENT(root, "user_agent", "url.query", "event.duration", "error.code",
		      "callerd.connector.entity_id", "callerd.connector.name",
		      "callerd.connector.executable", "callerd.connector.command_line");
	json_decref(root);

	record = plain_request(&caller);
	record.http.anomalies = HTTP1_ANOMALY_DISPUTED;
	root = written(&record, &context);
	check_common(root, "api-request", "event", "api", 40);
	assert_true_at(root, "callerd.capture.complete", true);
	ASSERT_TEXTS(root, "callerd.capture.anomalies", "disputed");
	json_decref(root);
}

static void test_connector(void **state)
{
	struct caller caller = bob(), connector = alice();
	struct record record = plain_request(&caller);
	json_t *root;

	record.connector = &connector;
	connector.process.args = (struct bytes)BYTES("docker\0login\0-p\0x\0");
	root = written(&record, &context);
	assert_number(root, "callerd.connector.pid", 4711);
	assert_text(root, "callerd.connector.entity_id",
		    "5a1c0b527c594ad99a5e0f8a1b2c3d4e-4711-5f5e100");
	assert_text(root, "callerd.connector.name", "docker");
	assert_text(root, "callerd.connector.executable", "/usr/bin/docker");
	assert_text(root, "callerd.connector.command_line", "docker login -p ***");
	assert_text(root, "callerd.connector.user.id", "0");
	json_decref(root);
	record.connector = &caller;
	root = written(&record, &context);
	ASSERT_ABSENT(root, "callerd.connector");
	json_decref(root);
}

static void test_socket_connected(void **state)
{
	struct caller caller = alice();
	struct record record = plain_request(&caller);
	json_t *root;

	record.action = RECORD_SOCKET_CONNECTED;
	record.http = (struct record_http){0};
	record.connection.request = 0;
	root = written(&record, &context);
	check_common(root, "socket-connected", "event", "network", 20);
	check_alice(root);
	assert_number(root, "process.thread.id", 4712);
	ASSERT_TEXTS(root, "event.type", "connection");
	assert_text(root, "event.outcome", "success");
	assert_text(root, "callerd.caller.access", "group:docker");
	assert_text(
		root, "message",
		"alice → root (sudo) | docker run -v /:/host bb | connected to /run/docker.sock");
	ASSERT_ABSENT(root, "http", "url", "user_agent", "error", "event.duration",
		      "callerd.capture", "callerd.connection.request");
	json_decref(root);
}

static void test_socket_refused(void **state)
{
	struct caller caller = alice();
	struct record record = plain_request(&caller);
	json_t *root;

	record.action = RECORD_SOCKET_REFUSED;
	record.connection = (struct record_connection){.socket = BYTES("/run/docker.sock")};
	record.error = EACCES;
	record.address = (struct bytes)BYTES("../docker.sock\n");
	root = written(&record, &context);
	check_common(root, "socket-refused", "event", "network", 40);
	check_alice(root);
	ASSERT_TEXTS(root, "event.type", "connection", "denied");
	assert_text(root, "event.outcome", "failure");
	assert_text(root, "error.code", "EACCES");
	assert_text(root, "error.message", "Permission denied");
	assert_text(root, "callerd.connection.socket", "/run/docker.sock");
	assert_text(root, "callerd.connection.address", "../docker.sock\n");
	ASSERT_ABSENT(root, "http", "url", "callerd.caller.access", "callerd.connection.id",
		      "callerd.connection.request", "callerd.capture");
	json_decref(root);

	record.error = ECONNREFUSED;
	root = written(&record, &context);
	ASSERT_TEXTS(root, "event.type", "connection");
	assert_text(root, "error.code", "ECONNREFUSED");
	json_decref(root);
	record.error = 4000;
	root = written(&record, &context);
	assert_text(root, "error.code", "4000");
	ASSERT_ABSENT(root, "error.message");
	json_decref(root);
}

static void test_agent_records(void **state)
{
	static const char *const sockets[] = {"/run/docker.sock", "/run/podman.sock", NULL};
	static const struct record_counter counters[] = {
		{"records", 12},
		{"lost", 0},
		{"lost.ring-full-connects", 3},
	};
	struct record record = {
		.time = 120000001,
		.sequence = 42,
		.action = RECORD_AGENT_STARTED,
		.backend = "tracepoint",
		.backend_reason = "trampolines refused: EPERM",
		.sockets = sockets,
		.counters = counters,
		.counter_count = COUNT(counters),
	};
	json_t *root = written(&record, &context), *status;

	check_common(root, "agent-started", "event", "host", 0);
	ASSERT_TEXTS(root, "event.type", "start");
	assert_text(root, "event.outcome", "success");
	assert_text(root, "callerd.capture.backend", "tracepoint");
	assert_text(root, "callerd.capture.backend_reason", "trampolines refused: EPERM");
	ASSERT_TEXTS(root, "callerd.sockets", "/run/docker.sock", "/run/podman.sock");
	assert_text(root, "message",
		    "callerd started, backend tracepoint (trampolines refused: EPERM), watching "
		    "/run/docker.sock, /run/podman.sock");
	ASSERT_ABSENT(root, "process", "user", "callerd.status", "callerd.caller",
		      "callerd.connection", "http", "url", "error", "callerd.capture.complete");
	json_decref(root);

	record.action = RECORD_AGENT_STOPPED;
	root = written(&record, &context);
	check_common(root, "agent-stopped", "event", "host", 0);
	ASSERT_TEXTS(root, "event.type", "end");
	assert_text(root, "event.outcome", "success");
	status = at(root, "callerd.status");
	assert_int_equal(json_integer_value(json_object_get(status, "records")), 12);
	assert_int_equal(json_integer_value(json_object_get(status, "lost")), 0);
	assert_int_equal(json_integer_value(json_object_get(status, "lost.ring-full-connects")), 3);
	assert_text(root, "message", "callerd stopped: records 12, lost.ring-full-connects 3");
	assert_text(root, "callerd.capture.backend", "tracepoint");
	ASSERT_ABSENT(root, "callerd.capture.backend_reason", "callerd.sockets");
	json_decref(root);

	record.action = RECORD_AGENT_STATUS;
	root = written(&record, &context);
	check_common(root, "agent-status", "metric", "host", 0);
	assert_text(root, "message", "callerd status: records 12, lost.ring-full-connects 3");
	ASSERT_ABSENT(root, "event.outcome");
	json_decref(root);

	record.action = RECORD_RECORDS_LOST;
	record.lost_reason = "ring-full-connects";
	record.lost_count = 3;
	root = written(&record, &context);
	check_common(root, "records-lost", "event", "host", 60);
	assert_text(root, "callerd.lost.reason", "ring-full-connects");
	assert_number(root, "callerd.lost.count", 3);
	assert_text(root, "message", "callerd LOST 3: ring-full-connects");
	ASSERT_ABSENT(root, "event.outcome", "callerd.status", "callerd.account",
		      "callerd.refused");
	json_decref(root);
	record.lost_refused = true;
	root = written(&record, &context);
	check_common(root, "records-lost", "event", "host", 40);
	json_decref(root);
}

static void test_engine_found(void **state)
{
	const struct bytes plugins[] = {BYTES("authz")}, security[] = {BYTES("name=rootless")};
	const struct finding finding = {FINDING_ENGINE_TCP, SEVERITY_CRITICAL, BYTES("to all")};
	const struct record_server server = {.pid = 812, .executable = BYTES("/usr/bin/dockerd")};
	struct record_engine engine = {
		.address = BYTES("unix:///run/docker.sock"),
		.found = RECORD_FOUND_USUAL | RECORD_FOUND_UNIT,
		.watched = true,
		.brand = BRAND_DOCKER,
		.version = BYTES("24.0.7"),
		.api_version = BYTES("1.43"),
		.plugins = plugins,
		.plugin_count = 1,
		.security = security,
		.security_count = 1,
		.rootless = true,
	};
	struct record record = {
		.action = RECORD_ENGINE_FOUND,
		.time = 120000001,
		.sequence = 42,
		.engine = &engine,
		.server = &server,
		.connection.socket = BYTES("/run/docker.sock"),
	};
	json_t *root = written(&record, &context);

	check_common(root, "engine-found", "event", "host", 20);
	assert_text(root, "callerd.engine.address", "unix:///run/docker.sock");
	assert_text(root, "callerd.engine.version", "24.0.7");
	assert_text(root, "callerd.engine.brand", "docker");
	assert_text(root, "callerd.server.user.id", "0");
	assert_text(root, "callerd.server.executable", "/usr/bin/dockerd");
	assert_text(root, "message",
		    "callerd found docker 24.0.7, API 1.43 at unix:///run/docker.sock, of "
		    "PID 812, uid 0, by usual-path, socket-unit");
	ASSERT_ABSENT(root, "process", "user", "error", "callerd.findings",
		      "callerd.engine.unwatched", "callerd.engine.userns_remap",
		      "callerd.engine.tls");
	json_decref(root);

	engine = (struct record_engine){
		.address = BYTES("tcp://[::]:2375"),
		.found = RECORD_FOUND_FILE,
		.unwatched = "calls over TCP do not use a socket of this host",
		.tls = "none",
	};
	record = (struct record){
		.action = RECORD_ENGINE_FOUND,
		.time = 120000001,
		.sequence = 42,
		.engine = &engine,
		.api = {.findings = &finding, .finding_count = 1},
	};
	root = written(&record, &context);
	check_common(root, "engine-found", "alert", "host", 100);
	assert_text(root, "callerd.engine.tls", "none");
	assert_text(
		root, "message",
		"callerd found an engine at tcp://[::]:2375, by daemon.json, NOT WATCHED: calls "
		"over TCP do not use a socket of this host  !critical engine-tcp: to all");
	ASSERT_ABSENT(root, "callerd.engine.watched", "callerd.engine.brand", "callerd.server",
		      "callerd.connection");
	json_decref(root);

	record.action = RECORD_ENGINE_GONE;
	record.api.finding_count = 0;
	root = written(&record, &context);
	check_common(root, "engine-gone", "event", "host", 20);
	assert_text(root, "message", "callerd finds nobody any more at tcp://[::]:2375");
	json_decref(root);
}

static void test_engine_out_of_reach(void **state)
{
	struct record record = {
		.action = RECORD_ENGINE_UNREACHABLE,
		.time = 120000001,
		.sequence = 42,
		.connection.socket = BYTES("/run/docker.sock"),
		.error = EACCES,
	};
	json_t *root = written(&record, &context);

	check_common(root, "engine-unreachable", "event", "host", 60);
	assert_text(root, "event.outcome", "failure");
	assert_text(root, "error.code", "EACCES");
	assert_text(root, "error.message", "Permission denied");
	assert_text(root, "callerd.connection.socket", "/run/docker.sock");
	assert_text(root, "message", "callerd CANNOT ASK the engine at /run/docker.sock → EACCES");
	ASSERT_ABSENT(root, "process", "user", "callerd.capture", "callerd.status");
	json_decref(root);
	record.action = RECORD_ENGINE_REACHED;
	record.error = 0;
	root = written(&record, &context);
	check_common(root, "engine-reached", "event", "host", 0);
	assert_text(root, "event.outcome", "success");
	assert_text(root, "callerd.connection.socket", "/run/docker.sock");
	assert_text(root, "message", "callerd asks the engine again at /run/docker.sock");
	ASSERT_ABSENT(root, "error");
	json_decref(root);
}

static void test_status(void **state)
{
	static const struct record_output outputs[] = {
		{"file:/a", NULL, 3, 5, 8, "full"},
		{"stdout", .written = 2},
	};
	static const struct record_program programs[] = {{"connect_begin", 120, 81234, 2, true}};
	static const struct record_watched engines[] = {
		{"/run/docker.sock", ENGINE_REACHED},
		{"/run/podman.sock", ENGINE_UNREACHABLE, EACCES},
	};
	struct record record = {
		.action = RECORD_AGENT_STATUS,
		.time = 120000001,
		.sequence = 42,
		.backend = "trampoline",
		.outputs = outputs,
		.output_count = COUNT(outputs),
		.programs = programs,
		.program_count = COUNT(programs),
		.engines = engines,
		.engine_count = COUNT(engines),
	};
	json_t *root = written(&record, &context), *one;

	assert_text(root, "callerd.capture.backend", "trampoline");
	assert_int_equal(json_array_size(at(root, "callerd.outputs")), 2);
	one = json_array_get(at(root, "callerd.outputs"), 0);
	assert_text(one, "name", "file:/a");
	assert_number(one, "waiting", 3);
	assert_number(one, "written", 5);
	assert_number(one, "lost", 8);
	assert_text(one, "error", "full");
	ASSERT_ABSENT(json_array_get(at(root, "callerd.outputs"), 1), "error", "outcome");
	one = json_array_get(at(root, "callerd.programs"), 0);
	assert_text(one, "name", "connect_begin");
	assert_number(one, "runs", 120);
	assert_number(one, "run_time", 81234);
	assert_number(one, "missed", 2);
	assert_true_at(one, "detached", true);
	one = json_array_get(at(root, "callerd.engines"), 1);
	assert_text(one, "socket", "/run/podman.sock");
	assert_text(one, "state", "unreachable");
	assert_text(one, "error", "EACCES");
	assert_text(json_array_get(at(root, "callerd.engines"), 0), "state", "reached");
	json_decref(root);
}

static void test_self_test(void **state)
{
	static const struct record_output outputs[] = {
		{"file:/a", .outcome = "written"},
		{"stdout", .outcome = "waiting"},
	};
	struct record record = {
		.action = RECORD_SELF_TEST,
		.time = 120000001,
		.sequence = 42,
		.connection.socket = BYTES("/run/docker.sock"),
		.outputs = outputs,
		.output_count = COUNT(outputs),
	};
	json_t *root = written(&record, &context);

	check_common(root, "self-test", "event", "host", 0);
	assert_text(root, "event.outcome", "success");
	assert_text(root, "callerd.connection.socket", "/run/docker.sock");
	assert_text(json_array_get(at(root, "callerd.outputs"), 1), "outcome", "waiting");
	assert_text(root, "message",
		    "callerd sees its own call at /run/docker.sock, file:/a written, stdout "
		    "waiting");
	ASSERT_ABSENT(root, "callerd.self_test", "callerd.status", "process");
	json_decref(root);
	record = (struct record){
		.action = RECORD_SELF_TEST,
		.time = 120000001,
		.sequence = 42,
		.test_fault = "nothing came",
		.test_unseen = 2,
	};
	root = written(&record, &context);
	check_common(root, "self-test", "event", "host", 60);
	assert_text(root, "event.outcome", "failure");
	assert_text(root, "callerd.self_test.fault", "nothing came");
	assert_number(root, "callerd.self_test.unseen", 2);
	assert_text(root, "message", "callerd FAILED its self-test: nothing came");
	json_decref(root);
}

static void test_reloaded(void **state)
{
	static const char *const restarts[] = {"socket", "file:/a,rotate-size=1M", NULL};
	static const struct record_output outputs[] = {{"file:/a", "0a0b"}, {"stdout", NULL}};
	struct record record = {
		.action = RECORD_AGENT_RELOADED,
		.time = 120000001,
		.sequence = 42,
		.outputs = outputs,
		.output_count = COUNT(outputs),
		.reload_restart = restarts,
	};
	json_t *root = written(&record, &context);

	check_common(root, "agent-reloaded", "event", "configuration", 0);
	ASSERT_TEXTS(root, "event.type", "change");
	assert_text(root, "event.outcome", "success");
	ASSERT_TEXTS(root, "callerd.reload.restart", "socket", "file:/a,rotate-size=1M");
	assert_int_equal(json_array_size(at(root, "callerd.outputs")), 2);
	assert_text(root, "message",
		    "callerd has another configuration, only a restart changes socket, "
		    "file:/a,rotate-size=1M");
	ASSERT_ABSENT(root, "process", "callerd.sockets", "callerd.capture",
		      "callerd.reload.refused");
	json_decref(root);
	record = (struct record){.action = RECORD_AGENT_RELOADED,
				 .time = 120000001,
				 .sequence = 42,
				 .reload_refused = "/etc/callerd/callerd.conf:3: neither"};
	root = written(&record, &context);
	check_common(root, "agent-reloaded", "event", "configuration", 60);
	assert_text(root, "event.outcome", "failure");
	assert_text(root, "callerd.reload.refused", "/etc/callerd/callerd.conf:3: neither");
	assert_text(root, "message",
		    "callerd KEEPS its configuration: /etc/callerd/callerd.conf:3: neither");
	ASSERT_ABSENT(root, "callerd.outputs", "callerd.reload.restart");
	json_decref(root);
}

/* Whom it is charged to, where that is not a caller. */
static void test_accounts(void **state)
{
	static const struct {
		uint64_t account;
		const char *type, *id, *name, *message;
	} cases[] = {
		{CALLERD_ACCOUNT(CALLERD_ACCOUNT_USER, 1000), "user", "1000", "alice",
		 "callerd LOST 3: output-full, of stdout, charged to user alice (1000)"},
		{CALLERD_ACCOUNT(CALLERD_ACCOUNT_USER, 4711), "user", "4711", NULL,
		 "callerd LOST 3: output-full, of stdout, charged to user 4711"},
		{CALLERD_ACCOUNT(CALLERD_ACCOUNT_CONTAINER, 4026531836), "container", "4026531836",
		 NULL, "callerd LOST 3: output-full, of stdout, charged to container 4026531836"},
		{CALLERD_ACCOUNT(CALLERD_ACCOUNT_REST, 0), "others", NULL, NULL,
		 "callerd LOST 3: output-full, of stdout, charged to others"},
	};
	struct record record = {
		.action = RECORD_RECORDS_LOST,
		.lost_reason = "output-full",
		.lost_count = 3,
		.lost_output = "stdout",
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		json_t *root;

		record.account = cases[i].account;
		root = written(&record, &context);
		assert_text(root, "callerd.account.type", cases[i].type);
		if (cases[i].id)
			assert_text(root, "callerd.account.id", cases[i].id);
		else
			ASSERT_ABSENT(root, "callerd.account.id");
		if (cases[i].name)
			assert_text(root, "callerd.account.name", cases[i].name);
		else
			ASSERT_ABSENT(root, "callerd.account.name");
		assert_text(root, "message", cases[i].message);
		json_decref(root);
	}
}

/* Refused connects that are not told one by one. */
static void test_refused_many(void **state)
{
	struct record record = {
		.action = RECORD_SOCKET_REFUSED,
		.time = 3000000000,
		.error = EACCES,
		.account = CALLERD_ACCOUNT(CALLERD_ACCOUNT_USER, 1000),
		.refused_count = 12345,
		.refused_first = 2000000000,
		.refused_last = 3000000000,
		.refused_name = bytes_of("docker.sock"),
	};
	json_t *root = written(&record, &context);

	assert_number(root, "callerd.refused.count", 12345);
	assert_text(root, "callerd.refused.name", "docker.sock");
	assert_text(root, "callerd.account.name", "alice");
	assert_text(root, "error.code", "EACCES");
	ASSERT_ABSENT(root, "process", "user", "callerd.connection");
	assert_true(strstr(json_string_value(at(root, "message")),
			   "refused 12345 times more at docker.sock → EACCES, charged to user "
			   "alice (1000)"));
	json_decref(root);
	record.connection.socket = bytes_of("/run/docker.sock");
	record.refused_name = (struct bytes){0};
	record.error = 0;
	root = written(&record, &context);
	assert_text(root, "callerd.connection.socket", "/run/docker.sock");
	ASSERT_ABSENT(root, "callerd.refused.name", "error");
	json_decref(root);
}

/* A poller's calls, told by their number. */
static void test_folded(void **state)
{
	struct caller caller = {.process.pid = 42, .login_uid = CALLERD_UNSET_ID};
	struct record record = plain_request(&caller);
	json_t *root;

	record.time = record.fold_last = 62000000000;
	record.fold_first = 2000000000;
	record.fold_count = 12;
	record.fold_different = 1;
	record.connection.id = record.connection.request = 0;
	root = written(&record, &context);
	assert_text(root, "event.action", "api-request");
	assert_number(root, "callerd.folded.count", 12);
	assert_number(root, "callerd.folded.different", 1);
	assert_text(root, "callerd.folded.last", json_string_value(at(root, "@timestamp")));
	assert_text(root, "callerd.folded.first", "2026-03-01T12:03:46.000000000Z");
	ASSERT_ABSENT(root, "callerd.folded.connections", "http.request.id");
	assert_true(strstr(json_string_value(at(root, "message")), "  [12 times in 60 s]"));
	json_decref(root);
	record.fold_different = 3;
	record.fold_connections = 12;
	root = written(&record, &context);
	assert_number(root, "callerd.folded.connections", 12);
	assert_true(strstr(json_string_value(at(root, "message")), "60 s, 3 different]"));
	json_decref(root);
	record.fold_count = 0;
	root = written(&record, &context);
	ASSERT_ABSENT(root, "callerd.folded");
	json_decref(root);
}

/* --- who asked a relay ------------------------------------------------------------------------ */

static void test_relayed(void **state)
{
	struct caller relay = alice(), other = bob();
	struct record record = {
		.action = RECORD_API_REQUEST,
		.time = 120000001,
		.caller = &relay,
		.http = {.method = BYTES("GET"), .verb = METHOD_GET, .target = BYTES("/_ping")},
		.relayed = {RELAYED_CERTAIN, RELAYED_BY_REQUEST, &other, 1},
	};
	json_t *root;

	relay.login_uid = CALLERD_UNSET_ID;
	root = written(&record, &context);
	assert_text(root, "callerd.relayed_for.certainty", "certain");
	assert_text(root, "callerd.relayed_for.basis", "request");
	assert_text(root, "callerd.relayed_for.user.id", "1001");
	assert_number(root, "callerd.relayed_for.process.pid", other.process.pid);
	assert_text(root, "user.id", "0");
	ASSERT_ABSENT(root, "callerd.relayed_for.askers", "callerd.relayed_for.container",
		      "callerd.relayed_for.user.effective");
	assert_text(root, "message",
		    "bob (via docker) | docker run -v /:/host bb | GET /_ping → no answer");
	json_decref(root);
	/* Of one user's processes it is not known which it was. */
	record.relayed = (struct record_relayed){RELAYED_LIKELY, RELAYED_BY_HEAD, &other, 3};
	root = written(&record, &context);
	assert_text(root, "callerd.relayed_for.certainty", "likely");
	assert_text(root, "callerd.relayed_for.basis", "head");
	assert_number(root, "callerd.relayed_for.askers", 3);
	ASSERT_ABSENT(root, "callerd.relayed_for.process");
	assert_text(root, "message",
		    "likely bob (via docker) | docker run -v /:/host bb | GET /_ping → no "
		    "answer");
	json_decref(root);
	record.relayed = (struct record_relayed){
		RELAYED_CERTAIN, RELAYED_BY_REQUEST, NULL, 1, "10.1.2.3", 40000};
	root = written(&record, &context);
	assert_text(root, "callerd.relayed_for.source.ip", "10.1.2.3");
	assert_number(root, "callerd.relayed_for.source.port", 40000);
	ASSERT_ABSENT(root, "callerd.relayed_for.user", "callerd.relayed_for.process");
	assert_text(root, "message",
		    "10.1.2.3 (via docker) | docker run -v /:/host bb | GET /_ping → no answer");
	json_decref(root);
	record.relayed = (struct record_relayed){RELAYED_UNKNOWN, RELAYED_BY_REQUEST, NULL, 2};
	root = written(&record, &context);
	assert_text(root, "callerd.relayed_for.certainty", "unknown");
	ASSERT_ABSENT(root, "callerd.relayed_for.user", "callerd.relayed_for.process");
	assert_text(root, "message", "root | docker run -v /:/host bb | GET /_ping → no answer");
	json_decref(root);
	record.relayed = (struct record_relayed){RELAYED_UNKNOWN, RELAYED_BY_LISTENING};
	root = written(&record, &context);
	assert_text(root, "callerd.relayed_for.certainty", "unknown");
	assert_text(root, "callerd.relayed_for.basis", "listens");
	ASSERT_ABSENT(root, "callerd.relayed_for.askers");
	assert_text(root, "message", "root | docker run -v /:/host bb | GET /_ping → no answer");
	json_decref(root);
	record.relayed = (struct record_relayed){0};
	root = written(&record, &context);
	ASSERT_ABSENT(root, "callerd.relayed_for");
	json_decref(root);
}

/* --- who is behind a container ---------------------------------------------------------------- */

#define MAKER(kind) "callerd.caller.container." kind

static void test_makers(void **state)
{
	struct caller caller = alice(), human = alice(), other = bob(), inner;
	struct record record = {
		.action = RECORD_API_REQUEST,
		.time = 120000001,
		.caller = &inner,
		.container_name = BYTES("web"),
		.http = {.method = BYTES("GET"), .verb = METHOD_GET, .target = BYTES("/_ping")},
		.makers = {[MAKER_CREATED] = {.caller = &human,
					      .event_id = BYTES("c1"),
					      .basis = BASIS_ID},
			   [MAKER_STARTED] = {.caller = &caller,
					      .event_id = BYTES("s1"),
					      .basis = BASIS_TIME,
					      .container_name = BYTES("outer"),
					      .behind = &other,
					      .behind_id = BYTES("x0")},
			   [MAKER_EXEC] = {.caller = &other,
					   .event_id = BYTES("x1"),
					   .basis = BASIS_NAME},
			   [MAKER_BEHIND] = {.caller = &human, .event_id = BYTES("x1")}},
	};
	json_t *root;

	inner = caller;
	inner.cgroup = (struct bytes)BYTES("/docker/" ID);
	inner.login_uid = CALLERD_UNSET_ID;
	inner.tty[0] = '\0';
	caller.login_uid = CALLERD_UNSET_ID;
	caller.cgroup = (struct bytes)BYTES("/docker/" ID);
	root = written(&record, &context);
	assert_text(root, "user.id", "0");
	assert_text(root, MAKER("created_by.user.id"), "1000");
	assert_text(root, MAKER("created_by.user.name"), "alice");
	assert_text(root, MAKER("created_by.user.effective.id"), "0");
	assert_text(root, MAKER("created_by.user.effective.name"), "root");
	assert_text(root, MAKER("created_by.via"), "sudo");
	assert_text(root, MAKER("created_by.event_id"), "c1");
	assert_text(root, MAKER("created_by.basis"), "id");
	ASSERT_ABSENT(root, MAKER("created_by.container"), MAKER("created_by.behind"),
		      MAKER("started_by.user.effective"), MAKER("started_by.via"),
		      MAKER("exec_by.behind"));
	assert_text(root, MAKER("started_by.user.id"), "0");
	assert_text(root, MAKER("started_by.basis"), "time");
	assert_text(root, MAKER("started_by.container.id"), ID);
	assert_text(root, MAKER("started_by.container.name"), "outer");
	assert_text(root, MAKER("started_by.behind.user.id"), "1001");
	assert_text(root, MAKER("started_by.behind.event_id"), "x0");
	assert_text(root, MAKER("exec_by.user.id"), "1001");
	assert_text(root, MAKER("exec_by.event_id"), "x1");
	assert_text(root, "callerd.caller.behind.user.name", "alice");
	assert_text(root, "callerd.caller.behind.via", "sudo");
	assert_text(root, "callerd.caller.behind.event_id", "x1");
	assert_text(root, "message",
		    "alice → root (sudo), in container web (exec) | docker run -v /:/host bb | "
		    "GET /_ping → no answer");
	json_decref(root);
	/* Where nobody began an exec, it is the process itself. */
	record.makers[MAKER_EXEC].caller = record.makers[MAKER_BEHIND].caller = NULL;
	root = written(&record, &context);
	ASSERT_ABSENT(root, MAKER("exec_by"), "callerd.caller.behind");
	assert_text(root, "message",
		    "root in container web | docker run -v /:/host bb | GET /_ping → no answer");
	json_decref(root);
}

/* --- labels ----------------------------------------------------------------------------------- */

static void test_labels(void **state)
{
	struct caller caller = alice();
	struct record record = {
		.action = RECORD_API_REQUEST,
		.time = 120000001,
		.caller = &caller,
		.container_name = BYTES("web"),
		.container_labels = BYTES("com.docker.compose.project\0shop\0io.x/y\0a \"b\"\0"),
		.http = {.method = BYTES("GET"), .verb = METHOD_GET, .target = BYTES("/_ping")},
		.api = {.target_type = TARGET_CONTAINER,
			.target_id = BYTES(ID),
			.target_labels = BYTES("a.b\0one\0\0\0")},
	};
	struct text out = {0};
	json_t *root;

	caller.cgroup = (struct bytes)BYTES("/docker/" ID);
	root = written(&record, &context);
	assert_text(at(root, "container.labels"), "com_docker_compose_project", "shop");
	assert_text(at(root, "container.labels"), "io_x/y", "a \"b\"");
	assert_int_equal(json_object_size(at(root, "container.labels")), 2);
	assert_text(root, "callerd.target.labels.a_b", "one");
	assert_true_at(root, "callerd.target.labels_truncated", true);
	ASSERT_ABSENT(root, "callerd.caller.container");
	json_decref(root);
	root = written_by(ocsf_write, &record, &context);
	assert_text(root, "unmapped.callerd.target.labels.a_b", "one");
	assert_string_equal(
		json_string_value(json_array_get(at(root, "actor.process.container.labels"), 0)),
		"com.docker.compose.project=shop");
	json_decref(root);
	assert_int_equal(journal_fields_write(&record, &context, &out), 0);
	assert_non_null(memmem(out.data, out.size, "CALLERD_CONTAINER_LABELS=io.x/y=a \"b\"\n",
			       strlen("CALLERD_CONTAINER_LABELS=io.x/y=a \"b\"\n")));
	text_free(&out);
	record.level = LEVEL_METADATA;
	root = written(&record, &context);
	ASSERT_ABSENT(root, "callerd.target.labels", "callerd.target.labels_truncated");
	assert_text(at(root, "container.labels"), "com_docker_compose_project", "shop");
	json_decref(root);
}

/* --- what an engine says -------------------------------------------------------------------- */

/* web died, which CALLER had started. */
static struct record event(const struct caller *caller)
{
	return (struct record){
		.action = RECORD_DOCKER_EVENT,
		.time = 120000001,
		.sequence = 42,
		.caller = caller,
		.connection = {.socket = BYTES("/run/docker.sock")},
		.api = {.engine = BRAND_DOCKER},
		.event =
			{
				.kind = ENGINE_CONTAINER,
				.act = ACTION_DIE,
				.type = BYTES("container"),
				.action = BYTES("die"),
				.id = BYTES(ID),
				.name = BYTES("web"),
				.image = BYTES("busybox"),
				.has_exit_code = true,
				.exit_code = 137,
				.time = 1772366624119000001,
			},
		.cause =
			{
				.kind = CAUSE_INHERITED,
				.basis = BASIS_ID,
				.event_id = BYTES("1898b60ddb474000-c0ffee12-r00000007"),
				.operation = OPERATION_ContainerStart,
			},
	};
}

/* The record that is about what one event is in ECS. */
static json_t *event_written(const char *type, const char *action, enum cause_kind cause)
{
	struct record record = event(NULL);

	record.event = event_named(
		(struct record_event){.type = bytes_of(type), .action = bytes_of(action)});
	record.cause = (struct record_cause){.kind = cause};
	return written(&record, &context);
}

/* What the request was found to be that an event goes back to. */
static void test_cause_findings(void **state)
{
	struct finding findings[] = {{FINDING_PRIVILEGED, SEVERITY_CRITICAL},
				     {FINDING_HOST_PID, SEVERITY_HIGH}};
	static const unsigned int severities[][2] = {{SEVERITY_CRITICAL, 40},
						     {SEVERITY_HIGH, 40},
						     {SEVERITY_MEDIUM, 20},
						     {SEVERITY_INFO, 20},
						     {SEVERITY_NONE, 20}};
	struct record record = event(NULL);
	json_t *root;

	record.cause.findings = findings;
	record.cause.finding_count = COUNT(findings);
	for (size_t i = 0; i < COUNT(severities); i++) {
		findings[0].severity = severities[i][0];
		root = written(&record, &context);
		assert_number(root, "event.severity", severities[i][1]);
		assert_int_equal(json_array_size(at(root, "callerd.cause.findings")), 2);
		json_decref(root);
	}
	root = written(&record, &context);
	assert_text(json_array_get(at(root, "callerd.cause.findings"), 0), "id", "privileged");
	assert_text(json_array_get(at(root, "callerd.cause.findings"), 1), "severity", "high");
	json_decref(root);
}

static void test_docker_event(void **state)
{
	struct caller caller = alice();
	struct record record = event(&caller);
	json_t *root = written(&record, &context);

	check_common(root, "docker-event", "event", "process", 20);
	check_alice(root);
	ASSERT_TEXTS(root, "event.type", "end");
	assert_text(root, "event.outcome", "failure");
	assert_text(root, "callerd.caller.access", "group:docker");
	assert_text(root, "callerd.connection.socket", "/run/docker.sock");
	assert_text(root, "callerd.api.engine", "docker");
	assert_text(root, "callerd.docker_event.type", "container");
	assert_text(root, "callerd.docker_event.action", "die");
	assert_text(root, "callerd.docker_event.id", ID);
	assert_text(root, "callerd.docker_event.name", "web");
	assert_text(root, "callerd.docker_event.image", "busybox");
	assert_text(root, "callerd.docker_event.time", "2026-03-01T12:03:44.119000001Z");
	assert_number(root, "callerd.docker_event.exit_code", 137);
	assert_int_equal(json_object_size(at(root, "callerd.docker_event")), 7);
	assert_text(root, "callerd.cause.kind", "inherited");
	assert_text(root, "callerd.cause.basis", "id");
	assert_text(root, "callerd.cause.event_id", "1898b60ddb474000-c0ffee12-r00000007");
	assert_text(root, "callerd.cause.operation", "ContainerStart");
	assert_int_equal(json_object_size(at(root, "callerd.cause")), 4);
	assert_text(root, "message",
		    "alice → root (sudo) | docker run -v /:/host bb | container die web (busybox) "
		    "exit code 137  goes back to its ContainerStart");
	ASSERT_ABSENT(root, "process.thread.id", "http", "url", "error", "callerd.capture",
		      "callerd.target", "callerd.request", "callerd.connection.id",
		      "callerd.caller.boot", "callerd.status", "event.duration");
	json_decref(root);

	record = event(NULL);
	record.event = (struct record_event){
		.kind = ENGINE_VOLUME,
		.act = ACTION_EXEC_DIE,
		.type = BYTES("volume"),
		.action = BYTES("exec_die"),
		.container_id = BYTES(ID),
		.container_name = BYTES("web"),
		.exec_id = BYTES("abc"),
		.command = BYTES("sh -c \"id\"\n"),
		.health = BYTES("healthy"),
		.signal = BYTES("15"),
		.has_exit_code = true,
		.exit_code = -1,
		.recovered = true,
	};
	record.cause = (struct record_cause){.kind = CAUSE_DAEMON, .reason = REASON_HEALTH_CHECK};
	root = written(&record, &context);
	assert_text(root, "callerd.docker_event.container.id", ID);
	assert_text(root, "callerd.docker_event.container.name", "web");
	assert_text(root, "callerd.docker_event.exec_id", "abc");
	assert_text(root, "callerd.docker_event.command", "sh -c \"id\"\n");
	assert_text(root, "callerd.docker_event.health", "healthy");
	assert_text(root, "callerd.docker_event.signal", "15");
	assert_number(root, "callerd.docker_event.exit_code", -1);
	assert_true_at(root, "callerd.docker_event.recovered", true);
	assert_text(root, "callerd.cause.kind", "daemon");
	assert_text(root, "callerd.cause.reason", "health-check");
	assert_int_equal(json_object_size(at(root, "callerd.cause")), 2);
	ASSERT_ABSENT(root, "process", "user", "callerd.caller", "callerd.docker_event.id",
		      "callerd.docker_event.time");
	json_decref(root);
}

/* Whether ECS 8 expects TYPE of events of CATEGORY. */
static bool is_expected(const char *category, const char *type)
{
	const char *types = !strcmp(category, "process") ? "access change end info start"
							 : "access change creation deletion info";

	return strstr(types, type);
}

static void test_event_types(void **state)
{
	static const struct {
		const char *type, *action, *category, *second, *is;
	} cases[] = {
		{"container", "start", "process", NULL, "start"},
		{"container", "restart", "process", NULL, "start"},
		{"container", "unpause", "process", NULL, "start"},
		{"container", "exec_start", "process", NULL, "start"},
		{"container", "die", "process", NULL, "end"},
		{"container", "stop", "process", NULL, "end"},
		{"container", "kill", "process", NULL, "end"},
		{"container", "exec_die", "process", NULL, "end"},
		{"container", "pause", "process", NULL, "end"},
		{"container", "oom", "process", NULL, "end"},
		{"container", "create", "process", "configuration", "creation"},
		{"container", "exec_create", "process", "configuration", "creation"},
		{"container", "destroy", "process", "configuration", "deletion"},
		{"container", "prune", "process", "configuration", "deletion"},
		{"container", "rename", "process", NULL, "change"},
		{"container", "update", "process", NULL, "change"},
		{"container", "extract-to-dir", "process", NULL, "change"},
		{"container", "attach", "process", NULL, "access"},
		{"container", "commit", "process", NULL, "access"},
		{"container", "health_status", "process", NULL, "info"},
		{"container", "exec_detach", "process", NULL, "info"},
		{"container", "resize", "process", NULL, "info"},
		{"image", "pull", "configuration", NULL, "creation"},
		{"image", "load", "configuration", NULL, "creation"},
		{"image", "delete", "configuration", NULL, "deletion"},
		{"image", "tag", "configuration", NULL, "change"},
		{"image", "save", "configuration", NULL, "access"},
		{"volume", "create", "configuration", NULL, "creation"},
		{"volume", "destroy", "configuration", NULL, "deletion"},
		{"volume", "mount", "configuration", NULL, "access"},
		{"volume", "unmount", "configuration", NULL, "info"},
		{"network", "connect", "configuration", NULL, "change"},
		{"network", "remove", "configuration", NULL, "deletion"},
		{"plugin", "enable", "configuration", NULL, "change"},
		{"service", "update", "configuration", NULL, "change"},
		{"builder", "prune", "configuration", NULL, "deletion"},
		{"daemon", "reload", "configuration", NULL, "change"},
		{"pod", "start", "configuration", NULL, "info"},
		{"container", "", "process", NULL, "info"},
		{NULL, NULL, "configuration", NULL, "info"},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		json_t *root = event_written(cases[i].type, cases[i].action, CAUSE_REQUEST);

		assert_text(root, "event.category.0", cases[i].category);
		ASSERT_TEXTS(root, "event.type", cases[i].is);
		assert_true(is_expected(cases[i].second ? cases[i].second : cases[i].category,
					cases[i].is));
		if (cases[i].second)
			assert_text(root, "event.category.1", cases[i].second);
		else
			ASSERT_ABSENT(root, "event.category.1");
		json_decref(root);
	}
}

static void test_event_outcomes(void **state)
{
	static const struct {
		struct record_event event;
		const char *outcome;
	} cases[] = {
		{{.action = BYTES("die"), .has_exit_code = true}, "success"},
		{{.action = BYTES("die"), .has_exit_code = true, .exit_code = 1}, "failure"},
		{{.action = BYTES("exec_die"), .has_exit_code = true, .exit_code = -1}, "failure"},
		{{.action = BYTES("exec_die"), .has_exit_code = true}, "success"},
		{{.action = BYTES("die")}, "unknown"},
		{{.action = BYTES("start"), .has_exit_code = true, .exit_code = 1}, "success"},
		{{.action = BYTES("oom")}, "failure"},
		{{.action = BYTES("health_status"), .health = BYTES("unhealthy")}, "failure"},
		{{.action = BYTES("health_status"), .health = BYTES("healthy")}, "success"},
		{{.action = BYTES("pull")}, "success"},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct record record = {.action = RECORD_DOCKER_EVENT,
					.event = event_named(cases[i].event)};
		json_t *root = written(&record, &nothing_known);

		assert_text(root, "event.outcome", cases[i].outcome);
		json_decref(root);
	}
}

/* Somebody used another door: known by what it takes a request for. */
static void test_event_severity(void **state)
{
	static const char *const requested[] = {
		"create", "start",  "restart",	    "exec_create",    "exec_start", "kill",
		"stop",	  "pause",  "unpause",	    "rename",	      "update",	    "attach",
		"commit", "export", "archive-path", "extract-to-dir",
	};
	static const char *const others[] = {
		"die", "exec_die", "oom", "health_status", "destroy", "resize", "top", "",
	};
	static const enum cause_kind causes[] = {CAUSE_REQUEST, CAUSE_INHERITED, CAUSE_DAEMON};

	for (size_t i = 0; i < COUNT(requested); i++) {
		json_t *root = event_written("container", requested[i], CAUSE_UNKNOWN);

		assert_number(root, "event.severity", 40);
		json_decref(root);
		root = event_written("volume", requested[i], CAUSE_UNKNOWN);
		assert_number(root, "event.severity", 20);
		json_decref(root);
		for (size_t j = 0; j < COUNT(causes); j++) {
			root = event_written("container", requested[i], causes[j]);
			assert_number(root, "event.severity", 20);
			json_decref(root);
		}
	}
	for (size_t i = 0; i < COUNT(others); i++) {
		json_t *root = event_written("container", others[i], CAUSE_UNKNOWN);

		assert_number(root, "event.severity", 20);
		json_decref(root);
	}
}

static void test_ids(void **state)
{
	struct record record = event(NULL);
	struct text text = {0};
	json_t *root;

	record_add_id(&text, &context, 1772366624120000001, 0, 42);
	assert_is(&text, "1898b60de26e4e01-c0ffee12-0000002a");
	record_add_id(&text, &context, 1, 'r', 0x123456789);
	assert_is(&text, "0000000000000001-c0ffee12-r123456789");
	record_add_id(&text, &nothing_known, UINT64_MAX, 'e', 1);
	assert_is(&text, "ffffffffffffffff-e00000001");
	record.id = (struct bytes)BYTES("another-run-e00000001");
	root = written(&record, &context);
	assert_text(root, "event.id", "another-run-e00000001");
	json_decref(root);
}

/* A caller that its record then and its record now, after a reboot, must tell alike. */
static void check_same_caller(json_t *then, json_t *now)
{
	static const char *const paths[] = {
		"process", "user", "callerd.ancestors", "callerd.caller", "container",
	};

	json_object_del(at(then, "process.thread"), "id");
	json_object_del(at(now, "callerd.caller"), "boot");
	for (size_t i = 0; i < COUNT(paths); i++)
		assert_true(at(then, paths[i]) ? json_equal(at(then, paths[i]), at(now, paths[i]))
					       : !at(now, paths[i]));
}

/* Its pids and times are of that boot, whatever this one is, and whatever is kept of it. */
static void test_earlier_boot(void **state)
{
	struct rendered of_caller = {0}, of_other = {0}, of_lineage = {0};
	struct lineage lineage = {.shared.rendered = &of_lineage};
	struct caller caller = alice(), old = alice();
	struct record request_then = plain_request(&caller), record;
	struct record_context now = context;
	json_t *then = written(&request_then, &context), *root;

	now.boot_id = "11111111-2222-3333-4444-555555555555";
	now.boot_to_real += 86400000000000;
	caller.lineage = old.lineage = &lineage; /* the same bytes: callers of two boots share it */
	caller.shared.rendered = &of_other;
	old.shared.rendered = &of_caller;
	old.boot_id = bytes_of(context.boot_id);
	old.boot_to_real = context.boot_to_real;
	for (int i = 0; i < 6; i++, now.boot_to_real += i == 4 ? 3000000000 : 0) {
		record = event(i % 2 ? &caller : &old);
		root = written(&record, &now);
		assert_text(root, "host.boot.id", now.boot_id);
		if (i % 2) {
			ASSERT_ABSENT(root, "callerd.caller.boot");
			assert_text(root, "process.entity_id",
				    "11111111222233334444555555555555-4711-5f5e100");
			assert_text(root, "process.parent.entity_id",
				    "11111111222233334444555555555555-4700-55d4a80");
			assert_text(root, "callerd.ancestors.1.start",
				    i < 4 ? "2026-03-02T12:03:44.080000000Z"
					  : "2026-03-02T12:03:47.080000000Z");
		} else {
			assert_text(root, "callerd.caller.boot", context.boot_id);
			check_same_caller(then, root);
		}
		json_decref(root);
		root = brief(&record, &now);
		assert_text(root, "process.entity_id",
			    i % 2 ? "11111111222233334444555555555555-4711-5f5e100"
				  : "5a1c0b527c594ad99a5e0f8a1b2c3d4e-4711-5f5e100");
		if (i % 2)
			ASSERT_ABSENT(root, "host.boot", "callerd.caller.boot");
		else
			assert_text(root, "host.boot.id", now.boot_id);
		json_decref(root);
	}
	assert_int_equal(of_caller.clock, context.boot_to_real);
	assert_int_equal(of_lineage.clock, now.boot_to_real);
	json_decref(then);

	/* Also where the clocks are the same: the boot alone tells them apart. */
	now.boot_to_real = context.boot_to_real;
	for (int i = 0; i < 4; i++) {
		record = event(i % 2 ? &caller : &old);
		root = written(&record, &now);
		assert_text(root, "process.parent.entity_id",
			    i % 2 ? "11111111222233334444555555555555-4700-55d4a80"
				  : "5a1c0b527c594ad99a5e0f8a1b2c3d4e-4700-55d4a80");
		json_decref(root);
	}

	/* Little was known of it: its boot all the same. And a connector has its own. */
	old = bob();
	old.process.start = 100000000;
	old.boot_id = bytes_of(context.boot_id);
	record = plain_request(&caller);
	record.connector = &old;
	root = written(&record, &now);
	assert_text(root, "callerd.connector.entity_id",
		    "5a1c0b527c594ad99a5e0f8a1b2c3d4e-99-5f5e100");
	assert_text(root, "callerd.connector.start", "1970-01-01T00:00:00.100000000Z");
	json_decref(root);
	record = event(&old);
	root = written(&record, &now);
	assert_text(root, "callerd.caller.boot", context.boot_id);
	assert_text(root, "callerd.caller.basis", "peer");
	json_decref(root);
	free(of_caller.text);
	free(of_other.text);
	free(of_lineage.text);
}

/* A caller that is only a pid, uid and gid must not seem to have no capabilities, no session, … */
static void test_peer(void **state)
{
	struct caller caller = bob();
	struct record record = plain_request(&caller);
	json_t *root = written(&record, &context);

	assert_number(root, "process.pid", 99);
	assert_text(root, "user.id", "1001");
	assert_text(root, "user.name", "bob");
	assert_text(root, "user.group.id", "1001");
	assert_text(root, "callerd.caller.basis", "peer");
	assert_int_equal(json_object_size(at(root, "process")), 1);
	assert_int_equal(json_object_size(at(root, "callerd.caller")), 1);
	ASSERT_ABSENT(root, "user.effective", "container", "callerd.ancestors");
	json_decref(root);
}

/* Records of one request: what it is called is the same, and no two have an event.id. */
static void test_beginning_and_end(void **state)
{
	struct caller caller = alice();
	struct record record = plain_request(&caller);
	json_t *root;

	record.action = RECORD_API_STARTED;
	record.incomplete = RECORD_INCOMPLETE_UNFINISHED;
	record.request_id = (struct bytes)BYTES("18ec-run-r1");
	record.http.status = 0;
	record.http.has_response_bytes = record.http.has_duration = false;
	root = written(&record, &context);
	check_common(root, "api-request-started", "event", "api", 20);
	ASSERT_TEXTS(root, "event.type", "start");
	assert_text(root, "event.outcome", "unknown");
	assert_text(root, "http.request.id", "18ec-run-r1");
	assert_true_at(root, "callerd.capture.complete", false);
	ASSERT_TEXTS(root, "callerd.capture.reason", "unfinished");
	assert_non_null(strstr(json_string_value(at(root, "message")), " → goes on"));
	ASSERT_ABSENT(root, "http.response", "event.duration", "callerd.stream");
	json_decref(root);

	record = plain_request(&caller);
	record.id = record.request_id = (struct bytes)BYTES("18ec-run-r1");
	root = written(&record, &context);
	assert_text(root, "event.id", "18ec-run-r1");
	assert_text(root, "http.request.id", "18ec-run-r1");
	json_decref(root);

	record = plain_request(&caller);
	record.action = RECORD_API_ENDED;
	record.request_id = (struct bytes)BYTES("18ec-run-r1");
	record.http.has_duration = true;
	record.http.duration = 4200000000;
	record.stream = (struct record_stream){RECORD_END_CLIENT, true, true, 24, 4096};
	root = written(&record, &context);
	check_common(root, "api-request-ended", "event", "api", 20);
	ASSERT_TEXTS(root, "event.type", "end");
	assert_text(root, "http.request.id", "18ec-run-r1");
	assert_number(root, "event.duration", 4200000000);
	assert_number(root, "http.request.bytes", 24);
	assert_number(root, "http.response.bytes", 4096);
	assert_text(root, "callerd.stream.end_reason", "client");
	assert_non_null(strstr(json_string_value(at(root, "message")),
			       " → ended after 4.2 s: client, bytes in 24, bytes out 4096"));
	json_decref(root);
}

static void test_unknown_is_absent(void **state)
{
	static const struct process unknown[2];
	struct caller caller = {
		.basis = CALLER_FROM_KERNEL,
		.process = {.pid = 7, .euid = 5},
		.uid = 6,
		.login_uid = CALLERD_UNSET_ID,
		.session = CALLERD_UNSET_ID,
		.ancestors = unknown,
		.ancestor_count = 2,
	};
	struct record record = {
		.action = RECORD_API_REQUEST, .caller = &caller, .http.version_minor = -1};
	json_t *root = written(&record, &nothing_known);

	assert_nothing_empty(root);
	assert_int_equal(json_object_size(at(root, "agent")), 1);
	assert_text(root, "event.id", "0000000000000000-00000000");
	assert_text(root, "user.id", "5");
	assert_text(root, "process.real_user.id", "6");
	assert_int_equal(json_object_size(at(root, "process")), 2);
	assert_int_equal(json_object_size(at(root, "callerd")), 3); /* caller, capture, expected */
	assert_int_equal(json_object_size(at(root, "callerd.caller")), 1);
	ASSERT_ABSENT(root, "host", "user.name", "user.effective", "process.args",
		      "process.args_count", "process.command_line", "process.entity_id",
		      "process.start", "process.parent", "http.request.method", "http.response",
		      "url", "callerd.connection");
	assert_text(root, "http.request.id", "0000000000000000-00000000");
	json_decref(root);

	caller = alice();
	caller.process.args = (struct bytes)BYTES("docker\0ru");
	caller.process.args_truncated = true;
	caller.process.executable_deleted = true;
	caller.process.executable = (struct bytes){0};
	caller.root = (struct bytes)BYTES("/srv/jail");
	caller.node_gid = 12345;
	caller.cgroup = (struct bytes)BYTES("/docker/" ID);
	root = written(&record, &context);
	ASSERT_TEXTS(root, "process.args", "docker", "ru");
	assert_true_at(root, "callerd.caller.args_truncated", true);
	assert_true_at(root, "callerd.caller.executable_deleted", true);
	assert_text(root, "callerd.caller.root", "/srv/jail");
	assert_text(root, "callerd.caller.access", "group:12345");
	assert_text(root, "container.id", ID);
	ASSERT_ABSENT(root, "process.args_count", "process.executable", "callerd.caller.unit");
	caller.process.args = (struct bytes){"", 0};
	caller.process.args_truncated = false;
	json_decref(root);
	root = written(&record, &context);
	assert_number(root, "process.args_count", 0);
	ASSERT_ABSENT(root, "process.args", "process.command_line");
	json_decref(root);
}

/* Everything that others can write is at its worst: still one line, and safe to print. */
static void test_hostile(void **state)
{
	static const char worst[] = "\n\r\033]0;x\a\xff\"\\\xe2\x80\xae\xc2\x9b\0{[,:]}'$(x)";
	const struct bytes hostile = BYTES(worst);
	struct caller caller = alice();
	struct record record = plain_request(&caller);
	struct text human = {0}, ecs = {0};
	json_t *root;

	caller.process.name = caller.process.executable = caller.process.args = hostile;
	caller.working_directory = caller.root = caller.cgroup = caller.label = hostile;
	memcpy(caller.tty, "\033\n", 3);
	caller.ancestors = &caller.process;
	caller.ancestor_count = 1;
	record.connection.socket = record.http.method = record.http.target = hostile;
	record.http.mime_type = record.http.user_agent = record.address = hostile;
	record.event = (struct record_event){.type = hostile,
					     .action = hostile,
					     .id = hostile,
					     .name = hostile,
					     .image = hostile,
					     .container_id = hostile,
					     .container_name = hostile,
					     .exec_id = hostile,
					     .command = hostile,
					     .health = hostile,
					     .signal = hostile};
	record.cause = (struct record_cause){.kind = CAUSE_REQUEST, .event_id = hostile};
	for (int action = 0; action < RECORD_ACTION_MAX; action++) {
		record.action = (enum record_action)action;
		assert_int_equal(ecs_write_whole(&record, &context, &ecs), 0);
		root = parse_line(&ecs);
		if (action == RECORD_API_REQUEST) {
			assert_text(root, "process.args.0",
				    "\n\r\033]0;x\a" FFFD "\"\\\xe2\x80\xae\xc2\x9b");
			assert_text(root, "process.args.1", "{[,:]}'$(x)");
			assert_text(root, "process.command_line",
				    "$'\\n\\r\\e]0;x\\a" FFFD "\"\\\\\\u202e\\u009b' "
				    "'{[,:]}'\\''$(x)'");
		}
		json_decref(root);
		assert_int_equal(human_write(&record, &context, &human), 0);
		for (size_t i = 0; i + 1 < human.size; i++)
			assert_true((unsigned char)human.data[i] >= 0x20);
		assert_int_equal(human.data[human.size - 1], '\n');
		assert_null(memmem(human.data, human.size, "\xe2\x80\xae", 3));
		assert_null(memmem(human.data, human.size, "\xc2\x9b", 2));
		assert_null(memchr(human.data, '\xff', human.size));
		text_cut(&ecs, 0);
		text_cut(&human, 0);
	}
	text_free(&ecs);
	text_free(&human);
}

/* A record_context whose host has the mount namespace 7, in which CALLER is. */
static struct record_context in_host_mounts(struct caller *caller)
{
	struct record_context here = context;

	here.mnt_ns = caller->mnt_ns = 7;
	return here;
}

static bool ends_with(const json_t *text, const char *end)
{
	size_t size = json_string_length(text);

	return size >= strlen(end) && !strcmp(json_string_value(text) + size - strlen(end), end);
}

static void assert_lineage(const struct caller *caller, const struct record_context *with,
			   const char *wanted)
{
	struct record record = plain_request(caller);
	json_t *root = brief(&record, with);

	assert_text(root, "callerd.lineage", wanted);
	json_decref(root);
}

static void test_lineage(void **state)
{
	static const struct process above[] = {
		{.pid = 50, .name = BYTES("python3"), .executable = BYTES("/usr/bin/python3.11")},
		{.pid = 49, .name = BYTES("backup.sh"), .executable = BYTES("/usr/bin/dash")},
		{0},
		{.pid = 47, .name = BYTES("a] < sshd[1]"), .executable = BYTES("/tmp/x (\\)\n")},
		{.pid = 46, .name = BYTES("sshd")},
		{.pid = 45, .executable = BYTES("/sbin/init")},
		{.pid = 44},
	};
	struct caller caller = alice();
	struct record_context here = in_host_mounts(&caller);
	struct record record = plain_request(&caller);
	json_t *root;

	root = brief(&record, &here);
	assert_text(root, "callerd.lineage",
		    "sudo[4700] < bash[4600 uid 1000] < (systemd)[1 uid 0]");
	assert_text(root, "process.parent.command_line", "sudo docker login -p ***");
	assert_text(root, "process.command_line", "docker run -v /:/host bb");
	ASSERT_ABSENT(root, "callerd.ancestors", "process.args", "process.parent.user",
		      "process.start", "callerd.caller.basis", "callerd.capture", "event.module");
	json_decref(root);

	caller.ancestors = above;
	caller.ancestor_count = COUNT(above);
	assert_lineage(&caller, &here,
		       "python3.11[50] < dash(backup.sh)[49] < ? < "
		       "/tmp/x \\x28\\x5c\\x29\\x0a(a\\x5d \\x3c sshd\\x5b1\\x5d)[47 uid 0] < "
		       "(sshd)[46] < init[45] < [44]");
}

/* A file is named in short where root alone puts files, on the host, and nowhere else. */
static void test_lineage_paths(void **state)
{
	static const struct process above[] = {
		{.pid = 9, .executable = BYTES("/usr/sbin/sshd")},
		{.pid = 8, .executable = BYTES("/tmp/sshd")},
		{.pid = 7, .executable = BYTES("/memfd:/usr/sbin/sshd")},
		{.pid = 6, .executable = BYTES(".../usr/bin/sshd")},
		{.pid = 5, .executable = BYTES("/srv/usr/bin/sshd")},
		{.pid = 4, .executable = BYTES("/usr/bin/x/sshd")},
		{.pid = 3, .executable = BYTES("/usr/local/bin/sshd")},
		{.pid = 1, .executable = BYTES("/usr/lib/systemd/systemd")},
	};
	static const char tail[] =
		" < /tmp/sshd[8] < /memfd:/usr/sbin/sshd[7] < .../usr/bin/sshd[6] < "
		"/srv/usr/bin/sshd[5] < /usr/bin/x/sshd[4] < /usr/local/bin/sshd[3] < ";
	struct caller caller = alice();
	struct record_context here = in_host_mounts(&caller);
	char in_short[512], whole[512];

	caller.ancestors = above;
	caller.ancestor_count = COUNT(above);
	snprintf(in_short, sizeof(in_short), "sshd[9]%ssystemd[1]", tail);
	snprintf(whole, sizeof(whole), "/usr/sbin/sshd[9]%s/usr/lib/systemd/systemd[1]", tail);
	assert_lineage(&caller, &here, in_short);
	caller.mnt_ns = 8; /* a container */
	assert_lineage(&caller, &here, whole);
	caller.mnt_ns = 0; /* not known */
	assert_lineage(&caller, &here, whole);
	here.mnt_ns = 0;
	assert_lineage(&caller, &here, whole);
	here.mnt_ns = caller.mnt_ns = 7;
	caller.boot_id = bytes_of("11111111-2222-3333-4444-555555555555");
	assert_lineage(&caller, &here, whole);
}

/* php-fpm that runs sudo is told from root who runs it. */
static void test_lineage_users(void **state)
{
	static const struct process above[] = {
		{.pid = 40, .euid = 33, .executable = BYTES("/usr/bin/sudo")},
		{.pid = 30, .euid = 33, .executable = BYTES("/usr/bin/dash")},
		{0},
		{.pid = 20, .euid = 33, .executable = BYTES("/usr/sbin/php-fpm")},
		{.pid = 1, .executable = BYTES("/sbin/init")},
	};
	struct caller caller = alice();
	struct record_context here = in_host_mounts(&caller);

	caller.ancestors = above;
	caller.ancestor_count = COUNT(above);
	assert_lineage(&caller, &here,
		       "sudo[40 uid 33] < dash[30] < ? < php-fpm[20 uid 33] < init[1 uid 0]");
	caller.process.euid = 33;
	assert_lineage(&caller, &here,
		       "sudo[40] < dash[30] < ? < php-fpm[20 uid 33] < init[1 uid 0]");
}

/* No name turns the line around, or hides in it. */
static void test_lineage_of_unsafe_names(void **state)
{
	static const struct process above[] = {
		{.pid = 40,
		 .name = BYTES("\xff\xc2\x9b\x7f"),
		 .executable =
			 BYTES("/tmp/\xe2\x80\xaeg\xe2\x80\x8b\xf3\xa0\x80\x81\xc3\xa9\xe2\x80")},
		{.pid = 1, .executable = BYTES("/sbin/init")},
	};
	struct caller caller = alice();
	struct record_context here = in_host_mounts(&caller);

	caller.ancestors = above;
	caller.ancestor_count = COUNT(above);
	assert_lineage(&caller, &here,
		       "/tmp/\\u202eg\\u200b\\U000e0001\xc3\xa9\\xe2\\x80(\\xff\\u009b\\x7f)[40] < "
		       "init[1]");
}

static void test_cut_lineage(void **state)
{
	struct process above[CALLERD_ANCESTORS_MAX];
	struct caller caller = alice();
	struct record_context here = in_host_mounts(&caller);
	struct record record = plain_request(&caller);
	json_t *root;

	for (unsigned int i = 0; i < COUNT(above); i++)
		above[i] = (struct process){.pid = 16 - i, .name = BYTES("sh")};
	caller.ancestors = above;
	caller.ancestor_count = COUNT(above);
	root = brief(&record, &here);
	assert_true(ends_with(at(root, "callerd.lineage"), "(sh)[2] < (sh)[1]"));
	json_decref(root);
	above[15].pid = 17;
	root = brief(&record, &here);
	assert_true(ends_with(at(root, "callerd.lineage"), "(sh)[2] < (sh)[17] < …"));
	json_decref(root);
	caller.ancestor_count = 15;
	root = brief(&record, &here);
	assert_true(ends_with(at(root, "callerd.lineage"), "(sh)[3] < (sh)[2]"));
	json_decref(root);
}

/* What is kept of ancestors is that of one caller: of another user, or in a container, it reads otherwise. */
static void test_lineage_of_two_callers(void **state)
{
	struct rendered rendered = {0};
	struct lineage lineage = {.shared.rendered = &rendered};
	struct caller caller = alice(), other = alice(), contained = alice();
	struct record_context here = in_host_mounts(&caller);

	other.mnt_ns = caller.mnt_ns;
	other.process.euid = 1000;
	contained.mnt_ns = 8;
	caller.lineage = other.lineage = contained.lineage = &lineage;
	for (int i = 0; i < 2; i++) {
		assert_lineage(&caller, &here,
			       "sudo[4700] < bash[4600 uid 1000] < (systemd)[1 uid 0]");
		assert_lineage(&other, &here,
			       "sudo[4700 uid 0] < bash[4600 uid 1000] < (systemd)[1 uid 0]");
		assert_lineage(&contained, &here,
			       "/usr/bin/sudo[4700] < /usr/bin/bash[4600 uid 1000] < "
			       "(systemd)[1 uid 0]");
	}
	free(rendered.text);
}

/* In short where nearly all are there; what is none of the kernel's does not count. */
static void test_brief_capabilities(void **state)
{
	static const uint64_t all = (1ull << 41) - 1;
	struct caller caller = alice();
	struct record record = plain_request(&caller);
	json_t *root;

	caller.capabilities = all;
	root = brief(&record, &context);
	ASSERT_TEXTS(root, "callerd.caller.capabilities", "ALL");
	json_decref(root);
	caller.capabilities = all & ~(1ull << 24) & ~1ull;
	root = brief(&record, &context);
	ASSERT_TEXTS(root, "callerd.caller.capabilities", "ALL", "-CAP_CHOWN", "-CAP_SYS_RESOURCE");
	json_decref(root);
	caller.capabilities = 1 << 21 | 1;
	root = brief(&record, &context);
	ASSERT_TEXTS(root, "process.thread.capabilities.effective", "CAP_CHOWN", "CAP_SYS_ADMIN");
	ASSERT_ABSENT(root, "callerd.caller.capabilities");
	json_decref(root);
	caller.capabilities = 0;
	root = brief(&record, &context);
	ASSERT_ABSENT(root, "callerd.caller.capabilities", "process.thread.capabilities");
	json_decref(root);
}

/* The path where the daemon reads another one than stands in the target; what is not certain in any case. */
static void test_brief_request(void **state)
{
	struct caller caller = alice();
	struct record record = plain_request(&caller);
	json_t *root;

	record.http.target = bytes_of("/v1.41/containers/json?all=1");
	root = brief(&record, &context);
	assert_text(root, "url.original", "/v1.41/containers/json?all=1");
	ASSERT_ABSENT(root, "url.path", "url.query", "callerd.capture");
	json_decref(root);
	record.http.target = bytes_of("/v1.41/%63ontainers/json");
	record.incomplete = RECORD_INCOMPLETE_LOST;
	root = brief(&record, &context);
	assert_text(root, "url.path", "/v1.41/containers/json");
	assert_false(json_boolean_value(at(root, "callerd.capture.complete")));
	ASSERT_TEXTS(root, "callerd.capture.reason", "lost");
	json_decref(root);
}

static void test_appends(void **state)
{
	struct caller caller = alice();
	struct record record = plain_request(&caller);
	struct text text = {0};

	assert_int_equal(ecs_write(&record, &context, &text), 0);
	assert_int_equal(ecs_write(&record, &context, &text), 0);
	assert_int_equal(text.size % 2, 0);
	assert_memory_equal(text.data, text.data + text.size / 2, text.size / 2);
	text_free(&text);
}

/* What is kept of a caller and of its lineage is what would be written anew, and follows the clock. */
static void test_rendered_once(void **state)
{
	static const enum record_action actions[] = {
		RECORD_SOCKET_CONNECTED, RECORD_API_REQUEST,  RECORD_SOCKET_REFUSED,
		RECORD_API_REQUEST,	 RECORD_DOCKER_EVENT, RECORD_SOCKET_CONNECTED,
	};
	struct rendered of_caller = {0}, of_lineage = {0};
	struct lineage lineage = {.shared.rendered = &of_lineage};
	struct caller caller = alice(), keeping = alice();
	struct record record = plain_request(&caller);
	struct record_context clock = context;
	struct text anew = {0}, kept = {0};
	size_t memory = callers_memory();

	keeping.uid = caller.uid = 1000;
	keeping.lineage = &lineage;
	keeping.shared.rendered = &of_caller;
	for (size_t i = 0; i < COUNT(actions); i++, clock.boot_to_real += i == 3) {
		record.action = actions[i];
		record.caller = &caller;
		assert_int_equal(ecs_write(&record, &clock, &anew), 0);
		record.caller = &keeping;
		assert_int_equal(ecs_write(&record, &clock, &kept), 0);
		assert_int_equal(of_caller.clock, clock.boot_to_real);
		assert_int_equal(of_lineage.clock, clock.boot_to_real);
	}
	assert_string_equal(kept.data, anew.data);
	assert_int_equal(callers_memory() - memory, of_caller.size + of_lineage.size);
	assert_null(memmem(of_lineage.text, of_lineage.size, "hunter2", 7));
	text_free(&anew);
	text_free(&kept);
	free(of_caller.text);
	free(of_lineage.text);
}

/* --- lines for a person --------------------------------------------------------------------- */

static void check_line(const struct record *record, const char *wanted)
{
	struct text text = {0};

	assert_int_equal(human_write(record, &context, &text), 0);
	assert_is(&text, wanted);
}

static void test_human(void **state)
{
	static const char *const sockets[] = {"/run/docker.sock", NULL};
	struct process parent = above_alice[0];
	struct caller caller = alice(), connector = bob();
	struct record record = plain_request(&caller);

	check_line(&record, "12:03:44.120            alice → root (sudo)   docker run -v /:/host "
			    "bb                  "
			    "POST /v1.41/containers/create?name=a%20b&token=*** → 201 (3.1 ms)\n");
	record.http.method = (struct bytes)BYTES("GET");
	record.http.verb = METHOD_GET;
	record.http.target = (struct bytes)BYTES("/containers/" ID "/json");
	record.http.has_duration = false;
	record.http.status = 404;
	caller.login_uid = 0;
	check_line(&record, "12:03:44.120            root                  docker run -v /:/host "
			    "bb                  "
			    "GET  /containers/0123456789ab/json → 404\n");
	caller.login_uid = CALLERD_UNSET_ID;
	caller.process.euid = 1234;
	caller.cgroup = (struct bytes)BYTES("/docker/" ID);
	record.http.status = 0;
	check_line(&record, "12:03:44.120            uid 1234 in container 0123456789ab  docker "
			    "run -v /:/host bb"
			    "                  GET  /containers/0123456789ab/json → no answer\n");
	caller = alice();
	parent.executable = (struct bytes)BYTES("/usr/bin/env");
	caller.ancestors = &parent;
	caller.ancestor_count = 1;
	check_line(&record, "12:03:44.120            alice → root          docker run -v /:/host "
			    "bb                  "
			    "GET  /containers/0123456789ab/json → no answer\n");
	caller.uid = 1000;
	record.http.status = 200;
	caller.process.executable = (struct bytes)BYTES("/usr/bin/python3.11");
	caller.process.args =
		(struct bytes)BYTES("python3\0-c\0import docker; print('it is long, so "
				    "long')\0and more\0");
	check_line(&record, "12:03:44.120            alice → root (setuid)  "
			    "python3.11 -c \"import docker; print('it is long, so long')\"…  "
			    "GET  /containers/0123456789ab/json → 200\n");
	caller = alice();
	caller.process.executable = (struct bytes)BYTES("/bin/busybox");
	caller.process.args = (struct bytes)BYTES("/sbin/docker\0ps\0");
	caller.process.args_truncated = true;
	caller.process.executable_deleted = true;
	record.connector = &connector;
	record.incomplete = RECORD_INCOMPLETE_BUDGET | RECORD_INCOMPLETE_LOST;
	record.http.anomalies = HTTP1_ANOMALY_BARE_LF;
	record.http.parse_error = "odd version";
	check_line(&record,
		   "12:03:44.120            alice → root (sudo)   busybox[docker] ps …             "
		   "         "
		   "GET  /containers/0123456789ab/json → 200  [on a connection of PID 99; "
		   "its executable is deleted; incomplete: budget, lost; odd version; odd: "
		   "bare-lf]\n");
	connector.process.pid = caller.process.pid; /* the very process, only less is known of it */
	record = plain_request(&caller);
	record.connector = &connector;
	caller.process = (struct process){.pid = 4711, .args = BYTES("-bash\0")};
	check_line(&record, "12:03:44.120            alice → root (sudo)   bash                    "
			    "                  "
			    "POST /v1.41/containers/create?name=a%20b&token=*** → 201 (3.1 ms)\n");
	connector.process.pid = 0;
	check_line(&record, "12:03:44.120            alice → root (sudo)   bash                    "
			    "                  "
			    "POST /v1.41/containers/create?name=a%20b&token=*** → 201 (3.1 ms)"
			    "  [on a connection of an unknown process]\n");
	caller = alice();
	caller.process.executable = (struct bytes)BYTES("/bin/busybox");
	connector = bob();
	record = plain_request(&connector);
	record.connection.preexisting = true;
	record.connector = &caller;
	check_line(&record, "12:03:44.120            bob                   PID 99                  "
			    "                  "
			    "POST /v1.41/containers/create?name=a%20b&token=*** → 201 (3.1 ms)"
			    "  [open before callerd; on a connection of PID 4711 (busybox)]\n");
	record.caller = record.connector = NULL;
	record.connection.preexisting = false;
	record.http = (struct record_http){0};
	check_line(
		&record,
		"12:03:44.120            somebody                                                "
		"        ?    ? → no answer\n");
	caller = alice();
	record.caller = &caller;
	record.action = RECORD_SOCKET_CONNECTED;
	check_line(&record, "12:03:44.120            alice → root (sudo)   docker run -v /:/host "
			    "bb                  "
			    "connected to /run/docker.sock\n");
	record.action = RECORD_SOCKET_REFUSED;
	record.error = EACCES;
	record.address = (struct bytes)BYTES("/tmp/\033link");
	check_line(&record, "12:03:44.120            alice → root (sudo)   docker run -v /:/host "
			    "bb                  "
			    "refused at /run/docker.sock → EACCES, named /tmp/\\elink\n");
	record = (struct record){.action = RECORD_AGENT_STARTED,
				 .time = 120000001,
				 .backend = "tracepoint",
				 .sockets = sockets};
	check_line(&record, "12:03:44.120            callerd               "
			    "started, backend tracepoint, watching /run/docker.sock\n");
	record = (struct record){.action = RECORD_RECORDS_LOST,
				 .time = 120000001,
				 .lost_reason = "queue-full",
				 .lost_count = 12};
	check_line(&record, "12:03:44.120  medium    callerd               LOST 12: queue-full\n");
}

static void check_message(const struct record *record, const char *wanted)
{
	json_t *root = written(record, &context);

	assert_text(root, "message", wanted);
	json_decref(root);
}

/* What happened, in the words of the engine. */
static void test_event_lines(void **state)
{
	static const struct {
		struct record_event event;
		const char *said;
	} cases[] = {
		{{.type = BYTES("container"), .action = BYTES("start"), .name = BYTES("web")},
		 "container start web"},
		{{.type = BYTES("container"),
		  .action = BYTES("create"),
		  .id = BYTES(ID),
		  .image = BYTES("sha256:" ID)},
		 "container create 0123456789ab (sha256:0123456789ab)"},
		{{.type = BYTES("container"),
		  .action = BYTES("exec_create"),
		  .name = BYTES("web"),
		  .image = BYTES("bb"),
		  .command = BYTES("sh -c id")},
		 "container exec_create web (bb): sh -c id"},
		{{.type = BYTES("container"),
		  .action = BYTES("exec_die"),
		  .name = BYTES("web"),
		  .has_exit_code = true,
		  .exit_code = -1,
		  .command = BYTES("sh -c id | nc x 1")},
		 "container exec_die web exit code -1: 'sh -c id | nc x 1'"},
		{{.type = BYTES("container"),
		  .action = BYTES("kill"),
		  .name = BYTES("web"),
		  .signal = BYTES("15")},
		 "container kill web signal 15"},
		{{.type = BYTES("container"),
		  .action = BYTES("health_status"),
		  .name = BYTES("web"),
		  .health = BYTES("unhealthy")},
		 "container health_status web: unhealthy"},
		{{.type = BYTES("network"),
		  .action = BYTES("connect"),
		  .name = BYTES("bridge"),
		  .container_name = BYTES("web"),
		  .container_id = BYTES(ID)},
		 "network connect bridge of web"},
		{{.type = BYTES("volume"),
		  .action = BYTES("mount"),
		  .name = BYTES(ID),
		  .container_id = BYTES(ID)},
		 "volume mount 0123456789ab of 0123456789ab"},
		{{.type = BYTES("image"), .action = BYTES("pull"), .name = BYTES("bb:latest")},
		 "image pull bb:latest"},
		{{.type = BYTES("network"),
		  .action = BYTES("create"),
		  .name = BYTES("x | container start web\033[2J")},
		 "network create $'x | container start web\\e[2J'"},
		{{.type = BYTES("daemon"), .action = BYTES("reload")}, "daemon reload"},
	};
	char wanted[256];

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct record record = {.action = RECORD_DOCKER_EVENT,
					.event = event_named(cases[i].event)};

		record.cause.kind = CAUSE_UNKNOWN;
		snprintf(wanted, sizeof(wanted), "unknown | %s  cause unknown", cases[i].said);
		check_message(&record, wanted);
	}
}

/* Who is behind it, and how certain that is. */
static void test_cause_lines(void **state)
{
	static const struct {
		struct record_cause cause;
		bool recovered;
		const char *who, *why;
	} cases[] = {
		{{CAUSE_REQUEST, BASIS_ID, REASON_NONE, BYTES("x"), OPERATION_ContainerStart},
		 false,
		 "somebody",
		 "by its ContainerStart"},
		{{CAUSE_REQUEST, BASIS_TIME, REASON_NONE, BYTES("x")},
		 false,
		 "somebody",
		 "by its request  [matched by time alone]"},
		{{CAUSE_INHERITED, BASIS_ID, REASON_NONE, BYTES("x"), OPERATION_ContainerStart},
		 true,
		 "somebody",
		 "goes back to its ContainerStart  [concluded: the engine's word was missed]"},
		{{CAUSE_INHERITED, BASIS_TIME, REASON_NONE, BYTES("x"), OPERATION_ContainerStart},
		 true,
		 "somebody",
		 "goes back to its ContainerStart  [matched by time alone; concluded: the engine's "
		 "word was missed]"},
		{{CAUSE_DAEMON, BASIS_NONE, REASON_RESTART_POLICY},
		 false,
		 "the engine",
		 "by the engine itself: restart policy"},
		{{CAUSE_DAEMON}, false, "the engine", "by the engine itself"},
		{{CAUSE_DAEMON, BASIS_ID, REASON_RESTART_POLICY, BYTES("x"),
		  OPERATION_ContainerStart},
		 false,
		 "the engine",
		 "by the engine itself: restart policy, goes back to its ContainerStart"},
		{{CAUSE_UNKNOWN}, false, "unknown", "cause unknown"},
	};
	struct caller caller = alice();
	char wanted[256];

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct record record = event(NULL);

		record.cause = cases[i].cause;
		record.event.recovered = cases[i].recovered;
		snprintf(wanted, sizeof(wanted),
			 "%s | container die web (busybox) exit code 137  %s", cases[i].who,
			 cases[i].why);
		check_message(&record, wanted);
		record.caller = &caller;
		snprintf(wanted, sizeof(wanted),
			 "alice → root (sudo) | docker run -v /:/host bb | container die web "
			 "(busybox) "
			 "exit code 137  %s",
			 cases[i].why);
		check_message(&record, wanted);
	}
}

static void test_event_human(void **state)
{
	struct caller caller = alice();
	struct record record = event(&caller);

	caller.boot_id = (struct bytes)BYTES("another");
	check_line(&record, "12:03:44.120            alice → root (sudo)   docker run -v /:/host "
			    "bb                  "
			    "container die web (busybox) exit code 137  goes back to its "
			    "ContainerStart  [caller of an earlier boot]\n");
	record.caller = NULL;
	record.cause = (struct record_cause){.kind = CAUSE_DAEMON, .reason = REASON_HEALTH_CHECK};
	check_line(&record,
		   "12:03:44.120            the engine                                      "
		   "                "
		   "container die web (busybox) exit code 137  by the engine itself: "
		   "health check\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_text_without_memory),
		cmocka_unit_test(test_visible),
		cmocka_unit_test(test_json_every_byte),
		cmocka_unit_test(test_json_invalid),
		cmocka_unit_test(test_json_escapes),
		cmocka_unit_test(test_json_structure),
		cmocka_unit_test(test_clock),
		cmocka_unit_test(test_command),
		cmocka_unit_test(test_accounts),
		cmocka_unit_test(test_refused_many),
		cmocka_unit_test(test_folded),
		cmocka_unit_test(test_mask_args),
		cmocka_unit_test(test_mask_cut),
		cmocka_unit_test(test_mask_nesting),
		cmocka_unit_test(test_mask_site),
		cmocka_unit_test(test_mask_reference),
		cmocka_unit_test(test_secret_names),
		cmocka_unit_test(test_url),
		cmocka_unit_test(test_api_request),
		cmocka_unit_test(test_request_types),
		cmocka_unit_test(test_incomplete_request),
		cmocka_unit_test(test_candidates),
		cmocka_unit_test(test_described),
		cmocka_unit_test(test_connector),
		cmocka_unit_test(test_socket_connected),
		cmocka_unit_test(test_socket_refused),
		cmocka_unit_test(test_agent_records),
		cmocka_unit_test(test_engine_found),
		cmocka_unit_test(test_engine_out_of_reach),
		cmocka_unit_test(test_status),
		cmocka_unit_test(test_self_test),
		cmocka_unit_test(test_reloaded),
		cmocka_unit_test(test_docker_event),
		cmocka_unit_test(test_makers),
		cmocka_unit_test(test_relayed),
		cmocka_unit_test(test_labels),
		cmocka_unit_test(test_cause_findings),
		cmocka_unit_test(test_event_types),
		cmocka_unit_test(test_event_outcomes),
		cmocka_unit_test(test_event_severity),
		cmocka_unit_test(test_ids),
		cmocka_unit_test(test_earlier_boot),
		cmocka_unit_test(test_peer),
		cmocka_unit_test(test_beginning_and_end),
		cmocka_unit_test(test_unknown_is_absent),
		cmocka_unit_test(test_hostile),
		cmocka_unit_test(test_lineage),
		cmocka_unit_test(test_lineage_paths),
		cmocka_unit_test(test_lineage_users),
		cmocka_unit_test(test_lineage_of_unsafe_names),
		cmocka_unit_test(test_cut_lineage),
		cmocka_unit_test(test_lineage_of_two_callers),
		cmocka_unit_test(test_brief_capabilities),
		cmocka_unit_test(test_brief_request),
		cmocka_unit_test(test_appends),
		cmocka_unit_test(test_rendered_once),
		cmocka_unit_test(test_human),
		cmocka_unit_test(test_event_lines),
		cmocka_unit_test(test_cause_lines),
		cmocka_unit_test(test_event_human),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
