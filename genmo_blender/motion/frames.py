"""The only place where Y up (model) meets Z up (Blender).

Model: +Y up, a character at rest looks along +Z, +X is its left. Blender: +Z up, ours looks along -Y, +X its left.
So a model point (x, y, z) is Blender's (x, -z, y): a quarter turn about X.
"""

from __future__ import annotations

import math

import numpy as np

from .rotations import Array, conjugate, multiply

Y_TO_Z_UP = np.array([math.sqrt(0.5), math.sqrt(0.5), 0.0, 0.0])
"""Quaternion of the quarter turn that takes model axes to Blender axes."""


def points_to_blender(points: Array) -> Array:
    """Model points (..., 3) -> Blender axes."""
    return np.stack([points[..., 0], -points[..., 2], points[..., 1]], axis=-1)


def points_to_model(points: Array) -> Array:
    """Blender points (..., 3) -> model axes."""
    return np.stack([points[..., 0], points[..., 2], -points[..., 1]], axis=-1)


def rotations_to_blender(q: Array) -> Array:
    """Rotations (..., 4) in model axes -> the same turns in Blender axes (conjugation by the quarter turn)."""
    turn = Y_TO_Z_UP.astype(q.dtype)
    return multiply(multiply(np.broadcast_to(turn, q.shape), q), np.broadcast_to(conjugate(turn), q.shape))


def rotations_to_model(q: Array) -> Array:
    """Inverse of `rotations_to_blender`."""
    turn = conjugate(Y_TO_Z_UP.astype(q.dtype))
    return multiply(multiply(np.broadcast_to(turn, q.shape), q), np.broadcast_to(conjugate(turn), q.shape))
