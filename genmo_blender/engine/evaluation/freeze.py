"""Whether real motion agrees with the prompt rules: the condition under which they were frozen.

A rule freezes when at least 90 % of the real segments of its action pass it, and at most 20 % of other segments do.
Segments of an action are the ranges of its measured captions, or windows of the clips that show it throughout. Every
clip is used with its mirror image. Clips on ladders, stairs and playgrounds, which lean on things that are not there,
and cartoon characters are left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..training.importers import shards
from ..training.samples import Clip, mirrored
from .rule_checks import FPS, SIDES, measure
from .rules import Prompt, Rule, load_rules

LEAVE_OUT = {"climb", "ladder", "stairs", "stylised"}
SHORTEST = 15
NEVER = "(?!)"
STRIDE = 4.0
"""Seconds from one other window to the next."""
OWN_SHARE, OTHER_SHARE = 0.9, 0.2

Segment = tuple[Clip, int, int]


@dataclass(frozen=True)
class Agreement:
    """Counts for one rule and side: passed and all, of its own segments, other segments, those of the other side."""

    rule: str
    side: str | None
    own: tuple[int, int]
    other: tuple[int, int]
    opposite: tuple[int, int]
    clips: tuple[str, ...]

    @property
    def freezes(self) -> bool:
        """Both shares are met, on at least five segments."""
        return self.own[1] >= 5 and share(self.own) >= OWN_SHARE and share(self.other) <= OTHER_SHARE


def share(count: tuple[int, int]) -> float:
    """Passed of all, 0 when there are none."""
    return count[0] / count[1] if count[1] else 0.0


def swap_sides(text: str) -> str:
    """The sentence with left and right exchanged."""
    return re.sub(r"\b(left|right)\b", lambda m: SIDES[1 - SIDES.index(m.group())], text)


def clips_for_rules(folders: Iterable[Path | str]) -> list[Clip]:
    """Clips of the folders that rules may be judged on, each followed by its mirror image."""
    clips = [c for folder in folders for c in shards.load(folder) if not LEAVE_OUT & set(c.tags)]
    return [twin for c in clips for twin in (c, mirrored(c, swap_sides))]


def segments(clip: Clip, rule: Rule, side: str | None) -> list[Segment]:
    """Stretches of a clip that show the rule's action."""
    place = rule.segments
    seconds = round(float(place["seconds"]) * FPS)
    found: list[Segment] = []
    if _shows(clip, place.get("without", NEVER), side):
        return []
    if "captions" in place:
        pattern = re.compile(place["captions"].replace("{side}", side or ""))
        for c in clip.captions:
            if c.kind == "motion" and pattern.search(c.text):
                found.append((clip, c.start, min(c.end, c.start + seconds)))
    if "clips" in place and _shows(clip, place["clips"], side):
        starts = range(0, max(1, clip.frames - seconds + 1), seconds)
        found += [(clip, a, min(a + seconds, clip.frames)) for a in starts]
    avoid = place.get("avoid", NEVER)
    return [s for s in found if s[2] - s[1] >= SHORTEST and not _captioned(s, avoid)]


def _captioned(segment: Segment, pattern: str) -> bool:
    clip, a, b = segment
    return any(c.kind == "motion" and c.start < b and a < c.end and re.search(pattern, c.text) for c in clip.captions)


def _shows(clip: Clip, pattern: str, side: str | None) -> bool:
    pattern = pattern.replace("{side}", side or "")
    return any(c.kind == "trial" and re.search(pattern, c.text) for c in clip.captions)


def others(clip: Clip, rule: Rule, side: str | None) -> list[Segment]:
    """Windows of a clip in which the action is not captioned."""
    place = rule.segments
    seconds = round(float(place["seconds"]) * FPS)
    if "clips" in place and _shows(clip, place["clips"], side) or _shows(clip, place.get("unless", NEVER), side):
        return []
    own = segments(clip, rule, side)
    starts = range(0, clip.frames - seconds + 1, round(STRIDE * FPS))
    return [(clip, a, a + seconds) for a in starts if all(b <= a or s >= a + seconds for _, s, b in own)]


class Figures:
    """Figures of segments, each computed once."""

    def __init__(self) -> None:
        self._joints: dict[str, np.ndarray] = {}
        self._known: dict[tuple[str, int, int], dict[str, float]] = {}

    def __call__(self, segment: Segment) -> dict[str, float]:
        clip, a, b = segment
        if clip.id not in self._joints:
            self._joints[clip.id] = clip.joints()
        key = (clip.id, a, b)
        if key not in self._known:
            self._known[key] = measure(self._joints[clip.id][a:b])
        return self._known[key]


def agreement(rule: Rule, side: str | None, clips: Sequence[Clip], figures: Figures) -> Agreement:
    """How real motion fares under one rule."""
    own = [s for c in clips for s in segments(c, rule, side)]
    other = [s for c in clips for s in others(c, rule, side)]
    far = [s for c in clips for s in segments(c, rule, swap_sides(side))] if side else []

    def count(found: list[Segment]) -> tuple[int, int]:
        return sum(not rule.broken(figures(s), side) for s in found), len(found)

    names = tuple(sorted({c.id for c, _, _ in own}))
    return Agreement(rule.name, side, count(own), count(other), count(far), names)


def freeze_check(folders: Iterable[Path | str], prompts: Sequence[Prompt] | None = None) -> list[Agreement]:
    """One line for each rule and side that a prompt uses."""
    prompts = load_rules()[0] if prompts is None else prompts
    clips, figures = clips_for_rules(folders), Figures()
    wanted = {(p.rule.name, p.side): p.rule for p in prompts}
    return [agreement(rule, side, clips, figures) for (_, side), rule in sorted(wanted.items(), key=_order)]


def _order(item: tuple[tuple[str, str | None], Rule]) -> tuple[str, str]:
    (name, side), _ = item
    return name, side or ""


def table(lines: Sequence[Agreement]) -> str:
    """The readable form of `freeze_check`."""
    head = f"{'rule':<16}{'side':<7}{'own':>16}{'other':>17}{'wrong side':>17}  clips  freezes"
    rows = [head]
    for x in lines:
        cells = "".join(f"{a:>7}/{n:<4}{100 * share((a, n)):>4.0f}%" for a, n in (x.own, x.other, x.opposite))
        rows.append(f"{x.rule:<16}{x.side or '-':<7}{cells}  {len(x.clips):>5}  {'yes' if x.freezes else 'NO'}")
    return "\n".join(rows)
