// SPDX-License-Identifier: Apache-2.0
/* Lines that tell what callers are: when one is another one, and when it is written again. */
#include "files.h"

#include "agent/outputs.h"
#include "output/caller_line.h"
#include "output/driver.h"
#include "output/store/queue.h"
#include "output/heard.h"
#include "recording.h"

/* --- what the reader of an output was told ---------------------------------------------------- */

/* An entry that needs the line of NUMBER before it. */
static struct entry *naming(unsigned int number)
{
	struct entry *entry = entry_new("x\n", 2);

	entry->before = entry_new("seen\n", 5);
	memcpy(entry->before->key, &number, sizeof(number));
	return entry;
}

static bool tells(struct heard *heard, unsigned int number, uint64_t now)
{
	struct entry *entry = naming(number);
	bool missing = heard_missing(heard, entry, now) != NULL;

	if (missing)
		heard_add(heard, entry, now);
	entry_unref(entry);
	return missing;
}

static void test_told_once(void **state)
{
	struct heard heard = {0};
	struct entry *plain = entry_new("x\n", 2);

	assert_null(heard_missing(&heard, plain, 1));
	heard_add(&heard, plain, 1);
	assert_true(tells(&heard, 7, 1));
	assert_false(tells(&heard, 7, 2));
	assert_true(tells(&heard, 8, 2));
	assert_false(tells(&heard, 7, HEARD_AGAIN));
	assert_true(tells(&heard, 7, 1 + HEARD_AGAIN));
	assert_false(tells(&heard, 7, HEARD_AGAIN + HEARD_AGAIN));
	entry_unref(plain);
}

static void test_told_is_forgotten(void **state)
{
	struct heard heard = {0};
	struct entry *entry = naming(7);

	assert_true(tells(&heard, 7, 1));
	assert_true(tells(&heard, 8, 1));
	heard_remove(&heard, entry->before->key);
	heard_remove(&heard, entry->before->key);
	assert_true(tells(&heard, 7, 1));
	assert_false(tells(&heard, 8, 1));
	heard_forget(&heard);
	assert_true(tells(&heard, 7, 1));
	assert_true(tells(&heard, 8, 1));
	assert_false(tells(&heard, 7, 1));
	entry_unref(entry);
}

/* All that there is room for are known; of more, the one that was used last longest ago goes. */
static void test_told_is_bounded(void **state)
{
	struct heard heard = {0};

	for (unsigned int i = 0; i < HEARD_MAX; i++)
		assert_true(tells(&heard, i, 1));
	for (unsigned int i = 0; i < HEARD_MAX; i++)
		assert_false(tells(&heard, i, 1));
	assert_false(tells(&heard, 0, 1));
	assert_true(tells(&heard, HEARD_MAX, 1)); /* of the set of 0, 256, 512 and 768 */
	assert_false(tells(&heard, 0, 1));
	assert_true(tells(&heard, 256, 1));
}

/* --- what callers are ------------------------------------------------------------------------- */

static const struct process docker = {
	.pid = 4711,
	.start = 100000000,
	.name = BYTES("docker"),
	.executable = BYTES("/usr/bin/docker"),
	.args = BYTES("docker\0ps\0--format\0{{.Names}} {{.Image}} {{.Status}} {{.Ports}} "
		      "{{.Networks}}\0"),
};

/* As decode makes them: each has a number of its own. */
static struct caller *make_caller(const struct caller *draft)
{
	static uint64_t number;
	struct caller *caller = malloc(sizeof(*caller));

	*caller = *draft;
	caller->shared.number = ++number;
	caller->ancestors = ancestors;
	caller->ancestor_count = COUNT(ancestors);
	return caller;
}

static struct caller draft_of_alice(void)
{
	struct caller draft;

	memset(&draft, 0, sizeof(draft));
	draft.basis = CALLER_FROM_KERNEL;
	draft.process = docker;
	draft.tid = 4711;
	draft.login_uid = 1000;
	draft.session = 3;
	draft.capabilities = UINT64_MAX >> 23;
	return draft;
}

static char ids[64][CALLER_LINE_ID_SIZE];
static unsigned int id_count;

/* The line for RECORD, and whether its id is a new one. */
static bool is_new(struct caller_lines *lines, const struct record *record,
		   const struct record_context *with)
{
	char id[CALLER_LINE_ID_SIZE];
	struct entry *line = caller_line_find(lines, record, with, id);
	char wanted[64];
	bool is_known = false;

	assert_non_null(line);
	snprintf(wanted, sizeof(wanted), "\"caller\":{\"id\":\"%s\"", id);
	assert_non_null(memmem(line->data, line->size, wanted, strlen(wanted)));
	assert_int_equal(line->data[line->size - 1], '\n');
	assert_int_equal(line->action, RECORD_CALLER_SEEN);
	entry_unref(line);
	for (unsigned int i = 0; i < id_count; i++)
		is_known |= !strcmp(ids[i], id);
	if (!is_known)
		strcpy(ids[id_count++], id);
	return !is_known;
}

/* Whatever the line says of a caller is in its id, and nothing else is. */
static void test_id(void **state)
{
	struct caller draft = draft_of_alice(), *caller = make_caller(&draft);
	struct record record = plain_request(caller);
	struct record_context with = context;
	struct caller_lines *lines;

	with.mnt_ns = 4;
	id_count = 0;
	assert_int_equal(caller_line_new(&lines), 0);
	assert_true(is_new(lines, &record, &with));
	assert_false(is_new(lines, &record, &with));
	/* Another time, another request, another thread. */
	record.time += 5000000000;
	record.sequence++;
	record.http.target = bytes_of("/_ping");
	with.names++;
	assert_false(is_new(lines, &record, &with));
	draft.tid++;
	record.caller = make_caller(&draft);
	assert_false(is_new(lines, &record, &with));
	free((void *)record.caller);

	/* What the record knows of its container; what a level leaves out; the clock; a name. */
	record.caller = caller;
	record.container_name = bytes_of("web");
	assert_true(is_new(lines, &record, &with));
	record.container_image = bytes_of("nginx");
	assert_true(is_new(lines, &record, &with));
	record.container_name = record.container_image = (struct bytes){0};
	assert_false(is_new(lines, &record, &with));
	record.level = LEVEL_REQUEST;
	assert_true(is_new(lines, &record, &with));
	record.level = LEVEL_METADATA;
	assert_false(is_new(lines, &record, &with));
	record.level = LEVEL_FULL;
	with.user_name = NULL;
	with.names++;
	assert_true(is_new(lines, &record, &with));
	with.user_name = user_name;
	with.names++;
	assert_false(is_new(lines, &record, &with));
	free(caller);

#define IS_ANOTHER(change)                                                                         \
	do {                                                                                       \
		draft = draft_of_alice();                                                          \
		change;                                                                            \
		record.caller = make_caller(&draft);                                               \
		assert_true(is_new(lines, &record, &with));                                        \
		free((void *)record.caller);                                                       \
	} while (0)

	IS_ANOTHER(draft.process.start++);
	IS_ANOTHER(draft.process.name = bytes_of("docker2"));
	IS_ANOTHER(draft.process.executable = bytes_of("/tmp/docker"));
	IS_ANOTHER(draft.process.args.size -= 4);
	IS_ANOTHER(draft.process.euid = 33);
	IS_ANOTHER(draft.uid = 33);
	IS_ANOTHER(draft.egid = 33);
	IS_ANOTHER(draft.login_uid = 1001);
	IS_ANOTHER(draft.session++);
	IS_ANOTHER(draft.capabilities &= ~1ull);
	IS_ANOTHER(draft.cgroup = bytes_of("/system.slice/cron.service"));
	IS_ANOTHER(draft.root = bytes_of("/chroot"));
	IS_ANOTHER(draft.mnt_ns = 5);
	IS_ANOTHER(draft.user_ns = 5);
	IS_ANOTHER(draft.label = bytes_of("unconfined"));
	IS_ANOTHER(draft.working_directory = bytes_of("/home"));
	IS_ANOTHER(strcpy(draft.tty, "pts/1"));
	IS_ANOTHER(draft.process.executable_deleted = true);
	IS_ANOTHER(draft.process.args_truncated = true);
	caller_line_free(lines);
}

/* What a level leaves out of a record, the line before it does not tell either. */
static void test_levels(void **state)
{
	static const char *const above[] = {"\"ancestors\"", "\"lineage\"", "\"parent\""};
	struct caller draft = draft_of_alice(), *caller = make_caller(&draft);
	struct record record = plain_request(caller);
	struct caller_lines *lines;
	char id[CALLER_LINE_ID_SIZE];

	assert_int_equal(caller_line_new(&lines), 0);
	for (record.level = LEVEL_FULL; record.level < LEVEL_NONE; record.level++) {
		struct entry *line = caller_line_find(lines, &record, &context, id);

		for (size_t i = 0; i < COUNT(above); i++)
			assert_int_equal(
				memmem(line->data, line->size, above[i], strlen(above[i])) != NULL,
				record.level == LEVEL_FULL);
		assert_non_null(memmem(line->data, line->size, "\"command_line\"", 14));
		entry_unref(line);
	}
	caller_line_free(lines);
	free(caller);
}

/* In another run the same caller has another id: nobody can know it before. */
static void test_secret(void **state)
{
	struct caller draft = draft_of_alice(), *caller = make_caller(&draft);
	struct record record = plain_request(caller);
	struct caller_lines *lines[2];
	char id[2][CALLER_LINE_ID_SIZE];

	for (unsigned int i = 0; i < 2; i++) {
		assert_int_equal(caller_line_new(&lines[i]), 0);
		entry_unref(caller_line_find(lines[i], &record, &context, id[i]));
	}
	assert_string_not_equal(id[0], id[1]);
	record.caller = NULL;
	assert_null(caller_line_find(lines[0], &record, &context, id[0]));
	caller_line_free(lines[0]);
	caller_line_free(lines[1]);
	caller_line_free(NULL);
	free(caller);
}

/* Many callers in turns: what is not kept any more is made again, with the same id. */
static void test_many(void **state)
{
	struct caller draft = draft_of_alice(), *callers[1000];
	static char first[1000][CALLER_LINE_ID_SIZE];
	struct record record = plain_request(NULL);
	struct caller_lines *lines;

	assert_int_equal(caller_line_new(&lines), 0);
	for (unsigned int i = 0; i < COUNT(callers); i++) {
		draft.process.pid = 100 + i;
		callers[i] = make_caller(&draft);
		record.caller = callers[i];
		entry_unref(caller_line_find(lines, &record, &context, first[i]));
		assert_true(!i || strcmp(first[i], first[i - 1]) != 0);
	}
	for (unsigned int i = 0; i < COUNT(callers); i++) {
		char id[CALLER_LINE_ID_SIZE];

		record.caller = callers[i];
		entry_unref(caller_line_find(lines, &record, &context, id));
		assert_string_equal(id, first[i]);
		free(callers[i]);
	}
	caller_line_free(lines);
}

/* --- outputs ---------------------------------------------------------------------------------- */

static unsigned int count_of(const char *data, const char *what)
{
	unsigned int count = 0;

	for (; (data = strstr(data, what)); data++)
		count++;
	return count;
}

/* An output that takes a part of the records is told whom these are of; others are as they were. */
static void test_outputs(void **state)
{
	static char specs[3][192];
	static struct options options;
	struct caller draft = draft_of_alice(), *caller = make_caller(&draft), *other;
	struct record record = plain_request(caller);
	struct outputs *outputs;
	char reason[512], path[160];
	char *data;
	size_t size;

	draft.process.pid++;
	other = make_caller(&draft);
	snprintf(specs[0], sizeof(specs[0]), "file:%s/all,chain=no,detail=reference", directory);
	snprintf(specs[1], sizeof(specs[1]),
		 "file:%s/some,chain=no,detail=reference,where=process.pid == 4712", directory);
	snprintf(specs[2], sizeof(specs[2]), "file:%s/whole,chain=no", directory);
	for (unsigned int i = 0; i < COUNT(specs); i++)
		options.outputs[options.output_count++] = specs[i];
	if (outputs_open(&options, &context, &outputs, reason, sizeof(reason)) != EXIT_OK)
		fail_msg("%s", reason);
	for (unsigned int i = 0; i < 6; i++) {
		record.caller = i % 3 == 2 ? other : caller;
		assert_int_equal(outputs_put(outputs, &record, &context), 0);
	}
	record.caller = NULL;
	assert_int_equal(outputs_put(outputs, &record, &context), 0);
	outputs_close(outputs, 5000, NULL, NULL);

	snprintf(path, sizeof(path), "%s/all", directory);
	data = files_read(path, &size);
	assert_int_equal(count_of(data, "\n"), 7 + 2);
	assert_int_equal(count_of(data, "\"action\":\"caller-seen\""), 2);
	assert_int_equal(count_of(data, "\"ancestors\""), 2);
	assert_int_equal(count_of(data, "\"caller\":{\"id\""), 2 + 6);
	assert_int_equal(count_of(data, "{{.Networks}}"), 2);
	free(data);
	snprintf(path, sizeof(path), "%s/some", directory);
	data = files_read(path, &size);
	assert_int_equal(count_of(data, "\n"), 2 + 1);
	assert_memory_equal(strstr(data, "\"action\":") + 9, "\"caller-seen\"", 13);
	free(data);
	snprintf(path, sizeof(path), "%s/whole", directory);
	data = files_read(path, &size);
	assert_int_equal(count_of(data, "\n"), 7);
	assert_int_equal(count_of(data, "caller-seen"), 0);
	assert_int_equal(count_of(data, "\"ancestors\""), 0);
	free(data);
	free(caller);
	free(other);
}

/* --- standard output -------------------------------------------------------------------------- */

static unsigned int polls;

int __real_driver_poll(const struct driver *driver, int fd, short events, int milliseconds);

/* Its reader is slow now and then: an entry goes in parts. */
int __wrap_driver_poll(const struct driver *driver, int fd, short events, int milliseconds)
{
	return ++polls % 3 ? __real_driver_poll(driver, fd, events, milliseconds) : 0;
}

#define LINES 300

/* Record NUMBER, and the line of its caller, some of which are longer than a batch. */
static struct entry *make_numbered(unsigned int number)
{
	static char line[100000];
	unsigned int caller = number / 4 % 20;
	int size = snprintf(line, sizeof(line), "n %u of %u\n", number, caller);
	struct entry *entry = entry_new(line, (size_t)size);

	size = snprintf(line, sizeof(line), "seen %u %0*u\n", caller,
			1 + (int)(caller * caller * 199 + number % 4), 0);
	entry->before = entry_new(line, (size_t)size);
	entry->before->key[0] = (unsigned char)caller;
	return entry;
}

static void send_numbered(struct driver *driver)
{
	struct entry *entries[16];

	for (unsigned int sent = 0; sent < LINES;) {
		unsigned int count = 0;

		for (; count < COUNT(entries) && sent + count < LINES; count++)
			entries[count] = make_numbered(sent + count);
		sent += driver->ops->send(driver, entries, count);
		assert_int_equal(driver->error, driver->error ? -EAGAIN : 0);
		while (count)
			entry_unref(entries[--count]);
	}
}

static void test_stdout(void **state)
{
	const struct sink_options wanted = {.name = "stdout", .kind = SINK_STDOUT};
	int was = dup(STDOUT_FILENO), fd, error;
	unsigned int number = 0, told = 0, at, of;
	bool known[20] = {false};
	struct driver *driver;
	char reason[200], path[160], *data, *line, *rest;
	size_t size;

	snprintf(path, sizeof(path), "%s/stdout", directory);
	fd = open(path, O_WRONLY | O_CREAT, 0600);
	fflush(stdout);
	dup2(fd, STDOUT_FILENO);
	error = stdout_open(&wanted, -1, &driver, reason, sizeof(reason));
	if (!error)
		send_numbered(driver);
	dup2(was, STDOUT_FILENO);
	close(was);
	close(fd);
	assert_int_equal(error, 0);
	driver->ops->close(driver);
	data = rest = files_read(path, &size);
	while ((line = strsep(&rest, "\n")) && *line) {
		if (sscanf(line, "seen %u", &at) == 1) {
			known[at] = true;
			told++;
			continue;
		}
		assert_int_equal(sscanf(line, "n %u of %u", &at, &of), 2);
		assert_int_equal(at, number++);
		assert_true(known[of]);
	}
	assert_int_equal(number, LINES);
	assert_int_equal(told, 20);
	free(data);
}

/* A queue reckons with the line before an entry as if it were the entry's own. */
static void test_queue(void **state)
{
	struct queue *queue = queue_new(64 << 10, false);
	struct entry *line = entry_new(NULL, 6000), *all[20];

	memset(line->data, 'x', line->size);
	for (unsigned int i = 0; i < COUNT(all); i++) {
		all[i] = entry_new("x\n", 2);
		all[i]->before = entry_ref(line);
		queue_put(queue, all[i], false);
		entry_unref(all[i]);
	}
	assert_in_range(queue_store(queue)->ops->waiting(queue_store(queue)), 9, 10);
	assert_in_range(queue_dropped(queue), 10, 11);
	queue_free(queue);
	assert_int_equal(line->refs, 1);
	entry_unref(line);
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
		cmocka_unit_test(test_told_once),
		cmocka_unit_test(test_told_is_forgotten),
		cmocka_unit_test(test_told_is_bounded),
		cmocka_unit_test(test_id),
		cmocka_unit_test(test_levels),
		cmocka_unit_test(test_secret),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_queue),
		cmocka_unit_test_setup_teardown(test_outputs, setup, teardown),
		cmocka_unit_test_setup_teardown(test_stdout, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
