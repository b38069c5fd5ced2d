import math
from dataclasses import replace

import pytest
import torch

from genmo_blender.engine.body.filmed_body import FilmedBody
from genmo_blender.engine.body.free_body import load_free_body
from genmo_blender.engine.body.kinematics import PARENTS_22
from genmo_blender.engine.network.conditions import ConditionEmbedder, ConditionInputs, DropDraws, drop_conditions
from genmo_blender.engine.representation.boxes import box_around
from genmo_blender.engine.representation.camera import full_translation, project
from genmo_blender.engine.representation.codec import decode_rotations
from genmo_blender.engine.representation.rollout import roll_out_translation, world_root_from_matrices
from genmo_blender.engine.representation.rotations import axis_angle_to_matrix, rotation_angle
from genmo_blender.engine.training.augment import NoiseTable, default_noise_table
from genmo_blender.engine.training.draws import Draws
from genmo_blender.engine.training.footage import SHAPES, camera_terms, film, observe
from genmo_blender.model.config import NetworkConfig
from tests.engine.training.real_batches import FRAMES, real_batch

SILENT = NoiseTable(*(torch.zeros(17) for _ in range(4)))
SAMPLES = 12
ROWS = torch.tensor([1, 2, 5, 6, 7, 9, 10])


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def draws(seed=0, n=SAMPLES):
    return Draws([seeded(seed)], n)


@pytest.fixture(scope="module")
def free():
    return load_free_body()


@pytest.fixture(scope="module")
def body(free):
    return FilmedBody.of(free)


@pytest.fixture(scope="module")
def before():
    return real_batch(SAMPLES)


@pytest.fixture(scope="module")
def shot(before, body):
    batch, statistics = before
    return film(batch, ROWS, statistics, body, draws())


IDENTITY = torch.eye(3)


def true_roots(shot):
    """Of the filmed samples, in the world and before the camera."""
    batch, made = shot
    world = batch.root[ROWS]
    to_camera = torch.linalg.lstsq(batch.joints[ROWS], made.joints - made.place[..., None, :]).solution.mT
    return world, to_camera @ world


def decoded(batch, statistics):
    return decode_rotations(batch.x0[ROWS], statistics)


def rotations(parts, root):
    return torch.cat([root[..., None, :, :], parts.body], dim=-3)


def many(before, body, copies=16, seed=4):
    batch, statistics = before
    wide = replace(
        batch,
        **{name: getattr(batch, name).repeat(copies, *[1] * (getattr(batch, name).dim() - 1)) for name in BIG},
    )
    return film(wide, torch.arange(copies * SAMPLES), statistics, body, draws(seed, copies * SAMPLES))


BIG = ("x0", "valid", "length", "root", "joints", "contacts", "velocity")


def test_the_filmed_body_is_the_free_body_in_every_shape(free, body):
    turns = axis_angle_to_matrix(torch.randn(3, 5, 22, 3, generator=seeded()) * 0.5)
    shape = torch.randn(3, SHAPES, generator=seeded(1))
    offsets, face, size = body.shaped(shape)
    points = body.points(turns[:, :, 0], turns[:, :, 1:, :2].flatten(-3), offsets, face)
    whole = shape[:, None].expand(3, 5, SHAPES)
    place = torch.zeros(3, 5, 3)
    torch.testing.assert_close(points.joints, free.pose(turns, place, whole)[1][..., :22, :], atol=1e-5, rtol=0)
    torch.testing.assert_close(points.coco, free.coco17(turns, place, whole), atol=1e-5, rtol=0)
    # a taller person takes longer steps
    tall = torch.zeros(1, SHAPES)
    tall[0, 0] = 1.0
    assert float(body.shaped(tall)[2]) == pytest.approx(1.096, abs=0.01)
    assert size.shape == (3,)


def test_the_box_is_that_of_the_whole_skin(free, body):
    turns = axis_angle_to_matrix(torch.randn(6, 1, 22, 3, generator=seeded(2)) * 0.3)
    offsets, face, _ = body.shaped(torch.zeros(6, SHAPES))
    place = torch.tensor([0.0, 0.0, 4.0]).expand(6, 1, 3)
    points = body.points(turns[:, :, 0], turns[:, :, 1:, :2].flatten(-3), offsets, face)
    k = torch.tensor([[1000.0, 0.0, 500.0], [0.0, 1000.0, 500.0], [0.0, 0.0, 1.0]])
    outline = points.outline.permute(2, 3, 0, 1) + place[..., None, :]
    ours = box_around(project(outline, k))
    skin = box_around(project(free.vertices(turns, place), k))
    assert float((ours[..., 2] / skin[..., 2]).sub(1).abs().max()) < 0.08
    assert float((ours[..., :2] - skin[..., :2]).norm(dim=-1).max()) < 0.05 * float(skin[..., 2].mean())


def test_the_code_of_a_filmed_sample_is_the_motion_that_the_camera_sees(before, shot, free):
    batch, made = shot
    statistics = before[1]
    parts, valid = decoded(batch, statistics), batch.valid[ROWS]
    assert float(parts.betas[valid][:, :SHAPES].abs().max()) > 0.3 and not parts.betas[..., SHAPES:].any()
    shape = parts.betas[..., :SHAPES]
    # seen from the camera
    joints = free.pose(rotations(parts, parts.root_camera), made.place, shape)[1][..., :22, :]
    torch.testing.assert_close(joints[valid], made.joints[valid], atol=1e-4, rtol=0)
    # and in the world, where the gravity view turned by gv_to_world is the root
    world = made.gv_to_world[ROWS] @ parts.root_gv
    torch.testing.assert_close(world[valid], batch.root[ROWS][valid], atol=1e-4, rtol=0)
    joints = free.pose(rotations(parts, world), torch.zeros_like(made.place), shape)[1][..., :22, :]
    torch.testing.assert_close(joints[valid], batch.joints[ROWS][valid], atol=1e-4, rtol=0)
    # the gravity view is turned about the vertical alone
    up = torch.tensor([0.0, 1.0, 0.0])
    torch.testing.assert_close(made.gv_to_world[..., 1], up.expand_as(made.gv_to_world[..., 1]), atol=1e-5, rtol=0)


def test_offsets_and_velocity_belong_to_the_drawn_shape(before, shot, body):
    (old, statistics), (batch, made) = before, shot
    size = body.shaped(decoded(batch, statistics).betas[:, 0, :SHAPES])[2]
    torch.testing.assert_close(batch.velocity[ROWS], old.velocity[ROWS] * size[:, None, None])
    bones = (batch.joints - batch.joints[:, :, [max(p, 0) for p in PARENTS_22]])[ROWS].norm(dim=-1)
    offsets = made.offsets[ROWS].norm(dim=-1).expand_as(bones)
    valid = batch.valid[ROWS]
    torch.testing.assert_close(bones[valid], offsets[valid], atol=1e-4, rtol=0)


def test_rolling_the_code_out_gives_the_path_of_the_world(before, shot):
    batch, made = shot
    parts = decoded(batch, before[1])
    path = roll_out_translation(batch.velocity, batch.root)[ROWS]
    still = rotation_angle(made.gv_to_world[ROWS][:, :1].mT @ made.gv_to_world[ROWS]).amax(1) < 1e-4
    assert still.any() and not still.all()
    rolled = world_root_from_matrices(parts.root_gv, parts.root_camera, parts.local_transl_vel, made.cam_angvel)
    first = made.gv_to_world[ROWS][:, :1]
    there = (first @ rolled.transl[..., None]).squeeze(-1)
    valid = batch.valid[ROWS]
    torch.testing.assert_close(there[still][valid[still]], path[still][valid[still]], atol=1e-3, rtol=0)
    # a moving camera's turns are smoothed on the way: near, not equal
    ended = (there - path).norm(dim=-1)[valid].max()
    assert float(ended) < 0.3


def test_samples_without_footage_stay_as_they_were(before, shot):
    (old, _), (batch, made) = before, shot
    others = torch.tensor([i for i in range(SAMPLES) if i not in ROWS])
    for name in ("x0", "joints", "velocity", "root"):
        assert torch.equal(getattr(batch, name)[others], getattr(old, name)[others])
    torch.testing.assert_close(made.gv_to_world[others], torch.eye(3).expand(len(others), FRAMES, 3, 3))
    sight = observe(made, SAMPLES, draws(1))
    embedder = ConditionEmbedder(NetworkConfig.mini())
    for parameter in embedder.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    told = embedder.f_cond(sight.inputs, SAMPLES, FRAMES)
    nothing = embedder.f_cond(ConditionInputs(), SAMPLES, FRAMES)
    torch.testing.assert_close(told[others], nothing[others])
    assert (told[ROWS] - nothing[ROWS]).abs().amax() > 0.1


def test_keypoints_without_noise_are_the_projected_joints_in_the_box(before, shot, free):
    batch, made = shot
    sight = observe(made, SAMPLES, draws(2), SILENT)
    parts, seen = decoded(batch, before[1]), sight.inputs.j2d_visible[ROWS]
    coco = free.coco17(rotations(parts, parts.root_camera), made.place, parts.betas[..., :SHAPES])
    assert 0.4 < float(seen[made.on].float().mean()) < 0.8
    for f in range(len(ROWS)):  # one sample after the other, plainly
        pixels = project(coco[f], made.k[f])
        half = sight.box[f, :, None, 2:] / 2
        place = (pixels - sight.box[f, :, None, :2]) / half
        error = (sight.inputs.obs[ROWS[f], ..., :2] - place).abs().amax(-1)[seen[f]]
        assert float(error.max()) < 2e-3
        inside = (place.abs() < 1).all(-1) & seen[f]
        assert torch.equal(sight.inputs.obs[ROWS[f], ..., 2] > 0.5, inside)
    assert not sight.inputs.obs[ROWS][~seen].any()


def test_boxes_enclose_the_body_or_the_keypoints_that_are_seen(before, body):
    _, made = many(before, body)
    count = len(made.rows)
    sight = observe(made, count, draws(3, count), SILENT)
    seen = sight.inputs.j2d_visible.bool()
    rows, frames = torch.nonzero(seen.sum(-1) > 3, as_tuple=True)
    place = sight.inputs.obs[rows, frames, :, :2].masked_fill(~seen[rows, frames, :, None], torch.nan)
    place = torch.nan_to_num(place.abs(), 0.0).amax((-1, -2))  # how far into its box a frame reaches
    assert float(place.max()) < 1.001  # whichever it is, what is seen lies inside
    # around the seen keypoints at least one of them is near the border, wherever the body goes on
    near = torch.zeros(count).index_add_(0, rows, (place > 0.65).float()) / torch.bincount(rows, minlength=count)
    tight = float((near > 0.99).float().mean())
    assert 0.45 < tight < 0.8


def test_noise_is_the_detectors(before, body):
    _, made = many(before, body)
    clean, noisy = (
        observe(made, len(made.rows), draws(3, len(made.rows)), SILENT),
        observe(made, len(made.rows), draws(3, len(made.rows))),
    )
    both = clean.inputs.j2d_visible & noisy.inputs.j2d_visible
    # back to metres across the line of sight
    metres = made.coco[..., 2] / made.k[..., 0, 0, None] * clean.box[..., 2:] / 2
    error = (noisy.inputs.obs[..., 0] - clean.inputs.obs[..., 0]) * metres
    table = default_noise_table()
    for joint in (0, 7, 10, 16):
        expected = math.hypot(0.1 * float(table.bias[joint]), 0.05 * float(table.jittering[joint]))
        found = error[..., joint][both[..., joint]]
        # depth noise and rare peaks add a little
        assert float(found.std()) == pytest.approx(expected, rel=0.35), joint


def test_the_camera_head_s_target_brings_the_body_back(shot):
    _, made = shot
    sight = observe(made, SAMPLES, draws(1))
    assert float(sight.camera_told[made.on].float().mean()) > 0.5
    back = full_translation(sight.camera, sight.box, made.k)
    torch.testing.assert_close(back[made.on], made.place[made.on], atol=2e-3, rtol=1e-4)
    assert not sight.camera_told[~made.on].any() and not sight.joints_told[~made.on].any()


def test_the_losses_are_zero_for_the_truth_and_grow_with_the_error(shot):
    _, made = shot
    sight = observe(made, SAMPLES, draws(1))
    joints = made.joints - made.place[..., None, :]
    world, seen = true_roots(shot)
    true = camera_terms(sight.camera, joints @ seen @ world.mT, world, seen, made, sight, SAMPLES)
    assert float(true["camera"]) == 0 and float(true["reprojection"]) < 1e-9
    guess = (sight.camera * 1.1).requires_grad_()
    bent = (joints + 0.05).requires_grad_()
    wrong = camera_terms(guess, bent, IDENTITY, IDENTITY, made, sight, SAMPLES)
    (wrong["camera"] + wrong["reprojection"]).backward()
    assert torch.isfinite(guess.grad).all() and torch.isfinite(bent.grad).all()
    expected = (sight.camera * 0.1).square() * sight.camera_told[..., None]
    assert float(wrong["camera"].detach()) == pytest.approx(float(expected.sum()) / (SAMPLES * FRAMES * 3), rel=1e-4)
    assert float(wrong["reprojection"].detach()) > 1e-4
    assert not bent.grad[~sight.joints_told].any() and not guess.grad[~made.on].any()


def test_nothing_that_a_camera_hides_makes_the_gradient_infinite(shot):
    _, made = shot
    sight = observe(made, SAMPLES, draws(1))
    joints = (made.joints - made.place[..., None, :]).clone()
    joints[:, ::2, :5, 2] -= made.place[:, ::2, None, 2]  # in the camera's plane
    joints[:, ::2, 5:9, 2] -= 2 * made.place[:, ::2, None, 2]  # and behind it
    joints.requires_grad_()
    guess = sight.camera.clone().nan_to_num().requires_grad_()
    camera_terms(guess, joints, IDENTITY, IDENTITY, made, sight, SAMPLES)["reprojection"].backward()
    assert torch.isfinite(joints.grad).all() and torch.isfinite(guess.grad).all()


def test_a_quarter_is_filmed_in_part_by_a_still_camera_and_the_rest_throughout(before, body):
    batch, made = many(before, body)
    partly = (made.on.sum(-1) < made.length) & (made.length > 0)
    assert float(partly.float().mean()) == pytest.approx(0.25, abs=0.07)
    assert not (made.on & ~batch.valid).any()
    assert int(made.on.sum(-1).min()) >= 20
    turned = rotation_angle(made.gv_to_world[:, :1].mT @ made.gv_to_world).amax(1)
    assert float(turned[partly].max()) < 1e-4 < float(turned[~partly].max())
    borders = (made.on.int().diff(dim=1).abs() * batch.valid[:, 1:]).sum(-1)
    assert torch.equal(borders > 0, partly) and int(borders.max()) == 1


def test_frames_with_three_joints_or_fewer_have_no_footage(before, body):
    _, made = many(before, body)
    inputs = observe(made, len(made.rows), draws(3, len(made.rows))).inputs
    few = inputs.j2d_visible.sum(-1) <= 3
    assert (few & made.on).any()
    assert torch.equal(inputs.has_2d.bool(), made.on & ~few)
    assert not inputs.f_cliffcam[few].any() and inputs.f_cliffcam[~few].any(-1).all()
    assert torch.equal(inputs.has_cam.bool(), made.on)


def test_shapes_are_people(before, body):
    batch, made = many(before, body)
    shape = decode_rotations(batch.x0, before[1]).betas[:, 0, :SHAPES]
    assert float(shape.std()) == pytest.approx(0.66, abs=0.04)  # 0.7, cut at 1.5
    assert float(shape.abs().max()) <= 1.5 + 1e-5
    legs = made.offsets[:, 0, [4, 7]].norm(dim=-1).sum(-1)
    assert 0.5 < float(legs.min()) < 0.75 and 0.9 < float(legs.max()) < 1.15


def test_dropping_follows_the_mode(before, shot):
    _, made = shot
    inputs = observe(made, SAMPLES, draws(1)).inputs
    texts = torch.ones(SAMPLES, dtype=torch.bool)
    drawn = {r: DropDraws.draw(NetworkConfig.mini(), SAMPLES, FRAMES, r, seeded(7)) for r in (True, False)}
    regression = drop_conditions(inputs, drawn[True], texts, True)
    diffusion = drop_conditions(inputs, drawn[False], texts, False)
    assert torch.equal(regression.visible_joints(), inputs.j2d_visible.bool())
    kept = diffusion.visible_joints()[ROWS].any(-1).any(-1)
    assert kept.any() and not kept.all()
    assert not diffusion.has_cam.any()


def test_the_seed_decides_and_both_passes_see_different_faults(before, body, shot):
    batch, statistics = before
    again, made = film(batch, ROWS, statistics, body, draws())
    assert torch.equal(again.x0, shot[0].x0) and torch.equal(made.joints, shot[1].joints)
    one, same, other = (observe(made, SAMPLES, draws(s)).inputs.obs for s in (1, 1, 2))
    assert torch.equal(one, same) and not torch.equal(one, other)


def test_a_batch_without_footage_is_no_special_case(before, body):
    batch, statistics = before
    same, made = film(batch, torch.zeros(0, dtype=torch.long), statistics, body, draws())
    assert torch.equal(same.x0, batch.x0)
    sight = observe(made, SAMPLES, draws())
    assert sight.inputs.obs.shape == (SAMPLES, FRAMES, 17, 3) and not sight.inputs.has_2d.any()
    nobody = torch.zeros(0, FRAMES, 22, 3)
    terms = camera_terms(nobody[:, :, 0], nobody, IDENTITY, IDENTITY, made, sight, SAMPLES)
    assert float(terms["camera"]) == 0 and float(terms["reprojection"]) == 0


def test_a_share_of_the_batch_sees_what_the_whole_batch_sees(before, body):
    batch, statistics = before

    def blocks(rows=None):
        return Draws([seeded(20), seeded(21)], SAMPLES // 2, rows)

    whole_batch, whole = film(batch, ROWS, statistics, body, blocks())
    seen = observe(whole, SAMPLES, blocks())
    mine = torch.tensor([2, 3, 9, 10])
    share = replace(batch, **{name: getattr(batch, name)[mine] for name in BIG})
    own = torch.tensor([0, 2, 3])  # of them 2, 9 and 10 are filmed
    part_batch, part = film(share, own, statistics, body, blocks(mine))
    torch.testing.assert_close(part_batch.x0, whole_batch.x0[mine], atol=1e-5, rtol=0)
    glimpse = observe(part, len(mine), blocks(mine))
    torch.testing.assert_close(glimpse.inputs.obs, seen.inputs.obs[mine], atol=1e-4, rtol=1e-4)
    assert torch.equal(glimpse.inputs.j2d_visible, seen.inputs.j2d_visible[mine])
