# SPDX-License-Identifier: Apache-2.0
"""Checks lines against the Elastic Common Schema, whose fields ecs_compile.py took over: each field outside callerd.* is one of ECS, of its
type, a list where ECS has a list, with a value that ECS allows; and the types of an event are those that ECS expects of its categories."""
import datetime
import ipaddress
import json
import os
import re

with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), 'ecs-9.4.0.json'), encoding='utf-8') as facts_file:
    FACTS = json.load(facts_file)
FIELDS = FACTS['fields']
OWN = ('callerd', 'labels', 'container.labels')
IN_EACH = ('@timestamp', 'ecs.version', 'message', 'event.kind', 'event.category', 'event.type', 'event.action', 'event.id', 'event.dataset', 'event.severity',
           'agent.type')


def is_text(value):
    return isinstance(value, str)


def is_whole(value):
    return isinstance(value, int) and not isinstance(value, bool) and -2**63 <= value < 2**63


def is_time(value):
    return is_text(value) and datetime.datetime.fromisoformat(re.fullmatch(r'(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d+)?Z', value)[1])


def is_address(value):
    return is_text(value) and ipaddress.ip_address(value)


# ECS has one family for each: a keyword may be a wildcard in an index, a long an integer.
TYPES = {'keyword': is_text, 'constant_keyword': is_text, 'wildcard': is_text, 'match_only_text': is_text, 'long': is_whole, 'integer': is_whole,
         'boolean': lambda value: isinstance(value, bool), 'date': is_time, 'ip': is_address}


def fail(path, what):
    raise ValueError(f'{path}: {what}')


def no_duplicates(pairs):
    if len(dict(pairs)) != len(pairs):
        raise ValueError(f'a key twice in {[key for key, _ in pairs]}')
    return dict(pairs)


def check_own(path, value):
    """What is not known is absent: no null, nothing empty."""
    if value in (None, '', [], {}):
        fail(path, f'{value!r}')
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        # An argument may be empty.
        if not (inner == '' and isinstance(value, list)):
            check_own(f'{path}.{key}', inner)


def check_value(path, value, field):
    try:
        good = TYPES[field['type']](value) if field['type'] in TYPES else fail(path, f'ecs.py does not know the type {field["type"]}')
    except (ValueError, TypeError):
        good = False
    if not good:
        fail(path, f'{value!r:.80} is no {field["type"]}')
    if 'values' in field and value not in field['values']:
        fail(path, f'{value!r} is none of {list(field["values"])}')
    if 'pattern' in field and not re.search(field['pattern'], value):
        fail(path, f'{value!r} does not match {field["pattern"]}')


def check_field(path, value):
    if path in OWN:
        return check_own(path, value)
    field = FIELDS.get(path)
    if isinstance(value, dict) and not field:
        if not value:
            fail(path, 'is empty')
        for key, inner in value.items():
            if '.' in key:
                fail(path, f'a dot in {key}')
            check_field(f'{path}.{key}' if path else key, inner)
        return None
    if not field:
        fail(path, f'is no field of ECS {FACTS["version"]}, or of a set that ecs_compile.py leaves out')
    if isinstance(value, list) != field.get('array', False):
        fail(path, 'ECS has a list here' if 'array' in field else 'ECS has one value here')
    if value == []:
        fail(path, 'is empty')
    for one in value if isinstance(value, list) else [value]:
        check_value(path, one, field)
        if one == '' and path not in ('process.args', 'process.parent.args'):
            fail(path, 'is empty')
    return None


def at(record, path):
    for part in path.split('.'):
        record = record.get(part) if isinstance(record, dict) else None
    return record


def check_types(categories, types):
    """Where there are several categories, one of them is enough, as elastic-package has it: a container's creation is of process, which has no
    creation, and of configuration, which has."""
    expected = FIELDS['event.category']['values']
    for one in types:
        if not any(one in expected[category] for category in categories):
            fail('event.type', f'{one} is not expected of {categories}')


def check(line):
    record = json.loads(line, object_pairs_hook=no_duplicates)
    check_field('', record)
    for path in IN_EACH:
        if at(record, path) is None:
            fail(path, 'is missing')
    if record['ecs']['version'] != FACTS['version']:
        fail('ecs.version', f'is {record["ecs"]["version"]}, the facts are of {FACTS["version"]}')
    check_types(record['event']['category'], record['event']['type'])
    # What JSON has, it has once: what others compare is a line of ECS itself.
    return {}
