"""Where one more key helps most: which control is to blame for a body that is off, and in which of its segments; and
which keys would hardly be missed."""

from __future__ import annotations

import numpy as np

from ..rotations import Array
from .hermite import Basis
from .solve import Step
from .target import Target

NEIGHBOURS = 3
"""Frames: of errors nearer than this only the largest is looked at."""
STRETCH, AT_ONCE = 8, 2
"""Of a stretch of so many frames so many keys are tried without at once;"""
FEWEST, MOST = 3, 0.03
"""of all so many at least, and so large a part of them at most."""


def _no_cubic(samples: int) -> Array:
    """(N, N): what is left of samples of a curve when the nearest cubic is taken off."""
    u = np.linspace(-1.0, 1.0, samples)
    q, _ = np.linalg.qr(u[:, None] ** np.arange(4))
    return np.asarray(np.eye(samples) - q @ q.T)


NO_CUBIC = _no_cubic(13)


def runs(flags: Array) -> Array:
    """(F, N) bool -> number of the run that each belongs to, counted anew in each row; 0 where false."""
    return np.cumsum(flags & ~np.pad(flags, ((0, 0), (1, 0)))[:, :-1], axis=1) * flags


def added_slide(target: Target, before: Array, now: Array) -> Array:
    """How much longer the steps of feet are, (F, T - 1) metres, mean of each stance; 0 off the ground. Steps (…, 2)."""
    longer = np.linalg.norm(now, axis=-1) - np.linalg.norm(before, axis=-1)
    out = np.zeros(longer.shape)
    for f, run in enumerate(runs(target.holding)):
        mean = np.bincount(run, longer[f]) / np.maximum(np.bincount(run), 1)
        out[f] = np.where(run > 0, mean[run], 0.0)
    return out


def split_at(basis: Basis, key: int, size: Array) -> int:
    """The frame of a new key in the segment that ``key`` begins: where ``size`` (T,) is largest, not near its ends."""
    a, b = int(basis.all_times[key]), int(basis.all_times[key + 1])
    margin = max(1, (b - a) // 4)
    return a + margin + int(size[a + margin : b - margin + 1].argmax())


def where_to_add(target: Target, step: Step, off: Array, sliding: Array) -> list[tuple[int, int]]:
    """(control, frame) of new keys, at most one in a segment.

    ``off`` (P, T): errors over what is allowed, too much above 1; ``sliding`` (F, T - 1) likewise.
    """
    astray = step.curves - target.curves
    turned = np.einsum("acjt,jtc->jta", step.turning, astray[:-1])
    point, time = peaks(off, target.body.point_rows)
    wrong = step.posed.points[point, time] - target.posed.points[point, time]
    bone = target.body.point_bones[point]
    shares = [_blame(target, step, turned, bone, step.posed.points[point, time], time, wrong)]
    times = [time]
    lag = target.steps_of(step.posed.heads) - target.steps_of(target.posed.heads)
    most = swing(target, step)
    foot, time = np.nonzero((sliding > 1) & (most >= local_max(most)))
    if len(foot):
        wrong = np.zeros((len(foot), 3))
        wrong[:, list(target.across)] = lag[foot, time]
        bone = target.feet[foot]
        before, after = (
            _blame(target, step, turned, bone, step.posed.heads[bone, t], t, wrong) for t in (time, time + 1)
        )
        legs = after - before
        # Legs make up for the pelvis; a key on the pelvis costs seven channels and moves both feet.
        legs[:, [0, -1]] = -np.inf
        shares.append(legs)
        times.append(time)
    blamed, at = np.concatenate(shares, axis=0), np.concatenate(times)
    key = step.basis.left[:, at].T
    blamed = np.where(step.basis.length[key] > 1, blamed, -np.inf)
    control = blamed.argmax(1) if len(blamed) else np.zeros(0, dtype=int)
    chosen = {(int(c), int(key[i, c])) for i, c in enumerate(control) if np.isfinite(blamed[i, c])}
    size = np.linalg.norm(astray, axis=-1)
    return [(c, split_at(step.basis, k, size[c])) for c, k in sorted(chosen)]


def swing(target: Target, step: Step) -> Array:
    """How far steps of standing feet are from what they were, (F, T - 1) metres."""
    lag = target.steps_of(step.posed.heads) - target.steps_of(target.posed.heads)
    return np.linalg.norm(lag, axis=-1) * target.holding


def local_max(x: Array, width: int = NEIGHBOURS) -> Array:
    """The largest of each value's neighbourhood in time, (N, T), ``width`` frames to both sides."""
    padded = np.pad(x, ((0, 0), (width, width)))
    return np.lib.stride_tricks.sliding_window_view(padded, 2 * width + 1, axis=1).max(-1)


def peaks(off: Array, rows: Array) -> tuple[Array, Array]:
    """Points and times of the largest errors above 1 of each bone, peaks in time."""
    worst = np.maximum.reduceat(off, rows, axis=0)
    bone, time = np.nonzero((worst > 1) & (worst >= local_max(worst)))
    ends = np.append(rows[1:], len(off))
    widest = int((ends - rows).max())
    candidates = np.minimum(rows[bone][:, None] + np.arange(widest), ends[bone][:, None] - 1)
    return candidates[np.arange(len(bone)), off[candidates, time[:, None]].argmax(1)], time


def _blame(target: Target, step: Step, turned: Array, bone: Array, place: Array, time: Array, wrong: Array) -> Array:
    """How far each control's own error takes places (N, 3) on bones (N,) the wrong way: (N, J + 1) metres."""
    way = wrong / np.maximum(np.linalg.norm(wrong, axis=-1, keepdims=True), 1e-12)
    arms = place[:, None] - step.posed.heads[:, time].transpose(1, 0, 2)
    part = np.cross(turned[:, time].transpose(1, 0, 2), arms)
    bones = np.einsum("nja,na->nj", part, way) * target.body.ancestors[bone]
    moved = (step.curves - target.curves)[-1, time, :3] @ target.body.path_axes.T
    return np.concatenate([bones, np.einsum("na,na->n", moved, way)[:, None]], axis=1)


def spared(step: Step, reach: Array, off: Array, again: Array, locked: Array) -> Array:
    """Keys (J, T) bool to be tried without, no two neighbours and few at a time, so that one's loss is not laid at the
    door of another.

    First come those whose two segments together are nearest to one cubic, by what that would differ times ``reach``
    (J,), where the body is least ``off`` (J, T); ``again`` (J, T) above 1 puts off what has shown before. The last two
    controls share their keys.
    """
    basis = step.basis
    k = np.flatnonzero((basis.all_times > 0) & (basis.all_times < basis.frames - 1))
    control, t0, t1 = basis.control[k, None], basis.all_times[k - 1, None], basis.all_times[k + 1, None]
    at = t0 + (t1 - t0) * np.linspace(0.0, 1.0, len(NO_CUBIC))
    low = np.minimum(at.astype(int), basis.frames - 2)
    here = (at - low)[..., None]
    curve = (1 - here) * step.curves[control, low] + here * step.curves[control, low + 1]
    rest = np.linalg.norm(NO_CUBIC @ curve, axis=-1).max(1)
    score: Array = np.full(off.shape, np.inf)
    score[basis.control[k], basis.all_times[k]] = rest * reach[basis.control[k]]
    score[0] = np.maximum(score[0], score[-1])
    score = np.where(locked, np.inf, (score + local_max(off, 2)) * again)
    score[-1] = np.inf
    flat = score[basis.control, basis.all_times]
    before, after = np.append(np.inf, flat[:-1]), np.append(flat[1:], np.inf)
    best = np.flatnonzero(np.isfinite(flat) & (flat < before) & (flat <= after))
    best = best[np.argsort(flat[best], kind="stable")]
    # The best few of each stretch of time.
    stretch = basis.all_times[best] // STRETCH
    rank = np.zeros(len(best), dtype=int)
    order = np.argsort(stretch, kind="stable")
    rank[order] = np.arange(len(best)) - np.searchsorted(stretch[order], stretch[order])
    best = best[rank < AT_ONCE][: max(FEWEST, int(MOST * len(basis.all_times)))]
    out = np.zeros(score.shape, dtype=bool)
    out[basis.control[best], basis.all_times[best]] = True
    out[-1] = out[0]
    return out
