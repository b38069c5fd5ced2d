"""Cancel at moments spread over a job, with the real engine, in Blender (see stage.py).

`felt` is the time of the Cancel operator, after which the panel is idle; `ended` the time until the engine can take the
next job, having stopped by itself or been killed and reaped.
"""

from __future__ import annotations

import time

import bpy

from . import stage
from .shots import FIRST, SECONDS


def cancel(after: float) -> dict[str, float | bool]:
    """Start a job, cancel it ``after`` seconds; a job that ended before is told with ``late`` true."""
    here = stage.session()
    engine = here.jobs.engine
    job = stage.start()
    began = time.perf_counter()
    stage.until(lambda: not here.working or time.perf_counter() - began >= after, tick=0.02)
    if not here.working:
        return {"after": after, "late": True}
    pressed = time.perf_counter()
    if bpy.ops.genmo.cancel() != {"FINISHED"} or here.working or here.outcomes[job].kind != "cancelled":
        raise RuntimeError(f"Cancel was not felt: {here.message}")
    felt = time.perf_counter() - pressed
    stage.until(lambda: not engine.busy)
    return {
        "after": after,
        "late": False,
        "felt": felt,
        "ended": time.perf_counter() - pressed,
        "killed": engine.status == "stopped",
    }


def ready() -> None:
    """Start the engine if none runs, and wait until its model is loaded."""
    engine = stage.session().jobs.engine
    engine.start()
    stage.until(lambda: engine.status == "ready")
    if engine.trouble is not None:
        raise RuntimeError(str(engine.trouble))


def main() -> None:
    parser = stage.arguments()
    parser.add_argument("--moments", type=float, nargs="+", required=True, help="seconds after Generate")
    parser.add_argument("--shares", action="store_true", help="moments are shares of the time that a whole job takes")
    parser.add_argument("--loading", type=float, nargs="*", default=[], help="seconds after the start of an engine")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="of motion")
    options = parser.parse_args()
    stage.use_model(options.model)
    stage.shot(FIRST, options.seconds)
    told = []
    for after in options.loading:
        stage.module("addon.session").use_engine()
        told.append({"loading": True, **cancel(after)})
    whole = 1.0
    if options.shares:
        ready()
        began = time.perf_counter()
        job = stage.start()
        stage.until(lambda: job in stage.session().outcomes, tick=0.02)
        whole = time.perf_counter() - began
        if stage.session().outcomes[job].kind != "applied":
            raise RuntimeError(stage.session().message)
        stage.shot(FIRST, options.seconds)
    for moment in options.moments:
        ready()
        told.append(cancel(moment * whole))
    stage.write(options.out, {"whole": whole, "cancels": told})


if __name__ == "__main__":
    main()
