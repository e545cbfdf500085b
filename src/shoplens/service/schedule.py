"""The life of a model, looked after by a process of its own: when to train again, what to promote, what to take back.

It never trains or judges itself: each training is a process with its own memory (`service.retraining`). It changes
nothing but the bundle pointer, which all serving processes follow, and writes down what it did and why (`journal`).
"""

from __future__ import annotations

import logging
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
from filelock import FileLock, Timeout

from shoplens.domain.events import EVENT_CODES, EventType
from shoplens.errors import BundleError, ConflictError, ShoplensError, StoreError
from shoplens.service import bundle_pointer, journal
from shoplens.service.backup import back_up
from shoplens.service.bundle import read_manifest, trained_at
from shoplens.service.drift import Drift
from shoplens.service.experiments import Experiments
from shoplens.service.gate import newest_window
from shoplens.service.jobs import Job, Jobs
from shoplens.service.log_writer import DAY
from shoplens.service.reactions import reactions
from shoplens.service.rollback import clicked_less
from shoplens.service.schedule_look import Look, write
from shoplens.service.workspace import Workspace
from shoplens.store.base import Store

log = logging.getLogger(__name__)
HOUR = 3_600.0  # seconds
_STATUS = EVENT_CODES[EventType.ORDER_STATUS]

#: (root, since) → what `retraining.retrain` says.
Train = Callable[[Workspace, int], dict[str, Any]]


class Schedule:
    """Looks after one workspace. ConflictError when another process does already; `close` lets others."""

    def __init__(self, workspace: Workspace, store: Store, *, train: Train | None = None) -> None:
        self._workspace = workspace
        self._store = store
        self._settings = workspace.settings.schedule
        self._train = train or train_elsewhere
        self._drift = Drift()
        self._drifted: str | None = None
        workspace.bundles.mkdir(parents=True, exist_ok=True)
        self._alone = FileLock(workspace.bundles / ".schedule.lock")
        try:
            self._alone.acquire(timeout=1)  # who only asks whether somebody holds it, holds it for a moment
        except Timeout as error:
            raise ConflictError(f"another process looks after {workspace.root} already; stop it first") from error
        self.jobs = Jobs(workspace.root, workspace.bundles)
        try:
            self.jobs.give_up()
        except StoreError as error:  # who trains and takes back goes on without
            log.error("what was asked for cannot be read: %s", error)

    def close(self) -> None:
        """Let another process look after the workspace."""
        self._alone.release()

    def look(self) -> list[journal.Entry]:
        """Do what is due now; returns what was done."""
        done = []
        returned = self.take_back()
        if returned is not None:
            done.append(returned)
        done += self.do_jobs()
        reason = self.reason()
        self._tell()
        try:
            if reason is not None and (trained := self.renew(reason)) is not None:
                done.append(trained)
        except ConflictError as busy:
            log.info("not trained now (%s): %s", reason, busy)
        return done

    def do_jobs(self) -> list[journal.Entry]:
        """Do what somebody asked for; returns what became of bundles. Between two jobs, which may take hours, a bundle
        that is clicked less is taken back as at every look."""
        entries: list[journal.Entry] = []
        done = 0
        while (job := self._next_job()) is not None:
            if done:
                entries += self._taken_back()
            done += 1
            log.info("%s was asked for (job %s)", job.what, job.job_id)
            try:
                if job.what == "backup":
                    self.jobs.end(job, self._back_up(job))
                    continue
                entry = self.renew("asked for")
            except ConflictError as busy:
                log.info("job %s waits: %s", job.job_id, busy)
                self.jobs.put_back(job)
                return entries
            except (ShoplensError, OSError) as error:
                log.error("job %s failed: %s", job.job_id, error)
                told = error.told if isinstance(error, StoreError) else str(error)  # where the database is, the log has
                self.jobs.end(job, told, failed=True)
                continue
            if entry is None:
                self.jobs.end(job, "nothing came since the bundle that answers was trained")
                continue
            entries.append(entry)
            became = f"{entry.what.replace('_', ' ')} {entry.bundle or ''}".strip()
            self.jobs.end(job, f"{became}: {entry.why}", failed=entry.what == "failed")
        return entries

    def _taken_back(self) -> list[journal.Entry]:
        try:
            returned = self.take_back()
        except (ShoplensError, OSError) as error:  # the job that has begun is done all the same
            log.error("whether a bundle is clicked less cannot be told: %s", error)
            return []
        return [] if returned is None else [returned]

    def _next_job(self) -> Job | None:
        try:
            return self.jobs.begin()
        except StoreError as error:
            log.error("what was asked for cannot be read: %s", error)
            return None

    def _back_up(self, job: Job) -> str:
        """Write a backup, and delete those that are too many. Returns what was done."""
        folder = self._workspace.root / self._settings.backups
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        now = time.time()
        # To the microsecond: names tell which is older, and two may be asked for within one second.
        moment = f"{time.strftime('%Y%m%d-%H%M%S', time.gmtime(now))}{int(now % 1 * 1e6):06d}"
        done = back_up(self._workspace, folder / f"shop-{moment}-{job.job_id}.tar", without=job.without)
        ours = sorted(folder.glob("shop-[0-9]*-[0-9]*-*.tar"))
        for old in ours[: -self._settings.keep_backups]:
            old.unlink(missing_ok=True)
        return f"{done.file.name}: {sum(done.rows.values()):,} rows and {done.files:,} files, {done.bytes:,} bytes"

    def take_back(self) -> journal.Entry | None:
        """Return to the bundle before when the current one is clicked less."""
        bundles = self._workspace.bundles
        version = bundle_pointer.current_version(bundles)
        if version is None or not self._settings.rollback:
            return None
        why = clicked_less(self._store.impressions, bundles, version, self._settings, now=int(time.time() * 1e6))
        return None if why is None else roll_back(bundles, version, why)

    def reason(self) -> str | None:
        """Why to train now, in a sentence; None when there is no reason."""
        settings, (at, events) = self._settings, self._latest()
        if settings.drift:
            self._look_for_drift(self._learnt_at())
        if at is None:
            return "nothing has been trained yet"
        hours = (time.time() - at) / HOUR
        if hours < settings.least_hours:
            return None
        if self._drifted is not None:
            return self._drifted
        least = None if settings.new_events is None else events + settings.new_events * max(events, 1)
        # What all events do not reach, those that somebody did cannot: the log is read for no more than that.
        if least is not None and self._store.events.count() > least and (count := self._deeds()) > least:
            return f"{count - events:,} events came since, {settings.new_events:.0%} of the {events:,} there were"
        if settings.every_hours is not None and hours >= settings.every_hours:
            return f"the latest training was {hours:.1f} hours ago"
        return None

    def renew(self, reason: str) -> journal.Entry | None:
        """Train, judge, and promote or refuse. None when nothing happened that could judge a bundle. ConflictError
        while somebody else trains here: nothing was tried, and the next look tries again."""
        drifted, self._drifted = self._drifted, None
        bundles = self._workspace.bundles
        current = bundle_pointer.current_version(bundles)
        since = self._since(current)
        events = self._deeds()
        if since is None:
            log.info("not trained (%s): nothing came since the bundle that answers was trained", reason)
            return None
        told = self._train(self._workspace, since)
        if "later" in told:
            self._drifted = drifted
            raise ConflictError(str(told["later"]))
        if "error" in told:
            self._drifted = drifted  # as much a reason as before
            return self._note("failed", str(told["error"]), current, None, reason, events)
        if told.get("clicks"):
            log.info("search: %s", told["clicks"])
        version, verdict = str(told["version"]), told["verdict"]
        beside = verdict.get("current", current)  # another may have been promoted by hand before the judging
        if beside is None:
            verdict = {**verdict, "accepted": True, "why": "the first bundle"}
        if not verdict["accepted"]:
            return self._note("refused", verdict["why"], beside, version, reason, events, verdict)
        try:
            before = bundle_pointer.promote(bundles, version, instead_of=beside)
        except ConflictError as error:
            why = f"{error}; judge it beside that one: shoplens bundles judge {version}"
            return self._note("refused", why, beside, version, reason, events, verdict)
        except ShoplensError as error:
            return self._note("failed", str(error), current, version, reason, events, verdict)
        entry = self._note("promoted", verdict["why"], before, version, reason, events, verdict)
        self._prune()
        return entry

    def _prune(self) -> None:
        """Disks end, and old bundles remember people who were forgotten since."""
        if not self._settings.keep_bundles:
            return
        bundles = self._workspace.bundles
        try:
            arms = Experiments(self._workspace.root, bundles).bundles_in_use()
            for gone in bundle_pointer.prune(bundles, self._settings.keep_bundles, arms):
                log.info("bundle %s was deleted: it is none of the latest %d", gone, self._settings.keep_bundles)
        except (ShoplensError, OSError) as error:
            log.warning("old bundles stay: %s", error)

    def _note(
        self,
        what: journal.Kind,
        why: str,
        before: str | None,
        version: str | None,
        reason: str,
        events: int,
        figures: dict[str, Any] | None = None,
    ) -> journal.Entry:
        entry = journal.Entry(what, why, version, before, reason, figures or {}, events=events)
        return journal.write(self._workspace.bundles, entry)

    def _latest(self) -> tuple[float | None, int]:
        """When the latest training was (seconds since 1970, None: never), and how many events there were."""
        tried = [one for one in journal.read(self._workspace.bundles) if one.reason is not None]
        current = bundle_pointer.current_version(self._workspace.bundles)
        trained = None if current is None else trained_at(current)
        if tried and (trained is None or tried[-1].at / 1e6 >= trained):
            return tried[-1].at / 1e6, tried[-1].events
        if current is None:
            return None, 0
        facts = read_manifest(self._workspace.bundles / current)["extra"].get("facts", {})
        return trained or 0.0, int(facts.get("events", 0)) or self._deeds()

    def _learnt_at(self) -> float:
        """When a training that came to an end was begun or noted, seconds since 1970; 0: never."""
        tried = [one.at / 1e6 for one in journal.read(self._workspace.bundles) if one.reason and one.what != "failed"]
        current = bundle_pointer.current_version(self._workspace.bundles)
        return max(tried[-1] if tried else 0.0, (trained_at(current) if current is not None else None) or 0.0)

    def _since(self, current: str | None) -> int | None:
        moments: list[int] = []
        for chunk in self._store.events.scan():
            times = chunk.timestamp[chunk.event_type != _STATUS]
            if len(times):
                moments += [int(times.min()), int(times.max())]
        extra = {} if current is None else read_manifest(self._workspace.bundles / current)["extra"]
        return newest_window(moments, int(self._settings.window_days * DAY), extra.get("last_event"))

    def _deeds(self) -> int:
        """How many events there are of what somebody did: what the shop says of its orders teaches nothing."""
        return self._store.events.count() - self._store.events.count(EventType.ORDER_STATUS)

    def _tell(self) -> None:
        """Servers beside this process measure what it saw."""
        drift = self._drift
        look = Look(time.time(), drift.bundle, drift.seen, drift.click_through, self._drifted)
        try:
            write(self._workspace.bundles, look)
        except OSError as error:
            log.warning("what was seen is not told: %s", error)

    def _look_for_drift(self, trained: float) -> None:
        """What changed before the latest training (seconds since 1970) was a reason for that one, not for another:
        a process that begins, once an hour with --once, reads the log from there."""
        stream = reactions(
            self._store.impressions,
            after=self._drift.last,
            since=int(max(time.time() - 7 * 86_400, trained) * 1e6),
            settle_minutes=self._settings.settle_minutes,
        )
        self._drifted = self._drift.feed(stream) or self._drifted


def roll_back(bundles: Path, version: str, why: str) -> journal.Entry | None:
    """Leave this bundle for the one before, and write it down; None when somebody else did, or there is none."""
    try:
        now = bundle_pointer.rollback(bundles, version)
    except BundleError as error:
        log.error("bundle %s should give way (%s), but %s", version, why, error)
        return None
    log.error("bundle %s gave way to %s: %s", version, now, why)
    return journal.write(bundles, journal.Entry("rolled_back", why, version, now))


def train_elsewhere(workspace: Workspace, since: int) -> dict[str, Any]:
    """Train and judge in a process of its own."""
    settings = workspace.settings.schedule
    command = [sys.executable, "-m", "shoplens.service.retraining", str(workspace.root), str(since)]
    if settings.memory_mb is not None:
        command += ["--memory-mb", str(settings.memory_mb)]
    try:
        done = subprocess.run(  # noqa: S603 - ourselves
            command, stdout=subprocess.PIPE, check=False, timeout=settings.most_hours * HOUR
        )
    except subprocess.TimeoutExpired:
        return {"error": f"the training took more than {settings.most_hours:g} hours (schedule.most_hours)"}
    lines = done.stdout.splitlines()
    if done.returncode or not lines:
        why = "killed, perhaps for its memory" if done.returncode < 0 else f"exit code {done.returncode}"
        limit = "" if settings.memory_mb is None else f", with schedule.memory_mb = {settings.memory_mb}"
        return {"error": f"the training ended without a result: {why}{limit}; its own words are on stderr"}
    found: dict[str, Any] = orjson.loads(lines[-1])
    return found
