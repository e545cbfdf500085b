"""Decisions about proposals: written to the products, remembered, and taken back."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace

from shoplens.apps.attributes.feedback import Feedback
from shoplens.domain.catalogue import Product
from shoplens.domain.proposals import WRITTEN, Proposal, ProposalStatus, Selection
from shoplens.errors import ConflictError, InputError, NotFoundError
from shoplens.service.attribute_writing import PutProducts, hold_all, with_proposed, without_proposed
from shoplens.store.base import Store

AT_ONCE = 1_000  # proposals of a selection that are decided together

NOTHING: Mapping[str, Product] = {}

Alone = Callable[[], AbstractContextManager[None]]


@dataclass(frozen=True, slots=True)
class Skipped:
    """A selected proposal that could not be accepted, and stays open."""

    proposal_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class Decided:
    """What was decided, and of a selection what was not."""

    proposals: list[Proposal]
    skipped: list[Skipped] = field(default_factory=list)
    after: str | None = None  # id of the last proposal looked at, when more are left


class Decisions:
    """Of one shop. `decided` is called after every decision. `alone`: while a product is read, changed and put back, no
    other process does that."""

    def __init__(self, store: Store, put_products: PutProducts, decided: Callable[[], None], alone: Alone) -> None:
        self._store, self._put, self._decided, self._alone = store, put_products, decided, alone

    def accept(self, proposal_ids: Sequence[str]) -> list[Proposal]:
        """Write and remember, all or nothing. NotFoundError, ConflictError: see `Attributes.accept`."""
        with self._alone():
            return self._accept(proposal_ids)

    def _accept(self, proposal_ids: Sequence[str]) -> list[Proposal]:
        proposals = self._known(proposal_ids)
        for one in proposals:
            _open(one)
        read = self._products(proposals)
        products = dict(read)
        for one in proposals:
            _put_in(products, one)
        return self._settle(proposals, ProposalStatus.ACCEPTED, products, read)

    def reject(self, proposal_ids: Sequence[str]) -> list[Proposal]:
        """All or nothing."""
        proposals = self._known(proposal_ids)
        for one in proposals:
            _open(one)
        return self._settle(proposals, ProposalStatus.REJECTED)

    def reopen(self, proposal_ids: Sequence[str]) -> list[Proposal]:
        """Take decisions back, all or nothing, the latest first; what accepting wrote is written back."""
        with self._alone():
            return self._reopen(proposal_ids)

    def _reopen(self, proposal_ids: Sequence[str]) -> list[Proposal]:
        proposals = sorted(self._known(proposal_ids), key=lambda one: -(one.decided or 0))
        for one in proposals:
            if one.status is ProposalStatus.OPEN:
                raise ConflictError(f"proposal {one.proposal_id} is open: nothing was decided about it")
        accepted = [one for one in proposals if one.status is ProposalStatus.ACCEPTED and one.kind in WRITTEN]
        read = self._products(accepted)
        products = dict(read)
        for one in accepted:
            products[one.item_id] = without_proposed(_product(products, one), one)
        return self._settle(proposals, ProposalStatus.OPEN, products, read)

    def decide(
        self, selection: Selection, status: ProposalStatus, *, after: str | None = None, most: int | None = None
    ) -> Decided:
        """Decide about all open proposals of a selection, the surest first. What cannot be accepted is skipped.

        `most`: of them that are looked at; `after`: behind which to go on. InputError for a selection of everything.
        """
        if selection == Selection():
            raise InputError("say which proposals: by kind, by attribute, or from which confidence up")
        done, skipped, left = list[Proposal](), list[Skipped](), most
        while left is None or left > 0:
            page = self._select(selection, after, AT_ONCE if left is None else min(left, AT_ONCE))
            if not page:
                return Decided(done, skipped)
            after, left = page[-1].proposal_id, None if left is None else left - len(page)
            with self._alone():
                self._decide_page(page, status, done, skipped)
        return Decided(done, skipped, after if self._select(selection, after, 1) else None)

    def _decide_page(
        self, page: Sequence[Proposal], status: ProposalStatus, done: list[Proposal], skipped: list[Skipped]
    ) -> None:
        fit, read, products = list(page), dict[str, Product](), dict[str, Product]()
        if status is ProposalStatus.ACCEPTED:
            read, fit = self._products(page), []
            products = dict(read)
            for one in page:
                try:
                    _put_in(products, one)
                    fit.append(one)
                except (ConflictError, NotFoundError) as problem:
                    skipped.append(Skipped(one.proposal_id, str(problem)))
        try:
            done += self._settle(fit, status, products, read)
        except ConflictError:  # somebody else decides or writes beside this: those that are open still, one by one
            for one in fit:
                try:
                    done += self._one(one, status)
                except (ConflictError, NotFoundError) as problem:
                    skipped.append(Skipped(one.proposal_id, str(problem)))

    def hold(self) -> int:
        """Write again what was accepted and products no longer say; see `attribute_writing.hold`."""
        return hold_all(self._store, self._put)

    def count(self, selection: Selection) -> int:
        """How many open proposals a selection has."""
        many, after = 0, None
        while page := self._select(selection, after, AT_ONCE):
            many, after = many + len(page), page[-1].proposal_id
        return many

    def _select(self, selection: Selection, after: str | None, limit: int) -> list[Proposal]:
        return self._store.proposals.list(
            kind=selection.kind,
            attribute=selection.attribute,
            least=selection.least or 0.0,
            after=after,
            limit=limit,
        )

    def _known(self, proposal_ids: Sequence[str]) -> list[Proposal]:
        ids = list(dict.fromkeys(proposal_ids))
        known = self._store.proposals.get(ids)
        for one in ids:
            if one not in known:
                raise NotFoundError(f"there is no proposal {one!r}; see `shoplens attributes review list`")
        return [known[one] for one in ids]

    def _products(self, proposals: Sequence[Proposal]) -> dict[str, Product]:
        return self._store.catalogue.get(list({one.item_id for one in proposals}))

    def _one(self, one: Proposal, status: ProposalStatus) -> list[Proposal]:
        return self._accept([one.proposal_id]) if status is ProposalStatus.ACCEPTED else self.reject([one.proposal_id])

    def _settle(
        self,
        proposals: Sequence[Proposal],
        status: ProposalStatus,
        products: Mapping[str, Product] = NOTHING,
        read: Mapping[str, Product] = NOTHING,
    ) -> list[Proposal]:
        """Remember a decision and write what it changes of `products`, all or nothing. `read`: as they were before;
        ConflictError when somebody else has changed one since.

        It is remembered first: of two who decide about one proposal at once, in whichever process, the second finds it
        decided (ConflictError) and writes nothing.
        """
        now = time.time_ns() // 1_000
        ids = [one.proposal_id for one in proposals]
        if self._store.proposals.decide(ids, status, now, together=True) != set(ids):
            raise ConflictError("somebody else has just decided about one of these proposals; look at the list again")
        changed = sorted({one.item_id for one in proposals if one.kind in WRITTEN} & products.keys())
        wanted = {item_id: products[item_id] for item_id in changed}
        try:
            if changed:
                self._put(list(wanted.values()), instead_of=[read[item_id] for item_id in changed])
        except BaseException as problem:
            # An import of a feed that sees a decision before it is written has written it itself.
            if not isinstance(problem, ConflictError) or self._store.catalogue.get(changed) != wanted:
                self._take_back(proposals, now)
                raise
        self._decided()
        decided = None if status is ProposalStatus.OPEN else now
        return [replace(one, status=status, decided=decided) for one in proposals]

    def _take_back(self, proposals: Sequence[Proposal], now: int) -> None:
        """Products could not be written: proposals are again as they were."""
        before: dict[ProposalStatus, list[str]] = {}
        for one in proposals:
            before.setdefault(one.status, []).append(one.proposal_id)
        for status, ids in before.items():
            self._store.proposals.decide(ids, status, now)


def feedback_of(store: Store) -> Feedback:
    """What all decisions so far teach."""
    feedback = Feedback()
    for status in (ProposalStatus.ACCEPTED, ProposalStatus.REJECTED):
        after = None
        while page := store.proposals.list(status=status, after=after, limit=AT_ONCE):
            for one in page:
                feedback.count(one)
            after = page[-1].proposal_id
    return feedback


def _open(one: Proposal) -> None:
    if one.status is not ProposalStatus.OPEN:
        raise ConflictError(f"proposal {one.proposal_id} was {one.status.value} already")


def _product(products: dict[str, Product], one: Proposal) -> Product:
    if one.item_id not in products:
        raise NotFoundError(f"the product {one.item_id!r} of proposal {one.proposal_id} is gone; reject it")
    return products[one.item_id]


def _put_in(products: dict[str, Product], one: Proposal) -> None:
    """Change the product as proposed, if it is one to write."""
    product = _product(products, one)
    if one.kind in WRITTEN:
        products[one.item_id] = with_proposed(product, one)
