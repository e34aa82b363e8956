// SPDX-License-Identifier: Apache-2.0
#include "format/format.h"

#include <assert.h>
#include <string.h>

#include "format/cef.h"
#include "format/journal_fields.h"
#include "format/ocsf.h"
#include "format/rfc5424.h"

typedef int write_function(const struct record *record, const struct record_context *context,
			   struct text *out);

static const struct {
	const char *name;
	write_function *write;
} formats[RECORD_FORMATS] = {
	[FORMAT_ECS] = {"ecs", ecs_write},
	[FORMAT_HUMAN] = {"human", human_write},
	[FORMAT_OCSF] = {"ocsf", ocsf_write},
	[FORMAT_CEF] = {"cef", cef_write},
	[FORMAT_RFC5424] = {"rfc5424", rfc5424_write},
	[FORMAT_JOURNAL] = {"journal", journal_fields_write},
	[FORMAT_ECS_WHOLE] = {"ecs", ecs_write_whole},
	[FORMAT_ECS_REFERENCE] = {"ecs", ecs_write_reference},
};

const char *format_name(enum record_format format)
{
	assert(format < RECORD_FORMATS);
	return formats[format].name;
}

bool format_by_name(struct bytes name, enum record_format *ret)
{
	for (unsigned int i = 0; i < FORMAT_JOURNAL; i++) {
		if (!bytes_equal(name, bytes_of(formats[i].name)))
			continue;
		*ret = (enum record_format)i;
		return true;
	}
	return false;
}

bool format_take_line(enum record_format format, struct bytes *made, struct bytes *ret)
{
	const char *end = format == FORMAT_JOURNAL ? NULL : memchr(made->data, '\n', made->size);

	if (!made->size)
		return false;
	*ret = (struct bytes){made->data, end ? (size_t)(end - made->data) + 1 : made->size};
	*made = (struct bytes){made->data + ret->size, made->size - ret->size};
	return true;
}

int format_write(enum record_format format, const struct record *record,
		 const struct record_context *context, struct text *out)
{
	assert(format < RECORD_FORMATS);
	return formats[format].write(record, context, out);
}
