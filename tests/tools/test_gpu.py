"""The script for a graphics card: what it brings back survives being cut at any moment."""

import json
from pathlib import Path

import pytest

from tools.gpu import parts, run


def weights(path: Path, step: int, size: int) -> Path:
    header = json.dumps({"__metadata__": {"genmo": json.dumps({"card": {"steps": step}})}}).encode()
    path.write_bytes(len(header).to_bytes(8, "little") + header + bytes([step % 256]) * size)
    return path


def test_a_file_in_parts_is_the_file_again(tmp_path):
    source = tmp_path / "source"
    source.write_bytes(bytes(range(256)) * 40)
    entry = parts.split(source, tmp_path, "x", largest=3000)
    assert entry["parts"] == ["x.0", "x.1", "x.2", "x.3"]
    assert max((tmp_path / name).stat().st_size for name in entry["parts"]) <= 3000
    parts.join(tmp_path, [entry], tmp_path / "joined")
    assert (tmp_path / "joined").read_bytes() == source.read_bytes()


def test_the_older_set_is_taken_when_the_newest_is_incomplete_or_mixed(tmp_path, monkeypatch):
    monkeypatch.setattr(parts.split, "__defaults__", (500,))
    results = run.Results(tmp_path)
    first, second = (weights(tmp_path / "w", step, 900).read_bytes() for step in (1, 2))
    for step in (1, 2):
        assert results.weights(weights(tmp_path / "w", step, 900)) == step
    assert parts.join(tmp_path, results.report["weights"], tmp_path / "joined")["step"] == 2
    assert (tmp_path / "joined").read_bytes() == second
    newest = tmp_path / results.report["weights"][0]["parts"][1]
    newest.write_bytes(first[500:1000])
    assert parts.join(tmp_path, results.report["weights"], tmp_path / "joined")["step"] == 1
    newest.unlink()
    assert parts.join(tmp_path, results.report["weights"], tmp_path / "joined")["step"] == 1


def test_a_run_cut_while_it_writes_the_third_checkpoint_still_has_the_second(tmp_path, monkeypatch):
    results = run.Results(tmp_path)
    for step in (1, 2):
        results.weights(weights(tmp_path / "w", step, 900))

    def cut(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(parts, "split", cut)
    with pytest.raises(KeyboardInterrupt):
        results.weights(weights(tmp_path / "w", 3, 900))
    assert parts.main(str(tmp_path), str(tmp_path / "joined")) == 0
    assert run.step_of(tmp_path / "joined") == 2


def test_at_most_eight_small_files_come_back_from_the_larger_preset(tmp_path):
    results = run.Results(tmp_path)
    for step in (1, 2, 3):
        results.weights(weights(tmp_path.parent / "w", step, 22 * 2**20))
    results.note(done=True)
    results.console(tmp_path / "none")
    (tmp_path / "log.jsonl").touch()
    files = list(tmp_path.iterdir())
    assert len(files) <= 8 and sum(f.stat().st_size for f in files) < 64 * 2**20
    assert all(f.stat().st_size <= 15 * 2**20 for f in files)
    assert [entry["step"] for entry in json.loads((tmp_path / "report.json").read_text())["weights"]] == [3, 2]


def test_a_folder_without_a_complete_set_is_refused(tmp_path, capsys):
    (tmp_path / "report.json").write_text(json.dumps({"weights": [{"parts": ["a.0"], "sha256": "", "step": 1}]}))
    assert parts.main(str(tmp_path), str(tmp_path / "joined")) == 1
    assert "complete" in capsys.readouterr().err
