/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel's types, as far as these programs touch them. Offsets are relocated against the running
 * kernel's BTF (CO-RE), so only names and nesting have to be right, and the build does not depend on
 * the kernel of the machine that builds.
 */
#ifndef CALLERD_BPF_KERNEL_H
#define CALLERD_BPF_KERNEL_H

#include <linux/bpf.h>
#include <linux/types.h>
#include <stdbool.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

#include "arch.h"

/* A function that the verifier checks once, by itself, not at each call. Kernel pointers are passed
 * to it as numbers. */
#define CHECKED_ONCE __attribute__((noinline))

#define AF_UNIX 1
#define AF_INET 2
#define AF_INET6 10
#define IPPROTO_TCP 6
#define SOCK_STREAM 1
#define TCP_ESTABLISHED 1
#define TCP_SYN_SENT 2
#define TCP_CLOSE 7
#define TCP_CLOSE_WAIT 8
#define TCP_LAST_ACK 9
#define TCP_LISTEN 10
#define LOOPBACK_IFINDEX 1
#define PF_IO_WORKER 0x00000010 /* include/linux/sched.h; the same values since Linux 5.12 */
#define PF_KTHREAD 0x00200000
#define SHUTDOWN_MASK 3
#define MSG_OOB 1
#define MSG_PEEK 2
#define ENOENT 2
#define EPERM 1
#define EINTR 4
#define EAGAIN 11
#define EACCES 13
#define EPIPE 32
#define EPROTOTYPE 91
#define ECONNRESET 104
#define ECONNREFUSED 111
#define ERESTARTSYS 512
#define SUN_PATH_OFFSET 2 /* of sockaddr_un.sun_path */
#define S_IFMT 00170000
#define S_IFSOCK 0140000
#define S_IFCHR 0020000
#define S_IWGRP 00020
#define S_IWOTH 00002
#define OVERLAYFS_SUPER_MAGIC 0x794c7630
#define FUSE_SUPER_MAGIC 0x65735546

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct bpf_rb_root___since_cast {
	__u64 reserved;
};

typedef struct {
	__u32 val;
} kuid_t;

typedef struct {
	__u32 val;
} kgid_t;

typedef struct {
	__u64 val; /* u32[2] before Linux 6.3 (f122a08b197d), the same 8 bytes */
} kernel_cap_t;

struct ns_common {
	unsigned int inum;
};

struct super_block {
	__u32 s_dev;
	unsigned long s_magic;
	struct user_namespace *s_user_ns;
};

struct timespec64 {
	long tv_sec;
	long tv_nsec;
};

struct inode {
	unsigned short i_mode;
	kuid_t i_uid;
	kgid_t i_gid;
	struct super_block *i_sb;
	unsigned long i_ino;
	unsigned int i_nlink;
	__u32 i_generation;
	long i_ctime_sec; /* since Linux 6.11 */
	__u32 i_ctime_nsec;
	__u32 i_rdev;
	__u32 i_fsnotify_mask; /* with CONFIG_FSNOTIFY: 0 where nobody is told of changes */
};

struct inode___of_6_6 { /* up to 6.10 */
	struct timespec64 __i_ctime;
};

struct inode___of_6_1 { /* up to 6.5 */
	struct timespec64 i_ctime;
};

struct ovl_inode { /* overlayfs's, which may be a module that is not loaded */
	struct inode vfs_inode;
	struct dentry *__upperdentry;
};

struct qstr {
	__u64 hash_len;
	const unsigned char *name;
};

struct dentry {
	struct dentry *d_parent;
	struct qstr d_name;
	struct inode *d_inode;
};

struct vfsmount {
	struct dentry *mnt_root;
};

struct mnt_namespace {
	struct ns_common ns;
};

struct list_head {
	struct list_head *next;
};

struct mount {
	struct mount *mnt_parent;
	struct dentry *mnt_mountpoint;
	struct vfsmount mnt;
	struct list_head mnt_mounts;
	struct list_head mnt_child;
	struct mnt_namespace *mnt_ns;
};

struct path {
	struct vfsmount *mnt;
	struct dentry *dentry;
};

struct file {
	struct path f_path;
	unsigned int f_mode;
	void *private_data;
};

/* The queue of fanotify and inotify. */
struct fsnotify_group {
	unsigned int q_len;
};

struct fdtable {
	unsigned int max_fds;
	struct file **fd;
	unsigned long *open_fds; /* a bit for each descriptor */
};

struct files_struct {
	struct fdtable *fdt;
};

struct fs_struct {
	struct path root;
	struct path pwd;
};

struct net {
	struct ns_common ns;
};

struct upid {
	int nr;
	struct pid_namespace *ns;
};

struct hlist_node {
	struct hlist_node *next;
};

struct hlist_head {
	struct hlist_node *first;
};

enum pid_type {
	PIDTYPE_TGID = 1,
};

struct pid {
	unsigned int level;
	struct hlist_head tasks[4];
	struct upid numbers[1];
};

struct pid_namespace {
	struct task_struct *child_reaper;
	struct ns_common ns;
};

struct user_namespace {
	struct user_namespace *parent;
	int level; /* 0: the initial user namespace */
	kuid_t owner;
	struct ns_common ns;
};

struct nsproxy {
	struct mnt_namespace *mnt_ns;
	struct pid_namespace *pid_ns_for_children;
	struct net *net_ns;
};

struct group_info {
	int ngroups;
	kgid_t gid[];
};

struct cred {
	kuid_t uid;
	kgid_t gid;
	kuid_t euid;
	kgid_t egid;
	kuid_t fsuid;
	kgid_t fsgid;
	kernel_cap_t cap_effective;
	struct user_namespace *user_ns;
	struct group_info *group_info;
	void *security; /* with CONFIG_SECURITY */
};

typedef struct {
	struct net *net;
} possible_net_t;

struct in6_addr {
	union {
		__u32 u6_addr32[4];
	} in6_u;
};

struct sock_common {
	__u32 skc_daddr;
	__u32 skc_rcv_saddr;
	__u16 skc_dport; /* of the network's order */
	__u16 skc_num;
	unsigned short skc_family;
	volatile unsigned char skc_state;
	possible_net_t skc_net;
	struct in6_addr skc_v6_daddr; /* with CONFIG_IPV6 */
	struct in6_addr skc_v6_rcv_saddr;
};

struct sk_buff {
	struct sk_buff *next;
	struct sk_buff *prev;
	struct sock *sk;
	unsigned int len;
	char cb[48];
};

struct unix_skb_parms { /* in sk_buff.cb */
	__u32 consumed;
};

struct sk_buff_head {
	struct sk_buff *next;
	struct sk_buff *prev;
	__u32 qlen;
};

typedef struct {
	__s64 counter;
} atomic64_t;

struct mutex {
	atomic64_t owner; /* atomic_long_t; not with CONFIG_PREEMPT_RT */
};

typedef struct {
	int owned; /* a process is about something with the socket */
} socket_lock_t;

struct net_device {
	int ifindex;
};

struct dst_entry {
	struct net_device *dev;
};

struct sock {
	struct sock_common __sk_common;
	struct sk_buff_head sk_receive_queue;
	struct dst_entry *sk_dst_cache; /* the way to the other end */
	socket_lock_t sk_lock;
	int sk_err;
	__u16 sk_type;
	__u16 sk_protocol;
	__u8 sk_shutdown;
	struct pid *sk_peer_pid;
	const struct cred *sk_peer_cred;
	void *sk_bpf_storage; /* NULL: no program keeps anything of the socket */
};

struct inet_connection_sock {
	struct sock sk;
};

struct tcp_sock {
	struct inet_connection_sock inet_conn;
	__u32 is_mptcp : 1; /* with CONFIG_MPTCP */
};

struct socket {
	struct sock *sk;
};

struct unix_sock {
	struct sock sk;
	struct path path;
	struct mutex iolock; /* held during a receive */
	struct sock *peer;
	struct sk_buff *oob_skb; /* with CONFIG_AF_UNIX_OOB */
};

struct msghdr {
	unsigned int msg_flags;
};

struct kernfs_iattrs {
	kuid_t ia_uid;
	kgid_t ia_gid;
};

struct kernfs_node {
	struct kernfs_node *parent;
	const char *name;
	struct kernfs_iattrs *iattr; /* NULL: root owns the node */
	__u16 mode;
	__u64 id;
};

/* Linux 6.15 (633488947ef6) renamed the field. */
struct kernfs_node___rcu {
	struct kernfs_node___rcu *__parent;
	const char *name;
};

struct cgroup_root;

struct cgroup {
	struct kernfs_node *kn;
	struct cgroup_root *root;
};

struct cgroup_subsys_state {
	struct cgroup *cgroup;
};

enum cgroup_subsys_id {
	memory_cgrp_id = 4,
	pids_cgrp_id = 11,
};

struct css_set {
	struct cgroup_subsys_state *subsys[16];
	struct cgroup *dfl_cgrp;
};

struct tty_driver {
	const char *name;
	int major;
	int minor_start;
};

struct tty_struct {
	struct tty_driver *driver;
	int index;
};

typedef struct {
	int counter;
} atomic_t;

struct signal_struct {
	atomic_t live; /* number of living threads */
	struct tty_struct *tty;
};

struct mm_struct {
	unsigned long arg_start;
	unsigned long arg_end;
	unsigned long env_start;
	unsigned long env_end;
	struct file *exe_file;
};

struct task_struct {
	struct thread_info thread_info;
	unsigned int flags;
	int pid;
	int tgid;
	char comm[16];
	__u64 start_boottime;
	__u64 self_exec_id;
	struct task_struct *real_parent;
	struct task_struct *group_leader;
	struct pid *thread_pid;
	struct hlist_node pid_links[4];
	const struct cred *cred;
	struct mm_struct *mm;
	struct fs_struct *fs;
	struct files_struct *files;
	struct nsproxy *nsproxy;
	struct signal_struct *signal;
	struct css_set *cgroups;
	kuid_t loginuid; /* with CONFIG_AUDIT */
	unsigned int sessionid;
};

struct trace_event_raw_sys_exit {
	long ret;
};

struct bpf_sock_addr_kern {
	struct sock *sk;
	void *uaddr;
	__u32 uaddrlen;
};

struct bpf_iter_meta {
	struct seq_file *seq;
	__u64 seq_num;
};

struct bpf_iter__task {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
};

struct bpf_iter__task_file {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
	__u32 fd;
	struct file *file;
};

struct bpf_iter__tcp {
	struct bpf_iter_meta *meta;
	struct sock_common *sk_common;
};

struct bpf_iter__unix {
	struct bpf_iter_meta *meta;
	struct unix_sock *unix_sk;
};

#pragma clang attribute pop

extern void *bpf_cast_to_kern_ctx(void *context) __ksym;
extern void *bpf_rdonly_cast(const void *object, __u32 btf_id) __ksym __weak;

typedef __u64 __attribute__((may_alias)) any_u64;
typedef __u32 __attribute__((may_alias)) any_u32;
typedef __u16 __attribute__((may_alias)) any_u16;
typedef __u8 __attribute__((may_alias)) any_u8;

/* Whether bpf_rdonly_cast() exists, which is older than this struct. A backend says so where none of its kernels lacks it: each
 * question takes the verifier time. */
#ifndef HAS_CAST
#define HAS_CAST bpf_core_type_exists(struct bpf_rb_root___since_cast)
#endif

/*
 * What BPF_CORE_READ() reads it reads by a load where the kernel lets it, which takes a nanosecond, and not by a helper, which takes
 * ten. A load from an address that is none gives 0, as the helper does. To the verifier the result is a number in both cases: all is
 * read as if it were the first member of a struct that every kernel has, and whose first member is a number of 8 bytes.
 */
#define read_kernel(to, size, address)                                                             \
	({                                                                                         \
		const volatile void *read_at =                                                     \
			(const volatile void *)__builtin_preserve_access_index(address);           \
		if (HAS_CAST && ((size) == 8 || (size) == 4 || (size) == 2 || (size) == 1)) {      \
			struct timespec64 *read_word = bpf_rdonly_cast(                            \
				(void *)read_at, bpf_core_type_id_kernel(struct timespec64));      \
			switch (size) {                                                            \
			case 8:                                                                    \
				*(any_u64 *)(to) = *(any_u64 *)read_word;                          \
				break;                                                             \
			case 4:                                                                    \
				*(any_u32 *)(to) = *(any_u32 *)read_word;                          \
				break;                                                             \
			case 2:                                                                    \
				*(any_u16 *)(to) = *(any_u16 *)read_word;                          \
				break;                                                             \
			case 1:                                                                    \
				*(any_u8 *)(to) = *(any_u8 *)read_word;                            \
				break;                                                             \
			}                                                                          \
		} else {                                                                           \
			bpf_probe_read_kernel(to, size, (const void *)read_at);                    \
		}                                                                                  \
	})

/* Reads the name of a task, 16 bytes. */
static __always_inline void read_name(__u64 name[2], const void *address)
{
	if (HAS_CAST) {
		read_kernel(&name[0], 8, address);
		read_kernel(&name[1], 8, address + 8);
	} else {
		bpf_probe_read_kernel(name, 16, address);
	}
}

/* OBJECT of the kernel's as a number: functions that the verifier checks once take no pointer to one. */
static __always_inline __u64 address_of(const void *object)
{
	__u64 address = 0;

	bpf_probe_read_kernel(&address, sizeof(address), &object);
	return address;
}

#undef BPF_CORE_READ_INTO
#define BPF_CORE_READ_INTO(to, from, member, ...)                                                  \
	({___core_read(read_kernel, read_kernel, to, (from), member, ##__VA_ARGS__)})

#endif
