"""Synthetic footage with its truth: real motion, bodies in different shapes, three cameras around each.

The cameras are those of training (`training.cameras`), the performers are not: scenes are made of held-out clips, and
of training clips only for baselines. The error of keypoints is drawn from the table of training (spec 7.3).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from ..body.filmed_body import FilmedBody
from ..body.free_body import FreeBody, load_free_body
from ..representation.camera import NEAR, camera_angular_velocity, project
from ..representation.rollout import roll_out_translation
from ..representation.rotations import matrix_from_6d
from ..training.augment import COCO, KeypointDraws, default_noise_table, keypoint_noise
from ..training.cameras import IMAGE, ORBIT, PULL, PUSH, RANDOM, STILL, TRACK, draw_cameras
from ..training.corpus import frames_of
from ..training.draws import Draws
from ..training.footage import SHAPE_LIMIT, SHAPE_SPREAD, SHAPES
from ..training.samples import Clip

LONGEST = 300  # frames of a scene
CAMERAS = ("still", "moving", "tracking")
_TRACKING = (TRACK, ORBIT, PUSH, PULL)
SPARSE = 32  # every so many vertices of the skin are compared
_STREAM = 7_193_041  # sets these random numbers apart from training's


@dataclass(frozen=True)
class Body:
    """A person over L frames: ``rotations`` (L, 22, 3, 3) local, the root's before the camera; ``shape`` (6,)."""

    rotations: Tensor
    shape: Tensor

    def part(self, frames: slice) -> Body:
        """Some of the frames."""
        return Body(self.rotations[frames], self.shape)

    def joints(self, root: Tensor | None = None) -> Tensor:
        """(L, 22, 3) metres from the pelvis; ``root`` (L, 3, 3) instead of the camera's."""
        turns = self.rotations if root is None else torch.cat([root[:, None], self.rotations[:, 1:]], dim=1)
        shape = self.shape.expand(len(turns), SHAPES)
        return free_body().pose(turns, turns.new_zeros(len(turns), 3), shape)[1][:, :22]

    def skin(self) -> Tensor:
        """Every `SPARSE`-th vertex, (L, V, 3) metres from the pelvis."""
        ids = torch.arange(0, len(free_body().rest_vertices), SPARSE)
        shape = self.shape.expand(len(self.rotations), SHAPES)
        return free_body().vertices(self.rotations, shape.new_zeros(len(shape), 3), shape, ids)


@dataclass(frozen=True)
class Scene:
    """One motion before one camera, L frames.

    ``body`` the truth before the camera; ``root`` (L, 3, 3) and ``path`` (L, 3) metres in the world; ``coco``
    (L, 17, 3) metres before the camera; ``k`` (3, 3) pixels of a picture `cameras.IMAGE` wide and high; ``cam_angvel``
    (L, 6).
    """

    clip: str
    camera: str
    body: Body
    root: Tensor
    path: Tensor
    coco: Tensor
    k: Tensor
    cam_angvel: Tensor

    def __len__(self) -> int:
        return len(self.path)

    def keypoints(self, seed: int, noise: float = 1.0, hidden: Tensor | None = None) -> Tensor:
        """(L, 17, 3) pixels and confidence: with ``noise`` times the error of training's table, seen unless
        ``hidden`` (L, 17) bool or outside the picture. The same seed gives the same error."""
        generator = torch.Generator().manual_seed(seed)
        error = keypoint_noise(KeypointDraws.draw(1, len(self), generator), default_noise_table())[0]
        points = self.coco + noise * error
        pixels = project(points, self.k)
        seen = (points[..., 2] > NEAR) & ((pixels > 0) & (pixels < IMAGE)).all(-1)
        if hidden is not None:
            seen = seen & ~hidden
        return torch.cat([pixels * seen[..., None], seen[..., None].to(pixels.dtype)], dim=-1)


@lru_cache(maxsize=1)
def free_body() -> FreeBody:
    """The body of all scenes."""
    return load_free_body()


@lru_cache(maxsize=1)
def _filmed_body() -> FilmedBody:
    return FilmedBody.of(free_body())


def scenes_of(clips: Sequence[Clip], seed: int, longest: int = LONGEST) -> Iterator[Scene]:
    """Three scenes of each piece of each clip, under a still, a moving and a tracking camera; each clip is cut into
    pieces of equal length, none longer than ``longest`` frames. The same seed gives the same scenes."""
    for number, clip in enumerate(clips):
        pieces = np.array_split(np.arange(clip.frames), -(-clip.frames // longest))
        for piece, rows in enumerate(pieces):
            yield from filmed(clip, slice(int(rows[0]), int(rows[-1]) + 1), _seed(seed, number, piece), number + piece)


def _seed(*numbers: int) -> int:
    return int(np.random.SeedSequence((_STREAM, *numbers)).generate_state(1, np.uint32)[0])


def filmed(clip: Clip, frames: slice, seed: int, tracking: int = 0) -> Iterator[Scene]:
    """Some frames of a clip under a still, a moving and a tracking camera (of which there are kinds, by number)."""
    count = len(CAMERAS)
    draws = Draws([torch.Generator().manual_seed(seed)], count)
    shape = (draws.normal(SHAPES) * SHAPE_SPREAD).clamp(-SHAPE_LIMIT, SHAPE_LIMIT)
    offsets, face, size = _filmed_body().shaped(shape)
    pose, root, velocity = (torch.from_numpy(x[frames]).expand(count, *x[frames].shape) for x in frames_of(clip)[:3])
    path = roll_out_translation(velocity * size[:, None, None], root)
    standing = _filmed_body().points(root, pose, offsets, face)
    kinds = torch.tensor([STILL, RANDOM, _TRACKING[tracking % len(_TRACKING)]])
    cameras = draw_cameras(standing.joints + path[:, :, None], draws, kinds)
    place = (cameras.r_w2c @ path[..., None]).squeeze(-1) + cameras.t_w2c
    seen = standing.seen(cameras.r_w2c, place)
    local = matrix_from_6d(pose.unflatten(-1, (21, 6)))
    for i, camera in enumerate(CAMERAS):
        turns = torch.cat([(cameras.r_w2c[i] @ root[i])[:, None], local[i]], dim=1)
        turn = camera_angular_velocity(cameras.r_w2c[i])
        yield Scene(clip.id, camera, Body(turns, shape[i]), root[i], path[i], seen.coco[i], cameras.k[i], turn)


def hidden_joints(frames: int, share: float, during: slice, seed: int, every: int | None = None) -> Tensor:
    """(frames, 17) bool: a ``share`` of the joints hidden ``during`` some frames, others every ``every`` frames."""
    rng = np.random.default_rng((_STREAM, seed))
    count = round(share * COCO)
    hidden = torch.zeros(frames, COCO, dtype=torch.bool)
    for first in range(during.start, during.stop, every or max(1, during.stop - during.start)):
        joints = torch.from_numpy(rng.permutation(COCO)[:count])
        hidden[first : min(first + (every or frames), during.stop), joints] = True
    return hidden
