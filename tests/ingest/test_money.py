from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shoplens.ingest.money import CURRENCIES, Money, currency_code, parse_money
from shoplens.ingest.units import normalise_measure


@pytest.mark.parametrize(
    ("text", "amount", "currency"),
    [
        ("29.99 USD", "29.99", "USD"),
        ("USD 29.99", "29.99", "USD"),
        ("29.99usd", "29.99", "USD"),
        ("$29.99", "29.99", "USD"),
        ("US$ 1,299.00", "1299.00", "USD"),
        ("29,99 €", "29.99", "EUR"),
        ("€ 1.299,00", "1299.00", "EUR"),
        ("1.299.000,50 EUR", "1299000.50", "EUR"),
        ("1 299,00 zł", "1299.00", "PLN"),
        ("1\u00a0299,00\u00a0€", "1299.00", "EUR"),
        ("CHF 1'299.50", "1299.50", "CHF"),
        ("CHF 29.-", "29.00", "CHF"),
        ("£5", "5.00", "GBP"),
        ("¥199", "199.00", "CNY"),
        ("￥199.00", "199.00", "CNY"),
        ("１９９元", "199.00", "CNY"),
        ("RMB 1,299", "1299.00", "CNY"),
        ("人民币 88", "88.00", "CNY"),
        ("¥199元", "199.00", "CNY"),
        ("1.2万元", "12000.00", "CNY"),
        ("HK$ 20", "20.00", "HKD"),
        ("₹12,99,000.00", "1299000.00", "INR"),
        ("1,299", "1299.00", None),
        ("1.299", "1.299", None),
        ("0,999", "0.999", None),
        ("12,5", "12.50", None),
        (".5", "0.50", None),
        ("1e3", "1000.00", None),
        ("-5.00 USD", "-5.00", "USD"),
        ("−5", "-5.00", None),
        ("(5.00)", "-5.00", None),
        ("$-5.00", "-5.00", "USD"),
        ("0", "0.00", None),
    ],
)
def test_prices_as_people_write_them(text: str, amount: str, currency: str | None) -> None:
    assert parse_money(text) == Money(Decimal(amount), currency)


@pytest.mark.parametrize(
    "text",
    [
     "", "free", "面议", "19.99 - 29.99", "2 for 5.00", "1,2,3", "1.2.3,4,5", "12,34.56,7", "29.99 apples", "nan",
     "inf",
     "99999999999999999", "1-2", "EUR", "10 EUR USD", "1,23,4", "5 USD EUR 6"],
)  # fmt: skip
def test_what_is_no_price(text: str) -> None:
    assert parse_money(text) is None


def test_the_feeds_own_currency_decides_what_a_shared_sign_means() -> None:
    assert parse_money("$5", "CAD") == Money(Decimal("5.00"), "CAD")
    assert parse_money("¥500", "JPY") == Money(Decimal("500.00"), "JPY")
    assert parse_money("kr 50", "SEK") == Money(Decimal("50.00"), "SEK")
    assert parse_money("€5", "CAD") == Money(Decimal("5.00"), "EUR")
    assert parse_money("5", "CAD") == Money(Decimal("5.00"), "CAD")


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("usd", "USD"),
        (" Eur ", "EUR"),
        ("RMB", "CNY"),
        ("￥", "CNY"),
        ("元", "CNY"),
        ("£", "GBP"),
        ("XXX", None),
        ("", None),
    ],
)
def test_currency_codes(text: str, code: str | None) -> None:
    assert currency_code(text) == code


AMOUNTS = st.decimals(min_value=0, max_value=Decimal("99999999.99"), places=2, allow_nan=False, allow_infinity=False)


@given(AMOUNTS, st.sampled_from(sorted(CURRENCIES)), st.booleans(), st.booleans())
def test_plain_prices_are_read_as_written(amount: Decimal, code: str, first: bool, negative: bool) -> None:
    number = f"{'-' if negative else ''}{amount:.2f}"
    money = parse_money(f"{code} {number}" if first else f"{number} {code}")
    assert money == Money(Decimal(number), code)


@given(AMOUNTS)
def test_grouped_prices_mean_the_same_in_every_country(amount: Decimal) -> None:
    english = f"{amount:,.2f}"
    german = english.translate(str.maketrans(",.", ".,"))
    french = english.replace(",", "\u202f").replace(".", ",")
    swiss = english.replace(",", "’")
    assert {parse_money(text) for text in (english, german, french, swiss)} == {Money(amount, None)}


@given(st.text(max_size=20))
def test_anything_else_never_fails(text: str) -> None:
    money = parse_money(text)
    assert money is None or (money.amount.is_finite() and (money.currency is None or money.currency in CURRENCIES))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("500ml", "500 ml"), ("500 ML", "500 ml"), ("0.5 L", "500 ml"), ("0,5l", "500 ml"), ("500毫升", "500 ml"),
        ("50cl", "500 ml"), ("1500 ml", "1.5 l"), ("1,000 g", "1 kg"), ("250克", "250 g"), ("2斤", "1 kg"),
        ("0.5 mg", "0.5 mg"),
        ("0.25kg", "250 g"), ("120cm", "120 cm"), ("1.2 m", "120 cm"), ("25 m", "25 m"), ("8mm", "8 mm"),
        ("80毫米", "8 cm"),
        ("12 OZ", "12 oz"), ("16 fl. oz.", "16 fl oz"), ("2 lbs", "2 lb"), ('27"', "27 in"),
        ("256gb", "256 GB"), ("５００ｍｌ", "500 ml"),
        ("5G", "5G"), ("42", "42"), ("M", "M"), ("XL", "XL"), ("4 x 100 g", "4 x 100 g"), ("10 apples", "10 apples"),
        ("100% wool", "100% wool"), ("500ml bottle", "500ml bottle"), ("", ""),
    ],
)  # fmt: skip
def test_measures_have_one_spelling(text: str, expected: str) -> None:
    assert normalise_measure(text) == expected


def test_sizes_of_clothes_are_no_litres() -> None:
    assert normalise_measure("3L") == "3 l"
    assert normalise_measure("3L", size=True) == "3L"
    assert normalise_measure("500 ml", size=True) == "500 ml"


@given(
    st.decimals(min_value=Decimal("0.01"), max_value=10**6, places=2),
    st.sampled_from(["ml", "L", "g", "kg", "cm", "m", "oz", "斤"]),
)
def test_a_measure_that_was_normalised_stays(amount: Decimal, unit: str) -> None:
    once = normalise_measure(f"{amount}{unit}")
    assert normalise_measure(once) == once
