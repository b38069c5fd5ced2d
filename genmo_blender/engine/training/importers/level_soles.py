"""Soles that a data set's conversion left tilted, turned level: one turn for both feet of a performer.

Acclaim's skeletons spread the legs by 20 degrees in their zero pose and tilt the feet with them. A conversion that
takes the least rotation between bone directions leaves that tilt in: planted soles of the CMU clips of our shards stood
on their outer edges, by 18 degrees in the median clip. It is the same in all frames of a performer, so their planted
soles say what it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ....motion import kinematics, rotations
from ....motion.floor import sole_level
from ....motion.skeleton import canonical
from ..samples import Clip

Array = np.ndarray
FPS = 30
FEET = ((7, 10), (8, 11))
SLOW, LOW = 0.2, 0.06
"""Metres a second of ankle and toe, and metres of the toe above rest, of a sole that stands."""
LEAST_FRAMES = 30
LEAST, MOST = np.radians(3.0), np.radians(30.0)
"""Less is the person's or noise; more is not standing on soles (tiptoe)."""
_MIRRORED = np.array([-1.0, 1.0, 1.0])
_UP = np.array([0.0, 1.0, 0.0])


def levelled(clips: Sequence[Clip]) -> list[Clip]:
    """Clips of one performer, soles level and on the floor; as they were where these are level, or never stand."""
    up = np.concatenate([found for clip in clips for found in _planted(clip)])
    if len(up) < LEAST_FRAMES:
        return list(clips)
    normal = rotations.normalise(np.median(up, axis=0))
    if not LEAST < np.arccos(min(normal[1], 1.0)) < MOST:
        return list(clips)
    return [_turned(clip, rotations.between(_UP, normal)) for clip in clips]


def _planted(clip: Clip) -> list[Array]:
    """Up in the foot's own axes (N, 3) wherever a sole stands, of the left foot and, mirrored, of the right."""
    if clip.frames < 2:
        return [np.zeros((0, 3))]
    joints = clip.joints()
    world = kinematics.world_rotations(canonical(), clip.rotations.astype(np.float64))
    out = []
    for side, (ankle, toe) in enumerate(FEET):
        speed = np.linalg.norm(np.gradient(joints[:, [ankle, toe]], axis=0), axis=-1) * FPS
        stands = (speed < SLOW).all(axis=1) & (joints[:, toe, 1] - canonical().rest[toe, 1] < LOW)
        turns = rotations.conjugate(world[stands, ankle])
        up = rotations.rotate(turns, np.broadcast_to(_UP, (len(turns), 3)))
        out.append(up * _MIRRORED if side else up)
    return out


def _turned(clip: Clip, left: Array) -> Clip:
    """The clip with its left foot turned by ``left`` (4,) in its own axes and the right one by the mirror image."""
    local = clip.rotations.astype(np.float64)
    for (ankle, toe), turn in zip(FEET, (left, left * [1.0, 1.0, -1.0, -1.0]), strict=True):
        turns = np.broadcast_to(turn, local[:, ankle].shape)
        local[:, ankle] = rotations.multiply(local[:, ankle], turns)
        local[:, toe] = rotations.multiply(rotations.multiply(rotations.conjugate(turns), local[:, toe]), turns)
    joints = kinematics.joint_positions(canonical(), local, clip.transl.astype(np.float64))
    path = clip.transl - np.array([0.0, sole_level(joints, FPS), 0.0])
    return replace(clip, rotations=local.astype(np.float32), transl=path.astype(np.float32))
