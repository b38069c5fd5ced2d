"""``train``: prepare the corpus and the sentence table, then run the loop. ``pack``: prepare motion for elsewhere."""

from __future__ import annotations

import argparse
import hashlib
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ...model.record import ModelRecord
from ...motion.skeleton import assets_folder
from ...protocol.failures import RequestFailure, StorageFailure
from ..checkpoint import Checkpoint, save_checkpoint
from ..conditions.text import load_minilm
from ..options import above_zero, check_folder, seed_number, whole
from ..precision import has_native_bf16
from ..representation.codec import Statistics, official_statistics
from .corpus import Corpus, build, statistics_of
from .distributed import DEVICES, World, joined
from .flat import captions_of, flat_table
from .kinds import fill_kinds, kinds_of, sides_of
from .loop import Trainer
from .official.needs import OfficialNeeds
from .pack import ENDING, SPLITS, Prepared, prepared, read_pack, write_pack
from .practice import with_practice
from .presets import Preset, preset
from .running import LOG_NAME, Budget, run
from .songs import SongTable, song_table
from .songs import load as load_songs
from .songs import save as save_songs
from .state import TrainingState, load_state, new_state
from .windows import Sampler

CACHE = Path.home() / ".cache" / "genmo_blender" / "training"
SMPLX_NOTE = "SMPL-X, the body it was trained on, is for non-commercial research."
VALIDATION_BATCH = 128  # at most; four such batches are judged at every checkpoint
SONGS_ENDING = ".songs.npz"
WEIGHTS_NAME, OFFICIAL_NAME = "genmo_mini.safetensors", "genmo_official.safetensors"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command line of ``train``."""
    parser.add_argument(
        "--data",
        type=Path,
        action="append",
        required=True,
        nargs="+",
        help="folders of motion of any known kind, packed files",
    )
    parser.add_argument("--songs", type=Path, help="folder of songs for dances, or a packed table (without: no music)")
    parser.add_argument("--preset", default="mini")
    parser.add_argument("--body", type=Path, help="SMPLX_NEUTRAL.npz, for the preset official (or GENMO_SMPLX)")
    parser.add_argument("--text-encoder", type=Path, help="folder of T5-3B, for the preset official (or GENMO_T5)")
    parser.add_argument("--out", type=Path, required=True, help="folder for the log, the state and the weights")
    end = parser.add_mutually_exclusive_group(required=True)
    end.add_argument("--steps", type=whole(1), default=0, help="optimiser steps in all, earlier ones included")
    end.add_argument(
        "--seconds", type=above_zero, default=0.0, help="seconds in all of such a run; the rate falls with them"
    )
    parser.add_argument("--seed", type=seed_number, default=0)
    parser.add_argument("--resume", action="store_true", help="go on from the state in --out")
    parser.add_argument("--init", type=Path, help="start from the weights of this checkpoint, with a fresh optimiser")
    parser.add_argument("--batch", type=int, help="samples of a step, mirrored twins included, over all processes")
    parser.add_argument("--accumulate", type=int, default=1, help="passes that each process takes for its share")
    parser.add_argument("--learning-rate", type=float)
    parser.add_argument("--device", choices=DEVICES, default="auto", help="auto: CUDA where there is one, else cpu")
    parser.add_argument(
        "--precision",
        choices=("auto", "fp32", "bf16"),
        default="auto",
        help="of the network; auto: bf16 on CUDA, else fp32; bf16 pays on a processor with AMX",
    )
    parser.add_argument("--threads", type=whole(0), default=0, help="processor threads (0: torch decides)")
    parser.add_argument("--minutes", type=above_zero, default=5.0, help="minutes between checkpoints")


def add_pack_arguments(parser: argparse.ArgumentParser) -> None:
    """The command line of ``pack``."""
    parser.add_argument("--data", type=Path, action="append", required=True, nargs="+", help="folders of motion")
    parser.add_argument("--songs", type=Path, help="folder of songs; their table is written beside the motion")
    parser.add_argument("--out", type=Path, required=True, help="the file to write, .pack.npz")


def pack(arguments: argparse.Namespace) -> int:
    """Run ``pack``; returns the exit code. Raises GenmoFailure for what a person can mend."""
    check_folder(arguments.out.parent)
    size = write_pack(arguments.out, _chained(arguments.data))
    print(f"{arguments.out}: {size / 1e6:.1f} MB")
    made = read_pack(arguments.out)
    _say(made)
    if arguments.songs or any(clip.music for clip in made.train):
        path = arguments.out.with_name(arguments.out.name.removesuffix(ENDING) + SONGS_ENDING)
        save_songs(song_table(made.train, arguments.songs, "train", CACHE), path)
        print(f"{path}: {path.stat().st_size / 1e6:.1f} MB")
    return 0


def train(arguments: argparse.Namespace) -> int:
    """Run ``train``; returns the exit code. Raises GenmoFailure for what a person can mend."""
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    chosen = _adjusted(preset(arguments.preset), arguments)
    with joined(arguments.device) as world:
        _train(arguments, chosen, world)
    return 0


def _train(arguments: argparse.Namespace, chosen: Preset, world: World) -> None:
    world.shares(chosen.batch // 2, arguments.accumulate)  # a batch that cannot be shared is refused before the work
    named = (arguments.body, arguments.text_encoder, arguments.songs)
    needs = OfficialNeeds.find(chosen, *named) if chosen.official else None
    state = new_state(chosen, arguments.seed, arguments.init, world.device)
    if arguments.resume:
        load_state(state, arguments.out)
    elif (arguments.out / LOG_NAME).exists():
        raise StorageFailure(
            "run_exists", f"{arguments.out} already holds a run.", "Add --resume or choose another --out."
        )
    check_folder(arguments.out)
    with world.chief_first():
        data = prepared(_chained(arguments.data), CACHE)
        if world.chief:
            _say(data)
        footage = [clip for clip in data.footage if clip.split == "train"] if chosen.shares.flat else []
        corpus, held_out = build(list(data.train), captions_of(footage)), build(list(data.val))
        (features, encoder), (held_out_features, _) = (_sentences(c, needs, world) for c in (corpus, held_out))
    find_kinds(state, corpus, features)
    own = official_statistics() if chosen.official else statistics_of(corpus)
    statistics = state.statistics = state.statistics or own
    half = _half(arguments.precision, world.device)
    with world.chief_first():
        heard = bool(chosen.shares.dances or chosen.shares.songs)
        songs, held_out_songs = (_songs(arguments.songs, data, split, heard, chosen.official) for split in SPLITS)
    flat = flat_table(footage, corpus) if footage else None
    make = Trainer if needs is None else needs.trainer
    trainer = make(
        corpus, features, statistics, chosen, state, arguments.seed, world, arguments.accumulate, half, songs, flat
    )

    def practice(preset: Preset, sampler: Sampler) -> Trainer:
        seeded = (arguments.seed, world, arguments.accumulate, half)
        return Trainer(corpus, features, statistics, preset, state, *seeded, songs=songs, sampler=sampler)

    judged = replace(chosen, batch=min(chosen.batch, VALIDATION_BATCH), reworded=0.0, practised=0.0)
    validation = make(
        held_out, held_out_features, statistics, judged, state, arguments.seed, half=half, songs=held_out_songs
    )

    def keep(current: TrainingState) -> None:
        checkpoint = checkpoint_of(current, chosen, statistics, encoder, data.data_sha256, data.notes)
        name = OFFICIAL_NAME if chosen.official else WEIGHTS_NAME
        save_checkpoint(arguments.out / name, checkpoint, half=not chosen.official)

    budget = Budget(arguments.steps, arguments.seconds)
    run(
        with_practice(trainer, practice),
        budget,
        arguments.out,
        keep,
        validation,
        every_seconds=arguments.minutes * 60,
    )


def find_kinds(state: TrainingState, corpus: Corpus, features: Tensor) -> None:
    """Fit the network's kinds of sentences to the corpus's, unless it knows some or has no room for any."""
    embedder = state.network.denoiser.embed_sentence
    if corpus.texts and embedder is not None and embedder.kinds is not None and not embedder.kinds.known:
        fill_kinds(embedder, features, kinds_of(corpus), corpus.twin, sides_of(corpus))
        for name, value in state.network.state_dict().items():
            if "embed_sentence.kinds." in name:
                state.average[name].copy_(value)


def _say(data: Prepared) -> None:
    """What the licences of the data ask for."""
    for note in data.notes:
        print(f"note: {note}", flush=True)


def _songs(path: Path | None, data: Prepared, split: str, heard: bool, raw: bool) -> SongTable | None:
    """The table of a split's clips, ``raw`` for the release. A packed table has those of the training split alone;
    clips with music of their own need neither, if music is ``heard`` at all.

    Raises StorageFailure when there are no songs, or the table was made for other motion.
    """
    clips = getattr(data, split)
    if path is None:
        own = heard and any(clip.music for clip in clips)
        return song_table(clips, None, split, CACHE, raw=raw) if own else None
    if not path.is_dir() and split != "train":
        return None
    table = song_table(clips, path, split, CACHE, raw=raw) if path.is_dir() else load_songs(path)
    length = np.array([clip.frames for clip in clips])
    if not np.array_equal(table.start, np.cumsum(length) - length):
        raise StorageFailure(
            "songs_of_other_motion", f"{path} was made for other motion than --data.", "Pack both together again."
        )
    return table


def _chained(groups: list[list[Path]]) -> list[Path]:
    return [path for group in groups for path in group]


def _adjusted(chosen: Preset, arguments: argparse.Namespace) -> Preset:
    """The preset with what the command line says otherwise. Raises RequestFailure for numbers that make no sense."""
    batch = chosen.batch if arguments.batch is None else arguments.batch
    rate = chosen.learning_rate if arguments.learning_rate is None else arguments.learning_rate
    if batch < 2 or batch % 2 or arguments.accumulate < 1 or not rate > 0:
        raise RequestFailure(
            "numbers",
            f"A batch of {batch}, {arguments.accumulate} passes or a learning rate of {rate:g} is not possible.",
            "The batch is an even number, since every window comes with its mirrored twin; the others are above zero.",
        )
    return replace(chosen, batch=batch, learning_rate=rate)


def _sentences(corpus: Corpus, needs: OfficialNeeds | None, world: World) -> tuple[Tensor, tuple[str, str]]:
    """Features of a corpus's sentences by the preset's encoder, and its name and sha256."""
    return sentence_features(corpus) if needs is None else needs.sentences(corpus, CACHE, world.device)


def _half(precision: str, device: torch.device) -> bool:
    return precision == "bf16" or (precision == "auto" and device.type == "cuda" and has_native_bf16(device))


def checkpoint_of(
    state: TrainingState,
    chosen: Preset,
    statistics: Statistics,
    encoder: tuple[str, str],
    data: str,
    notes: tuple[str, ...] = (),
) -> Checkpoint:
    """The moving average as a checkpoint of ours; ``notes`` on the licences of its data decide its own, as does that of
    SMPL-X, which is for non-commercial use."""
    notes = (SMPLX_NOTE, *notes) if chosen.official else notes
    strips = ("text", "music", "footage") if chosen.official else ("text",)
    record = ModelRecord(
        name="genmo_official" if chosen.official else "genmo_mini",
        network=chosen.network,
        skeleton="smplx_neutral" if chosen.official else "genmo_body_22",
        text_encoder=encoder[0],
        text_encoder_sha256=encoder[1],
        strips=strips,
        licence="CC-BY-NC-4.0" if notes else "CC-BY-4.0",
        card={
            "steps": state.step,
            "windows": state.samples,
            "hours": round(state.seconds / 3600, 2),
            "data_sha256": data,
            **({"data_licences": list(notes)} if notes else {}),
        },
    )
    return Checkpoint(record, statistics.to("cpu"), state.average)


def sentence_features(corpus: Corpus) -> tuple[Tensor, tuple[str, str]]:
    """Encoded sentences of a corpus, (S, N, C) float16, and the encoder's name and sha256; cached by what went in."""
    encoder = load_minilm(assets_folder() / "text_encoder")
    key = hashlib.sha256("\n".join((encoder.sha256, *corpus.sentences)).encode()).hexdigest()[:24]
    path = CACHE / f"sentences_{key}.npy"
    if not path.is_file():
        batches = [list(corpus.sentences[i : i + 256]) for i in range(0, len(corpus.sentences), 256)]
        features = torch.cat([encoder.encode(batch).half() for batch in batches])
        CACHE.mkdir(parents=True, exist_ok=True)
        fresh = path.with_suffix(f".{os.getpid()}.npy")
        np.save(fresh, features.numpy())
        os.replace(fresh, path)
    return torch.from_numpy(np.load(path)), (encoder.name, encoder.sha256)
