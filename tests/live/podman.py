# SPDX-License-Identifier: Apache-2.0
"""Podman's service, which speaks Docker's API as well."""
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


class Podman:
    """A podman service of the test's own, and its remote client."""

    def __init__(self):
        need('podman', 'conmon', 'runc')
        self.dir = tempfile.mkdtemp(prefix='podman-', dir=DIR)
        os.chmod(self.dir, 0o755)
        self.path = self.dir + '/podman.sock'
        with open(self.dir + '/containers.conf', 'w') as file:
            file.write('''[containers]
netns = "none"
log_driver = "k8s-file"
default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
runtime = "runc"
lock_type = "file"
[network]
network_config_dir = "%s/network"
''' % self.dir)
        self.local = ['podman', '--root', self.dir + '/root', '--runroot', self.dir + '/run', '--tmpdir',
                      self.dir + '/tmp', '--storage-driver', 'vfs', '--events-backend', 'file']
        self.environment = {**os.environ, 'CONTAINERS_CONF': self.dir + '/containers.conf', 'HOME': self.dir}
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
        run('curl', '-sf', '--unix-socket', self.path, '-X', 'POST', '-H', 'Content-Type: application/x-tar',
            '--data-binary', f'@{DIR}/image.tar', f'http://podman/v1.41/images/create?fromSrc=-&repo={IMAGE}')
        self.image = f'docker.io/library/{IMAGE}'

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        subprocess.run([*self.local, 'rm', '-fa', '-t', '0'], env=self.environment, check=False,
                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.process.terminate()
        self.process.wait(PATIENCE)

    def remote(self, *args):
        # Its client wants a home and directories of its own.
        home = self.dir + '/alice'
        os.makedirs(home, exist_ok=True)
        os.chown(home, int(User(MEMBER).uid), -1)
        return User(MEMBER).run('env', 'HOME=' + home, 'XDG_RUNTIME_DIR=' + home, 'podman', '--remote', '--url',
                         'unix://' + self.path, *args)
