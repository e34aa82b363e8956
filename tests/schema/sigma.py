#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Checks the Sigma rules in docs/siem/sigma: tests/schema/sigma.py [RECORDS...]

Each as Sigma's specification (2.0) has it, with fields and findings that callerd has; all high and critical findings
have a rule; and what the rules say of the golden records and of sigma-samples.ndjson, where each sample names the
rules that it is of, and no other may match. docs/siem/queries has all of them as they are, and those of SQLite are run over the
same records, and have to find the same. Prints "ok NAME" or "not ok NAME: why". RECORDS: prints instead
which rules match which of these records, lines of ECS."""
import datetime
import glob
import hashlib
import json
import os
import re
import sqlite3
import sys
import uuid

try:
    import yaml
except ImportError:
    print('skip sigma: python3-yaml is not installed')
    sys.exit(0)

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
RULES = ROOT + '/docs/siem/sigma/*.yml'
QUERIES = ROOT + '/docs/siem/queries/*.txt'
LEVELS = ['informational', 'low', 'medium', 'high', 'critical']
STATUS = ['stable', 'test', 'experimental', 'deprecated', 'unsupported']
TACTICS = {'reconnaissance', 'resource-development', 'initial-access', 'execution', 'persistence', 'privilege-escalation',
           'defense-evasion', 'credential-access', 'discovery', 'lateral-movement', 'collection', 'command-and-control',
           'exfiltration', 'impact'}
COMMON = {'title': str, 'id': str, 'status': str, 'description': str, 'references': list, 'author': str,
          'date': (datetime.date, str), 'tags': list, 'falsepositives': list, 'level': str}
OPTIONAL = {'name': str, 'fields': list}
COMPARISONS = {'gt': lambda a, b: a > b, 'gte': lambda a, b: a >= b, 'lt': lambda a, b: a < b, 'lte': lambda a, b: a <= b,
               'eq': lambda a, b: a == b}


def need(condition, why):
    if not condition:
        raise ValueError(why)


# --- what callerd has ------------------------------------------------------------------------------

def read(path):
    with open(ROOT + '/' + path, encoding='utf-8') as file:
        return file.read()


def flatten(value, path='', out=None):
    """{'a.b': [values]}: an array's elements count one by one, as in a search engine."""
    out = {} if out is None else out
    if isinstance(value, dict):
        for key, inner in value.items():
            flatten(inner, path + '.' + key if path else key, out)
    elif isinstance(value, list):
        for inner in value:
            flatten(inner, path, out)
    else:
        out.setdefault(path, []).append(value)
    return out


def read_records(path):
    with open(path, encoding='utf-8') as file:
        return [json.loads(line) for line in file]


def fields_of_document():
    """Of the tables in docs/record.md: `a.b`, `.c[]` is a.b and a.c."""
    fields = set()
    for line in read('docs/record.md').splitlines():
        base = ''
        for name in re.findall(r'`([@A-Za-z_.\[\]-]+)`', line.split('|')[1] if line.startswith('|') else line):
            name = name.replace('[]', '')
            if name.startswith('.') and base:
                name = base.rsplit('.', 1)[0] + name
            if '.' in name:
                base = name
            fields.add(name)
    return fields


def severities_of_findings():
    """From the agent's own table; and those that its documentation says can become graver."""
    found = dict((name, {severity.lower()}) for name, severity in
                 re.findall(r'FINDING\([A-Z_]+, "([a-z-]+)", ([A-Z]+),', read('user/record/findings.def')))
    need(len(found) > 30, 'user/record/findings.def is not understood')
    for name, severity in re.findall(r'^\| ((?:`[a-z-]+`(?:, )?)+) \| ([^|]+) \|', read('docs/findings.md'), re.M):
        for one in re.findall(r'`([a-z-]+)`', name):
            found.get(one, set()).update(word for word in LEVELS if word in severity)
    return found


# --- Sigma -----------------------------------------------------------------------------------------

def pattern_of(text):
    """A value with * and ?, \\ before them meaning themselves; case does not matter."""
    out, at = '', 0
    while at < len(text):
        if text[at] == '\\' and text[at + 1:at + 2] in ('*', '?', '\\') and text[at + 1:at + 2]:
            out += re.escape(text[at + 1])
            at += 1
        else:
            out += {'*': '.*', '?': '.'}.get(text[at], re.escape(text[at]))
        at += 1
    return out


def test_of(modifiers, wanted):
    """A function of one value of the field."""
    for modifier in modifiers:
        if modifier in COMPARISONS:
            need(isinstance(wanted, (int, float)), f'{modifier} takes a number')
            return lambda got: isinstance(got, (int, float)) and COMPARISONS[modifier](got, wanted)
    if 're' in modifiers:
        expression = re.compile(wanted)
        return lambda got: expression.search(str(got)) is not None
    if isinstance(wanted, bool):
        return lambda got: got is wanted
    before = '.*' if 'contains' in modifiers or 'endswith' in modifiers else ''
    after = '.*' if 'contains' in modifiers or 'startswith' in modifiers else ''
    expression = re.compile(before + pattern_of(str(wanted)) + after, re.I | re.S)
    return lambda got: not isinstance(got, bool) and expression.fullmatch(str(got)) is not None


def matches_item(key, wanted, record):
    field, *modifiers = key.split('|')
    got = record.get(field, [])
    if 'exists' in modifiers:
        return bool(got) == wanted
    if wanted is None:
        return not got
    several = wanted if isinstance(wanted, list) else [wanted]
    join = all if 'all' in modifiers else any
    return join(any(test_of(modifiers, one)(value) for value in got) for one in several)


def matches_search(search, record):
    if isinstance(search, list):
        return any(matches_search(one, record) for one in search)
    return all(matches_item(key, wanted, record) for key, wanted in search.items())


class Condition:
    """selection and not (filter or 1 of other_*)"""

    def __init__(self, text, searches):
        self.words = re.findall(r'[()]|[^\s()]+', text)
        self.searches = searches
        self.used = set()
        self.tree = self.parse_or()
        need(not self.words, f'condition: {self.words} is left over')
        need(self.used == set(searches), f'never used: {set(searches) - self.used}')

    def take(self, *words):
        if self.words and self.words[0].lower() in words:
            return self.words.pop(0)
        return None

    def parse_or(self):
        parts = [self.parse_and()]
        while self.take('or'):
            parts.append(self.parse_and())
        return lambda r: any(part(r) for part in parts)

    def parse_and(self):
        parts = [self.parse_not()]
        while self.take('and'):
            parts.append(self.parse_not())
        return lambda r: all(part(r) for part in parts)

    def parse_not(self):
        if self.take('not'):
            inner = self.parse_not()
            return lambda r: not inner(r)
        if self.take('('):
            inner = self.parse_or()
            need(self.take(')'), 'condition: no )')
            return inner
        join = self.take('1', 'all')
        if join:
            need(self.take('of'), 'condition: no of')
        need(self.words, 'condition: it ends early')
        return self.named(self.words.pop(0), any if join == '1' else all)

    def named(self, name, join):
        if name == 'them':
            name = '*'
        names = [n for n in self.searches if re.fullmatch(pattern_of(name), n)]
        need(names, f'condition: there is no {name}')
        self.used |= set(names)
        return lambda r: join(matches_search(self.searches[n], r) for n in names)


# --- a rule ----------------------------------------------------------------------------------------

def items_of(search):
    if isinstance(search, list):
        for one in search:
            yield from items_of(one)
    else:
        need(isinstance(search, dict), 'a search is a map, or a list of maps')
        yield from search.items()


def check_head(rule, known):
    body = {'correlation': dict} if 'correlation' in rule else {'logsource': dict, 'detection': dict}
    for key, kind in {**COMMON, **body}.items():
        need(key in rule, f'no {key}')
        need(isinstance(rule[key], kind), f'{key} is {rule[key]!r}')
    other = set(rule) - set(COMMON) - set(OPTIONAL) - set(body)
    need(not other, f'unknown: {other}')
    need(len(rule['title']) <= 256 and rule['title'] not in known['titles'], 'title')
    need(str(uuid.UUID(rule['id'])) == rule['id'] and rule['id'] not in known['ids'], 'id: another rule has it')
    known['ids'].add(rule['id'])
    known['titles'].add(rule['title'])
    datetime.date.fromisoformat(str(rule['date']))
    need(rule['level'] in LEVELS, f'level {rule["level"]}')
    need(rule['status'] in STATUS, f'status {rule["status"]}')
    for key in ('references', 'falsepositives', 'tags'):
        need(rule[key] and all(isinstance(one, str) for one in rule[key]), f'{key}: texts')
    need(all(one.startswith('https://') for one in rule['references']), 'references')
    for tag in rule['tags']:
        need(re.fullmatch(r'attack\.t\d{4}(\.\d{3})?', tag) or tag.removeprefix('attack.') in TACTICS, f'tag {tag}')


def check_detection(rule, known):
    need(rule['logsource'] == {'product': 'linux', 'service': 'callerd'}, f'logsource {rule["logsource"]}')
    searches = dict(rule['detection'])
    condition = Condition(searches.pop('condition'), searches)
    fields = set(rule.get('fields', []))
    for search in searches.values():
        for key, wanted in items_of(search):
            name, *modifiers = key.split('|')
            fields.add(name)
            other = set(modifiers) - set(COMPARISONS) - {'contains', 'startswith', 'endswith', 'all', 're', 'exists'}
            need(not other, f'{key}: this modifier is not known here')
            if name == 'rule.id':
                for one in wanted if isinstance(wanted, list) else [wanted]:
                    need(one in known['findings'], f'there is no finding {one}')
                    known['covered'].add(one)
    for name in fields:
        need(name in known['fields'], f'callerd has no field {name}')
    return condition.tree


def check_correlation(rule, known):
    correlation = rule['correlation']
    need(correlation.get('type') in ('event_count', 'value_count', 'temporal', 'temporal_ordered'), 'type')
    need(re.fullmatch(r'\d+[smhd]', correlation.get('timespan', '')), 'timespan')
    for name in correlation.get('group-by', []):
        need(name in known['fields'], f'callerd has no field {name}')
    for name in correlation['rules']:
        need(name in known['names'], f'there is no rule called {name}')
    need(set(correlation['condition']) <= set(COMPARISONS), 'condition')


def check_file(path, known):
    """Returns [(name, the function that says whether a flat record matches)]."""
    with open(path, encoding='utf-8') as file:
        rules = list(yaml.safe_load_all(file))
    out = []
    for rule in rules:
        need(isinstance(rule, dict), 'no rule')
        known['names'].add(rule.get('name'))
    for rule in rules:
        try:
            check_head(rule, known)
            if 'correlation' in rule:
                check_correlation(rule, known)
            else:
                out.append((os.path.basename(path)[:-4], check_detection(rule, known)))
        except (ValueError, KeyError, TypeError, re.error) as error:
            raise ValueError(f'{rule.get("title")}: {error}') from None
    need(len(out) == 1, 'one rule with a detection a file: samples go by the name of the file')
    return out


# --- the records -----------------------------------------------------------------------------------

def is_harmless(record):
    """Of the golden ones: what no rule may take for anything."""
    findings = [f for f in record['callerd'].get('findings', []) if f['severity'] != 'info']
    return record['event']['severity'] <= 20 and not findings and 'container' not in record and \
        record['process']['name'] not in ('curl', 'busybox')


def matched(rules, record):
    flat = flatten(record)
    return {name for name, test in rules if test(flat)}


def check_golden(rules):
    seen, harmless = set(), 0
    for path in sorted(glob.glob(ROOT + '/tests/golden/*.ecs.json')):
        for record in read_records(path):
            found = matched(rules, record)
            seen |= found
            if is_harmless(record):
                harmless += 1
                need(not found, f'{os.path.basename(path)} {record["event"]["sequence"]}: harmless, but {found}')
    need(harmless > 20, f'only {harmless} harmless records')
    return seen


def check_samples(rules, known):
    seen = set()
    for number, sample in enumerate(read_records(HERE + '/sigma-samples.ndjson')):
        found, wanted = matched(rules, sample['record']), set(sample['rules'])
        need(found == wanted, f'sample {number + 1} matches {sorted(found)}, wanted {sorted(wanted)}')
        other = set(flatten(sample['record'])) - known['fields']
        need(not other, f'sample {number + 1}: callerd has no field {other}')
        seen |= found
    return seen


# --- what pySigma made of them ---------------------------------------------------------------------

def digest(path):
    with open(path, 'rb') as file:
        return hashlib.sha256(file.read()).hexdigest()[:16]


def queries_of(name):
    """{id of the rule: (digest of its file, query)} of docs/siem/queries/NAME.txt."""
    found = {}
    for part in read(f'docs/siem/queries/{name}.txt').split('\n\n# ')[1:]:
        head, body, query = part.split('\n', 2)
        found[body.split()[1]] = (body.split()[3], query.strip())
    return found


class Sqlite:
    """Records as a table, and the rules as pySigma's queries for it. A field that a record lacks is NULL, as in any SIEM."""

    def __init__(self, names, records):
        self.queries = {}
        for path in glob.glob(RULES):
            for rule in yaml.safe_load_all(read(os.path.relpath(path, ROOT))):
                if rule['id'] in names:
                    self.queries[rule['title']] = names[rule['id']][1]
        flat = [flatten(record) for record in records]
        columns = sorted({name for record in flat for name in record} | set(re.findall(r'`([^`]+)`', ' '.join(self.queries.values()))))
        self.database = sqlite3.connect(':memory:')
        self.database.execute('CREATE TABLE logs (number INTEGER)')
        for start in range(0, len(columns), 500):
            for name in columns[start:start + 500]:
                self.database.execute('ALTER TABLE logs ADD COLUMN `%s`' % name)
        for number, record in enumerate(flat):
            one = {name: values[0] for name, values in record.items() if len(values) == 1}
            self.database.execute('INSERT INTO logs (number%s) VALUES (?%s)' % (''.join(f', `{name}`' for name in one), ', ?' * len(one)),
                                  [number, *one.values()])

    def find(self, title):
        """The numbers of the records that the rule of TITLE finds; of a correlation the groups."""
        return [row[0] for row in self.database.execute(self.queries[title])]


def check_queries(known):
    """Each rule is there as it is now, for each SIEM whose language has the like."""
    rules = {rule['id']: (digest(path), 'correlation' in rule, rule.get('name')) for path in glob.glob(RULES)
             for rule in yaml.safe_load_all(read(os.path.relpath(path, ROOT)))}
    files = [os.path.basename(path)[:-4] for path in glob.glob(QUERIES)]
    need(set(files) == {'esql', 'eql', 'lucene', 'splunk', 'sqlite'}, f'queries for {files}')
    for name in files:
        found = queries_of(name)
        correlates = name not in ('eql', 'lucene')
        for identity, (now, correlation, base) in rules.items():
            # Of a correlation and the rule that it is of there is one query.
            if correlation and not correlates or base and correlates:
                continue
            need(identity in found, f'{name}: rule {identity} is missing: run sigma_convert.py')
            need(found[identity][0] == now, f'{name}: rule {identity} has changed: run sigma_convert.py')
            need(found[identity][1], f'{name}: nothing came of rule {identity}')
            if name == 'esql':
                # A column that no document has is an error there, and what is compared with null is dropped.
                used = set(re.findall(r'\b[a-z_]+(?:\.[a-z_]+)+', re.sub(r'"[^"]*"', '', found[identity][1].split('|', 1)[1])))
                need(used <= known['fields'], f'esql: no field {used - known["fields"]}')
        need(set(found) <= set(rules), f'{name}: there is no rule {set(found) - set(rules)}')


def titles():
    """{name of the file: title of the rule with a detection}"""
    return {os.path.basename(path)[:-4]: next(yaml.safe_load_all(read(os.path.relpath(path, ROOT))))['title'] for path in glob.glob(RULES)}


def check_sqlite(rules):
    """pySigma's queries, run for real, find what the rules mean."""
    records = [record for path in sorted(glob.glob(ROOT + '/tests/golden/*.ecs.json')) for record in read_records(path)]
    records += [sample['record'] for sample in read_records(HERE + '/sigma-samples.ndjson')]
    database, compared = Sqlite(queries_of('sqlite'), records), 0
    wanted = [matched(rules, record) for record in records]
    for name, title in titles().items():
        if title not in database.queries:
            continue
        compared += 1
        found = set(database.find(title))
        meant = {number for number, names in enumerate(wanted) if name in names}
        need(found == meant, f'{name}: finds {sorted(found)}, and not {sorted(meant)}')
    need(compared > 30, f'only {compared} queries')
    tries = [{'event': {'action': 'socket-refused'}, 'error': {'code': 'EACCES'}, 'callerd': {'expected': False},
              'user': {'id': '1001'}, 'host': {'name': 'build7'}}] * 5
    for count in 4, 5:
        found = Sqlite(queries_of('sqlite'), tries[:count]).find('Refused At The Socket Of The Engine Again And Again')
        need(len(found) == (count == 5), f'{count} refused connects: {found}')


def check_covered(known):
    grave = {name for name, severities in known['findings'].items() if severities & {'high', 'critical'}}
    need(len(grave) > 10, 'hardly any finding is grave')
    need(grave <= known['covered'], f'no rule has {sorted(grave - known["covered"])}')


def known_things():
    known = {'findings': severities_of_findings(), 'fields': fields_of_document(), 'ids': set(), 'titles': set(),
             'names': set(), 'covered': set()}
    for path in glob.glob(ROOT + '/tests/golden/*.ecs.json'):
        for record in read_records(path):
            known['fields'] |= set(flatten(record))
    return known


def load():
    """[(name, test)] of all rules, and {name: level}, for tests that have records of their own."""
    known, rules, levels = known_things(), [], {}
    for path in sorted(glob.glob(RULES)):
        rules += check_file(path, known)
        levels[rules[-1][0]] = next(yaml.safe_load_all(read(os.path.relpath(path, ROOT))))['level']
    return rules, levels


def main():
    known, rules, bad = known_things(), [], 0

    def attempt(name, function, *arguments):
        nonlocal bad
        try:
            result = function(*arguments)
            print('ok sigma.' + name)
            return result
        except (ValueError, KeyError, TypeError, yaml.YAMLError) as error:
            print(f'not ok sigma.{name}: {error}'.replace('\n', ' '))
            bad += 1
            return []

    for path in sorted(glob.glob(RULES)):
        rules += attempt(os.path.basename(path)[:-4], check_file, path, known)
    if len(sys.argv) > 1:
        for path in sys.argv[1:]:
            for record in read_records(path):
                print(sorted(matched(rules, record)), record['event']['severity'], record['message'])
        return
    attempt('every-grave-finding', check_covered, known)
    seen = set(attempt('golden', check_golden, rules)) | set(attempt('samples', check_samples, rules, known))

    def check_all_match():
        need({name for name, _ in rules} <= seen, f'nothing matches {sorted({name for name, _ in rules} - seen)}')
    attempt('each-matches', check_all_match)
    attempt('queries', check_queries, known)
    attempt('sqlite', check_sqlite, rules)
    sys.exit(1 if bad or not rules else 0)


if __name__ == '__main__':
    main()
