"""What there is to say about a prompt before it is generated: how much of it counts, what is unknown to the encoder."""

import unicodedata
from dataclasses import dataclass
from string import punctuation

from .wordpiece import UNKNOWN, WordPiece, clean

LONGEST_WORD, MOST_WORDS = 24, 6
"""How much of what was typed a sentence repeats."""
BUNDLED_LIMIT = 32
"""Word pieces that the bundled encoder hears, until an engine tells its own number."""


def normalise(prompt: str) -> str:
    """The form under which a prompt is encoded and kept: composed characters, no control characters, single spaces.

    Upper and lower case stay: T5 tells them apart.
    """
    return " ".join(clean(unicodedata.normalize("NFC", prompt)).split())


@dataclass(frozen=True)
class PromptCheck:
    """A prompt measured against an encoder that hears ``limit`` word pieces.

    ``heard`` and ``cut`` split the normalised prompt between two words; ``unknown`` are words the encoder cannot spell.
    """

    heard: str
    cut: str
    pieces: int
    limit: int
    unknown: tuple[str, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether there are no words at all."""
        return not self.pieces

    def sentences(self) -> list[str]:
        """What to tell the animator, nothing when all is well (product.md 2.11)."""
        if self.is_empty:
            return ["This strip has no words. Type what the character should do."]
        said = []
        if self.cut:
            words = self.heard.split()
            said.append(
                f"Only about the first {len(words)} words count ({self.limit} tokens); "
                f"what follows “{_short(words[-1])}” is not heard. Shorten it, or split it into strips."
            )
        if self.unknown:
            named = ", ".join(map(_short, self.unknown[:MOST_WORDS])) + (
                ", …" if len(self.unknown) > MOST_WORDS else ""
            )
            said.append(f"Not understood: {named}. This model reads English.")
        return said


def _short(word: str) -> str:
    return word if len(word) <= LONGEST_WORD else f"{word[:LONGEST_WORD]}…"


def check_prompt(prompt: str, tokeniser: WordPiece, limit: int) -> PromptCheck:
    """Measures a prompt. Exact for the bundled encoder; for another one, whose ``limit`` is given, an estimate."""
    words = normalise(prompt).split()
    pieces = [tokeniser.tokens(word) for word in words]
    heard = total = 0
    for found in pieces:
        total += len(found)
        heard += total <= limit
    heard = max(heard, 1)  # a first word longer than the limit is heard in part
    unknown = (word.strip(punctuation) for word, found in zip(words, pieces, strict=True) if UNKNOWN in found)
    return PromptCheck(" ".join(words[:heard]), " ".join(words[heard:]), total, limit, tuple(dict.fromkeys(unknown)))
