"""Errors → status and RFC 9457 problem+json. Messages made for the caller go out, all others stay in the log."""

from __future__ import annotations

import logging
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Any

import orjson
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.types import Scope

from shoplens.errors import (
    BundleError,
    ConflictError,
    InputError,
    MissingExtraError,
    NotFoundError,
    ServiceError,
    ServiceUnavailableError,
    ShoplensError,
    StoreError,
    StoreUnavailableError,
)
from shoplens.http.wire.fields import PATTERNS

log = logging.getLogger(__name__)

#: From special to general; the first that fits decides.
STATUS: tuple[tuple[type[ShoplensError], int], ...] = (
    (NotFoundError, 404),
    (InputError, 422),
    (ConflictError, 409),
    (BundleError, 409),  # asked for a switch that cannot be made
    (StoreUnavailableError, 503),
    (ServiceUnavailableError, 503),
    (ServiceError, 502),
    (MissingExtraError, 501),
    (ShoplensError, 500),
)


#: Kinds of pydantic's errors that are said in other words.
REASONS = {
    "extra_forbidden": "there is no such field; /openapi.json names those there are",
    "missing": "is needed, and was not sent",
}
#: Parts of a place that name a type of pydantic rather than a field.
INNER = re.compile(r"^(function-\w+\[.*|constrained-\w+|(list|dict)\[.*|kind:\w+|\[key\])$", re.DOTALL)


def problem(
    request: Request,
    status: int,
    detail: str,
    *,
    errors: list[dict[str, Any]] | None = None,
    headers: dict[str, str] | None = None,
) -> Response:
    """One problem+json answer."""
    body = _body(request, status, detail)
    if errors:
        body["errors"] = errors
    return Response(orjson.dumps(body), status, headers, media_type="application/problem+json")


def problem_of(request: Request, error: Exception) -> dict[str, Any]:
    """What an answer that has begun says of an error: the body of a problem."""
    if not isinstance(error, ShoplensError):
        return _body(request, 500, "an unexpected error; the service's log has it under this request_id")
    status, detail = status_of(error)
    return _body(request, status, detail)


def _body(request: Request, status: int, detail: str) -> dict[str, Any]:
    return {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "instance": request.url.path,
        "request_id": request.scope.get("request_id"),
    }


def status_of(error: Exception) -> tuple[int, str]:
    """The status of a deliberate error, and what the caller is told."""
    status = next(status for kind, status in STATUS if isinstance(error, kind))
    return status, error.told if isinstance(error, StoreError) else str(error)


async def _deliberate(request: Request, error: Exception) -> Response:
    status, told = status_of(error)
    if status >= 500 and status != 501:
        log.error("%s %s: %s", request.method, route_of(request.scope), error)
    return problem(request, status, told, headers={"retry-after": "1"} if status == 503 else None)


async def _invalid(request: Request, error: Exception) -> Response:
    found = error.errors() if isinstance(error, RequestValidationError) else []
    if any(one["type"] == "json_invalid" for one in found):
        reason = found[0].get("ctx", {}).get("error", "")
        return problem(request, 400, f"the body is not JSON: {reason}")
    if any(_not_read_as_json(request, one) for one in found):
        return problem(request, 422, "the body was not read as JSON; send content-type: application/json")
    errors = refusals(found)[:100]
    first = errors[0] if errors else {"field": "body", "reason": "invalid"}
    return problem(request, 422, f"{first['field']}: {first['reason']}", errors=errors)


async def _http(request: Request, error: Exception) -> Response:
    status = getattr(error, "status_code", 500)
    detail = getattr(error, "detail", "")
    if status == 404 and detail == "Not Found":
        detail = f"there is nothing at {request.url.path}; see /openapi.json"
    elif status == 405 and detail == "Method Not Allowed":
        detail = f"{request.method} is not possible here; see the Allow header"
    return problem(request, status, str(detail), headers=dict(getattr(error, "headers", None) or {}))


async def _unexpected(request: Request, error: Exception) -> Response:
    log.error("%s %s failed", request.method, route_of(request.scope), exc_info=error)
    return problem(request, 500, "an unexpected error; the service's log has it under this request_id")


def route_of(scope: Scope) -> str:
    """The pattern of a request's route, for logs and figures: a path itself may name people."""
    return getattr(scope.get("route"), "path", "unknown")


def refusals(found: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
    """Pydantic's errors (places begin with "body", "query", …) as one {"field", "reason"} a field."""
    reasons: dict[str, list[str]] = {}
    for one in found:
        known = reasons.setdefault(field_of(one["loc"]), [])
        reason = reason_of(one)
        if reason not in known:
            known.append(reason)
    return [{"field": field, "reason": "; or: ".join(known)} for field, known in reasons.items()]


def field_of(location: Sequence[int | str]) -> str:
    """Readable place of a field: ("body", "boost", 0, "by") → "boost[0].by", ("body", 1, "price") → "1.price".

    The first part says where the value came from. Names of pydantic's own types are left out."""
    parts = list(location[1:])
    if len(parts) > 1 and parts[-1] in ("str", "float", "bool"):  # member of a union
        parts.pop()
    place = ""
    for part in parts:
        if isinstance(part, str) and INNER.match(part):
            continue
        place += str(part) if not place else f"[{part}]" if isinstance(part, int) else f".{part}"
    # half a character (a lone surrogate) in a field's name cannot be sent back
    return place.encode("utf-8", "replace").decode() or "body"


def reason_of(one: Mapping[str, Any]) -> str:
    """What is wrong, in words."""
    if one["type"] == "string_pattern_mismatch":
        pattern = str(one.get("ctx", {}).get("pattern"))
        return PATTERNS.get(pattern, str(one["msg"]))
    if one["type"] == "too_long" and "actual_length" in one.get("ctx", {}):
        return f"may hold {one['ctx']['max_length']:,}, not {one['ctx']['actual_length']:,}"
    if one["type"] in REASONS:
        return REASONS[one["type"]]
    return str(one["msg"]).removeprefix("Value error, ").removeprefix("Input ").removeprefix("String ")


def _not_read_as_json(request: Request, one: Mapping[str, Any]) -> bool:
    """FastAPI hands a body of another content type over as bytes, which no model takes."""
    kind = request.headers.get("content-type", "").split(";")[0].strip().lower()
    json = kind == "application/json" or (kind.startswith("application/") and kind.endswith("+json"))
    return not json and tuple(one["loc"]) == ("body",) and one["type"] in ("model_attributes_type", "dict_type")


#: Errors that say what the caller did wrong, or what is not to be had now → the answer to them.
_ANSWERS: dict[type[Exception], Callable[[Request, Exception], Awaitable[Response]]] = {
    ShoplensError: _deliberate,
    RequestValidationError: _invalid,
    HTTPException: _http,
}
DELIBERATE = tuple(_ANSWERS)


async def answer_to(request: Request, error: Exception) -> Response:
    """One of DELIBERATE as problem+json."""
    return await next(answer for kind, answer in _ANSWERS.items() if isinstance(error, kind))(request, error)


def install(app: FastAPI) -> None:
    """Every error leaves as problem+json."""
    for kind, answer in _ANSWERS.items():
        app.add_exception_handler(kind, answer)
    app.add_exception_handler(Exception, _unexpected)
