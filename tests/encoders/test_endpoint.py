"""An embeddings endpoint as encoder, against a server on this machine that speaks OpenAI's protocol."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from shoplens.encoders.base import EncoderOptions, EndpointOptions, TextEncoder, open_encoder
from shoplens.encoders.endpoint import LONGEST_WAIT_SECONDS, EndpointEncoder
from shoplens.encoders.endpoint_answer import seconds_to_wait
from shoplens.encoders.hashed import HashedNgramEncoder
from shoplens.errors import ConfigurationError, ServiceError, ServiceUnavailableError
from shoplens.testing.encoders import check_encoder

WIDTH = 32
KEY = "sk-secret"
INFINITE = base64.b64encode(np.full(WIDTH, np.inf, "<f4").tobytes()).decode()
Answer = tuple[int, dict[str, str], bytes]


class Service(ThreadingHTTPServer):
    """The protocol, by the hashed encoder; `spoil` may change or replace its next answers."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.encoder = HashedNgramEncoder(size=WIDTH)
        self.asked: list[dict[str, Any]] = []
        self.spoil: Callable[[dict[str, Any]], Answer | dict[str, Any]] | None = None
        self.first: list[Answer] = []  # answers given before any right one

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1"

    def answer(self, question: dict[str, Any], key: str | None) -> Answer:
        self.asked.append(question)
        if self.first:
            return self.first.pop(0)
        if key != f"Bearer {KEY}":
            return 401, {}, json.dumps({"error": {"message": f"Incorrect API key: {key}"}}).encode()
        vectors = 3 * self.encoder.encode(question["input"])  # not of unit length
        if question["encoding_format"] == "base64":
            written: list[Any] = [base64.b64encode(vector.astype("<f4").tobytes()).decode() for vector in vectors]
        else:
            written = vectors.tolist()
        rows = [{"object": "embedding", "index": place, "embedding": one} for place, one in enumerate(written)]
        body: Any = {"object": "list", "model": question["model"], "data": rows[::-1], "usage": {}}
        if self.spoil is not None:
            body = self.spoil(body)
        return body if isinstance(body, tuple) else (200, {}, json.dumps(body).encode())


class Handler(BaseHTTPRequestHandler):
    server: Service

    def do_POST(self) -> None:
        question = json.loads(self.rfile.read(int(self.headers["content-length"])))
        status, headers, content = self.server.answer(question, self.headers.get("authorization"))
        self.send_response(status if self.path == "/v1/embeddings" else 404)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_args: Any) -> None:
        """Nothing on the screen."""


@pytest.fixture
def service() -> Iterator[Service]:
    with Service() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def waited() -> list[float]:
    return []


@pytest.fixture
def make(service: Service, tmp_path: Path, waited: list[float]) -> Iterator[Callable[..., EndpointEncoder]]:
    made: list[EndpointEncoder] = []

    def make(**changes: Any) -> EndpointEncoder:
        options = EndpointOptions(**{"url": service.url, "api_key": KEY, "retries": 2, **changes})
        made.append(EndpointEncoder("tiny", options, tmp_path, wait=waited.append))
        return made[-1]

    yield make
    for encoder in made:
        encoder.close()


@pytest.mark.parametrize("encoding", ["float", "base64"])
def test_it_keeps_the_contract_of_encoders(make: Callable[..., EndpointEncoder], encoding: str) -> None:
    check_encoder(lambda: make(encoding=encoding, batch=3))


def test_vectors_are_those_of_the_service_in_the_order_asked(
    make: Callable[..., EndpointEncoder], service: Service
) -> None:
    texts = ["red shoe", "blue coat", "红色跑步鞋", "bad \ud800 half"]
    vectors = make(batch=3).encode(texts)
    assert np.allclose(vectors[:3], service.encoder.encode(texts[:3]), atol=1e-6)
    assert [len(one["input"]) for one in service.asked] == [1, 3, 1]  # the first is about the width
    assert service.asked[1]["model"] == "tiny"


def test_opened_by_name_with_prefixes(service: Service, tmp_path: Path) -> None:
    endpoint = EndpointOptions(service.url, KEY, query_prefix="query: ", product_prefix="passage: ")
    with open_encoder("endpoint:tiny/large", EncoderOptions(tmp_path, endpoint=endpoint)) as encoder:  # type: ignore[attr-defined]
        assert isinstance(encoder, TextEncoder)
        assert encoder.name == "endpoint-tiny_large"
        encoder.encode(["shoe", " "])
        encoder.encode_queries(["shoe"])
    assert service.asked[-2]["input"] == ["passage: shoe", "passage: "]
    assert service.asked[-1]["input"] == ["query: shoe"]
    assert "dimensions" not in service.asked[0]


def test_the_width_is_asked_for_once_and_remembered(make: Callable[..., EndpointEncoder], service: Service) -> None:
    version = make().version
    assert version.endswith(f"-{WIDTH}")
    assert make().version == version
    assert len(service.asked) == 1
    assert make(size=WIDTH).version == version
    assert make(query_prefix="q").version != version


def test_a_set_width_is_asked_for_and_checked(make: Callable[..., EndpointEncoder], service: Service) -> None:
    with pytest.raises(ServiceError, match=r"32 numbers instead of 8.*endpoint\.size"):
        make(size=8).encode(["shoe"])
    assert service.asked[0]["dimensions"] == 8


def test_it_waits_as_told_and_tries_again(
    make: Callable[..., EndpointEncoder], service: Service, waited: list[float]
) -> None:
    service.first = [(429, {"retry-after": "7"}, b"busy"), (503, {}, b"")]
    assert make(size=WIDTH).encode(["shoe"]).shape == (1, WIDTH)
    assert waited[0] == 7
    assert 0.4 < waited[1] <= 1.0


def test_it_gives_up_in_the_end_and_never_waits_for_ever(
    make: Callable[..., EndpointEncoder], service: Service, waited: list[float]
) -> None:
    service.first = [(429, {"retry-after": "86400"}, b"quota exceeded")] * 3
    with pytest.raises(ServiceUnavailableError, match="429: quota exceeded; tried 3 times"):
        make(size=WIDTH).encode(["shoe"])
    assert waited == [LONGEST_WAIT_SECONDS] * 2


def test_nobody_there(make: Callable[..., EndpointEncoder], waited: list[float]) -> None:
    with pytest.raises(ServiceUnavailableError, match="does not answer"):
        make(size=WIDTH, url="http://127.0.0.1:9/v1").encode(["shoe"])
    assert len(waited) == 2


def test_a_wrong_key_or_address_is_a_setting_to_correct(make: Callable[..., EndpointEncoder], service: Service) -> None:
    with pytest.raises(ConfigurationError, match="api_key") as caught:
        make(api_key="sk-other").encode(["shoe"])
    assert "sk-other" not in str(caught.value)
    with pytest.raises(ConfigurationError, match=r"endpoint\.url"):
        make(url=f"{service.url}/nowhere").encode(["shoe"])
    assert KEY not in repr(EndpointOptions(service.url, KEY))


def _rows(body: dict[str, Any], change: Callable[[list[dict[str, Any]]], Any]) -> dict[str, Any]:
    change(body["data"])
    return body


HOSTILE: dict[str, tuple[Callable[[dict[str, Any]], Any], str]] = {
    "no JSON": (lambda _: (200, {}, b"<html>hello</html>"), "not answer in JSON"),
    "not a number": (lambda _: (200, {}, b'{"data": [{"index": 0, "embedding": [NaN, 1]}]}'), "not answer in JSON"),
    "no data": (lambda _: {"error": "no"}, 'no list "data"'),
    "a list": (lambda _: [1, 2], 'no list "data"'),
    "too few": (lambda body: _rows(body, lambda rows: rows.pop()), "1 vectors to 2 texts"),
    "too many": (lambda body: _rows(body, lambda rows: rows.append(rows[0])), "3 vectors to 2 texts"),
    "an index twice": (lambda body: _rows(body, lambda rows: rows[0].update(index=0)), "indexes"),
    "odd indexes": (lambda body: _rows(body, lambda rows: rows[0].update(index="1")), "indexes"),
    "short": (lambda body: _rows(body, lambda rows: rows[0]["embedding"].pop()), "31 and 32 numbers"),
    "null": (lambda body: _rows(body, lambda rows: rows[0]["embedding"].__setitem__(0, None)), "list of numbers"),
    "words": (lambda body: _rows(body, lambda rows: rows[0]["embedding"].__setitem__(0, "1")), "list of numbers"),
    "nested": (lambda body: _rows(body, lambda rows: rows[0].update(embedding=[[1.0], [2.0, 3.0]])), "list of numbers"),
    "missing": (lambda body: _rows(body, lambda rows: rows[0].pop("embedding")), "list of numbers"),
    "bad base64": (lambda body: _rows(body, lambda rows: rows[0].update(embedding="?!")), "base64"),
    "half a number": (lambda body: _rows(body, lambda rows: rows[0].update(embedding="AAA=")), "base64"),
    "infinite": (lambda body: _rows(body, lambda rows: rows[0].update(embedding=INFINITE)), "no number"),
    "zeros": (lambda body: _rows(body, lambda rows: rows[0].update(embedding=[0.0] * WIDTH)), "nothing but zeros"),
    "endless": (lambda _: (200, {}, b" " * 80_000), "more than"),
}


@pytest.mark.parametrize("fault", HOSTILE)
def test_an_answer_that_cannot_be_right_is_refused(
    fault: str, make: Callable[..., EndpointEncoder], service: Service
) -> None:
    service.spoil, message = HOSTILE[fault]
    with pytest.raises(ServiceError, match=message):
        make(size=WIDTH).encode(["shoe", "coat"])


def test_enormous_numbers_and_missing_indexes_are_no_harm(
    make: Callable[..., EndpointEncoder], service: Service
) -> None:
    def grow(rows: list[dict[str, Any]]) -> None:
        rows.reverse()
        for row in rows:
            del row["index"]
            row["embedding"] = [number * 1e300 for number in row["embedding"]]

    service.spoil = lambda body: _rows(body, grow)
    assert np.allclose(make().encode(["red shoe"]), service.encoder.encode(["red shoe"]), atol=1e-6)


@pytest.mark.parametrize("changes", [{"url": "ftp://x"}, {"url": "api.openai.com"}, {"encoding": "hex"}])
def test_impossible_settings_are_refused(changes: dict[str, Any], make: Callable[..., EndpointEncoder]) -> None:
    with pytest.raises(ConfigurationError):
        make(**changes)


def test_without_an_address_the_setting_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"encoders\.endpoint"):
        open_encoder("endpoint:tiny", EncoderOptions(tmp_path))
    with pytest.raises(ConfigurationError, match="lacks what follows"):
        open_encoder("endpoint:", EncoderOptions(tmp_path))
    with pytest.raises(ConfigurationError, match="reads texts"):
        open_encoder("endpoint:tiny", EncoderOptions(tmp_path, modality="image", endpoint=EndpointOptions("http://x")))


def test_how_long_to_wait() -> None:
    assert seconds_to_wait("1.5") == 1.5
    assert seconds_to_wait("") == seconds_to_wait("soon") == seconds_to_wait("-3") == seconds_to_wait("inf") == 0
    assert 50 < seconds_to_wait(format_datetime(datetime.now(UTC) + timedelta(minutes=1), usegmt=True)) <= 60
