"""What the last hidden state becomes: motion, camera, contacts (spec 3.3 steps 9 and 10)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ...model.config import BETAS, NetworkConfig
from ..constants import constant
from .layers import Mlp, filtered, held
from .leaning import Leaning
from .skip import WienerSkip

PRED_CAM_MEAN = (1.0606, -0.0027, 0.2702)
PRED_CAM_STD = (0.1784, 0.0956, 0.0764)
MIN_CAMERA_SCALE = 0.25
STATIC_JOINT_COUNT = 6  # ankle and foot left and right, wrists: refine.contacts.STATIC_JOINTS
SMOOTHING_TAPS = 5


@dataclass(frozen=True)
class NetworkOutput:
    """`pred_x` (B, L, 151) clean motion, normalised; `pred_cam` (B, L, 3) scale, tx, ty; `static_conf_logits` (B, L, 6)
    of the static joints; `pred_context` (B, T, D) the last hidden state."""

    pred_x: Tensor
    pred_cam: Tensor
    static_conf_logits: Tensor
    pred_context: Tensor


class Heads(nn.Module):
    """Three perceptrons on the hidden state, without a final norm. A token's frames come out side by side."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        width, per_token = config.latent_dim, config.frames_per_token
        self.final_layer = Mlp(width, width, per_token * config.motion_dim)
        self.pred_cam_head = Mlp(width, width, per_token * 3)
        self.static_conf_head = Mlp(width, width, per_token * STATIC_JOINT_COUNT)
        self.bypass = Bypass(width, per_token * config.motion_dim) if config.head_bypass else None
        self.smoothing = Smoothing(config.motion_dim, config.head_filter) if config.head_filter else None
        self.leaning = Leaning(width, config.motion_dim, per_token) if config.between else None
        self.skip = WienerSkip(width, config.motion_dim, per_token) if config.noise_skip else None
        self.per_token = per_token

    def forward(
        self,
        h: Tensor,
        tokens: Tensor,
        x_t: Tensor,
        t: Tensor,
        lengths: Tensor,
        seen: Tensor | None = None,
        between: Tensor | None = None,
    ) -> NetworkOutput:
        """h (B, T, D); `x_t` (B, L, 151) the noised motion at timesteps `t` (B,), and as `tokens` (B, T, p 151);
        `lengths` (B,) valid frames; where `seen` (B, L, 151) is 1, x_t is clean motion; `between` (B, L, 198) is what
        interpolation says."""
        frames = x_t.shape[1]
        motion = self.final_layer(h)
        if self.bypass is not None:
            motion = motion + self.bypass(h, tokens)
        motion = self._frames(motion, frames)
        if self.smoothing is not None:
            motion = self.smoothing(motion, lengths)
        if self.leaning is not None and between is not None:
            motion = self.leaning(motion, h, between, lengths)
        if self.skip is not None:
            motion = self.skip(motion, h, x_t, t, lengths, seen)
        camera = self._frames(self.pred_cam_head(h), frames)
        camera = camera * constant(PRED_CAM_STD, camera.device) + constant(PRED_CAM_MEAN, camera.device)
        camera = torch.cat([camera[..., :1].clamp(min=MIN_CAMERA_SCALE), camera[..., 1:]], dim=-1)
        logits = self._frames(self.static_conf_head(h), frames)
        return NetworkOutput(_one_shape(motion, lengths), camera, logits, h)

    def _frames(self, x: Tensor, frames: int) -> Tensor:
        return x.float().unflatten(-1, (self.per_token, -1)).flatten(1, 2)[:, :frames]


class Bypass(nn.Module):
    """What goes round the motion head's hidden layer, which is too narrow for fast motion: the hidden state itself, and
    of the noised motion as much as the hidden state says. Starts as nothing."""

    def __init__(self, width: int, channels: int) -> None:
        super().__init__()
        self.state = nn.Linear(width, channels, bias=False)
        self.share = nn.Linear(width, channels, bias=False)
        nn.init.zeros_(self.state.weight)
        nn.init.zeros_(self.share.weight)

    def forward(self, h: Tensor, tokens: Tensor) -> Tensor:
        """(B, T, D) and (B, T, C) to (B, T, C)."""
        return torch.addcmul(self.state(h), self.share(h), tokens.to(h.dtype))


class Smoothing(nn.Module):
    """Over frames, across the borders of tokens: a fixed low-pass, then a learned convolution that starts as nothing.

    Without it motion jerks where one token ends and the next begins (mini_model.md, "First tries").
    """

    def __init__(self, channels: int, taps: tuple[float, ...]) -> None:
        super().__init__()
        self.learned = nn.Conv1d(channels, channels, SMOOTHING_TAPS, groups=channels, bias=False)
        nn.init.zeros_(self.learned.weight)
        self.taps = taps

    def forward(self, motion: Tensor, lengths: Tensor) -> Tensor:
        """(B, L, C) fp32 to the same; both ends of the valid frames are continued by their own values."""
        x = filtered(held(motion, lengths), self.taps)
        return x + filtered(held(x, lengths), self.learned.weight[:, 0].unbind(-1))


def _one_shape(motion: Tensor, lengths: Tensor) -> Tensor:
    """Replace the betas of every frame by their mean over valid frames."""
    valid = torch.arange(motion.shape[1], device=motion.device) < lengths[:, None]
    betas = (motion[..., BETAS] * valid[..., None]).sum(1, keepdim=True) / lengths[:, None, None]
    betas = betas.expand(-1, motion.shape[1], -1)
    return torch.cat([motion[..., : BETAS.start], betas, motion[..., BETAS.stop :]], dim=-1)
