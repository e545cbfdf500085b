"""Prices as shops write them: "29.99 USD", "1.299,00 €", "¥1,299", "１９９元"."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from decimal import Decimal

#: Active codes of ISO 4217.
_CODES = """
    AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF
    CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HTG
    HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA
    MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD
    RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX
    USD UYU UZS VED VES VND VUV WST XAF XCD XOF XPF YER ZAR ZMW ZWG
"""
CURRENCIES = frozenset(_CODES.split())
_WHOLE = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"
WITHOUT_CENTS = frozenset(_WHOLE.split())  # codes of currencies whose amounts are whole numbers

#: Other ways to write and to say a currency, after NFKC and in lower case.
_NAMES = {
    "rmb": "CNY", "cnh": "CNY", "元": "CNY", "圆": "CNY", "块": "CNY", "块钱": "CNY", "人民币": "CNY", "cn¥": "CNY",
    "元人民币": "CNY", "yuan": "CNY", "kuai": "CNY", "美金": "USD", "quid": "GBP", "pound": "GBP", "pounds": "GBP",
    "€": "EUR", "euro": "EUR", "euros": "EUR", "欧元": "EUR", "£": "GBP", "英镑": "GBP", "us$": "USD", "美元": "USD",
    "usd$": "USD", "hk$": "HKD", "港币": "HKD", "港元": "HKD", "nt$": "TWD", "a$": "AUD", "au$": "AUD", "c$": "CAD",
    "ca$": "CAD", "nz$": "NZD", "s$": "SGD", "r$": "BRL", "mx$": "MXN",
    "円": "JPY", "日元": "JPY", "日圆": "JPY", "jp¥": "JPY", "yen": "JPY",
    "₹": "INR", "rs": "INR", "rs.": "INR", "₩": "KRW", "원": "KRW", "zł": "PLN", "₽": "RUB", "руб": "RUB",
    "руб.": "RUB", "₺": "TRY", "tl": "TRY", "₫": "VND",
    "฿": "THB", "₴": "UAH", "₪": "ILS", "kč": "CZK", "ft": "HUF", "chf.": "CHF",
    "fr.": "CHF", "₱": "PHP", "₦": "NGN", "₸": "KZT", "lei": "RON",
}  # fmt: skip
_DOLLARS = ("USD", "CAD", "AUD", "NZD", "SGD", "HKD", "TWD", "MXN", "ARS", "CLP", "COP")  # and pesos
#: Signs and names that several currencies share: the feed's own currency decides among these, else the first.
_SHARED = {
    **dict.fromkeys(("$", "dollar", "dollars", "buck", "bucks"), _DOLLARS),
    "¥": ("CNY", "JPY"),
    "kr": ("", "SEK", "NOK", "DKK", "ISK"),
    "kr.": ("", "DKK", "SEK", "NOK", "ISK"),
}
_NUMBER = re.compile(r"[0-9](?:[0-9.,'’_ ]*[0-9])?|[.,][0-9]+")
_NO_CENTS = re.compile(r"^[.,](?:[-–—]+|$)")  # "29.-", "29,—"
_EXPONENT = re.compile(r"[+-]?[0-9]+(?:\.[0-9]+)?[eE][+-]?[0-9]{1,2}")
_MULTIPLES = {"万": 10_000, "千": 1_000}
_LARGEST = Decimal(10) ** 12  # no product costs a thousand milliards in any currency
_STEP = Decimal("0.0001")


@dataclass(frozen=True, slots=True)
class Money:
    """An amount, which may be negative, and its ISO 4217 code when it was said."""

    amount: Decimal
    currency: str | None


def currency_code(text: str, default: str | None = None) -> str | None:
    """ISO 4217 code of a code, sign or name; None when it is not known. `default` decides what "$" and "¥" mean."""
    name = unicodedata.normalize("NFKC", text).strip()
    if name.upper() in CURRENCIES:
        return name.upper()
    name = name.casefold()
    if name in _SHARED:
        candidates = _SHARED[name]
        return default if default in candidates else candidates[0] or None
    return _NAMES.get(name)


def parse_money(text: str, default: str | None = None) -> Money | None:
    """An amount with its currency, in either order; None when it is no price (a range, two numbers, words).

    Of point and comma, the last one is the decimal sign when both occur; a single comma before exactly three digits
    separates thousands, a single point is the decimal sign.
    """
    plain = unicodedata.normalize("NFKC", text).replace("−", "-").strip()
    if _EXPONENT.fullmatch(plain):
        return _money(Decimal(plain), default)
    numbers = list(_NUMBER.finditer(plain))
    if len(numbers) != 1:
        return None
    number = numbers[0]
    before, after = plain[: number.start()].strip(), plain[number.end() :].strip()
    negative = False
    if before.startswith("(") and after.endswith(")"):
        before, after, negative = before[1:].strip(), after[:-1].strip(), True
    elif before.startswith(("-", "+")) or before.endswith(("-", "+")):
        negative = "-" in before
        before = before.strip("+- ")
    elif after.startswith("-"):  # "29.99-", as accountants write it
        after, negative = after[1:].strip(), True
    after = _NO_CENTS.sub("", after).strip()
    multiple = 1
    if after[:1] in _MULTIPLES:
        multiple, after = _MULTIPLES[after[0]], after[1:].strip()
    amount = _amount(number[0])
    known, currency = _currency_of(before, after, default)
    if amount is None or not known:
        return None
    return _money(-amount * multiple if negative else amount * multiple, currency)


def _currency_of(before: str, after: str, default: str | None) -> tuple[bool, str | None]:
    """(whether what stands around the number can be understood, the currency)."""
    words = [word for word in (before.rstrip(":").strip(), after) if word]
    codes = [currency_code(word, default) for word in words]
    if not words:
        return True, default
    if None in codes:
        return (False, None) if len(words) > 1 or words[0].casefold() not in _SHARED else (True, default)
    if len(set(codes)) == 1:
        return True, codes[0]
    exact = [code for word, code in zip(words, codes, strict=True) if word.upper() in CURRENCIES]
    return (True, exact[0]) if len(exact) == 1 and "$" in "".join(words) + "¥" else (False, None)


def _amount(digits: str) -> Decimal | None:
    """A number with its separators understood."""
    digits = digits.replace(" ", "'").replace("’", "'").replace("_", "'")
    comma, point, blank = digits.count(","), digits.count("."), digits.count("'")
    decimal = ""
    if comma and point:
        decimal = max(",.", key=digits.rfind)
        if digits.count(decimal) > 1:
            return None
    elif comma + point == 1:
        decimal = "," if comma else "."
        tail = digits.partition(decimal)[2]
        if decimal == "," and len(tail) == 3 and not blank and digits[0] not in "0,":
            decimal = ""
    whole, _, fraction = digits.partition(decimal) if decimal else (digits, "", "")
    groups = re.split(r"[,.']", whole)
    if len(groups) > 1 and not _grouped(groups):
        return None
    if fraction and not fraction.isdigit():
        return None
    return Decimal(f"{''.join(groups) or '0'}.{fraction or '0'}")


def _grouped(groups: list[str]) -> bool:
    """Thousands (1,299,000) or lakhs (12,99,000)."""
    first, *middle, last = groups
    return 1 <= len(first) <= 3 and len(last) == 3 and all(len(group) in (2, 3) for group in middle)


def _money(amount: Decimal, currency: str | None) -> Money | None:
    if abs(amount) >= _LARGEST:
        return None
    rounded = amount.quantize(_STEP)
    whole = rounded.to_integral_value()
    return Money(whole.quantize(Decimal("0.01")) if rounded == whole else _shortest(rounded), currency)


def _shortest(amount: Decimal) -> Decimal:
    """At least two decimals, no more than needed."""
    cents = amount.quantize(Decimal("0.01"))
    return cents if cents == amount else amount.normalize()
