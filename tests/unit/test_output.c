// SPDX-License-Identifier: Apache-2.0
#include "settings.h"

#include "agent/options/output.h"

static struct output parsed(const char *spec)
{
	struct output output;
	char reason[768] = "";

	if (output_parse(spec, false, &output, reason, sizeof(reason)))
		fail_msg("%s: %s", spec, reason);
	return output;
}

static void test_defaults(void **state)
{
	struct output output = parsed("file:/var/log/callerd.ndjson");

	assert_string_equal(output.sink.name, "file:/var/log/callerd.ndjson");
	assert_string_equal(output.sink.path, "/var/log/callerd.ndjson");
	assert_int_equal(output.sink.kind, SINK_FILE);
	assert_int_equal(output.sink.overflow, OVERFLOW_DROP_NEWEST);
	assert_int_equal(output.sink.queue_size, 32 << 20);
	assert_int_equal(output.sink.mode, 0600);
	assert_int_equal(output.sink.group, (gid_t)-1);
	assert_int_equal(output.sink.rotate_size, 0);
	assert_int_equal(output.sink.rotate_interval, 0);
	assert_int_equal(output.sink.fsync, FSYNC_INTERVAL);
	assert_true(output.sink.chain);
	assert_int_equal(output.format, FORMAT_ECS);
	assert_int_equal(output.min_severity, 0);
	assert_int_equal(output.actions, 0);
	assert_int_equal(output.findings, 0);
	assert_null(output.users);
	output_free(&output);
}

static void test_choices(void **state)
{
	struct output output = parsed("stdout,format=cef,min-severity=high,actions=api-request+"
				      "records-lost,findings=privileged+device,users=alice+1000");

	assert_string_equal(output.sink.name, "stdout");
	assert_int_equal(output.sink.kind, SINK_STDOUT);
	assert_int_equal(output.format, FORMAT_CEF);
	assert_int_equal(output.min_severity, 80);
	assert_int_equal(output.actions, 1u << RECORD_API_REQUEST | 1u << RECORD_RECORDS_LOST);
	assert_int_equal(output.findings, 1ull << FINDING_PRIVILEGED | 1ull << FINDING_DEVICE);
	assert_string_equal(output.users, "alice+1000");
	output_free(&output);
}

static void test_human(void **state)
{
	static const struct {
		const char *spec;
		enum record_format format;
	} cases[] = {
		{"stdout", FORMAT_HUMAN},
		{"stdout,format=ecs", FORMAT_ECS},
		{"file:/x", FORMAT_ECS},
		{"file:/x,detail=lineage", FORMAT_ECS},
		{"file:/x,format=ecs,detail=full", FORMAT_ECS_WHOLE},
		{"stdout,format=ecs,detail=reference", FORMAT_ECS_REFERENCE},
		{"file:/x,detail=reference", FORMAT_ECS_REFERENCE},
		{"syslog:tcp:loghost,detail=reference", FORMAT_ECS_REFERENCE},
		{"syslog:tls:loghost,detail=reference,overflow=drop-oldest", FORMAT_ECS_REFERENCE},
		{"journal", FORMAT_JOURNAL},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct output output;
		char reason[768];

		assert_int_equal(output_parse(cases[i].spec, true, &output, reason, sizeof(reason)),
				 0);
		assert_int_equal(output.format, cases[i].format);
		output_free(&output);
	}
}

static void test_file(void **state)
{
	struct output output = parsed(
		"file:/a:b,mode=0640,group=0,rotate-size=10M,rotate-interval=1d,keep=30,fsync="
		"always,chain=no,queue-size=1M,overflow=drop-oldest");

	assert_string_equal(output.sink.path, "/a:b");
	assert_int_equal(output.sink.mode, 0640);
	assert_int_equal(output.sink.group, 0);
	assert_int_equal(output.sink.rotate_size, 10 << 20);
	assert_int_equal(output.sink.rotate_interval, 86400);
	assert_int_equal(output.sink.keep, 30);
	assert_int_equal(output.sink.fsync, FSYNC_ALWAYS);
	assert_false(output.sink.chain);
	assert_int_equal(output.sink.queue_size, 1 << 20);
	assert_int_equal(output.sink.overflow, OVERFLOW_DROP_OLDEST);
	output_free(&output);
	output = parsed("file:/x,group=root,format=ocsf,seal-lines=7,seal-interval=5m");
	assert_int_equal(output.sink.mode, 0640); /* a group is there to read it */
	assert_true(output.sink.chain);
	assert_int_equal(output.sink.seal_lines, 7);
	assert_int_equal(output.sink.seal_interval, 300);
	output_free(&output);
	output = parsed("file:/x,format=human");
	assert_false(output.sink.chain);
	output_free(&output);
}

static void test_syslog(void **state)
{
	static const struct {
		const char *spec;
		enum sink_transport transport;
		const char *path, *host, *port;
		enum sink_header header;
	} cases[] = {
		{"syslog", TRANSPORT_UNIX, "/dev/log", NULL, NULL, HEADER_LOCAL},
		{"syslog:unix:/run/x:y", TRANSPORT_UNIX, "/run/x:y", NULL, NULL, HEADER_LOCAL},
		{"syslog:unix:/run/x,header=rfc5424", TRANSPORT_UNIX, "/run/x", NULL, NULL,
		 HEADER_RFC5424},
		{"syslog:udp:loghost", TRANSPORT_UDP, NULL, "loghost", "514", HEADER_RFC5424},
		{"syslog:tcp:10.0.0.1:601", TRANSPORT_TCP, NULL, "10.0.0.1", "601", HEADER_RFC5424},
		{"syslog:tls:[2001:db8::1]:6515", TRANSPORT_TLS, NULL, "2001:db8::1", "6515",
		 HEADER_RFC5424},
		{"syslog:tls:[::1]", TRANSPORT_TLS, NULL, "::1", "6514", HEADER_RFC5424},
	};
	struct output output;

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		output = parsed(cases[i].spec);
		assert_int_equal(output.sink.kind, SINK_SYSLOG);
		assert_int_equal(output.sink.transport, cases[i].transport);
		assert_int_equal(output.sink.header, cases[i].header);
		assert_int_equal(output.sink.facility, 13);
		if (cases[i].path)
			assert_string_equal(output.sink.path, cases[i].path);
		if (cases[i].host)
			assert_string_equal(output.sink.host, cases[i].host);
		if (cases[i].port)
			assert_string_equal(output.sink.port, cases[i].port);
		output_free(&output);
	}
	output = parsed("syslog:tls:loghost,ca=/ca,cert=/cert,key=/key,server-name=n,facility="
			"local7,spool=/var/spool/callerd,spool-size=1G,format=rfc5424");
	assert_string_equal(output.sink.ca, "/ca");
	assert_string_equal(output.sink.cert, "/cert");
	assert_string_equal(output.sink.key, "/key");
	assert_string_equal(output.sink.server_name, "n");
	assert_int_equal(output.sink.facility, 23);
	assert_int_equal(output.sink.overflow, OVERFLOW_SPOOL);
	assert_string_equal(output.sink.spool, "/var/spool/callerd");
	assert_int_equal(output.sink.spool_size, 1 << 30);
	assert_true(output.sink.complete);
	output_free(&output);
}

static void test_journal(void **state)
{
	struct output output = parsed("journal,users=alice");

	assert_int_equal(output.sink.kind, SINK_JOURNAL);
	assert_int_equal(output.format, FORMAT_JOURNAL);
	assert_string_equal(output.sink.path, "/run/systemd/journal/socket");
	output_free(&output);
	output = parsed("journal:/run/systemd/journal.callerd/socket");
	assert_string_equal(output.sink.path, "/run/systemd/journal.callerd/socket");
	output_free(&output);
}

static void test_refused(void **state)
{
	static const struct {
		const char *spec, *why;
	} cases[] = {
		{"stdout,", NULL},
		{"", "unknown output \"\""},
		{"nowhere", "unknown output \"nowhere\""},
		{"stdout:", "unknown output"},
		{"stdout:x", "unknown output"},
		{"file", "unknown output"},
		{"file:", "unknown output"},
		{"file:,mode=0600", "unknown output"},
		{"journal:", "unknown output"},
		{"syslog:", "unknown output"},
		{"syslog:unix", "unknown output"},
		{"syslog:unix:", "unknown output"},
		{"syslog:relp:loghost", "unknown output"},
		{"syslog:tcp:", "unknown output"},
		{"syslog:tcp::514", "unknown output"},
		{"syslog:tcp:loghost:", "unknown output"},
		{"syslog:tcp:2001:db8::1", "unknown output"},
		{"syslog:tcp:[::1", "unknown output"},
		{"syslog:tcp:[::1]514", "unknown output"},
		{"stdout,format", "there is no such option"},
		{"stdout,format=", "it is ecs, human"},
		{"stdout,format=ECS", "it is ecs, human"},
		{"stdout,format=journal", "it is ecs, human"},
		{"journal,format=ecs", "there is no such option of journal"},
		{"stdout,format=ecs,format=cef", "given twice"},
		{"stdout,colour=red", "there is no such option of stdout"},
		{"stdout,mode=0600", "there is no such option of stdout"},
		{"stdout,detail=all", "it is lineage, full or reference"},
		{"stdout,format=cef,detail=reference", "detail= goes with format=ecs"},
		{"syslog:udp:h,detail=reference", "detail=reference goes with file:, stdout"},
		{"syslog,detail=reference", "nobody knows which datagrams arrive"},
		{"journal,detail=reference", "there is no such option of journal"},
		{"stdout,actions=caller-seen", "there is no such action"},
		{"file:/x,ca=/ca", "there is no such option of file:/x"},
		{"stdout,min-severity=", "it is 0 to 100"},
		{"stdout,min-severity=101", "it is 0 to 100"},
		{"stdout,min-severity=-1", "it is 0 to 100"},
		{"stdout,min-severity=5x", "it is 0 to 100"},
		{"stdout,actions=", "it names no action"},
		{"stdout,actions=api-request+nothing", "there is no such action"},
		{"stdout,findings=privileged+nothing", "there is no such finding"},
		{"stdout,findings=", "it names no finding"},
		{"stdout,users=", "it names no user"},
		{"stdout,overflow=block", "it is drop-newest"},
		{"stdout,overflow=spool", "overflow=spool needs spool=DIRECTORY"},
		{"stdout,overflow=drop-oldest,spool=/x", "go with overflow=spool"},
		{"stdout,spool-size=1G", "go with overflow=spool"},
		{"stdout,spool=x", "absolute path"},
		{"stdout,spool=/x,spool-size=1023K", "it is 1M or more"},
		{"stdout,queue-size=1", "it is 64K to 1G"},
		{"stdout,queue-size=2G", "it is 64K to 1G"},
		{"stdout,queue-size=1MB", "it is 64K to 1G"},
		{"stdout,queue-size=99999999999999999999", "it is 64K to 1G"},
		{"stdout,spool=/x,spool-size=99999999T", "it is 1M or more"},
		{"file:/x,mode=600x", "it is octal"},
		{"file:/x,mode=0400", "it is octal"},
		{"file:/x,mode=4600", "it is octal"},
		{"file:/x,mode=0666", "everybody could write to it"},
		{"file:/x,group=no-such-group", "there is no such group"},
		{"file:/x,rotate-size=63K", "it is 64K or more"},
		{"file:/x,rotate-interval=0", "it is a number of seconds"},
		{"file:/x,rotate-interval=1w", "it is a number of seconds"},
		{"file:/x,rotate-size=1M,keep=0", "it is 1 to 10000"},
		{"file:/x,keep=3", "keep= goes with"},
		{"file:/x,fsync=yes", "it is none, interval or always"},
		{"file:/x,chain=maybe", "it is yes or no"},
		{"file:/x,chain=yes,format=cef", "chain=yes goes with"},
		{"file:/x,seal-lines=0", "it is 1 or more"},
		{"file:/x,seal-interval=2d", "up to a day"},
		{"syslog,facility=local8", "it is 0 to 23"},
		{"syslog,facility=24", "it is 0 to 23"},
		{"syslog,header=bsd", "it is rfc5424 or local"},
		{"syslog,format=rfc5424,header=local", "has a header of its own"},
		{"syslog,format=rfc5424", "say header=rfc5424"},
		{"syslog,format=rfc5424,header=rfc5424", NULL},
		{"syslog,ca=/x", "go with syslog:tls:"},
		{"syslog:tls:h,ca=", "it names no file"},
		{"syslog:tls:h,cert=/x", "cert= and key= go together"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct output output;
		char reason[768] = "";
		int error = output_parse(cases[i].spec, false, &output, reason, sizeof(reason));

		output_free(&output);
		if (error != (cases[i].why ? -EINVAL : 0) ||
		    (cases[i].why && !strstr(reason, cases[i].why)))
			fail_msg("%s: %d %s", cases[i].spec, error, reason);
	}
}

/* --- what goes there -------------------------------------------------------------------------- */

static bool name_user(void *data, uint32_t uid, char *name, size_t size)
{
	snprintf(name, size, "%s", uid == 1000 ? "alice" : "");
	return uid == 1000;
}

static const struct record_context context = {.user_name = name_user};

static bool takes(const char *spec, const struct record *record)
{
	struct output output = parsed(spec);
	struct output_offer offer = {.record = record, .context = &context};
	bool taken = output_takes(&output, &offer);

	output_offer_free(&offer);
	output_free(&output);
	return taken;
}

static void test_severities(void **state)
{
	struct finding finding = {FINDING_PRIVILEGED, SEVERITY_CRITICAL};
	struct record grave = {.action = RECORD_API_REQUEST,
			       .api = {.findings = &finding, .finding_count = 1}};
	struct record usual = {.action = RECORD_API_REQUEST};
	struct record housekeeping = {.action = RECORD_AGENT_STATUS};
	struct record lost = {.action = RECORD_RECORDS_LOST};

	assert_true(takes("stdout,min-severity=critical", &grave));
	assert_false(takes("stdout,min-severity=21", &usual));
	assert_true(takes("stdout,min-severity=20", &usual));
	assert_false(takes("stdout,min-severity=1", &housekeeping));
	assert_true(takes("stdout,min-severity=0", &housekeeping));
	assert_true(takes("stdout,min-severity=100", &lost)); /* whoever filters has to know, too */
}

static void test_actions(void **state)
{
	struct record request = {.action = RECORD_API_REQUEST};
	struct record event = {.action = RECORD_DOCKER_EVENT};
	struct record lost = {.action = RECORD_RECORDS_LOST};

	assert_true(takes("stdout,actions=docker-event", &event));
	assert_false(takes("stdout,actions=docker-event", &request));
	assert_false(takes("stdout,actions=docker-event", &lost));
	assert_true(takes("stdout,actions=docker-event+records-lost", &lost));
}

static void test_findings(void **state)
{
	struct finding findings[] = {{FINDING_DEVICE, SEVERITY_HIGH, {0}},
				     {FINDING_PRIVILEGED, SEVERITY_HIGH, {0}}};
	struct record record = {
		.action = RECORD_API_REQUEST,
		.api = {.findings = findings, .finding_count = 2},
	};

	assert_true(takes("stdout,findings=privileged", &record));
	assert_true(takes("stdout,findings=plugin+device", &record));
	assert_false(takes("stdout,findings=plugin", &record));
	record.api.finding_count = 0;
	assert_false(takes("stdout,findings=privileged", &record));
}

static void test_users(void **state)
{
	struct caller caller = {.process.euid = 0, .login_uid = 1000};
	struct record record = {.action = RECORD_API_REQUEST, .caller = &caller};
	struct record nobody = {.action = RECORD_API_REQUEST};

	assert_true(takes("stdout,users=alice", &record));
	assert_true(takes("stdout,users=bob+1000", &record));
	assert_true(takes("stdout,users=0", &record));
	assert_false(takes("stdout,users=bob+100", &record));
	assert_false(takes("stdout,users=alice", &nobody));
	caller.login_uid = CALLERD_UNSET_ID;
	assert_false(takes("stdout,users=alice+4294967295", &record));
}

static void test_where(void **state)
{
	struct caller caller = {.process.euid = 0, .login_uid = 1000};
	struct record record = {.action = RECORD_API_REQUEST, .caller = &caller};
	struct record lost = {.action = RECORD_RECORDS_LOST};

	assert_true(takes("stdout,format=cef,where=user in (bob, alice)", &record));
	assert_false(takes("stdout,where=not user in (bob, alice)", &record));
	assert_false(takes("stdout,users=bob,where=user = alice", &record));
	assert_true(takes("stdout,where=user = bob", &lost));
}

static void test_same_sink(void **state)
{
	static const struct {
		const char *a, *b;
		bool place, sink;
	} table[] = {
		{"file:/a", "file:/a", true, true},
		{"file:/a", "file:/ab", false, false},
		{"file:/a", "file:/a,min-severity=high", true, true},
		{"file:/a,users=a+b,keep=2", "file:/a,keep=2,actions=api-request", true, true},
		{"file:/a,keep=2", "file:/a,keep=3", true, false},
		{"file:/a,keep=2", "file:/a", true, false},
		{"file:/a", "file:/a,format=cef", true, false},
		{"stdout", "stdout,format=cef,findings=prune", true, true},
		{"stdout,queue-size=1M", "stdout", true, false},
		{"journal", "journal,min-severity=low", true, true},
		{"journal", "syslog", false, false},
		{"file:/a,keep=2,where=pid in (1,2)", "file:/a,keep=2", true, true},
		{"file:/a,keep=2,where=pid in (1,2)", "file:/a,where=pid in (1,3)", true, false},
	};

	for (size_t i = 0; i < COUNT(table); i++) {
		assert_int_equal(output_is_same_place(table[i].a, table[i].b), table[i].place);
		assert_int_equal(output_is_same_place(table[i].b, table[i].a), table[i].place);
		assert_int_equal(output_is_same_sink(table[i].a, table[i].b), table[i].sink);
		assert_int_equal(output_is_same_sink(table[i].b, table[i].a), table[i].sink);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),  cmocka_unit_test(test_choices),
		cmocka_unit_test(test_human),	  cmocka_unit_test(test_file),
		cmocka_unit_test(test_syslog),	  cmocka_unit_test(test_journal),
		cmocka_unit_test(test_refused),	  cmocka_unit_test(test_severities),
		cmocka_unit_test(test_actions),	  cmocka_unit_test(test_findings),
		cmocka_unit_test(test_users),	  cmocka_unit_test(test_where),
		cmocka_unit_test(test_same_sink),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
