"""Fields of products that customers ask about in their own words: how each is called, and how it is asked for."""

from __future__ import annotations

import re
from dataclasses import dataclass

_I = re.IGNORECASE


@dataclass(frozen=True, slots=True)
class Field:
    """One of them."""

    english: str
    chinese: str
    called: re.Pattern[str]  # names of attributes that hold it
    asked: re.Pattern[str]


def _field(english: str, chinese: str, called: str, asked: str) -> Field:
    return Field(english, chinese, re.compile(rf"^(?:{called})$", _I), re.compile(asked, _I))


FIELDS = (
    _field(
        "colour",
        "颜色",
        r"colou?rs?|颜色|色",
        r"\bcolou?rs?\b|颜色|什么色|几种色",
    ),
    _field(
        "size",
        "尺码",
        r"sizes?|尺码|尺寸|码数|大小",
        r"\bsizes?\b|\bcomes? in\b|尺码|尺寸|码数|多大|几码|大小|\d码|[SMLX]码",
    ),
    _field(
        "material",
        "材质",
        r"materials?|fabric|材质|材料|面料",
        r"\b(?:materials?|fabric|made (?:of|from|out of))\b|材质|材料|面料|面料|什么做的",
    ),
    _field(
        "weight",
        "重量",
        r"(?:net |gross )?weight|重量|净重|毛重",
        r"\b(?:how (?:heavy|light)|too heavy|weighs?|weight|lightweight)\b|"
        r"\b(?:is|are) (?:it|they|this|that|these|the \w+) (?:very |so |really )?(?:heavy|light)\W*$|"
        r"多重|重量|净重|毛重|几斤|重不重|多少克",
    ),
    _field(
        "length",
        "长度",
        r"length|长度|长",
        r"\b(?:how long is|length)\b|多长|长度",
    ),
    _field(
        "width",
        "宽度",
        r"width|宽度|宽",
        r"\b(?:wide|width)\b|多宽|宽度",
    ),
    _field(
        "height",
        "高度",
        r"height|高度|高",
        r"\b(?:tall|how high|height)\b|多高|高度",
    ),
    _field(
        "capacity",
        "容量",
        r"capacity|volume|容量|体积",
        r"\b(?:capacity|what volume|what(?:'s| is) the volume|litres?|liters?|how big|"
        r"how (?:much|many) .{0,40}\bhold)\b|^\W*(?:and )?(?:the )?volume\W*$|容量|体积|几升|多少升|装多少",
    ),
    _field(
        "power",
        "功率",
        r"power|wattage|功率",
        r"\b(?:watts?|wattage|how (?:much power|powerful|strong)|power (?:rating|consumption|input|output)|"
        r"(?:what|which|what's|what is)(?: the)? power(?! (?:bank|supply|adapter|cord|cable|strip|plug|button)))\b|"
        r"^\W*(?:and )?(?:the )?power\W*$|"
        r"功率|多少瓦|几瓦",
    ),
    _field(
        "ingredients",
        "成分",
        r"ingredients?|成分|配料",
        r"\b(?:ingredients?|made (?:of|from)|contains?)\b|成分|配料|含有",
    ),
    _field(
        "brand",
        "品牌",
        r"brands?|品牌|牌子",
        r"\b(?:brands?|who makes|manufacturer)\b|品牌|牌子|什么牌",
    ),
)


def asked_fields(text: str) -> tuple[Field, ...]:
    """Those that a question asks for."""
    return tuple(one for one in FIELDS if one.asked.search(text))


def is_field(name: str) -> bool:
    """Whether an attribute of this name is one of them."""
    return any(one.called.match(name) for one in FIELDS)


def field_name(name: str, language: str) -> str:
    """An attribute's name in this language, where it is one of them; else as the shop calls it."""
    known = next((one for one in FIELDS if one.called.match(name.replace("_", " "))), None)
    if known is None:
        return name.replace("_", " ")
    return known.chinese if language == "zh" else known.english
