"""Clips of which only the picture is known, 2D keypoints over time, and how they are learned from (spec 7.6).

No motion belongs to them. The estimation pass is judged by how its body, seen by the camera it says, fits the
keypoints; what it said, as if it were true, is what the diffusion pass gets noised, with the sentence, and that is
judged by the keypoints alone as well. The release leaves this dead; the paper calls it estimation-guided training.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from ...protocol.failures import StorageFailure
from ..network.heads import NetworkOutput
from ..representation.boxes import to_unit_box
from ..representation.camera import NEAR, estimate_intrinsics, full_translation, intrinsics
from ..representation.codec import BETAS, BODY_POSE, GLOBAL_ORIENT, Statistics
from ..representation.rotations import matrix_from_6d, matrix_to_6d
from .augment import COCO, mirror_keypoints
from .corpus import FPS, Corpus
from .filmed_body import FilmedBody
from .footage import SHAPES, Film, Sight, harmless
from .windows import MAX_TEXTS, SHORTEST, WINDOW, Windows, unheard

Array = np.ndarray


@dataclass(frozen=True)
class FlatClip:
    """What an importer of footage without truth gives: ``keypoints`` (T, 17, 3) COCO-17, pixels and confidence from 0
    to 1, of a picture ``size`` (width, height) pixels, at ``fps``; ``caption`` of the whole clip, empty without one;
    ``focal`` length in pixels, 0 where nobody knows."""

    id: str
    keypoints: Array
    size: tuple[float, float]
    fps: float
    caption: str = ""
    focal: float = 0.0


@dataclass(frozen=True)
class FlatTable:
    """All such clips at 30 frames a second, one behind the other.

    ``keypoints`` (2N, 17, 3) pixels and confidence, the mirrored twins as the second half; ``k`` (clips, 3, 3) guessed
    from the picture's size where the focal length is not known; ``start``, ``length`` (clips,) rows of a clip; ``text``
    (clips,) row of its caption among the corpus's texts, -1 without one.
    """

    keypoints: Tensor
    k: Tensor
    start: Array
    length: Array
    text: Array

    def to(self, device: torch.device | str) -> FlatTable:
        """The same with its tensors on a device."""
        return replace(self, keypoints=self.keypoints.to(device), k=self.k.to(device))


def flat_table(clips: Sequence[FlatClip], corpus: Corpus) -> FlatTable:
    """Gather clips; `corpus.build` was told their captions. Clips shorter than a second are left out.

    Raises StorageFailure for a clip whose arrays are of another shape or hold what is no number, and when none is left.
    """
    row = {text: i for i, text in enumerate(corpus.texts)}
    kept = [(clip, at_our_rate(_checked(clip))) for clip in clips]
    kept = [(clip, keypoints) for clip, keypoints in kept if len(keypoints) >= SHORTEST]
    if not kept:
        raise StorageFailure("no_footage", "There is no 2D footage of a second or more.", "Give other keypoint files.")
    length = np.array([len(keypoints) for _, keypoints in kept])
    twins = [mirror_keypoints(torch.from_numpy(keypoints), clip.size[0]).numpy() for clip, keypoints in kept]
    halves = np.concatenate([*(keypoints for _, keypoints in kept), *twins]).astype(np.float32)
    k = torch.stack([_camera(clip) for clip, _ in kept])
    text = np.array([row[clip.caption] if clip.caption else -1 for clip, _ in kept])
    return FlatTable(torch.from_numpy(halves), k, np.cumsum(length) - length, length, text)


def _camera(clip: FlatClip) -> Tensor:
    return intrinsics(*clip.size, clip.focal) if clip.focal else estimate_intrinsics(*clip.size)


def _checked(clip: FlatClip) -> FlatClip:
    points = np.asarray(clip.keypoints)
    good = points.ndim == 3 and points.shape[1:] == (COCO, 3) and len(points) > 0 and np.isfinite(points).all()
    if not (good and clip.fps > 0 and min(clip.size) > 0):
        raise StorageFailure(
            "bad_footage",
            f"The keypoints of {clip.id} are not 17 joints of a picture with a size and a frame rate.",
            "Write x, y and confidence of the 17 joints of COCO for every frame, in pixels.",
        )
    return clip


def at_our_rate(clip: FlatClip) -> Array:
    """The clip's keypoints (T', 17, 3) at 30 frames a second; between two frames the confidence is the lower one."""
    points = np.asarray(clip.keypoints, dtype=np.float64)
    at = np.arange(int((len(points) - 1) * FPS / clip.fps + 1e-6) + 1) * clip.fps / FPS
    low = np.minimum(at.astype(int), len(points) - 1)
    high = np.minimum(low + 1, len(points) - 1)
    share = (at - low)[:, None, None]
    out = (1 - share) * points[low] + share * points[high]
    out[..., 2] = np.where(share[..., 0] > 1e-6, np.minimum(points[low], points[high])[..., 2], points[low][..., 2])
    return out


def draw_flat(table: FlatTable, corpus: Corpus, rng: np.random.Generator, n: int) -> Windows:
    """n windows of such clips, each by its length, with their captions in one of their wordings.

    They have no frames in the corpus; their row in the table's first half is ``flat``.
    """
    bound = np.cumsum(table.length, dtype=np.float64)
    clip = np.searchsorted(bound, rng.random(n) * bound[-1], side="right")
    frames = np.minimum(table.length[clip], WINDOW)
    first = table.start[clip] + (rng.random(n) * (table.length[clip] - frames + 1)).astype(np.int64)
    sentence, end = np.full((n, MAX_TEXTS), -1), np.zeros((n, MAX_TEXTS), dtype=np.int64)
    ways, pick = [corpus.choices[t] if t >= 0 else np.array([-1]) for t in table.text[clip]], rng.random(n)
    sentence[:, 0] = [way[int(p * len(way))] for way, p in zip(ways, pick, strict=True)]
    end[:, 0] = frames
    nothing = np.zeros(n, dtype=np.int64)
    windows = Windows(nothing, nothing, frames, sentence, np.zeros_like(end), end, *unheard(rng, n))
    return replace(windows, flat=first)


def flattened(made: Film, at: Tensor, table: FlatTable, rows: Tensor, clip: Tensor) -> Film:
    """The film with the samples ``at`` (P,) of its F replaced by frames ``rows`` (P, L) of the table, of ``clip`` (P,).

    How such a camera turns is not known; where the body is, neither.
    """
    keypoints = table.keypoints[rows]
    frame = torch.arange(made.on.shape[1], device=at.device)
    return replace(
        made,
        on=made.on.index_copy(0, at, frame < made.length.index_select(0, at)[:, None]),
        k=made.k.index_copy(0, at, table.k[clip][:, None]),
        flat=at,
        keypoints=keypoints,
    )


@dataclass(frozen=True)
class Guide:
    """What the estimation said of the P samples without truth, no gradient: ``x0`` (P, L, 151) and ``camera``
    (P, L, 3)."""

    x0: Tensor
    camera: Tensor


def guide_of(out: NetworkOutput, made: Film) -> Guide:
    """From an estimation pass over the samples of ``made``."""
    rows = made.rows.index_select(0, made.flat)
    said = out.pred_x.detach().float().index_select(0, rows)
    frame = torch.arange(said.shape[1], device=said.device)
    there = frame < made.length.index_select(0, made.flat)[:, None]
    return Guide(said * there[..., None], out.pred_cam.detach().float().index_select(0, rows))


def keypoint_term(
    out: NetworkOutput,
    made: Film,
    sight: Sight,
    body: FilmedBody,
    statistics: Statistics,
    guide: Guide | None,
    batch: int,
) -> Tensor:
    """How far the body's COCO-17 joints lie from the keypoints, squared widths of the box, a mean over the ``batch``
    samples' whole tensors (D14). The camera is the pass's own, or the guide's: who hears a sentence alone cannot know
    it. Joints nearer to the camera than 0.3 m and keypoints that nobody saw do not count."""
    rows = made.rows.index_select(0, made.flat)
    raw = statistics.denormalise(out.pred_x.float().index_select(0, rows))
    pose = matrix_to_6d(matrix_from_6d(raw[..., BODY_POSE].unflatten(-1, (21, 6)))).flatten(-2)
    offsets, face, _ = body.shaped(raw[:, 0, BETAS][:, :SHAPES])
    points = body.points(matrix_from_6d(raw[..., GLOBAL_ORIENT]), pose, offsets, face).coco
    camera = out.pred_cam.float().index_select(0, rows) if guide is None else guide.camera
    box, k = sight.box.index_select(0, made.flat), made.k.index_select(0, made.flat)
    points = points + full_translation(camera, box, k)[..., None, :]
    here = to_unit_box(harmless(points, k[:, :, None]), box)
    told = sight.keypoints_told & (points[..., 2] > NEAR) & torch.isfinite(here).all(-1)
    error = torch.where(told[..., None], here - sight.keypoints, 0.0)
    return error.square().sum() / (batch * error[0].numel() if len(error) else 1)
