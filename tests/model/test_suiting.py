"""Waypoints that are passed when it suits: at the frame to which the way is as long as the motion's own."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genmo_blender.model.suiting import asked_first, settled
from genmo_blender.protocol.direction import Direction, Waypoint
from genmo_blender.protocol.requests import GenerateRequest, StartState, validate

WALK = np.stack([0.0 * np.arange(121), 0.9 + 0.0 * np.arange(121), np.arange(121) / 30], axis=1)  # 1 m/s for 4 s


def at(*ways: Waypoint, path=WALK) -> list[float]:
    request = GenerateRequest(4.0, start=StartState(), direction=Direction(None, ways))
    validate(request)
    out = settled(request, path).direction
    assert out is not None and all(way.until is None for way in out.waypoints)
    assert [way.place for way in out.waypoints] == [way.place for way in ways]
    return [way.time for way in out.waypoints]


def test_a_place_on_the_way_is_passed_when_the_motion_is_there():
    assert at(Waypoint(0.0, (0.0, 2.5), until=4.0)) == [pytest.approx(2.5, abs=0.1)]
    assert at(Waypoint(0.5, (1.5, 0.0), until=4.0)) == [pytest.approx(1.5, abs=0.1)]  # to the side: as far as that
    assert at(Waypoint(3.0, (0.0, 1.0), until=4.0)) == [3.0]  # never before its first frame, never after its last
    assert at(Waypoint(0.5, (0.0, 3.0), until=1.0)) == [1.0]


def test_the_way_on_counts_too_and_one_comes_after_the_other():
    ways = Waypoint(0.2, (0.0, 1.0), until=3.9), Waypoint(0.3, (0.0, 2.0), until=3.9), Waypoint(4.0, (0.0, 4.0))
    first, second, last = at(*ways)
    assert first == pytest.approx(1.0, abs=0.1) and second == pytest.approx(2.0, abs=0.1) and last == 4.0


def test_where_nobody_waits_nothing_is_asked_before():
    fixed = GenerateRequest(4.0, direction=Direction(None, (Waypoint(1.0, (0.0, 1.0)),)))
    free = replace(fixed, takes=3, direction=Direction(None, (Waypoint(1.0, (0.0, 1.0), until=2.0),)))
    assert asked_first(fixed) is None and asked_first(GenerateRequest(4.0)) is None
    without = asked_first(free)
    assert without is not None and without.direction is None and without.takes == 1


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.tuples(st.floats(-2, 2), st.floats(-2, 3), st.floats(1.2, 3.5), st.floats(0, 0.5)), min_size=1, max_size=4
    )
)
def test_all_times_lie_between_first_and_last(told):
    ways = [Waypoint(t, (x, z), radius=1.0, until=t + wide) for x, z, t, wide in told]
    for way, time in zip(ways, at(*ways), strict=True):
        assert way.time - 0.02 <= time <= way.latest + 0.02
