/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads the input as YAML, whole and in pieces: the same must come of it, within the limit, and either all was read, or there
 * is a reason.
 */
#include "fuzz.h"

#include "docker/api/shapes.h"
#include "json/yaml_body.h"

#define LIMIT 65536

static void sum_value(uint64_t *sum, const struct value *value)
{
	fuzz_hash_number(sum, value->shape->kind);
	fuzz_hash(sum, value->key.data ?: "", value->key.size);
	fuzz_hash(sum, value->string.data ?: "", value->string.size);
	EACH (one, value)
		sum_value(sum, one);
	fuzz_hash_number(sum, value->count);
}

static uint64_t read_all(const uint8_t *data, size_t size, size_t piece)
{
	struct yaml_body yaml = {0};
	uint64_t sum = 0;
	struct body *body;
	const char *trouble;

	MUST(!body_new(&shape_kube, LIMIT, NULL, &body));
	for (size_t at = 0; at < size; at += piece) {
		size_t part = size - at < piece ? size - at : piece;
		char *copy = exact_copy(data + at, part);

		MUST(!yaml_body_feed(&yaml, (struct bytes){copy, part}, LIMIT));
		free(copy);
	}
	MUST(yaml.size == (size < LIMIT ? size : LIMIT) && yaml.capacity <= LIMIT);
	trouble = yaml_body_read(&yaml, body);
	MUST(!yaml.data);
	MUST(trouble || body_state(body) == BODY_DONE || body_state(body) == BODY_MISTYPED);
	MUST(body_state(body) != BODY_INVALID);
	MUST(body_memory(body) <= LIMIT);
	sum_value(&sum, body_value(body));
	fuzz_hash_number(&sum, body_state(body));
	fuzz_hash(&sum, trouble ?: "", trouble ? strlen(trouble) : 0);
	body_free(body);
	return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	MUST(read_all(data, size, size + 1) == read_all(data, size, 7));
	return 0;
}
