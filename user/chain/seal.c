// SPDX-License-Identifier: Apache-2.0
/* A seal: a line like the others, which says that all before it is as it was written. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "chain/chain.h"
#include "chain/link.h"
#include "format/ecs.h"
#include "format/ocsf.h"

#define ACTION "log-sealed"

struct keys {
	unsigned char key[CHAIN_KEY_SIZE], next_key[CHAIN_KEY_SIZE];
	unsigned char next_seed[CHAIN_KEY_SIZE];
};

static int find_keys(const struct chain *chain, struct keys *keys)
{
	int error = key_public(chain->seed, keys->key);

	memcpy(keys->next_seed, chain->seed, sizeof(keys->next_seed));
	if (!error)
		error = key_evolve(keys->next_seed);
	if (!error)
		error = key_public(keys->next_seed, keys->next_key);
	return error;
}

/* Members that are the same in all seals; MEMBERS is a literal. */
#define PUT_MEMBERS(json, members) json_put_members(json, members, strlen(members))

static void put_message(struct json *json, const struct chain *chain)
{
	char message[160] =
		"log sealed: callerd begins a chain of lines that shows tampering (seal 0)";

	if (chain->seals)
		snprintf(message, sizeof(message),
			 "log sealed: callerd signed what it wrote since its last seal, %llu %s "
			 "(seal %llu)",
			 (unsigned long long)chain->unsealed,
			 chain->unsealed == 1 ? "line" : "lines", (unsigned long long)chain->seals);
	json_put_word(json, "message", message);
}

/* A number that other files' seals do not have: the beginning of the seal's own key. */
static void put_id(struct json *json, const char *key, const struct chain_seal *seal,
		   const struct keys *keys)
{
	const struct record_context context = {.run_id = seal->run_id};
	uint64_t number = 0;

	for (unsigned int i = 0; i < sizeof(number); i++)
		number = number << 8 | keys->key[i];
	json_put_key(json, key);
	text_add_char(json->out, '"');
	record_add_id(json->out, &context, seal->real, 's', number);
	text_add_char(json->out, '"');
}

/* --- ECS -------------------------------------------------------------------------------------- */

static void put_ecs(struct json *json, const struct chain *chain, const struct chain_seal *seal,
		    const struct keys *keys)
{
	json_put_time(json, "@timestamp", seal->real);
	PUT_MEMBERS(json, "\"ecs\":{\"version\":\"" ECS_VERSION "\"}");
	put_message(json, chain);
	json_open_object(json, "event");
	PUT_MEMBERS(json, "\"kind\":\"event\",\"category\":[\"host\"],\"type\":[\"info\"],"
			  "\"action\":\"" ACTION "\"");
	put_id(json, "id", seal, keys);
	PUT_MEMBERS(json, "\"module\":\"callerd\",\"dataset\":\"callerd.audit\",\"severity\":0");
	json_close(json);
	json_open_object(json, "host");
	json_put_string(json, "name", bytes_of(seal->host_name));
	json_put_string(json, "id", bytes_of(seal->host_id));
	json_close(json);
	json_open_object(json, "agent");
	PUT_MEMBERS(json, "\"type\":\"callerd\"");
	json_put_string(json, "version", bytes_of(seal->version));
	json_put_string(json, "ephemeral_id", bytes_of(seal->run_id));
	json_close(json);
	json_open_object(json, "related");
	json_open_array(json, "hosts");
	json_put_string(json, NULL, bytes_of(seal->host_name));
	json_close(json);
	json_close(json);
	json_open_object(json, "callerd");
}

/* --- OCSF: Base Event, for there is no class for seals ------------------------------------------ */

static void put_ocsf(struct json *json, const struct chain *chain, const struct chain_seal *seal,
		     const struct keys *keys)
{
	json_put_number(json, "time", seal->real / NS_PER_MS);
	put_message(json, chain);
	PUT_MEMBERS(json,
		    "\"category_uid\":0,\"category_name\":\"Uncategorized\",\"class_uid\":0,"
		    "\"class_name\":\"Base Event\",\"activity_id\":99,\"activity_name\":\"Seal\","
		    "\"type_uid\":99,\"severity_id\":1,\"severity\":\"Informational\"");
	json_open_object(json, "metadata");
	PUT_MEMBERS(json, "\"version\":\"" OCSF_VERSION "\",\"profiles\":[\"host\"]");
	json_open_object(json, "product");
	PUT_MEMBERS(json, "\"name\":\"callerd\",\"vendor_name\":\"callerd\"");
	json_put_string(json, "version", bytes_of(seal->version));
	json_close(json);
	put_id(json, "uid", seal, keys);
	PUT_MEMBERS(json, "\"event_code\":\"" ACTION "\",\"log_name\":\"callerd.audit\"");
	json_close(json);
	json_open_object(json, "device");
	PUT_MEMBERS(json, "\"type_id\":0,\"type\":\"Unknown\"");
	if (seal->host_name && *seal->host_name)
		json_put_string(json, "hostname", bytes_of(seal->host_name));
	else
		json_put_word(json, "name", "localhost");
	json_put_string(json, "uid", bytes_of(seal->host_id));
	PUT_MEMBERS(json, "\"os\":{\"name\":\"Linux\",\"type_id\":200}");
	json_close(json);
	json_open_object(json, "unmapped");
}

/* --- both ------------------------------------------------------------------------------------- */

static void add_hex(struct text *out, const unsigned char *data, size_t size)
{
	char hex[2 * KEY_SIGNATURE_SIZE];

	text_add(out, hex, (size_t)(key_put_hex(hex, data, size) - hex));
}

/* All that is signed: up to the quote that the signature comes after. */
static void add_signed(struct text *out, const struct chain *chain, const struct chain_seal *seal,
		       const struct keys *keys)
{
	struct json json = {.out = out};

	json_open_object(&json, NULL);
	if (seal->ocsf)
		put_ocsf(&json, chain, seal, keys);
	else
		put_ecs(&json, chain, seal, keys);
	json_put_key(&json, NULL);
	text_add_string(out, LINK_LINE);
	text_add_number(out, chain->lines + 1);
	text_add_string(out, LINK_PREVIOUS);
	add_hex(out, chain->last, sizeof(chain->last));
	text_add_string(out, LINK_SEAL);
	text_add_number(out, chain->seals);
	text_add_string(out, LINK_KEY);
	add_hex(out, keys->key, sizeof(keys->key));
	text_add_string(out, LINK_NEXT_KEY);
	add_hex(out, keys->next_key, sizeof(keys->next_key));
	text_add_string(out, LINK_SIGNATURE);
}

static int add_seal(struct text *out, const struct chain *chain, const struct chain_seal *seal,
		    const struct keys *keys, unsigned char hash[CHAIN_HASH_SIZE])
{
	unsigned char signature[KEY_SIGNATURE_SIZE];
	size_t start = out->size;
	int error;

	add_signed(out, chain, seal, keys);
	if (out->error)
		return out->error;
	error = key_sign(chain->seed, text_since(out, start), signature);
	if (error)
		return error;
	add_hex(out, signature, sizeof(signature));
	text_add_string(out, LINK_END "\n");
	if (out->error)
		return out->error;
	return key_hash((struct bytes){out->data + start, out->size - start - 1}, hash);
}

int chain_seal(struct chain *chain, const struct chain_seal *seal, struct text *out)
{
	unsigned char hash[CHAIN_HASH_SIZE];
	size_t start = out->size;
	struct keys keys;
	int error = find_keys(chain, &keys);

	if (!error)
		error = add_seal(out, chain, seal, &keys, hash);
	if (!error) {
		chain->lines++;
		chain->seals++;
		chain->unsealed = 0;
		memcpy(chain->last, hash, sizeof(hash));
		memcpy(chain->seed, keys.next_seed, sizeof(chain->seed));
	} else {
		text_cut(out, start);
	}
	explicit_bzero(&keys, sizeof(keys));
	return error;
}
