"""Ids in paths: `{item_id:id}`."""

from __future__ import annotations

from starlette.convertors import Convertor


class IdConvertor(Convertor[str]):
    """All that is left of a path, slashes and line breaks included, so that `wire.fields.Id` judges it.

    Starlette's own `path` stops before a line break: the id would not be found instead of refused, and one that ends
    with a line break would be read as the id without it.
    """

    regex = r"[\s\S]*"

    def convert(self, value: str) -> str:
        """As it was sent."""
        return value

    def to_string(self, value: str) -> str:
        """As it is sent."""
        return value
