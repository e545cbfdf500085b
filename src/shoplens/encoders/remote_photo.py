"""Fetches photos from the internet without being led into the shop's own network.

Each address, and each redirect, is checked by `domain.public_address`, and the connection goes to the very address that
was checked. Proxies of the environment are not used: behind one, the check would look at the wrong machine.
"""

from __future__ import annotations

import time
from urllib.parse import urljoin, urlsplit

import httpx

from shoplens.domain.public_address import resolve_public
from shoplens.errors import InputError, UnsafeInputError

AGENT = "shoplens (product photos)"


class PhotoClient:
    """Downloads within limits. Safe to share between threads."""

    def __init__(self, *, max_bytes: int, timeout_seconds: float, max_redirects: int, allow_private: bool) -> None:
        self.max_bytes = max_bytes
        self.timeout_seconds = timeout_seconds
        self.max_redirects = max_redirects
        self.allow_private = allow_private
        self._client = httpx.Client(
            follow_redirects=False,
            trust_env=False,
            timeout=timeout_seconds,
            # A kept connection is found by its IP address, and shared hosts answer for many names: never reuse one.
            limits=httpx.Limits(max_connections=32, max_keepalive_connections=0),
            headers={"User-Agent": AGENT, "Accept": "image/*", "Accept-Encoding": "identity"},
        )

    def close(self) -> None:
        """Close connections."""
        self._client.close()

    def fetch(self, url: str) -> bytes:
        """The body at a URL. InputError when it cannot be had, UnsafeInputError when it may not."""
        deadline = time.monotonic() + 3 * self.timeout_seconds  # a server that drips bytes must not hold us for ever
        where = url
        for _ in range(self.max_redirects + 1):
            body, redirect = self._once(where, deadline)
            if redirect is None:
                return body
            where = urljoin(where, redirect)
        raise InputError(f"{url}: redirected more than {self.max_redirects} times")

    def _once(self, url: str, deadline: float) -> tuple[bytes, str | None]:
        """One request: the body, or where it redirects to."""
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
                    return b"", answer.headers.get("location", "")
                if answer.status_code != httpx.codes.OK:
                    raise InputError(f"{url}: the server answered {answer.status_code} {answer.reason_phrase}")
                return self._body(answer, url, deadline), None
        except httpx.TimeoutException as error:
            raise InputError(f"{url}: no answer within {self.timeout_seconds:g} s") from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise InputError(f"{url}: cannot be fetched ({error})") from error

    def _body(self, answer: httpx.Response, url: str, deadline: float) -> bytes:
        declared = answer.headers.get("content-length", "")
        if declared.isdigit() and int(declared) > self.max_bytes:
            raise UnsafeInputError(f"{url}: refused, larger than {self.max_bytes:,} bytes")
        body = bytearray()
        if answer.headers.get("content-encoding", "identity") != "identity":
            raise InputError(f"{url}: the server compresses its answer unasked; photos are sent as they are")
        for piece in answer.iter_raw():  # as it arrives, so that the deadline is looked at
            body += piece
            if len(body) > self.max_bytes:
                raise UnsafeInputError(f"{url}: refused, larger than {self.max_bytes:,} bytes")
            if time.monotonic() > deadline:
                raise InputError(f"{url}: not complete within {3 * self.timeout_seconds:g} s")
        return bytes(body)
