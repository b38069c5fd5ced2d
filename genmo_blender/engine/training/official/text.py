"""T5 features of a corpus's sentences, encoded once with the T5 that the user has and kept in the cache.

A sentence takes 100 kB at T5-3B's width and there may be a hundred thousand of them, so they stay in a file that is
mapped, not read: a step takes what it needs.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ....model.config import NetworkConfig
from ....protocol.failures import ModelFailure
from ...conditions.t5 import NAME, fingerprint, load_t5

VARIABLE = "GENMO_T5"
PIECE = 64  # sentences that are written at once


def t5_folder(asked: Path | None, network: NetworkConfig) -> Path:
    """The folder asked for, or the one that the environment names. Raises ModelFailure when there is none, and when its
    T5 is of another width than the network's."""
    named = os.environ.get(VARIABLE, "")
    folder = Path(named) if asked is None and named else asked
    if folder is None or not (folder / "config.json").is_file():
        where = "" if folder is None else f", and there is none in {folder}"
        raise ModelFailure(
            "t5_missing",
            f"The preset “official” hears captions through T5-3B, which is not part of this project{where}.",
            f"Give --text-encoder FOLDER (config.json, tokeniser, weights), or name it in {VARIABLE}.",
        )
    try:
        width = int(json.loads((folder / "config.json").read_text(encoding="utf-8"))["d_model"])
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise ModelFailure("t5_damaged", f"{folder} holds no T5 that can be read.", "Choose that of T5-3B.") from error
    if width != network.text_dim:
        raise ModelFailure(
            "t5_width",
            f"The T5 in {folder} gives {width} numbers a token, and the network takes {network.text_dim}.",
            "Choose the folder of T5-3B.",
        )
    return folder


def t5_features(
    sentences: Sequence[str], folder: Path, cache: Path, device: torch.device
) -> tuple[Tensor, tuple[str, str]]:
    """Features of the sentences, (S, 50, C) float16 in a mapped file, and the encoder's name and sha256.

    Encoded on ``device`` where they are not in the cache. Raises ModelFailure for a folder without a T5 that can be
    used.
    """
    sha256 = fingerprint(folder)
    key = hashlib.sha256("\n".join((sha256, *sentences)).encode()).hexdigest()[:24]
    path = cache / f"t5_{key}.npy"
    if not path.is_file():
        _encode(sentences, folder, path, device)
    return torch.from_numpy(np.load(path, mmap_mode="c")), (NAME, sha256)


def _encode(sentences: Sequence[str], folder: Path, path: Path, device: torch.device) -> None:
    encoder = load_t5(folder)
    encoder.network.to(device)
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(f".{os.getpid()}.npy")
    shape = (len(sentences), encoder.rows, encoder.width)
    table = np.lib.format.open_memmap(fresh, mode="w+", dtype=np.float16, shape=shape)
    for first in range(0, len(sentences), PIECE):
        piece = list(sentences[first : first + PIECE])
        table[first : first + len(piece)] = encoder.encode(piece).half().numpy()
        if first and first % (50 * PIECE) == 0:
            print(f"T5: {first} of {len(sentences)} sentences", flush=True)
    table.flush()
    os.replace(fresh, path)
