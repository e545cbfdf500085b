"""What is offered while somebody types."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shoplens.apps.search import prefixes
from shoplens.apps.search.suggestions import MOST_TEXTS, SPARE, Suggestion, Suggestions
from shoplens.domain.catalogue import Availability, Product

QUERIES = [
    ("red dress", 90, True),
    ("red shoes", 40, True),
    ("Dress shirt", 30, True),
    ("hiking boots", 25, True),
    ("unicorn saddle", 50, False),
    ("leather bag", 20, None),
    ("rarely asked", 2, True),
    ("手机", 80, True),
    ("手机壳", 60, True),
    ("iPhone 15 手机壳", 20, True),
    ("蓝牙耳机", 30, True),
    ("重庆火锅底料", 10, True),
    ("連衣裙", 15, True),
    ("绿茶", 15, True),
]
PRODUCTS = [
    Product(item_id="1", title="Nike red running shoe", brand="Nike", category=("Women", "Shoes")),
    Product(item_id="2", title="Nike blue running shoe", brand="Nike", category=("Men", "Shoes")),
    Product(item_id="3", title="华为手机保护壳 <黑色>", brand="华为", category=("手机配件",)),
    Product(item_id="4", title="Sold out boots", availability=Availability.OUT_OF_STOCK),
    Product(item_id="5", title="", stub=True),
]


@pytest.fixture
def shop() -> Suggestions:
    made = Suggestions()
    made.learn(QUERIES)
    made.apply(PRODUCTS)
    return made


def texts(found: Sequence[Suggestion]) -> list[str]:
    return [one.text for one in found]


def test_what_others_searched_for_comes_by_how_many_asked(shop: Suggestions) -> None:
    found = shop.suggest("red")
    assert texts(found)[:2] == ["red dress", "red shoes"]
    assert found[0] == Suggestion("red dress", "query", 90, "<em>red</em> dress")
    assert shop.suggest("RED d") == [Suggestion("red dress", "query", 90, "<em>red d</em>ress")]
    assert texts(shop.suggest("dress")) == ["Dress shirt", "red dress"], "the first word counts more than a later one"
    assert shop.suggest("dress")[1].highlight == "red <em>dress</em>"


def test_what_found_nothing_and_what_few_asked_is_not_offered(shop: Suggestions) -> None:
    assert shop.suggest("unicorn") == []
    assert shop.suggest("rarely") == []
    assert texts(shop.suggest("leather")) == ["leather bag"], "of imported searches nobody knows whether they found"


def test_brands_categories_and_titles(shop: Suggestions) -> None:
    assert [(one.text, one.kind, one.count) for one in shop.suggest("nik")] == [
        ("Nike", "brand", 2),
        ("Nike blue running shoe", "product", 1),
        ("Nike red running shoe", "product", 1),
    ]
    assert ("Shoes", "category", 2) in [(one.text, one.kind, one.count) for one in shop.suggest("sho")]
    assert texts(shop.suggest("running")) == ["Nike blue running shoe", "Nike red running shoe"]
    assert shop.suggest("sold") == []


def test_wanted_products_come_first(shop: Suggestions) -> None:
    shop.rank(["1", "2", "unknown"], [0.9, 0.1, 1.0])
    assert texts(shop.suggest("nike")) == ["Nike", "Nike red running shoe", "Nike blue running shoe"]


@pytest.mark.parametrize(
    ("typed", "meant", "marked"),
    [
        ("shouji", "手机", "<em>手机</em>"),
        ("shou ji", "手机", "<em>手机</em>"),
        ("sho", "手机", "<em>手</em>机"),
        ("sj", "手机", "<em>手机</em>"),
        ("sjk", "手机壳", "<em>手机壳</em>"),
        ("shoujik", "手机壳", "<em>手机壳</em>"),
        ("iphone 15 sj", "iPhone 15 手机壳", "<em>iPhone 15 手机</em>壳"),
        ("iphone15shouji", "iPhone 15 手机壳", "<em>iPhone 15 手机</em>壳"),
        ("lanya", "蓝牙耳机", "<em>蓝牙</em>耳机"),
        ("erji", "蓝牙耳机", "蓝牙<em>耳机</em>"),
        ("chongqing", "重庆火锅底料", "<em>重庆</em>火锅底料"),
        ("手ji", "手机", "<em>手机</em>"),
        ("首机", "手机", "<em>手机</em>"),
        ("手機", "手机", "<em>手机</em>"),
        ("连衣", "連衣裙", "<em>連衣</em>裙"),
        ("lianyiqun", "連衣裙", "<em>連衣裙</em>"),
        ("ＬＹＱ", "連衣裙", "<em>連衣裙</em>"),
        ("shuoji", "手机", "<em>手机</em>"),
        ("lv", "绿茶", "<em>绿</em>茶"),
        ("lvcha", "绿茶", "<em>绿茶</em>"),
        ("lü", "绿茶", "<em>绿</em>茶"),
        ("耳机", "蓝牙耳机", "蓝牙<em>耳机</em>"),
    ],
)
def test_chinese_as_it_is_typed(shop: Suggestions, typed: str, meant: str, marked: str) -> None:
    found = {one.text: one.highlight for one in shop.suggest(typed, language="zh")}
    assert meant in found
    assert found[meant] == marked


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("hikking", "hiking boots"),
        ("hking", "hiking boots"),
        ("hikign", "hiking boots"),
        ("hixing", "hiking boots"),
        ("leathre b", "leather bag"),
        ("bots", "hiking boots"),
    ],
)
def test_one_letter_may_be_wrong_from_four_letters(shop: Suggestions, typed: str, meant: str) -> None:
    assert meant in texts(shop.suggest(typed))


def test_what_is_not_near_is_not_offered(shop: Suggestions) -> None:
    assert shop.suggest("xiking") == [], "the first letter is right"
    assert shop.suggest("hxk") == [], "three letters are too few to be wrong"
    assert shop.suggest("hkng b") == []
    assert shop.suggest("zzzzzz") == shop.suggest("\0") == shop.suggest("%_*") == []


def test_a_space_at_the_end_asks_for_the_next_word(shop: Suggestions) -> None:
    shop.learn([*QUERIES, ("redwood table", 500, True)])
    assert texts(shop.suggest("red "))[:2] == ["red dress", "red shoes"]
    assert texts(shop.suggest("red"))[0] == "redwood table"
    assert texts(shop.suggest("hiking boots ")) == ["hiking boots"], "nothing goes on, so it stands as it is"


def test_markup_in_texts_is_escaped(shop: Suggestions) -> None:
    (found,) = [one for one in shop.suggest("华为") if one.kind == "product"]
    assert found.highlight == "<em>华为</em>手机保护壳 &lt;黑色&gt;"


def test_a_search_is_felt_in_the_next_suggestion(shop: Suggestions) -> None:
    for number in range(3):
        assert shop.suggest("purple") == []
        shop.note("Purple  hat", 4, user_id=f"u{number}")
        shop.note("purple hat", 4, user_id=f"u{number}")
    assert shop.suggest("purple") == [Suggestion("Purple hat", "query", 3, "<em>Purple</em> hat")]
    shop.note("purple hat", 0, user_id="u9")
    assert shop.suggest("purple") == [], "sold out by now"


def test_private_texts_are_never_offered_to_others() -> None:
    shop = Suggestions(never=["Forbidden"])
    for text in ("ann@example.org", "call 0171-234 5678", "very forbidden thing", "long " * 20):
        shop.learn([(text, 100, True)])
        assert shop.suggest(text[:4]) == []
        for number in range(9):
            shop.note(text, 5, user_id=f"u{number}")
        assert shop.suggest(text[:4]) == []


def test_own_queries_come_first_and_are_forgotten() -> None:
    read: list[tuple[str | None, str | None]] = []

    def past(user_id: str | None, session_id: str | None, limit: int) -> Sequence[str]:
        read.append((user_id, session_id))
        return ["red kettle", "手机支架", "red pan", "Red teapot", "red tray"] if user_id == "ann" else []

    shop = Suggestions(past)
    shop.learn(QUERIES)
    assert texts(shop.suggest("red", user_id="ann"))[:4] == ["red kettle", "red pan", "Red teapot", "red dress"]
    assert texts(shop.suggest("red", user_id="bob"))[0] == "red dress"
    assert shop.suggest("shoujiz", user_id="ann")[0].highlight == "<em>手机支</em>架"
    assert texts(shop.suggest("", 6, user_id="ann"))[:5] == [
        "red kettle",
        "手机支架",
        "red pan",
        "Red teapot",
        "red tray",
    ]
    assert texts(shop.suggest("", 2)) == ["red dress", "手机"]
    assert read == [("ann", None), ("bob", None)], "read once, then remembered"
    shop.note("red sieve", 3, user_id="ann")
    shop.note("red nothing", 0, user_id="ann")
    assert texts(shop.suggest("red", user_id="ann"))[0] == "red sieve"
    shop.forget("ann")
    shop.suggest("red", user_id="ann")
    assert read[-1] == ("ann", None)
    assert texts(shop.suggest("red", user_id="ann"))[0] == "red kettle"


def test_products_change_and_go(shop: Suggestions) -> None:
    shop.apply([Product(item_id="1", title="Puma green running shoe", brand="Puma")], gone=["2", "unheard of"])
    assert shop.suggest("nike") == []
    assert shop.suggest("shoes", 20) == [Suggestion("red shoes", "query", 40, "red <em>shoes</em>")]
    assert texts(shop.suggest("puma")) == ["Puma", "Puma green running shoe"]
    shop.apply([Product(item_id="1", title="Puma green running shoe", availability=Availability.OUT_OF_STOCK)])
    assert shop.suggest("puma") == []


def test_texts_of_products_that_are_gone_are_cleared_away() -> None:
    shop = Suggestions()
    kept = Product(item_id="kept", title="Kept kettle", brand="Acme")
    shop.apply([kept])
    for start in range(0, SPARE + 6_000, 4_000):
        ids = [f"i{start + number}" for number in range(4_000)]
        shop.apply([Product(item_id=one, title=f"title {one}") for one in ids])
        shop.apply([], gone=ids)
    assert len(shop._catalogue) <= SPARE + 4_002
    assert texts(shop.suggest("ke")) == ["Kept kettle"]
    assert texts(shop.suggest("acm")) == ["Acme"]
    shop.apply([], gone=["kept"])
    assert shop.suggest("ke") == []
    assert MOST_TEXTS > SPARE


def test_products_do_not_crowd_out_everything_else(shop: Suggestions) -> None:
    shop.apply([Product(item_id=f"d{n}", title=f"dressing table {n}") for n in range(30)])
    kinds = [one.kind for one in shop.suggest("dress", 6)]
    assert kinds.count("product") == 4, "with only two others, products fill the rest"
    shop.learn([*QUERIES, *((f"dress {n}", 10, True) for n in range(9))])
    assert [one.kind for one in shop.suggest("dress", 6)].count("product") <= 3


def test_at_most_n_and_no_text_twice(shop: Suggestions) -> None:
    shop.learn([*QUERIES, ("nike", 50, True)])
    found = shop.suggest("ni", 2)
    assert texts(found) == ["nike", "Nike red running shoe"]
    assert len(shop.suggest("", 3)) == 3


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=80), st.integers(1, 20), st.sampled_from(["en", "zh"]))
def test_anything_may_be_typed(typed: str, n: int, language: str) -> None:
    found = _SHOP.suggest(typed, n, language=language)
    assert len(found) <= n
    assert all(one.count >= 1 and one.highlight for one in found)


def test_threads_search_suggest_and_change_products(shop: Suggestions) -> None:
    failures: list[BaseException] = []

    def work(number: int) -> None:
        try:
            for turn in range(60):
                shop.note(f"red thing {number}", 1, user_id=f"u{turn}")
                assert len(shop.suggest("red", user_id=f"u{number}")) <= 10
                shop.apply([Product(item_id=f"t{number}", title=f"red top {turn}")])
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures, failures[0]
    assert {f"red thing {number}" for number in range(4)} <= set(texts(shop.suggest("red th", 20)))


def test_suggesting_is_quick() -> None:
    shop = Suggestions()
    shop.learn((f"word{n % 700} thing{n % 89} {n}", 5, True) for n in range(20_000))
    shop.learn((f"word{n % 700} thing{n % 89} {n}", 5, True) for n in range(20_000))
    spent = []
    for typed in ("w", "word", "word1", "thing3", "wrod5", "word12 thin", "zzzz"):
        for _ in range(5):
            start = time.process_time()
            shop.suggest(typed, 8)
            spent.append(time.process_time() - start)
    assert sorted(spent)[len(spent) // 2] < 0.01


_SHOP = Suggestions()
_SHOP.learn(QUERIES)
_SHOP.apply(PRODUCTS)


@given(st.lists(st.tuples(st.text("ab中é ", max_size=6), st.integers(0, 9), st.integers(0, 9)), max_size=40), st.data())
def test_keys_are_in_order_however_they_come(keys: list[tuple[str, int, int]], data: st.DataObject) -> None:
    few = data.draw(st.sampled_from([0, 400]))  # 0: sorted in together; 400: put in one by one
    cut = data.draw(st.integers(0, len(keys)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(prefixes, "_FEW", few)
        index = prefixes.PrefixIndex()
        index.add(keys[:cut])
        index.add(keys[cut:])
    for prefix in ("", "a", "ab", "中", "é"):
        entries, places = index.entries(index.find(prefix))
        expected = [key[1:] for key in keys if key[0].startswith(prefix)]
        assert sorted(zip(entries.tolist(), places.tolist(), strict=True)) == sorted(expected)


def test_what_is_added_for_later_is_found_once_all_is_settled() -> None:
    waiting, at_once = Suggestions(), Suggestions()
    at_once.apply(PRODUCTS)
    for product in PRODUCTS:
        waiting.apply([product], later=True)
    assert waiting.suggest("nike") == []
    waiting.settle()
    for typed in ("nike", "hua", "华", "sh"):
        assert waiting.suggest(typed) == at_once.suggest(typed)
