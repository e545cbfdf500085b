"""What people click teaches an order, although they click what stands at the top."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from shoplens.domain.events import EventType
from shoplens.learning.click_log import MOST_OF_ONE, WIDEST, ClickLog, gather, pair_keys
from shoplens.learning.click_ranking import earlier_rates, grow, learn_click_order
from shoplens.learning.position_bias import EDGES, LEAST, position_bias, steps
from shoplens.models.click_ranker import ClickRanker, ClickRates
from shoplens.store.records import SearchRecord, SearchResponse
from shoplens.testing.planted_searches import SHOWN, PlantedShop

ANSWERS = 5_000


@pytest.fixture(scope="module")
def shop() -> PlantedShop:
    return PlantedShop.make(seed=4)


@pytest.fixture(scope="module")
def visited(shop: PlantedShop) -> tuple[list[SearchRecord], list[SearchResponse]]:
    return shop.visit(ANSWERS, seed=4)


@pytest.fixture(scope="module")
def log(visited: tuple[list[SearchRecord], list[SearchResponse]]) -> ClickLog:
    return gather(*visited)


def orders(shop: PlantedShop, ranker: ClickRanker) -> dict[int, np.ndarray]:
    found = {}
    for query, items in shop.candidates():
        features = {
            "score": shop.scores(query)[items],
            "words": shop.words[query][items].astype(np.float32),
            "popularity": shop.quality[items].astype(np.float32),
        }
        scores = ranker.rescore(f"query {query}", [f"i{item}" for item in items], features)
        assert scores is not None
        found[query] = items[np.argsort(-scores, kind="stable")]
    return found


def test_the_learnt_order_beats_the_clicks_themselves(
    shop: PlantedShop, visited: tuple[list[SearchRecord], list[SearchResponse]], log: ClickLog
) -> None:
    records, responses = visited
    shown = Counter((record.query, item) for record in records for item in record.shown)
    clicks = Counter((one.query, one.item_id) for one in responses)
    base, naive = {}, {}
    for query, items in shop.candidates():
        names = [(f"query {query}", f"i{item}") for item in items]
        rate = np.array([clicks[name] / max(shown[name], 1) for name in names])
        base[query], naive[query] = items, items[np.argsort(-rate, kind="stable")]
    ranker, report = learn_click_order(log)
    assert ranker is not None
    assert report.kept
    assert report.low > 0
    learnt = shop.true_ndcg(orders(shop, ranker))
    assert learnt > shop.true_ndcg(naive) + 0.03
    assert shop.true_ndcg(naive) > shop.true_ndcg(base), "clicks do tell something"


def test_what_people_see_is_taken_out(shop: PlantedShop, log: ClickLog) -> None:
    looks = position_bias(pair_keys(log), log.place, log.taken)
    assert np.abs(np.log(looks[:SHOWN] / shop.look)).mean() < 0.15
    fair, blind = grow(log, looks), grow(log, np.ones(len(EDGES)))
    assert shop.true_ndcg(orders(shop, fair)) > shop.true_ndcg(orders(shop, blind)) + 0.01


def test_a_good_order_is_left_alone() -> None:
    shop = PlantedShop.make(seed=2)
    right = replace(shop, liking=1 / (1 + np.exp(2.0 - shop.words)))  # people like just what the words say
    ranker, report = learn_click_order(gather(*right.visit(3_000, seed=2)))
    assert ranker is None
    assert not report.kept
    assert "not clearly better" in report.told


def test_too_few_clicks_are_not_learnt_from(shop: PlantedShop) -> None:
    for answers in (0, 1, 100):
        ranker, report = learn_click_order(gather(*shop.visit(answers)))
        assert ranker is None
        assert np.isnan(report.ours)
    assert "300 are needed" in report.told


def test_the_same_log_teaches_the_same(log: ClickLog) -> None:
    some = log.take(np.arange(1_500))
    looks = np.ones(len(EDGES))
    assert grow(some, looks, seed=3).trees == grow(some, looks, seed=3).trees


def test_no_row_knows_its_own_click(log: ClickLog) -> None:
    seen = np.ones(len(log.item), np.float32)
    rates = earlier_rates(log, seen)
    half = len(log) // 2
    other = replace(log, gain=np.where(log.owner >= half, 3 * (log.gain == 0), log.gain).astype(np.float32))
    until = int(log.indptr[half + 1])
    assert np.array_equal(rates[:until], earlier_rates(other, seen)[:until]), "later clicks do not change earlier rows"
    last = len(log) - 1
    earlier = log.take(np.arange(last))
    counted = ClickRates.of(earlier.query[earlier.owner], earlier.item, seen[: len(earlier.item)], earlier.taken)
    rows = slice(int(log.indptr[last]), int(log.indptr[last + 1]))
    served = counted.features(int(log.query[last]), log.item[rows])
    assert np.allclose(served, rates[rows], atol=1e-3), "learning and serving count alike"


def test_places_without_evidence_follow_the_prior() -> None:
    nothing = np.zeros(0, np.int64)
    looks = position_bias(nothing, nothing, np.zeros(0, bool))
    assert looks[0] == 1
    assert (np.diff(looks) <= 0).all()
    assert (looks >= LEAST).all()
    assert looks[9] == pytest.approx(10**-0.7, rel=1e-3)
    assert steps(np.array([1, 10, 15, 16, 50, 51, 10_000])).tolist() == [0, 9, 10, 11, 13, 14, 14]


def record(number: int, **said: object) -> SearchRecord:
    told = {"user_id": "ann", "shown": ("tea", "cup"), **said}
    return SearchRecord(impression_id=f"imp{number}", timestamp=number, query="Green  TEA", **told)  # type: ignore[arg-type]


def test_gathering() -> None:
    records = [
        record(2, features={"score": (0.5, 0.25), "words": (1.0,), "personal": (0.1, 0.2)}, first=11),
        record(1),
        record(3, shown=()),
        replace(record(4), query=" "),
        record(5, user_id=None, session_id="ann", shown=tuple(f"i{n}" for n in range(80))),
    ]
    click = SearchResponse("imp2", "green tea", "cup", EventType.CLICK, 9, 12)
    bought = replace(click, event_type=EventType.PURCHASE)
    log = gather(records, [bought, click, replace(click, item_id="unshown"), replace(click, impression_id="else")])
    assert log.timestamp.tolist() == [1, 2, 5]
    assert len(set(log.query.tolist())) == 1, "letter case and spaces do not matter"
    assert log.asker.tolist() == [0, 0, 1]
    assert log.gain[:4].tolist() == [0, 0, 0, 3]
    assert log.place[:5].tolist() == [1, 2, 11, 12, 1]
    assert len(log.item) == 4 + WIDEST
    assert log.names == ("score", "words")
    assert log.column("score")[2:4].tolist() == [0.5, 0.25]
    assert np.isnan(log.column("words")).all(), "one number for two products says nothing"
    assert np.isnan(log.column("price")).all()
    part = log.take(np.array([2, 1]))
    assert part.item.tolist() == [*log.item[4:], *log.item[2:4]]


def test_nobody_decides_alone() -> None:
    log = gather([record(number) for number in range(MOST_OF_ONE + 50)] + [record(1_000, user_id="bob")], [])
    assert len(log) == MOST_OF_ONE + 1
    assert log.timestamp.min() == 50, "the latest are kept"
