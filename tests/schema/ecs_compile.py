#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Writes what ecs.py checks against: tests/schema/ecs_compile.py VERSION <ecs_flat.yml >tests/schema/ecs-VERSION.json

The file is generated/ecs/ecs_flat.yml of https://github.com/elastic/ecs (Apache-2.0) at the tag vVERSION. Taken from it are the fields of
the sets that callerd writes, without those of `entity`: a line each, with the type; whether it is a list; the values that are allowed, and of
event.category the types that ECS expects beside each; the pattern of a value.
"""
import json
import sys

import yaml

SETS = ('@timestamp', 'agent', 'container', 'ecs', 'error', 'event', 'host', 'http', 'labels', 'message', 'orchestrator', 'process', 'related',
        'rule', 'source', 'tags', 'threat.technique', 'url', 'user', 'user_agent')


def is_wanted(name):
    return any(name == one or name.startswith(one + '.') for one in SETS) and '.entity.' not in name


def compiled(field):
    out = {'type': field['type']}
    if field.get('normalize'):
        out['array'] = field['normalize'] == ['array']
    values = field.get('allowed_values')
    if values:
        out['values'] = {value['name']: value.get('expected_event_types', []) for value in values}
    elif field.get('expected_values'):
        out['values'] = dict.fromkeys(field['expected_values'], [])
    if field.get('pattern'):
        out['pattern'] = field['pattern']
    return out


def main():
    flat = yaml.load(sys.stdin, Loader=yaml.CSafeLoader)
    fields = [f'{json.dumps(name)}: {json.dumps(compiled(flat[name]))}' for name in sorted(flat) if is_wanted(name)]
    print(f'{{"version": {json.dumps(sys.argv[1])},\n"fields": {{\n' + ',\n'.join(fields) + '\n}}')


main()
