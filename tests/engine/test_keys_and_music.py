"""Requests with keys and music through the pipeline, and the command line for them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from genmo_blender.engine.__main__ import main
from genmo_blender.engine.checkpoint import save_checkpoint
from genmo_blender.engine.pipeline import Pipeline
from genmo_blender.model.keys import poses_of
from genmo_blender.motion import rotations as rot
from genmo_blender.motion.fitting import misses
from genmo_blender.protocol.attachments import attachment_of
from genmo_blender.protocol.keys import ARRAYS, JOINTS
from genmo_blender.protocol.requests import GenerateRequest, MusicSpan, StartState, TextSpan, with_crossfades
from tests.engine.conditions.sounds import RATE, clicks, write_wave
from tests.engine.keyed_requests import keys_of_a_walk, missed
from tests.engine.test_pipeline import checkpoint

WALK = TextSpan("a person walks", 0.0, 2.0)


@pytest.fixture(scope="module")
def weights(tmp_path_factory) -> Path:
    made = checkpoint()
    for name, value in made.state.items():
        if any(part in name for part in ("root_goal_embedder.3", "key_mask", "exists", "music_", "between_embedder")):
            value.normal_(std=0.3)
    path = tmp_path_factory.mktemp("model") / "tiny.safetensors"
    save_checkpoint(path, made)
    return path


@pytest.fixture(scope="module")
def pipeline(weights, tmp_path_factory) -> Pipeline:
    return Pipeline.load(weights, tmp_path_factory.mktemp("cache"))


@pytest.fixture
def song(tmp_path):
    return attachment_of(write_wave(tmp_path / "clicks.wav", clicks(120.0, 12.0), RATE))


@pytest.mark.parametrize("clean_up", [False, True])
@pytest.mark.parametrize(
    ("times", "joints"), [([0.0, 1.7], range(JOINTS)), ([0.9], range(JOINTS)), ([0.5, 1.2], (0, 16, 18, 20))]
)
def test_keys_are_met_where_they_stand_in_the_world(pipeline, times, joints, clean_up):
    keys = keys_of_a_walk(times, tuple(joints))
    texts = with_crossfades((WALK, TextSpan("a person waves", 2.0, 4.0)), 8 / 30)
    request = GenerateRequest(4.0, texts, keys=keys, takes=2, steps=4, clean_up=clean_up, fit=False)
    takes = pipeline.generate(request).takes
    for take in takes:
        degrees, metres = missed(keys, take)
        assert degrees < 1e-3 and metres < 1e-5 and len(take.transl) == 121
    assert np.abs(takes[0].rotations - takes[1].rotations).max() > 1e-3
    np.testing.assert_array_equal(takes[1].rotations, pipeline.generate(replace(request, seed=2)).takes[0].rotations)


def test_keys_between_two_frames_are_met_at_their_own_times(pipeline):
    keys = keys_of_a_walk([0.213, 1.713, 2.6], tuple(range(JOINTS)))
    request = GenerateRequest(4.0, (WALK,), keys=keys, steps=4)
    poses = poses_of(keys)
    for fit, met in ((True, True), (False, False)):
        (take,) = pipeline.generate(replace(request, fit=fit)).takes
        angle, distance = misses(take.rotations.astype(float), take.transl.astype(float), 30.0, poses).worst
        assert (np.degrees(angle) < 0.05 and distance < 5e-4) == met


def test_keys_alone_are_estimated_and_alike_in_all_takes(pipeline):
    keys = keys_of_a_walk([0.0, 1.7], tuple(range(JOINTS)))
    takes = pipeline.generate(GenerateRequest(2.0, keys=keys, takes=2, steps=4)).takes
    assert np.array_equal(takes[0].rotations, takes[1].rotations) and takes[0].seed != takes[1].seed


def test_a_motion_goes_from_its_start_through_the_keys(pipeline):
    keys = keys_of_a_walk([1.5, 2.5])
    start = StartState((2.0, 0.0, -3.0), 0.4)
    take = pipeline.generate(GenerateRequest(3.0, keys=keys, start=start, steps=4)).takes[0]
    np.testing.assert_allclose(take.transl[0, [0, 2]], [2.0, -3.0], atol=1e-5)
    assert rot.heading(take.rotations[0, 0].astype(float)) == pytest.approx(0.4, abs=1e-5)
    assert max(missed(keys, take)) < 1e-3


def test_joints_without_a_root_stand_on_the_start(pipeline):
    keys = keys_of_a_walk([1.0], (16, 18, 20))
    start = StartState((2.0, 0.0, -3.0), 0.4)
    take = pipeline.generate(GenerateRequest(3.0, keys=keys, start=start, steps=4)).takes[0]
    np.testing.assert_allclose(take.transl[0, [0, 2]], [2.0, -3.0], atol=1e-5)
    assert missed(keys, take)[0] < 1e-3


def test_the_shape_of_the_keys_is_the_shape_of_the_take(pipeline):
    keys = replace(keys_of_a_walk([1.0]), betas=np.linspace(-1, 1, 10))
    take = pipeline.generate(GenerateRequest(2.0, keys=keys, steps=2)).takes[0]
    np.testing.assert_allclose(take.betas, keys.betas, atol=1e-6)


def test_music_is_heard_beside_words_and_keys(pipeline, song):
    keys = keys_of_a_walk([0.5, 2.0])
    request = GenerateRequest(
        5.0, (WALK,), keys=keys, steps=3, attachments=(song,), music=(MusicSpan(song.sha256, 0.0, 5.0),)
    )
    stages: list[str] = []
    heard = pipeline.generate(request, lambda stage, *_: stages.append(stage)).takes[0]
    silent = pipeline.generate(replace(request, music=(), attachments=())).takes[0]
    other = pipeline.generate(replace(request, music=(MusicSpan(song.sha256, 0.0, 5.0, 0.25),))).takes[0]
    assert max(missed(keys, heard)) < 1e-3 and "music" in stages
    assert np.abs(heard.rotations - silent.rotations).max() > 1e-3
    assert np.abs(heard.rotations - other.rotations).max() > 1e-4


def test_longer_than_a_window_with_keys_far_apart(pipeline):
    keys = keys_of_a_walk([0.0, 9.5])
    assert max(missed(keys, pipeline.generate(GenerateRequest(10.0, keys=keys, steps=3)).takes[0])) < 1e-3


@pytest.fixture(scope="module")
def untrained(tmp_path_factory) -> Pipeline:
    """A network that was never told of keys, as the released one."""
    made = checkpoint()
    lacks = ("key_mask", "root_goal", "between", "leaning")
    state = {k: v for k, v in made.state.items() if not any(part in k for part in lacks)}
    network = replace(made.record.network, key_mask=False, root_goal=False, between=False)
    folder = tmp_path_factory.mktemp("untrained")
    save_checkpoint(
        folder / "deaf.safetensors", replace(made, record=replace(made.record, network=network), state=state)
    )
    return Pipeline.load(folder / "deaf.safetensors", folder)


@pytest.mark.parametrize("texts", [(), (WALK,)])
@pytest.mark.parametrize("fit", [False, True])
def test_a_network_that_was_not_trained_with_keys_meets_them_all_the_same(untrained, texts, fit):
    assert untrained.capabilities.strips == ("text", "music")
    keys = keys_of_a_walk([0.4, 1.713])
    request = GenerateRequest(2.0, texts, keys=keys, steps=3, clean_up=False, fit=fit)
    take = untrained.generate(request).takes[0]
    if fit:
        angle, metres = misses(take.rotations.astype(float), take.transl.astype(float), 30.0, poses_of(keys)).worst
        assert np.degrees(angle) < 0.05 and metres < 0.0005
    else:  # at the model's frames
        assert missed(keys, take)[0] < 1e-3 and missed(keys, take)[1] < 1e-4
    free = untrained.generate(replace(request, keys=None, texts=(WALK,))).takes[0]
    assert missed(keys, free)[0] > 20.0


def write_keys(path: Path, times, **changes) -> Path:
    keys = keys_of_a_walk(times)
    arrays = {name: getattr(keys, name) for name in ARRAYS} | changes
    np.savez(path, **{k: v for k, v in arrays.items() if v is not None})
    return path


def command(weights: Path, out: Path, *arguments: object) -> int:
    return main(["generate", "--model", str(weights), "--out", str(out), "--steps", "3", *map(str, arguments)])


def test_keys_words_and_a_song_on_the_command_line(weights, tmp_path, song, capsys):
    path, out = write_keys(tmp_path / "keys.npz", [0.5, 2.0]), tmp_path / "motion.npz"
    given = ("--keys", path, "--length", 4, "--no-fit", "--music", song.path, "--prompt", "0-4: a person walks")
    assert command(weights, out, *given) == 0 and capsys.readouterr().out.strip() == str(out)
    with np.load(out) as motion, np.load(path) as keys:
        assert motion["trans"].shape == (120, 3)
        for name in ("trans", "pose_body", "root_orient"):
            np.testing.assert_allclose(motion[name][[15, 60]], keys[name], atol=2e-6)


def test_the_last_key_is_the_length_without_one_and_is_written(weights, tmp_path):
    path, out = write_keys(tmp_path / "keys.npz", [0.5, 2.0]), tmp_path / "motion.npz"
    assert command(weights, out, "--keys", path) == 0
    with np.load(out) as motion, np.load(path) as keys:
        assert len(motion["trans"]) == 61
        np.testing.assert_allclose(motion["trans"][60], keys["trans"][1], atol=2e-6)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"joint_mask": None}, "keys.npz lacks joint_mask."),
        ({"time": None, "betas": None}, "keys.npz lacks time and betas."),
        ({"pose_body": np.zeros((2, 60))}, "pose_body of the keys has the shape (2, 60), not (2, 63)."),
        ({"trans": np.full((2, 3), np.nan)}, "The keys hold values that are not numbers."),
        ({"time": np.array([0.5, 7.0])}, "The key at 7 s lies outside the range (0–4 s)."),
        ({"joint_mask": np.zeros((2, 22), dtype=bool)}, "No joint of any pose is keyed."),
        ({"trans": np.array([[0.0, 1, 0], [0, 1, 60]])}, "nobody is that fast."),
        ({"time": np.array([{}, {}], dtype=object)}, "keys.npz cannot be read as .npz of plain numbers."),
    ],
)
def test_bad_keys_get_one_sentence(weights, tmp_path, capsys, changes, words):
    path = write_keys(tmp_path / "keys.npz", [0.5, 2.0], **changes)
    assert command(weights, tmp_path / "motion.npz", "--keys", path, "--length", 4) == 1
    told = capsys.readouterr().err
    assert words in told and len(told.strip().splitlines()) == 1 and not (tmp_path / "motion.npz").exists()


def test_files_that_are_no_keys_or_no_sound_get_one_sentence(weights, tmp_path, capsys):
    array, text = tmp_path / "keys.npy", tmp_path / "keys.npz"
    np.save(array, np.zeros(3))
    text.write_text("no keys")
    for given, words in (
        (("--keys", array), "cannot be read as .npz"),
        (("--keys", text), "cannot be read as .npz"),
        (("--keys", tmp_path / "nowhere.npz"), "There is no file"),
        (("--music", tmp_path / "nowhere.wav"), "could not be read"),
        (("--music", text), "cannot be read as sound"),
    ):
        assert command(weights, tmp_path / "motion.npz", "--length", 4, *given) == 1
        assert words in capsys.readouterr().err
