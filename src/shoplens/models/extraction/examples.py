"""What extraction learns from, and what it gives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple


@dataclass(frozen=True, slots=True)
class Example:
    """A title with what is known of its attributes. No values: the attribute was asked for, and the title has none."""

    title: str
    category: str
    values: Mapping[str, tuple[str, ...]]

    def folded(self, attribute: str) -> list[str]:
        """Values in small letters, without empty ones."""
        return [kept for value in self.values.get(attribute, ()) if (kept := value.strip().casefold())]


class Extracted(NamedTuple):
    """One value found in a text, as it stands there."""

    value: str
    start: int  # letters of the text, from 0
    end: int
    probability: float  # that it is the value, if the attribute applies
    usual: float  # share of similar titles that are asked for the attribute at all
