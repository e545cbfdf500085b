from __future__ import annotations

import gzip
import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from shoplens.domain.public_address import resolve_public
from shoplens.errors import InputError, UnsafeInputError
from shoplens.ingest import remote
from shoplens.ingest.remote import download
from shoplens.ingest.source import find_sources

FEED = b"id,title\n1,Lamp\n"


class Shop(BaseHTTPRequestHandler):
    hosts: list[str] = []  # noqa: RUF012 what the Host headers said, for the tests

    def do_GET(self) -> None:
        self.hosts.append(self.headers["Host"])
        location = {
            "/moved": "/feed.csv",
            "/to-private": "http://127.0.0.1:1/feed.csv",
            "/to-metadata": "http://169.254.169.254/latest/meta-data/",
            "/to-file": "file:///etc/passwd",
            "/loop": "/loop",
        }.get(self.path.partition("?")[0])
        if location is not None:
            self.send_response(302)
            self.send_header("Location", location)
            self.send_header("Content-Length", "0")
            self.end_headers()
        elif self.path.startswith("/feed.csv"):
            self._send(FEED)
        elif self.path == "/packed":
            self._send(gzip.compress(FEED), encoding="gzip")
        elif self.path == "/large":
            self._send(b"x" * 100_000)
        elif self.path == "/endless":
            self.send_response(200)
            self.end_headers()  # no length: the body ends with the connection
            try:
                for _ in range(1000):
                    self.wfile.write(b"y" * 10_000)
            except OSError:
                self.close_connection = True
        elif self.path in ("/drip", "/slow-headers"):
            self.wfile.write(b"HTTP/1.1 200 OK\r\nX: " + (b"x\r\n\r\n" if self.path == "/drip" else b""))
            try:
                for _ in range(1000):
                    self.wfile.write(b"z")
                    time.sleep(0.01)
            except OSError:
                self.close_connection = True
        else:
            self.send_error(404)

    def _send(self, body: bytes, encoding: str | None = None) -> None:
        self.send_response(200)
        if encoding:
            self.send_header("Content-Encoding", encoding)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        try:
            self.wfile.write(body)
        except OSError:
            self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        del format, args


@pytest.fixture
def shop() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Shop)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    Shop.hosts.clear()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_feed_is_downloaded_read_and_deleted(shop: str) -> None:
    (source,) = find_sources(f"{shop}/feed.csv?key=secret", allow_private=True)
    with source.open() as file:
        assert file.read() == FEED
    assert "secret" not in source.name
    path = source.path
    source.close()
    assert not path.exists()


def test_redirects_are_followed_and_compressed_bodies_opened(shop: str) -> None:
    (source,) = find_sources(f"{shop}/moved", allow_private=True)
    with source.open() as file:
        assert file.read() == FEED
    (source,) = find_sources(f"{shop}/packed", allow_private=True)
    with source.open() as file:
        assert file.read() == FEED


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/feed.csv",
        "http://localhost/feed.csv",
        "http://169.254.169.254/latest/meta-data/",
        "http://[::1]/feed.csv",
        "http://10.0.0.1/feed.csv",
        "http://192.168.1.1/feed.csv",
        "http://[fd00::1]/feed.csv",
        "http://0.0.0.0/feed.csv",
        "file:///etc/passwd",
        "ftp://example.com/feed.csv",
        "gopher://127.0.0.1/",
    ],
)
def test_private_addresses_and_other_schemes_are_refused(url: str) -> None:
    with pytest.raises(UnsafeInputError):
        find_sources(url)


def test_private_is_the_default_refusal_for_the_local_server(shop: str) -> None:
    with pytest.raises(UnsafeInputError):
        download(f"{shop}/feed.csv")
    assert Shop.hosts == []


@pytest.mark.parametrize("path", ["/to-private", "/to-metadata", "/to-file"])
def test_a_redirect_is_checked_like_the_first_address(shop: str, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first address passes as a public one would; where it leads is checked without that exception."""
    check = resolve_public

    def first_allowed(url: str, *, allow_private: bool) -> Any:
        return check(url, allow_private=url.startswith(shop))

    monkeypatch.setattr(remote, "resolve_public", first_allowed)
    with pytest.raises(UnsafeInputError):
        download(f"{shop}{path}")


def test_a_name_that_changes_its_address_gains_nothing(shop: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The name is resolved once; the connection goes to the address that was checked."""
    port = int(shop.rpartition(":")[2])
    asked = []

    def answer(host: str, service: Any, *rest: Any, **more: Any) -> list[Any]:
        if host == "feeds.example":
            asked.append(host)
            address = "127.0.0.1" if len(asked) == 1 else "203.0.113.1"
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]
        return real(host, service, *rest, **more)

    real = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", answer)
    path = download(f"http://feeds.example:{port}/feed.csv", allow_private=True)
    assert path.read_bytes() == FEED
    path.unlink()
    assert asked == ["feeds.example"]
    assert Shop.hosts == [f"feeds.example:{port}"]


@pytest.mark.parametrize("path", ["/large", "/endless"])
def test_too_large_bodies_are_refused_and_leave_no_file(shop: str, path: str, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with pytest.raises(UnsafeInputError, match="limit"):
        download(f"{shop}{path}", allow_private=True, max_bytes=50_000)
    assert list(tmp_path.iterdir()) == []


def test_too_slow_too_many_redirects_and_errors_are_said(shop: str) -> None:
    with pytest.raises(UnsafeInputError, match="too slow"):
        download(f"{shop}/feed.csv", allow_private=True, max_seconds=-1)
    with pytest.raises(UnsafeInputError, match="too slow"):  # a byte now and then keeps no reader for ever
        download(f"{shop}/drip", allow_private=True, max_seconds=0.1)
    with pytest.raises(UnsafeInputError, match="metadata"):
        download(f"{shop}/to-metadata", allow_private=True)
    with pytest.raises(UnsafeInputError, match="redirects"):
        download(f"{shop}/loop", allow_private=True)
    with pytest.raises(InputError, match="404"):
        download(f"{shop}/nothing", allow_private=True)
    with pytest.raises(InputError, match="cannot be fetched"):
        download("http://127.0.0.1:1/feed.csv", allow_private=True)


def test_headers_that_never_end_are_too_slow(shop: str) -> None:
    began = time.monotonic()
    with pytest.raises(UnsafeInputError, match="too slow"):
        download(f"{shop}/slow-headers", allow_private=True, max_seconds=0.3)
    assert time.monotonic() - began < 5
