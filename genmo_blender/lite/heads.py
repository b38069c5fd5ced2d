"""What the last hidden state becomes: motion, camera, contacts (spec 3.3 steps 9 and 10)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..model.config import BETAS, NetworkConfig
from .layers import Array, Linear, Mlp, Parameters, filtered, held
from .leaning import Leaning
from .skip import WienerSkip

PRED_CAM_MEAN = np.array([1.0606, -0.0027, 0.2702], dtype=np.float32)
PRED_CAM_STD = np.array([0.1784, 0.0956, 0.0764], dtype=np.float32)
MIN_CAMERA_SCALE = 0.25
STATIC_JOINT_COUNT = 6
SMOOTHING_TAPS = 5


@dataclass(frozen=True, eq=False)
class NetworkOutput:
    """`pred_x` (B, L, 151) clean motion, normalised; `pred_cam` (B, L, 3) scale, tx, ty; `static_conf_logits` (B, L, 6)
    of the static joints; `pred_context` (B, T, D) the last hidden state."""

    pred_x: Array
    pred_cam: Array
    static_conf_logits: Array
    pred_context: Array


@dataclass(frozen=True, eq=False)
class Heads:
    """Three perceptrons on the hidden state, without a final norm. A token's frames come out side by side."""

    config: NetworkConfig
    motion: Mlp
    camera: Mlp
    contacts: Mlp
    bypass: tuple[Linear, Linear] | None
    smoothing: Array | None  # (151, 5)
    leaning: Leaning | None
    skip: WienerSkip | None

    @classmethod
    def read(cls, given: Parameters, config: NetworkConfig) -> Heads:
        """Raises ModelFailure for missing or wrong-sized parameters."""
        width, per_token, channels = config.latent_dim, config.frames_per_token, config.motion_dim
        sizes = per_token * channels, per_token * 3, per_token * STATIC_JOINT_COUNT
        names = ("final_layer", "pred_cam_head", "static_conf_head")
        motion, camera, contacts = (
            Mlp.read(given.of(name), width, width, size) for name, size in zip(names, sizes, strict=True)
        )
        bypass = smoothing = leaning = skip = None
        if config.head_bypass:
            state, share = (given.of("bypass").of(name) for name in ("state", "share"))
            bypass = Linear.read(state, width, sizes[0], bias=False), Linear.read(share, width, sizes[0], bias=False)
        if config.head_filter:
            smoothing = given.of("smoothing").of("learned").sized("weight", channels, 1, SMOOTHING_TAPS)[:, 0]
        if config.between:
            leaning = Leaning.read(given.of("leaning"), width, channels, per_token)
        if config.noise_skip:
            skip = WienerSkip.read(given.of("skip"), width, channels, per_token)
        return cls(config, motion, camera, contacts, bypass, smoothing, leaning, skip)

    def __call__(
        self,
        h: Array,
        tokens: Array,
        x_t: Array,
        t: Array,
        lengths: Array,
        seen: Array | None,
        between: Array | None = None,
    ) -> NetworkOutput:
        """h (B, T, D); `x_t` (B, L, 151) the noised motion at timesteps `t` (B,), and as `tokens` (B, T, p 151);
        `lengths` (B,) valid frames; where `seen` (B, L, 151) is 1, x_t is clean motion; `between` (B, L, 198) is what
        interpolation says."""
        frames = x_t.shape[1]
        motion = self.motion(h)
        if self.bypass is not None:
            state, share = self.bypass
            motion += state(h)
            motion += share(h) * tokens
        motion = self._frames(motion, frames)
        if self.smoothing is not None:
            motion = filtered(held(motion, lengths), self.config.head_filter)
            motion = motion + filtered(held(motion, lengths), list(self.smoothing.T))
        if self.leaning is not None and between is not None:
            motion = self.leaning(motion, h, between, lengths)
        if self.skip is not None:
            motion = self.skip(motion, h, x_t, t, lengths, seen)
        camera = self._frames(self.camera(h), frames) * PRED_CAM_STD + PRED_CAM_MEAN
        camera[..., 0] = np.maximum(camera[..., 0], MIN_CAMERA_SCALE)
        return NetworkOutput(_one_shape(motion, lengths), camera, self._frames(self.contacts(h), frames), h)

    def _frames(self, x: Array, frames: int) -> Array:
        batch, tokens, _ = x.shape
        return x.reshape(batch, tokens * self.config.frames_per_token, -1)[:, :frames]


def _one_shape(motion: Array, lengths: Array) -> Array:
    """Replace the betas of every frame by their mean over valid frames."""
    valid = (np.arange(motion.shape[1]) < lengths[:, None])[..., None]
    out = motion.copy()
    out[..., BETAS] = (motion[..., BETAS] * valid).sum(1, keepdims=True) / lengths[:, None, None].astype(np.float32)
    return out
