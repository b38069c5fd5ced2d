"""What the sections of an evaluation share: the model, the motion, takes that more than one of them looks at."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from ....motion.skeleton import assets_folder
from ....protocol.failures import RequestFailure
from ....protocol.motions import Take
from ....protocol.requests import GenerateRequest, TextSpan
from ...conditions.minilm import MiniLM, load_minilm
from ...pipeline import Pipeline
from ...training.corpus import load_clips
from ...training.samples import Clip
from ..baseline import RealMotion, real_motion
from ..captioned import Window, windows_of
from ..command import product
from ..freeze import Figures, clips_for_rules
from ..matching.network import Evaluator, load_evaluator
from ..rules import Prompt, load_rules
from ..rules_report import grounded_joints, run_rules
from .baselines import Baselines

Array = np.ndarray
T = TypeVar("T")


@dataclass(frozen=True)
class Effort:
    """How much is measured. ``prompts``: every how many of the rules' prompts; ``takes`` of each; ``windows``: at most
    so many with captions; ``draws`` of captions; ``gaps``: at most so many of each length; ``excerpts`` of a song;
    ``steps`` of the curve and ``step_takes`` of each prompt there; ``cells`` of a contact sheet; ``levels``: every how
    many levels of damage, ``word_takes`` of each damaged prompt and ``damaged_excerpts`` of each song there."""

    prompts: int = 1
    takes: int = 8
    windows: int = 1000
    draws: int = 100
    gaps: int = 120
    excerpts: int = 24
    steps: tuple[int, ...] = (5, 8, 10, 12, 15, 20, 25, 40)
    step_takes: int = 2
    cells: int = 8
    levels: int = 1
    word_takes: int = 2
    damaged_excerpts: int = 6


FULL = Effort()
QUICK = Effort(
    prompts=8, takes=2, windows=12, draws=10, gaps=4, excerpts=2, steps=(2, 4), step_takes=1, cells=2, levels=2,
    word_takes=1, damaged_excerpts=2,
)  # fmt: skip


@dataclass(frozen=True)
class PromptTakes:
    """The takes of one prompt of the rules, as the network gives them and as the product delivers them."""

    prompt: Prompt
    raw: tuple[Take, ...]
    delivered: tuple[Take, ...]


@dataclass(frozen=True)
class RuleRun:
    """Takes of the frozen prompts, what `run_rules` reports of them, and the real motion beside them."""

    takes: tuple[PromptTakes, ...]
    report: dict[str, Any]
    real: RealMotion


@dataclass(eq=False)
class Context:
    """Everything is made when a section first asks for it, and once. ``songs`` and ``evaluator_file`` may be None:
    sections that need them say so."""

    pipeline: Pipeline
    folders: Sequence[Path]
    songs: Path | None
    evaluator_file: Path
    out: Path
    seed: int = 0
    steps: int = GenerateRequest.steps
    guidance: float = GenerateRequest.guidance
    effort: Effort = FULL
    say: Callable[[str], None] = print

    def rng(self, salt: int) -> np.random.Generator:
        """A generator of a section's own, so that sections may be left out without changing others."""
        return np.random.default_rng([self.seed, salt])

    @cached_property
    def train(self) -> list[Clip]:
        """Clips of the training split. Raises StorageFailure without any."""
        return load_clips(list(self.folders), "train")

    @cached_property
    def held_out(self) -> list[Clip]:
        """Clips of the validation split. Raises StorageFailure without any."""
        return load_clips(list(self.folders), "val")

    @cached_property
    def encoder(self) -> MiniLM:
        """The bundled text encoder, for the evaluator and the nearest caption, whatever the model's own is."""
        return load_minilm(assets_folder() / "text_encoder")

    @cached_property
    def baselines(self) -> Baselines:
        """Motions of the training split to compare with."""
        return Baselines(self.train, self.encoder)

    @cached_property
    def evaluator(self) -> tuple[Evaluator, dict[str, Any]]:
        """The text-motion evaluator and its record. Raises ModelFailure, also for one of another text encoder."""
        evaluator, record = load_evaluator(self.evaluator_file)
        if record["text_encoder_sha256"] != self.encoder.sha256:
            raise RequestFailure(
                "evaluator_encoder",
                f"{self.evaluator_file.name} was trained with another text encoder than the bundled one.",
                "Train it again: build.py engine -- train-evaluator --data FOLDERS --out FILE.",
            )
        return evaluator, record

    @cached_property
    def windows(self) -> list[Window]:
        """Captioned windows of the validation split, evenly chosen where there are more than wanted."""
        found = [w for w in windows_of(self.held_out) if w.captions]
        if not found:
            raise RequestFailure("no_captions", "No held-out window has a caption.", "Give --data captioned motion.")
        return evenly(found, self.effort.windows)

    @cached_property
    def rule_clips(self) -> list[Clip]:
        """Clips of both splits and their mirror images that rules are judged on."""
        return clips_for_rules(self.folders)

    @cached_property
    def real_figures(self) -> Figures:
        """The figures of real segments, each computed once."""
        return Figures()

    @property
    def prompts(self) -> list[Prompt]:
        """The frozen prompts that are tried."""
        return list(load_rules()[0][:: self.effort.prompts])

    @cached_property
    def rule_run(self) -> RuleRun:
        """The frozen prompts, generated and judged once; tables go to ``out``/rules."""
        self.say("Takes of the frozen prompts")
        generate, deliver = product(self.pipeline, self.steps, self.guidance)
        raw: list[Take] = []
        final: list[Take] = []

        def generated(prompt: str, seconds: float, seeds: Sequence[int]) -> list[Take]:
            made = generate(prompt, seconds, seeds)
            raw.extend(made)
            return made

        def delivered(take: Take) -> Take:
            final.append(deliver(take))
            return final[-1]

        real = real_motion(self.folders, self.prompts)
        count = self.effort.takes
        seeds = range(1 + self.seed, 1 + self.seed + count)
        report = run_rules(
            generated, self.out / "rules", deliver=delivered, real=real, seeds=tuple(seeds), prompts=self.prompts,
            draw=False, say=self.say,
        )  # fmt: skip
        takes = tuple(
            PromptTakes(p, tuple(raw[i * count : (i + 1) * count]), tuple(final[i * count : (i + 1) * count]))
            for i, p in enumerate(self.prompts)
        )
        return RuleRun(takes, report, real)

    def generate(self, text: str, frames: int, seed: int, steps: int | None = None) -> Array:
        """Joints (frames, 22, 3) on the floor of a raw take of one prompt."""
        seconds = (frames - 1) / 30
        request = GenerateRequest(
            seconds, (TextSpan(text, 0.0, seconds),), seed=seed, steps=steps or self.steps, guidance=self.guidance,
            clean_up=False,
        )  # fmt: skip
        return grounded_joints(self.pipeline.generate(request).takes[0])


def evenly(found: Sequence[T], most: int) -> list[T]:
    """At most ``most`` of a sequence, spread over it."""
    keep = np.unique(np.linspace(0, len(found) - 1, min(most, len(found))).round().astype(int))
    return [found[i] for i in keep]
