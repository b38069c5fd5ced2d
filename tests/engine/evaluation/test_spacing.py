"""Few steps against many, by where they lie (engine/evaluation/spacing.py)."""

from __future__ import annotations

import numpy as np
import pytest

from genmo_blender.engine.evaluation import spacing
from genmo_blender.engine.pipeline import Pipeline

PROMPTS = ["a person jumps up", "someone kicks with the left foot"]


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> Pipeline:
    return Pipeline.load(cache_folder=tmp_path_factory.mktemp("prompts"))


def test_steps_by_noise_come_nearer_to_many_and_more_come_nearer_still(pipeline: Pipeline):
    found = {(row.steps, row.by_noise): row for row in spacing.rows(pipeline, PROMPTS, [6, 12], many=60)}
    for steps in (6, 12):
        assert found[steps, True].error < 0.85 * found[steps, False].error
    assert 0.0 < found[12, True].error < found[6, True].error
    assert abs(found[12, True].amount - 1.0) < 0.15


def test_the_many_are_their_own_measure(pipeline: Pipeline):
    row = spacing.rows(pipeline, PROMPTS[:1], [20], many=20)[1]
    assert row.by_noise and row.error < 1e-6 and np.isclose(row.amount, 1.0)


def test_a_model_that_is_not_there_is_told_in_a_sentence(tmp_path, capsys):
    assert spacing.main(["--model", str(tmp_path / "none.safetensors")]) == 1
    assert "none.safetensors" in capsys.readouterr().err
