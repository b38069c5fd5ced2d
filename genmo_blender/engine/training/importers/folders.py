"""Which importer reads a folder, found from what lies in it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ....protocol.failures import RequestFailure
from ..samples import Clip
from . import aistpp, amass, beat2, bvh, humanml3d, keypoints, shards

_SMPL = "Its shapes (betas) are ignored."
_AMASS = f"AMASS and SMPL are for non-commercial research: so is what is trained on them. {_SMPL}"


@dataclass(frozen=True)
class Importer:
    """``files`` of a folder that decide its clips, none where it is of another kind; ``load`` gives the clips.
    ``note``: what whoever trains on such data has to know of its licence, "" where weights may be used freely."""

    name: str
    files: Callable[[Path], list[Path]]
    load: Callable[[Path], list[Clip]]
    note: str = ""


# In this order: HumanML3D and BEAT2 hold files that AMASS's importer would take for its own.
IMPORTERS = (
    Importer("motion shards", shards.files, shards.load),
    Importer("HumanML3D", humanml3d.files, humanml3d.load, _AMASS),
    Importer(
        "AIST++",
        aistpp.files,
        aistpp.load,
        "AIST's songs and SMPL are for non-commercial research: so is what is trained on them.",
    ),
    Importer(
        "BEAT2",
        beat2.files,
        beat2.load,
        f"BEAT and SMPL-X are for non-commercial research: so is what is trained on them. {_SMPL}",
    ),
    Importer("BVH", bvh.files, bvh.load),
    Importer("AMASS", amass.files, amass.load, _AMASS),
    Importer("2D footage", keypoints.files, keypoints.load),
)


def importer_of(folder: Path) -> Importer:
    """The importer that reads a folder. Raises RequestFailure when it is none, empty, or of no known kind."""
    found = next((importer for importer in IMPORTERS if folder.is_dir() and importer.files(folder)), None)
    if found is None:
        what = "is not a folder" if not folder.is_dir() else "is empty" if not any(folder.iterdir()) else ""
        raise RequestFailure(
            "no_motion_data",
            f"{folder} {what or 'holds no motion of a kind that can be read'}.",
            f"Give --data a folder of {', '.join(i.name for i in IMPORTERS[:-1])} or {IMPORTERS[-1].name}.",
        )
    return found
