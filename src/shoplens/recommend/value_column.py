"""One field that has texts as values, several a product perhaps: which rows have which value.

Entries are only ever appended. An entry counts while the stamp that it was written with is still its row's: a product
whose values change gets a new stamp, which takes back all its old entries at once. So readers need no lock; a row is
seen with its old values or with its new ones.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from shoplens.ingest.units import measured

Mask = npt.NDArray[np.bool_]
Rows = npt.NDArray[np.integer]
Stamps = npt.NDArray[np.int32]
SMALL = 1_024  # entries below which it is not worth tidying up
MOSTLY = 0.9  # share of an attribute's values that must be numbers for it to be a field of numbers


class Names:
    """Texts ↔ codes in order of arrival, "" = 0. Letter case does not matter; the first spelling is shown.

    It also counts by how many products a text is held, so that it can say which ones there are now.
    """

    def __init__(self, *, fold: bool = True) -> None:
        self.shown: list[str] = [""]
        self.codes: dict[str, int] = {"": 0}
        self.changes = 0  # rises whenever a text is held for the first time or no longer
        self._keys = [""]
        self._held = [0]
        self._present: dict[str, str] = {}
        self._copy: tuple[int, dict[str, str]] = (0, {})
        self._fold = fold

    def __len__(self) -> int:
        return len(self.shown)

    def code(self, text: str) -> int:
        """Code of a text, made when it is new."""
        key = text.casefold() if self._fold else text
        code = self.codes.get(key)
        if code is None:
            code = len(self.shown)
            self._keys.append(key)
            self._held.append(0)
            self.shown.append(text)  # before the code is known, so that whoever knows it finds a spelling
            self.codes[key] = code
        return code

    def hold(self, code: int) -> None:
        """One more product has the text."""
        self._held[code] += 1
        if self._held[code] == 1 and code:
            self._present[self._keys[code]] = self.shown[code]
            self.changes += 1

    def release(self, code: int) -> None:
        """One product less has it."""
        self._held[code] -= 1
        if not self._held[code] and code:
            del self._present[self._keys[code]]
            self.changes += 1

    def held(self) -> npt.NDArray[np.int64]:
        """How many products have each text. [texts]"""
        return np.array(self._held, np.int64)

    def present(self) -> dict[str, str]:
        """Texts that some product has: letter case folded → as first spelled. The same object until that changes."""
        changes = self.changes
        if self._copy[0] != changes:
            self._copy = (changes, dict(self._present))  # copied in one go, while others may write
        return self._copy[1]


class _Entries:
    """Parallel arrays of which the first `size` entries are in use. Only replaced as a whole or appended to."""

    __slots__ = ("codes", "rows", "size", "stamps")

    def __init__(self, room: int) -> None:
        self.rows = np.zeros(room, np.int32)
        self.codes = np.zeros(room, np.int32)
        self.stamps = np.zeros(room, np.int32)
        self.size = 0


class ValueColumn:
    """Values of one attribute. One thread writes at a time, any may read."""

    def __init__(self, name: str) -> None:
        self.name = name  # as first spelled
        self.values = Names()
        self.holders = 0  # products of the catalogue that have a value
        self.pairs: list[tuple[ValueColumn, int]] = [(self, 0)]  # code → what rows remember of it, one object for all
        self._sizes = name.casefold() in ("size", "sizes", "尺寸", "尺码")
        self.units = Names(fold=False)
        self._numbers = np.full(8, np.nan)
        self._unit = np.zeros(8, np.int32)
        self._entries = _Entries(64)
        self._taken_back = 0  # entries that no longer count
        self._numeric = (-1, False, "")

    def pair(self, value: str) -> tuple[ValueColumn, int]:
        """The column with the code of a value, which is made when it is new."""
        code = self.values.code(value)
        if code == len(self.pairs):
            if code == len(self._numbers):
                self._numbers = np.concatenate([self._numbers, np.full(code, np.nan)])
                self._unit = np.concatenate([self._unit, np.zeros(code, np.int32)])
            found = measured(value, size=self._sizes)
            if found is not None:
                self._numbers[code], self._unit[code] = found.amount, self.units.code(found.unit)
            self.pairs.append((self, code))
        return self.pairs[code]

    def add(self, row: int, code: int, stamp: int) -> None:
        """The row has the value, as long as `stamp` is the row's."""
        entries = self._entries
        at = entries.size
        if at == len(entries.rows):
            entries = _grown(entries, 2 * at)
        entries.rows[at], entries.codes[at], entries.stamps[at] = row, code, stamp
        entries.size = at + 1
        self._entries = entries

    def take_back(self, stamps: Stamps) -> None:
        """An entry is about to lose its row's stamp; `stamps` are those of all rows."""
        self._taken_back += 1
        if self._taken_back > max(self._entries.size // 2, SMALL):
            kept = self._entries
            alive = kept.stamps[: kept.size] == stamps[kept.rows[: kept.size]]
            self._entries = _grown(kept, max(2 * int(alive.sum()), 64), alive)
            self._taken_back = 1

    def numbers(self, unit: str | None = None) -> npt.NDArray[np.float64]:
        """What each value says as a number, in its unit of `measured`; NaN where it says none, or of another unit than
        the one that is asked for. At least [values] long."""
        if unit is None:
            return self._numbers
        numbers, units = self._numbers, self._unit
        return np.where(units[: len(numbers)] == self.units.codes.get(unit, -1), numbers[: len(units)], np.nan)

    def same_amounts(self, texts: Iterable[str]) -> Mask:
        """Values that say one of these amounts, in whatever words: "0.5 l" and "500 ml". At least [values] long."""
        chosen = np.zeros(len(self._numbers), np.bool_)
        amounts: dict[str, list[float]] = {}
        for text in texts:
            found = measured(text, size=self._sizes)
            if found is not None and found.unit:
                amounts.setdefault(found.unit, []).append(found.amount)
        for unit, wanted in amounts.items():
            same = np.isin(self.numbers(unit), wanted)
            chosen[: len(same)] |= same[: len(chosen)]
        return chosen

    def mark_holders(self, stamps: Stamps, mask: Mask) -> None:
        """Set the rows that have a value. mask: [rows]"""
        entries = self._entries
        rows: Rows = entries.rows[: entries.size]
        if self._taken_back:
            rows = rows.take(np.flatnonzero(stamps.take(rows, mode="clip") == entries.stamps[: entries.size]))
        _set(mask, rows)

    def mark(self, chosen: Mask, stamps: Stamps, mask: Mask) -> None:
        """Set the rows that have one of the chosen values. chosen: at least [values], mask: [rows]"""
        entries = self._entries
        codes = entries.codes[: entries.size]
        wanted = np.flatnonzero(chosen)
        if len(wanted) == 1:
            picked = np.flatnonzero(codes == wanted[0])
        else:
            picked = np.flatnonzero(np.append(chosen, False).take(codes, mode="clip"))  # newer values hit the False
        rows, _ = self._alive(entries, picked, stamps)
        _set(mask, rows)

    def spread(self, numbers: npt.NDArray[np.float64], stamps: Stamps, into: npt.NDArray[np.float64]) -> None:
        """Write the number of each value to the rows that have it; of several the last. numbers: at least [values]"""
        entries = self._entries
        rows, picked = self._alive(entries, np.arange(entries.size), stamps)
        said = numbers.take(entries.codes.take(picked), mode="clip")
        inside = (rows < len(into)) & np.isfinite(said)
        into[rows[inside]] = said[inside]

    def first(self, stamps: Stamps, into: npt.NDArray[np.int32]) -> None:
        """Write the code of its first value to each row that has any."""
        entries = self._entries
        rows, picked = self._alive(entries, np.arange(entries.size)[::-1], stamps)
        inside = rows < len(into)
        into[rows[inside]] = entries.codes.take(picked[inside])

    def counts(self, mask: Mask, stamps: Stamps) -> npt.NDArray[np.int64]:
        """How many rows of the mask have each value. [values]"""
        entries = self._entries
        rows: Rows = entries.rows[: entries.size]
        picked: Rows = np.flatnonzero(np.append(mask, False).take(rows, mode="clip"))  # newer rows hit the False
        _, picked = self._alive(entries, picked, stamps)
        return np.bincount(entries.codes.take(picked), minlength=len(self.values))

    def numeric(self) -> tuple[bool, str]:
        """Whether most products' values say a number, and the unit in which most of these are."""
        changes = self.values.changes
        if self._numeric[0] != changes:
            held = self.values.held()
            numbers, units = self._numbers[: len(held)], self._unit[: len(held)]
            says = np.where(np.isnan(numbers), 0, held[: len(numbers)])
            unit = int(np.bincount(units, says).argmax()) if len(units) else 0
            self._numeric = (
                changes,
                bool(says.sum() > 0 and says.sum() >= MOSTLY * held.sum()),
                self.units.shown[unit],
            )
        return self._numeric[1:]

    def _alive(self, entries: _Entries, picked: Rows, stamps: Stamps) -> tuple[Rows, Rows]:
        """Rows of the picked entries that count now, and which entries these are."""
        rows = entries.rows.take(picked)
        if not self._taken_back:
            return rows, picked
        alive = stamps.take(rows, mode="clip") == entries.stamps.take(picked)  # a newer row is in nobody's mask yet
        return rows[alive], picked[alive]


def _set(mask: Mask, rows: Rows) -> None:
    if len(rows) and rows.max() >= len(mask):  # came this moment
        rows = rows[rows < len(mask)]
    mask[rows] = True


def _grown(entries: _Entries, room: int, kept: Mask | None = None) -> _Entries:
    """A copy with more room; of the kept entries only."""
    chosen = slice(entries.size) if kept is None else kept
    rows = entries.rows[: entries.size][chosen]
    larger = _Entries(max(room, len(rows)))
    for name in ("rows", "codes", "stamps"):
        getattr(larger, name)[: len(rows)] = getattr(entries, name)[: entries.size][chosen]
    larger.size = len(rows)
    return larger
