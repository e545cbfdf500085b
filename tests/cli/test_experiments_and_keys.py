"""`shoplens experiments` and `shoplens keys` at the terminal."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from shoplens.cli import experiments, keys  # noqa: F401 - adds the commands
from shoplens.cli.app import app
from shoplens.errors import NotFoundError, ShoplensError
from shoplens.service.workspace import Workspace


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    Workspace.create(tmp_path / "shop")
    return tmp_path / "shop"


def call(*words: str) -> Result:
    return CliRunner().invoke(app, list(words))


def told(*words: str) -> Any:
    answer = call(*words, "--json")
    assert answer.exit_code == 0, answer.output
    return json.loads(answer.stdout)


def test_an_experiment_from_beginning_to_end(shop: Path) -> None:
    where = ("--workspace", str(shop))
    assert "no experiments yet" in call("experiments", "list", *where).stdout
    arms = ("--arm", "now=0.5", "--arm", "varied=0.5,diversity=0.3")
    begun = told("experiments", "start", "lists", *arms, "--audience", "0.2", "--note", "更丰富的列表", *where)
    assert [arm["diversity"] for arm in begun["arms"]] == [None, 0.3]
    assert told("experiments", "list", *where)["experiments"] == [begun]
    assert "runs" in call("experiments", "list", *where).stdout
    figures = told("experiments", "show", "lists", *where)
    assert [arm["people"] for arm in figures["arms"]] == [0, 0]
    assert not figures["mismatch"]
    assert "varied" in call("experiments", "show", "lists", *where).stdout
    assert told("experiments", "stop", "lists", *where)["stopped"] is not None


@pytest.mark.parametrize(
    ("arms", "said"),
    [
        (["a=0.5", "b=half"], "NAME=SHARE"),
        (["a=0.5", "b=0.5,colour=red"], "there is no colour"),
        (["a=0.5", "b=0.5,bundel=x"], "bundle?"),
        (["a=0.5", "b=0.5,diversity=much"], "diversity is a number"),
        (["a=0.5"], "1 arms"),
        (["a=0.5", "b=0.6"], "sum to 1"),
        (["a=0.5", "b=0.5,bundle=nope"], "no bundle 'nope'"),
        (["A=0.5", "b=0.5"], "small letters"),
    ],
)
def test_arms_that_make_no_sense(shop: Path, arms: list[str], said: str) -> None:
    given = [word for arm in arms for word in ("--arm", arm)]
    answer = call("experiments", "start", "x", *given, "--workspace", str(shop))
    assert answer.exit_code != 0
    error = answer.exception
    assert said in (str(error) if isinstance(error, ShoplensError) else " ".join(answer.output.split()))
    assert told("experiments", "list", "--workspace", str(shop)) == {"experiments": []}


def test_keys_are_told_once(shop: Path) -> None:
    where = ("--workspace", str(shop))
    assert "no keys yet" in call("keys", "list", *where).stdout
    key = told("keys", "create", "storefront", "--role", "write", "--per-minute", "60", *where)["key"]
    (kept,) = told("keys", "list", *where)["keys"]
    assert (kept["name"], kept["role"], kept["per_minute"]) == ("storefront", "write", 60)
    assert key not in call("keys", "list", *where).stdout
    assert call("keys", "create", "mail", *where).stdout.startswith("sl_")
    assert told("keys", "revoke", "storefront", *where) == {"revoked": "storefront"}
    assert [one["name"] for one in told("keys", "list", *where)["keys"]] == ["mail"]
    with pytest.raises(NotFoundError, match=r"did you mean mail\?"):
        CliRunner().invoke(app, ["keys", "revoke", "mails", *where], catch_exceptions=False)
    assert "read, write, admin" in " ".join(call("keys", "create", "x", "--role", "boss", *where).output.split())
    assert call("keys", "create", "x", "--role", "boss", *where).exit_code == 2
    told("keys", "revoke", "mail", *where)
    assert "answers nobody" in " ".join(call("keys", "list", *where).stdout.split())


def test_keys_of_some_scopes_alone(shop: Path) -> None:
    where = ("--workspace", str(shop))
    scopes = ("--scope", "shop", "--scope", "events")
    assert told("keys", "create", "storefront", "--role", "write", *scopes, *where)["scopes"] == ["shop", "events"]
    assert told("keys", "create", "old", *where)["scopes"] is None
    assert [one["scopes"] for one in told("keys", "list", *where)["keys"]] in (
        [["events", "shop"], None],
        [None, ["events", "shop"]],
    )
    assert "everywhere" in call("keys", "list", *where).stdout
    refused = call("keys", "create", "x", "--scope", "everything", *where)
    assert refused.exit_code == 2
    assert "shop, events" in " ".join(refused.output.split())


def test_arms_with_settings_of_their_own(shop: Path, tmp_path: Path) -> None:
    where = ("--workspace", str(shop))
    arms = (
        "--arm",
        "now=0.5",
        "--arm",
        "b=0.5,scenario=home,sources.model=1,sources.new=0.5,exploration=0.1,per_brand=2",
    )
    begun = told("experiments", "start", "mixed", *arms, *where)["arms"][1]
    assert (begun["scenario"], begun["exploration"], begun["per_brand"]) == ("home", 0.1, 2)
    assert begun["sources"] == {"model": 1.0, "new": 0.5}
    file = tmp_path / "arms.json"
    lifted = {"boost": [{"filter": {"field": "brand", "eq": "Acme"}, "by": 0.5}], "margin": {"attribute": "margin"}}
    file.write_text(json.dumps([{"name": "now", "share": 0.5}, {"name": "b", "share": 0.5, **lifted}]))
    begun = told("experiments", "start", "lifted", "--arms", str(file), *where)["arms"][1]
    assert (begun["boost"], begun["margin"]["by"]) == (lifted["boost"], 0.3)
    for words, why in (
        ((), "--arms FILE"),
        (("--arms", str(file), "--arm", "a=1"), "--arms FILE"),
        (("--arms", str(tmp_path / "none.json")), "cannot be read"),
        (("--arm", "a=0.5,explore=1", "--arm", "b=0.5"), "did you mean exploration"),
    ):
        answer = call("experiments", "start", "x", *words, *where)
        assert answer.exit_code == 2
        assert why in " ".join(answer.output.replace("│", " ").split())
