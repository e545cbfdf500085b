"""What a whole answer of the cart costs the processor: reading the person, scoring the catalogue, rules, and sets.

    python -m benchmarks.speed.cart_answers SHOP [--answers 300] [--seed 0]

SHOP is a trained workspace with purchases (`shoplens demo` makes one). Carts are drawn from what people bought; the
four kinds of question take turns, so that a busy machine slows all alike, and milliseconds are the processor's, of all
threads. `reading` is the part of `known, 10 products` that the store takes for the person's latest events. Prints one
JSON object.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np

from shoplens.apps.cart import CartQuestion
from shoplens.models.cart.settings import HISTORY
from shoplens.service.cart_training import baskets_of
from shoplens.service.dataset import read_log
from shoplens.service.runtime import Runtime

SHOWN = 10
QUESTIONS = (  # name, products in the cart, whether the person is known
    ("guest, 1 product", 1, False),
    ("guest, 10 products", 10, False),
    ("known, 10 products", 10, True),
    ("known, empty cart", 0, True),
)


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("shop", type=Path)
    parser.add_argument("--answers", type=int, default=300, help="of each kind")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    with Runtime.open(given.shop) as shop:
        print(json.dumps({"shop": given.shop.name, "cpu_ms": measure(shop, given.answers, given.seed)}))


def measure(shop: Runtime, answers: int, seed: int) -> dict[str, dict[str, float]]:
    """Median and 99th percentile of each kind of question, after one of each that is not counted."""
    log, _ = read_log(shop.store)
    baskets = baskets_of(log)[1]
    random = np.random.default_rng(seed)
    wish = shop.cart_wish(n=SHOWN)
    spent: dict[str, list[float]] = {name: [] for name, _, _ in QUESTIONS}
    spent["reading"] = []
    for turn in range(answers + 1):
        for name, size, known in QUESTIONS:
            rows = random.choice(baskets.item, size)
            person = log.users.ids[int(random.choice(baskets.user))]
            question = CartQuestion(
                items=tuple(log.items.ids[row] for row in rows.tolist()), user_id=person if known else None
            )
            started = time.process_time()
            shop.answers.complete(wish, question)
            spent[name] += [(time.process_time() - started) * 1_000] if turn else []
            if known and size:
                started = time.process_time()
                shop.store.events.history(user_id=person, session_id=None, limit=HISTORY)
                spent["reading"] += [(time.process_time() - started) * 1_000] if turn else []
    return {
        name: {f"p{q}": round(float(np.percentile(times, q)), 2) for q in (50, 99)} for name, times in spent.items()
    }


if __name__ == "__main__":
    main()
