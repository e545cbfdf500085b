"""Categories for products that have none, as proposals."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from shoplens.apps.attributes.categories import placed
from shoplens.domain.catalogue import Product
from shoplens.domain.proposals import Proposal, ProposalKind
from shoplens.service.attribute_learning import SEPARATOR, Progress


def places(products: Sequence[Product], now: int, progress: Progress) -> Iterator[Proposal]:
    """Of each product without a category the one that its title reads like, where that is sure."""
    progress("find categories", 0, 0)
    for one in placed([product.title for product in products], [product.category for product in products]):
        yield Proposal(
            kind=ProposalKind.PLACE,
            item_id=products[one.row].item_id,
            attribute="category",
            value=SEPARATOR.join(one.category),
            source="title",
            confidence=round(one.confidence, 4),
            evidence={"like_proposed": round(one.like, 3), "like_next": round(one.like_next, 3)},
            offered=now,
        )
