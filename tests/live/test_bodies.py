# SPDX-License-Identifier: Apache-2.0
"""Whatever the daemon makes of a body, the record says: thousands of spellings, judged by inspect."""
import os
import random
import re
import time

from live import *
from bodies import *
import engines

AGENT = None
COUNT = int(os.environ.get('LIVE_BODIES') or scaled(100, 30, 300))
SEED = int(os.environ.get('LIVE_SEED') or time.time_ns() % 10 ** 6)
NO_JUDGEMENT = {'protocol-anomaly', 'body-not-seen', 'unknown-operation'}


def sent(generator, target, body, media=None):
    """Sends BODY in a random framing; returns its marked target, status and parsed answer."""
    target = marked(API + target)
    with connect() as client:
        for piece in framed(generator, target, body,
                            generator.choice(TYPES) if media is None else media):
            client.sendall(piece)
        status, _, answer = read_response(client)
    try:
        return target, status, json.loads(answer)
    except ValueError:
        return target, status, answer


def generators(kind, count):
    """A generator of random numbers for each body, so that one of them can be had again."""
    only = os.environ.get('LIVE_BODY')
    for number in [int(only)] if only else range(count):
        yield f'LIVE_SEED={SEED} LIVE_BODY={number}', random.Random(f'{SEED} {kind} {number}')


def shortened(body):
    body = re.sub(r'("l\d+":"x{20,}",?)+', '…', body)
    return re.sub(r'\[{20,}\]*', '[…]', body)[:3000]


# --- what inspect says, in the words of the record ------------------------------------------------


def mode(got, wanted, defaults):
    """A namespace mode; the daemon puts ids where the request had names, and its own default."""
    if got in (None, 'default'):
        return wanted in defaults
    return got.partition(':')[0] == wanted.partition(':')[0] if 'container:' in got else got == wanted


def same_ports(got, inspected):
    """In the words of docker run -p; what is only exposed may be there, too."""
    bound = set()
    for port, bindings in (field(inspected, 'HostConfig.PortBindings') or {}).items():
        bound |= {':'.join(([one['HostIp'], one['HostPort']] if one['HostIp']
                            else [one['HostPort']] if one['HostPort'] else []) + [port])
                  for one in bindings or []} or {port}
    return bound <= set(got or []) <= bound | set(field(inspected, 'Config.ExposedPorts') or {})


def without_empty(parts):
    return ':'.join(part for part in parts if part)


def same_mounts(got, inspected):
    mounts = field(inspected, 'HostConfig.Mounts') or []
    if len(got or []) != len(mounts):
        return False
    for text, mount in zip(got or [], mounts):
        wanted = {f'{key.lower()}={mount[key]}' for key in ('Type', 'Source', 'Target')
                  if mount.get(key)}
        if mount.get('ReadOnly'):
            wanted.add('readonly')
        if not wanted <= set(text.split(',')) or ('readonly' in text) != ('readonly' in wanted):
            return False
    return True


def same_requests(got, inspected):
    wanted = field(inspected, 'HostConfig.DeviceRequests') or []
    return len(got or []) == len(wanted) and all(
        request['Driver'] in text and all(one in text for many in request['Capabilities'] or []
                                          for one in many)
        for text, request in zip(got or [], wanted))


def capability(name):
    return name.upper().replace('CAP_', '')


def labelled(options):
    """The daemon adds this one by itself."""
    return [option for option in options or [] if option not in ('label=disable', 'label:disable')]


def compared(record, inspected):
    """The fields of the record that are not what the daemon took."""
    got = field(record, 'callerd.request') or {}
    container = inspected['Config']
    host = inspected['HostConfig']
    mounts = host.get('Mounts')
    restart = host['RestartPolicy']['Name']
    if restart == 'on-failure' and host['RestartPolicy']['MaximumRetryCount']:
        restart += f':{host["RestartPolicy"]["MaximumRetryCount"]}'

    def at(name):
        return field(got, name)

    def same(name, value):
        """Absent means empty."""
        return (at(name) or None) == (value or None)

    def as_sets(name, value):
        return set(at(name) or []) == set(value or [])

    names = {entry.partition('=')[0] for entry in container['Env'] or []} - {'PATH'}
    checks = {
        'image': same('image', container['Image']),
        'command': at('command') == container['Cmd'] if at('command') is not None
                   else container['Cmd'] in (None, [], ['/bin/sh']),
        'entrypoint': same('entrypoint', container['Entrypoint']),
        'user': same('user', container['User']),
        'working_directory': at('working_directory') is None and not container['WorkingDir']
                             or os.path.normpath(at('working_directory') or '') ==
                             os.path.normpath(container['WorkingDir']),
        'hostname': at('hostname') in (None, container['Hostname']),
        'domainname': same('domainname', container['Domainname']),
        'environment': set(at('environment') or []) - {'PATH'} == names,
        'binds': same('binds', host['Binds']),
        'mounts': same_mounts(at('mounts'), inspected),
        'volumes': as_sets('volumes', container['Volumes']),
        'volumes_from': same('volumes_from', host['VolumesFrom']),
        'volume_driver': same('volume_driver', host['VolumeDriver']),
        'tmpfs': as_sets('tmpfs', host.get('Tmpfs')),
        'devices': [without_empty(text.split(':')) for text in at('devices') or []] == [
            without_empty((one['PathOnHost'], one['PathInContainer'], one['CgroupPermissions']))
            for one in host['Devices'] or []],
        'device_requests': same_requests(at('device_requests'), inspected),
        'device_cgroup_rules': same('device_cgroup_rules', host['DeviceCgroupRules']),
        'capabilities.add': [*map(capability, at('capabilities.add') or [])]
                            == [*map(capability, host['CapAdd'] or [])],
        'capabilities.drop': [*map(capability, at('capabilities.drop') or [])]
                             == [*map(capability, host['CapDrop'] or [])],
        'namespaces.pid': mode(at('namespaces.pid'), host['PidMode'], ['']),
        'namespaces.network': mode(at('namespaces.network'), host['NetworkMode'], [engines.here('default network')]),
        'namespaces.ipc': mode(at('namespaces.ipc'), host['IpcMode'], ['private', 'shareable']),
        'namespaces.uts': mode(at('namespaces.uts'), host['UTSMode'], ['']),
        'namespaces.user': mode(at('namespaces.user'), host['UsernsMode'], ['']),
        'namespaces.cgroup': mode(at('namespaces.cgroup'), host['CgroupnsMode'],
                                  ['host', 'private', '']),
        'privileged': at('privileged') == (host['Privileged'] or None),
        'readonly_rootfs': at('readonly_rootfs') == (host['ReadonlyRootfs'] or None),
        'publish_all_ports': at('publish_all_ports') == (host['PublishAllPorts'] or None),
        'auto_remove': at('auto_remove') == (host['AutoRemove'] or None),
        'security_options': labelled(at('security_options')) == labelled(host['SecurityOpt']),
        'masked_paths': host['Privileged'] or at('masked_paths') in (None, host['MaskedPaths']),
        'readonly_paths': host['Privileged'] or at('readonly_paths') in (None, host['ReadonlyPaths']),
        'ports': same_ports(at('ports'), inspected),
        'restart_policy': (at('restart_policy') or 'no') == (restart or 'no'),
        'runtime': (at('runtime') or 'runc') == host.get('Runtime', 'runc'),
        'cgroup_parent': same('cgroup_parent', host['CgroupParent']),
        'sysctls': as_sets('sysctls', [f'{k}={v}' for k, v in (host.get('Sysctls') or {}).items()]),
        'group_add': same('group_add', host['GroupAdd']),
        'extra_hosts': same('extra_hosts', host['ExtraHosts']),
        'cut': at('cut') is None,
    }
    known = {'Mounts': mounts, **host, **container}
    short = {name: value for name, value in known.items() if value and name != 'Labels'}
    return [f'{name} is {at(name)!r}; the daemon has {str(short)[:1500]}'
            for name, good in checks.items() if not good]


def root_is_mounted(inspected):
    sources = [mount['Source'] for mount in inspected['Mounts'] if mount['Type'] == 'bind']
    return any(os.path.realpath(source) == '/' for source in sources)


def misjudged(record, inspected):
    """Findings that must be there and are not, and the other way round."""
    host = inspected['HostConfig']
    found = findings(record)
    capabilities = {capability(name) for name in host['CapAdd'] or []}
    modes = [host[name] for name in ('PidMode', 'IpcMode', 'NetworkMode', 'UsernsMode')]
    options = [option.replace(':', '=') for option in host['SecurityOpt'] or []]
    wanted = {
        'privileged': host['Privileged'],
        'host-root-mount': root_is_mounted(inspected),
        'host-pid': host['PidMode'] == 'host',
        'host-network': host['NetworkMode'] == 'host',
        'host-ipc': host['IpcMode'] == 'host',
        'host-uts': host['UTSMode'] == 'host',
        'host-userns': host['UsernsMode'] == 'host',
        'join-container-namespace': bool(host['VolumesFrom'])
                                    or any(mode.startswith('container:') for mode in modes),
        'cap-add': bool(capabilities),
        'device': bool(host['Devices'] or host['DeviceRequests'] or host['DeviceCgroupRules']),
    }
    problems = [f'{name} is {found.get(name)}' for name, there in wanted.items()
                if bool(there) != (name in found)]
    if {'seccomp=unconfined', 'apparmor=unconfined'} & set(options) \
            or (not host['Privileged'] and [] in (host['MaskedPaths'], host['ReadonlyPaths'])):
        problems += [] if 'security-disabled' in found else ['no security-disabled']
    if {'ALL', 'SYS_ADMIN', 'SYS_PTRACE'} & capabilities and 'cap-add' in found:
        problems += [] if any(f['severity'] == 'critical' for f in found['cap-add']) \
            else [f'cap-add is {found["cap-add"]}']
    return problems


def anomalies(record, odd):
    """What is odd must be said, and nothing else."""
    if not odd and 'protocol-anomaly' in findings(record) \
            and not field(record, 'callerd.capture.anomalies'):
        return [f'protocol-anomaly: {findings(record)["protocol-anomaly"]}']
    if odd & {'duplicate', 'case', 'trailing'} and 'protocol-anomaly' not in findings(record):
        return [f'no protocol-anomaly for {odd}']
    return []


@test
def containers():
    create('bodies-peer', start=True, IpcMode='shareable')
    problems = Problems()
    accepted = 0
    for what, generator in generators('container', COUNT):
        body, odd = container_body(generator)
        target, status, answer = sent(generator, '/containers/create', body)
        record = record_of(AGENT, target)
        what += ' ' + shortened(body)
        equal(field(record, 'http.response.status_code'), status, 'status of ' + what)
        equal(field(record, 'callerd.api.operation'), 'ContainerCreate', 'operation of ' + what)
        if status != 201:
            true(status in (400, 404, 409, 500), f'status {status} for {what}')
            problems.add(what, consistent(record))
            continue
        accepted += 1
        inspected = get(f'/containers/{answer["Id"]}/json')
        remove(answer['Id'])
        problems.add(what, compared(record, inspected) + misjudged(record, inspected)
                     + anomalies(record, odd) + consistent(record))
        if field(record, 'callerd.target.id') != answer['Id']:
            problems.add(what, [f'target {field(record, "callerd.target")}'])
    remove('bodies-peer')
    request('DELETE', API + '/volumes/bodies-volume')
    problems.check()
    true(accepted > COUNT // 2 or 'LIVE_BODY' in os.environ, f'the daemon took {accepted} of {COUNT} only')


@test
def execs():
    create('bodies-exec', start=True)
    problems = Problems()
    accepted = 0
    for what, generator in generators('exec', COUNT // 4):
        body, odd = exec_body(generator)
        target, status, answer = sent(generator, '/containers/bodies-exec/exec', body)
        record = record_of(AGENT, target)
        what += ' ' + shortened(body)
        if status != 201:
            equal((status, field(record, 'http.response.status_code')), (400, 400), what)
            continue
        accepted += 1
        process = get(f'/exec/{answer["Id"]}/json')['ProcessConfig']
        got = field(record, 'callerd.request') or {}
        wanted = {
            'command': [process['entrypoint'], *process['arguments']],
            'privileged': process.get('privileged') or None,
            'tty': process.get('tty') or None,
            'user': process.get('user') or None,
        }
        problems.add(what, [f'{name} is {got.get(name)!r}, wanted {value!r}'
                            for name, value in wanted.items() if got.get(name) != value]
                     + ([] if ('exec-privileged' in findings(record)) == bool(process['privileged'])
                        else [f'findings {findings(record)}'])
                     + anomalies(record, odd) + consistent(record))
        if field(record, 'callerd.target.id') != answer['Id']:
            problems.add(what, [f'target {field(record, "callerd.target")}'])
    remove('bodies-exec')
    problems.check()
    true(accepted > COUNT // 8 or 'LIVE_BODY' in os.environ, f'the daemon took {accepted} only')


@test
def volumes():
    problems = Problems()
    for what, generator in generators('volume', COUNT // 4):
        body, odd = volume_body(generator)
        target, status, answer = sent(generator, '/volumes/create', body)
        record = record_of(AGENT, target)
        what += ' ' + shortened(body)
        equal(field(record, 'http.response.status_code'), status, what)
        if status != 201:
            problems.add(what, consistent(record))
            continue
        request('DELETE', f'{API}/volumes/{answer["Name"]}')
        got = field(record, 'callerd.request') or {}
        options = answer['Options'] or {}
        host_path = options.get('device', '').startswith('/')
        problems.add(what, [
            f'{name} is {value!r}; the daemon has {answer}' for name, value, good in (
                ('name', got.get('name'), got.get('name') == answer['Name']),
                ('driver', got.get('driver'), (got.get('driver') or 'local') == answer['Driver']),
                ('options', got.get('options'), set(got.get('options') or [])
                 == {f'{key}={value}' for key, value in options.items()}),
                ('findings', findings(record), ('volume-host-path' in findings(record)) == host_path),
            ) if not good] + anomalies(record, odd) + consistent(record))
    problems.check()


@test
def refused_bodies():
    """What encoding/json refuses is no container: nothing of it is judged."""
    problems = Problems()
    for what, generator in generators('broken', COUNT // 4):
        body = broken_body(generator)
        target, status, answer = sent(generator, '/containers/create', body)
        what += f' {shortened(body)!r}'
        true(status in (400, 500), f'status {status} {answer} for {what}')
        record = record_of(AGENT, target)
        equal(field(record, 'http.response.status_code'), status, what)
        extra = set(findings(record)) - NO_JUDGEMENT
        problems.add(what, [f'findings {extra}'] if extra else [])
        problems.add(what, consistent(record))
    problems.check()


@test
def refused_types():
    """Another Content-Type, and the daemon does not even look at the body."""
    problems = Problems()
    for media in BAD_TYPES:
        body = f'{{"Image":"{IMAGE}","HostConfig":{{"Privileged":true}}}}'
        target, status, _ = sent(random.Random(1), '/containers/create', body, media)
        equal(status, 400, media)
        record = record_of(AGENT, target)
        extra = set(findings(record)) - NO_JUDGEMENT - {'privileged'}
        problems.add(repr(media), [f'findings {extra}'] if extra else [])
    problems.check()


@test
def known_traps():
    """Spellings whose meaning surprises; that the daemon means it is checked, too."""
    image = f'"Image":"{IMAGE}"'
    root = '{"Type":"bind","Source":"/","Target":"/a"}'
    tmp = '{"Type":"bind","Source":"/tmp","Target":"/b"}'
    top = engines.here('at the top')
    traps = {
        # Without a HostConfig its fields count at the top; with one, even an empty one, they do not.
        f'{{{image},"Privileged":true}}': top,
        f'{{{image},"Privileged":true,"HostConfig":{{}}}}': False,
        f'{{{image},"Privileged":true,"HostConfig":null}}': top,
        # A null resets a pointer, and does nothing to a value.
        f'{{{image},"HostConfig":{{"Privileged":true}},"HostConfig":null}}': False,
        f'{{{image},"HostConfig":{{"Privileged":true,"Privileged":null}}}}': True,
        # Two structs merge, two lists do not: but element by element they do.
        f'{{{image},"HostConfig":{{"Privileged":true}},"hostconfig":{{"PidMode":"host"}}}}': True,
        f'{{{image},"HostConfig":{{"Privileged":true,"privileged":false}}}}': False,
        f'{{{image},"HostConfig":{{"Mounts":[{root}],"Mounts":[{{"Target":"/b"}}]}}}}': 'root',
        # A list that got shorter and longer again has its old elements back.
        f'{{{image},"HostConfig":{{"Mounts":[{tmp},{root}],"Mounts":[{{}}],"Mounts":[{{}},{{}}]}}}}':
            'root',
        f'{{{image},"HostConfig":{{"Mounts":[{root}],"Mounts":[],"Mounts":[{tmp}]}}}}': False,
        f'{{{image},"HostConfig":{{"Mounts":[{root}],"Mounts":null,"Mounts":[{tmp}]}}}}': False,
        f'{{{image},"HostConfig":{{"Binds":["/:/a"],"Binds":[null]}}}}': 'root',
        f'{{{image},"HostConfig":{{"Binds":["/tmp:/a","/:/b"],"Binds":["/usr/share:/c"]}}}}': False,
        f'{{{image},"HostConfig":{{"Binds":["/:/a"]}},"HostConfig":{{"Binds":[]}}}}': False,
        # Go folds two letters more than ASCII has.
        f'{{{image},"Ho\u017ftConfig":{{"Privileged":true}}}}': True,
        f'{{{image},"\\u0048ost\\u0043onfig":{{"\\u0050rivileged":true}}}}': True,
        f'{{{image},"HOSTCONFIG":{{"PRIVILEGED":true}}}}': True,
        f'{{{image},"Host_Config":{{"Privileged":true}}}}': False,
        # A nested struct's field of that name.
        f'{{{image},"HostConfig":{{"LogConfig":{{"Privileged":true}}}}}}': False,
        # What is no UTF-8 becomes U+FFFD.
        f'{{{image},"Hostname":"\\ud800","User":"\udcff","Cmd":["\\udc00\\ud800\\u0041","\udce2\udc82"]}}':
            False,
    }
    # Only the first value of a body counts, where the daemon takes another one behind it.
    if engines.here('more JSON') == 201:
        traps.update({
            f'{{{image}}}{{"HostConfig":{{"Privileged":true}}}}': False,
            f'{{{image},"HostConfig":{{"Privileged":true}}}}{{{image}}}': True,
        })
    problems = Problems()
    for body, wanted in traps.items():
        target, status, answer = post(API + '/containers/create',
                                      body.encode(errors='surrogateescape'))
        equal(status, 201, f'{body}: {answer}')
        inspected = get(f'/containers/{answer["Id"]}/json')
        remove(answer['Id'])
        got = inspected['HostConfig']['Privileged'] or ('root' if root_is_mounted(inspected) else False)
        equal(got, wanted, f'what the daemon makes of {body}')
        record = record_of(AGENT, target)
        problems.add(body, misjudged(record, inspected) + compared(record, inspected))
    problems.check()


def main_with_agent():
    global AGENT
    print(f'# LIVE_SEED={SEED}')
    with Callerd() as AGENT:
        main()


main_with_agent()
