"""A job's prompts -> features, the rows that the network's text blocks attend to (spec 2.8)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np

from ..prompts.checks import normalise
from ..prompts.prompt_cache import EncoderId, PromptCache
from ..protocol.failures import ModelFailure


class TextEncoder(Protocol):
    """What turns prompts into features: ``sha256`` tells its files, a prompt becomes ``rows`` x ``width`` numbers."""

    @property
    def name(self) -> str: ...
    @property
    def sha256(self) -> str: ...
    @property
    def rows(self) -> int: ...
    @property
    def width(self) -> int: ...

    def encode(self, prompts: Sequence[str]) -> Any:
        """float32 (M, rows, width), a tensor or an array; rows past a prompt's tokens and empty prompts are zero."""
        ...


def encode_prompts(
    prompts: Sequence[str],
    wanted: EncoderId,
    shape: tuple[int, int],
    cache: PromptCache,
    open_encoder: Callable[[], TextEncoder],
) -> np.ndarray:
    """Features of a job's prompts, float32 (K, rows, width) with ``shape`` = (rows, width).

    What the cache holds comes from there.
    ``wanted`` is the encoder that the checkpoint names. ``open_encoder`` is called once, and only when a prompt is new.
    Each new prompt is encoded by itself, so that its features do not depend on what else the job holds.
    Raises ModelFailure when the encoder cannot be opened or is not the one wanted.
    """
    rows, width = shape
    features = np.zeros((len(prompts), rows, width), dtype=np.float32)
    encoder: TextEncoder | None = None
    for place, prompt in enumerate(map(normalise, prompts)):
        if not prompt:
            continue  # no words are no text (spec 5.1, D27)
        found, maker = cache.get(wanted, prompt, width)
        if found is None:
            encoder = encoder or _checked(open_encoder(), wanted, shape)
            found = _rows_in_use(np.asarray(encoder.encode([prompt])[0]))
            maker = EncoderId(encoder.name, encoder.sha256)
        cache.put(maker, prompt, found)
        features[place, : len(found)] = found
    return features


def _rows_in_use(features: np.ndarray) -> np.ndarray:
    used = np.nonzero(features.any(axis=1))[0]
    return features[: int(used[-1]) + 1 if len(used) else 0]


def _checked(encoder: TextEncoder, wanted: EncoderId, shape: tuple[int, int]) -> TextEncoder:
    same_files = not wanted.sha256 or encoder.sha256 == wanted.sha256
    if encoder.name != wanted.name or not same_files or (encoder.rows, encoder.width) != shape:
        raise ModelFailure(
            "text_encoder_mismatch",
            f"This model was trained with another text encoder ({wanted.name}) than the one that was found.",
            "Choose the encoder that belongs to the model.",
        )
    return encoder
