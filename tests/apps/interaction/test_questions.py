from __future__ import annotations

from decimal import Decimal

import pytest

from shoplens.apps.interaction import Interaction, Turn
from shoplens.apps.interaction.questions import which_category, which_value
from shoplens.apps.interaction.table import Table
from shoplens.domain.catalogue import Product
from shoplens.recommend.asking import Ask, Facet, FacetValue, Found, Hit
from shoplens.recommend.facts import CatalogueFacts
from shoplens.recommend.filters import parse_filter

FACTS = CatalogueFacts(
    Product(item_id=f"{kind}{number}", title=f"{kind} {number}", category=("Shop", kind), price=Decimal(number + 1))
    for kind in ("Bats", "Balls", "Nets")
    for number in range(4)
)
TABLE = Table(FACTS)


def facet(field: str, *counts: int, kind: str = "values", selected: bool = False) -> Facet:
    values = tuple(FacetValue(f"{field} {place}", f"V{place}", many, selected) for place, many in enumerate(counts))
    return Facet(field, kind, values)  # type: ignore[arg-type]


def found(total: int, *facets: Facet, items: tuple[Hit, ...] = ()) -> Found:
    return Found("i", items, total, facets)


def hits(**scores: float) -> tuple[Hit, ...]:
    made = [Hit(f"{kind}{number}", score) for kind, score in scores.items() for number in range(3)]
    return tuple(sorted(made, key=lambda hit: -hit.score))


def test_two_kinds_that_fit_alike_are_asked_about() -> None:
    question = which_category(hits(Bats=1.0, Balls=0.9), TABLE, "en")
    assert question is not None
    assert question.text == "Do you mean Bats or Balls?"
    assert question.options[1].filter == parse_filter({"field": "category", "eq": "Shop > Balls"})
    chinese = which_category(hits(Bats=1.0, Balls=0.9), TABLE, "zh")
    assert chinese is not None
    assert chinese.text == "您要找的是Bats还是Balls？"


@pytest.mark.parametrize(
    "scores", [{"Bats": 1.0}, {"Bats": 1.0, "Balls": 0.2}, {"Bats": 1.0, "Balls": 1.0, "Nets": 1.0}]
)
def test_one_kind_or_many_are_not(scores: dict[str, float]) -> None:
    assert which_category(hits(**scores), TABLE, "en") is None


def test_the_facet_that_tells_most_is_asked_about() -> None:
    answer = found(100, facet("brand", 90, 10), facet("attributes.colour", 40, 30, 30), facet("attributes.rare", 5, 5))
    told = which_value(answer, set(), "en")
    assert told is not None
    field, question = told
    assert field == "attributes.colour"
    assert question.text == "Which colour should it be?"
    assert question.options[0].filter == parse_filter({"field": "attributes.colour", "eq": "attributes.colour 0"})
    chinese = which_value(answer, set(), "zh")
    assert chinese is not None
    assert chinese[1].text == "想要什么颜色？"


@pytest.mark.parametrize(
    "answer",
    [
        found(20, facet("brand", 10, 10)),
        found(100, facet("brand", 95, 5)),
        found(100, facet("brand", 20, 20)),
        found(100, facet("price", 50, 50, kind="numbers")),
        found(100, facet("availability", 50, 50)),
        found(100, facet("brand", 50, 50, selected=True)),
        found(100),
    ],
    ids=["few products", "nearly all alike", "most have none", "numbers", "stock", "chosen", "no facets"],
)
def test_what_tells_little_is_not(answer: Found) -> None:
    assert which_value(answer, set(), "en") is None


def test_a_conversation_asks_once_and_takes_the_answer() -> None:
    asked: list[Ask] = []

    def search(ask: Ask) -> Found:
        asked.append(ask)
        narrowed = ask.filter is not None
        items = tuple(Hit(f"Bats{number}", 1.0) for number in range(4))
        return found(
            40 if narrowed else 100, facet("brand", 50, 50), facet("attributes.colour", 40, 30, 30), items=items
        )

    talk = Interaction(search, FACTS)
    reply = talk.turn(Turn(text="something"))
    assert reply.question is not None
    assert reply.question.text == "Which colour should it be?"
    reply = talk.turn(Turn(session_id=reply.session_id, filter=reply.question.options[0].filter))
    assert asked[-1].filter is not None
    assert reply.question is not None
    assert reply.question.text == "Which brand should it be?"
    reply = talk.turn(Turn(session_id=reply.session_id, text="cheaper"))
    assert reply.question is None


@pytest.mark.parametrize(
    ("field", "language", "text"),
    [
        ("attributes.package_size", "en", "Which package size should it be?"),
        ("attributes.package_size", "zh", "想要什么package size？"),
        ("attributes.label", "en", "Which label should it be?"),
        ("brand", "zh", "想要什么品牌？"),
    ],
)
def test_fields_are_called_what_people_call_them(field: str, language: str, text: str) -> None:
    told = which_value(found(100, facet(field, 50, 50)), set(), language)
    assert told is not None
    assert told[1].text == text


def test_the_only_brand_on_the_table_is_the_one_that_is_not_wanted() -> None:
    goods = [
        Product(item_id=f"l{number}", title="laptop", brand="Acme" if number == 0 else None) for number in range(3)
    ]
    facts = CatalogueFacts(goods)
    asked: list[Ask] = []

    def search(ask: Ask) -> Found:
        asked.append(ask)
        kept = facts.mask(ask.filter) if ask.filter is not None else facts.offered()
        ids = [one.item_id for one in goods if kept[facts.row(one.item_id)]]
        return found(len(ids), items=tuple(Hit(name, 1.0) for name in ids))

    talk = Interaction(search, facts)
    first = talk.turn(Turn(text="laptop"))
    reply = talk.turn(Turn(text="not that brand", session_id=first.session_id))
    assert [hit.item_id for hit in reply.found.items] == ["l1", "l2"]
    assert reply.question is None
