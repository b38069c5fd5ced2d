"""Taking jitter out of a motion without moving it in time (mini_model.md, "First tries"): numpy alone.

The filter minimises distance plus the squared third difference, that is jerk; it is symmetric, so nothing lags, and as
sharp as jitter allows, so that steps and strikes keep their speed.
"""

from __future__ import annotations

import numpy as np

from ...motion import rotations as rot
from ...motion.kinematics import joint_positions
from ...motion.skeleton import canonical

Array = np.ndarray
FPS = 30.0
REAL_JERK = 130.0
"""Mean joint jerk of recorded people in m/s^3 (mini_model.md); what is calmer than this is left as it is."""
# Half-amplitude frequencies in Hz, gentlest first; below the last one strikes and steps would go soft.
CUTOFFS = (13.0, 11.0, 9.5, 8.0, 7.0, 6.0, 5.0)
_RADIUS = 24  # frames; the response has died down long before


def taps(cutoff: float) -> Array:
    """Symmetric filter (49,) that halves ``cutoff`` Hz at 30 frames a second and keeps straight lines."""
    frequency = np.fft.rfftfreq(256) * np.pi
    response = 1.0 / (1.0 + (np.sin(frequency) / np.sin(np.pi * cutoff / FPS)) ** 6)
    kernel = np.fft.irfft(response)
    kernel = np.concatenate([kernel[-_RADIUS:], kernel[: _RADIUS + 1]])
    return kernel / kernel.sum()


def filter_time(x: Array, kernel: Array) -> Array:
    """A symmetric kernel along the first axis of (T, ...); ends go on as their own point reflection."""
    if len(x) < 2:
        return x.copy()
    radius = len(kernel) // 2
    padded = np.pad(x, [(radius, radius), *[(0, 0)] * (x.ndim - 1)], mode="reflect", reflect_type="odd")
    out = np.zeros_like(x)
    for i, tap in enumerate(kernel):
        out += tap * padded[i : i + len(x)]
    return out


def mean_jerk(joints: Array) -> float:
    """Mean length of the third derivative of joints (T, J, 3), m/s^3; 0 under four frames."""
    third = np.diff(joints, n=3, axis=0) * FPS**3
    return float(np.linalg.norm(third, axis=-1).mean()) if len(third) else 0.0


def calm(rotations: Array, transl: Array) -> tuple[Array, Array]:
    """Local rotations (T, 22, 4) and pelvis path (T, 3), smoothed just as far as real people's jerk asks."""
    skeleton = canonical()
    rotations = rot.continuous(rotations)
    smooth = rotations, transl
    for cutoff in CUTOFFS:
        if mean_jerk(joint_positions(skeleton, *smooth)) <= REAL_JERK:
            break
        kernel = taps(cutoff)
        smooth = rot.normalise(filter_time(rotations, kernel)), filter_time(transl, kernel)
    return smooth
