/* SPDX-License-Identifier: Apache-2.0 */
/* Ports: which may be watched at once, and what they are called. */
#include "unit.h"

#include "kernel/doors.h"

static void fill(struct callerd_control *control, unsigned int first, unsigned int count,
		 uint32_t owner)
{
	for (unsigned int i = first; i < first + count; i++)
		control->doors[i] =
			(struct callerd_door){.end.port = 2375, .socket = i, .owner = owner};
}

/* Without programs nothing is marked: that is the error where there is room. */
static void test_room(void **state)
{
	static struct callerd_control control;
	struct doors doors = {.control = &control};
	struct doors_listener root = {.end.port = 2375, .socket = 20};
	struct doors_listener user = {.end.port = 2375, .socket = 21, .owner = 1000};

	fill(&control, 0, CALLERD_DOORS_OF_USERS_MAX - 1, 1001);
	assert_int_equal(doors_watch(&doors, &user), -EOPNOTSUPP);
	fill(&control, CALLERD_DOORS_OF_USERS_MAX - 1, 1, 1002);
	assert_int_equal(doors_watch(&doors, &user), -ENOSPC);
	user.socket = 0; /* it has its place */
	assert_int_equal(doors_watch(&doors, &user), -EOPNOTSUPP);
	assert_int_equal(doors_watch(&doors, &root), -EOPNOTSUPP);
	fill(&control, CALLERD_DOORS_OF_USERS_MAX, CALLERD_DOORS_MAX - CALLERD_DOORS_OF_USERS_MAX,
	     0);
	assert_int_equal(doors_watch(&doors, &root), -ENOSPC);
	doors_leave(&doors, 3);
	assert_int_equal(doors_watch(&doors, &root), -EOPNOTSUPP);
	user.socket = 21;
	assert_int_equal(doors_watch(&doors, &user), -EOPNOTSUPP);
}

static void test_names(void **state)
{
	char name[CALLERD_ADDRESS_MAX + 4];

	doors_name("127.0.0.1:2375", 0, name, sizeof(name));
	assert_string_equal(name, "tcp://127.0.0.1:2375");
	assert_true(doors_is_port(name));
	doors_name("[::]:2375", 1000, name, sizeof(name));
	assert_string_equal(name, "tcp://[::]:2375#user=1000");
	assert_true(doors_is_port(name));
	assert_false(doors_is_port("/run/docker.sock"));
	assert_false(doors_is_port("tcp:"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_room),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
