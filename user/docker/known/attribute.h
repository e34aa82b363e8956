/* SPDX-License-Identifier: Apache-2.0 */
/* Attributes of an engine's events, which labels of a container can take the place of. */
#ifndef CALLERD_ATTRIBUTE_H
#define CALLERD_ATTRIBUTE_H

#include "json/body.h"

/* Attributes that the engine sets before it adds the labels, which win. */
enum engine_attribute {
	ATTRIBUTE_EXIT_CODE = 1 << 0, /* exitCode */
	ATTRIBUTE_SIGNAL = 1 << 1,    /* signal */
	ATTRIBUTE_EXEC_ID = 1 << 2,   /* execID */
	/* name: of an image whose event has no reference; a container's name is its own. */
	ATTRIBUTE_NAME = 1 << 3,
	ATTRIBUTE_IMAGE = 1 << 4, /* image: of a container made without one; else its own */
	ATTRIBUTES = 5,
};

/* The attribute of events that a label takes the place of; 0: none. */
unsigned int attribute_of_label(struct bytes label);

/* Whether such a LABEL must not be dropped where memory is short (body.h). DATA is not used. */
bool attribute_label_matters(void *data, const struct value *label);

#endif
