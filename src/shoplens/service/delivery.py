"""Tells people of the shop: a line in the log, a signed webhook, an e-mail.

Messages wait in the store's outbox, so that none is lost with a process. Whoever sends takes it for a while; when the
receiver does not answer, or not well, it is tried again after longer and longer pauses. A message may arrive twice (the
process may die between sending and noting it): each carries an identity that stays the same.
"""

from __future__ import annotations

import logging
import smtplib
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from email.message import EmailMessage
from typing import Any

import httpx
import orjson

from shoplens.errors import ConfigurationError, InputError, ServiceError, ShoplensError, UnsafeInputError
from shoplens.service.delivery_settings import EmailSettings, WebhookSettings
from shoplens.service.trouble import Trouble
from shoplens.service.webhook import post_signed
from shoplens.store.conversations import Outbox
from shoplens.store.records import Delivery

log = logging.getLogger("shoplens.delivery")
MOST_ATTEMPTS = 12  # over about two days
FIRST_PAUSE, LONGEST_PAUSE = 30.0, 6 * 3_600.0  # seconds; each pause is three times as long as the one before
LEASE = 120.0  # seconds for which a message is taken
TOGETHER = 20  # messages that are taken at once
KEPT = 30 * 86_400.0  # seconds for which it is known what was sent
PRUNE_EVERY = 3_600.0  # seconds between looks for what is older
LOOK_EVERY = 2.0  # seconds between looks at the outbox


@dataclass(frozen=True, slots=True)
class Message:
    """One thing to tell, for every channel."""

    subject: str  # of an e-mail
    text: str  # of an e-mail
    line: str  # for the log
    body: Mapping[str, Any]  # of the webhook


@dataclass(frozen=True, slots=True)
class Told:
    """How one kind of news is told: what is said, and where."""

    compose: Callable[[Delivery], Message | None]  # None: what it is about is gone
    name: str  # of its settings: "opinions", "assistant"
    webhook: WebhookSettings
    email: EmailSettings

    @property
    def unsigned(self) -> str:
        """What to do about a webhook without a secret."""
        return how_to_sign(self.name)


def how_to_sign(name: str) -> str:
    """What to do about a webhook without a secret; `name`: of its settings."""
    return f"set {name}.webhook.secret, best by SHOPLENS_{name.upper()}__WEBHOOK__SECRET"


def channels_of(webhook: WebhookSettings, email: EmailSettings) -> tuple[str, ...]:
    """Where something is told, by the settings; the log always."""
    posted = ("webhook",) if webhook.url else ()
    written = ("email",) if email.host and email.to else ()
    return ("log", *posted, *written)


class Courier:
    """Empties the outbox. `kinds`: kind of a delivery → how it is told. Several may run at once, in one process or in
    many."""

    def __init__(self, outbox: Outbox, kinds: Mapping[str, Told]) -> None:
        self._outbox = outbox
        self._kinds = kinds
        self._stop = threading.Event()
        self._pruned = float("-inf")
        self._thread: threading.Thread | None = None
        self._told_unsigned: set[str] = set()
        self._send: dict[str, Callable[[Told, Message, Delivery], None]] = {
            "log": self._to_log,
            "webhook": self._to_webhook,
            "email": self._to_email,
        }

    def start(self) -> None:
        """Look after the outbox in a thread, until `close`."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="shoplens-courier", daemon=True)
            self._thread.start()

    def close(self) -> None:
        """End after the message that is being sent."""
        self._stop.set()
        if self._thread is not None:
            longest = max((told.webhook.timeout_seconds for told in self._kinds.values()), default=0.0)
            self._thread.join(timeout=longest + 5)

    def deliver(self, now: float | None = None) -> int:
        """Send what is due. Returns how many messages arrived."""
        arrived = 0
        for _ in range(TOGETHER):
            moment = int((time.time() if now is None else now) * 1e6)
            # One at a time: where receivers are slow, a lease of many would be over before the last was tried.
            claimed = self._outbox.claim(moment, int(LEASE * 1e6), 1)
            if not claimed:
                break
            settled = self._try(claimed[0], moment)
            self._outbox.settle(settled)
            arrived += settled.state == "delivered"
        return arrived

    def prune(self, now: float | None = None) -> None:
        """Forget what was settled long ago; at most once an hour."""
        if time.monotonic() - self._pruned >= PRUNE_EVERY:
            self._pruned = time.monotonic()
            self._outbox.prune(int(((time.time() if now is None else now) - KEPT) * 1e6))

    def _work(self) -> None:
        trouble = Trouble(log, "messages are not delivered yet")
        while not self._stop.wait(LOOK_EVERY):
            try:
                self.deliver()
                self.prune()
                trouble.over()
            except ShoplensError as error:  # the store is away: the next look tries again
                trouble.met(error)

    def _try(self, one: Delivery, now: int) -> Delivery:
        told, send = self._kinds.get(one.kind), self._send.get(one.channel)
        message = told.compose(one) if told is not None else None
        if told is None or message is None or send is None:
            return replace(one, state="given up", error=f"the {one.kind} or the channel is gone")
        attempts = one.attempts + 1
        try:
            send(told, message, one)
        except (UnsafeInputError, ConfigurationError) as error:
            log.error("%s %s cannot be delivered by %s: %s", one.kind, _short(one), one.channel, error)
            return replace(one, attempts=attempts, state="given up", error=str(error))
        except (ValueError, httpx.InvalidURL) as error:  # a line break in an address, say: no attempt mends that
            log.error("%s %s cannot be written for %s: %s", one.kind, _short(one), one.channel, error)
            return replace(one, attempts=attempts, state="given up", error=str(error))
        except (ServiceError, InputError, OSError, smtplib.SMTPException) as error:
            state = "waiting" if attempts < MOST_ATTEMPTS else "given up"
            pause = min(FIRST_PAUSE * 3.0 ** (attempts - 1), LONGEST_PAUSE)
            log.warning("%s %s: %s did not take it (%s); %s", one.kind, _short(one), one.channel, error, state)
            return replace(one, attempts=attempts, state=state, error=str(error), due=now + int(pause * 1e6))
        return replace(one, attempts=attempts, state="delivered", error="")

    def _to_log(self, told: Told, message: Message, _: Delivery) -> None:
        logging.getLogger(f"shoplens.{told.name}").warning("%s", message.line)

    def _to_webhook(self, told: Told, message: Message, delivery: Delivery) -> None:
        webhook = told.webhook
        if webhook.url is None:
            raise ConfigurationError(f"{told.name}.webhook.url is not set any more")
        secret = webhook.secret.get_secret_value().encode() if webhook.secret is not None else None
        if not secret and told.name not in self._told_unsigned:
            self._told_unsigned.add(told.name)
            log.warning(
                "%ss are posted unsigned: receivers cannot tell who sent them; %s", delivery.kind, told.unsigned
            )
        try:
            answer = post_signed(
                webhook.url,
                orjson.dumps({"occasion": delivery.occasion, **message.body}),
                key=f"{delivery.subject}/{delivery.occasion}",
                secret=secret or None,
                private=webhook.allow_private,
                timeout=webhook.timeout_seconds,
            )
        except httpx.HTTPError as error:
            raise ServiceError(f"the webhook cannot be reached ({type(error).__name__}: {error})") from error
        if not answer.is_success:  # a redirect is none: its address was not checked
            raise ServiceError(f"the webhook answered {answer.status_code}")

    def _to_email(self, told: Told, message: Message, delivery: Delivery) -> None:
        email = told.email
        if email.host is None or not email.to:
            raise ConfigurationError(f"{told.name}.email.host or {told.name}.email.to is not set any more")
        letter = EmailMessage()
        letter["Subject"] = message.subject
        letter["From"] = email.sender
        letter["To"] = ", ".join(email.to)
        letter["Message-ID"] = f"<{delivery.subject}.{delivery.occasion.replace('/', '.')}@shoplens>"
        letter.set_content(message.text)
        context = ssl.create_default_context()
        seconds = told.webhook.timeout_seconds
        server: smtplib.SMTP
        if email.security == "tls":
            server = smtplib.SMTP_SSL(email.host, email.port, timeout=seconds, context=context)
        else:
            server = smtplib.SMTP(email.host, email.port, timeout=seconds)
        with server:
            if email.security == "starttls":
                server.starttls(context=context)
            if email.user is not None and email.password is not None:
                server.login(email.user, email.password.get_secret_value())
            server.send_message(letter)


def _short(delivery: Delivery) -> str:
    """Enough to find it: the whole name of a conversation is a key to it, and has no place in a log."""
    return delivery.subject[:8]
