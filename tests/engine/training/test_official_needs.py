"""What the preset `official` needs from its user: the body, T5, image features; and ``train`` with all of them."""

import json
import os
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch

from genmo_blender.engine.__main__ import main
from genmo_blender.engine.body.smplx_body import FIELDS, load_smplx
from genmo_blender.engine.checkpoint import load_checkpoint
from genmo_blender.engine.representation.codec import official_statistics
from genmo_blender.engine.training import command, pack
from genmo_blender.engine.training.importers import keypoints
from genmo_blender.engine.training.official import body, text
from genmo_blender.engine.training.official.stand_in import stand_in_body
from genmo_blender.protocol.failures import ModelFailure, StorageFailure

from ..conditions.tiny_t5 import WIDTH, write_t5
from .importers.test_keypoints import points, write
from .official_curve import BODY, IMAGE, small_body, small_preset
from .test_command import some_of_the_motion


@pytest.fixture(scope="module")
def motion(tmp_path_factory):
    return some_of_the_motion(tmp_path_factory.mktemp("data") / "motion", 0, 4)


@pytest.fixture(scope="module")
def t5(tmp_path_factory):
    return write_t5(tmp_path_factory.mktemp("encoder") / "t5")


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    """A body file with the fields of SMPL-X alone."""
    path = tmp_path_factory.mktemp("body") / "SMPLX_NEUTRAL.npz"
    with np.load(BODY) as data:
        np.savez(path, **{name: data[name] for name in FIELDS})
    return path


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.setattr(command, "CACHE", tmp_path / "cache")
    monkeypatch.setenv("GENMO_PAUSED_BY", str(os.getpid()))
    for name in (body.VARIABLE, text.VARIABLE):
        monkeypatch.delenv(name, raising=False)


def small(name):
    chosen = small_preset(batch=4)
    network = replace(chosen.network, text_dim=WIDTH, text_tokens=50, image_dim=IMAGE)
    return replace(chosen, network=network)


def test_a_run_with_everything_trains_resumes_and_says_what_it_is(motion, t5, plain, tmp_path, monkeypatch):
    monkeypatch.setattr(command, "preset", small)
    own = tmp_path / "SMPLX_NEUTRAL.npz"
    shutil.copy(plain, own)
    few = small_body()  # a handful of vertices to look at: they take the time
    regressor = torch.zeros(17, 440).index_copy(1, few.coco_ids, few.coco_regressor)
    np.savez(tmp_path / body.POINTS_FILE, verts437_ids=few.vertex_ids.numpy(), coco17_regressor=regressor.numpy())
    monkeypatch.setenv(body.VARIABLE, str(own))
    features = np.random.default_rng(0).normal(size=(60, IMAGE))
    for name in ("one", "two", "three"):
        path = write(tmp_path / "footage" / name / "clip.npz", f_imgseq=features)
        path.with_suffix(".txt").write_text("a person waves\n")
    out = tmp_path / "run"
    run = ["train", "--preset", "official", "--data", str(motion), str(tmp_path / "footage"), "--out", str(out)]
    run += ["--text-encoder", str(t5), "--threads", "1", "--device", "cpu", "--steps"]
    assert main([*run, "1"]) == 0
    monkeypatch.setattr(text, "load_t5", None)  # all sentences are in the cache
    assert main([*run, "2", "--resume"]) == 0
    lines = [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [1, 1, 2, 2]
    assert lines[0]["cr_verts"] > 0 and lines[0]["keypoints"] > 0 and lines[1]["val_verts2d"] > 0
    saved = load_checkpoint(out / "genmo_official.safetensors")
    record = saved.record
    assert (record.name, record.skeleton, record.text_encoder) == ("genmo_official", "smplx_neutral", "t5-3b")
    assert record.official and record.licence == "CC-BY-NC-4.0" and "SMPL-X" in record.card["data_licences"][0]
    assert torch.equal(saved.statistics.mean, official_statistics().mean)
    assert torch.equal(saved.statistics.std, official_statistics().std)


@pytest.fixture
def refused(capsys, tmp_path, motion):
    def call(*arguments):
        run = ["train", "--preset", "official", "--data", str(motion), "--out", str(tmp_path / "run"), "--steps", "1"]
        assert main([*run, *map(str, arguments)]) == 1
        said = capsys.readouterr().err
        assert len(said.splitlines()) == 1
        return said

    return call


def test_what_is_missing_is_said_in_one_sentence_before_anything_is_done(refused, t5, plain, tmp_path, monkeypatch):
    monkeypatch.setattr(command, "preset", small)
    assert "hears captions through T5-3B" in refused("--body", plain)
    assert f"there is none in {tmp_path}" in refused("--body", plain, "--text-encoder", tmp_path)
    assert "SMPL-X body, whose file only you may have" in refused("--text-encoder", t5)
    assert "no body file at" in refused("--text-encoder", t5, "--body", tmp_path / "nothing.npz")
    (tmp_path / "broken.npz").write_bytes(b"PK")
    assert "broken.npz cannot be read" in refused("--text-encoder", t5, "--body", tmp_path / "broken.npz")
    songs = tmp_path / "motion.songs.npz"
    assert "packed table of songs" in refused("--text-encoder", t5, "--body", plain, "--songs", songs)
    (tmp_path / "config.json").write_text('{"d_model": 768}')
    assert "gives 768 numbers a token, and the network takes 16" in refused("--text-encoder", tmp_path)
    (tmp_path / "config.json").write_text("{")
    assert "holds no T5 that can be read" in refused("--text-encoder", tmp_path)


def test_t5_is_asked_once_for_each_set_of_sentences(t5, tmp_path, monkeypatch):
    here = torch.device("cpu")
    sentences = ["a person walks", "", "a person waves"]
    first, (name, sha256) = text.t5_features(sentences, t5, tmp_path, here)
    assert first.shape == (3, 50, WIDTH) and first.dtype == torch.float16 and name == "t5-3b" and len(sha256) == 64
    assert not first[1].any() and first[0, :4].any() and not first[0, 4:].any()
    monkeypatch.setattr(text, "load_t5", None)
    again, _ = text.t5_features(sentences, t5, tmp_path, here)
    assert torch.equal(first, again)
    with pytest.raises(TypeError):
        text.t5_features(["a person"], t5, tmp_path, here)


def test_the_points_of_the_losses_come_from_the_file_from_beside_it_or_from_the_body(plain):
    own = body.load_training_body(BODY)
    with np.load(BODY) as data:
        assert np.array_equal(own.vertex_ids, data["verts437_ids"])
        beside = {"verts437_ids": np.arange(5), "coco17_regressor": data["coco17_regressor"]}
    found = body.load_training_body(plain)
    assert len(found.vertex_ids) == 437 == len(torch.unique(found.vertex_ids))
    near = plain.with_name(body.POINTS_FILE)
    try:
        np.savez(near, **beside)
        assert body.load_training_body(plain).vertex_ids.tolist() == [0, 1, 2, 3, 4]
        np.savez(near, **beside | {"verts437_ids": np.array([440])})
        with pytest.raises(ModelFailure, match="not of a body of 440 vertices"):
            body.load_training_body(plain)
    finally:
        near.unlink()


def test_spread_vertices_leave_no_large_gap(plain):
    places = load_smplx(plain).v_template
    chosen = body.spread_vertices(places, 60)
    gap = torch.cdist(places, places[chosen]).amin(1).max()
    some = torch.randperm(len(places), generator=torch.Generator().manual_seed(0))[:60]
    assert gap < torch.cdist(places, places[some]).amin(1).max()


def test_coco_joints_lie_at_the_body_s_own_and_the_face_is_found_by_its_shape(tmp_path):
    lite = stand_in_body(600)
    v = lite.body.v_template
    weights = torch.zeros(600, 55)
    weights[50:, 0], weights[:50, body.HEAD] = 1.0, 1.0  # a head of fifty vertices
    regressor = np.zeros((55, 600), np.float32)
    regressor[np.arange(55), 100 + np.arange(55)] = 0.75
    regressor[np.arange(55), 200 + np.arange(55)] = 0.25
    np.savez(tmp_path / "body.npz", J_regressor=regressor)
    made = body.coco17_regressor(replace(lite.body, weights=weights), tmp_path / "body.npz") @ v
    expected = torch.from_numpy(regressor) @ v
    torch.testing.assert_close(made[[1, 2, *range(5, 17)]], expected[[*body.EYES, *body.LIMBS]])
    head = v[:50]
    assert torch.equal(made[0], head[head[:, 2].argmax()])
    assert torch.equal(made[3], head[head[:, 0].argmax()]) and torch.equal(made[4], head[head[:, 0].argmin()])


def test_image_features_are_read_at_30_frames_a_second_and_packed(motion, tmp_path):
    features = np.random.default_rng(1).normal(size=(4, IMAGE))
    folder = tmp_path / "footage"
    write(folder / "a" / "slow.npz", keypoints=points(4), fps=10, f_imgseq=features)
    write(folder / "b" / "plain.npz")
    write(folder / "c" / "fast.json", f_imgseq=np.ones((60, IMAGE)))
    slow, plain, fast = sorted(keypoints.load(folder), key=lambda clip: clip.id)
    images = slow.keypoints.images
    assert images.shape == (10, IMAGE) and images.dtype == np.float16 and plain.keypoints.images is None
    np.testing.assert_allclose(images[[0, 3, 9]], features[[0, 1, 3]], atol=2e-3)
    np.testing.assert_allclose(images[1], (2 * features[0] + features[1]) / 3, atol=2e-3)
    pack.write_pack(tmp_path / "all.pack.npz", [motion, folder])
    read = {clip.id: clip.keypoints.images for clip in pack.read_pack(tmp_path / "all.pack.npz").footage}
    assert read["b/plain"] is None and np.array_equal(read["a/slow"], images)
    assert np.array_equal(read["c/fast"], fast.keypoints.images)


def test_image_features_of_other_frames_are_refused(tmp_path):
    write(tmp_path / "clip.npz", f_imgseq=np.ones((59, IMAGE)))
    with pytest.raises(StorageFailure, match="image features are"):
        keypoints.load(tmp_path)
