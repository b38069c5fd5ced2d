"""``evaluate``: measure the sections, write ``evaluation.json``, ``evaluation.html`` and ``failures.html``."""

from __future__ import annotations

import argparse
import json
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import torch

from ....protocol.failures import GenmoFailure, RequestFailure
from ....protocol.requests import MAX_TAKES, GenerateRequest
from ...options import check_folder, seed_number, whole
from ...pipeline import Pipeline
from ...training.corpus import fingerprint
from .context import FULL, QUICK, Context
from .failures import PAGE, write_page, write_text
from .page import page
from .section import Failed, Section

EVALUATOR = Path(__file__).resolve().parents[4] / "tools" / "evaluator" / "text_motion.safetensors"
"""In a checkout; the extension comes without it."""
SECTIONS = ("text", "quality", "keys", "music", "estimation", "robustness", "steps")
"""In the order of the page. Each is a module beside this one with ``measure(context) -> Section``."""
TAKES_OF = frozenset({"text", "quality"})
"""Sections whose takes the page of best and worst takes shows."""
JSON, HTML = "evaluation.json", "evaluation.html"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command line of ``evaluate``."""
    parser.add_argument("--model", type=Path, help="checkpoint (default: the bundled model)")
    parser.add_argument("--data", type=Path, action="append", required=True, nargs="+", help="folders of motion")
    parser.add_argument("--songs", type=Path, help="folder of songs, for the section on music")
    parser.add_argument("--evaluator", type=Path, default=EVALUATOR, help="text-motion evaluator (default: ours)")
    parser.add_argument("--sections", default=",".join(SECTIONS), help="names with commas between them")
    parser.add_argument("--quick", action="store_true", help="a few of everything, to see that it runs")
    parser.add_argument("--takes", type=int, help=f"takes of each frozen prompt (default: {FULL.takes})")
    parser.add_argument("--seed", type=seed_number, default=0)
    parser.add_argument("--steps", type=whole(1), default=GenerateRequest.steps)
    parser.add_argument("--guidance", type=float, default=GenerateRequest.guidance)
    parser.add_argument("--out", type=Path, required=True, help="folder for the page and the numbers")


def evaluate(arguments: argparse.Namespace) -> int:
    """Run ``evaluate``; returns the exit code, 1 where a section failed. Raises GenmoFailure for what a person can
    mend before anything is measured."""
    names = [name for name in arguments.sections.split(",") if name]
    unknown = sorted(set(names) - set(SECTIONS))
    if unknown or not names:
        raise RequestFailure(
            "no_section",
            f"No section is called {' or '.join(unknown) or 'nothing'}.",
            f"There are {', '.join(SECTIONS)}.",
        )
    folders = [folder for group in arguments.data for folder in group]
    effort = QUICK if arguments.quick else FULL
    if arguments.takes is not None:
        if not 1 <= arguments.takes <= MAX_TAKES:
            raise RequestFailure("takes", f"{arguments.takes} takes are not possible.", f"Give 1 to {MAX_TAKES}.")
        fewest = min(effort.word_takes, arguments.takes)
        effort = replace(effort, takes=arguments.takes, word_takes=fewest)
    check_folder(arguments.out)
    context = Context(
        Pipeline.load(arguments.model), folders, arguments.songs, arguments.evaluator, arguments.out, arguments.seed,
        arguments.steps, arguments.guidance, effort, _said,
    )  # fmt: skip
    sections = [_measured(name, context, import_module(f".{name}", __package__).measure) for name in names]
    links = {}
    if TAKES_OF & {s.name for s in sections if isinstance(s, Section)}:
        if write_page(context):
            links["Best, median and worst takes of each action"] = PAGE
        else:
            _said("No contact sheets: Pillow is not installed in this environment (pip install pillow).")
    facts = _facts(context, arguments)
    record = {**facts, "sections": {s.name: _record(s) for s in sections}}
    write_text(arguments.out / JSON, json.dumps(record, indent=1, ensure_ascii=False) + "\n")
    write_text(arguments.out / HTML, page({k: str(v) for k, v in facts.items()}, sections, links))
    print(summary(sections))
    print(arguments.out / HTML)
    return 1 if any(isinstance(s, Failed) for s in sections) else 0


def _measured(name: str, context: Context, measure: Callable[[Context], Section]) -> Section | Failed:
    """A section, or why it could not be measured; the others go on."""
    begun = time.perf_counter()
    try:
        section: Section | Failed = measure(context)
    except GenmoFailure as failure:
        section = Failed(name, str(failure))
    except Exception as error:  # noqa: BLE001 (whatever a section's fault is, it must not hide the others)
        traceback.print_exc()
        section = Failed(name, f"{type(error).__name__}: {error}")
    _said(f"{name}: {time.perf_counter() - begun:.0f} s")
    return section


def _facts(context: Context, arguments: argparse.Namespace) -> dict[str, Any]:
    """What was measured, and how; nothing of when and where, so that the same run writes the same bytes."""
    model = context.pipeline.model
    return {
        "model": model.record.name,
        "model_sha256": model.sha256,
        "data_sha256": fingerprint(list(context.folders)),
        "data": ", ".join(folder.name for folder in context.folders),
        "steps": context.steps,
        "guidance": context.guidance,
        "seed": context.seed,
        "takes": context.effort.takes,
        "quick": bool(arguments.quick),
        "device": model.device.type,
        "torch": torch.__version__,
    }


def _record(section: Section | Failed) -> dict[str, Any]:
    return section.record() if isinstance(section, Section) else {"error": section.sentence}


def summary(sections: Sequence[Section | Failed]) -> str:
    """The bars, a line each."""
    lines = []
    for section in sections:
        if isinstance(section, Failed):
            lines.append(f"{section.name:<10} NOT MEASURED: {section.sentence}")
            continue
        for f in section.figures:
            if f.bar is not None:
                value = "-" if f.value is None else f"{f.value:.4g} {f.unit}"
                limit = f"{f.bar.sense} {f.bar.limit:.4g}"
                met = "met" if f.met else "NOT MET"
                lines.append(f"{section.name:<10} {f.name:<44} {value:>14}  {limit:<12} {met}")
    return "\n".join(lines)


def _said(words: str) -> None:
    print(words, flush=True)
