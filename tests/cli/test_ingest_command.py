"""`shoplens ingest …` as it is typed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

import shoplens.cli.ingest  # noqa: F401 registers the command
from shoplens.cli.app import app
from shoplens.errors import ConfigurationError, StrictError
from shoplens.service.workspace import Workspace
from shoplens.store.sql import open_store

run = CliRunner()


@pytest.fixture
def shop(tmp_path: Path) -> str:
    Workspace.create(tmp_path / "shop")
    return str(tmp_path / "shop")


@pytest.fixture
def log(tmp_path: Path) -> str:
    path = tmp_path / "log.csv"
    path.write_text("who,item_id,event_type,timestamp\nann,tea,view,1700000000\nbob,,view,1700000001\n")
    return str(path)


def test_json_is_one_object_on_stdout(shop: str, log: str) -> None:
    done = run.invoke(app, ["ingest", "events", log, "-w", shop, "--map", "user_id=who", "--json"])
    assert done.exit_code == 0, done.output
    result = json.loads(done.stdout)
    assert (result["stored"], result["refused"], result["new_people"]) == (1, 1, 1)
    assert result["report"] == str(Path(shop) / "ingest-report.jsonl")
    assert len((Path(shop) / "ingest-report.jsonl").read_text().splitlines()) == 2


def test_people_read_a_table(shop: str, log: str) -> None:
    done = run.invoke(app, ["ingest", "events", log, "-w", shop, "--map", "user_id=who"])
    assert "missing item" in done.stdout
    assert "stubs" in done.stdout
    again = run.invoke(app, ["ingest", "events", log, "-w", shop, "--map", "user_id=who"])
    assert "imported before" in again.output


def test_standard_input(shop: str, log: str) -> None:
    text = Path(log).read_bytes().replace(b"who", b"user_id")
    done = run.invoke(app, ["ingest", "events", "-", "-w", shop, "--json"], input=text)
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["files"][0]["file"] == "standard input"


def test_products_and_people(shop: str, tmp_path: Path) -> None:
    feed, people = tmp_path / "feed.csv", tmp_path / "people.csv"
    feed.write_text("item_id,title,price\ntea,Tea,3.50\n")
    people.write_text("user_id,age\nann,41\n")
    done = run.invoke(app, ["ingest", "products", str(feed), "-w", shop, "--currency", "EUR", "--json"])
    assert json.loads(done.stdout)["changed"] == 1, done.output
    done = run.invoke(app, ["ingest", "people", str(people), "-w", shop, "--json"])
    assert json.loads(done.stdout)["changed"] == 1, done.output


@pytest.mark.parametrize("flags", [[], ["--json"]])
def test_a_log_without_a_row_that_can_be_used_is_refused(shop: str, tmp_path: Path, flags: list[str]) -> None:
    path = tmp_path / "log.csv"
    path.write_text("user_id,item_id,event_type,timestamp\nann,tea,view,soon\nbob,tea,view,01/02/2024\n")
    done = run.invoke(app, ["ingest", "events", str(path), "-w", shop, *flags])
    assert done.exit_code == 1
    said = " ".join(done.output.split())
    assert "every row was refused" in said
    assert "ingest-report.jsonl" in said
    assert "ISO 8601" in said


def test_a_feed_without_a_row_that_can_be_used_is_refused(shop: str, tmp_path: Path) -> None:
    path = tmp_path / "feed.csv"
    path.write_text("item_id,title\n,Tea\n,Milk\n")
    done = run.invoke(app, ["ingest", "products", str(path), "-w", shop])
    assert done.exit_code == 1
    said = " ".join(done.output.split())
    assert "every row was refused" in said
    assert "ISO 8601" not in said


def test_a_shop_says_what_its_own_names_of_event_types_mean(shop: str, tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_text(
        "user_id,item_id,event_type,timestamp\nann,tea,Gekauft,1700000000\nann,tea,angesehen,1700000001\n"
        "bob,tea,gesehen,1700000002\nbob,tea,view,1700000003\n"
    )
    done = run.invoke(app, ["ingest", "events", str(path), "-w", shop])
    assert "--event purchase=gekauft" in " ".join(done.output.split())
    named = ["--event", "purchase=gekauft", "--event", "view=angesehen", "--event", "view=gesehen"]
    done = run.invoke(app, ["ingest", "events", str(path), "-w", shop, *named, "--json"])
    assert json.loads(done.stdout)["stored"] == 3, done.output
    assert "--event" not in done.stderr
    store = open_store(Workspace.open(Path(shop)).database_url)
    events = store.events.history(user_id="ann", limit=9)
    store.close()
    assert {event.event_type for event in events} == {"purchase", "view"}


def test_strict_refuses(shop: str, log: str) -> None:
    done = run.invoke(app, ["ingest", "events", log, "-w", shop, "--map", "user_id=who", "--strict"])
    assert isinstance(done.exception, StrictError)


@pytest.mark.parametrize(
    "wrong",
    [
        ["--map", "user_id"],
        ["--map", "user_id=a", "--map", "user_id=b"],
        ["--type", "glance"],
        ["--event", "kauf=gekauft"],
        ["--event", "purchase"],
        ["--event", "view=x", "--event", "cart=X"],
    ],
)
def test_wrong_options_are_named(shop: str, log: str, wrong: list[str]) -> None:
    done = run.invoke(app, ["ingest", "events", log, "-w", shop, *wrong])
    assert isinstance(done.exception, ConfigurationError)
    assert wrong[0] in str(done.exception)


def test_no_workspace_says_how_to_make_one(tmp_path: Path, log: str) -> None:
    done = run.invoke(app, ["ingest", "events", log, "-w", str(tmp_path)])
    assert "shoplens init" in str(done.exception)


@pytest.mark.parametrize("kind", ["products", "events"])
def test_a_mapping_to_no_field_names_those_there_are(shop: str, tmp_path: Path, kind: str) -> None:
    feed = tmp_path / "cn.csv"
    feed.write_text("商品编号,商品名称,品牌\n1,茶壶,a\n", encoding="utf-8")
    for wrong, hint in (("nonsense=品牌", "known: "), ("item_idd=品牌", "did you mean item_id?")):
        done = run.invoke(app, ["ingest", kind, str(feed), "-w", shop, "--map", wrong])
        assert isinstance(done.exception, ConfigurationError)
        assert hint in str(done.exception)


def test_a_refused_file_is_reported_and_the_exit_code_says_so(shop: str, tmp_path: Path) -> None:
    folder = tmp_path / "feeds"
    folder.mkdir()
    (folder / "a.csv").write_text("item_id,title\na,Tea\n")
    (folder / "notes.pdf").write_bytes(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n")
    done = run.invoke(app, ["ingest", "products", str(folder), "-w", shop, "--json"])
    assert done.exit_code == 1
    result = json.loads(done.stdout)
    assert (result["changed"], [one["status"] for one in result["files"]]) == (1, ["imported", "refused"])
    shown = run.invoke(app, ["ingest", "products", str(folder), "-w", shop])
    assert shown.exit_code == 1
    assert "refused" in shown.output
