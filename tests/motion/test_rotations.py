import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from genmo_blender.motion import floor, frames, kinematics, resampling, rotations, skeleton

vectors = st.lists(st.floats(-3.0, 3.0), min_size=3, max_size=3).map(np.array)


def random_quaternions(seed: int, *shape: int) -> np.ndarray:
    return rotations.normalise(np.random.default_rng(seed).normal(size=(*shape, 4)))


def same_rotation(a: np.ndarray, b: np.ndarray, atol: float = 1e-9) -> bool:
    return bool(np.all(np.abs(np.abs(np.sum(a * b, -1)) - 1) < atol))


@settings(deadline=None, max_examples=60)
@given(vectors)
def test_rotation_vector_matrix_and_6d_round_trip(v):
    q = rotations.from_rotation_vector(v)
    assert same_rotation(rotations.from_rotation_vector(rotations.to_rotation_vector(q)), q)
    assert same_rotation(rotations.from_matrix(rotations.to_matrix(q)), q)
    assert same_rotation(rotations.from_6d(2.5 * rotations.to_6d(q)), q)


@settings(deadline=None, max_examples=60)
@given(vectors, vectors)
def test_product_of_quaternions_is_product_of_matrices(v, w):
    a, b = rotations.from_rotation_vector(v), rotations.from_rotation_vector(w)
    product = rotations.to_matrix(rotations.multiply(a, b))
    assert np.allclose(product, rotations.to_matrix(a) @ rotations.to_matrix(b))
    assert np.allclose(rotations.rotate(a, w), rotations.to_matrix(a) @ w)


def test_between_takes_one_direction_to_the_other_even_when_opposite():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(50, 3)), rng.normal(size=(50, 3))
    b[0] = -a[0]
    turned = rotations.rotate(rotations.between(a, b), rotations.normalise(a))
    assert np.allclose(turned, rotations.normalise(b), atol=1e-7)


def test_slerp_meets_its_ends_and_takes_the_shorter_way():
    a, b = random_quaternions(1, 30), random_quaternions(2, 30)
    assert same_rotation(rotations.slerp(a, b, np.zeros(30)), a)
    assert same_rotation(rotations.slerp(a, b, np.ones(30)), b)
    half = rotations.slerp(a, -b, np.full(30, 0.5))
    assert np.allclose(np.abs(np.sum(half * a, -1)), np.abs(np.sum(half * b, -1)))


def test_continuous_removes_every_sign_flip_and_changes_no_rotation():
    q = rotations.from_rotation_vector(np.cumsum(np.full((200, 5, 3), 0.07), axis=0))
    noisy = q * np.where(np.random.default_rng(3).random((200, 5, 1)) < 0.5, -1, 1)
    fixed = rotations.continuous(noisy)
    assert np.all(np.sum(fixed[1:] * fixed[:-1], -1) > 0)
    assert same_rotation(fixed, q)


def test_heading_is_the_angle_about_y():
    angles = np.linspace(-3.1, 3.1, 21)
    assert np.allclose(rotations.heading(rotations.about_y(angles)), angles)


def test_blender_axes_keep_up_left_and_forward():
    assert np.allclose(frames.points_to_blender(np.array([0.0, 1.0, 0.0])), [0, 0, 1])
    assert np.allclose(frames.points_to_blender(np.array([1.0, 0.0, 0.0])), [1, 0, 0])
    assert np.allclose(frames.points_to_blender(np.array([0.0, 0.0, 1.0])), [0, -1, 0])
    q, p = random_quaternions(4, 10), np.random.default_rng(5).normal(size=(10, 3))
    there = rotations.rotate(frames.rotations_to_blender(q), frames.points_to_blender(p))
    assert np.allclose(frames.points_to_model(there), rotations.rotate(q, p))
    assert same_rotation(frames.rotations_to_model(frames.rotations_to_blender(q)), q)


def test_rest_pose_gives_the_rest_joints_and_local_world_round_trips():
    body = skeleton.canonical()
    rest = np.tile(rotations.IDENTITY, (1, 22, 1))
    joints = kinematics.joint_positions(body, rest, body.rest[:1])
    assert np.allclose(joints[0], body.rest)
    q = random_quaternions(6, 7, 22)
    assert same_rotation(kinematics.local_rotations(body, kinematics.world_rotations(body, q)), q)


def test_bone_lengths_do_not_depend_on_the_pose():
    body = skeleton.canonical()
    joints = kinematics.joint_positions(body, random_quaternions(7, 9, 22), np.zeros((9, 3)))
    parents = np.array(body.parents[1:])
    lengths = np.linalg.norm(joints[:, 1:] - joints[:, parents], axis=-1)
    assert np.allclose(lengths, np.linalg.norm(body.offsets[1:], axis=-1))


def test_resampling_returns_exact_frames_exactly_and_holds_the_ends():
    q, p = rotations.continuous(random_quaternions(8, 31, 22)), np.random.default_rng(9).normal(size=(31, 3))
    got_q, got_p = resampling.resample(q, p, 30.0, np.arange(31) / 30.0)
    assert same_rotation(got_q, q) and np.array_equal(got_p, p)
    _, held = resampling.resample(q, p, 30.0, np.array([-1.0, 5.0]))
    assert np.array_equal(held, p[[0, -1]])


def test_the_floor_is_where_the_lowest_sole_rests_whatever_the_pose():
    body = skeleton.canonical()
    rest = np.tile(rotations.IDENTITY, (40, 22, 1))
    path = np.tile(body.rest[0], (40, 1)) + [0.0, 0.37, 0.0]
    path[20:30, 1] += 0.5  # a jump does not move the floor
    assert abs(floor.sole_level(kinematics.joint_positions(body, rest, path), 30) - 0.37) < 1e-9
