"""Speech to text: Whisper, with guards against what it says when nobody speaks.

Only stretches in which silero's voice activity detection (shipped with faster-whisper) hears a voice are transcribed.
Of what comes out, segments are dropped that the network itself doubts, that go round in circles, or that have more
words than anybody can speak in the time: Whisper was trained on subtitles, and fills noise with what subtitles end in.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from shoplens.encoders.base import EncoderOptions
from shoplens.encoders.media import SOUND_RATE, Sound
from shoplens.encoders.whisper import WhisperNetwork, whisper_network

REVISION = "1"  # of listening and guarding: part of `version`
MAX_SECONDS = 3_600.0  # of one sound; about ten minutes of work on one core
SPEECH_PROBABILITY = 0.5  # of the voice activity detection, its own default
PAUSE_SECONDS = 0.6  # of silence that separate two stretches of speech
PADDING_SECONDS = 0.3  # kept around a stretch: consonants are quiet
SHORTEST_SPEECH = 0.1  # seconds; shorter is a click

NO_SPEECH = 0.6  # the network's own probability that nobody speaks, above which it must be sure of its words
DOUBTFUL = -1.0  # mean log probability of a token below which words are guesses
REPEATING = 2.4  # how much smaller zlib makes the text of a segment; speech stays below 2.4 (Whisper's own limit)
FASTEST_SPEECH = 30.0  # characters a second of voice; auctioneers reach 25
CIRCLES = 4  # times that the same words may follow each other


@dataclass(frozen=True, slots=True)
class Word:
    """A word and when it was said, in seconds from the beginning."""

    text: str
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Segment:
    """What was said without a long pause; seconds from the beginning."""

    text: str
    start: float
    end: float
    confidence: float  # 0 to 1: geometric mean of the probabilities of its tokens
    words: tuple[Word, ...] = ()  # when asked for


@dataclass(frozen=True, slots=True)
class Transcript:
    """What was said in a sound; empty when nobody spoke."""

    text: str
    language: str  # ISO 639-1, as detected or given; "" when nobody spoke
    segments: tuple[Segment, ...]


NOTHING_SAID = Transcript("", "", ())


class WhisperRecogniser:
    """Speech to text through faster-whisper. Loads at the first sound; safe to share between threads."""

    modality = "speech"

    def __init__(self, network: WhisperNetwork) -> None:
        self.name = network.name
        self.version = f"{network.version}-{network.precision}-{REVISION}"
        self._network = network

    @classmethod
    def open(cls, options: EncoderOptions) -> Self:
        """As the settings want it. MissingExtraError without the extra "speech"."""
        return cls(whisper_network(options))

    def load(self) -> None:
        """Load the network now rather than at the first sound. ModelFileError when files are missing or altered."""
        self._network.get()

    def transcribe(self, sound: Sound, *, language: str | None = None, words: bool = False) -> Transcript:
        """What is said in a sound, mono at 16 kHz; at most its first hour. `language` None: detected.

        `words` adds the times of words, which takes about a third longer. A sound without speech gives an empty
        transcript. The same sound gives the same words every time.
        """
        samples = clean(sound)
        spoken = sum(last - first for first, last in speech_in(samples))
        if not spoken:
            return NOTHING_SAID
        model = self._network.get()
        found, about = self._listen(model, samples, language, words)
        segments = _kept([_segment(one) for one in found], found, spoken)
        if not segments:
            return NOTHING_SAID
        return Transcript(" ".join(one.text for one in segments), about.language, tuple(segments))

    def _listen(self, model: Any, samples: Sound, language: str | None, words: bool) -> tuple[list[Any], Any]:
        """faster-whisper's segments and what it says about the whole."""
        found, about = model.transcribe(
            samples,
            language=language,
            beam_size=5,
            temperature=[0.0],  # no dice: they make up words, other ones every time
            condition_on_previous_text=False,  # otherwise one slip leads to the next
            vad_filter=True,
            vad_parameters=_activity(),
            word_timestamps=words,
            compression_ratio_threshold=REPEATING,
            log_prob_threshold=DOUBTFUL,
            no_speech_threshold=NO_SPEECH,
        )
        return list(found), about


def clean(sound: Sound) -> Sound:
    """One row of finite samples between -1 and 1, at most `MAX_SECONDS` of them."""
    samples = np.asarray(sound, np.float32).reshape(-1)[: int(MAX_SECONDS * SOUND_RATE)]
    return np.clip(np.nan_to_num(samples, nan=0.0, posinf=1.0, neginf=-1.0), -1.0, 1.0)


def speech_in(samples: Sound) -> list[tuple[float, float]]:
    """Stretches of a sound in which somebody speaks: first and last second of each."""
    from faster_whisper.vad import get_speech_timestamps

    if not len(samples):
        return []
    found = get_speech_timestamps(samples, _activity(), SOUND_RATE)
    return [(one["start"] / SOUND_RATE, one["end"] / SOUND_RATE) for one in found]


def _activity() -> Any:
    """Settings of the voice activity detection."""
    from faster_whisper.vad import VadOptions

    return VadOptions(
        threshold=SPEECH_PROBABILITY,
        min_silence_duration_ms=round(PAUSE_SECONDS * 1000),
        speech_pad_ms=round(PADDING_SECONDS * 1000),
        min_speech_duration_ms=round(SHORTEST_SPEECH * 1000),
    )


def _segment(found: Any) -> Segment:
    words = tuple(Word(one.word.strip(), float(one.start), float(one.end)) for one in found.words or ())
    confidence = float(np.exp(min(0.0, found.avg_logprob)))
    return Segment(found.text.strip(), float(found.start), float(found.end), confidence, words)


def _kept(segments: Sequence[Segment], found: Sequence[Any], spoken: float) -> list[Segment]:
    """Segments that somebody can have said; `spoken` is for how many seconds there was a voice at all."""
    kept: list[Segment] = []
    for segment, about in zip(segments, found, strict=True):
        doubtful = about.avg_logprob < DOUBTFUL and about.no_speech_prob > NO_SPEECH / 2
        circular = about.compression_ratio > REPEATING or goes_in_circles(segment.text)
        hurried = len(segment.text) > 12 + FASTEST_SPEECH * spoken
        said_before = [one.text for one in kept[-CIRCLES:]] == [segment.text] * CIRCLES
        if (
            segment.text
            and any(one.isalnum() for one in segment.text)
            and not (doubtful or circular or hurried or said_before)
        ):
            kept.append(segment)
    return kept


def goes_in_circles(text: str) -> bool:
    """Whether the same words (or, in scripts without spaces, characters) follow each other again and again."""
    parts = re.findall(r"[\w']+", text.casefold())
    if len(parts) < 2 * CIRCLES:
        parts = [one for one in text.casefold() if one.isalnum()] if not text.isascii() else parts
    for size in range(1, len(parts) // (CIRCLES + 1) + 1):
        run = 0
        for place in range(size, len(parts)):
            run = run + 1 if parts[place] == parts[place - size] else 0
            if run >= size * CIRCLES:
                return True
    return False
