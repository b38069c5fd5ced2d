"""Path, waypoints and pins of a request -> the frames of the model: what the network is told, and what is met after it.

The network is told a path as roots a sixth of a second apart, as it was in training; the pass after it
(`motion.following`, `motion.pinning`) meets path, waypoints and pins to the centimetre and the millimetre.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ..motion import rotations as rot
from ..motion.following import Route, away, followed
from ..motion.holds import Hold
from ..motion.keyed import KeyFrames
from ..motion.kinematics import joint_positions
from ..motion.pinning import limb_keyed, misses, pinned
from ..motion.quality import toe_slide
from ..motion.skeleton import canonical
from ..motion.turned import turned_away
from ..protocol.direction import Direction, Pin, RootPath
from ..protocol.requests import MODEL_FPS, GenerateRequest

Array = np.ndarray
_STEP = 5  # frames from one root of a path to the next that the network is told
_STANDS = 0.05  # m/s: a path that goes slower says no way to look
_MET = 0.002  # m: a pin that is missed by more is told of
_TURNED = 1.0  # degrees: as much of its rotation
_ON_PATH = 0.03
_SLIDES = 0.5  # m/s of toes on the floor: half a walk is then dragged along
_STARTS = 0.1  # m between where a character stands and where its path begins that are worth a word


def told_frames(request: GenerateRequest, keys: KeyFrames | None) -> KeyFrames | None:
    """The keys on the request's frames with the roots that path and waypoints say beside them; None with neither."""
    direction = request.direction
    if direction is None or not direction.leads:
        return keys
    frames, route = request.frames, route_of(direction, request)
    if keys is None:
        keys = KeyFrames(np.tile(rot.IDENTITY, (frames, 22, 1)), np.zeros((frames, 3)), np.zeros((frames, 22), bool))
    told = route.known & ~keys.roots & (~route.dense | (np.arange(frames) % _STEP == 0) | _last(route.dense))
    place, heading, faces = route.place, route.heading, route.faces & told
    rotations, path = keys.rotations.copy(), keys.path.copy()
    rotations[told, 0] = rot.about_y(np.where(faces, heading, 0.0))[told]
    path[told] = place[told]
    start = None
    if request.start is not None and not told[0] and not keys.roots[0]:
        x, _, z = request.start.position
        start = (x, z, request.start.heading)
    return replace(keys, rotations=rotations, path=path, start=start, ways=told, facing=faces)


def _last(flags: Array) -> Array:
    """True at the last true frame of (T,)."""
    out = np.zeros_like(flags)
    if flags.any():
        out[np.flatnonzero(flags)[-1]] = True
    return out


def route_of(direction: Direction, request: GenerateRequest) -> Route:
    """Path and waypoints on the request's frames."""
    frames = request.frames
    place: Array = np.zeros((frames, 3))
    room: Array = np.zeros(frames)
    heading: Array = np.zeros(frames)
    known: Array
    faces: Array
    dense: Array
    known, faces, dense = (np.zeros(frames, dtype=bool) for _ in range(3))
    line, line_heading = None, None
    if direction.path is not None:
        road = direction.path
        time = np.arange(frames) / MODEL_FPS
        dense = (time >= road.times[0] - 1e-6) & (time <= road.times[-1] + 1e-6)
        known = dense.copy()
        place[:, 0], place[:, 2] = (np.interp(time, road.times, road.places[:, k]) for k in (0, 1))
        looks, told = _headings(road, time, place)
        heading, faces = np.where(dense, looks, 0.0), dense & told
        if not road.fixed:
            line = np.stack([road.places[:, 0], np.zeros(len(road.places)), road.places[:, 1]], axis=1)
            line_heading = _along_line(road, line)
    for way in direction.waypoints:
        at = int(np.clip(round(way.time * MODEL_FPS), 0, frames - 1))
        if dense[at]:  # a waypoint on a path says where to look; validation has seen that it lies there
            continue
        place[at], room[at], known[at] = (way.place[0], 0.0, way.place[1]), way.radius, True
        if way.heading is not None:
            heading[at], faces[at] = way.heading, True
    if request.start is not None and known[0] and not faces[0]:  # nothing else says where the character looks at first
        heading[0], faces[0] = request.start.heading, True
    return Route(place, room, known, heading, faces, dense, line, line_heading)


def _headings(road: RootPath, time: Array, place: Array) -> tuple[Array, Array]:
    """Where to look at each time (T,): radians, and whether the path says so."""
    if road.headings is not None:
        told = np.interp(time, road.times, np.isnan(road.headings).astype(float)) < 0.5
        given = ~np.isnan(road.headings)
        if not given.any():
            return np.zeros(len(time)), told
        return np.interp(time, road.times[given], np.unwrap(road.headings[given])), told
    return _course(np.gradient(place, axis=0) * MODEL_FPS, _STANDS, len(place))


def _along_line(road: RootPath, line: Array) -> Array | None:
    if road.headings is not None:
        return road.headings
    looks, _ = _course(np.gradient(line, axis=0), 1e-9, len(line))
    return looks


def _course(velocity: Array, least: float, count: int) -> tuple[Array, Array]:
    """Directions (T,) of velocities (T, 3), held where they are nothing; all told unless nothing moves."""
    moves = np.linalg.norm(velocity, axis=1) > least
    if not moves.any():
        return np.zeros(count), moves
    looks = np.unwrap(np.arctan2(velocity[moves, 0], velocity[moves, 2]))
    return np.interp(np.arange(count), np.flatnonzero(moves), looks), np.ones(count, dtype=bool)


def holds_of(pins: Sequence[Pin], frames: int) -> list[Hold]:
    """Pins on frames: held at those inside their times, or at the nearest one."""
    time, out = np.arange(frames) / MODEL_FPS, []
    for pin in pins:
        held = (time >= pin.times[0] - 1e-6) & (time <= pin.times[-1] + 1e-6)
        if pin.times[0] < pin.times[-1]:  # a key of another rate lies between two frames: both are held
            held |= np.append(held[1:], False) & (time > pin.times[0] - 1.0 / MODEL_FPS)
            held |= np.append(False, held[:-1]) & (time < pin.times[-1] + 1.0 / MODEL_FPS)
        if not held.any():
            held[np.argmin(np.abs(time - pin.times[0]))] = True
        points = np.stack([np.interp(time, pin.times, pin.points[:, k]) for k in range(3)], axis=1)
        if len(pin.times) > 1:  # those two lie on the way that the point comes and goes
            for at, beside, outside in ((0, 1, time < pin.times[0]), (-1, -2, time > pin.times[-1])):
                pace = (pin.points[at] - pin.points[beside]) / (pin.times[at] - pin.times[beside])
                points[outside] = pin.points[at] + (time[outside] - pin.times[at])[:, None] * pace
        turns = None if pin.turns is None else _at_times(pin.turns, pin.times, time)
        out.append(Hold(pin.part, points, held, pin.ease_in * MODEL_FPS, pin.ease_out * MODEL_FPS, turns))
    return out


def _at_times(turns: Array, times: Array, at: Array) -> Array:
    """Quaternions (N, 4) of some times at others, (T, 4); outside them those at the ends."""
    row = np.interp(at, times, np.arange(len(times)))
    low = np.minimum(row.astype(int), max(len(times) - 2, 0))
    q = rot.normalise(turns)
    return rot.slerp(q[low], q[np.minimum(low + 1, len(q) - 1)], row - low)


def directed(
    rotations: Array, path: Array, contacts: Array, request: GenerateRequest, keys: KeyFrames | None
) -> tuple[Array, Array, dict[str, Any]]:
    """A take, (T, 22, 4), (T, 3) and (T, 6), that follows the request's path and waypoints and is held by its pins, and
    what to report of it."""
    direction = request.direction
    assert direction is not None
    rotations, path = rotations.astype(np.float64), path.astype(np.float64)
    if direction.leads:
        route = _with_start(route_of(direction, request), request, keys)
        rotations, path = followed(rotations, path, contacts, route, keys)
    holds = holds_of(direction.pins, request.frames)
    rotations, path = pinned(rotations, path, holds, keys)
    return rotations, path, _report(rotations, path, request, holds, keys)


def _with_start(route: Route, request: GenerateRequest, keys: KeyFrames | None) -> Route:
    """The route with the place where the character stands at first, where nothing else says that."""
    if request.start is None or route.known[0] or (keys is not None and keys.roots[0]):
        return route
    place, known, heading, faces = (x.copy() for x in (route.place, route.known, route.heading, route.faces))
    x, _, z = request.start.position
    place[0], known[0], heading[0], faces[0] = (x, 0.0, z), True, request.start.heading, True
    return replace(route, place=place, known=known, heading=heading, faces=faces)


def _report(
    rotations: Array, path: Array, request: GenerateRequest, holds: Sequence[Hold], keys: KeyFrames | None
) -> dict[str, Any]:
    """Figures and notes of how a direction was met."""
    direction = request.direction
    assert direction is not None
    figures: dict[str, Any] = {}
    notes: list[str] = []
    route = route_of(direction, request)
    if direction.path is not None:
        road, inside = direction.path, route.dense
        line = np.stack([road.places[:, 0], np.zeros(len(road.places)), road.places[:, 1]], axis=1)
        off = away(path[inside], line)
        figures["path_off_cm"] = round(100 * float(off.max()), 2)
        if off.max() > _ON_PATH:
            at = np.flatnonzero(inside)[int(np.argmax(off))] / MODEL_FPS
            keyed = keys is not None and bool(keys.roots.any())
            why = "a keyed pose" if keyed else "a pin" if holds else "a sharp turn"
            notes.append(f"At {at:.2f} s the hips are {100 * off.max():.0f} cm from the path, because of {why}.")
        if not road.fixed:
            end = float(np.linalg.norm((path[np.flatnonzero(inside)[-1]] - line[-1])[[0, 2]]))
            if end > 0.3:
                notes.append(f"At its own pace the motion stops {end:.1f} m before the path's end.")
        if request.start is not None and route.known[0]:
            apart = float(np.hypot(*(np.array(request.start.position)[[0, 2]] - route.place[0, [0, 2]])))
            if apart > _STARTS:
                notes.append(f"The motion begins on the path, {apart:.1f} m from where the character stood.")
    slide = toe_slide(joint_positions(canonical(), rotations, path)) if direction.leads else 0.0
    if slide > _SLIDES:
        notes.append(
            f"The feet slide by {100 * slide:.0f} cm/s: what the words say does not fit the way and its facing."
        )
    for way in direction.waypoints:
        at = int(np.clip(round(way.time * MODEL_FPS), 0, len(path) - 1))
        miss = float(np.hypot(path[at, 0] - way.place[0], path[at, 2] - way.place[1]))
        if miss > max(way.radius, _ON_PATH) + 1e-3:
            notes.append(f"The waypoint at {way.time:.2f} s is missed by {100 * miss:.0f} cm.")
    if direction.waypoints:
        figures["waypoints"] = len(direction.waypoints)
        figures["waypoints_at"] = [round(way.time, 4) for way in direction.waypoints]
    worst = []
    for pin, hold in zip(direction.pins, holds, strict=True):
        missed = misses(rotations, path, hold)
        worst.append(float(missed.max()))
        if missed.max() > _MET:
            keyed = keys is not None and limb_keyed(hold, keys.known)[hold.held].any()
            why = "a keyed pose holds it elsewhere" if keyed else "it is out of reach"
            size = f"{100 * missed.max():.0f} cm" if missed.max() > 0.01 else f"{1000 * missed.max():.0f} mm"
            notes.append(f"The {pin.words} misses its pin by up to {size}: {why}.")
        away_by = np.degrees(turned_away(rotations, hold))
        if away_by > _TURNED:
            notes.append(f"The {pin.words} is turned {away_by:.0f}° away from its pin: a keyed pose holds it.")
    if worst:
        figures["pins_off_mm"] = round(1000 * max(worst), 3)
    return {"direction": figures, "ignored": notes}
