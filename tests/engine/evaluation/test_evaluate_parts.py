"""Parts of the evaluation on inputs whose answers are known: baselines, windows, bars, plots, ranking of takes."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from math import nan

import numpy as np
import pytest

from genmo_blender.engine.conditions.minilm import load_minilm
from genmo_blender.engine.evaluation.captioned import Window, by_caption, one_each, windows_of
from genmo_blender.engine.evaluation.evaluate.baselines import Baselines
from genmo_blender.engine.evaluation.evaluate.context import evenly
from genmo_blender.engine.evaluation.evaluate.failures import breach
from genmo_blender.engine.evaluation.evaluate.page import page
from genmo_blender.engine.evaluation.evaluate.plots import figure_bars, line_plot, short, ticks
from genmo_blender.engine.evaluation.evaluate.section import Bar, Failed, Figure, Line, Plot, Section
from genmo_blender.engine.evaluation.evaluate.steps import Point, fewest_steps
from genmo_blender.engine.evaluation.evaluate.text import halved_frechet, wanted_takes
from genmo_blender.engine.evaluation.quality import contact_slide
from genmo_blender.engine.evaluation.rule_checks import measure
from genmo_blender.engine.evaluation.rules import load_rules
from genmo_blender.engine.training.samples import Caption
from genmo_blender.motion.skeleton import assets_folder, canonical
from tests.engine.evaluation.clips import clips, take


@pytest.fixture(scope="module")
def baselines() -> Baselines:
    names = ("cmu_16_15", "cmu_16_35", "qcy_wave", "qcy_kick_right")
    return Baselines([clips()[n] for n in names], load_minilm(assets_folder() / "text_encoder"))


def test_the_mean_pose_stands_still_on_the_floor(baselines) -> None:
    still = baselines.mean_pose(50)
    assert still.shape == (50, 22, 3) and np.ptp(still, axis=0).max() == 0.0
    figures = measure(still)
    assert figures["ground_speed"] == 0.0 and figures["pelvis_middle"] > 0.85
    assert float(still[:, [10, 11], 1].min()) == pytest.approx(float(canonical().rest[10, 1]), abs=0.03)


def test_random_clips_are_pieces_of_training_motion_and_all_frames_are_as_likely(baselines) -> None:
    rng = np.random.default_rng(0)
    piece = baselines.random(40, rng)
    assert piece.shape == (40, 22, 3)
    assert any(
        np.array_equal(piece, baselines.joints(i)[a : a + 40])
        for i, clip in enumerate(baselines.clips)
        for a in range(clip.frames - 39)
    )
    starts = np.bincount([baselines.random_place(40, rng)[0] for _ in range(4000)], minlength=8)
    room = np.array([c.frames - 39 for c in baselines.clips])
    assert np.allclose(starts / 4000, room / room.sum(), atol=0.03)
    assert baselines.random(500, rng).shape == (118, 22, 3), "the longest there is"


def test_the_nearest_caption_is_found_and_its_motion_given(baselines) -> None:
    found = baselines.nearest_caption(["a man walks straight on", "she kicks with her right leg"])
    assert "walk" in found[0] or "steps forward" in found[0]
    assert "kick" in found[1] and "right" in found[1]
    motion = baselines.of_caption(found[1], 60, np.random.default_rng(0))
    kick = load_rules()[1]["kick_side"]
    assert motion.shape == (60, 22, 3) and not kick.broken(measure(motion), "right")


def test_a_caption_holds_in_a_window_that_it_covers_by_half() -> None:
    captions = (Caption("a", 0, 60, "motion"), Caption("b", 61, 200, "motion"), Caption("c", 0, 250, "trial"))
    long = clips()["qua_male_sit_stand"]
    clip = replace(long, captions=captions)
    found = windows_of([clip, replace(clips()["cmu_16_35"], captions=())])
    assert [(w.start, w.frames, w.captions) for w in found] == [
        (0, 120, ("a", "c")), (120, 120, ("b", "c")), (0, 41, ()),
    ]  # fmt: skip
    np.testing.assert_allclose(found[1].joints, long.joints()[120:240])
    assert by_caption(found) == {"a": [0], "b": [1], "c": [0, 1]}


def test_every_window_gets_a_caption_and_every_caption_a_take() -> None:
    def window(frames: int, *captions: str) -> Window:
        return Window("x", 0, np.zeros((frames, 22, 3)), captions)

    windows = [window(120, "a", "b", "c"), window(120, "a", "b"), window(50, "a")]
    assert one_each(windows) == ["a", "b", "a"]
    assert wanted_takes(windows) == [("a", 120), ("b", 120), ("a", 50), ("c", 120)]


def test_halves_of_one_set_lie_nearer_than_those_of_another() -> None:
    rng = np.random.default_rng(0)
    real, far = rng.standard_normal((200, 4)), rng.standard_normal((200, 4)) + 2.0
    own, other = (halved_frechet(real, rows, np.random.default_rng(1)) for rows in (real, far))
    assert own < 0.3 and other == pytest.approx(16.0, rel=0.15)


def test_contact_slide_is_the_speed_of_what_stands() -> None:
    glide = canonical().rest + np.arange(20)[:, None, None] / 30 * np.array([0.3, 1.0, 0.4])
    contacts = np.zeros((20, 6))
    assert np.isnan(contact_slide(glide, contacts))
    contacts[5:10, 1] = 0.9
    contacts[:, 4:] = 1.0  # hands do not count
    assert contact_slide(glide, contacts) == pytest.approx(0.5)


def test_the_fewest_steps_near_the_best_of_both() -> None:
    def point(steps: int, rules: float, kid: float) -> Point:
        return Point(steps, rules, kid, None, None)

    points = [point(5, 0.5, 0.101), point(10, 0.77, 0.2), point(20, 0.79, 0.104), point(50, 0.8, 0.1)]
    assert fewest_steps(points) == 20
    assert fewest_steps(points, kid=False) == 10 and fewest_steps(points, rules=False) == 5
    assert np.isnan(fewest_steps([point(5, 0.1, 0.1), point(10, 1.0, 0.4)]))
    assert fewest_steps([point(5, 1.0, -0.1), point(10, 1.0, -0.104)]) == 5, "a KID may be under zero"


def test_takes_are_ranked_by_how_far_they_miss_their_rule() -> None:
    prompt = next(p for p in load_rules()[0] if p.id == "walk")
    good, run, still = (breach(prompt, take(n)) for n in ("cmu_16_15", "cmu_16_35", "idle_002_acted_0"))
    assert good[0] == 0.0 < run[0] < still[0]
    assert good[1] > 0


@pytest.mark.parametrize(
    ("sense", "met"), [("<=", (True, True, False)), ("<", (True, False, False)), (">=", (False, True, True)),
                       (">", (False, False, True)), ("=", (False, True, False))],
)  # fmt: skip
def test_bars(sense: str, met: tuple[bool, ...]) -> None:
    assert tuple(Figure("f", v, bar=Bar(sense, 2.0)).met for v in (1.0, 2.0, 3.0)) == met
    assert Figure("f", None, bar=Bar(sense, 2.0)).met is False and Figure("f", nan, bar=Bar(sense, 2.0)).met is False
    assert Figure("f", 1.0).met is None


def section() -> Section:
    figures = (
        Figure(
            "error <a>", 1.25, "m", "lower", (1.0, 1.5), {"slerp": 2.5, "none": None}, Bar("<=", 1.875, "25 % less")
        ),
        Figure("other", None),
    )
    plot = Plot("a curve", "frames", "m", (Line("this & that", ((1.0, 2.0), (3.0, 5.0))), Line("lost", ((1.0, nan),))))
    return Section("s", "A section", figures, ("a note",), (plot,))


def test_a_page_says_what_was_measured_and_whether_bars_are_met() -> None:
    text = page({"model": "m<1>"}, [section(), Failed("t", "no <songs>")], {"takes": "failures.html"})
    ElementTree.fromstring(text.split("\n", 1)[1].replace('<meta charset="utf-8">', ""))  # well-formed
    for words in ("m&lt;1&gt;", "error &lt;a&gt;", "[1, 1.5]", "≤ 1.88", "25 % less", "a note", "no &lt;songs&gt;"):
        assert words in text
    assert text.count('class="yes">yes') == 2 and "not measured" in text
    json.dumps(section().record(), allow_nan=False)


def test_plots_are_pictures_of_their_numbers() -> None:
    drawn = line_plot(section().plots[0])
    tree = ElementTree.fromstring(drawn)
    lines = [e.get("points") for e in tree.iter() if e.tag.endswith("polyline")]
    (x1, y1), (x2, y2) = (tuple(map(float, p.split(","))) for p in lines[0].split())
    assert x1 < x2 and y1 > y2 and lines[1] == ""
    bars = ElementTree.fromstring(figure_bars(section().figures[0]))
    width = [float(e.get("width")) for e in bars.iter() if e.tag.endswith("rect")]
    assert width[1] == pytest.approx(2 * width[0], rel=0.01)
    assert figure_bars(section().figures[1]) == "" and "nothing could be measured" in line_plot(Plot("t", "", "", ()))


def test_ticks_are_round_and_cover_the_range() -> None:
    assert ticks(0.0, 1.0) == pytest.approx([0.0, 0.2, 0.4, 0.6, 0.8, 1.0])
    assert ticks(0.0, 0.43) == pytest.approx([0.0, 0.1, 0.2, 0.3, 0.4, 0.5])
    assert ticks(-3.0, 7.0)[0] <= -3.0 and ticks(-3.0, 7.0)[-1] >= 7.0
    assert len(ticks(2.0, 2.0)) >= 2
    assert [short(x) for x in (0.0, 1234.5, 12.345, 0.00012345, 1e-7)] == ["0", "1234", "12.3", "0.000123", "1.0e-07"]


def test_even_choices() -> None:
    assert evenly(list(range(10)), 4) == [0, 3, 6, 9] and evenly([1, 2], 5) == [1, 2]
