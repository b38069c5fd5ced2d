"""What stands in an action's curves, read as motion: the inverse of how it is written."""

from __future__ import annotations

import numpy as np


def test_what_was_written_is_read_back(stage) -> None:
    target = stage.character()
    character, keying, reading = (stage.module(f"addon.{name}") for name in ("character", "keying", "reading"))
    rng = np.random.default_rng(4)
    q = rng.normal(size=(6, 22, 4))
    q /= np.linalg.norm(q, axis=-1, keepdims=True)
    path = rng.normal(size=(6, 3))
    names = character.body_names()
    curves = keying.pose_curves(character.rest_pose(target, names), names, q, path, 24.0, 24.0, 10, 15)
    action = keying.new_take_action(target, None, "", "A")
    keying.write(action, action.slots[0], curves)
    own = character.OwnState(action, action.slots[0].identifier, character.read_state(target).pose, True)
    read = reading.motion_at(target, own, np.arange(10, 16))
    signs = np.sign(np.sum(read.rotations * q, axis=-1, keepdims=True))
    np.testing.assert_allclose(read.rotations * signs, q, atol=2e-6)
    np.testing.assert_allclose(read.path, path, atol=2e-6)


def test_a_muted_curve_and_a_missing_one_count_as_the_bone_stands(stage) -> None:
    target = stage.character()
    character, reading = (stage.module(f"addon.{name}") for name in ("character", "reading"))
    bone = target.pose.bones["pelvis"]
    bone.location = (1.0, 2.0, 3.0)
    bone.keyframe_insert("location", frame=1)
    bone.location = (4.0, 5.0, 6.0)
    own = character.read_state(target)
    at = np.array([1.0])
    before = reading.motion_at(target, own, at).path[0]
    for curve in reading.curves_of(own.action, own.slot).values():
        curve.mute = curve.array_index == 1
    after = reading.motion_at(target, own, at).path[0]
    rest = character.rest_pose(target, ("pelvis",))
    moved = stage.module("motion.frames").points_to_blender(after - before) @ rest.pelvis_axes
    np.testing.assert_allclose(moved, [0.0, 3.0, 0.0], atol=1e-6)
