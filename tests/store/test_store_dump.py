"""A store as lines of JSON and back, between any two databases."""

from __future__ import annotations

from itertools import chain
from pathlib import Path

import pytest

from shoplens.domain.events import Event, EventBatch, EventType
from shoplens.errors import ConflictError, FormatError, StoreError
from shoplens.store.base import Store
from shoplens.store.dump import dumping, load
from shoplens.store.records import ImpressionRecord, SearchRecord
from shoplens.store.schema import REVISION
from shoplens.store.sql import open_store
from shoplens.testing.tiny_shop import tiny_shop

COUNTER = b'["name","value"]\n'


def content(url: str) -> tuple[dict[str, list[bytes]], dict[str, int]]:
    with dumping(url) as dump:
        lines = {name: b"".join(dump.lines(name)).splitlines(keepends=True) for name in dump.tables}
        return lines, dump.last_rows()


def move(source: str, target: str) -> None:
    tables, last = content(source)
    load(target, tables, revision=REVISION, last_rows=last)


def filled(url: str) -> Store:
    store = open_store(url)
    tiny_shop().fill(store)
    guest = Event(event_type=EventType.SEARCH, timestamp=1_741_000_000_000_000, session_id="客人", query="红色 \n水壶")
    store.events.append(_batch(guest))
    store.searches.append([SearchRecord(impression_id="s1", timestamp=5, query="kettle", shown=("p001",))])
    store.impressions.append([ImpressionRecord(impression_id="i1", timestamp=6, route="cart", arms={"e": "a"})])
    return store


def test_there_and_back(url: str, tmp_path: Path) -> None:
    file = f"sqlite:///{tmp_path / 'other.sqlite'}"
    store = filled(url)
    store.people.delete("u002")
    gone = store.catalogue.delete("p005")
    move(url, file)
    assert content(file) == content(url)
    other = open_store(file)
    assert gone
    assert other.events.history(user_id="u001") == store.events.history(user_id="u001")
    assert other.events.history(session_id="客人")[0].query == "红色 \n水壶"
    again = other.events.append(_batch(*store.events.history(session_id="客人")))
    assert again.stored == 0, "the same event is known by its key"
    assert other.catalogue.revision() == store.catalogue.revision()
    one, two = (each.events.append(_batch(_view("somebody-new"))) for each in (store, other))
    assert one == two
    assert content(file)[1] == content(url)[1], "the next row numbers are the same"
    other.close()
    store.close()


def test_into_the_database_of_this_kind(url: str, tmp_path: Path) -> None:
    file = f"sqlite:///{tmp_path / 'first.sqlite'}"
    filled(file).close()
    move(file, url)
    assert content(url) == content(file)
    store = open_store(url)
    assert store.events.append(_batch(_view("u001"), _view("new"))).new_people == 1
    store.close()
    with pytest.raises(ConflictError, match="not empty"):
        move(file, url)


@pytest.mark.parametrize(
    "tables",
    [
        {"sqlite_master": [COUNTER]},
        {"alembic_version": [b'["version_num"]\n']},
        {"event_key": [b'["key"]\n']},
        {"counter": [b"{}\n"]},
        {"counter": [b'["name","price"]\n']},
        {"counter": []},
        {"counter": [COUNTER, b'["events"]\n']},
        {"counter": [COUNTER, b"["]},
    ],
)
def test_lines_that_are_no_dump(tmp_path: Path, tables: dict[str, list[bytes]]) -> None:
    with pytest.raises(FormatError):
        load(f"sqlite:///{tmp_path / 'new.sqlite'}", tables, revision=REVISION, last_rows={})


def test_of_a_newer_shoplens(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="upgrade"):
        load(f"sqlite:///{tmp_path / 'new.sqlite'}", {}, revision="9999", last_rows={})


def test_of_an_older_shoplens(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'old.sqlite'}"
    people = [b'["row","user_id","stub","content","fields"]\n', b'[7,"ann",false,1,"{}"]\n']
    assert load(url, {"person": people}, revision="0001", last_rows={"person": 9}) == 1
    store = open_store(url)
    found = store.people.get("ann")
    assert found is not None
    assert store.impressions.count() == 0
    store.events.append(_batch(_view("next")))
    assert [row for row, _ in chain.from_iterable(store.people.scan())] == [7, 10]
    store.close()


def _view(user_id: str) -> Event:
    return Event(event_type=EventType.VIEW, timestamp=1_741_000_000_000_001, user_id=user_id, item_id="new-product")


def _batch(*events: Event) -> EventBatch:
    batch = EventBatch()
    for one in events:
        batch.append(one)
    return batch
