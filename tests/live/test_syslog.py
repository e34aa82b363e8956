# SPDX-License-Identifier: Apache-2.0
"""Records by syslog, as the real rsyslog and syslog-ng get them, against callerd's own JSON log of the same run."""
import contextlib
import signal

from live import *
from receivers import CERTIFICATES, Rsyslog, SyslogNg, make_certificates

HTTPD = DIR + '/syslog.sock'  # a daemon of our own, which is quicker than Docker's
SPOOLS = DIR + '/syslog-spools'
SEVERITIES = {0: 6, 20: 6, 40: 5, 60: 4, 80: 3, 100: 2}
AUDIT, LOCAL3 = 13, 19

# One request by a program whose arguments say nothing of that.
CALL = ('import socket,sys\ns=socket.socket(socket.AF_UNIX)\ns.connect(sys.argv[1])\n'
        's.sendall(b"GET /containers/json?mark="+sys.argv[2].encode()+b" HTTP/1.1\\r\\nHost: x\\r\\nUser-Agent: "'
        '+bytes(c for c in sys.argv[3].encode("utf-8","surrogateescape") if c>31 and c!=127)[:500]'
        '+b"\\r\\nConnection: close\\r\\n\\r\\n")\ns.recv(4096)')

# What might be taken for something else on its way: by a parser of the header, of structured data, of frames, of JSON,
# by a template.
HOSTILE = [
    'say "hello" ] [x y="z"] \\ \\" \\] \\\\',
    'two\nlines\r\nand\ttab\x0b\x0c\x1b[31m\x7f\x01',
    '%s %n %msg% %% $MSG ${HOST} `id` $(id)',
    '<13>1 2026-01-01T00:00:00Z forged forged - - - forged',
    '\n<0>1 - - - - - -\n',
    '12 <13>1 - - - - - -99999999 ',
    '{"event":{"sequence":1},"a":"\\u0000"}}}{"timestamp":"{\\"TIMESTAMP\\":',
    '\ufeff\u2028\u202e\u00e4\U0001f433',
    b'\xff\xfe\xc0\x80 \xed\xa0\x80 \xf0\x9f'.decode('utf-8', 'surrogateescape'),
    '[callerd@32473 eventId="0" severity="0"]',
    '',
    'x' * 3000 + '"]\\' * 500,
    ' '.join(f'--option-{i}="{i}]"' for i in range(2000)),
]
NAME = '<0>a"]\\ %s'  # of the program: 15 bytes are kept


def call_hostile():
    """A call for each hostile argument, by a program of a hostile name."""
    program = f'{DIR}/{NAME}'
    if not os.path.exists(program):
        os.symlink(os.path.realpath(sys.executable), program)
    for number, text in enumerate(HOSTILE):
        run(program, '-c', CALL, HTTPD, str(number), text)


def spool(name):
    os.makedirs(SPOOLS, exist_ok=True)
    return f'spool={SPOOLS}/{name}-{time.monotonic_ns()}'


def tls(receiver, options=''):
    return f'syslog:tls:127.0.0.1:{receiver.ports["tls"]},ca={CERTIFICATES}/ca.pem{options}'


def tcp(receiver, options=''):
    return f'syslog:tcp:127.0.0.1:{receiver.ports["tcp"]}{options}'


def outputs(*specs):
    return [word for spec in specs for word in ('--output', spec)]


@contextlib.contextmanager
def watching(*arguments):
    """callerd and the daemon that it watches."""
    with Daemon(HTTPD), Callerd(*arguments, sockets=[HTTPD], detail='lineage') as agent:
        yield agent


def micro(timestamp):
    """A time of RFC 3339 in µs."""
    seconds, fraction = timestamp.replace('+00:00', 'Z').rstrip('Z').split('.')
    return f'{seconds}.{fraction[:6]}'


def run_of(records):
    return records[0]['agent']['ephemeral_id']


def check_header(message, record, facility=AUDIT):
    equal(micro(message['timestamp']), micro(record['@timestamp']), 'time')
    equal(message['host'], record['host']['name'], 'host')
    equal(message['program'], 'callerd', 'program')
    equal(message['action'], record['event']['action'], 'action')
    equal(int(message['priority']), facility * 8 + SEVERITIES[record['event']['severity']], 'priority')


def check_records(receiver, records, facility=AUDIT):
    """The records, each once, in order, byte by byte what the log has."""
    receiver.wait(lambda messages: len(receiver.of_run(run_of(records))) >= len(records), 'all records')
    messages = receiver.of_run(run_of(records))
    equal(len(messages), len(records), 'messages')
    for message, record in zip(messages, records):
        equal(json.loads(message['message']), record, 'record')
        check_header(message, record, facility)
        true(message.get('structured-data', '-') in ('-', ''), 'no structured data')


def raw_records(receiver):
    """What the example has as the record alone."""
    with open(receiver.dir + '/records.ndjson', 'rb') as file:
        return file.read().split(b'\n')[:-1]


def check_hostile(records):
    """That the records are what they are meant to be."""
    long = [r for r in records if len(json.dumps(r)) > 8192]
    true(long, 'a record that is longer than what rsyslog takes by default')
    marks = {field(r, 'url.original', '').partition('?')[2] for r in records}
    for number in range(len(HOSTILE)):
        true(f'mark={number}' in marks, f'a record of call {number}')
    true(any('forged forged' in field(r, 'process.command_line', '') for r in records),
         'hostile arguments')


@test
def record_by_record():
    """By every transport, to both."""
    with Rsyslog() as udp, Rsyslog() as plain, Rsyslog() as secure, Rsyslog(driver='gtls') as gnutls, \
            SyslogNg() as ng, SyslogNg() as ng_secure:
        with watching(*outputs(f'syslog:udp:127.0.0.1:{udp.ports["udp"]}', tcp(plain),
                               tls(secure, ',server-name=relay.test,facility=local3'), tls(gnutls), tcp(ng),
                               tls(ng_secure))) as agent:
            call_hostile()
            agent.wait(len(HOSTILE), event__action='api-request')
            records = agent.stop()
            with open(agent.log, 'rb') as log:
                lines = log.read().split(b'\n')[:-1]
        check_hostile(records)
        for receiver in (udp, plain, gnutls, ng, ng_secure):
            check_records(receiver, records)
        check_records(secure, records, facility=LOCAL3)
        for receiver in (udp, plain, secure, gnutls, ng, ng_secure):
            equal(raw_records(receiver), lines, 'the record alone')


@test
def record_by_record_local():
    """By sockets of this machine: as syslog(3) writes to /dev/log, and with a whole header."""
    with Rsyslog('rsyslog-local.conf') as receiver:
        with watching(*outputs(f'syslog:unix:{receiver.log}',
                               f'syslog:unix:{receiver.socket},header=rfc5424')) as agent:
            call_hostile()
            agent.wait(len(HOSTILE), event__action='api-request')
            records = agent.stop()
        check_hostile(records)
        check_records(receiver, records)
        local = receiver.of_run(str(agent.pid))
        equal([json.loads(message['message']) for message in local], records, 'records by /dev/log')
        for message, record in zip(local, records):
            equal(message['program'], 'callerd', 'program')
            equal(int(message['priority']), AUDIT * 8 + SEVERITIES[record['event']['severity']], 'priority')


# --- structured data -------------------------------------------------------------------------------

def parse_structured(text):
    """The elements of structured data as RFC 5424 (6.3) has them, with a list for each parameter, and what
    follows."""
    elements, at = {}, 0
    while text[at] == '[':
        end = min(text.index(' ', at), text.index(']', at))
        parameters = elements[text[at + 1:end]] = {}
        at = end
        while text[at] == ' ':
            equals = text.index('="', at)
            name, at, value = text[at + 1:equals], equals + 2, ''
            while text[at] != '"':
                if text[at] == '\\' and text[at + 1] in '"\\]':
                    at += 1
                value += text[at]
                at += 1
            at += 1
            parameters.setdefault(name, []).append(value)
        equal(text[at], ']', 'the end of an element')
        at += 1
    return elements, text[at:]


# What structured data says of a record's fields, where there is nothing to be escaped or chosen.
SAME = {'eventId': 'event.id', 'severity': 'event.severity', 'outcome': 'event.outcome', 'pid': 'process.pid',
        'executable': 'process.executable', 'method': 'http.request.method',
        'status': 'http.response.status_code', 'operation': 'callerd.api.operation',
        'connection': 'callerd.connection.id', 'socket': 'callerd.connection.socket'}


def check_structured(own, record):
    compared = 0
    for name, path in SAME.items():
        if name in own:
            equal(own[name], [str(field(record, path))], name)
            compared += 1
    equal(own.get('uid'), [acts_as(record)] if acts_as(record) else None, 'uid')
    true(compared >= 2, f'fields to compare in {own}')
    findings = [f'{f["id"]}' for f in field(record, 'callerd.findings', [])]
    equal(len(own.get('finding', [])), len(findings), 'findings')


@test
def structured_data():
    """format=rfc5424: parsed by syslog-ng, it is what was written, and that is what the record says."""
    written = tempfile.mktemp(prefix='rfc5424.', dir=DIR)
    with SyslogNg() as ng, SyslogNg() as ng_secure, Rsyslog() as rsyslog:
        with watching(*outputs(f'file:{written},format=rfc5424', tcp(ng, ',format=rfc5424'),
                               tls(ng_secure, ',format=rfc5424,facility=local3'),
                               tcp(rsyslog, ',format=rfc5424'))) as agent:
            call_hostile()
            agent.wait(len(HOSTILE), event__action='api-request')
            records = agent.stop()
        with open(written, encoding='utf-8', newline='\n') as file:
            lines = file.read().split('\n')[:-1]
        equal(len(lines), len(records), 'lines')
        facilities = ((ng, AUDIT), (ng_secure, LOCAL3), (rsyslog, AUDIT))
        for receiver, _ in facilities:
            receiver.wait(lambda messages: len(messages) >= len(lines), 'all messages')
            equal(len(receiver.messages()), len(lines), 'messages')
        for number, (line, record) in enumerate(zip(lines, records)):
            structured = line.split(' ', 6)[6]
            elements, text = parse_structured(structured)
            check_structured(elements['callerd@32473'], record)
            for receiver, facility in facilities:
                message = receiver.messages()[number]
                check_header(message, record, facility)
                equal(message['run'], run_of(records), 'run')
                if receiver is rsyslog:
                    equal(message['structured-data'] + ' ' + message['message'], structured, 'as it was written')
                    continue
                equal(message['structured-data'],
                      {name: {key: values[-1] for key, values in parameters.items()}
                       for name, parameters in elements.items()}, 'structured data')
                equal(message['message'], text.replace('\ufeff', '').strip(' '), 'text')


# --- servers that fail -----------------------------------------------------------------------------

class Load:
    """Calls, one after another, until it is told to stop."""

    def __init__(self):
        self.calls = 0
        self.ending = False
        self.thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *unused):
        self.end()

    def end(self):
        self.ending = True
        self.thread.join()

    def _run(self):
        while not self.ending:
            request('GET', f'/containers/json?call={self.calls}', path=HTTPD, headers='Connection: close\r\n')
            self.calls += 1

    def go_on(self, count):
        """Waits until so many more calls were made."""
        wanted = self.calls + count
        deadline = time.monotonic() + PATIENCE
        while self.calls < wanted:
            true(time.monotonic() < deadline, f'{self.calls} of {wanted} calls')
            time.sleep(0.005)


def of_life(receiver, records):
    """What it got of the records of one life of callerd; another may have sent them."""
    got = [json.loads(message['message']) for message in receiver.messages()]
    return [record for record in got if record['agent']['ephemeral_id'] == run_of(records)]


def check_complete(receiver, records, doubles=True):
    """All of them, the first of each in order, and doubles at most where they may be."""
    wanted = {record['event']['sequence']: record for record in records}

    def missing():
        return sorted(set(wanted) - {record['event']['sequence'] for record in of_life(receiver, records)})

    try:
        receiver.wait(lambda messages: len(messages) >= len(wanted) and not missing(), 'all records')
    except AssertionError as error:
        raise AssertionError(f'{error} of {len(wanted)} records, not {missing()}') from error
    got = of_life(receiver, records)
    equal(list(dict.fromkeys(record['event']['sequence'] for record in got)), list(wanted), 'order of the records')
    for record in got:
        equal(record, wanted[record['event']['sequence']], 'record')
    true(doubles or len(got) == len(wanted), f'{len(got) - len(wanted)} doubles')


def wait_call(receiver, call):
    """Until it has the record of the request with that query: callerd leaves in its spool what it cannot send at its
    end."""
    receiver.wait(lambda messages: any(f'?{call}"' in message['message'] for message in messages[-500:]), call)


def end(agent, load, *receivers):
    """Ends the load, and callerd once all has arrived; returns the records."""
    load.end()
    agent.wait(load.calls, event__action='api-request')
    for receiver in receivers:
        wait_call(receiver, f'call={load.calls - 1}')
    return agent.stop()


def news(agent, words):
    """Waits until callerd says so."""
    said = ''
    os.set_blocking(agent.process.stderr.fileno(), False)
    deadline = time.monotonic() + PATIENCE
    while words not in said:
        said += (agent.process.stderr.read() or b'').decode()
        true(time.monotonic() < deadline, f'"{words}" in "{said}"')
        time.sleep(0.02)
    os.set_blocking(agent.process.stderr.fileno(), True)
    return said


@test
def down_at_start():
    """What happened before the server was there comes first; there are no doubles."""
    rsyslog, ng = Rsyslog(), SyslogNg()
    with watching(*outputs(tcp(rsyslog, ',' + spool('rsyslog')), tls(ng, ',' + spool('ng')))) as agent:
        for number in range(10):
            request('GET', f'/containers/json?early={number}', path=HTTPD)
        said = news(agent, f'cannot write {tcp(rsyslog).split(",")[0]}: Connection refused')
        with rsyslog, ng:
            news(agent, 'can be written again')
            request('GET', '/containers/json?late', path=HTTPD)
            for receiver in (rsyslog, ng):
                wait_call(receiver, 'late')
            records = agent.stop()
            for receiver in (rsyslog, ng):
                check_complete(receiver, records, doubles=False)
    true('lost' not in said, said)


@test
def wrong_server():
    """Records do not go to a server that cannot prove who it is."""
    with SyslogNg() as ng, watching(*outputs(tls(ng, ',server-name=other.test'))) as agent:
        request('GET', '/containers/json', path=HTTPD)
        news(agent, 'certificate is not for other.test')
        agent.process.kill()
        agent.process.wait()
        ng.stop()
        equal(ng.messages(), [], 'messages')


@test
def killed_under_load():
    """Servers that are killed and start again, three times, while there are calls."""
    with Rsyslog() as plain, Rsyslog() as secure, SyslogNg() as ng:
        receivers = (plain, secure, ng)
        with watching(*outputs(tcp(plain, ',' + spool('plain')), tls(secure, ',' + spool('secure')),
                               tls(ng, ',' + spool('ng')))) as agent, Load() as load:
            for _ in range(3):
                load.go_on(100)
                for receiver in receivers:
                    receiver.kill()
                load.go_on(100)
                for receiver in receivers:
                    receiver.start()
            load.go_on(100)
            records = end(agent, load, *receivers)
            for receiver in receivers:
                check_complete(receiver, records)


@test
def ended_under_load():
    """Servers that are ended in good order, and start again."""
    with Rsyslog() as plain, Rsyslog() as secure, SyslogNg() as ng:
        receivers = (plain, secure, ng)
        with watching(*outputs(tcp(plain, ',' + spool('plain')), tls(secure, ',' + spool('secure')),
                               tls(ng, ',' + spool('ng')))) as agent, Load() as load:
            load.go_on(200)
            for receiver in receivers:
                receiver.stop()
            for receiver in receivers:
                receiver.start()
            load.go_on(200)
            records = end(agent, load, *receivers)
            for receiver in receivers:
                check_complete(receiver, records)


@test
def stopped_for_a_while():
    """A server that does nothing holds up nobody, and misses nothing."""
    with Rsyslog() as receiver, watching(*outputs(tcp(receiver, ',' + spool('stopped')))) as agent:
        with Load() as load:
            load.go_on(100)
            receiver.process.send_signal(signal.SIGSTOP)
            load.go_on(300)
            receiver.process.send_signal(signal.SIGCONT)
            load.go_on(100)
            records = end(agent, load, receiver)
        check_complete(receiver, records, doubles=False)


@test
def callerd_killed():
    """What a life of callerd could not send, the next one does, before its own."""
    receiver, spooled = Rsyslog(), spool('killed')
    with watching(*outputs(tcp(receiver, ',' + spooled))) as first:
        for number in range(10):
            request('GET', f'/containers/json?first={number}', path=HTTPD)
        first.wait(10, event__action='api-request')
        first.process.kill()
        first.process.wait()
        before = first.records()
        with receiver, Callerd(*outputs(tcp(receiver, ',' + spooled)), sockets=[HTTPD], detail='lineage') as second:
            request('GET', '/containers/json?second', path=HTTPD)
            wait_call(receiver, 'second')
            after = second.stop()
            check_complete(receiver, after, doubles=False)
            check_complete(receiver, before, doubles=False)
            lives = [json.loads(message['message'])['agent']['ephemeral_id'] for message in receiver.messages()]
            equal(lives, [run_of(before)] * len(before) + [run_of(after)] * len(after), 'the order of lives')


def check_callers(messages):
    """Nobody is named whom these messages have not told of before; how many were told."""
    told = set()
    for line in (json.loads(message['message']) for message in messages):
        caller = field(line, 'callerd.caller.id')
        if line['event']['action'] == 'caller-seen':
            told.add(caller)
        elif 'process' in line:
            true(caller in told, f'nobody told whom it names: {line["message"]}')
    return len(told)


@test
def callers_on_each_connection():
    """A server that comes back is told again who calls, also of what waited meanwhile."""
    def call(number):
        request('GET', f'/containers/json?caller={number}', path=HTTPD)
        run(sys.executable, '-c', CALL, HTTPD, f'other-{number}', 'x')

    with Rsyslog() as receiver, watching(*outputs(tcp(receiver, ',detail=reference,' + spool('callers')))) as agent:
        for life in range(3):
            before = len(receiver.messages())
            for number in range(5):
                call(f'{life}-{number}')
            wait_call(receiver, f'mark=other-{life}-4')
            agent.wait(10 * (life + 1), event__action='api-request')
            receiver.stop()
            told = check_callers(receiver.messages()[before:])
            true(told >= 6, f'{told} callers of life {life}: we, and five others')
            call(f'{life}-waits')
            if life < 2:
                receiver.start()


if __name__ == '__main__':
    make_certificates()
    main()
