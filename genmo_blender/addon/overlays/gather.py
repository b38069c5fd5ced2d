"""A character's animation -> `Shapes`. Everything that costs is here, and is called outside of drawing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import bpy
import numpy as np

from ...motion import frames as axes
from ...motion.kinematics import positions_from_world, world_rotations
from ...motion.rotations import Array, from_matrix, multiply
from ...motion.skeleton import CONTACT_JOINTS, Skeleton, canonical
from .. import character, posing, reading
from ..paths import location_path
from . import direction, shapes
from .shapes import Shapes

MOST_GHOSTS = 24
"""More stick figures than this hide each other; then evenly chosen ones are shown."""
MOST_FRAMES = 4000
"""A longer range has a dot every few frames."""
HANDS = (4, 5)
"""Parts of a contact that rest where they are; the others stand on their soles."""


def key_of(scene: bpy.types.Scene, target: bpy.types.Object, edits: Mapping[int, int]) -> tuple[Any, ...]:
    """All that the shapes depend on, the character's place last; cheap enough for every redraw.

    ``edits``: how often each action was changed.
    """
    switches = scene.genmo.overlays
    data = target.animation_data
    action = data.action if data else None
    places = (*direction.places_of(target), *(x for row in target.matrix_world for x in row))
    if action is None:
        return (target.session_uid, None, switches.direction, direction.key_of(target), places)
    return (
        target.session_uid,
        action.session_uid,
        edits.get(action.session_uid, 0),
        data.action_slot.identifier if data.action_slot else "",
        range_of(scene),
        (switches.ghosts, switches.path, switches.contacts, switches.direction),
        direction.key_of(target),
        contacts_of(action),
        places,
    )


def range_of(scene: bpy.types.Scene) -> tuple[int, int]:
    """The frames that are shown: the preview range if it is on, else the scene's."""
    if scene.use_preview_range:
        return scene.frame_preview_start, scene.frame_preview_end
    return scene.frame_start, scene.frame_end


def contacts_of(action: bpy.types.Action | None) -> tuple[tuple[int, int, int], ...]:
    """(part, first frame, last frame) of an action's contacts; parts are those of `motion.contacts.PARTS`."""
    found = getattr(action.genmo, "contacts", ()) if action is not None else ()
    return tuple((c.part, c.first, c.last) for c in found if 0 <= c.part < len(CONTACT_JOINTS))


def shapes_of(scene: bpy.types.Scene, target: bpy.types.Object) -> Shapes:
    """What is drawn for the character now. Empty where it has no animation or not our bones."""
    state = character.read_state(target)
    curves = reading.curves_of(state.action, state.slot)
    names = character.body_names()
    if any(name not in target.data.bones for name in names):
        return Shapes()
    switches = scene.genmo.overlays
    out = direction.shapes_of(scene, target) if switches.direction else Shapes()
    if not curves:
        return out
    first, last = range_of(scene)
    keyed = posing.own_keys(state.action, state.slot, first, last, eulers=state.pose.eulers).frames
    if switches.ghosts:
        out += _ghosts(target, state, thinned(keyed))
    if switches.path:
        out += _path(target, state, curves, first, last, keyed, not switches.ghosts)
    if switches.contacts:
        out += _contacts(target, state, [c for c in contacts_of(state.action) if c[2] >= first and c[1] <= last])
    return out


def thinned(frames: Array, most: int = MOST_GHOSTS) -> Array:
    """At most so many of the frames, evenly chosen, the first and the last among them."""
    if len(frames) <= most:
        return frames
    return frames[np.round(np.linspace(0, len(frames) - 1, most)).astype(int)]


def to_world(target: bpy.types.Object, points: Array) -> Array:
    """Points (..., 3) of the model's space -> the world, by the armature's place, turn and scale."""
    matrix = np.array(target.matrix_world)
    return axes.points_to_blender(points) @ matrix[:3, :3].T + matrix[:3, 3]


def skeleton_of(target: bpy.types.Object) -> Skeleton:
    """The character's own proportions: where its 22 bones begin at rest."""
    common = canonical()
    heads = np.array([target.data.bones[name].head_local for name in common.names], np.float64)
    return Skeleton(common.names, common.parents, axes.points_to_model(heads))


def _figures(target: bpy.types.Object, state: character.OwnState, frames: Array) -> tuple[Array, Array, Skeleton]:
    """Joints (K, 22, 3) and turns (K, 22, 4) in the model's space at the frames, and the skeleton."""
    motion = reading.motion_at(target, state, frames)
    skeleton = skeleton_of(target)
    turns = world_rotations(skeleton, motion.rotations)
    return positions_from_world(skeleton, turns, motion.path), turns, skeleton


def _ghosts(target: bpy.types.Object, state: character.OwnState, frames: Array) -> Shapes:
    if not len(frames):
        return Shapes()
    joints, turns, skeleton = _figures(target, state, frames)
    head = axes.rotations_to_blender(turns[:, skeleton.names.index("head")])
    place = from_matrix(np.array(target.matrix_world.to_3x3().normalized().to_quaternion().to_matrix()))
    crown = np.array([0.0, 0.0, shapes.HEAD * _scale(target)])
    world = multiply(np.broadcast_to(place, head.shape), head)
    return shapes.ghosts(to_world(target, joints), world, skeleton.parents, skeleton.names, crown, frames)


def _path(
    target: bpy.types.Object,
    state: character.OwnState,
    curves: Mapping[reading.Channel, bpy.types.FCurve],
    first: int,
    last: int,
    keyed: Array,
    numbered: bool,
) -> Shapes:
    place = location_path(character.body_names()[0])
    if not any((place, i) in curves for i in range(3)):
        return Shapes()
    step = max(1, -(-(last - first + 1) // MOST_FRAMES))
    frames = np.unique(np.concatenate([np.arange(first, last + 1, step, dtype=np.float64), [last], keyed]))
    only = {(place, i): curves[place, i] for i in range(3) if (place, i) in curves}
    path = reading.from_channels(target, reading.values_at(only, state.pose, frames)).path
    floor = to_world(target, path * np.array([1.0, 0.0, 1.0]))
    rows = np.searchsorted(frames, keyed)
    labels = tuple(shapes.number(frame) for frame in keyed) if numbered and len(keyed) <= MOST_GHOSTS else ()
    return shapes.floor_path(floor, rows, _up(target), _scale(target), labels)


def _contacts(target: bpy.types.Object, state: character.OwnState, bars: list[tuple[int, int, int]]) -> Shapes:
    """A dot where the part is in the middle of each contact: under the joint for feet, at the wrist for hands."""
    if not bars:
        return Shapes()
    middles = np.array([(first + last) / 2 for _, first, last in bars])
    joints, _, skeleton = _figures(target, state, middles)
    parts = np.array([part for part, _, _ in bars])
    which = np.array(CONTACT_JOINTS)[parts]
    places = joints[np.arange(len(bars)), which]
    places[:, 1] -= np.where(np.isin(parts, HANDS), 0.0, skeleton.rest[which, 1] - 2 * shapes.ABOVE_FLOOR)
    left = np.array([skeleton.names[j].startswith("left_") for j in which])
    spans = np.array([(a, b) for _, a, b in bars])
    return shapes.contacts(to_world(target, places), left, spans, _up(target), _scale(target))


def _up(target: bpy.types.Object) -> Array:
    """The normal (3,) of the floor on which the character stands."""
    x, y = (np.array(target.matrix_world.col[i][:3]) for i in (0, 1))
    normal = np.cross(x, y)
    length = float(np.linalg.norm(normal))
    return normal / length if length > 1e-12 else np.array([0.0, 0.0, 1.0])


def _scale(target: bpy.types.Object) -> float:
    """Metres of the world per metre of the character."""
    return abs(target.matrix_world.determinant()) ** (1 / 3)
