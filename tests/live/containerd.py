# SPDX-License-Identifier: Apache-2.0
"""A containerd of the tests' own, with the interface for kubelet, and its client ctr."""
import os
import signal
import subprocess
import time

from grpc import Prior
from live import DIR, IMAGE, PATIENCE, docker, run

SERVICES = '/containerd.services.'
CRI = '/runtime.v1.'
PAUSE = 'localhost/pause:1'

CONFIG = '''version = 2
root = "{dir}/root"
state = "{dir}/state"
disabled_plugins = ["io.containerd.internal.v1.opt", "io.containerd.snapshotter.v1.btrfs",
  "io.containerd.snapshotter.v1.zfs", "io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.devmapper",
  "io.containerd.nri.v1.nri"]
[grpc]
  address = "{dir}/containerd.sock"
[ttrpc]
  address = "{dir}/containerd.sock.ttrpc"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{pause}"
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "native"
'''


class Containerd:
    """ROOT: where its programs were unpacked, if they are not the installed ones."""

    def __init__(self, name, root=None):
        self.dir = f'{DIR}/{name}-{os.getpid()}'
        os.mkdir(self.dir)
        self.path = self.dir + '/containerd.sock'
        with open(self.dir + '/config.toml', 'w') as file:
            file.write(CONFIG.format(dir=self.dir, pause=PAUSE))
        self.environment = dict(os.environ)
        if root:
            self.environment['PATH'] = f'{root}/usr/sbin:{root}/usr/bin:' + os.environ['PATH']
        with open(self.dir + '/log', 'wb') as log:
            self.process = subprocess.Popen(
                ['containerd', '--config', self.dir + '/config.toml', '--log-level', 'warn'], stdin=subprocess.DEVNULL,
                stdout=log, stderr=log, start_new_session=True, env=self.environment)
        deadline = time.monotonic() + PATIENCE * 2
        while self.ctr('version', check=False).count('Version:') < 2:
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f'containerd does not start: {self.dir}/log')
            time.sleep(0.02)
        docker('save', '-o', self.dir + '/image', IMAGE)
        self.namespaces = ('default', 'k8s.io', 'moby')
        for namespace in self.namespaces:
            self.ctr('-n', namespace, 'image', 'import', '--no-unpack', self.dir + '/image')
        self.image = self.ctr('image', 'ls', '-q').split()[0]
        self.ctr('-n', 'k8s.io', 'image', 'tag', self.image, PAUSE)

    def ctr(self, *args, check=True):
        return run('ctr', '-a', self.path, *args, check=check, env=self.environment)

    def run(self, name, *options, namespace='default', command=('true',), check=True):
        """`ctr run` of the image: it is created, and started."""
        return self.ctr('-n', namespace, 'run', '--rm', '--snapshotter', 'native', *options, self.image, name, *command,
                        check=check)

    def call(self, path, data=b'', namespace='default'):
        """A call; its grpc-status and its answer."""
        with Prior(self.path) as client:
            return client.call(path, data, ('containerd-namespace', namespace))

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        for namespace in self.namespaces:
            for container in self.ctr('-n', namespace, 'task', 'ls', '-q', check=False).split():
                self.ctr('-n', namespace, 'task', 'rm', '-f', container, check=False)
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(PATIENCE * 2)
