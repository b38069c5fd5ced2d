"""What is refused of a path, waypoints and pins, each with its sentence: what nobody could follow."""

from __future__ import annotations

import numpy as np

from .direction import PARTS, Direction, Pin, RootPath, Waypoint
from .failures import RequestFailure

Array = np.ndarray
FASTEST = 8.0
"""m/s: above this the body does not go from one asked-for place to the next; a good sprint from a stand is 6."""
FASTEST_LIMB = 12.0
"""m/s of a pinned point; a thrown fist has 9."""
_NEAR = 0.25  # m that two places may be apart however short the time
_FARTHEST = 1e4  # m from the origin: more is centimetres or a mistake
_TINY = 1e-4  # s


def validate_direction(direction: Direction, duration: float, start: tuple[float, float, float] | None = None) -> None:
    """Refuse what nobody could follow. ``start`` is where the character stands at time 0, None where that is free; a
    path that begins at time 0 says itself where the motion begins. Raises RequestFailure."""
    if direction.path is not None:
        _validate_path(direction.path, duration)
    for way in direction.waypoints:
        numbers = [way.time, way.latest, *way.place, way.heading or 0.0, way.radius]
        if not np.isfinite(numbers).all() or way.radius < 0:
            raise _not_finite("A waypoint holds")
        if way.latest < way.time:
            raise RequestFailure(
                "waypoint_times", "A waypoint ends before it begins.", "Put its last frame after its first."
            )
        _inside(way.time, way.latest, duration, "A waypoint")
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
    turns = np.ones((1, 4)) if pin.turns is None else pin.turns
    if not all(np.isfinite(x).all() for x in (pin.times, pin.points, turns)) or not turns.any(axis=1).all():
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
    stops = [(w.time, *w.place, w.radius, "the waypoint") for w in direction.waypoints if w.until is None]
    path = direction.path
    if path is not None:
        for end, words in ((0, "the path's beginning"), (-1, "the path's end")):
            stops.append((float(path.times[end]), *path.places[end], 0.0, words))
        for way in direction.waypoints:
            if way.until is not None:
                continue
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
    for way in direction.waypoints:
        if way.until is not None and path is None:
            _reached_in_time(way, stops)
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


def _reached_in_time(way: Waypoint, stops: list[tuple[float, float, float, float, str]]) -> None:
    """Refuse a waypoint of free time that nobody comes to in the time there is from the stop before, or leaves for the
    one after."""
    for before in (True, False):
        others = [s for s in stops if (s[0] <= way.time if before else s[0] >= way.latest)]
        if not others:
            continue
        t, x, z, r, words = others[-1] if before else others[0]
        far = float(np.hypot(way.place[0] - x, way.place[1] - z))
        speed = max(far - r - way.radius, 0.0) / max(way.latest - t if before else t - way.time, _TINY)
        if far - r - way.radius > _NEAR and speed > FASTEST:
            raise RequestFailure(
                "waypoint_too_far",
                f"Between {words} at {t:.2f} s and the waypoint at {way.time:.2f}–{way.latest:.2f} s are {far:.1f} m, "
                f"which asks for {speed:.0f} m/s: nobody is that fast.",
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
