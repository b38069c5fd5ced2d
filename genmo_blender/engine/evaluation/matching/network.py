"""The evaluator's network: an encoder for motions and one for sentences, both into one space of unit vectors."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn
from torch.nn import functional

from ....protocol.failures import ModelFailure, StorageFailure
from ...conditions.minilm import MiniLM
from ...network.layers import sinusoid
from .rows import EVERY, FRAMES, WIDTH, motion_rows

Array = np.ndarray
FORMAT = "genmo_evaluator_1"
TEXT_WIDTH = 384
A_TOKEN = 4
"""Rows that a token of the motion encoder stands for."""
SIZE = 64
"""Numbers of an embedding. Embeddings are unit vectors times its root, so that each number is about one in size."""


@dataclass(frozen=True)
class Sizes:
    """Of the encoders' transformers."""

    width: int = 128
    heads: int = 4
    layers: int = 2
    text_layers: int = 1
    dropout: float = 0.15


class Evaluator(nn.Module):
    """`motions` and `texts` give embeddings (B, 64), near to each other where the sentence tells the motion."""

    mean: Tensor
    std: Tensor

    def __init__(self, sizes: Sizes | None = None) -> None:
        super().__init__()
        self.sizes = sizes = sizes or Sizes()
        self.register_buffer("mean", torch.zeros(WIDTH))
        self.register_buffer("std", torch.ones(WIDTH))
        # a token looks at eight rows, four more than it stands for
        self.tokens = nn.Conv1d(WIDTH, sizes.width, 2 * A_TOKEN, stride=A_TOKEN, padding=A_TOKEN // 2)
        self.motion_encoder = _transformer(sizes, sizes.layers)
        self.motion_head = _head(sizes)
        self.words = nn.Linear(TEXT_WIDTH, sizes.width)
        self.text_encoder = _transformer(sizes, sizes.text_layers)
        self.text_head = _head(sizes)

    def motions(self, rows: Tensor, length: Tensor) -> Tensor:
        """Rows (B, T, `WIDTH`) of which ``length`` (B,) count -> (B, 64)."""
        valid = torch.arange(rows.shape[1], device=rows.device) < length[:, None]
        x = (rows - self.mean) / self.std * valid[..., None]
        x = self.tokens(functional.pad(x, (0, 0, 0, -rows.shape[1] % A_TOKEN)).transpose(1, 2)).transpose(1, 2)
        seen = torch.arange(x.shape[1], device=rows.device) < ((length + A_TOKEN - 1) // A_TOKEN)[:, None]
        return _embedding(self.motion_encoder, self.motion_head, x, seen)

    def texts(self, features: Tensor) -> Tensor:
        """Encoded sentences (B, N, 384), unused rows zero -> (B, 64)."""
        seen = features.abs().amax(-1) > 0
        used = max(1, int(seen.any(0).sum()))
        features, seen = features[:, :used].float(), seen[:, :used].clone()
        seen[:, 0] = True  # an empty sentence is one token of zeros
        return _embedding(self.text_encoder, self.text_head, self.words(features), seen)


def _transformer(sizes: Sizes, layers: int) -> nn.TransformerEncoder:
    layer = nn.TransformerEncoderLayer(
        sizes.width, sizes.heads, 2 * sizes.width, sizes.dropout, "gelu", batch_first=True, norm_first=True
    )
    return nn.TransformerEncoder(layer, layers, enable_nested_tensor=False)


def _head(sizes: Sizes) -> nn.Sequential:
    return nn.Sequential(nn.LayerNorm(sizes.width), nn.Linear(sizes.width, SIZE))


def _embedding(encoder: nn.Module, head: nn.Module, x: Tensor, seen: Tensor) -> Tensor:
    positions = torch.arange(x.shape[1], device=x.device)
    h = encoder(x + sinusoid(positions, x.shape[-1]), src_key_padding_mask=~seen)
    pooled = (h * seen[..., None]).sum(1) / seen.sum(1, keepdim=True)
    embedded: Tensor = functional.normalize(head(pooled), dim=-1) * SIZE**0.5
    return embedded


def window_of(rows: Array) -> tuple[Tensor, int]:
    """The rows (T, `WIDTH`) of a window of at most four seconds as the network takes them: padded, and how many."""
    kept = rows[:FRAMES:EVERY]
    out = torch.zeros(FRAMES // EVERY, WIDTH)
    out[: len(kept)] = torch.from_numpy(kept)
    return out, len(kept)


@torch.inference_mode()
def embed_motions(evaluator: Evaluator, motions: Sequence[Array]) -> Array:
    """World joints (T, 22, 3) of each, four seconds at most count -> (N, 64)."""
    found = []
    for first in range(0, len(motions), 64):
        pairs = [window_of(motion_rows(m[:FRAMES])) for m in motions[first : first + 64]]
        rows, lengths = torch.stack([r for r, _ in pairs]), torch.tensor([n for _, n in pairs])
        found.append(evaluator.motions(rows, lengths).double().numpy())
    return np.concatenate(found) if found else np.zeros((0, SIZE))


@torch.inference_mode()
def embed_texts(evaluator: Evaluator, texts: Sequence[str], encoder: MiniLM) -> Array:
    """Sentences -> (N, 64)."""
    parts = [evaluator.texts(encoder.encode(texts[i : i + 64]).half()) for i in range(0, len(texts), 64)]
    return torch.cat(parts).double().numpy() if parts else np.zeros((0, SIZE))


def save_evaluator(path: Path, evaluator: Evaluator, record: dict[str, Any]) -> None:
    """Write weights in half precision with ``record``. Raises StorageFailure."""
    tensors = {k: v if k in ("mean", "std") else v.half() for k, v in evaluator.state_dict().items()}
    fresh = path.with_name(path.name + ".new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        header = json.dumps({"format": FORMAT, **record}, sort_keys=True)
        fresh.write_bytes(save({k: v.contiguous() for k, v in tensors.items()}, {"genmo_evaluator": header}))
        os.replace(fresh, path)
    except OSError as error:
        raise StorageFailure(
            "cannot_write", f"{path} could not be written ({error}).", "Choose a folder you may write to, with space."
        ) from error


def load_evaluator(path: Path) -> tuple[Evaluator, dict[str, Any]]:
    """The evaluator of `save_evaluator`, ready to run, and its record. Raises ModelFailure."""
    try:
        with safe_open(path, "pt") as file:
            record = json.loads((file.metadata() or {})["genmo_evaluator"])
            tensors = {name: file.get_tensor(name).float() for name in file.keys()}  # noqa: SIM118 (no iterator)
        if record["format"] != FORMAT:
            raise ValueError(f"its format is {record['format']}")
        evaluator = Evaluator()
        evaluator.load_state_dict(tensors)
    except (OSError, SafetensorError, KeyError, ValueError, RuntimeError) as error:
        raise ModelFailure(
            "no_evaluator",
            f"{path} is not a text-motion evaluator that can be read ({type(error).__name__}).",
            "Make one with: build.py engine -- train-evaluator --data FOLDERS --out FILE.",
        ) from error
    return evaluator.eval(), record
