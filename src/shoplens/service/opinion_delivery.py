"""Tells people about alerts: a line in the log, a signed webhook, an e-mail.

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
from collections.abc import Callable
from dataclasses import replace
from email.message import EmailMessage

import httpx
import orjson

from shoplens.apps.opinions.telling import alert_json, subject_of, text_of
from shoplens.errors import ConfigurationError, InputError, ServiceError, ShoplensError, UnsafeInputError
from shoplens.service.opinion_settings import OpinionSettings
from shoplens.service.trouble import Trouble
from shoplens.service.webhook import post_signed
from shoplens.store.opinions import AlertRecord, Delivery, OpinionStore, PostRecord

log = logging.getLogger("shoplens.opinions")
MOST_ATTEMPTS = 12  # over about two days
FIRST_PAUSE, LONGEST_PAUSE = 30.0, 6 * 3_600.0  # seconds; each pause is three times as long as the one before
LEASE = 120.0  # seconds for which a message is taken
TOGETHER = 20  # messages that are taken at once
LOOK_EVERY = 2.0  # seconds between looks at the outbox
#: What to do about a webhook without a secret.
UNSIGNED = "set opinions.webhook.secret, best by SHOPLENS_OPINIONS__WEBHOOK__SECRET"

Send = Callable[[AlertRecord, list[PostRecord], Delivery], None]


def channels_of(settings: OpinionSettings) -> tuple[str, ...]:
    """Where alerts are told, by the settings; the log always."""
    webhook = ("webhook",) if settings.webhook.url else ()
    email = ("email",) if settings.email.host and settings.email.to else ()
    return ("log", *webhook, *email)


class Courier:
    """Empties the outbox. Several may run at once, in one process or in many."""

    def __init__(self, store: OpinionStore, settings: OpinionSettings, *, language: str = "en") -> None:
        self._store = store
        self._settings = settings
        self._language = language
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._told_unsigned = False
        self._send: dict[str, Send] = {"log": self._to_log, "webhook": self._to_webhook, "email": self._to_email}

    def start(self) -> None:
        """Look after the outbox in a thread, until `close`."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="shoplens-alerts", daemon=True)
            self._thread.start()

    def close(self) -> None:
        """End after the message that is being sent."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout=self._settings.webhook.timeout_seconds + 5)

    def deliver(self, now: float | None = None) -> int:
        """Send what is due. Returns how many messages arrived."""
        moment = int((time.time() if now is None else now) * 1e6)
        arrived = 0
        for one in self._store.claim(moment, int(LEASE * 1e6), TOGETHER):
            settled = self._try(one, moment)
            self._store.settle_delivery(settled)
            arrived += settled.state == "delivered"
        return arrived

    def _work(self) -> None:
        trouble = Trouble(log, "alerts are not delivered yet")
        while not self._stop.wait(LOOK_EVERY):
            try:
                self.deliver()
                trouble.over()
            except ShoplensError as error:  # the store is away: the next look tries again
                trouble.met(error)

    def _try(self, one: Delivery, now: int) -> Delivery:
        alert = self._store.alert(one.alert_id)
        send = self._send.get(one.channel)
        if alert is None or send is None:
            return replace(one, state="given up", error="the alert or the channel is gone")
        numbers = alert.told.get("posts", [])
        found = self._store.by_number(numbers)
        attempts = one.attempts + 1
        try:
            send(alert, [found[number] for number in numbers if number in found], one)
        except (UnsafeInputError, ConfigurationError) as error:
            log.error("alert %s cannot be delivered by %s: %s", one.alert_id, one.channel, error)
            return replace(one, attempts=attempts, state="given up", error=str(error))
        except (ServiceError, InputError, OSError, smtplib.SMTPException) as error:
            state = "waiting" if attempts < MOST_ATTEMPTS else "given up"
            pause = min(FIRST_PAUSE * 3.0 ** (attempts - 1), LONGEST_PAUSE)
            log.warning("alert %s: %s did not take it (%s); %s", one.alert_id, one.channel, error, state)
            return replace(one, attempts=attempts, state=state, error=str(error), due=now + int(pause * 1e6))
        return replace(one, attempts=attempts, state="delivered", error="")

    def _to_log(self, alert: AlertRecord, posts: list[PostRecord], _: Delivery) -> None:
        log.warning("%s", text_of(alert, posts, self._language))

    def _to_webhook(self, alert: AlertRecord, posts: list[PostRecord], delivery: Delivery) -> None:
        webhook = self._settings.webhook
        if webhook.url is None:
            raise ConfigurationError("opinions.webhook.url is not set any more")
        body = orjson.dumps({"occasion": delivery.occasion, "alert": alert_json(alert, posts, self._language)})
        secret = webhook.secret.get_secret_value().encode() if webhook.secret is not None else None
        if not secret and not self._told_unsigned:
            self._told_unsigned = True
            log.warning("alerts are posted unsigned: whoever receives them cannot tell who sent them; %s", UNSIGNED)
        try:
            answer = post_signed(
                webhook.url,
                body,
                key=f"{delivery.alert_id}/{delivery.occasion}",
                secret=secret or None,
                private=webhook.allow_private,
                timeout=webhook.timeout_seconds,
            )
        except httpx.HTTPError as error:
            raise ServiceError(f"the webhook cannot be reached ({type(error).__name__}: {error})") from error
        if not answer.is_success:  # a redirect is none: its address was not checked
            raise ServiceError(f"the webhook answered {answer.status_code}")

    def _to_email(self, alert: AlertRecord, posts: list[PostRecord], delivery: Delivery) -> None:
        email = self._settings.email
        if email.host is None or not email.to:
            raise ConfigurationError("opinions.email.host or opinions.email.to is not set any more")
        message = EmailMessage()
        message["Subject"] = subject_of(alert, self._language)
        message["From"] = email.sender
        message["To"] = ", ".join(email.to)
        message["Message-ID"] = f"<{delivery.alert_id}.{delivery.occasion}@shoplens>"
        message.set_content(text_of(alert, posts, self._language))
        context = ssl.create_default_context()
        seconds = self._settings.webhook.timeout_seconds
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
            server.send_message(message)
