"""The 151-D code: there and back, and what the release's velocity loses."""

import pytest
import torch

from genmo_blender.engine.representation import codec
from genmo_blender.engine.representation.gravity_view import camera_to_gravity_view
from genmo_blender.engine.representation.rollout import roll_out_translation
from genmo_blender.engine.representation.rotations import axis_angle_to_matrix


@pytest.fixture
def motion() -> dict[str, torch.Tensor]:
    g = torch.Generator().manual_seed(3)
    camera = axis_angle_to_matrix(torch.randn(3, generator=g) * 0.4)
    orient = torch.cumsum(torch.randn(2, 30, 3, generator=g) * 0.1, dim=1)
    return {
        "body_pose": torch.randn(2, 30, 63, generator=g) * 0.4,
        "betas": torch.randn(2, 1, 10, generator=g).expand(2, 30, 10),
        "global_orient_c": orient * 0.7,
        "global_orient_w": orient,
        "transl_w": torch.cumsum(torch.randn(2, 30, 3, generator=g) * 0.05, dim=1),
        "r_c2gv": camera_to_gravity_view(camera).expand(2, 30, 3, 3),
    }


def test_a_motion_survives_encoding_and_decoding(motion):
    statistics = codec.official_statistics()
    decoded = codec.decode(codec.encode(**motion, statistics=statistics), statistics)
    for name in ("body_pose", "global_orient"):
        given = motion["global_orient_c" if name == "global_orient" else name]
        got, want = (axis_angle_to_matrix(x.unflatten(-1, (-1, 3))) for x in (getattr(decoded, name), given))
        torch.testing.assert_close(got, want, atol=1e-5, rtol=0)
    torch.testing.assert_close(decoded.betas, motion["betas"], atol=1e-5, rtol=0)
    gv = motion["r_c2gv"] @ axis_angle_to_matrix(motion["global_orient_c"])
    torch.testing.assert_close(axis_angle_to_matrix(decoded.global_orient_gv), gv, atol=1e-5, rtol=0)


@pytest.mark.parametrize(("bug", "error"), [(False, (0.0, 1e-5)), (True, (0.01, 10.0))])
def test_only_the_sane_velocity_rolls_out_to_the_same_path(motion, bug, error):
    root, path = axis_angle_to_matrix(motion["global_orient_w"]), motion["transl_w"]
    velocity = codec.local_velocity(path, root, without_transpose=bug)
    again = roll_out_translation(velocity, root, path[:, :1])
    assert error[0] <= float((again - path).abs().max()) <= error[1]


def test_a_single_frame_stands_still():
    velocity = codec.local_velocity(torch.ones(1, 3), torch.eye(3).expand(1, 3, 3))
    torch.testing.assert_close(velocity, torch.zeros(1, 3))


def test_the_official_statistics_keep_a_scale_for_six_shape_channels_alone():
    statistics = codec.official_statistics()
    scaled = torch.nonzero(statistics.std != 1.0).squeeze(-1).tolist()
    assert scaled == [128, 129, 130, 131, 133, 135]
    assert statistics.mean.shape == statistics.std.shape == (codec.DIM,)


def test_matrices_and_axis_angle_say_the_same(motion):
    statistics = codec.Statistics(torch.randn(151), torch.rand(151) + 0.5)
    code = codec.encode(**motion, statistics=statistics)
    parts, decoded = codec.decode_rotations(code, statistics), codec.decode(code, statistics)
    body = axis_angle_to_matrix(decoded.body_pose.unflatten(-1, (21, 3)))
    torch.testing.assert_close(body, parts.body, atol=1e-5, rtol=0)
    again = codec.encode_rotations(
        parts.body, parts.betas, parts.root_camera, parts.root_gv, parts.local_transl_vel, statistics
    )
    torch.testing.assert_close(again, code, atol=1e-5, rtol=0)
