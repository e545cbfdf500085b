"""What accepted proposals write to products: once, again after a feed, and back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Protocol

from shoplens.apps.attributes.schema import BRAND, current_values
from shoplens.domain.catalogue import Product
from shoplens.domain.proposals import OF_CATEGORY, WRITTEN, Proposal, ProposalKind, ProposalStatus
from shoplens.errors import ConflictError
from shoplens.service.attribute_learning import SEPARATOR
from shoplens.store.base import Store

AT_ONCE = 1_000  # decided proposals, and products, that are read together
TRIES = 5  # at writing products that somebody else changes at the same time


class PutProducts(Protocol):
    """Writes products; see `store.base.Catalogue.upsert`."""

    def __call__(self, products: list[Product], /, *, instead_of: Iterable[Product] = ()) -> int:
        """How many changed. ConflictError when a product is no longer as it was read."""
        ...


def hold(store: Store, put: PutProducts, item_ids: Sequence[str]) -> int:
    """Write again what was accepted for these products and they no longer say, because a feed brought back what it said
    before, or a process died between deciding and writing. Returns how many products that changed.

    A product that says anything else meanwhile is left alone, and one whose title no longer has the words that were
    read there, or that no longer has the photo that showed it; so is what was reopened.
    """
    return sum(_hold(store, put, item_ids[first : first + AT_ONCE]) for first in range(0, len(item_ids), AT_ONCE))


def hold_all(store: Store, put: PutProducts) -> int:
    """`hold` for every product that something was accepted for."""
    held, after = 0, None
    while page := store.proposals.list(status=ProposalStatus.ACCEPTED, after=after, limit=AT_ONCE):
        held += hold(store, put, sorted({one.item_id for one in page if one.kind in WRITTEN}))
        after = page[-1].proposal_id
    return held


def _hold(store: Store, put: PutProducts, item_ids: Sequence[str]) -> int:
    if not store.proposals.accepted(item_ids):
        return 0
    for _ in range(TRIES):
        products = store.catalogue.get(item_ids)
        again: dict[str, Product] = {}
        # Behind the products: what is reopened after this writes to a product, and that is noticed below.
        for one in store.proposals.accepted(item_ids):
            product = products.get(one.item_id)
            if one.kind in WRITTEN and product is not None and _still_read(product, one):
                with suppress(ConflictError):  # it says so already, or something else
                    again[one.item_id] = with_proposed(again.get(one.item_id, product), one)
        again = {item_id: held for item_id, held in again.items() if held != products[item_id]}
        if not again:
            return 0
        try:
            put(list(again.values()), instead_of=[products[item_id] for item_id in again])
        except ConflictError:  # somebody else wrote one of them: look again
            continue
        return len(again)
    raise ConflictError("products that decisions are to be written to again change all the time; try later")


def _still_read(product: Product, one: Proposal) -> bool:
    """False where the words were read in a title that has been corrected since, or in a photo, or seen there, that the
    product no longer has."""
    read = one.evidence.get("found", one.evidence)
    if not isinstance(read, Mapping):
        return True
    photo = read.get("photo")
    if isinstance(photo, str):
        return photo in product.images
    return read.get("field") != "title" or str(read.get("said") or "").casefold() in (product.title or "").casefold()


def with_proposed(product: Product, one: Proposal) -> Product:
    """The product with what was proposed. ConflictError when it no longer says what it said then."""
    changed = ConflictError(
        f"the product {one.item_id!r} has changed since proposal {one.proposal_id} was made; "
        "run `shoplens attributes complete` and `check` again, or reject it"
    )
    if one.kind in OF_CATEGORY:
        if product.category != one.current:
            raise changed
        return replace(product, category=tuple(one.value.split(SEPARATOR)))
    now = current_values(product, one.attribute)
    if one.kind is ProposalKind.SPELLING:
        if one.current[0] not in now:
            raise changed
        return _saying(product, one.attribute, [one.value if value == one.current[0] else value for value in now])
    if now != one.current:
        raise changed
    return _saying(product, one.attribute, [one.value])


def without_proposed(product: Product, one: Proposal) -> Product:
    """The product as it was before `with_proposed`, also when somebody wrote it so by hand. ConflictError when it says
    neither that nor what was written then."""
    changed = ConflictError(
        f"the product {one.item_id!r} has changed since proposal {one.proposal_id} was accepted; "
        "write the product as it should be instead"
    )
    if one.kind in OF_CATEGORY:
        if product.category == one.current:
            return product
        if product.category != tuple(one.value.split(SEPARATOR)):
            raise changed
        return replace(product, category=one.current)
    now = current_values(product, one.attribute)
    if one.kind is ProposalKind.SPELLING:
        if one.current[0] in now and one.value not in now:
            return product
        if one.value not in now:
            raise changed
        return _saying(product, one.attribute, [one.current[0] if value == one.value else value for value in now])
    if now == one.current:
        return product
    if now != (one.value,):
        raise changed
    return _saying(product, one.attribute, one.current)


def _saying(product: Product, attribute: str, values: Sequence[str]) -> Product:
    """The product with these values of an attribute, each once; without it when there are none."""
    if attribute == BRAND:
        return replace(product, brand=values[0] if values else None)
    said = {**product.attributes, attribute: tuple(dict.fromkeys(values))}
    if not values:
        del said[attribute]
    return replace(product, attributes=said)
