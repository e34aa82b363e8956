/* SPDX-License-Identifier: Apache-2.0 */
/* Messages of protobuf, as tests write them. */
#ifndef CALLERD_TEST_MESSAGES_H
#define CALLERD_TEST_MESSAGES_H

#include "base/text.h"

static inline void put_text(struct text *out, unsigned int field, struct bytes text)
{
	assert_true(field < 16 && text.size < 16384);
	text_add_char(out, (char)(field << 3 | 2));
	if (text.size > 127)
		text_add_char(out, (char)(text.size | 0x80));
	text_add_char(out, (char)(text.size > 127 ? text.size >> 7 : text.size));
	text_add_bytes(out, text);
}

static inline void put_string(struct text *out, unsigned int field, const char *string)
{
	put_text(out, field, bytes_of(string));
}

#endif
