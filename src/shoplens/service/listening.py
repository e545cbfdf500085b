"""What is said in recordings: files at once, and what a microphone still sends, as it is understood.

from shoplens.service.listening import transcribe

for segment in transcribe("call.m4a"):
    print(f"{segment.start:.1f} s  {segment.text}")

What `shoplens transcribe`, POST /v1/audio/transcriptions and the stream /v1/audio/stream do. Nothing that was said is
kept or logged.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from shoplens.encoders.media import SOUND_RATE, MediaLimits
from shoplens.encoders.speech import Segment, SpeechRecogniser, segments_of
from shoplens.encoders.speech_live import Heard, LiveSpeech, live_speech, transcribe_stream
from shoplens.errors import InputError, ServiceUnavailableError
from shoplens.service.loose_media import LooseMedia
from shoplens.service.media_sources import MediaSources
from shoplens.service.settings import Settings
from shoplens.service.workspace import Workspace

LANGUAGE = re.compile(r"([a-z]{2,3})([-_][A-Za-z0-9]{2,8})*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Listened:
    """A recording whose sound was read, and its words, which are found while they are asked for."""

    seconds: float
    segments: Iterator[Segment]


class Listening:
    """Speech to text by the recogniser of a workspace's settings. Safe to share between threads."""

    def __init__(self, media: LooseMedia, sources: MediaSources) -> None:
        self._media = media
        self._sources = sources
        self._turns = threading.BoundedSemaphore(self.at_once)

    @property
    def recogniser(self) -> SpeechRecogniser:
        """InputError when encoders.speech is off, MissingExtraError without the extra "speech"."""
        found: SpeechRecogniser = self._media.recogniser("speech")
        return found

    @property
    def limits(self) -> MediaLimits:
        """Of one recording."""
        return self._sources.media.limits

    @property
    def at_once(self) -> int:
        """Streams that are decoded at the same time, in one process."""
        return self._sources.pool.workers

    def file(self, file: Path, name: str, *, language: str | None = None, words: bool = False) -> Listened:
        """A sound file, or the sound of a video; `name` is for messages.

        InputError for what is no sound, or longer than media.max_sound_seconds: half of a recording would pass for all.
        """
        recogniser, most = self.recogniser, self.limits.max_sound_seconds
        sound = self._sources.pool.sound(file, name, replace(self.limits, max_sound_seconds=most + 1.0))
        if len(sound) > most * SOUND_RATE:
            raise InputError(
                f"{name}: longer than {most:g} seconds; send it in parts, or raise media.max_sound_seconds in "
                "shoplens.toml"
            )
        segments = segments_of(recogniser, sound, language=language_code(language), words=words)
        return Listened(len(sound) / SOUND_RATE, segments)

    @contextmanager
    def live(
        self,
        *,
        language: str | None = None,
        rate: int | None = None,
        partial: bool = True,
        max_bytes: int | None = None,
    ) -> Iterator[LiveSpeech]:
        """A recording to be fed as it comes; see `encoders.speech_live.live_speech`.

        ServiceUnavailableError while `at_once` others are being listened to.
        """
        limits = self.limits if max_bytes is None else replace(self.limits, max_bytes=max_bytes)
        recogniser, code = self.recogniser, language_code(language)
        if not self._turns.acquire(blocking=False):
            raise ServiceUnavailableError(f"{self.at_once} recordings are listened to already; try again in a moment")
        try:
            with live_speech(
                self._sources.pool, recogniser, limits=limits, language=code, rate=rate, partial=partial
            ) as speech:
                yield speech
        finally:
            self._turns.release()

    def stream(
        self, chunks: Iterable[bytes], *, language: str | None = None, rate: int | None = None, partial: bool = True
    ) -> Iterator[Heard]:
        """The same for chunks that are at hand: one `Heard` a chunk, and a last one."""
        return transcribe_stream(
            self._sources.pool, self.recogniser, chunks, limits=self.limits, language=language_code(language),
            rate=rate, partial=partial,
        )  # fmt: skip


def transcribe(
    source: Path | str | Iterable[bytes],
    *,
    workspace: Workspace | None = None,
    language: str | None = None,
    words: bool = False,
    rate: int | None = None,
    partial: Callable[[str], None] | None = None,
) -> Iterator[Segment]:
    """What is said in a file, or in chunks of one that still comes in, segment by segment.

    `rate`: the chunks are bare 16-bit samples, so many a second. `words`: with the times of words, of a file only.
    `partial` is told the words of a stream that are not final yet. InputError for what is no sound.
    """
    shop = workspace if workspace is not None else Workspace(Path(), Settings.read(None))
    with MediaSources(shop) as sources:
        listening = Listening(LooseMedia(shop, sources), sources)
        if isinstance(source, Path | str):
            yield from listening.file(Path(source), str(source), language=language, words=words).segments
            return
        for heard in listening.stream(source, language=language, rate=rate, partial=partial is not None):
            yield from heard.final
            if partial is not None and heard.partial:
                partial(heard.partial)


def language_code(language: str | None) -> str | None:
    """ISO 639-1 as recognisers know it: "en" of "en-US"; None for none. InputError when it is no code."""
    if not language:
        return None
    found = LANGUAGE.fullmatch(language)
    if found is None:
        raise InputError(f"language: {language[:40]!r} is no code; send one such as en or zh, or none")
    return found.group(1).lower()
