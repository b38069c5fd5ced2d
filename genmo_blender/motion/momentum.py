"""Motion goes on from a pose as it came there: what a gap between keyed poses takes over from the motion beside it.

A network that is asked for one answer gives the mean of all that could follow, and a mean leaves a pose more slowly
than it was reached. How fast it was reached is known where the frame before is keyed too. Right after such a pose,
motion is nearest to a cubic that goes on at that speed; a third of a second later speed says little and the network
says more. So near such poses the answer is mixed with the cubic, by a share that fades (numpy alone, no loop over
frames or joints).
"""

from __future__ import annotations

import numpy as np

from . import rotations as rot
from .keyed import KeyFrames

Array = np.ndarray
FADES = 8.0
"""Frames at 30 a second in which the share falls to a third; chosen on training clips."""


def carried(rotations: Array, path: Array, keys: KeyFrames) -> tuple[Array, Array]:
    """An answer, local rotations (T, 22, 4) and path (T, 3), that leaves and reaches the poses of ``keys`` as fast as
    they do themselves where that is known. Nothing changes at known frames, nor before the first and after the last.
    """
    known = keys.known
    joints = np.arange(known.shape[1])
    found, share = _cubic(keys.rotations, known, joints)
    found = rot.normalise(found)
    sign = np.where(np.sum(found * rotations, axis=-1, keepdims=True) < 0, -1.0, 1.0)
    mixed = rot.normalise(rotations + share[..., None] * (sign * found - rotations))
    way, part = _cubic(keys.path[:, None], known[:, :1], joints[:1])
    return np.where(share[..., None] > 0, mixed, rotations), path + part * (way[:, 0] - path)


def _cubic(values: Array, known: Array, joints: Array) -> tuple[Array, Array]:
    """The cubic (T, J, C) between neighbouring known values, and its share (T, J); 0 where neither end has a speed."""
    frames, last = len(known), len(known) - 1
    frame = np.arange(frames)[:, None]
    before = np.maximum.accumulate(np.where(known, frame, -1), axis=0)
    after = np.minimum.accumulate(np.where(known, frame, frames)[::-1], axis=0)[::-1]
    inside = ~known & (before >= 0) & (after < frames)
    a, b = np.clip(before, 0, last), np.clip(after, 0, last)
    first, end = values[a, joints], values[b, joints]
    end = end * _sign(first, end)
    came = inside & (a > 0) & known[np.maximum(a - 1, 0), joints]
    goes = inside & (b < last) & known[np.minimum(b + 1, last), joints]
    earlier, later = values[np.maximum(a - 1, 0), joints], values[np.minimum(b + 1, last), joints]
    span = np.maximum(b - a, 1)[..., None]
    leave = np.where(came[..., None], first - earlier * _sign(first, earlier), 0.0) * span
    arrive = np.where(goes[..., None], later * _sign(end, later) - end, 0.0) * span
    s = ((frame - a) / span[..., 0])[..., None]
    cubic = first + (end - first) * s**2 * (3 - 2 * s) + leave * s * (1 - s) ** 2 - arrive * s**2 * (1 - s)
    from_first = np.where(came, np.exp((a - frame) / FADES), 0.0)
    from_end = np.where(goes, np.exp((frame - b) / FADES), 0.0)
    return cubic, 1.0 - (1.0 - from_first) * (1.0 - from_end)


def _sign(one: Array, other: Array) -> Array:
    """-1 where quaternions lie on opposite sides, so that their difference is the short way; 1 for places."""
    if one.shape[-1] != 4:
        return np.ones(())
    return np.where(np.sum(one * other, axis=-1, keepdims=True) < 0, -1.0, 1.0)
