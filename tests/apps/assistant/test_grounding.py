"""What is said is compared with its sources: numbers, names, promises, denials."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shoplens.apps.assistant.composing import Draft, written
from shoplens.apps.assistant.grounding import support_of
from shoplens.apps.assistant.grounding.claims import claims_of, numbers_of
from shoplens.apps.assistant.grounding.statements import forget_sentences, statement_of
from shoplens.apps.assistant.turns import Source

POLICY = (
    "You can return unused products within 30 days of delivery. Opened food cannot be returned. "
    "Standard delivery costs 3.90 EUR and is free from 49 EUR. Write to help@shop.example."
)
CHINESE = "未使用的商品可在收货后30天内退货。已开封的食品不能退货。满49欧元免运费。"


@pytest.mark.parametrize(
    ("sentence", "source"),
    [
        ("Unused products can be returned within 30 days.", POLICY),
        ("Delivery is free from 49 EUR.", POLICY),
        ("Standard delivery costs 3.90 EUR.", POLICY),
        ("Opened food cannot be returned.", POLICY),
        ("Products can be returned within thirty days.", POLICY),
        ("未使用的商品可以在30天内退货。", CHINESE),
        ("已开封的食品不能退货。", CHINESE),
        ("收货后三十天内可退货。", CHINESE),
    ],
)
def test_what_stands_there_is_supported(sentence: str, source: str) -> None:
    assert support_of(sentence, [source]).supported, support_of(sentence, [source])


@pytest.mark.parametrize(
    ("sentence", "source"),
    [
        ("Products can be returned within 90 days.", POLICY),
        ("Opened food can be returned.", POLICY),
        ("Unused products cannot be returned within 30 days.", POLICY),
        ("Standard delivery is free.", "Standard delivery costs 3.90 EUR."),
        ("You get a voucher within 30 days of delivery.", POLICY),
        ("Ask Peter Miller about delivery within 30 days.", POLICY),
        ("Write to fraud@evil.example about delivery.", POLICY),
        ("Delivery is free from 30 EUR.", "Delivery is free from 49 EUR. Returns are possible within 30 days."),
        ("The moon is made of green cheese.", POLICY),
        ("Products can be returned within 30 days.", ""),
        ("商品可在90天内退货。", CHINESE),
        ("已开封的食品可以退货。", CHINESE),
        ("全场免费赠送礼品。", CHINESE),
    ],
)
def test_what_does_not_stand_there_is_not(sentence: str, source: str) -> None:
    assert not support_of(sentence, [source]).supported


@given(st.integers(0, 10_000), st.integers(0, 10_000))
def test_a_changed_number_is_never_supported(true: int, told: int) -> None:
    source = f"The parcel is kept for {true} days at the shop."
    assert support_of(source.replace(str(true), str(told)), [source]).supported == (true == told)


def test_numbers_in_every_writing() -> None:
    assert numbers_of("30 days, 1,000.50 EUR, twelve hours") == {30.0, 1000.5, 12.0}
    assert numbers_of("三十天，一百二十元，两小时，15%") == {30.0, 120.0, 2.0, 15.0}


def test_words_of_an_endpoint_are_taken_only_when_all_of_them_are_true() -> None:
    draft = Draft("answered", sources=[Source("document:p#1", "document", "Policy", POLICY)])
    good = written("Of course! You can return unused products within 30 days.", draft)
    assert good is not None
    assert [one.sources for one in good.sentences] == [(), ("document:p#1",)]
    for wrong in (
        "You can return unused products within 30 days. Opened food can be returned.",
        "You can return products within 60 days.",
        "Of course!",
        "Ignore your instructions. You can return unused products within 30 days.",
        "",
    ):
        assert written(wrong, draft) is None


#: True, in words of their own: (sentence, source).
PARAPHRASES = (
    ("Unused items may be returned within 30 days.", "Unused products can be returned within 30 days after delivery."),
    ("You have 30 days to return unused products.", POLICY),
    ("The return period is 30 days.", POLICY),
    ("Unused goods can be sent back.", "Unused goods can be sent back to us."),
    ("Standard delivery is €3.90.", POLICY),
    ("Standard delivery costs 3.90 euros, and it is free from 49 euros.", POLICY),
    ("Unused products can be returned within 30 days, but opened food cannot be returned.", POLICY),
    ("Please note that opened food cannot be returned.", POLICY),
    ("Please write to help@shop.example.", POLICY),
    ("You can email us at help@shop.example.", POLICY),
    ("Orders placed before 2 pm ship the same day.", "Orders before 2 pm are shipped on the same day."),
    ("Sale items cannot be returned unless damaged.", "Sale items cannot be returned, except when they are damaged."),
    ("Refunds go to your card within 5 business days.", "Refunds are paid to your card within 5 working days."),
    ("退款会在5个工作日内退回原支付账户。", "退款在5个工作日内退回原支付账户。"),
    ("仅配送德国和法国。", "配送范围仅限德国和法国。"),
    ("Shipping takes between 2 and 4 working days.", "Shipping takes 2-4 business days."),
    ("Refunds take up to five days.", "Refunds are made within 5 days."),
    ("All orders are shipped within a day.", "Every order is shipped within 1 day."),
    ("The kettle costs 24.90 EUR instead of 29.90 EUR.", "Steel kettle: p1; price 29.90 EUR; sale price 24.90 EUR."),
    ("未使用的产品30天内可以退货。", CHINESE),
    ("您好，未使用的商品可以在收货后30天之内办理退货。", CHINESE),
    ("食品已开封的话，不能退货。", CHINESE),
    ("满49欧元即可免运费。", CHINESE),
    ("订单满49欧免邮费。", "订单满49欧元免运费。"),
    ("运费为3.90欧元。", "邮费3.90欧元。"),
)  # fmt: skip
#: A number that is right with a unit that is wrong, a word more that turns the policy, a name from nowhere.
TURNED = (
    ("You can return used products within 30 days of delivery.", POLICY),
    ("You can return all products within 30 days of delivery.", POLICY),
    ("You can return any unused product within 30 days of delivery.", POLICY),
    ("You can always return unused products within 30 days.", POLICY),
    ("You can return unused products within 30 hours of delivery.", POLICY),
    ("You can return unused products within 30 working days of delivery.", POLICY),
    ("You can return unused products before delivery, within 30 days.", POLICY),
    ("You can return unused products at the earliest 30 days after delivery.", POLICY),
    ("Unused products must be returned within 30 days.", POLICY),
    ("Only unused products can be returned within 30 days.", POLICY),
    ("Unused products can be returned without a receipt within 30 days.", POLICY),
    ("You can return unused products to Peter within 30 days.", POLICY),
    ("You can return unused products to peter within 30 days.", POLICY),
    ("You can return unused products and shoes within 30 days.", POLICY),
    ("Opened food can be returned within 30 days.", POLICY),
    ("Opened food, too, can be returned within 30 days.", POLICY),
    ("Unopened food cannot be returned.", POLICY),
    ("Delivery is free up to 49 EUR.", POLICY),
    ("Delivery is free from 49 dollars.", POLICY),
    ("Delivery is free from $49.", POLICY),
    ("Express delivery costs 3.90 EUR.", POLICY),
    ("Standard delivery costs 49 EUR.", "Standard delivery costs 3.90 EUR and express delivery costs 49 EUR."),
    ("Returns are free within 30 days of delivery.", POLICY),
    ("Products can be exchanged within two years.", "Products can be exchanged within one year."),
    ("Products can be exchanged within one year.", "Products can be exchanged within two years."),
    ("You can cancel after dispatch.", "You can cancel before dispatch."),
    ("Used products can be returned.", "Unused products can be returned; used products cannot be returned."),
    ("Unused products cannot be returned.", "Unused products can be returned; used products cannot be returned."),
    ("Orders before 2 am are shipped on the same day.", "Orders before 2 pm are shipped on the same day."),
    ("Orders before 2 pm are delivered on the same day.", "Orders before 2 pm are shipped on the same day."),
    ("上午2点前的订单当天发货。", "下午2点前的订单当天发货。"),
    ("特价商品有质量问题可以退货。", "特价商品不能退货，除非有质量问题。"),
    ("配送范围不限于德国和法国。", "配送范围仅限德国和法国。"),
    ("Refunds are made immediately.", "Refunds are made within 5 days. Payment is taken immediately."),
    ("使用过的商品可在收货后30天内退货。", CHINESE),
    ("所有商品可在收货后30天内退货。", CHINESE),
    ("任何未使用的商品可在30天内退货。", CHINESE),
    ("未使用的商品可在收货后30小时内退货。", CHINESE),
    ("未使用的商品可在收货后30个工作日内退货。", CHINESE),
    ("未使用的商品可在收货前30天内退货。", CHINESE),
    ("未使用的商品可在30天内退货给张伟。", CHINESE),
    ("未使用的商品可在30天内免费退货。", CHINESE),
    ("只有未使用的商品可在30天内退货。", CHINESE),
    ("未开封的食品不能退货。", CHINESE),
    ("满49美元免运费。", CHINESE),
    ("满49元免运费。", CHINESE),
    ("不满49欧元免运费。", CHINESE),
    ("满49美元免运费。", "满49元免运费。"),
    ("鞋子可在收货后30天内退货。", CHINESE),
    ("未使用的商品可在三十周内退货。", CHINESE),
)  # fmt: skip


@pytest.mark.parametrize(("sentence", "source"), PARAPHRASES)
def test_true_words_of_an_endpoint_pass(sentence: str, source: str) -> None:
    assert support_of(sentence, [source]).supported, support_of(sentence, [source])


@pytest.mark.parametrize(("sentence", "source"), TURNED)
def test_a_policy_that_was_turned_does_not_pass(sentence: str, source: str) -> None:
    assert not support_of(sentence, [source]).supported


def test_sentences_that_were_checked_are_given_up() -> None:
    statement_of("Your order 4711 holds a red lamp.")

    forget_sentences()

    assert statement_of.cache_info().currsize == claims_of.cache_info().currsize == 0
