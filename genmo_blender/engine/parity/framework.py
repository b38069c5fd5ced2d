"""What a parity case is, how a folder of them is read, and how results are compared and counted.

A case is one file of numbers made by the published code. Its list of arrays is fixed here in code, each array marked
*input* (the implementation must read it) or *compared* (the implementation must produce it). A case fails when an array
of the file is not listed, a listed one is missing, an input was never read, a compared one was never compared, or a
number is outside its tolerance: so a case cannot pass by being overlooked.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.numpy import load_file

from ...protocol.failures import StorageFailure

Array = np.ndarray[Any, Any]
Tolerance = Mapping[str, Any]

EXACT: Tolerance = {"atol": 0.0, "rtol": 0.0}


class ParityFolder:
    """A folder of parity files. Names are alike in every set but for one word (`gem_small_WORD.json`).

    Raises StorageFailure for a folder that is no such set.
    """

    def __init__(self, path: str | Path, device: str = "cpu") -> None:
        self.path, self.device = Path(path), device
        words = [p.stem.removeprefix("gem_small_") for p in self.path.glob("gem_small_*.json")]
        found = [w for w in words if (self.path / f"gem_small_reg_{w}.json").is_file()]
        if len(found) != 1:
            raise StorageFailure(
                "no_parity_cases",
                f"{self.path} is not one set of parity cases.",
                f"It needs one pair gem_small_WORD.json and gem_small_reg_WORD.json; it has {len(found)}.",
            )
        self.word = found[0]

    def file(self, template: str) -> Path:
        """Path of a file named by a template such as `body_{word}.npz`."""
        return self.path / template.format(word=self.word)

    def json(self, template: str) -> dict[str, Any]:
        """A JSON file of the folder."""
        content: dict[str, Any] = json.loads(self.file(template).read_text(encoding="utf-8"))
        return content

    def arrays(self, template: str) -> dict[str, Array]:
        """All arrays of an `.npz` or `.safetensors` file, without `meta`."""
        path = self.file(template)
        if path.suffix == ".safetensors":
            return load_file(path)
        if path.suffix == ".json":
            return {}
        with np.load(path, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files if name != "meta"}

    def meta(self, template: str) -> dict[str, Any]:
        """The `meta` record of an `.npz` file: tolerance, sizes, explanation."""
        path = self.file(template)
        if path.suffix != ".npz":
            return {}
        with np.load(path, allow_pickle=False) as archive:
            content: dict[str, Any] = json.loads(str(archive["meta"]))
        return content


@dataclass(frozen=True)
class Case:
    """One parity file. `inputs` and `compared` are array names or shell patterns (`mask_L*_W*`), each of which must
    match at least one array of the file; `run` computes and calls `CaseData.check*` once for each compared array."""

    file: str
    inputs: tuple[str, ...]
    compared: tuple[str, ...]
    run: Callable[[CaseData], None]

    @property
    def name(self) -> str:
        """The file's name without the folder's word and without its ending."""
        return self.file.replace("_{word}", "")


@dataclass
class CaseData:
    """The arrays of one case while it runs; remembers what was read and what was compared."""

    folder: ParityFolder
    case: Case
    arrays: dict[str, Array]
    meta: dict[str, Any]
    read: set[str] = field(default_factory=set)
    checked: dict[str, float] = field(default_factory=dict)
    values: dict[str, float] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Array:
        """An array of the file as numpy; counts as read."""
        self.read.add(name)
        return self.arrays[name]

    def tensor(self, name: str) -> torch.Tensor:
        """An array of the file as a torch tensor of its own type, on the folder's device; counts as read."""
        return torch.from_numpy(np.array(self[name])).to(self.folder.device)

    def matching(self, pattern: str) -> list[str]:
        """Names in the file that fit a shell pattern, sorted."""
        return sorted(name for name in self.arrays if fnmatchcase(name, pattern))

    @cached_property
    def tolerance(self) -> Tolerance:
        """The file's tolerance where it is a single one; an exact file gives zeros."""
        given = self.meta["tolerance"]
        return EXACT if given == "exact" else given

    def check(self, name: str, value: Any, tolerance: Tolerance | None = None) -> None:
        """Compare with the file's array: |a - b| <= atol + rtol |b|. Integers and booleans must be equal."""
        self.checked[name] = error_ratio(value, self.arrays[name], tolerance or self.tolerance)

    def check_rotation(self, name: str, value: Any, max_deg: float) -> None:
        """Compare axis-angle (..., 3), several of them (..., 3 n) or matrices (..., 3, 3) by their largest angle."""
        got, expected = _as_matrices(_numpy(value)), _as_matrices(self.arrays[name])
        if got.shape != expected.shape:
            raise ValueError(f"{name}: shape {got.shape}, expected {expected.shape}")
        self.checked[name] = _ratio(float(_angles_deg(got, expected).max(initial=0.0)), max_deg)

    def check_value(self, label: str, value: Any, expected: Any, tolerance: Tolerance) -> None:
        """Compare something that is not an array of the file (a number of `meta`, a key table)."""
        self.values[label] = error_ratio(value, expected, tolerance)


@dataclass(frozen=True)
class CaseResult:
    """What one case showed. `worst` is the largest error divided by its tolerance; `problems` is empty for a pass."""

    name: str
    inputs: int
    compared: int
    values: int
    worst: float
    problems: tuple[str, ...]

    @property
    def passed(self) -> bool:
        return not self.problems

    def line(self) -> str:
        """One line for the table."""
        extra = f" + {self.values} values" if self.values else ""
        text = f"{'pass' if self.passed else 'FAIL'}  {self.name:34s} {self.compared:4d} compared{extra}"
        text += f"  {self.inputs:3d} read  worst {self.worst:.3g} of tolerance"
        return "\n".join([text, *(f"      {problem}" for problem in self.problems)])


def _numpy(value: Any) -> Array:
    if isinstance(value, torch.Tensor):
        return value.detach().cpu().numpy()
    return np.asarray(value)


def _ratio(error: float, limit: float) -> float:
    if math.isnan(error):
        return math.inf
    if error == 0.0:
        return 0.0
    return error / limit if limit > 0.0 else math.inf


def error_ratio(value: Any, expected: Any, tolerance: Tolerance) -> float:
    """Largest |a - b| / (atol + rtol |b|); infinite where one is NaN or infinite and the other is not the same.

    Raises ValueError for a different shape and KeyError for a tolerance without atol and rtol.
    """
    got, want = _numpy(value), _numpy(expected)
    if got.shape != want.shape:
        raise ValueError(f"shape {got.shape}, expected {want.shape}")
    if want.dtype.kind in "biuUS":
        return 0.0 if np.array_equal(got, want) else math.inf
    atol, rtol = float(tolerance.get("atol", 0.0)), float(tolerance["rtol"])
    a, b = got.astype(np.float64), want.astype(np.float64)
    same = (a == b) | (np.isnan(a) & np.isnan(b))
    a, b = a[~same], b[~same]
    if a.size == 0:
        return 0.0
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        return math.inf
    limit = atol + rtol * np.abs(b)
    with np.errstate(divide="ignore"):
        return float((np.abs(a - b) / limit).max())


def _as_matrices(rotation: Array) -> Array:
    r = rotation.astype(np.float64)
    if r.ndim >= 2 and r.shape[-2:] == (3, 3):
        return r
    v = r.reshape(*r.shape[:-1], -1, 3)
    angle = np.linalg.norm(v, axis=-1)[..., None, None]
    axis = v[..., None] / np.maximum(angle, 1e-12)
    x, y, z = axis[..., 0, 0], axis[..., 1, 0], axis[..., 2, 0]
    o = np.zeros_like(x)
    cross = np.stack([o, -z, y, z, o, -x, -y, x, o], -1).reshape(*x.shape, 3, 3)
    return np.eye(3) + np.sin(angle) * cross + (1.0 - np.cos(angle)) * (cross @ cross)


def _angles_deg(a: Array, b: Array) -> Array:
    # the chord |A - B| = 2 sqrt(2) sin(angle / 2) keeps small angles exact where an arc cosine would not
    chord = np.linalg.norm(a - b, axis=(-2, -1)) / (2.0 * math.sqrt(2.0))
    result: Array = np.degrees(2.0 * np.arcsin(np.clip(chord, 0.0, 1.0)))
    return np.where(np.isnan(chord), np.nan, result)


def kept_stride(meta: Mapping[str, Any], length: int, kept: int) -> int:
    """Stride of an output that was stored for every n-th frame only, as the file's `meta` says it in words."""
    if kept == length:
        return 1
    stated = re.search(r"every (\d+)(?:st|nd|rd|th) frame", str(meta.get("explain", "")))
    if stated is None:
        raise ValueError(f"{kept} of {length} frames are stored and meta does not say which")
    return int(stated.group(1))


def _listing_problems(case: Case, names: Iterable[str]) -> tuple[list[str], set[str], set[str]]:
    names = set(names)
    problems: list[str] = []
    groups: list[set[str]] = []
    for entries, mark in ((case.inputs, "input"), (case.compared, "compared")):
        group: set[str] = set()
        for entry in entries:
            hits = {name for name in names if name == entry or fnmatchcase(name, entry)}
            if not hits:
                problems.append(f"missing {mark} array {entry}")
            group |= hits
        groups.append(group)
    inputs, compared = groups
    problems += [f"array {name} is not listed" for name in sorted(names - inputs - compared)]
    problems += [f"array {name} is listed as input and as compared" for name in sorted(inputs & compared)]
    return problems, inputs, compared


def run_case(folder: ParityFolder, case: Case) -> CaseResult:
    """Run one case. An exception of the case is one of its problems, never the end of the run."""
    if not folder.file(case.file).is_file():
        return CaseResult(case.name, 0, 0, 0, math.inf, (f"file {folder.file(case.file).name} is missing",))
    data = CaseData(folder, case, folder.arrays(case.file), folder.meta(case.file))
    problems, inputs, compared = _listing_problems(case, data.arrays)
    try:
        case.run(data)
    except Exception as error:  # whatever an implementation raises must count as a failure of this case alone
        problems.append(f"{type(error).__name__}: {error}")
    problems += [f"input {name} was never read" for name in sorted(inputs - data.read)]
    problems += [f"array {name} was never compared" for name in sorted(compared - data.checked.keys())]
    problems += [f"array {name} was compared but is not marked so" for name in sorted(data.checked.keys() - compared)]
    ratios = {**data.checked, **data.values}
    problems += [f"{name}: error {r:.3g} times its tolerance" for name, r in ratios.items() if not r <= 1.0]
    if not ratios:
        problems.append("nothing was compared")
    worst = max(ratios.values(), default=math.inf)
    return CaseResult(case.name, len(data.read), len(data.checked), len(data.values), worst, tuple(problems))


def run_cases(folder: ParityFolder, cases: Sequence[Case], whole: bool, say: Callable[[str], None] = print) -> int:
    """Run cases, say a line for each and the totals, return the number of failed cases.

    `whole` says that `cases` is the complete list: then a file of the folder that no case reads is a failure too.
    """
    results = []
    for case in cases:
        results.append(run_case(folder, case))
        say(results[-1].line())
    failed = sum(not r.passed for r in results)
    if whole:
        read = {folder.file(case.file).name for case in cases} | {"README.md"}
        for path in sorted(folder.path.iterdir()):
            if path.name not in read:
                say(f"FAIL  {path.name} is read by no case")
                failed += 1
    say(
        f"{len(results)} cases, {failed} failed; {sum(r.inputs for r in results)} arrays read, "
        f"{sum(r.compared for r in results)} arrays and {sum(r.values for r in results)} other values compared"
    )
    return failed
