#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Checks the chain of a log, as docs/tamper-evidence.md specifies it: tests/schema/chain.py [--key HEX] FILE...

The oldest file first. Prints the first fault and fails, or the first key. Independent of callerd's own verifier;
Ed25519 is openssl's.
"""
import argparse
import hashlib
import re
import subprocess
import sys
import tempfile

NUMBER = rb'(0|[1-9][0-9]{0,19})'
LINK = rb'[,{]"chain":\{"line":' + NUMBER + rb',"previous":"([0-9a-f]{64})"'
SEAL = (rb'\},"seal":\{"number":' + NUMBER + rb',"key":"([0-9a-f]{64})","next_key":"([0-9a-f]{64})"'
        rb',"signature":"([0-9a-f]{128})"')
PLAIN_LINE = re.compile(LINK + rb'\}\}\}\Z')
SEAL_LINE = re.compile(LINK + SEAL + rb'\}\}\}\Z')
LONGEST_LINK = 1024
ED25519_DER = bytes.fromhex('302a300506032b6570032100')


class Fault(Exception):
    pass


def is_signed(key, data, signature):
    with tempfile.NamedTemporaryFile() as public, tempfile.NamedTemporaryFile() as signed, \
            tempfile.NamedTemporaryFile() as wanted:
        for file, content in (public, ED25519_DER + key), (signed, data), (wanted, signature):
            file.write(content)
            file.flush()
        return subprocess.run(['openssl', 'pkeyutl', '-verify', '-pubin', '-keyform', 'DER', '-inkey', public.name, '-rawin',
                               '-in', signed.name, '-sigfile', wanted.name],
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False).returncode == 0


class Chain:
    def __init__(self, key):
        self.key = key  # of the next seal; None: not known yet
        self.first_key = None
        self.line = self.hash = self.seal = None
        self.lines = self.seals = 0

    def check_seal(self, line, found):
        seal, key, next_key = int(found[3]), found[4].decode(), found[5].decode()
        if self.seal is not None and seal != self.seal + 1:
            raise Fault('seal %d after seal %d' % (seal, self.seal))
        if self.key is not None and key != self.key:
            raise Fault('seal %d is made with another key' % seal)
        if not is_signed(bytes.fromhex(key), line[:found.start(6)], bytes.fromhex(found[6].decode())):
            raise Fault('the signature of seal %d is wrong' % seal)
        self.first_key = self.first_key or key
        self.seal, self.key = seal, next_key
        self.seals += 1

    def check(self, line):
        if not line.endswith(b'\n'):
            raise Fault('no line feed at its end')
        line = line[:-1]
        start = max(0, len(line) - LONGEST_LINK)
        seal = SEAL_LINE.search(line, start)
        found = seal or PLAIN_LINE.search(line, start)
        if not found:
            raise Fault('no link')
        number, previous = int(found[1]), found[2].decode()
        if self.line is not None and number != self.line + 1:
            raise Fault('line %d of the chain after line %d' % (number, self.line))
        if self.hash is not None and previous != self.hash:
            raise Fault('the line before is not the one that was written, or this is not')
        if number == 1 and (previous != '0' * 64 or not seal or int(seal[3])):
            raise Fault('no chain begins like this')
        if number == 0 or (seal and not int(seal[3]) and number != 1):
            raise Fault('no such line')
        if seal:
            self.check_seal(line, seal)
        self.lines += 1
        self.line, self.hash = number, hashlib.sha256(line).hexdigest()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n', maxsplit=1)[0])
    parser.add_argument('--key', help='of the first seal, in hexadecimal')
    parser.add_argument('files', nargs='+', metavar='FILE')
    options = parser.parse_args()
    chain = Chain(options.key)
    for path in options.files:
        with open(path, 'rb') as file:
            for number, line in enumerate(file, 1):
                try:
                    chain.check(line)
                except Fault as fault:
                    print('%s:%d: %s' % (path, number, fault))
                    sys.exit(1)
    if options.key and not chain.seals:
        print('there is no seal')
        sys.exit(1)
    print('%d lines, %d seals, first key %s' % (chain.lines, chain.seals, chain.first_key))


main()
