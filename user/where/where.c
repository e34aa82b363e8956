// SPDX-License-Identifier: Apache-2.0
#define PCRE2_CODE_UNIT_WIDTH 8
#include "where/where.h"

#include <errno.h>
#include <pcre2.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "setting/wildcard.h"
#include "record/finding.h"
#include "where/lexer.h"

#define PLACES 4	 /* of one field */
#define STEPS_MAX 100000 /* of one pattern on one text */
#define HEAP_LIMIT 1024	 /* KiB */
#define NO_NODE UINT_MAX

enum operator{
	EXISTS,
	EQUAL,
	LESS,
	LESS_OR_EQUAL,
	GREATER,
	GREATER_OR_EQUAL,
	GLOB,
	MATCHES,
	CONTAINS,
	STARTS_WITH,
	ENDS_WITH,
};

enum where_kind { NODE_AND, NODE_OR, NODE_NOT, NODE_TEST };

struct where_node {
	enum where_kind kind;
	unsigned int first, next; /* of what is within, and what follows there; NO_NODE: none */
	/* Of a test. */
	enum operator operator;
	unsigned int field, value, values; /* the first of so many values: any of them */
};

struct literal {
	struct bytes text;
	bool is_number;
	int64_t number;
	pcre2_code *code;
	pcre2_match_data *match;
};

struct where_field {
	struct field_path places[PLACES];
	unsigned int count;
};

struct where {
	char *names, *strings; /* the fields and the strings lie here */
	size_t names_used;
	/* WHERE_NODES_MAX of each while it is parsed, then as many as there are. */
	struct where_node *nodes;
	struct where_field *fields;
	struct literal *literals;
	unsigned int node_count, field_count, literal_count;
	unsigned int root;
	pcre2_match_context *limits;
};

struct where_parser {
	struct where *where;
	struct lexer lexer;
	unsigned int depth;
	int error;
	char *reason;
	size_t size;
};

/* --- names ------------------------------------------------------------------------------------ */

static const struct short_name {
	const char *name, *path;
} short_names[] = {
	{"action", "event.action"},
	{"agent", "callerd.ai.agent"},
	{"cause", "callerd.cause.kind"},
	{"ci", "callerd.ci.system"},
	{"client", "user_agent.original"},
	{"command", "process.command_line"},
	{"container", "container.name"},
	{"duration", "event.duration"},
	{"effective_user", "user.effective.name"},
	{"event", "callerd.docker_event.action"},
	{"exe", "process.executable"},
	{"expected", "callerd.expected_rule"},
	{"finding", "callerd.findings.id"},
	{"image", "container.image.name"},
	{"job", "callerd.ci.job"},
	{"operation", "callerd.api.operation"},
	{"outcome", "event.outcome"},
	{"pid", "process.pid"},
	{"repository", "callerd.ci.repository"},
	{"severity", "event.severity"},
	{"socket", "callerd.connection.socket"},
	{"status", "http.response.status_code"},
	{"target", "callerd.target.name"},
	{"target_image", "callerd.target.image"},
	{"type", "event.type"},
	{"unit", "callerd.caller.unit"},
	{"user", "user.name"},
};

void where_walk_names(void *data, void (*see)(void *data, const char *name, const char *path))
{
	for (size_t i = 0; i < COUNT(short_names); i++)
		see(data, short_names[i].name, short_names[i].path);
}

static const char *long_name(const char *name)
{
	for (size_t i = 0; i < COUNT(short_names); i++)
		if (!strcmp(name, short_names[i].name))
			return short_names[i].path;
	return name;
}

/* --- parsing ---------------------------------------------------------------------------------- */

__attribute__((format(printf, 2, 3))) static void refuse(struct where_parser *parser,
							 const char *format, ...)
{
	va_list arguments;
	int size;

	if (parser->error)
		return;
	parser->error = -EINVAL;
	size = snprintf(parser->reason, parser->size, "at %zu: ", parser->lexer.start + 1);
	if (size < 0 || (size_t)size >= parser->size)
		return;
	va_start(arguments, format);
	vsnprintf(parser->reason + size, parser->size - (size_t)size, format, arguments);
	va_end(arguments);
}

static unsigned int add_node(struct where_parser *parser, enum where_kind kind)
{
	struct where *where = parser->where;

	if (where->node_count == WHERE_NODES_MAX)
		refuse(parser, "more than %d comparisons", WHERE_NODES_MAX);
	if (parser->error)
		return NO_NODE;
	where->nodes[where->node_count] =
		(struct where_node){.kind = kind, .first = NO_NODE, .next = NO_NODE};
	return where->node_count++;
}

/* Takes over the name that was read last. */
static void parse_field(struct where_parser *parser, struct where_node *node)
{
	struct where *where = parser->where;
	struct where_field *field = &where->fields[where->field_count];
	struct bytes word = parser->lexer.word;
	char *name = where->names + where->names_used;

	memcpy(name, word.data, word.size);
	name[word.size] = '\0';
	where->names_used += word.size + 1;
	field->count = fields_find_all(long_name(name), field->places, PLACES);
	for (unsigned int i = 0; i < field->count; i++)
		if (field->places[i].when & IF_JOURNAL)
			field->places[i--] = field->places[--field->count];
	if (!field->count)
		refuse(parser, "\"%.60s\" is no field", name);
	node->field = where->field_count++;
}

/* What a number is multiplied by; 0: there is no such unit. */
static int64_t factor_of(struct bytes unit)
{
	static const struct {
		const char *name;
		int64_t factor;
	} units[] = {
		{"", 1},
		{"ns", 1},
		{"us", 1000},
		{"ms", 1000000},
		{"s", 1000000000},
		{"m", 60000000000},
		{"h", 3600000000000},
		{"d", 86400000000000},
		{"K", 1 << 10},
		{"M", 1 << 20},
		{"G", 1 << 30},
		{"T", INT64_C(1) << 40},
	};

	for (size_t i = 0; i < COUNT(units); i++)
		if (bytes_are(unit, units[i].name))
			return units[i].factor;
	return 0;
}

/* A number, perhaps with a unit. */
static bool literal_number(struct bytes word, int64_t *ret)
{
	size_t sign = word.size && word.data[0] == '-', at = sign;
	int64_t number = 0, factor;

	for (; at < word.size && word.data[at] >= '0' && word.data[at] <= '9'; at++)
		if (__builtin_mul_overflow(number, 10, &number) ||
		    __builtin_add_overflow(number, word.data[at] - '0', &number))
			return false;
	factor = at > sign ? factor_of(bytes_from(word, at)) : 0;
	if (!factor || __builtin_mul_overflow(number, sign ? -factor : factor, ret))
		return false;
	return true;
}

static bool severity_of(struct bytes word, int64_t *ret)
{
	enum finding_severity severity = finding_severity_by_name(word.data, word.size);

	*ret = severity ? finding_severity_number(severity) : 0;
	return severity;
}

static void compile_literal(struct where_parser *parser, struct literal *literal)
{
	size_t offset;
	int error;
	char why[120];

	if (!parser->where->limits)
		parser->where->limits = pcre2_match_context_create(NULL);
	literal->code =
		pcre2_compile((PCRE2_SPTR)literal->text.data, literal->text.size,
			      PCRE2_NEVER_BACKSLASH_C | PCRE2_AUTO_CALLOUT, &error, &offset, NULL);
	if (!literal->code) {
		pcre2_get_error_message(error, (PCRE2_UCHAR *)why, sizeof(why));
		refuse(parser, "%s", why);
		return;
	}
	literal->match = pcre2_match_data_create_from_pattern(literal->code, NULL);
	if (!literal->match || !parser->where->limits) {
		parser->error = -ENOMEM;
		return;
	}
	pcre2_set_heap_limit(parser->where->limits, HEAP_LIMIT);
}

static bool is_severity(const struct where_parser *parser, const struct where_node *node)
{
	return !strcmp(parser->where->fields[node->field].places[0].path, "event.severity");
}

static bool is_ordering(enum operator operator)
{
	return operator>= LESS && operator<= GREATER_OR_EQUAL;
}

static void parse_value(struct where_parser *parser, struct where_node *node)
{
	struct where *where = parser->where;
	const struct lexer *lexer = &parser->lexer;
	struct literal *literal = &where->literals[where->literal_count];
	bool ordering = is_ordering(node->operator), severity = is_severity(parser, node);

	if (lexer->kind == LEXER_WRONG)
		refuse(parser, "a quote without its end");
	else if (lexer->kind != LEXER_WORD && lexer->kind != LEXER_STRING)
		refuse(parser, "a value is missing");
	else if (where->literal_count == WHERE_NODES_MAX)
		refuse(parser, "more than %d values", WHERE_NODES_MAX);
	if (parser->error)
		return;
	*literal = (struct literal){.text = lexer->word};
	where->literal_count++;
	node->values++;
	if (lexer->kind == LEXER_WORD)
		literal->is_number =
			literal_number(lexer->word, &literal->number) ||
			((ordering || severity) && severity_of(lexer->word, &literal->number));
	if (ordering && !literal->is_number)
		refuse(parser, "what is less or greater is a number, or a severity");
	else if (severity && node->operator== EQUAL && !literal->is_number)
		refuse(parser, "a severity is 0 to 100, or info, low, medium, high, critical");
	else if (node->operator== MATCHES)
		compile_literal(parser, literal);
	lexer_next(&parser->lexer);
}

static void parse_values(struct where_parser *parser, struct where_node *node)
{
	if (!lexer_is(&parser->lexer, "("))
		refuse(parser, "\"in\" takes its values in parentheses");
	do {
		lexer_next(&parser->lexer);
		parse_value(parser, node);
	} while (!parser->error && lexer_is(&parser->lexer, ","));
	if (!lexer_is(&parser->lexer, ")"))
		refuse(parser, "\")\" is missing");
	lexer_next(&parser->lexer);
}

static const struct {
	const char *word;
	enum operator operator;
	bool is_not;
} operators[] = {
	{"=", EQUAL, false},
	{"==", EQUAL, false},
	{"!=", EQUAL, true},
	{"<", LESS, false},
	{"<=", LESS_OR_EQUAL, false},
	{">", GREATER, false},
	{">=", GREATER_OR_EQUAL, false},
	{"in", EQUAL, false},
	{"glob", GLOB, false},
	{"matches", MATCHES, false},
	{"contains", CONTAINS, false},
	{"startswith", STARTS_WITH, false},
	{"endswith", ENDS_WITH, false},
};

/* FIELD, FIELD OPERATOR VALUE, or FIELD in (VALUE, …). Returns the node, which is perhaps a "not". */
static unsigned int parse_test(struct where_parser *parser)
{
	struct where *where = parser->where;
	unsigned int at = add_node(parser, NODE_TEST), around;
	struct where_node *node;
	bool is_in, is_not = false;

	if (at == NO_NODE)
		return NO_NODE;
	node = &where->nodes[at];
	if (parser->lexer.kind != LEXER_WORD) {
		refuse(parser, parser->lexer.kind == LEXER_WRONG ? "a quote without its end"
								 : "a field is missing");
		return NO_NODE;
	}
	parse_field(parser, node);
	lexer_next(&parser->lexer);
	node->value = where->literal_count;
	is_in = lexer_is(&parser->lexer, "in");
	for (size_t i = 0; i < COUNT(operators); i++) {
		if (parser->error || !lexer_is(&parser->lexer, operators[i].word))
			continue;
		node->operator= operators[i].operator;
		is_not = operators[i].is_not;
		lexer_next(&parser->lexer);
		if (is_in)
			parse_values(parser, node);
		else
			parse_value(parser, node);
		break;
	}
	if (!is_not)
		return at;
	around = add_node(parser, NODE_NOT);
	if (around != NO_NODE)
		where->nodes[around].first = at;
	return around;
}

static unsigned int parse_or(struct where_parser *parser);

static unsigned int parse_not(struct where_parser *parser)
{
	bool is_not = lexer_is(&parser->lexer, "not") || lexer_is(&parser->lexer, "!");
	unsigned int node, within;

	if (!is_not && !lexer_is(&parser->lexer, "("))
		return parse_test(parser);
	if (parser->depth == WHERE_DEPTH_MAX) {
		refuse(parser, "more than %d parentheses within each other", WHERE_DEPTH_MAX);
		return NO_NODE;
	}
	parser->depth++;
	lexer_next(&parser->lexer);
	node = is_not ? add_node(parser, NODE_NOT) : NO_NODE;
	within = parser->error ? NO_NODE : is_not ? parse_not(parser) : parse_or(parser);
	parser->depth--;
	if (is_not && node != NO_NODE)
		parser->where->nodes[node].first = within;
	if (!is_not && !lexer_is(&parser->lexer, ")"))
		refuse(parser, "\")\" is missing");
	else if (!is_not)
		lexer_next(&parser->lexer);
	return is_not ? node : within;
}

/* What WORD joins. */
static unsigned int parse_joined(struct where_parser *parser, enum where_kind kind,
				 const char *word,
				 unsigned int (*parse)(struct where_parser *parser))
{
	struct where *where = parser->where;
	unsigned int last = parse(parser), joined;

	if (parser->error || !lexer_is(&parser->lexer, word))
		return last;
	joined = add_node(parser, kind);
	if (joined == NO_NODE)
		return NO_NODE;
	where->nodes[joined].first = last;
	while (!parser->error && lexer_is(&parser->lexer, word)) {
		unsigned int next;

		lexer_next(&parser->lexer);
		next = parse(parser);
		where->nodes[last].next = next;
		last = next;
	}
	return joined;
}

static unsigned int parse_and(struct where_parser *parser)
{
	return parse_joined(parser, NODE_AND, "and", parse_not);
}

static unsigned int parse_or(struct where_parser *parser)
{
	return parse_joined(parser, NODE_OR, "or", parse_and);
}

static bool where_make_room(struct where *where)
{
	where->nodes = calloc(WHERE_NODES_MAX, sizeof(*where->nodes));
	where->fields = calloc(WHERE_NODES_MAX, sizeof(*where->fields));
	where->literals = calloc(WHERE_NODES_MAX, sizeof(*where->literals));
	return where->nodes && where->fields && where->literals;
}

/* Fifty kilobytes become some hundred bytes. A piece of memory that cannot be made smaller stays. */
static void where_fit(struct where *where)
{
	where->nodes = reallocarray(where->nodes, where->node_count, sizeof(*where->nodes))
			       ?: where->nodes;
	where->fields = reallocarray(where->fields, where->field_count, sizeof(*where->fields))
				?: where->fields;
	where->literals =
		reallocarray(where->literals, where->literal_count + 1, sizeof(*where->literals))
			?: where->literals;
}

int where_parse(const char *text, struct where **ret, char *reason, size_t size)
{
	struct where_parser parser = {
		.where = calloc(1, sizeof(*parser.where)),
		.reason = reason,
		.size = size,
	};
	size_t length = strlen(text);

	if (!parser.where)
		return -ENOMEM;
	/* Each field has a byte behind it that ends it. */
	parser.where->names = malloc(2 * length + 2);
	parser.where->strings = malloc(length + 1);
	parser.lexer = (struct lexer){.text = text, .room = parser.where->strings};
	if (!parser.where->names || !parser.where->strings || !where_make_room(parser.where))
		parser.error = -ENOMEM;
	else if (length > WHERE_SIZE_MAX)
		refuse(&parser, "the expression has more than %d bytes", WHERE_SIZE_MAX);
	if (!parser.error) {
		lexer_next(&parser.lexer);
		parser.where->root = parse_or(&parser);
		if (parser.lexer.kind != LEXER_END)
			refuse(&parser, "\"and\", \"or\" or the end was expected");
	}
	if (parser.error) {
		where_free(parser.where);
		return parser.error;
	}
	where_fit(parser.where);
	*ret = parser.where;
	return 0;
}

void where_free(struct where *where)
{
	if (!where)
		return;
	for (unsigned int i = 0; i < where->literal_count; i++) {
		pcre2_match_data_free(where->literals[i].match);
		pcre2_code_free(where->literals[i].code);
	}
	pcre2_match_context_free(where->limits);
	free(where->nodes);
	free(where->fields);
	free(where->literals);
	free(where->names);
	free(where->strings);
	free(where);
}

/* --- matching --------------------------------------------------------------------------------- */

struct where_question {
	struct where *where;
	const struct where_node *node;
	bool unsure;
};

/* The number that VALUE is, or stands for. */
static bool value_number(const struct field_value *value, int64_t *ret)
{
	switch (value->kind) {
	case VALUE_NUMBER:
	case VALUE_ID:
	case VALUE_TIME:
		*ret = value->number > INT64_MAX ? INT64_MAX : (int64_t)value->number;
		return true;
	case VALUE_SIGNED:
		*ret = (int64_t)value->number;
		return true;
	case VALUE_WORD:
		return severity_of(value->text, ret);
	default:
		return false;
	}
}

static bool is_ordered(enum operator operator, int64_t value, int64_t literal)
{
	switch (operator) {
	case LESS:
		return value < literal;
	case LESS_OR_EQUAL:
		return value <= literal;
	case GREATER:
		return value > literal;
	default:
		return value >= literal;
	}
}

static bool where_has(struct bytes text, struct bytes part)
{
	return !part.size || (text.size && memmem(text.data, text.size, part.data, part.size));
}

static bool where_starts(struct bytes text, struct bytes part)
{
	return text.size >= part.size && bytes_equal((struct bytes){text.data, part.size}, part);
}

static bool where_ends(struct bytes text, struct bytes part)
{
	return text.size >= part.size && bytes_equal(bytes_from(text, text.size - part.size), part);
}

/* PCRE2's own limit counts anew from each position of the text. */
static int count_step(pcre2_callout_block *block, void *steps)
{
	(void)block;
	return ++*(unsigned int *)steps > STEPS_MAX ? PCRE2_ERROR_CALLOUT : 0;
}

static bool matches_regex(struct where_question *question, const struct literal *literal,
			  struct bytes text)
{
	unsigned int steps = 0;
	int found;

	pcre2_set_callout(question->where->limits, count_step, &steps);
	found = pcre2_match(literal->code, (PCRE2_SPTR)(text.data ?: ""), text.size, 0, 0,
			    literal->match, question->where->limits);
	if (found < 0 && found != PCRE2_ERROR_NOMATCH)
		question->unsure = true;
	return found > 0;
}

static bool is_value_of(struct where_question *question, struct fields *fields,
			const struct field_value *value, const struct literal *literal)
{
	enum operator operator= question->node->operator;
	struct bytes text;
	int64_t number;

	if (is_ordering(operator))
		return value_number(value, &number) &&
		       is_ordered(operator, number, literal->number);
	if (operator== EQUAL && literal->is_number && value->kind != VALUE_WORD &&
	    value_number(value, &number))
		return number == literal->number;
	text = fields_text(fields, value);
	switch (operator) {
	case GLOB:
		return wildcard_matches(literal->text, text, false);
	case MATCHES:
		return matches_regex(question, literal, text);
	case CONTAINS:
		return where_has(text, literal->text);
	case STARTS_WITH:
		return where_starts(text, literal->text);
	case ENDS_WITH:
		return where_ends(text, literal->text);
	default:
		return bytes_equal(text, literal->text);
	}
}

static bool test_value(void *data, struct fields *fields, const struct field_value *value)
{
	struct where_question *question = data;
	const struct where_node *node = question->node;

	if (node->operator== EXISTS)
		return value->kind != VALUE_BOOL || value->number;
	for (unsigned int i = 0; i < node->values; i++)
		if (is_value_of(question, fields, value,
				&question->where->literals[node->value + i]))
			return true;
	return false;
}

static enum where_answer answer_test(struct where *where, const struct where_node *node,
				     struct fields *fields)
{
	const struct where_field *field = &where->fields[node->field];
	struct where_question question = {.where = where, .node = node};

	for (unsigned int i = 0; i < field->count; i++) {
		if (fields_any(fields, &field->places[i], test_value, &question))
			return WHERE_YES;
		question.unsure |= fields_awaited(fields, &field->places[i]);
	}
	return question.unsure || fields->scratch.error || fields->masked.error ? WHERE_MAYBE
										: WHERE_NO;
}

/* As Kleene's logic has it. The depth is that of the parentheses. */
static enum where_answer answer_node(struct where *where, unsigned int at, struct fields *fields)
{
	const struct where_node *node = &where->nodes[at];
	enum where_answer all = node->kind == NODE_AND ? WHERE_YES : WHERE_NO;
	/* That decides, whatever else there is. */
	enum where_answer end = node->kind == NODE_AND ? WHERE_NO : WHERE_YES;

	if (node->kind == NODE_TEST)
		return answer_test(where, node, fields);
	if (node->kind == NODE_NOT)
		return WHERE_YES - answer_node(where, node->first, fields);
	for (at = node->first; at != NO_NODE && all != end; at = where->nodes[at].next) {
		enum where_answer one = answer_node(where, at, fields);

		if (node->kind == NODE_AND ? one < all : one > all)
			all = one;
	}
	return all;
}

enum where_answer where_matches(struct where *where, struct fields *fields)
{
	return answer_node(where, where->root, fields);
}
