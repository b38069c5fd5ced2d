"""Windows -> tensors: the normalised code, the joints it should move, and its texts, mirrored twins included."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..conditions.root_goals import heading_of
from ..representation.codec import Statistics
from ..representation.rotations import matrix_to_6d, product, yaw_matrix
from .corpus import Corpus
from .varying import Frames
from .windows import AHEAD, UNTOLD, Windows


@dataclass(frozen=True)
class TextBatch:
    """``features`` (B, K, N, C) float32 and ``weights`` (B, K, L): the network's text windows, K = 0 where nothing has
    words."""

    features: Tensor
    weights: Tensor

    def without(self, rows: Tensor) -> TextBatch:
        """The same, with no text for the samples where ``rows`` (B,) is true."""
        return TextBatch(self.features, self.weights * ~rows[:, None, None])

    @property
    def spoken(self) -> Tensor:
        """Which samples have words, (B,) bool."""
        if not self.weights.shape[1]:
            return torch.zeros(len(self.weights), dtype=torch.bool, device=self.weights.device)
        return (self.weights.amax(-1) * self.features.abs().amax((-1, -2))).amax(-1) > 0


@dataclass(frozen=True)
class Batch:
    """``x0`` (B, L, 151) normalised; ``valid`` (B, L) bool; ``length`` (B,); ``root`` (B, L, 3, 3) gravity-view;
    ``joints`` (B, L, 22, 3) metres from the pelvis, gravity-view; ``contacts`` (B, L, 6); ``text``;
    ``told`` (B,) bool: whether the network is told which way the person faces at the first frame."""

    x0: Tensor
    valid: Tensor
    length: Tensor
    root: Tensor
    joints: Tensor
    contacts: Tensor
    velocity: Tensor
    text: TextBatch
    told: Tensor


def collate(
    corpus: Corpus,
    windows: Windows,
    features: Tensor,
    statistics: Statistics,
    vary: Callable[[Frames], Frames] | None = None,
) -> Batch:
    """Every window, then every mirrored twin (2 x len(windows) samples), each under a camera of its own yaw or one that
    the person faces at first; ``vary`` changes the motion before it is turned.

    ``features`` (sentences, N, C) half precision: the encoded sentence table of the corpus. Everything happens on the
    device of the corpus; nothing is drawn here.
    """
    device = corpus.pose.device
    first, length = moved(np.stack([windows.first, windows.length]), device)
    yaw = moved(windows.yaw.T.reshape(-1).astype(np.float32), device)
    offset = torch.arange(windows.frames, device=device)
    rows = first[:, None] + torch.minimum(offset, length[:, None] - 1)
    rows = torch.cat([rows, rows + corpus.half])
    motion = Frames(
        corpus.pose[rows],
        corpus.root[rows],
        corpus.velocity[rows],
        corpus.joints[rows],
        corpus.contacts[rows],
        length.repeat(2),
    )
    if vary is not None:
        motion = vary(motion)
    length, velocity = motion.length, motion.velocity
    facing = moved(windows.facing, device).repeat(2)
    yaw = torch.where(facing == AHEAD, -heading_of(motion.root[:, 0]), yaw)
    turn = yaw_matrix(yaw)[:, None]
    root = product(turn, motion.root)
    raw = torch.cat(
        [
            motion.pose,
            velocity.new_zeros(*velocity.shape[:2], 10),
            -matrix_to_6d(root),  # keys.LEVEL_CAMERA @ root: of its rows these are the first two
            matrix_to_6d(root),
            velocity,
        ],
        dim=-1,
    )
    valid = offset < length[:, None]
    joints = (motion.joints.flatten(1, 2) @ turn[:, 0].mT).unflatten(1, (windows.frames, -1))
    x0 = statistics.normalise(raw) * valid[..., None]
    text = _texts(corpus, windows, features)
    return Batch(x0, valid, length, root, joints, motion.contacts, velocity, text, facing != UNTOLD)


def moved(array: np.ndarray, device: torch.device) -> Tensor:
    """To the device without waiting for what it is doing."""
    return torch.from_numpy(np.ascontiguousarray(array)).to(device, non_blocking=True)


def _texts(corpus: Corpus, windows: Windows, features: Tensor) -> TextBatch:
    # on a graphics card steps keep one shape (replay.py); on a processor no text is embedded in vain
    most = windows.sentence.shape[1]
    spoken = max(min(1, most), int((windows.sentence >= 0).any(0).sum()))
    used = spoken if features.device.type == "cpu" else most
    sentence = windows.sentence[:, :used]
    twin = np.where(sentence >= 0, corpus.twin[sentence], -1)
    table = np.stack([sentence, twin, windows.start[:, :used], windows.end[:, :used]])
    rows, twins, start, end = moved(table, features.device)
    rows, there = torch.cat([rows, twins]), torch.cat([rows, twins]) >= 0
    frames = torch.arange(windows.frames, device=features.device)
    inside = (frames >= start[..., None]) & (frames < end[..., None])
    chosen = features[rows.clamp(min=0)].float() * there[..., None, None]
    return TextBatch(chosen, (inside.repeat(2, 1, 1) & there[..., None]).float())
