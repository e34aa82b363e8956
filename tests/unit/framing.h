/* SPDX-License-Identifier: Apache-2.0 */
/* Writes the frames of HTTP/2, with header blocks by nghttp2. */
#ifndef CALLERD_TEST_FRAMING_H
#define CALLERD_TEST_FRAMING_H

#include "unit.h"

#include <nghttp2/nghttp2.h>

#include "base/text.h"
#include "http/http2.h"

static inline void put_frame(struct text *out, uint8_t type, uint8_t flags, uint32_t stream,
			     const void *payload, size_t size)
{
	const char head[] = {(char)(size >> 16),   (char)(size >> 8),	(char)size,
			     (char)type,	   (char)flags,		(char)(stream >> 24),
			     (char)(stream >> 16), (char)(stream >> 8), (char)stream};

	text_add(out, head, sizeof(head));
	text_add(out, payload, size);
}

/* The header block of FIELDS, which are lines "name value". Ends it with text_free(). */
static inline struct text header_block(nghttp2_hd_deflater *deflater, const char *fields)
{
	nghttp2_nv list[16];
	struct text block = {0};
	uint8_t bytes[65536 * 2];
	size_t count = 0;
	ssize_t size;

	while (*fields) {
		size_t name = strcspn(fields, " "), value = strcspn(fields + name + 1, "\n");

		assert_true(count < 16);
		list[count++] = (nghttp2_nv){(uint8_t *)fields, (uint8_t *)fields + name + 1, name,
					     value, NGHTTP2_NV_FLAG_NONE};
		fields += name + 1 + value;
		fields += *fields == '\n';
	}
	size = nghttp2_hd_deflate_hd(deflater, bytes, sizeof(bytes), list, count);
	assert_true(size > 0);
	text_add(&block, (char *)bytes, (size_t)size);
	return block;
}

static inline void put_headers(struct text *out, nghttp2_hd_deflater *deflater, uint32_t stream,
			       const char *fields, bool end)
{
	struct text block = header_block(deflater, fields);

	put_frame(out, NGHTTP2_HEADERS,
		  NGHTTP2_FLAG_END_HEADERS | (end ? NGHTTP2_FLAG_END_STREAM : 0), stream,
		  block.data, block.size);
	text_free(&block);
}

static inline void put_data(struct text *out, uint32_t stream, const char *data, bool end)
{
	put_frame(out, NGHTTP2_DATA, end ? NGHTTP2_FLAG_END_STREAM : 0, stream, data, strlen(data));
}

#endif
