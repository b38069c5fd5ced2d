"""Blender that ends in the middle of a generation; how long its engine outlives it is measured outside (parts.py).

The process ids of Blender and of its engine are left in OUT once the engine solves. Then this Blender closes by itself,
or, with `--wait`, waits to be killed.
"""

from __future__ import annotations

import os
import time

from . import stage
from .shots import FIRST

LONG = 300


def main() -> None:
    parser = stage.arguments()
    parser.add_argument("--wait", action="store_true")
    options = parser.parse_args()
    stage.use_model(options.model)
    stage.shot(FIRST, LONG)
    stage.start()
    stage.until(stage.solving, tick=0.02)
    pids = {"blender": os.getpid(), "engine": stage.engine_pid()}
    partial = options.out.with_suffix(".partial")
    stage.write(partial, pids)
    partial.rename(options.out)
    if options.wait:
        time.sleep(600)


if __name__ == "__main__":
    main()
