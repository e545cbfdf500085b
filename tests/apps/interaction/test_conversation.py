"""Several turns with a search that counts words."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.apps.interaction.small_shop import Shop

from shoplens.apps.interaction import Interaction, Reply, Turn
from shoplens.apps.interaction.turns import MAX_TEXT
from shoplens.errors import InputError
from shoplens.recommend.filters import parse_filter

#: What the products of the last answer must be like: every one of them, or the first where the name says so.
Effect = Callable[[list[str]], bool]
Table = dict[str, Effect]

DRESSES: Effect = lambda ids: bool(ids) and all("dress" in one for one in ids)  # noqa: E731


def only(*words: str, without: str = "") -> Effect:
    return lambda ids: (
        bool(ids) and all(all(w in one for w in words) and not (without and without in one) for one in ids)
    )


def first(*words: str) -> Effect:
    return lambda ids: bool(ids) and all(word in ids[0] for word in words)


def exactly(*item_ids: str) -> Effect:
    return lambda ids: ids == list(item_ids)


#: Before: "dress" → dress-red-acme (10), dress-blue-acme (15), dress-black-acme (20), dress-red-orion (25).
EFFECTS: tuple[tuple[tuple[str, ...], Effect], ...] = (
    (("cheaper",), exactly("dress-red-acme", "dress-blue-acme")),
    (("更便宜一点",), exactly("dress-red-acme", "dress-blue-acme")),
    (("much cheaper",), exactly("dress-red-acme", "dress-blue-acme", "dress-black-acme", "dress-red-orion")),
    (("cheaper than the third one",), exactly("dress-red-acme", "dress-blue-acme")),
    (("比第三个便宜",), exactly("dress-red-acme", "dress-blue-acme")),
    (("more expensive",), exactly("dress-black-acme", "dress-red-orion", "dress-blue-orion", "dress-black-orion")),
    (("贵一点的",), exactly("dress-black-acme", "dress-red-orion", "dress-blue-orion", "dress-black-orion")),
    (("the most expensive",), first("dress-black-zola")),
    (("最贵的",), first("dress-black-zola")),
    (("under 16",), exactly("dress-red-acme", "dress-blue-acme")),
    (("16元以下",), exactly("dress-red-acme", "dress-blue-acme")),
    (("under 16", "under 30"), exactly("dress-red-acme", "dress-blue-acme", "dress-black-acme", "dress-red-orion")),
    (("over 20", "under 26"), exactly("dress-black-acme", "dress-red-orion")),
    (("under 16", "remove the price limit"), first("dress-red-acme")),
    (("under 16", "价格不限"), lambda ids: len(ids) == 4),
    (("cheaper", "any price"), lambda ids: len(ids) == 4),
    (("not that brand",), only("dress", without="acme")),
    (("不要这个牌子",), only("dress", without="acme")),
    (("换个牌子",), only("dress", without="acme")),
    (("not the brand of the fourth one",), only("dress", without="orion")),
    (("不要第四个的牌子",), only("dress", without="orion")),
    (("not Acme",), DRESSES),
    (("not that brand", "any brand"), first("acme")),
    (("in blue",), only("dress", "blue")),
    (("要蓝色的",), only("dress", "blue")),
    (("in blue", "make it black"), only("dress", "black")),
    (("要蓝色的", "换成黑色"), only("dress", "black")),
    (("in blue", "in another colour"), only("dress", without="blue")),
    (("要蓝色的", "换个颜色"), only("dress", without="blue")),
    (("in blue", "any colour"), first("dress-red-acme")),
    (("in blue", "颜色不限"), first("dress-red-acme")),
    (("in blue", "not blue"), only("dress", without="blue")),
    (("the second one",), exactly("dress-blue-acme")),
    (("第二个",), exactly("dress-blue-acme")),
    (("the last one",), exactly("dress-red-orion")),
    (("前两个",), exactly("dress-red-acme", "dress-blue-acme")),
    (("the second one in black",), first("dress-black")),
    (("第二个要黑色的",), only("dress", "black")),
    (("the second one", "in black"), only("dress", "black")),
    (("the fourth but cheaper",), only("dress")),
    (("第四个便宜一点的",), only("dress")),
    (("the second one in another colour",), only("dress", without="blue")),
    (("more like the second",), first("dress-blue")),
    (("和第二个差不多的",), first("dress-blue")),
    (("more like the second",), only("-", without="dress-blue-acme")),
    (("not the first",), first("dress-blue-acme")),
    (("不要第一个",), first("dress-blue-acme")),
    (("not the first and the second",), first("dress-black-acme")),
    (("show more",), exactly("dress-blue-orion", "dress-black-orion", "dress-red-zola", "dress-blue-zola")),
    (("还有吗",), exactly("dress-blue-orion", "dress-black-orion", "dress-red-zola", "dress-blue-zola")),
    (("more", "more"), exactly("dress-black-zola")),
    (("more", "more", "more"), exactly()),
    (("more", "the first one"), exactly("dress-blue-orion")),
    (("none of these",), exactly("dress-blue-orion", "dress-black-orion", "dress-red-zola", "dress-blue-zola")),
    (("换一批",), exactly("dress-blue-orion", "dress-black-orion", "dress-red-zola", "dress-blue-zola")),
    (("in blue", "back"), first("dress-red-acme")),
    (("要蓝色的", "返回"), first("dress-red-acme")),
    (("in blue", "cheaper", "back"), only("dress", "blue")),
    (("in blue", "under 16", "back", "back"), first("dress-red-acme")),
    (("shoes",), only("shoes")),
    (("鞋子",), only("shoes")),
    (("in blue", "shoes"), first("shoes-red-acme")),
    (("in blue", "blue shoes", "cheaper"), only("shoes", "blue")),
    (("in blue", "red dress"), only("dress", "red")),
    (("start over",), lambda ids: len(ids) == 4),
    (("重新开始，我要红色鞋子",), only("shoes", "red")),
    (("start over: blue shoes",), only("shoes", "blue")),
)


def shown(reply: Reply) -> list[str]:
    return [hit.item_id for hit in reply.found.items]


def say(talk: Interaction, *texts: str, n: int = 4) -> Reply:
    """One conversation; the last reply."""
    session, reply = None, None
    for text in texts:
        reply = talk.turn(Turn(session_id=session, text=text, n=n))
        session = reply.session_id
    assert reply is not None
    return reply


def test_the_table_of_effects_is_large_enough() -> None:
    assert len(EFFECTS) >= 60


@pytest.mark.parametrize("case", EFFECTS, ids=[" – ".join(said) for said, _ in EFFECTS])
def test_effect(case: tuple[tuple[str, ...], Effect]) -> None:
    said, effect = case
    reply = say(Shop().talk(), "dress", *said)
    assert effect(shown(reply)), (shown(reply), reply.said)


def test_what_holds_is_told_and_can_be_taken_away() -> None:
    talk = Shop().talk()
    reply = say(talk, "red dress", "cheaper", "not that brand")
    held = {one.id: one for one in reply.understood}
    assert set(held) == {"colour=Red", "category=Dresses", "price<25", "brand!=acme"}
    assert held["price<25"].label == "under 25"
    assert shown(reply) == []
    reply = talk.turn(Turn(session_id=reply.session_id, drop=("price<25",)))
    assert shown(reply) == ["dress-red-orion", "dress-red-zola"]
    reply = talk.turn(Turn(session_id=reply.session_id, drop=("colour=Red", "brand!=acme")))
    assert {one.id for one in reply.understood} == {"category=Dresses"}
    assert len(shown(reply)) == 9
    reply = talk.turn(Turn(session_id=reply.session_id, drop=("no such",)))
    assert len(shown(reply)) == 9


def test_a_filter_holds_until_something_else_is_wanted() -> None:
    talk = Shop().talk()
    sent = parse_filter({"field": "brand", "eq": "Zola"})
    reply = talk.turn(Turn(text="dress", filter=sent))
    assert all("zola" in one for one in shown(reply))
    reply = talk.turn(Turn(session_id=reply.session_id, text="in blue", filter=sent))
    assert shown(reply) == ["dress-blue-zola"]
    assert len([one for one in reply.understood if one.field == "brand"]) == 1
    reply = talk.turn(Turn(session_id=reply.session_id, text="any brand"))
    assert len(shown(reply)) == 3
    reply = talk.turn(Turn(session_id=reply.session_id, text="shoes"))
    assert {one.id for one in reply.understood} == {"category=Shoes"}


def test_nothing_cheaper_says_so_and_shows_the_cheapest() -> None:
    reply = say(Shop().talk(), "dress under 10", "cheaper")
    assert shown(reply) == ["dress-red-acme"]
    assert reply.said == "Nothing cheaper was found; the cheapest come first."
    reply = say(Shop().talk(), "10元以下 连衣裙", "太贵了")
    assert reply.said == "没有更便宜的了，已按价格从低到高排列。"


def test_no_product_like_this_one_in_that_colour_gives_what_comes_close() -> None:
    reply = say(Shop().talk(), "dress under 14", "the first one in black")
    assert reply.said.startswith("Nothing fits exactly")
    assert all("dress" in one for one in shown(reply))


def test_steps_back_end_at_the_first_search() -> None:
    reply = say(Shop().talk(), "dress", "in blue", "back", "back", "back")
    assert shown(reply)[0] == "dress-red-acme"
    assert reply.said == "There is nothing to go back to."


def test_a_turn_that_changes_nothing_is_no_step() -> None:
    reply = say(Shop().talk(), "dress", "in blue", "ok", "thanks", "back")
    assert shown(reply)[0] == "dress-red-acme"


def test_places_that_were_not_shown_are_asked_about() -> None:
    reply = say(Shop().talk(), "dress", "the ninth one in blue")
    assert reply.said == "Only 4 products were shown; which one do you mean?"
    assert reply.question is not None
    assert reply.question.options[0].text == "#1"
    assert shown(reply)[0] == "dress-red-acme"
    reply = say(Shop().talk(), "dress", "the first one", "the ninth one")
    assert reply.said == "Only 1 product was shown; which one do you mean?"
    reply = say(Shop().talk(), "连衣裙", "这个便宜一点的")
    assert reply.question is not None
    assert reply.question.text == "您说的是哪一件？"


def test_what_was_referred_to_can_be_pointed_at() -> None:
    reply = say(Shop().talk(), "dress", "the second one", "back", "more like the second", "this one in black")
    assert reply.about == ("dress-blue-acme",)
    assert all("dress-black" in one for one in shown(reply))


def test_that_brand_is_asked_for_where_nothing_tells_which() -> None:
    talk = Shop().talk()
    reply = talk.turn(Turn(text="red dress"))
    reply = talk.turn(Turn(session_id=reply.session_id, text="not that brand"))
    assert reply.question is not None
    assert [one.text for one in reply.question.options] == ["not Acme", "not Orion", "not Zola"]
    reply = talk.turn(Turn(session_id=reply.session_id, filter=reply.question.options[1].filter))
    assert shown(reply) == ["dress-red-acme", "dress-red-zola"]


def test_answers_are_in_the_language_of_the_shopper() -> None:
    talk = Shop().talk()
    reply = talk.turn(Turn(text="红色连衣裙"))
    assert (reply.language, reply.found.language) == ("zh", "zh")
    assert reply.said == "为您找到3件商品：“红色连衣裙”。"
    reply = talk.turn(Turn(session_id=reply.session_id, text="#1"))
    assert reply.language == "zh"  # digits tell no language
    reply = talk.turn(Turn(session_id=reply.session_id, text="cheaper"))
    assert reply.language == "en"
    reply = talk.turn(Turn(session_id=reply.session_id, text="cheaper", language="zh"))
    assert reply.language == "zh"
    assert Shop().talk(language="zh").turn(Turn()).language == "zh"


def test_without_an_understanding_words_add_up() -> None:
    reply = say(Shop().talk(understand=None), "dress", "blue")
    assert shown(reply) == ["dress-blue-acme", "dress-blue-orion", "dress-blue-zola"]


def test_a_reset_forgets_everything() -> None:
    talk = Shop().talk()
    reply = say(talk, "red dress", "cheaper")
    reply = talk.turn(Turn(session_id=reply.session_id, reset=True))
    assert reply.understood == ()
    reply = talk.turn(Turn(session_id=reply.session_id, text="back"))
    assert reply.said == "There is nothing to go back to."


def test_who_asks_goes_through_to_the_search() -> None:
    shop = Shop()
    reply = shop.talk().turn(Turn(text="dress", user_id="u1", session_id="s1", n=3))
    assert (reply.session_id, reply.turn) == ("s1", 1)
    asked = shop.search.asked[-1]
    assert (asked.user_id, asked.session_id, asked.n) == ("u1", "s1", 3)


def test_turns_at_once_in_many_conversations() -> None:
    shop = Shop()
    talk = shop.talk()
    wrong: list[object] = []

    def converse(number: int) -> None:
        colour = ("red", "blue", "black")[number % 3]
        session = f"s{number}"
        try:
            for text in ("dress", f"in {colour}", "cheaper", "back", "the first one"):
                reply = talk.turn(Turn(session_id=session, text=text))
            if not all(colour in one for one in shown(reply)):
                wrong.append(shown(reply))
        except Exception as error:  # told to the test below
            wrong.append(error)

    threads = [threading.Thread(target=converse, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert len(talk.sessions) == 12


@given(
    st.lists(st.sampled_from([*(text for said, _ in EFFECTS for text in said), "…", "\x00", "第", "the"]), max_size=12)
)
@settings(max_examples=60, deadline=None)
def test_any_order_of_turns_is_answered(texts: list[str]) -> None:
    talk = Shop().talk()
    session = None
    for text in texts:
        reply = talk.turn(Turn(session_id=session, text=text, n=3))
        session = reply.session_id
        assert reply.said
        assert len(reply.found.items) <= 3


@pytest.mark.parametrize(
    ("given_", "message"),
    [
        ({"text": "a" * (MAX_TEXT + 1)}, "at most 1000"),
        ({"n": 0}, "not between"),
        ({"session_id": ""}, "1 to 200"),
        ({"drop": ("x",) * 101}, "at most 100"),
        ({"videos": ("v",) * 3}, "at most 2"),
    ],
)
def test_a_turn_has_limits(given_: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Turn(**given_)  # type: ignore[arg-type]
