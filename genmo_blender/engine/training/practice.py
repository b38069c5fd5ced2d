"""Steps of practice between those of everything: short windows of one kind, as many as fit into a step's time.

What keypoints say of a pose they say in a few frames, and a gap between two keyed poses is one or two seconds. A window
of 120 frames shows one performer before one camera as often as it has frames, and most windows of a mixture are of
something else. So a preset with `Preset.glimpses` or `Preset.gaps` takes a step of these after every other step. They
are estimated and nothing else: how a camera moves, what is hidden for long, and what words and songs change is left to
the mixture. (A network that is to learn without the estimation pass, for comparison, practises them noised.)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
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


class Glimpses(Windows):
    """A few frames, three tokens of the bundled model, before a camera that stands; nothing is said about them."""

    frames: ClassVar[int] = 12


class Gaps(Windows):
    """A gap with the keyed poses around it and nothing behind them."""

    frames: ClassVar[int] = 80
    gap: ClassVar[bool] = True


class ShortWindows:
    """Draws windows of one ``kind`` evenly from all frames of a corpus, of ``shortest`` frames up to the kind's."""

    def __init__(self, corpus: Corpus, kind: type[Windows], shortest: int) -> None:
        self.corpus, self.kind, self.shortest = corpus, kind, shortest
        self._bound = np.cumsum(np.where(corpus.length >= shortest, corpus.length, 0), dtype=np.float64)

    def draw(self, rng: np.random.Generator, n: int) -> Windows:
        """n windows."""
        clip = np.searchsorted(self._bound, rng.random(n) * self._bound[-1], side="right")
        length = self.shortest + (rng.random(n) * (self.kind.frames + 1 - self.shortest)).astype(np.int64)
        whole = self.corpus.length[clip]
        length = np.minimum(whole, length)
        first = self.corpus.start[clip] + (rng.random(n) * (whole - length + 1)).astype(np.int64)
        wordless = np.zeros((n, 0), dtype=np.int64)
        return self.kind(clip, first, length, wordless, wordless, wordless, *unheard(rng, n))


SHORTEST_GAP = 16  # frames of a window with a gap: four before it, one behind
KINDS: Mapping[str, tuple[type[Windows], int, Shares]] = {
    "glimpses": (Glimpses, Glimpses.frames, Shares(filmed=1.0)),
    "gaps": (Gaps, SHORTEST_GAP, Shares(dense=1.0)),
}


def practised(name: str, preset: Preset) -> Preset:
    """How the steps of one of `KINDS` are trained."""
    batch = preset.batch * getattr(preset, name)
    passes = (ESTIMATED,) if ESTIMATED in preset.passes else preset.passes
    return replace(preset, batch=batch, shares=KINDS[name][2], passes=passes, reworded=0.0, practised=0.0)


def sampler_of(name: str, corpus: Corpus) -> ShortWindows:
    """What draws the windows of one of `KINDS`."""
    kind, shortest, _ = KINDS[name]
    return ShortWindows(corpus, kind, shortest)


def with_practice(trainer: Trainer, make: Callable[[Preset, ShortWindows], Trainer]) -> Trainer | WithPractice:
    """A trainer with the practice that its preset asks for; ``make`` gives a trainer of the same weights."""
    preset, corpus = trainer.preset, trainer.sampler.corpus
    names = [name for name in KINDS if getattr(preset, name)]
    others = {name: make(practised(name, preset), sampler_of(name, corpus)) for name in names}
    return WithPractice(trainer, others) if others else trainer


class WithPractice:
    """A trainer and others in turn, on the same weights; `step` is a step of each."""

    def __init__(self, trainer: Trainer, others: Mapping[str, Trainer]) -> None:
        self.trainer, self.others = trainer, others
        self.state = trainer.state

    @property
    def world(self) -> World:
        """The processes that train together."""
        return self.trainer.world

    def step(self, progress: float) -> dict[str, Tensor]:
        """One optimiser step of each; the terms of practice have its name before them."""
        parts = self.trainer.step(progress)
        for name, other in self.others.items():
            parts |= {f"{name}_{term}": part for term, part in other.step(progress).items()}
        return parts
