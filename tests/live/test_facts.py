# SPDX-License-Identifier: Apache-2.0
"""What a record says of a call's operation, its target, its contents, and the container of its caller."""
import re
import shutil

from live import *
from bodies import *

AGENT = None
D = DIR + '/facts'
PREEXISTING = 'facts-peer'


def compare(what, got, wanted):
    """GOT has WANTED's fields, lists in any order where WANTED has a set; None: absent."""
    problems = []
    for name, value in wanted.items():
        there = field(got, name)
        if callable(value):
            same = value(there)
        elif isinstance(value, set):
            same = isinstance(there, list) and len(there) == len(set(there)) and set(there) == value
        else:
            same = there == value
        if not same:
            problems.append(f'{name} is {there!r}, wanted {value!r}')
    if problems:
        raise AssertionError(f'{what}: ' + ' ;; '.join(problems))


def created(*args):
    """The record of docker create with ARGS."""
    remove('facts-new')
    try:
        return records_of(AGENT, lambda: docker('create', '--name', 'facts-new', *args),
                          'ContainerCreate')[0]
    finally:
        remove('facts-new')


def says(call, status=None, **wanted):
    """The record of CALL, as post() returned it, has the fields; 'a__b' stands for callerd.a.b."""
    target, got, answer = call
    if status:
        equal(got, status, f'{target}: {answer}')
    record = record_of(AGENT, target)
    compare(target, record['callerd'], {k.replace('__', '.'): v for k, v in wanted.items()})
    return record


# --- the contents ----------------------------------------------------------------------------------


@test
def run_with_nearly_every_option():
    record = created(
        '--user', '1000:5', '--workdir', '/w', '--hostname', 'h1', '--domainname', 'd1',
        '-e', 'A=secret', '-e', 'EMPTY=', '-v', '/tmp:/t:ro', '-v', 'facts-volume:/v', '-v', '/anonymous',
        '--mount', 'type=bind,source=/etc/hostname,target=/hn,readonly',
        '--mount', 'type=volume,source=facts-other,target=/o',
        '--volumes-from', PREEXISTING + ':ro', '--volume-driver', 'local', '--tmpfs', '/tm:size=1m',
        '--device', '/dev/null:/dev/n:rw', '--device-cgroup-rule', 'c 1:3 rwm',
        '--cap-add', 'NET_ADMIN', '--cap-add', 'SYS_TIME', '--cap-drop', 'MKNOD',
        '--pid', 'host', '--ipc', 'shareable', '--userns', 'host', '--cgroupns', 'host',
        '--network', 'none', '--read-only', '--security-opt', 'no-new-privileges',
        '-p', '127.0.0.1:8080:80/tcp', '-p', '90', '-P', '--restart', 'on-failure:3',
        '--runtime', 'runc', '--cgroup-parent', '/facts', '--sysctl', 'net.ipv4.ip_forward=1',
        '--group-add', '5', '--group-add', 'daemon', '--add-host', 'a:1.2.3.4',
        '--entrypoint', '/bin/sh', IMAGE, '-c', 'true  x')
    compare('create', record['callerd']['request'], {
        'image': IMAGE, 'command': ['-c', 'true  x'], 'entrypoint': ['/bin/sh'], 'user': '1000:5',
        'working_directory': '/w', 'hostname': 'h1', 'domainname': 'd1',
        'environment': {'A', 'EMPTY'},
        'binds': {'/tmp:/t:ro', 'facts-volume:/v'},
        'mounts': lambda got: len(got or []) == 2 and
                  'type=bind,source=/etc/hostname,target=/hn,readonly' in got,
        'volumes': ['/anonymous'], 'volumes_from': [PREEXISTING + ':ro'], 'volume_driver': 'local',
        'tmpfs': ['/tm'], 'devices': ['/dev/null:/dev/n:rw'],
        'device_cgroup_rules': ['c 1:3 rwm'],
        'capabilities.add': lambda got: {name.replace('CAP_', '') for name in got}
                            == {'NET_ADMIN', 'SYS_TIME'},
        'capabilities.drop': lambda got: [name.replace('CAP_', '') for name in got] == ['MKNOD'],
        'namespaces.pid': 'host', 'namespaces.ipc': 'shareable', 'namespaces.user': 'host',
        'namespaces.cgroup': 'host', 'namespaces.network': 'none',
        'privileged': None, 'readonly_rootfs': True, 'security_options': ['no-new-privileges'],
        'ports': {'127.0.0.1:8080:80/tcp', '90/tcp'}, 'publish_all_ports': True,
        'restart_policy': 'on-failure:3', 'runtime': 'runc', 'cgroup_parent': '/facts',
        'sysctls': ['net.ipv4.ip_forward=1'], 'group_add': {'5', 'daemon'},
        'extra_hosts': ['a:1.2.3.4'], 'auto_remove': None, 'cut': None,
    })
    compare('create', record['callerd'], {
        'api.engine': 'docker', 'api.operation': 'ContainerCreate', 'target.type': 'container',
        'target.id': lambda got: re.fullmatch('[0-9a-f]{64}', got or ''),
        'target.name': 'facts-new', 'target.image': IMAGE})
    true('secret' not in json.dumps(record['callerd']['request']), 'values of the environment')
    for name in 'facts-volume', 'facts-other':
        request('DELETE', f'{API}/volumes/{name}')


@test
def run_with_no_option():
    record = created(IMAGE)
    got = record['callerd']['request']
    equal(got.get('image'), IMAGE, 'image')
    for name in ('command', 'entrypoint', 'user', 'hostname', 'environment', 'binds', 'mounts', 'volumes',
                 'devices', 'capabilities', 'privileged', 'readonly_rootfs', 'ports', 'auto_remove',
                 'sysctls', 'tmpfs', 'cut', 'publish_all_ports', 'security_options', 'masked_paths'):
        true(name not in got, f'{name} is {got.get(name)!r}')
    true(all(value not in ('', [], {}, 0, None, False) for value in got.values()), f'empty ones: {got}')


@test
def other_options():
    for args, name, wanted in (
            (['--privileged'], 'privileged', True),
            (['--rm'], 'auto_remove', True),
            (['--restart', 'always'], 'restart_policy', 'always'),
            (['--uts', 'host'], 'namespaces.uts', 'host'),
            (['--pid', 'container:' + PREEXISTING], 'namespaces.pid', 'container:' + PREEXISTING),
            (['--security-opt', 'label=disable'], 'security_options', ['label=disable']),
            (['-p', '53:53/udp'], 'ports', ['53:53/udp']),
            (['--gpus', 'all'], 'device_requests',
             lambda got: len(got) == 1 and 'count=-1' in got[0] and 'gpu' in got[0]),
            (['--mount', 'type=tmpfs,target=/t'], 'mounts', ['type=tmpfs,target=/t'])):
        compare(str(args), created(*args, IMAGE)['callerd']['request'], {name: wanted})


@test
def raw_bodies():
    body = config(MaskedPaths=['/proc/kcore'], ReadonlyPaths=['/proc/sys'], Links=None,
                  DeviceRequests=[{'Driver': 'nvidia', 'Count': -1, 'Capabilities': [['gpu']]}],
                  PortBindings={'80/tcp': [{'HostIp': '', 'HostPort': ''}]})
    body['NetworkingConfig'] = {'EndpointsConfig': {'none': {}}}
    body['ExposedPorts'] = {'91/udp': {}}
    call = post(API + '/containers/create?name=facts-raw', body)
    remove('facts-raw')
    says(call, 201, request__masked_paths=['/proc/kcore'], request__readonly_paths=['/proc/sys'],
         request__networks=['none'],
         request__device_requests=['driver=nvidia,count=-1,capabilities=gpu'],
         request__ports=lambda got: '80/tcp' in got and set(got) <= {'80/tcp', '91/udp'})
    # The daemon takes a single string for these.
    call = post(API + '/containers/create', {'Image': IMAGE, 'Cmd': 'a b', 'Entrypoint': '/bin/sh'})
    remove(call[2]['Id'])
    says(call, 201, request__command=['a b'], request__entrypoint=['/bin/sh'])


@test
def odd_values():
    """Whatever is in a value, the record is one line of valid JSON that says it."""
    for text in ('quote" and \\', 'line\nfeed', '\x1b[31m', '\u202e', 'é\u2028', '\ufffd', 'x' * 5000):
        call = post(API + '/containers/create', {'Image': IMAGE, 'Cmd': [text], 'User': text[:50]})
        remove(call[2]['Id'])
        record = record_of(AGENT, call[0])
        got = field(record, 'callerd.request.command') or ['']
        same = got[0] == text or '\x1b' in text or '\u202e' in text
        true(same, f'{text[:20]!r}: {got}')


@test
def long_lists_are_cut():
    many = [f'/tmp/{i}:/t{i}' for i in range(3000)]
    call = post(API + '/containers/create', config(Binds=many, ExtraHosts=['a:1.2.3.4']))
    if call[1] == 201:
        remove(call[2]['Id'])
    record = says(call, 201)
    got = field(record, 'callerd.request')
    true(got['binds'] and got['binds'] == many[:len(got['binds'])], f'{str(got)[:200]}')
    cut = got.get('cut') or []
    equal('binds' in cut, len(got['binds']) < len(many), 'cut')
    true(got.get('extra_hosts') == ['a:1.2.3.4'] or 'extra_hosts' in cut, f'extra_hosts, and {cut}')


@test
def exec_volume_network():
    call = post(f'{API}/containers/{PREEXISTING}/exec', {
        'Cmd': ['echo', 'a b'], 'User': '5', 'Privileged': True, 'Env': ['A=secret', 'B'], 'Tty': True,
        'WorkingDir': '/tmp'})
    says(call, 201, api__operation='ContainerExec', request__command=['echo', 'a b'], request__user='5',
         request__privileged=True, request__environment=['A', 'B'], request__tty=True,
         request__working_directory='/tmp')
    call = post(API + '/volumes/create', {'Name': 'facts-v', 'Driver': 'local', 'DriverOpts': {
        'type': 'none', 'o': 'bind', 'device': '/tmp'}})
    request('DELETE', API + '/volumes/facts-v')
    says(call, 201, api__operation='VolumeCreate', request__name='facts-v', request__driver='local',
         request__options={'type=none', 'o=bind', 'device=/tmp'}, target__type='volume',
         target__name='facts-v')
    call = post(API + '/volumes/create', {})
    request('DELETE', f'{API}/volumes/{call[2]["Name"]}')
    says(call, 201, target__type='volume', target__name=call[2]['Name'])
    call = post(API + '/networks/create', {'Name': 'facts-n', 'Driver': 'bridge', 'Internal': True,
                                           'Attachable': True, 'IPAM': {'Driver': 'default', 'Config': [
                                               {'Subnet': '10.99.0.0/24', 'Gateway': '10.99.0.9'}]}})
    record = says(call, None, api__operation='NetworkCreate', request__name='facts-n',
                  request__driver='bridge', request__internal=True, request__attachable=True,
                  request__subnets=['10.99.0.0/24,gateway=10.99.0.9'], request__no_ipv4=None,
                  target__type='network', target__name='facts-n')
    if call[1] == 201:
        equal(field(record, 'callerd.target.id'), call[2]['Id'], 'id')
        endpoint = {'IPAMConfig': {'IPv4Address': '10.99.0.5'}, 'GwPriority': 7}
        says(post(API + '/networks/facts-n/connect', {'Container': 'facts-none', 'EndpointConfig': endpoint}), 404,
             api__operation='NetworkConnect', request__endpoint='ip=10.99.0.5,gw-priority=7', request__container='facts-none')
        says(post(API + '/networks/facts-n', method='DELETE'), 204, target__type='network',
             target__name='facts-n', api__operation='NetworkDelete')
    call = post(API + '/networks/create', {'Name': 'facts-6', 'EnableIPv4': False, 'EnableIPv6': True})
    says(call, None, api__operation='NetworkCreate', request__no_ipv4=True, request__ipv6=True)
    request('DELETE', API + '/networks/facts-6')
    call = post(f'{API}/containers/{PREEXISTING}/update', {'RestartPolicy': {'Name': 'always'}})
    says(call, 200, api__operation='ContainerUpdate', request__restart_policy='always')
    request('POST', f'{API}/containers/{PREEXISTING}/update', b'{"RestartPolicy":{"Name":"no"}}')


@test
def images():
    platform = '{"os":"linux","architecture":"arm64"}'
    encoded = '%7B%22os%22:%22linux%22,%22architecture%22:%22arm64%22%7D'
    says(post(API + '/images/create?fromImage=127.0.0.1:1/facts&tag=2&platform=linux/arm64'), None,
         api__operation='ImageCreate', request__platform='linux/arm64', target__name='127.0.0.1:1/facts:2')
    says(post(f'{API}/images/127.0.0.1:1/facts/push?tag=2&platform={encoded}', {},
              headers='X-Registry-Auth: e30=\r\n'), None,
         api__operation='ImagePush', request__platform=platform, target__name='127.0.0.1:1/facts:2')
    says(post(f'{API}/images/facts-none/get?platform={encoded}', method='GET'), 404, api__operation='ImageGet',
         request__platform=platform, target__name='facts-none')
    says(post(f'{API}/images/facts-none:1?platforms={encoded}', method='DELETE'), 404, api__operation='ImageDelete',
         request__platform=platform, target__name='facts-none:1')


@test
def services():
    spec = {'Name': 'facts-s', 'Mode': {'Replicated': {'Replicas': 0}}, 'TaskTemplate': {
        'ContainerSpec': {'Image': IMAGE, 'Command': ['sleep'], 'Args': ['5'], 'User': '0',
                          'Env': ['A=secret'],
                          'CapabilityAdd': ['CAP_SYS_ADMIN'],
                          'Mounts': [{'Type': 'bind', 'Source': '/tmp', 'Target': '/h'}]}}}
    with swarm():
        call = post(API + '/services/create', spec)
        record = says(call, None, api__operation='ServiceCreate', request__image=IMAGE,
                      request__entrypoint=['sleep'], request__command=['5'], request__user='0',
                      request__environment=['A'], target__type='service', target__name='facts-s',
                      request__mounts=['type=bind,source=/tmp,target=/h'])
        true('SYS_ADMIN' in str(field(record, 'callerd.request.capabilities')), 'capabilities')
        if call[1] == 201:
            equal(field(record, 'callerd.target.id'), call[2]['ID'], 'id')
            version = get('/services/facts-s')['Version']['Index']
            says(post(f'{API}/services/facts-s/update?version={version}', spec), 200,
                 api__operation='ServiceUpdate', request__image=IMAGE, target__type='service')
            says(post(API + '/services/facts-s', method='DELETE'), 200, api__operation='ServiceDelete')


@test
def python_client():
    try:
        import docker as library  # pylint: disable=import-outside-toplevel
    except ImportError:
        raise Skip('python3-docker is not installed') from None
    client = library.DockerClient(base_url='unix://' + SOCKET, version='1.41')
    remove('facts-python')
    found = records_of(AGENT, lambda: client.containers.create(
        IMAGE, ['sleep', '9'], name='facts-python', user='7', environment={'A': 'secret'},
        volumes={'/tmp': {'bind': '/t', 'mode': 'ro'}}, cap_add=['NET_ADMIN'], cap_drop=['ALL'],
        privileged=True, pid_mode='host', network_mode='none', devices=['/dev/null:/dev/n:r'],
        restart_policy={'Name': 'on-failure', 'MaximumRetryCount': 2}, read_only=True,
        mounts=[library.types.Mount('/m', '/etc', type='bind', read_only=True)],
        tmpfs={'/tm': ''}, sysctls={'net.ipv4.ip_forward': 0}, working_dir='/w', hostname='h',
        security_opt=['seccomp=unconfined'], extra_hosts={'a': '1.2.3.4'}, group_add=['5'],
        ports={'80/tcp': ('127.0.0.1', 8080)}, auto_remove=False, ipc_mode='private',
        entrypoint='/bin/sh -c', labels={'a': 'b'}), 'ContainerCreate')
    remove('facts-python')
    compare('python', found[0]['callerd']['request'], {
        'image': IMAGE, 'command': ['sleep', '9'], 'entrypoint': ['/bin/sh', '-c'], 'user': '7',
        'environment': ['A'], 'binds': ['/tmp:/t:ro'], 'capabilities.add': ['NET_ADMIN'],
        'capabilities.drop': ['ALL'], 'privileged': True, 'namespaces.pid': 'host',
        'namespaces.network': 'none', 'namespaces.ipc': 'private', 'devices': ['/dev/null:/dev/n:r'],
        'restart_policy': 'on-failure:2', 'readonly_rootfs': True,
        'mounts': ['type=bind,source=/etc,target=/m,readonly'], 'tmpfs': ['/tm'],
        'sysctls': ['net.ipv4.ip_forward=0'], 'working_directory': '/w', 'hostname': 'h',
        'security_options': ['seccomp=unconfined'], 'extra_hosts': ['a:1.2.3.4'], 'group_add': ['5'],
        'ports': lambda got: '127.0.0.1:8080:80/tcp' in got,
    })
    equal(field(found[0], 'callerd.api.version'), '1.41', 'version')


# --- the operation ---------------------------------------------------------------------------------


@test
def operations():
    """The names of the engine's own API description."""
    id_ = get(f'/containers/{PREEXISTING}/json')['Id']
    for method, path, operation, kind in (
            ('GET', '/_ping', 'SystemPing', None), ('HEAD', '/_ping', 'SystemPingHead', None),
            ('GET', '/version', 'SystemVersion', None), ('GET', '/info', 'SystemInfo', None),
            ('GET', '/containers/json', 'ContainerList', None),
            ('GET', f'/containers/{PREEXISTING}/json', 'ContainerInspect', 'container'),
            ('GET', f'/containers/{id_}/top', 'ContainerTop', 'container'),
            ('GET', '/containers/none/logs', 'ContainerLogs', 'container'),
            ('GET', '/containers/none/stats', 'ContainerStats', 'container'),
            ('POST', '/containers/none/wait', 'ContainerWait', 'container'),
            ('POST', '/containers/none/kill', 'ContainerKill', 'container'),
            ('DELETE', '/containers/none', 'ContainerDelete', 'container'),
            ('GET', '/images/json', 'ImageList', None),
            ('GET', f'/images/{IMAGE}/json', 'ImageInspect', 'image'),
            ('GET', '/images/a/b/c:1/json', 'ImageInspect', 'image'),
            ('DELETE', '/images/a/b:1', 'ImageDelete', 'image'),
            ('GET', '/volumes', 'VolumeList', None), ('GET', '/volumes/none', 'VolumeInspect', 'volume'),
            ('GET', '/networks', 'NetworkList', None),
            ('GET', '/networks/none', 'NetworkInspect', 'network'),
            ('GET', '/plugins', 'PluginList', None), ('GET', '/system/df', 'SystemDataUsage', None),
            ('GET', '/exec/none/json', 'ExecInspect', 'exec')):
        for prefix, version in ((API, '1.41'), ('', None), ('/v1.30', '1.30')):
            says(post(prefix + path, method=method), None, api__operation=operation,
                 api__version=version, api__engine='docker', target__type=kind)


@test
def no_operation():
    for path in API + '/nosuch', '/containers', API + '/containers/x/nosuch':
        says(post(path, method='GET'), 404, api__operation=None, target=None)


# --- the target ------------------------------------------------------------------------------------


@test
def names_and_prefixes():
    id_ = create('facts-target')
    for key in 'facts-target', id_, id_[:12], id_[:20], id_[:63]:
        says(post(f'{API}/containers/{key}/json', method='GET'), 200, target__type='container',
             target__id=id_, target__name='facts-target', target__image=IMAGE)
    says(post(API + '/containers/facts-none/json', method='GET'), 404, target__id=None,
         target__type='container', target__name='facts-none')
    # A name that is the beginning of another's id goes first, and so does a full id before that.
    other = post(f'{API}/containers/create?name={id_[:12]}', config())[2]['Id']
    says(post(f'{API}/containers/{id_[:12]}/json', method='GET'), 200, target__id=other,
         target__name=id_[:12])
    says(post(f'{API}/containers/{id_[:13]}/json', method='GET'), 200, target__id=id_)
    third = post(f'{API}/containers/create?name={id_}', config())[2]['Id']
    says(post(f'{API}/containers/{id_}/json', method='GET'), 200, target__id=id_)
    remove(other, third, id_)
    says(post(f'{API}/containers/{id_[:13]}/json', method='GET'), 404, target__id=None)


def create_and_see(name):
    """A container whose create is recorded by then: what comes right behind it may come before its answer is read."""
    id_ = create(name)
    AGENT.wait(event__action='api-request', callerd__target__id=id_)
    return id_


@test
def renamed_and_made_anew():
    remove('facts-second')
    id_ = create_and_see('facts-first')
    says(post(API + '/containers/facts-first/rename?name=facts-second'), 204, target__id=id_,
         target__name=lambda got: got in ('facts-first', 'facts-second'))
    says(post(API + '/containers/facts-second/json', method='GET'), 200, target__id=id_,
         target__name='facts-second')
    says(post(f'{API}/containers/{id_}/json', method='GET'), 200, target__name='facts-second')
    says(post(API + '/containers/facts-first/json', method='GET'), 404, target__id=None)
    other = create_and_see('facts-first')
    says(post(API + '/containers/facts-first/json', method='GET'), 200, target__id=other)
    # A rename that is refused changes nothing.
    says(post(API + '/containers/facts-first/rename?name=facts-second'), 409, target__id=other)
    says(post(API + '/containers/facts-second/json', method='GET'), 200, target__id=id_)
    says(post(API + '/containers/facts-first?force=1', method='DELETE'), 204, target__id=other,
         target__name='facts-first')
    third = create_and_see('facts-first')
    says(post(API + '/containers/facts-first/json', method='GET'), 200, target__id=third)
    remove(id_, third)


@test
def by_a_name_that_the_daemon_made():
    call = post(API + '/containers/create', config())
    name = get(f'/containers/{call[2]["Id"]}/json')['Name'].strip('/')
    says(call, 201, target__id=call[2]['Id'])
    says(post(f'{API}/containers/{name}/start'), 204, target__id=call[2]['Id'], target__name=name)
    remove(call[2]['Id'])


@test
def exec_targets():
    id_ = get(f'/containers/{PREEXISTING}/json')['Id']
    call = post(f'{API}/containers/{PREEXISTING}/exec', {'Cmd': ['true']})
    says(call, 201, target__id=lambda got: got in (id_, call[2]['Id']))
    wanted = {'target__type': 'exec', 'target__id': call[2]['Id'], 'target__container__id': id_,
              'target__container__name': PREEXISTING}
    says(post(f'{API}/exec/{call[2]["Id"]}/start', {'Detach': True}), 200, **wanted)
    says(post(f'{API}/exec/{call[2]["Id"]}/json', method='GET'), 200, **wanted)
    record = records_of(AGENT, lambda: docker('exec', PREEXISTING, 'true'), 'ExecStart')[0]
    compare('docker exec', record['callerd'], {'target.type': 'exec', 'target.container.id': id_,
                                               'target.container.name': PREEXISTING})


# --- the container of the caller -------------------------------------------------------------------


@test
def caller_in_a_container():
    docker('run', '--rm', '--name', 'facts-caller', '--network', 'none', '-v', SOCKET + ':/s.sock', IMAGE,
           'unixhttp', '/s.sock', 'GET', '/containers/json?facts-caller')
    record = record_of(AGENT, '/containers/json?facts-caller')
    compare('caller', record, {
        'container.id': lambda got: re.fullmatch('[0-9a-f]{64}', got or ''),
        'container.name': 'facts-caller', 'container.image.name': IMAGE})


@test
def caller_in_a_container_from_before():
    create('facts-old', start=True, Binds=[SOCKET + ':/s.sock'])
    with Callerd() as agent:
        deadline = time.monotonic() + PATIENCE
        number = 0
        while time.monotonic() < deadline:
            number += 1
            target = f'/_ping?facts-old={number}'
            docker('exec', 'facts-old', 'unixhttp', '/s.sock', 'GET', target)
            record = record_of(agent, target)
            if field(record, 'container.name'):
                break
        compare('caller', record, {'container.name': 'facts-old', 'container.image.name': IMAGE,
                                   'container.id': get('/containers/facts-old/json')['Id']})
    remove('facts-old')


@test
def caller_on_the_host():
    says(post(API + '/info', method='GET'))
    record = record_of(AGENT, post(API + '/info', method='GET')[0])
    equal(record.get('container'), None, 'container')


def main_with_agent():
    global AGENT
    shutil.rmtree(D, ignore_errors=True)
    os.makedirs(D)
    create(PREEXISTING, start=True, IpcMode='shareable')
    with Callerd() as AGENT:
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            target = post(f'{API}/containers/{PREEXISTING}/json', method='GET')[0]
            if field(record_of(AGENT, target), 'callerd.target.id'):
                break
        main()


main_with_agent()
