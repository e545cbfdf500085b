"""Logs of the server: lines for people, or one JSON object a line. Neither tells who did what.

What an exception says may be somebody's name, so of unexpected ones only their kind and where they came from is
written; routes are named by their pattern, never by a path with ids in it.
"""

from __future__ import annotations

import copy
import logging
import traceback
from contextvars import ContextVar
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, TypeAlias

import orjson

#: Id of the request that is being answered, in whichever thread.
REQUEST: ContextVar[str | None] = ContextVar("shoplens_request", default=None)

_ExcInfo: TypeAlias = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]


class Lines(logging.Formatter):
    """For people."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(name)s: %(message)s", "%Y-%m-%d %H:%M:%S")

    def format(self, record: logging.LogRecord) -> str:
        """The line, and the request it belongs to."""
        own = copy.copy(record)  # another handler may have written the exception down in its way
        own.exc_text = None
        request = REQUEST.get()
        return super().format(own) + (f" [request {request}]" if request is not None else "")

    def formatException(self, ei: _ExcInfo) -> str:  # noqa: N802 the name is logging's
        """Kind and places, without what the exception says."""
        return "\n".join([f"  {place}" for place in _places(ei)] + [_kind(ei)])


class JsonLines(logging.Formatter):
    """For machines: time, level, logger, message, request_id, and kind and places of an exception."""

    def format(self, record: logging.LogRecord) -> str:
        """One JSON object."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        request = REQUEST.get()
        if request is not None:
            line["request_id"] = request
        if record.exc_info:
            line["exception"] = {"kind": _kind(record.exc_info), "at": _places(record.exc_info)}
        fields = getattr(record, "fields", None)
        if isinstance(fields, dict):
            line |= fields
        return orjson.dumps(line, default=str).decode()


FORMATS = {"text": Lines, "json": JsonLines}


def configuration(level: str, form: str) -> dict[str, Any]:
    """For `logging.config.dictConfig`. `level`: of Shoplens and of the server; others speak from warnings on."""
    ours = {"level": level.upper(), "propagate": True}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"chosen": {"()": FORMATS[form]}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "chosen"}},
        "root": {"level": "WARNING", "handlers": ["stderr"]},
        "loggers": {"shoplens": ours, "uvicorn": ours},
    }


def _kind(found: _ExcInfo) -> str:
    return "" if found[0] is None else f"{found[0].__module__}.{found[0].__qualname__}"


def _places(found: _ExcInfo) -> list[str]:
    return [f"{one.filename}:{one.lineno} in {one.name}" for one in traceback.extract_tb(found[2])]
