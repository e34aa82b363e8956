/* SPDX-License-Identifier: Apache-2.0 */
/* Tables: a source and what it amounts to, written "host-path high" or "none". */
#include "unit.h"

#include "docker/host/binds.h"
#include "docker/host/host_paths.h"
#include "docker/host/volumes.h"

#define BYTES(literal) ((struct bytes){literal, sizeof(literal) - 1})

/* Of the findings and severities only the ids are used: their names are another module's. */
static const char *say(const struct host_source *source)
{
	static const char *const severities[] = {"",	    " info", " low",
						 " medium", " high", " critical"};
	static char said[64];
	const char *finding = "none";

	if (source->finding == FINDING_HOST_ROOT_MOUNT)
		finding = "root";
	else if (source->finding == FINDING_ENGINE_SOCKET_MOUNT)
		finding = "engine";
	else if (source->finding == FINDING_HOST_PATH_MOUNT)
		finding = "path";
	else if (source->finding == FINDING_NOT_JUDGED)
		finding = "unjudged";
	assert_int_equal(!source->finding, !source->severity);
	assert_int_equal(!source->finding, !source->reason);
	snprintf(said, sizeof(said), "%s%s", finding, severities[source->severity]);
	return said;
}

/* --- a pretended host ----------------------------------------------------------------------- */

struct link {
	const char *from, *to;
};

static const struct link links[] = {
	{"/tmp/root", "/"},
	{"/tmp/etc", "/etc"},
	{"/tmp/init", "/proc/1/root"},
	{"/tmp/sock", "/run/docker.sock"},
	{"/tmp/disk", "/dev/sda"},
	{"/srv/engine.sock", "/srv/real/engine.sock"},
	{"/home/alice/src", "/srv/src"},
	{"/lib", "/usr/lib"},
};

static enum host_path_end pretend_resolve(void *data, const char *path, char *out, size_t size)
{
	assert_string_equal(data, "host");
	assert_int_equal(path[0], '/');
	for (size_t i = 0; i < COUNT(links); i++) {
		size_t from = strlen(links[i].from);

		if (strncmp(path, links[i].from, from) != 0 || (path[from] && path[from] != '/'))
			continue;
		snprintf(out, size, "%s%s", links[i].to[1] || !path[from] ? links[i].to : "",
			 path + from);
		return HOST_PATH_KNOWN;
	}
	snprintf(out, size, "%s", path);
	if (!strcmp(path, "/tmp/lost"))
		return HOST_PATH_LOST;
	if (!strcmp(path, "/mnt/fuse/x"))
		return HOST_PATH_FOREIGN;
	if (!strcmp(path, "/mnt/nfs/x"))
		return HOST_PATH_REMOTE;
	return strcmp(path, "/unknown") ? HOST_PATH_KNOWN : HOST_PATH_UNKNOWN;
}

static bool pretend_block_device(void *data, const char *path)
{
	assert_string_equal(data, "host");
	return !strcmp(path, "/srv/disk") || !strcmp(path, "/dev/sda");
}

static void pretend_aliases(void *data, const char *path,
			    void (*found)(void *context, const char *alias), void *context)
{
	assert_string_equal(data, "host");
	if (!strcmp(path, "/mnt/all"))
		found(context, "/");
	if (!strcmp(path, "/mnt/some/cron.d")) {
		found(context, "/srv/cron.d");
		found(context, "/etc/cron.d");
	}
}

static const struct host_place places[] = {
	{"/graph/docker", "/var/lib/docker"},
	{"/run/other", "/run/docker"},
	{"/opt/ctd/c.sock", "/run/containerd/containerd.sock"},
	{0},
};
static const char *const watched[] = {"/srv/engine.sock", "/var/run/docker.sock",
				      "/opt//e/../engine/x.sock", "@abstract", NULL};

static const struct host_files host = {
	.data = "host",
	.resolve = pretend_resolve,
	.is_block_device = pretend_block_device,
	.aliases = pretend_aliases,
	.places = places,
	.sockets = watched,
};

/* --- judgement ------------------------------------------------------------------------------ */

struct source_case {
	const char *source, *write, *read;
};

static void check_sources(const struct source_case *cases, size_t count,
			  const struct host_files *files)
{
	for (size_t i = 0; i < count; i++) {
		for (int read_only = 0; read_only < 2; read_only++) {
			const char *wanted = read_only ? cases[i].read : cases[i].write;
			struct host_source source;
			struct text text = {};

			host_paths_judge(bytes_of(cases[i].source), read_only, files, &text,
					 &source);
			if (strcmp(say(&source), wanted) != 0)
				fail_msg("%s%s: %s, not %s", cases[i].source,
					 read_only ? " (ro)" : "", say(&source), wanted);
			text_free(&text);
		}
	}
}

/* clang-format off */
static const struct source_case plain[] = {
	/* what root executes or trusts, and what others trust it with */
	{"/run/udev/rules.d", "path critical", "path low"},
	{"/run/udev/data", "path medium", "path low"},
	{"/run/systemd/system.control/x.service.d", "path critical", "path low"},
	{"/run/polkit-1/rules.d", "path critical", "path low"},
	{"/run/sudo/ts", "path critical", "path low"},
	{"/run/initramfs/shutdown", "path critical", "path low"},
	{"/var/lib/machines/x", "path critical", "path high"},
	{"/var/lib/extensions", "path critical", "path low"},
	{"/var/lib/snapd", "path critical", "path high"},
	{"/var/lib/polkit-1", "path critical", "path medium"},
	{"/var/backups", "path critical", "path critical"},
	{"/var/snap/lxd/common/lxd/unix.socket", "path critical", "path critical"},
	{"/var/lib/incus", "path critical", "path critical"},
	{"/var/lib/lxd/unix.socket", "path critical", "path critical"},
	{"/etc/NetworkManager/dispatcher.d", "path critical", "path high"},
	{"/etc/cdi", "path critical", "path low"},
	{"/var/lib/app", "none", "none"},
	{"/opt/app", "none", "none"},
	/* the root, in all its spellings */
	{"/", "root critical", "root critical"},
	{"//", "root critical", "root critical"},
	{"/.", "root critical", "root critical"},
	{"/./", "root critical", "root critical"},
	{"/..", "root critical", "root critical"},
	{"/../..", "root critical", "root critical"},
	{"/host/..", "root critical", "root critical"},
	{"/tmp/../", "root critical", "root critical"},
	{"/a/b/../..//.", "root critical", "root critical"},
	{"/proc/1/root", "root critical", "root critical"},
	{"/proc/1/root/", "root critical", "root critical"},
	{"/proc/self/root", "root critical", "root critical"},
	{"/proc/thread-self/root", "root critical", "root critical"},
	{"/proc/4711/root", "root critical", "root critical"},
	{"/proc/1/cwd", "root critical", "root critical"},
	{"/proc/self/cwd", "root critical", "root critical"},
	{"/proc/self/fd/7", "root critical", "root critical"},
	{"/proc/1/task/1/root", "root critical", "root critical"},
	{"/proc/1/task/1/cwd", "root critical", "root critical"},
	{"/proc/1/task/1/fd/3", "root critical", "root critical"},
	{"/dev/fd/3", "root critical", "root critical"},
	{"/proc/1/root/proc/1/root", "root critical", "root critical"},
	{"/proc//1/./root/proc/self/cwd", "root critical", "root critical"},
	{".", "root critical", "root critical"},
	/* through it */
	{"/proc/1/root/etc", "path critical", "path critical"},
	{"/proc/1/root/usr", "path critical", "path medium"},
	{"/proc/1/root/tmp/x", "path medium", "path medium"},
	{"/proc/1/cwd/tmp/x", "path high", "path high"},
	{"/proc/self/fd/3/x", "path high", "path high"},
	{"/proc/1/root/run/docker.sock", "engine critical", "engine critical"},
	{"/proc/self/root/var/run", "engine critical", "engine critical"},
	{"/proc/1/root/..", "path critical", "path high"}, /* as the daemon cleans it: /proc/1 */
	/* engines */
	{"/run/docker.sock", "engine critical", "engine critical"},
	{"/var/run/docker.sock", "engine critical", "engine critical"},
	{"/var/run/../run/docker.sock", "engine critical", "engine critical"},
	{"/run/podman/podman.sock", "engine critical", "engine critical"},
	{"/run/podman", "engine critical", "engine critical"},
	{"/run/containerd/containerd.sock", "engine critical", "engine critical"},
	{"/run/containerd", "engine critical", "engine critical"},
	{"/run/containerd/io.containerd.runtime.v2.task", "path critical", "path high"},
	{"/run/buildkit/buildkitd.sock", "engine critical", "engine critical"},
	{"/run/buildkit", "engine critical", "engine critical"},
	{"/run/crio/crio.sock", "engine critical", "engine critical"},
	{"/var/run/crio", "engine critical", "engine critical"},
	{"/run/user/1000/docker.sock", "engine critical", "engine critical"},
	{"/run/user/1000/podman/podman.sock", "engine critical", "engine critical"},
	{"/run/user/1000/podman", "engine critical", "engine critical"},
	{"/run/user/1000", "path high", "path high"},
	{"/run/user", "path high", "path high"},
	{"/run/user/1000/pulse", "path medium", "path medium"},
	{"/run/user/1000/bus", "path high", "path high"},
	{"/run/docker", "engine critical", "engine critical"},
	{"/run/docker/containerd", "engine critical", "engine critical"},
	{"/run/docker/plugins", "path high", "path medium"},
	{"/run/docker/metrics.sock", "path low", "path low"},
	{"/run/k3s", "engine critical", "engine critical"},
	{"/run", "engine critical", "engine critical"},
	{"/var/run", "engine critical", "engine critical"},
	{"/var/run/", "engine critical", "engine critical"},
	{"/run/docker.sock.bak", "path medium", "path medium"},
	{"/run/docker.pid", "path medium", "path medium"},
	{"/run/systemd", "path critical", "path critical"},
	{"/run/systemd/private", "path critical", "path critical"},
	{"/run/systemd/notify", "path low", "path low"},
	{"/run/dbus/system_bus_socket", "path high", "path high"},
	{"/run/udev", "path critical", "path low"},
	/* /etc */
	{"/etc", "path critical", "path critical"},
	{"/etc/", "path critical", "path critical"},
	{"/etc/shadow", "path critical", "path critical"},
	{"/etc/shadow-", "path critical", "path critical"},
	{"/etc/passwd", "path critical", "path low"},
	{"/etc/group", "path critical", "path low"},
	{"/etc/sudoers", "path critical", "path critical"},
	{"/etc/sudoers.d/x", "path critical", "path critical"},
	{"/etc/cron.d", "path critical", "path medium"},
	{"/etc/crontab", "path critical", "path medium"},
	{"/etc/cron.daily/x", "path critical", "path medium"},
	{"/etc/pam.d", "path critical", "path medium"},
	{"/etc/ssh", "path critical", "path critical"},
	{"/etc/ssh/ssh_host_rsa_key", "path critical", "path critical"},
	{"/etc/systemd/system", "path critical", "path medium"},
	{"/etc/ld.so.preload", "path critical", "path low"},
	{"/etc/docker/daemon.json", "path critical", "path medium"},
	{"/etc/nginx", "path high", "path medium"},
	{"/etc/nginx/conf.d/site.conf", "path high", "path medium"},
	{"/etc/localtime", "path low", "path low"},
	{"/etc/timezone", "path low", "path low"},
	{"/etc/resolv.conf", "path medium", "path low"},
	{"/etc/hosts", "path medium", "path low"},
	{"/etc/ssl", "path high", "path high"},
	{"/etc/ssl/certs", "path high", "path low"},
	{"/etc/ssl/certs/ca-certificates.crt", "path high", "path low"},
	{"/etcetera", "none", "none"},
	{"/srv/etc", "none", "none"},
	/* homes */
	{"/root", "path critical", "path critical"},
	{"/root/.ssh", "path critical", "path critical"},
	{"/root/.ssh/authorized_keys", "path critical", "path critical"},
	{"/root/.bashrc", "path critical", "path high"},
	{"/root/project", "path medium", "path medium"},
	{"/home", "path high", "path high"},
	{"/home/alice", "path high", "path high"},
	{"/home/alice/.ssh", "path high", "path high"},
	{"/home/alice/.ssh/id_ed25519", "path high", "path high"},
	{"/home/alice/.bashrc", "path high", "path medium"},
	{"/home/alice/.vimrc", "path medium", "path medium"},
	{"/home/alice/.cache/pip", "path low", "path low"},
	{"/home/alice/.docker", "path high", "path high"},
	{"/home/alice/.docker/run/docker.sock", "engine critical", "engine critical"},
	{"/home/alice/.local", "path high", "path high"},
	{"/home/alice/.local/bin", "path medium", "path medium"},
	{"/home/alice/project", "path medium", "path medium"},
	{"/home/alice/project/src/.git", "path medium", "path medium"},
	/* the system */
	{"/boot", "path critical", "path medium"},
	{"/boot/grub/grub.cfg", "path critical", "path medium"},
	{"/usr", "path critical", "path medium"},
	{"/usr/bin/env", "path critical", "path medium"},
	{"/usr/local/bin", "path critical", "path medium"},
	{"/usr/share", "path critical", "path low"},
	{"/usr/share/zoneinfo/UTC", "path medium", "path low"},
	{"/usr/share/ca-certificates", "path high", "path low"},
	{"/bin", "path critical", "path medium"},
	{"/sbin/init", "path critical", "path medium"},
	{"/lib", "path critical", "path medium"},
	{"/lib64/ld-linux-x86-64.so.2", "path critical", "path medium"},
	{"/lib/modules", "path critical", "path low"},
	{"/library", "none", "none"},
	/* the kernel */
	{"/proc", "path critical", "path high"},
	{"/proc/sys", "path critical", "path high"},
	{"/proc/sysrq-trigger", "path critical", "path high"},
	{"/proc/1", "path critical", "path high"},
	{"/proc/1/environ", "path critical", "path high"},
	{"/proc/cpuinfo", "path low", "path low"},
	{"/sys", "path critical", "path high"},
	{"/sys/fs/cgroup", "path critical", "path medium"},
	{"/sys/kernel/debug", "path critical", "path high"},
	{"/sys/class/net", "path high", "path medium"},
	{"/dev", "path critical", "path critical"},
	{"/dev/null", "path low", "path low"},
	{"/dev/sda", "path critical", "path critical"},
	{"/dev/sda1", "path critical", "path critical"},
	{"/dev/nvme0n1p2", "path critical", "path critical"},
	{"/dev/mapper/vg-root", "path critical", "path critical"},
	{"/dev/disk/by-uuid/1234", "path critical", "path critical"},
	{"/dev/loop0", "path critical", "path critical"},
	{"/dev/dm-0", "path critical", "path critical"},
	{"/dev/mem", "path critical", "path critical"},
	{"/dev/fuse", "path medium", "path medium"},
	{"/dev/shm", "path medium", "path medium"},
	{"/dev/ttyUSB0", "path medium", "path medium"},
	/* the data of services */
	{"/var", "path critical", "path critical"},
	{"/var/lib", "path critical", "path critical"},
	{"/var/lib/docker", "path critical", "path high"},
	{"/var/lib/docker/overlay2/x/diff", "path critical", "path high"},
	{"/var/lib/docker/volumes", "path high", "path high"},
	{"/var/lib/docker/volumes/db/_data", "path medium", "path medium"},
	{"/var/lib/containerd", "path critical", "path high"},
	{"/var/lib/kubelet", "path critical", "path critical"},
	{"/var/lib/kubelet/pods/1-2/etc-hosts", "path low", "path low"},
	{"/var/lib/kubelet/pods/1-2", "path high", "path high"},
	{"/var/lib/postgresql", "none", "none"},
	{"/var/spool", "path critical", "path high"},
	{"/var/spool/cron", "path critical", "path medium"},
	{"/var/spool/cron/crontabs/root", "path critical", "path medium"},
	{"/var/spool/mail", "path high", "path high"},
	{"/var/spool/lpd", "none", "none"},
	{"/var/log", "path high", "path medium"},
	{"/var/log/nginx", "path low", "path low"},
	{"/var/www", "none", "none"},
	{"/var/cache", "path high", "path high"},
	{"/var/cache/nginx", "none", "none"},
	/* everyday */
	{"/tmp", "path medium", "path medium"},
	{"/tmp/x", "none", "none"},
	{"/tmp/.X11-unix", "path medium", "path medium"},
	{"/var/tmp/x", "none", "none"},
	{"/srv", "none", "none"},
	{"/srv/x", "none", "none"},
	{"/data", "none", "none"},
	{"/opt", "path critical", "path low"},
	{"/opt/x/../y", "none", "none"},
	{"/mnt/x", "none", "none"},
	{"/media", "none", "none"},
	{"/no such/path", "none", "none"},
	{"/...", "none", "none"},
	{"/*", "none", "none"},
	{"", "none", "none"},
	/* relative: from where the daemon runs */
	{"etc", "path critical", "path critical"},
	{"../../etc/shadow", "path critical", "path critical"},
	{"tmp/x", "none", "none"},
};

static const struct source_case on_host[] = {
	{"/tmp/root", "root critical", "root critical"},
	{"/tmp/root/", "root critical", "root critical"},
	{"/tmp/root/boot", "path critical", "path medium"},
	{"/tmp/init", "root critical", "root critical"},
	{"/tmp/init/etc/shadow", "path critical", "path critical"},
	{"/tmp/etc", "path critical", "path critical"},
	{"/tmp/etc/passwd", "path critical", "path low"},
	{"/tmp/sock", "engine critical", "engine critical"},
	{"/tmp/disk", "path critical", "path critical"},
	{"/srv/disk", "path critical", "path critical"},
	{"/srv/engine.sock", "engine critical", "engine critical"},
	{"/srv", "engine critical", "engine critical"},
	{"/srv/real", "engine critical", "engine critical"},
	{"/srv/real/engine.sock", "engine critical", "engine critical"},
	{"/srv/real/other", "none", "none"},
	{"/opt/engine", "engine critical", "engine critical"},
	{"/opt", "engine critical", "engine critical"},
	{"/opt/e", "none", "none"},
	{"/run/docker.sock", "engine critical", "engine critical"},
	{"/proc/1/root/srv", "engine critical", "engine critical"},
	{"/var", "path critical", "path critical"},
	{"/home/alice/src", "path medium", "path medium"},
	{"/lib/x", "path critical", "path medium"},
	{"/unknown", "none", "none"},
	{"/mnt/all", "root critical", "root critical"},
	{"/mnt/some/cron.d", "path critical", "path medium"},
	{"/mnt/some", "none", "none"},
	{"/graph", "path critical", "path high"},
	{"/graph/docker", "path critical", "path high"},
	{"/graph/docker/volumes/x", "path medium", "path medium"},
	{"/graph/docker/overlay2", "path critical", "path high"},
	{"/graph/docker2", "none", "none"},
	{"/run/other", "engine critical", "engine critical"},
	{"/var/run/other/netns", "path critical", "path high"},
	{"/run/other/plugins/x.sock", "path high", "path medium"},
	{"/run/other/containerd/containerd.sock", "engine critical", "engine critical"},
	{"/run/other/metrics.sock", "path medium", "path medium"}, /* which is in /run as well */
	{"/opt/ctd/c.sock", "engine critical", "engine critical"},
	{"/opt/ctd", "engine critical", "engine critical"},
	{"/opt/ctd/c", "none", "none"},
	{"/tmp/lost", "unjudged high", "unjudged high"},
	{"/mnt/fuse/x", "unjudged high", "unjudged high"},
	{"/mnt/nfs/x", "unjudged medium", "unjudged medium"},
	{"/", "root critical", "root critical"},
};
/* clang-format on */

static void test_sources(void **state)
{
	static const struct host_files nobody;

	(void)state;
	check_sources(plain, COUNT(plain), NULL);
	check_sources(plain, COUNT(plain), &nobody);
	check_sources(on_host, COUNT(on_host), &host);
}

/* Entries that cannot be related are left out by their order. */
static void test_sorted(void **state)
{
	FILE *stream = fopen("user/docker/host/host_paths.c", "r");
	char line[256], path[128], last[128] = "";
	unsigned int entries = 0;

	assert_non_null(stream);
	while (fgets(line, sizeof(line), stream) && !strstr(line, "host_entry entries[]"))
		;
	while (fgets(line, sizeof(line), stream) && sscanf(line, " {\"%127[^\"]", path) == 1) {
		if (strcmp(last, path) >= 0)
			fail_msg("%s stands before %s", last, path);
		for (const char *at = path; *at; at++)
			assert_true(*at >= '*');
		strcpy(last, path);
		entries++;
	}
	fclose(stream);
	assert_in_range(entries, 300, 1000);
}

static void test_paths_told(void **state)
{
	struct host_source source;
	struct text text = {};

	(void)state;
	text_add_string(&text, "before");
	host_paths_judge(BYTES("/tmp//x/../init/etc/"), false, &host, &text, &source);
	assert_true(bytes_equal(source.cleaned, BYTES("/tmp/init/etc")));
	assert_true(bytes_equal(source.resolved, BYTES("/proc/1/root/etc")));
	assert_string_equal(text.data, "before/tmp/init/etc/proc/1/root/etc");
	host_paths_judge(BYTES("/srv/x"), false, &host, &text, &source);
	assert_true(bytes_equal(source.cleaned, BYTES("/srv/x")));
	assert_null(source.resolved.data);
	host_paths_judge(BYTES("/unknown"), false, &host, &text, &source);
	assert_null(source.resolved.data);
	host_paths_judge(BYTES("etc"), false, NULL, &text, &source);
	assert_true(bytes_equal(source.cleaned, BYTES("/etc")));
	text_free(&text);
}

static void test_nul(void **state)
{
	static const struct {
		struct bytes source;
		const char *wanted;
	} cases[] = {
		{BYTES("/etc\0/../tmp/x"), "none"}, /* the daemon cleans first */
		{BYTES("/etc/shadow\0x"), "path critical"},
		{BYTES("/\0"), "root critical"},
		{BYTES("/tmp/x/..\0/../../etc\0"), "path critical"},
		{BYTES("/a/..\0x"), "root critical"},
		{BYTES("\0"), "root critical"},
		{BYTES("/srv/x\0/etc"), "none"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct host_source source;
		struct text text = {};

		host_paths_judge(cases[i].source, false, &host, &text, &source);
		if (strcmp(say(&source), cases[i].wanted) != 0)
			fail_msg("case %zu: %s, not %s", i, say(&source), cases[i].wanted);
		text_free(&text);
	}
}

static void test_long(void **state)
{
	static char path[32768];
	struct host_source source;
	struct text text = {};

	(void)state;
	path[0] = '/';
	memset(path + 1, 'x', sizeof(path) - 1);
	host_paths_judge((struct bytes){path, sizeof(path)}, false, &host, &text, &source);
	assert_int_equal(source.finding, FINDING_NONE);
	assert_int_equal(source.cleaned.size, sizeof(path));
	for (size_t i = 0; i < sizeof(path); i++)
		path[i] = "/.."[i % 3];
	host_paths_judge((struct bytes){path, sizeof(path)}, false, &host, &text, &source);
	assert_int_equal(source.finding, FINDING_HOST_ROOT_MOUNT);
	text_free(&text);
}

/* --- cleaning ------------------------------------------------------------------------------- */

static void test_clean(void **state)
{
	/* As Go's filepath.Clean 1.19 has it. */
	static const char *const cases[][2] = {
		{"", "."},
		{".", "."},
		{"/", "/"},
		{"//", "/"},
		{"/.", "/"},
		{"/..", "/"},
		{"/../a", "/a"},
		{"..", ".."},
		{"../", ".."},
		{"../..", "../.."},
		{"a/..", "."},
		{"a/../..", ".."},
		{"a/../../b", "../b"},
		{"./a", "a"},
		{"a/", "a"},
		{"a//b", "a/b"},
		{"a/./b", "a/b"},
		{"a/b/../c", "a/c"},
		{"/a/b/../../..", "/"},
		{"...", "..."},
		{"/.../x", "/.../x"},
		{"..a", "..a"},
		{"a..", "a.."},
		{"/a/..b/../c", "/a/c"},
		{"/a/.b/..", "/a"},
		{"abc/def/../../..", ".."},
		{"/abc/def/../../..", "/"},
		{"abc/../../././../def", "../../def"},
		{"../../a/../b", "../../b"},
		{"/a\\b", "/a\\b"},
		{"~", "~"},
		{" /", " "},
		{"./", "."},
		{"./..", ".."},
		{"/a/", "/a"},
		{"///a", "/a"},
		{"a/b/..", "a"},
		{".//a", "a"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct text text = {};

		host_paths_clean(&text, bytes_of(cases[i][0]));
		assert_string_equal(text.data, cases[i][1]);
		assert_int_equal(text.size, strlen(cases[i][1]));
		text_free(&text);
	}
}

/* --- binds ---------------------------------------------------------------------------------- */

static void test_bind(void **state)
{
	/* text, "source|destination|mode" with " ro", or NULL where the daemon refuses it */
	static const char *const cases[][2] = {
		{"/a:/b", "/a|/b|"},
		{"/a:/b:ro", "/a|/b|ro ro"},
		{"/a:/b:rw", "/a|/b|rw"},
		{"/a:/b:", "/a|/b|"},
		{"/a:/b:ro,Z", "/a|/b|ro,Z ro"},
		{"/a:/b:z,ro,rshared,delegated", "/a|/b|z,ro,rshared,delegated ro"},
		{"/a:/b:consistent", "/a|/b|consistent"},
		{"/a:/b:cached", "/a|/b|cached"},
		{"/a:/b:shared", "/a|/b|shared"},
		{"/a:/b:rslave", "/a|/b|rslave"},
		{"/a:/b:slave", "/a|/b|slave"},
		{"/a:/b:private", "/a|/b|private"},
		{"/a:/b:rprivate", "/a|/b|rprivate"},
		{"/:/b", "/|/b|"},
		{"//a/../:/b", "//a/../|/b|"},
		{"/a:\\b", "/a|\\b|"},
		{"/a:/b/..b", "/a|/b/..b|"},
		{"name:/b", "name|/b|"},
		{"name:/b:nocopy", "name|/b|nocopy"},
		{"name:/b:ro,nocopy", "name|/b|ro,nocopy ro"},
		{"~/x:/b", "~/x|/b|"}, /* a volume's name, which its driver refuses */
		{"./x:/b", "./x|/b|"},
		{"../x:/b", "../x|/b|"},
		{"/b", "|/b|"},
		{"/b ro", "|/b ro|"},
		{" /a:/b", " /a|/b|"},
		{"/a:/ro", "/a|/ro|"},
		{"", NULL},
		{":", NULL},
		{":/b", NULL},
		{":/b:ro", NULL},
		{"::", NULL},
		{"/a:", NULL},
		{"/a:ro", NULL},
		{"/a:rw,Z", NULL},
		{"/a::ro", NULL},
		{"/a:b", NULL},
		{"/a:b:ro", NULL},
		{"b", NULL},
		{".", NULL},
		{"/", NULL},
		{"/a:/", NULL},
		{"/a:/b/..", NULL},
		{"/a:/.\\..", NULL},
		{"/a:\\", NULL},
		{"/a:/b:RO", NULL},
		{"/a:/b:xyz", NULL},
		{"/a:/b:ro,", NULL},
		{"/a:/b:,ro", NULL},
		{"/a:/b:,", NULL},
		{"/a:/b: ro", NULL},
		{"/a:/b:ro,rw", NULL},
		{"/a:/b:ro,ro", NULL},
		{"/a:/b:z,Z", NULL},
		{"/a:/b:shared,slave", NULL},
		{"/a:/b:nocopy", NULL},
		{"name:/b:shared", NULL},
		{"name:/b:copy", NULL},
		{"/a:/b:ro:rw", NULL},
		{"/a:/b:ro:", NULL},
		{"/a:/b:rbind", NULL},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct bind bind;
		bool taken = binds_split(bytes_of(cases[i][0]), &bind);
		char said[256];

		if (taken != !!cases[i][1])
			fail_msg("%s: %s", cases[i][0], taken ? "taken" : "refused");
		if (!taken)
			continue;
		snprintf(said, sizeof(said), "%.*s|%.*s|%.*s%s", (int)bind.source.size,
			 bind.source.data ? bind.source.data : "", (int)bind.destination.size,
			 bind.destination.data, (int)bind.mode.size,
			 bind.mode.data ? bind.mode.data : "", bind.read_only ? " ro" : "");
		assert_string_equal(said, cases[i][1]);
	}
}

static void test_bind_refused(void **state)
{
	struct bind bind;

	(void)state;
	assert_false(binds_split(BYTES("/:/host:rbind,ro,U"), &bind));
	assert_true(bytes_equal(bind.source, BYTES("/")));
	assert_true(bytes_equal(bind.destination, BYTES("/host")));
	assert_true(bytes_equal(bind.mode, BYTES("rbind,ro,U")));
	assert_true(bind.read_only);
	assert_true(binds_split(BYTES("/b"), &bind));
	assert_null(bind.source.data);
}

/* --- volumes -------------------------------------------------------------------------------- */

static void test_volume(void **state)
{
	/* type, device, o, path */
	static const char *const cases[][4] = {
		{"none", "/x", "bind", "/x"},
		{"none", "/x", "rbind", "/x"},
		{"none", "/etc", "rw,bind,x-foo", "/etc"},
		{"", "/etc", "bind", "/etc"},
		{NULL, "/etc", "bind", "/etc"},
		{"nfs", "/etc", "bind", "/etc"},
		{"tmpfs", "/etc", "ro,rbind", "/etc"},
		{"overlay", "/data", "bind,lowerdir=/etc", "/data"},
		{"none", "etc", "bind", "/etc"},
		{"none", ".", "bind", "/."},
		{"none", "//etc/../", "bind", "//etc/../"},
		{"none", "", "bind", NULL},
		{"none", "none", "bind", NULL},
		{"none", NULL, "bind", NULL},
		{"none", "etc", "Bind", NULL}, /* not a bind: types and words are as they are */
		{"none", "etc", " bind", NULL},
		{"none", "/etc", NULL, "/etc"},
		{"ext4", "/dev/sda1", NULL, "/dev/sda1"},
		{"ext4", "/dev/sda1", "ro", "/dev/sda1"},
		{"ext4", "dev/sda1", "", "/dev/sda1"},
		{"xfs", "/data/x", "logdev=/dev/sdb", "/dev/sdb"},
		{"ext4", "LABEL=data", "", NULL},
		{"tmpfs", "tmpfs", "size=100m,uid=1000", NULL},
		{"tmpfs", "/etc", "", NULL},
		{"nfs", ":/export", "addr=10.0.0.1,rw", NULL},
		{"nfs4", "/etc", "addr=host", NULL},
		{"cifs", "//host/share", "credentials=/etc/x,addr=host", NULL},
		{"fuse.sshfs", "/etc", "", NULL},
		{"fuse", "/etc", "", NULL},
		{"fuseblk", "/dev/sda1", "", "/dev/sda1"},
		{"overlay", "overlay", "lowerdir=/data:/etc:/mnt,upperdir=/data/u,workdir=/data/w",
		 "/etc"},
		{"overlay", "/etc", "lowerdir=/data/l", "/data/l"},
		{"overlay", "x", "lowerdir=/data/l,upperdir=/,workdir=/data/w", "/"},
		{"overlay", "x", "lowerdir=data:etc", "/etc"},
		{"overlay", "x", "lowerdir=/data/a\\:/etc", "/data/a:/etc"},
		{"overlay", "x", "lowerdir=/data/a=b/../../boot", "/data/a=b/../../boot"},
		{"overlay", "x", "lowerdir=/data/a\\,b", "/data/a,b"},
		{"overlay", "x", "lowerdir=/data::/etc", "/etc"},
		{"overlay", "x", "lowerdir+=/data,lowerdir+=/etc", "/etc"},
		{"overlay", "x", "lowerdir+=/data,datadir+=/boot", "/boot"},
		{"overlay", "x", "index=/etc,xino=off", NULL},
		{"overlay", "x", "lowerdir", NULL},
		{"overlay", "x", "lowerdir=", NULL},
		{"overlay", "x", NULL, NULL},
		{"aufs", "none", "br:/data/a=rw:/etc=ro", "/etc"},
		{"aufs", "none", "br=/tmp/x=rw:/boot", "/boot"},
		{"ecryptfs", "etc", "", "/etc"},
		{"proc", "x", "", "/proc"},
		{"sysfs", "x", NULL, "/sys"},
		{"devtmpfs", "x", "", "/dev"},
		{"debugfs", "x", "", "/sys/kernel/debug"},
		{"cgroup2", "x", "", "/sys/fs/cgroup"},
		{NULL, NULL, NULL, NULL},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct text text = {};
		bool found = volumes_host_path(bytes_of(cases[i][0]), bytes_of(cases[i][1]),
					       bytes_of(cases[i][2]), &host, &text);

		if (found != !!cases[i][3])
			fail_msg("%s %s %s: %s", cases[i][0] ? cases[i][0] : "-",
				 cases[i][1] ? cases[i][1] : "-", cases[i][2] ? cases[i][2] : "-",
				 found ? text.data : "nothing");
		if (found)
			assert_string_equal(text.data, cases[i][3]);
		else
			assert_int_equal(text.size, 0);
		text_free(&text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sources), cmocka_unit_test(test_paths_told),
		cmocka_unit_test(test_sorted),	cmocka_unit_test(test_nul),
		cmocka_unit_test(test_long),	cmocka_unit_test(test_clean),
		cmocka_unit_test(test_bind),	cmocka_unit_test(test_bind_refused),
		cmocka_unit_test(test_volume),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
