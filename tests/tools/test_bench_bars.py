"""How samples become figures, and figures become bars that are met or not. Nothing is timed here."""

from pathlib import Path

import numpy as np
import pytest

from tools.bench_bars import command
from tools.bench_bars.bars import BARS, Bar, figure_of, judge, judge_all, percentile, table
from tools.bench_bars.borders import border_ratio
from tools.bench_bars.command import read_arguments
from tools.bench_bars.parts import cancel_samples
from tools.bench_bars.window_part import run_samples
from tools.shell import Stop


def test_every_bar_has_a_name_of_its_own_and_a_limit() -> None:
    assert len({bar.key for bar in BARS}) == len(BARS)
    assert all(bar.most is not None or bar.least is not None for bar in BARS)
    assert {bar.by for bar in BARS} == {"median", "worst", "p99"}


@pytest.mark.parametrize(
    ("bar", "samples", "figure", "met"),
    [
        (Bar("a", "", "s", most=2.0), [1.0, 9.0, 2.0], 2.0, True),
        (Bar("a", "", "s", most=2.0, by="worst"), [1.0, 2.1], 2.1, False),
        (Bar("a", "", "1/s", least=20.0, by="worst"), [25.0, 19.9], 19.9, False),
        (Bar("a", "", "s", least=9.0, most=11.0, by="worst"), [10.0, 8.5, 10.6], 8.5, False),
        (Bar("a", "", "s", least=9.0, most=11.0, by="worst"), [10.0, 9.5, 10.6], 10.6, True),
        (Bar("a", "", "ms", most=2.0, by="p99"), [1.0] * 99 + [50.0], 1.0, True),
        (Bar("a", "", "ms", most=2.0, by="p99"), [1.0] * 98 + [50.0] * 2, 50.0, False),
        (Bar("a", "", "s", most=2.0), [float("nan")], float("nan"), False),
    ],
)
def test_a_figure_is_compared_with_its_bar(bar: Bar, samples: list[float], figure: float, met: bool) -> None:
    measured = judge(bar, samples)
    assert measured.figure == pytest.approx(figure, nan_ok=True) and measured.met == met


def test_every_part_that_is_offered_can_be_chosen() -> None:
    assert {"shot", "built-in", "load", "first-motion"} <= set(command.PARTS)
    assert read_arguments(["built-in", "load", "first-motion"]).parts == ["built-in", "load", "first-motion"]


def test_no_samples_are_no_figure() -> None:
    with pytest.raises(ValueError, match="no samples"):
        figure_of(Bar("a", "", "s", most=1.0), [])


def test_a_percentile_is_one_of_the_samples() -> None:
    assert percentile([3.0, 1.0, 2.0], 50) == 2.0
    assert percentile([3.0, 1.0, 2.0], 99) == 3.0
    assert percentile([5.0], 99) == 5.0


def test_samples_of_no_bar_are_refused() -> None:
    with pytest.raises(KeyError, match="coffee"):
        judge_all({"coffee": [1.0]})


def test_the_table_names_what_is_not_met() -> None:
    measured = judge_all({"closing": [6.0], "generation warm": [4.0, 5.0, 3.0]})
    assert table(measured).splitlines() == [
        "bar              figure  limit    met",
        "generation warm  4 s     <= 10 s  yes",
        "closing          6 s     <= 5 s   NO",
    ]


def test_the_report_of_a_bar_tells_many_samples_by_their_extremes() -> None:
    few = judge_all({"closing": [0.1234567, 0.2]})[0].to_dict()
    assert few["samples"] == [0.1235, 0.2] and few["bar"] == "<= 5 s" and few["met"] is True
    many = judge_all({"window, draw": [1.0] * 40 + [9.0]})[0].to_dict()
    assert many["samples"] == {"count": 41, "min": 1.0, "max": 9.0}


def moving(frames: int) -> np.ndarray:
    """Two joints whose velocity changes by one a frame."""
    return np.arange(frames)[:, None, None] ** 2 / 2.0 * np.ones((1, 2, 3)) / np.sqrt(3.0)


def test_even_motion_is_as_calm_at_borders_as_elsewhere() -> None:
    assert border_ratio(moving(100), np.array([50])) == pytest.approx(1.0)


def test_a_jump_counts_at_a_border_and_elsewhere_alike() -> None:
    jump = moving(100)
    jump[50:] += 7.0
    assert border_ratio(jump, np.array([50])) > 2.0
    assert border_ratio(jump, np.array([53])) > 2.0
    assert border_ratio(jump, np.array([80])) == pytest.approx(1.0)  # one frame of ninety is under the percentile


def test_a_ratio_needs_frames_of_both_kinds() -> None:
    with pytest.raises(ValueError, match="border"):
        border_ratio(moving(8), np.array([4]))
    with pytest.raises(ValueError, match="border"):
        border_ratio(moving(30), np.array([], dtype=int))


def test_cancels_that_came_too_late_are_no_samples() -> None:
    late, met = {"late": True}, {"late": False, "felt": 0.001, "ended": 0.4, "killed": False}
    assert cancel_samples([late, met], "bundled") == {
        "cancel felt, bundled": [0.001],
        "cancel ended, bundled": [0.4],
    }
    with pytest.raises(Stop, match="over before"):
        cancel_samples([late], "bundled")


def test_a_run_in_the_window_is_sorted_into_its_bars() -> None:
    lines = [
        {"what": "tick", "ms": 0.2, "at": 1.0},
        {"what": "apply", "ms": 120.0, "at": 2.0},
        {"what": "draw", "ms": 0.7, "at": 2.1},
    ]
    record = {"redraws": [{"seconds": 2.0, "draws": 90}], "cancel": [0.05], "closing": [0.3], "killed": [0.4]}
    samples = run_samples(record, lines)
    assert samples["window, tick"] == [0.2] and samples["window, draw"] == [0.7]
    assert samples["window, apply"] == [0.12] and samples["window, redraws"] == [45.0]
    assert set(samples) <= {bar.key for bar in BARS}


def test_an_unknown_part_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Stop, match="no part 'motor'"):
        read_arguments(["motor"])


def test_missing_weights_get_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "BUNDLED", command.ROOT / "assets" / "nothing.safetensors")
    with pytest.raises(Stop, match="name a checkpoint with --model"):
        read_arguments([])
    with pytest.raises(Stop, match="is not there"):
        read_arguments(["--model", str(tmp_path / "nothing")])


def test_the_window_needs_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "is_root", lambda: False)
    model = tmp_path / "a.safetensors"
    model.touch()
    assert not read_arguments(["--model", str(model)]).window
    with pytest.raises(Stop, match="needs root"):
        read_arguments(["--model", str(model), "--window"])
