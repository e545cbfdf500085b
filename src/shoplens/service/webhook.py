"""Sends JSON to an address of the shop's choice: signed, tried again, and never to where it must not go.

The receiver checks `X-Shoplens-Signature: t=SECONDS,v1=HEX`: HEX is HMAC-SHA256 (RFC 2104) under the shared secret of
the bytes "SECONDS.BODY". A message that is tried again keeps its `Idempotency-Key`. The address is checked like every
other that is fetched (`domain.public_address`), and connected to by the address that was checked; redirects are not
followed, because they would carry what was signed elsewhere.
"""

from __future__ import annotations

import hashlib
import hmac
import ssl
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx
import orjson

from shoplens import __version__
from shoplens.domain.public_address import resolve_public
from shoplens.errors import ConfigurationError, ServiceError, ServiceUnavailableError

AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})  # answers that say "later"
LONGEST_PAUSE = 60.0  # seconds, whatever the receiver asks for
TIMEOUT = 10.0  # seconds, for connecting and between two pieces


@dataclass(frozen=True, slots=True)
class Webhook:
    """Where to send, and how often to try."""

    url: str
    secret: bytes
    retries: int = 4
    private: bool = False  # whether the address may be in the shop's own network
    pause: Callable[[float], None] = time.sleep

    def __post_init__(self) -> None:
        if not self.secret:
            raise ConfigurationError("a webhook needs a secret, so that the receiver can tell who sent it")

    def send(self, kind: str, content: dict[str, Any]) -> int:
        """POST one message {"kind", "sent", **content}; returns how many tries it took.

        UnsafeInputError for an address that may not be asked; ServiceError when it is refused there;
        ServiceUnavailableError when it cannot be delivered after all tries.
        """
        key = uuid.uuid4().hex
        sent = int(time.time())
        body = orjson.dumps({"kind": kind, "sent": sent, **content}, option=orjson.OPT_SERIALIZE_NUMPY)
        why = ""
        for attempt in range(self.retries + 1):
            wait = 2.0**attempt
            try:
                answer = post_signed(self.url, body, key=key, secret=self.secret, private=self.private)
            except httpx.HTTPError as error:
                why = f"{type(error).__name__}: {error}"
            else:
                if answer.is_success:
                    return attempt + 1
                why = f"it answered {answer.status_code}"
                if answer.status_code not in AGAIN:
                    raise ServiceError(f"{self.shown}: the message was refused: {why}")
                asked = answer.headers.get("retry-after", "")
                wait = float(asked) if asked.isascii() and asked.isdigit() else wait
            if attempt < self.retries:
                self.pause(min(wait, LONGEST_PAUSE))
        raise ServiceUnavailableError(f"{self.shown}: not delivered after {self.retries + 1} tries ({why})")

    @property
    def shown(self) -> str:
        """The address as it may appear in messages: no query, which often carries a key."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def post_signed(
    url: str, body: bytes, *, key: str, secret: bytes | None, private: bool, timeout: float = TIMEOUT
) -> httpx.Response:
    """One try to POST a JSON body; the address is looked up and checked each time. `key`: stays the same when the same
    message is sent again. Without a secret it is not signed.

    UnsafeInputError for an address that may not be asked; httpx.HTTPError when nothing answers.
    """
    target = resolve_public(url, allow_private=private)
    scheme = urlsplit(url).scheme
    headers = {
        "Host": target.host_header(scheme),
        "Content-Type": "application/json",
        "User-Agent": f"shoplens/{__version__}",
        "Idempotency-Key": key,
    }
    if secret is not None:
        headers["X-Shoplens-Signature"] = signature(secret, body, int(time.time()))
    extensions = {"sni_hostname": target.host} if scheme == "https" else {}
    # trust_env off: a proxy from the environment would connect by name, past the check.
    with httpx.Client(trust_env=False, timeout=timeout, verify=ssl.create_default_context()) as client:
        asked = client.build_request(
            "POST", target.pinned_url(url), content=body, headers=headers, extensions=extensions
        )
        answer = client.send(asked, stream=True)  # what it says beyond its status is not read: it may never end
        answer.close()
        return answer


def signature(secret: bytes, body: bytes, seconds: int) -> str:
    """The header's value for a body sent at a time, in seconds since 1970."""
    said = f"{seconds}.".encode() + body
    return f"t={seconds},v1={hmac.new(secret, said, hashlib.sha256).hexdigest()}"


def is_signed(secret: bytes, body: bytes, header: str, *, now: float, tolerance: float = 300.0) -> bool:
    """Whether a header was made with this secret for this body, within `tolerance` seconds: what a receiver does."""
    parts = dict(part.partition("=")[::2] for part in header.split(","))
    given = parts.get("t", "")
    if not (given.isascii() and given.isdigit()) or abs(now - int(given)) > tolerance:
        return False
    return hmac.compare_digest(signature(secret, body, int(given)), header)
