"""API keys and what each role may do. Without keys in the settings everything is open: for your own machine only."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated

from fastapi import Request, Security
from fastapi.security import APIKeyHeader, HTTPAuthorizationCredentials, HTTPBearer
from pydantic import SecretStr
from starlette.exceptions import HTTPException

from shoplens.errors import ConfigurationError

#: As OpenAPI names what `needs` accepts.
SECURITY: list[dict[str, list[str]]] = [{"apiKey": []}, {"bearer": []}]

#: A role may do what the ones before it may.
ROLES = ("read", "write", "admin")

_header = APIKeyHeader(name="X-API-Key", auto_error=False, scheme_name="apiKey")
_bearer = HTTPBearer(auto_error=False, scheme_name="bearer")
HeaderKey = Annotated[str | None, Security(_header)]
BearerKey = Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)]


class Keys:
    """Roles by the hash of their key: looking one up takes the same time whether or not it is nearly right."""

    def __init__(self, configured: Mapping[SecretStr, str]) -> None:
        self._rank: dict[bytes, int] = {}
        for key, role in configured.items():
            if role not in ROLES:
                raise ConfigurationError(f"server.api_keys: {role!r} is not a role; write one of {', '.join(ROLES)}")
            self._rank[_hash(key.get_secret_value())] = ROLES.index(role)

    def check(self, key: str | None, role: str) -> None:
        """HTTP 401 without a known key, 403 when its role does not reach."""
        if not self._rank:
            return
        rank = self._rank.get(_hash(key)) if key is not None else None
        if rank is None:
            raise HTTPException(401, "a valid X-API-Key or Bearer key is needed", {"www-authenticate": "Bearer"})
        if rank < ROLES.index(role):
            raise HTTPException(403, f"this key may {ROLES[rank]}; the role {role!r} is needed here")

    def check_request(self, request: Request, role: str) -> None:
        """The same, with the key taken from the request's headers."""
        if self._rank:
            given = request.headers.get("x-api-key")
            scheme, _, bearer = request.headers.get("authorization", "").partition(" ")
            self.check(given or (bearer if scheme.lower() == "bearer" else None), role)


def needs(role: str) -> Callable[..., Awaitable[None]]:
    """Dependency: the caller's key must have at least this role."""

    async def check(request: Request, header: HeaderKey, bearer: BearerKey) -> None:
        keys: Keys = request.app.state.keys
        keys.check(header or (bearer.credentials if bearer is not None else None), role)

    return check


def _hash(key: str) -> bytes:
    return hashlib.sha256(key.encode()).digest()
