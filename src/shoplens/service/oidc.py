"""Tokens of an OpenID Connect provider: whose they are and what they allow. Its keys are fetched and kept.

Checked are signature (asymmetric algorithms alone), issuer, audience and times, as RFC 7519 and RFC 8725 ask.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx
from joserfc import jws, jwt
from joserfc.errors import ClaimError, ExpiredTokenError, JoseError
from joserfc.jwk import KeySet

from shoplens.errors import ServiceUnavailableError
from shoplens.service.grants import ROLES, Grant, read_grant
from shoplens.service.server_settings import OidcSettings

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519")
LEEWAY = 60  # seconds that clocks may differ
AGAIN = 30.0  # seconds between looks for a key that is not known: anybody may make up key ids
TIMEOUT = 5.0  # seconds for the issuer to answer
MOST_BYTES = 1 << 20  # of an answer of the issuer; key sets have a few kilobytes
MOST_TOKEN = 16_384  # characters


@dataclass(frozen=True, slots=True)
class Identity:
    """Whose token it is. Without `grants` the token is good, but allows nothing here."""

    subject: str
    grants: tuple[Grant, ...]


@dataclass(frozen=True, slots=True)
class Refused:
    """A token that is not good, and why: whoever holds it may know, and sets the provider up by it."""

    reason: str


def is_token(text: str) -> bool:
    """Whether this looks like a JWT; keys of ours have no dots."""
    return text.startswith("ey") and text.count(".") == 2


class Issuer:
    """One provider. Safe between threads; `identify` may ask the network, so keep it off the event loop."""

    def __init__(self, settings: OidcSettings, *, clock: Callable[[], float] = time.monotonic) -> None:
        assert settings.issuer is not None, "without an issuer there are no tokens"
        assert settings.audience is not None, "settings ask for one beside an issuer"
        self._settings = settings
        self._clock = clock
        self._keys: KeySet | None = None
        self._fetched = self._tried = float("-inf")
        self._lock = threading.Lock()
        self._claims = jwt.JWTClaimsRegistry(
            leeway=LEEWAY,
            iss={"essential": True, "value": settings.issuer},
            aud={"essential": True, "value": settings.audience},
            exp={"essential": True},
            sub={"essential": True},
        )

    @property
    def role_claim(self) -> str:
        """Where a token says what its bearer may do."""
        return self._settings.role_claim

    def identify(self, token: str) -> Identity | Refused:
        """Whose it is. ServiceUnavailableError when the issuer's keys cannot be fetched."""
        refused = Refused(f"it is longer than {MOST_TOKEN:,} characters")
        if len(token) > MOST_TOKEN:
            return refused
        for fresh in (False, True):  # keys change: an unknown one is looked for once more
            keys = self._known(fresh=fresh)
            try:
                read = jwt.decode(token, keys, algorithms=ALGORITHMS)
                self._claims.validate(read.claims)
            except (JoseError, ValueError) as error:
                refused = Refused(_reason(error))
                if fresh or not _unknown_key(token, keys):
                    return refused
                continue
            return Identity(str(read.claims["sub"]), self._grants(read.claims))
        return refused

    def look(self) -> int:
        """How many keys the issuer has now. ServiceUnavailableError when they cannot be fetched."""
        return len(self._known(fresh=True).keys)

    def _grants(self, claims: dict[str, Any]) -> tuple[Grant, ...]:
        found: Any = claims
        for part in self._settings.role_claim.split("."):
            found = found.get(part) if isinstance(found, dict) else None
        said = found.split() if isinstance(found, str) else found if isinstance(found, list) else []
        means = self._settings.roles or {name: name for name in ROLES}
        return tuple(read_grant(means[one]) for one in said if isinstance(one, str) and one in means)

    def _known(self, *, fresh: bool) -> KeySet:
        with self._lock:
            now = self._clock()
            kept = self._keys
            due = now - self._fetched > self._settings.keys_seconds or fresh
            if kept is None or (due and now - self._tried > AGAIN):
                self._tried = now
                try:
                    kept = self._keys = self._fetch()
                    self._fetched = now
                except (httpx.HTTPError, ValueError, KeyError, TypeError, JoseError) as error:
                    if kept is None:  # else those from before go on: the issuer may be away for a while
                        raise ServiceUnavailableError(
                            f"the keys of {self._settings.issuer} cannot be fetched"
                        ) from error
            return kept

    def _fetch(self) -> KeySet:
        issuer = str(self._settings.issuer)
        with httpx.Client(timeout=TIMEOUT, follow_redirects=False) as client:
            url = self._settings.jwks_url
            if url is None:
                told = _json(client, f"{issuer.rstrip('/')}/.well-known/openid-configuration")
                if told["issuer"] != issuer:
                    raise ValueError(f"it calls itself {told['issuer']!r}")
                url = str(told["jwks_uri"])
            return KeySet.import_key_set(_json(client, url))


def _json(client: httpx.Client, url: str) -> Any:
    with client.stream("GET", url) as answer:
        if answer.status_code != 200:
            raise ValueError(f"{url} answered {answer.status_code}")
        body = b""
        for piece in answer.iter_bytes():
            body += piece
            if len(body) > MOST_BYTES:
                raise ValueError(f"{url} answered with more than {MOST_BYTES:,} bytes")
    return httpx.Response(200, content=body).json()


def _reason(error: Exception) -> str:
    """What the holder of a token is told: which check failed, never a value."""
    if isinstance(error, ExpiredTokenError):
        return "it has expired"
    if isinstance(error, ClaimError):
        return f"its claim {error.claim!r} is missing, or not what this shop asks for"
    return "it was not signed with a key of the provider"


def _unknown_key(token: str, keys: KeySet) -> bool:
    """Whether the token names a key that is not in the set."""
    try:
        named = jws.extract_compact(token.encode()).headers().get("kid")
    except (JoseError, ValueError):
        return False
    return named is not None and all(key.kid != named for key in keys.keys)
