// SPDX-License-Identifier: Apache-2.0
#include "unit.h"

#include "base/text.h"
#include "http/grpc.h"

static void test_media_types(void **state)
{
	assert_true(grpc_is("application/grpc"));
	assert_true(grpc_is("application/grpc+proto"));
	assert_true(grpc_is("Application/GRPC;x"));
	assert_false(grpc_is("application/grpc-web"));
	assert_false(grpc_is("application/json"));
	assert_false(grpc_is(""));
}

static void expect_split(const char *path, const char *service, const char *method)
{
	struct bytes got_service, got_method;

	grpc_split(bytes_of(path), &got_service, &got_method);
	assert_true(bytes_are(got_service, service));
	assert_true(bytes_are(got_method, method));
}

static void test_split(void **state)
{
	expect_split("/a.b.C/D", "a.b.C", "D");
	expect_split("a.b.C/D", "a.b.C", "D");
	expect_split("//a/b/C", "/a/b", "C");
	expect_split("/a/B?c/d", "a", "B");
	expect_split("/a", "a", "");
	expect_split("/", "", "");
	expect_split("", "", "");
}

static void test_statuses(void **state)
{
	assert_string_equal(grpc_status_name(0), "OK");
	assert_string_equal(grpc_status_name(7), "PERMISSION_DENIED");
	assert_string_equal(grpc_status_name(16), "UNAUTHENTICATED");
	assert_null(grpc_status_name(17));
	assert_null(grpc_status_name(GRPC_UNKNOWN));
	assert_int_equal(grpc_status_http(0), 200);
	assert_int_equal(grpc_status_http(GRPC_UNIMPLEMENTED), 501);
	assert_int_equal(grpc_status_http(99), 500);
}

/* What comes of DATA in pieces of SIZE bytes: "<" a message, its bytes, ">" its end. */
static void read_messages(const char *data, size_t size, size_t piece, struct text *out)
{
	struct grpc_messages messages = {0};

	for (size_t at = 0; at < size; at += piece) {
		struct bytes rest = {data + at, size - at < piece ? size - at : piece}, part;
		enum grpc_step step;

		while ((step = grpc_next(&messages, &rest, &part)) != GRPC_MORE) {
			if (step == GRPC_PIECE)
				text_add_bytes(out, part);
			else
				text_add_string(out, step == GRPC_END	   ? ">"
						     : messages.compressed ? "<!"
									   : "<");
		}
		assert_int_equal(rest.size, 0);
	}
}

static void test_messages(void **state)
{
	static const char data[] = "\0\0\0\0\3abc\0\0\0\0\0\1\0\0\0\2xy\0\0\0\1\0z";

	for (size_t piece = 1; piece < sizeof(data); piece++) {
		_cleanup_(text_free) struct text out = {0};

		read_messages(data, sizeof(data) - 1, piece, &out);
		text_add_char(&out, '\0');
		assert_string_equal(out.data, "<abc><><!xy><z");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_media_types),
		cmocka_unit_test(test_split),
		cmocka_unit_test(test_statuses),
		cmocka_unit_test(test_messages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
