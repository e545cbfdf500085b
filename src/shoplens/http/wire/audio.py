"""Speech to text over the wire: OpenAI's shapes for files, and the messages of the stream."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated, Any, Literal

import orjson
from pydantic import BaseModel, Field, model_validator

from shoplens.encoders.raw_sound import RATES
from shoplens.encoders.speech import Segment
from shoplens.http.wire.fields import Request

Form = Literal["json", "text", "verbose_json", "srt", "vtt"]
Granularity = Literal["segment", "word"]
Language = Annotated[str, Field(max_length=40, description="ISO 639-1, such as en or zh. Default: detected.")]


class TranscriptionIn(Request):
    """What a form asks for beside its file."""

    model: Annotated[str, Field(max_length=200)] = Field(
        default="speech", description='"speech", "whisper-1", or the name of the configured recogniser.'
    )
    language: Language | None = None
    response_format: Form = "json"
    stream: bool = Field(default=False, description="Server-sent events, a segment as soon as it is understood.")
    temperature: float = Field(default=0.0, description="Only 0: the same recording gives the same words.")
    timestamp_granularities: list[Granularity] = Field(
        default=["segment"],
        alias="timestamp_granularities[]",
        description="With `word`, verbose_json also tells when each was said.",
    )

    @model_validator(mode="after")
    def _possible(self) -> TranscriptionIn:
        if self.temperature != 0:
            raise ValueError("temperature: only 0 is possible here")
        if self.stream and self.response_format not in ("json", "text"):
            raise ValueError("stream: its events have one form, with times; leave response_format out")
        return self


class WordOut(BaseModel):
    """A word and when it was said."""

    word: str
    start: float = Field(description="Seconds from the beginning.")
    end: float


class SegmentOut(BaseModel):
    """What was said without a long pause."""

    id: int
    start: float = Field(description="Seconds from the beginning.")
    end: float
    text: str
    avg_logprob: float = Field(description="Logarithm of `confidence`, as OpenAI has it.")
    confidence: float = Field(description="0 to 1: how sure the recogniser is of its words.")


class TranscriptionAnswer(BaseModel):
    """`json` has the text alone, `verbose_json` everything."""

    text: str
    task: Literal["transcribe"] | None = None
    language: str | None = Field(default=None, description="ISO 639-1; empty when nobody spoke.")
    duration: float | None = Field(default=None, description="Seconds of the recording.")
    segments: list[SegmentOut] | None = None
    words: list[WordOut] | None = None


class StreamStart(Request):
    """First message of the stream, when its values are not the default ones."""

    type: Literal["start"] = "start"
    api_key: Annotated[str, Field(max_length=10_000)] | None = Field(
        default=None, description="For browsers, which cannot send headers with a WebSocket."
    )
    language: Language | None = None
    format: Literal["file", "pcm16"] = Field(
        default="file",
        description="file: what MediaRecorder sends (WebM, Ogg, MP4 in fragments), or WAV; pcm16: bare signed 16-bit "
        "little-endian mono samples.",
    )
    rate: int = Field(default=16_000, ge=RATES[0], le=RATES[1], description="Samples a second, of pcm16.")
    partial: bool = Field(default=True, description="Also tell words that are not final yet.")


def said(segments: Sequence[Segment]) -> str:
    """All words."""
    return " ".join(one.text for one in segments)


def segment_json(number: int, segment: Segment) -> dict[str, Any]:
    """`SegmentOut` as plain values."""
    return {
        "id": number, "start": round(segment.start, 2), "end": round(segment.end, 2), "text": segment.text,
        "avg_logprob": round(math.log(max(segment.confidence, 1e-9)), 4), "confidence": round(segment.confidence, 4),
    }  # fmt: skip


def transcription_bytes(form: Form, seconds: float, segments: Sequence[Segment], *, words: bool) -> bytes:
    """The whole answer in the form that was asked for."""
    if form == "text":
        return said(segments).encode() + b"\n"
    if form in ("srt", "vtt"):
        return subtitles(segments, form).encode()
    answer: dict[str, Any] = {"text": said(segments)}
    if form == "verbose_json":
        answer |= {
            "task": "transcribe", "language": segments[0].language if segments else "", "duration": round(seconds, 2),
            "segments": [segment_json(number, one) for number, one in enumerate(segments)],
        }  # fmt: skip
        if words:
            answer["words"] = [
                {"word": word.text, "start": round(word.start, 2), "end": round(word.end, 2)}
                for one in segments
                for word in one.words
            ]
    return orjson.dumps(answer)


def subtitles(segments: Sequence[Segment], form: Literal["srt", "vtt"]) -> str:
    """Segments as a file of subtitles."""
    mark = "," if form == "srt" else "."
    blocks = [
        f"{number}\n{_clock(one.start, mark)} --> {_clock(one.end, mark)}\n{one.text}\n"
        for number, one in enumerate(segments, start=1)
    ]
    return "\n".join(["WEBVTT\n", *blocks] if form == "vtt" else blocks)


def segment_events(number: int, segment: Segment) -> bytes:
    """Server-sent events of one segment: with its times, and as OpenAI's clients add texts up."""
    plain = segment_json(number, segment)
    delta = segment.text if number == 0 else f" {segment.text}"
    return _event({"type": "transcript.text.segment", **plain, "id": f"seg_{number}"}) + _event(
        {"type": "transcript.text.delta", "delta": delta}
    )


def last_event(segments: Sequence[Segment], seconds: float) -> bytes:
    """The server-sent event that ends an answer."""
    language = segments[0].language if segments else ""
    text = said(segments)
    return _event({"type": "transcript.text.done", "text": text, "language": language, "duration": round(seconds, 2)})


def _event(data: object) -> bytes:
    return b"data: " + orjson.dumps(data) + b"\n\n"


def _clock(seconds: float, mark: str) -> str:
    """00:01:02,345 of subtitles."""
    thousandths = round(seconds * 1_000)
    minutes, rest = divmod(thousandths, 60_000)
    return f"{minutes // 60:02}:{minutes % 60:02}:{rest // 1_000:02}{mark}{rest % 1_000:03}"
