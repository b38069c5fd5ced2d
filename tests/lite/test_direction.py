"""Path, waypoints and pins through both engines: told alike, met alike, the network's answer led by them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from genmo_blender.engine.checkpoint import save_checkpoint
from genmo_blender.engine.conditions.keys import keyed_motion as torch_keys
from genmo_blender.engine.key_file import read_direction
from genmo_blender.engine.pipeline import Pipeline as TorchPipeline
from genmo_blender.engine.representation.codec import Statistics as TorchStatistics
from genmo_blender.engine.representation.rotations import quaternion_to_matrix
from genmo_blender.lite.codec import Statistics
from genmo_blender.lite.keys import keyed_motion
from genmo_blender.lite.pipeline import Pipeline
from genmo_blender.model.direction import holds_of, told_frames
from genmo_blender.model.keys import as_told, key_frames
from genmo_blender.model.record import BUNDLED
from genmo_blender.motion import rotations as rot
from genmo_blender.motion.following import away
from genmo_blender.motion.pinning import misses
from genmo_blender.motion.skeleton import assets_folder
from genmo_blender.protocol.direction import Direction, Pin, RootPath, Waypoint
from genmo_blender.protocol.requests import GenerateRequest, StartState, TextSpan
from tests.engine.keyed_requests import keys_of_a_walk, missed
from tests.lite.test_keys import MEAN, STD, a_checkpoint
from tests.lite.test_pipeline import assert_same

U = np.linspace(0.0, 1.0, 41)
BOW = np.stack([0.6 * np.sin(2 * np.pi * U) + 4.0, 3.6 * U - 2.0], axis=1)
WALK = (TextSpan("a person walks forward", 0.0, 3.0),)
S = RootPath(3.0 * U, BOW)
HAND = Pin("left_hand", np.array([1.0, 2.0]), np.array([[4.2, 1.0, -0.6], [4.2, 1.0, 0.5]]))
REQUESTS = {
    "a path": GenerateRequest(3.0, WALK, direction=Direction(S)),
    "at its own pace": GenerateRequest(3.0, WALK, direction=Direction(replace(S, fixed=False))),
    "a path from later on": GenerateRequest(
        3.0, WALK, start=StartState((3.5, 0, -2.5), 0.3), direction=Direction(RootPath(1.0 + 2.0 * U, BOW))
    ),
    "waypoints": GenerateRequest(
        3.0, WALK, direction=Direction(None, (Waypoint(0.5, (1.0, 1.0)), Waypoint(2.5, (2.0, 2.5), 0.4, 0.1)))
    ),
    "waypoints from a start": GenerateRequest(
        3.0, WALK, start=StartState((1.0, 0, -2.0), 2.0), direction=Direction(None, (Waypoint(2.5, (3.0, -3.0), 0.4),))
    ),
    "a path beside keys": GenerateRequest(3.0, WALK, keys=keys_of_a_walk([1.5], (13, 16, 18)), direction=Direction(S)),
    "a waypoint and a keyed pose": GenerateRequest(
        3.0, WALK, keys=keys_of_a_walk([1.0]), direction=Direction(None, (Waypoint(2.5, (4.2, -1.0)),))
    ),
}


@pytest.mark.parametrize("name", REQUESTS)
def test_the_network_is_told_the_same(name: str):
    world = told_frames(REQUESTS[name], key_frames(REQUESTS[name]))
    assert world is not None
    told = as_told(world, 92)
    ours = keyed_motion(told, Statistics(MEAN, STD))
    expected = torch_keys(
        quaternion_to_matrix(torch.from_numpy(told.rotations)[None]).float(),
        torch.from_numpy(told.path)[None].float(),
        torch.from_numpy(told.known)[None],
        TorchStatistics(torch.from_numpy(MEAN), torch.from_numpy(STD)),
        torch.from_numpy(told.placed & ~told.roots)[None],
        torch.from_numpy(told.told_headings)[None],
    )
    np.testing.assert_array_equal(ours.mask, expected.mask[0])
    for part in ("observed", "goals", "between"):
        np.testing.assert_allclose(getattr(ours, part), getattr(expected, part)[0], atol=5e-5)
    first = int(np.argmax(told.placed))
    np.testing.assert_allclose(told.path[first, [0, 2]], 0.0, atol=1e-9)  # windows begin over the origin, facing +z
    assert ours.goals[first, 6] == 1.0 and (told.ways is None or told.ways.any())


def test_a_place_without_a_facing_is_told_without_one():
    world = told_frames(REQUESTS["waypoints"], None)
    assert world is not None
    goals = keyed_motion(as_told(world, 92), Statistics(MEAN, STD)).goals
    assert not goals[20, 3:5].any() and goals[20, 10:12].any() and not goals[20, 8] and goals[20, 9] > 1.0


@pytest.fixture(scope="module")
def both(tmp_path_factory) -> tuple[Pipeline, TorchPipeline]:
    folder = tmp_path_factory.mktemp("direction")
    save_checkpoint(folder / "tiny.safetensors", a_checkpoint(True))
    path = folder / "tiny.safetensors"
    return Pipeline.load(path, folder / "numpy"), TorchPipeline.load(path, folder / "torch")


@pytest.mark.parametrize("name", REQUESTS)
def test_both_engines_answer_the_same(both: tuple[Pipeline, TorchPipeline], name: str):
    for fit in (False, True):
        request = replace(REQUESTS[name], takes=2, steps=4, fit=fit)
        ours, expected = (pipeline.generate(request).takes for pipeline in both)
        for pair in zip(ours, expected, strict=True):
            assert_same(*pair)


@pytest.fixture(scope="module")
def bundled(tmp_path_factory) -> Pipeline:
    return Pipeline.load(None, tmp_path_factory.mktemp("cache"))


@pytest.mark.parametrize("name", ["a path", "at its own pace"])
def test_the_bundled_model_walks_an_s(bundled: Pipeline, name: str):
    request = replace(REQUESTS[name], steps=8)
    fitted, told = (bundled.generate(replace(request, fit=fit)).takes[0] for fit in (True, False))
    line = np.insert(BOW, 1, 0.0, axis=1)
    off = [away(take.transl.astype(float), line) for take in (fitted, told)]
    assert off[0].max() < 0.03 < off[1].max() < 0.6  # the network alone is near, and only the fitting pass is there
    tangent = np.gradient(BOW, axis=0)[np.linalg.norm(fitted.transl[:, None, [0, 2]] - BOW, axis=-1).argmin(axis=1)]
    apart = rot.heading(fitted.rotations[:, 0].astype(float)) - np.arctan2(tangent[:, 0], tangent[:, 1])
    assert np.degrees(np.abs(np.arctan2(np.sin(apart), np.cos(apart)))).mean() < 10.0
    assert fitted.report["direction"]["path_off_cm"] < 3.0 and "direction" not in told.report


def test_a_pin_is_met_and_what_is_out_of_reach_is_said(bundled: Pipeline):
    request = replace(REQUESTS["a path"], steps=6)
    plain = bundled.generate(request).takes[0]
    side = plain.transl[30:61].astype(float) + [0.1, 0.15, 0.1]
    near = Pin("left_hand", np.arange(30, 61) / 30.0, side)
    for pin, met in ((near, True), (replace(near, points=side + [0.0, 4.0, 0.0]), False)):
        asked = replace(request, direction=replace(request.direction, pins=(pin,)))
        take = bundled.generate(asked).takes[0]
        (hold,) = holds_of((pin,), request.frames)
        missed_by = misses(take.rotations, take.transl, hold).max()
        said = [note for note in take.report["ignored"] if "left hand misses its pin" in note]
        assert (missed_by < 0.002) == met and len(said) == (not met)


def test_keys_are_law_beside_a_path_and_a_pin(bundled: Pipeline):
    keys = keys_of_a_walk([1.0])
    places = np.array([[2.0, -2.5], [5.0, -0.5]])
    road = RootPath(np.array([0.0, 3.0]), places + [0.0, 0.3])
    pin = Pin("right_hand", np.array([0.8, 1.2]), np.repeat([[3.0, 1.6, -2.0]], 2, axis=0))
    request = GenerateRequest(3.0, WALK, keys=keys, direction=Direction(road, (), (pin,)), steps=6)
    take = bundled.generate(request).takes[0]
    assert max(missed(keys, take)) < 1e-3
    assert any("a keyed pose" in note for note in take.report["ignored"])


def test_the_motion_begins_at_its_start_and_on_its_path(bundled: Pipeline):
    take = bundled.generate(replace(REQUESTS["waypoints from a start"], steps=6)).takes[0]
    np.testing.assert_allclose(take.transl[0, [0, 2]], [1.0, -2.0], atol=0.005)
    assert abs(rot.heading(take.rotations[0, 0].astype(float)) - 2.0) < 0.02
    np.testing.assert_allclose(take.transl[75, [0, 2]], [3.0, -3.0], atol=0.04)
    away_from = replace(REQUESTS["a path"], start=StartState((0.0, 0, 0), 0.0), steps=6)
    take = bundled.generate(away_from).takes[0]
    assert any("begins on the path" in note for note in take.report["ignored"])


def test_on_the_command_line(tmp_path: Path, capsys):
    from genmo_blender.engine.__main__ import main

    save_checkpoint(tmp_path / "tiny.safetensors", a_checkpoint(True))
    np.savez(tmp_path / "path.npz", times=S.times, places=S.places)
    np.savez(tmp_path / "pins.npz", head_times=np.array([1.0, 2.0]), head_points=np.array([[4.0, 9.0, -1]] * 2))
    given = ["--path", tmp_path / "path.npz", "--pins", tmp_path / "pins.npz", "--out", tmp_path / "out.npz"]
    command = ["generate", "--model", tmp_path / "tiny.safetensors", "--steps", "2", *given]
    assert main([str(x) for x in command]) == 0
    assert "The head misses its pin" in capsys.readouterr().err
    with np.load(tmp_path / "out.npz") as motion:
        assert len(motion["trans"]) == 91
    for name, arrays, words in (
        ("path.npz", {"times": S.times, "places": S.places[:3]}, "as many places and headings as times"),
        ("path.npz", {"times": S.times}, "could not be read"),
        ("path.npz", {"times": S.times, "places": S.places * 20}, "nobody is that fast"),
    ):
        np.savez(tmp_path / name, **arrays)
        assert main([str(x) for x in command]) == 1
        told = capsys.readouterr().err
        assert words in told and len(told.strip().splitlines()) == 1


def test_a_pin_keyed_at_another_rate_is_held_on_both_sides_of_its_ends():
    times = np.arange(39, 69) / 24.0
    points = np.stack([1.2 * times, np.full(30, 1.0), -0.5 * times], axis=1)
    (hold,) = holds_of((Pin("left_hand", times, points),), 120)
    frames = np.flatnonzero(hold.held)
    assert frames[0] / 30.0 <= times[0] and times[-1] <= frames[-1] / 30.0 and len(frames) == 38
    np.testing.assert_allclose(hold.points[frames, 0], 1.2 * frames / 30.0, atol=1e-9)
    (short,) = holds_of((Pin("head", times[:1], points[:1]),), 120)
    assert short.held.sum() == 1 and abs(np.argmax(short.held) / 30.0 - times[0]) < 1 / 60 + 1e-9


def test_files_say_what_is_passed_when_it_suits_and_what_is_turned(tmp_path: Path):
    np.savez(tmp_path / "ways.npz", way_times=[0.5, 1.0], way_places=[[0.0, 1.0], [0.0, 2.0]], way_until=[1.0, 2.5])
    turns = np.tile([0.0, 1.0, 0.0, 0.0], (2, 1))
    np.savez(tmp_path / "pins.npz", head_times=[1.0, 2.0], head_points=np.zeros((2, 3)), head_turns=turns)
    told = read_direction(tmp_path / "ways.npz", tmp_path / "pins.npz")
    assert told is not None and [way.until for way in told.waypoints] == [1.0, 2.5]
    np.testing.assert_array_equal(told.pins[0].turns, turns)
    np.savez(tmp_path / "ways.npz", way_times=[0.5], way_places=[[0.0, 1.0]])
    told = read_direction(tmp_path / "ways.npz", None)
    assert told is not None and told.waypoints == (Waypoint(0.5, (0.0, 1.0)),)


def test_a_waypoint_is_passed_when_it_suits_by_both_engines(tmp_path: Path):
    way = Waypoint(0.5, (0.2, 1.2), None, 0.05, 2.5)
    request = GenerateRequest(3.0, WALK, steps=5, start=StartState(), direction=Direction(None, (way,)))
    for pipeline in (Pipeline.load(cache_folder=tmp_path), TorchPipeline.load(assets_folder() / BUNDLED)):
        take = pipeline.generate(request).takes[0]
        (at,) = take.report["direction"]["waypoints_at"]
        assert 0.5 <= at <= 2.5 and not take.report["ignored"]
        assert np.hypot(*(take.transl[round(at * 30), [0, 2]] - way.place)) < 0.06
