"""WordPiece: from a sentence to the pieces that the bundled text encoder knows (BERT, uncased, accents stripped).

Gives the ids of ``tokenizers``' BertWordPieceTokenizer on the same vocabulary, but for two things: "[MASK]" and its
like are plain text here, never special tokens; characters younger than that package's Unicode tables go by Python's.
"""

import unicodedata
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

PAD, UNKNOWN, CLS, SEP = "[PAD]", "[UNK]", "[CLS]", "[SEP]"
CONTINUATION = "##"
LONGEST_WORD = 100  # characters; BERT takes anything longer as unknown
_CJK = (
    (0x4E00, 0x9FFF),
    (0x3400, 0x4DBF),
    (0x20000, 0x2A6DF),
    (0x2A700, 0x2B73F),
    (0x2B740, 0x2B81F),
    (0x2B820, 0x2CEAF),
    (0xF900, 0xFAFF),
    (0x2F800, 0x2FA1F),
)


def clean(text: str) -> str:
    """The text without control characters, every kind of white space as one plain space character each."""
    kept = []
    for char in text:
        if char in "\t\n\r":
            kept.append(" ")
        elif char == "\ufffd" or unicodedata.category(char) in ("Cc", "Cf", "Co", "Cs"):
            continue
        else:
            kept.append(" " if char.isspace() else char)
    return "".join(kept)


def split_words(text: str) -> list[str]:
    """Lower-case words without accents; each punctuation mark and each Chinese character is a word of its own."""
    decomposed = unicodedata.normalize("NFD", clean(text))
    bare = "".join(char.lower() for char in decomposed if unicodedata.category(char) != "Mn")
    return "".join(f" {char} " if _stands_alone(char) else char for char in bare).split()


def _stands_alone(char: str) -> bool:
    code = ord(char)
    if code < 128:
        return not char.isalnum() and not char.isspace()
    return unicodedata.category(char).startswith("P") or any(low <= code <= high for low, high in _CJK)


@dataclass(frozen=True)
class WordPiece:
    """A vocabulary and the greedy longest match over it; ``pieces[i]`` is the piece with id i.

    Raises ValueError when a special piece is missing.
    """

    pieces: tuple[str, ...]

    def __post_init__(self) -> None:
        missing = [piece for piece in (PAD, UNKNOWN, CLS, SEP) if piece not in self.ids]
        if missing:
            raise ValueError(f"The vocabulary lacks {', '.join(missing)}.")

    @cached_property
    def ids(self) -> dict[str, int]:
        """From piece to id."""
        return {piece: number for number, piece in enumerate(self.pieces)}

    def tokens(self, text: str) -> list[str]:
        """The pieces of a sentence, without [CLS] and [SEP]."""
        return [piece for word in split_words(text) for piece in self._word_pieces(word)]

    def encode(self, text: str) -> list[int]:
        """The ids of ``tokens(text)``."""
        return [self.ids[piece] for piece in self.tokens(text)]

    def _word_pieces(self, word: str) -> list[str]:
        if len(word) > LONGEST_WORD:
            return [UNKNOWN]
        found: list[str] = []
        start = 0
        while start < len(word):
            prefix = CONTINUATION if start else ""
            ends = range(len(word), start, -1)
            end = next((end for end in ends if prefix + word[start:end] in self.ids), None)
            if end is None:
                return [UNKNOWN]
            found.append(prefix + word[start:end])
            start = end
        return found


def load_wordpiece(path: str | Path) -> WordPiece:
    """Reads a vocabulary: UTF-8, one piece a line, a line's number (from 0) is the id. Raises OSError, ValueError."""
    return WordPiece(tuple(Path(path).read_text(encoding="utf-8").split("\n")[:-1]))
