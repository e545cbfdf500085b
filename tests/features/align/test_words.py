from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shoplens.domain.catalogue import Product
from shoplens.features.align.captions import Phrases
from shoplens.features.align.facets import Facet, choose_facets, codes_of, described
from shoplens.features.align.glosses import glossary, meanings_of, read_cedict
from shoplens.features.align.lexicon import built_in, plain, read, singular


def test_the_built_in_lexicon_is_sound() -> None:
    ideas = built_in().ideas
    assert len(ideas) > 400
    assert all(idea.kind and idea.english and idea.chinese for idea in ideas)
    for idea in ideas:
        assert built_in().by_english[plain(idea.english[0])] is idea, idea
        assert any("\u3400" <= letter <= "\u9fff" for letter in "".join(idea.chinese)), idea
        assert all(name.isascii() for name in idea.english), idea


def test_what_a_supermarket_sells_is_said_once() -> None:
    ideas = [idea for idea in built_in().ideas if idea.kind in ("food", "pet")]
    for names in ([plain(one) for idea in ideas for one in idea.english], [n for i in ideas for n in i.chinese]):
        assert sorted(set(names)) == sorted(names)


@pytest.mark.parametrize(
    ("chinese", "english"),
    [
        ("可乐", "cola"),  # the dictionary: amusing
        ("面粉", "flour"),  # 粉 is pink, too
        ("方便面", "instant noodles"),
        ("猫砂", "cat litter"),  # and not sand
        ("奶粉", "milk powder"),
        ("冷冻披萨", "frozen pizza"),  # and not freeze
        ("洗洁精", "dish soap"),
        ("抽纸", "tissue"),
        ("尿布", "diaper"),
        ("运动饮料", "sports drink"),
        ("雪糕", "ice cream"),
        ("创可贴", "adhesive bandage"),
        ("狗零食", "dog treats"),
    ],
)
def test_everyday_goods_are_called_as_shops_call_them(chinese: str, english: str) -> None:
    assert glossary().english(chinese)[0] == english


@pytest.mark.parametrize(
    ("value", "english", "chinese"),
    [
        ("Tshirts", "tee", "T恤"),
        ("Navy Blue", "navy", "藏青色"),
        ("Scarves", "scarf", "围巾"),
        ("Leather Boots", None, "皮革靴子"),  # word by word, Chinese only
        ("Coats and Jackets", "overcoat", "大衣"),
        ("Xyzzy", None, None),
    ],
)
def test_values_of_a_catalogue_have_other_names(value: str, english: str | None, chinese: str | None) -> None:
    names = built_in().names(value)
    assert english is None or english in names.english
    assert (chinese in names.chinese) if chinese else not names.chinese


@given(st.text("abcdeshxyui", min_size=1, max_size=12))
def test_singular_is_short_and_settles(word: str) -> None:
    once = singular(word)
    assert len(once) <= len(word)
    assert once
    assert plain(f" {word.upper()}! ") == once


def test_dictionary_lines_become_meanings() -> None:
    shoe, blue = "鞋 鞋 [xie2] /shoe/CL:雙|双[shuang1]/\n", "藍色 蓝色 [lan2 se4] /blue (color)/\n"
    words, letters = read_cedict(["# comment\n", shoe, blue, "broken\n"])
    assert meanings_of(words["鞋"]) == ("shoe",)
    assert meanings_of(words["蓝色"]) == ("blue",)
    assert letters[ord("藍")] == "蓝"


def test_chinese_is_read_through_the_longest_words() -> None:
    book = glossary(with_lexicon=False)
    assert book.english("牛仔褲") == ["jeans"]  # traditional
    assert book.english("leather shoes") == []
    assert glossary().english("藏青色T恤")[0] == "navy blue t shirt"
    assert glossary().english("Nike 跑鞋")[0] == "nike running shoes"


@given(st.text(st.sampled_from("红色鞋的T恤 shoe,。?𠀀ab"), max_size=30))
def test_cutting_loses_no_letter_but_silent_ones(text: str) -> None:
    book = glossary()
    kept = "".join(word for word, _ in book.cut(text))
    rest = "".join(text.split()).casefold()
    for letter in kept:
        assert letter in rest
    assert len(kept) <= len(rest)


def test_facets_come_from_the_catalogue() -> None:
    products = [
        Product(
            item_id=str(row),
            title="x",
            brand="Acme" if row % 2 else "Bolt",
            category=("Wear", "Shirts" if row % 3 else "Shoes"),
            attributes={
                "colour": ("Red", "Blue") if row % 2 else ("Green",),
                "maker": ("acme inc" if row % 2 else "bolt inc",),  # says what the brand says
                "size": ("42",),  # nothing that one would say
                "sku": (f"a{row}",),
            },
        )
        for row in range(30)
    ]
    values = [described(product) for product in products]
    facets = choose_facets(values)
    assert {facet.name for facet in facets} == {"brand", "category 2"}  # colour and maker say what the brand says
    codes = codes_of([*values, {}], facets)
    assert codes.shape == (31, 2)
    assert (codes[-1] == -1).all()


def test_phrases_speak_of_what_they_say() -> None:
    facets = (Facet("category 1", ("Shirts", "Shoes"), (5, 5)), Facet("colour", ("Red", "Blue"), (6, 4)))
    phrases = Phrases(facets, built_in())
    random = np.random.default_rng(0)
    heard = set()
    for _ in range(60):
        english = phrases.caption(np.array([0, 1]), "en", random)
        chinese = phrases.caption(np.array([0, -1]), "zh", random)
        assert english is not None
        assert ("blue" in english.text) == (1 in english.facets)
        assert "shoe" not in english.text
        assert chinese is not None
        assert chinese.facets == (0,)
        heard.add(english.text)
    assert {"blue", "blue shirts"} <= heard
    assert len(read(["[kind]", "a, b = 甲", "# no"])) == 1
