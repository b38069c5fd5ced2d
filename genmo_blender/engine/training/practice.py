"""Steps of practice between those of everything: short windows of one kind, as many as fit into a step's time.

What keypoints say of a pose they say in a few frames, and a gap between two keyed poses is one or two seconds. A window
of 120 frames shows one performer before one camera as often as it has frames, and most windows of a mixture are of
something else. So a preset with `Preset.glimpses` or `Preset.gaps` takes a step of these after every other step. They
are estimated and nothing else: how a camera moves, what is hidden for long, and what words and songs change is left to
the mixture. (A network that is to learn without the estimation pass, for comparison, practises them noised.)

What a sentence asks for is decided where there is next to nothing but noise, and of a mixture's windows one in ten is
about something that somebody does at a certain time, at that noise. So a preset with `Preset.acts` practises these: up
to two seconds in which what is said happens, mostly in the middle.

How vigorously somebody dances is decided with less noise than that: practised where text decides, dances grew calmer
(docs/developers/training.md, "Practice"). So a preset with `Preset.dances` practises whole windows of these below.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
from torch import Tensor

from .corpus import Corpus
from .distributed import World
from .loop import Trainer
from .mixture import Shares
from .presets import ESTIMATED, GENERATED, Preset
from .windows import Sampler, Windows, WindowSampler, unheard


class Glimpses(Windows):
    """A few frames, three tokens of the bundled model, before a camera that stands; nothing is said about them."""

    frames: ClassVar[int] = 12


class Gaps(Windows):
    """A gap with the keyed poses around it and nothing behind them."""

    frames: ClassVar[int] = 80
    gap: ClassVar[bool] = True


class Acts(Windows):
    """Something that is done, with what is said about it."""

    frames: ClassVar[int] = 60


class ActSampler(WindowSampler):
    """Draws `Acts`: every window is about a measured caption, hard ones as often as `WindowSampler` is told."""

    kind = Acts
    short = 1.0
    even = True

    def _kinds(self, rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
        return np.ones(n, dtype=bool), np.zeros(n, dtype=bool)


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
NOISY, HARD = 0.7, 0.6
"""Part of the acts whose timestep is drawn from where text decides (`Preset.noisy_share`), and of those that are hard
(`windows.PRACTISED`)."""
DANCED = (600, 940)
"""Timesteps of dances."""
KINDS: Mapping[str, tuple[type[Windows], int, Shares]] = {
    "glimpses": (Glimpses, Glimpses.frames, Shares(filmed=1.0)),
    "gaps": (Gaps, SHORTEST_GAP, Shares(dense=1.0)),
}
ACTS, DANCES = "acts", "dances"
GENERATING: Mapping[str, Mapping[str, Any]] = {
    ACTS: {"shares": Shares(), "noisy_share": NOISY},
    DANCES: {"shares": Shares(dances=1.0), "noisy_share": 1.0, "noisy": DANCED},
}
"""What is practised by diffusion alone, and how its preset differs."""


def practised(name: str, preset: Preset) -> Preset:
    """How the steps of one of `KINDS`, or of `GENERATING`, are trained."""
    batch = preset.batch * getattr(preset, name)
    if name in GENERATING:
        return replace(preset, batch=batch, passes=(GENERATED,), **GENERATING[name])
    passes = (ESTIMATED,) if ESTIMATED in preset.passes else preset.passes
    return replace(preset, batch=batch, shares=KINDS[name][2], passes=passes, reworded=0.0, practised=0.0)


def sampler_of(name: str, corpus: Corpus) -> Sampler:
    """What draws the windows of one of `KINDS`, or of `GENERATING`; dances take the places of what is drawn."""
    if name in GENERATING:
        return ActSampler(corpus, HARD) if name == ACTS else WindowSampler(corpus)
    kind, shortest, _ = KINDS[name]
    return ShortWindows(corpus, kind, shortest)


def with_practice(trainer: Trainer, make: Callable[[Preset, Sampler], Trainer]) -> Trainer | WithPractice:
    """A trainer with the practice that its preset asks for; ``make`` gives a trainer of the same weights."""
    preset, corpus, songs = trainer.preset, trainer.sampler.corpus, trainer.songs
    known = [*KINDS]
    if GENERATED in preset.passes:
        known += [ACTS] if songs is None or not songs.dance.any() else [ACTS, DANCES]
    names = [name for name in known if getattr(preset, name)]
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
