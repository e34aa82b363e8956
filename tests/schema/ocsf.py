# SPDX-License-Identifier: Apache-2.0
"""Checks lines against the Open Cybersecurity Schema Framework, whose definitions ocsf_compile.py took over."""
import json
import os
import re

with open(os.path.join(os.path.dirname(__file__), 'ocsf-1.8.0.json'), encoding='utf-8') as schema_file:
    SCHEMA = json.load(schema_file)
CLASSES = {event['uid']: event for event in SCHEMA['classes'].values()}
PYTHON_TYPES = {'string_t': str, 'integer_t': int, 'long_t': int, 'boolean_t': bool, 'float_t': float}


class Check:
    def __init__(self, profiles):
        self.profiles = profiles

    def fail(self, path, what):
        raise ValueError('%s: %s' % (path, what))

    def scalar(self, path, value, attribute):
        kind = attribute['type']
        wanted = PYTHON_TYPES.get(kind)
        if kind.startswith('object:'):
            self.object(path, value, SCHEMA['objects'].get(kind[7:]) or self.fail(path, 'ocsf_compile.py lacks ' + kind))
        elif wanted and (not isinstance(value, wanted) or (wanted is int and isinstance(value, bool))):
            self.fail(path, '%r is no %s' % (value, kind))
        elif kind == 'object' and not isinstance(value, dict):
            self.fail(path, 'no object')
        if attribute.get('enum') and str(value) not in attribute['enum']:
            self.fail(path, '%r is none of %s' % (value, attribute['enum']))
        if attribute.get('regex') and not re.search(attribute['regex'], value):
            self.fail(path, '%r does not match' % value)

    def siblings(self, path, value, attributes):
        """The name beside an id is that of the id; of Other it says what."""
        for name, attribute in attributes.items():
            sibling = attribute.get('sibling')
            if name not in value or not sibling or not attribute.get('enum'):
                continue
            text, caption = value.get(sibling), attribute['enum'][str(value[name])]
            if value[name] == 99 and not text:
                self.fail(path, '%s is Other, and no %s tells what' % (name, sibling))
            if value[name] != 99 and text is not None and text != caption:
                self.fail(path, '%s is %r instead of %r' % (sibling, text, caption))

    def object(self, path, value, definition):
        if not isinstance(value, dict) or not value:
            self.fail(path, 'no object, or an empty one')
        attributes = definition['attributes']
        for name, attribute in attributes.items():
            applies = attribute.get('profile') is None or attribute['profile'] in self.profiles
            if name not in value:
                if applies and attribute['requirement'] == 'required':
                    self.fail(path, 'required %s is missing' % name)
                continue
            here = '%s.%s' % (path, name)
            if not applies:
                self.fail(here, 'is of the profile %s' % attribute['profile'])
            if attribute.get('deprecated'):
                self.fail(here, 'is deprecated')
            if attribute.get('array') and not isinstance(value[name], list):
                self.fail(here, 'no array')
            for element in value[name] if attribute.get('array') else [value[name]]:
                self.scalar(here, element, attribute)
        for name in value:
            if name not in attributes:
                self.fail(path, 'there is no attribute %s' % name)
        some = definition['constraints'].get('at_least_one')
        if some and not any(name in value for name in some):
            self.fail(path, 'none of %s' % some)
        self.siblings(path, value, attributes)


def no_duplicates(pairs):
    if len(dict(pairs)) != len(pairs):
        raise ValueError('a key twice in %s' % [key for key, _ in pairs])
    return dict(pairs)


def check(line):
    """What callerd wrote as one line, in the words of the ECS record where they say the same."""
    event = json.loads(line, object_pairs_hook=no_duplicates)
    definition = CLASSES.get(event.get('class_uid'))
    if not definition:
        raise ValueError('class_uid %r is none that callerd writes' % event.get('class_uid'))
    if event['metadata']['version'] != SCHEMA['version']:
        raise ValueError('another version of the schema')
    attributes = dict(definition['attributes'])
    # In their own classes these have but one value.
    attributes['class_uid'] = {'type': 'integer_t', 'requirement': 'required', 'sibling': 'class_name',
                               'enum': {str(definition['uid']): definition['caption']}}
    attributes['category_uid'] = {'type': 'integer_t', 'requirement': 'required', 'sibling': 'category_name',
                                  'enum': {str(definition['category_uid']): definition['category']}}
    Check(event['metadata'].get('profiles', [])).object('event', event, {**definition, 'attributes': attributes})
    if event['type_uid'] != event['class_uid'] * 100 + event['activity_id']:
        raise ValueError('type_uid %d' % event['type_uid'])
    if event['class_uid'] == 2004:
        return check_finding(event)
    process = event.get('actor', {}).get('process', {})
    return {
        'milliseconds': event['time'],
        'event.id': event['metadata']['uid'],
        'event.action': event['metadata']['event_code'],
        'event.sequence': event['metadata'].get('sequence'),
        'event.outcome': {1: 'success', 2: 'failure', 0: 'unknown', None: None}[event.get('status_id')],
        'host.name': event['device'].get('hostname'),
        'host.id': event['device'].get('uid'),
        'message': event['message'],
        'process.pid': process.get('pid'),
        'process.command_line': process.get('cmd_line'),
        'process.executable': process.get('file', {}).get('path'),
        'process.hash.sha256': next((one['value'] for one in process.get('file', {}).get('hashes', []) if one['algorithm_id'] == 3), None),
        'acts as': process.get('user', {}).get('uid'),
        'url.original': event.get('http_request', {}).get('url', {}).get('url_string'),
        'user_agent.original': event.get('http_request', {}).get('user_agent'),
        'http.response.status_code': event.get('http_response', {}).get('code'),
        **techniques(event.get('attacks', [])),
        **counted(event),
        'callerd.findings': event.get('unmapped', {}).get('callerd', {}).get('findings'),
    }


def counted(event):
    """What stands for several says so in the schema's own words."""
    rest = event.get('unmapped', {}).get('callerd', {})
    if any(name in rest.get(sort, {}) for sort in ('folded', 'refused') for name in ('count', 'first', 'last')):
        raise ValueError('a count that the schema has a place for')
    if ('count' in event) != ('start_time' in event) or ('count' in event) != ('end_time' in event):
        raise ValueError('a count without its times')
    return {'sum': event.get('count'), 'sum from': event.get('start_time'), 'sum to': event.get('end_time')}


def techniques(attacks):
    for attack in attacks:
        sub = attack.get('sub_technique', {}).get('uid', attack['technique']['uid'] + '.')
        if not sub.startswith(attack['technique']['uid'] + '.'):
            raise ValueError('%s is no technique of %s' % (sub, attack['technique']['uid']))
    return {'threat.technique.id': [attack['technique']['uid'] for attack in attacks] or None,
            'threat.technique.subtechnique.id': [attack['sub_technique']['uid'] for attack in attacks if 'sub_technique' in attack] or None}


def check_finding(event):
    """A Detection Finding, which stands behind the event that it is about."""
    info = event['finding_info']
    related, = info['related_events']
    if event['metadata']['uid'] == related['uid'] or 'sequence' in event['metadata']:
        raise ValueError('it is to be told from the event that it is about')
    if event['is_alert'] and event['status'] != 'New':
        raise ValueError('an alert about what is expected')
    process = event.get('actor', {}).get('process', {})
    return {
        'beside': True,
        'milliseconds': event['time'],
        'event.id': related['uid'],
        'event.kind': 'alert' if event['is_alert'] else None,
        'event.action': event['metadata']['event_code'],
        'host.name': event['device'].get('hostname'),
        'message': event['message'],
        'http.request.id': event['metadata'].get('correlation_uid'),
        'process.pid': process.get('pid'),
        'process.command_line': process.get('cmd_line'),
        'acts as': process.get('user', {}).get('uid'),
        'rule.id': info['analytic']['uid'],
        'rules': [info['analytic']['uid']] + [analytic['uid'] for analytic in info.get('related_analytics', [])],
        'callerd.expected_rule': event['unmapped']['callerd'].get('expected_rule'),
        'http.response.status_code': event['evidences'][0].get('api', {}).get('response', {}).get('code'),
        **techniques(info.get('attacks', [])),
    }


def beside(record):
    """Whether the RECORD, of ECS, has a finding beside it."""
    return any(finding['severity'] != 'info' for finding in record.get('callerd', {}).get('findings', []))
