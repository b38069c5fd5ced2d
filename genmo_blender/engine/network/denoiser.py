"""The denoiser G(x_t, t, c): predicts the clean motion, a weak-perspective camera and contact logits (spec 3.3)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ...model.config import NetworkConfig
from ...protocol.cancellation import CancelCheck, raise_if_cancelled
from .absorbed import MAX_TEXTS, RowPlan, distinct_texts
from .attention import AttentionPlan, plan_attention
from .blocks import RotaryBlock, TextBlock
from .heads import Heads, NetworkOutput
from .layers import sinusoid
from .sentence import SentenceEmbedder
from .text_attention import TextMemory, TextPlan, plan_text, with_null


@dataclass(frozen=True)
class TextContext:
    """Encoded texts and where they hold: `features` (B, K, N, C), `weights` (B, K, L), one weight for each frame.

    A weight is 1 inside an official window and 0 outside; cross-fades and the strength of a strip (0 to 2) are weights
    too. Samples with fewer than K texts have zero weights.
    """

    features: Tensor
    weights: Tensor

    @classmethod
    def everywhere(cls, features: Tensor, length: int) -> TextContext:
        """One text (B, N, C) for all frames."""
        return cls(features[:, None], features.new_ones(len(features), 1, length))

    @classmethod
    def windows(cls, features: Tensor, starts: Tensor, ends: Tensor, length: int) -> TextContext:
        """The release's windows (spec 3.4): features (B, K, N, C), starts and ends (B, K) as fractions of `length`.

        The borders are rounded half to even; where windows overlap the texts add up.
        """
        first, end = torch.round(starts * length)[..., None], torch.round(ends * length)[..., None]
        frames = torch.arange(length, device=features.device)
        return cls(features, ((frames >= first) & (frames < end)).to(features.dtype))

    def without_words(self) -> TextContext:
        """The unconditional branch of guidance: the windows stay, their texts become the null text (spec 5.2)."""
        batch, _, tokens, channels = self.features.shape
        total = self.weights.clamp(max=1.0).sum(1, keepdim=True)
        return TextContext(self.features.new_zeros(batch, 1, tokens, channels), total)


@dataclass(frozen=True)
class Prepared:
    """What the denoiser knows before the first step; made once a job by `Denoiser.prepare`.

    `condition` (B, T, D) is the condition's share of `add_cond_linear`; `texts` what each layer keeps of the texts;
    `between` (B, L, 198) what interpolation between keys says.
    """

    condition: Tensor
    lengths: Tensor
    frames: int
    attention: AttentionPlan
    text: TextPlan | RowPlan | None
    texts: tuple[TextMemory, ...]
    between: Tensor | None = None


class TimestepEmbedder(nn.Module):
    """Original timesteps 0..999 (B,) to (B, 1, D) (spec 3.3 step 2)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.time_embed = nn.Sequential(nn.Linear(width, width), nn.SiLU(), nn.Linear(width, width))
        self.width = width

    def forward(self, t: Tensor) -> Tensor:
        embedded: Tensor = self.time_embed(sinusoid(t, self.width)[:, None])
        return embedded


class Denoiser(nn.Module):
    """The transformer. `prepare` once a job, `forward` at every step; frames are padded to whole tokens inside."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        width, per_token = config.latent_dim, config.frames_per_token
        sizes = (width, config.heads, config.mlp_ratio, config.dropout)
        self.embed_timestep = TimestepEmbedder(width)
        self.add_cond_linear = nn.Linear(width + per_token * config.motion_dim, width)
        self.blocks = nn.ModuleList(RotaryBlock(*sizes) for _ in range(config.layers))
        self.embed_sentence: SentenceEmbedder | None = None
        if config.text:
            self.embed_text = nn.Linear(config.text_dim, width)
            if config.sentence:
                self.embed_sentence = SentenceEmbedder(config.text_dim, width, config.sentence_kinds)
            self.text_encoder_layers = nn.ModuleDict({str(i): TextBlock(*sizes) for i in range(config.layers)})
        if per_token > 1:
            self.tokens_linear = nn.Linear(per_token * width, width)
        self.heads = Heads(config)

    def prepare(
        self,
        f_cond: Tensor,
        text: TextContext | None,
        length: Tensor,
        causal: Tensor | None = None,
        between: Tensor | None = None,
    ) -> Prepared:
        """Compute everything that does not depend on the step.

        `f_cond` (B, L, D) is the condition sum, or (B, 1, D) expanded by the caller; `length` (B,) valid frames;
        `text` None means the null text everywhere; `causal` (B,) flags the release's autoregressive rows;
        `between` (B, L, 198) is what interpolation between keys says.
        """
        config, frames = self.config, f_cond.shape[1]
        width, per_token = config.latent_dim, config.frames_per_token
        lengths = length.to(f_cond.device)
        tokens = -(-frames // per_token)
        condition = f_cond
        if self.embed_sentence is not None and text is not None:
            condition = condition + self.embed_sentence(text.features, text.weights)
        if per_token > 1:
            condition = self.tokens_linear(_into_tokens(condition, lengths, per_token))
        # add_cond_linear([h, x]) is W_h h + W_x x + b: the condition's part is the same at every step
        condition = nn.functional.linear(condition, self.add_cond_linear.weight[:, :width], self.add_cond_linear.bias)
        attention = plan_attention(
            (lengths + per_token - 1) // per_token, tokens, config.window_tokens, width // config.heads, causal
        )
        plan, texts = self._prepare_text(text, f_cond, tokens) if config.text else (None, ())
        return Prepared(condition, lengths, frames, attention, plan, texts, between)

    def _prepare_text(
        self, text: TextContext | None, f_cond: Tensor, tokens: int
    ) -> tuple[TextPlan | RowPlan, tuple[TextMemory, ...]]:
        config = self.config
        nothing = f_cond.new_zeros(1, config.text_tokens, config.text_dim)
        if text is None:
            text = TextContext(nothing[None].expand(len(f_cond), -1, -1, -1), f_cond.new_zeros(len(f_cond), 1, tokens))
            weights, with_rest = text.weights, True
        else:
            weights = _mean_over_tokens(text.weights.to(f_cond.dtype), f_cond.shape[1], config.frames_per_token)
            with_rest = config.uncovered_frames == "null_text"
        layers = [self._text_block(i).cross_attn for i in range(config.layers)]
        thin = 2 * config.heads * config.text_tokens <= config.latent_dim
        if thin and not torch.is_grad_enabled():
            features, strengths = text.features, weights
            if with_rest:
                strengths = with_null(weights)
                features = torch.cat([features, nothing[None].expand(len(f_cond), -1, -1, -1)], dim=1)
            distinct, rows = distinct_texts(features, strengths)
            if len(distinct) <= MAX_TEXTS:
                return rows, tuple(layer.absorbed(self._embedded(distinct)) for layer in layers)
        plan = plan_text(weights, config.window_tokens, with_rest)
        features = text.features.flatten(0, 1)[plan.used]
        embedded = self._embedded(torch.cat([features, nothing]) if plan.null else features)
        return plan, tuple(layer.keys_values(embedded) for layer in layers)

    def _embedded(self, features: Tensor) -> Tensor:
        """Texts (M, N, C) with their positions, (M, N, D)."""
        positions = torch.arange(features.shape[1], device=features.device)
        embedded: Tensor = self.embed_text(features) + sinusoid(positions, self.config.latent_dim)
        return embedded

    def _text_block(self, index: int) -> TextBlock:
        block = self.text_encoder_layers[str(index)]
        assert isinstance(block, TextBlock)
        return block

    def first_hidden(self, tokens: Tensor, t: Tensor, prepared: Prepared) -> Tensor:
        """Output of `add_cond_linear`, (B, T, D): the sum of condition, timestep and noised motion (B, T, p 151)."""
        width = self.config.latent_dim
        weight = self.add_cond_linear.weight
        step = nn.functional.linear(self.embed_timestep(t), weight[:, :width])
        motion = nn.functional.linear(tokens, weight[:, width:])
        return prepared.condition + step + motion

    def tokens(self, x_t: Tensor, prepared: Prepared) -> Tensor:
        """The noised motion (B, L, 151) as the network takes it in, (B, T, p 151)."""
        return _into_tokens(x_t, prepared.lengths, self.config.frames_per_token)

    def forward(
        self,
        x_t: Tensor,
        t: Tensor,
        prepared: Prepared,
        observed: Tensor | None = None,
        observed_mask: Tensor | None = None,
        cancelled: CancelCheck | None = None,
    ) -> NetworkOutput:
        """One call. `x_t` (B, L, 151) normalised, `t` (B,) original timesteps.

        `observed` and `observed_mask` (B, L, 151) overwrite `x_t` where the mask is 1 (spec 2.9).
        Raises `Cancelled` between blocks when `cancelled()` says so.
        """
        if observed is not None and observed_mask is not None:
            x_t = torch.where(observed_mask.bool(), observed, x_t)
        tokens = self.tokens(x_t, prepared)
        h = self.first_hidden(tokens, t, prepared)
        for i, block in enumerate(self.blocks):
            raise_if_cancelled(cancelled)
            if prepared.text is not None:
                h = self._text_block(i)(h, prepared.texts[i], prepared.text)
            h = block(h, prepared.attention)
        seen = observed_mask if observed is not None else None
        return self.heads(h, tokens, x_t, t, prepared.lengths, seen, prepared.between)


def _into_tokens(x: Tensor, lengths: Tensor, per_token: int) -> Tensor:
    """(B, L, C) to (B, T, per_token C); frames past the valid ones are zero, so that a last token that they share
    with valid ones does not depend on them. With one frame a token attention masks them anyway."""
    if per_token == 1:
        return x
    x = x * (torch.arange(x.shape[1], device=x.device) < lengths[:, None])[..., None]
    missing = -x.shape[1] % per_token
    return nn.functional.pad(x, (0, 0, 0, missing)).unflatten(1, (-1, per_token)).flatten(2)


def _mean_over_tokens(weights: Tensor, frames: int, per_token: int) -> Tensor:
    """Weights of frames (B, K, L) to weights of tokens (B, K, T): the mean over a token's frames that exist."""
    if per_token == 1:
        return weights
    padded = nn.functional.pad(weights, (0, -frames % per_token)).unflatten(-1, (-1, per_token)).sum(-1)
    counts = (frames - per_token * torch.arange(padded.shape[-1], device=weights.device)).clamp(max=per_token)
    return padded / counts
