"""Documents cut into passages that answer one question each, with the headings that they stand under."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from shoplens.apps.assistant.knowledge.documents import Block, Document
from shoplens.apps.assistant.safety import speaks_to_us
from shoplens.apps.assistant.sentences import split_sentences

LONGEST = 700  # characters of a passage; about what a customer reads
SHORT = 200  # a passage below that takes in the next one under the same heading


@dataclass(frozen=True, slots=True)
class Passage:
    """A stretch of a document under one heading."""

    id: str  # "returns.md#3"
    document: str
    path: tuple[str, ...]
    text: str  # paragraphs and list items, each on a line
    line: int
    page: int | None = None  # of a PDF, from 1

    @property
    def location(self) -> str:
        """Where it begins: "returns.md:12" or "returns.pdf, page 2"."""
        return f"{self.document}:{self.line}" if self.page is None else f"{self.document}, page {self.page}"

    @property
    def title(self) -> str:
        """Headings from broad to narrow."""
        return " › ".join(self.path)


def passages_of(document: Document) -> Iterator[Passage]:
    """Passages in order. Sentences that give orders to whoever reads them are left out: documents are data."""
    number = 0
    for blocks in _together(document.blocks):
        text = "\n".join(said for block in blocks if (said := _data(block.text)))
        if text:
            number += 1
            first = blocks[0]
            path = first.path or (document.title,)
            yield Passage(f"{document.name}#{number}", document.name, path, text, first.line, first.page)


def _together(blocks: Sequence[Block]) -> Iterator[list[Block]]:
    """Blocks of one heading, up to `LONGEST` characters; a list stays with what introduces it."""
    held: list[Block] = []
    size = 0
    for block in (part for one in blocks for part in _divided(one)):
        apart = bool(held) and block.path != held[-1].path
        full = size + len(block.text) > LONGEST
        closed = size >= SHORT and not block.item and not held[-1].text.endswith((":", "："))
        if held and (apart or full or closed):
            yield held
            held, size = [], 0
        held.append(block)
        size += len(block.text)
    if held:
        yield held


def _divided(block: Block) -> Iterator[Block]:
    """A paragraph longer than a passage, at the ends of sentences."""
    if len(block.text) <= LONGEST:
        yield block
        return
    held = ""
    for sentence, _ in split_sentences(block.text):
        for start in range(0, len(sentence), LONGEST):
            part = sentence[start : start + LONGEST]
            if held and len(held) + len(part) > LONGEST:
                yield replace(block, text=held)
                held = ""
            held = f"{held} {part}".strip()
    if held:
        yield replace(block, text=held)


def _data(text: str) -> str:
    """Without sentences that give orders; where one stands, each is looked at alone."""
    if not speaks_to_us(text):
        return text
    return " ".join(one for one, _ in split_sentences(text) if not speaks_to_us(one))
