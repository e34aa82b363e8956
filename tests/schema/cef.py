# SPDX-License-Identifier: Apache-2.0
"""Checks lines against ArcSight's Common Event Format, as `Implementing ArcSight CEF` has it: the header, the
escapes, and of the dictionary of keys for producers those that callerd writes."""
import ipaddress
import re

TEXT, INTEGER, LONG, V4, V6 = 'text', 'integer', 'long', 4, 6
# Key: type, length.
DICTIONARY = {
    'act': (TEXT, 63), 'c6a2': (V6, 0), 'shost': (TEXT, 1023), 'spt': (INTEGER, 0), 'src': (V4, 0), 'app': (TEXT, 31), 'cat': (TEXT, 1023), 'destinationServiceName': (TEXT, 1023),
    'cnt': (INTEGER, 0), 'dvchost': (TEXT, 100), 'deviceExternalId': (TEXT, 255), 'externalId': (TEXT, 40),
    'filePath': (TEXT, 1023), 'fileType': (TEXT, 1023),
    'in': (INTEGER, 0), 'msg': (TEXT, 1023), 'out': (INTEGER, 0), 'outcome': (TEXT, 63), 'reason': (TEXT, 1023),
    'request': (TEXT, 1023), 'requestClientApplication': (TEXT, 1023), 'requestMethod': (TEXT, 1023),
    'rt': (LONG, 0), 'sourceServiceName': (TEXT, 1023), 'spid': (INTEGER, 0), 'sproc': (TEXT, 1023),
    'suid': (TEXT, 1023), 'suser': (TEXT, 1023),
    **{'cs%d' % i: (TEXT, 4000) for i in range(1, 7)}, **{'cn%d' % i: (LONG, 0) for i in range(1, 4)},
    **{'flexString%d' % i: (TEXT, 1023) for i in range(1, 3)},
}
DICTIONARY.update({key + 'Label': (TEXT, 128) for key in list(DICTIONARY) if re.fullmatch(r'(cs|cn|c6a|flexString)\d', key)})
OWN = re.compile(r'callerd[A-Z][A-Za-z]+')
ESCAPES = {'\\': '\\', '|': '|', '=': '=', 'n': '\n', 'r': '\r'}


def unescape(text, allowed):
    def one(match):
        if match.group(1) not in allowed:
            raise ValueError('the escape %r' % match.group(0))
        return ESCAPES[match.group(1)]
    return re.sub(r'\\(.?)', one, text)


def header_of(line):
    parts, at = [], 0
    for _ in range(7):
        match = re.compile(r'((?:[^\\|]|\\.)*)\|').match(line, at)
        if not match:
            raise ValueError('the header ends early')
        parts.append(unescape(match.group(1), '\\|'))
        at = match.end()
    return parts, line[at:]


def extension_of(text):
    fields, at = {}, 0
    # A value ends where a space, a key and an equals sign follow that is not escaped.
    for match in re.finditer(r'(?:^| )([A-Za-z0-9_]+)=((?:[^\\=]|\\.)*)(?= [A-Za-z0-9_]+=|$)', text):
        if match.start() != at:
            raise ValueError('no key and value at %r' % text[at:at + 40])
        if match.group(1) in fields:
            raise ValueError('%s is there twice' % match.group(1))
        fields[match.group(1)] = unescape(match.group(2), '\\=nr')
        at = match.end()
    if at != len(text):
        raise ValueError('no key and value at %r' % text[at:at + 40])
    return fields


def check_field(key, value):
    kind, length = DICTIONARY.get(key, (TEXT, 1023))
    if key not in DICTIONARY and not OWN.fullmatch(key):
        raise ValueError('the dictionary has no %s' % key)
    if not value:
        raise ValueError('%s is empty' % key)
    if kind == TEXT and len(value) > length:
        raise ValueError('%s has %d characters' % (key, len(value)))
    if kind in (V4, V6):
        if ipaddress.ip_address(value).version != kind:
            raise ValueError('%s is %s' % (key, value))
        return
    if kind != TEXT and not -2 ** 63 <= int(value) < 2 ** 63:
        raise ValueError('%s is %s' % (key, value))
    if kind == INTEGER and not 0 <= int(value) < 2 ** 31:
        raise ValueError('%s is %s' % (key, value))


def check(line):
    """What callerd wrote as one line, in the words of the ECS record where they say the same."""
    (version, vendor, product, _, signature, name, severity), extension = header_of(line)
    if (version, vendor, product) != ('CEF:0', 'callerd', 'callerd') or not signature or not name:
        raise ValueError('the header')
    if not 0 <= int(severity) <= 10:
        raise ValueError('severity %s' % severity)
    fields = extension_of(extension)
    for key, value in fields.items():
        check_field(key, value)
        label = re.fullmatch(r'((?:cs|cn|flexString)\d)(Label)?', key)
        if label and (label.group(1) if label.group(2) else key + 'Label') not in fields:
            raise ValueError('%s stands alone' % key)
    return {
        'milliseconds': int(fields['rt']),
        'event.id': fields['flexString1'],
        'event.action': fields['act'],
        'event.sequence': int(fields['externalId']),
        'event.outcome': fields.get('outcome'),
        'host.name': fields.get('dvchost'),
        'host.id': fields.get('deviceExternalId'),
        'message': fields['msg'],
        'process.pid': int(fields['spid']) if 'spid' in fields else None,
        'process.command_line': fields.get('cs1'),
        'process.executable': fields['sproc'] if fields.get('sproc', '').startswith('/') else None,
        'acts as': fields.get('suid'),
        'url.original': fields.get('request'),
        'user_agent.original': fields.get('requestClientApplication'),
        'http.response.status_code': int(fields['cn1']) if 'cn1' in fields else None,
        'threat.technique.subtechnique.id': fields['callerdSubtechniques'].split(',') if 'callerdSubtechniques' in fields else None,
        'threat.technique.id': fields['callerdTechniques'].split(',') if 'callerdTechniques' in fields else None,
    }
