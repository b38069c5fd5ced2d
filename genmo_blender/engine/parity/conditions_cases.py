"""Condition embedding (README section 2)."""

from __future__ import annotations

import torch
from torch import Tensor

from ..network.conditions import VISIBLE_CONFIDENCE, ConditionEmbedder, ConditionInputs
from ..representation.boxes import normalise_keypoints
from ..representation.camera import cliff_camera, normalise_angular_velocity
from .framework import Case, CaseData
from .networks import load_small

_SUMS = ("f_cond", "f_uncond", "f_empty")
# presence set without the arrays of music and speech: they are missing from the batch, their flags are not
_WITHOUT_SOUND = "no_arrays"
_WITH_TERMS = ("partial", "all_absent")


def _inputs(data: CaseData, presence: str) -> ConditionInputs:
    """The shared arrays with the flags of one presence set."""
    with_sound = presence != _WITHOUT_SOUND
    return ConditionInputs(
        obs=data.tensor("obs"),
        j2d_visible=data.tensor("kp2d")[..., 2] > VISIBLE_CONFIDENCE,
        f_cliffcam=data.tensor("f_cliffcam"),
        f_imgseq=data.tensor("f_imgseq"),
        f_cam_angvel=data.tensor("f_cam_angvel"),
        encoded_music=data.tensor("music_embed") if with_sound else None,
        encoded_audio=data.tensor("audio_array") if with_sound else None,
        has_img=data.tensor(f"{presence}_has_img"),
        has_2d=data.tensor(f"{presence}_has_d2"),
        has_cam=data.tensor(f"{presence}_has_cam"),
        has_audio=data.tensor(f"{presence}_has_audio"),
        has_music=data.tensor(f"{presence}_has_music"),
    )


def _check_raw(data: CaseData) -> None:
    """What the network is fed follows from pixels, boxes and cameras."""
    box = data.tensor("bbx_xys")
    data.check_value("obs", normalise_keypoints(data.tensor("kp2d"), box), data["obs"], data.tolerance)
    data.check_value("f_cliffcam", cliff_camera(box, data.tensor("K_fullimg")), data["f_cliffcam"], data.tolerance)
    angvel = normalise_angular_velocity(data.tensor("cam_angvel"))
    data.check_value("f_cam_angvel", angvel, data["f_cam_angvel"], data.tolerance)


def _check_embedders(data: CaseData, embedder: ConditionEmbedder, inputs: ConditionInputs) -> None:
    batch = len(data.arrays["length"])
    # the raw embedding hides a joint by its own confidence alone, not by the frame's flags
    data.check("embed_embed_noisyobs", embedder.embed_obs(inputs.obs, None, batch))
    hidden = embedder.embed_obs(None, None, batch)
    data.check("embed_obs_all_hidden", hidden.expand(data.arrays["embed_obs_all_hidden"].shape))
    for key, name in (
        ("f_cliffcam", "cliffcam_embedder"),
        ("f_imgseq", "imgseq_embedder"),
        ("f_cam_angvel", "cam_angvel_embedder"),
        ("encoded_music", "music_embedder"),
        ("encoded_audio", "audio_embedder"),
    ):
        data.check(f"embed_{name}", embedder.embed(key, inputs))
    data.check("embed_audio_encoder", embedder.audio_encoder(data.tensor("audio_array")[:, None]))


def _check_terms(data: CaseData, embedder: ConditionEmbedder, inputs: ConditionInputs, presence: str) -> None:
    """What each condition adds: in the sum of all, without sound, and with nothing."""
    batch = len(data.arrays["length"])
    data.check(f"{presence}_obs_term", embedder.embed_obs(inputs.obs, inputs.visible_joints(), batch))
    for key in embedder.keys:
        present = embedder.term(key, embedder.embed(key, inputs), inputs.exists(key), batch)
        absent = embedder.term(key, None, None, batch).expand_as(present)
        sound = key in ("encoded_music", "encoded_audio")
        terms: dict[str, Tensor] = {"cond": present, "uncond": absent if sound else present, "empty": absent}
        for branch, term in terms.items():
            data.check(f"{presence}_{branch}_exists_{key}", term)


def _conditions(data: CaseData) -> None:
    embedder = load_small(data.folder).conditions
    _check_raw(data)
    batch, frames = data.arrays["obs"].shape[:2]
    names = [name.removesuffix("_f_cond") for name in data.matching("*_f_cond")]
    _check_embedders(data, embedder, _inputs(data, names[0]))
    for presence in names:
        inputs = _inputs(data, presence)
        sums = embedder.sums(inputs, batch, frames)
        for name in _SUMS:
            data.check(f"{presence}_{name}", getattr(sums, name))
        data.check_value(
            f"{presence}_f_cond alone", embedder.f_cond(inputs, batch, frames), sums.f_cond, data.tolerance
        )
        if presence in _WITH_TERMS:
            _check_terms(data, embedder, inputs, presence)
    # the motion itself is a condition of nothing: it passes through with padded frames at zero
    length = data.tensor("length")
    valid = torch.arange(frames, device=length.device) < length[:, None]
    data.check("partial_motion", data.tensor("partial_target_x") * valid[..., None])


CASES = (
    Case(
        "conditions.npz",
        (
            *("length", "bbx_xys", "K_fullimg", "f_imgseq", "cam_angvel", "kp2d", "music_embed", "audio_array"),
            *("obs", "f_cliffcam", "f_cam_angvel", "*_has_*", "partial_target_x"),
        ),
        ("embed_*", "*_f_cond", "*_f_uncond", "*_f_empty", "*_obs_term", "*_exists_*", "partial_motion"),
        _conditions,
    ),
)
