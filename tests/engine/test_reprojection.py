"""An estimate bent to the keypoints: nearer to the truth, and no worse where nothing is seen."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from genmo_blender.engine import estimation as road
from genmo_blender.engine.estimation import estimate, footage_timeline
from genmo_blender.engine.evaluation.estimation import body_of, camera_errors
from genmo_blender.engine.evaluation.estimation_errors import errors_of, measured, place_of
from genmo_blender.engine.evaluation.scenes import scenes_of
from genmo_blender.engine.models import load_model
from genmo_blender.engine.refine.footage_path import path_of_footage, stands_still, steady_camera
from genmo_blender.engine.refine.reprojection import NUMBERS, EstimationErrors, SeenBody, fitted_to_keypoints, nearest
from genmo_blender.engine.representation.camera import CAM_ANGVEL_MEAN
from genmo_blender.engine.representation.rotations import axis_angle_to_matrix, rotation_angle
from genmo_blender.engine.training.importers import shards
from genmo_blender.protocol.cancellation import Cancelled

DATA = Path(__file__).parents[1] / "data" / "motion"


@pytest.fixture(scope="module")
def scenes():
    """A still, a moving and a tracking camera."""
    return list(scenes_of(shards.load(DATA)[:1], 1, 60))[:3]


@pytest.fixture(scope="module")
def errors():
    return EstimationErrors.load()


@pytest.fixture(scope="module")
def model():
    return load_model(None, torch.device("cpu"))


def off(scene, errors, size=1.0, seed=0):
    """The truth with an error that the network could make, the same in all frames."""
    draw = torch.linalg.cholesky(errors.frame + 1e-5 * torch.eye(NUMBERS)) @ torch.randn(
        NUMBERS, generator=torch.Generator().manual_seed(seed)
    )
    turn = axis_angle_to_matrix((size * draw[:66]).reshape(22, 3))
    place = place_of(scene)
    depth = place[:, 2:] * torch.exp(-size * draw[-1])
    across = place[:, :2] / place[:, 2:] - size * draw[-3:-1]
    return SeenBody(scene.body.rotations @ turn.mT, torch.cat([across * depth, depth], dim=1), scene.body.shape)


def mpjpe(body, scene):
    return float(
        camera_errors(replace(scene.body, rotations=body.rotations, shape=body.shape), scene.body)["mpjpe"].mean()
    )


def test_a_body_that_is_off_comes_to_the_keypoints_and_so_to_the_truth(scenes, errors):
    everywhere = torch.ones(len(scenes[0]), dtype=torch.bool)
    errors = replace(errors, shape=1e-4 * errors.shape)  # how large somebody is, or how far, no picture tells
    for scene in scenes:
        k = scene.k.expand(len(scene), 3, 3)
        before = after = 0.0
        for seed in range(5):  # of one draw the depth alone may come out farther: over short looks it is hardly seen
            said = off(scene, errors, seed=seed)
            found = fitted_to_keypoints(said, scene.keypoints(seed), k, everywhere, errors)
            assert mpjpe(found, scene) < 0.7 * mpjpe(said, scene)
            before += float((said.place - place_of(scene)).norm(dim=-1).mean())
            after += float((found.place - place_of(scene)).norm(dim=-1).mean())
        assert after < 0.7 * before
        again = fitted_to_keypoints(said, scene.keypoints(seed), k, everywhere, errors)
        assert torch.equal(found.rotations, again.rotations) and torch.equal(found.place, again.place)


def test_the_truth_stays_the_truth_within_the_keypoints_error(scenes, errors):
    scene = scenes[0]
    true = SeenBody(scene.body.rotations, place_of(scene), scene.body.shape)
    everywhere = torch.ones(len(scene), dtype=torch.bool)
    found = fitted_to_keypoints(
        true, scene.keypoints(1, noise=0.0), scene.k.expand(len(scene), 3, 3), everywhere, errors
    )
    assert mpjpe(found, scene) < 8.0


def test_where_nothing_is_seen_the_pose_stays_and_wild_keypoints_pull_little(scenes, errors):
    scene = scenes[0]
    said, keypoints = off(scene, errors), scene.keypoints(0)
    k, everywhere = scene.k.expand(len(scene), 3, 3), torch.ones(len(scene), dtype=torch.bool)
    unseen = keypoints * torch.tensor([1.0, 1.0, 0.0])
    kept = fitted_to_keypoints(said, unseen, k, everywhere, errors)
    torch.testing.assert_close(kept.rotations, said.rotations, atol=1e-5, rtol=0)
    wild = keypoints.clone()
    wild[20:22, 9, :2] += 300.0  # a wrist that jumps across the picture
    calm, disturbed = (fitted_to_keypoints(said, x, k, everywhere, errors) for x in (keypoints, wild))
    assert abs(mpjpe(calm, scene) - mpjpe(disturbed, scene)) < 5.0
    nobody = torch.zeros(len(scene), dtype=torch.bool)
    assert fitted_to_keypoints(said, keypoints, k, nobody, errors) is said


def test_the_fit_can_be_cancelled(scenes, errors):
    scene = scenes[0]
    everywhere = torch.ones(len(scene), dtype=torch.bool)
    with pytest.raises(Cancelled):
        fitted_to_keypoints(
            off(scene, errors), scene.keypoints(0), scene.k.expand(len(scene), 3, 3), everywhere, errors, lambda: True
        )


def test_an_estimate_is_fitted_unless_asked_otherwise_and_gets_better_by_it(model, scenes, monkeypatch):
    for number, scene in enumerate(scenes):
        timeline = footage_timeline(scene.keypoints(number), scene.k, scene.cam_angvel)
        plain, better = estimate(model, timeline, fit=False), estimate(model, timeline)
        before, after = (camera_errors(body_of(said), scene.body)["mpjpe"].mean() for said in (plain, better))
        assert float(after) < 0.75 * float(before)
        assert torch.isfinite(better.path).all() and not better.path[0].any()
        with torch.inference_mode():
            assert torch.equal(estimate(model, timeline).body, better.body)
    fits = []
    monkeypatch.setattr(road, "fitted", lambda said, *_: fits.append(said) or said)
    official = replace(
        model, record=replace(model.record, network=replace(model.record.network, uncovered_frames="zero"))
    )
    assert official.record.official
    estimate(official, timeline)
    assert not fits  # the official model is left alone
    estimate(model, timeline)
    assert len(fits) == 1


def test_before_a_still_camera_the_way_is_the_way_before_the_camera(scenes):
    scene = scenes[0]
    place, everywhere = place_of(scene), torch.ones(len(scene), dtype=torch.bool)
    to_world = scene.root @ scene.body.rotations[:, 0].mT
    seen = SeenBody(scene.body.rotations, place, scene.body.shape)
    drifting = scene.path + torch.linspace(0, 1, len(scene))[:, None] * torch.tensor([0.5, 0.0, -0.3])
    assert stands_still(scene.cam_angvel) and not stands_still(scenes[1].cam_angvel)
    assert stands_still(torch.tensor(CAM_ANGVEL_MEAN).expand(4, 6))
    steady = steady_camera(scene.root, scene.body.rotations[:, 0], still=True)
    assert float(rotation_angle(steady @ to_world.mT).max()) < 1e-3
    for known in (everywhere, everywhere.clone().index_fill(0, torch.arange(20, 30), False)):
        way = path_of_footage(scene.root, drifting, steady, seen, known, still=True)
        assert float((way.path - (scene.path - scene.path[:1])).norm(dim=-1).max()) < 0.05
    moving = path_of_footage(scene.root, drifting, steady, seen, everywhere, still=False)
    torch.testing.assert_close(moving.path, drifting - drifting[:1], atol=1e-3, rtol=0)


def test_the_nearest_known_frame():
    known = torch.tensor([False, True, False, False, False, True])
    assert nearest(known).tolist() == [1, 1, 1, 1, 5, 5]


def test_errors_are_measured_as_the_fit_understands_them(model, scenes):
    """Undoing a measured error gives the truth."""
    scene = scenes[1]
    frame, shape = errors_of(model, scene, 3)
    said = estimate(model, footage_timeline(scene.keypoints(3), scene.k, scene.cam_angvel), fit=False)
    turned = body_of(said).rotations @ axis_angle_to_matrix(frame[:, :66].unflatten(1, (22, 3)))
    assert float(rotation_angle(turned @ scene.body.rotations.mT).max()) < 2e-3
    depth = said.place[:, 2] * frame[:, -1].exp()
    torch.testing.assert_close(depth, place_of(scene)[:, 2], atol=1e-3, rtol=1e-4)
    torch.testing.assert_close(said.betas[:6] + shape, scene.body.shape)
    found = measured(model, shards.load(DATA)[:1])
    assert found["frame"].shape == (NUMBERS, NUMBERS) and found["shape"].shape == (6, 6)
