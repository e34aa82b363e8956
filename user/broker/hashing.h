/* SPDX-License-Identifier: Apache-2.0 */
/* What broker_digest() does, with the privileges of whoever calls it. */
#ifndef CALLERD_HASHING_H
#define CALLERD_HASHING_H

#include "broker/broker.h"

/* 0 or -errno. */
int hashing_file(int fd, struct broker_digest *ret);

#endif
