"""``ablate texts``: two prompts one after the other, told in different ways to the same weights.

Nothing is trained: all arms are the model as it is, sampled with the same seeds. ``windows`` is the product's way, each
text at its own frames with a crossfade between them. In ``everywhere`` both are heard at all frames, each at full
strength; in ``halved`` at half of it, so that together they are as strong as one; ``sentence`` is one text “A, then B”
for the whole range; ``first`` leaves the second out. ``alone`` is no range of two: each prompt has a range of its own,
which is the best that a hand-over can reach. The first half is judged by the first prompt's rule and the second half by
the second's; ``swapped`` is how often the halves keep each other's rules.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from ...protocol.failures import RequestFailure, StorageFailure
from ...protocol.requests import CROSSFADE, GenerateRequest, TextSpan, with_crossfades
from ..pipeline import Pipeline
from .rules import Prompt, load_rules
from .rules_report import judge
from .worded import everywhere, motions

Array = np.ndarray
ARMS = ("windows", "everywhere", "halved", "sentence", "first", "alone")
FPS = 30
Pair = tuple[Prompt, Prompt]


@dataclass(frozen=True)
class Row:
    """One arm. Shares 0..1 of ``takes``: whose first half keeps the first prompt's rule, whose second half the
    second's, and ``both``; ``swapped``: of halves, which keep the rule of the other half's prompt."""

    arm: str
    takes: int
    first: float
    second: float
    both: float
    swapped: float


def pairs_of(prompts: Sequence[Prompt], count: int) -> list[Pair]:
    """``count`` frozen prompts, evenly chosen, each with another one after it; the same at every call. Every chosen
    prompt is once the first and once the second, and the two ask for different things.

    Raises RequestFailure for fewer than two, or more than there are.
    """
    if not 2 <= count <= len(prompts):
        raise RequestFailure("pairs", f"{count} pairs cannot be made.", f"Give 2 to {len(prompts)}.")
    chosen = [prompts[i] for i in np.linspace(0, len(prompts) - 1, count).round().astype(int)]
    for step in range(count // 2, 0, -1):
        pairs = [(p, chosen[(i + step) % count]) for i, p in enumerate(chosen)]
        if all((a.rule.name, a.side) != (b.rule.name, b.side) for a, b in pairs):
            return pairs
    raise RequestFailure("pairs", f"{count} prompts ask for too much of the same.", "Give another number of pairs.")


def spans_of(pair: Pair, arm: str) -> tuple[TextSpan, ...]:
    """What a range of both prompts' lengths is told. Raises KeyError for an arm that has no such range."""
    a, b = pair
    middle, end = a.seconds, a.seconds + b.seconds
    if arm == "windows":
        return with_crossfades((TextSpan(a.prompt, 0.0, middle), TextSpan(b.prompt, middle, end)), CROSSFADE)
    strength = {"everywhere": 1.0, "halved": 0.5}.get(arm)
    if strength is not None:
        return tuple(TextSpan(p.prompt, 0.0, end, strength) for p in pair)
    return everywhere({"sentence": f"{a.prompt}, then {b.prompt}", "first": a.prompt}[arm])


def halves(pipeline: Pipeline, pairs: Sequence[Pair], arm: str, seed: int) -> list[tuple[Array, Array]]:
    """Joints (T, 22, 3) of both halves of a raw take of each pair."""
    if arm == "alone":
        parts = [_made(pipeline, [p[i] for p in pairs], seed) for i in (0, 1)]
        return list(zip(*parts, strict=True))
    frames = [round((a.seconds + b.seconds) * FPS) + 1 for a, b in pairs]
    takes = _grouped(pipeline, [spans_of(pair, arm) for pair in pairs], frames, seed)
    cuts = [round(a.seconds * FPS) for a, _ in pairs]
    return [(joints[: cut + 1], joints[cut:]) for joints, cut in zip(takes, cuts, strict=True)]


def _made(pipeline: Pipeline, prompts: Sequence[Prompt], seed: int) -> list[Array]:
    frames = [round(p.seconds * FPS) + 1 for p in prompts]
    return _grouped(pipeline, [everywhere(p.prompt) for p in prompts], frames, seed)


def _grouped(pipeline: Pipeline, said: Sequence[Sequence[TextSpan]], frames: Sequence[int], seed: int) -> list[Array]:
    """A motion for each list of spans; those of one length share a batch."""
    out: dict[int, Array] = {}
    for length in sorted(set(frames)):
        own = [i for i, n in enumerate(frames) if n == length]
        joints = motions(
            pipeline, [said[i] for i in own], length, [seed] * len(own),
            steps=GenerateRequest.steps, guidance=GenerateRequest.guidance,
        )  # fmt: skip
        out.update(zip(own, joints, strict=True))
    return [out[i] for i in range(len(said))]


def judged(arm: str, pairs: Sequence[Pair], takes: Sequence[tuple[Array, Array]]) -> Row:
    """The row of an arm: its takes, in the order of ``pairs``, for one seed after another."""
    told = [pairs[i % len(pairs)] for i in range(len(takes))]
    first = np.array([not judge(p[0], t[0]) for p, t in zip(told, takes, strict=True)])
    second = np.array([not judge(p[1], t[1]) for p, t in zip(told, takes, strict=True)])
    crossed = [not judge(p[1 - i], t[i]) for p, t in zip(told, takes, strict=True) for i in (0, 1)]
    shares = (float(np.mean(x)) for x in (first, second, first & second, crossed))
    return Row(arm, len(takes), *shares)


def table(rows: Sequence[Row]) -> list[str]:
    """Every arm, a line each, in per cent."""
    columns = ("first", "second", "both", "swapped")
    out = [f"{'arm':<12}{'takes':>6}" + "".join(f"{c:>9}" for c in columns)]
    for row in rows:
        out.append(f"{row.arm:<12}{row.takes:>6}" + "".join(f"{100 * getattr(row, c):>9.1f}" for c in columns))
    return out


def run(model: Path | None, arms: Sequence[str], count: int, seeds: Sequence[int], out: Path | None) -> int:
    """Sample and judge the arms, print the table, add a line of JSON for each to ``out``; returns the exit code.

    Raises GenmoFailure for what a person can mend.
    """
    pairs = pairs_of(load_rules()[0], count)
    pipeline = Pipeline.load(model)
    rows = []
    for arm in arms:
        rows.append(judged(arm, pairs, [t for seed in seeds for t in halves(pipeline, pairs, arm, seed)]))
        print(table(rows[-1:])[-1], flush=True)
        if out is not None:
            _add(out, rows[-1])
    print(f"sha256 {pipeline.model.sha256}")
    print("\n".join(table(rows)))
    return 0


def _add(path: Path, row: Row) -> None:
    try:
        with open(path, "a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(row)) + "\n")
    except OSError as error:
        raise StorageFailure(
            "cannot_write", f"{path} could not be written ({error}).", "Choose a folder you may write to, with space."
        ) from error
