import os
from pathlib import Path

import numpy as np
import pytest

from genmo_blender.prompts.prompt_cache import EncoderId, PromptCache

MADE_BY = EncoderId("toy", "a" * 64)
ROWS = np.arange(12, dtype=np.float32).reshape(3, 4)


def entries(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def test_what_was_put_is_got_back_unchanged(tmp_path: Path) -> None:
    cache = PromptCache(tmp_path)
    cache.put(MADE_BY, "a person walks", ROWS)
    rows, maker = cache.get(MADE_BY, "  a person\twalks ", 4)
    assert rows is not None and rows.tobytes() == ROWS.tobytes() and maker == MADE_BY


def test_other_prompts_encoders_and_widths_are_misses(tmp_path: Path) -> None:
    cache = PromptCache(tmp_path)
    cache.put(MADE_BY, "a person walks", ROWS)
    assert cache.get(MADE_BY, "a person runs", 4)[0] is None
    assert cache.get(EncoderId("toy", "b" * 64), "a person walks", 4)[0] is None
    assert cache.get(EncoderId("other", "a" * 64), "a person walks", 4)[0] is None
    assert cache.get(MADE_BY, "a person walks", 8)[0] is None


def test_a_name_without_hash_finds_any_encoder_of_that_name(tmp_path: Path) -> None:
    cache = PromptCache(tmp_path)
    cache.put(MADE_BY, "jump", ROWS)
    rows, maker = cache.get(EncoderId("toy"), "jump", 4)
    assert rows is not None and maker == MADE_BY
    with pytest.raises(ValueError, match="hash"):
        cache.put(EncoderId("toy"), "jump", ROWS)


@pytest.mark.parametrize("harm", ["cut", "flip", "empty", "foreign"])
def test_a_damaged_entry_is_a_miss_and_is_written_anew(tmp_path: Path, harm: str) -> None:
    cache = PromptCache(tmp_path)
    cache.put(MADE_BY, "jump", ROWS)
    (path,) = entries(tmp_path)
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes({"cut": path.read_bytes()[:-5], "flip": bytes(data), "empty": b"", "foreign": b"x" * 500}[harm])
    assert cache.get(MADE_BY, "jump", 4)[0] is None
    cache.put(MADE_BY, "jump", ROWS)
    assert cache.get(MADE_BY, "jump", 4)[0] is not None


def test_the_extra_folder_is_filled_and_read(tmp_path: Path) -> None:
    beside = tmp_path / "shot ü" / "cache"
    PromptCache(tmp_path / "user", (beside,)).put(MADE_BY, "jump", ROWS)
    assert len(entries(beside)) == 1
    assert PromptCache(tmp_path / "another machine", (beside,)).get(MADE_BY, "jump", 4)[0] is not None


def test_writing_leaves_no_half_files(tmp_path: Path) -> None:
    PromptCache(tmp_path).put(MADE_BY, "jump", ROWS)
    assert [path.suffix for path in entries(tmp_path)] == [".bin"]


def test_what_was_used_longest_ago_goes_first(tmp_path: Path) -> None:
    roomy = PromptCache(tmp_path)
    for age, prompt in enumerate(["oldest", "used again", "newest"]):
        before = set(entries(tmp_path))
        roomy.put(MADE_BY, prompt, ROWS)
        (path,) = set(entries(tmp_path)) - before
        os.utime(path, (1000 + age, 1000 + age))
    roomy.get(MADE_BY, "used again", 4)
    size = entries(tmp_path)[0].stat().st_size
    PromptCache(tmp_path, limit=3 * size).put(MADE_BY, "one more", ROWS)
    kept = [p for p in ("oldest", "used again", "newest", "one more") if roomy.get(MADE_BY, p, 4)[0] is not None]
    assert kept == ["used again", "newest", "one more"]


def test_a_folder_that_cannot_be_written_stops_nothing(tmp_path: Path) -> None:
    blocked = tmp_path / "a file"
    blocked.write_text("not a folder")
    cache = PromptCache(blocked, (tmp_path / "good",))
    cache.put(MADE_BY, "jump", ROWS)
    assert cache.get(MADE_BY, "jump", 4)[0] is not None
