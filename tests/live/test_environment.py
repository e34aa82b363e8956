# SPDX-License-Identifier: Apache-2.0
"""Which job, by what processes say of themselves: variables of the environment that they got at their exec, and no others."""
import ctypes

from live import *

AGENT = None
LIBC = ctypes.CDLL(None, use_errno=True)
CANARY = 'c4n4ry' + DIR.rsplit('/', 1)[-1].replace('.', '')
ONE_SHOT = CLIENTS + 'one_shot'

# What systems set, as each documents it, with what is in it for secrets and for the rest.
SYSTEMS = {
    'gitlab': ({
        'CI': 'true', 'GITLAB_CI': 'true', 'CI_PIPELINE_ID': '1234', 'CI_PIPELINE_IID': '12', 'CI_JOB_ID': '4711', 'CI_JOB_NAME': 'build:image',
        'CI_JOB_URL': 'https://gitlab.example.com/group/project/-/jobs/4711', 'GITLAB_USER_LOGIN': 'bob', 'GITLAB_USER_EMAIL': CANARY + '@example.com',
        'CI_PROJECT_PATH': 'group/project', 'CI_JOB_TOKEN': CANARY, 'CI_REGISTRY_PASSWORD': CANARY, 'CI_JOB_JWT': CANARY,
        'CI_REPOSITORY_URL': f'https://gitlab-ci-token:{CANARY}@gitlab.example.com/group/project.git', 'CI_COMMIT_MESSAGE': CANARY},
        {'pipeline': '1234', 'job': '4711', 'url': 'https://gitlab.example.com/group/project/-/jobs/4711', 'actor': 'bob',
         'repository': 'group/project'}),
    'github': ({
        'CI': 'true', 'GITHUB_ACTIONS': 'true', 'GITHUB_RUN_ID': '1658821493', 'GITHUB_RUN_NUMBER': '3', 'GITHUB_JOB': 'greeting_job',
        'GITHUB_WORKFLOW': 'My test workflow', 'GITHUB_SERVER_URL': 'https://github.com', 'GITHUB_REPOSITORY': 'octocat/Hello-World',
        'GITHUB_ACTOR': 'octocat', 'GITHUB_TRIGGERING_ACTOR': 'hubot', 'GITHUB_TOKEN': CANARY, 'ACTIONS_RUNTIME_TOKEN': CANARY},
        {'pipeline': '1658821493', 'job': 'greeting_job', 'url': 'https://github.com/octocat/Hello-World/actions/runs/1658821493',
         'actor': 'hubot', 'repository': 'octocat/Hello-World'}),
    'gitea': ({
        'CI': 'true', 'GITHUB_ACTIONS': 'true', 'GITEA_ACTIONS': 'true', 'GITHUB_RUN_ID': '7', 'GITHUB_JOB': 'test', 'GITHUB_SERVER_URL':
        'https://git.example.com', 'GITHUB_REPOSITORY': 'carol/app', 'GITHUB_ACTOR': 'carol', 'GITEA_TOKEN': CANARY},
        {'pipeline': '7', 'job': 'test', 'url': 'https://git.example.com/carol/app/actions/runs/7', 'actor': 'carol', 'repository': 'carol/app'}),
    'forgejo': ({
        'GITHUB_ACTIONS': 'true', 'GITEA_ACTIONS': 'true', 'FORGEJO_ACTIONS': 'true', 'GITHUB_RUN_ID': '8', 'GITHUB_JOB': 'test',
        'GITHUB_REPOSITORY': 'dave/app', 'FORGEJO_TOKEN': CANARY}, {'pipeline': '8', 'job': 'test', 'repository': 'dave/app'}),
    'jenkins': ({
        'JENKINS_URL': 'https://ci.example.com/', 'JENKINS_HOME': '/var/jenkins_home', 'JOB_NAME': 'foo/bar', 'BUILD_NUMBER': '153',
        'BUILD_ID': '153', 'BUILD_TAG': 'jenkins-foo-bar-153', 'BUILD_URL': 'https://ci.example.com/job/foo/job/bar/153/',
        'GIT_URL': f'https://robot:{CANARY}@git.example.com/foo.git', 'BUILD_USER_ID': 'erin', 'JENKINS_NODE_COOKIE': CANARY},
        {'pipeline': 'foo/bar', 'job': '153', 'url': 'https://ci.example.com/job/foo/job/bar/153/', 'actor': 'erin',
         'repository': 'https://robot:***@git.example.com/foo.git'}),
    'buildkite': ({
        'BUILDKITE': 'true', 'CI': 'true', 'BUILDKITE_BUILD_ID': '4735ba57-80d0-46e2-8fa0-b28223a86586', 'BUILDKITE_BUILD_NUMBER': '1514',
        'BUILDKITE_JOB_ID': 'e44f9784-e20e-4b93-a21d-f41fd5869db9', 'BUILDKITE_BUILD_URL': 'https://buildkite.com/acme-inc/my-project/builds/1514',
        'BUILDKITE_BUILD_CREATOR': 'Frank', 'BUILDKITE_REPO': 'git@github.com:acme-inc/my-project.git', 'BUILDKITE_AGENT_ACCESS_TOKEN': CANARY},
        {'pipeline': '4735ba57-80d0-46e2-8fa0-b28223a86586', 'job': 'e44f9784-e20e-4b93-a21d-f41fd5869db9', 'actor': 'Frank',
         'url': 'https://buildkite.com/acme-inc/my-project/builds/1514', 'repository': 'git@github.com:acme-inc/my-project.git'}),
    'circleci': ({
        'CI': 'true', 'CIRCLECI': 'true', 'CIRCLE_BUILD_NUM': '370', 'CIRCLE_BUILD_URL': 'https://circleci.com/gh/circleci/circleci-docs/370',
        'CIRCLE_JOB': 'build', 'CIRCLE_WORKFLOW_ID': '5034460f-c7c4-4c43-9457-de07e2029e7b', 'CIRCLE_USERNAME': 'grace',
        'CIRCLE_PROJECT_USERNAME': 'circleci', 'CIRCLE_PROJECT_REPONAME': 'circleci-docs', 'CIRCLE_OIDC_TOKEN': CANARY},
        {'pipeline': '5034460f-c7c4-4c43-9457-de07e2029e7b', 'job': '370', 'url': 'https://circleci.com/gh/circleci/circleci-docs/370',
         'actor': 'grace', 'repository': 'circleci/circleci-docs'}),
    'woodpecker': ({
        'CI': 'woodpecker', 'CI_SYSTEM_NAME': 'woodpecker', 'CI_REPO': 'john-doe/my-repo', 'CI_PIPELINE_NUMBER': '8', 'CI_PIPELINE_AUTHOR': 'octocat',
        'CI_STEP_NAME': 'build package', 'CI_STEP_URL': 'https://ci.example.com/repos/7/pipeline/8', 'CI_NETRC_PASSWORD': CANARY},
        {'pipeline': '8', 'job': 'build package', 'url': 'https://ci.example.com/repos/7/pipeline/8', 'actor': 'octocat',
         'repository': 'john-doe/my-repo'}),
    'drone': ({
        'CI': 'true', 'DRONE': 'true', 'DRONE_BUILD_NUMBER': '42', 'DRONE_STAGE_NAME': 'default', 'DRONE_STEP_NAME': 'publish',
        'DRONE_BUILD_LINK': 'https://drone.company.com/octocat/hello-world/42', 'DRONE_BUILD_TRIGGER': 'octocat', 'DRONE_REPO': 'octocat/hello-world',
        'DRONE_NETRC_PASSWORD': CANARY},
        {'pipeline': '42', 'job': 'default/publish', 'url': 'https://drone.company.com/octocat/hello-world/42', 'actor': 'octocat',
         'repository': 'octocat/hello-world'}),
    'teamcity': ({
        'TEAMCITY_VERSION': '2025.11 (build 207946)', 'TEAMCITY_PROJECT_NAME': 'My Project', 'TEAMCITY_BUILDCONF_NAME': 'Build',
        'BUILD_NUMBER': '17', 'TEAMCITY_BUILD_PROPERTIES_FILE': CANARY}, {'pipeline': 'My Project/Build', 'job': '17'}),
    'azure': ({
        'TF_BUILD': 'True', 'BUILD_BUILDID': '99', 'SYSTEM_JOBID': '12f1170f-54f2-53f3-20dd-22fc7dff55f9',
        'SYSTEM_COLLECTIONURI': 'https://dev.azure.com/fabrikamfiber/', 'SYSTEM_TEAMPROJECT': 'web', 'BUILD_REQUESTEDFOR': 'Heidi Example',
        'BUILD_REPOSITORY_NAME': 'web-app', 'SYSTEM_ACCESSTOKEN': CANARY},
        {'pipeline': '99', 'job': '12f1170f-54f2-53f3-20dd-22fc7dff55f9', 'actor': 'Heidi Example', 'repository': 'web-app',
         'url': 'https://dev.azure.com/fabrikamfiber/web/_build/results?buildId=99'}),
}

AGENTS = {
    'claude-code': {'CLAUDECODE': '1', 'CLAUDE_CODE_SESSION_ID': '0c1d', 'ANTHROPIC_API_KEY': CANARY},
    'codex': {'CODEX_CI': '1', 'CODEX_THREAD_ID': '019d', 'OPENAI_API_KEY': CANARY},
    'cursor': {'CURSOR_AGENT': '1', 'CURSOR_API_KEY': CANARY},
    'gemini-cli': {'GEMINI_CLI': '1', 'GEMINI_API_KEY': CANARY},
    'opencode': {'OPENCODE': '1'},
    'github-copilot': {'COPILOT_CLI': '1', 'COPILOT_GITHUB_TOKEN': CANARY},
    'augment': {'AUGMENT_AGENT': '1'},
    'antigravity': {'ANTIGRAVITY_AGENT': '1'},
    'our-own': {'AI_AGENT': 'our-own'},
}


def spawn(argv, variables):
    """Runs a program with this environment, of bytes: no shell or library makes a dictionary of it."""
    pid = ctypes.c_int()
    args = (ctypes.c_char_p * (len(argv) + 1))(*[arg.encode() for arg in argv], None)
    environment = (ctypes.c_char_p * (len(variables) + 1))(*variables, None)
    equal(LIBC.posix_spawn(ctypes.byref(pid), argv[0].encode(), None, None, args, environment), 0, 'posix_spawn')
    equal(os.waitpid(pid.value, 0)[1], 0, f'exit of {argv}')
    return pid.value


def encoded(variables):
    return [f'{name}={value}'.encode() for name, value in variables.items()]


def calls():
    """Targets that are told apart."""
    calls.count = getattr(calls, 'count', 0) + 1
    return f'/_ping?environment={os.getpid()}-{calls.count}'


def told(variables, agent=None):
    """The record of a process with this environment."""
    target = calls()
    spawn([ONE_SHOT, SOCKET, '--quiet', '--target', target], variables)
    return (agent or AGENT).wait(event__action='api-request', url__original=target)[0]


def variables_of(record):
    return field(record, 'callerd.caller.environment.variables')


@test
def jobs_of_each_system():
    for name, (variables, wanted) in SYSTEMS.items():
        record = told(encoded(variables))
        equal(field(record, 'callerd.ci'), {'system': name, **wanted}, name)
        equal(field(record, 'callerd.caller.environment.pid'), None, f'{name}: whose')
        equal(field(record, 'callerd.caller.environment.truncated'), None, name)
        equal(field(record, 'process.env_vars'), variables_of(record), f'{name}: in ECS')
        true(CANARY not in json.dumps(record), f'{name}: {record}')
    record = told(encoded(SYSTEMS['gitlab'][0]))
    true(record['message'].startswith('root [gitlab job 4711 of group/project (bob)] | one_shot'), record['message'])


@test
def ai_agents():
    for name, variables in AGENTS.items():
        record = told(encoded(variables))
        equal(field(record, 'callerd.ai.agent'), [name], name)
        equal(field(record, 'callerd.ci'), None, name)
        true(CANARY not in json.dumps(record), f'{name}: {record}')
    record = told(encoded({**AGENTS['claude-code'], **AGENTS['codex'], **SYSTEMS['github'][0]}))
    equal((field(record, 'callerd.ai.agent'), field(record, 'callerd.ci.job')), (['claude-code', 'codex'], 'greeting_job'), 'several')
    true('[github job greeting_job of octocat/Hello-World (hubot), claude-code, codex]' in record['message'], record['message'])


@test
def one_within_another_is_not_guessed():
    record = told(encoded({**SYSTEMS['gitlab'][0], **SYSTEMS['github'][0]}))
    equal(field(record, 'callerd.ci'), None, 'of two systems')
    true({'CI_JOB_ID=4711', 'GITHUB_RUN_ID=1658821493'} <= set(variables_of(record)), variables_of(record))


@test
def the_nearest_that_has_any():
    """sudo gives a command an environment of its own: the job is that of sudo, or of whoever is above."""
    environment = {**SYSTEMS['gitlab'][0], 'PATH': os.environ['PATH']}
    for command in (['sudo', '-n'], ['env', '-i'], ['sh', '-c', 'env -i sh -c \'"$0" "$@"; :\' "$0" "$@"; :']):
        target = calls()
        subprocess.run([*command, ONE_SHOT, SOCKET, '--quiet', '--target', target], env=environment, check=True)
        record = AGENT.wait(event__action='api-request', url__original=target)[0]
        above = [above['pid'] for above in record['callerd']['ancestors']]
        if command[0] == 'env':  # it executes the command itself: nobody above has the job
            equal(field(record, 'callerd.ci'), None, 'env -i')
            continue
        equal(field(record, 'callerd.ci.job'), '4711', command[0])
        true(field(record, 'callerd.caller.environment.pid') in above[:2], f'{command[0]}: {record["callerd"]["caller"]}, {above}')
        equal(field(record, 'process.env_vars'), None, 'they are not its own')


@test
def a_job_starts_containers_by_the_cli():
    """From the shell of a job; what comes of it later, while another callerd runs, goes back to the job, too."""
    state, name, end = f'{DIR}/environment/state.db', f'job{os.getpid()}', f'{DIR}/environment.end'
    with Callerd(state=state, detail='lineage') as agent:
        subprocess.run(['sh', '-c', 'docker -H "unix://$0" run -d --network none --name "$1" -v "$2":/end "$3" sh -c "$4"; :', SOCKET, name,
                        DIR, IMAGE, 'while [ ! -e /end/environment.end ]; do sleep 0.1; done'],
                       env={**SYSTEMS['gitlab'][0], 'PATH': os.environ['PATH'], 'HOME': '/nonexistent'}, check=True, stdout=subprocess.DEVNULL)
        created = agent.wait(callerd__api__operation='ContainerCreate')[0]
        equal(field(created, 'callerd.ci'), {'system': 'gitlab', **SYSTEMS['gitlab'][1]}, 'of the job')
        equal(variables_of(created), None, 'all of it is told')
        agent.event('container/start', field(created, 'callerd.target.id'))
        started = agent.wait(callerd__api__operation='ContainerStart')[0]
    with Callerd(state=state) as agent, open(end, 'w'):
        died = agent.event('container/die', field(created, 'callerd.target.id'))[0]
        equal(field(died, 'callerd.ci'), field(started, 'callerd.ci'), 'of whoever started it')
        equal(field(died, 'process.entity_id'), field(started, 'process.entity_id'), 'the same process')
        docker('rm', name)
        removed = agent.event('container/destroy', field(created, 'callerd.target.id'))[0]
        equal(field(removed, 'callerd.ci'), None, 'of him who removed it')


@test
def odd_environments():
    job = encoded(SYSTEMS['gitlab'][0])
    for what, variables, wanted in (
            ('nothing', [], None),
            ('the first one counts, as with getenv()', [b'CI_JOB_ID=1', *job], '1'),
            ('one that is empty, too', [b'CI_JOB_ID=', *job], None),
            ('without a name', [b'', b'=', b'CI_JOB_ID', b'GITLAB_CI', *job], '4711'),
            ('longer names and shorter ones', [b'CI_JOB_ID2=5', b'CI_JOB_I=6', b'XCI_JOB_ID=7', b'x' * 60 + b'CI_JOB_ID=8', *job], '4711'),
            ('around the ends of what is read at once', [b'A=' + b'b' * size for size in range(180, 210)] + job, '4711'),
            ('names around the ends of words', [b'n' * size + b'=' for size in range(1, 60)] + job, '4711'),
            ('behind a value that looks like one', [b'A=' + b'b' * 189 + b'CI_JOB_ID=9', *job], '4711'),
            ('behind one of 60 KB', [b'JUNK=' + b'j' * 60000, *job], '4711'),
            ('no UTF-8', [b'CI_JOB_ID=\xff\xfe1', *job], '\ufffd\ufffd1'),
            ('several lines', [b'CI_JOB_ID=1\n2\x1b[2J', *job], '1\n2\x1b[2J')):
        record = told(variables)
        equal(field(record, 'callerd.ci.job'), wanted, what)
        equal(field(record, 'callerd.caller.environment.truncated'), None, what)
    record = told([b'CI_PROJECT_PATH=x (root)] \xe2\x86\x92 root | docker', *job])
    true("] | one_shot" in record['message'] and record['message'].count(' | ') == 3, record['message'])


@test
def much_is_cut_and_said_to_be():
    job = encoded(SYSTEMS['gitlab'][0])
    junk = [b'JUNK%d=%s' % (i, b'j' * 1000) for i in range(1500)]
    for what, variables, wanted in (
            ('before 1.5 MB of junk', [*job, *junk], '4711'), ('behind it', [*junk, *job], None),
            ('behind a variable of 100 KB', [b'JUNK=' + b'j' * 100000, *job], None),
            ('one that is too long', [b'CI_COMMIT=1', b'GITLAB_USER_LOGIN=' + b'b' * 1000, *job], '4711'),
            ('too many of those that are told', [b'CI_JOB_NAME_%d=1' % i for i in range(5)] + [b'CI_JOB_URL=' + b'u' * 280] * 5 + job, None)):
        record = told(variables)
        equal(field(record, 'callerd.ci.job'), wanted, what)
        equal(field(record, 'callerd.caller.environment.truncated'), True, what)
    # What of the process itself is not all read may name another job than that of its parent, which is not told in its place.
    target = calls()
    subprocess.run(['sh', '-c', f'env -i $(seq -f JUNK%g=1 600) {ONE_SHOT} {SOCKET} --quiet --target "{target}"; :'],
                   env={**os.environ, **SYSTEMS['gitlab'][0]}, check=True)
    record = AGENT.wait(event__action='api-request', url__original=target)[0]
    equal((field(record, 'callerd.ci'), field(record, 'callerd.caller.environment')), (None, {'truncated': True}), 'the job of the parent')
    # What is cut within a password does not look like one any more.
    record = told([b'JENKINS_URL=1', b'GIT_URL=https://robot:' + CANARY.encode() * 40 + b'@git.example.com/x'])
    equal(field(record, 'callerd.ci.repository'), '***', 'a password that is cut')


@test
def names_of_the_site():
    with Callerd('--environment', 'OUR_TICKET', '--environment', 'OUR_TEAM', detail='lineage') as agent:
        record = told([b'OUR_TICKET=T-1', b'OUR_TEAM=core', b'OUR_TOKEN=' + CANARY.encode(), *encoded(SYSTEMS['gitlab'][0])], agent)
        equal(variables_of(record), ['OUR_TICKET=T-1', 'OUR_TEAM=core'], 'of the site')
        equal(field(record, 'callerd.ci.job'), '4711', 'and the job')
    with Callerd('--environment', 'none') as agent:
        record = told([b'OUR_TICKET=T-1', *encoded(SYSTEMS['gitlab'][0])], agent)
        equal((variables_of(record), field(record, 'callerd.ci')), (None, None), 'none')
    for name in ('OUR_TOKEN', 'DB_PASSWORD', 'A B', '', 'x' * 48, '1'):
        done = subprocess.run([CALLERD, '--environment', name, '--check-config'], stderr=subprocess.PIPE, check=False)
        equal(done.returncode, 2, f'{name}: {done.stderr}')


@test
def chosen_by_job_and_named_once():
    """Outputs can choose by what it says, and a caller that has a line of its own is told there with its job."""
    chosen = DIR + '/environment.chosen'
    with Callerd('--output', f'file:{chosen},chain=no,where=ci = gitlab and job = 4711 and not agent = codex', detail='reference') as agent:
        told(encoded(SYSTEMS['gitlab'][0]), agent)
        told(encoded({**SYSTEMS['gitlab'][0], 'CODEX_CI': '1'}), agent)
        told(encoded({**SYSTEMS['gitlab'][0], 'CI_JOB_ID': '4712'}), agent)
        agent.settle()
        agent.stop()
        seen = {field(r, 'callerd.caller.id'): field(r, 'callerd.ci.job') for r in agent.records(event__action='caller-seen')}
        named = agent.records(event__action='api-request')
        equal({field(r, 'callerd.ci') for r in named}, {None}, 'named')
        equal(sorted(seen[field(r, 'callerd.caller.id')] for r in named if 'environment=' in r['url']['original']), ['4711', '4711', '4712'], 'told before')
    with open(chosen, encoding='utf-8') as lines:
        records = [json.loads(line) for line in lines]
    equal([field(r, 'callerd.ci.job') for r in records if field(r, 'event.action') == 'api-request'], ['4711'], 'chosen')


WAITS = '''
import socket, sys
for line in sys.stdin:
    client = socket.socket(socket.AF_UNIX)
    client.connect(sys.argv[1])
    client.sendall(b'GET ' + line.strip().encode() + b' HTTP/1.1\\r\\nHost: docker\\r\\n\\r\\n')
    client.recv(4096)
'''


class Waiting:
    """A process of a job that calls when it is told to."""

    def __init__(self, **more):
        self.process = subprocess.Popen([sys.executable, '-c', WAITS, SOCKET], env={**SYSTEMS['gitlab'][0], **more}, stdin=subprocess.PIPE, text=True)

    def call(self, agent):
        target = calls()
        print(target, file=self.process.stdin, flush=True)
        return agent.wait(event__action='api-request', url__original=target)[0]

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.process.stdin.close()
        self.process.wait(PATIENCE)


@test
def of_the_time_before():
    """Of a process that is older than the kernel programs nothing is known; what is pinned goes on."""
    pin = f'/sys/fs/bpf/callerd-environment-{os.getpid()}'
    with Waiting() as older:
        try:
            with Callerd(pin=pin) as agent:
                record = older.call(agent)
                equal((field(record, 'callerd.ci'), field(record, 'callerd.caller.environment')), (None, None), 'older than the programs')
                before = Waiting()
                equal(field(before.call(agent), 'callerd.ci.job'), '4711', 'it was seen')
                agent.process.kill()
                agent.process.wait()
                away = Waiting()
            with before, away, Callerd(pin=pin) as agent:
                true('taken over' in field(agent.records(event__action='agent-started')[0], 'callerd.capture.backend_reason'), 'pinned')
                for process in (before, away):
                    equal(field(process.call(agent), 'callerd.ci.job'), '4711', 'what is pinned knows it')
        finally:
            run(CALLERD, '--detach', '--pin', pin, check=False)


@test
def of_forks_and_containers():
    """Who is forked has what his parent got at its exec. Of a process in a container the variables are those that it was given."""
    target = calls()
    subprocess.run([CLIENTS + 'fork_sender', SOCKET, '--target', target], env=SYSTEMS['gitlab'][0], stdout=subprocess.DEVNULL, check=True)
    for record in AGENT.wait(event__action='api-request', that=lambda record: field(record, 'url.original', '').startswith(target)):
        equal((field(record, 'callerd.ci.job'), field(record, 'callerd.caller.environment.pid')), ('4711', None), 'forked')
    target = calls()
    docker('run', '--rm', '--network', 'none', '-v', SOCKET + ':/s', '-e', 'TF_BUILD=True', '-e', 'BUILD_BUILDID=5', IMAGE, 'unixhttp', '/s', 'GET',
           target)
    record = AGENT.wait(event__action='api-request', url__original=target)[0]
    equal(field(record, 'callerd.ci'), {'system': 'azure', 'pipeline': '5'}, 'in a container')
    true('[azure of 5]' in record['message'], record['message'])


@test
def who_is_pushed_out_is_said_to_be():
    """A user floods the table with environments that differ: another one's job is gone, and that is told. One that was met more than once stays longer."""
    with Waiting(CI_PIPELINE_ID=f'{DIR}quiet') as quiet:
        for number in range(scaled(6000, 2600)):
            pid = os.posix_spawn('/bin/true', ['/bin/true'], {'CI_JOB_ID': f'{DIR}{number}'})
            os.waitpid(pid, 0)
        record = quiet.call(AGENT)
        equal((field(record, 'callerd.ci'), field(record, 'callerd.caller.environment')), (None, {'truncated': True}), 'it is gone')


def tables(pids):
    """What is in each table of the kernel programs, as bytes."""
    for number in sorted({number for pid in pids for number in of_each(pid, 'fdinfo', 'map_id').values()}):
        shown = subprocess.run(['bpftool', '-j', 'map', 'dump', 'id', str(number)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False).stdout
        try:
            entries = json.loads(shown)
        except ValueError:
            continue
        words = []

        def gather(value):
            if isinstance(value, dict):
                for name, part in value.items():
                    if name != 'formatted':
                        gather(part)
            elif isinstance(value, list) and value and all(isinstance(one, str) for one in value):
                words.append(bytes(int(one, 16) for one in value))
            elif isinstance(value, list):
                for part in value:
                    gather(part)
        gather(entries)
        yield number, words


@test
def nothing_else_is_read():
    """Values of other variables are in no table of the kernel programs, in no ring, in no memory of callerd and in no record; that the
    search finds what is there shows a variable that is read."""
    read, kept = 'r34d' + CANARY, DIR + '/environment.events'
    with Callerd('--record-events', kept) as keeper, Callerd() as agent:
        variables = [b'CI_JOB_ID=' + read.encode(), *(f'{name}={CANARY}'.encode() for name in (
            'CI_JOB_TOKEN', 'SECRET', 'A', 'x' * 47, 'CI_JOB_IDX', 'CI_JOB_I', 'GITLAB_USER_EMAIL')), CANARY.encode(), b'P=' + CANARY.encode() * 30]
        for behind in ([], [b'JUNK=' + b'j' * 100]):
            told(variables + behind, agent)
        keeper.settle()
        held_there = [word for _, words in tables([agent.pid, agent.broker]) for word in words]
        equal([word for word in held_there if CANARY.encode() in word.replace(read.encode(), b'')], [], 'in tables')
        true(any(read.encode() in word for word in held_there), 'the search finds what is read')
        equal([what for what, data in agent.memory() if CANARY.encode() in data.replace(read.encode(), b'')], [], 'in memory')
        agent.stop()
        keeper.stop()
    true(CANARY not in json.dumps(agent.seen).replace(read, ''), 'in records')
    with open(kept, 'rb') as file:
        events = file.read()
    true(CANARY.encode() not in events.replace(read.encode(), b''), 'in the rings')
    true(read.encode() in events, 'what is read is in them')


if __name__ == '__main__':
    with Callerd() as AGENT:
        main()
