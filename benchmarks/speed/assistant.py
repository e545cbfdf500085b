"""How long a turn with the assistant takes, alone and with many conversations at once, without a language model.

    python -m benchmarks.speed.assistant [--conversations 50] [--pause 2]

A made-up shop with the sample policies and dialogues. Conversations one after the other; many at once whose customers
read and type for a while (`--pause`) before the next message; and as many that never pause, which no customer does: it
shows how many turns a second there are at most. Prints one JSON object: milliseconds of a turn, and processor time of
one, which is the figure to compare on a machine that does other work.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from shoplens.apps.assistant import Turn
from shoplens.encoders.session import available_cores
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
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--encoder", default="e5-small", help="reads messages; hashed-ngrams needs no weights")
    parser.add_argument("--conversations", type=int, default=50, help="at once")
    parser.add_argument("--repetitions", type=int, default=10, help="conversations one after the other")
    parser.add_argument(
        "--pause", type=float, default=2.0, help="seconds from an answer to the next message, on average"
    )
    asked = parser.parse_args()
    people = asked.conversations
    with tempfile.TemporaryDirectory() as folder, open_assisted_shop(Path(folder), encoder=asked.encoder) as shop:
        converse(shop, 0, 0.0)  # what is opened at its first use
        told = {
            "alone": measured(lambda: [converse(shop, number + 1, 0.0) for number in range(asked.repetitions)]),
            f"{people} with pauses": measured(lambda: at_once(shop, people, 1_000, asked.pause)),
            f"{people} without a pause": measured(lambda: at_once(shop, people, 2_000, 0.0)),
        }
    print(json.dumps({"encoder": asked.encoder, "cores": available_cores(), "pause_seconds": asked.pause, **told}))


def measured(talk: Callable[[], list[list[tuple[float, str]]]]) -> dict[str, Any]:
    """Milliseconds of the turns of some conversations, how they ended, and what they cost."""
    clock, processor = time.perf_counter(), time.process_time()
    turns = [turn for one in talk() for turn in one]
    seconds, busy = time.perf_counter() - clock, time.process_time() - processor
    outcomes = Counter(outcome for _, outcome in turns)
    if outcomes.keys() & {"waiting", "with_agent", "handed_over"}:
        sys.exit(f"the assistant fell silent, which says nothing of how fast it answers: {dict(outcomes)}")
    return {
        "ms": spread([took for took, _ in turns]),
        "turns_per_second": round(len(turns) / seconds, 1),
        "cpu_ms_per_turn": round(1_000 * busy / len(turns), 2),
        "outcomes": dict(outcomes),
    }


def at_once(shop: Runtime, people: int, first: int, pause: float) -> list[list[tuple[float, str]]]:
    """So many conversations in threads of their own."""
    with ThreadPoolExecutor(people) as threads:
        return list(threads.map(lambda number: converse(shop, first + number, pause), range(people)))


def converse(shop: Runtime, number: int, pause: float) -> list[tuple[float, str]]:
    """Milliseconds and outcome of each turn of one conversation; the words differ a little from those of the others, so
    that nothing is remembered. `pause`: seconds, the mean of an exponential distribution."""
    random = np.random.default_rng(number)
    name: str | None = None
    told: list[tuple[float, str]] = []
    for text in TURNS:
        time.sleep(random.exponential(pause) if pause else 0.0)
        began = time.perf_counter()
        said = Turn(text=f"{text} ({number})" if len(text) > 10 else text, user_id="ann", conversation_id=name)
        reply = shop.assistant.turn(said)
        name = reply.conversation_id
        told.append((1_000 * (time.perf_counter() - began), reply.outcome))
    return told


def spread(values: list[float]) -> dict[str, float]:
    """Median and 95th percentile."""
    return {"p50": round(float(np.quantile(values, 0.5)), 1), "p95": round(float(np.quantile(values, 0.95)), 1)}


if __name__ == "__main__":
    main()
