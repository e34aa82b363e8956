# SPDX-License-Identifier: Apache-2.0
"""Podman's own API, which its client speaks: what is described there is judged as what Docker's describes. Of the installed Podman, and of
those of other suites (engines.py)."""
import json

from live import Callerd, equal, field, request, true
from bodies import findings

# Options of `podman create`, and what is found of them, by Docker's names; of what has no options nothing.
CONTAINERS = (
    ('', {}),
    ('--privileged -v /:/h', {'privileged', 'host-root-mount'}),
    ('-v /etc:/e:O', {'host-path-mount'}),
    ('--mount type=bind,src=/etc,dst=/e,ro', {'host-path-mount'}),
    ('--cap-add SYS_ADMIN --security-opt seccomp=unconfined --security-opt label=disable --security-opt unmask=ALL',
     {'cap-add', 'security-disabled'}),
    ('--device /dev/null:/dev/n:r --sysctl kernel.msgmax=1 --annotation run.oci.x=1', {'device', 'not-judged'}),
    ('--uts host --ipc host', {'host-uts', 'host-ipc'}),
)

# Commands of its client, the operation, what is found, and a fact.
OTHERS = (
    ('volume create own-plain', 'VolumeCreateLibpod', {}, ('name', 'own-plain')),
    ('volume create -o type=none -o o=bind -o device=/ own', 'VolumeCreateLibpod', {'volume-host-path'},
     ('options', ['device=/', 'o=bind', 'type=none'])),
    ('create --name own-user --network none -v own:/h {image} true', 'ContainerCreateLibpod', {'volume-host-path'}, None),
    ('network create own-plain', 'NetworkCreateLibpod', {}, ('driver', 'bridge')),
    ('network create -d macvlan -o parent=lo own', 'NetworkCreateLibpod', {'network-exposed'}, ('interface', 'lo')),
    ('pod create --name own-plain --share ipc', 'PodCreateLibpod', {}, ('namespaces.shared', ['ipc'])),
    ('pod create --name own --uts host --network host -v /:/h --device /dev/null --sysctl kernel.msgmax=1', 'PodCreateLibpod',
     {'host-uts', 'host-network', 'host-root-mount', 'device'}, ('devices', ['/dev/null'])),
)


# Documents that `podman kube play` takes, and what is found in them.
POD = """apiVersion: v1
kind: Pod
metadata: {{name: {name}}}
spec:
  terminationGracePeriodSeconds: 0
  {more}
  containers:
  - name: c
    image: "{image}"
    command: [sleep, "600"]
    env: [{{name: SECRET, value: S3CRET}}]
    {context}
"""
HOST_VOLUME = """  volumes: [{name: v, hostPath: {path: /}}]
"""
CLAIM = """---
apiVersion: v1
kind: PersistentVolumeClaim
metadata:
  name: own-claim
  annotations: {volume.podman.io/device: /, volume.podman.io/type: none, volume.podman.io/mount-options: bind}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
"""
SECRET = """---
apiVersion: v1
kind: Secret
metadata: {name: own-secret}
stringData: {a: S3CRET}
"""
PLAYED = (
    ('plain', '', '', '', {}),
    # What is merged counts less than what stands there.
    ('grave', 'x: &x {privileged: TRUE, procMount: Unmasked}',
     'securityContext: {<<: *x, procMount: Default, capabilities: {add: [SYS_ADMIN]}}', '', {'privileged', 'cap-add'}),
    ('volumes', '', 'volumeMounts: [{name: v, mountPath: "/h:ro"}]', HOST_VOLUME + CLAIM + SECRET,
     {'host-root-mount', 'volume-host-path', 'secret-access'}),
)


def play(engine, agent):
    for name, more, context, rest, wanted in PLAYED:
        text = POD.format(name='play-' + name, image=engine.image, more='hostNetwork: true\n  ' + more, context=context) + rest
        for method, operation in (('POST', 'PlayKubeLibpod'), ('DELETE', 'PlayKubeDownLibpod')):
            target = f'/v4.0.0/libpod/play/kube?start=false&name={name}'
            status, answer = request(method, target, text.encode(), path=engine.path)
            equal(status, 200, f'{name}: {answer}')
            record, = agent.wait(that=lambda r, target=target: r['url']['original'] == target, event__action='api-request',
                                 callerd__api__operation=operation)
            found = {*wanted, 'host-network', 'host-uts'} if method == 'POST' else set()
            equal(set(findings(record)), found, record['message'])
            equal(field(record, 'callerd.request.objects')[0], 'Pod/play-' + name, record['message'])
            equal(field(record, 'callerd.request.containers'), [f'c={engine.image}: sleep 600'], record['message'])
            true('S3CRET' not in json.dumps(record), record['message'])


def judge_containers(engine, agent):
    for number, (options, wanted) in enumerate(CONTAINERS):
        name = f'grave-{number}'
        engine.remote('create', '--name', name, '--network', 'none', *options.split(), engine.image, 'true')
        request('POST', f'/v4.0.0/libpod/containers/{name}/start', path=engine.path)
        record, = agent.wait(that=lambda r, name=name: name in field(r, 'process.args', ''), event__action='api-request',
                             callerd__api__operation='ContainerCreateLibpod')
        equal(set(findings(record)), set(wanted), record['message'])
        equal(field(record, 'callerd.request.command'), ['true'], record['message'])
        started, = agent.wait(that=lambda r, name=name: name in r['url']['original'], event__action='api-request',
                              callerd__api__operation='ContainerStartLibpod')
        true(set(wanted) <= set(findings(started)), started['message'])


def judge_others(engine, agent):
    for command, operation, wanted, fact in OTHERS:
        words = command.format(image=engine.image).split()
        engine.remote(*words)
        record = agent.wait(that=lambda r, words=words: field(r, 'process.args', [])[-len(words):] == words,
                            event__action='api-request', callerd__api__operation=operation)[0]
        equal(set(findings(record)), set(wanted), record['message'])
        if fact:
            value = field(record, 'callerd.request.' + fact[0])
            equal(sorted(value) if isinstance(value, list) else value, fact[1], record['message'])


def judge_updates(engine, agent):
    """What this Podman's containers need no cgroup for is only asked, not done."""
    body = json.dumps({'devices': [{'allow': True, 'type': 'a', 'access': 'rwm'}]}).encode()
    request('POST', '/v4.0.0/libpod/containers/own-user/update', body, path=engine.path)
    record, = agent.wait(event__action='api-request', callerd__api__operation='ContainerUpdateLibpod')
    equal(set(findings(record)), {'device', 'container-update'}, record['message'])


def judge(engine):
    with Callerd('--inventory', '65536', sockets=[engine.path]) as agent:
        judge_containers(engine, agent)
        judge_others(engine, agent)
        judge_updates(engine, agent)
        play(engine, agent)
        agent.stop()
