"""API keys and tokens, what each may do and where, and how often one may ask. Without any key everything is open: for
your own machine only."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import Request, Security, params
from fastapi.concurrency import run_in_threadpool
from fastapi.security import APIKeyHeader, HTTPAuthorizationCredentials, HTTPBearer
from pydantic import SecretStr
from starlette.exceptions import HTTPException

from shoplens.errors import ConfigurationError, InputError
from shoplens.service.grants import Grant, read_grant
from shoplens.service.keyring import ApiKey, Keyring
from shoplens.service.oidc import Issuer, Refused, is_token

_header = APIKeyHeader(name="X-API-Key", auto_error=False, scheme_name="apiKey")
_bearer = HTTPBearer(auto_error=False, scheme_name="bearer", description="A key, or a token of the provider in [oidc].")
HeaderKey = Annotated[str | None, Security(_header)]
BearerKey = Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)]


@dataclass(frozen=True, slots=True)
class Access:
    """What a route asks of whoever calls it: a role at least, in any of some scopes. A dependency of FastAPI."""

    role: str
    scopes: tuple[str, ...]

    @property
    def security(self) -> list[dict[str, list[str]]]:
        """As FastAPI says it of a route that `needs` this; `http/openapi.py` makes OpenAPI 3.1 of it."""
        return [{scheme: [self.role, *self.scopes]} for scheme in ("apiKey", "bearer")]

    async def __call__(self, request: Request, header: HeaderKey, bearer: BearerKey) -> None:
        """HTTP 401, 403 or 429 where the request's key does not reach."""
        keys: Keys = request.app.state.keys
        request.state.caller = await keys.check(header or (bearer.credentials if bearer is not None else None), self)


def needs(role: str, *scopes: str) -> params.Security:
    """Dependency of a route: the caller must have this role at least, in one of these scopes."""
    return params.Security(Access(role, scopes), scopes=[role, *scopes])


@dataclass(slots=True)
class Allowance:
    """A token bucket: `per_minute` requests, all of them at once if need be, coming back evenly."""

    per_minute: float
    left: float
    at: float  # time.monotonic() when `left` was right

    def take(self, now: float) -> float:
        """0 when a request may pass, else the seconds until one may."""
        self.left = min(self.per_minute, self.left + (now - self.at) * self.per_minute / 60.0)
        self.at = now
        if self.left >= 1.0:
            self.left -= 1.0
            return 0.0
        return (1.0 - self.left) * 60.0 / self.per_minute


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, as the key or token says."""

    name: str
    grants: Sequence[Grant]
    per_minute: float | None  # None: as often as they like

    def may_name_people(self) -> bool:
        """Whether it may ask in somebody's name for what is theirs alone: their orders, say."""
        return any(one.covers(("people",)) for one in self.grants)


def in_name_of(request: Request, user_id: str | None) -> None:
    """HTTP 403 where a key without the scope "people" asks for what is somebody's alone."""
    caller: Caller | None = request.state.caller
    if user_id is not None and caller is not None and not caller.may_name_people():
        raise HTTPException(
            403, "user_id: people are told of their own orders; a key that names them needs the scope 'people' as well"
        )


class Keys:
    """Keys of the settings and of the keyring. `workers`: processes, among which a key's allowance is shared."""

    def __init__(
        self,
        configured: Mapping[SecretStr, str],
        keyring: Keyring | None = None,
        *,
        issuer: Issuer | None = None,
        per_minute: float | None = None,
        workers: int = 1,
    ) -> None:
        self._configured: dict[bytes, Caller] = {}
        for key, text in configured.items():
            try:
                grant = read_grant(text)
            except InputError as error:
                raise ConfigurationError(f"server.api_keys: {error}") from error
            digest = _hash(key.get_secret_value())
            self._configured[digest] = Caller(digest.hex(), (grant,), per_minute)
        self._keyring = keyring
        self._issuer = issuer
        self._per_minute = per_minute
        self._workers = workers
        self._shared = f", {workers} processes a share of it each" if workers > 1 else ""
        self._allowances: dict[str, Allowance] = {}

    @property
    def closed(self) -> bool:
        """Whether a key is needed."""
        return bool(self._configured) or self._issuer is not None or (self._keyring is not None and self._keyring.begun)

    async def check(self, key: str | None, access: Access) -> Caller | None:
        """The caller, None: anybody, in a shop without keys. HTTP 401 without a known key, 403 when it
        does not reach, 429 when it asks too often."""
        if not self.closed:
            return None
        caller = await self._caller(key) if key is not None else None
        if caller is None:
            raise HTTPException(401, "a valid X-API-Key or Bearer key is needed", {"www-authenticate": "Bearer"})
        if not any(one.as_deep_as(access.role) and one.covers(access.scopes) for one in caller.grants):
            raise HTTPException(403, self._refusal(caller, access))
        if caller.per_minute is not None:
            wait = self._allowance(caller).take(time.monotonic())
            if wait > 0:
                raise HTTPException(
                    429,
                    f"this key may ask {caller.per_minute:g} times a minute{self._shared}; try again in {wait:.1f} s",
                    {"retry-after": str(int(wait) + 1)},
                )
        return caller

    def _refusal(self, caller: Caller, access: Access) -> str:
        """Why a caller may not, and what would be needed."""
        if not caller.grants:
            claim = self._issuer.role_claim if self._issuer is not None else ""
            return f"this token's {claim!r} names no role of this shop; the role {access.role!r} is needed here"
        may = " and ".join(map(str, caller.grants))
        if any(one.as_deep_as(access.role) for one in caller.grants):
            return f"this key may {may}; the scope {' or '.join(map(repr, access.scopes))} is needed here"
        return f"this key may {may}; the role {access.role!r} is needed here"

    async def check_request(self, request: Request, access: Access) -> None:
        """The same, with the key taken from the request's headers."""
        if self.closed:
            given = request.headers.get("x-api-key")
            scheme, _, bearer = request.headers.get("authorization", "").partition(" ")
            await self.check(given or (bearer if scheme.lower() == "bearer" else None), access)

    async def _caller(self, key: str) -> Caller | None:
        found = self._configured.get(_hash(key))  # takes the same time whether or not a key is nearly right
        if found is None and self._issuer is not None and is_token(key):
            return await run_in_threadpool(self._bearer, self._issuer, key)
        if found is not None or self._keyring is None:
            return found
        kept = self._keyring.known(key) or await run_in_threadpool(self._keyring.find, key)
        return None if kept is None else self._of(kept)

    def _bearer(self, issuer: Issuer, token: str) -> Caller:
        found = issuer.identify(token)
        if isinstance(found, Refused):  # in the words of RFC 6750
            why = f'Bearer error="invalid_token", error_description="{found.reason}"'
            raise HTTPException(401, f"the token is refused: {found.reason}", {"www-authenticate": why})
        return Caller(f"token of {found.subject}", found.grants, self._per_minute)

    def _of(self, kept: ApiKey) -> Caller:
        return Caller(kept.key_id, (kept.grant,), kept.per_minute or self._per_minute)

    def _allowance(self, caller: Caller) -> Allowance:
        share = max((caller.per_minute or 0.0) / self._workers, 1.0)
        found = self._allowances.get(caller.name)
        if found is None or found.per_minute != share:
            found = self._allowances[caller.name] = Allowance(share, share, time.monotonic())
        return found


def _hash(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()
