"""Stitch: the beginning of one take and the end of another, joined where they are most alike (numpy alone)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from . import rotations as rot
from .contacts import Bars, bars_of, flags_of
from .planting import lowest_sole
from .transitions import BLEND, distances, features, laid_at, locked_about, met

Array = np.ndarray
FROM, TO = (0.25, 0.9), (0.1, 0.75)
"""Where in the first and in the second take the cut is looked for, as shares of their lengths."""


@dataclass(frozen=True)
class Take:
    """Local ``rotations`` (T, 22, 4), ``path`` (T, 3) metres and contacts."""

    rotations: Array
    path: Array
    bars: Bars


@dataclass(frozen=True)
class Cut:
    """Frame ``first`` of one take is frame ``second`` of the other; ``cost``: how unlike they are, metres."""

    first: int
    second: int
    cost: float


def best_cut(
    a: Take,
    b: Take,
    fps: float,
    within: tuple[float, float] = FROM,
    of_second: tuple[float, float] = TO,
    apart: int | None = None,
) -> Cut:
    """The frames at which the takes are most alike, within shares of their lengths.

    ``apart``: how many frames the two may differ at the most, where some are so near; the stitched motion is then as
    long as ``b``, give or take so many.
    """
    seen = [features(t.rotations, t.path, fps, flags_of(t.bars, len(t.path))) for t in (a, b)]
    rows, columns = (_rows(len(s), shares) for s, shares in zip(seen, (within, of_second), strict=True))
    costs = distances(seen[0][rows], seen[1][columns])
    if apart is not None:
        near = np.abs(rows[:, None] - columns) <= apart
        costs = np.where(near, costs, np.inf) if near.any() else costs
    i, j = np.unravel_index(np.argmin(costs), costs.shape)
    return Cut(int(rows[i]), int(columns[j]), float(costs[i, j]))


def _rows(frames: int, shares: tuple[float, float]) -> Array:
    first, last = (int(np.clip(round(share * (frames - 1)), 0, frames - 1)) for share in shares)
    return np.arange(first, max(last, first) + 1)


def stitched(a: Take, b: Take, fps: float, cut: Cut, blend: float = BLEND, share: float = 0.5) -> Take:
    """``a`` up to the cut and ``b`` from it, laid where ``a`` has come to; ``share`` of what is missing is bent in
    ``b``, the rest in ``a``, and feet that stand over the cut stay where they are.

    Raises ValueError for a cut with fewer than two frames on a side.
    """
    if not (1 <= cut.first < len(a.path) and 0 <= cut.second < len(b.path) - 1):
        raise ValueError("A cut needs at least two frames of each take.")
    flags_a, flags_b = flags_of(a.bars, len(a.path)), flags_of(b.bars, len(b.path))
    stands = flags_a[cut.first, :4] & flags_b[cut.second, :4]
    laying = laid_at((a.rotations, a.path), (b.rotations, b.path), (cut.first, cut.second), fps, stands)
    head = np.array(a.rotations[: cut.first + 1], float), np.array(a.path[: cut.first + 1], float)
    tail = laying.of(b.rotations[cut.second :], b.path[cut.second :])
    frames = max(round(blend * fps), 2)
    (q, p), (q2, p2) = met(head, tail, frames, share)
    rotations, path = rot.continuous(np.concatenate([q, q2[1:]])), np.concatenate([p, p2[1:]])
    flags = np.concatenate([flags_a[: cut.first + 1], flags_b[cut.second + 1 :]])
    floor = min(lowest_sole(*head), lowest_sole(*tail))
    bent = slice(max(cut.first - frames, 0), cut.first + frames + 1)
    rotations, path = locked_about(rotations, path, fps, flags, bent, floor)
    return Take(rot.continuous(rotations), path, bars_of(flags))
