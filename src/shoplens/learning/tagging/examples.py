"""Marked sentences of a file: CoNLL columns, or JSON rows (an object a line, or one list), told apart by content."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import orjson

from shoplens.domain.tagging import TaggedSentence
from shoplens.errors import FormatError, InputError, NotFoundError
from shoplens.ingest.likeness import refuse_binary, refuse_markup
from shoplens.ingest.report import IngestReport
from shoplens.ingest.source import SourceFile
from shoplens.ingest.tagged import ROWS, read_tagged
from shoplens.learning.tagging.marked_rows import MarkedText, read_row
from shoplens.learning.tagging.marked_text import cut_marked, without_spaces

TRAIN, DEV = "train", "dev"  # names of files in a folder, without their ending
JSON_ENDINGS = (".jsonl", ".ndjson", ".json")
ENDINGS = (".txt", ".conll", ".bio", ".iob", *JSON_ENDINGS)
EXPECTED = "a word and its label a line (CoNLL columns), or JSON lines"
OVERLAPS = "entity left out: it overlaps a longer one"
MOST_KINDS = 500  # more are values or ids, and the chain of labels grows with their square
# A CoNLL file may begin with a bracket that is a word.
_JSON = re.compile(r'\s*(\{\s*"|\[\s*[\[{]\s*"|\[\s*".*",\s*\{)')


def read_marked(file: Path, account: IngestReport, *, characters: bool | None = None) -> list[TaggedSentence]:
    """All sentences of a file; `account` is told of every row of JSON that is refused or changed.

    `characters`: texts with marked characters are cut by characters, not by words; None is what most of them need.
    Sentences that are cut already stay so. FormatError when a line of CoNLL is none, or no row can be used;
    NotFoundError when there is no file.
    """
    if file.is_dir():
        raise InputError(f"{file} is a folder; name a file in it")
    if not file.is_file():
        raise NotFoundError(f"there is no file {file}; it should hold {EXPECTED}")
    source = SourceFile(file)
    refuse_binary(source, EXPECTED)
    refuse_markup(source, EXPECTED)
    if file.suffix.lower() in JSON_ENDINGS or _JSON.match(source.head_text(4096)):
        sentences = _read_rows(source, account, characters)
    else:
        sentences = read_tagged(file)
        account.accept(len(sentences))
    kinds = {label[2:] for one in sentences for label in one.labels}
    if len(kinds) > MOST_KINDS:
        raise FormatError(f"{file}: {len(kinds):,} kinds of entity are too many; {sorted(kinds)[1]!r} is a value?")
    return sentences


def part_of(folder: Path, part: str) -> Path | None:
    """The file of a folder with this name, whatever its format. InputError when there are several."""
    found = [file for ending in ENDINGS if (file := folder / f"{part}{ending}").is_file()]
    if len(found) > 1:
        raise InputError(f"{folder} has {' and '.join(one.name for one in found)}; leave one of them there")
    return found[0] if found else None


def needed_part(folder: Path, part: str) -> Path:
    """The same; NotFoundError when there is none."""
    found = part_of(folder, part)
    if found is None:
        raise NotFoundError(f"there is no {part}.txt (CoNLL columns) nor {part}.jsonl in {folder}")
    return found


def _read_rows(source: SourceFile, account: IngestReport, characters: bool | None) -> list[TaggedSentence]:
    read: list[tuple[int, MarkedText | TaggedSentence]] = []
    for line, written in _rows(source):
        try:
            read.append((line, _row(written)))
        except FormatError as error:
            account.refuse(source.name, line, None, str(error), _excerpt(written))
    if characters is None:
        characters = without_spaces([one.text for _, one in read if isinstance(one, MarkedText)])
    sentences: list[TaggedSentence] = []
    for line, one in read:
        if isinstance(one, TaggedSentence):
            sentences.append(one)
        else:
            try:
                cut = cut_marked(one, characters=characters)
            except FormatError as error:
                account.refuse(source.name, line, None, str(error), one.text)
                continue
            for fix in cut.fixes:
                account.fix(fix)
            for _ in range(cut.dropped):
                account.drop_field(source.name, line, "entities", OVERLAPS, one.text)
            sentences += cut.sentences
        account.accept()
    account.flush()
    if not sentences:
        why = next(
            (f"for example line {one['line']}: {one['reason']}" for one in account.summary()["examples"]),
            f"it is empty; expected {ROWS}",
        )
        raise FormatError(f"{source.name}: no row can be used; {why}")
    return sentences


def _rows(source: SourceFile) -> Iterator[tuple[int, object]]:
    """Lines as bytes; or, of a list, its elements, counted from 1."""
    if source.head_text(4096).lstrip().startswith("[") and (rows := _whole_list(source)) is not None:
        yield from enumerate(rows, start=1)
        return
    with source.open_utf8() as lines:
        for number, line in enumerate(lines, start=1):
            if line.strip():
                yield number, line


def _whole_list(source: SourceFile) -> list[object] | None:
    """None when the file is not one JSON list but lists line by line."""
    with source.open_utf8() as file:
        content = file.read()
    try:
        rows = orjson.loads(content)
    except orjson.JSONDecodeError as error:
        if content.count(b"\n") and _is_json(content.split(b"\n", 1)[0]):
            return None
        raise FormatError(f"{source.name}: this list is not JSON ({error}); export it again") from error
    pair = isinstance(rows, list) and len(rows) == 2 and isinstance(rows[0], str)
    return None if pair else list(rows)


def _is_json(line: bytes) -> bool:
    try:
        orjson.loads(line)
    except orjson.JSONDecodeError:
        return False
    return True


def _row(written: object) -> MarkedText | TaggedSentence:
    try:
        row = orjson.loads(written) if isinstance(written, bytes) else written
    except orjson.JSONDecodeError:
        raise FormatError("not JSON; write a whole object in each line") from None
    return read_row(row)


def _excerpt(row: object) -> str:
    return (row if isinstance(row, bytes) else orjson.dumps(row)).decode("utf-8", "replace")
