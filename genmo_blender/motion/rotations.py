"""Rotations: unit quaternions (w first), matrices acting on column vectors, rotation vectors and 6D (spec 4.2).

Every function takes arrays with any leading axes and returns float64 unless the input is float32 throughout.
6D is the first two rows of the matrix, flattened.
"""

from __future__ import annotations

import numpy as np

Array = np.ndarray
IDENTITY = np.array([1.0, 0.0, 0.0, 0.0])


def normalise(v: Array, eps: float = 1e-12) -> Array:
    """Vectors (..., n) scaled to length one; a zero vector stays zero."""
    return v / np.maximum(np.linalg.norm(v, axis=-1, keepdims=True), eps)


def multiply(a: Array, b: Array) -> Array:
    """Quaternion product a * b (..., 4): rotate by b first, then by a."""
    aw, ax, ay, az = np.moveaxis(a, -1, 0)
    bw, bx, by, bz = np.moveaxis(b, -1, 0)
    return np.stack(
        [
            aw * bw - ax * bx - ay * by - az * bz,
            aw * bx + ax * bw + ay * bz - az * by,
            aw * by - ax * bz + ay * bw + az * bx,
            aw * bz + ax * by - ay * bx + az * bw,
        ],
        axis=-1,
    )


def conjugate(q: Array) -> Array:
    """The inverse rotation of unit quaternions (..., 4)."""
    return q * np.array([1.0, -1.0, -1.0, -1.0], dtype=q.dtype)


def rotate(q: Array, v: Array) -> Array:
    """Vectors v (..., 3) turned by unit quaternions q (..., 4)."""
    w, u = q[..., :1], q[..., 1:]
    t = 2.0 * np.cross(u, v)
    return v + w * t + np.cross(u, t)


def to_matrix(q: Array) -> Array:
    """Unit quaternions (..., 4) -> matrices (..., 3, 3)."""
    w, x, y, z = np.moveaxis(q, -1, 0)
    rows = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
        [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
        [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
    ]
    return np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)


def from_matrix(m: Array) -> Array:
    """Rotation matrices (..., 3, 3) -> unit quaternions (..., 4) with w >= 0 (spec 4.2, best of four candidates)."""
    d0, d1, d2 = m[..., 0, 0], m[..., 1, 1], m[..., 2, 2]
    squares = np.stack([1 + d0 + d1 + d2, 1 + d0 - d1 - d2, 1 - d0 + d1 - d2, 1 - d0 - d1 + d2], axis=-1)
    a, b, c = m[..., 2, 1] - m[..., 1, 2], m[..., 0, 2] - m[..., 2, 0], m[..., 1, 0] - m[..., 0, 1]
    d, e, f = m[..., 1, 0] + m[..., 0, 1], m[..., 0, 2] + m[..., 2, 0], m[..., 1, 2] + m[..., 2, 1]
    s0, s1, s2, s3 = np.moveaxis(squares, -1, 0)
    candidates = np.stack(
        [
            np.stack([s0, a, b, c], axis=-1),
            np.stack([a, s1, d, e], axis=-1),
            np.stack([b, d, s2, f], axis=-1),
            np.stack([c, e, f, s3], axis=-1),
        ],
        axis=-2,
    )
    best = np.argmax(squares, axis=-1)[..., None, None]
    q = normalise(np.take_along_axis(candidates, best, axis=-2)[..., 0, :])
    return np.where(q[..., :1] < 0, -q, q)


def from_rotation_vector(v: Array) -> Array:
    """Rotation vectors (..., 3), radians -> unit quaternions (..., 4)."""
    angle = np.linalg.norm(v, axis=-1, keepdims=True)
    # sin(a/2)/a through sinc, which is exact at zero.
    return np.concatenate([np.cos(angle / 2), 0.5 * np.sinc(angle / (2 * np.pi)) * v], axis=-1)


def to_rotation_vector(q: Array) -> Array:
    """Unit quaternions (..., 4) -> rotation vectors (..., 3) of the shorter way, |v| <= pi."""
    q = np.where(q[..., :1] < 0, -q, q)
    n = np.linalg.norm(q[..., 1:], axis=-1, keepdims=True)
    half = np.arctan2(n, q[..., :1])
    return q[..., 1:] / (0.5 * np.sinc(half / np.pi))


def to_6d(q: Array) -> Array:
    """Unit quaternions (..., 4) -> 6D (..., 6): first two rows of the matrix (spec 4.2)."""
    return to_matrix(q)[..., :2, :].reshape(*q.shape[:-1], 6)


def from_6d(x: Array) -> Array:
    """6D (..., 6), any scale -> unit quaternions (..., 4), by Gram-Schmidt on the two rows (spec 4.2)."""
    a, b = x[..., :3], x[..., 3:]
    r0 = normalise(a)
    r1 = normalise(b - np.sum(r0 * b, axis=-1, keepdims=True) * r0)
    return from_matrix(np.stack([r0, r1, np.cross(r0, r1)], axis=-2))


def between(a: Array, b: Array) -> Array:
    """The least rotation (..., 4) that takes direction a to direction b (..., 3)."""
    a, b = normalise(a), normalise(b)
    w = 1.0 + np.sum(a * b, axis=-1, keepdims=True)
    q = np.concatenate([w, np.cross(a, b)], axis=-1)
    # Opposite directions: any axis across a will do.
    across = np.cross(a, np.where(np.abs(a[..., :1]) < 0.9, [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]))
    half_turn = np.concatenate([np.zeros_like(w), normalise(across)], axis=-1)
    return normalise(np.where(w < 1e-8, half_turn, q))


def slerp(a: Array, b: Array, t: Array) -> Array:
    """Spherical interpolation of unit quaternions (..., 4) along the shorter way; t broadcast over (...)."""
    t = np.asarray(t)
    dot = np.einsum("...i,...i->...", a, b)
    angle = np.arccos(np.minimum(np.abs(dot), 1.0))
    near = angle < 1e-6
    safe = np.where(near, 1.0, np.sin(angle))
    wa = np.where(near, 1.0 - t, np.sin((1.0 - t) * angle) / safe)
    wb = np.where(near, t, np.sin(t * angle) / safe) * np.where(dot < 0, -1.0, 1.0)
    q = wa[..., None] * a + wb[..., None] * b
    return q / np.sqrt(np.einsum("...i,...i->...", q, q))[..., None]


def continuous(q: Array) -> Array:
    """Quaternions (T, ..., 4) with signs chosen so that no step flips (each dot with the one before >= 0)."""
    if len(q) < 2:
        return q.copy()
    flip = np.sum(q[1:] * q[:-1], axis=-1) < 0
    sign = np.where(np.cumsum(flip, axis=0) % 2 == 1, -1.0, 1.0).astype(q.dtype)
    return np.concatenate([q[:1], q[1:] * sign[..., None]], axis=0)


def about_y(angle: Array | float) -> Array:
    """Quaternions (..., 4) that turn by ``angle`` radians about +Y (counter-clockwise seen from above)."""
    half = np.asarray(angle, dtype=np.float64) / 2
    zero = np.zeros_like(half)
    return np.stack([np.cos(half), zero, np.sin(half), zero], axis=-1)


def heading(q: Array) -> Array:
    """Heading (...) in radians of world rotations (..., 4): the angle about +Y of where the body's +Z looks.

    0 looks along +Z, +pi/2 along +X. For a body lying flat the direction of its +Z may vanish; then the angle is that
    of the tiny remainder and should not be trusted.
    """
    forward = rotate(q, np.broadcast_to(np.array([0.0, 0.0, 1.0]), (*q.shape[:-1], 3)))
    return np.arctan2(forward[..., 0], forward[..., 2])
