/* SPDX-License-Identifier: Apache-2.0 */
/* What nearly every unit test includes. */
#ifndef CALLERD_TEST_UNIT_H
#define CALLERD_TEST_UNIT_H

/* cmocka.h needs these before it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "exact.h"

#endif
