"""What the network is told of the start: the person faces straight ahead at the first frame and goes anywhere.

The 14 numbers of `root_goal` where one root is known, at frame 0 (engine/conditions/root_goals.py defines them all):
the cosine of its heading 0, the logarithm of the frames since, and that there is such a root.
"""

from __future__ import annotations

import numpy as np

from ..model.config import ROOT_GOAL_DIM
from .layers import Array

_COSINE, _SINCE, _KNOWN = 4, 5, 6
_TIME_SCALE = 4.0


def start_goals(frames: int, window: int) -> Array:
    """(1, ``frames``, 14), told for as long as training windows are: ``window`` frames, zero afterwards."""
    goals = np.zeros((1, frames, ROOT_GOAL_DIM), dtype=np.float32)
    told = min(frames, window)
    goals[0, :told, _COSINE] = goals[0, :told, _KNOWN] = 1.0
    goals[0, :told, _SINCE] = np.log1p(np.arange(told, dtype=np.float32)) / np.float32(_TIME_SCALE)
    return goals
