"""From files to a bundle that answers, on the tiny shop: the whole road that a shop's engineer takes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from shoplens.compute.local import LocalExecutor
from shoplens.domain.events import MICROSECONDS_PER_DAY, Event, EventBatch, EventType
from shoplens.errors import InputError, NotFoundError
from shoplens.learning.runs.record import find_run, read_run
from shoplens.recommend.rules import Wish
from shoplens.service import journal
from shoplens.service.bundle_pointer import current_version
from shoplens.service.embedding import embed_shop
from shoplens.service.forward_test import forward_test, trained_metrics
from shoplens.service.intake import ingest_events, ingest_people, ingest_products
from shoplens.service.runtime import Runtime
from shoplens.service.training import Training, train_shop
from shoplens.service.training_facts import looks_before, told_looks
from shoplens.service.workspace import Workspace
from shoplens.store.base import Store
from shoplens.store.sql import open_store
from shoplens.testing.tiny_shop import TinyShop, tiny_shop


@pytest.fixture(scope="module")
def road(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Workspace, Store, Training, TinyShop]]:
    shop = tiny_shop()
    root = tmp_path_factory.mktemp("shop")
    workspace = Workspace.create(root, encoders={"text": "hashed-ngrams"})
    store = open_store(workspace.database_url)
    products, events, people = shop.write(root / "export")
    ingest_products(store, str(products))
    ingest_people(store, str(people))
    ingest_events(store, str(events))
    embed_shop(workspace, store, executor=LocalExecutor(1), modalities=("text",))
    training = train_shop(workspace, store)
    yield workspace, store, training, shop
    store.close()


def test_everything_came_in(road: tuple[Workspace, Store, Training, TinyShop]) -> None:
    _, store, _, shop = road
    assert store.catalogue.count() == len(shop.products)
    assert store.people.count() == len(shop.people)
    assert store.events.count() == len(shop.events)


def test_the_blend_beats_popularity_on_the_test(road: tuple[Workspace, Store, Training, TinyShop]) -> None:
    training = road[2]
    assert set(training.test) == {"popularity", "item-knn", "linear", "fusion", "blend"}
    assert training.test["blend"].means["ndcg@10"] > training.test["popularity"].means["ndcg@10"]
    assert (training.report / "metrics.png").stat().st_size > 10_000
    assert (training.report / "report.html").exists()
    assert (training.report / "profile_calibration.png").stat().st_size > 5_000


def test_the_planted_signal_is_served(road: tuple[Workspace, Store, Training, TinyShop]) -> None:
    workspace, _, training, shop = road
    assert current_version(workspace.bundles) == training.version
    category = {product.item_id: product.category[-1] for product in shop.products}
    with Runtime.open(workspace.root) as runtime:
        hits = total = 0
        for user_id, favourite in list(shop.favourite.items())[:20]:
            answer = runtime.home.recommend(runtime.shelf, Wish(n=3), user_id).answer
            hits += sum(category[one.item_id] == favourite for one in answer.items)
            total += len(answer.items)
    assert total == 60
    assert hits / total > 0.6, f"{hits} of {total} recommendations are from the favourite category, a quarter is chance"


def test_the_run_keeps_what_went_in_and_what_came_out(road: tuple[Workspace, Store, Training, TinyShop]) -> None:
    workspace, _, training, _ = road
    run = find_run(workspace.runs, "latest")
    assert run.folder == training.report
    assert run.config["test_days"] == workspace.settings.train.test_days
    assert set(run.per_person()) == set(training.test)
    assert run.figures["differences"]["popularity"]["blend"]["ndcg@20"]["mean"] > 0
    assert "fusion" in run.curves


def test_the_report_says_what_counts_and_how_often_the_test_was_scored(
    road: tuple[Workspace, Store, Training, TinyShop],
) -> None:
    workspace, _, training, shop = road
    notes = read_run(training.report).figures["notes"]
    assert notes["this test was scored before"].startswith("never")
    views = sum(event.event_type == EventType.VIEW for event in shop.events)
    assert f"{views:,} × view" in notes["a product counts when"]
    assert "units sold" in notes["fields and attributes"]
    assert looks_before(workspace.runs, training.test) == 1
    assert looks_before(workspace.runs, training.valid) == 0
    assert told_looks(2).startswith("2 times")


def test_scores_of_answers_are_probabilities(road: tuple[Workspace, Store, Training, TinyShop]) -> None:
    workspace, _, training, shop = road
    figures = read_run(training.report).figures["calibration"]
    assert set(figures) == {"validation, cross-fitted", "test"}
    said = figures["validation, cross-fitted"]["shown"]
    assert said["log_loss"] < said["baseline_log_loss"]
    with Runtime.open(workspace.root) as runtime:
        answer = runtime.home.recommend(runtime.shelf, Wish(n=20), shop.people[0].user_id).answer
    scores = [one.score for one in answer.items]
    assert scores == sorted(scores, reverse=True)
    assert all(0 < score < 1 for score in scores)


def test_evaluate_without_new_events_has_only_the_trainings_figures(
    road: tuple[Workspace, Store, Training, TinyShop],
) -> None:
    workspace, store, training, _ = road
    assert forward_test(workspace, store) == {}
    assert trained_metrics(workspace)["test"]["blend"]["ndcg@20"] == training.test["blend"].row()["ndcg@20"]


def test_evaluate_with_new_events_scores_them(road: tuple[Workspace, Store, Training, TinyShop]) -> None:
    workspace, store, _, shop = road
    batch = EventBatch()
    later = max(event.timestamp for event in shop.events) + MICROSECONDS_PER_DAY
    favourites = shop.favourite
    for person in shop.people:
        wanted = [one for one in shop.products if one.category[-1] == favourites[person.user_id]][-6:]
        for product in wanted:
            batch.append(
                Event(event_type=EventType.PURCHASE, timestamp=later, user_id=person.user_id, item_id=product.item_id)
            )
    store.events.append(batch)
    scored = forward_test(workspace, store)
    assert {"popularity", "blend"} <= set(scored)
    assert scored["blend"].people > 0


def test_an_empty_shop_says_what_to_do(tmp_path: Path) -> None:
    workspace = Workspace.create(tmp_path)
    store = open_store(workspace.database_url)
    with pytest.raises(InputError, match="shoplens ingest events"):
        train_shop(workspace, store)
    with pytest.raises(NotFoundError, match="shoplens train"):
        trained_metrics(workspace)
    store.close()


def test_the_history_says_that_somebody_trained(road: tuple[Workspace, Store, Training, TinyShop]) -> None:
    workspace, _, trained, _ = road
    (entry,) = [one for one in journal.read(workspace.bundles) if one.bundle == trained.version]
    assert (entry.what, entry.why) == ("promoted", "trained on demand")
