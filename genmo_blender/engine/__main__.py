"""The engine's command line: ``python -m genmo_blender.engine COMMAND ...`` (through ``build.py engine -- ...``)."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path

from ..protocol.failures import GenmoFailure
from ..protocol.service import Handler


def _train(parser: argparse.ArgumentParser, arguments: list[str]) -> int:
    from .training import command

    command.add_arguments(parser)
    return command.train(parser.parse_args(arguments))


def _generate(parser: argparse.ArgumentParser, arguments: list[str]) -> int:
    from . import generate

    generate.add_arguments(parser)
    return generate.generate(parser.parse_args(arguments))


def _convert(parser: argparse.ArgumentParser, arguments: list[str]) -> int:
    from .convert import convert

    parser.add_argument("checkpoint", help="the official gem_smpl.ckpt")
    parser.add_argument("out", help="the file to write, .safetensors")
    options = parser.parse_args(arguments)
    print("\n".join(convert(options.checkpoint, options.out).lines()))
    return 0


def _bench(parser: argparse.ArgumentParser, arguments: list[str]) -> int:
    from .bench import add_arguments, bench

    add_arguments(parser)
    return bench(parser.parse_args(arguments))


def _ablate(parser: argparse.ArgumentParser, arguments: list[str]) -> int:
    from .evaluation import ablation

    ablation.add_arguments(parser)
    return ablation.ablate(parser.parse_args(arguments))


def _evaluate(parser: argparse.ArgumentParser, arguments: list[str]) -> int:
    from .evaluation.evaluate import command

    command.add_arguments(parser)
    return command.evaluate(parser.parse_args(arguments))


def _pack(parser: argparse.ArgumentParser, arguments: list[str]) -> int:
    from .training import command

    command.add_pack_arguments(parser)
    return command.pack(parser.parse_args(arguments))


def _reduce_keys(parser: argparse.ArgumentParser, arguments: list[str]) -> int:
    from .evaluation import reduced

    reduced.add_arguments(parser)
    return reduced.run(parser.parse_args(arguments))


def _rules(parser: argparse.ArgumentParser, arguments: list[str]) -> int:
    from .evaluation import command

    command.add_arguments(parser)
    return command.rules(parser.parse_args(arguments))


def _sheets(parser: argparse.ArgumentParser, arguments: list[str]) -> int:
    from .evaluation import sheets

    sheets.add_arguments(parser)
    return sheets.sheets(parser.parse_args(arguments))


def _train_evaluator(parser: argparse.ArgumentParser, arguments: list[str]) -> int:
    from .evaluation.matching import command

    command.add_arguments(parser)
    return command.run(parser.parse_args(arguments))


def _serve(parser: argparse.ArgumentParser, arguments: list[str]) -> int:
    from ..protocol.serving import serve

    serve(arguments, _load_pipeline)


def _load_pipeline(model: Path | None) -> Handler:
    from .pipeline import Pipeline  # torch is imported here, after hello

    return Pipeline.load(model)


COMMANDS: dict[str, tuple[str, Callable[[argparse.ArgumentParser, list[str]], int]]] = {
    "ablate": ("leave out a part of the recipe, or of what is told, and compare", _ablate),
    "bench": ("measure speed and memory of the sampler against a plain loop", _bench),
    "convert": ("turn an official GEM-SMPL checkpoint into ours; no code in it runs", _convert),
    "evaluate": ("measure everything of a model: one JSON, one page", _evaluate),
    "generate": ("make motion from prompts, keyed poses and music and write it as .npz", _generate),
    "pack": ("prepare folders of motion as one file, to train elsewhere", _pack),
    "reduce-keys": ("measure how few keys hold a motion", _reduce_keys),
    "rules": ("run the frozen prompt rules and print a table", _rules),
    "serve": ("answer Blender over standard input and output (the add-on starts this)", _serve),
    "sheets": ("draw takes of twenty prompts, as they stand in the docs", _sheets),
    "train": ("train the bundled model's network on folders of motion", _train),
    "train-evaluator": ("train the text-motion evaluator that `evaluate` measures texts with", _train_evaluator),
}
"""Each imports what it needs when it runs, so that none waits for another's libraries."""


def main(arguments: list[str]) -> int:
    """Run one command; returns the exit code: 0 done, 1 failed with a sentence on standard error, 2 wrong usage."""
    if not arguments or arguments[0] not in COMMANDS:
        words = "\n".join(f"  {name:<15} {help_text}" for name, (help_text, _) in COMMANDS.items())
        if arguments and not arguments[0].startswith("-"):
            print(f"There is no command “{arguments[0]}”.", file=sys.stderr)
        print(f"usage: engine COMMAND ...\n\n{words}", file=sys.stderr)
        return 0 if arguments in (["-h"], ["--help"]) else 2
    help_text, run = COMMANDS[arguments[0]]
    # Before torch is imported. OpenMP's idle threads spin by default: beside anything else that works on this machine
    # (Blender drawing, for one) every operation then waits for a thread that has no core. On two busy cores 10 s of
    # motion took 128 s so, and 2 s with threads that sleep.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    parser = argparse.ArgumentParser(prog=f"engine {arguments[0]}", description=help_text)
    try:
        return run(parser, arguments[1:])
    except GenmoFailure as failure:
        print(f"{failure}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
