"""PDFs made on the spot: pages of lines at places, in sizes, English or Chinese, with or without an outline."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from typing import NamedTuple

Objects = dict[int, bytes]


class Line(NamedTuple):
    """A line of a page."""

    text: str
    size: float = 11.0  # points
    height: float | None = None  # of its baseline above the page's lower edge; None: below the line before
    bold: bool = False


PLAIN_FONT, BOLD_FONT, FIRST_FREE = 3, 4, 10


def sample_pdf(pages: Sequence[Sequence[Line | str]], outline: Sequence[tuple[str, int]] = ()) -> bytes:
    """A PDF with one page for each list of lines; `outline`: title and page, from 1. Letters are written as two bytes
    of UTF-16, with the map that tells so, as word processors write them."""
    objects: Objects = {
        PLAIN_FONT: _font("Sample", 5),
        BOLD_FONT: _font("Sample-Bold", 5),
        5: stream(_to_unicode(pages)),
        6: b"<</Type/Font/Subtype/CIDFontType0/BaseFont/Sample/CIDSystemInfo"
        b"<</Registry(A)/Ordering(B)/Supplement 0>>>>",
    }
    numbers: list[int] = []
    for page in pages:
        number = FIRST_FREE + 2 * len(numbers)
        numbers.append(number)
        objects[number] = (
            b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Resources<</Font<</F1 3 0 R/F2 4 0 R>>>>"
            b"/Contents %d 0 R>>" % (number + 1)
        )
        objects[number + 1] = stream(_content(page))
    objects[2] = page_tree(numbers)
    objects[1] = b"<</Type/Catalog/Pages 2 0 R>>"
    if outline:
        first = FIRST_FREE + 2 * len(pages) + 1
        last = first + len(outline) - 1
        objects[1] = b"<</Type/Catalog/Pages 2 0 R/Outlines %d 0 R>>" % (first - 1)
        objects[first - 1] = b"<</Type/Outlines/First %d 0 R/Last %d 0 R/Count %d>>" % (first, last, len(outline))
        for place, (title, page_number) in enumerate(outline, start=first):
            after = b"/Next %d 0 R" % (place + 1) if place < last else b""
            where = numbers[page_number - 1]
            told = b"<feff" + title.encode("utf-16-be").hex().encode() + b">"
            objects[place] = b"<</Title %b/Parent %d 0 R/Dest[%d 0 R/Fit]%b>>" % (told, first - 1, where, after)
    return pdf_file(objects)


def page_tree(numbers: Sequence[int]) -> bytes:
    """The list of pages."""
    return b"<</Type/Pages/Count %d/Kids[%b]>>" % (len(numbers), b" ".join(b"%d 0 R" % one for one in numbers))


def stream(content: bytes, fields: bytes = b"", *, packed: bool = True) -> bytes:
    """An object that holds bytes."""
    if packed:
        content, fields = zlib.compress(content, 9), b"/Filter/FlateDecode" + fields
    return b"<</Length %d%b>>\nstream\n%b\nendstream" % (len(content), fields, content)


def pdf_file(objects: Mapping[int, bytes], trailer: bytes = b"") -> bytes:
    """A whole file of numbered objects; number 1 is the catalogue."""
    parts, places, size = [b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n"], {}, 0
    for number in sorted(objects):
        places[number] = sum(map(len, parts)) if number == min(objects) else size
        parts.append(b"%d 0 obj\n%b\nendobj\n" % (number, objects[number]))
        size = places[number] + len(parts[-1])
    table = b"".join(b"%d 1\n%010d 00000 n \n" % (number, place) for number, place in sorted(places.items()))
    end = b"trailer\n<</Size %d/Root 1 0 R%b>>\nstartxref\n%d\n%%%%EOF\n" % (max(objects) + 1, trailer, size)
    return b"".join([*parts, b"xref\n0 1\n0000000000 65535 f \n", table, end])


def _font(name: str, to_unicode: int) -> bytes:
    told = b"<</Type/Font/Subtype/Type0/BaseFont/%b/Encoding/Identity-H/DescendantFonts[6 0 R]/ToUnicode %d 0 R>>"
    return told % (name.encode(), to_unicode)


def _to_unicode(pages: Sequence[Sequence[Line | str]]) -> bytes:
    """The map of the letters that are used: each pair of bytes is what it says."""
    written = "".join(one if isinstance(one, str) else one.text for page in pages for one in page)
    coded = written.encode("utf-16-be", "surrogatepass")
    pairs = sorted({coded[place : place + 2] for place in range(0, len(coded), 2)})
    told = [b"/CIDInit /ProcSet findresource begin 12 dict begin begincmap /CMapName /X def /CMapType 2 def"]
    told.append(b"1 begincodespacerange <0000> <ffff> endcodespacerange")
    for start in range(0, len(pairs), 100):
        some = [pair.hex().encode() for pair in pairs[start : start + 100]]
        told.append(b"%d beginbfchar %b endbfchar" % (len(some), b" ".join(b"<%b> <%b>" % (one, one) for one in some)))
    return b"\n".join([*told, b"endcmap end end"])


def _content(page: Sequence[Line | str]) -> bytes:
    height = 800.0
    written = [b"BT"]
    for one in page:
        line = Line(one) if isinstance(one, str) else one
        height = line.height if line.height is not None else height - 1.3 * line.size
        font = b"F2" if line.bold else b"F1"
        shown = line.text.encode("utf-16-be", "surrogatepass").hex().encode()
        written.append(b"/%b %g Tf 1 0 0 1 60 %g Tm <%b> Tj" % (font, line.size, height, shown))
    return b"\n".join([*written, b"ET"])
