// SPDX-License-Identifier: Apache-2.0
#include "docker/known/operation.h"

/* clang-format off */
static const struct {
	const char *name;
	enum operation docker;
} operations[] = {
#define OPERATION(method, path, name, ...) [OPERATION_##name] = {#name, OPERATION_##name},
#define LIBPOD(method, path, name, ...) [OPERATION_##name##Libpod] = {#name "Libpod", OPERATION_##name},
#define ALSO(...)
#include "docker/known/operations.def"
};
/* clang-format on */

const char *operation_name(enum operation operation)
{
	return operations[operation].name;
}

enum operation operation_by_name(struct bytes name)
{
	for (enum operation i = OPERATION_NONE + 1; name.size && i < OPERATIONS; i++)
		if (bytes_are(name, operations[i].name))
			return i;
	return OPERATION_NONE;
}

enum operation operation_docker(enum operation operation)
{
	return operations[operation].docker;
}
