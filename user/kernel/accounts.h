/* SPDX-License-Identifier: Apache-2.0 */
/* The counters that the kernel programs keep for each account, read once a second. */
#ifndef CALLERD_ACCOUNTS_H
#define CALLERD_ACCOUNTS_H

#include <stdint.h>

#include "callerd/event.h"

struct accounts;

/* The maps "accounts", "special_accounts" and "told", which has what earlier agents reported. NULL:
 * no memory. */
struct accounts *accounts_new(int accounts_fd, int special_fd, int told_fd);
void accounts_free(struct accounts *accounts);

/* Callbacks for the counts of an account since the last call. */
struct accounts_calls {
	void *data;
	/* ACCOUNT lost events; COUNTS by enum callerd_loss. */
	void (*lost)(void *data, uint64_t account, const uint64_t counts[CALLERD_LOSS_MAX]);
	/* COUNT failed connects of ACCOUNT were not described. See struct callerd_refused for the
	 * rest. */
	void (*refused)(void *data, uint64_t account, enum callerd_refused_kind kind,
			uint64_t count, const struct callerd_refused *refused);
};

/* Reads all counters, and reports their changes. CONTROL: the memory
 * shared with the kernel programs. */
void accounts_read(struct accounts *accounts, struct callerd_control *control,
		   const struct accounts_calls *calls);

/* Adds the losses of all accounts since the start, as of the last accounts_read(), to LOSSES. */
void accounts_add_losses(const struct accounts *accounts, uint64_t losses[CALLERD_LOSS_MAX]);

#endif
