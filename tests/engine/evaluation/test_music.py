"""Scores of dances, on motions whose beats and speeds are known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from genmo_blender.engine.evaluation.music import (
    alignment_matrix,
    amount_of_motion,
    dance_report,
    excerpts,
    permutation_test,
)
from genmo_blender.motion.skeleton import canonical
from genmo_blender.protocol.failures import RequestFailure

from ..conditions.sounds import RATE, clicks, write_wave


def swaying(frames: int, period: int, first: int) -> np.ndarray:
    """Joints (T, 22, 3) that stop every ``period`` frames from ``first`` on, the pelvis fixed."""
    time = np.arange(frames)
    # |sin| is zero where a beat should be; the step from frame k to k + 1 is the speed of frame k.
    angle = np.cumsum(np.abs(np.sin(np.pi * (time - first - 1) / period)))
    joints = np.tile(canonical().rest, (frames, 1, 1))
    joints[:, 1:, 0] += 0.02 * angle[:, None]
    return joints


def every(period: int, first: int, frames: int = 300) -> np.ndarray:
    return np.arange(first, frames, period)


def test_a_dance_that_stops_on_each_beat_scores_one_and_between_the_beats_little():
    dance = swaying(300, 30, 10)
    on, off = alignment_matrix([dance], [every(30, 10), every(30, 25)])[0]
    assert on > 0.93 and off < 0.01
    two_late = alignment_matrix([dance], [every(30, 12)])[0, 0]
    assert two_late == pytest.approx(np.exp(-(2.0**2) / 18.0), abs=0.1)


def test_beats_after_the_end_do_not_count():
    dance = swaying(300, 30, 10)
    assert alignment_matrix([dance], [every(30, 10, 900)])[0, 0] == alignment_matrix([dance], [every(30, 10)])[0, 0]


def test_whoever_stands_still_has_no_beat_and_no_push():
    still = np.tile(canonical().rest, (90, 1, 1))
    report = dance_report([still, still], [every(15, 0, 90)] * 2, np.random.default_rng(0))
    assert (report.alignment.score, report.foot_contact, report.amount) == (0.0, 0.0, 0.0)


def test_the_permutation_test_tells_dancers_from_movers():
    phases = np.arange(0, 30, 2)
    dances = [swaying(300, 30, int(p)) for p in phases]
    songs = [every(30, int(p)) for p in phases]
    found = permutation_test(alignment_matrix(dances, songs), np.random.default_rng(0))
    assert found.score > 0.9 and found.shuffled < 0.4 and found.p == pytest.approx(1e-4) and found.dances == 15
    deaf = permutation_test(alignment_matrix(dances, songs[5:] + songs[:5]), np.random.default_rng(0))
    assert deaf.score < 0.1 and deaf.p > 0.5


def test_dances_to_one_and_the_same_song_prove_nothing():
    dances = [swaying(300, 30, 4)] * 6
    same = permutation_test(alignment_matrix(dances, [every(30, 4)] * 6), np.random.default_rng(0), rounds=99)
    assert same.p == 1.0 and same.score == pytest.approx(same.shuffled)
    with pytest.raises(ValueError, match="two or more"):
        permutation_test(np.ones((1, 1)), np.random.default_rng(0))


def test_the_amount_of_motion_is_the_joints_speed_around_the_pelvis():
    joints = np.tile(canonical().rest, (31, 1, 1))
    time = np.arange(31)[:, None, None] / 30.0
    assert amount_of_motion(joints + time * [3.0, 0.0, 0.0]) == pytest.approx(0.0, abs=1e-9)
    joints[:, 15, 1] += 2.1 * time[:, 0, 0]  # the head alone rises at 2.1 m/s
    assert amount_of_motion(joints) == pytest.approx(2.1 / 21)
    assert np.isnan(amount_of_motion(joints[:1]))


def test_the_report_holds_all_three_figures():
    dances = [swaying(300, 30, p) for p in (3, 10, 17, 24)]
    report = dance_report(dances, [every(30, p) for p in (3, 10, 17, 24)], np.random.default_rng(1))
    assert report.alignment.score > 0.9
    assert report.amount == pytest.approx(0.02 * 30 * 2 / np.pi, rel=0.01)
    assert report.foot_contact == 0.0  # the pelvis rests
    with pytest.raises(ValueError, match="as many songs"):
        dance_report(dances, [], np.random.default_rng(1))


def test_excerpts_of_a_song_are_spread_over_it_and_have_their_own_beats(tmp_path: Path):
    song = write_wave(tmp_path / "clicks.wav", clicks(120.0, 8.0), RATE)
    found = excerpts([song], 90, 3)
    assert [e.start for e in found] == [0.0, 2.5, 5.0] and {e.song for e in found} == {"clicks.wav"}
    assert all(e.features.shape == (90, 35) and len(e.beats) >= 4 for e in found)
    with pytest.raises(RequestFailure, match="too short"):
        excerpts([song], 300, 1)
