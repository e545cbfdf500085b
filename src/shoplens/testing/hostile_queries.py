"""Queries that nobody means well: any writing, operators of other engines, injections, numbers that are none."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

#: Pieces that queries are put together from, beside random letters of any writing.
PIECES = (
    # what shoppers type
    "green tea", "hammer", "绿茶", "螺丝刀", "綠茶", "lvcha", "watering can", "brand 3", "p001", "Brand 3 tea under 10",
    "10元以下的绿茶", "20到30块", "不要红色", "有货", "便宜", "not red", "-nike", "between 20 and 10 euro", "in stock",
    "under 1e309", "under -5", "over 99999999999999999999", "NaN", "≤ 5", "½ kg", "٣٤", "五十元", "5–10 €", "$", "¥",
    # operators of ours and of others
    '"', '""', '"green', '" "', "-", "--", "- -", '-"green tea"', "-(a b)", "+", "AND", "OR", "NOT", "&&", "||", "!",
    "*", "?", "~", "~2", "^9", "title:tea", "item_id:*", "[a TO z]", "{* TO *}", "(", ")", "((((", "\\", "/.*/",
    "a:b:c", "_all", "tea^-1", "IN [a b]", "*:*", "tea*", "*tea", "t?a", "tea~99", ":", "@@", "#", "%", "`",
    # injections
    "'; DROP TABLE product; --", "' OR 1=1 --", "\" OR \"\"=\"", "1; SELECT pg_sleep(9)", "UNION SELECT NULL,NULL--",
    "{{7*7}}", "${jndi:ldap://x/a}", "<script>alert(1)</script>", "<em>", "</em>", "&lt;em&gt;", "%s%n%x", "%00",
    "\x00", "../../etc/passwd", "C:\\con\\nul", "$(reboot)", "`id`", "{\"$gt\": \"\"}", "__proto__", "[object Object]",
    "None", "\r\nSet-Cookie: a=b", "\x1b[31m", "\ufeff", "\u200b", "\u202e", "\u2028", "\ufffd", "\ufffe", "\x7f", "\t",
    # writing that is hard to cut
    "👩‍👩‍👧‍👦", "🏳️‍🌈", "é" * 20, "e\u0301" * 20, "Z͑ͫ̓ͪ̂ͫ̽͏̴̙̤̞͉͚̯", "ｆｕｌｌ ｗｉｄｔｈ", "ﬁ", "İ", "ß", "ı", "Ω", "ﷺ", "한국어",
    "ภาษาไทย", "العربية", "עברית", "हिन्दी", "𝕋𝕖𝕒", "𠀀𠀁", "々〇〻", "ー", "・", "「」", "，。！", "\U0010ffff",
    "\ue000", "a" * 200, "茶" * 200, "- " * 100, '" ' * 100, "a-b-c-d-e-f-g-h-i-j", "1.2.3.4.5.6", "0x10", "1,000,000",
)  # fmt: skip

FIELDS = ("brand", "category", "price", "availability", "attributes.color", "attributes.", "*", "nothing", "item_id")
SORTS = ("price", "price:desc", "created_at", "popularity:asc", "attributes.size", "relevance")


def hostile_queries(count: int, seed: int) -> Iterator[str]:
    """So many texts of at most 1,000 characters. The same seed gives the same texts."""
    random = np.random.default_rng(seed)
    for _ in range(count):
        parts = []
        for _ in range(int(random.integers(1, 6))):
            if random.random() < 0.7:
                parts.append(PIECES[int(random.integers(len(PIECES)))])
            else:
                parts.append("".join(map(_letter, random.integers(1, 0x110000, int(random.integers(1, 12))).tolist())))
        yield ("" if random.random() < 0.2 else " ").join(parts)[:1_000]


def hostile_bodies(count: int, seed: int) -> Iterator[dict[str, Any]]:
    """Requests with such texts, and with options that make sense one by one."""
    random = np.random.default_rng(seed + 1)
    for text in hostile_queries(count, seed):
        options: dict[str, tuple[float, Any]] = {  # how often an option is there, and what it says
            "facets": (0.3, [FIELDS[int(k)] for k in random.integers(0, len(FIELDS), 2)]),
            "sort": (0.2, [SORTS[int(random.integers(len(SORTS)))]]),
            "page": (0.2, int(10 ** random.integers(0, 6))),
            "cursor": (0.1, text[:50]),
            "drop": (0.2, [text[:20], "price<=10"]),
            "filter": (0.2, {"field": "attributes.color", "eq": text[:50]}),
            "user_id": (0.2, "u001"),
            "language": (0.3, "zh"),
            **dict.fromkeys(("prefix", "explain", "unavailable"), (0.3, True)),
            **dict.fromkeys(("understand", "typos", "group", "highlight"), (0.2, False)),
        }
        yield {"text": text} | {name: value for name, (share, value) in options.items() if random.random() < share}


def _letter(code: int) -> str:
    return "?" if 0xD800 <= code < 0xE000 else chr(code)
