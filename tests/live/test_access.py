# SPDX-License-Identifier: Apache-2.0
"""What decides who may use the socket, changed with the commands that people use: each change is a record
that names the process, and its finding."""
import contextlib
import shutil
import socket as sockets

from live import *

AGENT = None
D = DIR + '/access'
OWN = D + '/run/docker.sock'  # a socket that a test may spoil
GROUP = 'callerd-test'
MALLORY = 'callerd-mallory'
DROP = '/run/systemd/system/docker.service.d'


def run(*command, user=None, **kwargs):
    """Runs a command, as a user who may sudo where one is named."""
    if user:
        command = ('setpriv', '--reuid', user, '--regid', user, '--init-groups', *command)
    return subprocess.run(command, check=True, capture_output=True, text=True, **kwargs)


def changed(what, finding=None, path=None, action='socket-changed', program=None, severity=None, agent=None,
            that=None):
    """Waits for the one record of a change and checks its finding and its process."""
    agent = agent or AGENT
    mark = agent.mark if agent is AGENT else 0

    def wanted(record):
        return (record['event']['sequence'] > mark and what in field(record, 'callerd.change.what', [])
                and (path is None or field(record, 'callerd.change.path') == path)
                and (that is None or that(record)))
    record = agent.wait(that=wanted, event__action=action)[-1]
    found = [f['id'] for f in field(record, 'callerd.findings', [])]
    if finding:
        true(finding in found, f'{record["message"]}: {found}')
    else:
        equal(found, [], record['message'])
    if program:
        equal(os.path.basename(field(record, 'process.executable', '')), program, record['message'])
    if severity is not None:
        equal(record['event']['severity'], severity, record['message'])
    return record


def begin():
    AGENT.records()
    AGENT.mark = AGENT.seen[-1]['event']['sequence']


@contextlib.contextmanager
def absent(path):
    """Removes the file at PATH in the end: it must not be there now."""
    if os.path.lexists(path):
        raise Skip(f'{path} is there')
    try:
        yield
    finally:
        if os.path.lexists(path):
            os.unlink(path)


def make_socket(path=OWN):
    """A socket as dockerd makes it."""
    listener = sockets.socket(sockets.AF_UNIX)
    listener.bind(path)
    listener.listen()
    shutil.chown(path, group=GROUP)
    os.chmod(path, 0o660)
    return listener


@test
def mode_widened():
    begin()
    run('chmod', '666', OWN)
    record = changed('mode', 'socket-exposed', OWN, program='chmod', severity=80)
    equal(field(record, 'callerd.change.before.mode'), '0660')
    equal(field(record, 'callerd.change.after.mode'), '0666')
    equal(field(record, 'callerd.change.after.group'), GROUP)
    equal(record['process']['args'], ['chmod', '666', OWN])
    true('0660 → 0666' in record['message'], record['message'])
    begin()
    run('chmod', '660', OWN)
    changed('mode', None, OWN, program='chmod', severity=20)


@test
def acl_for_a_user():
    begin()
    run('setfacl', '-m', 'u:65534:rw', OWN)
    record = changed('acl', 'socket-exposed', OWN, program='setfacl')
    true('user:65534:rw-' in field(record, 'callerd.change.after.acl'), record['message'])
    begin()
    run('chmod', '600', OWN)  # the mask takes it away
    changed('acl', None, OWN, program='chmod')
    begin()
    run('setfacl', '-b', OWN)
    changed('acl', None, OWN, program='setfacl')
    begin()
    run('chmod', '660', OWN)
    changed('mode', 'socket-exposed', OWN, program='chmod')


@test
def another_group_and_owner():
    begin()
    run('chgrp', 'users', OWN)
    changed('group', 'socket-exposed', OWN, program='chgrp')
    begin()
    run('chown', 'nobody:' + GROUP, OWN)
    changed('owner', 'socket-exposed', OWN, program='chown')
    begin()
    run('chown', 'root', OWN)
    changed('owner', None, OWN, program='chown')


@test
def moved_away_and_replaced():
    begin()
    run('mv', OWN, D + '/run/real')
    changed('moved', 'socket-removed', OWN, program='mv')
    begin()
    run('ln', '-s', 'real', OWN)  # the name leads there again
    changed('created', 'socket-replaced', OWN, program='ln')
    begin()
    run('mv', D + '/run/real', OWN)
    record = changed('touched', 'not-judged', OWN, program='mv')
    equal(field(record, 'callerd.change.after.mode'), '0660')


@test
def changed_and_changed_back():
    """What was open for a moment was open: it is not silence that the look found nothing."""
    begin()
    run('python3', '-c', f'import os; os.chmod({OWN!r}, 0o666); os.chmod({OWN!r}, 0o660)')
    record = changed('touched', 'not-judged', OWN)
    true('python3' in field(record, 'process.executable', ''), json.dumps(record))


@test
def directory_open_to_others():
    begin()
    run('chmod', '777', D + '/run')
    record = changed('mode', 'socket-exposed', D + '/run', program='chmod')
    equal(field(record, 'callerd.change.object'), 'directory')
    begin()
    run('chmod', '755', D + '/run')
    changed('mode', None, D + '/run', program='chmod')


@test
def directory_replaced():
    """The socket's directory is moved away, and another one with a socket takes its place."""
    os.mkdir(D + '/other')
    other = make_socket(D + '/other/docker.sock')
    begin()
    run('mv', D + '/run', D + '/was')
    changed('deleted', 'socket-removed', OWN, program='mv')
    begin()
    run('mv', D + '/other', D + '/run')
    changed('created', 'socket-replaced', OWN, program='mv')
    begin()
    run('mv', D + '/run', D + '/other')
    changed('deleted', 'socket-removed', OWN, program='mv')
    begin()
    run('mv', D + '/was', D + '/run')
    changed('created', 'socket-replaced', OWN, program='mv')
    other.close()


@test
def mounted_over():
    begin()
    run('mount', '--bind', '/etc/hostname', OWN)
    record = changed('mounted', 'socket-replaced', OWN)
    if 'process' in record:  # Linux 6.14 tells who mounts
        equal(record['process']['name'], 'mount')
    begin()
    run('umount', OWN)
    changed('mounted', 'socket-replaced', OWN)


@test
def by_a_process_that_is_gone():
    """A process that ends at once is described by what the kernel kept of it, as often as it happens."""
    for i in range(scaled(20, 4)):
        begin()
        run('chmod', '600' if i % 2 == 0 else '660', OWN)
        record = changed('mode', 'socket-exposed' if i % 2 else None, OWN, program='chmod')
        equal(field(record, 'process.parent.pid'), os.getpid(), record['message'])


@test
def two_at_once_are_both_named():
    """Between two looks two processes: neither is named alone."""
    begin()
    run('sh', '-c', f'chmod 666 {OWN}; chmod 660 {OWN}')
    found = AGENT.wait(that=lambda r: r['event']['sequence'] > AGENT.mark, event__action='socket-changed',
                       callerd__change__path=OWN)
    one = found[-1]
    if 'process' not in one:
        equal(len(field(one, 'callerd.candidates')), 2, one['message'])
        true('sender-ambiguous' in field(one, 'callerd.capture.reason'), one['message'])
    else:  # the looks were quick enough to tell them apart
        equal(one['process']['name'], 'chmod')


@test
def member_added():
    """usermod changes four files: one record, with sudo and the user who typed it."""
    begin()
    run('sudo', '-n', 'usermod', '-aG', GROUP, MALLORY, user=MEMBER)
    record = changed('members', 'access-granted', action='access-changed', program='usermod', severity=80)
    equal(field(record, 'callerd.change.added'), [MALLORY])
    equal(field(record, 'callerd.change.group'), GROUP)
    true('sudo' in field(record, 'process.parent.executable'), record['message'])
    begin()
    run('gpasswd', '-d', MALLORY, GROUP)
    record = changed('members', None, action='access-changed', program='gpasswd')
    equal(field(record, 'callerd.change.removed'), [MALLORY])
    more = [r['message'] for r in AGENT.records(event__action='access-changed')
            if r['event']['sequence'] > AGENT.mark]
    equal(len(more), 1, f'records of one command: {more}')


@test
def member_added_by_an_editor():
    begin()
    # vigr takes a file for changed only where its time differs by a second
    edit = f'edit() {{ sed -i "s/^{GROUP}:.*/&{MALLORY}/" "$1"; touch -d "+1 minute" "$1"; }}; edit'
    run('vigr', env={**os.environ, 'EDITOR': edit})
    record = changed('members', 'access-granted', action='access-changed', program='vipw')  # vigr is a link to it
    equal(field(record, 'callerd.change.added'), [MALLORY])
    begin()
    run('gpasswd', '-d', MALLORY, GROUP)
    changed('members', None, action='access-changed', program='gpasswd')


@test
def root_by_uid():
    begin()
    run('useradd', '-o', '-u', '0', '-g', GROUP, '-M', 'callerd-root')
    record = changed('members', 'access-granted', action='access-changed', program='useradd',
                     that=lambda r: field(r, 'callerd.change.group') == 'uid 0')
    equal(field(record, 'callerd.change.added'), ['callerd-root'])
    begin()
    run('sed', '-i', '/^callerd-root:/d', '/etc/passwd')  # userdel refuses: root has processes
    run('sed', '-i', '/^callerd-root:/d', '/etc/shadow')
    changed('members', None, action='access-changed', program='sed',
            that=lambda r: field(r, 'callerd.change.group') == 'uid 0')


@test
def sudoers():
    rule = '/etc/sudoers.d/callerd-test'
    with absent(rule):
        with open(D + '/rule', 'w') as file:
            file.write(f'{MALLORY} ALL=(root) NOPASSWD: /usr/bin/docker\n')
        begin()
        run('visudo', '-f', rule, env={**os.environ, 'EDITOR': f'cp {D}/rule'})
        record = changed('created', 'access-granted', rule, action='access-changed', program='visudo')
        true('sudoers-changed' in str(record), record['message'])
        begin()
        run('rm', rule)
        changed('deleted', 'sudoers-changed', rule, action='access-changed', program='rm')


@test
def configuration():
    os.makedirs('/etc/docker', exist_ok=True)
    with absent('/etc/docker/daemon.json'):
        begin()
        run('tee', '/etc/docker/daemon.json', input='{"hosts": ["tcp://0.0.0.0:2375"]}')
        changed('created', 'engine-configuration-changed', '/etc/docker/daemon.json', action='access-changed',
                program='tee')


@test
def unit():
    with absent(DROP + '/callerd-test.conf'):
        begin()
        run('tee', DROP + '/callerd-test.conf', input='[Service]\n')
        changed('created', 'engine-configuration-changed', DROP + '/callerd-test.conf', action='access-changed',
                program='tee')


@test
def program():
    with absent('/usr/local/bin/dockerd'):
        begin()
        run('install', '-m', '755', '/bin/true', '/usr/local/bin/dockerd')
        changed('created', 'engine-program-changed', '/usr/local/bin/dockerd', action='access-changed',
                program='install')


@test
def restart_of_the_engine():
    """A dockerd that makes its socket anew is no finding; the same by anybody else is one."""
    with Dockerd('access') as daemon:
        with Callerd('--guard', 'sockets', sockets=[daemon.path]) as agent:
            daemon.stop()
            daemon.start()
            agent.wait(event__action='socket-changed', that=lambda r: field(r, 'callerd.change.after.mode') == '0660')
            for record in agent.records(event__action='socket-changed'):
                equal(field(record, 'callerd.findings', []), [], record['message'])
                equal(os.path.basename(field(record, 'process.executable', '')), 'dockerd', record['message'])


@test
def storm():
    """Events that the kernel drops are a loss, and the state after them is seen."""
    begin()
    run('python3', '-c', f'''
import os
for i in range(60000):
    os.chmod({OWN!r}, 0o660 if i % 2 else 0o600)
os.chmod({OWN!r}, 0o606)
''')
    record = AGENT.wait(that=lambda r: r['event']['sequence'] > AGENT.mark
                        and field(r, 'callerd.change.after.mode') == '0606', event__action='socket-changed')[-1]
    true('python3' in json.dumps(record) or 'sender-lost' in json.dumps(record), record['message'])
    os.chmod(OWN, 0o660)
    AGENT.wait(that=lambda r: field(r, 'callerd.change.after.mode') == '0660'
               and r['event']['sequence'] > record['event']['sequence'], event__action='socket-changed')


@test
def guards_nothing():
    with Callerd('--guard', 'none', sockets=[OWN]) as agent:
        run('chmod', '600', OWN)
        run('chmod', '660', OWN)
        agent.wait(event__action='agent-started')
        ticks = cpu_ticks(agent.process.pid)
        time.sleep(2)
        spent = cpu_ticks(agent.process.pid) - ticks
        true(spent < os.sysconf('SC_CLK_TCK'), f'{spent} ticks of CPU in two idle seconds')
    equal([r for r in agent.seen if r['event']['action'] == 'socket-changed'], [])


def cpu_ticks(pid):
    with open(f'/proc/{pid}/stat') as file:
        user, system = file.read().rsplit(')', 1)[1].split()[11:13]
    return int(user) + int(system)


@test
def changed_before_the_end():
    """A change that the agent has not looked at yet is told before the agent ends."""
    begin()
    with Callerd(sockets=[OWN]) as agent:
        agent.wait(event__action='agent-started')
        run('chmod', '666', OWN)
        agent.stop()
        agent.records()
    changed('mode', 'socket-exposed', OWN)
    begin()
    run('chmod', '660', OWN)
    changed('mode', None, OWN)
    found = [r for r in agent.seen if r['event']['action'] == 'socket-changed' and field(r, 'callerd.change.path') == OWN]
    equal([(field(r, 'callerd.change.what'), os.path.basename(r['process']['executable'])) for r in found],
          [(['mode'], 'chmod')])


@test
def long_acl():
    """An ACL that is longer than its text is compared and judged as a whole."""
    begin()
    entries = [f'u:{uid}:r' for uid in range(70000, 70400)]
    run('setfacl', '-m', ','.join(entries), OWN)
    record = changed('acl', None, OWN, program='setfacl')
    true(field(record, 'callerd.change.after.acl').endswith('...'), record['message'])
    begin()
    run('setfacl', '-m', 'u:70399:rw', OWN)  # beyond the text
    changed('acl', 'socket-exposed', OWN, program='setfacl')
    begin()
    run('setfacl', '-b', OWN)
    changed('acl', None, OWN, program='setfacl')


@test
def too_many_rules():
    """More files than are looked at are said to be so."""
    begin()
    more = [f'/etc/sudoers.d/callerd-{i}' for i in range(300)]
    try:
        for path in more:
            with open(path, 'w'):
                pass
        changed('touched', 'not-judged', '/etc/sudoers.d', action='access-changed')
    finally:
        for path in more:
            os.unlink(path)


@test
def closed_by_the_end():
    """A file that a process leaves to its end to close, on a low descriptor and on a high one."""
    path = DROP + '/20-test.conf'
    with absent(path):
        for descriptor in 9, 900, 2000:
            begin()
            run('python3', '-c', f'''
import os, resource
resource.setrlimit(resource.RLIMIT_NOFILE, (4096, 4096))
file = os.open({path!r}, os.O_WRONLY | os.O_CREAT, 0o644)
os.dup2(file, {descriptor})
os.close(file)
os.write({descriptor}, b"[Service]\\n# {descriptor}\\n")
os._exit(0)
''')
            record = changed(('content', 'created')[descriptor == 9], 'engine-configuration-changed', path,
                             action='access-changed')
            true('python3' in field(record, 'process.executable', ''), record['message'])
        begin()
        run('rm', path)
        changed('deleted', 'engine-configuration-changed', path, program='rm', action='access-changed')


@test
def name_with_a_line_break():
    begin()
    path = '/etc/sudoers.d/callerd\nrule'
    try:
        with open(path, 'w') as file:
            file.write(f'{MEMBER} ALL=(ALL) NOPASSWD: /usr/bin/docker\n')
        changed('created', 'access-granted', '/etc/sudoers.d/callerd?rule', action='access-changed')
    finally:
        os.unlink(path)


@test
def given_and_taken_back():
    """What was granted for a moment was granted: a session that began meanwhile keeps it."""
    begin()
    # As two writes that are over before the look: the content is the same, and yet something was done.
    run('python3', '-c', 'import os; info = os.stat("/etc/group")\n'
        'os.utime("/etc/group", ns=(info.st_atime_ns, info.st_mtime_ns))')
    record = changed('touched', 'not-judged', '/etc/group', action='access-changed')
    true('/etc/group' in record['message'] and 'python3' in field(record, 'process.executable', ''), record['message'])
    rule = '/etc/sudoers.d/callerd-test'
    with absent(rule):
        begin()
        run('sh', '-c', f'echo "{MALLORY} ALL=NOPASSWD: ALL" > {rule}; rm {rule}')
        changed('touched', 'not-judged', rule, action='access-changed')
    program = '/usr/local/bin/dockerd'
    with absent(program):
        begin()
        run('install', '-m', '755', '/bin/true', program)
        changed('created', 'engine-program-changed', program, action='access-changed')
        begin()
        # Other bytes, of the same size and with the same time.
        run('python3', '-c', f'''
import os
info = os.stat({program!r})
with open({program!r}, "r+b") as file:
    file.seek(-1, 2)
    file.write(b"x")
os.utime({program!r}, ns=(info.st_atime_ns, info.st_mtime_ns))
''')
        changed('touched', 'not-judged', program, action='access-changed')


@test
def without_fanotify():
    """Where a file system has no fanotify, the change is told, without its process, and callerd says so."""
    if VM != '6.1':
        raise Skip('only before Linux 6.6 overlayfs, where /etc is in the VM, has no fanotify')
    rule = '/etc/sudoers.d/callerd-test'
    with Callerd(sockets=[OWN]) as agent:
        run('touch', rule)
        record = changed('created', 'sudoers-changed', rule, action='access-changed', agent=agent)
        run('rm', rule)
        agent.stop()
    true('sender-lost' in field(record, 'callerd.capture.reason', []), record['message'])
    true('process' not in record or 'executable' not in record['process'], record['message'])
    true('fanotify: ' in agent.error, agent.error)


@test
def while_no_agent_ran():
    """What changed while no agent ran is told by the next one, without a process."""
    state = D + '/state.db'
    rule = '/etc/sudoers.d/callerd-test'

    def start(**kwargs):
        return Callerd(sockets=[OWN], state=state, **kwargs)

    def changes(agent):
        return {(field(r, 'callerd.change.path'), tuple(field(r, 'callerd.change.what'))): r for r in agent.seen
                if field(r, 'callerd.change.path') in (OWN, rule, '/etc/group')
                and field(r, 'callerd.capture.reason') == ['agent-away']}
    with absent(rule):
        begin()
        with start() as agent:
            agent.wait(event__action='agent-started')
        equal(changes(agent), {}, 'the first look')
        with start() as agent:
            agent.wait(event__action='agent-started')
        equal(changes(agent), {}, 'nothing changed')
        run('chmod', '666', OWN)
        run('usermod', '-aG', GROUP, MALLORY)
        with open(rule, 'w') as file:
            file.write(f'{MALLORY} ALL=(root) NOPASSWD: /usr/bin/docker\n')
        with start() as agent:
            agent.wait(event__action='agent-started')
        told = changes(agent)
        equal(set(told), {(OWN, ('mode',)), ('/etc/group', ('members',)), (rule, ('created',))})
        for record in told.values():
            true('process' not in record or 'pid' not in record['process'], record['message'])
        equal([f['id'] for f in told[OWN, ('mode',)]['callerd']['findings']], ['socket-exposed'])
        equal(field(told['/etc/group', ('members',)], 'callerd.change.added'), [MALLORY])
        run('chmod', '660', OWN)
        run('gpasswd', '-d', MALLORY, GROUP)
        with start() as agent:
            agent.wait(event__action='agent-started')
        told = changes(agent)
        equal(set(told), {(OWN, ('mode',)), ('/etc/group', ('members',))})
        equal(field(told['/etc/group', ('members',)], 'callerd.change.removed'), [MALLORY])
    begin()


@test
def open_at_first_sight():
    """A socket that every user may write to is told when it is seen for the first time."""
    begin()
    run('chmod', '666', OWN)
    with Callerd(sockets=[OWN], state=D + '/other.db') as agent:
        agent.wait(event__action='socket-changed')
    with Callerd(sockets=[OWN], state=D + '/other.db') as again:
        again.wait(event__action='agent-started')
    run('chmod', '660', OWN)
    equal([f['id'] for r in agent.seen for f in field(r, 'callerd.findings', [])], ['socket-exposed'])
    equal([r['message'] for r in again.seen if r['event']['action'] == 'socket-changed'], [])


def main_with_agent():
    global AGENT
    shutil.rmtree(D, ignore_errors=True)
    os.makedirs(D + '/run')
    for command in ('userdel', MALLORY), ('groupdel', GROUP):  # of a run that was cut off
        subprocess.run(command, check=False, capture_output=True)
    made = not os.path.isdir(DROP)
    os.makedirs(DROP, exist_ok=True)
    run('groupadd', GROUP)
    run('useradd', '-M', MALLORY)
    with open('/etc/sudoers.d/callerd-access', 'w') as file:
        file.write(f'{MEMBER} ALL=(ALL) NOPASSWD: ALL\n')
    os.chmod('/etc/sudoers.d/callerd-access', 0o440)
    listener = make_socket()
    try:
        with Callerd(sockets=[OWN]) as AGENT:
            main()
    finally:
        listener.close()
        os.unlink('/etc/sudoers.d/callerd-access')
        run('userdel', MALLORY)
        run('groupdel', GROUP)
        if made:
            os.rmdir(DROP)


main_with_agent()
