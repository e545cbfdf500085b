"""Reads sentences in CoNLL columns: one unit a line, its label last, an empty line between sentences.

Schemes are told apart by their letters: IOB1 and IOB2 (B, I), BIOES and BILOU (E or L end, S or U stand alone) all
become IOB2.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from shoplens.domain.tagging import BEGINS, GOES_ON, OUTSIDE, TaggedSentence, labels_of, spans_of
from shoplens.errors import FormatError, NotFoundError

DOCUMENT_MARK = "-DOCSTART-"
#: Between columns. Other white space, as the wide one of Chinese texts, is a character like others.
SEPARATORS = re.compile(r"[ \t]+")
ROWS = '{"text", "entities": [{"start", "end", "label"}]} or {"tokens", "ner_tags"}'
SHOWN = 60  # characters of what is wrong, in messages
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
                    yield tagged_sentence(units, labels)
                    units, labels = [], []
        except UnicodeDecodeError as error:
            raise FormatError(f"{file} is not UTF-8 ({error.reason}); save it as UTF-8") from error
    if units:
        yield tagged_sentence(units, labels)


def scheme_label(written: str) -> str | None:
    """A label of any of the schemes as IOB2 writes it; None when it is of none."""
    prefix, dash, kind = written.partition("-")
    if written == OUTSIDE:
        return OUTSIDE
    return PREFIXES[prefix] + kind if dash and kind and prefix in PREFIXES else None


def tagged_sentence(units: Sequence[str], labels: Sequence[str]) -> TaggedSentence:
    """With labels in order: each entity begins with B-, as IOB1 does not write it."""
    return TaggedSentence(tuple(units), labels_of(spans_of(labels), len(units)))


def _label(columns: list[str], file: Path, number: int) -> str:
    unit = columns[0][:SHOWN]
    if len(columns) < 2:
        raise FormatError(
            f"{file} line {number}: {unit!r} has no label; write a word and its label a line ({unit} O), "
            f"or JSON lines like {ROWS}"
        )
    label = scheme_label(columns[-1])
    if label is None:
        raise FormatError(
            f"{file} line {number}: label {columns[-1][:SHOWN]!r} is not O, B-KIND or I-KIND (nor E-, L-, S-, U-); "
            f"a line is a word and its label, as in {unit.rstrip(',')} O"
        )
    return label
