/* SPDX-License-Identifier: Apache-2.0 */
/* What the kernel side counted of each account, read once a second. */
#ifndef CALLERD_ACCOUNTS_H
#define CALLERD_ACCOUNTS_H

#include <stdint.h>

#include "callerd/event.h"

struct accounts;

/* ACCOUNT_FD, SPECIAL_FD: the maps "accounts" and "special_accounts". NULL: no memory. */
struct accounts *accounts_new(int accounts_fd, int special_fd);
void accounts_free(struct accounts *accounts);

/* What became known of an account since the last call. Each may be NULL. */
struct accounts_calls {
	void *data;
	/* It lost something of its own. */
	void (*lost)(void *data, uint64_t account, const uint64_t counts[CALLERD_LOSS_MAX]);
	/* COUNT connects of it failed that were not described: see struct callerd_refused, which says the rest. */
	void (*refused)(void *data, uint64_t account, enum callerd_refused_kind kind,
			uint64_t count, const struct callerd_refused *refused);
};

/* NOW: ns of CLOCK_BOOTTIME. CONTROL: the kernel side's. */
void accounts_read(struct accounts *accounts, uint64_t now, struct callerd_control *control,
		   const struct accounts_calls *calls);

/* Adds what all accounts have lost since the start, as of the last accounts_read(). */
void accounts_add_losses(const struct accounts *accounts, uint64_t losses[CALLERD_LOSS_MAX]);

#endif
