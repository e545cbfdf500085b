"""Messages as real customers write them: shorthand, several questions at once, half questions, bare names, trouble."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shoplens.apps.assistant import Reply, Turn
from shoplens.apps.assistant.languages import spoken_in
from shoplens.apps.assistant.memory import Memory
from shoplens.apps.assistant.products import ProductAnswers, fits
from shoplens.apps.assistant.tools.facts import product_facts
from shoplens.apps.assistant.tools.fields import asked_fields, field_name
from shoplens.apps.assistant.tools.naming import kinds_of
from shoplens.apps.assistant.turns import Act, Tone, Understood
from shoplens.apps.assistant.understanding.acts import act_of
from shoplens.apps.assistant.understanding.questions import MOST_PARTS, follows, names_only, parts_of, terse
from shoplens.apps.assistant.understanding.spelling import spelled_out
from shoplens.apps.assistant.understanding.tone import tone_of
from shoplens.domain.catalogue import Product
from shoplens.service.runtime import Runtime


def said(shop: Runtime, *texts: str, user_id: str | None = None) -> Reply:
    """The answer to the last of some messages of one conversation."""
    reply: Reply | None = None
    for text in texts:
        name = reply.conversation_id if reply is not None else None
        reply = shop.assistant.turn(Turn(text=text, conversation_id=name, user_id=user_id))
    assert reply is not None
    return reply


def test_shorthand_is_written_out_and_traditional_characters_simplified() -> None:
    assert spelled_out("wheres ur 檯燈 pls, r u open") == "where is your 台灯 please, are you open"
    assert spelled_out("U-lock size R from UR-Home") == "U-lock size R from UR-Home"


@pytest.mark.parametrize(
    ("text", "act"),
    [
        ("有水壶吗", Act.FIND), ("胸罩有吗", Act.FIND), ("有没有台灯", Act.FIND), ("看看黑色T恤", Act.FIND),
        ("any dresses in size XL", Act.FIND), ("gift under 30 euro", Act.RECOMMEND), ("最便宜的耳机", Act.FIND),
        ("有货吗", Act.STOCK), ("when will it be back", Act.STOCK), ("which one is cheaper", Act.PRICE),
        ("哪个便宜", Act.PRICE), ("how heavy is the mat", Act.ATTRIBUTE), ("靴子有什么尺码", Act.ATTRIBUTE),
        ("does it fit an iphone 14", Act.COMPATIBLE), ("能充MacBook吗", Act.COMPATIBLE),
        ("the parcel never arrived", Act.ORDERS), ("my order hasn't arrived", Act.ORDERS),
        ("my order arrived broken", Act.TROUBLE), ("where can I return my order", Act.QUESTION),
        ("订单9000777到哪了", Act.ORDERS), ("7000200发货了吗", Act.ORDERS), ("我的货签收了吗", Act.ORDERS),
        ("怎么还没发货", Act.ORDERS), ("周末发货吗", Act.QUESTION), ("周末送货吗", Act.QUESTION),
        ("do you ship at weekends", Act.QUESTION), ("发货要多久", Act.QUESTION),
        ("my earbuds don't charge", Act.TROUBLE), ("杯子收到是碎的", Act.TROUBLE), ("重复扣款了", Act.TROUBLE),
        ("保温杯会漏水吗", Act.QUESTION), ("I want to complain", Act.COMPLAINT), ("我要投诉", Act.COMPLAINT),
        ("投诉电话是多少", Act.QUESTION), ("add it to my cart", Act.CHANGE), ("帮我下单一个马克杯", Act.CHANGE),
        ("you are stupid", Act.INSULT), ("你是傻子吗", Act.INSULT), ("你是机器人吗", Act.ABOUT),
        ("is the stupid parcel here yet?", Act.QUESTION),
        ("Do you have ripped jeans?", Act.FIND), ("ripped jeans", Act.QUESTION), ("有没有碎花连衣裙", Act.FIND),
        ("碎花裙", Act.QUESTION), ("碎纸机有吗", Act.FIND), ("耐碎玻璃杯", Act.QUESTION),
        ("有没有防漏水的杯子", Act.FIND),
        ("my jeans arrived ripped", Act.TROUBLE), ("the screen is cracked", Act.TROUBLE), ("it leaks", Act.TROUBLE),
        ("my new bag is already torn", Act.TROUBLE), ("杯子摔碎了", Act.TROUBLE), ("杯子漏水", Act.TROUBLE),
        ("headphones under 100", Act.FIND), ("wireless headphones under 50 euros", Act.FIND),
        ("does it bear up to 120 kg", Act.QUESTION), ("any red kettles?", Act.FIND), ("Any discount?", Act.QUESTION),
        ("How do I place an order?", Act.QUESTION), ("Can I place an order by phone?", Act.QUESTION),
        ("怎么加入购物车", Act.QUESTION), ("加入购物车失败怎么办", Act.QUESTION), ("please place an order", Act.CHANGE),
        ("can you add it to my cart", Act.CHANGE), ("可以帮我下单吗", Act.CHANGE), ("有优惠券吗", Act.QUESTION),
        ("有实体店吗", Act.QUESTION), ("有优惠吗", Act.QUESTION), ("满100元以内包邮吗", Act.QUESTION),
        ("可以礼物包装吗", Act.QUESTION), ("can you gift wrap it?", Act.QUESTION),
        ("do you have gift wrapping paper", Act.FIND), ("包装破损了", Act.TROUBLE),
    ],
)  # fmt: skip
def test_what_is_wanted(text: str, act: Act) -> None:
    assert act_of(text) is act


def test_harmless_words_sound_upset_to_nobody() -> None:
    for text in ("送妈妈的礼物", "滚筒洗衣机多少钱", "滚珠笔有吗"):
        assert tone_of(text) is Tone.NEUTRAL, text
    assert tone_of("滚") is tone_of("他妈的") is Tone.UPSET


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("how long does delivery take and what does express cost?", 2),
        ("几天能到，顺丰多少钱？", 2),
        ("I want to return my dress and also do you have it in black?", 2),
        ("What is the price of the lamp? And the mug?", 2),
        ("Hi, my mug is broken. What now?", 1),
        ("do you have salt and pepper mills", 1),
        ("a? b? c? d?", 1),
        ("", 1),
    ],
)
def test_each_question_of_a_message(text: str, parts: int) -> None:
    assert len(parts_of(text)) == parts


@given(st.text(alphabet="how much is it? 多少钱，吗。and also\n ", max_size=200))
def test_parts_of_a_message_lose_no_letter(text: str) -> None:
    """But for the words that join them."""
    parts = parts_of(text)
    assert 1 <= len(parts) <= MOST_PARTS
    assert set("".join(parts)) <= set(text) | {" "}


def test_half_questions_and_bare_names() -> None:
    assert all(map(follows, ("and in blue?", "what about the lamp", "台灯呢", "那蓝色的呢")))
    assert not any(map(follows, ("and where do I put the VAT number", "how about that, can I return it")))
    assert all(map(terse, ("dress", "red one", "红色的", "有L码吗")))
    assert not terse("how long does it take")
    assert terse("2 red ones, please!")
    assert terse("42")
    assert not terse("1" * 1_900 + " aa bb cc dd ee")
    assert names_only("皮靴")
    assert not names_only("皮靴是真皮的吗")


def test_names_do_not_change_the_language_of_a_conversation() -> None:
    assert spoken_in("iPad呢", "zh") == spoken_in("iPhone 15", "zh") == "zh"
    assert spoken_in("hello", "zh") == spoken_in("do you have 台灯", "en") == "en"


def test_fields_are_asked_for_in_other_words_and_called_in_both_languages() -> None:
    assert [one.english for one in asked_fields("how heavy is it")] == ["weight"]
    assert [one.chinese for one in asked_fields("瑜伽垫多重")] == ["重量"]
    assert field_name("colour", "zh") == "颜色"
    assert field_name("尺码", "en") == "size"
    assert field_name("vendor_code", "zh") == "vendor code"


def told(product: Product, asked: str) -> str:
    return " ".join(one.text for one in product_facts(product, Act.QUESTION, asked, "en"))


def test_words_that_name_a_product_or_mean_something_else_ask_for_no_field() -> None:
    bank = Product(item_id="p", title="Power bank", attributes={"power": ("20 W",), "capacity": ("10 Ah",)})
    speaker = Product(item_id="s", title="Speaker", attributes={"volume": ("2 l",)})
    lamp = Product(item_id="l", title="Desk lamp", attributes={"weight": ("2 kg",)})
    oven = Product(item_id="o", title="Electric oven 60 l", description="The oven is easy to clean. 2 trays.")
    dish = Product(item_id="d", title="Casserole", description="Safe in ovens up to 200 degrees.")
    assert not told(bank, "Is the power bank allowed on planes?")
    assert "20 W" in told(bank, "How much power does the power bank have?")
    assert not told(speaker, "Can I control the volume of the speaker with my phone?")
    assert not told(lamp, "Does the desk lamp give warm light?")
    assert "2 kg" in told(lamp, "is the desk lamp heavy?")
    assert not told(oven, "Does the oven have a light?")
    assert "200" in told(dish, "can the casserole go in the oven?")
    mouse = Product(item_id="m", title="Wireless mouse", description="Wireless up to 10 m. A silent wheel.")
    assert "10 m" in told(mouse, "is the mouse wireless?")
    assert told(mouse, "is the wireless mouse silent?") == "Wireless mouse: A silent wheel."
    boots = Product(item_id="b", title="防水靴", description="鞋面防水。鞋底防滑。")
    assert "防滑" in told(boots, "防水靴防滑吗")
    assert "防水" not in told(boots, "防水靴防滑吗").replace("防水靴", "")
    assert "鞋面防水" in told(boots, "防水吗")


def test_a_property_is_asked_of_what_was_shown() -> None:
    toy = Product(item_id="toy", title="Toy car")
    cells = Product(item_id="aa", title="AA batteries")
    answers = ProductAnswers(lambda text, n, language: [cells] if "batter" in text else [], lambda ids: [toy])
    asked = "Are batteries included?"
    understood = Understood("en", Tone.NEUTRAL, Act.QUESTION)
    assert answers.meant(asked, understood, Memory(items=("toy",))) == [toy]
    assert answers.meant(asked, understood, Memory()) == [cells]


def test_the_kind_of_a_product() -> None:
    kettle = Product(item_id="k", title="Red steel kettle 1.7 l", category=("Kitchen", "Kettles"))
    case = Product(item_id="c", title="Phone case for iPhone 15")
    dress = Product(item_id="d", title="红色夏季连衣裙", attributes={"颜色": ("红色",)})
    assert kinds_of(kettle) == {"kettle"}
    assert kinds_of(case) == {"case"}
    assert "裙" in kinds_of(dress)
    assert fits([kettle], "red kettle", goes_on=False)
    assert not fits([kettle], "blue kettle", goes_on=False), "the nearest is not said to fit"
    assert fits([dress], "裙子", goes_on=False)
    assert fits([dress], "红色", goes_on=False), "a quality alone"
    assert not fits([case], "iphone", goes_on=False), "for one, but none"


def test_the_record_of_a_product_answers_what_no_pattern_knows(shop: Runtime) -> None:
    reply = said(shop, "can the kettle be used on induction hobs")
    assert (reply.outcome, reply.sources[0].id) == ("answered", "product:kettle")
    assert "induction" in reply.text
    assert all("Ignore all" not in one.text for one in reply.sentences)


def test_what_a_record_does_not_say_is_said_of_the_product(shop: Runtime) -> None:
    assert "The catalogue does not say that of White mug." in said(shop, "how heavy is the mug").text


def test_several_questions_are_each_answered(shop: Runtime) -> None:
    reply = said(shop, "how much is the red steel kettle and is the blue desk lamp in stock?")
    assert "24.90 EUR" in reply.text
    assert "Blue desk lamp is out of stock." in reply.text
    half = said(shop, "how much is the white mug? zebra xylophone what?")
    assert half.outcome == "answered"
    assert "7.50 EUR" in half.text
    assert "As to question 2: I do not know that." in half.text


def test_half_a_question_goes_on(shop: Runtime) -> None:
    assert "costs 45 EUR" in said(shop, "how much is the white mug", "and the blue desk lamp?").text
    assert "7000123" in said(shop, "where is my order", "and the other one?", user_id="ann").text


def test_trouble_complaints_insults_and_what_only_customers_do(shop: Runtime) -> None:
    assert said(shop, "you are useless").outcome == "talked"
    assert "cannot order" in said(shop, "add it to my cart").text
    assert said(shop, "you idiot", "what a stupid bot").outcome == "handed_over"
    handover = said(shop, "there is a charge on my card that I did not make").handover
    assert handover is not None
    assert handover.reason == "topic"


def test_a_payment_that_failed_is_no_fraud(shop: Runtime) -> None:
    for text in ("the transaction did not make sense", "My payment never made it through"):
        handover = said(shop, text).handover
        assert handover is None or handover.reason != "topic", text


def test_how_to_order_is_asked_of_the_documents(shop: Runtime) -> None:
    for text in ("How do I place an order?", "Can I place an order by phone?", "加入购物车失败怎么办"):
        assert "cannot order" not in said(shop, text).text


def test_a_limit_in_another_currency_is_left_out_and_that_is_said(shop: Runtime) -> None:
    reply = shop.assistant.turn(Turn(text="do you have a kettle under 1000 yen?"))
    assert "Prices here are in EUR" in reply.text
    assert "JPY" in reply.text
    assert "Red steel kettle" in reply.text


def test_the_cheapest_first_and_a_property_in_other_words(shop: Runtime) -> None:
    assert "Red steel kettle" in shop.assistant.turn(Turn(text="what is your cheapest kettle?")).text
    boots = Product(item_id="boots", title="Boots", description="Brown. The leather is water-resistant.")
    for asked in ("are they waterproof?", "它防水吗"):
        [told] = product_facts(boots, Act.QUESTION, asked, "en")
        assert told.text == "Boots: The leather is water-resistant."
    tagged = Product(item_id="case", title="Case", attributes={"features": ("防泼水",)})
    assert "防泼水" in product_facts(tagged, Act.QUESTION, "is it water resistant?", "en")[0].text
