// SPDX-License-Identifier: Apache-2.0
/* The end of a log file: what is said of it, what is appended to it, and lines that are not whole. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"
#include "output/file/file_inside.h"

void file_warn(struct file *file, const char *format, ...)
{
	va_list arguments;

	if (file->warning_count == WARNINGS_MAX)
		return; /* nobody takes them as fast as they come */
	va_start(arguments, format);
	vsnprintf(file->warnings[file->warning_count++], sizeof(*file->warnings), format,
		  arguments);
	va_end(arguments);
	file_tell(file);
}

void file_tell(struct file *file)
{
	if (file->driver.news[0] || !file->warning_count)
		return;
	memcpy(file->driver.news, file->warnings[0], sizeof(file->driver.news));
	file->warning_count--;
	memmove(file->warnings, file->warnings + 1, file->warning_count * sizeof(*file->warnings));
}

void file_works(struct file *file)
{
	if (file->driver.error)
		driver_works(&file->driver);
}

size_t file_append(struct file *file, const char *data, size_t size, int *error)
{
	size_t done = 0;

	*error = 0;
	while (done < size && !*error) {
		ssize_t written = write(file->fd, data + done, size - done);
		struct stat info;

		if (written <= 0) {
			if (!written || errno != EINTR)
				*error = written ? -errno : -EIO;
			continue;
		}
		done += (size_t)written;
		file->size = (uint64_t)lseek(file->fd, 0, SEEK_CUR); /* O_APPEND: where it ended */
		file->unsynced = file->unsaved = true;
		if (done < size && (fstat(file->fd, &info) || (uint64_t)info.st_size != file->size))
			*error = -EAGAIN;
	}
	return done;
}

bool file_take_back(struct file *file, struct bytes line, size_t written, enum rest_kind kind)
{
	int error = file_log_cut(file->fd, file->size, file->size - written);

	if (!error) {
		file->size -= written;
		return false;
	}
	if (error != -EBUSY) {
		text_add_bytes(&file->rest.text, bytes_from(line, written));
		if (!file->rest.text.error) {
			file->rest.kind = kind;
			file->rest.done = 0;
			return true;
		}
		text_free(&file->rest.text);
	}
	file->driver.torn++;
	file->rest.kind = REST_END;
	return false;
}

void file_give_up_rest(struct file *file)
{
	if (file->rest.kind <= REST_END)
		return;
	file->chain = file->rest.before;
	chain_wipe(&file->rest.before);
	text_free(&file->rest.text);
	file->rest.kind = REST_END;
	file->driver.torn++;
}

void file_sealed(struct file *file)
{
	if (file->leading)
		file->head = file->size;
	file->fresh = file->leading = false;
	file->sealed_at = clock_now(CLOCK_MONOTONIC);
}

static int write_rest(struct file *file)
{
	struct rest *rest = &file->rest;
	struct bytes left =
		rest->kind == REST_END ? bytes_of("\n") : text_since(&rest->text, rest->done);
	int error;
	size_t done = file_append(file, left.data, left.size, &error);

	if (done < left.size) {
		rest->done += done;
		return error;
	}
	if (rest->kind == REST_SEAL)
		file_sealed(file);
	if (rest->kind == REST_RECORD)
		file->finished = true;
	rest->kind = REST_NONE;
	chain_wipe(&rest->before);
	text_free(&rest->text);
	return 0;
}

static bool ends_in_line(const struct file *file)
{
	char last;

	return !file->size ||
	       (pread(file->fd, &last, 1, (off_t)file->size - 1) == 1 && last == '\n');
}

int file_settle(struct file *file)
{
	enum rest_kind *rest = &file->rest.kind;
	struct stat info;

	if (fstat(file->fd, &info))
		return -errno;
	if ((uint64_t)info.st_size != file->size) {
		if ((uint64_t)info.st_size < file->size)
			file_warn(file,
				  "%s was truncated by somebody else: from %llu to %llu bytes",
				  file->driver.options->path, (unsigned long long)file->size,
				  (unsigned long long)info.st_size);
		file->size = (uint64_t)info.st_size;
		heard_forget(&file->heard);
		file_give_up_rest(file);
		if (*rest == REST_NONE && !ends_in_line(file)) {
			file->driver.torn++;
			*rest = REST_END;
		}
	}
	if (*rest == REST_END && ends_in_line(file))
		*rest = REST_NONE;
	return *rest == REST_NONE ? 0 : write_rest(file);
}

int file_get_ready(struct file *file)
{
	int error = file_settle(file);

	return error ? driver_fail(&file->driver, error, NULL) : 0;
}
