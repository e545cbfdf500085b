"""What reading a PDF gives: lines with their sizes, page by page, and the outline; and what one may cost."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import NamedTuple


@dataclass(frozen=True, slots=True)
class PdfLimits:
    """What reading one PDF may cost."""

    max_bytes: int = 20_000_000  # of the file
    max_pages: int = 1_000  # a manual has hundreds
    max_characters: int = 3_000_000  # of all pages: a thousand full ones
    decode_seconds: float = 60.0  # by the clock; a page of text takes some 50 ms
    memory_bytes: int = 512 << 20  # beyond the process's own


class PdfLine(NamedTuple):
    """A line as it stands on the page."""

    text: str
    size: float  # of its letters, points
    bold: bool  # all of it
    gap: float  # points from the baseline of the line before; 0 for the first of a page, below 0 for one further up


@dataclass(frozen=True, slots=True)
class PdfText:
    """What can be read in a PDF."""

    pages: tuple[tuple[PdfLine, ...], ...]  # none in a page that is a picture
    outline: tuple[tuple[int, str], ...] = ()  # depth from 1, title

    def packed(self) -> bytes:
        """As `unpacked` takes it."""
        return json.dumps({"pages": self.pages, "outline": self.outline}, ensure_ascii=False).encode(
            "utf-8", "surrogatepass"
        )

    @classmethod
    def unpacked(cls, content: bytes | memoryview) -> PdfText:
        """From `packed`. ValueError, TypeError or KeyError when it is something else."""
        told = json.loads(bytes(content).decode("utf-8", "surrogatepass"))
        pages = tuple(
            tuple(PdfLine(str(text), float(size), bool(bold), float(gap)) for text, size, bold, gap in page)
            for page in told["pages"]
        )
        return cls(pages, tuple((int(depth), str(title)) for depth, title in told["outline"]))
