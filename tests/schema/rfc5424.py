# SPDX-License-Identifier: Apache-2.0
"""Checks lines against the grammar of RFC 5424, section 6, and what its section 7 says of known elements."""
import calendar
import re

BOM = '\ufeff'
NAME = r'[!#-<>-\\^-~]{1,32}'  # printable ASCII but for = ] "
HEADER = re.compile(
    r'<(\d{1,3})>([1-9]\d{0,2}) '
    r'(-|(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d{1,6}))?(?:Z|[+-]\d\d:\d\d)) '
    r'(-|[!-~]{1,255}) (-|[!-~]{1,48}) (-|[!-~]{1,128}) (-|[!-~]{1,32}) ', re.ASCII)
PARAM = re.compile(r' (%s)="((?:[^"\\\]]|\\["\\\]])*)"' % NAME)
SEVERITIES = {0: (6,), 20: (6,), 40: (5,), 60: (4,), 80: (3,), 100: (2,)}


def element_at(line, at):
    begin = re.compile(r'\[(%s)' % NAME).match(line, at)
    if not begin:
        raise ValueError('no element at %r' % line[at:at + 40])
    at, params = begin.end(), []
    while match := PARAM.match(line, at):
        params.append((match.group(1), re.sub(r'\\(.)', r'\1', match.group(2))))
        at = match.end()
    if line[at:at + 1] != ']':
        raise ValueError('no end of the element at %r' % line[at:at + 40])
    return begin.group(1), params, at + 1


def elements_at(line, at):
    elements = {}
    while line[at:at + 1] == '[':
        name, params, at = element_at(line, at)
        if name in elements:
            raise ValueError('%s is there twice' % name)
        if '@' not in name and name not in ('origin', 'meta', 'timeQuality'):
            raise ValueError('%s is not registered' % name)
        elements[name] = params
    if not elements:
        raise ValueError('no structured data')
    return elements, at


def check_known(elements):
    software = dict(elements.get('origin', []))
    if len(software.get('software', '')) > 48 or len(software.get('swVersion', '')) > 32:
        raise ValueError('origin is too long')
    if not 1 <= int(dict(elements.get('meta', [('sequenceId', 1)]))['sequenceId']) <= 2 ** 31 - 1:
        raise ValueError('sequenceId')


def milliseconds(header):
    seconds = calendar.timegm(tuple(int(part) for part in header.groups()[3:9]))
    return seconds * 1000 + int((header.group(10) or '0').ljust(6, '0')) // 1000


def check(line):
    """What callerd wrote as one line, in the words of the ECS record where they say the same."""
    header = HEADER.match(line)
    if not header or int(header.group(1)) > 191 or header.group(2) != '1':
        raise ValueError('the header')
    elements, at = elements_at(line, header.end())
    if not line.startswith(' ' + BOM, at) or BOM in line[at + 2:]:
        raise ValueError('the text does not begin with the byte order mark')
    check_known(elements)
    own = elements['callerd@32473']
    fields = dict(own)
    priority = int(header.group(1))
    if priority >> 3 != 13 or priority & 7 not in SEVERITIES[int(fields['severity'])]:
        raise ValueError('priority %d with severity %s' % (priority, fields['severity']))
    for name, value in own:
        if not value:
            raise ValueError('%s is empty' % name)
    return {
        'milliseconds': milliseconds(header),
        'event.id': fields['eventId'],
        'event.action': header.group(14),
        'event.sequence': int(dict(elements['meta'])['sequenceId']) if 'meta' in elements else None,
        'event.severity': int(fields['severity']),
        'event.outcome': fields.get('outcome'),
        'host.id': fields.get('hostId'),
        'host.name': None if header.group(11) == '-' else header.group(11),
        'message': line[at + 2:],
        'process.pid': int(fields['pid']) if 'pid' in fields else None,
        'process.command_line': fields.get('command'),
        'process.executable': fields.get('executable'),
        'acts as': fields.get('uid'),
        'url.original': fields.get('url'),
        'user_agent.original': fields.get('userAgent'),
        'http.response.status_code': int(fields['status']) if 'status' in fields else None,
        'threat.technique.subtechnique.id': [value for name, value in own if name == 'subtechnique'] or None,
        'threat.technique.id': [value for name, value in own if name == 'technique'] or None,
    }
