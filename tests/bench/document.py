# SPDX-License-Identifier: Apache-2.0
"""document.py RESULTS DOCS: writes DOCS/benchmarks.md, its plots, and what tests/live/test_cost.py compares with. For tests/bench/run."""
import json
import os
import re
import subprocess
import sys

import asking as asked
import cost

COLOURS = '#4c8dd6', '#d6743c', '#5aa66a'  # which stand out from white and from black
HEAD = '''# What callerd costs

`make bench` measured this and wrote it; nobody edits it. Numbers of other machines differ: run it on yours. What may be believed most are ratios
and differences, for they are of the same minute: all is done in turns, with and without, {rounds} times, and what stands here are medians.

| | |
| --- | --- |
| machine | {processors} processors ({model}), {memory} GiB |
| kernel | {kernel}; callerd's backend is {backend} |
| engine | Docker {engine} |
| others | {others} |
| callerd | commit {commit}, {date}; the load of the machine when a part began was {load} |

"CPU" is the time on processors of all who take part: the load, the engine, and whoever tells of it, with the threads of the kernel that work for him.
'''
BUSY = '''
**The machine was busy with other things when this was measured**: there was more to do than it has processors. Wall times, and what was measured by
them, say little then; CPU times are too high by a third or more, for caches are cold. Measure it anew where nothing else runs.
'''


def us(value):
    return f'{value:,.1f}' if abs(value) < 1000 else f'{value:,.0f}'


def rounded(value):
    return f'{value:,.0f}' if value >= 100 else f'{value:.1f}' if value >= 1 else f'{value:.2f}'


def table(head, rows, first=1):
    """Numbers stand on the right, but for the FIRST columns."""
    lines = ['| ' + ' | '.join(head) + ' |', '|' + '|'.join(' --- ' if i < first else ' ---: ' for i in range(len(head))) + '|']
    return '\n'.join(lines + ['| ' + ' | '.join(map(str, row)) + ' |' for row in rows]) + '\n'


# --- plots -----------------------------------------------------------------------------------------

STYLE = '''<style>svg { color: #24292f } @media (prefers-color-scheme: dark) { svg { color: #d0d7de } } text { fill: currentColor }</style>'''


def plot(path, script, data):
    """An SVG without a background; its lines and letters have the colour that suits the reader's page."""
    done = subprocess.run(['gnuplot', '-'], input=f'''$data << EOD
{data}
EOD
set terminal svg size 760,340 dynamic font "sans-serif,13"
set border 3
set tics nomirror
set grid ytics lw 0.3
set key top left
set style fill solid 0.9 noborder
{script}
''', stdout=subprocess.PIPE, stderr=subprocess.PIPE, universal_newlines=True, check=False)
    if done.returncode or not done.stdout:
        sys.exit('gnuplot: ' + done.stderr)
    picture = re.sub(r"""(\W)(fill|stroke|color)\s*=\s*(["'])(black|#000000|rgb\(\s*0,\s*0,\s*0\))\3""", r'\1\2=\3currentColor\3', done.stdout)
    picture = re.sub(r"""color=(["'])currentColor\1""", '', picture)
    picture = re.sub(r'(<svg[^>]*>)', lambda found: found[1] + '\n' + STYLE, picture, 1)
    with open(path, 'w') as file:
        file.write(picture)


def bars(path, title, rows, columns):
    """ROWS: name and numbers; a row whose number is there not has '-'."""
    data = '\n'.join(f'"{row[0]}" ' + ' '.join(f'{value:.2f}' for value in row[1:]) for row in rows)
    plot(path, f'''set title "{title}"
set style data histograms
set style histogram clustered gap 1
set xtics scale 0
set yrange [0:*]
plot ''' + ', '.join(f'$data using {i + 2}:xtic(1) title "{name}" lc rgb "{COLOURS[i]}"' for i, name in enumerate(columns)), data)


def lines(path, title, label, rows, columns, logarithmic=True):
    data = '\n'.join(' '.join(str(value) for value in row) for row in rows)
    plot(path, f'''set title "{title}"
set xlabel "{label}"
{'set logscale x' if logarithmic else ''}
set yrange [0:*]
plot ''' + ', '.join(f'$data using 1:{i + 2} with linespoints lc rgb "{COLOURS[i]}" lw 2 pt 7 ps 0.5 title "{name}"'
                     for i, name in enumerate(columns)), data)


# --- the goals -------------------------------------------------------------------------------------

def counting_of(kernel_results):
    """Nanoseconds that counting adds to each run; where that was not measured yet, what was believed."""
    return kernel_results.get('counting', 20)


def without_statistics(programs, counting, names=None):
    """Microseconds of the programs of these NAMES, or of all, without what counting adds to each run."""
    return sum(ns - counting * times for name, (times, ns) in programs.items() if not names or name in names) / 1e3


FORMS = (('plain', ''), ('packed', ', rotated and packed'), ('exported', ', exported by a SIEM'))  # in which callerctl is asked about a log


def asked_of(results):
    """Of each question about a million records, in each form, what it took; nothing, where that was not measured."""
    return [(name + words, states[form]) for name, states in results.get('asking', {'questions': {}})['questions'].items()
            for form, words in FORMS if form in states]


def goals_of(results):
    """What is aimed at: (what, goal, unit, what was measured, whether less is better)."""
    peer, run, thread, much = (results[name] for name in ('peers', 'kernel', 'threads', 'throughput'))
    counting = counting_of(run)
    request = without_statistics(run['request'], counting)
    yield 'in the kernel, a request', 2, 'µs', request, True
    yield 'a connection of a process that is described already, without its request', 4, 'µs', without_statistics(run['connection'], counting) - request, True
    yield 'a connection of a new process, with its fork, exec and exit, without its request', 12, 'µs', without_statistics(run['process'], counting) - request, True
    for family, name in (('unix', 'Unix'), ('tcp', 'TCP'), ('udp', 'UDP')):
        yield f'a message on a socket that is not watched, {name}', 60, 'ns', without_statistics(run[family], counting) * 1e3, True
    for kind, goal in (('request', 8), ('connection', 15)):
        yield f'in user space, a {kind}, as by default', goal, 'µs', sum(thread[kind + '_folded'].values()), True
        yield 'the same, with a record for each (`fold=no`)', goal, 'µs', sum(thread[kind].values()), True
    yield 'records to a file with its chain, on one core', 100000, 'a second', results['outputs']['outputs']['a file with its chain'][0], False
    for kind, wall, used in (('request', 5, 12), ('connection', 20, 40)):
        yield f'in all, a {kind}: more wall time', wall, 'µs', peer[kind]['callerd']['wall']['more'], True
        yield f'in all, a {kind}: more CPU', used, 'µs', peer[kind]['callerd']['cpu']['more'], True
    yield 'a dockerd that has more to do than it can keeps of its requests', 95, '%', much['dockerd']['kept'] * 100, False
    stand_in = much['stand-in, fold=no']
    yield 'requests of a stand-in without a loss, each with a record', 50000, 'a second', 0 if stand_in['lost'] else stand_in['with'], False
    yield 'from a request to its record, p99, as many as a dockerd can answer', 25, 'ms', results['latency']['saturated']['p99'], True
    yield 'memory at rest (RssAnon)', 8, 'MB', results['idle']['anonymous'], True
    for name, (wall, _, memory) in asked_of(results):
        yield f'of a million records: {name}', 5, 's', wall, True
        yield 'memory for that', 100, 'MB', memory, True


def goals(results):
    run, peer = results['kernel'], results['peers']
    calls_of = {kind: sum(times for times, _ in run[kind].values()) for kind in ('request', 'connection', 'unix')}
    text = '## What is aimed at\n\n' + table(('', 'goal', 'here', ''), [
        (what, f'{goal:,} {unit}', f'{value:,.0f}' if value >= 1000 else us(value), 'reached' if (value <= goal if less else value >= goal) else 'not reached')
        for what, goal, unit, value, less in goals_of(results)])
    cpu = peer['request']['nothing']['cpu']['median']
    forked, executed, ended, described, begun, copied = (without_statistics(run['process'], counting_of(run), names) for names in (
        ('on_fork',), ('on_exec',), ('process_exit',), ('data_ready', 'connect_lsm'), ('connect_begin', 'connect_end'), ('send_length', 'recv_length')))
    usual = without_statistics(run['connection'], counting_of(run), ('send_length', 'recv_length'))
    return text + f"""
What is counted in the kernel is without the {counting_of(run):.0f} ns that counting takes of each run: with so many an empty program is counted that runs beside the others at the same
messages. What stands in the way where a goal may not be reached:

- **In the kernel** a message on a socket that is not watched runs {calls_of['unix']:.0f} programs, a request {calls_of['request']:.0f}, a connection with its request {calls_of['connection']:.0f}. The kernel has no place nearer to a watched socket than those that all sockets go
  by, and a message needs each of them: who sends is known in the send alone, how much was read in the receive. What is left of a request copies its bytes and the answer's head to a ring.
  A process that is described already is still compared with its description, field by field, for what it may have changed meanwhile: users, groups, capabilities, its root.
- **A new process** is noted at its fork, exec and exit, as each process of the host is, for nobody knows yet who will call: {us(forked)}, {us(executed)} and {us(ended)} µs. Half of the exec reads its environment, each variable
  to its end, for names that are kept may stand anywhere in it; a quarter keeps its arguments. The address of its `connect()` is kept with {us(begun)} µs, for it may be refused. When it connects it is described, {us(described)} µs with the
  look at each socket. Of these two fifths are its ancestors, each with its user, name, executable, arguments and environment; a sixth is itself, with users, arguments, directories and cgroup; the rest finds the socket, adds the
  connection, and copies all of that to the ring. What the daemon reads and answers is copied with {us(copied)} µs, where a process that is described takes {us(usual)}. These times are those of memory that no cache of the
  processor holds any more: an empty program at the fork of each process is counted with 160 ns there, and more. To keep what ancestors are would save a third of them at best: to see that an ancestor is as it
  was is to read the same fields of the same memory, since it may have taken another user and another name, and its file may have been moved, and all of that is told as it is at the connect. What was described is kept, and looked
  for, from the second call of a process on. Where processes have labels (AppArmor, SELinux) callerd is woken for a new caller, to read its label while it lives, which takes some 4 µs more.
- **Throughput**: load, engine and callerd share {results['machine']['processors']} processors, which are all busy then. A request takes {cpu:.0f} µs of them without callerd; to keep 95 % callerd might take {cpu / 19:.1f} µs of them in
  all, about what the programs in the kernel take to see it at all. Where a processor is free the daemon waits for nothing but these programs.
- **A record for each request** takes what it takes to write it: see [below](#in-user-space).
"""


# --- the parts -------------------------------------------------------------------------------------

def peers(result, place):
    names = [name for name in result['tells'] if name not in result['missing']]
    for kind, title in (('request', 'a request on a connection that is kept'), ('connection', 'a connection with one request')):
        bars(f'{place}/{kind}.svg', f'Microseconds more than nothing, for {title}',
             [(name, *(max(0, result[kind][name][what]['more']) for what in ('wall', 'cpu'))) for name in names[1:]], ('wall time', 'CPU of all'))
    text = '''## Beside others

A real dockerd answers `GET /_ping`: 4,000 on 4 connections that are kept, and 1,000 on a connection each. callerd writes its file with the chain, as it
does by default, which tells equal reads by a count, and with `fold=no`, which tells each. Microseconds; "more" is what comes on top of nothing in the same round.

'''
    for kind, title in (('request', 'a request (keep-alive)'), ('connection', 'a connection with one request')):
        text += table((title, 'wall', 'more', 'ratio', 'CPU of all', 'more', 'ratio'),
                      [(name, *(cell for what in ('wall', 'cpu') for cell in (
                          us(result[kind][name][what]['median']), '' if name == 'nothing' else f"{result[kind][name][what]['more']:+,.1f}",
                          '' if name == 'nothing' else f"{result[kind][name][what]['ratio']:.2f}"))) for name in names]) + '\n'
        text += f'![{title}](benchmarks/{kind}.svg)\n\n'
    text += 'What each can tell at all:\n\n' + table(('', 'it tells'), [(name, tells) for name, tells in result['tells'].items() if tells], 2)
    for name, reason in result['missing'].items():
        text += f'\n{name} was not measured: {reason}.\n'
    return text


LOADS = (('request', 'a request'), ('connection', 'a connection'), ('process', 'a process'), ('unix', 'a message, Unix'), ('tcp', 'TCP'), ('udp', 'UDP'))


def by_program(result, cell):
    """A row for each program that ran, the dearest ones first."""
    names = {name for kind, _ in LOADS for name in result.get(kind, ())}
    cost_of = {name: max(result.get(kind, {}).get(name, [0, 0])[1] for kind, _ in LOADS) for name in names}
    return [(name, *(cell(*result.get(kind, {}).get(name, (0, 0))) for kind, _ in LOADS), f"{result['verified'][name]:,}")
            for name in sorted(names, key=lambda name: -cost_of[name]) if cost_of[name] >= 0.5]


def kernel(result, _):
    rows = by_program(result, lambda times, ns: f'{ns:,.0f} ({times:.2g})' if ns >= 0.5 else '')
    return f'''## In the kernel

What the kernel itself counts of each program (`kernel.bpf_stats_enabled`, which takes some {counting_of(result):.0f} ns of each run): nanoseconds, and in parentheses the runs, for one
request, one connection with its request of a process that is described already, the same of a new process, with its fork, exec and exit, and one message of a byte on a
socket that is not watched. They run for the whole host; what else it did then is in
them. The last column is how many instructions the verifier walks when it is loaded.

''' + table(('program', *(title for _, title in LOADS), 'walked'), [
        *rows, ('together', *(f'{sum(ns for _, ns in result[kind].values()):,.0f}' for kind, _ in LOADS), f"{sum(result['verified'].values()):,}")])


def trampoline(result, _):
    head = '### The other backend\n\n'
    if 'missing' in result:
        return head + f"Not measured: {result['missing']}.\n"
    return head + f'''The {result['backend']} backend, in a virtual machine with Linux 6.12: the runs of each program; an emulated processor's times say nothing.

''' + table(('program', *(title for _, title in LOADS), 'walked'), [
        *by_program(result, lambda times, _: f'{times:.2g}' if times >= 0.005 else ''),
        ('together', *(f'{sum(times for times, _ in result.get(kind, {}).values()):.2g}' for kind, _ in LOADS), f"{sum(result['verified'].values()):,}")])


def unwatched(result, _):
    return '''## Who is not watched

One send and one receive of a byte, nanoseconds of CPU time, with and without callerd. More than a few percent of difference between rounds is the
machine's.

''' + table(('', 'without', 'with', 'more', 'ratio'), [
        (name, f"{row['without']:,.0f}", f"{row['median']:,.0f}", f"{row['more']:+,.0f}", f"{row['ratio']:.3f}")
        for name, row in result.items() if name != 'when'])


def execs(result, _):
    return '''## Programs that are executed

A process that executes `/bin/true`, with so many variables of 50 bytes in its environment, and ends: microseconds of CPU time, with and without callerd, and
what its kernel programs take of that by the kernel's own count, which counts each run a little too long. All programs that the host executes pay this.

''' + table(('variables', 'without', 'with', 'more', 'ratio', 'kernel programs'), [
        (name, f"{row['without'] / 1e3:,.0f}", f"{row['median'] / 1e3:,.0f}", f"{row['more'] / 1e3:+,.1f}", f"{row['ratio']:.3f}", f"{row['programs'] / 1e3:.1f}")
        for name, row in result.items() if name != 'when'])


def threads(result, _):
    kinds = [kind + suffix for suffix in ('', '_folded') for kind in ('request', 'connection')]
    names = sorted(result['connection'], key=lambda name: -result['connection'][name])
    return '''## In user space

Microseconds on a processor of callerd's threads, for one request, and for one connection with its request (two records); and the same where equal
reads are told by a count, as they are by default.

''' + table(('thread', 'a request', 'a connection', 'a request, counted', 'a connection, counted'), [
        *((name, *(f'{result[kind].get(name, 0):.1f}' for kind in kinds)) for name in names
          if max(result[kind].get(name, 0) for kind in kinds) >= 0.05),
        ('together', *(f'{sum(result[kind].values()):.1f}' for kind in kinds))]) + '''
What stands in the way of a record for each in 8 and 15 µs: of the instructions of the loop half write the record
as JSON, a fifth read the heads of HTTP, the rest is shared by a dozen steps (`valgrind --tool=callgrind build/replay EVENTS` counts them, for any recorded events).
What a caller, its ancestors and its command are is written once and copied; what is left of a record is some fifty fields of its own. SHA-256 of a record is
1.4 µs of what the outputs take, and to hand it to the file system 1 µs. Equal reads, of which a load is made, are compared and counted instead.
'''


def calls(result, _):
    spool = result['spool']
    return f'''What the contents of a request take of that, on one core (`build/bench_call`): a `docker create` of {result['create_bytes']:.0f} bytes needs {result['route']:.1f} µs for its route, {result['body']:.1f} µs
until its body is read, {result['judged']:.1f} µs for all that until it is judged and learned, and its record of {result['record_bytes']:.0f} bytes {result['record']:.1f} µs.

A spool alone (`build/bench_spool`, records of 1,500 bytes):

''' + table(('', 'records a second', 'µs of CPU each'), [
        (title, f'{spool[name][0]:,.0f}', f'{spool[name][1]:.1f}') for name, title in (
            ('append', 'while a server is down'), ('drain', 'what waited goes'), ('both', 'both at once'))])


def latency(result, _):
    return '''## How soon

Milliseconds from the end of a request to its record on a pipe:

''' + table(('', 'requests', 'median', 'p99', 'longest'), [
        (title, f"{result[kind]['count']:,}", *(f"{result[kind][name]:.1f}" for name in ('p50', 'p99', 'max')))
        for kind, title in (('quiet', 'one after the other'), ('saturated', 'as many as a dockerd can answer'))]) + '''
The rings are read every 10 ms: read at once, each event would wake a process, which costs more than all else. Where all processors are busy a record waits for
them, too, as the daemon and its clients do: the loop goes before others (nice -5), the threads that write do not.
'''


def throughput(result, _):
    return '''## How much

Requests a second of a server that gets as many as it can take, on connections that are kept. The stand-in is a server that only answers, in one thread, and
callerd's file has no chain there: what matters is what is lost then. With `fold=no` each has a record, else equal ones are told by a count.

''' + table(('', 'without', 'with', 'kept', 'recorded', 'lost, and told so'), [
        (name, f"{row['without']:,.0f}", f"{row['with']:,.0f}", f"{row['kept'] * 100:.0f} %", f"{row['recorded']:,}", f"{row['lost']:,}")
        for name, row in result.items() if name != 'when'])


def scaling(result, place, name, title, label, logarithmic):
    rows = [(key, row) for key, row in result.items() if key != 'when']
    lines(f'{place}/{name}.svg', title, label,
          [(key, row['without']['cpu']['median'], row['with']['cpu']['median']) for key, row in rows], ('without', 'with callerd'), logarithmic)
    return table((label, 'wall without', 'with', 'CPU without', 'with', 'RssAnon, MB'), [
        (f'{int(key):,}', *(us(row[state][what]['median']) for what in ('wall', 'cpu') for state in ('without', 'with')), f"{row['memory']:.1f}")
        for key, row in rows]) + f'\n![{title}](benchmarks/{name}.svg)\n'


def connections(result, place):
    return '''## With many connections

At the stand-in, microseconds for a request, where so many connections are open at once and each has its turn:

''' + scaling(result, place, 'connections', 'Microseconds of CPU of all, for a request', 'open connections', True)


def ancestors(result, place):
    return '''## With many ancestors

At the stand-in, microseconds for a connection with one request of a process below so many shells, with 3,000 bytes of arguments each:

''' + scaling(result, place, 'ancestors', 'Microseconds of CPU of all, for a connection', 'shells above', False)


def idle(result, _):
    return '''## At rest

No engine runs, nothing is pinned, and nobody calls:

''' + table(('', ''), [
        ('start to attached', f"{result['start']:.0f} ms, {result['work']:.0f} ms of it on a processor"),
        ('the verifier walks', f"{result['instructions']:,} instructions of {result['programs']} programs"),
        ('idle', f"{result['idle']:.3f} % of a processor, {result['wakeups']:.0f} wakeups a minute"),
        ('memory', f"RssAnon {result['anonymous']:.1f} MB, RssFile {result['file']:.1f} MB, {result['threads']} threads in two processes"),
        ('in the kernel', f"rings {result['rings']:.1f} MB, other maps {result['maps']:.1f} MB")], 2)


def looking(result, _):
    return f'''## Somebody looks

Microseconds on a processor for each of 1,000 requests, with a record for each, and what is taken while nothing happens: by callerd with its broker, and by callerctl in a terminal
of 120 columns. {result['cut']} readers were cut off, as too slow.

''' + table(('', 'callerd, each', 'callerctl, each', 'callerd at rest', 'callerctl at rest'), [
        (name, f'{busy:.1f} µs', f'{own:.1f} µs' if own else '', f'{idle:.2f} %', f'{still:.2f} %' if own else '')
        for name, (busy, own, idle, still) in result['ways'].items()])


def outputs(result, _):
    base = next(iter(result['outputs'].values()))[0]
    return f'''## Outputs

Delivery alone: records of {result['bytes']:.0f} bytes (ecs), made once of recorded events and handed to an output thousands of times, on one core: written in its
format, queued, chained, written. {result['lost']} were lost.

''' + table(('', 'records a second', 'ratio', 'µs of CPU each'), [
        (name, f'{rate:,.0f}', f'{rate / base:.2f}', f'{used:.1f}') for name, (rate, used) in result['outputs'].items()])


def asking(result, _):
    sizes = result.get('sizes') or {'plain': result['size'], 'packed': result['packed']}
    forms = [form for form, _ in FORMS if form in sizes]
    return f'''## Asking a log

`callerctl` and a log of {result['records']:,} records, {sizes['plain'] / 1e9:.1f} GB in the page cache, with its chain, which a report verifies; the same log as logrotate
leaves it (the newest file as it is, four packed by gzip: {sizes['packed'] / 1e9:.2f} GB), and as Elasticsearch gives its records back (a hit in each line: {sizes.get('exported', 0) / 1e9:.1f} GB).
The records are those of recorded calls, told again of {asked.USERS} users and {asked.JOBS} jobs in a week (`tests/bench/asking.py`). No index is made: each question reads all of it. Seconds, and
the memory that it took at most; a thread reads and unpacks, one verifies the chain for a report, and one looks at what was read.

''' + table(('', *(head for form in forms for head in (f'{form}: wall', 'CPU', 'MB'))), [
        (name, *(f'{states[form][i]:.{0 if i == 2 else 1}f}' for form in forms for i in range(3))) for name, states in result['questions'].items()])


def counts(result, _):
    landed = {name: round(value, 1) for name, value in result.items() if name != 'when'}
    with open(cost.LANDED, 'w') as file:
        json.dump(landed, file, indent=1)
        file.write('\n')
    return '''## Counts

What does not depend on the machine, for one request and one connection with its request, of a client with few ancestors. `tests/live/run cost` fails where one of
them is a third larger than here.

''' + table(('', ''), [(name, rounded(value)) for name, value in landed.items()])


PARTS = peers, kernel, trampoline, threads, calls, unwatched, execs, latency, throughput, connections, ancestors, idle, looking, outputs, asking, counts


def main():
    with open(sys.argv[1]) as file:
        results = json.load(file)
    docs, place = sys.argv[2], sys.argv[2] + '/benchmarks'
    os.makedirs(place, exist_ok=True)
    machine, whens = results['machine'], [result['when'] for result in results.values() if 'when' in result]
    loads = [when['load'] for when in whens]
    text = HEAD.format(**machine, rounds=max(when['rounds'] for when in whens), backend=results.get('kernel', {}).get('backend', 'not looked at'),
                       others=', '.join(filter(None, (version for name, version in machine['versions'].items() if name != 'callerd'))),
                       date=max(when['date'] for when in whens), load=f'{min(loads):.1f} to {max(loads):.1f}')
    if max(loads) > machine['processors']:
        text += BUSY
    if all(name in results for name in ('peers', 'kernel', 'threads', 'throughput', 'outputs', 'latency', 'idle')):
        text += '\n' + goals(results)
    for function in PARTS:
        if function.__name__ in results:
            text += '\n' + function(results[function.__name__], place)
    with open(docs + '/benchmarks.md', 'w') as file:
        file.write(text)
    print(f'{docs}/benchmarks.md')


main()
