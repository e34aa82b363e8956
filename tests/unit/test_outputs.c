// SPDX-License-Identifier: Apache-2.0
/* What becomes of an output that another configuration does not name any more. */
#include "files.h"

#include "agent/outputs.h"

static struct sink *hanging;
static bool hang;

void __real_sink_close_all(struct sink *const *sinks, unsigned int count, int milliseconds,
			   uint64_t *left, bool *ended);

/* A disk that does not answer: the thread of the sink goes on, and uses what the sink was opened with. */
void __wrap_sink_close_all(struct sink *const *sinks, unsigned int count, int milliseconds,
			   uint64_t *left, bool *ended)
{
	if (!hang) {
		__real_sink_close_all(sinks, count, milliseconds, left, ended);
		return;
	}
	assert_int_equal(count, 1);
	hanging = sinks[0];
	left[0] = 2;
	ended[0] = false;
}

static uint64_t lost_records;

static void note_lost(void *data, const char *output, enum sink_loss reason, uint64_t account,
		      uint64_t count)
{
	assert_string_equal(output, data);
	assert_int_equal(reason, SINK_LOSS_FULL);
	lost_records += count;
}

static void test_removed_and_hanging(void **state)
{
	static char specs[2][128], name[160];
	static struct options before, after;
	static const struct record_context context = {.host_name = "host", .run_id = "run"};
	uint64_t totals[SINK_LOSS_COUNT];
	struct outputs_removed *removed;
	struct outputs_plan *plan;
	struct outputs *outputs;
	char reason[512];

	for (int i = 0; i < 2; i++)
		snprintf(specs[i], sizeof(specs[i]), "file:%s/%d,chain=no", directory, i);
	snprintf(name, sizeof(name), "file:%s/0", directory);
	before.outputs[before.output_count++] = specs[0];
	after.outputs[after.output_count++] = specs[1];
	assert_int_equal(outputs_open(&before, &context, &outputs, reason, sizeof(reason)),
			 EXIT_OK);
	assert_int_equal(outputs_plan_new(outputs, true, &plan), 0);
	assert_int_equal(outputs_plan_open(plan, &after, &context, reason, sizeof(reason)), 0);
	assert_int_equal(outputs_plan_check(outputs, plan, reason, sizeof(reason)), 0);
	assert_int_equal(outputs_take(outputs, plan, &removed), 0);
	outputs_plan_free(plan);
	assert_true(outputs_removed_any(removed));

	hang = true;
	outputs_removed_close(removed, 10);
	outputs_removed_end(outputs, removed, name, note_lost);
	outputs_removed_free(removed);
	hang = false;
	assert_int_equal(lost_records, 2);
	assert_string_equal(sink_name(hanging), name); /* it lies in what was borrowed */

	outputs_losses(outputs, totals, NULL, NULL);
	assert_int_equal(totals[SINK_LOSS_FULL], 2);
	outputs_close(outputs, 1000, NULL, NULL);
}

static int setup(void **state)
{
	return files_prepare("/tmp");
}

static int teardown(void **state)
{
	return files_remove(directory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_removed_and_hanging),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
