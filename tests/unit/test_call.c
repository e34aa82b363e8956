// SPDX-License-Identifier: Apache-2.0
/* Calls from their heads to their records: what they act on, how their bodies were seen, what the inventory
 * learns of them, what the site's policy makes of them. */
#include "calling.h"

#include "docker/judge/removals.h"

#define CREATED(id) "{'Id':'" id "','Warnings':[]}"
#define CREATE "POST /v1.41/containers/create"
#define JSON_ERROR 400
#define NONE " | | |"
#define NOT_KNOWN "not-judged medium: what the container may do is not known"

/* Runs SCENARIO with the bytes in pieces of every kind, each time in a new world. */
static void in_all_worlds(void (*scenario)(struct world *world))
{
	for (enum split split = SPLIT_NOT; split < SPLITS; split++) {
		struct world world = {.split = split};

		world_open(&world);
		scenario(&world);
		world_close(&world);
	}
}

#define SCENARIO(name)                                                                             \
	static void scenario_##name(struct world *world);                                          \
	static void test_##name(void **state)                                                      \
	{                                                                                          \
		in_all_worlds(scenario_##name);                                                    \
	}                                                                                          \
	static void scenario_##name(struct world *world)

/* A call without a body. */
static void expect(struct world *world, const char *what, const char *told)
{
	expect_call(world, &(struct asked){.what = what}, told);
}

static void expect_body(struct world *world, const char *what, const char *body, const char *told)
{
	expect_call(world, &(struct asked){.what = what, .body = body}, told);
}

/* A create that succeeds. */
static void expect_created(struct world *world, const char *what, const char *body,
			   const char *answer, const char *told)
{
	expect_call(world,
		    &(struct asked){.what = what, .body = body, .status = 201, .answer = answer},
		    told);
}

/* --- targets ---------------------------------------------------------------------------------- */

SCENARIO(targets)
{
	static const struct {
		const char *what, *told;
	} cases[] = {
		{"GET /v1.41/containers/web/json",
		 "ContainerInspect 1.41 container web <aaaa> alpine"},
		{"GET /containers/%77eb/json", "ContainerInspect container web <aaaa> alpine"},
		{"GET /containers/aaa/json", "ContainerInspect container web <aaaa> alpine"},
		{"GET /containers/" A_ID "/json", "ContainerInspect container web <aaaa> alpine"},
		{"GET /containers/ddd/json", "ContainerInspect container donor <dddd> busybox"},
		{"GET /containers/nobody/json", "ContainerInspect container nobody"},
		{"GET /containers/" B_ID "/json", "ContainerInspect container <bbbb>"},
		{"GET /containers/bbbb/json", "ContainerInspect container bbbb"},
		{"GET /containers/json", "ContainerList container"},
		{"POST /containers/web/exec", "ContainerExec exec alpine of web <aaaa>"},
		{"POST /containers/nobody/exec", "ContainerExec exec of nobody"},
		{"POST /exec/" E_ID "/start", "ExecStart exec <eeee> alpine of web <aaaa>"},
		{"POST /exec/" B_ID "/start", "ExecStart exec <bbbb>"},
		{"GET /exec/abc/json", "ExecInspect exec <abc>"},
		{"POST "
		 "/containers/create?name=new",
		 "ContainerCreate container new"},
		{"POST "
		 "/containers/create?name=web",
		 "ContainerCreate container web"},
		{"POST "
		 "/containers/create",
		 "ContainerCreate container"},
		{"POST /images/create?fromImage=alpine&tag=3.19", "ImageCreate image alpine:3.19"},
		{"POST /images/create?fromImage=alpine%3A3", "ImageCreate image alpine:3"},
		{"POST /images/create?fromImage=alpine&tag=sha256:00",
		 "ImageCreate image alpine@sha256:00"},
		{"GET /images/a/b:1/json", "ImageInspect image a/b:1"},
		{"DELETE /images/known:1", "ImageDelete image known:1 <sha256:" B_ID ">"},
		{"POST /build?t=x:2", "ImageBuild image x:2"},
		{"POST /commit?container=web&repo=r", "ImageCommit image alpine of web <aaaa>"},
		{"GET /volumes/conf", "VolumeInspect volume conf"},
		{"DELETE /networks/n", "NetworkDelete network n"},
		{"GET /plugins/a/b/json", "PluginInspect plugin a/b"},
		{"GET /services/s", "ServiceInspect service s"},
		{"GET /secrets/s", "SecretInspect secret s"},
		{"GET /info", "SystemInfo"},
		{"GET /v1.41/_ping", "SystemPing 1.41"},
		{"GET /nonsense", "?"},
	};

	know_some(world->inventories[0]);
	assert_int_equal(
		inventory_put_image(world->inventories[0], bytes_of(B_ID), bytes_of("known:1")), 0);
	for (size_t i = 0; i < COUNT(cases); i++) {
		make_call(world, &(struct asked){.what = cases[i].what});
		*strstr(world->told.data, " |") = '\0';
		if (strcmp(world->told.data, cases[i].told) != 0)
			fail_msg("%s\nsays   %s\nwanted %s", cases[i].what, world->told.data,
				 cases[i].told);
	}
	assert_int_equal(world->answered, COUNT(cases));
}

/* What an engine says behind an answer of 200. */
SCENARIO(failures_within_answers)
{
	static char longer[8192] = "{'errorDetail':{'message':'";
	static const struct {
		const char *what, *answer, *failure;
	} cases[] = {
		{"POST /images/a/push",
		 "{'status':'Preparing'}\r\n{'errorDetail':{'message':'denied'},'error':'denied'}"
		 "\r\n",
		 "denied"},
		{"POST /images/create?fromImage=a", "{'errorDetail':{'message':'only there'}}\n",
		 "only there"},
		{"POST /libpod/images/pull?reference=a", "{'stream':'x'}\n{'error':'no'}\n", "no"},
		{"POST /images/load", "{'error':'GET https://me:canary@h/'}\n",
		 "GET https://me:***@h/"},
		/* Commands of its steps are not told. */
		{"POST /build",
		 "{'errorDetail':{'code':1,'message':'The command \\\"/bin/sh -c echo hunter2 "
		 "&& false\\\" returned a non-zero code: 1'},'error':'hunter2'}\n",
		 "the build failed"},
		{"POST /build", "{'errorDetail':{'message':'hunter2'}}\n", "the build failed"},
		{"POST /libpod/build", "{'stream':'hunter2'}\n{'error':'hunter2'}\n",
		 "the build failed"},
		{"POST /images/load", "{'errors':1}\n{'error':7}\n",
		 "an error that is not understood"},
		{"POST /images/load", longer, "an error that is not understood"},
		{"POST /images/load", "{'stream':'{'error':'x'}'}\n{'error':'not over'", NULL},
		{"POST /containers/create", "{'error':'x'}\n", NULL},
	};

	if (!strchr(longer, '\n')) {
		memset(longer + strlen(longer), 'a', 5000);
		strcat(longer, "'},'error':'aaa'}\n");
	}
	for (size_t i = 0; i < COUNT(cases); i++) {
		const char *failure;

		make_call(world, &(struct asked){.what = cases[i].what, .answer = cases[i].answer});
		failure = strstr(world->told.data, " | failed: ");
		if (!failure || !cases[i].failure)
			assert_true(!failure && !cases[i].failure);
		else
			assert_string_equal(failure + strlen(" | failed: "), cases[i].failure);
	}
}

/* What the body or the answer says of the target. */
SCENARIO(targets_in_bodies)
{
	expect_created(world, CREATE "?name=web", "{'Image':'alpine'}", CREATED(A_ID),
		       "ContainerCreate 1.41 container web <aaaa> alpine | | image=alpine |");
	expect_created(world, CREATE, "{'Image':'alpine'}", CREATED(B_ID),
		       "ContainerCreate 1.41 container <bbbb> alpine | | image=alpine |");
	expect_created(world, "POST /containers/web/exec", "{}", CREATED(E_ID),
		       "ContainerExec exec <eeee> alpine of web <aaaa>" NONE);
	expect_created(world, "POST /networks/create", "{'Name':'n'}", CREATED(C_ID),
		       "NetworkCreate network n <cccc> | | name=n |");
	expect_created(world, "POST /volumes/create", "{'Name':'v'}", "{'Name':'v'}",
		       "VolumeCreate volume v | | name=v |");
	expect_created(world, "POST /volumes/create", "{}", "{'Name':'" C_ID "'}",
		       "VolumeCreate volume " C_ID NONE);
	expect_created(world, "POST /services/create", "{'Name':'s'}", "{'ID':'x1'}",
		       "ServiceCreate service s <x1> | | name=s |");
	expect_created(world, "POST /secrets/create", "{'Name':'k','Data':''}", "{'ID':'x1'}",
		       "SecretCreate secret k <x1> | secret-access medium: SecretCreate | name=k | "
		       "T1552.007");
	expect_created(world, "POST /commit?container=web", NULL, CREATED("sha256:" C_ID),
		       "ImageCommit image <sha256:" C_ID "> alpine of web <aaaa> | "
		       "image-load medium: ImageCommit | | T1525");
	/* Without an id that can be read. */
	expect_created(world, CREATE "?name=x", "{}",
		       "{'Id':", "ContainerCreate 1.41 container x" NONE);
	expect_created(world, CREATE "?name=x", "{}", "nonsense",
		       "ContainerCreate 1.41 container x" NONE);
	expect_created(world, CREATE "?name=x", "{}", NULL,
		       "ContainerCreate 1.41 container x" NONE);
	expect_created(world, CREATE "?name=x", "{}", "{'Id':7}",
		       "ContainerCreate 1.41 container x" NONE);
	expect_call(world,
		    &(struct asked){.what = CREATE "?name=x",
				    .body = "{}",
				    .status = 409,
				    .answer = CREATED(D_ID)},
		    "ContainerCreate 1.41 container x" NONE);
}

/* What goes on is judged by what was seen whole; of a body that is on its way nothing is said. */
SCENARIO(going_on)
{
	struct asked create = {
		.what = CREATE "?name=new",
		.body = "{'HostConfig':{'Privileged':true}}",
		.status = NO_ANSWER,
	};

	make_call(world, &create);
	assert_string_equal(world->begun.data,
			    "ContainerCreate 1.41 container new | privileged critical: runs "
			    "privileged | privileged | T1611");
	create.seen = SEEN_NOT_TO_ITS_END;
	make_call(world, &create);
	assert_string_equal(world->begun.data, "ContainerCreate 1.41 container new" NONE);
}

/* All that is known of what nobody saw is its answer. */
SCENARIO(in_the_dark)
{
	struct asked unseen = {.what = " ", .status = 201, .answer = CREATED(B_ID)};
	struct asked refused = {.what = " ", .status = 404, .answer = "{}"};

	expect_call(world, &unseen, "? <bbbb> | body-not-seen high: the request was not seen | |");
	assert_memory_equal(world->created, B_ID, ID_DIGITS); /* the engine is asked about it */
	assert_null(inventory_container(world->inventories[0], bytes_of(B_ID)));
	expect_call(world, &refused, "?" NONE);
}

/* What may not be its answer says for certain neither what was made nor that nothing was. */
SCENARIO(uncertain_answer)
{
	struct asked create = {
		.what = CREATE "?name=new",
		.body = "{'HostConfig':{'Privileged':true}}",
		.status = 201,
		.answer = CREATED(B_ID),
		.unsure = true,
	};

	expect_call(world, &create,
		    "ContainerCreate 1.41 container new <bbbb> | privileged critical: runs "
		    "privileged | privileged | T1611");
	assert_memory_equal(world->created, B_ID, ID_DIGITS);
	assert_null(inventory_container(world->inventories[0], bytes_of(B_ID)));
	create.status = 404;
	create.seen = SEEN_NOT_TO_ITS_END;
	expect_call(world, &create,
		    "ContainerCreate 1.41 container new | body-not-seen high: body: it was not "
		    "seen whole | |");
}

/* The response that gave the id is read while the next request is on its way. */
SCENARIO(resolved_late)
{
	struct asked start = {.what = "POST /containers/new/start"};
	struct way way;

	way_begin(world, &start, &way);
	expect_created(
		world, CREATE "?name=new", "{'HostConfig':{'Privileged':true}}", CREATED(B_ID),
		"ContainerCreate 1.41 container new <bbbb> | privileged critical: runs privileged "
		"| privileged | T1611");
	way_answer(world, &start, &way);
	way_end(world, &start, &way);
	assert_string_equal(world->told.data,
			    "ContainerStart container new <bbbb> | privileged critical: runs "
			    "privileged | | T1611");
}

/* A container that is there, and that nobody has heard of. */
SCENARIO(asked_about)
{
	expect_call(world, &(struct asked){.what = "POST /containers/ghost/start", .status = 404},
		    "ContainerStart container ghost" NONE);
	assert_string_equal(world->asked, "");
	expect_call(world, &(struct asked){.what = "POST /containers/ghost/start", .status = 204},
		    "ContainerStart container ghost | " NOT_KNOWN " | |");
	assert_string_equal(world->asked, "ghost");
}

/* --- what is learned -------------------------------------------------------------------------- */

#define PRIVILEGED "| privileged critical: runs privileged | "

SCENARIO(created_and_started)
{
	const struct inventory_container *container;

	expect_created(world, CREATE "?name=/new",
		       "{'Image':'alpine','User':'7','Privileged':true}", CREATED(B_ID),
		       "ContainerCreate 1.41 container new <bbbb> alpine " PRIVILEGED
		       "image=alpine user=7 privileged | T1611");
	assert_string_equal(world->created, B_ID);
	container = inventory_container(world->inventories[0], bytes_of("new"));
	assert_non_null(container);
	assert_true(container->witnessed);
	assert_true(bytes_equal(container->user, bytes_of("7")));
	expect(world, "POST /containers/new/start",
	       "ContainerStart container new <bbbb> alpine " PRIVILEGED "| T1611");
	expect(world, "POST /containers/bbb/restart",
	       "ContainerRestart container new <bbbb> alpine " PRIVILEGED "| T1611");
	/* Each engine has its own. */
	expect_call(world, &(struct asked){.what = "POST /containers/new/start", .socket = 1},
		    "ContainerStart container new | " NOT_KNOWN " | |");
	assert_null(inventory_container(world->inventories[1], bytes_of("new")));
}

#define MOVED "host-root-mount critical: /srv/moves (that is /) mounted read-write at /x"
#define MOVING "{'HostConfig':{'Binds':['/srv/moves:/x']}}"

/* A symlink is followed anew at each start; the worse of what it was and is counts. */
SCENARIO(moved_link)
{
	struct asked exec = {.what = "POST /containers/new/exec", .body = "{}"};

	moving = "/srv/x";
	expect_created(world, CREATE "?name=new", MOVING, CREATED(B_ID),
		       "ContainerCreate 1.41 container new <bbbb> | | binds=/srv/moves:/x |");
	expect(world, "POST /containers/new/start", "ContainerStart container new <bbbb>" NONE);
	moving = "/";
	expect_call(world, &exec, "ContainerExec exec of new <bbbb>" NONE);
	expect_call(world, &(struct asked){.what = "POST /containers/new/start", .status = 304},
		    "ContainerStart container new <bbbb> | " MOVED " | | T1611");
	expect_call(world, &exec, "ContainerExec exec of new <bbbb>" NONE);
	expect(world, "POST /containers/new/restart",
	       "ContainerRestart container new <bbbb> | " MOVED " | | T1611");
	moving = "/srv/x";
	expect_call(world, &exec,
		    "ContainerExec exec of new <bbbb> | host-root-mount critical: in a container "
		    "that has /srv/moves (that is /) mounted read-write at /x; "
		    "root-container-entered critical: enters a container that has /srv/moves "
		    "(that is /) mounted read-write at /x | | T1611 T1609");
	expect(world, "POST /containers/new/restart",
	       "ContainerRestart container new <bbbb> | " MOVED " | | T1611");
	moving = NULL;
}

/* As the engine tells of a container. */
static void inspect(struct world *world, const char *id, const char *name, const char *host)
{
	struct inventory_container container = {
		.id = bytes_of(id), .name = bytes_of(name), .inspected = true};
	char text[1024];
	struct body *body;
	size_t size;
	char *json;

	snprintf(text, sizeof(text), "{'HostConfig':{%s}}", host);
	json = quoted(text, &size);
	assert_int_equal(body_new(&shape_container_inspect, 65536, NULL, &body), 0);
	body_feed(body, json, size);
	assert_int_equal(body_state(body), BODY_DONE);
	calls_judge_inspected(world->calls, 0, body_value(body), &container);
	assert_int_equal(inventory_put_container(world->inventories[0], &container), 0);
	body_free(body);
	free(json);
}

/* The engine started it again by itself: when it is inspected then, its mounts are what they are now. */
SCENARIO(moved_link_inspected)
{
	moving = "/srv/x";
	make_call(world, &(struct asked){.what = CREATE "?name=new",
					 .body = MOVING,
					 .status = 201,
					 .answer = CREATED(B_ID)});
	moving = "/";
	inspect(world, B_ID, "new",
		"'Binds':['/srv/moves:/x'],'SecurityOpt':['seccomp=unconfined']");
	moving = NULL;
	expect(world, "POST /containers/new/start",
	       "ContainerStart container new <bbbb> | " MOVED " | | T1611");
}

#define JOIN "join-container-namespace medium: "

/* The engine tells of the newest first: of those that join before those that are joined. */
SCENARIO(joined)
{
	inspect(world, D_ID, "third", "'PidMode':'container:second'");
	inspect(world, C_ID, "second", "'PidMode':'container:first','VolumesFrom':['first']");
	inspect(world, B_ID, "first", "'PidMode':'host','Binds':['/:/h:ro'],'IpcMode':'host'");
	expect(world, "POST /containers/third/start",
	       "ContainerStart container third <dddd> | "
	       "host-root-mount critical: / mounted read-only at /h, from container first, from "
	       "container second; "
	       "host-pid high: the host's PID namespace, from container first, from container "
	       "second; " JOIN "PID namespace of container:second | | T1611 T1610");
	expect_body(world, CREATE, "{'HostConfig':{'PidMode':'container:ddd'}}",
		    "ContainerCreate 1.41 container | "
		    "host-root-mount critical: / mounted read-only at /h, from container first, "
		    "from container second, from container ddd; "
		    "host-pid high: the host's PID namespace, from container first, from container "
		    "second, from container ddd; " JOIN "PID namespace of container:ddd | "
		    "namespaces.pid=container:ddd | T1611 T1610");
	expect_body(world, CREATE, "{'HostConfig':{'IpcMode':'container:first'}}",
		    "ContainerCreate 1.41 container | " JOIN "IPC namespace of container:first; "
		    "host-ipc medium: the host's IPC namespace, from container first | "
		    "namespaces.ipc=container:first | T1610");
	expect_body(world, CREATE, "{'HostConfig':{'NetworkMode':'container:first'}}",
		    "ContainerCreate 1.41 container | " JOIN "network namespace of container:first "
		    "| namespaces.network=container:first | T1610");
	expect_body(world, CREATE, "{'HostConfig':{'IpcMode':'container:second'}}",
		    "ContainerCreate 1.41 container | " JOIN "IPC namespace of container:second "
		    "| namespaces.ipc=container:second | T1610");
	expect_call(world, &(struct asked){.what = "POST /containers/third/attach", .status = 101},
		    "ContainerAttach container third <dddd> | "
		    "host-root-mount critical: in a container that has / mounted read-only at /h, "
		    "from container first, from container second; "
		    "root-container-entered critical: enters a container that has / mounted "
		    "read-only at /h, from container first, from container second; "
		    "host-pid high: in a container that has the host's PID namespace, from "
		    "container first, from container second; "
		    "join-container-namespace medium: in a container that has PID namespace of "
		    "container:second; "
		    "opaque-stream info: ContainerAttach | | T1611 T1609 T1610");
}

/* That joins itself, and all others, again and again. */
SCENARIO(joined_without_end)
{
	char host[512] = "'VolumesFrom':['first'";

	for (unsigned int i = 0; i < 20; i++)
		strcat(host, ",'second','first'");
	strcat(host, "]");
	inspect(world, C_ID, "second", host);
	inspect(world, B_ID, "first", host);
	make_call(world, &(struct asked){.what = "POST /containers/first/start"});
	assert_non_null(strstr(world->told.data,
			       "not-judged high: more joined containers than are followed"));
}

SCENARIO(more_than_is_kept)
{
	char body[8192] = "{'HostConfig':{'Binds':['/srv/x:/x'";

	for (unsigned int i = 0; i < 60; i++)
		strcat(body,
		       ",'/srv/x:/a/destination/that/is/rather/long/so/that/few/of/them/fit'");
	strcat(body, "]}}");
	make_call(world, &(struct asked){.what = CREATE "?name=new",
					 .body = body,
					 .status = 201,
					 .answer = CREATED(B_ID)});
	expect(world, "POST /containers/new/start",
	       "ContainerStart container new <bbbb> | not-judged medium: more is mounted or joined "
	       "than is looked at again at a start | |");
}

SCENARIO(not_created)
{
	static const struct asked requests[] = {
		{.what = CREATE "?name=x", .body = "{}", .status = 500, .answer = CREATED(B_ID)},
		{.what = CREATE "?name=x", .body = "{}", .status = NO_ANSWER},
		{.what = CREATE "?name=x",
		 .body = "{}",
		 .status = 201,
		 .answer = "{'Id':'" B_ID "'"},
		{.what = CREATE "?name=x", .body = "{}", .status = 201, .answer = "{}"},
		{.what = CREATE "?name=x", .body = "{}", .status = 201, .answer = "{'Id':'short'}"},
	};

	for (size_t i = 0; i < COUNT(requests); i++) {
		make_call(world, &requests[i]);
		assert_null(inventory_container(world->inventories[0], bytes_of("x")));
		assert_null(inventory_container(world->inventories[0], bytes_of(B_ID)));
		assert_string_equal(world->created, "");
	}
}

/* What was not seen whole is no witness. */
SCENARIO(not_witnessed)
{
	struct asked request = {.what = CREATE "?name=x",
				.body = "{'HostConfig':{'Privileged':true}}",
				.status = 201,
				.answer = CREATED(B_ID),
				.seen = SEEN_WITH_GAP};
	const struct inventory_container *container;

	make_call(world, &request);
	container = inventory_container(world->inventories[0], bytes_of("x"));
	assert_non_null(container);
	assert_false(container->witnessed);
	assert_int_equal(container->finding_count, 0);
	assert_string_equal(world->created, B_ID);
}

SCENARIO(execs)
{
	know_container(world->inventories[0], A_ID, "web", "1000");
	expect_created(
		world, "POST /containers/web/exec", "{'Privileged':true,'User':'root'}",
		CREATED(E_ID),
		"ContainerExec exec <eeee> alpine of web <aaaa> | exec-privileged critical: "
		"a privileged process in the container; exec-root low: as root in a container "
		"that runs as 1000 | user=root privileged | T1609");
	expect_call(
		world,
		&(struct asked){.what = "POST /exec/" E_ID "/start", .body = "{}", .status = 101},
		"ExecStart exec <eeee> alpine of web <aaaa> | exec-privileged critical: "
		"a privileged process in the container; exec-root low: as root in a container "
		"that runs as 1000; opaque-stream info: ExecStart | | T1609");
	/* Of a container that is known only by what the request calls it. */
	expect_created(world, "POST /containers/other/exec", "{'Privileged':true}", CREATED(D_ID),
		       "ContainerExec exec <dddd> of other | exec-privileged critical: "
		       "a privileged process in the container; " NOT_KNOWN " | privileged | T1609");
	expect(world, "POST /exec/" D_ID "/start",
	       "ExecStart exec <dddd> of other | exec-privileged critical: "
	       "a privileged process in the container; " NOT_KNOWN " | | T1609");
}

#define BIND_OPTIONS "'DriverOpts':{'type':'none','o':'bind','device':'/etc'}"
#define MAKE_VOLUME "POST /volumes/create"

SCENARIO(volumes)
{
	static const char use[] = "{'HostConfig':{'Binds':['v:/v']}}";
	static const char harmless[] = "ContainerCreate 1.41 container | | binds=v:/v |";
	static const char harmful[] = "ContainerCreate 1.41 container | volume-host-path critical: "
				      "volume v: /etc mounted "
				      "read-write at /v: accounts, secrets and "
				      "configuration of the host | binds=v:/v | T1611";

	expect_body(world, CREATE, use, harmless);
	make_call(world, &(struct asked){.what = MAKE_VOLUME,
					 .body = "{'Name':'v'," BIND_OPTIONS "}",
					 .status = 500,
					 .answer = "{'Name':'v'}"});
	expect_body(world, CREATE, use, harmless);
	expect_created(world, MAKE_VOLUME, "{'Name':'v'," BIND_OPTIONS "}", "{'Name':'v'}",
		       "VolumeCreate volume v | volume-host-path critical: /etc is what it stands "
		       "for: accounts, secrets and configuration of the host | "
		       "name=v options=type=none;o=bind;device=/etc | T1611");
	expect_body(world, CREATE, use, harmful);
	/* The daemon leaves it as it is. */
	expect_created(world, MAKE_VOLUME, "{'Name':'v'}", "{'Name':'v'}",
		       "VolumeCreate volume v | | name=v |");
	expect_body(world, CREATE, use, harmful);
	expect(world, "DELETE /volumes/v", "VolumeDelete volume v" NONE);
	expect_body(world, CREATE, use, harmless);
	/* Of another driver. */
	make_call(world, &(struct asked){.what = MAKE_VOLUME,
					 .body = "{'Name':'v','Driver':'x'," BIND_OPTIONS "}",
					 .status = 201,
					 .answer = "{'Name':'v'}"});
	expect_body(world, CREATE, use, harmless);
}

SCENARIO(renamed_and_deleted)
{
	struct inventory *inventory = world->inventories[0];

	know_some(inventory);
	expect_call(world,
		    &(struct asked){.what = "POST /containers/web/rename?name=site", .status = 409},
		    "ContainerRename container web <aaaa> alpine" NONE);
	assert_non_null(inventory_container(inventory, bytes_of("web")));
	expect_call(world,
		    &(struct asked){.what = "POST /containers/web/rename?name=site", .status = 204},
		    "ContainerRename container web <aaaa> alpine" NONE);
	expect(world, "GET /containers/web/json", "ContainerInspect container web" NONE);
	expect(world, "GET /containers/site/json",
	       "ContainerInspect container site <aaaa> alpine" NONE);
	/* Takes away a name only: the container stays. */
	expect_call(world, &(struct asked){.what = "DELETE /containers/site?link=1", .status = 204},
		    "ContainerDelete container site <aaaa> alpine" NONE);
	assert_non_null(inventory_container(inventory, bytes_of(A_ID)));
	assert_int_equal(world->changed, 1);
	expect_call(world, &(struct asked){.what = "DELETE /containers/site", .status = 404},
		    "ContainerDelete container site <aaaa> alpine" NONE);
	assert_non_null(inventory_container(inventory, bytes_of(A_ID)));
	expect_call(
		world,
		&(struct asked){.what = "DELETE /containers/site?link=0&force=1", .status = 204},
		"ContainerDelete container site <aaaa> alpine" NONE);
	assert_null(inventory_container(inventory, bytes_of(A_ID)));
	assert_int_equal(world->changed, 1);
}

SCENARIO(told_of)
{
	static const struct {
		const char *what;
		int status;
		unsigned int changed;
	} cases[] = {
		{"POST /images/load", 200, 1},
		{"POST /images/load", 500, 0},
		{"POST /containers/prune", 200, 1},
		{"POST /images/x/tag?repo=y", 201, 1},
		{"POST /commit?container=x", 201, 1},
		{"GET /images/json", 200, 0},
		{"POST /build", 200, 1},
		{"GET /nonsense", 404, 0},
		{"DELETE /images/x", 200, 1},
		{"POST /volumes/prune", 200, 1},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		world->changed = world->answered = 0;
		make_call(world, &(struct asked){.what = cases[i].what,
						 .status = cases[i].status,
						 .answer = "{'Id':'x'}"});
		if (world->changed != cases[i].changed || world->answered != 1)
			fail_msg("%s: %u, %u", cases[i].what, world->changed, world->answered);
	}
}

/* --- bodies ----------------------------------------------------------------------------------- */

#define UNSEEN(severity, why) "body-not-seen " severity ": body: " why

SCENARIO(body_states)
{
	static const char all[] = "{'HostConfig':{'Privileged':true}}";
	static const char wrong[] = "{'HostConfig':{'Privileged':true},'User':7}";
	static const char bad[] = "{'HostConfig':{'Privileged':true}";
	static const struct {
		struct asked request;
		const char *findings;
	} cases[] = {
		{{.what = CREATE, .body = all}, "privileged critical: runs privileged"},
		{{.what = CREATE, .body = all, .status = 500},
		 "privileged critical: runs privileged"},
		{{.what = CREATE}, ""},
		/* Not JSON. */
		{{.what = CREATE, .body = "nonsense", .status = NO_ANSWER},
		 UNSEEN("high", "not JSON")},
		{{.what = CREATE, .body = "nonsense", .status = JSON_ERROR}, ""},
		{{.what = "POST /networks/create", .body = "nonsense", .status = 201},
		 UNSEEN("info", "not JSON")},
		/* Of another type: the daemon that takes it knows it better. */
		{{.what = CREATE, .body = wrong, .status = JSON_ERROR}, ""},
		{{.what = CREATE, .body = wrong, .status = 201},
		 "privileged critical: runs privileged; " UNSEEN("high", "")},
		{{.what = CREATE, .body = wrong, .status = NO_ANSWER},
		 "privileged critical: runs privileged; " UNSEEN("high", "")},
		/* Not to its end. */
		{{.what = CREATE, .body = bad}, UNSEEN("high", "it ends too early")},
		{{.what = CREATE, .body = all, .seen = SEEN_WITH_GAP},
		 UNSEEN("high", "it was not seen whole")},
		{{.what = CREATE, .body = all, .seen = SEEN_NOT_TO_ITS_END},
		 UNSEEN("high", "it was not seen whole")},
		{{.what = CREATE, .body = all, .seen = SEEN_WITH_GAP, .status = 400}, ""},
		{{.what = "POST /containers/x/update", .body = "{}", .seen = SEEN_WITH_GAP},
		 UNSEEN("high",
			"it was not seen whole") "; container-update medium: ContainerUpdate"},
		{{.what = "POST /services/create", .body = "{}", .seen = SEEN_WITH_GAP},
		 UNSEEN("high", "it was not seen whole")},
		{{.what = "POST /swarm/join", .body = "{}", .seen = SEEN_WITH_GAP},
		 "swarm high: SwarmJoin; " UNSEEN("info", "it was not seen whole")},
		/* Nobody looks into it. */
		{{.what = "POST /auth", .body = "nonsense", .seen = SEEN_WITH_GAP},
		 "secret-access medium: SystemAuth"},
		{{.what = "POST /nonsense", .body = "nonsense", .status = 404}, ""},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		const char *told, *wanted = cases[i].findings;

		make_call(world, &cases[i].request);
		told = part_told(world, TOLD_FINDINGS);
		/* What body.c says of a mistake is its own affair. */
		if (strlen(told) < strlen(wanted) || memcmp(told, wanted, strlen(wanted)) ||
		    (!*wanted && *told))
			fail_msg("%s %s %d\nsays   %s\nwanted %s", cases[i].request.what,
				 cases[i].request.body, cases[i].request.status, told, wanted);
	}
}

/* COUNT times ELEMENT, and then LAST, in a list. */
static char *long_body(const char *before, unsigned int count, const char *element,
		       const char *last)
{
	struct text text = {0};

	text_add_string(&text, before);
	for (unsigned int i = 0; i < count; i++)
		text_add_string(&text, element);
	text_add_string(&text, last);
	assert_int_equal(text.error, 0);
	return text.data;
}

/* More than is kept: what is dangerous by itself is found all the same. */
SCENARIO(dropped_and_cut)
{
	char *body =
		long_body("{'HostConfig':{'Binds':[", 3000, "'/srv/harmless:/somewhere',",
			  "'/etc/shadow:/s','/:/host'],'CapAdd':['SYS_ADMIN'],'PidMode':'host'}}");

	make_call(world, &(struct asked){.what = CREATE "?name=x",
					 .body = body,
					 .status = 201,
					 .answer = CREATED(B_ID)});
	assert_string_equal(
		part_told(world, TOLD_FINDINGS),
		"host-path-mount critical: /etc/shadow mounted read-write at /s: password hashes; "
		"host-root-mount critical: / mounted read-write at /host; "
		"cap-add critical: capability SYS_ADMIN; "
		"host-pid high: the host's PID namespace; body-not-seen high: body: "
		"it has more than is kept; what is dangerous by itself was judged");
	assert_non_null(strstr(world->told.data, ";…"));
	assert_false(inventory_container(world->inventories[0], bytes_of("x"))->witnessed);
	free(body);
	body = long_body("{'Hostname':'", BODY_STRING_MAX + 1, "h", "'}");
	make_call(world, &(struct asked){.what = CREATE, .body = body});
	assert_string_equal(part_told(world, TOLD_FINDINGS),
			    "body-not-seen high: body: a text in it is longer than what is kept");
	free(body);
	/* What nobody keeps may be of any size. */
	body = long_body("{'HostConfig':{'Dns':[", 100000, "'1.2.3.4',", "'']}}");
	make_call(world, &(struct asked){.what = CREATE, .body = body});
	assert_string_equal(part_told(world, TOLD_FINDINGS), "");
	free(body);
}

#define NO_MEMORY "body-not-seen high: body: there was no memory for it"

/* One body takes all that there is: it is given back to the last byte. */
static void test_memory(void **state)
{
	struct asked request = {.what = CREATE, .body = "{'HostConfig':{'Privileged':true}}"};

	for (enum split split = SPLIT_NOT; split < SPLITS; split++) {
		struct world world = {.split = split};
		const struct reader *reader;
		struct way ways[2];
		size_t before;

		world_open(&world);
		world.options.memory_max = 0;
		world_renew(&world);
		reader = calls_reader(world.calls);
		for (unsigned int i = 0; i < 3; i++) {
			way_begin(&world, &request, &ways[0]);
			before = reader->memory(ways[0].exchange->content);
			way_begin(&world, &request, &ways[1]);
			assert_true(reader->memory(ways[1].exchange->content) < before);
			way_body(&world, &request, &ways[0]);
			assert_true(reader->memory(ways[0].exchange->content) > before);
			way_body(&world, &request, &ways[1]);
			way_end(&world, &request, &ways[1]);
			assert_string_equal(part_told(&world, TOLD_FINDINGS), NO_MEMORY);
			way_answer(&world, &request, &ways[0]);
			way_end(&world, &request, &ways[0]);
			assert_string_equal(part_told(&world, TOLD_FINDINGS),
					    "privileged critical: runs privileged");
		}
		/* What is refused takes none. */
		make_call(&world, &(struct asked){.what = "GET /info"});
		make_call(&world, &(struct asked){.what = CREATE, .body = "nonsense"});
		make_call(&world, &(struct asked){.what = CREATE,
						  .body = request.body,
						  .seen = SEEN_WITH_GAP});
		make_call(&world, &request);
		assert_string_equal(part_told(&world, TOLD_FINDINGS),
				    "privileged critical: runs privileged");
		world_close(&world);
	}
}

/* Whoever sends many bodies loses his own, and another's is read. */
static void test_memory_of_accounts(void **state)
{
	struct asked request = {.what = CREATE, .body = "{'HostConfig':{'Privileged':true}}"};
	struct way mine, his[100];
	struct world world = {0};
	unsigned int refused = 0;
	size_t taken;

	world_open(&world);
	way_begin(&world, &request, &his[0]);
	way_body(&world, &request, &his[0]);
	taken = calls_reader(world.calls)->memory(his[0].exchange->content);
	way_answer(&world, &request, &his[0]);
	way_end(&world, &request, &his[0]);
	world.options.memory_max = taken * 30;
	world_renew(&world);
	world.account = 7;
	for (unsigned int i = 0; i < COUNT(his); i++) {
		way_begin(&world, &request, &his[i]);
		way_body(&world, &request, &his[i]);
	}
	world.account = 5;
	way_begin(&world, &request, &mine);
	way_body(&world, &request, &mine);
	way_answer(&world, &request, &mine);
	way_end(&world, &request, &mine);
	assert_string_equal(part_told(&world, TOLD_FINDINGS),
			    "privileged critical: runs privileged");
	for (unsigned int i = 0; i < COUNT(his); i++) {
		way_answer(&world, &request, &his[i]);
		way_end(&world, &request, &his[i]);
		refused += !strcmp(part_told(&world, TOLD_FINDINGS), NO_MEMORY);
	}
	assert_in_range(refused, 60, 90);
	world_close(&world);
}

/* --- oddities --------------------------------------------------------------------------------- */

#define ODD "protocol-anomaly medium: "

SCENARIO(oddities)
{
	static const struct {
		struct asked request;
		const char *findings;
	} cases[] = {
		{{.what = CREATE, .body = "{'User':'a','User':'b'}"}, ODD "a key twice"},
		{{.what = CREATE, .body = "{'user':'a'}"}, ODD "a key in another case"},
		{{.what = CREATE, .body = "{'\\u0055ser':'a'}"}, ODD "a key spelled with escapes"},
		{{.what = CREATE, .body = "{'User':'\xff'}"}, ODD "bytes that are not UTF-8"},
		{{.what = CREATE, .body = "{} {}"}, ODD "bytes behind the JSON"},
		{{.what = CREATE, .body = "{} \n\t"}, ""},
		{{.what = CREATE, .body = "{'user':'a','User':'b'}x"},
		 ODD "a key twice, a key in another case, bytes behind the JSON"},
		{{.what = CREATE, .anomalies = HTTP1_ANOMALY_DUPLICATE_LENGTH},
		 ODD "HTTP that others read differently"},
		{{.what = "GET /info", .anomalies = HTTP1_ANOMALY_BARE_LF},
		 ODD "HTTP that others read differently"},
		{{.what = "GET /info", .anomalies = HTTP1_ANOMALY_OVERSIZED}, ""},
		{{.what = "POST /containers/web/stop", .body = "t=1", .mime_type = FORM},
		 ODD "a form in the body, which overrides the query"},
		{{.what = "POST /containers/web/stop",
		  .body = "t=1",
		  .mime_type = "Application/X-WWW-Form-URLencoded"},
		 ODD "a form in the body, which overrides the query"},
		{{.what = "POST /containers/web/stop", .mime_type = FORM}, ""},
		{{.what = "GET /nonsense", .anomalies = HTTP1_ANOMALY_BARE_LF, .status = 404},
		 ODD "HTTP that others read differently"},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		make_call(world, &cases[i].request);
		if (strcmp(part_told(world, TOLD_FINDINGS), cases[i].findings) != 0)
			fail_msg("%s %s\nsays   %s\nwanted %s", cases[i].request.what,
				 cases[i].request.body ?: "", part_told(world, TOLD_FINDINGS),
				 cases[i].findings);
	}
}

static void test_unread(void **state)
{
	struct record record = {.http = {.parse_error = "a bad header", .status = 400}};
	struct world world = {0};

	world_open(&world);
	calls_reader(world.calls)->describe_unread(world.calls, &record);
	tell(&world.told, &record);
	assert_string_equal(world.told.data, "? | protocol-anomaly medium: a bad header | |");
	record = (struct record){0};
	text_cut(&world.told, 0);
	calls_reader(world.calls)->describe_unread(world.calls, &record);
	tell(&world.told, &record);
	assert_string_equal(world.told.data,
			    "? | body-not-seen high: what was asked for is not understood; "
			    "protocol-anomaly medium: its head was not seen | |");
	world_close(&world);
}

SCENARIO(unknown_socket)
{
	expect_call(world, &(struct asked){.what = "GET /info", .socket = 2}, "?" NONE);
}

/* --- who calls, and what the site thinks of it ------------------------------------------------- */

static void set(struct world *world, const char *section, const char *key, const char *value)
{
	char reason[256];

	if (policy_set(world->policy, (struct setting_source){0}, section, key, value, reason,
		       sizeof(reason)))
		fail_msg("%s", reason);
}

SCENARIO(severities)
{
	static const char body[] =
		"{'HostConfig':{'Privileged':true,'PidMode':'host','Runtime':'x'}}";

	expect_body(world, CREATE, body,
		    "ContainerCreate 1.41 container | privileged critical: runs privileged; "
		    "host-pid high: "
		    "the host's PID namespace; other-runtime medium: runtime x | privileged "
		    "namespaces.pid=host runtime=x | T1611");
	set(world, "finding privileged", NULL, NULL);
	set(world, "finding privileged", "severity", "off");
	set(world, "finding other-runtime", NULL, NULL);
	set(world, "finding other-runtime", "severity", "critical");
	set(world, "finding host-pid", NULL, NULL);
	set(world, "finding host-pid", "severity", "info");
	expect_created(
		world, CREATE "?name=x", body, CREATED(B_ID),
		"ContainerCreate 1.41 container x <bbbb> | other-runtime critical: runtime x; "
		"host-pid info: the host's PID namespace | privileged namespaces.pid=host "
		"runtime=x | "
		"T1611");
	/* The inventory has it all: another policy may come. */
	assert_int_equal(inventory_container(world->inventories[0], bytes_of("x"))->finding_count,
			 3);
	expect(world, "POST /containers/x/start",
	       "ContainerStart container x <bbbb> | other-runtime critical: runtime x; "
	       "host-pid info: the host's PID namespace | | T1611");
	set(world, "finding protocol-anomaly", NULL, NULL);
	set(world, "finding protocol-anomaly", "severity", "off");
	expect_call(world, &(struct asked){.what = "GET /info", .anomalies = HTTP1_ANOMALY_TRAILER},
		    "SystemInfo" NONE);
}

#define CGROUP "/system.slice/ci.service"
#define IN_WEB "/docker/" A_ID

SCENARIO(callers)
{
	struct caller alice = {
		.process = {.euid = 1000, .executable = bytes_of(PROGRAM)},
		.login_uid = CALLERD_UNSET_ID,
		.executable_inode = PROGRAM_INODE,
		.executable_known = true,
		.root = bytes_of("/"),
		.cgroup = bytes_of(CGROUP),
	};
	struct caller bob = alice, deleted = alice, imitated = alice, exchanged = alice,
		      old = alice, inside = alice, forged = alice, sudo = alice;
	struct asked request = {.what = "GET /info"};

	know_some(world->inventories[1]);
	bob.process.euid = sudo.process.euid = 7;
	sudo.login_uid = 1000;
	deleted.process.executable_deleted = true;
	imitated.executable_inode++;
	exchanged.process.executable_exchanged = true;
	exchanged.executable_claimed = bytes_of("/bin/true");
	old.executable_known = false;
	inside.cgroup = bytes_of(IN_WEB);
	forged.cgroup = bytes_of("/alice/" A_ID);
	set(world, "expected ci", NULL, NULL);
	set(world, "expected ci", "user", "alice");
	set(world, "expected ci", "exe", PROGRAM);
	set(world, "expected ci", "unit", "ci.service");
	set(world, "expected ci", "operations", "System*");
	set(world, "expected login", NULL, NULL);
	set(world, "expected login", "login-user", "alice");
	set(world, "expected web", NULL, NULL);
	set(world, "expected web", "container-image", "alpine");
	expect_call(world, &request, "SystemInfo" NONE);
	request.caller = &alice;
	expect_call(world, &request, "SystemInfo" NONE " | expected by ci");
	request.caller = &bob;
	expect_call(world, &request, "SystemInfo" NONE);
	request.caller = &deleted;
	expect_call(world, &request, "SystemInfo" NONE);
	request.caller = &imitated;
	expect_call(world, &request, "SystemInfo" NONE);
	request.caller = &exchanged;
	expect_call(world, &request,
		    "SystemInfo | executable-forged high: executed " PROGRAM
		    ", pretends /bin/true | | T1036");
	/* The rule names the unit that it is in. */
	request.caller = &old;
	expect_call(world, &request, "SystemInfo" NONE " | expected by ci");
	old.cgroup = bytes_of("/user.slice/ci.service");
	expect_call(world, &request, "SystemInfo" NONE);
	request.caller = &sudo;
	expect_call(world, &request, "SystemInfo" NONE " | expected by login");
	/* Only root names cgroups that count. */
	forged.cgroup_claimed = strlen("/" A_ID);
	forged.cgroup_owner = 1000;
	request.caller = &forged;
	expect_call(world, &request,
		    "SystemInfo | caller-forged high: the cgroup is named after container "
		    "aaaaaaaaaaaa, by user 1000 and not by an engine: web | | T1036");
	forged.cgroup = bytes_of("/alice/" E_ID);
	expect_call(world, &request,
		    "SystemInfo | caller-forged low: the cgroup is named after container "
		    "eeeeeeeeeeee, by user 1000 and not by an engine | | T1036");
	/* The user's own engine may name them after its containers. */
	forged.has_node = true;
	forged.node_uid = 1000;
	expect_call(world, &request, "SystemInfo" NONE);
	/* Of whichever engine. */
	request.caller = &inside;
	expect_call(world, &request,
		    "SystemInfo | called-from-container low: by a process in container web | | "
		    "| from web alpine | expected by web");
	request.what = "POST /containers/x/stop";
	expect_call(world, &request,
		    "ContainerStop container x | called-from-container medium: by a process in "
		    "container web | | | from web alpine | expected by web");
	request.what = "POST /containers/x/wait";
	expect_call(world, &request,
		    "ContainerWait container x | called-from-container low: by a process in "
		    "container web | | | from web alpine | expected by web");
	/* Of none that is known, and in one within another. */
	inside.cgroup = bytes_of("/docker/" E_ID);
	request.what = "GET /nonsense";
	request.status = 404;
	expect_call(world, &request,
		    "? | called-from-container low: by a process in container eeeeeeeeeeee | |");
	inside.cgroup = bytes_of("/docker/" E_ID "/docker/" A_ID);
	expect_call(world, &request, "?" NONE);
	inside.pid_ns = 4026532200;
	expect_call(world, &request,
		    "? | called-from-container low: by a process in a container | |");
	request = (struct asked){.what = "GET /images/json", .caller = &alice};
	expect_call(world, &request, "ImageList image" NONE);
	request = (struct asked){.what = "GET /nonsense", .status = 404, .caller = &alice};
	expect_call(world, &request, "?" NONE);
	/* Another process than the one that connected. */
	request = (struct asked){.what = "GET /info", .caller = &alice, .connector = &bob};
	expect_call(world, &request,
		    "SystemInfo | sender-differs info: another process than the one that connected "
		    "| | | "
		    "expected by ci");
	/* That one alone may have sent it, but how is not certain: nobody says that it was another. */
	request =
		(struct asked){.what = "GET /images/json", .connector = &bob, .candidates = {&bob}};
	expect_call(world, &request, "ImageList image" NONE);
	request.candidates[1] = &alice;
	expect_call(world, &request,
		    "ImageList image | sender-differs info: another process than the one that "
		    "connected | |");
}

#define REMOVED "ImageDelete image x"

SCENARIO(many_removals)
{
	struct caller alice = {.process.euid = 1000}, bob = {.process.euid = 7};
	struct asked request = {.what = "DELETE /images/x", .caller = &alice};

	for (unsigned int i = 1; i < REMOVALS_MANY; i++)
		expect_call(world, &request, REMOVED NONE);
	/* What is refused removes nothing, nor does who asks for something else. */
	request.status = 409;
	expect_call(world, &request, REMOVED NONE);
	request.status = 200;
	request.caller = &bob;
	expect_call(world, &request, REMOVED NONE);
	request.caller = NULL;
	expect_call(world, &request, REMOVED NONE);
	request.caller = &alice;
	request.what = "GET /images/x/json";
	expect_call(world, &request, "ImageInspect image x" NONE);
	request.what = "DELETE /images/x";
	make_call(world, &request);
	assert_non_null(strstr(part_told(world, TOLD_FINDINGS), "remove-many low: "));
}

SCENARIO(other_servers)
{
	static const struct {
		enum server_change change;
		const char *severity;
	} cases[] = {
		{SERVER_OTHER_UNIT, "server-differs high: "},
		{SERVER_UNKNOWN, "server-differs high: "},
		{SERVER_OTHER_EXECUTABLE, "server-differs critical: "},
		{SERVER_OTHER_USER, "server-differs critical: "},
	};
	struct asked request = {.what = "GET /info"};

	for (size_t i = 0; i < COUNT(cases); i++) {
		other_server = (struct record_server){.pid = 12, .change = cases[i].change};
		make_call(world, &request);
		other_server = (struct record_server){0};
		assert_non_null(strstr(part_told(world, TOLD_FINDINGS), cases[i].severity));
	}
	expect_call(world, &request, "SystemInfo" NONE);
}

/* A record of something else than a request. */
static void test_describe_caller(void **state)
{
	struct caller caller = {.cgroup = bytes_of(IN_WEB)};
	struct record record = {.caller = &caller};
	struct world world = {0};

	world_open(&world);
	calls_describe_caller(world.calls, &record);
	assert_null(record.container_name.data);
	know_some(world.inventories[0]);
	calls_describe_caller(world.calls, &record);
	assert_true(bytes_equal(record.container_name, bytes_of("web")));
	assert_true(bytes_equal(record.container_image, bytes_of("alpine")));
	caller.cgroup = bytes_of("/docker/" B_ID);
	record = (struct record){.caller = &caller};
	calls_describe_caller(world.calls, &record);
	assert_null(record.container_name.data);
	record = (struct record){0};
	calls_describe_caller(world.calls, &record);
	assert_null(record.container_name.data);
	world_close(&world);
}

/* --- containers as their engine tells them ----------------------------------------------------- */

#define INSPECTED(host)                                                                            \
	"{'Id':'" A_ID                                                                             \
	"','Name':'/web','Image':'sha256:00','Config':{'Image':'alpine:3','User':'7'},"            \
	"'HostConfig':{" host "}}"

static void test_inspected(void **state)
{
	static const struct {
		const char *inspect, *findings;
	} cases[] = {
		{INSPECTED("'Privileged':false,'NetworkMode':'bridge','PidMode':'','Binds':null"),
		 ""},
		{INSPECTED("'Privileged':true"), "privileged"},
		{INSPECTED("'Privileged':true,'SecurityOpt':['label=disable']"), "privileged"},
		{INSPECTED("'PidMode':'host','SecurityOpt':['label=disable']"), "host-pid"},
		{INSPECTED("'IpcMode':'host','SecurityOpt':['label=disable']"), "host-ipc"},
		{INSPECTED("'SecurityOpt':['label=disable']"), "security-disabled"},
		{INSPECTED("'PidMode':'host','SecurityOpt':['seccomp=unconfined']"),
		 "host-pid security-disabled"},
		/* The default of the engine, and no word of the request. */
		{INSPECTED("'CgroupnsMode':'host','Runtime':'runc','CgroupParent':''"), ""},
		{INSPECTED("'CapAdd':['CHOWN','SYS_ADMIN'],'Binds':['/tmp:/t','conf:/c']"),
		 "volume-host-path cap-add host-path-mount cap-add"},
		{INSPECTED("'MaskedPaths':null,'ReadonlyPaths':null"), ""},
		{INSPECTED("'MaskedPaths':[]"), "security-disabled"},
		/* What podman tells of each of its containers. */
		{INSPECTED("'Runtime':'oci','Annotations':{'io.container.manager':'libpod',"
			   "'org.systemd.property.KillSignal':'15','io.podman.annotations.init':'"
			   "FALSE'}"),
		 ""},
		{INSPECTED("'Runtime':'kata','Annotations':{'run.oci.x':'1'}"),
		 "other-runtime not-judged"},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct inventory_container container = {0};
		struct world world = {0};
		struct text ids = {0};
		struct body *body;
		size_t size;
		char *json = quoted(cases[i].inspect, &size);

		world_open(&world);
		know_some(world.inventories[0]);
		assert_int_equal(body_new(&shape_container_inspect, 65536, NULL, &body), 0);
		assert_int_equal(body_feed(body, json, size), 0);
		assert_int_equal(body_state(body), BODY_DONE);
		calls_judge_inspected(world.calls, 0, body_value(body), &container);
		assert_true(bytes_equal(container.image, bytes_of("alpine:3")));
		assert_true(bytes_equal(container.user, bytes_of("7")));
		for (unsigned int k = 0; k < container.finding_count; k++) {
			if (k)
				text_add_char(&ids, ' ');
			text_add_string(&ids, finding_kind(container.findings[k].id)->id);
		}
		if (!bytes_equal(text_since(&ids, 0), bytes_of(cases[i].findings)))
			fail_msg("%s: %s, not %s", cases[i].inspect, ids.data ?: "",
				 cases[i].findings);
		text_free(&ids);
		body_free(body);
		free(json);
		world_close(&world);
	}
}

/* What is judged is what was sent; what is told of it has no secret. */
SCENARIO(secrets)
{
	expect_call(world,
		    &(struct asked){.what = CREATE,
				    .body = "{'Image':'http://u:hunter2@h/x'}",
				    .status = 400,
				    .answer = "{}"},
		    "ContainerCreate 1.41 container http://u:***@h/x | | image=http://u:***@h/x |");
	expect(world, "POST /images/create?fromImage=http://u:hunter2@h/x",
	       "ImageCreate image http://u:***@h/x | | |");
	expect(world,
	       "POST /build?t=x&remote=http://u:hunter2@h/x&buildargs={%22A%22:%22hunter2%22}",
	       "ImageBuild image x | | image=x remote=http://u:***@h/x |");
	expect(world, "GET /containers/web/archive?path=/x/password=y/../../../etc/shadow",
	       "ContainerArchive container web | container-file-read medium: "
	       "reads /etc/shadow; " NOT_KNOWN " | |");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_targets),
		cmocka_unit_test(test_targets_in_bodies),
		cmocka_unit_test(test_failures_within_answers),
		cmocka_unit_test(test_going_on),
		cmocka_unit_test(test_in_the_dark),
		cmocka_unit_test(test_uncertain_answer),
		cmocka_unit_test(test_resolved_late),
		cmocka_unit_test(test_asked_about),
		cmocka_unit_test(test_created_and_started),
		cmocka_unit_test(test_moved_link),
		cmocka_unit_test(test_moved_link_inspected),
		cmocka_unit_test(test_joined),
		cmocka_unit_test(test_joined_without_end),
		cmocka_unit_test(test_more_than_is_kept),
		cmocka_unit_test(test_not_created),
		cmocka_unit_test(test_not_witnessed),
		cmocka_unit_test(test_execs),
		cmocka_unit_test(test_volumes),
		cmocka_unit_test(test_renamed_and_deleted),
		cmocka_unit_test(test_told_of),
		cmocka_unit_test(test_body_states),
		cmocka_unit_test(test_dropped_and_cut),
		cmocka_unit_test(test_memory),
		cmocka_unit_test(test_memory_of_accounts),
		cmocka_unit_test(test_oddities),
		cmocka_unit_test(test_unread),
		cmocka_unit_test(test_unknown_socket),
		cmocka_unit_test(test_severities),
		cmocka_unit_test(test_callers),
		cmocka_unit_test(test_many_removals),
		cmocka_unit_test(test_other_servers),
		cmocka_unit_test(test_describe_caller),
		cmocka_unit_test(test_inspected),
		cmocka_unit_test(test_secrets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
