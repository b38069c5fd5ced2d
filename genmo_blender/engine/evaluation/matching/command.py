"""``train-evaluator``: train the text-motion evaluator and say how well it finds real motion it has not seen."""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ....motion.skeleton import assets_folder
from ...conditions.minilm import load_minilm
from ...options import check_folder, seed_number, whole
from ...training.command import sentence_features
from ...training.corpus import build, fingerprint, load_clips
from ...training.samples import Clip
from ..captioned import by_caption, windows_of
from ..retrieval import Retrieval, draw_captions, retrieval
from .network import Evaluator, embed_motions, embed_texts, save_evaluator
from .training import Settings, train_evaluator


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command line of ``train-evaluator``."""
    parser.add_argument("--data", type=Path, action="append", required=True, nargs="+", help="folders of motion")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="the file to write, .safetensors")
    parser.add_argument("--seed", type=seed_number, default=0)
    parser.add_argument("--steps", type=whole(1), default=Settings.steps)


def run(arguments: argparse.Namespace) -> int:
    """Run ``train-evaluator``; returns the exit code. Raises GenmoFailure for what a person can mend."""
    folders = [folder for group in arguments.data for folder in group]
    check_folder(arguments.out.parent)
    held_out = load_clips(folders, "val")
    corpus = build(load_clips(folders, "train"))
    features, (encoder, encoder_sha256) = sentence_features(corpus)
    evaluator = train_evaluator(corpus, features, arguments.seed, Settings(steps=arguments.steps))
    record = {
        "seed": arguments.seed,
        "steps": arguments.steps,
        "data_sha256": fingerprint(folders),
        "text_encoder": encoder,
        "text_encoder_sha256": encoder_sha256,
        "licence": "CC-BY-4.0",
    }
    save_evaluator(arguments.out, evaluator, record)
    digest = hashlib.sha256(arguments.out.read_bytes()).hexdigest()
    print(f"{arguments.out}: {arguments.out.stat().st_size / 1e6:.2f} MB, sha256 {digest}")
    print(own_score(evaluator, held_out))
    return 0


def own_score(evaluator: Evaluator, clips: Sequence[Clip], seed: int = 0) -> str:
    """A line: how often a real motion's own caption is among the nearest, by chance as often as draws are large."""
    found = score(evaluator, clips, seed)
    shares = ", ".join(f"R@{k} {100 * p.mean:.1f} %" for k, p in enumerate(found.precision, start=1))
    chance = ", ".join(f"{100 * k / found.batch:.1f}" for k in (1, 2, 3))
    return f"held-out real motion, {len(found.hits)} draws of {found.batch} captions: {shares} (by chance {chance})"


def score(evaluator: Evaluator, clips: Sequence[Clip], seed: int = 0) -> Retrieval:
    """Retrieval of real motion."""
    windows, rng = windows_of(clips), np.random.default_rng(seed)
    told = by_caption(windows)
    encoder = load_minilm(assets_folder() / "text_encoder")
    texts = dict(zip(told, embed_texts(evaluator, list(told), encoder), strict=True))
    rows = embed_motions(evaluator, [w.joints for w in windows])
    motions = {caption: [rows[i] for i in found] for caption, found in told.items()}
    return retrieval(texts, motions, draw_captions(list(told), rng), rng)
