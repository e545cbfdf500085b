"""Sound without a file around it: bare samples, as microphones, telephones and `arecord -t raw` give them."""

from __future__ import annotations

import av
import numpy as np

from shoplens.encoders.media import SOUND_RATE, Sound
from shoplens.encoders.media_sound import Resampled
from shoplens.errors import InputError, UnsafeInputError

RATES = (8_000, 48_000)  # samples a second, from and to
WIDTH = 2  # bytes of a sample: signed, little-endian
SILENCE: Sound = np.zeros(0, np.float32)


class RawSound:
    """Signed 16-bit little-endian mono samples in, samples at `SOUND_RATE` out; a chunk may end within a sample."""

    def __init__(self, rate: int = SOUND_RATE, *, max_bytes: int = 200_000_000) -> None:
        if not RATES[0] <= rate <= RATES[1]:
            raise InputError(f"rate: {rate} samples a second; send between {RATES[0]} and {RATES[1]}")
        self._rate = rate
        self._left = self._most = max_bytes
        self._odd = b""  # the first byte of a sample whose second has not come
        self._resampled = Resampled()

    def feed(self, more: bytes, *, last: bool = False) -> Sound:
        """Samples that `more` completes, `last` those still held. float32 [samples]. UnsafeInputError if too many."""
        self._left -= len(more)
        if self._left < 0:
            raise UnsafeInputError(f"recording: refused, larger than {self._most:,} bytes")
        whole = self._odd + more
        end = len(whole) // WIDTH * WIDTH
        self._odd = whole[end:]
        samples = np.frombuffer(whole[:end], "<i2")
        if self._rate == SOUND_RATE:
            return samples.astype(np.float32) / 32_768.0
        pieces = list(self._resampled.add(self._frame(samples))) if len(samples) else []
        pieces += list(self._resampled.rest()) if last else []
        return np.concatenate(pieces) if pieces else SILENCE

    def _frame(self, samples: np.ndarray[tuple[int], np.dtype[np.int16]]) -> av.AudioFrame:
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples[None]), "s16", "mono")
        frame.sample_rate = self._rate
        return frame
