"""A character's path, waypoints and pins, read in the scene's space at their frames, as a request's `Direction`.

Places are those of the evaluated objects, seen from the character: the inverse of its own matrix at the same frame, its
scale included, turned to Y up. So a character may stand anywhere, turned any way, on any floor.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import bpy
import numpy as np

from ...motion import frames as axes
from ...motion.holds import JOINT
from ...motion.pinning import moved_by
from ...motion.rotations import conjugate, from_matrix, multiply
from ...protocol.direction import Direction, Pin, RootPath, Waypoint
from ...protocol.requests import GenerateRequest
from .. import character, compat, moments, reading, sentences

Array = np.ndarray
_POINTS = 400
"""A path is told by at most so many points: a step of a centimetre on four metres."""


@dataclass(frozen=True)
class Clock:
    """Frames ``first`` .. ``last`` of the scene at ``fps`` that are filled; the request's time 0 is the frame
    ``begins``, which lies before the first where motion before it is told."""

    first: int
    last: int
    fps: float
    begins: int

    def seconds(self, frame: float) -> float:
        """Of the request, at a frame."""
        return (frame - self.begins) / self.fps


def directed(
    scene: bpy.types.Scene,
    target: bpy.types.Object,
    request: GenerateRequest,
    clock: Clock,
    bones: Sequence[str] = (),
) -> tuple[GenerateRequest, list[str]]:
    """The request with what the character's direction says over the range; where ``bones`` names those that are filled,
    a sentence on what of it asks for others. Raises RequestFailure with the sentence of what is missing or cannot be
    followed; the scene's frame and the character's pose are as they were."""
    told = read(scene, target, clock)
    passed_by: list[str] = []
    if told is not None and bones:
        told, passed_by = _for_bones(target, told, bones)
    if told is None:
        return request, passed_by
    out = replace(request, direction=told)
    moments.check(out, clock.begins, clock.fps)
    return out, passed_by


def _for_bones(target: bpy.types.Object, told: Direction, bones: Sequence[str]) -> tuple[Direction | None, list[str]]:
    """What of a direction only asks for some bones, and a sentence on the rest of it."""
    names, rest = character.body_names(), []
    if told.leads and names[0] not in bones:
        words = [word for word, there in (("path", told.path), ("waypoints", told.waypoints)) if there]
        rest.append((f"the {' and '.join(words)}", names[0]))
        told = replace(told, path=None, waypoints=())
    pins = []
    for pin in told.pins:
        missing = [names[j] for j in moved_by(pin.part) if names[j] not in bones]
        if missing:
            rest.append((f"the pin of the {pin.words}", ", ".join(missing)))
        else:
            pins.append(pin)
    told = replace(told, pins=tuple(pins))
    said = [sentences.direction_of_other_bones(target.name, rest)] if rest else []
    return (told if told.leads or pins else None), said


def read(scene: bpy.types.Scene, target: bpy.types.Object, clock: Clock) -> Direction | None:
    """What the character's direction says over the range; None when nothing. Raises as `directed`."""
    settings = target.genmo_direction
    ways = [w for w in settings.waypoints if w.enabled and _usable(scene, w.target, "waypoint")]
    ways = [w for w in ways if frames_of(w)[0] <= clock.last and frames_of(w)[-1] >= clock.first]
    for way in ways:
        if way.between and way.last < way.frame:
            raise sentences.waypoint_backward(way.target.name)
    pins = [p for p in settings.pins if p.enabled and _usable(scene, p.target, "pin")]
    pins = [p for p in pins if p.first <= clock.last and p.last >= clock.first]
    for pin in pins:
        if pin.last < pin.first:
            raise sentences.pin_backward(pin.target.name)
    path = settings.path if settings.path is not None and _usable(scene, settings.path, "path") else None
    if path is None and not ways and not pins:
        return None
    at = _Visits(scene, target, _frames(settings, path, ways, pins, clock))
    road = None if path is None else _road(settings, path, at, clock)
    return Direction(
        road,
        tuple(_waypoint(way, at, clock) for way in ways),
        tuple(_pin(pin, at, clock, target) for pin in pins),
    )


def frames_of(way: bpy.types.PropertyGroup) -> tuple[int, ...]:
    """The frame of a waypoint, or the first and the last at which it may be passed."""
    return (way.frame, way.last) if way.between else (way.frame,)


def _usable(scene: bpy.types.Scene, found: bpy.types.Object | None, kind: str) -> bool:
    """Raises RequestFailure for an object that was deleted or taken out of the scene: a pointer keeps it alive."""
    if not in_scene(scene, found):
        raise sentences.direction_object_missing(kind, "" if found is None else found.name)
    return True


def in_scene(scene: bpy.types.Scene, found: bpy.types.Object | None) -> bool:
    """Whether an object that an entry names is there to be looked at."""
    return found is not None and compat.in_scene(found, scene)


def _frames(
    settings: bpy.types.PropertyGroup,
    path: bpy.types.Object | None,
    ways: Iterable[bpy.types.PropertyGroup],
    pins: Iterable[bpy.types.PropertyGroup],
    clock: Clock,
) -> dict[int, list[bpy.types.Object]]:
    """Which objects are looked at, at which frames."""
    wanted: dict[int, list[bpy.types.Object]] = {}
    for way in ways:
        wanted.setdefault(_looked_at(way, clock), []).append(way.target)
    for pin in pins:
        for frame in _held(pin, clock):
            wanted.setdefault(frame, []).append(pin.target)
    if path is not None:
        keyed = settings.timing == "OFFSET"
        looks = settings.facing == "TOWARD" and settings.toward is not None
        for frame in range(clock.first, clock.last + 1) if keyed or looks else (clock.first,):
            wanted.setdefault(frame, []).extend([path, *([settings.toward] if looks else [])])
    return wanted


def _looked_at(way: bpy.types.PropertyGroup, clock: Clock) -> int:
    """The frame at which a waypoint's place is read: the first one that is filled."""
    return max(int(way.frame), clock.first)


def _held(pin: bpy.types.PropertyGroup, clock: Clock) -> range:
    return range(max(pin.first, clock.first), min(pin.last, clock.last) + 1)


class _Visits:
    """What objects are like at frames: seen once, then the scene is as it was."""

    def __init__(
        self, scene: bpy.types.Scene, target: bpy.types.Object, wanted: dict[int, list[bpy.types.Object]]
    ) -> None:
        self.matrices: dict[tuple[int, str], Array] = {}
        self.progress: dict[int, float] = {}
        self.lines: dict[str, Array] = {}
        for frame in reading.visited(scene, target, sorted(wanted)):
            graph = bpy.context.evaluated_depsgraph_get()
            home = np.linalg.inv(np.array(target.evaluated_get(graph).matrix_world, dtype=np.float64))
            for seen in wanted[frame]:
                evaluated = seen.evaluated_get(graph)
                self.matrices[frame, seen.name] = home @ np.array(evaluated.matrix_world, dtype=np.float64)
                if seen.type == "CURVE":
                    data = evaluated.data
                    self.progress[frame] = data.eval_time / max(data.path_duration, 1)
                    if seen.name not in self.lines:
                        self.lines[seen.name] = line_of(seen, evaluated, self.matrices[frame, seen.name])

    def point(self, frame: int, seen: bpy.types.Object) -> Array:
        """Where an object is, (3,), Y up, from the character."""
        point: Array = axes.points_to_model(self.matrices[frame, seen.name][:3, 3])
        return point

    def turn(self, frame: int, seen: bpy.types.Object) -> Array:
        """How an object's own axes lie, (4,), for vectors in them -> Y up, from the character."""
        u, _, v = np.linalg.svd(self.matrices[frame, seen.name][:3, :3])
        axes_of: Array = u @ np.diag([1.0, 1.0, np.linalg.det(u @ v)]) @ v
        out: Array = multiply(conjugate(axes.Y_TO_Z_UP), from_matrix(axes_of))
        return out

    def facing(self, frame: int, seen: bpy.types.Object) -> float:
        """Where its -Y axis looks, as a character's does: a heading in radians."""
        ahead = axes.points_to_model(-self.matrices[frame, seen.name][:3, 1])
        return float(np.arctan2(ahead[0], ahead[2]))


def line_of(curve: bpy.types.Object, evaluated: bpy.types.Object, matrix: Array) -> Array:
    """The first spline of a curve object as points (N, 3), Y up, from the character. Raises RequestFailure."""
    mesh = evaluated.to_mesh()
    try:
        solid = mesh is not None and len(mesh.polygons) > 0
        points, closed = _chain(mesh)
    finally:
        evaluated.to_mesh_clear()
    if solid:  # a curve with a bevel is a tube
        bare = bpy.data.objects.new("", curve.data.copy())
        bare.data.bevel_depth = bare.data.extrude = bare.data.offset = 0.0
        bare.data.bevel_object, bare.data.bevel_mode = None, "ROUND"
        try:
            points, closed = _chain(bare.to_mesh())
        finally:
            data = bare.data
            bpy.data.objects.remove(bare)
            bpy.data.curves.remove(data)
    if len(points) < 2:
        raise sentences.path_without_points(curve.name)
    if closed:
        points = np.concatenate([points, points[:1]])
    out: Array = axes.points_to_model(points @ matrix[:3, :3].T + matrix[:3, 3])
    return out


def _chain(mesh: bpy.types.Mesh | None) -> tuple[Array, bool]:
    """Vertices (N, 3) of a mesh's first line, and whether it is closed."""
    if mesh is None or not len(mesh.vertices):
        return np.zeros((0, 3)), False
    points = np.empty(3 * len(mesh.vertices), np.float32)
    mesh.vertices.foreach_get("co", points)
    edges = np.empty(2 * len(mesh.edges), np.int32)
    mesh.edges.foreach_get("vertices", edges)
    pairs = {(int(min(a, b)), int(max(a, b))) for a, b in edges.reshape(-1, 2)}
    count = 1
    while (count - 1, count) in pairs:
        count += 1
    return points.reshape(-1, 3)[:count].astype(np.float64), count > 2 and (0, count - 1) in pairs


def _road(settings: bpy.types.PropertyGroup, path: bpy.types.Object, at: _Visits, clock: Clock) -> RootPath:
    """The path over the range. Raises RequestFailure for one without a length."""
    line = at.lines[path.name]
    along = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(line[:, [0, 2]], axis=0), axis=1))])
    if along[-1] < 1e-3:
        raise sentences.path_without_points(path.name)
    count = clock.last - clock.first + 1
    if settings.timing == "OFFSET":
        share = np.array([at.progress[frame] for frame in range(clock.first, clock.last + 1)])
        if np.ptp(share) < 1e-6:
            raise sentences.path_not_keyed(path.name)
    else:
        share = np.linspace(0.0, 1.0, count if settings.facing == "TOWARD" else min(max(count, 2), _POINTS))
    gone = np.clip(share, 0.0, 1.0) * along[-1]
    places = np.stack([np.interp(gone, along, line[:, k]) for k in (0, 2)], axis=1)
    times = np.linspace(clock.seconds(clock.first), clock.seconds(clock.last), len(share))
    headings = None
    if settings.facing == "FREE":
        headings = np.full(len(times), np.nan)
    elif settings.facing == "TOWARD":
        if settings.toward is None:
            raise sentences.facing_nothing()
        seen = np.array([at.point(frame, settings.toward) for frame in range(clock.first, clock.last + 1)])
        way = seen[:, [0, 2]] - places
        headings = np.unwrap(np.arctan2(way[:, 0], way[:, 1]))
    return RootPath(times, places, headings, settings.timing != "FREE")


def _waypoint(way: bpy.types.PropertyGroup, at: _Visits, clock: Clock) -> Waypoint:
    frame = _looked_at(way, clock)
    point = at.point(frame, way.target)
    facing = at.facing(frame, way.target) if way.use_facing else None
    until = clock.seconds(min(way.last, clock.last)) if way.between else None
    return Waypoint(clock.seconds(frame), (float(point[0]), float(point[2])), facing, way.radius, until)


def _pin(pin: bpy.types.PropertyGroup, at: _Visits, clock: Clock, target: bpy.types.Object) -> Pin:
    frames = _held(pin, clock)
    points = np.array([at.point(frame, pin.target) for frame in frames])
    times = np.array([clock.seconds(frame) for frame in frames])
    turns = None
    if pin.hold_rotation:
        rest = character.rest_pose(target, (character.body_names()[JOINT[pin.part]],))
        seen = np.stack([at.turn(frame, pin.target) for frame in frames])
        turns = multiply(seen, np.broadcast_to(rest.turns[0], seen.shape))
    return Pin(pin.part, times, points, pin.ease_in / clock.fps, pin.ease_out / clock.fps, turns)
