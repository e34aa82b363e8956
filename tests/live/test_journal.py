# SPDX-License-Identifier: Apache-2.0
"""The journal output, into a real journald of its own, against the JSON log of the same run."""
import select
import shutil

from live import *

D = DIR + '/journal'
JOURNALD = '/usr/lib/systemd/systemd-journald'
NAMESPACE = 'callerd-test'
MACHINE = '0123456789abcdef0123456789abcdef'
# What an entry has of ECS under the name of another field, in other words, or not at all: docs/formats.md.
RENAMED = {'@timestamp': 'CALLERD_TIMESTAMP'}
LEFT_OUT = {'related.hosts', 'ecs.version', 'event.kind', 'event.category', 'event.type', 'event.module', 'event.dataset', 'agent.type',
            'host.boot.id', 'process.args', 'process.args_count', 'process.parent.args', 'process.parent.args_count'}
OTHER_WORDS = {'callerd.ancestors', 'callerd.cause.findings', 'callerd.engines', 'callerd.findings', 'callerd.outputs', 'callerd.programs',
               'callerd.request.command', 'callerd.request.entrypoint'}


class Journald:
    """systemd-journald for a namespace of its own: its sockets and its files are below D, and it sees no others."""

    def __init__(self, name):
        if not os.path.exists(JOURNALD):
            raise Skip('systemd-journald is not installed')
        self.dir = f'{D}/{name}'
        self.socket = f'{self.dir}/run/systemd/journal.{NAMESPACE}/socket'
        self.logs = f'{self.dir}/run/log/journal/{MACHINE}.{NAMESPACE}'
        settings = f'{self.dir}/run/systemd/journald@{NAMESPACE}.conf.d'
        for path in (os.path.dirname(self.socket), settings, self.logs):
            os.makedirs(path)
        with open(settings + '/test.conf', 'w') as file:
            file.write('[Journal]\nStorage=volatile\nRateLimitBurst=0\n')
        with open(self.dir + '/machine-id', 'w') as file:
            file.write(MACHINE + '\n')
        self.process = None
        self.start()

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.stop()

    def start(self):
        script = ('mount --bind "$1/run" /run && mount --bind "$1/machine-id" /etc/machine-id && '
                  'exec "$2" "$3"')
        self.process = subprocess.Popen(
            ['unshare', '--mount', 'sh', '-c', script, 'sh', self.dir, JOURNALD, NAMESPACE],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env={**os.environ, 'SYSTEMD_LOG_TARGET': 'console'})
        deadline = time.monotonic() + PATIENCE
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as client:
            while True:
                try:
                    client.connect(self.socket)
                    return
                except OSError:
                    pass
                if self.process.poll() is not None or time.monotonic() > deadline:
                    self.process.kill()
                    raise AssertionError(f'journald does not start: {self.process.stdout.read().decode()}')
                time.sleep(0.02)

    def stop(self):
        """SIGTERM: what its socket holds is written first."""
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(PATIENCE)
        self.process.stdout.close()

    def entries(self, *matches):
        """As dictionaries of lists of values, which are bytes."""
        lines = run('journalctl', '--directory', self.logs, '--quiet', '--all',
                    '--output', 'json', '_TRANSPORT=journal', *matches)
        return [{name: values(value) for name, value in json.loads(line).items()} for line in lines.splitlines()]

    def wait(self, count, *matches):
        deadline = time.monotonic() + PATIENCE
        while True:
            found = self.entries(*matches)
            if len(found) >= count:
                return found
            if time.monotonic() > deadline:
                raise AssertionError(f'{len(found)} of {count} entries with {matches}')
            time.sleep(0.05)


def values(value):
    """journalctl has bytes that are no text as a list of numbers, and several values as a list."""
    if isinstance(value, list) and isinstance(value[0], int):
        return [bytes(value)]
    return [bytes(v) if isinstance(v, list) else v.encode() for v in (value if isinstance(value, list) else [value])]


def flatten(value, path='', out=None):
    """What the record says: pairs of a field's path and a text."""
    out = [] if out is None else out
    if path in LEFT_OUT or path in OTHER_WORDS:
        return out
    if isinstance(value, dict):
        for key, inner in value.items():
            flatten(inner, path + '.' + key if path else key, out)
    elif isinstance(value, list):
        for inner in value:
            flatten(inner, path, out)
    else:
        out.append((path, str(value).lower() if isinstance(value, bool) else str(value)))
    return out


def name_of(path):
    if path in RENAMED:
        return RENAMED[path]
    prefix = 'CALLERD_' if path.startswith('container.') else ''
    return prefix + ''.join(c.upper() if c.isalnum() else '_' for c in path)


def by_name(record):
    """journald keeps equal values of a field once, in an order of its own."""
    fields = {}
    for path, text in flatten(record):
        fields.setdefault(name_of(path), set()).add(text)
    return fields


def compare(entry, record):
    """The entry says what the record says, and no more; returns the names of the fields."""
    wanted = by_name(record)
    got = {name: {value.decode('utf-8', 'replace') for value in several} for name, several in entry.items()
           if not name.startswith('_')}
    for name, texts in wanted.items():
        equal(got.get(name), texts, name)
    other = set(got) - set(wanted)
    equal(other - {'PRIORITY', 'MESSAGE_ID', 'SYSLOG_IDENTIFIER', 'SYSLOG_FACILITY', 'CALLERD_ANCESTORS', 'CALLERD_FINDINGS',
                   'CALLERD_FINDINGS_ID', 'CALLERD_CAUSE_FINDINGS', 'CALLERD_CAUSE_FINDINGS_ID', 'CALLERD_ENGINES', 'CALLERD_OUTPUTS', 'CALLERD_OUTPUTS_NAME', 'CALLERD_OUTPUTS_SEAL_KEY',
                   'CALLERD_PROGRAMS', 'CALLERD_REQUEST_COMMAND', 'CALLERD_REQUEST_ENTRYPOINT'}, set(), 'fields that ECS does not have')
    of_cause = field(record, 'callerd.cause.findings', [])
    equal(got.get('CALLERD_CAUSE_FINDINGS_ID', set()), {f['id'] for f in of_cause}, 'findings of the cause')
    equal({f.split(' ')[0] for f in got.get('CALLERD_CAUSE_FINDINGS', set())}, {f['severity'] for f in of_cause},
          'their severities')
    findings = field(record, 'callerd.findings', [])
    equal(got.get('CALLERD_FINDINGS_ID', set()), {f['id'] for f in findings}, 'findings')
    equal(got.get('CALLERD_FINDINGS', set()),
          {f'{f["severity"]} {f["id"]}' + (f': {f["detail"]}' if 'detail' in f else '') for f in findings}, 'findings')
    equal({a.split(':')[0] for a in got.get('CALLERD_ANCESTORS', set())},
          {f'{number + 1} {a["pid"]} {a.get("executable") or a["name"]}'.split(':')[0]
           for number, a in enumerate(field(record, 'callerd.ancestors', []))}, 'ancestors')
    equal(got.get('CALLERD_OUTPUTS_NAME', set()), {o['name'] for o in field(record, 'callerd.outputs', [])}, 'outputs')
    equal(got.get('CALLERD_ENGINES', set()), {f'{e["state"]} {e["socket"]}' for e in field(record, 'callerd.engines', [])}, 'engines')
    equal({p.split(':')[0] for p in got.get('CALLERD_PROGRAMS', set())}, {p['name'] for p in field(record, 'callerd.programs', [])},
          'programs')
    equal(got['PRIORITY'], {str({0: 6, 20: 6, 40: 5, 60: 4, 80: 3, 100: 2}[record['event']['severity']])}, 'priority')
    return set(got)


def compare_all(entries, records, pid):
    """Each record is there once, and nothing else."""
    found = {entry['EVENT_ID'][0].decode(): entry for entry in entries}
    equal(len(entries), len(found), 'entries of one id')
    equal(set(found), {record['event']['id'] for record in records}, 'ids')
    names = set()
    for record in records:
        entry = found[record['event']['id']]
        names |= compare(entry, record)
        equal((entry['_PID'], entry['SYSLOG_IDENTIFIER']), ([str(pid).encode()], [b'callerd']), 'whose it is')
    return names


HOSTILE = 'a\nMESSAGE=forged\n\nPRIORITY=0\n_PID=1\x1b[31m\u202e|="'


@test
def field_by_field():
    """Of calls by people who would rather have written other entries."""
    with Journald('fields') as journald, Callerd('--output', 'journal:' + journald.socket) as agent:
        program = f'{D}/x\nMESSAGE=forged\n_PID=1\n'
        shutil.copy(CLIENTS + 'one_shot', program)
        run(program, SOCKET, cwd=D)
        docker('run', '--rm', '--network', 'none', '-v', '/:/host', '-v', '/etc:/a\nb=c', '-e', 'A=\nMESSAGE=forged',
               '--label', 'x=\n', '--cap-add', 'SYS_ADMIN', '--entrypoint', 'true', IMAGE, HOSTILE,
               b'\xff\nMESSAGE=forged'.decode('utf-8', 'surrogateescape'), check=False)
        request('GET', '/_ping?a=%0aMESSAGE=forged', headers=f'User-Agent: \x05\x01\r\n')
        run('setpriv', '--reuid', OUTSIDER, '--clear-groups', CLIENTS + 'one_shot', SOCKET, '--connect-only', check=False)
        agent.event('container/destroy')
        agent.settle()
        records = agent.stop()
        entries = journald.wait(len(records))
        names = compare_all(entries, records, agent.pid)
        for name in ('PROCESS_EXECUTABLE', 'CALLERD_FINDINGS', 'CALLERD_DOCKER_EVENT_ACTION', 'CALLERD_CAUSE_EVENT_ID',
                     'ERROR_CODE', 'CALLERD_STATUS_RECORDS', 'CALLERD_REQUEST_BINDS', 'CALLERD_REQUEST_ENTRYPOINT'):
            true(name in names, f'{name} was there to be compared')
        entry = journald.entries('CALLERD_FINDINGS_ID=host-root-mount', 'CALLERD_API_OPERATION=ContainerCreate')[0]
        explained(entry['MESSAGE_ID'][0].decode(), entry['RULE_ID'][0].decode())
        equal(len(journald.entries('CALLERD_FINDINGS_ID=host-root-mount', 'CALLERD_API_OPERATION=ContainerCreate')), 1,
              'what is found by a finding')
        equal([e['PROCESS_EXECUTABLE'] for e in entries if any(b'\n' in v for v in e.get('PROCESS_EXECUTABLE', []))][:1],
              [[program.encode()]], 'an executable as it is')


def said(agent):
    """The next line that callerd says."""
    true(select.select([agent.process.stderr], [], [], PATIENCE)[0], 'it says something')
    return agent.process.stderr.readline().decode()


def explained(message, finding):
    """journalctl -x has it in the catalog that is installed."""
    place = D + '/catalog/usr/lib/systemd/catalog'
    os.makedirs(place, exist_ok=True)
    os.makedirs(D + '/catalog/var/lib/systemd/catalog', exist_ok=True)
    with open(place + '/callerd.catalog', 'w') as file:
        file.write(run(ROOT + '/build/callerctl', 'findings', '--as', 'catalog'))
    run('journalctl', '--root', D + '/catalog', '--update-catalog')
    text = run('journalctl', '--root', D + '/catalog', '--dump-catalog', message)
    for words in (f'callerd: {finding}', 'root directory', 'Defined-By: callerd'):
        true(words in text, f'{words} is not in {text}')


@test
def journald_starts_again():
    """What happens while there is none waits, and comes in its order."""
    with Journald('again') as journald, Callerd('--output', 'journal:' + journald.socket) as agent:
        docker('version')
        agent.settle()
        journald.stop()
        for i in range(50):
            request('GET', f'/_ping?gone={i}')
        agent.wait(url__original='/_ping?gone=49')
        true('cannot write journal:' in said(agent), 'it says so')
        journald.start()
        request('GET', '/_ping?back')
        journald.wait(1, 'URL_ORIGINAL=/_ping?back')
        records = agent.stop()
        entries = journald.wait(len(records))
        compare_all(entries, records, agent.pid)
        sequence = [int(entry['EVENT_SEQUENCE'][0]) for entry in entries]
        equal(sequence, sorted(sequence), 'order')


main()
