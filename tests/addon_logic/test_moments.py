"""Moments of a request in frames of the scene."""

from __future__ import annotations

import pytest

from genmo_blender.addon.moments import check, in_frames
from genmo_blender.protocol.failures import RequestFailure
from genmo_blender.protocol.requests import GenerateRequest


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("At 1.57 s the hips are 4 cm from the path.", "At frame 48 the hips are 4 cm from the path."),
        ("the waypoint at 1.30–3.30 s are 30.0 m, 9 m/s", "the waypoint at frames 41–89 are 30.0 m, 9 m/s"),
        ("From 0.00 s to 1.00 s the keys go 13.0 m", "From frame 10 to frame 34 the keys go 13.0 m"),
        ("The path is 9.0 m long in 1.3 s: it needs at least 0.23 seconds, 0.25 m.", None),
    ],
)
def test_moments_become_frames_and_lengths_of_time_stay(said, told):
    assert in_frames(said, 10, 24.0) == (said if told is None else told)


def test_what_cannot_be_asked_for_is_refused_as_before():
    check(GenerateRequest(2.0), 1, 24.0)
    with pytest.raises(RequestFailure, match="0.23 seconds") as found:
        check(GenerateRequest(0.1), 1, 24.0)
    assert found.value.code == "range_too_short" and found.value.remedy
