"""What a part of an evaluation says: figures beside their baselines and bars, plots, notes."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import isfinite
from typing import Any

REAL, MEAN_POSE, RANDOM, NEAREST = "real motion", "mean pose", "random clip", "nearest caption"
"""The baselines that any figure of motions may stand beside; the last three are of the training split."""
SENSES: dict[str, Callable[[float, float], bool]] = {
    "<=": operator.le, ">=": operator.ge, "<": operator.lt, ">": operator.gt, "=": operator.eq,
}  # fmt: skip


@dataclass(frozen=True)
class Bar:
    """What a figure must reach: ``sense`` is one of `SENSES`; ``words`` say where ``limit`` comes from."""

    sense: str
    limit: float
    words: str = ""

    def met(self, value: float) -> bool:
        """Whether a value does."""
        return bool(SENSES[self.sense](value, self.limit))


@dataclass(frozen=True)
class Figure:
    """One number. ``interval`` is its 95 % interval where it is a mean over draws; ``baselines`` by name, None where
    one has no such figure; ``better`` is "higher", "lower" or "" where neither is."""

    name: str
    value: float | None
    unit: str = ""
    better: str = ""
    interval: tuple[float, float] | None = None
    baselines: Mapping[str, float | None] = field(default_factory=dict)
    bar: Bar | None = None

    @property
    def met(self) -> bool | None:
        """Whether the bar is met; None without a bar. A figure that could not be measured meets none."""
        if self.bar is None:
            return None
        return self.value is not None and isfinite(self.value) and self.bar.met(self.value)

    def record(self) -> dict[str, Any]:
        """For JSON."""
        bar = None
        if self.bar is not None:
            bar = {"sense": self.bar.sense, "limit": plain(self.bar.limit), "words": self.bar.words, "met": self.met}
        return {
            "name": self.name,
            "value": plain(self.value),
            "unit": self.unit,
            "better": self.better,
            "interval": None if self.interval is None else [plain(x) for x in self.interval],
            "baselines": {name: plain(value) for name, value in self.baselines.items()},
            "bar": bar,
        }


@dataclass(frozen=True)
class Line:
    """One curve of a plot: ``points`` (x, y) from left to right; ``dashed`` for a baseline."""

    name: str
    points: tuple[tuple[float, float], ...]
    dashed: bool = False


@dataclass(frozen=True)
class Plot:
    """Curves over a common x; ``mark`` is an x that stands out, such as the default."""

    title: str
    x: str
    y: str
    lines: tuple[Line, ...]
    mark: float | None = None

    def record(self) -> dict[str, Any]:
        """For JSON."""
        lines = {line.name: [[plain(a), plain(b)] for a, b in line.points] for line in self.lines}
        return {"title": self.title, "x": self.x, "y": self.y, "lines": lines}


@dataclass(frozen=True)
class Section:
    """``notes`` are sentences that say how and on what was measured; ``details`` goes into the JSON alone."""

    name: str
    title: str
    figures: tuple[Figure, ...]
    notes: tuple[str, ...] = ()
    plots: tuple[Plot, ...] = ()
    details: Mapping[str, Any] = field(default_factory=dict)

    def record(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "title": self.title,
            "figures": [figure.record() for figure in self.figures],
            "notes": list(self.notes),
            "plots": [plot.record() for plot in self.plots],
            "details": dict(self.details),
        }


@dataclass(frozen=True)
class Failed:
    """A section that could not be measured, and why, in a sentence."""

    name: str
    sentence: str


def plain(value: float | None) -> float | None:
    """A number as JSON has it: six digits, and nothing for what is none."""
    if value is None or not isfinite(value):
        return None
    return float(f"{float(value):.6g}")
