"""Reads PDFs. Belongs into a process that can be killed (`MediaPool.pdf`): a PDF is a program for each page, and one
made to harm runs for ever or unfolds to any size.
"""

from __future__ import annotations

import io
import math
from collections.abc import Iterable
from typing import Any, NamedTuple

from pypdf import PageObject, PdfReader
from pypdf.errors import DependencyError, LimitReachedError, PyPdfError

from shoplens.encoders.pdf import PdfLimits, PdfLine, PdfText
from shoplens.errors import FormatError, InputError, UnsafeInputError

MARK, END_MARK = b"%PDF-", b"%%EOF"
MARKED_WITHIN = 1_024  # bytes from the beginning in which readers look for the mark
ENDED_WITHIN = 2_048  # bytes from the end, likewise
HEAVY = ("bold", "black", "heavy", "demi", "medi")  # in names of fonts; TeX's bold ones are called "Medi"


def read_pdf(content: bytes, source: str, limits: PdfLimits) -> PdfText:
    """The lines of all pages.

    FormatError when it is no PDF, UnsafeInputError when it is larger than `limits`, InputError when it is damaged,
    needs a password, or holds pictures of text only. Time and memory are for the process to limit.
    """
    if MARK not in content[:MARKED_WITHIN]:
        raise FormatError(f"{source}: is not a PDF, whatever its name says")
    if END_MARK not in content.rstrip(b"\0\r\n\t ")[-ENDED_WITHIN:]:
        raise InputError(f"{source}: ends too early, as after a broken download; fetch the whole file")
    try:
        reader = PdfReader(io.BytesIO(content))
        if reader.is_encrypted and not reader.decrypt(""):
            raise InputError(f"{source}: needs a password; save it without one")
        count = len(reader.pages)
        if count > limits.max_pages:
            raise UnsafeInputError(
                f"{source}: refused, more than {limits.max_pages:,} pages; cut it into several files"
            )
        text = PdfText(_pages(reader.pages, source, limits), tuple(_outline(reader)))
    except LimitReachedError as error:
        raise UnsafeInputError(f"{source}: refused, it unfolds to more than a document needs ({error})") from error
    except RecursionError as error:
        raise UnsafeInputError(f"{source}: refused, its parts stand in one another without end") from error
    except DependencyError as error:
        raise InputError(f"{source}: is written in a way that cannot be read here ({error})") from error
    except PyPdfError as error:
        raise InputError(f"{source}: is damaged ({error}); save or export it again") from error
    if not any(text.pages):
        pages = "its page is a picture" if count == 1 else f"its {count:,} pages are pictures"
        raise InputError(
            f"{source}: no text in it, {pages}; recognise the words first (ocrmypdf IN.pdf OUT.pdf), or add its text"
        )
    return text


def _pages(pages: Iterable[PageObject], source: str, limits: PdfLimits) -> tuple[tuple[PdfLine, ...], ...]:
    read: list[tuple[PdfLine, ...]] = []
    characters = 0
    for page in pages:
        scribe = _Scribe()
        page.extract_text(visitor_text=scribe.take)
        read.append(tuple(scribe.lines()))
        characters += sum(len(one.text) for one in read[-1])
        if characters > limits.max_characters:
            raise UnsafeInputError(f"{source}: refused, more than {limits.max_characters:,} letters")
    return tuple(read)


class _Piece(NamedTuple):
    text: str
    size: float
    bold: bool
    height: float  # of the baseline above the page's lower edge


class _Scribe:
    """Takes what is written on a page, piece by piece, and makes lines of it."""

    def __init__(self) -> None:
        self._rows: list[list[_Piece]] = [[]]

    def take(self, text: str, page: Any, place: Any, font: Any, size: Any) -> None:
        """One piece of text, with the matrices of the page and of the text, its font and size: what pypdf tells."""
        for number, part in enumerate(text.split("\n")):
            if number:
                self._rows.append([])
            if not part.strip():
                continue
            scale = math.hypot(place[2], place[3]) * math.hypot(page[2], page[3])
            height = place[4] * page[1] + place[5] * page[3] + page[5]
            piece = _Piece(part, abs(float(size) * scale), _is_bold(font), float(height))
            row = self._rows[-1]
            if row and abs(row[-1].height - piece.height) > 0.6 * max(row[-1].size, piece.size, 1.0):
                self._rows.append([])
            self._rows[-1].append(piece)

    def lines(self) -> Iterable[PdfLine]:
        """In the order in which they were written."""
        above: float | None = None
        for row in self._rows:
            text = " ".join("".join(piece.text for piece in row).split())
            if not text:
                continue
            height = row[0].height
            gap = 0.0 if above is None else above - height
            size = max(row, key=lambda piece: len(piece.text)).size  # of most of its letters: a bullet is smaller
            yield PdfLine(text, round(size, 2), all(piece.bold for piece in row), round(gap, 2))
            above = height


def _is_bold(font: Any) -> bool:
    name = str(font.get("/BaseFont", "")).lower() if isinstance(font, dict) else ""
    return any(one in name for one in HEAVY)


def _outline(reader: PdfReader) -> Iterable[tuple[int, str]]:
    """Titles with their depths; none where the outline is damaged: the text does without."""
    try:
        yield from _titles(reader.outline, 1)
    except (PyPdfError, KeyError, TypeError, AttributeError, ValueError):
        return


def _titles(entries: Any, depth: int) -> Iterable[tuple[int, str]]:
    for one in entries:
        if isinstance(one, list):
            yield from _titles(one, depth + 1)
        else:
            yield depth, " ".join(str(one.title).split())
