// SPDX-License-Identifier: Apache-2.0
#include "unit.h"

#include "base/text.h"
#include "docker/buildkit/asked.h"
#include "docker/buildkit/build.h"
#include "messages.h"

/* --- messages ------------------------------------------------------------------------------------- */

static void put_entry(struct text *out, unsigned int field, const char *key, const char *value)
{
	_cleanup_(text_free) struct text entry = {0};

	put_string(&entry, 1, key);
	put_string(&entry, 2, value);
	put_text(out, field, text_since(&entry, 0));
}

static struct build *read_message(enum build_message kind, const struct text *message,
				  bool compressed)
{
	struct build *build = build_new(kind);
	const char prefix[] = {(char)compressed, 0, (char)(message->size >> 16),
			       (char)(message->size >> 8), (char)message->size};

	assert_non_null(build);
	build_feed(build, (struct bytes){prefix, sizeof(prefix)});
	assert_int_equal(build_is_complete(build), false);
	build_feed(build, (struct bytes){message->data, message->size});
	return build;
}

static void check_value(const struct build *build, enum build_kind kind, const char *name,
			const char *value)
{
	assert_true(bytes_are(build_value(build, kind, name), value));
}

static unsigned int count_items(const struct build *build, enum build_kind kind)
{
	unsigned int count = 0;

	for (const struct build_item *one = build_items(build); one; one = one->next)
		count += one->kind == kind;
	return count;
}

/* --- tests ---------------------------------------------------------------------------------------- */

/* Each message of a call that runs processes may begin one; of others the first one counts. */
static void test_later_messages(void **state)
{
	static const struct {
		enum build_message kind;
		unsigned int flags;
		size_t size;
		const char *data;
	} cases[] = {
		{BUILD_MESSAGE_EXEC, BUILD_INSECURE, 18,
		 "\0\0\0\0\4\x12\2\x28\0\0\0\0\0\4\x12\2\x28\1"},
		{BUILD_MESSAGE_EXEC, BUILD_INSECURE, 18,
		 "\0\0\0\0\4\x12\2\x28\1\0\0\0\0\4\x1a\2\x28\1"},
		{BUILD_MESSAGE_EXEC, 0, 18, "\0\0\0\0\4\x12\2\x28\0\0\0\0\0\4\x1a\2\x28\1"},
		{BUILD_MESSAGE_CONTAINER, 0, 14, "\0\0\0\0\2\x18\0\0\0\0\0\2\x18\1"},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		for (size_t piece = 1; piece <= cases[i].size; piece++) {
			struct build *build = build_new(cases[i].kind);

			for (size_t at = 0; at < cases[i].size; at += piece) {
				size_t left = cases[i].size - at;

				build_feed(build, (struct bytes){cases[i].data + at,
								 piece < left ? piece : left});
			}
			assert_int_equal(build_flags(build), cases[i].flags);
			assert_null(build_trouble(build));
			build_free(build);
		}
	}
}

/* As in a protobuf map the last value of a key counts; of arguments and labels there are only names. */
static void test_attributes(void **state)
{
	_cleanup_(text_free) struct text message = {0};
	struct build *build;

	put_string(&message, 1, "ref");
	put_entry(&message, 7, "force-network-mode", "none");
	put_entry(&message, 7, "force-network-mode", "host");
	put_entry(&message, 7, "build-arg:TOKEN", "secret");
	put_entry(&message, 7, "build-arg:TOKEN", "another");
	put_entry(&message, 7, "label:l", "secret");
	put_entry(&message, 7, "no-such-key", "secret");
	put_entry(&message, 7, "build-arg:BUILDKIT_SYNTAX", "a/b");
	put_entry(&message, 4, "name", "a,b");
	put_entry(&message, 4, "password", "secret");
	build = read_message(BUILD_MESSAGE_SOLVE, &message, false);
	assert_true(build_is_complete(build));
	assert_null(build_trouble(build));
	assert_true(bytes_are(build_reference(build), "ref"));
	check_value(build, BUILD_ATTRIBUTE, "force-network-mode", "host");
	check_value(build, BUILD_ATTRIBUTE, "build-arg:BUILDKIT_SYNTAX", "a/b");
	check_value(build, BUILD_ATTRIBUTE, "no-such-key", "");
	check_value(build, BUILD_ARGUMENT, "TOKEN", "");
	check_value(build, BUILD_OUTPUT_ATTRIBUTE, "name", "a,b");
	assert_int_equal(count_items(build, BUILD_ARGUMENT), 2);
	assert_int_equal(count_items(build, BUILD_LABEL), 1);
	assert_int_equal(count_items(build, BUILD_OUTPUT_ATTRIBUTE), 1);
	build_free(build);
}

static void put_output(struct text *out, const char *name, const char *push)
{
	_cleanup_(text_free) struct text output = {0};

	put_string(&output, 1, "image");
	put_entry(&output, 2, "name", name);
	put_entry(&output, 2, "push", push);
	put_text(out, 13, text_since(&output, 0));
}

/* What one output says hides nothing of another one; a client says the first one twice. */
static void test_outputs(void **state)
{
	_cleanup_(text_free) struct text message = {0}, names = {0};
	const struct build_item *push = NULL;
	struct build *build;

	put_entry(&message, 4, "name", "a,b");
	put_entry(&message, 4, "push", "true");
	put_output(&message, "a,b", "true");
	put_output(&message, "c", "");
	put_output(&message, "d", "false");
	build = read_message(BUILD_MESSAGE_SOLVE, &message, false);
	assert_null(build_trouble(build));
	build_add_names(build, &names);
	assert_string_equal(names.data, "a,b,c,d");
	push = build_next_output(build, push, "push");
	assert_true(bytes_are(build_output_name(build, push->output), "a,b"));
	push = build_next_output(build, push, "push");
	assert_true(bytes_are(build_output_name(build, push->output), "c"));
	assert_int_equal(push->value.size, 0);
	push = build_next_output(build, push, "push");
	assert_true(bytes_are(push->value, "false"));
	assert_null(build_next_output(build, push, "push"));
	build_free(build);
}

/* What goes on in a stream is of no interest, nor is what comes behind it a part of the message. */
static void test_first_message(void **state)
{
	_cleanup_(text_free) struct text message = {0}, more = {0};
	struct build *build;

	put_string(&message, 1, "token");
	build = read_message(BUILD_MESSAGE_NAMED, &message, false);
	text_add(&more, "\0\0\0\0\7", 5);
	put_string(&more, 1, "other");
	build_feed(build, text_since(&more, 0));
	assert_int_equal(count_items(build, BUILD_NAMED), 1);
	assert_null(build_trouble(build));
	build_free(build);
}

static void expect_trouble(const struct text *message, bool compressed, const char *wanted)
{
	struct build *build = read_message(BUILD_MESSAGE_SOLVE, message, compressed);

	assert_true(build_is_complete(build));
	assert_string_equal(build_trouble(build), wanted);
	build_free(build);
}

static void test_trouble(void **state)
{
	_cleanup_(text_free) struct text message = {0}, value = {0};

	put_string(&message, 1, "ref");
	expect_trouble(&message, true, "it is compressed");
	text_cut(&message, message.size - 1);
	expect_trouble(&message, false, "it is no message that callerd reads");
	text_cut(&message, 0);
	while (value.size < 1025)
		text_add_char(&value, 'x');
	put_entry(&message, 7, "no-such-key", value.data);
	put_string(&message, 6, "dockerfile.v0");
	put_entry(&message, 7, "target", value.data);
	expect_trouble(&message, false, "it has more than is kept");
	text_cut(&message, 0);
	for (unsigned int i = 0; i < 129; i++) {
		text_cut(&value, 0);
		text_add_number(&value, i);
		put_string(&message, 9, value.data);
	}
	expect_trouble(&message, false, "it has more than is kept");
}

/* Both calls of a build, the attribute KEY of each; NULL: it has no attributes. */
static struct build *ask(enum build_message kind, const char *frontend, const char *key,
			 const char *value)
{
	_cleanup_(text_free) struct text message = {0};
	bool solve = kind == BUILD_MESSAGE_SOLVE;

	if (solve)
		put_string(&message, 1, "ref");
	if (frontend)
		put_string(&message, solve ? 6 : 2, frontend);
	if (key) {
		put_entry(&message, solve ? 7 : 3, "no-cache", "");
		put_entry(&message, solve ? 7 : 3, key, value);
	}
	return read_message(kind, &message, false);
}

static unsigned int bit_of(const char *subject)
{
	for (unsigned int i = 0; i < ASKED_SUBJECTS; i++)
		if (!strcmp(asked_subject(i), subject))
			return 1U << i;
	fail();
	return 0;
}

static void check_asked(const char *frontends[2], const char *keys[2], const char *values[2],
			unsigned int differs)
{
	static const enum build_message kinds[] = {BUILD_MESSAGE_SOLVE, BUILD_MESSAGE_FRONTEND};

	/* Whichever comes first. */
	for (unsigned int first = 0; first < 2; first++) {
		struct asked_build *builds = NULL;
		struct asked *asked[2];

		for (unsigned int i = 0; i < 2; i++) {
			unsigned int at = i ^ first;
			struct build *build = ask(kinds[at], frontends[at], keys[at], values[at]);

			asked[i] = asked_new(&builds, 3, bytes_of("ref"), at, build);
			assert_non_null(asked[i]);
			build_free(build);
		}
		assert_int_equal(asked[0]->differs, differs);
		assert_int_equal(asked[1]->differs, differs);
		asked_free(&builds, asked[0]);
		asked_free(&builds, asked[1]);
		assert_null(builds);
	}
}

#define CHECK_ASKED(frontend, frontend_2, key, value, key_2, value_2, differs)                     \
	check_asked((const char *[]){frontend, frontend_2}, (const char *[]){key, key_2},          \
		    (const char *[]){value, value_2}, differs)

static void test_asked(void **state)
{
	CHECK_ASKED(NULL, "dockerfile.v0", "target", "a", "target", "a", 0);
	CHECK_ASKED(NULL, "dockerfile.v0", "target", "a", "target", "b", bit_of("target"));
	CHECK_ASKED(NULL, "dockerfile.v0", "target", "a", "context", "b",
		    bit_of("target") | bit_of("context"));
	CHECK_ASKED(NULL, "dockerfile.v0", "label:x", "a", "force-network-mode", "host",
		    bit_of("force-network-mode"));
	CHECK_ASKED("gateway.v0", "dockerfile.v0", "target", "a", "target", "a",
		    bit_of("frontend"));
	/* What says nothing says nothing else. */
	CHECK_ASKED(NULL, "dockerfile.v0", NULL, NULL, "target", "b", 0);
	CHECK_ASKED(NULL, "dockerfile.v0", "target", "b", NULL, NULL, 0);
	CHECK_ASKED(NULL, "dockerfile.v0", "target", "", "no-such-key", "b", 0);
}

/* Of other builds, and other engines. */
static void test_asked_of_others(void **state)
{
	struct asked_build *builds = NULL;
	struct build *a = ask(BUILD_MESSAGE_SOLVE, NULL, "target", "a");
	struct build *b = ask(BUILD_MESSAGE_FRONTEND, NULL, "target", "b");
	struct asked *calls[] = {asked_new(&builds, 1, bytes_of("ref"), false, a),
				 asked_new(&builds, 2, bytes_of("ref"), true, b),
				 asked_new(&builds, 1, bytes_of("ref2"), true, b),
				 asked_new(&builds, 1, bytes_of("ref"), false, b)};

	assert_null(asked_new(&builds, 1, (struct bytes){0}, true, b));
	for (unsigned int i = 0; i < COUNT(calls); i++)
		assert_int_equal(calls[i]->differs, 0);
	for (unsigned int i = 0; i < COUNT(calls); i++)
		asked_free(&builds, calls[i]);
	assert_null(builds);
	build_free(a);
	build_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_asked),	       cmocka_unit_test(test_asked_of_others),
		cmocka_unit_test(test_attributes),     cmocka_unit_test(test_outputs),
		cmocka_unit_test(test_first_message),  cmocka_unit_test(test_trouble),
		cmocka_unit_test(test_later_messages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
