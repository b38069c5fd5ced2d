"""Short looks at footage: a few frames of a motion before a camera that stands, thousands in a step's time.

What keypoints say of a pose they say in a few frames. A window of 120 shows one performer doing one thing before one
camera, as often as it has frames; for the same work ten windows of twelve show ten. So every other step of a preset
with `Preset.glimpses` is an estimation of those, and how a camera moves and what is hidden for long is left to the
windows that are filmed in the other steps.
"""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

import numpy as np
from torch import Tensor

from .corpus import Corpus
from .distributed import World
from .loop import Trainer
from .mixture import Shares
from .presets import ESTIMATED, Preset
from .windows import Windows, unheard

GLIMPSE = 12
"""Frames: three tokens of the bundled model."""


class GlimpseWindows(Windows):
    """Windows of `GLIMPSE` frames, about which nothing is said."""

    frames: ClassVar[int] = GLIMPSE


class GlimpseSampler:
    """Draws them evenly from all frames of a corpus."""

    def __init__(self, corpus: Corpus) -> None:
        self._length, self._start = corpus.length, corpus.start
        self._bound = np.cumsum(corpus.length, dtype=np.float64)

    def draw(self, rng: np.random.Generator, n: int) -> GlimpseWindows:
        """n windows."""
        clip = np.searchsorted(self._bound, rng.random(n) * self._bound[-1], side="right")
        length = np.minimum(self._length[clip], GLIMPSE)
        first = self._start[clip] + (rng.random(n) * (self._length[clip] - length + 1)).astype(np.int64)
        wordless = np.zeros((n, 0), dtype=np.int64)
        return GlimpseWindows(clip, first, length, wordless, wordless, wordless, *unheard(rng, n))


def preset_of_glimpses(preset: Preset) -> Preset:
    """How the steps of glimpses are trained: everybody is filmed and estimated, and that is all."""
    shares = Shares(filmed=1.0)
    batch = preset.batch * preset.glimpses
    return replace(preset, batch=batch, shares=shares, passes=(ESTIMATED,), reworded=0.0, practised=0.0)


class WithGlimpses:
    """A trainer and one of glimpses in turn, on the same weights; `step` is a step of each."""

    def __init__(self, trainer: Trainer, glimpses: Trainer) -> None:
        self.trainer, self.glimpses = trainer, glimpses
        self.state = trainer.state

    @property
    def world(self) -> World:
        """The processes that train together."""
        return self.trainer.world

    def step(self, progress: float) -> dict[str, Tensor]:
        """One optimiser step of each; the terms of glimpses are named so."""
        parts = self.trainer.step(progress)
        return parts | {f"glimpse_{name}": part for name, part in self.glimpses.step(progress).items()}
