/* SPDX-License-Identifier: Apache-2.0 */
/* What the texts of the state may be: those that are put, and those that are read. */
#ifndef CALLERD_STATE_TEXT_H
#define CALLERD_STATE_TEXT_H

#include "base/text.h"

#define ID_SIZE 64
#define NAME_SIZE_MAX 4096    /* names, ids, references to images: more is none */
#define COMMAND_SIZE_MAX 1024 /* commands, details of findings: more is cut */

/* Of a container or an exec. */
static inline bool is_id(struct bytes id)
{
	if (!id.data || id.size != ID_SIZE)
		return false;
	for (size_t i = 0; i < id.size; i++)
		if (!memchr("0123456789abcdef", id.data[i], 16))
			return false;
	return true;
}

/* What is longer than any engine or we ourselves would make it is none. */
static inline struct bytes bounded(struct bytes text)
{
	return text.data && text.size <= NAME_SIZE_MAX ? text : (struct bytes){0};
}

/* The beginning of a command, up to between two characters. */
static inline struct bytes cut(struct bytes text)
{
	if (text.size <= COMMAND_SIZE_MAX)
		return text;
	text.size = COMMAND_SIZE_MAX;
	while (text.size && (text.data[text.size] & 0xc0) == 0x80)
		text.size--;
	return text;
}

#endif
