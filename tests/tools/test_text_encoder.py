import numpy as np
import pytest

from genmo_blender.prompts.wordpiece import CLS, PAD, SEP, UNKNOWN
from tools.text_encoder import keeps_character, neighbours, own_words, read_wheel, regular_forms, select


@pytest.mark.parametrize("piece", ["a", "##z", "7", "##7", "ø", "##ß", "!", "—", "##°", "½"])
def test_characters_that_stay(piece: str) -> None:
    assert keeps_character(piece)


@pytest.mark.parametrize("piece", ["##!", "##—", "走", "##走", "ж", "##ж", "ا", "α"])
def test_characters_that_go(piece: str) -> None:
    assert not keeps_character(piece)


def test_regular_forms_of_a_verb() -> None:
    assert {"dance", "dances", "danced", "dancing", "dancer"} <= regular_forms("dance")
    assert {"stop", "stops", "stopped", "stopping"} <= regular_forms("stop")
    assert {"carries", "carried", "carrying"} <= regular_forms("carry")


def test_comment_lines_are_no_words() -> None:
    assert own_words("# verbs\nwalk run\n") == {"walk", "run"}


def test_selection_keeps_common_and_listed_words_with_all_their_pieces() -> None:
    pieces = (PAD, UNKNOWN, CLS, SEP, "[unused1]", "a", "##a", "走", "walk", "##s", "dr", "##ib", "##ble", "smith")
    kept = select(pieces, {"walk": 10}, {"dribble"})
    assert kept == [PAD, UNKNOWN, CLS, SEP, "a", "##a", "walk", "##s", "dr", "##ib", "##ble"]


def test_neighbours_come_by_nearness_without_oneself() -> None:
    vectors = np.array([[1.0, 0.0], [0.8, 0.6], [0.0, 1.0]])
    assert neighbours(vectors).tolist() == [[1, 2], [0, 2], [1, 0]]


def test_another_wheel_is_refused(tmp_path) -> None:
    path = tmp_path / "other.whl"
    path.write_bytes(b"not the wheel")
    with pytest.raises(SystemExit, match="is not the wheel"):
        read_wheel(path)
