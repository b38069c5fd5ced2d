"""A small character and motions of it."""

import numpy as np

from genmo_blender.motion import rotations as rot
from genmo_blender.motion.reducing.body import body_of

FPS = 24.0
PARENTS = (-1, 0, 1, 2, 0, 4)
OFFSETS = np.array([[0, 0, 0], [0.1, 0, 0], [0, -0.4, 0], [0, -0.4, 0.05], [0, 0.5, 0], [0, 0.2, 0]], float)
"""A pelvis with a leg (1, 2, 3) and a spine (4, 5)."""
BODY = body_of(PARENTS, OFFSETS)


def motion(frames: int, seed: int, size: float = 0.4) -> tuple[np.ndarray, np.ndarray]:
    """Bones that swing smoothly, each at its own pace: rotations (T, 6, 4), path (T, 3)."""
    rng = np.random.default_rng(seed)
    t = np.arange(frames)[:, None, None] / FPS
    pace, phase = rng.uniform(0.2, 2.0, (2, 1, 6, 3))
    vectors = size * rng.uniform(-1, 1, (1, 6, 3)) * np.sin(2 * np.pi * (pace * t + phase))
    path = np.cumsum(rng.normal(0, 0.003, (frames, 3)), axis=0)
    return rot.continuous(rot.from_rotation_vector(vectors)), path
