"""Event keys for whole columns: the very keys that `Event.key` gives one by one."""

from __future__ import annotations

from hashlib import blake2b

import numpy as np
import numpy.typing as npt
import polars as pl

from shoplens.domain.events import EventType

_SEPARATOR = "\x1f"
_HAPPENED = ("kind", "timestamp", "user_id", "session_id", "item_id", "value", "quantity", "price", "query", "position")


def keys_of(events: pl.DataFrame) -> npt.NDArray[np.int64]:
    """Keys of cleaned events, shape [rows].

    Needs the columns `kind` (our event type as text) and those of `Event`; empty texts must be null.
    """
    texts = events.select(
        pl.concat_str([_text(events, name).fill_null("") for name in _HAPPENED], separator=_SEPARATOR)
    ).to_series()
    ids = events["event_id"]
    if ids.null_count() < ids.len():
        own = events.select(
            pl.concat_str([pl.lit("id"), pl.col("event_id"), pl.col("item_id").fill_null("")], separator=_SEPARATOR)
        ).to_series()
        texts = own.zip_with(ids.is_not_null(), texts)
    orders = events["kind"] == EventType.ORDER_STATUS.value
    if orders.any():  # all that they say is in their context
        said = events.select(pl.lit(_SEPARATOR) + pl.col("context").fill_null("")).to_series()
        texts = (texts + said).zip_with(orders, texts)
    # `key_of_text` for each, with the digests converted to numbers in one piece
    digests = [blake2b(text, digest_size=8).digest() for text in texts.cast(pl.Binary).to_list()]
    return np.frombuffer(b"".join(digests), "<i8").astype(np.int64)


def float_texts(numbers: pl.Series) -> pl.Series:
    """Each number as Python writes it. polars agrees except for very large and very small ones."""
    texts = numbers.cast(pl.String)
    size = numbers.abs()
    unlike = ((size >= 1e16) | ((size < 1e-4) & (size > 0))).arg_true()
    if len(unlike):
        texts = texts.scatter(unlike, pl.Series([str(number) for number in numbers.gather(unlike)], dtype=pl.String))
    return texts


def _text(events: pl.DataFrame, name: str) -> pl.Expr:
    column = events[name]
    if column.dtype.is_float():
        return pl.lit(float_texts(column))
    return pl.col(name).cast(pl.String)
