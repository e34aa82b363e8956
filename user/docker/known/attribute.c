// SPDX-License-Identifier: Apache-2.0
#include "docker/known/attribute.h"

#include "base/bytes.h"

unsigned int attribute_of_label(struct bytes label)
{
	static const struct {
		const char *name;
		enum engine_attribute bit;
	} names[] = {
		{"exitCode", ATTRIBUTE_EXIT_CODE}, {"signal", ATTRIBUTE_SIGNAL},
		{"execID", ATTRIBUTE_EXEC_ID},	   {"name", ATTRIBUTE_NAME},
		{"image", ATTRIBUTE_IMAGE},
	};

	for (size_t i = 0; i < COUNT(names); i++)
		if (bytes_equal(label, bytes_of(names[i].name)))
			return names[i].bit;
	return 0;
}

bool attribute_label_matters(void *data, const struct value *label)
{
	return attribute_of_label(label->key);
}
