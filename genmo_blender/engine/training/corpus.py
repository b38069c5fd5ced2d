"""All training motion as one block of frames, so that a batch is a handful of gathers.

Frames of every clip lie one after the other; the mirrored twins follow as a second half in the same order, so twin of
frame i is frame i + N (mini_model.md: "the mirrored twin, words swapped, in the same batch").
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ...motion import kinematics, rotations
from ...motion.delivery import deliver
from ...motion.legs import RECORDED
from ...motion.skeleton import CONTACT_JOINTS, canonical
from ...protocol.failures import StorageFailure
from ..representation.codec import BETAS, DIM, GLOBAL_ORIENT, GLOBAL_ORIENT_GV, LOCAL_TRANSL_VEL, Statistics
from .importers.folders import importer_of
from .paraphrases import mirror_words, variants
from .samples import Caption, Clip, mirrored

FPS = 30
CONTACT_SPEED = 0.15  # m/s, spec 7.2 step 10
CONTACT_HEIGHT = 0.08  # m above rest, mini_model.md: "contacts as in spec 7 and the toe under 8 cm"
# Whoever leans on an object that is not in the data (mini_model.md, recipe).
PROPS = frozenset({"climb", "ladder", "stairs"})
MIN_FRAMES = 24
SHORTEST_CAPTION = 10  # frames
GOES = re.compile(r"\b(?:walks|runs|jogs|sprints)\b(?! crouching)")
STOOPS = re.compile(r"\b(?:bends|leans far|squats|sits|lies)\b")
"""Whoever asks for a run does not mean that somebody runs to a box and bends down, though the run is measured so."""


@dataclass(frozen=True)
class Corpus:
    """Per-frame tensors over both halves (2N rows) and the table of captions.

    ``pose`` (2N, 126) local 6D; ``root`` (2N, 3, 3) world rotation; ``velocity`` (2N, 3) metres a frame in the root's
    frame (spec 4.5, D1 sane); ``joints`` (2N, 22, 3) metres from the pelvis, world axes; ``contacts`` (2N, 6) 0/1.
    ``start``, ``length`` (clips): rows of a clip in the first half. ``sentences``: every string that can be drawn, and
    ``choices[i]`` the rows of ``sentences`` that say caption text i; ``twin[r]`` is the row of the mirrored sentence.
    """

    pose: Tensor
    root: Tensor
    velocity: Tensor
    joints: Tensor
    contacts: Tensor
    start: np.ndarray
    length: np.ndarray
    clips: tuple[Clip, ...]
    texts: tuple[str, ...]
    choices: tuple[np.ndarray, ...]
    sentences: tuple[str, ...]
    twin: np.ndarray

    @property
    def half(self) -> int:
        """N, rows of the un-mirrored half."""
        return len(self.pose) // 2

    def to(self, device: torch.device | str) -> Corpus:
        """The same with its tensors on a device."""
        names = ("pose", "root", "velocity", "joints", "contacts")
        return replace(self, **{name: getattr(self, name).to(device) for name in names})


def load_clips(folders: list[Path], split: str) -> list[Clip]:
    """`motion_of` the folders."""
    return motion_of(all_clips(folders), split)


def all_clips(folders: list[Path]) -> list[Clip]:
    """Whatever the folders hold. Raises RequestFailure for a folder of no known kind, StorageFailure for bad files."""
    return [clip for folder in folders for clip in importer_of(folder).load(folder)]


def motion_of(clips: list[Clip], split: str) -> list[Clip]:
    """Clips of one split that a person walks through without props; raises StorageFailure when nothing is left."""
    chosen = [
        c
        for c in clips
        if c.split == split
        and c.keypoints is None
        and not c.stylised
        and not PROPS & set(c.tags)
        and c.frames >= MIN_FRAMES
    ]
    if not chosen:
        raise StorageFailure("no_clips", f"There are no clips of split “{split}” in the data.", "Check --data.")
    return chosen


def locked(clip: Clip) -> Clip:
    """The clip with feet that stand where they are planted (mini_model.md: "Lock the feet of the training clips once
    before training"); raw capture slides by 5 to 7 cm/s, and a network learns what it sees."""
    labels = contact_labels(clip.joints()).astype(np.float64)
    rotated, path = deliver(clip.rotations, clip.transl, labels, give=RECORDED)
    return replace(clip, rotations=rotated.astype(np.float32), transl=path.astype(np.float32))


def usable_captions(clip: Clip) -> list[Caption]:
    """Captions that a window may be trained on: measured ones of at least a third of a second, strong whole ones."""
    measured = [c for c in clip.captions if c.kind == "motion"]
    stoops = [c for c in measured if STOOPS.search(c.text)]
    going = [_upright(c, stoops) if GOES.search(c.text) else c for c in measured]
    return [c for c in going if c.end - c.start >= SHORTEST_CAPTION] + [
        c for c in clip.captions if not (c.weak or c.kind == "motion")
    ]


def _upright(caption: Caption, stoops: list[Caption]) -> Caption:
    """The longest part of a caption's frames in which nobody stoops."""
    upright = np.ones(caption.end - caption.start, dtype=int)
    for c in stoops:
        upright[max(c.start - caption.start, 0) : max(c.end - caption.start, 0)] = 0
    edges = np.flatnonzero(np.diff(upright, prepend=0, append=0)).reshape(-1, 2).tolist()
    first, end = max(edges, key=lambda part: part[1] - part[0], default=(0, 0))
    return replace(caption, start=caption.start + first, end=caption.start + end)


def build(clips: list[Clip], captions: Sequence[str] = ()) -> Corpus:
    """Gather clips and their mirrored twins into one corpus, with further ``captions`` of clips that have no motion."""
    halves = [[frames_of(c) for c in clips], [frames_of(mirrored(c, mirror_words)) for c in clips]]
    columns = [torch.from_numpy(np.concatenate([f[k] for half in halves for f in half])) for k in range(5)]
    length = np.array([c.frames for c in clips])
    start = np.concatenate([[0], np.cumsum(length)[:-1]])
    texts = tuple(sorted({c.text for clip in clips for c in usable_captions(clip)} | set(captions)))
    table: dict[str, int] = {}
    choices = tuple(np.array([table.setdefault(v, len(table)) for v in variants(t)]) for t in texts)
    if not table:
        table[""] = 0  # motion without any caption: a row that no window says
    for sentence in list(table):
        table.setdefault(mirror_words(sentence), len(table))
    sentences = tuple(table)
    twin = np.array([table.get(mirror_words(s), i) for i, s in enumerate(sentences)])
    pose, root, velocity, joints, contacts = columns
    return Corpus(pose, root, velocity, joints, contacts, start, length, tuple(clips), texts, choices, sentences, twin)


def frames_of(clip: Clip) -> tuple[np.ndarray, ...]:
    """``pose``, ``root``, ``velocity``, ``joints`` and ``contacts`` of a `Corpus`, for one clip."""
    q = clip.rotations.astype(np.float64)
    path = clip.transl.astype(np.float64)
    joints = kinematics.joint_positions(canonical(), q, path)
    step = np.diff(path, axis=0)
    step = np.concatenate([step, step[-1:]])
    velocity = rotations.rotate(rotations.conjugate(q[:, 0]), step)
    arrays = (
        rotations.to_6d(q[:, 1:]).reshape(len(q), 126),
        rotations.to_matrix(q[:, 0]),
        velocity,
        joints - path[:, None],
        contact_labels(joints),
    )
    return tuple(a.astype(np.float32) for a in arrays)


def contact_labels(joints: np.ndarray) -> np.ndarray:
    """(T, 22, 3) world joints -> (T, 6) 0/1: slow, and for feet low (spec 7.2 step 10, toe height above rest)."""
    rest = canonical().rest
    chosen = joints[:, CONTACT_JOINTS]
    speed = np.linalg.norm(np.diff(chosen, axis=0), axis=-1) * FPS
    slow = np.concatenate([speed, speed[-1:]]) < CONTACT_SPEED
    toes = joints[:, [10, 10, 11, 11], 1] - rest[10, 1]
    slow[:, :4] &= toes < CONTACT_HEIGHT
    return slow


def statistics_of(corpus: Corpus) -> Statistics:
    """The corpus's own mean and spread (mini_model.md: rotations floor 0.03, velocity as measured, orientation mean 0
    and 0.58 because the camera's yaw is uniform, betas 1)."""
    mean, std = torch.zeros(DIM), torch.ones(DIM)
    mean[:126] = corpus.pose.mean(0)
    std[:126] = corpus.pose.std(0).clamp(min=0.03)
    mean[BETAS], std[BETAS] = 0.0, 1.0
    for part in (GLOBAL_ORIENT, GLOBAL_ORIENT_GV):
        mean[part], std[part] = 0.0, 0.58
    mean[LOCAL_TRANSL_VEL] = corpus.velocity.mean(0)
    std[LOCAL_TRANSL_VEL] = corpus.velocity.std(0)
    return Statistics(mean, std)


def fingerprint(folders: list[Path]) -> str:
    """sha256 over the data files' names and bytes: names the cache and goes into the card."""
    digest = hashlib.sha256()
    for folder in folders:
        for path in importer_of(folder).files(folder):
            digest.update(path.relative_to(folder).as_posix().encode())
            with path.open("rb") as file:
                while block := file.read(1 << 20):
                    digest.update(block)
    return digest.hexdigest()
