"""RecTools as a service (see `peer_service`). Run by `live` in an environment of its own: it needs an older numpy.

Its models answer from a data set. Most would have to be fitted again when a history changes; its item-knn (TF-IDF)
reads the history from the data set when it is asked, so a request makes one of the person alone, as they are now. Reads
NDJSON files, one line an event (`[user_id, place, weight]`) and one a product (`[categories, brand, price, colour]`).
"""

from __future__ import annotations

import argparse
import sys
import warnings
from pathlib import Path

import numpy as np
import orjson
import pandas as pd
from implicit.nearest_neighbours import TFIDFRecommender
from rectools import Columns
from rectools.dataset import Dataset, IdMap, Interactions
from rectools.models import ImplicitItemKNNWrapperModel
from threadpoolctl import threadpool_limits

from benchmarks.speed.peer_service import Facts, History, Mask, histories, serve

NEIGHBOURS = 50
ANY_TIME = pd.Timestamp("2026-01-01")  # RecTools asks for times; this model does not read them


class FromDataset:
    """The model, and everybody's history."""

    def __init__(self, events: Path, products: int) -> None:
        self.histories = histories()
        for line in events.read_bytes().splitlines():
            user, place, weight = orjson.loads(line)
            history = self.histories[user]
            history[place] = history.get(place, 0.0) + weight
        rows = [(user, place, weight) for user, done in self.histories.items() for place, weight in done.items()]
        log = pd.DataFrame(rows, columns=[Columns.User, Columns.Item, Columns.Weight])
        log[Columns.Datetime] = ANY_TIME
        dataset = Dataset.construct(log)
        self.items: IdMap = dataset.item_id_map
        self.known = np.zeros(products, np.bool_)
        self.known[self.items.external_ids.astype(np.int64)] = True
        self.model = ImplicitItemKNNWrapperModel(TFIDFRecommender(K=NEIGHBOURS, num_threads=1))
        self.model.fit(dataset)

    def best(self, history: History, n: int, allowed: Mask | None) -> list[tuple[int, float]]:
        """The answer to a history."""
        done = {place: weight for place, weight in history.items() if self.known[place]}
        only = None if allowed is None else np.flatnonzero(allowed & self.known)
        if not done or (only is not None and not len(only)):
            return []
        log = pd.DataFrame({Columns.Item: list(done), Columns.Weight: list(done.values())})
        log[Columns.User], log[Columns.Datetime] = 0, ANY_TIME
        users = IdMap(np.zeros(1, np.int64))
        dataset = Dataset(users, self.items, Interactions.from_raw(log, users, self.items))
        found = self.model.recommend([0], dataset, n, filter_viewed=True, items_to_recommend=only)
        return list(zip(found[Columns.Item].tolist(), found[Columns.Score].tolist(), strict=True))


def main() -> None:
    """Learn, then serve until a signal."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=Path, required=True)
    parser.add_argument("--products", type=Path, required=True)
    parser.add_argument("--port", type=int, required=True)
    wanted = parser.parse_args()
    warnings.filterwarnings("ignore", category=FutureWarning)  # RecTools' own, one a request
    facts = Facts()
    for line in wanted.products.read_bytes().splitlines():
        category, brand, price, colour = orjson.loads(line)
        facts.add(tuple(category), brand, price, colour)
    model = FromDataset(wanted.events, len(facts.brand))
    threadpool_limits(1)
    print("ready", file=sys.stderr, flush=True)
    serve(wanted.port, model.histories, facts, model.best)


if __name__ == "__main__":
    main()
