// SPDX-License-Identifier: Apache-2.0
#include "unit.h"

#include "base/text.h"
#include "docker/containerd/containerd.h"

static void put_text(struct text *out, unsigned int field, struct bytes text)
{
	assert_true(field < 16 && text.size < 16384);
	text_add_char(out, (char)(field << 3 | 2));
	if (text.size > 127)
		text_add_char(out, (char)(text.size | 0x80));
	text_add_char(out, (char)(text.size > 127 ? text.size >> 7 : text.size));
	text_add_bytes(out, text);
}

static void put_string(struct text *out, unsigned int field, const char *string)
{
	put_text(out, field, bytes_of(string));
}

/* The specifications that came, each behind a bar. */
static void take_spec(void *data, struct bytes piece, bool begins)
{
	if (begins)
		text_add_char(data, '|');
	text_add_bytes(data, piece);
}

static struct containerd *read_message(enum containerd_message kind, const struct text *message,
				       struct text *specs)
{
	struct containerd *containerd = containerd_new(kind, take_spec, specs);
	const char prefix[] = {0, 0, (char)(message->size >> 16), (char)(message->size >> 8),
			       (char)message->size};

	assert_non_null(containerd);
	containerd_feed(containerd, (struct bytes){prefix, sizeof(prefix)});
	assert_false(containerd_is_complete(containerd));
	for (size_t i = 0; i < message->size; i++)
		containerd_feed(containerd, (struct bytes){message->data + i, 1});
	assert_true(containerd_is_complete(containerd));
	return containerd;
}

/* The last one counts, also an empty one; whoever takes them is told where each begins. */
static void test_specifications(void **state)
{
	_cleanup_(text_free) struct text any = {0}, container = {0}, message = {0}, specs = {0};
	struct containerd *containerd;

	put_string(&any, 2, "{\"a\":1}");
	put_string(&any, 2, "");
	put_string(&any, 1, "type");
	put_string(&container, 1, "first");
	put_text(&container, 5, text_since(&any, 0));
	put_text(&container, 5, text_since(&any, 0));
	put_string(&container, 1, "last");
	put_text(&message, 1, text_since(&container, 0));
	containerd = read_message(CONTAINERD_TO_CREATE, &message, &specs);
	text_add_char(&specs, '\0');
	assert_string_equal(specs.data, "|{\"a\":1}||{\"a\":1}|");
	assert_int_equal(containerd_specs(containerd), 4);
	assert_true(bytes_are(containerd_text(containerd, CONTAINERD_ID), "last"));
	assert_true(bytes_are(containerd_text(containerd, CONTAINERD_SPEC), "type"));
	assert_null(containerd_trouble(containerd));
	containerd_free(containerd);
}

static void test_mounts(void **state)
{
	_cleanup_(text_free) struct text mount = {0}, message = {0}, specs = {0};
	const struct containerd_item *item;
	struct containerd *containerd;

	put_string(&mount, 1, "overlay");
	put_string(&mount, 4, "lowerdir=/a");
	put_string(&mount, 2, "x");
	put_string(&mount, 4, "ro");
	put_text(&message, 3, text_since(&mount, 0));
	put_string(&message, 5, "/out");
	containerd = read_message(CONTAINERD_TO_RUN, &message, &specs);
	item = containerd_items(containerd);
	assert_int_equal(item->kind, CONTAINERD_MOUNT);
	assert_true(bytes_are(item->text, "overlay") && bytes_are(item->source, "x"));
	assert_true(bytes_are(item->options, "lowerdir=/a,ro"));
	assert_int_equal(item->next->kind, CONTAINERD_STREAM);
	assert_null(item->next->next);
	containerd_free(containerd);
}

/* What decides is missed with a word; of what only tells a part is enough. */
static void test_bounds(void **state)
{
	_cleanup_(text_free) struct text mount = {0}, mounts = {0}, words = {0}, specs = {0};
	struct containerd *containerd;

	put_string(&mount, 1, "bind");
	for (int i = 0; i < 129; i++) {
		put_text(&mounts, 3, text_since(&mount, 0));
		put_string(&words, 2, "word");
	}
	containerd = read_message(CONTAINERD_TO_RUN, &mounts, &specs);
	assert_string_equal(containerd_trouble(containerd), "it has more than is kept");
	containerd_free(containerd);
	containerd = read_message(CONTAINERD_FOR_EXEC, &words, &specs);
	assert_null(containerd_trouble(containerd));
	containerd_free(containerd);
	containerd = read_message(CONTAINERD_TO_CREATE,
				  &(struct text){.data = "\x0a\x02\xff", .size = 3}, &specs);
	assert_non_null(containerd_trouble(containerd));
	containerd_free(containerd);
	assert_null(containerd_new(CONTAINERD_NOTHING, take_spec, NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_specifications),
		cmocka_unit_test(test_mounts),
		cmocka_unit_test(test_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
