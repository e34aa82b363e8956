// SPDX-License-Identifier: Apache-2.0
/* Heads of HTTP/2 that are odd. What is said in streams is test_tracker.c's. */
#include "framing.h"

static void read_head(const struct text *frames, struct http2_seen *ret)
{
	struct http2_reader *reader = http2_new(HTTP1_REQUEST, 0);
	size_t used, size;
	const char *body;

	assert_int_equal(http2_next(reader, HTTP2_PREFACE, HTTP2_PREFACE_SIZE, &used, &body, &size),
			 HTTP2_MORE);
	assert_int_equal(http2_next(reader, frames->data, frames->size, &used, &body, &size),
			 HTTP2_HEAD);
	*ret = *http2_seen(reader);
	http2_free(reader);
}

static unsigned int anomalies_of(const char *fields)
{
	static struct http2_seen seen;
	struct text frames = {0};
	nghttp2_hd_deflater *deflater;

	nghttp2_hd_deflate_new(&deflater, 4096);
	put_headers(&frames, deflater, 1, fields, true);
	read_head(&frames, &seen);
	nghttp2_hd_deflate_del(deflater);
	text_free(&frames);
	assert_int_equal(seen.kind, HTTP2_MESSAGE);
	assert_true(seen.end_stream);
	return seen.head.anomalies;
}

#define HEAD ":method GET\n:scheme http\n:path /a\n"

static void test_anomalies(void **state)
{
	assert_int_equal(anomalies_of(HEAD "content-length 0\n"), 0);
	assert_true(anomalies_of(HEAD ":path /b\n") & HTTP1_ANOMALY_DUPLICATE_HEADER);
	assert_true(anomalies_of("a b\n" HEAD) & HTTP1_ANOMALY_DISPUTED);
	assert_true(anomalies_of(HEAD ":unknown a\n") & HTTP1_ANOMALY_DISPUTED);
	assert_true(anomalies_of(HEAD "Accept a\n") & HTTP1_ANOMALY_DISPUTED);
	assert_true(anomalies_of(":method GET\n") & HTTP1_ANOMALY_DISPUTED);
	assert_true(anomalies_of(HEAD "content-length 1\ncontent-length 2\n") &
		    HTTP1_ANOMALY_DUPLICATE_LENGTH);
	assert_true(anomalies_of(HEAD "content-length -1\n") & HTTP1_ANOMALY_DUPLICATE_LENGTH);
	assert_true(anomalies_of(":method BREW\n:path /a\n") & HTTP1_ANOMALY_UNKNOWN_METHOD);
	assert_true(anomalies_of(":method GET\n:path a\n") & HTTP1_ANOMALY_ABSOLUTE_TARGET);
	assert_true(anomalies_of(":method GET\n:path /\177\n") & HTTP1_ANOMALY_CONTROL_BYTES);
}

/* Attacker: a block of some KiB that names a field of 4000 bytes 12000 times. */
static void test_bomb(void **state)
{
	static struct http2_seen seen;
	static char name[3900], references[12000];
	struct text block = {0}, frames = {0};

	memset(name, 'n', sizeof(name));
	memset(references, 0xbe, sizeof(references)); /* the newest field of the table */
	text_add(&block, "\x82\x84", 2);	      /* GET / */
	text_add(&block, "\x40\x7f\xbd\x1d", 4);      /* a new field, whose name has 3900 bytes */
	text_add(&block, name, sizeof(name));
	text_add(&block, "\0", 1);
	text_add(&block, references, sizeof(references));
	put_frame(&frames, NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS, 1, block.data, block.size);
	read_head(&frames, &seen);
	assert_memory_equal(seen.target, "/", seen.head.target_size);
	assert_int_equal(seen.head.anomalies, HTTP1_ANOMALY_OVERSIZED);
	text_free(&block);
	text_free(&frames);
}

static void test_looks_like_frames(void **state)
{
	static const char settings[] = "\0\0\0\4\0\0\0\0\0", ping[] = "\0\0\10\6\0\0\0\0\0";

	assert_true(http2_looks_like_frames(HTTP1_REQUEST, settings, 9));
	assert_true(
		http2_looks_like_frames(HTTP1_REQUEST, ping, 9)); /* its payload is read later */
	assert_false(http2_looks_like_frames(HTTP1_REQUEST, settings, 8));
	assert_false(http2_looks_like_frames(HTTP1_REQUEST, "GET / HTTP/1.1\r\n", 16));
	assert_false(http2_looks_like_frames(HTTP1_REQUEST, "\0\0\0\1\0\0\0\0\2",
					     9)); /* no stream of a client */
	assert_false(http2_looks_like_frames(HTTP1_REQUEST, "\0\0\0\0\0\0\0\0\0", 9));
}

static void test_looks_like_frames_of_a_server(void **state)
{
	static const struct {
		const char *data;
		bool frames;
	} cases[] = {
		{"\0\0\0\4\1\0\0\0\0", true},
		{"\0\0\5\1\4\0\0\0\1", true},
		{"\0\0\5\0\0\0\0\0\1", true},
		{"\0\0\0\0\1\0\0\0\1", true},
		{"\0\0\0\4\2\0\0\0\0", false}, /* no flag of theirs */
		{"\0\0\5\0\4\0\0\0\1", false},
		/* Before a piece of a container's output; its first byte is 'a'. */
		{"\0\0\0\0\0\0\0\5a", false},
		{"\1\0\0\0\0\0\0\5a", false},
		{"\2\0\0\0\0\0\0\5a", false},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		assert_int_equal(http2_looks_like_frames(HTTP1_RESPONSE, cases[i].data, 9),
				 cases[i].frames);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_anomalies),
		cmocka_unit_test(test_bomb),
		cmocka_unit_test(test_looks_like_frames),
		cmocka_unit_test(test_looks_like_frames_of_a_server),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
