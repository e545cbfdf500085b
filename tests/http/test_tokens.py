"""Tokens of an OpenID Connect provider, which is a small server of the test."""

from __future__ import annotations

import base64
import hmac
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, OctKey, OKPKey, RSAKey

from shoplens.errors import ConfigurationError, ServiceUnavailableError
from shoplens.http.app import create_app
from shoplens.service.grants import Grant
from shoplens.service.oidc import AGAIN, Identity, Issuer, Refused
from shoplens.service.server_settings import OidcSettings
from shoplens.service.settings import Settings
from shoplens.testing.served_shop import open_tiny_shop


class Provider:
    """Publishes keys and signs tokens."""

    def __init__(self) -> None:
        self.keys: list[OctKey | RSAKey | ECKey | OKPKey] = [RSAKey.generate_key(2048, {"kid": "first"}, private=True)]
        self.asked: list[str] = []
        self.down = False
        provider = self

        class Answers(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                provider.asked.append(self.path)
                known = {
                    "/.well-known/openid-configuration": {"issuer": provider.url, "jwks_uri": f"{provider.url}/keys"},
                    "/keys": KeySet(provider.keys).as_dict(private=False),
                }
                found = None if provider.down else known.get(self.path)
                body = json.dumps(found).encode()
                self.send_response(200 if found is not None else 500)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def token(self, key: Any = None, algorithm: str = "RS256", **changes: Any) -> str:
        now = int(time.time())
        claims = {"iss": self.url, "aud": "shoplens", "sub": "ann", "iat": now, "exp": now + 300, "roles": ["admin"]}
        claims = {name: value for name, value in (claims | changes).items() if value is not None}
        key = key or self.keys[-1]
        header = {"alg": algorithm} | ({"kid": key.kid} if key.kid else {})
        return jwt.encode(header, claims, key, algorithms=[algorithm])


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    one = Provider()
    yield one
    one.close()


@pytest.fixture(scope="module")
def client(provider: Provider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    settings = {
        "oidc": {"issuer": provider.url, "audience": "shoplens"},
        "server": {"api_keys": {"reader": "read"}, "requests_per_minute": 10_000},
    }
    shop = open_tiny_shop(tmp_path_factory.mktemp("tokens"), trained=False, settings=settings)
    with shop, TestClient(create_app(shop)) as client:
        yield client


def asked(client: TestClient, token: str, *, admin: bool = False) -> int:
    headers = {"authorization": f"Bearer {token}"}
    if admin:
        return client.post("/v1/bundles/none/rollback", headers=headers).status_code
    return client.post("/v1/recommend", json={}, headers=headers).status_code


def test_a_token_opens_what_its_role_may(client: TestClient, provider: Provider) -> None:
    assert client.post("/v1/recommend", json={}).status_code == 401
    assert asked(client, provider.token(), admin=True) == 409, "it may, but there is nothing to roll back"
    assert asked(client, provider.token(roles=["read"]), admin=True) == 403
    assert asked(client, provider.token(roles=["read"])) == 200
    assert asked(client, provider.token(roles="write read")) == 200
    assert asked(client, provider.token(roles=["cook", "admin"]), admin=True) == 409
    for nothing in (["cook"], [], None, {"admin": True}, 7):
        assert asked(client, provider.token(roles=nothing)) == 403
    assert asked(client, "reader") == 200, "keys go on"
    assert client.post("/v1/recommend", json={}, headers={"x-api-key": provider.token()}).status_code == 200


def test_tokens_that_are_not_good(client: TestClient, provider: Provider) -> None:
    now = int(time.time())
    stranger = RSAKey.generate_key(2048, {"kid": "first"}, private=True)
    first = provider.keys[0]
    assert isinstance(first, RSAKey)
    public = first.as_pem(private=False)
    head, body, signature = provider.token().split(".")
    forged = base64.urlsafe_b64encode(json.dumps({"alg": "none"}).encode()).rstrip(b"=").decode()
    for bad in (
        provider.token(iss="https://elsewhere.example"),
        provider.token(iss=None),
        provider.token(aud="another"),
        provider.token(aud=["another", "third"]),
        provider.token(aud=None),
        provider.token(exp=now - 120),
        provider.token(exp=None),
        provider.token(nbf=now + 600),
        provider.token(sub=None),
        provider.token(key=stranger),
        signed_with_the_public_key(public, body),
        f"{forged}.{body}.",
        f"{head}.{body}.{signature[:-4]}AAAA",
        f"{head}.{body}.",
        "eyJ.a.b",
        "ey..",
        "eyJhbGciOiJSUzI1NiJ9." + "a" * 20_000 + ".b",
    ):
        assert asked(client, bad) == 401, bad
    assert asked(client, provider.token(aud=["another", "shoplens"])) == 200
    assert asked(client, provider.token(exp=now - 30)) == 200, "clocks differ a little"


def test_who_sets_the_provider_up_is_told_what_is_wrong(client: TestClient, provider: Provider) -> None:
    now, stranger = int(time.time()), RSAKey.generate_key(2048, {"kid": "first"}, private=True)
    for token, reason in (
        (provider.token(exp=now - 120), "it has expired"),
        (provider.token(aud="another"), "its claim 'aud' is missing, or not what this shop asks for"),
        (provider.token(iss=None), "its claim 'iss' is missing, or not what this shop asks for"),
        (provider.token(nbf=now + 600), "its claim 'nbf' is missing, or not what this shop asks for"),
        (provider.token(key=stranger), "it was not signed with a key of the provider"),
    ):
        refused = client.post("/v1/recommend", json={}, headers={"authorization": f"Bearer {token}"})
        assert (refused.status_code, refused.json()["detail"]) == (401, f"the token is refused: {reason}")
        assert refused.headers["www-authenticate"] == f'Bearer error="invalid_token", error_description="{reason}"'
    nothing = client.post("/v1/recommend", json={}, headers={"authorization": f"Bearer {provider.token(roles=[])}"})
    assert (nothing.status_code, nothing.json()["detail"]) == (
        403,
        "this token's 'roles' names no role of this shop; the role 'read' is needed here",
    )


def signed_with_the_public_key(public: bytes, body: str) -> str:
    """As if everybody knew the secret, because the algorithm says that the key is one."""
    head = base64.urlsafe_b64encode(json.dumps({"alg": "HS256", "kid": "first"}).encode()).rstrip(b"=").decode()
    digest = hmac.digest(public, f"{head}.{body}".encode(), "sha256")
    return f"{head}.{body}.{base64.urlsafe_b64encode(digest).rstrip(b'=').decode()}"


def test_keys_are_kept_and_looked_up_again_when_they_change() -> None:
    provider, now = Provider(), 0.0
    issuer = Issuer(OidcSettings(issuer=provider.url, audience="shoplens"), clock=lambda: now)
    assert issuer.identify(provider.token()) == Identity("ann", (Grant("admin"),))
    assert isinstance(issuer.identify(provider.token()), Identity)
    assert provider.asked.count("/keys") == 1
    old = provider.token()
    provider.keys = [ECKey.generate_key("P-256", {"kid": "second"}, private=True)]
    fresh = provider.token(algorithm="ES256")
    unknown = issuer.identify(fresh)
    assert isinstance(unknown, Refused), "an unknown key is not looked for at once again: anybody may make them up"
    now += AGAIN + 1
    assert issuer.identify(fresh) == Identity("ann", (Grant("admin"),))
    assert isinstance(issuer.identify(old), Refused), "what the provider took back is worth nothing"
    provider.down = True
    now += 7_200
    assert isinstance(issuer.identify(fresh), Identity), "while the provider is away, its keys go on"
    with pytest.raises(ServiceUnavailableError, match="cannot be fetched"):
        Issuer(OidcSettings(issuer=provider.url, audience="shoplens")).identify(fresh)
    provider.close()


def test_roles_of_another_name_in_another_place(provider: Provider) -> None:
    names = {"shop-boss": "admin", "shop-clerk": "write:catalogue,people"}
    settings = OidcSettings(issuer=provider.url, audience="shoplens", role_claim="realm_access.roles", roles=names)
    issuer = Issuer(settings)
    assert issuer.identify(provider.token(realm_access={"roles": ["shop-clerk"]})) == Identity(
        "ann", (Grant("write", frozenset({"catalogue", "people"})),)
    )
    assert issuer.identify(provider.token(realm_access={"roles": ["shop-clerk", "shop-boss"]})) == Identity(
        "ann", (Grant("write", frozenset({"catalogue", "people"})), Grant("admin"))
    )
    assert issuer.identify(provider.token(roles=["admin"])) == Identity("ann", ())
    assert issuer.identify(provider.token(realm_access=["shop-boss"])) == Identity("ann", ())


@pytest.mark.parametrize(
    "wrong",
    [
        {"issuer": "http://login.example", "audience": "shoplens"},
        {"issuer": "http://localhost.evil.example", "audience": "shoplens"},
        {"issuer": "https://login.example"},
        {"issuer": "https://login.example", "audience": "a", "roles": {"x": "boss"}},
        {"issuer": "https://login.example", "audience": "a", "jwks_url": "ftp://login.example"},
    ],
)
def test_settings_that_would_not_be_safe(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match="oidc"):
        Settings.read(Path("none.toml"), oidc=wrong)
