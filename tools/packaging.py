"""The installable zip: the package at its root, with manifest, assets and wheels; the same bytes every time."""

from __future__ import annotations

import os
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path

from .environments import BLENDER, NEWEST_BLENDER, ready
from .shell import BUILD, ROOT, Stop, log_of, quietly, say

MANIFEST = "blender_manifest.toml"
LEFT_OUT = ("__pycache__", ".DS_Store", ".gitattributes")
COMPRESSED_ALREADY = (".safetensors", ".npz", ".whl", ".png")
EARLIEST = (1980, 1, 1, 0, 0, 0)  # the zip format's first moment, so that a file's age does not change the bytes


def manifest(root: Path = ROOT) -> dict:
    """The extension's manifest as a dictionary."""
    return tomllib.loads((root / MANIFEST).read_text(encoding="utf-8"))


def contents(root: Path = ROOT) -> dict[str, Path]:
    """What goes into the zip: names inside it, sorted, and the files they come from.

    Blender imports the zip's root as the extension's package, so genmo_blender's own files lie at the root there.
    Raises Stop when a wheel that the manifest names is not there.
    """
    found = dict(files(root / "genmo_blender", ""))
    found |= dict(files(root / "assets", "assets/"))
    found |= {name: root / name for name in (MANIFEST, "LICENSE")}
    for wheel in manifest(root).get("wheels", ()):
        name = wheel.removeprefix("./")
        if not (root / name).is_file():
            raise Stop(f"{MANIFEST} names {name}, and that file is not there: see wheels/README.md.")
        found[name] = root / name
    return dict(sorted(found.items()))


def files(folder: Path, prefix: str) -> Iterator[tuple[str, Path]]:
    """The files under a folder as (name inside the zip, path)."""
    for path in folder.rglob("*"):
        relative = path.relative_to(folder)
        if path.is_file() and not any(part in LEFT_OUT for part in relative.parts):
            yield prefix + relative.as_posix(), path


def write_zip(root: Path, output: Path) -> Path:
    """Writes the extension's zip into a folder and returns its path, dist/ID-VERSION.zip."""
    about = manifest(root)
    output.mkdir(parents=True, exist_ok=True)
    target = output / f"{about['id']}-{about['version']}.zip"
    partial = target.with_suffix(f".{os.getpid()}.partial")
    with zipfile.ZipFile(partial, "w") as archive:
        for name, path in contents(root).items():
            entry = zipfile.ZipInfo(name, EARLIEST)
            entry.external_attr = 0o644 << 16
            stored = path.suffix in COMPRESSED_ALREADY
            entry.compress_type = zipfile.ZIP_STORED if stored else zipfile.ZIP_DEFLATED
            archive.writestr(entry, path.read_bytes(), compresslevel=6)
    partial.replace(target)
    return target


def validate(archive: Path) -> None:
    """Asks Blender's own tool whether the zip is a valid extension. Raises Stop with its words when it is not."""
    python = ready(BLENDER[NEWEST_BLENDER])
    tools = sorted((BUILD / f"bpy-{NEWEST_BLENDER}").glob("**/addons_core/bl_pkg/cli/blender_ext.py"))
    if not tools:
        raise Stop(f"Blender's blender_ext.py is not in .build/bpy-{NEWEST_BLENDER}: remove that folder and try again.")
    log = log_of("validate")
    log.unlink(missing_ok=True)
    quietly([python, tools[0], "validate", archive], f"Validating {archive.name}", log)


def package(output: Path = ROOT / "dist") -> Path:
    """Writes and validates the zip, says its size and returns its path."""
    archive = write_zip(ROOT, output)
    validate(archive)
    say(f"{archive}: {archive.stat().st_size / 1e6:.1f} MB")
    return archive
