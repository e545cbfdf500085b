"""Entries of RSS and Atom feeds, one at a time, with the line each begins on.

defusedxml refuses what XML can be abused for (entity bombs, outside entities). The parser is fed in blocks and finished
entries are taken out, so memory does not grow with the feed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from xml.etree.ElementTree import ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser

from shoplens.errors import FormatError, UnsafeInputError
from shoplens.ingest.source import SourceFile

Entry = dict[str, list[str]]

_GOOGLE = "{http://base.google.com/ns/1.0}"
_BLOCK = 256 << 10
#: XML 1.0 forbids most control characters, and exports contain them all the same.
_FORBIDDEN = bytes(code for code in range(32) if code not in (9, 10, 13))
_ENTRY_TAGS = frozenset({"item", "entry"})
_LISTED = frozenset({"product_detail", "product_highlight", "product_type"})
_MAX_PENDING = 64 << 20  # characters of one entry


def entries(source: SourceFile) -> Iterator[tuple[Entry, int]]:
    """(fields, line) of each `item` or `entry`. FormatError with the line where the XML breaks off or is wrong; the
    entries before it have been given by then."""
    target = _Entries(source.name)
    parser = DefusedXMLParser(target=target, encoding="utf-8", forbid_dtd=False)
    target.parser = parser
    failure: Exception | None = None
    with source.open_utf8() as file:
        while failure is None:
            block = file.read(_BLOCK)
            try:
                if block:
                    parser.feed(block.translate(None, _FORBIDDEN))
                else:
                    parser.close()
            except (ParseError, DefusedXmlException) as error:
                failure = error
            yield from target.take()
            if not block:
                break
    if isinstance(failure, ParseError):
        line = failure.position[0]
        raise FormatError(f"{source.name}, line {line}: the XML is broken ({failure}); export the feed again")
    if failure is not None:
        raise UnsafeInputError(f"{source.name}: refused, the XML declares entities ({type(failure).__name__})")


class _Entries:
    """Target of the parser: builds plain dictionaries instead of a tree."""

    def __init__(self, name: str) -> None:
        self.parser: Any = None
        self._name = name
        self._path: list[str] = []  # local names inside the entry
        self._line = 0
        self._plain: Entry = {}
        self._google: Entry = {}
        self._text: list[str] = []
        self._size = 0
        self._detail: dict[str, str] = {}
        self._ready: list[tuple[Entry, int]] = []

    def take(self) -> list[tuple[Entry, int]]:
        """The entries finished since the last call."""
        ready, self._ready = self._ready, []
        return ready

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        name = _local(tag)
        if not self._path:
            if name in _ENTRY_TAGS:
                self._path = [name]
                self._line = self.parser.parser.CurrentLineNumber
                self._plain, self._google, self._size = {}, {}, 0
            return
        self._path.append(name)
        self._text = []
        if len(self._path) == 2:
            self._detail = {}
            if name == "link" and attributes.get("href") and attributes.get("rel", "alternate") == "alternate":
                self._plain.setdefault("link", []).append(attributes["href"])

    def data(self, text: str) -> None:
        if len(self._path) > 1:
            self._text.append(text)
            self._size += len(text)
            if self._size > _MAX_PENDING:
                raise FormatError(
                    f"{self._name}, line {self._line}: one entry of more than {_MAX_PENDING:,} characters"
                )

    def end(self, tag: str) -> None:
        if not self._path:
            return
        name = self._path.pop()
        if not self._path:
            self._ready.append(({**self._plain, **self._google}, self._line))
        elif len(self._path) == 1:
            self._field(tag, name)
        elif self._path[-1] == "product_detail":
            self._detail[name] = "".join(self._text).strip()
        self._text = []

    def close(self) -> None:
        """Nothing is left to build."""

    def _field(self, tag: str, name: str) -> None:
        text = "".join(self._text).strip()
        if name == "product_detail" and self._detail:
            parts = ("section_name", "attribute_name", "attribute_value")
            text = ":".join(self._detail.get(part, "") for part in parts)
        if not text:
            return
        if name in _LISTED and ("," in text or '"' in text):  # as a table would hold it: one value of a list
            text = '"' + text.replace('"', '""') + '"'
        (self._google if tag.startswith(_GOOGLE) else self._plain).setdefault(name, []).append(text)


def _local(tag: str) -> str:
    return tag.rpartition("}")[2]
