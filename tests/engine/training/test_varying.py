"""Motion that nobody recorded (engine/training/varying.py)."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from genmo_blender.engine.representation.rollout import roll_out_translation
from genmo_blender.engine.training import corpus, varying
from genmo_blender.engine.training.importers import shards
from genmo_blender.engine.training.practice import practised, sampler_of
from genmo_blender.engine.training.varying import Frames, varied
from tests.engine.training import curve

DATA = Path(__file__).parents[2] / "data" / "motion"
COUNT, TOTAL = 6, 80


class Told:
    """Draws of which the first numbers are given: who is varied, how fast, backwards, bent, with limbs apart, and for
    each part how fast and backwards; none of what is not given."""

    def __init__(self, *values):
        self.values = list(values)

    def uniform(self, *shape):
        return torch.full((COUNT, *shape), self.values.pop(0) if self.values else 0.99)

    def either_way(self, *shape):
        return self.uniform(*shape)

    def normal(self, *shape):
        return torch.randn(COUNT, *shape, generator=torch.Generator().manual_seed(5))


@pytest.fixture(scope="module")
def built():
    return corpus.build(shards.load(DATA))


@pytest.fixture(scope="module")
def frames(built):
    rows = built.start[0] + np.arange(COUNT)[:, None] * 3 + np.arange(TOTAL)
    columns = [getattr(built, name)[rows] for name in ("pose", "root", "velocity", "joints", "contacts")]
    return Frames(*columns, torch.full((COUNT,), TOTAL))


def path_of(frames):
    return roll_out_translation(frames.velocity, frames.root)


def test_who_is_not_chosen_stays_as_he_was(frames):
    for name, value in vars(varied(frames, 0.5, Told(0.6, 0.3, 0.1, 0.1))).items():
        assert torch.equal(value, getattr(frames, name)), name


def test_twice_as_fast_is_every_other_frame(frames, monkeypatch):
    monkeypatch.setattr(varying, "FASTEST", 2.0)
    fast = varied(frames, 1.0, Told(0.0, 1.0, 0.9, 0.9))
    assert fast.length.tolist() == [TOTAL // 2] * COUNT
    for name in ("pose", "root", "joints"):
        assert torch.allclose(getattr(fast, name)[:, : TOTAL // 2], getattr(frames, name)[:, ::2], atol=1e-5), name
    assert torch.allclose(path_of(fast)[:, : TOTAL // 2], path_of(frames)[:, ::2], atol=1e-5)


def test_slower_fills_the_window_with_the_first_part(frames):
    slow = varied(frames, 1.0, Told(0.0, -1.0, 0.9, 0.9))
    assert slow.length.tolist() == [TOTAL] * COUNT
    apart = path_of(slow)[:, 13 * 5] - path_of(frames)[:, 10 * 5]
    assert apart.norm(dim=-1).max() < 1e-4


def test_backwards_the_way_is_gone_back(frames):
    short = replace(frames, length=torch.full((COUNT,), 60))
    back = varied(short, 1.0, Told(0.0, 0.0, 0.0, 0.9))
    assert torch.allclose(back.joints[:, :60], frames.joints[:, :60].flip(1), atol=1e-5)
    there, here = path_of(frames)[:, :60], path_of(back)[:, :60]
    assert torch.allclose(here, there.flip(1) - there[:, 59:60], atol=1e-4)
    assert torch.equal(back.contacts[:, :60], frames.contacts[:, :60].flip(1))


def test_bent_above_and_on_the_same_feet(frames):
    bent = varied(frames, 1.0, Told(0.0, 0.0, 0.9, 0.0))
    legs, wrists = [0, 1, 2, 4, 5, 7, 8, 10, 11], [20, 21]
    assert torch.allclose(bent.joints[:, :, legs], frames.joints[:, :, legs], atol=1e-5)
    moved = (bent.joints - frames.joints)[:, :, wrists].norm(dim=-1)
    assert moved.mean(dim=(1, 2)).min() > 0.05
    # what changes is how they are held, not how they move
    assert moved.std(dim=1).mean() < moved.mean()


def test_limbs_go_apart_each_in_its_own_time(frames):
    # back and head as the legs do, left arm backwards, right arm slower
    apart = varied(frames, 1.0, Told(0.0, 0.0, 0.9, 0.9, 0.0, 0.0, 0.9, 0.0, 0.0, -1.0, 0.9))
    told, was = (x.pose.unflatten(-1, (21, 6)) for x in (apart, frames))
    back, left, right = ([j - 1 for j in part] for part in varying._PARTS)
    legs = sorted(set(range(21)) - {*back, *left, *right})
    for part, expected in ((legs, was), (back, was), (left, was.flip(1))):
        assert torch.allclose(told[:, :, part], expected[:, :, part], atol=1e-5)
    assert torch.allclose(told[:, :66:13, right], was[:, :51:10, right], atol=1e-4)
    assert torch.allclose(path_of(apart), path_of(frames), atol=1e-5)
    assert torch.equal(apart.contacts, frames.contacts)
    # faster than the whole there is nothing left to do
    fast = varied(frames, 1.0, Told(0.0, 0.0, 0.9, 0.9, 0.0, 1.0, 0.9, 1.0, 0.9, 1.0, 0.9))
    assert torch.allclose(fast.pose, frames.pose, atol=1e-5)


def test_gaps_are_practised_on_it_and_the_same_for_every_share(built):
    preset = practised("gaps", curve.small_preset(batch=32, gaps=2, varied=0.7))
    plain = curve.small_trainer(built, replace(preset, varied=0.0), sampler=sampler_of("gaps", built))
    gaps = curve.small_trainer(built, preset, sampler=sampler_of("gaps", built))
    whole, told = gaps.batch(0, slice(0, 32)), plain.batch(0, slice(0, 32))
    changed = (whole.batch.x0[:, 0] != told.batch.x0[:, 0]).any(-1)
    assert 0.4 < changed.float().mean() < 0.95
    part = gaps.batch(0, slice(16, 32))
    assert torch.equal(part.batch.x0[:16], whole.batch.x0[16:32])
    assert torch.equal(part.mask[:16], whole.mask[16:32])
    assert whole.batch.length.min() >= 13
