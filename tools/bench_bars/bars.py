"""The bars: what is measured, how it is judged, and how it is told. Standard library only."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Bar:
    """One bar. The figure is the ``by`` of all samples: "median", "worst" (farthest on the bad side), "p99".

    ``most`` and ``least`` are the limits in ``unit``; with both, every sample must lie between them.
    """

    key: str
    what: str
    unit: str
    most: float | None = None
    least: float | None = None
    by: str = "median"

    @property
    def limit(self) -> str:
        """The bar in words: ``<= 50 ms``."""
        if self.most is not None and self.least is not None:
            return f"{self.least:g} to {self.most:g} {self.unit}".rstrip()
        sign, number = ("<=", self.most) if self.most is not None else (">=", self.least)
        return f"{sign} {number:g} {self.unit}".rstrip()


@dataclass(frozen=True)
class Measured:
    """A bar with its figure and whether it is met."""

    bar: Bar
    figure: float
    met: bool
    samples: tuple[float, ...]

    def to_dict(self) -> dict[str, object]:
        """JSON-ready form; many samples are told by their number and extremes."""
        told: object = [round(x, 4) for x in self.samples]
        if len(self.samples) > 30:
            told = {"count": len(self.samples), "min": min(self.samples), "max": max(self.samples)}
        return {
            "name": self.bar.key,
            "what": self.bar.what,
            "figure": round(self.figure, 4),
            "unit": self.bar.unit,
            "by": self.bar.by,
            "bar": self.bar.limit,
            "met": self.met,
            "samples": told,
        }


VERSIONS = ("4.5", "5.0")

_KEYING = "300 frames x 55 joints: resampling to the scene's rate and writing all curves"
_APPLY = "writing a 10 s take as an action, recipe, review and undo step included"
_LIBRARIES = "packages beside Python's own and numpy that enabling imports"
_LOAD = "weights of the model and of the text encoder, read and made ready to compute; libraries imported before"
_FIRST = "a clean profile, no engine, no network: from enabling to the f-curves of a 4 s walk"
_FELT = "from Cancel to a panel that is idle again"
_ENDED = "from Cancel until the engine takes the next job or is gone, polled as the timer does"

BARS = (
    *(Bar(f"keying, Blender {v}", _KEYING, "ms", most=50) for v in VERSIONS),
    *(Bar(f"apply, Blender {v}", _APPLY, "s", most=0.5, by="worst") for v in VERSIONS),
    Bar("generation warm", "10 s from two new prompts, Generate to take, engine loaded", "s", most=10),
    Bar("generation cold", "the same by an engine not yet started, in a fresh install, no prompt cached", "s", most=20),
    Bar("built-in, 10 s", "the same warm shot by the built-in model, no engine set up", "s", most=15),
    Bar("determinism", "runs in other processes whose f-curve bytes differ", "runs", most=0, by="worst"),
    Bar("determinism, built-in", "the same for the built-in model", "runs", most=0, by="worst"),
    Bar("load, engine", _LOAD, "s", most=1.0),
    Bar("load, built-in", _LOAD, "s", most=1.0),
    *(Bar(f"first motion, Blender {v}", _FIRST, "s", most=60, by="worst") for v in VERSIONS),
    Bar("cancel felt, bundled", _FELT, "s", most=0.1, by="worst"),
    Bar("cancel ended, bundled", _ENDED, "s", most=1.0, by="worst"),
    Bar("cancel felt, full size", _FELT, "s", most=0.1, by="worst"),
    Bar("cancel ended, full size", _ENDED + "; kill included", "s", most=2.0, by="worst"),
    Bar("silence", "from SIGSTOP of the engine to the sentence in the panel", "s", least=8.5, most=11.5, by="worst"),
    Bar("length, memory", "300 s against 20 s: peak above the loaded idle engine, a second of motion", "x", most=1.5),
    Bar("length, time", "300 s against 20 s: time from request to result, a second of motion", "x", most=1.5),
    Bar(
        "text borders",
        "95th percentile of the change of joint velocity within 3 frames of a border against elsewhere, 300 s",
        "x",
        most=1.25,
        by="worst",
    ),
    *(Bar(f"enabling, Blender {v}", "what enabling adds to a start of Blender", "s", most=0.3) for v in VERSIONS),
    *(Bar(f"libraries, Blender {v}", _LIBRARIES, "", most=0, by="worst") for v in VERSIONS),
    Bar("closing", "from closing Blender during a generation until its engine is gone", "s", most=5, by="worst"),
    Bar("kill -9", "from kill -9 of Blender during a generation until its engine is gone", "s", most=10, by="worst"),
    Bar("window, tick", "longest timer tick but those that apply a take, three runs", "ms", most=10, by="worst"),
    Bar("window, apply", "the tick that applies a 10 s take", "s", most=0.5, by="worst"),
    Bar("window, draw", "drawing a GENMO panel, 99th percentile of three runs", "ms", most=2, by="p99"),
    Bar("window, redraws", "redraws of the GENMO panel while a generation runs", "1/s", least=20, by="worst"),
    Bar("window, cancel felt", "from the simulated key to the drawing of the idle panel", "s", most=0.1, by="worst"),
    Bar("window, closing", "from closing a generating window until its engine is gone", "s", most=5, by="worst"),
    Bar("window, kill -9", "from kill -9 of that Blender until its engine is gone", "s", most=10, by="worst"),
)


def percentile(samples: Sequence[float], percent: float) -> float:
    """The smallest sample that at least ``percent`` of them do not exceed (nearest rank: never between two)."""
    ordered = sorted(samples)
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]


def figure_of(bar: Bar, samples: Sequence[float]) -> float:
    """The one number that is compared with the bar. Raises ValueError without samples."""
    if not samples:
        raise ValueError(f"{bar.key} has no samples")
    if bar.by == "median":
        return statistics.median(samples)
    if bar.by == "p99":
        return percentile(samples, 99)
    if bar.most is None:
        return min(samples)
    if bar.least is None:
        return max(samples)
    middle = (bar.least + bar.most) / 2
    return max(samples, key=lambda x: abs(x - middle))


def judge(bar: Bar, samples: Sequence[float]) -> Measured:
    """Compare. A figure that is no number is not met."""
    figure = figure_of(bar, samples)
    above = bar.least is None or figure >= bar.least
    below = bar.most is None or figure <= bar.most
    return Measured(bar, figure, above and below, tuple(samples))


def judge_all(samples: Mapping[str, Sequence[float]]) -> list[Measured]:
    """The bars that have samples, in the order of the table. Raises KeyError for samples of no bar."""
    known = {bar.key for bar in BARS}
    for key in samples:
        if key not in known:
            raise KeyError(key)
    return [judge(bar, samples[bar.key]) for bar in BARS if bar.key in samples]


def table(measured: Sequence[Measured]) -> str:
    """For people: one line a bar."""
    rows = [("bar", "figure", "limit", "met")]
    for one in measured:
        figure = f"{one.figure:.4g} {one.bar.unit}".rstrip()
        rows.append((one.bar.key, figure, one.bar.limit, "yes" if one.met else "NO"))
    widths = [max(len(row[i]) for row in rows) for i in range(4)]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
    return "\n".join(line.rstrip() for line in lines)
