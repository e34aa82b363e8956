# SPDX-License-Identifier: Apache-2.0
"""Podman's service, which speaks Docker's API as well."""
import contextlib
import glob
import os
import shutil
import subprocess
import tempfile
import time

from live import DIR, IMAGE, MEMBER, PATIENCE, Skip, User, request, run


def need(*programs):
    for program in programs:
        if not shutil.which(program):
            raise Skip(f'{program} is not there')


# In a namespace of mounts of its own: TREE $1, with DIRECTORY $2 at its place, and then chroot. In a cgroup of its own, which
# is all that it sees: Podman moves all processes of the root cgroup into another one.
INSIDE = '''tree=$1 directory=$2; shift 2
mkdir -p "$tree$directory"
cgroups=$tree/sys/fs/cgroup
mount --rbind /dev "$tree/dev" && mount -t proc proc "$tree/proc" && mount -t sysfs sysfs "$tree/sys" &&
mount -t tmpfs tmpfs "$tree/var/tmp" && mount --bind "$directory" "$tree$directory" &&
mount -t cgroup2 cgroup2 "$cgroups" && mkdir -p "$cgroups/${directory##*/}" && echo $$ >"$cgroups/${directory##*/}/cgroup.procs" &&
umount "$cgroups" && exec unshare --cgroup sh -c 'mount -t cgroup2 cgroup2 "$0" && exec chroot "$@"' "$cgroups" "$@"
'''


class Podman:
    """A podman service of the test's own, and its remote client. ROOT: the tree that it is in (engines.fetch()), if it is not the
    installed one."""

    def __init__(self, root=None):
        if not root:
            need('podman', 'conmon', 'runc')
        self.dir = tempfile.mkdtemp(prefix='podman-', dir=DIR)
        os.chmod(self.dir, 0o755)
        self.path = self.dir + '/podman.sock'
        self.tree = root and self._mount(root)
        with open(self.dir + '/containers.conf', 'w') as file:
            file.write('''[containers]
netns = "none"
%slog_driver = "k8s-file"
default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
runtime = "%s"
lock_type = "file"
%s
[network]
network_config_dir = "%s/network"
''' % (*(('cgroups = "disabled"\n', 'crun', '') if root else
          # Without catatonit it makes no image for pods.
          ('', 'runc', f'infra_image = "docker.io/library/{IMAGE}-pause"')), self.dir))
        self.environment = {**os.environ, 'CONTAINERS_CONF': self.dir + '/containers.conf', 'HOME': self.dir}
        self.local = self.inside('podman', '--root', self.dir + '/root', '--runroot', self.dir + '/run', '--tmpdir',
                                 self.dir + '/tmp', '--storage-driver', 'vfs', '--events-backend', 'file')
        with open(self.dir + '/log', 'wb') as log:
            self.process = subprocess.Popen(
                [*self.local, 'system', 'service', '--time=0', 'unix://' + self.path],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self.environment)
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                request('GET', '/_ping', path=self.path)
                break
            except OSError:
                pass
            if self.process.poll() is not None or time.monotonic() > deadline:
                with open(self.dir + '/log') as log:
                    raise Skip(f'podman does not serve here: {log.read()[-300:]}')
            time.sleep(0.02)
        os.chmod(self.path, 0o666)
        with open(f'{DIR}/image.tar', 'wb') as file:
            subprocess.run(['tar', '-C', DIR + '/image', '-c', '.'], stdout=file, check=True)
        for image in (IMAGE, IMAGE + '-pause&changes=CMD%20sleep%20600')[:1 if root else 2]:
            run('curl', '-sf', '--unix-socket', self.path, '-X', 'POST', '-H', 'Content-Type: application/x-tar',
                '--data-binary', f'@{DIR}/image.tar', f'http://podman/v1.41/images/create?fromSrc=-&repo={image}')
        self.image = f'docker.io/library/{IMAGE}'

    def _mount(self, root):
        """What is written goes to a layer on top of ROOT, which stays as it is."""
        upper, work, tree = (f'{self.dir}/{name}' for name in ('upper', 'work', 'tree'))
        for name in upper, work, tree:
            os.mkdir(name)
        try:
            run('mount', '-t', 'overlay', 'overlay', '-o', f'lowerdir={root},upperdir={upper},workdir={work}', tree)
        except AssertionError as why:
            raise Skip(f'no overlay here: {why!s:.300}') from None
        for name in 'passwd', 'group':
            shutil.copy('/etc/' + name, tree + '/etc')
        return tree

    def inside(self, *command, user=None):
        """COMMAND as it is to be run: in the tree, by USER, who is in the group docker."""
        if not self.tree:
            return list(command)
        return ['unshare', '-m', '--propagation', 'private', 'sh', '-c', INSIDE, 'sh', self.tree, self.dir,
                *(['--userspec', user, '--groups', 'docker'] if user else []), self.tree, *command]

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        subprocess.run([*self.local, 'rm', '-fa', '-t', '0'], env=self.environment, check=False,
                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.process.terminate()
        self.process.wait(PATIENCE)
        if self.tree:
            run('umount', '-l', self.tree)
            for path in sorted(glob.glob(f'/sys/fs/cgroup/**/{os.path.basename(self.dir)}/**/', recursive=True), reverse=True):
                with contextlib.suppress(OSError):
                    os.rmdir(path)

    def remote_command(self, *args):
        """The command line of its client, by MEMBER, which wants a home and directories of its own."""
        alice, home = User(MEMBER), self.dir + '/alice'
        os.makedirs(home, exist_ok=True)
        os.chown(home, int(alice.uid), -1)
        environment = ['env', 'HOME=' + home, 'XDG_RUNTIME_DIR=' + home]
        command = ['podman', '--remote', '--url', 'unix://' + self.path, *args]
        if not self.tree:
            return alice.command(*environment, *command)
        return [*environment, *self.inside(*command, user=MEMBER)]

    def remote(self, *args):
        return run(*self.remote_command(*args))
