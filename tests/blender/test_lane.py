"""The lane of the Dope Sheet: what it tells, where that lies, and what a click there picks."""

from __future__ import annotations

import importlib

import bpy
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st


@pytest.fixture(scope="module")
def lane(installed):
    """The module of the lane's geometry."""
    return importlib.import_module(f"{installed}.addon.lane.layout")


def width(text):
    """A letter is seven pixels wide."""
    return 7.0 * len(text)


def seen(lane, first=0.0, last=100.0, scale=1.0):
    return lane.View(1000.0, first, last, 200.0, scale, hangs=True)


def strip(lane, uid, first, last, text="a person walks", **more):
    return lane.StripBar(uid, first, last, text, (0.2, 0.4, 0.6), **more)


def test_a_strip_lies_over_its_frames(lane):
    contents = lane.Contents((strip(lane, "a", 10, 30), strip(lane, "b", 30, 55)))
    made = lane.laid_out(contents, seen(lane), width)
    assert [(uid, box.left, box.right) for uid, box in made.strips] == [("a", 100.0, 300.0), ("b", 300.0, 550.0)]
    assert [words.text for words in made.words] == ["a person walks", "a person walks"]
    assert lane.strip_at(made, 299.9, 190) == "a" and lane.strip_at(made, 300.0, 190) == "b"
    for x, y in ((99, 190), (551, 190), (150, 201), (150, 180)):
        assert lane.strip_at(made, x, y) == ""


def test_what_is_out_of_view_is_not_there_and_what_sticks_out_is_cut(lane):
    contents = lane.Contents((strip(lane, "a", -50, -10), strip(lane, "b", -20, 20), strip(lane, "c", 150, 200)))
    made = lane.laid_out(contents, seen(lane), width)
    assert [(uid, box.left, box.right) for uid, box in made.strips] == [("b", 0.0, 200.0)]


def test_the_lane_grows_with_the_interface(lane):
    contents = lane.Contents((strip(lane, "a", 10, 30),), None, ((0, 5, 9),))
    one, two = (lane.laid_out(contents, seen(lane, scale=scale), width) for scale in (1.0, 2.0))
    assert one.boxes[0].top == two.boxes[0].top == 200.0
    assert two.boxes[0].top - two.boxes[0].bottom == 2 * (one.boxes[0].top - one.boxes[0].bottom)


def test_it_stands_on_the_lower_edge_as_it_hangs_from_the_upper(lane):
    contents = lane.Contents((strip(lane, "a", 10, 30),), (5, 20), ((0, 5, 9),))
    up = lane.laid_out(contents, seen(lane), width)
    down = lane.laid_out(contents, lane.View(1000.0, 0.0, 100.0, 14.0, 1.0), width)
    assert down.boxes[0].bottom == 14.0 and up.boxes[0].top == 200.0
    by = up.boxes[0].bottom - down.boxes[0].bottom
    assert [box.bottom - by for box in up.boxes] == [box.bottom for box in down.boxes]
    assert min(box.bottom for box in down.boxes) == 14.0


def test_contacts_lie_under_the_strips_left_over_right_and_hold_their_last_frame(lane):
    contents = lane.Contents((), None, ((0, 10, 20), (3, 40, 40), (5, 60, 70), (4, 80, 90)))
    boxes = lane.laid_out(contents, seen(lane), width).boxes[1:]
    by_left = {box.left: box for box in boxes}
    assert [round(x) for x in by_left] == [95, 795, 395, 595]
    assert by_left[395.0].right == 405.0
    assert by_left[95.0].bottom > by_left[395.0].top and by_left[95.0].top <= 185.0
    assert by_left[95.0].colour == by_left[795.0].colour != by_left[595.0].colour == by_left[395.0].colour


def test_the_range_of_waiting_takes_has_an_end_where_it_ends(lane):
    boxes = lane.laid_out(lane.Contents((), (10, 140)), seen(lane), width).boxes[1:]
    assert [(box.left, box.right) for box in boxes] == [(100.0, 1000.0), (99.0, 101.0)]


def test_nothing_to_tell_draws_nothing(lane):
    assert lane.laid_out(lane.Contents(), seen(lane), width) == lane.Layout()


@given(st.text(st.characters(codec="utf-8"), max_size=80), st.floats(0, 600))
@settings(max_examples=200, deadline=None)
def test_trimmed_words_fit_and_begin_as_the_prompt_does(lane, text, room):
    kept = lane.trimmed(text, room, width)
    whole = " ".join(text.split())
    assert width(kept) <= room or kept == ""
    assert kept == whole or kept == "" or (kept.endswith("…") and whole.startswith(kept[:-1]))


def test_words_are_trimmed_at_a_word_s_end(lane):
    assert lane.trimmed("a person walks forward", 7 * 15, width) == "a person walks…"
    assert lane.trimmed("a person walks forward", 7 * 14, width) == "a person…"
    assert lane.trimmed("somersaulting", 7 * 6, width) == "somer…"
    assert lane.trimmed("walks", 6, width) == ""


def told(stage):
    scene, contents = bpy.context.scene, stage.module("addon.lane.contents")
    target = stage.module("addon.operators.common").current_character(bpy.context)
    return contents.read(scene, scene, target, contents.tag_colours(bpy.context.preferences))


def test_it_tells_the_character_s_strips_and_which_is_picked(stage):
    stage.shot()
    stage.character("Other")
    stage.strips(("somebody else", 5, 9))
    bpy.context.view_layer.objects.active = bpy.data.objects["Hero"]
    scene = bpy.context.scene
    bars = told(stage).strips
    assert [(bar.first, bar.last, bar.text) for bar in bars] == [
        (1, 61, "a person walks forward"),
        (61, 121, "a person waves"),
    ]
    assert not any(bar.picked for bar in bars)
    assert stage.module("addon.lane.operators").pick(scene, bars[0].uid)
    assert [bar.picked for bar in told(stage).strips] == [True, False]
    assert scene.sequence_editor.active_strip.text == "a person walks forward"
    theme = bpy.context.preferences.themes[0].strip_color[3].color
    np.testing.assert_allclose(bars[0].colour, theme)


def test_strips_of_a_sequencer_scene_with_another_rate_lie_in_the_frames_of_the_shown_one(stage):
    target = stage.shot()
    contents = stage.module("addon.lane.contents")
    other = bpy.data.scenes.new("Shown")
    other.render.fps = 60
    bars = contents.read(other, bpy.context.scene, target, {}).strips
    assert [(bar.first, bar.last) for bar in bars] == [(2, 122), (122, 242)]


def test_a_waiting_take_has_its_range_until_it_is_kept(stage):
    stage.shot()
    assert told(stage).take is None
    bpy.ops.genmo.generate(seed=3)
    assert told(stage).take == (1, 121)
    bpy.ops.genmo.keep_take()
    assert told(stage).take is None


def test_words_are_edited_and_a_strip_that_is_gone_is_told(stage):
    stage.shot()
    uid = told(stage).strips[1].uid
    assert bpy.ops.genmo.lane_edit(uid=uid, text="a person jumps") == {"FINISHED"}
    assert [bar.text for bar in told(stage).strips] == ["a person walks forward", "a person jumps"]
    bpy.ops.genmo.strip_remove()
    with pytest.raises(RuntimeError, match="The text strip is gone"):
        bpy.ops.genmo.lane_edit(uid=uid, text="x")


def test_its_clicks_are_bound_in_the_dope_sheet_alone_and_go_with_the_extension(stage):
    def bound():
        keymaps = bpy.context.window_manager.keyconfigs.addon.keymaps
        return [(k.name, i.idname, i.type, i.value) for k in keymaps for i in k.keymap_items if "genmo" in i.idname]

    assert sorted(i for i in bound() if "lane" in i[1]) == [
        ("Dopesheet", "genmo.lane_edit", "LEFTMOUSE", "DOUBLE_CLICK"),
        ("Dopesheet", "genmo.lane_pick", "LEFTMOUSE", "PRESS"),
    ]
    drawn = [stage.module(f"addon.{name}.draw")._handles for name in ("lane", "overlays")]
    assert [len(handles) for handles in drawn] == [1, 2]
    bpy.ops.preferences.addon_disable(module=stage.extension)
    assert bound() == [] and [len(handles) for handles in drawn] == [0, 0]
    bpy.ops.preferences.addon_enable(module=stage.extension)
    assert len([i for i in bound() if "lane" in i[1]]) == 2
