"""How long a turn with the assistant takes, alone and with many conversations at once, without a language model.

A made-up shop with the sample policies and dialogues; one JSON object on stdout, milliseconds.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from shoplens.apps.assistant import Turn
from shoplens.service.runtime import Runtime
from shoplens.testing.assisted_shop import open_assisted_shop

TURNS = (
    "hello",
    "how long can I return shoes?",
    "how much is the red steel kettle?",
    "and is it in stock?",
    "where is my order",
    "what does express delivery cost",
    "my card was declined",
    "退货期限是多久",
    "取消订单要手续费吗",
    "do you sell blue lamps",
    "I forgot my password",
    "what is the capital of France",
)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--encoder", default="e5-small", help="reads messages; hashed-ngrams needs no weights")
    parser.add_argument("--conversations", type=int, default=50, help="at once")
    parser.add_argument("--repetitions", type=int, default=10, help="conversations one after the other")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, open_assisted_shop(Path(folder), encoder=asked.encoder) as shop:
        converse(shop, 0)  # what is opened at its first use
        alone = [took for number in range(asked.repetitions) for took in converse(shop, number + 1)]
        began = time.perf_counter()
        with ThreadPoolExecutor(asked.conversations) as people:
            rounds = people.map(lambda number: converse(shop, 1_000 + number), range(asked.conversations))
            together = [took for one in rounds for took in one]
        seconds = time.perf_counter() - began
    print(
        json.dumps(
            {
                "alone_ms": spread(alone),
                "together_ms": spread(together),
                "conversations": asked.conversations,
                "turns_per_second": round(len(together) / seconds, 1),
                "encoder": asked.encoder,
            }
        )
    )


def converse(shop: Runtime, number: int) -> list[float]:
    """Milliseconds of each turn of one conversation; the words differ a little, so that nothing is remembered."""
    name: str | None = None
    took = []
    for text in TURNS:
        began = time.perf_counter()
        said = Turn(text=f"{text} ({number})" if len(text) > 10 else text, user_id="ann", conversation_id=name)
        name = shop.assistant.turn(said).conversation_id
        took.append(1_000 * (time.perf_counter() - began))
    return took


def spread(values: list[float]) -> dict[str, float]:
    """Median and 95th percentile."""
    return {"p50": round(float(np.quantile(values, 0.5)), 1), "p95": round(float(np.quantile(values, 0.95)), 1)}


if __name__ == "__main__":
    main()
