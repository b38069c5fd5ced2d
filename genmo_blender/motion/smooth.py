"""Taking jitter out of a motion without moving it in time (mini_model.md, "First tries"): numpy alone.

The filter minimises distance plus the squared third difference, that is jerk; it is symmetric, so nothing lags. At each
moment it is as gentle as the jerk of recorded people at that pace allows: strikes keep their speed, standing is still.
"""

from __future__ import annotations

import numpy as np

from ..motion import rotations as rot
from .kinematics import joint_positions
from .skeleton import canonical

Array = np.ndarray
FPS = 30.0
# Of 346 recorded clips on this skeleton: mean joint jerk is 321 m/s^3 for each m/s of mean joint speed about the pelvis
# (correlation 0.90); the floor is what a person who stands has.
JERK_PER_SPEED = 320.0
LEAST_JERK = 60.0
# Half-amplitude frequencies in Hz, gentlest first; below the last one strikes and steps would go soft.
CUTOFFS = (13.0, 11.0, 9.5, 8.0, 7.0, 6.0, 5.0)
_RADIUS = 24  # frames; the response has died down long before
_MOMENT = 10.0  # frames: what counts as the same moment


def taps(cutoff: float) -> Array:
    """Symmetric filter (49,) that halves ``cutoff`` Hz at 30 frames a second and keeps straight lines."""
    frequency = np.fft.rfftfreq(256) * np.pi
    response = 1.0 / (1.0 + (np.sin(frequency) / np.sin(np.pi * cutoff / FPS)) ** 6)
    kernel = np.fft.irfft(response)
    kernel = np.concatenate([kernel[-_RADIUS:], kernel[: _RADIUS + 1]])
    return kernel / kernel.sum()


def gaussian(sigma: float) -> Array:
    """Normalised Gaussian of radius 3 sigma."""
    x = np.arange(-round(3 * sigma), round(3 * sigma) + 1)
    kernel = np.exp(-0.5 * (x / sigma) ** 2)
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


def filter_held(series: Array, kernel: Array) -> Array:
    """A symmetric kernel along (T,) whose ends are held."""
    return np.convolve(np.pad(series, len(kernel) // 2, mode="edge"), kernel, mode="valid")


def _mean_length(differences: Array, frames: int) -> Array:
    """Mean over joints of the lengths of differences (T - n, J, 3), about the moment of each of ``frames`` frames."""
    lengths = np.linalg.norm(differences, axis=-1).mean(-1)
    missing = frames - len(lengths)
    lengths = np.pad(lengths, (missing // 2, missing - missing // 2), mode="edge")
    return filter_held(lengths, gaussian(_MOMENT))


def jerk(joints: Array) -> Array:
    """Mean joint jerk about each moment of (T, J, 3), T >= 4: (T,) m/s^3."""
    return _mean_length(np.diff(joints, n=3, axis=0) * FPS**3, len(joints))


def natural_jerk(joints: Array) -> Array:
    """What a recorded person of that pace has about each moment of joints (T, J, 3), J pelvis first: (T,) m/s^3."""
    speed = _mean_length(np.diff(joints - joints[:, :1], axis=0) * FPS, len(joints))
    return np.maximum(JERK_PER_SPEED * speed, LEAST_JERK)


def calm(rotations: Array, transl: Array) -> tuple[Array, Array]:
    """Local rotations (T, 22, 4) and pelvis path (T, 3), smoothed at each moment just as far as real jerk asks."""
    skeleton, rotations = canonical(), rot.continuous(rotations)
    if len(transl) < 4:
        return rotations, transl
    versions = [(rotations, transl)]
    for cutoff in CUTOFFS:
        kernel = taps(cutoff)
        versions.append((rot.normalise(filter_time(rotations, kernel)), filter_time(transl, kernel)))
    joints = [joint_positions(skeleton, *version) for version in versions]
    # Jitter adds to the speed too, so the pace is read from the smoothest version.
    allowed = natural_jerk(joints[-1])
    level = np.sum([jerk(j) > allowed for j in joints[:-1]], axis=0).astype(float)
    level = filter_held(level, gaussian(_MOMENT))
    calmer = np.zeros_like(rotations), np.zeros_like(transl)
    for k, version in enumerate(versions):
        share = np.maximum(1.0 - np.abs(level - k), 0.0)
        calmer[0][...] += share[:, None, None] * version[0]
        calmer[1][...] += share[:, None] * version[1]
    return rot.normalise(calmer[0]), calmer[1]
