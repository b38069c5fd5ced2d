"""Footage to motion: keypoints -> conditions -> the regression pass -> a body in the camera and the world -> a fit.

Spec 5.3 and 4.8. Nothing but keypoints is needed; how the camera turns helps where it is known. What the bundled model
says is fitted to the keypoints (`refine.reprojection`), and before a camera that stands still the way through the world
is the way before the camera (`refine.footage_path`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import torch
from torch import Tensor

from ..protocol.cancellation import CancelCheck
from .diffusion.sampler import Guidance, NoiseSource, SamplerInputs, regress, sample
from .models import Model
from .network.conditions import JOINTS_FOR_A_BOX, VISIBLE_CONFIDENCE
from .official_flow import Timeline, condition_inputs
from .precision import half_products
from .refine.footage_path import path_of_footage, stands_still, steady_camera
from .refine.reprojection import SHAPES, EstimationErrors, SeenBody, fitted_to_keypoints
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
    fit: bool = True,
) -> Estimate:
    """The motion that a timeline's footage shows, in one pass, or sampled from ``noise`` in ``steps``.

    ``fit`` bends what the bundled model says to the keypoints; the official model is left alone. Raises `Cancelled`
    between blocks and between the steps of the fit.
    """
    said = _said(model, timeline, cancelled, noise, steps)
    if not fit or model.record.official or timeline.kp2d is None:
        return said
    return fitted(said, timeline, cancelled)


def fitted(said: Estimate, timeline: Timeline, cancelled: CancelCheck | None = None) -> Estimate:
    """An estimate bent to its timeline's keypoints. Raises `Cancelled`."""
    assert timeline.kp2d is not None
    still = timeline.cam_angvel is not None and stands_still(timeline.camera_turn)
    to_world = steady_camera(said.root, said.root_camera, still)
    rotations = torch.cat([(to_world.mT @ said.root)[:, None], said.body], dim=1)
    body = SeenBody(rotations, said.place, said.betas[:SHAPES])
    found = fitted_to_keypoints(body, timeline.kp2d, timeline.k_fullimg, said.boxed, _errors(), cancelled)
    world = path_of_footage(said.root, said.path, to_world, found, said.boxed, still)
    return replace(
        said,
        body=found.rotations[:, 1:],
        betas=torch.cat([found.shape, said.betas[SHAPES:]]),
        root_camera=found.rotations[:, 0],
        place=torch.where(said.boxed[:, None], found.place, said.place),
        root=world.root,
        path=world.path,
    )


@lru_cache(maxsize=1)
def _errors() -> EstimationErrors:
    return EstimationErrors.load()


def _said(
    model: Model, timeline: Timeline, cancelled: CancelCheck | None, noise: NoiseSource | None, steps: int
) -> Estimate:
    """What the network says."""
    length = torch.tensor([timeline.length], device=model.device)
    with half_products(model.device, model.half):
        f_cond = model.network.conditions.f_cond(condition_inputs(timeline), 1, timeline.length)
        inputs = SamplerInputs(f_cond, None, length)
        if noise is None:
            out = regress(model.network.denoiser, inputs, cancelled)
        else:
            guidance = Guidance.everything(1.0)
            out = sample(
                model.network.denoiser,
                inputs,
                noise,
                guidance,
                steps,
                by_noise=model.record.steps_by_noise,
                cancelled=cancelled,
            )
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
