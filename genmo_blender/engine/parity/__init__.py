"""Parity with the published code: every case of a folder, each array compared within its tolerance."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path

# The complete list: one module for each chapter of the cases, each with a tuple CASES.
CASE_MODULES = (
    "network_cases",
    "diffusion_cases",
    "conditions_cases",
    "codec_cases",
    "camera_cases",
    "rollout_cases",
    "cleanup_cases",
    "losses_cases",
    "metrics_cases",
    "augmentation_cases",
    "flow_cases",
)


def run(
    folder: str | Path,
    modules: Sequence[str] = CASE_MODULES,
    say: Callable[[str], None] = print,
    device: str = "cpu",
) -> int:
    """Run the parity cases of `folder` and return an exit code: 0 when all pass, else 1.

    With fewer `modules` than all, files that those modules do not read are not missed. All arrays and networks of the
    cases are on `device`.
    """
    import torch

    from .framework import ParityFolder, run_cases

    torch.set_num_threads(1)
    cases = [case for module in modules for case in import_module(f".{module}", __package__).CASES]
    with torch.no_grad():
        failed = run_cases(ParityFolder(folder, device), cases, whole=set(modules) == set(CASE_MODULES), say=say)
    return 1 if failed else 0
