/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads standard input as the client's side of a connection and tells what the parser makes of it,
 * a line for each step. Argument "llhttp" (built with LLHTTP defined): what llhttp makes of it.
 *
 *   request METHOD TARGET FRAMING [DISPUTED]
 *   body HEX
 *   end [close]
 *   error TEXT
 *   eof idle|broken
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http/http1.h"

#define INPUT_MAX (8 << 20)

static void print_text(const char *data, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		if (data[i] > ' ' && data[i] <= '~' && data[i] != '\\')
			putchar(data[i]);
		else
			printf("\\x%02x", (unsigned char)data[i]);
	}
}

static void print_hex(const char *data, size_t size)
{
	for (size_t i = 0; i < size; i++)
		printf("%02x", (unsigned char)data[i]);
}

static void print_head(const struct http1_parser *parser)
{
	static const char *const framings[] = {"none", "length", "chunked", "until-close"};

	printf("request %s ", parser->head.method);
	print_text(parser->target, parser->head.target_size);
	printf(" %s%s\n", framings[parser->head.framing],
	       parser->head.anomalies & HTTP1_ANOMALY_DISPUTED ? " disputed" : "");
}

static void judge(const char *data, size_t size)
{
	static struct http1_parser parser;
	size_t used, body_size, at = 0;
	enum http1_step step;
	const char *body;
	bool end;

	http1_init(&parser, HTTP1_REQUEST);
	while ((step = http1_next(&parser, data + at, size - at, &used, &body, &body_size)) !=
	       HTTP1_MORE) {
		at += used;
		if (step == HTTP1_HEAD) {
			print_head(&parser);
		} else if (step == HTTP1_BODY) {
			printf("body ");
			print_hex(body, body_size);
			putchar('\n');
		} else if (step == HTTP1_END) {
			printf("end%s%s\n", parser.head.close ? " close" : "",
			       parser.head.anomalies & HTTP1_ANOMALY_DISPUTED ? " disputed" : "");
		} else {
			printf("error %s\n", parser.error);
			return;
		}
	}
	printf("eof %s\n", http1_finish(&parser, &end) ? "broken" : "idle");
}

#ifdef LLHTTP
#include "llhttp.h"

static int on_method(llhttp_t *parser, const char *data, size_t size)
{
	return 0;
}

static int on_target(llhttp_t *parser, const char *data, size_t size)
{
	return 0;
}

static int on_head(llhttp_t *parser)
{
	printf("request %s - %s\n", llhttp_method_name(parser->method),
	       parser->flags & F_CHUNKED ? "chunked"
	       : parser->content_length	 ? "length"
					 : "none");
	return 0;
}

static int on_body(llhttp_t *parser, const char *data, size_t size)
{
	printf("body ");
	print_hex(data, size);
	putchar('\n');
	return 0;
}

static int on_end(llhttp_t *parser)
{
	printf("end%s\n", llhttp_should_keep_alive(parser) ? "" : " close");
	return 0;
}

static void judge_llhttp(const char *data, size_t size)
{
	llhttp_settings_t settings;
	llhttp_t parser;
	llhttp_errno_t error;

	llhttp_settings_init(&settings);
	settings.on_method = on_method;
	settings.on_url = on_target;
	settings.on_headers_complete = on_head;
	settings.on_body = on_body;
	settings.on_message_complete = on_end;
	llhttp_init(&parser, HTTP_REQUEST, &settings);
	error = llhttp_execute(&parser, data, size);
	if (error == HPE_OK || error == HPE_PAUSED_UPGRADE)
		printf("eof %s\n", error == HPE_OK ? "idle" : "upgrade");
	else
		printf("error %s\n", llhttp_get_error_reason(&parser));
}
#endif

int main(int argc, char *argv[])
{
	char *input = malloc(INPUT_MAX);
	size_t size = input ? fread(input, 1, INPUT_MAX, stdin) : 0;

#ifdef LLHTTP
	if (argc > 1 && !strcmp(argv[1], "llhttp")) {
		judge_llhttp(input, size);
		free(input);
		return 0;
	}
#endif
	if (argc > 1) {
		fprintf(stderr, "usage: %s [llhttp] < BYTES\n", argv[0]);
		return 2;
	}
	judge(input, size);
	free(input);
	return 0;
}
