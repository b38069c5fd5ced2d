"""Where the character goes and what it holds: a path for the root, waypoints, pins; what is refused of them.

Space is that of the answer: Y up, metres, radians, the floor at y = 0; a place on the floor is its (x, z). A heading
turns about +Y, 0 looks along +Z. Times are seconds from the range's start.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
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
FASTEST = 8.0
"""m/s: above this the body does not go from one asked-for place to the next; a good sprint from a stand is 6."""
FASTEST_LIMB = 12.0
"""m/s of a pinned point; a thrown fist has 9."""
EASE = 0.3
"""Seconds over which a part goes to its pin and leaves it, unless the animator says otherwise."""
RADIUS = 0.03
"""Metres from a waypoint that count as there."""
_NEAR = 0.25  # m that two places may be apart however short the time
_FARTHEST = 1e4  # m from the origin: more is centimetres or a mistake
_TINY = 1e-4  # s
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
    """The root is within ``radius`` metres of ``place`` at ``time``, looking to ``heading`` where that is not None."""

    time: float
    place: tuple[float, float]
    heading: float | None = None
    radius: float = RADIUS


@dataclass(frozen=True, eq=False)
class Pin:
    """``part`` of `PARTS` is at ``points`` (N, 3) at ``times`` (N,), between them straight from point to point; it goes
    there over ``ease_in`` seconds before the first time and leaves over ``ease_out`` after the last."""

    part: str
    times: Array
    points: Array
    ease_in: float = EASE
    ease_out: float = EASE

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
        ends = [w.time for w in self.waypoints] + [float(p.times[-1]) for p in self.pins if len(p.times)]
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
        ways = [
            {"time": w.time, "place": list(w.place), "heading": w.heading, "radius": w.radius} for w in self.waypoints
        ]
        pins = [
            {
                "part": p.part,
                "times": p.times.tolist(),
                "points": p.points.tolist(),
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
    ) and (getattr(a, "headings", None) is None) == (getattr(b, "headings", None) is None)


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
    heading = record.get("heading")
    return Waypoint(
        float(record["time"]), (x, z), None if heading is None else float(heading), float(record.get("radius", RADIUS))
    )


def _pin(record: Mapping[str, Any]) -> Pin:
    times, points = _array(record["times"], 0, "times"), _array(record["points"], 3, "points")
    if len(points) != len(times):
        raise ValueError("a pin has as many points as times")
    eases = (float(record.get(name, EASE)) for name in ("ease_in", "ease_out"))
    return Pin(str(record["part"]), times, points, *eases)


def validate_direction(direction: Direction, duration: float, start: tuple[float, float, float] | None = None) -> None:
    """Refuse what nobody could follow. ``start`` is where the character stands at time 0, None where that is free; a
    path that begins at time 0 says itself where the motion begins. Raises RequestFailure."""
    if direction.path is not None:
        _validate_path(direction.path, duration)
    for way in direction.waypoints:
        if not np.isfinite([way.time, *way.place, way.heading or 0.0, way.radius]).all() or way.radius < 0:
            raise _not_finite("A waypoint holds")
        _inside(way.time, way.time, duration, "A waypoint")
        _near_enough(np.array(way.place), "A waypoint")
    for pin in direction.pins:
        _validate_pin(pin, duration)
    for part in PARTS:
        spans = sorted((p.times[0], p.times[-1], p) for p in direction.pins if p.part == part)
        for (_, end, pin), (begin, _, _) in zip(spans, spans[1:], strict=False):
            if begin < end - _TINY:
                raise RequestFailure(
                    "pins_overlap",
                    f"Two pins hold the {pin.words} at {begin:.2f} s.",
                    "Let one end before the other begins, or remove one.",
                )
    _validate_ways(direction, start)


def _validate_path(path: RootPath, duration: float) -> None:
    if len(path.times) < 2:
        raise RequestFailure("path_too_short", "The path has fewer than two points.", "Draw a longer curve.")
    given = np.zeros(1) if path.headings is None else path.headings[~np.isnan(path.headings)]
    if not all(np.isfinite(x).all() for x in (path.times, path.places, given)):
        raise _not_finite("The path holds")
    if (np.diff(path.times) <= 0).any():
        raise RequestFailure(
            "path_times",
            "The path's times do not rise.",
            "Let its offset grow, so that each point comes after the last.",
        )
    _inside(path.times[0], path.times[-1], duration, "The path")
    _near_enough(path.places, "The path")
    steps, spans = np.linalg.norm(np.diff(path.places, axis=0), axis=1), np.diff(path.times)
    if not path.fixed:
        steps, spans = steps.sum(keepdims=True), spans.sum(keepdims=True)
    fast = (steps / spans > FASTEST) & (steps.sum() > _NEAR)
    if fast.any():
        i = int(np.argmax(steps / spans))
        length, most = np.linalg.norm(np.diff(path.places, axis=0), axis=1).sum(), (steps / spans)[i]
        raise RequestFailure(
            "path_too_fast",
            f"The path is {length:.1f} m long in {path.times[-1] - path.times[0]:.1f} s and asks for {most:.0f} m/s: "
            "nobody is that fast.",
            "Shorten the curve, or give it more time.",
        )


def _validate_pin(pin: Pin, duration: float) -> None:
    if pin.part not in PARTS:
        raise RequestFailure(
            "pin_part", f"There is no part “{pin.part}” to pin.", f"Pin one of {', '.join(PARTS.values())}."
        )
    what = f"The pin of the {pin.words}"
    if not len(pin.times):
        raise RequestFailure("pin_empty", f"{what} holds at no time.", "Give it a first and a last frame.")
    if not np.isfinite(pin.times).all() or not np.isfinite(pin.points).all():
        raise _not_finite(f"{what} holds")
    if (np.diff(pin.times) <= 0).any():
        raise RequestFailure("pin_times", f"{what} ends before it begins.", "Put its last frame after its first.")
    if not (0.0 <= pin.ease_in <= 60.0 and 0.0 <= pin.ease_out <= 60.0):
        raise RequestFailure("pin_ease", f"{what} has an ease that is no time.", "Give seconds of 0 or more.")
    _inside(pin.times[0], pin.times[-1], duration, what)
    _near_enough(pin.points, what)
    steps = np.linalg.norm(np.diff(pin.points, axis=0), axis=1)
    speed = steps / np.diff(pin.times)
    if ((speed > FASTEST_LIMB) & (steps > _NEAR)).any():
        raise RequestFailure(
            "pin_too_fast",
            f"{what} moves at {speed.max():.0f} m/s: nobody is that fast.",
            "Let what it follows move more slowly.",
        )


def _validate_ways(direction: Direction, start: tuple[float, float, float] | None) -> None:
    """Speeds from place to place: start, the path's ends, waypoints."""
    stops = [(w.time, *w.place, w.radius, "the waypoint") for w in direction.waypoints]
    path = direction.path
    if path is not None:
        for end, words in ((0, "the path's beginning"), (-1, "the path's end")):
            stops.append((float(path.times[end]), *path.places[end], 0.0, words))
        for way in direction.waypoints:
            if path.fixed and path.times[0] < way.time < path.times[-1]:
                at = [float(np.interp(way.time, path.times, path.places[:, k])) for k in (0, 1)]
                away = float(np.hypot(at[0] - way.place[0], at[1] - way.place[1]))
                if away > max(way.radius, _NEAR):
                    raise RequestFailure(
                        "waypoint_off_path",
                        f"The waypoint at {way.time:.2f} s lies {away:.1f} m beside the path.",
                        "Move it onto the path, or remove one of the two.",
                    )
    if start is not None and not any(time <= _TINY for time, *_ in stops):
        stops.append((0.0, start[0], start[2], 0.0, "where the character stands"))
    stops.sort(key=lambda stop: stop[0])
    for (t0, x0, z0, r0, from_), (t1, x1, z1, r1, to) in zip(stops, stops[1:], strict=False):
        inside = path is not None and path.times[0] - _TINY <= t0 and t1 <= path.times[-1] + _TINY
        far = float(np.hypot(x1 - x0, z1 - z0))
        speed = max(far - r0 - r1, 0.0) / max(t1 - t0, _TINY)
        if not inside and far - r0 - r1 > _NEAR and speed > FASTEST:
            raise RequestFailure(
                "waypoint_too_far",
                f"From {from_} at {t0:.2f} s to {to} at {t1:.2f} s are {far:.1f} m, which asks for {speed:.0f} "
                "m/s: nobody is that fast.",
                "Give the way more time, or bring the two closer together.",
            )


def _inside(first: float, last: float, duration: float, what: str) -> None:
    if first < -_TINY or last > duration + _TINY:
        at = f"{first:g} s" if first == last else f"{first:g}–{last:g} s"
        raise RequestFailure(
            "direction_outside_range",
            f"{what} ({at}) lies outside the range (0–{duration:g} s).",
            "Move it into the range, or make the range longer.",
        )


def _near_enough(places: Array, what: str) -> None:
    if np.abs(places).max() > _FARTHEST:
        raise RequestFailure(
            "direction_far_away", f"{what} lies {np.abs(places).max() / 1000:.0f} km away.", "Bring it nearer."
        )


def _not_finite(what: str) -> RequestFailure:
    return RequestFailure("direction_not_finite", f"{what} values that are not numbers.", "Set them again.")
