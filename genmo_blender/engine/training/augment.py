"""What makes clean motion look like footage: noise, occlusion, mirroring (spec 5.5, 7.3).

Every function takes its random draws as arguments, so that a training run owns its generator and a test its numbers.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ..representation.rotations import axis_angle_to_matrix, matrix_to_axis_angle

COCO = 17
LEGS = slice(11, 17)
# Joints of which each COCO-17 joint is the far end: hidden when one of them is (nose: both shoulders must be seen).
COCO_ABOVE = ((5, 6), (0,), (0,), (1,), (2,), (), (), (5,), (6,), (7,), (8,), (), (), (11,), (12,), (13,), (14,))
COCO_LEFT_RIGHT = (0, 2, 1, 4, 3, 6, 5, 8, 7, 10, 9, 12, 11, 14, 13, 16, 15)
SMPL_LEFT_RIGHT = (0, 2, 1, 3, 5, 4, 6, 8, 7, 9, 11, 10, 12, 14, 13, 15, 17, 16, 19, 18, 21, 20)


@dataclass(frozen=True)
class NoiseTable:
    """Per-joint noise of a COCO-17 detector, (17,) each."""

    jittering: Tensor
    bias: Tensor
    peak: Tensor
    pmask: Tensor


def default_noise_table() -> NoiseTable:
    """The table of the release (spec 7.3, ``coco17_wham_aug``)."""
    return NoiseTable(
        jittering=_table(0.2, (0.1, 0.1), (0.3, 0.2, 0.1), (0.4, 0.2, 0.1)),
        bias=_table(0.4, (0.1, 0.1), (0.15, 0.25, 0.35), (0.1, 0.15, 0.25)),
        peak=_table(0.08, (0.08, 0.08), (0.15, 0.25, 0.4), (0.08, 0.3, 0.4)),
        pmask=_table(0.05, (0.05, 0.05), (0.1, 0.2, 0.3), (0.1, 0.2, 0.3)),
    )


def _table(nose: float, head: tuple[float, ...], arm: tuple[float, ...], leg: tuple[float, ...]) -> Tensor:
    """(17,): nose, then eyes and ears, shoulder-elbow-wrist, hip-knee-ankle, each the same on both sides."""
    return torch.tensor([nose, *(value for part in (*head, *arm, *leg) for value in (part, part))], device="cpu")


@dataclass(frozen=True)
class KeypointDraws:
    """Draws of `keypoint_noise` in the release's order: ``bias`` N(0,1) (B, 17, 3), ``peak`` U(0,1) (B, L, 17),
    ``peak_direction`` N(0,1) (3,), ``jitter`` N(0,1) (B, L, 17, 3)."""

    bias: Tensor
    peak: Tensor
    peak_direction: Tensor
    jitter: Tensor

    @staticmethod
    def draw(batch: int, frames: int, generator: torch.Generator) -> KeypointDraws:
        return KeypointDraws(
            torch.randn(batch, COCO, 3, generator=generator),
            torch.rand(batch, frames, COCO, generator=generator),
            torch.randn(3, generator=generator),
            torch.randn(batch, frames, COCO, 3, generator=generator),
        )


def peak_noise(uniform: Tensor, direction: Tensor, table: NoiseTable, threshold: float = 0.005) -> Tensor:
    """Rare large errors in metres, (B, L, 17, 3): one direction (3,) for the whole batch, as in the release."""
    hit = (uniform * table.pmask < threshold).unsqueeze(-1)
    return hit * (direction * table.peak.unsqueeze(-1) * 0.3)


def keypoint_noise(draws: KeypointDraws, table: NoiseTable) -> Tensor:
    """Error of 3D keypoints in metres, camera frame, (B, L, 17, 3): bias constant in time + peaks + jitter."""
    bias = (draws.bias * table.bias.unsqueeze(-1) * 0.1).unsqueeze(1)
    jitter = draws.jitter * table.jittering.unsqueeze(-1) * 0.05
    return bias + peak_noise(draws.peak, draws.peak_direction, table) + jitter


def hide_downstream(visible: Tensor) -> Tensor:
    """Joints whose upper joint is hidden are hidden too: bool (..., 17), in joint order (spec 7.3)."""
    columns = list(visible.unbind(-1))
    for joint, above in enumerate(COCO_ABOVE):
        for upper in above:
            columns[joint] = columns[joint] & columns[upper]
    return torch.stack(columns, dim=-1)


def random_visibility(uniform: Tensor, rate: float = 0.03) -> Tensor:
    """Each joint hidden with probability ``rate``, and what hangs on it: draws U(0,1) (..., 17) -> bool."""
    return hide_downstream(uniform >= rate)


def hidden_legs(start: Tensor, length: Tensor, uniform: Tensor, frames: int, rate: float = 0.03) -> Tensor:
    """Legs out of the picture for a while: bool (B, frames, 17), true where hidden.

    ``start`` U{0..frames-91}, ``length`` U{30..89}, ``uniform`` U(0,1), (B,) each. Clips of 90 frames or less have no
    such start (spec 5.1 D29): leave them alone.
    """
    frame = torch.arange(frames, device=start.device)
    during = (frame >= start.unsqueeze(-1)) & (frame < (start + length).unsqueeze(-1))
    during = during & (uniform.reshape(-1, 1) < rate)
    mask = torch.zeros(len(start), frames, COCO, dtype=torch.bool, device=start.device)
    mask[..., LEGS] = during.unsqueeze(-1)
    return mask


@dataclass(frozen=True)
class DropConfig:
    """Runs of frames without keypoints; ``joint_rate`` None hides all joints, else a random part of them."""

    sample_rate: float = 0.75
    most_drops: int = 3
    longest: int = 30
    joint_rate: float | None = None


FRAME_DROPS = DropConfig()
JOINT_DROPS = DropConfig(joint_rate=0.25)


def drop_runs(lengths: list[int], frames: int, config: DropConfig, random: np.random.RandomState) -> Tensor:
    """Visibility (B, frames, 17) bool with up to three hidden runs a sample (spec 7.3, ``mask_cfg``).

    The legacy generator and the order of its calls are the release's.
    """
    visible = torch.ones(len(lengths), frames, COCO, dtype=torch.bool, device="cpu")
    for sample, length in enumerate(lengths):
        if random.rand() >= config.sample_rate:
            continue
        for _ in range(random.randint(1, config.most_drops + 1)):
            run = random.randint(1, min(config.longest, length) + 1)
            start = random.randint(0, max(length - run, 1))
            kept = torch.zeros(COCO, dtype=torch.bool, device="cpu")
            if config.joint_rate is not None:
                kept = hide_downstream(torch.from_numpy(random.rand(COCO) >= config.joint_rate))
            visible[sample, start : start + run] &= kept
    return visible


@dataclass(frozen=True)
class MirroredMotion:
    """``global_orient`` (..., 1, 3) and ``body_pose`` (..., 21, 3) axis-angle of the mirrored person."""

    global_orient: Tensor
    body_pose: Tensor


def mirror_pose(global_orient: Tensor, body_pose: Tensor) -> MirroredMotion:
    """Left and right exchanged: (..., 3) and (..., 63) axis-angle. The mirror plane is x = 0 (spec 5.5)."""
    pose = torch.cat([global_orient, body_pose], dim=-1).unflatten(-1, (22, 3))
    pose = pose[..., SMPL_LEFT_RIGHT, :] * pose.new_tensor([1.0, -1.0, -1.0])
    return MirroredMotion(pose[..., :1, :], pose[..., 1:, :])


def mirror_keypoints(keypoints: Tensor, width: Tensor | float) -> Tensor:
    """COCO-17 (..., 17, 3) of the mirrored image; x becomes width - x, as in the release (spec 5.1 D31)."""
    swapped = keypoints[..., COCO_LEFT_RIGHT, :]
    return torch.cat([width - swapped[..., :1], swapped[..., 1:]], dim=-1)


def average_rotations(a: Tensor, b: Tensor) -> Tensor:
    """Chordal mean of two poses (..., 3 n) axis-angle, without a determinant correction (spec 5.5)."""
    matrices = [axis_angle_to_matrix(pose.unflatten(-1, (-1, 3))) for pose in (a, b)]
    u, _, vh = torch.linalg.svd((matrices[0] + matrices[1]) / 2)
    return matrix_to_axis_angle(u @ vh).flatten(-2)


def turn_randomly(rotations: Tensor, angle: Tensor, axis: Tensor, degrees: float) -> Tensor:
    """Rotations (..., 3, 3) turned by N(0, degrees): draws ``angle`` N(0,1) (...) and ``axis`` U(0,1) (..., 3).

    Axes of the release come from one octant alone, for the sign of the angle turns them round.
    """
    noise = F.normalize(axis, dim=-1) * (angle * math.radians(degrees)).unsqueeze(-1)
    return rotations @ axis_angle_to_matrix(noise)
