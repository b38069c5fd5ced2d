"""Make Loop: where a motion loops best, and a cycle of it whose end is its beginning (numpy alone).

A cycle travels on by a fixed way each round, or stays in place. Its heading comes back to where it was: what it turned
is taken out evenly. Ends are bent to meet in place and pace (`transitions`), then the feet are locked over the seam.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from . import rotations as rot
from .contacts import Bars, bars_of, flags_of
from .kinematics import joint_positions
from .locking import locked
from .planting import lowest_sole
from .skeleton import canonical
from .transitions import BLEND, distances, features, met

Array = np.ndarray
SHORTEST = 0.7
"""Seconds: a shorter cycle reads as a twitch."""
APART = 0.25
"""Seconds by which two proposals differ at the least."""
TURN_COST = 0.05
"""Metres for each radian that a cycle turns and that has to be taken out."""
LENGTH_COST = 0.02
"""Metres by which the shortest cycle has to be better than the longest: variety is worth something."""
_NEAR = 6  # frames on each side of a seam
_STILL = 0.0001  # metres a frame and frame: below, nobody sees a change of velocity
_MOST = 1500  # moments that are compared with one another; longer motions are searched coarsely, then finely


@dataclass(frozen=True)
class LoopPoints:
    """Frames ``first`` and ``last`` look alike; ``cost``: how unlike they are, metres."""

    first: int
    last: int
    cost: float


@dataclass(frozen=True)
class Seam:
    """Between the end of a cycle and its beginning: ``angle`` in degrees, the worst joint's; ``distance`` of the root
    in metres; ``jump``, the change of the joints' velocity there as a share of the largest one near it."""

    angle: float
    distance: float
    jump: float


@dataclass(frozen=True)
class Loop:
    """A cycle of n frames as n + 1, the last being the first, ``travel`` (3,) metres further: local ``rotations``
    (n + 1, 22, 4), ``path`` (n + 1, 3) and contacts. ``gap``: its ends before they were bent; ``rest``: what was left
    when they were made one."""

    rotations: Array
    path: Array
    travel: Array
    bars: Bars
    gap: Seam
    rest: Seam

    @property
    def in_place(self) -> tuple[Array, Array]:
        """Rotations and path without travel; adding it, even by even, gives the travelling cycle back."""
        return self.rotations, self.path - _evenly(self.travel, len(self.path))

    def rounds(self, count: int) -> tuple[Array, Array, Array]:
        """Rotations, path and contacts (N, 6) of several cycles one after the other, N = count n + 1."""
        n = len(self.path) - 1
        order = np.arange(count * n + 1)
        flags = flags_of(self.bars, n + 1)[order % n]
        return self.rotations[order % n], self.path[order % n] + (order // n)[:, None] * self.travel, flags


def best_loops(
    rotations: Array, path: Array, fps: float, bars: Bars, shortest: float = SHORTEST, count: int = 3
) -> tuple[LoopPoints, ...]:
    """Up to ``count`` pairs of frames to loop between, the best first; none where the motion is shorter than that."""
    frames, least = len(path), max(round(shortest * fps), 4)
    if frames <= least:
        return ()
    flags = flags_of(bars, frames)
    seen = features(rotations, path, fps, flags)
    turn = np.unwrap(rot.heading(rotations[:, 0]))
    step = -(-frames // _MOST)

    def cost(a: Array, b: Array) -> Array:
        apart = b - a[:, None]
        turned = np.abs((turn[b] - turn[a][:, None] + np.pi) % (2 * np.pi) - np.pi)
        told = distances(seen[a], seen[b]) + TURN_COST * turned + LENGTH_COST * (1.0 - apart / frames)
        return np.where(apart >= least, told, np.inf)

    coarse = np.arange(0, frames, step)
    costs = cost(coarse, coarse)
    found: list[LoopPoints] = []
    while len(found) < count and np.isfinite(costs).any():
        i, j = np.unravel_index(np.argmin(costs), costs.shape)
        rows, columns = (np.arange(max(coarse[k] - step, 0), min(coarse[k] + step, frames - 1) + 1) for k in (i, j))
        fine = cost(rows, columns)
        a, b = np.unravel_index(np.argmin(fine), fine.shape)
        found.append(LoopPoints(int(rows[a]), int(columns[b]), float(fine[a, b])))
        near = max(round(APART * fps / step), 1)
        costs[max(i - near, 0) : i + near + 1, max(j - near, 0) : j + near + 1] = np.inf
    return tuple(found)


def looped(rotations: Array, path: Array, fps: float, bars: Bars, first: int, last: int, blend: float = BLEND) -> Loop:
    """The cycle from frame ``first`` to frame ``last`` of local rotations (T, 22, 4) and path (T, 3).

    Raises ValueError when there are fewer than four frames between them.
    """
    if not 0 <= first < last - 3 or last >= len(path):
        raise ValueError("A loop needs at least four frames between two frames of the motion.")
    n = last - first
    q, p = np.array(rotations[first : last + 1], dtype=float), np.array(path[first : last + 1], dtype=float)
    flags = flags_of(bars, len(path))[first : last + 1]
    q, p = _straightened(q, p)
    travel = (p[-1] - p[0]) * [1.0, 0.0, 1.0]
    if (flags[:, :2].any(axis=1).all()) or (flags[:, 2:4].any(axis=1).all()):
        # A foot that never leaves the floor cannot travel.
        p, travel = p - _evenly(travel, n + 1), np.zeros(3)
    gap, floor = seam(q, p, travel), lowest_sole(q, p)
    (q, p) = _closed(q, p, travel, min(max(round(blend * fps), 2), n // 2))
    flags = flags[:-1]
    if flags[:, :4].any():
        q, p = _locked_round(q, p, travel, fps, flags, floor)
    rest = seam(q, p, travel)
    q[-1], p[-1] = q[0], p[0] + travel
    return Loop(rot.continuous(q), p, travel, bars_of(np.concatenate([flags, flags[:1]])), gap, rest)


def seam(rotations: Array, path: Array, travel: Array) -> Seam:
    """Of a cycle of n + 1 frames whose last shall be its first, ``travel`` further."""
    turn = rot.to_rotation_vector(rot.multiply(rot.conjugate(rotations[-1]), rotations[0]))
    near = min(_NEAR, len(path) // 2)
    q = np.concatenate([rotations[-near - 1 : -1], rotations[: near + 1]])
    p = np.concatenate([path[-near - 1 : -1] - travel, path[: near + 1]])
    bend = np.linalg.norm(np.diff(joint_positions(canonical(), q, p), n=2, axis=0), axis=-1).mean(axis=-1)
    others = np.delete(bend, [near - 2, near - 1, near])
    return Seam(
        float(np.degrees(np.linalg.norm(turn, axis=-1).max())),
        float(np.linalg.norm(path[-1] - path[0] - travel)),
        float(bend[near - 1] / max(others.max(initial=0.0), _STILL)),
    )


def _straightened(rotations: Array, path: Array) -> tuple[Array, Array]:
    """The motion whose last frame looks where its first one does: what it turned is taken out evenly."""
    whole = rot.multiply(rotations[-1, 0], rot.conjugate(rotations[0, 0]))
    turned = 2.0 * np.arctan2(whole[2], whole[0])
    turned = (turned + np.pi) % (2 * np.pi) - np.pi
    n = len(path) - 1
    turn = rot.about_y(-turned * np.arange(n + 1) / n)
    between = rot.about_y(-turned * (np.arange(n) + 0.5) / n)
    rotations = rotations.copy()
    rotations[:, 0] = rot.multiply(turn, rotations[:, 0])
    steps = rot.rotate(between, np.diff(path, axis=0))
    return rotations, np.concatenate([path[:1], path[0] + np.cumsum(steps, axis=0)])


def _closed(rotations: Array, path: Array, travel: Array, frames: int) -> tuple[Array, Array]:
    """The cycle with its ends bent to meet, over ``frames`` frames each, half of it at the most."""
    half = len(path) // 2
    before, after = (rotations[half:], path[half:] - travel), (rotations[: half + 1], path[: half + 1])
    (late, late_path), (early, early_path) = met(before, after, min(frames, half - 1))
    q = np.concatenate([early[:half], late])
    p = np.concatenate([early_path[:half], late_path + travel])
    return rot.continuous(q), p


def _locked_round(
    rotations: Array, path: Array, travel: Array, fps: float, flags: Array, floor: float
) -> tuple[Array, Array]:
    """The cycle with locked feet, as the middle one of three rounds: so its ends know their neighbours."""
    n = len(path) - 1
    order = np.arange(3 * n + 1)
    way = path[order % n] + (order // n)[:, None] * travel
    q, p = locked(rotations[order % n], way, fps, flags[order % n], floor, flat=False)
    return q[n : 2 * n + 1], p[n : 2 * n + 1] - travel


def _evenly(travel: Array, frames: int) -> Array:
    return np.arange(frames)[:, None] / (frames - 1) * travel
