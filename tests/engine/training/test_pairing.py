import numpy as np
import pytest

from genmo_blender.engine.training import pairing, songs
from genmo_blender.engine.training.pack import Prepared
from genmo_blender.engine.training.windows import WINDOW
from genmo_blender.sound import music

from ..conditions.sounds import clicks
from .test_songs import swing, uneven


@pytest.fixture(scope="module")
def dances():
    return [swing(f"dance {k}", uneven(np.random.default_rng(k), 400), 400, ("dance",)) for k in range(4)]


@pytest.fixture(scope="module")
def table(dances):
    features = music.music_features(clicks(120.0, 10.0))
    return songs.build(dances, [songs.Song(features, np.flatnonzero(features[:, music.BEAT]))])


def test_windows_of_paired_dances_fit_their_own_songs_better_than_others(dances, table):
    found = pairing.pairs(dances, table)
    assert len(found) == 4 * 3 * (400 // WINDOW) and sum(pair.own for pair in found) == 4 * 2 * 3
    rng = np.random.default_rng(0)
    for kind in (pairing.MARKED, pairing.STRONG):
        told = pairing.fit([pair for pair in found if pair.own], kind, rng)
        assert told.score > told.shuffled + 0.1
        if kind == pairing.MARKED:
            assert told.offsets[pairing.FAR - 1 : pairing.FAR + 2].sum() > 0.85
    with pytest.raises(ValueError, match="two or more"):
        pairing.fit(found[:1], pairing.MARKED, rng)


def test_a_song_that_comes_late_is_told_by_the_offsets():
    beats = np.array([10, 40, 70, 100])
    late = [pairing.Pair(beats, {pairing.MARKED: beats + 3}, False)] * 2
    told = pairing.fit(late, pairing.MARKED, np.random.default_rng(0))
    assert told.offsets[pairing.FAR + 3] == 1.0 and told.score == pytest.approx(np.exp(-0.5)) and told.count == 4


def test_the_command_prints_a_line_for_each_kind_of_music_and_of_beats(dances, table, tmp_path, capsys, monkeypatch):
    songs.save(table, tmp_path / "dances.songs.npz")
    monkeypatch.setattr(pairing, "prepared", lambda data, cache: Prepared(tuple(dances), (), (), "", ()))
    pairing.main(["--data", "any.pack.npz", "--songs", str(tmp_path / "dances.songs.npz")])
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[:2] for line in lines[1:-1]] == [
        [music_of, kind] for music_of in ("real", "ours") for kind in ("marked", "heard", "strong")
    ]
    assert lines[-1].startswith("the motion's beats come every")
