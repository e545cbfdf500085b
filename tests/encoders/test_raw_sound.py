"""Bare samples: any cut into chunks gives the same sound, at any rate."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shoplens.encoders.media import SOUND_RATE
from shoplens.encoders.raw_sound import RawSound
from shoplens.errors import InputError, UnsafeInputError
from shoplens.testing.sample_media import sample_tone


def raw(seconds: float, rate: int) -> bytes:
    return (sample_tone(seconds, rate=rate) * 32_767).astype("<i2").tobytes()


def heard(content: bytes, cuts: list[int], rate: int) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    sound = RawSound(rate)
    places = [0, *sorted(cuts), len(content)]
    pieces = [sound.feed(content[a:b]) for a, b in pairwise(places)]
    return np.concatenate([*pieces, sound.feed(b"", last=True)])


@given(st.lists(st.integers(0, 3_200), max_size=6), st.sampled_from([8_000, 16_000, 44_100]))
def test_where_chunks_end_does_not_matter(cuts: list[int], rate: int) -> None:
    content = raw(0.1, rate)
    assert np.allclose(heard(content, cuts, rate), heard(content, [], rate), atol=1e-4)


@pytest.mark.parametrize("rate", [8_000, 16_000, 44_100, 48_000])
def test_a_tone_stays_what_it_is(rate: int) -> None:
    sound = heard(raw(1.0, rate), [999], rate)
    assert len(sound) == pytest.approx(SOUND_RATE, abs=50)
    spectrum = np.abs(np.fft.rfft(sound))
    assert spectrum.argmax() * SOUND_RATE / len(sound) == pytest.approx(440, abs=2)
    assert np.abs(sound).max() == pytest.approx(0.3, abs=0.02)


def test_half_a_sample_at_the_end_is_no_sound() -> None:
    assert len(heard(b"\x01", [], 8_000)) == 0


@pytest.mark.parametrize("rate", [0, -1, 7_999, 48_001])
def test_rates_that_no_microphone_has(rate: int) -> None:
    with pytest.raises(InputError, match="between 8000 and 48000"):
        RawSound(rate)


def test_more_than_is_taken() -> None:
    sound = RawSound(max_bytes=10)
    sound.feed(b"12345678")
    with pytest.raises(UnsafeInputError, match="10 bytes"):
        sound.feed(b"90a")
