"""Running programs, with a log and one line on the screen or straight through; the one way to stop with a sentence."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / ".build"


class Stop(Exception):
    """The work cannot go on. The message is one sentence that says what is missing or wrong and what to do."""


def say(text: str) -> None:
    """Prints a line at once, in order with what child processes print."""
    print(text, flush=True)


def log_of(name: str) -> Path:
    """The log file of one step of set-up."""
    return BUILD / "logs" / f"{name}.log"


def quietly(
    command: Sequence[str | Path],
    doing: str,
    log: Path,
    env: Mapping[str, str] | None = None,
    cwd: Path = ROOT,
) -> None:
    """Runs a step of set-up with its output in `log`, saying what is done and how long it took.

    Raises Stop with the log's last lines when the program fails or cannot be started.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    print(f"{doing} ...", end=" ", flush=True)
    begun = time.monotonic()
    try:
        with open(log, "ab") as sink:
            result = subprocess.run(
                [str(part) for part in command],
                cwd=cwd,
                env=None if env is None else dict(env),
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=subprocess.STDOUT,
            ).returncode
    except OSError as error:
        say("failed")
        raise Stop(f"{doing}: {command[0]} could not be started ({error.strerror}).") from error
    if result != 0:
        say("failed")
        raise Stop(f"{doing} failed; {last_lines(log)}")
    say(f"{time.monotonic() - begun:.0f} s")


def sifted(command: Sequence[str | Path], env: Mapping[str, str], cwd: Path, log: Path, marks: Sequence[str]) -> int:
    """Runs a program with its output in `log`; lines that begin with one of `marks` are printed too. Gives its status.

    After a failure the log's last lines are printed. Raises Stop when the program cannot be started.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    sys.stdout.flush()
    with open(log, "wb", buffering=0) as sink:
        try:
            process = subprocess.Popen(
                [str(part) for part in command],
                cwd=cwd,
                env=dict(env),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
            )
        except OSError as error:
            raise Stop(f"{command[0]} could not be started ({error.strerror}).") from error
        with process:
            assert process.stdout is not None
            for line in process.stdout:
                sink.write(line)
                if line.startswith(tuple(mark.encode() for mark in marks)):
                    say(line.decode(errors="replace").rstrip())
    if process.returncode != 0:
        say(f"It failed; {last_lines(log)}")
    return process.returncode if process.returncode >= 0 else 128 - process.returncode


def last_lines(log: Path) -> str:
    """A log's place and end, for a sentence."""
    tail = "\n".join("    " + line for line in log.read_text(errors="replace").splitlines()[-12:])
    return f"the last lines of {log} are:\n{tail}"


def through(command: Sequence[str | Path], env: Mapping[str, str] | None = None, cwd: Path = ROOT) -> int:
    """Runs a program with our own streams and returns its exit status (128 + the signal's number when one ended it)."""
    sys.stdout.flush()
    try:
        result = subprocess.run(
            [str(part) for part in command], cwd=cwd, env=None if env is None else dict(env)
        ).returncode
    except OSError as error:
        raise Stop(f"{command[0]} could not be started ({error.strerror}).") from error
    return result if result >= 0 else 128 - result


def is_root() -> bool:
    """Whether we may install system packages."""
    return hasattr(os, "geteuid") and os.geteuid() == 0
