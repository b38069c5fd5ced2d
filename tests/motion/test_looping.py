"""Make Loop (motion/looping.py)."""

from __future__ import annotations

import numpy as np
import pytest

from genmo_blender.motion import rotations as rot
from genmo_blender.motion.contacts import bars_of
from genmo_blender.motion.feet import measured
from genmo_blender.motion.looping import best_loops, looped
from tests.motion.walking import FPS, bars_of_clip, clips, joints_of, sharpness

NAMES = sorted(clips())


def loop_of(name: str):
    motion, bars = clips()[name], bars_of_clip(name)
    points = best_loops(*motion, FPS, bars, count=1)[0]
    return looped(*motion, FPS, bars, points.first, points.last)


@pytest.mark.parametrize("name", NAMES)
def test_the_seam_is_closed_and_three_rounds_do_not_slide(name):
    loop = loop_of(name)
    assert loop.rest.angle <= 1.0 and loop.rest.distance <= 0.001 and loop.rest.jump <= 1.05
    np.testing.assert_allclose(np.abs(np.sum(loop.rotations[-1] * loop.rotations[0], axis=-1)), 1.0, atol=1e-12)
    np.testing.assert_allclose(loop.path[-1] - loop.path[0], loop.travel, atol=1e-12)
    q, p, flags = loop.rounds(3)
    found = measured(joints_of((q, p)), FPS, bars_of(flags))
    assert found.slide <= 0.5 and found.slide_p99 <= 1.0


@pytest.mark.parametrize("name", NAMES[:4])
def test_no_pop_anywhere_in_three_rounds(name):
    loop = loop_of(name)
    q, p, _ = loop.rounds(3)
    assert sharpness((q, p)).max() <= 1.25 * sharpness(clips()[name]).max()


def test_in_place_and_travel_are_one_motion():
    loop = loop_of("cmu_16_15")
    assert np.linalg.norm(loop.travel) > 0.5
    q, p = loop.in_place
    np.testing.assert_allclose(p[-1], p[0], atol=1e-12)
    n = len(p) - 1
    np.testing.assert_allclose(p + np.arange(n + 1)[:, None] / n * loop.travel, loop.path, atol=1e-12)


def test_a_perfect_cycle_is_found_and_left_alone():
    frames = 121
    t = np.arange(frames) / 40
    swing = 0.4 * np.sin(2 * np.pi * t)[:, None, None] * np.random.default_rng(0).normal(size=(22, 3))
    q, p = rot.from_rotation_vector(swing), np.stack([0 * t, 0 * t + 5.0, t], axis=-1)
    points = best_loops(q, p, FPS, ())
    assert (points[0].last - points[0].first) % 40 == 0
    loop = looped(q, p, FPS, (), 10, 50)
    np.testing.assert_allclose(joints_of((loop.rotations, loop.path)), joints_of((q, p))[10:51], atol=2e-3)
    np.testing.assert_allclose(loop.travel, [0.0, 0.0, 1.0], atol=1e-9)


def test_what_a_walk_turns_is_taken_out():
    q, p = (x.copy() for x in clips()["cmu_16_15"])
    turn = rot.about_y(np.linspace(0.0, 0.5, len(p)))
    q[:, 0], p = rot.multiply(turn, q[:, 0]), rot.rotate(turn, p)
    loop = looped(q, p, FPS, bars_of_clip("cmu_16_15"), 10, 80)
    whole = rot.multiply(loop.rotations[-1, 0], rot.conjugate(loop.rotations[0, 0]))
    assert abs(whole[0]) == pytest.approx(1.0)


def test_ranges_that_cannot_loop_are_refused_in_one_sentence():
    q, p = clips()[NAMES[0]]
    assert best_loops(q[:10], p[:10], FPS, ()) == ()
    for first, last in ((5, 8), (-1, 20), (5, len(p))):
        with pytest.raises(ValueError, match="four frames"):
            looped(q, p, FPS, (), first, last)
