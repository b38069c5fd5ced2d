"""Each of Generate, Keep and Drop is one undo step, and redo brings it back."""

from __future__ import annotations

import bpy
import pytest


def called(name, **properties):
    """Call an operator as a click does: with its own undo step."""
    return getattr(bpy.ops.genmo, name)("EXEC_DEFAULT", True, **properties)


@pytest.fixture
def shot(stage):
    """A shot with an action by hand, and a step to come back to."""
    target = stage.shot()
    target.pose.bones["left_elbow"].keyframe_insert("rotation_quaternion", frame=1)
    bpy.context.view_layer.update()
    bpy.ops.ed.undo_push(message="start")
    return stage


def test_generate_is_one_step(shot):
    before = shot.scene_hash()
    bpy.ops.genmo.generate(takes=2, seed=4)
    after = shot.scene_hash()
    assert len(bpy.data.actions) == 3
    bpy.ops.ed.undo()
    assert shot.scene_hash() == before
    assert not shot.module("addon.services.takes").in_review(bpy.data.objects["Hero"])
    bpy.ops.ed.redo()
    assert shot.scene_hash() == after
    assert len(shot.module("addon.services.takes").waiting(bpy.data.objects["Hero"])) == 2


@pytest.mark.parametrize("end", ["keep_take", "drop_take"])
def test_keep_and_drop_are_one_step_each(shot, end):
    bpy.ops.genmo.generate(takes=2, seed=4)
    called("take_next")
    before = shot.scene_hash()
    called(end)
    after = shot.scene_hash()
    assert after != before
    bpy.ops.ed.undo()
    assert shot.scene_hash() == before
    assert len(shot.module("addon.services.takes").waiting(bpy.data.objects["Hero"])) == 2
    bpy.ops.ed.redo()
    assert shot.scene_hash() == after
    bpy.ops.ed.undo()
    # After undo the review goes on as if nothing had happened.
    assert called(end) == {"FINISHED"}
    assert shot.scene_hash() == after


def test_undoing_the_character_during_its_job_ends_the_job(stage):
    bpy.ops.ed.undo_push(message="start")
    stage.character()
    stage.strips(("a person walks", 1, 61))
    bpy.ops.ed.undo_push(message="character")
    stage.scripted("--step-seconds", "0.2", "--steps", "1000")
    job = stage.start()
    bpy.ops.ed.undo()
    assert "Hero" not in bpy.data.objects
    assert not stage.session.working
    assert stage.session.outcomes[job].kind == "failed" and "Hero was deleted" in stage.session.outcomes[job].sentence


def test_undo_of_something_else_during_a_job_changes_nothing_for_it(shot):
    bpy.context.scene.frame_start = 5
    bpy.ops.ed.undo_push(message="range")
    shot.scripted("--step-seconds", "0.05", "--steps", "4")
    job = shot.start()
    bpy.ops.ed.undo()
    assert bpy.context.scene.frame_start == 1
    assert shot.outcome(job).kind == "applied"
    assert len(shot.module("addon.services.takes").waiting(bpy.data.objects["Hero"])) == 1
