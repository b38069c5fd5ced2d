import json
from pathlib import Path

import pytest

from genmo_blender.prompts.wordpiece import CLS, PAD, SEP, UNKNOWN, WordPiece, clean, load_wordpiece, split_words

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = json.loads((ROOT / "tests/data/text/wordpiece.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def bundled() -> WordPiece:
    return load_wordpiece(ROOT / "assets/text_encoder/vocab.txt")


def small(*pieces: str) -> WordPiece:
    return WordPiece((PAD, UNKNOWN, CLS, SEP, *pieces))


def test_ids_equal_the_reference_package_on_the_bundled_vocabulary(bundled: WordPiece) -> None:
    assert len(GOLDEN["bundled_vocabulary"]) > 90
    for text, ids in GOLDEN["bundled_vocabulary"]:
        assert bundled.encode(text) == ids, text


def test_pruning_leaves_the_pieces_of_motion_words_as_they_were(bundled: WordPiece) -> None:
    for text, pieces in GOLDEN["original_vocabulary"]:
        assert bundled.tokens(text) == pieces, text


def test_a_word_takes_the_longest_pieces_first() -> None:
    assert small("side", "sides", "##step", "##s", "##tep").tokens("sidestep") == ["sides", "##tep"]
    assert small("side", "##step", "##s").tokens("sidesteps") == ["side", "##step", "##s"]


def test_a_word_that_cannot_be_spelt_is_unknown_as_a_whole() -> None:
    assert small("walk", "##s").tokens("walked walks") == [UNKNOWN, "walk", "##s"]


def test_special_pieces_typed_by_a_person_are_plain_text() -> None:
    assert small("[", "]", "sep").tokens("[SEP]") == ["[", "sep", "]"]


def test_words_split_at_punctuation_and_chinese_characters() -> None:
    assert split_words("Don't stop—360°!") == ["don", "'", "t", "stop", "—", "360°", "!"]
    assert split_words("a走路b") == ["a", "走", "路", "b"]


def test_cleaning_drops_control_characters_and_keeps_words_apart() -> None:
    assert clean("a\u200bb\x00\tc\u2003d\n") == "ab c d "


def test_every_latin_letter_and_digit_can_be_spelt(bundled: WordPiece) -> None:
    for char in "abcdefghijklmnopqrstuvwxyz0123456789":
        assert char in bundled.ids and "##" + char in bundled.ids
    assert UNKNOWN not in bundled.tokens("zqxjv kwyzzq 0918273645 ßøł !?")


def test_the_bundled_vocabulary_names_each_piece_once(bundled: WordPiece) -> None:
    assert len(bundled.ids) == len(bundled.pieces)


def test_a_vocabulary_without_its_special_pieces_is_refused() -> None:
    with pytest.raises(ValueError, match=r"\[CLS\], \[SEP\]"):
        WordPiece((PAD, UNKNOWN, "walk"))
