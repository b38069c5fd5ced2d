"""A real Blender in a real window on a screen nobody sees, for tests/ui: Debian unstable's Blender in its own root.

The module bpy has no window, and Debian 12's own Blender is too old for extensions. The root is kept in the user's
cache folder, so that every checkout uses the same one; each run gets mount and process namespaces of its own, so that
nothing is left mounted or running when it ends. All of this needs root and Linux.
"""

from __future__ import annotations

import hashlib
import os
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from .environments import CHECK, LOCKS, pip, ready
from .pause import cache_folder
from .shell import BUILD, ROOT, Stop, is_root, log_of, quietly
from .system import need_programs

SUITE = "sid"
PACKAGES = (
    *("blender", "libegl1", "libgl1", "libglx-mesa0", "libgl1-mesa-dri", "python3-numpy", "python3-requests"),
    *("ca-certificates", "xvfb", "xauth", "imagemagick"),
)
# The index of the unstable suite may be older than it says it may be.
APT_OPTION = 'Acquire::Check-Valid-Until "false"'
SCREEN = "1280x800x24"
LAUNCHER = '#!/bin/sh\n# The engine\'s Python belongs to the system outside.\nexec chroot /outside {python} "$@"\n'


def ready_root() -> Path:
    """Returns the folder with Blender 5.2's system in it, made first where it is missing (about 1.2 GB).

    Raises Stop when we are not root, or when a program is missing that we may not install.
    """
    recipe = "\n".join([SUITE, *PACKAGES, (LOCKS / "window.txt").read_text(encoding="utf-8")])
    folder = cache_folder() / f"blender-window-{hashlib.sha256(recipe.encode()).hexdigest()[:12]}"
    if folder.is_dir():
        return folder
    if not is_root():
        raise Stop("Tests in a real window need root, to make a system for Blender 5.2: run them with sudo.")
    need_programs({"mmdebstrap": "mmdebstrap", "unshare": "util-linux"}, "Tests in a real window")
    log = log_of("window")
    log.unlink(missing_ok=True)
    folder.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix="window-", dir=folder.parent))
    try:
        command = ["mmdebstrap", "--variant=minbase", f"--aptopt={APT_OPTION}", f"--include={','.join(PACKAGES)}"]
        quietly([*command, SUITE, partial / "root"], "Making a system with Blender 5.2", log)
        install_python_packages(partial / "root", log)
        (partial / "root" / "outside").mkdir()
        (partial / "root").rename(folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return folder


def install_python_packages(root: Path, log: Path) -> None:
    """Adds the pure Python packages of the window lock to the system Python in a root."""
    ready(CHECK)
    target = root / "usr/lib/python3/dist-packages"
    command = [*pip(CHECK, "install"), "--no-deps", "--require-hashes", "--target", target, "-r", LOCKS / "window.txt"]
    quietly(command, "Installing window into it", log)


def drive(
    root: Path,
    archive: Path,
    engine_python: Path,
    script: Path,
    out: Path,
    arguments: Sequence[str] = (),
    timeout: float = 600.0,
    screen: str = SCREEN,
) -> int:
    """Installs the extension's zip in Blender 5.2, opens its window and runs a script in it; returns the exit status.

    `script` runs at start-up with `sys.argv` ending in `-- OUT ARGUMENTS...` and ends Blender itself; what it prints
    goes to OUT/blender.log. Inside, `import -window root FILE.png` takes a picture of the screen. `out` must lie inside
    the checkout, which has the same path inside the root; so has the installed extension, whose engine runs outside.
    Raises TimeoutError after `timeout` seconds; nothing is left running then.
    """
    out.mkdir(parents=True, exist_ok=True)
    BUILD.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="window-", dir=BUILD) as resources:
        launcher = Path(resources) / "engine-python"
        launcher.write_text(LAUNCHER.format(python=shlex.quote(str(engine_python))))
        launcher.chmod(0o755)
        inside = session(archive, script, out, arguments, screen)
        env = {
            "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME": resources,
            "LANG": "C.UTF-8",
            "LIBGL_ALWAYS_SOFTWARE": "1",
            "BLENDER_USER_RESOURCES": resources,
            "GENMO_ENGINE_PYTHON": str(launcher),
        }
        # The namespaces' first process is killed with its parent, and everything in them with that.
        command = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-ec", outside(root, inside)]
        with open(out / "blender.log", "wb") as log:
            process = subprocess.Popen(command, env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
            try:
                return process.wait(timeout)
            except subprocess.TimeoutExpired:
                raise TimeoutError(
                    f"{script.name} did not end in {timeout:.0f} s; see {out / 'blender.log'}."
                ) from None
            finally:
                process.kill()
                process.wait()


def outside(root: Path, inside: str) -> str:
    """The shell lines that prepare a root's mounts in their own namespace and run other lines in it."""
    place, checkout = shlex.quote(str(root)), shlex.quote(str(ROOT))
    return "\n".join(
        [
            f"mount --rbind / {place}/outside",
            f"mkdir -p {place}{checkout}",
            f"mount --bind {checkout} {place}{checkout}",
            f"mount --rbind /dev {place}/dev",
            f"mount -t proc proc {place}/proc",
            f"mount -t tmpfs tmpfs {place}/tmp",
            f"exec chroot {place} sh -ec {shlex.quote(inside)}",
        ]
    )


def session(archive: Path, script: Path, out: Path, arguments: Sequence[str], screen: str) -> str:
    """The shell lines that install the extension and open the window. The first start's greeting is switched off."""
    quiet = "import bpy; bpy.context.preferences.view.show_splash = False; bpy.ops.wm.save_userpref()"
    window = ["blender", "--enable-event-simulate", "--window-geometry", "0", "0", *screen.split("x")[:2]]
    window += ["--python-exit-code", "3", "--python", str(script), "--", str(out), *arguments]
    lines = [
        ["blender", "--command", "extension", "install-file", "-r", "user_default", "-e", str(archive)],
        ["blender", "--background", "--python-expr", quiet],
        ["xvfb-run", "-a", "-s", f"-screen 0 {screen}", *window],
        ["exit", "0"],  # the shell stays the namespace's first process: as that, xvfb-run would wait for ever
    ]
    return "\n".join(shlex.join(line) for line in lines)


def drive_from_environment(
    script: Path, out: Path, arguments: Sequence[str] = (), timeout: float = 600.0, screen: str = SCREEN
) -> int:
    """`drive` with what `build.py test --ui` made ready and named in the environment."""
    names = ("GENMO_UI_ROOT", "GENMO_EXTENSION_ZIP", "GENMO_ENGINE_PYTHON")
    missing = [name for name in names if name not in os.environ]
    if missing:
        raise Stop("These tests are started by `python3 build.py test --ui`, which makes their Blender ready.")
    root, archive, python = (Path(os.environ[name]) for name in names)
    return drive(root, archive, python, script, out, arguments, timeout, screen)
