from __future__ import annotations

import socket
from typing import Any

import pytest

from shoplens.domain.public_address import Target, is_public, resolve_public
from shoplens.errors import InputError, UnsafeInputError


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "0.0.0.0", "100.64.0.1", "224.0.0.1",
        "255.255.255.255", "192.0.2.1", "198.18.0.1", "240.0.0.1", "::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1",
        "ff02::1", "fec0::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "64:ff9b:1::a00:1",
        "2002:7f00:1::", "2001:0:4136:e378:8000:63bf:3fff:fdd2", "::127.0.0.1", "2001:db8::1", "not an address", "",
    ],
)  # fmt: skip
def test_private_and_reserved_addresses_are_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "93.184.215.14", "2606:2800:21f::1", "::ffff:8.8.8.8", "64:ff9b::808:808"]
)
def test_public_addresses_are(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/a.jpg", "http://127.1/a.jpg", "http://2130706433/", "http://0x7f000001/", "http://[::1]:80/",
        "http://[::ffff:127.0.0.1]/", "http://169.254.169.254/latest/meta-data/", "ftp://example.com/a.jpg",
        "file:///etc/passwd", "gopher://example.com/", "http://user:secret@8.8.8.8/", "//8.8.8.8/a.jpg", "a.jpg",
    ],
)  # fmt: skip
def test_unsafe_urls_are_refused(url: str) -> None:
    with pytest.raises(UnsafeInputError):
        resolve_public(url)


@pytest.mark.parametrize(
    "url", ["http://", "http:///a.jpg", "http://8.8.8.8:0/", "http://8.8.8.8:99999/", "http://a b/", "http://[::1"]
)
def test_malformed_urls_are_named(url: str) -> None:
    with pytest.raises(InputError):
        resolve_public(url)


def test_a_refusal_never_repeats_a_password() -> None:
    with pytest.raises(UnsafeInputError) as caught:
        resolve_public("http://user:secret@8.8.8.8/")
    assert "secret" not in str(caught.value)


def test_one_private_answer_among_public_ones_is_enough_to_refuse(monkeypatch: pytest.MonkeyPatch) -> None:
    def answer(host: str, port: int, **_: Any) -> list[Any]:
        return [(socket.AF_INET, 1, 6, "", (address, port)) for address in ("8.8.8.8", "10.0.0.7")]

    monkeypatch.setattr(socket, "getaddrinfo", answer)
    with pytest.raises(UnsafeInputError, match=r"10\.0\.0\.7"):
        resolve_public("http://pictures.example/a.jpg")


def test_private_addresses_can_be_allowed_but_not_other_schemes() -> None:
    assert resolve_public("http://127.0.0.1:8080/a.jpg", allow_private=True) == ("127.0.0.1", "127.0.0.1", 8080)
    with pytest.raises(UnsafeInputError):
        resolve_public("file:///etc/passwd", allow_private=True)


@pytest.mark.parametrize(
    "host", ["169.254.169.254", "[fe80::1]", "100.100.100.200", "[fd00:ec2::254]", "[::ffff:169.254.169.254]"]
)
def test_link_local_and_metadata_addresses_are_never_allowed(host: str) -> None:
    with pytest.raises(UnsafeInputError, match="metadata"):
        resolve_public(f"http://{host}/latest/meta-data/", allow_private=True)


def test_an_address_needs_no_resolver_and_keeps_its_port() -> None:
    assert resolve_public("https://8.8.8.8/a.jpg") == ("8.8.8.8", "8.8.8.8", 443)


def test_the_pinned_url_keeps_path_and_query_and_drops_the_fragment() -> None:
    target = Target("pictures.example", "2606:2800:21f::1", 443)
    assert target.pinned_url("https://pictures.example/a%20b.jpg?w=1#top") == (
        "https://[2606:2800:21f::1]:443/a%20b.jpg?w=1"
    )
    assert target.host_header("https") == "pictures.example"
    assert Target("pictures.example", "8.8.8.8", 8080).host_header("http") == "pictures.example:8080"
