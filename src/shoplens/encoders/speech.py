"""Speech to text: Whisper, with guards against what it says when nobody speaks.

Only stretches in which silero's voice activity detection (shipped with faster-whisper) hears a voice are transcribed.
Of what comes out, segments are dropped that the network itself doubts, that go round in circles, or that have more
words than anybody can speak in the time: Whisper was trained on subtitles, and fills noise with what subtitles end in.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Protocol, Self

import numpy as np

from shoplens.encoders.base import EncoderOptions
from shoplens.encoders.media import SOUND_RATE, Sound
from shoplens.encoders.whisper import EXTRA, WhisperNetwork, whisper_network
from shoplens.errors import InputError, MissingExtraError

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
    language: str = ""  # ISO 639-1, as detected or given


@dataclass(frozen=True, slots=True)
class Transcript:
    """What was said in a sound; empty when nobody spoke."""

    text: str
    language: str  # ISO 639-1, as detected or given; "" when nobody spoke
    segments: tuple[Segment, ...]


NOTHING_SAID = Transcript("", "", ())


class SpeechRecogniser(Protocol):
    """Speech to text. One that has words before the whole sound is read may offer `segments` as well."""

    name: str
    version: str

    def transcribe(self, sound: Sound, *, language: str | None = None, words: bool = False) -> Transcript:
        """What is said in a sound, mono at 16 kHz. `language` None: detected."""
        ...


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
        segments = tuple(self.segments(sound, language=language, words=words))
        if not segments:
            return NOTHING_SAID
        return Transcript(" ".join(one.text for one in segments), segments[0].language, segments)

    def segments(self, sound: Sound, *, language: str | None = None, words: bool = False) -> Iterator[Segment]:
        """The segments of `transcribe`, each as soon as it is heard. InputError for a language unknown to it."""
        samples = clean(sound)
        spoken = sum(last - first for first, last in speech_in(samples))
        if not spoken:
            return
        model = self._network.get()
        known = getattr(model, "supported_languages", None)
        if language is not None and known is not None and language not in known:
            raise InputError(f"language: {self.name} knows no {language!r}; send a code such as en or zh, or none")
        found, about = self._listen(model, samples, language, words)
        yield from _kept(((_segment(one, about.language), one) for one in found), spoken)

    def _listen(self, model: Any, samples: Sound, language: str | None, words: bool) -> tuple[Iterable[Any], Any]:
        """faster-whisper's segments, as they come, and what it says about the whole."""
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
        return found, about


def clean(sound: Sound) -> Sound:
    """One row of finite samples between -1 and 1, at most `MAX_SECONDS` of them."""
    samples = np.asarray(sound, np.float32).reshape(-1)[: int(MAX_SECONDS * SOUND_RATE)]
    return np.clip(np.nan_to_num(samples, nan=0.0, posinf=1.0, neginf=-1.0), -1.0, 1.0)


def speech_in(samples: Sound) -> list[tuple[float, float]]:
    """Stretches of a sound in which somebody speaks: first and last second of each."""
    try:
        from faster_whisper.vad import get_speech_timestamps
    except ImportError as error:
        raise MissingExtraError("listening to speech", EXTRA) from error

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


def segments_of(
    recogniser: SpeechRecogniser, sound: Sound, *, language: str | None = None, words: bool = False
) -> Iterator[Segment]:
    """What is said in a sound, each segment as soon as the recogniser has it."""
    heard = getattr(recogniser, "segments", None)
    if heard is not None:
        yield from heard(sound, language=language, words=words)
    else:
        whole = recogniser.transcribe(sound, language=language, words=words)
        yield from (replace(one, language=one.language or whole.language) for one in whole.segments)


def _segment(found: Any, language: str) -> Segment:
    words = tuple(Word(one.word.strip(), float(one.start), float(one.end)) for one in found.words or ())
    confidence = float(np.exp(min(0.0, found.avg_logprob)))
    return Segment(found.text.strip(), float(found.start), float(found.end), confidence, words, language)


def _kept(segments: Iterable[tuple[Segment, Any]], spoken: float) -> Iterator[Segment]:
    """Of segments and what the network says of each, those that somebody can have said.

    `spoken` is for how many seconds there was a voice at all.
    """
    latest: list[str] = []
    for segment, about in segments:
        doubtful = about.avg_logprob < DOUBTFUL and about.no_speech_prob > NO_SPEECH / 2
        circular = about.compression_ratio > REPEATING or goes_in_circles(segment.text)
        hurried = len(segment.text) > 12 + FASTEST_SPEECH * spoken
        said_before = latest == [segment.text] * CIRCLES
        if (
            segment.text
            and any(one.isalnum() for one in segment.text)
            and not (doubtful or circular or hurried or said_before)
        ):
            latest = [*latest, segment.text][-CIRCLES:]
            yield segment


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
