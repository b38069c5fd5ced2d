"""Runs inside an environment with bpy: installs the extension's zip as a user would, then runs a script or a module.

    python -P in_blender.py ZIP SCRIPT ARGS...
    python -P in_blender.py ZIP -m MODULE ARGS...

Started by tools/blender.py, which points BLENDER_USER_RESOURCES at an empty folder; -P keeps this folder's modules from
hiding others of the same name. Not importable outside Blender.
"""

import runpy
import sys
import tomllib
import zipfile
from pathlib import Path

import bpy


def install(archive: str) -> None:
    """Installs and enables the extension. Raises SystemExit where Blender does not enable it.

    The operator answers FINISHED whether or not it worked, so the list of enabled add-ons decides.
    """
    bpy.ops.extensions.package_install_files(filepath=archive, repo="user_default", enable_on_install=True)
    about = tomllib.loads(zipfile.Path(archive, "blender_manifest.toml").read_text(encoding="utf-8"))
    name = f"bl_ext.user_default.{about['id']}"
    if name not in bpy.context.preferences.addons:
        raise SystemExit(f"Blender {bpy.app.version_string} did not enable {archive}; its reason stands above.")


def main() -> None:
    archive, *rest = sys.argv[1:]
    install(archive)
    if rest[0] == "-m":
        sys.argv = rest[1:]
        sys.path.insert(0, str(Path.cwd()))
        runpy.run_module(rest[1], run_name="__main__", alter_sys=True)
    else:
        sys.argv = rest
        sys.path.insert(0, str(Path(rest[0]).resolve().parent))
        runpy.run_path(rest[0], run_name="__main__")


if __name__ == "__main__":
    main()
