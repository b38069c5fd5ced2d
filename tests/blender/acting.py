"""A character with keys of the animator's own, takes of made-up motion, and a look at both."""

from __future__ import annotations

import bpy
import numpy as np
from mathutils import Quaternion

FIRST, LAST = 10, 50


def hero(stage, fps: int = 24) -> bpy.types.Object:
    target = stage.character()
    scene = bpy.context.scene
    scene.render.fps = fps
    scene.genmo.range_mode = "SCENE"
    scene.frame_start, scene.frame_end = FIRST, LAST
    return target


def key_pose(target, frame: float, bones=("pelvis", "left_shoulder", "right_knee"), seed: int = 0, place=True) -> None:
    """Key some bones at a frame with the default kind of key, turned by up to half a radian."""
    rng = np.random.default_rng((seed, round(100 * frame)))
    for name in bones:
        bone = target.pose.bones[name]
        axis = rng.normal(size=3)
        bone.rotation_quaternion = Quaternion(axis / np.linalg.norm(axis), float(rng.uniform(-0.5, 0.5)))
        bone.keyframe_insert("rotation_quaternion", frame=frame)
        if name == "pelvis" and place:
            bone.location = rng.uniform(-0.1, 0.1, size=3)
            bone.keyframe_insert("location", frame=frame)


def result(stage, seconds: float, fps: float = 30.0, seed: int = 0, takes: int = 1):
    """Smooth random motion as an engine gives it."""
    rng = np.random.default_rng(seed)
    motions, rot = stage.module("protocol.motions"), stage.module("motion.rotations")
    count = round(seconds * fps) + 1
    t = np.arange(count)[:, None, None] / fps
    made = []
    for k in range(takes):
        turn = 0.4 * np.sin(t * rng.uniform(1, 6, size=(1, 22, 3)) + rng.uniform(0, 6, size=(1, 22, 3)))
        path = np.stack([0.0 * t[:, 0, 0], 0.95 + 0.02 * np.sin(5 * t[:, 0, 0]), 0.8 * t[:, 0, 0]], axis=-1)
        made.append(
            motions.Take(
                seed + k + 1,
                rot.from_rotation_vector(turn).astype(np.float32),
                path.astype(np.float32),
                np.zeros((count, 6), np.float32),
                np.zeros(10, np.float32),
            )
        )
    return motions.MotionResult(fps, tuple(made), {})


def write(stage, target, first: int = FIRST, last: int = LAST, seed: int = 0, **changes) -> bpy.types.Action:
    """A take of random motion, as one that arrives, and its action."""
    takes, scene = stage.module("addon.services.takes"), bpy.context.scene
    fps = scene.render.fps
    placed = takes.Placement(first, last, fps, ("walks",), {}, **changes)
    takes.begin(target, scene, result(stage, (last - first) / fps, seed=seed), placed)
    return target.animation_data.action


def bytes_of_own_keys(action, first=-1e9, last=1e9) -> dict:
    """All that every key of no generated kind is made of."""
    found = {}
    for curve in action.layers[0].strips[0].channelbags[0].fcurves:
        for key in curve.keyframe_points:
            if key.type != "GENERATED" and first <= key.co[0] <= last:
                found.setdefault((curve.data_path, curve.array_index), []).append(
                    (
                        np.array([*key.co, *key.handle_left, *key.handle_right], np.float32).tobytes(),
                        (key.interpolation, key.type, key.easing, key.handle_left_type, key.handle_right_type),
                        (key.back, key.amplitude, key.period),
                    )
                )
    return found


def pose_at(stage, target, frame: float) -> tuple[np.ndarray, dict]:
    """Where the joints are in the world at a frame, and how the bones are turned, as Blender evaluates it."""
    scene = bpy.context.scene
    scene.frame_set(int(frame // 1), subframe=frame % 1)
    names = stage.module("addon.character").body_names()
    bones = target.pose.bones
    return (
        np.array([list(target.matrix_world @ bones[n].head) for n in names]),
        {n: bones[n].matrix_basis.to_quaternion() for n in names},
    )
