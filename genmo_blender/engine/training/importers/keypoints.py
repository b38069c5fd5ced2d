"""Importer of 2D-only footage: a folder of keypoint files, one a clip; what a detector saw, without any truth in 3D.

Layout (ours; COCO's order of the 17 joints, cocodataset.org): ``NAME.json`` or ``NAME.npz`` with ``keypoints``
(T, 17, 3) pixels x, y and confidence, ``width``, ``height``, ``fps`` and optionally ``focal`` in pixels. 33 joints are
BlazePose's, whose third number is a depth: all count as seen. ``f_imgseq`` (T, 1024): optionally,
what the release's image encoder says of each frame (spec 6.4). A .json may be the bare list of frames, as the BlazePose
results of tensorflow/tfjs-models are; then ``footage.json`` in the folder says width, height and fps for all.
``NAME.txt`` captions a clip (`captions`). A sub-folder is a performer; one in ten is held out.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from ..samples import Clip, Keypoints
from .arrays import names_in, read_npz
from .captions import captions_beside
from .finishing import bad, check_rate, held_out, moments, performer

Array = np.ndarray
DEFAULTS = "footage.json"
FIELDS = ("keypoints", "width", "height", "fps", "focal", "f_imgseq")
SLOWEST = 4.0  # frames a second of footage
# COCO's joints among BlazePose's: nose, eyes, ears, shoulders, elbows, wrists, hips, knees, ankles.
BLAZEPOSE = (0, 2, 5, 7, 8, 11, 12, 13, 14, 15, 16, 23, 24, 25, 26, 27, 28)


def files(folder: Path) -> list[Path]:
    """Keypoint files, the folder's defaults and captions; none where not one of them is such a file."""
    found = sorted(p for p in folder.rglob("*") if p.suffix in (".json", ".npz") and p.name != DEFAULTS)
    if not any(_is_keypoints(folder, path) for path in found):
        return []
    beside = [folder / DEFAULTS, *(p.with_suffix(".txt") for p in found)]
    return found + [p for p in beside if p.is_file()]


def _is_keypoints(folder: Path, path: Path) -> bool:
    if path.suffix == ".npz":
        return "keypoints" in (names_in(path) or ())
    with path.open("rb") as file:
        start = file.read(4096)
    return b'"keypoints"' in start or (start.lstrip().startswith(b"[") and (folder / DEFAULTS).is_file())


def load(folder: Path) -> list[Clip]:
    """All clips of a folder, without 3D. Raises StorageFailure, naming the file, for one that is none."""
    footage = [p for p in files(folder) if p.suffix in (".json", ".npz") and p.name != DEFAULTS]
    defaults = _json(folder / DEFAULTS) if (folder / DEFAULTS).is_file() else {}
    out = held_out(performer(folder, p) for p in footage)
    return [_clip(folder, p, defaults, "val" if performer(folder, p) in out else "train") for p in footage]


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise bad(path, f"it is half-written or no JSON ({error})") from error


def _clip(folder: Path, path: Path, defaults: dict[str, Any], split: str) -> Clip:
    content = read_npz(path, FIELDS) if path.suffix == ".npz" else _json(path)
    if isinstance(content, list):
        content = {"keypoints": content}
    try:
        said = defaults | dict(content)
        points = np.asarray(said["keypoints"], dtype=np.float64)
        width, height, fps, focal = (float(said.get(name, 0.0)) for name in FIELDS[1:5])
    except (TypeError, ValueError, KeyError) as error:
        raise bad(path, f"it holds no keypoints with width, height and fps ({error})") from error
    check_rate(path, fps, SLOWEST)
    if not (width > 0 and height > 0 and focal >= 0):
        raise bad(path, f"it does not say how large the picture is (width and height, here or in {DEFAULTS})")
    images = _images(path, said["f_imgseq"], points, fps) if "f_imgseq" in said else None
    points = _at_30(_coco(path, points), fps)
    nowhere = np.zeros((0, 22, 4), np.float32), np.zeros((0, 3), np.float32)
    name = path.relative_to(folder).with_suffix("").as_posix()
    seen = Keypoints(points.astype(np.float32), (round(width), round(height)), focal, images)
    return Clip(name, *nowhere, captions_beside(path, len(points)), (), split, "2D footage", keypoints=seen)


def _coco(path: Path, points: Array) -> Array:
    """(T, 17, 3) with a confidence. What is not seen may be anything, a number or none."""
    if points.ndim != 3 or points.shape[1:] not in ((17, 3), (33, 3)) or len(points) < 2:
        raise bad(path, f"its keypoints are {points.shape} instead of (frames, 17, 3)")
    if points.shape[1] == 33:
        points = np.concatenate([points[:, BLAZEPOSE, :2], np.ones((len(points), 17, 1))], axis=-1)
    sure = np.nan_to_num(points[..., 2:], nan=0.0)
    if not np.isfinite(points[sure[..., 0] > 0]).all() or not ((sure >= 0) & (sure <= 1)).all():
        raise bad(path, "it holds keypoints that are not numbers, or confidences beyond 0 to 1")
    return np.where(sure > 0, np.concatenate([points[..., :2], sure], axis=-1), 0.0)


def _images(path: Path, features: Any, points: Array, fps: float) -> Array:
    """Image features of the frames at 30 a second, float16."""
    try:
        found = np.asarray(features, dtype=np.float32)
    except (TypeError, ValueError) as error:
        raise bad(path, f"its image features are no numbers ({error})") from error
    if found.ndim != 2 or len(found) != len(points) or not np.isfinite(found).all():
        raise bad(path, f"its image features are {found.shape} instead of numbers for each of {len(points)} frames")
    low, high, t = _between(len(found), fps)
    t = t[:, None]
    return (found[low] * (1 - t) + found[high] * t).astype(np.float16)


def _between(frames: int, fps: float) -> tuple[Array, Array, Array]:
    """The two frames that each moment at 30 a second lies between, and how far it is from the first, (N,) each."""
    at = moments(frames, fps) * fps
    nearest = np.rint(at)
    at = np.where(np.abs(at - nearest) < 1e-6, nearest, at)
    low = np.minimum(at.astype(int), frames - 1)
    return low, np.minimum(low + (at > low), frames - 1), at - low


def _at_30(points: Array, fps: float) -> Array:
    """Linear in time; a joint is as sure as the less sure of the two frames it lies between."""
    low, high, t = _between(len(points), fps)
    t = t[:, None, None]
    out = points[low] * (1 - t) + points[high] * t
    out[..., 2] = np.minimum(points[low, :, 2], points[high, :, 2])
    return np.where(out[..., 2:] > 0, out, 0.0)
