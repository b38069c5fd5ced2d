"""Running the rules: takes in, table and JSON out. The generator here hands out real clips."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from genmo_blender.engine.evaluation import command
from genmo_blender.engine.evaluation.baseline import RealMotion, real_motion
from genmo_blender.engine.evaluation.quality import NearestWindows, every, smoothness, window_rows
from genmo_blender.engine.evaluation.rules import load_rules
from genmo_blender.engine.evaluation.rules_report import grounded_joints, joints_of, judge, run_rules
from genmo_blender.protocol.failures import GenmoFailure
from genmo_blender.protocol.motions import Take
from tests.engine.evaluation.clips import FOLDER, take

PROMPTS = [p for p in load_rules()[0] if p.id in ("walk", "walk_novel", "kick_right", "kick_left_novel")]


def one_walk_one_kick(prompt: str, seconds: float, seeds: Sequence[int]) -> list[Take]:
    names = ("cmu_16_15", "qcy_kick_right")
    return [take(names[i % 2], seed) for i, seed in enumerate(seeds)]


def test_the_report_counts_what_the_takes_do(tmp_path: Path) -> None:
    said: list[str] = []
    report = run_rules(one_walk_one_kick, tmp_path, seeds=(1, 2, 3, 4), prompts=PROMPTS, draw=False, say=said.append)
    by_id = {p["id"]: p for p in report["prompts"]}
    assert [by_id[p.id]["delivered_passed"] for p in PROMPTS] == [2, 2, 2, 0]
    assert report["rules"]["all"]["delivered"] == {"passed": 6, "takes": 16, "share": 6 / 16}
    assert report["rules"]["left_right"]["raw"] == {"passed": 2, "takes": 8, "share": 0.25}
    assert report == json.loads((tmp_path / "rules.json").read_text())
    assert report["prompt_rules_sha256"] in said[0]
    with np.load(tmp_path / "takes.npz") as arrays:
        assert arrays["walk/1/rotations"].shape == (118, 22, 4)


def test_delivered_takes_are_judged_as_they_come_and_raw_ones_on_the_floor(tmp_path: Path) -> None:
    def float_up(t: Take) -> Take:
        return replace(t, transl=t.transl + np.array([0, 0.5, 0], np.float32))

    def squat(prompt: str, seconds: float, seeds: Sequence[int]) -> list[Take]:
        return [take("qua_male_sit_stand", s) for s in seeds]

    prompts = [p for p in load_rules()[0] if p.id == "sit"]
    report = run_rules(squat, tmp_path, deliver=float_up, seeds=(1,), prompts=prompts, draw=False, say=str)
    assert report["prompts"][0]["raw_passed"] == 1 and report["prompts"][0]["delivered_passed"] == 0
    assert np.allclose(grounded_joints(float_up(take("cmu_16_15"))), grounded_joints(take("cmu_16_15")), atol=1e-5)


def test_real_motion_stands_beside_the_takes_and_copies_are_seen(tmp_path: Path) -> None:
    walk, kick = joints_of(take("cmu_16_15")), joints_of(take("qcy_kick_right"))
    nearest = NearestWindows([walk])
    held = nearest.distances(window_rows(kick, every(kick, 5)))
    quality = smoothness([walk])
    real = RealMotion(quality, quality, {p.id: (0.2, 3) for p in PROMPTS}, nearest, held)
    prompts = PROMPTS[:1]
    report = run_rules(one_walk_one_kick, tmp_path, real=real, seeds=(1, 2), prompts=prompts, draw=False, say=str)
    near = report["nearest_m"]
    assert near["validation_5th_percentile"] == pytest.approx(float(np.percentile(held, 5)))
    assert report["prompts"][0]["nearest_m"][0] < 0.03 < report["prompts"][0]["nearest_m"][1]
    assert near["takes_at_or_above_limit"] == 0.5
    assert report["smoothness"]["real_same_actions"]["jerk"] == quality.jerk
    assert report["spread_m"]["real_pairs"] == pytest.approx(0.2)


def test_real_motion_needs_both_splits() -> None:
    with pytest.raises(GenmoFailure, match="split 'val'"):
        real_motion([FOLDER], PROMPTS)


def test_the_baseline_measures_the_same_actions_and_clips_that_share_a_caption(tmp_path: Path) -> None:
    data = json.loads((FOLDER / "clips.json").read_text())
    for clip in data["clips"]:
        clip["split"] = "val" if clip["id"] == "cmu_16_17" else "train"
    (tmp_path / "clips.json").write_text(json.dumps(data))
    for name in ("skeleton.json", "train_00.npz"):
        (tmp_path / name).write_bytes((FOLDER / name).read_bytes())
    real = real_motion([tmp_path], PROMPTS)
    # Two clips are captioned "a person walks forward" by measurement; the kick has no partner.
    assert real.spread["walk"][1] >= 1 and 0.02 < real.spread["walk"][0] < 1.0
    assert real.spread["kick_right"][1] == 0 and np.isnan(real.spread["kick_right"][0])
    assert 0 < real.copy_limit < 0.5 and real.matched.motions == 5
    assert len(real.nearest.rows) > 200


def test_judging_names_what_was_broken() -> None:
    walk = next(p for p in load_rules()[0] if p.id == "walk")
    assert judge(walk, joints_of(take("cmu_16_15"))) == ()
    assert "forward_speed" in judge(walk, joints_of(take("idle_002_acted_0")))


def options(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    return parser.parse_args(words)


def test_the_freeze_check_prints_hashes_and_a_line_for_each_rule(capsys: pytest.CaptureFixture[str]) -> None:
    code = command.rules(options("--freeze-check", "--data", str(FOLDER)))
    text = capsys.readouterr().out
    assert code == 1, "thirteen clips cannot carry every rule"
    assert "rules sha256" in text and "kick_side" in text


@pytest.mark.parametrize("words", ["--freeze-check", "--only no_such_prompt", "--freeze-check --data nowhere"])
def test_what_cannot_be_run_is_said_in_a_sentence(words: str) -> None:
    with pytest.raises(GenmoFailure):
        command.rules(options(*words.split()))
