"""Travel, Mirror, Retime and Stitch (motion/travel.py, mirroring.py, retiming.py, stitching.py, resampling.py)."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genmo_blender.motion import retiming, travel
from genmo_blender.motion import rotations as rot
from genmo_blender.motion.contacts import bars_of, flags_of
from genmo_blender.motion.feet import measured
from genmo_blender.motion.mirroring import mirrored, mirrored_where_it_starts
from genmo_blender.motion.resampling import resample_smoothly
from genmo_blender.motion.skeleton import LEFT_RIGHT
from genmo_blender.motion.stitching import Cut, Take, best_cut, stitched
from genmo_blender.motion.timing import rising
from tests.motion.walking import FPS, bars_of_clip, clips, joints_of, sharpness

WALK = "cmu_16_15"
NAMES = sorted(clips())


def take(name: str) -> Take:
    return Take(*clips()[name], bars_of_clip(name))


@pytest.mark.parametrize("turning", [False, True])
@pytest.mark.parametrize("name", NAMES[:5])
def test_travel_comes_off_and_goes_back_without_loss(name, turning):
    motion = clips()[name]
    way = travel.travel_of(*motion, FPS, turning)
    still = travel.in_place(*motion, way)
    assert np.linalg.norm(np.ptp(still[1][:, [0, 2]], axis=0)) < 0.6
    np.testing.assert_allclose(joints_of(travel.restored(*still, way)), joints_of(motion), atol=1e-9)


def test_in_place_keeps_height_and_sway():
    q, p = clips()[WALK]
    still = travel.in_place(q, p, travel.travel_of(q, p, FPS))
    np.testing.assert_array_equal(still[1][:, 1], p[:, 1])
    assert np.ptp(np.diff(still[1][:, 2])) > 0.3 * np.ptp(np.diff(p[:, 2])) and np.ptp(still[1][10:-10, 2]) < 0.15


@pytest.mark.parametrize("frames", [1, 2, 5])
def test_the_shortest_motions_travel_too(frames):
    q, p = (x[:frames] for x in clips()[WALK])
    way = travel.travel_of(q, p, FPS, turning=True)
    np.testing.assert_allclose(travel.restored(*travel.in_place(q, p, way), way)[1], p, atol=1e-12)


def test_a_mirrored_motion_is_its_mirror_image():
    motion = clips()[WALK]
    np.testing.assert_allclose(
        joints_of(mirrored(*motion)), joints_of(motion)[:, LEFT_RIGHT] * [-1.0, 1.0, 1.0], atol=1e-6
    )
    np.testing.assert_allclose(joints_of(mirrored(*mirrored(*motion))), joints_of(motion), atol=1e-12)


@settings(max_examples=15, deadline=None)
@given(st.floats(-3, 3), st.floats(-5, 5), st.floats(-5, 5))
def test_mirrored_where_it_starts_it_keeps_its_place_and_its_look(heading, x, z):
    q, p = (a[:20].copy() for a in clips()[WALK])
    turn = np.broadcast_to(rot.about_y(heading), (20, 4))
    q[:, 0], p = rot.multiply(turn, q[:, 0]), rot.rotate(turn, p) + [x, 0.0, z]
    m, way = mirrored_where_it_starts(q, p)
    np.testing.assert_allclose(way[0], p[0], atol=1e-9)
    look = rot.heading(m[0, 0]) - rot.heading(q[0, 0])
    assert np.cos(look) == pytest.approx(1.0)
    assert np.linalg.norm(way[-1] - p[0]) == pytest.approx(np.linalg.norm(p[-1] - p[0]))


def test_whole_frames_come_back_bit_for_bit_and_a_slow_clock_has_no_corners():
    q, p = clips()[WALK]
    q = rot.continuous(q)
    again = resample_smoothly(q, p, np.arange(len(p), dtype=float))
    assert np.array_equal(again[0], q) and np.array_equal(again[1], p)
    slow = resample_smoothly(q, p, np.arange(0, len(p) - 1, 0.1))
    assert sharpness(slow).max() < 2.5 * sharpness((q, p)).max() / 100


@pytest.mark.parametrize("factor", [0.6, 1.0, 1.7, 3.0])
@pytest.mark.parametrize("name", NAMES[:4])
def test_a_retimed_motion_keeps_its_contacts_and_its_feet_stand(name, factor):
    q, p = clips()[name]
    bars, wanted = bars_of_clip(name), round(len(p) * factor)
    clock = retiming.keeping_flights(q, p, FPS, bars, wanted)
    new_q, new_p, new_bars = retiming.retimed(q, p, FPS, bars, clock, retiming.FootMode.ALWAYS)
    assert len(new_p) == wanted and len(new_bars) <= len(bars)
    shares = [flags_of(b, n)[:, :4].mean(axis=0) for b, n in ((bars, len(p)), (new_bars, wanted))]
    np.testing.assert_allclose(shares[1], shares[0], atol=0.15)
    assert measured(joints_of((new_q, new_p)), FPS, new_bars).slide <= 0.5


def test_a_jump_lasts_as_long_on_any_clock():
    frames, flight = 120, 16
    q = np.tile(rot.IDENTITY, (frames, 22, 1))
    p = np.zeros((frames, 3))
    t = np.arange(flight + 1) / FPS
    p[50 : 50 + flight + 1, 1] += t * (t[-1] - t) * 9.81 / 2
    flags = np.ones((frames, 6), dtype=bool)
    flags[51 : 50 + flight] = False
    for wanted in (90, 180):
        clock = retiming.keeping_flights(q, p, FPS, bars_of(flags), wanted)
        assert clock[0] == 0.0 and frames - 1.0 - 1e-9 < clock[-1] <= frames - 1.0 and (np.diff(clock) > 0).all()
        flying = np.diff(clock)[(clock[:-1] > 54) & (clock[:-1] < 62)]
        np.testing.assert_allclose(flying, 1.0, atol=0.05)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.floats(1, 20), st.floats(1, 20)), min_size=1, max_size=6), st.floats(0.5, 1.0))
def test_a_clock_through_knots_rises_and_meets_them(steps, dwell):
    x, y = np.concatenate([np.zeros((1, 2)), np.cumsum(np.array(steps), axis=0)]).T
    np.testing.assert_allclose(rising(x, y, x[:-1], dwell), y[:-1], atol=1e-9)
    assert (np.diff(rising(x, y, np.linspace(0, x[-1], 200), dwell)) >= -1e-9).all()


def test_clocks_are_checked():
    q, p = clips()[WALK]
    np.testing.assert_allclose(retiming.through([30.0], [60.0], 100, 200)[60], 30.0)
    for old, new in (([30.0, 20.0], [40.0, 50.0]), ([30.0], [40.0, 50.0]), ([120.0], [40.0])):
        with pytest.raises(ValueError, match="in order"):
            retiming.through(old, new, 100, 200)
    for clock in ([3.0, 2.0], [0.0, len(p) + 3.0], []):
        with pytest.raises(ValueError, match="clock"):
            retiming.retimed(q, p, FPS, (), np.array(clock))


@pytest.mark.parametrize("pair", [(NAMES[0], NAMES[1]), (WALK, NAMES[-1]), (NAMES[-1], NAMES[2])])
def test_two_takes_are_stitched_without_a_pop_and_with_feet_that_stand(pair):
    a, b = take(pair[0]), take(pair[1])
    cut = best_cut(a, b, FPS)
    out = stitched(a, b, FPS, cut)
    assert len(out.path) == cut.first + len(b.path) - cut.second
    near = slice(max(cut.first - 15, 0), cut.first + 15)
    allowed = max(sharpness((t.rotations, t.path)).max() for t in (a, b))
    assert sharpness((out.rotations, out.path))[near].max() <= 1.25 * allowed
    flags = flags_of(out.bars, len(out.path))
    flags[: max(cut.first - 12, 0)] = flags[cut.first + 13 :] = False
    assert measured(joints_of((out.rotations, out.path)), FPS, bars_of(flags)).slide <= 0.5
    # Far from the cut the takes are what they were, the second one turned and moved as a whole.
    early = slice(0, max(cut.first - 60, 0))
    np.testing.assert_allclose(out.rotations[early], rot.continuous(a.rotations)[early], atol=1e-12)


def test_a_take_stitched_to_itself_at_one_frame_is_itself():
    a = take(WALK)
    out = stitched(a, a, FPS, Cut(60, 60, 0.0))
    away = np.linalg.norm(joints_of((out.rotations, out.path)) - joints_of((a.rotations, a.path)), axis=-1)
    assert away.max() < 0.08 and away.mean() < 0.01


def test_the_second_take_goes_on_from_where_the_first_one_is():
    a = take(WALK)
    turn = np.broadcast_to(rot.about_y(2.0), (len(a.path), 4))
    q = a.rotations.copy()
    q[:, 0] = rot.multiply(turn, q[:, 0])
    b = Take(q, rot.rotate(turn, a.path) + [5.0, 0.0, -3.0], a.bars)
    cut = best_cut(a, b, FPS, (0.5, 0.5), (0.0, 1.0))
    assert cut.second == cut.first and cut.cost < 1e-6
    out = stitched(a, b, FPS, cut)
    np.testing.assert_allclose(out.path[-1], a.path[-1], atol=0.02)


def test_a_cut_at_an_end_is_refused():
    a = take(WALK)
    for cut in (Cut(0, 5, 0.0), Cut(5, len(a.path) - 1, 0.0), Cut(len(a.path), 3, 0.0)):
        with pytest.raises(ValueError, match="two frames"):
            stitched(a, a, FPS, cut)
