"""Fetches photos, videos and sound from the internet without being led into the shop's own network.

Each address, and each redirect, is checked by `domain.public_address`, and the connection goes to the very address that
was checked. Proxies of the environment are not used: behind one, the check would look at the wrong machine.
"""

from __future__ import annotations

import io
import time
from typing import BinaryIO
from urllib.parse import urljoin, urlsplit

import httpx

from shoplens.domain.public_address import resolve_public
from shoplens.errors import InputError, UnsafeInputError

AGENT = "shoplens (product media)"


class MediaClient:
    """Downloads within limits. Safe to share between threads."""

    def __init__(
        self, *, timeout_seconds: float, total_seconds: float, max_redirects: int, allow_private: bool
    ) -> None:
        self.timeout_seconds = timeout_seconds  # for connecting, and between any two pieces of an answer
        self.total_seconds = total_seconds  # of one download, redirects included
        self.max_redirects = max_redirects
        self.allow_private = allow_private
        self._client = httpx.Client(
            follow_redirects=False,
            trust_env=False,
            timeout=timeout_seconds,
            # A kept connection is found by its IP address, and shared hosts answer for many names: never reuse one.
            limits=httpx.Limits(max_connections=32, max_keepalive_connections=0),
            headers={
                "User-Agent": AGENT,
                "Accept": "image/*, video/*, audio/*, application/ogg",
                "Accept-Encoding": "identity",
            },
        )

    def close(self) -> None:
        """Close connections."""
        self._client.close()

    def fetch(self, url: str, max_bytes: int) -> bytes:
        """The body at a URL. InputError when it cannot be had, UnsafeInputError when it may not or is too large."""
        body = io.BytesIO()
        self.download(url, body, max_bytes)
        return body.getvalue()

    def download(self, url: str, file: BinaryIO, max_bytes: int) -> None:
        """Write the body at a URL into a file as it arrives. Errors as in `fetch`."""
        deadline = time.monotonic() + self.total_seconds  # a server that drips bytes must not hold us for ever
        where = url
        for _ in range(self.max_redirects + 1):
            redirect = self._once(where, file, max_bytes, deadline)
            if redirect is None:
                return
            where = urljoin(where, redirect)
        raise InputError(f"{url}: redirected more than {self.max_redirects} times")

    def _once(self, url: str, file: BinaryIO, max_bytes: int, deadline: float) -> str | None:
        """One request: writes the body, or says where it redirects to."""
        target = resolve_public(url, allow_private=self.allow_private)
        scheme = urlsplit(url).scheme
        try:
            with self._client.stream(
                "GET",
                target.pinned_url(url),
                headers={"Host": target.host_header(scheme)},
                extensions={
                    "sni_hostname": target.host
                },  # TLS checks the certificate against the name, not the address
            ) as answer:
                if answer.is_redirect:
                    return str(answer.headers.get("location", ""))
                if answer.status_code != httpx.codes.OK:
                    raise InputError(f"{url}: the server answered {answer.status_code} {answer.reason_phrase}")
                self._body(answer, url, file, max_bytes, deadline)
                return None
        except httpx.TimeoutException as error:
            raise InputError(f"{url}: no answer within {self.timeout_seconds:g} s") from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise InputError(f"{url}: cannot be fetched ({error})") from error

    def _body(self, answer: httpx.Response, url: str, file: BinaryIO, max_bytes: int, deadline: float) -> None:
        declared = answer.headers.get("content-length", "")
        if declared.isdigit() and int(declared) > max_bytes:
            raise UnsafeInputError(f"{url}: refused, larger than {max_bytes:,} bytes")
        if answer.headers.get("content-encoding", "identity") != "identity":
            raise InputError(f"{url}: the server compresses its answer unasked; media are sent as they are")
        received = 0
        for piece in answer.iter_raw():  # as it arrives, so that the deadline is looked at
            received += len(piece)
            if received > max_bytes:
                raise UnsafeInputError(f"{url}: refused, larger than {max_bytes:,} bytes")
            if time.monotonic() > deadline:
                raise InputError(f"{url}: not complete within {self.total_seconds:g} s")
            file.write(piece)
