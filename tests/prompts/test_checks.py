from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genmo_blender.prompts.checks import check_prompt, normalise
from genmo_blender.prompts.wordpiece import WordPiece, load_wordpiece

BUNDLED = load_wordpiece(Path(__file__).resolve().parents[2] / "assets/text_encoder/vocab.txt")


@pytest.fixture
def bundled() -> WordPiece:
    return BUNDLED


def test_a_good_prompt_needs_no_words(bundled: WordPiece) -> None:
    check = check_prompt("a person walks forward", bundled, 32)
    assert check.pieces == 4 and check.heard == "a person walks forward" and not check.cut
    assert check.sentences() == []


@pytest.mark.parametrize("prompt", ["", "  \n\t", "\u200b\ufeff"])
def test_a_prompt_without_words_is_called_empty(bundled: WordPiece, prompt: str) -> None:
    check = check_prompt(prompt, bundled, 32)
    assert check.is_empty and check.sentences() == ["This strip has no words. Type what the character should do."]


def test_an_over_long_prompt_says_where_it_is_cut(bundled: WordPiece) -> None:
    check = check_prompt("walk " * 40 + "jump", bundled, 32)
    assert check.heard == ("walk " * 32).strip() and check.cut == ("walk " * 8) + "jump"
    (sentence,) = check.sentences()
    assert sentence.startswith("Only about the first 32 words count (32 tokens); what follows “walk” is not heard.")


def test_a_prompt_of_exactly_the_limit_is_heard_whole(bundled: WordPiece) -> None:
    assert check_prompt("walk " * 32, bundled, 32).cut == ""


def test_a_first_word_over_the_limit_is_heard_in_part(bundled: WordPiece) -> None:
    check = check_prompt("zqxj" * 20 + " walks", bundled, 32)
    assert check.heard == "zqxj" * 20 and check.cut == "walks"


def test_words_of_another_script_are_named(bundled: WordPiece) -> None:
    check = check_prompt("a person прыгает, прыгает, and walks", bundled, 32)
    assert check.unknown == ("прыгает",)
    assert check.sentences() == ["Not understood: прыгает. This model reads English."]


def test_of_endless_words_and_many_a_sentence_repeats_little(bundled: WordPiece) -> None:
    (said,) = check_prompt("a person " + "a" * 2000, bundled, 32).sentences()
    assert said == f"Not understood: {'a' * 24}…. This model reads English."
    (said,) = check_prompt("человек прыгает идёт вперёд назад влево вправо вверх", bundled, 99).sentences()
    assert said == "Not understood: человек, прыгает, идёт, вперёд, назад, влево, …. This model reads English."


def test_spaces_and_composition_do_not_make_another_prompt() -> None:
    assert normalise("  a\u00a0person\n  walks ") == "a person walks"
    assert normalise("cafe\u0301") == normalise("café")


def test_case_is_kept_for_encoders_that_see_it() -> None:
    assert normalise("A Person") != normalise("a person")


@given(st.text(max_size=60))
def test_normalising_twice_changes_nothing_and_keeps_every_piece(text: str) -> None:
    once = normalise(text)
    assert normalise(once) == once
    assert BUNDLED.encode(once) == BUNDLED.encode(text)


@given(st.text(max_size=80), st.integers(1, 8))
def test_heard_and_cut_together_are_the_prompt(text: str, limit: int) -> None:
    check = check_prompt(text, BUNDLED, limit)
    assert f"{check.heard} {check.cut}".strip() == normalise(text)
