"""Runs that are compared: what each arm learns from, and what is told of it."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from genmo_blender.engine.__main__ import main
from genmo_blender.engine.checkpoint import save_checkpoint
from genmo_blender.engine.evaluation import ablation
from genmo_blender.engine.evaluation.stripped import stripped
from genmo_blender.engine.training.command import checkpoint_of
from genmo_blender.engine.training.corpus import build, statistics_of
from genmo_blender.engine.training.flat import captions_of
from genmo_blender.engine.training.importers import shards
from genmo_blender.engine.training.mixture import Shares
from genmo_blender.engine.training.state import new_state
from tests.engine.training import curve

DATA = Path(__file__).parents[2] / "data" / "motion"


def small(**changes):
    tried = curve.small_preset(batch=8, **changes)
    return replace(tried, network=replace(tried.network, sentence_kinds=16))


@pytest.fixture(scope="module")
def given():
    clips = shards.load(DATA)
    kept, rest = ablation.halves(clips, 0)
    corpus = build(kept, captions_of(stripped(rest, 0)))
    held_out = build(kept[:1])
    features = [torch.randn(len(c.sentences), 4, 8).half() for c in (corpus, held_out)]
    kinds = ablation.kinds_for(small(), corpus, features[0])
    assert kinds
    return ablation.Material(corpus, features[0], tuple(rest), held_out, features[1], kinds)


def test_halves_are_all_clips_once_and_others_for_another_seed():
    clips = shards.load(DATA)
    first, second = ablation.halves(clips, 0)
    assert {c.id for c in first} | {c.id for c in second} == {c.id for c in clips} and abs(len(first) - len(second)) < 2
    assert [c.id for c in first] != [c.id for c in ablation.halves(clips, 1)[0]]


def test_an_arm_learns_from_what_its_name_says(given):
    arms = (("guided", "guided"), ("guided", "without"), ("modes", "estimation"))
    chosen = small(shares=Shares(filmed=0.5, wordless=0.5, flat=0.25))
    rows = [ablation.run(given, chosen, setting, arm, 0, 1, every=1) for setting, arm in arms]
    # what a quarter of the samples are makes another model, and so does every pass
    assert len({row.mpjpe for row in rows}) == 3
    assert rows[2].sampled_mpjpe is None and rows[2].denoised is None
    assert all(row.denoised > 0 and row.sampled_mpjpe > 0 for row in rows[:2])
    assert len(ablation.table(rows)) == 4


def test_an_arm_begins_with_weights_of_a_file_and_practises_in_its_own_way(given, tmp_path):
    chosen = small(shares=Shares(filmed=0.5), glimpses=2)
    statistics = statistics_of(given.corpus)
    begun = tmp_path / "begun.safetensors"
    save_checkpoint(begun, checkpoint_of(new_state(chosen, 5), chosen, statistics, ("", ""), ""), half=False)
    rows = {}
    tries = (begun, 2, "estimation"), (begun, 0, "estimation"), (None, 2, "estimation"), (begun, 2, "diffusion")
    for init, glimpses, arm in tries:
        start = ablation.Start(init, half=True)
        tried = replace(chosen, glimpses=glimpses)
        rows[init is None, glimpses, arm] = ablation.run(given, tried, "modes", arm, 0, 1, every=1, start=start)
    assert len({row.mpjpe for row in rows.values()}) == 4


def test_every_arm_is_a_preset_of_its_own():
    arms = [ablation.arm_preset(small(), setting, arm) for setting in ablation.ARMS for arm in ablation.ARMS[setting]]
    assert [arm.shares.flat for arm in arms] == [0.2, 0.0, 0.2, 0.2, 0.2]  # nothing where there is no such footage
    assert [arm.passes for arm in arms[2:]] == [("estimation", "diffusion"), ("estimation",), ("diffusion",)]


def test_an_arm_that_there_is_not_is_refused_with_a_sentence(capsys):
    assert main(["ablate", "modes", "--data", str(DATA), "--arms", "guided"]) == 1
    assert "has no arm guided" in capsys.readouterr().err
