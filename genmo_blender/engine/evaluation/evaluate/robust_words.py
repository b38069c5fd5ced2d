"""How takes bear prompts that are cut off or mistyped: what share still keeps the whole prompt's rule."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from ..corruption import first_words, last_words, mistyped
from ..rules import Prompt
from ..rules_report import judge
from ..worded import everywhere, motions
from .context import Context
from .section import Figure, Line, Plot

Array = np.ndarray
SALT = 6
KEPT = (0.75, 0.5, 0.25)
HALF, TENTH = 0.5, 0.1
"""Shares of the words that are left; the whole prompt and no word at all are measured besides."""
TYPOS = (0.05, 0.1, 0.2, 0.4)
"""Shares of the letters."""
WHOLE, NOTHING, CHANCE = "the whole prompt", "no words", "another prompt's takes"
CAPITALS, SENTENCE = "in capitals", "as a sentence with a full stop"
END, BEGINNING, LETTERS = "last words cut", "first words cut", "letters mistyped"

Key = tuple[str, int, int]
"""Text, frames, seed: takes that hear the same are made once."""


@dataclass(frozen=True)
class Words:
    """Shares 0..1 of takes that keep their rules, of all prompts and of those that name a side, by what was done to
    the prompts and how much; ``chance`` of whole takes judged by the other prompts' rules."""

    shares: dict[tuple[str, float], tuple[float, float | None]]
    chance: tuple[float, float | None]
    prompts: int
    takes: int


def tried(context: Context) -> Words:
    """Make and judge the takes of every damaged prompt."""
    prompts = context.prompts
    seeds = [1 + context.seed + i for i in range(context.effort.word_takes)]
    texts = damaged([p.prompt for p in prompts], context.seed, context.effort.levels)
    frames = [round(p.seconds * 30) + 1 for p in prompts]
    wanted = {
        (text, length, seed)
        for said in texts.values()
        for text, length in zip(said, frames, strict=True)
        for seed in seeds
    }
    context.say(f"{len(wanted)} takes of damaged prompts")
    made = _made(context, sorted(wanted))
    shares = {}
    for key, said in texts.items():
        kept = [
            [not judge(p, made[text, length, seed]) for seed in seeds]
            for p, text, length in zip(prompts, said, frames, strict=True)
        ]
        shares[key] = _shares(prompts, kept)
    whole = [made[p.prompt, length, seed] for p, length in zip(prompts, frames, strict=True) for seed in seeds]
    return Words(shares, _chance(prompts, whole, len(seeds)), len(prompts), len(seeds))


def damaged(prompts: Sequence[str], seed: int, every: int = 1) -> dict[tuple[str, float], list[str]]:
    """The prompts by what was done to them and how much; ``every`` so many levels."""
    out: dict[tuple[str, float], list[str]] = {(WHOLE, 0.0): list(prompts), (NOTHING, 0.0): [""] * len(prompts)}
    cuts: tuple[tuple[str, Callable[[str, float], str]], ...] = ((END, first_words), (BEGINNING, last_words))
    for name, cut in cuts:
        for share in dict.fromkeys((*KEPT[::every], HALF)):
            out[name, share] = [cut(p, share) for p in prompts]
    for share in dict.fromkeys((*TYPOS[::every], TENTH)):
        out[LETTERS, share] = [
            mistyped(p, share, np.random.default_rng([seed, SALT, i])) for i, p in enumerate(prompts)
        ]
    out[CAPITALS, 0.0] = [p.upper() for p in prompts]
    out[SENTENCE, 0.0] = [p[:1].upper() + p[1:] + "." for p in prompts]
    return out


def _made(context: Context, wanted: Sequence[Key]) -> dict[Key, Array]:
    """Joints of each take; takes of one length share batches."""
    out: dict[Key, Array] = {}
    for frames in sorted({key[1] for key in wanted}):
        own = [key for key in wanted if key[1] == frames]
        joints = motions(
            context.pipeline, [everywhere(text) for text, _, _ in own], frames, [seed for _, _, seed in own],
            steps=context.steps, guidance=context.guidance,
        )  # fmt: skip
        out.update(zip(own, joints, strict=True))
    return out


def _shares(prompts: Sequence[Prompt], kept: Sequence[Sequence[float]]) -> tuple[float, float | None]:
    sided = [k for p, own in zip(prompts, kept, strict=True) if p.side for k in own]
    return float(np.mean([k for own in kept for k in own])), float(np.mean(sided)) if sided else None


def _chance(prompts: Sequence[Prompt], whole: Sequence[Array], takes: int) -> tuple[float, float | None]:
    kept = []
    for p in prompts:
        others = [
            m
            for i, other in enumerate(prompts)
            if (other.rule.name, other.side) != (p.rule.name, p.side)
            for m in whole[i * takes : (i + 1) * takes]
        ]
        kept.append([float(np.mean([not judge(p, m) for m in others])) if others else 0.0])
    return _shares(prompts, kept)


def figures(found: Words) -> list[Figure]:
    """Half of the words, a tenth of the letters, and what should not matter at all."""
    whole, nothing = found.shares[WHOLE, 0.0], found.shares[NOTHING, 0.0]
    out = []
    for name, key in (
        (f"{END}, half are left", (END, HALF)),
        (f"{BEGINNING}, half are left", (BEGINNING, HALF)),
        ("a tenth of the letters mistyped", (LETTERS, TENTH)),
        (CAPITALS, (CAPITALS, 0.0)),
        (SENTENCE, (SENTENCE, 0.0)),
    ):
        for words, i in (("", 0), (", left or right", 1)):
            values = [s[i] for s in (found.shares[key], whole, nothing, found.chance)]
            value, *others = (None if v is None else 100 * v for v in values)
            baselines = dict(zip((WHOLE, NOTHING, CHANCE), others, strict=True))
            out.append(Figure(f"rules kept, {name}{words}", value, "%", "higher", None, baselines))
    return out


def plots(found: Words) -> tuple[Plot, ...]:
    """The curves, from the whole prompt on."""
    titles = (
        (END, "Rules kept as last words fall away", "share of the words that is left"),
        (BEGINNING, "Rules kept as first words fall away", "share of the words that is left"),
        (LETTERS, "Rules kept as letters are mistyped", "share of the letters"),
    )
    out = []
    for name, title, x in titles:
        cut = name != LETTERS
        points = {level: s for (kind, level), s in found.shares.items() if kind == name}
        points[1.0 if cut else 0.0] = found.shares[WHOLE, 0.0]
        if cut:
            points[0.0] = found.shares[NOTHING, 0.0]
        chance = {level: found.chance for level in points}
        lines = tuple(
            Line(words, _curve(curve, i), dashed)
            for words, curve, i, dashed in (
                ("all prompts", points, 0, False), ("left or right", points, 1, False),
                ("another's takes", chance, 0, True), ("the same, sides", chance, 1, True),
            )
        )  # fmt: skip
        out.append(Plot(title, x, "%", lines))
    return tuple(out)


def _curve(points: dict[float, tuple[float, float | None]], which: int) -> tuple[tuple[float, float], ...]:
    found = ((x, points[x][which]) for x in sorted(points))
    return tuple((x, 100 * y) for x, y in found if y is not None)
