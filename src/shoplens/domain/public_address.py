"""Which addresses on the network may be fetched on somebody else's word: the one rule for feeds and photos.

A feed names URLs, and whoever writes it could name the shop's own database, a cloud's metadata service or a router.
So: http(s) only, no credentials, and every address that the host resolves to must be public. The caller connects to the
address that was checked (`Target.pinned_url` with `Target.host_header`), never to the name again: a name that answers
differently the second time (rebinding) gains nothing. Each redirect is a new URL and has to be checked again.
"""

from __future__ import annotations

import ipaddress
import socket
from typing import NamedTuple
from urllib.parse import SplitResult, urlsplit, urlunsplit

from shoplens.errors import InputError, UnsafeInputError

DEFAULT_PORTS = {"http": 80, "https": 443}

#: IPv6 ranges that carry an IPv4 address in their last 32 bits (NAT64, RFC 6052 and 8215; IPv4-compatible, RFC 4291).
_EMBEDDING_IPV4 = tuple(ipaddress.IPv6Network(net) for net in ("64:ff9b::/96", "64:ff9b:1::/48", "::/96"))

#: Metadata services of clouds outside the link-local ranges (Alibaba, Amazon over IPv6): they hand out credentials.
_METADATA = frozenset(map(ipaddress.ip_address, ("100.100.100.200", "fd00:ec2::254")))


class Target(NamedTuple):
    """A checked destination: `host` is the name to present (Host header, TLS), `ip` the address to connect to."""

    host: str
    ip: str
    port: int

    def pinned_url(self, url: str) -> str:
        """`url` with its host replaced by the checked address."""
        parts = urlsplit(url)
        address = f"[{self.ip}]" if ":" in self.ip else self.ip
        return urlunsplit((parts.scheme, f"{address}:{self.port}", parts.path or "/", parts.query, ""))

    def host_header(self, scheme: str) -> str:
        """Value of the Host header (RFC 9110, 7.2): the port only when it is not the scheme's own."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == DEFAULT_PORTS.get(scheme) else f"{host}:{self.port}"


def resolve_public(url: str, *, allow_private: bool = False) -> Target:
    """Check a URL and resolve its host: (host, ip, port).

    UnsafeInputError when the URL may not be fetched; InputError when it is malformed or its host is unknown.
    `allow_private` lifts the address rule only (a shop that keeps its photos in its own network says so itself), and
    not for link-local addresses and metadata services, where no shop keeps anything.
    """
    parts = _split(url)
    host = parts.hostname or ""
    port = parts.port or DEFAULT_PORTS[parts.scheme]
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise InputError(f"{url}: the host {host!r} cannot be found") from error
    addresses = [str(entry[4][0]) for entry in found]
    for address in addresses:  # all of them: one public answer must not open the door for a private one
        if is_forbidden(address):
            raise UnsafeInputError(f"{url}: refused, {host!r} is the link-local or metadata address {address}")
        if not allow_private and not is_public(address):
            raise UnsafeInputError(f"{url}: refused, {host!r} is the private or reserved address {address}")
    return Target(host, addresses[0], port)


def is_forbidden(address: str) -> bool:
    """Whether an IP address is link-local or a cloud's metadata service, which nothing is ever fetched from."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    inner = _embedded_ipv4(ip) if isinstance(ip, ipaddress.IPv6Address) else None
    return (inner or ip).is_link_local or (inner or ip) in _METADATA


def is_public(address: str) -> bool:
    """Whether an IP address belongs to the public internet; texts that are no address do not."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])  # a zone index marks a link-local address
    except ValueError:
        return False
    if isinstance(ip, ipaddress.IPv6Address):
        inner = _embedded_ipv4(ip)
        if inner is not None:
            return is_public(str(inner))
        if ip.teredo is not None or ip.is_site_local:
            return False
    return ip.is_global and not ip.is_multicast and not ip.is_reserved and not ip.is_unspecified


def _embedded_ipv4(ip: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """The IPv4 address that an IPv6 address stands for, if it does."""
    if ip.ipv4_mapped is not None:
        return ip.ipv4_mapped
    if ip.sixtofour is not None:
        return ip.sixtofour
    if any(ip in network for network in _EMBEDDING_IPV4):
        return ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
    return None


def _split(url: str) -> SplitResult:
    """The parts of a URL that is well-formed, http(s) and free of credentials."""
    if any(character <= " " or character == "\x7f" for character in url):
        raise InputError(f"{url!r}: a URL cannot contain spaces or control characters; write them as %20 and so on")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise InputError(f"{url}: not a URL ({error})") from error
    if parts.scheme not in DEFAULT_PORTS:
        raise UnsafeInputError(f"{url}: only http and https addresses are fetched, not {parts.scheme or 'this'!r}")
    if parts.username is not None or parts.password is not None:
        raise UnsafeInputError("refused: a URL with a user name or password in it; remove them")
    if not parts.hostname or port == 0:
        raise InputError(f"{url}: the URL names no host or an impossible port")
    return parts
