"""API keys of a workspace, in `keys.json`: who may do what, and how often. Only hashes are kept (Argon2id, RFC 9106).

A key is `sl_ID_SECRET`. The id finds its line, so that one hash is compared and no more; the secret has 256 bits from
the system's generator, which nobody guesses, so the hash may be a quick one: it protects a stolen file.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import orjson
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from filelock import FileLock

from shoplens.errors import ConflictError, InputError, NotFoundError, StoreError

FILE = "keys.json"
FORMAT = 1
#: A role may do what the ones before it may.
ROLES = ("read", "write", "admin")
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


class Keyring:
    """Keys of a workspace. Processes share the file; `follow` takes in what others changed. Safe between threads."""

    def __init__(self, root: Path) -> None:
        self._file = root / FILE
        self._keys: Mapping[str, ApiKey] = {}
        self._stamp: tuple[int, int] | None = None
        self._seen: OrderedDict[bytes, ApiKey] = OrderedDict()
        self._lock = threading.Lock()
        self._comparing = threading.Lock()  # one at a time: comparing is made to cost memory
        self.follow()

    def __len__(self) -> int:
        return len(self._keys)

    @property
    def begun(self) -> bool:
        """Whether there ever was a key: a shop whose last key was revoked is closed, not open."""
        return self._stamp is not None

    def listed(self) -> list[ApiKey]:
        """All keys, oldest first."""
        return sorted(self._keys.values(), key=lambda key: (key.created, key.name))

    def create(self, name: str, role: str, *, per_minute: int | None = None) -> str:
        """A new key, told here and never again. InputError for a bad name or role, ConflictError for a name in use."""
        if role not in ROLES:
            raise InputError(f"{role!r} is not a role; it is one of {', '.join(ROLES)}")
        if not NAME.fullmatch(name):
            raise InputError(f"{name!r}: a key's name is made of letters, digits, '.', '-' and '_', at most 64")
        if per_minute is not None and per_minute < 1:
            raise InputError("a key may ask at least once a minute")
        with self._changing():
            if any(key.name == name for key in self._keys.values()):
                raise ConflictError(f"there is a key named {name!r}; revoke it first, or take another name")
            key_id, secret = secrets.token_hex(4), secrets.token_urlsafe(32)
            made = ApiKey(key_id, name, role, _HASHER.hash(secret), int(time.time()), per_minute)
            self._write({**self._keys, key_id: made})
        return f"sl_{key_id}_{secret}"

    def revoke(self, name: str) -> ApiKey:
        """Let a key open nothing any more, here at once, in running servers within a second or so."""
        with self._changing():
            found = next((key for key in self._keys.values() if key.name == name), None)
            if found is None:
                raise NotFoundError(f"no key named {name!r}; see: shoplens keys list")
            self._write({key_id: key for key_id, key in self._keys.items() if key_id != found.key_id})
        return found

    def known(self, key: str) -> ApiKey | None:
        """The key if its hash was compared before; costs nothing, says None of what has to be compared first."""
        return self._seen.get(_digest(key))

    def find(self, key: str) -> ApiKey | None:
        """The key, or None where it is none of ours. Milliseconds for one that comes for the first time."""
        parts = _KEY.fullmatch(key)
        kept = self._keys.get(parts[1]) if parts is not None else None
        if parts is None or kept is None:
            return None
        digest = _digest(key)
        found = self._seen.get(digest)
        if found is not None:
            return found
        with self._comparing:
            try:
                _HASHER.verify(kept.hash, parts[2])
            except (VerificationError, InvalidHashError):
                return None
        with self._lock:
            if self._keys.get(parts[1]) is not kept:  # revoked meanwhile
                return None
            self._seen[digest] = kept
            if len(self._seen) > REMEMBERED:
                self._seen.popitem(last=False)
        return kept

    def follow(self) -> bool:
        """Look at the file again, if it changed. Returns whether it did. StoreError when it cannot be read."""
        with self._lock:
            try:
                state = self._file.stat()
            except FileNotFoundError:
                stamp = None
            else:
                stamp = (state.st_mtime_ns, state.st_ino)
            if stamp == self._stamp:
                return False
            self._keys = {} if stamp is None else _read(self._file)
            self._seen.clear()
            self._stamp = stamp
            return True

    def _changing(self) -> FileLock:
        lock = FileLock(self._file.with_name(f".{FILE}.lock"))
        lock.acquire()
        self.follow()
        return lock

    def _write(self, keys: Mapping[str, ApiKey]) -> None:
        body = orjson.dumps(
            {"format": FORMAT, "keys": [asdict(key) for key in keys.values()]}, option=orjson.OPT_INDENT_2
        )
        partial = self._file.with_name(f".{FILE}.partial")
        partial.unlink(missing_ok=True)
        with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:  # nobody else's
            file.write(body)
        partial.replace(self._file)
        self.follow()


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()


def _read(file: Path) -> dict[str, ApiKey]:
    try:
        body: Any = orjson.loads(file.read_bytes())
        if body["format"] != FORMAT:
            raise StoreError(f"{file}: format {body['format']} is not known to this version of Shoplens")
        keys = [ApiKey(**one) for one in body["keys"]]
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise StoreError(f"{file} cannot be read ({error}); put it right, or delete it and make new keys") from error
    if any(key.role not in ROLES for key in keys):
        raise StoreError(f"{file} names a role that there is not; the roles are {', '.join(ROLES)}")
    return {key.key_id: key for key in keys}
