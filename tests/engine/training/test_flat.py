"""Footage without truth: what is drawn of it, what it is judged by, and that no motion of the corpus leaks into it."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from genmo_blender.engine.evaluation.scenes import scenes_of
from genmo_blender.engine.evaluation.stripped import stripped
from genmo_blender.engine.network.heads import NetworkOutput
from genmo_blender.engine.representation.camera import weak_perspective
from genmo_blender.engine.representation.codec import BETAS, BODY_POSE, GLOBAL_ORIENT
from genmo_blender.engine.representation.rotations import matrix_to_6d
from genmo_blender.engine.training import corpus, flat
from genmo_blender.engine.training.flat import FlatClip, flat_table
from genmo_blender.engine.training.footage import observe
from genmo_blender.engine.training.importers import shards
from genmo_blender.engine.training.mixture import FLAT, Shares
from genmo_blender.protocol.failures import StorageFailure
from tests.engine.training import curve

DATA = Path(__file__).parents[2] / "data" / "motion"
ONLY = Shares(flat=1.0)
SOME = Shares(filmed=0.25, wordless=0.5, keyed=0.5, dense=0.1, flat=0.5, waypoints=0.5)


@pytest.fixture(scope="module")
def clips():
    return shards.load(DATA)


@pytest.fixture(scope="module")
def footage(clips):
    return stripped(clips[:4], 3)


@pytest.fixture(scope="module")
def built(clips, footage):
    return corpus.build(clips, [clip.caption for clip in footage if clip.caption])


@pytest.fixture(scope="module")
def table(footage, built):
    return flat_table(footage, built)


def trainer(built, table, shares, **changes):
    return curve.small_trainer(built, curve.small_preset(shares=shares, **changes), flat=table)


def test_keypoints_come_at_thirty_frames_a_second():
    ramp = np.zeros((61, 17, 3))
    ramp[..., 0] = np.arange(61)[:, None]
    ramp[..., 2] = 1.0
    ramp[30, 5, 2] = 0.0
    fast, slow = (flat.at_our_rate(FlatClip("", ramp, (10, 10), fps)) for fps in (60.0, 15.0))
    assert len(fast) == 31 and np.allclose(fast[:, 0, 0], np.arange(0, 61, 2)) and fast[15, 5, 2] == 0
    assert len(slow) == 121 and np.allclose(slow[:, 0, 0], np.arange(121) / 2)
    assert slow[59, 5, 2] == slow[60, 5, 2] == slow[61, 5, 2] == 0 and slow[58, 5, 2] == 1
    assert np.array_equal(flat.at_our_rate(FlatClip("", ramp, (10, 10), 30.0)), ramp)


def test_the_table_holds_every_clip_and_its_mirrored_twin(table, footage, built):
    first = footage[1].keypoints
    rows = slice(int(table.start[1]), int(table.start[1] + table.length[1]))
    assert torch.equal(table.keypoints[rows], torch.from_numpy(first))
    twin = table.keypoints[len(table.keypoints) // 2 :][rows]
    assert torch.equal(twin[:, 5, 0], 1000 - torch.from_numpy(first[:, 6, 0]))
    assert torch.equal(twin[:, 5, 2], torch.from_numpy(first[:, 6, 2]))
    assert float(table.k[1, 0, 0]) == pytest.approx(1414.2, abs=0.1)
    known = flat_table([replace(footage[1], focal=900.0, caption="")], built)
    assert known.k[0].tolist() == [[900, 0, 500], [0, 900, 500], [0, 0, 1]] and known.text.tolist() == [-1]


def test_footage_that_is_none_is_refused_with_a_sentence(footage, built):
    good = footage[0]
    for bad in (
        replace(good, keypoints=good.keypoints[:, :16]),
        replace(good, keypoints=good.keypoints * np.nan),
        replace(good, fps=0.0),
        replace(good, size=(0.0, 10.0)),
    ):
        with pytest.raises(StorageFailure, match="17 joints"):
            flat_table([good, bad], built)
    with pytest.raises(StorageFailure, match="no 2D footage of a second"):
        flat_table([replace(good, keypoints=good.keypoints[:20])], built)


def test_windows_of_footage_lie_in_their_clips_with_their_captions(table, built, footage):
    windows = flat.draw_flat(table, built, np.random.default_rng(0), 200)
    clip = np.searchsorted(table.start, windows.flat, side="right") - 1
    assert set(clip) == set(range(len(footage)))
    assert (windows.flat + windows.length <= table.start[clip] + table.length[clip]).all()
    assert (windows.length == np.minimum(table.length[clip], 120)).all()
    for row, of in zip(windows.sentence[:, 0], clip, strict=True):
        caption = footage[of].caption
        assert (row >= 0) == bool(caption)
        assert not caption or row in built.choices[built.texts.index(caption)]


def test_the_true_body_fits_its_keypoints_and_another_does_not(clips, built):
    """Without noise, and with the camera that the keypoints were seen by."""
    scene = next(iter(scenes_of(clips[:1], 3)))
    keypoints = scene.keypoints(0, noise=0.0)
    one = trainer(built, flat_table([FlatClip("", keypoints.numpy(), (1000, 1000), 30.0)], built), ONLY, batch=4)
    one.mixture.flat = replace(one.mixture.flat, k=scene.k[None])
    given = one.batch(0, slice(0, 2))
    made, length = given.film, int(given.batch.length[0])
    sight = observe(made, 4, one.draws(0, slice(0, 2), 1))
    assert torch.equal(made.keypoints[0, :length], keypoints[:length])
    code = torch.zeros(4, 120, 151)
    turns = matrix_to_6d(scene.body.rotations[torch.arange(120).clamp(max=length - 1)])
    code[:, :, BODY_POSE], code[:, :, GLOBAL_ORIENT] = turns[:, 1:].flatten(-2), turns[:, 0]
    code[..., BETAS][..., :6] = scene.body.shape
    joints = scene.body.joints()
    place = scene.coco[:, 11:13].mean(1) - joints[:, 1:3].mean(1)  # hips before the camera and from the pelvis
    place = place[torch.arange(120).clamp(max=length - 1)]
    camera = weak_perspective(place[None], sight.box, made.k)

    def fit(code, camera, guide=None):
        out = NetworkOutput(one.statistics.normalise(code), camera, torch.zeros(4, 120, 6), torch.zeros(4, 30, 32))
        first = replace(made, flat=made.flat[:2], keypoints=made.keypoints[:2])  # the twins are another body
        seen = replace(sight, keypoints=sight.keypoints[:2], keypoints_told=sight.keypoints_told[:2])
        return float(flat.keypoint_term(out, first, seen, one.body, one.statistics, guide, 4))

    assert sight.keypoints_told[:2].float().mean() > 0.3
    assert fit(code, camera) < 1e-6
    bent = code.clone()
    bent[..., 6 * 17 : 6 * 19] = bent[..., 6 * 17 : 6 * 19].flip(-1)
    assert fit(bent, camera) > 1e-4 and fit(code, camera * 1.2) > 1e-4
    wrong = torch.full_like(camera, 3.0)
    assert fit(code, wrong, flat.Guide(code[:2], camera[:2])) < 1e-6


def test_footage_is_given_to_its_share_and_nothing_else_is_known_of_it(built, table):
    one = trainer(built, table, SOME, batch=80)
    windows, given = one.draw(0), one.batch(0, slice(0, 40))
    where = torch.from_numpy((windows.role == FLAT).T.reshape(-1))
    assert int(where.sum()) == 40 and torch.equal(given.film.rows[given.film.flat], torch.nonzero(where)[:, 0])
    assert set(torch.nonzero(where)[:, 0].tolist()) < set(given.twice.tolist())
    assert not given.batch.valid[where].any() and not given.batch.x0[where].any()
    assert not given.mask[where].any() and not given.goals[where].any()
    assert given.batch.valid[~where].any(-1).all() and given.mask[~where].any()
    for estimation in (True, False):
        sight = observe(given.film, 80, one.draws(0, slice(0, 40), 1 + estimation))
        assert not sight.camera_told[given.film.flat].any() and not sight.joints_told[given.film.flat].any()
        assert sight.keypoints_told.any() and not sight.inputs.has_cam[where].any()
        assert sight.inputs.j2d_visible[where].any()
    others = trainer(built, None, replace(SOME, flat=0.5), batch=80).batch(0, slice(0, 40))
    assert not len(others.film.flat) and others.batch.valid.any(-1).all()  # without footage its places are others'


def test_no_motion_of_the_corpus_reaches_what_is_learned_from_footage_alone(built, table):
    random = torch.Generator().manual_seed(1)
    other = replace(
        built,
        **{n: torch.rand(getattr(built, n).shape, generator=random) for n in ("velocity", "joints", "contacts")},
        pose=built.pose.flip(0),
    )
    one, two = (trainer(c, table, ONLY, batch=8) for c in (built, other))
    two.statistics = two.mixture.statistics = one.statistics
    a, b = (x.losses(0, slice(0, 4)) for x in (one, two))
    assert a["keypoints"] > 0 and all(torch.allclose(a[k], b[k]) for k in a)
    assert all(not bool(v) for k, v in a.items() if k != "keypoints")


def test_the_diffusion_is_given_what_the_estimation_said_and_no_gradient_goes_that_way(built, table, monkeypatch):
    one = trainer(built, table, SOME, batch=16)
    passes = one._passes(0, slice(0, 8))
    out, _ = one._pass(passes.estimation, 16)
    noised = []
    monkeypatch.setattr(one.schedule, "q_sample", lambda x0, t, noise: noised.append(x0) or x0)
    one._both(passes)
    film, first = passes.diffusion.film, passes.estimation.film
    rows, there = film.rows[film.flat], torch.arange(120) < film.length[film.flat, None]
    said = out.pred_x[first.rows[first.flat]] * there[..., None]
    torch.testing.assert_close(noised[0][rows], said.detach())
    others = torch.ones(16, dtype=torch.bool).index_fill(0, rows, False)
    assert torch.equal(noised[0][others], passes.diffusion.batch.x0[others])
    assert not noised[0].requires_grad


def test_learning_from_footage_alone_lowers_its_error_and_reaches_the_camera(built, table):
    one = trainer(built, table, ONLY, batch=4)
    first = sum(one.step(0.1)["keypoints"] for _ in range(3))
    for _ in range(12):
        parts = one.step(0.1)
    assert all(torch.isfinite(part) for part in parts.values())
    assert sum(one.step(0.1)["keypoints"] for _ in range(3)) < 0.7 * first
    assert one.state.network.denoiser.heads.pred_cam_head.fc2.weight.grad.any()


def test_the_shares_of_a_step_with_footage_add_up_to_the_whole(built, table):
    one = trainer(built, table, SOME, batch=32)
    whole = one.losses(0, slice(0, 16))
    parts = [one.losses(0, share) for share in (slice(0, 8), slice(8, 16))]
    for name, value in whole.items():
        assert torch.allclose(value, sum(p[name] for p in parts) / 2, rtol=1e-4), name
