"""Ten seconds from two prompts with the real engine: cold, then warm; in Blender (see stage.py)."""

from __future__ import annotations

import json
import time

import bpy

from . import stage
from .shots import FIRST, OTHERS, SEED


def generate() -> float:
    """Seconds of the Generate operator, which in background mode stays until the take is written."""
    began = time.perf_counter()
    if bpy.ops.genmo.generate(takes=1, seed=SEED) != {"FINISHED"}:
        raise RuntimeError(stage.session().message)
    return time.perf_counter() - began


def main() -> None:
    parser = stage.arguments()
    parser.add_argument("--warm", type=int, default=0, help="how many shots follow the cold one")
    options = parser.parse_args()
    stage.use_model(options.model)
    applies = stage.timed_applies()
    target = stage.shot(FIRST)
    cold = generate()
    digest = stage.curves_digest(target)
    reports = [report(target)]
    warm = []
    for prompts in OTHERS[: options.warm]:
        target = stage.shot(prompts)
        warm.append(generate())
        reports.append(report(target))
    stage.write(options.out, {"cold": cold, "warm": warm, "apply": applies, "digest": digest, "reports": reports})


def report(target: bpy.types.Object) -> dict:
    """What the engine told about the job."""
    return json.loads(target.animation_data.action["genmo_recipe"])["job_report"]


if __name__ == "__main__":
    main()
