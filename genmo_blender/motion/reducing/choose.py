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
MADE_UP = 8.0
"""What a key's loss would take the body off by, over what it still does after a fit, at best: keys of which less is
true come back."""


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


def local_max(x: Array) -> Array:
    """The largest of each value's neighbourhood in time, (N, T)."""
    padded = np.pad(x, ((0, 0), (NEIGHBOURS, NEIGHBOURS)))
    return np.lib.stride_tricks.sliding_window_view(padded, 2 * NEIGHBOURS + 1, axis=1).max(-1)


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


def spared(basis: Basis, coefficients: Array, reach: Array, room: Array, locked: Array, most: int) -> Array:
    """Keys (J, T) bool that would hardly be missed, at most ``most`` and no two neighbours.

    What the curve between the neighbours would differ by at the key, times ``reach`` (J,), must fit into ``room``
    (J, T), once the fit has made up for most of it. The last two controls share their keys.
    """
    k = np.flatnonzero((basis.all_times > 0) & (basis.all_times < basis.frames - 1))
    t0, t, t1 = (basis.all_times[k + i] for i in (-1, 0, 1))
    h = (t1 - t0).astype(float)[:, None]
    u = ((t - t0) / h[:, 0])[:, None]
    v, c = 1.0 - u, coefficients
    without: Array = v * v * (1 + 2 * u) * c[k - 1, 0] + h * u * v * v * c[k - 1, 1]
    without += u * u * (3 - 2 * u) * c[k + 1, 0] - h * u * u * v * c[k + 1, 1]
    score: Array = np.full((len(basis.times), basis.frames), np.inf)
    score[basis.control[k], t] = np.linalg.norm(without - c[k, 0], axis=-1) * reach[basis.control[k]] / MADE_UP
    score = np.where(locked, np.inf, score - room)
    score[0] = score[-1] = np.maximum(score[0], score[-1])
    flat = score[basis.control, basis.all_times]
    before, after = np.append(np.inf, flat[:-1]), np.append(flat[1:], np.inf)
    best = np.flatnonzero((flat < 0) & (flat < before) & (flat <= after))
    best = np.asarray(best[np.argsort(flat[best], kind="stable")][:most])
    out = np.zeros(score.shape, dtype=bool)
    out[basis.control[best], basis.all_times[best]] = True
    out[0] = out[-1] = out[0] & out[-1]
    return out
