// SPDX-License-Identifier: Apache-2.0
#include "unit.h"

#include "base/text.h"
#include "docker/api/shapes.h"
#include "docker/containerd/containerd.h"
#include "docker/judge/judge.h"
#include "messages.h"

/* The specifications that came, each behind a bar. */
static void take_spec(void *data, struct bytes piece, bool begins)
{
	if (begins)
		text_add_char(data, '|');
	text_add_bytes(data, piece);
}

static struct containerd *read_message(enum containerd_message kind, const struct text *message,
				       struct text *specs)
{
	struct containerd *containerd = containerd_new(kind, take_spec, specs);
	const char prefix[] = {0, 0, (char)(message->size >> 16), (char)(message->size >> 8),
			       (char)message->size};

	assert_non_null(containerd);
	containerd_feed(containerd, (struct bytes){prefix, sizeof(prefix)});
	assert_false(containerd_is_complete(containerd));
	for (size_t i = 0; i < message->size; i++)
		containerd_feed(containerd, (struct bytes){message->data + i, 1});
	assert_true(containerd_is_complete(containerd));
	return containerd;
}

/* The last one counts, also an empty one; whoever takes them is told where each begins. */
static void test_specifications(void **state)
{
	_cleanup_(text_free) struct text any = {0}, container = {0}, message = {0}, specs = {0};
	struct containerd *containerd;

	put_string(&any, 2, "{\"a\":1}");
	put_string(&any, 2, "");
	put_string(&any, 1, "type");
	put_string(&container, 1, "first");
	put_text(&container, 5, text_since(&any, 0));
	put_text(&container, 5, text_since(&any, 0));
	put_string(&container, 1, "last");
	put_text(&message, 1, text_since(&container, 0));
	containerd = read_message(CONTAINERD_TO_CREATE, &message, &specs);
	text_add_char(&specs, '\0');
	assert_string_equal(specs.data, "|{\"a\":1}||{\"a\":1}|");
	assert_int_equal(containerd_specs(containerd), 4);
	assert_true(bytes_are(containerd_text(containerd, CONTAINERD_ID), "last"));
	assert_true(bytes_are(containerd_text(containerd, CONTAINERD_SPEC), "type"));
	assert_null(containerd_trouble(containerd));
	containerd_free(containerd);
}

static void test_mounts(void **state)
{
	_cleanup_(text_free) struct text mount = {0}, message = {0}, specs = {0};
	const struct containerd_item *item;
	struct containerd *containerd;

	put_string(&mount, 1, "overlay");
	put_string(&mount, 4, "lowerdir=/a");
	put_string(&mount, 2, "x");
	put_string(&mount, 4, "ro");
	put_text(&message, 3, text_since(&mount, 0));
	put_string(&message, 5, "/out");
	containerd = read_message(CONTAINERD_TO_RUN, &message, &specs);
	item = containerd_items(containerd);
	assert_int_equal(item->kind, CONTAINERD_MOUNT);
	assert_true(bytes_are(item->text, "overlay") && bytes_are(item->source, "x"));
	assert_true(bytes_are(item->options, "lowerdir=/a,ro"));
	assert_int_equal(item->next->kind, CONTAINERD_STREAM);
	assert_null(item->next->next);
	containerd_free(containerd);
}

/* What decides is missed with a word; of what only tells a part is enough. */
static void test_bounds(void **state)
{
	_cleanup_(text_free) struct text mount = {0}, mounts = {0}, words = {0}, specs = {0};
	struct containerd *containerd;

	put_string(&mount, 1, "bind");
	for (int i = 0; i < 129; i++) {
		put_text(&mounts, 3, text_since(&mount, 0));
		put_string(&words, 2, "word");
	}
	containerd = read_message(CONTAINERD_TO_RUN, &mounts, &specs);
	assert_string_equal(containerd_trouble(containerd), "it has more than is kept");
	containerd_free(containerd);
	containerd = read_message(CONTAINERD_FOR_EXEC, &words, &specs);
	assert_null(containerd_trouble(containerd));
	containerd_free(containerd);
	containerd = read_message(CONTAINERD_TO_CREATE,
				  &(struct text){.data = "\x0a\x02\xff", .size = 3}, &specs);
	assert_non_null(containerd_trouble(containerd));
	containerd_free(containerd);
	assert_null(containerd_new(CONTAINERD_NOTHING, take_spec, NULL));
}

/* Of an enumeration Go takes the lower 32 bits, of a flag each bit. */
static void test_wide_numbers(void **state)
{
	static const char wide[] = "\x82\x80\x80\x80\x10"; /* 1 << 32 | 2 */
	_cleanup_(text_free) struct text namespaces = {0}, security = {0}, linux_part = {0},
					 config = {0}, message = {0}, specs = {0};
	struct containerd *containerd;

	text_add_string(&namespaces, "\x10");
	text_add_string(&namespaces, wide);
	put_text(&security, 3, text_since(&namespaces, 0));
	text_add_string(&security, "\x10\x80\x80\x80\x80\x10");
	put_text(&linux_part, 2, text_since(&security, 0));
	put_text(&config, 15, text_since(&linux_part, 0));
	put_text(&message, 2, text_since(&config, 0));
	containerd = read_message(CONTAINERD_FOR_CONTAINER, &message, &specs);
	assert_int_equal(containerd_number(containerd, CONTAINERD_PID_MODE), 2);
	assert_true(containerd_number(containerd, CONTAINERD_PRIVILEGED));
	assert_null(containerd_trouble(containerd));
	containerd_free(containerd);
}

/* --- what is found ------------------------------------------------------------------------------ */

/* Adds what JUDGE finds in MESSAGE, each behind a bar; SPEC, with ' for ", is its specification, if any. */
static void find(struct text *out, enum containerd_message kind, const struct text *message,
		 const char *namespace, const char *spec, void (*judge)(struct judging *judging))
{
	_cleanup_(text_free) struct text specs = {0}, json = {0};
	struct containerd *containerd = read_message(kind, message, &specs);
	struct verdict verdict = {0};
	struct judging judging = {
		.verdict = &verdict, .containerd = containerd, .namespace = bytes_of(namespace)};
	struct body *body = NULL;

	if (spec) {
		text_add_string(&json, spec);
		for (size_t i = 0; i < json.size; i++)
			json.data[i] = json.data[i] == '\'' ? '"' : json.data[i];
		assert_int_equal(body_new(&shape_oci_spec, 1 << 20, NULL, &body), 0);
		assert_int_equal(body_feed(body, json.data, json.size), 0);
		judging.body = body_value(body);
		assert_non_null(judging.body);
	}
	judge(&judging);
	text_cut(out, 0);
	text_add_char(out, '|');
	for (unsigned int i = 0; i < verdict.finding_count; i++) {
		text_add_string(out, finding_kind(verdict.findings[i].id)->id);
		text_add_char(out, ' ');
		text_add_string(out, finding_severity_name(verdict.findings[i].severity));
		text_add_string(out, ": ");
		text_add_bytes(out, verdict.findings[i].detail);
		text_add_char(out, '|');
	}
	verdict_free(&verdict);
	body_free(body);
	containerd_free(containerd);
}

/* WANTED is one of what was FOUND; NULL: nothing is. */
static void check_found(const struct text *found, const char *what, const char *wanted)
{
	bool is = wanted ? strstr(found->data, wanted) != NULL : !strcmp(found->data, "|");

	if (!is)
		print_error("%s\nfinds  %s\nwanted %s\n", what, found->data, wanted ?: "nothing");
	assert_true(is);
}

static void test_streams(void **state)
{
	static const char *const cases[][2] = {
		{"/run/containerd/fifo/1/x", NULL},
		{"fifo:///run/containerd/fifo/1/x", NULL},
		{"file:///run/containerd/log", NULL},
		{"/srv/a:b", NULL},
		{"binary:///x", "|runtime-binary critical: a program for the output: binary:///x|"},
		{"Binary:///x", "|runtime-binary critical: a program for the output: Binary:///x|"},
		{"binary-v2:///x", "|runtime-binary critical: "},
		{"/etc/shadow", "|log-destination critical: input or output: /etc/shadow"},
		{"file:/etc/cron.d/x", "|log-destination critical: input or output: /etc/cron.d/x"},
		{"FILE:///etc/cron.d/x", "|log-destination critical: "},
		{"file://host/etc/cron.d/x", "|log-destination critical: "},
		{"file:///etc/shadow?a",
		 "|log-destination critical: input or output: /etc/shadow:"},
		{"file:///etc/shadow#a",
		 "|log-destination critical: input or output: /etc/shadow:"},
		{"file:///run/containerd/%2e%2e/%2E%2e/etc/shadow", "|log-destination critical: "},
		{"file:///srv/x", "|log-destination high: the runtime writes to /srv/x|"},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		_cleanup_(text_free) struct text message = {0}, found = {0};

		put_string(&message, 5, cases[i][0]);
		find(&found, CONTAINERD_TO_RUN, &message, "default", NULL, judge_oci_run);
		check_found(&found, cases[i][0], cases[i][1]);
	}
}

/* As the root of a container. */
static void test_mounted(void **state)
{
	static const struct {
		const char *type, *source, *options[3], *wanted;
	} cases[] = {
		{"bind", "/srv/x", {"rbind"}, NULL},
		{"bind", "etc", {"rbind"}, "|host-path-mount critical: "},
		{"bind", "etc", {"rbind"}, "|not-judged high: mounts.source: etc|"},
		{"bind", ".", {"rbind"}, "|host-root-mount critical: "},
		{"bind", "", {"rbind"}, "|not-judged high: mounts.source: |"},
		{"bind", "/etc", {"ro"}, "read-only"},
		{"bind", "/etc", {"ro", "rw"}, "read-write"},
		{"bind", "/etc", {"rro", "rrw"}, "read-write"},
		{"bind", "/etc", {"rw", "ro"}, "read-write"},
		{"proc", "proc", {"ro"}, "read-only"},
		{"proc", "proc", {"rro"}, "read-write"},
		{"proc", "proc", {"ro", "rw"}, "read-write"},
		{"overlay", "x", {"upperdir=/srv/a", "workdir=/srv/b", "index=off"}, NULL},
		{"overlay",
		 "/srv/x",
		 {"rbind", "upperdir=/etc"},
		 "|host-path-mount critical: /etc "},
		{"aufs", "/srv/x", {"rbind", "br:/etc"}, "|not-judged high: mounts.type: aufs|"},
		{"overlay",
		 "x",
		 {"upperdir=/srv/x,y/../../../etc"},
		 "|host-path-mount critical: /etc "},
		{"overlay",
		 "x",
		 {"upperdir=/srv/x,a=b/../shadow"},
		 "|not-judged high: mounts.options: a=b/../shadow|"},
		{"bind",
		 "/var/lib/containerd/io.containerd.snapshotter.v1.overlayfs/snapshots/7/fs",
		 {"rbind"},
		 NULL},
		{"bind",
		 "/var/lib/containerd/io.containerd.snapshotter.v1.btrfs/active/7",
		 {"rbind"},
		 NULL},
		{"bind",
		 "/var/lib/containerd/io.containerd.snapshotter.v1.btrfs/view/7",
		 {"rbind"},
		 NULL},
		{"bind",
		 "/var/lib/containerd/io.containerd.snapshotter.v1.overlayfs/snapshots",
		 {"rbind"},
		 "|host-path-mount critical: "},
		{"bind",
		 "/var/lib/containerd/io.containerd.snapshotter.v1.overlayfs",
		 {"rbind"},
		 "|host-path-mount critical: "},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		_cleanup_(text_free) struct text mount = {0}, message = {0}, found = {0};

		put_string(&mount, 1, cases[i].type);
		put_string(&mount, 2, cases[i].source);
		for (size_t j = 0; j < COUNT(cases[i].options) && cases[i].options[j]; j++)
			put_string(&mount, 4, cases[i].options[j]);
		put_text(&message, 3, text_since(&mount, 0));
		find(&found, CONTAINERD_TO_RUN, &message, "default", NULL, judge_oci_run);
		check_found(&found, cases[i].source, cases[i].wanted);
	}
}

/* ABSENT: WANTED is not found. */
static void check_spec(const char *namespace, const char *id, const char *spec, const char *wanted,
		       bool absent)
{
	_cleanup_(text_free) struct text container = {0}, message = {0}, found = {0};

	put_string(&container, 1, id);
	put_text(&message, 1, text_since(&container, 0));
	find(&found, CONTAINERD_TO_CREATE, &message, namespace, spec, judge_oci_create);
	if (absent)
		assert_null(strstr(found.data, wanted));
	else
		check_found(&found, id, wanted);
}

static void test_specified(void **state)
{
	_cleanup_(text_free) struct text spec = {0};

	check_spec("a", "b", "{'root':{'path':'rootfs'}}", "mounts.source", true);
	check_spec("a", "b", "{'root':{'path':''}}", "mounts.source", true);
	check_spec("a", "b", "{'root':{'path':'etc'}}", "|not-judged high: mounts.source: etc|",
		   false);
	check_spec("a", "b", "{'linux':{'cgroupsPath':'/a/b'}}", "cgroup parent", true);
	check_spec("a", "b", "{'linux':{'cgroupsPath':'/c/b'}}",
		   "|other-runtime medium: cgroup parent /c/b|", false);
	check_spec("system.slice", "b.service",
		   "{'linux':{'cgroupsPath':'/system.slice/b.service'}}",
		   "|other-runtime medium: cgroup parent /system.slice/b.service|", false);
	check_spec("a", "b.service", "{'linux':{}}",
		   "|other-runtime medium: cgroup parent b.service|", false);
	check_spec("a.slice", "b", "{'linux':{'cgroupsPath':'/a.slice/b'}}", "cgroup parent /a",
		   false);
	check_spec("a", "b",
		   "{'mounts':[{'type':'sysfs','source':'sysfs','destination':'/s',"
		   "'options':['ro','rw']}]}",
		   "/sys mounted read-write", false);
	/* An option behind many others. */
	text_add_string(&spec, "{'mounts':[{'type':'none','source':'/','destination':'/h',"
			       "'options':[");
	for (int i = 0; i < 4000; i++)
		text_add_string(&spec, "'nosuid',");
	text_add_string(&spec, "'rbind']}]}");
	check_spec("a", "b", spec.data, "|host-root-mount critical: / mounted read-write at /h|",
		   false);
}

/* What the runtime is told by options of its own. */
static void test_runtime_options(void **state)
{
	static const struct {
		const char *type;
		unsigned int number;
		const char *value, *wanted;
	} cases[] = {
		{"containerd.runc.v1.Options", 7, "/srv/x",
		 "|not-judged high: runtime's root: /srv/x|"},
		{"containerd.runc.v1.Options", 7, "/run/docker/runtime-runc", NULL},
		{"containerd.runc.v1.Options", 7, "/run/docker/../x",
		 "|not-judged high: runtime's root: "},
		{"containerd.runc.v1.Options", 10, "/srv/x",
		 "|not-judged high: images of checkpoints: /srv/x|"},
		{"containerd.runc.v1.Options", 11, "/srv/x",
		 "|not-judged high: work on checkpoints: /srv/x|"},
		{"containerd.runc.v1.Options", 3, "/a", NULL},
		{"containerd.linux.runc.RuncOptions", 2, "/srv/x",
		 "|not-judged high: runtime's root: /srv/x|"},
		{"containerd.linux.runc.RuncOptions", 3, "/srv/x",
		 "|runtime-binary critical: runtime's program for checkpoints /srv/x|"},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		_cleanup_(text_free) struct text options = {0}, any = {0}, message = {0},
						 found = {0};

		put_string(&options, cases[i].number, cases[i].value);
		put_string(&any, 1, cases[i].type);
		put_text(&any, 2, text_since(&options, 0));
		put_text(&message, 9, text_since(&any, 0));
		find(&found, CONTAINERD_TO_RUN, &message, "default", NULL, judge_oci_run);
		check_found(&found, cases[i].value, cases[i].wanted);
	}
}

static void test_checkpoints(void **state)
{
	for (unsigned int number = 8; number < 10; number++) {
		_cleanup_(text_free) struct text options = {0}, any = {0}, message = {0},
						 found = {0};

		put_string(&message, 1, "id");
		find(&found, CONTAINERD_TO_CHECKPOINT, &message, "default", NULL,
		     judge_cri_checkpoint);
		check_found(&found, "no directory", NULL);
		put_string(&options, number, "/etc/x");
		put_string(&any, 1, "containerd.runc.v1.CheckpointOptions");
		put_text(&any, 2, text_since(&options, 0));
		put_text(&message, 3, text_since(&any, 0));
		find(&found, CONTAINERD_TO_CHECKPOINT, &message, "default", NULL,
		     judge_cri_checkpoint);
		check_found(&found, "directory",
			    "|checkpoint-directory high: the engine writes a checkpoint to "
			    "/etc/x|");
	}
}

/* A sandbox may have a specification as a container has it. */
static void test_sandbox(void **state)
{
	_cleanup_(text_free) struct text message = {0}, found = {0};

	put_string(&message, 1, "id");
	find(&found, CONTAINERD_TO_CONTROL, &message, "default", NULL, judge_oci_run);
	check_found(&found, "none", NULL);
	find(&found, CONTAINERD_TO_CONTROL, &message, "default", "{'root':{'path':'/'}}",
	     judge_oci_run);
	check_found(&found, "the root", "|host-root-mount critical: / mounted read-write at /|");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_specifications), cmocka_unit_test(test_mounts),
		cmocka_unit_test(test_bounds),	       cmocka_unit_test(test_wide_numbers),
		cmocka_unit_test(test_streams),	       cmocka_unit_test(test_mounted),
		cmocka_unit_test(test_specified),      cmocka_unit_test(test_runtime_options),
		cmocka_unit_test(test_checkpoints),    cmocka_unit_test(test_sandbox),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
