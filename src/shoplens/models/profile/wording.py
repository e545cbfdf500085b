"""Traits as people read them, in English and Chinese. What the shop itself spells stays as it is."""

from __future__ import annotations

from shoplens.domain.sensitive import gives_away
from shoplens.models.profile.traits import BANDS, DEED_FIELDS, OFFER, PART_OF_DAY, PART_OF_WEEK

VALUES: dict[str, dict[tuple[str, str], str]] = {
    "en": {
        ("price_band", BANDS[0]): "low prices",
        ("price_band", BANDS[1]): "middle prices",
        ("price_band", BANDS[2]): "premium prices",
        (OFFER, DEED_FIELDS[OFFER][0]): "usual prices",
        (OFFER, DEED_FIELDS[OFFER][1]): "offers",
        (PART_OF_DAY, "night"): "at night",
        (PART_OF_DAY, "morning"): "in the morning",
        (PART_OF_DAY, "afternoon"): "in the afternoon",
        (PART_OF_DAY, "evening"): "in the evening",
        (PART_OF_WEEK, "weekday"): "on weekdays",
        (PART_OF_WEEK, "weekend"): "at weekends",
    },
    "zh": {
        ("price_band", BANDS[0]): "低价位",
        ("price_band", BANDS[1]): "中价位",
        ("price_band", BANDS[2]): "高价位",
        (OFFER, DEED_FIELDS[OFFER][0]): "原价商品",
        (OFFER, DEED_FIELDS[OFFER][1]): "优惠商品",
        (PART_OF_DAY, "night"): "深夜",
        (PART_OF_DAY, "morning"): "上午",
        (PART_OF_DAY, "afternoon"): "下午",
        (PART_OF_DAY, "evening"): "晚上",
        (PART_OF_WEEK, "weekday"): "工作日",
        (PART_OF_WEEK, "weekend"): "周末",
    },
}
JOINED = {"en": " & ", "zh": "与"}
TYPICAL = {"en": "No particular taste", "zh": "无明显偏好"}


def trait_text(field: str, value: str, language: str) -> str:
    """A value in a sentence: of a category path its narrowest part; what has a number with its attribute's name."""
    known = VALUES.get(language, VALUES["en"]).get((field, value))
    if known is not None:
        return known
    if field.startswith("category"):
        return value.rpartition(" > ")[2]
    if field.startswith("attributes.") and any(letter.isdigit() for letter in value):
        return f"{field.removeprefix('attributes.').replace('_', ' ')} {value}"
    return value


def told_name(name: str, language: str) -> str:
    """The name of a group without the words of it that are never told; names are kept over trainings and bundles."""
    joined = JOINED.get(language, JOINED["en"])
    kept = [word for word in name.split(joined) if not gives_away(word)]
    return joined.join(kept) or TYPICAL.get(language, TYPICAL["en"])
