"""The release's training step: what samples are given, what is learned from them, and that runs go on as they were."""

import os
import subprocess
import sys
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
import torch

from genmo_blender.engine.network.heads import NetworkOutput
from genmo_blender.engine.representation import codec
from genmo_blender.engine.representation.camera import full_translation, project, weak_perspective
from genmo_blender.engine.representation.rotations import axis_angle_to_matrix
from genmo_blender.engine.training import presets, state
from genmo_blender.engine.training.losses import Losses, LossWeights
from genmo_blender.engine.training.official import sight as seeing
from genmo_blender.engine.training.official.trainer import keypoint_loss
from genmo_blender.engine.training.official.windows import draw_windows, draw_wordless
from genmo_blender.engine.training.songs import SongTable
from genmo_blender.engine.training.windows import WindowSampler
from tests.engine.training import official_curve as curve
from tests.engine.training.test_distributed import losses

ROOT = Path(__file__).parents[3]
STEPS = 5
NAMES = {field.name for field in fields(Losses)}


@pytest.fixture(scope="module")
def data():
    return curve.small_data()


@pytest.fixture(scope="module")
def lite():
    return curve.small_body()


def trainer(data, lite, flat=True, seed=0, **changes):
    built, table = data
    return curve.small_trainer(built, curve.small_preset(**changes), seed, lite, flat=table if flat else None)


def whole(one):
    return slice(0, one.windows)


def test_the_preset_is_the_release_s():
    chosen = presets.preset("official")
    assert chosen.official and chosen.weights == LossWeights() and chosen.passes == presets.BOTH
    assert (chosen.batch, chosen.learning_rate, chosen.clip, chosen.ema) == (128, 2e-4, 0.5, 0.0)
    assert not any(one.official for name, one in presets.presets().items() if name != "official")


def test_every_window_lies_in_its_clip_and_half_of_them_are_wordless_at_another_speed(data):
    built, table = data
    rng, shares = np.random.default_rng(0), presets.preset("official").shares
    drawn = draw_windows(WindowSampler(built), shares, None, table, rng, 400)
    windows, flat = drawn.windows, drawn.windows.flat >= 0
    assert flat.sum() == 80 and (drawn.raw[flat] == windows.length[flat]).all()
    end = built.start[windows.clip] + built.length[windows.clip]
    assert (windows.first + drawn.raw <= end)[~flat].all() and (windows.first >= built.start[windows.clip])[~flat].all()
    silent = (windows.sentence < 0).all(1) & ~flat
    assert 0.45 < silent[~flat].mean() < 0.7  # half, and those that the sampler gives no sentence anyhow
    resampled = drawn.raw != windows.length
    assert (windows.length[resampled] == 120).all() and silent[resampled].all()
    _, raw = draw_wordless(built, rng, 2000)
    shortest, longest = np.minimum(80, built.length.min()), np.minimum(179, built.length.max())
    assert raw.min() >= shortest and raw.max() == longest


def test_a_resampled_window_goes_the_same_way_at_another_speed(data, lite):
    one = trainer(data, lite, flat=False)
    drawn = one.draw(0)
    windows = replace(drawn.windows, length=np.full(2, 120), yaw=np.zeros((2, 2)), sentence=np.full((2, 3), -1))
    one.draw = lambda step: replace(drawn, windows=windows, raw=np.array([90, 120]))
    scene = one.batch(0, whole(one))
    corpus, first = one.corpus, int(windows.first[0])
    for sample, raw in ((0, 90), (1, 120)):
        rows = slice(int(windows.first[sample]), int(windows.first[sample]) + raw)
        last = axis_angle_to_matrix(scene.true.global_orient_w[sample, -1])
        torch.testing.assert_close(last, corpus.root[rows][-1], atol=1e-4, rtol=0)
        step = (corpus.root[rows] @ corpus.velocity[rows].unsqueeze(-1)).squeeze(-1)
        way = scene.true.transl_w[sample, -1] - scene.true.transl_w[sample, 0]
        size = way.norm() / step[:-1].sum(0).norm()
        torch.testing.assert_close(way, step[:-1].sum(0) * size, atol=1e-4, rtol=1e-3)
        assert 0.5 <= float(size) <= 2.0
    assert first >= 0


def test_the_body_before_the_camera_is_that_of_the_world(data, lite):
    scene = trainer(data, lite, flat=False).batch(0, slice(0, 2))
    true = scene.true
    joints = lite.body.joints22(true.body_pose, true.betas, true.global_orient_w, true.transl_w)
    seen = lite.body.joints22(true.body_pose, true.betas, true.global_orient_c, true.transl_c)
    bones = [torch.cdist(x, x) for x in (joints, seen)]
    torch.testing.assert_close(*bones, atol=1e-3, rtol=0)
    assert float(seen[..., 2].min()) > 0.45  # half a metre, by the camera's own rule
    # what is learned decodes to what is before the camera
    decoded = codec.decode(scene.target.x, codec.official_statistics())
    turns = [axis_angle_to_matrix(x) for x in (decoded.global_orient, true.global_orient_c)]
    torch.testing.assert_close(*turns, atol=1e-4, rtol=0)
    torch.testing.assert_close(decoded.betas, true.betas, atol=1e-4, rtol=0)
    told = scene.told | ~scene.shown.all(-1)
    assert bool((scene.turn[told][..., [1, 2, 3, 5]].abs() < 1e-4).all())  # with a sentence cameras stand


def test_a_network_that_is_right_has_no_loss_in_any_term(data, lite):
    one = trainer(data, lite)
    passes = one._passes(0, whole(one))
    scene, sight = passes.scene, passes.diffusion
    camera = weak_perspective(scene.true.transl_c, sight.box, scene.true.k_fullimg)
    out = NetworkOutput(scene.target.x, camera, (scene.target.static * 2 - 1) * 50, camera)
    parts = one._terms(out, scene, sight, camera)
    assert set(parts) == NAMES | {"keypoints"}
    for name in NAMES:
        assert float(parts[name]) < 1e-4, name
    assert float(parts["keypoints"]) > 0


def test_both_passes_see_other_faults_and_the_estimation_keeps_its_footage(data, lite):
    one = trainer(data, lite, batch=16)
    passes = one._passes(0, whole(one))
    a, b = passes.estimation, passes.diffusion
    assert not torch.equal(a.inputs.obs, b.inputs.obs) and not torch.equal(a.box, b.box)
    assert bool(a.inputs.has_2d.all()) and not bool(b.inputs.has_2d.all())
    told = passes.scene.told
    dropped = ~(b.inputs.has_2d & passes.scene.shown).any(-1)
    assert bool((told | ~dropped).all()) and bool(dropped.any())  # image and 2D fall for samples with text alone
    for sight in (a, b):
        assert not bool(sight.inputs.has_cam[told].any())  # spec 7.4: the camera always does
        half = sight.box[..., 2:] / 2
        inside = (project(passes.scene.body.vertices, passes.scene.true.k_fullimg) - sight.box[..., None, :2]).abs()
        assert bool((inside <= 1.3 * half[..., None, :])[passes.scene.true.valid].float().mean() > 0.95)


def test_texts_fall_away_in_a_tenth_of_the_samples_and_who_has_none_hears_zeros_everywhere(data, lite, monkeypatch):
    one = trainer(data, lite, flat=False, batch=16)
    scene = one.batch(0, whole(one))
    silent = ~scene.told
    assert bool(silent.any()) and bool(scene.told.any())
    assert not bool(scene.text[silent].any()) and bool((scene.spans[silent][:, 0] == 1).all())
    config = one.state.network.config
    monkeypatch.setattr(seeing, "TEXT_DROP", 1.1)
    sight = seeing.observe(scene, config, False, one.draws(0, whole(one), 5))
    assert not bool(sight.text.any()) and bool((sight.spans[:, 0] == 1).all()) and not bool(sight.spans[:, 1:].any())
    judged = seeing.observe(scene, config, False, one.draws(0, whole(one), 5), training=False)
    assert torch.equal(judged.text, scene.text)


def test_footage_is_judged_by_its_keypoints_alone_and_only_unmirrored_pictures_have_features(data, lite):
    one = trainer(data, lite, shares=replace(presets.preset("official").shares, flat=1.0), batch=8)
    scene = one.batch(0, whole(one))
    assert len(scene.flat) == 8 and not bool(scene.true.valid.any())
    assert scene.image.shape == (8, 120, curve.IMAGE) and not bool(scene.has_image[4:].any())
    found = any(bool(one.batch(step, whole(one)).has_image[:4].any()) for step in range(4))
    assert found
    parts = one.losses(0, whole(one))
    assert not any(bool(parts[name].detach()) for name in NAMES) and bool(parts["keypoints"].detach() > 0)
    one.total(parts).backward()
    gradients = [p.grad for p in one.state.network.parameters() if p.grad is not None]
    assert all(bool(torch.isfinite(g).all()) for g in gradients) and any(bool(g.any()) for g in gradients)


def test_a_body_that_fits_its_keypoints_has_no_loss(data, lite):
    one = trainer(data, lite, shares=replace(presets.preset("official").shares, flat=1.0))
    scene = one.batch(0, whole(one))
    sight = one._passes(0, whole(one)).estimation
    camera = torch.tensor([0.9, 0.0, 0.2]).expand(4, 120, 3)
    x = torch.zeros(4, 120, 151)
    out = NetworkOutput(x, camera, x[..., :6], x)
    said = codec.decode(x, one.statistics)
    place = full_translation(camera, sight.box, scene.true.k_fullimg)
    coco = lite(said.body_pose, said.betas, said.global_orient, place)[1]
    pixels = project(coco, scene.true.k_fullimg)
    fitting = replace(scene, keypoints=torch.cat([pixels, torch.ones_like(pixels[..., :1])], dim=-1))
    arguments = (sight.box, camera, lite, one.statistics)
    assert float(keypoint_loss(out, fitting, *arguments)) < 1e-6 < float(keypoint_loss(out, scene, *arguments))


def test_dances_hear_raw_music_and_tell_no_camera(data, lite):
    built, _ = data
    length = built.length
    features = torch.full((int(length.sum()), 35), 7.0).half()
    start = np.cumsum(length) - length
    songs = SongTable(features, start, np.arange(len(length) + 1), start, length > 0)
    shares = replace(presets.preset("official").shares, dances=1.0, wordless=0.0)
    one = curve.small_trainer(built, curve.small_preset(shares=shares), 0, lite, songs=songs)
    passes = one._passes(0, whole(one))
    scene = passes.scene
    assert bool(scene.has_music[scene.shown].all()) and not bool(scene.told.any()) and not bool(scene.has_cam.any())
    assert float(passes.diffusion.inputs.encoded_music.max()) == 7.0
    assert torch.isfinite(one.total(one.losses(0, whole(one))))


def test_training_lowers_the_loss_and_reaches_what_it_should(data, lite):
    one = trainer(data, lite)
    first = [float(one.step(0.1)["loss"]) for _ in range(3)]
    for _ in range(14):
        last = one.step(0.1)["loss"]
    later = [float(last), *(float(one.step(0.1)["loss"]) for _ in range(2))]
    assert sum(later) < 0.7 * sum(first)
    untouched = [n for n, p in one.state.network.named_parameters() if p.grad is None]
    # there is no sound here; everything else takes part
    sound = ("conditions.music_embedder", "conditions.audio_")
    assert not [n for n in untouched if not n.startswith(sound)], untouched
    assert one.validate(1)["simple"] > 0


def test_a_resumed_run_goes_on_as_the_unbroken_one(data, lite, tmp_path):
    unbroken, first, second = (trainer(data, lite) for _ in range(3))
    for _ in range(4):
        unbroken.step(0.1)
    for _ in range(2):
        first.step(0.1)
    state.save_state(first.state, tmp_path)
    state.load_state(second.state, tmp_path)
    for _ in range(2):
        second.step(0.1)
    for name, value in unbroken.state.network.state_dict().items():
        assert torch.equal(value, second.state.network.state_dict()[name]), name


def test_in_half_precision_the_losses_are_near_those_in_full(data, lite):
    full, half = trainer(data, lite), trainer(data, lite)
    half.half = True
    a, b = (one.total(one.losses(0, whole(one))) for one in (full, half))
    assert torch.isclose(a, b, rtol=0.1) and a != b


def test_two_processes_and_accumulated_passes_give_the_curve_of_one(tmp_path, monkeypatch):
    monkeypatch.setenv("GENMO_PAUSED_BY", str(os.getpid()))
    curve.main(tmp_path / "one", STEPS, STEPS + 1)
    curve.main(tmp_path / "parts", STEPS, STEPS + 1, accumulate=2)
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo"}
    done = subprocess.run(
        [*torchrun, str(Path(curve.__file__)), str(tmp_path / "two"), str(STEPS), str(STEPS + 1)],
        env=environment, capture_output=True, text=True, timeout=600,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    alone = losses(tmp_path / "one", STEPS)
    assert torch.allclose(losses(tmp_path / "two", STEPS), alone, rtol=1e-4, atol=0)
    assert torch.allclose(losses(tmp_path / "parts", STEPS), alone, rtol=1e-4, atol=0)


def test_nothing_in_a_step_is_made_beside_its_device(data, lite):
    one = trainer(data, lite)
    with torch.device("meta"):  # whatever is made without a device lies where nothing can be computed
        loss = one.total(one.losses(0, whole(one)))
    assert torch.isfinite(loss)
