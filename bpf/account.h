/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The account that an event is charged to, and its share of the rings.
 *
 * A share of the rings protects nobody if one user can have many accounts, so an account rests on
 * what its user cannot choose:
 *
 *   in a user namespace that a user created: that user, who owns all UIDs in the namespace.
 *   else in a PID namespace: the container. Its root can take any UID and nest namespaces, but
 *     cannot leave this one.
 *   else root with a login UID: the user that logged in, whatever sudo made of the process. For
 *     other UIDs the login UID does not count: a process without a login UID can set any.
 *   else the real UID, which set-user-ID programs leave as it is.
 */
#ifndef CALLERD_BPF_ACCOUNT_H
#define CALLERD_BPF_ACCOUNT_H

#include "maps.h"

#define USER_NAMESPACES_MAX 33 /* the kernel nests user namespaces no deeper */

/* An account may have SHARE_OF_FREE times as many bytes in a ring as are free. One account alone
 * can fill two thirds of the ring, two accounts have two fifths each, and whatever their number,
 * room is left for others. */
#define SHARE_OF_FREE 2

static long user_ns_step(__u32 index, void *context)
{
	struct user_namespace **namespace = context, *at = *namespace;

	if (BPF_CORE_READ(at, level) <= 1)
		return 1;
	*namespace = BPF_CORE_READ(at, parent);
	return 0;
}

/* The UID that created CRED's outermost user namespace below the initial one; 0: root created it,
 * or CRED is in the initial one. */
static __always_inline __u32 user_ns_owner(const struct cred *cred)
{
	struct user_namespace *namespace = BPF_CORE_READ(cred, user_ns);

	bpf_loop(USER_NAMESPACES_MAX, user_ns_step, &namespace, 0);
	return BPF_CORE_READ(namespace, level) ? BPF_CORE_READ(namespace, owner.val) : 0;
}

/* The inode number of PID's outermost PID namespace below the initial one; 0: PID is in the initial
 * one. */
static __always_inline __u32 outer_pid_ns(struct pid *pid)
{
	struct pid_namespace *namespace;
	struct upid outer = {};

	if (!BPF_CORE_READ(pid, level))
		return 0;
	bpf_probe_read_kernel(&outer, sizeof(outer),
			      (void *)pid + bpf_core_field_offset(struct pid, numbers) +
				      bpf_core_type_size(struct upid));
	namespace = outer.ns;
	return BPF_CORE_READ(namespace, ns.inum);
}

/* The account of the process with this struct cred and this struct pid. LOGIN_UID may be
 * CALLERD_UNSET_ID. */
CHECKED_ONCE __u64 account_of(__u64 cred_address, __u64 pid_address, __u32 login_uid)
{
	const struct cred *cred = (const struct cred *)cred_address;
	struct pid *pid = (struct pid *)pid_address;
	__u32 id = user_ns_owner(cred);

	if (id)
		return CALLERD_ACCOUNT(CALLERD_ACCOUNT_USER, id);
	id = outer_pid_ns(pid);
	if (id)
		return CALLERD_ACCOUNT(CALLERD_ACCOUNT_CONTAINER, id);
	id = BPF_CORE_READ(cred, uid.val);
	if (!id && login_uid != CALLERD_UNSET_ID)
		id = login_uid;
	return CALLERD_ACCOUNT(CALLERD_ACCOUNT_USER, id);
}

static __always_inline __u64 current_account(void)
{
	struct task_struct *task = bpf_get_current_task_btf();
	__u32 login_uid = CALLERD_UNSET_ID;

	if (bpf_core_field_exists(task->loginuid))
		login_uid = BPF_CORE_READ(task, loginuid.val);
	return account_of((__u64)BPF_CORE_READ(task, cred), (__u64)BPF_CORE_READ(task, thread_pid),
			  login_uid);
}

/* The account of the process that connected to DAEMON. */
static __always_inline __u64 peer_account(const struct sock *daemon)
{
	return account_of((__u64)BPF_CORE_READ(daemon, sk_peer_cred),
			  (__u64)BPF_CORE_READ(daemon, sk_peer_pid), CALLERD_UNSET_ID);
}

static __always_inline struct callerd_account *find_account(__u64 account)
{
	struct callerd_account *found = bpf_map_lookup_elem(&accounts, &account), *blank;
	__u32 special = ACCOUNT_BLANK;

	if (found)
		return found;
	blank = bpf_map_lookup_elem(&special_accounts, &special);
	if (blank)
		bpf_map_update_elem(&accounts, &account, blank, BPF_NOEXIST);
	found = bpf_map_lookup_elem(&accounts, &account);
	if (found)
		return found;
	special = ACCOUNT_REST;
	return bpf_map_lookup_elem(&special_accounts, &special);
}

/* Charges SIZE bytes of RING to ACCOUNT. Returns 0, without charging, where they exceed the
 * account's share. */
CHECKED_ONCE int charge(__u64 account, __u32 size, __u32 ring)
{
	struct callerd_account *found = find_account(account);
	__u64 produced, consumed, taken, size_max;
	struct callerd_share *share;

	if (!found || ring >= CALLERD_RINGS)
		return 1;
	if (ring == CALLERD_RING_CALLERS) {
		consumed = bpf_ringbuf_query(&callers, BPF_RB_CONS_POS);
		produced = bpf_ringbuf_query(&callers, BPF_RB_PROD_POS);
	} else {
		consumed = bpf_ringbuf_query(&payload, BPF_RB_CONS_POS);
		produced = bpf_ringbuf_query(&payload, BPF_RB_PROD_POS);
	}
	share = &found->shares[ring];
	found->used = control.tick;
	if (consumed >= share->turn) { /* all bytes in .before were read */
		share->before = share->after;
		share->after = 0;
		share->turn = produced;
	}
	size_max = settings.ring_size[ring];
	taken = produced - consumed;
	if (taken > size_max) /* the reader went on between the two queries */
		taken = 0;
	if (share->before + share->after + size > SHARE_OF_FREE * (size_max - taken))
		return 0;
	__sync_fetch_and_add(&share->after, size);
	return 1;
}

/* Counts a loss of ACCOUNT. */
CHECKED_ONCE int lose(__u64 account, __u32 reason)
{
	struct callerd_account *found = find_account(account);

	if (!found || reason >= CALLERD_LOSS_MAX)
		return 0;
	found->used = control.tick;
	__sync_fetch_and_add(&found->lost[reason], 1);
	return 0;
}

/* Of each account and kind, up to REFUSED_BURST refused connects are described at once, then one
 * per REFUSED_INTERVAL. */
#define REFUSED_INTERVAL 50000000ull /* ns */
#define REFUSED_BURST 500

/* ACCOUNT's connect failed with ERROR, to SOCKET or, where that is not known, CALLERD_NO_SOCKET.
 * Returns whether to describe the connect; otherwise this function has counted it. */
CHECKED_ONCE int may_describe_refused(__u64 account, __u32 kind, __u32 socket, __u32 error)
{
	struct callerd_account *found = find_account(account);
	__u64 now = bpf_ktime_get_boot_ns(), due;
	struct callerd_refused *refused;

	if (!found || kind >= CALLERD_REFUSED_KINDS)
		return 1;
	refused = &found->refused[kind];
	found->used = control.tick;
	due = refused->due > now ? refused->due : now;
	if (due - now < REFUSED_BURST * REFUSED_INTERVAL) {
		refused->due = due + REFUSED_INTERVAL;
		return 1;
	}
	if (refused->tick != (__u32)control.tick || !refused->first) {
		refused->tick = control.tick;
		refused->first = now;
		refused->error = error;
		refused->socket = socket;
	}
	if (refused->error != error)
		refused->error = 0;
	if (refused->socket != socket)
		refused->socket = CALLERD_NO_SOCKET;
	refused->last = now;
	__sync_fetch_and_add(&refused->count, 1);
	return 0;
}

/* Reserves SIZE bytes of RING, charged to ACCOUNT; NULL: the ring is full, or ACCOUNT's share
 * is. */
#define RESERVE(ring, index, account, size)                                                        \
	(charge(account, size, index) ? bpf_ringbuf_reserve(&(ring), size, 0) : NULL)

#endif
