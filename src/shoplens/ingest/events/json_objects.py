"""Objects out of JSON lines or one JSON array, streaming, with the line each begins on."""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterator
from itertools import islice
from typing import Any

from shoplens.errors import FormatError
from shoplens.ingest.report import IngestReport
from shoplens.ingest.source import SourceFile
from shoplens.ingest.tables import ObjectChunk, read_objects

_BLOCK = 1 << 20
_MAX_ELEMENT = 16 << 20  # characters of one element of an array


def read_json(
    source: SourceFile, *, report: IngestReport, skip_rows: int = 0, chunk: int = 20_000
) -> Iterator[ObjectChunk]:
    """Chunks of objects of a file in either form. Elements that are not objects are refused."""
    if not source.head_text(4096).lstrip("\ufeff \t\r\n").startswith("["):
        yield from read_objects(source, chunk=chunk, skip_rows=skip_rows, report=report)
        return
    objects: list[dict[str, Any]] = []
    lines: list[int] = []
    done = given = 0
    for line, value in _array_elements(source):
        done += 1
        if done <= skip_rows:
            continue
        if isinstance(value, dict):
            objects.append(value)
            lines.append(line)
        else:
            report.refuse(source.name, line, None, "not a JSON object", json.dumps(value, ensure_ascii=False))
        if len(objects) >= chunk:
            yield ObjectChunk(objects, lines, done)
            objects, lines, given = [], [], done
    if done > max(given, skip_rows):  # the last ones may all have been refused, and are settled too
        yield ObjectChunk(objects, lines, done)


def first_objects(source: SourceFile, n: int = 20) -> list[dict[str, Any]]:
    """Up to `n` objects from the beginning, broken lines left out."""
    ignored = IngestReport()
    chunk = next(iter(read_json(source, report=ignored, chunk=n)), None)
    if chunk is None or not chunk.objects:
        raise FormatError(f"{source.name}: looks like JSON, but holds no JSON objects")
    return list(islice(chunk.objects, n))


def _array_elements(source: SourceFile) -> Iterator[tuple[int, Any]]:
    """(line, value) of each element of the array that the file is."""
    decode = json.JSONDecoder().raw_decode
    text = codecs.getincrementaldecoder("utf-8")("replace")
    with source.open_utf8() as file:
        buffer, at, line, ended, opened = "", 0, 1, False, False
        while True:
            while at < len(buffer) and (
                buffer[at].isspace() or (buffer[at] in ",[\ufeff" and not (opened and buffer[at] == "["))
            ):
                line += buffer[at] == "\n"
                opened = opened or buffer[at] == "["
                at += 1
            if at < len(buffer):
                if buffer[at] == "]":
                    return
                try:
                    value, end = decode(buffer, at)
                    # a number at the end of the buffer may go on in the next block
                    if end < len(buffer) or ended:
                        yield line, value
                        line += buffer.count("\n", at, end)
                        at = end
                        continue
                except json.JSONDecodeError as error:
                    if ended or len(buffer) - at > _MAX_ELEMENT:
                        raise FormatError(
                            f"{source.name}, line {line}: broken JSON in an array ({error.msg})"
                        ) from error
            elif ended:
                raise FormatError(f"{source.name}: the JSON array is cut off; send the file again")
            block = file.read(max(_BLOCK, len(buffer) - at))
            ended = not block
            buffer = buffer[at:] + text.decode(block, ended)
            at = 0
