"""``rules``: run the frozen prompt rules on a model, or check them against real motion."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from ...motion.delivery import deliver
from ...protocol.failures import RequestFailure
from ...protocol.motions import Take
from ...protocol.requests import GenerateRequest, TextSpan
from ..options import check_folder, seed_number, whole
from ..pipeline import Pipeline
from . import pictures
from .baseline import real_motion
from .freeze import freeze_check, table
from .rules import frozen_hashes, load_rules
from .rules_report import Deliver, Generate, run_rules


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command line of ``rules``."""
    parser.add_argument("--model", type=Path, help="checkpoint (default: the bundled model)")
    parser.add_argument("--data", type=Path, action="append", nargs="+", default=[], help="folders of motion shards")
    parser.add_argument("--out", type=Path, default=Path("out/rules"), help="folder for tables and contact sheets")
    parser.add_argument("--freeze-check", action="store_true", help="judge the rules by the real motion of --data")
    parser.add_argument("--seeds", type=whole(1), default=8, help="takes of each prompt")
    parser.add_argument("--seed", type=seed_number, default=1, help="seed of the first take")
    parser.add_argument("--steps", type=int, default=GenerateRequest.steps)
    parser.add_argument("--guidance", type=float, default=GenerateRequest.guidance)
    parser.add_argument("--only", nargs="+", help="ids of prompts, to try some")
    parser.add_argument("--no-pictures", action="store_true")


def rules(arguments: argparse.Namespace) -> int:
    """Run ``rules``; returns the exit code. Raises GenmoFailure for what a person can mend."""
    folders = [folder for group in arguments.data for folder in group]
    if arguments.freeze_check:
        return _freeze_check(folders)
    prompts = [p for p in load_rules()[0] if not arguments.only or p.id in arguments.only]
    unknown = sorted(set(arguments.only or ()) - {p.id for p in prompts})
    if unknown:
        raise RequestFailure("no_prompt", f"No prompt is called {' or '.join(unknown)}.", "Leave --only out.")
    draw = not arguments.no_pictures and pictures.can_draw()
    if not draw and not arguments.no_pictures:
        print("No contact sheets: Pillow is not installed in this environment (pip install pillow).", flush=True)
    check_folder(arguments.out)
    real = real_motion(folders, prompts) if folders else None
    generate, deliver = product(Pipeline.load(arguments.model), arguments.steps, arguments.guidance)
    seeds = range(arguments.seed, arguments.seed + arguments.seeds)
    run_rules(generate, arguments.out, deliver=deliver, real=real, seeds=seeds, prompts=prompts, draw=draw)
    return 0


def _freeze_check(folders: Sequence[Path]) -> int:
    if not folders:
        raise RequestFailure("no_data", "There is no motion to check the rules against.", "Give --data DIR.")
    lines = freeze_check(folders)
    print("\n".join(f"{name} sha256 {value}" for name, value in zip(("rules", "checks"), frozen_hashes(), strict=True)))
    print(table(lines))
    for line in lines:
        print(f"{line.rule} {line.side or ''}: {' '.join(line.clips)}")
    return 0 if all(line.freezes for line in lines) else 1


def product(pipeline: Pipeline, steps: int, guidance: float) -> tuple[Generate, Deliver]:
    """The real pipeline: raw takes, and its own clean-up for what is delivered."""

    def generate(prompt: str, seconds: float, seeds: Sequence[int]) -> list[Take]:
        request = GenerateRequest(
            duration=seconds, texts=(TextSpan(prompt, 0.0, seconds),), seed=seeds[0], takes=len(seeds),
            steps=steps, guidance=guidance, clean_up=False,
        )  # fmt: skip
        return list(pipeline.generate(request).takes)

    def delivered(take: Take) -> Take:
        rotations, transl = deliver(take.rotations, take.transl, take.contacts)
        return replace(take, rotations=rotations.astype(np.float32), transl=transl.astype(np.float32))

    return generate, delivered
