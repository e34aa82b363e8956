// SPDX-License-Identifier: Apache-2.0
#include "unit.h"

#include "ctl/question.h"
#include "ctl/subject.h"

/* What WORDS, parted by blanks, ask for: kind, PID, text. */
static void asks(const char *words, enum question_kind kind, uint32_t pid, const char *text)
{
	char copy[256];
	const char *arguments[8];
	struct who_question question;
	unsigned int count = 0;

	snprintf(copy, sizeof(copy), "%s", words);
	for (char *at = strtok(copy, " "); at && count < 8; at = strtok(NULL, " "))
		arguments[count++] = at;
	if (question_parse(arguments, count, &question))
		fail_msg("%s: no question", words);
	if (question.kind != kind || question.pid != pid || strcmp(question.text, text) != 0)
		fail_msg("%s: %d %u %s", words, (int)question.kind, question.pid, question.text);
}

static void is_wrong(const char *first, const char *second, const char *third)
{
	const char *const arguments[] = {first, second, third};
	struct who_question question;

	assert_int_equal(question_parse(arguments, third ? 3 : second ? 2 : 1, &question), -EINVAL);
}

static void test_kinds(void **state)
{
	asks("web", QUESTION_OBJECT, 0, "web");
	asks("/etc/shadow", QUESTION_OBJECT, 0, "/etc/shadow");
	asks("alpine:3.19", QUESTION_OBJECT, 0, "alpine:3.19");
	asks("1.2.3", QUESTION_OBJECT, 0, "1.2.3");
	asks("pids:7", QUESTION_OBJECT, 0, "pids:7");
	asks("4711", QUESTION_NUMBER, 4711, "4711");
	asks("2147483647", QUESTION_NUMBER, INT32_MAX, "2147483647");
	asks("2147483648", QUESTION_NUMBER, 0, "2147483648");
	asks("99999999999999999999999", QUESTION_NUMBER, 0, "99999999999999999999999");
	asks("04711", QUESTION_NUMBER, 0, "04711");
	asks("0", QUESTION_NUMBER, 0, "0");
	asks("pid:4711", QUESTION_PID, 4711, "4711");
	asks("pid 4711", QUESTION_PID, 4711, "4711");
	asks("container:4711", QUESTION_CONTAINER, 0, "4711");
	asks("10.1.2.3", QUESTION_IP, 0, "10.1.2.3");
	asks("fd00:0::1", QUESTION_IP, 0, "fd00::1");
	asks("ip:::1", QUESTION_IP, 0, "::1");
	asks("job:build", QUESTION_JOB, 0, "build");
	asks("gitlab 4711", QUESTION_JOB, 0, "4711");
	asks("gitlab pipeline 99", QUESTION_JOB, 0, "99");
	asks("https://ci.example.com/1", QUESTION_JOB, 0, "https://ci.example.com/1");
}

static void test_wrong(void **state)
{
	char text[2000];
	struct who_question question;

	for (const char *const *word =
		     (const char *const[]){"", "pid:", "pid:0", "pid:01", "pid:-1", "pid:1 ",
					   "pid:2147483648", "container:", "ip:", "ip:1.2.3",
					   "ip:1.2.3.4.5", "ip:[::1]", "job:", NULL};
	     *word; word++)
		is_wrong(*word, NULL, NULL);
	is_wrong("nosystem", "1", NULL);
	is_wrong("gitlab", "", NULL);
	is_wrong("gitlab", "task", "1");
	is_wrong("pid", "job", "1");
	assert_int_equal(question_parse(NULL, 0, &question), -EINVAL);
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	is_wrong(text, NULL, NULL);
}

static bool is_job(const char *const *arguments, unsigned int count, const char *system,
		   const char *pipeline, const char *job, const char *url)
{
	struct who_question question;

	assert_int_equal(question_parse(arguments, count, &question), 0);
	return question_is_job(&question, bytes_of(system), bytes_of(pipeline), bytes_of(job),
			       bytes_of(url));
}

#define IS_JOB(system, pipeline, job, url, ...)                                                    \
	is_job((const char *const[]){__VA_ARGS__}, COUNT(((const char *const[]){__VA_ARGS__})),    \
	       system, pipeline, job, url)

static void test_jobs(void **state)
{
	const char *const url = "https://ci.example.com/a/-/jobs/47";

	assert_true(IS_JOB("gitlab", "9", "47", url, "job:47"));
	assert_true(IS_JOB("gitlab", "9", "47", url, "job:9"));
	assert_true(IS_JOB("gitlab", "9", "47", url, "gitlab", "47"));
	assert_true(IS_JOB("gitlab", "9", "47", url, "gitlab", "job", "47"));
	assert_true(IS_JOB("gitlab", "9", "47", url, "gitlab", "pipeline", "9"));
	assert_false(IS_JOB("gitlab", "9", "47", url, "gitlab", "pipeline", "47"));
	assert_false(IS_JOB("gitlab", "9", "47", url, "gitlab", "job", "9"));
	assert_false(IS_JOB("jenkins", "9", "47", url, "gitlab", "47"));
	assert_false(IS_JOB(NULL, NULL, NULL, NULL, "job:47"));
	assert_false(IS_JOB("gitlab", NULL, NULL, NULL, "job:47"));
	assert_false(IS_JOB("gitlab", "9", "471", url, "job:47"));
	assert_true(IS_JOB("gitlab", "9", "47", url, url));
	assert_true(IS_JOB("gitlab", "9", "47", url, "https://ci.example.com/a/"));
	assert_false(IS_JOB("gitlab", "9", "47", url, "https://ci.example.com/a/-/jobs/4"));
	assert_false(IS_JOB("gitlab", "9", "47", url, "https://ci.example.com/a/-/jobs/471"));
	assert_false(IS_JOB("gitlab", "9", "47", NULL, url));
}

static void test_entities(void **state)
{
	assert_int_equal(subject_start(bytes_of("b0-47-1f")), 0x1f);
	assert_true(subject_start(bytes_of("b0-47-ffffffffffffffff")) == UINT64_MAX);
	assert_int_equal(subject_start(bytes_of("b0-47-1ffffffffffffffff")), 0);
	assert_int_equal(subject_start(bytes_of("b0-47-1g")), 0);
	assert_int_equal(subject_start(bytes_of("b0-47-")), 0);
	assert_int_equal(subject_start(bytes_of("47")), 0);
	assert_int_equal(subject_start((struct bytes){0}), 0);
	assert_true(subject_same_boot(bytes_of("b0-47-1f"), bytes_of("b0-1-2")));
	assert_false(subject_same_boot(bytes_of("b0-47-1f"), bytes_of("b-47-1f")));
	assert_false(subject_same_boot(bytes_of("-47-1f"), bytes_of("-47-1f")));
	assert_false(subject_same_boot((struct bytes){0}, (struct bytes){0}));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_wrong),
		cmocka_unit_test(test_jobs),
		cmocka_unit_test(test_entities),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
