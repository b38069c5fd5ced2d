"""What may happen while a job runs: each has its sentence, and the scene stays as it was."""

from __future__ import annotations

import os
import signal

import bpy
import pytest

SLOW = ("--step-seconds", "0.05", "--steps", "400")
SOON = ("--step-seconds", "0.05", "--steps", "6")


@pytest.fixture
def stage(scripted):
    """All of this is told by the scripted engine."""
    return scripted


def running(stage, *switches):
    """A job that the engine works on. Returns its number."""
    stage.scripted(*switches)
    job = stage.start()
    stage.until(lambda: stage.session.jobs.open() and stage.session.jobs.open()[0].progress is not None)
    return job


def test_cancel_ends_the_job_and_leaves_the_scene(stage):
    stage.shot()
    before = stage.scene_hash()
    job = running(stage, *SLOW)
    assert bpy.ops.genmo.cancel() == {"FINISHED"}
    assert stage.session.outcomes[job].kind == "cancelled" and not stage.session.working
    assert stage.scene_hash() == before
    assert stage.session.message == "Cancelled. Hero is unchanged."


def test_after_a_cancel_generate_gives_its_own_result(stage):
    target = stage.shot()
    stage.scripted(*SOON, "--late")  # the engine answers the cancelled job nevertheless
    stage.start(seed=1000)
    bpy.ops.genmo.cancel()
    assert bpy.ops.genmo.generate(seed=2000) == {"FINISHED"}
    takes = stage.module("addon.services.takes").waiting(target)
    assert [a.name.split(" · ")[-1] for a in takes] == ["s2000"]


def test_a_killed_engine_is_told_and_generate_starts_it_again(stage, tmp_path):
    target = stage.shot()
    before = stage.scene_hash()
    pid_file = tmp_path / "pid"
    job = running(stage, *SLOW, "--pid-file", str(pid_file))
    os.kill(int(pid_file.read_text().split()[0]), signal.SIGKILL)
    outcome = stage.outcome(job)
    assert outcome.kind == "failed" and "The engine stopped" in outcome.sentence and "unchanged" in outcome.sentence
    assert stage.scene_hash() == before
    stage.scripted()
    assert bpy.ops.genmo.generate(seed=1) == {"FINISHED"}
    assert target.animation_data.action is not None


def test_a_stopped_engine_is_told(stage, monkeypatch):
    """Of the ten seconds two suffice here: `build.py bench --bars silence` waits for all of them."""
    monkeypatch.setattr(stage.module("addon.engine_process"), "SILENCE_SECONDS", 2.0)
    stage.shot()
    before = stage.scene_hash()
    outcome = stage.outcome(running(stage, *SLOW, "--stop-at", "3"))
    assert outcome.kind == "failed" and "stopped answering for 2 s" in outcome.sentence
    assert stage.scene_hash() == before


@pytest.mark.parametrize(
    ("switches", "words"),
    [
        (("--crash-at", "2"), "The engine stopped"),
        (("--banner", "Welcome to the farm\\n"), "Welcome to the farm"),
        (("--not-ready",), ""),
        (("--fail-at", "1"), ""),
        (("--version", "99"), "version"),
    ],
    ids=["crash", "text before the first frame", "no model", "failure", "other version"],
)
def test_a_failing_engine_is_told_and_changes_nothing(stage, switches, words):
    stage.shot()
    before = stage.scene_hash()
    stage.scripted(*switches)
    with pytest.raises(RuntimeError) as told:
        bpy.ops.genmo.generate(seed=1)
    sentence = str(told.value).removeprefix("Error: ").strip()
    assert words in sentence
    assert sentence[0].isupper() and sentence.endswith(".") and "Traceback" not in sentence and len(sentence) > 20
    assert stage.scene_hash() == before and not stage.session.working


def test_a_renamed_character_receives_its_takes(stage):
    target = stage.shot()
    job = running(stage, *SOON)
    target.name = "Gina"
    assert stage.outcome(job).kind == "applied"
    assert target.animation_data.action.name.startswith("Gina · ")


def test_a_duplicated_character_takes_nothing_from_its_model(stage):
    target = stage.shot()
    job = running(stage, *SOON)
    bpy.ops.object.duplicate()
    copy = bpy.context.view_layer.objects.active
    target.name, copy.name = "Other", "Hero"  # names prove nothing
    assert stage.outcome(job).kind == "applied"
    assert target.animation_data.action is not None
    assert copy.animation_data is None or copy.animation_data.action is None


def test_a_deleted_character_is_told(stage):
    target = stage.shot()
    job = running(stage, *SOON)
    bpy.data.objects.remove(target)
    before = stage.scene_hash()
    outcome = stage.outcome(job)
    assert (outcome.kind, outcome.sentence) == (
        "failed",
        "Hero was deleted while its takes were made. They were discarded.",
    )
    assert stage.scene_hash() == before


def test_an_unlinked_character_is_told(stage):
    target = stage.shot()
    job = running(stage, *SOON)
    target.use_fake_user = True
    for collection in list(target.users_collection):
        collection.objects.unlink(target)
    before = stage.scene_hash()
    outcome = stage.outcome(job)
    assert outcome.kind == "failed" and "taken out of every scene" in outcome.sentence
    assert stage.scene_hash() == before


def test_takes_reach_their_own_scene_while_another_is_shown(stage):
    target, scene = stage.shot(), bpy.context.scene
    job = running(stage, *SOON)
    other = bpy.data.scenes.new("Other")
    bpy.context.window.scene = other
    outcome = stage.outcome(job)
    assert outcome.sentence == f"Takes for Hero are ready in the scene {scene.name}."
    assert target.animation_data.action is not None
    assert not other.use_preview_range and scene.use_preview_range


def test_a_deleted_scene_is_told(stage):
    target, scene = stage.shot(), bpy.context.scene
    other = bpy.data.scenes.new("Other")
    other.collection.objects.link(target)
    job = running(stage, *SOON)
    bpy.context.window.scene = other
    bpy.data.scenes.remove(scene)
    outcome = stage.outcome(job)
    assert outcome.kind == "failed" and "scene of Hero was deleted" in outcome.sentence
    assert len(bpy.data.actions) == 0


def test_edit_mode_makes_the_takes_wait(stage):
    target = stage.shot()
    job = running(stage, *SOON)
    bpy.ops.object.mode_set(mode="EDIT")
    before = stage.scene_hash()
    outcome = stage.outcome(job)
    assert outcome.kind == "waiting"
    assert outcome.sentence == "Takes for Hero are ready. They arrive when Edit Mode of Hero has ended."
    for _ in range(3):
        stage.session.step()
    assert stage.scene_hash() == before and stage.session.due
    bpy.ops.object.mode_set(mode="OBJECT")
    stage.session.step()
    assert stage.session.outcomes[job].kind == "applied"
    assert target.animation_data.action is not None and not stage.session.due


def test_tweaking_a_strip_makes_the_takes_wait(stage):
    target = stage.shot()
    bpy.ops.genmo.generate(seed=1)
    bpy.ops.genmo.keep_take(way="STRIP")
    data = target.animation_data
    job = running(stage, *SOON)
    data.nla_tracks.active = data.nla_tracks[0]
    data.nla_tracks[0].strips[0].select = True
    data.use_tweak_mode = True
    outcome = stage.outcome(job)
    assert outcome.kind == "waiting"
    assert outcome.sentence.endswith("They arrive when tweak mode of Hero in the NLA Editor has ended.")
    data.use_tweak_mode = False
    stage.session.step()
    assert stage.session.outcomes[job].kind == "applied"


def test_takes_can_be_had_beside_a_tool_that_never_ends(stage, monkeypatch):
    """Modal tools exist in a real window only (tests/ui); here Blender's answer about them is what is made up."""
    target = stage.shot()
    compat = stage.module("addon.compat")
    monkeypatch.setattr(compat, "busy_with", lambda modal_tools=True: "Screencast" if modal_tools else "")
    job = running(stage, *SOON)
    assert stage.outcome(job).sentence == "Takes for Hero are ready. They arrive when Screencast has ended."
    assert target.animation_data is None
    assert bpy.ops.genmo.receive() == {"FINISHED"}
    assert target.animation_data.action is not None and not stage.session.due


def test_takes_that_wait_can_be_cancelled(stage):
    target = stage.shot()
    job = running(stage, *SOON)
    bpy.ops.object.mode_set(mode="EDIT")
    stage.outcome(job)
    assert bpy.ops.genmo.cancel() == {"FINISHED"}
    bpy.ops.object.mode_set(mode="OBJECT")
    stage.session.step()
    assert target.animation_data is None and stage.session.outcomes[job].kind == "cancelled"


def test_a_bone_deleted_during_the_job_is_told(stage):
    target = stage.shot()
    job = running(stage, *SOON)
    bpy.ops.object.mode_set(mode="EDIT")
    target.data.edit_bones.remove(target.data.edit_bones["left_knee"])
    bpy.ops.object.mode_set(mode="OBJECT")
    before = stage.scene_hash()
    outcome = stage.outcome(job)
    assert outcome.kind == "failed" and "has lost bones that the motion needs (left_knee)" in outcome.sentence
    assert stage.scene_hash() == before


def test_another_file_opened_during_the_job_is_told(stage):
    stage.shot()
    job = running(stage, *SOON)
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    assert stage.session.message == ("Another file was opened while takes for Hero were made. They were discarded.")
    assert stage.session.alert and not stage.session.working
    # The next job of the new file gets its own result.
    target = stage.shot()
    assert bpy.ops.genmo.generate(seed=3) == {"FINISHED"}
    assert job not in stage.session.outcomes
    assert [a.name.split(" · ")[-1] for a in stage.module("addon.services.takes").waiting(target)] == ["s3"]


def test_a_second_job_for_a_character_is_refused_with_a_reason(stage):
    stage.shot()
    running(stage, *SLOW)
    with pytest.raises(RuntimeError, match="Hero is already being generated"):
        bpy.ops.genmo.generate(seed=1)


def test_two_characters_queue_and_each_gets_its_own(stage):
    stage.scripted(*SOON)
    first = stage.shot()
    one = stage.start(seed=10)
    bpy.context.scene.cursor.location = (3, 0, 0)
    second = stage.character("Gina")
    stage.strips(("a person sits", 1, 61))
    two = stage.start(seed=20)
    assert stage.outcome(one).kind == stage.outcome(two).kind == "applied"
    assert first.animation_data.action.name == "Hero · walks, waves · t01 · s10"
    assert second.animation_data.action.name == "Gina · sits · t01 · s20"


def test_the_timer_goes_when_idle_and_survives_a_failing_tick(stage, monkeypatch):
    stage.shot()
    session = stage.module("addon.session")
    job = running(stage, *SOON)
    assert bpy.app.timers.is_registered(session._tick)
    with monkeypatch.context() as broken:
        broken.setattr(stage.session.jobs, "poll", lambda: 1 / 0)
        assert session._tick() == session.TICK_SECONDS
    while session._tick() is not None:
        pass
    assert stage.session.outcomes[job].kind == "applied"
