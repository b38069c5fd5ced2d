"""Clean-up of any action: what each tool does to motion, and that it touches nothing else."""

from __future__ import annotations

import bpy
import numpy as np
import pytest

from tests.blender.clean_up_stage import FIRST, clip, fields_of, joints_of, motion_of, noisy, outside, playing, preview

FRAMES = 118
LAST = FIRST + FRAMES - 1
ALL = np.arange(FIRST, LAST + 1)
TOOLS = {
    "lock_feet": {"mode": "ALWAYS"},
    "smooth": {"strength": "STRONG"},
    "make_loop": {},
    "mirror": {},
    "in_place": {},
}


@pytest.fixture
def walker(stage):
    """A character that walks, shivering, over frames 11 to 128."""
    target = playing(stage, noisy(stage, clip()))
    bpy.context.view_layer.update()
    return target


def called(name, **properties):
    """Call an operator as a click does: with its own undo step."""
    return getattr(bpy.ops.genmo, name)("EXEC_DEFAULT", True, **properties)


def said(stage):
    return stage.session.message


# What they do


def test_feet_stand_still_in_their_contacts(stage, walker):
    assert bpy.ops.genmo.lock_feet(mode="ALWAYS") == {"FINISHED"}
    bars = stage.module("addon.services.contact_bars").within(walker.animation_data.action, FIRST, LAST)
    footing = stage.module("motion.feet").measured(joints_of(stage, walker, ALL), 30.0, bars)
    print(said(stage))
    assert len(bars) >= 6
    assert footing.slide <= 0.5 and footing.sink <= 0.5
    assert "cm/s" in said(stage)


def test_ground_only_brings_soles_to_the_floor_and_locks_nothing(stage, walker):
    sunk = motion_of(stage, walker, ALL)
    playing(stage, (sunk[0], sunk[1] - [0.0, 0.1, 0.0]), target=walker)
    assert bpy.ops.genmo.lock_feet(mode="GROUND") == {"FINISHED"}
    joints = joints_of(stage, walker, ALL)
    heights = stage.module("motion.planting").sole_heights(joints)
    assert heights.min() >= -0.005 and np.median(heights.min(axis=1)) < 0.03


def test_off_leaves_everything(stage, walker):
    before = stage.scene_hash()
    assert bpy.ops.genmo.lock_feet(mode="OFF") == {"FINISHED"}
    assert stage.scene_hash() == before


def test_smooth_takes_jitter_out_and_keeps_contacts(stage, walker):
    quality = stage.module("motion.quality")
    before = quality.mean_jerk(joints_of(stage, walker, ALL))
    jerks = []
    for strength in ("LIGHT", "MEDIUM", "STRONG"):
        playing(stage, noisy(stage, clip()), target=walker)
        assert bpy.ops.genmo.smooth(strength=strength) == {"FINISHED"}
        jerks.append(quality.mean_jerk(joints_of(stage, walker, ALL)))
        print(said(stage))
    assert jerks[0] < 0.6 * before and jerks[2] < jerks[1] < jerks[0]
    away = np.linalg.norm(joints_of(stage, walker, ALL) - joints_of_motion(stage, clip()), axis=-1)
    assert np.median(away) < 0.02
    bars = stage.module("addon.services.contact_bars").within(walker.animation_data.action, FIRST, LAST)
    assert stage.module("motion.feet").measured(joints_of(stage, walker, ALL), 30.0, bars).slide < 1.0


def joints_of_motion(stage, motion):
    return stage.module("addon.services.contact_bars").joints(*motion)


def punching(stage):
    """Standing, the right arm bent and thrown out to the side three times within two frames of its rest."""
    rotations = stage.module("motion.rotations")
    q = np.tile(np.array([1.0, 0.0, 0.0, 0.0]), (90, 22, 1))
    bend = np.full(90, 2.0)
    for top in (20, 45, 70):
        bend[top - 2 : top + 3] = [1.2, 0.4, 0.1, 0.4, 1.2]
    elbow = np.zeros((90, 3))
    elbow[:, 1] = bend
    q[:, 19] = rotations.from_rotation_vector(elbow)
    path = np.tile(stage.module("motion.skeleton").canonical().rest[0], (90, 1))
    return q, path


def test_a_punch_keeps_its_reach(stage):
    target = playing(stage, noisy(stage, punching(stage), turn=0.004, way=0.0))
    frames = np.arange(FIRST, FIRST + 90)
    keeping = stage.module("motion.smooth_keeping")
    before = joints_of(stage, target, frames)
    assert len(keeping.reaches(before, 30.0)) >= 3
    assert bpy.ops.genmo.smooth(strength="STRONG") == {"FINISHED"}
    kept = keeping.reach_kept(before, joints_of(stage, target, frames), 30.0)
    print(said(stage), kept)
    assert kept.min() >= 0.97
    # Away from the punches it did calm: otherwise keeping would be no art.
    still = slice(28, 37)
    jerk = [np.abs(np.diff(j[still, 20], n=3, axis=0)).mean() for j in (before, joints_of(stage, target, frames))]
    assert jerk[1] < 0.5 * jerk[0]


@pytest.mark.parametrize("in_place", [False, True])
def test_a_loop_closes(stage, walker, in_place):
    assert bpy.ops.genmo.make_loop(in_place=in_place) == {"FINISHED"}
    action = walker.animation_data.action
    first, last = int(action.frame_start), int(action.frame_end)
    assert action.use_frame_range and action.use_cyclic and FIRST <= first < last <= LAST
    q, p = motion_of(stage, walker, np.arange(first, last + 1))
    looping = stage.module("motion.looping")
    travel = (p[-1] - p[0]) * [1.0, 0.0, 1.0]
    seam = looping.seam(q, p, travel)
    print(said(stage), seam)
    assert seam.distance <= 0.001 and seam.angle <= 1.0 and seam.jump <= 1.05
    assert (np.linalg.norm(travel) < 1e-5) == in_place


def test_mirror_twice_is_what_it_was(stage, walker):
    before = joints_of(stage, walker, ALL)
    bpy.ops.genmo.detect_contacts()
    bars = list(stage.module("addon.services.contact_bars").kept(walker.animation_data.action))
    assert bpy.ops.genmo.mirror() == {"FINISHED"}
    once = joints_of(stage, walker, ALL)
    np.testing.assert_allclose(once[0, 0], before[0, 0], atol=1e-5)
    assert np.linalg.norm(once - before, axis=-1).max() > 0.1
    mirrored = list(stage.module("addon.services.contact_bars").kept(walker.animation_data.action))
    assert mirrored != bars and len(mirrored) == len(bars)
    assert bpy.ops.genmo.mirror() == {"FINISHED"}
    np.testing.assert_allclose(joints_of(stage, walker, ALL), before, atol=2e-5)
    assert list(stage.module("addon.services.contact_bars").kept(walker.animation_data.action)) == bars


@pytest.mark.parametrize("turning", [False, True])
def test_travel_comes_off_and_goes_back(stage, walker, turning):
    before = joints_of(stage, walker, ALL)
    assert bpy.ops.genmo.in_place(turning=turning) == {"FINISHED"}
    path = motion_of(stage, walker, ALL)[1]
    assert np.ptp(path[:, [0, 2]], axis=0).max() < 0.5 < np.ptp(before[:, 0, [0, 2]], axis=0).max()
    with pytest.raises(RuntimeError, match="in place already"):
        bpy.ops.genmo.in_place()
    assert bpy.ops.genmo.restore_travel() == {"FINISHED"}
    np.testing.assert_allclose(joints_of(stage, walker, ALL), before, atol=5e-6)
    assert not bpy.ops.genmo.restore_travel.poll()


@pytest.mark.parametrize("fps", [24, 60])
def test_all_work_at_any_frame_rate(stage, fps):
    target = playing(stage, noisy(stage, clip()), fps=fps)
    last = int(target.animation_data.action.frame_range[1])
    frames = np.arange(FIRST, last + 1)
    assert bpy.ops.genmo.smooth(strength="MEDIUM") == {"FINISHED"}
    assert bpy.ops.genmo.lock_feet(mode="ALWAYS") == {"FINISHED"}
    bars = stage.module("addon.services.contact_bars").within(target.animation_data.action, FIRST, last)
    assert stage.module("motion.feet").measured(joints_of(stage, target, frames), fps, bars).slide <= 0.5
    away = np.linalg.norm(motion_of(stage, target, [last])[1][0] - clip()[1][-1])
    assert away < 0.1
    assert bpy.ops.genmo.make_loop() == {"FINISHED"}


def test_three_rounds_of_a_loop_do_not_slide(stage, walker):
    bpy.ops.genmo.make_loop()
    action = walker.animation_data.action
    first, last = int(action.frame_start), int(action.frame_end)
    n = last - first
    joints = joints_of(stage, walker, np.arange(first, last + 1))
    way = (joints[-1, 0] - joints[0, 0]) * [1.0, 0.0, 1.0]
    rounds = np.concatenate([joints[:-1] + i * way for i in range(3)])
    contacts = stage.module("motion.contacts")
    flags = contacts.flags_of(stage.module("addon.services.contact_bars").within(action, first, last), n + 1)[:-1]
    bars = contacts.bars_of(np.tile(flags, (3, 1)))
    assert len(bars) and stage.module("motion.feet").measured(rounds, 30.0, bars).slide <= 0.5


# That they touch nothing else


@pytest.mark.parametrize("tool", TOOLS)
def test_keys_outside_the_range_stay_bit_for_bit(stage, walker, tool):
    preview(40, 100)
    before = fields_of(stage, walker)
    assert getattr(bpy.ops.genmo, tool)(**TOOLS[tool]) == {"FINISHED"}
    after = fields_of(stage, walker)
    assert outside(after, 40, 100) == outside(before, 40, 100)
    assert any((after[c]["co"].tobytes() != before[c]["co"].tobytes()) for c in before)


@pytest.mark.parametrize("tool", ["lock_feet", "smooth"])
def test_the_range_goes_over_into_what_lies_beside_it(stage, walker, tool):
    preview(40, 100)
    before = joints_of(stage, walker, ALL)
    getattr(bpy.ops.genmo, tool)(**TOOLS[tool])
    after = joints_of(stage, walker, ALL)
    for frame in (40, 100):
        np.testing.assert_allclose(after[frame - FIRST], before[frame - FIRST], atol=1e-4)


@pytest.mark.parametrize("tool", [*TOOLS, "retime"])
def test_each_is_one_undo_step(stage, walker, tool):
    bpy.ops.ed.undo_push(message="start")
    before = stage.scene_hash()
    assert called(tool, **TOOLS.get(tool, {"length": 90})) == {"FINISHED"}
    after = stage.scene_hash()
    assert after != before
    bpy.ops.ed.undo()
    assert stage.scene_hash() == before
    bpy.ops.ed.redo()
    assert stage.scene_hash() == after


def test_bones_that_do_not_change_keep_their_few_keys(stage, walker):
    curves = stage.module("addon.reading").curves_of(
        walker.animation_data.action, walker.animation_data.action_slot.identifier
    )
    for (path, _), curve in curves.items():
        if "left_elbow" in path:
            for key in reversed(curve.keyframe_points[1:-1]):
                curve.keyframe_points.remove(key, fast=True)
            curve.update()
    before = fields_of(stage, walker)
    bpy.ops.genmo.lock_feet(mode="ALWAYS")
    after = fields_of(stage, walker)
    ours = [c for c in before if "left_elbow" in c[0]]
    assert len(ours) == 4
    for channel in ours:
        assert len(after[channel]["co"]) == 2
        assert all(after[channel][f].tobytes() == before[channel][f].tobytes() for f in before[channel])
