# SPDX-License-Identifier: Apache-2.0
"""Floods by one user: the records of others are complete, and what is not told of his is counted exactly."""
import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from live import *

TINY = '65536'  # bytes of a ring
FLOOD = CLIENTS + 'flood'
GID = str(pwd.getpwnam(OUTSIDER).pw_gid)
OUTSIDER_UID = str(pwd.getpwnam(OUTSIDER).pw_uid)
AS_OUTSIDER = ['setpriv', '--reuid', OUTSIDER_UID, '--regid', GID, '--clear-groups', '--']
member = User(MEMBER)


class Flood:
    """A client that goes on until it is stopped; facts() says what it did."""

    def __init__(self, *command):
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)

    def stop(self):
        equal(self.process.poll(), None, 'the flood goes on')
        self.process.terminate()
        output = self.process.communicate(timeout=PATIENCE)[0].decode()
        return {name: int(float(value)) for name, value in facts(output).items()}


def calls_of_member(agent, count):
    """Each of them must have a complete record that names him. Returns when all are there."""
    targets = [member.call('GET', '/_ping')[0] for _ in range(count)]
    for target in targets:
        record, = agent.wait(url__original=target)
        equal((field(record, 'user.name'), field(record, 'process.name'), field(record, 'callerd.capture.complete')),
              (MEMBER, 'curl', True), record['message'])


def lost_by(agent, uid, *reasons):
    return sum(r['callerd']['lost']['count'] for r in agent.records(event__action='records-lost')
               if r['callerd']['lost']['reason'] in reasons and field(r, 'callerd.account.id') == uid)


def of_others(agent, uid):
    """What was lost, and is not charged to UID."""
    return [r['message'] for r in agent.records(event__action='records-lost')
            if field(r, 'callerd.account.id') != uid]


def refused_of(agent, uid):
    """How many refused connects are told one by one, and how many are folded."""
    records = agent.records(event__action='socket-refused')
    told = [r for r in records if field(r, 'user.id') == uid]
    folded = [r for r in records if field(r, 'callerd.account.id') == uid]
    equal(len(told) + len(folded), len(records), 'refused ones are his')
    for record in folded:
        equal((field(record, 'callerd.account.type'), field(record, 'callerd.account.name'),
               field(record, 'error.code')), ('user', OUTSIDER, 'EACCES'), record['message'])
        true(record['callerd']['refused']['first'] <= record['callerd']['refused']['last'], 'times')
    return len(told), sum(r['callerd']['refused']['count'] for r in folded)


@test
def refused_connects():
    """A user outside the group connects in two loops. At stake: who it was that members' requests are of."""
    with Callerd('--callers-ring', TINY) as agent:
        flood = Flood(*AS_OUTSIDER, FLOOD, SOCKET, '--connect-only', '--connections', '1000000', '--threads', '2')
        agent.wait(2, event__action='socket-refused', that=lambda r: field(r, 'callerd.refused.count'))
        calls_of_member(agent, scaled(20, 4))
        made = flood.stop()['connect_errors']
        agent.stop()
        told, folded = refused_of(agent, OUTSIDER_UID)
        lost = lost_by(agent, OUTSIDER_UID, 'ring-full-refused')
        equal(of_others(agent, OUTSIDER_UID), [], 'losses of others')
        true(told and folded, f'{told} told, {folded} folded')
        equal(told + folded + lost, made, f'{told} told, {folded} folded, {lost} lost')


main()
