// SPDX-License-Identifier: Apache-2.0
/* What an earlier agent left of a connection, and bytes of both directions behind it: what is not sound is refused, and
 * what is sound can be gone on with, ended, and handed over again. */
#include "fuzz.h"

#include "conversation/handover.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The daemon reads and writes what is left of the input, in turns of up to 255 bytes. */
static void go_on(struct connection *connection, uint64_t next[2], const uint8_t *data, size_t size)
{
	static union {
		struct callerd_data_event event;
		unsigned char room[sizeof(struct callerd_data_event) + 256];
	} turn;

	for (unsigned int direction = 0; size; direction ^= 1) {
		size_t length = *data++;

		length = length < --size ? length : size;
		if (!length)
			continue;
		turn.event = (struct callerd_data_event){
			.header.flags = CALLERD_FLAG_TURN,
			.offset = next[direction],
			.length = length,
			.copied = length,
			.direction = direction,
		};
		memcpy(turn.event.data, data, length);
		next[direction] += length;
		connection_data(connection, &turn.event);
		data += length;
		size -= length;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct callerd_handed handed, again;
	static struct callerd_handed_http2 http2, http2_again;
	struct connection *connection;
	uint64_t unpaired = 0, next[2];
	bool taken;

	if (size < sizeof(handed))
		return 0;
	memcpy(&handed, data, sizeof(handed));
	/* Offsets at the end of their numbers are those of a stream of 16 EiB. */
	if (!handover_is_sound(&handed) || (handed.next[0] | handed.next[1]) >> 62)
		return 0;
	data += sizeof(handed);
	size -= sizeof(handed);
	if (handed.http2) {
		if (size < sizeof(http2))
			return 0;
		memcpy(&http2, data, sizeof(http2));
		data += sizeof(http2);
		size -= sizeof(http2);
	}
	connection = connection_new(1, handed.socket, handed.flags, 0);
	MUST(connection);
	connection->unpaired = &unpaired;
	taken = !handover_take(connection, &handed, &http2, NULL);
	MUST(taken || handed.http2);
	if (taken && !handed.streaming && !(handed.flags & CALLERD_FLAG_PREEXISTING)) {
		/* The daemon may not have said anything yet, and a header table may be larger than that of an agent can be. */
		MUST(handover_give(connection, &again, &http2_again) || handed.http2);
		if (handed.http2)
			again = handed;
		MUST(again.next[0] == handed.next[0] && again.served == handed.served &&
		     !again.opaque == !handed.opaque);
		MUST(handover_is_sound(&again));
	}
	next[0] = handed.next[0];
	next[1] = handed.next[1];
	go_on(connection, next, data, size);
	connection_end(connection, UINT64_MAX / 2, 0, NULL);
	connection_free(connection);
	return 0;
}
