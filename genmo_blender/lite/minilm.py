"""The bundled text encoder, all-MiniLM-L6-v2 (a six-layer BERT, 384 wide), in numpy; the card lies beside its weights.

What it gives for a prompt is what `engine.conditions.minilm` gives: tokens, not the pooled sentence.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..prompts.wordpiece import CLS, SEP, WordPiece, load_wordpiece
from ..protocol.failures import ModelFailure
from .layers import Array, LayerNorm, Linear, gelu, softmax
from .safetensors import parse

NAME = "minilm-l6"
WEIGHTS_FILE, VOCABULARY_FILE = "model.safetensors", "vocab.txt"
ROWS = 32  # word pieces of a prompt that count
HEADS = 12
NORM_EPSILON = 1e-12


@dataclass(frozen=True, eq=False)
class MiniLM:
    """The encoder, ready to run. ``sha256`` is that of the weights file, which in turn holds that of its vocabulary."""

    tokeniser: WordPiece
    weights: Mapping[str, Array]
    sha256: str
    name: str = NAME
    rows: int = ROWS

    @property
    def width(self) -> int:
        """Numbers a token (384)."""
        return self.weights["embeddings.LayerNorm.weight"].shape[0]

    @property
    def layers(self) -> int:
        """Transformer layers (6)."""
        return sum(key.endswith("attention.self.query.weight") for key in self.weights)

    def encode(self, prompts: Sequence[str]) -> Array:
        """Features of each prompt: float32 (M, 32, 384). Row i is the i-th word piece; rows past the last are zero.

        [CLS] and [SEP] take part inside the network and get no row. An empty prompt is all zeros.
        """
        features = np.zeros((len(prompts), self.rows, self.width), dtype=np.float32)
        for row, prompt in enumerate(prompts):
            ids = self.tokeniser.encode(prompt)[: self.rows]
            if ids:
                hidden = self._hidden([self.tokeniser.ids[CLS], *ids, self.tokeniser.ids[SEP]])
                features[row, : len(ids)] = hidden[1:-1]
        return features

    def _hidden(self, ids: list[int]) -> Array:
        """BERT's last hidden states, post-norm: ids (T,) -> (T, 384)."""
        hidden = self._rows("word_embeddings", ids) + self._rows("position_embeddings", slice(len(ids)))
        hidden = self._norm("embeddings.LayerNorm", hidden + self._rows("token_type_embeddings", 0))
        for layer in range(self.layers):
            prefix = f"encoder.layer.{layer}."
            mixed = self._linear(prefix + "attention.output.dense", self._attention(prefix, hidden))
            hidden = self._norm(prefix + "attention.output.LayerNorm", hidden + mixed)
            inner = gelu(self._linear(prefix + "intermediate.dense", hidden))
            hidden = self._norm(prefix + "output.LayerNorm", hidden + self._linear(prefix + "output.dense", inner))
        return hidden

    def _attention(self, prefix: str, hidden: Array) -> Array:
        query, key, value = (
            self._linear(f"{prefix}attention.self.{part}", hidden).reshape(len(hidden), HEADS, -1).transpose(1, 0, 2)
            for part in ("query", "key", "value")
        )
        scores = query @ key.transpose(0, 2, 1)
        scores *= np.float32(1.0 / math.sqrt(query.shape[-1]))
        return (softmax(scores) @ value).transpose(1, 0, 2).reshape(len(hidden), -1)

    def _rows(self, table: str, which: list[int] | slice | int) -> Array:
        return self.weights[f"embeddings.{table}.weight"][which].astype(np.float32)

    def _linear(self, name: str, value: Array) -> Array:
        weight, bias = (self.weights[f"{name}.{part}"].astype(np.float32) for part in ("weight", "bias"))
        return Linear(weight.T, bias)(value)

    def _norm(self, name: str, value: Array) -> Array:
        weight, bias = (self.weights[f"{name}.{part}"].astype(np.float32) for part in ("weight", "bias"))
        return LayerNorm(weight, bias, NORM_EPSILON)(value)


def load_minilm(folder: str | Path) -> MiniLM:
    """The encoder of a folder with ``model.safetensors`` and ``vocab.txt``. Weights stay half as they lie in the file:
    a prompt is read once, and float32 copies of all would take twice the memory.

    Raises ModelFailure when a file is missing, damaged or belongs to another pair.
    """
    weights_path, vocabulary_path = Path(folder) / WEIGHTS_FILE, Path(folder) / VOCABULARY_FILE
    try:
        data = weights_path.read_bytes()
        vocabulary = vocabulary_path.read_bytes()
    except OSError as error:
        raise _failure(
            "text_encoder_missing", f"The text encoder is missing or cannot be read ({Path(folder).name})"
        ) from error
    try:
        _, weights = parse(data)
        fingerprint = weights.pop("vocabulary_sha256").tobytes().hex()
        tokeniser = load_wordpiece(vocabulary_path)
    except (KeyError, ValueError) as error:
        raise _failure("text_encoder_damaged", "The text encoder's files are damaged") from error
    if fingerprint != hashlib.sha256(vocabulary).hexdigest():
        raise _failure("text_encoder_mismatch", "The text encoder's vocabulary does not belong to its weights")
    return MiniLM(tokeniser, weights, hashlib.sha256(data).hexdigest())


def _failure(code: str, sentence: str) -> ModelFailure:
    return ModelFailure(code, f"{sentence}.", "Reinstall the extension, or copy assets/text_encoder from it again.")
