"""Where the floor is in a motion that does not say."""

from __future__ import annotations

import numpy as np

from .rotations import Array
from .skeleton import canonical

SOLE_JOINTS = (7, 8, 10, 11)


def sole_level(joints: Array, fps: float) -> float:
    """Height of planted soles in a clip (T, 22, 3): where the lowest sole is while it hardly moves.

    A sole's height is its joint's height above that joint's own rest height. Where no sole is ever still, a low
    percentile stands in.
    """
    rest = canonical().rest
    height = joints[:, SOLE_JOINTS, 1] - rest[list(SOLE_JOINTS), 1]
    speed = np.linalg.norm(np.gradient(joints[:, SOLE_JOINTS], axis=0), axis=-1) * fps
    lowest = np.argmin(height, axis=1)
    row = np.arange(len(joints))
    low, slow = height[row, lowest], speed[row, lowest] < 0.2
    return float(np.median(low[slow])) if slow.sum() >= 5 else float(np.percentile(low, 10))
