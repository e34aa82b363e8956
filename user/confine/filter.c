// SPDX-License-Identifier: Apache-2.0
#include "confine/filter.h"

#include <asm/termbits.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/nsfs.h>
#include <linux/perf_event.h>
#include <linux/sockios.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/cleanup.h"

#define FAMILY_MAX 64
#define PRCTL_MAX 128

CLEANUP_DEFINE(filter_release, scmp_filter_ctx, seccomp_release)

/* Whatever their arguments are. A name that this processor or libseccomp does not have is left out. */
static const char *const allowed[] = {
	/* files */
	"read",
	"readv",
	"pread64",
	"preadv",
	"preadv2",
	"write",
	"writev",
	"pwrite64",
	"pwritev",
	"pwritev2",
	"open",
	"openat",
	"openat2",
	"close",
	"close_range",
	"lseek",
	"_llseek",
	"fstat",
	"fstat64",
	"stat",
	"stat64",
	"lstat",
	"lstat64",
	"newfstatat",
	"fstatat64",
	"statx",
	"statfs",
	"statfs64",
	"fstatfs",
	"fstatfs64",
	"access",
	"faccessat",
	"faccessat2",
	"readlink",
	"readlinkat",
	"getdents",
	"getdents64",
	"getcwd",
	"fcntl",
	"fcntl64",
	"flock",
	"dup",
	"dup2",
	"dup3",
	"ftruncate",
	"ftruncate64",
	"fallocate",
	"fadvise64",
	"sync_file_range",
	"fsync",
	"fdatasync",
	"rename",
	"renameat",
	"renameat2",
	"unlink",
	"unlinkat",
	"mkdir",
	"mkdirat",
	"rmdir",
	"link",
	"linkat",
	"chmod",
	"fchmod",
	"fchmodat",
	"fchmodat2",
	"fchown",
	"fchown32",
	"umask",
	"utimensat",
	"getxattr",
	"lgetxattr",
	"fgetxattr",
	"name_to_handle_at",
	"fanotify_mark",
	"inotify_init1",
	"inotify_add_watch",
	"inotify_rm_watch",
	"memfd_create",
	"pipe2",
	/* memory */
	"munmap",
	"mremap",
	"madvise",
	"brk",
	"membarrier",
	"mlock",
	"munlock",
	"msync",
	"mincore",
	/* time, and waiting */
	"clock_gettime",
	"clock_gettime64",
	"clock_getres",
	"clock_getres_time64",
	"clock_nanosleep",
	"clock_nanosleep_time64",
	"nanosleep",
	"gettimeofday",
	"time",
	"timerfd_create",
	"timerfd_settime",
	"poll",
	"ppoll",
	"ppoll_time64",
	"select",
	"_newselect",
	"pselect6",
	"epoll_create1",
	"epoll_ctl",
	"epoll_wait",
	"epoll_pwait",
	"epoll_pwait2",
	"eventfd2",
	"futex",
	"futex_time64",
	"futex_waitv",
	"restart_syscall",
	"sched_yield",
	/* this process and its threads */
	"getpid",
	"getppid",
	"gettid",
	"getuid",
	"geteuid",
	"getgid",
	"getegid",
	"getresuid",
	"getresgid",
	"getgroups",
	"getpgrp",
	"getpgid",
	"getsid",
	"getrusage",
	"getrlimit",
	"getpriority",
	"setpriority",
	"times",
	"sysinfo",
	"uname",
	"getcpu",
	"getrandom",
	"sched_getaffinity",
	"sched_getparam",
	"sched_getscheduler",
	"set_robust_list",
	"get_robust_list",
	"set_tid_address",
	"rseq",
	"exit",
	"exit_group",
	"capget",
	"capset",
	"rt_sigaction",
	"rt_sigprocmask",
	"rt_sigreturn",
	"rt_sigpending",
	"sigaltstack",
	"signalfd4",
	/* sockets; socket() is below */
	"connect",
	"bind",
	"getsockname",
	"getpeername",
	"getsockopt",
	"setsockopt",
	"sendto",
	"sendmsg",
	"sendmmsg",
	"recvfrom",
	"recvmsg",
	"recvmmsg",
	"shutdown",
	"accept4",
	/* which process serves an engine's socket, and whether it still does */
	"pidfd_open",
};

/* Nothing in callerd, in what it is linked with or in a name service makes these. */
static const char *const forbidden[] = {
	"execve",
	"execveat",
	"fork",
	"vfork",
	"ptrace",
	"process_vm_readv",
	"process_vm_writev",
	"process_madvise",
	"process_mrelease",
	"kcmp",
	"kill",
	"tkill",
	"rt_sigqueueinfo",
	"rt_tgsigqueueinfo",
	"pidfd_send_signal",
	"mount",
	"umount2",
	"move_mount",
	"open_tree",
	"fsopen",
	"fsconfig",
	"fsmount",
	"fspick",
	"mount_setattr",
	"pivot_root",
	"chroot",
	"setns",
	"unshare",
	"init_module",
	"finit_module",
	"delete_module",
	"kexec_load",
	"kexec_file_load",
	"add_key",
	"request_key",
	"keyctl",
	"setuid",
	"setgid",
	"setreuid",
	"setregid",
	"setresuid",
	"setresgid",
	"setgroups",
	"setfsuid",
	"setfsgid",
	"open_by_handle_at",
	"mknod",
	"mknodat",
	"io_uring_setup",
	"io_uring_enter",
	"io_uring_register",
	"userfaultfd",
	"perf_event_open",
	"fanotify_init",
	"quotactl",
	"swapon",
	"swapoff",
	"reboot",
	"acct",
	"syslog",
	"settimeofday",
	"clock_settime",
	"adjtimex",
	"clock_adjtime",
	"iopl",
	"ioperm",
	"personality",
	"setxattr",
	"lsetxattr",
	"fsetxattr",
	"sethostname",
	"setdomainname",
	"pkey_mprotect",
};

/* On maps, programs and links that are loaded already. */
static const unsigned int bpf_commands[] = {
	BPF_MAP_LOOKUP_ELEM,
	BPF_MAP_UPDATE_ELEM,
	BPF_MAP_DELETE_ELEM,
	BPF_MAP_GET_NEXT_KEY,
	BPF_MAP_LOOKUP_AND_DELETE_ELEM,
	BPF_OBJ_GET_INFO_BY_FD,
	BPF_PROG_TEST_RUN,
	BPF_LINK_CREATE,
	BPF_ITER_CREATE,
	BPF_LINK_DETACH,
};

/* TCGETS, TCGETS2: isatty(), by the C library's version. */
static const unsigned long ioctls[] = {
	FIONREAD, SIOCOUTQ, FIONBIO, TCGETS, TCGETS2, NS_GET_USERNS, PERF_EVENT_IOC_DISABLE,
};

static int add_calls(scmp_filter_ctx filter, uint32_t action, const char *const *names,
		     size_t count)
{
	int error = 0;

	for (size_t i = 0; i < count && !error; i++) {
		int number = seccomp_syscall_resolve_name(names[i]);

		if (number != __NR_SCMP_ERROR)
			error = seccomp_rule_add(filter, action, number, 0);
	}
	return error;
}

static bool is_family(unsigned int family, enum filter_kind kind)
{
	return family == AF_UNIX ||
	       (kind == FILTER_AGENT_NETWORK &&
		(family == AF_INET || family == AF_INET6 || family == AF_NETLINK));
}

/* A name service, or the C library, takes an error for an answer. */
static int add_sockets(scmp_filter_ctx filter, enum filter_kind kind)
{
	int error = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(socketpair), 1,
				     SCMP_A0_32(SCMP_CMP_EQ, AF_UNIX));

	for (unsigned int family = 0; family < FAMILY_MAX && !error; family++)
		error = seccomp_rule_add(filter,
					 is_family(family, kind) ? SCMP_ACT_ALLOW
								 : SCMP_ACT_ERRNO(EAFNOSUPPORT),
					 SCMP_SYS(socket), 1, SCMP_A0_32(SCMP_CMP_EQ, family));
	return error;
}

/* The broker alone copies descriptors of other processes. Any other one that tries asks the broker next. */
static int add_descriptors(scmp_filter_ctx filter, enum filter_kind kind)
{
	return seccomp_rule_add(filter,
				kind == FILTER_BROKER ? SCMP_ACT_ALLOW : SCMP_ACT_ERRNO(EPERM),
				SCMP_SYS(pidfd_getfd), 0);
}

/* No memory can be written and executed, or become executable. A library that a name service loads can be mapped. */
static int add_memory(scmp_filter_ctx filter)
{
	static const unsigned int fine[] = {0, PROT_WRITE, PROT_EXEC};
	int error =
		seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1,
				 SCMP_A2_32(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0))
			?: seccomp_rule_add(filter, SCMP_ACT_ERRNO(EACCES), SCMP_SYS(mprotect), 1,
					    SCMP_A2_32(SCMP_CMP_MASKED_EQ, PROT_EXEC, PROT_EXEC));

	for (size_t i = 0; i < COUNT(fine) && !error; i++)
		error = seccomp_rule_add(
			filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1,
			SCMP_A2_32(SCMP_CMP_MASKED_EQ, PROT_WRITE | PROT_EXEC, fine[i]));
	return error
		       ?: seccomp_rule_add(filter, SCMP_ACT_ERRNO(EACCES), SCMP_SYS(mmap), 1,
					   SCMP_A2_32(SCMP_CMP_MASKED_EQ, PROT_WRITE | PROT_EXEC,
						      PROT_WRITE | PROT_EXEC));
}

/* Threads, but no processes. The flags of clone3() are in memory, where a filter cannot look: the C library then takes
 * clone(). */
static int add_threads(scmp_filter_ctx filter)
{
	const uint64_t flags = CLONE_VM | CLONE_THREAD;

	return seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0)
		       ?: seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
					   SCMP_A0(SCMP_CMP_MASKED_EQ, flags, flags))
		       ?: seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1,
					   SCMP_A0_32(SCMP_CMP_EQ, (uint32_t)getpid()))
		       ?: seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(prlimit64), 1,
					   SCMP_A2(SCMP_CMP_EQ, 0));
}

static int add_prctl(scmp_filter_ctx filter)
{
	int error = 0;

	for (unsigned int option = 0; option < PRCTL_MAX && !error; option++)
		error = seccomp_rule_add(filter,
					 option == PR_SET_NAME || option == PR_GET_NAME
						 ? SCMP_ACT_ALLOW
						 : SCMP_ACT_ERRNO(EPERM),
					 SCMP_SYS(prctl), 1, SCMP_A0_32(SCMP_CMP_EQ, option));
	return error
		       ?: seccomp_rule_add(filter, SCMP_ACT_ERRNO(EINVAL), SCMP_SYS(prctl), 1,
					   SCMP_A0_32(SCMP_CMP_GE, PRCTL_MAX));
}

static int add_commands(scmp_filter_ctx filter)
{
	int error = 0;

	for (size_t i = 0; i < COUNT(bpf_commands) && !error; i++)
		error = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(bpf), 1,
					 SCMP_A0_32(SCMP_CMP_EQ, bpf_commands[i]));
	for (size_t i = 0; i < COUNT(ioctls) && !error; i++)
		error = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1,
					 SCMP_A1_32(SCMP_CMP_EQ, (uint32_t)ioctls[i]));
	return error;
}

/* Says which system call is in no list, and ends as the kernel would have ended it. Nothing that holds a lock of the C
 * library is in the middle of such a call. */
static void tell_and_die(int signal, siginfo_t *info, void *context)
{
	static const char more[] = "it is in none of its lists. --confine none runs without them\n";
	_free_ char *name =
		seccomp_syscall_resolve_num_arch((uint32_t)info->si_arch, info->si_syscall);
	char text[256];
	int size =
		snprintf(text, sizeof(text), "callerd: error: ended at the system call %s (%d): %s",
			 name ?: "unknown", info->si_syscall, more);
	struct sigaction plain = {.sa_handler = SIG_DFL};
	ssize_t written = write(STDERR_FILENO, text, (size_t)size);

	(void)written;
	sigaction(signal, &plain, NULL);
	syscall(SYS_tgkill, getpid(), gettid(), signal); /* comes when this handler returns */
}

int filter_install(enum filter_kind kind)
{
	_cleanup_(filter_release) scmp_filter_ctx filter = seccomp_init(SCMP_ACT_TRAP);
	struct sigaction handler = {.sa_sigaction = tell_and_die, .sa_flags = SA_SIGINFO};
	int error;

	if (!filter)
		return -ENOMEM;
	error = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS)
			?: seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1)
			?: seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2)
			?: add_calls(filter, SCMP_ACT_ALLOW, allowed, COUNT(allowed))
			?: add_calls(filter, SCMP_ACT_KILL_PROCESS, forbidden, COUNT(forbidden))
			?: add_sockets(filter, kind) ?: add_descriptors(filter, kind) ?: add_memory(filter)
			?: add_threads(filter) ?: add_prctl(filter) ?: add_commands(filter);
	if (error)
		return error;
	sigaction(SIGSYS, &handler, NULL);
	return seccomp_load(filter);
}
