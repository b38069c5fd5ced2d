"""Where the character goes and what it holds: a path for the root, waypoints, pins; the arrays they travel as.

Space is that of the answer: Y up, metres, radians, the floor at y = 0; a place on the floor is its (x, z). A heading
turns about +Y, 0 looks along +Z. Times are seconds from the range's start.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from .failures import RequestFailure

Array = np.ndarray
PARTS: Mapping[str, str] = {
    "left_hand": "left hand",
    "right_hand": "right hand",
    "left_foot": "left foot",
    "right_foot": "right foot",
    "hips": "hips",
    "head": "head",
}
"""What can be pinned, and its words. A hand is its wrist joint, a foot its ankle joint, the hips the pelvis joint."""
EASE = 0.3
"""Seconds over which a part goes to its pin and leaves it, unless the animator says otherwise."""
RADIUS = 0.03
"""Metres from a waypoint that count as there."""
_CONTENT = "Give times and places of the path, time and place of waypoints, part, times and points of pins."


@dataclass(frozen=True, eq=False)
class RootPath:
    """The root goes through ``places`` (N, 2), N >= 2, straight from point to point, from the first of ``times`` (N,)
    to the last.

    ``fixed``: it is at each place at its time; else the times say only when it sets out and about when it is there, and
    the motion keeps its own pace in between. ``headings`` (N,): where the body looks, None where it looks along the
    path; not-a-number where its facing is free.
    """

    times: Array
    places: Array
    headings: Array | None = None
    fixed: bool = True

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RootPath) and self.fixed == other.fixed and _same(self, other)

    def __hash__(self) -> int:
        return hash(self.times.tobytes())


@dataclass(frozen=True)
class Waypoint:
    """The root is within ``radius`` metres of ``place`` at ``time``, looking to ``heading`` where that is not None.

    ``until``: at some time from ``time`` to that one, whichever suits the motion; None: at ``time``.
    """

    time: float
    place: tuple[float, float]
    heading: float | None = None
    radius: float = RADIUS
    until: float | None = None

    @property
    def latest(self) -> float:
        """The last time at which it may be passed."""
        return self.time if self.until is None else self.until


@dataclass(frozen=True, eq=False)
class Pin:
    """``part`` of `PARTS` is at ``points`` (N, 3) at ``times`` (N,), between them straight from point to point; it goes
    there over ``ease_in`` seconds before the first time and leaves over ``ease_out`` after the last.

    ``turns`` (N, 4): how the part's joint is turned in the world at those times, quaternions, w first, from the rest
    pose; None where that is free.
    """

    part: str
    times: Array
    points: Array
    ease_in: float = EASE
    ease_out: float = EASE
    turns: Array | None = None

    @property
    def words(self) -> str:
        """The part as an animator calls it."""
        return PARTS.get(self.part, self.part)

    def __eq__(self, other: object) -> bool:
        own = (self.part, self.ease_in, self.ease_out)
        return isinstance(other, Pin) and own == (other.part, other.ease_in, other.ease_out) and _same(self, other)

    def __hash__(self) -> int:
        return hash((self.part, self.times.tobytes()))


@dataclass(frozen=True)
class Direction:
    """All of it; an empty one says nothing."""

    path: RootPath | None = None
    waypoints: tuple[Waypoint, ...] = ()
    pins: tuple[Pin, ...] = ()

    @property
    def leads(self) -> bool:
        """Whether it says where the root goes."""
        return self.path is not None or bool(self.waypoints)

    @property
    def last(self) -> float:
        """The latest time that it speaks of, 0 where it says nothing."""
        ends = [w.latest for w in self.waypoints] + [float(p.times[-1]) for p in self.pins if len(p.times)]
        if self.path is not None and len(self.path.times):
            ends.append(float(self.path.times[-1]))
        return max(ends, default=0.0)

    def to_dict(self) -> dict[str, Any]:
        """Numbers as lists; on the pipe those of paths and pins travel as arrays."""
        path = None
        if self.path is not None:
            headings = None if self.path.headings is None else _nullable(self.path.headings)
            path = {
                "times": self.path.times.tolist(),
                "places": self.path.places.tolist(),
                "headings": headings,
                "fixed": self.path.fixed,
            }
        ways = [asdict(w) | {"place": list(w.place)} for w in self.waypoints]
        pins = [
            {
                "part": p.part,
                "times": p.times.tolist(),
                "points": p.points.tolist(),
                "turns": None if p.turns is None else p.turns.tolist(),
                "ease_in": p.ease_in,
                "ease_out": p.ease_out,
            }
            for p in self.pins
        ]
        return {"path": path, "waypoints": ways, "pins": pins}

    @staticmethod
    def read(record: Mapping[str, Any]) -> Direction:
        """Inverse of `to_dict`; arrays may be arrays or lists. Raises RequestFailure for what is missing or has another
        shape."""
        try:
            path, ways, pins = record.get("path"), record.get("waypoints") or (), record.get("pins") or ()
            return Direction(
                None if path is None else _path(path),
                tuple(_waypoint(way) for way in ways),
                tuple(_pin(pin) for pin in pins),
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise RequestFailure(
                "direction_unreadable", f"The path, waypoints or pins could not be read ({error}).", _CONTENT
            ) from error


def _same(a: Any, b: Any) -> bool:
    pairs = ((getattr(a, name), getattr(b, name)) for name in a.__dataclass_fields__)
    return all(
        np.array_equal(x, y, equal_nan=True)
        for x, y in pairs
        if isinstance(x, np.ndarray) or isinstance(y, np.ndarray)
        if x is not None and y is not None
    ) and all((getattr(a, name, None) is None) == (getattr(b, name, None) is None) for name in ("headings", "turns"))


def _nullable(values: Array) -> list[float | None]:
    """JSON has no not-a-number."""
    return [None if np.isnan(v) else float(v) for v in values]


def _array(values: Any, width: int, name: str) -> Array:
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != (2 if width else 1) or (width and array.shape[1] != width):
        raise ValueError(f"{name} have the shape {array.shape}, not {'(N, ' + str(width) + ')' if width else '(N,)'}")
    return array


def _path(record: Mapping[str, Any]) -> RootPath:
    times, places = _array(record["times"], 0, "times"), _array(record["places"], 2, "places")
    given = record.get("headings")
    headings = None if given is None else _array([np.nan if h is None else h for h in given], 0, "headings")
    if len(places) != len(times) or (headings is not None and len(headings) != len(times)):
        raise ValueError("a path has as many places and headings as times")
    return RootPath(times, places, headings, bool(record.get("fixed", True)))


def _waypoint(record: Mapping[str, Any]) -> Waypoint:
    x, z = (float(v) for v in record["place"])
    heading, until = (None if record.get(name) is None else float(record[name]) for name in ("heading", "until"))
    return Waypoint(float(record["time"]), (x, z), heading, float(record.get("radius", RADIUS)), until)


def _pin(record: Mapping[str, Any]) -> Pin:
    times, points = _array(record["times"], 0, "times"), _array(record["points"], 3, "points")
    given = record.get("turns")
    turns = None if given is None else _array(given, 4, "turns")
    if len(points) != len(times) or (turns is not None and len(turns) != len(times)):
        raise ValueError("a pin has as many points and turns as times")
    ease_in, ease_out = (float(record.get(name, EASE)) for name in ("ease_in", "ease_out"))
    return Pin(str(record["part"]), times, points, ease_in, ease_out, turns)
