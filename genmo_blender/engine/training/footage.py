"""Motions as footage shows them: a body in some shape before a synthetic camera, keypoints with a detector's faults.

`film` puts some samples of a batch before cameras, once a step; `observe` draws what a detector says of them, once for
each pass (spec 5.1 D32: both passes see different faults). Both are arrays over the F filmed samples alone, since most
samples of a batch have no footage.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import torch
from torch import Tensor

from ..body.filmed_body import FilmedBody
from ..network.conditions import JOINTS_FOR_A_BOX, VISIBLE_CONFIDENCE, ConditionInputs
from ..representation.boxes import augmented_box, normalise_keypoints, seen_corners, to_unit_box
from ..representation.camera import (
    NEAR,
    camera_angular_velocity,
    cliff_camera,
    full_translation,
    normalise_angular_velocity,
    weak_perspective,
)
from ..representation.codec import BETAS, BODY_POSE, GLOBAL_ORIENT, GLOBAL_ORIENT_GV, LOCAL_TRANSL_VEL, Statistics
from ..representation.gravity_view import camera_to_gravity_view
from ..representation.rollout import roll_out_translation
from ..representation.rotations import matrix_to_6d, product, turned
from .augment import COCO, KeypointDraws, NoiseTable, default_noise_table, keypoint_noise
from .batches import Batch
from .cameras import ANY, IMAGE, STILL, draw_cameras
from .draws import Draws
from .occlusion import draw_visibility

SHAPES = 6
SHAPE_SPREAD = 0.7
SHAPE_LIMIT = 1.5
PARTIAL = 0.25  # of the filmed samples are filmed during a part of the window only
SHORTEST_PART = 20
AROUND_KEYPOINTS = 0.5  # of the boxes enclose the keypoints that are seen, the others the body, in the picture or not


@dataclass(frozen=True)
class Film:
    """F samples before cameras.

    ``rows`` (F,) which samples of the batch; ``length`` (F,) their valid frames; ``on`` (F, L) bool: filmed and valid
    ones. In the camera's frame, metres: ``joints`` (F, L, 22, 3), ``coco`` (F, L, 17, 3), ``place`` (F, L, 3) the
    pelvis. ``corners`` (F, L, 2, 2) pixels of the tightest box; ``k`` (F, 1, 3, 3) pixels; ``cam_angvel`` (F, L, 6),
    not normalised. For the whole batch: ``gv_to_world`` (B, L, 3, 3) turns each frame's gravity view into the world of
    the batch's joints (the identity where nobody films), ``offsets`` (B, 1, 22, 3) are each body's joint offsets.
    Of P of the F samples, ``flat`` (P,), no truth is known but ``keypoints`` (P, L, 17, 3), pixels and confidence
    (flat.py).
    """

    rows: Tensor
    length: Tensor
    on: Tensor
    joints: Tensor
    coco: Tensor
    place: Tensor
    corners: Tensor
    k: Tensor
    cam_angvel: Tensor
    gv_to_world: Tensor
    offsets: Tensor
    flat: Tensor
    keypoints: Tensor

    def of(self, rows: Tensor) -> Film:
        """The same film in a smaller batch of the samples ``rows`` (R,), in order, the filmed ones among them."""
        return replace(
            self,
            rows=torch.searchsorted(rows, self.rows),
            gv_to_world=self.gv_to_world[rows],
            offsets=self.offsets[rows],
        )


def film(
    batch: Batch, rows: Tensor, statistics: Statistics, body: FilmedBody, draws: Draws, stands: bool = False
) -> tuple[Batch, Film]:
    """Film the samples ``rows`` (F,) of a batch made for the level camera; its joints are in world axes.

    Each gets a shape, six controls N(0, 0.7) within 1.5 (the code's first six betas), steps as long as its legs, and a
    camera, one that does not move if it ``stands``. In a quarter of them only the beginning or the end of the window is
    filmed, by a camera that stands still.
    ``draws`` are the whole batch's. Returns the batch with their codes, joints and velocities changed, and the film.
    """
    code, valid, root = statistics.denormalise(batch.x0[rows]), batch.valid[rows], batch.root[rows]
    draws = draws.of(rows)
    shape = (draws.normal(SHAPES) * SHAPE_SPREAD).clamp(-SHAPE_LIMIT, SHAPE_LIMIT)
    offsets, face, size = body.shaped(shape)
    velocity = batch.velocity[rows] * size[:, None, None]
    path = roll_out_translation(velocity * valid[..., None], root)
    standing = body.points(root, code[..., BODY_POSE], offsets, face)
    joints = standing.joints
    on, still = _filmed_frames(batch.length[rows], valid, draws)
    cameras = draw_cameras(joints + path[..., None, :], draws, torch.where(still | stands, STILL, ANY))
    place = turned(cameras.r_w2c, path) + cameras.t_w2c
    to_gv = product(camera_to_gravity_view(cameras.r_w2c), cameras.r_w2c)
    seen = standing.seen(cameras.r_w2c, place)

    code[..., BETAS] = torch.nn.functional.pad(shape, (0, BETAS.stop - BETAS.start - SHAPES))[:, None]
    code[..., GLOBAL_ORIENT] = matrix_to_6d(product(cameras.r_w2c, root))
    code[..., GLOBAL_ORIENT_GV] = matrix_to_6d(product(to_gv, root))
    code[..., LOCAL_TRANSL_VEL] = velocity
    changed = replace(
        batch,
        x0=batch.x0.index_copy(0, rows, statistics.normalise(code) * valid[..., None]),
        joints=batch.joints.index_copy(0, rows, joints),
        velocity=batch.velocity.index_copy(0, rows, velocity),
    )
    b, frames = batch.valid.shape
    plain = body.shaped(shape.new_zeros(1, SHAPES))[0]
    outline = seen.outline
    outline = outline[:, :2] / outline[:, 2:].clamp(min=NEAR)
    corners = torch.stack([outline.amin(0), outline.amax(0)]).permute(2, 3, 0, 1)
    filmed = Film(
        rows=rows,
        length=batch.length[rows],
        on=on,
        joints=seen.joints,
        coco=seen.coco,
        place=place,
        corners=corners * cameras.k[:, None, None, 0, :1] + cameras.k[:, None, None, :2, 2],
        k=cameras.k[:, None],
        cam_angvel=camera_angular_velocity(cameras.r_w2c),
        gv_to_world=torch.eye(3, device=root.device).repeat(b, frames, 1, 1).index_copy(0, rows, to_gv.mT),
        offsets=plain.repeat(b, 1, 1).index_copy(0, rows, offsets)[:, None],
        flat=rows[:0],
        keypoints=corners.new_zeros(0, frames, COCO, 3),
    )
    return changed, filmed


def _pixels(points: Tensor, k: Tensor) -> Tensor:
    """`camera.project` for a camera without skew: points (..., 3) by their planes, ``k`` broadcast to (..., 3, 3)."""
    focal = torch.stack([k[..., 0, 0], k[..., 1, 1]], dim=-1)
    return points[..., :2] / points[..., 2:].clamp(min=1e-6) * focal + k[..., :2, 2]


def _filmed_frames(length: Tensor, valid: Tensor, draws: Draws) -> tuple[Tensor, Tensor]:
    """Frames with footage (F, L), and which samples have it in part only (F,)."""
    partial, part, late = draws.uniform(3).unbind(1)
    span = length - SHORTEST_PART
    is_partial = (partial < PARTIAL) & (span > SHORTEST_PART)
    border = (SHORTEST_PART + part * (span - SHORTEST_PART).clamp(min=0)).floor()[:, None]
    frame = torch.arange(valid.shape[1], device=valid.device)
    shown = torch.where((late < 0.5)[:, None], frame >= border, frame < border)
    return valid & (shown | ~is_partial[:, None]), is_partial


@dataclass(frozen=True)
class Sight:
    """What one pass is given of a film, and what it is measured against.

    ``inputs`` for the whole batch; ``box`` (F, L, 3) pixels; ``camera`` (F, L, 3) what `pred_cam` should say where
    ``camera_told`` (F, L) bool; ``joints`` (F, L, 22, 2) across the box in 0..1 where ``joints_told`` (F, L, 22) bool;
    ``keypoints`` (P, L, 17, 2) likewise where ``keypoints_told`` (P, L, 17), of those that have nothing else.
    """

    inputs: ConditionInputs
    box: Tensor
    camera: Tensor
    camera_told: Tensor
    joints: Tensor
    joints_told: Tensor
    keypoints: Tensor
    keypoints_told: Tensor


def observe(filmed: Film, batch: int, draws: Draws, table: NoiseTable | None = None) -> Sight:
    """Draw boxes, noise and occlusion (spec 7.2 steps 4 to 9, 7.3) for a film of ``batch`` samples in all.

    A keypoint is seen where the detector's draws say so, at least 0.3 m before the camera and within the picture. With
    three or fewer seen, a frame has no box vector and no 2D (spec 7.2 step 8). All other samples have no footage.
    ``draws`` are the whole batch's.
    """
    draws, frames = draws.of(filmed.rows), filmed.on.shape[1]
    k = filmed.k[:, :, None]  # for (F, L, N, 3) points
    noisy = filmed.coco + keypoint_noise(draw_keypoints(frames, draws), table or noise_table(filmed.coco.device))
    pixels = _pixels(noisy, k)
    shown = (noisy[..., 2] >= NEAR) & _inside(pixels, IMAGE)
    found = filmed.keypoints[..., 2] > VISIBLE_CONFIDENCE
    pixels = pixels.index_copy(0, filmed.flat, filmed.keypoints[..., :2])
    shown = shown.index_copy(0, filmed.flat, found)
    visible = draw_visibility(filmed.length, frames, draws) & filmed.on[..., None] & shown
    whole = filmed.corners.index_copy(0, filmed.flat, seen_corners(filmed.keypoints[..., :2], found, JOINTS_FOR_A_BOX))
    box = _boxes(whole, pixels, visible, draws)
    true = torch.ones_like(filmed.length, dtype=torch.bool).index_fill(0, filmed.flat, False)[:, None]
    obs = normalise_keypoints(torch.cat([pixels, visible[..., None].to(pixels.dtype)], dim=-1), box)
    obs = torch.where(visible[..., None], obs, 0.0)
    enough = visible.sum(-1) > JOINTS_FOR_A_BOX
    cliff = torch.where(enough[..., None], cliff_camera(box, filmed.k), 0.0)

    def spread(x: Tensor) -> Tensor:
        return x.new_zeros(batch, *x.shape[1:]).index_copy(0, filmed.rows, x)

    inputs = ConditionInputs(
        obs=spread(obs),
        j2d_visible=spread(visible),
        f_cliffcam=spread(cliff),
        f_cam_angvel=spread(normalise_angular_velocity(filmed.cam_angvel)),
        has_2d=spread(filmed.on & enough),
        has_cam=spread(filmed.on & true),
    )
    target = weak_perspective(filmed.place, box, filmed.k)
    size, across = target[..., 0], target[..., 1:].abs().amax(-1)
    plausible = (filmed.coco[..., 2].amin(-1) > NEAR) & (size > 0.3) & (size < 5.0) & (across < 3.0) & (box[..., 2] > 0)
    joints = to_unit_box(harmless(filmed.joints, k), box)
    told = (filmed.joints[..., 2] > NEAR) & _inside(joints, 1.0) & (filmed.on & true)[..., None]
    keypoints = to_unit_box(filmed.keypoints[..., :2], box.index_select(0, filmed.flat))
    known = found & filmed.on.index_select(0, filmed.flat)[..., None] & torch.isfinite(keypoints).all(-1)
    return Sight(inputs, box, target, plausible & filmed.on & true, joints, told, keypoints, known)


def _boxes(body: Tensor, pixels: Tensor, visible: Tensor, draws: Draws) -> Tensor:
    """Boxes (F, L, 3) around the ``body``, corners (F, L, 2, 2), or around what is seen of the keypoints: a detector
    encloses people, and where there is none keypoints are all that is known. Where nothing is ever seen, the body."""
    seen = seen_corners(pixels, visible, JOINTS_FOR_A_BOX)
    ever = (seen[..., 1:, :] > seen[..., :1, :]).all(-1, keepdim=True)
    around = ever & (draws.uniform() < AROUND_KEYPOINTS)[:, None, None, None]
    scale, shift_x, shift_y = draws.uniform(3, pixels.shape[1]).unbind(1)
    return augmented_box(torch.where(around, seen, body), scale, shift_x, shift_y)


def _inside(points: Tensor, size: float) -> Tensor:
    """Points (..., 2) within a square from the origin: (...) bool. Two comparisons, as `all` over two is slow."""
    x, y = points.unbind(-1)
    return (x > 0) & (x < size) & (y > 0) & (y < size)


def draw_keypoints(frames: int, draws: Draws) -> KeypointDraws:
    """`KeypointDraws.draw` with a direction of the peaks for each sample; the release has one for the whole batch."""
    bias, peak = draws.normal(COCO, 3), draws.uniform(frames, COCO)
    return KeypointDraws(bias, peak, draws.normal(1, 1, 3), draws.normal(frames, COCO, 3))


@lru_cache(maxsize=4)
def noise_table(device: torch.device) -> NoiseTable:
    """The release's, kept on the device."""
    return NoiseTable(**{name: value.to(device) for name, value in vars(default_noise_table()).items()})


def harmless(points: Tensor, k: Tensor) -> Tensor:
    """Pixels of camera points; those nearer than 0.3 m go to one place without large gradients (spec 7.5)."""
    return _pixels(torch.where(points[..., 2:].abs() <= NEAR, NEAR, points), k)


def camera_terms(
    pred_cam: Tensor, joints: Tensor, root: Tensor, root_camera: Tensor, filmed: Film, sight: Sight, batch: int
) -> dict[str, Tensor]:
    """The two losses that only footage has (spec 7.5, items 3 and 4), each the mean over the ``batch`` samples' whole
    tensors (D14): ``camera`` of `pred_cam` (F, L, 3), and ``reprojection``, in box widths squared, of the predicted
    body. That is ``joints`` (F, L, 22, 3) from the pelvis in whatever axes ``root`` (F, L, 3, 3) turns it into, and
    its orientation before the camera, ``root_camera`` (F, L, 3, 3). All of the rows of `filmed`."""
    joints = joints @ product(root, root_camera.mT)
    share = len(filmed.rows) / batch
    camera = torch.where(sight.camera_told[..., None], pred_cam - sight.camera, 0.0)
    points = joints + full_translation(pred_cam, sight.box, filmed.k)[..., None, :]
    here = to_unit_box(harmless(points, filmed.k[:, :, None]), sight.box)
    told = sight.joints_told & (points[..., 2] > NEAR) & torch.isfinite(here).all(-1)
    error = torch.where(told[..., None], here - sight.joints, 0.0)
    if not len(filmed.rows):
        return {"camera": camera.sum(), "reprojection": error.sum()}
    return {"camera": camera.square().mean() * share, "reprojection": error.square().mean() * share}
