"""Pairing rhythmic motion with songs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from genmo_blender.engine.training import motion_rhythm, own_music, songs
from genmo_blender.engine.training.samples import Clip
from genmo_blender.engine.training.windows import MAX_TEXTS, WINDOW, Windows, unheard
from genmo_blender.protocol.failures import StorageFailure
from genmo_blender.sound import music

from ..conditions.sounds import clicks, write_wave


def swing(name: str, beats: np.ndarray, frames: int, tags: tuple[str, ...]) -> Clip:
    """A body whose arms and legs swing to and fro and stop at each of ``beats``: half a frame later, for the speed of
    a frame is the step to the next one."""
    ends = np.concatenate([[beats[0] - 20], beats, [max(beats[-1], frames) + 20]]) + 0.5
    phase = np.interp(np.arange(frames), ends, np.arange(len(ends)))
    angle = 0.25 * (1 - np.cos(np.pi * phase))
    q = np.zeros((frames, 22, 4), dtype=np.float32)
    q[..., 0] = 1.0
    for joint in (1, 2, 16, 17):
        q[:, joint, 0], q[:, joint, 1] = np.cos(angle / 2), np.sin(angle / 2)
    return Clip(name, q, np.tile(np.float32([0, 0.9, 0]), (frames, 1)), (), tags, "train", "test")


def uneven(rng: np.random.Generator, frames: int) -> np.ndarray:
    beats = 10 + np.cumsum(rng.integers(13, 33, size=frames // 13))
    return beats[beats < frames - 12]


@pytest.fixture(scope="module")
def dance() -> Clip:
    return swing("dance", uneven(np.random.default_rng(3), 300), 300, ("dance",))


@pytest.fixture(scope="module")
def walk() -> Clip:
    return swing("walk", np.arange(8, 200, 16), 160, ("walk",))


@pytest.fixture(scope="module")
def click_song() -> songs.Song:
    features = music.music_features(clicks(120.0, 10.0))
    return songs.Song(features, np.flatnonzero(features[:, music.BEAT]))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("songs")
    for name, bpm in (("house", 120.0), ("march", 100.0), ("vibe_ace", 140.0)):
        write_wave(path / f"{name}.wav", clicks(bpm, 8.0), music.RATE)
    (path / "README.md").write_text("no sound")
    return path


@pytest.fixture(scope="module")
def table(dance: Clip, walk: Clip, folder: Path, tmp_path_factory: pytest.TempPathFactory) -> songs.SongTable:
    still = swing("still", np.array([30]), 90, ("stand",))
    return songs.song_table([still, dance, walk], folder, "train", tmp_path_factory.mktemp("cache"))


def windows(clip: list[int], first: list[int], length: list[int], told: list[bool]) -> Windows:
    n = len(clip)
    sentence = np.full((n, MAX_TEXTS), -1)
    sentence[told, 0] = 0
    nowhere = np.zeros((n, MAX_TEXTS), int)
    where = np.array(clip), np.array(first), np.array(length)
    return Windows(*where, sentence, nowhere, nowhere, *unheard(np.random.default_rng(0), n))


def test_dances_and_regular_motion_have_a_rhythm_and_nothing_else_has(dance: Clip, walk: Clip):
    found = motion_rhythm.rhythm_of(dance)
    assert found is not None and found.dance
    stepping = motion_rhythm.rhythm_of(walk)
    assert stepping is not None and not stepping.dance
    assert np.abs(stepping.beats[1:-1, None] - np.arange(8, 160, 16)).min(1).max() <= 1
    for name, beats, tags in (
        ("restless", np.array([20, 37, 54, 130, 147, 164, 250, 267, 284]), ("walk",)),
        ("regular speech", np.arange(8, 300, 16), ("gesture",)),
        ("one stop", np.array([30]), ("dance",)),
    ):
        assert motion_rhythm.rhythm_of(swing(name, beats, 300, tags)) is None


def test_a_pulse_meets_the_motion_beats_and_stays_nearly_steady(dance: Clip):
    beats = motion_rhythm.rhythm_of(dance).beats
    for period in (12.0, 15.0, 20.0):
        found = motion_rhythm.pulse(beats, dance.frames, period)
        assert found[0] <= 0 and found[-1] >= dance.frames
        away = np.abs(beats[:, None] - found).min(1)
        assert np.mean(away <= 1) > 0.9
        gaps = np.diff(found)
        assert gaps.min() >= 0.5 * period and gaps.max() <= 2 * period
        assert gaps.mean() == pytest.approx(period, rel=0.25)


def test_a_retimed_song_has_its_onsets_on_the_wanted_beats(click_song: songs.Song):
    wanted = np.cumsum(np.array([0.0, 13, 17, 21, 12, 16, 14, 18, 20, 15, 13, 17, 15])) - 4.0
    features = songs.retimed(click_song, wanted, 150, 3)
    inside = wanted[(wanted >= 0) & (wanted < 150)]
    np.testing.assert_array_equal(np.flatnonzero(features[:, music.BEAT]), inside)
    loud = np.flatnonzero(features[:, music.ONSET] > 0.5 * click_song.features[:, music.ONSET].max())
    assert np.abs(loud[:, None] - wanted).min(1).max() <= 2
    assert np.abs(inside[1:, None] - loud).min(1).max() <= 2
    assert bool(np.isfinite(features).all())


def test_a_song_is_repeated_for_a_longer_clip(click_song: songs.Song):
    wanted = np.arange(0.0, 920.0, 15.0)
    features = songs.retimed(click_song, wanted, 900, 3)
    assert np.flatnonzero(features[:, music.BEAT]).tolist() == list(range(0, 900, 15))
    last = features[800:, music.ONSET]
    assert last.max() > 0.5 * click_song.features[:, music.ONSET].max()


def test_our_own_music_is_heard_on_its_beats_and_is_the_same_for_a_seed():
    beats = np.arange(4.0, 300.0, 14.0)
    heard = 0
    for seed in range(8):
        sound = own_music.render(beats, 300, seed)
        assert sound.shape == (300 * 512,) and 0.1 < np.abs(sound).max() < 1.0
        np.testing.assert_array_equal(sound, own_music.render(beats, 300, seed))
        onset = music.music_features(sound)[:300, music.ONSET]
        on = np.round(beats).astype(int) + songs.HEARD_AFTER
        heard += onset[on].mean() > 1.5 * onset.mean()
    assert heard >= 7
    assert not np.array_equal(own_music.render(beats, 300, 0), own_music.render(beats, 300, 1))


def test_our_own_music_stresses_the_beats_that_are_danced_in_most_pieces():
    beats = np.arange(4.0, 300.0, 14.0)
    danced = np.isin(np.arange(len(beats)) % 5, (0, 2))
    stronger = []
    for seed in range(12):
        onset = music.music_features(own_music.render(beats, 300, seed, danced))[:300, music.ONSET]
        height = onset[np.round(beats).astype(int) + songs.HEARD_AFTER]
        stronger.append(height[danced].mean() / height[~danced].mean())
    assert np.mean(np.array(stronger) > 1.3) >= 0.5


def test_a_real_song_begins_where_its_strong_beats_are_danced():
    beats = np.arange(5, 320, 15)
    features = np.zeros((330, 35), dtype=np.float32)
    features[beats, music.ONSET] = np.where(np.arange(len(beats)) % 4 == 1, 3.0, 1.0)
    song, rng = songs.Song(features, beats), np.random.default_rng(0)
    for late in range(4):
        hits = np.arange(13) % 4 == late
        starts = {songs.fitting_start(song, hits, rng) for _ in range(20)}
        assert len(starts) > 1 and {(start + late) % 4 for start in starts} == {1}


def test_the_table_holds_tracks_of_rhythmic_clips_with_beats_on_the_motion(
    table: songs.SongTable, dance: Clip, walk: Clip
):
    np.testing.assert_array_equal(np.diff(table.offset), [0, 2 + songs.OWN, songs.REAL + songs.OWN])
    assert table.dance.tolist() == [False, True, False] and table.start.tolist() == [0, 90, 390]
    assert table.features.dtype == torch.float16 and bool(table.features.isfinite().all())
    own = motion_rhythm.rhythm_of(dance).beats
    for track in range(table.offset[1], table.offset[2]):
        rows = table.features[table.first[track] : table.first[track] + dance.frames]
        beats = np.flatnonzero(rows[:, music.BEAT] > 0)
        assert np.mean(np.abs(own[:, None] - beats).min(1) <= 1) > 0.85


def test_the_table_is_read_from_the_cache_and_made_anew_for_other_motion(
    dance: Clip, walk: Clip, folder: Path, tmp_path: Path
):
    first = songs.song_table([dance], folder, "train", tmp_path)
    kept = next(tmp_path.glob("songs_*.npz"))
    stamp = kept.stat().st_mtime_ns
    again = songs.song_table([dance], folder, "train", tmp_path)
    assert kept.stat().st_mtime_ns == stamp and torch.equal(first.features, again.features)
    songs.song_table([walk], folder, "train", tmp_path)
    assert len(list(tmp_path.glob("*"))) == 2
    kept.write_bytes(kept.read_bytes()[:100])
    with pytest.raises(StorageFailure, match="not a table of songs"):
        songs.song_table([dance], folder, "train", tmp_path)


def test_songs_held_out_are_for_validation_alone(folder: Path, tmp_path: Path):
    assert [p.stem for p in songs.song_files(folder, "train")] == ["house", "march"]
    assert [p.stem for p in songs.song_files(folder, "val")] == ["vibe_ace"]
    with pytest.raises(StorageFailure, match="holds no songs"):
        songs.song_files(tmp_path, "train")
    write_wave(tmp_path / "silent.wav", np.zeros(15360), 15360)
    with pytest.raises(StorageFailure, match="No beat is heard"):
        songs.load_song(tmp_path / "silent.wav")


def test_windows_get_the_rows_of_their_frames_and_zeros_elsewhere(table: songs.SongTable):
    drawn = windows([1, 1, 2, 0], [90 + 40, 90 + 200, 390, 0], [WINDOW, 60, WINDOW, 90], [True] * 4)
    track = np.array([table.offset[1], table.offset[1] + 3, table.offset[2], -1])
    encoded, present = songs.music_of(table, drawn, track)
    assert encoded.shape == (4, WINDOW, 35) and encoded.dtype == torch.float32
    assert present.sum(1).tolist() == [WINDOW, 60, WINDOW, 0]
    begin = int(table.first[table.offset[1] + 3]) + 200
    torch.testing.assert_close(encoded[1, :60], table.features[begin : begin + 60].float())
    torch.testing.assert_close(encoded[0, 0], table.features[int(table.first[table.offset[1]]) + 40].float())
    assert not encoded[1, 60:].any() and not encoded[3].any()


def test_a_walk_without_a_sentence_has_no_music_and_a_dance_has(table: songs.SongTable):
    n = 200
    drawn = windows([0, 1, 2, 2] * n, [0, 90, 390, 390] * n, [90, 120, 120, 120] * n, [True, False, False, True] * n)
    track = songs.draw_tracks(table, drawn, np.random.default_rng(0)).reshape(n, 4)
    assert bool((track[:, [0, 2]] == -1).all()) and bool((track[:, [1, 3]] >= 0).all())
    assert set(track[:, 1]) == set(range(table.offset[1], table.offset[2]))
    assert set(track[:, 3]) == set(range(table.offset[2], table.offset[3]))


def test_dances_are_drawn_inside_their_clips_without_sentences(table: songs.SongTable):
    drawn = songs.draw_dances(table, np.array([90, 300, 160]), np.random.default_rng(0), 300)
    assert set(drawn.clip) == {1} and bool((drawn.length == WINDOW).all()) and bool((drawn.sentence == -1).all())
    assert drawn.first.min() == 90 and drawn.first.max() == 90 + 300 - WINDOW
    assert bool((songs.draw_tracks(table, drawn, np.random.default_rng(0)) >= 0).all())


def test_a_corpus_without_dance_has_an_empty_table(click_song: songs.Song):
    table = songs.build([swing("still", np.array([30]), 90, ("stand",))], [click_song])
    drawn = windows([0], [0], [90], [True])
    track = songs.draw_tracks(table, drawn, np.random.default_rng(0))
    encoded, present = songs.music_of(table, drawn, track)
    assert track.tolist() == [-1] and not present.any() and not encoded.any()
    with pytest.raises(ValueError, match="no dance"):
        songs.draw_dances(table, np.array([90]), np.random.default_rng(0), 1)
