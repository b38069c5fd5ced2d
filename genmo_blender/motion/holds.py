"""Parts of the body that are held over a run of frames, and how what they are asked comes and goes. numpy alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

Array = np.ndarray
JOINT: Mapping[str, int] = {
    "left_hand": 20,
    "right_hand": 21,
    "left_foot": 7,
    "right_foot": 8,
    "hips": 0,
    "head": 15,
}


@dataclass(frozen=True, eq=False)
class Hold:
    """``part`` of `JOINT` is at ``points`` (T, 3) at the ``held`` (T,) frames, one run; what it is elsewhere is not
    read. It goes there over ``ease_in`` frames before and leaves over ``ease_out`` after."""

    part: str
    points: Array
    held: Array
    ease_in: float
    ease_out: float
    turns: Array | None = None
    """(T, 4): how the part's joint is turned in the world at the held frames; None where that is free."""


def carried(values: Array, hold: Hold, others: Sequence[Hold]) -> Array:
    """``values`` (T, C) of a hold's frames, carried out of them to 0 with the slope that they have at its ends, and
    never into another hold of the part."""
    frame = np.arange(len(values))
    first, last = np.flatnonzero(hold.held)[[0, -1]]
    before = max((int(np.flatnonzero(h.held)[-1]) for h in others if np.argmax(h.held) < first), default=-len(values))
    after = min((int(np.argmax(h.held)) for h in others if np.argmax(h.held) > last), default=2 * len(values))
    out = np.where(hold.held[:, None], values, 0.0)
    for edge, inner, way, frames in (
        (first, min(first + 1, last), -1, min(hold.ease_in, first - before)),
        (last, max(last - 1, first), 1, min(hold.ease_out, after - last)),
    ):
        gap = way * (frame - edge)
        x = np.clip(gap / max(frames, 1e-6), 0.0, 1.0)[:, None]
        slope = values[edge] - values[inner]  # a frame, outward
        fade = 1.0 - x**3 * (10.0 - 15.0 * x + 6.0 * x * x)
        lead = x - x**3 * (6.0 - 8.0 * x + 3.0 * x * x)
        beside = values[edge] * fade + frames * slope * lead
        out = np.where((gap > 0)[:, None], beside, out)
    return out
