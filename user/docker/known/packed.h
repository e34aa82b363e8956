/* SPDX-License-Identifier: Apache-2.0 */
/* Several texts in one, whatever bytes they have. */
#ifndef CALLERD_PACKED_H
#define CALLERD_PACKED_H

#include "base/text.h"

#define PACKED_HEAD 2 /* bytes of its size before each */

/* Appends PART, of less than 64 KiB. */
static inline void packed_add(struct text *out, struct bytes part)
{
	text_add_char(out, (char)(part.size & 0xff));
	text_add_char(out, (char)(part.size >> 8 & 0xff));
	text_add_bytes(out, part);
}

/* Takes the next one off REST. False: there is none. */
static inline bool packed_next(struct bytes *rest, struct bytes *ret)
{
	const unsigned char *head = (const unsigned char *)rest->data;
	size_t size;

	if (!head || rest->size < PACKED_HEAD)
		return false;
	size = head[0] | (size_t)head[1] << 8;
	if (rest->size - PACKED_HEAD < size)
		return false;
	*ret = (struct bytes){rest->data + PACKED_HEAD, size};
	*rest = bytes_from(*rest, PACKED_HEAD + size);
	return true;
}

#endif
