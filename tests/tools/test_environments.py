"""Environments: locks that leave nothing open, and stamps that notice a change."""

import re
import sys
from pathlib import Path

import pytest

from tools import environments, system
from tools.environments import BLENDER, CHECK, ENGINE, ENGINE_TESTS, LOCKS, Environment, base_python, is_current, ready
from tools.shell import Stop

LOCK_FILES = sorted(LOCKS.glob("*.txt"))


@pytest.mark.parametrize("lock", LOCK_FILES, ids=lambda path: path.stem)
def test_every_requirement_is_pinned_and_hashed_and_no_place_is_named(lock: Path) -> None:
    text = lock.read_text(encoding="utf-8")
    entries = re.split(r"\n(?=\S)", text.strip())[1:]
    assert entries
    for entry in entries:
        first, *rest = entry.split(" \\\n")
        assert re.match(r"[a-z0-9.-]+==\S+", first), first
        assert rest and all(re.fullmatch(r"    --hash=sha256:[0-9a-f]{64}", line) for line in rest), first
    assert "://" not in text and "--index" not in text


def test_every_environment_has_its_locks_and_every_lock_its_environment() -> None:
    named = {lock for item in (ENGINE, ENGINE_TESTS, CHECK, *BLENDER.values()) for lock in item.locks}
    assert {path.stem for path in LOCK_FILES} == named | {"torch-cuda", "window"}


def test_every_pin_of_a_source_stands_in_its_lock() -> None:
    locked = {line.split(" ")[0] for path in LOCK_FILES for line in path.read_text().splitlines()}
    for source in LOCKS.glob("*.in"):
        pins = re.findall(r"^[a-z].*==.*$", source.read_text(), re.MULTILINE)
        assert pins and set(pins) <= locked, source.name


def test_no_cuda_package_is_in_a_lock_that_is_always_installed() -> None:
    for name in (*ENGINE_TESTS.locks, *CHECK.locks):
        assert not re.findall(r"^(nvidia|cuda|triton)", (LOCKS / f"{name}.txt").read_text(), re.MULTILINE)


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Environment:
    """An environment that looks as if it had been made from one lock."""
    monkeypatch.setattr(environments, "BUILD", tmp_path / ".build")
    monkeypatch.setattr(environments, "LOCKS", tmp_path / "locks")
    (tmp_path / "locks").mkdir()
    (tmp_path / "locks" / "small.txt").write_text("a==1 --hash=sha256:0\n")
    environment = Environment("small", ("small",))
    environment.python.parent.mkdir(parents=True)
    environment.python.touch()
    (environment.folder / "locks").mkdir()
    (environment.folder / "locks" / "small").write_text(environments.fingerprint("small"))
    return environment


def test_an_environment_is_current_until_its_lock_changes(made: Environment) -> None:
    assert is_current(made)
    (environments.LOCKS / "small.txt").write_text("a==2 --hash=sha256:0\n")
    assert not is_current(made)


def test_a_half_made_environment_is_not_current(made: Environment) -> None:
    (made.folder / "locks" / "small").unlink()
    assert not is_current(made)


def test_an_environment_whose_python_is_gone_is_not_current(made: Environment) -> None:
    made.python.unlink()
    assert not is_current(made)


def test_a_checkout_that_cannot_be_written_to_gets_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setattr(environments, "BUILD", tmp_path / "file" / ".build")
    with pytest.raises(Stop, match="work in a checkout that you may write to"):
        ready(CHECK)


def test_another_python_without_311_on_the_path_gets_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 13, 0))
    monkeypatch.setenv("PATH", "")
    with pytest.raises(Stop, match="need python3.11, and it is not on the PATH"):
        base_python()


def test_missing_system_packages_are_named_with_the_command_to_type(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(system, "BLENDER_LIBRARIES", {"libnowhere.so.9": "libnowhere9", "libc.so.6": "libc6"})
    monkeypatch.setattr(system, "is_root", lambda: False)
    monkeypatch.setattr(system.shutil, "which", lambda name: f"/usr/bin/{name}")
    with pytest.raises(Stop, match="run `sudo apt-get install libnowhere9` and try again"):
        system.need_blender_libraries()


def test_without_apt_the_packages_are_still_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(Stop, match="what Debian calls python3-venv"):
        system.install(["python3-venv"], "Making environments")
