"""A file in parts of at most 15 MB, for a machine that gives back only small files; and the parts made one again.

`python3 tools/gpu/parts.py FOLDER FILE` joins the newest complete set that `report.json` of the folder names. Two sets
take turns, so that a run that is cut while it writes one leaves the other whole.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from pathlib import Path
from typing import Any

LARGEST = 15_000_000


def split(source: Path, folder: Path, name: str, largest: int = LARGEST) -> dict[str, Any]:
    """Write ``name.0``, ``name.1``, ... in the folder; returns what `join` needs to know."""
    data = source.read_bytes()
    names: list[str] = []
    for start in range(0, len(data), largest):
        path = folder / f"{name}.{len(names)}"
        fresh = folder / "part.new"
        fresh.write_bytes(data[start : start + largest])
        os.replace(fresh, path)
        names.append(path.name)
    return {"parts": names, "sha256": hashlib.sha256(data).hexdigest()}


def join(folder: Path, sets: list[dict[str, Any]], target: Path) -> dict[str, Any]:
    """Join the first of the sets whose parts are all there and belong together; returns it. Raises ValueError."""
    for entry in sets:
        paths = [folder / name for name in entry["parts"]]
        if all(path.is_file() for path in paths):
            data = b"".join(path.read_bytes() for path in paths)
            if hashlib.sha256(data).hexdigest() == entry["sha256"]:
                target.write_bytes(data)
                return entry
    raise ValueError(f"No set of parts in {folder} is complete.")


def main(folder: str, target: str) -> int:
    report = json.loads((Path(folder) / "report.json").read_text(encoding="utf-8"))
    try:
        entry = join(Path(folder), report["weights"], Path(target))
    except ValueError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{target}: step {entry['step']}, sha256 {entry['sha256']}")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:3]))
