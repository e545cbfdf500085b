"""Words that a shop wants to be read as others: a text file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Self


@dataclass(frozen=True, slots=True)
class Synonyms:
    """Word → other words, as a shop wrote them."""

    others: tuple[tuple[str, tuple[str, ...]], ...] = ()

    @classmethod
    def read(cls, path: Path) -> Self:
        """From a file."""
        raise NotImplementedError
