/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every case is one input and what the parser is to say of it, as one line of text. It is read
 * whole, byte by byte, and split in two at every position; each piece ends right before a page that
 * cannot be read.
 */
#include "transcript.h"

#include "base/text.h"
#include "http/http1.h"

#define SPLIT_MAX 3000 /* larger inputs are split at fewer positions */

static bool in_body; /* what was told last is of a body */

static void say_bytes(struct transcript *transcript, const char *data, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		if (data[i] == '\r')
			say(transcript, "\\r");
		else if (data[i] == '\n')
			say(transcript, "\\n");
		else if (data[i] < ' ' || data[i] > '~')
			say(transcript, "\\%02x", (unsigned char)data[i]);
		else
			say(transcript, "%c", data[i]);
	}
}

static void say_anomalies(struct transcript *transcript, unsigned int anomalies)
{
	static const char *const names[] = {
		"bare-lf",	    "folded",	      "length-and-chunked", "duplicate-length",
		"duplicate-header", "unknown-method", "absolute",	    "extension",
		"trailer",	    "control",	      "oversized",	    "disputed",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (anomalies & (1U << i))
			say(transcript, "+%s", names[i]);
	assert_int_equal(anomalies >> (sizeof(names) / sizeof(*names)), 0);
}

static void say_head(struct transcript *transcript, const struct http1_parser *parser)
{
	static const char *const framings[] = {"none", "length", "chunked", "until-close"};
	const struct http1_head *head = &parser->head;

	if (parser->role == HTTP1_REQUEST) {
		say(transcript, "%s ", head->method);
		say_bytes(transcript, parser->target,
			  head->target_size < 40 ? head->target_size : 40);
	} else {
		say(transcript, "%d", head->status);
	}
	say(transcript, " 1.%d %s", head->version_minor, framings[head->framing]);
	if (head->has_content_length)
		say(transcript, " %llu", (unsigned long long)head->content_length);
	say(transcript, "%s%s%s%s%s", head->chunked ? " chunked" : "", head->close ? " close" : "",
	    head->upgrade ? " upgrade" : "", head->expect_continue ? " continue" : "",
	    head->target_truncated ? " cut" : "");
	if (*head->content_type)
		say(transcript, " type=%.60s", head->content_type);
	if (*head->user_agent)
		say(transcript, " agent=%.60s", head->user_agent);
	say(transcript, "; ");
}

static void say_step(struct transcript *transcript, const struct http1_parser *parser,
		     enum http1_step step, const char *body, size_t body_size)
{
	if (step == HTTP1_BODY) {
		if (!in_body)
			say(transcript, "body ");
		in_body = true;
		assert_true(body_size > 0);
		say_bytes(transcript, body, body_size);
		return;
	}
	if (step == HTTP1_MORE)
		return;
	if (in_body)
		say(transcript, "; ");
	in_body = false;
	if (step == HTTP1_HEAD) {
		say_head(transcript, parser);
		return;
	}
	if (step == HTTP1_ERROR) {
		say(transcript, "error %s; ", parser->error);
		return;
	}
	say(transcript, "end");
	say_anomalies(transcript, parser->head.anomalies);
	say(transcript, "; ");
}

/* Feeds one piece; false after an error. METHOD: what responses are to. */
static bool feed(struct http1_parser *parser, struct transcript *transcript, enum method method,
		 const char *piece, size_t size)
{
	char *data = guarded_piece(piece, size);
	size_t used, body_size, at = 0;
	enum http1_step step;
	const char *body;

	do {
		step = http1_next(parser, data + at, size - at, &used, &body, &body_size);
		assert_true(used <= size - at);
		if (step == HTTP1_BODY)
			assert_true(body >= data + at && body + body_size == data + at + used);
		at += used;
		say_step(transcript, parser, step, body, body_size);
		if (step == HTTP1_HEAD && method)
			http1_response_to(parser, method);
	} while (step != HTTP1_MORE && step != HTTP1_ERROR);
	if (step == HTTP1_ERROR) {
		assert_int_equal(http1_next(parser, data, size, &used, &body, &body_size),
				 HTTP1_ERROR);
		assert_int_equal(used, 0);
	} else {
		assert_int_equal(at, size);
	}
	return step == HTTP1_MORE;
}

static void finish(struct http1_parser *parser, struct transcript *transcript)
{
	bool end, in_message = http1_in_message(parser);
	int r = http1_finish(parser, &end);

	if (in_body)
		say(transcript, "; ");
	in_body = false;
	if (!r)
		assert_true(!http1_in_message(parser));
	say(transcript, r == -EPIPE ? "broken" : end ? "closed" : "idle");
	if (!in_message)
		assert_true(!r && !end);
}

/* Reads INPUT in pieces of PIECE bytes, the first one of FIRST. */
static void read_pieces(struct transcript *transcript, enum http1_role role, enum method method,
			const char *input, size_t size, size_t first, size_t piece)
{
	static struct http1_parser parser;
	size_t at = 0;

	memset(&parser, 0xa5, sizeof(parser));
	transcript_begin(transcript);
	in_body = false;
	http1_init(&parser, role);
	assert_false(http1_in_message(&parser));
	while (at < size) {
		size_t now = at ? piece : first;

		if (now > size - at)
			now = size - at;
		if (!feed(&parser, transcript, method, input + at, now))
			return;
		at += now;
	}
	finish(&parser, transcript);
}

static void check(enum http1_role role, enum method method, const char *input, size_t size,
		  const char *expected)
{
	static struct transcript transcript;
	size_t stride = size > SPLIT_MAX ? size / 50 : 1;

	read_pieces(&transcript, role, method, input, size, size, 1);
	if (strcmp(transcript.text, expected))
		print_error("of \"%.200s\"\n", input);
	assert_string_equal(transcript.text, expected);
	read_pieces(&transcript, role, method, input, size, 1, 1);
	assert_string_equal(transcript.text, expected);
	read_pieces(&transcript, role, method, input, size, 7, 4096);
	assert_string_equal(transcript.text, expected);
	for (size_t at = 1; at < size; at += stride) {
		read_pieces(&transcript, role, method, input, size, at, size);
		assert_string_equal(transcript.text, expected);
	}
}

struct example {
	const char *input, *expected;
};

#define H "Host: h\r\n"
#define TE H "Transfer-Encoding: chunked\r\n"

static void check_all(enum http1_role role, enum method method, const struct example *examples,
		      size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct example *example = &examples[i];

		check(role, method, example->input, strlen(example->input), example->expected);
	}
}

#define CHECK_ALL(role, method, examples)                                                          \
	check_all(role, method, examples, sizeof(examples) / sizeof(*(examples)))

static const struct example request_lines[] = {
	{"GET /_ping HTTP/1.1\r\n" H "\r\n", "GET /_ping 1.1 none; end; idle"},
	{"get /_ping HTTP/1.1\r\n" H "\r\n", "get /_ping 1.1 none; end+unknown-method; idle"},
	{"!#$%&'*+-.^_`|~09aZ / HTTP/1.1\r\n" H "\r\n",
	 "!#$%&'*+-.^_`|~09aZ / 1.1 none; end+unknown-method; idle"},
	{"M2345678901234567890123456789012345 / HTTP/1.1\r\n" H "\r\n",
	 "M234567890123456789012345678901 / 1.1 none; end+unknown-method; idle"},
	{"GET /a?b=%zz#c HTTP/1.1\r\n" H "\r\n", "GET /a?b=%zz#c 1.1 none; end; idle"},
	{"GET /%41%7f HTTP/1.1\r\n" H "\r\n", "GET /%41%7f 1.1 none; end; idle"},
	{"GET //x/../y HTTP/1.1\r\n" H "\r\n", "GET //x/../y 1.1 none; end; idle"},
	{"GET /\xff HTTP/1.1\r\n" H "\r\n", "GET /\\ff 1.1 none; end+control; idle"},
	{"GET http://h/x HTTP/1.1\r\n" H "\r\n", "GET http://h/x 1.1 none; end+absolute; idle"},
	{"GET a1+-.:/x?%z HTTP/1.1\r\n" H "\r\n", "GET a1+-.:/x?%z 1.1 none; end+absolute; idle"},
	{"GET x:opaque%zz HTTP/1.1\r\n" H "\r\n", "GET x:opaque%zz 1.1 none; end+absolute; idle"},
	{"GET x:?%zz HTTP/1.1\r\n" H "\r\n", "GET x:?%zz 1.1 none; end+absolute; idle"},
	{"GET x://h?%zz HTTP/1.1\r\n" H "\r\n", "GET x://h?%zz 1.1 none; end+absolute; idle"},
	{"OPTIONS * HTTP/1.1\r\n" H "\r\n", "OPTIONS * 1.1 none; end; idle"},
	{"CONNECT h:1 HTTP/1.1\r\n\r\n", "CONNECT h:1 1.1 none; end+absolute; idle"},
	{"CONNECT  HTTP/1.1\r\n\r\n", "CONNECT  1.1 none; end; idle"},
	{"CONNECT /x HTTP/1.1\r\n\r\n", "CONNECT /x 1.1 none; end; idle"},
	{"GET / HTTP/1.0\r\n\r\n", "GET / 1.0 none close; end; idle"},
	{"GET / HTTP/1.9\r\n" H "\r\n", "GET / 1.9 none; end; idle"},
	{"GET / HTTP/+01.01\r\n" H "\r\n", "GET / 1.1 none; end+disputed; idle"},
	{"GET / HTTP/1.-0\r\n\r\n", "GET / 1.0 none close; end+disputed; idle"},
	{"GET / HTTP/1.-1\r\n\r\n", "error malformed HTTP version; "},
	{"GET / HTTP/1.+\r\n\r\n", "error malformed HTTP version; "},
	{"GET / HTTP/1.+-1\r\n\r\n", "error malformed HTTP version; "},
	{"GET / HTTP/1+.1\r\n\r\n", "error malformed HTTP version; "},
	{"GET / HTTP/1.1000001\r\n" H "\r\n", "error malformed HTTP version; "},
	{"GET / HTTP/2.0\r\n" H "\r\n", "error unsupported HTTP version; "},
	{"GET / HTTP/0.9\r\n" H "\r\n", "error unsupported HTTP version; "},
	{"GET / HTTP/1.1 \r\n" H "\r\n", "error malformed HTTP version; "},
	{"GET / HTTP/1.1\r\r\n" H "\r\n", "error malformed HTTP version; "},
	{"GET / http/1.1\r\n" H "\r\n", "error malformed HTTP version; "},
	{"GET / HTTP/1.\r\n" H "\r\n", "error malformed HTTP version; "},
	{"GET / HTTP/1\r\n" H "\r\n", "error malformed HTTP version; "},
	{"GET / HTTP/1.1.1\r\n" H "\r\n", "error malformed HTTP version; "},
	{"GET / \r\n" H "\r\n", "error malformed HTTP version; "},
	{"GET /\r\n" H "\r\n", "error malformed request target; "},
	{"GET  / HTTP/1.1\r\n" H "\r\n", "error malformed request target; "},
	{"GET x HTTP/1.1\r\n" H "\r\n", "error malformed request target; "},
	{"GET :x HTTP/1.1\r\n" H "\r\n", "error malformed request target; "},
	{"GET 1x:/y HTTP/1.1\r\n" H "\r\n", "error malformed request target; "},
	{"GET *x HTTP/1.1\r\n" H "\r\n", "error malformed request target; "},
	{"GET ?x HTTP/1.1\r\n" H "\r\n", "error malformed request target; "},
	{"GET /%4 HTTP/1.1\r\n" H "\r\n", "error malformed request target; "},
	{"GET /%4g HTTP/1.1\r\n" H "\r\n", "error malformed request target; "},
	{"GET x://h/%zz HTTP/1.1\r\n" H "\r\n", "error malformed request target; "},
	{"GET /\t HTTP/1.1\r\n" H "\r\n", "error malformed request target; "},
	{"GET /\x7f HTTP/1.1\r\n" H "\r\n", "error malformed request target; "},
	{" GET / HTTP/1.1\r\n" H "\r\n", "error malformed request line; "},
	{"\r\nGET / HTTP/1.1\r\n" H "\r\n", "error malformed request line; "},
	{"GET\t/ HTTP/1.1\r\n" H "\r\n", "error malformed request line; "},
	{"G\x80T / HTTP/1.1\r\n" H "\r\n", "error malformed request line; "},
	{"\x16\x03\x01", "error malformed request line; "},
	{"GET\r\n", "error malformed request line; "},
	{"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "error HTTP/2 preface; "},
	{"PRI /x HTTP/2.0\r\n\r\nSM\r\n\r\n", "error unsupported HTTP version; "},
	{"GET / HTTP/1.1", "broken"},
	{"G", "broken"},
	{"", "idle"},
};

static void test_request_lines(void **state)
{
	CHECK_ALL(HTTP1_REQUEST, METHOD_NONE, request_lines);
}

static void test_nul_bytes(void **state)
{
	const char target[] = "GET /\0 HTTP/1.1\r\n" H "\r\n";
	const char name[] = "GET / HTTP/1.1\r\n" H "X\0: a\r\n\r\n";
	const char value[] = "GET / HTTP/1.1\r\n" H "X: a\0\r\n\r\n";

	check(HTTP1_REQUEST, METHOD_NONE, target, sizeof(target) - 1,
	      "error malformed request target; ");
	check(HTTP1_REQUEST, METHOD_NONE, name, sizeof(name) - 1, "error malformed header line; ");
	check(HTTP1_REQUEST, METHOD_NONE, value, sizeof(value) - 1,
	      "error control byte in a header value; ");
}

static const struct example header_lines[] = {
	{"GET / HTTP/1.1\nHost: h\n\n", "GET / 1.1 none; end+bare-lf; idle"},
	{"GET / HTTP/1.1\r\nhOST:h\r\nCONNECTION:\tx , Close\t\r\n\r\n",
	 "GET / 1.1 none close; end; idle"},
	{"GET / HTTP/1.1\r\nHost:\r\n\r\n", "GET / 1.1 none; end; idle"},
	{"GET / HTTP/1.1\r\nHost:\r\n h\r\n\r\n", "GET / 1.1 none; end+folded; idle"},
	{"GET / HTTP/1.1\r\nHost:\r\n \t\r\n\th\r\n\r\n", "GET / 1.1 none; end+folded; idle"},
	{"GET / HTTP/1.1\r\nHost: h\r\n \r\n\r\n", "error malformed Host header; "},
	{"GET / HTTP/1.1\r\nHost: h\r\n i\r\n\r\n", "error malformed Host header; "},
	{"GET / HTTP/1.1\r\nHost: [::1%25]:80\r\n\r\n", "GET / 1.1 none; end; idle"},
	{"GET / HTTP/1.1\r\nHost: h/\r\n\r\n", "error malformed Host header; "},
	{"GET / HTTP/1.1\r\nHost: h\xc3\r\n\r\n", "error malformed Host header; "},
	{"GET / HTTP/1.1\r\nHost: h\r\nHost: h\r\n\r\n", "error repeated Host header; "},
	{"GET / HTTP/1.1\r\n\r\n", "error missing Host header; "},
	{"GET / HTTP/1.1\r\n Host: h\r\n\r\n", "error malformed header line; "},
	{"GET / HTTP/1.1\r\n" H "X\r\n\r\n", "error malformed header line; "},
	{"GET / HTTP/1.1\r\n" H "X\r\n : y\r\n\r\n", "error malformed header line; "},
	{"GET / HTTP/1.1\r\n" H "X : y\r\n\r\n", "error malformed header line; "},
	{"GET / HTTP/1.1\r\n" H "X\r: y\r\n\r\n", "error malformed header line; "},
	{"GET / HTTP/1.1\r\n" H "\rX: y\r\n\r\n", "error malformed header line; "},
	{"GET / HTTP/1.1\r\n" H "\xffX: y\r\n\r\n", "error malformed header line; "},
	{"GET / HTTP/1.1\r\n" H ": y\r\n\r\n", "GET / 1.1 none; end+disputed; idle"},
	{"GET / HTTP/1.1\r\n" H ": \x01\r\n\r\n", "GET / 1.1 none; end+control+disputed; idle"},
	{"GET / HTTP/1.1\r\n" H "X: a\tb \xff\r\n\r\n", "GET / 1.1 none; end; idle"},
	{"GET / HTTP/1.1\r\n" H "X: a\x0b\r\n\r\n", "error control byte in a header value; "},
	{"GET / HTTP/1.1\r\n" H "X: a\x7f\r\n\r\n", "error control byte in a header value; "},
	{"GET / HTTP/1.1\r\n" H "X: a\r\r\n\r\n", "error control byte in a header value; "},
	{"GET / HTTP/1.1\r\n" H "X: a\rb\r\n\r\n", "error control byte in a header value; "},
	{"GET / HTTP/1.1\r\n" H "User-Agent:  a  b\t\r\n \r\n\t c \r\nContent-Type: t\r\n\r\n",
	 "GET / 1.1 none type=t agent=a  b  c; end+folded; idle"},
	{"GET / HTTP/1.1\r\n" H
	 "User-Agent: a\r\nUser-Agent: b\r\nContent-Type:\r\nContent-Type: t\r\n\r\n",
	 "GET / 1.1 none agent=a; end+duplicate-header; idle"},
	{"GET / HTTP/1.1\r\n" H "Connection: close x\r\n\r\n", "GET / 1.1 none close; end; idle"},
	{"GET / HTTP/1.1\r\n" H "Connection: x\r\nConnection: close x\r\n\r\n",
	 "GET / 1.1 none; end; idle"},
	{"GET / HTTP/1.1\r\n" H "Connection: x\r\nConnection: y,\tclose ,\r\n\r\n",
	 "GET / 1.1 none close; end; idle"},
	{"GET / HTTP/1.1\r\n" H "Connection: closed\r\n\r\n", "GET / 1.1 none; end; idle"},
	{"GET / HTTP/1.1\r\n" H "Connection: \"close\"\r\n\r\n", "GET / 1.1 none; end; idle"},
	{"GET / HTTP/1.0\r\nConnection: x Keep-Alive\r\n\r\n", "GET / 1.0 none; end; idle"},
	{"GET / HTTP/1.0\r\nConnection: close, keep-alive\r\n\r\n", "GET / 1.0 none; end; idle"},
	{"GET / HTTP/1.0\r\nConnection: x\r\nConnection: keep-alive\r\n\r\n",
	 "GET / 1.0 none close; end; idle"},
	{"POST / HTTP/1.1\r\n" H "Connection: Upgrade\r\nUpgrade: tcp\r\n\r\n",
	 "POST / 1.1 none upgrade; end; idle"},
	{"POST / HTTP/1.1\r\n" H "Upgrade: tcp\r\n\r\n", "POST / 1.1 none; end; idle"},
	{"POST / HTTP/1.1\r\n" H "Expect: x,100-Continue\r\nContent-Length: 1\r\n\r\na",
	 "POST / 1.1 length 1 continue; body a; end; idle"},
	{"POST / HTTP/1.0\r\nExpect: 100-continue\r\n\r\n", "POST / 1.0 none close; end; idle"},
	{"POST / HTTP/1.1\r\n" H "Expect: 100-continues\r\n\r\n",
	 "error unsupported expectation; "},
	{"POST / HTTP/1.1\r\n" H "Expect:\r\nExpect: x\r\n\r\n",
	 "POST / 1.1 none; end+duplicate-header; idle"},
	{"GET / HTTP/1.1\r\n" H "\r", "broken"},
};

static void test_header_lines(void **state)
{
	CHECK_ALL(HTTP1_REQUEST, METHOD_NONE, header_lines);
}

static const struct example lengths[] = {
	{"POST / HTTP/1.1\r\n" H "Content-Length: 3\r\n\r\nabc",
	 "POST / 1.1 length 3; body abc; end; idle"},
	{"POST / HTTP/1.1\r\n" H "Content-Length: 0\r\n\r\n", "POST / 1.1 length 0; end; idle"},
	{"POST / HTTP/1.1\r\n" H "Content-Length: 3\r\n\r\nab",
	 "POST / 1.1 length 3; body ab; broken"},
	{"POST / HTTP/1.1\r\n" H "Content-Length: 03\r\n\r\nabc",
	 "POST / 1.1 length 3; body abc; end; idle"},
	{"POST / HTTP/1.1\r\n" H "Content-Length:\r\n 3\r\n \r\n\r\nabc",
	 "POST / 1.1 length 3; body abc; end+folded; idle"},
	{"POST / HTTP/1.1\r\n" H "Content-Length: 3\r\n 4\r\n\r\nabc",
	 "error malformed Content-Length; "},
	{"POST / HTTP/1.1\r\n" H "Content-Length: +3\r\n\r\nabc",
	 "error malformed Content-Length; "},
	{"POST / HTTP/1.1\r\n" H "Content-Length: -3\r\n\r\nabc",
	 "error malformed Content-Length; "},
	{"POST / HTTP/1.1\r\n" H "Content-Length: 3,3\r\n\r\nabc",
	 "error malformed Content-Length; "},
	{"POST / HTTP/1.1\r\n" H "Content-Length: 3 3\r\n\r\nabc",
	 "error malformed Content-Length; "},
	{"POST / HTTP/1.1\r\n" H "Content-Length: 0x3\r\n\r\nabc",
	 "error malformed Content-Length; "},
	{"POST / HTTP/1.1\r\n" H "Content-Length: 9223372036854775807\r\n\r\nabc",
	 "POST / 1.1 length 9223372036854775807; body abc; broken"},
	{"POST / HTTP/1.1\r\n" H "Content-Length: 9223372036854775808\r\n\r\nabc",
	 "error malformed Content-Length; "},
	{"POST / HTTP/1.1\r\n" H "Content-Length: 18446744073709551619\r\n\r\nabc",
	 "error malformed Content-Length; "},
	{"POST / HTTP/1.1\r\n" H "Content-Length: 3\r\nContent-Length:3 \r\n\r\nabc",
	 "POST / 1.1 length 3; body abc; end+duplicate-length; idle"},
	{"POST / HTTP/1.1\r\n" H "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabc",
	 "error contradicting Content-Length headers; "},
	{"POST / HTTP/1.1\r\n" H "Content-Length: 3\r\nContent-Length: 03\r\n\r\nabc",
	 "error contradicting Content-Length headers; "},
	{"POST / HTTP/1.1\r\n" H "Content-Length: 3\r\nContent-Length:\r\n\r\nabc",
	 "error contradicting Content-Length headers; "},
	{"POST / HTTP/1.1\r\n" H "Content-Length:\r\n\r\n", "POST / 1.1 none; end+disputed; idle"},
	{"POST / HTTP/1.1\r\n" H "Content-Length: \r\r\n\r\n",
	 "POST / 1.1 none; end+control+disputed; idle"},
	{"POST / HTTP/1.1\r\n" H "Content-Length: 3\r\r\n\r\nabc",
	 "error control byte in a header value; "},
	{"POST / HTTP/1.1\r\n" H "Content-Length: 3\r\r\nContent-Length: 3\r\n\r\nabc",
	 "POST / 1.1 length 3; body abc; end+duplicate-length+control+disputed; idle"},
	{"POST / HTTP/1.1\r\n" H
	 "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n",
	 "POST / 1.1 chunked 3 chunked; body a; end+length-and-chunked; idle"},
	{"POST / HTTP/1.1\r\n" TE "Content-Length: 1\r\nContent-Length: 2\r\n\r\n0\r\n\r\n",
	 "POST / 1.1 chunked 1 chunked; end+length-and-chunked+duplicate-length+disputed; idle"},
	{"POST / HTTP/1.1\r\n" TE "Content-Length: x\x01\r\nContent-Length: 3\r\n\r\n0\r\n\r\n",
	 "POST / 1.1 chunked chunked; end+length-and-chunked+duplicate-length+control+disputed; "
	 "idle"},
	{"POST / HTTP/1.0\r\nContent-Length: 1\r\nTransfer-Encoding: \x01chunked\r\n\r\na",
	 "POST / 1.0 length 1 close; body a; end+length-and-chunked+control+disputed; idle"},
	{"POST / HTTP/1.0\r\nTransfer-Encoding: a\r\nTransfer-Encoding: b\r\n\r\n",
	 "POST / 1.0 none close; end+duplicate-header+disputed; idle"},
};

static void test_lengths(void **state)
{
	CHECK_ALL(HTTP1_REQUEST, METHOD_NONE, lengths);
}

static const struct example encodings[] = {
	{"POST / HTTP/1.1\r\n" H "tRANSFER-eNCODING:\tCHUNKED \r\n\r\n0\r\n\r\n",
	 "POST / 1.1 chunked chunked; end; idle"},
	{"POST / HTTP/1.1\r\n" H "Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n",
	 "POST / 1.1 chunked chunked; end+folded; idle"},
	{"POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n \r\n\r\n0\r\n\r\n",
	 "POST / 1.1 chunked chunked; end+folded+disputed; idle"},
	{"POST / HTTP/1.1\r\n" H "Transfer-Encoding: \rchunked\r\n\r\n0\r\n\r\n",
	 "POST / 1.1 chunked chunked; end+control+disputed; idle"},
	{"POST / HTTP/1.1\r\n" H "Transfer-Encoding: chun\xe2\x84\xaa"
	 "ed\r\n\r\n0\r\n\r\n",
	 "POST / 1.1 chunked chunked; end+disputed; idle"},
	{"POST / HTTP/1.1\r\n" H "Transfer-Encoding:\r\n\r\n",
	 "error unsupported transfer encoding; "},
	{"POST / HTTP/1.1\r\n" H "Transfer-Encoding: identity\r\n\r\n",
	 "error unsupported transfer encoding; "},
	{"POST / HTTP/1.1\r\n" H "Transfer-Encoding: gzip, chunked\r\n\r\n",
	 "error unsupported transfer encoding; "},
	{"POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked,\r\n\r\n",
	 "error unsupported transfer encoding; "},
	{"POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunkedd\r\n\r\n",
	 "error unsupported transfer encoding; "},
	{"POST / HTTP/1.1\r\n" H "Transfer-Encoding: chu nked\r\n\r\n",
	 "error unsupported transfer encoding; "},
	{"POST / HTTP/1.1\r\n" H "Transfer-Encoding: \x0b"
	 "chunked\r\n\r\n",
	 "error unsupported transfer encoding; "},
	{"POST / HTTP/1.1\r\n" TE "Transfer-Encoding: chunked\r\n\r\n",
	 "error unsupported transfer encoding; "},
	{"POST / HTTP/1.1\r\n" TE "Trailer: x , Content-length\r\n\r\n",
	 "error forbidden trailer name; "},
	{"POST / HTTP/1.1\r\n" TE "Trailer: Transfer-Encoding\r\n\r\n",
	 "error forbidden trailer name; "},
	{"POST / HTTP/1.1\r\n" TE "Trailer: trailer\r\n\r\n", "error forbidden trailer name; "},
	{"POST / HTTP/1.1\r\n" TE "Trailer: trailers, x\x01\r\n\r\n0\r\n\r\n",
	 "POST / 1.1 chunked chunked; end+control+disputed; idle"},
	{"POST / HTTP/1.1\r\n" H "Trailer: trailer\r\n\r\n", "POST / 1.1 none; end; idle"},
	{"POST / HTTP/1.1\r\n" H "Trailer: x\x01\r\n\r\n",
	 "error control byte in a header value; "},
};

static void test_encodings(void **state)
{
	CHECK_ALL(HTTP1_REQUEST, METHOD_NONE, encodings);
}

#define CHUNKED_HEAD "POST / HTTP/1.1\r\n" TE "\r\n"
#define CHUNKED "POST / 1.1 chunked chunked; "

static const struct example chunks[] = {
	{CHUNKED_HEAD "3\r\na\r\n\r\n0B\r\n0123456789a\r\n000\r\n\r\n",
	 CHUNKED "body a\\r\\n0123456789a; end; idle"},
	{CHUNKED_HEAD "1;x=\"\r\"\r\na\r\n0;y\r\n\r\n",
	 CHUNKED "body a; end+extension+disputed; idle"},
	{CHUNKED_HEAD "1;x\r\na\r\n0;y\r\n\r\n", CHUNKED "body a; end+extension; idle"},
	{CHUNKED_HEAD "1;x\na\r\n0\r\n\r\n",
	 CHUNKED "body a; end+bare-lf+extension+disputed; idle"},
	{CHUNKED_HEAD "1\t \r\na\r\n0\r\n\r\n", CHUNKED "body a; end+disputed; idle"},
	{CHUNKED_HEAD "1\r\r\na\r\n0\r\n\r\n", CHUNKED "body a; end+disputed; idle"},
	{CHUNKED_HEAD "1\na\r\n0\n\r\n", CHUNKED "body a; end+bare-lf+disputed; idle"},
	{CHUNKED_HEAD "1\r\na\r\n\r\n\r\n", CHUNKED "body a; end+disputed; idle"},
	{CHUNKED_HEAD ";x\r\n\r\n", CHUNKED "end+extension+disputed; idle"},
	{CHUNKED_HEAD "0\r\nX: y\r\n\r\n", CHUNKED "end+trailer; idle"},
	{CHUNKED_HEAD "0\r\nContent-Length: 5\r\nTransfer-Encoding: x\r\n a\r\n\r\n",
	 CHUNKED "end+folded+trailer; idle"},
	{CHUNKED_HEAD "0\r\nX y: \x01\r\n\r\n", CHUNKED "end+trailer+control+disputed; idle"},
	{CHUNKED_HEAD "0\r\n\rX: y\r\n\r\n", CHUNKED "end+trailer+disputed; idle"},
	{CHUNKED_HEAD "0\r\n\n", CHUNKED "end+bare-lf+disputed; idle"},
	{CHUNKED_HEAD "0\r\nX: y\n\r\n", CHUNKED "end+bare-lf+trailer+disputed; idle"},
	{CHUNKED_HEAD "0\r\n X: y\r\n\r\n", CHUNKED "error malformed header line; "},
	{CHUNKED_HEAD "0\r\nX\r\n\r\n", CHUNKED "error malformed header line; "},
	{CHUNKED_HEAD "1\r\nab\r\n", CHUNKED "body a; error malformed chunk end; "},
	{CHUNKED_HEAD "1\r\na\n0\r\n\r\n", CHUNKED "body a; error malformed chunk end; "},
	{CHUNKED_HEAD "1\r\na\r0\r\n\r\n", CHUNKED "body a; error malformed chunk end; "},
	{CHUNKED_HEAD "1 ;x\r\na\r\n", CHUNKED "error malformed chunk size; "},
	{CHUNKED_HEAD " 1\r\na\r\n", CHUNKED "error malformed chunk size; "},
	{CHUNKED_HEAD "1\r;x\r\na\r\n", CHUNKED "error malformed chunk size; "},
	{CHUNKED_HEAD "0x1\r\na\r\n", CHUNKED "error malformed chunk size; "},
	{CHUNKED_HEAD "-1\r\na\r\n", CHUNKED "error malformed chunk size; "},
	{CHUNKED_HEAD "0000000000000001\r\na\r\n0\r\n\r\n", CHUNKED "body a; end; idle"},
	{CHUNKED_HEAD "00000000000000001\r\na\r\n", CHUNKED "error chunk size too large; "},
	{CHUNKED_HEAD "ffffffffffffffff\r\nabc", CHUNKED "body abc; broken"},
	{CHUNKED_HEAD "10000000000000000\r\nabc", CHUNKED "error chunk size too large; "},
	{CHUNKED_HEAD "1\r\na", CHUNKED "body a; broken"},
	{CHUNKED_HEAD "1\r\na\r\n0\r\n", CHUNKED "body a; broken"},
	{CHUNKED_HEAD, CHUNKED "broken"},
};

static void test_chunks(void **state)
{
	CHECK_ALL(HTTP1_REQUEST, METHOD_NONE, chunks);
}

#define GET "GET /b HTTP/1.1\r\n" H "\r\n"
#define SAW_GET "GET /b 1.1 none; end; idle"

static const struct example keep_alive[] = {
	{"GET /a HTTP/1.1\r\n" H "\r\n" GET, "GET /a 1.1 none; end; " SAW_GET},
	{"PUT /a HTTP/1.1\r\n" H "Content-Length: 2\r\nUser-Agent: u\r\n\r\nab" GET,
	 "PUT /a 1.1 length 2 agent=u; body ab; end; " SAW_GET},
	{"PUT /a HTTP/1.1\r\n" TE "\r\n2\r\nab\r\n0\r\n\r\n" GET,
	 "PUT /a 1.1 chunked chunked; body ab; end; " SAW_GET},
	{"PUT /a HTTP/1.1\r\n" TE "\r\n0\r\nX: y\r\n\r\n" GET,
	 "PUT /a 1.1 chunked chunked; end+trailer; " SAW_GET},
	{"POST /a HTTP/1.1\r\n" H "\r\n\r\n\n\r" GET, "POST /a 1.1 none; end; " SAW_GET},
	{"POST /a HTTP/1.1\r\n" H "\r\n\r\n\r\n\r\n" GET,
	 "POST /a 1.1 none; end; error malformed request line; "},
	{"POST /a HTTP/1.1\r\n" H "\r\n\r\n", "POST /a 1.1 none; end; idle"},
	{"PUT /a HTTP/1.1\r\n" H "\r\n\r\n" GET,
	 "PUT /a 1.1 none; end; error malformed request line; "},
	{"POST /a HTTP/1.1\r\n" H "\r\n" GET "\r\n",
	 "POST /a 1.1 none; end; GET /b 1.1 none; end; error malformed request line; "},
};

static void test_keep_alive(void **state)
{
	CHECK_ALL(HTTP1_REQUEST, METHOD_NONE, keep_alive);
}

static const struct example responses[] = {
	{"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Type: t\r\n\r\nok",
	 "200 1.1 length 2 type=t; body ok; end; idle"},
	{"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", "200 1.1 length 0; end; idle"},
	{"HTTP/1.1  200 OK\r\nContent-Length: 0\r\n\r\n", "200 1.1 length 0; end; idle"},
	{"HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n", "200 1.1 length 0; end; idle"},
	{"HTTP/1.0 200 OK\r\n\r\nok", "200 1.0 until-close close; body ok; closed"},
	{"HTTP/1.1 200 OK\r\nContent-Type: "
	 "application/vnd.docker.raw-stream\r\n\r\nraw\r\n\r\nHTTP/1.1",
	 "200 1.1 until-close type=application/vnd.docker.raw-stream; body "
	 "raw\\r\\n\\r\\nHTTP/1.1; closed"},
	{"HTTP/1.1 200 OK\r\n\r\n", "200 1.1 until-close; closed"},
	{"HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n",
	 "101 1.1 none upgrade; end; idle"},
	{"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created\r\nContent-Length: 1\r\n\r\na",
	 "100 1.1 none; end; 201 1.1 length 1; body a; end; idle"},
	{"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\nHTTP/1.1 304 Not Modified\r\n\r\n",
	 "204 1.1 none close; end; 304 1.1 none; end; idle"},
	{"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", "304 1.1 none 5; end; idle"},
	{"HTTP/1.1 204 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
	 "204 1.1 none chunked; end; idle"},
	{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
	 "200 1.1 chunked chunked; body ok; end; idle"},
	{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: \x01\r\n\r\n",
	 "200 1.1 chunked chunked; end+trailer+control; idle"},
	{"HTTP/1.1 404 Not\rFound\r\nX: \x01\r\nHost: \r\nHost: /\r\nContent-Length: 0\r\n\r\n",
	 "404 1.1 length 0; end+control; idle"},
	{"HTTP/1.1 099 x\r\n\r\n", "error malformed status line; "},
	{"HTTP/1.1 20 x\r\n\r\n", "error malformed status line; "},
	{"HTTP/1.1 2000 x\r\n\r\n", "error malformed status line; "},
	{"HTTP/1.1\r 200 x\r\n\r\n", "error malformed HTTP version; "},
	{"HTTP/1.1\r\n\r\n", "error malformed HTTP version; "},
	{"HTTP/2.0 200 OK\r\n\r\n", "error unsupported HTTP version; "},
	{"\r\nHTTP/1.1 200 OK\r\n\r\n", "error malformed HTTP version; "},
	{"HTTP/1.1 200 OK\r\nX\r\n\r\n", "error malformed header line; "},
	{"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", "error malformed Content-Length; "},
};

static const struct example head_responses[] = {
	{"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n", "200 1.1 length 2; end; idle"},
	{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
	 "200 1.1 chunked chunked; end; 200 1.1 until-close; end; idle"},
	{"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
	 "100 1.1 none; end; 200 1.1 until-close; end; idle"},
};

static void test_responses(void **state)
{
	CHECK_ALL(HTTP1_RESPONSE, METHOD_NONE, responses);
	CHECK_ALL(HTTP1_RESPONSE, METHOD_GET, responses);
	CHECK_ALL(HTTP1_RESPONSE, METHOD_HEAD, head_responses);
}

/* Puts COUNT times C between two texts and checks the whole. */
static void check_long(const char *before, char c, size_t count, const char *after,
		       const char *expected)
{
	size_t size = strlen(before) + count + strlen(after);
	char *input = malloc(size + 1);

	assert_non_null(input);
	strcpy(input, before);
	memset(input + strlen(before), c, count);
	strcpy(input + strlen(before) + count, after);
	check(HTTP1_REQUEST, METHOD_NONE, input, size, expected);
	free(input);
}

/* Newer versions of Go refuse more than 500; each head is counted anew. */
static void test_many_headers(void **state)
{
	for (unsigned int count = 499; count <= 500; count++) {
		struct text input = {0};

		text_add_string(&input, "GET / HTTP/1.1\r\n" H);
		for (unsigned int i = 0; i < count; i++)
			text_add_string(&input, "X: y\r\n");
		text_add_string(&input, "\r\nGET / HTTP/1.1\r\n" H "\r\n");
		check(HTTP1_REQUEST, METHOD_NONE, input.data, input.size,
		      count == 499 ? "GET / 1.1 none; end; GET / 1.1 none; end; idle"
				   : "GET / 1.1 none; end+disputed; GET / 1.1 none; end; idle");
		text_free(&input);
	}
}

static void test_long_lines(void **state)
{
	check_long("GET / HTTP/1.1\r\n" H "X:", 'x', 1020, "\r\n\r\n", "GET / 1.1 none; end; idle");
	check_long("GET / HTTP/1.1\r\n" H "X:", 'x', 1021, "\r\n\r\n",
		   "GET / 1.1 none; end+oversized; idle");
	check_long("GET / HTTP/1.1\r\n" H, 'x', 5000, ": y\r\n\r\n",
		   "GET / 1.1 none; end+oversized; idle");
	check_long("POST / HTTP/1.1\r\n" H "Content-Length:", ' ', 5000, "2\r\n\r\nab",
		   "POST / 1.1 length 2; body ab; end+oversized; idle");
	check_long("POST / HTTP/1.1\r\n" H "Content-Length: ", '0', 5000, "2\r\n\r\nab",
		   "POST / 1.1 length 2; body ab; end+oversized; idle");
	check_long("POST / HTTP/1.1\r\n" H "Content-Length: 2\r\n ", '\t', 5000, "3\r\n\r\nab",
		   "error malformed Content-Length; ");
	check_long("POST / HTTP/1.1\r\n" H "Transfer-Encoding:", '\t', 5000,
		   "chunked\r\n\r\n0\r\n\r\n", "POST / 1.1 chunked chunked; end+oversized; idle");
	check_long("POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked", ' ', 5000,
		   "\r\n\r\n0\r\n\r\n", "POST / 1.1 chunked chunked; end+oversized; idle");
	check_long("POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked", ' ', 5000, "x\r\n\r\n",
		   "error unsupported transfer encoding; ");
	check_long("POST / HTTP/1.1\r\nHost:", ' ', 5000, "/\r\n\r\n",
		   "error malformed Host header; ");
	check_long("POST / HTTP/1.1\r\n" H "Connection: ", ',', 5000, "close\r\n\r\n",
		   "POST / 1.1 none close; end+oversized; idle");
	check_long("POST / HTTP/1.1\r\n" H "Expect: ", 'x', 5000, " 100-continue\r\n\r\n",
		   "POST / 1.1 none continue; end+oversized; idle");
	check_long("POST / HTTP/1.1\r\n" H "User-Agent:", ' ', 5000, "me\r\n\r\n",
		   "POST / 1.1 none agent=me; end+oversized; idle");
	check_long("GET / HTTP/1.1\r\n" H "X: ", 'x', 5000, "\x01\r\n\r\n",
		   "error control byte in a header value; ");
}

static void test_kept_values(void **state)
{
	static struct http1_parser parser;
	char input[4096];
	size_t used, body_size;
	const char *body;
	int size = snprintf(input, sizeof(input),
			    "GET / HTTP/1.1\r\n" H "User-Agent: %0600d\r\n"
			    "Content-Type: %0600d\r\n\r\n",
			    1, 1);

	http1_init(&parser, HTTP1_REQUEST);
	assert_int_equal(http1_next(&parser, input, size, &used, &body, &body_size), HTTP1_HEAD);
	assert_int_equal(used, size);
	assert_int_equal(strlen(parser.head.user_agent), sizeof(parser.head.user_agent) - 1);
	assert_int_equal(strlen(parser.head.content_type), sizeof(parser.head.content_type) - 1);
}

static void test_long_targets(void **state)
{
	static const char seen[] = "GET /ttttttttttttttttttttttttttttttttttttttt 1.1 none";
	char expected[200];

	snprintf(expected, sizeof(expected), "%s; end; idle", seen);
	check_long("GET /", 't', HTTP1_TARGET_MAX - 1, " HTTP/1.1\r\n" H "\r\n", expected);
	snprintf(expected, sizeof(expected), "%s cut; end+oversized; idle", seen);
	check_long("GET /", 't', HTTP1_TARGET_MAX, " HTTP/1.1\r\n" H "\r\n", expected);
	check_long("GET /", 't', 1 << 20, " HTTP/1.1\r\n" H "\r\n", expected);
	check_long("GET /", 't', 1 << 20, "%zz HTTP/1.1\r\n" H "\r\n",
		   "error malformed request target; ");
	check_long("", 'M', 1 << 20, " / HTTP/1.1\r\n" H "\r\n",
		   "MMMMMMMMMMMMMMMMMMMMMMMMMMMMMMM / 1.1 none; end+unknown-method; idle");
	check_long("GET / HTTP/1.", '0', 1 << 20, "1\r\n" H "\r\n",
		   "GET / 1.1 none; end+disputed; idle");
	check_long("GET / HTTP/1.", '9', 1 << 20, "1\r\n" H "\r\n",
		   "error malformed HTTP version; ");
}

static void test_long_heads(void **state)
{
	const char *before = "GET / HTTP/1.1\r\n" H "X:", *after = "\r\n\r\n";
	size_t most = HTTP1_HEAD_MAX - strlen(before) - strlen(after);
	const char *second = "PUT /a HTTP/1.1\r\n" H "\r\nGET / HTTP/1.1\r\n" H "X:";
	size_t first_size = strlen(second) - strlen(before);

	check_long(before, 'x', most, after, "GET / 1.1 none; end+oversized; idle");
	check_long(before, 'x', most + 1, after, "error head too large; ");
	check_long(second, 'x', most, after,
		   "PUT /a 1.1 none; end; GET / 1.1 none; end+oversized; idle");
	check_long(second, 'x', most + 4097, after,
		   "PUT /a 1.1 none; end; GET / 1.1 none; end+oversized+disputed; idle");
	check_long(second, 'x', most + 4098, after, "PUT /a 1.1 none; end; error head too large; ");
	assert_int_equal(first_size, strlen("PUT /a HTTP/1.1\r\n" H "\r\n"));
}

static void test_long_chunk_lines(void **state)
{
	check_long(CHUNKED_HEAD "1;", 'x', 4091, "\r\na\r\n0\r\n\r\n",
		   CHUNKED "body a; end+extension; idle");
	check_long(CHUNKED_HEAD "1;", 'x', 4092, "\r\na\r\n0\r\n\r\n",
		   CHUNKED "error chunk line too long; ");
	check_long(CHUNKED_HEAD "1", ' ', 4092, "\r\na\r\n0\r\n\r\n",
		   CHUNKED "body a; end+disputed; idle");
	check_long(CHUNKED_HEAD "1", ' ', 4093, "\r\na\r\n0\r\n\r\n",
		   CHUNKED "error chunk line too long; ");
	check_long(CHUNKED_HEAD "0\r\nX:", 'x', 4090, "\r\n\r\n",
		   CHUNKED "end+trailer+oversized; idle");
	check_long(CHUNKED_HEAD "0\r\nX:", 'x', 4091, "\r\n\r\n",
		   CHUNKED "error trailer too large; ");
}

/* Feeds TEXT and gives the last step but HTTP1_MORE. */
static enum http1_step push(struct http1_parser *parser, const char *text)
{
	size_t used, body_size, at = 0, size = strlen(text);
	enum http1_step step, last = HTTP1_MORE;
	const char *body;

	do {
		step = http1_next(parser, text + at, size - at, &used, &body, &body_size);
		at += used;
		if (step != HTTP1_MORE)
			last = step;
	} while (step != HTTP1_MORE && step != HTTP1_ERROR);
	return last;
}

static void test_skip_length(void **state)
{
	static struct http1_parser parser;

	http1_init(&parser, HTTP1_REQUEST);
	assert_int_equal(http1_skip(&parser, 0), 0);
	push(&parser, "PUT / HTTP/1.1\r\n" H "Content-Length: 10\r\n\r\n");
	assert_int_equal(http1_skip(&parser, 4), 0);
	assert_int_equal(push(&parser, "a"), HTTP1_BODY);
	assert_int_equal(http1_skip(&parser, 5), 0);
	assert_int_equal(push(&parser, ""), HTTP1_END);
	assert_int_equal(parser.body_bytes, 10);
	assert_int_equal(parser.message_bytes,
			 strlen("PUT / HTTP/1.1\r\n" H "Content-Length: 10\r\n\r\n") + 10);
	assert_int_equal(push(&parser, GET), HTTP1_END);

	push(&parser, "PUT / HTTP/1.1\r\n" H "Content-Length: 10\r\n\r\n");
	assert_int_equal(http1_skip(&parser, 11), -ENODATA);
	assert_int_equal(push(&parser, GET), HTTP1_ERROR);
	assert_string_equal(parser.error, "bytes were lost");
	assert_int_equal(http1_skip(&parser, 0), -ENODATA);
	http1_reset(&parser);
	assert_null(parser.error);
	assert_int_equal(push(&parser, GET), HTTP1_END);
}

static void test_skip_other(void **state)
{
	static struct http1_parser parser;

	http1_init(&parser, HTTP1_REQUEST);
	push(&parser, "PUT / HTTP/1.1\r\n" TE "\r\n5\r\na");
	assert_int_equal(http1_skip(&parser, 4), 0);
	assert_int_equal(push(&parser, "\r\n0\r\n\r\n"), HTTP1_END);
	assert_int_equal(parser.body_bytes, 5);
	push(&parser, "PUT / HTTP/1.1\r\n" TE "\r\n5\r\na");
	assert_int_equal(http1_skip(&parser, UINT64_MAX), -ENODATA);
	http1_reset(&parser);
	push(&parser, "PUT / HTTP/1.1\r\n" TE "\r\n5");
	assert_int_equal(http1_skip(&parser, 1), -ENODATA);
	http1_reset(&parser);
	assert_int_equal(http1_skip(&parser, 1), -ENODATA);
	http1_reset(&parser);
	push(&parser, "PUT / HT");
	assert_int_equal(http1_skip(&parser, 1), -ENODATA);

	http1_init(&parser, HTTP1_RESPONSE);
	push(&parser, "HTTP/1.1 200 OK\r\n\r\nab");
	assert_int_equal(http1_skip(&parser, UINT64_C(1) << 40), 0);
	assert_int_equal(push(&parser, "c"), HTTP1_BODY);
	assert_true(parser.body_bytes == (UINT64_C(1) << 40) + 3);
}

static void test_finish(void **state)
{
	static struct http1_parser parser;
	bool end = true;

	http1_init(&parser, HTTP1_RESPONSE);
	assert_int_equal(http1_finish(&parser, &end), 0);
	assert_false(end);
	push(&parser, "HTTP/1.1 200 OK\r\n\r\nab");
	assert_true(http1_in_message(&parser));
	assert_int_equal(http1_finish(&parser, &end), 0);
	assert_true(end);
	assert_false(http1_in_message(&parser));
	assert_int_equal(parser.body_bytes, 2);
	assert_int_equal(parser.head.status, 200);
	push(&parser, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n");
	end = false;
	assert_int_equal(http1_finish(&parser, &end), -EPIPE);
	assert_false(end);
	push(&parser, "x\r");
	assert_int_equal(http1_finish(&parser, &end), -EPIPE);
}

/* A message that is complete but for being told so. */
static void test_finish_untold(void **state)
{
	static struct http1_parser parser;
	const char *body, *text = "PUT / HTTP/1.1\r\n" H "\r\n";
	size_t used, body_size;
	bool end = false;

	http1_init(&parser, HTTP1_REQUEST);
	assert_int_equal(http1_next(&parser, text, strlen(text), &used, &body, &body_size),
			 HTTP1_HEAD);
	assert_int_equal(used, strlen(text));
	assert_int_equal(http1_finish(&parser, &end), 0);
	assert_true(end);
}

static void test_reset(void **state)
{
	static struct http1_parser parser;

	/* In the middle of who knows what, a POST may have ended. */
	http1_init(&parser, HTTP1_REQUEST);
	push(&parser, "PUT / HT");
	assert_true(http1_in_message(&parser));
	http1_reset(&parser);
	assert_false(http1_in_message(&parser));
	assert_int_equal(push(&parser, "\r\n" GET), HTTP1_END);
	http1_reset(&parser);
	assert_int_equal(push(&parser, "\r\n" GET), HTTP1_ERROR);
	http1_init(&parser, HTTP1_REQUEST);
	http1_reset(&parser);
	assert_int_equal(push(&parser, "\r\n" GET), HTTP1_ERROR);
	http1_init(&parser, HTTP1_REQUEST);
	push(&parser, "POST / HTTP/1.1\r\n" H "\r\n");
	http1_reset(&parser);
	assert_int_equal(push(&parser, "\r\n"), HTTP1_MORE);
	assert_false(http1_in_message(&parser));
	assert_int_equal(push(&parser, GET), HTTP1_END);
	assert_int_equal(parser.message_bytes, strlen("\r\n" GET));
}

static void test_response_to_is_late(void **state)
{
	static struct http1_parser parser;

	http1_init(&parser, HTTP1_RESPONSE);
	push(&parser, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\na");
	http1_response_to(&parser, METHOD_HEAD);
	assert_int_equal(push(&parser, "bc"), HTTP1_END);
	assert_int_equal(parser.body_bytes, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_request_lines), cmocka_unit_test(test_nul_bytes),
		cmocka_unit_test(test_header_lines),  cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_encodings),     cmocka_unit_test(test_chunks),
		cmocka_unit_test(test_keep_alive),    cmocka_unit_test(test_responses),
		cmocka_unit_test(test_many_headers),  cmocka_unit_test(test_long_lines),
		cmocka_unit_test(test_kept_values),   cmocka_unit_test(test_long_targets),
		cmocka_unit_test(test_long_heads),    cmocka_unit_test(test_long_chunk_lines),
		cmocka_unit_test(test_skip_length),   cmocka_unit_test(test_skip_other),
		cmocka_unit_test(test_finish),	      cmocka_unit_test(test_finish_untold),
		cmocka_unit_test(test_reset),	      cmocka_unit_test(test_response_to_is_late),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
