"""From files into the store: counted, resumable, strict, reported."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from shoplens.domain.catalogue import Product
from shoplens.domain.events import EventBatch, EventType
from shoplens.errors import FormatError, InputError, StoreUnavailableError, StrictError
from shoplens.ingest import delimited
from shoplens.service import intake
from shoplens.service.intake import ingest_events, ingest_people, ingest_products
from shoplens.store.base import Store
from shoplens.store.records import Appended, Checkpoint
from shoplens.store.sql import open_store

HEAD = "user_id,item_id,event_type,timestamp\n"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    one = open_store(f"sqlite:///{tmp_path / 'shop.sqlite'}")
    yield one
    one.close()


def write_log(path: Path, rows: range, *, bad: tuple[int, ...] = ()) -> str:
    """A log with one event a row; rows in `bad` have no item."""
    lines = [f"u{n % 7},{'' if n in bad else f'i{n % 11}'},view,{1_700_000_000 + n}\n" for n in rows]
    path.write_text(HEAD + "".join(lines), encoding="utf-8")
    return str(path)


def report_lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_events_are_stored_counted_and_refused_rows_are_reported(store: Store, tmp_path: Path) -> None:
    log = write_log(tmp_path / "log.csv", range(50), bad=(3, 40))
    report = tmp_path / "report.jsonl"
    told: list[tuple[str, int]] = []
    done = ingest_events(store, log, report_path=report, progress=lambda name, rows: told.append((name, rows)))
    assert (done["rows"], done["stored"], done["refused"], done["accepted"]) == (50, 48, 2, 48)
    assert (done["new_products"], done["new_people"]) == (11, 7)
    assert done["reasons"] == {"missing item": 2}
    assert done["files"] == [{"file": log, "status": "imported", "rows": 50, "began_after_row": 0}]
    assert told[-1] == (log, 50)
    head, *refused = report_lines(report)
    assert (head["import"], head["from"]) == ("events", [log])
    assert [(one["file"], one["line"], one["field"]) for one in refused] == [(log, 5, "item_id"), (log, 42, "item_id")]


def test_the_same_file_again_changes_nothing_and_says_so(store: Store, tmp_path: Path) -> None:
    log = write_log(tmp_path / "log.csv", range(20))
    ingest_events(store, log)
    (tmp_path / "copy.csv").write_bytes(Path(log).read_bytes())
    again = ingest_events(store, str(tmp_path / "copy.csv"))
    assert (again["rows"], again["stored"], again["files"][0]["status"]) == (0, 0, "imported before")
    assert store.events.count() == 20


def test_other_options_make_another_import(store: Store, tmp_path: Path) -> None:
    log = tmp_path / "log.csv"
    log.write_text("who,what,when\nann,tea,1700000000\n")
    mapping = {"user_id": "who", "item_id": "what", "timestamp": "when"}
    first = ingest_events(store, str(log), mapping=mapping, default_type=EventType.VIEW)
    second = ingest_events(store, str(log), mapping=mapping, default_type=EventType.PURCHASE)
    assert (first["stored"], second["stored"]) == (1, 1)


def test_a_longer_export_adds_only_what_is_new(store: Store, tmp_path: Path) -> None:
    ingest_events(store, write_log(tmp_path / "monday.csv", range(20)))
    report = tmp_path / "report.jsonl"
    done = ingest_events(store, write_log(tmp_path / "tuesday.csv", range(15, 30)), report_path=report)
    assert (done["stored"], done["duplicates"], done["accepted"], done["refused"]) == (10, 5, 10, 5)
    assert [one["line"] for one in report_lines(report)[1:]] == [2, 3, 4, 5, 6]
    assert done["reasons"] == {"event is in the store already": 5}
    assert store.events.count() == 30


class _Failing:
    """An event log that gives up after some appends."""

    def __init__(self, log: Any, appends: int) -> None:
        self._log, self._left = log, appends

    def append(self, batch: EventBatch, checkpoint: Checkpoint | None = None) -> Appended:
        self._left -= 1
        if self._left < 0:
            raise StoreUnavailableError("the disk is full")
        found: Appended = self._log.append(batch, checkpoint)
        return found

    def __getattr__(self, name: str) -> Any:
        return getattr(self._log, name)


def test_an_interrupted_import_goes_on_where_it_stopped(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "EVENT_ROWS", 10)
    log = write_log(tmp_path / "log.csv", range(45), bad=(2, 33))
    whole = store.events
    store.events = _Failing(whole, 2)
    with pytest.raises(StoreUnavailableError):
        ingest_events(store, log)
    store.events = whole
    kept = store.events.count()
    assert 0 < kept < 43
    done = ingest_events(store, log)
    assert done["files"][0]["status"] == "continued"
    assert (done["duplicates"], store.events.count()) == (0, 43)
    assert done["files"][0]["rows"] == 45


def test_strict_leaves_the_store_untouched(store: Store, tmp_path: Path) -> None:
    folder = tmp_path / "logs"
    folder.mkdir()
    write_log(folder / "a.csv", range(10))
    write_log(folder / "b.csv", range(10, 20), bad=(15,))
    report = tmp_path / "report.jsonl"
    with pytest.raises(StrictError, match=r"b\.csv, line 7"):
        ingest_events(store, str(folder), strict=True, report_path=report)
    assert (store.events.count(), store.people.count(), store.catalogue.count()) == (0, 0, 0)
    assert report_lines(report)[1]["line"] == 7
    write_log(folder / "b.csv", range(10, 20))
    assert ingest_events(store, str(folder), strict=True)["stored"] == 20


def test_a_folder_is_taken_in_file_by_file(store: Store, tmp_path: Path) -> None:
    folder = tmp_path / "logs"
    folder.mkdir()
    for day in range(3):
        write_log(folder / f"{day}.csv", range(day * 5, day * 5 + 5))
    done = ingest_events(store, str(folder))
    assert [one["rows"] for one in done["files"]] == [5, 5, 5]
    write_log(folder / "3.csv", range(15, 20))
    again = ingest_events(store, str(folder))
    assert [one["status"] for one in again["files"]] == ["imported before"] * 3 + ["imported"]
    assert store.events.count() == 20


def test_prices_are_judged_by_the_category_of_the_product(store: Store, tmp_path: Path) -> None:
    store.catalogue.upsert([Product(item_id=f"i{n}", category=("Food", "Tea")) for n in range(40)])
    lines = [f"u{n},i{n % 40},purchase,{1_700_000_000 + n},{4 + n % 3}.50,1\n" for n in range(400)]
    lines.append("u1,i39,purchase,1700009999,950000,1\n")
    log = tmp_path / "log.csv"
    log.write_text("user_id,item_id,event_type,timestamp,price,quantity\n" + "".join(lines))
    done = ingest_events(store, str(log))
    assert done["reasons"] == {"absurd price": 1}


def test_nothing_to_read_is_refused(store: Store, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        ingest_events(store, str(tmp_path / "missing.csv"))


def test_an_older_feed_comes_back_and_an_equal_one_changes_nothing(store: Store, tmp_path: Path) -> None:
    old, new = tmp_path / "old.csv", tmp_path / "new.csv"
    old.write_text("item_id,title,price,currency\na,Tea,3.50,EUR\nb,Cup,7,EUR\n")
    new.write_text("item_id,title,price,currency\na,Tea,3.90,EUR\nb,Cup,7,EUR\n")
    assert ingest_products(store, str(old))["changed"] == 2
    assert ingest_products(store, str(new))["changed"] == 1
    assert ingest_products(store, str(old))["changed"] == 1
    again = ingest_products(store, str(old))
    assert (again["changed"], again["files"][0]["status"]) == (0, "imported before, nothing has changed")
    assert str(store.catalogue.get(["a"])["a"].price) == "3.50"


def test_people_with_any_fields(store: Store, tmp_path: Path) -> None:
    file = tmp_path / "people.csv"
    file.write_text("user_id,age,city\nann,41,Zürich\nbob,,Bern\n", encoding="utf-8")
    done = ingest_people(store, str(file))
    assert (done["kind"], done["changed"], done["rows"]) == ("people", 2, 2)
    ann = store.people.get("ann")
    assert ann is not None
    assert ann.fields == {"age": 41.0, "city": "Zürich"}
    assert ingest_people(store, str(file))["changed"] == 0


def test_a_refused_file_in_a_folder_does_not_stop_the_others(store: Store, tmp_path: Path) -> None:
    folder = tmp_path / "feeds"
    folder.mkdir()
    (folder / "a.csv").write_text("item_id,title\na,Tea\n")
    (folder / "b.pdf").write_bytes(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n")
    (folder / "c.jsonl").write_text('{"item_id": "c", "title": "Cup"}\n')
    (folder / "d.csv").write_text("item_id,title\n")
    done = ingest_products(store, str(folder))
    assert [one["status"] for one in done["files"]] == ["imported", "refused", "imported", "no rows"]
    assert "b.pdf" in done["files"][1]["reason"]
    assert (done["changed"], done["rows"], store.catalogue.count()) == (2, 2, 2)


def test_a_file_that_breaks_off_says_what_is_stored(store: Store, tmp_path: Path) -> None:
    items = "".join(f"<item><g:id>{n}</g:id><g:title>Lamp {n}</g:title></item>" for n in range(30))
    feed = tmp_path / "feed.xml"
    feed.write_text(f'<rss xmlns:g="http://base.google.com/ns/1.0"><channel>{items}<item><g:id>3')
    with pytest.raises(FormatError, match="the 30 products before it are stored"):
        ingest_products(store, str(feed))
    assert store.catalogue.count() == 30


@pytest.mark.parametrize(
    ("name", "text", "rows"),
    [
        ("width.csv", HEAD + "u1,i1\n", 1),
        ("quote.csv", HEAD + 'u1,i1,view,1700000000\nu2,"i2,view,1700000001\nu3,i3,view,1700000002\n', 3),
        ("broken.jsonl", '{"user_id":"u","item_id":"i","event_type":"view","timestamp":1}\n{broken\n', 2),
        ("array.json", '[{"user_id":"u","item_id":"i","event_type":"view","timestamp":1700000000}, 7]', 2),
    ],
)
def test_refused_and_accepted_rows_are_all_rows(store: Store, tmp_path: Path, name: str, text: str, rows: int) -> None:
    (tmp_path / name).write_text(text)
    done = ingest_events(store, str(tmp_path / name))
    assert done["rows"] == done["accepted"] + done["refused"] == rows


def test_a_last_block_of_refused_rows_counts(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delimited, "_BLOCK", 64)
    log = tmp_path / "log.csv"
    log.write_text(HEAD + "".join(f"u{n},i,view,{1_700_000_000 + n}\n" for n in range(9)) + "broken,row\n" * 20)
    done = ingest_events(store, str(log))
    assert (done["rows"], done["accepted"], done["refused"]) == (29, 9, 20)
    assert ingest_events(store, str(log))["files"][0]["rows"] == 29


def test_a_shopify_row_without_handle_at_the_end_counts(store: Store, tmp_path: Path) -> None:
    feed = tmp_path / "shopify.csv"
    feed.write_text("Handle,Title,Variant SKU,Variant Price\ntea,Tea,T1,3.50\nx\ncup,Cup,C1,7\n,Lost,L1,1\ny\n")
    done = ingest_products(store, str(feed))
    assert (done["rows"], done["accepted"], done["refused"]) == (5, 2, 3)
