"""How well a gap between keyed poses is filled: L2P, L2Q and NPSS, and what interpolation alone would do.

L2P and L2Q after Harvey et al. 2020 ("Robust motion in-betweening"): the distance of a frame's whole pose, 22 global
joint positions or global rotations as one vector, mean over the frames of the gap. Positions are in metres and, unlike
theirs, not normalised. NPSS after Gopalakrishnan et al. 2019, of the global rotations: the distance between power
spectra over time, each channel weighted by its power.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...motion import kinematics, rotations
from ...motion.skeleton import canonical

Array = np.ndarray


@dataclass(frozen=True)
class Motions:
    """N motions of T frames: local ``rotations`` (N, T, 22, 4) unit quaternions, pelvis ``path`` (N, T, 3) metres."""

    rotations: Array
    path: Array

    def joints(self) -> Array:
        """(N, T, 22, 3) metres in the world."""
        return kinematics.joint_positions(canonical(), self.rotations, self.path)

    def world(self) -> Array:
        """(N, T, 22, 4) global rotations."""
        return kinematics.world_rotations(canonical(), self.rotations)

    def frames(self, part: slice) -> Motions:
        """Some frames of each."""
        return Motions(self.rotations[:, part], self.path[:, part])


@dataclass(frozen=True)
class GapError:
    """``l2p`` metres (the length of 66 numbers), ``joint`` metres (mean distance of one joint), ``l2q``, ``npss``."""

    l2p: float
    joint: float
    l2q: float
    npss: float


def gap_error(found: Motions, true: Motions) -> GapError:
    """Errors over the frames of the gap, which both hold and nothing else."""
    apart = found.joints() - true.joints()
    q, p = true.world(), found.world()
    q = np.stack([rotations.continuous(x) for x in q])
    p = np.where(np.sum(p * q, axis=-1, keepdims=True) < 0, -p, p)
    return GapError(
        l2p=float(np.sqrt(np.sum(apart**2, axis=(-2, -1))).mean()),
        joint=float(np.linalg.norm(apart, axis=-1).mean()),
        l2q=float(np.sqrt(np.sum((p - q) ** 2, axis=(-2, -1))).mean()),
        npss=npss(q.reshape(*q.shape[:2], -1), p.reshape(*p.shape[:2], -1)),
    )


def npss(true: Array, found: Array) -> float:
    """Normalised power spectrum similarity, lower is better: series (N, T, D) twice."""
    power = [np.abs(np.fft.fft(series, axis=1)) ** 2 for series in (true, found)]
    total = [p.sum(axis=1, keepdims=True) for p in power]
    shares = [np.cumsum(p / np.maximum(t, 1e-12), axis=1) for p, t in zip(power, total, strict=True)]
    moved = np.abs(shares[0] - shares[1]).sum(axis=1)
    return float(np.average(moved, weights=np.maximum(total[0][:, 0], 1e-12)))


def interpolated(true: Motions, first: int, last: int) -> Motions:
    """The frames between ``first`` and ``last`` from these two poses alone: joints by slerp, the root's path linear."""
    share = np.arange(1, last - first) / (last - first)
    a, b = true.rotations[:, first, None], true.rotations[:, last, None]
    turned = rotations.slerp(a, b, np.broadcast_to(share[None, :, None], (len(a), len(share), a.shape[2])))
    begin, end = true.path[:, first, None], true.path[:, last, None]
    return Motions(turned, begin + share[None, :, None] * (end - begin))


def curved(true: Motions, first: int, last: int) -> Motions:
    """What Blender's own curves would do: a cubic for every quaternion number and coordinate, which leaves ``first``
    as fast as it was reached and comes to rest at ``last``, as automatic clamped handles do at a last key."""
    share = np.arange(1, last - first) / (last - first)
    signed = np.stack([rotations.continuous(x) for x in true.rotations[:, : last + 1]])
    found = []
    for values in (signed, true.path):
        s = share.reshape(1, -1, *[1] * (values.ndim - 2))
        begin, end = values[:, first, None], values[:, last, None]
        speed = (values[:, first] - values[:, max(first - 1, 0)])[:, None] * (last - first)
        mixed = begin + (end - begin) * s**2 * (3 - 2 * s) + speed * s * (1 - s) ** 2
        found.append(mixed)
    return Motions(rotations.normalise(found[0]), found[1])


def held(true: Motions, first: int, last: int) -> Motions:
    """The pose at ``first`` kept until ``last``."""
    frames = last - first - 1
    return Motions(
        np.repeat(true.rotations[:, first : first + 1], frames, axis=1),
        np.repeat(true.path[:, first : first + 1], frames, axis=1),
    )


def posed(true: Motions, pose: Array, first: int, last: int) -> Motions:
    """One pose of the body, local rotations (22, 4), carried along: its root is that of `interpolated`."""
    moving = interpolated(true, first, last)
    q = np.broadcast_to(pose, moving.rotations.shape).copy()
    q[:, :, 0] = moving.rotations[:, :, 0]
    return Motions(q, moving.path)


def borrowed(true: Motions, first: int, last: int, others: Sequence[tuple[Array, Array]]) -> Motions:
    """Frames of other motions, one for each, (rotations (T, 22, 4), path (T, 3)) of at least ``last - first`` frames:
    turned and moved so that they begin where the pose at ``first`` stands."""
    found_q, found_path = [], []
    for i, (q, path) in enumerate(others):
        turn = rotations.about_y(
            rotations.heading(true.rotations[i, first, 0]) - rotations.heading(np.asarray(q[0, 0], dtype=np.float64))
        )
        q = np.asarray(q[: last - first], dtype=np.float64).copy()
        q[:, 0] = rotations.multiply(np.broadcast_to(turn, q[:, 0].shape), q[:, 0])
        way = rotations.rotate(np.broadcast_to(turn, (len(q), 4)), path[: last - first] - path[0])
        way += true.path[i, first] * [1.0, 0.0, 1.0] + [0.0, float(path[0, 1]), 0.0]
        found_q.append(q[1:])
        found_path.append(way[1:])
    return Motions(np.stack(found_q), np.stack(found_path))
