"""POST /v1/audio/transcriptions in OpenAI's shapes, with a recogniser that needs no weights."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import orjson
import pytest
from anyio import CapacityLimiter
from fastapi.testclient import TestClient

from shoplens.encoders.speech import Segment, Word
from shoplens.http.app import create_app
from shoplens.http.routes import transcriptions
from shoplens.http.wire.audio import subtitles, transcription_bytes
from shoplens.service.runtime import Runtime
from shoplens.testing.sample_media import sample_photo, sample_tone, sample_wav
from shoplens.testing.served_shop import open_tiny_shop
from shoplens.testing.tiny_encoders import TINY, TinySpeech, tiny_parts

PATH = "/v1/audio/transcriptions"
TWO_SECONDS = sample_wav(sample_tone(2.0))


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runtime]:
    settings = {
        "encoders": TINY, "media": {"max_sound_seconds": 5.0}, "server": {"api_keys": {"reads": "read"}},
    }  # fmt: skip
    with tiny_parts(), open_tiny_shop(tmp_path_factory.mktemp("shop"), trained=False, settings=settings) as shop:
        yield shop


@pytest.fixture(scope="module")
def client(shop: Runtime) -> Iterator[TestClient]:
    with TestClient(create_app(shop), headers={"authorization": "Bearer reads"}) as client:
        yield client


def ask(client: TestClient, content: bytes = TWO_SECONDS, **options: Any) -> Any:
    return client.post(PATH, files={"file": ("speech.wav", content)}, data=options)


def test_the_text_alone_or_with_everything(client: TestClient) -> None:
    assert ask(client, model="whisper-1").json() == {"text": "about 2 seconds"}
    told = ask(client, response_format="verbose_json", language="en-US", temperature="0").json()
    assert (told["task"], told["language"], told["duration"]) == ("transcribe", "en", 2.0)
    (segment,) = told["segments"]
    assert (segment["id"], segment["start"], segment["end"], segment["text"]) == (0, 0.0, 2.0, "about 2 seconds")
    assert (segment["confidence"], np.exp(segment["avg_logprob"])) == pytest.approx((0.8, 0.8), abs=1e-3)


@pytest.mark.parametrize(
    ("form", "kind", "body"),
    [
        ("text", "text/plain", "about 2 seconds\n"),
        ("srt", "application/x-subrip", "1\n00:00:00,000 --> 00:00:02,000\nabout 2 seconds\n"),
        ("vtt", "text/vtt", "WEBVTT\n\n1\n00:00:00.000 --> 00:00:02.000\nabout 2 seconds\n"),
    ],
)
def test_other_forms(client: TestClient, form: str, kind: str, body: str) -> None:
    answer = ask(client, response_format=form)
    assert answer.headers["content-type"].startswith(kind)
    assert answer.text == body


def test_only_so_many_recordings_are_in_memory(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    for content in (TWO_SECONDS, b"no sound") * 5:  # each gives its place back, understood or not
        ask(client, content)
    assert transcriptions._held.borrowed_tokens == 0
    full = CapacityLimiter(1)
    assert client.portal is not None
    client.portal.call(full.acquire_on_behalf_of_nowait, "another recording")
    monkeypatch.setattr(transcriptions, "_held", full)
    monkeypatch.setattr(transcriptions, "HELD_SECONDS", 0.01)
    answer = ask(client)
    assert answer.status_code == 503
    assert "try again" in answer.json()["detail"]


def test_segments_come_as_events(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def segments(*_: Any, **__: Any) -> Iterator[Segment]:
        yield Segment("a red", 0.0, 0.8, 0.9, language="en")
        yield Segment("jacket", 1.2, 1.9, 0.9, language="en")

    monkeypatch.setattr(TinySpeech, "segments", segments, raising=False)
    answer = ask(client, stream="true")
    assert answer.headers["content-type"].startswith("text/event-stream")
    events = [orjson.loads(line.removeprefix("data: ")) for line in answer.text.split("\n\n") if line]
    kinds = [one["type"].rpartition(".")[2] for one in events]
    assert kinds == ["segment", "delta", "segment", "delta", "done"]
    assert "".join(one["delta"] for one in events if "delta" in one) == events[-1]["text"] == "a red jacket"
    assert (events[2]["id"], events[2]["start"], events[2]["end"]) == ("seg_1", 1.2, 1.9)


@pytest.mark.parametrize(
    ("content", "options", "word"),
    [
        (b"no sound at all" * 40, {}, "file[0] speech.wav"),
        (sample_photo(), {}, "picture"),
        (b"", {}, "empty"),
        (sample_wav(sample_tone(6.0)), {}, "5 seconds"),
        (TWO_SECONDS, {"model": "gpt-9"}, "model"),
        (TWO_SECONDS, {"language": "the queen's"}, "language"),
        (TWO_SECONDS, {"temperature": "1"}, "temperature"),
        (TWO_SECONDS, {"response_format": "docx"}, "response_format"),
        (TWO_SECONDS, {"stream": "true", "response_format": "srt"}, "stream"),
        (TWO_SECONDS, {"prompt": "no such field"}, "prompt"),
        (TWO_SECONDS, {"model": ["speech", "speech"]}, "once"),
    ],
)
def test_what_cannot_be_listened_to_is_a_problem(
    client: TestClient, content: bytes, options: dict[str, Any], word: str
) -> None:
    answer = ask(client, content, **options)
    assert answer.status_code == 422, answer.text
    assert word in answer.json()["detail"]


def test_a_form_without_a_file_and_a_caller_without_a_key(client: TestClient) -> None:
    form = {"model": (None, "speech")}
    assert client.post(PATH, files=form).status_code == 422
    assert client.post(PATH, json={}).status_code == 415
    assert client.post(PATH, files=form, headers={"authorization": ""}).status_code == 401


def test_times_of_words_and_of_long_films() -> None:
    segment = Segment("so long", 3_723.5, 3_725.0, 1.0, (Word("so", 3_723.5, 3_724.0), Word("long", 3_724.1, 3_725.0)))
    told = orjson.loads(transcription_bytes("verbose_json", 4_000.0, [segment], words=True))
    assert told["words"][1] == {"word": "long", "start": 3_724.1, "end": 3_725.0}
    assert "01:02:03,500 --> 01:02:05,000" in subtitles([segment], "srt")
    assert orjson.loads(transcription_bytes("json", 1.0, [], words=False)) == {"text": ""}
