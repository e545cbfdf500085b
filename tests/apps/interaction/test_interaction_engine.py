"""Conversations over the real search: `testing.tiny_shop` and `testing.varied_shop`, words only."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from shoplens.apps.interaction import Interaction, Reply, Turn
from shoplens.apps.search.understanding import Understands
from shoplens.domain.catalogue import Product
from shoplens.features.align.glosses import glossary
from shoplens.recommend.asking import Constraint
from shoplens.recommend.filters import parse_filter
from shoplens.recommend.scenarios import Scenario
from shoplens.testing.hostile_queries import hostile_queries
from shoplens.testing.searched_shop import SearchedShop
from shoplens.testing.tiny_shop import tiny_shop
from shoplens.testing.varied_shop import varied_shop


class Talk:
    """A shop, and one conversation in it after the other."""

    def __init__(self, products: Sequence[Product]) -> None:
        self.shop = SearchedShop(products, glossary=glossary)
        self.products = {product.item_id: product for product in products}
        self._reads = Understands(self.shop.facts, glossary=glossary)
        self.talk = Interaction(self.shop.engine.search, self.shop.facts, understand=self._understand)

    def _understand(self, text: str, language: str) -> Sequence[Constraint]:
        return self._reads.read(text, self.shop.facts.offered(), language=language).constraints

    def say(self, *texts: str, n: int = 5) -> Reply:
        """A new conversation; the last reply."""
        reply = self.talk.turn(Turn(text=texts[0], n=n))
        for text in texts[1:]:
            reply = self.talk.turn(Turn(session_id=reply.session_id, text=text, n=n))
        return reply

    def found(self, reply: Reply) -> list[Product]:
        return [self.products[hit.item_id] for hit in reply.found.items]

    def titles(self, reply: Reply) -> list[str]:
        return [product.title for product in self.found(reply)]


@pytest.fixture(scope="module")
def varied() -> Talk:
    return Talk(varied_shop())


@pytest.fixture(scope="module")
def tiny() -> Talk:
    return Talk(tiny_shop().products)


def every(words: str, titles: Sequence[str]) -> bool:
    return bool(titles) and all(word in title for title in titles for word in words.split())


@pytest.mark.parametrize("texts", [("red dress under 50", "cheaper"), ("50元以下的红色连衣裙", "更便宜一点")])
def test_cheaper(varied: Talk, texts: tuple[str, ...]) -> None:
    before, after = varied.say(texts[0]), varied.say(*texts)
    assert every("red dress", varied.titles(before))
    assert every("red dress", varied.titles(after))
    assert max(one.price or 0 for one in varied.found(after)) < max(one.price or 0 for one in varied.found(before))
    assert [one.field for one in after.understood].count("price") == 1  # the new limit in place of the old


@pytest.mark.parametrize("text", ["not that brand", "换个牌子"])
def test_not_that_brand(varied: Talk, text: str) -> None:
    reply = varied.say("red dress", "the first one", text)
    brands = {one.brand for one in varied.found(reply)}
    assert brands
    assert varied.found(varied.say("red dress"))[0].brand not in brands


def test_what_held_is_not_given_up_for_a_new_wish(varied: Talk) -> None:
    reply = varied.say("red dress", "cheaper", "not that brand")
    assert varied.found(reply) == []
    assert {"category", "attributes.color", "price", "brand"} == {one.field for one in reply.understood}
    assert "take a wish back" in reply.said


@pytest.mark.parametrize("change", ["the second one in black", "第二个要黑色的"])
def test_the_second_one_in_another_colour(varied: Talk, change: str) -> None:
    reply = varied.say("dress", change)
    assert every("black dress", varied.titles(reply))
    assert len(reply.about) == 1


def test_a_colour_takes_the_place_of_another(varied: Talk) -> None:
    assert every("green dress", varied.titles(varied.say("dress in red", "make it green")))
    assert every("green dress", varied.titles(varied.say("红色连衣裙", "换成绿色")))


def test_a_size_that_nobody_has_can_be_replaced(varied: Talk) -> None:
    reply = varied.say("leather dress", "in size 42", "size M instead")
    assert reply.found.items
    assert not any("42" in one.said for one in reply.understood)


def test_a_group_of_people_narrows_down(varied: Talk) -> None:
    reply = varied.say("shoes", "for men")
    assert all(one.category[1:] == ("Men", "Shoes") for one in varied.found(reply))


def test_a_new_kind_of_thing_begins_anew(varied: Talk) -> None:
    reply = varied.say("red dress under 50", "phone case")
    assert every("phone case", varied.titles(reply))
    assert {one.field for one in reply.understood} == {"category"}


def test_what_titles_end_with_are_kinds_of_things(tiny: Talk) -> None:
    reply = tiny.say("green tea under 10", "hammer")
    assert reply.understood == ()
    assert "hammer" in tiny.titles(reply)[0]


def test_pages_follow_one_another(varied: Talk) -> None:
    seen: list[str] = []
    reply = varied.say("tea")
    while reply.found.items:
        seen += [hit.item_id for hit in reply.found.items]
        reply = varied.talk.turn(Turn(session_id=reply.session_id, text="more", n=5))
    assert len(seen) == len(set(seen)) == varied.say("tea").found.total
    assert reply.said.startswith("That is all")


def test_back_is_where_one_was(varied: Talk) -> None:
    first = varied.say("shoes", "in red")
    reply = varied.say("shoes", "in red", "cheaper", "the first one", "back", "back")
    assert varied.titles(reply) == varied.titles(first)


def test_two_kinds_of_things_are_asked_about(varied: Talk) -> None:
    reply = varied.say("apple")
    assert reply.question is not None
    option = reply.question.options[1]
    reply = varied.talk.turn(Turn(session_id=reply.session_id, filter=option.filter))
    assert {one.category[0] for one in varied.found(reply)} == {option.label}


def test_chinese_titles_and_relative_prices(tiny: Talk) -> None:
    before, after = tiny.say("锤子", n=10), tiny.say("锤子", "便宜点的", n=10)
    assert {"锤子"} == {title.split()[0] for title in tiny.titles(after)} & {"锤子"}
    assert max(one.price or 0 for one in tiny.found(after)) < max(one.price or 0 for one in tiny.found(before))


def test_what_left_the_shop_is_not_shown_again() -> None:
    talk = Talk(varied_shop())
    reply = talk.say("red dress")
    gone = reply.found.items[0].item_id
    talk.shop.remove(gone)
    for text in ("back", "the first one", "more like the first"):
        reply = talk.talk.turn(Turn(session_id=reply.session_id, text=text))
        assert gone not in [hit.item_id for hit in reply.found.items]


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        (("tea", "cheaper", "the first one"), "This shop has no products yet."),
        (("茶", "便宜点的", "第一个"), "本店还没有商品。"),
    ],
)
def test_a_shop_without_products_says_so(texts: tuple[str, ...], said: str) -> None:
    talk = Talk([])
    for reply in (talk.say(*texts[:turns]) for turns in (1, 2, 3)):
        assert reply.said == said
        assert reply.found.items == ()


def test_whatever_is_said_is_answered(tiny: Talk) -> None:
    steering = ("cheaper", "第二个", "back", "more", "not that brand", "any brand", "like the first but red")
    session = None
    for number, text in enumerate(hostile_queries(400, seed=5)):
        said = f"{text[:900]} {steering[number % len(steering)]}" if number % 3 else steering[number % len(steering)]
        reply = tiny.talk.turn(Turn(session_id=session, text=said, drop=(text[:20],) if number % 5 == 0 else ()))
        session = reply.session_id if number % 40 else None
        assert reply.said
        assert all(hit.item_id in tiny.products for hit in reply.found.items)
    assert tiny.talk.sessions.bytes < 20 << 20


def test_a_turn_keeps_to_the_place_it_is_said_in(varied: Talk) -> None:
    place = Scenario(name="shy", hide=parse_filter({"field": "attributes.color", "eq": "red"}))
    first = varied.talk.turn(Turn(text="dress", n=3, scenario=place))
    more = varied.talk.turn(Turn(session_id=first.session_id, text="show more", n=3, scenario=place))
    shown = [*varied.found(first), *varied.found(more)]
    assert len({product.item_id for product in shown}) == 6
    assert not any("red" in product.attributes.get("color", ()) for product in shown)
