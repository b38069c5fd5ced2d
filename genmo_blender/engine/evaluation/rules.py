"""The frozen prompt rules: what a motion has to do to count as done what its prompt says (mini_model.md).

``prompt_rules.json`` holds prompts and rules. A rule is a list of ``[figure, least, most]`` on the figures of
`rule_checks.measure`; all must hold. ``segments`` says where real motion of that action is found, for `freeze`.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from .rule_checks import resolve

RULES_FILE = Path(__file__).with_name("prompt_rules.json")
CHECKS_FILE = Path(__file__).with_name("rule_checks.py")


@dataclass(frozen=True)
class Bound:
    """``least <= figure <= most``; None is open."""

    figure: str
    least: float | None
    most: float | None

    def holds(self, figures: dict[str, float], side: str | None) -> bool:
        """Whether the figure lies between the limits."""
        value = resolve(self.figure, figures, side)
        return (self.least is None or value >= self.least) and (self.most is None or value <= self.most)


@dataclass(frozen=True)
class Rule:
    """``bounds`` all hold; ``segments`` as in the file: captions, clips, seconds."""

    name: str
    bounds: tuple[Bound, ...]
    segments: dict[str, Any]

    def broken(self, figures: dict[str, float], side: str | None = None) -> tuple[str, ...]:
        """Names of the figures that do not hold; empty when the motion passes."""
        return tuple(b.figure for b in self.bounds if not b.holds(figures, side))


@dataclass(frozen=True)
class Prompt:
    """One frozen prompt. ``seconds`` is the range it fills; ``novel``: worded unlike any training pattern."""

    id: str
    prompt: str
    seconds: float
    side: str | None
    novel: bool
    rule: Rule


@lru_cache(maxsize=1)
def load_rules() -> tuple[tuple[Prompt, ...], dict[str, Rule]]:
    """All frozen prompts, and the rules by name."""
    data = json.loads(RULES_FILE.read_text(encoding="utf-8"))
    rules = {
        name: Rule(name, tuple(Bound(*bound) for bound in rule["bounds"]), rule["segments"])
        for name, rule in data["rules"].items()
    }
    return tuple(Prompt(**{**p, "rule": rules[p["rule"]]}) for p in data["prompts"]), rules


def frozen_hashes() -> tuple[str, str]:
    """sha256 of ``prompt_rules.json`` and of ``rule_checks.py``: a rule means what the code measures."""
    first, second = (hashlib.sha256(p.read_bytes()).hexdigest() for p in (RULES_FILE, CHECKS_FILE))
    return first, second
