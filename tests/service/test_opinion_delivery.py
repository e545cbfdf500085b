"""Alerts reach people: signed, tried again, once taken by one sender, by e-mail through a real server."""

from __future__ import annotations

import hashlib
import hmac
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any, ClassVar

import orjson
import pytest
from pydantic import SecretStr

from shoplens.domain.opinions import Count
from shoplens.service.delivery import Courier
from shoplens.service.delivery_settings import EmailSettings, WebhookSettings
from shoplens.service.opinion_delivery import alerts_told, channels_of
from shoplens.service.opinion_settings import OpinionSettings
from shoplens.store.base import Store
from shoplens.store.opinions import AlertRecord, PostRecord
from shoplens.store.records import Delivery
from shoplens.store.sql import open_store

FIGURES = {"posts": 9, "negative": 8, "positive": 0, "reach": 9, "share": 0.9, "low": 0.6, "high": 0.98}
TOLD = {
    "before": FIGURES, "during": FIGURES, "hours": 2.0, "usual_share": 0.2, "usual_posts": 3.0,
    "usual_posts_an_hour": 1.5, "evidence": 14.0, "words": ["电池", "died"], "aspects": [["battery", 0.1, 0.9]],
    "posts": [1], "also": ["topic:battery"],
}  # fmt: skip


class Hook(BaseHTTPRequestHandler):
    """Notes what it is sent; answers what `answers` says, then 200."""

    answers: ClassVar[list[int]] = []
    got: ClassVar[list[tuple[dict[str, str], bytes]]] = []

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.got.append(({name.lower(): value for name, value in self.headers.items()}, body))
        self.send_response(self.answers.pop(0) if self.answers else 200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def hook() -> Iterator[str]:
    Hook.answers, Hook.got = [], []
    server = HTTPServer(("127.0.0.1", 0), Hook)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/alerts"
    server.shutdown()
    server.server_close()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    one = open_store(f"sqlite:///{tmp_path / 'shop.sqlite'}")
    with one.opinions.turn() as turn:
        turn.add([PostRecord(sequence=1, key=1, timestamp=5, text="the battery died\nat once", series=("all",))])
        turn.count({("all", 0): Count(1, 1, 0, 1)})
        turn.keep_alert(
            AlertRecord(alert_id="a1", series="all", kind="tone", severity="warning", opened=9, began=5, told=TOLD)
        )
    yield one
    one.close()


def courier_of(store: Store, settings: OpinionSettings, language: str = "en") -> Courier:
    return Courier(store.outbox, {"alert": alerts_told(store.opinions, settings, language)})


def put(store: Store, channel: str) -> None:
    with store.opinions.turn() as turn:
        turn.deliver([Delivery(kind="alert", subject="a1", occasion="opened", channel=channel, due=0)])


def test_a_webhook_is_signed_and_tried_again(store: Store, hook: str) -> None:
    webhook = WebhookSettings(url=hook, secret=SecretStr("s3cret"), allow_private=True)
    settings = OpinionSettings(webhook=webhook)
    assert channels_of(settings) == ("log", "webhook")
    courier = courier_of(store, settings)
    Hook.answers = [500, 302]
    put(store, "webhook")
    assert courier.deliver(100.0) == 0
    assert courier.deliver(110.0) == 0
    assert len(Hook.got) == 1, "not before the pause is over"
    assert courier.deliver(131.0) == 0, "a redirect leads to an address that nobody checked"
    assert courier.deliver(131.0 + 91.0) == 1
    assert courier.deliver(10_000.0) == 0
    assert store.outbox.waiting() == 0
    headers, body = Hook.got[-1]
    assert {one[0]["idempotency-key"] for one in Hook.got} == {"a1/opened"}
    moment, _, digest = headers["x-shoplens-signature"].removeprefix("t=").partition(",v1=")
    wanted = hmac.new(b"s3cret", f"{moment}.".encode() + body, hashlib.sha256).hexdigest()
    assert hmac.compare_digest(digest, wanted)
    alert = orjson.loads(body)["alert"]
    assert alert["posts"][0]["text"] == "the battery died\nat once"
    assert alert["words"] == ["电池", "died"]


@pytest.mark.parametrize("secret", [None, SecretStr("")])
def test_what_is_not_signed_is_warned_of_once(
    store: Store, hook: str, secret: SecretStr | None, caplog: pytest.LogCaptureFixture
) -> None:
    webhook = WebhookSettings(url=hook, secret=secret, allow_private=True)
    courier = courier_of(store, OpinionSettings(webhook=webhook))
    put(store, "webhook")
    assert courier.deliver(100.0) == 1
    with store.opinions.turn() as turn:
        turn.deliver([Delivery(kind="alert", subject="a1", occasion="critical", channel="webhook", due=0)])
    assert courier.deliver(101.0) == 1
    assert not [headers for headers, _ in Hook.got if "x-shoplens-signature" in headers]
    assert caplog.text.count("opinions.webhook.secret") == 1


def test_a_private_address_is_refused_for_good(store: Store, hook: str) -> None:
    courier = courier_of(store, OpinionSettings(webhook=WebhookSettings(url=hook)))
    put(store, "webhook")
    assert courier.deliver(100.0) == 0
    assert store.outbox.waiting() == 0
    assert not Hook.got


def test_an_email_goes_through_a_server(store: Store) -> None:
    from aiosmtpd.controller import Controller

    class Inbox:
        mails: ClassVar[list[Any]] = []

        async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 its name
            self.mails.append(envelope)
            return "250 OK"

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    controller = Controller(Inbox(), hostname="127.0.0.1", port=port)
    controller.start()
    try:
        email = EmailSettings(host="127.0.0.1", port=port, security="none", to=("ann@shop.example", "bob@shop.example"))
        settings = OpinionSettings(email=email)
        assert channels_of(settings) == ("log", "email")
        put(store, "email")
        assert courier_of(store, settings, "zh").deliver(100.0) == 1
    finally:
        controller.stop()
    (mail,) = Inbox.mails
    assert mail.rcpt_tos == ["ann@shop.example", "bob@shop.example"]
    assert b"Message-ID: <a1.opened@shoplens>" in mail.content


def test_the_log_says_it_too(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    put(store, "log")
    courier = courier_of(store, OpinionSettings())
    assert courier.deliver(100.0) == 1
    assert "[warning] More complaints about the shop" in caplog.text
    assert "the battery died at once" in caplog.text
