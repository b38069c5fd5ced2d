import math

import pytest
import torch

from genmo_blender.engine.conditions.root_goals import FPS, LIMIT, RootKeys, heading_of, root_goals, start_goals
from genmo_blender.engine.network.conditions import ConditionEmbedder, ConditionInputs
from genmo_blender.engine.representation.rollout import roll_out_translation
from genmo_blender.engine.representation.rotations import axis_angle_to_matrix, yaw_matrix
from genmo_blender.engine.training.draws import Draws
from genmo_blender.engine.training.root_goals import Waypoints, draw_waypoints, training_goals
from genmo_blender.model.config import ROOT_GOAL_DIM, NetworkConfig
from tests.engine.training.real_batches import FRAMES, real_batch


@pytest.fixture(scope="module")
def walk():
    batch, _ = real_batch()
    path = roll_out_translation(batch.velocity * batch.valid[..., None], batch.root)
    return batch, path


def some_known(batch, rate=0.1):
    return (torch.rand(batch.valid.shape, generator=torch.Generator().manual_seed(3)) < rate) & batch.valid


def waypoints(known, facing=None):
    return Waypoints(known, known if facing is None else known & facing)


def one_by_one(known, position, heading, faces, heights, frame):
    """The docstring's fourteen numbers of one frame of one sample, in plain Python."""
    before = [k for k in range(len(known)) if known[k] and k <= frame]
    after = [k for k in range(len(known)) if known[k] and k > frame]
    halves = [[0.0] * 7, [0.0] * 7]
    for half, k in ((0, before[-1] if before else None), (1, after[0] if after else None)):
        if k is not None:
            facing = (math.sin(heading[k]), math.cos(heading[k])) if faces[k] else (0.0, 0.0)
            halves[half][3:] = [*facing, math.log(1 + abs(k - frame)) / 4, 1.0]
    if before and after:
        p, n = before[-1], after[0]
        way = [float(position[n][a] - position[p][a]) for a in range(3)]
        if not (heights[p] and heights[n]):
            way[1] = 0.0
        halves[0][:3] = [w / (n - p) * FPS for w in way]
        halves[1][:3] = way
    return halves[0] + halves[1]


def test_all_samples_at_once_are_what_each_frame_alone_would_be(walk):
    batch, path = walk
    known, keyed = some_known(batch), some_known(batch, 0.05)
    facing = torch.arange(FRAMES) % 2 == 0
    given = waypoints(known, facing)
    goals = training_goals(batch.root, path, keyed, given)
    heading = heading_of(batch.root)
    for sample in (0, 3, 6):
        rows = [x[sample].tolist() for x in (known | keyed, path, heading, keyed | given.has_heading, keyed)]
        alone = [one_by_one(*rows, frame) for frame in range(FRAMES)]
        torch.testing.assert_close(goals[sample], torch.tensor(alone).clamp(-LIMIT, LIMIT), atol=1e-5, rtol=1e-4)


def test_a_known_frame_says_the_way_to_the_next_known_root(walk):
    batch, path = walk
    keyed = some_known(batch)
    goals = training_goals(batch.root, path, keyed, waypoints(torch.zeros_like(keyed)))
    for sample in range(len(path)):
        frames = keyed[sample].nonzero()[:, 0]
        there = goals[sample, frames[:-1]]
        torch.testing.assert_close(there[:, 7:10], path[sample, frames].diff(dim=0), atol=1e-5, rtol=0)
        assert torch.equal(there[:, 5], torch.zeros(len(frames) - 1))  # it is its own last known root
        assert not goals[sample, frames[-1], [0, 1, 2, 7, 8, 9, 13]].any()


def test_walking_at_the_told_velocity_reaches_every_known_root(walk):
    batch, path = walk
    keyed = some_known(batch)
    goals = training_goals(batch.root, path, keyed, waypoints(torch.zeros_like(keyed)))
    for sample in range(len(path)):
        first, *others = keyed[sample].nonzero()[:, 0].tolist()
        walked = path[sample, first] + torch.cumsum(goals[sample, first:, :3] / FPS, dim=0)
        for frame in others:
            torch.testing.assert_close(walked[frame - 1 - first], path[sample, frame], atol=1e-4, rtol=0)


def test_nothing_but_the_known_roots_is_read(walk):
    batch, path = walk
    known = some_known(batch)
    heading, none = heading_of(batch.root), torch.zeros_like(known)
    whole = root_goals(RootKeys.at_frames(known, path, heading, known, known), FRAMES)
    hidden = path.masked_fill(~known[..., None], torch.nan)
    poor = RootKeys.at_frames(known, hidden, heading.masked_fill(~known, torch.nan), known, known)
    assert torch.equal(root_goals(poor, FRAMES), whole)
    # a waypoint's height and a free facing are not read either
    flat = path * torch.tensor([1.0, torch.nan, 1.0])
    floor = root_goals(RootKeys.at_frames(known, flat, heading * torch.nan, none, none), FRAMES)
    assert torch.isfinite(floor).all() and not floor[..., [1, 3, 4, 8, 10, 11]].any()
    same = [0, 2, 5, 6, 7, 9, 12, 13]
    assert torch.equal(floor[..., same], whole[..., same])


def test_times_between_frames_count_as_they_are():
    # metres, 10.5 and 70.25 frames: two slots of three
    time = torch.tensor([[10.5, 70.25, torch.inf]])
    position = torch.tensor([[[0.0, 1.0, 0.0], [2.0, 1.1, 3.0], [torch.nan] * 3]])
    yes = torch.tensor([[True, True, False]])
    goals = root_goals(RootKeys(time, position, torch.tensor([[0.3, -2.0, 0.0]]), yes, yes), 90)[0]
    assert not goals[:11, :7].any() and goals[:11, 13].all() and not goals[:11, 7:10].any()
    gap = goals[11:71]
    torch.testing.assert_close(gap[:, 7:10], torch.tensor([[2.0, 0.1, 3.0]]).expand(60, 3))
    torch.testing.assert_close(gap[:, :3], gap[:, 7:10] / 59.75 * FPS)
    assert float(gap[0, 5]) == pytest.approx(math.log(1.5) / 4, abs=1e-5)
    assert float(gap[-1, 12]) == pytest.approx(math.log(1.25) / 4, abs=1e-5)
    torch.testing.assert_close(gap[0, 10:12], torch.tensor([math.sin(-2.0), math.cos(-2.0)]))
    assert goals[71:, 6].all() and not goals[71:, 13].any()


def test_a_turning_camera_turns_the_vectors_and_the_headings(walk):
    batch, path = walk
    keyed = some_known(batch)
    none = waypoints(torch.zeros_like(keyed))
    turn = yaw_matrix(torch.full((FRAMES,), 0.7)).expand(len(path), -1, -1, -1)
    there = training_goals(turn @ batch.root, (turn @ path[..., None]).squeeze(-1), keyed, none)
    torch.testing.assert_close(training_goals(batch.root, path, keyed, none, turn), there, atol=1e-5, rtol=1e-4)
    assert not torch.allclose(training_goals(batch.root, path, keyed, none), there, atol=1e-2)


def test_goals_stay_in_a_range_that_a_network_can_read(walk):
    batch, path = walk
    everything = training_goals(batch.root, path * 100, batch.valid, waypoints(batch.valid))
    assert float(everything.abs().max()) == LIMIT
    ordinary = training_goals(batch.root, path, batch.valid, waypoints(batch.valid))
    # on a dense path the velocity is the motion's own, in m/s
    true = (path[:, 1:] - path[:, :-1]) * FPS
    inside = batch.valid[:, 1:]
    torch.testing.assert_close(ordinary[:, :-1, :3][inside], true[inside], atol=1e-3, rtol=0)


def test_the_heading_is_the_turn_about_the_vertical_however_the_body_leans():
    yaw = torch.linspace(-3.0, 3.0, 13)
    for lean in ([0.0, 0.0, 0.0], [1.5, 0.0, 0.0], [0.0, 0.0, -1.5], [-1.0, 0.0, 1.0]):
        root = yaw_matrix(yaw) @ axis_angle_to_matrix(torch.tensor(lean))
        torch.testing.assert_close(heading_of(root), yaw, atol=1e-5, rtol=0)
    assert float(heading_of(torch.eye(3))) == 0.0


def test_the_network_has_a_place_for_them(walk):
    batch, path = walk
    known = some_known(batch)
    goals = training_goals(batch.root, path, known, waypoints(torch.zeros_like(known)))
    assert goals.shape == (len(path), FRAMES, ROOT_GOAL_DIM)
    embedder = ConditionEmbedder(NetworkConfig.mini())
    torch.nn.init.normal_(embedder.root_goal_embedder[-1].weight)
    nothing = embedder.f_cond(ConditionInputs(), len(path), FRAMES)
    told = embedder.f_cond(ConditionInputs(root_goal=goals), len(path), FRAMES)
    assert ((told - nothing).abs().amax(-1) > 0).all()
    assert torch.equal(embedder.f_cond(ConditionInputs(root_goal=goals * 0), len(path), FRAMES), nothing)


def test_waypoints_come_at_their_rates_within_the_valid_frames():
    length = torch.randint(24, FRAMES + 1, (4000,), generator=torch.Generator().manual_seed(0))
    drawn = draw_waypoints(length, FRAMES, 0.3, Draws([torch.Generator().manual_seed(1)], 4000))
    again = draw_waypoints(length, FRAMES, 0.3, Draws([torch.Generator().manual_seed(1)], 4000))
    assert torch.equal(drawn.known, again.known) and torch.equal(drawn.has_heading, again.has_heading)
    assert not (drawn.known & (torch.arange(FRAMES) >= length[:, None])).any()
    assert not (drawn.has_heading & ~drawn.known).any()
    count = drawn.known.sum(-1)
    assert float((count > 0).float().mean()) == pytest.approx(0.3, abs=0.02)
    asked = count > 0
    density = (count / length)[asked]
    assert float((density > 0.09).float().mean()) > 0.3 and float((density < 0.09).float().mean()) > 0.4
    faces = drawn.has_heading.sum(-1)[asked] / count[asked]
    assert float((faces == 1).float().mean()) == pytest.approx(0.43, abs=0.06)
    assert float((faces == 0).float().mean()) == pytest.approx(0.43, abs=0.06)
    assert not draw_waypoints(length, FRAMES, 0.0, Draws([torch.Generator().manual_seed(1)], 4000)).known.any()


def test_where_somebody_stands_at_first_is_a_lone_known_root_that_says_its_heading():
    heading = torch.tensor([0.3, -2.0])
    goals = start_goals(heading, torch.tensor([True, False]), 30)
    assert not goals[1].any()
    frame = torch.arange(30.0)
    assert torch.allclose(goals[0, :, 3], heading[0].sin()) and torch.allclose(goals[0, :, 4], heading[0].cos())
    assert torch.allclose(goals[0, :, 5], torch.log1p(frame) / 4) and bool((goals[0, :, 6] == 1).all())
    assert not goals[0, :, :3].any() and not goals[0, :, 7:].any()
