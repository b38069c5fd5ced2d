"""The other end of an engine's pipe, for tests: sends messages, reads what comes back."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections import deque
from pathlib import Path
from typing import IO, TypeVar

from genmo_blender.protocol.frames import Decoder
from genmo_blender.protocol.messages import Generate, Heartbeat, Message, from_frame, to_bytes
from genmo_blender.protocol.requests import GenerateRequest, TextSpan

PATIENCE = 60.0
TOY = Path(__file__).with_name("toy_engine.py")
M = TypeVar("M", bound=Message)


class Peer:
    """A started engine. ``log`` takes its standard error."""

    def __init__(self, command: list[str], log: Path, **options: object) -> None:
        self._errors: IO[bytes] = open(log, "wb")
        self.log = log
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            bufsize=0,
            **options,  # type: ignore[call-overload]
        )
        self._decoder = Decoder()
        self._waiting: deque[Message] = deque()

    def send(self, message: Message) -> None:
        self.write(to_bytes(message))

    def write(self, data: bytes) -> None:
        self.process.stdin.write(data)  # type: ignore[union-attr]

    def generate(self, job: int, word: str, **fields: object) -> None:
        request = GenerateRequest(1.0, (TextSpan(word, 0.0, 1.0),), seed=job, **fields)  # type: ignore[arg-type]
        self.send(Generate(job, request.to_dict()))

    def next(self) -> Message:
        """The next message that is no heartbeat. Raises EOFError at the end of the stream."""
        while True:
            while self._waiting:
                message = self._waiting.popleft()
                if not isinstance(message, Heartbeat):
                    return message
            data = os.read(self.process.stdout.fileno(), 1 << 16)  # type: ignore[union-attr]
            if not data:
                raise EOFError
            self._waiting.extend(map(from_frame, self._decoder.feed(data)))

    def until(self, kind: type[M]) -> M:
        """The next message of ``kind``; others before it are passed over."""
        while True:
            message = self.next()
            if isinstance(message, kind):
                return message

    def close_input(self) -> None:
        self.process.stdin.close()  # type: ignore[union-attr]

    def end(self) -> int:
        """Exit code, once the process has ended by itself."""
        return self.process.wait(PATIENCE)

    def log_text(self, wanted: str) -> str:
        """The log, once it holds ``wanted``."""
        end = time.monotonic() + PATIENCE
        while wanted not in (text := self.log.read_text(errors="replace")):
            assert time.monotonic() < end, f"the log never held {wanted!r}: {text}"
            time.sleep(0.005)
        return text

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        self._errors.close()


def toy_command(cache: Path, loading: str = "", idle: float = 600.0) -> list[str]:
    return [sys.executable, str(TOY), str(cache), loading, str(idle)]
