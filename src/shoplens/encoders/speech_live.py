"""Speech to text while somebody is still speaking: what has been said for good, and what seems to be coming.

Samples are held until a pause; then they are transcribed once and let go. In between, the words so far are guessed from
what is held, every few seconds. So memory and work are bounded, however long the recording.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from shoplens.encoders.media import SOUND_RATE, MediaLimits, Sound
from shoplens.encoders.media_pool import MediaPool
from shoplens.encoders.raw_sound import RawSound
from shoplens.encoders.speech import (
    MAX_SECONDS,
    NOTHING_SAID,
    PAUSE_SECONDS,
    Segment,
    SpeechRecogniser,
    Transcript,
    clean,
    speech_in,
)
from shoplens.errors import UnsafeInputError

LOOK_SECONDS = 0.4  # of new sound, before it is looked for pauses again
PARTIAL_SECONDS = 2.0  # of new sound, before the words so far are guessed again: a guess costs a second or two
LONGEST_SECONDS = 24.0  # that are held without a pause; Whisper looks at 30 at once
BEFORE_SPEECH = 0.5  # seconds of silence kept before a voice sets in


@dataclass(frozen=True, slots=True)
class Heard:
    """What a piece of sound added."""

    final: tuple[Segment, ...] = ()  # said for good, since the last time
    partial: str = ""  # what is being said; may still change


class LiveTranscript:
    """Transcribes a recording as it comes. For one thread."""

    def __init__(
        self,
        recogniser: SpeechRecogniser,
        *,
        language: str | None = None,
        partial_seconds: float | None = PARTIAL_SECONDS,
        max_seconds: float = MAX_SECONDS,
    ) -> None:
        self._recogniser = recogniser
        self._language = language
        self._partial_every = partial_seconds  # None: no guesses, only what is final
        self._most = max_seconds
        self._left = int(max_seconds * SOUND_RATE)
        self._held = np.zeros(0, np.float32)
        self._start = 0.0  # second of the recording at which `_held` begins
        self._looked = self._guessed = 0  # samples of `_held` at the last look, and at the last guess
        self._partial = ""
        self._final: list[Segment] = []
        self._languages: list[str] = []

    @property
    def settled(self) -> int:
        """Segments that are final so far."""
        return len(self._final)

    def feed(self, sound: Sound) -> Heard:
        """More samples, mono at 16 kHz. UnsafeInputError when the recording is longer than it may be."""
        self._left -= len(sound)
        if self._left < 0:
            raise UnsafeInputError(f"the recording is too long; {self._most:g} seconds are taken")
        self._held = np.concatenate([self._held, clean(sound)])
        if len(self._held) - self._looked < LOOK_SECONDS * SOUND_RATE:
            return Heard((), self._partial)
        self._looked = len(self._held)
        speech = speech_in(self._held)
        if not speech:
            self._let_go(len(self._held) - int(BEFORE_SPEECH * SOUND_RATE))
            return Heard((), "")
        end = self._finished(speech)
        if end:
            return Heard(self._settle(end), "")
        if self._partial_every is not None and len(self._held) - self._guessed >= self._partial_every * SOUND_RATE:
            self._guessed = len(self._held)
            self._partial = self._recogniser.transcribe(self._held, language=self._language).text
        return Heard((), self._partial)

    def finish(self) -> Transcript:
        """The whole, when the recording has ended."""
        if len(self._held):
            self._settle(len(self._held))
        if not self._final:
            return NOTHING_SAID
        language = max(set(self._languages), key=lambda one: (self._languages.count(one), one))
        return Transcript(" ".join(one.text for one in self._final), language, tuple(self._final))

    def _finished(self, speech: list[tuple[float, float]]) -> int:
        """Samples up to the last pause that is long enough; 0 when there is none yet."""
        seconds = len(self._held) / SOUND_RATE
        if seconds - speech[-1][1] >= PAUSE_SECONDS:
            return len(self._held)
        if len(speech) > 1:
            return int((speech[-2][1] + speech[-1][0]) / 2 * SOUND_RATE)
        if seconds >= LONGEST_SECONDS:  # somebody who never pauses: cut where it is quietest
            return _quietest(self._held)
        return 0

    def _settle(self, end: int) -> tuple[Segment, ...]:
        """Transcribe the samples up to `end` for good, and let them go."""
        heard = self._recogniser.transcribe(self._held[:end], language=self._language)
        segments = tuple(
            replace(one, start=one.start + self._start, end=one.end + self._start) for one in heard.segments
        )
        self._final.extend(segments)
        if segments:
            self._languages.append(heard.language)
        self._let_go(end)
        return segments

    def _let_go(self, count: int) -> None:
        count = max(0, count)
        self._held = self._held[count:].copy()
        self._start += count / SOUND_RATE
        self._looked = self._guessed = 0
        self._partial = ""


class _Decoder(Protocol):
    """Bytes of a recording in, samples out: `media_pool.LiveSound` or `RawSound`."""

    def feed(self, more: bytes, *, last: bool = False) -> Sound: ...


class LiveSpeech:
    """A recording that arrives in chunks of bytes, and what is said in it. For one thread at a time."""

    def __init__(self, decoder: _Decoder, transcript: LiveTranscript) -> None:
        self._decoder = decoder
        self._transcript = transcript
        self.seconds = 0.0  # of sound, so far

    def feed(self, chunk: bytes) -> Heard:
        """More of the file. InputError when it is no sound, UnsafeInputError when it is too large or too long."""
        return self._heard(self._decoder.feed(chunk))

    def finish(self) -> tuple[Heard, Transcript]:
        """What the end adds, and the whole."""
        last = self._heard(self._decoder.feed(b"", last=True))
        before = self._transcript.settled
        whole = self._transcript.finish()
        return Heard((*last.final, *whole.segments[before:]), ""), whole

    def _heard(self, sound: Sound) -> Heard:
        self.seconds += len(sound) / SOUND_RATE
        return self._transcript.feed(sound)


@contextmanager
def live_speech(
    pool: MediaPool,
    recogniser: SpeechRecogniser,
    *,
    source: str = "recording",
    limits: MediaLimits | None = None,
    language: str | None = None,
    rate: int | None = None,
    partial: bool = True,
) -> Iterator[LiveSpeech]:
    """A recording to be fed: a file (WebM, Ogg, WAV, …), decoded elsewhere; or bare 16-bit samples, `rate` a second.

    Without `partial` nothing is guessed before it is final, which is less work. InputError when the rate is out of
    range, or when as many files are being decoded as there may be.
    """
    limits = limits if limits is not None else MediaLimits()
    most = limits.max_sound_seconds
    every = PARTIAL_SECONDS if partial else None
    if rate is not None:
        transcript = LiveTranscript(recogniser, language=language, partial_seconds=every, max_seconds=most)
        yield LiveSpeech(RawSound(rate, max_bytes=limits.max_bytes), transcript)
        return
    # the decoder stops a second later, so that what is too long is refused rather than cut
    decoded = replace(limits, max_sound_seconds=most + 1.0)
    transcript = LiveTranscript(recogniser, language=language, partial_seconds=every, max_seconds=most)
    with pool.live(source, decoded) as live:
        yield LiveSpeech(live, transcript)


def transcribe_stream(
    pool: MediaPool,
    recogniser: SpeechRecogniser,
    chunks: Iterable[bytes],
    *,
    source: str = "recording",
    limits: MediaLimits | None = None,
    language: str | None = None,
    rate: int | None = None,
    partial: bool = True,
) -> Iterator[Heard]:
    """What is said in a recording that arrives in chunks, as `live_speech` takes it: one `Heard` a chunk, and a last
    one.

    InputError when it is no sound; UnsafeInputError when it is too large or too long.
    """
    with live_speech(
        pool, recogniser, source=source, limits=limits, language=language, rate=rate, partial=partial
    ) as speech:
        for chunk in chunks:
            yield speech.feed(chunk)
        yield speech.finish()[0]


def _quietest(held: Sound) -> int:
    """The place in the second half where 50 ms are quietest."""
    step = SOUND_RATE // 20
    first = len(held) // 2
    blocks = held[first : first + (len(held) - first) // step * step].reshape(-1, step)
    return first + int((blocks**2).mean(axis=1).argmin()) * step + step // 2
