/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an engine says of something that happened: GET /events, one JSON object a line.
 *
 * An event's attributes are the engine's own and, of containers and images, the labels in one map: a label can
 * stand where the engine's attribute would. What only the engine can have set is told here as such, and what a
 * label may have set is marked.
 */
#ifndef CALLERD_ENGINE_EVENT_H
#define CALLERD_ENGINE_EVENT_H

#include <stdbool.h>
#include <stdint.h>

#include "docker/known/attribute.h"
#include "record/engine_action.h"

/* data NULL, 0: there is none. Texts are valid UTF-8 of any length. */
struct engine_event {
	enum engine_type kind;
	enum engine_action act;
	struct bytes type;   /* "container": the word for .kind, where that has one */
	struct bytes action; /* "exec_start": likewise, without what stands behind a colon */
	struct bytes id;     /* of what it happened to; Podman does not say it of a network */
	struct bytes name, image;
	/* Of a volume or a network: the id of the container that it is of. */
	struct bytes container;
	struct bytes exec_id;
	struct bytes program; /* that an exec runs, as it was named; without secrets */
	/* engine_event_command_hash() of the exec's whole command; 0: none, or of so long a command that its end is missing */
	uint64_t command_hash;
	struct bytes health; /* of health_status: "healthy" */
	bool unhealthy;	     /* .health is "unhealthy" */
	struct bytes signal; /* "15" */
	bool has_exit_code;
	int64_t exit_code;
	unsigned int attributes; /* enum engine_attribute, of the engine's or as labels */
	/* Of .attributes, those that the engine never gives to this action: they are labels, in every event of the
	 * container. */
	unsigned int labels;
	bool swarm_task; /* there is a label com.docker.swarm.task.id, which anybody can set */
	uint64_t time;	 /* ns of CLOCK_REALTIME, by the engine's clock; 0: it does not say */
};

/* A hash of a command as events have it: the arguments, parted by one blank each; never 0. */
uint64_t engine_event_command_hash(struct bytes command);

/* A hash of what EVENT says happened, and when. An engine tells the same event with the same hash to each who listens. */
uint64_t engine_event_identity(const struct engine_event *event);

/* A copy in one piece of memory, to be freed with free(); NULL where there is no memory. */
struct engine_event *engine_event_copy(const struct engine_event *event);

struct engine_event_reader;

/* CALLBACK is called for each event; what it gets lives until it returns. 0 or -ENOMEM. Free with
 * engine_event_reader_free(). */
int engine_event_reader_new(void (*callback)(void *data, const struct engine_event *event),
			    void *data, struct engine_event_reader **ret);
void engine_event_reader_free(struct engine_event_reader *reader);

/* Takes the bytes of the stream in, in any portions. A line that is no event is passed over and counted. 0, or
 * -ENOMEM: the event at hand is lost, and counted, too. */
int engine_event_reader_feed(struct engine_event_reader *reader, const char *bytes, size_t size);

/* The stream begins anew: what is left of a line is dropped. */
void engine_event_reader_reset(struct engine_event_reader *reader);

/* Lines that were no events, or not understood. */
uint64_t engine_event_reader_malformed(const struct engine_event_reader *reader);

#endif
