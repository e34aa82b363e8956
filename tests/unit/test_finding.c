// SPDX-License-Identifier: Apache-2.0
#include "unit.h"

#include "record/finding.h"

/* Ids end up in records, in policies and in what others make of them: they do not change. */
static const char *const ids[FINDINGS] = {
	NULL,
	"privileged",
	"host-root-mount",
	"host-path-mount",
	"engine-socket-mount",
	"host-pid",
	"host-network",
	"host-ipc",
	"host-uts",
	"host-userns",
	"host-cgroupns",
	"join-container-namespace",
	"cap-add",
	"device",
	"security-disabled",
	"volume-host-path",
	"other-runtime",
	"oci-hook",
	"runtime-binary",
	"log-destination",
	"checkpoint-directory",
	"network-exposed",
	"exec-privileged",
	"exec-root",
	"root-container-entered",
	"container-file-write",
	"container-file-read",
	"container-update",
	"image-load",
	"image-push",
	"build-host-network",
	"build-insecure",
	"build-frontend",
	"build-exec",
	"build-secret",
	"build-history-removed",
	"build-differs",
	"plugin",
	"swarm",
	"secret-access",
	"debug-endpoint",
	"prune",
	"remove-many",
	"unknown-operation",
	"grpc-service-unknown",
	"body-not-seen",
	"protocol-anomaly",
	"sender-differs",
	"caller-forged",
	"executable-forged",
	"server-differs",
	"called-from-container",
	"not-judged",
	"opaque-stream",
	"socket-exposed",
	"socket-replaced",
	"socket-removed",
	"access-granted",
	"sudoers-changed",
	"engine-configuration-changed",
	"engine-program-changed",
	"engine-tcp",
};

static void test_ids(void **state)
{
	for (int id = FINDING_NONE + 1; id < FINDINGS; id++) {
		const struct finding_kind *kind = finding_kind((enum finding_id)id);

		assert_non_null(kind->id);
		assert_string_equal(kind->id, ids[id]);
		assert_int_equal(finding_by_name(kind->id, strlen(kind->id)), id);
	}
}

static enum finding_id by_name(const char *name)
{
	size_t size = strlen(name);
	char *copy = exact_copy(name, size);
	enum finding_id id = finding_by_name(copy, size);

	free(copy);
	return id;
}

static void test_unknown_ids(void **state)
{
	static const char *const names[] = {"",		  "p",	 "privilege", "privilegedx",
					    "Privileged", "none"};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		assert_int_equal(by_name(names[i]), FINDING_NONE);
	assert_int_equal(by_name("privileged"), FINDING_PRIVILEGED);
	assert_null(finding_kind(FINDING_NONE)->id);
	assert_null(finding_kind(FINDINGS)->id);
	assert_int_equal(finding_kind(FINDING_NONE)->severity, SEVERITY_NONE);
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* T1234 or T1234.001 */
static bool is_technique(const char *id)
{
	size_t size = strlen(id);

	if (id[0] != 'T' || (size != 5 && (size != 9 || id[5] != '.')))
		return false;
	for (size_t i = 1; i < size; i++)
		if (i != 5 && !is_digit(id[i]))
			return false;
	return true;
}

static void test_each_is_told(void **state)
{
	for (int id = FINDING_NONE + 1; id < FINDINGS; id++) {
		const struct finding_kind *kind = finding_kind((enum finding_id)id);
		size_t size = kind->meaning ? strlen(kind->meaning) : 0;

		assert_in_range(kind->severity, SEVERITY_INFO, SEVERITY_CRITICAL);
		assert_true(!kind->technique ||
			    is_technique(finding_technique_name(kind->technique)));
		assert_in_range(size, 20, 100);
		assert_int_equal(kind->meaning[size - 1], '.');
		assert_null(strchr(kind->meaning, '\n'));
	}
}

static void test_some_severities(void **state)
{
	assert_int_equal(finding_kind(FINDING_PRIVILEGED)->severity, SEVERITY_CRITICAL);
	assert_int_equal(finding_kind(FINDING_HOST_PID)->severity, SEVERITY_HIGH);
	assert_int_equal(finding_kind(FINDING_HOST_NETWORK)->severity, SEVERITY_MEDIUM);
	assert_int_equal(finding_kind(FINDING_CONTAINER_FILE_READ)->severity, SEVERITY_LOW);
	assert_int_equal(finding_kind(FINDING_OPAQUE_STREAM)->severity, SEVERITY_INFO);
}

static void test_severity_names(void **state)
{
	static const struct {
		enum finding_severity severity;
		const char *name;
		unsigned int number;
	} severities[] = {
		{SEVERITY_INFO, "info", 20},	      {SEVERITY_LOW, "low", 40},
		{SEVERITY_MEDIUM, "medium", 60},      {SEVERITY_HIGH, "high", 80},
		{SEVERITY_CRITICAL, "critical", 100},
	};

	for (size_t i = 0; i < sizeof(severities) / sizeof(*severities); i++) {
		const char *name = severities[i].name;

		assert_string_equal(finding_severity_name(severities[i].severity), name);
		assert_int_equal(finding_severity_by_name(name, strlen(name)),
				 severities[i].severity);
		assert_int_equal(finding_severity_by_name(name, strlen(name) - 1), SEVERITY_NONE);
		assert_int_equal(finding_severity_number(severities[i].severity),
				 severities[i].number);
	}
	assert_null(finding_severity_name(SEVERITY_NONE));
	assert_null(finding_severity_name((enum finding_severity)6));
	assert_int_equal(finding_severity_number(SEVERITY_NONE), 0);
	assert_int_equal(finding_severity_number((enum finding_severity)6), 0);
	assert_int_equal(finding_severity_by_name("", 0), SEVERITY_NONE);
	assert_int_equal(finding_severity_by_name("High", 4), SEVERITY_NONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ids),
		cmocka_unit_test(test_unknown_ids),
		cmocka_unit_test(test_each_is_told),
		cmocka_unit_test(test_some_severities),
		cmocka_unit_test(test_severity_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
