/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CALLERD_DISK_H
#define CALLERD_DISK_H

/* Has the name PATH, new or changed, survive a power failure, where its directory can be read at all. */
void disk_sync_name(const char *path);

#endif
