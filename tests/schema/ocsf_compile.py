#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Writes what ocsf.py checks against: tests/schema/ocsf_compile.py CHECKOUT >tests/schema/ocsf-VERSION.json

CHECKOUT is https://github.com/ocsf/ocsf-schema (Apache-2.0) at a release. Taken from it are the classes that
callerd writes and the objects that stand in them, inheritance, includes and the dictionary resolved.
"""
import glob
import json
import os
import sys

CLASSES = ('base_event', 'detection_finding', 'entity_management', 'network_activity', 'application_lifecycle', 'api_activity',
           'application_error')
OBJECTS = ('actor', 'analytic', 'api', 'attack', 'container', 'device', 'evidences', 'extension', 'file', 'fingerprint', 'finding_info', 'http_request', 'http_response',
           'managed_entity', 'metadata', 'network_connection_info', 'network_endpoint', 'os', 'process',
           'process_entity', 'product', 'related_event', 'request', 'resource_details', 'response', 'service', 'session', 'sub_technique', 'technique',
           'url', 'user')


class Schema:
    def __init__(self, root):
        self.root = root
        self.version = self.load('version.json')['version']
        dictionary = self.load('dictionary.json')
        self.dictionary = dictionary['attributes']
        self.types = dictionary['types']['attributes']
        self.categories = self.load('categories.json')['attributes']
        self.objects = self.load_all('objects/*.json')
        self.events = self.load_all('events/**/*.json')
        process = self.load('extensions/linux/objects/process.json')
        self.objects['process']['attributes']['$include'] += process['attributes']['$include']

    def load(self, path):
        with open(os.path.join(self.root, path), encoding='utf-8') as file:
            return json.load(file)

    def load_all(self, pattern):
        found = glob.glob(os.path.join(self.root, pattern), recursive=True)
        return {part['name']: part for part in map(self.load, (os.path.relpath(f, self.root) for f in found))}

    def included(self, path):
        """The attributes of a profile: each there only where an event names the profile."""
        prefix = ''
        if not os.path.exists(os.path.join(self.root, path)):
            path, prefix = 'extensions/linux/' + path, 'linux/'
        profile = self.load(path)
        return {name: {'profile': prefix + profile['name'], **attribute}
                for name, attribute in profile['attributes'].items()}

    def attributes(self, part, table):
        merged = self.attributes(table[part['extends']], table) if 'extends' in part else {}
        own = dict(part['attributes'])
        for source in [self.included(path) for path in own.pop('$include', [])] + [own]:
            for name, attribute in source.items():
                merged[name] = merge(merged.get(name, {}), attribute)
        return merged

    def inherited(self, part, table, key):
        value = part.get(key)
        return self.inherited(table[part['extends']], table, key) if value is None and 'extends' in part else value

    def attribute(self, name, attribute):
        full = merge(self.dictionary[name], attribute)
        base = self.types.get(full['type'], {})
        out = {'type': base.get('type', full['type']), 'requirement': full.get('requirement', 'optional')}
        if full['type'] not in self.types and full['type'] != 'object':
            out['type'] = 'object:' + full['type']
        for key, value in (('array', full.get('is_array')), ('profile', full.get('profile')),
                           ('sibling', full.get('sibling')), ('deprecated', '@deprecated' in full),
                           ('regex', base.get('regex')),
                           ('enum', {k: v['caption'] for k, v in full.get('enum', {}).items()})):
            if value:
                out[key] = value
        return out

    def compiled(self, name, table):
        part = table[name]
        return {'constraints': self.inherited(part, table, 'constraints') or {},
                'attributes': {key: self.attribute(key, value)
                               for key, value in sorted(self.attributes(part, table).items())}}

    def event(self, name):
        # Of the base event the schema says 'other', and has no such category.
        none = {'uid': 0, 'caption': 'Uncategorized'}
        category = self.categories.get(self.inherited(self.events[name], self.events, 'category'), none)
        event = self.events[name]
        return {'uid': category['uid'] * 1000 + event.get('uid', 0), 'caption': event['caption'],
                'category_uid': category['uid'], 'category': category['caption'], **self.compiled(name, self.events)}


def merge(base, more):
    merged = dict(base)
    for key, value in more.items():
        both = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = merge(merged[key], value) if both else value
    return merged


def main():
    schema = Schema(sys.argv[1])
    print('{"version": %s,\n"classes": {' % json.dumps(schema.version))
    print(',\n'.join('%s: %s' % (json.dumps(n), json.dumps(schema.event(n))) for n in CLASSES))
    print('},\n"objects": {')
    print(',\n'.join('%s: %s' % (json.dumps(n), json.dumps(schema.compiled(n, schema.objects))) for n in OBJECTS))
    print('}}')


main()
