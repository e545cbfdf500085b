"""Reads sentences in CoNLL columns: one unit a line, its label last, an empty line between sentences.

Schemes are told apart by their letters: IOB1 and IOB2 (B, I), BIOES and BILOU (E or L end, S or U stand alone) all
become IOB2.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from shoplens.domain.tagging import BEGINS, GOES_ON, OUTSIDE, TaggedSentence, labels_of, spans_of
from shoplens.errors import FormatError, NotFoundError

DOCUMENT_MARK = "-DOCSTART-"
#: Between columns. Other white space, as the wide one of Chinese texts, is a character like others.
SEPARATORS = re.compile(r"[ \t]+")
PREFIXES = {"B": BEGINS, "S": BEGINS, "U": BEGINS, "I": GOES_ON, "E": GOES_ON, "L": GOES_ON, "M": GOES_ON}


def read_tagged(file: Path) -> list[TaggedSentence]:
    """All sentences. FormatError names the line that is not of this format; NotFoundError when there is no file."""
    if not file.is_file():
        raise NotFoundError(f"there is no file {file}; it should hold one word and its label a line, as in CoNLL-2003")
    sentences = list(_sentences(file))
    if not sentences:
        raise FormatError(f"{file} holds no sentences; write one word and its label a line, an empty line after each")
    return sentences


def _sentences(file: Path) -> Iterator[TaggedSentence]:
    units: list[str] = []
    labels: list[str] = []
    with file.open(encoding="utf-8-sig", errors="strict") as lines:
        try:
            for number, line in enumerate(lines, start=1):
                columns = SEPARATORS.split(line.strip(" \t\r\n"))
                if columns[0] not in {"", DOCUMENT_MARK}:
                    units.append(columns[0])
                    labels.append(_label(columns, file, number))
                elif units:
                    yield _sentence(units, labels)
                    units, labels = [], []
        except UnicodeDecodeError as error:
            raise FormatError(f"{file} is not UTF-8 ({error.reason}); save it as UTF-8") from error
    if units:
        yield _sentence(units, labels)


def _label(columns: list[str], file: Path, number: int) -> str:
    if len(columns) < 2:
        raise FormatError(f"{file} line {number}: {columns[0]!r} has no label; write: {columns[0]} O")
    label = columns[-1]
    if label == OUTSIDE:
        return label
    prefix, dash, kind = label.partition("-")
    if not dash or not kind or prefix not in PREFIXES:
        raise FormatError(f"{file} line {number}: label {label!r} is not O, B-KIND or I-KIND (nor E-, L-, S-, U-)")
    return PREFIXES[prefix] + kind


def _sentence(units: list[str], labels: list[str]) -> TaggedSentence:
    return TaggedSentence(tuple(units), labels_of(spans_of(labels), len(units)))
