"""Keyed poses of a request: read from arrays, over the pipe, and refused where nobody could follow them."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from genmo_blender.protocol.failures import RequestFailure
from genmo_blender.protocol.frames import Decoder
from genmo_blender.protocol.keys import KeyedPoses, validate_keys
from genmo_blender.protocol.messages import Generate, from_frame, to_bytes
from genmo_blender.protocol.requests import Attachment, GenerateRequest, MusicSpan, StartState, validate

SONG = Attachment("song.wav", "ab" * 32, 12)


def arrays(count: int = 3) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(2)
    mask = np.ones((count, 22), dtype=bool)
    mask[1, 5:] = False
    return {
        "time": np.arange(count) * 0.77,
        "root_orient": rng.normal(size=(count, 3)),
        "pose_body": rng.normal(size=(count, 63)) * 0.3,
        "trans": rng.normal(size=(count, 3)) * 0.1 + [5.0, 0.9, -3.0],
        "betas": rng.normal(size=10),
        "joint_mask": mask,
    }


def keys(**changes: np.ndarray) -> KeyedPoses:
    return KeyedPoses.read(arrays() | changes)


def test_keys_cross_the_pipe_as_arrays_and_stay_json_ready():
    sent = GenerateRequest(4.0, keys=keys(), music=(MusicSpan(SONG.sha256, 0.5, 3.0, 10.0, 14.0),), attachments=(SONG,))
    json.dumps(sent.to_dict(), allow_nan=False)
    data = to_bytes(Generate(3, sent.to_dict()))
    (frame,) = Decoder().feed(data)
    assert "keys/pose_body" in frame.arrays and len(json.dumps(frame.fields)) < 1000
    got = from_frame(frame)
    assert isinstance(got, Generate) and GenerateRequest.from_dict(got.request) == sent
    assert GenerateRequest.from_dict(sent.to_dict()) == sent
    other = replace(sent, keys=keys(time=np.array([0.0, 0.5, 1.5])))
    assert other != sent and hash(other.keys) != hash(sent.keys)


def test_thousands_of_keys_fit_through_the_pipe():
    dense = KeyedPoses.read(arrays(9000) | {"trans": np.zeros((9000, 3)), "time": np.arange(9000) / 30})
    validate_keys(dense, 300.0)
    assert len(to_bytes(Generate(1, GenerateRequest(300.0, keys=dense).to_dict()))) > 1 << 20


def test_what_is_not_given_is_not_read():
    wild = arrays()
    wild["pose_body"][1, 12:] = np.nan
    assert KeyedPoses.read(wild) == keys() and np.isfinite(KeyedPoses.read(wild).pose_body).all()
    only_arms = np.zeros((3, 22), dtype=bool)
    only_arms[:, 16:20] = True
    placeless = keys(joint_mask=only_arms, trans=np.full((3, 3), np.nan), root_orient=np.full((3, 3), np.inf))
    validate_keys(placeless, 4.0)
    assert not placeless.trans.any() and not placeless.roots.any()


def test_shapes_may_come_once_or_with_every_pose_or_not_at_all():
    same = np.tile(arrays()["betas"], (3, 1))
    np.testing.assert_allclose(keys(betas=same).betas, keys().betas)
    assert not KeyedPoses.read({k: v for k, v in arrays().items() if k != "betas"}).betas.any()


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"time": None}, "keys_incomplete"),
        ({"pose_body": None, "joint_mask": None}, "keys_incomplete"),
        ({"time": np.zeros((3, 1))}, "keys_shape"),
        ({"pose_body": np.zeros((3, 66))}, "keys_shape"),
        ({"trans": np.zeros((2, 3))}, "keys_shape"),
        ({"joint_mask": np.ones((3, 21), dtype=bool)}, "keys_shape"),
        ({"betas": np.zeros(16)}, "keys_shape"),
        ({"joint_mask": np.full((3, 22), 0.5)}, "keys_mask"),
        ({"root_orient": np.array([["a"] * 3] * 3)}, "keys_not_numbers"),
        ({"root_orient": [[1.0], [1.0, 2.0]]}, "keys_not_numbers"),
    ],
)
def test_arrays_that_are_no_keys_are_refused_with_a_sentence(change, code):
    with pytest.raises(RequestFailure) as told:
        KeyedPoses.read(arrays() | change)
    assert told.value.code == code and told.value.sentence.count(".") >= 1 and told.value.remedy


def far(metres: float) -> np.ndarray:
    return np.array([[0.0, 0.9, 0.0], [0.0, 0.9, 0.5], [0.0, 0.9, metres]])


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"joint_mask": np.zeros((3, 22), dtype=bool)}, "no_keys"),
        ({"pose_body": np.full((3, 63), np.nan)}, "keys_not_finite"),
        ({"trans": np.full((3, 3), np.inf)}, "keys_not_finite"),
        ({"time": np.array([0.0, np.nan, 1.0])}, "keys_not_finite"),
        ({"time": np.array([-0.1, 0.5, 1.0])}, "key_outside_range"),
        ({"time": np.array([0.0, 0.5, 4.1])}, "key_outside_range"),
        ({"time": np.array([0.5, 1.0, 0.5])}, "keys_double"),
        ({"trans": far(90.0)}, "keys_too_far_apart"),
        ({"trans": far(0.9) * 1e5}, "key_far_away"),
    ],
)
def test_keys_that_nobody_could_follow_are_refused_with_a_sentence(change, code):
    validate(GenerateRequest(4.0, keys=keys()))
    with pytest.raises(RequestFailure) as told:
        validate(GenerateRequest(4.0, keys=keys(**change)))
    assert told.value.code == code and told.value.remedy


def test_a_key_that_cannot_be_reached_from_the_start_is_refused_with_its_speed():
    late = keys(time=np.array([1.0, 2.0, 3.0]))
    validate(GenerateRequest(4.0, keys=late))
    validate(GenerateRequest(4.0, keys=late, start=StartState((4.0, 0.0, -2.0))))
    with pytest.raises(RequestFailure, match=r"From 0.00 s to 1.00 s the keys go \d+.\d m, which is \d+ m/s"):
        validate(GenerateRequest(4.0, keys=late, start=StartState((-20.0, 0.0, 0.0))))


def test_two_joints_may_be_keyed_at_one_time_by_two_keys():
    mask = np.zeros((3, 22), dtype=bool)
    mask[0, 0] = mask[1, 3] = mask[2, 4] = True
    validate(GenerateRequest(4.0, keys=keys(time=np.full(3, 1.0), joint_mask=mask)))


@pytest.mark.parametrize(
    ("spans", "code"),
    [
        ((MusicSpan("cd" * 32, 0.0, 4.0),), "no_such_sound"),
        ((MusicSpan(SONG.sha256, 2.0, 2.0),), "empty_strip"),
        ((MusicSpan(SONG.sha256, 0.0, 4.0, 3.0, 2.0),), "empty_strip"),
        ((MusicSpan(SONG.sha256, 4.0, 6.0),), "music_outside_range"),
        ((MusicSpan(SONG.sha256, 2.0, 4.0), MusicSpan(SONG.sha256, 0.0, 2.5)), "music_overlaps"),
    ],
)
def test_music_that_cannot_be_played_is_refused_with_a_sentence(spans, code):
    validate(GenerateRequest(4.0, music=(MusicSpan(SONG.sha256, 0.0, 4.0),), attachments=(SONG,)))
    with pytest.raises(RequestFailure) as told:
        validate(GenerateRequest(4.0, music=spans, attachments=(SONG,)))
    assert told.value.code == code and told.value.remedy


@pytest.mark.parametrize("wrong", [5, [1, 2], "keys"])
def test_keys_that_are_no_record_are_a_malformed_request(wrong):
    with pytest.raises(RequestFailure) as told:
        GenerateRequest.from_dict({"duration": 4.0, "keys": wrong})
    assert told.value.code == "malformed_request"
