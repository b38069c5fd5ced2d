"""The bars of feet and editing on validation clips, as a table: ``python -m tools.measure_edits PACK [--every N]``.

PACK is what `engine pack` made; its validation clips are taken, every N-th. ``--takes`` also measures what the bundled
model generates. Needs numpy alone; prints one line a bar, the worst clip named. Nothing is written.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from genmo_blender.engine.training.pack import read_pack
from genmo_blender.motion import retiming
from genmo_blender.motion import rotations as rot
from genmo_blender.motion.contacts import FootMode, bars_of, detect, flags_of
from genmo_blender.motion.feet import Footing, measured, planted
from genmo_blender.motion.kinematics import joint_positions
from genmo_blender.motion.looping import best_loops, looped
from genmo_blender.motion.quality import mean_jerk
from genmo_blender.motion.skeleton import canonical
from genmo_blender.motion.smooth import calm
from genmo_blender.motion.stitching import Take, best_cut, stitched
from tools.figures import Table

Array = np.ndarray
Motion = tuple[Array, Array]
FPS = 30.0
PROMPTS = ("a person walks forward", "a person is boxing", "a person jumps several times", "a person walks backward")
_SWING = 0.2  # m in a second: what counts as a swing of an arm
_PUNCH = 0.08  # m by which a reach stands out within a third of a second


def noisy(motion: Motion, seed: int) -> Motion:
    """A clip as a network gives it: jitter inside tokens of four frames, steps between them, a path that drifts."""
    g, frames = np.random.default_rng(seed), len(motion[1])
    token = np.repeat(g.normal(0, 0.004, (frames // 4 + 1, 22, 3)), 4, axis=0)[:frames]
    turn = rot.from_rotation_vector(g.normal(0, 0.008, (frames, 22, 3)) + token)
    step = np.diff(motion[1], axis=0) + g.normal(0, 0.002, (frames - 1, 3)) + [0.002, 0.0007, 0.001]
    return rot.multiply(motion[0], turn), np.concatenate([motion[1][:1], step]).cumsum(axis=0)


def joints_of(motion: Motion) -> Array:
    return joint_positions(canonical(), *motion)


def swings(before: Motion, after: Motion) -> list[float]:
    """For each second and arm that swings: the wrist's range about the pelvis after, as a share of that before."""
    a, b = ((j - j[:, :1])[:, [20, 21]] for j in (joints_of(before), joints_of(after)))
    found = []
    for start in range(0, max(len(a) - 30, 1), 10):
        ranges = [np.ptp(x[start : start + 30], axis=0) for x in (a, b)]
        for hand in (0, 1):
            axis = int(np.argmax(ranges[0][hand]))
            if ranges[0][hand, axis] > _SWING:
                found.append(float(ranges[1][hand, axis] / ranges[0][hand, axis]))
    return found


def punches(before: Motion, after: Motion) -> list[float]:
    """For each quick reach of an arm: its length shoulder to wrist after, as a share of that before."""
    a, b = (joints_of(m) for m in (before, after))
    found = []
    for wrist, shoulder in ((20, 16), (21, 17)):
        x, y = (np.linalg.norm(j[:, wrist] - j[:, shoulder], axis=-1) for j in (a, b))
        for t in range(3, len(x) - 3):
            near = x[max(t - 10, 0) : t + 11]
            least = max(x[max(t - 10, 0) : t + 1].min(), x[t : t + 11].min())
            if x[t] == near.max() and x[t] - least > _PUNCH:
                found.append(float(y[max(t - 2, 0) : t + 3].max() / x[t]))
    return found


def sharpness(motion: Motion) -> Array:
    return np.linalg.norm(np.diff(joints_of(motion), n=2, axis=0), axis=-1).mean(axis=-1)


def feet(table: Table, name: str, raw: Motion, clean: Motion | None, confidence: Array | None) -> None:
    """Feet of a noisy clip, ``clean`` before the noise, or of a take with its confidences."""
    kind = "noise" if clean is not None else "take"
    quiet = calm(*raw)
    grounded = planted(*quiet, FPS, detect(joints_of(quiet), FPS, confidence), FootMode.GROUND)
    bars = detect(joints_of(grounded), FPS, confidence, floor=0.0)
    done = planted(*grounded, FPS, bars, FootMode.ALWAYS, still_root=True)
    found: Footing = measured(joints_of(done), FPS, bars)
    table.add(f"feet, {kind}: slide in bars, cm/s", 0.5, found.slide, name)
    table.add(
        f"feet, {kind}: share of soles' time in bars",
        None,
        flags_of(bars, len(done[1]))[:, :4].mean(),
        name,
        least=True,
    )
    table.add(f"feet, {kind}: sink, cm", 0.5, found.sink, name)
    table.add(f"feet, {kind}: jerk after / before", 1.0, mean_jerk(joints_of(done)) / mean_jerk(joints_of(raw)), name)
    shares: dict[str, Callable[[Motion, Motion], list[float]]] = {"arm swing": swings, "reach of punches": punches}
    for what, measure in shares.items():
        if clean is not None and (ratios := measure(clean, done)):
            table.add(f"feet, {kind}: {what} kept, mean", 0.97, float(np.mean(ratios)), name, least=True)
            if measure is punches:
                table.add(f"feet, {kind}: {what} kept, each", 0.97, min(ratios), name, least=True)


def loop(table: Table, name: str, motion: Motion) -> None:
    """The best loop of a clip, where it has one."""
    bars = detect(joints_of(motion), FPS)
    if points := best_loops(*motion, FPS, bars, count=1):
        found = looped(*motion, FPS, bars, points[0].first, points[0].last)
        q, p, flags = found.rounds(3)
        table.add("loop: seam, mm", 1.0, 1000 * found.rest.distance, name)
        table.add("loop: seam, degrees", 1.0, found.rest.angle, name)
        table.add("loop: velocity change / largest near it", 1.05, found.rest.jump, name)
        table.add(
            "loop: slide in three rounds, cm/s", 0.5, measured(joints_of((q, p)), FPS, bars_of(flags)).slide, name
        )


def edits(table: Table, name: str, motion: Motion, other: tuple[str, Motion]) -> None:
    loop(table, name, motion)
    bars = detect(joints_of(motion), FPS)
    for factor in (0.7, 1.5, 2.5):
        clock = retiming.keeping_flights(*motion, FPS, bars, round(len(motion[1]) * factor))
        q, p, moved = retiming.retimed(*motion, FPS, bars, clock, FootMode.ALWAYS)
        table.add(f"retime x {factor}: slide in bars, cm/s", 0.5, measured(joints_of((q, p)), FPS, moved).slide, name)
    a, b = Take(*motion, bars), Take(*other[1], detect(joints_of(other[1]), FPS))
    cut = best_cut(a, b, FPS)
    out = stitched(a, b, FPS, cut)
    near = slice(max(cut.first - 12, 0), cut.first + 13)
    flags = flags_of(out.bars, len(out.path))
    flags[: near.start] = flags[near.stop :] = False
    pair, joined = f"{name} + {other[0]}", (out.rotations, out.path)
    table.add("stitch: slide about the cut, cm/s", 0.5, measured(joints_of(joined), FPS, bars_of(flags)).slide, pair)
    hardest = max(sharpness(motion).max(), sharpness(other[1]).max())
    table.add("stitch: velocity change / takes' largest", 1.25, sharpness(joined)[near].max() / hardest, pair)


def linear(table: Table, name: str, motion: Motion) -> None:
    """Locking 60 s against six times 10 s, medians of five."""
    order = np.arange(1800) % len(motion[1])
    q, p = motion[0][order], motion[1][order]
    seconds = []
    for frames in (300, 1800):
        bars, took = detect(joints_of((q[:frames], p[:frames])), FPS), []
        for _ in range(5):
            begin = time.process_time()
            planted(q[:frames], p[:frames], FPS, bars)
            took.append(time.process_time() - begin)
        seconds.append(np.median(took))
    table.add("speed: lock 60 s / six times 10 s", 1.3, float(seconds[1] / (6 * seconds[0])), name)


def takes(table: Table) -> None:
    from genmo_blender.lite.pipeline import Pipeline
    from genmo_blender.protocol.requests import GenerateRequest, TextSpan

    pipeline = Pipeline.load()
    for prompt in PROMPTS:
        request = GenerateRequest(6.0, (TextSpan(prompt, 0.0, 6.0),), steps=15, clean_up=False)
        take = pipeline.generate(request).takes[0]
        raw = take.rotations.astype(float), take.transl.astype(float)
        feet(table, prompt, raw, None, take.contacts.astype(float))


def main() -> None:
    parser = argparse.ArgumentParser(description="Feet and editing on validation clips.")
    parser.add_argument("pack", type=Path)
    parser.add_argument("--every", type=int, default=1, help="take every N-th clip")
    parser.add_argument("--takes", action="store_true", help="measure generated takes as well")
    options = parser.parse_args()
    chosen = read_pack(options.pack).val[:: options.every]
    clips = [(c.id, (c.rotations.astype(float), c.transl.astype(float))) for c in chosen]
    table = Table()
    for i, (name, motion) in enumerate(clips):
        feet(table, name, noisy(motion, i), motion, None)
        edits(table, name, motion, clips[(i + 1) % len(clips)])
    if options.takes:
        takes(table)
    linear(table, *max(clips, key=lambda clip: len(clip[1][1])))
    print("\n".join(table.lines()))


if __name__ == "__main__":
    main()
