"""The built-in engine as a process, by path as Blender starts it and as a module: the engine's frames, no torch."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from genmo_blender.lite.pipeline import Pipeline
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
)
from genmo_blender.protocol.requests import Attachment, GenerateRequest, TextSpan
from tests.protocol.peer import Peer

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "genmo_blender"
Start = Callable[..., Peer]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    peers: list[Peer] = []

    def begin(*options: str, package: Path = PACKAGE) -> Peer:
        bytecode = ("--bytecode", str(tmp_path / "bytecode"))
        command = [sys.executable, "-I", "-X", "utf8", str(package / "lite" / "start.py"), *bytecode, "serve", *options]
        environment = {"HOME": str(tmp_path), "PATH": "/usr/bin:/bin", "OMP_NUM_THREADS": "1"}
        peers.append(Peer(command, tmp_path / f"log{len(peers)}", cwd=tmp_path, env=environment))
        return peers[-1]

    yield begin
    for peer in peers:
        peer.kill()


def a_request(steps: int = 3, **changes: object) -> GenerateRequest:
    texts = (TextSpan("a person walks forward", 0.0, 1.0), TextSpan("a person waves", 1.0, 2.0))
    return GenerateRequest(2.0, texts, seed=5, takes=2, steps=steps, **changes)  # type: ignore[arg-type]


def test_it_says_hello_then_ready_and_answers_with_the_pipelines_takes(start: Start, tmp_path: Path) -> None:
    peer = start()
    assert isinstance(peer.next(), Hello)
    ready = peer.until(Ready).capabilities
    assert ready.model == "genmo_mini" and ready.strips == ("text", "keys", "music") and ready.device == "cpu"
    peer.send(Generate(1, a_request().to_dict()))
    takes = peer.until(Result).result.takes
    expected = Pipeline.load(None, tmp_path / "cache").generate(a_request()).takes
    for got, want in zip(takes, expected, strict=True):
        assert np.allclose(got.rotations, want.rotations, atol=1e-4) and np.allclose(got.transl, want.transl, atol=1e-4)


def test_an_installed_folder_of_any_name_serves_without_the_engine_and_the_add_on(start: Start, tmp_path: Path) -> None:
    package = tmp_path / "bl_ext é" / "another name"
    shutil.copytree(PACKAGE, package, ignore=shutil.ignore_patterns("engine", "addon", "__pycache__"))
    (package / "assets").symlink_to(ROOT / "assets", target_is_directory=True)
    peer = start(package=package)
    peer.send(Generate(1, a_request().to_dict()))
    assert len(peer.until(Result).result.takes) == 2
    assert not list(package.rglob("*.pyc"))


def test_byte_code_goes_where_it_was_told_and_none_into_the_package(start: Start, tmp_path: Path) -> None:
    start().until(Ready)
    kept = {path.parent.parent.name for path in (tmp_path / "bytecode").rglob("*.pyc")}
    assert {"lite", "model", "motion", "prompts", "protocol"} <= kept


def test_a_running_job_stops_between_steps_and_the_next_gives_its_own_result(start: Start) -> None:
    peer = start()
    peer.send(Generate(1, a_request(1000).to_dict()))
    while peer.until(Progress).stage != "solving":
        pass
    peer.send(Cancel(1))
    assert peer.until(Cancelled).job == 1
    peer.send(Generate(2, a_request().to_dict()))
    assert peer.until(Result).job == 2


def test_it_ends_when_it_is_told_to_and_when_its_input_ends(start: Start) -> None:
    told, left = start(), start()
    told.until(Ready)
    told.send(Shutdown())
    left.close_input()
    assert told.end() == 0 and left.end() == 0


def test_truncated_weights_are_told_in_a_sentence_and_fail_the_job(start: Start, tmp_path: Path) -> None:
    damaged = tmp_path / "half.safetensors"
    damaged.write_bytes((ROOT / "assets" / "genmo_mini.safetensors").read_bytes()[:500_000])
    peer = start("--model", str(damaged))
    told = peer.until(NotReady).failure
    peer.send(Generate(1, a_request().to_dict()))
    failed = peer.until(Failed).failure
    assert told.to_dict() == failed.to_dict() and "damaged or cut short" in told.sentence


def test_footage_is_refused_in_a_sentence(start: Start) -> None:
    peer = start()
    data = np.frombuffer(b"a film", dtype=np.uint8)
    sha256 = hashlib.sha256(data.tobytes()).hexdigest()
    film = Attachment("film.mp4", sha256, len(data))
    peer.send(Generate(1, a_request(attachments=(film,)).to_dict()))
    assert peer.until(Need).sha256 == (sha256,)
    peer.send(Chunk(sha256, 0, True, data))
    failure = peer.until(Failed).failure
    assert failure.code == "needs_engine" and "film.mp4" in failure.sentence


ALONE = """
import os, sys
events = []
sys.addaudithook(lambda name, arguments: events.append(name))
from genmo_blender.lite import __main__ as lite
from genmo_blender.protocol.requests import GenerateRequest, TextSpan
early = "numpy" in sys.modules
from genmo_blender.protocol import serving
serving.serve = lambda arguments, load: sys.exit(os.environ["OPENBLAS_NUM_THREADS"])
try:
    lite.main(["serve"])
except SystemExit as end:
    threads = end.code
request = GenerateRequest(1.0, (TextSpan("a person jumps", 0.0, 1.0),), steps=2)
lite._load(None).generate(request, lambda *count: None, lambda: False)
print(early, threads, sorted({name for name in events if name.startswith("socket")}), "torch" in sys.modules)
"""


def test_a_motion_is_made_in_one_thread_without_torch_and_without_a_socket(tmp_path: Path) -> None:
    command, environment = [sys.executable, "-c", ALONE], {"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"}
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=True, env=environment)
    assert done.stdout.split() == ["False", "1", "[]", "False"]


def test_it_starts_as_a_module_too_and_imports_nothing_but_numpy() -> None:
    code = (
        "import sys; before = set(sys.modules); import genmo_blender.lite.pipeline;"
        "import genmo_blender.protocol.serving;"
        "roots = {n.split('.')[0] for n in set(sys.modules) - before};"
        "print(sorted(r for r in roots if r not in sys.stdlib_module_names and not r.startswith('_')))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.strip() == "['genmo_blender', 'numpy']"
    module = [sys.executable, "-m", "genmo_blender.lite"]
    served = subprocess.run([*module, "serve"], input=b"", capture_output=True, cwd=ROOT, check=True)
    assert served.stdout.startswith(b"\x89GENMO")
    wrong = subprocess.run([*module, "dance"], capture_output=True, text=True, cwd=ROOT, check=False)
    assert wrong.returncode == 2 and "usage" in wrong.stderr and "Traceback" not in wrong.stderr
