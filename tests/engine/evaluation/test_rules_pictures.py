"""Contact strips show the body where it is, left red and right blue."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from genmo_blender.engine.evaluation import pictures
from genmo_blender.motion import rotations
from genmo_blender.motion.skeleton import canonical
from genmo_blender.protocol.failures import StorageFailure
from tests.engine.evaluation.clips import clips

REST = np.tile(rotations.IDENTITY, (22, 1))
STANDING = np.array([0.0, canonical().pelvis_height, 0.0])


def red_and_blue(cell: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Columns of the pixels of the left and of the right side."""
    r, b = cell[..., 0].astype(int), cell[..., 2].astype(int)
    return np.nonzero(r - b > 40)[1], np.nonzero(b - r > 40)[1]


def test_skinning_at_rest_gives_the_rest_body_and_moves_with_the_pelvis() -> None:
    at_rest = pictures.skinned(REST, STANDING)
    with np.load(Path(pictures.assets_folder()) / "body.npz") as body:
        assert np.allclose(at_rest, body["vertices"], atol=2e-3)
    assert np.allclose(pictures.skinned(REST, STANDING + [1, 2, 3]) - at_rest, [1, 2, 3], atol=1e-4)


def test_a_raised_left_arm_takes_its_vertices_along() -> None:
    pose = REST.copy()
    pose[16] = rotations.from_rotation_vector(np.array([0.0, 0.0, 1.2]))
    assert pictures.skinned(pose, STANDING)[:, 1].max() > pictures.skinned(REST, STANDING)[:, 1].max() + 0.1


def test_left_is_red_and_on_the_right_of_a_picture_from_the_front() -> None:
    red, blue = red_and_blue(pictures.draw_body(REST, STANDING, 150, 132))
    assert len(red) > 300 and len(blue) > 300
    assert np.mean(red) > np.mean(blue) + 10


def test_a_body_in_the_air_is_drawn_higher() -> None:
    def top(height: float) -> int:
        cell = pictures.draw_body(REST, STANDING + [0.0, height, 0.0], 150, 132)
        return int(np.nonzero(np.abs(cell.astype(int) - pictures.PAPER).sum(axis=2) > 90)[0].min())

    assert top(0.0) - top(0.2) == pytest.approx(0.2 * 132 / pictures.HEIGHT, abs=2)


def test_a_sheet_holds_a_strip_for_each_take(tmp_path: Path) -> None:
    clip = clips()["cmu_16_05"]
    figures = [pictures.Figure(clip.rotations, clip.transl, f"take {i}", bool(i)) for i in range(2)]
    one, both = pictures.strip(figures[0], cells=3), pictures.contact_sheet(figures, "jump", cells=3)
    assert both.height == 20 + 2 * one.height and both.width == one.width
    pictures.save(both, tmp_path / "new folder" / "jump.png")
    assert (tmp_path / "new folder" / "jump.png").read_bytes()[:4] == b"\x89PNG"


def test_a_picture_that_cannot_be_written_is_said_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    clip = clips()["cmu_16_35"]
    with pytest.raises(StorageFailure, match="could not be written"):
        pictures.save(pictures.strip(pictures.Figure(clip.rotations, clip.transl), 1), tmp_path / "file" / "a.png")
