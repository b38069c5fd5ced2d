"""What prepares the real window; the window itself is tested by tests/ui."""

import os
import subprocess
from pathlib import Path

import pytest

from tools import window
from tools.shell import Stop


def test_without_root_and_without_a_made_system_there_is_a_sentence(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(window, "cache_folder", lambda: tmp_path)
    monkeypatch.setattr(window, "is_root", lambda: False)
    with pytest.raises(Stop, match="need root, .* run them with sudo"):
        window.ready_root()


def test_started_without_build_py_the_tests_say_how_they_are_started(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GENMO_UI_ROOT", raising=False)
    with pytest.raises(Stop, match="build.py test --ui"):
        window.drive_from_environment(Path("drive.py"), tmp_path)


def test_places_with_spaces_and_other_letters_reach_the_programs_whole(tmp_path: Path) -> None:
    odd = tmp_path / "añ 'odd' place"
    odd.mkdir()
    lines = window.session(odd / "a.zip", odd / "drive.py", odd / "out", ["two words"], window.SCREEN)
    show = "show() { for word; do printf '%s\\n' \"$word\"; done; }\n"
    spoken = subprocess.run(
        ["sh", "-ec", show + lines.replace("xvfb-run", "show")],
        env={"PATH": f"{fake_blender(tmp_path)}:{os.defpath}"},
        capture_output=True,
        text=True,
    ).stdout.splitlines()
    assert str(odd / "a.zip") in spoken
    assert spoken[-5:] == ["--python", str(odd / "drive.py"), "--", str(odd / "out"), "two words"]
    subprocess.run(["sh", "-n", "-c", window.outside(odd, lines)], check=True)


def fake_blender(folder: Path) -> str:
    """A folder with a program `blender` that prints its arguments, one a line."""
    program = folder / "blender"
    program.write_text("#!/bin/sh\nfor word; do printf '%s\\n' \"$word\"; done\n")
    program.chmod(0o755)
    return str(folder)
