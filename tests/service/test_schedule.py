"""When to train again, what is promoted, what is refused and what is taken back; two processes never do it at once."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from typer.testing import CliRunner

from shoplens.cli import bundles as bundles_commands  # noqa: F401 - adds the commands
from shoplens.cli import schedule as schedule_command  # noqa: F401
from shoplens.cli.app import app
from shoplens.domain.dataset import TrainingData
from shoplens.domain.events import Event, EventType
from shoplens.domain.moments import told
from shoplens.errors import ConflictError
from shoplens.http.app import create_app
from shoplens.models.base import Recommender
from shoplens.models.item_knn import ItemKNN
from shoplens.models.popularity import Popularity
from shoplens.service import journal, schedule_look
from shoplens.service.bundle import write_bundle
from shoplens.service.bundle_pointer import current_version, promote
from shoplens.service.dataset import read_interactions
from shoplens.service.drift import Drift
from shoplens.service.gate import newest_window
from shoplens.service.reactions import Reaction
from shoplens.service.runtime import Runtime
from shoplens.service.schedule import Schedule
from shoplens.service.schedule_look import Look
from shoplens.service.workspace import Workspace
from shoplens.store.base import Store
from shoplens.store.records import ImpressionRecord
from shoplens.testing.served_shop import open_tiny_shop

DAY = 86_400_000_000
SETTINGS = {"schedule": {"least_people": 20, "least_hours": 0}}


def trained(workspace: Workspace, store: Store, before: int, kind: type[Recommender] = ItemKNN, seed: int = 0) -> str:
    """A bundle that learnt from what happened before a time."""
    interactions, profiles = read_interactions(store)
    learn = interactions.take(interactions.timestamp < before)
    data = TrainingData(learn, (), profiles)
    models: dict[str, Recommender] = {"popularity": Popularity().fit(data)}
    models |= {kind.name: kind().fit(data)}
    folder = write_bundle(
        workspace.bundles,
        items=learn.items,
        models=models,
        shipped=kind.name,
        modalities=(),
        metrics={},
        extra={"last_event": int(learn.timestamp.max())},
        seed=seed,
        people=learn.users,
    )
    return folder.name


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Runtime]:
    with open_tiny_shop(tmp_path, trained=False, settings=SETTINGS) as shop:
        yield shop


def end_of(shop: Runtime) -> int:
    return max(int(chunk.timestamp.max()) for chunk in shop.store.events.scan())


def looking(shop: Runtime, kind: type[Recommender]) -> Schedule:
    """A schedule whose trainings make this kind of model, here and now."""

    def train(workspace: Workspace, since: int) -> dict[str, Any]:
        version = trained(workspace, shop.store, since, kind, seed=len(list(workspace.bundles.iterdir())))
        return {"version": version, "verdict": shop.bundles.judge(version, since).as_dict()}

    return Schedule(shop.workspace, shop.store, train=train)


def test_a_bundle_trained_by_hand_meanwhile_is_not_replaced_unjudged(shop: Runtime) -> None:
    bundles, end = shop.workspace.bundles, end_of(shop)
    promote(bundles, trained(shop.workspace, shop.store, end - 20 * DAY, Popularity))
    by_hand = trained(shop.workspace, shop.store, end, Popularity, seed=3)
    keeper = looking(shop, ItemKNN)
    train = keeper._train

    def overtaken(workspace: Workspace, since: int) -> dict[str, Any]:
        told = train(workspace, since)
        promote(bundles, by_hand)
        return told

    keeper._train = overtaken
    entry = keeper.renew("asked for")
    assert entry is not None
    assert entry.what == "refused"
    assert by_hand in entry.why
    assert current_version(bundles) == by_hand
    keeper.close()


def test_while_somebody_trains_by_hand_the_schedule_waits(shop: Runtime) -> None:
    promote(shop.workspace.bundles, trained(shop.workspace, shop.store, end_of(shop) - 20 * DAY, Popularity))
    keeper = Schedule(shop.workspace, shop.store, train=lambda *_: {"later": "another training is running"})
    job = keeper.jobs.ask("train")
    assert keeper.do_jobs() == []
    assert keeper.jobs.get(job.job_id).state == "waiting"
    with pytest.raises(ConflictError, match="another training"):
        keeper.renew("asked for")
    assert journal.read(shop.workspace.bundles) == []
    keeper.close()


def test_the_first_is_promoted_a_worse_one_refused_and_a_better_one_promoted(shop: Runtime) -> None:
    bundles, end = shop.workspace.bundles, end_of(shop)
    keeper = looking(shop, Popularity)
    assert keeper.reason() == "nothing has been trained yet"
    (first,) = keeper.look()
    assert (first.what, first.why, first.reason) == ("promoted", "the first bundle", "nothing has been trained yet")
    keeper.close()
    promote(bundles, trained(shop.workspace, shop.store, end - 20 * DAY))
    good = current_version(bundles)
    keeper = looking(shop, Popularity)
    entry = keeper.renew("asked for")
    assert entry is not None
    assert entry.what == "refused"
    assert entry.why.startswith("worse: NDCG@20 ")
    assert current_version(bundles) == good
    assert entry.figures["people"] >= 20
    assert entry.figures["difference"]["high"] < 0
    keeper.close()
    promote(bundles, trained(shop.workspace, shop.store, end - 20 * DAY, Popularity, seed=9))
    keeper = looking(shop, ItemKNN)
    better = keeper.renew("asked for")
    assert better is not None
    assert (better.what, better.bundle) == ("promoted", current_version(bundles))
    assert better.why.startswith("better: NDCG@20 ")
    assert [one.what for one in journal.read(bundles)] == ["promoted", "refused", "promoted"]
    with TestClient(create_app(shop)) as client:
        history = client.get("/v1/bundles/history").json()["history"]
        assert [one["what"] for one in history] == ["promoted", "refused", "promoted"]
        judged = client.post(f"/v1/bundles/{good}/judge").json()
        assert judged["current"] == better.bundle
        assert client.post("/v1/bundles/nothing/judge").status_code == 404
        measured = dict(
            line.split(" ") for line in client.get("/metrics").text.splitlines() if line[0] != "#" and "{" not in line
        )
        assert 0 <= float(measured["shoplens_schedule_age_seconds"]) < 600
        assert measured["shoplens_click_through"] == "NaN"
        assert measured["shoplens_drift"] == "0.0"
        schedule_look.write(bundles, Look(1.0, "b", 700, 0.25, "click-through changed from about 0.300 to 0.250"))
        told = client.get("/metrics").text
        assert "shoplens_click_through 0.25" in told
        assert "shoplens_drift 1.0" in told
        (bundles / schedule_look.FILE).write_bytes(b"nonsense")
        assert "shoplens_schedule_age_seconds NaN" in client.get("/metrics").text
    keeper.close()


def test_too_few_people_promote_nothing(shop: Runtime) -> None:
    end = end_of(shop)
    shop.settings.schedule.least_people = 1_000
    promote(shop.workspace.bundles, trained(shop.workspace, shop.store, end - 20 * DAY, Popularity))
    keeper = looking(shop, ItemKNN)
    entry = keeper.renew("asked for")
    keeper.close()
    assert entry is not None
    assert entry.what == "refused"
    assert "1000 are needed to tell" in entry.why


def test_reasons(shop: Runtime) -> None:
    settings = shop.settings.schedule
    promote(shop.workspace.bundles, trained(shop.workspace, shop.store, end_of(shop) - 10 * DAY))
    keeper = looking(shop, ItemKNN)
    entry = keeper.renew("asked for")
    assert entry is not None
    assert keeper.reason() is None
    events = [
        Event(event_type=EventType.VIEW, timestamp=end_of(shop) + k, user_id="u001", item_id="p001")
        for k in range(shop.store.events.count() // 5)
    ]
    said = [
        Event(event_type=EventType.ORDER_STATUS, timestamp=one.timestamp + DAY, user_id=one.user_id, context=context)
        for k, one in enumerate(events)
        for context in [json.dumps({"order_id": str(k), "status": "shipped"})]
    ]
    shop.append_events(said)
    assert keeper.reason() is None  # nobody did anything
    shop.append_events(events)
    assert "events came since, 10% of" in (keeper.reason() or "")
    settings.new_events = None
    assert keeper.reason() is None
    settings.every_hours = 1e-9
    assert "hours ago" in (keeper.reason() or "")
    settings.least_hours = 1.0
    assert keeper.reason() is None
    with pytest.raises(ConflictError, match="looks after"):
        Schedule(shop.workspace, shop.store)
    keeper.close()


def test_what_is_done_by_hand_stands_in_the_history_and_is_no_training(shop: Runtime) -> None:
    first, second = (trained(shop.workspace, shop.store, end_of(shop) + 1, seed=seed) for seed in (0, 1))
    shop.bundles.promote(first)
    shop.bundles.promote(first)  # which changes nothing
    keeper = looking(shop, ItemKNN)
    assert keeper.reason() is None
    root = str(shop.workspace.root)
    CliRunner().invoke(app, ["bundles", "promote", second, "-w", root], catch_exceptions=False)
    CliRunner().invoke(app, ["bundles", "rollback", "-w", root], catch_exceptions=False)
    shop.bundles.promote(second)
    shop.bundles.rollback(second)
    assert [(one.what, one.why, one.bundle, one.before) for one in journal.read(shop.workspace.bundles)] == [
        ("promoted", "by hand", first, None),
        *[("promoted", "by hand", second, first), ("rolled_back", "by hand", second, first)] * 2,
    ]
    assert keeper.reason() is None, "events are counted since the training"
    keeper.close()


def test_a_training_that_fails_is_written_down(shop: Runtime) -> None:
    keeper = Schedule(shop.workspace, shop.store, train=lambda *_: {"error": "out of paper"})
    (entry,) = keeper.look()
    assert (entry.what, entry.why) == ("failed", "out of paper")
    keeper.close()


def test_the_judging_days() -> None:
    assert newest_window([], DAY, None) is None
    assert newest_window([0, 100 * DAY], 7 * DAY, None) == 93 * DAY
    assert newest_window([0, 10 * DAY], 7 * DAY, None) == 8 * DAY  # a fifth at most
    assert newest_window([0, 100 * DAY], 7 * DAY, 95 * DAY) == 95 * DAY + 1  # what nobody has learnt from
    assert newest_window([0, 100 * DAY], 7 * DAY, 100 * DAY) is None


def reaction(number: int, clicked: bool, score: float = 0.5, bundle: str = "b") -> Reaction:
    return Reaction(number, ImpressionRecord(impression_id=str(number), timestamp=number, route="recommend", score=score, bundle=bundle), clicked)  # fmt: skip # noqa: E501


def test_drift_is_seen_and_its_absence_too() -> None:
    random = np.random.default_rng(0)
    steady = Drift()
    assert steady.feed(reaction(k, random.random() < 0.3, random.normal(0.5, 0.1)) for k in range(5_000)) is None
    assert steady.last == 4_999
    assert steady.click_through == pytest.approx(0.3, abs=0.03)
    falling = steady.feed(reaction(k, random.random() < 0.1, random.normal(0.5, 0.1)) for k in range(5_000, 8_000))
    assert falling is not None
    assert "click-through changed" in falling
    scores = Drift()
    assert scores.feed(reaction(k, False, random.normal(0.5, 0.1)) for k in range(2_000)) is None
    assert scores.feed(reaction(k, False, random.normal(1.5, 0.1)) for k in range(2_000, 3_000)) is not None
    # Another bundle is no drift.
    fresh = Drift()
    fresh.feed(reaction(k, False, 0.5, "a") for k in range(2_000))
    assert fresh.feed(reaction(k, True, 9.0, "b") for k in range(2_000, 4_000)) is None


def test_a_change_before_the_latest_training_is_no_reason_for_another(tmp_path: Path) -> None:
    """With --once every look is a process of its own, which reads the log anew."""
    settings = {"schedule": {"least_hours": 0, "settle_minutes": 1e-4}}
    with open_tiny_shop(tmp_path, trained=False, settings=settings) as shop:
        version = trained(shop.workspace, shop.store, end_of(shop) + 1)
        promote(shop.workspace.bundles, version)
        now = int(time.time() * 1e6)
        for began, known in ((now - DAY, False), (now, True)):
            answered(shop, version, 400, 0.5, began=began, seed=1)
            answered(shop, version, 400, 0.05, began=began + 2_000, seed=2)
            keeper = looking(shop, ItemKNN)
            assert str(keeper.reason()).startswith("click-through changed") == known
            keeper.close()
        journal.write(
            shop.workspace.bundles, journal.Entry("failed", "killed", version, reason="click-through changed")
        )
        keeper = looking(shop, ItemKNN)
        assert str(keeper.reason()).startswith("click-through changed"), "one that failed has learnt nothing of it"
        keeper.close()


def answered(shop: Runtime, bundle: str, people: int, rate: float, *, began: int, seed: int) -> None:
    """Answers of a bundle, some of them clicked."""
    random = np.random.default_rng(seed)
    records = [
        ImpressionRecord(
            impression_id=f"{bundle}-{began}-{k}",
            timestamp=began + k,
            route="recommend",
            user_id=f"{bundle}-{k // 3}",
            shown=("p001", "p002"),
            bundle=bundle,
        )
        for k in range(3 * people)
    ]
    shop.store.impressions.append(records)
    clicks = [
        Event(
            event_type=EventType.CLICK,
            timestamp=one.timestamp + 1,
            user_id=one.user_id,
            item_id="p001",
            impression_id=one.impression_id,
        )
        for one in records
        if random.random() < rate
    ]
    shop.append_events(clicks)


@pytest.mark.parametrize(("rate", "returns"), [(0.05, True), (0.31, False)])
def test_a_bundle_that_is_clicked_less_is_taken_back(shop: Runtime, rate: float, returns: bool) -> None:
    end, bundles = end_of(shop), shop.workspace.bundles
    versions = [trained(shop.workspace, shop.store, end, seed=seed) for seed in (1, 2)]
    for version in versions:
        promote(bundles, version)
    began = int(time.time() * 1e6) - DAY
    answered(shop, versions[0], 400, 0.3, began=began, seed=1)
    answered(shop, versions[1], 400, rate, began=began + DAY // 2, seed=2)
    keeper = Schedule(shop.workspace, shop.store)
    entry = keeper.take_back()
    keeper.close()
    assert (entry is not None) == returns
    assert current_version(bundles) == versions[0 if returns else 1]
    if entry is not None:
        assert (entry.what, entry.bundle, entry.before) == ("rolled_back", versions[1], versions[0])
        assert "clicked less than" in entry.why


def test_a_bundle_whose_answers_fail_is_taken_back_by_whoever_sees_it(
    shop: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    end, bundles = end_of(shop), shop.workspace.bundles
    versions = [trained(shop.workspace, shop.store, end, seed=seed) for seed in (1, 2)]
    for version in versions:
        promote(bundles, version)
    assert shop.swap.follow()
    with Runtime.open(shop.workspace.root) as other:
        assert other.shelf.version == versions[1]
        for _ in range(4):
            shop.answers.errors.failed(versions[1])
        shop.watching.look()
        assert shop.shelf.version == versions[0]
        other.swap.follow()
        assert other.shelf.version == versions[0]
    assert journal.read(bundles)[-1].why == "its answers failed"
    shop.watching.look()
    assert len(journal.read(bundles)) == 1


def test_at_the_terminal(shop: Runtime) -> None:
    root = str(shop.workspace.root)
    version = trained(shop.workspace, shop.store, end_of(shop) + 1)
    promote(shop.workspace.bundles, version)
    run = CliRunner()
    told = run.invoke(app, ["schedule", "-w", root, "--once", "--now", "--json"], catch_exceptions=False)
    assert json.loads(told.stdout) == {"done": []}  # nothing came that could judge
    assert "nothing yet" in run.invoke(app, ["bundles", "history", "-w", root]).stdout
    judged = run.invoke(app, ["bundles", "judge", version, "-w", root, "--json"], catch_exceptions=False)
    assert not json.loads(judged.stdout)["accepted"]


@pytest.mark.slow
def test_a_training_in_a_process_of_its_own(tmp_path: Path) -> None:
    with open_tiny_shop(tmp_path, trained=False) as shop:
        end = end_of(shop)
    toml = tmp_path / "shoplens.toml"
    toml.write_text('[train]\nmodels = ["popularity", "item-knn"]\nalign = false\n[schedule]\nleast_people = 5\n')
    command = [sys.executable, "-c", "from shoplens.cli import main; main()", "schedule", "-w", str(tmp_path), "--once"]
    done = subprocess.run([*command, "--json"], stdout=subprocess.PIPE, check=True)
    (entry,) = json.loads(done.stdout)["done"]
    assert entry["what"] == "promoted"
    assert current_version(tmp_path / "bundles") == entry["bundle"]
    assert entry["figures"]["since"] <= told(end)
    toml.write_text(toml.read_text() + "memory_mb = 256\n")
    done = subprocess.run([*command, "--now", "--json"], stdout=subprocess.PIPE, check=True)
    (entry,) = json.loads(done.stdout)["done"]
    assert entry["what"] == "failed"
    assert "memory_mb" in entry["why"]
