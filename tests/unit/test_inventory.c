// SPDX-License-Identifier: Apache-2.0
#include "unit.h"

#include "base/idtree.h"
#include "base/text.h"
#include "docker/known/inventory.h"

#define MAX 8

/* An id that begins with HEX and goes on with FILL. Valid until the fourth one after it. */
static struct bytes id_of(const char *hex, char fill)
{
	static char ids[4][ID_DIGITS];
	static unsigned int turn;
	char *id = ids[turn++ % 4];

	memset(id, fill, ID_DIGITS);
	memcpy(id, hex, strlen(hex));
	return (struct bytes){id, ID_DIGITS};
}

static struct bytes numbered(unsigned int number)
{
	char hex[9];

	snprintf(hex, sizeof(hex), "%08x", number * 2654435761u);
	return id_of(hex, '0');
}

static int setup(void **state)
{
	struct inventory *inventory;

	assert_int_equal(inventory_new(MAX, &inventory), 0);
	*state = inventory;
	return 0;
}

static int teardown(void **state)
{
	inventory_free(*state);
	return 0;
}

static void put(struct inventory *inventory, struct bytes id, const char *name)
{
	struct inventory_container container = {.id = id, .name = bytes_of(name)};

	assert_int_equal(inventory_put_container(inventory, &container), 0);
}

static void assert_bytes(struct bytes bytes, const char *wanted)
{
	if (!bytes_equal(bytes, bytes_of(wanted)) || !bytes.data != !wanted)
		fail_msg("\"%.*s\" is not \"%s\"", (int)bytes.size, bytes.data, wanted);
}

/* KEY names the container whose id begins with BEGINNING; NULL: none. */
static void assert_names(struct inventory *inventory, const char *key, const char *beginning)
{
	const struct inventory_container *found = inventory_container(inventory, bytes_of(key));

	if (!found != !beginning ||
	    (found && memcmp(found->id.data, beginning, strlen(beginning)) != 0))
		fail_msg("\"%s\" is %.8s, not %s", key, found ? found->id.data : "none", beginning);
}

/* --- the tree of ids -------------------------------------------------------------------------- */

static void test_tree(void **state)
{
	enum { COUNT = 2000 };
	struct id *ids = calloc(COUNT, sizeof(*ids));
	struct idtree tree = {0};

	for (unsigned int i = 0; i < COUNT; i++) {
		memcpy(ids[i].digits, numbered(i).data, ID_DIGITS);
		assert_int_equal(idtree_add(&tree, &ids[i]), 0);
	}
	for (unsigned int i = 0; i < COUNT; i += 2)
		idtree_remove(&tree, &ids[i]);
	assert_int_equal(tree.count, COUNT / 2);
	for (unsigned int i = 0; i < COUNT; i++) {
		struct bytes id = {ids[i].digits, ID_DIGITS};

		assert_ptr_equal(idtree_find(&tree, id), i % 2 ? &ids[i] : NULL);
		/* The beginning of any length, as a search one by one finds it. */
		for (id.size = 1; id.size < 12; id.size++) {
			struct id *only = NULL;
			unsigned int count = 0;

			if (i % 50 > 1)
				continue;
			for (unsigned int k = 1; k < COUNT; k += 2)
				if (!memcmp(ids[k].digits, id.data, id.size)) {
					only = &ids[k];
					count++;
				}
			assert_ptr_equal(idtree_find(&tree, id), count == 1 ? only : NULL);
		}
	}
	assert_null(idtree_find(&tree, (struct bytes){NULL, 0}));
	for (unsigned int i = 1; i < COUNT; i += 2)
		idtree_remove(&tree, &ids[i]);
	assert_null(tree.root);
	free(ids);
}

/* --- containers ------------------------------------------------------------------------------- */

/* As the daemon's GetContainer(): the whole id, the name, the only id that begins so. */
static void test_container_resolution(void **state)
{
	struct inventory *inventory = *state;
	char full[ID_DIGITS + 2] = "";

	put(inventory, id_of("abc1", '1'), "/web");
	put(inventory, id_of("abc2", '2'), "db");
	put(inventory, id_of("dead", 'd'), "/abc1"); /* a name like the beginning of an id */
	put(inventory, id_of("beef", 'e'), "/Web");
	memcpy(full, id_of("abc1", '1').data, ID_DIGITS);
	static const struct {
		const char *key, *id;
	} cases[] = {
		{"web", "abc1"},  {"/web", "abc1"},  {"//web", NULL},	{"Web", "beef"},
		{"WEB", NULL},	  {"we", NULL},	     {"db", "abc2"},	{"/db", "abc2"},
		{"abc1", "dead"}, {"/abc1", "dead"}, {"abc11", "abc1"}, {"abc2", "abc2"},
		{"abc", NULL},	  {"a", NULL},	     {"d", "dead"},	{"/d", NULL},
		{"b", "beef"},	  {"beefe", "beef"}, {"BEEF", NULL},	{"beef0", NULL},
		{"", NULL},	  {"/", NULL},	     {"xyz", NULL},	{" ", NULL},
		{"web/", NULL},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		assert_names(inventory, cases[i].key, cases[i].id);
	assert_names(inventory, full, "abc1");
	full[ID_DIGITS - 1] = '2';
	assert_names(inventory, full, NULL);
	full[ID_DIGITS - 1] = full[ID_DIGITS] = '1';
	assert_names(inventory, full, NULL);
	assert_null(inventory_container(inventory, (struct bytes){"web\0", 4}));
	assert_null(inventory_container(inventory, (struct bytes){NULL, 0}));
}

/* Whole ids go before names: the name of one container may be another's id. */
static void test_id_before_name(void **state)
{
	struct inventory *inventory = *state;
	char full[ID_DIGITS + 1] = "";

	memcpy(full, id_of("abc1", '1').data, ID_DIGITS);
	put(inventory, id_of("dead", 'd'), full);
	assert_names(inventory, full, "dead");
	put(inventory, id_of("abc1", '1'), "web");
	assert_names(inventory, full, "abc1");
}

static void test_put_merges(void **state)
{
	struct inventory *inventory = *state;
	struct bytes id = id_of("a", '0');
	struct inventory_container first = {
		.id = id,
		.image = bytes_of("alpine"),
		.findings = {{FINDING_PRIVILEGED, SEVERITY_CRITICAL, bytes_of("why")}},
		.finding_count = 1,
	};
	struct inventory_container second = {
		.id = id, .name = bytes_of("/n"), .image_id = bytes_of("sha256:0")};
	const struct inventory_container *found;

	assert_int_equal(inventory_put_container(inventory, &first), 0);
	assert_int_equal(inventory_put_container(inventory, &second), 0);
	found = inventory_container(inventory, bytes_of("n"));
	assert_bytes(found->name, "n");
	assert_bytes(found->image, "alpine");
	assert_bytes(found->image_id, "sha256:0");
	assert_bytes(found->user, NULL);
	assert_false(found->inspected);
	assert_int_equal(found->finding_count, 1);
	assert_int_equal(found->findings[0].id, FINDING_PRIVILEGED);
	assert_bytes(found->findings[0].detail, "why");
	/* Its own view may be put again. */
	assert_int_equal(inventory_put_container(inventory, found), 0);
	found = inventory_container(inventory, bytes_of("n"));
	assert_bytes(found->findings[0].detail, "why");
	/* An inspection knows better than what its creator was seen to ask for. */
	second.inspected = true;
	second.user = bytes_of("1000");
	assert_int_equal(inventory_put_container(inventory, &second), 0);
	second.inspected = false;
	assert_int_equal(inventory_put_container(inventory, &second), 0);
	found = inventory_container(inventory, bytes_of("n"));
	assert_true(found->inspected);
	assert_int_equal(found->finding_count, 0);
	assert_bytes(found->user, "1000");
}

static void test_refused_and_cut(void **state)
{
	struct inventory *inventory = *state;
	char *big = calloc(1, 100000);
	struct inventory_container container = {
		.id = id_of("A", '0'),
		.finding_count = 1000,
	};
	struct inventory_volume volume = {.driver = bytes_of("local")};
	const struct inventory_container *found;

	assert_int_equal(inventory_put_container(inventory, &container), -EINVAL);
	container.id = (struct bytes){"ab", 2};
	assert_int_equal(inventory_put_container(inventory, &container), -EINVAL);
	assert_int_equal(inventory_put_volume(inventory, &volume), -EINVAL);
	assert_int_equal(inventory_put_image(inventory, bytes_of("sha256:ab"), bytes_of("x")),
			 -EINVAL);
	memset(big, 'n', 100000);
	memcpy(big + 510, "\xe2\x82\xac", 3); /* € across the limit */
	container.id = id_of("a", '0');
	container.name = container.image = (struct bytes){big, 100000};
	for (unsigned int i = 0; i < INVENTORY_FINDINGS_MAX; i++)
		container.findings[i] =
			(struct finding){FINDING_DEVICE, SEVERITY_HIGH, {big, 100000}};
	assert_int_equal(inventory_put_container(inventory, &container), 0);
	found = inventory_container(inventory, bytes_of("a0"));
	assert_bytes(found->name, NULL);
	assert_bytes(found->image, NULL);
	assert_int_equal(found->finding_count, INVENTORY_FINDINGS_MAX);
	assert_int_equal(found->findings[15].detail.size, 510);
	free(big);
}

static void test_names_move(void **state)
{
	struct inventory *inventory = *state;
	struct bytes first = id_of("a", '0'), second = id_of("b", '0');

	put(inventory, first, "one");
	put(inventory, second, "two");
	assert_int_equal(inventory_rename_container(inventory, first, bytes_of("/three")), 0);
	assert_names(inventory, "one", NULL);
	assert_names(inventory, "three", "a");
	assert_int_equal(inventory_rename_container(inventory, second, bytes_of("/three")), 0);
	assert_names(inventory, "three", "b");
	assert_names(inventory, "two", NULL);
	assert_bytes(inventory_container(inventory, first)->name, NULL);
	assert_int_equal(inventory_rename_container(inventory, id_of("c", '0'), bytes_of("x")), 0);
	assert_names(inventory, "x", NULL);
	inventory_remove_container(inventory, second);
	inventory_remove_container(inventory, second);
	assert_names(inventory, "three", NULL);
	assert_names(inventory, "b", NULL);
	assert_names(inventory, "a", "a");
}

static void test_aliases(void **state)
{
	struct inventory *inventory = *state;
	struct bytes db = id_of("a", '0'), web = id_of("b", '0');

	put(inventory, db, "db");
	put(inventory, web, "web");
	assert_int_equal(inventory_alias_container(inventory, db, bytes_of("/web/store")), 0);
	assert_int_equal(inventory_alias_container(inventory, db, bytes_of("/web/store")), 0);
	assert_int_equal(inventory_alias_container(inventory, db, bytes_of("/web2/store")), 0);
	assert_names(inventory, "web/store", "a");
	assert_names(inventory, "/web/store", "a");
	assert_names(inventory, "web/stor", NULL);
	inventory_rename_container(inventory, web, bytes_of("front"));
	assert_names(inventory, "web/store", NULL);
	assert_names(inventory, "front/store", "a");
	assert_names(inventory, "web2/store", "a");
	inventory_alias_container(inventory, web, bytes_of("/front/store"));
	assert_names(inventory, "front/store", "b");
	inventory_remove_container(inventory, web);
	assert_names(inventory, "front/store", NULL);
	inventory_alias_container(inventory, db, bytes_of("/x/y"));
	inventory_remove_container(inventory, db);
	assert_names(inventory, "x/y", NULL);
	assert_names(inventory, "web2/store", NULL);
}

/* More names of one container than are kept, and renaming when all places are taken. */
static void test_many_aliases(void **state)
{
	struct inventory *inventory = *state;
	struct bytes id = id_of("a", '0');
	char name[32];

	put(inventory, id, "db");
	put(inventory, id_of("b", '0'), "web");
	for (unsigned int i = 0; i < 5000; i++) {
		snprintf(name, sizeof(name), "/web/%u", i);
		assert_int_equal(inventory_alias_container(inventory, id, bytes_of(name)), 0);
	}
	assert_names(inventory, "web/4999", "a");
	assert_names(inventory, "web/904", "a");
	assert_names(inventory, "web/903", NULL);
	inventory_rename_container(inventory, id_of("b", '0'), bytes_of("w"));
	assert_names(inventory, "w/4999", "a");
	assert_names(inventory, "w/904", "a");
	assert_names(inventory, "w/903", NULL);
}

/* --- bounds ----------------------------------------------------------------------------------- */

static void test_least_recently_used_goes(void **state)
{
	struct inventory *inventory = *state;

	for (unsigned int i = 0; i < MAX; i++)
		put(inventory, numbered(i), NULL);
	assert_non_null(inventory_container(inventory, numbered(0))); /* used */
	put(inventory, numbered(1), "put-again");
	put(inventory, numbered(MAX), "new");
	assert_non_null(inventory_container(inventory, numbered(0)));
	assert_non_null(inventory_container(inventory, numbered(1)));
	assert_null(inventory_container(inventory, numbered(2)));
	for (unsigned int i = 3; i <= MAX; i++)
		assert_non_null(inventory_container(inventory, numbered(i)));
}

static void test_every_kind_is_bounded(void **state)
{
	struct inventory *inventory = *state;
	unsigned int execs = 0, volumes = 0, images = 0, references = 0;
	char name[32];

	for (unsigned int i = 0; i < 100; i++) {
		struct inventory_exec exec = {.id = numbered(i), .container_id = bytes_of("c")};
		struct inventory_volume volume = {.name = {name, 0}};

		volume.name.size = (size_t)snprintf(name, sizeof(name), "name%u", i);
		assert_int_equal(inventory_put_exec(inventory, &exec), 0);
		assert_int_equal(inventory_put_volume(inventory, &volume), 0);
		assert_int_equal(inventory_put_image(inventory, numbered(i / 4), bytes_of(name)),
				 0);
	}
	for (unsigned int i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "name%u", i);
		execs += inventory_exec(inventory, numbered(i)) != NULL;
		volumes += inventory_volume(inventory, bytes_of(name)) != NULL;
		images += inventory_image(inventory, numbered(i)).size != 0;
		references += inventory_image(inventory, bytes_of(name)).size != 0;
	}
	assert_int_equal(execs, MAX);
	assert_int_equal(volumes, MAX);
	assert_int_equal(images, MAX);
	assert_int_equal(references, MAX);
}

static void test_memory_is_bounded(void **state)
{
	struct inventory *inventory = *state;
	char *path = calloc(1, 4096);

	memset(path, 'p', 4096);
	for (unsigned int i = 0; i < 1000; i++) {
		char name[16];
		struct inventory_volume volume = {.host_path = {path, 4096}};

		volume.name = (struct bytes){name, (size_t)snprintf(name, sizeof(name), "%u", i)};
		assert_int_equal(inventory_put_volume(inventory, &volume), 0);
		assert_non_null(inventory_volume(inventory, volume.name));
	}
	assert_in_range(inventory_memory(inventory), 4096, 20000);
	assert_null(inventory_volume(inventory, bytes_of("990")));
	free(path);
}

/* --- execs, volumes --------------------------------------------------------------------------- */

static void test_execs(void **state)
{
	struct inventory *inventory = *state;
	struct inventory_exec exec = {
		.id = id_of("e", '0'),
		.container_id = bytes_of("web"),
		.command = bytes_of("sh -c 'a b'"),
		.findings = {{FINDING_EXEC_PRIVILEGED, SEVERITY_CRITICAL, {NULL, 0}}},
		.finding_count = 1,
	};
	const struct inventory_exec *found;
	char command[2048];

	assert_int_equal(inventory_put_exec(inventory, &exec), 0);
	exec.finding_count = 0;
	exec.container_id = id_of("a", '0');
	exec.command = (struct bytes){0};
	assert_int_equal(inventory_put_exec(inventory, &exec), 0);
	found = inventory_exec(inventory, exec.id);
	assert_int_equal(found->finding_count, 1);
	assert_memory_equal(found->container_id.data, exec.container_id.data, ID_DIGITS);
	assert_true(bytes_equal(found->command, bytes_of("sh -c 'a b'")));
	memset(command, 'x', sizeof(command));
	memcpy(command + 1023, "\xc3\xbc", 2);
	exec.command = (struct bytes){command, sizeof(command)};
	assert_int_equal(inventory_put_exec(inventory, &exec), 0);
	found = inventory_exec(inventory, exec.id);
	assert_int_equal(found->command.size, 1023);	       /* no half of a character */
	assert_null(inventory_exec(inventory, bytes_of("e"))); /* only by the whole id */
	assert_null(inventory_exec(inventory, id_of("f", '0')));
}

static void test_volumes(void **state)
{
	struct inventory *inventory = *state;
	struct inventory_volume volume = {
		.name = bytes_of("v"), .driver = bytes_of("local"), .host_path = bytes_of("/etc")};

	assert_int_equal(inventory_put_volume(inventory, &volume), 0);
	volume.host_path = (struct bytes){NULL, 0}; /* created once more, which changes nothing */
	assert_int_equal(inventory_put_volume(inventory, &volume), 0);
	assert_bytes(inventory_volume(inventory, bytes_of("v"))->host_path, "/etc");
	volume.host_path = (struct bytes){"", 0};
	assert_int_equal(inventory_put_volume(inventory, &volume), 0);
	assert_bytes(inventory_volume(inventory, bytes_of("v"))->host_path, NULL);
	assert_bytes(inventory_volume(inventory, bytes_of("v"))->driver, "local");
	assert_null(inventory_volume(inventory, bytes_of("V")));
	inventory_remove_volume(inventory, bytes_of("v"));
	inventory_remove_volume(inventory, bytes_of("v"));
	assert_null(inventory_volume(inventory, bytes_of("v")));
}

/* --- images ----------------------------------------------------------------------------------- */

#define HEX60 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789ab"

static void test_image_resolution(void **state)
{
	struct inventory *inventory = *state;
	static const struct {
		const char *reference, *id;
	} cases[] = {
		{"busybox", "aaaa"},
		{"busybox:latest", "aaaa"},
		{"library/busybox", "aaaa"},
		{"docker.io/busybox", "aaaa"},
		{"docker.io/library/busybox:latest", "aaaa"},
		{"index.docker.io/library/busybox", "aaaa"},
		{"index.docker.io/busybox:latest", "aaaa"},
		{"busybox@sha256:dddd" HEX60, "aaaa"},
		{"busybox:any@sha256:dddd" HEX60, "aaaa"}, /* the digest counts */
		{"busybox:latest@sha256:eeee" HEX60, NULL},
		{"busybox:1", NULL},
		{"Busybox", NULL},
		{"busybox:", NULL},
		{"other/busybox", NULL},
		{"library/x/busybox", NULL},
		{"reg.example/busybox", NULL},
		{"reg.example:5000/a/b", "bbbb"},
		{"reg.example:5000/a/b:latest", "bbbb"},
		{"reg.example:5000/a/b:2", NULL},
		{"localhost/c:9", "bbbb"},
		{"c:9", NULL},
		{"user/image:v1", "bbbb"},
		{"docker.io/user/image:v1", "bbbb"},
		{"library/user/image:v1", NULL},
		{"aaaa" HEX60, "aaaa"},
		{"sha256:aaaa" HEX60, "aaaa"},
		{"aaaa", "aaaa"},
		{"a", "aaaa"},
		{"sha256:aa", "aaaa"},
		{"bbb", "bbbb"}, /* another one is called bbbb */
		{"bbbb", "aaaa"},
		{"bbbb0", "bbbb"},
		{"sha256:bbbb", "bbbb"},
		{"bc", NULL},
		{"b", NULL}, /* of two */
		{"c", NULL},
		{"sha256:", NULL},
		{"sha512:aa", NULL},
		{"sha256:AA", NULL},
		{"", NULL},
		{"/", NULL},
		{":", NULL},
		{"@", NULL},
		{"docker.io/", NULL},
		{"<none>:<none>", NULL},
	};

	inventory_put_image(inventory, bytes_of("sha256:aaaa" HEX60), bytes_of("busybox:latest"));
	inventory_put_image(inventory, bytes_of("aaaa" HEX60),
			    bytes_of("busybox@sha256:dddd" HEX60));
	inventory_put_image(inventory, bytes_of("aaaa" HEX60), bytes_of("bbbb"));
	inventory_put_image(inventory, bytes_of("aaaa" HEX60), bytes_of("<none>:<none>"));
	inventory_put_image(inventory, bytes_of("bbbb" HEX60), bytes_of("reg.example:5000/a/b"));
	inventory_put_image(inventory, bytes_of("bbbb" HEX60), bytes_of("localhost/c:9"));
	inventory_put_image(inventory, bytes_of("bbbb" HEX60), bytes_of("docker.io/user/image:v1"));
	inventory_put_image(inventory, bytes_of("b0bb" HEX60), (struct bytes){NULL, 0});
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct bytes id = inventory_image(inventory, bytes_of(cases[i].reference));
		char wanted[80];

		snprintf(wanted, sizeof(wanted), "sha256:%s" HEX60, cases[i].id);
		if (!id.data != !cases[i].id || (id.data && !bytes_equal(id, bytes_of(wanted))))
			fail_msg("\"%s\" is %.*s, not %s", cases[i].reference, (int)id.size,
				 id.data, cases[i].id);
	}
}

static void test_image_names_move(void **state)
{
	struct inventory *inventory = *state;

	inventory_put_image(inventory, bytes_of("aaaa" HEX60), bytes_of("x"));
	inventory_put_image(inventory, bytes_of("aaaa" HEX60), bytes_of("y"));
	inventory_put_image(inventory, bytes_of("bbbb" HEX60), bytes_of("docker.io/library/x"));
	assert_bytes(inventory_image(inventory, bytes_of("x")), "sha256:bbbb" HEX60);
	assert_bytes(inventory_image(inventory, bytes_of("y")), "sha256:aaaa" HEX60);
	inventory_remove_image(inventory, bytes_of("x:latest")); /* untagged */
	assert_bytes(inventory_image(inventory, bytes_of("x")), NULL);
	assert_bytes(inventory_image(inventory, bytes_of("bb")), "sha256:bbbb" HEX60);
	inventory_remove_image(inventory, bytes_of("sha256:aaaa" HEX60));
	assert_bytes(inventory_image(inventory, bytes_of("y")), NULL);
	assert_bytes(inventory_image(inventory, bytes_of("aa")), NULL);
}

/* --- sweeps ----------------------------------------------------------------------------------- */

static void test_sweep(void **state)
{
	struct inventory *inventory = *state;
	struct bytes stays = id_of("a", '0'), goes = id_of("b", '0');
	struct inventory_exec exec_stays = {.id = id_of("1", '0'), .container_id = stays};
	struct inventory_exec exec_goes = {.id = id_of("2", '0'), .container_id = goes};
	struct inventory_volume volume = {.name = bytes_of("v1")};

	put(inventory, stays, "a");
	put(inventory, goes, "b");
	inventory_alias_container(inventory, stays, bytes_of("/b/x"));
	inventory_alias_container(inventory, stays, bytes_of("/c/x"));
	inventory_put_exec(inventory, &exec_stays);
	inventory_put_exec(inventory, &exec_goes);
	inventory_put_volume(inventory, &volume);
	volume.name = bytes_of("v2");
	inventory_put_volume(inventory, &volume);
	inventory_put_image(inventory, bytes_of("aaaa" HEX60), bytes_of("x"));
	inventory_put_image(inventory, bytes_of("aaaa" HEX60), bytes_of("y"));
	inventory_put_image(inventory, bytes_of("bbbb" HEX60), bytes_of("z"));

	inventory_sweep(inventory);
	assert_names(inventory, "b", "b"); /* for now */
	put(inventory, stays, "a");
	inventory_alias_container(inventory, stays, bytes_of("/c/x"));
	inventory_put_volume(inventory, &volume);
	inventory_put_image(inventory, bytes_of("aaaa" HEX60), bytes_of("y"));
	inventory_swept(inventory);

	assert_names(inventory, "a", "a");
	assert_names(inventory, "b", NULL);
	assert_names(inventory, "b/x", NULL);
	assert_names(inventory, "c/x", "a");
	assert_non_null(inventory_exec(inventory, exec_stays.id));
	assert_null(inventory_exec(inventory, exec_goes.id));
	assert_null(inventory_volume(inventory, bytes_of("v1")));
	assert_non_null(inventory_volume(inventory, bytes_of("v2")));
	assert_bytes(inventory_image(inventory, bytes_of("x")), NULL);
	assert_bytes(inventory_image(inventory, bytes_of("y")), "sha256:aaaa" HEX60);
	assert_bytes(inventory_image(inventory, bytes_of("z")), NULL);
	inventory_sweep(inventory);
	inventory_swept(inventory);
	assert_names(inventory, "a", NULL);
	assert_null(inventory_exec(inventory, exec_stays.id));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tree),
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		TEST(test_container_resolution),
		TEST(test_id_before_name),
		TEST(test_put_merges),
		TEST(test_refused_and_cut),
		TEST(test_names_move),
		TEST(test_aliases),
		TEST(test_many_aliases),
		TEST(test_least_recently_used_goes),
		TEST(test_every_kind_is_bounded),
		TEST(test_memory_is_bounded),
		TEST(test_execs),
		TEST(test_volumes),
		TEST(test_image_resolution),
		TEST(test_image_names_move),
		TEST(test_sweep),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
