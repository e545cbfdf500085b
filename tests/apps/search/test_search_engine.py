"""The search application as a whole: what is found, in which order, and what is said about it."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from shoplens.apps.search.curation import Curation
from shoplens.domain.catalogue import Availability, Product
from shoplens.errors import InputError
from shoplens.features.align.glosses import glossary
from shoplens.learning.search_benchmark_data import read_search_data
from shoplens.recommend.asking import MAX_TEXT, Ask, Found, Sort
from shoplens.recommend.filters import parse_filter
from shoplens.retrieval.asked import Given
from shoplens.retrieval.semantic import VectorSignal
from shoplens.testing.searched_shop import SearchedShop
from shoplens.testing.varied_shop import varied_shop

Rows = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]


@pytest.fixture(scope="module")
def shop() -> SearchedShop:
    return SearchedShop(varied_shop(), glossary=glossary)


def _ids(found: Found) -> list[str]:
    return [hit.item_id for hit in found.items]


def _products(shop: SearchedShop, found: Found) -> list[Product]:
    by_id = {one.item_id: one for one in varied_shop()}
    return [by_id[name] for name in _ids(found)]


def test_words_become_filters_that_are_shown(shop: SearchedShop) -> None:
    found = shop.search("red dress under 50", group=False)
    assert [one.id for one in found.understood] == [
        "category=fashion > women > dresses",
        "price<50",
        "attributes.color=red",
    ]
    assert {one.title for one in _products(shop, found)} == {"Nike red dress", "Orion red dress", "Apple red dress"}
    assert found.total == 3
    assert found.exact


def test_a_chinese_query_finds_english_products_by_what_it_asks_for(shop: SearchedShop) -> None:
    found = shop.search("红色连衣裙", group=False, language="zh")
    assert {one.title for one in _products(shop, found)} == {"Nike red dress", "Orion red dress", "Apple red dress"}
    assert found.language == "zh"
    assert found.rescued is None


def test_without_understanding_words_are_only_words(shop: SearchedShop) -> None:
    found = shop.search("red dress under 50", understand=False, group=False, n=1000)
    assert found.understood == ()
    assert found.total > 3


def test_a_dropped_constraint_is_no_filter_any_more(shop: SearchedShop) -> None:
    found = shop.search("red dress", drop=("attributes.color=red",), group=False, n=1000)
    assert [one.id for one in found.understood] == ["category=fashion > women > dresses"]
    assert {one.attributes["color"] for one in _products(shop, found)} > {("Red",)}
    assert _products(shop, found)[0].attributes["color"] == ("Red",)  # the word still finds


def test_what_is_not_wanted_is_not_shown(shop: SearchedShop) -> None:
    for text in ("dress not red", "dress -red", "不要红色的连衣裙"):
        colours = {one.attributes["color"][0] for one in _products(shop, shop.search(text, n=1000, group=False))}
        assert colours
        assert "Red" not in colours


def test_a_soft_constraint_lifts(shop: SearchedShop) -> None:
    found = shop.search("HM shirt", group=False, n=1000)
    brands = [one.brand for one in _products(shop, found)]
    assert "brand=hm" in [one.id for one in found.understood if not one.strict]
    assert set(brands) > {"HM"}
    assert brands[: brands.count("HM")] == ["HM"] * brands.count("HM")


def test_browsing_shows_the_most_popular(shop: SearchedShop) -> None:
    shop = SearchedShop(varied_shop())
    shop.popular.update({"g100": 5.0, "g052": 3.0, "g053": 3.0})
    found = shop.search(n=3)
    assert _ids(found)[0] == "g100"
    assert set(_ids(found)[1:]) == {"g052", "g053"}
    assert found.model == "browse"
    assert found.total == shop.search(n=1).total


def test_products_that_cannot_be_ordered_are_shown_on_demand_only(shop: SearchedShop) -> None:
    gone = {one.item_id for one in varied_shop() if one.availability is Availability.OUT_OF_STOCK}
    assert not gone & set(_ids(shop.search(n=1000, group=False)))
    assert gone <= set(_ids(shop.search(n=1000, group=False, unavailable=True)))


def test_variants_take_one_place(shop: SearchedShop) -> None:
    found = shop.search("nike dress", n=1000)
    groups = [one.group_id for one in _products(shop, found)]
    assert len(groups) == len(set(groups))
    for hit, one in zip(found.items, _products(shop, found), strict=True):
        variants = [shop.facts.row(name) for name in hit.variants]
        assert {shop.facts.group(np.array([row]))[0] for row in variants} <= {
            shop.facts.group(np.array([shop.facts.row(one.item_id)]))[0]
        }


def test_sorted_by_price_and_by_date(shop: SearchedShop) -> None:
    cheap = _products(shop, shop.search("shoes", sort=(Sort("price", False),), n=1000, group=False))
    assert [one.price for one in cheap] == sorted(one.price or Decimal(0) for one in cheap)
    new = _products(shop, shop.search("", sort=(Sort("created_at", True),), n=20, group=False))
    dates = [one.created_at or datetime.min.replace(tzinfo=UTC) for one in new]
    assert dates == sorted(dates, reverse=True)
    sizes = [
        one.attributes["size"][0]
        for one in _products(shop, shop.search("fashion", sort=(Sort("attributes.size", False),), n=1000, group=False))
    ]
    numbers = [int(size) for size in sizes if size.isdigit()]
    assert sizes == [str(one) for one in sorted(numbers)] + sorted(size for size in sizes if not size.isdigit())


def test_unknown_values_come_last_in_either_direction() -> None:
    goods = [*varied_shop()[:5], Product(item_id="free", title="dress without a price")]
    shop = SearchedShop(goods)
    for descending in (True, False):
        assert _ids(shop.search("dress", sort=(Sort("price", descending),), understand=False))[-1] == "free"


def test_highlights_are_safe_html() -> None:
    shop = SearchedShop([Product(item_id="x", title='<b>Red</b> dress & "more"', brand="Dress<er>")])
    (hit,) = shop.search("dress red").items
    assert hit.highlights["title"] == "&lt;b&gt;<em>Red</em>&lt;/b&gt; <em>dress</em> &amp; &quot;more&quot;"
    assert shop.search("dress", highlight=False).items[0].highlights == {}


# --- rescue ---------------------------------------------------------------------------------------------------------


def test_constraints_that_leave_nothing_are_given_up_the_least_firm_first(shop: SearchedShop) -> None:
    found = shop.search("red dress under 5", group=False)
    assert found.rescued == "Nothing fits “under 5”; these products do without it."
    assert {one.attributes["color"] for one in _products(shop, found)} == {("Red",)}
    assert [one.id for one in found.understood] == ["category=fashion > women > dresses", "attributes.color=red"]
    chinese = shop.search("5元以下的红色连衣裙", language="zh")
    assert chinese.rescued == "没有符合“5元以下”的商品，以下是去掉这一条件的结果。"
    several = shop.search("silk nike shirt size 42 under 5", group=False)
    assert several.items
    assert several.rescued is not None


def test_the_shoppers_own_filter_is_never_given_up(shop: SearchedShop) -> None:
    found = shop.search("dress", filter=parse_filter({"field": "price", "range": {"lt": 1}}))
    assert found.items == ()
    assert found.total == 0
    assert found.note == "No product fits the filter."
    assert found.rescued is None


def test_another_spelling_is_searched_for_or_suggested(monkeypatch: pytest.MonkeyPatch) -> None:
    shop = SearchedShop(varied_shop())
    monkeypatch.setattr(shop.words, "correct", lambda query: "red dress" if query.text.startswith("qwrt") else None)
    found = shop.search("qwrtplkjh", group=False)
    assert found.corrected_from == "qwrtplkjh"
    assert found.rescued == "Nothing was found for “qwrtplkjh”; these are results for “red dress”."
    assert found.understood[0].id == "category=fashion > women > dresses"
    assert found.total == 3
    assert shop.search("qwrtplkjh", typos=False).items == ()
    assert shop.search("qwrtplkjh", prefix=True).items == ()
    monkeypatch.setattr(shop.words, "correct", lambda query: "organic tea")
    some = shop.search("organic qwrtplkjh")
    assert some.did_you_mean == "organic tea"
    assert some.corrected_from is None


def test_nothing_at_all_is_said(shop: SearchedShop) -> None:
    found = shop.search("qwrtplkjh zxvbnm")
    assert found.items == ()
    assert found.total == 0
    assert found.note == "Nothing was found. Try other words or fewer of them."
    assert found.cursor is None
    assert shop.search("qwrtplkjh", language="zh").note == "没有找到商品，请换个说法或减少词语。"


@pytest.mark.parametrize("text", ["size M", "M码", "red size M", "size M under 20", "memory 8 GB", "color red"])
def test_words_that_were_understood_are_not_missing(shop: SearchedShop, text: str) -> None:
    found = shop.search(text, group=False, n=1000)
    assert found.items
    assert found.rescued is None
    for one in found.understood:
        assert shop.facts.mask(one.filter)[shop.facts.row(found.items[0].item_id)], one.id


@pytest.mark.parametrize("text", ["zzz size M", "size L", "size XS dress", "memory 8 GB red"])
def test_words_that_no_product_has_are_still_missing(shop: SearchedShop, text: str) -> None:
    found = shop.search(text, group=False)
    assert found.items
    assert found.rescued == "No product has all of these words; these have some of them."


def test_a_shop_without_products_says_so() -> None:
    empty = SearchedShop([])
    for asked in ({"text": "tea"}, {}, {"text": "tea", "filter": parse_filter({"field": "brand", "eq": "Nike"})}):
        assert empty.search(**asked).note == "This shop has no products yet."
    assert empty.search("茶", language="zh").note == "本店还没有商品。"
    empty.upsert(varied_shop()[0])
    assert empty.search("zzqqxx").note == "Nothing was found. Try other words or fewer of them."


def test_missing_words_are_said(shop: SearchedShop) -> None:
    found = shop.search("organic qwrtplkjh zxvbnmpl mnbvcxzqw")
    assert found.items
    assert found.rescued == "No product has all of these words; these have some of them."


# --- the shop's own wishes ------------------------------------------------------------------------------------------


def _curated(tmp_path: Path, rules: str) -> SearchedShop:
    path = tmp_path / "curation.toml"
    path.write_text(rules, encoding="utf-8")
    return SearchedShop(varied_shop(), curation=Curation.open(path))


def test_pins_stand_where_they_were_put_on_every_page(tmp_path: Path) -> None:
    shop = _curated(
        tmp_path,
        '[[rule]]\nquery = "dress"\npin = ["g100", { item = "g103", place = 5 }, { item = "g999", place = 2 }, '
        '{ item = "g102", place = 900 }]\n',
    )
    plain = _ids(SearchedShop(varied_shop()).search("dress", n=1000, group=False))
    found = shop.search("dress", n=1000, group=False)
    ranking = _ids(found)
    assert (ranking[0], ranking[4], ranking[-1]) == ("g100", "g103", "g102")
    assert [name for name in ranking if name not in ("g100", "g103", "g102")] == plain
    assert found.total == len(plain) + 3
    assert set(found.pinned) == {"g100", "g103", "g102"}
    cursor, pages = None, []
    while True:
        page = shop.search("dress", n=4, group=False, cursor=cursor)
        pages += _ids(page)
        cursor = page.cursor
        if cursor is None:
            break
    assert pages == ranking
    assert _ids(shop.search("dress", n=4, page=2, group=False)) == ranking[4:8]
    by_price = shop.search("dress", sort=(Sort("price", False),), n=1000, group=False)
    assert by_price.pinned == ()
    assert "g100" not in _ids(by_price)


def test_a_pinned_product_that_may_not_be_shown_is_not(tmp_path: Path) -> None:
    shop = _curated(tmp_path, '[[rule]]\nquery = "dress"\npin = ["g016", "g100"]\n')
    assert "g016" not in _ids(shop.search("dress", n=1000))  # out of stock
    assert shop.search("dress", filter=parse_filter({"field": "brand", "eq": "Nike"})).pinned == ()


@pytest.mark.parametrize(
    ("text", "options", "pinned"),
    [
        ("tea", {}, ["g100", "g072", "g073"]),  # the rule names tea: a wine may stand there
        ("tea under 5", {}, ["g072", "g073"]),
        ("5元以下的茶", {}, []),  # another query than the rule's
        ("tea", {"filter": parse_filter({"field": "price", "range": {"lt": 5}})}, ["g072", "g073"]),
        ("black tea 500 ml", {}, ["g072"]),
        ("tea -wine", {}, ["g072", "g073"]),  # "wine" is a category here
        ("tea -organic", {}, []),  # and "organic" only a word
        ("tea in stock", {}, ["g100", "g072", "g073"]),
        ("tea under 5", {"drop": ("price<5",)}, ["g100", "g072", "g073"]),
        ("tea under 5", {"understand": False}, ["g100", "g072", "g073"]),
        ("tea under 1", {}, ["g100", "g072", "g073"]),  # nothing costs so little: the limit is given up, and said to be
    ],
)
def test_a_pin_keeps_to_what_was_asked(
    tmp_path: Path, text: str, options: dict[str, object], pinned: Sequence[str]
) -> None:
    shop = _curated(tmp_path, '[[rule]]\nquery = "*tea*"\npin = ["g100", "g072", "g073"]\n')
    assert list(shop.search(text, **options).pinned) == pinned


def test_a_pin_that_may_be_ordered_but_not_sent_today(tmp_path: Path) -> None:
    shop = _curated(tmp_path, '[[rule]]\nquery = "*dress*"\npin = ["g003"]\n')
    shop.upsert(replace(varied_shop()[3], availability=Availability.PREORDER))
    assert shop.search("dress").pinned == ("g003",)
    assert shop.search("dress in stock").pinned == ()
    assert shop.search("dress", filter=parse_filter({"field": "in_stock", "eq": True})).pinned == ()


def test_a_pin_of_another_kind_where_the_rule_names_the_kind(tmp_path: Path) -> None:
    shop = _curated(tmp_path, '[[rule]]\nquery = ["red dress*", "连衣裙*"]\npin = ["g100", "g003"]\n')
    assert shop.search("red dress").pinned == ("g100", "g003")  # a wine and a blue dress
    assert shop.search("red dress not Apple").pinned == ("g100", "g003")
    assert shop.search("red dress size M").pinned == ()
    assert shop.search("连衣裙").pinned == ("g100", "g003")


def test_a_pinned_variant_stands_for_its_group(tmp_path: Path) -> None:
    shop = _curated(tmp_path, '[[rule]]\nquery = "nike dress"\npin = ["g006"]\n')
    found = shop.search("nike dress", n=1000)
    groups = [one.group_id for one in _products(shop, found)]
    assert _ids(found)[0] == "g006"
    assert len(groups) == len(set(groups))


def test_hidden_products_are_nowhere(tmp_path: Path) -> None:
    shop = _curated(tmp_path, '[[rule]]\nquery = "*dress*"\nhide = ["g000", "g001"]\npin = ["g000"]\n')
    found = shop.search("red dress", n=1000, group=False, facets=("brand",))
    assert not {"g000", "g001"} & set(_ids(found))
    assert {value.value: value.count for value in found.facets[0].values} == {"Apple": 1}


def test_boosts_lift_and_buries_sink(tmp_path: Path) -> None:
    shop = _curated(
        tmp_path,
        '[[rule]]\nquery = "dress"\nboost = [{ filter = { field = "brand", eq = "HM" }, by = 2 }]\n'
        'bury = [{ filter = { field = "brand", eq = "Nike" }, by = 2 }]\n',
    )
    brands = [one.brand for one in _products(shop, shop.search("dress", n=1000, group=False))]
    assert brands[0] == "HM"
    assert brands[-1] == "Nike"


# --- people ---------------------------------------------------------------------------------------------------------


class _Likes:
    """Somebody who likes one brand."""

    def __init__(self, brand: str) -> None:
        self.brand = brand
        self.shop: SearchedShop | None = None

    def scores(
        self, user_id: str | None, session_id: str | None, rows: Rows
    ) -> tuple[Floats, list[tuple[str, ...]]] | None:
        if user_id != "fan" or self.shop is None:
            return None
        liked = [self.shop.facts.brand_of(row) == self.brand for row in rows.tolist()]
        return np.array(liked, np.float32), [("because you like it",) if one else () for one in liked]


def test_the_dial_goes_from_everybody_to_this_person() -> None:
    likes = _Likes("HM")
    shop = likes.shop = SearchedShop(varied_shop(), personal=likes)
    everybody = shop.search("shirt", n=1000, group=False)
    assert _ids(shop.search("shirt", n=1000, group=False, user_id="fan", personal=0.0)) == _ids(everybody)
    assert _ids(shop.search("shirt", n=1000, group=False, user_id="stranger")) == _ids(everybody)
    places = []
    for dial in (0.0, 0.3, 1.0):
        found = shop.search("shirt", n=1000, group=False, user_id="fan", personal=dial)
        places.append(np.mean([k for k, one in enumerate(_products(shop, found)) if one.brand == "HM"]))
        assert sorted(_ids(found)) == sorted(_ids(everybody))
    assert places[0] > places[1] >= places[2]
    first = shop.search("shirt", user_id="fan", personal=1.0).items[0]
    assert first.reasons == ("because you like it",)
    assert shop.search("shirt", user_id="fan").model == "search+personal"
    assert shop.search("shirt", user_id="fan", sort=(Sort("price", False),)).model == "search"


class _Reversed:
    """Clicks that teach the opposite order."""

    def __init__(self) -> None:
        self.names: set[str] = set()
        self.rows: list[int] = []

    def rescore(self, query: str, rows: Rows, features: Mapping[str, Floats]) -> Floats | None:
        self.names |= set(features)
        self.rows = rows.tolist()
        assert all(len(values) == len(rows) for values in features.values())
        return None if query == "shirt" else np.arange(len(rows), dtype=np.float32)


def test_an_order_that_was_learnt_from_clicks() -> None:
    clicks = _Reversed()
    shop = SearchedShop(varied_shop(), clicks=clicks)
    found = shop.search("dress", n=1000, group=False)
    assert _ids(found) == [shop.facts.ids[row] for row in reversed(clicks.rows)]
    assert found.model == "search+clicks"
    assert {"words", "score", "popularity", "price_place", "age"} <= clicks.names
    assert shop.search("shirt").model == "search"


# --- hostile --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "wrong",
    [
        {"text": "x" * (MAX_TEXT + 1)},
        {"n": 0},
        {"n": 10**6},
        {"page": 0},
        {"page": 10**9},
        {"personal": float("nan")},
        {"personal": 2.0},
        {"facet_values": 0},
        {"facets": ("brand",) * 50},
        {"sort": (Sort("price", True),) * 9},
    ],
)
def test_requests_without_measure_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(InputError):
        Ask(**wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "\0",
        "\ud800",
        "*",
        "-",
        '"',
        "()[]{}",
        "a:b AND c",
        "'; DROP TABLE",
        "🎁",
        "İ",
        "ﬁ",
        "\u202e",
        "1" * 500,
        "-" * 500,
    ],
)
def test_odd_texts_are_answered(shop: SearchedShop, text: str) -> None:
    found = shop.search(text, facets=("*",), explain=True)
    assert found.total >= len(found.items)


def test_a_far_page_is_empty(shop: SearchedShop) -> None:
    found = shop.search("dress", page=1_000_000)
    assert found.items == ()
    assert found.total > 0
    assert found.cursor is None


def test_an_empty_shop_answers() -> None:
    shop = SearchedShop([])
    for text in ("", "dress", "红色"):
        found = shop.search(text, facets=("*", "brand"))
        assert (found.total, found.items) == (0, ())
        assert found.note is not None


# --- vectors --------------------------------------------------------------------------------------------------------


class _Meanings:
    """Reads a text as the first kind of thing that it names; "frock" is a dress."""

    KINDS = ("dress", "shirt", "shoes", "tea", "juice", "wine", "phone", "rack")

    def read(self, texts: Sequence[str], /) -> Floats:
        lines = [text.lower().replace("frock", "dress") for text in texts]
        return np.array([[float(kind in line) for kind in self.KINDS] for line in lines], np.float32)

    def english(self, text: str, /) -> list[str]:
        return []


def _with_meanings() -> SearchedShop:
    goods = varied_shop()
    signal = VectorSignal("meaning", len(_Meanings.KINDS))
    shop = SearchedShop(goods, [signal])
    shop.hybrid.reader = _Meanings()
    signal.put(shop.facts.rows(one.item_id for one in goods), _Meanings().read([one.title for one in goods]))
    return shop


def test_what_no_product_is_called_is_found_by_its_meaning() -> None:
    found = _with_meanings().search("frock", n=1000, group=False)
    assert found.rescued == "No product has these words; these come close in meaning."
    assert {one.category[-1] for one in _products(_with_meanings(), found)} == {"Dresses"}
    assert found.items[0].parts["meaning"] > 0


def test_a_photo_alone_is_a_question() -> None:
    shop = _with_meanings()
    vector = _Meanings().read(["tea"])[0]
    found = shop.search(given=(Given("meaning", vector),), n=1000, facets=("category",))
    assert {one.category[-1] for one in _products(shop, found)} == {"Tea"}
    assert found.total == len(found.items)
    assert found.rescued is None
    narrowed = shop.search(
        "in stock under 10",
        given=(Given("meaning", vector),),
        n=1000,
        filter=parse_filter({"field": "brand", "eq": "Orion"}),
    )
    assert all((one.price or 0) < 10 for one in _products(shop, narrowed))
    assert {one.id for one in narrowed.understood} == {"in_stock", "price<10"}
    pages = [shop.search(given=(Given("meaning", vector),), n=5, page=page).items for page in range(1, 5)]
    assert [hit.item_id for page in pages for hit in page] == _ids(found)


def test_constraints_answer_alone_when_their_other_words_find_nothing(shop: SearchedShop) -> None:
    found = shop.search("紫外线红色连衣裙", language="zh", group=False)
    assert found.rescued is not None
    assert {one.category[-1] for one in _products(shop, found)} == {"Dresses"}


def test_understanding_helps_on_real_queries() -> None:
    root = Path(os.environ.get("SHOPLENS_BENCH") or "absent")  # noqa: TID251 - tests may say where data are
    folder = root / "search" / "fashion"
    if not folder.exists():
        pytest.skip("set SHOPLENS_BENCH to the folder that holds search/fashion/products.csv")
    data = read_search_data(folder)
    shop = SearchedShop(data.gallery, glossary=glossary)
    places = {one.item_id: place for place, one in enumerate(data.gallery)}
    hits: dict[str, list[float]] = {"en": [], "zh": []}
    for text, language, gains in zip(data.queries, data.languages, data.gains, strict=True):
        shown = [places[name] for name in _ids(shop.search(text, group=False))]
        hits[language].append(float(gains[shown].sum() / min(10, gains.sum())))
    assert np.mean(hits["en"]) > 0.95
    assert np.mean(hits["zh"]) > 0.85  # titles are English: only what was understood can find them


def test_searching_while_the_catalogue_changes() -> None:
    goods = varied_shop()
    shop = SearchedShop(goods[:100])
    asks = (
        Ask(text="red dress under 50", facets=("*",)),
        Ask(facets=("brand", "category", "attributes.color"), sort=(Sort("attributes.size", True),)),
        Ask(text="shoes not nike", n=100, sort=(Sort("price", False),)),
        Ask(text="apple 手机", language="zh"),
    )
    errors: list[BaseException] = []
    stop = threading.Event()

    def ask_on() -> None:
        try:
            while not stop.is_set():
                for one in asks:
                    shop.engine.search(one)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=ask_on) for _ in range(2)]
    for thread in threads:
        thread.start()
    for start in range(100, len(goods), 8):
        shop.upsert(*goods[start : start + 8])
        shop.remove(goods[start - 50].item_id)
    stop.set()
    for thread in threads:
        thread.join()
    assert errors == []
    shown = {hit.item_id for hit in shop.search(n=1000, group=False, unavailable=True).items}
    assert shown == {one.item_id for one in goods} - {goods[start - 50].item_id for start in range(100, len(goods), 8)}
