"""What motion does between known poses on average: linear prediction from how motion hangs together over time.

How a pose, the height of the pelvis and its steps vary together, and with those some frames later, is measured on
training motion (`Covariances`). Taken as a stationary Gaussian process, that gives the mean of all motions that pass
through given poses, as a linear function of these (Rasmussen & Williams 2006, "Gaussian Processes for Machine
Learning", equations 2.25 and 2.26; Wiener's interpolation). Where the root goes is not stationary, but its steps seen
from where the body looks are, and two known places say what they sum up to. It knows momentum, how a leg swings
through, and how little is certain in the middle of a long gap (numpy alone, no loop over frames or joints).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path

import numpy as np

from . import rotations as rot
from .keyed import KeyFrames

Array = np.ndarray
JOINTS = 22
HELD = 66
"""Numbers of a pose: 21 rotation vectors from the mean pose, the root's tilt forward and to the side, its height."""
STEPS = 3
"""And of a step to the next frame: to the side and forward as the body looks (metres), and the turn (radians)."""
NEAR = 8
"""Known frames on either side of a gap that are asked; more say nothing more."""
NOISE = 1e-5
"""Of each number's variance: what the covariances themselves are not sure of."""
UPSET = 1.75
"""Radians of tilt from which on nobody can say where a body looks: what lies down or turns over is left alone."""
DOUBT = 60.0
"""Nats by which another number of turns on the spot has to be likelier before that of the motion given is not believed.
Where a network foresees a spin, its number of turns is up to 52 less likely than another and still right."""
_RATE = 4
"""Frames on either side of a gap that say how fast the body turns there."""
_TURN, _MOST = 2 * np.pi, 3


@dataclass(frozen=True, eq=False)
class Covariances:
    """``turn`` (21, 4): mean local rotations; ``mean`` (69,): of pose and step; ``basis`` (66, K): poses are told by K
    numbers ``basis.T @ (pose - mean)``; ``by_lag`` (N, K + 3, K + 3): covariance of these and the step with those of
    0, 1, 2 ... frames later. Further apart they are taken as N - 1 frames apart."""

    turn: Array
    mean: Array
    basis: Array
    by_lag: Array

    @classmethod
    def load(cls, path: Path) -> Covariances:
        """From a file of `engine.training.covariances`. Raises OSError, ValueError or KeyError for another one."""
        with np.load(path, allow_pickle=False) as data:
            return cls(*(data[f.name].astype(np.float64) for f in fields(cls)))

    @cached_property
    def inverse(self) -> Array:
        """(66, K): from the K numbers back to a pose."""
        found: Array = np.linalg.pinv(self.basis.T)
        return found

    def matrix(self, at: Array, part: slice, other: Array, others: slice) -> Array:
        """Covariance (A P, B Q) of ``part`` of the numbers (P) of frames ``at`` (A,) with ``others`` of ``other``."""
        lag = other[None, :] - at[:, None]
        far = np.minimum(np.abs(lag), len(self.by_lag) - 1)
        later = self.by_lag[:, part, others][far]
        sooner = np.swapaxes(self.by_lag[:, others, part], -1, -2)[far]
        blocks = np.where((lag < 0)[..., None, None], sooner, later)
        a, b, p, q = blocks.shape
        return blocks.transpose(0, 2, 1, 3).reshape(a * p, b * q)


def numbers_of(rotations: Array, path: Array, turn: Array) -> tuple[Array, Array]:
    """Poses (T, 66) and steps (T - 1, 3) of a motion: local rotations (T, 22, 4), pelvis path (T, 3) metres."""
    heading = _headings(rotations[:, 0])
    tilt = rot.to_rotation_vector(rot.multiply(rot.about_y(-heading), rotations[:, 0]))
    held = rot.to_rotation_vector(rot.multiply(_back(turn, len(path)), rotations[:, 1:]))
    way = rot.rotate(rot.about_y(-heading[:-1]), np.diff(path, axis=0))
    poses = np.concatenate([held.reshape(len(path), -1), tilt[:, [0, 2]], path[:, 1:2]], axis=1)
    return poses, np.concatenate([way[:, [0, 2]], np.diff(heading)[:, None]], axis=1)


@dataclass(frozen=True)
class Expected:
    """The mean motion: local ``rotations`` (T, 22, 4), ``path`` (T, 3), ``inside`` (T,) bool where there is one, and
    ``otherwise`` (T,) bool where it turns about the vertical more or less often than the motion given."""

    rotations: Array
    path: Array
    inside: Array
    otherwise: Array


def expected(rotations: Array, path: Array, keys: KeyFrames, covariances: Covariances) -> Expected:
    """The mean motion through the whole poses of ``keys``: between two of them no further apart than covariances reach,
    while the body is upright there. Elsewhere rotations and path are as given."""
    whole = np.flatnonzero(keys.known.all(axis=1))
    # which way round a body turns that looks elsewhere at the next pose is what it does in the motion given
    heading = _headings(np.where(keys.known[:, :1], keys.rotations[:, 0], rotations[:, 0]))
    rotations, path = rotations.copy(), path.copy()
    inside, otherwise = np.zeros((2, len(path)), dtype=bool)
    for gap in np.flatnonzero(np.diff(whole) > 1):
        first, last, far = int(whole[gap]), int(whole[gap + 1]), len(covariances.by_lag)
        if last - first > far:
            continue
        near = whole[max(gap + 1 - NEAR, 0) : gap + 1 + NEAR]
        near = near[(near > last - far) & (near < first + far) | (near == first) | (near == last)]
        frames = slice(first + 1, last)
        up = rot.rotate(keys.rotations[near, 0], np.broadcast_to([0.0, 1.0, 0.0], (len(near), 3)))[:, 1]
        if up.min() < np.cos(UPSET):
            continue
        turns = _turns(heading, near, first, last)
        tried = [_known(keys, heading[near] + _TURN * n * (near >= last), near, covariances) for n in turns]
        best = int(np.argmax([known.likelihood - DOUBT * (n != 0) for known, n in zip(tried, turns, strict=True)]))
        rotations[frames], path[frames] = _through(keys, tried[best], first, last, covariances)
        inside[frames], otherwise[frames] = True, turns[best] != 0
        heading[last:] += _TURN * turns[best]
    return Expected(rotations, path, inside, otherwise)


def _turns(heading: Array, near: Array, first: int, last: int) -> Sequence[int]:
    """How many more turns a gap may have than ``heading`` (T,) has there, 0 first: so many that it is the shortest way
    round, and up to about as many as it is if the body turns on as fast as beside the gap."""
    turn = heading[last] - heading[first]
    rates = [
        (heading[side[-1]] - heading[side[0]]) / (side[-1] - side[0])
        for side in (near[near <= first][-_RATE:], near[near >= last][:_RATE])
        if len(side) > 1 and side[-1] - side[0] < 2 * _RATE
    ]
    likely = np.mean(rates) * (last - first) if rates else turn
    more = int(np.clip(round((likely - turn) / _TURN), -_MOST, _MOST))
    return list(dict.fromkeys((0, -round(turn / _TURN), *(range(1, more + 1) if more > 0 else range(more, 0)))))


def _headings(root: Array) -> Array:
    """Angles (T,) of rotations (T, 4) about the vertical: what is left of them is a tilt alone."""
    return np.unwrap(2 * np.arctan2(root[:, 2], root[:, 0]))


def _back(turn: Array, frames: int) -> Array:
    return np.broadcast_to(rot.conjugate(turn), (frames, JOINTS - 1, 4))


@dataclass(frozen=True)
class _Known:
    """What is known around a gap, and how likely it is: at the frames ``near`` (K,) the ``poses`` (K, 66) and where the
    body looks (K,); ``sums`` (3 (K - 1), 3 S) of steps of the frames ``span`` (S,) that are known; ``weight`` of each
    known number in the mean; ``likelihood`` (log, up to what hardly depends on where the body looks)."""

    near: Array
    heading: Array
    poses: Array
    span: Array
    sums: Array
    weight: Array
    likelihood: float


def _known(keys: KeyFrames, heading: Array, near: Array, known: Covariances) -> _Known:
    """Every near pose, and from each to the next the way and the turn, sums of the steps between, all as seen from the
    first one; the body looks along ``heading`` (K,)."""
    poses, _ = numbers_of(keys.rotations[near], keys.path[near], known.turn)
    count = known.basis.shape[1]
    held = (poses - known.mean[:HELD]) @ known.basis
    span = np.arange(near[0], near[-1])
    part = np.searchsorted(near, span, side="right") - 1
    facing = np.interp(span, near, heading - heading[0])
    taken = np.zeros((len(near) - 1, STEPS, len(span), STEPS))
    cos, sin, each = np.cos(facing), np.sin(facing), np.arange(len(span))
    taken[part, 0, each, 0], taken[part, 0, each, 1] = cos, sin
    taken[part, 1, each, 0], taken[part, 1, each, 1] = -sin, cos
    taken[part, 2, each, 2] = 1.0
    sums = taken.reshape((len(near) - 1) * STEPS, -1)
    ways = rot.rotate(rot.about_y(np.full(len(near) - 1, -heading[0])), np.diff(keys.path[near], axis=0))
    moved = np.concatenate([ways[:, [0, 2]], np.diff(heading)[:, None]], axis=1)
    usual = sums @ np.tile(known.mean[HELD:], len(span))
    told = np.concatenate([held.reshape(-1), moved.reshape(-1) - usual])
    pose, step = slice(0, count), slice(count, None)
    pose_step = known.matrix(near, pose, span, step) @ sums.T
    gram = np.block(
        [
            [known.matrix(near, pose, near, pose), pose_step],
            [pose_step.T, sums @ known.matrix(span, step, span, step) @ sums.T],
        ]
    )
    gram[np.diag_indices(len(gram))] *= 1 + NOISE
    weight = np.linalg.solve(gram, told)
    return _Known(near, heading, poses, span, sums, weight, -0.5 * float(told @ weight))


def _through(keys: KeyFrames, told: _Known, first: int, last: int, known: Covariances) -> tuple[Array, Array]:
    """Rotations and path of the frames between ``first`` and ``last``, two of the known frames."""
    count, asked = known.basis.shape[1], np.arange(first, last + 1)
    pose, step, both = slice(0, count), slice(count, None), slice(0, None)
    poses, heading, posed_numbers = told.poses, told.heading, len(told.near) * count
    found = known.matrix(asked, both, told.near, pose) @ told.weight[:posed_numbers]
    found += known.matrix(asked, both, told.span, step) @ (told.sums.T @ told.weight[posed_numbers:])
    found = found.reshape(len(asked), -1)

    share = ((asked - first) / (last - first))[:, None]
    begin, end = int(np.searchsorted(told.near, first)), int(np.searchsorted(told.near, last))
    posed = found[:, :count] @ known.inverse.T + known.mean[:HELD]
    posed += (poses[begin] - posed[0]) * (1 - share) + (poses[end] - posed[-1]) * share
    steps = found[:-1, count:] + known.mean[HELD:]
    looks = _summed(steps[:, 2:], heading[begin], heading[end], share)[:, 0]
    way = rot.rotate(rot.about_y(looks[:-1]), np.stack([steps[:, 0], np.zeros(len(steps)), steps[:, 1]], axis=1))
    path = _summed(way, keys.path[first], keys.path[last], share)
    path[:, 1] = posed[:, -1]
    tilt = rot.from_rotation_vector(np.stack([posed[:, 63], np.zeros(len(posed)), posed[:, 64]], axis=1))
    body = rot.from_rotation_vector(posed[:, :63].reshape(-1, JOINTS - 1, 3))
    turns = np.concatenate(
        [
            rot.multiply(rot.about_y(looks), tilt)[:, None],
            rot.multiply(np.broadcast_to(known.turn, body.shape), body),
        ],
        axis=1,
    )
    return rot.normalise(turns[1:-1]), path[1:-1]


def _summed(steps: Array, begin: Array, end: Array, share: Array) -> Array:
    """From ``begin`` by ``steps`` (N, C), bent evenly so that it comes to ``end``: (N + 1, C)."""
    way = begin + np.concatenate([np.zeros((1, steps.shape[1])), np.cumsum(steps, axis=0)])
    return np.asarray(way + (end - way[-1]) * share)
