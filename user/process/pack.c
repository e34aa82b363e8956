// SPDX-License-Identifier: Apache-2.0
/*
 * The version, the size of all, the caller's fields, the caller's process, the number of ancestors, the
 * ancestors. Numbers are little-endian, of the width that they have in memory; a text is its size and its
 * bytes, and one that is not known has a size that no text has. There is one way to write a caller, so that
 * whatever can be read is written alike.
 */
#include "process/pack.h"

#include <endian.h>
#include <errno.h>

#include "base/bytes.h"

#define VERSION 2
#define TEXT_MAX                                                                                   \
	(64u << 10) /* decode.c's room for all of a caller's detail, and more than for its text */
#define UNKNOWN UINT32_MAX
#define BOOT_ID_SIZE 36

enum pack_kind { NUMBER, FLAG, BASIS, TERMINAL, TEXT };

struct field {
	enum pack_kind kind;
	size_t offset, size;
};

#define FIELD(kind, type, member)                                                                  \
	{                                                                                          \
		kind, offsetof(struct type, member), sizeof(((struct type *)0)->member)            \
	}

/* The texts in the order that decode.c has them in: so what is read is the same caller as what lives. */
static const struct field process_fields[] = {
	FIELD(NUMBER, process, pid),
	FIELD(NUMBER, process, euid),
	FIELD(NUMBER, process, start),
	FIELD(FLAG, process, executable_deleted),
	FIELD(FLAG, process, executable_exchanged),
	FIELD(FLAG, process, args_truncated),
	FIELD(TEXT, process, name),
	FIELD(TEXT, process, executable),
	FIELD(TEXT, process, args),
};

static const struct field caller_fields[] = {
	FIELD(BASIS, caller, basis),
	FIELD(NUMBER, caller, tid),
	FIELD(NUMBER, caller, uid),
	FIELD(NUMBER, caller, gid),
	FIELD(NUMBER, caller, egid),
	FIELD(NUMBER, caller, fsuid),
	FIELD(NUMBER, caller, fsgid),
	FIELD(NUMBER, caller, login_uid),
	FIELD(NUMBER, caller, session),
	FIELD(NUMBER, caller, mnt_ns),
	FIELD(NUMBER, caller, pid_ns),
	FIELD(NUMBER, caller, user_ns),
	FIELD(NUMBER, caller, net_ns),
	FIELD(NUMBER, caller, user_ns_owner),
	FIELD(NUMBER, caller, capabilities),
	FIELD(NUMBER, caller, cgroup_id),
	FIELD(NUMBER, caller, executable_inode),
	FIELD(NUMBER, caller, executable_device),
	FIELD(NUMBER, caller, executable_generation),
	FIELD(FLAG, caller, executable_known),
	FIELD(NUMBER, caller, cgroup_claimed),
	FIELD(NUMBER, caller, cgroup_owner),
	FIELD(NUMBER, caller, boot_to_real),
	FIELD(FLAG, caller, has_node),
	FIELD(FLAG, caller, in_node_group),
	FIELD(NUMBER, caller, node_uid),
	FIELD(NUMBER, caller, node_gid),
	FIELD(NUMBER, caller, node_mode),
	FIELD(TERMINAL, caller, tty),
	FIELD(TEXT, caller, executable_claimed),
	FIELD(TEXT, caller, working_directory),
	FIELD(TEXT, caller, root),
	FIELD(TEXT, caller, cgroup),
	FIELD(TEXT, caller, label),
	FIELD(TEXT, caller, boot_id),
};

/* As the kernel spells it: 8-4-4-4-12 lower-case hex digits. Empty: not known. */
static bool is_boot_id(struct bytes id)
{
	if (!id.data || (id.size && id.size != BOOT_ID_SIZE))
		return false;
	for (size_t i = 0; i < id.size; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;

		if (dash ? id.data[i] != '-'
			 : !id.data[i] || !strchr("0123456789abcdef", id.data[i]))
			return false;
	}
	return true;
}

/* --- writing ------------------------------------------------------------------------------------- */

static void put_number(struct text *out, uint64_t number, size_t size)
{
	number = htole64(number);
	text_add(out, (const char *)&number, size);
}

static uint64_t number_at(const char *member, size_t size)
{
	uint32_t word;
	uint64_t number;

	if (size == sizeof(number)) {
		memcpy(&number, member, sizeof(number));
		return number;
	}
	memcpy(&word, member, sizeof(word));
	return word;
}

static void put_text(struct text *out, struct bytes text)
{
	bool known = text.data && text.size <= TEXT_MAX;

	put_number(out, known ? text.size : UNKNOWN, sizeof(uint32_t));
	if (known)
		text_add_bytes(out, text);
}

static void put_fields(struct text *out, const void *object, const struct field *fields,
		       size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const char *member = (const char *)object + fields[i].offset;

		if (fields[i].kind == TEXT)
			put_text(out, *(const struct bytes *)member);
		else if (fields[i].kind == TERMINAL)
			put_text(out, bytes_of(member));
		else if (fields[i].kind == FLAG)
			text_add_char(out, *(const bool *)member ? 1 : 0);
		else if (fields[i].kind == BASIS)
			text_add_char(out, (char)*(const enum caller_basis *)member);
		else
			put_number(out, number_at(member, fields[i].size), fields[i].size);
	}
}

static void put_process(struct text *out, const struct process *process)
{
	put_fields(out, process, process_fields, COUNT(process_fields));
}

void pack_caller(const struct caller *caller, struct bytes boot_id, int64_t boot_to_real,
		 struct text *out)
{
	struct caller whole = *caller;
	size_t start = out->size;
	uint32_t size;

	if (!whole.boot_id.data) {
		whole.boot_id = is_boot_id(boot_id) ? boot_id : (struct bytes){"", 0};
		whole.boot_to_real = boot_to_real;
	}
	text_add_char(out, VERSION);
	put_number(out, 0, sizeof(size));
	put_fields(out, &whole, caller_fields, COUNT(caller_fields));
	put_process(out, &whole.process);
	text_add_char(out, (char)whole.ancestor_count);
	for (unsigned int i = 0; i < whole.ancestor_count; i++)
		put_process(out, &whole.ancestors[i]);
	if (out->error)
		return;
	size = htole32((uint32_t)(out->size - start));
	memcpy(out->data + start + 1, &size, sizeof(size));
}

/* --- reading ------------------------------------------------------------------------------------- */

struct unpacker {
	struct bytes left;
	bool bad;
};

static const char *take(struct unpacker *unpacker, size_t size)
{
	const char *at = unpacker->left.data;

	if (unpacker->bad || size > unpacker->left.size) {
		unpacker->bad = true;
		return NULL;
	}
	unpacker->left = bytes_from(unpacker->left, size);
	return at;
}

static uint64_t take_number(struct unpacker *unpacker, size_t size)
{
	const char *at = take(unpacker, size);
	uint64_t number = 0;

	if (at)
		memcpy(&number, at, size);
	return le64toh(number);
}

/* Of 0 to MAX, in one byte. */
static unsigned int take_small(struct unpacker *unpacker, unsigned int max)
{
	uint64_t number = take_number(unpacker, 1);

	if (number > max) {
		unpacker->bad = true;
		return 0;
	}
	return (unsigned int)number;
}

static struct bytes take_text(struct unpacker *unpacker, size_t max)
{
	uint32_t size = (uint32_t)take_number(unpacker, sizeof(size));
	const char *at;

	if (size == UNKNOWN)
		return (struct bytes){0};
	if (size > max)
		unpacker->bad = true;
	at = take(unpacker, size);
	return at ? (struct bytes){at, size} : (struct bytes){0};
}

/* Leaves room for the NUL, which is there already. */
static void take_terminal(struct unpacker *unpacker, char *terminal, size_t room)
{
	struct bytes text = take_text(unpacker, room - 1);

	if (!text.data || memchr(text.data, '\0', text.size))
		unpacker->bad = true;
	else
		memcpy(terminal, text.data, text.size);
}

static void set_number(char *member, uint64_t number, size_t size)
{
	uint32_t word = (uint32_t)number;

	if (size == sizeof(number))
		memcpy(member, &number, sizeof(number));
	else
		memcpy(member, &word, sizeof(word));
}

/* The texts lie where they were read. */
static void take_fields(struct unpacker *unpacker, void *object, const struct field *fields,
			size_t count)
{
	for (size_t i = 0; i < count && !unpacker->bad; i++) {
		char *member = (char *)object + fields[i].offset;

		if (fields[i].kind == TEXT)
			*(struct bytes *)member = take_text(unpacker, TEXT_MAX);
		else if (fields[i].kind == TERMINAL)
			take_terminal(unpacker, member, fields[i].size);
		else if (fields[i].kind == FLAG)
			*(bool *)member = take_small(unpacker, 1);
		else if (fields[i].kind == BASIS)
			*(enum caller_basis *)member = take_small(unpacker, CALLER_FROM_PEER);
		else
			set_number(member, take_number(unpacker, fields[i].size), fields[i].size);
	}
}

static void take_process(struct unpacker *unpacker, struct process *process)
{
	take_fields(unpacker, process, process_fields, COUNT(process_fields));
}

/* Texts to be kept in one piece of memory. */
struct pack_arena {
	struct text text;
	size_t used;
};

static void move_texts(struct pack_arena *arena, void *object, const struct field *fields,
		       size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct bytes *text = (struct bytes *)((char *)object + fields[i].offset);

		if (fields[i].kind != TEXT || !text->data)
			continue;
		memcpy(arena->text.data + arena->used, text->data, text->size);
		text->data = arena->text.data + arena->used;
		arena->used += text->size;
	}
}

static void move_process(struct pack_arena *arena, struct process *process)
{
	move_texts(arena, process, process_fields, COUNT(process_fields));
}

/* DRAFT and its ANCESTORS point to what they were read from; so many bytes are room for all. */
static int make(struct caller *draft, struct process *ancestors, unsigned int count, size_t size,
		struct caller **ret)
{
	struct pack_arena arena = {0};
	struct lineage *lineage = NULL;
	size_t own;

	if (!text_room(&arena.text, size))
		return -ENOMEM;
	move_process(&arena, &draft->process);
	move_texts(&arena, draft, caller_fields, COUNT(caller_fields));
	own = arena.used;
	for (unsigned int i = 0; i < count; i++)
		move_process(&arena, &ancestors[i]);
	if (count)
		lineage = caller_lineage_new(ancestors, count, arena.text.data + own,
					     arena.used - own);
	*ret = count && !lineage ? NULL : caller_new(draft, lineage, arena.text.data, own);
	text_free(&arena.text);
	return *ret ? 0 : -ENOMEM;
}

int pack_read_caller(struct bytes bytes, struct bytes boot_id, struct caller **ret)
{
	struct unpacker unpacker = {bytes, bytes.size > CALLER_PACK_MAX};
	struct process ancestors[CALLERD_ANCESTORS_MAX];
	struct caller draft;
	unsigned int count;

	/* Padding too: callers are compared byte by byte. */
	memset(&draft, 0, sizeof(draft));
	memset(ancestors, 0, sizeof(ancestors));
	if (take_small(&unpacker, UINT8_MAX) != VERSION ||
	    take_number(&unpacker, sizeof(uint32_t)) != bytes.size)
		return -EINVAL;
	take_fields(&unpacker, &draft, caller_fields, COUNT(caller_fields));
	take_process(&unpacker, &draft.process);
	count = take_small(&unpacker, CALLERD_ANCESTORS_MAX);
	for (unsigned int i = 0; i < count; i++)
		take_process(&unpacker, &ancestors[i]);
	if (unpacker.bad || unpacker.left.size || !is_boot_id(draft.boot_id))
		return -EINVAL;
	if (draft.boot_id.size && bytes_equal(draft.boot_id, boot_id)) {
		draft.boot_id = (struct bytes){0};
		draft.boot_to_real = 0;
	}
	return make(&draft, ancestors, count, bytes.size, ret);
}
