"""Evaluation metrics (README section 9)."""

from __future__ import annotations

from typing import Any

import torch

from ..evaluation import metrics, music_metrics
from ..evaluation.alignment import align_clip, align_each, fit_similarity
from .framework import Case, CaseData


def _error_metrics(data: CaseData) -> None:
    predicted, target = data.tensor("pred_joints"), data.tensor("target_joints")
    mask = data.tensor("mask")
    feet = data.tensor("pred_foot_verts"), data.tensor("target_foot_verts")
    vertices = data.tensor("pred_verts"), data.tensor("target_verts")
    for prefix, keep in (("global", None), ("global_masked", mask)):
        for name, value in metrics.world_metrics(predicted, target, *feet, keep).items():
            data.check(f"{prefix}_{name}", value)
    variants: dict[str, dict[str, Any]] = {
        "cam": {},
        "cam_masked": {"mask": mask},
        "cam_pelvis23": {"pelvis": (2, 3)},
        "cam_fps25": {"fps": 25.0},
    }
    for prefix, options in variants.items():
        for name, value in metrics.camera_metrics(predicted, target, *vertices, **options).items():
            data.check(f"{prefix}_{name}", value)
    centred = [points - points[:, [1, 2]].mean(1, keepdim=True) for points in (predicted, target)]
    data.check("perjoint_mpjpe", metrics.joint_error(*centred))
    data.check("accel_valid_mask", metrics.acceleration_error(predicted, target, valid=mask))
    kept = len(data.arrays["joints22to24"])
    data.check("joints22to24", metrics.with_hands(target[:kept, :22]))


def _alignments(data: CaseData) -> None:
    predicted, target = data.tensor("pred_joints"), data.tensor("target_joints")
    kept = len(data.arrays["similarity_aligned"])
    data.check("similarity_aligned", align_each(predicted[:kept], target[:kept]))
    # The clip alignments are those of the first chunk, of which every n-th frame is stored.
    chunk = predicted[: metrics.CHUNK], target[: metrics.CHUNK]
    stride = -(-len(chunk[0]) // len(data.arrays["global_aligned"]))
    data.check("global_aligned", align_clip(*chunk)[::stride])
    data.check("first_aligned", align_clip(*chunk, 2)[::stride])
    kept = len(data.arrays["sim_s"])
    similarity = fit_similarity(predicted[:kept], target[:kept])
    data.check("sim_s", similarity.scale)
    data.check("sim_R", similarity.rotation)
    data.check("sim_t", similarity.shift)
    rigid = fit_similarity(predicted[:kept], target[:kept], fixed_scale=True)
    data.check("kabsch_R", rigid.rotation)
    data.check("kabsch_t", rigid.shift)


def _metrics(data: CaseData) -> None:
    _error_metrics(data)
    _alignments(data)
    dance = data.tensor("pred_joints")
    beats = torch.nonzero(data.tensor("music_beats") > 0).squeeze(-1)
    data.check("music_PFC", music_metrics.physical_foot_contact(dance))
    data.check("motion_beats", music_metrics.motion_beats(dance))
    data.check("music_BAS", music_metrics.beat_alignment(dance, beats))


CASES = (
    Case(
        "metrics.npz",
        inputs=(
            *("target_joints", "pred_joints", "target_foot_verts", "pred_foot_verts", "mask"),
            *("target_verts", "pred_verts", "music_beats"),
        ),
        compared=(
            *("global_wa*", "global_rte", "global_jitter", "global_fs", "global_masked_*"),
            *("cam_*", "perjoint_mpjpe", "accel_valid_mask", "joints22to24"),
            *("similarity_aligned", "global_aligned", "first_aligned", "sim_[sRt]", "kabsch_*"),
            *("music_PFC", "music_BAS", "motion_beats"),
        ),
        run=_metrics,
    ),
)
