"""Limits as shoppers say them, in English and Chinese: "under 50", "$20-$30", "两百块以内", "over 500 ml", "55寸以上".

A number is a price only where something says so: a currency, a word like "budget", or a comparison that no unit
follows. Amounts are in the shop's own currency; which one was said is not converted.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial

from shoplens.recommend.number_words import amount_at

ABOUT = 0.2  # "about 50" is 40 to 60
BARE = 10  # smaller amounts in words ("under one roof") are prices only beside a currency

PRICE = "price"  # unit of an amount with a currency
POUND = "pound"  # a currency or a weight: the shop's products tell
COUNT = "count"  # pieces, years, stars: neither a price nor a measure

#: Of all that `ingest.money` reads beside a price, what is money in any sentence: "all", "try" and "ft" are codes, too.
_COINS = (
    "usd eur euro euros gbp cny rmb hkd jpy cad aud nzd sgd twd dollar dollars buck bucks quid yuan kuai yen us$ ca$ "
    "c$ au$ a$ nz$ s$ hk$ nt$ r$ mx$ cn¥ jp¥ $ € £ ¥ ₹ ₩ 元 块钱 块 圆 人民币 美元 美金 欧元 英镑 港币 港元 日元 "
    "日圆 円"
)
COINS = tuple(_COINS.split())
_POUNDS = ("pound", "pounds")
_SIGNS = tuple(one for one in COINS if one[-1] in "$€£¥₹₩")  # stand before the number, too
_CODES = tuple(one for one in COINS if len(one) == 3 and one.isascii() and one.isalpha())  # and so do these
_MEASURES = (
    "ml cl dl l liter litre liters litres mg g gr gram grams kg kgs kilo kilos oz ounce ounces lb lbs mm cm m km meter "
    "metre meters metres inch inches ft feet foot gb tb mb mah w watt watts v volt volts hz khz mhz ghz mp fps "
    "毫升 升 克 千克 公斤 斤 毫米 厘米 公分 米 英寸 寸 吋 瓦 毫安 毫安时"
)
_COUNTED = (
    "% year years yr yrs month months week weeks day days hour hours hr hrs minute minutes min mins second seconds "
    "people person persons piece pieces pcs pack packs pocket pockets layer layers cup cups player players star stars "
    "review reviews speed speeds degree degrees calories kcal p k x 岁 年 个 件 条 双 只 张 片 支 瓶 包 盒 袋 人 天 月 "
    "周 小时 分钟 秒 层 码 号 度 倍 星 折 点 位 档 核 线 孔 键 轮 抽 格 次 颗 粒 口"
)
_UNITS = {name: name for name in _MEASURES.split()} | dict.fromkeys(_COUNTED.split(), COUNT)
_UNITS |= dict.fromkeys(COINS, PRICE) | dict.fromkeys(_POUNDS, POUND)
_GLUED = frozenset(["p", "k", "x"])  # units only right behind their number


@dataclass(frozen=True, slots=True)
class SaidRange:
    """A range that a text speaks of, where it stands there, and of what: PRICE, POUND or a unit as it was written."""

    start: int
    end: int
    low: float | None
    high: float | None
    unit: str
    strict: bool = True  # False: about that much
    low_included: bool = True
    high_included: bool = True
    coins: tuple[str, ...] = ()  # of COINS or a pound, in lower case, as far as they were said


@dataclass(frozen=True, slots=True)
class _Word:
    """What a word of comparison does to the number beside it."""

    role: str  # "before", "after" or "beside" (either) the number; "open", "to", "and", "close" of a range; "price"
    side: str = ""  # "high", "low", "about"
    included: bool = True
    sure: bool = True  # makes a plain number a price; others need a currency or a unit


@dataclass(frozen=True, slots=True)
class _Token:
    start: int
    end: int
    word: _Word | None = None  # None: a number
    value: float = 0.0
    unit: str = ""  # of the number; "" = none was said
    plain: bool = True  # in digits, or too large to be part of a phrase
    coin: str = ""


_weak = partial(_Word, sure=False)
_COMPARING: tuple[tuple[_Word, str], ...] = (
    (
        _Word("before", "high", included=False),
        "under|below|less than|cheaper than|lower than|<|低于|少于|小于|不到|不足",
    ),
    (_Word("before", "high"), "up to|at most|no more than|not more than|not over|not above|<=|≤"),
    (_Word("before", "high"), "不超过|不高于|不多于|最多|至多|顶多|别超过|不要超过|最高"),
    (_weak("before", "high"), "within|to spend"),
    (_weak("beside", "high"), "max|max.|maximum|maximum of"),
    (_Word("before", "low", included=False), "over|above|more than|higher than|>|高于|超过|大于|多于"),
    (_Word("before", "low"), "at least|no less than|not less than|not under|not below|>=|≥"),
    (_Word("before", "low"), "不低于|不少于|不小于|至少|最少|最低"),
    (_weak("before", "low"), "min|min.|minimum|minimum of|starting at|starting from|upwards of"),
    (_weak("before", "about"), "about|around|approximately|approx|approx.|roughly|circa|≈|大约|大概|约|差不多"),
    (_Word("after", "high"), "or less|and less|or under|and under|or below|and below|or cheaper"),
    (_Word("after", "high"), "以下|以内|之内|之下|及以下|或以下"),
    (_weak("after", "high"), "tops|内|封顶|往下"),
    (_Word("after", "low"), "or more|and more|or over|and over|or above|and above|以上|之上|及以上|或以上"),
    (_weak("after", "low"), "and up|or up|+|起|起步|往上"),
    (_Word("after", "about"), "左右|上下"),
    (_Word("open"), "between|from|介于|在"),
    (_Word("to"), "-|–|—|~|to|until|至|到"),
    (_Word("and"), "and|&|和|与"),
    (_Word("close"), "之间"),
    (_Word("price"), "price|prices|priced|priced at|price is|cost|costs|costing|价格|价钱|售价|价位|单价"),
    (_Word("price", "high"), "budget|budget of|budget is|预算"),
)
_FILLER = re.compile(r"[\s:：是为在]*")  # between "价格" and its number
_VAGUE = "几数第"  # "几百" is no number, "第三" no amount
#: "shirts for men over 50", "kids under 5": years of life, not money.
_AGED = re.compile(r"\b(?:women|men|ladies|people|adults|seniors)\s$")
_YOUNG = re.compile(r"\b(?:kids?|child|children|toddlers?|babies|baby|ages?|aged|girls|boys|teens?)\s$")
YOUNG = 18


def _longest_first(names: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """First letter → names that begin with it, the longest first."""
    by_letter: dict[str, list[str]] = {}
    for name in names:
        by_letter.setdefault(name[0], []).append(name)
    return {letter: tuple(sorted(some, key=len, reverse=True)) for letter, some in by_letter.items()}


_WORDS = {said: word for word, some in _COMPARING for said in some.split("|")}
_WORDS_BY_LETTER, _UNITS_BY_LETTER = _longest_first(_WORDS), _longest_first(_UNITS)
_SIGNS_BY_LETTER = _longest_first((*_SIGNS, *_CODES))


def read_ranges(text: str) -> list[SaidRange]:
    """Ranges of prices and measures in a text (NFKC, single blanks), from left to right, never overlapping."""
    small = "".join(low if len(low := letter.lower()) == 1 else letter for letter in text)  # places stay as they are
    tokens = _tokens(small)
    found: list[SaidRange] = []
    place = 0
    while place < len(tokens):
        reader = _Reader(small, tokens, place)
        said = reader.read()
        place = reader.place if said is not None else place + 1
        if said is not None:
            found.append(said)
    return found


def _tokens(text: str) -> list[_Token]:
    """Numbers and words of comparison, in their order; everything else is passed over."""
    tokens: list[_Token] = []
    place = 0
    while place < len(text):
        token = _number(text, place) or _word(text, place)
        if token is None:
            place += 1
        else:
            tokens.append(token)
            place = token.end
    return tokens


def _word(text: str, place: int) -> _Token | None:
    said = _one_of(_WORDS_BY_LETTER, text, place)
    return None if said is None else _Token(place, place + len(said), _WORDS[said])


def _number(text: str, place: int) -> _Token | None:
    """A number with what stands around it: "$20", "20 euro", "500ml"."""
    before = text[place - 1] if place else " "
    if before in _VAGUE or (before.isascii() and (before.isalnum() or before in ".,")):
        return None
    sign = _one_of(_SIGNS_BY_LETTER, text, place)
    start = place + len(sign or "")
    while sign and text[start : start + 1] == " ":
        start += 1
    read = amount_at(text, start)
    if read is None:
        return None
    value, end = read
    behind = end + (text[end : end + 1] in (" ", "-"))
    name = _one_of(_UNITS_BY_LETTER, text, behind)
    if name in _SIGNS and text[behind + len(name or "") :].lstrip()[:1].isdigit():
        name = None  # "$20-$30": the sign of the next number
    if name is not None and (behind == end or name not in _GLUED):
        unit, last = _UNITS[name], behind + len(name)
    elif _is_letter(text[end : end + 1]):
        return None  # "4xl", "3d"
    else:
        unit, last = "", end
    coin = name if name is not None and unit in (PRICE, POUND) else ""
    if sign:  # "$20 pack": what follows is another word
        last, coin = (last, coin) if unit == PRICE else (end, sign)  # "$20 CAD": the code says which
        unit = PRICE
    return _Token(place, last, None, value, unit, text[start].isdigit() or value >= BARE, coin)


def _one_of(names: dict[str, tuple[str, ...]], text: str, place: int) -> str | None:
    """The longest of the names that stands here as a word of its own."""
    for name in names.get(text[place : place + 1], ()):
        if not text.startswith(name, place):
            continue
        end = place + len(name)
        grows_left = _is_letter(name[0]) and _is_letter(text[max(place - 1, 0) : place])
        if not grows_left and not (_is_letter(name[-1]) and _is_letter(text[end : end + 1])):
            return name
    return None


def _is_letter(one: str) -> bool:
    """A letter of a language that puts blanks between words, near enough."""
    return one.isascii() and one.isalpha()


class _Reader:
    """Reads one range that begins at one token; `place` is where it stopped."""

    def __init__(self, text: str, tokens: list[_Token], place: int) -> None:
        self.text = text
        self.tokens = tokens
        self.first = self.place = place

    def read(self) -> SaidRange | None:
        """The range that begins here, if one does."""
        asked = self._take("price")
        after_price = self.place
        said = self._between(asked)
        if said is None:
            self.place = after_price
            said = self._compared(asked)
        return said

    def _between(self, asked: _Token | None) -> SaidRange | None:
        """ "between 20 and 30 euro", "20到30块", "$20-$30"."""
        opened = self._take("open")
        low = self._take("")
        middle = self._take("to", "and") if low is not None else None
        high = self._take("") if middle is not None else None
        if low is None or middle is None or middle.word is None or high is None:
            return None
        closed = self._take("close")
        told = asked is not None or opened is not None or closed is not None
        units = {low.unit, high.unit} - {""}
        if len(units) > 1 or COUNT in units:
            return None
        unit = units.pop() if units else PRICE
        money = unit in (PRICE, POUND) and bool(low.unit or high.unit)
        if not told and (middle.word.role == "and" or not money):
            return None  # "2 and 3 euro", "18-55 mm": two things, or one name
        if closed is None:
            self._take("after")  # "20到30元左右"
        ends = sorted((low.value, high.value))
        return self._said(ends[0], ends[1], unit)

    def _compared(self, asked: _Token | None) -> SaidRange | None:
        """ "under 50", "50元以下", "budget 100", "about 20 euro", "$20"."""
        begins = self.tokens[self.place].start if self.place < len(self.tokens) else 0
        before = self._take("before", "beside", "open")
        number = self._take("")
        if number is None or number.unit == COUNT:
            return None
        after = self._take("after", "beside") if before is None else None
        word = next((one.word for one in (before, after) if one is not None), None)
        if word is not None and word.role == "open":
            word = _weak("before", "low")  # "from 20 euro"
        if not self._is_limit(number, word, asked, begins):
            return None
        unit = number.unit or PRICE
        side = (
            word.side if word is not None else asked.word.side if asked is not None and asked.word is not None else ""
        )
        if side == "high":
            return self._said(None, number.value, unit, high_included=word is None or word.included)
        if side == "low":
            return self._said(number.value, None, unit, low_included=word is None or word.included)
        return self._said(number.value * (1 - ABOUT), number.value * (1 + ABOUT), unit, strict=False)

    def _is_limit(self, number: _Token, word: _Word | None, asked: _Token | None, begins: int) -> bool:
        """Whether a number with these words beside it limits a price or a measure."""
        if number.unit == PRICE:
            return True
        if number.unit:
            return word is not None or (asked is not None and number.unit == POUND)
        if asked is not None:
            return True
        said_before = self.text[:begins]
        if word is None or not word.sure or not number.plain:
            return False
        if word.side == "low" and _AGED.search(said_before):
            return False
        return not (number.value <= YOUNG and _YOUNG.search(said_before))

    def _said(
        self,
        low: float | None,
        high: float | None,
        unit: str,
        *,
        strict: bool = True,
        low_included: bool = True,
        high_included: bool = True,
    ) -> SaidRange:
        tokens = self.tokens[self.first : self.place]
        coins = tuple(one.coin for one in tokens if one.coin)
        return SaidRange(tokens[0].start, tokens[-1].end, low, high, unit, strict, low_included, high_included, coins)

    def _take(self, *roles: str) -> _Token | None:
        """The next token, if it has one of these roles ("" is a number) and nothing stands before it."""
        if self.place >= len(self.tokens):
            return None
        token = self.tokens[self.place]
        if (token.word.role if token.word is not None else "") not in roles:
            return None
        if self.place > self.first:
            between = self.text[self.tokens[self.place - 1].end : token.start]
            if _FILLER.fullmatch(between) is None:
                return None
        self.place += 1
        return token
