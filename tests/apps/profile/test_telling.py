"""Sentences say what the facts say: shares as shares, the past as past, money in the currency's own decimals."""

from dataclasses import replace

import numpy as np
import pytest

from shoplens.apps.profile.composing import _next_of
from shoplens.apps.profile.facts import Activity, Affinity, InSegment, Profile, Rhythm
from shoplens.apps.profile.sentences import TEXTS
from shoplens.apps.profile.telling import tell
from shoplens.domain.events import EventType

ACTIVITY = Activity(
    events=9, visits=5, first_visit="2026-01-01", recency_days=3.0, paid=1200.0, basket=240.0, currency="JPY",
    scores={"recency": 5, "frequency": 5, "monetary": 2},
)  # fmt: skip
NIGHT = Affinity(
    field="part_of_day",
    value="night",
    share=0.25,
    low=0.2,
    high=0.3,
    shop_share=0.1,
    lift=2.5,
    confidence=0.99,
    events=9,
)
PROFILE = Profile(
    user_id="ann", session_id=None, as_of="2026-02-01T00:00:00Z", bundle=None, activity=ACTIVITY, missing={},
    rhythm=Rhythm(gap_days=7, gap_low=5, gap_high=9, steady=False), affinities=(NIGHT,),
    segment=InSegment(id="s1", name="tea", clearness=0.03),
)  # fmt: skip


def told(profile: Profile, language: str = "en") -> str:
    return " ".join(one.text for one in tell(profile, EventType.PURCHASE, language))


def test_what_is_said_in_english() -> None:
    said = told(PROFILE)
    assert "Spent 1,200 JPY in all, 240 JPY a visit." in said
    assert "Among the fifth of people with the latest visits and the most visits." in said
    assert "Comes about every 7 days, half of the times after 5 to 9 days." in said
    assert "Comes more than others at night (25%, the shop 10%)." in said
    assert "Lies between segments; the nearest is “tea”." in said


def test_what_is_said_in_chinese() -> None:
    said = told(PROFILE, "zh")
    assert "比其他顾客更多在深夜（25%，本店平均10%）来访。" in said
    assert "介于几个客群之间，最接近“tea”。" in said


@pytest.mark.parametrize(
    ("language", "past"), [("en", "Used to come about every 7 days"), ("zh", "以往大约每7天来一次")]
)
def test_who_left_used_to_come(language: str, past: str) -> None:
    assert past in told(replace(PROFILE, activity=replace(ACTIVITY, recency_days=90.0)), language)


def test_who_came_once() -> None:
    once = replace(PROFILE, activity=replace(ACTIVITY, visits=1, basket=1200.0, currency="EUR"), rhythm=None)
    said = told(once)
    assert said.startswith("Bought on one day, 2026-01-01 (3 days ago). Spent 1,200.00 EUR. Among")
    assert told(once, "zh").startswith("只在一天购买过：2026-01-01（3天前）。 消费1,200.00 EUR。")


def test_both_languages_say_the_same_things() -> None:
    assert set(TEXTS["en"]) == set(TEXTS["zh"])


def test_a_due_date_from_own_pauses_covers_what_it_says() -> None:
    random = np.random.default_rng(0)
    pauses = random.lognormal(size=(2_000, 10))
    inside = [low <= drawn[0] <= high for drawn in pauses for low, _, high in [_next_of(drawn[1:])]]
    assert np.mean(inside) >= 0.78
