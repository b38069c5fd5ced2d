"""The honest plain loop that the sampler is measured against: the same network in torch's own fused attention, two
passes a step, one mask over all pairs of tokens, nothing kept between steps, and no needless copies."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from ..diffusion.sampler import SamplerInputs
from ..diffusion.schedule import DiffusionSchedule
from ..network.attention import BLOCKED, RotaryAttention, window_mask
from ..network.blocks import RotaryBlock, TextBlock
from ..network.denoiser import Denoiser
from ..network.layers import Mlp, rotary_table, rotate, sinusoid
from ..network.text_attention import TextAttention


class PlainLoop:
    """Samples a job of one take whose texts cover all frames, one text at a frame, or of no text."""

    def __init__(self, denoiser: Denoiser, inputs: SamplerInputs) -> None:
        config = denoiser.config
        self.denoiser, self.f_cond = denoiser, inputs.f_cond
        self.frames, self.per_token = inputs.f_cond.shape[1], config.frames_per_token
        self.tokens = -(-self.frames // self.per_token)
        window = config.window_tokens
        self.table = rotary_table(self.tokens, config.latent_dim // config.heads)
        self.mask: Tensor | None = None
        if self.tokens > window:
            self.mask = window_mask(self.tokens, window, torch.tensor([False]))[0] * BLOCKED
        self.features = torch.zeros(1, config.text_tokens, config.text_dim)
        self.spans = [(0, 0, self.tokens, 1.0)]
        self.weights: Tensor | None = None
        if inputs.text is not None:
            self.features, self.weights = inputs.text.features[0], inputs.text.weights
            self.spans = self._spans(inputs.text.weights[0])

    def _spans(self, weights: Tensor) -> list[tuple[int, int, int, float]]:
        """Runs of tokens in which a text has one weight: (text, first, end, weight)."""
        padded = functional.pad(weights, (0, -self.frames % self.per_token)).unflatten(-1, (-1, self.per_token))
        last = self.frames - self.per_token * (self.tokens - 1)
        mean = padded.sum(-1) / torch.tensor([self.per_token] * (self.tokens - 1) + [last])
        spans = []
        for text, row in enumerate(mean.tolist()):
            first = 0
            for j in range(1, self.tokens + 1):
                if j == self.tokens or row[j] != row[first]:
                    if row[first]:
                        spans.append((text, first, j, row[first]))
                    first = j
        return spans

    def sample(self, noise: Tensor, steps: int, chain_steps: int, scale: float) -> Tensor:
        """The first `steps` of a chain of `chain_steps`; the last clean motion it predicted, (1, L, 151)."""
        chain = DiffusionSchedule.cosine().respaced(str(chain_steps))
        x = clean = noise
        for k in reversed(range(chain_steps - steps, chain_steps)):
            t = torch.tensor([int(chain.timestep_map[k])])
            c = self.predict(x, t, self.features)
            u = self.predict(x, t, torch.zeros_like(self.features))
            clean = u + scale * (c - u)
            x = chain.ddim_step(x, clean, torch.tensor([k]))
        return clean

    def predict(self, x: Tensor, t: Tensor, features: Tensor) -> Tensor:
        """One pass."""
        net, p = self.denoiser, self.per_token
        missing = (0, 0, 0, -self.frames % p)
        condition, motion = self.f_cond, x
        if net.embed_sentence is not None and self.weights is not None:
            condition = condition + net.embed_sentence(features[None], self.weights)
        if p > 1:
            condition = net.tokens_linear(functional.pad(condition, missing).reshape(1, self.tokens, -1))
            motion = functional.pad(x, missing).reshape(1, self.tokens, -1)
        h = net.add_cond_linear(torch.cat([condition + net.embed_timestep(t), motion], dim=-1))
        texts = net.embed_text(features) + sinusoid(torch.arange(features.shape[1]), net.config.latent_dim)
        for i, block in enumerate(net.blocks):
            text_block = net.text_encoder_layers[str(i)]
            assert isinstance(block, RotaryBlock) and isinstance(text_block, TextBlock)
            attended = self._texts(text_block.cross_attn, text_block.norm2(h), texts)
            h = h + text_block.gate_cross_attn * attended
            h = h + text_block.gate_mlp * _mlp(text_block.mlp, text_block.norm3(h))
            h = h + block.gate_msa * self._rotary(block.attn, block.norm1(h))
            h = h + block.gate_mlp * _mlp(block.mlp, block.norm2(h))
        clean: Tensor = net.heads(h, motion, x, t, torch.tensor([self.frames])).pred_x
        return clean

    def _rotary(self, layer: RotaryAttention, x: Tensor) -> Tensor:
        q, k, v = (f(x).unflatten(-1, (layer.heads, -1)) for f in (layer.query, layer.key, layer.value))
        q, k, v = (y.transpose(1, 2) for y in (rotate(q, self.table), rotate(k, self.table), v))
        out = functional.scaled_dot_product_attention(q, k, v, attn_mask=self.mask)
        return layer.proj(out.transpose(1, 2).flatten(2))

    def _texts(self, layer: TextAttention, x: Tensor, texts: Tensor) -> Tensor:
        weight, bias, width = layer.in_proj_weight, layer.in_proj_bias, layer.width
        q = functional.linear(x, weight[:width], bias[:width]).unflatten(-1, (layer.heads, -1)).transpose(1, 2)
        both = functional.linear(texts, weight[width:], bias[width:])
        k, v = both.unflatten(-1, (2, layer.heads, -1)).permute(2, 0, 3, 1, 4)
        mixed = torch.zeros_like(q)
        for text, first, end, strength in self.spans:
            out = functional.scaled_dot_product_attention(q[:, :, first:end], k[text : text + 1], v[text : text + 1])
            mixed[:, :, first:end] += strength * out
        return layer.out_proj(mixed.transpose(1, 2).flatten(2))


def _mlp(layer: Mlp, x: Tensor) -> Tensor:
    return layer.fc2(functional.gelu(layer.fc1(x), approximate="tanh"))
