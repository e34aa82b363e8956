/* SPDX-License-Identifier: Apache-2.0 */
/* Log files that are read back: plain or gzip, line by line. */
#ifndef CALLERD_LOGFILE_H
#define CALLERD_LOGFILE_H

#include <zlib.h>

#include "chain/lines.h"

struct logfile {
	gzFile file;
	struct lines lines; /* for lines_next() */
	bool may_grow;
	const char *error; /* why it could not be read on; NULL: lines_next() says it */
};

/* Opens the file at PATH; "-" is stdin. MAY_GROW: callerd may be writing its last line. 0 or -errno. logfile_close() it, where
 * it stays: .lines points to it. */
int logfile_open(struct logfile *logfile, const char *path, bool may_grow);
void logfile_close(struct logfile *logfile);

#endif
