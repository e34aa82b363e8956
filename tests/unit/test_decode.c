// SPDX-License-Identifier: Apache-2.0
/* Every event lies at the very end of readable memory of just its size: ASan sees a read beyond it. */
#include "unit.h"

#include "process/decode.h"

#define HEAD_SIZE offsetof(struct callerd_caller_event, text)
#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define TEXT(literal) literal, sizeof(literal) - 1

/* --- building --------------------------------------------------------------------------------- */

static struct callerd_text add(struct callerd_caller_event *event, const char *data, size_t size,
			       unsigned int flags)
{
	struct callerd_text text = {event->text_size, (uint16_t)size, (uint16_t)flags};

	assert_true(event->text_size + size <= CALLERD_TEXT_MAX);
	memcpy(event->text + event->text_size, data, size);
	event->text_size += (uint32_t)size;
	return text;
}

static void seal(struct callerd_caller_event *event)
{
	event->header.size = (uint32_t)(HEAD_SIZE + event->text_size);
}

/* A docker command line, in memory that is the test's until the next call. */
static struct callerd_caller_event *docker(uint32_t type)
{
	static struct callerd_caller_event event;

	event = (struct callerd_caller_event){
		.header = {.type = type,
			   .time = 77,
			   .connection = 5,
			   .socket = 2,
			   .flags = CALLERD_FLAG_NODE | CALLERD_FLAG_IN_GROUP},
		.start = 1000,
		.capabilities = 6,
		.offset = 99,
		.cgroup_id = 8,
		.error = 13,
		.pid = 4711,
		.tid = 4712,
		.uid = 1,
		.gid = 2,
		.euid = 3,
		.egid = 4,
		.fsuid = 5,
		.fsgid = 6,
		.login_uid = 1000,
		.session = 7,
		.mnt_ns = 11,
		.pid_ns = 12,
		.user_ns = 13,
		.net_ns = 14,
		.node_uid = 15,
		.node_gid = 16,
		.node_mode = 0140660,
		.tty_index = 3,
		.ancestors = 2,
		.tty_driver = "pts",
		.comm = "docker",
		.ancestor = {{.start = 900, .pid = 4700, .uid = 1000, .comm = "bash"},
			     {.start = 1, .pid = 1, .uid = 0, .comm = "systemd"}},
	};
	event.argv = add(&event, TEXT("docker\0ps\0"), 0);
	event.exe = add(&event, TEXT("docker\0bin\0usr\0"), 0);
	event.cwd = add(&event, TEXT("alice\0home\0"), 0);
	event.root = add(&event, TEXT(""), 0);
	event.cgroup = add(&event, TEXT("session-3.scope\0user.slice\0"), 0);
	event.cgroup_v1 = add(&event, TEXT(""), 0);
	event.address = add(&event, TEXT("/run/docker.sock\0"), 0);
	event.ancestor[0].exe = add(&event, TEXT("bash\0bin\0usr\0"), 0);
	event.ancestor[0].argv = add(&event, TEXT("bash\0-l\0"), 0);
	event.ancestor[1].argv = add(&event, TEXT(""), CALLERD_TEXT_FAULT);
	seal(&event);
	return &event;
}

static int decode_copy(const void *event, size_t size, const struct decode_detail *detail,
		       struct event *ret, void **ret_copy)
{
	*ret_copy = exact_copy(event, size);
	return decode_event(*ret_copy, size, detail, ret);
}

/* The error of decoding SIZE bytes; nothing is handed out with it. */
static int error_of(const void *event, size_t size)
{
	struct event decoded = {.error = 4242};
	void *copy;
	int error = decode_copy(event, size, NULL, &decoded, &copy);

	if (error)
		assert_int_equal(decoded.error, 4242);
	else
		caller_unref(decoded.caller);
	free(copy);
	return error;
}

/* The caller that EVENT tells of; the event's own memory is gone by then. */
static struct caller *caller_of(struct callerd_caller_event *event,
				const struct decode_detail *detail)
{
	struct event decoded;
	void *copy;

	seal(event);
	assert_int_equal(decode_copy(event, event->header.size, detail, &decoded, &copy), 0);
	free(copy);
	assert_non_null(decoded.caller);
	assert_int_equal(decoded.caller->shared.references, 1);
	assert_true(decoded.caller->shared.size >= sizeof(struct caller));
	return decoded.caller;
}

static void assert_bytes(struct bytes bytes, const char *wanted, size_t size)
{
	assert_non_null(bytes.data);
	assert_int_equal(bytes.size, size);
	assert_memory_equal(bytes.data, wanted, size);
}

#define ASSERT_BYTES(bytes, literal) assert_bytes(bytes, TEXT(literal))

/* --- callers ---------------------------------------------------------------------------------- */

static void test_caller(void **state)
{
	struct caller *caller = caller_of(docker(CALLERD_EVENT_CONNECT), NULL);

	assert_int_equal(caller->basis, CALLER_FROM_KERNEL);
	assert_int_equal(caller->process.pid, 4711);
	assert_int_equal(caller->process.start, 1000);
	assert_int_equal(caller->process.euid, 3);
	ASSERT_BYTES(caller->process.name, "docker");
	ASSERT_BYTES(caller->process.executable, "/usr/bin/docker");
	ASSERT_BYTES(caller->process.args, "docker\0ps\0");
	assert_false(caller->process.args_truncated);
	assert_false(caller->process.executable_deleted);
	assert_int_equal(caller->tid, 4712);
	assert_int_equal(caller->uid, 1);
	assert_int_equal(caller->gid, 2);
	assert_int_equal(caller->egid, 4);
	assert_int_equal(caller->fsuid, 5);
	assert_int_equal(caller->fsgid, 6);
	assert_int_equal(caller->login_uid, 1000);
	assert_int_equal(caller->session, 7);
	assert_int_equal(caller->mnt_ns, 11);
	assert_int_equal(caller->pid_ns, 12);
	assert_int_equal(caller->user_ns, 13);
	assert_int_equal(caller->net_ns, 14);
	assert_int_equal(caller->capabilities, 6);
	assert_int_equal(caller->cgroup_id, 8);
	ASSERT_BYTES(caller->working_directory, "/home/alice");
	ASSERT_BYTES(caller->root, "/");
	ASSERT_BYTES(caller->cgroup, "/user.slice/session-3.scope");
	assert_null(caller->label.data);
	assert_string_equal(caller->tty, "pts/3");
	assert_true(caller->has_node && caller->in_node_group);
	assert_int_equal(caller->node_uid, 15);
	assert_int_equal(caller->node_gid, 16);
	assert_int_equal(caller->node_mode, 0140660);
	assert_int_equal(caller->ancestor_count, 2);
	assert_int_equal(caller->ancestors[0].pid, 4700);
	assert_int_equal(caller->ancestors[0].euid, 1000);
	assert_int_equal(caller->ancestors[0].start, 900);
	ASSERT_BYTES(caller->ancestors[0].name, "bash");
	ASSERT_BYTES(caller->ancestors[0].executable, "/usr/bin/bash");
	ASSERT_BYTES(caller->ancestors[0].args, "bash\0-l\0");
	assert_false(caller->ancestors[0].args_truncated);
	assert_null(caller->ancestors[1].args.data);
	ASSERT_BYTES(caller->ancestors[1].name, "systemd");
	assert_null(caller->ancestors[1].executable.data);
	caller_unref(caller);
}

static void test_caller_events(void **state)
{
	static const uint32_t types[] = {CALLERD_EVENT_CONNECT, CALLERD_EVENT_REFUSED,
					 CALLERD_EVENT_SENDER};

	for (size_t i = 0; i < COUNT(types); i++) {
		struct callerd_caller_event *made = docker(types[i]);
		struct event event;

		assert_int_equal(decode_event(made, made->header.size, NULL, &event), 0);
		assert_ptr_equal(event.header, made);
		assert_null(event.data);
		assert_null(event.sent);
		assert_null(event.end);
		assert_int_equal(event.offset, 99);
		assert_int_equal(event.error, 13);
		ASSERT_BYTES(event.address, "/run/docker.sock");
		caller_unref(event.caller);
	}
}

static void test_address(void **state)
{
	struct callerd_caller_event *made = docker(CALLERD_EVENT_REFUSED);
	struct event event;

	made->address = add(made, TEXT("docker.sock"), 0); /* without its NUL */
	seal(made);
	assert_int_equal(decode_event(made, made->header.size, NULL, &event), 0);
	ASSERT_BYTES(event.address, "docker.sock");
	caller_unref(event.caller);
	made->address.length = 0;
	assert_int_equal(decode_event(made, made->header.size, NULL, &event), 0);
	assert_int_equal(event.address.size, 0);
	caller_unref(event.caller);
}

static void test_flags(void **state)
{
	struct callerd_caller_event *event = docker(CALLERD_EVENT_CONNECT);
	struct caller *caller;

	event->header.flags = CALLERD_FLAG_EXE_DELETED;
	event->login_uid = event->session = CALLERD_UNSET_ID;
	caller = caller_of(event, NULL);
	assert_true(caller->process.executable_deleted);
	assert_false(caller->has_node || caller->in_node_group);
	assert_int_equal(caller->login_uid, CALLERD_UNSET_ID);
	assert_int_equal(caller->session, CALLERD_UNSET_ID);
	caller_unref(caller);
}

/* Names without a NUL fill their room and no more. */
static void test_full_names(void **state)
{
	struct callerd_caller_event *event = docker(CALLERD_EVENT_CONNECT);
	struct caller *caller;

	memset(event->comm, 'c', sizeof(event->comm));
	memset(event->ancestor[0].comm, 'a', CALLERD_COMM_SIZE);
	memset(event->ancestor[1].comm, 0, CALLERD_COMM_SIZE);
	memset(event->tty_driver, 't', sizeof(event->tty_driver));
	event->tty_index = UINT32_MAX;
	caller = caller_of(event, NULL);
	ASSERT_BYTES(caller->process.name, "cccccccccccccccc");
	ASSERT_BYTES(caller->ancestors[0].name, "aaaaaaaaaaaaaaaa");
	assert_null(caller->ancestors[1].name.data);
	assert_string_equal(caller->tty, "tttttttttttttttt4294967295");
	caller_unref(caller);
}

static void test_terminals(void **state)
{
	static const struct {
		const char *driver;
		uint32_t index;
		const char *wanted;
	} cases[] = {
		{"pts", 0, "pts/0"},  {"pts", 12, "pts/12"}, {"tty", 1, "tty1"},
		{"ttyS", 0, "ttyS0"}, {"", 5, ""},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct callerd_caller_event *event = docker(CALLERD_EVENT_CONNECT);
		struct caller *caller;

		memset(event->tty_driver, 0, sizeof(event->tty_driver));
		memcpy(event->tty_driver, cases[i].driver, strlen(cases[i].driver));
		event->tty_index = cases[i].index;
		caller = caller_of(event, NULL);
		assert_string_equal(caller->tty, cases[i].wanted);
		caller_unref(caller);
	}
}

/* --- paths ------------------------------------------------------------------------------------ */

#define T CALLERD_TEXT_TRUNCATED
#define F CALLERD_TEXT_FAULT

static const struct path_case {
	const char *text;
	size_t size;
	unsigned int flags;
	const char *wanted; /* NULL: unknown */
} path_cases[] = {
	{TEXT(""), 0, "/"},
	{TEXT("tmp\0"), 0, "/tmp"},
	{TEXT("c\0b\0a\0"), 0, "/a/b/c"},
	{TEXT("c\0b\0a"), 0, "/a/b/c"}, /* without the last NUL */
	{TEXT("a"), 0, "/a"},
	{TEXT("with space\0\xff\n\0"), 0, "/\xff\n/with space"},
	{TEXT("c\0b\0"), T, ".../b/c"},
	{TEXT("c\0b\0"), F, ".../b/c"},
	{TEXT("c\0b\0"), T | F, ".../b/c"},
	{TEXT(""), T, "..."},
	{TEXT(""), F, NULL},
	{TEXT("\0"), 0, "/"},
	{TEXT("\0\0"), 0, "//"},
	{TEXT("a\0\0b\0"), 0, "/b//a"},
};

static void test_paths(void **state)
{
	for (size_t i = 0; i < COUNT(path_cases); i++) {
		const struct path_case *one = &path_cases[i];
		struct callerd_caller_event *event = docker(CALLERD_EVENT_CONNECT);
		struct caller *caller;

		event->cwd = add(event, one->text, one->size, one->flags);
		event->exe = event->root = event->cgroup = event->cwd;
		caller = caller_of(event, NULL);
		if (one->wanted) {
			assert_bytes(caller->working_directory, one->wanted, strlen(one->wanted));
			assert_bytes(caller->root, one->wanted, strlen(one->wanted));
			assert_bytes(caller->cgroup, one->wanted, strlen(one->wanted));
		} else {
			assert_null(caller->working_directory.data);
			assert_null(caller->cgroup.data);
		}
		/* An executable without a path is that of a kernel thread. */
		if (one->size)
			assert_bytes(caller->process.executable, one->wanted, strlen(one->wanted));
		else
			assert_null(caller->process.executable.data);
		caller_unref(caller);
	}
}

/* A path of as many bytes as one event can hold. */
static void test_longest_path(void **state)
{
	struct callerd_caller_event *event = docker(CALLERD_EVENT_CONNECT);
	struct caller *caller;

	memset(event->text, 0, CALLERD_TEXT_MAX);
	for (size_t i = 0; i < CALLERD_TEXT_MAX; i += 2)
		event->text[i] = 'x';
	event->text_size = CALLERD_TEXT_MAX;
	event->cwd = (struct callerd_text){0, CALLERD_TEXT_MAX, T};
	caller = caller_of(event, NULL);
	assert_int_equal(caller->working_directory.size, 3 + CALLERD_TEXT_MAX);
	assert_memory_equal(caller->working_directory.data, ".../x/x", 7);
	caller_unref(caller);
}

/* Texts may overlap; more than there is memory for is unknown, not overrun. */
static void test_overlapping_texts(void **state)
{
	struct callerd_caller_event *event = docker(CALLERD_EVENT_CONNECT);
	struct caller *caller;
	size_t total = 0;

	memset(event->text, 'x', CALLERD_TEXT_MAX);
	event->text_size = CALLERD_TEXT_MAX;
	event->argv = event->exe = event->cwd = event->root = event->cgroup = event->cgroup_v1 =
		(struct callerd_text){0, CALLERD_TEXT_MAX, T};
	event->ancestors = CALLERD_ANCESTORS_MAX;
	for (size_t i = 0; i < CALLERD_ANCESTORS_MAX; i++)
		event->ancestor[i].exe = event->exe;
	caller = caller_of(event, NULL);
	assert_int_equal(caller->ancestor_count, CALLERD_ANCESTORS_MAX);
	for (size_t i = 0; i < CALLERD_ANCESTORS_MAX; i++)
		total += caller->ancestors[i].executable.size;
	assert_true(total < 16 * CALLERD_TEXT_MAX);
	assert_true(caller->process.executable.size == CALLERD_TEXT_MAX + 4);
	caller_unref(caller);
}

/* --- arguments -------------------------------------------------------------------------------- */

struct asked {
	unsigned int labels;
	struct bytes give_label;
};

static struct bytes give_label(void *data, uint32_t pid, uint64_t start)
{
	struct asked *asked = data;

	asked->labels++;
	assert_int_equal(pid, 4711);
	assert_int_equal(start, 1000);
	return asked->give_label;
}

static void test_arguments(void **state)
{
	static const struct {
		const char *text;
		size_t size;
		unsigned int flags;
		bool truncated;
	} cases[] = {
		{TEXT("docker\0"), 0, false},
		{TEXT("docker\0ps"), 0, false}, /* a process may overwrite the last NUL */
		{TEXT("\0\0"), 0, false},
		{TEXT(""), 0, false},
		{TEXT("docker\0p"), T, true},
		{TEXT("docker\0p"), F, true},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct callerd_caller_event *event = docker(CALLERD_EVENT_CONNECT);
		struct caller *caller;

		event->argv = add(event, cases[i].text, cases[i].size, cases[i].flags);
		event->ancestor[0].argv = event->argv;
		caller = caller_of(event, NULL);
		assert_bytes(caller->process.args, cases[i].text, cases[i].size);
		assert_int_equal(caller->process.args_truncated, cases[i].truncated);
		assert_bytes(caller->ancestors[0].args, cases[i].text, cases[i].size);
		assert_int_equal(caller->ancestors[0].args_truncated, cases[i].truncated);
		caller_unref(caller);
	}
}

/* Not to be read at all: unknown, which is not the same as none. */
static void test_arguments_unknown(void **state)
{
	struct callerd_caller_event *event = docker(CALLERD_EVENT_CONNECT);
	struct caller *caller;

	event->argv.length = 0;
	event->argv.flags = F;
	caller = caller_of(event, NULL);
	assert_null(caller->process.args.data);
	caller_unref(caller);
}

static void test_label(void **state)
{
	struct asked asked = {.give_label = {TEXT("unconfined")}};
	struct decode_detail detail = {.data = &asked, .label = give_label};
	struct caller *caller = caller_of(docker(CALLERD_EVENT_CONNECT), &detail);

	ASSERT_BYTES(caller->label, "unconfined");
	assert_int_equal(asked.labels, 1);
	caller_unref(caller);
}

/* A caller is made of what is left without the secrets, whole or cut short. */
static void test_arguments_secret(void **state)
{
	static const struct {
		const char *text;
		size_t size;
		const char *kept;
		size_t kept_size;
		unsigned int flags;
	} cases[] = {
		{TEXT("docker\0login\0-p\0hunter2\0x\0"), TEXT("docker\0login\0-p\0***\0x\0"), 0},
		{TEXT("docker\0run\0-e\0A=hunter2"), TEXT("docker\0run\0-e\0A=***"), T},
		{TEXT("x\0--password=h\0"), TEXT("x\0--password=***\0"), 0}, /* it grows */
		{TEXT("curl\0http://d/build?buildargs={\"A\": \"hunter2\"}\0-g\0"),
		 TEXT("curl\0http://d/build?buildargs=***\0-g\0"), 0},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct callerd_caller_event *event = docker(CALLERD_EVENT_CONNECT);
		struct caller *caller;

		event->argv = add(event, cases[i].text, cases[i].size, cases[i].flags);
		event->ancestor[0].argv = event->argv;
		event->ancestor[1].argv = event->argv;
		caller = caller_of(event, NULL);
		assert_bytes(caller->process.args, cases[i].kept, cases[i].kept_size);
		assert_bytes(caller->ancestors[0].args, cases[i].kept, cases[i].kept_size);
		assert_bytes(caller->ancestors[1].args, cases[i].kept, cases[i].kept_size);
		assert_null(memmem(caller, caller->shared.size, "hunter2", 7));
		caller_unref(caller);
	}
}

/* Masked, they may be longer than what is kept. */
static void test_arguments_secret_grows(void **state)
{
	struct callerd_caller_event *event = docker(CALLERD_EVENT_CONNECT);
	char text[CALLERD_ARGV_MAX];
	struct caller *caller;

	for (size_t i = 0; i < sizeof(text); i += 8)
		memcpy(text + i, "token=x", 8);
	event->argv = add(event, text, sizeof(text), 0);
	event->ancestors = 0;
	caller = caller_of(event, NULL);
	assert_int_equal(caller->process.args.size, CALLERD_ARGV_MAX);
	assert_true(caller->process.args_truncated);
	assert_null(memmem(caller->process.args.data, CALLERD_ARGV_MAX, "=x", 2));
	caller_unref(caller);
}

/* The parent's arguments are kept as far as the caller's own, those of the others not quite. */
static void test_arguments_long(void **state)
{
	enum { OTHERS_MAX = 2048 };
	static const struct {
		bool parent;
		size_t size, kept;
	} cases[] = {
		{true, CALLERD_ARGV_MAX, CALLERD_ARGV_MAX},
		{true, CALLERD_ARGV_MAX + 1, CALLERD_ARGV_MAX},
		{false, OTHERS_MAX, OTHERS_MAX},
		{false, OTHERS_MAX + 1, OTHERS_MAX},
		{false, CALLERD_ARGV_MAX + 1, OTHERS_MAX},
	};
	static char text[CALLERD_ARGV_MAX + 1];

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct callerd_caller_event *event = docker(CALLERD_EVENT_CONNECT);
		const struct process *process;
		struct caller *caller;

		event->ancestor[!cases[i].parent].argv = add(event, text, cases[i].size, 0);
		caller = caller_of(event, NULL);
		process = &caller->ancestors[!cases[i].parent];
		assert_int_equal(process->args.size, cases[i].kept);
		assert_int_equal(process->args_truncated, cases[i].kept < cases[i].size);
		caller_unref(caller);
	}
}

/* --- kept once -------------------------------------------------------------------------------- */

/* Two events of the same content are of the same caller, whatever became of it meanwhile. */
static void test_same_caller(void **state)
{
	struct caller *first = caller_of(docker(CALLERD_EVENT_CONNECT), NULL), *second;
	struct callerd_caller_event *event = docker(CALLERD_EVENT_SENDER);
	size_t memory = callers_memory();
	struct event decoded;
	void *copy;

	event->header.time++;
	event->offset = 77;
	assert_int_equal(decode_copy(event, event->header.size, NULL, &decoded, &copy), 0);
	second = decoded.caller;
	assert_ptr_equal(second, first);
	assert_int_equal(first->shared.references, 2);
	assert_int_equal(first->lineage->shared.references, 1);
	assert_int_equal(callers_memory(), memory);
	free(copy);
	caller_unref(second);
	caller_unref(first);
	assert_int_equal(callers_memory(), 0);
	first = caller_of(docker(CALLERD_EVENT_CONNECT),
			  NULL); /* no trace is left of the last one */
	assert_int_equal(callers_memory(), memory);
	caller_unref(first);
	assert_int_equal(callers_memory(), 0);
}

/* Whatever of a caller differs, it is another one; only what is its ancestors' makes another lineage. */
static void test_other_caller(void **state)
{
	enum {
		FIRST = offsetof(struct callerd_caller_event, start),
		ANCESTORS = offsetof(struct callerd_caller_event, ancestors),
		NUMBER = offsetof(struct callerd_caller_event, description),
	};
	struct caller *first = caller_of(docker(CALLERD_EVENT_CONNECT), NULL);
	unsigned int others = 0, lineages = 0;

	for (size_t at = FIRST; at < HEAD_SIZE; at++) {
		struct callerd_caller_event *event = docker(CALLERD_EVENT_CONNECT);
		struct event decoded;
		void *copy;

		if (at >= NUMBER && at < NUMBER + sizeof(event->description))
			continue;
		((unsigned char *)event)[at] ^= 1;
		if (!decode_copy(event, event->header.size, NULL, &decoded, &copy)) {
			bool other = decoded.caller->lineage != first->lineage;

			others += decoded.caller != first;
			lineages += other;
			assert_true(decoded.caller != first || !other);
			assert_true(!other || at >= ANCESTORS);
			caller_unref(decoded.caller);
		}
		free(copy);
	}
	/* Of each number each byte: identity and namespaces, the terminal, two names, texts. */
	assert_in_range(others, 150, HEAD_SIZE);
	assert_in_range(lineages, 50, others);
	assert_int_equal(first->shared.references, 1);
	caller_unref(first);
	assert_int_equal(callers_memory(), 0);
}

/* Two that differ and yet have the same hash stay two. */
static void test_same_hash(void **state)
{
	struct caller *first = caller_of(docker(CALLERD_EVENT_CONNECT), NULL), *second;
	size_t memory = callers_memory();

	*(char *)first->process.args.data = 'D';
	*(char *)first->ancestors[0].args.data = 'B';
	second = caller_of(docker(CALLERD_EVENT_CONNECT), NULL);
	assert_ptr_not_equal(second, first);
	assert_ptr_not_equal(second->lineage, first->lineage);
	ASSERT_BYTES(second->process.args, "docker\0ps\0");
	ASSERT_BYTES(second->ancestors[0].args, "bash\0-l\0");
	assert_int_equal(callers_memory(), 2 * memory);
	caller_unref(first);
	assert_int_equal(callers_memory(), memory);
	caller_unref(second);
	assert_int_equal(callers_memory(), 0);
}

/* Processes of one parent share what is said of it, and it outlives each of them. */
static void test_shared_lineage(void **state)
{
	struct callerd_caller_event *event = docker(CALLERD_EVENT_CONNECT);
	struct caller *first = caller_of(event, NULL), *second;

	event->pid = event->tid = 4713;
	second = caller_of(event, NULL);
	assert_ptr_not_equal(second, first);
	assert_ptr_equal(second->lineage, first->lineage);
	assert_ptr_equal(second->ancestors, first->ancestors);
	assert_int_equal(first->lineage->shared.references, 2);
	caller_unref(first);
	ASSERT_BYTES(second->ancestors[0].args, "bash\0-l\0");
	caller_unref(second);
	event->ancestors = 0;
	second = caller_of(event, NULL);
	assert_null(second->lineage);
	assert_null(second->ancestors);
	caller_unref(second);
	assert_int_equal(callers_memory(), 0);
}

static struct bytes count_label(void *data, uint32_t pid, uint64_t start)
{
	struct asked *asked = data;

	asked->labels++;
	return asked->give_label;
}

/* Whether EVENT is taken for the one before, whose label was ASKED for. */
static bool is_taken_for(struct callerd_caller_event *event, const struct decode_detail *detail,
			 struct asked *asked)
{
	struct event decoded;
	void *copy;

	asked->labels = 0;
	assert_int_equal(decode_copy(event, event->header.size, detail, &decoded, &copy), 0);
	free(copy);
	caller_unref(decoded.caller);
	return !asked->labels;
}

/* A description that came before is not decoded again, but with whatever it does not determine it is. */
static void test_description(void **state)
{
	struct asked asked = {.give_label = {TEXT("unconfined")}};
	struct decode_detail detail = {.data = &asked, .label = count_label};
	struct callerd_caller_event *event = docker(CALLERD_EVENT_CONNECT);
	static const size_t told[] = {
		offsetof(struct callerd_caller_event, tid),
		offsetof(struct callerd_caller_event, node_uid),
		offsetof(struct callerd_caller_event, node_gid),
		offsetof(struct callerd_caller_event, node_mode),
		offsetof(struct callerd_caller_event, header.account),
		offsetof(struct callerd_caller_event, pid),
		offsetof(struct callerd_caller_event, start),
		offsetof(struct callerd_caller_event, description),
	};

	assert_false(is_taken_for(event, &detail, &asked));
	assert_false(is_taken_for(event, &detail, &asked)); /* it has no number */
	event->description = 7;
	assert_false(is_taken_for(event, &detail, &asked));
	assert_true(is_taken_for(event, &detail, &asked));
	event->header.type = CALLERD_EVENT_SENDER;
	event->header.time++;
	event->header.connection++;
	event->offset++;
	event->span++;
	assert_true(is_taken_for(event, &detail, &asked));
	for (size_t i = 0; i < COUNT(told); i++) {
		*((char *)event + told[i]) ^= 1;
		assert_false(is_taken_for(event, &detail, &asked));
		*((char *)event + told[i]) ^= 1;
		is_taken_for(event, &detail, &asked);
		assert_true(is_taken_for(event, &detail, &asked));
	}
	event->header.flags ^= CALLERD_FLAG_IN_GROUP;
	assert_false(is_taken_for(event, &detail, &asked));
	decode_forget();
	assert_int_equal(callers_memory(), 0);
	assert_false(is_taken_for(event, &detail, &asked));
	decode_forget();
}

/* --- cgroups ---------------------------------------------------------------------------------- */

static void test_cgroups(void **state)
{
	static const struct {
		const char *v2;
		size_t v2_size;
		const char *v1;
		size_t v1_size;
		const char *wanted;
	} cases[] = {
		/* unified */
		{TEXT("x.service\0system.slice\0"), TEXT(""), "/system.slice/x.service"},
		{TEXT(""), TEXT(""), "/"},
		/* v1 only: the root in v2 */
		{TEXT(""), TEXT(ID "\0docker\0"), "/docker/" ID},
		{TEXT(""), TEXT("x\0"), "/x"},
		/* hybrid: the container shows in one of them */
		{TEXT("docker.service\0system.slice\0"), TEXT(ID "\0docker\0"), "/docker/" ID},
		{TEXT("docker-" ID ".scope\0"), TEXT("x\0"), "/docker-" ID ".scope"},
		{TEXT("x.service\0system.slice\0"), TEXT("y\0"), "/system.slice/x.service"},
		{TEXT("docker-" ID ".scope\0"), TEXT(ID "\0other\0"), "/docker-" ID ".scope"},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct callerd_caller_event *event = docker(CALLERD_EVENT_CONNECT);
		struct caller *caller;

		event->cgroup = add(event, cases[i].v2, cases[i].v2_size, 0);
		event->cgroup_v1 = add(event, cases[i].v1, cases[i].v1_size, 0);
		caller = caller_of(event, NULL);
		assert_bytes(caller->cgroup, cases[i].wanted, strlen(cases[i].wanted));
		caller_unref(caller);
	}
}

/* What not only root could name is the end of the path, whichever of the paths it is. */
static void test_claimed_cgroups(void **state)
{
	static const struct {
		const char *path;
		size_t size;
		uint16_t flags;
		uint32_t components, claimed;
	} cases[] = {
		{TEXT("c\0b.service\0a\0"), 0, 0, 0},
		{TEXT("c\0b.service\0a\0"), 0, 1, 2},
		{TEXT("c\0b.service\0a\0"), 0, 2, 12},
		{TEXT("c\0b.service\0a\0"), 0, 3, 14},
		{TEXT("c\0b.service\0a\0"), 0, UINT32_MAX, 14},
		{TEXT("c\0b\0"), CALLERD_TEXT_TRUNCATED, 0, 7},
		{TEXT("c\0b\0"), CALLERD_TEXT_FAULT, 1, 7},
		{TEXT("c\0"), 0, 1, 2},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct callerd_caller_event *event = docker(CALLERD_EVENT_CONNECT);
		struct callerd_text path = add(event, cases[i].path, cases[i].size, cases[i].flags);
		struct caller *caller;

		event->cgroup = path;
		event->cgroup_claimed = cases[i].components;
		event->cgroup_owner = 1000;
		caller = caller_of(event, NULL);
		assert_int_equal(caller->cgroup_claimed, cases[i].claimed);
		assert_int_equal(caller->cgroup_owner, 1000);
		caller_unref(caller);
		event->cgroup = (struct callerd_text){0};
		event->cgroup_owner = 0;
		event->cgroup_v1 = path;
		event->cgroup_v1_claimed = cases[i].components;
		event->cgroup_v1_owner = 1001;
		caller = caller_of(event, NULL);
		assert_int_equal(caller->cgroup_claimed, cases[i].claimed);
		assert_int_equal(caller->cgroup_owner, 1001);
		caller_unref(caller);
	}
}

/* A container's id in the other hierarchy counts only where root wrote it. */
static void test_forged_hierarchy(void **state)
{
	struct callerd_caller_event *event = docker(CALLERD_EVENT_CONNECT);
	struct caller *caller;

	event->cgroup = add(event, TEXT("session-3.scope\0user.slice\0"), 0);
	event->cgroup_v1 = add(event, TEXT(ID "\0alice\0"), 0);
	event->cgroup_v1_claimed = 1;
	event->cgroup_v1_owner = 1000;
	caller = caller_of(event, NULL);
	ASSERT_BYTES(caller->cgroup, "/user.slice/session-3.scope");
	assert_int_equal(caller->cgroup_claimed, 0);
	caller_unref(caller);
}

/* --- executables ------------------------------------------------------------------------------ */

static void test_exchanged_executable(void **state)
{
	struct callerd_caller_event *event = docker(CALLERD_EVENT_CONNECT);
	struct caller *caller;

	event->header.flags |= CALLERD_FLAG_EXE_KNOWN;
	event->exe.flags = CALLERD_TEXT_EXCHANGED;
	event->exe_claimed = add(event, TEXT("true\0bin\0"), 0);
	event->exe_node = (struct callerd_node_key){1, 2, 3};
	event->ancestor[0].exe.flags = CALLERD_TEXT_EXCHANGED | CALLERD_TEXT_TRUNCATED;
	caller = caller_of(event, NULL);
	ASSERT_BYTES(caller->process.executable, "/usr/bin/docker");
	ASSERT_BYTES(caller->executable_claimed, "/bin/true");
	assert_true(caller->process.executable_exchanged);
	assert_true(caller->executable_known);
	assert_int_equal(caller->executable_inode, 1);
	assert_int_equal(caller->executable_device, 2);
	assert_int_equal(caller->executable_generation, 3);
	ASSERT_BYTES(caller->ancestors[0].executable, ".../usr/bin/bash");
	assert_true(caller->ancestors[0].executable_exchanged);
	assert_false(caller->ancestors[1].executable_exchanged);
	caller_unref(caller);
}

/* --- environments ----------------------------------------------------------------------------- */

/* What is decoded of these variables. */
static void assert_environment(struct bytes variables, struct bytes wanted, bool truncated)
{
	struct callerd_caller_event *event = docker(CALLERD_EVENT_CONNECT);
	struct caller *caller;

	event->environment = add(event, variables.data, variables.size, 0);
	event->environment_pid = 4700;
	caller = caller_of(event, NULL);
	assert_true(bytes_equal(caller->environment, wanted));
	assert_int_equal(caller->environment_pid, wanted.size ? 4700 : 0);
	assert_int_equal(caller->environment_truncated, truncated);
	caller_unref(caller);
}

#define ASSERT_ENVIRONMENT(variables, wanted)                                                      \
	assert_environment((struct bytes){TEXT(variables)}, (struct bytes){TEXT(wanted)}, false)

static void test_environment(void **state)
{
	static char cut[CALLERD_VARIABLE_MAX];
	struct callerd_caller_event *event;
	struct caller *caller;

	ASSERT_ENVIRONMENT("GITLAB_CI=true\0CI_JOB_ID=4711\0", "GITLAB_CI=true\0CI_JOB_ID=4711\0");
	/* Whatever the kernel programs sent. */
	ASSERT_ENVIRONMENT("SECRET=1\0CI_JOB_ID=2\0PATH=/bin\0", "CI_JOB_ID=2\0");
	ASSERT_ENVIRONMENT("SECRET=1\0", "");
	ASSERT_ENVIRONMENT("CI_JOB_ID\0=\0\0=CI_JOB_ID\0", "");
	/* The first one counts, also where it is empty. */
	ASSERT_ENVIRONMENT("CI_JOB_ID=\0CI_JOB_ID=2\0", "CI_JOB_ID=\0");
	ASSERT_ENVIRONMENT("CI_JOB_ID=1", "CI_JOB_ID=1\0"); /* without its NUL */
	ASSERT_ENVIRONMENT("GIT_URL=https://u:hunter2@h/x\0", "GIT_URL=https://u:***@h/x\0");
	ASSERT_ENVIRONMENT("CI_JOB_ID=glpat-aaaaaaaaaaaaaaaaaaaa\0", "CI_JOB_ID=glpat-***\0");
	/* One that was cut within what may be a password. */
	memset(cut, 'p', sizeof(cut) - 1);
	memcpy(cut, TEXT("GIT_URL=https://u:"));
	assert_environment((struct bytes){cut, sizeof(cut)}, (struct bytes){TEXT("GIT_URL=***\0")},
			   true);
	memcpy(cut, TEXT("GIT_URL=https://h/"));
	assert_environment((struct bytes){cut, sizeof(cut)}, (struct bytes){cut, sizeof(cut)},
			   true);
	/* There may be more. */
	event = docker(CALLERD_EVENT_CONNECT);
	event->environment.flags = CALLERD_TEXT_TRUNCATED;
	caller = caller_of(event, NULL);
	assert_null(caller->environment.data);
	assert_true(caller->environment_truncated);
	caller_unref(caller);
	assert_int_equal(callers_memory(), 0);
}

/* --- what breaks the contract ----------------------------------------------------------------- */

static void test_caller_sizes(void **state)
{
	struct callerd_caller_event *event = docker(CALLERD_EVENT_CONNECT);
	size_t size = event->header.size;

	assert_int_equal(error_of(event, size), 0);
	assert_int_equal(error_of(event, size + 8), 0); /* a ring pads */
	assert_int_equal(error_of(event, size - 1), -EBADMSG);
	assert_int_equal(error_of(event, 0), -EBADMSG);
	for (uint32_t claimed = 0; claimed < size + 64; claimed++) {
		event->header.size = claimed;
		assert_int_equal(error_of(event, size), claimed == size ? 0 : -EBADMSG);
	}
	event->header.size = UINT32_MAX;
	assert_int_equal(error_of(event, size), -EBADMSG);
	/* Nothing but the header, or a part of it. */
	for (uint32_t cut = 0; cut < HEAD_SIZE; cut += 4) {
		event->header.size = cut;
		assert_int_equal(error_of(event, cut), -EBADMSG);
	}
	/* A text_size that does not belong to the size. */
	seal(event);
	event->text_size++;
	assert_int_equal(error_of(event, size), -EBADMSG);
	event->text_size -= 2;
	assert_int_equal(error_of(event, size), -EBADMSG);
	event->text_size = UINT32_MAX;
	assert_int_equal(error_of(event, size), -EBADMSG);
	event->text_size = CALLERD_TEXT_MAX + 1;
	assert_int_equal(error_of(event, size), -EBADMSG);
}

/* Larger than the contract allows, consistently. */
static void test_caller_oversized(void **state)
{
	size_t size = HEAD_SIZE + CALLERD_TEXT_MAX + 1;
	struct callerd_caller_event *event = calloc(1, size + 8);

	event->header.type = CALLERD_EVENT_CONNECT;
	event->header.size = (uint32_t)size;
	event->text_size = CALLERD_TEXT_MAX + 1;
	assert_int_equal(error_of(event, size), -EBADMSG);
	event->header.size--;
	event->text_size--;
	assert_int_equal(error_of(event, size), 0);
	free(event);
}

static void test_caller_texts(void **state)
{
	struct callerd_caller_event *event = docker(CALLERD_EVENT_CONNECT);
	struct callerd_text *texts[] = {&event->argv,
					&event->exe,
					&event->cwd,
					&event->root,
					&event->cgroup,
					&event->cgroup_v1,
					&event->exe_claimed,
					&event->environment,
					&event->address,
					&event->ancestor[0].exe,
					&event->ancestor[1].exe,
					&event->ancestor[0].argv,
					&event->ancestor[1].argv};
	uint32_t size = event->text_size;

	for (size_t i = 0; i < COUNT(texts); i++) {
		struct callerd_text kept = *texts[i];
		const struct {
			uint32_t offset;
			uint16_t length;
			int error;
		} cases[] = {
			{0, (uint16_t)size, 0},
			{size, 0, 0},
			{size - 1, 1, 0},
			{size, 1, -EBADMSG},
			{size + 1, 0, -EBADMSG},
			{0, (uint16_t)(size + 1), -EBADMSG},
			{UINT32_MAX, 0, -EBADMSG},
			{UINT32_MAX, UINT16_MAX, -EBADMSG},
			{UINT32_MAX - 1, 2, -EBADMSG},
			{1, UINT16_MAX, -EBADMSG},
			{0x80000000u, UINT16_MAX, -EBADMSG},
		};

		for (size_t j = 0; j < COUNT(cases); j++) {
			texts[i]->offset = cases[j].offset;
			texts[i]->length = cases[j].length;
			assert_int_equal(error_of(event, event->header.size), cases[j].error);
		}
		*texts[i] = kept;
	}
	/* Of ancestors that are not there nothing is asked. */
	event->ancestor[2].exe.offset = event->ancestor[2].argv.offset = UINT32_MAX;
	assert_int_equal(error_of(event, event->header.size), 0);
	event->ancestors = 3;
	assert_int_equal(error_of(event, event->header.size), -EBADMSG);
}

static void test_ancestors(void **state)
{
	struct callerd_caller_event *event = docker(CALLERD_EVENT_CONNECT);
	struct caller *caller;

	for (unsigned int i = 0; i < CALLERD_ANCESTORS_MAX; i++) {
		event->ancestor[i].pid = 100 + i;
		event->ancestor[i].exe = event->exe;
		event->ancestor[i].argv = event->argv;
	}
	for (unsigned int count = 0; count <= CALLERD_ANCESTORS_MAX; count++) {
		event->ancestors = count;
		caller = caller_of(event, NULL);
		assert_int_equal(caller->ancestor_count, count);
		for (unsigned int i = 0; i < count; i++) {
			assert_int_equal(caller->ancestors[i].pid, 100 + i);
			ASSERT_BYTES(caller->ancestors[i].executable, "/usr/bin/docker");
		}
		caller_unref(caller);
	}
	event->ancestors = CALLERD_ANCESTORS_MAX + 1;
	assert_int_equal(error_of(event, event->header.size), -EBADMSG);
	event->ancestors = UINT32_MAX;
	assert_int_equal(error_of(event, event->header.size), -EBADMSG);
}

static void test_types(void **state)
{
	static const uint32_t types[] = {0,	    9, 10, 255, 256, 0x100000001ull & 0xffffffff,
					 UINT32_MAX};
	struct callerd_caller_event *event = docker(CALLERD_EVENT_CONNECT);

	for (size_t i = 0; i < COUNT(types); i++) {
		event->header.type = types[i];
		assert_int_equal(error_of(event, event->header.size), types[i] == 1 ? 0 : -EBADMSG);
	}
	/* A caller is no other event. */
	for (uint32_t type = CALLERD_EVENT_PEER; type <= CALLERD_EVENT_END; type++) {
		event->header.type = type;
		if (type != CALLERD_EVENT_DATA)
			assert_int_equal(error_of(event, event->header.size), -EBADMSG);
	}
}

/* --- the other events ------------------------------------------------------------------------- */

/* Only SIZE is valid for the event of SIZE bytes. */
static void check_sizes(struct callerd_event_header *event, uint32_t size)
{
	char room[256] = {0};
	struct callerd_event_header *header = (struct callerd_event_header *)room;

	memcpy(room, event, size);
	for (uint32_t claimed = 0; claimed <= sizeof(room); claimed++) {
		header->size = claimed;
		assert_int_equal(error_of(room, sizeof(room)), claimed == size ? 0 : -EBADMSG);
	}
	header->size = size;
	assert_int_equal(error_of(room, size), 0);
	assert_int_equal(error_of(room, size - 1), -EBADMSG);
	for (uint32_t cut = 0; cut < size; cut++)
		assert_int_equal(error_of(room, cut), -EBADMSG);
}

static void test_sent_and_end(void **state)
{
	struct callerd_sent_event sent = {
		.header = {.type = CALLERD_EVENT_SENT, .size = sizeof(sent)}, .offset = 5};
	struct callerd_end_event end = {.header = {.type = CALLERD_EVENT_END, .size = sizeof(end)},
					.reason = CALLERD_END_RESET};
	struct callerd_accept_event accept = {
		.header = {.type = CALLERD_EVENT_ACCEPT, .size = sizeof(accept)}, .from.port = 1};
	struct event event;

	assert_int_equal(decode_event(&sent, sizeof(sent), NULL, &event), 0);
	assert_ptr_equal(event.sent, &sent);
	assert_null(event.caller);
	assert_null(event.end);
	assert_int_equal(decode_event(&end, sizeof(end), NULL, &event), 0);
	assert_ptr_equal(event.end, &end);
	assert_null(event.sent);
	assert_int_equal(decode_event(&accept, sizeof(accept), NULL, &event), 0);
	assert_ptr_equal(event.accept, &accept);
	assert_null(event.end);
	check_sizes(&accept.header, sizeof(accept));
	check_sizes(&sent.header, sizeof(sent));
	check_sizes(&end.header, sizeof(end));
}

static void describe_peer(void *data, struct process *process)
{
	assert_int_equal(process->pid, 42);
	assert_int_equal(process->start, 900);
	process->name = (struct bytes){TEXT("python3")};
	process->executable = (struct bytes){TEXT("/usr/bin/python3")};
	process->args = (struct bytes){TEXT("python3\0-c\0")};
	++*(int *)data;
}

static void test_peer(void **state)
{
	struct callerd_peer_event peer = {
		.header = {.type = CALLERD_EVENT_PEER, .size = sizeof(peer)},
		.start = 900,
		.pid = 42,
		.uid = 1000,
		.gid = 100};
	int asked = 0;
	struct decode_detail detail = {.data = &asked, .peer = describe_peer};
	struct event event;

	assert_int_equal(decode_event(&peer, sizeof(peer), NULL, &event), 0);
	assert_int_equal(event.caller->basis, CALLER_FROM_PEER);
	assert_int_equal(event.caller->process.pid, 42);
	assert_int_equal(event.caller->process.euid, 1000);
	assert_int_equal(event.caller->uid, 1000);
	assert_int_equal(event.caller->gid, 100);
	assert_int_equal(event.caller->login_uid, CALLERD_UNSET_ID);
	assert_int_equal(event.caller->session, CALLERD_UNSET_ID);
	assert_null(event.caller->process.name.data);
	assert_false(event.caller->has_node);
	caller_unref(event.caller);

	assert_int_equal(decode_event(&peer, sizeof(peer), &detail, &event), 0);
	ASSERT_BYTES(event.caller->process.name, "python3");
	ASSERT_BYTES(event.caller->process.executable, "/usr/bin/python3");
	ASSERT_BYTES(event.caller->process.args, "python3\0-c\0");
	assert_int_equal(event.caller->process.start, 900);
	caller_unref(event.caller);
	assert_int_equal(asked, 1);

	peer.start = 0; /* gone: the PID may be another's */
	assert_int_equal(decode_event(&peer, sizeof(peer), &detail, &event), 0);
	caller_unref(event.caller);
	assert_int_equal(asked, 1);
	check_sizes(&peer.header, sizeof(peer));
}

static struct callerd_data_event *new_data(uint32_t copied, uint32_t length)
{
	struct callerd_data_event *data = calloc(1, sizeof(*data) + CALLERD_DATA_MAX + 64);

	data->header.type = CALLERD_EVENT_DATA;
	data->header.size = (uint32_t)sizeof(*data) + copied;
	data->copied = copied;
	data->length = length;
	return data;
}

static void test_data(void **state)
{
	const size_t head = sizeof(struct callerd_data_event);
	struct callerd_data_event *data = new_data(10, 10);
	struct event event;

	assert_int_equal(decode_event(data, head + 10, NULL, &event), 0);
	assert_ptr_equal(event.data, data);
	assert_null(event.caller);
	data->header.size += 182; /* a piece of one of the sizes that the ring hands out */
	assert_int_equal(error_of(data, head + 192), 0);
	data->header.size = (uint32_t)head + 9;
	assert_int_equal(error_of(data, head + 10), -EBADMSG);
	data->header.size = (uint32_t)head + 11;
	assert_int_equal(error_of(data, head + 10), -EBADMSG);
	data->header.size = (uint32_t)head + 10;

	data->length = 9; /* more than was there */
	assert_int_equal(error_of(data, head + 10), -EBADMSG);
	data->length = UINT32_MAX;
	assert_int_equal(error_of(data, head + 10), 0);
	data->offset = UINT64_MAX - UINT32_MAX;
	assert_int_equal(error_of(data, head + 10), 0);
	data->offset++; /* the stream's offset would wrap */
	assert_int_equal(error_of(data, head + 10), -EBADMSG);
	data->offset = 0;

	data->direction = CALLERD_RESPONSE;
	assert_int_equal(error_of(data, head + 10), 0);
	data->direction++;
	assert_int_equal(error_of(data, head + 10), -EBADMSG);
	data->direction = UINT32_MAX;
	assert_int_equal(error_of(data, head + 10), -EBADMSG);
	data->direction = 0;

	data->copied = UINT32_MAX;
	assert_int_equal(error_of(data, head + 10), -EBADMSG);
	data->copied = 0;
	data->header.size = (uint32_t)head;
	assert_int_equal(error_of(data, head), 0);
	for (uint32_t cut = 0; cut < head; cut++) {
		data->header.size = cut;
		assert_int_equal(error_of(data, cut), -EBADMSG);
	}
	free(data);
}

static void test_data_bounds(void **state)
{
	struct callerd_data_event *data = new_data(CALLERD_DATA_MAX, CALLERD_DATA_MAX);

	assert_int_equal(error_of(data, data->header.size), 0);
	data->copied++;
	data->length++;
	data->header.size++;
	assert_int_equal(error_of(data, data->header.size), -EBADMSG);
	free(data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_caller),
		cmocka_unit_test(test_caller_events),
		cmocka_unit_test(test_address),
		cmocka_unit_test(test_flags),
		cmocka_unit_test(test_full_names),
		cmocka_unit_test(test_terminals),
		cmocka_unit_test(test_paths),
		cmocka_unit_test(test_longest_path),
		cmocka_unit_test(test_overlapping_texts),
		cmocka_unit_test(test_arguments),
		cmocka_unit_test(test_arguments_secret),
		cmocka_unit_test(test_arguments_secret_grows),
		cmocka_unit_test(test_label),
		cmocka_unit_test(test_arguments_unknown),
		cmocka_unit_test(test_arguments_long),
		cmocka_unit_test(test_same_caller),
		cmocka_unit_test(test_other_caller),
		cmocka_unit_test(test_same_hash),
		cmocka_unit_test(test_shared_lineage),
		cmocka_unit_test(test_description),
		cmocka_unit_test(test_cgroups),
		cmocka_unit_test(test_claimed_cgroups),
		cmocka_unit_test(test_forged_hierarchy),
		cmocka_unit_test(test_exchanged_executable),
		cmocka_unit_test(test_environment),
		cmocka_unit_test(test_caller_sizes),
		cmocka_unit_test(test_caller_oversized),
		cmocka_unit_test(test_caller_texts),
		cmocka_unit_test(test_ancestors),
		cmocka_unit_test(test_types),
		cmocka_unit_test(test_sent_and_end),
		cmocka_unit_test(test_peer),
		cmocka_unit_test(test_data),
		cmocka_unit_test(test_data_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
