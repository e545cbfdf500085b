"""The order of search results learnt from a shop's clicks, in `search/clicks/`: versions side by side, and a pointer.

A version is written whole and only then named, so whoever reads meanwhile reads the one before.
"""

from __future__ import annotations

import logging
import shutil
import threading
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson

from shoplens.domain.events import MICROSECONDS_PER_DAY
from shoplens.errors import ModelFileError
from shoplens.learning.click_log import gather
from shoplens.learning.click_ranking import ClickReport, Progress, learn_click_order
from shoplens.models.click_ranker import ClickRanker
from shoplens.models.ranker import RankerMissingError
from shoplens.recommend.facts import CatalogueFacts
from shoplens.service.workspace import Workspace
from shoplens.store.base import Store

Floats = npt.NDArray[np.float32]
log = logging.getLogger(__name__)
DAYS = 180.0  # that are learnt from: what people took a year ago was another season
POINTER = "current.json"
REPORT = "report.json"  # of a version
LOOK_EVERY = 5.0  # seconds between looks at which version serves
KEPT = 3  # versions on disk, the one that serves among them


@dataclass(frozen=True, slots=True)
class ClicksLearnt:
    """What came of it."""

    told: str  # a sentence
    report: ClickReport
    version: str | None = None  # that serves from now on; None: as before, or none


def home(workspace: Workspace) -> Path:
    """Where the versions lie."""
    return workspace.search / "clicks"


def learn_from_clicks(
    workspace: Workspace, store: Store, *, seed: int = 0, progress: Progress | None = None, now: int | None = None
) -> ClicksLearnt:
    """Learn from the searches of the last DAYS and what people did with them; what is clearly better on the latest
    week than the order without clicks serves from now on.

    What serves already goes on when the log says too little, and is withdrawn when clicks no longer help.
    RankerMissingError without lightgbm. `now`: microseconds.
    """
    moment = now if now is not None else int(time.time() * 1e6)
    since = moment - int(DAYS * MICROSECONDS_PER_DAY)
    if progress is not None:
        progress("read what was searched for", 0, 1)
    records = (record for chunk in store.searches.scan(since=since) for _, record in chunk)
    responses = (one for chunk in store.searches.responses(since=since) for one in chunk)
    gathered = gather(records, responses)
    if progress is not None:
        progress("read what was searched for", 1, 1)
    ranker, report = learn_click_order(gathered, seed=seed, progress=progress)
    if ranker is not None:
        return ClicksLearnt(report.told, report, publish(home(workspace), ranker, report))
    if report.ours <= report.theirs and serving(workspace) is not None:  # never true of nan: too little was known
        (home(workspace) / POINTER).unlink(missing_ok=True)
        return ClicksLearnt(f"{report.told}; what was learnt before is withdrawn", report)
    return ClicksLearnt(report.told, report)


def load_click_order(workspace: Workspace) -> ClickRanker | None:
    """What serves; None before anything was learnt, and where it cannot be used: then a warning says why."""
    try:
        folder = serving(workspace)
        return None if folder is None else ClickRanker.load(folder)
    except (ModelFileError, RankerMissingError) as error:
        log.warning("search goes on without what clicks taught: %s", error)
        return None


def serving(workspace: Workspace) -> Path | None:
    """Folder of the version that serves, None when there is none. ModelFileError when the pointer is damaged."""
    pointer = home(workspace) / POINTER
    try:
        version = str(orjson.loads(pointer.read_bytes())["version"])
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelFileError(f"{pointer} cannot be read ({error}); train again: shoplens train") from error
    return home(workspace) / version


def click_report(workspace: Workspace) -> dict[str, Any] | None:
    """What the order that serves was learnt from and how it was judged: `version`, and `ClickReport` as JSON.

    None where clicks order nothing.
    """
    try:
        folder = serving(workspace)
        return None if folder is None else {"version": folder.name, **orjson.loads((folder / REPORT).read_bytes())}
    except (ModelFileError, OSError, ValueError) as error:
        log.warning("what clicks taught cannot be told: %s", error)
        return None


def stamp(workspace: Workspace) -> int:
    """Changes when another version serves: who holds one looks at this, and loads it again."""
    try:
        return (home(workspace) / POINTER).stat().st_mtime_ns
    except FileNotFoundError:
        return 0


def publish(versions: Path, ranker: ClickRanker, report: ClickReport) -> str:
    """Save a version, let it serve, and delete old ones. Returns its name."""
    version = f"{datetime.now(UTC):%Y%m%dT%H%M%S%f}-{uuid.uuid4().hex[:8]}"
    building = versions / f".{version}"
    building.mkdir(parents=True)
    try:
        ranker.save(building)
        (building / REPORT).write_bytes(orjson.dumps(report.as_dict(), option=orjson.OPT_INDENT_2))
        building.rename(versions / version)
    except BaseException:
        shutil.rmtree(building, ignore_errors=True)
        raise
    pointer = versions / f".{POINTER}-{uuid.uuid4().hex}"
    pointer.write_bytes(orjson.dumps({"version": version}))
    pointer.replace(versions / POINTER)
    older = sorted((one for one in versions.iterdir() if (one / "clicks.json").is_file()), reverse=True)
    for folder in older[KEPT:]:
        if folder.name != version:
            shutil.rmtree(folder, ignore_errors=True)
    return version


class ClicksInUse:
    """The order that clicks taught, as rows of the facts; a newer version is taken over when there is one."""

    def __init__(self, workspace: Workspace, facts: CatalogueFacts) -> None:
        self._workspace = workspace
        self._facts = facts
        self._lock = threading.Lock()
        self._looked = float("-inf")
        self._stamp = 0
        self._ranker: ClickRanker | None = None

    def rescore(self, query: str, rows: npt.NDArray[np.int64], features: Mapping[str, Floats]) -> Floats | None:
        """See `apps.search.ordering.ClickOrder`."""
        ranker = self._current()
        if ranker is None:
            return None
        return ranker.rescore(query, [self._facts.ids[row] for row in rows.tolist()], features)

    def _current(self) -> ClickRanker | None:
        now = time.monotonic()
        if now - self._looked > LOOK_EVERY:
            with self._lock:
                self._looked = now
                now_serving = stamp(self._workspace)
                if now_serving != self._stamp:
                    self._stamp = now_serving
                    self._ranker = load_click_order(self._workspace)
        return self._ranker
