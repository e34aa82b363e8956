/* SPDX-License-Identifier: Apache-2.0 */
/*
 * callerd calls the engines as others do, and looks whether the call becomes a record, and where that is written. And it
 * compares, with each survey, the connections that there are with those that the kernel programs saw.
 */
#ifndef CALLERD_SELF_TEST_H
#define CALLERD_SELF_TEST_H

#include "agent/options/options.h"
#include "agent/outputs.h"
#include "kernel/capture.h"
#include "record/record.h"
#include "system/beside.h"

struct self_test;

struct self_test_options {
	const char *const *sockets;
	const unsigned int *socket_count; /* it grows */
	const uint32_t *owners;		  /* of the sockets; 0: root, or they are configured */
	bool (*is_docker)(void *data, unsigned int socket); /* others are not called */
	const struct record_context *context;
	struct capture *capture;
	struct outputs *outputs;
	struct beside *beside;
	void *data;
	void (*record)(void *data, struct record *record); /* takes a self-test */
};

/* 0 or -ENOMEM. */
int self_test_new(const struct self_test_options *options, struct self_test **ret);

/* After the jobs. */
void self_test_free(struct self_test *test);

/* Begins, unless it is under way. */
void self_test_ask(struct self_test *test, uint64_t now);

/* Whether RECORD is of the call by which callerd tries whether it sees calls: it is written, whatever else is not. */
bool self_test_is_call(const struct self_test *test, const struct record *record);

/* To be called with each record, right before outputs_put(). */
void self_test_note(struct self_test *test, const struct record *record);

/* Does what is due. */
void self_test_run(struct self_test *test, uint64_t now);

/* Whether it is under way. */
bool self_test_is_waiting(const struct self_test *test);

/* What came of a test. */
struct self_test_result {
	enum exit_code code; /* EXIT_OK: all is well; EXIT_OUTPUT: an output is at fault */
	const char *fault;   /* NULL: there is none */
	const char *report;  /* for a person, a line for each part */
};

/* Takes the result of a test that ended since the last call; false: none did. */
bool self_test_take(struct self_test *test, struct self_test_result *ret);

/* Adds the result for a person, and for self_test_code(). */
void self_test_report(const struct self_test_result *result, struct text *out);

/* The exit code that a report tells. */
enum exit_code self_test_code(struct bytes report);

/* Compares what capture_living() found with the last time, and tells the connections that were there both times and that no
 * program saw; those of the first look are older than the programs. TABLE_FULL: they may be forgotten ones. */
void self_test_survey(struct self_test *test, bool table_full);

/* Connections that were told so far. */
uint64_t self_test_unseen(const struct self_test *test);

#endif
