"""Photos by URL, from a server on this machine."""

from __future__ import annotations

import gzip
import io
import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

import pytest
from PIL import Image

from shoplens.domain.public_address import resolve_public
from shoplens.encoders import remote_media
from shoplens.encoders.photos import PhotoLimits, PhotoOpener
from shoplens.errors import InputError, UnsafeInputError

BOMB = gzip.compress(
    bytes(50_000_000)
)  # packed before it is asked for: packing takes as long as the patience of the test


def jpeg() -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (40, 20), (10, 200, 10)).save(stream, "JPEG")
    return stream.getvalue()


class Pictures(BaseHTTPRequestHandler):
    """Answers well, badly and slowly, by path."""

    hosts: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        self.hosts.append(self.headers["Host"])
        port = self.server.server_address[1]  # type: ignore[index]
        redirects = {
            "/moved": "/a.jpg",
            "/loop": "/loop",
            "/inside": f"http://localhost:{port}/a.jpg",
            "/file": "file:///etc/passwd",
            "/nowhere": "",
        }
        if self.path in redirects:
            self.send_response(302)
            self.send_header("Location", redirects[self.path])
            self.end_headers()
        elif self.path == "/a.jpg":
            self.answer(jpeg())
        elif self.path == "/page":
            self.answer(b"<html>not a photo</html>")
        elif self.path == "/declared":
            self.send_response(200)
            self.send_header("Content-Length", "999999999")
            self.end_headers()
        elif self.path == "/endless":
            self.send_response(200)
            self.end_headers()
            self.pour()
        elif self.path == "/gzip-bomb":
            self.answer(BOMB, **{"Content-Encoding": "gzip"})
        elif self.path == "/silent":
            time.sleep(1.5)
        elif self.path == "/drip":
            self.send_response(200)
            self.send_header("Content-Length", "1000")
            self.end_headers()
            self.drip()
        elif self.path == "/cut":
            self.send_response(200)
            self.send_header("Content-Length", "1000")
            self.end_headers()
            self.wfile.write(b"short")
        else:
            self.send_error(404)

    def answer(self, body: bytes, **headers: str) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def pour(self) -> None:
        try:
            for _ in range(10_000):
                self.wfile.write(bytes(65_536))
        except OSError:
            self.close_connection = True

    def drip(self) -> None:
        try:
            for _ in range(100):
                self.wfile.write(b"x")
                self.wfile.flush()
                time.sleep(0.1)
        except OSError:
            self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is the base class's
        """Quiet."""


@pytest.fixture
def address() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Pictures)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    Pictures.hosts.clear()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def opener() -> Iterator[PhotoOpener]:
    limits = PhotoLimits(max_bytes=1_000_000, timeout_seconds=0.5, allow_private=True)
    with PhotoOpener(limits=limits) as one:
        yield one


@pytest.mark.parametrize("path", ["/a.jpg", "/moved", "/inside"])
def test_photos_by_address(path: str, address: str, opener: PhotoOpener) -> None:
    assert opener.open(address + path).size == (40, 20)


def test_private_addresses_are_refused_before_connecting(address: str) -> None:
    with PhotoOpener() as opener, pytest.raises(UnsafeInputError, match=r"127\.0\.0\.1"):
        opener.open(f"{address}/a.jpg")
    assert Pictures.hosts == []


def test_a_redirect_into_the_network_is_refused(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first address passes (as a public one would); its redirect names this machine and does not."""
    first = f"{address}/inside"
    monkeypatch.setattr(
        remote_media, "resolve_public", lambda url, allow_private: resolve_public(url, allow_private=url == first)
    )
    with PhotoOpener() as opener, pytest.raises(UnsafeInputError, match="localhost"):
        opener.open(first)
    assert len(Pictures.hosts) == 1


def test_the_checked_address_is_the_one_connected_to(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that resolves differently the second time gains nothing: it is resolved once."""
    real = socket.getaddrinfo
    asked: list[str] = []

    def resolve(host: Any, *args: Any, **options: Any) -> Any:
        asked.append(host)
        return real("127.0.0.1" if host == "pictures.example" else host, *args, **options)

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    port = address.rpartition(":")[2]
    with PhotoOpener(limits=PhotoLimits(allow_private=True)) as opener:
        assert opener.open(f"http://pictures.example:{port}/a.jpg").size == (40, 20)
    assert asked.count("pictures.example") == 1
    assert Pictures.hosts == [f"pictures.example:{port}"]


@pytest.mark.parametrize(
    ("path", "kind", "words"),
    [
        ("/file", UnsafeInputError, "only http and https"),
        ("/loop", InputError, "more than 5 times"),
        ("/nowhere", InputError, "more than 5 times|redirect"),
        ("/absent.jpg", InputError, "answered 404"),
        ("/page", InputError, "web page"),
        ("/declared", UnsafeInputError, "larger than 1,000,000 bytes"),
        ("/endless", UnsafeInputError, "larger than 1,000,000 bytes"),
        ("/gzip-bomb", InputError, "compresses its answer"),
        ("/silent", InputError, r"no answer within 0\.5 s"),
        ("/drip", InputError, r"not complete within 1\.5 s"),
        ("/cut", InputError, "cannot be fetched"),
    ],
)
def test_bad_servers(path: str, kind: type[Exception], words: str, address: str, opener: PhotoOpener) -> None:
    with pytest.raises(kind, match=words):
        opener.open(address + path)


def test_a_server_that_is_not_there(opener: PhotoOpener) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with pytest.raises(InputError, match="cannot be fetched"):
        opener.open(f"http://127.0.0.1:{port}/a.jpg")


def test_proxies_of_the_environment_are_not_used(
    address: str, opener: PhotoOpener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    assert opener.open(f"{address}/a.jpg").size == (40, 20)


def test_other_schemes_are_refused_by_name(opener: PhotoOpener) -> None:
    for url in ("ftp://8.8.8.8/a.jpg", "file:///etc/passwd", "gopher://8.8.8.8/"):
        with pytest.raises(UnsafeInputError, match="only http and https"):
            opener.open(url)
