"""What is sent is signed, tried again when that helps, and never goes where it must not."""

import time
from collections.abc import Iterator

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.service.hook_receiver import Receiver, receiving

from shoplens.errors import ConfigurationError, ServiceError, ServiceUnavailableError, UnsafeInputError
from shoplens.service.webhook import Webhook, is_signed, signature

SECRET = b"between us"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as server:
        yield server


def hook(url: str, pauses: list[float], *, private: bool = True, retries: int = 3) -> Webhook:
    return Webhook(url, SECRET, retries=retries, private=private, pause=pauses.append)


def test_a_message_is_signed(receiver: Receiver) -> None:
    assert hook(receiver.url, []).send("segments", {"people": [{"user_id": "ann"}]}) == 1
    ((headers, body),) = receiver.got
    assert orjson.loads(body)["people"] == [{"user_id": "ann"}]
    assert is_signed(SECRET, body, headers["x-shoplens-signature"], now=time.time())
    assert not is_signed(SECRET, body + b" ", headers["x-shoplens-signature"], now=time.time())
    assert not is_signed(b"other", body, headers["x-shoplens-signature"], now=time.time())
    assert not is_signed(SECRET, body, headers["x-shoplens-signature"], now=time.time() + 1_000)
    assert not is_signed(SECRET, body, "t=\u00b2,v1=0", now=time.time())


def test_it_is_tried_again_under_the_same_key(receiver: Receiver) -> None:
    receiver.answers = [(503, {"Retry-After": "7"}), (500, {"Retry-After": "\u00b2"})]
    pauses: list[float] = []
    assert hook(receiver.url, pauses).send("segments", {}) == 3
    assert pauses == [7.0, 2.0]
    assert len({headers["idempotency-key"] for headers, _ in receiver.got}) == 1
    assert len({body for _, body in receiver.got}) == 1


def test_what_is_refused_is_not_tried_again(receiver: Receiver) -> None:
    receiver.answers = [(400, {}), (302, {"Location": "http://127.0.0.1:1/"})]
    for _ in range(2):
        with pytest.raises(ServiceError, match="refused") as caught:
            hook(receiver.url, []).send("segments", {})
        assert "secret" not in str(caught.value)
    assert len(receiver.got) == 2


def test_it_gives_up_and_says_so(receiver: Receiver) -> None:
    receiver.answers = [(503, {"Retry-After": "100000"})] * 2
    pauses: list[float] = []
    with pytest.raises(ServiceUnavailableError, match="after 2 tries"):
        hook(receiver.url, pauses, retries=1).send("segments", {})
    assert pauses == [60.0]


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:9/", "http://[::1]/x", "http://169.254.169.254/latest", "file:///etc/passwd"]
)
def test_private_addresses_are_refused(url: str) -> None:
    with pytest.raises(UnsafeInputError):
        hook(url, [], private=False).send("segments", {})


def test_a_secret_is_needed() -> None:
    with pytest.raises(ConfigurationError):
        Webhook("https://example.com", b"")


@given(st.binary(max_size=200), st.integers(0, 2**40))
def test_what_was_signed_is_recognised(body: bytes, seconds: int) -> None:
    assert is_signed(SECRET, body, signature(SECRET, body, seconds), now=seconds)


@settings(max_examples=30)
@given(st.text(max_size=60))
def test_no_header_breaks_the_check(header: str) -> None:
    assert not is_signed(SECRET, b"body", header, now=0)
