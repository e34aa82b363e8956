/* SPDX-License-Identifier: Apache-2.0 */
/* What a request asks an engine for: the operations of operations.def. */
#ifndef CALLERD_OPERATION_H
#define CALLERD_OPERATION_H

/* clang-format off */
enum operation {
	OPERATION_NONE, /* not known */
#define OPERATION(method, path, name, ...) OPERATION_##name,
#define LIBPOD(method, path, name, ...) OPERATION_##name##Libpod,
#define ALSO(...)
#include "record/operations.def"

	OPERATIONS,
};
/* clang-format on */

/* "ContainerCreate"; NULL for OPERATION_NONE. The names are a contract: records and the state have them. */
const char *operation_name(enum operation operation);

/* The operation of Docker's that OPERATION, of Podman's, corresponds to; else OPERATION itself. */
enum operation operation_docker(enum operation operation);

#endif
