"""Forms with files: how many parts are taken, what they are called, and how OpenAPI describes them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from fastapi import Request
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException

from shoplens.errors import InputError

MOST_FIELDS = 1_000  # of texts and options in one form
FIELD_BYTES = 1 << 20
NAME_SHOWN = 80  # characters of a sender's file name in messages


def is_form(request: Request) -> bool:
    """Whether the body is a multipart form."""
    kind = request.headers.get("content-type", "").split(";")[0].strip().lower()
    return kind == "multipart/form-data"


@asynccontextmanager
async def form_parts(
    request: Request, known: Mapping[str, str], *, max_files: int
) -> AsyncIterator[list[tuple[str, str | UploadFile]]]:
    """Parts of a multipart form in their order, as (field, text or file).

    `known`: field → "file" or "text". HTTP 415 for another content type, 400 for a damaged form or too many parts,
    InputError for an unknown field or a file where a text belongs. Files are on disk, not in memory, when they are
    large; they are gone when the block ends.
    """
    if not is_form(request):
        raise HTTPException(415, "send the files as multipart/form-data")
    async with request.form(max_files=max_files, max_fields=MOST_FIELDS, max_part_size=FIELD_BYTES) as form:
        parts = list(form.multi_items())
        for field, value in parts:
            wanted = known.get(field)
            if wanted is None:
                raise InputError(f"the form has no field {field[:NAME_SHOWN]!r}; known: {', '.join(known)}")
            if (wanted == "file") != isinstance(value, UploadFile):
                raise InputError(f"{field}: a {wanted} is expected here")
        yield parts


def shown_name(field: str, number: int, file: UploadFile) -> str:
    """What a file is called in messages: its field and number, and the sender's name as far as it is harmless."""
    name = (file.filename or "").replace("\\", "/").rpartition("/")[2]
    harmless = "".join(letter for letter in name if letter.isprintable())[:NAME_SHOWN]
    harmless = harmless.encode("utf-8", "replace").decode()
    return f"{field}[{number}] {harmless}".strip()


def described_form(fields: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    """OpenAPI's description of a form."""
    return {"schema": {"type": "object", "properties": dict(fields), "additionalProperties": False}}


def files_schema(what: str) -> dict[str, Any]:
    """OpenAPI's description of a field that brings one or more files."""
    return {"type": "array", "items": {"type": "string", "format": "binary"}, "description": what}
