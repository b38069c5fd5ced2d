"""The frozen rules judge real motion as a person would."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from genmo_blender.engine.evaluation import freeze
from genmo_blender.engine.evaluation.rule_checks import crossings, flights, measure, resolve, smooth, swings
from genmo_blender.engine.evaluation.rules import RULES_FILE, load_rules
from genmo_blender.motion import rotations
from tests.engine.evaluation.clips import FOLDER, clips, joints

FROZEN = "ec3b8d9499c196cabe565bba04ba1891686d2d1f6f0eb5fce5745a70505365b9"
# clip, first frame, last frame, rule, side: what these clips show.
SHOWN = [
    ("cmu_16_15", 0, None, "walk", None),
    ("cmu_16_35", 0, None, "run", None),
    ("cmu_16_17", 30, 110, "walk_turn_side", "left"),
    ("cmu_16_05", 0, None, "jump", None),
    ("cmu_16_05", 0, None, "jump_forward", None),
    ("qua_male_sit_stand", 0, 120, "sit", None),
    ("qcy_wave", 0, None, "wave_side", "left"),
    ("cmu_60_03", 0, 120, "dance", None),
    ("idle_002_acted_0", 0, None, "stand", None),
    ("qcy_kick_right", 0, 60, "kick_side", "right"),
    ("qcy_punch_left", 0, 60, "punch_side", "left"),
    ("qua_male_walk", 0, None, "walk", None),
]


def passes(name: str, start: int, end: int | None, rule: str, side: str | None) -> bool:
    return not load_rules()[1][rule].broken(measure(joints(name, start, end)), side)


def other(side: str | None) -> str | None:
    return {"left": "right", "right": "left", None: None}[side]


def test_the_file_has_not_changed_since_it_was_frozen() -> None:
    assert hashlib.sha256(RULES_FILE.read_bytes()).hexdigest() == FROZEN


def test_forty_prompts_half_of_them_novel_and_many_with_a_side() -> None:
    prompts = load_rules()[0]
    assert len(prompts) == len({p.id for p in prompts}) == len({p.prompt for p in prompts}) == 40
    assert sum(p.novel for p in prompts) >= 20
    assert sum(p.side is not None for p in prompts) >= 14
    assert all(2 <= p.seconds <= 5 for p in prompts)


def test_every_figure_that_a_rule_names_exists() -> None:
    figures = measure(joints("cmu_16_15"))
    for prompt in load_rules()[0]:
        for bound in prompt.rule.bounds:
            assert np.isfinite(resolve(bound.figure, figures, prompt.side))


def test_no_novel_prompt_is_a_caption() -> None:
    captions = {c.text for clip in clips().values() for c in clip.captions}
    assert captions and not captions & {p.prompt for p in load_rules()[0] if p.novel}


@pytest.mark.parametrize(("name", "start", "end", "rule", "side"), SHOWN)
def test_a_real_clip_does_what_it_shows(name: str, start: int, end: int | None, rule: str, side: str | None) -> None:
    assert passes(name, start, end, rule, side)
    assert passes(f"{name}~", start, end, rule, other(side)), "the mirror image does it on the other side"
    if side:
        assert not passes(name, start, end, rule, other(side)), "the wrong side does not count"


@pytest.mark.parametrize(
    ("name", "rules"),
    [
        ("idle_002_acted_0", {"stand"}),
        ("cmu_16_15", {"walk"}),
        ("cmu_16_35", {"run"}),
        ("qcy_wave", {"stand", "wave_side left", "raise_side left"}),
    ],
)
def test_a_real_clip_does_nothing_else(name: str, rules: set[str]) -> None:
    figures = measure(joints(name))
    wanted = [(p.rule, p.side) for p in load_rules()[0]]
    found = {f"{rule.name} {side or ''}".strip() for rule, side in wanted if not rule.broken(figures, side)}
    assert found == rules


def test_a_walk_played_backwards_goes_backward() -> None:
    back = joints("cmu_16_15")[::-1]
    assert not load_rules()[1]["walk_backward"].broken(measure(back))
    assert "forward_speed" in load_rules()[1]["walk"].broken(measure(back))


def test_a_body_that_glides_without_steps_does_not_walk() -> None:
    still = np.repeat(joints("cmu_16_15", 0, 1), 90, axis=0)
    heading = joints("cmu_16_15")[-1, 0] - joints("cmu_16_15")[0, 0]
    glide = still + np.linspace(0, 1, 90)[:, None, None] * heading * [1.0, 0.0, 1.0]
    assert load_rules()[1]["walk"].broken(measure(glide)) == ("step_rate",)


def test_figures_do_not_depend_on_place_and_heading() -> None:
    motion = joints("cmu_16_17")
    turn = np.broadcast_to(rotations.about_y(2.1), (*motion.shape[:-1], 4))
    turned = rotations.rotate(turn, motion) + [3.0, 0.0, -4.0]
    first, second = measure(motion), measure(turned)
    assert first.keys() == second.keys()
    assert all(np.isclose(first[k], second[k], atol=1e-6) for k in first)


def test_figures_of_the_mirror_image_are_mirrored() -> None:
    first, second = measure(joints("cmu_16_17")), measure(joints("cmu_16_17~"))
    assert first["left_turn"] == pytest.approx(-second["left_turn"], abs=1e-3)
    assert first["left_turn"] > 60
    assert first["left_wrist_over_shoulder"] == pytest.approx(second["right_wrist_over_shoulder"], abs=1e-3)


def test_a_motion_too_short_to_judge_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 10"):
        measure(joints("cmu_16_15", 0, 9))


def test_a_sided_figure_needs_a_side() -> None:
    figures = measure(joints("cmu_16_15"))
    assert resolve("named_waves", figures, "left") == figures["left_waves"]
    assert resolve("other_waves", figures, "left") == figures["right_waves"]
    assert resolve("toward_turn", figures, "right") == -figures["left_turn"]
    with pytest.raises(KeyError, match="named_waves"):
        resolve("named_waves", figures, None)


def test_swings_count_turning_points_of_a_given_size() -> None:
    t = np.linspace(0, 1, 200)
    assert swings(0.1 * np.sin(2 * np.pi * 3 * t), 0.05) == 6
    assert swings(0.02 * np.sin(2 * np.pi * 3 * t), 0.05) == 0
    assert swings(t, 0.05) == 0


def test_crossings_need_to_leave_the_middle() -> None:
    t = np.linspace(0, 1, 200)
    assert crossings(np.sin(2 * np.pi * 2 * t), 0.5) == 3
    assert crossings(0.4 * np.sin(2 * np.pi * 2 * t), 0.5) == 0


def test_flight_needs_the_floor_before_and_after() -> None:
    motion = joints("cmu_16_05")
    assert len(flights(motion)) == 1
    a, b = flights(motion)[0]
    assert flights(motion[a:b]) == [] and flights(motion[: b - 1]) == []


def test_smoothing_keeps_length_and_constants() -> None:
    for n in (1, 2, 3, 4, 5, 9):
        assert np.allclose(smooth(np.full((n, 2), 3.0)), 3.0) and smooth(np.zeros((n, 2))).shape == (n, 2)


def test_segments_are_the_ranges_of_captions_of_the_action() -> None:
    rule = load_rules()[1]["walk_turn_side"]
    clip = clips()["cmu_16_17"]
    left = [(a, b) for _, a, b in freeze.segments(clip, rule, "left")]
    expected = [(c.start, c.end) for c in clip.captions if c.text == "a person walks forward and turns left"]
    assert expected == [(0, 130)] and left[0] == (0, 120), "no longer than the prompt"
    assert freeze.segments(clip, rule, "right") == []
    assert freeze.others(clip, rule, "left") == [], "a clip that shows the action throughout has no other windows"


def test_the_freeze_check_counts_real_clips_and_their_mirror_images() -> None:
    lines = {(x.rule, x.side): x for x in freeze.freeze_check([FOLDER])}
    kick = lines["kick_side", "right"]
    assert (kick.own, kick.opposite) == ((1, 1), (0, 1)) and kick.clips == ("qcy_kick_right",)
    assert not kick.freezes, "one segment is too few to freeze a rule on"
    walk = lines["walk", None]
    assert walk.own[0] == walk.own[1] >= 4 and walk.other[0] / walk.other[1] <= 0.2
    text = freeze.table(list(lines.values()))
    assert len(text.splitlines()) == 1 + len(lines)
