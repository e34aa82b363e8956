// SPDX-License-Identifier: Apache-2.0
/* Which labels of a container are kept, and what of them. */
#include "unit.h"

#include "docker/api/shapes.h"
#include "docker/known/labels.h"
#include "secret/mask.h"

/* The labels of a create whose body has the map MAP, "KEY=VALUE;" each; *RET_ODDITIES: of the body. Lives until the next call. */
static const char *gathered(const char *map, unsigned int *ret_oddities)
{
	static struct text told;
	static struct labels labels;
	_cleanup_(text_free) struct text json = {0};
	struct bytes packed, key, value;
	struct body *body = NULL;

	labels_clear(&labels);
	text_cut(&told, 0);
	text_add_string(&json, "{\"Image\":\"i\",\"Labels\":{");
	text_add_string(&json, map);
	text_add_string(&json, "},\"Cmd\":[\"true\"],\"Tty\":true}");
	assert_int_equal(body_new(&shape_container_create, 65536, &labels, &body), 0);
	assert_int_equal(body_feed(body, json.data, json.size), 0);
	assert_int_equal(body_state(body), BODY_DONE);
	assert_int_equal(body_get(body_value(body), "Cmd")->count, 1);
	assert_true(body_true(body_value(body), "Tty"));
	*ret_oddities = body_oddities(body);
	body_free(body);
	packed = labels_packed(&labels);
	assert_non_null(packed.data);
	text_add_string(&told, labels_are_cut(packed) ? "more;" : "");
	while (labels_next(&packed, &key, &value)) {
		text_add_bytes(&told, key);
		text_add_char(&told, '=');
		text_add_bytes(&told, value);
		text_add_char(&told, ';');
	}
	text_add_char(&told, '\0');
	assert_int_equal(told.error, 0);
	return told.data;
}

static void expect_labels(const char *map, const char *wanted, int line)
{
	unsigned int oddities;
	const char *told = gathered(map, &oddities);

	if (strcmp(told, wanted) != 0 || oddities)
		fail_msg("line %d: %s, oddities %x; wanted %s", line, told, oddities, wanted);
}

#define EXPECT_LABELS(map, wanted) expect_labels(map, wanted, __LINE__)

static void test_which(void **state)
{
	EXPECT_LABELS("", "");
	EXPECT_LABELS("\"com.docker.compose.project\":\"shop\",\"other\":\"x\"",
		      "com.docker.compose.project=shop;");
	EXPECT_LABELS("\"com.docker.compose.config-hash\":\"x\",\"com.docker.compose\":\"x\","
		      "\"com.gitlab.gitlab-runner.job.id\":\"7\",\"devcontainer.metadata\":\"x\"",
		      "com.gitlab.gitlab-runner.job.id=7;");
	EXPECT_LABELS("\"any.a b\":\"x\",\"any.\\u202e\":\"x\","
		      "\"any.pod/x_y-1\":\"y\",\"any.empty\":\"\"",
		      "any.pod/x_y-1=y;");
	/* Of two that are called the same as fields, the first one. */
	EXPECT_LABELS("\"any.a.b\":\"1\",\"any.a_b\":\"2\"", "more;any.a.b=1;");
	/* Nor is it odd that a key comes twice: the daemon takes the last one. */
	EXPECT_LABELS("\"x\":\"1\",\"x\":\"2\",\"any.a\":\"3\"", "any.a=3;");
	EXPECT_LABELS("\"any.a\":\"1\",\"any.b\":\"2\",\"any.a\":\"3\"", "any.b=2;any.a=3;");
	EXPECT_LABELS("\"any.a\":\"1\",\"any.a\":\"\"", "");
}

/* Whoever makes a container does not choose names of fields, however many he thinks of. */
static void test_names_are_known(void **state)
{
	EXPECT_LABELS("\"com.buildkite.x1\":\"y\",\"io.kubernetes.x2\":\"y\",\"com.docker.swarm."
		      "x3\":\"y\","
		      "\"com.gitlab.gitlab-runner.x4\":\"y\"",
		      "");
}

static int add_any(void **state)
{
	return labels_add_pattern("any.*");
}

static int forget_any(void **state)
{
	labels_forget_site();
	return 0;
}

static void test_values(void **state)
{
	char map[1200], long_value[1001];
	struct text wanted = {0};

	EXPECT_LABELS("\"any.token\":\"x\",\"any.url\":\"https://a:b@c/d\"",
		      "any.token=***;any.url=https://a:***@c/d;");
	EXPECT_LABELS("\"any.a\":\"b\\u0000c\",\"any.b\":\"d\"", "any.a=b;any.b=d;");
	memset(long_value, 'x', sizeof(long_value) - 1);
	long_value[sizeof(long_value) - 1] = '\0';
	snprintf(map, sizeof(map), "\"any.a\":\"%s\"", long_value);
	text_add_string(&wanted, "any.a=");
	text_add(&wanted, long_value, LABEL_VALUE_MAX);
	text_add(&wanted, ";", 2);
	EXPECT_LABELS(map, wanted.data);
	text_free(&wanted);
}

/* However many there are, and however long: a few are kept, and it is no loss of the body's. */
static void test_many(void **state)
{
	unsigned int oddities;
	struct text map = {0};

	for (unsigned int i = 0; i < 20000; i++) {
		text_add_string(&map, i ? ",\"any." : "\"any.");
		text_add_number(&map, i);
		text_add_string(&map, "\":\"v\"");
	}
	text_add_char(&map, '\0');
	assert_true(!strncmp(gathered(map.data, &oddities), "more;any.0=v;", 13));
	assert_int_equal(oddities, 0);
	text_cut(&map, 0);
	text_add_string(&map, "\"any.a\":\"");
	for (unsigned int i = 0; i < 200000; i++)
		text_add_char(&map, 'x');
	text_add_string(&map, "\",\"");
	for (unsigned int i = 0; i < 200000; i++)
		text_add_char(&map, 'k');
	text_add(&map, "\":\"v\"", sizeof("\":\"v\""));
	assert_int_equal(strlen(gathered(map.data, &oddities)),
			 strlen("any.a=;") + LABEL_VALUE_MAX);
	assert_int_equal(oddities, 0);
	text_free(&map);
}

static void test_site(void **state)
{
	char pattern[LABEL_KEY_MAX + 2];

	assert_int_equal(labels_add_pattern("site.*"), 0);
	EXPECT_LABELS("\"site.team\":\"blue\",\"sites\":\"x\"", "site.team=blue;");
	memset(pattern, 'a', sizeof(pattern));
	pattern[LABEL_KEY_MAX + 1] = '\0';
	assert_int_equal(labels_add_pattern(pattern), -EINVAL);
	pattern[LABEL_KEY_MAX] = '\0';
	for (unsigned int i = 1; i < LABELS_SITE_MAX; i++)
		assert_int_equal(labels_add_pattern(pattern), 0);
	assert_int_equal(labels_add_pattern(pattern), -E2BIG);
	assert_int_equal(labels_check_pattern(""), -EINVAL);
	assert_int_equal(labels_check_pattern("a b"), -EINVAL);
	assert_int_equal(labels_check_pattern("?a*"), 0);
	labels_forget_site();
	EXPECT_LABELS("\"site.team\":\"blue\"", "");
}

/* A map of which nothing is gathered. */
static void test_nowhere(void **state)
{
	struct value label = {.key = bytes_of("any.a"), .string = bytes_of("x")};

	assert_false(labels_gather(NULL, &label));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_which, add_any, forget_any),
		cmocka_unit_test_setup_teardown(test_values, add_any, forget_any),
		cmocka_unit_test_setup_teardown(test_many, add_any, forget_any),
		cmocka_unit_test(test_names_are_known),
		cmocka_unit_test(test_site),
		cmocka_unit_test(test_nowhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
