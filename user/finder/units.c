// SPDX-License-Identifier: Apache-2.0
#include "finder/units.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "broker/broker.h"
#include "finder/told.h"

#define FILE_MAX (64u << 10)
#define DROP_INS_MAX 64

/* The first one that has the unit counts; of drop-ins of one name likewise. */
static const char *const places[] = {
	"/etc/systemd/system",	   "/run/systemd/system", "/usr/local/lib/systemd/system",
	"/usr/lib/systemd/system", "/lib/systemd/system",
};

static struct bytes trim_blanks(struct bytes text)
{
	while (text.size && strchr(" \t\r", text.data[0]))
		text = bytes_from(text, 1);
	while (text.size && strchr(" \t\r", text.data[text.size - 1]))
		text.size--;
	return text;
}

static void add_stream(struct units_streams *streams, struct bytes value)
{
	bool run = bytes_begin(value, "%t/");
	const char *before = run ? "/run" : "";

	if (run)
		value = bytes_from(value, strlen("%t"));
	if (streams->count == UNITS_STREAMS_MAX ||
	    strlen(before) + value.size >= UNITS_STREAM_SIZE) {
		streams->cut = true;
		return;
	}
	snprintf(streams->list[streams->count++], UNITS_STREAM_SIZE, "%s%.*s", before,
		 (int)value.size, value.data);
}

void units_take(struct units_streams *streams, struct bytes text)
{
	struct bytes line, key;
	bool socket = false;

	while (bytes_take(&text, '\n', &line)) {
		line = trim_blanks(line);
		if (bytes_begin(line, "["))
			socket = bytes_are(line, "[Socket]");
		if (!socket || !memchr(line.data ?: "", '=', line.size) ||
		    !bytes_take(&line, '=', &key) || !bytes_are(trim_blanks(key), "ListenStream"))
			continue;
		line = trim_blanks(line);
		if (line.size)
			add_stream(streams, line);
		else
			streams->count = 0;
	}
}

/* Takes the regular file at PATH. False: there is none; one that is masked is there. */
static bool take_file(struct units_streams *streams, const char *path)
{
	_close_ int fd =
		broker_open(AT_FDCWD, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0);
	_free_ char *data = malloc(FILE_MAX);
	struct stat status;
	ssize_t size = 0;

	if (fd < 0 || fstat(fd, &status))
		return false;
	if (S_ISREG(status.st_mode) && data)
		size = read(fd, data, FILE_MAX);
	if (size > 0)
		units_take(streams, (struct bytes){data, (size_t)size});
	return true;
}

struct drop_ins {
	char *names[DROP_INS_MAX];
	unsigned int count;
};

static void free_drop_ins(struct drop_ins *drop_ins)
{
	while (drop_ins->count)
		free(drop_ins->names[--drop_ins->count]);
}

static int compare_drop_ins(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool has_name(const struct drop_ins *drop_ins, const char *name)
{
	for (unsigned int i = 0; i < drop_ins->count; i++)
		if (!strcmp(drop_ins->names[i], name))
			return true;
	return false;
}

/* Adds the names of the drop-ins in DIRECTORY. */
static void list_drop_ins(struct drop_ins *drop_ins, const char *path)
{
	_closedir_ DIR *directory = broker_opendir(AT_FDCWD, path);
	const struct dirent *entry;

	while (directory && drop_ins->count < DROP_INS_MAX && (entry = readdir(directory))) {
		size_t size = strlen(entry->d_name);

		if (size <= 5 || strcmp(entry->d_name + size - 5, ".conf") != 0 ||
		    has_name(drop_ins, entry->d_name))
			continue;
		drop_ins->names[drop_ins->count] = strdup(entry->d_name);
		drop_ins->count += drop_ins->names[drop_ins->count] != NULL;
	}
}

void units_read(const char *root, const char *unit, struct units_streams *ret)
{
	_cleanup_(free_drop_ins) struct drop_ins drop_ins = {0};
	char path[PATH_MAX];
	bool found = false;

	*ret = (struct units_streams){0};
	for (size_t i = 0; i < COUNT(places) && !found; i++) {
		snprintf(path, sizeof(path), "%s%s/%s", root, places[i], unit);
		found = take_file(ret, path);
	}
	for (size_t i = 0; i < COUNT(places) && found; i++) {
		snprintf(path, sizeof(path), "%s%s/%s.d", root, places[i], unit);
		list_drop_ins(&drop_ins, path);
	}
	qsort(drop_ins.names, drop_ins.count, sizeof(*drop_ins.names), compare_drop_ins);
	for (unsigned int j = 0; j < drop_ins.count; j++)
		for (size_t i = 0; i < COUNT(places); i++) {
			snprintf(path, sizeof(path), "%s%s/%s.d/%s", root, places[i], unit,
				 drop_ins.names[j]);
			if (take_file(ret, path))
				break;
		}
}

bool units_have_path(const struct units_streams *streams, const char *path)
{
	for (unsigned int i = 0; i < streams->count; i++)
		if (!strcmp(streams->list[i], path))
			return true;
	return false;
}

bool units_have_port(const struct units_streams *streams, unsigned int port)
{
	for (unsigned int i = 0; i < streams->count; i++)
		if (streams->list[i][0] != '/' && told_port(streams->list[i]) == port)
			return true;
	return false;
}
