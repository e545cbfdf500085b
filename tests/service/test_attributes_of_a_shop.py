"""From a catalogue with planted mistakes to a review list, decisions, and what they write."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from shoplens.domain.catalogue import Product
from shoplens.domain.proposals import Proposal, ProposalKind, ProposalStatus
from shoplens.errors import ConflictError, InputError, NotFoundError
from shoplens.service.attributes import Reviewed
from shoplens.service.runtime import Runtime
from shoplens.testing.described_shop import (
    DEAR,
    LACKS_COLOUR,
    LACKS_SIZE,
    MISPLACED,
    MISSPELT,
    SAYS_OTHERWISE,
    SHOES,
    TWICE,
    described_shop,
)

#: Of a line that is called so, and made of other things.
WOOL = [
    Product(item_id=f"w{n}", title=f"Kestrel wool line sneaker {n}", brand="Kestrel", category=SHOES,
            attributes={"material": ("leather",)})
    for n in range(6)
]  # fmt: skip
NOWHERE = Product(item_id="nowhere", title="Oat drink 250 ml")  # without a category


def quiet(_what: str, _done: int, _total: int) -> None:
    """No progress."""


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runtime]:
    folder = tmp_path_factory.mktemp("described")
    (folder / "shoplens.toml").write_text('[encoders]\ntext = "hashed-ngrams"\n', encoding="utf-8")
    with Runtime.open(folder) as opened:
        opened.put_products([*described_shop(), *WOOL, NOWHERE])
        yield opened


@pytest.fixture(scope="module")
def reviewed(shop: Runtime) -> tuple[Reviewed, Reviewed]:
    return shop.attributes.complete(progress=quiet), shop.attributes.check(progress=quiet)


@pytest.fixture
def proposals(shop: Runtime, reviewed: tuple[Reviewed, Reviewed]) -> dict[tuple[ProposalKind, str], Proposal]:
    listed = shop.store.proposals.list(limit=1_000)
    return {(one.kind, one.item_id): one for one in listed}


def test_what_is_missing_is_proposed_with_its_evidence(proposals: dict[tuple[ProposalKind, str], Proposal]) -> None:
    colour = proposals[ProposalKind.VALUE, LACKS_COLOUR]
    assert (colour.attribute, colour.value) == ("colour", "green")
    assert colour.confidence > 0.8
    title = "Kestrel green suede sneaker 41"
    assert title[colour.evidence["start"] : colour.evidence["end"]] == "green"
    size = proposals[ProposalKind.VALUE, LACKS_SIZE]
    assert (size.attribute, size.value, size.evidence["said"]) == ("package_size", "500 ml", "0,5 L")


def test_a_product_without_a_category_is_given_one(proposals: dict[tuple[ProposalKind, str], Proposal]) -> None:
    place = proposals[ProposalKind.PLACE, NOWHERE.item_id]
    assert (place.attribute, place.value, place.current, place.source) == ("category", "Grocery > Drinks", (), "title")
    assert place.confidence > 0.8
    assert place.evidence["like_proposed"] > place.evidence["like_next"]
    assert sum(kind is ProposalKind.PLACE for kind, _ in proposals) == 1, "and `check` does not withdraw it"


def test_planted_mistakes_are_found(proposals: dict[tuple[ProposalKind, str], Proposal]) -> None:
    against = proposals[ProposalKind.CONTRADICTION, SAYS_OTHERWISE]
    assert (against.attribute, against.current, against.value) == ("colour", ("red",), "black")
    assert proposals[ProposalKind.SPELLING, MISSPELT].value == "Bluebird"
    assert proposals[ProposalKind.CATEGORY, MISPLACED].value == "Grocery > Drinks"
    assert proposals[ProposalKind.DUPLICATE, f"{TWICE}-again"].value == TWICE
    dear = proposals[ProposalKind.PRICE, DEAR]
    assert dear.evidence["usual"] < 10
    wrong = {(kind, item) for kind, item in proposals if kind is ProposalKind.CONTRADICTION}
    assert wrong == {(ProposalKind.CONTRADICTION, SAYS_OTHERWISE)}, "nobody else contradicts himself"


def test_a_word_that_never_is_the_value_contradicts_nothing(
    reviewed: tuple[Reviewed, Reviewed], proposals: dict[tuple[ProposalKind, str], Proposal]
) -> None:
    assert reviewed[1].sources["texts"]["words"] == {"material": {"wool": [0, len(WOOL)]}}
    assert not {(ProposalKind.CONTRADICTION, one.item_id) for one in WOOL} & proposals.keys()


def test_a_run_tells_what_it_did(reviewed: tuple[Reviewed, Reviewed]) -> None:
    completed, checked = (one.as_dict() for one in reviewed)
    assert completed["products"] == len([*described_shop(), *WOOL, NOWHERE])
    assert completed["found"]["value"] >= 2
    assert checked["found"]["price"] == 1
    right, answers = completed["sources"]["texts"]["dictionary"]["colour"]
    assert right >= 0.9 * answers > 0


def test_texts_that_are_no_product_yet(shop: Runtime, reviewed: tuple[Reviewed, Reviewed]) -> None:
    found = shop.attributes.extract("Nordwind 黑色 canvas sneaker", "", SHOES)
    assert {one.attribute: one.value for one in reversed(found)} == {
        "brand": "Nordwind", "colour": "black", "material": "canvas",
    }  # fmt: skip
    with pytest.raises(NotFoundError):
        shop.attributes.of_product("unknown")
    (one,) = shop.attributes.contradictions([SAYS_OTHERWISE, "s000"])
    assert one.item_id == SAYS_OTHERWISE


def test_decisions_are_written_and_remembered(
    shop: Runtime, proposals: dict[tuple[ProposalKind, str], Proposal]
) -> None:
    accepted = [
        proposals[ProposalKind.VALUE, LACKS_COLOUR],
        proposals[ProposalKind.SPELLING, MISSPELT],
        proposals[ProposalKind.CATEGORY, MISPLACED],
        proposals[ProposalKind.PLACE, NOWHERE.item_id],
        proposals[ProposalKind.DUPLICATE, f"{TWICE}-again"],
    ]
    shop.attributes.accept([one.proposal_id for one in accepted])
    products = shop.store.catalogue.get([LACKS_COLOUR, MISSPELT, MISPLACED, NOWHERE.item_id])
    assert products[LACKS_COLOUR].attributes["colour"] == ("green",)
    assert products[LACKS_COLOUR].attributes["material"] == ("suede",)
    assert products[MISSPELT].brand == "Bluebird"
    assert products[MISPLACED].category == products[NOWHERE.item_id].category == ("Grocery", "Drinks")
    with pytest.raises(ConflictError, match="accepted already"):
        shop.attributes.accept([accepted[0].proposal_id])
    rejected = proposals[ProposalKind.CONTRADICTION, SAYS_OTHERWISE].proposal_id
    shop.attributes.reject([rejected])
    shop.attributes.check(progress=quiet)
    open_ones = {one.proposal_id for one in shop.store.proposals.list(limit=1_000)}
    assert rejected not in open_ones
    assert not open_ones & {one.proposal_id for one in accepted}
    assert rejected in shop.store.proposals.decided(ProposalStatus.REJECTED)


def test_a_product_that_changed_is_not_overwritten(
    shop: Runtime, proposals: dict[tuple[ProposalKind, str], Proposal]
) -> None:
    size = shop.store.proposals.list(item_id=LACKS_SIZE)[0]
    (product,) = shop.store.catalogue.get([LACKS_SIZE]).values()
    shop.put_products([replace(product, attributes={"package_size": ("1 l",)})])
    with pytest.raises(ConflictError, match="has changed"):
        shop.attributes.accept([size.proposal_id])
    assert shop.store.catalogue.get([LACKS_SIZE])[LACKS_SIZE].attributes == {"package_size": ("1 l",)}
    with pytest.raises(NotFoundError, match="no proposal"):
        shop.attributes.reject(["0" * 32])


def test_an_empty_shop_says_how_to_begin(tmp_path: Path) -> None:
    (tmp_path / "shoplens.toml").write_text("", encoding="utf-8")
    with Runtime.open(tmp_path) as shop:
        with pytest.raises(InputError, match="ingest"):
            shop.attributes.complete(progress=quiet)
        assert shop.attributes.insights() == []
        assert shop.attributes.gaps() == []


def test_decisions_teach(tmp_path: Path) -> None:
    """A colour is rejected where titles name one: it does not come back, and other titles are believed less."""
    shoes = [one for one in described_shop() if one.category == SHOES and one.attributes]
    named = ("Kestrel green suede sneaker", "Kestrel black canvas sneaker", "Nordwind red suede sneaker")
    lacking = [replace(shoes[0], item_id=f"bare-{row}", title=title, attributes={}) for row, title in enumerate(named)]
    (tmp_path / "shoplens.toml").write_text('[encoders]\ntext = "hashed-ngrams"\n', encoding="utf-8")
    with Runtime.open(tmp_path) as shop:
        shop.put_products([*shoes, *lacking])

        def colours() -> dict[str, Proposal]:
            shop.attributes.complete(progress=quiet)
            found = shop.store.proposals.list(kind=ProposalKind.VALUE, attribute="colour", limit=100)
            return {one.item_id: one for one in found if one.item_id.startswith("bare")}

        before = colours()
        assert set(before) == {"bare-0", "bare-1", "bare-2"}
        shop.attributes.reject([before[one].proposal_id for one in ("bare-0", "bare-1")])
        assert "green" not in {one.value for one in shop.attributes.of_product("bare-0").values}, "at once"
        after = colours()
        assert "green" not in {one.value for item_id, one in after.items() if item_id == "bare-0"}
        assert {one.value for one in after.values()} >= {"red"}
        assert after["bare-2"].confidence < before["bare-2"].confidence
        shop.attributes.accept([after["bare-2"].proposal_id])
        shop.attributes.reopen([before[one].proposal_id for one in ("bare-0", "bare-1")])
        again = colours()["bare-0"]
        assert (again.value, again.confidence >= after["bare-2"].confidence) == ("green", True)
