"""Fetch a feed over http(s), with limits, from public addresses only.

Each hop is checked by `domain.public_address` and connected to by the address that was checked; the host's name is
only presented (Host header, TLS). The body is stored as it was sent: a compressed one is opened later, where its
decompressed size is watched too.
"""

from __future__ import annotations

import os
import socket
import ssl
import tempfile
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import urljoin, urlsplit

import httpx

from shoplens.domain.public_address import resolve_public
from shoplens.errors import InputError, UnsafeInputError

MAX_BYTES = 8 << 30  # a product feed of some ten million rows
MAX_SECONDS = 3600.0  # for the whole transfer, redirects included
MAX_REDIRECTS = 5
_IDLE_SECONDS = 30.0  # without a single byte
_REDIRECTS = frozenset({301, 302, 303, 307, 308})


def download(
    url: str,
    *,
    allow_private: bool = False,
    max_bytes: int = MAX_BYTES,
    max_seconds: float = MAX_SECONDS,
) -> Path:
    """Store the body behind a URL in a temporary file, which the caller deletes.

    UnsafeInputError: not http(s), a private address (also behind a redirect), too large, too slow.
    InputError: the server cannot be reached or answers with an error.
    """
    deadline = time.monotonic() + max_seconds
    handle, name = tempfile.mkstemp(prefix="shoplens-feed-")
    path = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            for _ in range(MAX_REDIRECTS + 1):
                onward = _fetch(url, file, allow_private=allow_private, max_bytes=max_bytes, deadline=deadline)
                if onward is None:
                    return path
                url = onward
        raise UnsafeInputError(f"{shown(url)}: more than {MAX_REDIRECTS} redirects; give the final address")
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def shown(url: str) -> str:
    """A URL as it may appear in messages and reports: no query, which often carries a key."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def _fetch(url: str, file: BinaryIO, *, allow_private: bool, max_bytes: int, deadline: float) -> str | None:
    """One hop: the address of the next one, or None when the body is in `file`."""
    target = resolve_public(url, allow_private=allow_private)
    scheme = urlsplit(url).scheme
    headers = {
        "Host": target.host_header(scheme),
        "Accept-Encoding": "identity",
        "User-Agent": "shoplens-ingest",
        "Connection": "close",
    }
    cut = _Cut()
    extensions: dict[str, Any] = {"trace": cut.hear} | ({"sni_hostname": target.host} if scheme == "https" else {})
    patience = max(min(_IDLE_SECONDS, deadline - time.monotonic()), 0.01)
    watch = threading.Timer(max(deadline - time.monotonic(), 0), cut.off)
    watch.daemon = True
    watch.start()
    try:
        # trust_env off: a proxy from the environment would connect by name, past the check.
        with (
            httpx.Client(
                trust_env=False,
                timeout=patience,
                verify=ssl.create_default_context(),
            ) as client,
            client.stream("GET", target.pinned_url(url), headers=headers, extensions=extensions) as answer,
        ):
            if answer.status_code in _REDIRECTS and "location" in answer.headers:
                return urljoin(url, answer.headers["location"])
            if answer.status_code != httpx.codes.OK:
                raise InputError(f"{shown(url)}: the server answered {answer.status_code} {answer.reason_phrase}")
            _store(answer, url, file, max_bytes=max_bytes, deadline=deadline)
    except httpx.HTTPError as error:
        if time.monotonic() >= deadline:
            raise _too_slow(url) from error
        raise InputError(f"{shown(url)}: cannot be fetched ({type(error).__name__}: {error})") from error
    finally:
        watch.cancel()
        cut.close()
    return None


def _store(answer: httpx.Response, url: str, file: BinaryIO, *, max_bytes: int, deadline: float) -> None:
    """Write the body as it was sent; refuse it as soon as it is too large or too slow."""
    announced = answer.headers.get("content-length", "")
    if announced.isdigit() and int(announced) > max_bytes:
        raise UnsafeInputError(f"{shown(url)}: {int(announced):,} bytes, the limit is {max_bytes:,}")
    received = 0
    for piece in answer.iter_raw():  # as it comes: gathered into blocks, a body that drips would never be looked at
        received += len(piece)
        if received > max_bytes:
            raise UnsafeInputError(f"{shown(url)}: more than the limit of {max_bytes:,} bytes")
        if time.monotonic() > deadline:
            raise _too_slow(url)
        file.write(piece)
    if time.monotonic() > deadline:  # cut off: what came may be a part
        raise _too_slow(url)


def _too_slow(url: str) -> UnsafeInputError:
    return UnsafeInputError(f"{shown(url)}: too slow; download it by hand and give the file")


class _Cut:
    """Ends a connection from another thread: a server that sends a header a second would else never be too slow."""

    def __init__(self) -> None:
        self._socket: socket.socket | None = None
        self._late = False

    def hear(self, event: str, info: Mapping[str, Any]) -> None:
        """Of httpcore's steps, those that make a connection."""
        if event == "connection.connect_tcp.complete":
            self.close()
            self._socket = info["return_value"].get_extra_info("socket").dup()  # a handshake takes the other one away
            if self._late:
                self.off()

    def off(self) -> None:
        """Wakes whoever reads from it."""
        self._late = True
        if self._socket is not None:
            with suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Give back what it holds."""
        if self._socket is not None:
            self._socket.close()
