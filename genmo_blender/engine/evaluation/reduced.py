"""Reduce Keys, measured: how few keys hold a motion within what is allowed, on recorded and on generated motion."""

from __future__ import annotations

import argparse
import json
import time
import zlib
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from ...motion import rotations as rot
from ...motion.kinematics import joint_positions
from ...motion.planting import SOLES, standing
from ...motion.reducing.body import body_of
from ...motion.reducing.measure import Figures, figures
from ...motion.reducing.reduce import Contacts, reduce_keys
from ...motion.resampling import resample
from ...motion.skeleton import canonical
from ...protocol.failures import StorageFailure
from ...protocol.requests import MODEL_FPS
from ..training.corpus import contact_labels
from ..training.pack import read_pack

Array = np.ndarray
FPS = 24.0
SHORTEST, LONGEST = 5.0, 10.0
"""Seconds of a clip: shorter ones are left out, of longer ones the middle is taken."""
KINDS = ("walk", "dance")


@dataclass(frozen=True)
class Motion:
    """Dense motion at `FPS`: rotations (T, 22, 4), path (T, 3), which soles stand (T, 4)."""

    name: str
    rotations: Array
    path: Array
    standing: Array

    @property
    def contacts(self) -> Contacts:
        """Ankles and toes as Reduce Keys wants them."""
        return Contacts(SOLES, self.standing)


def prepare(name: str, rotations: Array, path: Array, seconds: float = LONGEST) -> Motion:
    """A motion at the model's rate -> the middle ``seconds`` of it at `FPS`; soles stand where both neighbours do."""
    rotations, path = rotations.astype(np.float64), path.astype(np.float64)
    joints = joint_positions(canonical(), rotations, path)
    stands = standing(joints, contact_labels(joints).astype(np.float64))
    length = min(len(path), round(seconds * MODEL_FPS))
    begin = (len(path) - length) // 2
    part = slice(begin, begin + length)
    times = np.arange(int((length - 1) / MODEL_FPS * FPS + 1e-6) + 1) / FPS
    q, places = resample(rotations[part], path[part], MODEL_FPS, times)
    at = times * MODEL_FPS
    low, high = np.floor(at + 1e-6).astype(int), np.minimum(np.ceil(at - 1e-6).astype(int), length - 1)
    return Motion(name, rot.continuous(q), places, stands[part][low] & stands[part][high])


def recorded(pack: Path) -> Iterator[Motion]:
    """Validation clips of `KINDS` from a pack. Raises StorageFailure."""
    for clip in read_pack(pack).val:
        kind = next((k for k in KINDS if k in clip.tags), "")
        if kind and clip.frames >= SHORTEST * MODEL_FPS:
            yield prepare(f"{kind}: {clip.id}", clip.rotations, clip.transl)


def generated(path: Path) -> Motion:
    """A file of `engine generate`. Raises StorageFailure."""
    try:
        with np.load(path, allow_pickle=False) as data:
            vectors = np.concatenate([data["root_orient"][:, None], data["pose_body"].reshape(-1, 21, 3)], axis=1)
            return prepare(f"made: {path.stem}", rot.from_rotation_vector(vectors.astype(np.float64)), data["trans"])
    except (OSError, ValueError, TypeError, KeyError, EOFError, BadZipFile, zlib.error) as error:
        raise StorageFailure(
            "not_a_motion", f"{path} holds no motion ({error}).", "Give a file of `engine generate`."
        ) from error


def measure(motion: Motion) -> tuple[Figures, float]:
    """What its keys are worth, and the seconds of processor that they took."""
    skeleton = canonical()
    body = body_of(skeleton.parents, skeleton.offsets)
    began = time.process_time()
    reduced = reduce_keys(body, motion.rotations, motion.path, FPS, motion.contacts)
    took = time.process_time() - began
    return figures(body, motion.rotations, motion.path, FPS, motion.contacts, reduced), took


def with_fingers(motion: Motion) -> Array:
    """Rotations (T, 55, 4): those of the body, and jaw, eyes and fingers that bend and stretch each at its own time."""
    frames = len(motion.path)
    t, j = np.arange(frames)[:, None] / FPS, np.arange(33)
    angle = 0.3 * np.sin(2 * np.pi * (0.3 + 0.01 * j) * t + j)
    vectors = np.stack([0 * angle, 0.2 * angle, angle], axis=-1)
    return np.concatenate([motion.rotations, rot.from_rotation_vector(vectors)], axis=1)


def pace(motion: Motion) -> tuple[float, float]:
    """Seconds of processor for ten seconds of 55 bones, and those for a minute of them over six times that."""
    skeleton = canonical(55)
    body = body_of(skeleton.parents, skeleton.offsets)
    q, took = with_fingers(motion), []
    # There and back, so that nothing jumps.
    there = np.arange(len(q))
    whole = np.concatenate([there if i % 2 == 0 else there[::-1] for i in range(6)])
    for frames in (there, whole):
        began = time.process_time()
        reduce_keys(body, q[frames], motion.path[frames], FPS, Contacts(SOLES, motion.standing[frames]))
        took.append(time.process_time() - began)
    return took[0] * LONGEST * FPS / len(q), took[1] / (6 * took[0])


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """``--data PACK`` and ``--takes FILE...``, at least one of them; ``--out``."""
    parser.add_argument(
        "--data", type=Path, metavar="FILE", help="prepared motion (`engine pack`): its validation clips"
    )
    parser.add_argument("--takes", type=Path, nargs="*", default=[], metavar="FILE", help="files of `engine generate`")
    parser.add_argument("--pace", action="store_true", help="how long 55 bones take, with the first motion's body")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write the figures as JSON")


def run(options: argparse.Namespace) -> int:
    """Print the table. Raises StorageFailure."""
    motions = [*(generated(path) for path in options.takes), *(recorded(options.data) if options.data else ())]
    if not motions:
        raise StorageFailure("no_motion", "There is no motion to reduce.", "Give --data or --takes.")
    print(f"{'motion':<28} {'s':>5} {'keys':>7} {'worst':>8} {'slide':>11} {'stance':>11} {'took':>9}")
    rows = []
    for motion in motions:
        found, took = measure(motion)
        seconds = len(motion.path) / FPS
        print(
            f"{motion.name[:28]:<28} {seconds:5.1f} {found.share:7.1%} {found.worst:5.2f} mm {found.slide:+6.3f} cm/s"
            f" {found.stance:+6.3f} cm/s {took / seconds:5.2f} s/s",
            flush=True,
        )
        rows.append({"motion": motion.name, "seconds": seconds, "processor_s": took, **asdict(found)})
    for kind in ("made", *KINDS):
        shares = [float(str(row["share"])) for row in rows if str(row["motion"]).startswith(kind)]
        if shares:
            print(f"{kind}: {np.mean(shares):.1%} of the dense keys on average, {max(shares):.1%} at most")
    if options.pace:
        ten, ratio = pace(motions[0])
        print(f"10 s of 55 bones: {ten:.2f} s of processor; 60 s take {ratio:.2f} times six times 10 s")
    if options.out:
        options.out.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    return 0
