#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Sends oddly spelled requests to a running dockerd and compares what it did with what our parser,
and llhttp, say of the same bytes.

    http1_differential.py SOCKET [--table]

A disagreement of ours with the daemon fails. Those of llhttp are listed: they are why callerd has a
parser of its own (docs/http1.md; --table prints its table). Each request is followed by a plain
one, so that a wrong idea of where the first one ends shows too. Needs cc; llhttp's sources
(node-llhttp) are optional.
"""

import glob
import json
import os
import re
import socket
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
LLHTTP_SOURCES = glob.glob("/usr/share/llhttp/*.c")
LLHTTP_INCLUDE = "/usr/share/include/llhttp"
HOST = b"Host: docker\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n"
SENTINEL = b"GET /v1.41/volumes/sentinel HTTP/1.1\r\nHost: docker\r\nConnection: close\r\n\r\n"
PREFACE = "HTTP/2 preface"
VOLUME = "callerd-http1-differential"
JSON = b'{"Name":"%s"}' % VOLUME.encode()
CREATE = b"POST /v1.41/volumes/create HTTP/1.1\r\nContent-Type: application/json\r\n"


def get(target=b"/v1.41/volumes/x", version=b"HTTP/1.1", headers=HOST, method=b"GET"):
    return method + b" " + target + b" " + version + b"\r\n" + headers + b"\r\n"


def create(headers, body, start=CREATE + HOST):
    return start + headers + b"\r\n" + body


def length(value, body=JSON):
    return create(b"Content-Length: " + value + b"\r\n", body)


def chunk(data, size=None, end=b"\r\n"):
    return (b"%x" % len(data) if size is None else size) + b"\r\n" + data + end


def chunked(body, headers=CHUNKED):
    return create(headers, body)


SIZE = b"%d" % len(JSON)
WHOLE = chunk(JSON) + b"0\r\n\r\n"

# Name and bytes. What is expected is what the daemon does.
CASES = [
    # The request line
    ("plain request", get()),
    ("lower-case method", get(method=b"get")),
    ("unknown method", get(method=b"FROBNICATE")),
    ("method of odd token characters", get(method=b"!#$%&'*+-.^_`|~")),
    ("long method", get(method=b"M" * 5000)),
    ("method with a non-token character", get(method=b"G(T")),
    ("tab after the method", b"GET\t/v1.41/volumes/x HTTP/1.1\r\n" + HOST + b"\r\n"),
    ("two spaces after the method", get(target=b" /v1.41/volumes/x")),
    ("two spaces before the version", get(target=b"/v1.41/volumes/x ")),
    ("no version", b"GET /v1.41/volumes/x\r\n" + HOST + b"\r\n"),
    ("leading line end", b"\r\n" + get()),
    ("line ends after a POST", length(SIZE) + b"\r\n\r\n" + get()),
    ("too many line ends after a POST", length(SIZE) + b"\r\n\r\n\r\n" + get()),
    ("line end after a GET", get() + b"\r\n" + get()),
    ("HTTP/1.0", get(version=b"HTTP/1.0", headers=b"")),
    ("HTTP/1.0 keep-alive", get(version=b"HTTP/1.0", headers=b"Connection: keep-alive\r\n")),
    ("HTTP/1.0 close, keep-alive",
     get(version=b"HTTP/1.0", headers=b"Connection: close, keep-alive\r\n")),
    ("HTTP/1.2", get(version=b"HTTP/1.2")),
    ("HTTP/1.9", get(version=b"HTTP/1.9")),
    ("HTTP/1.10", get(version=b"HTTP/1.10")),
    ("HTTP/0.9", get(version=b"HTTP/0.9")),
    ("HTTP/2.0", get(version=b"HTTP/2.0")),
    ("HTTP/3.1", get(version=b"HTTP/3.1")),
    ("lower-case version", get(version=b"http/1.1")),
    ("space after the version", get(version=b"HTTP/1.1 ")),
    ("CR CR LF after the version", get(version=b"HTTP/1.1\r")),
    (PREFACE, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    # The target
    ("absolute target", get(target=b"http://other/v1.41/volumes/x")),
    ("absolute target, odd scheme", get(target=b"x+1:/v1.41/volumes/x")),
    ("absolute target without Host", get(target=b"http://other/v1.41/volumes/x", headers=b"")),
    ("opaque target", get(target=b"x:v1.41/volumes/x")),
    ("relative target", get(target=b"v1.41/volumes/x")),
    ("target of digits and a colon", get(target=b"1x:/v1.41/volumes/x")),
    ("percent escapes", get(target=b"/v1.41/volumes/%78")),
    ("bad percent escape in the path", get(target=b"/v1.41/volumes/%zz")),
    ("short percent escape", get(target=b"/v1.41/volumes/x%4")),
    ("bad percent escape in the query", get(target=b"/v1.41/volumes/x?%zz")),
    ("fragment", get(target=b"/v1.41/volumes/x#y")),
    ("control byte in the target", get(target=b"/v1.41/volumes/x\x01")),
    ("DEL in the target", get(target=b"/v1.41/volumes/x\x7f")),
    ("bytes beyond ASCII in the target", get(target=b"/v1.41/volumes/x\xff")),
    ("quotes and braces in the target", get(target=b"/v1.41/volumes/x\"{}|\\^`<>")),
    ("double slash", get(target=b"//v1.41/volumes/x")),
    ("star", get(target=b"*", method=b"OPTIONS")),
    ("star and more", get(target=b"*x")),
    ("CONNECT", get(target=b"docker:1", method=b"CONNECT", headers=b"")),
    ("long target", get(target=b"/v1.41/volumes/" + b"x" * 200000)),
    # Header lines
    ("bare LF", get().replace(b"\r\n", b"\n")),
    ("no Host", get(headers=b"")),
    ("two Hosts", get(headers=HOST + HOST)),
    ("empty Host", get(headers=b"Host:\r\n")),
    ("Host with a slash", get(headers=b"Host: a/b\r\n")),
    ("Host with a space", get(headers=b"Host: a b\r\n")),
    ("folded Host", get(headers=b"Host:\r\n docker\r\n")),
    ("Host with a fold after it", get(headers=b"Host: docker\r\n \r\n")),
    ("header names of any case", get(headers=b"hOST: docker\r\n")),
    ("white space before the first header", get(headers=b" Host: docker\r\n")),
    ("folded header", get(headers=HOST + b"X: a\r\n\tb\r\n")),
    ("fold before the colon", get(headers=HOST + b"X\r\n : a\r\n")),
    ("space before the colon", get(headers=HOST + b"X : a\r\n")),
    ("no colon", get(headers=HOST + b"X\r\n")),
    ("empty header name", get(headers=HOST + b": a\r\n")),
    ("non-token header name", get(headers=HOST + b"X(: a\r\n")),
    ("NUL in a value", get(headers=HOST + b"X: a\0b\r\n")),
    ("control byte in a value", get(headers=HOST + b"X: a\x01b\r\n")),
    ("CR in a value", get(headers=HOST + b"X: a\rb\r\n")),
    ("CR CR LF after a value", get(headers=HOST + b"X: a\r\r\n")),
    ("tab and bytes beyond ASCII in a value", get(headers=HOST + b"X: a\t\xff\r\n")),
    ("empty value", get(headers=HOST + b"X:\r\n")),
    ("long header", get(headers=HOST + b"X: " + b"x" * 500000 + b"\r\n")),
    ("many headers", get(headers=HOST + b"X: y\r\n" * 20000)),
    ("head of a MiB", get(headers=HOST + b"X: " + b"x" * 1040000 + b"\r\n")),
    ("head too large", get(headers=HOST + b"X: " + b"x" * 1060000 + b"\r\n")),
    ("Connection: close", get(headers=HOST + b"Connection: close\r\n")),
    ("Connection: x, Close", get(headers=HOST + b"Connection: x, Close\r\n")),
    ("Connection: close in two words", get(headers=HOST + b"Connection: close x\r\n")),
    ("Connection: closed", get(headers=HOST + b"Connection: closed\r\n")),
    # Content-Length
    ("Content-Length", length(SIZE)),
    ("Content-Length with zeros", length(b"000" + SIZE)),
    ("Content-Length after 4000 zeros", length(b"0" * 4000 + SIZE)),
    ("Content-Length after 4000 spaces", length(b" " * 4000 + SIZE)),
    ("Content-Length folded", length(b"\r\n\t" + SIZE + b"\r\n ")),
    ("Content-Length with a sign", length(b"+" + SIZE)),
    ("Content-Length negative", length(b"-1")),
    ("Content-Length hexadecimal", length(b"0x10")),
    ("Content-Length as a list", length(SIZE + b", " + SIZE)),
    ("Content-Length of two numbers", length(SIZE + b" 1")),
    ("Content-Length too large", length(b"9223372036854775808")),
    ("Content-Length overflowing", length(b"18446744073709551616")),
    ("Content-Length empty", length(b"", body=b"")),
    ("Content-Length repeated", length(SIZE + b"\r\nContent-Length:" + SIZE)),
    ("Content-Length contradicting", length(SIZE + b"\r\nContent-Length: 1")),
    ("Content-Length repeated with zeros", length(SIZE + b"\r\nContent-Length: 0" + SIZE)),
    ("Content-Length repeated with a CR", length(SIZE + b"\r\r\nContent-Length: " + SIZE)),
    ("Content-Length with a CR", length(SIZE + b"\r")),
    ("body of a GET", get(headers=HOST + b"Content-Length: 2\r\n") + b"ab"),
    ("HTTP/1.0 with a body", create(b"Connection: keep-alive\r\nContent-Length: " + SIZE + b"\r\n",
                                    JSON, CREATE.replace(b"HTTP/1.1", b"HTTP/1.0"))),
    # Transfer-Encoding
    ("chunked", chunked(WHOLE)),
    ("CHUNKED", chunked(WHOLE, b"TRANSFER-encoding:\tCHUNKED \r\n")),
    ("chunked after 4000 tabs",
     chunked(WHOLE, b"Transfer-Encoding:" + b"\t" * 4000 + b"chunked\r\n")),
    ("chunked folded", chunked(WHOLE, b"Transfer-Encoding:\r\n chunked\r\n")),
    ("chunked with a fold after it", chunked(WHOLE, b"Transfer-Encoding: chunked\r\n \r\n")),
    ("chunked after a CR", chunked(WHOLE, b"Transfer-Encoding: \rchunked\r\n")),
    ("chunked after a VT", chunked(WHOLE, b"Transfer-Encoding: \x0bchunked\r\n")),
    ("chunked with a Kelvin sign", chunked(WHOLE, b"Transfer-Encoding: chun\xe2\x84\xaaed\r\n")),
    ("chunked twice", chunked(WHOLE, CHUNKED + CHUNKED)),
    ("chunked, chunked", chunked(WHOLE, b"Transfer-Encoding: chunked, chunked\r\n")),
    ("gzip, chunked", chunked(WHOLE, b"Transfer-Encoding: gzip, chunked\r\n")),
    ("chunked, identity", chunked(WHOLE, b"Transfer-Encoding: chunked, identity\r\n")),
    ("identity", create(b"Transfer-Encoding: identity\r\nContent-Length: " + SIZE + b"\r\n", JSON)),
    ("empty Transfer-Encoding", chunked(WHOLE, b"Transfer-Encoding:\r\n")),
    ("Content-Length, then chunked", chunked(WHOLE, b"Content-Length: 3\r\n" + CHUNKED)),
    ("chunked, then Content-Length", chunked(WHOLE, CHUNKED + b"Content-Length: 3\r\n")),
    ("chunked and a bad Content-Length", chunked(WHOLE, CHUNKED + b"Content-Length: x\r\n")),
    ("chunked and two Content-Lengths",
     chunked(WHOLE, CHUNKED + b"Content-Length: 1\r\nContent-Length: 2\r\n")),
    ("chunked in HTTP/1.0",
     create(CHUNKED + b"Connection: keep-alive\r\nContent-Length: " + SIZE + b"\r\n", JSON,
            CREATE.replace(b"HTTP/1.1", b"HTTP/1.0"))),
    # Chunks
    ("several chunks", chunked(chunk(JSON[:3]) + chunk(JSON[3:]) + b"0\r\n\r\n")),
    ("chunk sizes in upper case and with zeros",
     chunked(chunk(JSON + b" " * (42 - len(JSON)), b"002A") + b"000\r\n\r\n")),
    ("chunk size of 16 digits", chunked(chunk(JSON, b"%016x" % len(JSON)) + b"0\r\n\r\n")),
    ("chunk size of 17 digits", chunked(chunk(JSON, b"%017x" % len(JSON)) + b"0\r\n\r\n")),
    ("chunk size overflowing", chunked(chunk(JSON, b"10000000000000000") + b"0\r\n\r\n")),
    ("chunk size 0x", chunked(chunk(JSON, b"0x%x" % len(JSON)) + b"0\r\n\r\n")),
    ("chunk size signed", chunked(chunk(JSON, b"+%x" % len(JSON)) + b"0\r\n\r\n")),
    ("chunk size empty", chunked(chunk(JSON) + b"\r\n\r\n")),
    ("chunk size with spaces after it", chunked(chunk(JSON, b"%x \t" % len(JSON)) + b"0\r\n\r\n")),
    ("chunk size with spaces before it", chunked(chunk(JSON, b" %x" % len(JSON)) + b"0\r\n\r\n")),
    ("chunk size with a CR after it", chunked(chunk(JSON, b"%x\r" % len(JSON)) + b"0\r\n\r\n")),
    ("chunk size and LF", chunked(b"%x\n" % len(JSON) + JSON + b"\r\n0\n\r\n")),
    ("chunk extension", chunked(chunk(JSON, b'%x;a="\r";b' % len(JSON)) + b"0;c\r\n\r\n")),
    ("chunk extension after a space", chunked(chunk(JSON, b"%x ;a" % len(JSON)) + b"0\r\n\r\n")),
    ("chunk extension of 4 KiB",
     chunked(chunk(JSON, b"%x;" % len(JSON) + b"a" * 4090) + b"0\r\n\r\n")),
    ("chunk extension too long",
     chunked(chunk(JSON, b"%x;" % len(JSON) + b"a" * 4095) + b"0\r\n\r\n")),
    ("chunk ended by LF", chunked(chunk(JSON, end=b"\n") + b"0\r\n\r\n")),
    ("chunk too long", chunked(chunk(JSON + b"x", b"%x" % len(JSON)) + b"0\r\n\r\n")),
    ("trailer", chunked(chunk(JSON) + b"0\r\nX: y\r\n\r\n", CHUNKED + b"Trailer: X\r\n")),
    ("trailer not announced", chunked(chunk(JSON) + b"0\r\nX: y\r\nContent-Length: 9\r\n\r\n")),
    ("trailer of a non-token name", chunked(chunk(JSON) + b"0\r\nX y: \x01\r\n\r\n")),
    ("trailer of LF lines", chunked(chunk(JSON) + b"0\r\nX: y\n\n")),
    ("trailer without a colon", chunked(chunk(JSON) + b"0\r\nX\r\n\r\n")),
    ("trailer too long", chunked(chunk(JSON) + b"0\r\nX: " + b"y" * 4096 + b"\r\n\r\n")),
    ("forbidden trailer", chunked(WHOLE, CHUNKED + b"Trailer: x, content-length\r\n")),
    # Expect and Upgrade
    ("Expect: 100-continue",
     create(b"Expect: 100-continue\r\nContent-Length: " + SIZE + b"\r\n", JSON)),
    ("Expect: x 100-Continue",
     create(b"Expect: x 100-Continue\r\nContent-Length: " + SIZE + b"\r\n", JSON)),
    ("Expect: something else", create(b"Expect: x\r\nContent-Length: " + SIZE + b"\r\n", JSON)),
    ("Expect: empty, then something else",
     create(b"Expect:\r\nExpect: x\r\nContent-Length: " + SIZE + b"\r\n", JSON)),
    ("Upgrade of a plain request", get(headers=HOST + b"Connection: Upgrade\r\nUpgrade: tcp\r\n")),
    ("Upgrade to h2c", get(headers=HOST + b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
                           b"HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n")),
]


class Verdict:
    """The requests that went through, each with its method and body, and how it ended."""

    def __init__(self, requests, refused, disputed=False):
        self.requests = requests
        self.refused = refused
        self.disputed = disputed
        self.unfinished = False  # the last request's body is not complete

    def __str__(self):
        text = "sees %d" % len(self.requests)
        return text + (", then refuses (%s)" % self.refused if self.refused else "")


def read_verdict(command, data):
    output = subprocess.run(command, input=data, stdout=subprocess.PIPE, check=True)
    verdict = Verdict([], None)
    for line in output.stdout.decode().splitlines():
        word, _, rest = line.partition(" ")
        verdict.disputed |= rest.endswith("disputed")
        if word == "request":
            verdict.requests.append([rest.split()[0], b""])
            verdict.unfinished = True
        elif word == "body":
            verdict.requests[-1][1] += bytes.fromhex(rest)
        elif word == "end":
            verdict.unfinished = False
            if rest.startswith("close"):
                break
        elif word == "error":
            verdict.refused = rest
    return verdict


def talk(path, data):
    """All that the daemon answers."""
    answer = b""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(1)
        connection.connect(path)
        try:
            connection.sendall(data)
        except (BrokenPipeError, ConnectionResetError, socket.timeout):
            pass
        ended = False
        while True:
            try:
                piece = connection.recv(65536)
            except socket.timeout:
                if ended:
                    break
                connection.shutdown(socket.SHUT_WR)
                ended = True
                continue
            except ConnectionResetError:
                break
            if not piece:
                break
            answer += piece
    return answer


def take_chunked(data):
    body = b""
    while data:
        size, _, data = data.partition(b"\r\n")
        size = int(size, 16)
        body, data = body + data[:size], data[size + 2:]
        if not size:
            break
    return body, data


def take_response(data, method):
    """The first response: its status, headers and body, and what comes after it."""
    head, _, data = data.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    headers = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in lines[1:])}
    status = int(lines[0].split()[1])
    if method == "HEAD" or status < 200 or status in (204, 304):
        return status, headers, b"", data
    if headers.get("transfer-encoding") == "chunked":
        return (status, headers) + take_chunked(data)
    size = int(headers.get("content-length", len(data)))
    return status, headers, data[:size], data[size:]


def is_refusal(status, headers, body):
    """Whether net/http answered by itself, before any handler."""
    if status == 417:
        return True
    return (headers.get("connection") == "close" and
            headers.get("content-type", "").startswith("text/plain") and
            re.match(rb"%d |Unsupported transfer encoding" % status, body) is not None)


def read_answers(answer, methods):
    """The responses of the daemon, the last one a refusal or not."""
    answers, refused = [], None
    while answer and not refused:
        method = methods[len(answers)] if len(answers) < len(methods) else ""
        status, headers, body, answer = take_response(answer, method)
        if status < 200:
            continue
        if is_refusal(status, headers, body):
            refused = "%d" % status
        else:
            answers.append((status, body))
    return answers, refused


def describe(answers, refused):
    return "acts on %d" % len(answers) + (", then refuses (%s)" % refused if refused else "")


def compare(name, ours, answers, refused):
    """What is wrong, or None."""
    if name == PREFACE:
        # Its handlers may take it over, as newer daemons do; to us it is never HTTP/1.
        return None if ours.refused == PREFACE else "not recognized"
    if ours.disputed and len(answers) <= len(ours.requests):
        return None
    if len(answers) != len(ours.requests):
        return "the daemon %s; ours: %s" % (describe(answers, refused), ours)
    for (status, body), (method, sent) in zip(answers, ours.requests):
        if status == 201 and json.loads(sent)["Name"] != json.loads(body)["Name"]:
            return "the daemon read another body"
    if ours.refused and ours.unfinished and not refused:
        # Its handler had what it needed, or said what it missed; the connection ends all the same.
        return None
    if bool(refused) != bool(ours.refused):
        return "the daemon %s; ours: %s" % (describe(answers, refused), ours)
    return None


def build(directory):
    """The commands that tell our verdict and llhttp's; the latter may be None."""
    source = os.path.join(ROOT, "tests/clients/http1_verdict.c")
    ours = os.path.join(ROOT, "build/clients/http1_verdict")
    if not LLHTTP_SOURCES or not os.path.isdir(LLHTTP_INCLUDE):
        return [ours], None
    theirs = os.path.join(directory, "llhttp_verdict")
    subprocess.run([*os.environ.get("CC", "cc").split(), "-std=gnu11", "-D_GNU_SOURCE", "-O2", "-w",
                    "-DLLHTTP", "-I" + os.path.join(ROOT, "user"), "-I" + LLHTTP_INCLUDE, source] +
                   LLHTTP_SOURCES + [os.path.join(ROOT, "build/libcallerd.a"), "-o", theirs],
                   check=True)
    return [ours], [theirs, "llhttp"]


def differs(theirs, answers, refused, ours):
    """Whether llhttp reads other requests or bodies than the daemon, whose bodies are as ours."""
    stopped = bool(refused or (ours.refused and ours.unfinished))
    if len(theirs.requests) != len(answers) or bool(theirs.refused) != stopped:
        return True
    return any(a[1] != b[1] for a, b in zip(theirs.requests, ours.requests))


def remove_volume(path):
    talk(path, get(b"/v1.41/volumes/" + VOLUME.encode(), method=b"DELETE",
                   headers=HOST + b"Connection: close\r\n"))


def main():
    arguments = [argument for argument in sys.argv[1:] if argument != "--table"]
    if len(arguments) != 1:
        sys.exit(__doc__)
    path = arguments[0]
    passed = failed = skipped = 0
    table = []
    with tempfile.TemporaryDirectory() as directory:
        our_command, their_command = build(directory)
        for name, data in CASES:
            data += SENTINEL
            ours = read_verdict(our_command, data)
            answers, refused = read_answers(talk(path, data), [m for m, _ in ours.requests])
            wrong = compare(name, ours, answers, refused)
            print("not ok %s: %s" % (name, wrong) if wrong else "ok " + name, flush=True)
            failed += bool(wrong)
            passed += not wrong
            if their_command:
                theirs = read_verdict(their_command, data)
                if name != PREFACE and differs(theirs, answers, refused, ours):
                    table.append((name, describe(answers, refused), str(theirs)))
            if answers and answers[0][0] == 201:
                remove_volume(path)
    if their_command is None:
        print("SKIP llhttp: its sources are not installed (node-llhttp)")
        skipped += 1
    form = "| %s | %s | %s |" if "--table" in sys.argv else "# %s: the daemon %s, llhttp %s"
    for row in table:
        print(form % row)
    print("%d passed, %d failed, %d skipped" % (passed, failed, skipped))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
