"""What a keypoint detector does not see (spec 7.3), drawn for all samples at once.

The rates are the release's; `augment` holds its sampling, draw by draw, for the parity cases.
"""

from __future__ import annotations

import torch
from torch import Tensor

from .augment import COCO, FRAME_DROPS, JOINT_DROPS, LEGS, DropConfig, hide_downstream, random_visibility
from .draws import Draws

LEG_RATE = 0.03
LEG_FRAMES = (30, 89)


def draw_visibility(length: Tensor, frames: int, draws: Draws) -> Tensor:
    """Which joints are seen, (B, ``frames``, 17) bool: single joints and what hangs on them, legs for a second or
    three, whole people and parts of them for up to a second. ``length`` (B,) valid frames."""
    visible = random_visibility(draws.uniform(frames, COCO))
    least, most = LEG_FRAMES
    size = least + (most + 1 - least) * draws.uniform(1)
    begin = draws.uniform(1) * (length[:, None] - size).clamp(min=0)
    legs = _during(begin.floor(), size.floor(), frames) & (draws.uniform(1) < LEG_RATE)
    visible[..., LEGS] &= ~legs[..., None]
    for config in (FRAME_DROPS, JOINT_DROPS):
        visible &= ~_hidden_runs(length, frames, config, draws)
    return visible


def _hidden_runs(length: Tensor, frames: int, config: DropConfig, draws: Draws) -> Tensor:
    """(B, frames, 17) or (B, frames, 1) bool: one to three runs of hidden frames in some samples."""
    runs = config.most_drops
    count = (draws.uniform(1) < config.sample_rate) * (1 + (runs * draws.uniform(1)).floor())
    size = 1 + (draws.uniform(runs) * length[:, None].clamp(max=config.longest)).floor()
    begin = (draws.uniform(runs) * (length[:, None] - size).clamp(min=1)).floor()
    during = _during(begin[..., None], size[..., None], frames)
    during &= (torch.arange(runs, device=length.device) < count)[..., None]
    if config.joint_rate is None:
        return during.any(1)[..., None]
    hidden = ~hide_downstream(draws.uniform(runs, COCO) >= config.joint_rate)
    return (during[..., None] & hidden[:, :, None]).any(1)


def _during(begin: Tensor, size: Tensor, frames: int) -> Tensor:
    frame = torch.arange(frames, device=begin.device)
    return (frame >= begin) & (frame < begin + size)
