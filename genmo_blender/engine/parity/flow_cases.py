"""The demo flows from given features to body parameters (README section 11), and the single-pass video (8)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from ..official_flow import BodyParams, OfficialModel, Timeline
from ..quirks import OfficialQuirks
from ..representation.codec import official_statistics
from ..representation.rotations import axis_angle_to_matrix, rotation_angle
from .bodies import parity_body
from .framework import Case, CaseData
from .networks import load_small

_NET = ("pred_x", "pred_cam", "static_conf_logits")
ROUNDINGS = 8
_PARAMS = ("body_pose", "global_orient", "transl", "betas")


@dataclass(frozen=True)
class _Wander:
    """How far rounding alone moves a body: metres and degrees."""

    transl: float = 0.0
    turn: float = 0.0


_STEADY = _Wander()


class _GivenNoise:
    """The stored noise, then zeros: the draws of later steps are never used where eta is 0."""

    def __init__(self, start: Tensor) -> None:
        self.next = start

    def draw(self) -> Tensor:
        now, self.next = self.next, torch.zeros_like(self.next)
        return now


def _model(data: CaseData, stem: str = "gem_small") -> OfficialModel:
    network = load_small(data.folder, stem)
    return OfficialModel(
        network, official_statistics().to(data.folder.device), parity_body(data.folder), OfficialQuirks.official()
    )


def _check_body(
    data: CaseData, prefix: str, params: BodyParams, valid: Tensor | None = None, wander: _Wander = _STEADY
) -> None:
    """Compare what the file holds of a body; `valid` marks frames whose translation in the camera is a real one.
    Where the heading wanders with the machine's rounding, by `wander`, that is allowed besides."""
    tolerance: dict[str, Any] = data.meta["tolerance"]
    for name in _PARAMS:
        array = f"{prefix}_{name}"
        if array not in data.arrays:
            continue
        value = getattr(params, name)[0]
        if name in ("body_pose", "global_orient"):
            turn = wander.turn if name == "global_orient" else 0.0
            data.check_rotation(array, value, tolerance["rotation_max_deg"] + turn)
        elif name == "betas":
            data.check(array, value, tolerance["net"])
        else:
            # Without a box depth is about 1e12 m: then only the digits can agree.
            far = 0.0 if valid is None or bool(valid.all()) else 1e-5
            data.check(array, value, {"atol": tolerance["transl_m"] + wander.transl, "rtol": far})


def _check_flow(data: CaseData, model: OfficialModel, timeline: Timeline, noise: Tensor | None) -> None:
    """End to end from the stored noise, but for the world as the release saw it.

    Where a camera stands still, the release's roll-out turns rounding noise of the network's output into a heading that
    wanders (README section 6), so that its world can only be met from the very same output, and on the very same
    processor: other processors round other sines and roots, and one last bit turns the heading by 3.5e-4 rad. It is
    compared from the stored `net_*`, and may be off by as much as it moves when last bits of these are changed. The
    roll-out in double precision has no such noise and is compared end to end.
    """
    exact = replace(model, quirks=replace(model.quirks, arc_cosine_yaw=False))
    result = exact.run(timeline, None if noise is None else _GivenNoise(noise))
    for name in _NET:
        data.check(f"net_{name}", getattr(result.net, name)[0], data.meta["tolerance"]["net"])
    _check_body(data, "incam", result.incam, result.incam_valid)
    _check_body(data, "nopost_incam", result.raw_incam, result.incam_valid)
    _check_body(data, "nopost64_global", result.raw_world)
    stored = replace(result.net, **{name: data.tensor(f"net_{name}")[None] for name in _NET})
    official = model.pose(timeline, stored)
    moved = [model.pose(timeline, replace(stored, pred_x=_last_bits(stored.pred_x, seed))) for seed in range(ROUNDINGS)]
    for prefix, field in (("nopost_global", "raw_world"), ("global", "world")):
        here: BodyParams = getattr(official, field)
        _check_body(data, prefix, here, wander=_wander(here, [getattr(other, field) for other in moved]))


def _last_bits(x: Tensor, seed: int) -> Tensor:
    """The same numbers, each with its last bit a little up, a little down or left."""
    generator = torch.Generator("cpu").manual_seed(seed)
    way = torch.randint(-1, 2, x.shape, generator=generator, device="cpu").to(x)
    return torch.where(way == 0, x, torch.nextafter(x, way * torch.inf))


def _wander(here: BodyParams, others: Sequence[BodyParams]) -> _Wander:
    """Twice the farthest that any of the others is: the stored one stands as far on the other side at most."""
    way = max(float((other.transl - here.transl).abs().max()) for other in others)
    root = axis_angle_to_matrix(here.global_orient)
    turns = [rotation_angle(axis_angle_to_matrix(other.global_orient) @ root.mT).max() for other in others]
    return _Wander(2 * way, 2 * math.degrees(float(max(turns))))


def _mixed(data: CaseData) -> None:
    """Footage and texts on one timeline; the image features are stored for the frames with footage alone."""
    has_img, stored = data.tensor("has_img_mask"), data.tensor("f_imgseq_video")
    image = stored.new_zeros(len(has_img), stored.shape[-1])
    image[has_img] = stored
    timeline = Timeline(
        k_fullimg=data.tensor("K_fullimg"),
        kp2d=data.tensor("kp2d"),
        bbx_xys=data.tensor("bbx_xys"),
        cam_angvel=data.tensor("cam_angvel"),
        f_imgseq=image,
        has_2d=data.tensor("has_2d_mask"),
        has_img=has_img,
        has_cam=data.tensor("has_cam_mask"),
        text_embed=data.tensor("text_embeddings"),
        windows=torch.stack([data.tensor("window_start"), data.tensor("window_end")], dim=-1),
    )
    _check_flow(data, _model(data), timeline, data.tensor("noise"))


def _video(data: CaseData) -> Timeline:
    """One clip with every visual condition on."""
    everywhere = torch.ones(len(data["kp2d"]), dtype=torch.bool, device=data.folder.device)
    return Timeline(
        k_fullimg=data.tensor("K_fullimg"),
        kp2d=data.tensor("kp2d"),
        bbx_xys=data.tensor("bbx_xys"),
        cam_angvel=data.tensor("cam_angvel"),
        f_imgseq=data.tensor("f_imgseq"),
        has_2d=everywhere,
        has_img=everywhere,
        has_cam=everywhere,
    )


def _video_single(data: CaseData) -> None:
    timeline, model = _video(data), _model(data)
    _check_flow(data, model, timeline, data.tensor("noise"))
    single = model.run(timeline, None)
    _check_body(data, "regression_global", single.world)
    _check_body(data, "regression_incam", single.incam, single.incam_valid)


def _regression_only(data: CaseData) -> None:
    _check_flow(data, _model(data, "gem_small_reg"), _video(data), None)


def _audio(data: CaseData) -> None:
    """Music and speech without footage."""
    timeline = Timeline(
        k_fullimg=data.tensor("K_fullimg"),
        music_embed=data.tensor("music_embed"),
        audio_array=data.tensor("audio_array"),
        has_music=data.tensor("has_music_mask"),
        has_audio=data.tensor("has_audio_mask"),
    )
    timeline = replace(timeline, has_cam=torch.zeros(timeline.length, dtype=torch.bool, device=data.folder.device))
    _check_flow(data, _model(data), timeline, data.tensor("noise"))


_RESULTS = ("global_*", "incam_*", "net_*")
_MIXED_INPUTS = (
    *("noise", "text_embeddings", "kp2d", "bbx_xys", "K_fullimg", "cam_angvel", "has_img_mask", "has_2d_mask"),
    *("has_cam_mask", "f_imgseq_video", "window_start", "window_end"),
)
_VIDEO_INPUTS = ("kp2d", "bbx_xys", "K_fullimg", "cam_angvel", "f_imgseq")

CASES = (
    *(
        Case(
            f"demo_{name}.npz",
            inputs=_MIXED_INPUTS,
            compared=(*_RESULTS, "nopost_*", "nopost64_*"),
            run=_mixed,
        )
        for name in ("text_only", "text_two", "video_text_static", "video_text_moving")
    ),
    Case(
        "demo_video_single.npz",
        inputs=("noise", *_VIDEO_INPUTS),
        compared=(*_RESULTS, "regression_*"),
        run=_video_single,
    ),
    Case(
        "demo_audio.npz",
        inputs=("noise", "music_embed", "audio_array", "K_fullimg", "has_audio_mask", "has_music_mask"),
        compared=_RESULTS,
        run=_audio,
    ),
    Case("regression_only_video.npz", inputs=_VIDEO_INPUTS, compared=_RESULTS, run=_regression_only),
)
