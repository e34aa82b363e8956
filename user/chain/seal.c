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

static void put_text(struct json *json, const char *key, const char *text)
{
	json_put_string(json, key, bytes_of(text));
}

static void put_words(struct json *json, const char *key, const char *word)
{
	json_open_array(json, key);
	json_put_word(json, NULL, word);
	json_close(json);
}

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

/* --- ECS -------------------------------------------------------------------------------------- */

static void put_ecs(struct json *json, const struct chain *chain, const struct chain_seal *seal)
{
	json_put_time(json, "@timestamp", seal->real);
	json_open_object(json, "ecs");
	json_put_word(json, "version", ECS_VERSION);
	json_close(json);
	put_message(json, chain);
	json_open_object(json, "event");
	json_put_word(json, "kind", "event");
	put_words(json, "category", "host");
	put_words(json, "type", "info");
	json_put_word(json, "action", ACTION);
	json_put_word(json, "module", "callerd");
	json_put_word(json, "dataset", "callerd.audit");
	json_put_number(json, "severity", 0);
	json_close(json);
	json_open_object(json, "host");
	put_text(json, "name", seal->host_name);
	json_close(json);
	json_open_object(json, "agent");
	json_put_word(json, "type", "callerd");
	put_text(json, "version", seal->version);
	put_text(json, "ephemeral_id", seal->run_id);
	json_close(json);
	json_open_object(json, "callerd");
}

/* --- OCSF: Base Event, for there is no class for it --------------------------------------------- */

static void put_class(struct json *json)
{
	json_put_number(json, "category_uid", 0);
	json_put_word(json, "category_name", "Uncategorized");
	json_put_number(json, "class_uid", 0);
	json_put_word(json, "class_name", "Base Event");
	json_put_number(json, "activity_id", 99);
	json_put_word(json, "activity_name", "Seal");
	json_put_number(json, "type_uid", 99);
	json_put_number(json, "severity_id", 1);
	json_put_word(json, "severity", "Informational");
}

static void put_metadata(struct json *json, const struct chain_seal *seal)
{
	json_open_object(json, "metadata");
	json_put_word(json, "version", OCSF_VERSION);
	put_words(json, "profiles", "host");
	json_open_object(json, "product");
	json_put_word(json, "name", "callerd");
	json_put_word(json, "vendor_name", "callerd");
	put_text(json, "version", seal->version);
	json_close(json);
	json_put_word(json, "event_code", ACTION);
	json_put_word(json, "log_name", "callerd.audit");
	json_close(json);
}

static void put_device(struct json *json, const struct chain_seal *seal)
{
	json_open_object(json, "device");
	json_put_number(json, "type_id", 0);
	json_put_word(json, "type", "Unknown");
	if (seal->host_name && *seal->host_name)
		put_text(json, "hostname", seal->host_name);
	else
		json_put_word(json, "name", "localhost");
	json_open_object(json, "os");
	json_put_word(json, "name", "Linux");
	json_put_number(json, "type_id", 200);
	json_close(json);
	json_close(json);
}

static void put_ocsf(struct json *json, const struct chain *chain, const struct chain_seal *seal)
{
	json_put_number(json, "time", seal->real / NS_PER_MS);
	put_message(json, chain);
	put_class(json);
	put_metadata(json, seal);
	put_device(json, seal);
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
		put_ocsf(&json, chain, seal);
	else
		put_ecs(&json, chain, seal);
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
