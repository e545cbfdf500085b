"""The reference case: from a shop's files to answers that change with the next event, in one script.

    python examples/reference_case/reference_case.py --out reference-case

1000 people with 5 purchases each, 300 products of 5 attributes with 10 values each, profiles (gender, age, region),
photos and descriptions. All of it is made up, with a planted signal (see `made_up_shop.py`): so that it can be shown
that the signal is found, and how far an oracle is that knows it.
"""

from __future__ import annotations

import argparse
import html
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import numpy as np
from made_up_shop import ATTRIBUTES, MadeUpShop, make_shop

from shoplens.compute.local import LocalExecutor
from shoplens.domain.dataset import Histories, TrainingData
from shoplens.domain.events import Event, EventType
from shoplens.learning.evaluate import Evaluation, evaluate
from shoplens.learning.metrics.bootstrap import compare
from shoplens.learning.report import inline, table, write_report
from shoplens.learning.split import Split
from shoplens.models.fusion import Fusion
from shoplens.models.popularity import Popularity
from shoplens.recommend.rules import Wish
from shoplens.service.dataset import read_interactions
from shoplens.service.embedding import embed_shop, shop_modalities
from shoplens.service.intake import ingest_events, ingest_people, ingest_products
from shoplens.service.runtime import Runtime
from shoplens.service.training import train_shop
from shoplens.service.training_events import cut
from shoplens.service.workspace import Workspace
from shoplens.store.base import Store
from shoplens.store.sql import open_store

#: A person is read by the MLP over the pooled history; L2 and dropout keep 5000 purchases from being learnt by heart.
#: Both optimisers are tried, validation chooses.
NETWORK: dict[str, Any] = {"history": "mlp", "embedding_size": 64, "hidden_size": 64, "dropout": 0.3, "patience": 4}
OPTIMISERS: dict[str, dict[str, Any]] = {
    "Adam": {"optimiser": "adam", "weight_decay": 1e-4, "learning_rate": 3e-3},
    "SGD": {"optimiser": "sgd", "weight_decay": 1e-4, "learning_rate": 0.3, "momentum": 0.9},
}
#: What a network without the others reads: what each kind of content is good for, above all for new products.
DIETS = {
    "behaviour only": ("text", "image", "attributes"),
    "with photos": ("text", "attributes"),
    "with texts": ("image", "attributes"),
    "with photos and texts": ("attributes",),
    "with everything": (),
}


class Oracle:
    """Ranks by the planted truth: what is left is the noise of people's choices, which nobody can predict."""

    name = "oracle"

    def __init__(self, utility: np.ndarray[Any, np.dtype[np.float32]]) -> None:
        """`utility`: [people, products], rows as in the training data."""
        self.utility = utility

    def fit(self, _data: TrainingData) -> Self:
        """Knows everything already."""
        return self

    def score(self, histories: Histories) -> np.ndarray[Any, np.dtype[np.float32]]:
        """[n, products]."""
        return self.utility[histories.profile]


@dataclass(slots=True)
class Results:
    """What goes into the report."""

    test: dict[str, Evaluation] = field(default_factory=dict)
    valid: dict[str, Evaluation] = field(default_factory=dict)
    diets: dict[str, Evaluation] = field(default_factory=dict)
    curves: dict[str, list[dict[str, float]]] = field(default_factory=dict)
    shares: dict[str, float] = field(default_factory=dict)
    served: list[tuple[str, list[str]]] = field(default_factory=list)
    notes: dict[str, Any] = field(default_factory=dict)
    chosen: str = ""


def prepare(workspace: Workspace, store: Store, shop: MadeUpShop, modalities: tuple[str, ...]) -> dict[str, Any]:
    """The shop's files through the same readers as anybody's, and every product through the encoders."""
    files = workspace.root / "files"
    shop.write(files)
    refused = workspace.root / "ingest-report.jsonl"
    did = {
        "products": ingest_products(store, str(files / "products.csv"), report_path=refused),
        "people": ingest_people(store, str(files / "people.csv"), report_path=refused),
        "events": ingest_events(store, str(files / "events.csv"), report_path=refused),
    }
    encoded = embed_shop(workspace, store, executor=LocalExecutor(), modalities=modalities)
    counts = {f"{name}.csv": f"{one['accepted']:,} taken in, {one['refused']} refused" for name, one in did.items()}
    return counts | {f"{name} vectors": one.vectors for name, one in encoded.items()}


def learn(data: TrainingData, split: Split, oracle: Oracle, seed: int) -> tuple[Results, Fusion]:
    """Both optimisers against popularity; validation chooses, the test is scored once."""
    results = Results()
    valid, test = split.valid_holdout(), split.test_holdout(trained_on=split.train)
    results.valid["popularity"] = evaluate(Popularity().fit(data), valid, seed=seed)
    networks = {}
    for name, optimiser in OPTIMISERS.items():
        model = Fusion(seed=seed, **NETWORK, **optimiser).fit(data)
        networks[name] = model
        results.curves[name] = model.history
        results.valid[name] = evaluate(model, valid, seed=seed)
        say(f"{name}: NDCG@10 on validation {results.valid[name].means['ndcg@10']:.4f}, {len(model.history)} epochs")
    results.chosen = max(OPTIMISERS, key=lambda name: results.valid[name].means["ndcg@10"])
    best = networks[results.chosen]
    results.test["popularity"] = evaluate(Popularity().fit(data), test, seed=seed)
    results.test[f"fusion ({results.chosen})"] = evaluate(best, test, seed=seed)
    results.test["oracle"] = evaluate(oracle, test, seed=seed)  # type: ignore[arg-type]
    return results, best


def compare_diets(data: TrainingData, split: Split, results: Results, best: Fusion, seed: int) -> None:
    """The same network with less to read: recall of the products that nobody had bought before the test."""
    test = split.test_holdout(trained_on=split.train)
    have = {one.name for one in data.modalities}
    for name, without in DIETS.items():
        if not without:
            results.diets[name] = results.test[f"fusion ({results.chosen})"]
        elif {"text", "image", "attributes"} - set(without) <= have:
            model = Fusion(seed=seed, **NETWORK, **OPTIMISERS[results.chosen]).fit(data.without(*without))
            results.diets[name] = evaluate(model, test, seed=seed)
    first = data.interactions.histories(np.arange(min(100, len(data.interactions.users)), dtype=np.int32))
    shares: dict[str, list[float]] = {}
    for row in range(len(first)):
        one = first.take(row, row + 1)
        if not len(one.item):
            continue
        top = np.argsort(-best.score(one)[0])[:5]
        for name, values in best.contributions(one, top).items():
            shares.setdefault(name, []).extend(np.abs(values).tolist())
    results.shares = {name: float(np.mean(values)) for name, values in shares.items()}


def deploy(workspace: Workspace, store: Store, shop: MadeUpShop, results: Results) -> str:
    """Train what ships, write the bundle, open it as a server does, and ask it."""
    settings = NETWORK | OPTIMISERS[results.chosen]
    workspace.merge({"train": {"fusion": settings}})
    training = train_shop(workspace, store)
    with Runtime.open(workspace.root) as runtime:

        def ask(who: str, **person: str) -> list[str]:
            shown = runtime.home.recommend(runtime.shelf, Wish(n=5, explain=True), **person)
            names = [" ".join(shop.words(int(one.item_id[1:]))[:3]) for one in shown.answer.items]
            results.served.append((f"{who} ({shown.answer.model})", names))
            return [one.item_id for one in shown.answer.items]

        ask("a person of the log", user_id=shop.user_ids[0])
        before = ask("a guest who did nothing yet", session_id="guest")
        taken = before[-1]
        now = int(time.time() * 1e6)
        event = Event(event_type=EventType.PURCHASE, timestamp=now, session_id="guest", item_id=taken)
        runtime.append_events([event])
        after = ask(f"the same guest, having bought “{' '.join(shop.words(int(taken[1:]))[:3])}”", session_id="guest")
    results.notes["answer changed after an event"] = "yes" if before != after else "no"
    return training.version


def write(folder: Path, shop: MadeUpShop, results: Results) -> Path:
    """report.html: the usual page, and what is special about this case below it."""
    name = f"fusion ({results.chosen})"
    notes = {"data": "SYNTHETIC, with a planted signal", **results.notes}
    *_, page = write_report(
        folder, results.test, title="Reference case (synthetic)", best=name, curves=results.curves, notes=notes
    )
    means = {one: values.means["ndcg@10"] for one, values in results.test.items()}
    gained = (means[name] - means["popularity"]) / max(means["oracle"] - means["popularity"], 1e-9)
    photos = folder / "shop" / "files" / "photos"
    gain = compare(results.test[name].per_person["ndcg@10"], results.test["popularity"].per_person["ndcg@10"])
    pairs = results.test[name].products.get("cold", {}).get("relevant", 0)
    parts = [
        "<h2>Is the planted signal found?</h2>",
        f"<p>Between popularity and the oracle, the network goes {gained:.0%} of the way in NDCG@10; its gain over "
        f"popularity is {gain.mean:+.4f}, 95 % interval {gain.low:+.4f} to {gain.high:+.4f}.</p>",
        "<h2>Validation, which chose the optimiser</h2>",
        _figures(results.valid),
        "<h2>What photos and texts are good for (test)</h2>",
        _figures(results.diets),
        f"<p>New: products that nobody had bought before the test, {shop.newcomers} of {len(shop.item_ids)}, bought "
        f"{pairs:,.0f} times; lists drawn at random would find {20 / len(shop.item_ids):.3f} of them.</p>",
        "<h2>Share of each kind of content in the scores of the first five</h2>",
        table(["content", "share"], [[html.escape(one), f"{share:.2f}"] for one, share in results.shares.items()]),
        "<h2>Served</h2>",
        table(
            ["who", "first five"], [[html.escape(who), html.escape(", ".join(what))] for who, what in results.served]
        ),
        "<h2>Photos, drawn from the attributes</h2>",
        *(f'<img alt="" src="{inline(photos / f"{one}.png")}">' for one in shop.item_ids[:8]),
    ]
    text = page.read_text(encoding="utf-8").replace("</body>", "\n".join(parts) + "</body>")
    page.write_text(text, encoding="utf-8")
    return page


def _figures(evaluations: Mapping[str, Evaluation]) -> str:
    rows = []
    for name, one in evaluations.items():
        cells = [f"{one.means[m]:.4f} ({one.low[m]:.4f}–{one.high[m]:.4f})" for m in ("recall@10", "ndcg@10")]
        rows.append([html.escape(name), *cells, "–" if one.cold_recall is None else f"{one.cold_recall:.4f}"])
    return table(["model", "recall@10", "NDCG@10", "recall@20 of new products"], rows)


def say(line: str) -> None:
    """One line for who is waiting."""
    print(f"{time.perf_counter() - BEGAN:6.1f} s  {line}", flush=True)  # noqa: T201 - a script speaks


def run(arguments: argparse.Namespace) -> Results:
    """The whole path; leaves workspace and report in `arguments.out`."""
    out: Path = arguments.out
    shop = make_shop(arguments.people, arguments.products, seed=arguments.seed)
    workspace = Workspace.create(
        out / "shop",
        encoders={"text": arguments.text_encoder},
        train={"valid_days": 20.0, "test_days": 20.0, "models": ["popularity", "linear", "fusion"]},
    )
    modalities = ("text",) if arguments.no_photos else ("text", "image")
    store = open_store(workspace.database_url)
    try:
        counts = prepare(workspace, store, shop, modalities)
        say(f"prepared: {counts}")
        interactions, profiles = read_interactions(store)
        split, sentence = cut(interactions, workspace.settings.train)
        data = TrainingData(split.train, shop_modalities(workspace, store, interactions.items.ids), profiles)
        people, products = (dict(zip(ids, range(len(ids)), strict=True)) for ids in (shop.user_ids, shop.item_ids))
        rows = [people[name] for name in interactions.users.ids]
        columns = [products[name] for name in interactions.items.ids]
        results, best = learn(data, split, Oracle(shop.utility[np.ix_(rows, columns)]), arguments.seed)
        compare_diets(data, split, results, best, arguments.seed)
        say("compared what photos, texts and attributes are good for")
        kinds = f"{len(ATTRIBUTES)} attributes with 10 values"
        results.notes |= {"products": f"{len(shop.item_ids)}, {kinds}", "split": sentence, **counts}
        results.notes["bundle"] = deploy(workspace, store, shop, results)
        say("deployed, and asked")
    finally:
        store.close()
    page = write(out, shop, results)
    say(f"report: {page}")
    return results


def arguments_of(words: list[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("reference-case"), help="folder for workspace and report")
    parser.add_argument("--people", type=int, default=1000)
    parser.add_argument("--products", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--text-encoder", default="e5-small", help="or hashed-ngrams, which is quicker")
    parser.add_argument("--no-photos", action="store_true", help="leave the photo encoder out")
    return parser.parse_args(words)


BEGAN = time.perf_counter()

if __name__ == "__main__":
    run(arguments_of())
