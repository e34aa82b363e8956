// SPDX-License-Identifier: Apache-2.0
#include "format/api_json.h"

static void put_target(struct json *json, const struct record_api *api)
{
	/* A list, a prune: no target in particular. */
	bool any = api->target_id.size || api->target_name.size || api->container_id.size ||
		   api->container_name.size;

	json_open_object(json, "target");
	if (any)
		json_put_word(json, "type", api->target_type);
	json_put_string(json, "id", api->target_id);
	json_put_string(json, "name", api->target_name);
	json_put_string(json, "image", api->target_image);
	json_open_object(json, "container");
	json_put_string(json, "id", api->container_id);
	json_put_string(json, "name", api->container_name);
	json_close(json);
	json_close(json);
}

/* --- facts ------------------------------------------------------------------------------------ */

static void put_fact(struct json *json, const char *key, const struct record_fact *fact)
{
	switch (fact->kind) {
	case FACT_TEXT:
		json_put_string(json, key, fact->text);
		break;
	case FACT_LIST:
		json_open_array(json, key);
		for (unsigned int i = 0; i < fact->count; i++)
			json_put_element(json, fact->list[i]);
		json_close(json);
		break;
	case FACT_TRUE:
		json_put_bool(json, key, true);
		break;
	}
}

/* The part of a fact's name before its dot: the object that it stands in; empty: none. */
static struct bytes group_of(const struct record_fact *fact)
{
	const char *dot = strchr(fact->name, '.');

	return (struct bytes){fact->name, dot ? (size_t)(dot - fact->name) : 0};
}

static void change_group(struct json *json, struct bytes from, struct bytes to)
{
	char key[32];

	if (bytes_equal(from, to))
		return;
	if (from.size)
		json_close(json);
	if (!to.size || to.size >= sizeof(key))
		return;
	memcpy(key, to.data, to.size);
	key[to.size] = '\0';
	json_open_object(json, key);
}

static void put_cuts(struct json *json, const struct record_api *api)
{
	json_open_array(json, "cut");
	for (unsigned int i = 0; i < api->fact_count; i++)
		if (api->facts[i].cut)
			json_put_word(json, NULL, api->facts[i].name);
	json_close(json);
}

static void put_facts(struct json *json, const struct record_api *api)
{
	struct bytes group = {0};

	json_open_object(json, "request");
	for (unsigned int i = 0; i < api->fact_count; i++) {
		const struct record_fact *fact = &api->facts[i];
		struct bytes next = group_of(fact);

		change_group(json, group, next);
		group = next;
		put_fact(json, fact->name + (group.size ? group.size + 1 : 0), fact);
	}
	change_group(json, group, (struct bytes){0});
	put_cuts(json, api);
	json_close(json);
}

/* --- findings --------------------------------------------------------------------------------- */

static void put_findings(struct json *json, const struct record_api *api)
{
	json_open_array(json, "findings");
	for (unsigned int i = 0; i < api->finding_count; i++) {
		json_open_object(json, NULL);
		json_put_word(json, "id", api->findings[i].id);
		json_put_word(json, "severity", api->findings[i].severity);
		json_put_string(json, "detail", api->findings[i].detail);
		json_close(json);
	}
	json_close(json);
}

void api_put(struct json *json, const struct record_api *api)
{
	json_open_object(json, "api");
	json_put_word(json, "engine", api->engine);
	json_put_string(json, "version", api->version);
	json_put_word(json, "operation", api->operation);
	json_close(json);
	put_target(json, api);
	put_facts(json, api);
	put_findings(json, api);
	if (api->expected_rule) {
		json_put_bool(json, "expected", true);
		json_put_string(json, "expected_rule", bytes_of(api->expected_rule));
	}
}

void api_put_threat(struct json *json, const struct record_api *api)
{
	json_open_object(json, "threat");
	json_open_object(json, "technique");
	json_open_array(json, "id");
	for (unsigned int i = 0; i < api->technique_count; i++)
		json_put_word(json, NULL, api->techniques[i]);
	json_close(json);
	json_close(json);
	json_close(json);
}
