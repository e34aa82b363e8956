// SPDX-License-Identifier: Apache-2.0
/*
 * Arguments are read as words. A word may be an option that takes a secret (table options), name
 * one itself (NAME=value, "name": "value", Name: value, user:password@host), or be a text of words
 * again, as after `sh -c`.
 */
#include "secret/mask.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <errno.h>
#include <pcre2.h>
#include <stdlib.h>
#include <strings.h>

#include "base/bytes.h"
#include "base/hash.h"
#include "base/percent.h"
#include "secret/command.h"

#define NESTING_MAX 4	  /* shell in shell; what is deeper is masked as a whole */
#define TOKEN_MIN 16	  /* bytes that make a known beginning a token */
#define NAME_MAX_SIZE 256 /* what is longer is no name */
#define SETTLED_PLACES 64
#define NONE SIZE_MAX

/* Parts of names, by their first letters. '-' is the same as '_', case does not count. */
#define PARTS_MAX 8
static const char *const secret_parts['z' - 'a' + 1][PARTS_MAX] = {
	['a' - 'a'] = {"apikey", "api_key", "access_key", "accesskey", "account_key", "accountkey"},
	['b' - 'a'] = {"bearer"},
	['c' - 'a'] = {"credential", "cookie", "connection_string", "connectionstring"},
	['d' - 'a'] = {"decryption_key"},
	['e' - 'a'] = {"encryption_key"},
	['j' - 'a'] = {"jwt"},
	['p' - 'a'] = {"password", "passwd", "passphrase", "private_key", "privatekey"},
	['r' - 'a'] = {"registry_config", "registryconfig"},
	['s' - 'a'] = {"secret", "signature"},
	['t' - 'a'] = {"token"},
	['u' - 'a'] = {"unlock_key", "unlockkey"},
};
static const char *const secret_endings[] = {"pass", "_pwd"};
/* Whole names: Azure's signatures. */
static const char *const secret_names[] = {"sig"};

/* The value of an option that ends so is where the secret is, or how to ask for it. */
static const char *const harmless_endings[] = {"_file", "_stdin", "_path", "_dir",
					       "_fd",	"_name",  "_url",  "_type"};

/* Members of a request's JSON that hold secrets under a harmless name. */
static const char *const secret_members[] = {
	"env", "buildargs", "data", "cmd", "entrypoint", "command", "args", "healthcheck", "test"};

/* Query keys of the engine's API that hold secrets under a harmless name. */
static const char *const secret_keys[] = {"buildargs", "labels"};

/* Query keys whose values are names of images or plugins. */
static const char *const reference_keys[] = {"fromimage", "repo",      "t",    "names",	   "remote",
					     "image",	  "reference", "name", "cachefrom"};

/* Where a token ends, and what makes it one. */
enum {
	TOKEN_SLASHES = 1 << 0, /* slashes are part of the token */
	TOKEN_DIGIT = 1 << 1,	/* without a digit the word is no token */
	TOKEN_REST = 1 << 2,	/* all that follows is part of the token */
};

/* clang-format off */
/* Tokens that are known by how they begin. */
static const struct {
	char prefix[28];
	unsigned int form;
} tokens[] = {
	{"-----BEGIN ", TOKEN_REST}, {"AGE-SECRET-KEY-", 0}, {"AIza", TOKEN_DIGIT},
	{"AKIA", TOKEN_DIGIT}, {"ASIA", TOKEN_DIGIT}, {"SG.", TOKEN_DIGIT}, {"SWMKEY-", 0},
	{"SWMTKN-", 0}, {"dckr_oat_", 0}, {"dckr_pat_", 0}, {"dop_v1_", 0}, {"dp.pt.", 0},
	{"eyJ", TOKEN_SLASHES}, {"gho_", 0}, {"ghp_", 0}, {"ghr_", 0}, {"ghs_", 0}, {"ghu_", 0},
	{"github_pat_", 0}, {"glagent-", TOKEN_DIGIT}, {"glcbt-", TOKEN_DIGIT},
	{"gldt-", TOKEN_DIGIT}, {"glft-", TOKEN_DIGIT}, {"glpat-", 0}, {"glptt-", TOKEN_DIGIT},
	{"glrt-", 0}, {"glsoat-", TOKEN_DIGIT}, {"hf_", TOKEN_DIGIT},
	{"hooks.slack.com/services/", TOKEN_SLASHES}, {"hvb.", 0}, {"hvr.", 0}, {"hvs.", 0},
	{"npm_", TOKEN_DIGIT}, {"pypi-", TOKEN_DIGIT}, {"rk_live_", 0}, {"rk_test_", 0},
	{"shpat_", 0}, {"sk-ant-", 0}, {"sk-proj-", 0}, {"sk_live_", 0}, {"sk_test_", 0},
	{"xapp-", TOKEN_DIGIT}, {"xoxa-", 0}, {"xoxb-", 0}, {"xoxe.", 0}, {"xoxp-", 0},
	{"xoxr-", 0}, {"xoxs-", 0}, {"ya29.", 0},
};

/* Programs and subcommands that decide how the words behind them are read. */
enum program {
	CURL = 1 << 0,
	ENGINE = 1 << 1,
	ENGINE_LOGIN = 1 << 2,	/* with the subcommand login */
	ENGINE_PLUGIN = 1 << 3, /* with the subcommand plugin: settings are NAME=value */
	ENGINE_OTHER = 1 << 4,	/* with a subcommand that is not login */
	SSHPASS = 1 << 5,
	MYSQL = 1 << 6,
	REDIS = 1 << 7,
	LDAP = 1 << 8,
	SHELL = 1 << 9,
	ECHO = 1 << 10,
	ACCOUNTS = 1 << 11, /* -p takes the hash of a password */
};

static const struct word {
	char name[16];
	unsigned int programs;
} programs[] = {
	{"curl", CURL}, {"docker", ENGINE}, {"podman", ENGINE}, {"nerdctl", ENGINE},
	{"buildah", ENGINE}, {"skopeo", ENGINE}, {"crane", ENGINE}, {"oras", ENGINE},
	{"helm", ENGINE}, {"docker-compose", ENGINE}, {"sshpass", SSHPASS}, {"mysql", MYSQL},
	{"mariadb", MYSQL}, {"mysqldump", MYSQL}, {"mysqladmin", MYSQL}, {"mariadb-dump", MYSQL},
	{"redis-cli", REDIS}, {"ldapsearch", LDAP}, {"ldapmodify", LDAP}, {"ldapadd", LDAP},
	{"sh", SHELL}, {"bash", SHELL}, {"dash", SHELL}, {"ash", SHELL}, {"zsh", SHELL},
	{"ksh", SHELL}, {"fish", SHELL}, {"su", SHELL}, {"runuser", SHELL}, {"echo", ECHO},
	{"printf", ECHO}, {"useradd", ACCOUNTS}, {"usermod", ACCOUNTS}, {"groupadd", ACCOUNTS},
	{"groupmod", ACCOUNTS},
}, subcommands[] = { /* of engines */
	{"login", ENGINE_LOGIN}, {"plugin", ENGINE_OTHER | ENGINE_PLUGIN}, {"run", ENGINE_OTHER},
	{"exec", ENGINE_OTHER}, {"create", ENGINE_OTHER}, {"build", ENGINE_OTHER},
	{"buildx", ENGINE_OTHER}, {"compose", ENGINE_OTHER}, {"container", ENGINE_OTHER},
	{"image", ENGINE_OTHER}, {"service", ENGINE_OTHER}, {"stack", ENGINE_OTHER},
	{"swarm", ENGINE_OTHER}, {"volume", ENGINE_OTHER}, {"network", ENGINE_OTHER},
	{"system", ENGINE_OTHER}, {"pull", ENGINE_OTHER}, {"push", ENGINE_OTHER},
	{"ps", ENGINE_OTHER}, {"start", ENGINE_OTHER}, {"stop", ENGINE_OTHER},
	{"commit", ENGINE_OTHER}, {"cp", ENGINE_OTHER}, {"update", ENGINE_OTHER},
	{"kube", ENGINE_OTHER}, {"pod", ENGINE_OTHER},
};

/* What of a value is secret. */
enum form {
	NOTHING,
	WHOLE,
	WHOLE_UNLESS_OPTION, /* the option before it may not take a value at all */
	WHOLE_IF_ATTACHED,   /* -pVALUE; the program asks where there is none */
	ASSIGNED,	     /* NAME=value */
	HEADER,		     /* Name: value, if Name is secret */
	AFTER_COLON,	     /* user:value */
	USERINFO,	     /* user:value@host */
	BODY,		     /* of a request: each text of a list, as of a plugin's settings */
	REST,		     /* all that follows too */
};

/* Options by name without dashes; one letter goes with one dash. The first that fits counts. */
static const struct mask_option {
	char name[20];
	unsigned int programs; /* only after one of these; 0: always */
	enum form form;
} options[] = {
	{"e", 0, ASSIGNED}, {"env", 0, ASSIGNED}, {"env-add", 0, ASSIGNED},
	{"build-arg", 0, ASSIGNED}, {"from-literal", 0, ASSIGNED},
	{"p", ENGINE_LOGIN | SSHPASS | ACCOUNTS, WHOLE}, {"p", MYSQL, WHOLE_IF_ATTACHED},
	{"a", REDIS, WHOLE}, {"w", LDAP, WHOLE}, {"b", CURL, WHOLE}, {"password", 0, WHOLE},
	{"passwd", 0, WHOLE}, {"token", 0, WHOLE}, {"pass", 0, WHOLE}, {"passin", 0, WHOLE},
	{"passout", 0, WHOLE},
	{"H", 0, HEADER}, {"header", 0, HEADER}, {"proxy-header", 0, HEADER},
	{"u", CURL, AFTER_COLON}, {"U", CURL, AFTER_COLON}, {"E", CURL, AFTER_COLON},
	{"user", CURL, AFTER_COLON}, {"cert", CURL, AFTER_COLON}, {"proxy-user", 0, AFTER_COLON},
	{"creds", 0, AFTER_COLON}, {"src-creds", 0, AFTER_COLON},
	{"source-creds", 0, AFTER_COLON}, {"dest-creds", 0, AFTER_COLON},
	{"x", CURL, USERINFO}, {"proxy", 0, USERINFO}, {"preproxy", 0, USERINFO},
	{"d", CURL, BODY}, {"data", 0, BODY}, {"data-ascii", 0, BODY}, {"data-binary", 0, BODY},
	{"data-raw", 0, BODY}, {"data-urlencode", 0, BODY}, {"json", CURL, BODY},
	{"post-data", 0, BODY}, {"body-data", 0, BODY},
	{"with-registry-auth", 0, NOTHING},
};

enum { SPACE = 1, LETTER = 2, DIGIT = 4, NAME_MARK = 8, SEPARATOR = 16 };

static const unsigned char classes[256] = {
	['a' ... 'z'] = LETTER, ['A' ... 'Z'] = LETTER, ['0' ... '9'] = DIGIT,
	['_'] = NAME_MARK, ['-'] = NAME_MARK, ['.'] = NAME_MARK, ['%'] = NAME_MARK,
	[' '] = SPACE, ['\t'] = SPACE, ['\n'] = SPACE, ['\r'] = SPACE,
	[';'] = SEPARATOR, ['|'] = SEPARATOR, ['&'] = SEPARATOR, ['('] = SEPARATOR,
	[')'] = SEPARATOR, ['<'] = SEPARATOR, ['>'] = SEPARATOR, ['`'] = SEPARATOR,
};
/* clang-format on */

struct masker {
	struct text *out;
	unsigned int programs; /* enum program: seen in this command */
	enum form next;	       /* of the word that comes */
	unsigned int depth;
	bool command_next;   /* the word that comes is a text for a shell */
	bool keys_only;	     /* values of a query are not looked into */
	bool password_piped; /* some command reads a password from a pipe */
	bool masked;
};

/* A span of a text; start NONE: nothing was found. */
struct span {
	size_t start, end;
};

static bool mask_is_class(char c, unsigned int wanted)
{
	return classes[(unsigned char)c] & wanted;
}

static char mask_fold(char c)
{
	return c == '-' ? '_' : (char)(c >= 'A' && c <= 'Z' ? c + 'a' - 'A' : c);
}

static struct bytes mask_slice(struct bytes bytes, size_t start, size_t end)
{
	return (struct bytes){bytes.data + start, end - start};
}

/* Looks at the first byte before anything else: nearly all words of the tables differ there. */
static inline bool mask_equals(struct bytes bytes, const char *string)
{
	return bytes.size && *bytes.data == *string && bytes_are(bytes, string);
}

static bool equals_any_case(struct bytes bytes, const char *const *strings, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (bytes.size == strlen(strings[i]) &&
		    !strncasecmp(bytes.data, strings[i], bytes.size))
			return true;
	return false;
}

/* Whether NAME has PART, which is folded, at AT. */
static bool has_part_at(struct bytes name, size_t at, const char *part)
{
	for (; *part; part++, at++)
		if (at >= name.size || mask_fold(name.data[at]) != *part)
			return false;
	return true;
}

static bool has_ending(struct bytes name, const char *const *endings, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		size_t size = strlen(endings[i]);

		if (name.size >= size && has_part_at(name, name.size - size, endings[i]))
			return true;
	}
	return false;
}

/* Whether 'auth' is at AT, and not as a part of 'author'. */
static bool has_auth_at(struct bytes name, size_t at)
{
	return has_part_at(name, at, "auth") &&
	       (!has_part_at(name, at, "author") || has_part_at(name, at, "authori"));
}

/* Whether a secret part is at AT. */
static bool has_secret_part_at(struct bytes name, size_t at)
{
	char first = mask_fold(name.data[at]);
	const char *const *part;

	if (first < 'a' || first > 'z')
		return false;
	for (part = secret_parts[first - 'a']; *part; part++)
		if (has_part_at(name, at, *part))
			return true;
	return first == 'a' && has_auth_at(name, at);
}

/* Adds BYTES as they are. */
static void add_plain(struct masker *masker, struct bytes bytes)
{
	text_add_bytes(masker->out, bytes);
}

/* Adds *** in place of BYTES, unless there are none. */
static void add_mask(struct masker *masker, struct bytes bytes)
{
	if (!bytes.size)
		return;
	text_add(masker->out, MASK, MASK_SIZE);
	masker->masked = true;
}

/* --- what a site adds ---------------------------------------------------------------------------- */

#define SITE_MATCH_LIMIT 20000 /* steps of one match; a text that takes more is masked as a whole */
#define SITE_HEAP_LIMIT 1024   /* KiB, likewise */

/* Set before the first thread starts, and only read after that. */
static struct {
	unsigned int changes;
	char *names[MASK_SITE_MAX], *patterns[MASK_SITE_MAX]; /* as they were given */
	pcre2_code *codes[MASK_SITE_MAX];
	unsigned int name_count, pattern_count;
	pcre2_match_context *limits;
} site;

/* Adds TEXT to LIST. 1: LIST has TEXT already. */
static int add_to_site(char **list, unsigned int *count, const char *text)
{
	for (unsigned int i = 0; i < *count; i++)
		if (!strcmp(list[i], text))
			return 1;
	if (*count == MASK_SITE_MAX)
		return -E2BIG;
	list[*count] = strdup(text);
	if (!list[*count])
		return -ENOMEM;
	(*count)++;
	site.changes++;
	return 0;
}

int mask_check_name(const char *name)
{
	return !*name || strlen(name) > NAME_MAX_SIZE ? -EINVAL : 0;
}

int mask_add_name(const char *name)
{
	int result = mask_check_name(name) ?: add_to_site(site.names, &site.name_count, name);

	return result < 0 ? result : 0;
}

static pcre2_code *compile_pattern(const char *pattern, char *reason, size_t reason_size)
{
	pcre2_code *code;
	size_t offset;
	int error;

	code = pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED, PCRE2_NEVER_BACKSLASH_C,
			     &error, &offset, NULL);
	if (!code)
		pcre2_get_error_message(error, (PCRE2_UCHAR *)reason, reason_size);
	return code;
}

int mask_check_pattern(const char *pattern, char *reason, size_t reason_size)
{
	pcre2_code *code = compile_pattern(pattern, reason, reason_size);

	pcre2_code_free(code);
	return code ? 0 : -EINVAL;
}

int mask_add_pattern(const char *pattern, char *reason, size_t reason_size)
{
	pcre2_code *code;
	int result;

	if (!site.limits)
		site.limits = pcre2_match_context_create(NULL);
	if (!site.limits)
		return -ENOMEM;
	pcre2_set_match_limit(site.limits, SITE_MATCH_LIMIT);
	pcre2_set_heap_limit(site.limits, SITE_HEAP_LIMIT);
	code = compile_pattern(pattern, reason, reason_size);
	if (!code)
		return -EINVAL;
	result = add_to_site(site.patterns, &site.pattern_count, pattern);
	if (result)
		pcre2_code_free(code);
	else
		site.codes[site.pattern_count - 1] = code;
	return result < 0 ? result : 0;
}

void mask_forget_site(void)
{
	unsigned int changes = site.changes + 1;

	while (site.name_count)
		free(site.names[--site.name_count]);
	while (site.pattern_count) {
		pcre2_code_free(site.codes[--site.pattern_count]);
		free(site.patterns[site.pattern_count]);
	}
	pcre2_match_context_free(site.limits);
	memset(&site, 0, sizeof(site));
	site.changes = changes;
}

static bool site_has_name(struct bytes name)
{
	for (unsigned int i = 0; i < site.name_count; i++) {
		const char *part = site.names[i];

		for (size_t at = 0, same = 0; at + same < name.size; at++, same = 0) {
			while (part[same] && at + same < name.size &&
			       mask_fold(name.data[at + same]) == mask_fold(part[same]))
				same++;
			if (!part[same])
				return true;
		}
	}
	return false;
}

/* The secret that PATTERN finds in TEXT from AT on: its first group, if that ends behind AT, else the whole match. So
 * each secret ends behind the one before, also where a group looks back. */
static struct span site_span(const pcre2_code *pattern, pcre2_match_data *match, struct bytes text,
			     size_t at)
{
	int count = pcre2_match(pattern, (PCRE2_SPTR)text.data, text.size, at, PCRE2_NOTEMPTY,
				match, site.limits);
	const size_t *found = pcre2_get_ovector_pointer(match);

	if (count == PCRE2_ERROR_NOMATCH)
		return (struct span){NONE, NONE};
	if (count < 0)
		return (struct span){at, text.size}; /* it takes too long, or too much memory */
	if (count > 1 && found[2] != PCRE2_UNSET && found[2] < found[3] && found[3] > at)
		found += 2;
	return (struct span){found[0], found[1]};
}

static void mask_by_pattern(struct masker *masker, struct bytes text, const pcre2_code *pattern)
{
	pcre2_match_data *match = pcre2_match_data_create_from_pattern(pattern, NULL);
	struct span span = {NONE, NONE};
	size_t at = 0;

	if (!match) {
		add_mask(masker, text);
		return;
	}
	while (at < text.size && (span = site_span(pattern, match, text, at)).start != NONE &&
	       span.end > at) {
		struct bytes found = mask_slice(text, span.start > at ? span.start : at, span.end);

		add_plain(masker, mask_slice(text, at, (size_t)(found.data - text.data)));
		if (bytes_equal(found, bytes_of(MASK)))
			add_plain(masker, found);
		else
			add_mask(masker, found);
		at = span.end;
	}
	add_plain(masker, bytes_from(text, at));
	pcre2_match_data_free(match);
}

/* Masks by the site's patterns what was added to MASKER's text since it had START bytes: one argument or text. */
static void mask_by_site(struct masker *masker, size_t start)
{
	struct text *out = masker->out;

	for (unsigned int i = 0; i < site.pattern_count && !out->error; i++) {
		_cleanup_(text_free) struct text copy = {0};

		text_add_bytes(&copy, text_since(out, start));
		if (copy.error)
			out->error = copy.error;
		if (copy.size) {
			text_cut(out, start);
			mask_by_pattern(masker, text_since(&copy, 0), site.codes[i]);
		}
	}
}

bool mask_is_secret_name(struct bytes name)
{
	if (name.size > NAME_MAX_SIZE)
		return true;
	for (size_t at = 0; at < name.size; at++)
		if (has_secret_part_at(name, at))
			return true;
	return equals_any_case(name, secret_names, COUNT(secret_names)) ||
	       has_ending(name, secret_endings, COUNT(secret_endings)) || site_has_name(name);
}

/* As mask_is_secret_name(), for an option that a person types: its name may also tell where the secret is. */
static bool is_secret_setting(struct bytes name)
{
	return name.size && mask_is_secret_name(name) &&
	       !has_ending(name, harmless_endings, COUNT(harmless_endings));
}

static bool is_secret_member(struct bytes name)
{
	return equals_any_case(name, secret_members, COUNT(secret_members)) ||
	       (name.size && mask_is_secret_name(name));
}

/* KEY of a query decoded into ROOM. */
static struct bytes decode_key(struct bytes key, char room[NAME_MAX_SIZE + 1])
{
	struct text text = {.data = room, .capacity = NAME_MAX_SIZE + 1};

	if (key.size && key.size <= NAME_MAX_SIZE)
		percent_decode(&text, key, true);
	return (struct bytes){room, text.size};
}

/* Whether KEY, of a query and still encoded, is that of a secret. */
static bool is_secret_key(struct bytes key)
{
	char room[NAME_MAX_SIZE + 1];
	struct bytes name = decode_key(key, room);

	if (key.size > NAME_MAX_SIZE)
		return true;
	/* A flag of the swarm's update is none: rotateWorkerToken=true. */
	return name.size && !bytes_begin(name, "rotate") &&
	       (equals_any_case(name, secret_keys, COUNT(secret_keys)) ||
		mask_is_secret_name(name));
}

/* Whether the values of KEY, of a query and still encoded, are names of images. */
static bool is_reference_key(struct bytes key)
{
	char room[NAME_MAX_SIZE + 1];

	return equals_any_case(decode_key(key, room), reference_keys, COUNT(reference_keys));
}

/* --- texts without words: where a secret begins and ends ------------------------------------- */

/* Bytes below 128, a bit each. */
struct set {
	uint64_t low, high;
};

static size_t find_in_set(struct bytes text, size_t at, struct set set)
{
	for (; at < text.size; at++) {
		unsigned char c = (unsigned char)text.data[at];

		if (c < 128 && (c < 64 ? set.low : set.high) >> (c & 63) & 1)
			break;
	}
	return at;
}

/* The first of STOPS, which is a literal, from AT on, or the end. The compiler makes a constant of the set. */
__attribute__((always_inline)) static inline size_t find_any(struct bytes text, size_t at,
							     const char *stops)
{
	struct set set = {0};

#pragma GCC unroll 24
	for (size_t i = 0; i < __builtin_strlen(stops); i++)
		*(stops[i] < 64 ? &set.low : &set.high) |= 1ull << (stops[i] & 63);
	return find_in_set(text, at, set);
}

/* The next QUOTE that no backslash escapes, or the end. */
static size_t find_quote(struct bytes text, size_t at, char quote)
{
	while (at < text.size && text.data[at] != quote)
		at += text.data[at] == '\\' ? 2 : 1;
	return at < text.size ? at : text.size;
}

static size_t skip_spaces(struct bytes text, size_t at)
{
	while (at < text.size && mask_is_class(text.data[at], SPACE))
		at++;
	return at;
}

/* The name that ends before AT. */
static struct bytes name_before(struct bytes text, size_t at)
{
	size_t start = at;

	while (start && at - start < NAME_MAX_SIZE &&
	       mask_is_class(text.data[start - 1], LETTER | DIGIT | NAME_MARK))
		start--;
	return mask_slice(text, start, at);
}

/* The value that begins at AT after NAME=. QUOTE: the quote that both are in, or 0. */
static struct span assigned_span(struct bytes text, size_t at, struct bytes name, char quote)
{
	char before = name.data > text.data ? name.data[-1] : '\0';
	struct span span = {at, text.size};

	if (before == '?' || before == '&')
		span.end = find_any(text, at, "&# \t\n\"'");
	else if (quote)
		span.end = find_quote(text, at, quote);
	return span;
}

/* The end of the JSON array or object that opens at AT. */
static size_t find_close(struct bytes text, size_t at)
{
	int depth = 0;

	for (; at < text.size; at++) {
		char c = text.data[at];

		if (c == '"')
			at = find_quote(text, at + 1, '"');
		else if (c == '[' || c == '{')
			depth++;
		else if ((c == ']' || c == '}') && !--depth)
			return at;
	}
	return text.size;
}

/* The span between the quotes or brackets of the JSON value at AT. ESCAPED: the JSON is within a string, so that
 * its quotes have backslashes. */
static struct span json_value(struct bytes text, size_t at, bool escaped)
{
	const char *close;

	at = skip_spaces(text, at);
	if (at >= text.size)
		return (struct span){NONE, NONE};
	if (escaped) {
		if (text.size - at < 2 || text.data[at] != '\\')
			return (struct span){at, text.size};
		close = memmem(text.data + at + 2, text.size - at - 2, "\\\"", 2);
		if (!close || close[-1] == '\\')
			return (struct span){at + 2, text.size};
		return (struct span){at + 2, (size_t)(close - text.data)};
	}
	switch (text.data[at]) {
	case '"':
		return (struct span){at + 1, find_quote(text, at + 1, '"')};
	case '[':
	case '{':
		return (struct span){at + 1, find_close(text, at)};
	default:
		return (struct span){at, find_any(text, at, ",}]\n")};
	}
}

/* The secret of a member: "name": value, whose colon is at COLON. */
static struct span member_span(struct bytes text, size_t colon)
{
	size_t end = colon;
	struct bytes name;
	bool escaped;

	while (end && mask_is_class(text.data[end - 1], SPACE))
		end--;
	if (!end || text.data[end - 1] != '"')
		return (struct span){NONE, NONE};
	end--;
	escaped = end && text.data[end - 1] == '\\';
	name = name_before(text, end - escaped);
	/* A name with an escape may be any name. */
	if (!is_secret_member(name) &&
	    !(name.data > text.data && name.data[-1] == '\\' && !escaped))
		return (struct span){NONE, NONE};
	return json_value(text, colon + 1, escaped);
}

/* The secret in scheme://user:secret@host, whose first colon is at COLON. */
static struct span userinfo_span(struct bytes text, size_t colon)
{
	size_t start = colon + 3, end = find_any(text, start, "/?# \t\n\"'");
	struct bytes scheme = name_before(text, colon);
	const char *at = memrchr(text.data + start, '@', end - start);
	const char *password = memchr(text.data + start, ':', end - start);
	char port = password && password + 1 < text.data + text.size ? password[1] : '0';

	if (!at && password && text.data[start] != '[' && (port < '0' || port > '9')) {
		/* Not a port: a password with a slash in it, perhaps. */
		struct bytes near = {text.data, start + NAME_MAX_SIZE};

		if (near.size > text.size)
			near.size = text.size;
		end = find_any(near, end, " \t\n\"'");
		at = memrchr(password, '@', end - (size_t)(password - text.data));
	}
	if (!at)
		return (struct span){NONE, NONE};
	if (password && password < at)
		return (struct span){(size_t)(password + 1 - text.data), (size_t)(at - text.data)};
	if (scheme.size >= 4 && memmem(scheme.data, scheme.size, "http", 4))
		return (struct span){start, (size_t)(at - text.data)}; /* a bare token */
	return (struct span){NONE, NONE};
}

static struct span colon_span(struct bytes text, size_t colon, char quote)
{
	if (text.size - colon > 3 && text.data[colon + 1] == '/' && text.data[colon + 2] == '/')
		return userinfo_span(text, colon);
	if (text.size - colon > 1 && mask_is_class(text.data[colon + 1], SPACE) &&
	    is_secret_setting(name_before(text, colon))) {
		size_t start = skip_spaces(text, colon + 1);

		return (struct span){start, quote ? find_quote(text, start, quote) : text.size};
	}
	return member_span(text, colon);
}

/* Where the query that begins at AT ends, in TEXT that may hold more than a URL: JSON in it may have
 * spaces. QUOTE: the quote that it is in, or 0. */
static size_t query_end(struct bytes text, size_t at, char quote)
{
	if (quote)
		return find_quote(text, at, quote);
	while (at < text.size && !strchr(" \t\r\n\"'#", text.data[at] ?: ' ')) {
		bool value = text.data[at - 1] == '=';

		if (value && (text.data[at] == '{' || text.data[at] == '['))
			at = find_close(text, at);
		at += at < text.size;
	}
	return at;
}

static bool has_digit(struct bytes text)
{
	for (size_t at = 0; at < text.size; at++)
		if (text.data[at] >= '0' && text.data[at] <= '9')
			return true;
	return false;
}

/* A token that begins at AT and is known by how it begins. */
static struct span token_span(struct bytes text, size_t at)
{
	if (text.size - at < TOKEN_MIN)
		return (struct span){NONE, NONE};
	for (size_t i = 0; i < COUNT(tokens); i++) {
		unsigned int form = tokens[i].form;
		size_t size, end = text.size;

		if (text.data[at] != *tokens[i].prefix)
			continue;
		size = strlen(tokens[i].prefix);
		if (text.size - at < size || memcmp(text.data + at, tokens[i].prefix, size) != 0)
			continue;
		if (!(form & TOKEN_REST))
			end = form & TOKEN_SLASHES
				      ? find_any(text, at + size, " \t\n\"',;&@:=()<>")
				      : find_any(text, at + size, " \t\n\"',;&@:=()<>/");
		if (end - at >= TOKEN_MIN &&
		    (!(form & TOKEN_DIGIT) || has_digit(mask_slice(text, at + size, end))))
			return (struct span){at + size, end};
	}
	return (struct span){NONE, NONE};
}

/* The span of the secret that the character at AT introduces. */
static struct span span_at(struct bytes text, size_t at, char quote)
{
	struct bytes name;

	switch (text.data[at]) {
	case '=':
		if (at && text.data[at - 1] == ':' && is_secret_member(name_before(text, at - 1)))
			return (struct span){at + 1, text.size}; /* HTTPie's NAME:=JSON */
		name = name_before(text, at);
		if (is_secret_setting(name) ||
		    (name.size && memchr(name.data, '%', name.size) && is_secret_key(name)))
			return assigned_span(text, at + 1, name, quote);
		break;
	case ':':
		return colon_span(text, at, quote);
	case '-':
	case 'A':
	case 'S':
	case 'd' ... 'h':
	case 'n':
	case 'p':
	case 'r':
	case 's':
	case 'x':
	case 'y':
		if (!at || !mask_is_class(text.data[at - 1], LETTER | DIGIT))
			return token_span(text, at);
		break;
	}
	return (struct span){NONE, NONE};
}

/* The quote that holds after the character at AT, where QUOTE held before. */
static char next_quote(struct bytes text, size_t at, char quote)
{
	char c = text.data[at];

	if (quote)
		return c == quote ? '\0' : quote;
	if (c == '"' || (c == '\'' && (!at || !mask_is_class(text.data[at - 1], LETTER))))
		return c;
	return '\0';
}

static void mask_pairs(struct masker *masker, struct bytes query);

/* Adds TEXT without the secrets that can be seen without knowing which command it belongs to. */
static void mask_plain(struct masker *masker, struct bytes text)
{
	size_t kept = 0, at = 0;
	char quote = '\0';

	while (at < text.size) {
		struct span span = span_at(text, at, quote);
		size_t next = at + 1;

		if (text.data[at] == '?') {
			size_t end = query_end(text, next, quote);

			add_plain(masker, mask_slice(text, kept, next));
			mask_pairs(masker, mask_slice(text, next, end));
			kept = next = end;
		} else if (span.start != NONE) {
			add_plain(masker, mask_slice(text, kept, span.start));
			add_mask(masker, mask_slice(text, span.start, span.end));
			kept = span.end;
			next = span.end > next ? span.end : next;
		}
		while (at < next) {
			quote = next_quote(text, at, quote);
			at += text.data[at] == '\\' && at + 1 < text.size ? 2 : 1;
		}
	}
	add_plain(masker, mask_slice(text, kept, text.size));
}

/* --- queries ---------------------------------------------------------------------------------- */

static void mask_nested(struct masker *masker, struct bytes text, bool command);

static bool has_digest_at(struct bytes text, size_t at)
{
	static const char *const algorithms[] = {"sha256:", "sha384:", "sha512:"};

	for (size_t i = 0; i < COUNT(algorithms); i++)
		if (has_part_at(text, at, algorithms[i]))
			return true;
	return false;
}

/* The password in user:password@host/image, with a scheme before it or without. In host:port/image@digest there
 * is none. */
static struct span reference_span(struct bytes text)
{
	size_t at = text.size, colon = find_any(text, 0, ":");

	while (at && (text.data[at - 1] != '@' || has_digest_at(text, at)))
		at--;
	if (!at || colon >= --at)
		return (struct span){NONE, NONE};
	if (text.size - colon > 3 && !memcmp(text.data + colon, "://", 3)) {
		size_t start = colon + 3;

		colon = find_any(mask_slice(text, 0, at), start, ":");
		return (struct span){colon < at ? colon + 1 : start, at};
	}
	return (struct span){colon + 1, at};
}

/* Adds TEXT, in which other secrets are masked already. */
static void mask_reference_password(struct masker *masker, struct bytes text)
{
	struct span span = reference_span(text);

	if (span.start == NONE) {
		add_plain(masker, text);
		return;
	}
	add_plain(masker, mask_slice(text, 0, span.start));
	add_mask(masker, mask_slice(text, span.start, span.end));
	add_plain(masker, bytes_from(text, span.end));
}

/* Adds VALUE, encoded as it was unless something in it had to be masked. */
static void mask_pair_value(struct masker *masker, struct bytes value, bool reference)
{
	_cleanup_(text_free) struct text decoded = {0}, masked = {0};
	struct masker inner = {.out = &masked, .depth = masker->depth};

	if (!site.pattern_count && find_any(value, 0, "%:=+?._-") == value.size) {
		add_plain(masker, value);
		return;
	}
	percent_decode(&decoded, value, true);
	if (decoded.data && reference)
		inner.masked = mask_reference(&masked, text_since(&decoded, 0));
	else if (decoded.data)
		mask_nested(&inner, text_since(&decoded, 0), false);
	mask_by_site(&inner, 0);
	if (inner.masked)
		percent_encode(masker->out, text_since(&masked, 0), true);
	else
		add_plain(masker, value);
	masker->masked |= inner.masked;
	if (decoded.error || masked.error)
		masker->out->error = decoded.error ?: masked.error;
}

/* Whether VALUE begins JSON that VALUE does not end. */
static bool has_open_json(struct bytes value)
{
	return value.data && value.size && (value.data[0] == '{' || value.data[0] == '[') &&
	       find_close(value, 0) == value.size;
}

/* Adds PAIR. OPEN: the secret before PAIR was not over. Returns whether a secret is not over behind PAIR. */
static bool mask_pair(struct masker *masker, struct bytes pair, bool open)
{
	size_t key_size = find_any(pair, 0, "=");
	struct bytes value;

	if (key_size == pair.size) {
		(open ? add_mask : add_plain)(masker, pair);
		return open;
	}
	value = bytes_from(pair, key_size + 1);
	add_plain(masker, mask_slice(pair, 0, key_size + 1));
	if (open || is_secret_key(mask_slice(pair, 0, key_size))) {
		add_mask(masker, value);
		return open || has_open_json(value);
	}
	if (masker->keys_only)
		add_plain(masker, value);
	else
		mask_pair_value(masker, value, is_reference_key(mask_slice(pair, 0, key_size)));
	return false;
}

/* Pairs end at '&', and for older daemons at ';', but JSON that somebody typed there may go on. */
static void mask_pairs(struct masker *masker, struct bytes query)
{
	bool open = false;

	for (size_t at = 0; at < query.size; at++) {
		size_t end = find_any(query, at, "&;");

		open = mask_pair(masker, mask_slice(query, at, end), open && !masker->keys_only);
		if (end < query.size)
			add_plain(masker, mask_slice(query, end, end + 1));
		at = end;
	}
	/* A command may have been cut within quotes: then spaces part words within the quotes, too. */
	if (open)
		masker->next = REST;
}

/* --- words ------------------------------------------------------------------------------------ */

static void mask_words(struct masker *masker, struct bytes text);

static bool has_space(struct bytes text)
{
	return find_any(text, 0, " \t\n\r") < text.size;
}

/* Whether TEXT as a whole is a secret's name and value. */
static bool begins_with_pair(struct bytes text)
{
	size_t end = 0;

	while (end < text.size && mask_is_class(text.data[end], LETTER | DIGIT | NAME_MARK))
		end++;
	if (end + 1 >= text.size || !is_secret_setting(mask_slice(text, 0, end)))
		return false;
	return text.data[end] == '=' ||
	       (text.data[end] == ':' && mask_is_class(text.data[end + 1], SPACE));
}

/* ENV NAME value, ENV NAME=value of a Dockerfile. */
static bool mask_instruction(struct masker *masker, struct bytes text)
{
	size_t end;

	if (text.size < 5 || strncasecmp(text.data, "ENV", 3) ||
	    !mask_is_class(text.data[3], SPACE))
		return false;
	end = find_any(text, skip_spaces(text, 3), "= \t");
	if (end < text.size)
		end++;
	add_plain(masker, mask_slice(text, 0, end));
	add_mask(masker, bytes_from(text, end));
	return true;
}

/* Whether TEXT is JSON rather than a shell's group or test. */
static bool mask_is_json(struct bytes text)
{
	size_t first = skip_spaces(text, 0), second;

	if (first >= text.size)
		return false;
	second = skip_spaces(text, first + 1);
	if (second >= text.size)
		return false;
	if (text.data[first] == '{')
		return text.data[second] == '"';
	return text.data[first] == '[' && strchr("\"[{", text.data[second]) &&
	       text.data[text.size - 1] == ']';
}

/* Adds TEXT, which may be words for a shell, in which nothing is known of the words before.
 * COMMAND: it is known to be words for a shell. */
static void mask_nested(struct masker *masker, struct bytes text, bool command)
{
	struct masker inner = {
		.out = masker->out,
		.depth = masker->depth + 1,
		.password_piped = masker->password_piped,
	};

	if (inner.depth > NESTING_MAX)
		add_mask(&inner, text);
	else if (!command && (mask_is_json(text) || begins_with_pair(text)))
		mask_plain(&inner, text);
	else if (command || !mask_instruction(&inner, text))
		mask_words(&inner, text);
	masker->masked |= inner.masked;
}

static bool is_list_of_texts(struct bytes value)
{
	size_t first = skip_spaces(value, 0), second = skip_spaces(value, first + 1);

	return second < value.size && value.data[first] == '[' && value.data[second] == '"';
}

/* Adds VALUE without what FORM says is secret in it. */
static void mask_value(struct masker *masker, struct bytes value, enum form form)
{
	size_t end =
		value.size; /* the last byte before the secret; value.size: no secret is known */

	switch (form) {
	case WHOLE:
	case WHOLE_UNLESS_OPTION:
	case WHOLE_IF_ATTACHED:
	case REST:
		add_mask(masker, value);
		return;
	case USERINFO:
		masker->masked |= mask_url(masker->out, value);
		return;
	case AFTER_COLON:
		end = find_any(value, 0, ":");
		if (end == value.size) {
			add_plain(masker, value);
			return;
		}
		break;
	case ASSIGNED:
		end = find_any(value, 0, "= \t\n/");
		if (!end || (end < value.size && value.data[end] != '='))
			end = value.size;
		break;
	case HEADER:
		end = find_any(value, 0, ":");
		if (end < value.size)
			end = mask_is_secret_name(mask_slice(value, 0, end))
				      ? skip_spaces(value, end + 1) - 1
				      : value.size;
		break;
	case BODY:
		if (value.size && is_list_of_texts(value)) {
			add_mask(masker, value);
			return;
		}
		break;
	case NOTHING:
		break;
	}
	if (end == value.size) {
		mask_plain(masker, value);
		return;
	}
	add_plain(masker, mask_slice(value, 0, end + 1));
	add_mask(masker, bytes_from(value, end + 1));
}

static const struct mask_option *mask_find_option(const struct masker *masker, struct bytes name)
{
	for (size_t i = 0; i < COUNT(options); i++) {
		if (options[i].programs && !(options[i].programs & masker->programs))
			continue;
		if (mask_equals(name, options[i].name))
			return &options[i];
	}
	return NULL;
}

/* --name, --name=value, -name, -name=value. Whether it was one that is KNOWN, or else looks secret.
 */
static bool mask_long_option(struct masker *masker, struct bytes word, bool known)
{
	size_t dashes = word.data[1] == '-' ? 2 : 1, end = find_any(word, dashes, "=");
	struct bytes name = mask_slice(word, dashes, end);
	const struct mask_option *option =
		known && name.size > 1 ? mask_find_option(masker, name) : NULL;
	enum form form = option ? option->form : WHOLE_UNLESS_OPTION;

	if (known ? !option : !is_secret_setting(name))
		return false;
	if (end < word.size) {
		add_plain(masker, mask_slice(word, 0, end + 1));
		mask_value(masker, bytes_from(word, end + 1), form);
	} else {
		add_plain(masker, word);
		masker->next = form;
	}
	return true;
}

/* Whether VALUE, attached to an option's letter, can be of FORM: else the letter was no option. */
static bool can_be(struct bytes value, enum form form)
{
	switch (form) {
	case ASSIGNED:
		return memchr(value.data, '=', value.size);
	case HEADER:
	case AFTER_COLON:
		return memchr(value.data, ':', value.size);
	default:
		return true;
	}
}

/* -x, -xVALUE, -x=VALUE, and -abx, where a and b take no value. */
static bool mask_short_option(struct masker *masker, struct bytes word)
{
	for (size_t at = 1; at < word.size && mask_is_class(word.data[at], LETTER); at++) {
		const struct mask_option *option =
			mask_find_option(masker, mask_slice(word, at, at + 1));
		size_t value = at + 1;

		if (!option ||
		    (value < word.size && !can_be(bytes_from(word, value), option->form)))
			continue;
		masker->programs &= ~(unsigned int)SSHPASS; /* the next -p is that of ssh */
		if (value == word.size) {
			add_plain(masker, word);
			masker->next = option->form == WHOLE_IF_ATTACHED ? NOTHING : option->form;
			return true;
		}
		if (word.data[value] == '=')
			value++;
		add_plain(masker, mask_slice(word, 0, value));
		mask_value(masker, bytes_from(word, value), option->form);
		return true;
	}
	return false;
}

/* Adds WORD if it is a URL with a query: spaces within the query part no words. */
static bool mask_url_word(struct masker *masker, struct bytes word)
{
	size_t colon = find_any(word, 0, ":"), query;
	struct span secret;

	if (!colon || word.size - colon < 4 || memcmp(word.data + colon, "://", 3) != 0 ||
	    name_before(word, colon).size != colon)
		return false;
	secret = userinfo_span(word, colon);
	query = find_any(word, secret.start == NONE ? colon : secret.end, "? \t\r\n");
	if (query == word.size || word.data[query] != '?')
		return false;
	mask_plain(masker, mask_slice(word, 0, query));
	add_plain(masker, mask_slice(word, query, query + 1));
	mask_pairs(masker, bytes_from(word, query + 1));
	return true;
}

static void mask_option(struct masker *masker, struct bytes word)
{
	size_t end = find_any(word, 0, "= \t\n");
	bool single = word.data[1] != '-';

	masker->command_next =
		single && word.data[word.size - 1] == 'c' && (masker->programs & SHELL);
	if (mask_long_option(masker, word, true) || (single && mask_short_option(masker, word)) ||
	    mask_long_option(masker, word, false))
		return;
	if (end < word.size && word.data[end] == '=' && has_space(bytes_from(word, end))) {
		add_plain(masker, mask_slice(word, 0, end + 1));
		if (!mask_url_word(masker, bytes_from(word, end + 1)))
			mask_nested(masker, bytes_from(word, end + 1), false);
		return;
	}
	mask_plain(masker, word);
}

/* The bits of WORD in the table WORDS; 0: the table lacks WORD. */
static unsigned int find_programs(struct bytes word, const struct word *words, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (mask_equals(word, words[i].name))
			return words[i].programs;
	return 0;
}

static void note_program(struct masker *masker, struct bytes word)
{
	struct bytes name = bytes_basename(word);

	if ((masker->programs & ENGINE) && !(masker->programs & ENGINE_OTHER))
		masker->programs |= find_programs(word, subcommands, COUNT(subcommands));
	if (name.size && name.data[0] == '-') /* a login shell */
		name = bytes_from(name, 1);
	masker->programs |= find_programs(name, programs, COUNT(programs));
}

/* build-arg:NAME=value, as buildctl has it. */
static bool mask_build_arg(struct masker *masker, struct bytes word)
{
	static const char prefix[] = "build-arg:";
	size_t size = sizeof(prefix) - 1;

	if (word.size <= size || memcmp(word.data, prefix, size))
		return false;
	add_plain(masker, mask_slice(word, 0, size));
	mask_value(masker, bytes_from(word, size), ASSIGNED);
	return true;
}

static void mask_operand(struct masker *masker, struct bytes word, bool command, bool unquoted)
{
	bool piped = (masker->programs & ECHO) && masker->password_piped;

	if (unquoted && !command && !piped && mask_url_word(masker, word))
		return;
	if (unquoted && has_space(word)) {
		mask_nested(masker, word, command);
		return;
	}
	if (piped) {
		add_mask(masker, word);
		return;
	}
	note_program(masker, word);
	if (mask_build_arg(masker, word))
		return;
	if (masker->programs & ENGINE_PLUGIN) {
		mask_value(masker, word, ASSIGNED);
		return;
	}
	mask_plain(masker, word);
	if (equals_any_case(word, (const char *[]){"bearer"}, 1) || mask_equals(word, "Basic"))
		masker->next = WHOLE;
	if (word.size && word.data[word.size - 1] == ':' &&
	    is_secret_setting(name_before(word, word.size - 1)))
		masker->next = REST;
}

/* Adds WORD. UNQUOTED: WORD has lost its quotes, so that spaces are part of it. */
static void mask_word(struct masker *masker, struct bytes word, bool unquoted)
{
	enum form form = masker->next;
	bool command = masker->command_next;
	bool option = word.size > 1 && word.data[0] == '-';

	masker->next = form == REST ? REST : NOTHING;
	masker->command_next = false;
	if (form == WHOLE_UNLESS_OPTION && option)
		form = NOTHING;
	if (form != NOTHING)
		mask_value(masker, word, form);
	else if (option)
		mask_option(masker, word);
	else
		mask_operand(masker, word, command, unquoted);
}

static size_t word_end(struct bytes text, size_t at)
{
	while (at < text.size) {
		char c = text.data[at];

		if (mask_is_class(c, SPACE | SEPARATOR))
			break;
		if (c == '\'' && memchr(text.data + at + 1, c, text.size - at - 1))
			at = (size_t)((char *)memchr(text.data + at + 1, c, text.size - at - 1) -
				      text.data);
		else if (c == '"')
			at = find_quote(text, at + 1, '"');
		else if (c == '\\')
			at++;
		at++;
	}
	return at < text.size ? at : text.size;
}

static bool is_quoted(struct bytes word)
{
	char quote = word.size >= 2 ? word.data[0] : '\0';

	return (quote == '"' || quote == '\'') && find_quote(word, 1, quote) == word.size - 1;
}

/* NAME='words for a shell', where NAME is not secret. */
static bool mask_partly_quoted(struct masker *masker, struct bytes word)
{
	size_t quote = find_any(word, 0, "'\"");

	if (masker->next != NOTHING || word.data[0] == '-' || !has_space(word) ||
	    !is_quoted(bytes_from(word, quote)))
		return false;
	if (quote && is_secret_setting(name_before(word, quote - 1))) {
		mask_plain(masker, word);
		return true;
	}
	mask_plain(masker, mask_slice(word, 0, quote));
	add_plain(masker, mask_slice(word, quote, quote + 1));
	mask_nested(masker, mask_slice(word, quote + 1, word.size - 1), false);
	add_plain(masker, mask_slice(word, word.size - 1, word.size));
	return true;
}

/* Adds TEXT, which stood within double quotes, without its backslashes. */
static void add_unescaped(struct text *out, struct bytes text)
{
	for (size_t at = 0; at < text.size; at++) {
		if (text.data[at] == '\\' && at + 1 < text.size &&
		    strchr("\"\\$`", text.data[at + 1]) && text.data[at + 1])
			at++;
		text_add_char(out, text.data[at]);
	}
}

/* Adds TEXT as it stands within double quotes. */
static void mask_add_escaped(struct text *out, struct bytes text)
{
	for (size_t at = 0; at < text.size; at++) {
		if (text.data[at] == '"' || text.data[at] == '\\')
			text_add_char(out, '\\');
		text_add_char(out, text.data[at]);
	}
}

/* WORD stood between double quotes and has backslashes: it is read without the backslashes. */
static void mask_escaped(struct masker *masker, struct bytes word)
{
	_cleanup_(text_free) struct text plain = {0}, masked = {0};
	struct text *out = masker->out;
	bool before = masker->masked;

	add_unescaped(&plain, word);
	masker->out = &masked;
	masker->masked = false;
	if (!plain.error)
		mask_word(masker, text_since(&plain, 0), true);
	masker->out = out;
	if (masker->masked)
		mask_add_escaped(out, text_since(&masked, 0));
	else
		add_plain(masker, word);
	masker->masked |= before;
	if (plain.error || masked.error)
		out->error = plain.error ? plain.error : masked.error;
}

static void mask_shell_word(struct masker *masker, struct bytes word)
{
	struct bytes inner;

	if (!is_quoted(word)) {
		if (!mask_partly_quoted(masker, word))
			mask_word(masker, word, false);
		return;
	}
	inner = mask_slice(word, 1, word.size - 1);
	add_plain(masker, mask_slice(word, 0, 1));
	if (word.data[0] == '"' && inner.size && memchr(inner.data, '\\', inner.size))
		mask_escaped(masker, inner);
	else
		mask_word(masker, inner, true);
	add_plain(masker, mask_slice(word, word.size - 1, word.size));
}

/* Adds SEPARATOR, which stands between words: it may end the command, or bring a password on standard input. */
static void mask_separator(struct masker *masker, struct bytes separator)
{
	add_plain(masker, separator);
	if (find_any(separator, 0, ";|&\n()`") < separator.size &&
	    find_any(separator, 0, ">") == separator.size) {
		masker->programs = 0;
		masker->next = NOTHING;
		masker->command_next = false;
	}
	if (masker->password_piped && memmem(separator.data, separator.size, "<<<", 3))
		masker->next = WHOLE;
}

static void mask_words(struct masker *masker, struct bytes text)
{
	size_t at = 0;

	while (at < text.size) {
		size_t start = at;

		while (at < text.size && mask_is_class(text.data[at], SPACE | SEPARATOR))
			at++;
		mask_separator(masker, mask_slice(text, start, at));
		start = at;
		at = word_end(text, at);
		if (at > start)
			mask_shell_word(masker, mask_slice(text, start, at));
	}
}

/* --- entry points ----------------------------------------------------------------------------- */

/* Texts that masking leaves as they are, by what they are masked as. The same arguments, URLs and programs come again and
 * again, and to mask them costs much more than to compare them. */
enum settled_kind { SETTLED_ARGS, SETTLED_TEXT, SETTLED_REFERENCE, SETTLED_KINDS };

/* Bytes of what is worth to be remembered. */
static const size_t settled_max[SETTLED_KINDS] = {8192, 500, 500};

struct settled {
	struct text text;
	unsigned int changes; /* of what the site adds, when it was masked */
	bool masked;	      /* a *** in it stands for a secret */
};

/* NULL: TEXT is not to be remembered. */
static struct settled *settled_place(enum settled_kind kind, struct bytes text)
{
	static __thread struct settled settled[SETTLED_KINDS][SETTLED_PLACES];
	uint64_t hash;

	if (!text.size || text.size > settled_max[kind])
		return NULL;
	hash = hash_add_fast(0, text.data, text.size);
	return &settled[kind][(hash ^ hash >> 32) % SETTLED_PLACES];
}

static bool mask_is_settled(const struct settled *settled, struct bytes text)
{
	return settled->text.size && settled->changes == site.changes &&
	       bytes_equal(text_since(&settled->text, 0), text);
}

static void mask_settle(struct settled *settled, struct bytes text, bool masked)
{
	text_free(&settled->text);
	text_add_bytes(&settled->text, text);
	if (settled->text.error)
		text_free(&settled->text);
	settled->changes = site.changes;
	settled->masked = masked;
}

/* Adds TEXT as MASK does, which is called unless TEXT is known to stay as it is. */
static bool mask_unless_settled(enum settled_kind kind, struct text *out, struct bytes text,
				bool (*mask)(struct text *out, struct bytes text))
{
	struct settled *place = settled_place(kind, text);
	size_t start = out->size;
	bool masked;

	if (place && mask_is_settled(place, text)) {
		text_add_bytes(out, text);
		return place->masked;
	}
	masked = mask(out, text);
	if (place && out->data && !out->error && bytes_equal(text_since(out, start), text))
		mask_settle(place, text, masked);
	return masked;
}

static bool mask_arguments(struct text *out, struct bytes args)
{
	struct masker masker = {.out = out};
	struct bytes argument;

	masker.password_piped = memmem(args.data, args.size, "password-stdin", 14);
	while (command_next(&args, &argument)) {
		size_t start = out->size;

		mask_word(&masker, argument, true);
		mask_by_site(&masker, start);
		text_add_char(out, '\0');
	}
	return masker.masked;
}

bool mask_args(struct text *out, struct bytes args)
{
	return args.size && mask_unless_settled(SETTLED_ARGS, out, args, mask_arguments);
}

static bool mask_any_text(struct text *out, struct bytes text)
{
	struct masker masker = {.out = out};
	size_t start = out->size;

	if (text.size)
		mask_nested(&masker, text, false);
	mask_by_site(&masker, start);
	return masker.masked;
}

bool mask_text(struct text *out, struct bytes text)
{
	return mask_unless_settled(SETTLED_TEXT, out, text, mask_any_text);
}

static bool mask_any_reference(struct text *out, struct bytes text)
{
	struct masker masker = {.out = out};
	_cleanup_(text_free) struct text masked = {0};

	masker.masked = mask_any_text(&masked, text);
	if (masked.data)
		mask_reference_password(&masker, text_since(&masked, 0));
	if (masked.error)
		out->error = masked.error;
	return masker.masked;
}

bool mask_reference(struct text *out, struct bytes text)
{
	return mask_unless_settled(SETTLED_REFERENCE, out, text, mask_any_reference);
}

bool mask_url(struct text *out, struct bytes url)
{
	struct masker masker = {.out = out};
	size_t start = out->size;
	const char *at, *scheme;
	size_t colon;

	if (!url.size)
		return false;
	at = memrchr(url.data, '@', url.size);
	scheme = memmem(url.data, url.size, "://", 3);
	colon = find_any(url, scheme ? (size_t)(scheme + 3 - url.data) : 0, ":");
	if (at && (size_t)(at - url.data) > colon) {
		add_plain(&masker, mask_slice(url, 0, colon + 1));
		add_mask(&masker, mask_slice(url, colon + 1, (size_t)(at - url.data)));
		url = bytes_from(url, (size_t)(at - url.data));
	}
	mask_plain(&masker, url);
	mask_by_site(&masker, start);
	return masker.masked;
}

bool mask_query(struct text *out, struct bytes query)
{
	struct masker masker = {.out = out};
	size_t start = out->size;

	mask_pairs(&masker, query);
	mask_by_site(&masker, start);
	return masker.masked;
}

bool mask_query_keys(struct text *out, struct bytes query)
{
	struct masker masker = {.out = out, .keys_only = true};

	mask_pairs(&masker, query);
	return masker.masked;
}
