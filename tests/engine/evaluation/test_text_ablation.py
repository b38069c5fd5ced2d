"""Two prompts in one range, told in different ways: what each arm hears, and how halves are judged."""

from __future__ import annotations

import json

import numpy as np
import pytest

from genmo_blender.engine.__main__ import main
from genmo_blender.engine.checkpoint import save_checkpoint
from genmo_blender.engine.evaluation import text_ablation
from genmo_blender.engine.evaluation.rules import load_rules
from genmo_blender.model.windows import frame_weights
from genmo_blender.protocol.failures import RequestFailure
from tests.engine.evaluation.clips import clips
from tests.engine.test_pipeline import checkpoint


@pytest.mark.parametrize("count", [2, 10, 20, 40])
def test_every_prompt_is_once_first_and_once_second_beside_another_wish(count: int) -> None:
    pairs = text_ablation.pairs_of(load_rules()[0], count)
    assert len({a.id for a, _ in pairs}) == len({b.id for _, b in pairs}) == count
    assert all((a.rule.name, a.side) != (b.rule.name, b.side) for a, b in pairs)


@pytest.mark.parametrize("count", [1, 41])
def test_as_many_pairs_as_cannot_be_made_are_refused(count: int) -> None:
    with pytest.raises(RequestFailure, match="pairs"):
        text_ablation.pairs_of(load_rules()[0], count)


def test_each_arm_is_told_what_its_name_says() -> None:
    known = {p.id: p for p in load_rules()[0]}
    pair = (known["walk"], known["wave_right"])  # 4 s and 3 s

    def weights(arm: str) -> np.ndarray:
        return frame_weights(text_ablation.spans_of(pair, arm), 211)

    windows = weights("windows")
    assert np.allclose(windows.sum(0), 1.0, atol=0.01) and windows[0, :110].all() and windows[1, 130:].all()
    assert not windows[1, :110].any() and not windows[0, 130:].any()
    assert (weights("everywhere") == 1.0).all() and (weights("halved") == 0.5).all()
    assert [s.text for s in text_ablation.spans_of(pair, "first")] == ["a person walks forward"]
    assert "forward, then a person waves" in text_ablation.spans_of(pair, "sentence")[0].text


def test_halves_are_judged_by_their_own_prompts_and_by_each_others() -> None:
    known = {p.id: p for p in load_rules()[0]}
    pair = (known["walk"], known["wave_right"])
    walking = clips()["cmu_16_15"].joints()
    still = np.repeat(walking[:1], 60, axis=0)
    walk, other = text_ablation.judge(pair[0], walking), text_ablation.judge(pair[0], still)
    assert not walk and other
    row = text_ablation.judged("windows", [pair], [(walking, still), (still, walking)])
    assert (row.takes, row.first, row.second, row.both) == (2, 0.5, 0.0, 0.0)
    assert row.swapped == 0.25, "one of four halves walks where it should wave"


def test_the_command_writes_a_row_for_each_arm(tmp_path, capsys) -> None:
    save_checkpoint(tmp_path / "tiny.safetensors", checkpoint())
    out = tmp_path / "rows.jsonl"
    arguments = ["ablate", "texts", "--model", str(tmp_path / "tiny.safetensors"), "--pairs", "2", "--seeds", "1"]
    assert main([*arguments, "--arms", "windows", "alone", "--out", str(out)]) == 0
    rows = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    assert [row["arm"] for row in rows] == ["windows", "alone"] and all(row["takes"] == 2 for row in rows)
    assert "swapped" in capsys.readouterr().out
    assert main([*arguments, "--arms", "guided"]) == 1
    assert "has no arm guided" in capsys.readouterr().err
    assert main(["ablate", "modes"]) == 1
    assert "Give --data" in capsys.readouterr().err
