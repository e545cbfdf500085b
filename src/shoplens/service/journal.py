"""What became of bundles and why: a line for each training, refusal, promotion and return, in `history.jsonl`."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import orjson
from filelock import FileLock

from shoplens.domain.moments import told
from shoplens.errors import StoreError
from shoplens.files import replaced

log = logging.getLogger(__name__)
FILE = "history.jsonl"
KEPT = 1_000  # entries
Kind = Literal["promoted", "refused", "failed", "rolled_back"]


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that happened."""

    what: Kind
    why: str  # a sentence
    bundle: str | None = None  # the one that it is about
    before: str | None = None  # which answered until then
    reason: str | None = None  # why there was a training
    figures: Mapping[str, Any] = field(default_factory=dict)
    at: int = 0  # microseconds since 1970, UTC
    events: int = 0  # in the store then


def entry_json(entry: Entry) -> dict[str, Any]:
    """An entry as it is told."""
    figures = dict(entry.figures)
    if "since" in figures:  # microseconds in entries of older versions
        figures["since"] = told(figures["since"])
    return asdict(entry) | {"at": told(entry.at), "figures": figures}


def write(bundles: Path, entry: Entry) -> Entry:
    """Add an entry, at this moment."""
    now = Entry(**{**asdict(entry), "at": entry.at or int(time.time() * 1e6)})
    file = bundles / FILE
    with FileLock(bundles / f".{FILE}.lock"):
        lines = file.read_bytes().splitlines()[1 - KEPT :] if file.exists() else []
        with replaced(file) as stream:
            stream.write(b"\n".join([*lines, orjson.dumps(asdict(now)), b""]))
    return now


def note_by_hand(bundles: Path, what: Kind, bundle: str | None, before: str | None, why: str = "by hand") -> None:
    """Somebody chose which bundle answers, or trained one that does. Nothing where it was that one already; what was
    done stays done where it cannot be written down."""
    if bundle == before:
        return
    try:
        write(bundles, Entry(what, why, bundle, before))
    except OSError as error:
        log.warning("bundle %s, %s, is not in the history: %s", bundle, what.replace("_", " "), error)


def read(bundles: Path) -> list[Entry]:
    """All entries that are kept, oldest first. StoreError when the file cannot be read."""
    file = bundles / FILE
    try:
        return [Entry(**orjson.loads(line)) for line in file.read_bytes().splitlines() if line]
    except FileNotFoundError:
        return []
    except (OSError, ValueError, TypeError) as error:
        raise StoreError(f"{file} cannot be read ({error}); put it right or delete it") from error
