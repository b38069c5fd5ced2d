"""Retime: a motion on another clock, its contacts kept (numpy alone).

A clock gives for each new frame the frame of the old motion that it shows, rising. Feet that stood stand, in bars that
went through the same clock; flights can keep their time, since gravity does not follow a slider.
"""

from __future__ import annotations

import numpy as np

from .contacts import Bars, FootMode, flags_of, on_clock
from .feet import plausible
from .kinematics import joint_positions
from .locking import locked
from .planting import flights, lowest_sole
from .resampling import resample_smoothly
from .skeleton import canonical
from .smooth import filter_held, gaussian
from .timing import rising

Array = np.ndarray
PACE = (0.4, 2.5)
"""How slow and how fast the ground may go so that flights keep their time; beyond, all goes evenly."""
_SOFT = 0.05  # s, over which the pace changes about a flight


def even(frames: int, wanted: int) -> Array:
    """The clock (wanted,) of ``frames`` frames that go evenly."""
    return np.linspace(0.0, frames - 1.0, wanted)


def keeping_flights(rotations: Array, path: Array, fps: float, bars: Bars, wanted: int) -> Array:
    """The clock (wanted,) on which jumps last as long as they did and the rest makes up for it."""
    frames = len(path)
    stands: Array = np.any(flags_of(bars, frames)[:, :4], axis=1)
    flies = flights(~stands, path[:, 1], fps).astype(float)
    flies = filter_held(flies, gaussian(max(_SOFT * fps, 0.6)))
    # Of each step from frame to frame: the share that keeps its time.
    kept = (flies[1:] + flies[:-1]) / 2
    ground = (1.0 - kept).sum()
    if ground <= 0.0:
        return even(frames, wanted)
    slower = (wanted - 1 - kept.sum()) / ground
    if not 1.0 / PACE[1] <= slower <= 1.0 / PACE[0]:
        return even(frames, wanted)
    told = np.concatenate([[0.0], np.cumsum(kept + slower * (1.0 - kept))])
    told *= (wanted - 1) / told[-1]  # of rounding
    return np.interp(np.arange(wanted), told, np.arange(frames))


def through(old: Array, new: Array, frames: int, wanted: int) -> Array:
    """The clock (wanted,) that shows frame old[k] at frame new[k], K pairs between the ends, smooth in between.

    Raises ValueError unless both rise strictly inside the motions.
    """
    old = np.concatenate([[0.0], np.asarray(old, dtype=float), [frames - 1.0]])
    new = np.concatenate([[0.0], np.asarray(new, dtype=float), [wanted - 1.0]])
    if len(old) != len(new) or not (np.diff(old) > 0).all() or not (np.diff(new) > 0).all():
        raise ValueError("Moments must be given in order, inside the motion, each with its new time.")
    return np.clip(rising(new, old, np.arange(wanted)), 0.0, frames - 1.0)


def retimed(
    rotations: Array, path: Array, fps: float, bars: Bars, clock: Array, mode: FootMode = FootMode.AUTO
) -> tuple[Array, Array, Bars]:
    """Local rotations (N, 22, 4), path (N, 3) and bars on a clock (N,); feet are locked in the bars as ``mode`` says.

    Raises ValueError for a clock that falls or leaves the motion.
    """
    clock = np.asarray(clock, dtype=np.float64)
    if not (len(clock) and (np.diff(clock) >= 0).all() and clock[0] >= 0 and clock[-1] <= len(path) - 1 + 1e-9):
        raise ValueError("A clock must rise from one frame of the motion to another.")
    moved = on_clock(bars, clock)
    q, p = resample_smoothly(np.asarray(rotations, float), np.asarray(path, float), clock)
    if mode in (FootMode.OFF, FootMode.GROUND):
        return q, p, moved
    flags, floor = flags_of(moved, len(p))[:, :4], lowest_sole(rotations, path)
    if mode is FootMode.AUTO:
        # What is plausible shows in the old motion: a slow clock makes any foot slow.
        nearest = np.clip(np.rint(clock).astype(int), 0, len(path) - 1)
        flags = flags & plausible(joint_positions(canonical(), rotations, path), fps)[nearest]
    q, p = locked(q, p, fps, flags, floor, flat=False) if flags.any() else (q, p)
    return q, p, moved
