/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTP/1 as Go's net/http reads it; docs/http1.md tells the rules and where they come from.
 *
 * Every read_*() takes what it can of the bytes at hand and moves the state on. No line is kept: a
 * header's value is judged while it streams by, so neither padding nor a split can hide its end.
 */
#include "http/http1.h"

#include <errno.h>
#include <string.h>

#include "base/percent.h"

#define HEADERS_EVERYWHERE 500 /* that every version of Go takes */
#define CHUNK_LINE_MAX 4095    /* with its LF; Go: maxLineLength */
#define TRAILER_MAX 4096   /* Go peeks no further than its read buffer for the end of a trailer */
#define PIPELINED_MAX 4097 /* bytes of a head that Go may have read ahead, past its own limit */
#define CHUNKED_KELVIN "chun\xe2\x84\xaa\x65\x64" /* U+212A for the k */
#define BLANK_MAX 4 /* bytes of CR and LF that Go skips after a POST */

enum http1_state {
	AT_START,
	AT_METHOD,
	AT_TARGET,
	AT_VERSION,
	AT_STATUS,
	AT_REASON,
	AT_LINE,  /* the first byte of a header line */
	AT_BLANK, /* after a CR that began a line */
	AT_NAME,
	AT_VALUE,
	AT_FOLD, /* the white space that begins a continuation */
	AT_HEAD_END,
	AT_BODY, /* of a known length */
	AT_BODY_UNTIL_CLOSE,
	AT_CHUNK_SIZE,
	AT_CHUNK_PADDING,
	AT_CHUNK_EXTENSION,
	AT_CHUNK,
	AT_CHUNK_CR,
	AT_CHUNK_LF,
	AT_END,
	AT_ERROR,
};

enum target_phase {
	TARGET_FIRST,
	TARGET_STAR,
	TARGET_SCHEME,
	TARGET_ROOT,  /* after the scheme */
	TARGET_SLASH, /* after the scheme and a slash */
	TARGET_AUTHORITY,
	TARGET_PATH,
	TARGET_FREE, /* a query or an opaque part: not looked into */
};

enum version_phase {
	VERSION_PREFIX, /* and the four after it, one for each byte */
	VERSION_MAJOR = 5,
	VERSION_MINOR,
};

enum http1_kind {
	KIND_OTHER,
	KIND_IGNORED, /* Go drops it before it looks at the value */
	KIND_HOST,
	KIND_LENGTH,
	KIND_ENCODING,
	KIND_CONNECTION,
	KIND_UPGRADE,
	KIND_EXPECT,
	KIND_CONTENT_TYPE,
	KIND_USER_AGENT,
	KIND_TRAILER,
};

/* Bits of http1_parser.seen: 1 << kind, and these. */
enum seen {
	SEEN_CLOSE = 1 << 16,
	SEEN_KEEP_ALIVE = 1 << 17, /* in the first Connection header */
	SEEN_UPGRADE_TOKEN = 1 << 18,
	SEEN_BAD_LENGTH = 1 << 19,
	SEEN_OTHER_LENGTH = 1 << 20,   /* than the first one */
	SEEN_LENGTH_CONTROL = 1 << 21, /* a control byte in it */
	SEEN_TRAILER_CONTROL = 1 << 22,
	SEEN_FORBIDDEN_TRAILER = 1 << 23,
	SEEN_UNKNOWN_EXPECTATION = 1 << 24,
	SEEN_ENCODING_PADDING = 1 << 25,
	SEEN_LOOSE_VERSION = 1 << 26,
	SEEN_NEGATIVE_VERSION = 1 << 27,
};

#define HEADER(name, kind)                                                                         \
	{                                                                                          \
		name, sizeof(name) - 1, kind                                                       \
	}
static const struct {
	const char *name;
	unsigned char size;
	enum http1_kind kind;
} headers[] = {
	HEADER("host", KIND_HOST),
	HEADER("content-length", KIND_LENGTH),
	HEADER("transfer-encoding", KIND_ENCODING),
	HEADER("connection", KIND_CONNECTION),
	HEADER("upgrade", KIND_UPGRADE),
	HEADER("expect", KIND_EXPECT),
	HEADER("content-type", KIND_CONTENT_TYPE),
	HEADER("user-agent", KIND_USER_AGENT),
	HEADER("trailer", KIND_TRAILER),
};

enum { TOKEN = 1, HOST = 2, CONTROL = 4 };

/* clang-format off */
static const unsigned char classes[256] = {
	[0 ... 8] = CONTROL, [10 ... 31] = CONTROL, [127] = CONTROL,
	['0' ... '9'] = TOKEN | HOST, ['A' ... 'Z'] = TOKEN | HOST, ['a' ... 'z'] = TOKEN | HOST,
	['!'] = TOKEN | HOST, ['$'] = TOKEN | HOST, ['%'] = TOKEN | HOST, ['&'] = TOKEN | HOST,
	['\''] = TOKEN | HOST, ['*'] = TOKEN | HOST, ['+'] = TOKEN | HOST, ['-'] = TOKEN | HOST,
	['.'] = TOKEN | HOST, ['_'] = TOKEN | HOST, ['~'] = TOKEN | HOST,
	['#'] = TOKEN, ['^'] = TOKEN, ['`'] = TOKEN, ['|'] = TOKEN,
	['('] = HOST, [')'] = HOST, [','] = HOST, [':'] = HOST, [';'] = HOST, ['='] = HOST,
	['['] = HOST, [']'] = HOST,
};
/* clang-format on */

static bool http1_is_class(char c, int class)
{
	return classes[(unsigned char)c] & class;
}

static bool http1_is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool http1_is_space(char c)
{
	return c == ' ' || c == '\t';
}

/* Lowers letters of ASCII alone, whatever the locale. */
static char http1_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c;
}

static bool is_letter(char c)
{
	return http1_lower(c) >= 'a' && http1_lower(c) <= 'z';
}

static void http1_fail(struct http1_parser *parser, const char *error)
{
	parser->state = AT_ERROR;
	parser->error = error;
}

static void http1_note(struct http1_parser *parser, unsigned int anomalies)
{
	parser->head.anomalies |= anomalies;
}

static bool is_request(const struct http1_parser *parser)
{
	return parser->role == HTTP1_REQUEST;
}

/* A line of a head, a trailer or a chunk is complete. */
static void http1_end_line(struct http1_parser *parser)
{
	if (!parser->cr)
		http1_note(parser, HTTP1_ANOMALY_BARE_LF);
	/* Go wants to see CRLFCRLF ahead before it reads a trailer, be it of a later message. */
	if (!parser->cr && parser->trailer)
		http1_note(parser, HTTP1_ANOMALY_DISPUTED);
	parser->cr = false;
}

/* --- The request line and the status line ---------------------------------------------------- */

static size_t read_start(struct http1_parser *parser, const char *data, size_t size)
{
	if (parser->after_post && parser->skipped < BLANK_MAX && (*data == '\r' || *data == '\n')) {
		parser->skipped++;
		return 1;
	}
	parser->state = is_request(parser) ? AT_METHOD : AT_VERSION;
	return 0;
}

static void end_method(struct http1_parser *parser)
{
	enum method verb = method_by_name(bytes_of(parser->head.method));

	parser->head.verb = verb;
	if (verb == METHOD_NONE || verb == METHOD_OTHER || verb == METHOD_PRI)
		http1_note(parser, HTTP1_ANOMALY_UNKNOWN_METHOD);
	parser->state = AT_TARGET;
	parser->phase = TARGET_FIRST;
}

static size_t read_method(struct http1_parser *parser, const char *data, size_t size)
{
	size_t used, at = strlen(parser->head.method);

	for (used = 0; used < size && http1_is_class(data[used], TOKEN); used++)
		if (at < sizeof(parser->head.method) - 1)
			parser->head.method[at++] = data[used];
	if (used == size)
		return used;
	if (data[used] != ' ' || !at)
		http1_fail(parser, "malformed request line");
	else
		end_method(parser);
	return used + 1;
}

/* The first byte decides which form a target has. Go: url.ParseRequestURI() */
static enum target_phase target_form(const struct http1_parser *parser, char c)
{
	if (c == '/')
		return TARGET_PATH;
	if (parser->head.verb == METHOD_CONNECT)
		return c == '?' ? TARGET_FREE : TARGET_AUTHORITY;
	return c == '*' ? TARGET_STAR : TARGET_SCHEME;
}

/* Whether a target may go on with C in a path: only there Go minds the percent signs. */
static bool path_byte(struct http1_parser *parser, char c)
{
	if (parser->escape) {
		parser->escape--;
		return percent_hex_value(c) >= 0;
	}
	if (c == '%')
		parser->escape = 2;
	else if (c == '?')
		parser->phase = TARGET_FREE;
	return true;
}

/* A scheme is letters, then digits and "+-." too; without the colon there is none. */
static bool scheme_byte(struct http1_parser *parser, char c)
{
	if (c == ':' && parser->head.target_size > 0) {
		parser->phase = TARGET_ROOT;
		return true;
	}
	return is_letter(c) || (parser->head.target_size > 0 &&
				(http1_is_digit(c) || c == '+' || c == '-' || c == '.'));
}

/* Go also checks the authority. We let it pass: at worst the answer is 400 and nothing happened. */
static bool target_byte(struct http1_parser *parser, char c)
{
	switch (parser->phase) {
	case TARGET_FIRST:
		parser->phase = target_form(parser, c);
		return parser->phase != TARGET_SCHEME || scheme_byte(parser, c);
	case TARGET_STAR:
		return false;
	case TARGET_SCHEME:
		return scheme_byte(parser, c);
	case TARGET_ROOT:
		parser->phase = c == '/' ? TARGET_SLASH : TARGET_FREE;
		return true;
	case TARGET_SLASH:
		parser->phase = c == '/' ? TARGET_AUTHORITY : TARGET_PATH;
		return parser->phase != TARGET_PATH || path_byte(parser, c);
	case TARGET_AUTHORITY:
		if (c == '/')
			parser->phase = TARGET_PATH;
		else if (c == '?')
			parser->phase = TARGET_FREE;
		return true;
	case TARGET_PATH:
		return path_byte(parser, c);
	default:
		return true;
	}
}

static void keep_target(struct http1_parser *parser, char c)
{
	struct http1_head *head = &parser->head;

	if (head->target_size < HTTP1_TARGET_MAX) {
		parser->target[head->target_size++] = c;
		return;
	}
	head->target_truncated = true;
	http1_note(parser, HTTP1_ANOMALY_OVERSIZED);
}

static void end_target(struct http1_parser *parser)
{
	const char *target = parser->target;
	size_t size = parser->head.target_size;

	if (parser->escape || parser->phase == TARGET_SCHEME ||
	    (parser->phase == TARGET_FIRST && parser->head.verb != METHOD_CONNECT)) {
		http1_fail(parser, "malformed request target");
		return;
	}
	if (size && *target != '/' && parser->phase != TARGET_STAR)
		http1_note(parser, HTTP1_ANOMALY_ABSOLUTE_TARGET);
	parser->state = AT_VERSION;
	parser->phase = VERSION_PREFIX;
}

static size_t read_target(struct http1_parser *parser, const char *data, size_t size)
{
	for (size_t used = 0; used < size; used++) {
		char c = data[used];

		if (c == ' ') {
			end_target(parser);
			return used + 1;
		}
		if (c == '\t' || http1_is_class(c, CONTROL) || !target_byte(parser, c)) {
			http1_fail(parser, "malformed request target");
			return used + 1;
		}
		if ((unsigned char)c >= 0x80)
			http1_note(parser, HTTP1_ANOMALY_CONTROL_BYTES);
		keep_target(parser, c);
	}
	return size;
}

static bool version_digit(struct http1_parser *parser, unsigned int *value, char c)
{
	if (parser->digits++)
		parser->seen |= SEEN_LOOSE_VERSION;
	if (c != '0' && (parser->seen & SEEN_NEGATIVE_VERSION))
		return false;
	*value = *value * 10 + (c - '0');
	return *value <= 1000000; /* the bound of Go before 1.18 */
}

/* Go before 1.18 read both numbers as any decimal number, with leading zeros and a sign. */
static bool version_byte(struct http1_parser *parser, char c)
{
	unsigned int minor = parser->head.version_minor;
	bool fine;

	if (parser->phase < VERSION_MAJOR)
		return c == "HTTP/"[parser->phase++];
	if ((c == '+' || c == '-') && !parser->digits && !parser->spaced) {
		parser->spaced = true;
		parser->seen |= SEEN_LOOSE_VERSION | (c == '-' ? SEEN_NEGATIVE_VERSION : 0);
		return true;
	}
	if (c == '.' && parser->phase == VERSION_MAJOR && parser->digits) {
		parser->phase = VERSION_MINOR;
		parser->digits = 0;
		parser->spaced = false;
		return true;
	}
	if (!http1_is_digit(c))
		return false;
	if (parser->phase == VERSION_MAJOR)
		return version_digit(parser, &parser->version_major, c);
	fine = version_digit(parser, &minor, c);
	parser->head.version_minor = minor;
	return fine;
}

static void end_version(struct http1_parser *parser)
{
	unsigned int minor = parser->head.version_minor;

	if (parser->phase != VERSION_MINOR || !parser->digits)
		http1_fail(parser, "malformed HTTP version");
	else if (is_request(parser) && parser->version_major == 2 && !minor &&
		 parser->head.verb == METHOD_PRI && parser->head.target_size == 1 &&
		 *parser->target == '*')
		http1_fail(parser, "HTTP/2 preface");
	else if (parser->version_major != 1)
		http1_fail(parser, "unsupported HTTP version");
	if (parser->state == AT_ERROR)
		return;
	if (parser->seen & SEEN_LOOSE_VERSION)
		http1_note(parser, HTTP1_ANOMALY_DISPUTED);
	if (is_request(parser))
		http1_end_line(parser);
	parser->digits = 0;
	parser->state = is_request(parser) ? AT_LINE : AT_STATUS;
}

static size_t read_version(struct http1_parser *parser, const char *data, size_t size)
{
	char end = is_request(parser) ? '\n' : ' ';

	for (size_t used = 0; used < size; used++) {
		char c = data[used];

		if (c == end && (c == '\n' || !parser->cr)) {
			end_version(parser);
			return used + 1;
		}
		if (parser->cr || (c != '\r' && !version_byte(parser, c))) {
			http1_fail(parser, "malformed HTTP version");
			return used + 1;
		}
		parser->cr = c == '\r';
	}
	return size;
}

static size_t read_status(struct http1_parser *parser, const char *data, size_t size)
{
	char c = *data;

	if (http1_is_digit(c) && parser->digits < 3) {
		parser->digits++;
		parser->head.status = parser->head.status * 10 + (c - '0');
		return 1;
	}
	if (c == ' ' && !parser->digits)
		return 1;
	if (parser->digits < 3 || parser->head.status < 100 ||
	    (c != ' ' && c != '\r' && c != '\n')) {
		http1_fail(parser, "malformed status line");
		return 1;
	}
	parser->digits = 0;
	parser->state = AT_REASON;
	return 0;
}

/* Passes over the rest of a line. Returns how many bytes were taken; *ENDED: the line's end is among them. */
static size_t pass_line(struct http1_parser *parser, const char *data, size_t size, bool *ended)
{
	const char *end = memchr(data, '\n', size);
	size_t line = end ? (size_t)(end - data) : size;

	if (line)
		parser->cr = data[line - 1] == '\r';
	*ended = end;
	return end ? line + 1 : size;
}

static size_t read_reason(struct http1_parser *parser, const char *data, size_t size)
{
	bool ended;
	size_t used = pass_line(parser, data, size, &ended);

	if (ended) {
		http1_end_line(parser);
		parser->state = AT_LINE;
	}
	return used;
}

/* --- A header's value ------------------------------------------------------------------------ */

/* Go refuses control bytes in a value, but before 1.20 only in those that it still had after
 * framing the body: it drops Transfer-Encoding, and may drop Content-Length and Trailer. */
static void control_byte(struct http1_parser *parser)
{
	if (!is_request(parser)) {
		http1_note(parser, HTTP1_ANOMALY_CONTROL_BYTES);
		return;
	}
	if (parser->trailer || parser->kind == KIND_IGNORED || parser->kind == KIND_ENCODING)
		http1_note(parser, HTTP1_ANOMALY_DISPUTED);
	else if (parser->kind == KIND_LENGTH)
		parser->seen |= SEEN_LENGTH_CONTROL;
	else if (parser->kind == KIND_TRAILER)
		parser->seen |= SEEN_TRAILER_CONTROL;
	else
		http1_fail(parser, "control byte in a header value");
	if (parser->state != AT_ERROR)
		http1_note(parser, HTTP1_ANOMALY_CONTROL_BYTES);
}

static bool token_is(const struct http1_parser *parser, const char *name)
{
	return !parser->bad && parser->token_size == strlen(name) &&
	       !memcmp(parser->token, name, parser->token_size);
}

static void keep_token(struct http1_parser *parser, char c)
{
	if (parser->token_size < sizeof(parser->token))
		parser->token[parser->token_size++] = http1_lower(c);
	else
		parser->bad = true;
}

static void end_token(struct http1_parser *parser)
{
	switch (parser->kind) {
	case KIND_EXPECT:
		if (token_is(parser, "100-continue"))
			parser->head.expect_continue = true;
		break;
	case KIND_UPGRADE:
		parser->head.h2c |= token_is(parser, "h2c");
		break;
	case KIND_TRAILER:
		if (token_is(parser, "transfer-encoding") || token_is(parser, "trailer") ||
		    token_is(parser, "content-length"))
			parser->seen |= SEEN_FORBIDDEN_TRAILER;
		break;
	default:
		break;
	}
	parser->token_size = 0;
	parser->spaced = parser->bad = false;
}

/* Go reads Connection in two ways. A member of any such header's list counts where it is all that
 * stands between two commas; of the first header every word counts, and a space ends it too. */
static void end_word(struct http1_parser *parser)
{
	bool first = !(parser->seen & (1 << KIND_CONNECTION));

	if (!parser->token_size)
		return;
	parser->words += parser->words < 2;
	parser->member = 0;
	if (token_is(parser, "close"))
		parser->member = SEEN_CLOSE;
	else if (token_is(parser, "keep-alive"))
		parser->member = SEEN_KEEP_ALIVE;
	else if (token_is(parser, "upgrade"))
		parser->member = SEEN_UPGRADE_TOKEN;
	if (first && parser->member != SEEN_UPGRADE_TOKEN)
		parser->seen |= parser->member;
	parser->token_size = 0;
	parser->bad = false;
}

static void end_member(struct http1_parser *parser)
{
	end_word(parser);
	if (parser->words == 1 && parser->member != SEEN_KEEP_ALIVE)
		parser->seen |= parser->member;
	parser->words = 0;
}

static void connection_byte(struct http1_parser *parser, char c)
{
	if (c == ',')
		end_member(parser);
	else if (http1_is_space(c))
		end_word(parser);
	else
		keep_token(parser, c);
}

/* Go trims CR like a space from the values that it hands to textproto.TrimString(). */
static bool is_trimmed(const struct http1_parser *parser, char c)
{
	return http1_is_space(c) || (c == '\r' && parser->kind != KIND_EXPECT);
}

static void token_byte(struct http1_parser *parser, char c)
{
	if (c == ',' && parser->kind != KIND_ENCODING) {
		end_token(parser);
	} else if (is_trimmed(parser, c)) {
		if (parser->kind == KIND_EXPECT)
			end_token(parser);
		else if (parser->token_size)
			parser->spaced = true;
		if (parser->kind == KIND_ENCODING)
			parser->seen |= SEEN_ENCODING_PADDING;
	} else {
		parser->bad |= parser->spaced;
		keep_token(parser, c);
	}
}

static void length_byte(struct http1_parser *parser, char c)
{
	if (is_trimmed(parser, c)) {
		parser->spaced = parser->digits > 0;
	} else if (!http1_is_digit(c) || parser->spaced ||
		   parser->length > (uint64_t)(INT64_MAX - (c - '0')) / 10) {
		parser->bad = true;
	} else {
		parser->length = parser->length * 10 + (c - '0');
		parser->digits++;
	}
}

/* A byte of the value as Go has it: trimmed, and each line end with its white space a single space.
 * Runs of white space within a line are one space here; no judgement depends on their length. */
static void value_byte(struct http1_parser *parser, char c)
{
	switch (parser->kind) {
	case KIND_HOST:
		if (!http1_is_class(c, HOST))
			http1_fail(parser, "malformed Host header");
		break;
	case KIND_LENGTH:
		length_byte(parser, c);
		break;
	case KIND_CONNECTION:
		connection_byte(parser, c);
		break;
	case KIND_ENCODING:
	case KIND_UPGRADE:
	case KIND_EXPECT:
	case KIND_TRAILER:
		token_byte(parser, c);
		break;
	default:
		break;
	}
}

/* Where the value is kept, for kept_max() bytes and a NUL; NULL: it is not. */
static char *kept_room(struct http1_parser *parser)
{
	if (parser->kind == KIND_CONTENT_TYPE)
		return parser->head.content_type;
	return parser->kind == KIND_USER_AGENT ? parser->head.user_agent : NULL;
}

static unsigned int kept_max(const struct http1_parser *parser)
{
	const struct http1_head *head = &parser->head;

	return (parser->kind == KIND_CONTENT_TYPE ? sizeof(head->content_type)
						  : sizeof(head->user_agent)) -
	       1;
}

static void keep_byte(struct http1_parser *parser, char c)
{
	char *kept = kept_room(parser);

	if (!kept)
		return;
	if (parser->kept < kept_max(parser))
		kept[parser->kept++] = c;
	if (!http1_is_space(c))
		parser->kept_trimmed = parser->kept;
}

static void trim_kept(struct http1_parser *parser)
{
	if (parser->kind == KIND_CONTENT_TYPE)
		parser->head.content_type[parser->kept_trimmed] = '\0';
	else if (parser->kind == KIND_USER_AGENT)
		parser->head.user_agent[parser->kept_trimmed] = '\0';
	parser->kept = parser->kept_trimmed;
}

/* Whether one of the eight bytes of WORD is below SPACE, as a tab is as well, or DEL. */
static bool has_unusual_byte(uint64_t word)
{
	const uint64_t ones = UINT64_MAX / 255, tops = ones << 7;
	uint64_t del = word ^ ones * 0x7f;

	return (((word - ones * ' ') & ~word) | ((del - ones) & ~del)) & tops;
}

/* Whether control_byte() has nothing to see in a value, as in nearly all. */
static bool is_usual(const char *data, size_t size)
{
	uint64_t word;

	for (; size >= sizeof(word); data += sizeof(word), size -= sizeof(word)) {
		memcpy(&word, data, sizeof(word));
		if (has_unusual_byte(word))
			return false;
	}
	for (; size; data++, size--)
		if (http1_is_class(*data, CONTROL) || *data == '\t')
			return false;
	return true;
}

/* The same as value_byte() and keep_byte() for a value that is kept, where all is usual. */
static void keep_span(struct http1_parser *parser, const char *data, size_t size)
{
	char *kept = kept_room(parser);
	unsigned int at = parser->kept, max = kept_max(parser);

	for (size_t i = 0; i < size; i++) {
		parser->gap = data[i] == ' ' && parser->value_started;
		parser->value_started |= data[i] != ' ';
		if (!parser->value_started)
			continue;
		if (at < max)
			kept[at++] = data[i];
		if (data[i] != ' ')
			parser->kept_trimmed = at;
	}
	parser->kept = at;
}

static void value_span(struct http1_parser *parser, const char *data, size_t size)
{
	bool kept = kept_room(parser);

	if ((parser->kind <= KIND_IGNORED || kept) && is_usual(data, size)) {
		if (kept)
			keep_span(parser, data, size);
		return;
	}
	for (size_t i = 0; i < size && parser->state != AT_ERROR; i++) {
		if (http1_is_class(data[i], CONTROL))
			control_byte(parser);
		if (parser->kind <= KIND_IGNORED)
			continue;
		if (http1_is_space(data[i])) {
			parser->gap = parser->value_started;
		} else {
			if (parser->gap)
				value_byte(parser, ' ');
			parser->gap = false;
			parser->value_started = true;
			value_byte(parser, data[i]);
		}
		if (parser->value_started)
			keep_byte(parser, data[i]);
	}
}

static size_t http1_read_value(struct http1_parser *parser, const char *data, size_t size)
{
	const char *end = memchr(data, '\n', size);
	size_t line = end ? (size_t)(end - data) : size;

	if (line) {
		if (parser->cr)
			value_span(parser, "\r", 1);
		parser->cr = data[line - 1] == '\r';
		value_span(parser, data, line - parser->cr);
	}
	if (!end || parser->state == AT_ERROR)
		return line;
	http1_end_line(parser);
	trim_kept(parser);
	parser->gap = false;
	parser->state = AT_LINE;
	return line + 1;
}

/* A continuation line: Go puts one space for the line end and the white space around it. */
static size_t read_fold(struct http1_parser *parser, const char *data, size_t size)
{
	size_t used = 0;

	while (used < size && http1_is_space(data[used]))
		used++;
	if (used < size)
		parser->state = AT_VALUE;
	return used;
}

static void start_fold(struct http1_parser *parser)
{
	http1_note(parser, HTTP1_ANOMALY_FOLDED_HEADER);
	parser->state = AT_FOLD;
	if (!parser->value_started)
		return;
	value_byte(parser, ' ');
	keep_byte(parser, ' ');
	parser->kept_trimmed = parser->kept;
}

/* --- A header -------------------------------------------------------------------------------- */

static void end_length(struct http1_parser *parser)
{
	if (parser->bad)
		parser->seen |= SEEN_BAD_LENGTH;
	if (!(parser->seen & (1 << KIND_LENGTH))) {
		parser->first_length = parser->length;
		parser->first_digits = parser->digits;
		return;
	}
	/* Go compares the texts: "5" and "05" differ. */
	http1_note(parser, HTTP1_ANOMALY_DUPLICATE_LENGTH);
	if (parser->length != parser->first_length || parser->digits != parser->first_digits)
		parser->seen |= SEEN_OTHER_LENGTH;
}

/* Go before 1.18.4 trimmed the value, before 1.17 it also took the Kelvin sign for a k. */
static void end_encoding(struct http1_parser *parser)
{
	bool plain = token_is(parser, "chunked");

	if (!plain && !token_is(parser, CHUNKED_KELVIN)) {
		http1_fail(parser, "unsupported transfer encoding");
		return;
	}
	parser->head.chunked = true;
	if (!plain || (parser->seen & SEEN_ENCODING_PADDING))
		http1_note(parser, HTTP1_ANOMALY_DISPUTED);
}

/* The header is complete: the next line is not its continuation. */
static void end_header(struct http1_parser *parser)
{
	parser->in_header = false;
	switch (parser->kind) {
	case KIND_LENGTH:
		end_length(parser);
		break;
	case KIND_ENCODING:
		end_encoding(parser);
		break;
	case KIND_CONNECTION:
		end_member(parser);
		break;
	case KIND_EXPECT:
		end_token(parser);
		if (parser->value_started && !parser->head.expect_continue)
			parser->seen |= SEEN_UNKNOWN_EXPECTATION;
		break;
	default:
		end_token(parser);
		break;
	}
	if (parser->kind >= KIND_HOST)
		parser->seen |= 1 << parser->kind;
}

static enum http1_kind find_kind(const struct http1_parser *parser)
{
	if (parser->trailer || parser->bad)
		return KIND_OTHER;
	for (size_t i = 0; i < COUNT(headers); i++)
		if (parser->token_size == headers[i].size &&
		    !memcmp(parser->token, headers[i].name, headers[i].size))
			return headers[i].kind;
	return KIND_OTHER;
}

/* The kind that a header of KIND has where one of that kind came before. */
static enum http1_kind check_repeated(struct http1_parser *parser, enum http1_kind kind)
{
	if (!(parser->seen & (1 << kind)))
		return kind;
	switch (kind) {
	case KIND_HOST:
		http1_fail(parser, "repeated Host header");
		return kind;
	case KIND_ENCODING:
		if (parser->head.version_minor > 0)
			http1_fail(parser, "unsupported transfer encoding");
		http1_note(parser, HTTP1_ANOMALY_DUPLICATE_HEADER);
		return kind;
	case KIND_EXPECT:
	case KIND_CONTENT_TYPE:
	case KIND_USER_AGENT:
		/* The first one counts. */
		http1_note(parser, HTTP1_ANOMALY_DUPLICATE_HEADER);
		return KIND_OTHER;
	default:
		return kind;
	}
}

static void end_name(struct http1_parser *parser)
{
	enum http1_kind kind = check_repeated(parser, find_kind(parser));

	/* Go 1.27 takes no more of them. */
	if (is_request(parser) && !parser->trailer && ++parser->header_count > HEADERS_EVERYWHERE)
		http1_note(parser, HTTP1_ANOMALY_DISPUTED);
	if (!is_request(parser) && (kind == KIND_HOST || kind == KIND_EXPECT)) {
		kind = KIND_OTHER;
	} else if (!parser->token_size && !parser->bad) {
		kind = KIND_IGNORED;
		http1_note(parser, HTTP1_ANOMALY_DISPUTED);
	} else if (kind == KIND_ENCODING && !parser->head.version_minor) {
		/* Go ignores it in HTTP/1.0; others do not. */
		parser->seen |= 1 << kind;
		kind = KIND_IGNORED;
		http1_note(parser, HTTP1_ANOMALY_DISPUTED);
	}
	parser->kind = kind;
	parser->token_size = 0;
	parser->bad = parser->spaced = parser->gap = parser->value_started = false;
	parser->words = 0;
	parser->length = parser->digits = 0;
	parser->kept = parser->kept_trimmed = 0;
	if (parser->state != AT_ERROR)
		parser->state = AT_VALUE;
}

static void name_byte(struct http1_parser *parser, char c)
{
	if (!http1_is_class(c, TOKEN)) {
		/* In a trailer Go before 1.20 never looks at the names. */
		if (is_request(parser) && !parser->trailer)
			http1_fail(parser, "malformed header line");
		else
			http1_note(parser, HTTP1_ANOMALY_DISPUTED);
		parser->bad = true;
	}
	keep_token(parser, c);
}

/* Takes bytes that each name has, and that fit. */
static size_t keep_tokens(struct http1_parser *parser, const char *data, size_t size)
{
	size_t at = parser->token_size, used = 0;

	while (used < size && at < sizeof(parser->token) && http1_is_class(data[used], TOKEN))
		parser->token[at++] = http1_lower(data[used++]);
	parser->token_size = (unsigned char)at;
	return used;
}

static size_t read_name(struct http1_parser *parser, const char *data, size_t size)
{
	size_t used;

	for (used = keep_tokens(parser, data, size); used < size && parser->state == AT_NAME;
	     used++) {
		if (data[used] == ':')
			end_name(parser);
		else if (data[used] == '\n')
			http1_fail(parser, "malformed header line");
		else
			name_byte(parser, data[used]);
	}
	return used;
}

/* --- The end of a head ----------------------------------------------------------------------- */

static bool has_no_body(const struct http1_parser *parser)
{
	int status = parser->head.status;

	return !is_request(parser) && (status < 200 || status == 204 || status == 304);
}

/* Go drops the lengths of a chunked message unseen, and of equal ones keeps one, trimmed: what is
 * dropped escapes the check for control bytes, before Go 1.20. */
static void judge_length(struct http1_parser *parser)
{
	struct http1_head *head = &parser->head;
	unsigned int seen = parser->seen;
	bool single = !(head->anomalies & HTTP1_ANOMALY_DUPLICATE_LENGTH);

	if (!(seen & (1 << KIND_LENGTH)))
		return;
	if (seen & (1 << KIND_ENCODING))
		http1_note(parser, HTTP1_ANOMALY_LENGTH_AND_CHUNKED);
	if (!head->chunked && (seen & SEEN_OTHER_LENGTH))
		http1_fail(parser, "contradicting Content-Length headers");
	else if (!head->chunked && (seen & SEEN_BAD_LENGTH) && !has_no_body(parser))
		http1_fail(parser, "malformed Content-Length");
	else if (!head->chunked && (seen & SEEN_LENGTH_CONTROL) && single && parser->first_digits)
		http1_fail(parser, "control byte in a header value");
	/* Newer ones refuse lengths that contradict each other, though they count for nothing beside chunks. */
	if ((seen & SEEN_LENGTH_CONTROL) || !parser->first_digits ||
	    (head->chunked && (seen & SEEN_OTHER_LENGTH)))
		http1_note(parser, HTTP1_ANOMALY_DISPUTED);
	head->has_content_length = parser->first_digits && !(seen & SEEN_BAD_LENGTH);
	if (head->has_content_length)
		head->content_length = parser->first_length;
}

static void judge_request(struct http1_parser *parser)
{
	struct http1_head *head = &parser->head;
	unsigned int seen = parser->seen;

	if (head->version_minor > 0 && !(seen & (1 << KIND_HOST)) &&
	    parser->head.verb != METHOD_CONNECT)
		http1_fail(parser, "missing Host header");
	if (head->chunked && (seen & SEEN_FORBIDDEN_TRAILER))
		http1_fail(parser, "forbidden trailer name");
	if (!head->chunked && (seen & SEEN_TRAILER_CONTROL))
		http1_fail(parser, "control byte in a header value");
	if (seen & SEEN_TRAILER_CONTROL)
		http1_note(parser, HTTP1_ANOMALY_DISPUTED);
	if (seen & SEEN_UNKNOWN_EXPECTATION)
		http1_fail(parser, "unsupported expectation");
	if (!head->version_minor)
		head->expect_continue = false;
}

/* Go's server heeds either keep-alive or close, by the version, not both. */
static void judge_connection(struct http1_parser *parser)
{
	struct http1_head *head = &parser->head;
	unsigned int seen = parser->seen;

	head->close = head->version_minor ? seen & SEEN_CLOSE : !(seen & SEEN_KEEP_ALIVE);
	head->upgrade = seen & SEEN_UPGRADE_TOKEN && seen & (1 << KIND_UPGRADE);
}

static enum http1_framing choose_framing(const struct http1_parser *parser)
{
	const struct http1_head *head = &parser->head;

	if (has_no_body(parser))
		return HTTP1_BODY_NONE;
	if (head->chunked)
		return HTTP1_BODY_CHUNKED;
	if (head->has_content_length)
		return HTTP1_BODY_LENGTH;
	return is_request(parser) ? HTTP1_BODY_NONE : HTTP1_BODY_UNTIL_CLOSE;
}

static void end_head(struct http1_parser *parser)
{
	judge_length(parser);
	if (is_request(parser))
		judge_request(parser);
	judge_connection(parser);
	parser->head.framing = choose_framing(parser);
	if (parser->state != AT_ERROR)
		parser->state = AT_HEAD_END;
}

/* The blank line after a head or a trailer. */
static void end_block(struct http1_parser *parser)
{
	http1_end_line(parser);
	if (parser->trailer)
		parser->state = AT_END;
	else
		end_head(parser);
}

static void begin_name(struct http1_parser *parser)
{
	if (parser->trailer)
		http1_note(parser, HTTP1_ANOMALY_TRAILER);
	parser->state = AT_NAME;
	parser->in_header = true;
	parser->token_size = 0;
	parser->bad = false;
}

static size_t read_line(struct http1_parser *parser, const char *data, size_t size)
{
	if (http1_is_space(*data)) {
		if (parser->in_header)
			start_fold(parser);
		else
			http1_fail(parser, "malformed header line");
		return 0;
	}
	if (parser->in_header)
		end_header(parser);
	if (parser->state == AT_ERROR)
		return 0;
	if (*data == '\n') {
		end_block(parser);
		return 1;
	}
	if (*data == '\r') {
		parser->state = AT_BLANK;
		return 1;
	}
	begin_name(parser);
	return 0;
}

static size_t read_blank(struct http1_parser *parser, const char *data, size_t size)
{
	if (*data == '\n') {
		parser->cr = true;
		end_block(parser);
		return 1;
	}
	begin_name(parser);
	name_byte(parser, '\r');
	return 0;
}

/* --- Chunks ---------------------------------------------------------------------------------- */

static void begin_chunk(struct http1_parser *parser)
{
	parser->state = AT_CHUNK_SIZE;
	parser->remaining = 0;
	parser->digits = 0;
	parser->cr = false;
}

static void end_chunk_line(struct http1_parser *parser)
{
	/* Go before 1.20 took no digits for a zero. */
	if (!parser->digits)
		http1_note(parser, HTTP1_ANOMALY_DISPUTED);
	http1_end_line(parser);
	if (parser->remaining) {
		parser->state = AT_CHUNK;
		return;
	}
	parser->trailer = true;
	parser->state = AT_LINE;
}

static size_t read_chunk_size(struct http1_parser *parser, const char *data, size_t size)
{
	char c = *data;
	int value = percent_hex_value(c);

	if (value >= 0 && parser->digits < 16) {
		parser->remaining = parser->remaining << 4 | (unsigned int)value;
		parser->digits++;
	} else if (value >= 0) {
		http1_fail(parser, "chunk size too large");
	} else if (c == ';') {
		http1_note(parser, HTTP1_ANOMALY_CHUNK_EXTENSION);
		parser->state = AT_CHUNK_EXTENSION;
	} else if (c == '\n') {
		http1_note(parser, HTTP1_ANOMALY_DISPUTED); /* as of an extension, below */
		end_chunk_line(parser);
	} else {
		parser->state = AT_CHUNK_PADDING;
		return 0;
	}
	return 1;
}

/* White space may follow the size if nothing else does. */
static size_t read_chunk_padding(struct http1_parser *parser, const char *data, size_t size)
{
	char c = *data;

	if (c == '\n') {
		end_chunk_line(parser);
	} else if (c != '\r' && !http1_is_space(c)) {
		http1_fail(parser, "malformed chunk size");
	} else {
		if (parser->cr || c != '\r')
			http1_note(parser, HTTP1_ANOMALY_DISPUTED);
		parser->cr = c == '\r';
	}
	return 1;
}

/* Go from 1.23.8 and 1.24.2 on (CVE-2025-22871) refuses a line that ends without a CR, or has one elsewhere. */
static size_t read_chunk_extension(struct http1_parser *parser, const char *data, size_t size)
{
	bool ended, after_cr = parser->cr;
	size_t used = pass_line(parser, data, size, &ended), line = used - ended;

	if ((after_cr && line) || (line > 1 && memchr(data, '\r', line - 1)) ||
	    (ended && !parser->cr))
		http1_note(parser, HTTP1_ANOMALY_DISPUTED);
	if (ended)
		end_chunk_line(parser);
	return used;
}

static size_t read_chunk_end(struct http1_parser *parser, const char *data, size_t size)
{
	if (*data != (parser->state == AT_CHUNK_CR ? '\r' : '\n'))
		http1_fail(parser, "malformed chunk end");
	else if (parser->state == AT_CHUNK_CR)
		parser->state = AT_CHUNK_LF;
	else
		begin_chunk(parser);
	return 1;
}

/* --- The whole ------------------------------------------------------------------------------- */

typedef size_t (*reader)(struct http1_parser *parser, const char *data, size_t size);

static const reader readers[] = {
	[AT_START] = read_start,
	[AT_METHOD] = read_method,
	[AT_TARGET] = read_target,
	[AT_VERSION] = read_version,
	[AT_STATUS] = read_status,
	[AT_REASON] = read_reason,
	[AT_LINE] = read_line,
	[AT_BLANK] = read_blank,
	[AT_NAME] = read_name,
	[AT_VALUE] = http1_read_value,
	[AT_FOLD] = read_fold,
	[AT_CHUNK_SIZE] = read_chunk_size,
	[AT_CHUNK_PADDING] = read_chunk_padding,
	[AT_CHUNK_EXTENSION] = read_chunk_extension,
	[AT_CHUNK_CR] = read_chunk_end,
	[AT_CHUNK_LF] = read_chunk_end,
};

/* The parts of a message that have a limit of bytes. */
enum block { BLOCK_NONE, BLOCK_HEAD, BLOCK_TRAILER, BLOCK_CHUNK_LINE };

static enum block current_block(const struct http1_parser *parser)
{
	if (parser->state >= AT_METHOD && parser->state <= AT_FOLD)
		return parser->trailer ? BLOCK_TRAILER : BLOCK_HEAD;
	if (parser->state >= AT_CHUNK_SIZE && parser->state <= AT_CHUNK_EXTENSION)
		return BLOCK_CHUNK_LINE;
	return BLOCK_NONE;
}

/* Go's limit of a head does not count the bytes that Go had read ahead with the message before. */
static uint64_t block_max(const struct http1_parser *parser, enum block block)
{
	switch (block) {
	case BLOCK_HEAD:
		return parser->followed ? HTTP1_HEAD_MAX + PIPELINED_MAX : HTTP1_HEAD_MAX;
	case BLOCK_TRAILER:
		return TRAILER_MAX;
	case BLOCK_CHUNK_LINE:
		return CHUNK_LINE_MAX;
	default:
		return UINT64_MAX;
	}
}

/* A reader never goes past the end of a line: the last byte that it took tells whether one ended.
 */
static void http1_measure(struct http1_parser *parser, enum block block, const char *data,
			  size_t used)
{
	if (current_block(parser) != block)
		parser->block_bytes = 0;
	else
		parser->block_bytes += used;
	if (block == BLOCK_HEAD && parser->block_bytes > HTTP1_HEAD_MAX)
		http1_note(parser, HTTP1_ANOMALY_DISPUTED);
	if (parser->in_header && used > HTTP1_LINE_MAX - parser->line_size)
		http1_note(parser, HTTP1_ANOMALY_OVERSIZED);
	if (!parser->in_header || (used && data[used - 1] == '\n'))
		parser->line_size = 0;
	else if (used > HTTP1_LINE_MAX - parser->line_size)
		parser->line_size = HTTP1_LINE_MAX;
	else
		parser->line_size += used;
}

/* Reads what frames the body, and the head itself; takes a byte or moves the state. */
static size_t read_framing(struct http1_parser *parser, const char *data, size_t size)
{
	static const char *const too_large[] = {
		[BLOCK_HEAD] = "head too large",
		[BLOCK_TRAILER] = "trailer too large",
		[BLOCK_CHUNK_LINE] = "chunk line too long",
	};
	enum block block = current_block(parser);
	uint64_t left = block_max(parser, block) - parser->block_bytes;
	size_t used;

	if (!left) {
		http1_fail(parser, too_large[block]);
		return 0;
	}
	used = readers[parser->state](parser, data, size < left ? size : left);
	http1_measure(parser, block, data, used);
	return used;
}

static void begin_message(struct http1_parser *parser)
{
	memset(&parser->head, 0, sizeof(parser->head));
	parser->state = AT_START;
	parser->error = NULL;
	parser->message_bytes = parser->body_bytes = 0;
	parser->block_bytes = parser->digits = parser->line_size = parser->seen = 0;
	parser->header_count = 0;
	parser->version_major = parser->phase = parser->skipped = parser->escape = 0;
	parser->token_size = 0;
	parser->stale = parser->trailer = parser->cr = parser->in_header = false;
	parser->spaced = parser->bad = parser->at_body = false;
}

static void end_message(struct http1_parser *parser)
{
	parser->state = AT_START;
	parser->stale = true;
	parser->followed = true;
	parser->after_post = is_request(parser) && parser->head.verb == METHOD_POST;
}

static void begin_body(struct http1_parser *parser)
{
	parser->at_body = true;
	switch (parser->head.framing) {
	case HTTP1_BODY_LENGTH:
		parser->remaining = parser->head.content_length;
		parser->state = parser->remaining ? AT_BODY : AT_END;
		break;
	case HTTP1_BODY_CHUNKED:
		begin_chunk(parser);
		break;
	case HTTP1_BODY_UNTIL_CLOSE:
		parser->state = AT_BODY_UNTIL_CLOSE;
		break;
	default:
		parser->state = AT_END;
		break;
	}
}

/* Counts SIZE bytes of body, which no chunk or length is shorter than. */
static void pass_body(struct http1_parser *parser, uint64_t size)
{
	parser->at_body = false;
	parser->body_bytes += size;
	if (parser->state == AT_BODY_UNTIL_CLOSE)
		return;
	parser->remaining -= size;
	if (!parser->remaining)
		parser->state = parser->state == AT_CHUNK ? AT_CHUNK_CR : AT_END;
}

static bool is_in_body(const struct http1_parser *parser)
{
	return parser->state == AT_BODY || parser->state == AT_CHUNK ||
	       parser->state == AT_BODY_UNTIL_CLOSE;
}

static size_t body_piece(const struct http1_parser *parser, size_t size)
{
	if (parser->state == AT_BODY_UNTIL_CLOSE || parser->remaining > size)
		return size;
	return parser->remaining;
}

/* Reads on until there is something to tell; *RET_USED is how far. */
static enum http1_step http1_step(struct http1_parser *parser, const char *data, size_t size,
				  size_t *ret_used)
{
	size_t used = 0;

	while (parser->state != AT_ERROR && !is_in_body(parser)) {
		*ret_used = used;
		if (parser->state == AT_HEAD_END) {
			begin_body(parser);
			return HTTP1_HEAD;
		}
		if (parser->state == AT_END) {
			end_message(parser);
			return HTTP1_END;
		}
		if (used == size)
			return HTTP1_MORE;
		parser->at_body = false;
		used += read_framing(parser, data + used, size - used);
	}
	*ret_used = used;
	if (parser->state == AT_ERROR)
		return HTTP1_ERROR;
	return used < size ? HTTP1_BODY : HTTP1_MORE;
}

void http1_init(struct http1_parser *parser, enum http1_role role)
{
	parser->role = role;
	parser->followed = parser->after_post = false;
	begin_message(parser);
}

void http1_reset(struct http1_parser *parser)
{
	/* Where the message before is not known to its end it may have been a POST. */
	if (parser->state != AT_START) {
		parser->followed = true;
		parser->after_post = is_request(parser);
	}
	begin_message(parser);
}

bool http1_in_message(const struct http1_parser *parser)
{
	return parser->state != AT_START;
}

enum http1_step http1_next(struct http1_parser *parser, const char *data, size_t size,
			   size_t *ret_used, const char **ret_body, size_t *ret_body_size)
{
	enum http1_step found;

	if (parser->stale && size)
		begin_message(parser);
	found = http1_step(parser, data, size, ret_used);
	*ret_body = NULL;
	*ret_body_size = 0;
	if (found == HTTP1_BODY) {
		*ret_body = data + *ret_used;
		*ret_body_size = body_piece(parser, size - *ret_used);
		*ret_used += *ret_body_size;
		pass_body(parser, *ret_body_size);
	}
	parser->message_bytes += *ret_used;
	return found;
}

void http1_response_to(struct http1_parser *parser, enum method method)
{
	if (is_request(parser) || !parser->at_body || method != METHOD_HEAD)
		return;
	parser->head.framing = HTTP1_BODY_NONE;
	parser->state = AT_END;
}

int http1_skip(struct http1_parser *parser, uint64_t size)
{
	if (!size)
		return parser->state == AT_ERROR ? -ENODATA : 0;
	if (!is_in_body(parser) ||
	    (parser->state != AT_BODY_UNTIL_CLOSE && size > parser->remaining)) {
		http1_fail(parser, "bytes were lost");
		return -ENODATA;
	}
	pass_body(parser, size);
	parser->message_bytes += size;
	return 0;
}

int http1_finish(struct http1_parser *parser, bool *ret_end)
{
	bool end = parser->state == AT_END || parser->state == AT_BODY_UNTIL_CLOSE;

	if (!end && parser->state != AT_START)
		return -EPIPE;
	if (end)
		end_message(parser);
	*ret_end = end;
	return 0;
}
