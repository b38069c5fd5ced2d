"""``ablate``: train the same small network with and without a part of the recipe, and compare, seed by seed.

``guided``: half of the training clips are stripped to what three cameras see of them. One arm learns from that as well,
guided by its own estimates (spec 7.6), the other from the other half alone. ``modes``: both passes of a step against
either alone. All arms of a seed begin with the same weights, fresh ones or those of a file, and take as many steps of
as many samples, with the practice between them that the preset asks for; ``guided`` uses the places of a part of the
samples, a fifth in the presets. Judged are estimates from synthetic footage of held-out performers (`estimation`) and,
of what can generate, the error of the denoised joints on their windows with sentences alone. ``texts`` trains nothing
(`text_ablation`): one model hears two prompts in different ways.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ...protocol.failures import RequestFailure
from ..models import Model
from ..network.genmo import GenmoNetwork
from ..options import check_folder, seed_number, whole
from ..training.command import CACHE, checkpoint_of, find_kinds, sentence_features
from ..training.corpus import Corpus, build, statistics_of
from ..training.flat import captions_of, flat_table
from ..training.loop import Trainer
from ..training.mixture import Shares
from ..training.pack import Prepared, prepared
from ..training.practice import with_practice
from ..training.presets import BOTH, ESTIMATED, GENERATED, Preset, preset
from ..training.samples import Clip
from ..training.state import new_state
from ..training.windows import Sampler
from . import text_ablation
from .estimation import QUICK, by_camera
from .scenes import scenes_of
from .stripped import stripped

ARMS = {"guided": ("guided", "without"), "modes": ("both", "estimation", "diffusion")}
TEXTS = "texts"
KINDS = "embed_sentence.kinds."
SCENES = 0  # seed of the scenes that all arms are judged by


@dataclass(frozen=True)
class Row:
    """One run. Errors in mm, ``accel`` in m/s^2, estimated in one pass and, where the diffusion was learned, sampled;
    ``denoised`` the squared error of joints from text and noise, m^2, averaged over noise levels."""

    setting: str
    arm: str
    seed: int
    steps: int
    seconds: float
    pa_mpjpe: float
    mpjpe: float
    accel: float
    sampled_pa_mpjpe: float | None
    sampled_mpjpe: float | None
    denoised: float | None


@dataclass(frozen=True)
class Material:
    """What the runs of a seed learn from and are judged by: ``corpus`` and its ``features``, ``rest`` the clips that
    are kept back, ``held_out`` performers; ``kinds`` what networks are told of the sentences, found once."""

    corpus: Corpus
    features: Tensor
    rest: tuple[Clip, ...]
    held_out: Corpus
    held_out_features: Tensor
    kinds: dict[str, Tensor]


def halves(clips: Sequence[Clip], seed: int) -> tuple[list[Clip], list[Clip]]:
    """Two halves by number of clips, drawn anew for each seed."""
    order = np.random.default_rng((seed, 11)).permutation(len(clips))
    middle = len(clips) // 2
    first, second = sorted(order[:middle].tolist()), sorted(order[middle:].tolist())
    return [clips[i] for i in first], [clips[i] for i in second]


def material(data: Prepared, chosen: Preset, setting: str, seed: int) -> Material:
    """For one seed. Sentences are encoded once for all clips."""
    full, held_out = build(list(data.train)), build(list(data.val))
    features, _ = sentence_features(full)
    corpus, rest = full, list[Clip]()
    if setting == "guided":
        kept, rest = halves(data.train, seed)
        corpus = build(kept, captions_of(stripped(rest, seed)))
        row = {sentence: i for i, sentence in enumerate(full.sentences)}
        features = features[[row[sentence] for sentence in corpus.sentences]]
    held_out_features, _ = sentence_features(held_out)
    return Material(corpus, features, tuple(rest), held_out, held_out_features, kinds_for(chosen, corpus, features))


def kinds_for(chosen: Preset, corpus: Corpus, features: Tensor) -> dict[str, Tensor]:
    """The part of a preset's weights that is found from the sentences and not learned."""
    state = new_state(chosen, 0)
    find_kinds(state, corpus, features)
    return {name: value for name, value in state.average.items() if KINDS in name}


def arm_preset(chosen: Preset, setting: str, arm: str) -> Preset:
    """The preset of an arm."""
    if setting == "guided":
        return chosen if arm == "guided" else replace(chosen, shares=replace(chosen.shares, flat=0.0))
    return replace(chosen, passes={"both": BOTH, "estimation": (ESTIMATED,), "diffusion": (GENERATED,)}[arm])


@dataclass(frozen=True)
class Start:
    """What all arms begin with: weights of a file, ``init``, or fresh ones; ``half``: their networks run in bf16."""

    init: Path | None = None
    half: bool = False


def run(
    given: Material,
    chosen: Preset,
    setting: str,
    arm: str,
    seed: int,
    steps: int,
    every: int = QUICK,
    start: Start | None = None,
) -> Row:
    """Train one arm and judge its moving average; ``every``: one held-out clip of so many is filmed."""
    chosen, start = arm_preset(chosen, setting, arm), start or Start()
    state = new_state(chosen, seed, start.init)
    if start.init is None:
        state.network.load_state_dict(given.kinds, strict=False)
        state.average.update({name: value.clone() for name, value in given.kinds.items()})
    statistics = state.statistics or statistics_of(given.corpus)
    guided = setting == "guided" and arm == "guided"
    flat = flat_table(stripped(given.rest, seed), given.corpus) if guided else None

    def practice(preset: Preset, sampler: Sampler) -> Trainer:
        return Trainer(given.corpus, given.features, statistics, preset, state, seed, half=start.half, sampler=sampler)

    trainer = Trainer(given.corpus, given.features, statistics, chosen, state, seed, half=start.half, flat=flat)
    practised = with_practice(trainer, practice)
    began = time.monotonic()
    for step in range(steps):
        practised.step(step / steps)
    spent = time.monotonic() - began
    generates = GENERATED in chosen.passes
    denoised = None
    if generates:
        judged = replace(chosen, shares=Shares(), passes=BOTH, reworded=0.0, practised=0.0)
        judge = Trainer(given.held_out, given.held_out_features, statistics, judged, state, SCENES)
        denoised = judge.validate()["joints"]
    checkpoint = checkpoint_of(state, chosen, statistics, ("", ""), "")
    network = GenmoNetwork(chosen.network).eval().requires_grad_(False)
    network.load_state_dict(state.average)
    model = Model(network, statistics, checkpoint.record, "", torch.device("cpu"))
    scenes = list(scenes_of(given.held_out.clips[::every], SCENES))
    once = by_camera(model, scenes, fit=False)["all"]
    drawn = by_camera(model, scenes, sampled=True, fit=False)["all"] if generates else {}
    return Row(
        setting, arm, seed, steps, round(spent, 1), once["pa_mpjpe"], once["mpjpe"], once["accel"],
        drawn.get("pa_mpjpe"), drawn.get("mpjpe"), denoised,
    )  # fmt: skip


def table(rows: Sequence[Row]) -> list[str]:
    """Every run, a line each."""
    columns = ("pa_mpjpe", "mpjpe", "accel", "sampled_pa_mpjpe", "sampled_mpjpe")
    out = [f"{'arm':<12}{'seed':>5}{'steps':>7}" + "".join(f"{c:>18}" for c in columns) + f"{'denoised':>10}"]
    for row in rows:
        values = [getattr(row, c) for c in columns]
        numbers = "".join(f"{'':>18}" if v is None else f"{v:>18.1f}" for v in values)
        last = "" if row.denoised is None else f"{row.denoised:.5f}"
        out.append(f"{row.arm:<12}{row.seed:>5}{row.steps:>7}{numbers}{last:>10}")
    return out


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command line of ``ablate``."""
    parser.add_argument("setting", choices=(*ARMS, TEXTS))
    parser.add_argument("--data", type=Path, nargs="+", default=[], help="folders of motion shards, packed files")
    parser.add_argument("--preset", default="mini")
    parser.add_argument(
        "--steps", type=whole(1), default=900, help="of each run; 900 take about 20 minutes on two cores"
    )
    parser.add_argument("--batch", type=whole(2), default=32)
    parser.add_argument("--seeds", type=seed_number, nargs="+", default=[0, 1, 2])
    parser.add_argument("--arms", nargs="+", help="some of them")
    parser.add_argument("--init", type=Path, metavar="FILE", help="weights that every arm begins with")
    parser.add_argument("--precision", choices=("fp32", "bf16"), default="fp32", help="of the network, in training")
    parser.add_argument("--layers", type=whole(1), help="of the network, instead of the preset's")
    parser.add_argument("--width", type=whole(1), help="likewise")
    parser.add_argument("--model", type=Path, help="of “texts”: checkpoint (default: the bundled model)")
    parser.add_argument("--pairs", type=whole(1), default=40, help="of “texts”: how many ranges of two prompts")
    parser.add_argument("--out", type=Path, help="a line of JSON for every run, added as it ends")


def ablate(arguments: argparse.Namespace) -> int:
    """Run ``ablate``; returns the exit code. Raises GenmoFailure for what a person can mend."""
    known = text_ablation.ARMS if arguments.setting == TEXTS else ARMS[arguments.setting]
    arms = arguments.arms or known
    unknown = sorted(set(arms) - set(known))
    if unknown:
        raise RequestFailure(
            "arms", f"“{arguments.setting}” has no arm {', '.join(unknown)}.", f"Use {', '.join(known)}."
        )
    if arguments.out:
        check_folder(arguments.out.parent)
    if arguments.setting == TEXTS:
        return text_ablation.run(arguments.model, arms, arguments.pairs, arguments.seeds, arguments.out)
    if not arguments.data:
        raise RequestFailure("no_data", "There is no motion to learn from.", "Give --data FOLDER.")
    chosen = replace(preset(arguments.preset), batch=arguments.batch)
    sizes = {"layers": arguments.layers, "latent_dim": arguments.width}
    chosen = replace(chosen, network=replace(chosen.network, **{k: v for k, v in sizes.items() if v}))
    data = prepared(arguments.data, CACHE)
    start = Start(arguments.init, arguments.precision == "bf16")
    rows = []
    for seed in arguments.seeds:
        given = material(data, chosen, arguments.setting, seed)
        for arm in arms:
            rows.append(run(given, chosen, arguments.setting, arm, seed, arguments.steps, start=start))
            print(table(rows[-1:])[-1], flush=True)
            if arguments.out:
                with open(arguments.out, "a", encoding="utf-8") as file:
                    file.write(json.dumps(asdict(rows[-1])) + "\n")
    print("\n".join(table(rows)))
    return 0
