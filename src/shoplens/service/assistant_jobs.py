"""Learning and evaluating beside a running server: in a process of their own, one at a time for a workspace.

    python -m shoplens.service.assistant_jobs WORKSPACE JOB

What a job is to do lies in `runs/assistant/JOB.json`, and so does what became of it, so that every server process tells
it. What was sent goes with the end of the job.
"""

from __future__ import annotations

import os
import re
import secrets
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

import orjson
from filelock import FileLock, Timeout

from shoplens.errors import ConflictError, InputError, NotFoundError, ShoplensError
from shoplens.files import replaced
from shoplens.service.workspace import Workspace

Kind = Literal["learn", "evaluate"]
JobState = Literal["running", "done", "failed"]
KEPT = 20  # jobs whose result is kept
START_SECONDS = 60.0  # in which the process must have begun: it imports a lot
SENT = ".sent.jsonl"  # file name's end of what was sent with a job
POLITE = 5  # niceness: those who are served go first
_NAME = re.compile(r"^[0-9]{13}-[0-9a-f]{8}$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One piece of work, and what became of it."""

    job_id: str
    kind: Kind
    state: JobState
    started: int  # microseconds since 1970, UTC
    ended: int | None = None
    options: Mapping[str, bool] | None = None  # add, split
    result: Mapping[str, Any] | None = None  # what the command prints with --json
    error: str = ""


class AssistantJobs:
    """Of one workspace. Safe to share between threads and processes."""

    def __init__(self, workspace: Workspace) -> None:
        self._root = workspace.root
        self._folder = workspace.runs / "assistant"

    def start(self, kind: Kind, examples: Sequence[Mapping[str, Any]], **options: bool) -> Job:
        """Begin; it goes on by itself. `examples`: rows as of the command's file; learning takes up corrections without
        any. ConflictError while another one goes on; InputError when there is nothing to evaluate."""
        if kind == "evaluate" and not examples:
            raise InputError("examples: send what to evaluate: utterance, and intent, answer or source")
        self._folder.mkdir(parents=True, exist_ok=True)
        with FileLock(self._folder / ".starting"):  # two workers that are asked at once do not both begin
            job = self._begun(kind, examples, options)
        begin(self._root, job.job_id)
        return job

    def _begun(self, kind: Kind, examples: Sequence[Mapping[str, Any]], options: Mapping[str, bool]) -> Job:
        running = next((one for one in self.latest() if one.state == "running"), None)
        if running is not None:
            raise ConflictError(f"job {running.job_id} goes on: one at a time; ask for it, and come again")
        for left in self._folder.glob("*" + SENT):  # nothing runs: whoever was killed left what customers wrote
            left.unlink(missing_ok=True)
        now = time.time()
        name = f"{int(now * 1e3):013d}-{secrets.token_hex(4)}"
        job = Job(job_id=name, kind=kind, state="running", started=int(now * 1e6), options=options)
        if examples:
            with replaced(_sent(self._folder, name)) as file:
                file.writelines(orjson.dumps(one) + b"\n" for one in examples)
        return _keep(self._folder, job)

    def get(self, job_id: str) -> Job:
        """One job as it is now. NotFoundError when there is none, or it is too old."""
        file = self._folder / f"{job_id}.json"
        if not _NAME.match(job_id) or not file.is_file():
            raise NotFoundError(f"no job {job_id!r}; the latest {KEPT} are kept")
        return self._now(_read(file))

    def latest(self) -> list[Job]:
        """Jobs, the latest first; older ones are forgotten."""
        files = sorted(self._folder.glob("*-*.json"), reverse=True)
        for old in files[KEPT:]:
            old.unlink(missing_ok=True)
        return [self._now(_read(file)) for file in files[:KEPT]]

    def _now(self, job: Job) -> Job:
        """Whoever was killed says nothing: then its lock is free."""
        if job.state != "running" or time.time() - job.started / 1e6 < START_SECONDS:
            return job
        try:
            with FileLock(_lock(self._folder), timeout=0):
                job = _read(self._folder / f"{job.job_id}.json")
        except Timeout:
            return job
        if job.state != "running":
            return job
        _sent(self._folder, job.job_id).unlink(missing_ok=True)
        return _keep(self._folder, _failed(job, "its process was ended before it was done"))


def begin(root: Path, job_id: str) -> None:
    """Have it done by a process of its own, which nobody waits for."""
    command = [sys.executable, "-m", "shoplens.service.assistant_jobs", str(root), job_id]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)  # noqa: S603 - ourselves
    threading.Thread(target=process.wait, name="shoplens-job", daemon=True).start()  # no zombie stays


def work(root: Path, job_id: str) -> Job:
    """Do it, in this process. ConflictError while another one goes on."""
    workspace = Workspace.open(root)
    folder = workspace.runs / "assistant"
    job = _read(folder / f"{job_id}.json")
    sent = _sent(folder, job_id)
    try:
        with FileLock(_lock(folder), timeout=1):  # who only asks whether somebody holds it, holds it for a moment
            done = _done(workspace, job, str(sent) if sent.is_file() else None)
            return _keep(folder, done)
    except Timeout:
        return _keep(folder, _failed(job, "another job goes on"))
    finally:
        sent.unlink(missing_ok=True)


def _done(workspace: Workspace, job: Job, file: str | None) -> Job:
    options = dict(job.options or {})
    try:
        result = _learnt(workspace, file, options) if job.kind == "learn" else _evaluated(workspace, file, options)
    except ShoplensError as error:
        return _failed(job, str(error))
    except Exception as error:  # who asks must hear of it; the log has the rest
        _keep(workspace.runs / "assistant", _failed(job, f"unexpected: {type(error).__name__}"))
        raise
    return replace(job, state="done", ended=int(time.time() * 1e6), result=result)


def _learnt(workspace: Workspace, file: str | None, options: Mapping[str, bool]) -> dict[str, Any]:
    from shoplens.service.assistant_learning import learn_assistant
    from shoplens.store.sql import open_store

    store = open_store(workspace.database_url)
    try:
        return learn_assistant(workspace, store, file, add=options.get("add", False)).as_dict()
    finally:
        store.close()


def _evaluated(workspace: Workspace, file: str | None, options: Mapping[str, bool]) -> dict[str, Any]:
    from shoplens.service.assistant_evaluation import evaluate_assistant

    return evaluate_assistant(workspace, file or "", split=options.get("split", False))


def _failed(job: Job, why: str) -> Job:
    return replace(job, state="failed", ended=int(time.time() * 1e6), error=why)


def _keep(folder: Path, job: Job) -> Job:
    with replaced(folder / f"{job.job_id}.json") as file:
        file.write(orjson.dumps(asdict(job), option=orjson.OPT_SERIALIZE_NUMPY))
    return job


def _read(file: Path) -> Job:
    return Job(**orjson.loads(file.read_bytes()))


def _sent(folder: Path, job_id: str) -> Path:
    return folder / f"{job_id}{SENT}"


def _lock(folder: Path) -> Path:
    return folder / ".lock"


if __name__ == "__main__":
    os.nice(POLITE)
    work(Path(sys.argv[1]), sys.argv[2])
