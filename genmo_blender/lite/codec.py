"""The 151-D motion code (spec 4.1 to 4.6): made from keyed poses, taken apart, and rolled out in a world whose camera
does not move."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..model.config import BETAS
from ..motion import rotations as rot
from .layers import Array

BODY_POSE = slice(0, 126)  # joints 1..21, 6-D each
GLOBAL_ORIENT = slice(136, 142)  # camera frame
GLOBAL_ORIENT_GV = slice(142, 148)  # gravity-view frame
LOCAL_TRANSL_VEL = slice(148, 151)  # metres a frame, in the root's frame


@dataclass(frozen=True, eq=False)
class Statistics:
    """Mean and divisor of each channel of the code, (151,) each: part of a checkpoint."""

    mean: Array
    std: Array

    def denormalise(self, code: Array) -> Array:
        """What the network sees (..., 151) -> the raw code."""
        return code * self.std + self.mean


@dataclass(frozen=True, eq=False)
class WorldMotion:
    """Float64: ``rotations`` (B, L, 22, 4) quaternions, the pelvis's in the y-up world; ``transl`` (B, L, 3) metres
    from the first frame; ``betas`` (B, 10)."""

    rotations: Array
    transl: Array
    betas: Array


def encode(body: Array, root_camera: Array, root_gv: Array, path: Array, statistics: Statistics) -> Array:
    """Quaternions (L, 21, 4), of the root in both frames (L, 4), and its path (L, 3) in the gravity view -> the
    normalised code (L, 151), without a shape. The last step is repeated."""
    step = np.diff(path, axis=0)
    step = rot.rotate(rot.conjugate(root_gv), np.concatenate([step, step[-1:]]))
    parts = [rot.to_6d(body).reshape(len(body), -1), np.zeros((len(body), 10)), rot.to_6d(root_camera)]
    code = np.concatenate([*parts, rot.to_6d(root_gv), step], axis=-1)
    return (code - statistics.mean) / statistics.std


def decode(code: Array, mean: Array, std: Array, view_down: bool = False) -> WorldMotion:
    """Normalised code (B, L, 151) and its statistics (151,) -> motion.

    A camera that does not move has the gravity-view frame as its world (spec 4.8); ``view_down`` for weights whose y
    axis points down in it (spec 5.1 D2).
    """
    raw = code.astype(np.float64) * std + mean
    body = rot.from_6d(raw[..., BODY_POSE].reshape(*raw.shape[:-1], 21, 6))
    root = rot.from_6d(raw[..., GLOBAL_ORIENT_GV])
    if view_down:  # half a turn about z
        half_turn = np.broadcast_to(np.array([0.0, 0.0, 0.0, 1.0]), root.shape)
        root = rot.multiply(half_turn, root)
    step = rot.rotate(root, raw[..., LOCAL_TRANSL_VEL])
    rotations = np.concatenate([root[..., None, :], body], axis=-2)
    return WorldMotion(rotations, np.cumsum(step, axis=1) - step, raw[..., BETAS].mean(axis=1))
