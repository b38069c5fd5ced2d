"""A motion bent to meet keyed poses exactly, at their true times, without a pop (product.md 6, "My keys are law").

What is added to each rotation and to the root's path is the curve through the errors at the keys that bends the least:
of all corrections c the one with the smallest integral of c''^2 + 4 c^2 / l^4, l being `REACH`. It dies away around a
key, and where the motion already meets one nothing is added. Between keys it is a spline (motion/bending.py), whose
cost grows with the frames and keys as they come, not with their square. numpy alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from . import rotations as rot
from .bending import Bend
from .resampling import resample

Array = np.ndarray
REACH = 0.3
"""Seconds: a key that is missed moves the motion about it that long, a third of a second, as an animator's tangent."""
ROUNDS = 12
CLOSE = 1e-10  # radians and metres


@dataclass(frozen=True)
class Poses:
    """K keyed poses: ``time`` (K,) seconds from the motion's first frame, in any order; local ``rotations``
    (K, J, 4) unit quaternions, w first; ``path`` (K, 3) metres, the root; ``mask`` (K, J) bool: what of them is keyed,
    joint 0 standing for the root's rotation and its place."""

    time: Array
    rotations: Array
    path: Array
    mask: Array


@dataclass(frozen=True)
class Misses:
    """How far a motion is from its keys: ``angle`` (K, J) radians and ``distance`` (K,) metres, 0 where nothing is
    keyed."""

    angle: Array
    distance: Array

    @property
    def worst(self) -> tuple[float, float]:
        """Radians and metres."""
        return float(self.angle.max(initial=0.0)), float(self.distance.max(initial=0.0))


def misses(rotations: Array, path: Array, fps: float, poses: Poses) -> Misses:
    """Errors of a motion, local ``rotations`` (T, J, 4) and ``path`` (T, 3), at the keys' times."""
    turn, way = _errors(rotations, path, fps, poses)
    return Misses(np.linalg.norm(turn, axis=-1), np.linalg.norm(way, axis=-1))


def fitted(rotations: Array, path: Array, fps: float, poses: Poses, ends: bool = True) -> tuple[Array, Array]:
    """The motion (T, J, 4) and (T, 3) with its keys met; ``ends``: the first two and the last two frames stay as they
    are, but where a key falls on them. Joints without a key are returned bit for bit.

    Keys outside the motion are left out. Two keys between the same two frames cannot both be met, since a motion goes
    straight from frame to frame: the answer then lies between them.
    """
    rotations, path = np.array(rotations, dtype=np.float64), np.array(path, dtype=np.float64)
    frames = len(path)
    inside = (poses.time >= -1e-9) & (poses.time * fps <= frames - 1 + 1e-6)
    poses = Poses(*(np.asarray(x)[inside] for x in (poses.time, poses.rotations, poses.path, poses.mask)))
    groups = _groups(poses.mask)
    bends = [_bend(poses.time[keys] * fps, frames, REACH * fps, ends) for keys, _ in groups]
    for _ in range(ROUNDS):
        turn, way = _errors(rotations, path, fps, poses)
        if not max(np.abs(turn).max(initial=0.0), np.abs(way).max(initial=0.0)) > CLOSE:
            break
        for (keys, joints), bend in zip(groups, bends, strict=True):
            bent = bend.through(turn[np.ix_(keys, joints)].reshape(len(keys), -1)).reshape(frames, len(joints), 3)
            turned = rot.multiply(rotations[:, joints], rot.from_rotation_vector(bent))
            rotations[:, joints] = rot.normalise(turned)
            if joints[0] == 0:
                path = path + bend.through(way[keys])
    return rotations, path


def _errors(rotations: Array, path: Array, fps: float, poses: Poses) -> tuple[Array, Array]:
    """Rotation vectors (K, J, 3) and ways (K, 3) from the motion to its keys, 0 where nothing is keyed."""
    found, place = resample(rotations, path, fps, poses.time)
    turn = rot.to_rotation_vector(rot.multiply(rot.conjugate(found), poses.rotations))
    return turn * poses.mask[..., None], (poses.path - place) * poses.mask[:, :1]


def _groups(mask: Array) -> list[tuple[Array, Array]]:
    """Keys and joints (indices) that belong together: joints keyed at the same times share their bumps."""
    patterns: dict[bytes, list[int]] = {}
    for joint in range(mask.shape[1]):
        if mask[:, joint].any():
            patterns.setdefault(mask[:, joint].tobytes(), []).append(joint)
    return [(np.flatnonzero(mask[:, joints[0]]), np.array(joints)) for joints in patterns.values()]


def _bend(at: Array, frames: int, reach: float, ends: bool) -> Bend:
    """The bend through errors at ``at`` (K,) frames, not whole, and through nothing at the ends that shall stay."""
    still = np.array([0, 1, frames - 2, frames - 1], dtype=np.float64) if ends else np.zeros(0)
    still = np.unique(still[(still >= 0) & (still < frames)])
    if len(at):
        still = still[np.abs(still[:, None] - at).min(axis=1) >= 1.0]
    return Bend.of(at, still, frames, reach)
