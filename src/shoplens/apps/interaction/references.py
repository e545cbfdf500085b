"""How shoppers point at products on the table: "the second one", "第二个", "this one". Each becomes a sign."""

from __future__ import annotations

import re
from collections.abc import Callable
from re import IGNORECASE, Match, Pattern

from shoplens.apps.interaction.moves import POINTED, Places

OPEN, CLOSE = "\ue000", "\ue001"  # around the places of a reference; `refinement.plain` takes them out of what is typed
REF = rf"{OPEN}[-\d,]+{CLOSE}"
MOST_PLACES = 10  # products that one utterance refers to

EN_NUMBERS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")
EN_COUNTS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
ZH_DIGITS = "一二三四五六七八九十"

_ORDINAL = rf"(?:{'|'.join(EN_NUMBERS)}|last|\d{{1,2}}(?:st|nd|rd|th))"
_COUNT = rf"(?:\d{{1,2}}|{'|'.join(EN_COUNTS)})"
_THING = r"(?:one|item|product|result|option|pair|piece|pick|suggestion)s?"
#: After "the second" alone, so that "the first aid kit" stays what it is.
_ENDS = (
    r"(?=\s*(?:$|[,.;:!?]|(?:but|in|with|and|or|please|only|just|if|instead|looks?|is|was|without|from)\b))"
)  # fmt: skip
_MEASURE = "(?:个|件|款|双|条|只|台|种|项|张|瓶|本|部|顶|把|套|支|盒|包|号|块|枚|副|幅|辆)"
_ZH_NUMBER = rf"(?:\d{{1,2}}|[{ZH_DIGITS}两]{{1,3}})"
_ZH_ENDS = "(?=$|[，,。.!?！？、的要和跟与但换不便更再在有是吧呢吗])"
_ZH_FIELDS = "牌|品牌|颜色|色|价|尺|材|面料|图案|款式|类"
_IT = "(?:this|that|these|those|it|them)"


def _all(*patterns: str) -> tuple[Pattern[str], ...]:
    return tuple(re.compile(one, IGNORECASE) for one in patterns)


_RANGES = _all(
    rf"\b(?:the )?(first|last) ({_COUNT})(?: {_THING}| of (?:them|these|those))?\b{_ENDS}",
    rf"(前|头|最后)({_ZH_NUMBER}){_MEASURE}(?:商品|产品)?",
)
_ORDINALS = _all(
    rf"\b(?:the )?({_ORDINAL})(?: {_THING}| of (?:them|these|those))\b",
    rf"\bthe ({_ORDINAL})\b{_ENDS}",
    rf"^(?:no[t,] )?({_ORDINAL})$",
    rf"\b(?:the )?(?:number|option|item|result) ({_COUNT})\b{_ENDS}",
    r"(?<![\w#])#\s?(\d{1,2})\b",
    rf"(倒数)?第({_ZH_NUMBER})(?:{_MEASURE}(?!半价)(?:商品|产品)?|{_ZH_ENDS})",
    rf"(最后)一?{_MEASURE}",
)
_POINTING = _all(
    r"\b(?:this|that)(?: very| exact)? one\b",
    *(
        rf"(?<=\b{before} ){_IT}(?:\b(?! \w)|(?= (?:but|in|only|just|with|and|photo|one)\b))"
        for before in ("like", "similar to", "same as", "than")
    ),
    r"^(?:this|that|it)$",
    rf"(?:这|那)(?:一)?{_MEASURE}(?:商品|产品)?(?!{_ZH_FIELDS})",
    r"(?<=像)(?:这|那)样(?!式)",
    r"(?<=[和跟与像似])(?:这|那)些?(?=一样|差不多|类似|相似)",
    r"它们?",
)
_PICTURED = _all(
    r"\b(?:(?:what(?: is|'s)|the one|the thing|that) (?:in|on) )?(?:this|that|the|my|attached|these)(?: attached)? "
    r"(?:photo|picture|image|pic|snapshot|screenshot)s?\b",
    r"\b(?:in|on) the (?:photo|picture|image)\b",
    r"(?:我的|这|那)?(?:几)?张?(?:照片|图片|相片|截图|图)(?:里面|里|中|上)?(?:的)?(?:那个|这个|东西|商品|那件|这件)?",
)
_SIGN = re.compile(REF)


def sign_places(text: str) -> str:
    """Ordinals become signs."""
    for pattern in _RANGES:
        text = pattern.sub(_range, text, count=MOST_PLACES)
    for pattern in _ORDINALS:
        text = pattern.sub(_ordinal, text, count=MOST_PLACES)
    return text


def sign_pointing(text: str) -> str:
    """ "This one" becomes a sign."""
    return _pointed(text, _POINTING)


def sign_photo(text: str) -> str:
    """ "This photo" becomes the same sign: where there is one, it is what is pointed at."""
    return _pointed(text, _PICTURED)


def places_in(text: str) -> Places:
    """Of all signs in a text, in order, each once."""
    found = [int(one) for sign in _SIGN.findall(text) for one in sign[1:-1].split(",") if one.lstrip("-").isdigit()]
    return tuple(dict.fromkeys(found))[:MOST_PLACES]


def without_signs(text: str) -> str:
    """Text without them."""
    return _SIGN.sub(" ", text)


def _pointed(text: str, patterns: tuple[Pattern[str], ...]) -> str:
    sign: Callable[[Match[str]], str] = lambda _: _signed(POINTED)  # noqa: E731
    for pattern in patterns:
        text = pattern.sub(sign, text, count=MOST_PLACES)
    return text


def _signed(places: Places) -> str:
    return f"{OPEN}{','.join(map(str, places))}{CLOSE}"


def _range(match: Match[str]) -> str:
    """ "the first two", "前两个"."""
    many = min(_number(match[2]), MOST_PLACES)
    first = match[1].casefold() in ("first", "前", "头")
    return _signed(tuple(range(1, many + 1) if first else range(-many, 0))) if many else match[0]


def _ordinal(match: Match[str]) -> str:
    words = [one for one in match.groups() if one]
    if words[0] == "倒数":
        place = -_number(words[1])
    elif words[0].casefold() in ("last", "最后"):
        place = -1
    else:
        place = _number(words[-1])
    return _signed((place,)) if place else match[0]


def _number(said: str) -> int:
    """ "2", "2nd", "second", "two", "二", "十二"; 0 for anything else."""
    said = said.casefold()
    for words in (EN_NUMBERS, EN_COUNTS):
        if said in words:
            return words.index(said) + 1
    digits = "".join(one for one in said if one.isdecimal())
    if digits:
        return int(digits)
    tens, ten, ones = said.replace("两", "二").partition("十")
    if not ten:
        return ZH_DIGITS.find(tens) + 1 if len(tens) == 1 else 0
    first, last = (ZH_DIGITS.find(one) + 1 if one else default for one, default in ((tens, 1), (ones, 0)))
    return 10 * first + last
