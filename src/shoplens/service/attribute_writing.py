"""What accepted proposals write to products: once, again after a feed, and back."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace

from shoplens.apps.attributes.schema import BRAND, current_values
from shoplens.domain.catalogue import Product
from shoplens.domain.proposals import OF_CATEGORY, WRITTEN, Proposal, ProposalKind, ProposalStatus
from shoplens.errors import ConflictError
from shoplens.service.attribute_learning import SEPARATOR
from shoplens.store.base import Store

AT_ONCE = 1_000  # decided proposals, and products, that are read together

PutProducts = Callable[[list[Product]], int]


def hold(store: Store, put: PutProducts) -> int:
    """Write again what was accepted and a product no longer says, because a feed brought back what it said before, or a
    process died between deciding and writing. Returns how many products that changed.

    A product that says anything else meanwhile is left alone, and one whose title no longer has the words that were
    read there, or that no longer has the photo that showed it; so is what was reopened.
    """
    accepted: dict[str, list[Proposal]] = {}
    after = None
    while page := store.proposals.list(status=ProposalStatus.ACCEPTED, after=after, limit=AT_ONCE):
        for one in page:
            if one.kind in WRITTEN:
                accepted.setdefault(one.item_id, []).append(one)
        after = page[-1].proposal_id
    ids, changed = sorted(accepted), 0
    for first in range(0, len(ids), AT_ONCE):
        known = store.catalogue.get(ids[first : first + AT_ONCE])
        again = []
        for item_id, product in known.items():
            held = product
            for one in sorted(accepted[item_id], key=lambda one: one.decided or 0):
                with suppress(ConflictError):  # it says so already, or something else
                    held = with_proposed(held, one) if _still_read(product, one) else held
            if held != product:
                again.append(held)
        if again:
            put(again)
        changed += len(again)
    return changed


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
    """The product as it was before `with_proposed`. ConflictError when it no longer says what was written then."""
    changed = ConflictError(
        f"the product {one.item_id!r} has changed since proposal {one.proposal_id} was accepted; "
        "write the product as it should be instead"
    )
    if one.kind in OF_CATEGORY:
        if product.category != tuple(one.value.split(SEPARATOR)):
            raise changed
        return replace(product, category=one.current)
    now = current_values(product, one.attribute)
    if one.kind is ProposalKind.SPELLING:
        if one.value not in now:
            raise changed
        return _saying(product, one.attribute, [one.current[0] if value == one.value else value for value in now])
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
