"""Bones that turn by Euler angles, mixed with others: the same motion, curves without jumps, her keys as they were."""

from __future__ import annotations

import math

import bpy
import numpy as np
import pytest

from tests.blender.acting import FIRST, LAST, bytes_of_own_keys, hero, key_pose, pose_at, result, write
from tests.blender.test_keying import key, random_motion
from tests.blender.test_own_keys import select_keys

ORDERS = ("XYZ", "XZY", "YXZ", "YZX", "ZXY", "ZYX")


def mixed(stage, target, every: int = 5) -> dict[str, str]:
    """All bones but every fifth one turn by Euler angles, in all orders."""
    names = stage.module("addon.character").body_names()
    told = {name: ORDERS[i % len(ORDERS)] for i, name in enumerate(names) if i % every}
    for name, order in told.items():
        target.pose.bones[name].rotation_mode = order
    return told


def angles_of(stage, target, name: str) -> np.ndarray:
    curves = stage.curves(target)
    return np.stack([curves[f'pose.bones["{name}"].rotation_euler', i][:, 1] for i in range(3)], axis=-1)


def test_a_mixed_character_moves_as_one_of_quaternions(stage):
    motion = random_motion(stage, pace=0.03)
    plain = stage.character("Plain")
    bpy.context.scene.render.fps = 30
    key(stage, plain, motion)
    target = stage.character("Mixed")
    eulers = mixed(stage, target)
    key(stage, target, motion)
    for frame in (1, 2, 60, 121):
        assert np.abs(pose_at(stage, target, frame)[0] - pose_at(stage, plain, frame)[0]).max() < 1e-5
    paths = {path for path, _ in stage.curves(target)}
    for name in stage.module("addon.character").body_names():
        assert (f'pose.bones["{name}"].rotation_euler' in paths) == (name in eulers)
        assert (f'pose.bones["{name}"].rotation_quaternion' in paths) == (name not in eulers)


def test_a_walk_never_jumps_by_more_than_a_quarter_turn(stage):
    target = stage.shot()
    eulers = mixed(stage, target, 23)  # all of them
    for name in stage.module("addon.character").body_names():
        target.pose.bones[name].rotation_mode = eulers.setdefault(name, "XYZ")
    bpy.ops.genmo.generate(seed=3)
    for name in eulers:
        assert np.abs(np.diff(angles_of(stage, target, name), axis=0)).max() < math.pi / 2, name


def key_angles(target, bone: str, frame: float, angles) -> None:
    target.pose.bones[bone].rotation_euler = angles
    target.pose.bones[bone].keyframe_insert("rotation_euler", frame=frame)


def test_her_euler_keys_stay_byte_for_byte_and_are_met_and_curves_go_on_from_them(stage):
    target = hero(stage, 30)
    mixed(stage, target)
    key_angles(target, "spine1", 2, (0.1, 2 * math.pi, 0.0))  # wound once about itself
    key_angles(target, "spine1", 30, (0.3, 2 * math.pi - 0.2, 0.1))
    key_angles(target, "spine1", 60, (0.0, 2 * math.pi, 0.2))
    target.pose.bones["left_shoulder"].keyframe_insert("rotation_euler", index=2, frame=25.5)  # one channel alone
    own = target.animation_data.action
    before, hashed = bytes_of_own_keys(own), stage.action_hash(own)
    asked = {frame: pose_at(stage, target, frame)[1] for frame in (25.5, 30)}
    take = write(stage, target)
    assert bytes_of_own_keys(take) == before and stage.action_hash(own) == hashed
    for frame, bone in ((30, "spine1"), (25.5, "left_shoulder")):
        turned = pose_at(stage, target, frame)[1][bone]
        assert math.degrees(turned.rotation_difference(asked[frame][bone]).angle) < 0.05
    assert np.abs(np.diff(angles_of(stage, target, "spine1"), axis=0)).max() < 1.0
    arm = [len(stage.curves(target)['pose.bones["left_shoulder"].rotation_euler', i]) for i in range(3)]
    assert arm == [LAST - FIRST + 1, LAST - FIRST + 1, LAST - FIRST + 2]
    bpy.ops.genmo.drop_take()
    assert target.animation_data.action == own and stage.action_hash(own) == hashed


def test_a_take_dropped_over_a_pose_without_keys_brings_its_angles_back(stage):
    target = hero(stage)
    mixed(stage, target)
    target.pose.bones["spine1"].rotation_euler = (0.1, 7.0, 0.3)
    bpy.context.view_layer.update()
    write(stage, target)
    bpy.context.scene.frame_set(30)
    assert target.pose.bones["spine1"].rotation_euler[1] != pytest.approx(7.0)
    bpy.ops.genmo.drop_take()
    assert tuple(target.pose.bones["spine1"].rotation_euler) == pytest.approx((0.1, 7.0, 0.3))


@pytest.mark.parametrize("way", ["NEW", "INTO", "STRIP", "LAYER"])
def test_a_kept_take_moves_as_it_did_however_it_is_kept(stage, way):
    target = hero(stage)
    mixed(stage, target)
    for frame in (5, 60):
        key_angles(target, "spine1", frame, (0.2, 0.1, -0.3))
        key_pose(target, frame, ["pelvis"])
    takes, fps = stage.module("addon.services.takes"), bpy.context.scene.render.fps
    placed = takes.Placement(FIRST, LAST, fps, ("walks",), {"frames": [FIRST, LAST]})
    takes.begin(target, bpy.context.scene, result(stage, (LAST - FIRST) / fps), placed)
    frames = (FIRST, 20, 33, LAST)
    shown = [pose_at(stage, target, frame)[0] for frame in frames]
    bpy.ops.genmo.keep_take(way=way)
    kept = [pose_at(stage, target, frame)[0] for frame in frames]
    assert np.abs(np.array(kept) - shown).max() < 1e-4


def test_a_stale_quaternion_curve_of_an_euler_bone_says_nothing(scripted):
    target = hero(scripted)
    key_pose(target, 20, ["left_shoulder"])
    target.pose.bones["left_shoulder"].rotation_mode = "XYZ"
    scripted.strips(("a person walks", FIRST, LAST))
    generate, scene = scripted.module("addon.services.generate"), bpy.context.scene
    assert generate.order(scene, scene, target, 1, 5).request.keys is None
    before = bytes_of_own_keys(target.animation_data.action)
    bpy.ops.genmo.generate(seed=3)
    assert bytes_of_own_keys(target.animation_data.action) == before


def test_key_as_mine_in_between_and_spacing_know_euler_keys(scripted):
    target = hero(scripted)
    mixed(scripted, target)
    write(scripted, target)
    scripted.module("addon.services.takes").keep(target)
    names, action = set(scripted.module("addon.character").body_names()), target.animation_data.action
    for moment in (12, 24, 40):
        bpy.context.scene.frame_set(moment)
        assert bpy.ops.genmo.key_as_mine() == {"FINISHED"}
    kept = scripted.module("addon.kept")
    assert kept.look(target, FIRST, LAST) is None
    kept.count_asked()
    assert kept.look(target, FIRST, LAST) == 3
    select_keys(target, names, {12, 24, 40})
    generate, scene = scripted.module("addon.services.generate"), bpy.context.scene
    order = generate.between_selected_keys(scene, scene, target, 1, 4, may_move=True)
    assert order.bones == () and order.search is not None and order.search.joints[1].all()
    assert bpy.ops.genmo.in_between(seed=2, spacing="MOVE") == {"FINISHED"}
    assert target.animation_data.action != action


def test_locked_and_driven_euler_channels_are_left_and_named(scripted):
    target = hero(scripted)
    mixed(scripted, target)
    scripted.strips(("a person walks", FIRST, LAST))
    target.pose.bones["spine1"].driver_add("rotation_euler", 0)
    target.pose.bones["neck"].rotation_mode = "XYZ"
    target.pose.bones["neck"].lock_rotation[1] = True
    bpy.ops.genmo.generate(seed=3)
    assert "spine1 are driven" in scripted.session.message and "neck are locked" in scripted.session.message
    assert not any('"spine1"' in path or '"neck"' in path for path, _ in scripted.curves(target))


@pytest.mark.parametrize("tool", ["lock_feet", "smooth", "mirror", "make_loop", "in_place"])
def test_clean_up_works_on_a_mixed_character_as_on_one_of_quaternions(stage, tool):
    scene = bpy.context.scene
    found = []
    for name in ("Plain", "Mixed"):
        target = stage.character(name)
        scene.render.fps = 30
        if name == "Mixed":
            mixed(stage, target)
        takes = stage.module("addon.services.takes")
        takes.begin(target, scene, result(stage, 3.0), takes.Placement(1, 91, 30.0, ("walks",), {}))
        takes.keep(target)
        try:
            assert getattr(bpy.ops.genmo, tool)() == {"FINISHED"}
        except RuntimeError as refusal:
            found.append(str(refusal).replace(name, "Hero"))
            continue
        found.append([pose_at(stage, target, frame)[0] for frame in (1, 20, 47, 91)])
    if isinstance(found[0], str):
        assert found[0] == found[1]
    else:
        assert np.abs(np.array(found[0]) - np.array(found[1])).max() < 2e-4


def test_reduce_keys_says_that_it_does_not_know_euler_keys(stage):
    target = hero(stage)
    mixed(stage, target)
    write(stage, target)
    stage.module("addon.services.takes").keep(target)
    before = stage.action_hash(target.animation_data.action)
    with pytest.raises(RuntimeError, match="Bones of Hero turn by Euler angles .* cannot be reduced yet"):
        bpy.ops.genmo.reduce_keys()
    assert stage.action_hash(target.animation_data.action) == before
