"""Runs a program that the kernel ends at the first socket it opens, it or any process it starts, in any language.

    python no_sockets.py PROGRAM ARGS...

A filter of system calls (seccomp), which is inherited and cannot be taken off, and which needs no root: `socket` ends
the process with SIGSYS, whatever is to be reached. Spared are those of the machine's own files (AF_UNIX), by which the
C library asks for users' names; they reach no network. Linux on x86-64 and arm64. Started as a file, by Pythons that
cannot import this package.
"""

from __future__ import annotations

import ctypes
import os
import platform
import struct
import sys

SOCKET = {"x86_64": (0xC000003E, 41), "aarch64": (0xC00000B7, 198)}
"""For each machine the kernel's name of it (AUDIT_ARCH_*) and its number of the call `socket`."""

NO_NEW_PRIVS, SET_SECCOMP, FILTER = 38, 22, 2
LOAD_WORD, JUMP_IF_EQUAL, RETURN = 0x20, 0x15, 0x06
NUMBER, ARCHITECTURE, FIRST_ARGUMENT = 0, 4, 16
"""Where struct seccomp_data has them; of the argument the lower half, on these machines."""
AF_UNIX = 1
ALLOW, KILL_PROCESS = 0x7FFF0000, 0x80000000


class Program(ctypes.Structure):
    """struct sock_fprog."""

    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_void_p))


def instructions(architecture: int, call: int) -> bytes:
    """The filter: struct sock_filter (code, jump if true, jump if false, operand), one after another."""
    return b"".join(
        struct.pack("=HBBI", *one)
        for one in (
            (LOAD_WORD, 0, 0, ARCHITECTURE),
            (JUMP_IF_EQUAL, 0, 4, architecture),  # another architecture has other numbers: refused
            (LOAD_WORD, 0, 0, NUMBER),
            (JUMP_IF_EQUAL, 0, 3, call),
            (LOAD_WORD, 0, 0, FIRST_ARGUMENT),
            (JUMP_IF_EQUAL, 1, 0, AF_UNIX),
            (RETURN, 0, 0, KILL_PROCESS),
            (RETURN, 0, 0, ALLOW),
        )
    )


def forbid_sockets() -> None:
    """From now on. Raises OSError where the kernel cannot, KeyError on another machine."""
    code = instructions(*SOCKET[platform.machine()])
    buffer = ctypes.create_string_buffer(code, len(code))
    program = Program(len(code) // 8, ctypes.addressof(buffer))
    libc = ctypes.CDLL(None, use_errno=True)
    nothing = ctypes.c_ulong(0)
    for option, first, second in (
        (NO_NEW_PRIVS, ctypes.c_ulong(1), nothing),
        (SET_SECCOMP, ctypes.c_ulong(FILTER), ctypes.byref(program)),
    ):
        if libc.prctl(option, first, second, nothing, nothing) != 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


if __name__ == "__main__":
    forbid_sockets()
    os.execvp(sys.argv[1], sys.argv[1:])
