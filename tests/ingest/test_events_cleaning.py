"""Rules that need more than one row: absurd amounts, repetitions, robots; and going on after an interruption."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from shoplens.domain.events import EVENT_CODES, EventType
from shoplens.errors import StrictError
from shoplens.ingest.events import read_events
from shoplens.ingest.events.outliers import Amounts, RunningOutliers
from shoplens.ingest.report import IngestReport
from shoplens.ingest.source import SourceFile

NOW = 1_767_225_600_000_000
START = 1_762_165_800_000_000


def purchases(tmp_path: Path, rows: int = 2_000, **columns: object) -> SourceFile:
    """Bread at about 2.50, one or two at a time; `columns` replace some."""
    rng = np.random.default_rng(7)
    frame = pl.DataFrame(
        {
            "user_id": [f"u{n % 50}" for n in range(rows)],
            "item_id": [f"bread-{n % 4}" for n in range(rows)],
            "event_type": "purchase",
            "timestamp": START + np.arange(rows) * 1_000_000,
            "quantity": rng.integers(1, 3, rows).astype(float),
            "price": np.round(rng.normal(2.5, 0.3, rows), 2),
        }
    ).with_columns(**{name: pl.Series(values) for name, values in columns.items()})  # type: ignore[arg-type]
    path = tmp_path / "purchases.parquet"
    frame.write_parquet(path, row_group_size=500)
    return SourceFile(path)


def refusals(report: IngestReport) -> dict[str, int]:
    reasons: dict[str, int] = report.summary()["reasons"]
    return reasons


def test_absurd_prices_and_quantities_are_refused(tmp_path: Path) -> None:
    price, quantity = [2.5] * 2_000, [1.0] * 2_000
    price[1_500], quantity[1_600], price[1_700] = 99_999.0, 50_000.0, 0.0001
    source = purchases(tmp_path, price=price, quantity=quantity)
    with IngestReport(tmp_path / "report.jsonl") as report:
        lines = [line for chunk in read_events(source, report=report, now=NOW, chunk=400) for line in chunk.lines]
    assert refusals(report) == {"absurd price": 2, "absurd quantity": 1}
    assert sorted(set(range(1, 2_001)) - set(lines)) == [1_501, 1_601, 1_701]


def test_units_of_another_kind_pass(tmp_path: Path) -> None:
    """Petrol by the thousandth of a gallon, among bread in one category."""
    price, quantity = [2.5] * 2_000, [1.0] * 2_000
    item = ["bread"] * 2_000
    for n in range(30, 2_000, 40):
        item[n], quantity[n], price[n] = "petrol", 12_000.0, 0.0025
    source = purchases(tmp_path, price=price, quantity=quantity, item_id=item)
    report = IngestReport()
    everything = list(read_events(source, report=report, now=NOW, category_of=lambda ids: ["shop"] * len(ids)))
    assert refusals(report) == {}
    assert sum(len(chunk.batch) for chunk in everything) == 2_000


def test_categories_judge_products_that_were_sold_once(tmp_path: Path) -> None:
    item = [f"bread-{n}" for n in range(2_000)]
    price = [2.5] * 1_999 + [75_000.0]
    alone, together = IngestReport(), IngestReport()
    list(read_events(purchases(tmp_path, item_id=item, price=price), report=alone, now=NOW))
    asked: list[int] = []

    def category_of(items: list[str]) -> list[str | None]:
        asked.append(len(items))
        return ["Bread" if one != "bread-3" else None for one in items]

    list(
        read_events(
            purchases(tmp_path, item_id=item, price=price), report=together, now=NOW, category_of=category_of, chunk=500
        )
    )
    assert refusals(alone) == {}
    assert refusals(together) == {"absurd price": 1}
    assert asked == [500] * 4


def test_outliers_learn_from_all_chunks_and_stay_small() -> None:
    running = RunningOutliers(both_sides=True)
    rng = np.random.default_rng(3)
    for part in range(30):
        groups = pl.Series([f"g{n}" for n in rng.integers(0, 20_000, 20_000)])
        assert not running.absurd(pl.Series(rng.lognormal(1.0, 0.5, 20_000)), groups).any(), part
    assert running._rows <= 300_000
    told = running.absurd(pl.Series([2.0, 1e9, None, 0.0, 1e9]), pl.Series(["g1", "g1", "g1", "g1", None]))
    assert told.to_list() == [False, True, False, False, False]
    assert running.absurd(pl.Series([1e9]), pl.Series(["never seen"])).to_list() == [False]


def test_amounts_without_a_price_are_judged_by_quantity() -> None:
    amounts = Amounts()
    quantity = pl.Series([1.0] * 100 + [1e6])
    groups = pl.Series(["a"] * 101)
    far_quantity, far_price = amounts.absurd(quantity, pl.Series([None] * 101, dtype=pl.Float64), groups)
    assert far_quantity.arg_true().to_list() == [100]
    assert not far_price.any()


def test_repetitions_are_found_across_chunks(tmp_path: Path) -> None:
    source = purchases(tmp_path, rows=900, user_id=[f"u{n % 300}" for n in range(900)],
                       timestamp=[START + n % 300 for n in range(900)], quantity=[1.0] * 900, price=[2.0] * 900,
                       item_id=["i"] * 900)  # fmt: skip
    report = IngestReport()
    lines = [line for chunk in read_events(source, report=report, now=NOW, chunk=250) for line in chunk.lines]
    assert lines == list(range(1, 301))
    assert refusals(report) == {"duplicate row": 600}


def views(tmp_path: Path, minutes: int, a_minute: int, *, step: int = 500_000, also: str | None = None) -> SourceFile:
    """Ann looks at a few products; a robot at `a_minute` products a minute, `step` microseconds apart."""
    rows = [("ann", f"i{n}", "view", START + n * 20_000_000) for n in range(40)]
    for minute in range(minutes):
        begin = (START // 60_000_000 + minute) * 60_000_000
        rows += [("robot", f"i{minute}-{n}", "view", begin + (n * step) % 60_000_000) for n in range(a_minute)]
    if also is not None:
        rows.insert(0, ("robot", "i1", also, START))
    frame = pl.DataFrame(rows, schema=["session_id", "item_id", "event_type", "timestamp"], orient="row")
    frame.write_csv(tmp_path / "views.csv")
    return SourceFile(tmp_path / "views.csv")


def test_robots_are_refused_and_people_are_not(tmp_path: Path) -> None:
    report = IngestReport()
    chunks = list(read_events(views(tmp_path, 10, 100), report=report, now=NOW))
    assert refusals(report) == {"bot-like session": 1_000}
    assert {one for chunk in chunks for one in chunk.batch.session_id} == {"ann"}


def test_robots_are_found_across_chunks(tmp_path: Path) -> None:
    report = IngestReport()
    kept = [
        one for chunk in read_events(views(tmp_path, 10, 100), report=report, now=NOW, chunk=70)
        for one in chunk.batch.session_id
    ]  # fmt: skip
    assert kept.count("ann") == 40
    assert refusals(report)["bot-like session"] >= 600


@pytest.mark.parametrize(
    ("minutes", "a_minute", "step", "also"),
    [
        (2, 200, 250_000, None),  # not sustained
        (10, 55, 500_000, None),  # a quick eye
        (10, 100, 60_000_000, None),  # times rounded to minutes
        (10, 100, 500_000, "add_to_cart"),  # somebody who shops
        (10, 100, 500_000, "purchase"),
    ],
)
def test_the_rule_for_robots_is_conservative(
    tmp_path: Path, minutes: int, a_minute: int, step: int, also: str | None
) -> None:
    report = IngestReport()
    list(read_events(views(tmp_path, minutes, a_minute, step=step, also=also), report=report, now=NOW))
    assert refusals(report) == {}


def test_an_interrupted_import_goes_on_where_it_was(tmp_path: Path) -> None:
    source = purchases(tmp_path)
    whole = list(read_events(source, report=IngestReport(), now=NOW, chunk=300))
    rows = [chunk.rows_done for chunk in whole]
    assert rows == sorted(rows)
    assert rows[-1] == 2_000
    for position, done in enumerate(rows):
        rest = list(read_events(source, report=IngestReport(), now=NOW, chunk=300, skip_rows=done))
        assert [key for chunk in rest for key in chunk.batch.key] == [
            key for chunk in whole[position + 1 :] for key in chunk.batch.key
        ]


def test_rows_without_a_type_take_the_default(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_text("user_id,item_id,event_type,timestamp\nu,i,,1762165800\nu,i,view,1762165801\n")
    (chunk,) = read_events(SourceFile(path), report=IngestReport(), now=NOW, default_type=EventType.PURCHASE)
    assert chunk.batch.event_type == [EVENT_CODES[EventType.PURCHASE], EVENT_CODES[EventType.VIEW]]
    path.write_text("user_id,item_id,timestamp\nu,i,1762165800\n")
    (chunk,) = read_events(SourceFile(path), report=IngestReport(), now=NOW, default_type=EventType.CLICK)
    assert chunk.batch.event_type == [EVENT_CODES[EventType.CLICK]]


def test_a_plain_file_of_ratings_needs_no_type(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_text("user_id,item_id,rating,timestamp\nu,i,4,1762165800\n")
    (chunk,) = read_events(SourceFile(path), report=IngestReport(), now=NOW)
    assert chunk.batch.event_type == [EVENT_CODES[EventType.RATING]]
    assert chunk.batch.value == [4.0]


def test_without_times_the_order_of_rows_stands(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_text("user_id,item_id,event_type\nu,i,view\nu,i,view\n")
    report = IngestReport()
    (chunk,) = read_events(SourceFile(path), report=report, now=NOW)
    assert chunk.batch.timestamp[0] < chunk.batch.timestamp[1]
    (again,) = read_events(SourceFile(path), report=IngestReport(), now=NOW)
    assert again.batch.key == chunk.batch.key
    assert report.summary()["fixes"] == {"no time in the file: the order of its rows stands for it": 2}


def test_strict_names_the_line(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_text("user_id,item_id,event_type,timestamp\nu,i,view,1762165800\nu,,view,1762165800\n")
    with pytest.raises(StrictError, match="line 3, field item_id: missing item"):
        list(read_events(SourceFile(path), report=IngestReport(strict=True), now=NOW))


def test_nul_characters_go(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_text('{"user_id":"u\\u00001","item_id":"i","event_type":"view","timestamp":1762165800}\n')
    (chunk,) = read_events(SourceFile(path), report=IngestReport(), now=NOW)
    assert chunk.batch.user_id == ["u1"]


def test_ids_that_are_too_long_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_text(f"user_id,item_id,event_type,timestamp\n{'u' * 600},i,view,1762165800\n")
    report = IngestReport()
    list(read_events(SourceFile(path), report=report, now=NOW))
    assert refusals(report) == {"id too long": 1}
