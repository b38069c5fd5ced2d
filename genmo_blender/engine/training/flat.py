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
from ..body.filmed_body import FilmedBody
from ..network.heads import NetworkOutput
from ..representation.boxes import to_unit_box
from ..representation.camera import NEAR, estimate_intrinsics, full_translation, intrinsics
from ..representation.codec import BETAS, BODY_POSE, GLOBAL_ORIENT, Statistics
from ..representation.rotations import matrix_from_6d, matrix_to_6d
from .augment import mirror_keypoints
from .corpus import Corpus
from .footage import SHAPES, Film, Sight, harmless
from .samples import Clip, Keypoints
from .windows import MAX_TEXTS, SHORTEST, WINDOW, Windows, unheard

Array = np.ndarray


@dataclass(frozen=True)
class FlatTable:
    """All such clips at 30 frames a second, one behind the other.

    ``keypoints`` (2N, 17, 3) pixels and confidence, the mirrored twins as the second half; ``k`` (clips, 3, 3), guessed
    from the picture's size where the focal length is not known; ``start``, ``length`` (clips,) rows of a clip; ``text``
    (clips,) row of its caption among the corpus's texts, -1 without one. ``images`` (N, C) float16: image features
    of the first half, zero where there are none; None where no clip has any. They stay in the processor's memory.
    """

    keypoints: Tensor
    k: Tensor
    start: Array
    length: Array
    text: Array
    images: Tensor | None = None

    def to(self, device: torch.device | str) -> FlatTable:
        """The same with its tensors on a device."""
        return replace(self, keypoints=self.keypoints.to(device), k=self.k.to(device))


def whole_caption(clip: Clip) -> str:
    """The first sentence about the whole clip; "" without one."""
    return next((c.text for c in clip.captions if c.kind != "motion"), "")


def captions_of(clips: Sequence[Clip]) -> list[str]:
    """What `corpus.build` is told of footage without truth."""
    return [said for clip in clips if (said := whole_caption(clip))]


def flat_table(clips: Sequence[Clip], corpus: Corpus) -> FlatTable:
    """Gather clips that have keypoints; `corpus.build` was told their captions. Those shorter than a second are left
    out.

    Raises StorageFailure when none is left.
    """
    row = {text: i for i, text in enumerate(corpus.texts)}
    kept = [(clip, clip.keypoints) for clip in clips if clip.keypoints is not None and clip.frames >= SHORTEST]
    if not kept:
        raise StorageFailure("no_footage", "There is no 2D footage of a second or more.", "Give other keypoint files.")
    length = np.array([clip.frames for clip, _ in kept])
    twins = [mirror_keypoints(torch.from_numpy(seen.points), seen.size[0]).numpy() for _, seen in kept]
    halves = np.concatenate([*(seen.points for _, seen in kept), *twins]).astype(np.float32)
    k = torch.stack([_intrinsics(seen) for _, seen in kept])
    text = np.array([row[said] if (said := whole_caption(clip)) else -1 for clip, _ in kept])
    return FlatTable(torch.from_numpy(halves), k, np.cumsum(length) - length, length, text, _images(kept))


def _images(kept: Sequence[tuple[Clip, Keypoints]]) -> Tensor | None:
    width = next((seen.images.shape[1] for _, seen in kept if seen.images is not None), 0)
    if not width:
        return None
    nothing = ((np.zeros((clip.frames, width), np.float16), seen.images) for clip, seen in kept)
    return torch.from_numpy(np.concatenate([blank if own is None else own for blank, own in nothing]))


def rows_of(table: FlatTable, windows: Windows) -> tuple[Array, Array]:
    """The table's frames (P, WINDOW) of the windows that are footage, then those of their mirrored twins, and of which
    clip each is (P,)."""
    first, length = (np.tile(x[windows.flat >= 0], 2) for x in (windows.flat, windows.length))
    clip = np.searchsorted(table.start, first, side="right") - 1
    rows = first[:, None] + np.minimum(np.arange(WINDOW), length[:, None] - 1)
    rows[len(rows) // 2 :] += len(table.keypoints) // 2
    return rows, clip


def _intrinsics(seen: Keypoints) -> Tensor:
    width, height = seen.size
    return intrinsics(width, height, seen.focal) if seen.focal else estimate_intrinsics(width, height)


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
