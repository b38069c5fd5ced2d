"""Windows as the release's training sees them: SMPL-X bodies in the world and before a synthetic camera (spec 7.2).

What does not change between the two passes of a step is made here once. Clips come on the canonical skeleton, whose
turns are SMPL-X's; importers keep no shapes, so each sample gets one, coefficients N(0, 1), and steps as long as its
legs.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ....motion.skeleton import canonical
from ...body.smplx_body import LiteBody
from ...quirks import OfficialQuirks
from ...representation.camera import camera_angular_velocity, normalise_angular_velocity
from ...representation.codec import Statistics
from ...representation.gravity_view import camera_to_gravity_view
from ...representation.rollout import roll_out_translation
from ...representation.rotations import matrix_from_6d, matrix_to_axis_angle, product, turned, yaw_matrix
from ..batches import moved
from ..cameras import ANY, STILL, draw_cameras
from ..corpus import Corpus
from ..draws import Draws
from ..flat import FlatTable, rows_of
from ..losses import Geometry, Targets, TrueMotion, pose_body, targets
from ..songs import SongTable, music_of
from ..windows import WINDOW, Windows
from .windows import LONGEST, Drawn

SHAPE_LIMIT = 3.0
ANKLE = 7
QUIRKS = OfficialQuirks()
"""Sane: velocities that can be rolled out again (spec 5.1 D1), and the camera's orientation is always judged (D15)."""


@dataclass(frozen=True)
class Scene:
    """B samples of L frames: windows, then their mirrored twins.

    ``true``, without boxes, and with nothing valid where no truth is known; ``target``; ``body`` in the camera;
    ``shown`` (B, L) the frames that exist; ``length`` (B,); ``turn`` (B, L, 6) of the camera, normalised, and
    ``has_cam`` (B, L). ``text`` (B, K, N, C), ``spans`` (B, K, L) their weights and ``told`` (B,), who has any.
    ``music`` (B, L, 35) raw and ``has_music`` (B, L), None without songs. ``image`` (B, L, 1024) and ``has_image``
    (B, L), None without any. Of the samples ``flat`` (P,) only ``keypoints`` (P, L, 17, 3) are known (spec 7.6).
    """

    true: TrueMotion
    target: Targets
    body: Geometry
    shown: Tensor
    length: Tensor
    turn: Tensor
    has_cam: Tensor
    text: Tensor
    spans: Tensor
    told: Tensor
    music: Tensor | None
    has_music: Tensor | None
    image: Tensor | None
    has_image: Tensor | None
    flat: Tensor
    keypoints: Tensor


@dataclass(frozen=True)
class _Motion:
    """``pose`` (B, L, 21, 3, 3), ``root`` (B, L, 3, 3) in the y-up world, ``path`` (B, L, 3) of the pelvis, metres."""

    pose: Tensor
    root: Tensor
    path: Tensor


def _motion(corpus: Corpus, drawn: Drawn) -> _Motion:
    """The windows' frames, resampled linearly where ``drawn.raw`` says so, each turned about the vertical."""
    windows, device = drawn.windows, corpus.pose.device
    first, raw, length = (moved(x, device).repeat(2)[:, None] for x in (windows.first, drawn.raw, windows.length))
    rows = first + torch.minimum(torch.arange(LONGEST, device=device), raw - 1)
    rows[len(windows) :] += corpus.half
    at = torch.minimum(torch.arange(WINDOW, device=device), length - 1) * ((raw - 1) / (length - 1).clamp(min=1))
    low = torch.minimum(at.floor().long(), raw - 1)
    high = torch.minimum(low + 1, raw - 1)
    share = (at - low)[..., None]

    def between(values: Tensor) -> Tensor:  # (B, LONGEST, C)
        a, b = (values.gather(1, i[..., None].expand(-1, -1, values.shape[-1])) for i in (low, high))
        return a + (b - a) * share

    root = corpus.root[rows]
    path = roll_out_translation(corpus.velocity[rows], root)
    turn = yaw_matrix(moved(windows.yaw.T.reshape(-1).astype("float32"), device))[:, None]
    six = matrix_from_6d(between(corpus.pose[rows]).unflatten(-1, (21, 6)))
    facing = matrix_from_6d(between(root[..., :2, :].flatten(-2)))
    return _Motion(six, product(turn.expand_as(facing), facing), turned(turn.expand_as(facing), between(path)))


def scene_of(
    drawn: Drawn,
    corpus: Corpus,
    features: Tensor,
    statistics: Statistics,
    lite: LiteBody,
    songs: SongTable | None,
    flat: FlatTable | None,
    draws: Draws,
) -> Scene:
    """Everything about ``drawn`` that both passes share; ``features`` (S, N, C), the corpus's encoded sentences."""
    windows, device = drawn.windows, corpus.pose.device
    length = moved(windows.length, device).repeat(2)
    shown = torch.arange(WINDOW, device=device) < length[:, None]
    text, spans, told = _text(corpus, windows, features)
    text, spans, told = (x.to(device, non_blocking=True) for x in (text, spans, told))
    music, has_music = None, None
    still = told
    if songs is not None:
        music, has_music = (x.repeat(2, *[1] * (x.dim() - 1)) for x in music_of(songs, windows, windows.track))
        still = told | has_music.any(-1)
    known = moved(windows.flat < 0, device).repeat(2)[:, None]
    true, turn = _filmed(_motion(corpus, drawn), lite, still, shown & known, draws)
    with torch.no_grad():
        body = pose_body(lite, true.body_pose, true.betas, true.global_orient_c, true.transl_c)
        target = targets(true, lite, statistics, QUIRKS)
    has_cam = shown & known
    if has_music is not None:  # of dances no camera is known (spec 7.7)
        has_cam = has_cam & ~has_music.any(-1, keepdim=True)
    nobody = torch.zeros(0, dtype=torch.long, device=device)
    scene = Scene(
        *(true, target, body, shown, length, turn, has_cam, text, spans, told, music, has_music, None, None),
        flat=nobody,
        keypoints=turn.new_zeros(0, WINDOW, 17, 3),
    )
    return scene if flat is None else _with_footage(scene, windows, flat)


def _text(corpus: Corpus, windows: Windows, features: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Features, weights and who is told anything. Who is told nothing hears zeros everywhere: the null text."""
    used = max(1, int((windows.sentence >= 0).any(0).sum()))
    sentence = torch.from_numpy(windows.sentence[:, :used])
    twin = torch.from_numpy(corpus.twin)[sentence.clamp(min=0)]
    rows = torch.cat([sentence, torch.where(sentence >= 0, twin, -1)])
    start, end = (torch.from_numpy(x[:, :used]).repeat(2, 1)[..., None] for x in (windows.start, windows.end))
    frame, there = torch.arange(WINDOW, device=rows.device), rows >= 0
    spans = ((frame >= start) & (frame < end) & there[..., None]).float()
    chosen = features[rows.clamp(min=0)].float() * there[..., None, None]
    told = there.any(-1)
    spans[:, 0] = torch.where(told[:, None], spans[:, 0], 1.0)
    return chosen, spans, told


def _filmed(motion: _Motion, lite: LiteBody, still: Tensor, valid: Tensor, draws: Draws) -> tuple[TrueMotion, Tensor]:
    """Bodies before cameras, which stand where a sentence or music is heard (spec 7.7), and how these turn, (B, L, 6)
    normalised."""
    batch, frames = valid.shape
    shape = draws.normal(10).clamp(-SHAPE_LIMIT, SHAPE_LIMIT)
    rest = lite.body.rest_joints(shape, 22)
    legs = float(canonical().rest[0, 1] - canonical().rest[ANKLE, 1])
    size = ((rest[:, 0, 1] - rest[:, ANKLE, 1]) / legs).clamp(0.5, 2.0)
    offset = rest[:, None, 0]
    betas = shape[:, None].expand(batch, frames, 10)
    pose = matrix_to_axis_angle(motion.pose).flatten(-2)
    orient_w, transl_w = matrix_to_axis_angle(motion.root), motion.path * size[:, None, None] - offset
    joints = lite.body.joints22(pose, betas, orient_w, transl_w)
    cameras = draw_cameras(joints, draws, torch.where(still, STILL, ANY))
    transl_c = turned(cameras.r_w2c, transl_w + offset) + cameras.t_w2c - offset
    nobody = torch.zeros(batch, dtype=torch.bool, device=valid.device)
    true = TrueMotion(
        body_pose=pose,
        betas=betas,
        global_orient_c=matrix_to_axis_angle(product(cameras.r_w2c, motion.root)),
        transl_c=transl_c,
        global_orient_w=orient_w,
        transl_w=transl_w,
        r_c2gv=camera_to_gravity_view(cameras.r_w2c),
        k_fullimg=cameras.k[:, None].expand(batch, frames, 3, 3),
        bbx_xys=transl_w.new_zeros(batch, frames, 3),
        valid=valid,
        spv_incam_only=nobody,
        invalid_contact=nobody,
    )
    return true, normalise_angular_velocity(camera_angular_velocity(cameras.r_w2c))


def _with_footage(scene: Scene, windows: Windows, table: FlatTable) -> Scene:
    """The scene, with what is known of the samples of which there is footage alone."""
    device = scene.shown.device
    flat = moved((windows.flat >= 0).nonzero()[0], device)
    flat = torch.cat([flat, flat + len(windows)])
    rows, clip = (moved(x, device) for x in rows_of(table, windows))
    k = scene.true.k_fullimg.index_copy(0, flat, table.k[clip][:, None].expand(-1, WINDOW, 3, 3))
    image, has_image = None, None
    if table.images is not None:
        own, half = flat[: len(flat) // 2], rows[: len(rows) // 2]  # a mirrored picture has other features
        image = torch.zeros(*scene.shown.shape, table.images.shape[-1], device=device)
        image = image.index_copy(0, own, table.images[half.cpu()].to(device).float())
        has_image = torch.zeros_like(scene.shown).index_copy(0, own, (image[own] != 0).any(-1)) & scene.shown
    return replace(
        scene,
        true=replace(scene.true, k_fullimg=k),
        flat=flat,
        keypoints=table.keypoints[rows],
        image=image,
        has_image=has_image,
    )
