"""Importer of any humanoid BVH: files ``*.bvh`` anywhere below a folder, through `motion.retargeting`.

Layout: `motion.bvh`. A sub-folder is a performer; one in ten of them is held out. ``NAME.txt`` beside ``NAME.bvh``
captions it (`captions`); without one the motion has no words. Fingers and face are ignored.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ....motion import rotations
from ....motion.bvh import Bvh, read
from ....motion.humanoid import find_humanoid
from ....motion.retargeting import calibrate, reference_pose, retarget
from ..samples import Clip
from .captions import captions_beside
from .finishing import bad, check_rate, finished, held_out, performer

Array = np.ndarray
JUMP = 10.0
"""A first frame as many median steps away from the second is a pose for calibration, not motion..."""
LEAST_JUMP = np.radians(5.0)
"""...if its joints turn by as much in the mean."""


def files(folder: Path) -> list[Path]:
    """Motion and captions; none where it is no folder of BVH."""
    found = sorted(p for p in folder.rglob("*") if p.suffix.lower() == ".bvh" and p.is_file())
    return found + [text for p in found if (text := p.with_suffix(".txt")).is_file()]


def load(folder: Path) -> list[Clip]:
    """All clips of a folder. Raises StorageFailure, naming the file, for one that is no motion of a person."""
    motion = [p for p in files(folder) if p.suffix.lower() == ".bvh"]
    out = held_out(performer(folder, p) for p in motion)
    return [_clip(folder, path, "val" if performer(folder, path) in out else "train") for path in motion]


def _clip(folder: Path, path: Path, split: str) -> Clip:
    try:
        file = read(path.read_text(encoding="utf-8", errors="replace"))
        # Frame times are written with few digits: 0.0083333 is 120 a second.
        fps = round(1.0 / file.frame_time, 2) if file.frame_time > 0 else 0.0
        check_rate(path, fps)
        person = find_humanoid(file.names, file.parents)
        world, positions = file.world()
        calibration = calibrate(person, reference_pose(person, file.rest(), world, positions), file.ends)
    except (OSError, ValueError, IndexError) as error:
        raise bad(path, error) from error
    first = _beginning(file)
    local, transl = retarget(calibration, world[first:], positions[first:])
    local, transl = finished(local, transl, fps)
    name = path.relative_to(folder).with_suffix("").as_posix()
    return Clip(name, local, transl, captions_beside(path, len(transl)), (), split, "BVH")


def _beginning(file: Bvh) -> int:
    """The frame at which motion begins: often the first is a T pose, far away from the second."""
    steps = rotations.to_rotation_vector(
        rotations.multiply(rotations.conjugate(file.rotations[:-1]), file.rotations[1:])
    )
    angle = np.linalg.norm(steps, axis=-1).mean(axis=-1)
    return int(len(angle) > 1 and angle[0] > max(JUMP * np.median(angle[1:]), LEAST_JUMP))
