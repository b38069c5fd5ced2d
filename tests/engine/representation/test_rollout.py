"""Roll-out into the world: cameras that stand, cameras that turn, and the release's ways."""

from dataclasses import replace

import pytest
import torch

from genmo_blender.engine.quirks import OfficialQuirks
from genmo_blender.engine.representation import rollout
from genmo_blender.engine.representation.camera import camera_angular_velocity
from genmo_blender.engine.representation.codec import local_velocity
from genmo_blender.engine.representation.gravity_view import camera_to_gravity_view
from genmo_blender.engine.representation.rotations import (
    axis_angle_to_matrix,
    matrix_to_axis_angle,
    rotation_angle,
    yaw_matrix,
)

LEVEL = torch.diag(torch.tensor([-1.0, -1.0, 1.0]))


def filmed(yaw: torch.Tensor) -> dict[str, torch.Tensor]:
    """A walk in the y-up world seen by a slightly tilted camera whose heading is ``yaw`` (L,)."""
    g, length = torch.Generator().manual_seed(0), len(yaw)
    world = axis_angle_to_matrix(torch.cumsum(torch.randn(length, 3, generator=g) * 0.05, 0))
    path = torch.cumsum(torch.randn(length, 3, generator=g) * 0.02, 0)
    tilt = axis_angle_to_matrix(torch.tensor([0.2, 0.0, 0.05]))
    camera = tilt @ LEVEL @ yaw_matrix(yaw)
    return {
        "world": world,
        "path": path,
        "gv": camera_to_gravity_view(camera) @ camera @ world,
        "camera": camera @ world,
        "velocity": local_velocity(path, world),
        "turn": camera_angular_velocity(camera),
    }


def rolled(film: dict[str, torch.Tensor], quirks: OfficialQuirks = rollout.OURS) -> rollout.WorldRoot:
    return rollout.world_root_from_matrices(film["gv"], film["camera"], film["velocity"], film["turn"], quirks)


def test_a_still_camera_leaves_the_gravity_view_root_exactly():
    film = filmed(torch.full((90,), 0.7))
    torch.testing.assert_close(rolled(film).rotation, film["gv"], atol=0, rtol=0)


def test_the_arc_cosine_of_the_release_cannot_see_small_turns_and_the_arc_tangent_can():
    step = 1e-4
    film = filmed(step * torch.arange(90.0))
    turn = film["gv"], film["camera"], film["turn"]
    true = torch.full((90,), step)
    torch.testing.assert_close(rollout.heading_change(*turn).abs(), true, atol=3e-6, rtol=0)
    noisy = replace(OfficialQuirks(), arc_cosine_yaw=True)
    apart = rotation_angle(rolled(film, noisy).rotation @ rolled(film).rotation.transpose(-1, -2))
    assert 1e-4 < float(apart.max()) < 90 * 5e-4


def test_a_turning_camera_gives_the_true_path_back_up_to_where_it_first_looked():
    film = filmed(0.4 + 0.02 * torch.arange(80.0))
    root = rolled(film)
    to_first = film["gv"][0] @ film["world"][0].transpose(-1, -2)
    torch.testing.assert_close(root.rotation, to_first @ film["world"], atol=2e-4, rtol=0)
    path = (film["path"] - film["path"][0]) @ to_first.T
    torch.testing.assert_close(root.transl, path, atol=2e-3, rtol=0)


def test_the_late_yaw_of_the_release_differs_where_the_camera_speeds_up_and_nowhere_else():
    exact = replace(OfficialQuirks(), late_yaw=False)
    steady = filmed(0.02 * torch.arange(80.0))
    torch.testing.assert_close(rolled(steady, exact).rotation, rolled(steady).rotation, atol=1e-4, rtol=0)
    faster = filmed(0.001 * torch.arange(80.0) ** 2)
    assert float((rolled(faster, exact).rotation - rolled(faster).rotation).abs().max()) > 1e-3


def test_frame_by_frame_agrees_with_the_whole_where_smoothing_changes_nothing():
    film = filmed(0.015 * torch.arange(60.0))
    frames = list(zip(film["gv"], film["camera"], film["velocity"], film["turn"], strict=True))
    state = rollout.stream_start(*frames[0])
    for frame in frames[1:]:
        state = rollout.stream_step(state, *frame)
    whole = rolled(film)
    torch.testing.assert_close(state.rotation, whole.rotation[-1], atol=1e-4, rtol=0)
    torch.testing.assert_close(state.transl, whole.transl[-1], atol=1e-4, rtol=0)


@pytest.mark.parametrize("shape", [(3,), (1, 3)])
def test_the_path_begins_where_it_is_told(shape):
    start = torch.tensor([1.0, 2.0, 3.0]).reshape(shape)
    velocity = torch.full((5, 3), 0.1)
    path = rollout.roll_out_translation(velocity, torch.eye(3).expand(5, 3, 3), start)
    torch.testing.assert_close(path[0], torch.tensor([1.0, 2.0, 3.0]))
    torch.testing.assert_close(path[-1], torch.tensor([1.4, 2.4, 3.4]))


def test_axis_angle_roots_give_the_same_world():
    film = filmed(0.01 * torch.arange(40.0))
    root = rollout.world_root(
        matrix_to_axis_angle(film["gv"]), matrix_to_axis_angle(film["camera"]), film["velocity"], film["turn"]
    )
    torch.testing.assert_close(root.rotation, rolled(film).rotation, atol=1e-4, rtol=0)
    torch.testing.assert_close(axis_angle_to_matrix(root.global_orient), root.rotation, atol=1e-5, rtol=0)
