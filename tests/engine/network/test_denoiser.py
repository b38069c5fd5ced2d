"""The denoiser as a whole: padding, tokens of several frames, keys, gradients, cancel."""

from dataclasses import replace

import pytest
import torch

from genmo_blender.engine.network import layers
from genmo_blender.engine.network.conditions import ConditionInputs
from genmo_blender.engine.network.denoiser import TextContext
from genmo_blender.engine.network.genmo import GenmoNetwork
from genmo_blender.engine.network.layers import Mlp, add_mlp, tanh_gelu_
from genmo_blender.model.config import BETAS, NetworkConfig
from genmo_blender.protocol.cancellation import Cancelled
from genmo_blender.protocol.failures import ModelFailure

from .networks import MINI, SMALL, random_network


def run(network: GenmoNetwork, x: torch.Tensor, length: torch.Tensor, text: TextContext | None = None, **more):
    f_cond = network.conditions.f_cond(ConditionInputs(), *x.shape[:2])
    prepared = network.denoiser.prepare(f_cond, text, length)
    return network.denoiser(x, torch.full((len(x),), 500), prepared, **more)


BOTH = pytest.mark.parametrize("config", [SMALL, MINI], ids=["one frame a token", "four frames a token"])


@BOTH
@torch.no_grad()
def test_frames_of_padding_do_not_change_the_valid_ones(config: NetworkConfig) -> None:
    network = random_network(config)
    x, other = torch.randn(1, 13, 151), torch.randn(1, 22, 151)
    alone = run(network, x, torch.tensor([13]))
    padded = torch.cat([x, torch.randn(1, 9, 151)], dim=1)
    together = run(network, torch.cat([padded, other]), torch.tensor([13, 22]))
    for name in ("pred_x", "pred_cam", "static_conf_logits"):
        torch.testing.assert_close(getattr(together, name)[:1, :13], getattr(alone, name), atol=3e-5, rtol=1e-4)


@BOTH
@pytest.mark.parametrize("frames", [1, 13, 24, 61])
@torch.no_grad()
def test_every_length_comes_back_whole_with_one_shape(config: NetworkConfig, frames: int) -> None:
    network = random_network(config)
    out = run(network, torch.randn(2, frames, 151), torch.tensor([frames, max(1, frames - 5)]))
    assert out.pred_x.shape == (2, frames, 151) and out.pred_cam.shape == (2, frames, 3)
    assert out.static_conf_logits.shape == (2, frames, 6)
    assert bool((out.pred_x[..., BETAS] == out.pred_x[:, :1, BETAS]).all())
    assert bool((out.pred_cam[..., 0] >= 0.25).all()) and bool(torch.isfinite(out.pred_x).all())


@BOTH
@torch.no_grad()
def test_text_where_it_holds_changes_the_motion(config: NetworkConfig) -> None:
    network = random_network(config)
    x, length = torch.randn(1, 61, 151), torch.tensor([61])
    words = TextContext.everywhere(torch.randn(1, 5, 12), 61)
    silent = run(network, x, length, TextContext.everywhere(torch.zeros(1, 5, 12), 61))
    assert not torch.allclose(run(network, x, length, words).pred_x, silent.pred_x, atol=1e-3)
    torch.testing.assert_close(run(network, x, length).pred_x, silent.pred_x)  # zero features are no text


@torch.no_grad()
def test_frames_without_text_follow_the_rule_of_the_config() -> None:
    half = torch.zeros(1, 1, 24)
    half[..., :8] = 1.0
    x, length = torch.randn(1, 24, 151), torch.tensor([24])
    for rule, equal in (("null_text", True), ("zero", False)):
        network = random_network(replace(SMALL, uncovered_frames=rule))
        nothing = TextContext(torch.zeros(1, 1, 5, 12), half)  # the null text on some frames, none on the rest
        same = torch.allclose(run(network, x, length, nothing).pred_x, run(network, x, length).pred_x, atol=1e-5)
        assert same == equal


@torch.no_grad()
def test_weights_of_frames_are_averaged_over_the_frames_of_a_token_that_exist() -> None:
    network = random_network(replace(MINI, sentence=False))  # which hears frames one by one
    x, length = torch.randn(1, 22, 151), torch.tensor([22])
    features = torch.randn(1, 1, 5, 12)

    def out(frames: list[int]) -> torch.Tensor:
        weights = torch.zeros(1, 1, 22)
        weights[..., frames] = 1.0
        return run(network, x, length, TextContext(features, weights)).pred_x

    torch.testing.assert_close(out([0, 1, 20, 21]), out([2, 3, 20, 21]))
    assert not torch.allclose(out([20, 21]), out([20]), atol=1e-4)
    everywhere = TextContext.everywhere(features[:, 0], 22)
    torch.testing.assert_close(out(list(range(22))), run(network, x, length, everywhere).pred_x)


@BOTH
@torch.no_grad()
def test_observed_motion_replaces_the_noise_where_its_mask_is_set(config: NetworkConfig) -> None:
    network = random_network(replace(config, noise_skip=False))
    x, keys, length = torch.randn(1, 24, 151), torch.randn(1, 24, 151), torch.tensor([24])
    mask = torch.rand(1, 24, 151) > 0.5
    expected = run(network, torch.where(mask, keys, x), length)
    got = run(network, x, length, observed=keys, observed_mask=mask.float())
    torch.testing.assert_close(got.pred_x, expected.pred_x)


@BOTH
def test_every_parameter_learns(config: NetworkConfig) -> None:
    network = random_network(config).train()
    frames = 22
    inputs = ConditionInputs(
        obs=torch.rand(2, frames, 17, 3),
        j2d_visible=torch.rand(2, frames, 17) > 0.3,
        f_cliffcam=torch.randn(2, frames, 3),
        f_imgseq=torch.randn(2, frames, 1024),
        f_cam_angvel=torch.randn(2, frames, 6),
        encoded_music=torch.randn(2, frames, 35),
        encoded_audio=torch.randn(2, frames * 600),
        has_img=torch.ones(2, frames, dtype=torch.bool),
        has_cam=torch.ones(2, frames, dtype=torch.bool),
        has_music=torch.ones(2, frames, dtype=torch.bool),
        has_audio=torch.ones(2, frames, dtype=torch.bool),
        key_mask=torch.rand(2, frames, 151) > 0.5,
        between=torch.rand(2, frames, 198),
        root_goal=torch.rand(2, frames, 14),
    )
    weights = torch.zeros(2, 2, frames)
    weights[0, 0], weights[1, 1, 3:9] = 1.0, 0.7
    text = TextContext(torch.randn(2, 2, 5, 12), weights)
    f_cond = network.conditions.f_cond(inputs, 2, frames)
    length = torch.tensor([frames, frames - 3])
    prepared = network.denoiser.prepare(f_cond, text, length, between=inputs.between)
    out = network.denoiser(torch.randn(2, frames, 151), torch.tensor([3, 900]), prepared)
    (out.pred_x.square().sum() + out.pred_cam.square().sum() + out.static_conf_logits.square().sum()).backward()
    learned = [(name, p) for name, p in network.named_parameters() if p.requires_grad]
    idle = [name for name, p in learned if p.grad is None or not bool(p.grad.any())]
    # the first bias of an attention's keys shifts all scores of a row alike: softmax does not see it
    assert [name for name in idle if not name.endswith("key.bias")] == []


def test_what_the_release_lacks_starts_as_nothing() -> None:
    torch.manual_seed(0)
    network = GenmoNetwork(MINI).eval()
    keys = ConditionInputs(key_mask=torch.ones(1, 24, 151), root_goal=torch.ones(1, 24, 14))
    with torch.no_grad():
        plain = network.conditions.f_cond(ConditionInputs(), 1, 24)
        torch.testing.assert_close(network.conditions.f_cond(keys, 1, 24), plain, atol=0, rtol=0)
        bypass = network.denoiser.heads.bypass
        assert bypass is not None and not bypass(torch.randn(1, 6, 32), torch.randn(1, 6, 604)).any()
    ours = ("key_mask", "root_goal", "smoothing", "bypass")
    assert not any(part in k for k in GenmoNetwork(SMALL).state_dict() for part in ours)


@torch.no_grad()
def test_the_head_filter_stills_what_jumps_between_frames() -> None:
    network = random_network(replace(MINI, head_filter=()))
    smooth = random_network(MINI)
    smooth.load_state_dict(network.state_dict() | {"denoiser.heads.smoothing.learned.weight": torch.zeros(151, 1, 5)})
    x, length = torch.randn(1, 24, 151), torch.tensor([24])
    pose = slice(0, 126)

    def jerk(net: GenmoNetwork) -> float:
        return float(run(net, x, length).pred_x[..., pose].diff(n=3, dim=1).abs().mean())

    assert jerk(smooth) < 0.4 * jerk(network)


@torch.no_grad()
def test_the_bypass_passes_the_noised_motion_as_far_as_the_hidden_state_says() -> None:
    network = random_network(replace(MINI, head_filter=(), noise_skip=False))
    bypass, x, length = network.denoiser.heads.bypass, torch.randn(1, 24, 151), torch.tensor([24])
    assert bypass is not None
    whole = run(network, x, length)
    share = bypass.share(whole.pred_context).unflatten(-1, (4, 151)).flatten(1, 2)
    bypass.share.weight.zero_()
    without = run(network, x, length)
    fixed = slice(136, 151)  # what is the same in all frames, the betas, aside
    torch.testing.assert_close(
        (whole.pred_x - without.pred_x)[..., fixed], (share * x)[..., fixed], atol=1e-5, rtol=1e-5
    )


def test_cancel_is_asked_between_blocks() -> None:
    network, asked = random_network(SMALL), []

    def cancelled() -> bool:
        asked.append(1)
        return len(asked) > 1

    with pytest.raises(Cancelled):
        run(network, torch.randn(1, 24, 151), torch.tensor([24]), cancelled=cancelled)
    assert len(asked) == 2


def test_a_config_survives_its_record() -> None:
    for config in (NetworkConfig.official(), NetworkConfig.official_regression(), NetworkConfig.mini(), MINI):
        assert NetworkConfig.from_dict(config.to_dict()) == config


@pytest.mark.parametrize(
    "change",
    [{"heads": 5}, {"frames_per_token": 7}, {"conditions": ["f_cliffcam", "obs"]}, {"head_filter": [0.5, 0.5]}],
)
def test_sizes_that_do_not_fit_together_are_refused(change: dict) -> None:
    with pytest.raises(ModelFailure, match="cannot be used"):
        NetworkConfig.from_dict(NetworkConfig.mini().to_dict() | change)


@pytest.mark.parametrize("record", [{"latent_dim": 32}, {"latent_dim": 32, "layers": 1, "heads": 1, "colour": 3}])
def test_a_record_with_missing_or_unknown_fields_is_refused(record: dict) -> None:
    with pytest.raises(ModelFailure, match="does not know, or lacks"):
        NetworkConfig.from_dict(record)


def test_the_official_presets_have_the_published_size() -> None:
    with torch.device("meta"):
        network = GenmoNetwork(NetworkConfig.official())
    assert round(sum(p.numel() for p in network.parameters()) / 1e6, 1) == 430.8


@pytest.mark.parametrize(("rows", "channels"), [(600, 1024), (4, 5)])
def test_a_perceptron_in_pieces_is_the_whole_one(rows: int, channels: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layers, "MLP_ROWS", rows)
    monkeypatch.setattr(layers, "MLP_CHANNELS", channels)
    h, gate, norm, mlp = torch.randn(2, 7, 8), torch.randn(1, 1, 8), torch.nn.LayerNorm(8), Mlp(8, 32, 8, gelu="tanh")
    whole = add_mlp(h, gate, norm, mlp)
    with torch.no_grad():
        torch.testing.assert_close(add_mlp(h.clone(), gate, norm, mlp), whole)
    assert whole.requires_grad and not torch.equal(whole, h)


@torch.no_grad()
def test_gelu_in_place_is_torchs_tanh_gelu() -> None:
    x = torch.cat([torch.linspace(-30, 30, 70_001), torch.tensor([0.0, -0.0, 1e-30, -1e4, 1e4])])
    expected = torch.nn.functional.gelu(x, approximate="tanh")
    torch.testing.assert_close(tanh_gelu_(x.clone()), expected, atol=2e-6, rtol=2e-6)


def test_a_network_that_learns_in_half_precision_is_asked_in_it_too() -> None:
    torch.manual_seed(1)
    norm, mlp = torch.nn.LayerNorm(8), Mlp(8, 16, 8, gelu="tanh")
    h, gate = torch.randn(2, 5, 8), torch.randn(1, 1, 8)
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        half = add_mlp(h.clone(), gate, norm, mlp)
    assert (half - add_mlp(h.requires_grad_(), gate, norm, mlp)).abs().max() < 0.05
