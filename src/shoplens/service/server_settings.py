"""Settings of the HTTP server: how it listens, whom it lets in, what it tells of itself."""

from __future__ import annotations

import re
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from shoplens.errors import InputError
from shoplens.service.grants import read_grant

ORIGIN = re.compile(r"https?://[^/\s?#@]+")
LOCAL_OR_TLS = re.compile(r"https://[^/\s]+|http://(localhost|127\.0\.0\.1|\[::1\])(:\d+)?(/|$)")


class ServerSettings(BaseModel):
    """The HTTP server."""

    model_config = ConfigDict(extra="forbid")

    host: str = "127.0.0.1"  # this machine only, until somebody decides otherwise
    port: int = Field(default=8000, ge=0, le=65535)  # 0 = any free port
    workers: int = Field(default=1, ge=1)  # processes; each holds the model in memory
    max_body_mb: float = Field(default=16.0, gt=0)
    max_in_flight: int = Field(default=512, ge=1)  # requests at once, a process; more are told to come again (503)
    max_message_streams: int = Field(default=256, ge=0)  # that wait for what is said, a process; beside max_in_flight
    message_stream_share: float = Field(default=0.75, gt=0, le=1)  # of them that one key, or address, may hold
    request_seconds: float = Field(default=60.0, gt=0)  # until an answer begins; longer than the store waits for a turn
    api_keys: dict[SecretStr, str] = {}  # key → grant: read, write:shop,events …; empty = open, for 127.0.0.1 only
    requests_per_minute: float | None = Field(default=None, gt=0)  # of one key, unless the key says otherwise
    cors_origins: tuple[str, ...] = ()  # pages that browsers let ask this API, such as https://shop.example; none
    access_log: bool = False  # a line a request, without ids; /metrics counts anyway
    embed_changes: bool = True  # encode products that are put over HTTP at once, in the background

    @field_validator("cors_origins")
    @classmethod
    def _origins(cls, given: tuple[str, ...]) -> tuple[str, ...]:
        for one in given:
            if one != "*" and not ORIGIN.fullmatch(one):
                raise ValueError(f"{one!r} is no origin; write https://shop.example, without a path, or *")
        return given


class OidcSettings(BaseModel):
    """Tokens of an OpenID Connect provider, accepted as Bearer beside keys: people of the shop, not programs."""

    model_config = ConfigDict(extra="forbid")

    issuer: str | None = None  # as tokens name it in `iss`; None: no tokens are accepted
    audience: str | None = None  # that a token must be meant for (`aud`)
    role_claim: str = "roles"  # where a token says what its bearer may do; dots lead inside: realm_access.roles
    roles: dict[str, str] = {}  # value of that claim → grant; empty: read, write, admin themselves
    jwks_url: str | None = None  # of the issuer's keys; None: as its .well-known/openid-configuration says
    keys_seconds: float = Field(default=3_600.0, gt=0)  # for which its keys are kept; an unknown one is looked up

    @model_validator(mode="after")
    def _safe(self) -> Self:
        for name in ("issuer", "jwks_url"):
            url = getattr(self, name)
            if url is not None and not LOCAL_OR_TLS.match(url):
                raise ValueError(f"{name}: write an https:// address (http:// only on this machine)")
        if self.issuer is not None and not self.audience:
            raise ValueError("audience: say which `aud` tokens must have; without it, any of the issuer's would do")
        for name, text in self.roles.items():
            try:
                read_grant(text)
            except InputError as error:
                raise ValueError(f"roles.{name}: {error}") from error
        return self


class TelemetrySettings(BaseModel):
    """Traces, sent to a collector that speaks OTLP over HTTP (extra `otlp`)."""

    model_config = ConfigDict(extra="forbid")

    otlp_url: str | None = None  # such as http://localhost:4318; None: no traces
    sample: float = Field(default=0.1, ge=0, le=1)  # share of requests that begin a trace here
    service_name: str = "shoplens"

    @field_validator("otlp_url")
    @classmethod
    def _address(cls, given: str | None) -> str | None:
        if given is not None and not re.fullmatch(r"https?://[^/?#]+(?:/(?!.*v1/traces)[^?#]*)?", given):
            shown = re.sub(r"//[^/@]*@", "//…@", given)  # messages carry no password
            raise ValueError(f"{shown!r} is no address of a collector; write http://localhost:4318, without /v1/traces")
        return given
