"""``train``: prepare the corpus and the sentence table, then run the loop."""

from __future__ import annotations

import argparse
import hashlib
import os
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ...motion.skeleton import assets_folder
from ...protocol.failures import StorageFailure
from ..checkpoint import Checkpoint, ModelRecord, load_checkpoint, save_checkpoint
from ..conditions.text import load_minilm
from ..representation.codec import Statistics
from .corpus import Corpus, build, fingerprint, load_clips, locked, statistics_of
from .loop import Trainer, TrainingState, load_state, new_state, run
from .presets import Preset, preset

CACHE = Path.home() / ".cache" / "genmo_blender" / "training"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command line of ``train``."""
    parser.add_argument("--data", type=Path, action="append", required=True, nargs="+", help="folders of motion shards")
    parser.add_argument("--preset", default="mini")
    parser.add_argument("--out", type=Path, required=True, help="folder for the log, the state and the weights")
    parser.add_argument("--steps", type=int, required=True, help="optimiser steps in all, earlier ones included")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--resume", action="store_true", help="go on from the state in --out")
    parser.add_argument("--init", type=Path, help="start from the weights of this checkpoint, with a fresh optimiser")
    parser.add_argument("--threads", type=int, default=0, help="processor threads (0: torch decides)")
    parser.add_argument("--minutes", type=float, default=5.0, help="minutes between checkpoints")


def train(arguments: argparse.Namespace) -> int:
    """Run ``train``; returns the exit code. Raises GenmoFailure for what a person can mend."""
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    folders = [folder for group in arguments.data for folder in group]
    chosen = preset(arguments.preset)
    corpus = build([locked(clip) for clip in load_clips(folders, "train")])
    held_out = build([locked(clip) for clip in load_clips(folders, "val")])
    state = new_state(chosen, arguments.seed, arguments.init)
    statistics = _statistics(corpus, arguments.init)
    if arguments.resume:
        load_state(state, arguments.out)
    elif (arguments.out / "log.jsonl").exists():
        raise StorageFailure(
            "run_exists", f"{arguments.out} already holds a run.", "Add --resume or choose another --out."
        )
    features, encoder = sentence_features(corpus)
    trainer = Trainer(corpus, features, statistics, chosen, state, arguments.seed)
    validation = Trainer(held_out, sentence_features(held_out)[0], statistics, chosen, state, arguments.seed)
    data = fingerprint(folders)

    def keep(current: TrainingState) -> None:
        save_checkpoint(
            arguments.out / "genmo_mini.safetensors", checkpoint_of(current, chosen, statistics, encoder, data)
        )

    run(trainer, arguments.steps, arguments.out, keep, validation, every_seconds=arguments.minutes * 60)
    return 0


def _statistics(corpus: Corpus, init: Path | None) -> Statistics:
    """Those of the corpus, or, going on from weights, the ones that these weights know."""
    return statistics_of(corpus) if init is None else load_checkpoint(init).statistics


def checkpoint_of(
    state: TrainingState, chosen: Preset, statistics: Statistics, encoder: tuple[str, str], data: str
) -> Checkpoint:
    """The moving average as a checkpoint of ours."""
    record = ModelRecord(
        name="genmo_mini",
        network=chosen.network,
        skeleton="genmo_body_22",
        text_encoder=encoder[0],
        text_encoder_sha256=encoder[1],
        licence="CC-BY-4.0",
        card={
            "steps": state.step,
            "windows": state.samples,
            "hours": round(state.seconds / 3600, 2),
            "data_sha256": data,
        },
    )
    return Checkpoint(record, statistics, state.average)


def sentence_features(corpus: Corpus) -> tuple[Tensor, tuple[str, str]]:
    """Encoded sentences of a corpus, (S, N, C) float16, and the encoder's name and sha256; cached by what went in."""
    encoder = load_minilm(assets_folder() / "text_encoder")
    key = hashlib.sha256("\n".join((encoder.sha256, *corpus.sentences)).encode()).hexdigest()[:24]
    path = CACHE / f"sentences_{key}.npy"
    if not path.is_file():
        batches = [list(corpus.sentences[i : i + 256]) for i in range(0, len(corpus.sentences), 256)]
        features = torch.cat([encoder.encode(batch).half() for batch in batches])
        CACHE.mkdir(parents=True, exist_ok=True)
        fresh = path.with_suffix(".new.npy")
        np.save(fresh, features.numpy())
        os.replace(fresh, path)
    return torch.from_numpy(np.load(path)), (encoder.name, encoder.sha256)
