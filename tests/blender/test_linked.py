"""A character that is linked from another file: its library override is moved, reviewed and saved like any other."""

from __future__ import annotations

import bpy
import pytest


@pytest.fixture
def linked(stage, tmp_path):
    """The character of another file, linked into this one."""
    stage.character()
    library = tmp_path / "hero.blend"
    bpy.ops.wm.save_as_mainfile(filepath=str(library))
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    with bpy.data.libraries.load(str(library), link=True) as (_, into):
        into.objects = ["Hero", "Hero body"]
    scene = bpy.context.scene
    for found in into.objects:
        scene.collection.objects.link(found)
    scene.render.fps, scene.genmo.steps = 30, 5
    bpy.context.view_layer.objects.active = bpy.data.objects["Hero"]
    return bpy.data.objects["Hero"]


def overridden(target, how):
    """Its override, made for the object alone or with all that it hangs together with (which stays in the scene)."""
    if how == "OBJECT":
        target.override_create(remap_local_usages=True)
    else:
        target.override_hierarchy_create(
            bpy.context.scene, bpy.context.view_layer, do_fully_editable=how == "EDITABLE_HIERARCHY"
        )
    return found()


def found():
    """The overridden character, active."""
    (target,) = [o for o in bpy.data.objects if o.type == "ARMATURE" and o.override_library]
    bpy.context.view_layer.objects.active = target
    return target


def test_a_linked_character_is_refused_and_told_what_helps(stage, linked):
    stage.strips(("a person waves", 1, 61))
    with pytest.raises(RuntimeError, match=r"Hero is linked .* Make a library override of it"):
        bpy.ops.genmo.generate(seed=1)


@pytest.mark.parametrize("how", ["OBJECT", "HIERARCHY", "EDITABLE_HIERARCHY"])
def test_an_override_has_takes_that_outlive_reopening(stage, linked, tmp_path, how):
    target = overridden(linked, how)
    stage.strips(("a person waves", 1, 61))
    assert bpy.ops.genmo.generate(seed=1) == {"FINISHED"}
    bpy.ops.genmo.keep_take()
    kept = target.animation_data.action.name
    bpy.ops.genmo.pin_here()
    target.genmo_direction.pins[0].enabled = False
    bpy.ops.genmo.generate(seed=2, takes=2)
    bpy.ops.genmo.take_next()
    shown = target.animation_data.action.name
    path = str(tmp_path / "shot.blend")
    for _ in range(2):
        bpy.ops.wm.save_as_mainfile(filepath=path)
        bpy.ops.wm.open_mainfile(filepath=path)
    target = found()
    review = target.genmo.review
    assert target.animation_data.action.name == shown == review.takes[1].action.name
    assert (len(review.takes), review.index, review.original.name, target.genmo.take_count) == (2, 1, kept, 3)
    assert [pin.enabled for pin in target.genmo_direction.pins] == [False]
    bpy.ops.genmo.drop_take()
    assert target.animation_data.action.name == kept
    assert [action.name for action in bpy.data.actions] == [kept]
