"""Examples to learn from: texts and their labels, read from a table; a row that cannot be used is refused by line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from shoplens.errors import FormatError, InputError, did_you_mean
from shoplens.ingest.likeness import refuse_binary, refuse_markup
from shoplens.ingest.report import IngestReport
from shoplens.ingest.shape import shape_of
from shoplens.ingest.source import SourceFile
from shoplens.ingest.tables import TableKind, read_rows
from shoplens.ingest.text import clean_text

LONGEST_LABEL = 200  # characters; what is longer is a text in the wrong column
MOST_CLASSES = 2_000  # more are values of an attribute, or ids
KINDS: Mapping[str, TableKind] = {
    ".tsv": "tsv", ".tab": "tsv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".parquet": "parquet",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class TextExamples:
    """Texts without markup, byte order marks and misread characters, and the class of each."""

    name: str  # of the file
    texts: tuple[str, ...]
    labels: tuple[str, ...]
    report: Mapping[str, Any]  # accepted, refused, reasons, fixes, examples

    def __len__(self) -> int:
        return len(self.texts)


def read_examples(path: Path, *, text: str = "text", label: str = "label", refused: Path | None = None) -> TextExamples:
    """Rows of a CSV, TSV, JSONL or Parquet file with a column of texts and one of labels, in any encoding.

    Rows without a text or a label are refused; `refused` gets a line for each. FormatError when the columns are missing
    or no row is left.
    """
    account = IngestReport(refused)
    texts: list[str] = []
    labels: list[str] = []
    fixes: Counter[str] = Counter()
    for frame, lines in _frames(path, (text, label), account):
        rows = zip(lines, frame[text].to_list(), frame[label].to_list(), strict=True)
        for line, said, named in rows:
            cleaned, chosen = clean_text(said or "", fixes=fixes), clean_text(named or "", one_line=True)
            reason = _unusable(cleaned, chosen, text, label)
            if reason is not None:
                account.refuse(str(path), line, reason[0], reason[1], f"{said or ''},{named or ''}")
                continue
            texts.append(cleaned)
            labels.append(chosen)
    account.accept(len(texts))
    for kind, count in fixes.items():
        account.fix(kind, count)
    account.flush()
    if not texts:
        raise FormatError(f"{path}: no row can be used; {_why(account)}")
    if len(set(labels)) > MOST_CLASSES:
        raise InputError(
            f"{path}: the column {label!r} has {len(set(labels)):,} different values, too many to be classes; "
            "name the column that holds the class: --label NAME"
        )
    return TextExamples(str(path), tuple(texts), tuple(labels), account.summary())


def read_texts(path: Path, *, text: str = "text") -> list[str]:
    """Texts to be classified, one a row, none left out: an empty one is a text too.

    A CSV, TSV, JSONL or Parquet file has them in the column `text`; any other file has one a line.
    """
    if path.suffix.lower() not in (".csv", *KINDS):
        source = _source(path, "texts, one a line")
        refuse_binary(source, "texts, one a line")
        with source.open_utf8() as file:
            return [clean_text(line.decode("utf-8", "replace")) for line in file]
    account = IngestReport()
    found = [clean_text(one or "") for frame, _ in _frames(path, (text,), account) for one in frame[text].to_list()]
    if account.refused:
        raise FormatError(f"{path}: {account.refused:,} rows cannot be read; {_why(account)}")
    if not found:
        raise FormatError(f"{path}: there are no rows; expected texts in a column {text!r} below its header")
    return found


def _frames(path: Path, needed: tuple[str, ...], account: IngestReport) -> Any:
    """(columns that are needed, as text; lines) of each piece of the file."""
    expected = f"a table with the columns {', '.join(needed)}"
    source = _source(path, expected)
    kind, separator = _kind(source, path, expected)
    for chunk in read_rows(source, kind=kind, separator=separator, report=account):
        missing = [name for name in needed if name not in chunk.frame.columns]
        if missing:
            hint = did_you_mean(missing[0], chunk.frame.columns)
            raise FormatError(
                f"{path}: there is no column {missing[0]!r}; {hint}the file has {', '.join(chunk.frame.columns[:30])}. "
                "Say which column it is: --text NAME, --label NAME"
            )
        yield chunk.frame.select(pl.col(name).cast(pl.String) for name in needed), chunk.lines


def _kind(source: SourceFile, path: Path, expected: str) -> tuple[TableKind, str | None]:
    """What the file is, by its content, and what separates its columns; a table of one column is what its name says."""
    by_name = KINDS.get(path.suffix.lower(), "csv")
    if by_name != "parquet":
        refuse_binary(source, expected)
        refuse_markup(source, expected)
    shape = shape_of(source)
    if shape.kind in ("csv", "tsv"):
        return (by_name, None) if len(shape.columns) < 2 and by_name in ("csv", "tsv") else ("csv", shape.separator)
    if shape.kind == "jsonl" or by_name == "jsonl":
        return "jsonl", None
    if shape.kind != "parquet":
        raise FormatError(f"{path}: one JSON document; expected {expected}: write an object a line (JSON lines)")
    return "parquet", None


def _source(path: Path, expected: str) -> SourceFile:
    if not path.is_file():
        raise InputError(
            f"{path} is a folder; name a file in it" if path.is_dir() else f"{path}: there is no such file"
        )
    source = SourceFile(path)
    if not source.size:
        raise FormatError(f"{path}: the file is empty; expected {expected}")
    return source


def _unusable(said: str, named: str, text: str, label: str) -> tuple[str, str] | None:
    """The column and the reason why a row cannot be learnt from."""
    if not said:
        return text, "the text is empty"
    if not named:
        return label, "the label is empty"
    if len(named) > LONGEST_LABEL:
        return label, "the label is longer than 200 characters"
    return None


def _why(account: IngestReport) -> str:
    for example in account.summary()["examples"]:
        return f"for example line {example['line']}: {example['reason']}"
    return "it has none below its header"
