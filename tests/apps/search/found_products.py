"""What an answer of the varied shop holds, for tests of the search application."""

from __future__ import annotations

from shoplens.domain.catalogue import Product
from shoplens.recommend.asking import Found
from shoplens.testing.varied_shop import varied_shop


def ids(found: Found) -> list[str]:
    """In order."""
    return [hit.item_id for hit in found.items]


def products(found: Found) -> list[Product]:
    """As the shop told of them, in order."""
    by_id = {one.item_id: one for one in varied_shop()}
    return [by_id[name] for name in ids(found)]
