"""API keys of a workspace, in `keys.json`: who may do what, and how often. Only hashes are kept (Argon2id, RFC 9106).

A key is `sl_ID_SECRET`. The id finds its line, so that one hash is compared and no more; the secret has 256 bits from
the system's generator, which nobody guesses, so the hash may be a quick one: it protects a stolen file.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from shoplens.domain.moments import told
from shoplens.errors import ConflictError, InputError, NotFoundError, did_you_mean
from shoplens.service.grants import Grant
from shoplens.service.shared_file import SharedFile

FILE = "keys.json"
NAME = re.compile(r"[\w.-]{1,64}")
REMEMBERED = 1_000  # keys whose hash was compared already

_KEY = re.compile(r"sl_([0-9a-f]{8})_([A-Za-z0-9_-]{43})")
_HASHER = PasswordHasher(time_cost=1, memory_cost=8_192, parallelism=1)  # 8 MB: five milliseconds


@dataclass(frozen=True, slots=True)
class ApiKey:
    """What is kept of a key."""

    key_id: str
    name: str
    role: str
    hash: str
    created: int  # seconds since 1970
    per_minute: int | None = None  # requests; None: as many as come
    scopes: list[str] | None = None  # None: everywhere, as keys that are older than scopes

    def told(self) -> dict[str, Any]:
        """What may be told of it."""
        made = told(self.created * 1_000_000)
        return {
            "name": self.name,
            "role": self.role,
            "scopes": self.scopes,
            "per_minute": self.per_minute,
            "created": made,
            "key_id": self.key_id,
        }

    @property
    def grant(self) -> Grant:
        """What it may do."""
        return Grant(self.role, None if self.scopes is None else frozenset(self.scopes))

    def as_dict(self) -> dict[str, Any]:
        """As it stands in the file: without scopes where it has none, which an older Shoplens reads too."""
        return {name: value for name, value in asdict(self).items() if name != "scopes" or value is not None}


class Keyring:
    """Keys of a workspace. Processes share the file; `follow` takes in what others changed. Safe between threads."""

    def __init__(self, root: Path) -> None:
        self._file: SharedFile[Mapping[str, ApiKey]] = SharedFile(root / FILE, _read, {})
        self._seen: OrderedDict[bytes, ApiKey] = OrderedDict()
        self._lock = threading.Lock()
        self._comparing = threading.Lock()  # one at a time: comparing is made to cost memory
        self._begun = self._file.exists

    def __len__(self) -> int:
        return len(self._file.content)

    @property
    def begun(self) -> bool:
        """Whether there ever was a key, as far as this process knows. A shop whose last key was revoked, or whose file
        was deleted while it was served, is closed, not open."""
        self._begun = self._begun or self._file.exists
        return self._begun

    def get(self, name: str) -> ApiKey:
        """What is kept of a key. NotFoundError when there is none of that name."""
        keys = self._file.content.values()
        found = next((key for key in keys if key.name == name), None)
        if found is None:
            raise NotFoundError(
                f"no key named {name!r}; {did_you_mean(name, [key.name for key in keys])}see: shoplens keys list"
            )
        return found

    def listed(self) -> list[ApiKey]:
        """All keys, oldest first."""
        return sorted(self._file.content.values(), key=lambda key: (key.created, key.name))

    def create(
        self, name: str, role: str, *, scopes: Collection[str] | None = None, per_minute: int | None = None
    ) -> str:
        """A new key, told here and never again; `scopes` says where it may be used (None: everywhere). InputError for a
        bad name, role or scope, ConflictError for a name in use."""
        grant = Grant(role, None if scopes is None else frozenset(scopes))
        if not NAME.fullmatch(name):
            raise InputError(f"{name!r}: a key's name is made of letters, digits, '.', '-' and '_', at most 64")
        if per_minute is not None and per_minute < 1:
            raise InputError("a key may ask at least once a minute")
        with self._file.changing():
            keys = self._file.content
            if any(key.name == name for key in keys.values()):
                raise ConflictError(f"there is a key named {name!r}; revoke it first, or take another name")
            key_id, secret = secrets.token_hex(4), secrets.token_urlsafe(32)
            where = None if grant.scopes is None else sorted(grant.scopes)
            made = ApiKey(key_id, name, role, _HASHER.hash(secret), int(time.time()), per_minute, where)
            self._file.write([key.as_dict() for key in (*keys.values(), made)])
        return f"sl_{key_id}_{secret}"

    def revoke(self, name: str) -> ApiKey:
        """Let a key open nothing any more, here at once, in running servers within a second or so."""
        with self._file.changing():
            found = self.get(name)
            self._file.write([key.as_dict() for key in self._file.content.values() if key is not found])
        return found

    def known(self, key: str) -> ApiKey | None:
        """The key if its hash was compared before; costs nothing, says None of what has to be compared first."""
        found = self._seen.get(_digest(key))
        return found if found is not None and self._file.content.get(found.key_id) is found else None

    def find(self, key: str) -> ApiKey | None:
        """The key, or None where it is none of ours. Milliseconds for one that comes for the first time."""
        parts = _KEY.fullmatch(key)
        kept = self._file.content.get(parts[1]) if parts is not None else None
        if parts is None or kept is None:
            return None
        found = self.known(key)
        if found is not None:
            return found
        with self._comparing:
            try:
                _HASHER.verify(kept.hash, parts[2])
            except (VerificationError, InvalidHashError):
                return None
        with self._lock:
            self._seen[_digest(key)] = kept
            if len(self._seen) > REMEMBERED:
                self._seen.popitem(last=False)
        return self.known(key)  # None if it was revoked meanwhile

    def follow(self) -> bool:
        """Look at the file again. Returns whether it changed; StoreError when it cannot be read."""
        return self._file.follow()


def _read(entries: list[dict[str, Any]]) -> dict[str, ApiKey]:
    keys = [ApiKey(**entry) for entry in entries]
    for key in keys:
        _ = key.grant  # InputError for what this Shoplens does not know
    return {key.key_id: key for key in keys}


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()
