// SPDX-License-Identifier: Apache-2.0
#include "chain/chain.h"

#include <errno.h>
#include <string.h>

#include "base/text.h"
#include "chain/link.h"

/* What every line ends in: the object that the link goes into, and the line's own. */
#define LINE_END "}}\n"

int chain_begin(struct chain *chain)
{
	_cleanup_(chain_wipe) struct chain begun = {0};
	unsigned char key[CHAIN_KEY_SIZE];
	int error = key_random(begun.seed) ?: key_public(begun.seed, key);

	if (error)
		return error;
	*key_put_hex(begun.first_key, key, sizeof(key)) = '\0';
	*chain = begun;
	return 0;
}

/* LINE with its link in it. */
static void add_linked(struct text *out, struct bytes line, const struct chain *chain)
{
	size_t body = line.size - strlen(LINE_END);
	char hex[2 * CHAIN_HASH_SIZE];

	key_put_hex(hex, chain->last, sizeof(chain->last));
	text_add(out, line.data, body);
	if (line.data[body - 1] != '{')
		text_add_char(out, ',');
	text_add_string(out, LINK_LINE);
	text_add_number(out, chain->lines + 1);
	text_add_string(out, LINK_PREVIOUS);
	text_add(out, hex, sizeof(hex));
	text_add_string(out, LINK_END "\n");
}

int chain_mark(struct chain *chain, struct bytes line, struct text *out)
{
	size_t start = out->size;
	unsigned char hash[CHAIN_HASH_SIZE];
	int error;

	if (line.size <= strlen(LINE_END) ||
	    memcmp(line.data + line.size - strlen(LINE_END), LINE_END, strlen(LINE_END)) != 0)
		return -EINVAL;
	add_linked(out, line, chain);
	error = out->error;
	if (!error)
		error = key_hash((struct bytes){out->data + start, out->size - start - 1}, hash);
	if (error) {
		text_cut(out, start);
		return error;
	}
	chain->lines++;
	chain->unsealed++;
	memcpy(chain->last, hash, sizeof(hash));
	return 0;
}

void chain_wipe(struct chain *chain)
{
	explicit_bzero(chain, sizeof(*chain));
}
