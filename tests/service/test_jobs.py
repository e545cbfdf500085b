"""What is asked of the process that looks after a shop."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from shoplens.cli import jobs as _jobs  # noqa: F401 - registers its commands
from shoplens.cli.app import app
from shoplens.errors import InputError, StoreUnavailableError
from shoplens.service.jobs import FILE, KEPT, Jobs
from shoplens.service.journal import Entry
from shoplens.service.schedule import Schedule
from shoplens.service.workspace import Workspace
from shoplens.store.sql import open_store
from shoplens.testing.tiny_shop import tiny_shop


@pytest.fixture
def jobs(tmp_path: Path) -> Jobs:
    return Jobs(tmp_path, tmp_path / "bundles")


def test_jobs_are_done_in_turn_and_never_twice(jobs: Jobs, tmp_path: Path) -> None:
    first, other = jobs.ask("train"), jobs.ask("backup")
    assert jobs.ask("train") == first
    elsewhere = Jobs(tmp_path, tmp_path / "bundles")
    running = elsewhere.begin()
    assert running is not None
    assert (running.job_id, running.state) == (first.job_id, "running")
    assert jobs.ask("train").job_id != first.job_id, "what runs already may have begun before the newest events came"
    second = elsewhere.begin()
    assert second is not None
    assert second.job_id == other.job_id
    elsewhere.end(second, "well")
    assert jobs.get(other.job_id).outcome == "well"
    jobs.give_up()
    assert (jobs.get(first.job_id).state, [one.state for one in jobs.listed()].count("waiting")) == ("failed", 1)


def test_the_latest_are_kept(jobs: Jobs) -> None:
    waiting = jobs.ask("train")
    for _ in range(KEPT + 3):
        jobs.ask("backup")
        jobs.end(next(one for one in jobs.listed() if one.what == "backup" and one.open), "well")
    assert len(jobs.listed()) == KEPT
    assert jobs.get(waiting.job_id) == waiting


def test_a_damaged_file_is_said(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text("{")
    jobs = Jobs(tmp_path, tmp_path / "bundles")
    with pytest.raises(StoreUnavailableError, match="put it right"):
        jobs.ask("train")
    with pytest.raises(InputError):
        jobs.ask("restore")
    workspace = Workspace.create(tmp_path / "shop")
    (workspace.root / FILE).write_text("{")
    store = open_store(workspace.database_url)
    keeper = Schedule(workspace, store)
    try:
        assert keeper.do_jobs() == [], "who trains and takes back goes on without"
    finally:
        keeper.close()
        store.close()


def test_between_two_jobs_the_bundle_is_watched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    workspace = Workspace.create(tmp_path / "shop")
    store = open_store(workspace.database_url)
    keeper = Schedule(workspace, store, train=lambda *_: {"error": "not now"})
    returned = Entry("rolled_back", "clicked less", "b2", "b1")
    monkeypatch.setattr(keeper, "take_back", lambda: returned)
    try:
        keeper.jobs.ask("train")
        keeper.jobs.ask("backup")
        assert [one.what for one in keeper.do_jobs()] == ["rolled_back"]
    finally:
        keeper.close()
        store.close()


def test_the_schedule_does_what_was_asked(tmp_path: Path) -> None:
    workspace = Workspace.create(tmp_path / "shop", schedule={"keep_backups": 1})
    store = open_store(workspace.database_url)
    tiny_shop().fill(store)
    trained: list[int] = []

    def train(_workspace: Workspace, since: int) -> dict[str, Any]:
        trained.append(since)
        return {"error": "it wanted more memory"}

    keeper = Schedule(workspace, store, train=train)
    try:
        for what in ("train", "backup"):
            keeper.jobs.ask(what)
        (entry,) = keeper.do_jobs()
        assert (entry.what, entry.reason, len(trained)) == ("failed", "asked for", 1)
        keeper.jobs.ask("backup", without=["features"])
        assert keeper.do_jobs() == []
        backup, first, training = keeper.jobs.listed()
        assert [one.state for one in (backup, first, training)] == ["done", "done", "failed"]
        assert "more memory" in training.outcome
        (file,) = (workspace.root / "backups").iterdir()
        assert backup.job_id in file.name, "older ones give way"
        assert file.stat().st_mode & 0o077 == 0
        assert keeper.jobs.attended
    finally:
        keeper.close()
        store.close()
    assert not keeper.jobs.attended


def test_the_commands(tmp_path: Path) -> None:
    Workspace.create(tmp_path)

    def run(*words: str) -> str:
        result = CliRunner().invoke(app, ["jobs", *words, "-w", str(tmp_path)], catch_exceptions=False)
        assert result.exit_code == 0, result.output
        return result.stdout

    assert "nothing was asked for" in run("list")
    asked = json.loads(run("ask", "backup", "--without", "media", "--json"))
    assert (asked["state"], asked["without"], "shoplens schedule" in asked["note"]) == ("waiting", ["media"], True)
    assert asked["job_id"] in run("ask", "backup", "--without", "media")
    assert "waiting" in run("list")
    assert [one["job_id"] for one in json.loads(run("list", "--json"))["jobs"]] == [asked["job_id"]]
    with pytest.raises(InputError, match="train, backup"):
        run("ask", "restore")
