/* SPDX-License-Identifier: Apache-2.0 */
/* Seal files, as tests make them. */
#ifndef CALLERD_TEST_SEALING_H
#define CALLERD_TEST_SEALING_H

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "output/file/sealfile.h"

/* Leaves LOG_PATH.seal as a life does that ended with CHAIN. 0 or -errno. */
static inline int sealing_save(const char *log_path, const struct chain *chain)
{
	int empty = open("/dev/null", O_RDONLY | O_CLOEXEC), error;
	char path[256], why[512];
	struct sealfile *file;
	struct chain begun;
	bool fresh;

	snprintf(path, sizeof(path), "%s.seal", log_path);
	unlink(path);
	error = sealfile_open(log_path, empty, &file, &begun, &fresh, why, sizeof(why));
	close(empty);
	if (error)
		return error;
	error = sealfile_save(file, chain, false);
	sealfile_close(file);
	chain_wipe(&begun);
	return error;
}

#endif
