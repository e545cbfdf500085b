"""Words in a product's photos as one text, and where in which photo each of them stands."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import replace

from shoplens.apps.attributes.found import FoundValue
from shoplens.features.found_text import FoundText, told_once

FIELD = "ocr"


class Written:
    """Lines of a product's photos. `text` has them one below the other."""

    def __init__(self, lines: Sequence[FoundText] = ()) -> None:
        self._lines = told_once(lines)
        parts = [line.text.strip() for line in self._lines]
        self.text = "\n".join(parts)
        self._starts = [sum(len(part) + 1 for part in parts[:number]) for number in range(len(parts))]

    def placed(self, found: FoundValue) -> FoundValue:
        """A value that was read in `text` with its photo and the box of its line, no surer than the line was read;
        other values stay as they are."""
        if found.field != FIELD or found.start is None or not self._lines:
            return found
        line = self._lines[bisect_right(self._starts, found.start) - 1]
        sure = found.confidence * line.confidence
        return replace(found, confidence=sure, photo=line.source, box=line.region)
