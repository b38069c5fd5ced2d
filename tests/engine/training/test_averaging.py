"""Weights on the line between two (engine/training/averaging.py)."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from genmo_blender.engine.checkpoint import load_checkpoint, save_checkpoint
from genmo_blender.engine.training.averaging import averaged, main
from genmo_blender.protocol.failures import ModelFailure
from tests.engine.test_pipeline import checkpoint

TRUST = "denoiser.heads.leaning.trust.bias"


def test_parameters_lie_between_and_what_is_new_stays(tmp_path) -> None:
    second = checkpoint()
    first = replace(second, state={k: torch.zeros_like(v) for k, v in second.state.items() if k != TRUST})
    for name, made in (("a", first), ("b", second)):
        save_checkpoint(tmp_path / name, made, half=False)
    assert main([str(tmp_path / "a"), str(tmp_path / "b"), "0.25", str(tmp_path / "c")]) == 0
    found = load_checkpoint(tmp_path / "c").state
    name = "denoiser.add_cond_linear.weight"
    assert torch.allclose(found[name], 0.25 * second.state[name], rtol=1e-3, atol=1e-5)
    assert torch.allclose(found[TRUST], second.state[TRUST], rtol=1e-3)


def test_weights_of_another_network_are_refused(tmp_path, capsys) -> None:
    second = checkpoint()
    other = replace(second, state={k: v[..., :1] for k, v in second.state.items()})
    with pytest.raises(ModelFailure, match="another size"):
        averaged(other, second, 0.5)
    assert main(["a", "b"]) == 2 and "two model files" in capsys.readouterr().err
