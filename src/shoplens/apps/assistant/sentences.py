"""Texts cut into sentences, English and Chinese, lines kept apart."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

#: Behind a full stop, question or exclamation mark; not in "3.5", "e.g. this", "No. 5" or "{{a.b}}".
_END = re.compile(
    r"(?<=[.!?])(?<!\be\.g\.)(?<!\bi\.e\.)(?<!\bNo\.)(?<!\bMr\.)(?<!\bapprox\.)[\"')\]]*\s+(?=[\"'(\[{#A-Z0-9])|(?<=[。！？；])"
)
_MARKER = re.compile(r"^\s*(?:[-*•]|\d{1,2}[.)、])\s+")


def split_sentences(text: str) -> Iterator[tuple[str, bool]]:
    """Sentences in order, each with whether it begins a line. List markers stay with their first sentence."""
    for line in text.splitlines():
        begins = True
        marker = _MARKER.match(line)
        head = marker[0].lstrip() if marker else ""
        for part in _END.split(line[marker.end() :] if marker else line):
            said = part.strip()
            if said:
                yield head + said, begins
                head, begins = "", False
        if head:  # a marker, and nothing behind it
            yield head.strip(), True


def sentences_as_they_come(pieces: Iterable[str]) -> Iterator[tuple[str, bool]]:
    """The same of a text that is still being written: a sentence is complete once the next one begins."""
    text, given = "", 0
    for piece in pieces:
        text += piece
        complete = list(split_sentences(text))[:-1]
        yield from complete[given:]
        given = max(given, len(complete))
    yield from list(split_sentences(text))[given:]


def without_marker(sentence: str) -> str:
    """A list item without its number or bullet, which states nothing."""
    return _MARKER.sub("", sentence)
