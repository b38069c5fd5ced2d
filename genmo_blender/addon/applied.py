"""Whether a character's rest pose is still that of the body that motion is made for.

*Apply Scale* and *Apply Rotation* write the object's size and turn into the bones. Motion keyed onto them would float
above the floor, or walk sideways: the object carries size and turn, its bones do not.
"""

from __future__ import annotations

import math

import bpy
import numpy as np

from ..motion import frames
from ..motion.skeleton import canonical
from ..protocol.failures import GenmoFailure
from . import character, sentences

LARGEST = 1.1
"""How many times as large, or as small, the bones may be: a limb that was lengthened by hand is no applied scale."""
TURN = math.radians(5)


def obstacle(target: bpy.types.Object) -> GenmoFailure | None:
    """Why motion does not fit onto the bones as they rest, or None. All 22 bones must be there."""
    heads = np.array([target.data.bones[name].head_local for name in character.body_names()], dtype=np.float64)
    size, turn = similarity(frames.points_to_blender(canonical().rest), heads)
    if not 1 / LARGEST <= size <= LARGEST:
        return sentences.scale_applied(target.name, size)
    if turn > TURN:
        return sentences.rotation_applied(target.name, math.degrees(turn))
    return None


def similarity(model: np.ndarray, points: np.ndarray) -> tuple[float, float]:
    """How many times as large ``points`` (N, 3) are as ``model`` (N, 3), and the angle in radians by which they are
    turned from it (Kabsch 1976; Umeyama 1991)."""
    a, b = (part - part.mean(axis=0) for part in (model, points))
    u, _, vt = np.linalg.svd(b.T @ a)
    flip = np.array([1.0, 1.0, np.linalg.det(u @ vt)])
    turn = (u * flip) @ vt
    angle = math.acos(min(1.0, max(-1.0, (float(np.trace(turn)) - 1) / 2)))
    return math.sqrt(float((b**2).sum() / (a**2).sum())), angle
