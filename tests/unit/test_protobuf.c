// SPDX-License-Identifier: Apache-2.0
#include "unit.h"

#include "base/protobuf.h"
#include "base/text.h"
#include "exact.h"

enum { ID_NAME = 1, ID_COUNT, ID_PAIR, ID_KEY, ID_VALUE };

static const struct protobuf_field pair[] = {{1, ID_KEY}, {2, ID_VALUE}, {3, ID_PAIR, pair}, {0}};
static const struct protobuf_field message[] = {
	{1, ID_NAME}, {2, ID_COUNT, NULL, true}, {7, ID_PAIR, pair}, {0}};

static void say_message(void *data, int id, bool ended)
{
	text_add_string(data, ended ? "}" : "{");
}

static void say_text(void *data, int id, struct bytes text, bool cut)
{
	text_add_number(data, (uint64_t)id);
	text_add_char(data, '=');
	if (text.size > 20)
		text_add_number(data, text.size);
	else
		text_add_bytes(data, text);
	text_add_string(data, cut ? "… " : " ");
}

static void say_number(void *data, int id, uint64_t number)
{
	text_add_number(data, (uint64_t)id);
	text_add_char(data, '#');
	text_add_number(data, number);
	text_add_char(data, ' ');
}

/* Reads DATA in pieces of PIECE bytes. What came of it, "!" where it failed, "?" where it is not complete. */
static struct text read_pieces(struct bytes data, size_t piece)
{
	struct text out = {0};
	struct protobuf_user user = {&out, say_message, say_text, say_number};
	struct protobuf *protobuf = malloc(sizeof(*protobuf));

	assert_non_null(protobuf);
	protobuf_init(protobuf, message, &user);
	while (data.size) {
		size_t size = data.size < piece ? data.size : piece;
		char *copy = exact_copy((const uint8_t *)data.data, size);

		protobuf_feed(protobuf, (struct bytes){copy, size});
		free(copy);
		data = bytes_from(data, size);
	}
	if (protobuf->failed)
		text_add_char(&out, '!');
	else if (!protobuf_is_complete(protobuf))
		text_add_char(&out, '?');
	text_add_char(&out, '\0');
	free(protobuf);
	return out;
}

static void expect(const char *data, size_t size, const char *wanted)
{
	for (size_t piece = 1; piece <= size + 1; piece++) {
		_cleanup_(text_free) struct text out =
			read_pieces((struct bytes){data, size}, piece);

		assert_string_equal(out.data, wanted);
	}
}

#define EXPECT(data, wanted) expect(data, sizeof(data) - 1, wanted)

static void test_values(void **state)
{
	EXPECT("", "");
	EXPECT("\x0a\3abc\x10\x96\1", "1=abc 2#150 ");
	EXPECT("\x0a\0", "1= ");
	EXPECT("\x10\xff\xff\xff\xff\xff\xff\xff\xff\xff\1", "2#18446744073709551615 ");
	EXPECT("\x3a\6\x0a\1k\x12\1v\x10\1", "{4=k 5=v }2#1 ");
	EXPECT("\x3a\0\x3a\2\x1a\0", "{}{{}}");
}

/* Others are skipped, whatever they are; so is one of another type. */
static void test_skipped(void **state)
{
	EXPECT("\x1a\4xxxx\x20\5\x29xxxxxxxx\x35xxxx\x0a\1y", "1=y ");
	EXPECT("\xfa\xff\xff\xff\x0f\1x\x0a\1y", "1=y ");
	EXPECT("\x08\1\x12\2xx\x39xxxxxxxx\x38\1\x0a\1y", "1=y ");
}

static void test_broken(void **state)
{
	EXPECT("\x0a", "?");
	EXPECT("\x0a\3ab", "?");
	EXPECT("\x10\x80", "?");
	EXPECT("\x3a\3\x0a\1", "{?");
	EXPECT("\x02\1", "!");		       /* a field 0 */
	EXPECT("\x0b\x0c", "!");	       /* a group */
	EXPECT("\x0f", "!");		       /* no type */
	EXPECT("\x80\x80\x80\x80\x10\1", "!"); /* a number that no field has */
	EXPECT("\x10\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\1", "!");
	EXPECT("\x3a\2\x0a\5hello", "{!"); /* beyond the message that it is in */
	EXPECT("\x3a\3\x1a\2x", "{!");
	EXPECT("\x3a\1\x80", "{?");
	EXPECT("\x3a\1\x80\1", "{!");
}

static void test_deep(void **state)
{
	char data[2 * PROTOBUF_DEPTH_MAX + 2] = "\x3a";
	size_t size = 2 * PROTOBUF_DEPTH_MAX;

	for (size_t i = 0; i < PROTOBUF_DEPTH_MAX; i++) {
		data[2 * i] = i ? 0x1a : 0x3a;
		data[2 * i + 1] = (char)(size - 2 * i - 2);
	}
	expect(data, size, "{{{{{{{{{!");
}

static void test_long_text(void **state)
{
	static char data[3 + PROTOBUF_TEXT_MAX + 1] = "\x0a\x81\x20"; /* 4097 */
	_cleanup_(text_free) struct text out = {0};

	memset(data + 3, 'x', PROTOBUF_TEXT_MAX + 1);
	out = read_pieces((struct bytes){data, sizeof(data)}, 1000);
	assert_string_equal(out.data, "1=4096… ");
	text_free(&out);
	data[1] = (char)0x80;
	out = read_pieces((struct bytes){data, sizeof(data) - 1}, 1000);
	assert_string_equal(out.data, "1=4096 ");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values),	  cmocka_unit_test(test_skipped),
		cmocka_unit_test(test_broken),	  cmocka_unit_test(test_deep),
		cmocka_unit_test(test_long_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
