// SPDX-License-Identifier: Apache-2.0
/*
 * What a container has of the host since another one has it: its namespaces, its volumes, and through the PID
 * namespace its files, by /proc/PID/root.
 *
 * Containers join those that join others. What one was found to have when it was created has that in it; but one
 * that callerd did not see being made is not always told of after those that it joins, so that they are followed here
 * as well.
 */
#include "docker/judge/judge.h"
#include "docker/known/packed.h"

#define STEPS_MAX 64 /* containers that are looked up for one */
#define DEPTH_MAX 16

/* Joins of joins: the innermost is the join of the container that has something of the host. */
struct join {
	const struct join *outer; /* NULL: it is that of the container in question */
	enum join_kind kind;
	struct bytes key;
	unsigned int depth;
};

struct walk {
	struct judging *judging;
	struct verdict *to;
	unsigned int steps;
};

/* Whether a finding of this id is about a mount, or may be. */
static bool is_mount(enum finding_id id)
{
	return finding_is_mount(id) || id == FINDING_NOT_JUDGED;
}

/* Whether a container that joins KIND of another one gets what FINDING of the other one is about. */
static bool comes_with(enum join_kind kind, const struct finding *finding)
{
	switch (kind) {
	case JOIN_PID:
		return finding->id == FINDING_HOST_PID || is_mount(finding->id);
	case JOIN_NETWORK:
		return finding->id == FINDING_HOST_NETWORK;
	case JOIN_IPC:
		return finding->id == FINDING_HOST_IPC;
	case JOIN_UTS:
		return finding->id == FINDING_HOST_UTS;
	case JOIN_USER:
		return finding->id == FINDING_HOST_USERNS;
	case JOIN_CGROUP:
		return finding->id == FINDING_HOST_CGROUPNS;
	case JOIN_VOLUMES:
		return is_mount(finding->id);
	}
	return false;
}

static void join_add_finding(struct walk *walk, const struct join *join,
			     const struct finding *finding)
{
	struct finding told = *finding;
	_cleanup_(text_free) struct text detail = {0};

	text_add_bytes(&detail, finding->detail);
	for (; join; join = join->outer) {
		text_add_string(&detail, ", from container ");
		text_add_bytes(&detail, join->key);
	}
	told.detail = text_since(&detail, 0);
	verdict_add_finding(walk->to, &told);
}

static void follow_all(struct walk *walk, const struct join *outer, struct bytes joins);

static void join_follow(struct walk *walk, const struct join *join)
{
	const struct inventory_container *from;

	if (walk->steps++ >= STEPS_MAX || join->depth > DEPTH_MAX) {
		verdict_add(walk->to, FINDING_NOT_JUDGED, SEVERITY_HIGH,
			    "more joined containers than are followed");
		return;
	}
	from = inventory_container(walk->judging->inventory, join->key);
	if (!from)
		return; /* to join one at all is a finding */
	for (unsigned int i = 0; i < from->finding_count; i++)
		if (comes_with(join->kind, &from->findings[i]))
			join_add_finding(walk, join, &from->findings[i]);
	follow_all(walk, join, from->joins);
}

/* Follows those JOINS of OUTER's container whose gains come with OUTER. */
static void follow_all(struct walk *walk, const struct join *outer, struct bytes joins)
{
	struct bytes packed;

	while (walk->steps <= STEPS_MAX && packed_next(&joins, &packed) && packed.size) {
		struct join join = {
			.outer = outer,
			.kind = (enum join_kind)packed.data[0],
			.key = bytes_from(packed, 1),
			.depth = outer ? outer->depth + 1 : 0,
		};

		if (!outer || join.kind == outer->kind ||
		    (outer->kind == JOIN_PID && join.kind == JOIN_VOLUMES))
			join_follow(walk, &join);
	}
}

static void keep_join(struct kept *kept, enum join_kind kind, struct bytes key)
{
	_cleanup_(text_free) struct text packed = {0};

	if (key.size + PACKED_HEAD + 1 > KEPT_MAX - kept->joins.size) {
		kept->more = true;
		return;
	}
	text_add_char(&packed, (char)kind);
	text_add_bytes(&packed, key);
	packed_add(&kept->joins, text_since(&packed, 0));
}

void judge_join(struct judging *judging, enum join_kind kind, struct bytes key)
{
	struct walk walk = {judging, judging->verdict, 0};
	struct join join = {.kind = kind, .key = key};

	if (judging->kept)
		keep_join(judging->kept, kind, key);
	if (judging->inventory)
		join_follow(&walk, &join);
}

void judge_joined(struct judging *judging, const struct inventory_container *container,
		  struct verdict *to)
{
	struct walk walk = {judging, to, 0};

	if (judging->inventory)
		follow_all(&walk, NULL, container->joins);
}
