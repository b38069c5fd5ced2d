"""Footage to motion in one pass: keypoints -> conditions -> the regression pass -> a body in the camera and the world.

Spec 5.3 and 4.8. Nothing but keypoints is needed; how the camera turns helps where it is known.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ..protocol.cancellation import CancelCheck
from .diffusion.sampler import Guidance, NoiseSource, SamplerInputs, regress, sample
from .models import Model
from .network.conditions import JOINTS_FOR_A_BOX, VISIBLE_CONFIDENCE
from .official_flow import Timeline, condition_inputs
from .precision import half_products
from .representation.boxes import box_around, seen_corners
from .representation.camera import full_translation
from .representation.codec import decode_rotations
from .representation.rollout import world_root_from_matrices
from .representation.smoothing import moving_average


@dataclass(frozen=True)
class Estimate:
    """What one pass says of L frames.

    ``body`` (L, 21, 3, 3) local rotations; ``betas`` (10,); ``root_camera`` (L, 3, 3) and ``place`` (L, 3) metres: the
    pelvis before the camera; ``root`` (L, 3, 3) and ``path`` (L, 3) metres from the start: the same in the y-up world;
    ``contacts`` (L, 6) probabilities. Where ``boxed`` (L,) is false nobody was ever seen, and ``place`` means nothing.
    """

    body: Tensor
    betas: Tensor
    root_camera: Tensor
    place: Tensor
    root: Tensor
    path: Tensor
    contacts: Tensor
    boxed: Tensor


def footage_timeline(
    keypoints: Tensor, k: Tensor, cam_angvel: Tensor | None = None, boxes: Tensor | None = None
) -> Timeline:
    """A timeline of ``keypoints`` (L, 17, 3), pixels and confidence, under a camera ``k`` (3, 3) pixels.

    ``cam_angvel`` (L, 6), not normalised: how the camera turns, None where nobody knows. ``boxes`` (L, 3) pixels are a
    person detector's; without them they are drawn around the keypoints that are seen.
    """
    if boxes is None:
        seen = keypoints[..., 2] > VISIBLE_CONFIDENCE
        boxes = moving_average(box_around(seen_corners(keypoints[..., :2], seen, JOINTS_FOR_A_BOX)))
    known = torch.full((len(keypoints),), cam_angvel is not None, device=keypoints.device)
    return Timeline(
        k_fullimg=k.expand(len(keypoints), 3, 3), kp2d=keypoints, bbx_xys=boxes, cam_angvel=cam_angvel, has_cam=known
    )


@torch.no_grad()
def estimate(
    model: Model,
    timeline: Timeline,
    cancelled: CancelCheck | None = None,
    noise: NoiseSource | None = None,
    steps: int = 20,
) -> Estimate:
    """The motion that a timeline's footage shows, in one pass, or sampled from ``noise`` in ``steps``.

    Raises `Cancelled` between blocks.
    """
    length = torch.tensor([timeline.length], device=model.device)
    with half_products(model.device, model.half):
        f_cond = model.network.conditions.f_cond(condition_inputs(timeline), 1, timeline.length)
        inputs = SamplerInputs(f_cond, None, length)
        if noise is None:
            out = regress(model.network.denoiser, inputs, cancelled)
        else:
            guidance = Guidance.everything(1.0)
            out = sample(model.network.denoiser, inputs, noise, guidance, steps, cancelled=cancelled)
    said = decode_rotations(out.pred_x[0].float(), model.statistics)
    world = world_root_from_matrices(said.root_gv, said.root_camera, said.local_transl_vel, timeline.camera_turn)
    return Estimate(
        body=said.body,
        betas=said.betas.mean(0),
        root_camera=said.root_camera,
        place=full_translation(out.pred_cam[0].float(), timeline.boxes, timeline.k_fullimg),
        root=model.upright @ world.rotation,
        path=world.transl @ model.upright.T,
        contacts=torch.sigmoid(out.static_conf_logits[0].float()),
        boxed=timeline.boxes[:, 2] > 0,
    )
