"""Strips are the only store of prompts: they never show in the render, survive copies, and say what Generate reads."""

from __future__ import annotations

import bpy
import numpy as np
import pytest


def request_of(stage):
    """What Generate would ask for now."""
    scene = bpy.context.scene
    target = stage.module("addon.operators.common").current_character(bpy.context)
    return stage.module("addon.services.generate").order(scene, scene, target, 1, 5)


def rendered(path):
    """The pixels of the present frame, through the Sequencer as a user's F12 goes."""
    scene = bpy.context.scene
    scene.render.engine = "BLENDER_WORKBENCH"
    scene.render.resolution_x, scene.render.resolution_y = 96, 64
    scene.render.use_sequencer = True
    scene.render.image_settings.file_format = "PNG"
    scene.render.filepath = str(path)
    bpy.ops.render.render(write_still=True)
    image = bpy.data.images.load(str(path))
    pixels = np.array(image.pixels[:])
    bpy.data.images.remove(image)
    return pixels


def test_strips_never_show_in_the_render(stage, tmp_path):
    scene = bpy.context.scene
    bpy.ops.mesh.primitive_cube_add()
    camera = bpy.data.objects.new("Camera", bpy.data.cameras.new("Camera"))
    scene.collection.objects.link(camera)
    camera.location, camera.rotation_euler = (0, -6, 0), (1.5708, 0, 0)
    scene.camera = camera
    stage.character()
    before = rendered(tmp_path / "before.png")
    assert before.reshape(-1, 4)[:, :3].std() > 0.05  # there is something to see
    stage.strips(*[(f"a person walks {i}", 1, 50 + i) for i in range(4)])
    assert scene.sequence_editor is not None and len(scene.sequence_editor.strips) == 4
    assert np.array_equal(rendered(tmp_path / "after.png"), before)


def test_strips_lie_in_muted_channels_of_their_own(stage):
    stage.character()
    scene = bpy.context.scene
    editor = scene.sequence_editor_create()
    compat = stage.module("addon.compat")
    compat.new_text_strip(editor, "The animator's", 1, 1, 100)
    compat.new_text_strip(editor, "The animator's too", 5, 1, 100)
    strips = stage.strips(("a", 1, 50), ("b", 50, 99), ("c", 20, 60), ("d", 1, 99))
    ours = [s for s in strips if s.genmo.uid]
    assert [s.channel for s in sorted(ours, key=lambda s: s.text)] == [6, 6, 7, 8]
    assert all(s.mute for s in ours)
    assert all(editor.channels[s.channel].mute for s in ours)
    assert [editor.channels[i].name for i in (6, 7, 8)] == ["GENMO", "GENMO 2", "GENMO 3"]
    assert not editor.channels[1].mute and not editor.channels[5].mute


def test_a_strip_of_the_animator_is_no_prompt(stage):
    stage.shot()
    editor = bpy.context.scene.sequence_editor
    title = stage.module("addon.compat").new_text_strip(editor, "Title", 1, 1, 500)
    title.text = "THE END"
    order = request_of(stage)
    assert order.prompts == ("a person walks forward", "a person waves") and order.last == 121


def test_the_playhead_and_four_seconds_are_the_default(stage):
    stage.character()
    scene = bpy.context.scene
    scene.render.fps = 25
    scene.frame_set(40)
    assert bpy.ops.genmo.add_text_strip() == {"FINISHED"}
    strip = scene.sequence_editor.strips[0]
    assert stage.module("addon.compat").strip_extent(strip) == (40, 140)
    assert strip.text == "A person walks forward"


def test_adding_again_makes_a_row_and_inside_a_strip_lays_one_over_it(stage):
    stage.character()
    scene = bpy.context.scene
    scene.render.fps = 30
    scene.frame_set(1)
    for _ in range(3):
        bpy.ops.genmo.add_text_strip()
    scene.frame_set(50)
    bpy.ops.genmo.add_text_strip()
    strips = scene.sequence_editor.strips
    extent = stage.module("addon.compat").strip_extent
    assert [extent(s) for s in strips] == [(1, 121), (121, 241), (241, 361), (50, 170)]
    assert [s.channel for s in strips] == [1, 1, 1, 2]


def test_a_copied_strip_gets_its_own_identifier(stage):
    target = stage.character()
    strips = stage.strips(("a person walks", 1, 50), ("a person waves", 50, 99))
    strips[1].genmo.uid = strips[0].genmo.uid  # what a copy does
    request_of(stage)
    uids = [s.genmo.uid for s in bpy.context.scene.sequence_editor.strips]
    assert len(set(uids)) == 2 and all(uids)
    assert all(s.genmo.character == target for s in bpy.context.scene.sequence_editor.strips)


def test_touching_strips_fade_into_each_other(stage):
    stage.shot()
    bpy.context.scene.genmo.crossfade = 6
    walk, wave = request_of(stage).request.texts
    assert (walk.start, walk.fade_in, wave.fade_out) == (0.0, 0.0, 0.0)
    assert wave.end == pytest.approx(4.0)
    assert walk.end == pytest.approx(2.1) and wave.start == pytest.approx(1.9)
    assert walk.fade_out == wave.fade_in == pytest.approx(0.2)


def test_an_overlap_is_the_fade_and_a_strip_inside_another_has_none(stage):
    bpy.context.scene.render.fps = 30
    stage.character()
    stage.strips(("a", 1, 61), ("b", 46, 121), ("c", 91, 106))
    texts = {t.text: t for t in request_of(stage).request.texts}
    assert texts["a"].fade_out == texts["b"].fade_in == pytest.approx(0.5)
    assert texts["c"].fade_in == texts["c"].fade_out == texts["b"].fade_out == 0.0


def test_a_gap_is_left_to_the_model(stage):
    bpy.context.scene.render.fps = 30
    stage.character()
    stage.strips(("a", 1, 31), ("b", 61, 91))
    a, b = request_of(stage).request.texts
    assert (a.end, a.fade_out, b.start, b.fade_in) == pytest.approx((1.0, 0.0, 2.0, 0.0))


def test_strength_and_switch_are_read(stage):
    stage.shot()
    first, second = bpy.context.scene.sequence_editor.strips
    first.genmo.strength = 0.5
    second.genmo.enabled = False
    order = request_of(stage)
    assert [(t.text, t.strength) for t in order.request.texts] == [("a person walks forward", 0.5)]
    assert (order.first, order.last) == (1, 61)


def test_each_character_has_its_own_prompts(stage):
    stage.shot()
    stage.character("Gina")
    stage.strips(("a person sits", 10, 70))
    assert request_of(stage).prompts == ("a person sits",)


def test_strips_of_another_scene_count_by_time(stage):
    """From 5.0 on the Sequencer may show another scene than the viewport."""
    scene, edit = bpy.context.scene, bpy.data.scenes.new("Edit")
    scene.render.fps, edit.render.fps = 24, 30
    target = stage.character()
    timeline = stage.module("addon.timeline")
    timeline.add_text_strip(edit, target, "a person walks", 30, 90)
    order = stage.module("addon.services.generate").order(scene, edit, target, 1, 5)
    assert (order.first, order.last, order.fps) == (24, 72, 24.0)
    assert order.request.duration == pytest.approx(2.0)
    assert timeline.summary(scene, edit, target) == "Frames 24–72 · 2.0 s · 1 prompt"


def test_the_scenes_range_can_be_filled_instead(stage):
    stage.shot()
    scene = bpy.context.scene
    scene.genmo.range_mode = "SCENE"
    scene.frame_start, scene.frame_end = 31, 100
    order = request_of(stage)
    assert (order.first, order.last) == (31, 100)
    assert order.request.texts[0].start == pytest.approx(-1.0)
    assert bpy.ops.genmo.generate(seed=1) == {"FINISHED"}
    scene.frame_end = 110
    assert request_of(stage).last == 110  # the review's own preview range is no wish of the animator's
    scene.use_preview_range = True
    scene.frame_preview_start, scene.frame_preview_end = 70, 90
    order = request_of(stage)
    assert (order.first, order.last, order.prompts) == (70, 90, ("a person waves",))


def test_a_long_prompt_is_kept_whole(stage):
    stage.character()
    text = "a person walks with é and 漢字 " * 60
    (strip,) = stage.strips((text, 1, 61))
    assert stage.module("addon.timeline").prompt_text(strip) == text
    assert request_of(stage).prompts == (text.strip(),)
    strip.text = "a person sits"  # an edit in the Sequencer counts
    assert request_of(stage).prompts == ("a person sits",)


def test_removing_a_strip_removes_the_picked_one(stage):
    stage.shot()
    scene = bpy.context.scene
    scene.genmo.strip_index = 0
    assert scene.sequence_editor.active_strip == scene.sequence_editor.strips[0]
    assert bpy.ops.genmo.strip_remove() == {"FINISHED"}
    assert [s.text for s in scene.sequence_editor.strips] == ["a person waves"]


def test_the_summary_names_range_and_prompts(stage):
    target = stage.shot()
    scene = bpy.context.scene
    timeline = stage.module("addon.timeline")
    assert timeline.summary(scene, scene, target) == "Frames 1–121 · 4.0 s · 2 prompts"
    scene.genmo.range_mode = "SCENE"
    scene.frame_start, scene.frame_end = 1, 31
    assert timeline.summary(scene, scene, target) == "Frames 1–31 · 1.0 s · 1 prompt · 1 outside"


def test_time_stretching_is_said_before_a_render_plays_the_motion_at_another_pace(stage):
    scene = bpy.context.scene
    assert stage.module("addon.timeline").notes(scene) == []
    scene.render.frame_map_new = 200
    (note,) = stage.module("addon.timeline").notes(scene)
    assert note.startswith(
        "Time Stretching is 100 to 200 (Output, Frame Range): a render plays the motion at 0.5 times"
    )
