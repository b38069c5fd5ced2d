"""Bad input: one clear sentence each, and the scene stays as it was."""

from __future__ import annotations

import math
import re
import shutil
import sys

import bpy
import pytest

NO_STRIPS = "Hero has no text strips yet. Press Add Text Strip. With keys alone, set Range to Scene."


def refused(stage, **properties):
    """The sentence with which Generate refuses; fails when anything changed."""
    before = stage.scene_hash()
    with pytest.raises(RuntimeError) as told:
        bpy.ops.genmo.generate(**properties)
    assert stage.scene_hash() == before
    assert not stage.session.working
    return str(told.value).split("poll()")[-1].removeprefix("Error: ").strip()


def test_no_character(stage):
    assert refused(stage) == "There is no character to move. Press Add Character, or select one in the scene."
    with pytest.raises(RuntimeError, match="There is no character to move"):
        bpy.ops.genmo.add_text_strip(text="a person walks")


def test_a_rig_of_her_own_is_told_apart_from_no_rig(stage):
    rig = bpy.data.objects.new("Rigify", bpy.data.armatures.new("Rigify"))
    body = bpy.data.objects.new("Body", None)
    body.parent = rig
    for made in (rig, body):
        bpy.context.scene.collection.objects.link(made)
    for chosen in (rig, body):
        bpy.context.view_layer.objects.active = chosen
        assert refused(stage) == (
            "Rigify is a rig of its own; so far motion is made for characters of GENMO Motion alone. "
            "Press Add Character, or select one in the scene."
        )


def test_no_strips(stage):
    stage.character()
    assert refused(stage) == NO_STRIPS
    (strip,) = stage.strips(("a person walks", 1, 61))
    strip.genmo.enabled = False
    assert refused(stage) == "All text strips of Hero are switched off. Switch one on."
    bpy.context.scene.genmo.range_mode = "SCENE"
    assert refused(stage) == "All text strips of Hero are switched off. Switch one on."
    bpy.context.scene.sequence_editor.strips.remove(strip)
    assert refused(stage) == (  # the range is the scene's already
        "Hero has no text strips, and no keys of your own in the range. "
        "Press Add Text Strip, or key poses that the motion shall go through."
    )


@pytest.mark.parametrize("text", ["", "   \n\t "])
def test_an_empty_prompt(stage, text):
    stage.shot()
    stage.strips((text, 121, 181))
    assert refused(stage) == "The text strip at frames 121–181 has no words. Type what the character should do."


def test_an_over_long_prompt_is_told_and_still_generated(stage, capfd):
    target = stage.character()
    stage.strips(("a person walks forward and then " * 40, 1, 61))
    assert bpy.ops.genmo.generate(seed=1) == {"FINISHED"}
    assert target.animation_data.action is not None
    out = capfd.readouterr().out
    assert "Only about the first" in out and "words count" in out


def test_a_range_of_one_frame(stage):
    stage.character()
    stage.strips(("a person walks", 1, 2))
    said = "Frames 1–2 are too short a range: at 24 frames a second it needs at least 7 frames. Make the range or the"
    assert refused(stage) == said + " strips longer."
    scene = bpy.context.scene
    scene.genmo.range_mode = "SCENE"
    scene.frame_start = scene.frame_end = 1
    assert "Frame 1 alone is too short a range" in refused(stage)


@pytest.mark.parametrize("fps", [12, 24, 30, 60, 120])
def test_the_shortest_range_is_as_many_frames_as_is_said(stage, fps):
    scene = bpy.context.scene
    scene.render.fps, scene.genmo.range_mode = fps, "SCENE"
    stage.character()
    stage.strips(("a person walks", 1, 200))
    scene.frame_start, scene.frame_end = 10, 11
    least = int(re.search(r"at least (\d+) frames", refused(stage))[1])
    scene.frame_end = 10 + least - 2
    assert f"at least {least} frames" in refused(stage)
    scene.frame_end = 10 + least - 1
    assert bpy.ops.genmo.generate(seed=1) == {"FINISHED"}


def test_a_prompt_outside_the_range(stage):
    stage.character()
    stage.strips(("a person walks", 300, 360))
    bpy.context.scene.genmo.range_mode = "SCENE"
    assert refused(stage) == (
        "The strip “a person walks” (frames 300–360) lies outside the range (frames 1–250). "
        "Move the strip into the range, switch it off, or make the range longer."
    )


def test_a_range_longer_than_the_model_can_do(stage):
    stage.shot()
    bpy.ops.genmo.generate(seed=1)  # now the engine has told what it can do
    bpy.ops.genmo.drop_take()
    stage.strips(("a person walks", 121, 121 + 30 * 4000))
    assert "this model makes at most" in refused(stage)


def test_a_character_in_edit_mode(stage):
    stage.shot()
    bpy.ops.object.mode_set(mode="EDIT")
    assert refused(stage) == "Hero is in Edit Mode. Leave Edit Mode, then go on."


def test_a_bone_that_is_gone(stage):
    target = stage.shot()
    bpy.ops.object.mode_set(mode="EDIT")
    for name in ("left_knee", "head"):
        target.data.edit_bones.remove(target.data.edit_bones[name])
    bpy.ops.object.mode_set(mode="OBJECT")
    assert refused(stage) == (
        "Hero has lost bones that the motion needs (left_knee, head). Undo the change, or add a new character."
    )


@pytest.mark.parametrize(
    ("change", "apply", "told"),
    [
        (
            {"scale": (0.5, 0.5, 0.5)},
            "scale",
            "The bones of Hero are 0.50 times the size that motion is made for: its scale was applied to them. "
            "Undo that and scale the object instead, or scale all bones by 2.00 in Edit Mode.",
        ),
        (
            {"rotation_euler": (0.0, 0.0, math.radians(90))},
            "rotation",
            "The bones of Hero are turned by 90° from how they were made: its rotation was applied to them. "
            "Undo that and turn the object instead, or turn all bones back in Edit Mode.",
        ),
    ],
)
def test_scale_or_rotation_that_was_applied_to_the_bones(stage, change, apply, told):
    target = stage.shot()
    for name, value in change.items():
        setattr(target, name, value)
    what = {"location": False, "rotation": False, "scale": False, apply: True}
    bpy.ops.object.transform_apply(**what)
    assert refused(stage) == told


def test_a_place_that_was_applied_and_a_longer_leg_are_no_obstacle(stage):
    target = stage.shot()
    target.location = (3.0, 1.0, 2.0)
    bpy.ops.object.transform_apply(location=True, rotation=False, scale=False)
    bpy.ops.object.mode_set(mode="EDIT")
    for side in ("left", "right"):
        for name in ("ankle", "foot"):
            bone = target.data.edit_bones[f"{side}_{name}"]
            bone.head.z -= 0.1
            bone.tail.z -= 0.1
    bpy.ops.object.mode_set(mode="OBJECT")
    assert bpy.ops.genmo.generate(seed=1) == {"FINISHED"}


def test_a_bone_that_rotates_by_axis_and_angle(stage):
    stage.shot().pose.bones["spine1"].rotation_mode = "AXIS_ANGLE"
    assert refused(stage) == (
        "The bone spine1 of Hero rotates by axis and angle. "
        "Set its rotation mode to Quaternion (WXYZ) or to one of the Euler orders."
    )


def test_tweaking_an_nla_strip(stage):
    target = stage.shot()
    data = target.animation_data_create()
    data.action = bpy.data.actions.new("walk")
    target.pose.bones["head"].keyframe_insert("rotation_quaternion", frame=1)
    data.nla_tracks.new().strips.new("walk", 1, data.action).select = True
    data.action = None
    data.nla_tracks[0].strips[0].action_slot = bpy.data.actions["walk"].slots[0]
    data.nla_tracks.active = data.nla_tracks[0]
    data.use_tweak_mode = True
    assert data.use_tweak_mode
    assert "Hero is being tweaked in the NLA Editor" in refused(stage)
    data.use_tweak_mode = False


def test_a_character_of_another_scene_is_not_offered(stage):
    stage.shot()
    other = bpy.data.scenes.new("Other")
    other.genmo.character = bpy.data.objects["Hero"]
    bpy.context.window.scene = other
    assert "There is no character to move" in refused(stage)


def test_a_strip_that_ends_before_it_starts(stage):
    stage.character()
    with pytest.raises(RuntimeError, match="A strip from frame 10 to frame 10 has no length"):
        bpy.ops.genmo.add_text_strip(text="a", start=10, end=10)
    assert not stage.module("addon.compat").all_strips(bpy.context.scene)


def test_add_character_outside_object_mode(stage):
    stage.character()
    bpy.ops.object.mode_set(mode="EDIT")
    with pytest.raises(RuntimeError, match="Switch to Object Mode to add a character"):
        bpy.ops.genmo.add_character()
    bpy.ops.object.mode_set(mode="OBJECT")


def test_review_buttons_without_a_take(stage):
    stage.character()
    for name in ("take_next", "take_previous", "keep_take", "drop_take", "again"):
        with pytest.raises(RuntimeError, match="No take is waiting. Press Generate first"):
            getattr(bpy.ops.genmo, name)()
    with pytest.raises(RuntimeError, match="Nothing is being generated"):
        bpy.ops.genmo.cancel()


def test_an_engines_python_that_is_not_there(stage):
    stage.shot()
    stage.preferences.engine_python = "/nowhere/python"
    assert refused(stage) == (
        "The engine's Python is not at /nowhere/python. "
        "Choose it in the preferences, or clear Engine Python there to use the built-in model."
    )
    assert stage.session.status() == "The engine cannot be started"
    stage.preferences.engine_python = ""
    assert stage.session.status() == "Ready · built-in model"


def test_a_python_in_the_environment_that_is_not_there(stage, monkeypatch, tmp_path):
    stage.shot()
    monkeypatch.setenv("GENMO_ENGINE_PYTHON", str(tmp_path / "no python"))
    use_engine = stage.module("addon.session").use_engine
    use_engine()
    assert "The engine's Python is not at" in refused(stage)
    monkeypatch.delenv("GENMO_ENGINE_PYTHON")
    use_engine()
    assert stage.session.status() == "Ready · built-in model"


def test_an_engines_python_that_cannot_serve(stage):
    stage.shot()
    stage.preferences.engine_python = shutil.which("false")
    assert refused(stage) == (
        "The engine ended before it said a word (exit code 1). "
        "Check Engine Python and Engine Command in the extension's preferences."
    )


def test_an_engines_command_that_names_no_program(stage, tmp_path):
    stage.shot()
    stage.preferences.engine_command = str(tmp_path / "no such program")
    told = refused(stage)
    assert "could not be started with" in told and told.endswith(" in the extension's preferences.")
    stage.preferences.engine_command = "python 'serve"
    assert "a quotation mark in “python 'serve” is not closed" in refused(stage)


def test_a_blender_without_a_python_for_the_built_in_model(stage, monkeypatch, tmp_path):
    stage.shot()
    monkeypatch.setattr(sys, "executable", "")
    use_engine = stage.module("addon.session").use_engine
    use_engine()
    assert refused(stage).startswith("Blender's own Python, which runs the built-in model, was not found.")
    broken = tmp_path / "python"
    broken.write_text("no program")
    monkeypatch.setattr(sys, "executable", str(broken))
    use_engine()
    told = refused(stage)
    assert "could not be started with" in told
    assert told.endswith("Reinstall the extension, or choose an engine's Python in its preferences.")
    monkeypatch.undo()
    use_engine()
    assert bpy.ops.genmo.generate(seed=1) == {"FINISHED"}
