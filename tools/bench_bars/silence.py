"""An engine that is stopped in the middle of a job: how long until the panel says so; in Blender (see stage.py)."""

from __future__ import annotations

import os
import signal
import time

from . import stage
from .shots import FIRST

RUNS = 3
LONG = 120
"""Seconds of motion, so that the job is not over before the engine is stopped."""


def main() -> None:
    options = stage.arguments().parse_args()
    stage.use_model(options.model)
    stage.shot(FIRST, LONG)
    told = []
    here = stage.session()
    for _ in range(RUNS):
        job = stage.start()
        stage.until(stage.solving, tick=0.02)
        os.kill(stage.engine_pid(), signal.SIGSTOP)
        began = time.perf_counter()
        stage.until(lambda job=job: job in here.outcomes)  # type: ignore[misc]
        told.append(time.perf_counter() - began)
        if here.outcomes[job].kind != "failed" or "stopped answering" not in here.message:
            raise RuntimeError(f"the panel says: {here.message}")
        stage.until(lambda: not here.jobs.engine.busy)
    stage.write(options.out, {"told": told, "sentence": here.message})


if __name__ == "__main__":
    main()
