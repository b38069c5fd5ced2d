"""Importer of AIST++: dances as SMPL in pickles, and the songs they were danced to.

Layout (google.github.io/aistplusplus_dataset): ``motions/gBR_sBM_cAll_d04_mBR0_ch01.pkl`` with ``smpl_poses`` (T, 72),
``smpl_trans`` (T, 3) and ``smpl_scaling`` (1,), 60 frames a second, Y up; metres are ``smpl_trans / smpl_scaling``.
Songs are AIST's ``mBR0.wav`` in ``music``, ``wavs`` or the folder itself (or a file with the motion's name), from the
motion's first frame on. ``splits/crossmodal_{train,val,test}.txt`` say what is held out, else one dancer in ten is;
``ignore_list.txt`` names dances that were reconstructed wrongly. Cameras and keypoints are ignored.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from ..samples import Clip
from .arrays import read_pickle
from .finishing import bad, held_out
from .smpl_motion import smpl_motion

RATE = 60.0
SPLITS = ("train", "val", "test")
_NAME = re.compile(r"g[A-Z]{2}_s[A-Z]{2}_c\w+_(d\d+)_(m[A-Z]{2}\d)_ch\d+")
_MUSIC = ("music", "musics", "wavs", ".")
_SOUND = (".wav", ".mp3")


def _motion(folder: Path) -> list[Path]:
    inside = folder / "motions"
    return sorted(p for p in (inside if inside.is_dir() else folder).glob("*.pkl") if _NAME.fullmatch(p.stem))


def files(folder: Path) -> list[Path]:
    """Dances, their songs and the lists; none where it is no such folder."""
    motion = _motion(folder)
    songs = {song for p in motion if (song := _song(folder, p.stem))}
    lists = [*_lists(folder).values(), folder / "ignore_list.txt"]
    return [*motion, *sorted(songs), *(p for p in lists if p.is_file())] if motion else []


def load(folder: Path) -> list[Clip]:
    """All dances of a folder. Raises StorageFailure, naming the file, for one that is none."""
    ignored = _names(folder / "ignore_list.txt")
    motion = [p for p in _motion(folder) if p.stem not in ignored]
    said = {name: split for split, path in _lists(folder).items() for name in _names(path)}
    out = held_out(_fields(p.stem)[0] for p in motion)
    clips = []
    for path in motion:
        split = "val" if _fields(path.stem)[0] in out else "train"
        if said:
            split = said.get(path.stem, "unlisted")
        clips.append(_clip(folder, path, split))
    return clips


def _clip(folder: Path, path: Path, split: str) -> Clip:
    content = read_pickle(path)
    try:
        poses, transl, scale = (np.asarray(content[f"smpl_{name}"]) for name in ("poses", "trans", "scaling"))
        metres = transl / float(scale.reshape(-1)[0])
    except (KeyError, TypeError, ValueError, IndexError, ZeroDivisionError) as error:
        raise bad(path, f"it holds no dance of AIST++ ({error})") from error
    local, place = smpl_motion(path, poses, metres, RATE, z_up=False)
    song = _song(folder, path.stem)
    return Clip(path.stem, local, place, (), ("dance",), split, "AIST++", music=str(song.resolve()) if song else "")


def _fields(name: str) -> tuple[str, str]:
    """Dancer and song of a dance."""
    match = _NAME.fullmatch(name)
    assert match is not None
    return match[1], match[2]


def _song(folder: Path, name: str) -> Path | None:
    places = (
        folder / where / f"{stem}{end}" for stem in (name, _fields(name)[1]) for where in _MUSIC for end in _SOUND
    )
    return next((path for path in places if path.is_file()), None)


def _lists(folder: Path) -> dict[str, Path]:
    return {split: folder / "splits" / f"crossmodal_{split}.txt" for split in SPLITS}


def _names(path: Path) -> list[str]:
    if not path.is_file():
        return []
    return [line.strip() for line in path.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
