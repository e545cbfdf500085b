"""PDFs as an attacker, a broken download or a wrong name makes them; made on the spot.

for file in hostile_pdfs():
    check_refusal(file, lambda: my_reader(file.content))
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator

from shoplens.testing.hostile_media import EITHER, REFUSED, RIGHT, HostileFile
from shoplens.testing.sample_pdf import page_tree, pdf_file, sample_pdf, stream

_PAGE = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]/Resources<<%b>>/Contents %d 0 R>>"
_CATALOGUE = b"<</Type/Catalog/Pages 2 0 R>>"


def hostile_pdfs() -> Iterator[HostileFile]:
    """Each with what has to become of it."""
    good = sample_pdf([["Returns are free for 30 days."]])
    yield HostileFile("good.pdf", good, RIGHT)
    yield HostileFile("empty.pdf", b"", REFUSED)
    yield HostileFile("text.pdf", b"Returns are free for 30 days.\n", REFUSED)
    yield HostileFile("photo.pdf", b"\xff\xd8\xff\xe0" + bytes(2_000), REFUSED)
    yield HostileFile("mark only.pdf", b"%PDF-1.7\n%%EOF\n", REFUSED)
    yield HostileFile("half.pdf", good[: len(good) // 2], REFUSED)
    yield HostileFile("without table.pdf", good[: good.rindex(b"xref\n0 1")] + b"%%EOF\n", EITHER)
    yield HostileFile("scan.pdf", _pages(b"q 9 0 0 9 0 0 cm Q"), REFUSED)
    yield HostileFile("stream bomb.pdf", _pages(b"0 0 m " * 15_000_000), REFUSED)
    yield HostileFile("letter bomb.pdf", _pages(b"BT /F1 9 Tf " + b"(aaaaaaaaa) Tj " * 6_000_000), REFUSED)
    yield HostileFile("nested bomb.pdf", _nested(), REFUSED)
    yield HostileFile("many pages.pdf", sample_pdf([["x"]] * 1_001), REFUSED)
    yield HostileFile("same page.pdf", _same_page(20_000), REFUSED)
    yield HostileFile("pages in a loop.pdf", pdf_file({1: _CATALOGUE, 2: page_tree([2, 2])}), REFUSED)
    yield HostileFile("deep pages.pdf", _deep(5_000), REFUSED)
    yield HostileFile("forms in a loop.pdf", _form_loop(), EITHER)
    yield HostileFile("outline in a loop.pdf", _outline_loop(), RIGHT)
    yield HostileFile("table in a loop.pdf", _table_loop(), EITHER)
    yield HostileFile("numbers.pdf", good.replace(b"/Count 1", b"/Count 99999999999999999999"), EITHER)


def _pages(content: bytes) -> bytes:
    font = b"/Font<</F1<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>>>"
    return pdf_file({1: _CATALOGUE, 2: page_tree([3]), 3: _PAGE % (font, 4), 4: stream(content)})


def _nested() -> bytes:
    """Packed again and again: a few hundred bytes that unfold to 256 MB."""
    inner = bytes(1 << 28)
    for _ in range(3):
        inner = zlib.compress(inner, 9)
    filters = b"/Filter[/FlateDecode/FlateDecode/FlateDecode]"
    packed = stream(inner, filters, packed=False)
    return pdf_file({1: _CATALOGUE, 2: page_tree([3]), 3: _PAGE % (b"", 4), 4: packed})


def _same_page(times: int) -> bytes:
    font = b"/Font<</F1<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>>>"
    content = stream(b"BT /F1 9 Tf (again) Tj ET")
    return pdf_file({1: _CATALOGUE, 2: page_tree([3] * times), 3: _PAGE % (font, 4), 4: content})


def _deep(levels: int) -> bytes:
    objects = {1: _CATALOGUE}
    for number in range(2, levels):
        objects[number] = page_tree([number + 1])
    objects[levels] = _PAGE % (b"", 2)
    return pdf_file(objects)


def _form_loop() -> bytes:
    fields = b"/Type/XObject/Subtype/Form/BBox[0 0 9 9]/Resources<</XObject<</X 5 0 R/Y 5 0 R>>>>"
    objects = {1: _CATALOGUE, 2: page_tree([3]), 3: _PAGE % (b"/XObject<</X 5 0 R/Y 5 0 R>>", 4)}
    return pdf_file({**objects, 4: stream(b"/X Do /Y Do " * 50), 5: stream(b"/X Do /Y Do " * 50, fields)})


def _outline_loop() -> bytes:
    whole = sample_pdf([["Returns are free."]], [("One", 1), ("Two", 1)])
    return whole.replace(b"/Next 14 0 R", b"/Next 13 0 R")


def _table_loop() -> bytes:
    good = sample_pdf([["Returns are free."]])
    start = good.rindex(b"startxref")
    place = int(good[start:].split()[1])
    return good[:start].replace(b"/Root 1 0 R", b"/Root 1 0 R/Prev %d" % place) + good[start:]
