"""Keys alone: the mean with the mirror image."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from genmo_blender.model import estimated
from genmo_blender.model.estimated import both_ways, covariances, mean_with_image, mirror_image
from genmo_blender.model.keys import key_frames
from genmo_blender.motion import rotations as rot
from genmo_blender.motion.expected import expected
from genmo_blender.motion.keyed import KeyFrames
from genmo_blender.motion.mirroring import mirrored
from genmo_blender.protocol.keys import KeyedPoses
from genmo_blender.protocol.motions import Take
from genmo_blender.protocol.requests import GenerateRequest, StartState


def request(seed):
    rng = np.random.default_rng(seed)
    count = 5
    mask = rng.random((count, 22)) < 0.7
    mask[0] = True
    keys = KeyedPoses.read(
        {
            "time": np.sort(rng.random(count)) * 2.0,
            "root_orient": rng.normal(0, 0.6, (count, 3)),
            "pose_body": rng.normal(0, 0.4, (count, 63)),
            "trans": rng.normal(0, 0.3, (count, 3)) + [0, 0.9, 0],
            "joint_mask": mask,
        }
    )
    return GenerateRequest(duration=2.0, keys=keys, start=StartState((0.3, 0.0, -0.2), 0.4))


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6))
def test_the_mirror_image_of_a_request_is_what_mirrors_its_keys_and_comes_back(seed):
    one = request(seed)
    image = mirror_image(one)
    a, b = key_frames(one), key_frames(image)
    turns, path = mirrored(a.rotations, a.path)
    seen = b.known
    assert np.array_equal(seen, a.known[:, list(_partners())])
    apart = np.abs(np.sum(turns * b.rotations, axis=-1))[seen]
    assert apart.min() > 1 - 1e-9
    np.testing.assert_allclose(b.path[b.roots], path[b.roots], atol=1e-12)
    back = mirror_image(image)
    np.testing.assert_allclose(back.keys.pose_body, one.keys.pose_body, atol=1e-12)
    assert back.start == one.start and np.array_equal(back.keys.joint_mask, one.keys.joint_mask)


def _partners():
    from genmo_blender.motion.skeleton import LEFT_RIGHT

    return LEFT_RIGHT


def test_an_answer_and_its_own_mirror_image_are_the_answer_again_that_meets_its_keys():
    one = request(3)
    frames = one.frames
    keyed = key_frames(one)
    rng = np.random.default_rng(1)
    q = rot.continuous(rot.from_rotation_vector(np.cumsum(rng.normal(0, 0.01, (frames, 22, 3)), axis=0)))
    path = np.cumsum(rng.normal(0, 0.01, (frames, 3)), axis=0)
    contacts = rng.random((frames, 6))
    turns, way = mirrored(q, path)
    take = Take(1, *(x.astype(np.float32) for x in (q, path, contacts)), np.zeros(10, np.float32))
    image = Take(1, turns.astype(np.float32), way.astype(np.float32), take.contacts[:, [2, 3, 0, 1, 5, 4]], take.betas)
    (found,) = both_ways(one, [take], [image])
    assert not (keyed.known[1:] & keyed.known[:-1]).any()  # nowhere a speed, so nothing is carried on
    free, alike = ~keyed.known, np.abs(np.sum(found.rotations * take.rotations, axis=-1))
    np.testing.assert_allclose(found.transl[free[:, 0]], take.transl[free[:, 0]], atol=1e-6)
    assert alike[free].min() > 1 - 1e-6
    met = np.abs(np.sum(found.rotations * keyed.rotations, axis=-1))[keyed.known]
    assert met.min() > 1 - 1e-6 and alike[keyed.known].min() < 0.9
    np.testing.assert_allclose(found.contacts, take.contacts, atol=1e-6)


def apart(one, other):
    """Radians between rotations."""
    return np.linalg.norm(rot.to_rotation_vector(rot.multiply(other, rot.conjugate(one))), axis=-1)


def test_half_of_the_answer_is_what_whole_poses_let_expect(monkeypatch):
    monkeypatch.setattr(estimated, "_MORE", 0.0)
    one = request(3)
    small = replace(one.keys, root_orient=one.keys.root_orient / 3, pose_body=one.keys.pose_body / 3)
    one = replace(one, keys=replace(small, joint_mask=np.ones_like(small.joint_mask)))
    keys, frames = key_frames(one), one.frames
    still = np.tile(rot.normalise(np.array([1.0, 0, 0, 0])), (frames, 22, 1)), np.tile([0.0, 0.9, 0.0], (frames, 1))
    found, path = mean_with_image(*still, *mirrored(*still), keys)
    linear = expected(*still, keys, covariances())
    turns, way, inside = linear.rotations, linear.path, linear.inside
    assert inside.sum() > frames / 3 and apart(still[0], turns)[inside].max() > 0.3
    np.testing.assert_allclose(path[inside], ((still[1] + way) / 2)[inside], atol=1e-9)
    near = apart(still[0], turns).max(axis=0) < 0.9  # joints that both have alike
    assert near.sum() > 15
    np.testing.assert_allclose(apart(found, turns)[inside][:, near], apart(found, still[0])[inside][:, near], atol=1e-9)
    assert apart(found, keys.rotations)[keys.known].max() < 1e-9


def test_in_a_long_gap_the_answer_leaves_interpolation_farther_and_never_with_a_jump():
    known = np.zeros((70, 22), dtype=bool)
    known[[0, 12, 60, 61]] = True  # a short gap, a long one, none
    plain = np.tile([1.0, 0.0, 0.0, 0.0], (70, 22, 1))
    bow = 2.9 * np.sin(np.pi * np.clip((np.arange(70) - 12) / 48, 0, 1)) + 0.4 * (np.arange(70) < 12)
    answer = rot.from_rotation_vector(bow[:, None, None] * np.tile([[1.0, 0, 0], [0, 0.2, 0]], (11, 1)))
    more = estimated._livelier(answer, KeyFrames(plain, np.zeros((70, 3)), known))
    angle = np.linalg.norm(rot.to_rotation_vector(more), axis=-1)
    np.testing.assert_allclose(angle[:12], bow[:12, None] * np.tile([1.0, 0.2], 11), atol=1e-6)
    share = (np.arange(13, 60) - 12) / 48
    np.testing.assert_allclose(angle[13:60, 1], (1 + 1.2 * share * (1 - share)) * 0.2 * bow[13:60], atol=1e-6)
    assert np.allclose(angle[36, 0], bow[36]) and angle[20, 0] > 1.05 * bow[20]  # nearly turned round: as it was
    assert np.abs(np.diff(angle[12:61, 0])).max() < 0.35


def test_who_turns_the_other_way_is_not_met_halfway():
    """Half a turn to the left and half a turn to the right are no turn of nothing, and there is no jump."""
    frames = 50
    vectors = np.zeros((frames, 22, 3))
    vectors[:, 16, 0] = np.linspace(0, 1.5, frames)
    left, right = rot.from_rotation_vector(vectors), rot.from_rotation_vector(-vectors)
    path = np.tile([0.0, 0.9, 0.0], (frames, 1))
    known = np.zeros((frames, 22), bool)
    known[0] = True  # one pose: nothing to expect between
    found, _ = mean_with_image(left, path, *mirrored(right, path), KeyFrames(left, path, known))
    assert apart(found[1:], found[:-1]).max() < 0.1
    assert apart(found, left)[-10:].max() < 1e-6 and apart(found, left)[4, 16] > 0.05


def test_it_goes_on_from_a_pose_as_fast_as_it_was_reached(monkeypatch):
    monkeypatch.setattr(estimated, "_MORE", 0.0)  # what an answer that stops is made to do besides is to stop more
    turning = np.arange(40)[:, None] * 0.05
    poses = np.zeros((40, 22, 3))
    poses[:, 16, 2] = turning[:, 0]
    known = np.zeros((40, 22), bool)
    known[:10] = known[-1] = True
    q, path = rot.from_rotation_vector(poses), np.tile([0.0, 0.9, 0.0], (40, 1))
    lazy = np.where(known[:, :1, None], q, q[9])  # an answer that stops, and its image
    found, _ = mean_with_image(lazy, path, *mirrored(lazy, path), KeyFrames(q, path, known))
    step = np.linalg.norm(rot.to_rotation_vector(rot.multiply(rot.conjugate(found[:-1]), found[1:])), axis=-1)[:, 16]
    assert abs(step[9] - 0.05) < 0.01 and abs(step[10] - 0.05) < 0.015
