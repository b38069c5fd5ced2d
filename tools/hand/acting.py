"""What the measurements in Blender do with a character: stand it up, key it, let it be filled, look at its joints."""

from __future__ import annotations

from typing import Any

import bpy
import numpy as np

from ..bench_bars import stage
from .clips import Recorded

Array = np.ndarray


def fresh(fps: int, first: int, last: int) -> bpy.types.Object:
    """An empty file with one character at the origin, whose range is that of the scene."""
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    scene = bpy.context.scene
    bpy.ops.genmo.add_character(name="Hero")
    scene.render.fps = fps
    scene.frame_start, scene.frame_end = first, last
    scene.genmo.range_mode = "SCENE"
    return bpy.context.view_layer.objects.active


def at_times(clip: Recorded, seconds: Array) -> Any:
    """The clip's motion (`reading.Motion`) at times of its own clock."""
    q, path = stage.module("motion.resampling").resample(clip.rotations, clip.path, 30.0, seconds)
    return stage.module("addon.reading").Motion(q, path)


def key_by_hand(target: bpy.types.Object, motion: Any, frames: Array) -> None:
    """Whole poses as an animator keys them: each bone, with Blender's own operator of keys."""
    basis, location = stage.module("addon.services.passages").in_bone_axes(target, motion)
    for j, name in enumerate(stage.module("addon.character").body_names()):
        bone = target.pose.bones[name]
        for k, frame in enumerate(frames):
            bone.rotation_quaternion = basis[k, j]
            bone.keyframe_insert("rotation_quaternion", frame=float(frame))
            if j == 0:
                bone.location = location[k]
                bone.keyframe_insert("location", frame=float(frame))


def play(target: bpy.types.Object, clip: Recorded, fps: int, first: int, last: int) -> None:
    """Let the character play a clip from frame ``first`` to ``last``, as a kept take does."""
    keying, names = stage.module("addon.keying"), stage.module("addon.character").body_names()
    action = keying.new_take_action(target, None, "", clip.name)
    rest = stage.module("addon.character").rest_pose(target, names)
    curves = keying.pose_curves(rest, names, clip.rotations, clip.path, 30.0, float(fps), first, last)
    keying.write(action, action.slots[0], curves)
    stage.module("addon.compat").assign(target, action, action.slots[0].identifier)


def generate(seed: int) -> None:
    """The operator, to its end. Raises RuntimeError with its sentence."""
    if bpy.ops.genmo.generate(seed=seed) != {"FINISHED"}:
        raise RuntimeError(stage.session().message)


def played(target: bpy.types.Object, frames: Array) -> tuple[Array, Array]:
    """What Blender evaluates: where 22 joints are, (N, 22, 3) metres, and how bones are turned, (N, 22, 4)."""
    scene, names = bpy.context.scene, stage.module("addon.character").body_names()
    bones = [target.pose.bones[name] for name in names]
    joints, turns = [], []
    for frame in frames:
        scene.frame_set(int(frame // 1), subframe=float(frame % 1))
        joints.append([tuple(target.matrix_world @ bone.head) for bone in bones])
        turns.append([tuple(bone.matrix_basis.to_quaternion()) for bone in bones])
    return np.array(joints), np.array(turns)


def degrees_between(a: Array, b: Array) -> Array:
    """Angles between unit quaternions (..., 4)."""
    rot = stage.module("motion.rotations")
    return np.degrees(np.linalg.norm(rot.to_rotation_vector(rot.multiply(rot.conjugate(a), b)), axis=-1))
