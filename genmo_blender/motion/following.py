"""The root of a motion bent onto a path and through waypoints, its heading along them, its feet kept where they stand.

What is added to the root's place and to its heading is a smooth curve: a step sways as it did, by centimetres, and the
slow course is the path's. Then every stance is locked again where the bent motion has it, so that no foot slides for
it. For motion at 30 frames a second on the canonical body. numpy alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from . import rotations as rot
from .easing import faded
from .keyed import KeyFrames
from .kinematics import joint_positions
from .locking import locked
from .planting import standing
from .skeleton import canonical
from .smooth import FPS, filter_time, gaussian

Array = np.ndarray
SWAY = 0.02
"""Metres from the path that a step may sway; what is more is taken off."""
SLOWEST, FASTEST = 0.7, 1.5
"""By how much a motion that keeps its own pace may be shortened or stretched to reach the path's end."""
_KNOT = 4  # frames between two knots of a correction
_COURSE = 0.25  # s: what is slower is the course and corrected, what is faster is sway and stays
_AT_POINT = 1e4  # weight of a waypoint beside that of one frame of a path
_FORGETS = 1.0  # s over which a correction that nothing asks for any more becomes level
_FLOOR = np.array([1.0, 0.0, 1.0])
_WALKS = 0.3  # m/s: slower than that, a motion has no direction to look along
_EASE = 6  # frames around a keyed root in which the correction comes to nothing


@dataclass(frozen=True, eq=False)
class Route:
    """Of each frame of a motion: ``place`` (T, 3) on the floor where the root shall be within ``room`` (T,) metres, if
    ``known`` (T,); ``heading`` (T,) radians, where it shall look if ``faces`` (T,). ``dense`` (T,): the path is in
    force, a place is known at each frame, and the sway of steps stays.

    ``line`` (N, 3): the path itself where the motion goes along it at its own pace, None where its times are given;
    ``line_heading`` (N,) radians then says where to look, not-a-number where that is free."""

    place: Array
    room: Array
    known: Array
    heading: Array
    faces: Array
    dense: Array
    line: Array | None = None
    line_heading: Array | None = None


def followed(
    rotations: Array, path: Array, contacts: Array, route: Route, keys: KeyFrames | None = None
) -> tuple[Array, Array]:
    """Local rotations (T, 22, 4) and path (T, 3) that follow a route; ``contacts`` (T, >= 4) tell which soles stand.

    Keyed roots stay where they are, as seen from above, and feet of keyed legs are not locked.
    """
    if route.line is not None:
        route = at_own_pace(path, route)
    if not route.known.any() and not route.faces.any():
        return rotations, path
    soles = standing(joint_positions(canonical(), rotations, path), contacts)
    held = np.zeros(len(path), dtype=bool) if keys is None else keys.roots
    moved = path + shift(path, route, held)
    turn = turning(rotations[:, 0], path, moved, route, held)
    bent = np.array(rotations, dtype=np.float64)
    bent[:, 0] = rot.multiply(rot.about_y(turn), bent[:, 0])
    if keys is not None:  # a leg that is keyed stands where its key has it
        soles = soles & ~np.repeat(keys.legs, 2, axis=1)
    bent, moved = locked(bent, moved, FPS, soles, flat=False)
    return rot.continuous(bent), moved


def at_own_pace(path: Array, route: Route) -> Route:
    """The route with the places at which a motion is that goes along its line: as far along as it has come by itself,
    made up to half longer or a third shorter where that brings it to the end."""
    assert route.line is not None
    legs = np.linalg.norm(np.diff(route.line, axis=0), axis=1)
    along = np.concatenate([[0.0], np.cumsum(legs)])
    first, end = np.flatnonzero(route.dense)[[0, -1]]
    course = filter_time(path * _FLOOR, gaussian(_COURSE * FPS)) if len(path) > 3 * _COURSE * FPS else path * _FLOOR
    gone = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(course[first : end + 1], axis=0), axis=1))])
    stretch = np.clip(along[-1] / max(gone[-1], 1e-6), SLOWEST, FASTEST)
    now = np.minimum(gone * stretch, along[-1])
    place, heading, faces = route.place.copy(), route.heading.copy(), route.faces.copy()
    place[first : end + 1] = _on(along, route.line, now)
    looks_first = heading[0], faces[0]
    if route.line_heading is not None:
        told = _on(along, np.unwrap(np.nan_to_num(route.line_heading))[:, None], now)[:, 0]
        free = _on(along, np.isnan(route.line_heading)[:, None].astype(float), now)[:, 0] > 0
        heading[first : end + 1], faces[first : end + 1] = told, ~free
        if not faces[0]:
            heading[0], faces[0] = looks_first
    return Route(place, route.room, route.known, heading, faces, route.dense)


def _on(along: Array, values: Array, at: Array) -> Array:
    return np.stack([np.interp(at, along, values[:, k]) for k in range(values.shape[1])], axis=1)


def shift(path: Array, route: Route, held: Array) -> Array:
    """What to add to the path (T, 3), on the floor, so that it is where the route has it; nothing at ``held`` (T,)
    frames."""
    missing = np.where(route.known[:, None], (route.place - path) * _FLOOR, 0.0)
    points = route.known & ~route.dense
    distance = np.linalg.norm(missing, axis=1)
    # A waypoint is met at the rim of its circle; one that is met already stays as it is.
    rim = np.where(points, np.maximum(distance - route.room, 0.0) / np.maximum(distance, 1e-9), 1.0)
    missing *= rim[:, None]
    missing[held] = 0.0
    weight = np.where(route.dense, 1.0, 0.0) + np.where(points | held, _AT_POINT, 0.0)
    course = bent_least(missing, weight)
    rest = missing - course
    size = np.linalg.norm(rest, axis=1)
    # Sway is rounded off toward its limit; at points nothing is left over.
    most = np.where(points | held, 0.0, SWAY)
    kept = size / (1.0 + (size / np.maximum(most, 1e-9)) ** 4) ** 0.25
    kept = np.where(size > 0, kept / np.maximum(size, 1e-12), 1.0)
    given = np.where((route.known | held)[:, None], rest * (1.0 - kept)[:, None], 0.0)
    given = (
        given
        + faded(np.where((points | held)[:, None], given, 0.0), points | held, _EASE) * ~(route.known | held)[:, None]
    )
    return course + given


def turning(root: Array, path: Array, moved: Array, route: Route, held: Array) -> Array:
    """Radians (T,) by which the root, world rotations (T, 4), turns so that it looks as the route says; where the route
    leaves that free it turns with its way, as far as that was bent."""
    looks = np.unwrap(rot.heading(root))
    faces = route.faces
    wanted = np.where(faces, route.heading - looks, 0.0)
    before, after = (filter_time(np.gradient(x, axis=0) * FPS * _FLOOR, _course(len(x))) for x in (path, moved))
    pace = np.minimum(np.linalg.norm(before, axis=1), np.linalg.norm(after, axis=1))
    ways = [np.arctan2(v[:, 0], v[:, 2]) for v in (before, after)]
    walks = (pace > _WALKS) & ~faces
    wanted = np.where(walks, ways[1] - ways[0], wanted)
    told = faces | walks
    if held.any():
        wanted, told = np.where(held, 0.0, wanted), told | held
    if not told.any():
        return np.zeros(len(root))
    wanted[told] = _unwrapped(wanted[told])
    alone = faces & ~route.dense
    weight = (
        np.where(faces & route.dense, 1.0, 0.0) + np.where(walks, 0.3, 0.0) + np.where(alone | held, _AT_POINT, 0.0)
    )
    return bent_least(wanted[:, None], weight)[:, 0]


def _unwrapped(angles: Array) -> Array:
    """Angles (N,) without jumps of a turn, the first of them the shorter way."""
    first = np.arctan2(np.sin(angles[0]), np.cos(angles[0]))
    return np.unwrap(np.concatenate([[first], angles]))[1:]


def _course(frames: int) -> Array:
    kernel = gaussian(_COURSE * FPS)
    return kernel if frames > len(kernel) // 2 else np.ones(1)


def bent_least(values: Array, weight: Array) -> Array:
    """The smooth curve (T, C) through ``values`` (T, C) as far as their ``weight`` (T,) says: a cubic spline that bends
    little (Eilers and Marx 1996, "Flexible smoothing with B-splines and penalties"); where the weight is 0 it goes on,
    level where nothing else is known."""
    frames = len(values)
    if not weight.any():
        return np.zeros_like(values)
    basis = _splines(frames)
    count = basis.shape[1]
    # Half of what has the period 2 pi 0.25 s is course: with knots every h frames the penalty is (0.25 s / h) ** 4.
    stiff = (_COURSE * FPS) ** 4 / _KNOT**3
    bend, slope = np.diff(np.eye(count), n=2, axis=0), np.diff(np.eye(count), axis=0)
    system = (
        (basis * weight[:, None]).T @ basis
        + stiff * bend.T @ bend
        + stiff * (_KNOT / (_FORGETS * FPS)) ** 2 * slope.T @ slope
    )
    system += 1e-9 * np.eye(count)
    return basis @ np.linalg.solve(system, basis.T @ (weight[:, None] * values))


def _splines(frames: int) -> Array:
    """Uniform cubic B-splines (T, K), knots every `_KNOT` frames."""
    at = np.arange(frames) / _KNOT
    cell = np.minimum(at.astype(int), max((frames - 1) // _KNOT, 0))
    u = at - cell
    parts = ((1 - u) ** 3, 3 * u**3 - 6 * u**2 + 4, -3 * u**3 + 3 * u**2 + 3 * u + 1, u**3)
    basis = np.zeros((frames, int(cell[-1]) + 4))
    for k, part in enumerate(parts):
        basis[np.arange(frames), cell + k] = part / 6.0
    return basis


def away(path: Array, line: Array) -> Array:
    """Metres on the floor from each place of a path (T, 3) to the nearest point of a line (N, 3), N >= 2."""
    begin, leg = line[:-1][..., [0, 2]], np.diff(line[..., [0, 2]], axis=0)
    to = path[:, None, [0, 2]] - begin
    share = np.clip(np.sum(to * leg, axis=-1) / np.maximum(np.sum(leg * leg, axis=-1), 1e-12), 0.0, 1.0)
    return np.linalg.norm(to - share[..., None] * leg, axis=-1).min(axis=1)
