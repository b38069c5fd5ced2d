"""Frame-aligned conditions: embedders, existence embedders, and their sum (spec 2, 7.4)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor, nn

from ...model.config import BETWEEN_DIM, JOINTS_2D, MOTION_DIM, MUSIC_DIM, ROOT_GOAL_DIM, NetworkConfig
from .audio import AUDIO_WIDTH, audio_encoder
from .layers import Mlp, zero_linear

VISIBLE_CONFIDENCE = 0.5
JOINTS_FOR_A_BOX = 3  # the CLIFF term exists where more joints than this are visible
SOUND = ("encoded_music", "encoded_audio")  # what guidance drops from its unconditional branch
# torch lets cuDNN round the factors of convolutions to ten bits; the release's sound embedder is fp32.
torch.backends.cudnn.allow_tf32 = False


@dataclass(frozen=True)
class ConditionInputs:
    """Raw conditions of a batch; whatever is None is absent on all frames.

    `obs` (B, L, 17, 3) normalised keypoints and confidence; `j2d_visible` (B, L, 17); `f_cliffcam` (B, L, 3);
    `f_imgseq` (B, L, 1024); `f_cam_angvel` (B, L, 6) normalised; `encoded_music` (B, L, 35); `encoded_audio`
    (B, 600 L) waveform at 18 kHz; `has_*` (B, L) existence flags. Only for networks that have them: `key_mask`
    (B, L, 151), 1 where `observed` motion is imposed, `root_goal` (B, L, 14), see `config.ROOT_GOAL_DIM`, and `between`
    (B, L, 198), see `config.BETWEEN_DIM`.
    `hidden` are frames (B, L) at which a condition is made absent in training.
    """

    obs: Tensor | None = None
    j2d_visible: Tensor | None = None
    f_cliffcam: Tensor | None = None
    f_imgseq: Tensor | None = None
    f_cam_angvel: Tensor | None = None
    encoded_music: Tensor | None = None
    encoded_audio: Tensor | None = None
    has_img: Tensor | None = None
    has_2d: Tensor | None = None
    has_cam: Tensor | None = None
    has_music: Tensor | None = None
    has_audio: Tensor | None = None
    key_mask: Tensor | None = None
    root_goal: Tensor | None = None
    between: Tensor | None = None
    hidden: Mapping[str, Tensor] = field(default_factory=dict)

    def visible_joints(self) -> Tensor | None:
        """Which joints are seen, (B, L, 17) bool: `j2d_visible` where the frame has 2D."""
        if self.j2d_visible is None:
            return None
        visible = self.j2d_visible.bool()
        return visible if self.has_2d is None else visible & self.has_2d.bool()[..., None]

    def exists(self, key: str) -> Tensor | None:
        """Existence flags of a condition (spec 2.7), (B, L) bool, or None where it is absent on all frames."""
        flags: Tensor | None
        if key == "f_cliffcam":
            visible = self.visible_joints()
            flags = None if visible is None else visible.sum(-1) > JOINTS_FOR_A_BOX
        else:
            flags = getattr(self, _FLAG[key])
        if flags is not None and key in self.hidden:
            flags = flags.bool() & ~self.hidden[key]
        return flags


_FLAG = {
    "f_imgseq": "has_img",
    "f_cam_angvel": "has_cam",
    "encoded_music": "has_music",
    "encoded_audio": "has_audio",
}


@dataclass(frozen=True)
class ConditionSums:
    """The three sums of spec 2.7, each (B, L, D): all conditions; without music and speech; none at all."""

    f_cond: Tensor
    f_uncond: Tensor
    f_empty: Tensor


class ConditionEmbedder(nn.Module):
    """All embedders of a network. Parameter names are the release's; `key_mask`, `root_goal` and `between` are ours."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        width, dropout = config.latent_dim, config.dropout
        self.learned_pos_params = nn.Parameter(torch.empty(JOINTS_2D, 32))
        if not self.learned_pos_params.is_meta:  # there, drawing imports a compiler and sympy: most of loading
            nn.init.normal_(self.learned_pos_params)
        self.learned_pos_linear = nn.Linear(2, 32)
        self.embed_noisyobs = Mlp(JOINTS_2D * 32, 2 * width, width, dropout)
        if "f_cliffcam" in config.conditions:
            self.cliffcam_embedder = _small(3, width, dropout)
        if "f_imgseq" in config.conditions:
            self.imgseq_embedder = _normed(config.image_dim, width)
        if "f_cam_angvel" in config.conditions:
            self.cam_angvel_embedder = _small(6, width, dropout)
        if "encoded_music" in config.conditions:
            self.music_embedder = Mlp(MUSIC_DIM, 2 * width, width, dropout)
        if "encoded_audio" in config.conditions:
            self.audio_encoder = audio_encoder(dropout)
            self.audio_embedder = _normed(AUDIO_WIDTH, width)
        self.cond_exists_embedder = nn.ModuleDict(
            {key: nn.Sequential(nn.Linear(width + 1, width), nn.SiLU(), zero_linear(width, width)) for key in self.keys}
        )
        self.key_mask_embedder = zero_linear(MOTION_DIM, width) if config.key_mask else None
        self.root_goal_embedder = _small(ROOT_GOAL_DIM, width, 0.0) if config.root_goal else None
        self.between_embedder = _small(BETWEEN_DIM, width, 0.0) if config.between else None

    @property
    def keys(self) -> tuple[str, ...]:
        """The conditions that carry an existence flag, in the order of their sum."""
        return tuple(key for key in self.config.conditions if key != "obs")

    def f_cond(self, inputs: ConditionInputs, batch: int, frames: int) -> Tensor:
        """The sum of all conditions, (B, L, D). What is constant over frames is computed once."""
        total = self.embed_obs(inputs.obs, inputs.visible_joints(), batch)
        for key in self.keys:
            total = total + self.term(key, self.embed(key, inputs), inputs.exists(key), batch)
        return (total + self._ours(inputs)).float().expand(batch, frames, -1)

    def sums(self, inputs: ConditionInputs, batch: int, frames: int) -> ConditionSums:
        """The sums that guidance needs; no embedder runs twice."""
        cond = self.embed_obs(inputs.obs, inputs.visible_joints(), batch)
        uncond, empty = cond, self.embed_obs(None, None, batch)
        for key in self.keys:
            present = self.term(key, self.embed(key, inputs), inputs.exists(key), batch)
            absent = self.term(key, None, None, batch)
            cond = cond + present
            uncond = uncond + (absent if key in SOUND else present)
            empty = empty + absent
        ours = self._ours(inputs)
        shape = (batch, frames, self.config.latent_dim)
        return ConditionSums(*(total.float().expand(shape) for total in (cond + ours, uncond + ours, empty)))

    def embed_obs(self, obs: Tensor | None, visible: Tensor | None, batch: int) -> Tensor:
        """Keypoints (spec 2.1): (B, L, 17, 3) to (B, L, D); an unseen joint is its learned vector. None: (B, 1, D)."""
        if obs is None:
            joints = self.learned_pos_params.expand(batch, 1, -1, -1)
        else:
            seen = obs[..., 2:] > VISIBLE_CONFIDENCE
            if visible is not None:
                seen = seen & visible[..., None]
            xy = torch.where(seen, obs[..., :2], 0.0)
            joints = torch.where(seen, self.learned_pos_linear(xy), self.learned_pos_params)
        embedded: Tensor = self.embed_noisyobs(joints.flatten(-2))
        return embedded

    def embed(self, key: str, inputs: ConditionInputs) -> Tensor | None:
        """The raw embedding of one condition, (B, L, D), before masking; None where its array is missing."""
        raw: Tensor | None = getattr(inputs, key)
        if raw is None:
            return None
        if key == "encoded_audio":
            heard = self.audio_encoder(raw[:, None]).transpose(1, 2)
            return self.audio_embedder(heard)
        embedder = {
            "f_cliffcam": "cliffcam_embedder",
            "f_imgseq": "imgseq_embedder",
            "f_cam_angvel": "cam_angvel_embedder",
            "encoded_music": "music_embedder",
        }[key]
        embedded: Tensor = getattr(self, embedder)(raw)
        return embedded

    def term(self, key: str, embedded: Tensor | None, exists: Tensor | None, batch: int) -> Tensor:
        """What a condition adds to the sum: Exists([e m, m]) (spec 2). Absent everywhere: (B, 1, D), a constant."""
        weight = self.learned_pos_params
        if exists is None:
            exists = weight.new_zeros(batch, 1)
            embedded = None
        flag = exists[..., None].to(weight.dtype)
        if embedded is None:
            embedded = flag.new_zeros(*flag.shape[:-1], self.config.latent_dim)
        total: Tensor = self.cond_exists_embedder[key](torch.cat([embedded * flag, flag], dim=-1))
        return total

    def _ours(self, inputs: ConditionInputs) -> Tensor:
        total = self.learned_pos_params.new_zeros(1, 1, self.config.latent_dim)
        if self.key_mask_embedder is not None and inputs.key_mask is not None:
            mask = inputs.key_mask.to(total.dtype)
            total = total + self.key_mask_embedder(mask) * mask.amax(-1, keepdim=True)
        if self.root_goal_embedder is not None and inputs.root_goal is not None:
            goal = inputs.root_goal
            known = torch.maximum(goal[..., 6:7], goal[..., 13:14])
            total = total + self.root_goal_embedder(goal) * known
        if self.between_embedder is not None and inputs.between is not None:
            said = inputs.between
            known = said[..., MOTION_DIM:].amax(-1, keepdim=True) > 0
            total = total + self.between_embedder(said) * known
        return total


def _small(inputs: int, width: int, dropout: float) -> nn.Sequential:
    return nn.Sequential(nn.Linear(inputs, width), nn.SiLU(), nn.Dropout(dropout), zero_linear(width, width))


def _normed(inputs: int, width: int) -> nn.Sequential:
    return nn.Sequential(nn.LayerNorm(inputs), zero_linear(inputs, width))


@dataclass(frozen=True)
class DropDraws:
    """Uniform random numbers of training-time dropping (spec 7.4): `image`, `camera`, `music`, `audio` (B,), `frames`
    (B, L) for each condition. `image` is drawn in diffusion mode only."""

    image: Tensor | None
    camera: Tensor
    music: Tensor
    audio: Tensor
    frames: Mapping[str, Tensor]

    @classmethod
    def draw(
        cls, config: NetworkConfig, batch: int, frames: int, regression: bool, generator: torch.Generator
    ) -> DropDraws:
        """Draw in the release's order: image, camera, music, speech, then each condition's frames."""

        def uniform(*shape: int) -> Tensor:
            return torch.rand(shape, generator=generator, device=generator.device)

        image = None if regression else uniform(batch)
        camera, music, audio = uniform(batch), uniform(batch), uniform(batch)
        return cls(image, camera, music, audio, {key: uniform(batch, frames) for key in config.conditions})


@dataclass(frozen=True)
class DropRates:
    """Probabilities of spec 7.4."""

    image: float = 0.5
    camera: float = 1.0
    music: float = 0.1
    audio: float = 0.1
    frame: float = 0.1


def drop_conditions(
    inputs: ConditionInputs, draws: DropDraws, has_text: Tensor, regression: bool, rates: DropRates | None = None
) -> ConditionInputs:
    """Training-time dropping (spec 7.4) on existence flags; `has_text` (B,). Arrays stay as they are.

    Image and 2D fall together, in diffusion mode, for samples with text or at frames with sound; in regression mode 2D
    is forced on instead. The camera falls for the same samples and frames. A frame's random null acts on existence
    flags alone, so it never hides keypoints (D11). The image needs more than 3 visible joints (D12).
    """
    rates = rates or DropRates()
    assert inputs.j2d_visible is not None and inputs.has_2d is not None
    absent = torch.zeros_like(inputs.has_2d, dtype=torch.bool)
    img, cam, music, audio = (
        absent if flags is None else flags.bool()
        for flags in (inputs.has_img, inputs.has_cam, inputs.has_music, inputs.has_audio)
    )
    generated = has_text.bool()[:, None] | music | audio
    has_2d = torch.ones_like(absent) if regression else inputs.has_2d.bool()
    if not regression and draws.image is not None:
        dropped = generated & (draws.image < rates.image)[:, None]
        img, has_2d = img & ~dropped, has_2d & ~dropped
    cam = cam & ~(generated & (draws.camera < rates.camera)[:, None])
    dropped_inputs = replace(inputs, has_2d=has_2d)
    visible = dropped_inputs.visible_joints()
    assert visible is not None
    return replace(
        dropped_inputs,
        has_img=img & (visible.sum(-1) > JOINTS_FOR_A_BOX),
        has_cam=cam,
        has_music=music & ~(draws.music < rates.music)[:, None],
        has_audio=audio & ~(draws.audio < rates.audio)[:, None],
        hidden={key: draw < rates.frame for key, draw in draws.frames.items()},
    )
