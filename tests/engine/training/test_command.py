"""``train`` and ``pack`` as they are called, on the tests' motion with one clip held out."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from genmo_blender.engine.__main__ import main
from genmo_blender.engine.checkpoint import load_checkpoint
from genmo_blender.engine.training import command
from genmo_blender.engine.training.songs import SongTable, load, save
from genmo_blender.sound import music

from ..conditions.sounds import clicks, write_wave
from .importers.test_aistpp import NAMES, dance
from .importers.test_keypoints import write as write_keypoints

ROOT = Path(__file__).parents[3]
DATA = ROOT / "tests" / "data" / "motion"
# Imports of these fail: a machine with torch, numpy and safetensors alone can train.
ABSENT = ("scipy", "bpy", "sounddevice", "av", "PIL", "transformers", "matplotlib", "pandas")
WITHOUT = f"import sys; sys.modules.update(dict.fromkeys({ABSENT!r}))\nfrom genmo_blender.engine.__main__ import main\n"


def some_of_the_motion(folder, begin, end):
    """Clips ``begin`` to ``end`` of the tests' motion, the first of them held out."""
    shutil.copytree(DATA, folder)
    content = json.loads((folder / "clips.json").read_text())
    content["clips"] = content["clips"][begin:end]
    content["clips"][0]["split"] = "val"
    (folder / "clips.json").write_text(json.dumps(content))
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return some_of_the_motion(tmp_path_factory.mktemp("data") / "motion", 0, 4)


def engine(home, *arguments):
    environment = os.environ | {"HOME": str(home), "PYTHONPATH": str(ROOT), "GENMO_PAUSED_BY": str(os.getpid())}
    code = WITHOUT + f"sys.exit(main({[str(a) for a in arguments]!r}))"
    return subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=600)


def test_a_packed_file_trains_and_resumes_with_torch_numpy_and_safetensors_alone(folder, tmp_path):
    packed, out = tmp_path / "motion.pack.npz", tmp_path / "run"
    done = engine(tmp_path, "pack", "--data", folder, "--out", packed)
    assert done.returncode == 0 and "MB" in done.stdout, done.stderr
    train = ("train", "--data", packed, "--out", out, "--device", "cpu", "--batch", 4, "--threads", 1)
    done = engine(tmp_path, *train, "--steps", 2, "--learning-rate", 1e-4)
    assert done.returncode == 0, done.stderr
    assert not list((tmp_path / ".cache" / "genmo_blender" / "training").glob("motion*"))  # nothing was locked
    done = engine(tmp_path, *train, "--steps", 3, "--resume", "--accumulate", 2)
    assert done.returncode == 0, done.stderr
    record = load_checkpoint(out / "genmo_mini.safetensors").record
    assert (record.card["steps"], record.card["windows"]) == (3, 12)
    assert record.licence == "CC-BY-4.0" and "note" not in done.stdout  # free data, free weights
    steps = [json.loads(line)["step"] for line in (out / "log.jsonl").read_text().splitlines()]
    assert steps == [2, 2, 3, 3]  # losses and held-out losses, before and after


@pytest.fixture
def refused(capsys, monkeypatch, tmp_path):
    """Call ``train`` and return its one sentence."""
    monkeypatch.setattr(command, "CACHE", tmp_path / "cache")

    def call(*arguments, out=tmp_path / "run"):
        assert main(["train", "--out", str(out), "--steps", "1", *map(str, arguments)]) == 1
        said = capsys.readouterr().err
        assert len(said.splitlines()) == 1
        return said

    return call


def test_an_empty_folder(refused, tmp_path):
    (tmp_path / "empty").mkdir()
    assert "empty is empty" in refused("--data", tmp_path / "empty")


def test_a_folder_of_nothing_known_and_no_folder(refused, tmp_path):
    (tmp_path / "notes.txt").write_text("hello")
    assert "holds no motion of a kind that can be read" in refused("--data", tmp_path)
    assert "There is no file and no folder" in refused("--data", tmp_path / "nowhere")


def test_motion_without_a_held_out_performer(refused):
    assert "no clips of split “val”" in refused("--data", DATA)


def test_a_batch_that_leaves_a_twin_alone_and_one_that_cannot_be_cut(refused, folder):
    assert "batch of 7" in refused("--data", folder, "--batch", 7)
    assert "cannot be cut into 3 equal parts" in refused("--data", folder, "--batch", 8, "--accumulate", 3)


def test_weights_of_another_network(refused, folder):
    weights = ROOT / "assets" / "genmo_mini.safetensors"
    said = refused("--data", folder, "--preset", "mini", "--init", weights)
    assert "genmo_mini.safetensors is of another network than the preset's, which is 192 wide with 6 layers" in said


def test_a_run_that_is_already_there_and_one_that_is_not(refused, folder, tmp_path):
    assert "no run to resume" in refused("--data", folder, "--resume")
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "log.jsonl").touch()
    assert "already holds a run" in refused("--data", folder)


def test_songs_that_were_packed_for_other_motion(refused, folder, tmp_path):
    lengths = np.array([40])
    table = SongTable(torch.zeros(0, 35).half(), np.zeros(0, int), np.zeros(2, int), lengths * 0, lengths > 0)
    save(table, tmp_path / "other.songs.npz")
    assert "was made for other motion" in refused("--data", folder, "--songs", tmp_path / "other.songs.npz")
    assert "holds no songs" in refused("--data", folder, "--songs", folder)
    assert "not a table of songs" in refused("--data", folder, "--songs", tmp_path / "nothing.npz")


def test_songs_are_packed_beside_the_motion_and_a_run_takes_them(tmp_path, monkeypatch):
    monkeypatch.setattr(command, "CACHE", tmp_path / "cache")
    monkeypatch.setenv("GENMO_PAUSED_BY", str(os.getpid()))
    (tmp_path / "songs").mkdir()
    write_wave(tmp_path / "songs" / "march.wav", clicks(110.0, 8.0), music.RATE)
    dances, packed = some_of_the_motion(tmp_path / "dances", 6, 9), tmp_path / "motion.pack.npz"
    assert main(["pack", "--data", str(dances), "--songs", str(tmp_path / "songs"), "--out", str(packed)]) == 0
    table = load(tmp_path / "motion.songs.npz")
    assert len(table.offset) == 3 and len(table.first) > 0 and table.dance.any()
    run = ("--out", str(tmp_path / "run"), "--steps", "1", "--batch", "4", "--device", "cpu", "--threads", "1")
    assert main(["train", "--data", str(packed), "--songs", str(tmp_path / "motion.songs.npz"), *run]) == 0


def test_dances_without_a_word_train_on_their_own_songs_and_their_licence_goes_on_the_card(
    tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(command, "CACHE", tmp_path / "cache")
    monkeypatch.setenv("GENMO_PAUSED_BY", str(os.getpid()))
    data = tmp_path / "aist"
    data.mkdir()
    for name in NAMES[:2]:
        dance(data / f"{name}.pkl")
    for song in ("mBR0", "mBR1"):
        write_wave(data / f"{song}.wav", clicks(110.0, 4.0), music.RATE)
    run = ("--steps", "1", "--batch", "4", "--device", "cpu", "--threads", "1", "--preset", "mini_256")
    assert main(["train", "--data", str(data), "--out", str(tmp_path / "run"), *run]) == 0
    said = capsys.readouterr().out
    assert said.count("note: ") == 1 and "AIST's songs and SMPL are for non-commercial research" in said
    record = load_checkpoint(tmp_path / "run" / "genmo_mini.safetensors").record
    assert record.licence == "CC-BY-NC-4.0" and "AIST" in record.card["data_licences"][0]
    assert len(list((tmp_path / "cache").glob("songs_*.npz"))) == 2  # of both splits, though no --songs are given

    packed = tmp_path / "dances.pack.npz"
    assert main(["pack", "--data", str(data), "--out", str(packed)]) == 0
    assert "non-commercial" in capsys.readouterr().out
    assert load(tmp_path / "dances.songs.npz").dance.all()


def test_footage_without_motion_is_learned_from_beside_motion(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(command, "CACHE", tmp_path / "cache")
    monkeypatch.setenv("GENMO_PAUSED_BY", str(os.getpid()))
    given = []
    made = command.flat_table
    monkeypatch.setattr(command, "flat_table", lambda clips, corpus: given.append(made(clips, corpus)) or given[-1])
    for name in ("one", "two", "three"):
        path = write_keypoints(tmp_path / "footage" / name / "clip.json")
        path.with_suffix(".txt").write_text("a person juggles\n")
    data = ["--data", str(folder), str(tmp_path / "footage")]
    run = ["--out", str(tmp_path / "run"), "--preset", "mini", "--batch", "8", "--threads", "1", "--steps", "1"]
    assert main(["train", *data, *run]) == 0
    (table,) = given
    assert len(table.length) >= 2 and (table.length == 60).all() and (table.text >= 0).all()
    losses = json.loads((tmp_path / "run" / "log.jsonl").read_text().splitlines()[0])
    assert losses["keypoints"] > 0
