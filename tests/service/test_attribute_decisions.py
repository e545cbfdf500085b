"""Decisions about a selection of proposals, and decisions that are taken back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from shoplens.domain.catalogue import Product
from shoplens.domain.proposals import Proposal, ProposalKind, ProposalStatus, Selection
from shoplens.errors import ConflictError, InputError, NotFoundError, StoreUnavailableError
from shoplens.service.attribute_writing import hold_all
from shoplens.service.intake import ingest_products
from shoplens.service.runtime import Runtime

CAP = Product(item_id="cap", title="Cap", brand="Acme", attributes={"material": ("wool",), "colour": ("blu", "red")})
BARE = Product(item_id="bare", title="Bare", category=("Wear", "Caps"))


def said(kind: ProposalKind, item_id: str, attribute: str, value: str, *current: str, sure: float = 0.9) -> Proposal:
    return Proposal(kind=kind, item_id=item_id, attribute=attribute, value=value, current=current, confidence=sure)


SPELLING = said(ProposalKind.SPELLING, "cap", "colour", "blue", "blu")
AGAINST = said(ProposalKind.CONTRADICTION, "cap", "material", "felt", "wool", sure=0.7)
PLACE = said(ProposalKind.PLACE, "cap", "category", "Wear > Caps")
COLOUR = said(ProposalKind.VALUE, "bare", "colour", "red", sure=0.6)
BRAND = said(ProposalKind.VALUE, "bare", "brand", "Acme", sure=0.8)
MOVE = said(ProposalKind.CATEGORY, "bare", "category", "Wear > Belts", "Wear", "Caps")
PRICE = said(ProposalKind.PRICE, "cap", "price", "", "10")
ALL = [SPELLING, AGAINST, PLACE, COLOUR, BRAND, MOVE, PRICE]


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Runtime]:
    (tmp_path / "shoplens.toml").write_text('[encoders]\ntext = "hashed-ngrams"\n', encoding="utf-8")
    with Runtime.open(tmp_path) as opened:
        opened.put_products([CAP, BARE])
        opened.store.proposals.offer(ALL)
        yield opened


def test_what_was_accepted_outlives_the_next_feed_and_a_crash(shop: Runtime, tmp_path: Path) -> None:
    before = products(shop)
    shop.attributes.accept([SPELLING.proposal_id, COLOUR.proposal_id, MOVE.proposal_id])
    said = products(shop)
    shop.put_products(list(before))  # as a feed does that knows nothing of decisions, or a process that died at once
    assert hold_all(shop.store, shop.put_products) == 2
    assert products(shop) == said
    assert hold_all(shop.store, shop.put_products) == 0
    shop.put_products([replace(before[1], attributes={"colour": ("green",)})])
    shop.attributes.reopen([SPELLING.proposal_id])
    hold_all(shop.store, shop.put_products)
    assert [one.attributes["colour"] for one in products(shop)] == [("blu", "red"), ("green",)], "neither is overruled"
    feed = tmp_path / "feed.csv"
    feed.write_text("item_id,title,category\nbare,Bare,Wear > Caps\n", encoding="utf-8")
    assert ingest_products(shop.store, str(feed))["held"] == 1
    assert products(shop)[1].attributes == {"colour": ("red",)}


def test_what_was_read_in_a_title_is_not_held_once_the_title_is_corrected(shop: Runtime) -> None:
    read = replace(COLOUR, value="teal", evidence={"field": "title", "said": "Bare"})
    shop.store.proposals.offer([read])
    shop.attributes.accept([read.proposal_id])
    before = replace(products(shop)[1], attributes={})
    shop.put_products([replace(before, title="Corrected")])
    assert hold_all(shop.store, shop.put_products) == 0
    shop.put_products([before])
    assert hold_all(shop.store, shop.put_products) == 1


def test_what_was_seen_in_a_photo_is_held_while_the_product_has_it(shop: Runtime) -> None:
    seen = replace(COLOUR, value="teal", source="photo", evidence={"photo": "a.jpg"})
    before = replace(products(shop)[1], images=("a.jpg",))
    shop.put_products([before])
    shop.store.proposals.offer([seen])
    shop.attributes.accept([seen.proposal_id])
    shop.put_products([replace(before, images=("b.jpg",))])
    assert hold_all(shop.store, shop.put_products) == 0
    shop.put_products([replace(before, images=("b.jpg", "a.jpg"))])
    assert hold_all(shop.store, shop.put_products) == 1


def test_what_is_written_meanwhile_is_not_lost(shop: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    get, times = shop.store.catalogue.get, iter(range(100))

    def read_and_overtaken(item_ids: Sequence[str]) -> dict[str, Product]:
        found = get(item_ids)
        if next(times) == 0:  # another process puts a price right behind the reading
            shop.store.catalogue.upsert([replace(found["bare"], price=Decimal(8))])
        return found

    before = products(shop)[1]
    shop.attributes.accept([COLOUR.proposal_id])
    shop.put_products([before])
    monkeypatch.setattr(shop.store.catalogue, "get", read_and_overtaken)
    assert hold_all(shop.store, shop.put_products) == 1
    assert (products(shop)[1].price, products(shop)[1].attributes) == (Decimal(8), {"colour": ("red",)})
    times = iter(range(100))
    shop.store.catalogue.upsert([replace(products(shop)[1], price=None)])
    times = iter(range(100))
    with pytest.raises(ConflictError, match="somebody else"):
        shop.attributes.accept([BRAND.proposal_id])
    assert shop.store.proposals.get([BRAND.proposal_id])[BRAND.proposal_id].status is ProposalStatus.OPEN
    assert (products(shop)[1].price, products(shop)[1].brand) == (Decimal(8), None)


def test_a_decision_that_an_import_writes_first_stands(shop: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    decide, overtaken = shop.store.proposals.decide, iter([True])

    def decided_and_held(*given: Any, **more: Any) -> set[str]:
        done = decide(*given, **more)
        if next(overtaken, False):  # an import between the decision and its writing
            hold_all(shop.store, shop.store.catalogue.upsert)
        return done

    monkeypatch.setattr(shop.store.proposals, "decide", decided_and_held)
    shop.attributes.accept([COLOUR.proposal_id])
    assert shop.store.proposals.get([COLOUR.proposal_id])[COLOUR.proposal_id].status is ProposalStatus.ACCEPTED
    assert products(shop)[1].attributes == {"colour": ("red",)}


def test_a_feed_holds_only_what_it_speaks_of(shop: Runtime, tmp_path: Path) -> None:
    before = products(shop)[1]
    shop.attributes.accept([COLOUR.proposal_id])
    shop.put_products([before])  # by hand: not red after all
    feed = tmp_path / "feed.csv"
    feed.write_text("item_id,title\nother,Other\n", encoding="utf-8")
    assert "held" not in ingest_products(shop.store, str(feed))
    assert products(shop)[1].attributes == {}
    shop.attributes.reopen([COLOUR.proposal_id])  # and the decision goes, too: no feed brings it back
    feed.write_text("item_id,title,category\nbare,Bare,Wear > Caps\n", encoding="utf-8")
    assert "held" not in ingest_products(shop.store, str(feed))
    assert products(shop)[1].attributes == {}


def products(shop: Runtime) -> tuple[Product, Product]:
    known = shop.store.catalogue.get(["cap", "bare"])
    return known["cap"], known["bare"]


def test_what_was_accepted_is_taken_back_and_products_say_what_they_said(shop: Runtime) -> None:
    before = products(shop)
    ids = [one.proposal_id for one in ALL]
    shop.attributes.accept(ids)
    cap, bare = products(shop)
    assert (cap.category, cap.attributes) == (("Wear", "Caps"), {"material": ("felt",), "colour": ("blue", "red")})
    assert (bare.brand, bare.category, bare.attributes) == ("Acme", ("Wear", "Belts"), {"colour": ("red",)})
    reopened = shop.attributes.reopen(ids)
    assert {(one.status, one.decided) for one in reopened} == {(ProposalStatus.OPEN, None)}
    assert products(shop) == before
    assert {one.proposal_id for one in shop.store.proposals.list()} == set(ids)
    shop.attributes.accept(ids[:1])


def test_what_was_rejected_is_on_the_list_again(shop: Runtime) -> None:
    shop.attributes.reject([PRICE.proposal_id])
    assert PRICE.proposal_id not in {one.proposal_id for one in shop.store.proposals.list()}
    shop.attributes.reopen([PRICE.proposal_id])
    assert PRICE.proposal_id in {one.proposal_id for one in shop.store.proposals.list()}
    with pytest.raises(ConflictError, match="is open"):
        shop.attributes.reopen([PRICE.proposal_id])
    with pytest.raises(NotFoundError, match="no proposal"):
        shop.attributes.reopen(["0" * 32])


def test_a_product_that_changed_since_is_not_overwritten(shop: Runtime) -> None:
    ids = [one.proposal_id for one in (COLOUR, SPELLING, MOVE)]
    shop.attributes.accept(ids)
    pink = replace(BARE, attributes={"colour": ("pink",)}, category=("Wear", "Hats"))
    shop.put_products([pink, replace(CAP, attributes={"colour": ("navy", "red")})])
    for one in ids:
        with pytest.raises(ConflictError, match=r"has changed since .* was accepted"):
            shop.attributes.reopen([one])
    assert products(shop)[1].attributes == {"colour": ("pink",)}
    assert len(shop.store.proposals.list(status=ProposalStatus.ACCEPTED)) == len(ids)


def test_a_selection_is_accepted(shop: Runtime) -> None:
    chosen = Selection(kind=ProposalKind.VALUE, least=0.7)
    assert shop.attributes.count(chosen) == 1
    done = shop.attributes.accept_selected(chosen)
    assert [one.attribute for one in done.proposals] == ["brand"]
    assert (done.skipped, done.after) == ([], None)
    assert products(shop)[1].brand == "Acme"
    assert shop.attributes.accept_selected(chosen).proposals == []


def test_what_a_selection_cannot_accept_is_skipped(shop: Runtime) -> None:
    gone = said(ProposalKind.VALUE, "gone", "colour", "red")
    shop.store.proposals.offer([gone])
    shop.put_products([replace(BARE, attributes={"colour": ("pink",)})])
    done = shop.attributes.accept_selected(Selection(attribute="colour"))
    assert [one.item_id for one in done.proposals] == ["cap"]
    assert [one.proposal_id for one in done.skipped] == [gone.proposal_id, COLOUR.proposal_id]
    assert "is gone" in done.skipped[0].reason
    assert "has changed" in done.skipped[1].reason
    rejected = shop.attributes.reject_selected(Selection(attribute="colour"))
    assert len(rejected.proposals) == 2


def test_two_that_want_the_same_attribute_do_not_both_come_true(shop: Runtime) -> None:
    other = said(ProposalKind.VALUE, "bare", "colour", "green", sure=0.5)
    shop.store.proposals.offer([other])
    done = shop.attributes.accept_selected(Selection(kind=ProposalKind.VALUE, attribute="colour"))
    assert [one.value for one in done.proposals] == ["red"], "the surer one"
    assert [one.proposal_id for one in done.skipped] == [other.proposal_id]


def test_a_selection_goes_on_where_it_stopped(shop: Runtime) -> None:
    chosen, seen, after = Selection(least=0.0), [], None
    while True:
        done = shop.attributes.reject_selected(chosen, after=after, most=3)
        seen += done.proposals
        after = done.after
        if after is None:
            break
    assert len(seen) == len(ALL)
    assert [one.confidence for one in seen] == sorted((one.confidence for one in ALL), reverse=True)


def test_everything_has_to_be_said(shop: Runtime) -> None:
    with pytest.raises(InputError, match="by kind, by attribute"):
        shop.attributes.reject_selected(Selection())
    assert shop.attributes.count(Selection()) == len(ALL)


def test_of_two_who_decide_at_once_the_second_is_refused_and_writes_nothing(
    shop: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, look = products(shop), shop.store.catalogue.get

    def meanwhile(item_ids: Sequence[str]) -> dict[str, Product]:
        shop.store.proposals.decide([COLOUR.proposal_id], ProposalStatus.REJECTED, 1)  # another worker
        return look(item_ids)

    monkeypatch.setattr(shop.store.catalogue, "get", meanwhile)
    with pytest.raises(ConflictError, match="somebody else"):
        shop.attributes.accept([SPELLING.proposal_id, COLOUR.proposal_id])
    monkeypatch.undo()
    assert products(shop) == before
    assert shop.store.proposals.decided(ProposalStatus.REJECTED) == {COLOUR.proposal_id}
    assert shop.store.proposals.decided(ProposalStatus.ACCEPTED) == set()


def test_of_a_selection_only_what_somebody_else_decided_is_skipped(
    shop: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    look = shop.store.catalogue.get

    def meanwhile(item_ids: Sequence[str]) -> dict[str, Product]:
        shop.store.proposals.decide([COLOUR.proposal_id], ProposalStatus.REJECTED, 1)
        return look(item_ids)

    monkeypatch.setattr(shop.store.catalogue, "get", meanwhile)
    done = shop.attributes.accept_selected(Selection(kind=ProposalKind.VALUE))
    assert [one.proposal_id for one in done.proposals] == [BRAND.proposal_id]
    assert [(one.proposal_id, "already" in one.reason) for one in done.skipped] == [(COLOUR.proposal_id, True)]
    monkeypatch.undo()
    assert (products(shop)[1].brand, products(shop)[1].attributes) == ("Acme", {})


def test_what_could_not_be_written_was_not_decided(shop: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(_products: object, **_: object) -> int:
        raise StoreUnavailableError("the disk is full")

    monkeypatch.setattr(shop.attributes._decisions, "_put", fails)
    with pytest.raises(StoreUnavailableError, match="full"):
        shop.attributes.accept([COLOUR.proposal_id])
    assert COLOUR.proposal_id in {one.proposal_id for one in shop.store.proposals.list()}
