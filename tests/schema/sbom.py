#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Checks the software bill of materials against SPDX 2.3 (its chapters 6 to 11, JSON) and against what is there.

tests/schema/sbom.py			writes build/callerd.spdx.json, twice, and checks it: "ok NAME" or "not ok NAME: why"
tests/schema/sbom.py DOCUMENT PROGRAM	checks that document of that program
"""
import hashlib
import json
import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
IDENTIFIER = re.compile(r'SPDXRef-[A-Za-z0-9.-]+')
LICENCES = {'Apache-2.0', 'MIT', 'GPL-2.0-only', 'GPL-2.0-or-later', 'LGPL-2.1-only', 'LGPL-2.1-or-later', 'LGPL-3.0-or-later',
            'BSD-2-Clause', 'BSD-3-Clause', 'Zlib', 'blessing'}
DOCUMENT = {'spdxVersion', 'dataLicense', 'SPDXID', 'name', 'documentNamespace', 'creationInfo', 'packages', 'files', 'relationships'}
PACKAGE = {'SPDXID', 'name', 'downloadLocation', 'licenseConcluded', 'licenseDeclared', 'copyrightText', 'filesAnalyzed'}
PACKAGE_MAY = {'versionInfo', 'supplier', 'sourceInfo', 'externalRefs', 'primaryPackagePurpose', 'packageVerificationCode',
               'hasFiles', 'licenseInfoFromFiles'}
FILE = {'SPDXID', 'fileName', 'checksums', 'fileTypes', 'licenseConcluded', 'licenseInfoInFiles', 'copyrightText'}


def keys(thing, must, may=frozenset()):
    missing, unknown = must - set(thing), set(thing) - must - may
    if missing or unknown:
        yield f'{thing.get("SPDXID")}: lacks {sorted(missing)}, has {sorted(unknown)}'


def licence(text, where):
    if text != 'NOASSERTION' and not set(re.split(r' (?:AND|OR) ', re.sub('[()]', '', text))) <= LICENCES:
        yield f'{where}: the licence {text}'


def check_document(document):
    yield from keys(document, DOCUMENT)
    fixed = {'spdxVersion': 'SPDX-2.3', 'dataLicense': 'CC0-1.0', 'SPDXID': 'SPDXRef-DOCUMENT'}
    if any(document.get(name) != value for name, value in fixed.items()):
        yield f'it has not {fixed}'
    if not re.fullmatch(r'https://[^#\s]+', document['documentNamespace']):
        yield 'the namespace'
    if not re.fullmatch(r'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ', document['creationInfo']['created']):
        yield 'the time'
    if not all(re.fullmatch(r'(Tool|Person|Organization): .+', who) for who in document['creationInfo']['creators']):
        yield 'the creators'
    names = [thing['SPDXID'] for thing in [document, *document['packages'], *document['files']]]
    for name in names:
        if not IDENTIFIER.fullmatch(name) or names.count(name) != 1:
            yield f'the identifier {name}'
    for relation in document['relationships']:
        if not {relation['spdxElementId'], relation['relatedSpdxElement']} <= set(names):
            yield f'related to what is not there: {relation}'
    if [r['relatedSpdxElement'] for r in document['relationships'] if r['relationshipType'] == 'DESCRIBES'] \
            != [document['packages'][0]['SPDXID']]:
        yield 'it describes nothing'


def check_files(document):
    sums = []
    for file in document['files']:
        yield from keys(file, FILE)
        yield from licence(file['licenseConcluded'], file['fileName'])
        with open(os.path.join(ROOT, file['fileName']), 'rb') as source:
            data = source.read()
        got = {checksum['algorithm']: checksum['checksumValue'] for checksum in file['checksums']}
        if got != {'SHA1': hashlib.sha1(data).hexdigest(), 'SHA256': hashlib.sha256(data).hexdigest()}:
            yield f'{file["fileName"]}: the sums'
        if f'SPDX-License-Identifier: {file["licenseConcluded"]}'.encode() not in [re.sub(rb'^[/* ]+', b'', line) for line in re.split(rb' \*/|\n', data[:200])]:
            yield f'{file["fileName"]}: the licence'
        if file['fileName'].startswith('./bpf/') != (file['licenseConcluded'] == 'GPL-2.0-only'):
            yield f'{file["fileName"]}: {file["licenseConcluded"]}'
        sums.append(got['SHA1'])
    ours = document['packages'][0]
    if ours['packageVerificationCode']['packageVerificationCodeValue'] != hashlib.sha1(''.join(sorted(sums)).encode()).hexdigest():
        yield 'the verification code'
    if sorted(ours['hasFiles']) != sorted(file['SPDXID'] for file in document['files']):
        yield 'the files of the package'
    compiled = subprocess.run(['git', '-C', ROOT, 'ls-files', '--cached', '--others', '--exclude-standard', 'bpf', 'user', 'include'],
                              check=True, stdout=subprocess.PIPE, text=True).stdout.split()
    if {'./' + name for name in compiled if os.path.exists(f'{ROOT}/{name}')} != {file['fileName'] for file in document['files']}:
        yield 'not all sources, or others'


def check_packages(document, program):
    for package in document['packages']:
        yield from keys(package, PACKAGE, PACKAGE_MAY)
        yield from licence(package['licenseConcluded'], package['name'])
        yield from licence(package['licenseDeclared'], package['name'])
    packages = {package['SPDXID']: package for package in document['packages']}
    linked = {how: {packages[r['relatedSpdxElement']]['name'] for r in document['relationships'] if r['relationshipType'] == how}
              for how in ('STATIC_LINK', 'DYNAMIC_LINK')}
    for package in document['packages'][1:]:
        version = subprocess.run(['dpkg-query', '--show', '--showformat', '${Version}', package['name']], check=False,
                                 stdout=subprocess.PIPE, text=True).stdout
        if package.get('versionInfo') != version or package['licenseDeclared'] == 'NOASSERTION':
            yield f'{package["name"]}: {package.get("versionInfo")}, installed is {version!r}; {package["licenseDeclared"]}'
    needed = re.findall(r'NEEDED.*\[(.*)\]', subprocess.run(['readelf', '-d', program], check=True, stdout=subprocess.PIPE, text=True).stdout)
    for name in needed:
        stem = re.match('lib([a-z]+)', name)[1]
        if not any(stem in package.replace('zlib', 'z') for package in linked['DYNAMIC_LINK']) and stem not in ('m', 'crypto', 'ld'):
            yield f'{name} is missing'
    everything = linked['STATIC_LINK'] | linked['DYNAMIC_LINK']
    for stem in ('libbpf', 'libsqlite3', 'libpcre2', 'libssl', 'libc6'):
        if not any(package.startswith(stem) for package in everything):
            yield f'{stem} is missing among {sorted(everything)}'


def check(path, program):
    with open(path, encoding='utf-8') as file:
        document = json.load(file)
    return [*check_document(document), *check_files(document), *check_packages(document, program)]


def main():
    if sys.argv[1:]:
        wrong = check(*sys.argv[1:])
        print(*wrong[:10], sep='\n', end='\n' if wrong else '')
        return bool(wrong)
    texts = []
    for _ in range(2):
        path = ROOT + '/build/callerd.spdx.json'
        if os.path.exists(path):
            os.unlink(path)
        subprocess.run(['make', '-C', ROOT, '-o', 'build/callerd', 'sbom'], check=True, stdout=subprocess.DEVNULL)
        with open(path, 'rb') as file:
            texts.append(file.read())
    print('ok sbom.same_to_the_byte' if texts[0] == texts[1] else 'not ok sbom.same_to_the_byte: two differ')
    wrong = check(path, ROOT + '/build/callerd')
    print(f'not ok sbom.valid: {"; ".join(wrong[:10])}' if wrong else 'ok sbom.valid')
    return bool(wrong) or texts[0] != texts[1]


if __name__ == '__main__':
    sys.exit(main())
