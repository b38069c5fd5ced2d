"""The character: the free body of ``assets/body.npz`` as an armature of 55 bones and a skinned mesh.

Also what the rest of the add-on asks of a character: is it one, can it be keyed, how do its bones rest.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field

import bpy
import numpy as np
from mathutils import Vector

from ..motion import frames
from ..motion.eulers import ORDERS
from ..motion.rotations import Array, conjugate, from_matrix, multiply, to_matrix
from ..motion.skeleton import ALL_JOINTS, BODY_JOINTS, Skeleton, assets_folder, canonical
from ..protocol.failures import GenmoFailure
from . import compat, sentences

LEAF_BONE_LENGTH = 0.08
"""Metres. A bone without a child still needs a length to be seen and picked."""


def body_names() -> tuple[str, ...]:
    """Names of the 22 bones that motion is keyed on, in SMPL-X order."""
    return canonical(BODY_JOINTS).names


def is_character(target: bpy.types.Object | None) -> bool:
    """Whether the object is an armature that *Add Character* made (or a copy of one)."""
    return target is not None and target.type == "ARMATURE" and target.genmo.is_character


def of_object(target: bpy.types.Object | None) -> bpy.types.Object | None:
    """The character an object belongs to: itself, or the armature its body hangs on."""
    if is_character(target):
        return target
    if target is not None and is_character(target.parent):
        return target.parent
    return None


def obstacle(target: bpy.types.Object) -> GenmoFailure | None:
    """Why the character cannot be keyed right now, or None."""
    if target.library is not None:
        return sentences.character_linked(target.name)
    if target.mode == "EDIT":
        return sentences.editing_character(target.name)
    if target.animation_data is not None and target.animation_data.use_tweak_mode:
        return sentences.nla_tweak_mode(target.name)
    missing = missing_bones(target)
    if missing is not None:
        return missing
    for name in body_names():
        if target.pose.bones[name].rotation_mode not in ("QUATERNION", *ORDERS):
            return sentences.character_rotation_mode(target.name, name)
    return None


def euler_orders(target: bpy.types.Object, names: Sequence[str] | None = None) -> dict[str, str]:
    """In which order those bones turn that turn by Euler angles, of some names, else of the 22."""
    bones = target.pose.bones
    found = {name: bones[name].rotation_mode for name in names or body_names() if name in bones}
    return {name: mode for name, mode in found.items() if mode in ORDERS}


def missing_bones(target: bpy.types.Object) -> GenmoFailure | None:
    """Why the character cannot be looked at bone by bone: some were renamed or removed. None when all are there."""
    bones = target.pose.bones
    missing = [name for name in body_names() if name not in bones]
    return sentences.character_missing_bones(target.name, missing) if missing else None


@dataclass(frozen=True)
class RestPose:
    """How an armature's bones rest, in its own space (Blender axes).

    ``turns`` (J, 4): for each bone the rotation that takes model axes into the bone's own axes; ``pelvis_axes`` (3, 3):
    the pelvis bone's axes as columns; ``pelvis_head`` (3,) metres.
    """

    turns: Array
    pelvis_axes: Array
    pelvis_head: Array


def rest_pose(target: bpy.types.Object, names: tuple[str, ...]) -> RestPose:
    """Rest orientation of the named bones. Raises KeyError when one is missing."""
    matrices = np.array([np.array(target.data.bones[name].matrix_local) for name in names], dtype=np.float64)
    axes = from_matrix(matrices[:, :3, :3])
    turns = multiply(conjugate(axes), np.broadcast_to(frames.Y_TO_Z_UP, axes.shape))
    return RestPose(turns, to_matrix(axes[0]), matrices[0, :3, 3])


# What is the character's own


@dataclass(frozen=True)
class Pose:
    """The channels that a take keys, as they stand: quaternions of the 22 bones, location of the pelvis; ``eulers``:
    of bones that turn by Euler angles their order and angles."""

    rotations: dict[str, tuple[float, ...]]
    location: tuple[float, ...]
    eulers: dict[str, tuple[str, tuple[float, ...]]] = field(default_factory=dict)

    def to_json(self) -> str:
        """For a text property; numbers come back bit for bit."""
        return json.dumps({"rotations": self.rotations, "location": self.location, "eulers": self.eulers})

    @staticmethod
    def from_json(text: str) -> Pose:
        """Inverse of `to_json`."""
        record = json.loads(text)
        eulers = {name: (order, tuple(angles)) for name, (order, angles) in record.get("eulers", {}).items()}
        return Pose({k: tuple(v) for k, v in record["rotations"].items()}, tuple(record["location"]), eulers)


@dataclass(frozen=True)
class OwnState:
    """An animator's own animation of a character: what a take is made over, and what Drop puts back."""

    action: bpy.types.Action | None
    slot: str
    pose: Pose
    had_animation_data: bool


def read_state(target: bpy.types.Object) -> OwnState:
    """The action, slot and pose that the character has now."""
    data = target.animation_data
    bones = target.pose.bones
    pose = Pose(
        {name: tuple(bones[name].rotation_quaternion) for name in body_names() if name in bones},
        tuple(bones[body_names()[0]].location) if body_names()[0] in bones else (0.0, 0.0, 0.0),
        {name: (order, tuple(bones[name].rotation_euler)) for name, order in euler_orders(target).items()},
    )
    action = data.action if data else None
    slot = data.action_slot.identifier if data and data.action_slot else ""
    return OwnState(action, slot, pose, data is not None)


def put_back(target: bpy.types.Object, state: OwnState) -> None:
    """Make the character as `read_state` found it."""
    compat.assign(target, state.action, state.slot)
    bones = target.pose.bones
    for name, rotation in state.pose.rotations.items():
        if name in bones:
            bones[name].rotation_quaternion = rotation
    for name, (_, angles) in state.pose.eulers.items():
        if name in bones:
            bones[name].rotation_euler = angles
    if body_names()[0] in bones:
        bones[body_names()[0]].location = state.pose.location
    data = target.animation_data
    if not state.had_animation_data and not len(data.nla_tracks) and not len(data.drivers):
        target.animation_data_clear()


# Building one


def add(context: bpy.types.Context, name: str, location: Vector) -> tuple[bpy.types.Object, bpy.types.Object]:
    """The armature and its body in the context's scene, at ``location`` (world), facing -Y, soles at its height.

    Works in Object Mode (bones are made in Edit Mode). Raises FileNotFoundError when the body's file is missing.
    """
    skeleton = canonical(ALL_JOINTS)
    armature = bpy.data.objects.new(name, bpy.data.armatures.new(name))
    armature.location = location
    armature.genmo.is_character = True
    # Written, so that it is there in a file that others link from: 5.0 loses an override of nothing on reopening.
    armature.genmo_direction.timing = "EVEN"
    context.collection.objects.link(armature)
    _make_bones(context.view_layer, armature, skeleton)
    for bone in armature.pose.bones:
        bone.rotation_mode = "QUATERNION"
    armature.show_in_front = True
    armature.data.display_type = "STICK"
    body = _make_body(f"{name} body", skeleton)
    context.collection.objects.link(body)
    body.parent = armature
    modifier = body.modifiers.new("Armature", "ARMATURE")
    modifier.object = armature
    # Plain linear blending loses volume at knees and elbows past 110 degrees.
    modifier.use_deform_preserve_volume = True
    return armature, body


def _bone_tails(skeleton: Skeleton, heads: Array) -> Array:
    """(J, 3): a bone points at its child (the torso's at the next of the spine); a leaf goes on like its parent."""
    main_child = {
        "pelvis": "spine1",
        "spine3": "neck",
        "head": "",
        "left_wrist": "left_middle1",
        "right_wrist": "right_middle1",
    }
    tails = np.empty_like(heads)
    for j, name in enumerate(skeleton.names):
        children = [c for c, parent in enumerate(skeleton.parents) if parent == j]
        chosen = main_child.get(name, skeleton.names[children[0]] if children else "")
        if chosen:
            tails[j] = heads[skeleton.names.index(chosen)]
        else:
            tails[j] = heads[j] + _leaf_vector(skeleton, heads, j)
    return tails


def _leaf_vector(skeleton: Skeleton, heads: Array, joint: int) -> Array:
    name = skeleton.names[joint]
    if name == "head":
        return np.array([0.0, 0.0, 0.15])
    if name == "jaw" or "eye" in name or name.endswith("foot"):
        return np.array([0.0, -LEAF_BONE_LENGTH, 0.0])
    return 0.8 * (heads[joint] - heads[skeleton.parents[joint]])


def _make_bones(layer: bpy.types.ViewLayer, armature: bpy.types.Object, skeleton: Skeleton) -> None:
    heads = frames.points_to_blender(skeleton.rest)
    tails = _bone_tails(skeleton, heads)
    for other in layer.objects.selected:
        other.select_set(False)
    armature.select_set(True)
    layer.objects.active = armature
    bpy.ops.object.mode_set(mode="EDIT")
    try:
        bones = armature.data.edit_bones
        for j, name in enumerate(skeleton.names):
            bone = bones.new(name)
            bone.head, bone.tail = heads[j], tails[j]
            if skeleton.parents[j] >= 0:
                bone.parent = bones[skeleton.names[skeleton.parents[j]]]
    finally:
        bpy.ops.object.mode_set(mode="OBJECT")


def _make_body(name: str, skeleton: Skeleton) -> bpy.types.Object:
    with np.load(assets_folder() / "body.npz", allow_pickle=False) as data:
        vertices = frames.points_to_blender(data["vertices"])
        faces, parts = data["faces"], data["face_part"]
        joints, weights = data["weight_index"], data["weight"].astype(np.float32)
    mesh = bpy.data.meshes.new(name)
    mesh.vertices.add(len(vertices))
    mesh.vertices.foreach_set("co", vertices.astype(np.float32).ravel())
    mesh.loops.add(faces.size)
    mesh.loops.foreach_set("vertex_index", faces.ravel())
    mesh.polygons.add(len(faces))
    mesh.polygons.foreach_set("loop_start", np.arange(0, faces.size, faces.shape[1], dtype=np.int32))
    mesh.polygons.foreach_set("material_index", (parts > 0).astype(np.int32))
    for label, colour in (("GENMO skin", (0.46, 0.55, 0.62, 1.0)), ("GENMO eyes", (0.03, 0.04, 0.05, 1.0))):
        mesh.materials.append(_material(label, colour))
    mesh.update(calc_edges=True)
    mesh.shade_smooth()
    body = bpy.data.objects.new(name, mesh)
    _weight(body, skeleton, joints, weights)
    return body


def _weight(body: bpy.types.Object, skeleton: Skeleton, joints: Array, weights: Array) -> None:
    """Vertex groups, one a joint. Vertices of equal weight go in one call: `add` takes one weight at a time."""
    groups = [body.vertex_groups.new(name=name) for name in skeleton.names]
    weights = weights / weights.sum(axis=1, keepdims=True)
    used = weights > 0
    # A thousandth is about what a half-precision weight can tell.
    steps = np.maximum(np.rint(1000 * weights[used]).astype(np.int64), 1)
    keys = joints[used].astype(np.int64) * 1001 + steps
    order = np.argsort(keys, kind="stable")
    vertices = np.nonzero(used)[0][order].tolist()
    unique, starts = np.unique(keys[order], return_index=True)
    ends = [*starts[1:].tolist(), len(vertices)]
    for key, start, end in zip(unique.tolist(), starts.tolist(), ends, strict=True):
        groups[key // 1001].add(vertices[start:end], key % 1001 / 1000, "REPLACE")


def _material(name: str, colour: tuple[float, float, float, float]) -> bpy.types.Material:
    found = bpy.data.materials.get(name)
    if found is not None:
        return found
    material = bpy.data.materials.new(name)
    material.diffuse_color = colour
    if material.node_tree is None:  # 4.5: asking for nodes makes them
        material.use_nodes = True
    shader = material.node_tree.nodes.get("Principled BSDF")
    shader.inputs["Base Color"].default_value = colour
    shader.inputs["Roughness"].default_value = 0.6
    return material
