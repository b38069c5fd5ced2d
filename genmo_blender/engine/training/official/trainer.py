"""The release's training step (spec 7.1): every sample is estimated and diffused, and the losses of both are added."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ...body.smplx_body import LiteBody
from ...diffusion.schedule import TRAINING_STEPS
from ...network.conditions import VISIBLE_CONFIDENCE
from ...network.denoiser import TextContext
from ...network.heads import NetworkOutput
from ...precision import half_products
from ...representation.boxes import to_unit_box
from ...representation.camera import NEAR, full_translation
from ...representation.codec import Statistics, decode
from ..flat import FlatTable
from ..loop import Trainer
from ..losses import Losses, LossWeights, in_box, losses
from ..mixture import DIFFUSION, ESTIMATION, FILM
from ..songs import SongTable
from .scene import Scene, scene_of
from .sight import Sight, observe
from .windows import Drawn, draw_windows

KEYPOINTS = 1000.0
"""Weight of how footage without truth fits its keypoints, the release's ``j2d_17`` (spec 7.6)."""


@dataclass(frozen=True)
class OfficialPasses:
    """A share of a step: the scene, what each pass sees, and the diffusion's ``noise`` (B, L, 151) and ``t`` (B,)."""

    scene: Scene
    estimation: Sight
    diffusion: Sight
    noise: Tensor
    t: Tensor


class OfficialTrainer(Trainer):
    """A `Trainer` of the release's objective on the body ``lite``; ``features`` may lie in a mapped file."""

    replayed = False  # beside a network of this size nothing waits for the processor

    def __init__(self, lite: LiteBody, *arguments: Any, **options: Any) -> None:
        self.lite = lite
        super().__init__(*arguments, **options)

    def _learn_from(self, features: Tensor, songs: SongTable | None, flat: FlatTable | None) -> None:
        assert isinstance(self.preset.weights, LossWeights)
        self.features, self.songs, self.flat = features, songs, flat
        self.lite = self.lite.to(self.device)
        self.loss_weights = self.preset.weights

    def total(self, parts: dict[str, Tensor]) -> Tensor:
        """The whole loss of a pass's terms."""
        named = {name: part for name, part in parts.items() if name not in ("keypoints", "loss")}
        whole = Losses(**named).total(self.loss_weights)
        return whole + KEYPOINTS * parts["keypoints"] if "keypoints" in parts else whole

    def draw(self, step: int) -> Any:
        """All `Drawn` windows of a step's global batch."""
        rng = np.random.default_rng((self.seed, step))
        return draw_windows(self.sampler, self.preset.shares, self.songs, self.flat, rng, self.windows)

    def batch(self, step: int, share: slice) -> Any:
        """A share of a step's windows and their mirrored twins as a `Scene`."""
        drawn: Drawn = self.draw(step).part(share)
        draws = self.draws(step, share, FILM)
        return scene_of(drawn, self.corpus, self.features, self.statistics, self.lite, self.songs, self.flat, draws)

    def _passes(self, step: int, share: slice, t: Tensor | None = None) -> Any:
        network = self.state.network
        scene = self.batch(step, share)
        drawn, noise = self.noise(step, share)
        first, second = (
            observe(scene, network.config, stream == ESTIMATION, self.draws(step, share, stream), network.training)
            for stream in (ESTIMATION, DIFFUSION)
        )
        return OfficialPasses(scene, first, second, noise, drawn if t is None else t)

    def one_pass(self, step: int, share: slice) -> dict[str, Tensor]:
        """The terms of the estimation alone: as much as lies in memory at once."""
        return next(self._each(self._passes(step, share)))

    def _both(self, passes: Any) -> dict[str, Tensor]:
        """The terms of both passes added."""
        first, second = self._each(passes)
        return {name: part + second[name] for name, part in first.items()}

    def _gradients(self, step: int) -> dict[str, Tensor]:
        """Gradients of all of a step's samples, pass by pass, so that one of them lies in memory; the mean terms."""
        self.state.optimiser.zero_grad(set_to_none=True)
        sums: dict[str, Tensor] = {}
        for share in self.shares:
            for parts in self._each(self._passes(step, share)):
                parts["loss"] = self.total(parts)
                (parts["loss"] / len(self.shares)).backward()
                sums = {k: sums.get(k, 0.0) + v.detach() / len(self.shares) for k, v in parts.items()}
                parts.clear()  # whoever made them holds on to them until the next pass is through
        return sums

    def _each(self, passes: OfficialPasses) -> Iterator[dict[str, Tensor]]:
        """The terms of either pass. What the estimation says of footage without truth, without gradient, is what the
        diffusion gets noised, and whose camera it is judged through: a sentence tells none."""
        scene: Scene = passes.scene
        x0 = scene.target.x * scene.true.valid[..., None]
        last = torch.full_like(passes.t, TRAINING_STEPS - 1)
        out = self._call(scene, passes.estimation, torch.zeros_like(x0), last)
        guess = out.pred_x.detach() * scene.shown[..., None]
        x0 = x0.index_copy(0, scene.flat, guess.index_select(0, scene.flat))
        camera = out.pred_cam.detach()
        yield self._terms(out, scene, passes.estimation, out.pred_cam)
        del out
        out = self._call(scene, passes.diffusion, self.schedule.q_sample(x0, passes.t, passes.noise), passes.t)
        yield self._terms(out, scene, passes.diffusion, camera)

    def _call(self, scene: Scene, sight: Sight, x_t: Tensor, t: Tensor) -> NetworkOutput:
        """One call of the network; what it says comes in fp32."""
        network, (batch, frames) = self.state.network, scene.shown.shape
        with half_products(self.device, self.half):
            f_cond = network.conditions.f_cond(sight.inputs, batch, frames)
            text = TextContext(sight.text, sight.spans) if network.config.text else None
            prepared = network.denoiser.prepare(f_cond.expand(batch, frames, -1), text, scene.length)
            out = network.denoiser(x_t, t, prepared)
        motion, camera, contacts = out.pred_x.float(), out.pred_cam.float(), out.static_conf_logits.float()
        return NetworkOutput(motion, camera, contacts, out.pred_context)

    def _terms(self, out: NetworkOutput, scene: Scene, sight: Sight, camera: Tensor) -> dict[str, Tensor]:
        true = replace(scene.true, bbx_xys=sight.box)
        found = losses(out, true, scene.target, self.lite, self.statistics, scene.body)
        parts: dict[str, Tensor] = dict(vars(found))
        if self.flat is not None and self.preset.shares.flat:
            parts["keypoints"] = keypoint_loss(out, scene, sight.box, camera, self.lite, self.statistics)
        return parts


def keypoint_loss(
    out: NetworkOutput, scene: Scene, box: Tensor, camera: Tensor, lite: LiteBody, statistics: Statistics
) -> Tensor:
    """How far the COCO-17 joints of the samples without truth lie from their keypoints, squared widths of the box, a
    mean over all samples (spec 7.6, D14). ``camera`` (B, L, 3) is that which the body is seen by."""
    rows, batch = scene.flat, len(scene.shown)
    said = decode(out.pred_x.index_select(0, rows), statistics)
    box, k, camera = (x.index_select(0, rows) for x in (box, scene.true.k_fullimg, camera))
    place = full_translation(camera, box, k)
    _, coco = lite(said.body_pose, said.betas, said.global_orient, place)
    here, there = in_box(coco, k, box), to_unit_box(scene.keypoints[..., :2], box)
    told = (scene.keypoints[..., 2] > VISIBLE_CONFIDENCE) & scene.shown.index_select(0, rows)[..., None]
    told = told & (coco[..., 2] > NEAR) & torch.isfinite(here).all(-1)
    error = torch.where(told[..., None], here - there, 0.0)
    return error.square().sum() / (batch * there.shape[1:].numel())
