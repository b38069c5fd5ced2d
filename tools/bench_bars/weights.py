"""A checkpoint with random weights, to measure what does not depend on them: `weights.py OUT [--preset official|mini]`.

With `--features FOLDER` random features of the measured prompts are put into that prompt cache too, so that a model
whose text encoder is not here can be asked for motion.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch

from genmo_blender.engine.checkpoint import Checkpoint, save_checkpoint
from genmo_blender.engine.conditions.text import load_minilm
from genmo_blender.engine.network.genmo import GenmoNetwork
from genmo_blender.engine.representation.codec import official_statistics
from genmo_blender.model.config import NetworkConfig
from genmo_blender.model.record import ModelRecord
from genmo_blender.motion.skeleton import assets_folder
from genmo_blender.prompts.prompt_cache import EncoderId, PromptCache

from .shots import ROW


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("out", type=Path)
    parser.add_argument("--preset", choices=("official", "mini"), default="official")
    parser.add_argument("--features", type=Path)
    options = parser.parse_args()
    torch.manual_seed(0)
    config = NetworkConfig.official() if options.preset == "official" else NetworkConfig.mini()
    encoder = EncoderId("random", "0" * 64)
    if options.preset == "mini":
        minilm = load_minilm(assets_folder() / "text_encoder")
        encoder = EncoderId(minilm.name, minilm.sha256)
    network = GenmoNetwork(config)
    record = ModelRecord(f"random_{options.preset}", config, "genmo_body_22", encoder.name, encoder.sha256)
    save_checkpoint(options.out, Checkpoint(record, official_statistics(), network.state_dict()))
    if options.features:
        cache, draw = PromptCache(options.features), np.random.default_rng(0)
        for sentence in ROW:
            cache.put(encoder, sentence, draw.standard_normal((12, config.text_dim)).astype(np.float32))


if __name__ == "__main__":
    main()
