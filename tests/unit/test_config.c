// SPDX-License-Identifier: Apache-2.0
#include "settings.h"

#include <sys/socket.h>
#include <sys/un.h>

#include "agent/options/config.h"

#define LINE_SIZE 4096 /* what a line may have, and two bytes */

static int parse(const char *text, size_t size, struct config **ret, struct config_error *error)
{
	char *data = exact_copy(text, size);
	int result = config_parse("test.conf", data, size, ret, error);

	free(data);
	return result;
}

static struct config *parse_good(const char *text)
{
	struct config *config = NULL;
	struct config_error error;

	if (parse(text, strlen(text), &config, &error))
		fail_msg("line %u: %s", error.line, error.what);
	return config;
}

static void test_form(void **state)
{
	static const char *const same[] = {
		"[callerd]\nsocket = /a b\nbackend = auto\n[expected "
		"a]\nuser = root\n",
		"[callerd]\nsocket=/a b\nbackend=auto\n[expected "
		"a]\nuser=root", /* no end of line */
		"\xef\xbb\xbf[callerd]\nsocket:/a "
		"b\nbackend:auto\n[expected a]\nuser:root\n",
		"[callerd]\r\nsocket = /a b\r\nbackend = auto\r\n[expected "
		"a]\r\nuser = root\r\n",
		"\n# a\n; b\n[callerd] ; c\nsocket = /a b ; "
		"d\n\n#\nbackend = auto\t;e\n"
		"[expected a] # f\nuser = root ;",
		"  [callerd]\n\tsocket  =\t/a b  \n    backend = auto\n  ; "
		"x\n\t[expected a]\n  user = root\n",
		"[expected a]\nuser = root\n[callerd]\nsocket = /a "
		"b\n[callerd]\nbackend = auto\n",
	};

	for (size_t i = 0; i < COUNT(same); i++) {
		struct config *config = parse_good(same[i]);

		assert_int_equal(config->setting_count, 2);
		assert_string_equal(config->settings[0].key, "socket");
		assert_string_equal(config->settings[0].value, "/a b");
		assert_string_equal(config->settings[1].key, "backend");
		assert_string_equal(config->settings[1].value, "auto");
		assert_policy(config->policy, "[expected a]\nuser = root\n");
		config_free(config);
	}
}

static void test_nothing(void **state)
{
	static const char *const texts[] = {"",	   "\n",	   "\n\n",	"#",
					    ";\n", "\xef\xbb\xbf", "[callerd]", "  \t \r\n"};

	for (size_t i = 0; i < COUNT(texts); i++) {
		struct config *config = parse_good(texts[i]);

		assert_int_equal(config->setting_count, 0);
		assert_policy(config->policy, "");
		config_free(config);
	}
	config_free(NULL);
}

static void test_lines(void **state)
{
	struct config *config = parse_good("\n[callerd]\nsocket = /a\n\n# x\nsocket = /b\n");

	assert_int_equal(config->settings[0].source.line, 3);
	assert_int_equal(config->settings[1].source.line, 6);
	config_free(config);
}

static void assert_refused(const char *text, size_t size, unsigned int line, const char *why)
{
	struct config *config = (void *)4242;
	struct config_error error;

	assert_int_equal(parse(text, size, &config, &error), -EINVAL);
	assert_ptr_equal(config, (void *)4242);
	if (error.line != line || !strstr(error.what, why))
		fail_msg("line %u: \"%s\"; wanted: line %u: \"%s\"", error.line, error.what, line,
			 why);
}

static void test_mistakes(void **state)
{
#define LINE(text, line, why)                                                                      \
	{                                                                                          \
		text, sizeof(text) - 1, line, why                                                  \
	}
	static const struct {
		const char *text;
		size_t size;
		unsigned int line;
		const char *why;
	} table[] = {
		LINE("socket = /a", 1, "\"socket\" stands before the first [section]"),
		LINE("\n\nx", 3, "neither a [section] nor a KEY = VALUE nor a comment"),
		LINE("[callerd]\nsocket /a\n", 2, "neither"),
		LINE("[callerd\nsocket = /a\n", 1, "neither"),
		LINE("[callerd]\nx\nsocket = /a\nbackend = auto\n", 2, "neither"),
		LINE("[callerd]\nx\n[expected]\n", 2, "neither"), /* the first mistake */
		LINE("[callerd]\nx\n[nonsense]\ny = \n", 2, "neither"),
		LINE("[callerd]\nx\n\0", 2, "neither"),
		LINE("[callerd] x\n", 1, "something stands behind the section's name"),
		LINE("[callerd]]\n", 1, "something stands behind"),
		LINE("[callerd]socket = /a\n", 1, "something stands behind"),
		LINE("[ callerd]\n", 1, "there is no section [ callerd]"),
		LINE("[Callerd]\n", 1, "there is no section [Callerd]"),
		LINE("[]\n", 1, "there is no section []"),
		LINE("#\n[sockets]\n", 2, "there is no section [sockets]; there are [callerd]"),
		LINE("[expected 0123456789012345678901234567890123456789]\nuser=a\n"
		     "[expected 01234567890123456789012345678901234567890]\n",
		     3, "the section's name is longer than 49 bytes"),
		LINE("[callerd]\nsocket =\n", 2, "socket: it needs a value"),
		LINE("[callerd]\nsocket = ; none\n", 2, "socket: it needs a value"),
		LINE("[callerd]\nsocket = # none\n", 2,
		     "socket: a comment stands on a line of its own"),
		LINE("[callerd]\nsocket =;none\n", 2, "socket: a comment stands on"),
		LINE("[callerd]\nsocket = /a # b\n", 2, "socket: a comment stands on"),
		LINE("[callerd]\nsocket = /a\t# b\n", 2, "socket: a comment stands on"),
		LINE("[callerd]\nsocket = /a\0b\n", 2, "the line holds a NUL byte"),
		LINE("\0", 1, "the line holds a NUL byte"),
		LINE("[callerd]\n# \0\n", 2, "the line holds a NUL byte"),
		LINE("[callerd]\nsocket = /a\0", 2, "the line holds a NUL byte"),
		LINE("[callerd]\nsocket = /a\033[2J\n", 2, "the line holds a control character"),
		LINE("[callerd]\rsocket = /a\n", 1, "the line holds a control character"),
		LINE("[callerd]\nsocket = /\x7f\n", 2, "the line holds a control character"),
		LINE("[finding x]\n", 1, "there is no finding \"x\""),
		LINE("[finding prune]\nseverity = bad\n", 2, "severity \"bad\": it is one of info"),
		LINE("[finding prune]\n# severity = low\n\n[callerd]\n", 1,
		     "[finding prune] has no severity"),
		LINE("\n[finding prune]\n", 2, "[finding prune] has no severity"),
		LINE("[finding prune]\nseverity = low\n[finding prune]\nseverity = low\n", 3,
		     "[finding prune] is there twice"),
		LINE("[expected a]\nuser = root\n[expected b]\nexe = x\n", 4,
		     "exe \"x\": the path must be absolute"),
		LINE("[expected a]\nuser = root\n[expected a]\n", 3, "[expected a] is there twice"),
		LINE("[expected a]\noperations = *\n[expected b]\nuser = root\n", 1,
		     "[expected a] would match everybody"),
		LINE("[expected a]\nuser = root\n\n[expected b]\noperations = *\n\n", 4,
		     "[expected b] would match everybody"),
		LINE("[expected a]\n", 1, "would match everybody"),
		LINE("[expected a]\nuser = root\n  operations Image*\n", 3, "neither"),
	};
#undef LINE

	for (size_t i = 0; i < COUNT(table); i++)
		assert_refused(table[i].text, table[i].size, table[i].line, table[i].why);
}

/* The longest line is read whole; one that is longer is not cut. */
static void test_long_lines(void **state)
{
	static const char begin[] = "[expected a]\nexe = /";
	const size_t room = LINE_SIZE - 2 - strlen("exe = /");
	char text[3 * LINE_SIZE];
	struct config *config;

	memset(text, 'x', sizeof(text));
	memcpy(text, begin, strlen(begin));
	memcpy(text + strlen(begin) + room, "\n", 2);
	config = parse_good(text);
	assert_policy(config->policy, text);
	config_free(config);
	for (size_t more = 1; more < LINE_SIZE + 20; more += more < 20 ? 1 : 97) {
		memset(text + strlen(begin), 'x', room + more);
		memcpy(text + strlen(begin) + room + more, "\n\n", 2);
		assert_refused(text, strlen(begin) + room + more + 2, 2,
			       "the line is longer than 4094 bytes");
		assert_refused(text, strlen(begin) + room + more, 2, "the line is longer than");
	}
	/* Blanks around it do not count. */
	memset(text + strlen(begin), ' ', 2 * LINE_SIZE);
	memcpy(text + strlen(begin), "yz", 2);
	text[strlen(begin) + 2 * LINE_SIZE] = '\0';
	config = parse_good(text);
	assert_policy(config->policy, "[expected a]\nexe = /yz\n");
	config_free(config);
}

static void test_many_settings(void **state)
{
	char text[16384] = "[callerd]\n";
	size_t size = strlen(text);
	struct config *config;

	for (int i = 0; i < CONFIG_SETTINGS_MAX; i++)
		size += (size_t)snprintf(text + size, sizeof(text) - size, "socket = /%d\n", i);
	config = parse_good(text);
	assert_int_equal(config->setting_count, CONFIG_SETTINGS_MAX);
	assert_string_equal(config->settings[255].value, "/255");
	config_free(config);
	snprintf(text + size, sizeof(text) - size, "x = y\n");
	assert_refused(text, strlen(text), 258, "too many settings in [callerd] (256 at most)");
}

/* --- files ------------------------------------------------------------------------------------- */

static char path[80];

static void write_file(const char *text, size_t size, mode_t mode)
{
	unlink(path); /* whatever stands there */
	files_write(path, text, size);
	assert_int_equal(chmod(path, mode), 0);
}

static void assert_not_loaded(const char *where, int result, const char *why)
{
	struct config *config = (void *)4242;
	struct config_error error;

	assert_int_equal(config_load(where, &config, &error), result);
	assert_ptr_equal(config, (void *)4242);
	assert_says(error.what, why);
	if (result != -EINVAL)
		assert_int_equal(error.line, 0);
}

static void test_load(void **state)
{
	static const char text[] = "[callerd]\nsocket = /a\n";
	struct config_error error;
	struct config *config = NULL;

	write_file(text, strlen(text), 0644);
	assert_int_equal(config_load(path, &config, &error), 0);
	assert_int_equal(config->setting_count, 1);
	assert_non_null(config->policy);
	config_free(config);
	write_file("", 0, 0400);
	assert_int_equal(config_load(path, &config, &error), 0);
	config_free(config);
	write_file("x", 1, 0600);
	assert_not_loaded(path, -EINVAL, "neither");
	write_file("[callerd]\nx = \0y", 16, 0600);
	assert_not_loaded(path, -EINVAL, "NUL");
}

static void test_who_can_write(void **state)
{
	static const mode_t good[] = {0400, 0440, 0444, 0600, 0640, 0644, 0755};
	static const mode_t bad[] = {0620, 0602, 0622, 0660, 0664, 0666, 0777, 0646};
	struct config_error error;
	struct config *config = NULL;

	for (size_t i = 0; i < COUNT(good); i++) {
		write_file("", 0, good[i]);
		assert_int_equal(config_load(path, &config, &error), 0);
		config_free(config);
	}
	for (size_t i = 0; i < COUNT(bad); i++) {
		write_file("", 0, bad[i]);
		assert_not_loaded(path, -EPERM,
				  "can be written to by others than its owner: chmod go-w");
	}
	write_file("", 0, 0644);
	if (geteuid())
		return; /* cannot give it away */
	assert_int_equal(chown(path, 65534, 0), 0);
	assert_not_loaded(path, -EPERM, "belongs to somebody else");
	/* Root's is fine for others, too. */
	assert_int_equal(chown(path, 0, 0) | chmod(directory, 0755), 0);
	assert_int_equal(seteuid(65534), 0);
	assert_int_equal(config_load(path, &config, &error), 0);
	assert_int_equal(seteuid(0), 0);
	config_free(config);
}

static void test_no_file(void **state)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	char link[80];
	int fd;

	assert_not_loaded("/none/callerd.conf", -ENOENT, "cannot be read: No such file");
	assert_not_loaded("/dev/null/callerd.conf", -ENOTDIR, "cannot be read: Not a directory");
	assert_not_loaded("", -ENOENT, "cannot be read");
	unlink(path);
	assert_not_loaded(directory, -ENOENT, "neither callerd.conf nor a *.conf in conf.d");
	assert_not_loaded("/dev/null", -EPERM, "it is not a regular file");
	unlink(path);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_not_loaded(path, -EPERM, "it is not a regular file"); /* and does not hang */
	unlink(path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_not_loaded(path, -ENXIO, "cannot be read");
	close(fd);
	/* What a symlink leads to counts. */
	write_file("", 0, 0666);
	snprintf(link, sizeof(link), "%s/link", directory);
	assert_int_equal(symlink(path, link), 0);
	assert_not_loaded(link, -EPERM, "others than its owner");
	unlink(link);
	write_file("", 0, 0644);
	assert_int_equal(truncate(path, CONFIG_SIZE_MAX + 1), 0);
	assert_not_loaded(path, -EPERM, "it is longer than 1 MiB");
}

/* --- the example ------------------------------------------------------------------------------- */

/* As it stands, and with all that it has taken into use. */
static void test_example(void **state)
{
	char text[8192], used[8192];
	FILE *stream = fopen("docs/callerd.conf.example", "r");
	struct config *config;
	size_t size = 0;
	char *end;

	assert_non_null(stream);
	text[fread(text, 1, sizeof(text) - 1, stream)] = '\0';
	fclose(stream);
	config = parse_good(text);
	assert_int_equal(config->setting_count, 0);
	assert_policy(config->policy, "");
	config_free(config);
	for (char *line = text; *line; line = end + 1) {
		end = strchr(line, '\n');
		if (line[0] == '#' && line[1] != ' ')
			line++;
		memcpy(used + size, line, (size_t)(end - line) + 1);
		size += (size_t)(end - line) + 1;
	}
	used[size] = '\0';
	config = parse_good(used);
	assert_int_equal(config->setting_count, 42);
	assert_int_equal(policy_severity(config->policy, FINDING_PRUNE, SEVERITY_LOW),
			 SEVERITY_NONE);
	assert_string_equal(
		policy_expected(config->policy,
				&(struct policy_call){.login_uid = 1007, .uid = CALLERD_UNSET_ID}),
		"on-call");
	config_free(config);
}

static int prepare(void **state)
{
	if (files_prepare("/tmp"))
		return -1;
	snprintf(path, sizeof(path), "%s/callerd.conf", directory);
	return 0;
}

static int tidy(void **state)
{
	return files_remove(directory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_form),	   cmocka_unit_test(test_nothing),
		cmocka_unit_test(test_lines),	   cmocka_unit_test(test_mistakes),
		cmocka_unit_test(test_long_lines), cmocka_unit_test(test_many_settings),
		cmocka_unit_test(test_load),	   cmocka_unit_test(test_who_can_write),
		cmocka_unit_test(test_no_file),	   cmocka_unit_test(test_example),
	};

	return cmocka_run_group_tests(tests, prepare, tidy);
}
