"""The sum of conditions equals torch's, with and without each condition."""

from __future__ import annotations

import pytest
import torch

from genmo_blender.engine.conditions.root_goals import start_goals as torch_goals
from genmo_blender.engine.network.conditions import ConditionInputs as TorchInputs
from genmo_blender.lite.conditions import ConditionInputs
from genmo_blender.lite.root_goals import start_goals
from tests.engine.network.networks import MINI, SMALL
from tests.lite.twins import assert_close, twins

FRAMES = 12


def everything() -> dict[str, torch.Tensor]:
    torch.manual_seed(5)
    shapes = {
        "obs": (17, 3), "j2d_visible": (17,), "f_cliffcam": (3,), "f_cam_angvel": (6,), "encoded_music": (35,),
        "has_2d": (), "has_cam": (), "has_music": (), "key_mask": (151,), "root_goal": (14,), "between": (198,),
    }  # fmt: skip
    values = {name: torch.randn(2, FRAMES, *shape) for name, shape in shapes.items()}
    for name in ("j2d_visible", "has_2d", "has_cam", "has_music", "key_mask"):
        values[name] = (values[name] > 0).float()
    return values


WITHOUT = ("nothing", "obs", "encoded_music", "has_music", "key_mask", "root_goal", "between", "all")


@pytest.mark.parametrize("without", WITHOUT)
@torch.no_grad()
def test_the_sum_equals_torchs(without: str) -> None:
    network, ours = twins(MINI)
    values = {k: v for k, v in everything().items() if without not in (k, "all")}
    told, our_told = TorchInputs(**values), ConditionInputs(**{k: v.numpy() for k, v in values.items()})
    sums = network.conditions.sums(told, 2, FRAMES)
    assert_close(ours.conditions.f_cond(our_told, 2, FRAMES), sums.f_cond)
    assert_close(ours.conditions.f_cond(our_told, 2, FRAMES, silent=True), sums.f_uncond)


@torch.no_grad()
def test_a_network_with_speech_and_images_is_told_that_they_are_absent() -> None:
    network, ours = twins(SMALL)
    expected = network.conditions.f_cond(TorchInputs(), 1, FRAMES)
    assert_close(ours.conditions.f_cond(ConditionInputs(), 1, FRAMES), expected)


@pytest.mark.parametrize("frames", [8, 120, 304])
def test_the_start_is_told_as_the_engine_tells_it(frames: int) -> None:
    expected = torch_goals(torch.zeros(1), torch.ones(1, dtype=torch.bool), frames)
    expected[:, 120:] = 0.0
    assert_close(start_goals(frames, 120)[None], expected)
