"""Runs inside an environment with bpy: installs the extension's zip as a user would, then runs a script or a module.

    python -P in_blender.py ZIP SCRIPT ARGS...
    python -P in_blender.py ZIP -m MODULE ARGS...

Started by tools/blender.py, which points BLENDER_USER_RESOURCES at an empty folder; -P keeps this folder's modules from
hiding others of the same name. Not importable outside Blender.
"""

import atexit
import os
import runpy
import sys
import tomllib
import traceback
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


def end(code: int) -> None:
    """Leave at once. bpy 4.5 was seen to wait for ever for a thread of its own that closes files, after everything that
    Python and Blender do at the end was done."""
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    try:
        main()
    except SystemExit as asked:
        if asked.code is not None and not isinstance(asked.code, int):
            print(asked.code, file=sys.stderr)
        end(asked.code if isinstance(asked.code, int) else int(asked.code is not None))
    except BaseException:
        traceback.print_exc()
        end(1)
    end(0)
