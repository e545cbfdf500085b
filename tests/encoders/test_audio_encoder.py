"""Sounds to vectors."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from shoplens.encoders.audio import MOST_WINDOWS, WINDOW_SECONDS, WhisperAudioEncoder, windows
from shoplens.encoders.base import EncoderOptions, open_encoder
from shoplens.encoders.media import SOUND_RATE
from shoplens.testing.encoders import check_encoder
from shoplens.testing.sample_media import sample_tone

pytest.importorskip("faster_whisper", reason="the extra `speech` is not installed")


@pytest.fixture(scope="module")
def encoder(model_cache: Path) -> WhisperAudioEncoder:
    return WhisperAudioEncoder.open(EncoderOptions(model_cache, threads=1))


def test_like_sounds_are_near(encoder: WhisperAudioEncoder) -> None:
    noise = np.random.default_rng(0).normal(0, 0.1, 16_000).astype(np.float32)
    tones = [sample_tone(1.0, pitch=440), sample_tone(1.6, pitch=470)]
    vectors = encoder.encode([*tones, noise, np.zeros(16_000, np.float32), np.zeros(0, np.float32)])
    assert vectors.shape == (5, encoder.size) == (5, 512)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    near = vectors @ vectors.T
    assert near[0, 1] > near[:2, 2].max() + 0.1
    assert near[3, 4] == pytest.approx(1)  # silence is silence
    assert np.abs(near[3, :3]).max() < 0.3


def test_long_sounds_cost_no_more_than_some_windows() -> None:
    long = np.arange(600 * SOUND_RATE, dtype=np.float32)
    pieces = windows(long)
    assert len(pieces) == MOST_WINDOWS
    assert all(len(one) == WINDOW_SECONDS * SOUND_RATE for one in pieces)
    assert pieces[0][0] == 0
    assert pieces[-1][-1] == long[-1]
    assert [len(one) for one in windows(long[: 45 * SOUND_RATE])] == [30 * SOUND_RATE, 15 * SOUND_RATE]


@pytest.mark.slow
def test_conformance(model_cache: Path) -> None:
    sounds = [sample_tone(0.5), np.zeros(100, np.float32), sample_tone(31.0, pitch=100)]
    check_encoder(lambda: open_encoder("whisper-base", EncoderOptions(model_cache, threads=1)), sounds)
