"""The licensed body's file format, on a synthetic body with its field names."""

from pathlib import Path

import numpy as np
import pytest
import torch

from genmo_blender.engine.body.kinematics import forward_kinematics, rest_offsets
from genmo_blender.engine.body.smplx_body import FIELDS, LiteBody, SmplxBody, body_from_arrays, load_smplx
from genmo_blender.engine.representation.rotations import axis_angle_to_matrix
from genmo_blender.protocol.failures import ModelFailure

BODY = Path(__file__).parents[2] / "data" / "parity" / "body_open.npz"


@pytest.fixture(scope="module")
def arrays() -> dict[str, np.ndarray]:
    with np.load(BODY) as data:
        return {name: data[name] for name in data.files if name != "meta"}


@pytest.fixture(scope="module")
def body() -> SmplxBody:
    return load_smplx(BODY)


def test_at_rest_the_mesh_is_the_template(body):
    zeros = torch.zeros(1, 55, 3)
    vertices = body.vertices(zeros, torch.zeros(1, 10), torch.zeros(1, 3))
    torch.testing.assert_close(vertices[0], body.v_template, atol=1e-6, rtol=0)


def test_the_root_stands_at_translation_plus_rest_place(body):
    betas, transl = torch.randn(4, 10), torch.randn(4, 3)
    joints = body.joints22(torch.randn(4, 63) * 0.3, betas, torch.randn(4, 3), transl)
    torch.testing.assert_close(joints[:, 0], body.rest_joints(betas)[:, 0] + transl)


def test_without_orientation_and_translation_the_root_rests(body):
    betas = torch.zeros(1, 10)
    torch.testing.assert_close(body.joints22(torch.zeros(1, 63), betas)[0], body.joints_template[:22])


def test_the_first_22_joints_are_the_same_with_and_without_hands(body):
    pose, orient, betas = torch.randn(2, 63) * 0.3, torch.randn(2, 3) * 0.3, torch.randn(2, 10) * 0.3
    all_joints = axis_angle_to_matrix(body.full_pose(pose, orient))
    whole = forward_kinematics(all_joints, rest_offsets(body.rest_joints(betas), body.parents), body.parents)[1]
    torch.testing.assert_close(whole[:, :22], body.joints22(pose, betas, orient), atol=1e-5, rtol=0)


def test_the_lite_body_picks_from_the_whole_mesh(arrays, body):
    ids, regressor = torch.from_numpy(arrays["verts437_ids"]), torch.from_numpy(arrays["coco17_regressor"])
    lite = LiteBody.build(body, ids, regressor)
    pose, orient, betas, transl = torch.randn(2, 63) * 0.3, torch.randn(2, 3), torch.randn(2, 10), torch.randn(2, 3)
    vertices, coco = lite(pose, betas, orient, transl)
    whole = body.vertices(body.full_pose(pose, orient), betas, transl)
    torch.testing.assert_close(vertices, whole[:, ids], atol=1e-5, rtol=0)
    torch.testing.assert_close(coco, regressor @ whole, atol=1e-4, rtol=0)
    assert len(lite.coco_ids) <= len(body.v_template)


def test_soles_lie_below_ankles_and_feet_alone(body):
    clearance = body.sole_clearance()
    assert bool((clearance[[7, 8, 10, 11]] >= 0).all())
    others = [j for j in range(22) if j not in (7, 8, 10, 11)]
    torch.testing.assert_close(clearance[others], torch.zeros(len(others)))


def test_more_shape_directions_than_ten_are_left_out(arrays, body):
    extra = np.concatenate([arrays["shapedirs"], np.ones_like(arrays["shapedirs"])], axis=-1)
    again = body_from_arrays({**arrays, "shapedirs": extra})
    torch.testing.assert_close(again.shapedirs, body.shapedirs)


def test_a_missing_field_is_named(arrays):
    with pytest.raises(ModelFailure, match="lacks posedirs"):
        body_from_arrays({name: arrays[name] for name in FIELDS if name != "posedirs"})


@pytest.mark.parametrize(
    ("name", "shape"), [("weights", (440, 24)), ("shapedirs", (440, 3, 4)), ("kintree_table", (2, 24))]
)
def test_an_array_that_does_not_fit_is_named(arrays, name, shape):
    with pytest.raises(ModelFailure, match=f"no SMPL-X body: {name}"):
        body_from_arrays({**arrays, name: np.zeros(shape)})


def test_a_missing_file_has_its_sentence(tmp_path):
    with pytest.raises(ModelFailure, match="no body file"):
        load_smplx(tmp_path / "SMPLX_NEUTRAL.npz")


@pytest.mark.parametrize("kept", [0, 4, 1000, 200_000])
def test_a_file_cut_short_has_its_sentence(tmp_path, kept):
    path = tmp_path / "SMPLX_NEUTRAL.npz"
    path.write_bytes(BODY.read_bytes()[:kept])
    with pytest.raises(ModelFailure, match="cannot be read"):
        load_smplx(path)


def test_a_file_of_another_kind_has_its_sentence(tmp_path):
    path = tmp_path / "SMPLX_NEUTRAL.npz"
    with open(path, "wb") as file:
        np.save(file, np.zeros(3))
    with pytest.raises(ModelFailure, match="cannot be read"):
        load_smplx(path)


def test_pickled_fields_are_never_opened(tmp_path, arrays):
    class Trap:
        def __reduce__(self):
            return (print, ("code of the file ran",))

    path = tmp_path / "SMPLX_NEUTRAL.npz"
    np.savez(path, **{name: arrays[name] for name in FIELDS}, joint2num=np.array([Trap()], dtype=object))
    assert len(load_smplx(path).v_template) == len(arrays["v_template"])
    np.savez(path, **{**{name: arrays[name] for name in FIELDS}, "weights": np.array([Trap()], dtype=object)})
    with pytest.raises(ModelFailure, match="cannot be read"):
        load_smplx(path)
