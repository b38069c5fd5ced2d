"""Command lines with numbers and places that cannot be: one sentence, a code that is not 0, and no work begun."""

from __future__ import annotations

from pathlib import Path

import pytest

from genmo_blender.engine.__main__ import main
from genmo_blender.engine.training.averaging import main as averaging
from genmo_blender.engine.training.pairing import main as pairing

DATA = str(Path(__file__).parents[1] / "data" / "motion")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("train --steps -4", "“-4” is no whole number from 1 on"),
        ("train --steps 0", "“0” is no whole number from 1 on"),
        ("train --seconds nan", "“nan” is no number above 0"),
        ("train --seconds -3", "“-3” is no number above 0"),
        ("train --steps 1 --seed -1", "“-1” is no whole number from 0 on"),
        ("train --steps 1 --seed 2147483647", "a seed lies between 0 and 2147483639"),
        ("train-evaluator --steps 0", "“0” is no whole number from 1 on"),
        ("evaluate --seed -1", "“-1” is no whole number from 0 on"),
        ("rules --seeds 0", "“0” is no whole number from 1 on"),
        ("bench --rounds 0", "“0” is no whole number from 1 on"),
        ("ablate modes --layers 0", "“0” is no whole number from 1 on"),
    ],
)
def test_numbers_that_make_no_sense(words, told, tmp_path, capsys):
    command, *rest = words.split()
    folders = [] if command in ("rules", "bench") else ["--data", DATA]
    with pytest.raises(SystemExit) as ended:
        main([command, *folders, "--out", str(tmp_path / "out"), *rest])
    assert ended.value.code == 2
    assert capsys.readouterr().err.endswith(f"{told}\n")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("command", ["train --steps 1", "pack", "evaluate", "rules", "train-evaluator"])
def test_a_place_that_cannot_be_written_is_told_before_the_work(command, tmp_path, capsys):
    (tmp_path / "file").write_text("in the way")
    command, *rest = command.split()
    folders = [] if command == "rules" else ["--data", str(tmp_path / "not there")]
    assert main([command, *folders, "--out", str(tmp_path / "file" / "out"), *rest]) == 1
    told = capsys.readouterr().err
    assert told.startswith(f"The folder {tmp_path / 'file'}") and told.count("\n") == 1


def test_an_unknown_command_is_named(capsys):
    assert main(["nonsense"]) == 2
    assert capsys.readouterr().err.startswith("There is no command “nonsense”.\n")


def test_what_is_not_there_is_told(tmp_path, capsys):
    assert pairing(["--data", str(tmp_path / "none"), "--songs", str(tmp_path)]) == 1
    assert capsys.readouterr().err == f"There is no file and no folder {tmp_path / 'none'}. Check the path.\n"


@pytest.mark.parametrize("share", ["x", "nan", "1.5", "-0.1"])
def test_a_share_that_is_none(share, tmp_path, capsys):
    assert averaging(["a", "b", share, str(tmp_path / "out.safetensors")]) == 2
    assert capsys.readouterr().err == f"“{share}” is no share from 0 to 1.\n"


def test_files_of_takes_and_folders_where_a_pack_is_asked_for(tmp_path, capsys):
    (tmp_path / "empty.npz").write_bytes(b"")
    assert main(["reduce-keys", "--takes", str(tmp_path / "empty.npz")]) == 1
    assert "empty.npz holds no motion" in capsys.readouterr().err
    assert main(["reduce-keys", "--data", DATA]) == 1
    assert "is a folder, and packed motion is asked for" in capsys.readouterr().err
