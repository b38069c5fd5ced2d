"""The whole evaluation, quick, on a tiny random network: what it writes, that it repeats, that faults stay apart."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import torch

from genmo_blender.engine.__main__ import main
from genmo_blender.engine.checkpoint import save_checkpoint
from genmo_blender.engine.conditions.minilm import load_minilm
from genmo_blender.engine.evaluation.evaluate import command
from genmo_blender.engine.evaluation.evaluate.section import MEAN_POSE, NEAREST, RANDOM, REAL
from genmo_blender.engine.evaluation.matching.network import Evaluator, save_evaluator
from genmo_blender.motion.skeleton import assets_folder
from tests.engine.conditions.sounds import RATE, clicks, write_wave
from tests.engine.evaluation.held_out import folder_with_held_out
from tests.engine.test_pipeline import checkpoint


@pytest.fixture(scope="module")
def given(tmp_path_factory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("evaluation")
    save_checkpoint(folder / "tiny.safetensors", checkpoint())
    torch.manual_seed(0)
    encoder = load_minilm(assets_folder() / "text_encoder")
    record = {"text_encoder": encoder.name, "text_encoder_sha256": encoder.sha256}
    save_evaluator(folder / "evaluator.safetensors", Evaluator(), record)
    (folder / "songs").mkdir()
    for name, bpm in (("trumpet_90bpm", 90.0), ("vibe_ace", 129.0)):
        write_wave(folder / "songs" / f"{name}.wav", clicks(bpm, 9.0), RATE)
    folder_with_held_out(folder / "motion")
    return {name: folder / name for name in ("tiny.safetensors", "evaluator.safetensors", "songs", "motion")}


def run(given: dict[str, Path], out: Path, *more: str) -> int:
    return main([
        "evaluate", "--model", str(given["tiny.safetensors"]), "--evaluator", str(given["evaluator.safetensors"]),
        "--data", str(given["motion"]), "--songs", str(given["songs"]), "--quick", "--steps", "4", "--out", str(out),
        *more,
    ])  # fmt: skip


@pytest.fixture(scope="module")
def written(given, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("out é")
    assert run(given, out) == 0
    return out


def test_every_section_has_figures_beside_real_baselines(written: Path) -> None:
    record = json.loads((written / command.JSON).read_text(encoding="utf-8"))
    assert list(record["sections"]) == list(command.SECTIONS)
    figures = {name: {f["name"]: f for f in section["figures"]} for name, section in record["sections"].items()}
    text = figures["text"]
    for name in ("R@1", "R@3", "KID", "FID", "MM-distance"):
        assert set(text[name]["baselines"]) == {REAL, MEAN_POSE, RANDOM, NEAREST}
        assert all(value is not None for value in text[name]["baselines"].values())
    still = text["takes that do what the prompt says, delivered"]["baselines"]
    assert 0 <= still[MEAN_POSE] < still[REAL] <= 100
    keys = figures["keys"]
    assert keys["L2P, gap of 15"]["baselines"]["slerp"] < keys["L2P, gap of 60"]["baselines"]["slerp"]
    assert keys["L2P, gap of 15"]["bar"]["limit"] == pytest.approx(
        0.75 * keys["L2P, gap of 15"]["baselines"]["slerp"], rel=1e-4
    )
    assert keys["L2P, gap of 120"]["bar"] is None
    assert figures["music"]["beat alignment"]["baselines"][MEAN_POSE] == 0.0
    assert figures["music"]["amount of motion"]["baselines"][MEAN_POSE] == 0.0
    assert figures["quality"]["jerk, raw"]["value"] > figures["quality"]["jerk, raw"]["baselines"][REAL] > 0
    estimation = figures["estimation"]
    for name, others in (("PA-MPJPE", 50.0), ("MPJPE", 75.0)):
        assert estimation[name]["bar"]["limit"] == others < estimation[name]["value"]
        assert set(estimation[name]["baselines"]) == {MEAN_POSE, "nearest training window", "one pass"}
    assert len(record["sections"]["estimation"]["plots"]) == 3
    robustness = figures["robustness"]
    assert {"no words", "another prompt's takes"} < set(robustness["rules kept, in capitals"]["baselines"])
    noise = robustness["noise as loud as the music: distance from the clean dance"]["baselines"]
    assert set(noise) == {"another seed", "another song"} and noise["another seed"] > 0
    assert len(record["sections"]["robustness"]["plots"]) == 7
    assert {f["name"] for f in record["sections"]["steps"]["figures"]} >= {"default number of steps"}
    bars = [f["bar"] for section in figures.values() for f in section.values() if f["bar"]]
    assert len(bars) >= 12 and {b["met"] for b in bars} <= {True, False}


def test_the_page_holds_every_figure_and_needs_nothing_else(written: Path) -> None:
    text = (written / command.HTML).read_text(encoding="utf-8")
    record = json.loads((written / command.JSON).read_text(encoding="utf-8"))
    for section in record["sections"].values():
        assert section["title"] in text
        for figure in section["figures"]:
            assert figure["name"].replace("'", "&#x27;") in text
    assert "<svg" in text and "<script" not in text and "nan" not in text
    assert re.findall(r'(?:src|href)="([^"]+)"', text) == ["failures.html"]


def test_best_median_and_worst_takes_are_shown_with_their_prompts(written: Path) -> None:
    text = (written / "failures.html").read_text(encoding="utf-8")
    pictures = re.findall(r'src="([^"]+)"', text)
    assert pictures and all((written / p).read_bytes()[:3] == b"\xff\xd8\xff" for p in pictures)


def test_the_same_seed_writes_the_same_bytes_and_sections_do_not_depend_on_one_another(
    given, written, tmp_path
) -> None:
    assert run(given, tmp_path, "--sections", "keys,music,robustness") == 0
    first, second = (json.loads((p / command.JSON).read_text(encoding="utf-8")) for p in (written, tmp_path))
    assert second["sections"] == {name: first["sections"][name] for name in ("keys", "music", "robustness")}
    assert not (tmp_path / "failures.html").exists()


def test_a_section_that_fails_is_told_and_the_others_stand(given, tmp_path, capsys) -> None:
    given = {**given, "songs": given["motion"]}
    assert run(given, tmp_path, "--sections", "music,keys") == 1
    record = json.loads((tmp_path / command.JSON).read_text(encoding="utf-8"))
    assert "songs" in record["sections"]["music"]["error"] and record["sections"]["keys"]["figures"]
    assert "Not measured" in (tmp_path / command.HTML).read_text(encoding="utf-8")
    assert "NOT MEASURED" in capsys.readouterr().out


def test_an_unexpected_fault_is_told_as_well(given, tmp_path, monkeypatch) -> None:
    from genmo_blender.engine.evaluation.evaluate import keys

    def broken(context: object) -> None:
        raise ZeroDivisionError("by nothing")

    monkeypatch.setattr(keys, "measure", broken)
    assert run(given, tmp_path, "--sections", "keys") == 1
    record = json.loads((tmp_path / command.JSON).read_text(encoding="utf-8"))
    assert record["sections"]["keys"]["error"] == "ZeroDivisionError: by nothing"


def test_an_unknown_section_and_a_missing_evaluator_are_told_in_a_sentence(given, tmp_path, capsys) -> None:
    assert run(given, tmp_path, "--sections", "smell") == 1
    assert "smell" in capsys.readouterr().err
    assert run({**given, "evaluator.safetensors": tmp_path / "none"}, tmp_path, "--sections", "steps") == 1
    assert "train-evaluator" in capsys.readouterr().out
