"""How a route gets at the running shop."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Annotated, Any, TypeVar

from fastapi import Depends, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, TypeAdapter, ValidationError

from shoplens.errors import InputError
from shoplens.http.errors import refusals
from shoplens.http.wire.fields import RowError
from shoplens.service.runtime import Runtime

Row = TypeVar("Row", bound=BaseModel)
Body = TypeVar("Body")
MOST_ERRORS = 1_000  # refused rows that are listed one by one


async def _runtime(request: Request) -> Runtime:
    runtime: Runtime = request.app.state.runtime
    return runtime


Shop = Annotated[Runtime, Depends(_runtime)]


def json_response(body: bytes, status: int = 200) -> Response:
    """Ready-made JSON."""
    return Response(body, status, media_type="application/json")


def same_id(path: str, body: str | None) -> None:
    """InputError when a body names another id than its path: one of the two is a mistake."""
    if body is not None and body != path:
        raise InputError(f"the path names {path!r}, the body {body!r}; send the same id, or none in the body")


def read_body(body: bytes, adapter: TypeAdapter[Body]) -> Body:
    """A body read as JSON whatever its content type says. RequestValidationError with the places of its errors."""
    try:
        return adapter.validate_json(body)
    except ValidationError as error:
        if error.errors(include_url=False, include_input=False)[0]["type"] != "json_invalid":
            raise _refused(error) from error
        try:  # Python's own reader also takes half characters (lone surrogates), so the field can be named
            given: Any = json.loads(body)
        except (ValueError, RecursionError):
            raise _refused(error) from error
    return read_values(given, adapter)


def read_values(given: object, adapter: TypeAdapter[Body]) -> Body:
    """Values that are no JSON any more, or never were. RequestValidationError with the places of its errors."""
    try:
        return adapter.validate_python(given)
    except ValidationError as error:
        raise _refused(error) from error


def _refused(error: ValidationError) -> RequestValidationError:
    found = error.errors(include_url=False, include_input=False)
    return RequestValidationError([{**one, "loc": ("body", *one["loc"])} for one in found])


def read_rows(body: bytes, row: TypeAdapter[Row]) -> Iterator[tuple[int, Row | RowError]]:
    """Rows of NDJSON, with their line numbers from 1; a row that cannot be used comes as its error."""
    if not body.strip():
        raise InputError("the body is empty; send one JSON object a line")
    for number, line in enumerate(body.split(b"\n"), start=1):
        if not line.strip():
            continue
        try:
            yield number, read_body(line, row)
        except RequestValidationError as error:
            yield number, RowError(line=number, **refusals(error.errors())[0])
