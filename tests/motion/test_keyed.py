"""Keyed frames through the clean-up, and motions brought back to them."""

from __future__ import annotations

import numpy as np
import pytest

from genmo_blender.motion import rotations as rot
from genmo_blender.motion.delivery import deliver
from genmo_blender.motion.easing import eased, faded
from genmo_blender.motion.keyed import KeyFrames
from genmo_blender.motion.kinematics import joint_positions
from genmo_blender.motion.quality import toe_slide
from genmo_blender.motion.skeleton import canonical
from tests.engine.evaluation.clips import clips

FRAMES = 118
CLIP = "cmu_16_15"


def slipping() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A walk whose root drifts and trembles: rotations, path, contacts."""
    clip = clips()[CLIP]
    frame = np.arange(FRAMES)[:, None]
    drift = frame * [0.004, 0.0003, -0.003] + 0.004 * np.sin(frame * [2.9, 2.5, 3.1])
    rotations = clip.rotations[:FRAMES].astype(float)
    joints = joint_positions(canonical(), rotations, clip.transl[:FRAMES].astype(float))
    low = joints[:, [7, 10, 8, 11], 1] - canonical().rest[[7, 10, 8, 11], 1] < 0.03
    return rotations, clip.transl[:FRAMES] + drift, np.pad(low.astype(float), ((0, 0), (0, 2)))


def keys_at(rotations, path, frames, joints=tuple(range(22)), moved=0.0, start=None) -> KeyFrames:
    known = np.zeros(rotations.shape[:2], dtype=bool)
    known[np.ix_(frames, joints)] = True
    turned = rot.multiply(np.broadcast_to(rot.from_rotation_vector(np.array([moved, 0.0, 0.0])), (22, 4)), rotations)
    return KeyFrames(turned, path + [moved, 0.0, 0.0], known, start)


def degrees(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.degrees(np.linalg.norm(rot.to_rotation_vector(rot.multiply(rot.conjugate(a), b)), axis=-1))


@pytest.mark.parametrize("frames", [[40], [0, 33, 71, 117], [20, 21, 22, 23, 60], list(range(FRAMES))])
@pytest.mark.parametrize("joints", [tuple(range(22)), (0,), (1, 4, 7), (0, 16, 18), (16, 18, 20)])
def test_the_clean_up_leaves_keyed_joints_and_roots_where_they_are(frames, joints):
    rotations, path, contacts = slipping()
    keys = keys_at(rotations, path, frames, joints)
    q, p = deliver(rotations, path, contacts, keys)
    assert degrees(q, keys.rotations)[keys.known].max() < 1e-5
    if 0 in joints:
        np.testing.assert_allclose(p[frames], path[frames], atol=1e-12)


def test_feet_still_stand_between_the_keys():
    rotations, path, contacts = slipping()
    raw = toe_slide(joint_positions(canonical(), rotations, path))
    clean = toe_slide(joint_positions(canonical(), *deliver(rotations, path, contacts, keys_at(rotations, path, [40]))))
    assert raw > 0.1 and clean < 0.01


def test_a_foot_stands_where_the_key_has_it():
    """One who slides 1 cm a frame while standing, keyed once: the feet stay at the keyed place."""
    frames, frame = 60, np.arange(60)
    rotations = np.tile(rot.IDENTITY, (frames, 22, 1))
    path = np.stack([0.003 * frame, np.full(frames, canonical().pelvis_height), 0.0 * frame], axis=-1)
    keys = keys_at(rotations, path, [20])
    q, p = deliver(rotations, path, np.ones((frames, 6)), keys)
    feet = joint_positions(canonical(), q, p)[:, [7, 8]]
    assert np.abs(feet - feet[20]).max() < 2e-3
    np.testing.assert_allclose(feet[20], joint_positions(canonical(), rotations, path)[20, [7, 8]], atol=1e-9)


def test_a_pose_that_the_network_missed_is_approached_without_a_jump():
    rotations, path, contacts = slipping()
    keys = keys_at(rotations, path, [50, 90], moved=0.4)
    jumpy = np.where(keys.known[..., None], keys.rotations, rotations)
    steps = [degrees(x[1:], x[:-1]).max(axis=1) for x in (rotations, jumpy, deliver(jumpy, path, contacts, keys)[0])]
    around = np.r_[42:58, 82:98]
    assert steps[1][around].max() > 20 and steps[2][around].max() < steps[0].max() + 7


def test_where_the_network_agreed_nothing_is_bent():
    rotations, path, _ = slipping()
    smooth = rot.continuous(rotations)
    keys = keys_at(smooth, path, list(range(30, 60)))
    changed = degrees(keys.approached(smooth), smooth)
    assert changed[30:60].max() < 1e-4 and changed.max() < 3  # about the ends, the clip's own acceleration


def test_a_motion_begins_at_the_start_and_meets_the_keys_all_the_same():
    rotations, path, _ = slipping()
    keys = keys_at(rotations, path, [40, 80], start=(path[0, 0] + 0.2, path[0, 2] - 0.1, 0.3))
    q, p = keys.begun(rotations, path)
    np.testing.assert_allclose(p[0, [0, 2]], keys.start[:2])
    assert rot.heading(q[0, 0]) == pytest.approx(0.3)
    np.testing.assert_array_equal(p[40:], path[40:])
    np.testing.assert_allclose(q[40:], rotations[40:], atol=1e-12)


def test_values_are_carried_from_one_known_frame_to_the_next_or_fade():
    values, known = np.zeros((12, 1)), np.zeros(12, dtype=bool)
    known[[2, 8]] = True
    values[2], values[8] = 1.0, 3.0
    carried = eased(values, known)[:, 0]
    assert carried[:3].tolist() == [1.0] * 3 and carried[5] == 2.0 and carried[8:].tolist() == [3.0] * 4
    faint = faded(values, known, 2)[:, 0]
    assert faint[[0, 2, 4, 8, 10]].tolist() == [0.0, 1.0, 0.0, 3.0, 0.0] and faint[9] == 1.5
    assert not eased(values, np.zeros(12, dtype=bool)).any()
