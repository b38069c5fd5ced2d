"""Sizes and switches of one network. The official presets are spec 1.2; `mini` is the bundled model (mini_model.md)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal

from ..protocol.failures import ModelFailure

# The frame-aligned conditions in the order in which the release sums them (`in_attr`).
CONDITION_ORDER = ("obs", "f_cliffcam", "f_imgseq", "f_cam_angvel", "encoded_music", "encoded_audio")
MOTION_DIM = 151
BETAS = slice(126, 136)
JOINTS_2D = 17
MUSIC_DIM = 35
AUDIO_SAMPLES_PER_FRAME = 600
# Seven numbers about the last known root and seven about the next one, in gravity-view axes of the frame; what they are
# is defined where they are computed, in conditions/root_goals.py. Entries 6 and 13 say whether there is such a root.
ROOT_GOAL_DIM = 14
# What interpolation between keys says: the code, how near the last and the next key of each of its rotations are, and
# whether the step is known (conditions/between.py).
BETWEEN_PARTS = 23
BETWEEN_DIM = MOTION_DIM + 2 * BETWEEN_PARTS + 1


@dataclass(frozen=True)
class NetworkConfig:
    """Everything that decides the shapes and the meaning of a network's parameters.

    `window` is in frames. With `frames_per_token` p > 1 a token holds p frames and attention sees window / p tokens.
    `head_filter` are the taps of a fixed low-pass over frames behind the motion head; a learned one follows it.
    With `head_bypass`, the hidden state and a share of the noised motion go round the motion head's hidden layer.
    With `noise_skip`, the motion is corrected by what the noised one says (network/skip.py).
    With `between`, it is told what interpolation says between keys and leans on it (network/leaning.py).
    With `sentence`, a text's mean token also joins the sum of conditions at its frames (ours, not the release's),
    and so do the odds that it is of one of `sentence_kinds` kinds.
    `uncovered_frames` says what a frame outside every text window gets from cross-attention: nothing, or the null text.
    Raises ModelFailure for sizes that do not fit together.
    """

    latent_dim: int
    layers: int
    heads: int
    mlp_ratio: int = 4
    dropout: float = 0.1
    text: bool = True
    text_dim: int = 1024
    text_tokens: int = 50
    conditions: tuple[str, ...] = CONDITION_ORDER
    image_dim: int = 1024
    motion_dim: int = MOTION_DIM
    window: int = 120
    frames_per_token: int = 1
    head_filter: tuple[float, ...] = ()
    head_bypass: bool = False
    noise_skip: bool = False
    key_mask: bool = False
    root_goal: bool = False
    between: bool = False
    sentence: bool = False
    sentence_kinds: int = 0
    uncovered_frames: Literal["zero", "null_text"] = "zero"

    def __post_init__(self) -> None:
        in_order = tuple(c for c in CONDITION_ORDER if c in self.conditions)
        problems = [
            (self.latent_dim % (2 * self.heads) != 0, "the width is not an even multiple of the number of heads"),
            (self.window % self.frames_per_token != 0, "the window is not a whole number of tokens"),
            (self.conditions != in_order or "obs" not in in_order, "its conditions are unknown or out of order"),
            (len(self.head_filter) % 2 == 0 and self.head_filter != (), "its head filter has no middle tap"),
            (self.uncovered_frames not in ("zero", "null_text"), "its rule for frames without text is unknown"),
            (self.motion_dim != MOTION_DIM, f"its motion vector does not have {MOTION_DIM} channels"),
        ]
        for wrong, words in problems:
            if wrong:
                raise ModelFailure("bad_network_config", f"The model's configuration cannot be used: {words}.")

    @property
    def strips(self) -> tuple[str, ...]:
        """Kinds of strip besides text that this network can be told."""
        keys = ("keys",) if self.key_mask and self.root_goal else ()
        return keys + (("music",) if "encoded_music" in self.conditions else ())

    @property
    def window_tokens(self) -> int:
        """Width of the attention window in tokens."""
        return self.window // self.frames_per_token

    def to_dict(self) -> dict[str, Any]:
        """A JSON-ready record; `from_dict` gives the same config back."""
        return {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(self).items()}

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> NetworkConfig:
        """Read a record. Raises ModelFailure for unknown or missing fields."""
        known = {f.name for f in fields(cls)}
        if not known >= set(record) >= {"latent_dim", "layers", "heads"}:
            raise ModelFailure(
                "bad_network_config",
                "The model's configuration has fields this version does not know, or lacks some.",
                "Use a model made for this version.",
            )
        values: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in record.items()}
        return cls(**values)

    @classmethod
    def official(cls) -> NetworkConfig:
        """`gem_smpl`, the released network."""
        return cls(latent_dim=1024, layers=16, heads=8)

    @classmethod
    def official_regression(cls) -> NetworkConfig:
        """`gem_smpl_regression`, the released configuration without text, music and speech."""
        return cls(latent_dim=512, layers=12, heads=8, text=False, conditions=CONDITION_ORDER[:4])

    @classmethod
    def mini(cls) -> NetworkConfig:
        """`genmo_mini`, the bundled model.

        Narrower than mini_model.md proposes: on two cores without bf16 it sees four times as many windows an hour
        (5.0 M numbers against 10.8 M), and hours are what it lacks. For the same reason without dropout, which costs a
        fifth of a step and holds back a network that has not yet learned its data.
        """
        return cls(
            latent_dim=192,
            layers=6,
            heads=4,
            mlp_ratio=2,
            dropout=0.0,
            text_dim=384,
            text_tokens=32,
            conditions=("obs", "f_cliffcam", "f_cam_angvel", "encoded_music"),
            frames_per_token=4,
            head_filter=(1 / 16, 4 / 16, 6 / 16, 4 / 16, 1 / 16),
            head_bypass=True,
            noise_skip=True,
            key_mask=True,
            root_goal=True,
            between=True,
            sentence=True,
            sentence_kinds=512,
            uncovered_frames="null_text",
        )
