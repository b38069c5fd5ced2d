"""Waypoints that are passed when it suits: their times, found in what the model does without them.

The model is asked first for one take without them. A waypoint is passed when that motion has gone as far as the way to
it is, and has as far to go as the way on from it; where a path is followed, when it comes nearest on it. From then on
it is a waypoint like any other, and the model is asked with it.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..motion.smooth import filter_time, gaussian
from ..protocol.direction import Direction, Waypoint
from ..protocol.direction_checks import FASTEST
from ..protocol.requests import MODEL_FPS, GenerateRequest, StartState

Array = np.ndarray
_COURSE = 0.25  # s: what is faster is the sway of steps, which is no way
_TOO_FAST = 100.0  # m: a time at which nobody can be there is the last to be chosen


def asked_first(request: GenerateRequest) -> GenerateRequest | None:
    """The request without waypoints that are passed when it suits, for one take; None where there are none."""
    direction = request.direction
    if direction is None or all(way.until is None for way in direction.waypoints):
        return None
    fixed = replace(direction, waypoints=tuple(way for way in direction.waypoints if way.until is None))
    return replace(request, takes=1, direction=None if fixed == Direction() else fixed)


def settled(request: GenerateRequest, path: Array) -> GenerateRequest:
    """The request with a time for each of its waypoints, from the answer's ``path`` (T, 3) to `asked_first`."""
    direction = request.direction
    assert direction is not None
    frames = len(path)
    course = path[:, [0, 2]].astype(np.float64)
    if frames > 3 * _COURSE * MODEL_FPS:
        course = filter_time(course, gaussian(_COURSE * MODEL_FPS))
    gone = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(course, axis=0), axis=1))])
    start = request.start or StartState()
    stops = [(0.0, path[0, [0, 2]] if request.start is None else np.array(start.position)[[0, 2]])]
    stops += [(way.time, np.array(way.place)) for way in direction.waypoints if way.until is None]
    if request.keys is not None:
        roots = request.keys.roots
        stops += [(t, p[[0, 2]]) for t, p in zip(request.keys.time[roots], request.keys.trans[roots], strict=True)]
    times: dict[int, float] = {}
    for i, way in sorted(enumerate(direction.waypoints), key=lambda pair: pair[1].time):
        if way.until is None:
            continue
        first, last = (round(t * MODEL_FPS) for t in (way.time, way.until))
        frame = np.arange(max(first, 0), min(last, frames - 1) + 1)
        if direction.path is not None:
            cost = np.linalg.norm(path[frame][:, [0, 2]] - way.place, axis=1)
        else:
            cost = _cost(frame, np.array(way.place), stops, gone)
        times[i] = float(frame[int(np.argmin(cost))]) / MODEL_FPS
        stops.append((times[i], np.array(way.place)))
    ways = tuple(
        Waypoint(times[i], way.place, way.heading, way.radius) if i in times else way
        for i, way in enumerate(direction.waypoints)
    )
    return replace(request, direction=replace(direction, waypoints=ways))


def _cost(frame: Array, place: Array, stops: list[tuple[float, Array]], gone: Array) -> Array:
    """Metres (N,) by which the ways to and from a place at each of N frames are not as long as the motion's own, which
    has ``gone`` (T,) metres at its frames; ``stops`` are the places and times that are fixed."""
    out: Array = np.zeros(len(frame))
    at = np.array([round(time * MODEL_FPS) for time, _ in stops])
    where = np.array([stop for _, stop in stops])
    for k, f in enumerate(frame):
        for beside in (np.flatnonzero(at <= f), np.flatnonzero(at > f)):
            if not len(beside):
                continue
            nearest = beside[np.argmin(np.abs(at[beside] - f))]
            way = float(np.linalg.norm(place - where[nearest]))
            own = abs(float(gone[f] - gone[np.clip(at[nearest], 0, len(gone) - 1)]))
            fast = way * MODEL_FPS > FASTEST * abs(f - at[nearest])
            out[k] += abs(way - own) + _TOO_FAST * fast
    return out
