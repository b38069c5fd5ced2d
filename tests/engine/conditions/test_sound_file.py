"""Decoding and resampling of sound."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from genmo_blender.engine.conditions.sound_file import read_sound
from genmo_blender.protocol.failures import EngineFailure, StorageFailure
from genmo_blender.sound.wav import read_wave, resampled

from .sounds import tone, write_wave

DATA = Path(__file__).parents[2] / "data" / "music"


@pytest.mark.parametrize("width", [1, 2, 3, 4])
def test_wave_files_of_every_width_give_the_samples_that_were_written(tmp_path: Path, width: int):
    samples = tone(440.0, 0.2, 8000)
    sound = read_sound(write_wave(tmp_path / "t.wav", samples, 8000, width))
    assert sound.rate == 8000 and sound.samples.dtype == np.float32
    np.testing.assert_allclose(sound.samples, samples, atol=2.0 / 2 ** (8 * width - 1) + 1e-6)


def test_channels_are_averaged(tmp_path: Path):
    both = np.stack([tone(440.0, 0.1), -0.5 * tone(440.0, 0.1)], axis=1)
    sound = read_sound(write_wave(tmp_path / "t.wav", both, 15360))
    np.testing.assert_allclose(sound.samples, 0.25 * tone(440.0, 0.1), atol=1e-4)


def test_reading_stops_where_it_is_told_to(tmp_path: Path):
    path = write_wave(tmp_path / "t.wav", tone(440.0, 2.0), 15360)
    assert read_sound(path, until=0.5).seconds == pytest.approx(0.5)
    assert 0.5 <= read_sound(DATA / "tone.ogg", until=0.5).seconds < 0.6


@pytest.mark.parametrize(("name", "longer"), [("tone.ogg", 0.001), ("tone.mp3", 0.001), ("tone.m4a", 0.03)])
def test_compressed_sound_comes_out_at_its_time_and_loudness(name: str, longer: float):
    sound = read_sound(DATA / name)
    assert sound.rate == 44100 and 0.6 <= sound.seconds + 1e-4 and sound.seconds <= 0.6 + longer
    begins = np.argmax(np.abs(sound.samples) > 0.25) / sound.rate
    assert begins == pytest.approx(0.25, abs=0.004)
    steady = sound.samples[round(0.35 * 44100) : round(0.5 * 44100)]
    assert np.sqrt(np.mean(steady**2)) == pytest.approx(0.5 / np.sqrt(2), rel=0.06)  # the coders lose some


def test_float_wave_files_are_read_by_the_general_decoder(tmp_path: Path):
    samples = tone(440.0, 0.1).astype("<f4")
    size = samples.nbytes
    header = b"RIFF" + (36 + size).to_bytes(4, "little") + b"WAVEfmt " + (16).to_bytes(4, "little")
    header += b"".join(n.to_bytes(k, "little") for n, k in ((3, 2), (1, 2), (15360, 4), (61440, 4), (4, 2), (32, 2)))
    path = tmp_path / "t.wav"
    path.write_bytes(header + b"data" + size.to_bytes(4, "little") + samples.tobytes())
    np.testing.assert_allclose(read_sound(path).samples, samples, atol=1e-6)


def test_files_without_sound_are_refused_with_one_sentence(tmp_path: Path):
    broken, empty, text = tmp_path / "broken.ogg", tmp_path / "empty.wav", tmp_path / "text.wav"
    broken.write_bytes((DATA / "tone.ogg").read_bytes()[:60])
    write_wave(empty, np.zeros(0), 15360)
    text.write_text("This is no sound.")
    picture = tmp_path / "picture.png"
    picture.write_bytes(bytes.fromhex("89504e470d0a1a0a0000000d49484452000000010000000108000000003a7e9b55"))
    for path, code in (
        (tmp_path / "nowhere.wav", "no_sound_file"),
        (tmp_path, "no_sound_file"),
        (broken, "sound_unreadable"),
        (empty, "no_sound"),
        (text, "sound_unreadable"),
    ):
        with pytest.raises(StorageFailure) as caught:
            read_sound(path)
        assert caught.value.code == code and caught.value.remedy
    with pytest.raises(StorageFailure):
        read_sound(picture)


def test_a_file_that_lost_its_end_keeps_its_beginning(tmp_path: Path):
    whole = write_wave(tmp_path / "t.wav", tone(440.0, 1.0), 15360).read_bytes()
    cut = tmp_path / "cut.wav"
    cut.write_bytes(whole[: len(whole) // 2 + 1])
    assert 0.4 < read_sound(cut).seconds < 0.6


def test_without_the_decoder_compressed_sound_is_refused_and_wave_is_read(tmp_path: Path, monkeypatch):
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(EngineFailure, match="decodes sound is not installed"):
        read_sound(DATA / "tone.ogg")
    assert len(read_sound(write_wave(tmp_path / "t.wav", tone(440.0, 0.1), 15360)).samples) == 1536


def test_the_built_in_engine_reads_wave_and_says_so_of_all_others(tmp_path: Path):
    path = write_wave(tmp_path / "t.wav", tone(440.0, 0.1), 15360)
    np.testing.assert_array_equal(read_wave(path).samples, read_sound(path).samples)
    with pytest.raises(StorageFailure, match=r"tone.ogg cannot be read by the built-in engine.*16-bit WAV"):
        read_wave(DATA / "tone.ogg")


@pytest.mark.parametrize("rate", [8000, 44100, 48000, 15360 * 0.8])
def test_resampling_keeps_a_tone(rate: float):
    seconds = 1.0
    samples = 0.5 * np.sin(2 * np.pi * 440.0 * np.arange(round(seconds * rate)) / rate)
    out = resampled(samples, 15360 / rate)
    assert len(out) == round(len(samples) * 15360 / rate)
    inside = slice(1500, -1500)
    np.testing.assert_allclose(out[inside], tone(440.0, seconds)[: len(out)][inside], atol=2e-3)


def test_resampling_down_removes_what_would_fold_back():
    high = 0.5 * np.sin(2 * np.pi * 10000.0 * np.arange(44100) / 44100)
    assert np.abs(resampled(high, 15360 / 44100)[500:-500]).max() < 2e-3
