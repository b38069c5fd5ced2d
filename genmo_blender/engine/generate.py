"""``generate``: prompts, keyed poses and music on the command line -> an AMASS-like npz, without Blender."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

import numpy as np

from ..motion.kinematics import joint_positions
from ..motion.rotations import to_rotation_vector
from ..motion.skeleton import assets_folder, canonical
from ..prompts.checks import BUNDLED_LIMIT, check_prompt
from ..prompts.wordpiece import load_wordpiece
from ..protocol.attachments import attachment_of
from ..protocol.failures import StorageFailure
from ..protocol.keys import KeyedPoses
from ..protocol.motions import Take
from ..protocol.prompt_ranges import parse_prompt, range_length
from ..protocol.requests import CROSSFADE, MODEL_FPS, GenerateRequest, MusicSpan, validate, with_crossfades
from .key_file import read_direction, read_keys
from .pipeline import Pipeline


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command line of ``generate``."""
    parser.add_argument(
        "--prompt", action="append", default=[], metavar='"START-END: sentence"', help="decimal seconds"
    )
    parser.add_argument(
        "--keys",
        type=Path,
        metavar="KEYS.npz",
        help="poses to meet, in the world of --out: time (K,) seconds, root_orient, pose_body, trans and betas as in "
        "--out, joint_mask (K, 22) what of them is given (0: the root's rotation and place)",
    )
    parser.add_argument(
        "--path",
        type=Path,
        metavar="PATH.npz",
        help="where the root goes, in the world of --out: times (N,) seconds and places (N, 2) on the floor, x and z; "
        "headings (N,) radians where given, else along the path; fixed 0: at its own pace; way_times (W,) and "
        "way_places (W, 2): waypoints, passed when it suits up to way_until (W,) where given",
    )
    parser.add_argument(
        "--pins",
        type=Path,
        metavar="PINS.npz",
        help="parts held at points: left_hand_times (N,) and left_hand_ease (2,) seconds, left_hand_points (N, 3), "
        "left_hand_turns (N, 4) to hold its rotation; so right_hand, left_foot, right_foot, hips, head",
    )
    parser.add_argument("--music", type=Path, metavar="FILE", help="a song to dance to, from its beginning")
    parser.add_argument(
        "--length", type=float, metavar="SECONDS", help="length; without it the last prompt's end or the last key"
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--takes", type=int, default=1, help="take k has seed + k; files get -1, -2, ... before .npz")
    parser.add_argument("--steps", type=int, default=GenerateRequest.steps)
    parser.add_argument(
        "--guidance", type=float, default=GenerateRequest.guidance, help="text strength, 0 to 20; 1 to 5 are of use"
    )
    parser.add_argument("--model", type=Path, help="a checkpoint; the bundled model without it")
    parser.add_argument("--text-encoder", type=Path, metavar="FOLDER", help="the T5 of an official checkpoint")
    parser.add_argument("--raw", action="store_true", help="leave the clean-up away")
    parser.add_argument(
        "--no-fit",
        action="store_true",
        help="leave out the pass that bends the motion to meet keys at their own times, and path, waypoints and pins "
        "at all; without it keys are met on "
        "the nearest thirtieth of a second",
    )
    parser.add_argument("--out", type=Path, required=True, metavar="FILE.npz")


def generate(options: argparse.Namespace) -> int:
    """Run ``generate``; returns the exit code. Raises GenmoFailure for what a person can mend."""
    spans = [parse_prompt(text) for text in options.prompt]
    keys = None if options.keys is None else read_keys(options.keys)
    direction = read_direction(options.path, options.pins)
    last = [at for at in (last_key(keys), None if direction is None else direction.last) if at is not None]
    length = range_length(spans, options.length, max(last, default=None))
    song = () if options.music is None else (attachment_of(options.music),)
    request = GenerateRequest(
        duration=length,
        texts=with_crossfades(spans, CROSSFADE),
        seed=options.seed,
        takes=options.takes,
        steps=options.steps,
        guidance=options.guidance,
        clean_up=not options.raw,
        attachments=song,
        music=tuple(MusicSpan(a.sha256, 0.0, length) for a in song),
        keys=keys,
        fit=not options.no_fit,
        direction=direction,
    )
    validate(request)
    if (options.out.exists() and not options.out.is_file()) or not options.out.absolute().parent.is_dir():
        raise StorageFailure("out", f"{options.out} is not a file in an existing folder.", "Choose another --out.")
    with _fresh(options.out):
        pass  # said before the model is loaded, not when the motion is there
    if options.model is None:
        _tell_of_prompts(span.text for span in spans)
    # Frames of the half-open range: 4 s are 120 frames, as in AMASS, and one more for a key at the very end.
    frames = max(1, round(request.duration * MODEL_FPS))
    if last:
        frames = max(frames, min(round(max(last) * MODEL_FPS) + 1, request.frames))
    pipeline = Pipeline.load(options.model, text_encoder=options.text_encoder)
    try:
        result = pipeline.generate(request, _show)
    finally:
        print(file=sys.stderr)  # what is said next begins its own line, a failure too
    for i, take in enumerate(result.takes):
        path = options.out if len(result.takes) == 1 else options.out.with_stem(f"{options.out.stem}-{i + 1}")
        write_npz(path, take, frames)
        for note in take.report.get("ignored", ()):
            print(note, file=sys.stderr)
        print(path)
    return 0


def last_key(keys: KeyedPoses | None) -> float | None:
    """Seconds of the last key; None where there is none."""
    return float(keys.time.max()) if keys is not None and len(keys.time) else None


def _show(stage: str, done: int, of: int) -> None:
    print(f"\r{stage} {done}/{of}   ", end="", file=sys.stderr, flush=True)


def write_npz(path: Path, take: Take, frames: int) -> None:
    """AMASS-like arrays, Y up, metres, radians, floor at y = 0, written atomically (issue's "commands").

    ``root_orient`` (T, 3), ``pose_body`` (T, 63), ``trans`` (T, 3) the pelvis joint, ``betas`` (10,),
    ``mocap_frame_rate``, ``joints`` (T, 22, 3) on the canonical skeleton. Raises StorageFailure.
    """
    rotations, transl = take.rotations[:frames].astype(np.float64), take.transl[:frames].astype(np.float64)
    vectors = to_rotation_vector(rotations)
    arrays = {
        "root_orient": vectors[:, 0],
        "pose_body": vectors[:, 1:].reshape(len(vectors), 63),
        "trans": transl,
        "betas": take.betas,
        "joints": joint_positions(canonical(), rotations, transl),
    }
    with _fresh(path) as file:
        np.savez(
            file,
            allow_pickle=False,
            mocap_frame_rate=np.float64(MODEL_FPS),
            **{k: np.asarray(v, dtype=np.float32) for k, v in arrays.items()},
        )
        file.close()
        os.replace(file.name, path)


@contextmanager
def _fresh(path: Path) -> Iterator[IO[bytes]]:
    """A new file beside ``path``, gone afterwards unless it has been moved. Raises StorageFailure."""
    fresh = path.with_name(path.name + ".new")
    try:
        with open(fresh, "wb") as file:
            yield file
    except OSError as error:
        raise StorageFailure(
            "cannot_write", f"{path} could not be written ({error.strerror}).", "Choose another --out."
        ) from error
    finally:
        with suppress(OSError):
            fresh.unlink(missing_ok=True)


def _tell_of_prompts(texts: Iterable[str]) -> None:
    """What the bundled encoder does not hear of the prompts, on standard error."""
    tokeniser = load_wordpiece(assets_folder() / "text_encoder" / "vocab.txt")
    for text in texts:
        for sentence in check_prompt(text, tokeniser, BUNDLED_LIMIT).sentences():
            print(f"“{text[:60]}”: {sentence}", file=sys.stderr)
