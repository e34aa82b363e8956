# SPDX-License-Identifier: Apache-2.0
"""A kernel program that does nothing: what the kernel counts of its runs is what the counting takes."""
import contextlib
import ctypes
import os
import platform
import struct

SYS_BPF = {'x86_64': 321, 'aarch64': 280}.get(platform.machine())
PROG_LOAD, RAW_TRACEPOINT_OPEN, RAW_TRACEPOINT = 5, 17, 17
RETURN_0 = struct.pack('<BBhiBBhi', 0xb7, 0, 0, 0, 0x95, 0, 0, 0)
libc = ctypes.CDLL(None, use_errno=True)


def bpf(command, attributes):
    """The descriptor that bpf(2) returns."""
    fd = libc.syscall(SYS_BPF, command, ctypes.create_string_buffer(attributes, 128), 128)
    if fd < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return fd


@contextlib.contextmanager
def at(tracepoint):
    """Attached to TRACEPOINT; yields the program's descriptor."""
    code, license_, name = (ctypes.create_string_buffer(data) for data in (RETURN_0, b'GPL', tracepoint.encode()))
    program = bpf(PROG_LOAD, struct.pack('<IIQQ', RAW_TRACEPOINT, len(RETURN_0) // 8, ctypes.addressof(code), ctypes.addressof(license_)))
    try:
        link = bpf(RAW_TRACEPOINT_OPEN, struct.pack('<QI', ctypes.addressof(name), program))
        try:
            yield program
        finally:
            os.close(link)
    finally:
        os.close(program)
