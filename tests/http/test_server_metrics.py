"""What several workers count adds up, and no counter falls when one of them ends."""

from __future__ import annotations

import math
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.parser import text_string_to_metric_families

from shoplens.http.envelope import Meters
from shoplens.http.server_metrics import GAUGES, Family, ServerMetrics, added_up


class Worker:
    """Counts in a registry of its own."""

    def __init__(self, folder: Path) -> None:
        registry = CollectorRegistry()
        self.events = Counter("events_total", "Events.", registry=registry)
        self.seconds = Histogram("seconds", "Time.", ("route",), buckets=(0.1, 1.0), registry=registry)
        self.busy = Gauge("shoplens_requests_in_flight", "Now.", registry=registry)
        self.age = Gauge("shoplens_model_age_seconds", "Age.", registry=registry)
        self.drift = Gauge("shoplens_drift", "Drift.", registry=registry)
        self.told = ServerMetrics(folder, registry.collect)


def read(worker: Worker) -> dict[str, float]:
    families = text_string_to_metric_families(worker.told.text().decode())
    return {"/".join((one.name, *one.labels.values())): one.value for family in families for one in family.samples}


def test_whichever_is_asked_tells_of_all(tmp_path: Path) -> None:
    one, other = Worker(tmp_path), Worker(tmp_path)
    for number, worker in enumerate((one, other), start=1):
        worker.told.start()
        worker.events.inc(10 * number)
        worker.seconds.labels("/a").observe(0.5 * number)
        worker.busy.set(number)
        worker.age.set(number)
        worker.drift.set(math.nan if number == 1 else 1)
        worker.told.write()
    for worker in (one, other):
        found = read(worker)
        assert (found["events_total"], found["seconds_count//a"], found["seconds_sum//a"]) == (30, 2, 1.5)
        assert [found[f"seconds_bucket/{le}//a"] for le in ("0.1", "1.0", "+Inf")] == [0, 2, 2]
        assert (found["shoplens_requests_in_flight"], found["shoplens_model_age_seconds"]) == (3, 2)
    assert math.isnan(read(one)["shoplens_drift"])
    assert read(other)["shoplens_drift"] == 1
    one.events.inc()
    assert read(one)["events_total"] == 31, "one's own are as of now"
    one.told.close()
    assert (read(other)["events_total"], read(other)["shoplens_requests_in_flight"]) == (31, 2)
    for _ in range(3):  # workers come and go; what they counted stays, in one file
        came = Worker(tmp_path)
        came.told.start()
        came.events.inc()
        came.told.close()
    assert read(other)["events_total"] == 34
    assert len(list(tmp_path.glob("*.json"))) <= 3
    other.told.close()


def test_who_dies_while_adding_up_adds_nothing_twice(tmp_path: Path) -> None:
    """A worker is killed after the sum is written, before what it was made of is gone."""
    gone = Worker(tmp_path)
    gone.told.start()
    gone.events.inc(7)
    gone.told.close()
    left = {file: file.read_bytes() for file in tmp_path.glob("*-*.json")}
    for _ in range(2):
        came = Worker(tmp_path)
        came.told.start()
        for file, content in left.items():
            file.write_bytes(content)
        assert read(came)["events_total"] == 7
        came.told.close()
    last = Worker(tmp_path)
    last.told.start()
    assert read(last)["events_total"] == 7
    assert not any(file.exists() for file in left)
    last.told.close()


def test_half_a_file_is_left_out(tmp_path: Path) -> None:
    worker = Worker(tmp_path)
    worker.events.inc(3)
    (tmp_path / "1-x.json").write_text("[{")
    assert read(worker)["events_total"] == 3


def test_every_gauge_says_how_it_adds_up() -> None:
    gauges = {one.name for one in Meters().registry.collect() if one.type == "gauge"}
    assert gauges == set(GAUGES)


@given(st.lists(st.lists(st.integers(0, 100), min_size=2, max_size=2), min_size=1, max_size=5), st.data())
def test_counters_add_up_in_any_order(counts: list[list[int]], data: st.DataObject) -> None:
    def counted(one: list[int]) -> list[Family]:
        samples = [("a_total", {"n": str(n)}, float(one[n])) for n in (0, 1)]
        return [Family(name="a", about="", kind="counter", samples=samples)]

    workers = [counted(one) for one in counts]
    ended = data.draw(st.integers(0, len(workers)))
    shuffled = data.draw(st.permutations(workers))
    found = added_up(shuffled[ended:], shuffled[:ended])
    sums = {labels["n"]: value for _, labels, value in found[0]["samples"]}
    assert sums == {str(n): sum(one[n] for one in counts) for n in (0, 1)}
