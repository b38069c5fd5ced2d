"""The denoiser G(x_t, t, c): predicts the clean motion, a weak-perspective camera and contact logits (spec 3.3)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..model.config import NetworkConfig
from ..protocol.cancellation import CancelCheck, raise_if_cancelled
from .attention import AttentionPlan, RotaryAttention, plan_attention
from .heads import Heads, NetworkOutput
from .layers import Array, LayerNorm, Linear, Mlp, Parameters, silu, sinusoid
from .sentence import SentenceEmbedder
from .text_attention import AbsorbedText, TextAttention, TextContext, TextPlan, plan_text, with_null

BLOCK_NORM_EPS = 1e-6


@dataclass(frozen=True, eq=False)
class Residual:
    """h += gate * MLP(norm(h)), the second half of both kinds of block."""

    gate: Array
    norm: LayerNorm
    mlp: Mlp

    @classmethod
    def read(cls, given: Parameters, norm: str, config: NetworkConfig) -> Residual:
        width = config.latent_dim
        mlp = Mlp.read(given.of("mlp"), width, config.mlp_ratio * width, width, tanh=True)
        return cls(given.sized("gate_mlp", 1, 1, width), LayerNorm.read(given.of(norm), width, BLOCK_NORM_EPS), mlp)

    def __call__(self, h: Array) -> Array:
        return h + self.gate * self.mlp(self.norm(h))


@dataclass(frozen=True, eq=False)
class RotaryBlock:
    """h += g1 SA(LN1(h)); h += g2 MLP(LN2(h))."""

    gate: Array
    norm: LayerNorm
    attention: RotaryAttention
    rest: Residual

    @classmethod
    def read(cls, given: Parameters, config: NetworkConfig) -> RotaryBlock:
        width = config.latent_dim
        norm = LayerNorm.read(given.of("norm1"), width, BLOCK_NORM_EPS)
        attention = RotaryAttention.read(given.of("attn"), width, config.heads)
        return cls(given.sized("gate_msa", 1, 1, width), norm, attention, Residual.read(given, "norm2", config))

    def __call__(self, h: Array, plan: AttentionPlan) -> Array:
        """h (B, T, D) to (B, T, D)."""
        return self.rest(h + self.gate * self.attention(self.norm(h), plan))


@dataclass(frozen=True, eq=False)
class TextBlock:
    """h += gc CA(LN2(h), texts); h += gm MLP(LN3(h)). The MLP runs on frames without text too."""

    gate: Array
    norm: LayerNorm
    attention: TextAttention
    rest: Residual

    @classmethod
    def read(cls, given: Parameters, config: NetworkConfig) -> TextBlock:
        width = config.latent_dim
        norm = LayerNorm.read(given.of("norm2"), width, BLOCK_NORM_EPS)
        attention = TextAttention.read(given.of("cross_attn"), width, config.heads)
        return cls(given.sized("gate_cross_attn", 1, 1, width), norm, attention, Residual.read(given, "norm3", config))

    def __call__(self, h: Array, texts: tuple[AbsorbedText, ...], plan: TextPlan) -> Array:
        """h (B, T, D) to (B, T, D)."""
        return self.rest(h + self.gate * self.attention(self.norm(h), texts, plan))


@dataclass(frozen=True, eq=False)
class Prepared:
    """What the denoiser knows before the first step; made once a job by `Denoiser.prepare`.

    `condition` (B, T, D) is the condition's share of `add_cond_linear`; `texts` what each layer keeps of the texts;
    `between` (B, L, 198) what interpolation between keys says.
    """

    condition: Array
    lengths: Array
    attention: AttentionPlan
    text: TextPlan | None
    texts: tuple[tuple[AbsorbedText, ...], ...]
    between: Array | None = None


@dataclass(frozen=True, eq=False)
class Denoiser:
    """The transformer. `prepare` once a job, then a call at every step; frames are padded to whole tokens inside."""

    config: NetworkConfig
    timestep: tuple[Linear, Linear]
    condition_in: Linear
    motion_in: Linear
    blocks: tuple[RotaryBlock, ...]
    embed_text: Linear | None
    sentence: SentenceEmbedder | None
    text_blocks: tuple[TextBlock, ...]
    tokens_linear: Linear | None
    heads: Heads

    @classmethod
    def read(cls, given: Parameters, config: NetworkConfig) -> Denoiser:
        """Raises ModelFailure for missing or wrong-sized parameters."""
        width, per_token = config.latent_dim, config.frames_per_token
        step = given.of("embed_timestep").of("time_embed")
        first = Linear.read(given.of("add_cond_linear"), width + per_token * config.motion_dim, width)
        layers = [str(i) for i in range(config.layers)]
        embed_text = sentence = tokens = None
        text_blocks: tuple[TextBlock, ...] = ()
        if config.text:
            embed_text = Linear.read(given.of("embed_text"), config.text_dim, width)
            text_blocks = tuple(TextBlock.read(given.of("text_encoder_layers").of(i), config) for i in layers)
            if config.sentence:
                part = given.of("embed_sentence")
                sentence = SentenceEmbedder.read(part, config.text_dim, width, config.sentence_kinds)
        if per_token > 1:
            tokens = Linear.read(given.of("tokens_linear"), per_token * width, width)
        return cls(
            config,
            (Linear.read(step.of("0"), width, width), Linear.read(step.of("2"), width, width)),
            Linear(first.weight[:width], first.bias),
            Linear(first.weight[width:], None),
            tuple(RotaryBlock.read(given.of("blocks").of(i), config) for i in layers),
            embed_text,
            sentence,
            text_blocks,
            tokens,
            Heads.read(given.of("heads"), config),
        )

    def prepare(
        self,
        f_cond: Array,
        text: TextContext | None,
        length: Array,
        causal: Array | None = None,
        between: Array | None = None,
    ) -> Prepared:
        """Compute everything that does not depend on the step.

        `f_cond` (B, L, D) is the condition sum; `length` (B,) valid frames; `text` None means the null text everywhere;
        `causal` (B,) flags the release's autoregressive rows; `between` (B, L, 198) is what interpolation between keys
        says.
        """
        config, frames = self.config, f_cond.shape[1]
        width, per_token = config.latent_dim, config.frames_per_token
        tokens = -(-frames // per_token)
        condition = f_cond
        if self.sentence is not None and text is not None:
            condition = condition + self.sentence(text.features, text.weights)
        if self.tokens_linear is not None:
            condition = self.tokens_linear(_into_tokens(condition, length, per_token))
        attention = plan_attention(
            (length + per_token - 1) // per_token, tokens, config.window_tokens, width // config.heads, causal
        )
        plan, texts = self._prepare_text(text, f_cond, tokens) if config.text else (None, ())
        return Prepared(self.condition_in(condition), length, attention, plan, texts, between)

    def _prepare_text(
        self, text: TextContext | None, f_cond: Array, tokens: int
    ) -> tuple[TextPlan, tuple[tuple[AbsorbedText, ...], ...]]:
        config, (batch, frames, _) = self.config, f_cond.shape
        nothing = np.zeros((batch, 1, config.text_tokens, config.text_dim), dtype=np.float32)
        if text is None:
            features, weights = nothing[:, :0], np.zeros((batch, 0, tokens), dtype=np.float32)
        else:
            features, weights = text.features, _mean_over_tokens(text.weights, frames, config.frames_per_token)
        if text is None or config.uncovered_frames == "null_text":
            features, weights = np.concatenate([features, nothing], axis=1), with_null(weights)
        distinct, plan = plan_text(features, weights)
        assert self.embed_text is not None
        embedded = self.embed_text(distinct) + sinusoid(np.arange(distinct.shape[1]), config.latent_dim)
        return plan, tuple(block.attention.absorbed(embedded) for block in self.text_blocks)

    def tokens(self, x_t: Array, prepared: Prepared) -> Array:
        """The noised motion (B, L, 151) as the network takes it in, (B, T, p 151)."""
        return _into_tokens(x_t, prepared.lengths, self.config.frames_per_token)

    def first_hidden(self, tokens: Array, t: Array, prepared: Prepared) -> Array:
        """Output of `add_cond_linear`, (B, T, D): the sum of condition, timestep and noised motion (B, T, p 151)."""
        before, after = self.timestep
        step = after(silu(before(sinusoid(t, self.config.latent_dim)))) @ self.condition_in.weight
        hidden = self.motion_in(tokens)
        hidden += prepared.condition
        hidden += step[:, None]
        return hidden

    def __call__(
        self,
        x_t: Array,
        t: Array,
        prepared: Prepared,
        observed: Array | None = None,
        observed_mask: Array | None = None,
        cancelled: CancelCheck | None = None,
    ) -> NetworkOutput:
        """One call. `x_t` (B, L, 151) normalised, `t` (B,) original timesteps.

        `observed` and `observed_mask` (B, L, 151) overwrite `x_t` where the mask is 1 (spec 2.9).
        Raises `Cancelled` between blocks when `cancelled()` says so.
        """
        seen = None
        if observed is not None and observed_mask is not None:
            seen = observed_mask
            x_t = np.where(seen.astype(bool), observed, x_t)
        tokens = self.tokens(x_t, prepared)
        h = self.first_hidden(tokens, t, prepared)
        for i, block in enumerate(self.blocks):
            raise_if_cancelled(cancelled)
            if prepared.text is not None:
                h = self.text_blocks[i](h, prepared.texts[i], prepared.text)
            h = block(h, prepared.attention)
        return self.heads(h, tokens, x_t, t, prepared.lengths, seen, prepared.between)


def _into_tokens(x: Array, lengths: Array, per_token: int) -> Array:
    """(B, L, C) to (B, T, per_token C); frames past the valid ones are zero, so that a last token that they share
    with valid ones does not depend on them. With one frame a token attention masks them anyway."""
    if per_token == 1:
        return x
    batch, frames, _ = x.shape
    missing = -frames % per_token
    if missing or (lengths < frames).any():
        x = np.pad(x * (np.arange(frames) < lengths[:, None])[..., None], ((0, 0), (0, missing), (0, 0)))
    return np.ascontiguousarray(x, dtype=np.float32).reshape(batch, (frames + missing) // per_token, -1)


def _mean_over_tokens(weights: Array, frames: int, per_token: int) -> Array:
    """Weights of frames (B, K, L) to weights of tokens (B, K, T): the mean over a token's frames that exist."""
    if per_token == 1:
        return weights
    padded = np.pad(weights, ((0, 0), (0, 0), (0, -frames % per_token)))
    summed = padded.reshape(*padded.shape[:2], padded.shape[2] // per_token, per_token).sum(-1)
    counts = np.minimum(frames - per_token * np.arange(summed.shape[-1]), per_token)
    return (summed / counts.astype(np.float32)).astype(np.float32)
