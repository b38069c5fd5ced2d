"""The client against real processes that behave well and badly."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from genmo_blender.addon.engine_command import BUILT_IN, engine_environment, local_command
from genmo_blender.addon.engine_process import LOADING_SECONDS, SILENCE_SECONDS, START_SECONDS
from genmo_blender.addon.jobs import Job, Jobs, State
from genmo_blender.protocol.failures import GenmoFailure
from genmo_blender.protocol.requests import Attachment
from tests.addon_logic.bench import SCRIPTED, Bench, a_request, is_alive, wait_until

SLOW = ("--steps", "1000000", "--step-seconds", "0.01")


def failure_of(job: Job) -> GenmoFailure:
    assert job.state is State.FAILED and job.failure is not None and job.result is None
    assert job.failure.sentence and job.failure.remedy
    return job.failure


def solving(seen: list[Job]) -> bool:
    return any(job.progress and job.progress.done >= 1 for job in seen)


def run_one(bench: Bench, jobs: Jobs, seed: int = 1) -> Job:
    """Submit a job and drive it to its ending, which comes once and last."""
    jobs.submit("Hero", a_request(seed))
    seen = bench.drive(jobs)
    assert [job.ended for job in seen].count(True) == 1 and seen[-1].ended
    return seen[-1]


def start_slow(bench: Bench, *switches: str) -> Jobs:
    """A job that would take hours, seen solving."""
    jobs = bench.jobs(*SLOW, *switches)
    jobs.submit("Hero", a_request())
    bench.drive(jobs, solving)
    return jobs


def test_a_job_reports_progress_and_ends_with_its_motion(bench: Bench) -> None:
    jobs = bench.jobs("--steps", "3")
    assert jobs.engine.status == "stopped" and not jobs.due
    jobs.submit("Hero", a_request(seed=7))
    seen = bench.drive(jobs)
    assert [j.progress.done for j in seen if j.progress and j.state is State.RUNNING] == sorted(
        j.progress.done for j in seen if j.progress and j.state is State.RUNNING
    )
    result = seen[-1].result
    assert result and [take.seed for take in result.takes] == [7] and result.takes[0].rotations.shape == (61, 22, 4)
    assert jobs.engine.status == "ready" and jobs.engine.capabilities and not jobs.due


def test_an_engine_stays_for_the_next_job(bench: Bench) -> None:
    jobs = bench.jobs()
    run_one(bench, jobs)
    first = bench.pid()
    run_one(bench, jobs)
    assert bench.pid() == first


def test_frames_may_come_a_byte_at_a_time(bench: Bench) -> None:
    assert run_one(bench, bench.jobs("--bytewise")).state is State.DONE


def test_stray_prints_go_to_the_log_and_harm_nothing(bench: Bench) -> None:
    assert run_one(bench, bench.jobs("--stray")).state is State.DONE
    wait_until(lambda: b"a stray write" in bench.log.read_bytes())


def test_kinds_and_fields_from_the_future_are_ignored(bench: Bench) -> None:
    assert run_one(bench, bench.jobs("--unknown")).state is State.DONE


@pytest.mark.parametrize("switch", ["--stop-at", "--mute-at"])
def test_a_stopped_or_silent_engine_is_reported_after_ten_seconds_and_ended(bench: Bench, switch: str) -> None:
    jobs = start_slow(bench, switch, "2")
    pid = bench.pid()
    bench.drive(jobs, lambda seen: any(job.progress and job.progress.done == 2 for job in seen))
    assert not bench.pass_time(jobs, SILENCE_SECONDS - 2)
    (last,) = bench.pass_time(jobs, 4)
    failure = failure_of(last)
    assert failure.code == "engine_silent" and "solving (2 of 1000000)" in failure.sentence
    wait_until(lambda: not is_alive(pid))
    assert jobs.engine.trouble is not None


def test_a_pause_between_polls_is_not_taken_for_silence(bench: Bench) -> None:
    jobs = start_slow(bench)
    os.kill(bench.pid(), signal.SIGSTOP)
    for _ in range(3):  # the laptop sleeps three times
        bench.clock.ahead += 3600
        assert all(not job.ended for job in jobs.poll())
    os.kill(bench.pid(), signal.SIGCONT)
    bench.drive(jobs, solving)


def test_an_engine_killed_in_the_middle_fails_its_job_with_the_last_log_lines(bench: Bench) -> None:
    failure = failure_of(run_one(bench, bench.jobs("--crash-at", "2")))
    assert failure.code == "engine_died" and "while solving (2 of 4)" in failure.sentence
    assert "scripted crash" in failure.details and "scripted crash" not in failure.sentence


def test_after_a_kill_the_next_job_starts_a_new_engine(bench: Bench) -> None:
    jobs = start_slow(bench)
    old = bench.pid()
    os.kill(old, signal.SIGKILL)
    assert failure_of(bench.drive(jobs)[-1]).code == "engine_died"
    jobs.submit("Hero", a_request())
    bench.drive(jobs, solving)
    assert bench.pid() != old and is_alive(bench.pid())


def test_an_engine_that_died_unnoticed_is_replaced(bench: Bench) -> None:
    jobs = bench.jobs()
    run_one(bench, jobs)
    pid = bench.pid()
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not is_alive(pid))
    assert run_one(bench, jobs).state is State.DONE


def test_text_before_the_first_frame_is_quoted(bench: Bench) -> None:
    failure = failure_of(run_one(bench, bench.jobs("--banner", "Welcome to farm-01!\nLast login: Monday\n")))
    assert failure.code == "foreign_text" and "Welcome to farm-01!" in failure.sentence


def test_text_between_frames_is_a_failure_and_the_engine_is_ended(bench: Bench) -> None:
    jobs = bench.jobs("--garbage-at", "2")
    failure = failure_of(run_one(bench, jobs))
    assert failure.code == "foreign_text" and "Segmentation fault" in failure.sentence
    wait_until(lambda: not is_alive(bench.pid()))


def test_another_version_of_the_pipe_is_named(bench: Bench) -> None:
    failure = failure_of(run_one(bench, bench.jobs("--version", "2")))
    assert failure.code == "version_mismatch" and "2" in failure.sentence


def test_a_cancel_is_told_by_the_next_poll_and_frees_the_engine(bench: Bench) -> None:
    jobs = start_slow(bench)
    pid = bench.pid()
    jobs.cancel(jobs.open()[0].id)
    assert [job.state for job in jobs.poll()] == [State.CANCELLED]
    wait_until(lambda: jobs.poll() == [] and not jobs.due)
    assert jobs.engine.status == "ready" and is_alive(pid)


def test_an_engine_deaf_to_cancel_is_killed_and_the_next_job_starts_anew(bench: Bench) -> None:
    jobs = start_slow(bench, "--deaf")
    old = bench.pid()
    jobs.cancel(jobs.open()[0].id)
    jobs.submit("Hero", a_request())
    assert [job.state for job in bench.pass_time(jobs, 0.5)] == [State.CANCELLED]
    bench.pass_time(jobs, 1.0)
    wait_until(lambda: not is_alive(old))
    bench.drive(jobs, solving)
    assert bench.pid() != old


def test_a_late_result_is_not_read_by_the_next_job(bench: Bench) -> None:
    jobs = bench.jobs("--late", "--steps", "400", "--step-seconds", "0.01")
    jobs.submit("Hero", a_request(seed=1))
    bench.drive(jobs, solving)
    jobs.cancel(jobs.open()[0].id)
    jobs.submit("Hero", a_request(seed=2))
    seen = bench.drive(jobs)
    endings = [(job.id, job.state) for job in seen if job.ended]
    assert endings == [(1, State.CANCELLED), (2, State.DONE)]
    assert seen[-1].result and seen[-1].result.takes[0].seed == 2


def test_a_second_ending_and_words_after_it_are_dropped(bench: Bench) -> None:
    jobs = bench.jobs("--twice")
    for seed in (1, 2, 3):
        job = run_one(bench, jobs, seed)
        assert job.result and job.result.takes[0].seed == seed


def test_a_failure_of_the_engine_keeps_its_words(bench: Bench) -> None:
    failure = failure_of(run_one(bench, bench.jobs("--fail-at", "1")))
    assert (type(failure).__name__, failure.code) == ("RequestFailure", "scripted")


def test_a_failure_of_the_engine_brings_the_last_log_lines(bench: Bench) -> None:
    failure = failure_of(run_one(bench, bench.jobs("--fail-at", "3", "--stray", "--step-seconds", "0.05")))
    assert "a stray" in failure.details and "a stray" not in failure.sentence


def test_a_model_that_cannot_be_loaded_is_trouble_and_fails_the_job(bench: Bench) -> None:
    jobs = bench.jobs("--not-ready")
    jobs.engine.start()
    wait_until(lambda: jobs.poll() == [] and jobs.engine.trouble is not None)
    assert failure_of(run_one(bench, jobs)).code == "weights_damaged"


def test_a_job_sent_to_an_engine_that_just_went_idle_runs_on_the_next(bench: Bench) -> None:
    jobs = bench.jobs("--idle-after", "1")
    run_one(bench, jobs)
    assert run_one(bench, jobs, seed=5).state is State.DONE  # within its last half second


def test_an_engine_that_ended_idle_is_no_trouble(bench: Bench) -> None:
    jobs = bench.jobs("--idle-after", "1")
    run_one(bench, jobs)
    wait_until(lambda: jobs.poll() == [] and jobs.engine.status == "stopped")
    assert jobs.engine.trouble is None


@pytest.mark.parametrize("program", ["/nowhere/python", "", "no such program"])
def test_a_program_that_cannot_be_started_is_named(bench: Bench, program: str) -> None:
    jobs = bench.jobs(command=[program, "serve"])
    failure = failure_of(run_one(bench, jobs))
    assert failure.code == "engine_not_started" and program in failure.sentence
    assert jobs.engine.status == "stopped"


def test_a_program_that_ends_at_once_is_reported_with_its_words(bench: Bench) -> None:
    script = "import sys; sys.exit('no module named torch')"
    failure = failure_of(run_one(bench, bench.jobs(command=[sys.executable, "-c", script])))
    assert failure.code == "engine_not_started" and "exit code 1" in failure.sentence
    assert "no module named torch" in failure.details


def test_an_engine_that_never_says_hello_is_given_up(bench: Bench) -> None:
    jobs = bench.jobs("--no-hello")
    jobs.submit("Hero", a_request())
    pid = bench.pid()
    assert jobs.engine.status == "starting"
    (last,) = (job for job in bench.pass_time(jobs, START_SECONDS + 1) if job.ended)
    assert failure_of(last).code == "engine_start"
    wait_until(lambda: not is_alive(pid))


def test_loading_may_be_silent_for_longer(bench: Bench) -> None:
    jobs = bench.jobs("--load-seconds", "600")
    jobs.submit("Hero", a_request())
    wait_until(lambda: jobs.poll() is not None and jobs.engine.status == "loading")
    os.kill(bench.pid(), signal.SIGSTOP)
    assert not any(job.ended for job in bench.pass_time(jobs, LOADING_SECONDS - 10))
    (last,) = (job for job in bench.pass_time(jobs, 15) if job.ended)
    assert failure_of(last).code == "engine_silent"


def test_a_large_request_to_an_engine_that_does_not_read_blocks_nobody(bench: Bench) -> None:
    jobs = bench.jobs("--no-hello")
    request = a_request()
    words = " ".join(["walk"] * 180_000)
    jobs.submit("Hero", type(request)(2.0, (type(request.texts[0])(words, 0.0, 2.0),)))
    jobs.poll()
    jobs.stop(0.0)


def test_a_grandchild_that_holds_the_pipe_does_not_hide_the_death(bench: Bench) -> None:
    assert failure_of(run_one(bench, bench.jobs("--child", "--crash-at", "1"))).code == "engine_died"


@pytest.mark.parametrize("state", ["idle", "solving", "stopped"])
def test_stop_leaves_no_process(bench: Bench, state: str) -> None:
    jobs = bench.jobs(*(() if state == "idle" else SLOW), "--child")
    jobs.submit("Hero", a_request())
    bench.drive(jobs, None if state == "idle" else solving)
    pid = bench.pid()
    if state == "stopped":
        os.kill(pid, signal.SIGSTOP)
    jobs.stop(0.5)
    wait_until(lambda: not is_alive(pid))
    assert jobs.engine.status == "stopped" and not jobs.open()


def test_an_engine_behind_a_relay_in_another_session_ends_with_it(bench: Bench) -> None:
    """As through ``ssh host``: we can only kill the relay; the far side sees its input end."""
    far = f'setsid "{sys.executable}" "{SCRIPTED}" --deaf --steps 1000000 --step-seconds 0.01'
    jobs = bench.jobs(command=["sh", "-c", f'cat | {far} --pid-file "{bench.pid_file}" | cat'])
    jobs.submit("Hero", a_request())
    bench.drive(jobs, solving)
    pid = bench.pid()
    jobs.cancel(jobs.open()[0].id)
    bench.pass_time(jobs, 1.5)
    wait_until(lambda: jobs.poll() == [] and not jobs.due and not is_alive(pid))


def test_an_engine_exits_when_its_parent_is_killed(bench: Bench) -> None:
    script = f"""
import os, sys, time
from pathlib import Path
sys.path.insert(0, {str(Path(__file__).resolve().parents[2])!r})
from genmo_blender.addon.engine_process import EngineProcess
engine = EngineProcess([sys.executable, {str(SCRIPTED)!r},
    "--pid-file", {str(bench.pid_file)!r}], Path({str(bench.log)!r}), Path({str(bench.folder)!r}), os.environ)
engine.start()
time.sleep(600)
"""
    parent = subprocess.Popen([sys.executable, "-c", script])
    pid = bench.pid()
    assert is_alive(pid)
    parent.kill()
    parent.wait()
    wait_until(lambda: not is_alive(pid))


def attached(path: Path, sha256: str | None = None) -> Attachment:
    data = path.read_bytes()
    return Attachment(path.name, sha256 or hashlib.sha256(data).hexdigest(), len(data), str(path))


def test_attachments_are_sent_when_the_engine_needs_them(bench: Bench) -> None:
    song = bench.folder / "song.wav"
    song.write_bytes(os.urandom(3_000_000))
    empty = bench.folder / "empty.wav"
    empty.write_bytes(b"")
    jobs = bench.jobs()
    jobs.submit("Hero", a_request(attachments=(attached(song), attached(empty))))
    assert bench.drive(jobs)[-1].state is State.DONE


@pytest.mark.parametrize("trouble", ["changed", "missing"])
def test_an_attachment_that_changed_or_vanished_fails_its_job_alone(bench: Bench, trouble: str) -> None:
    song = bench.folder / "song.wav"
    song.write_bytes(b"la" * 1000)
    record = attached(song)
    song.write_bytes(b"do" * 1000)
    if trouble == "missing":
        song.unlink()
    jobs = bench.jobs()
    jobs.submit("Hero", a_request(attachments=(record,)))
    failure = failure_of(bench.drive(jobs)[-1])
    assert failure.code == "attachment_unreadable" and "song.wav" in failure.sentence
    assert run_one(bench, jobs).state is State.DONE


def test_a_full_disk_under_the_log_harms_nothing(bench: Bench) -> None:
    bench.log.parent.mkdir()
    bench.log.symlink_to("/dev/full")
    assert run_one(bench, bench.jobs("--stray")).state is State.DONE
    failure = failure_of(run_one(bench, bench.jobs("--stray", "--crash-at", "1")))
    assert "scripted crash" in failure.details


def test_a_log_that_cannot_be_made_harms_nothing(bench: Bench) -> None:
    bench.log.parent.write_text("a file where the folder should be")
    assert run_one(bench, bench.jobs("--stray")).state is State.DONE


def test_the_command_isolates_python_and_keeps_the_install_folder_clean() -> None:
    command = local_command(Path("/py/python"), Path("/ext/genmo motion"), Path("/user"), ("--model", "m"))
    assert command[:2] == ("/py/python", "-I") and command[-3:] == ("serve", "--model", "m")
    assert "/user/bytecode" in command and "/ext/genmo motion/engine/start.py" in command
    built_in = local_command(Path("/py/python"), Path("/ext/genmo motion"), Path("/user"), room=BUILT_IN)
    assert built_in == tuple(word.replace("/engine/", "/lite/") for word in command[:-2])


def test_the_environment_loses_what_belongs_to_blenders_python() -> None:
    kept = {"PATH": "/bin", "HOME": "/h", "CUDA_VISIBLE_DEVICES": "0"}
    dropped = {"PYTHONPATH": "x", "PYTHONHOME": "x", "LD_LIBRARY_PATH": "x", "DYLD_LIBRARY_PATH": "x"}
    assert engine_environment(kept | dropped) == kept
