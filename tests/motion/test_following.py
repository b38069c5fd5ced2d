"""A recorded walk bent onto a path and through waypoints: near it, looking along it, feet where they stand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genmo_blender.model.direction import route_of
from genmo_blender.motion import rotations as rot
from genmo_blender.motion.following import away, bent_least, followed
from genmo_blender.motion.keyed import KeyFrames
from genmo_blender.motion.planting import standing
from genmo_blender.protocol.direction import Direction, RootPath, Waypoint
from genmo_blender.protocol.requests import GenerateRequest
from tests.motion.walking import clips, joints_of

WALK = "cmu_16_15"
TURN = rot.about_y(1.1)


def walk():
    """The clip, its last second away and beginning at the origin looking along +Z, and what stands: confidences."""
    q, path = clips()[WALK]
    home = rot.about_y(-np.arctan2(*(path[-1] - path[0])[[0, 2]]))
    q = q.copy()
    q[:, 0] = rot.multiply(np.broadcast_to(home, q[:, 0].shape), q[:, 0])
    path = rot.rotate(np.broadcast_to(home, (len(path), 4)), path - path[0] * [1.0, 0.0, 1.0])
    low = standing(joints_of((q, path)), np.ones((len(path), 6)))
    return (q, path), np.concatenate([low, low[:, :2]], axis=1).astype(float)


def bow(path: np.ndarray, wide: float = 0.3, fixed: bool = True, headings=None, length: float = 1.0) -> RootPath:
    """An S over the way of the walk, in its time, elsewhere and turned."""
    u = np.linspace(0.0, 1.0, 40)
    span = np.linalg.norm((path[-1] - path[0])[[0, 2]]) * length
    line = np.stack([wide * np.sin(2 * np.pi * u), np.zeros(40), span * u], axis=1)
    line = rot.rotate(np.broadcast_to(TURN, (40, 4)), line) + [4.0, 0.0, -3.0]
    along = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(line, axis=0), axis=1))])
    return RootPath(along / along[-1] * (len(path) - 1) / 30.0, line[:, [0, 2]], headings, fixed)


def request_of(path: np.ndarray, direction: Direction) -> GenerateRequest:
    return GenerateRequest((len(path) - 1) / 30.0, direction=direction)


def follow(direction: Direction, keys: KeyFrames | None = None):
    motion, contacts = walk()
    route = route_of(direction, request_of(motion[1], direction))
    q, path = rot.multiply(np.tile(rot.IDENTITY, (len(motion[1]), 22, 1)), motion[0]), motion[1]
    q[:, 0] = rot.multiply(np.broadcast_to(TURN, q[:, 0].shape), q[:, 0])
    path = rot.rotate(np.broadcast_to(TURN, (len(path), 4)), path) + [4.0, 0.0, -3.0]
    return (q, path), followed(q, path, contacts, route, keys), contacts


def line_of(road: RootPath) -> np.ndarray:
    return np.insert(road.places, 1, 0.0, axis=1)


@pytest.mark.parametrize("fixed", [True, False])
@pytest.mark.parametrize("wide", [0.1, 0.3])
def test_the_root_is_within_3_cm_of_an_s_and_looks_along_it(fixed: bool, wide: float):
    road = bow(walk()[0][1], wide, fixed)
    before, after, contacts = follow(Direction(road))
    off = away(after[1], line_of(road))
    assert off.max() < 0.03 and away(before[1], line_of(road)).max() > 0.05
    nearest = np.linalg.norm(after[1][:, None, [0, 2]] - road.places, axis=-1).argmin(axis=1)
    tangent = np.gradient(road.places, axis=0)[nearest]
    apart = rot.heading(after[0][:, 0]) - np.arctan2(tangent[:, 0], tangent[:, 1])
    assert np.degrees(np.abs(np.arctan2(np.sin(apart), np.cos(apart)))).mean() < 10.0
    # feet stand still, no more and no less than they did
    soles = contacts[1:, :4].astype(bool) & contacts[:-1, :4].astype(bool)
    slides = [np.linalg.norm(np.diff(joints_of(m)[:, (7, 10, 8, 11)], axis=0), axis=-1)[soles] for m in (before, after)]
    assert slides[1].mean() < slides[0].mean() + 0.001


def test_a_path_with_times_is_met_in_time_and_a_facing_is_kept():
    road = bow(walk()[0][1])
    sideways = RootPath(road.times, road.places, np.full(40, 2.3))
    _, (q, path), _ = follow(Direction(sideways))
    time = np.arange(len(path)) / 30.0
    due = np.stack([np.interp(time, road.times, road.places[:, k]) for k in (0, 1)], axis=1)
    assert np.linalg.norm(path[:, [0, 2]] - due, axis=1).max() < 0.03
    apart = rot.heading(q[:, 0]) - 2.3
    assert np.degrees(np.abs(np.arctan2(np.sin(apart), np.cos(apart)))).mean() < 10.0


def test_at_its_own_pace_a_motion_neither_waits_nor_hurries():
    motion, _ = walk()
    road = bow(motion[1], 0.2, False, length=2.5)  # further than the walk goes
    before, after, _ = follow(Direction(road))
    went = [np.linalg.norm(np.diff(m[1][:, [0, 2]], axis=0), axis=1).sum() for m in (before, after)]
    assert away(after[1], line_of(road)).max() < 0.03 and 1.3 * went[0] < went[1] < 1.6 * went[0]


def test_waypoints_are_met_and_one_that_is_met_already_changes_nothing():
    motion, _ = walk()
    last = (len(motion[1]) - 1) / 30.0
    plain, _, _ = follow(Direction())
    at = [tuple(plain[1][f, [0, 2]] + d) for f, d in ((0, 0.0), (30, [0.2, -0.1]))]
    ways = (Waypoint(0.0, at[0]), Waypoint(1.0, at[1], 1.5, 0.05))
    before, after, _ = follow(Direction(waypoints=ways))
    assert np.linalg.norm(after[1][30, [0, 2]] - at[1]) < 0.052
    assert abs(rot.heading(after[0][30, 0]) - 1.5) < 0.02
    steps = np.linalg.norm(np.diff(after[1] - before[1], n=2, axis=0), axis=1)
    assert steps.max() < 0.01
    met = Direction(waypoints=(Waypoint(last / 2, tuple(plain[1][round(last * 15), [0, 2]])),))
    before, after, _ = follow(met)
    np.testing.assert_allclose(after[1][:, [0, 2]], before[1][:, [0, 2]], atol=1e-6)


def test_keyed_roots_stay():
    motion, _ = walk()
    plain, _, _ = follow(Direction())
    known = np.zeros((len(motion[1]), 22), dtype=bool)
    known[25] = True
    keys = KeyFrames(plain[0], plain[1], known)
    _, (q, path), _ = follow(Direction(bow(motion[1])), keys)
    np.testing.assert_allclose(path[25, [0, 2]], plain[1][25, [0, 2]], atol=1e-4)
    turn = rot.to_rotation_vector(rot.multiply(rot.conjugate(q[25, 0]), plain[0][25, 0]))
    assert np.degrees(np.linalg.norm(turn)) < 0.5


@given(st.integers(5, 400), st.integers(0, 10**6))
@settings(max_examples=30, deadline=None)
def test_a_straight_correction_is_found_whole_and_one_point_is_met(frames: int, seed: int):
    rng = np.random.default_rng(seed)
    values = np.repeat(rng.normal(size=(1, 2)), frames, axis=0)
    np.testing.assert_allclose(bent_least(values, np.ones(frames)), values, atol=1e-5)
    weight = np.zeros(frames)
    weight[int(rng.integers(frames))] = 1e4
    np.testing.assert_allclose(bent_least(values, weight), values, atol=1e-4)
    assert not bent_least(values, np.zeros(frames)).any()
