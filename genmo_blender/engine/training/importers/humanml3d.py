"""Importer of HumanML3D: captions of AMASS motion, cut out of its files.

Layout (github.com/EricGuo5513/HumanML3D): ``index.csv`` (source_path, start_frame, end_frame, new_name; frames at 20 a
second), ``texts/NAME.txt`` (`captions`; also in ``HumanML3D/texts``) and ``train.txt``, ``val.txt``, ``test.txt``
beside the texts. The AMASS files themselves lie below the same folder, however deep, as DATASET/SUBJECT/FILE, in the
SMPL-H or the SMPL-X release. Frames are counted as its ``raw_pose_processing`` does: every int(rate / 20)-th of the
file, without the first seconds of five of the sets.

Ignored: the mirrored "M" texts, for every clip's twin is made in training and its words with it (`samples.mirrored`),
motion of HumanAct12, which is joints alone, and whatever ``index.csv`` names that is not there.
"""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from pathlib import Path

from ....protocol.failures import StorageFailure
from ..samples import Clip
from .amass import read_motion
from .captions import read_captions
from .finishing import bad, check_rate, held_out
from .smpl_motion import smpl_motion

RATE = 20
SPLITS = ("train", "val", "test")
SKIPPED = {"eyes_japan_dataset": 60, "hdm05": 60, "totalcapture": 20, "poseprior": 20, "transitions": 10}
"""Frames at 20 a second that are left out at the beginning of a file before it is cut."""
NAMES = {
    "biomotionlab_ntroje": "bmlrub",
    "dfaust_67": "dfaust",
    "mpi_hdm05": "hdm05",
    "mpi_limits": "poseprior",
    "mpi_mosh": "mosh",
    "ssm_synced": "ssm",
    "tcd_handmocap": "tcdhands",
    "transitions_mocap": "transitions",
}
"""Folders of the SMPL-H release -> those of the SMPL-X release."""
TAGS = {"dance": r"\bdanc", "climb": r"\bclimb", "ladder": r"\bladder", "stairs": r"\bstair"}
"""What training needs to know of a clip, told by its captions."""
_ENDINGS = re.compile(r"_(?:poses|stageii)$")


@dataclass(frozen=True)
class _Cut:
    source: tuple[str, ...]
    start: int
    end: int
    name: str


def _texts(folder: Path) -> Path:
    return next((p for p in (folder / "HumanML3D" / "texts", folder / "texts") if p.is_dir()), folder / "texts")


def files(folder: Path) -> list[Path]:
    """Index, splits, texts and AMASS files; none where it is no such folder."""
    if not (folder / "index.csv").is_file():
        return []
    texts = _texts(folder)
    lists = [texts.parent / f"{split}.txt" for split in SPLITS]
    found = [folder / "index.csv", *(p for p in lists if p.is_file()), *sorted(texts.glob("*.txt"))]
    return found + sorted(folder.rglob("*.npz"))


def load(folder: Path) -> list[Clip]:
    """All captioned clips whose AMASS file is there. Raises StorageFailure when none is, or a file is damaged."""
    sources = {_key(p.relative_to(folder).with_suffix("").parts): p for p in sorted(folder.rglob("*.npz"))}
    texts, cuts = _texts(folder), _cuts(folder / "index.csv")
    there = [c for c in cuts if c.source in sources and (texts / f"{c.name}.txt").is_file()]
    if not there:
        raise StorageFailure(
            "no_motion_beside_captions",
            f"None of the motion that {folder / 'index.csv'} names lies in {folder} with a text in {texts}.",
            "Put AMASS's folders and the texts of HumanML3D into it.",
        )
    split = _splits(folder, texts.parent, there)
    return [_clip(cut, sources[cut.source], texts / f"{cut.name}.txt", split[cut.name]) for cut in there]


def _key(parts: tuple[str, ...]) -> tuple[str, ...]:
    """DATASET, SUBJECT, FILE in the words of the SMPL-X release."""
    last = [part.lower().replace(" ", "_") for part in parts[-3:]]
    last[-1] = _ENDINGS.sub("", last[-1])
    last[0] = NAMES.get(last[0], last[0])
    return tuple(last)


def _cuts(index: Path) -> list[_Cut]:
    try:
        with index.open(encoding="utf-8", newline="") as file:
            return [
                _Cut(
                    _key(Path(row["source_path"]).with_suffix("").parts),
                    int(row["start_frame"]),
                    int(row["end_frame"]),
                    Path(row["new_name"]).stem,
                )
                for row in csv.DictReader(file)
            ]
    except (OSError, ValueError, KeyError, TypeError, csv.Error) as error:
        raise bad(index, f"it is not HumanML3D's index ({error})") from error


def _splits(folder: Path, beside: Path, cuts: list[_Cut]) -> dict[str, str]:
    """Each clip's split: as the lists say, else one subject in ten is held out."""
    lists = {split: beside / f"{split}.txt" for split in SPLITS}
    said = {
        name.strip(): split
        for split, path in lists.items()
        if path.is_file()
        for name in path.read_text(encoding="utf-8", errors="replace").splitlines()
    }
    if said:
        return {cut.name: said.get(cut.name, "unlisted") for cut in cuts}
    out = held_out("/".join(cut.source[:-1]) for cut in cuts)
    return {cut.name: "val" if "/".join(cut.source[:-1]) in out else "train" for cut in cuts}


def _clip(cut: _Cut, source: Path, text: Path, split: str) -> Clip:
    poses, transl, fps = read_motion(source)
    check_rate(source, fps, RATE)
    step = int(fps / RATE)
    skipped = SKIPPED.get(cut.source[0], 0)
    first, end = ((skipped + n) * step for n in (cut.start, cut.end))
    local, place = smpl_motion(source, poses[first:end], transl[first:end], fps, z_up=True)
    captions = read_captions(text, len(place), RATE * step / fps)
    words = " ".join(c.text.lower() for c in captions)
    tags = tuple(tag for tag, pattern in TAGS.items() if re.search(pattern, words))
    return Clip(cut.name, local, place, captions, tags, split, "HumanML3D")
