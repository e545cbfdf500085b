"""The metrics of a whole server, whichever of its workers is asked.

Each worker writes what it counts into a folder of the server, every half second and when it ends; whoever is asked adds
up what lies there. Counts of workers that ended stay in the sum, so that no counter falls; their gauges do not.
"""

from __future__ import annotations

import logging
import os
import secrets
import threading
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Literal, TypedDict

import orjson
from filelock import FileLock, Timeout
from prometheus_client import generate_latest
from prometheus_client.metrics_core import Metric

log = logging.getLogger(__name__)
EVERY = 0.5  # seconds between two writings; Prometheus asks every 15 or so
ENDED = "ended"  # file of all workers that are no more
#: How values of a gauge add up: sum and most of workers that live, count also of those that ended, mine as the one says
#: that is asked (what all read from the same place).
How = Literal["sum", "most", "count", "mine"]
GAUGES: dict[str, How] = {
    "shoplens_requests_in_flight": "sum",
    "shoplens_message_streams": "sum",
    "shoplens_audio_streams": "sum",
    "shoplens_log_waiting": "sum",
    "shoplens_log_dropped": "count",
    "shoplens_candidates": "count",
    "shoplens_embedding_waiting": "sum",
    "shoplens_workers": "sum",
    "shoplens_products": "most",
    "shoplens_model_age_seconds": "most",
    "shoplens_bundle_info": "most",
    "shoplens_schedule_age_seconds": "mine",
    "shoplens_click_through": "mine",
    "shoplens_drift": "mine",
}

Samples = list[tuple[str, dict[str, str], float]]  # name, labels, value


class Family(TypedDict):
    """One metric as it is written down."""

    name: str
    about: str
    kind: str
    samples: Samples


class Ended(TypedDict):
    """What workers that are no more counted, as it is written down, and the names of those whose files may lie there
    still."""

    of: list[str]
    families: list[Family]


class ServerMetrics:
    """Of one worker and those beside it. `collect` says what this one counts now."""

    def __init__(self, folder: Path, collect: Callable[[], Iterable[Metric]]) -> None:
        self._folder, self._collect = folder, collect
        self._file = folder / f"{os.getpid()}-{secrets.token_hex(4)}.json"
        self._alive = FileLock(self._file.with_suffix(".lock"), thread_local=False)
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Take over what ended workers counted, and write now and again and again, until `close`."""
        with self._turn():
            self._alive.acquire()
            ended = [file for file in self._files() if not _lives(file)]
            if ended:
                self._add_to_ended(ended)
        self.write()
        self._thread = threading.Thread(target=self._run, name="shoplens-metrics", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Write for the last time."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout=5)
        self.write()
        self._alive.release()

    def write(self) -> None:
        """Say what this worker counts. A full disk costs figures, not answers."""
        try:
            self._write(self._file, [_family(one) for one in self._collect()])
        except OSError as error:
            log.warning("metrics are not told to other workers: %s", error)

    def text(self) -> bytes:
        """All workers' in Prometheus' text format; of the others as of half a second ago."""
        mine = [_family(one) for one in self._collect()]
        with self._turn():
            before = _ended(self._folder)
            others = [file for file in self._files() if file != self._file and file.stem not in before["of"]]
            living = _read([file for file in others if _lives(file)])
            ended = [before["families"], *_read([file for file in others if not _lives(file)])]
        return generate_latest(_Collected(added_up([mine, *living], ended)))

    def _add_to_ended(self, files: Sequence[Path]) -> None:
        """Their counts go over in one step, with their names: who dies before the files are gone adds none twice."""
        before = _ended(self._folder)
        new = [file for file in files if file.stem not in before["of"]]
        families = added_up([], [before["families"], *_read(new)])
        self._write(self._folder / f"{ENDED}.json", Ended(of=[file.stem for file in files], families=families))
        for file in files:
            file.unlink(missing_ok=True)
            file.with_suffix(".lock").unlink(missing_ok=True)

    def _turn(self) -> FileLock:
        """One at a time looks who lives: looking takes a lock for a moment."""
        return FileLock(self._folder / ".turn")

    def _files(self) -> list[Path]:
        return sorted(file for file in self._folder.glob("*.json") if file.stem != ENDED)

    def _run(self) -> None:
        while not self._stop.wait(EVERY):
            self.write()

    @staticmethod
    def _write(file: Path, families: Sequence[Family] | Ended) -> None:
        partial = file.with_suffix(f".{secrets.token_hex(4)}.partial")
        partial.write_bytes(orjson.dumps(families))
        partial.replace(file)


def added_up(living: Sequence[Sequence[Family]], ended: Sequence[Sequence[Family]]) -> list[Family]:
    """One of many. The first of those that live is the one that is asked."""
    found: dict[str, Family] = {}
    values: dict[tuple[str, str, tuple[tuple[str, str], ...]], list[float]] = {}
    for place, families in enumerate((*living, *ended)):
        for family in families:
            how = GAUGES.get(family["name"], "sum") if family["kind"] == "gauge" else "count"
            if (how == "mine" and place > 0) or (how != "count" and place >= len(living)):
                continue
            found.setdefault(family["name"], {**family, "samples": []})
            for name, labels, value in family["samples"]:
                values.setdefault((family["name"], name, tuple(sorted(labels.items()))), []).append(value)
    for (family_name, name, pairs), told in values.items():
        family = found[family_name]
        if name.endswith("_created"):
            value = min(told)
        elif family["kind"] == "gauge" and GAUGES.get(family_name) == "most":
            value = max(told)
        else:
            value = sum(told)
        family["samples"].append((name, dict(pairs), value))
    return list(found.values())


class _Collected:
    """Looks like a registry."""

    def __init__(self, families: Iterable[Family]) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        for one in self._families:
            metric = Metric(one["name"], one["about"], one["kind"])
            for name, labels, value in one["samples"]:
                metric.add_sample(name, labels, value)
            yield metric


def _family(metric: Metric) -> Family:
    samples = [(one.name, dict(one.labels), float(one.value)) for one in metric.samples]
    return {"name": metric.name, "about": metric.documentation, "kind": metric.type, "samples": samples}


def _ended(folder: Path) -> Ended:
    """What the workers that are no more counted; files named in it are in it already."""
    try:
        found: Any = orjson.loads((folder / f"{ENDED}.json").read_bytes())
    except (OSError, ValueError):
        return Ended(of=[], families=[])
    if isinstance(found, list):  # written before names were
        found = Ended(of=[], families=found)
    return Ended(of=found["of"], families=[_numbers(family) for family in found["families"]])


def _numbers(family: Any) -> Family:
    """JSON has no NaN."""
    told = [(name, labels, float("nan") if value is None else value) for name, labels, value in family["samples"]]
    return Family(name=family["name"], about=family["about"], kind=family["kind"], samples=told)


def _read(files: Iterable[Path]) -> list[list[Family]]:
    found: list[list[Family]] = []
    for file in files:
        try:
            families: Any = orjson.loads(file.read_bytes())
        except (OSError, ValueError):
            continue
        found.append([_numbers(family) for family in families])
    return found


def _lives(file: Path) -> bool:
    """Whether the worker that writes this file still does: it holds a lock for as long as it lives."""
    lock = FileLock(file.with_suffix(".lock"))
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return True
    lock.release()
    return False
