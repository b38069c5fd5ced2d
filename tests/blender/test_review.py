"""Takes that wait: nothing of the animator's is lost, nothing of ours is left behind."""

from __future__ import annotations

import bpy
import pytest


def animated(stage):
    """A shot whose character has an action of the animator's, on purpose not the only slot of that name."""
    target = stage.shot()
    bone = target.pose.bones["left_elbow"]
    for frame, x in ((1, 0.0), (30, 0.6)):
        bone.rotation_quaternion = (0.8, x, 0.0, 0.0)
        bone.keyframe_insert("rotation_quaternion", frame=frame)
    target.pose.bones["right_knee"].rotation_quaternion = (0.8, 0.6, 0.0, 0.0)  # posed, not keyed
    target.animation_data.action.name = "By hand"
    bpy.context.scene.frame_set(20)
    return target


@pytest.mark.parametrize("prepare", [lambda stage: animated(stage), lambda stage: stage.shot()], ids=["action", "bare"])
def test_drop_puts_back_exactly_what_was_there(stage, prepare):
    target = prepare(stage)
    bpy.context.view_layer.update()
    before = stage.scene_hash()
    bpy.ops.genmo.generate(takes=3, seed=4)
    bpy.ops.genmo.take_next()
    bpy.context.scene.frame_set(20 if "By hand" in bpy.data.actions else 1)
    assert stage.scene_hash() != before
    assert bpy.ops.genmo.drop_take() == {"FINISHED"}
    bpy.context.view_layer.update()
    assert stage.scene_hash() == before
    assert not stage.module("addon.services.takes").in_review(target)


def test_keep_leaves_the_animators_action_protected_and_unchanged(stage):
    target = animated(stage)
    own = stage.action_hash(bpy.data.actions["By hand"])
    bpy.ops.genmo.generate(takes=2, seed=4)
    bpy.ops.genmo.keep_take()
    assert stage.action_hash(bpy.data.actions["By hand"]) == own
    assert bpy.data.actions["By hand"].use_fake_user
    assert sorted(a.name for a in bpy.data.actions) == ["By hand", "Hero · walks, waves · t01 · s4"]
    assert target.animation_data.action.genmo.owner is None


def test_ten_generations_leave_no_orphans(stage):
    stage.character()
    stage.strips(("a person waves", 1, 25))
    kept = []
    for number in range(10):
        bpy.ops.genmo.generate(takes=2, seed=100 + number)
        if number % 3 == 0:
            bpy.ops.genmo.take_next()
            bpy.ops.genmo.keep_take()
            kept.append(bpy.context.view_layer.objects.active.animation_data.action.name)
        elif number % 3 == 1:
            bpy.ops.genmo.drop_take()
    assert sorted(a.name for a in bpy.data.actions) == sorted(kept) and len(kept) == 4
    assert [len(bpy.data.armatures), len(bpy.data.meshes)] == [1, 1]


def test_a_second_generation_moves_the_character_too(stage):
    """A rival's second take stood still, for its slot was not bound."""
    target = stage.shot()
    for seed in (1, 2):
        bpy.ops.genmo.generate(seed=seed)
        bpy.ops.genmo.keep_take()
        assert target.animation_data.action_slot is not None
        bpy.context.scene.frame_set(1)
        start = target.pose.bones["pelvis"].matrix.translation.copy()
        bpy.context.scene.frame_set(100)
        assert (target.pose.bones["pelvis"].matrix.translation - start).length > 1.0


def test_generate_during_review_adds_takes(stage):
    target = animated(stage)
    bpy.ops.genmo.generate(takes=2, seed=4)
    bpy.ops.genmo.generate(takes=1, seed=40)
    takes = stage.module("addon.services.takes")
    assert [a.name[-3:] for a in takes.waiting(target)] == [" s4", " s5", "s40"]
    assert takes.shown(target).name.endswith("s40")
    assert target.genmo.review.original.name == "By hand"


def test_waiting_takes_survive_saving_and_reopening(stage, tmp_path):
    animated(stage)
    own = stage.action_hash(bpy.data.actions["By hand"])
    bpy.ops.genmo.generate(takes=2, seed=4)
    bpy.ops.genmo.take_next()
    before = stage.scene_hash()
    path = str(tmp_path / "dir with space é漢" / "shot.blend")
    (tmp_path / "dir with space é漢").mkdir()
    bpy.ops.wm.save_as_mainfile(filepath=path)
    assert stage.scene_hash() == before
    for _ in range(2):  # reopened, saved again, reopened: nothing wears off
        bpy.ops.wm.open_mainfile(filepath=path)
        target = bpy.data.objects["Hero"]
        takes = stage.module("addon.services.takes")
        assert [a.name[-2:] for a in takes.waiting(target)] == ["s4", "s5"]
        assert takes.shown(target) == target.animation_data.action
        assert stage.scene_hash() == before
        bpy.ops.wm.save_mainfile()
    assert bpy.ops.genmo.drop_take() == {"FINISHED"}
    assert [a.name for a in bpy.data.actions] == ["By hand"]
    data = bpy.data.objects["Hero"].animation_data
    assert data.action.name == "By hand" and data.action_slot.identifier == "OBHero"
    assert stage.action_hash(data.action) == own


def test_the_animators_action_survives_even_the_characters_end_during_review(stage, tmp_path):
    target = animated(stage)
    assert target.animation_data.action.users == 1 and not target.animation_data.action.use_fake_user
    bpy.ops.genmo.generate(seed=4)
    bpy.data.objects.remove(target)
    path = str(tmp_path / "shot.blend")
    bpy.ops.wm.save_as_mainfile(filepath=path)
    bpy.ops.wm.open_mainfile(filepath=path)
    assert "By hand" in bpy.data.actions


def test_saving_while_a_job_runs_leaves_nothing_stuck_in_the_file(stage, tmp_path):
    stage.scripted("--step-seconds", "0.2", "--steps", "1000")
    stage.shot()
    job = stage.start()
    stage.until(lambda: stage.session.jobs.open()[0].progress is not None)
    path = str(tmp_path / "shot.blend")
    bpy.ops.wm.save_as_mainfile(filepath=path)
    assert [j.id for j in stage.session.jobs.open()] == [job]
    bpy.ops.wm.open_mainfile(filepath=path)
    assert not stage.session.working
    assert bpy.ops.genmo.generate.poll()
    assert len(bpy.data.actions) == 0


def test_the_preview_range_shows_the_take_and_comes_back(stage):
    stage.shot()
    scene = bpy.context.scene
    scene.use_preview_range = True
    scene.frame_preview_start, scene.frame_preview_end = 300, 400
    bpy.ops.genmo.generate(seed=4)
    assert (scene.frame_preview_start, scene.frame_preview_end) == (1, 121)
    bpy.ops.genmo.keep_take()
    assert (scene.use_preview_range, scene.frame_preview_start, scene.frame_preview_end) == (True, 300, 400)
    bpy.ops.genmo.generate(seed=4)
    scene.frame_preview_end = 50  # the animator's own choice during review stays
    bpy.ops.genmo.drop_take()
    assert (scene.frame_preview_start, scene.frame_preview_end) == (1, 50)


def test_an_action_the_animator_chose_during_review_stays_at_drop(stage):
    target = animated(stage)
    bpy.ops.genmo.generate(seed=4)
    other = bpy.data.actions.new("Other")
    target.animation_data.action = other
    bpy.ops.genmo.drop_take()
    assert target.animation_data.action == other
    assert sorted(a.name for a in bpy.data.actions) == ["By hand", "Other"]


def test_a_copy_of_a_character_under_review_leaves_its_models_takes_alone(stage):
    target = animated(stage)
    own, preview = stage.action_hash(bpy.data.actions["By hand"]), stage.module("addon.services.playback").own_range
    bpy.ops.genmo.generate(takes=2, seed=4)
    takes = stage.module("addon.services.takes")
    models, shown = [a.name for a in takes.waiting(target)], bpy.context.scene.use_preview_range
    bpy.ops.object.select_all(action="DESELECT")
    target.select_set(True)
    bpy.ops.object.duplicate()
    copy = bpy.context.view_layer.objects.active
    assert copy != target
    if takes.in_review(copy):
        bpy.ops.genmo.drop_take()
    # moved as by hand, by an action of its own: what is changed in one must not move the other
    assert copy.animation_data.action != bpy.data.actions["By hand"]
    assert stage.action_hash(copy.animation_data.action) == stage.action_hash(bpy.data.actions["By hand"]) == own
    assert bpy.context.scene.use_preview_range and shown and not preview(bpy.context.scene)[0]
    assert [a.name for a in takes.waiting(target)] == models
    bpy.context.view_layer.objects.active = target
    bpy.ops.genmo.keep_take()
    assert target.animation_data.action.name == models[0]


@pytest.mark.parametrize("first_ended", ["first", "second"])
def test_two_characters_under_review_give_the_preview_range_back(stage, first_ended):
    scene, characters = bpy.context.scene, []
    for name, end in (("A", 61), ("B", 91)):
        characters.append(stage.character(name))
        stage.strips(("a person waves", 1, end))
        bpy.ops.genmo.generate(seed=4)
    assert scene.use_preview_range
    for target in characters if first_ended == "first" else reversed(characters):
        bpy.context.view_layer.objects.active = target
        bpy.ops.genmo.drop_take()
    assert not scene.use_preview_range


def test_a_character_that_is_deleted_under_review_leaves_nothing(stage):
    target = animated(stage)
    bpy.ops.genmo.generate(takes=2, seed=4)
    bpy.data.objects.remove(target.children[0]) if target.children else None
    bpy.context.collection.objects.unlink(target)
    stage.character("Next")
    stage.strips(("a person waves", 1, 61))
    bpy.ops.genmo.generate(seed=4)
    assert sorted(a.name for a in bpy.data.actions) == ["By hand", "Next · waves · t01 · s4"]
    assert not bpy.data.actions["By hand"].use_fake_user
    bpy.ops.genmo.drop_take()
    assert not bpy.context.scene.use_preview_range


def test_muted_and_cycling_channels_are_told(stage):
    target = animated(stage)
    bag = stage.module("addon.compat").find_channelbag(target.animation_data.action, target.animation_data.action_slot)
    bpy.ops.genmo.generate(seed=4)
    assert "muted" not in stage.session.message and "Cycles" not in stage.session.message
    bpy.ops.genmo.drop_take()
    bag.fcurves[0].mute = True
    bag.fcurves[1].modifiers.new("CYCLES")
    bpy.ops.genmo.generate(seed=4)
    assert "Channels of left_elbow are muted" in stage.session.message
    assert "Curves of left_elbow repeat" in stage.session.message


def test_a_take_that_was_removed_by_hand_is_told_and_drop_still_works(stage):
    target = animated(stage)
    bpy.ops.genmo.generate(seed=4)
    bpy.data.actions.remove(target.animation_data.action)
    with pytest.raises(RuntimeError, match="its takes were removed"):
        bpy.ops.genmo.keep_take()
    assert bpy.ops.genmo.drop_take() == {"FINISHED"}
    assert target.animation_data.action.name == "By hand"


def test_an_unreadable_recipe_is_told(stage):
    target = stage.shot()
    bpy.ops.genmo.generate(seed=4)
    target.animation_data.action["genmo_recipe"] = "{"
    with pytest.raises(RuntimeError, match="recipe of .* cannot be read"):
        bpy.ops.genmo.again()


def test_a_result_that_cannot_be_written_leaves_nothing(stage, monkeypatch):
    animated(stage)
    keying = stage.module("addon.keying")
    write, calls = keying.write, []

    def breaks_at_the_second_take(*arguments):
        calls.append(arguments)
        write(*arguments)
        if len(calls) == 2:
            raise KeyError("a bone")

    monkeypatch.setattr(keying, "write", breaks_at_the_second_take)
    before = stage.scene_hash()
    with pytest.raises(RuntimeError, match="The takes for Hero could not be written. Your animation is unchanged"):
        bpy.ops.genmo.generate(takes=3, seed=4)
    assert stage.scene_hash() == before and len(calls) == 2
    monkeypatch.undo()
    bpy.ops.genmo.generate(seed=4)
    assert bpy.context.view_layer.objects.active.animation_data.action.name == "Hero · walks, waves · t01 · s4"
