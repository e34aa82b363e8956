/* SPDX-License-Identifier: GPL-2.0-only */
/* Describes the current process: everything that a record says about a caller, copied while the
 * caller acts. */
#ifndef CALLERD_BPF_DESCRIBE_H
#define CALLERD_BPF_DESCRIBE_H

#include "exec.h"

#define ARGV_CHUNK 1024
#define ANCESTOR_ARGV_LONG_MAX 2048 /* bytes of arguments of ancestors above the parent */
#define GROUPS_MAX 1024

static __always_inline void describe_path(struct callerd_caller_event *event,
					  struct callerd_text *text, struct dentry *dentry,
					  struct vfsmount *mnt)
{
	text_begin(event, text);
	text->flags = text_add_path(event, dentry, mnt);
	text_end(event, text);
}

struct kernfs_walk {
	struct callerd_caller_event *event;
	struct kernfs_node *node;
	__u32 claimed; /* the first components, from the leaf on, that not only root could name */
	__u32 owner;
	__u16 flags;
};

static __always_inline struct kernfs_node *kernfs_parent(struct kernfs_node *node)
{
	struct kernfs_node___rcu *rcu = (void *)node;

	if (bpf_core_field_exists(rcu->__parent))
		return (void *)BPF_CORE_READ(rcu, __parent);
	return BPF_CORE_READ(node, parent);
}

#define ROOT_ONLY (1ULL << 32)

/* The owner's UID of a directory, a struct kernfs_node, whose entries users other than root may create and rename; else ROOT_ONLY. */
CHECKED_ONCE __u64 owner_if_open(__u64 address)
{
	struct kernfs_node *directory = (struct kernfs_node *)address;
	__u16 mode = BPF_CORE_READ(directory, mode);
	struct kernfs_iattrs *attributes = BPF_CORE_READ(directory, iattr);
	__u32 uid = 0, gid = 0;

	if (attributes) {
		uid = BPF_CORE_READ(attributes, ia_uid.val);
		gid = BPF_CORE_READ(attributes, ia_gid.val);
	}
	if (!uid && !(mode & S_IWOTH) && (!gid || !(mode & S_IWGRP)))
		return ROOT_ONLY;
	return uid;
}

static long kernfs_step(__u32 index, void *context)
{
	struct kernfs_walk *walk = context;
	struct kernfs_node *node = walk->node;
	struct kernfs_node *parent = kernfs_parent(node);
	__u64 owner;

	if (!parent)
		return 1;
	owner = owner_if_open((__u64)parent);
	if (owner != ROOT_ONLY) {
		walk->claimed = index + 1;
		walk->owner = owner;
	}
	walk->flags |= text_add(walk->event, BPF_CORE_READ(node, name));
	walk->node = parent;
	return walk->flags ? 1 : 0;
}

/* Describes CGROUP as the event's cgroup in the unified hierarchy, or in a v1 hierarchy. */
CHECKED_ONCE int describe_cgroup_at(struct callerd_caller_event *event, __u64 address,
				    __u32 unified)
{
	struct cgroup *cgroup = (struct cgroup *)address;
	struct kernfs_walk walk = {.event = event, .node = BPF_CORE_READ(cgroup, kn)};
	struct callerd_text *text;
	struct kernfs_node *node;

	if (!event)
		return 0;
	text = unified ? &event->cgroup : &event->cgroup_v1;
	text_begin(event, text);
	bpf_loop(PATH_DEPTH_MAX, kernfs_step, &walk, 0);
	node = walk.node;
	text->flags = walk.flags | (kernfs_parent(node) ? CALLERD_TEXT_TRUNCATED : 0);
	text_end(event, text);
	if (unified) {
		event->cgroup_claimed = walk.claimed;
		event->cgroup_owner = walk.owner;
	} else {
		event->cgroup_v1_claimed = walk.claimed;
		event->cgroup_v1_owner = walk.owner;
	}
	return 0;
}

static __always_inline void describe_cgroup(struct callerd_caller_event *event,
					    struct cgroup *cgroup, bool unified)
{
	describe_cgroup_at(event, (__u64)cgroup, unified);
}

/* Describes the cgroup in CONTROLLER's v1 hierarchy. False: CONTROLLER is bound to no v1
 * hierarchy. */
static __always_inline bool describe_cgroup_v1(struct callerd_caller_event *event,
					       struct css_set *set, struct cgroup *unified,
					       __u32 controller)
{
	struct cgroup_subsys_state *state = NULL;
	struct cgroup *cgroup;

	if (controller >= 16)
		return false;
	bpf_probe_read_kernel(&state, sizeof(state), &set->subsys[controller]);
	cgroup = BPF_CORE_READ(state, cgroup);
	if (!cgroup || BPF_CORE_READ(cgroup, root) == BPF_CORE_READ(unified, root))
		return false;
	describe_cgroup(event, cgroup, false);
	return true;
}

static __always_inline void describe_cgroups(struct callerd_caller_event *event,
					     struct task_struct *task)
{
	struct css_set *set = BPF_CORE_READ(task, cgroups);
	struct cgroup *unified = BPF_CORE_READ(set, dfl_cgrp);
	bool found = false;

	event->cgroup_id = BPF_CORE_READ(unified, kn, id);
	describe_cgroup(event, unified, true);
	event->cgroup_v1_claimed = event->cgroup_v1_owner = 0;
	text_begin(event, &event->cgroup_v1);
	if (bpf_core_enum_value_exists(enum cgroup_subsys_id, pids_cgrp_id))
		found = describe_cgroup_v1(
			event, set, unified,
			bpf_core_enum_value(enum cgroup_subsys_id, pids_cgrp_id));
	/* A process at "/" of one v1 hierarchy may be in a cgroup of another. */
	if ((!found || !event->cgroup_v1.length) &&
	    bpf_core_enum_value_exists(enum cgroup_subsys_id, memory_cgrp_id))
		describe_cgroup_v1(event, set, unified,
				   bpf_core_enum_value(enum cgroup_subsys_id, memory_cgrp_id));
}

struct argv_copy {
	struct callerd_caller_event *event;
	unsigned long from;
	__u32 left;
	__u16 flags;
};

static long argv_step(__u32 index, void *context)
{
	struct argv_copy *copy = context;
	struct callerd_caller_event *event = copy->event;
	__u32 at = event->text_size;
	__u32 size = copy->left;

	if (!size)
		return 1;
	if (size > ARGV_CHUNK)
		size = ARGV_CHUNK;
	if (at > CALLERD_TEXT_MAX - ARGV_CHUNK) {
		copy->flags |= CALLERD_TEXT_TRUNCATED;
		return 1;
	}
	if (bpf_probe_read_user(event->text + at, size, (void *)copy->from)) {
		copy->flags |= CALLERD_TEXT_FAULT;
		return 1;
	}
	event->text_size = at + size;
	copy->from += size;
	copy->left -= size;
	return 0;
}

/* The arguments as the memory of the process has them now; the process may have changed them. */
static __always_inline void describe_own_argv(struct callerd_caller_event *event,
					      struct mm_struct *mm)
{
	struct argv_copy copy = {.event = event, .from = BPF_CORE_READ(mm, arg_start)};
	unsigned long size = BPF_CORE_READ(mm, arg_end) - copy.from;

	text_begin(event, &event->argv);
	if (!mm)
		copy.flags = CALLERD_TEXT_FAULT;
	if (size > CALLERD_ARGV_MAX) {
		size = CALLERD_ARGV_MAX;
		copy.flags = CALLERD_TEXT_TRUNCATED;
	}
	copy.left = size;
	bpf_loop(CALLERD_ARGV_MAX / ARGV_CHUNK + 1, argv_step, &copy, 0);
	event->argv.flags = copy.flags;
	text_end(event, &event->argv);
}

/* The arguments that a process of this image got at its exec; CALLERD_TEXT_FAULT: not known. */
static __always_inline void describe_executed_argv(struct callerd_caller_event *event,
						   struct callerd_text *text, __u64 image)
{
	struct callerd_args *args = bpf_map_lookup_elem(&arguments, &image);
	__u32 at = event->text_size;
	__u32 size;

	text_begin(event, text);
	text->flags = CALLERD_TEXT_FAULT;
	if (!args || at > CALLERD_TEXT_MAX - CALLERD_ANCESTOR_ARGV_MAX)
		return;
	size = args->size;
	barrier_var(size);
	if (size > CALLERD_ANCESTOR_ARGV_MAX)
		return;
	if (bpf_probe_read_kernel(event->text + at, size, args->argv))
		return;
	event->text_size = at + size;
	text->flags = args->flags;
	text_end(event, text);
}

/* If TEXT has only the beginning of TASK's arguments, replaces it by up to MAX bytes of them, where
 * there is room for MAX. Called last: long arguments must not take the room of anything else. */
static __always_inline void describe_long_argv(struct callerd_caller_event *event,
					       struct callerd_text *text, struct task_struct *task,
					       __u32 max)
{
	struct callerd_image *image;
	struct callerd_long_args *args;
	__u32 at = event->text_size;
	__u64 key;
	__u32 size;

	if (text->flags != CALLERD_TEXT_TRUNCATED || text->length >= max ||
	    at > CALLERD_TEXT_MAX - max)
		return;
	image = find_image(task);
	key = image ? image->image : 0;
	args = key ? bpf_map_lookup_elem(&long_arguments, &key) : NULL;
	if (!args)
		return;
	size = args->size < max ? args->size : max;
	barrier_var(size);
	if (size > max || bpf_probe_read_kernel(event->text + at, size, args->argv))
		return;
	text_begin(event, text);
	text->flags = size < args->size ? CALLERD_TEXT_TRUNCATED : args->flags;
	event->text_size = at + size;
	text_end(event, text);
}

/* Adds the environment of this key, that of the process PID, if nothing of a nearer one's is there, nor was: what that was
 * may have been another job's. */
CHECKED_ONCE int describe_environment(struct callerd_caller_event *event, __u64 key, __u32 pid)
{
	struct callerd_environment *kept;
	__u32 at, size;

	if (!event || !key || event->environment.length || event->environment.flags)
		return 0;
	kept = bpf_map_lookup_elem(&environments, &key);
	event->environment.flags |= kept ? kept->flags : CALLERD_TEXT_FAULT;
	at = event->text_size;
	if (!kept || at > CALLERD_TEXT_MAX - CALLERD_ENVIRONMENT_MAX)
		return 0;
	size = kept->size;
	barrier_var(size);
	if (!size || size > CALLERD_ENVIRONMENT_MAX ||
	    bpf_probe_read_kernel(event->text + at, size, kept->text))
		return 0;
	event->environment.offset = at;
	event->environment.length = size;
	event->text_size = at + size;
	event->environment_pid = pid;
	return 0;
}

/* When INODE changed last, in ns since 1970. Where Linux keeps that is another place every few versions. */
static __always_inline __u64 changed_at(struct inode *inode)
{
	struct inode___of_6_6 *of_6_6 = (void *)inode;
	struct inode___of_6_1 *of_6_1 = (void *)inode;
	__u64 seconds, ns;

	if (bpf_core_field_exists(inode->i_ctime_sec)) {
		seconds = BPF_CORE_READ(inode, i_ctime_sec);
		ns = BPF_CORE_READ(inode, i_ctime_nsec);
	} else if (bpf_core_field_exists(of_6_6->__i_ctime)) {
		seconds = BPF_CORE_READ(of_6_6, __i_ctime.tv_sec);
		ns = BPF_CORE_READ(of_6_6, __i_ctime.tv_nsec);
	} else {
		seconds = BPF_CORE_READ(of_6_1, i_ctime.tv_sec);
		ns = BPF_CORE_READ(of_6_1, i_ctime.tv_nsec);
	}
	return seconds * 1000000000 + (ns & 0x3fffffff); /* above are marks, since Linux 6.13 */
}

/* Whoever serves a file system says what its files are and when they changed: of FUSE, and of what is mounted in a user namespace, that is
 * a user. */
static __always_inline bool is_of_a_user(struct inode *inode)
{
	struct super_block *super = BPF_CORE_READ(inode, i_sb);

	return BPF_CORE_READ(super, s_magic) == FUSE_SUPER_MAGIC ||
	       BPF_CORE_READ(super, s_user_ns, level);
}

/* EXE is the current executable of TASK, or NULL. */
static __always_inline void describe_executable(struct callerd_caller_event *event,
						struct task_struct *task, struct file *exe)
{
	struct inode *inode = BPF_CORE_READ(exe, f_path.dentry, d_inode);
	struct task_struct *leader = BPF_CORE_READ(task, group_leader);
	struct image_facts image = {};

	look_up_image(&image, (__u64)leader, (__u64)exe);
	text_begin(event, &event->exe);
	text_begin(event, &event->exe_claimed);
	if (image.exchanged) {
		event->exe.flags = text_add_executed(event, (__u64)leader) | CALLERD_TEXT_EXCHANGED;
		text_end(event, &event->exe);
		describe_path(event, &event->exe_claimed, BPF_CORE_READ(exe, f_path.dentry),
			      BPF_CORE_READ(exe, f_path.mnt));
	} else if (exe) {
		describe_path(event, &event->exe, BPF_CORE_READ(exe, f_path.dentry),
			      BPF_CORE_READ(exe, f_path.mnt));
		if (!BPF_CORE_READ(inode, i_nlink))
			event->header.flags |= CALLERD_FLAG_EXE_DELETED;
	}
	if (!exe && image.has_file) { /* the task has given back its memory: the process ends */
		event->exe.flags = text_add_executed(event, (__u64)leader);
		text_end(event, &event->exe);
	}
	event->exe_node = image.node;
	if (image.has_file)
		event->header.flags |= CALLERD_FLAG_EXE_KNOWN;
	else if (inode)
		node_key(inode, &event->exe_node);
	event->exe_changed =
		inode && !(event->exe.flags & CALLERD_TEXT_EXCHANGED) && !is_of_a_user(inode)
			? changed_at(inode)
			: 0;
}

struct ancestor_walk {
	struct callerd_caller_event *event;
	struct task_struct *task;
	__u64 cut; /* some of the arguments are */
};

static long ancestor_step(__u32 index, void *context)
{
	struct ancestor_walk *walk = context;
	struct callerd_ancestor *ancestor;
	struct task_struct *task = walk->task;
	struct task_struct *parent = BPF_CORE_READ(task, group_leader, real_parent, group_leader);
	struct image_facts image = {};
	struct file *exe;

	if (!parent || parent == task || !BPF_CORE_READ(parent, tgid))
		return 1;
	barrier_var(index); /* Linux 6.1 tracks no copies: check the register that is used */
	if (index >= CALLERD_ANCESTORS_MAX)
		return 1;
	ancestor = &walk->event->ancestor[index];
	ancestor->pid = BPF_CORE_READ(parent, tgid);
	ancestor->start = BPF_CORE_READ(parent, start_boottime);
	ancestor->uid = BPF_CORE_READ(parent, cred, euid.val);
	bpf_probe_read_kernel_str(ancestor->comm, sizeof(ancestor->comm), &parent->comm);
	exe = BPF_CORE_READ(parent, mm, exe_file);
	text_begin(walk->event, &ancestor->exe);
	look_up_image(&image, (__u64)parent, (__u64)exe);
	if (image.exchanged)
		ancestor->exe.flags =
			text_add_executed(walk->event, (__u64)parent) | CALLERD_TEXT_EXCHANGED;
	else if (exe)
		ancestor->exe.flags = text_add_path(walk->event, BPF_CORE_READ(exe, f_path.dentry),
						    BPF_CORE_READ(exe, f_path.mnt));
	text_end(walk->event, &ancestor->exe);
	describe_executed_argv(walk->event, &ancestor->argv, image.image);
	walk->cut |= ancestor->argv.flags & CALLERD_TEXT_TRUNCATED;
	describe_environment(walk->event, image.environment, ancestor->pid);
	walk->event->ancestors = index + 1;
	walk->task = parent;
	return 0;
}

static long ancestor_argv_step(__u32 index, void *context)
{
	struct ancestor_walk *walk = context;
	struct task_struct *task = walk->task;
	struct task_struct *parent = BPF_CORE_READ(task, real_parent, group_leader);

	barrier_var(index);
	if (index >= walk->event->ancestors || index >= CALLERD_ANCESTORS_MAX)
		return 1;
	/* An ancestor may have ended since the first walk: its child has another parent now. */
	if (BPF_CORE_READ(parent, tgid) != walk->event->ancestor[index].pid ||
	    BPF_CORE_READ(parent, start_boottime) != walk->event->ancestor[index].start)
		return 1;
	if (!index)
		describe_long_argv(walk->event, &walk->event->ancestor[index].argv, parent,
				   CALLERD_ARGV_MAX);
	describe_long_argv(walk->event, &walk->event->ancestor[index].argv, parent,
			   ANCESTOR_ARGV_LONG_MAX);
	walk->task = parent;
	return 0;
}

static __always_inline void describe_groups(struct callerd_caller_event *event,
					    const struct cred *cred)
{
	struct group_info *groups = BPF_CORE_READ(cred, group_info);
	__u32 count = BPF_CORE_READ(groups, ngroups), size;

	event->group_count = count;
	size = (count < CALLERD_GROUPS_MAX ? count : CALLERD_GROUPS_MAX) * sizeof(__u32);
	__builtin_memset(event->groups, 0, sizeof(event->groups));
	barrier_var(size);
	if (size > sizeof(event->groups))
		size = sizeof(event->groups);
	bpf_probe_read_kernel(event->groups, size,
			      (void *)groups + bpf_core_field_offset(struct group_info, gid));
}

static __always_inline void describe_credentials(struct callerd_caller_event *event,
						 struct task_struct *task)
{
	const struct cred *cred = BPF_CORE_READ(task, cred);

	event->uid = BPF_CORE_READ(cred, uid.val);
	event->gid = BPF_CORE_READ(cred, gid.val);
	event->euid = BPF_CORE_READ(cred, euid.val);
	event->egid = BPF_CORE_READ(cred, egid.val);
	event->fsuid = BPF_CORE_READ(cred, fsuid.val);
	event->fsgid = BPF_CORE_READ(cred, fsgid.val);
	bpf_core_read(&event->capabilities, sizeof(event->capabilities), &cred->cap_effective);
	event->user_ns = BPF_CORE_READ(cred, user_ns, ns.inum);
	event->user_ns_owner = BPF_CORE_READ(cred, user_ns, owner.val);
	describe_groups(event, cred);
	event->login_uid = CALLERD_UNSET_ID;
	event->session = CALLERD_UNSET_ID;
	if (bpf_core_field_exists(task->loginuid)) {
		event->login_uid = BPF_CORE_READ(task, loginuid.val);
		event->session = BPF_CORE_READ(task, sessionid);
	}
}

/* Whether descriptor NUMBER, below 3, of a table of FILES is the terminal DEVICE. */
static __always_inline bool is_terminal(struct file **files, __u32 number, __u32 device)
{
	struct file *file = NULL;
	struct inode *inode;

	bpf_probe_read_kernel(&file, sizeof(file),
			      &files[number]); /* a table has no fewer than 64 */
	inode = BPF_CORE_READ(file, f_path.dentry, d_inode);
	return (BPF_CORE_READ(inode, i_mode) & S_IFMT) == S_IFCHR &&
	       BPF_CORE_READ(inode, i_rdev) == device;
}

/* Whether the task's standard input and error are its terminal. */
CHECKED_ONCE int sits_at_terminal(__u64 address)
{
	struct task_struct *task = (struct task_struct *)address;
	struct tty_struct *tty = BPF_CORE_READ(task, signal, tty);
	struct tty_driver *driver;
	struct file **files;
	__u32 device;

	if (!tty)
		return 0;
	driver = BPF_CORE_READ(tty, driver);
	device = (__u32)BPF_CORE_READ(driver, major) << 20 |
		 (BPF_CORE_READ(driver, minor_start) + BPF_CORE_READ(tty, index));
	files = BPF_CORE_READ(task, files, fdt, fd);
	return is_terminal(files, 0, device) && is_terminal(files, 2, device);
}

static __always_inline void describe_terminal(struct callerd_caller_event *event,
					      struct task_struct *task)
{
	struct tty_struct *tty = BPF_CORE_READ(task, signal, tty);

	event->tty_index = 0;
	event->tty_driver[0] = 0;
	if (!tty)
		return;
	event->tty_index = BPF_CORE_READ(tty, index);
	bpf_probe_read_kernel_str(event->tty_driver, sizeof(event->tty_driver),
				  BPF_CORE_READ(tty, driver, name));
	if (sits_at_terminal(address_of(task)))
		event->header.flags |= CALLERD_FLAG_INTERACTIVE;
}

static __always_inline __u32 task_pid_ns(struct task_struct *task)
{
	struct pid *pid = BPF_CORE_READ(task, thread_pid);
	__u32 level = BPF_CORE_READ(pid, level);
	struct pid_namespace *namespace;
	struct upid own = {};

	bpf_core_read(&own, sizeof(own), &pid->numbers[level & 31]);
	namespace = own.ns;
	return BPF_CORE_READ(namespace, ns.inum);
}

struct group_search {
	struct group_info *groups;
	__u32 count;
	__u32 wanted;
	bool found;
};

static long group_step(__u32 index, void *context)
{
	struct group_search *search = context;
	kgid_t gid = {};

	if (index >= search->count)
		return 1;
	bpf_probe_read_kernel(&gid, sizeof(gid),
			      (void *)search->groups +
				      bpf_core_field_offset(struct group_info, gid) +
				      index * sizeof(gid));
	search->found = gid.val == search->wanted;
	return search->found;
}

/* Describes the socket node as the caller found it: its owner, group and mode decide whether the
 * kernel lets the caller connect. */
CHECKED_ONCE int describe_node(struct callerd_caller_event *event, __u64 address)
{
	struct dentry *dentry = (struct dentry *)address;
	struct task_struct *task = bpf_get_current_task_btf();
	struct inode *inode = BPF_CORE_READ(dentry, d_inode);
	struct group_info *groups;
	struct group_search search = {};

	if (!event || !inode)
		return 0;
	event->node_uid = BPF_CORE_READ(inode, i_uid.val);
	event->node_gid = BPF_CORE_READ(inode, i_gid.val);
	event->node_mode = BPF_CORE_READ(inode, i_mode);
	event->header.flags |= CALLERD_FLAG_NODE;
	groups = BPF_CORE_READ(task, cred, group_info);
	search.groups = groups;
	search.count = BPF_CORE_READ(groups, ngroups);
	search.wanted = event->node_gid;
	search.found = event->fsgid == event->node_gid;
	if (!search.found)
		bpf_loop(GROUPS_MAX, group_step, &search, 0);
	if (search.found)
		event->header.flags |= CALLERD_FLAG_IN_GROUP;
	return 0;
}

static __always_inline void describe_task(struct callerd_caller_event *event,
					  struct task_struct *task, bool current)
{
	struct task_struct *leader = BPF_CORE_READ(task, group_leader);
	struct mm_struct *mm = BPF_CORE_READ(task, mm);
	struct file *exe = BPF_CORE_READ(mm, exe_file);
	struct image_facts image = {};

	event->text_size = 0;
	event->span = 0;
	event->error = 0;
	event->offset = 0;
	event->ancestors = event->description = event->server_pid = event->server_uid =
		event->server_start = 0;
	event->pid = BPF_CORE_READ(task, tgid);
	event->tid = BPF_CORE_READ(task, pid);
	event->start = BPF_CORE_READ(leader, start_boottime);
	event->mnt_ns = BPF_CORE_READ(task, nsproxy, mnt_ns, ns.inum);
	event->net_ns = BPF_CORE_READ(task, nsproxy, net_ns, ns.inum);
	event->pid_ns = task_pid_ns(task);
	/* The name of the process, not of the thread: io_uring's workers have names of their
	 * own. */
	bpf_probe_read_kernel_str(event->comm, sizeof(event->comm), &leader->comm);
	describe_credentials(event, task);
	describe_terminal(event, task);
	if (current)
		describe_own_argv(event, mm);
	if (!current || event->argv.flags & CALLERD_TEXT_FAULT) { /* they are paged out */
		event->text_size = 0;
		look_up_image(&image, (__u64)leader, 0);
		describe_executed_argv(event, &event->argv, image.image);
	}
	describe_cgroups(event, task); /* before the paths, which could take all room */
	describe_executable(event, task, exe);
	describe_path(event, &event->cwd, BPF_CORE_READ(task, fs, pwd.dentry),
		      BPF_CORE_READ(task, fs, pwd.mnt));
	describe_path(event, &event->root, BPF_CORE_READ(task, fs, root.dentry),
		      BPF_CORE_READ(task, fs, root.mnt));
	text_begin(event, &event->address);
	event->node_uid = event->node_gid = event->node_mode = 0;
}

CHECKED_ONCE int describe_self(struct callerd_caller_event *event)
{
	if (event)
		describe_task(event, bpf_get_current_task_btf(), true);
	return 0;
}

static __always_inline void describe_ancestors_of(struct callerd_caller_event *event,
						  struct task_struct *leader)
{
	struct ancestor_walk walk = {.event = event, .task = leader};
	struct image_facts image = {};

	text_begin(event, &event->environment);
	event->environment_pid = 0;
	look_up_image(&image, (__u64)leader, 0);
	describe_environment(event, image.environment, BPF_CORE_READ(leader, tgid));
	bpf_loop(CALLERD_ANCESTORS_MAX, ancestor_step, &walk, 0);
	describe_long_argv(event, &event->argv, leader, CALLERD_ARGV_MAX);
	walk.task = leader;
	if (walk.cut)
		bpf_loop(CALLERD_ANCESTORS_MAX, ancestor_argv_step, &walk, 0);
}

CHECKED_ONCE int describe_ancestors(struct callerd_caller_event *event)
{
	struct task_struct *task = bpf_get_current_task_btf();

	if (event)
		describe_ancestors_of(event, BPF_CORE_READ(task, group_leader));
	return 0;
}

#define KEY_GROUPS 32	  /* supplementary groups that are part of a key */
#define KEY_GROUPS_READ 8 /* groups that are read at once */

/* Mixes in the address in a field of a kernel struct. The verifier forbids to calculate with a
 * pointer. */
#define MIX_ADDRESS(key, field)                                                                    \
	({                                                                                         \
		__u64 address = 0;                                                                 \
		read_kernel(&address, 8, &(field));                                                \
		MIX(key, address);                                                                 \
	})

static __always_inline __u64 mix_groups(__u64 key, struct group_info *groups)
{
	__u32 count = groups->ngroups;

	MIX(key, count);
	for (__u32 at = 0; at < KEY_GROUPS; at += KEY_GROUPS_READ) {
		__u64 words[KEY_GROUPS_READ / 2] = {};
		__u32 size = (count - at) * sizeof(kgid_t);

		if (count <= at)
			break;
		/* What stands behind the last group is not the process's own, and changes. */
		barrier_var(size);
		if (size > sizeof(words))
			size = sizeof(words);
		bpf_probe_read_kernel(words, size,
				      (void *)groups +
					      bpf_core_field_offset(struct group_info, gid) +
					      at * sizeof(kgid_t));
		for (int i = 0; i < KEY_GROUPS_READ / 2; i++)
			MIX(key, words[i]);
	}
	return key;
}

/* Mixes in the identities and rights that the task acts with. */
static __always_inline __u64 mix_credentials(__u64 key, const struct cred *cred)
{
	__u64 capabilities = 0;

	MIX(key, cred->uid.val | (__u64)cred->euid.val << 32);
	MIX(key, cred->gid.val | (__u64)cred->egid.val << 32);
	MIX(key, cred->fsuid.val | (__u64)cred->fsgid.val << 32);
	read_kernel(&capabilities, 8, &cred->cap_effective);
	MIX(key, capabilities);
	MIX_ADDRESS(key, cred->user_ns);
	MIX_ADDRESS(key, cred->group_info);
	return mix_groups(key, cred->group_info);
}

/* Mixes in the task's directories, namespaces, cgroups and terminal. */
static __always_inline __u64 mix_place(__u64 key, struct task_struct *task)
{
	struct fs_struct *fs = BPF_CORE_READ(task, fs);
	struct signal_struct *signal = BPF_CORE_READ(task, signal);

	MIX_ADDRESS(key, fs->root.dentry);
	MIX_ADDRESS(key, fs->root.mnt);
	MIX_ADDRESS(key, fs->pwd.dentry);
	MIX_ADDRESS(key, fs->pwd.mnt);
	MIX_ADDRESS(key, task->nsproxy);
	MIX_ADDRESS(key, task->cgroups);
	MIX_ADDRESS(key, signal->tty);
	return key;
}

/* A number that changes with whatever a description of the process includes: another process, an
 * exec, another identity, groups, capabilities, directory, namespace, cgroup or name. Only
 * arguments are left out: they are in the caller's own memory, and the record has them as of its
 * time. Never 0. The seed keeps callers from choosing the key of another caller. */
CHECKED_ONCE __u64 sender_key(void)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct task_struct *leader = BPF_CORE_READ(task, group_leader);
	__u64 name[CALLERD_COMM_SIZE / sizeof(__u64)] = {};
	__u64 key = settings.seed;

	MIX(key, BPF_CORE_READ(leader, start_boottime));
	MIX(key, task->tgid);
	MIX(key, task->self_exec_id);
	if (bpf_core_field_exists(task->loginuid))
		MIX(key, task->loginuid.val | (__u64)task->sessionid << 32);
	key = mix_credentials(key, task->cred);
	key = mix_place(key, task);
	read_name(name, &leader->comm);
	MIX(key, name[0]);
	MIX(key, name[1]);
	return key ?: 1;
}

#endif
