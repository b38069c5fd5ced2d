"""How well motion is estimated from footage whose truth is known (synthetic cameras, unseen performers).

``python -m genmo_blender.engine.evaluation.estimation --model FILE --data FOLDERS [--seed S] [--quick] [--out JSON]``

Every held-out clip is filmed by a still, a moving and a tracking camera (`scenes`), its keypoints get training's error,
and the engine's own road answers (`engine.estimation`: boxes from the keypoints, the camera's turns known, one pass of
the network, the fit to the keypoints). What the network says without the fit stands beside it.
Errors are those of `metrics`, means over all frames. Feet are ankles and toes, the skin every 32nd vertex of the free
body. ``rte_going`` is the drift of those whose pelvis goes at least two metres: a percentage of the way that somebody
who stands sways is large whatever the model does.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor

from ...protocol.failures import GenmoFailure
from ..diffusion.sampler import TakeNoise
from ..estimation import Estimate, estimate, footage_timeline
from ..models import Model, load_model
from ..options import check_folder, seed_number
from ..training.command import CACHE
from ..training.footage import SHAPES
from ..training.pack import Prepared, prepared
from .estimation_baselines import Gallery, gallery_of, mean_pose
from .metrics import camera_metrics, jitter, world_metrics
from .scenes import CAMERAS, Body, Scene, hidden_joints, scenes_of

FPS = 30
FEET = (7, 10, 8, 11)
GOING = 2.0  # m of way, from which on drift is a percentage that means something
HIDDEN = 0.3  # of the joints, for a second
NOISES = (0.0, 0.5, 1.0, 2.0, 3.0, 4.0)
MISSING = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6)
OCCLUDED = (0.0, 0.5, 1.0, 2.0, 3.0, 4.0)  # seconds
QUICK = 4  # one clip of so many
SPARSE = 4  # robustness curves are of one scene of so many; no multiple of three, so that all cameras are among them
GALLERY = 1500  # training windows, each before three cameras
BARS = {"pa_mpjpe": 50.0, "mpjpe": 75.0, "rte_still": 5.0, "occlusion": 1.4}
Figures = dict[str, float]


@dataclass(frozen=True)
class EstimationFigures:
    """What `measure` finds. Errors in mm, ``accel`` in m/s^2, ``rte`` in %, ``jitter`` in 10 m/s^3 (spec 9).

    ``cameras``: "all", "still", "moving", "tracking" -> figures; ``one_pass``: the same without the fit.
    ``occlusion``: mean error of a second of which 30 % of the joints are ``hidden``, of the same second ``seen``, and
    their ``ratio``. ``baselines``: what knows less. ``noise``, ``missing``, ``occluded``: (how much, mpjpe, pa_mpjpe)
    of every fourth scene under so many times the keypoints' error, without a share of the joints (others every half
    second), and of the seconds that nothing is seen (at 0: of the second in the middle, seen). ``bars``: figure, bar,
    met.
    """

    model: str
    seed: int
    scenes: int
    frames: int
    cameras: dict[str, Figures]
    one_pass: dict[str, Figures]
    occlusion: Figures
    baselines: dict[str, Figures]
    noise: list[tuple[float, float, float]]
    missing: list[tuple[float, float, float]]
    occluded: list[tuple[float, float, float]]
    bars: dict[str, tuple[float, float, bool]]


class _Means:
    """Means over the values of all frames, by name."""

    def __init__(self) -> None:
        self.values: dict[str, list[Tensor]] = defaultdict(list)

    def add(self, values: dict[str, Tensor]) -> None:
        for name, value in values.items():
            self.values[name].append(value.reshape(-1))

    def all(self) -> Figures:
        joined = {name: torch.cat(values) for name, values in self.values.items()}
        return {name: float(values.mean()) for name, values in joined.items() if len(values)}


def body_of(said: Estimate) -> Body:
    """The estimated body before the camera."""
    return Body(torch.cat([said.root_camera[:, None], said.body], dim=1), said.betas[:SHAPES])


def camera_errors(said: Body, true: Body) -> dict[str, Tensor]:
    """``pa_mpjpe``, ``mpjpe``, ``pve`` mm a frame and ``accel``, about the pelvis before the camera."""
    return camera_metrics(said.joints(), true.joints(), said.skin(), true.skin())


def world_errors(said: Estimate, scene: Scene) -> dict[str, Tensor]:
    """`world_metrics` of the joints, ``true_jitter``, and ``rte_going`` where the pelvis goes at least `GOING`."""
    joints = body_of(said).joints(said.root) + said.path[:, None]
    true = scene.body.joints(scene.root) + scene.path[:, None]
    feet, true_feet = joints[:, list(FEET)], true[:, list(FEET)]
    out = world_metrics(joints, true, feet, true_feet) | {"true_jitter": jitter(true)}
    way = torch.linalg.vector_norm(scene.path.diff(dim=0), dim=-1).sum()
    return out | ({"rte_going": out["rte"]} if float(way) >= GOING else {})


def answer(model: Model, scene: Scene, keypoints: Tensor, sampled: int | None = None, fit: bool = True) -> Estimate:
    """The engine's estimate from ``keypoints`` (L, 17, 3) of a scene, whose camera's turns are known; in one pass, or
    sampled from the noise of a seed; ``fit`` as `estimate` has it."""
    noise = None if sampled is None else TakeNoise([sampled], len(scene), model.device)
    return estimate(model, footage_timeline(keypoints, scene.k, scene.cam_angvel), noise=noise, fit=fit)


def by_camera(model: Model, scenes: Sequence[Scene], sampled: bool = False, fit: bool = True) -> dict[str, Figures]:
    """Means over all scenes, "all", and over those of each camera; ``sampled`` instead of estimated in one pass."""
    means = {name: _Means() for name in ("all", *CAMERAS)}
    for number, scene in enumerate(scenes):
        said = answer(model, scene, scene.keypoints(number), number if sampled else None, fit)
        errors = camera_errors(body_of(said), scene.body) | world_errors(said, scene)
        for name in ("all", scene.camera):
            means[name].add(errors)
    return {name: mean.all() for name, mean in means.items()}


def measure(
    model: Model,
    data: Prepared,
    seed: int = 0,
    quick: bool = False,
    progress: Callable[[str], None] = lambda text: None,
) -> EstimationFigures:
    """All figures of a model, on the validation clips of ``data``; its training clips are for the baselines alone.

    ``quick`` takes every fourth clip. ``progress`` is told what is measured. On the processor.
    """
    scenes = list(scenes_of(data.val[:: QUICK if quick else 1], seed))
    progress(f"{len(scenes)} scenes")
    cameras, one_pass = by_camera(model, scenes), by_camera(model, scenes, fit=False)
    progress("occlusion")
    occlusion = _occlusion(model, scenes)
    progress("robustness")
    some = scenes[::SPARSE]
    plain = _error(model, some)
    noise = [(x, *(plain if x == 1.0 else _error(model, some, noise=x))) for x in NOISES]
    missing = [(x, *(plain if x == 0.0 else _error(model, some, missing=x))) for x in MISSING]
    occluded = _occluded(model, some)
    progress("baselines")
    baselines = _baselines(model, scenes, gallery_of(data.train, seed, GALLERY // (QUICK if quick else 1)))
    rte = cameras["still"].get("rte_going", float("nan"))
    found = (cameras["all"]["pa_mpjpe"], cameras["all"]["mpjpe"], rte, occlusion["ratio"])
    return EstimationFigures(
        model=model.sha256,
        seed=seed,
        scenes=len(scenes),
        frames=sum(len(scene) for scene in scenes),
        cameras=cameras,
        one_pass=one_pass,
        occlusion=occlusion,
        baselines=baselines,
        noise=noise,
        missing=missing,
        occluded=occluded,
        bars={name: (x, bar, x <= bar) for (name, bar), x in zip(BARS.items(), found, strict=True)},
    )


def _joint_errors(said: Body, scene: Scene, frames: slice) -> dict[str, Tensor]:
    """``mpjpe`` and ``pa_mpjpe`` alone, of some frames."""
    joints, true = (body.part(frames).joints() for body in (said, scene.body))
    errors = camera_metrics(joints, true, joints, true)
    return {name: errors[name] for name in ("mpjpe", "pa_mpjpe")}


def _error(model: Model, scenes: Sequence[Scene], noise: float = 1.0, missing: float = 0.0) -> tuple[float, float]:
    means = _Means()
    for number, scene in enumerate(scenes):
        hidden = hidden_joints(len(scene), missing, slice(0, len(scene)), number, every=FPS // 2)
        said = answer(model, scene, scene.keypoints(number, noise, hidden))
        means.add(_joint_errors(body_of(said), scene, slice(None)))
    figures = means.all()
    return figures["mpjpe"], figures["pa_mpjpe"]


def _middle(scene: Scene, seconds: float) -> slice:
    frames = round(seconds * FPS)
    first = (len(scene) - frames) // 2
    return slice(first, first + frames)


def _occlusion(model: Model, scenes: Sequence[Scene]) -> Figures:
    """A second in the middle, with 30 % of the joints hidden and without."""
    means = {"hidden": _Means(), "seen": _Means()}
    for number, scene in enumerate(scenes):
        second = _middle(scene, 1.0)
        if second.start < FPS // 2:
            continue
        hidden = hidden_joints(len(scene), HIDDEN, second, number)
        for name, faults in (("hidden", hidden), ("seen", None)):
            said = answer(model, scene, scene.keypoints(number, hidden=faults))
            means[name].add(_joint_errors(body_of(said), scene, second))
    figures = {name: mean.all()["mpjpe"] for name, mean in means.items()}
    return figures | {"ratio": figures["hidden"] / figures["seen"]}


def _occluded(model: Model, scenes: Sequence[Scene]) -> list[tuple[float, float, float]]:
    """Errors of seconds in the middle in which nothing is seen, on scenes that are long enough for all of them."""
    long = [(n, scene) for n, scene in enumerate(scenes) if len(scene) >= (max(OCCLUDED) + 2) * FPS]
    out = []
    for seconds in OCCLUDED if long else ():
        means = _Means()
        for number, scene in long:
            hidden = hidden_joints(len(scene), 1.0, _middle(scene, seconds), number)
            said = answer(model, scene, scene.keypoints(number, hidden=hidden))
            means.add(_joint_errors(body_of(said), scene, _middle(scene, seconds or 1.0)))
        figures = means.all()
        out.append((seconds, figures["mpjpe"], figures["pa_mpjpe"]))
    return out


def _baselines(model: Model, scenes: Iterable[Scene], gallery: Gallery) -> dict[str, Figures]:
    """What knows less: the mean pose upright before the camera, and the training window that looks most alike."""
    means = {"mean pose": _Means(), "nearest training window": _Means()}
    for number, scene in enumerate(scenes):
        means["mean pose"].add(camera_errors(mean_pose(model.statistics, len(scene)), scene.body))
        means["nearest training window"].add(_nearest(gallery, scene, scene.keypoints(number)))
    names = ("pa_mpjpe", "mpjpe", "pve")
    return {name: {k: v for k, v in mean.all().items() if k in names} for name, mean in means.items()}


def _nearest(gallery: Gallery, scene: Scene, keypoints: Tensor) -> dict[str, Tensor]:
    parts = _Means()
    for first in range(0, len(scene), gallery.frames):
        rows = slice(first, min(first + gallery.frames, len(scene)))
        said = gallery.nearest(keypoints[rows])
        parts.add(camera_errors(said, scene.body.part(rows)))
    return {name: torch.cat(values) for name, values in parts.values.items()}


def lines(figures: EstimationFigures) -> list[str]:
    """The figures as a person reads them."""
    columns = ("pa_mpjpe", "mpjpe", "pve", "accel", "waa_mpjpe", "wa2_mpjpe", "rte", "rte_going", "jitter", "fs")
    without = {f"{name}, without the fit": row for name, row in figures.one_pass.items()}
    rows = {**figures.cameras, **without, **figures.baselines}
    out = [f"{figures.scenes} scenes, {figures.frames} frames, seed {figures.seed}, model {figures.model[:12]}"]
    out.append(f"{'':<26}" + "".join(f"{name:>10}" for name in columns))
    for name, row in rows.items():
        out.append(f"{name:<26}" + "".join(f"{row[c]:>10.1f}" if c in row else f"{'':>10}" for c in columns))
    out.append(f"true jitter {figures.cameras['all']['true_jitter']:.1f}")
    o = figures.occlusion
    out.append(f"30 % hidden for a second: {o['hidden']:.1f} against {o['seen']:.1f} mm, {o['ratio']:.2f} times")
    for name, what in (("noise", "x error"), ("missing", "of joints missing"), ("occluded", "s without anything seen")):
        curve = ", ".join(f"{x:g}: {mpjpe:.0f}/{pa:.0f}" for x, mpjpe, pa in getattr(figures, name))
        out.append(f"MPJPE/PA-MPJPE by {what}: {curve}")
    for name, (found, bar, met) in figures.bars.items():
        out.append(f"bar {name}: {found:.2f} <= {bar:g} {'met' if met else 'NOT met'}")
    return out


def main(arguments: list[str]) -> int:
    """The command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="estimation", description=__doc__)
    parser.add_argument("--model", type=Path, help="weights (without: the bundled ones)")
    parser.add_argument("--data", type=Path, nargs="+", required=True, help="folders of motion shards, packed files")
    parser.add_argument("--seed", type=seed_number, default=0)
    parser.add_argument("--quick", action="store_true", help="one held-out clip of four")
    parser.add_argument("--out", type=Path, help="the figures as JSON")
    options = parser.parse_args(arguments)
    try:
        if options.out:
            check_folder(options.out.parent)
        model, data = load_model(options.model, torch.device("cpu")), prepared(options.data, CACHE)
    except GenmoFailure as failure:
        print(failure, file=sys.stderr)
        return 1
    figures = measure(model, data, options.seed, options.quick, lambda text: print(text, file=sys.stderr, flush=True))
    print("\n".join(lines(figures)))
    if options.out:
        options.out.write_text(json.dumps(asdict(figures), indent=1), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
