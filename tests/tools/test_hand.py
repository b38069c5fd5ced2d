"""What `bench --hand` calls a pop, and how it counts (tools/hand, tools/figures.py)."""

from __future__ import annotations

import numpy as np
import pytest

from tools.figures import Table
from tools.hand.command import measure_hand
from tools.hand.pops import sharpening, speeding, speeding_mean


def walking(frames: int = 60) -> np.ndarray:
    """22 joints going on evenly at 1 m/s, seen 30 times a second."""
    joints = np.zeros((frames, 22, 3))
    joints[:, :, 2] = np.arange(frames)[:, None] / 30.0
    return joints


def test_even_motion_does_not_pop_and_a_jump_does():
    joints = walking()
    assert speeding(joints, 30.0, [20, 40]) == pytest.approx(1.0)
    joints[20:, 5, 2] += 0.02
    assert speeding(joints, 30.0, [20]) == pytest.approx(1.6)
    assert speeding(joints, 30.0, [40]) == pytest.approx(1.0)
    assert speeding_mean(joints, 30.0, [20]) == pytest.approx(1.0 + 0.6 / 22)


def test_a_kink_is_sharper_than_what_is_beside_it():
    t = np.arange(60)[:, None, None] / 30.0
    joints = np.sin(2 * t + np.arange(22)[:, None]) * np.ones(3)
    assert sharpening(joints, [30]) == pytest.approx(1.0, abs=0.1)
    joints[30] += 0.01
    assert sharpening(joints, [30]) > 3


def test_a_table_counts_what_meets_its_bar():
    table = Table()
    for value in (1.0, 2.0, 4.0):
        table.add("low", 2.0, value, f"clip {value}")
        table.add("high", 2.0, value, f"clip {value}", least=True)
        table.add("told", None, value, f"clip {value}")
    low, high, told = list(table.lines())[1:]
    assert (
        "2/3" in low and low.endswith("clip 4.0") and "2/3" in high and high.endswith("clip 1.0") and "/3" not in told
    )


def test_an_unknown_part_is_refused(capsys):
    with pytest.raises(SystemExit):
        measure_hand(["pack.npz", "--parts", "nonsense"])
    assert "nonsense" in capsys.readouterr().err
