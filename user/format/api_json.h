/* SPDX-License-Identifier: Apache-2.0 */
/* What a request asks for, as members of a record. */
#ifndef CALLERD_API_JSON_H
#define CALLERD_API_JSON_H

#include "json/json.h"
#include "record/record.h"

/* Members of callerd: api, target, request, findings, expected. */
void api_put(struct json *json, const struct record_api *api);

/* The member threat of the record. */
void api_put_threat(struct json *json, const struct record_api *api);

#endif
