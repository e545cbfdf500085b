"""Commands meet names that look like markup, empty names and places that cannot be used."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from shoplens.cli import main
from shoplens.domain.catalogue import Product
from shoplens.service.workspace import Workspace
from shoplens.store.sql import open_store


def _run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["shoplens", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


def test_titles_that_look_like_markup_are_shown_as_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    workspace = Workspace.create(tmp_path)
    store = open_store(workspace.database_url)
    store.catalogue.upsert(
        [Product(item_id="1", title="Cable [usb] 2m"), Product(item_id="2[/b]", title="Lamp [/red]")]
    )
    store.close()
    assert _run(monkeypatch, "recommend", "a[/b]", "-w", str(tmp_path)) == 0
    shown = capsys.readouterr().out
    assert "[usb]" in shown
    assert "[/red]" in shown


def test_refusals_quote_names_as_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Workspace.create(tmp_path)
    assert _run(monkeypatch, "similar", "x[red]y[/z]", "-w", str(tmp_path)) == 1
    assert "x[red]y[/z]" in capsys.readouterr().err.replace("\n", "")


def test_a_file_is_no_workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "feed.xml").write_text("<rss/>")
    assert _run(monkeypatch, "init", str(tmp_path / "feed.xml")) == 1


def test_a_database_that_cannot_be_used_is_refused_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert _run(monkeypatch, "init", str(tmp_path / "new"), "--database-url", "wat://x") == 1
    assert not (tmp_path / "new").exists()


def test_broken_toml_is_refused_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "shoplens.toml").write_text("broken = [")
    assert _run(monkeypatch, "doctor", "-w", str(tmp_path)) == 1
    assert "shoplens.toml" in capsys.readouterr().err.replace("\n", "")


def test_an_empty_user_is_wrong_usage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Workspace.create(tmp_path)
    assert _run(monkeypatch, "recommend", "", "-w", str(tmp_path)) == 2
