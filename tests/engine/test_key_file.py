"""Files of keys for the command line: what is wrong with one is said of the keys, not of the length it would make."""

from __future__ import annotations

import numpy as np
import pytest

from genmo_blender.engine.key_file import read_keys
from genmo_blender.protocol.failures import RequestFailure


def written(folder, count: int, **change):
    arrays = {
        "time": np.arange(count, dtype=float),
        "root_orient": np.zeros((count, 3)),
        "pose_body": np.zeros((count, 63)),
        "trans": np.zeros((count, 3)),
        "betas": np.zeros(10),
        "joint_mask": np.ones((count, 22), dtype=bool),
    }
    np.savez(folder / "keys.npz", **(arrays | change))
    return folder / "keys.npz"


def test_a_file_of_keys_is_read(tmp_path):
    assert read_keys(written(tmp_path, 3)).time.tolist() == [0.0, 1.0, 2.0]


@pytest.mark.parametrize(
    ("count", "change", "code"),
    [
        (3, {"time": np.array([0.0, np.nan, 2.0])}, "keys_not_finite"),
        (3, {"time": np.array([0.0, 1.0, np.inf])}, "keys_not_finite"),
        (0, {}, "no_keys"),
        (3, {"joint_mask": np.zeros((3, 22), dtype=bool)}, "no_keys"),
    ],
)
def test_keys_without_times_or_poses_are_refused_as_keys(tmp_path, count, change, code):
    with pytest.raises(RequestFailure) as told:
        read_keys(written(tmp_path, count, **change))
    assert told.value.code == code and told.value.remedy
