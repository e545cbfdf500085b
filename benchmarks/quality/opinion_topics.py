"""Topics that are discovered, or told by their names, against labels that people gave.

    SHOPLENS_BENCH=DIR python -m benchmarks.quality.opinion_topics [--posts 3000] [--seed 0]

DIR/classify/banking77/train.csv (questions to a bank, 77 intents) and DIR/assistant/support_en.csv (messages to a
shop, 27 intents); DIR/classify/online_shopping_zh/train.csv (Chinese reviews, which lie by the kind of goods, ten of
them, of each the praise before the complaints: after complaints, praise begins the next kind). Discovery sees the
first half of the texts, and no label; it may find 100 topics at most. Judged by normalised mutual information and
adjusted Rand index (0 for chance, 1 for the labels themselves), beside k-means on tf-idf, which is told the true
number. `adopted` sorts the other half by the words of the topics, as posts are read after `shoplens opinions topics
adopt`; its baseline is the same k-means. `again` discovers in half old and half new texts: the share of topics that
kept a name, and of those the share that mean the same label most. `by_name` tells the topics by the labels' names
alone, as posts are read where the settings name topics without phrases: the share that is right, no topic counting as
wrong; `name_alone` is the same with the vector of the bare name. The ways to put a name were chosen on banking77 and
the Chinese reviews, not on support_en. Intervals are 95 %: of scores by the delete-half jackknife over texts (Shao
and Wu 1989), of shares Wilson's. Prints one JSON object.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import sys
import time
import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.cluster import KMeans
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

from shoplens.apps.opinions.discovery import Discovery, discover
from shoplens.apps.opinions.topics import NONE_AT, TopicByName
from shoplens.apps.opinions.vectors import Vectors
from shoplens.domain.opinions import wilson
from shoplens.encoders.text import E5Encoder

DATA = {
    "banking77": ("classify/banking77/train.csv", "text", "label"),
    "support_en": ("assistant/support_en.csv", "instruction", "intent"),
}
REVIEWS = "classify/online_shopping_zh/train.csv"
GOODS = ("书籍", "平板", "手机", "水果", "洗发水", "热水器", "牛奶", "衣服", "计算机", "酒店")
MOST = 100  # topics
RESAMPLES = 200
SCORES: dict[str, Callable[[Any, Any], float]] = {"nmi": normalized_mutual_info_score, "ari": adjusted_rand_score}
Labels = npt.NDArray[Any]


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--posts", type=int, default=3_000, help="of each data set")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    bench = os.environ.get("SHOPLENS_BENCH")  # noqa: TID251 where the data are, not a setting
    if not bench:
        sys.exit("set SHOPLENS_BENCH to the folder that holds classify/ and assistant/")
    encoder = E5Encoder(Path.home() / ".cache" / "shoplens" / "models")
    result = {}
    made = {
        name: load(Path(bench) / file, text, label, given.posts, given.seed)
        for name, (file, text, label) in DATA.items()
    }
    made["reviews_zh"] = of_goods(Path(bench) / REVIEWS, given.posts, given.seed)
    for name, (texts, labels) in made.items():
        result[name] = judged(texts, labels, Vectors(encoder, most=2 * len(texts)), given.seed)
        print(name, json.dumps(result[name]), file=sys.stderr, flush=True)
    print(json.dumps(result))


def load(file: Path, text: str, label: str, most: int, seed: int) -> tuple[list[str], Labels]:
    """Texts and labels, each text once, in random order."""
    with file.open(encoding="utf-8-sig", newline="") as stream:
        return drawn({row[text].strip(): row[label] for row in csv.DictReader(stream)}, most, seed)


def of_goods(file: Path, most: int, seed: int) -> tuple[list[str], Labels]:
    """The same of the Chinese reviews and the kinds of goods that they are about."""
    kinds: dict[str, str] = {}
    kind, before = 0, "positive"
    with file.open(encoding="utf-8-sig", newline="") as stream:
        for row in csv.DictReader(stream):
            kind += (before, row["label"]) == ("negative", "positive")
            before = row["label"]
            kinds[row["text"].strip()] = GOODS[kind]
    return drawn(kinds, most, seed)


def drawn(labels: dict[str, str], most: int, seed: int) -> tuple[list[str], Labels]:
    """`most` texts in random order, and their labels."""
    rows = list(labels.items())
    order = np.random.default_rng(seed).permutation(len(rows))[:most].tolist()
    return [rows[row][0] for row in order], np.array([rows[row][1] for row in order])


def judged(texts: Sequence[str], labels: Labels, vectors: Vectors, seed: int) -> dict[str, Any]:
    """All figures of one data set."""
    half = len(texts) // 2
    seen, others = list(texts[:half]), list(texts[half:])
    known, unknown = labels[:half], labels[half:]
    began = time.process_time()
    centred = vectors.centred(texts)
    read = time.process_time() - began
    began = time.process_time()
    found = discover(seen, centred[:half], most=MOST, seed=seed)
    seconds = time.process_time() - began
    phrases = {one.name: [", ".join(words) for words in one.words.values()] for one in found.topics}
    adopted = np.array([topic or "" for topic, _ in TopicByName(vectors, phrases).topics(others)])
    plain, plain_others = by_words(seen, others, len(set(labels)), seed)
    return {
        "texts": len(texts),
        "labels": len(set(labels)),
        "topics": len(found.topics),
        "silhouette": round(found.silhouette, 4),
        "discovered": scores(known, found.of, seed),
        "discovered, tf-idf k-means": scores(known, plain, seed),
        "adopted": scores(unknown, adopted, seed),
        "adopted, tf-idf k-means": scores(unknown, plain_others, seed),
        **by_name(texts, labels, vectors),
        "again": again(texts, labels, centred, found, seed),
        "names": [one.name for one in found.topics[:12]],
        "cpu_seconds": {"vectors": round(read, 1), "discovery": round(seconds, 1)},
    }


def by_name(texts: Sequence[str], labels: Labels, vectors: Vectors) -> dict[str, Any]:
    """Topics told by the names of the labels."""
    names = sorted(set(labels.tolist()))
    told = TopicByName(vectors, dict.fromkeys(names, ())).topics(texts)
    cosines = vectors.centred(texts) @ vectors.centred([name.replace("_", " ") for name in names]).T
    alone = np.array(names)[cosines.argmax(axis=1)]
    return {
        "by_name": right(np.array([topic or "" for topic, _ in told]) == labels),
        "by_name_told": round(sum(topic is not None for topic, _ in told) / len(told), 4),
        "name_alone": right((alone == labels) & (cosines.max(axis=1) > NONE_AT)),
        "name_alone_told": round(float((cosines.max(axis=1) > NONE_AT).mean()), 4),
    }


def right(hits: npt.NDArray[np.bool_]) -> list[float]:
    """A share with its 95 % interval (Wilson)."""
    return [round(float(one), 4) for one in (hits.mean(), *wilson(int(hits.sum()), len(hits)))]


def by_words(seen: Sequence[str], others: Sequence[str], number: int, seed: int) -> tuple[Labels, Labels]:
    """K-means on tf-idf, fitted on some texts, of these and of others."""
    space = TfidfVectorizer(sublinear_tf=True, min_df=2, stop_words="english")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # texts without a known word are all alike
        model = KMeans(number, n_init=3, random_state=seed).fit(space.fit_transform(seen))
        return model.labels_, model.predict(space.transform(others))


def again(texts: Sequence[str], labels: Labels, centred: Any, found: Discovery, seed: int) -> dict[str, Any]:
    """Discovery on half old and half new texts."""
    half, quarter = len(texts) // 2, len(texts) // 4
    window = slice(quarter, quarter + half)
    before = [(one.name, one.middle) for one in found.topics]
    now = discover(texts[window], centred[window], before=before, most=MOST, seed=seed)
    meant = dict(zip([name for name, _ in before], commonest(labels[:half], found), strict=True))
    means = zip([one.name for one in now.topics], commonest(labels[window], now), strict=True)
    kept = [(meant[name], label) for name, label in means if name in meant]
    return {
        "topics": len(now.topics),
        "kept_a_name": round(len(kept) / len(now.topics), 4),
        "of_these_same_label": round(sum(one == two for one, two in kept) / max(len(kept), 1), 4),
    }


def commonest(labels: Labels, found: Discovery) -> list[str]:
    """The label that most posts of each topic have."""
    return [Counter(labels[found.of == place].tolist()).most_common(1)[0][0] for place in range(len(found.topics))]


def scores(truth: Labels, told: Labels, seed: int) -> dict[str, Any]:
    """Both scores with their intervals.

    Resampling with replacement would flatter both, because a text drawn twice agrees with itself.
    """
    random = np.random.default_rng(seed)
    halves = [random.permutation(len(truth))[: len(truth) // 2] for _ in range(RESAMPLES)]
    result: dict[str, Any] = {}
    for name, score in SCORES.items():
        value = float(score(truth, told))
        spread = 1.96 * float(np.std([score(truth[half], told[half]) for half in halves]))
        result[name] = round(value, 4)
        result[f"{name}_95"] = [round(value - spread, 4), round(value + spread, 4)]
    return result


if __name__ == "__main__":
    main()
