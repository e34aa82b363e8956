#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Checks what packaging/siem has for a SIEM: tests/schema/siem.py [RECORDS...]

The records have fields of ECS, as tests/schema/ecs.py knows them, and the template gives these the types that ECS has. The golden records, those of sigma-samples.ndjson and RECORDS (lines of ECS) are put into an index as the template says, after the rules of
Elasticsearch and OpenSearch for mappings; each panel of the dashboards finds some of them, by a reader of its own for the part of
Lucene's language that they use; and dashboards and shippers name nothing that callerd does not have. None of the programs is run. Prints
"ok NAME" or "not ok NAME: why"."""
import datetime
import fnmatch
import glob
import ipaddress
import json
import re
import subprocess
import sys

try:
    import yaml
except ImportError:
    print('skip siem: python3-yaml is not installed')
    sys.exit(0)

import ecs
from sigma import HERE, ROOT, fields_of_document, flatten, need, read_records

SIEM = ROOT + '/packaging/siem/'


def load(name):
    with open(SIEM + name, encoding='utf-8') as file:
        return json.load(file)


# --- an index --------------------------------------------------------------------------------------

def is_time(value):
    return isinstance(value, str) and datetime.datetime.fromisoformat(re.sub(r'\.(\d{6})\d*Z$', r'.\1+00:00', value.replace('Z', '.000000Z') if '.' not in value else value))


def is_term(value):
    return not isinstance(value, (dict, list)) and len(str(value).encode()) <= 32766


def is_whole(value):
    return isinstance(value, int) and not isinstance(value, bool) and -2**63 <= value < 2**63


TYPES = {'date_nanos': is_time, 'keyword': is_term, 'wildcard': is_term, 'match_only_text': lambda value: isinstance(value, str),
         'ip': ipaddress.ip_address, 'long': is_whole, 'boolean': lambda value: isinstance(value, bool),
         'float': lambda value: isinstance(value, float)}
OF_JSON = {str: 'string', bool: 'boolean', int: 'long', float: 'double'}


class Index:
    """A field has one type, from its first value on; a name with dots is an object in an object."""

    def __init__(self, template):
        self.mappings, self.types = template['template']['mappings'], {}
        self.limit = template['template']['settings']['index.mapping.total_fields.limit']
        need(not self.mappings['date_detection'], 'what looks like a date would be one')

    def type_of(self, path, value):
        found = self.mappings
        for part in path.split('.'):
            found = found.get('properties', {}).get(part, {})
        if 'type' in found:
            return found['type']
        for one in self.mappings['dynamic_templates']:
            (rule,) = one.values()
            paths = rule.get('path_match', '*')
            if rule['match_mapping_type'] == OF_JSON[type(value)] and any(fnmatch.fnmatchcase(path, p) for p in ([paths] if isinstance(paths, str) else paths)):
                return rule['mapping']['type']
        return {str: 'keyword', float: 'float'}.get(type(value), OF_JSON[type(value)])

    def put(self, value, path=''):
        if isinstance(value, list):
            for one in value:
                self.put(one, path)
        elif isinstance(value, dict):
            need(self.types.setdefault(path, 'object') == 'object', f'{path}: an object and {self.types.get(path)}')
            for key, inner in value.items():
                parts = key.split('.')
                for depth in range(1, len(parts)):
                    self.put({}, '.'.join(filter(None, [path, *parts[:depth]])))
                self.put(inner, path + '.' + key if path else key)
        else:
            kind = self.types.setdefault(path, self.type_of(path, value))
            need(kind in TYPES, f'{path}: {kind} and a value')
            try:
                good = TYPES[kind](value)
            except ValueError:
                good = False
            need(good, f'{path}: {value!r:.80} is no {kind}')


def check_template(records):
    index = Index(load('component-template.json'))
    for record in records:
        index.put(record)
    need(len(index.types) < index.limit / 2, f'{len(index.types)} fields')
    for path, kind in {'@timestamp': 'date_nanos', 'process.start': 'date_nanos', 'process.command_line': 'wildcard', 'event.severity': 'long',
                       'event.duration': 'long', 'user.name': 'keyword', 'callerd.expected': 'boolean'}.items():
        need(index.types.get(path, kind) == kind, f'{path} is {index.types.get(path)}')


    for path, kind in index.types.items():
        wanted = ecs.FIELDS.get(path, {}).get('type')
        # Nanoseconds are more than ECS asks for.
        need(wanted in (None, {'date_nanos': 'date'}.get(kind, kind)), f'{path} is {kind}, in ECS {wanted}')


# --- ECS -------------------------------------------------------------------------------------------

def check_fails(record):
    try:
        ecs.check(json.dumps(record))
    except ValueError:
        return True
    return False


def check_ecs(records):
    """What is written and what the document says is ECS; and each field that were misnamed, or of another type, would be found."""
    for record in records:
        ecs.check(json.dumps(record))
    sets = {name.split('.')[0] for name in ecs.FIELDS}
    strange = {name for name in fields_of_document() if '.' in name and name.split('.')[0] in sets and not name.startswith('container.labels.')} \
        - set(ecs.FIELDS)  # labels are an object of any names
    need(not strange, f'docs/record.md has {strange}, ECS has not')
    spoilt = set()

    def spoil(record, inside, path):
        for key, value in list(inside.items()):
            here = f'{path}.{key}' if path else key
            if here in spoilt or here == 'callerd':
                continue
            if isinstance(value, dict):
                spoil(record, value, here)
                continue
            spoilt.add(here)
            del inside[key]
            inside[key + '_'] = value
            need(check_fails(record), f'{here}_ is not found')
            del inside[key + '_']
            for other in (value[0], [[value]], []) if isinstance(value, list) else (str(value) if not isinstance(value, str) else 1, [value], {}, ''):
                inside[key] = other
                need(check_fails(record), f'{here} with the value {other!r} is not found')
            inside[key] = value

    for record in records:
        spoil(record, record, '')
    need(len(spoilt) > 40, f'only {spoilt} are there')


def check_templates():
    elastic, opensearch = load('index-template-elasticsearch.json'), load('index-template-opensearch.json')
    need(elastic.pop('template')['settings']['index.lifecycle.name'] == 'callerd', 'the lifecycle')
    need(elastic == opensearch, 'both are the same but for the lifecycle')
    need(opensearch['composed_of'] == ['callerd'], 'the component template')
    need(load('ism-policy.json')['policy']['ism_template'][0]['index_patterns'] == opensearch['index_patterns'], 'the pattern of the lifecycle')
    ages = re.findall(r'"(?:min_age|max_age|min_rollover_age|min_index_age)": "(\d+d)"', json.dumps([load('ilm-policy.json'), load('ism-policy.json')]))
    need(sorted(ages) == ['30d', '30d', '365d', '365d'], f'the same ages for both: {ages}')


# --- Lucene's language -----------------------------------------------------------------------------

class Query:
    """FIELD:VALUE, with * in it; FIELD:>=N; FIELD:(A OR B); AND, OR, NOT, parentheses."""

    def __init__(self, text):
        self.words = re.findall(r'[()]|(?:[^\s():]|:(?=[^\s(]))+:?|:', text)
        self.fields = set()
        self.tree = self.parse_or(None)
        need(not self.words, f'{text}: {self.words} is left over')

    def take(self, word):
        if self.words and self.words[0] == word:
            return self.words.pop(0)
        return None

    def parse_or(self, field):
        parts = [self.parse_and(field)]
        while self.take('OR'):
            parts.append(self.parse_and(field))
        return lambda r: any(part(r) for part in parts)

    def parse_and(self, field):
        parts = [self.parse_not(field)]
        while self.take('AND'):
            parts.append(self.parse_not(field))
        return lambda r: all(part(r) for part in parts)

    def parse_not(self, field):
        if self.take('NOT'):
            inner = self.parse_not(field)
            return lambda r: not inner(r)
        if self.take('('):
            inner = self.parse_or(field)
            need(self.take(')'), 'no )')
            return inner
        need(self.words and self.words[0] not in (')', 'AND', 'OR'), f'{self.words} where a term is needed')
        word = self.words.pop(0)
        if field is None:
            field, _, word = word.partition(':')
            self.fields.add(field)
            if not word:
                need(self.words[:1] == ['('], f'{field} has no value')
                return self.parse_not(field)
        return lambda r: any(self.equal(value, word) for value in r.get(field, []))

    @staticmethod
    def equal(value, word):
        if word.startswith('>='):
            return isinstance(value, int) and value >= int(word[2:])
        if isinstance(value, bool):
            return word in ('*', str(value).lower())
        return fnmatch.fnmatchcase(str(value), word)


# --- dashboards ------------------------------------------------------------------------------------

def written(which):
    return subprocess.run([SIEM + 'dashboards', which], check=True, stdout=subprocess.PIPE).stdout.decode()


def check_query(query, records, known):
    parsed = Query(query)
    need(parsed.fields <= known, f'{query}: callerd has no field {parsed.fields - known}')
    need(any(parsed.tree(record) for record in records), f'{query}: no record is found')
    need(not all(parsed.tree(record) for record in records), f'{query}: all records are found')


def check_places(places, width):
    taken = set()
    for place in places:
        cells = {(x, y) for x in range(place['x'], place['x'] + place['w']) for y in range(place['y'], place['y'] + place['h'])}
        need(place['x'] + place['w'] <= width and not cells & taken, f'{place} is on another one, or outside')
        taken |= cells


def check_kibana(records, known):
    objects = {(one['type'], one['id']): one for one in map(json.loads, written('kibana').splitlines())}
    fields = set()
    for (kind, _), one in objects.items():
        for reference in one['references']:
            need((reference['type'], reference['id']) in objects, f'{reference} is missing')
        if kind in ('visualization', 'search'):
            check_query(json.loads(one['attributes']['kibanaSavedObjectMeta']['searchSourceJSON'])['query']['query'], records, known)
            fields.update(one['attributes'].get('columns', []))
            fields.update(found['params']['field'] for found in json.loads(one['attributes'].get('visState', '{"aggs": []}'))['aggs'] if found['params'])
    need(fields <= known, f'callerd has no field {fields - known}')
    panels = json.loads(objects['dashboard', 'callerd']['attributes']['panelsJSON'])
    need({panel['panelRefName'] for panel in panels} == {one['name'] for one in objects['dashboard', 'callerd']['references']}, 'panels and references')
    check_places([panel['gridData'] for panel in panels], 48)


def check_grafana(records, known):
    panels = json.loads(written('grafana'))['panels']
    for panel in panels:
        (target,) = panel['targets']
        query = re.fullmatch(r'host\.name:\$host AND \((.*)\)', target['query'])
        need(query, f'{target["query"]} is not of the chosen hosts')
        check_query(query[1], records, known)
        fields = {bucket['field'] for bucket in target['bucketAggs']}
        need(fields <= known, f'callerd has no field {fields - known}')
    need(len({panel['id'] for panel in panels}) == len(panels) > 10, 'ids of panels')
    check_places([panel['gridPos'] for panel in panels], 24)


# --- shippers --------------------------------------------------------------------------------------

def check_shippers():
    """They read the same files, take long lines, and write to the index that the template is for."""
    index = 'logs-callerd.audit-default'
    need(any(fnmatch.fnmatch(index, pattern) for pattern in load('index-template-opensearch.json')['index_patterns']), 'the template')
    texts = {}
    for name in ('vector.yaml', 'fluent-bit.yaml', 'filebeat.yml'):
        with open(SIEM + name, encoding='utf-8') as file:
            texts[name] = file.read()
    vector, bit, beat = (yaml.safe_load(text) for text in texts.values())
    source = vector['sources']['callerd']
    need(source['max_line_bytes'] >= 1 << 20, 'vector: long lines')
    stream = vector['sinks']['callerd_search']['data_stream']
    need('-'.join(stream[key] for key in ('type', 'dataset', 'namespace')) == index, 'vector: the index')
    for sink in vector['sinks'].values():
        for name in sink['inputs']:
            need(name.split('.')[0] in vector['transforms'], f'vector: no {name}')
    (tail,), (es,) = bit['pipeline']['inputs'], bit['pipeline']['outputs']
    need(tail['parser'] in [parser['name'] for parser in bit['parsers']] and tail['tag'] == es['match'], 'fluent-bit: names')
    need(tail['buffer_max_size'] == '2M' and es['index'] == index, 'fluent-bit: long lines, and the index')
    (stream,) = beat['filebeat.inputs']
    need(stream['index'] == index and stream['message_max_bytes'] >= 1 << 20, 'filebeat: long lines, and the index')
    for name, paths in ('vector', source['include']), ('fluent-bit', tail['path'].split(',')), ('filebeat', stream['paths']):
        for file, wanted in ('callerd.ndjson', True), ('callerd.ndjson.1', True), ('callerd.ndjson.seal', False):
            need(any(fnmatch.fnmatchcase('/var/log/callerd/' + file, path) for path in paths) == wanted, f'{name}: {file}')


def main():
    records = [record for path in glob.glob(ROOT + '/tests/golden/*.ecs.json') for record in read_records(path)]
    whole = records
    records = whole + [sample['record'] for sample in read_records(HERE + '/sigma-samples.ndjson')]
    flat = [flatten(record) for record in records]
    known = fields_of_document().union(*flat)
    real = [record for path in sys.argv[1:] for record in read_records(path)]
    bad = 0
    for name, check, *arguments in (('template', check_template, records + real), ('ecs', check_ecs, whole + real), ('templates', check_templates), ('kibana', check_kibana, flat, known),
                                    ('grafana', check_grafana, flat, known), ('shippers', check_shippers)):
        try:
            check(*arguments)
            print('ok siem.' + name)
        except (ValueError, KeyError, TypeError, subprocess.CalledProcessError, yaml.YAMLError) as error:
            print(f'not ok siem.{name}: {error!r}'.replace('\n', ' '))
            bad += 1
    sys.exit(min(bad, 1))


main()
