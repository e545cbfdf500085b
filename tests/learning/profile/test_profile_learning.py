"""Nothing leaks from the future, segments stay themselves, probabilities are what they say, guesses are judged."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shoplens.domain.events import EVENT_CODES, MICROSECONDS_PER_DAY, EventType
from shoplens.errors import ConfigurationError
from shoplens.learning.profile.choosing import ask
from shoplens.learning.profile.demographics import learn_field
from shoplens.learning.profile.fitting import fit_calibration, fit_line
from shoplens.learning.profile.moments import moment_at, times_of
from shoplens.learning.profile.reliability import bins_of, calibration_error, probabilities_told, wilson
from shoplens.learning.profile.returning import learn_returning
from shoplens.models.profile.categories import popularity
from shoplens.models.profile.deeds import Deeds

DAY = MICROSECONDS_PER_DAY
ACT, ZONE, HORIZON = EventType.PURCHASE, "UTC", 14.0
CODE = np.array([0, 1, 2, -1])


def made_up(people: int = 60, days: int = 120, seed: int = 0) -> Deeds:
    """Everybody comes in a rhythm of their own; every third stops somewhere."""
    random = np.random.default_rng(seed)
    rows = []
    for k in range(people):
        gap = 2 + k % 6
        stop = int(random.integers(20, days)) if k % 3 == 0 else days
        for day in range(int(random.integers(gap)), stop, gap):
            liked = k % 3 if random.random() < 0.8 else int(random.integers(4))
            rows.append((k, liked, day * DAY + int(random.integers(DAY))))
    person, item, time = (np.array(column, np.int64) for column in zip(*rows, strict=True))
    n = len(rows)
    price = random.uniform(5, 15, n).astype(np.float32)
    return Deeds.of(
        person,
        people,
        item=item,
        kind=np.full(n, EVENT_CODES[ACT], np.int16),
        time=time,
        weight=np.ones(n, np.float32),
        paid=price,
        price=price,
        usual=np.full(n, 10, np.float32),
    )


DEEDS = made_up()
TIMES = times_of(DEEDS, ACT, HORIZON)


def test_moments_follow_one_another_and_leave_a_past() -> None:
    assert len(TIMES) >= 5
    assert all(a - b == round(HORIZON) * DAY for a, b in pairwise(TIMES))
    assert TIMES[-1] - round(HORIZON) * DAY >= int(DEEDS.time.min())
    assert TIMES[0] + round(HORIZON) * DAY > int(DEEDS.time.max())


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_the_test_period_never_reaches_a_feature(seed: int) -> None:
    """Whatever happens from a moment on: what was known at it stays the same, to the last bit."""
    random = np.random.default_rng(seed)
    time = TIMES[0]
    later = time <= DEEDS.time
    moved = np.where(later, time + random.integers(0, 100 * DAY, len(later)), DEEDS.time)
    items = np.where(later, random.integers(0, 4, len(later)), DEEDS.item)
    paid = np.where(later, random.uniform(0, 1e6, len(later)), DEEDS.paid).astype(np.float32)
    other = Deeds.of(
        DEEDS.person,
        len(DEEDS),
        item=items,
        kind=DEEDS.kind,
        time=moved,
        weight=DEEDS.weight,
        paid=paid,
        price=paid,
        usual=np.full(len(later), 10, np.float32),
    )
    now, then = (moment_at(one, time, ACT, ZONE, HORIZON) for one in (DEEDS, other))
    assert np.array_equal(now.people, then.people)
    assert np.array_equal(now.features, then.features)
    popular = popularity(DEEDS.before(time), CODE, 3, ACT, ZONE)
    assert np.array_equal(popular, popularity(other.before(time), CODE, 3, ACT, ZONE))
    mine, theirs = (ask(one, CODE, popular, time, ACT, ZONE, 1_000.0) for one in (DEEDS, other))
    both = np.intersect1d(mine.pairs.person, theirs.pairs.person)
    for one in both.tolist():
        a, b = mine.pairs.person == one, theirs.pairs.person == one
        assert np.array_equal(mine.pairs.features[a], theirs.pairs.features[b])


def test_training_and_validation_never_see_the_test_period() -> None:
    """Models that are judged are the same whatever the test period holds; only their figures differ."""
    moments = [moment_at(DEEDS, time, ACT, ZONE, HORIZON) for time in TIMES]
    turned = replace(moments[0], days=np.where(np.isinf(moments[0].days), 1.0, np.inf))
    a, b = (learn_returning(some, HORIZON, seed=0) for some in (moments, [turned, *moments[1:]]))
    assert a is not None
    assert b is not None
    assert a.figures["churn"]["validation"] == b.figures["churn"]["validation"]
    assert a.figures["due"]["shipped"] == b.figures["due"]["shipped"]
    mine, theirs = ([one["predicted"] for one in found.figures["churn"]["calibration"]["bins"]] for found in (a, b))
    assert mine == theirs
    assert a.figures["churn"]["test"]["profile"] != b.figures["churn"]["test"]["profile"]


def test_who_stops_is_told_from_who_comes() -> None:
    moments = [moment_at(DEEDS, time, ACT, ZONE, HORIZON) for time in TIMES]
    found = learn_returning(moments, HORIZON, seed=0)
    assert found is not None
    told = found.figures["churn"]["test"]
    assert told["profile"]["log_loss"][0] < told["base rate"]["log_loss"][0]
    assert learn_returning(moments[:2], HORIZON, seed=0) is None, "two moments are too few"


@given(st.integers(0, 100), st.integers(1, 200))
def test_wilson_holds_the_share(hits: int, more: int) -> None:
    low, high = wilson(hits, hits + more)
    assert 0 <= low <= hits / (hits + more) <= high <= 1


def test_probabilities_that_are_right_have_no_calibration_error() -> None:
    random = np.random.default_rng(0)
    chance = random.uniform(0.02, 0.98, 20_000)
    happened = random.random(20_000) < chance
    assert calibration_error(bins_of(happened, chance)) < 0.02
    assert calibration_error(bins_of(happened, chance**3)) > 0.1
    corrected = fit_calibration(chance[:10_000] ** 3, happened[:10_000])(chance[10_000:] ** 3)
    assert calibration_error(bins_of(happened[10_000:], corrected)) < 0.03
    told = probabilities_told(happened, {"ours": chance, "base rate": np.full(20_000, 0.5)}, seed=0)
    assert told["base rate"]["ours_minus"]["brier"][2] < 0


@pytest.mark.parametrize("rate", [0.0, 1.0])
def test_one_outcome_only(rate: float) -> None:
    happened = np.full(50, bool(rate))
    features = np.random.default_rng(0).normal(size=(50, 3))
    assert fit_line(features, happened).predict(features) == pytest.approx(rate, abs=1e-3)
    assert fit_calibration(np.linspace(0, 1, 50), happened)(0.5) == pytest.approx(rate, abs=1e-3)


def test_a_field_is_kept_only_where_it_beats_guessing() -> None:
    random = np.random.default_rng(0)
    features = random.normal(size=(200, 3))
    club = {k: "tea" if features[k, 0] > 0 else "tools" for k in range(200)}
    found, told = learn_field("club", club, features)
    assert found is not None
    assert found.accuracy > 0.9 > found.majority
    assert (found.probabilities(features).argmax(axis=1) == (features[:, 0] <= 0) * 1).mean() > 0.9
    chance = {k: str(random.integers(3)) for k in range(200)}
    assert learn_field("luck", chance, features)[0] is None
    assert learn_field("rare", {0: "a", 1: "b"}, features)[1]["kept"] is False
    with pytest.raises(ConfigurationError, match="sensitive"):
        learn_field("religion", club, features)
    assert told["kept"]
    churches = {k: "Catholic" if features[k, 1] > 0.8 else value for k, value in club.items()}
    guessed, _ = learn_field("club", churches, features)
    assert guessed is not None
    assert guessed.classes == ("tea", "tools")
