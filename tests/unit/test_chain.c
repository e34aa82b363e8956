// SPDX-License-Identifier: Apache-2.0
/* Links and seals as they are written, and as they are read from a line's end. */
#include "unit.h"

#include <jansson.h>
#include <openssl/evp.h>

#include "chaining.h"
#include "format/format.h"
#include "json/json.h"

#define VECTOR "tests/schema/chain.ndjson"
#define ZEROS "0000000000000000000000000000000000000000000000000000000000000000"
#define HEX "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

/* --- by other means than the code under test ---------------------------------------------------- */

static const char *sha256(const void *data, size_t size)
{
	static char hex[65];
	unsigned char hash[32];

	assert_int_equal(EVP_Digest(data, size, hash, NULL, EVP_sha256(), NULL), 1);
	for (unsigned int i = 0; i < 32; i++)
		snprintf(hex + 2 * (size_t)i, 3, "%02x", hash[i]);
	return hex;
}

static void from_hex(const char *hex, unsigned char *ret, size_t size)
{
	assert_int_equal(strlen(hex), 2 * size);
	for (size_t i = 0; i < size; i++) {
		char pair[] = {hex[2 * i], hex[2 * i + 1], '\0'};

		ret[i] = (unsigned char)strtoul(pair, NULL, 16);
	}
}

static bool ed25519_signed(const char *key_hex, const char *signature_hex, const void *data,
			   size_t size)
{
	unsigned char raw[32], signature[64];
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	EVP_PKEY *key;
	bool good;

	from_hex(key_hex, raw, 32);
	from_hex(signature_hex, signature, 64);
	key = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, raw, 32);
	assert_non_null(key);
	assert_int_equal(EVP_DigestVerifyInit(context, NULL, NULL, NULL, key), 1);
	good = EVP_DigestVerify(context, signature, 64, data, size) == 1;
	EVP_PKEY_free(key);
	EVP_MD_CTX_free(context);
	return good;
}

static json_t *parsed(const char *line, size_t size)
{
	json_error_t error;
	json_t *json = json_loadb(line, size, JSON_REJECT_DUPLICATES, &error);

	if (!json)
		fail_msg("%s: %.*s", error.text, (int)size, line);
	return json;
}

static const char *string_at(json_t *json, const char *a, const char *b, const char *c)
{
	json = json_object_get(json, a);
	if (b)
		json = json_object_get(json, b);
	if (c)
		json = json_object_get(json, c);
	if (!json_is_string(json))
		fail_msg("no %s.%s.%s", a, b ? b : "", c ? c : "");
	return json_string_value(json);
}

/* --- links -------------------------------------------------------------------------------------- */

static void links_lines(void **state)
{
	struct chain chain = known_chain(0);
	struct text out = {0};
	char second[256];
	size_t first;

	add_line(&chain, &out, "{\"a\":1,\"callerd\":{\"b\":2}}\n");
	first = out.size;
	assert_string_equal(out.data, "{\"a\":1,\"callerd\":{\"b\":2,\"chain\":{\"line\":1,"
				      "\"previous\":\"" ZEROS "\"}}}\n");
	add_line(&chain, &out, "{\"callerd\":{}}\n");
	snprintf(second, sizeof(second),
		 "{\"callerd\":{\"chain\":{\"line\":2,\"previous\":\"%s\"}}}\n",
		 sha256(out.data, first - 1));
	assert_string_equal(out.data + first, second);
	assert_int_equal(chain.lines, 2);
	assert_int_equal(chain.unsealed, 2);
	text_free(&out);
}

static void refuses_other_lines(void **state)
{
	static const char *const lines[] = {
		"",
		"\n",
		"}\n",
		"}}\n",
		"{\"a\":1}\n",
		"{\"a\":{}}",
		"{\"a\":{}}\r\n",
		"<13>1 a message }} \n",
	};
	struct chain chain = known_chain(0), before = chain;
	struct text out = {0};

	text_add_string(&out, "before");
	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
		assert_int_equal(chain_mark(&chain, bytes_of(lines[i]), &out), -EINVAL);
		assert_string_equal(out.data, "before");
		assert_memory_equal(&chain, &before, sizeof(chain));
	}
	text_free(&out);
}

/* A text without memory: as it was, and so is the chain. */
static void survives_no_memory(void **state)
{
	struct chain chain = known_chain(0), before = chain;
	struct chain_seal seal = some_seal(false, 0);
	struct text out = {.error = -ENOMEM};

	assert_int_equal(chain_mark(&chain, bytes_of("{\"callerd\":{}}\n"), &out), -ENOMEM);
	assert_int_equal(chain_seal(&chain, &seal, &out), -ENOMEM);
	assert_memory_equal(&chain, &before, sizeof(chain));
	assert_int_equal(out.size, 0);
}

static void goes_back_to_a_copy(void **state)
{
	struct chain chain = known_chain(0), copy;
	struct text once = {0}, again = {0};

	add_seal_line(&chain, &once, false);
	copy = chain;
	text_cut(&once, 0);
	add_line(&chain, &once, "{\"callerd\":{}}\n");
	add_seal_line(&chain, &once, false);
	add_line(&copy, &again, "{\"callerd\":{}}\n");
	add_seal_line(&copy, &again, false);
	assert_string_equal(once.data, again.data);
	assert_memory_equal(&chain, &copy, sizeof(chain));
	chain_wipe(&chain);
	assert_memory_equal(&chain, &(struct chain){0}, sizeof(chain));
	text_free(&once);
	text_free(&again);
}

static void begins_with_a_key_of_its_own(void **state)
{
	struct chain chain, other;
	unsigned char key[CHAIN_KEY_SIZE];
	char hex[CHAIN_HEX_SIZE];

	assert_int_equal(chain_begin(&chain), 0);
	assert_int_equal(chain_begin(&other), 0);
	assert_memory_not_equal(chain.seed, other.seed, sizeof(chain.seed));
	assert_int_equal(chain.lines, 0);
	assert_int_equal(chain.seals, 0);
	assert_int_equal(key_public(chain.seed, key), 0);
	*key_put_hex(hex, key, sizeof(key)) = '\0';
	assert_string_equal(chain.first_key, hex);
}

/* --- seals -------------------------------------------------------------------------------------- */

/* Checks the seal LINE, and returns what it says. */
static json_t *checked_seal(const char *line, size_t size, const char *object)
{
	static const char before[] = "\"signature\":\"";
	json_t *json = parsed(line, size);
	const char *signature = string_at(json, object, "seal", "signature");
	const char *at = strstr(line, before);

	assert_non_null(at);
	at += strlen(before);
	assert_memory_equal(at, signature, 128);
	assert_memory_equal(at + 128, "\"}}}\n", 5);
	assert_ptr_equal(at + 128 + 5, line + size);
	assert_true(ed25519_signed(string_at(json, object, "seal", "key"), signature, line,
				   (size_t)(at - line)));
	return json;
}

static void seals_with_keys_that_evolve(void **state)
{
	unsigned char input[17 + 32] = "callerd seal key", seed[32], wanted[32];
	struct chain chain = known_chain(7);
	char next_key[65];
	struct text out = {0};

	strcpy(next_key, chain.first_key);
	for (unsigned int i = 0; i < 4; i++) {
		json_t *json;

		memcpy(seed, chain.seed, sizeof(seed));
		memcpy(input + 17, seed, sizeof(seed));
		assert_int_equal(EVP_Digest(input, sizeof(input), wanted, NULL, EVP_sha256(), NULL),
				 1);
		text_cut(&out, 0);
		add_line(&chain, &out, "{\"callerd\":{}}\n");
		assert_int_equal(chain.unsealed, 1);
		text_cut(&out, 0);
		add_seal_line(&chain, &out, i % 2);
		assert_int_equal(chain.unsealed, 0);
		json = checked_seal(out.data, out.size, i % 2 ? "unmapped" : "callerd");
		json_t *object = json_object_get(json, i % 2 ? "unmapped" : "callerd");
		assert_int_equal(json_integer_value(json_object_get(json_object_get(object, "seal"),
								    "number")),
				 i);
		assert_string_equal(
			json_string_value(json_object_get(json_object_get(object, "seal"), "key")),
			next_key);
		strcpy(next_key, json_string_value(json_object_get(json_object_get(object, "seal"),
								   "next_key")));
		assert_memory_equal(chain.seed, wanted, sizeof(wanted));
		assert_null(memmem(out.data, out.size, seed, sizeof(seed)));
		assert_null(memmem(out.data, out.size, wanted, sizeof(wanted)));
		json_decref(json);
	}
	assert_int_equal(chain.seals, 4);
	assert_int_equal(chain.lines, 8);
	text_free(&out);
}

/* What the records beside the seals say. */
static const char *version_of_records(enum record_format format, const char *object)
{
	static const struct record record = {.action = RECORD_AGENT_STARTED};
	static const struct record_context context = {.run_id = "c0ffee12"};
	static char version[32];
	struct text out = {0};
	json_t *json;

	assert_int_equal(format_write(format, &record, &context, &out), 0);
	json = parsed(out.data, out.size);
	snprintf(version, sizeof(version), "%s", string_at(json, object, "version", NULL));
	json_decref(json);
	text_free(&out);
	return version;
}

static void says_it_in_ecs(void **state)
{
	struct chain chain = known_chain(0);
	struct text out = {0};
	json_t *json;

	add_seal_line(&chain, &out, false);
	json = checked_seal(out.data, out.size, "callerd");
	assert_string_equal(string_at(json, "@timestamp", NULL, NULL),
			    "2026-03-01T12:03:44.000000000Z");
	assert_string_equal(string_at(json, "ecs", "version", NULL),
			    version_of_records(FORMAT_ECS, "ecs"));
	assert_string_equal(string_at(json, "event", "action", NULL), "log-sealed");
	assert_string_equal(string_at(json, "event", "dataset", NULL), "callerd.audit");
	assert_string_equal(string_at(json, "event", "id", NULL),
			    "1898b60ddb474000-c0ffee12-s3a107bff3ce10be");
	assert_string_equal(string_at(json, "host", "id", NULL),
			    "4d0e1f3a5b6c4d7e8f90a1b2c3d4e5f6");
	assert_string_equal(string_at(json, "host", "name", NULL), "build7");
	assert_string_equal(string_at(json, "agent", "ephemeral_id", NULL), "c0ffee12");
	assert_non_null(strstr(string_at(json, "message", NULL, NULL), "seal 0"));
	json_decref(json);
	text_free(&out);
}

static void says_it_in_ocsf(void **state)
{
	struct chain chain = known_chain(0);
	struct text out = {0};
	json_t *json;

	add_seal_line(&chain, &out, true);
	json = checked_seal(out.data, out.size, "unmapped");
	assert_int_equal(json_integer_value(json_object_get(json, "time")), T0 / 1000000);
	assert_int_equal(json_integer_value(json_object_get(json, "class_uid")), 0);
	assert_int_equal(json_integer_value(json_object_get(json, "type_uid")), 99);
	assert_string_equal(string_at(json, "metadata", "version", NULL),
			    version_of_records(FORMAT_OCSF, "metadata"));
	assert_string_equal(string_at(json, "metadata", "event_code", NULL), "log-sealed");
	assert_string_equal(string_at(json, "metadata", "uid", NULL),
			    "1898b60ddb474000-c0ffee12-s3a107bff3ce10be");
	assert_string_equal(string_at(json, "device", "hostname", NULL), "build7");
	assert_string_equal(string_at(json, "device", "uid", NULL),
			    "4d0e1f3a5b6c4d7e8f90a1b2c3d4e5f6");
	json_decref(json);
	text_free(&out);
}

static void counts_what_it_signs(void **state)
{
	static const struct {
		unsigned int lines;
		const char *message;
	} cases[] = {{1, " 1 line (seal 1)"}, {3, " 3 lines (seal 2)"}};
	struct chain chain = known_chain(0);
	struct text out = {0};

	add_seal_line(&chain, &out, false);
	for (size_t i = 0; i < 2; i++) {
		json_t *json;

		for (unsigned int line = 0; line < cases[i].lines; line++)
			add_line(&chain, &out, "{\"callerd\":{}}\n");
		text_cut(&out, 0);
		add_seal_line(&chain, &out, false);
		json = checked_seal(out.data, out.size, "callerd");
		assert_non_null(strstr(string_at(json, "message", NULL, NULL), cases[i].message));
		json_decref(json);
	}
	text_free(&out);
}

static void escapes_what_it_is_given(void **state)
{
	struct chain_seal seal = {.host_name = "a\"b\\c\nd\xff\033[31m", .run_id = "", .real = 1};
	struct text out = {0};

	for (unsigned int ocsf = 0; ocsf < 2; ocsf++) {
		struct chain chain = known_chain(0);
		struct chain_link link;
		json_t *json;

		text_cut(&out, 0);
		seal.ocsf = ocsf;
		assert_int_equal(chain_seal(&chain, &seal, &out), 0);
		json = checked_seal(out.data, out.size, ocsf ? "unmapped" : "callerd");
		assert_ptr_equal(strchr(out.data, '\n'), out.data + out.size - 1);
		link = link_read((struct bytes){out.data, out.size - 1});
		assert_int_equal(link.kind, LINK_IS_SEAL);
		assert_true(link_is_signed(&link, (struct bytes){out.data, out.size - 1}));
		json_decref(json);
	}
	text_free(&out);
}

/* --- reading ------------------------------------------------------------------------------------ */

static struct chain_link read_string(const char *line)
{
	return link_read(bytes_of(line));
}

static void reads_what_was_written(void **state)
{
	struct chain chain = known_chain(0);
	struct text out = {0};
	struct chain_link link;

	chain.lines = UINT64_MAX - 1;
	chain.seals = UINT64_MAX;
	memset(chain.last, 0xa5, sizeof(chain.last));
	add_seal_line(&chain, &out, false);
	link = link_read((struct bytes){out.data, out.size - 1});
	assert_int_equal(link.kind, LINK_IS_SEAL);
	assert_true(link.line == UINT64_MAX);
	assert_true(link.seal == UINT64_MAX);
	assert_int_equal(link.previous[31], 0xa5);
	assert_true(link_is_signed(&link, (struct bytes){out.data, out.size - 1}));
	text_free(&out);
}

static void reads_one_form_only(void **state)
{
	static const char *const others[] = {
		"",
		"}}}",
		"{\"callerd\":{\"chain\":{\"line\":1,\"previous\":\"" HEX "\"}}} ",
		"{\"callerd\":{\"chain\":{\"line\":1,\"previous\":\"" HEX "\"}}",
		"{\"callerd\":{\"chain\":{\"line\":1, \"previous\":\"" HEX "\"}}}",
		"{\"callerd\":{\"chain\":{\"line\":0,\"previous\":\"" HEX "\"}}}",
		"{\"callerd\":{\"chain\":{\"line\":01,\"previous\":\"" HEX "\"}}}",
		"{\"callerd\":{\"chain\":{\"line\":,\"previous\":\"" HEX "\"}}}",
		"{\"callerd\":{\"chain\":{\"line\":-1,\"previous\":\"" HEX "\"}}}",
		"{\"callerd\":{\"chain\":{\"line\":18446744073709551616,\"previous\":\"" HEX
		"\"}}}",
		"{\"callerd\":{\"chain\":{\"line\":100000000000000000000,\"previous\":\"" HEX
		"\"}}}",
		"{\"callerd\":{\"chain\":{\"line\":1,\"previous\":\"0" HEX "\"}}}",
		"{\"callerd\":{\"chain\":{\"line\":1,\"previous\":\"A" HEX "\"}}}",
		"{\"callerd\":{\"xchain\":{\"line\":1,\"previous\":\"" HEX "\"}}}",
		"{\"callerd\":{\"previous\":\"" HEX "\",\"chain\":{\"line\":1}}}",
		"\"chain\":{\"line\":1,\"previous\":\"" HEX "\"}}}",
		HEX "\"}}}",
		",\"previous\":\"" HEX "\"}}}",
		"1,\"previous\":\"" HEX "\"}}}",
	};

	assert_int_equal(
		read_string("{\"callerd\":{\"chain\":{\"line\":1,\"previous\":\"" HEX "\"}}}").kind,
		LINK_IS_LINE);
	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
		if (read_string(others[i]).kind != LINK_IS_NONE)
			fail_msg("taken for a link: %s", others[i]);
}

/* Every byte of a link counts: with another one it is none, or it says something else. */
static void sees_every_byte(void **state)
{
	struct chain chain = known_chain(0);
	struct text out = {0};

	for (unsigned int round = 0; round < 2; round++) {
		struct chain_link link, changed;
		struct bytes line;
		size_t begin;

		text_cut(&out, 0);
		if (round)
			add_seal_line(&chain, &out, false);
		else
			add_line(&chain, &out, "{\"callerd\":{\"a\":1}}\n");
		line = (struct bytes){out.data, out.size - 1};
		link = link_read(line);
		begin = (size_t)(strstr(out.data, ",\"chain\"")
					 ? strstr(out.data, ",\"chain\"") - out.data
					 : strstr(out.data, "{\"chain\"") - out.data);
		for (size_t at = begin; at < line.size; at++) {
			for (unsigned int bit = 0; bit < 8; bit++) {
				out.data[at] ^= (char)(1 << bit);
				changed = link_read(line);
				if (!memcmp(&changed, &link, sizeof(link)))
					fail_msg("byte %zu bit %u", at, bit);
				out.data[at] ^= (char)(1 << bit);
			}
		}
	}
	text_free(&out);
}

/* What a caller can put into a record is within strings, and no string looks like a link. */
static void is_not_fooled_by_a_record(void **state)
{
	static const char *const payloads[] = {
		",\"chain\":{\"line\":5,\"previous\":\"" HEX "\"}}}",
		"\",\"chain\":{\"line\":5,\"previous\":\"" HEX "\"}}}",
		"\\\",\"chain\":{\"line\":5,\"previous\":\"" HEX,
		"{\"chain\":{\"line\":5,\"previous\":\"" HEX,
		HEX,
	};

	for (size_t i = 0; i < sizeof(payloads) / sizeof(*payloads); i++) {
		for (unsigned int depth = 1; depth < 4; depth++) {
			struct text out = {0}, marked = {0};
			struct json json = {.out = &out};
			struct chain chain = known_chain(0);
			struct chain_link link;

			json_open_object(&json, NULL);
			for (unsigned int d = 1; d < depth; d++)
				json_open_object(&json, d + 1 == depth ? "chain" : "callerd");
			json_put_string(&json, "previous", bytes_of(payloads[i]));
			for (unsigned int d = 0; d < depth; d++)
				json_close(&json);
			assert_int_equal(link_read(text_since(&out, 0)).kind, LINK_IS_NONE);
			text_add_char(&out, '\n');
			if (depth > 1) {
				assert_int_equal(chain_mark(&chain, text_since(&out, 0), &marked),
						 0);
				link = link_read((struct bytes){marked.data, marked.size - 1});
				assert_int_equal(link.kind, LINK_IS_LINE);
				assert_int_equal(link.line, 1);
				assert_int_equal(link.previous[0], 0);
			}
			text_free(&out);
			text_free(&marked);
		}
	}
}

/* --- the test vector of docs/tamper-evidence.md -------------------------------------------------- */

static void write_vector(struct text *out)
{
	struct chain chain = known_chain(0);

	add_seal_line(&chain, out, false);
	add_line(&chain, out, "{\"message\":\"first\",\"callerd\":{}}\n");
	add_line(&chain, out,
		 "{\"message\":\"\\\"}}}\",\"callerd\":{\"api\":{\"engine\":\"docker\"}}}\n");
	add_seal_line(&chain, out, false);
	add_line(&chain, out, "{\"message\":\"third\",\"callerd\":{\"a\":\"é\"}}\n");
	add_seal_line(&chain, out, true);
	add_line(&chain, out,
		 "{\"message\":\"not sealed\",\"unmapped\":{\"callerd\":{\"a\":1}}}\n");
}

static void writes_the_vector(void **state)
{
	struct text out = {0};
	char read[8192];
	FILE *file;

	write_vector(&out);
	if (getenv("UPDATE_VECTOR")) {
		file = fopen(VECTOR, "w");
		assert_non_null(file);
		assert_int_equal(fwrite(out.data, 1, out.size, file), out.size);
		assert_int_equal(fclose(file), 0);
	}
	file = fopen(VECTOR, "r");
	if (!file)
		fail_msg("%s: run this in the root of the tree", VECTOR);
	read[fread(read, 1, sizeof(read) - 1, file)] = '\0';
	fclose(file);
	assert_string_equal(out.data, read);
	text_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(links_lines),
		cmocka_unit_test(refuses_other_lines),
		cmocka_unit_test(survives_no_memory),
		cmocka_unit_test(goes_back_to_a_copy),
		cmocka_unit_test(begins_with_a_key_of_its_own),
		cmocka_unit_test(seals_with_keys_that_evolve),
		cmocka_unit_test(says_it_in_ecs),
		cmocka_unit_test(says_it_in_ocsf),
		cmocka_unit_test(counts_what_it_signs),
		cmocka_unit_test(escapes_what_it_is_given),
		cmocka_unit_test(reads_what_was_written),
		cmocka_unit_test(reads_one_form_only),
		cmocka_unit_test(sees_every_byte),
		cmocka_unit_test(is_not_fooled_by_a_record),
		cmocka_unit_test(writes_the_vector),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
