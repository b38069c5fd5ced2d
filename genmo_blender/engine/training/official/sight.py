"""What one pass of the release is told (spec 7.2 steps 4 to 9, 7.3, 7.4): boxes, keypoints with a detector's faults.

Drawn anew for each pass (spec 5.1 D32). The peaks of the noise have a direction for each sample, where the release has
one for the whole batch, so that a share of a batch sees what the whole would have seen.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ....model.config import NetworkConfig
from ...network.conditions import (
    JOINTS_FOR_A_BOX,
    VISIBLE_CONFIDENCE,
    ConditionInputs,
    DropDraws,
    drop_conditions,
)
from ...representation.boxes import augmented_box, normalise_keypoints, seen_corners
from ...representation.camera import NEAR, cliff_camera, project
from ..augment import keypoint_noise
from ..draws import Draws
from ..footage import draw_keypoints, noise_table
from ..occlusion import draw_visibility
from .scene import Scene

TEXT_DROP = 0.1  # of the samples, in the denoiser (spec 2.8)


@dataclass(frozen=True)
class Sight:
    """``inputs`` of the network, ``box`` (B, L, 3) pixels, and the texts that are heard: ``text`` (B, K, N, C),
    ``spans`` (B, K, L)."""

    inputs: ConditionInputs
    box: Tensor
    text: Tensor
    spans: Tensor


def observe(scene: Scene, config: NetworkConfig, estimation: bool, draws: Draws, training: bool = True) -> Sight:
    """One pass's conditions; texts fall away in training alone."""
    inputs, box = _seen(scene, draws)
    frames = scene.shown.shape[1]
    image, camera, music, audio = (draws.uniform() for _ in range(4))
    drawn = DropDraws(
        None if estimation else image, camera, music, audio, {key: draws.uniform(frames) for key in config.conditions}
    )
    inputs = drop_conditions(inputs, drawn, scene.told, estimation)
    silent = draws.uniform() < TEXT_DROP if training else torch.zeros_like(scene.told)
    everywhere = torch.zeros_like(scene.spans)
    everywhere[:, 0] = 1.0
    spans = torch.where(silent[:, None, None], everywhere, scene.spans)
    return Sight(inputs, box, scene.text * ~silent[:, None, None, None], spans)


def _seen(scene: Scene, draws: Draws) -> tuple[ConditionInputs, Tensor]:
    true, flat = scene.true, scene.flat
    batch, frames = scene.shown.shape
    found = scene.keypoints[..., 2] > VISIBLE_CONFIDENCE
    noisy = scene.body.coco + keypoint_noise(draw_keypoints(frames, draws), noise_table(scene.shown.device))
    pixels = project(noisy, true.k_fullimg).index_copy(0, flat, scene.keypoints[..., :2])
    shown = (noisy[..., 2] >= NEAR).index_copy(0, flat, found)
    visible = draw_visibility(scene.length, frames, draws) & shown & scene.shown[..., None]
    box = _boxes(scene, found, draws)
    enough = visible.sum(-1) > JOINTS_FOR_A_BOX
    obs = normalise_keypoints(torch.cat([pixels, visible[..., None].to(pixels.dtype)], dim=-1), box)
    inputs = ConditionInputs(
        obs=torch.where(visible[..., None], obs, 0.0),
        j2d_visible=visible,
        f_cliffcam=torch.where(enough[..., None], cliff_camera(box, true.k_fullimg), 0.0),
        f_imgseq=scene.image,
        f_cam_angvel=scene.turn,
        encoded_music=scene.music,
        has_img=None if scene.has_image is None else scene.has_image & enough,
        has_2d=scene.shown & enough,
        has_cam=scene.has_cam,
        has_music=scene.has_music,
    )
    return inputs, box


def _boxes(scene: Scene, found: Tensor, draws: Draws) -> Tensor:
    """Boxes around the body's vertices, or around the keypoints of those of whom nothing else is known; other in every
    frame (spec 6.1)."""
    scale, across, down = draws.uniform(3, scene.shown.shape[1]).unbind(1)
    box = augmented_box(project(scene.body.vertices, scene.true.k_fullimg, near=NEAR), scale, across, down)
    corners = seen_corners(scene.keypoints[..., :2], found, JOINTS_FOR_A_BOX)
    rows = scene.flat
    box = box.index_copy(0, rows, augmented_box(corners, scale[rows], across[rows], down[rows]))
    return torch.cat([box[..., :2], box[..., 2:].clamp(min=1.0)], dim=-1)
