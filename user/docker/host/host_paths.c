// SPDX-License-Identifier: Apache-2.0
#include "docker/host/host_paths.h"

#include <string.h>

#include "base/bytes.h"

#define PATH_ROOM 8192 /* of a path with its links followed; a longer one is not followed */

/* Short names, so that an entry below fits a line. */
enum {
	NONE = SEVERITY_NONE,
	INFO = SEVERITY_INFO,
	LOW = SEVERITY_LOW,
	MEDIUM = SEVERITY_MEDIUM,
	HIGH = SEVERITY_HIGH,
	CRITICAL = SEVERITY_CRITICAL,
	ENGINE = SEVERITY_CRITICAL + 1, /* not a severity: the socket of an engine */
};

struct host_entry {
	const char *path;
	unsigned char write,
		read; /* severity where the path is mounted read-write, and read-only */
	const char *reason;
};

/*
 * What is dangerous to share with a container. A component that ends in '*' stands for every one
 * that begins so; "*" alone for any.
 *
 * A source that is an entry, or is under one, is judged by the entry of the most components, and of
 * those with as many by the longest. A source that is above entries holds what they name: it is
 * judged by the worst of them where that is worse. An entry of severity NONE is there to make an
 * exception of what is under another one.
 *
 * How it was made, so that it can be made again: of Debian's and Fedora's packages in a usual installation, and of
 * those that a server has for containers, virtual machines, networks and storage,
 *  - what root executes or reads commands from: units, generators, rules, hooks, dispatchers, cron, profiles; by
 *    package, what `dpkg -L`, `rpm -ql` have below /etc, /run, /usr/lib, /var, and the SEARCH PATHS of its manual
 *    (systemd looks for each of its kinds of files below /etc, /run, /usr/local/lib and /usr/lib);
 *  - whom root trusts: accounts, sudo, PAM, polkit, time stamps, keys and certificates;
 *  - what is a secret: hashes, private keys, credentials, memory that was written out;
 *  - sockets whose owner does as root what callers tell it: `ss -lx` as root, and the listeners of those packages;
 *  - the files of other containers and machines.
 *
 * Sorted (LC_ALL=C sort): judge_by_table() relies on the order. Read-only is one step less where reading is not
 * itself the danger, LOW where everybody may read it anyway.
 */
/* clang-format off */
static const struct host_entry entries[] = {
	{"/bin", CRITICAL, MEDIUM, "programs that root runs"},
	{"/boot", CRITICAL, MEDIUM, "the kernel and its boot loader"},
	{"/dev", CRITICAL, CRITICAL, "devices, which a read-only mount does not protect"},
	{"/dev/*", MEDIUM, MEDIUM, "a device"},
	{"/dev/bus", MEDIUM, MEDIUM, "USB devices"},
	{"/dev/disk", CRITICAL, CRITICAL, "disks"},
	{"/dev/dm-*", CRITICAL, CRITICAL, "a disk"},
	{"/dev/dri", LOW, LOW, "graphics devices"},
	{"/dev/full", LOW, LOW, "a harmless device"},
	{"/dev/hidraw*", HIGH, HIGH, "an input device: what is typed"},
	{"/dev/input", HIGH, HIGH, "input devices: what is typed"},
	{"/dev/kmem", CRITICAL, CRITICAL, "the kernel's memory"},
	{"/dev/log", LOW, LOW, "the system log's socket"},
	{"/dev/loop*", CRITICAL, CRITICAL, "a disk"},
	{"/dev/mapper", CRITICAL, CRITICAL, "disks"},
	{"/dev/md*", CRITICAL, CRITICAL, "a disk"},
	{"/dev/mem", CRITICAL, CRITICAL, "physical memory"},
	{"/dev/mmcblk*", CRITICAL, CRITICAL, "a disk"},
	{"/dev/mqueue", MEDIUM, MEDIUM, "message queues of the host"},
	{"/dev/nbd*", CRITICAL, CRITICAL, "a disk"},
	{"/dev/null", LOW, LOW, "a harmless device"},
	{"/dev/nvme*", CRITICAL, CRITICAL, "a disk"},
	{"/dev/port", CRITICAL, CRITICAL, "I/O ports"},
	{"/dev/pts", HIGH, HIGH, "the terminals of the host"},
	{"/dev/random", LOW, LOW, "a harmless device"},
	{"/dev/sd*", CRITICAL, CRITICAL, "a disk"},
	{"/dev/sg*", CRITICAL, CRITICAL, "a disk, by its SCSI commands"},
	{"/dev/shm", MEDIUM, MEDIUM, "shared memory of the host"},
	{"/dev/uinput", HIGH, HIGH, "input devices: typing for the user"},
	{"/dev/urandom", LOW, LOW, "a harmless device"},
	{"/dev/vd*", CRITICAL, CRITICAL, "a disk"},
	{"/dev/xvd*", CRITICAL, CRITICAL, "a disk"},
	{"/dev/zd*", CRITICAL, CRITICAL, "a disk"},
	{"/dev/zero", LOW, LOW, "a harmless device"},
	{"/efi", CRITICAL, LOW, "the boot loader"},
	{"/etc", CRITICAL, CRITICAL, "accounts, secrets and configuration of the host"},
	{"/etc/*", HIGH, MEDIUM, "configuration of the host"},
	{"/etc/NetworkManager", CRITICAL, HIGH, "commands that run as root when a network appears, and passwords"},
	{"/etc/acpi", CRITICAL, LOW, "commands that run as root"},
	{"/etc/alternatives", CRITICAL, LOW, "programs that root runs"},
	{"/etc/apparmor*", CRITICAL, LOW, "what programs may do, and what is watched"},
	{"/etc/apt", CRITICAL, LOW, "commands that the package manager runs as root"},
	{"/etc/audit", CRITICAL, LOW, "what programs may do, and what is watched"},
	{"/etc/bash.bashrc", CRITICAL, LOW, "commands that root's shell runs"},
	{"/etc/binfmt.d", CRITICAL, LOW, "commands that run as root"},
	{"/etc/ca-certificates", HIGH, LOW, "which certificates are trusted"},
	{"/etc/cdi", CRITICAL, LOW, "commands that an engine runs as root for devices"},
	{"/etc/ceph", HIGH, HIGH, "keys of the storage"},
	{"/etc/cni", CRITICAL, LOW, "programs that an engine runs as root"},
	{"/etc/confexts", CRITICAL, LOW, "files that are laid over the system's"},
	{"/etc/containerd", CRITICAL, MEDIUM, "an engine's configuration"},
	{"/etc/containers", CRITICAL, MEDIUM, "an engine's configuration"},
	{"/etc/cron*", CRITICAL, MEDIUM, "commands that run as root by the clock"},
	{"/etc/dbus-1", CRITICAL, LOW, "who may ask services that run as root"},
	{"/etc/default", CRITICAL, MEDIUM, "settings of services that run as root"},
	{"/etc/dhcp*", CRITICAL, LOW, "commands that run as root when a network appears"},
	{"/etc/dnf", CRITICAL, LOW, "commands that the package manager runs as root"},
	{"/etc/docker", CRITICAL, MEDIUM, "an engine's configuration"},
	{"/etc/dpkg", CRITICAL, LOW, "commands that the package manager runs as root"},
	{"/etc/dracut*", CRITICAL, LOW, "commands that run as root at boot"},
	{"/etc/environment", CRITICAL, MEDIUM, "the environment of every login"},
	{"/etc/exports*", CRITICAL, LOW, "who may mount what as root"},
	{"/etc/extensions", CRITICAL, LOW, "files that are laid over the system's"},
	{"/etc/fstab", CRITICAL, LOW, "what is mounted, with which rights"},
	{"/etc/group", CRITICAL, LOW, "who belongs to which group"},
	{"/etc/group-", CRITICAL, LOW, "who belongs to which group"},
	{"/etc/grub.d", CRITICAL, LOW, "commands that run as root at boot"},
	{"/etc/gshadow*", CRITICAL, CRITICAL, "password hashes"},
	{"/etc/host.conf", MEDIUM, LOW, "how names are looked up"},
	{"/etc/hostname", MEDIUM, LOW, "the host's name"},
	{"/etc/hosts", MEDIUM, LOW, "names of other hosts"},
	{"/etc/inetd.conf", CRITICAL, LOW, "commands that run as root"},
	{"/etc/init.d", CRITICAL, MEDIUM, "commands that run as root at boot"},
	{"/etc/initramfs-tools", CRITICAL, LOW, "commands that run as root at boot"},
	{"/etc/kernel", CRITICAL, LOW, "commands that run as root at boot"},
	{"/etc/krb5.keytab", HIGH, HIGH, "the host's key"},
	{"/etc/kubernetes", CRITICAL, CRITICAL, "keys of the cluster"},
	{"/etc/ld.so*", CRITICAL, LOW, "libraries that every program loads"},
	{"/etc/letsencrypt", HIGH, HIGH, "private keys of certificates"},
	{"/etc/libvirt", CRITICAL, HIGH, "virtual machines and their secrets"},
	{"/etc/localtime", LOW, LOW, "the time zone"},
	{"/etc/logrotate*", CRITICAL, LOW, "commands that run as root"},
	{"/etc/lvm", CRITICAL, LOW, "commands that run as root"},
	{"/etc/machine-id", MEDIUM, LOW, "the host's id"},
	{"/etc/modprobe.d", CRITICAL, LOW, "commands that run as root when a module is loaded"},
	{"/etc/modules-load.d", CRITICAL, LOW, "modules that the kernel loads"},
	{"/etc/needrestart", CRITICAL, LOW, "commands that run as root"},
	{"/etc/network", CRITICAL, LOW, "commands that run as root when a network appears"},
	{"/etc/networkd-dispatcher", CRITICAL, LOW, "commands that run as root when a network appears"},
	{"/etc/nri", CRITICAL, LOW, "programs that an engine runs as root"},
	{"/etc/nsswitch.conf", CRITICAL, LOW, "libraries that look up accounts"},
	{"/etc/openvpn", CRITICAL, HIGH, "commands that run as root, and private keys"},
	{"/etc/os-release", MEDIUM, LOW, "the system's version"},
	{"/etc/pacman*", CRITICAL, LOW, "commands that the package manager runs as root"},
	{"/etc/pam*", CRITICAL, MEDIUM, "how logins are checked"},
	{"/etc/passwd", CRITICAL, LOW, "the accounts of the host"},
	{"/etc/passwd-", CRITICAL, LOW, "the accounts of the host"},
	{"/etc/pki", HIGH, MEDIUM, "certificates, and perhaps their keys"},
	{"/etc/pki/ca-trust", HIGH, LOW, "which certificates are trusted"},
	{"/etc/pki/tls/certs", HIGH, LOW, "which certificates are trusted"},
	{"/etc/polkit-1", CRITICAL, MEDIUM, "who may act as root"},
	{"/etc/portables", CRITICAL, LOW, "services that root runs"},
	{"/etc/ppp", CRITICAL, HIGH, "commands that run as root when a network appears, and passwords"},
	{"/etc/profile*", CRITICAL, LOW, "commands that root's shell runs"},
	{"/etc/protocols", MEDIUM, LOW, "names of protocols"},
	{"/etc/rancher", CRITICAL, CRITICAL, "keys of the cluster"},
	{"/etc/rc*", CRITICAL, MEDIUM, "commands that run as root at boot"},
	{"/etc/resolv.conf", MEDIUM, LOW, "name servers"},
	{"/etc/rsyslog*", CRITICAL, LOW, "commands that run as root"},
	{"/etc/security", CRITICAL, MEDIUM, "how logins are checked"},
	{"/etc/selinux", CRITICAL, LOW, "what programs may do, and what is watched"},
	{"/etc/services", MEDIUM, LOW, "names of ports"},
	{"/etc/shadow*", CRITICAL, CRITICAL, "password hashes"},
	{"/etc/smartd*", CRITICAL, LOW, "commands that run as root"},
	{"/etc/smartmontools", CRITICAL, LOW, "commands that run as root"},
	{"/etc/ssh", CRITICAL, CRITICAL, "the host's keys, and who may log in"},
	{"/etc/ssl", HIGH, HIGH, "certificates and their private keys"},
	{"/etc/ssl/cert.pem", HIGH, LOW, "which certificates are trusted"},
	{"/etc/ssl/certs", HIGH, LOW, "which certificates are trusted"},
	{"/etc/ssl/openssl.cnf", HIGH, LOW, "libraries that OpenSSL loads"},
	{"/etc/ssl/private", HIGH, HIGH, "private keys of certificates"},
	{"/etc/subgid*", CRITICAL, LOW, "whom a user may act as"},
	{"/etc/subuid*", CRITICAL, LOW, "whom a user may act as"},
	{"/etc/sudo*", CRITICAL, CRITICAL, "who may act as root"},
	{"/etc/sysctl*", CRITICAL, LOW, "the kernel's settings, among them commands that run as root"},
	{"/etc/syslog-ng", CRITICAL, LOW, "commands that run as root"},
	{"/etc/systemd", CRITICAL, MEDIUM, "commands that run as root"},
	{"/etc/sysusers.d", CRITICAL, LOW, "accounts that root makes at boot"},
	{"/etc/timezone", LOW, LOW, "the time zone"},
	{"/etc/tmpfiles.d", CRITICAL, LOW, "files that root makes at boot"},
	{"/etc/udev", CRITICAL, MEDIUM, "commands that run as root when a device appears"},
	{"/etc/update-motd.d", CRITICAL, LOW, "commands that run as root"},
	{"/etc/wireguard", HIGH, HIGH, "private keys of the network"},
	{"/etc/xinetd*", CRITICAL, LOW, "commands that run as root"},
	{"/etc/yum*", CRITICAL, LOW, "commands that the package manager runs as root"},
	{"/etc/zypp", CRITICAL, LOW, "commands that the package manager runs as root"},
	{"/home", HIGH, HIGH, "every user's files and keys"},
	{"/home/*", HIGH, HIGH, "a user's whole home, with keys and start-up files"},
	{"/home/*/*", MEDIUM, MEDIUM, "a user's files"},
	{"/home/*/.*", MEDIUM, MEDIUM, "a user's settings, perhaps start-up files or secrets"},
	{"/home/*/.aws", HIGH, HIGH, "a user's keys"},
	{"/home/*/.azure", HIGH, HIGH, "a user's keys"},
	{"/home/*/.bash*", HIGH, MEDIUM, "commands that a user's shell runs"},
	{"/home/*/.cache", LOW, LOW, "a user's cache"},
	{"/home/*/.config", HIGH, HIGH, "a user's start-up programs and secrets"},
	{"/home/*/.docker", HIGH, HIGH, "a user's keys to registries"},
	{"/home/*/.docker/desktop", ENGINE, ENGINE, "the directory of Docker Desktop's socket"},
	{"/home/*/.docker/desktop/docker.sock", ENGINE, ENGINE, "Docker Desktop's socket"},
	{"/home/*/.docker/run", ENGINE, ENGINE, "the directory of Docker Desktop's socket"},
	{"/home/*/.docker/run/docker.sock", ENGINE, ENGINE, "Docker Desktop's socket"},
	{"/home/*/.git-credentials", HIGH, HIGH, "a user's passwords"},
	{"/home/*/.gnupg", HIGH, HIGH, "a user's keys"},
	{"/home/*/.kube", HIGH, HIGH, "a user's keys to clusters"},
	{"/home/*/.local/share/containers", HIGH, HIGH, "a user's containers"},
	{"/home/*/.local/share/docker", HIGH, HIGH, "a user's containers"},
	{"/home/*/.local/share/keyrings", HIGH, HIGH, "a user's passwords"},
	{"/home/*/.mozilla", HIGH, HIGH, "a user's passwords and sessions"},
	{"/home/*/.netrc", HIGH, HIGH, "a user's passwords"},
	{"/home/*/.password-store", HIGH, HIGH, "a user's passwords"},
	{"/home/*/.profile", HIGH, MEDIUM, "commands that a user's shell runs"},
	{"/home/*/.ssh", HIGH, HIGH, "a user's keys, and who may log in"},
	{"/home/*/.zsh*", HIGH, MEDIUM, "commands that a user's shell runs"},
	{"/initrd*", CRITICAL, LOW, "the kernel's first programs"},
	{"/lib", CRITICAL, MEDIUM, "libraries that every program loads"},
	{"/lib/modules", CRITICAL, LOW, "the kernel's modules"},
	{"/lib32", CRITICAL, MEDIUM, "libraries that programs load"},
	{"/lib64", CRITICAL, MEDIUM, "libraries that every program loads"},
	{"/libx32", CRITICAL, MEDIUM, "libraries that programs load"},
	{"/nix", CRITICAL, LOW, "programs that root runs"},
	{"/opt/cni", CRITICAL, LOW, "programs that an engine runs as root"},
	{"/opt/containerd", CRITICAL, LOW, "programs that an engine runs as root"},
	{"/opt/nri", CRITICAL, LOW, "programs that an engine runs as root"},
	{"/ostree", CRITICAL, HIGH, "the system's files"},
	{"/proc", CRITICAL, HIGH, "every process of the host, and the kernel's settings"},
	{"/proc/cpuinfo", LOW, LOW, "the processors"},
	{"/proc/kcore", CRITICAL, HIGH, "the kernel's memory"},
	{"/proc/loadavg", LOW, LOW, "the load"},
	{"/proc/meminfo", LOW, LOW, "the use of memory"},
	{"/proc/stat", LOW, LOW, "the use of processors"},
	{"/proc/uptime", LOW, LOW, "the time since boot"},
	{"/proc/version", LOW, LOW, "the kernel's version"},
	{"/root", CRITICAL, CRITICAL, "root's home, with keys and start-up files"},
	{"/root/*", MEDIUM, MEDIUM, "root's files"},
	{"/root/.*", CRITICAL, HIGH, "root's settings, perhaps start-up files or secrets"},
	{"/root/.cache", MEDIUM, LOW, "root's cache"},
	{"/root/.ssh", CRITICAL, CRITICAL, "root's keys, and who may log in as root"},
	{"/run", MEDIUM, MEDIUM, "the state of services"},
	{"/run/binfmt.d", CRITICAL, LOW, "commands that run as root"},
	{"/run/buildkit/buildkitd.sock", ENGINE, ENGINE, "BuildKit's socket"},
	{"/run/cdi", CRITICAL, LOW, "commands that an engine runs as root for devices"},
	{"/run/cloud-init", HIGH, HIGH, "secrets of the instance"},
	{"/run/confexts", CRITICAL, LOW, "files that are laid over the system's"},
	{"/run/containerd", CRITICAL, HIGH, "an engine's state"},
	{"/run/containerd/containerd.sock", ENGINE, ENGINE, "containerd's socket"},
	{"/run/containerd/containerd.sock.ttrpc", ENGINE, ENGINE, "containerd's socket"},
	{"/run/credentials", CRITICAL, CRITICAL, "secrets of services"},
	{"/run/cri-dockerd.sock", ENGINE, ENGINE, "the socket of Docker for Kubernetes"},
	{"/run/crio/crio.sock", ENGINE, ENGINE, "CRI-O's socket"},
	{"/run/dbus", HIGH, HIGH, "the bus to services that run as root"},
	{"/run/docker", CRITICAL, HIGH, "an engine's state"},
	{"/run/docker.sock", ENGINE, ENGINE, "Docker's socket"},
	{"/run/docker/containerd/containerd.sock", ENGINE, ENGINE, "containerd's socket"},
	{"/run/docker/containerd/containerd.sock.ttrpc", ENGINE, ENGINE, "containerd's socket"},
	{"/run/docker/metrics.sock", LOW, LOW, "an engine's counters"},
	{"/run/docker/plugins", HIGH, MEDIUM, "the sockets of an engine's plugins"},
	{"/run/dockershim.sock", ENGINE, ENGINE, "the socket of Docker for Kubernetes"},
	{"/run/extensions", CRITICAL, LOW, "files that are laid over the system's"},
	{"/run/incus", CRITICAL, CRITICAL, "the state of Incus"},
	{"/run/incus/unix.socket", CRITICAL, CRITICAL, "control of Incus, which is root"},
	{"/run/initramfs", CRITICAL, LOW, "programs that root runs at shutdown"},
	{"/run/k3s/containerd/containerd.sock", ENGINE, ENGINE, "containerd's socket"},
	{"/run/libvirt", CRITICAL, CRITICAL, "control of virtual machines"},
	{"/run/lock", LOW, LOW, "locks of services"},
	{"/run/log", HIGH, MEDIUM, "the system log"},
	{"/run/modprobe.d", CRITICAL, LOW, "commands that run as root"},
	{"/run/modules-load.d", CRITICAL, LOW, "modules that the kernel loads"},
	{"/run/netns", MEDIUM, MEDIUM, "network namespaces of the host"},
	{"/run/podman/podman.sock", ENGINE, ENGINE, "Podman's socket"},
	{"/run/polkit-1", CRITICAL, LOW, "who may act as root"},
	{"/run/portables", CRITICAL, LOW, "services that root runs"},
	{"/run/qemu-server", CRITICAL, CRITICAL, "control of virtual machines"},
	{"/run/resolvconf", MEDIUM, LOW, "name servers"},
	{"/run/secrets", HIGH, HIGH, "secrets"},
	{"/run/snapd.sock", CRITICAL, CRITICAL, "control of the package manager, which is root"},
	{"/run/sudo", CRITICAL, LOW, "who need not give a password to act as root"},
	{"/run/sysctl.d", CRITICAL, LOW, "the kernel's settings, among them commands that run as root"},
	{"/run/systemd", CRITICAL, CRITICAL, "control of systemd, which is root"},
	{"/run/systemd/*", MEDIUM, MEDIUM, "the state of services"},
	{"/run/systemd/generator*", CRITICAL, LOW, "commands that run as root"},
	{"/run/systemd/journal", MEDIUM, LOW, "the system log's sockets"},
	{"/run/systemd/machines", MEDIUM, LOW, "the virtual machines"},
	{"/run/systemd/notify", LOW, LOW, "the socket to say that a service is up"},
	{"/run/systemd/nspawn", CRITICAL, LOW, "commands that run as root"},
	{"/run/systemd/private", CRITICAL, CRITICAL, "control of systemd, which is root"},
	{"/run/systemd/resolve", MEDIUM, LOW, "name servers"},
	{"/run/systemd/system", CRITICAL, LOW, "commands that run as root"},
	{"/run/systemd/system.attached", CRITICAL, LOW, "commands that run as root"},
	{"/run/systemd/system.control", CRITICAL, LOW, "commands that run as root"},
	{"/run/systemd/transient", CRITICAL, LOW, "commands that run as root"},
	{"/run/systemd/user", HIGH, LOW, "commands that run in users' sessions"},
	{"/run/systemd/userdb", CRITICAL, MEDIUM, "accounts of the host"},
	{"/run/sysusers.d", CRITICAL, LOW, "accounts that root makes at boot"},
	{"/run/tmpfiles.d", CRITICAL, LOW, "files that root makes at boot"},
	{"/run/udev", MEDIUM, LOW, "the devices of the host"},
	{"/run/udev/rules.d", CRITICAL, LOW, "commands that run as root when a device appears"},
	{"/run/user", HIGH, HIGH, "the sessions of users"},
	{"/run/user/*", HIGH, HIGH, "a user's session: bus, keys, perhaps an engine's socket"},
	{"/run/user/*/*", MEDIUM, MEDIUM, "a part of a user's session"},
	{"/run/user/*/buildkit", ENGINE, ENGINE, "the directory of a user's BuildKit socket"},
	{"/run/user/*/buildkit/buildkitd.sock", ENGINE, ENGINE, "a user's BuildKit socket"},
	{"/run/user/*/bus", HIGH, HIGH, "the bus of a user's session"},
	{"/run/user/*/containerd", ENGINE, ENGINE, "the directory of a user's containerd socket"},
	{"/run/user/*/containerd/containerd.sock", ENGINE, ENGINE, "a user's containerd socket"},
	{"/run/user/*/docker", ENGINE, ENGINE, "the directory of a user's containerd socket"},
	{"/run/user/*/docker.sock", ENGINE, ENGINE, "a user's Docker socket"},
	{"/run/user/*/docker/containerd/containerd.sock", ENGINE, ENGINE, "a user's containerd socket"},
	{"/run/user/*/gnupg", HIGH, HIGH, "the agent of a user's keys"},
	{"/run/user/*/keyring", HIGH, HIGH, "the agent of a user's keys"},
	{"/run/user/*/podman", ENGINE, ENGINE, "the directory of a user's Podman socket"},
	{"/run/user/*/podman/podman.sock", ENGINE, ENGINE, "a user's Podman socket"},
	{"/run/user/*/systemd", HIGH, HIGH, "control of a user's services"},
	{"/sbin", CRITICAL, MEDIUM, "programs that root runs"},
	{"/snap", CRITICAL, LOW, "programs of packages"},
	{"/swap*", CRITICAL, CRITICAL, "memory of every process"},
	{"/sys", CRITICAL, HIGH, "the kernel's devices and settings"},
	{"/sys/*", HIGH, MEDIUM, "devices of the host"},
	{"/sys/firmware", CRITICAL, MEDIUM, "the firmware's variables"},
	{"/sys/fs", CRITICAL, MEDIUM, "file systems' settings"},
	{"/sys/fs/bpf", CRITICAL, HIGH, "programs in the kernel"},
	{"/sys/fs/cgroup", CRITICAL, MEDIUM, "cgroups, by which a command can be run as root"},
	{"/sys/kernel", CRITICAL, MEDIUM, "the kernel's settings, among them commands that run as root"},
	{"/sys/kernel/debug", CRITICAL, HIGH, "the kernel's inner state"},
	{"/sys/kernel/security", CRITICAL, MEDIUM, "the kernel's security modules"},
	{"/sys/kernel/tracing", CRITICAL, HIGH, "what every process does"},
	{"/sysroot", CRITICAL, CRITICAL, "the system's files"},
	{"/tmp", MEDIUM, LOW, "temporary files and sockets of every user"},
	{"/tmp/*", NONE, NONE, NULL},
	{"/tmp/.X11-unix", MEDIUM, MEDIUM, "the screen and keyboard"},
	{"/tmp/ssh-*", MEDIUM, MEDIUM, "the agent of a user's keys"},
	{"/usr", CRITICAL, MEDIUM, "programs and libraries that root runs"},
	{"/usr/lib/modules", CRITICAL, LOW, "the kernel's modules"},
	{"/usr/lib/os-release", MEDIUM, LOW, "the system's version"},
	{"/usr/local/share/ca-certificates", HIGH, LOW, "which certificates are trusted"},
	{"/usr/share", HIGH, LOW, "files of programs"},
	{"/usr/share/ca-certificates", HIGH, LOW, "which certificates are trusted"},
	{"/usr/share/containers/oci/hooks.d", CRITICAL, LOW, "commands that an engine runs as root for devices"},
	{"/usr/share/polkit-1", CRITICAL, LOW, "who may act as root"},
	{"/usr/share/zoneinfo", MEDIUM, LOW, "time zones"},
	{"/usr/src", HIGH, LOW, "sources of programs"},
	{"/var/backups", CRITICAL, CRITICAL, "copies of password hashes"},
	{"/var/cache/apt/archives", HIGH, LOW, "packages to install"},
	{"/var/cache/debconf", HIGH, HIGH, "passwords given at installation"},
	{"/var/crash", HIGH, HIGH, "memory of programs"},
	{"/var/lib/NetworkManager", HIGH, HIGH, "keys of networks"},
	{"/var/lib/apt", HIGH, LOW, "packages to install"},
	{"/var/lib/cloud", CRITICAL, HIGH, "commands that run as root at boot, and secrets in them"},
	{"/var/lib/confexts", CRITICAL, LOW, "files that are laid over the system's"},
	{"/var/lib/containerd", CRITICAL, HIGH, "the files of every container"},
	{"/var/lib/containers", CRITICAL, HIGH, "the files of every container"},
	{"/var/lib/dkms", CRITICAL, HIGH, "the kernel's modules, and the key that signs them"},
	{"/var/lib/docker", CRITICAL, HIGH, "the files and secrets of every container"},
	{"/var/lib/docker/volumes", HIGH, HIGH, "the volumes of every container"},
	{"/var/lib/docker/volumes/*", MEDIUM, MEDIUM, "a volume, by its path"},
	{"/var/lib/dpkg", CRITICAL, LOW, "commands that the package manager runs as root"},
	{"/var/lib/etcd", CRITICAL, CRITICAL, "secrets of the cluster"},
	{"/var/lib/extensions", CRITICAL, LOW, "files that are laid over the system's"},
	{"/var/lib/flatpak", HIGH, LOW, "programs of packages"},
	{"/var/lib/incus", CRITICAL, HIGH, "the files of every container"},
	{"/var/lib/incus/unix.socket", CRITICAL, CRITICAL, "control of Incus, which is root"},
	{"/var/lib/initramfs-tools", CRITICAL, LOW, "commands that run as root at boot"},
	{"/var/lib/krb5kdc", CRITICAL, CRITICAL, "keys of every account"},
	{"/var/lib/kubelet", CRITICAL, CRITICAL, "secrets of every pod and the node's key"},
	{"/var/lib/kubelet/pods", HIGH, HIGH, "secrets of every pod"},
	{"/var/lib/kubelet/pods/*", HIGH, HIGH, "files and secrets of a pod"},
	{"/var/lib/kubelet/pods/*/*", LOW, LOW, "a part of a pod, as Kubernetes itself mounts it"},
	{"/var/lib/libvirt", HIGH, HIGH, "disks of virtual machines"},
	{"/var/lib/lxc", CRITICAL, HIGH, "the files of every container"},
	{"/var/lib/lxd", CRITICAL, HIGH, "the files of every container"},
	{"/var/lib/lxd/unix.socket", CRITICAL, CRITICAL, "control of LXD, which is root"},
	{"/var/lib/machines", CRITICAL, HIGH, "the files of every container"},
	{"/var/lib/pacman", CRITICAL, LOW, "commands that the package manager runs as root"},
	{"/var/lib/polkit-1", CRITICAL, MEDIUM, "who may act as root"},
	{"/var/lib/portables", CRITICAL, LOW, "services that root runs"},
	{"/var/lib/private", HIGH, HIGH, "files of services"},
	{"/var/lib/rancher", CRITICAL, CRITICAL, "keys of the cluster"},
	{"/var/lib/rpm", CRITICAL, LOW, "commands that the package manager runs as root"},
	{"/var/lib/samba", HIGH, HIGH, "accounts and keys of the domain"},
	{"/var/lib/sbctl", CRITICAL, CRITICAL, "the keys of the boot loader"},
	{"/var/lib/shim-signed", CRITICAL, CRITICAL, "the key that signs the kernel's modules"},
	{"/var/lib/snapd", CRITICAL, HIGH, "programs and services of packages, and their keys"},
	{"/var/lib/sss", CRITICAL, HIGH, "accounts and keys of the directory service"},
	{"/var/lib/sudo", CRITICAL, LOW, "who need not give a password to act as root"},
	{"/var/lib/systemd", HIGH, MEDIUM, "the state of services"},
	{"/var/lib/systemd/coredump", HIGH, HIGH, "memory of programs"},
	{"/var/lib/systemd/credential.secret", CRITICAL, CRITICAL, "the key to secrets of services"},
	{"/var/lib/systemd/linger", HIGH, LOW, "whose services run without him"},
	{"/var/lib/tailscale", HIGH, HIGH, "private keys of the network"},
	{"/var/log", MEDIUM, LOW, "the logs of the host"},
	{"/var/log/*", LOW, LOW, "a log of the host"},
	{"/var/log/audit", HIGH, MEDIUM, "the audit log"},
	{"/var/log/journal", HIGH, LOW, "the system log"},
	{"/var/mail", HIGH, HIGH, "users' mail"},
	{"/var/snap/docker", CRITICAL, HIGH, "the files and secrets of every container"},
	{"/var/snap/lxd", CRITICAL, HIGH, "the files of every container"},
	{"/var/snap/lxd/common/lxd/unix.socket", CRITICAL, CRITICAL, "control of LXD, which is root"},
	{"/var/spool/anacron", CRITICAL, LOW, "commands that run as root by the clock"},
	{"/var/spool/at", CRITICAL, MEDIUM, "commands that run by the clock"},
	{"/var/spool/cron", CRITICAL, MEDIUM, "commands that run as root by the clock"},
	{"/var/spool/mail", HIGH, HIGH, "users' mail"},
	{"/var/tmp", MEDIUM, LOW, "temporary files of every user"},
	{"/var/tmp/*", NONE, NONE, NULL},
	{"/vmlinuz*", CRITICAL, LOW, "the kernel"},
};
/* clang-format on */

/* What a path amounts to; FINDING_NONE: it is harmless. */
struct danger {
	enum finding_id finding;
	enum finding_severity severity;
	const char *reason;
};

static const struct danger host_root = {FINDING_HOST_ROOT_MOUNT, SEVERITY_CRITICAL,
					"the whole host"};

static bool is_worse(struct danger one, struct danger other)
{
	static const unsigned char rank[FINDINGS] = {
		[FINDING_HOST_ROOT_MOUNT] = 3,
		[FINDING_ENGINE_SOCKET_MOUNT] = 2,
		[FINDING_HOST_PATH_MOUNT] = 1,
	};

	return one.severity > other.severity ||
	       (one.severity == other.severity && rank[one.finding] > rank[other.finding]);
}

static void keep_worse(struct danger *danger, struct danger other)
{
	if (is_worse(other, *danger))
		*danger = other;
}

bool host_paths_is_worse(const struct host_source *one, const struct host_source *other)
{
	return is_worse((struct danger){one->finding, one->severity, one->reason},
			(struct danger){other->finding, other->severity, other->reason});
}

/* --- paths ---------------------------------------------------------------------------------- */

/* Whether a component of PATH ends before AT. */
static bool ends_part(struct bytes path, size_t at)
{
	return at == path.size || path.data[at] == '/';
}

/* Whether the component of PATH at AT is COUNT dots, one or two. */
static bool is_dots(struct bytes path, size_t at, size_t count)
{
	return at + count <= path.size && !memcmp(path.data + at, "..", count) &&
	       ends_part(path, at + count);
}

/* A path that is being cleaned, as Go's lazybuf: the first FIXED of its SIZE bytes stay, whatever ".." follows. */
struct cleaner {
	char *out;
	size_t size, fixed;
	bool rooted;
};

/* Appends PART as a component. */
static void host_paths_add_part(struct cleaner *cleaner, const char *part, size_t size)
{
	if (cleaner->size > (cleaner->rooted ? 1 : 0))
		cleaner->out[cleaner->size++] = '/';
	memcpy(cleaner->out + cleaner->size, part, size);
	cleaner->size += size;
}

/* Goes from the path to its parent, as ".." does. */
static void remove_part(struct cleaner *cleaner)
{
	if (cleaner->size > cleaner->fixed) {
		cleaner->size--;
		while (cleaner->size > cleaner->fixed && cleaner->out[cleaner->size] != '/')
			cleaner->size--;
	} else if (!cleaner->rooted) {
		host_paths_add_part(cleaner, "..", 2);
		cleaner->fixed = cleaner->size;
	}
}

void host_paths_clean(struct text *out, struct bytes path)
{
	struct cleaner cleaner = {.out = text_room(out, path.size + 1)};

	if (!cleaner.out)
		return;
	if (path.data && path.size && path.data[0] == '/') {
		cleaner.rooted = true;
		cleaner.out[0] = '/';
		cleaner.size = cleaner.fixed = 1;
	}
	for (size_t at = 0, end; at < path.size; at = end + 1) {
		for (end = at; !ends_part(path, end);)
			end++;
		if (is_dots(path, at, 2))
			remove_part(&cleaner);
		else if (end > at && !is_dots(path, at, 1))
			host_paths_add_part(&cleaner, path.data + at, end - at);
	}
	if (!cleaner.size)
		cleaner.out[cleaner.size++] = '.';
	cleaner.out[cleaner.size] = '\0';
	out->size += cleaner.size;
}

/* As host_paths_clean(); a relative PATH is taken from the root, where the daemon runs. */
static void clean_from_root(struct text *out, struct bytes path)
{
	_cleanup_(text_free) struct text rooted = {0};

	if (!path.size || path.data[0] != '/')
		text_add_char(&rooted, '/');
	text_add_bytes(&rooted, path);
	if (rooted.error)
		out->error = rooted.error;
	else
		host_paths_clean(out, text_since(&rooted, 0));
}

/* Takes the first component off PATH, which is clean: "a" off "/a/b". False: there is none. */
static bool take_part(struct bytes *path, struct bytes *part)
{
	size_t end = 1;

	if (path->size < 2)
		return false;
	while (!ends_part(*path, end))
		end++;
	*part = (struct bytes){path->data + 1, end - 1};
	*path = bytes_from(*path, end);
	return true;
}

static bool part_matches(struct bytes part, struct bytes pattern)
{
	if (pattern.data[pattern.size - 1] != '*')
		return bytes_equal(part, pattern);
	pattern.size--;
	return part.size >= pattern.size && !memcmp(part.data, pattern.data, pattern.size);
}

enum relation { APART, SAME, UNDER, ABOVE };

/* How PATH stands to PATTERN, both clean, and in *DEPTH how many components they share. *REST: the end of PATH that is
 * under PATTERN. */
static enum relation host_paths_relate(struct bytes path, struct bytes pattern, unsigned int *depth,
				       struct bytes *rest)
{
	struct bytes part, wanted;

	for (*depth = 0; take_part(&pattern, &wanted); (*depth)++) {
		if (!take_part(&path, &part))
			return ABOVE;
		if (!part_matches(part, wanted))
			return APART;
	}
	*rest = path;
	return path.size > 1 ? UNDER : SAME;
}

/* Compares PATH and PATTERN up to a wildcard, or to where one of them ends. Not 0: they are APART. Below 0: PATH is APART
 * from all patterns that are sorted after PATTERN, too. */
static int compare_beginnings(struct bytes path, const char *pattern)
{
	for (size_t i = 1; i < path.size && pattern[i] && pattern[i] != '*'; i++)
		if (path.data[i] != pattern[i])
			return (unsigned char)path.data[i] - (unsigned char)pattern[i];
	return 0;
}

/* Whether PATH is DIRECTORY, or in it; then *REST is what follows DIRECTORY. */
static bool is_in(struct bytes path, const char *directory, struct bytes *rest)
{
	enum relation relation;
	unsigned int depth;

	if (compare_beginnings(path, directory))
		return false;
	relation = host_paths_relate(path, bytes_of(directory), &depth, rest);
	return relation == SAME || relation == UNDER;
}

/* --- links that lead away ------------------------------------------------------------------- */

/* Links of the kernel to the directories of a process. Which process that will be, and which directories it has then,
 * nobody knows before: the links are judged as the worst that they may lead to. */
static const struct magic_link {
	const char *path;
	enum finding_severity least; /* of what is reached through it */
} magic_links[] = {
	{"/dev/fd/*", SEVERITY_HIGH},
	{"/proc/*/cwd", SEVERITY_HIGH},
	{"/proc/*/fd/*", SEVERITY_HIGH},
	{"/proc/*/root", SEVERITY_MEDIUM},
	{"/proc/*/task/*/cwd", SEVERITY_HIGH},
	{"/proc/*/task/*/fd/*", SEVERITY_HIGH},
	{"/proc/*/task/*/root", SEVERITY_MEDIUM},
};

/* Takes a link of the kernel off PATH. */
static bool take_magic_link(struct bytes *path, enum finding_severity *least)
{
	for (size_t i = 0; i < COUNT(magic_links); i++)
		if (is_in(*path, magic_links[i].path, path)) {
			if (magic_links[i].least > *least)
				*least = magic_links[i].least;
			return true;
		}
	return false;
}

/* The end of PATH, clean, behind the links that lead back to the root. Empty: PATH is the root. *LEAST: the severity
 * that such links have by themselves. */
static struct bytes host_paths_shorten(struct bytes path, enum finding_severity *least)
{
	struct bytes rest;

	for (;;) {
		if (take_magic_link(&path, least))
			continue;
		/* /var/run is a symlink everywhere, whoever can be asked. */
		if (!is_in(path, "/var/run", &rest))
			return path;
		path = bytes_from(path, strlen("/var"));
	}
}

/* --- judgement ------------------------------------------------------------------------------ */

static struct danger danger_of(const struct host_entry *entry, bool read_only)
{
	unsigned char severity = read_only ? entry->read : entry->write;

	if (severity == ENGINE)
		return (struct danger){FINDING_ENGINE_SOCKET_MOUNT, SEVERITY_CRITICAL,
				       entry->reason};
	if (severity == NONE)
		return (struct danger){};
	return (struct danger){FINDING_HOST_PATH_MOUNT, severity, entry->reason};
}

/* Judges PATH, clean, shortened and not the root, by the table above. */
static struct danger judge_by_table(struct bytes path, bool read_only)
{
	const struct host_entry *end = entries + COUNT(entries);
	struct danger own = {}, held = {};
	size_t best = 0;

	for (const struct host_entry *entry = entries; entry < end; entry++) {
		bool is_socket = entry->write == ENGINE;
		int difference = compare_beginnings(path, entry->path);
		struct bytes pattern, rest;
		enum relation relation;
		unsigned int depth;
		size_t weight;

		if (difference < 0)
			break;
		if (difference)
			continue;
		pattern = bytes_of(entry->path);
		relation = host_paths_relate(path, pattern, &depth, &rest);
		weight = depth * 256 + pattern.size;
		/* A user need not have an engine, and nothing is under a socket. */
		if (relation == ABOVE && !(is_socket && strchr(entry->path, '*')))
			keep_worse(&held, danger_of(entry, read_only));
		if ((relation == SAME || (relation == UNDER && !is_socket)) && weight > best) {
			best = weight;
			own = danger_of(entry, read_only);
		}
	}
	keep_worse(&own, held);
	return own;
}

/* Whether PATH is SOCKET, both as they are and shortened, or a directory that holds it. */
static bool reaches_socket(struct bytes path, struct bytes socket)
{
	enum finding_severity least = SEVERITY_NONE;
	unsigned int depth;
	struct bytes rest;
	enum relation relation =
		host_paths_relate(host_paths_shorten(socket, &least), path, &depth, &rest);

	return relation == SAME || relation == UNDER;
}

/* RESOLVED, of PATH_ROOM bytes: PATH with its links followed; empty: not known, or no other path. */
static enum host_path_end follow_links(const struct host_files *files, const char *path,
				       char *resolved)
{
	enum host_path_end end = HOST_PATH_UNKNOWN;

	if (files && files->resolve)
		end = files->resolve(files->data, path, resolved, PATH_ROOM);
	if (end == HOST_PATH_UNKNOWN || end == HOST_PATH_LOST || resolved[0] != '/' ||
	    !strcmp(path, resolved))
		resolved[0] = '\0';
	return end;
}

/* A path that could not be followed may lead anywhere. */
static struct danger judge_end(enum host_path_end end)
{
	switch (end) {
	case HOST_PATH_LOST:
		return (struct danger){FINDING_NOT_JUDGED, SEVERITY_HIGH,
				       "where it leads could not be followed"};
	case HOST_PATH_FOREIGN:
		return (struct danger){
			FINDING_NOT_JUDGED, SEVERITY_HIGH,
			"served by another program, so that it is not known where it leads"};
	case HOST_PATH_REMOTE:
		return (struct danger){
			FINDING_NOT_JUDGED, SEVERITY_MEDIUM,
			"served by another computer, so that it is not known where it leads"};
	case HOST_PATH_UNKNOWN:
	case HOST_PATH_KNOWN:
		break;
	}
	return (struct danger){0};
}

/* Judges PATH, clean and shortened, by the engines' sockets that the site watches. */
static struct danger judge_by_sockets(struct bytes path, const struct host_files *files)
{
	static const struct danger watched = {FINDING_ENGINE_SOCKET_MOUNT, SEVERITY_CRITICAL,
					      "an engine's socket"};
	const char *const *sockets = files ? files->sockets : NULL;
	struct danger danger = {};
	char resolved[PATH_ROOM];

	for (; sockets && *sockets && !danger.finding; sockets++) {
		_cleanup_(text_free) struct text socket = {0};

		if ((*sockets)[0] != '/') /* an abstract one */
			continue;
		host_paths_clean(&socket, bytes_of(*sockets));
		if (!socket.error) {
			follow_links(files, socket.data, resolved);
			if (reaches_socket(path, text_since(&socket, 0)) ||
			    (resolved[0] && reaches_socket(path, bytes_of(resolved))))
				danger = watched;
		}
	}
	return danger;
}

/* Whether PATH is a directory above WHAT. */
static bool is_above(struct bytes path, struct bytes what)
{
	return path.size < what.size && !memcmp(path.data, what.data, path.size) &&
	       what.data[path.size] == '/';
}

/* Judges PATH, clean and shortened, by the files that engines keep at unusual places: they are as dangerous there as at
 * their usual places. */
static struct danger judge_by_places(struct bytes path, bool read_only,
				     const struct host_files *files)
{
	const struct host_place *place = files ? files->places : NULL;
	struct danger danger = {0};

	for (; place && place->path; place++) {
		struct bytes rest = {0};
		_cleanup_(text_free) struct text usual = {0};

		if (compare_beginnings(path, place->path) ||
		    (!is_in(path, place->path, &rest) && !is_above(path, bytes_of(place->path))))
			continue;
		text_add_string(&usual, place->usual);
		text_add_bytes(&usual, rest);
		if (!usual.error)
			keep_worse(&danger, judge_by_table(text_since(&usual, 0), read_only));
	}
	return danger;
}

/* PATH is absolute and clean. */
static struct danger host_paths_judge_path(struct bytes path, bool read_only,
					   const struct host_files *files)
{
	enum finding_severity least = SEVERITY_NONE;
	struct danger danger;

	path = host_paths_shorten(path, &least);
	if (path.size <= 1)
		return host_root;
	danger = judge_by_table(path, read_only);
	keep_worse(&danger, judge_by_sockets(path, files));
	keep_worse(&danger, judge_by_places(path, read_only, files));
	keep_worse(&danger, (struct danger){least ? FINDING_HOST_PATH_MOUNT : FINDING_NONE, least,
					    "a path through the directories of a process"});
	return danger;
}

static bool is_disk(const struct host_files *files, const char *path)
{
	return files && files->is_block_device && files->is_block_device(files->data, path);
}

/* The aliases of a path while they are judged. */
struct others {
	const struct host_files *files;
	struct danger danger;
	bool read_only;
};

static void judge_alias(void *data, const char *alias)
{
	struct others *others = data;

	keep_worse(&others->danger,
		   host_paths_judge_path(bytes_of(alias), others->read_only, others->files));
}

static struct danger judge_aliases(const char *path, bool read_only, const struct host_files *files)
{
	struct others others = {.files = files, .read_only = read_only};

	if (files && files->aliases)
		files->aliases(files->data, path, judge_alias, &others);
	return others.danger;
}

/* PATH is absolute, clean and without NUL. RESOLVED, of PATH_ROOM bytes: where it leads; empty
 * where to the same. */
static struct danger judge_as_kernel(const char *path, bool read_only,
				     const struct host_files *files, char *resolved)
{
	static const struct danger block_device = {FINDING_HOST_PATH_MOUNT, SEVERITY_CRITICAL,
						   "a block device"};
	struct danger danger = host_paths_judge_path(bytes_of(path), read_only, files);

	keep_worse(&danger, judge_end(follow_links(files, path, resolved)));
	if (resolved[0])
		keep_worse(&danger, host_paths_judge_path(bytes_of(resolved), read_only, files));
	if (danger.severity < SEVERITY_CRITICAL)
		keep_worse(&danger, judge_aliases(resolved[0] ? resolved : path, read_only, files));
	if (danger.severity < SEVERITY_CRITICAL && is_disk(files, resolved[0] ? resolved : path))
		danger = block_device;
	return danger;
}

void host_paths_judge(struct bytes source, bool read_only, const struct host_files *files,
		      struct text *text, struct host_source *ret)
{
	size_t start = text->size, middle;
	char resolved[PATH_ROOM];
	struct danger danger;
	_cleanup_(text_free) struct text path = {0};

	*ret = (struct host_source){};
	if (!source.size)
		return;
	clean_from_root(text, source);
	if (text->error)
		return;
	/* The kernel takes a path to end at a NUL; Go refuses one that has it. */
	host_paths_clean(&path, bytes_of(text->data + start));
	if (path.error) {
		text->error = path.error;
		return;
	}
	danger = judge_as_kernel(path.data, read_only, files, resolved);
	if (path.size != text->size - start) /* there is a NUL */
		keep_worse(&danger,
			   host_paths_judge_path(text_since(text, start), read_only, files));
	middle = text->size;
	text_add_string(text, resolved);
	if (text->error)
		return;
	ret->finding = danger.finding;
	ret->severity = danger.severity;
	ret->reason = danger.reason;
	ret->cleaned = (struct bytes){text->data + start, middle - start};
	if (resolved[0])
		ret->resolved = text_since(text, middle);
}
