# SPDX-License-Identifier: Apache-2.0
"""Counts what was truly sent, and compares it with what callerd says.

The callers (caller.py) say of each request its mark, who sent it, and whether it was answered. Of an answered request there must
be one record, which names its sender or says that it does not know, or a loss that was counted, of that account. A request of which
nobody knows whether the daemon read it may have a record, with the right sender.
"""
import collections
import json
import os
import re

from live import acts_as, field

MARK = re.compile(r'soak-\w+-\d+')
SUFFIX = re.compile(r'[&?](?:n=|mode=)?(\w+)')
# Losses that stand for requests without a record.
OF_REQUESTS = {'ring-full-request', 'connection-table-full', 'connection-evicted', 'no-scratch-buffer', 'program-missed', 'buffer-unreadable',
               'event-malformed', 'no-memory', 'agent-away-request', 'agent-killed'}
# Those that stand for records which cannot name their caller.
OF_CALLERS = {'ring-full-connect', 'ring-full-sender', 'no-scratch-buffer', 'program-missed', 'connection-table-full', 'no-memory',
              'agent-away-caller', 'agent-killed'}
UNKNOWN_SHARE = 1000  # one of so many requests may name nobody where nothing was lost


def key_of(text):
    """The last mark in TEXT, and its suffix: a path may have the name of what was marked before."""
    found = None
    for found in MARK.finditer(text):
        pass
    if not found:
        return None
    suffix = SUFFIX.match(text, found.end())
    return found.group(), suffix.group(1) if suffix else None


class Sent:
    """What the callers say that they sent."""

    def __init__(self):
        self.requests = {}  # by mark and suffix
        self.open = {}  # by mark: any suffix may have been sent
        self.accounts = {}  # uid or container to the caller's name

    def read(self, path):
        name = os.path.basename(path).split('.')[-1]
        with open(path) as file:
            for line in file:
                entry = json.loads(line)
                entry['caller'] = name
                if entry['suffix'] == '*':
                    self.open[entry['mark']] = entry
                elif 'numbered' in entry:
                    lost = set(entry.pop('unanswered'))
                    for i in range(entry.pop('numbered')):
                        self.requests[entry['mark'], str(i)] = {**entry, 'status': 0 if i in lost else 200}
                else:
                    self.requests[entry['mark'], entry['suffix']] = entry

    def find(self, key):
        return self.requests.get(key) or self.open.get(key[0])


class Records:
    """What callerd wrote, of all its lives; only what is needed of it."""

    def __init__(self):
        self.requests = []  # key, record cut down
        self.events = []
        self.lost = []  # reason, count, output, account
        self.sequences = collections.defaultdict(list)  # by life
        self.started = {}  # when each life did, its records' time
        self.ended = set()  # lives that were not killed
        self.count = self.changes = 0

    def read(self, path):
        with open(path, 'rb') as file:
            for line in file:
                self.take(json.loads(line.decode('utf-8')))

    def take(self, record):
        action = record['event']['action']
        if 'sequence' in record['event']:
            self.count += 1
            self.sequences[field(record, 'agent.ephemeral_id')].append(record['event']['sequence'])
        if action == 'agent-started':
            self.started[field(record, 'agent.ephemeral_id')] = record['@timestamp']
        elif action == 'agent-stopped':
            self.ended.add(field(record, 'agent.ephemeral_id'))
        self.changes += action in ('socket-changed', 'access-changed')
        if action == 'api-request':
            key = key_of(field(record, 'url.original', ''))
            if key:
                self.requests.append((key, self.cut(record)))
        elif action == 'docker-event':
            key = key_of(field(record, 'callerd.docker_event.name') or field(record, 'callerd.docker_event.id', ''))
            if key:
                self.events.append((key, self.cut(record)))
        elif action == 'records-lost':
            lost = record['callerd']['lost']
            self.lost.append((lost['reason'], lost['count'], lost.get('output'), field(record, 'callerd.account')))

    @staticmethod
    def cut(record):
        return {'pid': field(record, 'process.pid'), 'uid': acts_as(record), 'exe': field(record, 'process.executable', ''),
                'parent': field(record, 'process.parent.pid'), 'container': field(record, 'container.id'),
                'connector': field(record, 'callerd.connector.pid'), 'status': field(record, 'http.response.status_code'),
                'candidates': [one.get('pid') for one in field(record, 'callerd.candidates', [])],
                'reasons': field(record, 'callerd.capture.reason', []), 'message': record['message'],
                'time': record['@timestamp'], 'life': field(record, 'agent.ephemeral_id')}

    def holes(self):
        """How many sequences are missing between the first and the last, and where a life has a hole within."""
        lives = list(self.sequences.values())  # in their order
        within = [f'{numbers[0]} to {numbers[-1]}: {len(numbers)}' for numbers in lives
                  if numbers != list(range(numbers[0], numbers[0] + len(numbers)))]
        return sum(max(0, after[0] - before[-1] - 1) for before, after in zip(lives, lives[1:])), within

    def of_killed(self, record):
        """Whether RECORD is of what happened before its life began, and the life before was killed: that one had read who the
        callers are."""
        lives = list(self.started)
        life = lives.index(record['life'])
        return life > 0 and lives[life - 1] not in self.ended and record['time'] < self.started[record['life']]


def same_program(sent, recorded):
    """Whether RECORDED, a path, is the program SENT, a path or a name: also behind a link, or as an interpreter's version."""
    name = os.path.basename(recorded)
    return name in (os.path.basename(sent), os.path.basename(os.path.realpath(sent))) or (sent == 'python3' and name.startswith('python3'))


def wrong(sent, record):
    """What RECORD says of its caller that is not so; '' if all is right, None if it names nobody."""
    if record['pid'] is None:
        listed = record['candidates']
        if listed and sent.get('pid') and sent['pid'] not in listed and 'sender-lost' not in record['reasons']:
            return f'pid {sent["pid"]} is not among the candidates {listed}'
        return None
    if sent.get('pid') not in (None, record['pid']):
        return f'pid {record["pid"]}, not {sent["pid"]}'
    if str(sent['uid']) != record['uid']:
        return f'user {record["uid"]}, not {sent["uid"]}'
    if sent.get('exe') and record['exe'] and not same_program(sent['exe'], record['exe']):  # '': the caller was gone before it was described
        return f'program {record["exe"]}, not {sent["exe"]}'
    if record['parent'] and sent.get('parent') not in (None, record['parent']):
        return f'parent {record["parent"]}, not {sent["parent"]}'
    if sent.get('container') != record['container']:
        return f'container {record["container"]}, not {sent.get("container")}'
    return ''


def account_of(entry):
    """Whose losses are to make up for ENTRY: the user's, or the container's."""
    return 'container' if entry.get('container') else str(entry['uid'])


class Judgement:
    """Compares SENT (Sent) with RECORDS (Records). What is not right is in faults, by kind. EXACT: an account of which each request
    has a mark and is one piece, or two: while Go's server answers, it reads one byte ahead. LOG: the name of the output that
    RECORDS are of: what it lost is missing in them."""

    def __init__(self, sent, records, exact, log):
        self.exact, self.log = exact, log
        self.faults = collections.defaultdict(list)
        self.unknown = 0  # records that name nobody
        self.unknown_of_killed = 0  # of these, of requests that a killed agent left behind
        self.doubtful = 0  # of these, of requests which are made so that it cannot be told
        self.recorded = collections.Counter()  # by caller
        self.missing = collections.defaultdict(set)  # by account: pieces that no record tells of
        self.missing_marks = collections.Counter()  # by caller
        self.answered, self.maybe = collections.Counter(), collections.Counter()
        self.events = len(records.events)
        self.events_unknown = 0
        self.lost = collections.Counter()  # by account and reason; None: of no account
        self.of_requests, self.of_callers = collections.Counter(), 0
        self.seen = set()
        for entry in sent.requests.values():
            (self.answered if entry['status'] else self.maybe)[entry['caller']] += 1
        self.losses(records)
        for key, record in records.requests:
            self.request(sent, records, key, record)
        for key, record in records.events:
            self.event(sent, key, record)
        for key, entry in sent.requests.items():
            if entry['status'] and key not in self.seen:
                self.missing[account_of(entry)].add(entry.get('piece') or key)
                self.missing_marks[entry['caller']] += 1
        self.balance(sent)
        self.not_too_many(sent)

    def lost_of(self, account):
        """The reasons for which an account lost something."""
        return [reason for (whose, reason), count in self.lost.items() if whose == account and count]

    def losses(self, records):
        for reason, count, output, account in records.lost:
            if output == self.log:
                self.of_requests[None] += count
                self.of_callers += count
            if output:
                continue
            whose = None
            if account:
                whose = account['id'] if account['type'] == 'user' else account['type']
            self.lost[whose, reason] += count
            if reason in OF_REQUESTS:
                self.of_requests[whose] += count
            if reason in OF_CALLERS:
                self.of_callers += count

    def request(self, sent, records, key, record):
        entry = sent.find(key)
        if not entry:
            self.faults['phantom'].append(f'{key}: nobody sent it: {record["message"]}')
            return
        if key in self.seen:
            self.faults['double'].append(f'{key}: a second record: {record["message"]}')
            return
        self.seen.add(key)
        self.recorded[entry['caller']] += 1
        what = wrong(entry, record)
        if what is None:
            self.unknown += 1
            self.doubtful += bool(entry.get('doubt'))
            self.unknown_of_killed += not entry.get('doubt') and records.of_killed(record)
        elif what:
            self.faults['wrong'].append(f'{key} ({entry["way"]} of {entry["caller"]}): {what}: {record["message"]}')
        if entry['status'] > 0 and record['status'] not in (None, entry['status']) and 'resynchronised' not in record['reasons']:
            self.faults['status'].append(f'{key} ({entry["way"]}): {record["status"]}, not {entry["status"]}: {record["message"]}')

    def event(self, sent, key, record):
        entry = sent.find(key)
        if record['uid'] is None:
            self.events_unknown += 1
        elif entry and record['uid'] != str(entry['uid']):
            self.faults['wrong'].append(f'{key}: an event goes back to user {record["uid"]}, not {entry["uid"]}: {record["message"]}')

    def balance(self, sent):
        """What is missing must have been counted, for the account that it is of; a loss of no account is of any."""
        free = self.of_requests[None]
        for account, pieces in self.missing.items():
            over = len(pieces) - self.of_requests[account]
            if over > free:
                ways = collections.Counter(sent.requests[key]['way'] for key in sent.requests if
                                           (sent.requests[key].get('piece') or key) in pieces and key not in self.seen)
                self.faults['missing'].append(f'account {account}: {len(pieces)} without a record, {self.of_requests[account]} counted as '
                                              f'lost ({free} of no account): {dict(ways)}, as {sorted(map(str, pieces))[:5]}')
            free -= max(0, min(over, free))
        # To say that it does not know is always right, but must be rare.
        bound = self.of_callers + len(self.seen) // UNKNOWN_SHARE
        unknown = self.unknown - self.doubtful - self.unknown_of_killed
        if unknown > bound:
            self.faults['unknown'].append(f'{unknown} records name nobody, more than {bound}')

    def not_too_many(self, sent):
        exact = self.exact
        unsure = sum(1 for key, entry in sent.requests.items() if account_of(entry) == exact and not entry['status'] and key not in self.seen)
        most = 2 * (len(self.missing[exact]) + unsure)
        if self.of_requests[exact] > most and not any(account_of(entry) == exact for entry in sent.open.values()):
            self.faults['overcounted'].append(f'account {exact}: {self.of_requests[exact]} counted as lost, of which {most} at most can be')
