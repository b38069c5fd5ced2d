"""What there is to say about a prompt before it is generated, by the bundled encoder's vocabulary."""

from __future__ import annotations

from functools import lru_cache

from ..motion.skeleton import assets_folder
from ..prompts.checks import BUNDLED_LIMIT, check_prompt
from ..prompts.wordpiece import WordPiece, load_wordpiece
from ..protocol.capabilities import Capabilities


@lru_cache(maxsize=1)
def tokeniser() -> WordPiece:
    """The bundled vocabulary, read once. Raises FileNotFoundError when the installation is damaged."""
    return load_wordpiece(assets_folder() / "text_encoder" / "vocab.txt")


@lru_cache(maxsize=256)
def _notes(text: str, limit: int) -> tuple[str, ...]:
    return tuple(check_prompt(text, tokeniser(), limit).sentences())


def notes(text: str, model: Capabilities | None) -> tuple[str, ...]:
    """Sentences about a prompt; none when all is well. Remembered, so that a panel may ask at every draw."""
    return _notes(text, model.text_tokens if model else BUNDLED_LIMIT)


def forget() -> None:
    """Give the memory of vocabulary and notes back."""
    tokeniser.cache_clear()
    _notes.cache_clear()
