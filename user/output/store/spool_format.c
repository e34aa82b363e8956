// SPDX-License-Identifier: Apache-2.0
#include "output/store/spool_format.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#define SEGMENT_PREFIX "segment-"
#define SEGMENT_MAGIC UINT64_C(0x31676573fe6c70f5) /* the last digit of the text is the version */
#define CURSOR_MAGIC UINT64_C(0x31727563fe6c70f5)

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the files would be unreadable here");

void spool_format_name(char ret[SEGMENT_NAME_SIZE], uint64_t number)
{
	snprintf(ret, SEGMENT_NAME_SIZE, SEGMENT_PREFIX "%016llx", (unsigned long long)number);
}

bool spool_format_read_name(const char *name, uint64_t *ret)
{
	char canonical[SEGMENT_NAME_SIZE];
	uint64_t number;

	if (strncmp(name, SEGMENT_PREFIX, strlen(SEGMENT_PREFIX)) != 0)
		return false;
	number = strtoull(name + strlen(SEGMENT_PREFIX), NULL, 16);
	spool_format_name(canonical, number);
	if (strcmp(name, canonical) != 0 || number >= SPOOL_NUMBER_MAX)
		return false;
	*ret = number;
	return true;
}

uint32_t spool_format_checksum_on(uint32_t sum, const void *data, size_t size)
{
	return (uint32_t)crc32(sum, data, (uInt)size);
}

uint32_t spool_format_checksum(const void *data, size_t size)
{
	return spool_format_checksum_on(0, data, size);
}

unsigned int spool_format_parts(const struct entry *entry, struct before_head *head,
				struct bytes ret[SPOOL_PARTS_MAX])
{
	const struct entry *before = entry->before;
	unsigned int count = 0;

	if (before) {
		*head = (struct before_head){.time = before->time};
		memcpy(head->key, before->key, sizeof(head->key));
		ret[count++] = (struct bytes){(const char *)head, sizeof(*head)};
		ret[count++] = (struct bytes){before->data, before->size};
	}
	ret[count++] = (struct bytes){entry->data, entry->size};
	return count;
}

uint64_t spool_format_size(const struct entry *entry)
{
	return entry_bytes(entry) + (entry->before ? sizeof(struct before_head) : 0);
}

static uint32_t checksum_of(const struct entry *entry)
{
	struct before_head head;
	struct bytes parts[SPOOL_PARTS_MAX];
	unsigned int count = spool_format_parts(entry, &head, parts);
	uint32_t sum = 0;

	for (unsigned int i = 0; i < count; i++)
		sum = spool_format_checksum_on(sum, parts[i].data, parts[i].size);
	return sum;
}

static uint32_t entry_head_checksum(const struct entry_head *head, uint64_t number)
{
	uLong sum = crc32(0, (const Bytef *)&number, sizeof(number));

	return (uint32_t)crc32(sum, (const Bytef *)head, offsetof(struct entry_head, checksum));
}

void spool_format_make_segment(struct segment_head *ret, uint64_t number, uint64_t first)
{
	*ret = (struct segment_head){.magic = SEGMENT_MAGIC, .number = number, .first = first};
	ret->checksum = spool_format_checksum(ret, offsetof(struct segment_head, checksum));
}

void spool_format_make_entry(struct entry_head *ret, uint64_t number, uint64_t index,
			     const struct entry *entry)
{
	*ret = (struct entry_head){
		.magic = ENTRY_MAGIC,
		.size = (uint32_t)spool_format_size(entry),
		.index = index,
		.time = entry->time,
		.sequence = entry->sequence,
		.data_checksum = checksum_of(entry),
		.severity = entry->severity,
		.action = entry->action,
		.before = entry->before ? (uint32_t)entry->before->size : 0,
	};
	ret->checksum = entry_head_checksum(ret, number);
}

void spool_format_make_cursor(struct cursor *ret, uint64_t index)
{
	*ret = (struct cursor){.magic = CURSOR_MAGIC, .index = index};
	ret->checksum = spool_format_checksum(ret, offsetof(struct cursor, checksum));
}

bool spool_format_read_segment(struct segment_head *ret, const void *bytes, uint64_t number)
{
	memcpy(ret, bytes, sizeof(*ret));
	return ret->magic == SEGMENT_MAGIC && ret->number == number &&
	       ret->first < SPOOL_NUMBER_MAX &&
	       ret->checksum == spool_format_checksum(ret, offsetof(struct segment_head, checksum));
}

bool spool_format_read_entry(struct entry_head *ret, const void *bytes, uint64_t number)
{
	memcpy(ret, bytes, sizeof(*ret));
	return ret->magic == ENTRY_MAGIC && ret->size <= SPOOL_ENTRY_MAX &&
	       ret->checksum == entry_head_checksum(ret, number);
}

bool spool_format_read_cursor(struct cursor *ret, const void *bytes)
{
	memcpy(ret, bytes, sizeof(*ret));
	return ret->magic == CURSOR_MAGIC && ret->index < 2 * SPOOL_NUMBER_MAX &&
	       ret->checksum == spool_format_checksum(ret, offsetof(struct cursor, checksum));
}
