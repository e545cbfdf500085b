"""`shoplens models list` and `prepare`."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest
from typer.testing import CliRunner

from shoplens.cli import init as _other  # noqa: F401 - with a single command typer expects no command name
from shoplens.cli import models as _command  # noqa: F401 - registers the command
from shoplens.cli.app import app
from shoplens.service import extras
from shoplens.service.workspace import Workspace

PROJECT = Path(__file__).parents[2] / "pyproject.toml"


def test_list_names_all_parts_and_extras() -> None:
    known = json.loads(CliRunner().invoke(app, ["models", "list", "--json"], catch_exceptions=False).stdout)
    assert {"efficientnet-lite2", "colour", "frames", "whisper-base", "hub:", "endpoint:"} <= set(known["encoders"])
    assert {"rapidocr", "whisper-base"} <= set(known["recognisers"])
    assert set(known["extras"]) == set(extras.EXTRAS)
    assert "extra speech" in CliRunner().invoke(app, ["models", "list"], catch_exceptions=False).stdout


def test_extras_are_those_of_the_project() -> None:
    declared = tomllib.loads(PROJECT.read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    assert set(extras.EXTRAS) == set(declared) - {"dev", "bench"}


def test_prepare_loads_what_is_configured_and_says_what_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from shoplens.encoders import whisper

    Workspace.create(tmp_path, encoders={"text": "hashed-ngrams", "image": "off", "video": "off", "ocr": "off"})
    monkeypatch.setattr(whisper, "find_spec", lambda name: None)
    command = ["models", "prepare", "--workspace", str(tmp_path), "--json"]
    done = json.loads(CliRunner().invoke(app, command, catch_exceptions=False).stdout)
    assert set(done["seconds"]) == {"hashed-ngrams", "colour"}
    assert set(done["left_out"]) == {"audio", "speech"}
    assert "shoplens[speech]" in done["left_out"]["audio"]
    one = json.loads(CliRunner().invoke(app, [*command, "--encoder", "colour"], catch_exceptions=False).stdout)
    assert set(one["seconds"]) == {"colour"}
