"""What became of the rows of a feed: accepted, repaired, refused, and why. Nothing is dropped silently.

Each refused row is one JSON line in `ingest-report.jsonl`:
`{"file": …, "line": …, "field": …, "reason": …, "row": …}`; a row that was kept without one of its fields is the same
with `"kept": true`. Reasons are fixed phrases (the row's excerpt holds the value), so that they can be counted.
"""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import orjson

from shoplens.errors import StrictError

EXCERPT_LENGTH = 300  # characters of a refused row that are worth reading
_FLUSH_EVERY = 2_000  # lines kept in memory at most
_DISTINCT_REASONS = 500  # a reader that puts values into its reasons must not fill the memory


class IngestReport:
    """Collects refusals and repairs of one import; a context manager.

    `path` gets one JSON line a refused row, appended; without it only the counts are kept. With `strict` the first
    refused row raises StrictError.
    """

    def __init__(self, path: Path | None = None, strict: bool = False) -> None:
        self.path = path
        self.strict = strict
        self.muted = False  # while rows are passed again that an earlier run has settled
        self.accepted = 0
        self.refused = 0
        self._reasons: Counter[str] = Counter()
        self._dropped: Counter[str] = Counter()
        self._fixes: Counter[str] = Counter()
        self._examples: dict[str, dict[str, Any]] = {}
        self._pending: list[bytes] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def refuse(self, file: str, line: int, field: str | None, reason: str, row: str = "") -> None:
        """A row is left out. Lines count from 1 (in Parquet: rows). Raises StrictError when strict."""
        if self.muted:
            return
        self.refused += 1
        self._count(self._reasons, reason)
        self._note(file, line, field, reason, row, kept=False)
        if self.strict:
            self.flush()
            where = f"{file}, line {line}" + (f", field {field}" if field else "")
            raise StrictError(f"{where}: {reason}; correct the row, or import without --strict to leave it out")

    def drop_field(self, file: str, line: int, field: str, reason: str, row: str = "") -> None:
        """A row is kept without one of its fields, because that field's value cannot be used."""
        if self.muted:
            return
        self._count(self._dropped, reason)
        self._note(file, line, field, reason, row, kept=True)

    def accept(self, n: int = 1) -> None:
        """`n` rows went through."""
        if not self.muted:
            self.accepted += n

    def fix(self, kind: str, n: int = 1) -> None:
        """A repair that lost nothing worth reporting row by row, such as "html removed"."""
        if n and not self.muted:
            self._count(self._fixes, kind, n)

    def summary(self) -> dict[str, Any]:
        """Counts for the screen and for `--json`: reasons and fixes from frequent to rare, one example a reason."""
        return {
            "accepted": self.accepted,
            "refused": self.refused,
            "reasons": dict(self._reasons.most_common()),
            "dropped_fields": dict(self._dropped.most_common()),
            "fixes": dict(self._fixes.most_common()),
            "examples": list(self._examples.values()),
        }

    def flush(self) -> None:
        """Write what is pending, whole lines at a time, so that a crash never leaves half a line before a later one."""
        if not self._pending or self.path is None:
            self._pending.clear()
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("ab+") as file:
            size = file.seek(0, os.SEEK_END)
            if size:
                file.seek(size - 1)
                if file.read(1) != b"\n":  # the last run was killed in the middle of a write
                    file.write(b"\n")
            file.write(b"".join(self._pending))
        self._pending.clear()

    def close(self) -> None:
        """Write the rest. The counts stay readable."""
        self.flush()

    def _note(self, file: str, line: int, field: str | None, reason: str, row: str, *, kept: bool) -> None:
        note: dict[str, Any] = {
            "file": file,
            "line": line,
            "field": field,
            "reason": reason,
            "row": row[:EXCERPT_LENGTH],
        }
        if kept:
            note["kept"] = True
        if reason not in self._examples and len(self._examples) < _DISTINCT_REASONS:
            self._examples[reason] = note
        if self.path is not None:
            self._pending.append(_json_line(note))
            if len(self._pending) >= _FLUSH_EVERY:
                self.flush()

    @staticmethod
    def _count(counter: Counter[str], key: str, n: int = 1) -> None:
        counter[key if key in counter or len(counter) < _DISTINCT_REASONS else "other"] += n


def _json_line(note: dict[str, Any]) -> bytes:
    """One line of JSON; lone surrogates, which JSON in UTF-8 cannot hold, become question marks."""
    try:
        return orjson.dumps(note, option=orjson.OPT_APPEND_NEWLINE)
    except (TypeError, ValueError):
        clean = {
            key: value.encode("utf-8", "replace").decode() if isinstance(value, str) else value
            for key, value in note.items()
        }
        return orjson.dumps(clean, option=orjson.OPT_APPEND_NEWLINE)
