"""The kernel ends whoever opens a socket under tools/no_sockets.py, and nobody else."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from tools.shell import ROOT

CHILD = "import subprocess, sys; sys.exit(-subprocess.run([sys.executable, '-c', {code!r}]).returncode)"


def run(code: str) -> int:
    command = [sys.executable, str(ROOT / "tools" / "no_sockets.py"), sys.executable, "-c", code]
    return subprocess.run(command, check=False).returncode


@pytest.mark.parametrize("family", ["AF_INET", "AF_INET6", "AF_NETLINK", "AF_PACKET"])
def test_a_socket_ends_its_process(family: str) -> None:
    code = f"import socket; socket.socket(socket.{family}, socket.SOCK_DGRAM)"
    assert run(code) == -signal.SIGSYS
    assert run(CHILD.format(code=code)) == signal.SIGSYS


def test_everything_else_goes_on() -> None:
    code = "import os, socket, subprocess; socket.socketpair(); socket.socket(socket.AF_UNIX); os.listdir('/')"
    assert run(f"{code}; subprocess.run(['true'], check=True)") == 0
    assert run("raise SystemExit(7)") == 7
