"""The parts of a profile: laws of shares, visits, quantiles, price bands, and the clock."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st

from shoplens.domain.events import EVENT_CODES, EVENT_WEIGHTS, MICROSECONDS_PER_DAY, Event, EventType
from shoplens.domain.sensitive_words import TEXT_PARTS, TEXT_WORDS
from shoplens.models.profile.affinity import ShopAverage, affinities, tally
from shoplens.models.profile.deeds import Deeds, local_hours
from shoplens.models.profile.habits import FEATURES, Visits, features, group_quantile, habits
from shoplens.models.profile.segments import Segment, Segments, shortened
from shoplens.models.profile.traits import DEED_FIELDS, PriceBands, TraitColumns, traits_of

NOW = 1_760_000_000_000_000
ZONE = "UTC"
ZONES = ("UTC", "America/New_York", "Asia/Kathmandu", "Asia/Shanghai", "Australia/Adelaide", "Europe/Berlin")
Deed = tuple[int, int, int, float]  # person, item, days before NOW, price

some_deeds = st.lists(
    st.tuples(st.integers(0, 3), st.integers(0, 4), st.integers(0, 60), st.floats(1, 20)), min_size=1, max_size=60
)


def deeds_of(rows: list[Deed], kind: EventType = EventType.PURCHASE) -> Deeds:
    person, item, days, price = (np.array(column) for column in zip(*rows, strict=True))
    n = len(rows)
    return Deeds.of(
        person,
        4,
        item=item,
        kind=np.full(n, EVENT_CODES[kind], np.int16),
        time=NOW - 1 - days.astype(np.int64) * MICROSECONDS_PER_DAY,
        weight=np.ones(n, np.float32),
        paid=price.astype(np.float32),
        price=price.astype(np.float32),
        usual=np.full(n, 10, np.float32),
    )


COLUMNS = TraitColumns.of([("brand", "a"), ("brand", "b"), *((f, v) for f, vs in DEED_FIELDS.items() for v in vs)])
ROWS = sp.csr_matrix(np.array([[1, 0], [0, 1], [1, 0], [0, 1], [0, 0]]) @ np.eye(2, len(COLUMNS)), dtype=np.float32)


@given(some_deeds)
def test_shares_of_a_field_add_up_and_lie_between_the_own_and_the_shops(rows: list[Deed]) -> None:
    counted = tally(deeds_of(rows), ROWS, COLUMNS, now=NOW)
    average = ShopAverage(np.full(len(COLUMNS), 0.5), np.full(len(COLUMNS.fields), 10.0))
    brands = COLUMNS.of_field("brand")
    shares = average.shares(counted, COLUMNS, brands)
    assert np.allclose(shares.sum(axis=1), 1)
    assert np.all((shares >= 0) & (shares <= 1))
    place = COLUMNS.fields.index("brand")
    seen = counted.liked[:, brands].toarray()
    for k in range(4):
        if counted.total[k, place]:
            own = seen[k] / counted.total[k, place]
            assert np.all(shares[k] >= np.minimum(own, 0.5) - 1e-9)
            assert np.all(shares[k] <= np.maximum(own, 0.5) + 1e-9)
        assert counted.effective[k, place] <= len(rows) + 1e-9


@given(some_deeds, st.integers(0, 60))
def test_what_comes_later_changes_nothing(rows: list[Deed], days: int) -> None:
    moment = NOW - days * MICROSECONDS_PER_DAY
    deeds = deeds_of(rows)
    early = deeds.before(moment)
    act = EventType.PURCHASE
    assert np.array_equal(features(deeds, moment, act, ZONE), features(early, moment, act, ZONE))
    a, b = (tally(one, ROWS, COLUMNS, now=moment) for one in (deeds, early))
    assert (a.liked != b.liked).nnz == 0
    assert np.array_equal(a.effective, b.effective)


@given(some_deeds)
def test_one_person_alone_is_worked_out_like_among_others(rows: list[Deed]) -> None:
    deeds = deeds_of(rows)
    together = features(deeds, NOW, EventType.PURCHASE, ZONE)
    for k in range(len(deeds)):
        alone = features(deeds.of_people(k, k + 1), NOW, EventType.PURCHASE, ZONE)
        assert np.allclose(alone[0], together[k])


@given(st.lists(st.tuples(st.integers(0, 4), st.floats(-100, 100)), max_size=50), st.floats(0, 1))
def test_group_quantiles_are_numpys(rows: list[tuple[int, float]], q: float) -> None:
    person = np.array([k for k, _ in rows], np.int64)
    values = np.array([value for _, value in rows], np.float64)
    found = group_quantile(person, values, 5, q)
    for k in range(5):
        mine = values[person == k]
        assert np.isnan(found[k]) if not len(mine) else found[k] == pytest.approx(np.quantile(mine, q))


def test_a_weekly_shopper() -> None:
    deeds = deeds_of([(1, 0, days, 10.0) for days in range(3, 80, 7)] + [(1, 1, 3, 5.0)])
    known = habits(Visits.of(deeds, EventType.PURCHASE, ZONE), int(local_hours(np.array([NOW]), ZONE)[0] // 24))
    assert (known.visits[1], known.gap[1], known.recency[1]) == (11, 7, 3)
    assert known.paid[1] == pytest.approx(115)
    assert (known.visits[0], np.isnan(known.gap[0])) == (0, True)
    seen = features(deeds, NOW, EventType.PURCHASE, ZONE)
    assert seen.shape == (4, len(FEATURES))
    assert np.isfinite(seen).all()


def test_what_is_chosen_more_is_found_and_chance_is_not() -> None:
    rows = (
        [(0, 0, days, 10.0) for days in range(30)]
        + [(1, days % 2, days, 10.0) for days in range(30)]
        + [(2, 0, 1, 10.0)]
    )
    counted = tally(deeds_of(rows), ROWS, COLUMNS, now=NOW)
    average = ShopAverage(np.full(len(COLUMNS), 0.5), np.full(len(COLUMNS.fields), 4.0))
    found = affinities(counted, average, COLUMNS)
    brand = {int(k) for k, column in zip(found.person, found.column, strict=True) if COLUMNS.field[column] == 0}
    assert brand == {0}, "one deed says nothing, half and half is the shop's own"
    place = int(np.flatnonzero((found.person == 0) & (found.column == 0))[0])
    assert found.low[place] < found.share[place] < found.high[place]
    assert found.confidence[place] > 0.99


def test_events_become_the_same_deeds_as_columns() -> None:
    events = [
        Event(event_type=EventType.PURCHASE, timestamp=NOW - 5, item_id="x", price=8.0, quantity=2.0, currency="EUR"),
        Event(event_type=EventType.PURCHASE, timestamp=NOW - 4, item_id="x", price=8.0, currency="USD"),
        Event(event_type=EventType.PURCHASE, timestamp=NOW - 3, item_id="y", value=3.5),
        Event(event_type=EventType.SEARCH, timestamp=NOW - 2, query="tea"),
    ]
    deeds = Deeds.of_events([events], {"x": 0, "y": 1}.__getitem__, lambda _: 10.0, EVENT_WEIGHTS, "EUR")
    assert deeds.paid[[0, 2]].tolist() == [16.0, 3.5]
    assert np.isnan(deeds.paid[1])
    assert deeds.offers().tolist() == [1, -1, -1]


def test_the_clock_of_the_shop() -> None:
    winter, summer = (int(datetime(2025, month, 15, 23, tzinfo=UTC).timestamp() * 1e6) for month in (1, 7))
    hours = local_hours(np.array([winter, summer]), "Europe/Berlin") % 24
    assert hours.tolist() == [0, 1]
    assert (local_hours(np.array([winter]), "Asia/Shanghai") % 24).tolist() == [7]


@given(st.datetimes(datetime(2024, 1, 1), datetime(2026, 1, 1)), st.sampled_from(ZONES))
def test_the_clock_is_right_at_every_moment(moment: datetime, zone: str) -> None:
    there = moment.replace(tzinfo=UTC).astimezone(ZoneInfo(zone)).replace(tzinfo=UTC)
    asked = np.array([(moment.replace(tzinfo=UTC) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)])
    assert local_hours(asked, zone)[0] == int(there.timestamp() // 3_600)


def test_price_bands_compare_like_with_like() -> None:
    bands = PriceBands.fit(
        [(("food", "tea"), float(k)) for k in range(1, 13)] + [(("tools",), 100.0 + k) for k in range(12)]
    )
    assert [bands.band(("Food", "Tea"), price) for price in (2, 6, 11)] == ["budget", "middle", "premium"]
    assert bands.band(("tools",), 100.0) == "budget"
    assert bands.band(("tools", "new kind"), 111.0) == "premium"
    assert bands.band((), float("nan")) is None


def test_sensitive_attributes_are_no_traits() -> None:
    attributes = {"Color": ("Red",), "颜色": ("red",), "Religion": ("x",), "upsells": ("p1",)}
    found = traits_of(("a", "b"), "Acme", 1.0, attributes, PriceBands())
    columns = TraitColumns.of(found)
    assert set(columns.fields) == {"category", "category.2", "brand", "attributes.colour"}
    assert len(columns) == 4, "Red and red are one"
    assert columns.rows([found, [("brand", "ACME"), ("brand", "other")]]).toarray().sum(axis=1).tolist() == [4, 1]


def test_sensitive_values_categories_and_brands_are_no_traits() -> None:
    attributes = {"Style": ("Maternity", "casual"), "isHalal": ("yes",), "Gender": ("women",), "Age": ("18-24",)}
    found = traits_of(("Food", "Kosher", "Bread"), "Gay Pride", 1.0, attributes, PriceBands())
    assert found == [
        ("category", "Food"),
        ("attributes.style", "casual"),
        ("attributes.gender", "women"),
        ("attributes.age", "18-24"),
    ]
    assert ("category.2", "Food > Kosher Salt") in traits_of(("Food", "Kosher Salt"), "", 1.0, {}, PriceBands())


@given(
    st.sampled_from([*TEXT_PARTS, *(word for words in TEXT_WORDS.values() for word in words)]),
    st.sampled_from(["category", "brand", "value", "name"]),
    st.sampled_from(["", "Great ", "my-"]),
)
def test_no_trait_holds_a_sensitive_word(word: str, where: str, before: str) -> None:
    text = before + word
    attributes = {text if where == "name" else "Style": (text if where == "value" else "plain",)}
    category = ("Home", text if where == "category" else "Kitchen", "Small")
    found = traits_of(category, text if where == "brand" else "Acme", 1.0, attributes, PriceBands())
    assert not any(word in value or word in name for name, value in found)
    assert ("category", "Home") in found


def test_a_few_odd_people_count_no_more_than_others() -> None:
    vectors = np.array([[1.0, 0.0], [0.0, 50.0], [0.1, 0.0]])
    short = shortened(vectors, 1.0)
    assert np.allclose(short, np.array([[1.0, 0.0], [0.0, 1.0], [0.1, 0.0]]))
    assert np.allclose(shortened(vectors, np.inf), vectors)
    segments = Segments((), np.array([[1.0, 0.0], [0.0, 1.0]]), np.zeros((2, 0)), 1.0)
    group = Segment("s1", {}, 1, ())
    place, clearness = replace(segments, groups=(group, group)).nearest(vectors)
    assert place.tolist() == [0, 1, 0]
    assert clearness[1] == 1


def test_segments_of_an_earlier_bundle_are_told_without_sensitive_words() -> None:
    kept = {
        "id": "s1", "names": {"en": "Halal & red", "zh": "清真与红色"}, "people": 9, "money": None,
        "traits": [["category.2", "Food > Halal", 3.0], ["attributes.colour", "red", 2.0]],
    }  # fmt: skip
    found = Segment.of(kept)
    assert dict(found.names) == {"en": "red", "zh": "红色"}
    assert found.traits == (("attributes.colour", "red", 2.0),)
    assert Segment.of({**kept, "names": {"en": "Halal"}}).names == {"en": "No particular taste"}


def deed_of(kind: EventType, days: float, item: str = "x", **told: float | str) -> Event:
    moment = NOW - 1 - round(days * MICROSECONDS_PER_DAY)
    return Event(event_type=kind, timestamp=moment, item_id=item, currency="EUR", **told)  # type: ignore[arg-type]


def read(events: list[Event]) -> Deeds:
    ordered = sorted(events, key=lambda event: event.timestamp)
    return Deeds.of_events([ordered], {"x": 0, "y": 1}.__getitem__, lambda _: 10.0, EVENT_WEIGHTS, "EUR")


def test_one_product_on_one_day_is_one_choice() -> None:
    often = [deed_of(EventType.VIEW, 1 + k / 1_000) for k in range(20)]
    deeds = read([*often, deed_of(EventType.PURCHASE, 1), deed_of(EventType.VIEW, 3, "y")])
    counted = tally(deeds, ROWS, COLUMNS, now=NOW)
    assert counted.deeds[0, :2].toarray().tolist() == [[1, 1]]
    assert counted.liked[0, 0] > 3 * counted.liked[0, 1], "the purchase speaks, and not the looks before it"
    part = COLUMNS.of_field("part_of_week")
    assert counted.deeds[0, part].sum() == 2, "a basket is one visit at one time"


def test_what_was_given_back_is_not_liked_and_not_spent() -> None:
    bought = [deed_of(EventType.PURCHASE, days, price=10.0) for days in (9, 6)]
    kept = [*bought, deed_of(EventType.PURCHASE, 6, "y", price=4.0)]
    for back in (deed_of(EventType.REFUND, 2), deed_of(EventType.REFUND, 2, price=10.0, quantity=1.0)):
        deeds = read([*kept, back])
        assert tally(deeds, ROWS, COLUMNS, now=NOW).deeds[0, :2].toarray().tolist() == [[1, 1]]
        visits = Visits.of(deeds, EventType.PURCHASE, ZONE)
        assert habits(visits, NOW // MICROSECONDS_PER_DAY).paid[0] == pytest.approx(14)
    stranger = read([*kept, deed_of(EventType.REFUND, 8, "y")])
    assert stranger.returns()[1].tolist() == [-1], "a refund before the purchase is of another one"


@given(some_deeds, st.integers(1, 40))
def test_a_pause_counts_so_much_at_most(rows: list[Deed], longest: int) -> None:
    deeds = deeds_of(rows)
    found = deeds.ages(NOW, longest * MICROSECONDS_PER_DAY) / MICROSECONDS_PER_DAY
    for k in range(len(deeds)):
        mine = slice(int(deeds.indptr[k]), int(deeds.indptr[k + 1]))
        until = np.append(deeds.time[mine], NOW) / MICROSECONDS_PER_DAY
        pauses = np.minimum(np.diff(until), longest)
        assert np.allclose(found[mine], np.cumsum(pauses[::-1])[::-1], atol=1e-6)


def test_one_event_after_years_does_not_wipe_a_taste_out() -> None:
    old = [deed_of(EventType.PURCHASE, 3_000 + days) for days in range(40)]
    counted = tally(read([*old, deed_of(EventType.VIEW, 0, "y")]), ROWS, COLUMNS, now=NOW)
    assert counted.effective[0, 0] > 30
    assert counted.liked[0, 0] > 5 * counted.liked[0, 1]
