"""Amounts as people write them: "1,200.50", "2k", "三百五", "两千", "1.5万", "twenty five"."""

from __future__ import annotations

import re

DIGITS = {"零": 0, "〇": 0, "一": 1, "二": 2, "两": 2, "三": 3, "四": 4, "五": 5, "六": 6, "七": 7, "八": 8, "九": 9}
POWERS = {"十": 10, "百": 100, "千": 1_000}
_UNITS = "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen"
_TEENS = "seventeen eighteen nineteen"
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
ENGLISH = {word: number for number, word in enumerate(f"{_UNITS} {_TEENS}".split())}
ENGLISH |= dict(zip(_TENS.split(), range(20, 100, 10), strict=True))
SCALES = {"hundred": 100, "thousand": 1_000}

_WORD = "|".join(sorted([*ENGLISH, *SCALES], key=len, reverse=True))
#: Counts are bounded, so that no text makes the search slow.
_AMOUNT = re.compile(
    r"(?P<digits>\d{1,3}(?:,\d{3}){1,3}(?:\.\d{1,2})?(?!\d)|\d{1,9}(?:[.,]\d{1,3})?(?!\d))(?:\s?(?P<scale>k(?![a-z])|[百千万]))?"
    r"|(?P<han>[零〇一二两三四五六七八九十百千万]{1,9})"
    rf"|(?P<words>(?:a )?(?:{_WORD})(?:[ -](?:and )?(?:{_WORD})){{0,4}}(?![a-z]))",
    re.IGNORECASE,
)


def amount_at(text: str, place: int) -> tuple[float, int] | None:
    """The amount that begins at this place, and where it ends; None when none does."""
    match = _AMOUNT.match(text, place)
    if match is None:
        return None
    if match["digits"]:
        scale = {"k": 1_000.0, "百": 100.0, "千": 1_000.0, "万": 10_000.0}.get((match["scale"] or "").casefold(), 1.0)
        return _decimal(match["digits"]) * scale, match.end()
    value = _chinese(match["han"]) if match["han"] else _english(match["words"])
    return None if value is None else (float(value), match.end())


def _decimal(digits: str) -> float:
    """ "1,200.5" has thousands, "9,99" a decimal comma."""
    if re.fullmatch(r"[1-9]\d{0,2}(,\d{3})+(\.\d+)?", digits):
        digits = digits.replace(",", "")
    return float(digits.replace(",", "."))


def _chinese(said: str) -> int | None:
    """ "三百五" is 350: what follows the last power without one of its own is a tenth of it. None for nonsense."""
    if all(letter in DIGITS for letter in said):
        return int("".join(str(DIGITS[letter]) for letter in said))
    total = section = 0
    digit: int | None = None
    power = 1
    for letter in said:
        if letter in DIGITS:
            if digit:
                return None  # "三五百"
            digit = DIGITS[letter]
            if letter in "零〇":
                power = 1  # "一百零五" is 105
        elif letter == "万":
            total, section, digit, power = (total + section + (digit or 0)) * 10_000 or 10_000, 0, None, 10_000
        else:
            section += POWERS[letter] * (1 if digit is None else digit)
            digit, power = None, POWERS[letter]
    return total + section + (digit or 0) * (power // 10 if power >= 100 else 1)


def _english(said: str) -> int | None:
    """ "two hundred and fifty" is 250, "a hundred" 100. None for words that make no number ("one two")."""
    total = section = 0
    for word in re.findall(r"[a-z]+", said.casefold()):
        if word == "thousand":
            total, section = total + max(section, 1) * 1_000, 0
        elif word == "hundred":
            section = max(section, 1) * 100
        elif word in ENGLISH:
            if section % 10 or (section % 100 and ENGLISH[word] >= 10):
                return None
            section += ENGLISH[word]
    return total + section
