"""The queue: order, one job a character, exactly one ending."""

from __future__ import annotations

import pytest

from genmo_blender.addon.jobs import Job, State
from genmo_blender.protocol.failures import RequestFailure
from genmo_blender.protocol.messages import Progress
from genmo_blender.protocol.requests import GenerateRequest, TextSpan
from tests.addon_logic.bench import Bench, a_request

SLOW = ("--steps", "1000000", "--step-seconds", "0.01")


def test_jobs_of_several_characters_run_one_after_another_in_order(bench: Bench) -> None:
    jobs = bench.jobs()
    ids = [jobs.submit(name, a_request(seed)).id for seed, name in enumerate(("Hero", "Villain", "Extra"), 1)]
    assert [job.state for job in jobs.open()] == [State.RUNNING, State.QUEUED, State.QUEUED]
    endings = [job for job in bench.drive(jobs) if job.ended]
    assert [job.id for job in endings] == ids == sorted(ids)
    assert [job.result.takes[0].seed for job in endings if job.result] == [1, 2, 3]


def test_a_character_has_one_job_at_a_time(bench: Bench) -> None:
    jobs = bench.jobs(*SLOW)
    jobs.submit("Hero", a_request())
    with pytest.raises(RequestFailure, match="already has a job"):
        jobs.submit("Hero", a_request())
    jobs.cancel_all()
    assert jobs.submit("Hero", a_request()).id == 2


def test_a_queued_job_can_be_cancelled_and_never_reaches_the_engine(bench: Bench) -> None:
    jobs = bench.jobs()
    jobs.submit("Hero", a_request(1))
    waiting = jobs.submit("Villain", a_request(2))
    jobs.cancel(waiting.id)
    seen = bench.drive(jobs)
    assert {job.id: job.state for job in seen if job.ended} == {1: State.DONE, 2: State.CANCELLED}
    assert not any(job.progress for job in seen if job.id == waiting.id)


def test_every_job_ends_once_whatever_is_cancelled_when(bench: Bench) -> None:
    jobs = bench.jobs("--steps", "2", "--late", "--twice")
    seen: list[Job] = []
    for number in range(12):
        job = jobs.submit(f"character {number}", a_request(number))
        for _ in range(number % 4):
            seen += jobs.poll()
        if number % 3 == 0:
            jobs.cancel(job.id)
            jobs.cancel(job.id)
    seen += bench.drive(jobs)
    assert sorted(job.id for job in seen if job.ended) == list(range(1, 13))
    for job in seen:
        assert job.state is not State.DONE or (job.result and job.result.takes[0].seed == job.request.seed)


def test_a_request_that_cannot_be_sent_fails_alone(bench: Bench) -> None:
    jobs = bench.jobs()
    huge = GenerateRequest(2.0, (TextSpan("walk " * 300_000, 0.0, 2.0),))
    jobs.submit("Hero", huge)
    jobs.submit("Villain", a_request())
    endings = {job.character: job for job in bench.drive(jobs) if job.ended}
    assert endings["Hero"].failure and endings["Hero"].failure.code == "frame_too_large"
    assert endings["Villain"].state is State.DONE


def test_the_time_left_is_told_after_three_seconds_of_a_stage() -> None:
    job = Job(1, "Hero", a_request(), State.RUNNING, Progress(1, "solving", 10, 40), stage_since=100.0)
    assert job.seconds_left(102.0) is None
    assert job.seconds_left(104.0) == pytest.approx(12.0)
    assert Job(1, "Hero", a_request()).seconds_left(50.0) is None


def test_stop_cancels_everything(bench: Bench) -> None:
    jobs = bench.jobs(*SLOW)
    jobs.submit("Hero", a_request())
    jobs.submit("Villain", a_request())
    jobs.stop(0.5)
    assert [job.state for job in jobs.poll()] == [State.CANCELLED, State.CANCELLED]
    assert not jobs.due
