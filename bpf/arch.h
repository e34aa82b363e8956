/* SPDX-License-Identifier: GPL-2.0-only */
/* What differs between processors: the numbers of system calls, and where their arguments are. */
#ifndef CALLERD_BPF_ARCH_H
#define CALLERD_BPF_ARCH_H

#include <linux/types.h>

#if defined(__TARGET_ARCH_x86)

enum {
	NR_read = 0,
	NR_write = 1,
	NR_readv = 19,
	NR_writev = 20,
	NR_connect = 42,
	NR_sendto = 44,
	NR_recvfrom = 45,
	NR_sendmsg = 46,
	NR_recvmsg = 47,
};

struct thread_info {
	__u32 status;
};

struct pt_regs {
	unsigned long dx;
	unsigned long si;
	unsigned long orig_ax;
};

#define TS_COMPAT 2

/* Whether TASK is in a system call of 32 bits, which has other numbers. */
#define arch_is_compat(task) (BPF_CORE_READ(task, thread_info.status) & TS_COMPAT)
/* The system call that REGS are of, its second and third argument. */
#define arch_call(regs) BPF_CORE_READ(regs, orig_ax)
#define arch_second(regs) BPF_CORE_READ(regs, si)
#define arch_third(regs) BPF_CORE_READ(regs, dx)

#elif defined(__TARGET_ARCH_arm64)

enum {
	NR_read = 63,
	NR_write = 64,
	NR_readv = 65,
	NR_writev = 66,
	NR_connect = 203,
	NR_sendto = 206,
	NR_recvfrom = 207,
	NR_sendmsg = 211,
	NR_recvmsg = 212,
};

struct thread_info {
	unsigned long flags;
};

struct user_regs {
	__u64 regs[31];
};

struct pt_regs {
	struct user_regs user_regs;
	__s32 syscallno;
};

#define TIF_32BIT (1UL << 22)

#define arch_is_compat(task) (BPF_CORE_READ(task, thread_info.flags) & TIF_32BIT)
#define arch_call(regs) BPF_CORE_READ(regs, syscallno)
#define arch_second(regs) BPF_CORE_READ(regs, user_regs.regs[1])
#define arch_third(regs) BPF_CORE_READ(regs, user_regs.regs[2])

#else
#error "callerd's kernel programs know x86-64 and arm64"
#endif

#endif
