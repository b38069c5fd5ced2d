"""``sheets``: contact sheets of twenty directions for the docs, ten of our choice and ten of the frozen prompts.

The takes are the product's, delivered, of the first seeds there are: none is chosen. The page that shows them is
docs/animators/takes.md.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

from ...protocol.failures import RequestFailure
from ...protocol.motions import Take
from ...protocol.requests import CROSSFADE, MAX_TAKES, GenerateRequest, TextSpan, with_crossfades
from ..options import check_folder, seed_number
from ..pipeline import Pipeline
from . import pictures
from .rules import Prompt, load_rules
from .rules_report import joints_of, judge

CELLS = 8


@dataclass(frozen=True)
class Direction:
    """What one sheet shows: a file ``name``, prompts one after the other with their seconds, and the frozen prompt
    where it is one."""

    name: str
    texts: tuple[tuple[str, float], ...]
    frozen: Prompt | None = None

    @property
    def words(self) -> str:
        """All prompts, with the bar between them that stands for the cut between two strips."""
        return " | ".join(text for text, _ in self.texts)

    @property
    def seconds(self) -> float:
        """Of the whole range."""
        return sum(seconds for _, seconds in self.texts)

    def spans(self) -> tuple[TextSpan, ...]:
        """As the add-on sends strips that touch."""
        out, at = [], 0.0
        for text, seconds in self.texts:
            out.append(TextSpan(text, at, at + seconds))
            at += seconds
        return with_crossfades(out, CROSSFADE)


CHOSEN = (
    Direction("walk_then_sit", (("a person walks slowly forward", 3.0), ("a person sits down", 3.0))),
    Direction("walk_then_turn", (("a person walks forward", 2.5), ("a person turns around to the left", 2.0))),
    Direction("walk_then_run", (("a person walks forward", 2.5), ("a person runs forward", 2.0))),
    Direction("walk_then_wave", (("a person walks forward", 3.0), ("a person waves with the right hand", 2.5))),
    Direction("stand_then_bend", (("a person stands still", 1.5), ("a person bends over", 2.5))),
    Direction("back_then_stand", (("a person walks backward", 2.5), ("a person stands still", 2.0))),
    Direction("walk_in_a_curve", (("a person walks forward in a curve to the right", 3.5),)),
    Direction("walk_and_return", (("a person walks forward and turns around to the right", 4.0),)),
    Direction("arms_crossed", (("someone stands with the arms crossed", 3.0),)),
    Direction("hand_on_hip", (("a person puts the left hand on the hip", 3.0),)),
)
"""What animators ask for often and the bundled model does; six are ranges of two strips."""
FROZEN = (
    "walk_novel", "backward", "turn_left", "walk_turn_right_novel", "side_left", "sit_novel", "bend", "jump_novel",
    "raise_left_novel", "arms_wide_novel",
)  # fmt: skip
"""Ids of `prompt_rules.json`, of those that the model's card does not count among its failures."""


def directions() -> tuple[Direction, ...]:
    """All twenty."""
    known = {p.id: p for p in load_rules()[0]}
    frozen = (Direction(f"rule_{name}", ((known[name].prompt, known[name].seconds),), known[name]) for name in FROZEN)
    return (*CHOSEN, *frozen)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command line of ``sheets``."""
    parser.add_argument("--model", type=Path, help="checkpoint (default: the bundled model)")
    parser.add_argument("--out", type=Path, required=True, help="folder for the pictures (docs/pictures/takes)")
    parser.add_argument("--takes", type=int, default=2, help="on each sheet")
    parser.add_argument("--seed", type=seed_number, default=1, help="of the first take")
    parser.add_argument("--steps", type=int, default=GenerateRequest.steps)
    parser.add_argument("--only", nargs="+", help="names of sheets, to draw some")


def sheets(arguments: argparse.Namespace) -> int:
    """Run ``sheets``; returns the exit code. Raises GenmoFailure for what a person can mend."""
    wanted = [d for d in directions() if not arguments.only or d.name in arguments.only]
    unknown = sorted(set(arguments.only or ()) - {d.name for d in wanted})
    if unknown:
        raise RequestFailure("no_sheet", f"No sheet is called {' or '.join(unknown)}.", "Leave --only out.")
    if not 1 <= arguments.takes <= MAX_TAKES:
        raise RequestFailure("takes", f"{arguments.takes} takes are not possible.", f"Give 1 to {MAX_TAKES}.")
    pictures.need_pillow()
    check_folder(arguments.out)
    pipeline = Pipeline.load(arguments.model)
    for direction in wanted:
        request = GenerateRequest(
            direction.seconds, direction.spans(), seed=arguments.seed, takes=arguments.takes, steps=arguments.steps
        )
        takes = pipeline.generate(request).takes
        path = arguments.out / f"{direction.name}.jpg"
        figures = [figure(direction, take) for take in takes]
        title = f"{direction.words}   ({direction.seconds:g} s)"
        pictures.save(pictures.contact_sheet(figures, title, CELLS), path)
        good = sum(bool(f.good) for f in figures)
        kept = "" if direction.frozen is None else f"  {good}/{len(figures)} keep the rule"
        print(f"{path.name}{kept}", flush=True)
    print(f"model sha256 {pipeline.model.sha256}")
    return 0


def figure(direction: Direction, take: Take) -> pictures.Figure:
    """A take with its seed, and whether it keeps the rule where there is one."""
    words = f"seed {take.seed}"
    if direction.frozen is None:
        return pictures.Figure(take.rotations, take.transl, words)
    broken = judge(direction.frozen, joints_of(take))
    words += f": breaks {', '.join(broken)}" if broken else ": does what the prompt says"
    return pictures.Figure(take.rotations, take.transl, words, not broken)
