"""Numbers and names in a message that answers and tools need: orders, invoices, e-mail addresses, sums, days."""

from __future__ import annotations

import re
from collections.abc import Mapping

_NUMBER = r"(?:(?:no\.?|number|nr\.?|id|code)?\s*[:：#]?\s*)([A-Z]{0,4}-?\d[\dA-Z-]{2,24}|\d{1,24})"

#: In order: what is found first takes its place in the text. Names are the ones that customers' data sets use.
_PATTERNS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("email", re.compile(r"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,4}")),
    (
        "invoice_id",
        re.compile(
            rf"\b(?:invoice|bill|receipt)s?\s*{_NUMBER}|(?:发票|账单)(?:号|编号)?[:： ]?([A-Z]*\d[\dA-Z-]*)", re.I
        ),
    ),
    (
        "order_id",
        re.compile(
            rf"\b(?:order|purchase|package|parcel|shipment)s?\s*{_NUMBER}|(?:订单|单号|包裹)(?:号|"
            rf"编号)?(?:是|为)?[:： ]?([A-Z]*\d[\dA-Z-]*)",
            re.I,
        ),
    ),
    (
        "refund_amount",
        re.compile(
            r"([$€£¥]\s?\d[\d,]*(?:\.\d+)?|(?<!\d)(?<!\d,)\d[\d,]*(?:\.\d+)?\s?(?:dollars?|euros?|pounds?|"
            r"usd|eur|gbp|cny|rmb|元|块|美元|欧元))",
            re.I,
        ),
    ),
    (
        "order_id",
        re.compile(r"#\s?([A-Z]{0,4}-?\d[\dA-Z-]{2,24})|\b([A-Z]{1,4}-?\d{4,20})\b|(?<![\d.])(\d{5,24})(?![\d.])"),
    ),
)
_TIERS = re.compile(
    r"\b(platinum|gold|silver|premium|standard|freemium|free|pro|business|basic)\b(?= (?:account|"
    r"user|profile|plan|member))",
    re.I,
)


def slots_of(text: str) -> Mapping[str, str]:
    """Name → value, each name once: the first that was said."""
    found: dict[str, str] = {}
    left = text
    for name, pattern in _PATTERNS:
        match = pattern.search(left)
        if match is None or name in found:
            continue
        value = next((part for part in match.groups() if part), match[0])
        found[name] = value.strip(" .,#")
        left = left.replace(match[0], " ", 1)
    tier = _TIERS.search(text)
    if tier:
        found["account_type"] = tier[1].lower()
    return found
