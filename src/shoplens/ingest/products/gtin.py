"""Global trade item numbers: GTIN-8, -12 (UPC), -13 (EAN, ISBN-13), -14, and ISBN-10."""

from __future__ import annotations

_LENGTHS = (8, 12, 13, 14)


def clean_gtin(text: str) -> str | None:
    """The digits of a valid number (an ISBN-10 as ISBN-13); None when its length or check digit is wrong."""
    digits = "".join(character for character in text if character not in " -\u2010\u2011\u2013.'\"")
    if digits.endswith("0") and text.strip().endswith(".0"):
        digits = digits[:-1]  # a spreadsheet made a number of it
    if len(digits) == 10 and _valid_isbn10(digits):
        body = f"978{digits[:9]}"
        return body + str(_check_digit(body))
    if not (digits.isascii() and digits.isdigit()) or len(digits) not in _LENGTHS or not digits.strip("0"):
        return None
    return digits if _check_digit(digits[:-1]) == int(digits[-1]) else None


def _check_digit(body: str) -> int:
    """GS1 General Specifications, 7.9: weights 3, 1, 3, … from the right."""
    total = sum(int(digit) * (3 if place % 2 == 0 else 1) for place, digit in enumerate(reversed(body)))
    return -total % 10


def _valid_isbn10(digits: str) -> bool:
    """ISO 2108: weights 10 to 1, an X at the end counts ten."""
    if not (digits[:9].isascii() and digits[:9].isdigit()) or digits[9] not in "0123456789Xx":
        return False
    values = [int(digit) for digit in digits[:9]] + [10 if digits[9] in "Xx" else int(digits[9])]
    return sum(weight * value for weight, value in zip(range(10, 0, -1), values, strict=True)) % 11 == 0
