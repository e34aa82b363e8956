// SPDX-License-Identifier: Apache-2.0
#include "record/operation.h"

#include <assert.h>

/* clang-format off */
static const struct {
	const char *name;
	enum operation docker;
} operations[] = {
#define OPERATION(method, path, name, ...) [OPERATION_##name] = {#name, OPERATION_##name},
#define LIBPOD(method, path, name, ...) [OPERATION_##name##Libpod] = {#name "Libpod", OPERATION_##name},
#define ALSO(...)
#include "record/operations.def"
};
/* clang-format on */

const char *operation_name(enum operation operation)
{
	assert(operation < OPERATIONS);
	return operations[operation].name;
}

enum operation operation_docker(enum operation operation)
{
	assert(operation < OPERATIONS);
	return operations[operation].docker;
}
