# SPDX-License-Identifier: Apache-2.0
"""The operation in a record is the one whose handler the daemon called, however the path is spelled."""
from live import *
import engines

AGENT = None
V = '/v1.41'
BIG = 'n' * 500

# What the daemon makes of a request.
KNOWN = 'known'      # a handler ran: anything but the two below
UNKNOWN = 'unknown'  # "page not found"
MOVED = 'moved'      # redirected to the cleaned path, nothing done
REFUSED = 'refused'  # by Go's HTTP server, before any path was looked at
NOT_FOUND = b'{"message":"page not found"}\n'

# One harmless request for each operation that this daemon has, and what the record must say of it:
# method, target without version, operation, type and name of the target. None of the names exists; where
# there is none (or another name than the request's, as for an exec) the target is not looked at.
OPERATIONS = [
    ('GET', '/containers/json', 'ContainerList', 'container', None),
    ('POST', '/containers/create?name=none', 'ContainerCreate', 'container', 'none'),
    ('POST', '/containers/prune?filters=x', 'ContainerPrune', 'container', None),
    ('GET', '/containers/none/json', 'ContainerInspect', 'container', 'none'),
    ('GET', '/containers/none/top', 'ContainerTop', 'container', 'none'),
    ('GET', '/containers/none/logs?stdout=1', 'ContainerLogs', 'container', 'none'),
    ('GET', '/containers/none/changes', 'ContainerChanges', 'container', 'none'),
    ('GET', '/containers/none/export', 'ContainerExport', 'container', 'none'),
    ('GET', '/containers/none/stats?stream=0', 'ContainerStats', 'container', 'none'),
    ('POST', '/containers/none/resize?h=1&w=1', 'ContainerResize', 'container', 'none'),
    ('POST', '/containers/none/start', 'ContainerStart', 'container', 'none'),
    ('POST', '/containers/none/stop', 'ContainerStop', 'container', 'none'),
    ('POST', '/containers/none/restart', 'ContainerRestart', 'container', 'none'),
    ('POST', '/containers/none/kill', 'ContainerKill', 'container', 'none'),
    ('POST', '/containers/none/update', 'ContainerUpdate', 'container', 'none'),
    ('POST', '/containers/none/rename?name=other', 'ContainerRename', 'container', 'none'),
    ('POST', '/containers/none/pause', 'ContainerPause', 'container', 'none'),
    ('POST', '/containers/none/unpause', 'ContainerUnpause', 'container', 'none'),
    ('POST', '/containers/none/attach', 'ContainerAttach', 'container', 'none'),
    ('GET', '/containers/none/attach/ws', 'ContainerAttachWebsocket', 'container', 'none'),
    ('POST', '/containers/none/wait', 'ContainerWait', 'container', 'none'),
    ('DELETE', '/containers/none', 'ContainerDelete', 'container', 'none'),
    ('HEAD', '/containers/none/archive?path=/', 'ContainerArchiveInfo', 'container', 'none'),
    ('GET', '/containers/none/archive?path=/', 'ContainerArchive', 'container', 'none'),
    ('PUT', '/containers/none/archive?path=/', 'PutContainerArchive', 'container', 'none'),
    ('GET', '/containers/none/checkpoints', 'CheckpointList', 'container', 'none'),
    ('POST', '/containers/none/checkpoints', 'CheckpointCreate', 'container', 'none'),
    ('DELETE', '/containers/none/checkpoints/one', 'CheckpointDelete', 'container', 'none'),
    ('POST', '/containers/none/exec', 'ContainerExec', None, None),
    ('POST', '/exec/none/start', 'ExecStart', 'exec', None),
    ('POST', '/exec/none/resize?h=1&w=1', 'ExecResize', 'exec', None),
    ('GET', '/exec/none/json', 'ExecInspect', 'exec', None),
    ('GET', '/images/json', 'ImageList', 'image', None),
    ('GET', '/images/search?term=x&limit=1000', 'ImageSearch', 'image', None),
    ('GET', '/images/get?names=none', 'ImageGetAll', 'image', 'none'),
    ('GET', '/images/none/get', 'ImageGet', 'image', 'none'),
    ('GET', '/images/none/json', 'ImageInspect', 'image', 'none'),
    ('GET', '/images/none/history', 'ImageHistory', 'image', 'none'),
    ('POST', '/images/create?fromImage=NONE&tag=1', 'ImageCreate', 'image', 'NONE:1'),
    ('POST', '/images/create?fromSrc=-&repo=NONE', 'ImageCreate', 'image', 'NONE'),
    ('POST', '/images/load', 'ImageLoad', 'image', None),
    ('POST', '/images/prune?filters=x', 'ImagePrune', 'image', None),
    ('POST', '/images/NONE/push', 'ImagePush', 'image', 'NONE'),
    ('POST', '/images/none/tag?repo=other', 'ImageTag', 'image', 'none'),
    ('DELETE', '/images/none', 'ImageDelete', 'image', 'none'),
    ('GET', '/distribution/NONE/json', 'DistributionInspect', 'image', 'NONE'),
    ('POST', '/commit?container=none', 'ImageCommit', None, None),
    ('POST', '/build?t=NONE', 'ImageBuild', 'image', 'NONE'),
    ('POST', '/build/prune?filters=x', 'BuildPrune', None, None),
    ('POST', '/build/cancel', 'BuildCancel', None, None),
    ('POST', '/session', 'Session', None, None),
    ('POST', '/grpc', 'Grpc', None, None),
    ('GET', '/volumes', 'VolumeList', 'volume', None),
    ('POST', '/volumes/create', 'VolumeCreate', 'volume', None),
    ('POST', '/volumes/prune?filters=x', 'VolumePrune', 'volume', None),
    ('GET', '/volumes/none', 'VolumeInspect', 'volume', 'none'),
    ('DELETE', '/volumes/none', 'VolumeDelete', 'volume', 'none'),
    ('GET', '/networks', 'NetworkList', 'network', None),
    ('GET', '/networks/', 'NetworkList', 'network', None),
    ('GET', '/networks/nowhere', 'NetworkInspect', 'network', 'nowhere'),
    ('POST', '/networks/create', 'NetworkCreate', 'network', None),
    ('POST', '/networks/prune?filters=x', 'NetworkPrune', 'network', None),
    ('POST', '/networks/nowhere/connect', 'NetworkConnect', 'network', 'nowhere'),
    ('POST', '/networks/nowhere/disconnect', 'NetworkDisconnect', 'network', 'nowhere'),
    ('DELETE', '/networks/nowhere', 'NetworkDelete', 'network', 'nowhere'),
    ('GET', '/plugins', 'PluginList', 'plugin', None),
    ('GET', '/plugins/privileges?remote=NONE', 'GetPluginPrivileges', 'plugin', 'NONE'),
    ('GET', '/plugins/none/json', 'PluginInspect', 'plugin', 'none'),
    ('POST', '/plugins/pull?remote=NONE', 'PluginPull', 'plugin', 'NONE'),
    ('POST', '/plugins/create?name=NONE', 'PluginCreate', 'plugin', 'NONE'),
    ('POST', '/plugins/none/enable?timeout=1', 'PluginEnable', 'plugin', 'none'),
    ('POST', '/plugins/none/disable', 'PluginDisable', 'plugin', 'none'),
    ('POST', '/plugins/none/push', 'PluginPush', 'plugin', 'none'),
    ('POST', '/plugins/none/upgrade?remote=NONE', 'PluginUpgrade', 'plugin', 'none'),
    ('POST', '/plugins/none/set', 'PluginSet', 'plugin', 'none'),
    ('DELETE', '/plugins/none', 'PluginDelete', 'plugin', 'none'),
    ('GET', '/swarm', 'SwarmInspect', 'swarm', None),
    ('GET', '/swarm/unlockkey', 'SwarmUnlockkey', 'swarm', None),
    ('POST', '/swarm/init', 'SwarmInit', 'swarm', None),
    ('POST', '/swarm/join', 'SwarmJoin', 'swarm', None),
    ('POST', '/swarm/leave', 'SwarmLeave', 'swarm', None),
    ('POST', '/swarm/update?version=1', 'SwarmUpdate', 'swarm', None),
    ('POST', '/swarm/unlock', 'SwarmUnlock', 'swarm', None),
    ('GET', '/services', 'ServiceList', 'service', None),
    ('POST', '/services/create', 'ServiceCreate', 'service', None),
    ('GET', '/services/none', 'ServiceInspect', 'service', 'none'),
    ('GET', '/services/none/logs?stdout=1', 'ServiceLogs', 'service', 'none'),
    ('POST', '/services/none/update?version=1', 'ServiceUpdate', 'service', 'none'),
    ('DELETE', '/services/none', 'ServiceDelete', 'service', 'none'),
    ('GET', '/tasks', 'TaskList', 'task', None),
    ('GET', '/tasks/none', 'TaskInspect', 'task', 'none'),
    ('GET', '/tasks/none/logs?stdout=1', 'TaskLogs', 'task', 'none'),
    ('GET', '/nodes', 'NodeList', 'node', None),
    ('GET', '/nodes/none', 'NodeInspect', 'node', 'none'),
    ('POST', '/nodes/none/update?version=1', 'NodeUpdate', 'node', 'none'),
    ('DELETE', '/nodes/none', 'NodeDelete', 'node', 'none'),
    ('GET', '/secrets', 'SecretList', 'secret', None),
    ('POST', '/secrets/create', 'SecretCreate', 'secret', None),
    ('GET', '/secrets/none', 'SecretInspect', 'secret', 'none'),
    ('POST', '/secrets/none/update?version=1', 'SecretUpdate', 'secret', 'none'),
    ('DELETE', '/secrets/none', 'SecretDelete', 'secret', 'none'),
    ('GET', '/configs', 'ConfigList', 'config', None),
    ('POST', '/configs/create', 'ConfigCreate', 'config', None),
    ('GET', '/configs/none', 'ConfigInspect', 'config', 'none'),
    ('POST', '/configs/none/update?version=1', 'ConfigUpdate', 'config', 'none'),
    ('DELETE', '/configs/none', 'ConfigDelete', 'config', 'none'),
    ('POST', '/auth', 'SystemAuth', None, None),
    ('GET', '/info', 'SystemInfo', None, None),
    ('GET', '/version', 'SystemVersion', None, None),
    ('GET', '/_ping', 'SystemPing', None, None),
    ('HEAD', '/_ping', 'SystemPingHead', None, None),
    ('GET', '/events?since=1&until=2', 'SystemEvents', None, None),
    ('GET', '/system/df', 'SystemDataUsage', None, None),
    ('OPTIONS', '/anything/at/all', 'SystemOptions', None, None),
]

# Daemons before 28 have them without a version only.
UNVERSIONED = [
    ('GET', '/debug/vars', 'DebugVars', None, None),
    ('GET', '/debug/pprof/', 'DebugPprof', None, None),
    ('GET', '/debug/pprof/cmdline', 'DebugPprofCmdline', None, None),
    ('GET', '/debug/pprof/profile?seconds=1', 'DebugPprofProfile', None, None),
    ('GET', '/debug/pprof/symbol', 'DebugPprofSymbol', None, None),
    ('GET', '/debug/pprof/trace?seconds=1', 'DebugPprofTrace', None, None),
    ('GET', '/debug/pprof/goroutine', 'DebugPprofLookup', None, None),
    ('GET', '/debug/pprof/none', 'DebugPprofLookup', None, None),
]
# And by any method.
BY_ANY_METHOD = [
    ('POST', '/debug/pprof/cmdline', 'DebugPprofCmdline', None, None),
    ('FROB', '/debug/vars', 'DebugVars', None, None),
]

# Other daemons have them, Docker up to 28 says "page not found".
ELSEWHERE = [
    ('GET', '/images/none/attestations', 'ImageAttestations', 'image', 'none'),
    ('GET', '/plugins/none', 'PluginInspect', 'plugin', 'none'),
]
VOLUME_UPDATE = [('PUT', '/volumes/none', 'VolumeUpdate', 'volume', 'none')]

# Odd spellings: method, target, what the daemon makes of it, url.path, operation, name of the target.
ODD = [
    # Methods.
    ('HEAD', V + '/containers/json', UNKNOWN, V + '/containers/json', None, None),
    ('HEAD', V + '/info', UNKNOWN, V + '/info', None, None),
    ('HEAD', V + '/_ping', KNOWN, V + '/_ping', 'SystemPingHead', None),
    ('get', V + '/_ping', UNKNOWN, V + '/_ping', None, None),
    ('POST', V + '/_ping', UNKNOWN, V + '/_ping', None, None),
    ('PATCH', V + '/containers/none', UNKNOWN, V + '/containers/none', None, None),
    ('DELETE', V + '/containers/none/json', KNOWN, V + '/containers/none/json', 'ContainerDelete',
     'none/json'),
    ('OPTIONS', V + '/containers/none', KNOWN, V + '/containers/none', 'SystemOptions', None),
    ('OPTIONS', '/debug/vars', KNOWN, '/debug/vars', 'SystemOptions', None),
    ('OPTIONS', '/', KNOWN, '/', 'SystemOptions', None),
    ('OPTIONS', '*', KNOWN, '/*', 'SystemOptions', None),
    ('OPTIONS', '//', MOVED, '/', None, None),
    ('OPTIONS', '/a%0ab', UNKNOWN, '/a\nb', None, None),
    ('TRACE', V + '/_ping', UNKNOWN, V + '/_ping', None, None),
    ('CONNECT', '/_ping', UNKNOWN, '/_ping', None, None),
    # Versions.
    ('GET', '/_ping', KNOWN, '/_ping', 'SystemPing', None),
    ('GET', '/v1/_ping', KNOWN, '/v1/_ping', 'SystemPing', None),
    ('GET', '/v9.9/_ping', KNOWN, '/v9.9/_ping', 'SystemPing', None),
    ('GET', '/v1.41.0/_ping', KNOWN, '/v1.41.0/_ping', 'SystemPing', None),
    ('GET', '/v0000001.41/_ping', KNOWN, '/v0000001.41/_ping', 'SystemPing', None),
    ('GET', '/v./_ping', KNOWN, '/v./_ping', 'SystemPing', None),
    ('GET', '/v.../_ping', KNOWN, '/v.../_ping', 'SystemPing', None),
    ('GET', '/v/_ping', UNKNOWN, '/v/_ping', None, None),
    ('GET', '/V1.41/_ping', UNKNOWN, '/V1.41/_ping', None, None),
    # Docker does not know such a version, Podman does.
    ('GET', '/v1.41a/_ping', UNKNOWN, '/v1.41a/_ping', 'SystemPing', None),
    ('GET', '/v1.41/v1.41/_ping', UNKNOWN, '/v1.41/v1.41/_ping', None, None),
    ('GET', '/v1.41', UNKNOWN, '/v1.41', None, None),
    ('GET', '/v1.41/', UNKNOWN, '/v1.41/', None, None),
    ('GET', '/%761%2e41%2f_ping', KNOWN, '/v1.41/_ping', 'SystemPing', None),
    ('GET', '/1.41/_ping', UNKNOWN, '/1.41/_ping', None, None),
    # Escapes.
    ('GET', '/%5fping', KNOWN, '/_ping', 'SystemPing', None),
    ('GET', '/%5Fpin%67', KNOWN, '/_ping', 'SystemPing', None),
    ('GET', '/%255fping', UNKNOWN, '/%5fping', None, None),
    ('GET', V + '/containers/%6eone/json', KNOWN, V + '/containers/none/json', 'ContainerInspect',
     'none'),
    ('GET', V + '/containers%2fnone%2fjson', KNOWN, V + '/containers/none/json', 'ContainerInspect',
     'none'),
    ('GET', V + '/containers/no%2fne/json', KNOWN, V + '/containers/no/ne/json', 'ContainerInspect',
     'no/ne'),
    ('GET', V + '/containers/no+ne/json', KNOWN, V + '/containers/no+ne/json', 'ContainerInspect',
     'no+ne'),
    ('GET', V + '/containers/no%20ne/json', KNOWN, V + '/containers/no ne/json', 'ContainerInspect',
     'no ne'),
    ('GET', V + '/containers/no%3fne/json', KNOWN, V + '/containers/no?ne/json', 'ContainerInspect',
     'no?ne'),
    ('GET', V + '/containers/no%00ne/json', KNOWN, V + '/containers/no\0ne/json',
     'ContainerInspect', 'no\0ne'),
    ('GET', V + '/containers/no%0ane/json', UNKNOWN, V + '/containers/no\nne/json', None, None),
    ('GET', V + '/containers/no%0dne/json', KNOWN, V + '/containers/no\rne/json',
     'ContainerInspect', 'no\rne'),
    ('GET', V + '/containers/%c3%a9/json', KNOWN, V + '/containers/é/json', 'ContainerInspect', 'é'),
    ('GET', V + '/containers/é/json', KNOWN, V + '/containers/é/json', 'ContainerInspect', 'é'),
    ('GET', V + '/containers/%ff/json', KNOWN, V + '/containers/\ufffd/json', 'ContainerInspect',
     '\ufffd'),
    ('GET', V + '/services/no%2fne', UNKNOWN, V + '/services/no/ne', None, None),
    ('GET', V + '/services/no%0ane', KNOWN, V + '/services/no\nne', 'ServiceInspect', 'no\nne'),
    ('GET', '/_ping%', REFUSED, None, None, None),
    ('GET', '/_ping%zz', REFUSED, None, None, None),
    # Slashes, dots.
    ('GET', '//_ping', MOVED, '/_ping', None, None),
    ('GET', '/_ping/', UNKNOWN, '/_ping/', None, None),
    ('GET', '/_ping/.', MOVED, '/_ping', None, None),
    ('GET', '/./_ping', MOVED, '/_ping', None, None),
    ('GET', '/x/../_ping', MOVED, '/_ping', None, None),
    ('GET', '/../../_ping', MOVED, '/_ping', None, None),
    ('GET', '/%2f_ping', MOVED, '/_ping', None, None),
    ('GET', '/x/%2e%2e/_ping', MOVED, '/_ping', None, None),
    ('GET', '/x%2f..%2f_ping', MOVED, '/_ping', None, None),
    ('GET', '/.../_ping', UNKNOWN, '/.../_ping', None, None),
    ('GET', '/_ping/..', MOVED, '/', None, None),
    ('GET', '/_ping/../', MOVED, '/', None, None),
    ('GET', '/x/y/../', MOVED, '/x/', None, None),
    ('GET', '/', UNKNOWN, '/', None, None),
    ('GET', V + '//containers/json', MOVED, V + '/containers/json', None, None),
    ('GET', V + '/containers//json', MOVED, V + '/containers/json', None, None),
    ('POST', V + '/containers/none/../none/start', MOVED, V + '/containers/none/start', None, None),
    ('POST', '//containers/create', MOVED, '/containers/create', None, None),
    ('GET', V + '/containers/json/', UNKNOWN, V + '/containers/json/', None, None),
    ('GET', V + '/containers/none/json/', UNKNOWN, V + '/containers/none/json/', None, None),
    ('GET', V + '/containers', UNKNOWN, V + '/containers', None, None),
    ('GET', V + '/containers/', UNKNOWN, V + '/containers/', None, None),
    ('GET', V + '/containers/none', UNKNOWN, V + '/containers/none', None, None),
    # Names that take slashes, are empty, or look like something else.
    ('DELETE', V + '/containers/', KNOWN, V + '/containers/', 'ContainerDelete', None),
    ('DELETE', V + '/containers', UNKNOWN, V + '/containers', None, None),
    ('DELETE', V + '/containers/none/', KNOWN, V + '/containers/none/', 'ContainerDelete', 'none/'),
    ('DELETE', V + '/images/', KNOWN, V + '/images/', 'ImageDelete', None),
    ('DELETE', V + '/volumes/', KNOWN, V + '/volumes/', 'VolumeDelete', None),
    ('DELETE', V + '/services/', UNKNOWN, V + '/services/', None, None),
    ('DELETE', V + '/containers/none/checkpoints/a/b', KNOWN,
     V + '/containers/none/checkpoints/a/b', 'ContainerDelete', 'none/checkpoints/a/b'),
    ('GET', V + '/volumes/', KNOWN, V + '/volumes/', 'VolumeInspect', None),
    ('GET', V + '/volumes/a/b', KNOWN, V + '/volumes/a/b', 'VolumeInspect', 'a/b'),
    ('GET', V + '/networks/a/b', KNOWN, V + '/networks/a/b', 'NetworkInspect', 'a/b'),
    ('GET', V + '/images/a/b/c/json', KNOWN, V + '/images/a/b/c/json', 'ImageInspect', 'a/b/c'),
    ('GET', V + '/images/host:5000/a@sha256:1/json', KNOWN, V + '/images/host:5000/a@sha256:1/json',
     'ImageInspect', 'host:5000/a@sha256:1'),
    ('GET', V + '/images/json/json', KNOWN, V + '/images/json/json', 'ImageInspect', 'json'),
    ('GET', V + '/containers/a/json/json', KNOWN, V + '/containers/a/json/json',
     'ContainerInspect', 'a/json'),
    ('GET', V + '/containers/a/attach/ws/json', KNOWN, V + '/containers/a/attach/ws/json',
     'ContainerInspect', 'a/attach/ws'),
    ('POST', V + '/containers/create/start', KNOWN, V + '/containers/create/start',
     'ContainerStart', 'create'),
    ('POST', V + '/containers/a/start/kill', KNOWN, V + '/containers/a/start/kill',
     'ContainerKill', 'a/start'),
    ('GET', V + '/plugins/privileges/json', KNOWN, V + '/plugins/privileges/json', 'PluginInspect',
     'privileges'),
    ('GET', V + '/tasks/a/b/logs', UNKNOWN, V + '/tasks/a/b/logs', None, None),
    ('GET', V + '/containers/JSON', UNKNOWN, V + '/containers/JSON', None, None),
    ('GET', V + '/containers/' + BIG + '/json', KNOWN, V + '/containers/' + BIG + '/json',
     'ContainerInspect', BIG),
    ('GET', '/debug/pprof', UNKNOWN, '/debug/pprof', None, None),
    ('GET', '/debug/pprof/a/b', UNKNOWN, '/debug/pprof/a/b', None, None),
    ('GET', '/debug', UNKNOWN, '/debug', None, None),
    # Targets.
    ('GET', '/_ping?', KNOWN, '/_ping', 'SystemPing', None),
    ('GET', '/_ping?/../x', KNOWN, '/_ping', 'SystemPing', None),
    ('GET', '/_ping?a?b', KNOWN, '/_ping', 'SystemPing', None),
    ('GET', '/_ping?a#b', KNOWN, '/_ping', 'SystemPing', None),
    ('GET', '/_ping#x', UNKNOWN, '/_ping#x', None, None),
    ('GET', '/x#/../_ping', MOVED, '/_ping', None, None),
    ('GET', '/_ping;x', UNKNOWN, '/_ping;x', None, None),
    ('GET', 'http://docker/_ping', KNOWN, '/_ping', 'SystemPing', None),
    ('GET', 'HTTP://docker:99/v1.41/_ping', KNOWN, '/v1.41/_ping', 'SystemPing', None),
    ('GET', 'x+1://docker/_ping?a', KNOWN, '/_ping', 'SystemPing', None),
    ('GET', 'http:///_ping', KNOWN, '/_ping', 'SystemPing', None),
    ('GET', 'http:/_ping', KNOWN, '/_ping', 'SystemPing', None),
    ('GET', 'http://[::1]:99/_ping', KNOWN, '/_ping', 'SystemPing', None),
    ('GET', 'http://docker//_ping', MOVED, '/_ping', None, None),
    ('GET', 'http://docker', MOVED, '/', None, None),
    ('GET', 'http://docker?/_ping', MOVED, '/', None, None),
    ('GET', 'x:_ping', MOVED, '/', None, None),
    ('GET', '*', MOVED, '/*', None, None),
    ('GET', '_ping', REFUSED, None, None, None),
    ('CONNECT', 'docker:80', MOVED, '/', None, None),
]

# Names in a query: as Go's url.ParseQuery reads it.
QUERIES = [
    ('POST', '/containers/create?name=a%2fb', 'a/b'),
    ('POST', '/containers/create?name=a+b', 'a b'),
    ('POST', '/containers/create?name=%2b', '+'),
    ('POST', '/containers/create?n%61me=a', 'a'),
    ('POST', '/containers/create?name=a&name=b', 'a'),
    ('POST', '/containers/create?NAME=a', None),
    ('POST', '/containers/create?name', None),
    ('POST', '/containers/create?name=', None),
    ('POST', '/containers/create?x=1&&name=a', 'a'),
    ('POST', '/containers/create?name=a=b', 'a=b'),
    ('POST', '/containers/create?name=a?b', 'a?b'),
    ('POST', '/containers/create?name=a;b&name=c', 'c'),
    ('POST', '/containers/create?name=%zz&name=c', 'c'),
    ('POST', '/images/create?fromImage=A:1&tag=2', 'A:2'),
    ('POST', '/images/create?fromImage=host:5000/A:1&tag=2', 'host:5000/A:2'),
    ('POST', '/images/create?fromImage=host:5000/A&tag=', 'host:5000/A'),
]


def ask(method, target):
    """What the daemon makes of it: one of the words above."""
    with connect() as client:
        client.sendall(f'{method} {target} HTTP/1.1\r\nHost: docker\r\n\r\n'.encode())
        status, headers, body = read_response(client, method == 'HEAD')
    if status == 301:
        return MOVED
    if status == 400 and 'content-length' not in headers:  # Go's own, with "Connection: close"
        return REFUSED
    # The response to HEAD has only the size of the message.
    lost = headers.get('content-length') == str(len(NOT_FOUND)) if method == 'HEAD' \
        else body == NOT_FOUND
    return UNKNOWN if status == 404 and lost else KNOWN


def records_of(cases):
    """Asks for each case; returns (case, what the daemon made of it, its record)."""
    answers = [(case, ask(*case[:2])) for case in cases]
    AGENT.settle()
    records = {}
    for record in AGENT.records(event__action='api-request'):
        key = field(record, 'http.request.method'), field(record, 'url.original')
        records[key] = record
    return [(case, answer, records.get(case[:2])) for case, answer in answers]


def check_record(case, record, **wanted):
    true(record, f'{case[0]} {case[1]:.100}: there is no record')
    for name, value in wanted.items():
        name = name.replace('__', '.')
        equal(field(record, name), value, f'{case[0]} {case[1]:.100}: {name}')


def check_operations(cases, made, prefix=''):
    cases = [(method, prefix + target, *rest) for method, target, *rest in cases]
    for case, answer, record in records_of(cases):
        _, target, operation, kind, name = case
        equal(answer, made, f'{case[0]} {target}')
        wanted = {'url.path': target.partition('?')[0], 'callerd.api.operation': operation,
                  'callerd.api.version': prefix[2:] or (V[2:] if target.startswith(V) else None)}
        if name:
            wanted.update({'callerd.target.type': kind, 'callerd.target.name': name})
        check_record(case, record, **wanted)


@test
def every_operation():
    check_operations(OPERATIONS, KNOWN, V)


@test
def every_operation_without_version():
    check_operations(OPERATIONS, KNOWN)


@test
def every_unversioned_operation():
    as_others = engines.here('debug as the others')
    check_operations(UNVERSIONED, KNOWN)
    check_operations(UNVERSIONED, KNOWN if as_others else UNKNOWN, V)
    check_operations(BY_ANY_METHOD, UNKNOWN if as_others else KNOWN)


@test
def operations_of_other_daemons():
    check_operations(ELSEWHERE, UNKNOWN, V)
    check_operations(VOLUME_UPDATE, KNOWN if engines.here('volume update') else UNKNOWN, V)


@test
def copy_from_a_container_of_old():
    """An operation that only who asks for an old API gets."""
    for version, status in ('/v1.23', 400 if engines.here('API of old') else 404), ('/v1.24', 404):
        target = version + '/containers/none/copy'
        equal(request('POST', target)[0], status, target)
        check_record(('POST', target), AGENT.wait(url__original=target)[0],
                     callerd__api__operation='ContainerCopy', callerd__target__name='none')


@test
def odd_spellings():
    for case, answer, record in records_of(ODD):
        _, target, made, path, operation, name = case
        equal(answer, made, f'{case[0]} {target:.100}')
        if made != REFUSED:
            check_record(case, record, url__path=path, callerd__api__operation=operation,
                         callerd__target__name=name)


@test
def names_in_queries():
    for case, answer, record in records_of(QUERIES):
        equal(answer, KNOWN, case[1])
        check_record(case, record, callerd__target__name=case[2])


if __name__ == '__main__':
    with Callerd() as AGENT:
        main()
