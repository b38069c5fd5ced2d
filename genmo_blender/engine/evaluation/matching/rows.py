"""What the evaluator sees of a motion: joints as the body itself sees them, wherever it stands and looks.

A row of `WIDTH` numbers for each frame, in axes that turn with the body's heading: height of the pelvis; its velocity
(3) and the turn of the heading (1); all joints from the point under the pelvis (66); their velocities (66). Metres,
radians, a second; y up.
"""

from __future__ import annotations

import numpy as np

from ....motion import rotations
from ..rule_checks import FPS, PELVIS, facing

Array = np.ndarray
WIDTH = 5 + 2 * 66
EVERY = 2
"""Of 30 frames a second, those that count; velocities are of neighbouring frames all the same, so jerks are seen."""
FRAMES = 120


def motion_rows(joints: Array) -> Array:
    """World joints (T, 22, 3) on the floor -> (T, `WIDTH`) float32; at least two frames."""
    joints = np.asarray(joints, dtype=np.float64)
    ahead = facing(joints)[0]
    heading = np.unwrap(np.arctan2(ahead[:, 0], ahead[:, 2]))
    back = rotations.about_y(-heading)
    under = joints[:, PELVIS] * [1.0, 0.0, 1.0]
    velocity = _steps(joints) * FPS
    local, moving = (
        rotations.rotate(np.broadcast_to(back[:, None], (*x.shape[:-1], 4)), x)
        for x in (joints - under[:, None], velocity)
    )
    turning = _steps(heading[:, None]) * FPS
    parts = [local[:, PELVIS, 1:2], moving[:, PELVIS], turning, local.reshape(len(joints), -1)]
    return np.concatenate([*parts, moving.reshape(len(joints), -1)], axis=1).astype(np.float32)


def _steps(values: Array) -> Array:
    """To the next frame; the last one's is that before it."""
    step = np.diff(values, axis=0)
    return np.concatenate([step, step[-1:]])
