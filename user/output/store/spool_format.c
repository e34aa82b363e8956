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

void segment_name(char ret[SEGMENT_NAME_SIZE], uint64_t number)
{
	snprintf(ret, SEGMENT_NAME_SIZE, SEGMENT_PREFIX "%016llx", (unsigned long long)number);
}

bool segment_name_read(const char *name, uint64_t *ret)
{
	char canonical[SEGMENT_NAME_SIZE];
	uint64_t number;

	if (strncmp(name, SEGMENT_PREFIX, strlen(SEGMENT_PREFIX)) != 0)
		return false;
	number = strtoull(name + strlen(SEGMENT_PREFIX), NULL, 16);
	segment_name(canonical, number);
	if (strcmp(name, canonical) != 0 || number >= SPOOL_NUMBER_MAX)
		return false;
	*ret = number;
	return true;
}

uint32_t data_checksum(const void *data, size_t size)
{
	return (uint32_t)crc32(0, data, (uInt)size);
}

static uint32_t entry_head_checksum(const struct entry_head *head, uint64_t number)
{
	uLong sum = crc32(0, (const Bytef *)&number, sizeof(number));

	return (uint32_t)crc32(sum, (const Bytef *)head, offsetof(struct entry_head, checksum));
}

void segment_head_make(struct segment_head *ret, uint64_t number, uint64_t first)
{
	*ret = (struct segment_head){.magic = SEGMENT_MAGIC, .number = number, .first = first};
	ret->checksum = data_checksum(ret, offsetof(struct segment_head, checksum));
}

void entry_head_make(struct entry_head *ret, uint64_t number, uint64_t index,
		     const struct entry *entry)
{
	*ret = (struct entry_head){
		.magic = ENTRY_MAGIC,
		.size = (uint32_t)entry->size,
		.index = index,
		.time = entry->time,
		.sequence = entry->sequence,
		.data_checksum = data_checksum(entry->data, entry->size),
		.severity = entry->severity,
		.action = entry->action,
	};
	ret->checksum = entry_head_checksum(ret, number);
}

void cursor_make(struct cursor *ret, uint64_t index)
{
	*ret = (struct cursor){.magic = CURSOR_MAGIC, .index = index};
	ret->checksum = data_checksum(ret, offsetof(struct cursor, checksum));
}

bool segment_head_read(struct segment_head *ret, const void *bytes, uint64_t number)
{
	memcpy(ret, bytes, sizeof(*ret));
	return ret->magic == SEGMENT_MAGIC && ret->number == number &&
	       ret->first < SPOOL_NUMBER_MAX &&
	       ret->checksum == data_checksum(ret, offsetof(struct segment_head, checksum));
}

bool entry_head_read(struct entry_head *ret, const void *bytes, uint64_t number)
{
	memcpy(ret, bytes, sizeof(*ret));
	return ret->magic == ENTRY_MAGIC && ret->size <= SPOOL_ENTRY_MAX &&
	       ret->checksum == entry_head_checksum(ret, number);
}

bool cursor_read(struct cursor *ret, const void *bytes)
{
	memcpy(ret, bytes, sizeof(*ret));
	return ret->magic == CURSOR_MAGIC && ret->index < 2 * SPOOL_NUMBER_MAX &&
	       ret->checksum == data_checksum(ret, offsetof(struct cursor, checksum));
}
