// SPDX-License-Identifier: Apache-2.0
/* Jobs that hang: nobody waits for them, and nobody else's are kept from being done. */
#include "unit.h"

#include <poll.h>
#include <pthread.h>

#include "base/clock.h"
#include "system/beside.h"

#define MINUTE (60 * NS_PER_S)
/* As beside.c has them. */
#define WORKERS 3
#define HANGING_MAX 13
#define THREADS_OF_ACCOUNT_MAX 2

/* What a test's jobs have in common; they hang while the gate is shut. */
struct gate {
	pthread_mutex_t lock;
	pthread_cond_t opened;
	bool open;
	unsigned int inside, freed;
};

struct task {
	struct job job;
	struct gate *gate; /* NULL: does not hang */
	int answer;
};

struct told {
	unsigned int came, missed;
};

static void enter(struct job *job)
{
	struct task *task = (struct task *)job;
	struct gate *gate = task->gate;

	if (gate) {
		pthread_mutex_lock(&gate->lock);
		gate->inside++;
		pthread_cond_broadcast(&gate->opened);
		while (!gate->open)
			pthread_cond_wait(&gate->opened, &gate->lock);
		pthread_mutex_unlock(&gate->lock);
	}
	task->answer = 42;
}

static void told(struct job *job, bool came, void *data)
{
	struct told *told = data;

	told->came += came;
	told->missed += !came;
	if (came)
		assert_int_equal(((struct task *)job)->answer, 42);
}

static void count_freed(struct job *job)
{
	struct gate *gate = ((struct task *)job)->gate;

	if (gate) {
		pthread_mutex_lock(&gate->lock);
		gate->freed++;
		pthread_cond_broadcast(&gate->opened);
		pthread_mutex_unlock(&gate->lock);
	}
	free(job);
}

static int put(struct beside *beside, struct gate *gate, uint64_t account, uint64_t now)
{
	struct task *task = calloc(1, sizeof(*task));
	int error;

	*task = (struct task){
		.job = {.run = enter,
			.done = told,
			.free = count_freed,
			.account = account,
			.patience = MINUTE},
		.gate = gate,
	};
	error = beside_put(beside, &task->job, now);
	if (error)
		free(task);
	return error;
}

static void wait_inside(struct gate *gate, unsigned int count)
{
	pthread_mutex_lock(&gate->lock);
	while (gate->inside < count)
		pthread_cond_wait(&gate->opened, &gate->lock);
	pthread_mutex_unlock(&gate->lock);
}

static void open_gate(struct gate *gate, unsigned int freed)
{
	pthread_mutex_lock(&gate->lock);
	gate->open = true;
	pthread_cond_broadcast(&gate->opened);
	while (gate->freed < freed)
		pthread_cond_wait(&gate->opened, &gate->lock);
	pthread_mutex_unlock(&gate->lock);
}

/* Runs the loop's part until so many have come. */
static void run_until(struct beside *beside, uint64_t now, const struct told *told,
		      unsigned int came)
{
	struct pollfd fd = {.fd = beside_fd(beside), .events = POLLIN};

	while (told->came < came) {
		poll(&fd, 1, -1);
		beside_run(beside, now);
	}
}

#define GATE                                                                                       \
	{                                                                                          \
		PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false, 0, 0                   \
	}

static void test_all_come(void **state)
{
	struct told told = {0};
	struct beside *beside;

	assert_int_equal(beside_new(&told, &beside), 0);
	for (unsigned int i = 0; i < 50; i++)
		assert_int_equal(put(beside, NULL, i % 7, 0), 0);
	run_until(beside, 0, &told, 50);
	assert_int_equal(told.missed, 0);
	assert_false(beside_is_waiting(beside));
	assert_true(beside_free(beside));
}

static void test_one_account_hangs(void **state)
{
	struct gate gate = GATE;
	struct told told = {0};
	struct beside *beside;

	assert_int_equal(beside_new(&told, &beside), 0);
	for (unsigned int i = 0; i < 10; i++)
		assert_int_equal(put(beside, &gate, 1000, 0), 0);
	wait_inside(&gate, THREADS_OF_ACCOUNT_MAX);
	/* Before anything is given up: they do not have all threads. */
	assert_int_equal(put(beside, NULL, 1001, 0), 0);
	run_until(beside, 0, &told, 1);
	beside_run(beside, 0);
	beside_run(beside, MINUTE + 1); /* those that hang, and those behind them */
	assert_int_equal(told.missed, 10);
	assert_int_equal(gate.inside, THREADS_OF_ACCOUNT_MAX);
	assert_int_equal(put(beside, &gate, 1000, MINUTE), -EBUSY);
	assert_int_equal(beside_missed(beside), 11);
	for (unsigned int i = 0; i < 20; i++)
		assert_int_equal(put(beside, NULL, 1001, MINUTE), 0);
	run_until(beside, MINUTE, &told, 21);
	assert_false(beside_free(beside)); /* and nothing that they use is gone */
	open_gate(&gate, THREADS_OF_ACCOUNT_MAX);
	while (!beside_free(beside)) /* one may be on its way out */
		;
}

static void test_it_comes_too_late(void **state)
{
	struct gate gate = GATE;
	struct told told = {0};
	struct beside *beside;

	assert_int_equal(beside_new(&told, &beside), 0);
	assert_int_equal(put(beside, &gate, 1000, 0), 0);
	wait_inside(&gate, 1);
	beside_run(beside, 0);
	beside_run(beside, MINUTE);
	assert_int_equal(told.missed, 1);
	open_gate(&gate, 1);
	beside_run(beside, MINUTE);
	assert_int_equal(told.came, 0);
	/* Its account may ask again. */
	assert_int_equal(put(beside, NULL, 1000, MINUTE), 0);
	run_until(beside, MINUTE, &told, 1);
	assert_true(beside_free(beside));
}

/* Many together take all there is; the loop goes on, and others' jobs are refused, not waited for. */
static void test_all_hang(void **state)
{
	enum { ALL = HANGING_MAX + WORKERS };
	struct gate gate = GATE;
	struct told told = {0};
	struct beside *beside;
	uint64_t now = 0;

	assert_int_equal(beside_new(&told, &beside), 0);
	for (unsigned int i = 0; i < ALL; i++) {
		assert_int_equal(put(beside, &gate, i, now), 0);
		wait_inside(&gate, i + 1);
		beside_run(beside, now);
		now += MINUTE;
		beside_run(beside, now);
	}
	assert_int_equal(told.missed, ALL);
	assert_int_equal(put(beside, NULL, 1000, now), -EBUSY);
	open_gate(&gate, ALL);
	assert_int_equal(put(beside, NULL, 1000, now), 0);
	run_until(beside, now, &told, 1);
	assert_true(beside_free(beside));
}

/* What waits when the agent ends is freed, not done. */
static void test_end(void **state)
{
	struct gate gate = GATE;
	struct told told = {0};
	struct beside *beside;

	assert_int_equal(beside_new(&told, &beside), 0);
	gate.open = true;
	for (unsigned int i = 0; i < 20; i++)
		assert_int_equal(put(beside, &gate, 1000, 0), 0);
	wait_inside(&gate, 20);
	while (!beside_free(beside))
		;
	assert_int_equal(gate.freed, 20);
	assert_int_equal(told.came, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_come),
		cmocka_unit_test(test_one_account_hangs),
		cmocka_unit_test(test_it_comes_too_late),
		cmocka_unit_test(test_all_hang),
		cmocka_unit_test(test_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
