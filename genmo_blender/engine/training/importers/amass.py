"""Importer of AMASS: ``DATASET/SUBJECT/*.npz`` of SMPL-H or SMPL-X bodies, Z up.

Layout (amass.is.tue.mpg.de): SMPL-H "_poses.npz" hold ``poses`` (T, 156), ``trans`` (T, 3), ``mocap_framerate``,
``betas``, ``gender``, ``dmpls``; SMPL-X "_stageii.npz" hold ``poses`` (T, 165), also as ``root_orient`` and
``pose_body``, ``trans``, ``mocap_frame_rate``, ``surface_model_type``. Hands, shapes and soft tissue are ignored, and
so are the shape files of subjects ("shape.npz", "_stagei.npz"). A subject is a performer; one in ten is held out.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..samples import Clip
from .arrays import names_in, read_npz
from .captions import captions_beside
from .finishing import bad, held_out, performer
from .smpl_motion import smpl_motion

Array = np.ndarray
RATES = ("mocap_framerate", "mocap_frame_rate", "mocap_frame_rate_hz", "fps")
_SHAPES = ("shape.npz", "stagei.npz")


def files(folder: Path) -> list[Path]:
    """The motion files below a folder, and captions beside them; none where not one of them is AMASS's, or damaged."""
    found = sorted(p for p in folder.rglob("*.npz") if not p.name.endswith(_SHAPES))
    if not any(_is_motion(path) for path in found):
        return []
    return found + [text for p in found if (text := p.with_suffix(".txt")).is_file()]


def _is_motion(path: Path) -> bool:
    names = names_in(path)
    return names is None or "trans" in names and bool(names & {"poses", "pose_body"})


def load(folder: Path) -> list[Clip]:
    """All clips of a folder. Raises StorageFailure, naming the file, for one that is no motion of AMASS."""
    motion = [p for p in files(folder) if p.suffix == ".npz"]
    out = held_out(performer(folder, p) for p in motion)
    clips = []
    for path in motion:
        poses, transl, fps = read_motion(path)
        local, place = smpl_motion(path, poses, transl, fps, z_up=True)
        name = path.relative_to(folder).with_suffix("").as_posix()
        split = "val" if performer(folder, path) in out else "train"
        clips.append(Clip(name, local, place, captions_beside(path, len(place)), (), split, "AMASS"))
    return clips


def read_motion(path: Path) -> tuple[Array, Array, float]:
    """``poses`` (T, 66 or more) rotation vectors, ``trans`` (T, 3) and the frame rate of a file."""
    arrays = read_npz(path, ("poses", "root_orient", "pose_body", "trans", *RATES))
    if "poses" not in arrays and {"root_orient", "pose_body"} <= set(arrays):
        arrays["poses"] = np.concatenate([arrays["root_orient"], arrays["pose_body"]], axis=-1)
    rate = next((arrays[name] for name in RATES if name in arrays), None)
    missing = [name for name in ("poses", "trans") if name not in arrays]
    if missing or rate is None:
        raise bad(path, f"it holds no {(missing or ['frame rate'])[0]}")
    try:
        return arrays["poses"], arrays["trans"], float(rate)
    except (TypeError, ValueError) as error:
        raise bad(path, "its frame rate is not a number") from error
