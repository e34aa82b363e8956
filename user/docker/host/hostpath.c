// SPDX-License-Identifier: Apache-2.0
#include "docker/host/hostpath.h"

#include <string.h>

#include "base/bytes.h"
#include "json/body.h"

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
	unsigned char write, read; /* severity where it can be written, and where it is read-only */
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
 *  - sockets whose owner does as root what he is told: `ss -lx` as root, and the listeners of those packages;
 *  - the files of other containers and machines.
 *
 * Sorted (LC_ALL=C sort): judge_by_table() relies on it. Read-only is one step less where reading is not
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

/* What a path amounts to. */
struct verdict {
	enum finding_id finding;
	enum finding_severity severity;
	const char *reason;
};

static const struct verdict host_root = {FINDING_HOST_ROOT_MOUNT, SEVERITY_CRITICAL,
					 "the whole host"};

/* True: OTHER was worse and is kept. */
static bool keep_worse(struct verdict *verdict, struct verdict other)
{
	static const unsigned char rank[FINDINGS] = {
		[FINDING_HOST_ROOT_MOUNT] = 3,
		[FINDING_ENGINE_SOCKET_MOUNT] = 2,
		[FINDING_HOST_PATH_MOUNT] = 1,
	};

	if (other.severity < verdict->severity ||
	    (other.severity == verdict->severity && rank[other.finding] <= rank[verdict->finding]))
		return false;
	*verdict = other;
	return true;
}

/* --- paths ---------------------------------------------------------------------------------- */

static bool ends_part(struct bytes path, size_t at)
{
	return at == path.size || path.data[at] == '/';
}

static bool is_dots(struct bytes path, size_t at, size_t count)
{
	return at + count <= path.size && !memcmp(path.data + at, "..", count) &&
	       ends_part(path, at + count);
}

/* Go's lazybuf: what was written so far, of which the first FIXED bytes stay. */
struct cleaner {
	char *out;
	size_t size, fixed;
	bool rooted;
};

static void clean_add(struct cleaner *cleaner, const char *part, size_t size)
{
	if (cleaner->size > (cleaner->rooted ? 1 : 0))
		cleaner->out[cleaner->size++] = '/';
	memcpy(cleaner->out + cleaner->size, part, size);
	cleaner->size += size;
}

static void clean_go_up(struct cleaner *cleaner)
{
	if (cleaner->size > cleaner->fixed) {
		cleaner->size--;
		while (cleaner->size > cleaner->fixed && cleaner->out[cleaner->size] != '/')
			cleaner->size--;
	} else if (!cleaner->rooted) {
		clean_add(cleaner, "..", 2);
		cleaner->fixed = cleaner->size;
	}
}

void path_clean(struct text *out, struct bytes path)
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
			clean_go_up(&cleaner);
		else if (end > at && !is_dots(path, at, 1))
			clean_add(&cleaner, path.data + at, end - at);
	}
	if (!cleaner.size)
		cleaner.out[cleaner.size++] = '.';
	cleaner.out[cleaner.size] = '\0';
	out->size += cleaner.size;
}

/* As path_clean(), and from the root where PATH is relative, which is where the daemon runs. */
static void clean_from_root(struct text *out, struct bytes path)
{
	_cleanup_(text_free) struct text rooted = {0};

	if (path.size && path.data[0] == '/') {
		path_clean(out, path);
		return;
	}
	text_add_char(&rooted, '/');
	text_add_bytes(&rooted, path);
	if (rooted.error)
		out->error = rooted.error;
	else
		path_clean(out, text_since(&rooted, 0));
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

/* What PATH is to PATTERN, both clean, and how many components they share. REST: of PATH, what is
 * under the pattern. */
static enum relation relate(struct bytes path, struct bytes pattern, unsigned int *depth,
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

/* How PATH and PATTERN differ before a wildcard, and before either ends: then they are not related. Below 0: nor
 * is PATH to what is sorted after PATTERN. */
static int differ(struct bytes path, const char *pattern)
{
	for (size_t i = 1; i < path.size && pattern[i] && pattern[i] != '*'; i++)
		if (path.data[i] != pattern[i])
			return (unsigned char)path.data[i] - (unsigned char)pattern[i];
	return 0;
}

static bool is_in(struct bytes path, const char *directory, struct bytes *rest)
{
	enum relation relation;
	unsigned int depth;

	if (differ(path, directory))
		return false;
	relation = relate(path, bytes_of(directory), &depth, rest);
	return relation == SAME || relation == UNDER;
}

/* --- links that lead away ------------------------------------------------------------------- */

/* Links of the kernel to the directories of a process. Whose it is, and where that is, is known to
 * the daemon alone, at the time: taken for the worst that it may be. */
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

/* PATH, clean, without what leads back to the root: a part of it. Empty: it is the root. LEAST: how
 * severe it is at least, having gone such a way. */
static struct bytes shorten(struct bytes path, enum finding_severity *least)
{
	struct bytes rest;

	for (;;) {
		if (take_magic_link(&path, least))
			continue;
		/* A symlink everywhere, whatever can be asked. */
		if (!is_in(path, "/var/run", &rest))
			return path;
		path = bytes_from(path, strlen("/var"));
	}
}

/* --- judgement ------------------------------------------------------------------------------ */

static struct verdict entry_verdict(const struct host_entry *entry, bool read_only)
{
	unsigned char severity = read_only ? entry->read : entry->write;

	if (severity == ENGINE)
		return (struct verdict){FINDING_ENGINE_SOCKET_MOUNT, SEVERITY_CRITICAL,
					entry->reason};
	if (severity == NONE)
		return (struct verdict){};
	return (struct verdict){FINDING_HOST_PATH_MOUNT, severity, entry->reason};
}

/* PATH, clean, shortened and not the root, by the table above. */
static struct verdict judge_by_table(struct bytes path, bool read_only)
{
	const struct host_entry *end = entries + COUNT(entries);
	struct verdict own = {}, held = {};
	size_t best = 0;

	for (const struct host_entry *entry = entries; entry < end; entry++) {
		bool is_socket = entry->write == ENGINE;
		int difference = differ(path, entry->path);
		struct bytes pattern, rest;
		enum relation relation;
		unsigned int depth;
		size_t weight;

		if (difference < 0)
			break;
		if (difference)
			continue;
		pattern = bytes_of(entry->path);
		relation = relate(path, pattern, &depth, &rest);
		weight = depth * 256 + pattern.size;
		/* Not everybody has an engine of his own; nothing is under a socket. */
		if (relation == ABOVE && !(is_socket && strchr(entry->path, '*')))
			keep_worse(&held, entry_verdict(entry, read_only));
		if ((relation == SAME || (relation == UNDER && !is_socket)) && weight > best) {
			best = weight;
			own = entry_verdict(entry, read_only);
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
	enum relation relation = relate(shorten(socket, &least), path, &depth, &rest);

	return relation == SAME || relation == UNDER;
}

/* RESOLVED, of PATH_ROOM bytes: PATH with its links followed; empty: not known, or no other path. */
static enum host_path_end resolve(const struct host_files *files, const char *path, char *resolved)
{
	enum host_path_end end = HOST_PATH_UNKNOWN;

	if (files && files->resolve)
		end = files->resolve(files->data, path, resolved, PATH_ROOM);
	if (end == HOST_PATH_UNKNOWN || end == HOST_PATH_LOST || resolved[0] != '/' ||
	    !strcmp(path, resolved))
		resolved[0] = '\0';
	return end;
}

/* What could not be followed may be anything. */
static struct verdict judge_end(enum host_path_end end)
{
	switch (end) {
	case HOST_PATH_LOST:
		return (struct verdict){FINDING_NOT_JUDGED, SEVERITY_HIGH,
					"where it leads could not be followed"};
	case HOST_PATH_FOREIGN:
		return (struct verdict){
			FINDING_NOT_JUDGED, SEVERITY_HIGH,
			"served by another program, so that it is not known where it leads"};
	case HOST_PATH_REMOTE:
		return (struct verdict){
			FINDING_NOT_JUDGED, SEVERITY_MEDIUM,
			"served by another computer, so that it is not known where it leads"};
	case HOST_PATH_UNKNOWN:
	case HOST_PATH_KNOWN:
		break;
	}
	return (struct verdict){0};
}

/* By an engine's socket that is looked for, PATH being clean and shortened. */
static struct verdict judge_by_sockets(struct bytes path, const struct host_files *files)
{
	static const struct verdict watched = {FINDING_ENGINE_SOCKET_MOUNT, SEVERITY_CRITICAL,
					       "an engine's socket"};
	const char *const *sockets = files ? files->sockets : NULL;
	struct verdict verdict = {};
	char resolved[PATH_ROOM];

	for (; sockets && *sockets && !verdict.finding; sockets++) {
		_cleanup_(text_free) struct text socket = {0};

		if ((*sockets)[0] != '/') /* an abstract one */
			continue;
		path_clean(&socket, bytes_of(*sockets));
		if (!socket.error) {
			resolve(files, socket.data, resolved);
			if (reaches_socket(path, text_since(&socket, 0)) ||
			    (resolved[0] && reaches_socket(path, bytes_of(resolved))))
				verdict = watched;
		}
	}
	return verdict;
}

/* Whether PATH is a directory above WHAT. */
static bool holds(struct bytes path, struct bytes what)
{
	return path.size < what.size && !memcmp(path.data, what.data, path.size) &&
	       what.data[path.size] == '/';
}

/* By what is at an unusual place, which is as bad as where it usually is. PATH is clean and shortened. */
static struct verdict judge_by_places(struct bytes path, bool read_only,
				      const struct host_files *files)
{
	const struct host_place *place = files ? files->places : NULL;
	struct verdict verdict = {0};

	for (; place && place->path; place++) {
		struct bytes rest = {0};
		_cleanup_(text_free) struct text usual = {0};

		if (differ(path, place->path) ||
		    (!is_in(path, place->path, &rest) && !holds(path, bytes_of(place->path))))
			continue;
		text_add_string(&usual, place->usual);
		text_add_bytes(&usual, rest);
		if (!usual.error)
			keep_worse(&verdict, judge_by_table(text_since(&usual, 0), read_only));
	}
	return verdict;
}

/* PATH is absolute and clean. */
static struct verdict judge_path(struct bytes path, bool read_only, const struct host_files *files)
{
	enum finding_severity least = SEVERITY_NONE;
	struct verdict verdict;

	path = shorten(path, &least);
	if (path.size <= 1)
		return host_root;
	verdict = judge_by_table(path, read_only);
	keep_worse(&verdict, judge_by_sockets(path, files));
	keep_worse(&verdict, judge_by_places(path, read_only, files));
	keep_worse(&verdict, (struct verdict){least ? FINDING_HOST_PATH_MOUNT : FINDING_NONE, least,
					      "a path through the directories of a process"});
	return verdict;
}

static bool is_block_device(const struct host_files *files, const char *path)
{
	return files && files->is_block_device && files->is_block_device(files->data, path);
}

/* What else a path is. */
struct others {
	const struct host_files *files;
	struct verdict verdict;
	bool read_only;
};

static void judge_alias(void *data, const char *alias)
{
	struct others *others = data;

	keep_worse(&others->verdict, judge_path(bytes_of(alias), others->read_only, others->files));
}

static struct verdict judge_aliases(const char *path, bool read_only,
				    const struct host_files *files)
{
	struct others others = {.files = files, .read_only = read_only};

	if (files && files->aliases)
		files->aliases(files->data, path, judge_alias, &others);
	return others.verdict;
}

/* PATH is absolute, clean and without NUL. RESOLVED, of PATH_ROOM bytes: where it leads; empty
 * where to the same. */
static struct verdict judge_as_kernel(const char *path, bool read_only,
				      const struct host_files *files, char *resolved)
{
	static const struct verdict block_device = {FINDING_HOST_PATH_MOUNT, SEVERITY_CRITICAL,
						    "a block device"};
	struct verdict verdict = judge_path(bytes_of(path), read_only, files);

	keep_worse(&verdict, judge_end(resolve(files, path, resolved)));
	if (resolved[0])
		keep_worse(&verdict, judge_path(bytes_of(resolved), read_only, files));
	if (verdict.severity < SEVERITY_CRITICAL)
		keep_worse(&verdict,
			   judge_aliases(resolved[0] ? resolved : path, read_only, files));
	if (verdict.severity < SEVERITY_CRITICAL &&
	    is_block_device(files, resolved[0] ? resolved : path))
		verdict = block_device;
	return verdict;
}

void host_source_judge(struct bytes source, bool read_only, const struct host_files *files,
		       struct text *text, struct host_source *ret)
{
	size_t start = text->size, middle;
	char resolved[PATH_ROOM];
	struct verdict verdict;
	_cleanup_(text_free) struct text path = {0};

	*ret = (struct host_source){};
	if (!source.size)
		return;
	clean_from_root(text, source);
	if (text->error)
		return;
	/* The kernel takes a path to end at a NUL; Go refuses one that has it. */
	path_clean(&path, bytes_of(text->data + start));
	if (path.error) {
		text->error = path.error;
		return;
	}
	verdict = judge_as_kernel(path.data, read_only, files, resolved);
	if (path.size != text->size - start) /* there is a NUL */
		keep_worse(&verdict, judge_path(text_since(text, start), read_only, files));
	middle = text->size;
	text_add_string(text, resolved);
	if (text->error)
		return;
	ret->finding = verdict.finding;
	ret->severity = verdict.severity;
	ret->reason = verdict.reason;
	ret->cleaned = (struct bytes){text->data + start, middle - start};
	if (resolved[0])
		ret->resolved = text_since(text, middle);
}

/* --- binds ---------------------------------------------------------------------------------- */

/* Takes what stands before the next SEPARATOR, or all, off TEXT. False: nothing is left, not even
 * an empty piece. */
static bool take_piece(struct bytes *text, char separator, struct bytes *piece)
{
	const char *end;

	if (!text->data)
		return false;
	end = text->size ? memchr(text->data, separator, text->size) : NULL;
	if (!end) {
		*piece = *text;
		*text = (struct bytes){};
		return true;
	}
	*piece = (struct bytes){text->data, (size_t)(end - text->data)};
	*text = bytes_from(*text, piece->size + 1);
	return true;
}

enum mode_kind { MODE_ACCESS, MODE_LABEL, MODE_PROPAGATION, MODE_COPY, MODE_CONSISTENCY, MODES };

static const struct mode_word {
	const char *word;
	enum mode_kind kind;
} mode_words[] = {
	{"Z", MODE_LABEL},
	{"cached", MODE_CONSISTENCY},
	{"consistent", MODE_CONSISTENCY},
	{"delegated", MODE_CONSISTENCY},
	{"nocopy", MODE_COPY},
	{"private", MODE_PROPAGATION},
	{"ro", MODE_ACCESS},
	{"rprivate", MODE_PROPAGATION},
	{"rshared", MODE_PROPAGATION},
	{"rslave", MODE_PROPAGATION},
	{"rw", MODE_ACCESS},
	{"shared", MODE_PROPAGATION},
	{"slave", MODE_PROPAGATION},
	{"z", MODE_LABEL},
};

static bool count_mode(struct bytes word, unsigned int counts[MODES])
{
	for (size_t i = 0; i < COUNT(mode_words); i++)
		if (bytes_equal(word, bytes_of(mode_words[i].word)))
			return ++counts[mode_words[i].kind] == 1;
	return false;
}

/* Whether the daemon takes MODE, and what it holds: one word of a kind at most. */
static bool mode_is_valid(struct bytes mode, unsigned int counts[MODES])
{
	struct bytes word;

	memset(counts, 0, MODES * sizeof(*counts));
	while (mode.size && take_piece(&mode, ',', &word))
		if (!count_mode(word, counts) || (mode.data && !mode.size))
			return false;
	return true;
}

static bool has_word(struct bytes list, const char *wanted)
{
	struct bytes word;

	while (take_piece(&list, ',', &word))
		if (bytes_equal(word, bytes_of(wanted)))
			return true;
	return false;
}

/* An absolute path, and not the root, where backslashes are slashes. */
static bool destination_is_valid(struct bytes destination)
{
	_cleanup_(text_free) struct text slashes = {0}, clean = {0};
	bool valid;

	text_add_bytes(&slashes, destination);
	for (size_t i = 0; i < slashes.size; i++)
		if (slashes.data[i] == '\\')
			slashes.data[i] = '/';
	path_clean(&clean, text_since(&slashes, 0));
	valid = !slashes.error && !clean.error && clean.data[0] == '/' && clean.size > 1;
	return valid;
}

/* The daemon wants no option of a volume for a path, and none of a path for a volume. */
static bool mode_fits(struct bytes source, const unsigned int counts[MODES])
{
	bool is_path = source.size && source.data[0] == '/';

	return !counts[is_path ? MODE_COPY : MODE_PROPAGATION];
}

bool bind_split(struct bytes text, struct bind *ret)
{
	struct bytes first = {}, second = {}, third = {}, rest = text;
	bool two, three;
	unsigned int counts[MODES];

	take_piece(&rest, ':', &first);
	two = take_piece(&rest, ':', &second);
	three = take_piece(&rest, ':', &third);
	*ret = (struct bind){.destination = first};
	if (two)
		*ret = (struct bind){first, second, third, has_word(third, "ro")};
	if (!first.size || rest.data || (two && !three && mode_is_valid(second, counts)))
		return false;
	return mode_is_valid(third, counts) && mode_fits(ret->source, counts) &&
	       destination_is_valid(ret->destination);
}

/* --- volumes -------------------------------------------------------------------------------- */

/* What a type of file system makes of the options of a volume. */
enum volume_kind {
	VOLUME_DEVICE,	  /* device is a block device, or a directory where absolute */
	VOLUME_STACKED,	  /* device is a directory */
	VOLUME_LAYERS,	  /* the options name directories */
	VOLUME_BRANCHES,  /* as aufs has them: br:/a=rw:/b=ro */
	VOLUME_KERNEL,	  /* the kernel's own, wherever it is mounted */
	VOLUME_ELSEWHERE, /* nothing of the host */
};

static const struct volume_type {
	const char *name;
	enum volume_kind kind;
	const char *path; /* KERNEL: where the host has the same */
} volume_types[] = {
	{"9p", VOLUME_ELSEWHERE, NULL},
	{"afs", VOLUME_ELSEWHERE, NULL},
	{"aufs", VOLUME_BRANCHES, NULL},
	{"binfmt_misc", VOLUME_KERNEL, "/proc/sys/fs/binfmt_misc"},
	{"bpf", VOLUME_ELSEWHERE, NULL},
	{"ceph", VOLUME_ELSEWHERE, NULL},
	{"cgroup", VOLUME_KERNEL, "/sys/fs/cgroup"},
	{"cgroup2", VOLUME_KERNEL, "/sys/fs/cgroup"},
	{"cifs", VOLUME_ELSEWHERE, NULL},
	{"configfs", VOLUME_KERNEL, "/sys/kernel/config"},
	{"debugfs", VOLUME_KERNEL, "/sys/kernel/debug"},
	{"devpts", VOLUME_ELSEWHERE, NULL},
	{"devtmpfs", VOLUME_KERNEL, "/dev"},
	{"ecryptfs", VOLUME_STACKED, NULL},
	{"efivarfs", VOLUME_KERNEL, "/sys/firmware/efi/efivars"},
	{"fuse", VOLUME_ELSEWHERE, NULL},
	{"fusectl", VOLUME_KERNEL, "/sys/fs/fuse/connections"},
	{"hugetlbfs", VOLUME_ELSEWHERE, NULL},
	{"mqueue", VOLUME_KERNEL, "/dev/mqueue"},
	{"nfs", VOLUME_ELSEWHERE, NULL},
	{"nfs4", VOLUME_ELSEWHERE, NULL},
	{"overlay", VOLUME_LAYERS, NULL},
	{"overlayfs", VOLUME_LAYERS, NULL},
	{"proc", VOLUME_KERNEL, "/proc"},
	{"pstore", VOLUME_KERNEL, "/sys/fs/pstore"},
	{"ramfs", VOLUME_ELSEWHERE, NULL},
	{"securityfs", VOLUME_KERNEL, "/sys/kernel/security"},
	{"selinuxfs", VOLUME_KERNEL, "/sys/fs/selinux"},
	{"shiftfs", VOLUME_STACKED, NULL},
	{"smb3", VOLUME_ELSEWHERE, NULL},
	{"smbfs", VOLUME_ELSEWHERE, NULL},
	{"sysfs", VOLUME_KERNEL, "/sys"},
	{"tmpfs", VOLUME_ELSEWHERE, NULL},
	{"tracefs", VOLUME_KERNEL, "/sys/kernel/tracing"},
	{"virtiofs", VOLUME_ELSEWHERE, NULL},
};

static const struct volume_type *volume_type(struct bytes name)
{
	static const struct volume_type other = {"", VOLUME_DEVICE, NULL};
	static const struct volume_type elsewhere = {"fuse", VOLUME_ELSEWHERE, NULL};

	for (size_t i = 0; i < COUNT(volume_types); i++)
		if (bytes_equal(name, bytes_of(volume_types[i].name)))
			return &volume_types[i];
	if (name.size > strlen("fuse.") && !memcmp(name.data, "fuse.", strlen("fuse.")))
		return &elsewhere;
	return &other;
}

/* The worst of the paths offered so far. */
struct choice {
	const struct host_files *files;
	struct text path;
	struct verdict verdict;
	bool any;
	int error;
};

static void offer(struct choice *choice, struct bytes path)
{
	struct host_source source;
	struct verdict verdict;
	_cleanup_(text_free) struct text text = {0};

	if (!path.size || !path.data)
		return;
	host_source_judge(path, false, choice->files, &text, &source);
	verdict = (struct verdict){source.finding, source.severity, source.reason};
	if (text.error)
		choice->error = text.error;
	if (keep_worse(&choice->verdict, verdict) || !choice->any) {
		choice->any = true;
		text_cut(&choice->path, 0);
		if (path.data[0] != '/')
			text_add_char(&choice->path, '/');
		text_add_bytes(&choice->path, path);
	}
}

static bool is_device(const struct host_source *source)
{
	struct bytes rest;

	return is_in(source->cleaned, "/dev", &rest) ||
	       (source->resolved.data && is_in(source->resolved, "/dev", &rest));
}

/* "tmpfs" and the like are no paths, but "dev/sda1" is one: the daemon runs in the root. */
static void offer_device(struct choice *choice, struct bytes device)
{
	struct host_source source;
	_cleanup_(text_free) struct text text = {0};

	if (device.size && device.data[0] != '/') {
		host_source_judge(device, false, choice->files, &text, &source);
		if (text.error)
			choice->error = text.error;
		if (text.error || !is_device(&source))
			device.size = 0;
	}
	offer(choice, device);
}

/* Whether an option so named holds directories for an overlay. */
static bool names_layers(struct bytes name)
{
	static const char *const names[] = {"datadir+", "lowerdir", "lowerdir+", "upperdir",
					    "workdir"};

	for (size_t i = 0; i < COUNT(names); i++)
		if (bytes_equal(name, bytes_of(names[i])))
			return true;
	return false;
}

/* One character of options, where a backslash takes the next one as it is. */
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
			offer(choice, text_since(&piece, 0));
		if (ends)
			text_cut(&piece, 0);
		if (ends && c == ',')
			in_value = in_layers = false;
	}
	if (piece.error)
		choice->error = piece.error;
}

/* Offers whatever in OPTIONS looks like an absolute path. */
static void offer_paths(struct choice *choice, struct bytes options)
{
	size_t start = 0;

	for (size_t at = 0; at <= options.size; at++) {
		if (at < options.size && !strchr(",:=", options.data[at]))
			continue;
		if (at > start && options.data[start] == '/')
			offer(choice, (struct bytes){options.data + start, at - start});
		start = at + 1;
	}
}

static void offer_all(struct choice *choice, struct bytes type, struct bytes device,
		      struct bytes options)
{
	const struct volume_type *known = volume_type(type);

	switch (known->kind) {
	case VOLUME_STACKED:
		offer(choice, device);
		break;
	case VOLUME_LAYERS:
		offer_layers(choice, options);
		break;
	case VOLUME_BRANCHES:
		offer_paths(choice, options);
		break;
	case VOLUME_KERNEL:
		offer(choice, bytes_of(known->path));
		break;
	case VOLUME_DEVICE:
		offer_device(choice, device);
		offer_paths(choice, options); /* such as a journal on another device */
		break;
	case VOLUME_ELSEWHERE:
		break;
	}
}

bool volume_host_path(struct bytes type, struct bytes device, struct bytes o,
		      const struct host_files *files, struct text *out)
{
	struct choice choice = {.files = files};

	/* The daemon mounts nothing where the device is "none"; a bind takes no notice of the type.
	 */
	if (has_word(o, "bind") || has_word(o, "rbind")) {
		if (!bytes_equal(device, bytes_of("none")))
			offer(&choice, device);
	} else {
		offer_all(&choice, type, device, o);
	}
	if (choice.path.error)
		choice.error = choice.path.error;
	if (choice.error)
		out->error = choice.error;
	else if (choice.path.data)
		text_add_bytes(out, text_since(&choice.path, 0));
	text_free(&choice.path);
	return choice.any && !out->error;
}

bool volume_value_path(struct bytes driver, const struct value *options,
		       const struct host_files *files, struct text *out)
{
	static const struct host_files nobody;

	if (!options || (driver.size && !bytes_equal(driver, bytes_of("local"))))
		return false;
	return volume_host_path(body_string(options, "type"), body_string(options, "device"),
				body_string(options, "o"), files ?: &nobody, out);
}

/* Types of file systems that a device, an image or a directory is needed for, as the kernel has them. */
static bool is_disk_type(struct bytes type)
{
	static const char *const types[] = {"",		"bcachefs", "btrfs", "erofs", "exfat",
					    "ext2",	"ext3",	    "ext4",  "f2fs",  "iso9660",
					    "jfs",	"msdos",    "none",  "ntfs",  "ntfs3",
					    "squashfs", "udf",	    "vfat",  "xfs"};

	for (size_t i = 0; i < COUNT(types); i++)
		if (bytes_equal(type, bytes_of(types[i])))
			return true;
	return false;
}

bool volume_is_known(struct bytes type, struct bytes device, struct bytes o)
{
	return has_word(o, "bind") || has_word(o, "rbind") || is_disk_type(type) ||
	       *volume_type(type)->name || (device.size && device.data[0] == '/');
}
