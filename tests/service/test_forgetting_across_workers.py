"""Whoever is forgotten by one worker is not written or kept by another."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
import pytest

from shoplens.apps.interaction.turns import Turn
from shoplens.domain.events import Event, EventType
from shoplens.domain.experiments import Arm, Experiment
from shoplens.recommend.asking import Ask
from shoplens.service.runtime import Runtime
from shoplens.service.settings import Settings
from shoplens.service.workspace import Workspace
from shoplens.store.records import ImpressionRecord
from shoplens.store.sql import open_store
from shoplens.testing.tiny_shop import tiny_shop

_numbers = count()
ARMS = (Arm("a", 0.5), Arm("b", 0.5))


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'shop.sqlite'}"
    server: str = request.getfixturevalue("postgres")
    name = f"forgetting{next(_numbers)}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return server.replace("/postgres?", f"/{name}?").replace("postgresql://", "postgresql+psycopg://")


@pytest.fixture
def workers(url: str, tmp_path: Path) -> Iterator[tuple[Runtime, Runtime]]:
    Workspace.create(tmp_path)
    workspace = Workspace(tmp_path, Settings.read(None, database_url=url, encoders={"text": "hashed-ngrams"}))
    store = open_store(url)
    tiny_shop().fill(store)
    with Runtime(workspace, store) as one, Runtime(workspace, open_store(url)) as other:
        yield one, other


def hold_back(shop: Runtime, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Let impressions wait until the function that is returned is called."""
    go, append = threading.Event(), shop.store.impressions.append

    def later(records: Sequence[ImpressionRecord]) -> int:
        assert go.wait(30)
        return append(records)

    monkeypatch.setattr(shop.store.impressions, "append", later)
    return go.set


def test_nothing_is_written_or_kept_afterwards(
    workers: tuple[Runtime, Runtime], monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = workers
    one.start_experiment(Experiment("order", ARMS))
    one.experiments.follow()
    go = hold_back(one, monkeypatch)
    for user in ("u001", "u002"):
        one.answers.recommend(one.wish("email"), user)
    one.search.search(Ask(text="hammer", user_id="u001"))
    one.interaction.turn(Turn(text="hammer", user_id="u001"))
    assert held(one) == {"u001", "u002"}
    other.forget_person("u001")
    go()
    one.watching.look()
    assert held(one) == set()
    assert not len(one.interaction.sessions)
    assert [log.flush() for log in one.logs.values()] == [True, True]
    assert [who(shown) for chunk in one.store.impressions.scan() for _, shown in chunk] == ["u002"]
    assert one.store.searches.count() == 0


def test_a_guest_is_not_written_or_kept_either(
    workers: tuple[Runtime, Runtime], monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = workers
    other.append_events([Event(event_type=EventType.VIEW, timestamp=1, session_id="g1", item_id="p001")])
    go = hold_back(one, monkeypatch)
    one.answers.recommend(one.wish("email"), None, "g1")
    one.answers.recommend(one.wish("email"), "u002")
    assert other.forget_guest("g1")["events"] == 1
    go()
    one.watching.look()
    assert held(one) == set()
    assert one.logs["impressions"].flush()
    assert [who(shown) for chunk in one.store.impressions.scan() for _, shown in chunk] == ["u002"]


def test_an_answer_that_was_under_way_is_dropped_a_look_later(workers: tuple[Runtime, Runtime]) -> None:
    one, other = workers
    other.forget_person("u001")
    one.watching.look()
    one.answers.recommend(one.wish("email"), "u001")  # had read what it needed before
    one.watching.look()
    assert held(one) == set()
    one.answers.recommend(one.wish("email"), "u002")
    one.watching.look()
    assert held(one) == {"u002"}


def held(shop: Runtime) -> set[str]:
    answers: Any = shop.answers
    return {*answers._names, *answers._exposure._recent}


def who(shown: ImpressionRecord) -> str | None:
    return shown.user_id
