"""Smooth that keeps what must stay: feet stand where they stood, quick reaches keep their length (numpy alone).

A symmetric low-pass of the third difference, so nothing lags. Where an arm or a leg reaches out quickly, the original
is brought back just as far as its reach needs; contacts are locked afterwards.
"""

from __future__ import annotations

from enum import Enum

import numpy as np

from . import rotations as rot
from .contacts import Bars, flags_of
from .feet import plausible
from .kinematics import joint_positions
from .locking import locked
from .planting import lowest_sole
from .skeleton import canonical
from .smooth import filter_time

Array = np.ndarray
KEPT = 0.975
"""Share of its length that a quick reach keeps at least; product.md asks for 97 %."""
LIMBS = ((16, 20), (17, 21), (1, 7), (2, 8))
"""Shoulder and wrist, hip and ankle."""
STANDS_OUT = 0.08
"""Metres by which a reach stands out of the third of a second about it."""
_NEAR = 1.0 / 3.0  # s about a reach within which it must stand out
_BESIDE = 0.07  # s by which its top may move
_FULL, _FADE = 0.1, 0.35  # s about it where the original is back in full, and where nothing of it is
_SHARES = (0.5, 0.75, 0.9, 1.0)


class Strength(Enum):
    """Half-amplitude frequency in Hz."""

    LIGHT = 9.0
    MEDIUM = 6.0
    STRONG = 3.5


def kernel(cutoff: float, fps: float) -> Array:
    """Symmetric taps that halve ``cutoff`` Hz at ``fps`` and keep straight lines; one tap where it is too high."""
    if cutoff >= 0.45 * fps:
        return np.ones(1)
    frequency = np.fft.rfftfreq(4096) * np.pi
    taps = np.fft.irfft(1.0 / (1.0 + (np.sin(frequency) / np.sin(np.pi * cutoff / fps)) ** 6))
    radius = min(int(np.ceil(4.0 * fps / cutoff)), 2000)
    taps = np.concatenate([taps[-radius:], taps[: radius + 1]])
    return taps / taps.sum()


def smoothed(rotations: Array, path: Array, fps: float, bars: Bars, strength: Strength) -> tuple[Array, Array]:
    """Local rotations (T, 22, 4) and path (T, 3) metres, calmed; feet stand still in their bars. Ends stay."""
    rotations = rot.continuous(np.asarray(rotations, dtype=np.float64))
    path = np.asarray(path, dtype=np.float64)
    taps = kernel(strength.value, fps)
    reach = min(len(taps) // 2, len(path) - 1)
    taps = taps[len(taps) // 2 - reach : len(taps) // 2 + reach + 1]
    if len(taps) < 3:
        return rotations, path
    taps = taps / taps.sum()
    calm = rot.normalise(filter_time(rotations, taps)), filter_time(path, taps)
    q, p = _reaching((rotations, path), calm, fps)
    flags = flags_of(bars, len(path))[:, :4] & plausible(joint_positions(canonical(), rotations, path), fps)
    if flags.any():
        q, p = locked(q, p, fps, flags, lowest_sole(rotations, path), flat=False)
    return rot.continuous(q), p


def reaches(joints: Array, fps: float) -> list[tuple[int, int]]:
    """Limb and frame of every quick reach in joints (T, 22, 3)."""
    near, found = max(round(_NEAR * fps), 2), []
    for limb, length in enumerate(_lengths(joints)):
        padded = np.pad(length, near, mode="edge")
        windows = np.lib.stride_tricks.sliding_window_view(padded, near + 1)
        before, after = windows[: len(length)], windows[near:]
        least = np.maximum(before.min(axis=1), after.min(axis=1))
        top = (length >= before.max(axis=1)) & (length > after[:, 1:].max(axis=1))
        inside = np.arange(len(length))
        top &= (length - least > STANDS_OUT) & (inside > 2) & (inside < len(length) - 3)
        found += [(limb, int(t)) for t in np.flatnonzero(top)]
    return found


def reach_kept(before: Array, after: Array, fps: float) -> Array:
    """For each of `reaches` of joints ``before`` the share of its length in joints ``after``, (R,)."""
    old, new = _lengths(before), _lengths(after)
    beside = max(round(_BESIDE * fps), 1)
    return np.array(
        [new[limb][max(t - beside, 0) : t + beside + 1].max() / old[limb][t] for limb, t in reaches(before, fps)]
    )


def _lengths(joints: Array) -> list[Array]:
    return [np.linalg.norm(joints[:, tip] - joints[:, base], axis=-1) for base, tip in LIMBS]


def _reaching(old: tuple[Array, Array], calm: tuple[Array, Array], fps: float) -> tuple[Array, Array]:
    """The calm motion with as much of the old one about each quick reach as that needs."""
    before = joint_positions(canonical(), *old)
    found, frames = reaches(before, fps), np.arange(len(old[1]))
    needed, back = np.zeros(len(found)), np.zeros(len(frames))
    now = calm
    for share in _SHARES:
        short = reach_kept(before, joint_positions(canonical(), *now), fps) < KEPT
        if not short.any():
            break
        needed[short] = share
        for (_, t), amount in zip(found, needed, strict=True):
            away = np.clip((np.abs(frames - t) / fps - _FULL) / (_FADE - _FULL), 0.0, 1.0)
            back = np.maximum(back, amount * (1.0 - away**2 * (3.0 - 2.0 * away)))
        now = (
            rot.normalise(calm[0] + back[:, None, None] * (old[0] - calm[0])),
            calm[1] + back[:, None] * (old[1] - calm[1]),
        )
    return now
