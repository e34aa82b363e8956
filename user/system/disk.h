/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CALLERD_DISK_H
#define CALLERD_DISK_H

/* Syncs the directory of PATH, so that the new or changed name survives a power failure. Does
 * nothing where the directory cannot be read. */
void disk_sync_name(const char *path);

#endif
