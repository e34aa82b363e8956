// SPDX-License-Identifier: Apache-2.0
#include "finder/servants.h"

#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "finder/listening.h"
#include "host/proc.h"
#include "record/login.h"

#define SERVANTS_KEPT 1024 /* processes */
#define SERVANTS_DEPTH 4   /* processes of one program, the caller's own included */
#define SERVANTS_YOUNG NS_PER_S
#define SERVANTS_PATIENCE NS_PER_S
#define SERVANTS_AGAIN                                                                             \
	(30 * NS_PER_S) /* one that did not listen may do so by then, and the other way round */
/* In a second: of an account, and of all whose numbers fall together. */
#define SERVANTS_LOOKS_MAX 4
#define SERVANTS_ACCOUNTS 64

/* A process. */
struct servant {
	uint32_t pid;
	uint64_t start, due;
	enum relayed_basis how;
	bool asked, known;
};

struct servant_looks {
	uint64_t second;
	unsigned int count;
};

struct servants {
	struct beside *beside;
	unsigned int
		asked; /* jobs that have not come back, of processes of which nothing is known */
	struct servant_looks looks[SERVANTS_ACCOUNTS];
	struct servant kept[SERVANTS_KEPT];
};

struct servant_job {
	struct job job;
	struct servants *servants; /* the loop alone uses it */
	uint32_t pid;
	uint64_t start;
	bool first;
	int role; /* enum listening_role, or -errno */
};

int servants_new(struct beside *beside, struct servants **ret)
{
	*ret = calloc(1, sizeof(**ret));
	if (!*ret)
		return -ENOMEM;
	(*ret)->beside = beside;
	return 0;
}

void servants_free(struct servants *servants)
{
	free(servants);
}

bool servants_are_asked(const struct servants *servants)
{
	return servants->asked;
}

static struct servant *servant_place(struct servants *servants, uint32_t pid)
{
	return &servants->kept[pid % SERVANTS_KEPT];
}

static bool is_servant(const struct servant *servant, uint32_t pid, uint64_t start)
{
	return servant->pid == pid && servant->start == start;
}

/* --- looking ---------------------------------------------------------------------------------- */

static void run_servant(struct job *job)
{
	struct servant_job *look = (struct servant_job *)job;
	_close_ int process = proc_open(look->pid, look->start);
	int role = process >= 0 ? listening_role(look->pid, process) : process;

	/* It has not ended meanwhile, and its PID passed on. */
	look->role = role > 0 && !proc_start_ticks(process) ? -ESRCH : role;
}

static void take_servant(struct job *job, bool came, void *data)
{
	static const enum relayed_basis words[] = {
		[LISTENING_NOT] = RELAYED_BY_NOTHING,
		[LISTENING_ACCEPTED] = RELAYED_BY_ACCEPTED,
		[LISTENING_LISTENS] = RELAYED_BY_LISTENING,
	};
	struct servant_job *look = (struct servant_job *)job;
	struct servant *servant = servant_place(look->servants, look->pid);

	(void)data;
	look->servants->asked -= look->first;
	if (!is_servant(servant, look->pid, look->start))
		return; /* another process has taken its place */
	servant->asked = false;
	if (!came || look->role < 0)
		return;
	servant->known = true;
	servant->how = words[look->role];
}

static void free_servant(struct job *job)
{
	free(job);
}

static bool takes_servants_look(struct servants *servants, uint64_t account, uint64_t now)
{
	struct servant_looks *looks = &servants->looks[account % SERVANTS_ACCOUNTS];
	uint64_t second = now / NS_PER_S;

	if (looks->second != second)
		*looks = (struct servant_looks){.second = second};
	return looks->count++ < SERVANTS_LOOKS_MAX;
}

static void servants_look(struct servants *servants, struct servant *servant, uint64_t account,
			  uint64_t now)
{
	struct servant_job *look;

	servant->due = now + SERVANTS_AGAIN;
	if (!takes_servants_look(servants, account, now)) {
		servant->due = now + NS_PER_S;
		return;
	}
	look = calloc(1, sizeof(*look));
	if (!look)
		return;
	look->job = (struct job){.run = run_servant,
				 .done = take_servant,
				 .free = free_servant,
				 .account = account,
				 .patience = SERVANTS_PATIENCE};
	look->servants = servants;
	look->pid = servant->pid;
	look->start = servant->start;
	look->first = !servant->known;
	if (beside_put(servants->beside, &look->job, now)) {
		free(look);
		return;
	}
	servants->asked += look->first;
	servant->asked = true;
}

/* --- asking ----------------------------------------------------------------------------------- */

static enum relayed_basis find_servant(struct servants *servants, const struct process *process,
				       bool begun_by_init, uint64_t account, uint64_t now)
{
	struct servant *servant = servant_place(servants, process->pid);

	if (process->pid <= 1 || !process->start)
		return RELAYED_BY_NOTHING;
	if (!is_servant(servant, process->pid, process->start)) {
		if (!begun_by_init && now < process->start + SERVANTS_YOUNG)
			return RELAYED_BY_NOTHING;
		*servant = (struct servant){.pid = process->pid, .start = process->start};
	}
	if (!servant->asked && now >= servant->due)
		servants_look(servants, servant, account, now);
	return servant->how;
}

/* How many processes above CALLER began it for a client. Those that began its login are not among them: who logged in is told. */
static unsigned int servants_depth(const struct caller *caller)
{
	unsigned int depth = caller_program_depth(caller);
	int leader = login_leader_of(caller);

	if (leader >= 0 && (unsigned int)leader < depth)
		depth = (unsigned int)leader;
	return depth < SERVANTS_DEPTH - 1 ? depth : SERVANTS_DEPTH - 1;
}

enum relayed_basis servants_find(struct servants *servants, const struct caller *caller,
				 uint64_t now)
{
	enum relayed_basis how = RELAYED_BY_NOTHING;
	unsigned int depth;

	if (caller->basis != CALLER_FROM_KERNEL || caller->boot_id.size)
		return how;
	depth = servants_depth(caller);
	for (unsigned int i = 0; how != RELAYED_BY_LISTENING && i <= depth; i++) {
		const struct process *process = i ? &caller->ancestors[i - 1] : &caller->process;
		bool begun_by_init = i < caller->ancestor_count && caller->ancestors[i].pid == 1;
		enum relayed_basis found =
			find_servant(servants, process, begun_by_init, caller->account, now);

		how = found ?: how;
	}
	return how;
}
