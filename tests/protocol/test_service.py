"""The service as a real process with a toy handler: hello first, one ending a job, cancel, files, and its own end."""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from genmo_blender.addon.engine_command import local_command
from genmo_blender.protocol.frames import Frame, encode
from genmo_blender.protocol.messages import (
    Cancel,
    Cancelled,
    Chunk,
    Failed,
    Generate,
    Hello,
    Need,
    NotReady,
    Progress,
    Ready,
    Result,
    Shutdown,
    Stopping,
    Unknown,
)
from genmo_blender.protocol.requests import Attachment
from tests.protocol.peer import Peer, toy_command

Start = Callable[..., Peer]
PACKAGE = Path(__file__).resolve().parents[2] / "genmo_blender"


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts toy engines, or any ``command``; ends them all."""
    peers: list[Peer] = []

    def begin(loading: str = "", idle: float = 600.0, command: list[str] | None = None, **options: object) -> Peer:
        command = command or toy_command(tmp_path / "cache", loading, idle)
        peers.append(Peer(command, tmp_path / f"log{len(peers)}", **options))
        return peers[-1]

    yield begin
    for peer in peers:
        peer.kill()


@pytest.fixture
def engine(start: Start) -> Peer:
    peer = start()
    peer.until(Ready)
    return peer


def test_hello_comes_first_and_before_the_model(start: Start) -> None:
    peer = start("slow")
    hello = peer.next()
    assert isinstance(hello, Hello) and hello.pid == peer.process.pid


def test_ready_tells_the_capabilities(start: Start) -> None:
    assert start().until(Ready).capabilities.model == "toy"


def test_a_job_gives_progress_then_its_result(engine: Peer) -> None:
    engine.generate(1, "walk")
    assert engine.next() == Progress(1, "solving", 0, 1, "Solving")
    result = engine.next()
    assert isinstance(result, Result) and result.job == 1 and result.result.takes[0].transl[0, 0] == 1.0


def test_progress_is_thinned_but_its_ends_are_always_told(engine: Peer) -> None:
    engine.generate(1, "counts")
    told = []
    while not isinstance(message := engine.next(), Result):
        assert isinstance(message, Progress)
        told.append(message)
    counts = [message.done for message in told if message.stage == "counting"]
    assert counts[0] == 0 and counts[-1] == 2000 and counts == sorted(counts) and len(counts) < 1000


def test_prints_of_the_handler_and_of_its_children_go_to_the_log(engine: Peer) -> None:
    engine.generate(1, "stray")
    assert engine.until(Result).job == 1
    log = engine.log_text("written")
    assert "EOFError" in log  # the child found nothing to read
    engine.generate(2, "walk")
    assert engine.until(Result).job == 2


@pytest.mark.parametrize(
    ("word", "code", "logged"),
    [
        ("broken", "internal", "ZeroDivisionError: a bug"),
        ("refused", "refused", ""),
        ("memory", "out_of_memory", "CUDA out of memory"),
        ("exit", "internal", "SystemExit"),
        ("nan", "not_finite", ""),
    ],
)
def test_a_failing_job_has_a_sentence_and_the_engine_lives_on(engine: Peer, word: str, code: str, logged: str) -> None:
    engine.generate(1, word)
    failed = engine.until(Failed)
    assert failed.job == 1 and failed.failure.code == code and failed.failure.sentence
    assert "Traceback" not in str(failed.failure)
    engine.log_text(logged)
    engine.generate(2, "walk")
    assert engine.until(Result).job == 2


def test_a_malformed_request_fails_its_own_job(engine: Peer) -> None:
    engine.send(Generate(1, {"texts": 5}))
    assert engine.until(Failed).failure.code == "malformed_request"
    engine.generate(2, "walk")
    assert engine.until(Result).job == 2


def test_a_running_job_is_cancelled_whatever_it_raises_on_the_way_out(engine: Peer) -> None:
    engine.generate(1, "endless")
    engine.until(Progress)
    engine.send(Cancel(1))
    assert engine.next() == Cancelled(1)
    engine.generate(2, "walk")
    assert engine.until(Result).job == 2


def test_a_waiting_job_is_cancelled_at_once_and_the_running_one_goes_on(engine: Peer) -> None:
    engine.generate(1, "endless")
    engine.generate(2, "walk")
    engine.generate(3, "walk")
    engine.until(Progress)
    engine.send(Cancel(2))
    assert engine.next() == Cancelled(2)
    engine.send(Cancel(1))
    assert engine.next() == Cancelled(1)
    assert engine.until(Result).job == 3


def test_while_the_model_loads_a_job_is_told_so_and_can_be_cancelled(start: Start) -> None:
    peer = start("slow")
    peer.generate(1, "walk")
    assert peer.until(Progress) == Progress(1, "loading", 0, 0, "Loading model, once per start")
    peer.send(Cancel(1))
    assert peer.next() == Cancelled(1)


def test_cancels_of_unknown_and_ended_jobs_and_used_numbers_are_ignored(engine: Peer) -> None:
    engine.send(Cancel(9))
    engine.generate(3, "walk")
    assert engine.until(Result).job == 3
    engine.send(Cancel(3))
    engine.generate(3, "walk")
    engine.generate(2, "walk")
    engine.generate(4, "walk")
    assert engine.next() == Progress(4, "solving", 0, 1, "Solving")


def test_a_model_that_cannot_be_loaded_is_told_and_fails_each_job(start: Start) -> None:
    peer = start("broken")
    assert peer.until(NotReady).failure.code == "weights"
    for job in (1, 2):
        peer.generate(job, "walk")
        failed = peer.until(Failed)
        assert (failed.job, failed.failure.code) == (job, "weights")


def test_loading_is_tried_again_by_the_next_job(start: Start) -> None:
    peer = start("broken-once")
    peer.until(NotReady)
    peer.generate(1, "walk")
    peer.until(Ready)
    assert peer.until(Result).job == 1


def test_an_unknown_kind_is_answered_and_unknown_fields_are_ignored(engine: Peer) -> None:
    engine.write(encode(Frame("telepathy", {"a": 1}, {"b": np.ones(3)})))
    assert engine.next() == Unknown("telepathy")
    engine.write(encode(Frame("cancel", {"job": 1, "mood": "good"})))
    engine.generate(2, "walk")
    assert engine.until(Result).job == 2


def test_requests_may_come_a_byte_at_a_time(engine: Peer) -> None:
    for byte in encode(Frame("telepathy")):
        engine.write(bytes([byte]))
    assert engine.next() == Unknown("telepathy")


@pytest.mark.parametrize("word", ["walk", "endless", "stuck"])
def test_the_engine_exits_when_its_input_ends_whatever_it_does(engine: Peer, word: str) -> None:
    engine.generate(1, word)
    engine.until(Progress)
    engine.close_input()
    assert engine.end() == 0


def test_the_engine_exits_while_it_loads(start: Start) -> None:
    peer = start("slow")
    peer.until(Hello)
    peer.close_input()
    assert peer.end() == 0


def test_shutdown_ends_the_engine(engine: Peer) -> None:
    engine.send(Shutdown())
    assert engine.end() == 0


def test_the_engine_exits_when_nobody_reads_it_any_more(engine: Peer) -> None:
    engine.process.stdout.close()  # type: ignore[union-attr]
    assert engine.end() == 0


def test_garbage_from_the_client_ends_the_engine_with_a_sentence(engine: Peer) -> None:
    engine.write(b"GET / HTTP/1.1\r\n\r\n")
    assert engine.end() == 2
    assert "GET / HTTP/1.1" in engine.log_text("Something other than the add-on")


def test_an_engine_with_nothing_to_do_says_so_and_ends(start: Start) -> None:
    peer = start(idle=0.05)
    peer.until(Stopping)
    assert peer.end() == 0
    with pytest.raises(EOFError):
        peer.next()


def an_attachment(data: bytes, path: str = "", sha256: str = "") -> Attachment:
    return Attachment("song.wav", sha256 or hashlib.sha256(data).hexdigest(), len(data), path)


def send_file(peer: Peer, attachment: Attachment, data: bytes, piece: int = 1000) -> None:
    for offset in range(0, len(data), piece):
        part = np.frombuffer(data[offset : offset + piece], np.uint8)
        peer.send(Chunk(attachment.sha256, offset, offset + piece >= len(data), part))


def test_a_local_file_is_read_where_it_lies(engine: Peer, tmp_path: Path) -> None:
    song = tmp_path / "é 漢.wav"
    song.write_bytes(b"la la")
    engine.generate(1, "dance", attachments=(an_attachment(b"la la", str(song)),))
    assert engine.until(Result).result.report["files"] == [b"la la".hex()]


def test_a_file_from_afar_is_asked_for_once_and_kept(engine: Peer, start: Start, tmp_path: Path) -> None:
    data = os.urandom(3500)
    record = an_attachment(data, "/nowhere/song.wav")
    engine.generate(1, "dance", attachments=(record,))
    assert engine.until(Need) == Need(1, (record.sha256,))
    send_file(engine, record, data)
    assert engine.until(Result).result.report["files"] == [data.hex()]
    again = start()
    again.generate(1, "dance", attachments=(record,))
    assert again.until(Result).result.report["files"] == [data.hex()]
    assert [path.name for path in (tmp_path / "cache").iterdir()] == [record.sha256]


def test_another_file_under_the_same_path_is_not_used(engine: Peer, tmp_path: Path) -> None:
    song = tmp_path / "song.wav"
    song.write_bytes(b"do do")
    engine.generate(1, "dance", attachments=(an_attachment(b"la la", str(song)),))
    engine.until(Need)


@pytest.mark.parametrize("damage", ["content", "order", "length"])
def test_a_file_that_arrives_damaged_fails_its_job(engine: Peer, damage: str) -> None:
    record = an_attachment(b"la la")
    engine.generate(1, "dance", attachments=(record,))
    engine.until(Need)
    sent = {"content": b"do do", "order": b"la la", "length": b"la la la la"}[damage]
    engine.send(Chunk(record.sha256, 1 if damage == "order" else 0, True, np.frombuffer(sent, np.uint8)))
    assert engine.until(Failed).failure.code == "attachment_damaged"
    engine.generate(2, "walk")
    assert engine.until(Result).job == 2


def test_a_cache_that_cannot_be_written_fails_the_job(engine: Peer, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file where the folder should be")
    record = an_attachment(b"la la")
    engine.generate(1, "dance", attachments=(record,))
    engine.until(Need)
    send_file(engine, record, b"la la")
    assert engine.until(Failed).failure.code == "attachment_not_kept"


def test_a_job_that_waits_for_files_can_be_cancelled(engine: Peer) -> None:
    engine.generate(1, "dance", attachments=(an_attachment(b"la la"),))
    engine.until(Need)
    engine.send(Cancel(1))
    assert engine.until(Cancelled).job == 1


@pytest.mark.parametrize("name", ["../../escape", "", "AB" * 32, "0" * 63])
def test_a_hash_that_is_none_is_refused_and_nothing_is_written(engine: Peer, tmp_path: Path, name: str) -> None:
    record = Attachment("song.wav", name, 5, "")
    engine.generate(1, "dance", attachments=(record,))
    assert engine.until(Failed).failure.code == "malformed_request"
    assert not (tmp_path / "cache").exists()


def test_files_nobody_asked_for_are_dropped(engine: Peer, tmp_path: Path) -> None:
    send_file(engine, an_attachment(b"la la"), b"la la")
    engine.generate(1, "walk")
    assert engine.until(Result).job == 1
    assert not (tmp_path / "cache").exists()


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """The package as an extension lies there: another folder name, read-only, in a deep path with odd letters."""
    folder = tmp_path / "é 漢 extensions" / ("deep " * 20).strip() / "genmo_motion"
    for room in ("protocol", "engine", "motion"):
        shutil.copytree(PACKAGE / room, folder / room, ignore=shutil.ignore_patterns("__pycache__"))
    for path in [*folder.rglob("*"), folder]:
        path.chmod(path.stat().st_mode & ~(stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH))
    return folder


def test_the_engine_starts_by_path_from_a_read_only_install_under_any_name(
    start: Start, installed: Path, tmp_path: Path
) -> None:
    before = sorted(installed.rglob("*"))
    user = tmp_path / "user é 漢"
    user.mkdir()
    peer = start(command=list(local_command(Path(sys.executable), installed, user)), cwd=user)
    hello = peer.next()
    assert isinstance(hello, Hello)
    peer.write(encode(Frame("telepathy")))
    assert peer.until(Unknown).unknown == "telepathy"
    peer.close_input()
    assert peer.end() == 0
    assert sorted(installed.rglob("*")) == before
    rooms = {path.relative_to(user / "bytecode").parts[0] for path in user.rglob("*.pyc")}
    assert {"engine", "protocol"} <= rooms <= {"engine", "protocol", "motion"}
