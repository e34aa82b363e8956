/* SPDX-License-Identifier: Apache-2.0 */
/*
 * YAML as Kubernetes' reader takes it in (sigs.k8s.io/yaml): it is made into JSON, which Go's encoding/json decodes. libyaml
 * finds the events, of which Go's yaml.v3 is a copy. A scalar is a string here, whatever it looks like, but for null: the
 * shapes that it is read into have strings where Go has numbers and bools.
 *
 * Nothing is read before all is there. Bounded: what is kept of the text, nodes, depth, and what aliases make of them.
 */
#ifndef CALLERD_YAML_BODY_H
#define CALLERD_YAML_BODY_H

#include "json/body.h"

/* A text that is gathered. All 0: nothing yet. */
struct yaml_body {
	char *data;
	size_t size, capacity;
	bool more; /* than fits */
};

/* Keeps BYTES, of the whole text at most LIMIT bytes. 0 or -ENOMEM. */
int yaml_body_feed(struct yaml_body *yaml, struct bytes bytes, size_t limit);

/* Reads the documents into TO, of which each is an element of a list; what there was is wiped. Where there is trouble TO
 * has what came before it. NULL: all was read; else why not, for a person; static. */
const char *yaml_body_read(struct yaml_body *yaml, struct body *to);

void yaml_body_free(struct yaml_body *yaml);

/* Whether a SCALAR may be true to Go's reader. */
bool yaml_body_is_true(struct bytes scalar);

#endif
