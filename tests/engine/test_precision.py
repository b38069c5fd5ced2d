"""Half precision: products in bf16, everything that the spec keeps in fp32 stays fp32, and the error is small."""

import torch

from genmo_blender.engine.diffusion.sampler import Guidance, SamplerInputs, TakeNoise, sample
from genmo_blender.engine.network.denoiser import TextContext
from genmo_blender.engine.precision import half_products, halve_products

from .network.networks import MINI, SMALL, random_network

CPU = torch.device("cpu")
FRAMES = 80


def motion_of(network, half: bool) -> torch.Tensor:
    torch.manual_seed(2)
    config = network.config
    inputs = SamplerInputs(
        torch.randn(1, FRAMES, config.latent_dim),
        TextContext.everywhere(torch.randn(1, config.text_tokens, config.text_dim), FRAMES),
        torch.tensor([FRAMES]),
    )
    with half_products(CPU, half):
        out = sample(network.denoiser, inputs, TakeNoise([4], FRAMES), Guidance.pose(2.0), steps=4)
    assert out.pred_x.dtype == out.pred_cam.dtype == out.static_conf_logits.dtype == torch.float32
    return out.pred_x


def test_halved_products_change_the_motion_by_little() -> None:
    for config in (SMALL, MINI):
        network = random_network(config)
        exact = motion_of(network, half=False)
        halve_products(network)
        error = (motion_of(network, half=True) - exact).abs()
        assert 0 < float(error.mean()) < 0.02 * float(exact.std())


def test_norms_gates_and_convolutions_stay_in_full_precision() -> None:
    network = random_network(MINI)
    halve_products(network)
    kinds = {name.rsplit(".", 1)[0].rsplit(".", 1)[-1]: p.dtype for name, p in network.named_parameters()}
    assert kinds["norm1"] == kinds["norm3"] == kinds["learned"] == torch.float32
    assert kinds["fc1"] == kinds["query"] == kinds["cross_attn"] == torch.bfloat16
    assert network.denoiser.blocks[0].gate_msa.dtype == torch.float32
