// SPDX-License-Identifier: Apache-2.0
#include "docker/host/volumes.h"

#include <string.h>

#include "docker/host/binds.h"

/* What the options of a volume mean to a type of file system. */
enum volume_kind {
	VOLUME_DEVICE,	  /* device is a block device, or a directory where it is absolute */
	VOLUME_STACKED,	  /* device is a directory */
	VOLUME_LAYERS,	  /* the options name directories */
	VOLUME_BRANCHES,  /* the options name directories as aufs has them: br:/a=rw:/b=ro */
	VOLUME_KERNEL,	  /* the file system is the kernel's own, wherever it is mounted */
	VOLUME_ELSEWHERE, /* the file system has nothing of the host */
};

/* clang-format off */
static const struct volume_type {
	const char *name;
	enum volume_kind kind;
	const char *path; /* VOLUME_KERNEL: where the host has the same file system */
} volume_types[] = {
	{"9p", VOLUME_ELSEWHERE}, {"afs", VOLUME_ELSEWHERE}, {"bpf", VOLUME_ELSEWHERE},
	{"ceph", VOLUME_ELSEWHERE}, {"cifs", VOLUME_ELSEWHERE}, {"devpts", VOLUME_ELSEWHERE},
	{"fuse", VOLUME_ELSEWHERE}, {"hugetlbfs", VOLUME_ELSEWHERE}, {"nfs", VOLUME_ELSEWHERE},
	{"nfs4", VOLUME_ELSEWHERE}, {"ramfs", VOLUME_ELSEWHERE}, {"smb3", VOLUME_ELSEWHERE},
	{"smbfs", VOLUME_ELSEWHERE}, {"tmpfs", VOLUME_ELSEWHERE}, {"virtiofs", VOLUME_ELSEWHERE},
	{"aufs", VOLUME_BRANCHES}, {"overlay", VOLUME_LAYERS}, {"overlayfs", VOLUME_LAYERS},
	{"ecryptfs", VOLUME_STACKED}, {"shiftfs", VOLUME_STACKED},
	{"binfmt_misc", VOLUME_KERNEL, "/proc/sys/fs/binfmt_misc"},
	{"cgroup", VOLUME_KERNEL, "/sys/fs/cgroup"}, {"cgroup2", VOLUME_KERNEL, "/sys/fs/cgroup"},
	{"configfs", VOLUME_KERNEL, "/sys/kernel/config"},
	{"debugfs", VOLUME_KERNEL, "/sys/kernel/debug"}, {"devtmpfs", VOLUME_KERNEL, "/dev"},
	{"efivarfs", VOLUME_KERNEL, "/sys/firmware/efi/efivars"},
	{"fusectl", VOLUME_KERNEL, "/sys/fs/fuse/connections"},
	{"mqueue", VOLUME_KERNEL, "/dev/mqueue"}, {"proc", VOLUME_KERNEL, "/proc"},
	{"pstore", VOLUME_KERNEL, "/sys/fs/pstore"},
	{"securityfs", VOLUME_KERNEL, "/sys/kernel/security"},
	{"selinuxfs", VOLUME_KERNEL, "/sys/fs/selinux"}, {"sysfs", VOLUME_KERNEL, "/sys"},
	{"tracefs", VOLUME_KERNEL, "/sys/kernel/tracing"},
};
/* clang-format on */

static const struct volume_type *find_type(struct bytes name)
{
	static const struct volume_type other = {"", VOLUME_DEVICE, NULL};
	static const struct volume_type elsewhere = {"fuse", VOLUME_ELSEWHERE, NULL};

	for (size_t i = 0; i < COUNT(volume_types); i++)
		if (bytes_are(name, volume_types[i].name))
			return &volume_types[i];
	return bytes_begin(name, "fuse.") && name.size > strlen("fuse.") ? &elsewhere : &other;
}

/* The worst of the paths that were offered so far. */
struct choice {
	const struct host_files *files;
	struct text path;
	struct host_source worst; /* its texts are gone */
	bool any;
	int error;
};

static void offer_path(struct choice *choice, struct bytes path)
{
	_cleanup_(text_free) struct text text = {0};
	struct host_source source;

	if (!path.size || !path.data)
		return;
	host_paths_judge(path, false, choice->files, &text, &source);
	if (text.error)
		choice->error = text.error;
	if (choice->any && !host_paths_is_worse(&source, &choice->worst))
		return;
	choice->any = true;
	choice->worst = source;
	text_cut(&choice->path, 0);
	if (path.data[0] != '/')
		text_add_char(&choice->path, '/');
	text_add_bytes(&choice->path, path);
}

static bool is_in_dev(struct bytes path)
{
	return bytes_are(path, "/dev") || bytes_begin(path, "/dev/");
}

/* Offers DEVICE. "tmpfs" and the like are no paths, but "dev/sda1" is one: the daemon runs in the root. */
static void offer_device(struct choice *choice, struct bytes device)
{
	_cleanup_(text_free) struct text text = {0};
	struct host_source source;

	if (device.size && device.data[0] != '/') {
		host_paths_judge(device, false, choice->files, &text, &source);
		if (text.error)
			choice->error = text.error;
		if (text.error || (!is_in_dev(source.cleaned) && !is_in_dev(source.resolved)))
			return;
	}
	offer_path(choice, device);
}

/* Whether the option NAME of an overlay holds directories. */
static bool names_layers(struct bytes name)
{
	static const char *const names[] = {"datadir+", "lowerdir", "lowerdir+", "upperdir",
					    "workdir"};

	return bytes_are_any(name, names, COUNT(names));
}

/* Takes one character off OPTIONS. *ESCAPED: a backslash stood before it, so that it ends nothing. */
static char take_char(struct bytes *options, bool *escaped)
{
	*escaped = options->data[0] == '\\' && options->size > 1;
	if (*escaped)
		*options = bytes_from(*options, 1);
	*options = bytes_from(*options, 1);
	return options->data[-1];
}

/* Offers the directories that OPTIONS of an overlay name: lowerdir=/a:/b,upperdir=/c. */
static void offer_layers(struct choice *choice, struct bytes options)
{
	_cleanup_(text_free) struct text piece = {0};
	bool escaped, in_layers = false, in_value = false;

	while (options.size) {
		char c = take_char(&options, &escaped);
		bool ends = !escaped && (c == ',' || (in_value && c == ':'));

		if (!escaped && !in_value && c == '=') {
			in_value = true;
			in_layers = names_layers(text_since(&piece, 0));
			text_cut(&piece, 0);
			continue;
		}
		if (!ends)
			text_add_char(&piece, c);
		if ((ends || !options.size) && in_layers)
			offer_path(choice, text_since(&piece, 0));
		if (ends)
			text_cut(&piece, 0);
		if (ends && c == ',')
			in_value = in_layers = false;
	}
	if (piece.error)
		choice->error = piece.error;
}

/* Offers each absolute path in OPTIONS. */
static void offer_paths(struct choice *choice, struct bytes options)
{
	size_t start = 0;

	for (size_t at = 0; at <= options.size; at++) {
		if (at < options.size && !strchr(",:=", options.data[at]))
			continue;
		if (at > start && options.data[start] == '/')
			offer_path(choice, (struct bytes){options.data + start, at - start});
		start = at + 1;
	}
}

static void offer_all(struct choice *choice, struct bytes type, struct bytes device,
		      struct bytes options)
{
	const struct volume_type *known = find_type(type);

	switch (known->kind) {
	case VOLUME_STACKED:
		offer_path(choice, device);
		break;
	case VOLUME_LAYERS:
		offer_layers(choice, options);
		break;
	case VOLUME_BRANCHES:
		offer_paths(choice, options);
		break;
	case VOLUME_KERNEL:
		offer_path(choice, bytes_of(known->path));
		break;
	case VOLUME_DEVICE:
		offer_device(choice, device);
		offer_paths(choice, options); /* such as a journal on another device */
		break;
	case VOLUME_ELSEWHERE:
		break;
	}
}

bool volumes_host_path(struct bytes type, struct bytes device, struct bytes o,
		       const struct host_files *files, struct text *out)
{
	struct choice choice = {.files = files};

	/* The daemon mounts nothing where the device is "none"; a bind takes no notice of the type. */
	if (!binds_has_word(o, "bind") && !binds_has_word(o, "rbind"))
		offer_all(&choice, type, device, o);
	else if (!bytes_are(device, "none"))
		offer_path(&choice, device);
	choice.error = choice.path.error ?: choice.error;
	if (choice.error)
		out->error = choice.error;
	else
		text_add_bytes(out, text_since(&choice.path, 0));
	text_free(&choice.path);
	return choice.any && !out->error;
}

const struct value *volumes_options(const struct value *body)
{
	return body_get(body, "DriverOpts") ?: body_get(body, "Options");
}

bool volumes_value_path(struct bytes driver, const struct value *options,
			const struct host_files *files, struct text *out)
{
	static const struct host_files nobody;

	if (!options || (driver.size && !bytes_are(driver, "local")))
		return false;
	return volumes_host_path(body_string(options, "type"), body_string(options, "device"),
				 body_string(options, "o"), files ?: &nobody, out);
}

bool volumes_is_known(struct bytes type, struct bytes device, struct bytes o)
{
	/* Types that a device, an image or a directory is needed for, as the kernel has them. */
	static const char *const disk_types[] = {
		"",	 "bcachefs", "btrfs",	"erofs", "exfat", "ext2", "ext3",
		"ext4",	 "f2fs",     "iso9660", "jfs",	 "msdos", "none", "ntfs",
		"ntfs3", "squashfs", "udf",	"vfat",	 "xfs"};

	return binds_has_word(o, "bind") || binds_has_word(o, "rbind") ||
	       bytes_are_any(type, disk_types, COUNT(disk_types)) || *find_type(type)->name ||
	       (device.size && device.data[0] == '/');
}
