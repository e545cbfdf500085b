"""What fine-tuning the text encoder brings on the grocery sample: python -m benchmarks.quality.content_ranker --help

Learns from the weeks before the last eight and is judged on the four after them; the last four weeks are never read. A
tenth of the distinct texts lose all their events from training: their products stand for those that come new. Each
model gets the same events, the same people and the same hidden products.
"""

from __future__ import annotations

import argparse
import json
import time
from typing import Any

import numpy as np
import polars as pl
import torch

from shoplens.domain.catalogue import Product
from shoplens.domain.dataset import Interactions, Modality, TrainingData
from shoplens.domain.vocabulary import Vocabulary
from shoplens.ingest.samples.grocery import data_folder, products, purchases
from shoplens.learning.evaluate import evaluate, masked_scores
from shoplens.learning.holdout import Holdout, build_holdout
from shoplens.models.base import Recommender
from shoplens.models.content_ranker import ContentRanker
from shoplens.models.fusion import Fusion
from shoplens.models.popularity import Popularity

WEEK = pl.duration(days=7)


def main() -> None:
    """Fit each model named and print one JSON object a line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--households", type=int, default=600)
    parser.add_argument("--least-events", type=int, default=20, help="purchase lines that a product of the sample has")
    parser.add_argument("--weeks", type=int, default=26, help="of training")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--models", nargs="+", default=["popularity", "frozen", "content-ranker"])
    parser.add_argument("--set", nargs="*", default=[], metavar="NAME=VALUE", help="settings of the content ranker")
    chosen = parser.parse_args()
    torch.set_num_threads(chosen.threads)
    data, holdout = grocery(chosen.households, chosen.least_events, chosen.weeks, chosen.seed)
    print(json.dumps(_facts(data, holdout)), flush=True)
    settings: dict[str, Any] = {name: json.loads(value) for name, value in (one.split("=", 1) for one in chosen.set)}
    for name in chosen.models:
        began = time.perf_counter()
        model = _made(name, chosen.seed, settings)
        fitted = model.fit(_with_text_vectors(data) if name == "fusion" else data)
        seconds = time.perf_counter() - began
        result = evaluate(model, holdout, (20,), seed=chosen.seed)
        row = {
            "model": name,
            "recall@20": round(result.means["recall@20"], 4),
            "interval": [round(result.low["recall@20"], 4), round(result.high["recall@20"], 4)],
            "ndcg@20": round(result.means["ndcg@20"], 4),
            "unseen_recall@20": round(result.cold_recall or 0.0, 4),
            "unseen_among_unseen@20": round(_among_unseen(fitted, holdout), 4),
            "seconds": round(seconds, 1),
        }
        print(json.dumps(row), flush=True)
        for entry in getattr(model, "history", []) if name == "content-ranker" else []:
            print(json.dumps({key: round(value, 4) for key, value in entry.items()}), flush=True)


def grocery(households: int, least: int, weeks: int, seed: int) -> tuple[TrainingData, Holdout]:
    """A sample of households, their purchases of products that sell, and what they bought in the four weeks after."""
    rng = np.random.default_rng(seed)
    folder = data_folder()
    events = purchases(pl.scan_parquet(folder / "transactions.parquet")).filter(pl.col("quantity") > 0).collect()
    end = events["timestamp"].max()
    events = events.filter(
        (pl.col("timestamp") < pl.lit(end) - 4 * WEEK) & (pl.col("timestamp") >= pl.lit(end) - (8 + weeks) * WEEK)
    )
    people = np.sort(events["user_id"].unique().to_numpy())
    people = rng.choice(people, min(households, len(people)), replace=False)
    before = events.filter(pl.col("timestamp") < pl.lit(end) - 8 * WEEK)
    selling = before.group_by("item_id").len().filter(pl.col("len") >= least).select("item_id")
    prices = pl.DataFrame(schema={"item_id": pl.String, "price": pl.Float64})
    listed = products(pl.read_parquet(folder / "products.parquet"), prices).collect()
    listed = listed.join(selling, on="item_id", maintain_order="left", how="semi")
    events = events.filter(pl.col("user_id").is_in(people.tolist())).join(selling, on="item_id", how="semi")
    items, users = Vocabulary(listed["item_id"].to_list()), Vocabulary(sorted(people.tolist()))
    texts = tuple(_text(row) for row in listed.iter_rows(named=True))
    parts = [events.filter(pl.col("timestamp") < pl.lit(end) - 8 * WEEK)]
    parts.append(events.filter(pl.col("timestamp") >= pl.lit(end) - 8 * WEEK))
    train, valid = (_interactions(part, users, items) for part in parts)
    distinct = sorted(set(texts))
    hidden = set(rng.choice(np.array(distinct, object), len(distinct) // 10, replace=False).tolist())
    unseen = np.array([text in hidden for text in texts])
    train = train.take(~unseen[train.item])
    now = int(valid.timestamp.min())
    return TrainingData(train, texts=texts), build_holdout(valid, history=train, trained_on=train, mask=train, now=now)


def _text(row: dict[str, Any]) -> str:
    """The text of a product as a shop's text encoder reads it."""
    attributes = {"label": (row["label"],), "size": (row["package_size"] or "",)}
    category = tuple((row["category"] or "").split(" > "))
    return Product(item_id=row["item_id"], title=row["title"], category=category, attributes=attributes).text


def _interactions(events: pl.DataFrame, users: Vocabulary, items: Vocabulary) -> Interactions:
    return Interactions(
        users,
        items,
        users.rows(events["user_id"].to_list()).astype(np.int32),
        items.rows(events["item_id"].to_list()).astype(np.int32),
        np.ones(len(events), np.float32),
        events["timestamp"].dt.epoch("us").to_numpy().astype(np.int64),
    )


def _made(name: str, seed: int, settings: dict[str, Any]) -> Recommender:
    if name == "popularity":
        return Popularity()
    if name == "fusion":
        return Fusion(seed=seed)
    if name == "frozen":  # the start of the content ranker: mean of a history's centred vectors, 384 axes kept
        return ContentRanker(seed=seed, stop_after=(0, 0), embedding_size=384)
    return ContentRanker(seed=seed, **settings)


def _with_text_vectors(data: TrainingData) -> TrainingData:
    """The same with frozen text vectors as a modality, for the fusion."""
    ranker = ContentRanker(stop_after=(0, 0), embedding_size=384).fit(data)
    vectors = ranker.item_vectors
    return TrainingData(data.interactions, (Modality("text", vectors, ranker.scorable),), None, data.texts)


def _among_unseen(model: Recommender, holdout: Holdout) -> float:
    """Recall@20 of unseen products when only they are ranked: mean over people who bought one."""
    unseen = np.flatnonzero(holdout.item_events == 0)
    recalls = []
    for person in range(len(holdout)):
        truth = holdout.truth_item[holdout.truth_indptr[person] : holdout.truth_indptr[person + 1]]
        wanted = np.intersect1d(truth, unseen)
        if len(wanted):
            scores = masked_scores(model, holdout, person, person + 1)[0][unseen]
            top = unseen[np.lexsort((unseen, -scores))[:20]]
            recalls.append(len(np.intersect1d(top, wanted)) / min(len(wanted), 20))
    return float(np.mean(recalls)) if recalls else 0.0


def _facts(data: TrainingData, holdout: Holdout) -> dict[str, Any]:
    return {
        "events": len(data.interactions),
        "people": len(holdout),
        "products": len(data.interactions.items),
        "distinct_texts": len(set(data.texts or ())),
        "unseen_products": int((holdout.item_events == 0).sum()),
        "unseen_pairs": int((holdout.item_events[holdout.truth_item] == 0).sum()),
        "pairs": len(holdout.truth_item),
    }


if __name__ == "__main__":
    main()
