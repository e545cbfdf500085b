"""How a terminal shows what was found."""

from __future__ import annotations

import io
import re
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from rich.console import Console, RenderableType

from shoplens.apps.interaction.turns import PhotoAsk, Turn
from shoplens.cli.found import BAR, answer_view, bar, counted, found_view, heights, highlighted
from shoplens.cli.interact import spoken
from shoplens.domain.catalogue import Product
from shoplens.errors import InputError
from shoplens.recommend.asking import Constraint, Facet, FacetValue, Found, Hit, Moment
from shoplens.recommend.filters import parse_filter

PRODUCTS = {
    "p1": Product(item_id="p1", title="Tea [red] & more", price=Decimal("12.5"), currency="EUR"),
    "p2": Product(item_id="p2", title="红色连衣裙"),
}
CATALOGUE = SimpleNamespace(get=lambda _: PRODUCTS, count=lambda stubs: len(PRODUCTS))
SHOP: Any = SimpleNamespace(store=SimpleNamespace(catalogue=CATALOGUE))
FOUND = Found(
    impression_id="i",
    items=(
        Hit("p1", 0.93, {"title": "<em>Tea</em> [red] &amp; more", "description": "a <em>tea</em>"}, ("you like tea",),
            {"words": 0.5, "looks": float("nan")}, ("p3", "p4")),
        Hit("p2", 0.5, moments=(Moment("v", 1.0, 2.5, 0.9),)),
        Hit("gone", 0.1),
    ),
    total=1_200,
    facets=(
        Facet("brand", "values", tuple(FacetValue(str(k), f"Brand {k}", 90 - k, k == 1) for k in range(9))),
        Facet("price", "numbers", low=1.0, high=99.0, bins=(1, 8, 0)),
        Facet("stock", "numbers"),
    ),
    understood=(
        Constraint("price<=50", "price", parse_filter({"field": "price", "range": {"lte": 50}}), "u", "up to 50", True),
    ),
    did_you_mean="green [tea]",
    corrected_from="gren",
    rescued="Nothing was in stock.",
    cursor="abc",
    pinned=("p1",),
)  # fmt: skip


def shown(view: RenderableType, width: int = 100) -> str:
    out = io.StringIO()
    Console(file=out, width=width).print(view)
    return out.getvalue()


def test_everything_is_shown() -> None:
    text = shown(found_view(SHOP, FOUND, heard="绿茶", explain=True))
    for part in (
        "heard 绿茶", "corrected from gren", "did you mean green [tea]?", "Nothing was in stock.", "up to 50",
        "price<=50", "★", "Tea [red] & more", "12.5 EUR", "0.930", "description: a tea", "+ 2 variants", "you like tea",
        "words 0.50", "红色连衣裙", "seen at 1.0–2.5 s", "gone", "1,200 products", "--cursor abc", "● Brand 1",
        "and 3 more", "1 – 99", "▂█",
    ):  # fmt: skip
        assert part in text, part
    assert "nan" not in text
    assert "you like tea" not in shown(found_view(SHOP, FOUND))
    assert shown(found_view(SHOP, FOUND), width=40)


def test_what_only_prefers_says_so_without_colours() -> None:
    brand = Constraint("brand=red", "brand", parse_filter({"field": "brand", "eq": "red"}), "red", "brand: red", False)
    text = shown(found_view(SHOP, replace(FOUND, understood=(*FOUND.understood, brand))))
    assert "brand: red, first" in text
    assert "up to 50, first" not in text


def test_nothing_found() -> None:
    nothing = replace(FOUND, items=(), facets=(), total=0)
    assert "nothing found" in shown(found_view(SHOP, nothing))
    assert "nothing found" not in shown(answer_view(SHOP, nothing, said="Nothing was found for “tea”."))


def test_a_turn_of_a_conversation_shows_products_and_no_more() -> None:
    text = shown(answer_view(SHOP, FOUND, said="1,200 products for “tea”."))
    for part in ("did you mean", "Nothing was in stock.", "up to 50", "★", "12.5 EUR", "1,200 products"):
        assert part in text, part
    for part in ("--cursor", "Brand 1", "▂█"):
        assert part not in text, part
    assert "Nothing was in stock." not in shown(answer_view(SHOP, FOUND, said="Nothing was in stock."))
    assert "Nothing was in stock." not in shown(answer_view(SHOP, replace(FOUND, items=()), said="That is all."))


def test_one_is_not_several() -> None:
    one = replace(FOUND, total=1, items=(replace(FOUND.items[0], variants=("p3",)),), facets=())
    text = shown(found_view(SHOP, one))
    assert "1 product by search" in text
    assert "+ 1 variant\n" in re.sub(r"[ │]+\n", "\n", text)
    assert (counted(0, "product"), counted(1_200, "product")) == ("0 products", "1,200 products")


@given(st.text(max_size=20), st.text(max_size=20))
@example("", "\r")
def test_highlights_are_text_as_it_stands(before: str, found: str) -> None:
    from html import escape

    text = highlighted(f"{escape(before)}<em>{escape(found)}</em>")
    assert text.plain == highlighted(escape(before)).plain + highlighted(escape(found)).plain
    assert len(text.spans) == (1 if highlighted(escape(found)).plain else 0)


@given(st.integers(0, 10**9), st.integers(0, 10**9))
def test_bars(count: int, most: int) -> None:
    drawn = bar(min(count, most), most)
    assert len(drawn) <= BAR
    assert bool(drawn) == (min(count, most) > 0)
    assert bar(most, most) == "█" * BAR or not most


def test_heights() -> None:
    assert heights((1, 8, 0)) == "▂█ "
    assert heights(()) == heights((0,)).strip() == ""


def test_what_a_line_of_a_conversation_means(tmp_path: Path) -> None:
    photo = tmp_path / "a photo.png"
    photo.touch()
    turn, ready = spoken(Turn(), f"/image '{photo}' 0,0,0.5,1")
    assert not ready
    assert turn.photos == (PhotoAsk(photo, (0, 0, 0.5, 1)),)
    turn, ready = spoken(turn, "like this but red")
    assert ready
    assert (turn.text, len(turn.photos)) == ("like this but red", 1)
    assert spoken(Turn(), "/reset tea")[0] == Turn(reset=True, text="tea")
    assert spoken(Turn(), "/drop price<=50")[0].drop == ("price<=50",)
    assert spoken(Turn(), f"/audio '{photo}'")[1], "a question that was spoken is answered at once"
    for wrong in ("/image", "/image none.png", f"/image '{photo}' 1,2", "/what", "/image 'open", "/drop"):
        with pytest.raises(InputError):
            spoken(Turn(), wrong)
