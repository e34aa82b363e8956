// SPDX-License-Identifier: Apache-2.0
#include "base/protobuf.h"

#include <errno.h>

#define VARINT_BITS 64
#define FIELD_MAX ((1u << 29) - 1)

enum wire { WIRE_VARINT = 0, WIRE_FIXED64 = 1, WIRE_LENGTH = 2, WIRE_FIXED32 = 5 };

enum protobuf_state {
	STATE_KEY,    /* a field's number and wire type */
	STATE_NUMBER, /* a varint that is its value */
	STATE_LENGTH, /* the length of a value */
	STATE_VALUE,
};

void protobuf_init(struct protobuf *protobuf, const struct protobuf_field *fields,
		   const struct protobuf_user *user)
{
	*protobuf = (struct protobuf){.user = user};
	protobuf->levels[0].fields = fields;
	protobuf->levels[0].left = UINT64_MAX;
}

static const struct protobuf_field *protobuf_find_field(const struct protobuf_field *fields,
							uint64_t number)
{
	while (fields->number && fields->number != number)
		fields++;
	return fields->number ? fields : NULL;
}

static void protobuf_await(struct protobuf *protobuf, enum protobuf_state state)
{
	protobuf->state = state;
	protobuf->varint = 0;
	protobuf->shift = 0;
}

/* Takes SIZE bytes off all messages that they are in. False: one of them is shorter. */
static bool take_off(struct protobuf *protobuf, uint64_t size)
{
	for (unsigned int i = 1; i <= protobuf->depth; i++)
		if (protobuf->levels[i].left < size)
			return false;
	for (unsigned int i = 1; i <= protobuf->depth; i++)
		protobuf->levels[i].left -= size;
	return true;
}

static void tell_message(const struct protobuf *protobuf, int id, bool ended)
{
	if (protobuf->user->message)
		protobuf->user->message(protobuf->user->data, id, ended);
}

static void leave_messages(struct protobuf *protobuf)
{
	while (protobuf->depth && !protobuf->levels[protobuf->depth].left) {
		int id = protobuf->levels[protobuf->depth--].id;

		tell_message(protobuf, id, true);
	}
}

static void protobuf_end_value(struct protobuf *protobuf)
{
	const struct protobuf_field *field = protobuf->field;

	if (field && field->is_stream)
		tell_message(protobuf, field->id, true);
	else if (field && !field->message)
		protobuf->user->text(protobuf->user->data, field->id,
				     (struct bytes){protobuf->text, protobuf->size}, protobuf->cut);
	explicit_bzero(protobuf->text, protobuf->size); /* it may be a secret */
	protobuf_await(protobuf, STATE_KEY);
	leave_messages(protobuf);
}

static bool enter_message(struct protobuf *protobuf, uint64_t size)
{
	const struct protobuf_field *field = protobuf->field;

	/* Its bytes are those of all that it is in as well. */
	if (protobuf->depth && protobuf->levels[protobuf->depth].left < size)
		return false;
	if (++protobuf->depth == PROTOBUF_DEPTH_MAX)
		return false;
	protobuf->levels[protobuf->depth].left = size;
	protobuf->levels[protobuf->depth].id = field->id;
	protobuf->levels[protobuf->depth].fields = field->message;
	tell_message(protobuf, field->id, false);
	protobuf_await(protobuf, STATE_KEY);
	leave_messages(protobuf);
	return true;
}

static bool begin_value(struct protobuf *protobuf, uint64_t size)
{
	protobuf->size = 0;
	protobuf->cut = false;
	if (protobuf->field && protobuf->field->message)
		return enter_message(protobuf, size);
	if (!take_off(protobuf, size))
		return false;
	protobuf_await(protobuf, STATE_VALUE);
	protobuf->left = size;
	if (protobuf->field && protobuf->field->is_stream)
		tell_message(protobuf, protobuf->field->id, false);
	if (!size)
		protobuf_end_value(protobuf);
	return true;
}

static bool protobuf_take_key(struct protobuf *protobuf, uint64_t key)
{
	if (!(key >> 3) || key >> 3 > FIELD_MAX)
		return false;
	protobuf->wire = key & 7;
	protobuf->field = protobuf_find_field(protobuf->levels[protobuf->depth].fields, key >> 3);
	/* One of another type is as good as unknown. */
	if (protobuf->field &&
	    protobuf->wire != (protobuf->field->is_number ? WIRE_VARINT : WIRE_LENGTH))
		protobuf->field = NULL;
	switch (protobuf->wire) {
	case WIRE_VARINT:
		protobuf_await(protobuf, STATE_NUMBER);
		return true;
	case WIRE_LENGTH:
		protobuf_await(protobuf, STATE_LENGTH);
		return true;
	case WIRE_FIXED64:
		return begin_value(protobuf, 8);
	case WIRE_FIXED32:
		return begin_value(protobuf, 4);
	default: /* groups, which nobody uses */
		return false;
	}
}

static bool take_varint(struct protobuf *protobuf, uint64_t number)
{
	const struct protobuf_field *field = protobuf->field;

	switch (protobuf->state) {
	case STATE_KEY:
		return protobuf_take_key(protobuf, number);
	case STATE_LENGTH:
		return begin_value(protobuf, number);
	default:
		if (field)
			protobuf->user->number(protobuf->user->data, field->id, number);
		protobuf_await(protobuf, STATE_KEY);
		leave_messages(protobuf);
		return true;
	}
}

static bool protobuf_take_byte(struct protobuf *protobuf, unsigned char byte)
{
	if (protobuf->shift >= VARINT_BITS || !take_off(protobuf, 1))
		return false;
	protobuf->varint |= (uint64_t)(byte & 0x7f) << protobuf->shift;
	protobuf->shift += 7;
	return byte & 0x80 ? true : take_varint(protobuf, protobuf->varint);
}

/* Takes what DATA has of the value at hand. */
static size_t protobuf_take_value(struct protobuf *protobuf, struct bytes data)
{
	size_t size = data.size < protobuf->left ? data.size : (size_t)protobuf->left;
	size_t room = PROTOBUF_TEXT_MAX - protobuf->size, kept = size < room ? size : room;

	if (protobuf->field && protobuf->field->is_stream) {
		protobuf->user->piece(protobuf->user->data, protobuf->field->id,
				      (struct bytes){data.data, size});
	} else if (protobuf->field && !protobuf->field->message) {
		memcpy(protobuf->text + protobuf->size, data.data, kept);
		protobuf->size += kept;
		protobuf->cut |= kept < size;
	}
	protobuf->left -= size;
	if (!protobuf->left)
		protobuf_end_value(protobuf);
	return size;
}

int protobuf_feed(struct protobuf *protobuf, struct bytes data)
{
	while (data.size && !protobuf->failed) {
		size_t used = 1;

		if (protobuf->state == STATE_VALUE)
			used = protobuf_take_value(protobuf, data);
		else
			protobuf->failed = !protobuf_take_byte(protobuf, (unsigned char)*data.data);
		data = bytes_from(data, used);
	}
	return protobuf->failed ? -EPROTO : 0;
}

bool protobuf_is_complete(const struct protobuf *protobuf)
{
	return !protobuf->failed && !protobuf->depth && protobuf->state == STATE_KEY &&
	       !protobuf->shift;
}
