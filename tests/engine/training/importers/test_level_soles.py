from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from genmo_blender.engine.training.importers import shards
from genmo_blender.engine.training.importers.level_soles import _planted, _turned, levelled
from genmo_blender.motion import rotations
from genmo_blender.motion.floor import sole_level

DATA = Path(__file__).parents[3] / "data" / "motion"


@pytest.fixture(scope="module")
def clips():
    return shards.load(DATA)


def tilts(clip):
    """Degrees (N,) by which planted soles are off level."""
    up = np.concatenate(_planted(clip))
    return np.degrees(np.arccos(np.clip(up[:, 1], -1, 1)))


def test_planted_soles_of_our_data_are_level(clips):
    found = [tilts(c) for c in clips]
    assert np.median([np.median(t) for t in found if len(t) > 5]) < 8  # 18 as they come


def test_a_tilt_that_all_frames_share_is_taken_out(clips):
    flat = max(clips, key=lambda c: len(tilts(c)))
    tilt = rotations.from_rotation_vector(np.radians([8.0, 3.0, 15.0]))
    tilted = _turned(flat, tilt)
    assert np.median(tilts(tilted)) > np.median(tilts(flat)) + 8
    (back,) = levelled([tilted])
    assert np.median(tilts(back)) < np.median(tilts(flat)) + 2
    assert abs(sole_level(back.joints(), 30)) < 0.01
    # Nothing above the ankles moves against the pelvis.
    above = [j for j in range(22) if j not in (10, 11)]
    one, other = (c.joints() - c.joints()[:, :1] for c in (flat, back))
    assert np.abs(one - other)[:, above].max() < 1e-5


def test_left_and_right_are_turned_as_mirror_images(clips):
    clip = max(clips, key=lambda c: len(tilts(c)))
    turned = _turned(clip, rotations.from_rotation_vector(np.radians([0.0, 0.0, 20.0])))
    for ankle, sign in ((7, 1), (8, -1)):
        turn = rotations.multiply(rotations.conjugate(clip.rotations[:, ankle]), turned.rotations[:, ankle])
        vector = np.degrees(rotations.to_rotation_vector(turn.astype(np.float64)))
        assert np.allclose(vector, [0.0, 0.0, sign * 20.0], atol=0.1)


def test_level_soles_tiptoe_and_those_who_hardly_stand_stay_as_they_are(clips):
    clip = max(clips, key=lambda c: len(tilts(c)))
    (level,) = levelled(levelled([clip]))
    assert levelled([level])[0] is level
    toes = _turned(level, rotations.from_rotation_vector(np.radians([45.0, 0.0, 0.0])))
    assert levelled([toes])[0] is toes
    short = replace(clip, rotations=clip.rotations[:8], transl=clip.transl[:8])
    assert levelled([short])[0] is short
