// SPDX-License-Identifier: Apache-2.0
#include "host/user_names.h"

#include <assert.h>
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/clock.h"

#define CACHED 512 /* of each kind */
#define AGE 60	   /* seconds until an answer is asked for again */
#define RETRY 5	   /* seconds until an unanswered question is asked again */
#define NAME_SIZE 64
#define FILE_MAX (16u << 20)
#define PATIENCE (5 * NS_PER_S)
/* an account that no user has: name services that hang do so for all users */
#define ACCOUNT UINT64_MAX

struct cached_name {
	bool used, known, asked; /* .known: .name is the answer; empty: no name */
	uint32_t id;
	time_t due; /* time to ask again */
	char name[NAME_SIZE];
};

struct name_entry {
	uint32_t id;
	char name[NAME_SIZE];
};

/* The entries of /etc/passwd or /etc/group at the last reading. */
struct name_file {
	const char *path;
	struct timespec changed;
	ino_t inode;
	struct name_entry *entries;
	size_t count;
};

struct names {
	struct beside *beside; /* NULL: lookups wait for the name services */
	struct name_file files[2];
	struct cached_name cached[2][CACHED];
	uint64_t news;
};

struct name_question {
	struct job job;
	struct names *names; /* the loop alone uses .names */
	enum names_kind kind;
	uint32_t id;
	int error; /* the name services failed */
	char name[NAME_SIZE];
};

/* --- the files ------------------------------------------------------------------------------- */

/* Reads a line NAME:PASSWORD:ID:… Lines that begin with + or - are for the name services. */
static bool user_names_read_entry(char *line, struct name_entry *ret)
{
	char *save, *end, *name = strtok_r(line, ":", &save), *id;

	if (!name || strchr("+-#", name[0]) || strlen(name) >= sizeof(ret->name))
		return false;
	id = strchr(save, ':'); /* strtok_r() would skip an empty password */
	if (!id)
		return false;
	ret->id = (uint32_t)strtoul(id + 1, &end, 10);
	if (end == id + 1 || (*end != ':' && *end != '\n' && *end))
		return false;
	memcpy(ret->name, name, strlen(name) + 1);
	return true;
}

static void user_names_load(struct name_file *file, FILE *stream)
{
	struct name_entry entry, *grown;
	size_t capacity = 0;
	_free_ char *line = NULL;

	free(file->entries);
	file->entries = NULL;
	file->count = 0;
	while (getline(&line, &capacity, stream) > 0) {
		if (!user_names_read_entry(line, &entry))
			continue;
		if (!(file->count & (file->count - 1))) {
			size_t room = file->count ? 2 * file->count : 1;

			grown = realloc(file->entries, room * sizeof(*grown));
			if (!grown)
				break;
			file->entries = grown;
		}
		file->entries[file->count++] = entry;
	}
}

static void user_names_reload(struct name_file *file)
{
	_fclose_ FILE *stream = NULL;
	struct stat info;

	if (stat(file->path, &info) || !S_ISREG(info.st_mode) || info.st_size > FILE_MAX ||
	    (info.st_ino == file->inode && info.st_mtim.tv_sec == file->changed.tv_sec &&
	     info.st_mtim.tv_nsec == file->changed.tv_nsec))
		return;
	stream = fopen(file->path, "re");
	if (!stream)
		return;
	file->inode = info.st_ino;
	file->changed = info.st_mtim;
	user_names_load(file, stream);
}

static bool in_file(struct name_file *file, uint32_t id, char name[NAME_SIZE])
{
	user_names_reload(file);
	for (size_t i = 0; i < file->count; i++)
		if (file->entries[i].id == id) {
			memcpy(name, file->entries[i].name, NAME_SIZE);
			return true;
		}
	return false;
}

/* --- the name services ------------------------------------------------------------------------ */

static int ask_user(uint32_t id, char name[NAME_SIZE])
{
	char memory[4096];
	struct passwd entry, *found;
	int error = getpwuid_r(id, &entry, memory, sizeof(memory), &found);

	if (!error && found)
		snprintf(name, NAME_SIZE, "%s", entry.pw_name);
	return error;
}

static int ask_group(uint32_t id, char name[NAME_SIZE])
{
	_free_ char *memory = malloc(65536); /* room for the group's members too */
	struct group entry, *found;
	int error = memory ? getgrgid_r(id, &entry, memory, 65536, &found) : ENOMEM;

	if (!error && found)
		snprintf(name, NAME_SIZE, "%s", entry.gr_name);
	return error;
}

static void ask_services(struct job *job)
{
	struct name_question *question = (struct name_question *)job;

	question->error = question->kind == NAMES_USER ? ask_user(question->id, question->name)
						       : ask_group(question->id, question->name);
}

static void user_names_answer(struct cached_name *cached, const char *name)
{
	cached->known = true;
	cached->due = (time_t)(clock_now(CLOCK_MONOTONIC_COARSE) / NS_PER_S) + AGE;
	snprintf(cached->name, sizeof(cached->name), "%s", name);
}

static void user_names_take_answer(struct job *job, bool came, void *data)
{
	struct name_question *question = (struct name_question *)job;
	struct names *names = question->names;
	struct cached_name *cached = &names->cached[question->kind][question->id % CACHED];

	(void)data;
	if (!cached->used || cached->id != question->id) /* another id has taken this entry */
		return;
	cached->asked = false;
	cached->due = (time_t)(clock_now(CLOCK_MONOTONIC_COARSE) / NS_PER_S) + RETRY;
	if (!came || question->error)
		return;
	names->news += !cached->known || strcmp(cached->name, question->name);
	user_names_answer(cached, question->name);
}

static void free_question(struct job *job)
{
	free(job);
}

static void user_names_ask(struct names *names, enum names_kind kind, struct cached_name *cached)
{
	struct name_question *question = calloc(1, sizeof(*question));
	struct timespec now;

	cached->due = (time_t)(clock_now(CLOCK_MONOTONIC_COARSE) / NS_PER_S) + RETRY;
	if (!question)
		return;
	*question = (struct name_question){
		.job = {.run = ask_services,
			.done = user_names_take_answer,
			.free = free_question,
			.account = ACCOUNT,
			.patience = PATIENCE},
		.names = names,
		.kind = kind,
		.id = cached->id,
	};
	clock_gettime(CLOCK_BOOTTIME, &now);
	if (!names->beside) {
		ask_services(&question->job);
		user_names_take_answer(&question->job, true, NULL);
		free(question);
	} else if (beside_put(names->beside, &question->job, now.tv_sec * NS_PER_S + now.tv_nsec)) {
		free(question);
	} else {
		cached->asked = true;
	}
}

/* --- what is known ---------------------------------------------------------------------------- */

/* Each record has names: this costs a tenth of snprintf(). */
static void copy_name(char *to, size_t size, const char *name)
{
	size_t length = strnlen(name, size - 1);

	memcpy(to, name, length);
	to[length] = '\0';
}

enum names_answer user_names_find(struct names *names, enum names_kind kind, uint32_t id,
				  char *name, size_t size)
{
	struct cached_name *cached = &names->cached[kind][id % CACHED];
	char found[NAME_SIZE];

	assert(kind <= NAMES_GROUP);
	if (!cached->used || cached->id != id)
		*cached = (struct cached_name){.used = true, .id = id};
	/* An old answer stays valid until a new one comes. */
	if (!cached->asked &&
	    (time_t)(clock_now(CLOCK_MONOTONIC_COARSE) / NS_PER_S) >= cached->due) {
		if (in_file(&names->files[kind], id, found))
			user_names_answer(cached, found);
		else
			user_names_ask(names, kind, cached);
	}
	copy_name(name, size, cached->name);
	if (!cached->known)
		return NAMES_ASKED;
	return cached->name[0] ? NAMES_FOUND : NAMES_NONE;
}

uint64_t user_names_news(const struct names *names)
{
	return names->news;
}

int user_names_new(struct names **ret)
{
	struct names *names = calloc(1, sizeof(*names));

	if (!names)
		return -ENOMEM;
	names->files[NAMES_USER].path = "/etc/passwd";
	names->files[NAMES_GROUP].path = "/etc/group";
	*ret = names;
	return 0;
}

void user_names_ask_beside(struct names *names, struct beside *beside)
{
	names->beside = beside;
}

void user_names_free(struct names *names)
{
	if (!names)
		return;
	for (int kind = 0; kind < 2; kind++)
		free(names->files[kind].entries);
	free(names);
}
