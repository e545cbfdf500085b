"""A chat endpoint on this machine: what it is sent, and what becomes of its moods."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

import pytest
from pydantic import SecretStr

from shoplens.apps.assistant.turns import Source
from shoplens.errors import ConfigurationError, ServiceError, ServiceUnavailableError
from shoplens.service.assistant_settings import ChatEndpointSettings
from shoplens.service.chat_endpoint import ChatEndpoint

SOURCES = [Source("document:a#1", "document", "Returns", "Returns within 30 days.")]


def chunk(**delta: object) -> str:
    return f"data: {json.dumps({'choices': [{'index': 0, 'delta': delta}]})}\n\n"


_WHOLE = (
    chunk(role="assistant") + chunk(content="Within ") + ": wait\n\n" + chunk(content="30 天.") + "data: [DONE]\n\n"
)
STREAMS = {
    "stream": [_WHOLE[start : start + 7] for start in range(0, len(_WHOLE), 7)],
    "unknown stream": [chunk(content="UNK"), chunk(content="NOWN."), "data: [DONE]\n\n"],
    "no stream": ["data: oops\n\n"],
    "numbers": [chunk(content=7)],
}


class Chat(BaseHTTPRequestHandler):
    """Answers as its mood says."""

    mood: ClassVar[str] = ""
    seen: ClassVar[dict[str, Any]] = {}

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        Chat.seen = {"path": self.path, "key": self.headers["authorization"], **json.loads(body)}
        if Chat.mood == "slow":
            time.sleep(0.6)
        if Chat.mood in STREAMS:
            self.send_response(200)
            self.send_header("content-type", "text/event-stream; charset=utf-8")
            self.end_headers()
            for piece in STREAMS[Chat.mood]:
                self.wfile.write(piece.encode())
                self.wfile.flush()
            return
        answer = {"choices": [{"message": {"content": "UNKNOWN." if Chat.mood == "unknown" else "Within 30 days."}}]}
        content = b"oops" if Chat.mood == "nonsense" else json.dumps(answer).encode()
        self.send_response(500 if Chat.mood == "broken" else 200)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_args: object) -> None:
        """Quiet."""


@pytest.fixture
def endpoint() -> Iterator[ChatEndpoint]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Chat)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    url = f"http://127.0.0.1:{server.server_port}/v1/"
    chat = ChatEndpoint(ChatEndpointSettings(url=url, model="m", api_key=SecretStr("k"), seconds=0.3))
    yield chat
    chat.close()
    server.shutdown()
    thread.join()
    server.server_close()


def test_sources_and_question_are_sent_as_data(endpoint: ChatEndpoint) -> None:
    Chat.mood = ""
    assert list(endpoint("how long?", SOURCES, [("hi", "hello")], "zh")) == ["Within 30 days."]
    assert (Chat.seen["path"], Chat.seen["key"], Chat.seen["model"]) == ("/v1/chat/completions", "Bearer k", "m")
    roles = [one["role"] for one in Chat.seen["messages"]]
    assert roles == ["system", "user", "assistant", "user"]
    assert "Chinese" in Chat.seen["messages"][0]["content"]
    assert "Returns within 30 days." in Chat.seen["messages"][-1]["content"]


@pytest.mark.parametrize(
    ("mood", "error"),
    [
        ("broken", ServiceError),
        ("nonsense", ServiceError),
        ("unknown", ServiceError),
        ("slow", ServiceUnavailableError),
        ("unknown stream", ServiceError),
        ("no stream", ServiceError),
        ("numbers", ServiceError),
    ],
)
def test_no_answer_is_an_error_that_templates_stand_in_for(
    endpoint: ChatEndpoint, mood: str, error: type[Exception]
) -> None:
    Chat.mood = mood
    with pytest.raises(error):
        list(endpoint("how long?", SOURCES, [], "en"))


def test_words_come_as_they_are_written(endpoint: ChatEndpoint) -> None:
    Chat.mood = "stream"
    assert [one for one in endpoint("how long?", SOURCES, [], "en") if one] == ["Within ", "30 天."]
    assert Chat.seen["stream"] is True


def test_url_and_model_belong_together() -> None:
    with pytest.raises(ConfigurationError, match="model"):
        ChatEndpoint(ChatEndpointSettings(url="http://127.0.0.1:1"))
