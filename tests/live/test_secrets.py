# SPDX-License-Identifier: Apache-2.0
"""A secret in every place that a call has for one: none gets into a record or line, or stays in memory."""
import base64
import io
import re
import secrets
import shutil
import tarfile

from live import *
from bodies import *

AGENT = None
D = DIR + '/secrets'
RUN = 'cq' + secrets.token_hex(6)  # how each secret of this run begins
PLACES = []  # names of the places; a secret says which it was made for
SH = ['docker', '-H', 'unix://' + SOCKET]


def secret(place):
    """A secret to be put in PLACE."""
    PLACES.append(place)
    return f'{RUN}x{len(PLACES) - 1:03}z'


def base64_of(text):
    return base64.urlsafe_b64encode(text.encode()).decode()


class Talkative(Callerd):
    """A callerd with all outputs that there are: JSON to a file, lines for people, messages."""

    def __init__(self):
        self.log = D + '/log.json'
        self.read = 0
        self.seen = []
        with open(D + '/stdout', 'wb') as out, open(D + '/stderr', 'wb') as error:
            self.process = subprocess.Popen(
                [CALLERD, '--output', 'file:' + self.log, '--output', 'stdout', '--human', '--log-level',
                 'info', '--mask-name', 'house-word', '--mask-pattern', 'acme-([0-9a-z]{8,})', '--backend', BACKEND, '--socket', SOCKET, '--state', D + '/state.db',
                 '--pin', 'none'], stdin=subprocess.DEVNULL,
                stdout=out, stderr=error)
        self.process.stderr = open(D + '/stderr', 'rb')  # pylint: disable=consider-using-with
        self.pid = self.process.pid
        self.wait(event__action='agent-started')


# --- looking for them ------------------------------------------------------------------------------


def forms():
    """{what: bytes}: the beginning of all secrets in each form that it may be found in."""
    found = {
        'raw': RUN,
        'hex': RUN.encode().hex(),
        'percent': ''.join(f'%{byte:02x}' for byte in RUN.encode()),
        'Percent': ''.join(f'%{byte:02X}' for byte in RUN.encode()),
        'escaped': ''.join(f'\\u{byte:04x}' for byte in RUN.encode()),
        'Escaped': ''.join(f'\\u{byte:04X}' for byte in RUN.encode()),
        'wide': RUN.encode('utf-16-le').decode(),
    }
    for shift, lost in enumerate((0, 2, 3)):
        text = base64.b64encode(b'\0' * shift + RUN.encode()).decode().rstrip('=')
        text = text[lost:-1]  # the last one depends on what follows
        found[f'base64+{shift}'] = text
        found[f'base64url+{shift}'] = text.replace('+', '-').replace('/', '_')
    return {what: text.encode() for what, text in found.items()}


def places(data):
    """Where in DATA a secret is: 'place as form: what is around it'."""
    found = []
    for form, text in forms().items():
        at = data.find(text)
        while at >= 0:
            number = re.match(rb'x(\d{3})z', data[at + len(text):at + len(text) + 5])
            place = PLACES[int(number[1])] if form == 'raw' and number else '?'
            around = data[max(0, at - 60):at + 60]
            found.append(f'{place} as {form}: {around!r}')
            at = data.find(text, at + 1)
    return found


# --- putting them there ----------------------------------------------------------------------------


def tar(**files):
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode='w') as archive:
        for name, text in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text))
    return data.getvalue()


def raw_create(place, body):
    """A create with BODY, in which SECRET stands for a secret; bytes stay as they are."""
    value = secret('create: ' + place)
    if isinstance(body, dict):
        body = json.dumps({'Image': IMAGE, **body}).encode()
    answer = post(API + '/containers/create', body.replace(b'SECRET', value.encode()))
    if answer[1] == 201:
        remove(answer[2]['Id'])


def raw_creates():
    image = b'{"Image":"%s",' % IMAGE.encode()
    escaped = ''.join(f'\\u{ord(c):04x}' for c in secret('create: escaped Env'))
    for place, body in (
            ('Env', {'Env': ['A=SECRET', 'DB_PASSWORD=SECRET', 'B=a=SECRET', 'C=x SECRET']}),
            ('env', {'env': ['A=SECRET'], 'ENV': ['B=SECRET']}),
            ('escaped Env', image + b'"\\u0045nv":["A\\u003d' + escaped.encode() + b'"]}'),
            ('Env as a string', {'Env': 'A=SECRET'}),
            ('Env of nested values', {'Env': [['A=SECRET'], {'A': 'SECRET'}]}),
            ('Env in a body of wrong types', {'Env': ['A=SECRET'], 'User': 5}),
            ('Env in a body cut short', image + b'"Env":["A=SECRET"'),
            ('Env in a body that is none', b'"Env":["A=SECRET"'),
            ('Env beyond the budget', image + b' ' * (5 << 20) + b'"Env":["A=SECRET"]}'),
            ('Env behind the value', image[:-1] + b'} {"Env":["A=SECRET"]}'),
            ('Env in an unknown key', {'x': {'Env': ['A=SECRET']}, 'password': 'SECRET'}),
            ('labels', {'Labels': {'password': 'SECRET', 'api-token': 'SECRET'}}),
            ('health check', {'Healthcheck': {'Test': ['CMD', 'x', '--password=SECRET']}}),
            ('log options', {'HostConfig': {'LogConfig': {'Type': 'splunk', 'Config': {
                'splunk-token': 'SECRET', 'splunk-url': 'https://u:SECRET@h'}}}}),
            ('command --password=', {'Cmd': ['x', '--password=SECRET', '--token', 'SECRET']}),
            ('command -p', {'Cmd': ['mysql', '-u', 'root', '-pSECRET']}),
            ('command of a shell', {'Cmd': ['sh', '-c', 'x --password=SECRET; curl -u u:SECRET h']}),
            ('command as one string', {'Cmd': 'x --password=SECRET'}),
            ('entrypoint', {'Entrypoint': ['env', 'DB_PASSWORD=SECRET', 'x']}),
            ('URL in a command', {'Cmd': ['git', 'clone', 'https://u:SECRET@host/x']}),
            ('mount options', {'HostConfig': {'Mounts': [{
                'Type': 'volume', 'Source': 'secrets-m', 'Target': '/v', 'VolumeOptions': {
                    'Labels': {'password': 'SECRET'}, 'DriverConfig': {'Options': {
                        'type': 'cifs', 'device': '//h/s', 'o': 'username=x,password=SECRET'}}}}]}}),
            ('device request options', {'HostConfig': {'DeviceRequests': [{
                'Driver': 'x', 'Capabilities': [['gpu']], 'Options': {'password': 'SECRET'}}]}}),
            ('storage options', {'HostConfig': {'StorageOpt': {'password': 'SECRET'}}}),
            ('annotations', {'HostConfig': {'Annotations': {'password': 'SECRET'}}}),
            ('endpoint options', {'NetworkingConfig': {'EndpointsConfig': {'none': {
                'DriverOpts': {'password': 'SECRET'}}}}}),
            ('top-level', {'LogConfig': {'Config': {'splunk-token': 'SECRET'}}, 'Env': ['A=SECRET']})):
        raw_create(place, body)
    request('DELETE', API + '/volumes/secrets-m')


def raw_calls():
    """[place, method, target, body, headers], with SECRET, BASE64 and %PERCENT for a secret's forms."""
    auth = 'BASE64:{"username":"u","password":"SECRET"}'
    one = '/plugins/secrets/p:1'
    return [
        ('auth of pull', 'POST', '/images/create?fromImage=127.0.0.1:1/x&tag=1', None,
         f'X-Registry-Auth: {auth}\r\n'),
        ('auth in any case', 'POST', '/images/create?fromImage=127.0.0.1:1/x&tag=1', None,
         f'x-rEGISTRY-aUTH:{auth}\r\n'),
        ('auth of push', 'POST', f'/images/{IMAGE}/push', None, f'X-Registry-Auth: {auth}\r\n'),
        ('auth of plugin pull', 'POST', '/plugins/pull?remote=127.0.0.1:1/p', [],
         f'X-Registry-Auth: {auth}\r\n'),
        ('auth of distribution', 'GET', '/distribution/127.0.0.1:1/x/json', None,
         f'X-Registry-Auth: {auth}\r\n'),
        ('registry config', 'POST', '/build?remote=http://127.0.0.1:1/x', None,
         'X-Registry-Config: BASE64:{"127.0.0.1:1":{"password":"SECRET"}}\r\n'),
        ('Authorization', 'GET', '/info', None, 'Authorization: Bearer SECRET\r\n'),
        ('basic Authorization', 'GET', '/info', None, 'Authorization: Basic BASE64:u:SECRET\r\n'),
        ('Proxy-Authorization', 'GET', '/info', None, 'Proxy-Authorization: Basic SECRET\r\n'),
        ('Cookie', 'GET', '/info', None, 'Cookie: session=SECRET\r\n'),
        ('auth', 'POST', '/auth', {'username': 'u', 'password': 'SECRET', 'identitytoken': 'SECRET',
                                   'auth': 'SECRET', 'serveraddress': 'http://127.0.0.1:1'}, ''),
        ('secret', 'POST', '/secrets/create', {'Name': 'secrets-s', 'Data': 'BASE64:SECRET'}, ''),
        ('config', 'POST', '/configs/create', {'Name': 'secrets-c', 'Data': 'BASE64:SECRET'}, ''),
        ('config by an answer', 'GET', '/configs/secrets-c', None, ''),
        ('configs by an answer', 'GET', '/configs', None, ''),
        ('service', 'POST', '/services/create', {
            'Name': 'secrets-s', 'Labels': {'password': 'SECRET'}, 'TaskTemplate': {'ContainerSpec': {
                'Image': IMAGE, 'Env': ['A=SECRET'], 'Command': ['x', '--password=SECRET'],
                'Labels': {'token': 'SECRET'}}}, 'Mode': {'Replicated': {'Replicas': 0}}},
         f'X-Registry-Auth: {auth}\r\n'),
        ('service by an answer', 'GET', '/services/secrets-s', None, ''),
        ('join token', 'POST', '/swarm/join', {'JoinToken': 'SWMTKN-1-SECRET-SECRET',
                                               'RemoteAddrs': ['127.0.0.1:1']}, ''),
        ('unlock key', 'POST', '/swarm/unlock', {'UnlockKey': 'SWMKEY-1-SECRET'}, ''),
        ('signing key', 'POST', '/swarm/update?version=1', {
            'Name': 'default', 'CAConfig': {'SigningCAKey': 'SECRET', 'SigningCACert': 'SECRET'}}, ''),
        ('build arguments', 'POST', '/build?remote=http://127.0.0.1:1/x&buildargs='
         '%7B%22A%22%3A%22SECRET%22%7D&labels=%7B%22token%22%3A%22SECRET%22%7D', None, ''),
        ('build arguments, spelled', 'POST', '/build?remote=http://127.0.0.1:1/x&%62uild%61rgs='
         '%7B%22A%22%3A%22PERCENT%22%7D', None, ''),
        ('build arguments, unversioned twice', 'POST', '/build?buildargs={"A":"SECRET"}&remote='
         'http://127.0.0.1:1/x&buildargs={"B":"SECRET"}'.replace('"', '%22'), None, ''),
        ('remote', 'POST', '/build?remote=http://u:SECRET@127.0.0.1:1/x', None, ''),
        ('remote, encoded', 'POST', '/build?remote=http%3A%2F%2Fu%3ASECRET%40127.0.0.1%3A1%2Fx.git',
         None, ''),
        ('import from', 'POST', '/images/create?fromSrc=http://u:SECRET@127.0.0.1:1/x', None, ''),
        ('changes of a commit', 'POST', '/commit?container=none&changes=ENV%20A%3DSECRET&'
         'changes=ENV+DB_PASSWORD+SECRET', {'Env': ['A=SECRET']}, ''),
        ('changes of an import', 'POST', '/images/create?fromSrc=-&changes=ENV%20A=SECRET', None, ''),
        ('query', 'GET', '/info?password=SECRET&token=SECRET&X-Registry-Auth=BASE64:SECRET', None, ''),
        ('plugin set', 'POST', one + '/set', ['TOKEN=SECRET', 'DEBUG=SECRET'], ''),
        ('volume options', 'POST', '/volumes/create', {
            'Name': 'secrets-v', 'Labels': {'password': 'SECRET'}, 'DriverOpts': {
                'type': 'cifs', 'device': '//h/s', 'o': 'username=x,password=SECRET,ro'}}, ''),
        ('volume by an answer', 'GET', '/volumes/secrets-v', None, ''),
        ('options that are refused', 'POST', '/volumes/create', {
            'Name': 'secrets-d', 'Driver': 'local', 'DriverOpts': {
                'password': 'SECRET', 'url': 'https://u:SECRET@h/'}}, ''),
        ('network options', 'POST', '/networks/create', {
            'Name': 'secrets-n', 'Driver': 'null', 'Options': {'password': 'SECRET'},
            'IPAM': {'Options': {'token': 'SECRET'}}}, ''),
        ('exec', 'POST', '/containers/secrets-target/exec', {
            'Cmd': ['x', '--password=SECRET'], 'Env': ['A=SECRET']}, ''),
        ('inspect by an answer', 'GET', '/containers/secrets-target/json', None, ''),
        ('error of the daemon', 'POST', '/containers/create', {
            'Image': 'http://u:SECRET@h/x', 'Env': ['A=SECRET']}, ''),
        # Where the name of an image stands, and is none.
        ('image of a pull', 'POST', '/images/create?fromImage=u:SECRET@h/x', None, ''),
        ('image of a pull, a URL', 'POST', '/images/create?fromImage=https://u:SECRET@h/x&tag=1', None, ''),
        ('image of a pull, encoded', 'POST', '/images/create?fromImage=https%3A%2F%2Fu%3ASECRET%40h%2Fx', None, ''),
        ('image of a pull, spelled', 'POST', '/images/create?from%49mage=u:PERCENT@h/x', None, ''),
        ('image of a pull, digest', 'POST', f'/images/create?fromImage=u:SECRET@h/x@sha256:{"0" * 64}', None, ''),
        ('image of a create', 'POST', '/containers/create', {'Image': 'u:SECRET@h/x'}, ''),
        ('image of a create, a URL', 'POST', '/containers/create', {'Image': 'https://u:SECRET@h/x'}, ''),
        ('image of a create, a token', 'POST', '/containers/create', {'Image': 'https://SECRET@h/x'}, ''),
        ('image of a service', 'POST', '/services/create', {'Name': 'secrets-i', 'TaskTemplate': {
            'ContainerSpec': {'Image': 'u:SECRET@h/x'}}, 'Mode': {'Replicated': {'Replicas': 0}}}, ''),
        ('image of a build', 'POST', '/build?remote=http://127.0.0.1:1/x&t=u:SECRET@h/x', None, ''),
        ('tag', 'POST', f'/images/{IMAGE}/tag?repo=u:SECRET@h/x&tag=1', None, ''),
        ('image in a path', 'GET', '/images/u:SECRET@h/x/json', None, ''),
        ('image in a path, a URL', 'DELETE', '/images/https%3A%2F%2Fu%3ASECRET%40h%2Fx', None, ''),
        ('plugin', 'POST', '/plugins/pull?remote=u:SECRET@h/p&name=u:SECRET@h/q', [], ''),
        ('container in a path', 'GET', '/containers/https:%2F%2Fu:SECRET@h/json', None, ''),
        ('exec id', 'GET', '/exec/token=SECRET/json', None, ''),
        ('name of a network', 'POST', '/networks/create', {'Name': 'x token=SECRET', 'Driver': 'null'}, ''),
        ('names of devices', 'POST', '/containers/create', {'Image': IMAGE, 'HostConfig': {'Devices': [
            {'PathOnHost': '/dev/password=SECRET', 'PathInContainer': 'https://u:SECRET@h'}],
            'Tmpfs': {'/password=SECRET': ''}}}, ''),
        # Headers that are told.
        ('User-Agent', 'GET', '/info', None, 'User-Agent: x/1 token=SECRET\r\n'),
        ('User-Agent, a URL', 'GET', '/info', None, 'User-Agent: x/1 (+https://u:SECRET@h/)\r\n'),
        ('User-Agent, Bearer', 'GET', '/info', None, 'User-Agent: Authorization: Bearer SECRET\r\n'),
        ('User-Agent, a bare token', 'GET', '/info', None, 'User-Agent: x/1 (glpat-SECRETabcdefgh)\r\n'),
        ('User-Agent, a scheme', 'GET', '/info', None, 'User-Agent: x Bearer SECRET\r\n'),
        ('User-Agent, a pattern of the site', 'GET', '/info', None, 'User-Agent: acme-SECRET\r\n'),
        ('query, a pattern of the site', 'POST', '/commit?container=none&comment=acme-SECRET', None, ''),
        ('query, a name of the site', 'GET', '/info?my-House-Word=SECRET', None, ''),
        ('User-Agent, an option', 'GET', '/info', None, 'User-Agent: curl --password SECRET\r\n'),
        ('Content-Type', 'POST', '/_ping', None, 'Content-Type: x/password=SECRET;token=SECRET\r\n'),
        ('error in JSON', 'POST', '/containers/create', {'Image': IMAGE, 'Env': {'SECRET': 'SECRET'}}, ''),
    ]


def insert(text, value):
    """SECRET, PERCENT and BASE64:… in TEXT, with VALUE."""
    text = text.replace('SECRET', value)
    text = text.replace('PERCENT', ''.join(f'%{byte:02x}' for byte in value.encode()))
    # To the end of a header, a string of JSON or a query's value.
    return re.sub(r'BASE64:(\{.*?\}+|[^"\r&]*)', lambda match: base64_of(match[1]), text)


def do_raw_calls():
    for place, method, target, body, headers in raw_calls():
        value = secret(place)
        data = None if body is None else insert(json.dumps(body), value).encode()
        post(insert(API + target, value), data, insert(headers, value), method)
    request('DELETE', API + '/volumes/secrets-v')


def odd_requests():
    for place, text in (
            ('userinfo of the target', 'GET http://u:SECRET@docker/_ping HTTP/1.1\r\nHost: x\r\n\r\n'),
            ('Authorization of a head that is none',
             'GET /_ping HTTP/1.1\r\nHost: x\r\nAuthorization: SECRET\r\nno colon SECRET\r\n\r\n'),
            ('folded header', 'GET /_ping HTTP/1.1\r\nHost: x\r\nAuthorization: Basic\r\n SECRET\r\n\r\n'),
            ('trailer', 'POST /_ping HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n'
             '0\r\nAuthorization: SECRET\r\n\r\n'),
            ('chunk extension', 'POST /_ping HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n'
             '1;token=SECRET\r\nx\r\n0\r\n\r\n'),
            ('body without a handler', 'POST /nowhere HTTP/1.1\r\nHost: x\r\nContent-Length: 19\r\n\r\n'
             'SECRET'),
            ('form', 'POST /_ping HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\n'
             'Content-Length: 28\r\n\r\npassword=SECRET')):
        value = secret(place)
        data = text.replace('SECRET', value)
        with connect() as client:
            client.sendall(data.encode())
            try:
                client.recv(65536)
            except OSError:
                pass


def command_line():
    """[place, arguments of docker]."""
    image, create_ = IMAGE, ['create', '--name', 'secrets-cli', '--network', 'none']
    return [
        ('-e', [*create_, '-e', 'A=SECRET', '--env', 'B=SECRET', '--env=C=SECRET', '-eD=SECRET', image]),
        ('--env-file', [*create_, '--env-file', D + '/env', image]),
        ('--label', [*create_, '--label', 'password=SECRET', '-l', 'api_token=SECRET', image]),
        ('--log-opt', [*create_, '--log-driver', 'splunk', '--log-opt', 'splunk-token=SECRET', image]),
        ('--mount of cifs', [*create_, '--mount', 'type=volume,source=secrets-x,target=/x,volume-driver='
                             'local,volume-opt=type=cifs,"volume-opt=o=username=x,password=SECRET"', image]),
        ('command', [*create_, image, 'x', '--password=SECRET', '--token', 'SECRET']),
        ('shell command', [*create_, image, 'sh', '-c', 'mysql -pSECRET; PASSWORD=SECRET x']),
        ('exec -e', ['exec', '-e', 'A=SECRET', 'secrets-target', 'true']),
        ('login -p', ['login', '-u', 'u', '-p', 'SECRET', '127.0.0.1:1']),
        ('login --password=', ['login', '-u', 'u', '--password=SECRET', '127.0.0.1:1']),
        ('volume -o', ['volume', 'create', '-o', 'type=cifs', '-o', 'o=username=x,password=SECRET',
                       '-o', 'device=//h/s', 'secrets-o']),
        ('build --build-arg', ['build', '--build-arg', 'A=SECRET', '--build-arg=B=SECRET', D + '/build']),
        ('commit -c', ['commit', '-c', 'ENV A=SECRET', 'secrets-target', 'secrets:1']),
        ('import -c', ['import', '-c', 'ENV A SECRET', D + '/tar', 'secrets:2']),
        ('swarm join', ['swarm', 'join', '--token', 'SWMTKN-1-SECRET-SECRET', '127.0.0.1:1']),
        ('service -e', ['service', 'create', '-d', '--replicas', '0', '--name', 'secrets-e', '--env',
                        'A=SECRET', image]),
        ('service update', ['service', 'update', '-d', '--env-add', 'B=SECRET', 'secrets-e']),
        ('plugin set', ['plugin', 'set', 'secrets/none', 'TOKEN=SECRET']),
        ('build of a URL', ['build', 'http://u:SECRET@127.0.0.1:1/x.tar']),
        ('pull', ['pull', '127.0.0.1:1/x']),
        ('secret', ['secret', 'create', 'secrets-f', D + '/env']),
        ('config', ['config', 'create', 'secrets-f', D + '/env']),
    ]


def do_command_line():
    environment = {**os.environ, 'DOCKER_CONFIG': D + '/cli', 'DOCKER_BUILDKIT': '0'}
    os.makedirs(D + '/build')
    os.makedirs(D + '/cli')
    with open(D + '/tar', 'wb') as file:
        file.write(tar(x=secret('imported file').encode()))
    with open(D + '/build/Dockerfile', 'w') as file:
        file.write(f'FROM {IMAGE}\nARG A\nENV X={secret("Dockerfile")}\n')
    for place, args in command_line():
        value = secret('docker: ' + place)
        with open(D + '/env', 'w') as file:
            file.write(f'A={value}\n')
        with open(D + '/cli/config.json', 'w') as file:
            json.dump({'auths': {'127.0.0.1:1': {'auth': base64_of('u:' + value)}}}, file)
        run(*SH, *(part.replace('SECRET', value) for part in args), check=False, env=environment)
        if '--name' in args:
            remove('secrets-cli')
    for name in 'secrets-o', 'secrets-x':
        request('DELETE', f'{API}/volumes/{name}')
    for name in 'secrets:1', 'secrets:2':
        request('DELETE', f'{API}/images/{name}')


def other_clients():
    curl = ['curl', '-s', '-o', '/dev/null', '--unix-socket', SOCKET]
    for place, args in (
            ('curl -H', [*curl, '-H', 'Authorization: Bearer SECRET', 'http://docker/info']),
            ('curl -HX', [*curl, '-HX-Registry-Auth: SECRET', 'http://docker/info']),
            ('curl -u', [*curl, '-u', 'u:SECRET', 'http://docker/info']),
            ('curl of a URL', [*curl, 'http://u:SECRET@docker/info']),
            ('curl of a query', [*curl, 'http://docker/build?buildargs={"A":"SECRET"}', '-g', '-XPOST']),
            ('curl -d', [*curl, '-H', 'Content-Type: application/json', '-d',
                         f'{{"Image":"{IMAGE}","Env":["A=SECRET"]}}',
                         'http://docker/containers/create?name=secrets-curl']),
            ('curl -d of auth', [*curl, '-H', 'Content-Type: application/json', '-d',
                                 '{"username":"u","password":"SECRET"}', 'http://docker/auth']),
            ('curl -d of commands', [*curl, '-H', 'Content-Type: application/json', '-d',
                                     f'{{"Image":"{IMAGE}","Cmd":["x","--pass","SECRET"],"Healthcheck":'
                                     '{"Test":["CMD","x","SECRET"]},"\\u0045nv":["A=SECRET"]}',
                                     'http://docker/containers/create?name=secrets-curl']),
            ('curl -d of settings', [*curl, '-H', 'Content-Type: application/json', '-d', '["KEY=SECRET"]',
                                     'http://docker/plugins/none/set']),
            ('plugin set', [*SH, 'plugin', 'set', 'none', 'KEY=SECRET']),
            ('podman --creds', ['podman', '--remote', '--url', 'unix://' + SOCKET, 'pull', '--creds', 'u:SECRET',
                                '127.0.0.1:1/x']),
            ('skopeo', ['sh', '-c', f'{" ".join(curl)} http://docker/info; true', 'skopeo', 'copy', '--src-creds',
                        'u:SECRET', '--dest-creds=u:SECRET', 'docker://a', 'docker://b']),
            ('tokens by their form', ['sh', '-c', f'{" ".join(curl)} http://docker/info; true', 'x',
                                      'glrt-SECRETabcdefgh', 'hvs.SECRETabcdefgh', 'AKIASECRET0123456789',
                                      'DefaultEndpointsProtocol=https;AccountKey=SECRET==', 'https://h/?sv=1&sig=SECRET']),
            ('a pattern of the site', [*SH, 'inspect', 'acme-SECRET']),
            ('a token in a path', [*SH, 'inspect', 'ghp_SECRETabcdefgh']),
            ('a shell', ['sh', '-c', f'PASSWORD=SECRET curl -s -u u:SECRET --unix-socket {SOCKET} '
                         'http://docker/info >/dev/null; true']),
            ('an ancestor', ['sh', '-c', f'curl -s --unix-socket {SOCKET} http://docker/info >/dev/null; '
                             'true', 'x', '--password=SECRET', '--token', 'SECRET'])):
        value = secret(place)
        run(*(part.replace('SECRET', value) for part in args), check=False)
    remove('secrets-curl')
    # In a container, and its payload.
    value = secret('argv within a container')
    run(*SH, 'exec', 'secrets-target', 'unixhttp', '/s.sock', 'POST', '/containers/create',
        f'{{"Image":"none","Env":["A={value}"]}}', check=False)
    # A stream in both directions.
    value = secret('stream')
    subprocess.run([*SH, 'exec', '-i', 'secrets-target', 'cat'], input=value.encode(), check=True,
                   stdout=subprocess.DEVNULL, timeout=PATIENCE)
    value = secret('password on stdin')
    subprocess.run([*SH, 'login', '-u', 'u', '--password-stdin', '127.0.0.1:1'], input=value.encode(),
                   check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=PATIENCE)
    value = secret('archive')
    post(API + '/containers/secrets-target/archive?path=/tmp', tar(x=value.encode()), method='PUT',
         media='application/x-tar')
    post(API + '/containers/secrets-target/archive?path=/tmp/x', method='GET')
    post(API + '/images/load', tar(x=secret('load').encode()), media='application/x-tar')
    post(API + '/build', tar(Dockerfile=f'FROM {IMAGE}\nENV A={secret("build context")}\n'.encode()),
         media='application/x-tar')


def python_client():
    try:
        import docker as library  # pylint: disable=import-outside-toplevel
    except ImportError:
        return
    client = library.DockerClient(base_url='unix://' + SOCKET, version='1.41')
    client.containers.create(IMAGE, ['x', '--password=' + secret('python: command')], name='secrets-python',
                             environment={'A': secret('python: environment')}, network_mode='none')
    remove('secrets-python')
    for call in (lambda: client.login('u', secret('python: login'), registry='http://127.0.0.1:1'),
                 lambda: client.images.pull('127.0.0.1:1/x', auth_config={
                     'username': 'u', 'password': secret('python: auth_config')}),
                 lambda: client.secrets.create(name='secrets-p', data=secret('python: secret').encode())):
        try:
            call()
        except library.errors.APIError:
            pass


def make_calls():
    target = secret('environment of a container')
    create('secrets-target', start=True, top={'Env': [f'A={target}']}, Binds=[SOCKET + ':/s.sock'])
    with swarm():
        raw_creates()
        do_raw_calls()
        odd_requests()
        do_command_line()
        other_clients()
        python_client()
        AGENT.settle()
        for name in 'secrets-s', 'secrets-e':
            request('DELETE', f'{API}/services/{name}')
    remove('secrets-target')


# --- the tests -------------------------------------------------------------------------------------


@test
def the_search_finds_them():
    """In each form, so that nothing found means that nothing is there."""
    place = PLACES[0]
    value = f'{RUN}x000z'
    for form in (value, 'u:' + value, 'xu:' + value):
        for text in (form.encode(), base64.b64encode(form.encode()), base64_of(form).encode(),
                     form.encode().hex().encode(), json.dumps(form).encode(),
                     ''.join(f'%{byte:02X}' for byte in form.encode()).encode(),
                     ''.join(f'\\u{byte:04x}' for byte in form.encode()).encode()):
            true(places(b'before ' + text + b' after'), f'{text} is found')
    true(places(value.encode())[0].startswith(place + ' as raw'), 'place')
    with open(__file__, 'rb') as file:
        equal(places(file.read()), [], 'none where there is none')


@test
def outputs():
    AGENT.settle()
    found = []
    for name in 'log.json', 'stdout', 'stderr', 'state.db', 'state.db-wal':
        with open(f'{D}/{name}', 'rb') as file:
            data = file.read()
        true(data or name == 'stderr', f'{name} is empty')
        found += [f'{name}: {place}' for place in places(data)]
    if found:
        raise AssertionError(f'{len(found)} in {len({f.split(" as ")[0] for f in found})} places: '
                             + ' ;; '.join(found))


@test
def names_are_kept():
    """What is masked is said to have been there."""
    creates = AGENT.records(callerd__api__operation='ContainerCreate')
    true(any(field(r, 'callerd.request.environment') == ['A', 'DB_PASSWORD', 'B', 'C']
             for r in creates), 'names of the environment')
    text = json.dumps([r.get('url') for r in AGENT.records(event__action='api-request')])
    for word in 'buildargs=***', 'password=***', 'token=***':
        true(word in text, word)
    text = json.dumps([r['callerd'].get('request') for r in AGENT.records(event__action='api-request')])
    for word in 'username=x,password=***', '--password=***':
        true(word in text, word)
    lines = [r['process']['command_line'] for r in AGENT.records(event__action='api-request')
             if 'command_line' in r.get('process', {})]
    for word in '-e A=***', '--build-arg A=***', 'Authorization: ***', '-p ***':
        true(any(word in line for line in lines), word)


@test
def all_calls_are_there():
    """Each of them made a record: no secret is kept by leaving out its call."""
    operations = {field(r, 'callerd.api.operation') for r in AGENT.records(event__action='api-request')}
    missing = {'ContainerCreate', 'ContainerExec', 'ExecStart', 'SystemAuth', 'SecretCreate',
               'ConfigCreate', 'ServiceCreate', 'SwarmJoin', 'SwarmUnlock', 'SwarmUpdate', 'ImageBuild',
               'ImageCreate', 'ImagePush', 'ImageCommit', 'PluginSet', 'PluginPull', 'VolumeCreate',
               'NetworkCreate', 'PutContainerArchive', 'ImageLoad'} - operations
    equal(missing, set(), 'operations without a record')
    true(len(AGENT.records(event__action='api-request')) > 100, 'records')


@test
def memory():
    """What was read is not kept: looked for in all that the agent can write to, once it has settled."""
    for i in range(scaled(100, 30, 300)):
        request('GET', f'/_ping?secrets={i}')
    AGENT.settle()
    found = []
    size = 0
    for what, data in AGENT.memory():
        size += len(data)
        found += [f'{what}: {place}' for place in places(data)]
    true(size > 1 << 16, f'{size} bytes looked at')
    if found:
        raise AssertionError(f'{len(found)} in {size >> 10} KiB: ' + ' ;; '.join(found))


def main_with_agent():
    global AGENT
    shutil.rmtree(D, ignore_errors=True)
    os.makedirs(D)
    with Talkative() as AGENT:
        make_calls()
        main()


main_with_agent()
