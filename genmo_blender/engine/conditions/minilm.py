"""The bundled text encoder: all-MiniLM-L6-v2 (a six-layer BERT, 384 wide) in plain torch.

Weights and vocabulary lie in ``assets/text_encoder`` (card there). Tokens, not the pooled sentence, feed the network:
two sentences that differ in "left" and "right" have almost the same pooled vector (cosine 0.9 to 0.98), the two words'
tokens lie further apart (0.68 to 0.89).
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load
from torch import Tensor
from torch.nn import functional

from ...prompts.wordpiece import CLS, SEP, WordPiece, load_wordpiece
from ...protocol.failures import ModelFailure

NAME = "minilm-l6"
WEIGHTS_FILE, VOCABULARY_FILE = "model.safetensors", "vocab.txt"
ROWS = 32  # word pieces of a prompt that count
HEADS = 12
NORM_EPSILON = 1e-12
BATCH = 64


@dataclass(frozen=True, eq=False)
class MiniLM:
    """The encoder, ready to run. ``sha256`` is that of the weights file, which in turn holds that of its vocabulary."""

    tokeniser: WordPiece
    weights: dict[str, Tensor]
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

    def encode(self, prompts: Sequence[str]) -> Tensor:
        """Features of each prompt: float32 (M, 32, 384). Row i is the i-th word piece; rows past the last are zero.

        [CLS] and [SEP] take part inside the network and get no row.
        An empty prompt is all zeros, which is no text at all (spec 5.1, D27).
        """
        features = torch.zeros(len(prompts), self.rows, self.width)
        for chosen, hidden, lengths in self._batches(prompts):
            for place, row in enumerate(chosen):
                pieces = lengths[place] - 2
                features[row, :pieces] = hidden[place, 1 : pieces + 1]
        return features

    def sentence_vectors(self, prompts: Sequence[str]) -> Tensor:
        """One unit vector a prompt, float32 (M, 384), for nearness between sentences; an empty prompt gives zeros.

        The mean over all tokens, [CLS] and [SEP] too, then normalised: sentence-transformers' pooling.
        """
        vectors = torch.zeros(len(prompts), self.width)
        for chosen, hidden, lengths in self._batches(prompts):
            for place, row in enumerate(chosen):
                vectors[row] = functional.normalize(hidden[place, : lengths[place]].mean(0), dim=0)
        return vectors

    def _batches(self, prompts: Sequence[str]) -> Iterator[tuple[list[int], Tensor, list[int]]]:
        """Prompts of like length together: their places, hidden states (b, T, 384), lengths with [CLS] and [SEP]."""
        cls, sep = self.tokeniser.ids[CLS], self.tokeniser.ids[SEP]
        ids = [self.tokeniser.encode(prompt)[: self.rows] for prompt in prompts]
        order = sorted((row for row in range(len(ids)) if ids[row]), key=lambda row: len(ids[row]))
        for start in range(0, len(order), BATCH):
            chosen = order[start : start + BATCH]
            lengths = [len(ids[row]) + 2 for row in chosen]
            batch = torch.zeros(len(chosen), max(lengths), dtype=torch.long)
            for place, row in enumerate(chosen):
                batch[place, : lengths[place]] = torch.tensor([cls, *ids[row], sep])
            yield chosen, self._hidden(batch, torch.tensor(lengths)), lengths

    @torch.inference_mode()
    def _hidden(self, ids: Tensor, lengths: Tensor) -> Tensor:
        """BERT's last hidden states, post-norm: ids (b, T), lengths (b,) -> (b, T, 384)."""
        weights, length = self.weights, ids.shape[1]
        hidden = weights["embeddings.word_embeddings.weight"][ids]
        hidden = hidden + weights["embeddings.position_embeddings.weight"][:length]
        hidden = self._norm("embeddings.LayerNorm", hidden + weights["embeddings.token_type_embeddings.weight"][0])
        visible = (torch.arange(length) < lengths[:, None])[:, None, None, :]
        for layer in range(self.layers):
            prefix = f"encoder.layer.{layer}."
            mixed = self._linear(prefix + "attention.output.dense", self._attention(prefix, hidden, visible))
            hidden = self._norm(prefix + "attention.output.LayerNorm", hidden + mixed)
            inner = functional.gelu(self._linear(prefix + "intermediate.dense", hidden))
            hidden = self._norm(prefix + "output.LayerNorm", hidden + self._linear(prefix + "output.dense", inner))
        return hidden

    def _attention(self, prefix: str, hidden: Tensor, visible: Tensor) -> Tensor:
        query, key, value = (
            self._linear(f"{prefix}attention.self.{part}", hidden).unflatten(-1, (HEADS, -1)).transpose(1, 2)
            for part in ("query", "key", "value")
        )
        mixed = functional.scaled_dot_product_attention(query, key, value, attn_mask=visible)
        return mixed.transpose(1, 2).flatten(2)

    def _linear(self, name: str, value: Tensor) -> Tensor:
        return functional.linear(value, self.weights[name + ".weight"], self.weights[name + ".bias"])

    def _norm(self, name: str, value: Tensor) -> Tensor:
        weight, bias = self.weights[name + ".weight"], self.weights[name + ".bias"]
        return functional.layer_norm(value, weight.shape, weight, bias, NORM_EPSILON)


def load_minilm(folder: str | Path) -> MiniLM:
    """The encoder of a folder with ``model.safetensors`` and ``vocab.txt``.

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
        weights = load(data)
        fingerprint = bytes(weights.pop("vocabulary_sha256").numpy()).hex()
        tokeniser = load_wordpiece(vocabulary_path)
    except (SafetensorError, KeyError, ValueError) as error:
        raise _failure("text_encoder_damaged", "The text encoder's files are damaged") from error
    if fingerprint != hashlib.sha256(vocabulary).hexdigest():
        raise _failure("text_encoder_mismatch", "The text encoder's vocabulary does not belong to its weights")
    weights = {key: value.float() for key, value in weights.items()}
    return MiniLM(tokeniser, weights, hashlib.sha256(data).hexdigest())


def encode_many(encoder: MiniLM, prompts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """For data preparation: features float16 (M, 32, 384) and the number of rows in use int64 (M,)."""
    features = encoder.encode(prompts).to(torch.float16).numpy()
    lengths = [len(encoder.tokeniser.encode(prompt)[: encoder.rows]) for prompt in prompts]
    return features, np.array(lengths, dtype=np.int64)


def _failure(code: str, sentence: str) -> ModelFailure:
    return ModelFailure(code, f"{sentence}.", "Reinstall the extension, or copy assets/text_encoder from it again.")
