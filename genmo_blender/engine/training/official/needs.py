"""What the preset `official` needs beside motion: the SMPL-X body and T5, from files that the user has."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from ....protocol.failures import RequestFailure
from ...body.smplx_body import LiteBody
from ..corpus import Corpus
from ..loop import Trainer
from ..presets import Preset
from .body import body_file, load_training_body
from .text import t5_features, t5_folder
from .trainer import OfficialTrainer


@dataclass(frozen=True)
class OfficialNeeds:
    """The body and the folder of T5."""

    lite: LiteBody
    t5: Path

    @classmethod
    def find(cls, chosen: Preset, body: Path | None, text_encoder: Path | None, songs: Path | None) -> OfficialNeeds:
        """What the command line or the environment names. Raises ModelFailure for what is missing or cannot be used,
        RequestFailure for a packed table of songs, whose features are on the bundled model's scale."""
        folder, path = t5_folder(text_encoder, chosen.network), body_file(body)
        if songs is not None and not songs.is_dir():
            raise RequestFailure(
                "songs_packed",
                f"{songs} is a packed table of songs on the bundled model's scale; the preset “official” takes sound.",
                "Give --songs the folder of the songs.",
            )
        return cls(load_training_body(path), folder)

    def sentences(self, corpus: Corpus, cache: Path, device: torch.device) -> tuple[Tensor, tuple[str, str]]:
        """Features of the corpus's sentences, and the encoder's name and sha256."""
        return t5_features(corpus.sentences, self.t5, cache, device)

    @property
    def trainer(self) -> Callable[..., Trainer]:
        """Makes the preset's trainers."""
        return partial(OfficialTrainer, self.lite)
