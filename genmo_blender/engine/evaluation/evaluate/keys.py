"""Gaps between keyed poses filled by the network, on unseen clips, beside interpolation (`in_between`)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from ....model.estimated import mean_with_image
from ....motion import rotations
from ....motion.keyed import KeyFrames
from ....motion.mirroring import mirrored
from ....protocol.failures import RequestFailure
from ...conditions.keys import KeyedMotion, keyed_motion
from ...representation.rotations import quaternion_to_matrix
from ...solve import solve, whole_tokens, world_motion
from ...training.samples import Clip
from ..in_between import GapError, Motions, borrowed, curved, gap_error, held, interpolated, posed
from .context import Context, evenly
from .section import MEAN_POSE, RANDOM, REAL, Bar, Figure, Line, Plot, Section

Array = np.ndarray
SALT = 3
CONTEXT = 10
GAPS = (15, 30, 60, 120)
JUDGED = (15, 30, 60)
"""Gaps that have a bar; a longer one is reported."""
STRIDE = 30
SHARE = 0.75
"""Of what interpolation scores: the bar."""
BATCH = 32
SLERP, CURVES, HELD, MODEL = "slerp", "Bézier curves", "last pose held", "this model"
ERRORS = (("L2P", "l2p", "m"), ("mean joint error", "joint", "m"), ("L2Q", "l2q", ""), ("NPSS", "npss", ""))


@dataclass(frozen=True)
class Gap:
    """``true``: N motions of context, gap and target, turned to face +z at first; ``errors`` by method."""

    frames: int
    true: Motions
    errors: dict[str, GapError]


def measure(context: Context) -> Section:
    """The section ``keys``."""
    config = context.pipeline.model.network.config
    if not (config.key_mask and config.root_goal):
        raise RequestFailure("no_keys", "This model takes no keyed poses.", "Leave the section out.")
    places = {frames: places_of(context.held_out, CONTEXT + frames + 1) for frames in GAPS}
    gaps = [_gap(context, frames, evenly(found, context.effort.gaps)) for frames, found in places.items() if found]
    if not gaps:
        raise RequestFailure("no_gaps", "No held-out clip is long enough for a gap.", "Give --data longer clips.")
    figures = []
    for title, attribute, unit in ERRORS:
        for gap in gaps:
            values = {name: getattr(e, attribute) for name, e in gap.errors.items()}
            ours = values.pop(MODEL)
            bar = None
            if attribute in ("l2p", "npss") and gap.frames in JUDGED:
                bar = Bar("<=", SHARE * values[SLERP], "25 % below slerp")
            baselines = {SLERP: values.pop(SLERP), REAL: 0.0, **values}
            figures.append(Figure(f"{title}, gap of {gap.frames}", ours, unit, "lower", None, baselines, bar))
    notes = (
        f"Held-out clips, a window every {STRIDE} frames, "
        + ", ".join(f"{len(g.true.path)} of a gap of {g.frames}" for g in gaps)
        + f": {CONTEXT} frames are known, then the gap, then one pose, with its root's place; no text. "
        "Keys alone are estimated in one pass for the gap and one for its mirror image, whose answers are bent to the "
        "keyed poses and places (diffusion/imposing.py); the mean of both and linear prediction (motion/expected.py), "
        "going on from the poses before with the least jerk (motion/seams.py), is judged. Nothing else is fitted.",
        "L2P: length of the difference of 22 global joint positions as one vector, in metres, not normalised; L2Q "
        "likewise of global rotations; NPSS of global rotations. Slerp: each joint by slerp, the root's path linear. "
        "Bézier curves: what Blender draws from the keys before the gap to the one behind it.",
        f"{MEAN_POSE} and {RANDOM} (of the training split) begin where the gap begins; the mean pose is carried along "
        "by the interpolated root.",
    )
    plots = tuple(
        Plot(
            f"{title} by the length of the gap",
            "frames of the gap",
            title if not unit else f"{title} ({unit})",
            tuple(
                Line(name, tuple((float(g.frames), float(getattr(g.errors[name], a))) for g in gaps), name != MODEL)
                for name in (MODEL, SLERP, CURVES)
            ),
        )
        for title, a, unit in ERRORS
        if a in ("l2p", "npss")
    )
    return Section("keys", "In-betweening", tuple(figures), notes, plots)


def _gap(context: Context, frames: int, places: Sequence[tuple[Clip, int]]) -> Gap:
    true = facing_ahead(places, CONTEXT + frames + 1)
    context.say(f"{len(places)} gaps of {frames} frames")
    first, last = CONTEXT - 1, CONTEXT + frames
    inside = true.frames(slice(CONTEXT, last))
    rng = context.rng(SALT + frames)
    base = context.baselines
    others = [base.random_place(last - first, rng) for _ in places]
    clips = [
        (base.clips[c].rotations[a : a + last - first], base.clips[c].transl[a : a + last - first]) for c, a in others
    ]
    filled = {
        MODEL: fill(context, true).frames(slice(CONTEXT, last)),
        SLERP: interpolated(true, first, last),
        CURVES: curved(true, first, last),
        HELD: held(true, first, last),
        MEAN_POSE: posed(true, base.pose, first, last),
        RANDOM: borrowed(true, first, last, clips),
    }
    return Gap(frames, true, {name: gap_error(found, inside) for name, found in filled.items()})


def places_of(clips: Sequence[Clip], length: int) -> list[tuple[Clip, int]]:
    """Clips and first frames of windows of ``length`` frames, one every `STRIDE`."""
    return [(clip, a) for clip in clips for a in range(0, clip.frames - length + 1, STRIDE)]


def facing_ahead(places: Sequence[tuple[Clip, int]], length: int) -> Motions:
    """Windows moved and turned so that their first frame stands over the origin and looks along +z."""
    turned, paths = [], []
    for clip, a in places:
        q = clip.rotations[a : a + length].astype(np.float64)
        path = clip.transl[a : a + length].astype(np.float64)
        # the turn about the vertical that the network is told (conditions.root_goals.heading_of)
        turn = np.broadcast_to(rotations.about_y(-2 * np.arctan2(q[0, 0, 2], q[0, 0, 0])), (length, 4))
        q[:, 0] = rotations.multiply(turn, q[:, 0])
        turned.append(rotations.continuous(q))
        paths.append(rotations.rotate(turn, path - path[0] * [1.0, 0.0, 1.0]))
    return Motions(np.stack(turned), np.stack(paths))


def fill(context: Context, true: Motions) -> Motions:
    """What the engine makes of the first `CONTEXT` frames and the last one of motions (N, T): all T frames, as for a
    request of keys alone (`model.estimated.mean_with_image`)."""
    one, other = _answered(context, true), _answered(context, _mirrored(true))
    known = np.zeros(true.rotations.shape[1:3], dtype=bool)
    known[:CONTEXT] = known[-1] = True
    answers = zip(one.rotations, one.path, other.rotations, other.path, strict=True)
    keyed = (KeyFrames(q, path, known) for q, path in zip(true.rotations, true.path, strict=True))
    found = [mean_with_image(*each, keys) for each, keys in zip(answers, keyed, strict=True)]
    return Motions(np.stack([q for q, _ in found]), np.stack([path for _, path in found]))


def _mirrored(motions: Motions) -> Motions:
    each = [mirrored(q, path) for q, path in zip(motions.rotations, motions.path, strict=True)]
    return Motions(np.stack([q for q, _ in each]), np.stack([path for _, path in each]))


def _answered(context: Context, true: Motions) -> Motions:
    """What the network says, all T frames."""
    model = context.pipeline.model
    length = true.path.shape[1]
    frames = whole_tokens(model, length)
    found_q, found_path = [], []
    for begin in range(0, len(true.path), BATCH):
        part = Motions(true.rotations[begin : begin + BATCH], true.path[begin : begin + BATCH])
        keys = in_between_keys(part, frames, context)
        seeds = range(1 + context.seed + begin, 1 + context.seed + begin + len(part.path))
        output = solve(model, keys.inputs, frames, seeds, steps=context.steps, guidance=context.guidance, keys=keys)
        motion = world_motion(model, output)
        found_q.append(motion.rotations[:, :length])
        # the way goes on from the last pose that is known before the gap
        begun = part.path[:, CONTEXT - 1] - motion.path[:, CONTEXT - 1]
        found_path.append(motion.path[:, :length] + begun[:, None])
    return Motions(np.concatenate(found_q), np.concatenate(found_path))


def in_between_keys(true: Motions, frames: int, context: Context) -> KeyedMotion:
    """Keys of the first `CONTEXT` frames and the last one; up to ``frames`` nothing more is known."""
    device = context.pipeline.model.device
    missing = frames - true.path.shape[1]
    q = np.pad(true.rotations, ((0, 0), (0, missing), (0, 0), (0, 0)), mode="edge")
    path = np.pad(true.path, ((0, 0), (0, missing), (0, 0)), mode="edge")
    known = torch.zeros(*path.shape[:2], 22, dtype=torch.bool, device=device)
    known[:, :CONTEXT] = True
    known[:, true.path.shape[1] - 1] = True
    matrices = quaternion_to_matrix(torch.from_numpy(q).float()).to(device)
    statistics = context.pipeline.model.statistics
    return keyed_motion(matrices, torch.from_numpy(path).float().to(device), known, statistics)
