# SPDX-License-Identifier: Apache-2.0
"""callerctl: one command of a person is one line, in the log of an agent that runs, and afterwards."""
import fcntl
import gzip
import json
import os
import pty
import re
import select
import shutil
import socket
import struct
import subprocess
import tempfile
import termios
import time
import unicodedata

from live import CALLERD, DIR, IMAGE, PATIENCE, ROOT, SOCKET, Callerd, equal, main, request, run, test, true

CALLERCTL = os.environ.get('CALLERCTL', ROOT + '/build/callerctl')
UTC = {**os.environ, 'TZ': 'UTC', 'TERM': 'xterm-256color', 'NO_COLOR': '', 'DBUS_SYSTEM_BUS_ADDRESS': 'unix:path=/nonexistent'}  # not this machine's polkit


def callerctl(*args, code=0):
    done = subprocess.run([CALLERCTL, *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=UTC, timeout=PATIENCE)
    equal(done.returncode, code, f'exit code of {args}: {done.stderr.decode()}')
    return done.stdout.decode()


def docker(*args, check=True):
    return subprocess.run(['docker', '-H', 'unix://' + SOCKET, *args], check=check, stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL)


def agent():
    return Callerd(detail='lineage', fold=None)


def agent_with(*args):
    return Callerd(*args, detail='lineage', fold=None)


def line_of(text, *words):
    """The one line that has all the words."""
    found = [line for line in text.split('\n') if all(word in line for word in words)]
    equal(len(found), 1, f'lines with {words} in:\n{text}\n')
    return found[0]


def columns(line):
    return sum(2 if unicodedata.east_asian_width(c) in 'WF' else 0 if unicodedata.combining(c) else 1 for c in line)


@test
def a_command_is_a_line():
    name = f'ctl-{os.getpid()}'
    with agent() as callerd:
        docker('run', '--rm', '--name', name, '--network', 'none', '-v', '/:/host', IMAGE, 'sh', '-c', 'exit 3', check=False)
        docker('exec', f'{name}-none', 'true', check=False)
        docker('volume', 'create', name)
        docker('volume', 'rm', name)
        callerd.settle_events()
        tail = ('tail', '--no-follow', '--read', callerd.log)
        for width in (80, 120, 200):
            text = callerctl(*tail, '--width', str(width), '--since', 'boot')
            for line in text.rstrip('\n').split('\n'):
                true(columns(line) <= width, f'{columns(line)} columns at {width}: {line}')
            ran = line_of(text, ' ran ', name)
            for word in ('!!', IMAGE, '/ mounted'):
                true(word in ran, f'{word} is not in {ran}')
            true(width == 80 or 'exit 3' in ran, ran)
            true(width != 200 or 'docker -H unix' in ran, ran)
            line_of(text, 'created volume ' + name)
            line_of(text, 'removed volume ' + name)
            true('failed 404' in line_of(text, name + '-none'), text)
            true('UTC' in text.split('\n')[0], text)
        plain = callerctl(*tail, '--since', 'boot')
        true('\033' not in plain, 'no colour where nobody looks')
        true('\033[1;31m' in callerctl(*tail, '--since', 'boot', '--color', 'always'), 'colour')
        equal(len(callerctl(*tail, '-n', '1').rstrip('\n').split('\n')) <= 3, True, 'the last line, a day, a note')
        who = callerctl('who', name, '--read', callerd.log)
        line_of(who, ' ran ', name)
        true(name + '-none' not in who, who)
        callerctl('who', 'nobody-knows-it', '--read', callerd.log, code=1)
        what = callerctl('what', 'docker', '--read', callerd.log)
        line_of(what, ' ran ', name)
        callerctl('what', 'nobody-of-that-name', '--read', callerd.log, code=1)
        line_of(callerctl('what', '--read', callerd.log, '--where', 'severity >= critical'), ' ran ', name)
        records = callerctl('who', name, '--read', callerd.log, '--json').rstrip('\n').split('\n')
        with open(callerd.log) as log:
            lines = log.read().split('\n')
        true(records and all(record in lines for record in records), 'they are those of the log')


@test
def logs_of_before():
    """What was rotated, and packed, comes first; times leave out what is not of them."""
    place = tempfile.mkdtemp(dir=DIR)
    with agent() as callerd:
        docker('volume', 'create', 'ctl-before')
        docker('volume', 'rm', 'ctl-before')
        callerd.settle_events()
        with open(callerd.log, 'rb') as log, gzip.open(place + '/log.2.gz', 'wb') as old:
            old.write(log.read())
        os.utime(place + '/log.2.gz', (time.time() - 60, time.time() - 60))
        docker('volume', 'create', 'ctl-after')
        callerd.settle_events()
        with open(callerd.log, 'rb') as log, open(place + '/log', 'wb') as new:
            new.write(b''.join(line for line in log if b'ctl-after' in line) + b'{"not": "ours"}\n')
        docker('volume', 'rm', 'ctl-after')
    text = callerctl('what', '--read', place + '/log')
    lines = [line for line in text.split('\n') if 'created volume ctl-' in line]
    equal([re.search('ctl-[a-z]*', line)[0] for line in lines], ['ctl-before', 'ctl-after'], 'in their order')
    true('ctl-before' not in callerctl('what', '--read', place + '/log', '--since', 'now', code=1), 'nothing is of now')
    true('no records' in subprocess.run([CALLERCTL, 'what', '--read', place + '/log'], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE).stderr.decode(),
         'what is no record is told')
    # A name that JSON spells out is found, too; a unit by its name without the suffix, and by nothing shorter.
    with open(place + '/odd', 'w') as file:
        for unit in ('odd\\x2dname.service', 'session-1.scope'):
            file.write(json.dumps({'@timestamp': '2026-11-30T00:00:00.000000000Z', 'event': {
                'action': 'api-request', 'dataset': 'callerd.audit', 'id': unit}, 'user': {'id': '7', 'name': 'of ' + unit},
                'callerd': {'level': 'metadata', 'caller': {'unit': unit},
                            'api': {'operation': 'ContainerDelete'}}}, separators=(',', ':')) + '\n')
    true('of odd' in callerctl('what', 'odd\\x2dname', '--read', place + '/odd'), 'a name with a backslash')
    callerctl('what', 'session', '--read', place + '/odd', code=1)
    unsure = subprocess.run([CALLERCTL, 'what', '--read', place + '/odd', '--where', 'callerd.request.binds contains /'],
                            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=UTC).stderr.decode()
    true('2 records do not tell enough' in unsure, unsure)
    callerctl('what', '--read', place + '/missing', code=5)
    for wrong in (['what', '--since', 'sometimes'], ['what', '--where', 'user ='], ['which'], ['who'], []):
        callerctl(*wrong, code=2)


def read_terminal(terminal, until, seconds=PATIENCE):
    text, deadline = '', time.monotonic() + seconds
    while until not in text:
        true(time.monotonic() < deadline, f'{until!r} is not in {text!r}')
        if select.select([terminal], [], [], 0.2)[0]:
            text += os.read(terminal, 4096).decode(errors='replace')
    return text


@test
def live_on_a_terminal():
    """A line as it happens, as wide as the terminal is, also when the log has another file."""
    with agent() as callerd:
        terminal, other = pty.openpty()
        fcntl.ioctl(other, termios.TIOCSWINSZ, struct.pack('HHHH', 24, 80, 0, 0))
        env = {key: value for key, value in UTC.items() if key != 'NO_COLOR'}
        with subprocess.Popen([CALLERCTL, 'tail', '--read', callerd.log], stdin=other, stdout=other, stderr=other,
                              env=env, start_new_session=True) as tail:
            os.close(other)
            try:
                docker('volume', 'create', 'ctl-live')
                text = read_terminal(terminal, 'created volume ctl-live')
                os.rename(callerd.log, callerd.log + '.1')
                callerd.process.send_signal(1)
                callerd.read = 0
                docker('volume', 'rm', 'ctl-live')
                text += read_terminal(terminal, 'removed volume ctl-live')
            finally:
                tail.terminate()
        os.close(terminal)
        true('\033[' in text, 'colour on a terminal')
        for line in re.sub('\033\\[[0-9;]*m', '', text).split('\r\n'):
            true(columns(line) <= 80, f'{columns(line)} columns: {line}')
        os.unlink(callerd.log + '.1')


@test
def explained_and_checked():
    """A record in sentences with what came of it; and what may not be in a log, for a pipeline."""
    name = f'ctl-explain-{os.getpid()}'
    with agent() as callerd:
        docker('run', '--rm', '--name', name, '--network', 'none', '--privileged', '--pid', 'host', IMAGE, 'true', check=False)
        docker('ps')
        callerd.settle_events()
        read = ('--read', callerd.log)
        create, = [r for r in callerd.records(event__action='api-request', callerd__api__operation='ContainerCreate')]
        for what in (create['event']['id'], str(create['event']['sequence'])):
            text = callerctl('explain', what, *read)
            for words in ('! critical  privileged: ', 'ATT&CK T1611', 'no rule expects it', ' 201 in ', 'all bytes were seen',
                          'came of it   container create ' + name, f'of           {name}'):
                true(words in text, f'{words} is not in:\n{text}')
        true(' created ' in callerctl('explain', name, *read) or ' ran ' in callerctl('explain', name, *read), 'an object')
        callerctl('explain', '99999999', *read, code=1)
        policy = DIR + '/ctl-policy'
        with open(policy, 'w') as file:
            file.write('# of a pipeline\nno-privileged: finding = privileged\nno-swarm: callerd.api.operation glob Swarm*\n')
        text = callerctl('check', callerd.log, '--policy', policy, code=1)
        true('not ok no-privileged: ' in text and name in text and 'ok no-swarm\n' in text, text)
        callerctl('check', callerd.log, '--where', 'finding = cap-add')
        callerctl('check', callerd.log, code=2)
        callerctl('check', DIR + '/missing', '--where', 'finding', code=5)
        with open(policy, 'w') as file:
            file.write('broken: user =\n')
        callerctl('check', callerd.log, '--policy', policy, code=2)
        with open(policy + '.log', 'w') as file:
            file.write('')
        true('there are none' in callerctl('check', policy + '.log', '--where', 'finding', code=1), 'no records prove nothing')


# For the browser: the least contrast of a text with what is behind it, whether a line is wider than the page, and what it would load.
LOOK = """
function light(c) { return c.map(v => v / 255).map(v => v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [.2126, .7152, .0722][i], 0); }
function parts(text) { return text.match(/[0-9.]+/g).map(Number); }
function behind(e) { for (; e; e = e.parentElement) { const c = parts(getComputedStyle(e).backgroundColor);
    if (c.length < 4 || c[3] > 0) return c.slice(0, 3); } return [255, 255, 255]; }
let least = 99;
for (const e of document.querySelectorAll('body *')) {
    if (![...e.childNodes].some(n => n.nodeType == 3 && n.data.trim()) || e.closest('style,svg')) continue;
    const a = light(parts(getComputedStyle(e).color).slice(0, 3)), b = light(behind(e));
    least = Math.min(least, (Math.max(a, b) + .05) / (Math.min(a, b) + .05));
}
return [least, document.documentElement.scrollWidth - document.documentElement.clientWidth,
        performance.getEntriesByType('resource').length, document.scripts.length, document.body.innerText];
"""


def browser(width, dark):
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which('chromium')
    for word in ('--headless=new', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', f'--window-size={width},1200',
                 f'--user-data-dir={tempfile.mkdtemp(dir=DIR)}', *(['--force-dark-mode'] if dark else [])):
        options.add_argument(word)
    driver = webdriver.Chrome(service=Service(shutil.which('chromedriver')), options=options)
    driver.execute_cdp_cmd('Emulation.setDeviceMetricsOverride', {'width': width, 'height': 1200, 'deviceScaleFactor': 1, 'mobile': width < 600})
    driver.execute_cdp_cmd('Emulation.setEmulatedMedia', {'features': [{'name': 'prefers-color-scheme', 'value': 'dark' if dark else 'light'}]})
    return driver


@test
def report_as_people_see_it():
    """Who, what and so what in a real browser: at three widths, light and dark, without anything from elsewhere."""
    name = f'ctl-report-{os.getpid()}'
    evil = '<script>alert(1)</script><img src=http://evil.example/x>'
    with Callerd('--output', f'file:{DIR}/report.log', detail='lineage', fold=None) as callerd:
        docker('run', '--rm', '--name', name, '--network', 'none', '--privileged', IMAGE, 'echo', evil, check=False)
        docker('pull', 'no.example/' + 'very-long-name-of-an-image-' * 4, check=False)
        docker('volume', 'create', name)
        docker('volume', 'rm', name)
        callerd.settle_events()
        read = ('--read', DIR + '/report.log', '--since', '1h')
        text = callerctl('report', *read)
        for words in ('to look at', 'critical', f'ran {name} ({IMAGE}): ', 'echo ', 'by user', 'no record was lost', 'lines unchanged'):
            true(words in text, f'{words} is not in:\n{text}')
        import csv
        rows = list(csv.DictReader(callerctl('report', *read, '--as', 'csv').splitlines()))
        true(any(row['program'] == 'docker' and row['gravest'] == 'critical' and int(row['changes']) >= 3 for row in rows), rows)
        page = callerctl('report', *read, '--as', 'html')
        with open(DIR + '/report.html', 'w') as file:
            file.write(page)
        true('<script' not in page and 'src=' not in page.replace('src=http', ''), 'nothing of what somebody wrote is markup')
        for width, dark in ((390, False), (800, True), (1400, False)):
            driver = browser(width, dark)
            try:
                driver.get(f'file://{DIR}/report.html')
                contrast, wider, loaded, scripts, said = driver.execute_script(LOOK)
            finally:
                driver.quit()
            true(contrast >= 4.5, f'contrast {contrast} at {width}')
            equal((wider, loaded, scripts), (0, 0, 0), f'at {width}: pixels beyond the page, what it loads, scripts')
            for words in (name, evil, 'critical', 'No record was lost', 'Who can reach the engines now', SOCKET, 'always'):
                true(words in said, f'{words} is not on the page: {said[:1000]}')
        with open(DIR + '/report.log', 'r+') as log:
            lines = log.readlines()
            log.seek(0)
            log.truncate()
            log.writelines(line.replace('VolumeCreate', 'VolumeDelete') for line in lines)
        true('WAS CHANGED' in callerctl('report', *read), 'a log that was changed')
        callerctl('report', '--read', DIR + '/report.log', '--since', '2h', '--until', '1h', code=1)


# What haproxy does as the proxies of the socket do: the first rule that matches decides. Both know paths by how they begin.
HAPROXY = """
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
frontend proxy
  bind unix@{listen} mode 666
{rules}
  http-request deny
  default_backend engine
backend engine
  server engine unix@{engine}
"""
SECTIONS = ('AUTH BUILD COMMIT CONFIGS CONTAINERS DISTRIBUTION EVENTS EXEC GRPC IMAGES INFO NETWORKS NODES PING PLUGINS SECRETS SERVICES SESSION SWARM SYSTEM '
            'TASKS VERSION VOLUMES').split()
ON_BY_DEFAULT = {'EVENTS': '1', 'PING': '1', 'VERSION': '1'}


def rules_of_proxy(form, variables):
    """In the order that the configuration of each has them."""
    variables = {**ON_BY_DEFAULT, **variables}
    version = '^(/v[\\d.]+)?'

    def rule(what, path, name):
        return f'  http-request {what} if {{ path,url_dec -m reg -i {version}/{path} }} {{ bool({variables.get(name, "0")}) }}'
    posts = [f'  http-request deny unless METH_GET or {{ bool({variables.get("POST", "0")}) }}']
    one = 'containers/[a-zA-Z0-9_.-]+/'
    narrow = [rule('allow', one + deeds, name) for deeds, name in (
        ('(stop|restart|kill)', 'ALLOW_RESTARTS'), ('start', 'ALLOW_START'), ('stop', 'ALLOW_STOP'), ('pause', 'ALLOW_PAUSE'), ('unpause', 'ALLOW_UNPAUSE'))]
    gates = [f'  http-request deny if {{ path,url_dec -m reg -i {version}/{one}{deed} }} !{{ bool({variables.get(name, "0")}) }}' for deed, name in (
        ('archive', 'ALLOW_ARCHIVE'), ('change', 'ALLOW_CHANGES'), ('export', 'ALLOW_EXPORT'), ('logs', 'ALLOW_LOGS'), ('top', 'ALLOW_TOP'))]
    sections = [rule('allow', '_ping' if name == 'PING' else name.lower(), name) for name in SECTIONS]
    return [*posts, *narrow[:3], *sections] if form == 'tecnativa' else [*gates, *narrow, *posts, *sections]


def proxied(form, variables, place):
    """The socket of a haproxy with the VARIABLES."""
    listen, config = f'{place}/{form}.sock', f'{place}/{form}.cfg'
    with open(config, 'w') as file:
        file.write(HAPROXY.format(listen=listen, engine=SOCKET, rules='\n'.join(rules_of_proxy(form, variables))))
    process = subprocess.Popen(['haproxy', '-q', '-db', '-f', config])
    deadline = time.monotonic() + PATIENCE
    while not os.path.exists(listen):
        true(process.poll() is None and time.monotonic() < deadline, 'haproxy listens')
        time.sleep(0.05)
    return process, listen


@test
def advised_proxies_let_through_what_was_used():
    """Rules made of what a client did let it do the same again, and nothing else: by a real proxy, and by its expressions."""
    name, place = f'ctl-advise-{os.getpid()}', tempfile.mkdtemp(dir=DIR)
    docker('create', '--name', name, '--network', 'none', IMAGE, 'true')
    client = shutil.copy(shutil.which('docker'), place + '/poller') # somebody of his own

    def work(socket):
        return [subprocess.run([client, '-H', 'unix://' + socket, *args], stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL).returncode
                for args in (['ps', '-a'], ['inspect', '--type', 'container', name], ['start', name], ['logs', name], ['info'])]

    done = [0] * 5
    with agent() as callerd:
        equal(work(SOCKET), done, 'what it does')
        callerd.settle()
        read = ('--read', callerd.log)
        creates = (['rm', name], ['run', '--rm', IMAGE, 'true'])
        for form, wanted, refused in (('tecnativa', {'CONTAINERS': '1', 'INFO': '1', 'POST': '1', 'ALLOW_START': '1', 'VERSION': '0'}, ()),
                                      ('linuxserver', {'CONTAINERS': '1', 'INFO': '1', 'POST': '0', 'ALLOW_START': '1', 'ALLOW_LOGS': '1', 'EVENTS': '0'},
                                       (['export', name], ['stop', name], *creates))):
            told = callerctl('advise', 'poller', '--as', form, *read)
            env = dict(line.split('=') for line in told.split('\n') if re.fullmatch('[A-Z_]+=[01]', line))
            equal({key: env.get(key) for key in wanted}, wanted, f'variables {env}')
            equal('it is root on the host' in told, form == 'tecnativa', 'its ALLOW_START wants POST=1')
            process, proxy = proxied(form, env, place)
            try:
                equal(work(proxy), done, 'the same by the proxy')
                for other in (['volume', 'create', 'no'], ['images'], ['network', 'ls'], *refused):
                    true(subprocess.run([client, '-H', 'unix://' + proxy, *other], stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL).returncode, f'{other} is let through')
            finally:
                process.terminate()
                process.wait()
        subprocess.run([client, '-H', 'unix://' + SOCKET, 'image', 'inspect', 'ctl/deep/name:1'], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        callerd.settle()
        rules = dict(re.findall(r"'-allow([A-Z]+)=(.*)'", callerctl('advise', 'poller', '--as', 'wollomatic', *read)))
        asked = [(r['http']['request']['method'], r['url']['original'].split('?')[0])
                 for r in callerd.records(event__action='api-request', process__name='poller')]
        true(len(asked) > 5, asked)
        true(any('/images/ctl/deep/name:1/json' in path for _, path in asked), asked)
        for method, path in asked:
            true(re.fullmatch(rules[method], path), f'{method} {path} by {rules}')
        for method, path in (('POST', '/v1.41/containers/create'), ('DELETE', '/v1.41/containers/' + name),
                             ('GET', f'/containers/{name}/archive'), ('GET', '/containers/x/../../images/json'), ('GET', '/images/x/../../containers/x/archive'),
                             ('GET', '/images/x/../../volumes/json'),
                             ('POST', f'/containers/{name}/start/../../create')):
            true(method not in rules or not re.fullmatch(rules[method], path), f'{method} {path} is let through')
        expected = callerctl('advise', 'poller', *read)
        with open(place + '/callerd.conf', 'w') as file:
            file.write(expected)
        run(CALLERD, '--config', place + '/callerd.conf', '--check-config')
        callerctl('advise', 'nobody-of-that-name', *read, code=1)
    with agent_with('--config', place + '/callerd.conf') as callerd:
        equal(work(SOCKET), done, 'once more')
        callerd.settle()
        records = callerd.records(event__action='api-request', process__name='poller')
        true(records and all(r['callerd']['expected'] for r in records), 'what it did is expected by that rule')
    docker('rm', name)


@test
def lnav_reads_it():
    """The format file that is installed: times, severities and fields, by the real lnav."""
    place = tempfile.mkdtemp(dir=DIR)
    os.makedirs(place + '/formats/installed')
    shutil.copy(ROOT + '/packaging/callerd.lnav.json', place + '/formats/installed/callerd.json')
    with agent() as callerd:
        docker('create', '--name', 'ctl-lnav', '--privileged', IMAGE)
        docker('rm', 'ctl-lnav')
        callerd.settle_events()
        shutil.copy(callerd.log, place + '/callerd.ndjson')
        records = callerd.records()
    run('lnav', '-C', '-I', place)
    rows = run('lnav', '-n', '-I', place, '-c', ';SELECT log_level, "rule/id", count(*) AS n FROM callerd_log GROUP BY 1, 2',
               '-c', ':write-csv-to -', place + '/callerd.ndjson').strip().split('\n')[1:]
    equal(sum(int(row.rsplit(',', 1)[1]) for row in rows), len(records), f'records in {rows}')
    grave = sum(r['event'].get('severity') == 100 for r in records)
    true(grave and f'critical,privileged,{grave}' in rows, rows)


class Terminal:
    """A program in a tmux of its own."""

    def __init__(self, width, height, *command):
        self.name = f'callerd-{os.getpid()}-{time.monotonic_ns()}'
        self.tmux('-f', '/dev/null', 'new-session', '-d', '-x', str(width), '-y', str(height), *command)

    def tmux(self, *args):
        done = subprocess.run(['tmux', '-L', self.name, *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              env={**UTC, 'LANG': 'C.UTF-8'}, timeout=PATIENCE)
        equal(done.returncode, 0, f'tmux {args}: {done.stderr.decode()}')
        return done.stdout.decode()

    def wait(self, *words):
        """The screen that has all the words."""
        deadline = time.monotonic() + PATIENCE
        while True:
            screen = self.tmux('capture-pane', '-p')
            if all(word in screen for word in words):
                return screen
            true(time.monotonic() < deadline, f'{words} are not on:\n{screen}')
            time.sleep(0.1)

    def type(self, *keys):
        self.tmux('send-keys', *keys)

    def end(self):
        subprocess.run(['tmux', '-L', self.name, 'kill-server'], stderr=subprocess.DEVNULL)


@test
def top_at_all_sizes():
    """Callers as they come, on small and large screens and when these change; a caller's requests; rules for it."""
    name = f'ctl-top-{os.getpid()}'
    with agent() as callerd:
        screen = Terminal(80, 24, CALLERCTL, 'top', '--read', callerd.log)
        try:
            screen.wait('callerctl top', 'PROGRAM')
            docker('volume', 'create', name)
            docker('volume', 'rm', name)
            for width, height in ((80, 24), (120, 40), (200, 50), (40, 8), (100, 24)):
                screen.tmux('resize-window', '-x', str(width), '-y', str(height))
                shown = screen.wait('root')
                true(width < 80 or 'docker' in shown, shown)
                true(all(columns(line) <= width for line in shown.split('\n')), shown)
                equal(len(shown.rstrip('\n').split('\n')) <= height, True, 'lines')
            screen.type('/', 'd', 'o', 'c', 'k', 'Enter')
            screen.wait('/dock')
            screen.type('Enter')
            shown = screen.wait('VolumeCreate ' + name)
            true('└' in shown, f'its ancestors: {shown}')
            screen.type('e')
            shown = screen.wait('[expected ', 'exe = ', 'operations = VolumeCreate', 'operations = VolumeDelete')
            true('└' not in shown and '[level ' not in shown, f'the rule alone: {shown}')
            screen.type('e')
            screen.wait('[expected ', 'operations = VolumeDelete', '[level looks]', 'where = expected and type = access', 'level = metadata')
            screen.type('e')
            shown = screen.wait('└')
            true('[expected ' not in shown and '[level ' not in shown, f'its ancestors again: {shown}')
            screen.type('q')
        finally:
            screen.end()
        old = Terminal(120, 24, CALLERCTL, 'top', '--no-follow', '--read', callerd.log)
        try:
            old.wait('an old log', 'docker')
        finally:
            old.end()
    callerctl('top', '--read', '/dev/null', code=2) # no terminal


@test
def in_directories_that_are_not_there():
    """They are made at the start, before what callerd may do is fenced in."""
    places = [f'{DIR}/ctl-made-{name}-{os.getpid()}/s' for name in ('control', 'metrics')]
    with agent_with('--control-socket', places[0], '--metrics-socket', places[1]):
        for place, target in zip(places, ('/health', '/metrics')):
            equal(os.stat(os.path.dirname(place)).st_mode & 0o777, 0o700, 'mode')
            true(request('GET', target, path=place)[0] in (200, 404), 'somebody answers')


@test
def from_the_agent_itself():
    """Without a log: root and a group, who only read. Who is too slow is cut off; who only may see metrics sees no record."""
    socket_path, metrics = DIR + '/ctl-control.sock', DIR + '/ctl-metrics.sock'
    name = f'ctl-agent-{os.getpid()}'
    with agent_with('--control-socket', socket_path, '--control-group', 'nogroup', '--metrics-socket', metrics) as callerd:
        equal(os.stat(socket_path).st_mode & 0o777, 0o660, 'mode')
        ways = [[], ['setpriv', '--reuid', 'nobody', '--regid', 'nogroup', '--clear-groups']]
        watchers = [subprocess.Popen([*way, CALLERCTL, 'tail', '--json', '--read', 'agent:' + socket_path], stdout=subprocess.PIPE, env=UTC)
                    for way in ways]
        stuck = socket.socket(socket.AF_UNIX)
        stuck.connect(socket_path)
        stuck.sendall(b'GET /records HTTP/1.1\r\nHost: x\r\n\r\n')
        true(b'200 OK' in stuck.recv(60), 'it may')
        time.sleep(0.5)
        docker('volume', 'create', name)
        docker('volume', 'rm', name)
        for watcher in watchers:
            line = b''
            while b'VolumeDelete' not in line:
                true(select.select([watcher.stdout], [], [], PATIENCE)[0], 'a record comes')
                line = watcher.stdout.readline()
            record = json.loads(line)
            equal(record['callerd']['target']['name'], name, 'what it is of')
        for i in range(1200): # more than the agent keeps for a reader that does not read
            request('GET', f'/_ping?{"x" * 900}{i}')
        callerd.settle()
        stuck.settimeout(PATIENCE)
        received = 0
        while data := stuck.recv(1 << 16):
            received += len(data)
        true(received < 3 << 20, f'{received} bytes were kept for somebody who did not read')
        stuck.close()
        for watcher in watchers:
            watcher.terminate()
            watcher.wait()
        for path, target, status in ((metrics, '/records', 404), (socket_path, '/metrics', 404)):
            equal(request('GET', target, path=path)[0], status, target)
        equal(request('POST', '/records', path=socket_path)[0], 405, 'it is for reading')
        refused = subprocess.run(['setpriv', '--reuid', 'nobody', '--regid', 'daemon', '--clear-groups', CALLERCTL, 'tail', '--read',
                                  'agent:' + socket_path], stderr=subprocess.PIPE, env=UTC)
        true(refused.returncode == 5 and b'Permission denied' in refused.stderr, refused.stderr)
        callerctl('what', '--read', 'agent:' + socket_path, code=5)
    true(not os.path.exists(socket_path), 'it is gone with the agent')


@test
def hostile_names_stay_on_their_line():
    """What a caller calls itself cannot write lines, colours, or another direction."""
    with agent() as callerd:
        evil = 'x\n12:00:00 root              removed all\r\033[2J\u202eevil'
        request('GET', '/containers/x%0a12:00:00%20root%1b%5b2J/json')
        subprocess.run(['curl', '-s', '-A', evil, '--unix-socket', SOCKET, 'http://d/volumes/no', '-X', 'DELETE',
                        '-H', 'X-Evil: ' + evil.replace('\n', '').replace('\r', '')], stdout=subprocess.DEVNULL)
        callerd.settle()
        for command in ('tail', 'what'):
            text = callerctl(command, '--read', callerd.log, '--all', *(['--no-follow', '--since', 'boot'] if command == 'tail' else []))
            for line in text.rstrip('\n').split('\n'):
                true(not any(unicodedata.category(c) in ('Cc', 'Cf') for c in line), repr(line))
                true(not line.startswith('12:00:00 root'), line)


# What a terminal would obey: control bytes, those of Latin-1, and what turns the direction of writing.
OBEYED = re.compile('[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]')
VERBS = (('tail', '--no-follow'), ('what', 'root'), ('what', 'root', '--all'), ('who', 'web'), ('explain', 'web'), ('report',), ('report', '--as', 'html'),
         ('report', '--as', 'csv'), ('access',), *(('advise', '--for', 'root', '--as', form) for form in ('policy', 'wollomatic', 'tecnativa', 'opa', 'check')))

# Runs the commands of its input; of each the exit code, the KB that it had, and what it said. The kernel counts in what the process had
# that starts one, and this one has little.
MEASURED = '''import json, os, subprocess, sys, tempfile
for command in json.load(sys.stdin):
    with tempfile.TemporaryFile() as out:
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        _, status, used = os.wait4(child.pid, 0)
        out.seek(0)
        print(json.dumps([os.waitstatus_to_exitcode(status), used.ru_maxrss, out.read().decode(errors='surrogateescape')]), flush=True)
    child.returncode = 0'''


def hostile_logs(lines):
    """Logs by their names, as somebody writes them who wants callerctl to fail, or its reader to be deceived."""
    odd = '\\u001b[2J\\u009b31m\\u202e\\u0000\\r\u202e\u2066'
    text = '\n'.join(lines) + '\n'
    packed = gzip.compress(text.encode())
    yield 'a-long-line', text + (lines[-1].replace('docker ', 'docker ' + 'A' * 1_000_000) + '\n') * 4
    yield 'nul', text.replace('docker', 'do\0\0cker')
    yield 'escapes', text.replace('docker ', 'docker ' + odd)
    yield 'bytes', text.encode().replace(b'docker ', b'docker \x1b[31m\x9b2J\xff')
    yield 'torn.gz', packed[:len(packed) // 2]
    yield 'flipped.gz', packed[:100] + bytes([packed[100] ^ 255]) + packed[101:]
    yield 'deep', '{"@timestamp":"2026-11-30T12:00:00.000000000Z","ecs":{"a":' + '[' * 100_000 + '\n' + text
    yield 'keys', ''.join('{"@timestamp":"2026-11-30T12:00:00.000000000Z","ecs":{' + ','.join(f'"k{i}{j}":{j}' for j in range(3000)) + '}}\n' for i in range(20))
    record = json.loads(lines[-1])
    record['callerd'].setdefault('target', {}).update(type='container', name='web')
    yield 'namesakes', ''.join(json.dumps({**record, 'container': {'id': f'{i:064x}', 'name': 'web'},
                                           '@timestamp': f'2026-11-30T{i // 3600:02}:{i // 60 % 60:02}:{i % 60:02}.000000000Z'},
                                          separators=(',', ':')) + '\n' for i in range(10_000))


@test
def hostile_logs_do_no_harm():
    """Whatever is in a log: each verb ends, by itself, in little memory, and prints nothing that a terminal obeys."""
    with agent() as callerd:
        docker('volume', 'ls')
        callerd.wait(callerd__api__operation='VolumeList')
        with open(callerd.log) as log:
            lines = [line for line in log.read().splitlines() if '"api-request"' in line]
    with tempfile.TemporaryDirectory(dir=DIR) as place:
        for name, contents in hostile_logs(lines):
            path = os.path.join(place, name)
            with open(path, 'wb') as log:
                log.write(contents if isinstance(contents, bytes) else contents.encode())
            commands = [['timeout', str(PATIENCE), CALLERCTL, *verb, '--read', path] for verb in VERBS]
            done = subprocess.run(['python3', '-c', MEASURED], input=json.dumps(commands).encode(), stdout=subprocess.PIPE, env=UTC, check=True)
            for verb, line in zip(VERBS, done.stdout.splitlines(), strict=True):
                code, used, said = json.loads(line)
                what = f'{verb} of {name}'
                true(code in (0, 1, 5), f'{what}: {code} {said[-500:]}')
                true(used < 100_000, f'{what} took {used} KB')
                equal(OBEYED.findall(said), [], what)


main()
