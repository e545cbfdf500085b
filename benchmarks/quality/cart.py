"""What completes a cart, and a person's next basket, judged on real baskets beside what is simpler or published.

    python -m benchmarks.quality.cart SHOP [--days 28] [--each 2] [--seed 0]

SHOP is a workspace with purchases (`shoplens demo` makes one). The last `--days` are the test, as many before them
validation: there every method's settings and our weights are chosen, with tables of what was bought earlier. The test
is scored once, with tables of everything before it. Two questions: which product was taken out of a basket (up to
`--each` baskets of a person; asked knowing the person, and as a guest), and what a person's next basket holds. Prints
one JSON object: Recall@10 and NDCG@10, means over people with bootstrap 95 % intervals, and paired differences; and how
much of the processor's time an answer and a training take.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.quality.cart_rivals import Ask, Rival, Rivals, hits_of
from shoplens.domain.events import MICROSECONDS_PER_DAY
from shoplens.learning.cart import Purchases, Question, choose_weights, leave_one_out, next_baskets
from shoplens.learning.metrics.bootstrap import compare, intervals
from shoplens.learning.metrics.ranking import ndcg, recall
from shoplens.models.cart import Baskets, CartModel, CartSettings
from shoplens.service.cart_training import baskets_of, kinds_of
from shoplens.service.dataset import read_log
from shoplens.service.workspace import Workspace
from shoplens.store.sql import open_store

K = 10
OURS = "cart"
ON_VALIDATION = 600  # questions with which a rival's settings are chosen
MEASURES = {"recall@10": recall, "ndcg@10": ndcg}

PerPerson = dict[str, npt.NDArray[np.float64]]  # measure → [n_people]


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("shop", type=Path)
    parser.add_argument("--days", type=int, default=28, help="of the test, and of validation")
    parser.add_argument("--each", type=int, default=2, help="baskets of a person that lose a product")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    began = time.perf_counter()
    baskets, kind = read_shop(given.shop)
    day = MICROSECONDS_PER_DAY
    test_cut = (baskets.end // day + 1 - given.days) * day
    valid_cut = test_cut - given.days * day
    before_test = baskets.take(np.flatnonzero(baskets.time < test_cut))
    started = time.process_time()
    chosen = choose_weights(before_test, kind, days=(before_test.end - valid_cut) / day, seed=given.seed)
    weigh_seconds = time.process_time() - started
    _tell(began, f"our weights are chosen: {json.dumps(chosen.figures)}")
    names = _choose_rivals(before_test, valid_cut, given.seed, began)
    started = time.process_time()
    model = CartModel.fit(before_test, kind, CartSettings(weights=chosen.weights))
    fit_seconds = time.process_time() - started
    later = np.flatnonzero(baskets.time >= test_cut)
    rivals, purchases = Rivals(before_test, baskets), Purchases(baskets)
    hidden = _some_of_each(baskets, leave_one_out(baskets, later, given.seed, len(later)), given.each)
    following = next_baskets(baskets, later, given.seed, len(later))
    known = [one for one in hidden if len(purchases.baskets_before(one.basket))]
    following = [one for one in following if len(purchases.baskets_before(one.basket))]
    result: dict[str, Any] = {
        "shop": given.shop.name,
        "products": baskets.n_items,
        "baskets": {"learnt from": len(before_test), "test": len(later)},
        "test_days": given.days,
        "weights": chosen.weights,
        "validation": chosen.figures,
        "cpu_seconds": {"weights": round(weigh_seconds, 1), "tables": round(fit_seconds, 1)},
    }

    def ours(*, person: bool) -> Ask:
        return lambda question: model.score(purchases.asked(model, question, known=person)).total

    tasks: dict[str, tuple[list[Question], list[Rival]]] = {
        "leave one out, person known": (known, [Rival(OURS, "", ours(person=True)), *_named(rivals, names["cart"])]),
        "leave one out, guest": (
            hidden,
            [
                Rival(OURS, "", ours(person=False)),
                *(one for one in _named(rivals, names["cart"]) if one.name == "top popular"),
                rivals.item_knn(person=False),
            ],
        ),
        "next basket": (following, [Rival(OURS, "", ours(person=True)), *_named(rivals, names["next"])]),
    }
    for task, (questions, methods) in tasks.items():
        result[task] = judge(baskets, questions, methods, given.seed)
        _tell(began, f"{task}: {json.dumps(result[task]['methods'])}")
    result["cpu_ms"] = speed(model, baskets, purchases, known, given.seed)
    print(json.dumps(result))


def read_shop(folder: Path) -> tuple[Baskets, npt.NDArray[np.int32]]:
    """All baskets of a workspace, and the kind of each product."""
    store = open_store(Workspace.open(folder).database_url)
    try:
        log, _ = read_log(store)
        return baskets_of(log)[1], kinds_of(store, log.items)
    finally:
        store.close()


def judge(baskets: Baskets, questions: Sequence[Question], methods: Sequence[Rival], seed: int) -> dict[str, Any]:
    """Ask every method once; means over people, and ours minus each other's."""
    found = {one.name: (one, figures(baskets, questions, hits_of(one.ask, questions, K))) for one in methods}
    ours = found[OURS][1]
    told: dict[str, Any] = {}
    for name, (one, values) in found.items():
        told[name] = {"setting": one.setting}
        for measure, numbers in values.items():
            low, high = intervals(numbers[:, None], seed=seed)[0]
            told[name] |= {measure: round(float(numbers.mean()), 4), f"{measure}_95": [round(low, 4), round(high, 4)]}
    differences = {
        name: {
            measure: {key: round(value, 4) for key, value in asdict(compare(ours[measure], numbers, seed=seed)).items()}
            for measure, numbers in values.items()
        }
        for name, (_, values) in found.items()
        if name != OURS
    }
    people = len(ours["ndcg@10"])
    return {"questions": len(questions), "people": people, "methods": told, "ours_minus": differences}


def figures(baskets: Baskets, questions: Sequence[Question], hits: npt.NDArray[np.bool_]) -> PerPerson:
    """Mean of each measure over the questions of each person."""
    wanted = np.array([len(one.wanted) for one in questions], np.int64)
    _, person = np.unique(baskets.user[[one.basket for one in questions]], return_inverse=True)
    count = np.bincount(person)
    return {name: np.bincount(person, measure(hits, wanted, K)) / count for name, measure in MEASURES.items()}


def speed(
    model: CartModel, baskets: Baskets, purchases: Purchases, questions: Sequence[Question], seed: int
) -> dict[str, dict[str, float]]:
    """Milliseconds of the processor that one answer with its sets takes, all threads: the test's carts, and carts of 1
    and 100 products, of people known."""
    random = np.random.default_rng(seed)
    allowed = np.ones(model.n_items, np.bool_)
    told = {}
    for name, size in (("test carts", None), ("1 product", 1), ("100 products", 100)):
        spent = []
        for question in [questions[k] for k in random.integers(0, len(questions), 1_000)]:
            cart = question.cart if size is None else np.unique(random.choice(baskets.item, size)).astype(np.int64)
            bought = purchases.before(question.basket)
            one = Question(question.basket, cart, question.wanted)
            started = time.process_time()
            asked = purchases.asked(model, one, known=False)
            asked = type(asked)(asked.items, asked.weight, model.habits(*bought))
            total = model.score(asked).total
            np.argpartition(-total, K)
            model.sets(cart, allowed, 3)
            spent.append((time.process_time() - started) * 1_000)
        told[name] = {f"p{q}": round(float(np.percentile(spent, q)), 2) for q in (50, 99)}
    return told


def _choose_rivals(before_test: Baskets, valid_cut: int, seed: int, began: float) -> dict[str, list[str]]:
    """Names and settings that were best by NDCG@10 on validation, for carts and for next baskets."""
    fitted = before_test.take(np.flatnonzero(before_test.time < valid_cut))
    later = np.flatnonzero(before_test.time >= valid_cut)
    rivals = Rivals(fitted, before_test)
    asked = {
        "cart": leave_one_out(before_test, later, seed + 1, ON_VALIDATION),
        "next": next_baskets(before_test, later, seed + 1, ON_VALIDATION),
    }
    names: dict[str, list[str]] = {}
    for task, questions in asked.items():
        some = [one for one in questions if len(rivals.purchases.baskets_before(one.basket))]
        wanted = np.array([len(one.wanted) for one in some], np.int64)
        names[task] = []
        for settings in rivals.all(cart=task == "cart"):
            best = max(settings, key=lambda one: ndcg(hits_of(one.ask, some, K), wanted, K).mean())
            names[task].append(f"{best.name}: {best.setting}")
            _tell(began, f"chosen for {task}: {names[task][-1]}")
    return names


def _named(rivals: Rivals, names: Sequence[str]) -> list[Rival]:
    """The methods that validation chose, fitted on what `rivals` holds."""
    return [one for settings in rivals.all(cart=True) for one in settings if f"{one.name}: {one.setting}" in names]


def _some_of_each(baskets: Baskets, questions: Sequence[Question], most: int) -> list[Question]:
    """The first few questions of each person; baskets are in order of time."""
    asked: dict[int, int] = {}
    kept = []
    for one in questions:
        person = int(baskets.user[one.basket])
        if asked.get(person, 0) < most:
            asked[person] = asked.get(person, 0) + 1
            kept.append(one)
    return kept


def _tell(began: float, what: str) -> None:
    print(f"{time.perf_counter() - began:7.1f} s  {what}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
