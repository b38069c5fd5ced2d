"""Estimation on footage whose truth is known: the scenes, the engine's road through one pass, the figures."""

import json
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import torch

from genmo_blender.engine.estimation import Estimate, estimate, footage_timeline
from genmo_blender.engine.evaluation import estimation
from genmo_blender.engine.evaluation.estimation_baselines import gallery_of, looks, mean_pose
from genmo_blender.engine.evaluation.scenes import CAMERAS, Body, filmed, hidden_joints, scenes_of
from genmo_blender.engine.models import load_model
from genmo_blender.engine.representation.camera import project
from genmo_blender.engine.representation.rotations import rotation_angle, yaw_matrix
from genmo_blender.engine.training.importers import shards
from genmo_blender.engine.training.pack import Prepared

DATA = Path(__file__).parents[2] / "data" / "motion"


@pytest.fixture(scope="module")
def clips():
    return shards.load(DATA)


@pytest.fixture(scope="module")
def scenes(clips):
    return list(scenes_of(clips[:3], 0))


@pytest.fixture(scope="module")
def model():
    return load_model(None, torch.device("cpu"))


def perfect(scene, turned=0.0):
    """What a model would say that knows everything, its person turned about the vertical."""
    turn = yaw_matrix(torch.tensor(turned))
    count = len(scene)
    return Estimate(
        body=scene.body.rotations[:, 1:],
        betas=torch.nn.functional.pad(scene.body.shape, (0, 4)),
        root_camera=scene.body.rotations[:, 0] @ turn,
        place=torch.zeros(count, 3),
        root=turn @ scene.root,
        path=scene.path @ turn.T,
        contacts=torch.zeros(count, 6),
        boxed=torch.ones(count, dtype=torch.bool),
    )


def test_every_piece_is_seen_by_three_cameras_and_a_seed_gives_the_same_scenes_again(clips, scenes):
    assert [scene.camera for scene in scenes] == [*CAMERAS] * 3
    turns = {name: [rotation_angle(s.body.rotations[:, 0] @ s.root.mT) for s in scenes[i::3]] for i, name in
             enumerate(CAMERAS)}  # fmt: skip
    assert all(float((t - t[0]).abs().max()) < 1e-3 for t in turns["still"])
    assert all(float((t - t[0]).abs().max()) > 1e-2 for t in turns["moving"])
    again, other = list(scenes_of(clips[:3], 0)), list(scenes_of(clips[:3], 1))
    assert all(torch.equal(a.coco, b.coco) for a, b in zip(scenes, again, strict=True))
    assert not any(torch.equal(a.coco, b.coco) for a, b in zip(scenes, other, strict=True))
    pieces = list(scenes_of([clips[0]], 0, longest=50))
    assert [len(s) for s in pieces[::3]] == [40, 39, 39] and sum(map(len, pieces)) == 3 * clips[0].frames


def test_keypoints_without_noise_are_the_projected_body_and_noise_scales(scenes):
    scene = scenes[1]
    clean, usual, twice = (scene.keypoints(3, noise) for noise in (0.0, 1.0, 2.0))
    seen = clean[..., 2] > 0
    assert seen.float().mean() > 0.5
    torch.testing.assert_close(clean[seen][:, :2], project(scene.coco, scene.k)[seen])
    both = seen & (usual[..., 2] > 0) & (twice[..., 2] > 0)
    one, two = ((x - clean)[both][:, :2].norm(dim=-1).mean() for x in (usual, twice))
    assert float(two / one) == pytest.approx(2.0, abs=0.1)
    hidden = torch.zeros(len(scene), 17, dtype=torch.bool)
    hidden[5:9, 3] = True
    assert not scene.keypoints(3, hidden=hidden)[5:9, 3].any()


def test_as_many_joints_are_hidden_as_asked_where_asked():
    hidden = hidden_joints(100, 0.3, slice(40, 70), 1)
    assert not hidden[:40].any() and not hidden[70:].any()
    assert (hidden[40:70].sum(-1) == 5).all() and (hidden[40:70] == hidden[40]).all()
    changing = hidden_joints(100, 0.3, slice(0, 100), 1, every=15)
    assert (changing.sum(-1) == 5).all() and (changing[0] != changing[15]).any()


def test_who_knows_everything_makes_no_error_and_a_turned_person_only_the_errors_of_turning(scenes):
    for scene in scenes:
        said = perfect(scene)
        errors = estimation.camera_errors(estimation.body_of(said), scene.body) | estimation.world_errors(said, scene)
        for name in ("mpjpe", "pa_mpjpe", "pve", "waa_mpjpe", "wa2_mpjpe", "rte", "accel"):
            assert float(errors[name].mean()) < 0.15, name
        torch.testing.assert_close(errors["jitter"], errors["true_jitter"])
        said = perfect(scene, turned=0.2)
        errors = estimation.camera_errors(estimation.body_of(said), scene.body) | estimation.world_errors(said, scene)
        assert float(errors["mpjpe"].mean()) > 20 and float(errors["pa_mpjpe"].mean()) < 0.5
        assert float(errors["rte"].mean()) < 0.1  # where the world's axes lie does not matter


def test_drift_counts_for_those_who_go_somewhere(scenes):
    scene = scenes[0]
    there = estimation.world_errors(perfect(scene), scene)
    still = replace(scene, path=scene.path * 0.01)
    assert "rte_going" in there and "rte_going" not in estimation.world_errors(perfect(still), still)


def test_boxes_enclose_what_is_seen_and_are_held_where_nobody_is(scenes):
    keypoints = scenes[0].keypoints(0)
    keypoints[20:30, :, 2] = 0.0
    timeline = footage_timeline(keypoints, scenes[0].k)
    seen = keypoints[..., 2] > 0.5
    far = (keypoints[..., :2] - timeline.boxes[:, None, :2]).abs() / (timeline.boxes[:, None, 2:] / 2)
    assert float(far[seen].max()) < 1.05
    assert torch.equal(timeline.boxes[23:27], timeline.boxes[22:23].expand(4, 3))
    assert not timeline.has_cam.any() and footage_timeline(keypoints, scenes[0].k, scenes[0].cam_angvel).has_cam.all()
    assert not footage_timeline(torch.zeros(9, 17, 3), scenes[0].k).boxes.any()


def test_one_pass_estimates_any_length_and_footage_of_nobody_gives_numbers_too(model, scenes):
    scene = scenes[2]
    for keypoints in (scene.keypoints(0), scene.keypoints(0)[:7], torch.zeros(12, 17, 3)):
        said = estimate(model, footage_timeline(keypoints, scene.k))
        assert said.body.shape == (len(keypoints), 21, 3, 3) and bool(said.boxed.all()) == bool(keypoints.any())
        for name in ("body", "betas", "root_camera", "root", "path", "contacts"):
            assert torch.isfinite(getattr(said, name)).all(), name
        assert not said.path[0].any()
    a, b = (estimate(model, footage_timeline(x, scene.k)) for x in (scene.keypoints(0), scene.keypoints(0) * 1.0))
    assert torch.equal(a.body, b.body)  # nothing is drawn


def test_the_nearest_window_is_the_window_itself_where_the_gallery_has_it(clips):
    long = [clip for clip in clips if clip.frames >= 120][:2]
    gallery = gallery_of(long, 0, 4)
    assert len(gallery.bodies) == 12
    own = next(iter(filmed(long[0], slice(0, 120), 5)))
    place, seen = looks(own.keypoints(4))
    with_own = replace(
        gallery,
        places=torch.cat([gallery.places, place[None]]),
        seen=torch.cat([gallery.seen, seen[None]]),
        bodies=(*gallery.bodies, own.body),
    )
    found = with_own.nearest(own.keypoints(9)[:60])
    assert torch.equal(found.rotations, own.body.rotations[:60])


def test_the_mean_pose_stands_upright_and_faces_the_camera(model):
    body = mean_pose(model.statistics, 5)
    assert isinstance(body, Body)
    joints = body.joints()
    assert float(joints[0, 15, 1]) < -0.3 < 0.6 < float(joints[0, 7, 1])  # y goes down before a camera
    assert float(joints[0, 16, 0]) > float(joints[0, 17, 0])  # whose left is on the right of the picture
    assert float(joints[0, 10, 2]) < float(joints[0, 7, 2])  # and whose toes point here


def test_all_figures_of_a_model_come_in_one_piece(model, clips, monkeypatch):
    monkeypatch.setattr(estimation, "GALLERY", 3)
    long = max(clips, key=lambda clip: clip.frames)
    data = Prepared(tuple(clips), (long, clips[1]), (), "", ())
    figures = estimation.measure(model, data)
    assert figures.scenes == 6 and figures.frames == 3 * (long.frames + clips[1].frames)
    for name in ("all", *CAMERAS):
        assert {"pa_mpjpe", "mpjpe", "pve", "accel", "wa2_mpjpe", "waa_mpjpe", "rte", "jitter", "fs"} <= set(
            figures.cameras[name]
        )
    assert [x for x, *_ in figures.noise] == list(estimation.NOISES)
    assert [x for x, *_ in figures.missing] == list(estimation.MISSING)
    assert [x for x, *_ in figures.occluded] == list(estimation.OCCLUDED)
    assert figures.noise[2][1] == figures.missing[0][1]
    assert figures.cameras["all"]["mpjpe"] < figures.one_pass["all"]["mpjpe"]
    assert figures.noise[-1][1] > figures.noise[0][1]
    assert figures.occlusion["ratio"] == pytest.approx(figures.occlusion["hidden"] / figures.occlusion["seen"])
    assert set(figures.baselines) == {"mean pose", "nearest training window"}
    assert set(figures.bars) == set(estimation.BARS)
    json.dumps(asdict(figures))
    assert len(estimation.lines(figures)) > 12
