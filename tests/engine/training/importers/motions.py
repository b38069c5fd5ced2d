"""A real motion of the tests' data, in the clothes of other data sets."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import numpy as np

from genmo_blender.engine.training.importers import shards
from genmo_blender.engine.training.samples import Clip
from genmo_blender.motion import frames, kinematics, rotations
from genmo_blender.motion.resampling import resample
from genmo_blender.motion.skeleton import canonical

DATA = Path(__file__).parents[3] / "data" / "motion"


@lru_cache(maxsize=1)
def walk() -> Clip:
    """A walk of two and a half seconds."""
    clips = [c for c in shards.load(DATA) if c.frames >= 60 and "walk" in c.tags]
    clip = max(clips, key=lambda c: np.linalg.norm(c.transl[59] - c.transl[0]))
    return replace(clip, rotations=clip.rotations[:76], transl=clip.transl[:76])


def smpl_arrays(fps, z_up, joints=52):
    """``poses`` (T, joints x 3) and ``trans`` (T, 3) of the walk at ``fps``, as SMPL's sets keep them."""
    clip = walk()
    times = np.arange(int((clip.frames - 1) / 30 * fps + 1e-6) + 1) / fps
    local, path = resample(clip.rotations.astype(np.float64), clip.transl.astype(np.float64), 30, times)
    if z_up:
        path = frames.points_to_blender(path)
        turn = np.broadcast_to(frames.Y_TO_Z_UP, local[:, 0].shape)
        local[:, 0] = rotations.multiply(turn, local[:, 0])
    vectors = np.zeros((len(path), joints, 3))
    vectors[:, :22] = rotations.to_rotation_vector(local)
    vectors[:, 22:] = 0.3  # hands, which are ignored
    # Its pelvis rests elsewhere: translations are off by a constant.
    return vectors.reshape(len(path), -1), path + [0.002, -0.223, 0.028]


def same_motion(clip, first=0, length=None, degrees=0.5):
    """Whether a clip is the walk from frame ``first`` on: turns, and the way of the pelvis from its first frame."""
    wanted = walk()
    length = clip.frames if length is None else length
    rows = slice(first, first + length)
    q, p = wanted.rotations[rows].astype(np.float64), wanted.transl[rows]
    assert clip.frames == length and clip.rotations.dtype == clip.transl.dtype == np.float32
    turn = rotations.multiply(rotations.conjugate(clip.rotations.astype(np.float64)), q)
    assert np.degrees(np.linalg.norm(rotations.to_rotation_vector(turn), axis=-1)).max() < degrees
    assert np.abs((clip.transl - clip.transl[0]) - (p - p[0])).max() < 5e-3
    assert np.all(np.sum(clip.rotations[1:] * clip.rotations[:-1], -1) >= 0)
    assert abs(sole_height(clip)) < 0.03
    return True


def sole_height(clip):
    joints = kinematics.joint_positions(canonical(), clip.rotations, clip.transl)
    return float(np.median((joints[:, [10, 11], 1] - canonical().rest[[10, 11], 1]).min(axis=1)))
