"""A child process: the real service with a handler that needs no model. What it does is asked for in the prompt.

``python tests/protocol/toy_engine.py CACHE_FOLDER [LOADING]``; LOADING is "", "slow", "broken" or "broken-once".
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from genmo_blender.protocol.attachments import AttachmentStore  # noqa: E402
from genmo_blender.protocol.capabilities import Capabilities  # noqa: E402
from genmo_blender.protocol.failures import ModelFailure, RequestFailure  # noqa: E402
from genmo_blender.protocol.motions import MotionResult, Take  # noqa: E402
from genmo_blender.protocol.requests import GenerateRequest  # noqa: E402
from genmo_blender.protocol.service import ProgressCall, Service  # noqa: E402
from genmo_blender.protocol.streams import take_streams  # noqa: E402

FOREVER = 600


class OutOfMemoryError(RuntimeError):
    """Named as torch names its own."""


class Toy:
    capabilities = Capabilities("toy", "0" * 64)

    def generate(self, request: GenerateRequest, progress: ProgressCall, cancelled: Callable[[], bool]) -> MotionResult:
        word = request.texts[0].text
        progress("solving", 0, 1)
        if word == "stray":
            print("printed")
            os.write(1, b"written\n")
            subprocess.run([sys.executable, "-c", "print(input())"], check=False)  # would eat and answer our frames
        elif word == "broken":
            raise ZeroDivisionError("a bug")
        elif word == "refused":
            raise RequestFailure("refused", "This cannot be done.", "Ask for something else.")
        elif word == "memory":
            raise OutOfMemoryError("CUDA out of memory")
        elif word == "exit":
            sys.exit(3)
        elif word == "endless":
            end = time.monotonic() + FOREVER
            while time.monotonic() < end and not cancelled():
                time.sleep(0.005)
            raise KeyError("some exception of its own on the way out")
        elif word == "stuck":
            time.sleep(FOREVER)
        elif word == "counts":
            for done in range(2001):
                progress("counting", done, 2000)
        value = np.nan if word == "nan" else float(request.seed)
        report = {"files": [Path(a.path).read_bytes().hex() for a in request.attachments]}
        n = request.frames
        arrays = (np.zeros((n, 22, 4)), np.full((n, 3), value), np.zeros((n, 6)), np.zeros(10))
        rotations, transl, contacts, betas = (array.astype(np.float32) for array in arrays)
        return MotionResult(30.0, (Take(request.seed, rotations, transl, contacts, betas, {}),), report)


def loader(how: str, marker: Path) -> Callable[[], Toy]:
    def load() -> Toy:
        print("loading", how)
        if how == "slow":
            time.sleep(FOREVER)
        if how == "broken" or (how == "broken-once" and not marker.exists()):
            marker.touch()
            raise ModelFailure("weights", "The weights are damaged.", "Reinstall the model.")
        return Toy()

    return load


if __name__ == "__main__":
    source, sink = take_streams()
    folder = Path(sys.argv[1])
    idle = float(sys.argv[3]) if len(sys.argv) > 3 else FOREVER
    how = sys.argv[2] if len(sys.argv) > 2 else ""
    Service(loader(how, folder.parent / "tried"), source, sink, AttachmentStore(folder), idle).run()
    os._exit(0)
