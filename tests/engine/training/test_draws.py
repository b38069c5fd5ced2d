import pytest
import torch

from genmo_blender.engine.training.draws import Draws


def generators(*seeds):
    return [torch.Generator().manual_seed(seed) for seed in seeds]


def test_a_row_holds_the_same_whichever_others_are_asked_for():
    whole = Draws(generators(1, 2), 4)
    some = Draws(generators(1, 2), 4, torch.tensor([1, 2, 6, 7])).of(torch.tensor([0, 3]))
    second = Draws(generators(2), 4)
    assert (len(whole), len(some), len(second)) == (8, 2, 4)
    for name in ("uniform", "normal", "either_way"):
        everything = getattr(whole, name)(3, 5)
        assert everything.shape == (8, 3, 5)
        assert torch.equal(getattr(some, name)(3, 5), everything[[1, 7]])
        assert torch.equal(getattr(second, name)(3, 5), everything[4:])


def test_draws_are_what_their_names_say():
    draws = Draws(generators(3), 20000)
    uniform, normal, either = draws.uniform(), draws.normal(), draws.either_way()
    assert (
        0 <= float(uniform.min()) and float(uniform.max()) < 1 and float(uniform.mean()) == pytest.approx(0.5, abs=0.01)
    )
    assert float(normal.std()) == pytest.approx(1.0, abs=0.02)
    assert -1 <= float(either.min()) < -0.99 and 0.99 < float(either.max()) < 1
    assert not torch.equal(draws.uniform(), uniform)
