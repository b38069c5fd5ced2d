"""The beats that a motion could be danced to: a nearly steady pulse through the moments at which the body slows down.

A motion's own beats are the local minima of its mean joint speed (spec 9). Dancers do not mark every beat of a song,
but what they mark falls on one; so a pulse fits when (nearly) every motion beat lies on it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from ...sound.music_beats import beats_of_period
from ..evaluation.music_metrics import motion_beats
from .samples import Clip

Array = np.ndarray
DANCE = frozenset({"dance"})
RHYTHMIC = frozenset({"run", "walk", "exercise", "jump", "sway"})
"""Tags of motion that is rhythmic where its own beats are regular."""
LEAST_BEATS = 3
REGULAR = 0.2
"""Most spread of the intervals between motion beats, as a share of their mean, of a regular motion without dance."""
TIGHTNESS = 4.0
"""What an uneven interval costs, in motion beats: looser than in music, for a song can follow its dancer here."""
_NEAR = (0.5, 1.0, 0.5)  # what a pulse gains one frame before, at and one frame after a motion beat


@dataclass(frozen=True)
class Rhythm:
    """``beats`` (K,) frames of a motion's own beats; ``dance`` tells a dance from another regular motion."""

    beats: Array
    dance: bool


def rhythm_of(clip: Clip) -> Rhythm | None:
    """The rhythm of a dance, or of another motion that is regular; None for every other clip."""
    tags = set(clip.tags)
    if not tags & (DANCE | RHYTHMIC) or clip.frames < 8:
        return None
    beats = motion_beats(torch.from_numpy(clip.joints())).numpy()
    dance = bool(tags & DANCE)
    if len(beats) < LEAST_BEATS + (not dance):
        return None
    gaps = np.diff(beats)
    if not dance and gaps.std() > REGULAR * gaps.mean():
        return None
    return Rhythm(beats, dance)


def pulse(beats: Array, frames: int, period: float) -> Array:
    """Beat times (K,) in frames of a song for this motion, about ``period`` frames apart, from before its first frame
    to after its last."""
    wanted = np.zeros(frames)
    wanted[beats] = 1.0
    chain = beats_of_period(np.convolve(wanted, _NEAR, mode="same"), round(period), TIGHTNESS).astype(np.float64)
    step = float(np.mean(np.diff(chain))) if len(chain) > 1 else period
    before = chain[0] - step * np.arange(int(np.ceil(chain[0] / step)), 0, -1)
    after = chain[-1] + step * np.arange(1, int(np.ceil((frames - chain[-1]) / step)) + 1)
    return np.concatenate([before, chain, after])
