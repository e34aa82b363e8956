# SPDX-License-Identifier: Apache-2.0
"""Calls with bodies, the records of them, and bodies that the daemon takes in all their spellings."""
import contextlib
import itertools
import json
import os
import re

from live import IMAGE, connect, field, read_response, request

SEVERITIES = {'info': 20, 'low': 40, 'medium': 60, 'high': 80, 'critical': 100}
API = '/v1.41'
JSON_TYPE = 'application/json'

_marks = itertools.count(1)


# --- calls and their records ----------------------------------------------------------------------


def marked(target):
    """TARGET with a query key that no handler knows: its record can be found by it."""
    return f'{target}{"&" if "?" in target else "?"}mark={next(_marks)}'


def post(target, body=None, headers='', method='POST', media=JSON_TYPE):
    """One request with BODY (JSON unless bytes); returns its marked target, status and body, which is
    parsed if it is JSON."""
    target = marked(target)
    data = body if isinstance(body, bytes) else b'' if body is None else json.dumps(body).encode()
    if data or media != JSON_TYPE:
        headers += f'Content-Type: {media}\r\n'
    with connect() as client:
        client.sendall(f'{method} {target} HTTP/1.1\r\nHost: docker\r\n{headers}'
                       f'Content-Length: {len(data)}\r\n\r\n'.encode() + data)
        status, _, answer = read_response(client, method == 'HEAD')
    try:
        return target, status, json.loads(answer)
    except ValueError:
        return target, status, answer


def get(target):
    """What the daemon says there, unrecorded as far as the tests care."""
    return json.loads(request('GET', API + target)[1])


def remove(*containers):
    for name in containers:
        request('DELETE', f'{API}/containers/{name}?force=1&v=1')


def config(*command, **host):
    """The body that makes a container."""
    return {'Image': IMAGE, 'Cmd': list(command) or ['sleep', '600'],
            'HostConfig': {'NetworkMode': 'none', **host}}


def create(name, *command, start=False, top=None, **host):
    """A container by raw calls; returns its id."""
    remove(name)
    _, status, answer = post(f'{API}/containers/create?name={name}',
                             {**config(*command, **host), **(top or {})})
    if status != 201:
        raise AssertionError(f'{name}: the daemon says {status} {answer}')
    if start:
        status, text = request('POST', f'{API}/containers/{name}/start')
        if status != 204:
            raise AssertionError(f'{name}: the daemon says {status} {text}')
    return answer['Id']


@contextlib.contextmanager
def swarm():
    """A swarm of this daemon alone; the call that makes it. Afterwards it and its bridge are gone."""
    address = {'ListenAddr': f'127.0.0.1:{20000 + os.getpid() % 20000}', 'AdvertiseAddr': '127.0.0.1'}
    made = post(API + '/swarm/init', address)
    try:
        yield made
    finally:
        request('POST', API + '/swarm/leave?force=1')
        request('DELETE', API + '/networks/docker_gwbridge')


def record_of(agent, target):
    return agent.wait(event__action='api-request', url__original=target)[0]


def records_of(agent, action, operation=None, count=1):
    """Does ACTION; returns its api-request records, or the (at least COUNT) of OPERATION among them."""
    agent.settle()
    before = agent.seen[-1]['event']['sequence']
    action()
    agent.settle()

    def ours(record):
        return record['event']['sequence'] > before \
            and not str(field(record, 'url.original')).startswith('/_ping?mark=')

    wanted = {'callerd__api__operation': operation} if operation else {}
    return agent.wait(count, that=ours, event__action='api-request', **wanted)


def findings(record):
    """{id: [finding…]}"""
    found = {}
    for finding in field(record, 'callerd.findings') or []:
        found.setdefault(finding['id'], []).append(finding)
    return found


def judged(record, wanted, allowed=()):
    """What is wrong with the findings of RECORD. WANTED is {id: 'severity' or 'a|b', or (that, words of
    the detail…)}; ALLOWED may be there besides; no others, but that tests clean up a lot."""
    problems = []
    found = findings(record)
    for name, what in wanted.items():
        severities, *words = [what] if isinstance(what, str) else what
        if name not in found:
            problems.append(f'no {name}')
            continue
        if not any(f['severity'] in severities.split('|')
                   and all(word in f.get('detail', '') for word in words) for f in found[name]):
            problems.append(f'{name} is {found[name]}, wanted {severities} with {words}')
    extra = set(found) - set(wanted) - {*allowed, 'remove-many'}
    if extra:
        problems.append(f'also {[found[name] for name in sorted(extra)]}')
    return problems + consistent(record)


def consistent(record):
    """What is wrong with the record's severity and techniques, given its findings."""
    problems = []
    listed = [f for same in findings(record).values() for f in same]
    for finding in listed:
        if finding['severity'] not in SEVERITIES or set(finding) - {'id', 'severity', 'detail'}:
            problems.append(f'odd finding {finding}')
    highest = max([SEVERITIES.get(f['severity'], 0) for f in listed], default=20)
    severity = field(record, 'event.severity')
    normal = field(record, 'event.outcome') == 'success' \
        and field(record, 'callerd.capture.complete') and not field(record, 'callerd.capture.anomalies')
    if severity < highest or (normal and severity != max(highest, 20)):
        problems.append(f'severity is {severity}, the highest finding {highest}')
    for technique in field(record, 'threat.technique.id') or []:
        if not re.fullmatch(r'T\d{4}(\.\d{3})?', technique):
            problems.append(f'technique {technique}')
    if field(record, 'callerd.findings') == [] or field(record, 'threat.technique.id') == []:
        problems.append('an empty list')
    return problems


class Problems:
    """Collects what is wrong in a table, so that one run shows all of it."""

    def __init__(self):
        self.lines = []
        self.count = 0

    def add(self, what, problems):
        self.count += 1
        self.lines += [f'{what}: {problem}' for problem in problems]

    def check(self):
        if self.lines:
            raise AssertionError(f'{len(self.lines)} problems in {self.count} cases: '
                                 + ' ;; '.join(self.lines))


# --- bodies ---------------------------------------------------------------------------------------


FOLDS = {'s': '\u017f', 'S': '\u017f', 'k': '\u212a', 'K': '\u212a'}
SPACE = [' ', '\t', '\n', '\r', '  ']


class Spelling:
    """Writes values as JSON in any spelling that Go reads as the same; notes what is ODD about it."""

    def __init__(self, random):
        self.random = random
        self.odd = set()
        self.oddness = random.choice([0, 0.3, 1])

    def maybe(self, probability):
        return self.random.random() < probability

    def space(self):
        return self.random.choice(SPACE) if self.maybe(0.1) else ''

    def char(self, c, probability=0.08):
        if c in '"\\' or ord(c) < 32:
            return self.random.choice([f'\\u{ord(c):04x}',
                                       {'"': '\\"', '\\': '\\\\', '\n': '\\n', '\t': '\\t',
                                        '\b': '\\b', '\f': '\\f', '\r': '\\r'}.get(c, f'\\u{ord(c):04X}')])
        if self.maybe(probability):
            if c == '/':
                return '\\/'
            pair = c.encode('utf-16-be')
            return ''.join('\\u' + self.random.choice([format, lambda v, f: format(v, f).upper()])(
                int.from_bytes(pair[i:i + 2], 'big'), '04x') for i in range(0, len(pair), 2))
        return c

    def string(self, text):
        return '"' + ''.join(self.char(c) for c in text) + '"'

    def key(self, name):
        """The name of a struct's field, in any case and folding that Go matches."""
        spelled = name
        if self.maybe(0.12 * self.oddness):
            spelled = ''.join(self.random.choice([c.lower(), c.upper(), FOLDS.get(c, c)])
                              for c in name)
            if spelled != name:
                self.odd.add('case')
        escapes = 0.05 if self.maybe(0.2 * self.oddness) else 0
        text = ''.join(self.char(c, escapes) for c in spelled)
        if text != spelled:
            self.odd.add('escape')
        return f'"{text}"'

    def object(self, members):
        inner = ','.join(f'{self.space()}{key}{self.space()}:{self.space()}{value}{self.space()}'
                         for key, value in members)
        return '{' + (inner or self.space()) + '}'

    def junk(self, depth=0):
        """Any JSON at all."""
        kind = self.random.randrange(9 if depth < 4 else 6)
        if kind < 6:
            return ['null', 'true', '-0.5e-3', '""', '1e400', self.string('é\u2028𝄞"\\\n')][kind]
        if kind == 6 and self.maybe(0.3):
            levels = self.random.choice([5, 50, 5000])
            return '[' * levels + ']' * levels
        if kind < 8:
            return '[' + ','.join(self.junk(depth + 1) for _ in range(self.random.randrange(4))) + ']'
        return self.object((self.string(self.random.choice(['a', 'Image', 'HostConfig', 'Privileged'])),
                            self.junk(depth + 1)) for _ in range(self.random.randrange(4)))

    def value(self, kind):
        """A random value of KIND: see the tables below."""
        if callable(kind):
            return self.spell(kind(self.random))
        if isinstance(kind, dict):
            return self.struct(kind)
        return '[' + ','.join(self.space() + self.value(kind[0]) + self.space()
                              for _ in range(self.random.randrange(3))) + ']'

    def spell(self, value):
        """A value as it is: dicts are maps, whose keys are data."""
        if isinstance(value, str):
            return self.string(value)
        if isinstance(value, dict):
            members = [(self.string(key), self.spell(v)) for key, v in value.items()]
            if any('\\' in key for key, _ in members):
                self.odd.add('escape')  # a struct's, or a map's: may or may not be seen as odd
            return self.object(members)
        if isinstance(value, (list, tuple)):
            return '[' + ','.join(self.space() + self.spell(v) for v in value) + self.space() + ']'
        return json.dumps(value)

    def struct(self, fields, required=()):
        """A struct of some of its FIELDS, {name: kind}: in any order, some twice, some null."""
        names = list(required) + [n for n in fields if n not in required and self.maybe(
            min(0.9, 5 / len(fields)))]
        self.random.shuffle(names)
        members = []
        for name in names:
            if name not in required and self.maybe(0.04 * self.oddness):
                self.odd.add('duplicate')
                members.append((self.key(name), 'null'))
            members.append((self.key(name), self.value(fields[name])))
        for name in names:
            if self.maybe(0.06 * self.oddness):
                self.odd.add('duplicate')
                again = 'null' if self.maybe(0.25) and name not in required \
                    else self.value(fields[name])
                members.insert(self.random.randrange(len(members) + 1), (self.key(name), again))
        if self.maybe(0.3):
            self.odd.add('junk')  # may or may not be seen as odd
            members.insert(self.random.randrange(len(members) + 1),
                           (self.string(self.random.choice(['x', 'Image2', 'host-config', '', '\x00'])),
                            self.junk()))
        return self.object(members)


def one_of(*values):
    return lambda random: random.choice(values)


def some_of(*values, most=3):
    """A list of some, each at most once."""
    return lambda random: random.sample(values, random.randrange(min(most, len(values)) + 1))


def some_map(keys, values):
    return lambda random: {key: random.choice(values)
                           for key in random.sample(keys, random.randrange(3))}


def one_or_more(*values):
    """A strslice: a list of strings, or one."""
    return lambda random: random.choice(values) if random.random() < 0.3 \
        else random.sample(values, random.randrange(1, 3))


def target_path(random):
    return f'/t{random.randrange(10 ** 9)}'


def bind_text(random):
    source = random.choice(['/', '/tmp', '/etc', '//', '/etc/..', '/var/../', 'bodies-volume', '/root'])
    return source + ':' + target_path(random) + random.choice(['', ':ro', ':rw', ':ro,rslave'])


def port_bindings(random):
    return {port: random.choice([[], None, [{'HostIp': '127.0.0.1', 'HostPort': '8081'}],
                                 [{'HostPort': '8082'}, {'HostIp': '::1'}]])
            for port in random.sample(['80/tcp', '53/udp', '443/tcp'], random.randrange(3))}


CAPABILITIES = ['SYS_ADMIN', 'cap_net_admin', 'Cap_Sys_Time', 'ALL', 'chown', 'CAP_SYS_PTRACE']
ODD_TEXT = ['a', 'with space', 'é', '日本', 'quote"back\\slash', 'tab\tnew\nline', '<&>', '𝄞', 'a=b']

MOUNT = {
    'Type': one_of('bind', 'bind', 'bind', 'tmpfs'),
    'Source': one_of('/', '/tmp', '/etc', '/./', '/usr/..'),
    'Target': target_path,
    'ReadOnly': one_of(True, False),
    'Consistency': one_of('', 'default'),
}
DEVICE = {
    'PathOnHost': one_of('/dev/null', '/dev/sda', '/dev/../dev/zero'),
    'PathInContainer': one_of('/dev/a', '/dev/b'),
    'CgroupPermissions': one_of('r', 'rw', 'rwm'),
}
DEVICE_REQUEST = {
    'Driver': one_of('nvidia', 'other'),
    'Count': one_of(-1, 2),
    'DeviceIDs': some_of('0', 'GPU-1'),
    'Capabilities': one_of([['gpu']], [['gpu', 'compute'], ['nvidia']]),
    'Options': some_map(['a', 'b'], ['1']),
}

HOST_CONFIG = {
    'Binds': lambda random: [bind_text(random) for _ in range(random.randrange(3))],
    'Mounts': [MOUNT],
    'CapAdd': one_or_more(*CAPABILITIES),
    'CapDrop': one_or_more('MKNOD', 'all', 'cap_kill'),
    'PidMode': one_of('', 'host', 'container:bodies-peer'),
    'IpcMode': one_of('', 'host', 'none', 'private', 'shareable', 'container:bodies-peer'),
    'UTSMode': one_of('', 'host'),
    'UsernsMode': one_of('', 'host'),
    'CgroupnsMode': one_of('', 'host', 'private'),
    'NetworkMode': one_of('none', 'host', 'default'),
    'Privileged': one_of(True, False),
    'ReadonlyRootfs': one_of(True, False),
    'AutoRemove': one_of(False),
    'PublishAllPorts': one_of(True, False),
    'SecurityOpt': some_of('no-new-privileges', 'seccomp=unconfined', 'label:disable',
                           'apparmor=unconfined'),
    'MaskedPaths': one_of([], ['/proc/kcore'], None),
    'ReadonlyPaths': one_of([], ['/proc/sys'], None),
    'PortBindings': port_bindings,
    'RestartPolicy': one_of({'Name': 'always'}, {'Name': 'no'}, {'Name': ''},
                            {'Name': 'on-failure', 'MaximumRetryCount': 3}),
    'Runtime': one_of('runc', 'io.containerd.runc.v2'),
    'CgroupParent': one_of('', '/bodies', '/../bodies'),
    'Sysctls': some_map(['net.ipv4.ip_forward', 'kernel.shm_rmid_forced', 'kernel.core_pattern'],
                        ['0', '|/x']),
    'GroupAdd': some_of('0', 'docker', '5'),
    'ExtraHosts': some_of('a:1.2.3.4', 'b:::1'),
    'VolumesFrom': some_of('bodies-peer', 'bodies-peer:ro', most=1),
    'Tmpfs': some_map(['/tmpfs1', '/tmpfs2'], ['', 'size=1m']),
    'Devices': [DEVICE],
    'DeviceCgroupRules': some_of('c 1:3 rwm', 'a *:* rwm', 'b 8:* r'),
    'DeviceRequests': [DEVICE_REQUEST],
    'VolumeDriver': one_of('', 'local'),
    'OomScoreAdj': one_of(0, 100),
    'ShmSize': one_of(1 << 20, 1 << 26),
    'Memory': one_of(1 << 25),
    'Init': one_of(None, True),
    'Annotations': some_map(['a', 'Privileged'], ['1']),
}
TOP = {
    'Image': one_of(IMAGE),
    'Cmd': one_or_more('sleep', *ODD_TEXT),
    'Entrypoint': one_or_more('/bin/sh', *ODD_TEXT),
    'User': one_of('', 'root', '1000:1000', 'é'),
    'WorkingDir': one_of('/', '/tmp', '/tmp/../w'),
    'Hostname': one_of('h1', 'a.b'),
    'Domainname': one_of('', 'example.org'),
    'Env': lambda random: [random.choice(['A', 'B_C', 'é']) + random.choice(['=1', '', '=x=y', '='])
                           for _ in range(random.randrange(4))],
    'Volumes': lambda random: {target_path(random): random.choice([{}, None])
                               for _ in range(random.randrange(3))},
    'ExposedPorts': some_map(['90/tcp', '91/udp'], [{}]),
    'Labels': lambda random: {f'l{i}': random.choice(ODD_TEXT) for i in range(random.randrange(3))},
    'Tty': one_of(True, False),
    'StopTimeout': one_of(None, 3),
    'Healthcheck': one_of({'Test': ['NONE']}, None),
    'HostConfig': HOST_CONFIG,
}
EXEC = {
    'Cmd': lambda random: random.sample(ODD_TEXT, random.randrange(1, 4)),
    'User': one_of('', 'root', '0', '5'),
    'Privileged': one_of(True, False),
    'Tty': one_of(True, False),
    'WorkingDir': one_of('', '/tmp'),
    'Env': some_of('A=1', 'B', 'C=x=y'),
    'AttachStdout': one_of(True, False),
    'Detach': one_of(True, False),
    'DetachKeys': one_of('', 'ctrl-a'),
}
VOLUME_OPTIONS = [None, {}, {'type': 'none', 'o': 'bind', 'device': '/'},
                  {'type': 'none', 'o': 'rbind,ro', 'device': '/etc/..'},
                  {'type': 'tmpfs', 'o': 'size=1m', 'device': 'tmpfs'},
                  {'type': 'ext4', 'device': '/dev/sda1'}]
VOLUME = {
    'Name': lambda random: f'bodies-{random.randrange(10 ** 9)}',
    'Driver': one_of('', 'local'),
    'DriverOpts': one_of(*VOLUME_OPTIONS),
    'Labels': some_map(['a', 'b'], ODD_TEXT),
}


def large_labels(size):
    """A member with SIZE bytes of labels, to come first."""
    return '"Labels":{' + ','.join(f'"l{i}":"{"x" * 1000}"' for i in range(size // 1010)) + '},'


def container_body(random):
    """The body of a ContainerCreate, and what is odd about it."""
    spelling = Spelling(random)
    fields = dict(TOP)
    required = ['Image']
    if spelling.maybe(0.9):
        required.append('HostConfig')
    else:  # As old clients had it: the daemon still takes it, if there is no HostConfig.
        del fields['HostConfig']
        fields.update({name: HOST_CONFIG[name] for name in random.sample(sorted(HOST_CONFIG), 6)})
    text = spelling.struct(fields, required)
    if spelling.maybe(0.03):
        spelling.odd.add('labels')  # which may be there twice
        text = '{' + large_labels(1 << 20) + text[1:]
    if spelling.maybe(0.05 * spelling.oddness):
        spelling.odd.add('trailing')
        text += random.choice(['{"HostConfig":{"Privileged":true}}', ' trailing', '}', '\x00'])
    return text, spelling.odd


def exec_body(random):
    spelling = Spelling(random)
    return spelling.struct(EXEC, ['Cmd']), spelling.odd


def volume_body(random):
    spelling = Spelling(random)
    return spelling.struct(VOLUME, ['Name']), spelling.odd


def broken_body(random):
    """What encoding/json refuses, whatever of it would be dangerous."""
    danger = f'"Image":"{IMAGE}","HostConfig":{{"Privileged":true,"Binds":["/:/h"]}}'
    return random.choice([
        '{' + danger,
        '{' + danger + ',}',
        '{' + danger + '"x":1}',
        '{"x":' + '[' * 10001 + ']' * 10001 + ',' + danger + '}',
        '{"x":01,' + danger + '}',
        '{"x":.5,' + danger + '}',
        '{"x":+1,' + danger + '}',
        '{"x":NaN,' + danger + '}',
        '{"x":"\\x41",' + danger + '}',
        '{"x":"\\u12",' + danger + '}',
        '{"x":"a\nb",' + danger + '}',
        "{'x':1," + danger + '}',
        '{/**/' + danger + '}',
        '\ufeff{' + danger + '}',
        '\x00{' + danger + '}',
        '\x0c{' + danger + '}',
        '{"x":tru,' + danger + '}',
        '[{' + danger + '}]',
        '"' + IMAGE + '"',
        '{"User":5,' + danger + '}',
        '{' + danger + ',"Labels":{"a":1}}',
        '{' + danger + ',"HostConfig":[]}',
        '{' + danger.replace('true', '"true"') + '}',
        '{' + danger.replace('true', '1') + '}',
        '{' + danger.replace('["/:/h"]', '"/:/h"') + '}',
        '{' + danger.replace('["/:/h"]', '["/:/h",5]') + '}',
        '{' + danger.replace('true', 'true,"Memory":1e7') + '}',
        '{' + danger.replace('true', 'true,"Memory":99999999999999999999') + '}',
        '{' + danger.replace('true', 'true,"Mounts":[{"ReadOnly":"no"}]') + '}',
        '', ' ', '{', '}', 'nul', '{"HostConfig"',
    ])


# What the Content-Type may say, by the daemon's own mime parser; and what it may not.
TYPES = ['application/json', 'application/json', 'application/json; charset=utf-8', 'APPLICATION/JSON',
         'application/json;', 'application/json;x=1;y="a b"', 'Application/Json ; Charset="utf-16"',
         '   application/json  ']
BAD_TYPES = ['text/json', 'application/x-json', 'application/json;;', 'application/json, text/plain',
             'application/json; x', 'application/json; x=1; x=2', '']


def framed(random, target, body, media):
    """The request in any framing; as the pieces to send."""
    head = f'POST {target} HTTP/1.1\r\nHost: docker\r\nContent-Type: {media}\r\n'
    body = body.encode()
    kind = random.randrange(4)
    if kind == 0:
        data = head.encode() + b'Content-Length: %d\r\n\r\n' % len(body) + body
    else:
        data = head.encode() + b'Transfer-Encoding: chunked\r\n\r\n'
        most = random.choice([1, 7, 300, 70000])
        at = 0
        while at < len(body):
            size = random.randrange(1, most + 1) if len(body) < 20000 else 65536
            piece = body[at:at + size]
            data += b'%x\r\n%s\r\n' % (len(piece), piece)
            at += size
        data += b'0\r\n\r\n'
    if kind == 3 and len(data) < 3000:
        return [data[i:i + 1] for i in range(len(data))]
    if kind == 2:
        cut = random.randrange(len(data))
        return [data[:cut], data[cut:]]
    return [data]
