"""The short real clips with some of them held out, as an evaluation needs them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from tests.engine.evaluation.clips import FOLDER

HELD_OUT = frozenset({"cmu_16_15", "cmu_16_05", "qua_male_sit_stand", "qcy_wave", "cmu_60_03"})


def folder_with_held_out(folder: Path) -> Path:
    """A copy of the tests' motion in which the clips of `HELD_OUT` are of the validation split."""
    shutil.copytree(FOLDER, folder)
    content = json.loads((folder / "clips.json").read_text(encoding="utf-8"))
    for clip in content["clips"]:
        clip["split"] = "val" if clip["id"] in HELD_OUT else "train"
    (folder / "clips.json").write_text(json.dumps(content), encoding="utf-8")
    return folder
