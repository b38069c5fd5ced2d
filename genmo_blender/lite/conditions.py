"""Frame-aligned conditions: embedders, existence embedders, and their sum (spec 2). Without speech and image features,
which the bundled model has not learned: a network that knows them is told that they are absent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from ..model.config import BETWEEN_DIM, JOINTS_2D, MOTION_DIM, MUSIC_DIM, ROOT_GOAL_DIM, NetworkConfig
from .layers import Array, Linear, Mlp, Parameters, silu

VISIBLE_CONFIDENCE = 0.5
JOINTS_FOR_A_BOX = 3  # the CLIFF term exists where more joints than this are visible
SOUND = ("encoded_music", "encoded_audio")  # what guidance drops from its unconditional branch
NOT_HERE = ("conditions.audio_encoder.", "conditions.audio_embedder.", "conditions.imgseq_embedder.")
_FLAGS = {"f_cam_angvel": "has_cam", "encoded_music": "has_music"}
_SMALL = {"f_cliffcam": ("cliffcam_embedder", 3), "f_cam_angvel": ("cam_angvel_embedder", 6)}


@dataclass(frozen=True, eq=False)
class ConditionInputs:
    """Raw conditions of a batch; whatever is None is absent on all frames.

    `obs` (B, L, 17, 3) normalised keypoints and confidence; `j2d_visible` (B, L, 17); `f_cliffcam` (B, L, 3);
    `f_cam_angvel` (B, L, 6) normalised; `encoded_music` (B, L, 35); `has_*` (B, L) existence flags. Only for networks
    that have them: `key_mask` (B, L, 151), 1 where `observed` motion is imposed, `root_goal` (B, L, 14) and `between`
    (B, L, 198).
    """

    obs: Array | None = None
    j2d_visible: Array | None = None
    f_cliffcam: Array | None = None
    f_cam_angvel: Array | None = None
    encoded_music: Array | None = None
    has_2d: Array | None = None
    has_cam: Array | None = None
    has_music: Array | None = None
    key_mask: Array | None = None
    root_goal: Array | None = None
    between: Array | None = None

    def visible_joints(self) -> Array | None:
        """Which joints are seen, (B, L, 17) bool: `j2d_visible` where the frame has 2D."""
        if self.j2d_visible is None:
            return None
        visible = self.j2d_visible.astype(bool)
        return visible if self.has_2d is None else visible & self.has_2d.astype(bool)[..., None]

    def exists(self, key: str) -> Array | None:
        """Existence flags of a condition (spec 2.7), (B, L), or None where it is absent on all frames."""
        if key == "f_cliffcam":
            visible = self.visible_joints()
            return None if visible is None else visible.sum(-1) > JOINTS_FOR_A_BOX
        flags: Array | None = getattr(self, _FLAGS[key]) if key in _FLAGS else None
        return flags


@dataclass(frozen=True, eq=False)
class TwoLayers:
    """Linear, SiLU, Linear."""

    first: Linear
    second: Linear

    @classmethod
    def read(cls, given: Parameters, inputs: int, width: int, names: tuple[str, str]) -> TwoLayers:
        return cls(Linear.read(given.of(names[0]), inputs, width), Linear.read(given.of(names[1]), width, width))

    def __call__(self, x: Array) -> Array:
        return self.second(silu(self.first(x)))


@dataclass(frozen=True, eq=False)
class ConditionEmbedder:
    """All embedders of a network."""

    config: NetworkConfig
    unseen: Array  # (17, 32)
    place: Linear
    keypoints: Mlp
    exists: Mapping[str, TwoLayers]
    embedders: Mapping[str, TwoLayers | Mlp] = field(default_factory=dict)
    key_mask: Linear | None = None
    root_goal: TwoLayers | None = None
    between: TwoLayers | None = None

    @classmethod
    def read(cls, given: Parameters, config: NetworkConfig) -> ConditionEmbedder:
        """Raises ModelFailure for missing or wrong-sized parameters."""
        width = config.latent_dim
        keys = [key for key in config.conditions if key != "obs"]
        embedders: dict[str, TwoLayers | Mlp] = {
            key: TwoLayers.read(given.of(name), inputs, width, ("0", "3"))
            for key, (name, inputs) in _SMALL.items()
            if key in keys
        }
        if "encoded_music" in keys:
            embedders["encoded_music"] = Mlp.read(given.of("music_embedder"), MUSIC_DIM, 2 * width, width)
        exists = given.of("cond_exists_embedder")
        mask = goal = between = None
        if config.key_mask:
            mask = Linear.read(given.of("key_mask_embedder"), MOTION_DIM, width)
        if config.root_goal:
            goal = TwoLayers.read(given.of("root_goal_embedder"), ROOT_GOAL_DIM, width, ("0", "3"))
        if config.between:
            between = TwoLayers.read(given.of("between_embedder"), BETWEEN_DIM, width, ("0", "3"))
        return cls(
            config,
            given.sized("learned_pos_params", JOINTS_2D, 32),
            Linear.read(given.of("learned_pos_linear"), 2, 32),
            Mlp.read(given.of("embed_noisyobs"), JOINTS_2D * 32, 2 * width, width),
            {key: TwoLayers.read(exists.of(key), width + 1, width, ("0", "2")) for key in keys},
            embedders,
            mask,
            goal,
            between,
        )

    def f_cond(self, inputs: ConditionInputs, batch: int, frames: int, silent: bool = False) -> Array:
        """The sum of all conditions, (B, L, D); ``silent`` without music, for guidance. What is constant over frames is
        computed once."""
        total = self._embed_obs(inputs.obs, inputs.visible_joints(), batch)
        for key in self.exists:
            total = total + self._term(key, inputs, silent and key in SOUND, batch)
        if self.key_mask is not None and inputs.key_mask is not None:
            mask = inputs.key_mask.astype(np.float32)
            total = total + self.key_mask(mask) * mask.max(-1, keepdims=True)
        if self.root_goal is not None and inputs.root_goal is not None:
            goal = inputs.root_goal
            total = total + self.root_goal(goal) * np.maximum(goal[..., 6:7], goal[..., 13:14])
        if self.between is not None and inputs.between is not None:
            known = inputs.between[..., MOTION_DIM:].max(-1, keepdims=True) > 0
            total = total + self.between(inputs.between) * known
        return np.broadcast_to(total, (batch, frames, self.config.latent_dim))

    def _embed_obs(self, obs: Array | None, visible: Array | None, batch: int) -> Array:
        """Keypoints (spec 2.1): (B, L, 17, 3) to (B, L, D); an unseen joint is its learned vector. None: (B, 1, D)."""
        if obs is None:
            joints = np.broadcast_to(self.unseen, (batch, 1, *self.unseen.shape))
        else:
            seen = obs[..., 2:] > VISIBLE_CONFIDENCE
            if visible is not None:
                seen = seen & visible[..., None]
            joints = np.where(seen, self.place(np.where(seen, obs[..., :2], np.float32(0.0))), self.unseen)
        return self.keypoints(joints.reshape(*joints.shape[:2], -1))

    def _term(self, key: str, inputs: ConditionInputs, silent: bool, batch: int) -> Array:
        """What a condition adds to the sum: Exists([e m, m]) (spec 2). Absent everywhere: (B, 1, D), a constant."""
        flags = None if silent else inputs.exists(key)
        flag = np.zeros((batch, 1, 1), dtype=np.float32) if flags is None else flags.astype(np.float32)[..., None]
        raw = getattr(inputs, key, None)
        embedded = np.zeros((*flag.shape[:-1], self.config.latent_dim), dtype=np.float32)
        if flags is not None and raw is not None:
            embedded = self.embedders[key](raw)
        return self.exists[key](np.concatenate([embedded * flag, flag], axis=-1))
