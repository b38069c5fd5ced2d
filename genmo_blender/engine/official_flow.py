"""The release's inference on features that are already there: footage, texts, music, speech -> body parameters.

Reads like the paper's figure: conditions -> network -> decode -> camera and world -> clean-up (spec 1.3, 5.2 to 5.4).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from .body.smplx_body import SmplxBody
from .diffusion.sampler import Guidance, NoiseSource, SamplerInputs, regress, sample
from .network.conditions import VISIBLE_CONFIDENCE, ConditionInputs
from .network.denoiser import TextContext
from .network.genmo import GenmoNetwork
from .network.heads import NetworkOutput
from .quirks import OfficialQuirks
from .refine.official_cleanup import clean_up
from .representation.boxes import normalise_keypoints
from .representation.camera import CAM_ANGVEL_MEAN, cliff_camera, full_translation, normalise_angular_velocity
from .representation.codec import DecodedMotion, Statistics, decode
from .representation.gravity_view import reorient
from .representation.rollout import world_root

GUIDANCE = 2.5
STEPS = 50


@dataclass(frozen=True)
class Timeline:
    """What is known along L frames; None where a condition is missing altogether.

    ``kp2d`` (L, 17, 3) pixels and confidence, ``bbx_xys`` (L, 3) pixels, ``k_fullimg`` (L, 3, 3), ``cam_angvel`` (L, 6)
    raw, ``f_imgseq`` (L, 1024), ``music_embed`` (L, 35), ``audio_array`` (600 L,) at 18 kHz, ``has_*`` (L,) bool.
    ``text_embed`` (K, 50, C) holds in ``windows`` (K, 2), fractions of L, or without windows (K = 1) everywhere.
    Frames of text alone have zero keypoints and boxes and a still camera.
    """

    k_fullimg: Tensor
    kp2d: Tensor | None = None
    bbx_xys: Tensor | None = None
    cam_angvel: Tensor | None = None
    f_imgseq: Tensor | None = None
    music_embed: Tensor | None = None
    audio_array: Tensor | None = None
    has_2d: Tensor | None = None
    has_img: Tensor | None = None
    has_cam: Tensor | None = None
    has_music: Tensor | None = None
    has_audio: Tensor | None = None
    text_embed: Tensor | None = None
    windows: Tensor | None = None

    @property
    def length(self) -> int:
        """L."""
        return len(self.k_fullimg)

    @property
    def boxes(self) -> Tensor:
        """(L, 3), zero where nobody is seen."""
        return self.k_fullimg.new_zeros(self.length, 3) if self.bbx_xys is None else self.bbx_xys

    @property
    def camera_turn(self) -> Tensor:
        """(L, 6), a still camera unless known."""
        if self.cam_angvel is None:
            return self.k_fullimg.new_tensor(CAM_ANGVEL_MEAN).expand(self.length, 6)
        return self.cam_angvel


@dataclass(frozen=True)
class BodyParams:
    """``body_pose`` (1, L, 63), ``global_orient`` (1, L, 3) axis-angle, ``transl`` (1, L, 3) metres, ``betas``
    (1, L, 10)."""

    body_pose: Tensor
    global_orient: Tensor
    transl: Tensor
    betas: Tensor


@dataclass(frozen=True)
class FlowResult:
    """Final parameters in the y-up world and in the camera, those before clean-up, and what the network said.

    ``incam_valid`` (L,): elsewhere there was no box, and the depth in the camera means nothing (spec 5.1 D20).
    """

    world: BodyParams
    incam: BodyParams
    raw_world: BodyParams
    raw_incam: BodyParams
    incam_valid: Tensor
    net: NetworkOutput


@dataclass(frozen=True)
class OfficialModel:
    """A network of the official kind with all that its results depend on."""

    network: GenmoNetwork
    statistics: Statistics
    body: SmplxBody
    quirks: OfficialQuirks

    @torch.no_grad()
    def run(self, timeline: Timeline, noise: NoiseSource | None) -> FlowResult:
        """Guided DDIM from ``noise``, or the single regression pass without any. Raises Cancelled."""
        inputs = self._sampler_inputs(timeline)
        if noise is None:
            net = regress(self.network.denoiser, inputs)
        else:
            guidance, draws = Guidance.everything(GUIDANCE), self.quirks.unused_noise_draw
            net = sample(self.network.denoiser, inputs, noise, guidance, STEPS, unused_noise_draw=draws)
        return self.pose(timeline, net)

    def _sampler_inputs(self, timeline: Timeline) -> SamplerInputs:
        sums = self.network.conditions.sums(condition_inputs(timeline), 1, timeline.length)
        heard = timeline.music_embed is not None or timeline.audio_array is not None
        length = torch.tensor([timeline.length], device=sums.f_cond.device)
        return SamplerInputs(sums.f_cond, text_context(timeline), length, sums.f_uncond if heard else None)

    def pose(self, timeline: Timeline, net: NetworkOutput) -> FlowResult:
        """From what the network said to bodies in the camera and in the world."""
        motion = decode(net.pred_x, self.statistics)
        raw_incam, raw_world = self._in_camera(timeline, net, motion), self._in_world(timeline, motion)
        clean = clean_up(
            self.body,
            raw_world.body_pose,
            raw_world.betas,
            raw_world.global_orient,
            raw_world.transl,
            net.static_conf_logits,
            self.quirks,
        )
        return FlowResult(
            world=replace(raw_world, body_pose=clean.body_pose, transl=clean.transl),
            incam=replace(raw_incam, body_pose=clean.body_pose),
            raw_world=raw_world,
            raw_incam=raw_incam,
            incam_valid=timeline.boxes[:, 2] > 0,
            net=net,
        )

    def _in_camera(self, timeline: Timeline, net: NetworkOutput, motion: DecodedMotion) -> BodyParams:
        transl = full_translation(net.pred_cam, timeline.boxes, timeline.k_fullimg)
        return BodyParams(motion.body_pose, motion.global_orient, transl, motion.betas)

    def _in_world(self, timeline: Timeline, motion: DecodedMotion) -> BodyParams:
        root = world_root(
            motion.global_orient_gv,
            motion.global_orient,
            motion.local_transl_vel,
            timeline.camera_turn[None],
            self.quirks,
        )
        up = "ay->ay" if self.quirks.gravity_view == "up" else "any->ay"
        orient, transl = reorient(root.global_orient, root.transl, up)
        return BodyParams(motion.body_pose, orient, transl, motion.betas)


def condition_inputs(timeline: Timeline) -> ConditionInputs:
    """A timeline as the network's conditions, batch of one (spec 2)."""

    def batched(x: Tensor | None) -> Tensor | None:
        return None if x is None else x[None]

    box, k = timeline.boxes, timeline.k_fullimg
    keypoints = timeline.kp2d
    return ConditionInputs(
        obs=None if keypoints is None else normalise_keypoints(keypoints, box)[None],
        # The detector's own confidence decides, before the test against the box (spec 2.7).
        j2d_visible=None if keypoints is None else (keypoints[..., 2] > VISIBLE_CONFIDENCE)[None],
        f_cliffcam=None if timeline.bbx_xys is None else cliff_camera(box, k)[None],
        f_imgseq=batched(timeline.f_imgseq),
        f_cam_angvel=normalise_angular_velocity(timeline.camera_turn)[None],
        encoded_music=batched(timeline.music_embed),
        encoded_audio=batched(timeline.audio_array),
        has_img=batched(timeline.has_img),
        has_2d=batched(timeline.has_2d),
        has_cam=batched(timeline.has_cam),
        has_music=batched(timeline.has_music),
        has_audio=batched(timeline.has_audio),
    )


def text_context(timeline: Timeline) -> TextContext | None:
    """The texts of a timeline; None without any: the null text everywhere (spec 5.1 D19, D27)."""
    if timeline.text_embed is None or len(timeline.text_embed) == 0:
        return None
    features = timeline.text_embed[None]
    if timeline.windows is None:
        return TextContext.everywhere(features[:, 0], timeline.length)
    starts, ends = timeline.windows.unbind(-1)
    return TextContext.windows(features, starts[None], ends[None], timeline.length)
