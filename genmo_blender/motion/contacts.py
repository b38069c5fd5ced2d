"""Contacts as bars on a lane: found by height, speed and the model's confidences with hysteresis, then edited by hand.

The six parts are ordered as the contact head orders them: L heel, L ball, R heel, R ball, L hand, R hand, that is
ankle, toe and wrist joints. Heights are above rest, where the soles touch y = 0. Any frame rate. numpy alone.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import Enum

import numpy as np

from .floor import sole_level
from .skeleton import CONTACT_JOINTS, canonical
from .smooth import filter_time, gaussian

Array = np.ndarray
PARTS = ("heel.L", "ball.L", "heel.R", "ball.R", "hand.L", "hand.R")
SWAPPED = (2, 3, 0, 1, 5, 4)
"""Each part's partner when left and right are exchanged."""
SURE, LIKELY = 0.5, 0.3
"""A contact begins where its confidence is sure and lasts while it is likely."""
SLOW = (0.25, 0.5)
"""m/s: a contact begins below the first and lasts below the second."""
LOW = (0.04, 0.08)
"""Metres above rest, likewise."""
LOW_HAND = (0.08, 0.12)
"""Metres between the wrist and the floor, likewise; where a model tells of the hands, they may rest on anything."""
SHORTEST = 0.13
"""Seconds: a contact that is shorter is none."""
GAP = 0.07
"""Seconds: two contacts that are no further apart, and between which the part stays near, are one."""
_STAYS = 0.02  # m
_SPEED_BLUR = 0.025  # s


class FootMode(Enum):
    """What the bars do to the feet."""

    AUTO = "auto"
    """Feet stand still in the bars, save where a foot plainly travels or is in the air."""
    ALWAYS = "always"
    """Feet stand still in the bars, whatever they did."""
    GROUND = "ground"
    """Nothing is locked; the soles only come to the floor and never sink."""
    OFF = "off"
    """The motion stays as it is."""


@dataclass(frozen=True, order=True)
class Bar:
    """Part ``part`` of `PARTS` touches from frame ``first`` to frame ``last``, both included."""

    part: int
    first: int
    last: int


Bars = tuple[Bar, ...]


def runs(flags: Array) -> Array:
    """Number of the run that each true frame belongs to, (T, N) int; 0 where false. Counted anew in each column."""
    starts = flags & ~np.concatenate([np.zeros_like(flags[:1]), flags[:-1]])
    return np.cumsum(starts, axis=0) * flags


def lasting(flags: Array, shortest: int) -> Array:
    """Flags (T, N) without runs of fewer than ``shortest`` frames."""
    return np.stack([flags[:, i] & (np.bincount(r)[r] >= shortest) for i, r in enumerate(runs(flags).T)], axis=1)


def hysteresis(sure: Array, likely: Array) -> Array:
    """Those runs of ``likely`` (T, N) bool in which some frame is ``sure``."""
    sure = sure & likely
    return np.stack([likely[:, i] & (np.bincount(r, sure[:, i])[r] > 0) for i, r in enumerate(runs(likely).T)], axis=1)


def detect(joints: Array, fps: float, confidence: Array | None = None, floor: float | None = None) -> Bars:
    """Contacts of a motion: joints (T, 22, 3) metres, Y up.

    ``confidence`` (T, 6) of a model, 0..1, each part's probability to stand. ``floor``: its height; measured where it
    is not given.
    """
    joints = np.asarray(joints, dtype=np.float64)
    if len(joints) < 2:
        return ()
    floor = sole_level(joints, fps) if floor is None else floor
    chosen = joints[:, CONTACT_JOINTS]
    height = chosen[..., 1] - floor
    height[:, :4] -= canonical().rest[list(CONTACT_JOINTS[:4]), 1]
    speed = _speed(chosen, fps)
    sure, likely = speed < SLOW[0], speed < SLOW[1]
    if confidence is None:
        sure[:, 4:] &= height[:, 4:] < LOW_HAND[0]
        likely[:, 4:] &= height[:, 4:] < LOW_HAND[1]
    else:
        told = filter_time(np.asarray(confidence, dtype=np.float64), np.array([0.25, 0.5, 0.25]))
        # A model that is sure knows a slow slide from a step: its word counts for more than a speed.
        sure, likely = likely & (told > SURE), likely & (told > LIKELY)
    sure[:, :4] &= height[:, :4] < LOW[0 if confidence is None else 1]
    likely[:, :4] &= height[:, :4] < LOW[1]
    flags = _closed(hysteresis(sure, likely), chosen, max(round(GAP * fps), 1))
    return bars_of(lasting(flags, max(round(SHORTEST * fps), 2)))


def _speed(points: Array, fps: float) -> Array:
    """Speeds (T, N) m/s of (T, N, 3), a little blurred: one noisy frame does not end a contact."""
    speed = np.linalg.norm(np.gradient(points, axis=0), axis=-1) * fps
    sigma = max(_SPEED_BLUR * fps, 0.6)
    return filter_time(speed, gaussian(sigma))


def _closed(flags: Array, points: Array, longest: int) -> Array:
    """Flags (T, N) whose gaps of up to ``longest`` frames are closed where the part (T, N, 3) stays near."""
    flags = flags.copy()
    for i in range(flags.shape[1]):
        edges = np.flatnonzero(np.diff(flags[:, i].astype(np.int8)))
        for end, start in zip(edges, edges[1:], strict=False):
            gap = flags[end, i] and start - end <= longest
            if gap and np.linalg.norm(points[start + 1, i] - points[end, i]) < _STAYS:
                flags[end : start + 1, i] = True
    return flags


def bars_of(flags: Array) -> Bars:
    """Bars of flags (T, 6) bool, by part and time."""
    flags = np.asarray(flags, dtype=bool)
    edge = np.diff(flags.astype(np.int8), axis=0, prepend=0, append=0)
    found = []
    for part in range(flags.shape[1]):
        starts, ends = np.flatnonzero(edge[:, part] > 0), np.flatnonzero(edge[:, part] < 0) - 1
        found += [Bar(part, int(a), int(b)) for a, b in zip(starts, ends, strict=True)]
    return tuple(found)


def flags_of(bars: Iterable[Bar], frames: int) -> Array:
    """Flags (T, 6) bool of bars; what lies outside the motion is left out. Raises ValueError for an unknown part."""
    flags = np.zeros((frames, len(PARTS)), dtype=bool)
    for bar in bars:
        if not 0 <= bar.part < len(PARTS):
            raise ValueError(f"A contact bar names part {bar.part}, and there are {len(PARTS)}.")
        flags[max(bar.first, 0) : max(bar.last + 1, 0), bar.part] = True
    return flags


def tidy(bars: Iterable[Bar], frames: int) -> Bars:
    """The bars in order and inside the motion, those that touch or overlap as one."""
    return bars_of(flags_of(bars, frames))


def added(bars: Bars, bar: Bar, frames: int) -> Bars:
    """The bars and one more; its ends may be given in either order."""
    return tidy((*bars, Bar(bar.part, min(bar.first, bar.last), max(bar.first, bar.last))), frames)


def removed(bars: Bars, part: int, frame: int) -> Bars:
    """The bars without the one of a part that lies on a frame."""
    return tuple(bar for bar in bars if not (bar.part == part and bar.first <= frame <= bar.last))


def edge_moved(bars: Bars, bar: Bar, frames: int, first: int | None = None, last: int | None = None) -> Bars:
    """The bars with an edge of ``bar`` dragged to another frame; dragged past its other edge it is gone.

    What it is dragged over becomes one with it. Raises ValueError when ``bar`` is none of them.
    """
    if bar not in bars:
        raise ValueError("That contact bar is no longer there.")
    moved = replace(bar, first=bar.first if first is None else first, last=bar.last if last is None else last)
    others = tuple(b for b in bars if b != bar)
    return tidy(others if moved.first > moved.last else (*others, moved), frames)


def mirrored(bars: Bars) -> Bars:
    """The bars with left and right exchanged."""
    return tuple(sorted(replace(bar, part=SWAPPED[bar.part]) for bar in bars))


def on_clock(bars: Bars, clock: Array) -> Bars:
    """The bars on the frames of a retimed motion, ``clock`` (N,) rising: the old frame that each new one shows.

    Only frames that lie wholly inside a bar are in it, and one at least.
    """
    out = []
    for bar in bars:
        first = int(np.searchsorted(clock, bar.first - 1e-9, side="left"))
        last = int(np.searchsorted(clock, bar.last + 1e-9, side="right")) - 1
        if first >= len(clock) or last < 0:
            continue
        if first > last:  # shorter than a frame by now
            first = last = int(np.argmin(np.abs(clock - (bar.first + bar.last) / 2)))
        out.append(Bar(bar.part, first, last))
    return tidy(out, len(clock))
