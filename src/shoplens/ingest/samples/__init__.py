"""Sample shops made of what can be installed: real products, real purchases, real photos; nothing invented.

Each sample writes ordinary files in the plain formats, which are then taken in like anybody's.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class SampleFiles:
    """Files of a sample, ready for `ingest`; None where the sample has no such data."""

    products: Path
    events: Path | None = None
    people: Path | None = None
    images: Path | None = None  # folder with the photographs; products name them by full path
