"""Reads what an embeddings endpoint answers, trusting nothing of it."""

from __future__ import annotations

import base64
import binascii
import email.utils
import time
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson

from shoplens.encoders.base import Vectors
from shoplens.errors import ServiceError

WIDEST = 65_536  # numbers a vector
EXCERPT = 300  # characters of a refusal that are passed on


def read_answer(content: bytes, count: int, width: int | None, url: str) -> Vectors:
    """Unit vectors in the order of the question. float32 [count, width]; any common width when `width` is None.

    ServiceError when the answer is not JSON, or of another count, width or shape, or holds what is no number.
    """
    try:
        answer: Any = orjson.loads(content)
    except orjson.JSONDecodeError as error:
        raise ServiceError(f"{url} does not answer in JSON ({error}): {excerpt(content)}") from error
    rows = answer.get("data") if isinstance(answer, dict) else None
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise ServiceError(f'{url}: its answer has no list "data" of vectors: {excerpt(content)}')
    if len(rows) != count:
        raise ServiceError(f"{url} answered {len(rows)} vectors to {count} texts")
    vectors = [_vector(row.get("embedding"), url) for row in _in_order(rows, url)]
    widths = {len(vector) for vector in vectors}
    if len(widths) != 1 or (width is not None and widths != {width}):
        raise ServiceError(
            f"{url} answered vectors of {' and '.join(map(str, sorted(widths)))} numbers"
            + (f" instead of {width}" if width is not None else "")
            + "; did its model change, or does encoders.endpoint.size not fit it?"
        )
    matrix = np.stack(vectors)  # float64: an enormous number must not overflow when it is squared below
    largest = np.abs(matrix).max(axis=1, keepdims=True)
    if not np.isfinite(largest).all() or (largest == 0).any():
        raise ServiceError(f"{url} answered a vector that holds what is no number, or nothing but zeros")
    matrix /= largest
    unit: Vectors = (matrix / np.linalg.norm(matrix, axis=1, keepdims=True)).astype(np.float32)
    return unit


def _in_order(rows: list[dict[str, Any]], url: str) -> list[dict[str, Any]]:
    """Rows by their index; as they came when none has one."""
    places = [row.get("index") for row in rows]
    if all(place is None for place in places):
        return rows
    if any(type(place) is not int for place in places) or sorted(places) != list(range(len(rows))):  # type: ignore[type-var]
        raise ServiceError(f"{url}: the indexes of its vectors are not 0 to {len(rows) - 1}, each once")
    return sorted(rows, key=lambda row: int(row["index"]))


def _vector(value: Any, url: str) -> npt.NDArray[np.float64]:
    """A list of numbers, or little-endian float32 in base64."""
    if isinstance(value, str):
        try:
            return np.frombuffer(base64.b64decode(value, validate=True), "<f4").astype(np.float64)
        except (binascii.Error, ValueError) as error:
            raise ServiceError(f"{url} answered a vector that is not base64 of float32 numbers ({error})") from error
    try:
        numbers = np.asarray(value)
    except ValueError:  # lists of different lengths inside
        numbers = np.asarray(None)
    if not isinstance(value, list) or numbers.ndim != 1 or numbers.dtype.kind not in "fiu":
        raise ServiceError(f"{url} answered a vector that is not a list of numbers")
    if len(numbers) > WIDEST:
        raise ServiceError(f"{url} answered a vector of {len(numbers):,} numbers; at most {WIDEST:,} are read")
    return numbers.astype(np.float64)


def excerpt(content: bytes) -> str:
    """The beginning of an answer, on one line, fit for a message."""
    text = " ".join(content[: 4 * EXCERPT].decode("utf-8", "replace").split())
    return "".join(letter for letter in text if letter.isprintable())[:EXCERPT] or "(nothing)"


def seconds_to_wait(retry_after: str) -> float:
    """What a Retry-After header asks for, as seconds or as a date (RFC 9110, 10.2.3); 0 when it says nothing."""
    try:
        seconds = float(retry_after)
    except ValueError:
        try:
            seconds = email.utils.parsedate_to_datetime(retry_after).timestamp() - time.time()
        except ValueError:
            return 0.0
    return max(seconds, 0.0) if seconds < float("inf") else 0.0
