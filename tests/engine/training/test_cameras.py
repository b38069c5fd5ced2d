import math

import pytest
import torch

from genmo_blender.engine.representation.camera import camera_angular_velocity, project
from genmo_blender.engine.representation.rollout import roll_out_translation
from genmo_blender.engine.representation.rotations import rotation_angle
from genmo_blender.engine.training.cameras import (
    ANY,
    FOCAL,
    IMAGE,
    KIND_SHARES,
    NEAREST,
    ORBIT,
    PULL,
    PUSH,
    RANDOM,
    STILL,
    TRACK,
    draw_cameras,
)
from genmo_blender.engine.training.draws import Draws
from tests.engine.training.real_batches import FRAMES, real_batch


@pytest.fixture(scope="module")
def joints():
    batch, _ = real_batch()
    path = roll_out_translation(batch.velocity * batch.valid[..., None], batch.root)
    return (batch.joints + path[..., None, :]).repeat(60, 1, 1, 1)


@pytest.fixture(scope="module")
def cameras(joints):
    return draw_cameras(joints, Draws([torch.Generator().manual_seed(0)], len(joints)))


def centres(cameras):
    return -(cameras.r_w2c.mT @ cameras.t_w2c[..., None]).squeeze(-1)


def test_cameras_are_rotations_with_the_person_before_them_and_the_root_in_the_picture(joints, cameras):
    identity = torch.eye(3).expand_as(cameras.r_w2c)
    torch.testing.assert_close(cameras.r_w2c @ cameras.r_w2c.mT, identity, atol=1e-5, rtol=0)
    assert bool((torch.linalg.det(cameras.r_w2c) > 0).all())
    seen = cameras.see(joints)
    assert float(seen[..., 2].min()) >= NEAREST - 1e-4
    pixels = project(seen[:, :, :1], cameras.k[:, None])
    assert float(pixels.min()) >= -0.1 and float(pixels.max()) <= IMAGE + 0.1
    assert float(cameras.k[:, 0, 0].min()) >= FOCAL[0] - 0.1 and float(cameras.k[:, 0, 0].max()) <= FOCAL[1] + 0.1


def test_kinds_come_in_their_shares(cameras):
    for kind, share in enumerate(KIND_SHARES):
        assert float((cameras.kind == kind).float().mean()) == pytest.approx(share, abs=0.06)
    assert sum(KIND_SHARES) == pytest.approx(1.0)


def test_still_cameras_stand_still_and_the_others_move(joints, cameras):
    turn = rotation_angle(cameras.r_w2c[:, :1].mT @ cameras.r_w2c).amax(1)
    walked = (centres(cameras) - centres(cameras)[:, :1]).norm(dim=-1).amax(1)
    still = cameras.kind == STILL
    assert float(turn[still].max()) == 0 and float(walked[still].max()) < 1e-5
    assert float(walked[~still].min()) > 0.01 and float(turn[~still].median()) > math.radians(5)
    asked = torch.arange(len(joints)) % 2 == 0
    told = draw_cameras(joints, Draws([torch.Generator().manual_seed(3)], len(joints)), torch.where(asked, STILL, ANY))
    assert (told.kind[asked] == STILL).all() and (told.kind[~asked] != STILL).any()
    assert float((camera_angular_velocity(told.r_w2c[asked]) - torch.eye(3)[:2].flatten()).abs().max()) < 1e-6


def test_they_look_a_little_down_and_stand_nearly_level(cameras):
    up = cameras.r_w2c[:, 0, :, 1]  # the world's up in the camera, where y goes down
    assert bool((up[:, 1] < 0).float().mean() > 0.95)
    looks_down = torch.asin((-up[:, 2]).clamp(-1, 1))
    assert math.degrees(float(looks_down.mean())) == pytest.approx(5.0, abs=3.0)
    assert math.degrees(float(looks_down.std())) == pytest.approx(22.5, abs=3.0)
    roll = torch.atan2(up[:, 0], -up[:, 1])
    assert math.degrees(float(roll.std())) == pytest.approx(7.5, abs=1.5)
    yaw = torch.atan2(cameras.r_w2c[:, 0, 2, 0], cameras.r_w2c[:, 0, 2, 2])
    assert torch.histc(yaw, 4).min() > 0.15 * len(yaw)


def test_a_following_camera_keeps_the_root_where_it_is_in_its_frame(joints):
    # a person carried 12 metres along: nobody follows her but cameras that follow
    carried = joints[:480] + torch.linspace(0, 12, FRAMES)[:, None, None] * torch.tensor([1.0, 0.0, 0.0])
    cameras = draw_cameras(carried, Draws([torch.Generator().manual_seed(1)], len(carried)))
    place = cameras.see(carried[:, :, :1])[:, :, 0]
    moved = (place - place[:, :1])[:, -1]
    for kind, lateral in ((TRACK, 2.5), (ORBIT, 2.5), (PUSH, 2.5), (PULL, 2.5)):
        assert float(moved[cameras.kind == kind, :2].norm(dim=-1).max()) < lateral
    assert float(moved[cameras.kind == RANDOM].norm(dim=-1).median()) > 5
    depth = moved[:, 2]
    assert float(depth[cameras.kind == PUSH].median()) < -0.8 < 2 < float(depth[cameras.kind == PULL].median())
    assert abs(float(depth[cameras.kind == TRACK].median())) < 0.4


def test_an_orbit_goes_round_the_person(joints, cameras):
    orbit = cameras.kind == ORBIT
    away = (centres(cameras) - joints[:, :, 0])[orbit][..., [0, 2]]
    angle = torch.atan2(away[..., 0], away[..., 1])
    turned = torch.cumsum((angle.diff(dim=1) + math.pi) % (2 * math.pi) - math.pi, dim=1)[:, -1]
    assert float(turned.abs().median()) > math.radians(60)


def test_moving_cameras_move_without_leaps(cameras):
    step = rotation_angle(cameras.r_w2c[:, :-1].mT @ cameras.r_w2c[:, 1:])
    assert math.degrees(float(step.max())) < 12
    assert math.degrees(float(step[cameras.kind == RANDOM].median())) < 1.5


def test_the_same_seed_gives_the_same_cameras(joints, cameras):
    again = draw_cameras(joints, Draws([torch.Generator().manual_seed(0)], len(joints)))
    other = draw_cameras(joints, Draws([torch.Generator().manual_seed(1)], len(joints)))
    assert torch.equal(again.r_w2c, cameras.r_w2c) and torch.equal(again.t_w2c, cameras.t_w2c)
    assert not torch.equal(other.t_w2c, cameras.t_w2c)
