"""The half of the measurement that needs Blender; run as a module inside it: CLIPS.npz [--parts keys ends ...]."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..figures import Table
from . import directed, keys
from .clips import load

PARTS = ("keys", "ends", "paths", "pins")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("clips", type=Path)
    parser.add_argument("--parts", nargs="*", choices=PARTS, default=PARTS)
    options = parser.parse_args()
    table, clips = Table(), load(options.clips)
    if "keys" in options.parts:
        keys.keys(table, clips)
    if "ends" in options.parts:
        keys.ends(table, clips)
    if "paths" in options.parts:
        directed.paths(table)
    if "pins" in options.parts:
        directed.pins(table)
    print("\n".join(table.lines()), flush=True)


if __name__ == "__main__":
    main()
