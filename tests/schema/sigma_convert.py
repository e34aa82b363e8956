#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Writes docs/siem/queries: tests/schema/sigma_convert.py PYSIGMA SQLITE ELASTICSEARCH SPLUNK

Each is a checkout of github.com/SigmaHQ at a release: pySigma, pySigma-backend-sqlite, -elasticsearch, -splunk (LGPL; they
need python3-yaml, -pyparsing, -jinja2, -requests, and nothing of them is taken over). Needed again when a rule changes: sigma.py says so."""
import glob
import importlib
import os
import shutil
import sys
import tempfile

import sigma as own

# File: the module and class of the backend; it does not know correlations.
BACKENDS = {
    'esql': ('elasticsearch', 'ESQLBackend', True), 'eql': ('elasticsearch', 'EqlBackend', False),
    'lucene': ('elasticsearch', 'LuceneBackend', False), 'splunk': ('splunk', 'SplunkBackend', True),
    'sqlite': ('sqlite', 'sqliteBackend', True),
}
INDEX = 'logs-callerd.audit-*'


def lay_together(checkouts, place):
    """pySigma and its backends as one package. Returns their versions."""
    versions = []
    for checkout in checkouts:
        shutil.copytree(checkout + '/sigma', place + '/sigma', dirs_exist_ok=True)
        with open(checkout + '/pyproject.toml', encoding='utf-8') as project:
            found = dict(line.strip().split(' = ', 1) for line in project if line.startswith(('name = ', 'version = ')))
        versions.append('%s %s' % (found['name'].strip('"'), found['version'].strip('"')))
    return versions


def convert(name, rules):
    from sigma.processing.pipeline import ProcessingItem, ProcessingPipeline
    from sigma.processing.transformations import SetStateTransformation
    module, backend, correlates = BACKENDS[name]
    collection = importlib.import_module('sigma.collection').SigmaCollection
    items = [ProcessingItem(SetStateTransformation('index', INDEX))] if name == 'esql' else []
    backend = getattr(importlib.import_module('sigma.backends.' + module), backend)(ProcessingPipeline(items=items))
    for path, texts in rules:
        if not correlates:
            texts = texts[:1]
        queries = backend.convert(collection.from_yaml('\n---\n'.join(texts)))
        for text in texts:
            rule = own.yaml.safe_load(text)
            if len(queries) < len(texts) and text is not texts[-1]:
                continue  # it is in the query of the correlation
            query = queries[-1] if len(queries) < len(texts) else queries[texts.index(text)]
            yield rule, own.digest(path), query.replace('<TABLE_NAME>', 'logs').strip()


def main():
    with tempfile.TemporaryDirectory() as place:
        versions = lay_together(sys.argv[1:], place)
        del sys.modules['sigma']  # this folder's
        sys.path[0] = place
        rules = [(path, open(path, encoding='utf-8').read().split('\n---\n')) for path in sorted(glob.glob(own.RULES))]
        os.makedirs(own.ROOT + '/docs/siem/queries', exist_ok=True)
        for name in BACKENDS:
            with open(own.ROOT + f'/docs/siem/queries/{name}.txt', 'w', encoding='utf-8') as out:
                out.write('# SPDX-License-Identifier: Apache-2.0\n# The rules of docs/siem/sigma, by %s.\n' % ', '.join(versions))
                for rule, digest, query in convert(name, rules):
                    out.write('\n# %s: %s\n# %s of %s\n%s\n' % (rule['level'], rule['title'], rule['id'], digest, query))


main()
