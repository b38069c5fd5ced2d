"""Motion from footage: estimates from synthetic keypoints against the truth, and how they bear what detectors miss."""

from __future__ import annotations

from collections.abc import Sequence

from ...training.pack import Prepared
from ..estimation import BARS, EstimationFigures
from ..estimation import measure as estimated
from .context import QUICK, Context
from .section import Bar, Figure, Line, Plot, Section, plain

Curve = Sequence[tuple[float, float, float]]
BARRED = {
    "pa_mpjpe": ("PA-MPJPE", "mm"), "mpjpe": ("MPJPE", "mm"),
    "rte_still": ("RTE, still camera, two metres or more", "%"), "occlusion": ("30 % of the joints hidden", "times"),
}  # fmt: skip
"""Figures with a bar: key of `EstimationFigures.bars`, name, unit."""
OTHERS = (
    ("pve", "PVE", "mm"), ("accel", "acceleration", "m/s^2"), ("wa2_mpjpe", "W-MPJPE100", "mm"),
    ("waa_mpjpe", "WA-MPJPE100", "mm"), ("rte", "RTE", "%"), ("jitter", "jitter", "10 m/s^3"),
    ("fs", "foot slide", "mm"),
)  # fmt: skip
"""Figures without a bar: key of `EstimationFigures.cameras`, name, unit."""


def measure(context: Context) -> Section:
    """The section ``estimation``."""
    clips = Prepared(tuple(context.train), tuple(context.held_out), (), "", ())
    found = estimated(context.pipeline.model, clips, context.seed, context.effort is QUICK, context.say)
    overall = found.cameras["all"]
    figures = [
        Figure(name, found.bars[key][0], unit, "lower", None, _baselines(found, key), Bar("<=", BARS[key]))
        for key, (name, unit) in BARRED.items()
    ]
    figures += [
        Figure(name, overall[key], unit, "lower", None, _baselines(found, key))
        for key, name, unit in OTHERS
        if key in overall
    ]
    notes = (
        f"{found.scenes} scenes, {found.frames} frames: held-out clips before a still, a moving and a tracking camera, "
        "keypoints with the error of training's table, one pass of the network and the fit to the keypoints. How the "
        "camera turns is known. “one pass” is the network without the fit.",
        "Drift (RTE) has its bar where the pelvis goes two metres or more: of who stands, its percentage says nothing.",
    )
    return Section("estimation", "Motion from footage", tuple(figures), notes, _plots(found), _details(found))


def _details(found: EstimationFigures) -> dict[str, dict[str, float | None]]:
    """Every figure by camera."""
    return {camera: {name: plain(x) for name, x in all_of.items()} for camera, all_of in found.cameras.items()}


def _baselines(found: EstimationFigures, key: str) -> dict[str, float | None]:
    rows = {"one pass": found.one_pass["all"], **found.baselines}
    return {name: figures[key] for name, figures in rows.items() if key in figures}


def _plots(found: EstimationFigures) -> tuple[Plot, ...]:
    return (
        _plot("Error by the keypoints' error", "times the table's", found.noise),
        _plot("Error by missing joints", "share of the joints", found.missing),
        _plot("Error of seconds that nothing is seen", "seconds", found.occluded),
    )


def _plot(title: str, x: str, curve: Curve) -> Plot:
    lines = (
        Line("MPJPE", tuple((at, whole) for at, whole, _ in curve)),
        Line("PA-MPJPE", tuple((at, aligned) for at, _, aligned in curve)),
    )
    return Plot(title, x, "mm", lines)
