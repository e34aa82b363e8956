/* SPDX-License-Identifier: Apache-2.0 */
/* The files of a spool, as tests make them. */
#ifndef CALLERD_TEST_SPOOLING_H
#define CALLERD_TEST_SPOOLING_H

#include "output/store/spool_format.h"

/* Gives HEAD, in segment NUMBER, the checksum that fits the rest of it. */
static inline void spooling_mend_head(struct entry_head *head, uint64_t number)
{
	const struct {
		uint64_t number;
		struct entry_head head;
	} summed = {number, *head};

	head->checksum = spool_format_checksum(
		&summed, sizeof(number) + offsetof(struct entry_head, checksum));
}

#endif
