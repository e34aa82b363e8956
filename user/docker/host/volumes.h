/* SPDX-License-Identifier: Apache-2.0 */
/* Volumes of the driver "local", whose options may stand for a path of the host. */
#ifndef CALLERD_VOLUMES_H
#define CALLERD_VOLUMES_H

#include "docker/host/host_paths.h"
#include "json/body.h"

/* Adds to OUT the host path that a volume stands for. TYPE, DEVICE and O are its options of these names, data NULL where
 * absent: type=none,o=bind,device=/x; a block device; overlay with lowerdir=, upperdir=; paths within o; for proc, sysfs,
 * devtmpfs and the like, the path where the host has them. Of several paths the most dangerous one, absolute but not
 * cleaned; it may be harmless. False: there is none. */
bool volumes_host_path(struct bytes type, struct bytes device, struct bytes o,
		       const struct host_files *files, struct text *out);

/* The options of a volume that is created: Docker's BODY and Podman's own have different names for them. */
const struct value *volumes_options(const struct value *body);

/* The same for the OPTIONS, a map of strings, of a volume of DRIVER. False also where OPTIONS is NULL or the driver is
 * another one. FILES may be NULL. */
bool volumes_value_path(struct bytes driver, const struct value *options,
			const struct host_files *files, struct text *out);

/* Whether it is known what such options stand for: a volume of an unknown type, such as zfs, may be anything. */
bool volumes_is_known(struct bytes type, struct bytes device, struct bytes o);

#endif
