"""PDFs as headings and paragraphs.

A PDF knows letters at places and nothing of paragraphs. Headings are the titles of its outline where it has one, else
lines in letters larger than most of the text, or all bold; where every line looks the same, short lines that stand
alone. A paragraph ends where the gap to the next line is wider than usual. What recurs on most pages, at their top or
bottom, is the printer's and not the document's.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import PurePath

from shoplens.apps.assistant.knowledge.documents import Block, Document, looks_like_heading, unwrapped
from shoplens.encoders.pdf import PdfLine, PdfText
from shoplens.errors import InputError

LARGER = 1.12  # times the usual size from which on letters are a heading's
WIDER = 1.35  # times the usual gap that ends a paragraph
LONGEST_HEADING = 120  # letters
DEEPEST = 6  # levels of headings
MOSTLY_BOLD = 0.4  # share of bold letters from which on bold means nothing
EDGE = 2  # lines at the top and at the bottom of a page that may be the printer's
_ITEM = re.compile(r"(?:[•‣▪◦●○·*–-]|\d{1,3}[.)]|[a-z]\)|[（(]\d{1,2}[)）])\s")
_PAGE_NUMBER = re.compile(r"(?:page|p\.|seite|第)?\s*\d{1,4}\s*(?:(?:/|of|von|页|共)\s*\d{0,4}\s*页?)?$", re.IGNORECASE)
_NUMBER = re.compile(r"(?:appendix\s+)?(?:[A-Z]\.)?\d*(?:\.\d+)*\.?\s+", re.IGNORECASE)  # before a heading
_LEADER = re.compile(r"(?:\.\s?){4,}\s*\S{0,6}$|…{2,}")  # dots to the page number, in a table of contents
_ENDED = tuple(".!?。！？：:")


def pdf_document(name: str, text: PdfText) -> Document:
    """A PDF that was read. InputError when nothing but page numbers is in it."""
    pages = _without_edges(text.pages)
    levels = _Levels(text, pages)
    blocks = tuple(block for block in _blocks(pages, levels) if block.text)
    if not blocks:
        raise InputError(f"{name}: nothing to read in it")
    return Document(name, blocks[0].path[0] if blocks[0].path else PurePath(name).stem, blocks)


class _Levels:
    """Which lines are headings, and how deep."""

    def __init__(self, text: PdfText, pages: Sequence[Sequence[PdfLine]]) -> None:
        lines = [line for page in pages for line in page]
        written = Counter[float]()
        for line in lines:
            written[round(line.size, 1)] += len(line.text)
        self.usual = written.most_common(1)[0][0] if written else 0.0
        bold = sum(len(line.text) for line in lines if line.bold)
        self._bold = bold < MOSTLY_BOLD * max(written.total(), 1)
        titles = {_titled(title): min(depth, DEEPEST) for depth, title in text.outline}
        met = {_titled(line.text) for line in lines} & set(titles)
        self._titles = titles if len(met) >= 2 else {}
        sizes = {round(line.size, 1) for line in lines if self._is_large(line)}
        self._sizes = {size: min(level, DEEPEST) for level, size in enumerate(sorted(sizes, reverse=True), start=1)}
        #: Nothing but words tells headings from text here.
        self.plain = not self._titles and not any(self.of(line) for line in lines)

    def of(self, line: PdfLine) -> int:
        """1 for the broadest; 0 for a line that is no heading."""
        if self._titles:
            return self._titles.get(_titled(line.text), 0)
        if len(line.text) > LONGEST_HEADING or (_ITEM.match(line.text) and not line.bold):
            return 0
        if self._is_large(line):
            return self._sizes[round(line.size, 1)]
        alone = self._bold and line.bold and not line.text.endswith((".", ",", ";", "。", "，", "；"))
        return min(len(self._sizes) + 1, DEEPEST) if alone else 0

    def _is_large(self, line: PdfLine) -> bool:
        large = line.size > LARGER * self.usual and len(line.text) <= LONGEST_HEADING
        return large and any(letter.isalpha() for letter in line.text)


def _blocks(pages: Sequence[Sequence[PdfLine]], levels: _Levels) -> Iterator[Block]:
    gaps = Counter(round(line.gap) for page in pages for line in page if line.gap > 0 and not levels.of(line))
    usual_gap = min(gaps, key=lambda gap: (-gaps[gap], gap), default=0)
    path: list[str] = []
    held: list[str] = []
    began = (1, 1)
    before = 0  # level of the line before

    def block() -> Iterator[Block]:
        if not held:
            return
        if levels.plain and len(held) == 1 and looks_like_heading(held[0]):
            path[:] = [held[0]]
        else:
            shown = tuple(one for one in path if one)
            yield Block(shown, unwrapped(held), began[1], bool(_ITEM.match(held[0])), page=began[0])
        held.clear()

    for number, page in enumerate(pages, start=1):
        for row, line in enumerate(page, start=1):
            level = levels.of(line)
            if level:
                yield from block()
                if level == before and path and 0 < line.gap < 1.6 * line.size:
                    path[-1] = unwrapped([path[-1], line.text])  # a heading of two lines
                else:
                    path += [""] * (level - 1 - len(path))
                    path[level - 1 :] = [line.text]
            else:
                new_page = row == 1 or line.gap <= 0  # or a new column: a sentence may go on there
                apart = bool(held) and held[-1].endswith(_ENDED) if new_page else line.gap > WIDER * usual_gap
                if apart or _ITEM.match(line.text):
                    yield from block()
                if not held:
                    began = (number, row)
                held.append(line.text)
            before = level
    yield from block()


def _without_edges(pages: Sequence[Sequence[PdfLine]]) -> list[list[PdfLine]]:
    """Without running titles, page numbers and tables of contents. A line runs when it stands near an edge of most
    pages, figures aside."""
    met = Counter(form for page in pages for form in {_form(page[place]) for place in _edges(page)})
    least = max(3, 0.5 * sum(1 for page in pages if page))
    kept = []
    for page in pages:
        edges = _edges(page)
        kept.append(
            [
                line
                for place, line in enumerate(page)
                if not (place in edges and (met[_form(line)] >= least or _PAGE_NUMBER.match(line.text)))
                and not _LEADER.search(line.text)
            ]
        )
    return kept


def _edges(page: Sequence[PdfLine]) -> set[int]:
    """Places of lines at the top and at the bottom."""
    return {*range(min(EDGE, len(page))), *range(max(len(page) - EDGE, 0), len(page))}


def _form(line: PdfLine) -> str:
    return re.sub(r"\d+", "#", _folded(line.text))


def _titled(text: str) -> str:
    """A heading without its number: outlines leave it away."""
    return _folded(_NUMBER.sub("", text, count=1) if _NUMBER.match(text) else text)


def _folded(text: str) -> str:
    return "".join(text.split()).casefold()
