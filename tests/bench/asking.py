# SPDX-License-Identifier: Apache-2.0
"""asking.py [--records N] FILE: writes a log of so many records (a million), for tests/bench/measure.py, which asks callerctl about it.

The records are those of recorded events (tests/golden), replayed, and told again of many callers: other users, processes, containers and times, a week of
them up to now. The log has a chain, but no seals: it is as if it went on from a file that was rotated away."""
import argparse
import glob
import hashlib
import json
import os
import re
import subprocess
import time

ROOT = os.path.realpath(os.path.join(os.path.dirname(__file__), '../..'))
RECORDS = 1_000_000
USERS, JOBS, SPAN = 200, 500, 7 * 86400 - 3600
USER, JOB = 'user042', 'job0042-root'  # one of each, to be asked for


def templates():
    """Of each recorded scene its lines, as templates, with their times in ns since its first one."""
    scenes = []
    for events in sorted(glob.glob(ROOT + '/tests/golden/*.events')):
        lines = subprocess.run([ROOT + '/build/replay', events], stdout=subprocess.PIPE, check=True, universal_newlines=True).stdout.splitlines()
        ids, scene = {}, []
        for line in lines:
            hour, minute, second = json.loads(line)['@timestamp'][11:-1].split(':')
            line = line[line.index('Z"') + 1:].replace('%', '%%')
            # Containers by whole ids, and by their first twelve digits in messages.
            for found in re.findall(r'\b[0-9a-f]{64}\b', line):
                ids.setdefault(found[:12], len(ids))
            for found, number in ids.items():
                line = line.replace(found, f'{number:04x}%(run)s')
            line = line.replace('-0000000000000000-', '-%(run)s00000000-').replace('"entity_id":"' + 24 * '0', '"entity_id":"%(run)s' + 16 * '0')
            line = line.replace('golden', '%(job)s').replace('"message":"uid 0 ', '"message":"%(user)s ')
            line = line.replace('"user":{"id":"0"', '"user":{"name":"%(user)s","id":"%(uid)d"').replace('"related":{"user":["0"', '"related":{"user":["%(user)s"')
            scene.append((int((int(hour) * 3600 + int(minute) * 60 + float(second)) * 1e9), line[:-2]))
        scenes.append([(at - min(scene)[0], line) for at, line in scene])
    return scenes


def write(path, records=RECORDS):
    """Writes the log; returns its size."""
    scenes, count, run, previous = templates(), 0, 0, 64 * '0'
    rounds = records / sum(len(scene) for scene in scenes) * len(scenes)
    begin = time.time() - SPAN
    with open(path, 'wb') as file:
        while count < records:
            at = int((begin + run * SPAN / rounds) * 1e9)
            number = run * 7919 % USERS  # neighbours are others
            words = {'run': f'{run:08x}', 'user': f'user{number:03d}', 'uid': 1000 + number, 'job': f'job{run % JOBS:04d}'}
            for later, line in scenes[run % len(scenes)]:
                seconds, rest = divmod(at + later, 10 ** 9)
                stamp = time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(seconds))
                count += 1
                text = f'{{"@timestamp":"{stamp}.{rest:09d}Z{line % words},"chain":{{"line":{count + 1000},"previous":"{previous}"}}}}}}'.encode()
                previous = hashlib.sha256(text).hexdigest()
                file.write(text + b'\n')
                if count == records:
                    break
            run += 1
    return os.path.getsize(path)


def rotate(path, files=5):
    """Leaves PATH as logrotate does after some days: the newest of so many files as it is, the others packed. Returns the size of all."""
    with open(path, 'rb') as log:
        most = os.path.getsize(path) // files + 1
        for number in range(files - 1, -1, -1):
            part = f'{path}.{number}'
            with open(part, 'wb') as file:
                file.writelines(log.readlines(most))
            at = time.time() - number * 86400
            os.utime(part, (at, at))
    os.rename(path + '.0', path)
    subprocess.run(['gzip', *(f'{path}.{number}' for number in range(1, files))], check=True)
    return sum(os.path.getsize(name) for name in glob.glob(path + '*'))


def export(path, to):
    """Writes the log at PATH as a SIEM gives it back: a hit of Elasticsearch's a line, as elasticdump writes them. Returns the size."""
    with open(path, 'rb') as log, open(to, 'wb') as file:
        for number, line in enumerate(log):
            file.write(b'{"_index":"logs-callerd.audit-default","_id":"%020d","_score":null,"_source":%s,"sort":[%d]}\n' % (number, line[:-1], number))
    return os.path.getsize(to)


if __name__ == '__main__':
    parser = argparse.ArgumentParser()
    parser.add_argument('--records', type=int, default=RECORDS)
    parser.add_argument('file')
    arguments = parser.parse_args()
    print(write(arguments.file, arguments.records), 'bytes')
