"""WebSocket /v1/audio/stream: a recording in, what is said out; limits, keys and refusals."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from starlette.testclient import WebSocketTestSession
from starlette.websockets import WebSocketDisconnect

from shoplens.encoders.media import SOUND_RATE
from shoplens.http import recording
from shoplens.http.app import create_app
from shoplens.http.routes import audio_stream
from shoplens.service.runtime import Runtime
from shoplens.testing.sample_media import sample_sound_file, sample_wav
from shoplens.testing.served_shop import open_tiny_shop
from shoplens.testing.tiny_encoders import TINY, loud_in, tiny_parts

PATH = "/v1/audio/stream"
END = {"type": "end"}
KEY = {"x-api-key": "reads"}


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    settings = {
        "encoders": TINY,
        "media": {"max_sound_seconds": 30.0, "max_upload_mb": 1.2},
        "server": {"api_keys": {"reads": "read"}, "cors_origins": ("https://shop.example",)},
    }
    with (
        tiny_parts(),
        open_tiny_shop(tmp_path_factory.mktemp("shop"), trained=False, settings=settings) as shop,
        TestClient(create_app(shop)) as client,
    ):
        yield client


@pytest.fixture(autouse=True)
def loudness_is_a_voice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shoplens.encoders.speech_live.speech_in", loud_in)


def spoken(*voice: tuple[float, float], seconds: float) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    sound = np.zeros(int(seconds * SOUND_RATE), np.float32)
    for first, last in voice:
        sound[int(first * SOUND_RATE) : int(last * SOUND_RATE)] = 0.5
    return sound


def raw(sound: np.ndarray[tuple[int], np.dtype[np.float32]]) -> bytes:
    return (sound * 32_767).astype("<i2").tobytes()


def pieces(content: bytes, size: int = 16_000) -> list[bytes]:
    return [content[start : start + size] for start in range(0, len(content), size)]


def rest(socket: WebSocketTestSession) -> tuple[list[dict[str, Any]], int, str]:
    """What comes until the socket is closed, and with which code and reason."""
    told: list[dict[str, Any]] = []
    try:
        while True:
            told.append(socket.receive_json())
    except WebSocketDisconnect as closed:
        return told, closed.code, closed.reason


@contextmanager
def opened(client: TestClient, **headers: str) -> Iterator[WebSocketTestSession]:
    with client.websocket_connect(PATH, headers={**KEY, **headers}) as socket:
        yield socket


def test_bare_samples_of_a_microphone(client: TestClient) -> None:
    content = raw(spoken((1, 2), (4, 7), seconds=9))
    with client.websocket_connect(PATH) as socket:
        socket.send_json({"type": "start", "api_key": "reads", "format": "pcm16", "rate": 16_000})
        for piece in pieces(content):
            socket.send_bytes(piece)
        socket.send_json(END)
        told, code, reason = rest(socket)
    assert (code, reason) == (1000, "done")
    segments = [one for one in told if one["type"] == "segment"]
    assert [one["id"] for one in segments] == list(range(len(segments)))
    assert segments[-1]["end"] == pytest.approx(9, abs=0.5)
    done = told[-1]
    assert (done["type"], done["language"], done["duration"]) == ("done", "en", 9.0)
    assert done["text"] == " ".join(one["text"] for one in segments)


def test_a_browsers_recorder(client: TestClient) -> None:
    """WebM with Opus, which no start message announces."""
    sound = np.repeat(spoken((0.5, 2), seconds=4), 3)
    content = sample_sound_file(sound, container="webm", codec="libopus")
    with opened(client) as socket:
        for piece in pieces(content, 2_000):
            socket.send_bytes(piece)
        socket.send_json(END)
        told, code, _ = rest(socket)
    assert code == 1000
    assert told[-1]["duration"] == pytest.approx(4, abs=0.1)
    assert [one["id"] for one in told if one["type"] == "segment"][:1] == [0]


def test_words_that_may_still_change(client: TestClient) -> None:
    content = raw(spoken((0, 5), seconds=5))
    for wanted in (True, False):
        with opened(client) as socket:
            socket.send_json({"format": "pcm16", "partial": wanted})
            socket.send_bytes(content)
            if wanted:
                assert socket.receive_json() == {"type": "partial", "text": "about 5 seconds"}
            socket.send_json(END)
            told, _, _ = rest(socket)
        assert [one["type"] for one in told] == ["segment", "done"]


@pytest.mark.parametrize(
    ("messages", "status", "code", "word"),
    [
        ([b"<html>no sound</html>" * 50, END], 422, 1003, "web page"),
        ([END], 422, 1003, "type"),
        ([{"type": "start", "format": "mp9"}], 422, 1003, "format"),
        ([{"type": "start", "rate": 5}], 422, 1003, "rate"),
        ([{"type": "start", "language": "?"}], 422, 1003, "language"),
        ([{"format": "pcm16"}, b"\0\0", "what?"], 422, 1003, "bytes of the recording"),
        ([{"format": "pcm16"}, bytes(700_000), bytes(700_000)], 413, 1009, "1,200,000 bytes"),
        ([{"format": "pcm16", "rate": 8_000}, bytes(500_000), END], 422, 1009, "too long"),
    ],
)
def test_hostile_streams_are_refused(
    client: TestClient, messages: list[Any], status: int, code: int, word: str
) -> None:
    with opened(client) as socket:
        for message in messages:
            if isinstance(message, bytes):
                socket.send_bytes(message)
            elif isinstance(message, str):
                socket.send_text(message)
            else:
                socket.send_json(message)
        told, closed, reason = rest(socket)
    assert (told[-1]["type"], told[-1]["status"], closed) == ("error", status, code)
    assert word in told[-1]["detail"]
    assert reason == told[-1]["detail"][: len(reason)] != ""


def test_a_key_is_needed(client: TestClient) -> None:
    for start in ({"type": "start"}, {"type": "start", "api_key": "wrong"}):
        with client.websocket_connect(PATH) as socket:
            socket.send_json(start)
            told, code, _ = rest(socket)
        assert (told[0]["status"], code) == (401, 1008)


@pytest.mark.parametrize(
    ("origin", "taken"),
    [("https://evil.example", False), ("https://shop.example", True), ("http://testserver", True), ("null", False)],
)
def test_pages_of_other_hosts_may_not_listen(client: TestClient, origin: str, taken: bool) -> None:
    if not taken:
        with pytest.raises(WebSocketDisconnect) as refused, opened(client, origin=origin):
            pass
        assert refused.value.code == 1008
        return
    with opened(client, origin=origin) as socket:
        socket.send_json({"format": "pcm16"})
        socket.send_json(END)
        assert rest(socket)[0] == [{"type": "done", "text": "", "language": "", "duration": 0.0}]


def test_who_says_nothing_is_sent_away(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audio_stream, "START_SECONDS", 0.02)
    with opened(client) as socket:
        told, code, _ = rest(socket)
    assert (told[0]["status"], code) == (408, 1008)
    monkeypatch.undo()
    monkeypatch.setattr(recording, "IDLE_SECONDS", 0.02)
    with opened(client) as socket:
        socket.send_json({"format": "pcm16"})
        told, code, _ = rest(socket)
    assert (told[0]["status"], code) == (408, 1008)


def test_no_more_at_once_than_can_be_decoded(client: TestClient) -> None:
    shop: Runtime = client.app.state.runtime  # type: ignore[attr-defined]
    held = [shop.listening.live(rate=16_000) for _ in range(shop.listening.at_once)]
    for one in held:
        one.__enter__()
    try:
        with opened(client) as socket:
            socket.send_json({"format": "pcm16"})
            told, code, _ = rest(socket)
    finally:
        for one in held:
            one.__exit__(None, None, None)
    assert (told[0]["status"], code) == (503, 1013)
    assert "try again" in told[0]["detail"]


def test_who_shows_no_key_takes_no_place_from_others(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audio_stream, "MOST_UNKNOWN", 1)
    with client.websocket_connect(PATH) as silent:  # has not begun
        with client.websocket_connect(PATH) as another:
            told, code, _ = rest(another)
        assert (told[0]["status"], code) == (503, 1013)
        with opened(client) as known:
            known.send_json({"format": "pcm16"})
            known.send_json(END)
            assert rest(known)[1] == 1000
        silent.send_json({"type": "start", "api_key": "reads", "format": "pcm16"})
        silent.send_json(END)
        assert rest(silent)[1] == 1000
    monkeypatch.setattr(audio_stream, "MOST_SOCKETS", 0)
    with opened(client) as known:
        assert rest(known)[0][0]["status"] == 503


def test_a_listener_that_leaves_frees_its_place(client: TestClient) -> None:
    shop: Runtime = client.app.state.runtime  # type: ignore[attr-defined]
    for _ in range(shop.listening.at_once + 1):
        with opened(client) as socket:
            socket.send_bytes(sample_wav(spoken((0, 1), seconds=1)))
    with opened(client) as socket:
        socket.send_json({"format": "pcm16"})
        socket.send_json(END)
        assert rest(socket)[1] == 1000
    figures = client.get("/metrics", headers=KEY).text
    assert "shoplens_audio_streams 0.0" in figures
    assert 'route="/v1/audio/stream",status="1000"' in figures


def test_what_does_not_open_a_socket_is_told_so(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audio_stream, "find_spec", lambda name: object())
    assert client.get(PATH).status_code == 426
    monkeypatch.setattr(audio_stream, "find_spec", lambda name: None)
    answer = client.get(PATH)
    assert answer.status_code == 501
    assert "shoplens[speech]" in answer.json()["detail"]
