"""What somebody asked `shoplens schedule` to do, in `jobs.json`: train now, write a backup.

Whoever serves never does such work itself: it would cost its answers memory and time. It writes down what is wanted;
the process that looks after the workspace does it at its next look, one after the other, and says what came of it.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Collection
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, get_args

from filelock import FileLock, Timeout

from shoplens.domain.moments import told
from shoplens.errors import InputError, NotFoundError, did_you_mean
from shoplens.service.backup import FOLDERS
from shoplens.service.shared_file import SharedFile

FILE = "jobs.json"
KEPT = 100  # jobs; ended ones go first
What = Literal["train", "backup"]
State = Literal["waiting", "running", "done", "failed"]
UNATTENDED = "nobody looks after this workspace now: it is done once shoplens schedule runs"


@dataclass(frozen=True, slots=True)
class Job:
    """One thing that was asked for. Times in microseconds since 1970, 0: not yet."""

    job_id: str
    what: What
    state: State = "waiting"
    asked: int = 0
    began: int = 0
    ended: int = 0
    outcome: str = ""  # a sentence
    without: list[str] = field(default_factory=list)  # of a backup: folders that are left out

    @property
    def open(self) -> bool:
        """Whether it has not ended."""
        return self.state in ("waiting", "running")

    def as_dict(self) -> dict[str, Any]:
        """As it is told."""
        times = {name: told(at) if (at := getattr(self, name)) else None for name in ("asked", "began", "ended")}
        return asdict(self) | times


class Jobs:
    """Jobs of a workspace. Processes share the file. Safe between threads."""

    def __init__(self, root: Path, bundles: Path) -> None:
        self._file: SharedFile[dict[str, Job]] = SharedFile(root / FILE, _read, {}, lenient=True)
        self._attended = bundles / ".schedule.lock"

    def ask(self, what: str, *, without: Collection[str] = ()) -> Job:
        """Want this done. The same that waits already is not asked for twice: its job is returned. InputError for what
        there is not."""
        if what not in get_args(What):
            raise InputError(f"{what!r} is no job; what can be asked for is {', '.join(get_args(What))}")
        wrong = sorted(set(without) - set(FOLDERS)) if what == "backup" else sorted(without)
        if wrong:
            raise InputError(f"without {wrong[0]!r}: a backup may leave out {', '.join(FOLDERS)}, a training nothing")
        wanted = Job(secrets.token_hex(6), what, asked=_now(), without=sorted(set(without)))  # type: ignore[arg-type]
        with self._file.changing():
            for job in self._file.content.values():
                if job.state == "waiting" and (job.what, job.without) == (wanted.what, wanted.without):
                    return job
            self._write({**self._file.content, wanted.job_id: wanted})
        return wanted

    def listed(self) -> list[Job]:
        """All that is kept, newest first. StoreUnavailableError while the file cannot be read."""
        self._file.follow()
        return sorted(self._file.checked().values(), key=lambda job: job.asked, reverse=True)

    def get(self, job_id: str) -> Job:
        """One job. NotFoundError when it is not known, or no more."""
        for job in self.listed():
            if job.job_id == job_id:
                return job
        hint = did_you_mean(job_id, list(self._file.content))
        raise NotFoundError(f"no job {job_id!r}; {hint}the latest {KEPT} are kept, see: shoplens jobs list")

    @property
    def attended(self) -> bool:
        """Whether a process that does jobs runs now."""
        lock = FileLock(self._attended)
        try:
            self._attended.parent.mkdir(parents=True, exist_ok=True)
            lock.acquire(timeout=0)
        except Timeout:
            return True
        lock.release()
        return False

    def begin(self) -> Job | None:
        """The one that waits longest, which is running now; for the process that looks after the workspace."""
        if not any(job.state == "waiting" for job in reversed(self.listed())):
            return None
        with self._file.changing():
            waiting = [job for job in self._file.content.values() if job.state == "waiting"]
            if not waiting:
                return None
            job = replace(min(waiting, key=lambda job: job.asked), state="running", began=_now())
            self._write({**self._file.content, job.job_id: job})
        return job

    def end(self, job: Job, outcome: str, *, failed: bool = False) -> Job:
        """What came of it."""
        ended = replace(job, state="failed" if failed else "done", ended=_now(), outcome=outcome)
        with self._file.changing():
            self._write({**self._file.content, job.job_id: ended})
        return ended

    def put_back(self, job: Job) -> None:
        """It could not be done now, and waits again."""
        with self._file.changing():
            self._write({**self._file.content, job.job_id: replace(job, state="waiting", began=0)})

    def give_up(self) -> None:
        """Jobs that run nowhere: whoever did them was ended. For a process that begins to look after the workspace."""
        for job in self.listed():
            if job.state == "running":
                self.end(job, "the process that did it was ended; ask again", failed=True)

    def _write(self, jobs: dict[str, Job]) -> None:
        newest = sorted(jobs.values(), key=lambda job: (job.open, job.asked), reverse=True)[:KEPT]
        self._file.write([asdict(job) for job in newest])


def _read(entries: list[dict[str, Any]]) -> dict[str, Job]:
    return {job.job_id: job for job in (Job(**entry) for entry in entries)}


def _now() -> int:
    return int(time.time() * 1e6)
