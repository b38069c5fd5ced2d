from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from genmo_blender.engine.body.kinematics import PARENTS_22, forward_kinematics
from genmo_blender.engine.conditions.keys import LEVEL_CAMERA
from genmo_blender.engine.conditions.root_goals import heading_of
from genmo_blender.engine.representation.codec import LOCAL_TRANSL_VEL, decode_rotations
from genmo_blender.engine.training import batches, corpus, windows
from genmo_blender.engine.training.importers import shards
from genmo_blender.engine.training.paraphrases import meaning, mirror_words
from genmo_blender.engine.training.samples import Caption, mirrored
from genmo_blender.motion import rotations
from genmo_blender.motion.floor import sole_level
from genmo_blender.motion.skeleton import canonical
from genmo_blender.protocol.failures import StorageFailure

DATA = Path(__file__).parents[2] / "data" / "motion"


@pytest.fixture(scope="module")
def clips():
    return shards.load(DATA)


@pytest.fixture(scope="module")
def built(clips):
    return corpus.build(clips)


def test_importer_keeps_bone_directions_of_limbs_and_stands_soles_on_the_floor(clips):
    rest = canonical().rest
    for clip in clips:
        joints = clip.joints()
        height = joints[:, [7, 8, 10, 11], 1] - rest[[7, 8, 10, 11], 1]
        assert abs(sole_level(joints, 30)) < 0.02
        assert np.percentile(height.min(1), 5) > -0.08
        assert np.allclose(np.linalg.norm(clip.rotations, axis=-1), 1, atol=1e-5)
        assert np.all(np.sum(clip.rotations[1:] * clip.rotations[:-1], -1) >= 0)


def test_feet_flat_in_the_data_stay_flat_on_the_body():
    offsets = np.zeros((22, 3))
    offsets[10], offsets[11] = (0.0, -0.06, 0.13), (0.0, -0.06, 0.13)
    offsets[4], offsets[5], offsets[7], offsets[8] = [(0.0, -0.41, 0.0)] * 4
    offsets[18], offsets[20], offsets[19], offsets[21] = (0.27, 0, 0), (0.25, 0, 0), (-0.27, 0, 0), (-0.25, 0, 0)
    c = shards.corrections(tuple(map(tuple, offsets)))
    up = rotations.rotate(c[[7, 8, 10, 11]], np.tile([0.0, 1.0, 0.0], (4, 1)))
    assert np.allclose(up, [0, 1, 0])
    thigh = rotations.rotate(c[1], rotations.normalise(canonical().offsets[4]))
    assert np.allclose(thigh, [0, -1, 0])


def test_mirroring_twice_gives_the_clip_back(clips):
    clip = clips[0]
    twice = mirrored(mirrored(clip, mirror_words), mirror_words)
    assert np.allclose(np.abs(np.sum(twice.rotations * clip.rotations, -1)), 1, atol=1e-5)
    assert np.allclose(twice.transl, clip.transl)
    assert [c.text for c in twice.captions] == [c.text for c in clip.captions]


def test_mirrored_joints_are_the_mirror_image(clips):
    clip = clips[1]
    joints = mirrored(clip, mirror_words).joints()
    order = [0, 2, 1, 3, 5, 4, 6, 8, 7, 9, 11, 10, 12, 14, 13, 15, 17, 16, 19, 18, 21, 20]
    assert np.allclose(joints, clip.joints()[:, order] * [-1, 1, 1], atol=2e-4)


def test_a_folder_without_clips_is_refused_with_a_sentence(tmp_path):
    with pytest.raises(StorageFailure, match="not a folder of motion shards"):
        shards.load(tmp_path)


def test_who_runs_to_a_box_and_bends_down_runs_only_until_then(clips):
    def captions(*spans):
        said = [Caption(text, start, end, "motion") for text, start, end in spans]
        return [(c.text, c.start, c.end) for c in corpus.usable_captions(replace(clips[0], captions=said))]

    runs, bends, squats = (
        ("a person runs forward", 0, 61),
        ("a person bends over", 15, 40),
        ("someone squats down", 50, 70),
    )
    assert captions(runs, bends) == [("a person runs forward", 40, 61), bends]
    assert captions(runs, bends, squats) == [("a person runs forward", 0, 15), bends, squats]
    assert captions(runs, ("a person bends over", 5, 55)) == [("a person bends over", 5, 55)]  # too little is left
    assert captions(runs, ("a person bends over", 0, 90)) == [("a person bends over", 0, 90)]
    assert captions(runs, ("a person bends over", 70, 90)) == [runs, ("a person bends over", 70, 90)]
    assert captions(("someone walks crouching", 0, 61), bends) == [("someone walks crouching", 0, 61), bends]


def test_windows_lie_inside_their_clip_and_texts_inside_their_window(built):
    sampler = windows.WindowSampler(built)
    drawn = sampler.draw(np.random.default_rng(0), 400)
    assert np.all(drawn.first >= built.start[drawn.clip])
    assert np.all(drawn.first + drawn.length <= (built.start + built.length)[drawn.clip])
    assert np.all((drawn.length > 0) & (drawn.length <= windows.WINDOW))
    there = drawn.sentence >= 0
    inside = (drawn.start >= 0) & (drawn.start < drawn.end) & (drawn.end <= drawn.length[:, None])
    assert np.all(inside[there])
    assert np.all(there[:, :-1] >= there[:, 1:])  # real ones first
    assert {0, 1, 2} <= set(there.sum(1))


def test_a_sentence_lies_over_frames_that_its_caption_covers_or_that_it_was_stretched_to(built):
    drawn = windows.WindowSampler(built).draw(np.random.default_rng(3), 2000)
    row = {text: i for i, text in enumerate(built.texts)}
    for w in range(len(drawn)):
        clip = built.clips[drawn.clip[w]]
        first = drawn.first[w] - built.start[drawn.clip[w]]
        for sentence, a, b in zip(drawn.sentence[w], drawn.start[w], drawn.end[w], strict=True):
            said = [c for c in corpus.usable_captions(clip) if sentence in built.choices[row[c.text]]]
            assert sentence < 0 or any(c.start - first < b and a < c.end - first for c in said)


def test_what_is_practised_is_drawn_as_often_as_asked(built):
    hard = [i for i, text in enumerate(built.texts) if windows.PRACTISED.search(text)]
    rows = np.concatenate([built.choices[i] for i in hard])

    def share(practised):
        drawn = windows.WindowSampler(built, practised).draw(np.random.default_rng(5), 4000)
        return float(np.isin(drawn.sentence, rows).any(1).mean())

    about = (1 - windows.UNCONDITIONAL) * windows.TIMED  # of all windows; a further sentence may be one as well
    assert share(0.8) > 0.75 * about > 1.5 * share(0.0) > 0


def test_what_is_done_once_mostly_happens_in_the_middle_of_a_short_window(built):
    drawn = windows.WindowSampler(built).draw(np.random.default_rng(8), 6000)
    first = drawn.first - built.start[drawn.clip]
    off = {True: [], False: []}  # how far from its window's middle, for what is done once and for what lasts
    for w in np.flatnonzero((drawn.length < windows.WINDOW) & ((drawn.sentence >= 0).sum(1) == 1)):
        clip = built.clips[drawn.clip[w]]
        said = {i for i, rows in enumerate(built.choices) if drawn.sentence[w, 0] in rows}
        mine = [c for c in corpus.usable_captions(clip) if c.kind == "motion" and built.texts.index(c.text) in said]
        room = [c for c in mine if first[w] < c.start and c.end < first[w] + drawn.length[w] < clip.frames and first[w]]
        if len(mine) == len(room) == 1:
            middle = (room[0].start + room[0].end - 2 * first[w] - drawn.length[w]) / 2
            off[not windows.lasts(room[0].text)].append(abs(middle))
    assert min(len(off[True]), len(off[False])) > 20
    assert np.mean(np.array(off[True]) < 1) > 0.6 > 0.3 > np.mean(np.array(off[False]) < 1)


def test_what_lasts_is_hardly_stretched_and_nothing_far_over_what_is_captioned_otherwise():
    start, end = np.array([10, 60, 100, 0]), np.array([40, 90, 130, 20])
    text = np.array([0, 1, 0, 2])
    offset = np.array([0, 3, 4])  # the last one is of another clip
    since, until = windows._reach(start, end, text, offset, np.array([False, False, False, True]))
    assert since.tolist() == [0, 40, 90, 0] and until.tolist()[:2] == [60, 100]
    assert until[3] == 23 and until[2] > 10**6
    asked = {"a person walks backward": True, "a person raises the left arm": True, "someone waves the left hand": True}
    asked |= {"a person walks forward and turns left": False, "a person kicks with the left leg": False}
    asked |= {"a person jumps": False, "a person swings the left leg up": False, "the right arm is held up": True}
    assert {caption: windows.lasts(caption) for caption in asked} == asked


def test_windows_about_what_lasts_are_covered_by_it(built):
    rng = np.random.default_rng(3)
    drawn = windows.WindowSampler(built).draw(rng, 3000)
    text_of = {int(row): text for text, rows in zip(built.texts, built.choices, strict=True) for row in rows}
    measured = {c.text for clip in built.clips for c in clip.captions if c.kind == "motion"}
    checked = 0
    for i in range(len(drawn)):
        place = built.start[drawn.clip[i]]
        for sentence, start, end in zip(drawn.sentence[i], drawn.start[i], drawn.end[i], strict=True):
            text = text_of.get(int(sentence), "")
            if sentence < 0 or text not in measured or not windows.lasts(text):
                continue
            begin = drawn.first[i] - place + start
            own = [c for c in built.clips[drawn.clip[i]].captions if text_of.get(int(sentence)) == c.text]
            shared = max((min(c.end, begin + end - start) - max(c.start, begin) for c in own), default=0)
            checked += 1
            assert shared >= 0.55 * (end - start) or shared >= end - start - 20, (text, start, end)
    assert checked > 100


def test_a_part_of_a_steps_windows_is_what_the_whole_holds_there(built):
    sampler = windows.WindowSampler(built)
    whole, again = (sampler.draw(np.random.default_rng((5, 1)), 12) for _ in range(2))
    assert np.array_equal(whole.yaw, again.yaw)
    statistics = corpus.statistics_of(built)
    features = torch.randn(len(built.sentences), 4, 8, generator=torch.Generator().manual_seed(1)).half()
    full = batches.collate(built, whole, features, statistics)
    part = batches.collate(built, whole.part(slice(4, 8)), features, statistics)
    rows = [4, 5, 6, 7, 16, 17, 18, 19]
    assert torch.equal(full.x0[rows], part.x0)
    assert torch.equal(full.joints[rows], part.joints)
    used = part.text.weights.shape[1]
    assert torch.equal(full.text.weights[rows][:, :used], part.text.weights)
    assert torch.equal(full.text.features[rows][:, :used], part.text.features)


def test_a_batch_decodes_to_the_joints_and_the_path_it_was_made_from(built):
    statistics = corpus.statistics_of(built)
    drawn = windows.WindowSampler(built).draw(np.random.default_rng(1), 3)
    features = torch.zeros(len(built.sentences), 4, 8).half()
    batch = batches.collate(built, drawn, features, statistics)
    parts = decode_rotations(batch.x0, statistics)
    offsets = torch.as_tensor(canonical().offsets, dtype=torch.float32)
    _, joints = forward_kinematics(torch.cat([parts.root_gv[..., None, :, :], parts.body], -3), offsets, PARENTS_22)
    assert torch.allclose(joints[batch.valid], batch.joints[batch.valid], atol=1e-4)
    raw = statistics.denormalise(batch.x0)[..., LOCAL_TRANSL_VEL]
    assert torch.allclose(raw[batch.valid], batch.velocity[batch.valid], atol=1e-5)
    # A level still camera: what it sees is the gravity-view pose turned by its own fixed axes.
    expected = LEVEL_CAMERA @ parts.root_gv
    assert torch.allclose(parts.root_camera[batch.valid], expected[batch.valid], atol=1e-4)


def test_a_batch_tells_truly_which_way_a_person_faces_at_first_or_not_at_all(built):
    drawn = windows.WindowSampler(built).draw(np.random.default_rng(2), 60)
    features = torch.zeros(len(built.sentences), 4, 8).half()
    batch = batches.collate(built, drawn, features, corpus.statistics_of(built))
    facing = torch.from_numpy(drawn.facing).repeat(2)
    told, ahead, untold = (facing == k for k in (windows.TOLD, windows.AHEAD, windows.UNTOLD))
    assert told.any() and ahead.any() and untold.any()
    heading = heading_of(batch.root[:, 0])
    assert torch.equal(batch.told, told | ahead)
    assert torch.allclose(heading[ahead], torch.zeros(1), atol=1e-5)
    assert heading[told].abs().max() > 1 and heading[untold].abs().max() > 1


def test_captions_that_mean_the_same_are_drawn_as_one_class(built):
    sampler = windows.WindowSampler(built)
    classes, timed = sampler._timed_classes, sampler._timed
    members = [classes.members[a : a + n] for a, n in zip(classes.offset, classes.count, strict=True)]
    said = [{meaning(built.texts[t]) for t in timed.text[rows]} for rows in members]
    assert all(len(meanings) == 1 for meanings in said) and len(set.union(*said)) == len(said)
    assert len(said) < len(set(timed.text.tolist()))
    weight = np.diff(classes.bound, prepend=0.0)
    assert np.allclose(weight / weight[0], np.sqrt(classes.count / classes.count[0]))
    whole, clips = sampler._whole_classes, sampler._whole
    where = [
        {frozenset(clips.clip[clips.text == t].tolist()) for t in set(clips.text[whole.members[a : a + n]].tolist())}
        for a, n in zip(whole.offset, whole.count, strict=True)
    ]
    assert all(len(sets) == 1 for sets in where) and len(set.union(*where)) == len(where)


def test_twins_in_a_batch_say_the_mirrored_sentence(built):
    for row, twin in enumerate(built.twin):
        assert built.sentences[twin] == mirror_words(built.sentences[row])


def test_locked_clips_slide_less_and_stay_close_to_what_was_captured(clips):
    rest = canonical().rest[10, 1]

    def slide(joints):
        low = joints[:-1, [10, 11], 1] - rest < 0.03
        step = np.linalg.norm(np.diff(joints[:, [10, 11]], axis=0)[..., [0, 2]], axis=-1)
        return np.median(step[low]) * 30

    before, after = [c.joints() for c in clips], [corpus.locked(c).joints() for c in clips]
    assert np.median([slide(j) for j in after]) < 0.5 * np.median([slide(j) for j in before])
    for a, b in zip(before, after, strict=True):
        assert np.median(np.linalg.norm(a - b, axis=-1)) < 0.1


def test_feet_that_stand_are_labelled_and_feet_that_swing_are_not(built):
    share = built.contacts.mean(0)
    assert torch.all(share[:4] > 0.2) and torch.all(share[:4] < 0.98)
