"""Sound of every container to samples."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shoplens.encoders.media import SOUND_RATE, MediaLimits, Sound
from shoplens.encoders.media_sound import decode_sound
from shoplens.errors import InputError
from shoplens.testing.sample_media import (
    sample_float_wav,
    sample_photo,
    sample_sound_file,
    sample_tone,
    sample_video,
    sample_wav,
)


def sound_of(content: bytes, limits: MediaLimits | None = None) -> Sound:
    return decode_sound(io.BytesIO(content), "sound", limits or MediaLimits())


def pitch_of(sound: Sound) -> float:
    """Hertz of the strongest tone."""
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound))))
    return float(spectrum.argmax()) * SOUND_RATE / len(sound)


@pytest.mark.parametrize(
    ("container", "codec"),
    [
        ("ogg", "libopus"),
        ("webm", "libopus"),
        ("mp3", "libmp3lame"),
        ("flac", "flac"),
        ("mp4", "aac"),
        ("adts", "aac"),
        ("wav", "pcm_s24le"),
        ("aiff", "pcm_s16be"),
        ("caf", "pcm_f32le"),
        ("mpegts", "mp2"),
    ],
)
def test_containers(container: str, codec: str) -> None:
    sound = sound_of(sample_sound_file(sample_tone(1, rate=48_000, pitch=1_000), container=container, codec=codec))
    assert sound.dtype == np.float32
    assert len(sound) == pytest.approx(SOUND_RATE, rel=0.05)
    assert pitch_of(sound) == pytest.approx(1_000, abs=5)
    assert np.abs(sound[4_000:12_000]).max() == pytest.approx(0.3, abs=0.05)


@given(st.sampled_from([8_000, 11_025, 22_050, 44_100, 48_000, 96_000]), st.integers(1, 6))
@settings(max_examples=12, deadline=None)
def test_rates_and_channels(rate: int, channels: int) -> None:
    sound = sound_of(sample_wav(sample_tone(0.5, rate=rate, pitch=500), rate=rate, channels=channels))
    assert len(sound) == pytest.approx(SOUND_RATE / 2, abs=50)
    assert pitch_of(sound) == pytest.approx(500, abs=5)
    assert np.abs(sound).max() == pytest.approx(0.3, abs=0.02)


def test_samples_are_kept_as_they_are() -> None:
    tone = sample_tone(0.5)
    assert np.array_equal(sound_of(sample_float_wav(tone)), tone)


def test_only_so_much_is_decoded() -> None:
    content = sample_sound_file(sample_tone(20, rate=48_000), container="ogg", codec="libopus")
    assert len(sound_of(content, MediaLimits(max_sound_seconds=3.5))) == 56_000


def test_a_video_without_sound_is_no_error() -> None:
    assert len(sound_of(sample_video())) == 0


def test_pictures_are_no_sound() -> None:
    for content in (sample_photo(), sample_photo("PNG"), sample_photo("GIF")):
        with pytest.raises(InputError, match="this is a picture"):
            sound_of(content)
