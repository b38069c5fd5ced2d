"""Mirroring, noise, occlusion and condition dropping (README section 10)."""

from __future__ import annotations

import numpy as np

from ..network.conditions import ConditionInputs, DropDraws, drop_conditions
from ..representation.boxes import augmented_box
from ..representation.rotations import axis_angle_to_matrix, matrix_to_6d, matrix_to_axis_angle
from ..training import augment
from .framework import Case, CaseData
from .names import named_number
from .networks import load_small

# What the README fixes in words; seeds and thresholds stand in the names of arrays.
_DROP_LENGTHS = (40, 40, 22, 31)
_POSE_DEGREES = 8.0


def _mirrors(data: CaseData) -> None:
    mirrored = augment.mirror_pose(data.tensor("flip_in_global_orient"), data.tensor("flip_in_body_pose"))
    data.check("flip_out_global_orient", mirrored.global_orient)
    data.check("flip_out_body_pose", mirrored.body_pose)
    # The release mirrors the pose alone; shape and place come through unchanged.
    data.check("flip_out_betas", data["flip_in_betas"])
    data.check("flip_out_transl", data["flip_in_transl"])
    data.check("kp_flipped", augment.mirror_keypoints(data.tensor("kp"), data.tensor("kp_width")))
    data.check_rotation("avg_out", augment.average_rotations(data.tensor("avg_a"), data.tensor("avg_b")), max_deg=0.01)


def _noise(data: CaseData) -> None:
    table = augment.NoiseTable(*(data.tensor(f"noise_table_{name}") for name in ("jittering", "bias", "peak", "pmask")))
    names = ("kp3d_draw0_randn", "kp3d_draw1_rand", "kp3d_draw2_randn", "kp3d_draw3_randn")
    draws = augment.KeypointDraws(*(data.tensor(name) for name in names))
    data.check("kp3d_noise", augment.keypoint_noise(draws, table))
    name, number = named_number(data, "peak_noise_thr")
    data.check(name, augment.peak_noise(data.tensor("peak_draw0_rand"), data.tensor("peak_draw1_randn"), table, number))
    name, number = named_number(data, "visible_mask_s")
    data.check(name, augment.random_visibility(data.tensor("visible_draw_rand"), number))
    name, number = named_number(data, "legs_mask_s")
    frames = data.arrays[name].shape[1]
    start, length, uniform = (data.tensor(f"legs_draw{i}") for i in ("0_randint", "1_randint", "2_rand"))
    data.check(name, augment.hidden_legs(start, length, uniform, frames, rate=number))
    # The release's swap of hands and legs writes into a copy: nothing to do is what it does (spec 5.1 D6).
    data.check("hands_legs_out_all_triggered", data["hands_legs_in"])
    box = [data.tensor(name) for name in ("box_points", "box_draw0_rand", "box_draw1_rand", "box_draw2_rand")]
    data.check("box_augmented", augmented_box(*box), {"atol": 1e-3, "rtol": 1e-5})


def _pose(data: CaseData) -> None:
    angle, axis = data.tensor("pose_draw0_randn"), data.tensor("pose_draw1_rand")
    pose = data.tensor("flip_in_body_pose")[: angle.shape[1]].unflatten(-1, (-1, 3))
    turned = augment.turn_randomly(axis_angle_to_matrix(pose), angle, axis, _POSE_DEGREES)
    data.check("pose_aug_R", turned)
    data.check("pose_aug_6d", matrix_to_6d(turned))
    data.check_rotation("pose_aug_aa", matrix_to_axis_angle(turned), max_deg=0.01)


def _drop_masks(data: CaseData) -> None:
    for kind, config in (("frames", augment.FRAME_DROPS), ("joints", augment.JOINT_DROPS)):
        name, seed = named_number(data, f"drop_{kind}_mask_npseed")
        frames = data.arrays[name].shape[1]
        data.check(name, augment.drop_runs(list(_DROP_LENGTHS), frames, config, np.random.RandomState(int(seed))))


def _conditions(data: CaseData) -> None:
    network = load_small(data.folder)
    inputs = ConditionInputs(
        obs=data.tensor("cond_obs"),
        j2d_visible=data.tensor("cond_mask_j2d_visible_mask"),
        f_cliffcam=data.tensor("cond_f_cliffcam"),
        f_imgseq=data.tensor("cond_f_imgseq"),
        f_cam_angvel=data.tensor("cond_f_cam_angvel"),
        has_img=data.tensor("cond_mask_has_img_mask"),
        has_2d=data.tensor("cond_mask_has_2d_mask"),
        has_cam=data.tensor("cond_mask_has_cam_mask"),
        has_music=data.tensor("cond_mask_has_music_mask"),
        has_audio=data.tensor("cond_mask_has_audio_mask"),
    )
    batch, frames = data["cond_f_cliffcam"].shape[:2]
    lengths = data.tensor("cond_length")
    data.check_value("lengths within the frames", bool((lengths <= frames).all()), True, {})
    for mode in ("regression", "diffusion"):
        values = [data.tensor(name) for name in data.matching(f"cond_{mode}_draw*")]
        image = None if mode == "regression" else values.pop(0)
        per_frame = dict(zip(network.config.conditions, values[3:], strict=True))
        draws = DropDraws(image, values[0], values[1], values[2], per_frame)
        dropped = drop_conditions(inputs, draws, data.tensor("cond_has_text"), regression=mode == "regression")
        data.check(f"cond_{mode}_f_cond", network.conditions.f_cond(dropped, batch, frames))


def _augmentation(data: CaseData) -> None:
    _mirrors(data)
    _noise(data)
    _pose(data)
    _drop_masks(data)
    _conditions(data)


CASES = (
    Case(
        "augmentation.npz",
        inputs=(
            *("flip_in_*", "kp", "kp_width", "avg_a", "avg_b", "noise_table_*", "kp3d_draw*", "peak_draw*"),
            *("visible_draw_rand", "legs_draw*", "hands_legs_in", "box_draw*", "box_points", "pose_draw*"),
            *("cond_*_draw*", "cond_obs", "cond_f_cliffcam", "cond_f_cam_angvel", "cond_f_imgseq"),
            *("cond_mask_*", "cond_has_text", "cond_length"),
        ),
        compared=(
            *("flip_out_*", "kp_flipped", "avg_out", "kp3d_noise", "peak_noise_thr*", "visible_mask_s*"),
            *("legs_mask_s*", "hands_legs_out_all_triggered", "box_augmented", "pose_aug_*"),
            *("drop_*_mask_npseed*", "cond_*_f_cond"),
        ),
        run=_augmentation,
    ),
)
