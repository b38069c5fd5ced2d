"""The half of the measurement that needs no Blender, with the engine's Python: PACK --clips FILE for the other half."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from genmo_blender.engine.evaluation import reduced
from genmo_blender.engine.training.pack import read_pack
from genmo_blender.engine.training.samples import Clip
from genmo_blender.lite.pipeline import Pipeline
from genmo_blender.motion import rotations as rot
from genmo_blender.motion.fitting import Poses, fitted
from genmo_blender.protocol.requests import GenerateRequest, TextSpan

from .. import measure_edits
from ..figures import Table
from .between import between
from .clips import Recorded, save

Array = np.ndarray
PARTS = ("between", "feet", "takes", "loops", "reduced", "speed", "pace")
SECONDS, STEPS = 5.0, 15
REDUCED = 4
"""Clips of a kind whose keys are reduced."""
RUNS = 3


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("pack", type=Path)
    parser.add_argument("--clips", type=Path, required=True)
    parser.add_argument("--parts", nargs="*", choices=PARTS, default=PARTS)
    options = parser.parse_args()
    clips = list(read_pack(options.pack).val)
    save(options.clips, [Recorded(c.id, sentence(c), *motion_of(c)) for c in clips])
    table, pipeline = Table(), Pipeline.load()
    if "between" in options.parts:
        between(table, clips, pipeline)
    if "feet" in options.parts:
        for i, clip in enumerate(clips):
            motion = motion_of(clip)
            measure_edits.feet(table, clip.id, measure_edits.noisy(motion, i), motion, None)
    if "takes" in options.parts:
        generated(table, sorted({sentence(c) for c in clips}), pipeline)
    if "loops" in options.parts:
        for clip in clips:
            measure_edits.loop(table, clip.id, motion_of(clip))
    if "reduced" in options.parts:
        few_keys(table, options.pack)
    if "speed" in options.parts:
        speed(table, clips)
    if "pace" in options.parts:
        pace(table, options.pack)
    print("\n".join(table.lines()), flush=True)


def motion_of(clip: Clip) -> tuple[Array, Array]:
    """Rotations and path in double precision."""
    return clip.rotations.astype(np.float64), clip.transl.astype(np.float64)


def sentence(clip: Clip) -> str:
    """What is said of a clip."""
    return clip.captions[0].text if clip.captions else "a person moves"


def generated(table: Table, texts: Sequence[str], pipeline: Pipeline) -> None:
    """Feet of a take of each sentence, before and after locking."""
    for seed, text in enumerate(texts):
        span = TextSpan(text, 0.0, SECONDS)
        request = GenerateRequest(SECONDS, (span,), seed=seed + 1, steps=STEPS, clean_up=False)
        take = pipeline.generate(request).takes[0]
        raw = take.rotations.astype(float), take.transl.astype(float)
        measure_edits.feet(table, text, raw, None, take.contacts.astype(float))


def few_keys(table: Table, pack: Path) -> None:
    """Share of the dense keys at 24 frames a second, and what the body makes of it."""
    count: dict[str, int] = {}
    for motion in reduced.recorded(pack):
        kind = motion.name.split(":")[0]
        count[kind] = count.get(kind, 0) + 1
        if count[kind] > REDUCED:
            continue
        found, _ = reduced.measure(motion)
        table.add(f"few keys: share, {kind}, %", {"walk": 12.0, "dance": 25.0}[kind], 100 * found.share, motion.name)
        table.add("few keys: worst of the body, mm", 5.0, found.worst, motion.name)
        table.add("few keys: slide added in stances, cm/s", 0.1, found.slide, motion.name)


def speed(table: Table, clips: Sequence[Clip]) -> None:
    """Seconds of processor for 60 s over six times those for 10 s: fitting to keys, and locking."""
    longest = max(clips, key=lambda clip: clip.frames)
    q, path = motion_of(longest)
    there = np.arange(300) % len(path)
    whole = np.concatenate([there if i % 2 == 0 else there[::-1] for i in range(6)])
    for spacing in (0.5, 0.1):

        def fit(frames: Array, spacing: float = spacing) -> None:
            _fit(q[frames], path[frames], spacing)

        bar = f"speed: fit 60 s / six times 10 s, a key every {spacing:g} s"
        table.add(bar, 1.3, _ratio(fit, there, whole), longest.id)
    measure_edits.linear(table, longest.id, (q, path))


def pace(table: Table, pack: Path) -> None:
    """Reduce Keys at 55 bones; a minute of it takes about a minute."""
    motion = next(m for m in reduced.recorded(pack) if len(m.path) >= reduced.LONGEST * reduced.FPS - 1)
    ten, ratio = reduced.pace(motion)
    table.add("speed: reduce 60 s / six times 10 s, 55 bones", 1.3, ratio, motion.name)
    table.add("speed: reduce 10 s of 55 bones, s of processor", 2.0, ten, motion.name)


def _fit(rotations: Array, path: Array, spacing: float) -> None:
    """Fit whole poses that a motion misses, ``spacing`` seconds apart."""
    at = np.arange(1.0, len(path) - 1, 30 * spacing)
    nearest, rng = np.rint(at).astype(int), np.random.default_rng(1)
    turned = rot.multiply(rotations[nearest], rot.from_rotation_vector(rng.normal(0, 0.1, (len(at), 22, 3))))
    poses = Poses(at / 30.0, turned, path[nearest] + rng.normal(0, 0.02, (len(at), 3)), np.ones((len(at), 22), bool))
    fitted(rotations, path, 30.0, poses)


def _ratio(work: Callable[[Array], None], short: Array, long: Array) -> float:
    took: list[list[float]] = [[], []]
    for _ in range(RUNS):
        for seconds, frames in zip(took, (short, long), strict=True):
            began = time.process_time()
            work(frames)
            seconds.append(time.process_time() - began)
    return float(np.median(took[1]) / (6 * np.median(took[0])))


if __name__ == "__main__":
    main()
