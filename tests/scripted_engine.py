"""A real child process that speaks the engine's frames and misbehaves on demand; needs only Python and numpy.

``python tests/scripted_engine.py [switches]``. Without switches it is a fast, well-behaved engine whose motion is a
simple walk from where the character stands. The add-on's tests start it in place of the engine.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from genmo_blender.protocol.capabilities import Capabilities  # noqa: E402
from genmo_blender.protocol.failures import GenmoFailure, ModelFailure, RequestFailure  # noqa: E402
from genmo_blender.protocol.frames import Decoder, Frame, encode  # noqa: E402
from genmo_blender.protocol.messages import (  # noqa: E402
    STAGE_WORDS,
    Cancel,
    Cancelled,
    Chunk,
    Failed,
    Foreign,
    Generate,
    Heartbeat,
    Hello,
    Message,
    Need,
    NotReady,
    Progress,
    Ready,
    Result,
    Shutdown,
    Stopping,
    Unknown,
    from_frame,
    to_bytes,
)
from genmo_blender.protocol.motions import MotionResult, Take  # noqa: E402
from genmo_blender.protocol.requests import MODEL_FPS, GenerateRequest, StartState, validate  # noqa: E402

JOINTS = 22
L_HIP, R_HIP, L_SHOULDER, R_SHOULDER = 1, 2, 16, 17
PELVIS_HEIGHT = 0.93


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--steps", type=int, default=4, help="progress messages a job")
    add("--step-seconds", type=float, default=0.0, help="time a step takes")
    add("--load-seconds", type=float, default=0.0, help="time between hello and ready")
    add("--no-hello", action="store_true", help="start and never say a word")
    add("--banner", default="", help="text written before the first frame")
    add("--garbage-at", type=int, default=-1, help="write text instead of a frame at this step")
    add("--version", type=int, default=1, help="version of the pipe in every frame")
    add("--bytewise", action="store_true", help="write a byte at a time")
    add("--stray", action="store_true", help="print to standard output and error all the time, as libraries do")
    add("--not-ready", action="store_true", help="the model cannot be loaded")
    add("--stop-at", type=int, default=-1, help="SIGSTOP itself at this step")
    add("--mute-at", type=int, default=-1, help="live on at this step without another word, heartbeat included")
    add("--crash-at", type=int, default=-1, help="die at this step")
    add("--fail-at", type=int, default=-1, help="answer failed at this step")
    add("--deaf", action="store_true", help="ignore cancel and go on with the job")
    add("--late", action="store_true", help="at a cancel send the result nevertheless, then cancelled too")
    add("--twice", action="store_true", help="send every result twice, and progress after it")
    add("--unknown", action="store_true", help="send messages and fields from the future")
    add("--idle-after", type=int, default=-1, help="after so many jobs announce the idle end, then exit")
    add("--child", action="store_true", help="start a grandchild that holds standard output")
    add("--pid-file", type=Path, help="where process ids are written, one a line")
    return parser.parse_args()


def scripted_motion(request: GenerateRequest) -> MotionResult:
    """A walk of 1 m/s along the heading; arms and legs swing, each seed with its own pace."""
    times, start = np.arange(request.frames) / MODEL_FPS, request.start or StartState()
    takes = []
    for seed in range(request.seed, request.seed + request.takes):
        swing = np.sin(2 * np.pi * (0.8 + 0.02 * (seed % 20)) * times)
        rotations = np.zeros((len(times), JOINTS, 4), np.float32)
        rotations[..., 0] = 1.0
        half = start.heading / 2
        rotations[:, 0] = (np.cos(half), 0.0, np.sin(half), 0.0)
        for joint, amount in ((L_HIP, 0.4), (R_HIP, -0.4), (L_SHOULDER, -0.3), (R_SHOULDER, 0.3)):
            rotations[:, joint, 0] = np.cos(amount * swing / 2)
            rotations[:, joint, 1] = np.sin(amount * swing / 2)
        transl = np.tile(np.asarray(start.position, np.float32), (len(times), 1))
        transl[:, 0] += np.sin(start.heading) * times
        transl[:, 2] += np.cos(start.heading) * times
        transl[:, 1] += PELVIS_HEIGHT + 0.02 * (swing**2)
        contacts = np.zeros((len(times), 6), np.float32)
        contacts[:, :2] = (swing > 0)[:, None]
        contacts[:, 2:4] = (swing <= 0)[:, None]
        takes.append(Take(seed, rotations, transl, contacts, np.zeros(10, np.float32), {"notes": []}))
    return MotionResult(float(MODEL_FPS), tuple(takes), {"model": "scripted"})


class ScriptedEngine:
    def __init__(self, o: argparse.Namespace) -> None:
        self.o = o
        self.sink = os.dup(1)
        os.dup2(2, 1)
        self.lock = threading.Lock()
        self.muted = False
        self.jobs: dict[int, threading.Event] = {}
        self.work: list[Generate] = []
        self.ready = threading.Condition()
        self.received: dict[str, bytes] = {}

    def write(self, data: bytes) -> None:
        with self.lock:
            if self.muted:
                return
            pieces = [data[i : i + 1] for i in range(len(data))] if self.o.bytewise else [data]
            for piece in pieces:
                view = memoryview(piece)
                while view:
                    view = view[os.write(self.sink, view) :]

    def send(self, message: Message) -> None:
        if self.o.stray:
            print("a stray print")
            os.write(1, b"a stray write\n")
        data = to_bytes(message)
        if self.o.version != 1:
            data = encode(Frame(message.kind, message.parts()[0]), self.o.version)
        self.write(data)

    def run(self) -> None:
        if self.o.pid_file:
            self.o.pid_file.write_text(f"{os.getpid()}\n")
        if self.o.child:
            held = os.dup(self.sink)
            os.set_inheritable(held, True)
            if os.fork() == 0:
                time.sleep(600)
                os._exit(0)
        if self.o.no_hello:
            time.sleep(600)
        self.write(self.o.banner.encode())
        self.send(Hello("scripted", os.getpid()))
        threading.Thread(target=self.read, daemon=True).start()
        threading.Thread(target=self.live, daemon=True).start()
        time.sleep(self.o.load_seconds)
        if self.o.not_ready:
            self.send(NotReady(self.model_failure()))
        else:
            self.send(Ready(Capabilities(model="scripted", sha256="0" * 64, licence="CC0-1.0")))
        if self.o.unknown:
            self.write(encode(Frame("telepathy", {"thought": 1})))
        done = 0
        while done != self.o.idle_after:
            with self.ready:
                self.ready.wait_for(lambda: self.work)
                job = self.work.pop(0)
            self.generate(job)
            done += 1
        self.send(Stopping("idle"))
        time.sleep(0.5)  # what is sent to it now is never read
        os._exit(0)

    def model_failure(self) -> ModelFailure:
        return ModelFailure("weights_damaged", "The model's weights are damaged.", "Reinstall the extension.")

    def live(self) -> None:
        while True:
            time.sleep(0.2)
            self.write(to_bytes(Heartbeat()))

    def read(self) -> None:
        decoder = Decoder()
        while data := os.read(0, 1 << 16):
            for frame in decoder.feed(data):
                self.receive(from_frame(frame))
        os._exit(0)

    def receive(self, message: Message) -> None:
        match message:
            case Generate():
                with self.ready:
                    self.jobs[message.job] = threading.Event()
                    self.work.append(message)
                    self.ready.notify()
            case Cancel(job) if job in self.jobs and not self.o.deaf:
                self.jobs[job].set()
            case Chunk():
                kept = self.received.get(message.sha256, b"")
                with self.ready:
                    self.received[message.sha256] = kept + message.data.tobytes()
                    self.ready.notify()
            case Shutdown():
                os._exit(0)
            case Foreign(name):
                self.send(Unknown(name))

    def generate(self, message: Generate) -> None:
        try:
            self.send(self.solve(message))
        except GenmoFailure as failure:
            self.send(Failed(message.job, failure))

    def solve(self, message: Generate) -> Message:
        job, cancelled = message.job, self.jobs[message.job]
        request = GenerateRequest.from_dict(message.request)
        validate(request)
        if self.o.not_ready:
            raise self.model_failure()
        if request.attachments:
            self.send(Need(job, tuple(a.sha256 for a in request.attachments)))
            total = sum(a.size for a in request.attachments)
            with self.ready:
                self.ready.wait_for(lambda: cancelled.is_set() or sum(map(len, self.received.values())) >= total)
        for step in range(self.o.steps + 1):
            if cancelled.is_set():
                if self.o.late:
                    self.send(Result(job, scripted_motion(request)))
                return Cancelled(job)
            self.send(Progress(job, "solving", step, self.o.steps, STAGE_WORDS["solving"]))
            self.misbehave(step)
            time.sleep(self.o.step_seconds)
        result = Result(job, scripted_motion(request))
        if self.o.twice:
            self.send(result)
            self.send(Progress(job, "solving", 0, 1))
        if self.o.unknown:
            fields, arrays = result.parts()
            self.write(encode(Frame("result", {**fields, "mood": "good"}, {**arrays, "aura": np.ones(3, np.float32)})))
        return result

    def misbehave(self, step: int) -> None:
        if step == self.o.stop_at:
            time.sleep(0.1)  # let the words before it arrive
            os.kill(os.getpid(), signal.SIGSTOP)
        if step == self.o.mute_at:
            self.muted = True
            time.sleep(600)
        if step == self.o.crash_at:
            print("scripted crash", file=sys.stderr, flush=True)
            time.sleep(0.1)
            os.kill(os.getpid(), signal.SIGKILL)
        if step == self.o.garbage_at:
            self.write(b"Segmentation fault (core dumped)\n")
        if step == self.o.fail_at:
            raise RequestFailure("scripted", "This was asked to fail.", "Ask for something else.")


if __name__ == "__main__":
    ScriptedEngine(options()).run()
