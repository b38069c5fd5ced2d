"""The official model's text encoder, T5 (spec 2.8): its encoder stack from a folder the user has, through transformers.

transformers is imported here and only when a T5 is opened; it is no part of the default engine. Nothing is downloaded.
"""

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ...protocol.failures import ModelFailure

NAME = "t5-3b"
ROWS = 50  # tokens of a prompt that count, the end token among them
WEIGHT_FILES = ("*.safetensors", "pytorch_model*.bin")
SMALL_FILES = ("config.json", "tokenizer.json", "tokenizer_config.json", "spiece.model")
SAMPLE = 1 << 20  # bytes hashed at each end of a weights file: the whole would take minutes


@dataclass(frozen=True, eq=False)
class T5:
    """An opened T5. ``sha256`` covers the small files whole, weights by size and their first and last megabyte."""

    tokeniser: Any
    network: Any
    sha256: str
    name: str = NAME
    rows: int = ROWS

    @property
    def width(self) -> int:
        """Numbers a token (1024 for T5-3B)."""
        return int(self.network.config.d_model)

    @torch.inference_mode()
    def encode(self, prompts: Sequence[str]) -> Tensor:
        """Features of each prompt, float32 (M, 50, D): padded to 50, cut at 50, rows of padding exactly zero.

        An empty prompt is all zeros (spec 5.1, D27), where the release would encode one end token.
        """
        features = torch.zeros(len(prompts), self.rows, self.width)
        device = next(self.network.parameters()).device
        for row, prompt in enumerate(prompts):
            if not prompt.strip():
                continue
            batch = self.tokeniser(
                [prompt], padding="max_length", max_length=self.rows, truncation=True, return_tensors="pt"
            )
            ids, mask = batch["input_ids"].to(device), batch["attention_mask"].to(device)
            with torch.autocast(device.type, enabled=False):
                hidden = self.network(input_ids=ids, attention_mask=mask).last_hidden_state
            features[row] = (hidden[0] * mask[0, :, None]).cpu()
        return features


def load_t5(folder: str | Path) -> T5:
    """Opens a folder in transformers' layout (config.json, tokeniser, weights), float32 on the CPU.

    Raises ModelFailure when the folder or transformers is missing, or the folder holds no complete T5.
    """
    folder = Path(folder)
    if not (folder / "config.json").is_file():
        raise _failure("t5_missing", f"The text encoder T5 is not in the folder “{folder.name}”")
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    try:
        from transformers import AutoTokenizer, T5EncoderModel
    except ImportError as error:
        raise ModelFailure(
            "transformers_missing",
            "The official model's text encoder needs the package transformers, which this engine lacks.",
            "Install transformers into the engine's environment, or use the bundled model.",
        ) from error
    try:
        tokeniser = AutoTokenizer.from_pretrained(str(folder), local_files_only=True)
        network, report = T5EncoderModel.from_pretrained(
            str(folder), local_files_only=True, dtype=torch.float32, output_loading_info=True
        )
    except Exception as error:  # transformers raises whatever its parts raise: any of it means an unusable folder
        raise _failure("t5_damaged", f"The folder “{folder.name}” holds no T5 that can be read") from error
    if report["missing_keys"]:
        raise _failure("t5_damaged", f"The T5 in the folder “{folder.name}” lacks weights")
    return T5(tokeniser, network.eval(), fingerprint(folder))


def fingerprint(folder: Path) -> str:
    """What `T5.sha256` of a folder is; nothing is opened for it."""
    digest = hashlib.sha256()
    weights = {path for pattern in WEIGHT_FILES for path in folder.glob(pattern)}
    for path in sorted(weights | {folder / name for name in SMALL_FILES if (folder / name).is_file()}):
        size = path.stat().st_size
        digest.update(f"{path.name}\0{size}\0".encode())
        with path.open("rb") as file:
            if path not in weights or size <= 2 * SAMPLE:
                digest.update(file.read())
            else:
                digest.update(file.read(SAMPLE))
                file.seek(-SAMPLE, os.SEEK_END)
                digest.update(file.read())
    return digest.hexdigest()


def _failure(code: str, sentence: str) -> ModelFailure:
    return ModelFailure(code, f"{sentence}.", "Choose the folder of T5-3B (config.json, tokeniser, weights) in Models.")
