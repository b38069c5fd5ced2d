"""The rotating log."""

from __future__ import annotations

from pathlib import Path

from genmo_blender.addon.engine_log import RotatingLog


def test_the_log_keeps_a_few_files_of_limited_size(tmp_path: Path) -> None:
    log = RotatingLog(tmp_path / "new" / "engine.log", limit=1000, keep=2)
    for number in range(400):
        log.write(f"line {number}\n".encode())
    log.close()
    files = {path.name: path for path in (tmp_path / "new").iterdir()}
    assert sorted(files) == ["engine.log", "engine.log.1", "engine.log.2"]
    assert all(path.stat().st_size <= 1010 for path in files.values())
    text = "".join(files[name].read_text() for name in ("engine.log.2", "engine.log.1", "engine.log"))
    assert (
        text.endswith("line 398\nline 399\n")
        and text.splitlines() == [f"line {n}" for n in range(400)][-len(text.splitlines()) :]
    )


def test_another_life_of_the_engine_appends(tmp_path: Path) -> None:
    for word in (b"first\n", b"second\n"):
        log = RotatingLog(tmp_path / "engine.log")
        log.write(word)
        log.close()
    assert (tmp_path / "engine.log").read_bytes() == b"first\nsecond\n"


def test_the_last_lines_are_kept_in_memory_even_from_endless_output(tmp_path: Path) -> None:
    log = RotatingLog(tmp_path)  # a folder: it cannot be opened as a file
    log.write(b"x" * 1_000_000)
    log.write(b"\nlast \xff words\n")
    assert log.last_lines(1) == "last � words" and len(log.last_lines(9)) < 20_000
