"""The delivered clean-up, on real clips with noise and on motions made for one purpose."""

from pathlib import Path

import numpy as np
import pytest

from genmo_blender.engine.training.corpus import contact_labels
from genmo_blender.engine.training.importers import shards
from genmo_blender.engine.training.samples import Clip
from genmo_blender.motion import legs, planting, smooth
from genmo_blender.motion import rotations as rot
from genmo_blender.motion.delivery import deliver
from genmo_blender.motion.kinematics import joint_positions
from genmo_blender.motion.quality import mean_jerk, toe_slide
from genmo_blender.motion.skeleton import canonical

CLIPS = Path(__file__).parents[1] / "data" / "motion"
GRAVITY = 9.81


@pytest.fixture(scope="module")
def clips() -> list[Clip]:
    found = [clip for clip in shards.load(CLIPS) if clip.frames >= 40]
    assert len(found) >= 5
    return found


def joints_of(rotations, transl):
    return joint_positions(canonical(), np.asarray(rotations, float), np.asarray(transl, float))


def contacts_of(clip: Clip) -> np.ndarray:
    return contact_labels(clip.joints().astype(float)).astype(float)


def raw_take(clip: Clip, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """A clip as a network gives it: jitter inside tokens of four frames, steps between them, a path that drifts."""
    g, frames = np.random.default_rng(seed), clip.frames
    token = np.repeat(g.normal(0, 0.004, (frames // 4 + 1, 22, 3)), 4, axis=0)[:frames]
    turn = g.normal(0, 0.008, (frames, 22, 3)) + token
    step = np.diff(clip.transl.astype(float), axis=0) + g.normal(0, 0.002, (frames - 1, 3)) + [0.002, 0.0007, 0.001]
    path = np.concatenate([clip.transl[:1].astype(float), step]).cumsum(axis=0)
    return rot.multiply(clip.rotations.astype(float), rot.from_rotation_vector(turn)), path


def standing_person(frames: int) -> tuple[np.ndarray, np.ndarray]:
    rotations = np.tile(rot.IDENTITY, (frames, 22, 1))
    return rotations, np.tile([0.0, canonical().pelvis_height, 0.0], (frames, 1))


def test_noisy_takes_come_out_as_calm_and_as_planted_as_real_motion(clips):
    real = [clip.joints().astype(float) for clip in clips]
    raw = [joints_of(*raw_take(clip, i)) for i, clip in enumerate(clips)]
    clean = [joints_of(*deliver(*raw_take(clip, i), contacts_of(clip))) for i, clip in enumerate(clips)]
    jerk = [np.mean([mean_jerk(j) for j in motions]) for motions in (real, raw, clean)]
    slide = [np.nanmedian([toe_slide(j) for j in motions]) for motions in (real, raw, clean)]
    assert jerk[1] > 1.5 * jerk[0] and slide[1] > 1.5 * slide[0]  # the noise is worth removing
    assert jerk[2] <= 1.2 * jerk[0]
    assert slide[2] <= 1.2 * slide[0] and slide[2] < 0.02


def test_no_frame_jumps(clips):
    for i, clip in enumerate(clips):
        clean = joints_of(*deliver(*raw_take(clip, i), contacts_of(clip)))
        hardest = [np.linalg.norm(np.diff(j, n=2, axis=0), axis=-1).max() * 900 for j in (clip.joints(), clean)]
        assert hardest[1] < 1.3 * hardest[0] + 20.0, clip.id


def test_real_motion_is_hardly_changed(clips):
    for clip in clips:
        before = clip.joints().astype(float)
        after = joints_of(*deliver(clip.rotations, clip.transl, contacts_of(clip)))
        apart = np.linalg.norm((after - after[:, :1]) - (before - before[:, :1]), axis=-1)
        assert apart.mean() < 0.01, clip.id


def test_no_sole_and_no_joint_is_below_the_floor(clips):
    for i, clip in enumerate(clips):
        clean = joints_of(*deliver(*raw_take(clip, i), contacts_of(clip)))
        assert planting.sole_heights(clean).min() > -1e-6, clip.id
        assert clean[..., 1].min() > -0.005, clip.id


def test_knees_never_bend_backward(clips):
    for i, clip in enumerate(clips):
        rotations, _ = deliver(*raw_take(clip, i), contacts_of(clip))
        before = [clip.rotations[:, j] for j in (4, 5)]
        for joint, given in zip((4, 5), before, strict=True):
            bend = rot.to_rotation_vector(rotations[:, joint])[:, 0]
            assert bend.min() > min(rot.to_rotation_vector(given.astype(float))[:, 0].min(), 0.0) - 0.1, clip.id


def test_rotations_are_unit_quaternions_without_sign_flips(clips):
    rotations, path = deliver(*raw_take(clips[0], 0), contacts_of(clips[0]))
    np.testing.assert_allclose(np.linalg.norm(rotations, axis=-1), 1.0, atol=1e-9)
    assert (np.sum(rotations[1:] * rotations[:-1], axis=-1) > 0).all()
    assert rotations.shape == (clips[0].frames, 22, 4) and path.shape == (clips[0].frames, 3)


def test_a_drifting_floor_is_brought_back_over_minutes(clips):
    clip = max(clips, key=lambda c: c.frames)
    rounds = 9000 // clip.frames + 1
    step = np.diff(clip.transl.astype(float), axis=0, append=clip.transl[-1:].astype(float))
    path = clip.transl[0] + np.concatenate([np.zeros((1, 3)), np.tile(step, (rounds, 1)).cumsum(axis=0)[:-1]])
    path[:, 1] = np.tile(clip.transl[:, 1], rounds) + np.linspace(0.0, 2.0, len(path))
    contacts = np.tile(contacts_of(clip), (rounds, 1))
    clean = joints_of(*deliver(np.tile(clip.rotations, (rounds, 1, 1)), path, contacts))
    planted = planting.sole_heights(clean)[contacts[:, :4] > 0.5]
    assert np.percentile(np.abs(planted), 95) < 0.04
    assert planting.sole_heights(clean).min() > -1e-6


def test_a_jump_keeps_its_height():
    frames, flight = 90, 16
    rotations, path = standing_person(frames)
    time = np.arange(flight + 1) / 30
    rise = time * (time[-1] - time) * GRAVITY / 2
    path[37 : 37 + flight + 1, 1] += rise
    contacts = np.zeros((frames, 6))
    contacts[:37, :4] = contacts[37 + flight :, :4] = 1.0
    _, clean = deliver(rotations, path, contacts)
    assert clean[:, 1].max() - clean[:30, 1].mean() == pytest.approx(rise.max(), abs=0.03)


def test_a_person_who_stands_stays_where_they_stand():
    rotations, path = standing_person(300)
    path = path + np.linspace(0.0, 1.0, 300)[:, None] * [0.4, 0.05, 0.3]
    rotations, clean = deliver(rotations, path, np.ones((300, 6)))
    np.testing.assert_allclose(clean - clean[0], 0.0, atol=2e-3)
    np.testing.assert_allclose(planting.sole_heights(joints_of(rotations, clean)), 0.0, atol=3e-3)


def test_what_already_stands_well_is_left_alone():
    rotations, path = standing_person(60)
    again, clean = deliver(rotations, path, np.ones((60, 6)))
    np.testing.assert_allclose(joints_of(again, clean), joints_of(rotations, path), atol=3e-3)


@pytest.mark.parametrize("frames", [1, 2, 3, 5])
def test_the_shortest_motions_pass(frames):
    rotations, clean = deliver(*standing_person(frames), np.ones((frames, 6)))
    assert np.isfinite(rotations).all() and np.isfinite(clean).all() and len(clean) == frames


def test_without_any_contact_the_lowest_point_touches_the_floor():
    rotations, path = standing_person(40)
    path[:, 1] += 0.5
    _, clean = deliver(rotations, path, np.zeros((40, 6)))
    np.testing.assert_allclose(clean[:, 1], canonical().pelvis_height, atol=2e-3)


def test_a_doubtful_moment_does_not_break_a_stance():
    joints = joints_of(*standing_person(30))
    contacts = np.ones((30, 6))
    contacts[14] = 0.2
    contacts[20:] = 0.4  # likely, and it began sure
    assert planting.standing(joints, contacts).all()
    contacts[:] = 0.4
    assert not planting.standing(joints, contacts).any()


def test_a_foot_goes_where_it_is_sent_and_keeps_its_direction():
    rotations, path = standing_person(20)
    bend = rot.from_rotation_vector(np.array([0.5, 0.0, 0.0]))
    rotations[:, [1, 2]], rotations[:, [4, 5]] = rot.conjugate(bend), rot.multiply(bend, bend)
    rotations[:, [7, 8]] = rot.conjugate(bend)
    offsets = np.zeros((20, 2, 3))
    offsets[:, 0] = [0.04, 0.03, -0.05]
    moved = legs.move_feet(rotations, path, offsets)
    before, after = joints_of(rotations, path), joints_of(*moved)
    for foot, offset in (((7, 10), [0.04, 0.03, -0.05]), ((8, 11), [0.0, 0.0, 0.0])):
        np.testing.assert_allclose(after[:, foot] - before[:, foot], np.broadcast_to(offset, (20, 2, 3)), atol=2e-3)
    np.testing.assert_allclose(moved[1], path, atol=1e-9)


def test_the_pelvis_gives_way_before_a_straight_leg_is_stretched():
    rotations, path = standing_person(40)
    offsets = np.zeros((40, 2, 3))
    offsets[20, 0] = [0.0, 0.0, 0.2]
    moved = legs.move_feet(rotations, path, offsets)[1]
    drop = path[:, 1] - moved[:, 1]
    assert 0.005 < drop[20] <= legs.RECORDED.most + 1e-9
    assert np.abs(np.diff(drop)).max() < 0.01 and drop[5] == pytest.approx(0.0)


def test_under_a_take_the_pelvis_comes_down_until_no_knee_snaps_straight():
    rotations, path = standing_person(60)
    bend = rot.from_rotation_vector(np.array([0.3, 0.0, 0.0]))
    rotations[:, [1, 2]], rotations[:, [4, 5]] = rot.conjugate(bend), rot.multiply(bend, bend)
    offsets = np.zeros((60, 2, 3))
    offsets[:, 0, 2] = 0.4 * np.sin(np.pi * np.arange(60) / 59) ** 2  # a foot that stays behind a body that goes on
    straightest, hardest = {}, {}
    for name, give in (("recorded", legs.RECORDED), ("generated", legs.GENERATED)):
        joints = joints_of(*legs.move_feet(rotations, path, offsets, give=give))
        thigh, shin = joints[:, 4] - joints[:, 1], joints[:, 7] - joints[:, 4]
        cosine = np.sum(thigh * shin, axis=-1) / np.linalg.norm(thigh, axis=-1) / np.linalg.norm(shin, axis=-1)
        straightest[name] = np.degrees(np.arccos(cosine)).min()
        hardest[name] = np.abs(np.diff(joints[:, 4], n=3, axis=0)).max()
    assert straightest["generated"] > straightest["recorded"] + 4.0
    assert hardest["generated"] < 0.75 * hardest["recorded"]


def test_under_a_take_a_straight_leg_whose_foot_trembles_is_bent_a_little():
    """A millimetre at the ankle moves a straight knee by centimetres; a foot that is not moved leaves it straight."""
    rotations, path = standing_person(60)
    bend = rot.from_rotation_vector(np.array([0.03, 0.0, 0.0]))
    rotations[:, [1, 2]], rotations[:, [4, 5]] = rot.conjugate(bend), rot.multiply(bend, bend)
    offsets = np.zeros((60, 2, 3))
    offsets[:, 0, 0] = 0.004
    offsets[:, 0, 1] = 0.0004 * np.random.default_rng(5).normal(size=60)
    hardest = {}
    for name, give in (("recorded", legs.RECORDED), ("generated", legs.GENERATED)):
        joints = joints_of(*legs.move_feet(rotations, path, offsets, give=give))
        hardest[name] = np.abs(np.diff(joints[:, 4], n=3, axis=0)).mean()
    assert hardest["generated"] < 0.6 * hardest["recorded"]
    still = legs.move_feet(rotations, path, np.zeros((60, 2, 3)), give=legs.GENERATED)
    np.testing.assert_allclose(still[1], path, atol=1e-12)


def test_the_filter_keeps_lines_and_slow_motion_and_takes_jitter():
    kernel = smooth.taps(6.0)
    line = np.linspace(0.0, 5.0, 80)[:, None]
    np.testing.assert_allclose(smooth.filter_time(line, kernel), line, atol=1e-9)
    time = np.arange(300) / 30
    for hertz, kept in ((1.0, (0.99, 1.01)), (6.0, (0.4, 0.6)), (13.0, (0.0, 0.05))):
        wave = np.sin(2 * np.pi * hertz * time)[:, None]
        gain = np.abs(smooth.filter_time(wave, kernel)[60:-60]).max() / np.abs(wave[60:-60]).max()
        assert kept[0] <= gain <= kept[1], hertz


def test_calm_motion_is_not_smoothed():
    rotations, path = standing_person(50)
    calm = smooth.calm(rotations, path)
    np.testing.assert_array_equal(calm[0], rotations)
    np.testing.assert_array_equal(calm[1], path)


def test_a_fast_moment_stays_sharp_and_a_still_one_goes_quiet():
    frames = 240
    rotations, path = standing_person(frames)
    time = np.arange(120) / 30
    swing = np.zeros((frames, 3))
    swing[120:, 0] = np.sin(2 * np.pi * 2.0 * time)  # the right arm, two swings a second
    rotations[:, 17] = rot.from_rotation_vector(swing)
    shake = np.random.default_rng(0).normal(0, 0.01, (frames, 22, 3))
    noisy = rot.multiply(rotations, rot.from_rotation_vector(shake))
    before, after, clean = (joints_of(q, path) for q in (noisy, smooth.calm(noisy, path)[0], rotations))
    still, fast = slice(20, 90), slice(150, 220)
    assert mean_jerk(after[still]) < 0.2 * mean_jerk(before[still])
    reach = [np.ptp(j[fast, 21], axis=0).max() for j in (clean, after)]
    assert reach[1] > 0.93 * reach[0]
