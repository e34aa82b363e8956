// SPDX-License-Identifier: Apache-2.0
#include "kernel/accounts.h"

#include <bpf/bpf.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/table.h"

#define MANY 1024	  /* accounts in the map, from which on idle ones are removed */
#define IDLE 60		  /* readings of the accounts, one a second */
#define TAKEN_OUT_MAX 256 /* accounts removed at a time */
#define REST_KEY 1	  /* key in the map "special_accounts" */

/* The counts of an account that the callbacks were told already. */
struct told {
	uint64_t account;
	struct callerd_told counts; /* as in the map "told" */
	UT_hash_handle hh;
};

struct accounts {
	int accounts_fd, special_fd, told_fd;
	struct told *told; /* the accounts that have counts */
	uint64_t losses[CALLERD_LOSS_MAX];
};

struct accounts *accounts_new(int accounts_fd, int special_fd, int told_fd)
{
	struct accounts *accounts = calloc(1, sizeof(*accounts));

	if (!accounts)
		return NULL;
	accounts->accounts_fd = accounts_fd;
	accounts->special_fd = special_fd;
	accounts->told_fd = told_fd;
	return accounts;
}

static void accounts_forget(struct accounts *accounts, struct told *told)
{
	HASH_DEL(accounts->told, told);
	free(told);
}

void accounts_free(struct accounts *accounts)
{
	if (!accounts)
		return;
	while (accounts->told)
		accounts_forget(accounts, accounts->told);
	free(accounts);
}

static struct told *find_told(const struct accounts *accounts, uint64_t account)
{
	struct told *told;

	HASH_FIND(hh, accounts->told, &account, sizeof(account), told);
	return told;
}

static struct told *find_or_add_told(struct accounts *accounts, uint64_t account)
{
	struct told *told = find_told(accounts, account);

	if (told)
		return told;
	told = calloc(1, sizeof(*told));
	if (!told)
		return NULL;
	told->account = account;
	bpf_map_lookup_elem(accounts->told_fd, &account, &told->counts);
	HASH_ADD(hh, accounts->told, account, sizeof(told->account), told);
	if (told->hh.tbl)
		return told;
	free(told);
	return NULL;
}

static void read_losses(struct accounts *accounts, struct told *told,
			const struct callerd_account *state, const struct accounts_calls *calls)
{
	uint64_t counts[CALLERD_LOSS_MAX], any = 0;

	for (int reason = 0; reason < CALLERD_LOSS_MAX; reason++) {
		counts[reason] = state->lost[reason] - told->counts.lost[reason];
		told->counts.lost[reason] = state->lost[reason];
		accounts->losses[reason] += counts[reason];
		any |= counts[reason];
	}
	if (!any)
		return;
	bpf_map_update_elem(accounts->told_fd, &told->account, &told->counts, BPF_ANY);
	calls->lost(calls->data, told->account, counts);
}

static void read_refused(struct accounts *accounts, struct told *told,
			 const struct callerd_account *state, const struct accounts_calls *calls)
{
	for (int kind = 0; kind < CALLERD_REFUSED_KINDS; kind++) {
		const struct callerd_refused *refused = &state->refused[kind];
		uint64_t count = refused->count - told->counts.refused[kind];

		if (!count)
			continue;
		told->counts.refused[kind] = refused->count;
		bpf_map_update_elem(accounts->told_fd, &told->account, &told->counts, BPF_ANY);
		calls->refused(calls->data, told->account, (enum callerd_refused_kind)kind, count,
			       refused);
	}
}

static bool has_counts(const struct callerd_account *state)
{
	uint64_t any = 0;

	for (int reason = 0; reason < CALLERD_LOSS_MAX; reason++)
		any |= state->lost[reason];
	for (int kind = 0; kind < CALLERD_REFUSED_KINDS; kind++)
		any |= state->refused[kind].count;
	return any;
}

static void read_one(struct accounts *accounts, uint64_t account,
		     const struct callerd_account *state, const struct accounts_calls *calls)
{
	struct told *told = has_counts(state) ? find_or_add_told(accounts, account) : NULL;

	if (!told) /* no counts, or no memory: then the next call reports them */
		return;
	read_losses(accounts, told, state, calls);
	read_refused(accounts, told, state, calls);
}

/* Removes idle accounts from the map. No event of an account that was idle for so long is under
 * way, so that no count gets lost. */
static void take_out(struct accounts *accounts, const uint64_t *idle, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++) {
		struct told *told = find_told(accounts, idle[i]);

		if (bpf_map_delete_elem(accounts->accounts_fd, &idle[i]))
			continue;
		bpf_map_delete_elem(accounts->told_fd, &idle[i]);
		if (told)
			accounts_forget(accounts, told);
	}
}

void accounts_read(struct accounts *accounts, struct callerd_control *control,
		   const struct accounts_calls *calls)
{
	uint64_t account, *previous = NULL, idle[TAKEN_OUT_MAX];
	unsigned int count = 0, idle_count = 0;
	struct callerd_account state;
	uint32_t rest = REST_KEY;

	while (!bpf_map_get_next_key(accounts->accounts_fd, previous, &account)) {
		previous = &account;
		if (bpf_map_lookup_elem(accounts->accounts_fd, &account, &state))
			continue;
		count++;
		read_one(accounts, account, &state, calls);
		if (state.used + IDLE < control->tick && idle_count < TAKEN_OUT_MAX)
			idle[idle_count++] = account;
	}
	if (!bpf_map_lookup_elem(accounts->special_fd, &rest, &state))
		read_one(accounts, CALLERD_ACCOUNT(CALLERD_ACCOUNT_REST, 0), &state, calls);
	__atomic_add_fetch(&control->tick, 1, __ATOMIC_RELAXED);
	if (count >= MANY)
		take_out(accounts, idle, idle_count);
}

void accounts_add_losses(const struct accounts *accounts, uint64_t losses[CALLERD_LOSS_MAX])
{
	for (int reason = 0; reason < CALLERD_LOSS_MAX; reason++)
		losses[reason] += accounts->losses[reason];
}
