"""The figures of tools/measure_edits.py on motions whose answer is known."""

import numpy as np
import pytest

from genmo_blender.motion import rotations as rot
from genmo_blender.motion.skeleton import canonical
from tools import measure_edits


def waving(angle: float, frames: int = 90) -> measure_edits.Motion:
    rotations = np.tile(rot.IDENTITY, (frames, 22, 1))
    turn = np.zeros((frames, 3))
    turn[:, 2] = angle * np.sin(2 * np.pi * np.arange(frames) / 30)
    rotations[:, 17] = rot.from_rotation_vector(turn)
    return rotations, np.tile([0.0, canonical().pelvis_height, 0.0], (frames, 1))


def test_half_a_swing_is_a_half():
    assert measure_edits.swings(waving(1.0), waving(1.0)) == pytest.approx([1.0] * 6)
    assert np.mean(measure_edits.swings(waving(0.6), waving(0.3))) == pytest.approx(0.5, abs=0.1)


def test_the_table_names_the_worst_clip_and_counts_what_is_met():
    table = measure_edits.Table()
    for value, clip in ((0.2, "good"), (0.9, "bad")):
        table.add("slide", 0.5, value, clip)
    line = list(table.lines())[1]
    assert line.endswith("bad") and "1/2" in line
