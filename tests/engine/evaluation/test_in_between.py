"""Errors in a gap, on motions whose errors are known."""

from __future__ import annotations

import numpy as np
import pytest

from genmo_blender.engine.evaluation.in_between import (
    Motions,
    borrowed,
    curved,
    gap_error,
    held,
    interpolated,
    npss,
    posed,
)
from genmo_blender.motion import rotations
from tests.engine.evaluation.clips import clips

REST = np.tile(rotations.IDENTITY, (1, 20, 22, 1))
PATH = np.linspace([0.0, 0.95, 0.0], [0.0, 0.95, 1.9], 20)[None]


def walk() -> Motions:
    clip = clips()["cmu_16_15"]
    return Motions(clip.rotations[None, :60].astype(np.float64), clip.transl[None, :60].astype(np.float64))


def test_the_truth_has_no_error() -> None:
    error = gap_error(walk(), walk())
    assert (error.l2p, error.joint, error.l2q) == (0.0, 0.0, 0.0) and error.npss == pytest.approx(0.0, abs=1e-9)
    flipped = Motions(-walk().rotations, walk().path)
    assert gap_error(flipped, walk()).l2q == 0.0, "q and -q are one rotation"


def test_a_body_that_is_moved_is_off_by_as_much() -> None:
    error = gap_error(Motions(REST, PATH + [0.3, 0.0, 0.4]), Motions(REST, PATH))
    assert error.joint == pytest.approx(0.5)
    assert error.l2p == pytest.approx(0.5 * np.sqrt(22)), "the length of the whole pose's difference"
    assert error.l2q == 0.0 and error.npss == pytest.approx(0.0, abs=1e-12)


def test_a_turned_wrist_is_one_rotation_of_22() -> None:
    turned = REST.copy()
    turned[:, :, 20] = rotations.from_rotation_vector(np.array([0.0, 0.0, 0.8]))
    error = gap_error(Motions(turned, PATH), Motions(REST, PATH))
    assert error.l2q == pytest.approx(2 * np.sin(0.2)), "the chord between quaternions 0.8 rad apart"
    assert error.joint == pytest.approx(0.0, abs=1e-12), "nothing lies beyond the wrist"


def test_power_spectra_by_hand() -> None:
    t = np.arange(8)
    slow, fast = (np.cos(2 * np.pi * k * t / 8)[None, :, None] for k in (1, 2))
    assert npss(slow, slow) == 0.0
    # half of the power moves from bin 1 to 2 and half from 7 to 6: the running sums differ by 1/2 in two bins
    assert npss(slow, fast) == pytest.approx(1.0)
    assert npss(slow, 3.0 * slow) == pytest.approx(0.0, abs=1e-12), "size does not count"
    loud = np.concatenate([np.sqrt(3.0) * slow, slow], axis=2)
    other = np.concatenate([np.sqrt(3.0) * slow, fast], axis=2)
    assert npss(loud, other) == pytest.approx(0.25), "channels weigh by their power"


def test_interpolation_of_a_steady_motion_is_that_motion() -> None:
    turns = rotations.from_rotation_vector(np.linspace([0.0, 0.0, 0.0], [0.3, 1.2, -0.2], 20))
    steady = Motions(np.broadcast_to(turns[None, :, None], (1, 20, 22, 4)), PATH)
    filled = interpolated(steady, 4, 15)
    error = gap_error(filled, steady.frames(slice(5, 15)))
    assert error.l2p == pytest.approx(0.0, abs=1e-9) and error.l2q == pytest.approx(0.0, abs=1e-9)
    assert gap_error(held(steady, 4, 15), steady.frames(slice(5, 15))).joint > 0.3


def test_curves_leave_as_fast_as_they_came_and_come_to_rest() -> None:
    found = curved(Motions(REST, PATH), 4, 16)
    z = np.concatenate([PATH[0, 3:5, 2], found.path[0, :, 2], PATH[0, 16:17, 2]])
    steps = np.diff(z) / 0.1
    assert steps[0] == pytest.approx(1.0) and steps[1] == pytest.approx(1.0, abs=0.1) and abs(steps[-1]) < 0.3
    assert np.allclose(found.rotations, REST[:, 5:16])


def test_a_carried_pose_has_the_root_of_the_interpolation() -> None:
    carried, plain = (f(walk(), *rest) for f, rest in ((posed, (REST[0, 0], 10, 40)), (interpolated, (10, 40))))
    np.testing.assert_array_equal(carried.path, plain.path)
    np.testing.assert_array_equal(carried.rotations[:, :, 0], plain.rotations[:, :, 0])
    assert np.allclose(carried.rotations[:, :, 1:], rotations.IDENTITY)


def test_borrowed_frames_begin_where_the_pose_stands() -> None:
    """A motion borrowed from itself, wherever it stands, is itself."""
    one = walk()
    turn = rotations.about_y(1.1)
    q = one.rotations[0, 9:].copy()
    q[:, 0] = rotations.multiply(np.broadcast_to(turn, q[:, 0].shape), q[:, 0])
    path = rotations.rotate(np.broadcast_to(turn, (51, 4)), one.path[0, 9:]) + [4.0, 0.0, -1.0]
    found = borrowed(one, 9, 40, [(q, path)])
    assert found.path.shape == (1, 30, 3)
    assert gap_error(found, one.frames(slice(10, 40))).l2p == pytest.approx(0.0, abs=1e-6)
