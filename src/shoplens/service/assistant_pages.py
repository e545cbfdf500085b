"""Documents read into headings and paragraphs: PDFs in a process that can be killed, and each content once.

assistant/pages/<key>.json      the text of a PDF; made again when it is missing
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable
from pathlib import Path, PurePath

from shoplens.apps.assistant.knowledge.documents import PDF, Document, read_document
from shoplens.apps.assistant.knowledge.pdf import pdf_document
from shoplens.encoders.media_pool import MediaPool
from shoplens.encoders.pdf import PdfLimits, PdfText
from shoplens.files import replaced

log = logging.getLogger(__name__)
LAYOUT = "1"  # raise it when PDFs come to be read otherwise


class DocumentReader:
    """Reads documents; `folder` keeps the text of PDFs."""

    def __init__(self, folder: Path, limits: PdfLimits | None = None) -> None:
        self._folder = folder
        self._limits = limits if limits is not None else PdfLimits()

    def read(self, name: str, content: bytes) -> Document:
        """A document by the ending of its name. InputError with the reason when it cannot be read."""
        if PurePath(name).suffix.lower() != PDF:
            return read_document(name, content)
        return pdf_document(name, self._pdf(name, content))

    def keep_only(self, contents: Iterable[bytes]) -> None:
        """Forget the texts of all PDFs but these."""
        kept = {self._file(one).name for one in contents}
        for file in self._folder.glob("*.json"):
            if file.name not in kept:
                file.unlink(missing_ok=True)

    def _pdf(self, name: str, content: bytes) -> PdfText:
        file = self._file(content)
        if (kept := _kept(file)) is not None:
            return kept
        with MediaPool(1) as pool:  # a PDF is added once in a while: no process is kept waiting for it
            text = pool.pdf(content, name, self._limits)
        if empty := [str(number) for number, page in enumerate(text.pages, start=1) if not page]:
            log.warning("%s: no text on page %s (pictures?); the others are read", name, ", ".join(empty))
        with replaced(file) as stream:
            stream.write(text.packed())
        return text

    def _file(self, content: bytes) -> Path:
        digest = hashlib.sha256(LAYOUT.encode() + content).hexdigest()
        return self._folder / f"{digest[:32]}.json"


def _kept(file: Path) -> PdfText | None:
    """The text that was read before; None when there is none, or what there is cannot be read any more."""
    try:
        return PdfText.unpacked(file.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, KeyError) as error:
        log.warning("%s is damaged (%s); the PDF is read again", file, error)
        return None
